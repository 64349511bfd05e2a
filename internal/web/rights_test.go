package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// pathOf makes an address of a pattern, with ids that belong to nothing.
func pathOf(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	path = strings.ReplaceAll(path, "{$}", "")
	return method, wildcard.ReplaceAllString(path, "00000000-0000-4000-8000-000000000000")
}

// TestEveryRouteForEveryRole walks all routes as nobody and in every role: who lacks the
// permission is refused and the refusal is recorded; who has it is not refused.
func TestEveryRouteForEveryRole(t *testing.T) {
	h := newHouse(t, nil)
	h.must(h.Add(web.Set{Routes: probes()}))
	routes := h.Routes()
	if len(routes) < 30 {
		t.Fatalf("only %d routes", len(routes))
	}
	h.user("spare-admin", everywhere(identity.Admin)) // so that no last admin is in the way
	for _, role := range append(identity.Roles(), "") {
		u := h.user("who-"+string(role), grantsOf(role)...)
		for _, r := range routes {
			method, path := pathOf(r.Pattern)
			if method == "POST" && (path == "/logout" || strings.HasPrefix(path, "/profile/sessions/end")) {
				continue // these end the session by design; TestSignOut has them
			}
			before := len(h.audited("refused"))
			res := h.in(u).do(method, path, map[string][]string{})
			may := r.Need == identity.Anyone || r.Need == identity.SignedIn || role.Can(r.Need)
			refused := res.StatusCode == http.StatusForbidden
			if may == refused {
				t.Errorf("%s as %q: status %d, but may is %v (needs %q)", r.Pattern, role, res.StatusCode, may, r.Need)
			}
			if noted := len(h.audited("refused")) > before; refused && !noted {
				t.Errorf("%s as %q: refused and not recorded", r.Pattern, role)
			}
		}
	}
	nobodyComesIn(t, h, routes)
}

// probes are routes of permissions that no page needs yet.
func probes() []web.Route {
	var out []web.Route
	for _, p := range identity.Permissions() {
		out = append(out, web.Route{Pattern: "GET /probe/" + string(p), Need: p, Handle: func(r *web.Request) error {
			r.W.WriteHeader(http.StatusNoContent)
			return nil
		}})
	}
	return out
}

func grantsOf(role identity.Role) []identity.Grant {
	if role == "" {
		return nil
	}
	return []identity.Grant{everywhere(role)}
}

// nobodyComesIn walks all routes without a session.
func nobodyComesIn(t *testing.T, h *house, routes []web.Route) {
	t.Helper()
	for _, r := range routes {
		method, path := pathOf(r.Pattern)
		if r.Need == identity.Anyone {
			continue
		}
		res := h.browser().do(method, path, map[string][]string{})
		if method == "GET" && (res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.to(), "/login")) {
			t.Errorf("%s as nobody: status %d to %q, want the login", r.Pattern, res.StatusCode, res.to())
		}
		if method == "POST" && res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s as nobody: status %d, want 401", r.Pattern, res.StatusCode)
		}
	}
}

