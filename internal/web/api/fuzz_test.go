package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// pocket keeps one key and all answers in memory.
type pocket struct {
	mu      sync.Mutex
	key     identity.Key
	answers map[string]identity.Answer
}

func (p *pocket) Key(context.Context, identity.Hash) (identity.Key, error) { return p.key, nil }
func (p *pocket) TouchKey(context.Context, string, time.Time) error        { return nil }

func (p *pocket) BeginAnswer(_ context.Context, by, key string, request identity.Hash, _ time.Time) (bool, identity.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.answers[by+key]
	if !ok {
		p.answers[by+key] = identity.Answer{Request: request}
	}
	return !ok, a, nil
}

func (p *pocket) FinishAnswer(_ context.Context, by, key string, a identity.Answer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a.Request = p.answers[by+key].Request
	p.answers[by+key] = a
	return nil
}

func (p *pocket) ForgetAnswer(_ context.Context, by, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.answers, by+key)
	return nil
}

// frame is a server with all operations whose handlers do as much as needs no database:
// read the body into its type, and a command into the core's.
func frame(t testing.TB, wall func() time.Time) (*Server, *pocket) {
	t.Helper()
	p := &pocket{answers: map[string]identity.Answer{}, key: identity.Key{ID: "k", Creditor: "*", Scopes: identity.Permissions(), By: "user:1"}}
	ops := operations(Ports{})
	for i := range ops {
		op := &ops[i]
		op.Handle = func(c *Call) (any, error) { return nil, c.pretend() }
	}
	s, err := build(Options{
		Keys: p, Record: func(context.Context, web.Record) error { return nil }, Clock: clock.Fixed(time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)), Wall: wall,
	}, ops)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func (c *Call) pretend() error {
	if c.op.Raw != "" || c.op.Body == nil {
		return nil
	}
	var v any
	if err := c.Into(&v); err != nil {
		return err
	}
	name := strings.TrimSuffix(strings.TrimSuffix(c.op.ID, "_on_case"), "_on_account")
	if !slices.Contains(dunning.CommandNames(), name) {
		return nil
	}
	body, _, err := withID(c, name)
	if err != nil {
		return err
	}
	_, err = dunning.DecodeCommand(name, body)
	return err
}

const fuzzKey = "Bearer duly_k_ABCDEFGHIJKLMNOP"

// FuzzOperations sends anything to any operation: 4xx or 2xx, never a failure of ours, and
// every fault is a problem that says where.
func FuzzOperations(f *testing.F) {
	var now time.Time
	s, _ := frame(f, func() time.Time { now = now.Add(time.Second); return now })
	for i := 0; i < len(s.ops); i += 9 {
		f.Add(uint16(i), `{"id":"a","text":"x"}`, "limit=1&after=x", "", "application/json")
	}
	for _, body := range []string{`{"a":1,"a":2}`, "{\"x\":\"\xff\"}", `{"x":"\u0000"}`, `{"n":1e400}`, strings.Repeat("[", 600), `{} {}`, "\ufeff{}", `{"amount":{"amount":"1.00","currency":"USD"},"due":"2026-03-09"}`} {
		for i := range s.ops {
			if s.ops[i].ID == "make_promise_on_case" || s.ops[i].ID == "addHook" {
				f.Add(uint16(i), body, "%zz", "k", "")
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint16, body, query, idempotency, kind string) {
		op := s.ops[int(which)%len(s.ops)]
		path := Prefix + strings.NewReplacer("{case}", "x", "{account}", "x", "{id}", "x").Replace(op.Path)
		for _, name := range op.params() {
			path = strings.ReplaceAll(path, "{"+name+"}", "x")
		}
		r := httptest.NewRequest(op.Method, path, strings.NewReader(body))
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header = http.Header{"Authorization": {fuzzKey}, "Idempotency-Key": {idempotency}, "Content-Type": {kind}}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch {
		case w.Code >= 500:
			t.Fatalf("%s answers %d: %s", op.ID, w.Code, w.Body)
		case w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json":
			t.Fatalf("%s: a fault of type %q", op.ID, w.Header().Get("Content-Type"))
		}
	})
}

// TestIdempotencyOfEveryOperation: every operation that changes something takes a key: the
// same request is run once, another one with the same key is refused, what is kept is
// unreadable, and two keys do not meet.
func TestIdempotencyOfEveryOperation(t *testing.T) {
	var now time.Time
	s, p := frame(t, func() time.Time { now = now.Add(time.Second); return now })
	for i := range s.ops {
		op := s.ops[i]
		if !op.changes() {
			continue
		}
		body := "x,y\n1,2\n"
		if op.Raw == "" && op.Body != nil {
			body = pretty(op.bodyExample())
		}
		post := func(body, token string) *httptest.ResponseRecorder {
			path := Prefix + op.Path
			for _, name := range op.params() {
				path = strings.ReplaceAll(path, "{"+name+"}", "x")
			}
			r := httptest.NewRequest(op.Method, path, strings.NewReader(body))
			r.Header = http.Header{"Authorization": {token}, "Idempotency-Key": {op.ID}}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		p.key.ID = "k"
		first, again := post(body, fuzzKey), post(body, fuzzKey)
		if first.Code >= 300 || again.Code != first.Code || again.Header().Get("Idempotency-Replayed") != "true" || again.Body.String() != first.Body.String() {
			t.Errorf("%s: first %d %s, again %d %s", op.ID, first.Code, first.Body, again.Code, again.Body)
		}
		if op.Body != nil || op.Raw != "" {
			if other := post(body+" ", fuzzKey); other.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s: another body with the same key: %d", op.ID, other.Code)
			}
		}
		p.key.ID = "other"
		if theirs := post(body, fuzzKey+"X"); theirs.Code >= 300 || theirs.Header().Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: the same word of another key: %d", op.ID, theirs.Code)
		}
	}
}

