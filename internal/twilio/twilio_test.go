package twilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/secret"
)

const (
	testSID   = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	testToken = "tok-5ecret-0f-the-account"
	testMG    = "MGbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func testConfig(base string) Config {
	return Config{
		AccountSID: testSID, AuthToken: secret.New(testToken), From: "+15005550006", BaseURL: base,
		StatusCallback: "https://duly.example.com" + StatusPath,
	}
}

func newAdapter(t testing.TB, cfg Config, now time.Time) *Adapter {
	t.Helper()
	a, err := New(cfg, clock.Fixed(now))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConformance(t *testing.T) {
	channeltest.RunHTTP(t, channeltest.HTTP{
		Provider: "twilio", Channel: dunning.SMS, Exact: true, Secrets: []string{testToken},
		New: func(t testing.TB, base string, timeout time.Duration) channeltest.Channel {
			cfg := testConfig(base)
			cfg.Timeout = timeout
			return newAdapter(t, cfg, channeltest.Later)
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

func TestErrorCodes(t *testing.T) {
	failed := func(class dunning.FailureClass, code string) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: class != dunning.FailedLater}
	}
	dead := func(code string, why dunning.Delivery) dunning.Outcome {
		out := failed(dunning.FailedRecipient, code)
		out.Why = why
		return out
	}
	cases := []struct {
		name   string
		status int
		header http.Header
		body   string
		want   dunning.Outcome
	}{
		{"an opted-out number is a dead recipient", 400, nil, `{"code":21610,"message":"x"}`, dead("twilio:21610", dunning.Stopped)},
		{"an invalid number is a dead recipient", 400, nil, `{"code":21211}`, dead("twilio:21211", dunning.Invalid)},
		{"a landline is a dead recipient", 400, nil, `{"code":21614}`, dead("twilio:21614", dunning.Landline)},
		{"a region without permission stops the channel", 400, nil, `{"code":21408}`, failed(dunning.FailedConfig, "twilio:21408")},
		{"forbidden debt collection stops the channel", 400, nil, `{"code":30863}`, failed(dunning.FailedConfig, "twilio:30863")},
		{"wrong credentials stop the channel", 401, nil, `{"code":20003}`, failed(dunning.FailedConfig, "twilio:20003")},
		{"a channel sender's code is configuration as a family", 400, nil, `{"code":63112}`, failed(dunning.FailedConfig, "twilio:63112")},
		{"an empty body is content", 400, nil, `{"code":21602}`, failed(dunning.FailedContent, "twilio:21602")},
		{"an unknown code is refused for good and shown to a person", 400, nil, `{"code":29999}`, failed(dunning.FailedContent, "twilio:29999")},
		{"an unknown code with 403 is configuration", 403, nil, `{"code":29999}`, failed(dunning.FailedConfig, "twilio:29999")},
		{"a 400 that says nothing is content", 400, nil, `<html>`, failed(dunning.FailedContent, "http:400")},
		{
			"a full queue waits, by default 30 s", 400, nil, `{"code":21611}`,
			dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "twilio:21611", RetryAfter: 30 * time.Second},
		},
		{
			"429 waits as long as it says", 429,
			http.Header{"Retry-After": {"12"}},
			`{"code":20429}`,
			dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "twilio:20429", RetryAfter: 12 * time.Second},
		},
		{
			"429 waits even when its body is broken", 429, nil, `oops`,
			dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "http:429", RetryAfter: 30 * time.Second},
		},
		{
			"429 outranks a code that says otherwise", 429, nil, `{"code":21610}`,
			dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "twilio:21610", RetryAfter: 30 * time.Second},
		},
		{
			"201 with an id is accepted", 201, nil, `{"sid":"SM0123456789abcdef0123456789abcdef"}`,
			dunning.Outcome{State: dunning.SendAccepted, ProviderID: "SM0123456789abcdef0123456789abcdef"},
		},
		{"201 without an id is unknown", 201, nil, `{}`, dunning.Outcome{State: dunning.SendUnknown, Code: "twilio:no_sid"}},
		{"201 with an id that is none is unknown", 201, nil, `{"sid":"+12025550100 hello"}`, dunning.Outcome{State: dunning.SendUnknown, Code: "twilio:no_sid"}},
		{"201 that is no JSON is unknown", 201, nil, `<html>welcome</html>`, dunning.Outcome{State: dunning.SendUnknown, Code: "twilio:no_sid"}},
		{"502 with a page is unknown", 502, nil, `<html>bad gateway</html>`, dunning.Outcome{State: dunning.SendUnknown, Code: "http:502"}},
		{"302 is unknown and not followed", 302, http.Header{"Location": {"/2010"}}, ``, dunning.Outcome{State: dunning.SendUnknown, Code: "http:302"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := newAdapter(t, testConfig(answering(t, c.status, c.header, c.body)), channeltest.Later)
			got := a.Send(t.Context(), channeltest.Message(dunning.SMS, 1))
			channeltest.CheckOutcome(t, got)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// start runs a fake provider whose records are dated at.
func start(t *testing.T, o fakeprovider.Options) *fakeprovider.Running {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return channeltest.Start }
	}
	o.Check = channeltest.Contract(t)
	p, err := fakeprovider.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if c := p.Complaints(); len(c) > 0 {
			t.Errorf("the contract is broken: %v", c)
		}
	})
	return p
}

