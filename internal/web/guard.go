package web

import (
	"log/slog"
	"net/http"

	"github.com/duly/duly/internal/identity"
)

// Guard lets only who has signed in and has a permission (for all creditors) reach a
// handler that is no page: one that other programs of ours call from a browser, such as
// the decoder of the Temporal UI. Every use is recorded as action before it is carried
// out; one that cannot be recorded is not. Refusals are 401 and 403, and recorded.
//
// origins are the other origins whose pages may call it with the user's cookie, such as
// "https://temporal.example.com"; they are answered with CORS headers, all others are
// refused. Cookies reach it from pages of the same site only (SameSite=Lax).
func (c *Console) Guard(need identity.Permission, action string, origins []string, next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(c.foreign))
	for _, o := range origins {
		if err := csrf.AddTrustedOrigin(o); err != nil {
			c.o.Log.Warn("not an origin", slog.String("origin", o), slog.String("error", err.Error()))
		}
	}
	guarded := csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.guarded(w, r, need, action, next) }))
	return c.outermost(cors(origins, guarded))
}

func (c *Console) guarded(w http.ResponseWriter, r *http.Request, need identity.Permission, action string, next http.Handler) {
	NoteRouteOf(r.Context(), action)
	r.Body = http.MaxBytesReader(w, r.Body, body)
	q := &Request{W: w, R: r, console: c, route: Route{Pattern: action, Need: need}}
	err := q.begin()
	switch {
	case err != nil:
	case q.User.Nobody() || q.session.User.MustChange:
		c.refused(r.Context(), q.User, "not_signed_in", action, "")
		http.Error(w, "Sign in to the console first.", http.StatusUnauthorized)
		return
	case !q.User.Can(need, identity.AllCreditors):
		c.refused(r.Context(), q.User, string(need), action, "")
		http.Error(w, "Your roles do not allow this.", http.StatusForbidden)
		return
	default:
		err = q.Record(action, "", nil)
	}
	if err != nil {
		c.o.Log.Error("guard", slog.String("request", RequestID(r.Context())), slog.String("error", err.Error()))
		http.Error(w, "Something went wrong. Request "+RequestID(r.Context()), http.StatusInternalServerError)
		return
	}
	next.ServeHTTP(w, r)
}

// cors answers preflights of the origins and lets their pages read answers. Others get no
// headers, and their browsers keep the answer from them.
func cors(origins []string, next http.Handler) http.Handler {
	known := map[string]bool{}
	for _, o := range origins {
		known[o] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if known[origin] {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace")
			h.Set("Access-Control-Allow-Methods", "POST")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
