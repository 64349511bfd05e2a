package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/web"
)

const password = "correct horse battery"

// local makes a user with a password.
func (h *house) local(name, password string, grants ...identity.Grant) identity.User {
	h.t.Helper()
	hash, err := identity.HashPassword(password)
	h.must(err)
	u := identity.User{Name: name, Password: hash, Created: noon, Grants: grants}
	u.ID, err = h.store.AddUser(h.t.Context(), u)
	h.must(err)
	return u
}

func TestSignIn(t *testing.T) {
	h := newHouse(t, nil)
	u := h.local("ada", password, everywhere(identity.Admin))
	out := h.local("out", password)
	h.must(h.store.Disable(t.Context(), out.ID, noon))
	for name, c := range map[string]struct {
		user, password string
		status         int
	}{
		"the right password opens":                         {"ada", password, 303},
		"the name's case does not matter":                  {"ADA", password, 303},
		"a wrong password does not":                        {"ada", password + "!", 401},
		"nor does a name that nobody has":                  {"eve", password, 401},
		"nor a disabled user, who is told the same":        {"out", password, 401},
		"an empty password is nobody's":                    {"ada", "", 401},
		"a password of a megabyte is refused by its size":  {"ada", strings.Repeat("x", 1<<20), 413},
		"a password of four kilobytes is not hashed":       {"ada", strings.Repeat("x", 4<<10), 401},
		"a name with a null byte is nobody's, not a fault": {"ada\x00", password, 401},
	} {
		t.Run(name, func(t *testing.T) {
			b := h.browser()
			res := b.post("/login", "name", c.user, "password", c.password)
			if res.StatusCode != c.status {
				t.Fatalf("status %d, want %d", res.StatusCode, c.status)
			}
			if in := b.token() != ""; in != (c.status == 303) {
				t.Errorf("has a session: %v", in)
			}
			if c.password != "" && strings.Contains(res.body, c.password) {
				t.Error("the page repeats the password")
			}
		})
	}
	for _, a := range h.audited("signed_in") {
		if a.By != "user:"+u.ID {
			t.Errorf("a login of %s is recorded", a.By)
		}
	}
}

