package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

func (c *Console) signinSet() Set {
	return Set{Pages: own(), Routes: []Route{
		{Pattern: "GET /login", Need: identity.Anyone, Handle: c.login},
		{Pattern: "POST /login", Need: identity.Anyone, Handle: c.signIn, Body: 8 << 10},
		{Pattern: "GET /login/oidc", Need: identity.Anyone, Handle: c.toIssuer},
		{Pattern: "GET /login/oidc/callback", Need: identity.Anyone, Handle: c.fromIssuer},
		{Pattern: "POST /logout", Need: identity.SignedIn, Handle: c.logout},
		{Pattern: "GET /{$}", Need: identity.SignedIn, Handle: c.home},
		{Pattern: "GET /search", Need: identity.SignedIn, Handle: c.search},
	}}
}

// loginPage is what the login shows.
type loginPage struct {
	Next, Name, Problem string
	OIDC                string // name of the issuer, "" = none
	Hint                any
}

func (c *Console) login(r *Request) error {
	next := r.Value("next")
	if !r.User.Nobody() {
		return r.Redirect(orHome(next))
	}
	return r.Page("login.html", c.loginPage(next, "", ""))
}

func (c *Console) loginPage(next, name, problem string) loginPage {
	if !local(next) {
		next = ""
	}
	p := loginPage{Next: next, Name: name, Problem: problem, Hint: c.o.Hint}
	if c.o.OIDC != nil {
		p.OIDC = c.o.OIDC.Label()
	}
	return p
}

func orHome(next string) string {
	if !local(next) || strings.HasPrefix(next, "/login") {
		return "/"
	}
	return next
}

// signIn checks a name and a password. What is wrong is never told: not whether there is
// such a user, nor whether they are disabled.
func (c *Console) signIn(r *Request) error {
	name, next := strings.ToLower(r.Value("name")), r.Value("next")
	u, err := c.check(r, name, r.R.PostFormValue("password"))
	var e *Error
	switch {
	case errors.As(err, &e):
		return r.PageStatus(e.Status, "login.html", c.loginPage(next, name, e.Detail))
	case err != nil:
		return err
	}
	if err := r.open(u, "password"); err != nil {
		return err
	}
	return r.Redirect(orHome(next))
}

// check finds the user of a name and a password, within the limits of guessing.
func (c *Console) check(r *Request, name, password string) (identity.User, error) {
	addr := Caller(r.R, c.o.Behind)
	for _, try := range []struct {
		b   *Buckets
		key string
	}{{c.limits.addrs, addr}, {c.limits.names, name}} {
		if ok, wait := try.b.Allow(try.key); !ok {
			c.refused(r.R.Context(), r.User, "too_many_logins", "POST /login", "")
			r.W.Header().Set("Retry-After", fmt.Sprintf("%d", int(wait/time.Second)+1))
			return identity.User{}, &Error{Status: http.StatusTooManyRequests, Title: "Too many tries", Detail: fmt.Sprintf("Too many tries. Wait %d seconds and try again.", int(wait/time.Second)+1)}
		}
	}
	var u identity.User
	var err error
	if identity.ValidName(name) {
		u, err = c.o.People.UserByName(r.R.Context(), name)
	}
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return u, err
	}
	c.limits.hashing <- struct{}{}
	right := identity.CheckPassword(u.Password, password)
	<-c.limits.hashing
	if !right || !u.Disabled.IsZero() {
		c.refused(r.R.Context(), identity.Principal{}, "wrong_password", "POST /login", "")
		return u, &Error{Status: http.StatusUnauthorized, Title: "Not signed in", Detail: "Name or password is wrong. An admin can make a new password: duly user reset NAME."}
	}
	c.limits.names.Forget(name)
	return u, nil
}

func (c *Console) logout(r *Request) error {
	if err := r.close(); err != nil {
		return err
	}
	r.W.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return r.Redirect("/login")
}

// starts are where people begin their day: the first whose permission they have and that
// is in the navigation.
var starts = []struct {
	Need identity.Permission
	Go   string
}{{identity.Call, "d"}, {identity.Review, "r"}, {identity.Operate, "h"}, {identity.ApproveReferral, "c"}, {identity.Users, "u"}}

// home leads to where the user begins, else to the first page that they may open.
func (c *Console) home(r *Request) error {
	for _, s := range starts {
		for _, n := range c.nav {
			if n.Go == s.Go && r.User.Somewhere(s.Need) && r.User.Somewhere(n.Need) {
				return r.Redirect(n.Path)
			}
		}
	}
	for _, group := range c.menu(r.User, false) {
		for _, n := range group.Entries {
			return r.Redirect(n.Path)
		}
	}
	return r.Redirect("/profile")
}
