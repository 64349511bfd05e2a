package app

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// as is a browser in which somebody with grants has signed in: their cookie.
func (d *desk) as(grants ...identity.Grant) string {
	d.t.Helper()
	u := identity.User{Name: "u" + strings.ReplaceAll(uuid.NewString(), "-", ""), Created: clock.Wall(), Grants: grants}
	id, err := d.store.AddUser(d.t.Context(), u)
	d.must(err)
	u.ID = id
	token, now := identity.NewToken(), clock.Wall()
	d.must(d.store.OpenSession(d.t.Context(), identity.HashToken(token), identity.Session{User: u, Method: "password", Created: now, Expires: now.Add(time.Hour)}))
	return token
}

// open asks for a page as somebody, and follows no redirect.
func (d *desk) open(token, method, path string) reply {
	d.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("")
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.srv.URL+path, body)
	d.must(err)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.AddCookie(&http.Cookie{Name: "duly-session", Value: token})
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	d.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	d.must(err)
	return reply{res, string(b)}
}

var hole = regexp.MustCompile(`\{[^}$]*\}`)

func fill(r web.Route, with string) (method, path string) {
	method, path, _ = strings.Cut(r.Pattern, " ")
	return method, hole.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), url.PathEscape(with))
}

// TestConsoleEveryRouteForEveryRole walks the routes of all groups in every role: 403 exactly
// where the matrix says no, and no page fails.
func TestConsoleEveryRouteForEveryRole(t *testing.T) {
	d := newDesk(t)
	d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin}) // no last admin in the way
	for _, role := range append(identity.Roles(), "") {
		var grants []identity.Grant
		if role != "" {
			grants = []identity.Grant{{Creditor: identity.AllCreditors, Role: role}}
		}
		token := d.as(grants...)
		for _, r := range d.console.Web().Routes() {
			method, path := fill(r, uuid.NewString())
			if path == "/logout" || strings.HasPrefix(path, "/profile/sessions") {
				continue // these end the session
			}
			res := d.open(token, method, path)
			may := r.Need == identity.Anyone || r.Need == identity.SignedIn || role.Can(r.Need)
			if refused := res.StatusCode == http.StatusForbidden; may == refused {
				t.Errorf("%s as %q: status %d, but may is %v (needs %q)", r.Pattern, role, res.StatusCode, may, r.Need)
			}
			if res.StatusCode >= 500 {
				t.Errorf("%s as %q: status %d", r.Pattern, role, res.StatusCode)
			}
		}
	}
}

// TestConsoleOtherCreditorsDoNotExist walks all routes with the ids of one creditor's case,
// as somebody who has every role, but for another creditor: nothing of it is shown, and
// nothing is changed.
func TestConsoleOtherCreditorsDoNotExist(t *testing.T) {
	d := newDesk(t)
	var grants []identity.Grant
	for _, role := range identity.Roles() {
		grants = append(grants, identity.Grant{Creditor: "demo-de", Role: role})
	}
	token := d.as(grants...)
	version, err := d.store.Version(t.Context(), d.ref.Debtor)
	d.must(err)
	for _, id := range []string{d.ref.Case, d.acc.id, d.acc.debtor} {
		for _, r := range d.console.Web().Routes() {
			method, path := fill(r, id)
			if path == "/logout" || strings.HasPrefix(path, "/profile/sessions") || r.Need == identity.Anyone {
				continue
			}
			res := d.open(token, method, path)
			for _, secret := range []string{"Ada Example", "C-1@example.invalid", "+12125550100", "1 Test Street", "inv-C-1"} {
				if strings.Contains(res.body, secret) {
					t.Errorf("%s with %s shows %q of another creditor", r.Pattern, id, secret)
				}
			}
			if strings.HasPrefix(path, "/cases/"+id) && res.StatusCode == http.StatusOK {
				t.Errorf("%s: status 200 over another creditor's case", r.Pattern)
			}
			if res.StatusCode >= 500 {
				t.Errorf("%s: status %d", r.Pattern, res.StatusCode)
			}
		}
	}
	if after, err := d.store.Version(t.Context(), d.ref.Debtor); err != nil || after != version {
		t.Errorf("the debtor's version went from %d to %d, %v", version, after, err)
	}
	own := d.as(identity.Grant{Creditor: "demo", Role: identity.Collector})
	if res := d.open(own, "GET", "/cases/"+d.ref.Case); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "Ada Example") {
		t.Errorf("the creditor's own collector opens the case: status %d", res.StatusCode)
	}
}

func TestPeopleBeginWhereTheyWork(t *testing.T) {
	d := newDesk(t)
	for role, path := range map[identity.Role]string{identity.Collector: "/day", identity.Supervisor: "/day", identity.Operations: "/health", identity.Legal: "/cases", identity.Admin: "/users"} {
		token := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: role})
		res := d.open(token, "GET", "/")
		if res.Header.Get("Location") != path {
			t.Errorf("%s begins at %q, want %q", role, res.Header.Get("Location"), path)
		}
		if res := d.open(token, "GET", path); res.StatusCode != http.StatusOK {
			t.Errorf("%s opens %s: %d", role, path, res.StatusCode)
		}
	}
	if res := d.open(d.as(), "GET", "/"); res.Header.Get("Location") != "/profile" {
		t.Errorf("who has no role begins at %q", res.Header.Get("Location"))
	}
}

func TestCommandsOfPagesAreWithinAuthority(t *testing.T) {
	d := newDesk(t)
	user := func(role identity.Role, creditor string) string {
		id, err := d.store.AddUser(t.Context(), identity.User{Name: strings.ToLower("x" + uuid.NewString()), Created: clock.Wall(), Grants: []identity.Grant{{Creditor: creditor, Role: role}}})
		d.must(err)
		return "user:" + id
	}
	out := user(identity.Supervisor, "demo")
	d.must(d.store.Disable(t.Context(), strings.TrimPrefix(out, "user:"), clock.Wall()))
	usd := money.MustParse("10.00", "USD")
	for name, c := range map[string]struct {
		by  string
		cmd dunning.Command
		ok  bool
	}{
		"a collector's promise in two weeks":        {user(identity.Collector, "demo"), dunning.MakePromise{ID: "m1", Amount: usd, Due: date(10)}, true},
		"in three weeks":                            {user(identity.Collector, "demo"), dunning.MakePromise{ID: "m2", Amount: usd, Due: date(23)}, false},
		"a supervisor's note":                       {user(identity.Supervisor, "demo"), dunning.WriteNote{ID: "n1", Text: "x"}, true},
		"a note by somebody of another creditor":    {user(identity.Supervisor, "demo-de"), dunning.WriteNote{ID: "n2", Text: "x"}, false},
		"a note by who has been shut out meanwhile": {out, dunning.WriteNote{ID: "n3", Text: "x"}, false},
		"a note by an auditor":                      {user(identity.Auditor, "demo"), dunning.WriteNote{ID: "n4", Text: "x"}, false},
		"a note by nobody":                          {"user:" + uuid.NewString(), dunning.WriteNote{ID: "n5", Text: "x"}, false},
		"a recall by a collector":                   {user(identity.Collector, "demo"), dunning.Recall{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.console.doAs(t.Context(), d.ref.Case, c.cmd, c.by)
			if (err == nil) != c.ok {
				t.Errorf("error %v, want ok %v", err, c.ok)
			}
			if err != nil {
				if e := web.AsError(err); e.Status != 403 && e.Status != 404 {
					t.Errorf("it is answered with %d", e.Status)
				}
			}
		})
	}
}
