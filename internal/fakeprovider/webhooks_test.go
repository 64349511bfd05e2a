package fakeprovider

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// listener is a Duly that writes down what it is told.
type listener struct {
	mu     sync.Mutex
	got    []string
	refuse int // how many requests are refused at first
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse > 0 {
		l.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	word := ""
	switch {
	case r.Header.Get("X-Twilio-Signature") != "":
		form, _ := url.ParseQuery(string(body))
		word = form.Get("MessageStatus") + form.Get("Body")
	case strings.Contains(string(body), `"event"`):
		word = strings.Split(strings.Split(string(body), `"event":"`)[1], `"`)[0]
	default:
		word = "mail"
	}
	l.got = append(l.got, r.URL.Path[len("/webhooks/"):]+" "+word)
}

func (l *listener) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.got)
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func withCallback(t *testing.T, p *Running, to, callback string) {
	t.Helper()
	form := url.Values{"To": {to}, "From": {"+15005550006"}, "Body": {"x"}, "StatusCallback": {callback}}
	if status, body := do(t, p, "POST", messages, form.Encode(), nil); status != 201 {
		t.Fatal(status, body)
	}
}

const mailRequest = `{"personalizations":[{"to":[{"email":"a@b.example"}],"custom_args":{"duly_attempt":"A1"}}],"from":{"email":"a@b.c"},"subject":"s","content":[{"type":"text/plain","value":"v"}]}`

// TestWebhooksAreTold: of every message, over every way, with every fate.
func TestWebhooksAreTold(t *testing.T) {
	const both = "sendgrid/events delivered, sendgrid/events processed, twilio/status delivered, twilio/status sent"
	for _, c := range []struct {
		about  string
		fate   func(Told) WebhookFate
		refuse int
		want   string
		counts string
	}{
		{"all arrive", nil, 0, both, "map[told:4]"},
		{"lost ones do not", func(o Told) WebhookFate { return WebhookFate{Lost: o.N == 0} }, 0, "sendgrid/events delivered, twilio/status delivered", "map[lost:2 told:2]"},
		{"doubled ones do twice", func(o Told) WebhookFate { return WebhookFate{Doubled: o.Word == "sent"} }, 0, both + ", twilio/status sent", "map[doubled:1 told:5]"},
		{"delayed ones do later", func(Told) WebhookFate { return WebhookFate{Delay: 20 * time.Millisecond} }, 0, both, "map[delayed:4 told:4]"},
		{"refused ones are sent again", nil, 2, both, "map[told:4]"},
	} {
		t.Run(c.about, func(t *testing.T) {
			l := &listener{refuse: c.refuse}
			duly := httptest.NewServer(l)
			defer duly.Close()
			key, _, err := NewGridKey()
			if err != nil {
				t.Fatal(err)
			}
			p := listen(t, Options{Webhooks: &Webhooks{URL: duly.URL, PublicURL: "https://duly.example", TwilioToken: "t", GridKey: key, Fate: c.fate, Pause: time.Millisecond}})
			withCallback(t, p, "+12025550100", "https://duly.example/webhooks/twilio/status?a=1&t=2")
			if status, out := do(t, p, "POST", "/v3/mail/send", mailRequest, map[string]string{"Authorization": "Bearer key"}); status != 202 {
				t.Fatal(status, out)
			}
			p.Quiet()
			if got := l.heard(); got != c.want {
				t.Errorf("heard %s\nwant  %s", got, c.want)
			}
			if got := fmt.Sprint(p.WebhookCounts()); got != c.counts {
				t.Errorf("counted %s, want %s", got, c.counts)
			}
		})
	}
}

// TestDebtorsWrite: texts and mails reach the server as the providers post them.
func TestDebtorsWrite(t *testing.T) {
	l := &listener{}
	duly := httptest.NewServer(l)
	defer duly.Close()
	key, public, err := NewGridKey()
	if err != nil || len(public) < 80 {
		t.Fatal(public, err)
	}
	p := listen(t, Options{Webhooks: &Webhooks{URL: duly.URL, TwilioToken: "t", GridKey: key, InboundKey: "k"}})
	if status, err := p.Text("SM1", "+12025550100", "+15005550006", "STOP"); status != 200 || err != nil {
		t.Error(status, err)
	}
	if status, err := p.Mail("m1", "a@b.example", "in@duly.example", "Re: x", "I paid"); status != 200 || err != nil {
		t.Error(status, err)
	}
	if got := l.heard(); got != "sendgrid/inbound mail, twilio/inbound STOP" {
		t.Error(got)
	}
	alone := listen(t, Options{})
	if _, err := alone.Text("SM1", "a", "b", "c"); err == nil {
		t.Error("without webhooks there is nobody to write to")
	}
}

// TestGridSignature: what is signed verifies as SendGrid documents it.
func TestGridSignature(t *testing.T) {
	key, _, err := NewGridKey()
	if err != nil {
		t.Fatal(err)
	}
	var ok bool
	duly := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(append([]byte(r.Header.Get("X-Twilio-Email-Event-Webhook-Timestamp")), body...))
		sig, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Twilio-Email-Event-Webhook-Signature"))
		ok = ecdsa.VerifyASN1(&key.PublicKey, sum[:], sig)
	}))
	defer duly.Close()
	p := listen(t, Options{Webhooks: &Webhooks{URL: duly.URL, GridKey: key}})
	if _, err := p.Mail("m", "a@b.example", "c@d.example", "s", "t"); err != nil || !ok {
		t.Errorf("verified %v, %v", ok, err)
	}
}

// TestWebhookRate: deterministic, near its percentage, and some reports overtake others.
func TestWebhookRate(t *testing.T) {
	f, again := WebhookRate(1, 30, time.Hour), WebhookRate(1, 30, time.Hour)
	n := map[string]int{}
	for i := range 3000 {
		o := Told{Message: Accepted{Provider: "twilio", To: fmt.Sprint(i)}, N: i % 2}
		fate := f(o)
		if fate != again(o) {
			t.Fatal("the same seed gave two fates")
		}
		for what, is := range map[string]bool{"lost": fate.Lost, "doubled": fate.Doubled, "delayed": fate.Delay > 0} {
			if is {
				n[what]++
			}
		}
	}
	for what, k := range n {
		if k < 750 || k > 1050 {
			t.Errorf("%d of 3000 are %s, want about 900", k, what)
		}
	}
}
