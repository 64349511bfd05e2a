package webhooks

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// The paths and sources of SendGrid's webhooks (DESIGN 9).
const (
	SendGridEventsPath  = "/webhooks/sendgrid/events"
	SendGridInboundPath = "/webhooks/sendgrid/inbound"

	sourceGridEvents  = "sendgrid_events"
	sourceGridInbound = "sendgrid_inbound"

	headerGridSignature = "X-Twilio-Email-Event-Webhook-Signature"
	headerGridTime      = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// Limits of SendGrid's requests: it posts at most 768 kB of events at once, and mails of
// 30 MB with their attachments.
const (
	maxGridEvents  = 8 << 20
	maxGridInbound = 32 << 20
	maxEvents      = 20000
)

var (
	gridEvent   = regexp.MustCompile(`^[a-z_]{1,40}$`)
	gridMessage = regexp.MustCompile(`^[A-Za-z0-9._=-]{1,400}$`)
)

// gridRanks order what is said of a mail's way. A server may take a mail and bounce it
// later, so a bounce outranks the delivery.
var gridRanks = map[string]int{"processed": 10, "deferred": 20, "dropped": 30, "delivered": 40, "bounce": 50, "spamreport": 60}

// verifyGridEvents checks SendGrid's signature under any of the keys, and that it is fresh:
// the signature alone would let an old request in for ever.
func (s *Server) verifyGridEvents(r *http.Request, body []byte) bool {
	at := r.Header.Get(headerGridTime)
	return gridSigned(s.c.SendGridKeys, at, body, r.Header.Get(headerGridSignature)) && s.fresh(at, s.c.EventAge)
}

// gridSigned reports whether ECDSA P-256 over SHA-256 of timestamp and raw body is right
// under any of the keys.
func gridSigned(keys []*ecdsa.PublicKey, timestamp string, body []byte, signature string) bool {
	der, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || timestamp == "" || len(timestamp) > 32 {
		return false
	}
	h := sha256.New()
	h.Write([]byte(timestamp))
	h.Write(body)
	sum := h.Sum(nil)
	for _, key := range keys {
		if ecdsa.VerifyASN1(key, sum, der) {
			return true
		}
	}
	return false
}

// fresh reports whether a timestamp in seconds is not further from now than age.
func (s *Server) fresh(timestamp string, age time.Duration) bool {
	sec, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || sec < 0 || sec > 1<<40 {
		return false
	}
	return s.c.Now().Sub(time.Unix(sec, 0)).Abs() <= age
}

// verifyGridInbound takes what SendGrid signs by a security policy, or what carries one of
// our keys: as ?key=…, or as the password of the URL (https://duly:KEY@host/…).
func (s *Server) verifyGridInbound(r *http.Request, body []byte) bool {
	if r.Header.Get(headerGridSignature) != "" && s.verifyGridEvents(r, body) {
		return true
	}
	given := []string{r.URL.Query().Get("key")}
	if _, password, ok := r.BasicAuth(); ok {
		given = append(given, password)
	}
	ok := false
	for _, key := range s.c.InboundKeys {
		for _, g := range given {
			if key.IsSet() && subtle.ConstantTimeCompare([]byte(key.Reveal()), []byte(g)) == 1 {
				ok = true
			}
		}
	}
	return ok
}

// gridEventBody is what is read of an event. Members may be of any type: custom arguments
// of other programs stand beside SendGrid's own.
type gridEventBody struct {
	Event     text `json:"event"`
	ID        text `json:"sg_event_id"`
	Message   text `json:"sg_message_id"`
	Email     text `json:"email"`
	Type      text `json:"type"`
	Reason    text `json:"reason"`
	Status    text `json:"status"`
	Timestamp text `json:"timestamp"`
	Attempt   text `json:"duly_attempt"`
}

// text is a JSON string or number; anything else is empty.
type text string

// UnmarshalJSON implements json.Unmarshaler and never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	var str string
	var num json.Number
	switch {
	case len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &str) == nil:
		*t = text(str)
	case json.Unmarshal(b, &num) == nil:
		*t = text(num.String())
	}
	return nil
}

