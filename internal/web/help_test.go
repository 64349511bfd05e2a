package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web"
)

// noon is the time of every test, of business and of the wall.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// house is a console over a database of its own, with a wall clock moved by hand.
type house struct {
	*web.Console
	t     *testing.T
	store *postgres.Store
	srv   *httptest.Server

	mu   sync.Mutex
	wall time.Time
}

func newHouse(t *testing.T, change func(*web.Options)) *house {
	t.Helper()
	return newHouseOver(t, pgtest.New(t), change)
}

// newHouseOver is newHouse over a database that several tests share.
func newHouseOver(t *testing.T, store *postgres.Store, change func(*web.Options)) *house {
	t.Helper()
	h := &house{t: t, store: store, wall: noon}
	h.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Handler().ServeHTTP(w, r) }))
	t.Cleanup(h.srv.Close)
	public, err := url.Parse(h.srv.URL)
	h.must(err)
	o := web.Options{
		People: h.store, Hooks: h.store, Clock: clock.Fixed(noon), Wall: h.now, Public: public,
		Record: func(ctx context.Context, r web.Record) error {
			return h.store.Audit(ctx, postgres.Audited{At: r.At, By: r.By, Action: r.Action, Subject: r.Subject, Detail: r.Detail})
		},
		Creditors: func(context.Context) ([]web.Creditor, error) {
			return []web.Creditor{{ID: "acme", Name: "Acme", Zone: "America/New_York"}, {ID: "other", Name: "Other", Zone: "UTC"}}, nil
		},
	}
	if change != nil {
		change(&o)
	}
	h.Console, err = web.New(o)
	h.must(err)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wall
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall = h.wall.Add(d)
}

// user makes a user without a password.
func (h *house) user(name string, grants ...identity.Grant) identity.User {
	h.t.Helper()
	u := identity.User{Name: name, Created: noon, Grants: grants}
	id, err := h.store.AddUser(h.t.Context(), u)
	h.must(err)
	u.ID = id
	return u
}

// browser keeps cookies, says that it is on the same site, and follows no redirect.
type browser struct {
	h *house
	*http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	h.must(err)
	return &browser{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// in is a browser in which somebody has signed in.
func (h *house) in(u identity.User) *browser {
	h.t.Helper()
	b, token := h.browser(), identity.NewToken()
	h.must(h.store.OpenSession(h.t.Context(), identity.HashToken(token), identity.Session{User: u, Method: "password", Created: h.now(), Expires: h.now().Add(12 * time.Hour)}))
	b.setCookie(token)
	return b
}

func (b *browser) setCookie(token string) {
	at, _ := url.Parse(b.h.srv.URL)
	b.Jar.SetCookies(at, []*http.Cookie{{Name: "duly-session", Value: token, Path: "/"}})
}

func (b *browser) token() string {
	at, _ := url.Parse(b.h.srv.URL)
	for _, c := range b.Jar.Cookies(at) {
		if c.Name == "duly-session" {
			return c.Value
		}
	}
	return ""
}

// answer is what came back.
type answer struct {
	*http.Response
	body string
}

func (a answer) to() string { return a.Header.Get("Location") }

func (b *browser) do(method, path string, form url.Values, header ...string) answer {
	b.h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.srv.URL+path, body)
	b.h.must(err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method != http.MethodGet {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	b.h.must(err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	b.h.must(err)
	return answer{res, string(text)}
}

func (b *browser) get(path string, header ...string) answer {
	b.h.t.Helper()
	return b.do(http.MethodGet, path, nil, header...)
}

func (b *browser) post(path string, pairs ...string) answer {
	b.h.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// audited counts audit rows of an action.
func (h *house) audited(action string) []postgres.Audited {
	h.t.Helper()
	all, err := h.store.AuditOf(h.t.Context(), "", 5000)
	h.must(err)
	var out []postgres.Audited
	for _, a := range all {
		if a.Action == action {
			out = append(out, a)
		}
	}
	return out
}

func everywhere(r identity.Role) identity.Grant {
	return identity.Grant{Creditor: identity.AllCreditors, Role: r}
}
