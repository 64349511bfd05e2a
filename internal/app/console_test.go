package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/contactfile"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web/api"
	outgoing "github.com/duly/duly/internal/web/hooks"
)

// desk is a console over a site, with one open case.
type desk struct {
	*site
	console *Console
	srv     *httptest.Server
	acc     account
	ref     dunning.CaseRef
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	s := newSite(t)
	d := &desk{site: s}
	d.acc = s.debtor("C-1", "120.00", date(2).AddDays(-40))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	ids, err := s.store.FindCases(t.Context(), "demo", "C-1")
	if err != nil || len(ids) != 1 {
		t.Fatalf("cases of C-1: %v, %v", ids, err)
	}
	d.ref, err = s.store.CaseRef(t.Context(), ids[0])
	s.must(err)
	d.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.console.Handler().ServeHTTP(w, r) }))
	t.Cleanup(d.srv.Close)
	public, err := url.Parse(d.srv.URL)
	s.must(err)
	d.console, err = NewConsole(Deps{Store: s.store, Clock: s.clock, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))}, ConsoleOptions{Public: public, PrivateHooks: true})
	s.must(err)
	d.console.ops.atOnce = time.Minute // however busy the machine is
	return d
}

// key makes an API key.
func (d *desk) key(creditor string, scopes ...identity.Permission) string {
	d.t.Helper()
	id := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	secret := identity.NewKey(id)
	d.must(d.store.AddKey(d.t.Context(), identity.HashToken(secret), identity.Key{
		ID: id, Name: "test", Creditor: creditor, Scopes: scopes, By: "user:test", Created: clock.Wall(),
	}))
	return secret
}

// reply is what the API says.
type reply struct {
	*http.Response
	body string
}

func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("status %d: %v\n%s", r.StatusCode, err, r.body)
	}
}

func (d *desk) call(key, method, path, body string, header ...string) reply {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.srv.URL+api.Prefix+path, strings.NewReader(body))
	d.must(err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	d.must(err)
	out := reply{res, string(b)}
	d.holds(method, path, out)
	return out
}

func everyScope() []identity.Permission { return identity.Permissions() }

// TestAPIEveryOperationForEveryScope calls all operations with a key that has only the
// scope needed, with one that has all others, and with none.
func TestAPIEveryOperationForEveryScope(t *testing.T) {
	d := newDesk(t)
	bare := map[identity.Permission]string{}
	without := map[identity.Permission]string{}
	for i, op := range d.console.api.Operations() {
		if op.Need == identity.SignedIn {
			continue
		}
		if bare[op.Need] == "" || len(op.Also) > 0 {
			bare[op.Need] = d.key("*", append(op.Also, op.Need)...)
			without[op.Need] = d.key("*", slices.DeleteFunc(everyScope(), func(p identity.Permission) bool { return p == op.Need })...)
		}
		path := strings.NewReplacer("{case}", uuid.NewString(), "{account}", uuid.NewString(), "{id}", uuid.NewString(), "{version}", "none").Replace(op.Path)
		if res := d.call(without[op.Need], op.Method, path, "{}"); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s without %q: status %d, want 403", op.ID, op.Need, res.StatusCode)
		}
		if res := d.call(bare[op.Need], op.Method, path, "{}"); res.StatusCode == 401 || res.StatusCode == 403 || res.StatusCode >= 500 {
			t.Errorf("%s with %q alone: status %d: %s", op.ID, op.Need, res.StatusCode, res.body)
		}
		if i%8 == 0 {
			if res := d.call("", op.Method, path, "{}"); res.StatusCode != 401 && res.StatusCode != 429 {
				t.Errorf("%s without a key: status %d", op.ID, res.StatusCode)
			}
		}
	}
}