// parseGridEvents reads the events of a request, each for itself: one that cannot be read
// does not hold up the others.
func (s *Server) parseGridEvents(r Request) ([]Event, error) {
	var raw []json.RawMessage
	body := bytes.TrimSpace(r.Body)
	if len(body) > 0 && body[0] == '{' {
		raw = []json.RawMessage{body}
		if !json.Valid(body) {
			return nil, errMalformed
		}
	} else if err := json.Unmarshal(body, &raw); err != nil || len(raw) > maxEvents {
		return nil, errMalformed
	}
	events, seen := make([]Event, 0, len(raw)), map[string]bool{}
	for i, one := range raw {
		e := s.gridEvent(r, one)
		e.Part = i
		if !seen[e.ID] {
			seen[e.ID] = true
			events = append(events, e)
		}
	}
	return events, nil
}

func (s *Server) gridEvent(r Request, raw json.RawMessage) Event {
	var b gridEventBody
	if err := json.Unmarshal(raw, &b); err != nil || !gridEvent.MatchString(string(b.Event)) {
		return unreadable(Request{Source: r.Source, Body: raw})
	}
	kind := string(b.Event)
	id := string(b.ID)
	if id == "" || len(id) > 200 {
		id = digest(raw)
	}
	id += "/" + kind
	if kind == "account_status_change" {
		return Event{ID: id, Kind: kind, do: alarm("account_status:" + word(string(b.Type)))}
	}
	report := Report{
		ID: sourceGridEvents + "/" + id, Channel: dunning.Email, Attempt: string(b.Attempt), Narrow: kind == "group_unsubscribe",
		Means: s.c.SendGrid(kind, string(b.Type), string(b.Reason)), Status: "sendgrid:" + kind, Rank: gridRanks[kind],
		At: seconds(string(b.Timestamp), r.At), Code: gridCode(b), Address: strings.ToLower(strings.TrimSpace(string(b.Email))),
	}
	report.ProviderID, report.ProviderIDs = messageIDs(string(b.Message))
	if kind == "bounce" && report.Means == dunning.SoftBounced {
		report.Rank = 35 // blocked this time: a later delivery outranks it
	}
	return reportEvent(id, kind, report)
}

// alarm is an event about our account that a person must see.
func alarm(what string) func(context.Context, *Server) (Matched, error) {
	return func(context.Context, *Server) (Matched, error) { return Matched{Outcome: what, Nobody: true}, nil }
}

// gridCode is the short code of an event: its type or SMTP status, never its reason, which
// quotes addresses.
func gridCode(b gridEventBody) string {
	code := "sendgrid:" + string(b.Event)
	for _, more := range []string{word(string(b.Type)), smtpStatus(string(b.Status))} {
		if more != "" {
			code += ":" + more
		}
	}
	return code
}

var (
	wordShape = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
	smtpShape = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)
)

func word(s string) string {
	if s = strings.ToLower(s); wordShape.MatchString(s) {
		return s
	}
	return ""
}

func smtpStatus(s string) string {
	if smtpShape.MatchString(s) {
		return s
	}
	return ""
}

// seconds reads a Unix time; what is none is the instant of the receipt.
func seconds(s string, received time.Time) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > 1<<33 {
		return received
	}
	return time.Unix(n, 0).UTC()
}

// messageIDs are what sg_message_id may mean: it begins with the X-Message-Id that the
// hand-over was answered with, and either may contain dots. best is where SendGrid's own
// suffix usually starts; of all, the longest comes first.
func messageIDs(id string) (best string, all []string) {
	if !gridMessage.MatchString(id) {
		return "", nil
	}
	best = id
	for _, suffix := range []string{".filter", ".recvd"} {
		if i := strings.Index(id, suffix); i > 0 {
			best = id[:i]
			break
		}
	}
	for len(all) < 8 {
		all = append(all, id)
		i := strings.LastIndexByte(id, '.')
		if i <= 0 {
			break
		}
		id = id[:i]
	}
	return best, all
}

// unreadable is an event that only a person can make sense of.
func unreadable(r Request) Event {
	return Event{ID: "unreadable/" + digest(r.Body), Kind: "unreadable", do: func(context.Context, *Server) (Matched, error) {
		return Matched{}, &Refusal{Code: "malformed", Text: "the request cannot be read"}
	}}
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:", len(p)) // a hash takes everything
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}
