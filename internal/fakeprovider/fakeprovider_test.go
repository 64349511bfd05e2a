package fakeprovider

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

var base = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

func listen(t *testing.T, o Options) *Running {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return base }
	}
	p, err := Listen("127.0.0.1:0", o)
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

const account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// do makes one request and returns status and JSON body.
func do(t *testing.T, p *Running, method, path, body string, header map[string]string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(account, "token")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil && len(raw) > 0 {
		t.Fatalf("status %d, no JSON: %s", resp.StatusCode, raw)
	}
	return resp.StatusCode, out
}

const messages = "/2010-04-01/Accounts/" + account + "/Messages.json"

func sms(t *testing.T, p *Running, to, text string) (int, map[string]any) {
	t.Helper()
	return do(t, p, "POST", messages, url.Values{"To": {to}, "From": {"+15005550006"}, "Body": {text}}.Encode(), nil)
}

func TestTwilioRefusals(t *testing.T) {
	p := listen(t, Options{AccountSID: account, AuthToken: "token"})
	good := url.Values{"To": {"+12025550100"}, "From": {"+15005550006"}, "Body": {"x"}}
	with := func(k, v string) string {
		f := url.Values{}
		for key, values := range good {
			f[key] = values
		}
		f.Set(k, v)
		return f.Encode()
	}
	cases := []struct {
		name, form string
		status     int
		code       float64
	}{
		{"a whole request", good.Encode(), 201, 0},
		{"no recipient", with("To", ""), 400, 21604},
		{"no number", with("To", "bob"), 400, 21211},
		{"the opted-out test number", with("To", "+15005550004"), 400, 21610},
		{"no sender", with("From", ""), 400, 21603},
		{"no text", with("Body", ""), 400, 21602},
		{"too much text", with("Body", strings.Repeat("x", 1601)), 400, 21617},
		{"a validity of nothing", with("ValidityPeriod", "0"), 400, 20001},
		{"a validity beyond ten hours", with("ValidityPeriod", "36001"), 400, 20001},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, body := do(t, p, "POST", messages, c.form, nil)
			if code, _ := body["code"].(float64); status != c.status || code != c.code {
				t.Errorf("got %d %v", status, body)
			}
		})
	}
	if status, _ := do(t, p, "POST", messages, good.Encode(), map[string]string{"Authorization": "Basic eDp5"}); status != 401 {
		t.Errorf("wrong credentials gave %d", status)
	}
	if n := len(p.Log()); n != 1 {
		t.Errorf("%d messages taken, want the one whole request", n)
	}
}

func TestListing(t *testing.T) {
	now := base
	p := listen(t, Options{Now: func() time.Time { return now }, QueuedFor: time.Hour})
	for i := range 7 {
		now = base.Add(time.Duration(i) * 24 * time.Hour)
		to := "+12025550100"
		if i == 3 {
			to = "+12025550199"
		}
		if status, _ := sms(t, p, to, fmt.Sprint(i)); status != 201 {
			t.Fatal(status)
		}
	}
	cases := []struct {
		name  string
		query url.Values
		want  string
	}{
		{"all of a recipient, newest first", url.Values{"To": {"+12025550100"}}, "6 5 4 2 1 0"},
		{"small pages hang together", url.Values{"To": {"+12025550100"}, "PageSize": {"2"}}, "6 5 4 2 1 0"},
		{"a queued message has no date_sent and no place in a listing by date", url.Values{"To": {"+12025550100"}, "DateSent>": {base.Add(5 * 24 * time.Hour).Format(time.RFC3339)}}, "5"},
		{"between two instants, both included", url.Values{"DateSent>": {base.Add(25 * time.Hour).Format(time.RFC3339)}, "DateSent<": {base.Add(73 * time.Hour).Format(time.RFC3339)}}, "3 2 1"},
		{"one day", url.Values{"DateSent": {"2026-03-04"}}, "2"},
		{"another sender", url.Values{"From": {"+1999"}}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for path := messages + "?" + c.query.Encode(); path != ""; {
				status, body := do(t, p, "GET", path, "", nil)
				if status != 200 {
					t.Fatalf("%d %v", status, body)
				}
				for _, m := range body["messages"].([]any) {
					got = append(got, m.(map[string]any)["body"].(string))
				}
				path, _ = body["next_page_uri"].(string)
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("got %q, want %q", g, c.want)
			}
		})
	}
	if status, _ := do(t, p, "GET", messages+"?DateSent%3E=yesterday", "", nil); status != 400 {
		t.Errorf("a date that is none gave %d", status)
	}
}

