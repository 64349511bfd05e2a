// Package sendgrid sends email through SendGrid's v3 Mail Send API and, where
// the account has the Email Activity add-on, finds out later whether SendGrid
// took a mail whose answer was lost.
//
// It owns the request, the classes of SendGrid's refusals and the look-up. It
// does not own when or whether to send, retries, rate limits or webhooks. It
// never returns or prints an address, a text, or anything that SendGrid wrote.
package sendgrid

import (
	"context"
	netmail "net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/httpx"
)

// maxContent is SendGrid's limit for a whole mail (30 MB), far above ours: a
// dunning mail of more than 1 MB is a broken template.
const maxContent = 1 << 20

var (
	messageID = regexp.MustCompile(`^[A-Za-z0-9._=-]{1,200}$`)
	// attemptID keeps an attempt from breaking out of the activity query.
	attemptID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,200}$`)
)

// Adapter is the email channel. It may be used by many goroutines.
type Adapter struct {
	cfg       Config
	transport *httpx.Transport
	api       api
}

// New checks cfg and builds the adapter.
func New(cfg Config) (*Adapter, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	transport, err := httpx.New(httpx.Options{BaseURL: cfg.BaseURL, Timeout: cfg.Timeout, MaxConns: cfg.MaxConns})
	if err != nil {
		return nil, err
	}
	return &Adapter{cfg: cfg, transport: transport, api: thin{transport: transport, cfg: cfg}}, nil
}

// Live reports whether messages leave this machine.
func (a *Adapter) Live() bool { return a.transport.Live() }

// String names the adapter and where it sends to, without secrets.
func (a *Adapter) String() string { return "sendgrid at " + a.transport.Host() }

// Send hands m to SendGrid with exactly one request. The attempt id travels as
// custom_args.duly_attempt and comes back with every event.
func (a *Adapter) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	if out, bad := refuse(m); bad {
		return out
	}
	return outcome(a.api.mailSend(ctx, a.mail(m), m.At))
}

// refuse says no to what SendGrid would refuse, or would take and never
// deliver, before it costs a request.
func refuse(m dunning.Message) (dunning.Outcome, bool) {
	switch {
	case m.Channel != dunning.Email:
		return httpx.Refused(dunning.FailedConfig, "sendgrid:wrong_channel"), true
	case !attemptID.MatchString(m.Attempt):
		return httpx.Refused(dunning.FailedConfig, "sendgrid:no_attempt"), true
	case !isAddress(m.To):
		return httpx.Refused(dunning.FailedRecipient, "sendgrid:bad_address"), true
	case m.From != "" && !isAddress(m.From), m.ReplyTo != "" && !isAddress(m.ReplyTo):
		return httpx.Refused(dunning.FailedConfig, "sendgrid:bad_sender"), true
	case line(m.Subject) == "", strings.TrimSpace(m.Text) == "" && strings.TrimSpace(m.HTML) == "":
		return httpx.Refused(dunning.FailedContent, "sendgrid:empty"), true
	case len(m.Text)+len(m.HTML)+len(m.Subject) > maxContent:
		return httpx.Refused(dunning.FailedContent, "sendgrid:too_long"), true
	case !utf8.ValidString(m.Subject + m.Text + m.HTML):
		// JSON would replace the bad bytes silently, amounts included.
		return httpx.Refused(dunning.FailedContent, "sendgrid:not_utf8"), true
	case m.Hold != "" && !batchID.MatchString(m.Hold):
		return httpx.Refused(dunning.FailedConfig, "sendgrid:bad_batch"), true
	case !m.NotAfter.IsZero() && !leaves(m).Before(m.NotAfter):
		return httpx.Later("sendgrid:window_over", 0), true
	}
	return dunning.Outcome{}, false
}

// leaves is when a mail leaves SendGrid.
func leaves(m dunning.Message) time.Time {
	if m.Hold != "" {
		return m.At.Add(dunning.HeldFor)
	}
	return m.At
}

// isAddress accepts a bare address such as a@example.com: no display name, no
// list, no line break.
func isAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == "" && len(s) <= 254
}

// line makes a header value of s: control characters and line breaks become
// single spaces, so a debtor's name can never start a new header.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// mail builds the request body.
func (a *Adapter) mail(m dunning.Message) mail {
	out := mail{
		Personalizations: []personalization{{
			To:         []address{{Email: m.To, Name: line(m.ToName)}},
			CustomArgs: map[string]string{AttemptArg: m.Attempt},
		}},
		From:    address{Email: a.cfg.FromEmail, Name: line(m.FromName)},
		Subject: line(m.Subject),
	}
	if m.From != "" {
		out.From.Email = m.From
	}
	if m.Hold != "" {
		out.BatchID, out.SendAt = m.Hold, m.At.Add(dunning.HeldFor).Unix()
	}
	if m.ReplyTo != "" {
		out.ReplyTo = &address{Email: m.ReplyTo}
	}
	if m.Unsubscribe != "" { // RFC 8058: one click, one POST
		out.Headers = map[string]string{"List-Unsubscribe": "<" + m.Unsubscribe + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
	}
	// SendGrid wants text/plain before text/html.
	for _, c := range []content{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		if strings.TrimSpace(c.Value) != "" {
			out.Content = append(out.Content, c)
		}
	}
	return out
}

// outcome classifies SendGrid's answer.
func outcome(s sent) dunning.Outcome {
	if out, ok := httpx.Common(s.Answer); ok {
		return out
	}
	if s.Status < 300 {
		// 200 is sandbox mode, which sends nothing; 202 without an id did not
		// come from SendGrid, or cannot be tied to its events.
		if s.Status != 202 || !messageID.MatchString(s.MessageID) {
			return httpx.Unknown("sendgrid:no_message_id")
		}
		return dunning.Outcome{State: dunning.SendAccepted, ProviderID: s.MessageID}
	}
	return refused(s)
}

// refused classifies a 4xx: the mail was not taken. A 400 names the field that
// is wrong, and only the field (never the message text) decides.
func refused(s sent) dunning.Outcome {
	status := "http:" + strconv.Itoa(s.Status)
	if s.Status != 400 {
		return httpx.Refused(httpx.ByStatus(s.Status), status)
	}
	switch {
	case strings.HasPrefix(s.Field, "personalizations.0.to"):
		return httpx.Refused(dunning.FailedRecipient, "sendgrid:to")
	case strings.HasPrefix(s.Field, "from"), strings.HasPrefix(s.Field, "reply_to"):
		return httpx.Refused(dunning.FailedConfig, "sendgrid:from")
	}
	return httpx.Refused(dunning.FailedContent, status)
}

// Lookup asks the Email Activity API for the attempt. Found is proof; not
// found never is, because that feed lags by minutes to hours. Without the
// add-on nothing can be known.
func (a *Adapter) Lookup(ctx context.Context, m dunning.Message) dunning.Evidence {
	if !a.cfg.Activity || !attemptID.MatchString(m.Attempt) {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:no_activity"}
	}
	id, status, ok, again := a.api.activity(ctx, m.Attempt)
	if !ok || !messageID.MatchString(id) {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:not_listed", Again: again}
	}
	// The feed's id is that of the answer to the hand-over with more behind it.
	id, _, _ = strings.Cut(id, ".filter")
	id, _, _ = strings.Cut(id, ".recvd")
	code := "sendgrid:listed"
	if messageID.MatchString(status) {
		code = "sendgrid:" + status
	}
	return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: id, Code: code}
}
