package rehearse

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" // Twilio's signature
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/secret"
	"github.com/duly/duly/internal/web/webhooks"
)

// Reply is the kind of a row in which a debtor writes back: ReplyBody.
const Reply = "reply"

// ReplyBody is what a debtor writes, in words. It comes in as at a real site: as a signed
// webhook, which is kept in the inbox and read there.
type ReplyBody struct {
	Account string          `json:"account,omitempty"` // id; "" for a stranger
	Channel dunning.Channel `json:"channel"`           // sms or email
	From    string          `json:"from"`              // number or address
	Subject string          `json:"subject,omitempty"` // of an email
	Text    string          `json:"text"`
	Machine bool            `json:"machine,omitempty"` // a mail that nobody wrote: away until Monday
}

// Where debtors write to: a number kept free for fiction, an address that cannot exist.
const (
	replyNumber  = "+12125550100"
	replyAddress = "accounts@example.invalid"
	postPublic   = "http://rehearsal.invalid"
)

// playReply posts what a debtor writes.
func playReply(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error) {
	var b ReplyBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	if err := p.Receive(ctx, row.Key, b); err != nil {
		return nil, err
	}
	p.tell(Event{At: row.At, Account: p.keyOf(ctx, b.Account), What: Reply, Detail: string(b.Channel)})
	return nil, nil
}

// Receive takes a message in by the webhook of its channel. key makes it this one message:
// the same key again is the same message again, and changes nothing.
func (p *Player) Receive(ctx context.Context, key string, b ReplyBody) error {
	m, err := p.posted()
	if err != nil {
		return err
	}
	if b.Channel == dunning.SMS {
		return m.text(ctx, key, b)
	}
	return m.mail(ctx, key, b)
}

// MessageID is the id under which facts and tasks name a text message of Receive.
func MessageID(key string) string { return "twilio_inbound/" + sid(key) }

func sid(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "SM" + hex.EncodeToString(sum[:16])
}

// text posts as Twilio does.
func (m *post) text(ctx context.Context, key string, b ReplyBody) error {
	form := url.Values{"MessageSid": {sid(key)}, "From": {b.From}, "To": {replyNumber}, "Body": {b.Text}, "NumMedia": {"0"}}
	mac := hmac.New(sha1.New, []byte(m.token))
	_, _ = io.WriteString(mac, postPublic+webhooks.TwilioInboundPath) // a hash takes everything
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(mac, name+form.Get(name))
	}
	return m.deliver(ctx, webhooks.TwilioInboundPath, []byte(form.Encode()), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	})
}

// mail posts as SendGrid's inbound parse does. What is posted follows from the key
// alone, so that it is one mail however often it is posted.
func (m *post) mail(ctx context.Context, key string, b ReplyBody) error {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:16])
	envelope, err := json.Marshal(map[string]any{"to": []string{replyAddress}, "from": b.From})
	if err != nil {
		return err
	}
	headers := "Message-ID: <" + name + "@example.invalid>\n"
	if b.Machine {
		headers += "Auto-Submitted: auto-replied\n"
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.SetBoundary(name); err != nil {
		return err
	}
	for _, f := range [][2]string{
		{"headers", headers},
		{"from", b.From},
		{"to", replyAddress},
		{"subject", b.Subject},
		{"text", b.Text},
		{"envelope", string(envelope)},
		{"SPF", "pass"},
		{"charsets", `{"text":"UTF-8","subject":"UTF-8","from":"UTF-8"}`},
	} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	path := webhooks.SendGridInboundPath + "?key=" + url.QueryEscape(m.inboundKey)
	return m.deliver(ctx, path, body.Bytes(), http.Header{"Content-Type": {w.FormDataContentType()}})
}

// PostPayment reports a payment by its webhook, as a bank's or a shop's system does. body is
// what docs/webhooks.md says.
func (p *Player) PostPayment(ctx context.Context, body any) error {
	m, err := p.posted()
	if err != nil {
		return err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	key, err := secret.FromEnv(m.env, "DULY_PAYMENTS_SECRET")
	if err != nil {
		return err
	}
	return m.deliver(ctx, webhooks.PaymentsPath, text, http.Header{
		"Content-Type": {"application/json"}, "Duly-Signature": {webhooks.SignPayment(key, clock.Wall(), text)},
	})
}

// post is where the messages of debtors come in: the webhooks as a real site has them, with
// secrets that nobody else knows.
type post struct {
	server                      *webhooks.Server
	token, inboundKey, payments string
}

func (m *post) env(name string) string {
	return map[string]string{
		"DULY_PUBLIC_URL": postPublic, "TWILIO_AUTH_TOKEN": m.token, "SENDGRID_INBOUND_KEY": m.inboundKey, "DULY_PAYMENTS_SECRET": m.payments,
	}[name]
}

func newPost(o Options) (*post, error) {
	m := &post{token: identity.NewPassword(), inboundKey: identity.NewPassword(), payments: identity.NewPassword()}
	var err error
	m.server, err = app.NewWebhooks(m.env, app.WebhookDeps{Store: o.Store, Book: o.Book, Clock: o.Clock})
	return m, err
}

// deliver hands a request to the webhooks and wants it to be taken whole.
func (m *post) deliver(ctx context.Context, path string, body []byte, h http.Header) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, postPublic+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header, r.RequestURI = h, path
	var a answer
	m.server.ServeHTTP(&a, r)
	if a.code/100 != 2 {
		return fmt.Errorf("the webhook %s answered %d: %s", r.URL.Path, a.code, strings.TrimSpace(a.said.String()))
	}
	return nil
}

// answer is what a handler said.
type answer struct {
	code   int
	said   bytes.Buffer
	header http.Header
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.said.Write(b)
}

// Feed is the kind of a row by which a creditor's payments of a day have all come in:
// FeedBody. The next day's follows from it.
const Feed = "feed"

// FeedBody is the body of a row of kind Feed.
type FeedBody struct {
	Creditor string `json:"creditor"`
}

// playFeed notes that the payment data is complete until now. It tells no case: a rehearsal's
// debtors know from the beginning that all payments are in its script.
func playFeed(ctx context.Context, p *Player, row postgres.Script) ([]postgres.Script, error) {
	var b FeedBody
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return nil, err
	}
	if err := p.o.Store.FeedComplete(ctx, b.Creditor, row.At); err != nil {
		return nil, err
	}
	return []postgres.Script{FeedRow(b.Creditor, row.At.Add(24*time.Hour))}, nil
}

// FeedRow is a creditor's first row of kind Feed.
func FeedRow(creditor string, at time.Time) postgres.Script {
	return Row("feed/"+creditor+"/"+at.UTC().Format(time.RFC3339), at, Feed, FeedBody{creditor})
}
