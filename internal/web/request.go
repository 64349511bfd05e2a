package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Request is one request by somebody who passed the route's permission.
type Request struct {
	W http.ResponseWriter
	R *http.Request
	// User is who asks; nobody on routes for Anyone.
	User identity.Principal
	// Settings are what the user chose.
	Settings identity.Settings
	// Now is the business instant of the request (UTC).
	Now time.Time
	// Zone is "our time": the user's.
	Zone *time.Location

	console *Console
	route   Route
	pages   pages
	session identity.Session
	hash    identity.Hash // of the session's token
	subject string
	// program says that no browser asks but the API, see Console.Call; said is what a person
	// would be told.
	program bool
	said    *flash
}

// begin finds out who asks and when.
func (r *Request) begin() (err error) {
	if r.Now, err = r.console.o.Clock.Now(r.R.Context()); err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	r.Zone = time.UTC
	if err := r.resume(); err != nil {
		return err
	}
	r.Settings = r.session.User.Settings
	if zone, err := time.LoadLocation(r.Settings.Zone); err == nil && r.Settings.Zone != "Local" {
		r.Zone = zone
	}
	return nil
}

// may holds the route's permission against who asks.
func (r *Request) may() error {
	need := r.route.Need
	switch {
	case need == identity.Anyone:
		return nil
	case r.User.Nobody():
		r.console.refused(r.R.Context(), r.User, "not_signed_in", r.route.Pattern, "")
		return errSignIn
	case r.session.User.MustChange && !strings.HasPrefix(r.R.URL.Path, "/profile") && r.R.URL.Path != "/logout":
		return r.Redirect("/profile", errRedirected)
	case !r.User.Somewhere(need):
		return Forbidden(need, "")
	}
	return nil
}

// inMemory is how much of a form with files is held in memory; files beyond it lie on disk
// until the request is answered (net/http removes them).
const inMemory = 1 << 20

// hold reserves room for what is sent with a large form, until the request is answered.
func (r *Request) hold(limit int64) (give func(), err error) {
	if r.R.Method != http.MethodPost || limit <= inMemory {
		return func() {}, nil
	}
	return r.console.room.Take(r.User.By, Sent(r.R, limit))
}

// form reads what was posted, so that what is too large is said to be.
func (r *Request) form(limit int64) error {
	if r.R.Method != http.MethodPost {
		return nil
	}
	err := r.R.ParseForm()
	if err == nil && strings.HasPrefix(r.R.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.R.ParseMultipartForm(min(limit, inMemory))
	}
	var tooBig *http.MaxBytesError
	if err != nil && !errors.As(err, &tooBig) {
		return &Error{Status: http.StatusBadRequest, Title: "Unreadable form", Detail: "The form that arrived cannot be read. Open the page again.", cause: err}
	}
	return err
}

// Signs that a request has been answered otherwise.
var (
	errSignIn     = errors.New("sign in first")
	errRedirected = errors.New("redirected")
)

// Require refuses unless the permission is had for a creditor. Ask it before anything of
// that creditor is changed; the refusal is recorded.
func (r *Request) Require(p identity.Permission, creditor string) error {
	if r.User.Can(p, creditor) {
		return nil
	}
	return Forbidden(p, creditor)
}

// Can reports whether the permission is had for a creditor: for buttons.
func (r *Request) Can(p identity.Permission, creditor string) bool { return r.User.Can(p, creditor) }

// Scope is whose data may be read with a permission: the first argument of every read.
func (r *Request) Scope(p identity.Permission) read.Scope { return ScopeOf(r.User, p) }

// ScopeOf is whose data somebody may read with a permission.
func ScopeOf(p identity.Principal, perm identity.Permission) read.Scope {
	if p.Can(perm, identity.AllCreditors) {
		return read.Everything()
	}
	var creditors []string
	for _, c := range p.Reach() {
		if p.Can(perm, c) {
			creditors = append(creditors, c)
		}
	}
	return read.Only(creditors...)
}