func TestRequestCarriesTheWindowAndTheToken(t *testing.T) {
	var got url.Values
	check := channeltest.Contract(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); !ok || user != testSID || pass != testToken {
			t.Errorf("credentials are missing")
		}
		body := readAll(t, r)
		if check != nil {
			if err := check(r, []byte(body)); err != nil {
				t.Errorf("contract: %v", err)
			}
		}
		got, _ = url.ParseQuery(body)
		w.WriteHeader(201)
		_, _ = w.Write([]byte(`{"sid":"SM1"}`))
	}))
	defer srv.Close()
	at := channeltest.Start
	token := Token(secret.New(testToken), "attempt-000001")
	cases := []struct {
		name   string
		change func(*dunning.Message)
		want   url.Values
	}{
		{"without a limit Twilio's own validity holds", func(*dunning.Message) {}, url.Values{"From": {"+15005550006"}}},
		{"the rest of the window becomes the validity", func(m *dunning.Message) { m.NotAfter = at.Add(90 * time.Minute) }, url.Values{"From": {"+15005550006"}, "ValidityPeriod": {"5400"}}},
		{"a part of a second is cut, never rounded up", func(m *dunning.Message) { m.NotAfter = at.Add(1999 * time.Millisecond) }, url.Values{"From": {"+15005550006"}, "ValidityPeriod": {"1"}}},
		{"more than ten hours is cut to Twilio's limit", func(m *dunning.Message) { m.NotAfter = at.Add(48 * time.Hour) }, url.Values{"From": {"+15005550006"}, "ValidityPeriod": {"36000"}}},
		{"a message's own sender wins", func(m *dunning.Message) { m.From = "+15005550999" }, url.Values{"From": {"+15005550999"}}},
		{"a messaging service goes into its own field", func(m *dunning.Message) { m.From = testMG }, url.Values{"MessagingServiceSid": {testMG}}},
		{"an alphanumeric sender keeps its dot and digits", func(m *dunning.Message) { m.From = "MyCo.24" }, url.Values{"From": {"MyCo.24"}}},
		{"no-break spaces become plain ones", func(m *dunning.Message) { m.Text = "12\u00a0000,00\u202f€" }, url.Values{"From": {"+15005550006"}, "Body": {"12 000,00 €"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := channeltest.Message(dunning.SMS, 1)
			c.change(&m)
			if out := newAdapter(t, testConfig(srv.URL), at).Send(t.Context(), m); out.State != dunning.SendAccepted {
				t.Fatalf("%+v", out)
			}
			want := url.Values{"To": {m.To}, "Body": {m.Text}, "StatusCallback": {"https://duly.example.com/webhooks/twilio/status?a=attempt-000001&t=" + token}}
			for k, v := range c.want {
				want[k] = v
			}
			if got.Encode() != want.Encode() {
				t.Errorf("sent %s\nwant %s", got.Encode(), want.Encode())
			}
		})
	}
}

