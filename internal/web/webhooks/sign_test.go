package webhooks

import (
	"crypto/ecdsa"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/duly/duly/internal/secret"
)

// TestTwilioVectors: the signatures that Twilio's own library is tested with.
func TestTwilioVectors(t *testing.T) {
	var v struct {
		Token   string            `json:"auth_token"`
		Params  map[string]string `json:"params"`
		Form    []vector          `json:"form_vectors"`
		Body    string            `json:"json_body"`
		ForBody []vector          `json:"json_body_vectors"`
	}
	if err := json.Unmarshal(sharedFile(t, "twilio-signature-vectors.json"), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Form) < 6 || len(v.ForBody) < 3 {
		t.Fatalf("%d and %d vectors", len(v.Form), len(v.ForBody))
	}
	form := url.Values{}
	for k, x := range v.Params {
		form.Set(k, x)
	}
	tokens := []secret.Value{secret.New("another"), secret.New(v.Token)}
	for _, x := range v.Form {
		if got := signedForm(tokens, x.URL, form, x.Signature); got != x.Valid {
			t.Errorf("%s: %v, want %v", x.Name, got, x.Valid)
		}
	}
	for _, x := range v.ForBody {
		if got := signedBody(tokens, x.URL, []byte(v.Body), x.Signature); got != x.Valid {
			t.Errorf("body to %s: %v, want %v", x.URL, got, x.Valid)
		}
		if signedBody(tokens, x.URL, []byte(v.Body+" "), x.Signature) {
			t.Errorf("body to %s: a changed body passes", x.URL)
		}
	}
}

type vector struct {
	Name      string `json:"name"`
	URL       string `json:"url"`
	Signature string `json:"signature"`
	Valid     bool   `json:"valid"`
}

// TestSendGridVector: the signature that SendGrid's own library is tested with.
func TestSendGridVector(t *testing.T) {
	var v struct {
		Key       string `json:"public_key"`
		Timestamp string `json:"timestamp"`
		Payload   string `json:"payload"`
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(sharedFile(t, "sendgrid-signature-vector.json"), &v); err != nil {
		t.Fatal(err)
	}
	key, err := ParsePublicKey(v.Key)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.SendGridKeys = append([]*ecdsa.PublicKey{}, c.SendGridKeys[0], key) })
	post := func(stamp, body, sig string) int {
		code, _ := w.post(SendGridEventsPath, http.Header{http.CanonicalHeaderKey(headerGridTime): {stamp}, http.CanonicalHeaderKey(headerGridSignature): {sig}}, []byte(body))
		return code
	}
	w.now = time.Unix(1588788367, 0).Add(time.Hour)
	for _, c := range []struct {
		about, stamp, body, sig string
		want                    int
	}{
		{"the vector under the second key", v.Timestamp, v.Payload, v.Signature, 200},
		{"another body", v.Timestamp, v.Payload + " ", v.Signature, 403},
		{"another timestamp", "1588788368", v.Payload, v.Signature, 403},
		{"no signature", v.Timestamp, v.Payload, "", 403},
		{"a signature that is no base64", v.Timestamp, v.Payload, "%%%", 403},
		{"a signature that is no DER", v.Timestamp, v.Payload, "AAAA", 403},
		{"no timestamp", "", v.Payload, v.Signature, 403},
	} {
		if got := post(c.stamp, c.body, c.sig); got != c.want {
			t.Errorf("%s: %d, want %d", c.about, got, c.want)
		}
	}
	w.now = w.now.Add(48 * time.Hour)
	if got := post(v.Timestamp, v.Payload, v.Signature); got != 403 {
		t.Errorf("a request two days old: %d, though a right signature never ends by itself", got)
	}
}