func TestAPICommands(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	base := "/cases/" + d.ref.Case + "/commands/"
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"a payment is booked":                        {base + "record_payment", `{"id":"P-1","amount":{"amount":"20.00","currency":"USD"}}`, 200, `"facts":1`},
		"on the account, too":                        {"/accounts/" + d.acc.id + "/commands/record_payment", `{"id":"P-2","amount":{"amount":"5.00","currency":"USD"}}`, 200, `"facts":1`},
		"a note gets an id when it has none":         {base + "write_note", `{"text":"will call back"}`, 200, `"id":"`},
		"an amount in another currency is refused":   {base + "record_payment", `{"id":"P-3","amount":{"amount":"1.00","currency":"EUR"}}`, 422, "USD"},
		"an amount that is a number is refused":      {base + "record_payment", `{"id":"P-3","amount":20.0}`, 422, `"/amount"`},
		"a member that is not known is refused":      {base + "record_payment", `{"id":"P-3","amount":{"amount":"1.00","currency":"USD"},"amont":1}`, 422, "did you mean amount?"},
		"a body that is no JSON is refused":          {base + "write_note", `{"text":`, 400, "not JSON"},
		"two bodies in one are refused":              {base + "write_note", `{"text":"a"} {"text":"b"}`, 400, "more after"},
		"a text that is no text is refused":          {base + "write_note", `{"text":7}`, 422, `"/text"`},
		"a day that is none is refused":              {base + "make_promise", `{"amount":{"amount":"1.00","currency":"USD"},"due":"2026-02-30"}`, 422, `"/due"`},
		"a dispute over an item that is not there":   {base + "raise_dispute", `{"item":"nothing"}`, 404, "no such item"},
		"handing back what nobody has is a conflict": {base + "hand_back", `{}`, 409, "nobody has taken"},
		"a case that is not there":                   {"/cases/" + uuid.NewString() + "/commands/write_note", `{"text":"x"}`, 404, "not-found"},
		"a case whose id is none":                    {"/cases/..%2f..%2fetc/commands/write_note", `{"text":"x"}`, 404, "not-found"},
		"a command that is not there":                {base + "make_coffee", `{}`, 404, "no such address"},
		"a body of two megabytes is refused":         {base + "write_note", `{"text":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "too-large"},
		"a plan by its count":                        {base + "agree_plan", `{"id":"L-1","count":3,"first":"2026-03-10"}`, 200, `"id":"L-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			res := d.call(key, "POST", c.path, c.body)
			if res.StatusCode != c.status || !strings.Contains(res.body, c.says) {
				t.Errorf("status %d, want %d with %q:\n%.400s", res.StatusCode, c.status, c.says, res.body)
			}
			if kind := res.Header.Get("Content-Type"); c.status >= 400 && kind != "application/problem+json" {
				t.Errorf("a fault is of type %q", kind)
			}
		})
	}
}

func TestAPIProblemsRepeatNothing(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	const secret = "Ada-Lovelace-1815"
	for _, c := range [][2]string{
		{"place_hold", `{"id":"h","hold":"` + secret + `","scope":"account"}`},
		{"place_hold", `{"id":"h","hold":"manual","scope":"` + secret + `"}`},
		{"make_promise", `{"amount":{"amount":"` + secret + `","currency":"USD"},"due":"2026-03-03"}`},
		{"make_promise", `{"amount":{"amount":"1.00","currency":"USD"},"due":"` + secret + `"}`},
		{"write_note", `{"text":"x","` + secret + `":1}`},
		{"log_contact", `{"id":"c","direction":"` + secret + `","channel":"call","outcome":"conversation"}`},
		{"log_contact", `{"id":"c","direction":"outbound","channel":"` + secret + `","outcome":"x"}`},
		{"finish_task", `{"id":"` + secret + `","outcome":"done"}`},
		{"opt_out", `{"id":"o","channel":"` + secret + `"}`},
	} {
		res := d.call(key, "POST", "/cases/"+d.ref.Case+"/commands/"+c[0], c[1])
		if res.StatusCode < 400 || strings.Contains(strings.ToLower(res.body), strings.ToLower(secret)) {
			t.Errorf("%s: status %d: %s", c[0], res.StatusCode, res.body)
		}
	}
	if res := d.call(key, "GET", "/cases?sort="+secret+"&min_days="+secret, ""); res.StatusCode != 422 || strings.Contains(res.body, secret) {
		t.Errorf("query: %d %s", res.StatusCode, res.body)
	}
}