func readAll(t *testing.T, r *http.Request) string {
	t.Helper()
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

func TestLookup(t *testing.T) {
	at := channeltest.Start
	m := channeltest.Message(dunning.SMS, 1)
	with := func(text string) dunning.Message { o := m; o.Text = text; return o }
	cases := []struct {
		name   string
		before []past
		now    time.Duration
		queued time.Duration
		page   int
		want   dunning.EvidenceKind
		code   string
	}{
		{"an empty record after ten minutes proves that it never arrived", nil, 10 * time.Minute, 0, 0, dunning.EvidenceNotAccepted, "twilio:not_listed"},
		{"an empty record after nine minutes proves nothing", nil, 9 * time.Minute, 0, 0, dunning.EvidenceCannotKnow, "twilio:too_early"},
		{"the same text in the window is it", []past{{time.Second, m}}, time.Minute, 0, 0, dunning.EvidenceAccepted, "twilio:sent"},
		{"a queued message has no date_sent and is found all the same", []past{{time.Second, m}}, time.Minute, 5 * time.Hour, 0, dunning.EvidenceAccepted, "twilio:queued"},
		{"the same text last week is another message", []past{{-7 * 24 * time.Hour, m}}, time.Hour, 0, 0, dunning.EvidenceNotAccepted, "twilio:not_listed"},
		{"the same text half an hour later is another message", []past{{30 * time.Minute, m}}, time.Hour, 0, 0, dunning.EvidenceNotAccepted, "twilio:not_listed"},
		{"another text in the window may be ours, rewritten: nothing is proven", []past{{time.Second, with("something else")}}, time.Hour, 0, 0, dunning.EvidenceCannotKnow, "twilio:other_message_in_window"},
		{"another text and ours: ours is found", []past{{0, with("something else")}, {time.Second, m}}, time.Hour, 0, 0, dunning.EvidenceAccepted, "twilio:sent"},
		{"smart encoding and the trial prefix do not hide it", []past{{time.Second, with(trialPrefix + strings.ReplaceAll(m.Text, " ", "\u00a0"))}}, time.Hour, 0, 0, dunning.EvidenceAccepted, "twilio:sent"},
		{"it is found on the last of several pages", []past{{0, m}, {20 * time.Second, with("b")}, {30 * time.Second, with("c")}, {40 * time.Second, with("d")}}, time.Hour, 0, 1, dunning.EvidenceAccepted, "twilio:sent"},
		{"a record too long to read proves nothing", many(25, with("x")), time.Hour, 0, 1, dunning.EvidenceCannotKnow, "twilio:listing_incomplete"},
		{"a long record of older messages is read no further than needed", older(30, m), time.Hour, 0, 1, dunning.EvidenceNotAccepted, "twilio:not_listed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now := at
			p := start(t, fakeprovider.Options{Now: func() time.Time { return now }, QueuedFor: c.queued, PageSize: c.page})
			adapter := newAdapter(t, testConfig(p.URL), at.Add(c.now))
			var id string
			for _, b := range c.before {
				now = at.Add(b.when)
				out := adapter.Send(t.Context(), b.m)
				if out.State != dunning.SendAccepted {
					t.Fatalf("%+v", out)
				}
				if b.m.Text == m.Text {
					id = out.ProviderID
				}
			}
			now = at.Add(c.now)
			got := adapter.Lookup(t.Context(), m)
			if got.Found != c.want || got.Code != c.code {
				t.Errorf("got %+v, want %s %s", got, c.want, c.code)
			}
			if got.Found == dunning.EvidenceAccepted && id != "" && got.ProviderID != id {
				t.Errorf("found %s, it was %s", got.ProviderID, id)
			}
			channeltest.CheckSilent(t, m, []string{testToken}, got)
		})
	}
}

