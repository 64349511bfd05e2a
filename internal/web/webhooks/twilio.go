package webhooks

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
)

// The paths and sources of Twilio's webhooks (DESIGN 9).
const (
	TwilioStatusPath  = "/webhooks/twilio/status"
	TwilioInboundPath = "/webhooks/twilio/inbound"

	sourceTwilioStatus  = "twilio_status"
	sourceTwilioInbound = "twilio_inbound"
)

// maxTwilio is the most that Twilio posts: a text of 1,600 characters and metadata.
const maxTwilio = 256 << 10

var (
	twilioSID    = regexp.MustCompile(`^[A-Za-z0-9]{2,64}$`)
	twilioStatus = regexp.MustCompile(`^[a-z_]{1,32}$`)
)

// errMalformed is a request whose signature is right and which cannot be read all the same.
var errMalformed = errors.New("the request cannot be read")

// twilioRanks order the statuses of a message: a report only ever moves it up. Proof that
// it arrived outranks a failure, whichever came first.
var twilioRanks = map[string]int{
	"accepted": 10, "scheduled": 10, "queued": 20, "sending": 30, "sent": 40,
	"canceled": 50, "failed": 50, "undelivered": 50, "partially_delivered": 55, "delivered": 60, "read": 70,
}

// verifyTwilio checks the signature over the public address of the endpoint.
func (s *Server) verifyTwilio(path string, r *http.Request, body []byte) bool {
	address := s.c.PublicURL + path
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	signature := r.Header.Get("X-Twilio-Signature")
	if !isForm(r.Header.Get("Content-Type")) {
		return signedBody(s.c.TwilioTokens, address, body, signature)
	}
	form, err := url.ParseQuery(string(body))
	return err == nil && signedForm(s.c.TwilioTokens, address, form, signature)
}

func isForm(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// parseTwilioStatus reads a delivery report.
func (s *Server) parseTwilioStatus(r Request) ([]Event, error) {
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, errMalformed
	}
	sid, status := first(form, "MessageSid", "SmsSid"), first(form, "MessageStatus", "SmsStatus")
	code, err := errorCode(form.Get("ErrorCode"))
	if !twilioSID.MatchString(sid) || !twilioStatus.MatchString(status) || err != nil {
		return nil, errMalformed
	}
	id := sid + "/" + status
	if code != 0 {
		id += "/" + strconv.Itoa(code)
	}
	report := Report{
		ID: sourceTwilioStatus + "/" + id, Channel: dunning.SMS, Attempt: s.provenAttempt(r.Query), ProviderID: sid,
		Means: s.c.Twilio(status, code), Status: "twilio:" + status, Rank: twilioRanks[status], At: r.At, Address: plainNumber(form.Get("To")),
	}
	if code != 0 {
		report.Code = "twilio:" + strconv.Itoa(code)
	}
	return []Event{reportEvent(id, status, report)}, nil
}

// first is the value of the first name that has one.
func first(form url.Values, names ...string) string {
	for _, n := range names {
		if v := form.Get(n); v != "" {
			return v
		}
	}
	return ""
}

func errorCode(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > 999999) {
		err = errMalformed
	}
	return n, err
}

// provenAttempt is the attempt that a callback's address names, "" unless its token proves
// that we wrote it.
func (s *Server) provenAttempt(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	attempt, token := q.Get("a"), q.Get("t")
	if attempt == "" || !s.c.Token(attempt, token) {
		return ""
	}
	return attempt
}

// plainNumber takes the channel off an address such as whatsapp:+316….
func plainNumber(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		return address[i+1:]
	}
	return address
}

// parseTwilioInbound reads a text message from a debtor.
func (s *Server) parseTwilioInbound(r Request) ([]Event, error) {
	m, err := readText(r)
	if err != nil {
		return nil, errMalformed
	}
	return []Event{inboundEvent(strings.TrimPrefix(m.ID, sourceTwilioInbound+"/"), "sms", m)}, nil
}

// readText reads the message itself.
func readText(r Request) (Inbound, error) {
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return Inbound{}, ErrNoMessage
	}
	sid := first(form, "MessageSid", "SmsSid", "SmsMessageSid")
	from := plainNumber(form.Get("From"))
	if !twilioSID.MatchString(sid) || from == "" {
		return Inbound{}, ErrNoMessage
	}
	return Inbound{
		ID: sourceTwilioInbound + "/" + sid, Channel: dunning.SMS, From: from, To: plainNumber(form.Get("To")),
		Text: form.Get("Body"), Keyword: keyword(form.Get("OptOutType")), Received: r.At,
	}, nil
}

// keyword is what Twilio's Advanced Opt-Out took a message for.
func keyword(optOutType string) string {
	switch k := strings.ToUpper(strings.TrimSpace(optOutType)); k {
	case "STOP", "START", "HELP":
		return k
	}
	return ""
}

// reportEvent is the event of a delivery report. What keeps messages back is urgent. Other
// programs may send over the same account: reports of their messages concern nobody here.
func reportEvent(id, kind string, r Report) Event {
	urgent := r.Means != "" && r.Means != dunning.Delivered && r.Means != dunning.Taken
	return Event{ID: id, Kind: kind, urgent: urgent, foreign: true, patience: foreignTries, do: func(ctx context.Context, s *Server) (Matched, error) {
		if r.Means == "" && r.Rank == 0 {
			return Matched{Outcome: "ignored"}, nil
		}
		return s.p.Reports.Report(ctx, r)
	}}
}

// inboundEvent is the event of a debtor's message.
func inboundEvent(id, kind string, m Inbound) Event {
	return Event{ID: id, Kind: kind, urgent: true, do: func(ctx context.Context, s *Server) (Matched, error) {
		return s.p.Answers.Inbound(ctx, m)
	}}
}