// Creditors that may be read with a permission, ordered by id: for filters.
func (r *Request) Creditors(p identity.Permission) ([]Creditor, error) {
	all, err := r.console.o.Creditors(r.R.Context())
	if err != nil {
		return nil, err
	}
	var out []Creditor
	for _, c := range all {
		if r.User.Can(p, c.ID) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Subject names what the page is about, for the audit of views, where it is not the path's {id}.
func (r *Request) Subject(id string) { r.subject = id }

// Record writes into the audit what the user did, with the request's id. Detail holds no
// personal data.
func (r *Request) Record(action, subject string, detail map[string]string) error {
	return r.console.record(r.R.Context(), r.User, action, subject, detail)
}

// Value is a trimmed input of the form or, for GET, of the query.
func (r *Request) Value(name string) string { return strings.TrimSpace(r.R.FormValue(name)) }

// Redirect sends the browser to a path of the console (303). A path that does not stay on
// this site leads home. A flash that was set is shown there.
func (r *Request) Redirect(path string, after ...error) error {
	if !local(path) {
		path = "/"
	}
	r.W.Header().Set("Location", path)
	r.W.WriteHeader(http.StatusSeeOther)
	return errors.Join(after...)
}

// flash is a message for the next page.
type flash struct {
	Kind string `json:"kind"` // good, warn, bad
	Text string `json:"text"`
	// Undo is a path to POST to within 10 s; "" = none.
	Undo string `json:"undo,omitempty"`
}

// Flash keeps a message for the next page that the user opens: kind good, warn or bad.
func (r *Request) Flash(kind, text string) error { return r.FlashUndo(kind, text, "") }

// FlashUndo is Flash with a path that undoes what was done (key z, 10 s long).
func (r *Request) FlashUndo(kind, text, undo string) error {
	if r.User.Nobody() {
		return nil
	}
	if r.program {
		r.said = &flash{kind, text, undo}
		return nil
	}
	b, err := json.Marshal(flash{kind, text, undo})
	if err != nil {
		return err
	}
	return r.console.o.People.SetFlash(r.R.Context(), r.hash, string(b))
}

// takeFlash is the message, which is shown once.
func (r *Request) takeFlash() *flash {
	if r.session.Flash == "" {
		return nil
	}
	var f flash
	if json.Unmarshal([]byte(r.session.Flash), &f) != nil {
		return nil
	}
	if err := r.console.o.People.SetFlash(r.R.Context(), r.hash, ""); err != nil {
		r.console.o.Log.Warn("flash", slog.String("error", err.Error()))
	}
	return &f
}

// Part reports whether only the page's content is wanted: for a peek, a live update or
// htmx. Page answers accordingly; handlers rarely need to know.
func (r *Request) Part() bool {
	h := r.R.Header
	return h.Get("Duly-Part") != "" || h.Get("HX-Request") == "true" && h.Get("HX-Boosted") == ""
}

// Live reports whether this is a refresh that nobody asked for: it is no view and does not
// keep a session alive.
func (r *Request) Live() bool { return r.R.Header.Get("Duly-Part") == "live" }

// fail answers an error.
func (r *Request) fail(err error) {
	switch {
	case errors.Is(err, errRedirected):
		return
	case errors.Is(err, errSignIn):
		r.toSignIn()
		return
	}
	e := AsError(err)
	if e.Retry > 0 {
		r.W.Header().Set("Retry-After", strconv.Itoa(e.Retry))
	}
	switch {
	case e.Status >= 500:
		r.console.o.Log.Error("console", slog.String("request", RequestID(r.R.Context())), slog.String("route", r.route.Pattern), slog.String("error", err.Error()))
	case e.Status == http.StatusForbidden:
		r.console.refused(r.R.Context(), r.User, string(e.Permission), r.route.Pattern, e.Creditor)
	}
	if err := r.errorPage(e); err != nil {
		http.Error(r.W, e.Title, e.Status)
	}
}

// toSignIn sends a browser to the login and back afterwards; scripts get 401.
func (r *Request) toSignIn() {
	if r.R.Method != http.MethodGet || r.Part() {
		http.Error(r.W, "Your session has ended. Sign in again.", http.StatusUnauthorized)
		return
	}
	next := r.R.URL.RequestURI()
	if next == "/" || !local(next) {
		_ = r.Redirect("/login")
		return
	}
	_ = r.Redirect("/login?next=" + url.QueryEscape(next))
}

// Attachment answers with a file to be saved, never shown by the browser as a page.
func (r *Request) Attachment(name, contentType string, content []byte) error {
	h := r.W.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": FileName(name)}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, err := r.W.Write(content)
	return err
}

// FileName makes a harmless name of a file of any text.
func FileName(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
			return c
		}
		return '_'
	}, name)
	if name = strings.TrimLeft(name, "."); name == "" {
		name = "file"
	}
	return name[:min(len(name), 100)]
}