// TestLookupOverALapse: where only is known that the hand-over was within a stretch of time,
// all of it is looked through, and nothing is proven before its end has settled.
func TestLookupOverALapse(t *testing.T) {
	const long = 9 * time.Hour
	m := channeltest.Message(dunning.SMS, 1)
	m.Until = m.At.Add(long)
	for _, c := range []struct {
		about string
		sent  time.Duration // after At; 0: never
		now   time.Duration
		want  dunning.EvidenceKind
		code  string
	}{
		{"it left hours after the beginning", 4 * time.Hour, long + time.Hour, dunning.EvidenceAccepted, "twilio:sent"},
		{"it left at the end", long, long + time.Hour, dunning.EvidenceAccepted, "twilio:sent"},
		{"the same text a day later is another message", 33 * time.Hour, 34 * time.Hour, dunning.EvidenceNotAccepted, "twilio:not_listed"},
		{"nothing left", 0, long + 10*time.Minute, dunning.EvidenceNotAccepted, "twilio:not_listed"},
		{"the end has not settled yet", 0, long + 9*time.Minute, dunning.EvidenceCannotKnow, "twilio:too_early"},
	} {
		now := m.At
		p := start(t, fakeprovider.Options{Now: func() time.Time { return now }})
		a := newAdapter(t, testConfig(p.URL), m.At.Add(c.now))
		if now = m.At.Add(c.sent); c.sent > 0 {
			a.Send(t.Context(), m)
		}
		now = m.At.Add(c.now)
		if got := a.Lookup(t.Context(), m); got.Found != c.want || got.Code != c.code {
			t.Errorf("%s: %+v, want %s %s", c.about, got, c.want, c.code)
		}
	}
}

// past is a message sent before, at an instant relative to the hand-over that
// is looked up.
type past struct {
	when time.Duration
	m    dunning.Message
}

// many is n messages, a second apart.
func many(n int, m dunning.Message) (out []past) {
	for i := range n {
		out = append(out, past{time.Duration(i) * time.Second, m})
	}
	return out
}

// older is n messages of the day before.
func older(n int, m dunning.Message) []past {
	out := many(n, m)
	for i := range out {
		out[i].when -= 24 * time.Hour
	}
	return out
}

func TestLookupNeverTrustsABrokenRecord(t *testing.T) {
	date := channeltest.Start.Format(time.RFC1123Z)
	message := func(m map[string]any) string {
		raw, err := json.Marshal(map[string]any{"messages": []any{m}})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	m := channeltest.Message(dunning.SMS, 1)
	cases := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"an error", 500, `{}`, "twilio:listing_incomplete"},
		{"too many requests", 429, `{}`, "twilio:listing_incomplete"},
		{"a refusal", 401, `{"messages":[]}`, "twilio:listing_incomplete"},
		{"no list at all", 200, `{}`, "twilio:listing_incomplete"},
		{"a page of a proxy", 200, `<html>`, "twilio:listing_incomplete"},
		{"a next page at another host's path", 200, `{"messages":[],"next_page_uri":"https://evil.example/steal?x=1"}`, "twilio:listing_incomplete"},
		{"a next page that never ends", 200, `{"messages":[],"next_page_uri":"/2010-04-01/Accounts/` + testSID + `/Messages.json?Page=1"}`, "twilio:listing_incomplete"},
		{"a redacted message in the window", 200, message(map[string]any{"sid": "SM1", "body": "", "date_created": date}), "twilio:other_message_in_window"},
		{"a message whose date cannot be read", 200, message(map[string]any{"sid": "SM1", "body": m.Text, "date_created": "soon"}), "twilio:other_message_in_window"},
		{"a match whose id is none", 200, message(map[string]any{"sid": "<b>", "body": m.Text, "date_created": date}), "twilio:other_message_in_window"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := newAdapter(t, testConfig(answering(t, c.status, nil, c.body)), channeltest.Later)
			again := c.status == 429 || c.status >= 500 // who may not read at all is not told to come again
			if got := a.Lookup(t.Context(), m); got.Found != dunning.EvidenceCannotKnow || got.Code != c.want || got.Again != again {
				t.Errorf("got %+v, want cannot_know %s, again %v", got, c.want, again)
			}
		})
	}
	inbound := message(map[string]any{"sid": "SM1", "body": "STOP", "direction": "inbound", "date_created": date})
	a := newAdapter(t, testConfig(answering(t, 200, nil, inbound)), channeltest.Later)
	if got := a.Lookup(t.Context(), m); got.Found != dunning.EvidenceNotAccepted {
		t.Errorf("a debtor's own message hides nothing: %+v", got)
	}
	failed := message(map[string]any{"sid": "SM1", "body": m.Text, "date_created": date, "error_code": 30003, "status": "undelivered"})
	a = newAdapter(t, testConfig(answering(t, 200, nil, failed)), channeltest.Later)
	if got := a.Lookup(t.Context(), m); got.Found != dunning.EvidenceAccepted || got.Code != "twilio:30003" {
		t.Errorf("what was taken and not delivered was taken: %+v", got)
	}
}

