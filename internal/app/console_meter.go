package app

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/web"
)

// meter counts requests by route and answers /metrics in the Prometheus text format. It
// holds no path, no user and no query: routes are patterns.
type meter struct {
	mu   sync.Mutex
	seen map[meterKey]*meterSum
	of   map[string]uint64 // events by name
}

// event counts something that happened beside requests, by a name of ours.
func (m *meter) event(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of[name]++
}

type meterKey struct{ route, class string }

type meterSum struct {
	count   uint64
	seconds float64
	buckets [len(meterBounds)]uint64
}

var meterBounds = [...]float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

func newMeter() *meter { return &meter{seen: map[meterKey]*meterSum{}, of: map[string]uint64{}} }

// count measures what next answers.
func (m *meter) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, sw := clock.Wall(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		ctx, route := web.NoteRoute(r.Context())
		r = r.WithContext(ctx)
		defer func() {
			if *route == "" {
				*route = r.Pattern
			}
			m.add(*route, sw.status, clock.Wall().Sub(began))
		}()
		next.ServeHTTP(sw, r)
	})
}

func (m *meter) add(route string, status int, took time.Duration) {
	key := meterKey{route, fmt.Sprintf("%dxx", status/100)}
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := m.seen[key]
	if sum == nil {
		sum = &meterSum{}
		m.seen[key] = sum
	}
	sum.count++
	sum.seconds += took.Seconds()
	for i, bound := range meterBounds {
		if took.Seconds() <= bound {
			sum.buckets[i]++
		}
	}
}

// ServeHTTP writes the counts, ordered.
func (m *meter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = fmt.Fprintln(w, "# HELP duly_events_total What happened, by name.\n# TYPE duly_events_total counter")
	for _, name := range slices.Sorted(maps.Keys(m.of)) {
		_, _ = fmt.Fprintf(w, "duly_events_total{name=%q} %d\n", name, m.of[name])
	}
	keys := make([]meterKey, 0, len(m.seen))
	for k := range m.seen {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b meterKey) int {
		if a.route != b.route {
			return strings.Compare(a.route, b.route)
		}
		return strings.Compare(a.class, b.class)
	})
	_, _ = fmt.Fprintln(w, "# HELP duly_http_request_seconds How long requests took, by route and class of status.\n# TYPE duly_http_request_seconds histogram")
	for _, k := range keys {
		sum, labels := m.seen[k], fmt.Sprintf("route=%q,status=%q", k.route, k.class)
		for i, bound := range meterBounds {
			_, _ = fmt.Fprintf(w, "duly_http_request_seconds_bucket{%s,le=\"%g\"} %d\n", labels, bound, sum.buckets[i])
		}
		_, _ = fmt.Fprintf(w, "duly_http_request_seconds_bucket{%s,le=\"+Inf\"} %d\nduly_http_request_seconds_sum{%s} %g\nduly_http_request_seconds_count{%s} %d\n", labels, sum.count, labels, sum.seconds, labels, sum.count)
	}
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