// TestTwilioSignature: the address is ours and never what the request claims, both tokens
// count during a rotation, and every bit of the request is signed.
func TestTwilioSignature(t *testing.T) {
	form := url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"sent"}, "To": {"+12125550100"}}
	with := func(k, v string) url.Values {
		out := url.Values{}
		for name, values := range form {
			out[name] = values
		}
		out[k] = append(out[k], v)
		return out
	}
	for _, c := range []struct {
		about string
		do    func(w *world) (int, string)
		want  int
	}{
		{"under the new token", func(w *world) (int, string) { return w.twilio(newToken, TwilioStatusPath+"?a=1&t=2", form) }, 204},
		{"under the old token", func(w *world) (int, string) { return w.twilio(oldToken, TwilioStatusPath, form) }, 204},
		{"under another token", func(w *world) (int, string) { return w.twilio(secret.New("x"), TwilioStatusPath, form) }, 403},
		{"a name with two values", func(w *world) (int, string) { return w.twilio(newToken, TwilioStatusPath, with("MediaUrl", "b")) }, 204},
		{"a body that was changed on the way", func(w *world) (int, string) {
			h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {twilioSignature(newToken, public+TwilioStatusPath, form)}}
			return w.post(TwilioStatusPath, h, []byte(with("ErrorCode", "30006").Encode()))
		}, 403},
		{"a query that was changed on the way", func(w *world) (int, string) {
			h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {twilioSignature(newToken, public+TwilioStatusPath+"?a=1", form)}}
			return w.post(TwilioStatusPath+"?a=2", h, []byte(form.Encode()))
		}, 403},
		{"signed for the host that the request claims", func(w *world) (int, string) {
			h := http.Header{
				"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-Host": {"evil.example"}, "Host": {"evil.example"}, "X-Forwarded-Proto": {"http"},
				"X-Twilio-Signature": {twilioSignature(newToken, "https://evil.example"+TwilioStatusPath, form)},
			}
			return w.post(TwilioStatusPath, h, []byte(form.Encode()))
		}, 403},
		{"signed for another endpoint", func(w *world) (int, string) {
			h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Twilio-Signature": {twilioSignature(newToken, public+TwilioInboundPath, form)}}
			return w.post(TwilioStatusPath, h, []byte(form.Encode()))
		}, 403},
		{"a form that calls itself something else", func(w *world) (int, string) {
			h := http.Header{"Content-Type": {"text/plain"}, "X-Twilio-Signature": {twilioSignature(newToken, public+TwilioStatusPath, form)}}
			return w.post(TwilioStatusPath, h, []byte(form.Encode()))
		}, 403},
		{"no signature", func(w *world) (int, string) {
			return w.post(TwilioStatusPath, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
		}, 403},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			if got, body := c.do(w); got != c.want {
				t.Fatalf("%d %s, want %d", got, body, c.want)
			}
			counted := w.server.Counts()["webhook_bad_signature "+sourceTwilioStatus]
			if (c.want == 403) != (counted == 1) || (c.want == 403) != (len(w.rows) == 0) {
				t.Errorf("%d bad signatures counted, %d events kept", counted, len(w.rows))
			}
		})
	}
}

// TestPaymentSignature: HMAC over timestamp and raw body, fresh, under either secret.
func TestPaymentSignature(t *testing.T) {
	const body = `{"id":"p1","creditor":"acme","account":"C-1","amount":"10.00","currency":"EUR"}`
	for _, c := range []struct {
		about  string
		header string
		want   int
	}{
		{"right", SignPayment(payKey, wall, []byte(body)), 200},
		{"under the old secret", SignPayment(secret.New("old-pay-key"), wall, []byte(body)), 200},
		{"two signatures of a sender that rotates", SignPayment(secret.New("next"), wall, []byte(body)) + ",v1=" + SignPayment(payKey, wall, []byte(body))[len("t=1772463600,v1="):], 200},
		{"a little early: clocks differ", SignPayment(payKey, wall.Add(4*time.Minute), []byte(body)), 200},
		{"too old", SignPayment(payKey, wall.Add(-6*time.Minute), []byte(body)), 403},
		{"from the future", SignPayment(payKey, wall.Add(6*time.Minute), []byte(body)), 403},
		{"another secret", SignPayment(secret.New("x"), wall, []byte(body)), 403},
		{"over another body", SignPayment(payKey, wall, []byte(body+" ")), 403},
		{"no signature", "t=1772463600", 403},
		{"nothing", "", 403},
		{"nonsense", "t=abc,v1=zz", 403},
		{"an empty signature", "t=1772463600,v1=", 403},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			if got, text := w.post(PaymentsPath, http.Header{headerPayment: {c.header}}, []byte(body)); got != c.want {
				t.Errorf("%d %s, want %d", got, text, c.want)
			}
		})
	}
}

