package fakeprovider

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // Twilio's signature
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/internal/clock"
)

// Webhooks make the fake tell Duly what became of what it took, as the real providers do,
// with faults on demand.
type Webhooks struct {
	// URL is scheme and host of the Duly server that is told.
	URL string
	// PublicURL is what that server has as DULY_PUBLIC_URL: signatures are over it. "" = URL.
	PublicURL string
	// TwilioToken signs Twilio's webhooks. GridKey signs SendGrid's; see NewGridKey.
	TwilioToken string
	GridKey     *ecdsa.PrivateKey
	// InboundKey is what the inbound parse address carries.
	InboundKey string
	// Story is what is told of a message, in order; nil: DefaultStory.
	Story func(Accepted) []Told
	// Fate decides each webhook's fate; nil: all arrive, in order, once.
	Fate func(Told) WebhookFate
	// Tries is how often a webhook that is not answered with a 2xx is sent; 0: 3.
	Tries int
	// Pause is between two tries, and between two reports of a message; 0: 10 ms.
	Pause time.Duration
}

// Told is one report of a message.
type Told struct {
	Message Accepted
	N       int    // its number among the reports of the message, from 0
	Word    string // Twilio: status; SendGrid: event
	Code    int    // Twilio: ErrorCode, 0 = none
	Type    string // SendGrid: type of a bounce
	Reason  string // SendGrid: reason of a drop
}

// WebhookFate is what happens to one webhook on its way.
type WebhookFate struct {
	Lost    bool
	Doubled bool
	Delay   time.Duration // wall time; the ones after it do not wait, so it may be overtaken
}

// DefaultStory is of a message that arrives.
func DefaultStory(a Accepted) []Told {
	if a.Provider == "twilio" {
		return []Told{{Message: a, Word: "sent"}, {Message: a, N: 1, Word: "delivered"}}
	}
	return []Told{{Message: a, Word: "processed"}, {Message: a, N: 1, Word: "delivered"}}
}

// WebhookRate returns a fate function that loses, doubles and delays about percent of the
// webhooks each; delays are up to most, long enough to be overtaken. It depends on seed,
// message and report only.
func WebhookRate(seed uint64, percent int, most time.Duration) func(Told) WebhookFate {
	return func(t Told) WebhookFate {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s\x00%d", seed, t.Message.Provider, t.Message.To, t.Message.Attempt, t.N))
		draw := func(i int) uint64 { return binary.BigEndian.Uint64(sum[8*i:]) }
		hit := func(i int) bool { return draw(i)%100 < uint64(max(percent, 0)) }
		f := WebhookFate{Lost: hit(0), Doubled: hit(1)}
		if hit(2) && most > 0 {
			f.Delay = time.Duration(draw(3) % uint64(most))
		}
		return f
	}
}

// NewGridKey makes a key pair as SendGrid does; public is what SENDGRID_WEBHOOK_PUBLIC_KEY takes.
func NewGridKey() (key *ecdsa.PrivateKey, public string, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return key, base64.StdEncoding.EncodeToString(der), err
}

// teller posts webhooks.
type teller struct {
	Webhooks
	client *http.Client
	ctx    context.Context //nolint:containedctx // ends with the server
	stop   context.CancelFunc
	slots  chan struct{}
	group  sync.WaitGroup

	mu     sync.Mutex
	over   bool
	counts map[string]int
}

// spawn runs f unless the server is being closed.
func (t *teller) spawn(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.group.Go(f)
	}
}

// end stops all posting and waits for it.
func (t *teller) end() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.stop()
	t.group.Wait()
}

func newTeller(w Webhooks) *teller {
	if w.PublicURL == "" {
		w.PublicURL = w.URL
	}
	if w.Story == nil {
		w.Story = DefaultStory
	}
	if w.Fate == nil {
		w.Fate = func(Told) WebhookFate { return WebhookFate{} }
	}
	if w.Tries <= 0 {
		w.Tries = 3
	}
	if w.Pause <= 0 {
		w.Pause = 10 * time.Millisecond
	}
	t := &teller{Webhooks: w, client: &http.Client{Timeout: 20 * time.Second}, slots: make(chan struct{}, 16), counts: map[string]int{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// tell starts to report of a message.
func (t *teller) tell(a Accepted) {
	if t == nil {
		return
	}
	t.spawn(func() {
		for _, one := range t.Story(a) {
			if !t.sleep(t.Pause) {
				return
			}
			t.one(one)
		}
	})
}

// one meets a report's fate. A delayed one lets the next overtake it.
func (t *teller) one(one Told) {
	f := t.Fate(one)
	if f.Lost {
		t.count("lost")
		return
	}
	times := 1
	if f.Doubled {
		times = 2
		t.count("doubled")
	}
	for range times {
		if f.Delay > 0 {
			t.count("delayed")
			t.spawn(func() {
				if t.sleep(f.Delay) {
					t.deliver(one)
				}
			})
			continue
		}
		t.deliver(one)
	}
}

// deliver posts a report until it is answered well, or often enough.
func (t *teller) deliver(one Told) {
	for try := range t.Tries {
		if try > 0 && !t.sleep(t.Pause*time.Duration(try)) {
			return
		}
		status, err := t.report(one)
		if err == nil && status/100 == 2 {
			t.count("told")
			return
		}
	}
	t.count("unanswered")
}

func (t *teller) report(one Told) (int, error) {
	if one.Message.Provider == "twilio" {
		return t.twilioStatus(one)
	}
	return t.gridEvent(one)
}

func (t *teller) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.ctx.Done():
		return false
	}
}

func (t *teller) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

// twilioStatus posts to the address that the message asked for.
func (t *teller) twilioStatus(one Told) (int, error) {
	asked, err := url.Parse(one.Message.callback)
	if err != nil || one.Message.callback == "" {
		return http.StatusOK, nil // no report was asked for
	}
	form := url.Values{
		"MessageSid": {one.Message.ID}, "SmsSid": {one.Message.ID}, "MessageStatus": {one.Word}, "SmsStatus": {one.Word},
		"To": {one.Message.To}, "From": {one.Message.From}, "ApiVersion": {"2010-04-01"},
	}
	if one.Code != 0 {
		form.Set("ErrorCode", fmt.Sprint(one.Code))
	}
	return t.twilio(asked.RequestURI(), one.Message.callback, form)
}

// twilio posts a form, signed over its public address.
func (t *teller) twilio(pathAndQuery, public string, form url.Values) (int, error) {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(t.TwilioToken))
	_, _ = io.WriteString(mac, public) // a hash takes everything
	for _, name := range names {
		_, _ = io.WriteString(mac, name+form.Get(name))
	}
	return t.post(pathAndQuery, http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}, []byte(form.Encode()))
}