func TestDuplicatesAreVisible(t *testing.T) {
	p := listen(t, Options{})
	mail := func(attempt, to string) {
		body := `{"personalizations":[{"to":[{"email":"` + to + `"}],"custom_args":{"duly_attempt":"` + attempt + `"}}],"from":{"email":"a@b.c"},"subject":"s","content":[{"type":"text/plain","value":"v"}]}`
		if status, out := do(t, p, "POST", "/v3/mail/send", body, map[string]string{"Authorization": "Bearer key"}); status != 202 {
			t.Fatal(status, out)
		}
	}
	mail("a1", "x@example.com")
	mail("a2", "x@example.com")
	mail("a1", "x@example.com")
	sms(t, p, "+12025550100", "same")
	sms(t, p, "+12025550100", "other")
	sms(t, p, "+12025550100", "same")
	var got []string
	for _, d := range p.Duplicates() {
		got = append(got, fmt.Sprint(d.Seq))
	}
	if strings.Join(got, " ") != "3 6" {
		t.Errorf("duplicates %v, want the third (same attempt) and the sixth (same recipient and text)", got)
	}
	sum := p.Summary()
	if sum.Accepted["twilio"] != 3 || sum.Accepted["sendgrid"] != 3 || sum.Duplicates != 2 || sum.Calls["twilio"] != 3 {
		t.Errorf("summary %+v", sum)
	}
	if _, body := do(t, p, "GET", "/_fake/summary", "", nil); body["duplicates"] != 2.0 {
		t.Errorf("the summary over HTTP: %v", body)
	}
	p.Reset()
	if len(p.Log()) != 0 || p.Calls("twilio") != 0 {
		t.Error("a reset forgets everything")
	}
}

func TestRateIsDeterministicAndNearItsPercentage(t *testing.T) {
	const n = 4000
	faults, again, other := Rate(1, 30, AllKinds()...), Rate(1, 30, AllKinds()...), Rate(2, 30, AllKinds()...)
	hit, differs, kinds := 0, 0, map[Kind]int{}
	for i := range n {
		c := Call{Provider: "twilio", To: fmt.Sprint(i), Try: i % 3}
		f := faults(c)
		if f != again(c) {
			t.Fatal("the same seed gave two answers")
		}
		if f != other(c) {
			differs++
		}
		if f.Kind != None {
			hit++
			kinds[f.Kind]++
		}
	}
	if hit < n*27/100 || hit > n*33/100 {
		t.Errorf("%d of %d calls failed, want about 30 %%", hit, n)
	}
	if differs == 0 || len(kinds) != len(AllKinds()) {
		t.Errorf("another seed differs in %d calls; %d of %d kinds occurred", differs, len(kinds), len(AllKinds()))
	}
	if f := Rate(1, 100)(Call{}); f.Kind != None {
		t.Error("without kinds there is nothing to fail with")
	}
}

func TestRecordsAreDatedByTheRequestOnlyWhenTrusted(t *testing.T) {
	stamp := map[string]string{"Date": base.AddDate(1, 0, 0).Format(http.TimeFormat)}
	form := url.Values{"To": {"+12025550100"}, "From": {"+15005550006"}, "Body": {"x"}}.Encode()
	for trust, want := range map[bool]time.Time{true: base.AddDate(1, 0, 0), false: base} {
		p := listen(t, Options{TrustDate: trust})
		do(t, p, "POST", messages, form, stamp)
		if got := p.Log()[0].At; !got.Equal(want) {
			t.Errorf("trust %v: dated %v, want %v", trust, got, want)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, "127.0.0.1:0", Options{Now: func() time.Time { return base }}) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("still running")
	}
	if _, err := New(Options{}); err == nil {
		t.Error("a fake without a clock must not be built")
	}
	if err := Serve(t.Context(), "256.0.0.1:1", Options{Now: func() time.Time { return base }}); err == nil {
		t.Error("an address that is none must be an error")
	}
}

func TestTakes(t *testing.T) {
	var taken []string
	for _, k := range append(AllKinds(), None, Refuse) {
		if k.Takes() {
			taken = append(taken, string(k))
		}
	}
	slices.Sort(taken)
	if got := strings.Join(taken, " "); got != " empty_after error_after huge_body reset_after slow_body timeout_after unavailable_after" {
		t.Errorf("faults that take the message: %q", got)
	}
}