func TestAPIOtherCreditorsDoNotExist(t *testing.T) {
	d := newDesk(t)
	mine, other := d.key("demo", everyScope()...), d.key("demo-de", everyScope()...)
	for _, path := range []string{"/cases/" + d.ref.Case, "/cases/" + d.ref.Case + "/timeline", "/cases/" + d.ref.Case + "/decisions"} {
		if res := d.call(mine, "GET", path, ""); res.StatusCode != 200 {
			t.Errorf("GET %s by its own key: %d %s", path, res.StatusCode, res.body)
		}
		if res := d.call(other, "GET", path, ""); res.StatusCode != 404 && !(res.StatusCode == 200 && strings.Contains(res.body, `"rows":[]`)) {
			t.Errorf("GET %s by another creditor's key: %d %s", path, res.StatusCode, res.body)
		}
	}
	for _, path := range []string{"/cases/" + d.ref.Case, "/accounts/" + d.acc.id} {
		if res := d.call(other, "POST", path+"/commands/write_note", `{"text":"x"}`); res.StatusCode != 404 {
			t.Errorf("a note on %s by another creditor's key: %d", path, res.StatusCode)
		}
	}
	var list struct{ Rows []json.RawMessage }
	d.call(other, "GET", "/cases?status=any&creditor=demo", "").into(t, &list)
	if len(list.Rows) != 0 {
		t.Errorf("another creditor's key lists %d cases", len(list.Rows))
	}
	d.call(mine, "GET", "/cases?status=any", "").into(t, &list)
	if len(list.Rows) != 1 {
		t.Errorf("its own key lists %d cases, want 1", len(list.Rows))
	}
	var found api.Found
	d.call(mine, "GET", "/accounts?key=C-1", "").into(t, &found)
	if len(found.Accounts) != 1 || found.Accounts[0].ID != d.acc.id || !slices.Equal(found.Cases, []string{d.ref.Case}) {
		t.Errorf("a customer number leads to %+v", found)
	}
	d.call(other, "GET", "/accounts?key=C-1", "").into(t, &found)
	if len(found.Accounts)+len(found.Cases) != 0 {
		t.Errorf("another creditor's key finds %+v", found)
	}
	if res := d.call(other, "GET", "/accounts?key=C-1&creditor=demo", ""); res.StatusCode != 404 {
		t.Errorf("another creditor's customer number: %d", res.StatusCode)
	}
	if res := d.call(other, "GET", "/search?q=Ada", ""); strings.Contains(res.body, "Example") {
		t.Errorf("another creditor's key finds a debtor: %s", res.body)
	}
	if res := d.call(other, "POST", "/imports/items?creditor=demo", `{"rows":[{"a":"b"}]}`); res.StatusCode != 404 {
		t.Errorf("an import for another creditor: %d %s", res.StatusCode, res.body)
	}
	if res := d.call(other, "POST", "/switches/on", `{"scope":"creditor","subject":"demo","reason":"mischief"}`); res.StatusCode != 403 {
		t.Errorf("a switch of another creditor: %d", res.StatusCode)
	}
	if res := d.call(other, "POST", "/switches/on", `{"scope":"global","reason":"mischief"}`); res.StatusCode != 403 {
		t.Errorf("a global switch by a key of one creditor: %d", res.StatusCode)
	}
	var h api.Hook
	d.call(mine, "POST", "/hooks", `{"url":"https://erp.example.invalid/x"}`).into(t, &h)
	for _, c := range [][2]string{{"DELETE", ""}, {"GET", "/deliveries"}, {"POST", "/replay"}} {
		if res := d.call(other, c[0], "/hooks/"+h.ID+c[1], `{"delivery":1}`); res.StatusCode != 404 {
			t.Errorf("%s another creditor's webhook: %d", c[0], res.StatusCode)
		}
	}
	if res := d.call(other, "POST", "/hooks", `{"url":"https://erp.example.invalid/x","creditor":"demo"}`); res.StatusCode != 404 {
		t.Errorf("a webhook for another creditor: %d", res.StatusCode)
	}
}