func TestGuessingIsLimited(t *testing.T) {
	h := newHouse(t, nil)
	h.local("ada", password)
	b := h.browser()
	for i := range 5 {
		if res := b.post("/login", "name", "ada", "password", fmt.Sprintf("guess number %d", i)); res.StatusCode != 401 {
			t.Fatalf("try %d: status %d", i, res.StatusCode)
		}
	}
	res := b.post("/login", "name", "ada", "password", password)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Fatalf("the sixth try, even with the right password: status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	h.later(31 * time.Second)
	if res := b.post("/login", "name", "ada", "password", password); res.StatusCode != 303 {
		t.Errorf("after the wait: status %d", res.StatusCode)
	}
	if n := len(h.audited("refused")); n != 6 {
		t.Errorf("%d refusals recorded, want 6", n)
	}
}

func TestSessionCannotBeFixed(t *testing.T) {
	h := newHouse(t, nil)
	h.local("ada", password)
	b := h.browser()
	b.setCookie("planted-by-an-attacker")
	b.post("/login", "name", "ada", "password", password)
	first := b.token()
	if first == "planted-by-an-attacker" || first == "" {
		t.Fatalf("the token after the login is %q", first)
	}
	b.post("/login", "name", "ada", "password", password)
	if b.token() == first {
		t.Error("a second login keeps the token")
	}
	old := h.browser()
	old.setCookie(first)
	if res := old.get("/profile"); res.StatusCode != 303 {
		t.Errorf("the token from before the second login still opens: status %d", res.StatusCode)
	}
}

func TestSessionsEnd(t *testing.T) {
	store, n := pgtest.New(t), 0
	for name, c := range map[string]struct {
		do   func(*house, *browser, identity.User)
		open bool
	}{
		"after a while with use": {func(h *house, b *browser, _ identity.User) {
			h.later(time.Hour)
			b.get("/profile")
			h.later(90 * time.Minute)
		}, true},
		"without use, after two hours": {func(h *house, _ *browser, _ identity.User) { h.later(2*time.Hour + time.Second) }, false},
		"live updates keep nothing open": {func(h *house, b *browser, _ identity.User) {
			h.later(90 * time.Minute)
			b.get("/profile", "Duly-Part", "live")
			h.later(time.Hour)
		}, false},
		"with use, after twelve hours": {func(h *house, b *browser, _ identity.User) {
			for range 13 {
				b.get("/profile")
				h.later(time.Hour)
			}
		}, false},
		"by signing out":                   {func(_ *house, b *browser, _ identity.User) { b.post("/logout") }, false},
		"by signing out everywhere, here":  {func(_ *house, b *browser, _ identity.User) { b.post("/profile/sessions/end") }, false},
		"by signing out everywhere, there": {func(h *house, _ *browser, u identity.User) { h.in(u).post("/profile/sessions/end") }, false},
		"when an admin disables the user":  {func(h *house, _ *browser, u identity.User) { h.must(h.store.Disable(h.t.Context(), u.ID, noon)) }, false},
		"when the password is reset": {func(h *house, _ *browser, u identity.User) {
			h.must(h.store.SetPassword(h.t.Context(), u.ID, "", true, identity.Hash{}))
		}, false},
		"not when somebody else signs out":   {func(h *house, _ *browser, _ identity.User) { h.in(h.user("eve1")).post("/profile/sessions/end") }, true},
		"not by another's session of its id": {func(h *house, _ *browser, u identity.User) { endAs(h, h.user("eve"), u) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouseOver(t, store, nil)
			n++
			u := h.user(fmt.Sprintf("ada%d", n))
			b := h.in(u)
			token := b.token()
			c.do(h, b, u)
			again := h.browser()
			again.setCookie(token)
			if open := again.get("/profile").StatusCode == 200; open != c.open {
				t.Errorf("the session is open: %v", open)
			}
		})
	}
}

// endAs tries to end all sessions of a victim by their ids.
func endAs(h *house, who, victim identity.User) {
	sessions, err := h.store.Sessions(h.t.Context(), victim.ID)
	h.must(err)
	for _, s := range sessions {
		if res := h.in(who).post("/profile/sessions/" + s.ID + "/end"); res.StatusCode != 404 {
			h.t.Errorf("ending another's session: status %d, want 404", res.StatusCode)
		}
	}
}

func TestFirstPasswordMustBeChanged(t *testing.T) {
	h := newHouse(t, nil)
	admin := h.in(h.user("boss", everywhere(identity.Admin)))
	page := admin.post("/users", "name", "new", "role", "collector", "creditor", "acme")
	_, rest, _ := strings.Cut(page.body, `<code class="secret">`)
	first, _, _ := strings.Cut(rest, "<")
	b := h.browser()
	if res := b.post("/login", "name", "new", "password", first); res.StatusCode != 303 {
		t.Fatalf("login with the first password: %d", res.StatusCode)
	}
	if res := b.get("/"); res.to() != "/profile" {
		t.Errorf("with a first password the start leads to %q, want /profile", res.to())
	}
	if res := b.post("/profile/password", "now", first, "next", "short", "again", "short"); res.StatusCode != 422 {
		t.Errorf("a short password: %d", res.StatusCode)
	}
	before := b.token()
	if res := b.post("/profile/password", "now", first, "next", password, "again", password); res.StatusCode != 303 {
		t.Fatalf("changing: %d %s", res.StatusCode, res.body)
	}
	if b.token() == before {
		t.Error("the token is the same after the change of password")
	}
	if res := b.get("/profile"); res.StatusCode != 200 || strings.Contains(res.body, "made by somebody else") {
		t.Errorf("after the change: %d", res.StatusCode)
	}
}

func TestRightsOverRights(t *testing.T) {
	h := newHouse(t, nil)
	boss, spare := h.user("boss", everywhere(identity.Admin)), h.user("spare", identity.Grant{Creditor: "acme", Role: identity.Admin})
	b := h.in(boss)
	if res := b.post("/users/"+boss.ID+"/grants", "grant", "*/admin", "grant", "*/compliance"); res.StatusCode != 409 {
		t.Errorf("giving oneself a role: %d", res.StatusCode)
	}
	if res := b.post("/users/" + boss.ID + "/disable"); res.StatusCode != 409 {
		t.Errorf("disabling oneself: %d", res.StatusCode)
	}
	if res := h.in(spare).get("/users"); res.StatusCode != 403 {
		t.Errorf("an admin of one creditor opens the users of all: %d", res.StatusCode)
	}
	if err := h.store.Disable(t.Context(), boss.ID, noon); err == nil {
		t.Error("the last admin of all creditors could be shut out")
	}
	if res := b.post("/users/"+spare.ID+"/grants", "grant", "acme/emperor"); res.StatusCode != 422 {
		t.Errorf("an unknown role: %d", res.StatusCode)
	}
	if res := b.post("/users/"+spare.ID+"/grants", "role", "collector", "creditor", "acme"); res.StatusCode != 303 {
		t.Errorf("giving a role: %d", res.StatusCode)
	}
	got := h.audited("roles_changed")
	if len(got) != 1 || got[0].Detail["before"] != "acme/admin" || got[0].Detail["after"] != "acme/collector" {
		t.Errorf("recorded: %+v", got)
	}
}

func TestKeysGiveNoMoreThanOneHas(t *testing.T) {
	h := newHouse(t, nil)
	ops := h.in(h.user("ops", identity.Grant{Creditor: "acme", Role: identity.Operations}))
	for name, c := range map[string]struct {
		form   []string
		status int
	}{
		"a scope that one has, for one's creditor":   {[]string{"creditor", "acme", "scope", "import"}, 200},
		"a scope that one has not":                   {[]string{"creditor", "acme", "scope", "plan"}, 403},
		"another creditor":                           {[]string{"creditor", "other", "scope", "import"}, 403},
		"all creditors":                              {[]string{"creditor", "*", "scope", "import"}, 403},
		"no creditor":                                {[]string{"scope", "import"}, 422},
		"a scope that is no scope":                   {[]string{"creditor", "acme", "scope", "everything"}, 422},
		"a scope that only people have":              {[]string{"creditor", "acme", "scope", "approve"}, 422},
		"to make users, which one may not":           {[]string{"creditor", "acme", "scope", "users"}, 403},
		"to make keys for half a year":               {[]string{"creditor", "acme", "scope", "keys", "days", "180"}, 422},
		"to make keys for a month":                   {[]string{"creditor", "acme", "scope", "keys", "days", "30"}, 200},
		"no scope at all":                            {[]string{"creditor", "acme"}, 422},
		"a scope over the installation, for acme":    {[]string{"creditor", "acme", "scope", "publish"}, 403},
		"a number of days that is none":              {[]string{"creditor", "acme", "scope", "import", "days", "soon"}, 422},
		"for ever, which is a decision of operators": {[]string{"creditor", "acme", "scope", "import", "days", "0"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			form := append([]string{"name", "erp"}, c.form...)
			if !strings.Contains(strings.Join(form, " "), "days") {
				form = append(form, "days", "30")
			}
			if res := ops.post("/keys", form...); res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
		})
	}
	admin := h.in(h.user("boss", everywhere(identity.Admin)))
	admin.post("/keys", "name", "secret of other", "creditor", "other", "scope", "view", "days", "1")
	if res := ops.get("/keys"); strings.Contains(res.body, "secret of other") {
		t.Error("the keys of another creditor are shown")
	}
	keys, err := h.store.Keys(t.Context())
	h.must(err)
	for _, k := range keys {
		if k.Creditor == "other" {
			if res := ops.post("/keys/" + k.ID + "/revoke"); res.StatusCode != 404 {
				t.Errorf("revoking another creditor's key: %d, want 404", res.StatusCode)
			}
		}
	}
}

func TestBucketsBoundTheirMemory(t *testing.T) {
	b := web.NewBuckets(func() time.Time { return noon }, 1, 1)
	for i := range 60000 {
		b.Allow(fmt.Sprint(i))
	}
	if ok, _ := b.Allow("new"); !ok {
		t.Error("a newcomer is refused because of strangers")
	}
}

func TestCallerBelievesOnlyOurProxies(t *testing.T) {
	for name, c := range map[string]struct {
		proxies int
		header  string
		want    string
	}{
		"without proxies the header means nothing":         {0, "1.2.3.4", "10.0.0.9"},
		"one proxy of ours: its entry is the last":         {1, "6.6.6.6, 1.2.3.4", "1.2.3.4"},
		"two proxies: the second last":                     {2, "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"},
		"fewer entries than proxies: the peer":             {2, "1.2.3.4", "10.0.0.9"},
		"nonsense: the peer":                               {1, "<script>", "10.0.0.9"},
		"an address of version 6 is its network":           {1, "2001:DB8::0001", "2001:db8::/64"},
		"an address of version 4 in the form of version 6": {1, "::ffff:1.2.3.4", "1.2.3.4"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: "10.0.0.9:4711", Header: http.Header{"X-Forwarded-For": {c.header}}}
			if got := web.Caller(r, c.proxies); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
