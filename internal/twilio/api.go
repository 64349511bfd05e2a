package twilio

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/httpx"
)

// api is the seam between what Duly wants of Twilio and who speaks HTTP. The
// official SDK (twilio-go, rest/api/v2010) could not be had when this was
// written; when it can, one file implements api with it on
// httpx.Transport.Client and New picks it. See
// docs/decisions/2026-11-21-provider-sdks.md.
type api interface {
	// createMessage hands one message over, exactly one HTTP request.
	createMessage(ctx context.Context, p createParams) created
	// listMessages reads one page of the account's messages.
	listMessages(ctx context.Context, q listQuery) (page, bool)
}

// createParams are the parameters of CreateMessage that Duly uses.
type createParams struct {
	To, From, MessagingServiceSID, Body, StatusCallback string
	ValidityPeriod                                      int       // seconds, 1 to 36000; 0 = Twilio's default
	At                                                  time.Time // see httpx.Transport.Stamp
}

// created is the answer to createMessage.
type created struct {
	httpx.Answer
	Sid  string // "" when there is none
	Code int    // Twilio's error code, 0 when there is none
}

// listQuery selects messages. Either Next, or the filters.
type listQuery struct {
	To        string
	SentFrom  time.Time // DateSent>=; zero = no filter, which is the only way to see queued messages
	SentUntil time.Time // DateSent<=
	PageSize  int
	Next      string // the query of the next page, from page.Next
}

// page is one page of a listing.
type page struct {
	Messages []listed
	Next     string // "" = this was the last page
	Again    bool   // it could not be read just now: no answer, too many requests, a fault of the server's
}

// listed is what a look-up needs to know of a message.
type listed struct {
	Sid, To, Body, Direction, Status string
	ErrorCode                        int
	Created                          time.Time // zero when Twilio's answer could not be read
}

// thin implements api from Twilio's OpenAPI document (API 2010-04-01,
// Messages.json).
type thin struct {
	transport *httpx.Transport
	cfg       Config
}

func (t thin) path() string {
	return "/2010-04-01/Accounts/" + t.cfg.AccountSID + "/Messages.json"
}

// request builds a request without URL host: the transport puts it in.
func (t thin) request(method, query, body string) (*http.Request, bool) {
	target := t.transport.Host() + t.path()
	if query != "" {
		target += "?" + query
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body)) //nolint:noctx // the context is bound by httpx, as for the SDKs
	if err != nil {
		return nil, false // a query that makes no URL; the text would contain it
	}
	r.SetBasicAuth(t.cfg.AccountSID, t.cfg.AuthToken.Reveal())
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "duly")
	return r, true
}

// createMessage implements api.
func (t thin) createMessage(ctx context.Context, p createParams) created {
	form := url.Values{"To": {p.To}, "Body": {p.Body}}
	set := func(key, value string) {
		if value != "" {
			form.Set(key, value)
		}
	}
	set("From", p.From)
	set("MessagingServiceSid", p.MessagingServiceSID)
	set("StatusCallback", p.StatusCallback)
	if p.ValidityPeriod > 0 {
		form.Set("ValidityPeriod", strconv.Itoa(p.ValidityPeriod))
	}
	r, ok := t.request(http.MethodPost, "", form.Encode())
	if !ok {
		return created{Answer: httpx.Answer{NotWritten: true, Cause: "request"}}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	t.transport.Stamp(r, p.At)
	return readCreated(t.transport.Do(ctx, r))
}

// readCreated reads what the answer says beside its status. A body that cannot
// be read leaves Sid and Code empty, which callers take as the unsafe case.
func readCreated(a httpx.Answer) created {
	var body struct {
		Sid  string `json:"sid"`
		Code int    `json:"code"`
	}
	if !a.Complete || json.Unmarshal(a.Body, &body) != nil {
		return created{Answer: a}
	}
	return created{Answer: a, Sid: body.Sid, Code: body.Code}
}

// listMessages implements api. ok is false when the page could not be read.
func (t thin) listMessages(ctx context.Context, q listQuery) (page, bool) {
	r, ok := t.request(http.MethodGet, q.encode(), "")
	if !ok {
		return page{}, false
	}
	a := t.transport.Do(ctx, r)
	if a.Status != http.StatusOK || !a.Complete {
		again := a.Status < 300 || a.Status == http.StatusTooManyRequests || a.Status >= 500
		return page{Again: again}, false
	}
	return t.readPage(a.Body)
}

// encode writes the query. Values are escaped by net/url and reach Twilio as
// they are: the SDK's client cuts ".digits" off them (SENDING 2.4).
func (q listQuery) encode() string {
	if q.Next != "" {
		return q.Next
	}
	v := url.Values{"To": {q.To}, "PageSize": {strconv.Itoa(q.PageSize)}}
	if !q.SentFrom.IsZero() {
		v.Set("DateSent>", q.SentFrom.UTC().Format(time.RFC3339))
		v.Set("DateSent<", q.SentUntil.UTC().Format(time.RFC3339))
	}
	return v.Encode()
}

// readPage reads a listing; false when it is not one.
func (t thin) readPage(body []byte) (page, bool) {
	var in struct {
		Messages *[]struct {
			Sid       string `json:"sid"`
			To        string `json:"to"`
			Body      string `json:"body"`
			Direction string `json:"direction"`
			Status    string `json:"status"`
			ErrorCode int    `json:"error_code"`
			Created   string `json:"date_created"`
		} `json:"messages"`
		NextPageURI string `json:"next_page_uri"`
	}
	if json.Unmarshal(body, &in) != nil || in.Messages == nil {
		return page{}, false
	}
	var out page
	for _, m := range *in.Messages {
		created, _ := time.Parse(time.RFC1123Z, m.Created) // zero time = unknown, the caller's unsafe case
		out.Messages = append(out.Messages, listed{
			Sid: m.Sid, To: m.To, Body: m.Body, Direction: m.Direction,
			Status: m.Status, ErrorCode: m.ErrorCode, Created: created,
		})
	}
	var ok bool
	out.Next, ok = t.nextQuery(in.NextPageURI)
	return out, ok
}

// nextQuery takes the query out of a next_page_uri. Only this account's
// listing is followed: an address from an answer never decides where our
// credentials go.
func (t thin) nextQuery(uri string) (string, bool) {
	if uri == "" {
		return "", true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Path != t.path() || u.RawQuery == "" {
		return "", false
	}
	return u.RawQuery, true
}