func TestLookupQueryKeepsDigitsAfterADot(t *testing.T) {
	q := listQuery{To: "MyCo.24", SentFrom: channeltest.Start, SentUntil: channeltest.Later, PageSize: 5}.encode()
	back, err := url.ParseQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"To": {"MyCo.24"}, "DateSent>": {"2026-03-02T15:00:00Z"}, "DateSent<": {"2026-03-02T16:00:00Z"}, "PageSize": {"5"}}
	if back.Encode() != want.Encode() {
		t.Errorf("the query is %s, want %s", back.Encode(), want.Encode())
	}
}

func TestLookupInRehearsal(t *testing.T) {
	// The provider's own clock stands in another year; it dates by our header.
	p := start(t, fakeprovider.Options{TrustDate: true, Now: func() time.Time { return channeltest.Start.AddDate(5, 0, 0) }})
	a, m := newAdapter(t, testConfig(p.URL), channeltest.Later), channeltest.Message(dunning.SMS, 1)
	out := a.Send(t.Context(), m)
	if got := a.Lookup(t.Context(), m); got.Found != dunning.EvidenceAccepted || got.ProviderID != out.ProviderID {
		t.Errorf("got %+v after %+v", got, out)
	}
}

func TestMagicNumbers(t *testing.T) {
	p := start(t, fakeprovider.Options{AccountSID: testSID, AuthToken: testToken})
	a := newAdapter(t, testConfig(p.URL), channeltest.Later)
	for to, code := range map[string]string{"+15005550001": "twilio:21211", "+15005550004": "twilio:21610", "+15005550009": "twilio:21614"} {
		m := channeltest.Message(dunning.SMS, 1)
		m.To = to
		if out := a.Send(t.Context(), m); out.Class != dunning.FailedRecipient || out.Code != code {
			t.Errorf("Twilio's test number for %s gave %+v", code, out)
		}
	}
	cfg := testConfig(p.URL)
	cfg.AuthToken = secret.New("another")
	if out := newAdapter(t, cfg, channeltest.Later).Send(t.Context(), channeltest.Message(dunning.SMS, 1)); out.Class != dunning.FailedConfig {
		t.Errorf("a wrong token gave %+v, want a configuration failure", out)
	}
}