func TestAPILooksAreRecorded(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", identity.View)
	d.call(key, "GET", "/cases/"+d.ref.Case, "")
	d.call(key, "GET", "/cases/"+uuid.NewString(), "")
	d.call(key, "GET", "/search?q=Ada", "")
	all, err := d.store.AuditOf(t.Context(), "", 100)
	d.must(err)
	var seen []string
	for _, a := range all {
		seen = append(seen, a.Action+" "+a.Subject)
		if strings.Contains(fmt.Sprint(a), "Ada") {
			t.Errorf("what was searched for is in the audit: %+v", a)
		}
	}
	if want := []string{"view.search ", "view.case " + d.ref.Case}; !slices.Equal(seen, want) {
		t.Errorf("recorded %q, want %q", seen, want)
	}
}

func TestAPIIdempotency(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	path, body := "/cases/"+d.ref.Case+"/commands/write_note", `{"text":"once"}`
	first := d.call(key, "POST", path, body, "Idempotency-Key", "k-1")
	again := d.call(key, "POST", path, body, "Idempotency-Key", "k-1")
	if first.StatusCode != 200 || again.body != first.body || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %d %s, again %d %s", first.StatusCode, first.body, again.StatusCode, again.body)
	}
	if res := d.call(key, "POST", path, `{"text":"other"}`, "Idempotency-Key", "k-1"); res.StatusCode != 422 {
		t.Errorf("another request with the same key: %d", res.StatusCode)
	}
	if res := d.call(d.key("demo", everyScope()...), "POST", path, `{"text":"theirs"}`, "Idempotency-Key", "k-1"); res.StatusCode != 200 {
		t.Errorf("another API key's idempotency key of the same name: %d", res.StatusCode)
	}
	if res := d.call(key, "POST", path, `{"text":7}`, "Idempotency-Key", "k-2"); res.StatusCode != 422 {
		t.Errorf("a faulty request: %d", res.StatusCode)
	}
	if res := d.call(key, "POST", path, body, "Idempotency-Key", "k-2"); res.StatusCode != 200 {
		t.Errorf("the mended request with the same key: %d %s", res.StatusCode, res.body)
	}
	if res := d.call(key, "POST", path, body, "Idempotency-Key", strings.Repeat("x", 256)); res.StatusCode != 400 {
		t.Errorf("a key that is too long: %d", res.StatusCode)
	}
	var group sync.WaitGroup
	status := make([]int, 8)
	for i := range status {
		group.Go(func() {
			status[i] = d.call(key, "POST", path, `{"text":"many at once"}`, "Idempotency-Key", "k-3").StatusCode
		})
	}
	group.Wait()
	slices.Sort(status)
	if status[0] != 200 || status[7] != 200 && status[7] != 409 {
		t.Errorf("eight at once: %v", status)
	}
	notes := 0
	facts, err := d.store.FactsAsOf(t.Context(), d.ref.Debtor, 1<<40)
	d.must(err)
	for _, f := range facts {
		if n, ok := f.Body.(dunning.NoteWritten); ok && n.Text == "many at once" {
			notes++
		}
	}
	if notes != 1 {
		t.Errorf("%d notes were written, want 1", notes)
	}
}