// gridEvent posts one event, signed.
func (t *teller) gridEvent(one Told) (int, error) {
	event := map[string]any{
		"event": one.Word, "email": one.Message.To, "timestamp": one.Message.At.Unix(), "sg_message_id": one.Message.ID + ".recvd-fake-1",
		"sg_event_id": fmt.Sprintf("%s-%d", one.Message.ID, one.N), "duly_attempt": one.Message.Attempt,
	}
	if one.Type != "" {
		event["type"] = one.Type
	}
	if one.Reason != "" {
		event["reason"] = one.Reason
	}
	if one.Word == "deferred" {
		event["attempt"] = "2" // SendGrid's own member of that name
	}
	body, err := json.Marshal([]any{event})
	if err != nil {
		return 0, err
	}
	return t.grid("/webhooks/sendgrid/events", "application/json", body)
}

func (t *teller) grid(path, contentType string, body []byte) (int, error) {
	if t.GridKey == nil {
		return 0, errors.New("fakeprovider: Webhooks.GridKey is missing")
	}
	stamp := fmt.Sprint(clock.Wall().Unix())
	sum := sha256.Sum256(append([]byte(stamp), body...))
	sig, err := ecdsa.SignASN1(rand.Reader, t.GridKey, sum[:])
	if err != nil {
		return 0, err
	}
	return t.post(path, http.Header{
		"Content-Type": {contentType}, "X-Twilio-Email-Event-Webhook-Timestamp": {stamp},
		"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(sig)},
	}, body)
}

func (t *teller) post(pathAndQuery string, header http.Header, body []byte) (int, error) {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-t.ctx.Done():
		return 0, t.ctx.Err()
	}
	r, err := http.NewRequestWithContext(t.ctx, http.MethodPost, strings.TrimSuffix(t.URL, "/")+pathAndQuery, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header = header
	resp, err := t.client.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
	return resp.StatusCode, resp.Body.Close()
}

// Text posts a text message from a debtor's number, as Twilio does, and returns the answer's
// status. id makes it this one message: the same id again is the same message again.
func (s *Server) Text(id, from, to, text string) (int, error) {
	if s.teller == nil {
		return 0, errors.New("fakeprovider: no webhooks are configured")
	}
	const path = "/webhooks/twilio/inbound"
	form := url.Values{"MessageSid": {id}, "From": {from}, "To": {to}, "Body": {text}, "NumMedia": {"0"}}
	return s.teller.twilio(path, strings.TrimSuffix(s.teller.PublicURL, "/")+path, form)
}

// Mail posts a mail from a debtor's address, as SendGrid's inbound parse does.
func (s *Server) Mail(id, from, to, subject, text string) (int, error) {
	if s.teller == nil {
		return 0, errors.New("fakeprovider: no webhooks are configured")
	}
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	envelope, err := json.Marshal(map[string]any{"to": []string{to}, "from": from})
	if err != nil {
		return 0, err
	}
	for _, f := range [][2]string{
		{"headers", "Message-ID: <" + id + "@fake.invalid>\n"},
		{"from", from},
		{"to", to},
		{"subject", subject},
		{"text", text},
		{"envelope", string(envelope)},
		{"charsets", `{"text":"UTF-8","subject":"UTF-8"}`},
	} {
		if err := mw.WriteField(f[0], f[1]); err != nil {
			return 0, err
		}
	}
	if err := mw.Close(); err != nil {
		return 0, err
	}
	const path = "/webhooks/sendgrid/inbound"
	if s.teller.InboundKey != "" {
		return s.teller.post(path+"?key="+url.QueryEscape(s.teller.InboundKey), http.Header{"Content-Type": {mw.FormDataContentType()}}, body.Bytes())
	}
	return s.teller.grid(path, mw.FormDataContentType(), body.Bytes())
}

// WebhookCounts are how many webhooks were told, lost, doubled, delayed, and unanswered.
func (s *Server) WebhookCounts() map[string]int {
	out := map[string]int{}
	if s.teller == nil {
		return out
	}
	s.teller.mu.Lock()
	defer s.teller.mu.Unlock()
	for k, v := range s.teller.counts {
		out[k] = v
	}
	return out
}

// Quiet waits until every webhook about what was taken so far has met its fate.
func (s *Server) Quiet() {
	if s.teller != nil {
		s.teller.group.Wait()
	}
}