func TestToken(t *testing.T) {
	one, two := secret.New("one"), secret.New("two")
	token := Token(one, "attempt")
	cases := []struct {
		name    string
		attempt string
		token   string
		keys    []secret.Value
		want    bool
	}{
		{"the same attempt and key", "attempt", token, []secret.Value{one}, true},
		{"during a rotation the old key counts too", "attempt", token, []secret.Value{two, one}, true},
		{"another attempt", "attempt2", token, []secret.Value{one}, false},
		{"another key", "attempt", token, []secret.Value{two}, false},
		{"no token", "attempt", "", []secret.Value{one}, false},
		{"no key is no permission", "attempt", Token(secret.Value{}, "attempt"), []secret.Value{{}}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := VerifyToken(c.attempt, c.token, c.keys...); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFromEnv(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := map[string]string{"TWILIO_ACCOUNT_SID": testSID, "TWILIO_AUTH_TOKEN": testToken, "TWILIO_FROM": "+15005550006"}
	with := func(kv ...string) map[string]string {
		out := map[string]string{}
		for k, v := range full {
			out[k] = v
		}
		for i := 0; i < len(kv); i += 2 {
			out[kv[i]] = kv[i+1]
		}
		return out
	}
	cases := []struct {
		name string
		env  map[string]string
		ok   bool
		errs []string
	}{
		{"nothing set means not configured", nil, false, nil},
		{"a base URL alone is not a configuration", map[string]string{"TWILIO_BASE_URL": "http://127.0.0.1:1"}, false, nil},
		{"the full set", full, true, nil},
		{"the token by file", with("TWILIO_AUTH_TOKEN", "", "TWILIO_AUTH_TOKEN_FILE", write("tok", testToken+"\n")), true, nil},
		{"a messaging service instead of a number", with("TWILIO_FROM", "", "TWILIO_MESSAGING_SERVICE_SID", testMG), true, nil},
		{"every missing variable is named", map[string]string{"TWILIO_FROM": "+15005550006"}, false, []string{"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"}},
		{"two senders", with("TWILIO_MESSAGING_SERVICE_SID", testMG), false, []string{"keep one"}},
		{"a bad account", with("TWILIO_ACCOUNT_SID", "AC123"), false, []string{"32 hexadecimal"}},
		{"clear text to elsewhere", with("TWILIO_BASE_URL", "http://twilio.example.com"), false, []string{"TWILIO_BASE_URL", "https"}},
		{"clear text to this machine", with("TWILIO_BASE_URL", "http://localhost:9999"), true, nil},
		{"own error codes", with("TWILIO_ERROR_CODES_FILE", write("codes", "21610 config ours\n")), true, nil},
		{
			"faulty error codes, all at once", with("TWILIO_ERROR_CODES_FILE", write("bad", "12 config\n21610 nonsense\n21611\n30001 later\n30001 later\n")), false,
			[]string{"bad:1", "bad:2", "bad:3", "bad:5"},
		},
		{"a file of error codes that is not there", with("TWILIO_ERROR_CODES_FILE", filepath.Join(dir, "none")), false, []string{"TWILIO_ERROR_CODES_FILE"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg, ok, err := FromEnv(func(k string) string { return c.env[k] })
			if ok != c.ok || (err != nil) != (c.errs != nil) {
				t.Fatalf("ok %v, error %v; want ok %v, errors %v", ok, err, c.ok, c.errs)
			}
			for _, want := range c.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not name %s: %v", want, err)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v %v", cfg, cfg, cfg, err); strings.Contains(text, testToken) {
				t.Errorf("the token is printed: %s", text)
			}
		})
	}
}

func TestCodesTable(t *testing.T) {
	codes := DefaultCodes()
	if len(codes) < 25 {
		t.Fatalf("only %d codes", len(codes))
	}
	cases := []struct {
		name  string
		codes Codes
		code  int
		want  dunning.FailureClass
		known bool
	}{
		{"a listed code", codes, 21610, dunning.FailedRecipient, true},
		{"a delivery failure that passes", codes, 30003, dunning.FailedLater, true},
		{"an unlisted code is content and unknown", codes, 12345, dunning.FailedContent, false},
		{"an override wins", codes.with(Codes{21610: dunning.FailedContent}), 21610, dunning.FailedContent, true},
		{"an override leaves other lines alone", codes.with(Codes{21610: dunning.FailedContent}), 21211, dunning.FailedRecipient, true},
		{"an override may add a line", codes.with(Codes{12345: dunning.FailedLater}), 12345, dunning.FailedLater, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if class, known := c.codes.Class(c.code); class != c.want || known != c.known {
				t.Errorf("got %s, %v", class, known)
			}
		})
	}
	if DefaultCodes()[21610] != dunning.FailedRecipient {
		t.Error("an override changed the shipped table")
	}
}

func TestLive(t *testing.T) {
	for base, want := range map[string]bool{"": true, "https://api.twilio.com": true, "http://127.0.0.1:80": false, "http://[::1]:80": false, "http://localhost:1": false, "https://localhost": false} {
		if got := newAdapter(t, testConfig(base), channeltest.Later).Live(); got != want {
			t.Errorf("%q is live: %v, want %v", base, got, want)
		}
	}
	if _, err := New(testConfig(""), nil); err == nil {
		t.Error("an adapter without a clock could prove nothing and must not be built")
	}
	if _, err := New(Config{}, clock.Fixed(channeltest.Later)); err == nil {
		t.Error("an empty configuration must be refused")
	}
}

func BenchmarkSend(b *testing.B) {
	p, err := fakeprovider.Listen("127.0.0.1:0", fakeprovider.Options{Now: func() time.Time { return channeltest.Start }})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Stop() }()
	a := newAdapter(b, testConfig(p.URL), channeltest.Later)
	m := channeltest.Message(dunning.SMS, 1)
	for b.Loop() {
		if out := a.Send(context.Background(), m); out.State != dunning.SendAccepted {
			b.Fatal(out)
		}
	}
}