func TestAPIKeysAtTheDoor(t *testing.T) {
	d := newDesk(t)
	good := d.key("demo", identity.View)
	now := clock.Wall()
	expired := identity.NewKey("expired1234")
	d.must(d.store.AddKey(t.Context(), identity.HashToken(expired), identity.Key{ID: "expired1234", Name: "x", Creditor: "demo", Scopes: []identity.Permission{identity.View}, By: "t", Created: now.AddDate(0, -2, 0), Expires: now.Add(-time.Second)}))
	revoked := identity.NewKey("revoked1234")
	d.must(d.store.AddKey(t.Context(), identity.HashToken(revoked), identity.Key{ID: "revoked1234", Name: "x", Creditor: "demo", Scopes: []identity.Permission{identity.View}, By: "t", Created: now}))
	d.must(d.store.RevokeKey(t.Context(), "revoked1234", now))
	for name, c := range map[string]struct {
		key    string
		status int
	}{
		"a key that is in force opens":     {good, 200},
		"an expired one does not":          {expired, 401},
		"nor a revoked one":                {revoked, 401},
		"nor a beginning of a key":         {good[:len(good)-1], 401},
		"nor a key with something after":   {good + "x", 401},
		"nor what looks like none of ours": {"sk_live_1234", 401},
		"nor a key of a megabyte":          {identity.KeyPrefix + strings.Repeat("x", 9000), 401},
	} {
		t.Run(name, func(t *testing.T) {
			if res := d.call(c.key, "GET", "/me", ""); res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
		})
	}
	for range 10 {
		d.call("duly_guess_"+uuid.NewString(), "GET", "/me", "")
	}
	if res := d.call("duly_guess_again", "GET", "/me", ""); res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("guessing keys is not slowed down: %d", res.StatusCode)
	}
	if res := d.call(good, "GET", "/me", ""); res.StatusCode != 200 {
		t.Errorf("a good key of the same caller suffers: %d", res.StatusCode)
	}
	if res := d.call(good, "DELETE", "/me", ""); res.StatusCode != 405 || res.Header.Get("Allow") != "GET" {
		t.Errorf("a method that is not there: %d %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

func TestAPIImports(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", identity.Import, identity.View)
	const rows = `{"rows":[
	  {"account":"N-1","invoice":"I-1","issued":"2026-01-10","due":"2026-02-10","amount":"50.00","currency":"USD","name":"New Person","email":"new@example.invalid"},
	  {"account":"N-2","invoice":"I-2","issued":"2026-01-10","due":"never","amount":"50.00","currency":"USD","name":"Other Person"}]}`
	var got struct {
		Summary struct{ Rows, Valid, Rejected, Added, Known int }
		Rejects string
	}
	post := func(path, body string) {
		t.Helper()
		res := d.call(key, "POST", path, body)
		if res.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, res.StatusCode, res.body)
		}
		got.Summary.Added, got.Rejects = 0, ""
		res.into(t, &got)
	}
	post("/imports/items?dry_run=true", rows)
	if got.Summary.Valid != 1 || got.Summary.Rejected != 1 || got.Summary.Added != 0 {
		t.Errorf("a dry run: %+v", got.Summary)
	}
	post("/imports/items", rows)
	if got.Summary.Added != 1 || !strings.Contains(got.Rejects, "never") {
		t.Errorf("the import: %+v, rejects %q", got.Summary, got.Rejects)
	}
	post("/imports/items", rows)
	if got.Summary.Added != 0 || got.Summary.Known != 1 {
		t.Errorf("the same again: %+v", got.Summary)
	}
	post("/imports/items/file", "account,invoice,issued,due,amount,currency,name\nN-3,I-3,2026-01-10,2026-02-10,7.00,USD,Third\n")
	if got.Summary.Added != 1 {
		t.Errorf("a file: %+v", got.Summary)
	}
	for path, body := range map[string]string{
		"/imports/items?mapping=..%2f..%2fetc%2fpasswd": rows, "/imports/items?mapping=payments": rows, "/imports/items?dry_run=perhaps": rows,
		"/imports/items": `{"rows":[]}`, "/imports/payments": `{"rows":[{}]}`, "/imports/items/file": "\x00\x01",
	} {
		if res := d.call(key, "POST", path, body); res.StatusCode != 422 || strings.Contains(res.body, "/tmp") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
	var runs struct{ Rows []struct{ ID string } }
	d.call(key, "GET", "/imports", "").into(t, &runs)
	if len(runs.Rows) != 2 {
		t.Errorf("%d runs, want 2", len(runs.Rows))
	}
}

func TestAPIContactChecksAnswerLikeTheCommandLine(t *testing.T) {
	d := newDesk(t)
	key := d.key("*", identity.View)
	const ask = `{"cases":[{"id":"q1","jurisdiction":"US","facts":{"collector":{"id":"c","role":"third_party"},"debts":[{"id":"d1","class":"consumer"}],
	 "consumer":{"id":"x","addresses":[{"id":"a","state":"NY","zip":"10001","tz":"America/New_York"}],"phones":[{"id":"p","kind":"mobile","area_code_tz":"America/New_York"}]}},
	 "question":{"at":"2026-03-02T03:00:00Z","channel":"call","address":"p","debt":"d1"}}]}`
	res := d.call(key, "POST", "/contact-checks", ask)
	cfg, err := d.book.Current(t.Context())
	d.must(err)
	var want bytes.Buffer
	d.must(contactfile.Answer(strings.NewReader(ask), cfg.Policies(), "strict", &want))
	if res.StatusCode != 200 || res.body != want.String() || !strings.Contains(res.body, `"id":"q1"`) {
		t.Errorf("status %d\n got: %s\nwant: %s", res.StatusCode, res.body, want.String())
	}
	if res := d.call(key, "POST", "/contact-checks?ambiguity=maybe", ask); res.StatusCode != 422 {
		t.Errorf("an unknown ambiguity: %d", res.StatusCode)
	}
	if res := d.call(key, "POST", "/contact-checks", "nonsense"); res.StatusCode != 422 {
		t.Errorf("nonsense: %d", res.StatusCode)
	}
	if res := d.call(key, "POST", "/contact-checks", strings.Repeat(" ", 2<<20)); res.StatusCode != 413 {
		t.Errorf("two megabytes: %d", res.StatusCode)
	}
}

// ear is another system that listens.
type ear struct {
	mu     sync.Mutex
	status int
	got    []*http.Request
	bodies [][]byte
}

func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got, e.bodies = append(e.got, r), append(e.bodies, b)
	w.WriteHeader(e.status)
}

