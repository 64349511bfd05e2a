package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

// Answer is what a route of the console answered to a program.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Said is the message that a person would see on the next page, "" for none.
	Said string
}

// Call answers a route of the console for a program: the very handler that a person
// reaches, with the same rights and the same entries in the audit, but without a session.
// It is for files and orders; the API calls it so that nothing is written twice. target is
// the path with its query. Errors are those of handlers.
func (c *Console) Call(ctx context.Context, who identity.Principal, method, target string, form url.Values) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return Answer{}, NotFound("This address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, pattern := c.mux.Handler(req)
	for _, route := range c.routes {
		if route.Pattern == pattern {
			return c.call(req, who, route)
		}
	}
	return Answer{}, NotFound("This address")
}

// call lets the mux fill in the path's values, and the route's handler answer.
func (c *Console) call(req *http.Request, who identity.Principal, route Route) (Answer, error) {
	if !who.Somewhere(route.Need) {
		return Answer{}, Forbidden(route.Need, "")
	}
	out := &kept{header: http.Header{}, status: http.StatusOK}
	var said *flash
	var fault error
	mux := http.NewServeMux()
	mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, req *http.Request) {
		r := &Request{W: w, R: req, User: who, Zone: time.UTC, console: c, route: route, program: true}
		if r.Now, fault = c.o.Clock.Now(req.Context()); fault == nil {
			fault = r.form(body)
		}
		if fault == nil {
			fault = route.Handle(r)
		}
		if said = r.said; fault == nil && route.Saw != "" {
			fault = r.Record("view."+route.Saw, r.about(), nil)
		}
	})
	mux.ServeHTTP(out, req)
	a := Answer{Status: out.status, Header: out.header, Body: out.body.Bytes()}
	if said != nil {
		a.Said = said.Text
	}
	return a, fault
}

// about is what a look is about.
func (r *Request) about() string {
	if r.subject != "" {
		return r.subject
	}
	return r.R.PathValue("id")
}

// kept is an answer in memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
