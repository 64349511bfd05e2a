package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

// Console is the frame with all that was added to it. Add, then Handler; both from one
// goroutine.
type Console struct {
	o      Options
	mux    *http.ServeMux
	routes []Route
	nav    []Nav
	base   *base
	limits *limits
	room   *Room // for large forms, which lie in memory and on disk
	looks  looks
}

// How much of large forms (uploads, configurations) is held at once: two files of one
// person, eight of all.
const (
	roomOfOne   = 72 << 20
	roomOfForms = 288 << 20
)

// New makes a console with the pages about users themselves.
func New(o Options) (*Console, error) {
	base, err := parseBase()
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{o: o, mux: http.NewServeMux(), base: base, limits: newLimits(o.Wall), room: NewRoom(roomOfOne, roomOfForms)}
	c.mux.Handle("GET /static/{version}/{file}", http.HandlerFunc(static))
	for _, set := range []Set{c.signinSet(), c.selfSet(), c.adminSet(), c.hookSet()} {
		if err := c.Add(set); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// body is how much a request may send unless its route says otherwise.
const body = 1 << 20

// Handler serves everything that was added, behind what every request passes: a bound on
// its size, refusal of foreign origins, and headers.
func (c *Console) Handler() http.Handler {
	csrf := http.NewCrossOriginProtection()
	if err := csrf.AddTrustedOrigin(c.o.Public.Scheme + "://" + c.o.Public.Host); err != nil {
		c.o.Log.Warn("the public address is no origin", slog.String("error", err.Error()))
	}
	csrf.SetDenyHandler(http.HandlerFunc(c.foreign))
	missing := c.serve(Route{Pattern: "GET /", Need: identity.Anyone, Handle: func(*Request) error { return NotFound("This page") }}, c.base.own)
	return c.outermost(csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := c.mux.Handler(r); pattern == "" {
			missing.ServeHTTP(w, r)
			return
		}
		c.mux.ServeHTTP(w, r)
	})))
}

// foreign answers a request that another site made a browser send.
func (c *Console) foreign(w http.ResponseWriter, r *http.Request) {
	c.refused(r.Context(), identity.Principal{}, "cross_origin", r.Method, "")
	http.Error(w, "This request came from another site and was refused. Open the console and try there.", http.StatusForbidden)
}

// csp lets a page load from us and from nowhere else, run no script that is not a file of
// ours, and be framed by nobody. Style attributes do not work either: use classes.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'self'; manifest-src 'self'"

func (c *Console) outermost(next http.Handler) http.Handler {
	secure := c.o.Public.Scheme == "https"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := NewRequestID(r.Context())
		id := RequestID(ctx)
		SecurityHeaders(w.Header(), secure)
		w.Header().Set("Content-Security-Policy", csp)
		w.Header().Set("Request-Id", id)
		defer c.rescue(w, r, id)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

type (
	requestID struct{}
	routeNote struct{}
)

// NoteRoute makes a context in which the console writes down, for whoever measures, which
// route answered: its pattern, never the path.
func NoteRoute(ctx context.Context) (context.Context, *string) {
	route := new(string)
	return context.WithValue(ctx, routeNote{}, route), route
}

// NoteRouteOf writes the route down for whoever measures, if somebody does.
func NoteRouteOf(ctx context.Context, route string) {
	if note, ok := ctx.Value(routeNote{}).(*string); ok {
		*note = route
	}
}

// NewRequestID gives a request an id of its own.
func NewRequestID(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestID{}, rand.Text()[:16])
}

// RequestID is the id under which a request is logged, "" outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestID{}).(string)
	return id
}

// SecurityHeaders sets what every answer carries, of the console and of the API.
func SecurityHeaders(h http.Header, secure bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// rescue turns a panic into a 500 that tells nothing, and a log line that tells where.
func (c *Console) rescue(w http.ResponseWriter, r *http.Request, id string) {
	p := recover()
	switch p {
	case nil:
		return
	case http.ErrAbortHandler:
		panic(p) // net/http breaks the connection off
	}
	c.o.Log.Error("panic in the console", slog.String("request", id), slog.String("method", r.Method), slog.String("what", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
	http.Error(w, "Something went wrong. Request "+id, http.StatusInternalServerError)
}

// serve wraps a route: size, session, permission, record, errors.
func (c *Console) serve(route Route, pages pages) http.Handler {
	limit := route.Body
	if limit == 0 {
		limit = body
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		NoteRouteOf(r.Context(), route.Pattern)
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		q := &Request{W: w, R: r, console: c, route: route, pages: pages}
		err := q.begin()
		if err == nil {
			err = q.may()
		}
		if err == nil {
			var give func()
			if give, err = q.hold(limit); err == nil {
				defer give()
				err = q.form(limit)
			}
		}
		if err == nil {
			err = route.Handle(q)
		}
		if err != nil {
			q.fail(err)
		}
	})
}

// refused records a refusal. One that cannot be recorded is logged: refusing goes on.
func (c *Console) refused(ctx context.Context, by identity.Principal, why, what, creditor string) {
	c.o.Log.Warn("refused", slog.String("by", orNobody(by.By)), slog.String("why", why), slog.String("what", what), slog.String("request", RequestID(ctx)))
	if by.Nobody() {
		if ok, _ := c.limits.strangers.Allow("all"); !ok {
			return
		}
	}
	err := c.record(ctx, by, "refused", "", map[string]string{"why": why, "what": what, "creditor": creditor})
	if err != nil {
		c.o.Log.Error("a refusal could not be recorded", slog.String("error", err.Error()))
	}
}

// record writes into the audit, with the request's id.
func (c *Console) record(ctx context.Context, by identity.Principal, action, subject string, detail map[string]string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	now, err := c.o.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	full := map[string]string{"request": RequestID(ctx)}
	for k, v := range detail {
		if v != "" {
			full[k] = v
		}
	}
	return c.o.Record(ctx, Record{At: now, By: orNobody(by.By), Action: action, Subject: subject, Detail: full})
}

func orNobody(by string) string {
	if by == "" {
		return "nobody"
	}
	return by
}

// local reports whether a path stays on this site: the only places that a redirect from
// input may lead to.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t\x00") && len(path) < 2048
}