// TestPaymentExample pins the example of docs/webhooks.md: it can be computed by hand.
func TestPaymentExample(t *testing.T) {
	const want = "t=1772463600,v1=93f0a3a6198b738b2edc107ade09be2a6d7abb84fc1920b89ab69350b927222e"
	body := `{"id":"pay-1001","creditor":"demo","account":"C-100","amount":"120.50","currency":"USD"}`
	if got := SignPayment(secret.New("example-secret"), wall, []byte(body)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestMailKey: inbound mail is let in by a key or by SendGrid's signature.
func TestMailKey(t *testing.T) {
	body, contentType := mailBody(map[string]string{"from": "Ada <Ada@Example.com>", "text": "hello"})
	for _, c := range []struct {
		about string
		path  string
		head  http.Header
		want  int
	}{
		{"the key in the address", SendGridInboundPath + "?key=mail-key", nil, 200},
		{"the key as password", SendGridInboundPath, http.Header{"Authorization": {"Basic ZHVseTptYWlsLWtleQ=="}}, 200},
		{"another key", SendGridInboundPath + "?key=mail-kex", nil, 403},
		{"no key", SendGridInboundPath, nil, 403},
		{"an empty key", SendGridInboundPath + "?key=", nil, 403},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld(t)
			h := http.Header{"Content-Type": {contentType}}
			for k, v := range c.head {
				h[k] = v
			}
			if got, text := w.post(c.path, h, body); got != c.want {
				t.Errorf("%d %s, want %d", got, text, c.want)
			}
			for _, r := range w.requests {
				if r.Query != "" || r.Headers["Authorization"] != "" {
					t.Errorf("a credential was kept: %q %v", r.Query, r.Headers)
				}
			}
		})
	}
	w := newWorld(t)
	if got, _ := w.grid(SendGridInboundPath, wall, contentType, body); got != 200 {
		t.Errorf("signed by SendGrid: %d", got)
	}
}

// TestSwitchedOff: an endpoint without its secret says which setting is missing, and takes
// nothing.
func TestSwitchedOff(t *testing.T) {
	off := func(c *Config) {
		c.TwilioTokens, c.SendGridKeys, c.InboundKeys, c.PaymentSecrets = nil, nil, nil, nil
	}
	for path, want := range map[string]string{
		TwilioStatusPath: "TWILIO_AUTH_TOKEN", TwilioInboundPath: "TWILIO_AUTH_TOKEN", SendGridEventsPath: "SENDGRID_WEBHOOK_PUBLIC_KEY",
		SendGridInboundPath: "SENDGRID_INBOUND_KEY", PaymentsPath: "DULY_PAYMENTS_SECRET",
	} {
		w := newWorld(t, off)
		code, text := w.post(path, nil, []byte("x"))
		if code != 404 || !contains(text, want) {
			t.Errorf("%s: %d %q, want 404 and %s", path, code, text, want)
		}
	}
	w := newWorld(t, func(c *Config) { c.PublicURL = "" })
	if code, text := w.post(TwilioStatusPath, nil, nil); code != 404 || !contains(text, "DULY_PUBLIC_URL") {
		t.Errorf("without a public address: %d %q", code, text)
	}
	w = newWorld(t)
	if code, _ := w.post("/webhooks/nobody", nil, nil); code != 404 {
		t.Errorf("an endpoint that does not exist: %d", code)
	}
}

func TestFromEnv(t *testing.T) {
	const key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA=="
	for _, c := range []struct {
		about string
		env   map[string]string
		want  string // part of the error
	}{
		{"nothing is fine: everything is off", nil, ""},
		{"all with their old ones", map[string]string{
			"DULY_PUBLIC_URL": public + "/", "TWILIO_AUTH_TOKEN": "a", "TWILIO_AUTH_TOKEN_OLD": "b", "SENDGRID_WEBHOOK_PUBLIC_KEY": key,
			"SENDGRID_WEBHOOK_PUBLIC_KEY_OLD": key, "SENDGRID_INBOUND_KEY": "c", "DULY_PAYMENTS_SECRET": "d", "DULY_PAYMENTS_SECRET_OLD": "e",
		}, ""},
		{"an address that is none", map[string]string{"DULY_PUBLIC_URL": "duly.example.com"}, "DULY_PUBLIC_URL"},
		{"a key that is none", map[string]string{"SENDGRID_WEBHOOK_PUBLIC_KEY": "xyz"}, "SENDGRID_WEBHOOK_PUBLIC_KEY"},
		{"a secret twice", map[string]string{"DULY_PAYMENTS_SECRET": "a", "DULY_PAYMENTS_SECRET_FILE": "b"}, "DULY_PAYMENTS_SECRET"},
	} {
		t.Run(c.about, func(t *testing.T) {
			got, err := FromEnv(func(k string) string { return c.env[k] })
			if (err == nil) != (c.want == "") || err != nil && !contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if len(c.env) > 5 && (len(got.TwilioTokens) != 2 || len(got.SendGridKeys) != 2 || len(got.PaymentSecrets) != 2 || got.PublicURL != public) {
				t.Errorf("read %+v", got)
			}
		})
	}
}
