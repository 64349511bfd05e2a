package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/duly/duly/internal/identity"
)

// How long a session lives: without use, and at most.
const (
	Idle     = 2 * time.Hour
	absolute = 12 * time.Hour
)

// cookie is the name of the session's cookie. With https the prefix binds it to the host,
// to encryption and to the whole site, so that no other site can set it.
func (c *Console) cookie() string {
	if c.o.Public.Scheme == "https" {
		return "__Host-duly"
	}
	return "duly-session"
}

// resume finds the session of the request's cookie. A token that is not known, or whose
// session has ended, is as good as none.
func (r *Request) resume() error {
	ck, err := r.R.Cookie(r.console.cookie())
	if err != nil || ck.Value == "" || len(ck.Value) > 100 {
		return nil
	}
	ctx, now := r.R.Context(), r.console.o.Wall()
	hash := identity.HashToken(ck.Value)
	ses, err := r.console.o.People.Session(ctx, hash, now, now.Add(-Idle))
	if errors.Is(err, identity.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.session, r.hash, r.User = ses, hash, ses.User.Principal()
	if now.Sub(ses.Seen) > time.Minute && !r.Live() {
		return r.console.o.People.TouchSession(ctx, hash, now)
	}
	return nil
}

// open signs a user in: a new token always, and the session that the browser had before
// ends, so that nobody can hand a browser a session and wait for its rights to grow.
func (r *Request) open(u identity.User, method string) error {
	ctx, now := r.R.Context(), r.console.o.Wall()
	if !r.User.Nobody() {
		if err := r.console.o.People.EndSession(ctx, r.hash); err != nil {
			return err
		}
	}
	token := identity.NewToken()
	agent := r.R.UserAgent()
	ses := identity.Session{User: u, Method: method, Created: now, Expires: now.Add(absolute), Agent: agent[:min(len(agent), 200)]}
	if err := r.console.o.People.OpenSession(ctx, identity.HashToken(token), ses); err != nil {
		return err
	}
	if err := r.console.record(ctx, u.Principal(), "signed_in", u.ID, map[string]string{"method": method}); err != nil {
		return fmt.Errorf("recording a login: %w", err)
	}
	r.setCookie(token, int(absolute/time.Second))
	return nil
}

// close signs this browser out.
func (r *Request) close() error {
	r.setCookie("", -1)
	if r.User.Nobody() {
		return nil
	}
	if err := r.console.o.People.EndSession(r.R.Context(), r.hash); err != nil {
		return err
	}
	return r.Record("signed_out", r.session.User.ID, nil)
}

func (r *Request) setCookie(token string, age int) {
	http.SetCookie(r.W, &http.Cookie{
		Name: r.console.cookie(), Value: token, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: r.console.o.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}
