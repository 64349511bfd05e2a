// Package twilio sends SMS through Twilio's Messages API (2010-04-01) and
// finds out later whether Twilio took a message whose answer was lost.
//
// It owns the request, the classes of Twilio's error codes, the callback token
// and the look-up. It does not own when or whether to send, retries, rate
// limits or webhooks. It never returns or prints a number, a text, or anything
// that Twilio wrote.
package twilio

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/httpx"
	"github.com/duly/duly/internal/sms"
)

// Limits of the API.
const (
	maxBody     = 1600  // UTF-16 units of a body (error 21617)
	maxValidity = 36000 // seconds, ValidityPeriod
)

var (
	e164    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	plainID = regexp.MustCompile(`^[A-Za-z0-9]{2,64}$`)
)

// Adapter is the SMS channel. It may be used by many goroutines.
type Adapter struct {
	cfg       Config
	codes     Codes
	transport *httpx.Transport
	api       api
	clock     clock.Clock
}

// New checks cfg and builds the adapter. The clock is read only by Lookup, to
// know whether enough business time has passed since the hand-over for an empty
// listing to prove anything.
func New(cfg Config, c clock.Clock) (*Adapter, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("twilio: no clock was given: pass the business clock")
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.LookupSettle <= 0 {
		cfg.LookupSettle = defaultSettle
	}
	transport, err := httpx.New(httpx.Options{BaseURL: cfg.BaseURL, Timeout: cfg.Timeout, MaxConns: cfg.MaxConns})
	if err != nil {
		return nil, err
	}
	return &Adapter{
		cfg: cfg, codes: DefaultCodes().with(cfg.Codes), clock: c,
		transport: transport, api: thin{transport: transport, cfg: cfg},
	}, nil
}

// Live reports whether messages leave this machine.
func (a *Adapter) Live() bool { return a.transport.Live() }

// String names the adapter and where it sends to, without secrets.
func (a *Adapter) String() string { return "twilio at " + a.transport.Host() }

// Send hands m to Twilio with exactly one request. The text should have passed
// sms.Clean; it is cleaned here again so that a stray no-break space does not
// triple the price.
func (a *Adapter) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	if out, bad := refuse(m); bad {
		return out
	}
	p := createParams{To: m.To, Body: sms.Clean(m.Text), StatusCallback: a.cfg.callback(m.Attempt), At: m.At}
	p.From, p.MessagingServiceSID = a.sender(m.From)
	if !m.NotAfter.IsZero() {
		rest := int(m.NotAfter.Sub(m.At) / time.Second)
		if rest < 1 {
			// Twilio would queue it beyond what law allows; nothing was sent.
			return httpx.Later("twilio:window_over", 0)
		}
		p.ValidityPeriod = min(rest, maxValidity)
	}
	return a.outcome(a.api.createMessage(ctx, p))
}

// refuse says no to what Twilio would refuse, before it costs a request.
func refuse(m dunning.Message) (dunning.Outcome, bool) {
	switch {
	case m.Channel != dunning.SMS:
		return httpx.Refused(dunning.FailedConfig, "twilio:wrong_channel"), true
	case m.Attempt == "":
		return httpx.Refused(dunning.FailedConfig, "twilio:no_attempt"), true
	case !e164.MatchString(m.To):
		return httpx.Refused(dunning.FailedRecipient, "twilio:not_e164"), true
	case strings.TrimSpace(m.Text) == "":
		return httpx.Refused(dunning.FailedContent, "twilio:empty"), true
	case len(utf16.Encode([]rune(sms.Clean(m.Text)))) > maxBody:
		return httpx.Refused(dunning.FailedContent, "twilio:too_long"), true
	}
	return dunning.Outcome{}, false
}

// sender picks what a message is sent from: its own sender, else the
// configured one. Twilio takes a number or a messaging service, never both.
func (a *Adapter) sender(from string) (number, service string) {
	switch {
	case serviceSID.MatchString(from):
		return "", from
	case from != "":
		return from, ""
	}
	return a.cfg.From, a.cfg.MessagingServiceSID
}

// outcome classifies Twilio's answer (SENDING 2.2).
func (a *Adapter) outcome(c created) dunning.Outcome {
	if out, ok := httpx.Common(c.Answer); ok {
		if c.Status == http.StatusTooManyRequests && c.Code != 0 {
			out.Code = codeOf(c.Code)
		}
		return out
	}
	if c.Status < 300 {
		// A success without a usable id cannot be tied to its callbacks, and
		// what answered may not have been Twilio.
		if !plainID.MatchString(c.Sid) {
			return httpx.Unknown("twilio:no_sid")
		}
		return dunning.Outcome{State: dunning.SendAccepted, ProviderID: c.Sid}
	}
	return a.refused(c)
}

// refused classifies a 4xx: the message was not taken.
func (a *Adapter) refused(c created) dunning.Outcome {
	if c.Code == 0 {
		return httpx.Refused(httpx.ByStatus(c.Status), "http:"+strconv.Itoa(c.Status))
	}
	class, known := a.codes.Class(c.Code)
	if known && class == dunning.FailedLater {
		return httpx.Later(codeOf(c.Code), c.RetryAfter)
	}
	if !known {
		class = httpx.ByStatus(c.Status)
	}
	out := httpx.Refused(class, codeOf(c.Code))
	if class == dunning.FailedRecipient {
		out.Why = why(c.Code)
	}
	return out
}

func codeOf(code int) string { return "twilio:" + strconv.Itoa(code) }
