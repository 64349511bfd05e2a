package sendgrid

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/duly/duly/internal/httpx"
)

// api is the seam between what Duly wants of SendGrid and who speaks HTTP. The
// official SDK (sendgrid-go) could not be had when this was written; when it
// can, one file implements api with helpers/mail on httpx.Transport.Client,
// with a client of its own for every send (a shared one mixes up recipients),
// and New picks it. See docs/decisions/2026-11-21-provider-sdks.md.
type api interface {
	// mailSend hands one mail over, exactly one HTTP request.
	mailSend(ctx context.Context, m mail, at time.Time) sent
	// openBatch asks for the id of a batch of scheduled mails.
	openBatch(ctx context.Context) (id string, a httpx.Answer)
	// cancelBatch cancels a batch; it reports true when SendGrid says that it is cancelled.
	cancelBatch(ctx context.Context, id string) bool
	// activity asks the Email Activity API for mails of an attempt. again is set when it could
	// not be read just now.
	activity(ctx context.Context, attempt string) (id, status string, ok, again bool)
}

// mail is the body of POST /v3/mail/send as far as Duly uses it.
type mail struct {
	Personalizations []personalization `json:"personalizations"`
	From             address           `json:"from"`
	ReplyTo          *address          `json:"reply_to,omitempty"`
	Subject          string            `json:"subject"`
	Content          []content         `json:"content"`
	Headers          map[string]string `json:"headers,omitempty"`
	Tracking         tracking          `json:"tracking_settings"`
	BatchID          string            `json:"batch_id,omitempty"`
	SendAt           int64             `json:"send_at,omitempty"`
}

type address struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

// personalization is one envelope. Duly always sends exactly one with exactly
// one recipient.
type personalization struct {
	To         []address         `json:"to"`
	CustomArgs map[string]string `json:"custom_args"`
}

type content struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// tracking switches pixel and link rewriting off: whoever owes money is not
// watched reading about it, and a payment link must show its real address.
type tracking struct {
	Click struct {
		Enable     bool `json:"enable"`
		EnableText bool `json:"enable_text"`
	} `json:"click_tracking"`
	Open struct {
		Enable bool `json:"enable"`
	} `json:"open_tracking"`
}

// sent is the answer to mailSend.
type sent struct {
	httpx.Answer
	MessageID string // X-Message-Id
	Field     string // the first field that SendGrid objects to; "" when it names none
}

// thin implements api from SendGrid's OpenAPI documents.
type thin struct {
	transport *httpx.Transport
	cfg       Config
}

// request builds a request with a body of its own: nothing of it is shared
// with any other send.
func (t thin) request(method, pathAndQuery string, body []byte) (*http.Request, bool) {
	r, err := http.NewRequest(method, t.transport.Host()+pathAndQuery, bytes.NewReader(body)) //nolint:noctx // the context is bound by httpx, as for the SDKs
	if err != nil {
		return nil, false
	}
	r.Header.Set("Authorization", "Bearer "+t.cfg.APIKey.Reveal())
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "duly")
	return r, true
}

// mailSend implements api.
func (t thin) mailSend(ctx context.Context, m mail, at time.Time) sent {
	body, err := json.Marshal(m)
	if err != nil {
		return sent{Answer: httpx.Answer{NotWritten: true, Cause: "request"}}
	}
	r, ok := t.request(http.MethodPost, "/v3/mail/send", body)
	if !ok {
		return sent{Answer: httpx.Answer{NotWritten: true, Cause: "request"}}
	}
	r.Header.Set("Content-Type", "application/json")
	t.transport.Stamp(r, at)
	return readSent(t.transport.Do(ctx, r))
}

// readSent reads what the answer says beside its status.
func readSent(a httpx.Answer) sent {
	out := sent{Answer: a, MessageID: a.Header.Get("X-Message-Id")}
	var body struct {
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	}
	if a.Complete && json.Unmarshal(a.Body, &body) == nil && len(body.Errors) > 0 {
		out.Field = body.Errors[0].Field
	}
	return out
}

// activity implements api.
func (t thin) activity(ctx context.Context, attempt string) (id, status string, ok, again bool) {
	q := url.Values{"limit": {"10"}, "query": {`(unique_args['` + AttemptArg + `']="` + attempt + `")`}}
	r, made := t.request(http.MethodGet, "/v3/messages?"+q.Encode(), nil)
	if !made {
		return "", "", false, false
	}
	a := t.transport.Do(ctx, r)
	var body struct {
		Messages []struct {
			ID     string `json:"msg_id"`
			Status string `json:"status"`
		} `json:"messages"`
	}
	if a.Status != http.StatusOK || !a.Complete {
		return "", "", false, a.Status < 300 || a.Status == http.StatusTooManyRequests || a.Status >= 500
	}
	if json.Unmarshal(a.Body, &body) != nil || len(body.Messages) == 0 {
		return "", "", false, false
	}
	first := body.Messages[0]
	for _, m := range body.Messages {
		if m.ID < first.ID { // the same pick every time, whatever the order
			first = m
		}
	}
	return first.ID, first.Status, first.ID != "", false
}
