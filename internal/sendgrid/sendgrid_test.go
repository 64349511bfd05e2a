package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/secret"
)

const testKey = "SG.very-5ecret-key"

func testConfig(base string) Config {
	return Config{APIKey: secret.New(testKey), FromEmail: "billing@acme.example", BaseURL: base}
}

func newAdapter(t testing.TB, cfg Config) *Adapter {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestConformance runs with the activity add-on, where a look-up can find what
// was taken, though never prove that something was not.
func TestConformance(t *testing.T) {
	channeltest.RunHTTP(t, channeltest.HTTP{
		Provider: "sendgrid", Channel: dunning.Email, Secrets: []string{testKey},
		New: func(t testing.TB, base string, timeout time.Duration) channeltest.Channel {
			cfg := testConfig(base)
			cfg.Timeout, cfg.Activity = timeout, true
			return newAdapter(t, cfg)
		},
	})
}

// answering is a provider that answers every request in the same way.
func answering(t *testing.T, status int, header http.Header, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestOutcomes(t *testing.T) {
	failed := func(class dunning.FailureClass, code string) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: true}
	}
	wrong := func(field string) string { return `{"errors":[{"message":"bad a@b.c","field":"` + field + `"}]}` }
	id := http.Header{"X-Message-Id": {"14c5d75ce93.dfd.64b469"}}
	cases := []struct {
		name   string
		status int
		header http.Header
		body   string
		want   dunning.Outcome
	}{
		{"202 with an id is accepted", 202, id, "", dunning.Outcome{State: dunning.SendAccepted, ProviderID: "14c5d75ce93.dfd.64b469"}},
		{"202 without an id is unknown", 202, nil, "", dunning.Outcome{State: dunning.SendUnknown, Code: "sendgrid:no_message_id"}},
		{"202 with an id that is none is unknown", 202, http.Header{"X-Message-Id": {"a b@c"}}, "", dunning.Outcome{State: dunning.SendUnknown, Code: "sendgrid:no_message_id"}},
		{"200 is not how SendGrid accepts", 200, id, "", dunning.Outcome{State: dunning.SendUnknown, Code: "sendgrid:no_message_id"}},
		{"a bad recipient is a dead recipient", 400, nil, wrong("personalizations.0.to.0.email"), failed(dunning.FailedRecipient, "sendgrid:to")},
		{"a bad sender is configuration", 400, nil, wrong("from.email"), failed(dunning.FailedConfig, "sendgrid:from")},
		{"a bad reply address is configuration", 400, nil, wrong("reply_to.email"), failed(dunning.FailedConfig, "sendgrid:from")},
		{"any other field is content", 400, nil, wrong("content.0.value"), failed(dunning.FailedContent, "http:400")},
		{"a 400 without a field is content", 400, nil, `{"errors":[{"message":"x","field":null}]}`, failed(dunning.FailedContent, "http:400")},
		{"a 400 that is no JSON is content", 400, nil, `<html>`, failed(dunning.FailedContent, "http:400")},
		{"a wrong key stops the channel", 401, nil, `{}`, failed(dunning.FailedConfig, "http:401")},
		{"an unverified sender stops the channel", 403, nil, wrong("from"), failed(dunning.FailedConfig, "http:403")},
		{"too large is content", 413, nil, ``, failed(dunning.FailedContent, "http:413")},
		{"an unknown refusal is for good", 418, nil, ``, failed(dunning.FailedContent, "http:418")},
		{
			"429 waits as long as it says", 429,
			http.Header{"Retry-After": {"9"}},
			``,
			dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "http:429", RetryAfter: 9 * time.Second},
		},
		{"500 is unknown", 500, nil, ``, dunning.Outcome{State: dunning.SendUnknown, Code: "http:500"}},
		{"408 is unknown", 408, nil, ``, dunning.Outcome{State: dunning.SendUnknown, Code: "http:408"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := newAdapter(t, testConfig(answering(t, c.status, c.header, c.body))).Send(t.Context(), channeltest.Message(dunning.Email, 1))
			channeltest.CheckOutcome(t, got)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	var got map[string]any
	check := channeltest.Contract(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Error("the key is missing")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if check != nil {
			if err := check(r, body); err != nil {
				t.Errorf("contract: %v", err)
			}
		}
		got = nil
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Message-Id", "id")
		w.WriteHeader(202)
	}))
	defer srv.Close()
	base := func() map[string]any {
		return map[string]any{
			"personalizations": []any{map[string]any{
				"to": []any{map[string]any{"email": "debtor1@example.invalid", "name": "Zoë Ü"}}, "custom_args": map[string]any{"duly_attempt": "attempt-000001"},
			}},
			"from": map[string]any{"email": "billing@acme.example", "name": "Acme"}, "subject": "Betreff ü",
			"content":           []any{map[string]any{"type": "text/plain", "value": "text €"}, map[string]any{"type": "text/html", "value": "<p>html</p>"}},
			"tracking_settings": map[string]any{"click_tracking": map[string]any{"enable": false, "enable_text": false}, "open_tracking": map[string]any{"enable": false}},
		}
	}
	cases := []struct {
		name   string
		change func(*dunning.Message)
		want   func(map[string]any)
	}{
		{"one envelope, one recipient, the attempt as the only metadata, no tracking", func(*dunning.Message) {}, func(map[string]any) {}},
		{
			"a message's own sender and reply address", func(m *dunning.Message) { m.From, m.ReplyTo = "x@acme.example", "r@acme.example" },
			func(w map[string]any) {
				w["from"] = map[string]any{"email": "x@acme.example", "name": "Acme"}
				w["reply_to"] = map[string]any{"email": "r@acme.example"}
			},
		},
		{
			"line breaks in headers become spaces", func(m *dunning.Message) { m.Subject, m.FromName = "Betreff\r\n\tü ", "Acme\nBcc: x@y.z" },
			func(w map[string]any) {
				w["from"] = map[string]any{"email": "billing@acme.example", "name": "Acme Bcc: x@y.z"}
			},
		},
		{
			"one click ends them", func(m *dunning.Message) { m.Unsubscribe = "https://duly.example/u/token" },
			func(w map[string]any) {
				w["headers"] = map[string]any{"List-Unsubscribe": "<https://duly.example/u/token>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
			},
		},
		{
			"text alone is enough", func(m *dunning.Message) { m.HTML = "" },
			func(w map[string]any) {
				w["content"] = []any{map[string]any{"type": "text/plain", "value": "text €"}}
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := dunning.Message{
				Attempt: "attempt-000001", Channel: dunning.Email, To: "debtor1@example.invalid", ToName: "Zoë Ü", FromName: "Acme",
				Subject: "Betreff ü", Text: "text €", HTML: "<p>html</p>", At: channeltest.Start,
			}
			c.change(&m)
			if out := newAdapter(t, testConfig(srv.URL)).Send(t.Context(), m); out.State != dunning.SendAccepted {
				t.Fatalf("%+v", out)
			}
			want := base()
			c.want(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +sent\n%s", d)
			}
		})
	}
}

func TestRefusedBeforeItCostsARequest(t *testing.T) {
	p := startFake(t, nil)
	a := newAdapter(t, testConfig(p.URL))
	cases := []struct {
		name  string
		spoil func(*dunning.Message)
		want  dunning.FailureClass
	}{
		{"a display name in the address", func(m *dunning.Message) { m.To = "Bob <bob@example.com>" }, dunning.FailedRecipient},
		{"an address without a domain", func(m *dunning.Message) { m.To = "bob" }, dunning.FailedRecipient},
		{"an address that is too long", func(m *dunning.Message) { m.To = strings.Repeat("b", 250) + "@example.com" }, dunning.FailedRecipient},
		{"a sender that is none", func(m *dunning.Message) { m.From = "us" }, dunning.FailedConfig},
		{"a reply address that is none", func(m *dunning.Message) { m.ReplyTo = "a@b\nc@d" }, dunning.FailedConfig},
		{"no subject", func(m *dunning.Message) { m.Subject = "\r\n" }, dunning.FailedContent},
		{"text that is no UTF-8", func(m *dunning.Message) { m.Text = "12,00 \xa4" }, dunning.FailedContent},
		{"an attempt that would break out of the look-up's query", func(m *dunning.Message) { m.Attempt = `x") OR ("1"="1` }, dunning.FailedConfig},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := channeltest.Message(dunning.Email, 1)
			c.spoil(&m)
			out := a.Send(t.Context(), m)
			channeltest.CheckOutcome(t, out)
			if out.Class != c.want {
				t.Errorf("got %+v, want %s", out, c.want)
			}
		})
	}
	if n := p.Calls("sendgrid"); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func startFake(t testing.TB, faults func(fakeprovider.Call) fakeprovider.Fault) *fakeprovider.Running {
	t.Helper()
	p, err := fakeprovider.Listen("127.0.0.1:0", fakeprovider.Options{Now: func() time.Time { return channeltest.Start }, Faults: faults, APIKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestLookup(t *testing.T) {
	m := channeltest.Message(dunning.Email, 1)
	p := startFake(t, nil)
	withActivity := testConfig(p.URL)
	withActivity.Activity = true
	a := newAdapter(t, withActivity)
	out := a.Send(t.Context(), m)
	odd := func(body string) *Adapter {
		cfg := testConfig(answering(t, 200, nil, body))
		cfg.Activity = true
		return newAdapter(t, cfg)
	}
	evil := m
	evil.Attempt = `" OR "1"="1`
	cases := []struct {
		name string
		a    *Adapter
		m    dunning.Message
		want dunning.Evidence
	}{
		{"with the add-on it is found by its attempt", a, m, dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: out.ProviderID, Code: "sendgrid:delivered"}},
		{"another attempt is not found, which proves nothing", a, channeltest.Message(dunning.Email, 2), dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:not_listed"}},
		{"without the add-on nothing can be known", newAdapter(t, testConfig(p.URL)), m, dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:no_activity"}},
		{"an attempt that is no id is never asked for", a, evil, dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:no_activity"}},
		{"a page of a proxy is no evidence", odd("<html>"), m, dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:not_listed"}},
		{"an entry without an id is no evidence", odd(`{"messages":[{"status":"delivered"}]}`), m, dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sendgrid:not_listed"}},
		{"of several the pick is always the same", odd(`{"messages":[{"msg_id":"b","status":"x"},{"msg_id":"a","status":"not delivered!"},{"msg_id":"c"}]}`), m, dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: "a", Code: "sendgrid:listed"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.a.Lookup(t.Context(), c.m); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(testKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		env  map[string]string
		ok   bool
		errs []string
	}{
		{"nothing set means not configured", nil, false, nil},
		{"a webhook key alone is not a configuration", map[string]string{"SENDGRID_WEBHOOK_PUBLIC_KEY": "x"}, false, nil},
		{"the full set", map[string]string{"SENDGRID_API_KEY": testKey, "SENDGRID_FROM_EMAIL": "a@b.example"}, true, nil},
		{"the key by file", map[string]string{"SENDGRID_API_KEY_FILE": file, "SENDGRID_FROM_EMAIL": "a@b.example", "SENDGRID_ACTIVITY": "true"}, true, nil},
		{"a key without a sender", map[string]string{"SENDGRID_API_KEY": testKey}, false, []string{"SENDGRID_FROM_EMAIL"}},
		{"every fault at once", map[string]string{"SENDGRID_FROM_EMAIL": "nobody", "SENDGRID_BASE_URL": "ftp://x"}, false, []string{"SENDGRID_API_KEY", "SENDGRID_FROM_EMAIL", "SENDGRID_BASE_URL"}},
		{"an add-on switch that is none", map[string]string{"SENDGRID_API_KEY": testKey, "SENDGRID_FROM_EMAIL": "a@b.example", "SENDGRID_ACTIVITY": "maybe"}, false, []string{"SENDGRID_ACTIVITY"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg, ok, err := FromEnv(func(k string) string { return c.env[k] })
			if ok != c.ok || (err != nil) != (c.errs != nil) {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			for _, want := range c.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not name %s: %v", want, err)
				}
			}
			if ok && cfg.APIKey.Reveal() != testKey {
				t.Error("another key was read")
			}
			if text := fmt.Sprintf("%v %+v %#v %v", cfg, cfg, cfg, err); strings.Contains(text, testKey) {
				t.Errorf("the key is printed: %s", text)
			}
		})
	}
}

func TestLive(t *testing.T) {
	for base, want := range map[string]bool{"": true, EUBaseURL: true, "http://127.0.0.1:80": false} {
		if got := newAdapter(t, testConfig(base)).Live(); got != want {
			t.Errorf("%q is live: %v, want %v", base, got, want)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration must be refused")
	}
}

// BenchmarkSend reports mails/s and the time from Send to accepted against a
// server on this machine; the goal is 200 mails/s.
func BenchmarkSend(b *testing.B) {
	a := newAdapter(b, testConfig(startFake(b, nil).URL))
	var mu sync.Mutex
	var took []time.Duration
	next := 0
	b.ReportAllocs()
	began := time.Now()
	channeltest.Parallel(8, func(int) {
		for {
			mu.Lock()
			i := next
			next++
			mu.Unlock()
			if i >= b.N {
				return
			}
			t0 := time.Now()
			if out := a.Send(context.Background(), channeltest.Message(dunning.Email, i)); out.State != dunning.SendAccepted {
				b.Errorf("%+v", out)
			}
			d := time.Since(t0)
			mu.Lock()
			took = append(took, d)
			mu.Unlock()
		}
	})
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "mails/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