func TestScopeHoldsToCreditors(t *testing.T) {
	for name, c := range map[string]struct {
		p     identity.Principal
		all   bool
		sees  []string
		never []string
	}{
		"a grant for all creditors sees everything":        {identity.Principal{By: "user:1", Grants: []identity.Grant{everywhere(identity.Collector)}}, true, []string{"acme", "tomorrow"}, nil},
		"a grant for one creditor sees that one":           {identity.Principal{By: "user:1", Grants: []identity.Grant{{Creditor: "acme", Role: identity.Collector}}}, false, []string{"acme"}, []string{"other", "*", ""}},
		"another role of another creditor does not add up": {identity.Principal{By: "user:1", Grants: []identity.Grant{{Creditor: "acme", Role: identity.Collector}, {Creditor: "other", Role: identity.Admin}}}, false, []string{"acme"}, []string{"other"}},
		"a key of one creditor sees that one":              {identity.Principal{By: "key:1", Scopes: []identity.Permission{identity.View}, Creditor: "acme"}, false, []string{"acme"}, []string{"other"}},
		"a key without the scope sees nothing":             {identity.Principal{By: "key:1", Scopes: []identity.Permission{identity.Import}, Creditor: "acme"}, false, nil, []string{"acme"}},
		"nobody sees nothing, whatever they claim":         {identity.Principal{Grants: []identity.Grant{everywhere(identity.Collector)}}, false, nil, []string{"acme"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := web.ScopeOf(c.p, identity.View)
			if s.All() != c.all {
				t.Errorf("all is %v", s.All())
			}
			for _, id := range c.sees {
				if !s.Allows(id) {
					t.Errorf("does not see %q", id)
				}
			}
			for _, id := range c.never {
				if s.Allows(id) {
					t.Errorf("sees %q", id)
				}
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	handle := func(*web.Request) error { return nil }
	for name, set := range map[string]web.Set{
		"a route without a method":      {Routes: []web.Route{{Pattern: "/x", Handle: handle}}},
		"a route with a strange method": {Routes: []web.Route{{Pattern: "TRACE /x", Handle: handle}}},
		"a route without a handler":     {Routes: []web.Route{{Pattern: "GET /x"}}},
		"a route that is there already": {Routes: []web.Route{{Pattern: "GET /users", Handle: handle}}},
		"a POST that is a view":         {Routes: []web.Route{{Pattern: "POST /x", Handle: handle, Saw: "x"}}},
		"a letter that has a meaning":   {Nav: []web.Nav{{Path: "/x", Label: "X", Group: "Work", Go: "u"}}},
		"an unknown group":              {Nav: []web.Nav{{Path: "/x", Label: "X", Group: "Nowhere"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouseOver(t, nil, nil) // nothing is asked of the database
			if err := h.Add(set); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

func TestHooksOfOtherCreditorsDoNotExist(t *testing.T) {
	h := newHouse(t, nil)
	ops := h.in(h.user("ops", identity.Grant{Creditor: "acme", Role: identity.Operations}))
	boss := h.in(h.user("boss", everywhere(identity.Admin)))
	page := boss.post("/hooks", "url", "https://erp.example.invalid/other", "creditor", "other", "kind", "case.paid")
	if page.StatusCode != 200 || !strings.Contains(page.body, "whsec_") {
		t.Fatalf("adding: %d", page.StatusCode)
	}
	all, err := h.store.Hooks(t.Context())
	h.must(err)
	if again := boss.get("/hooks").body; strings.Contains(again, "whsec_") || !strings.Contains(again, "erp.example.invalid") {
		t.Error("the secret is shown again, or the webhook is not")
	}
	if strings.Contains(ops.get("/hooks").body, "erp.example.invalid") {
		t.Error("another creditor's webhook is shown")
	}
	for _, path := range []string{"/end", "/replay/1"} {
		if res := ops.post("/hooks/" + all[0].ID + path); res.StatusCode != 404 {
			t.Errorf("%s of another creditor's webhook: %d", path, res.StatusCode)
		}
	}
	if res := ops.get("/hooks/" + all[0].ID); res.StatusCode != 404 {
		t.Errorf("its deliveries: %d", res.StatusCode)
	}
	for form, status := range map[string]int{"creditor=other&url=https://x.example/": 403, "creditor=*&url=https://x.example/": 403, "creditor=acme&url=ftp://x.example/": 422, "url=https://x.example/": 422, "creditor=acme&url=https://x.example/&kind=nope": 422, "creditor=acme&url=https://x.example/": 200} {
		v, err := url.ParseQuery(form)
		h.must(err)
		if res := ops.do("POST", "/hooks", v); res.StatusCode != status {
			t.Errorf("%s: %d, want %d", form, res.StatusCode, status)
		}
	}
	if res := boss.get("/hooks/" + all[0].ID); res.StatusCode != 200 {
		t.Errorf("deliveries: %d", res.StatusCode)
	}
	if res := boss.post("/hooks/" + all[0].ID + "/end"); res.StatusCode != 303 {
		t.Errorf("removing: %d", res.StatusCode)
	}
}