func TestHooks(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", everyScope()...)
	e := &ear{status: 500}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	var h api.Hook
	d.call(key, "POST", "/hooks", fmt.Sprintf(`{"url":%q,"kinds":["payment.recorded","hold.placed"]}`, srv.URL)).into(t, &h)
	if !strings.HasPrefix(h.Secret, "whsec_") {
		t.Fatalf("no secret: %+v", h)
	}
	if res := d.call(key, "GET", "/hooks", ""); strings.Contains(res.body, h.Secret) {
		t.Error("the secret is shown again")
	}
	do := func(name, body string) {
		t.Helper()
		if res := d.call(key, "POST", "/cases/"+d.ref.Case+"/commands/"+name, body); res.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	do("record_payment", `{"id":"P-9","amount":{"amount":"20.00","currency":"USD"}}`)
	do("write_note", `{"text":"not to be told"}`)
	do("place_hold", `{"id":"H-9","hold":"deceased","scope":"account"}`)
	wall := clock.Wall()
	s := &outgoing.Sender{Store: hookStore{d.store}, Wall: func() time.Time { return wall }, Private: true}
	d.must(s.Once(t.Context()))
	if len(e.got) != 2 {
		t.Fatalf("%d deliveries, want 2: %s", len(e.got), bytes.Join(e.bodies, []byte("\n")))
	}
	d.must(s.Once(t.Context()))
	if len(e.got) != 2 {
		t.Errorf("a failed delivery is tried again at once: %d", len(e.got))
	}
	wall, e.status = wall.Add(31*time.Second), 204
	d.must(s.Once(t.Context()))
	if len(e.got) != 4 {
		t.Fatalf("after 31 s: %d tries, want 4", len(e.got))
	}
	checkTold(t, e, h.Secret)
	var list struct{ Rows []api.Delivery }
	d.call(key, "GET", "/hooks/"+h.ID+"/deliveries", "").into(t, &list)
	if len(list.Rows) != 2 || list.Rows[0].Delivered.IsZero() || list.Rows[0].Tries != 2 || list.Rows[0].Status != 204 {
		t.Errorf("deliveries: %+v", list)
	}
	if res := d.call(key, "POST", "/hooks/"+h.ID+"/replay", `{"since":"2020-01-01T00:00:00Z"}`); !strings.Contains(res.body, `"deliveries":2`) {
		t.Errorf("replay: %s", res.body)
	}
	wall = clock.Wall().Add(time.Minute)
	d.must(s.Once(t.Context()))
	if len(e.got) != 6 {
		t.Errorf("after the replay: %d tries, want 6", len(e.got))
	}
	if res := d.call(key, "DELETE", "/hooks/"+h.ID, ""); res.StatusCode != 204 {
		t.Errorf("removing: %d", res.StatusCode)
	}
	do("record_payment", `{"id":"P-10","amount":{"amount":"1.00","currency":"USD"}}`)
	d.must(s.Once(t.Context()))
	if len(e.got) != 6 {
		t.Error("a removed webhook is told")
	}
}

// checkTold looks at what was sent: signed, and nothing about the person.
func checkTold(t *testing.T, e *ear, secret string) {
	t.Helper()
	for i, r := range e.got {
		sig := r.Header.Get("Duly-Signature")
		var unix int64
		_, _ = fmt.Sscanf(sig, "t=%d,", &unix)
		if want := outgoing.Sign(secret, time.Unix(unix, 0), e.bodies[i]); sig != want || unix == 0 {
			t.Errorf("signature %q, want %q", sig, want)
		}
		for _, private := range []string{"Ada", "Example", "deceased", "not to be told", "@"} {
			if bytes.Contains(e.bodies[i], []byte(private)) {
				t.Errorf("a webhook is told %q: %s", private, e.bodies[i])
			}
		}
		var ev outgoing.Event
		if err := json.Unmarshal(e.bodies[i], &ev); err != nil || ev.Type != r.Header.Get("Duly-Event") || ev.Customer != "C-1" || ev.ID == "" {
			t.Errorf("event %+v, %v", ev, err)
		}
	}
}

func TestHooksDoNotReachInside(t *testing.T) {
	d := newDesk(t)
	e := &ear{status: 200}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	d.must(d.store.AddHook(t.Context(), identity.Hook{ID: uuid.NewString(), Creditor: "demo", URL: srv.URL, Secret: strings.Repeat("s", 24), By: "t", Created: clock.Wall()}))
	d.add(d.acc, dunning.Fact{At: start, Account: d.acc.id, Body: dunning.Payment{ID: "P", Amount: money.MustParse("1.00", "USD")}})
	s := &outgoing.Sender{Store: hookStore{d.store}, Wall: clock.Wall}
	d.must(s.Once(t.Context()))
	if len(e.got) != 0 {
		t.Error("an address of this machine was called")
	}
}

func TestHookAddresses(t *testing.T) {
	d := newDesk(t)
	key := d.key("demo", identity.Hooks)
	for body, status := range map[string]int{
		`{"url":"https://erp.example.com/duly"}`:                            201,
		`{"url":"http://erp.example.com/duly"}`:                             422,
		`{"url":"https://user:pass@erp.example.com/"}`:                      422,
		`{"url":"ftp://erp.example.com/"}`:                                  422,
		`{"url":"file:///etc/passwd"}`:                                      422,
		`{"url":"https://"}`:                                                422,
		`{"url":"nonsense"}`:                                                422,
		`{"url":"https://erp.example.com/","kinds":["case.opened"]}`:        201,
		`{"url":"https://erp.example.com/","kinds":["case.opened","nope"]}`: 422,
	} {
		if res := d.call(key, "POST", "/hooks", body); res.StatusCode != status {
			t.Errorf("%s: status %d, want %d", body, res.StatusCode, status)
		}
	}
}

func TestConsoleServesHealthAndMetrics(t *testing.T) {
	d := newDesk(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/login": "Sign in"} {
		res, err := http.Get(d.srv.URL + path) //nolint:noctx // a test
		d.must(err)
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 200 || !strings.Contains(string(b), want) {
			t.Errorf("%s: %d %.200s", path, res.StatusCode, b)
		}
	}
	d.call("", "GET", "/openapi.json", "")
	res, err := http.Get(d.srv.URL + "/metrics") //nolint:noctx // a test
	d.must(err)
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	for _, want := range []string{`route="GET /login",status="2xx"`, "duly_http_request_seconds_count"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("metrics lack %s:\n%s", want, b)
		}
	}
	d.console.Start(context.WithoutCancel(t.Context()))
	d.console.Stop()
}
