package app

import (
	"fmt"
	"net/http"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/web"
)

// counting measures what next answers, by the pattern of its route: no path, no user and no
// query.
func counting(m *metrics.Set, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, sw := clock.Wall(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		ctx, route := web.NoteRoute(r.Context())
		r = r.WithContext(ctx)
		defer func() {
			if *route == "" {
				*route = r.Pattern
			}
			m.Request(*route, fmt.Sprintf("%dxx", sw.status/100), clock.Wall().Sub(began))
		}()
		next.ServeHTTP(sw, r)
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