// TestKeptAnswersOpenForTheirOwnerOnly: what the database holds says nothing.
func TestKeptAnswersOpenForTheirOwnerOnly(t *testing.T) {
	mine, err := newSeal("duly_a_1")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := newSeal("duly_a_2")
	if err != nil {
		t.Fatal(err)
	}
	const secret = `{"secret":"whsec_1"}`
	sealed := mine.close([]byte(secret), []byte("request"))
	if strings.Contains(string(sealed), "whsec") {
		t.Error("a kept answer can be read")
	}
	if got, err := mine.open(sealed, []byte("request")); err != nil || string(got) != secret {
		t.Errorf("its owner reads %q, %v", got, err)
	}
	if _, err := theirs.open(sealed, []byte("request")); err == nil {
		t.Error("another key opens it")
	}
	if _, err := mine.open(sealed, []byte("another request")); err == nil {
		t.Error("it opens for another request")
	}
	if _, err := mine.open(nil, []byte("request")); err == nil {
		t.Error("nothing opens")
	}
}

// TestScan pins what is refused before a schema is asked.
func TestScan(t *testing.T) {
	names := map[string]bool{"a": true, "b": true}
	for body, want := range map[string]struct {
		status  int
		pointer string
	}{
		`{"a":1}`:                               {0, ""},
		`{"a":{"b":[1,2,{"a":null}]}}`:          {0, ""},
		`[]`:                                    {0, ""},
		`{"a":1,"a":1}`:                         {400, "/a"},
		`{"b":[0,{"a":1,"a":2}]}`:               {400, "/b/1/a"},
		`{"ada":1,"ada":2}`:                     {400, ""},
		"{\"a\":\"\xc3\x28\"}":                  {400, ""},
		`{"a":"x\u0000y"}`:                      {422, "/a"},
		`{"\u0000":1}`:                          {422, ""},
		`{"a":1e99}`:                            {0, ""},
		`{"a":1e100}`:                           {422, "/a"},
		`{"a":1e-00000000000000000000007}`:      {0, ""},
		`{"a":` + strings.Repeat("1", 41) + `}`: {422, "/a"},
		strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth):     {0, ""},
		strings.Repeat(`[`, maxDepth+1) + strings.Repeat(`]`, maxDepth+1): {400, ""},
		`{"a":1} x`: {400, ""},
		`{"a":}`:    {400, ""},
		``:          {400, ""},
	} {
		err := scan([]byte(body), names)
		f, _ := err.(*failure)
		status, at := 0, ""
		if f != nil {
			status = f.Status
			if len(f.Errors) > 0 {
				at = f.Errors[0].Pointer
			}
		}
		if status != want.status || at != want.pointer {
			t.Errorf("%.60s: %d at %q, want %d at %q", body, status, at, want.status, want.pointer)
		}
	}
}

func TestMeant(t *testing.T) {
	known := []string{"amount", "due", "text"}
	for name, want := range map[string]string{
		"amont": "; did you mean amount?", "Amount": "; did you mean amount?", "teext": "; did you mean text?", "tomorrow": "; known are amount, due, text", "x": "; known are amount, due, text",
	} {
		if got := meant(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := meant("x", nil); got != "; it knows none" {
		t.Errorf("%q", got)
	}
	if apart(strings.Repeat("x", 5000), "a") != 60 {
		t.Error("long names are compared")
	}
}

// TestWrittenExamplesFit: what was written by hand is of an operation and fits its body.
func TestWrittenExamplesFit(t *testing.T) {
	used := map[string]bool{}
	for _, op := range operations(Ports{}) {
		for _, id := range []string{op.ID, strings.TrimSuffix(op.ID, "_on_case")} {
			text, ok := bodies[id]
			if !ok {
				continue
			}
			used[id] = true
			if !op.fits(text) {
				t.Errorf("the example of %s does not fit: %s", op.ID, text)
			}
		}
	}
	for id := range bodies {
		if !used[id] {
			t.Errorf("%s is no operation", id)
		}
	}
}
