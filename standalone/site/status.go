package site

import (
	"context"
	"html/template"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/clock"
)

// Status of a site, as the status page shows it.
type Status struct {
	// Postgres and Temporal are empty when they answer, else what is wrong.
	Postgres, Temporal string
	// Address and Namespace of the Temporal server.
	Address, Namespace string
	// Now is business time (UTC), zero if it could not be read.
	Now time.Time
	// Rehearsed tells that Now is not the wall clock.
	Rehearsed bool
	// OpenCases and closed ones; -1 if they could not be counted.
	OpenCases, ClosedCases int
}

// Healthy tells whether all parts answer.
func (s Status) Healthy() bool { return s.Postgres == "" && s.Temporal == "" }

// Status asks all parts. It holds no personal data, and of errors only which part failed.
func (s *Site) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	st := Status{
		Address: s.temporal.HostPort(), Namespace: s.temporal.Namespace(),
		Rehearsed: s.clock != clock.Real(), OpenCases: -1, ClosedCases: -1,
	}
	err := s.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE status = 'open'), count(*) FILTER (WHERE status <> 'open') FROM cases`).
		Scan(&st.OpenCases, &st.ClosedCases)
	if err == nil {
		st.Now, err = s.clock.Now(ctx)
	}
	if err != nil {
		st.Postgres = "does not answer"
	}
	if err := s.askTemporal(ctx); err != nil {
		st.Temporal = "does not answer"
	}
	return st
}

func (s *Site) askTemporal(ctx context.Context) error {
	c, err := s.temporal.Dial(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

// Handler serves the status page at / and /status and, for supervisors, /healthz: 200 when all
// parts answer, else 503.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if st := s.Status(r.Context()); !st.Healthy() {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not all parts answer\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /{$}", s.showStatus)
	mux.HandleFunc("GET /status", s.showStatus)
	return mux
}

func (s *Site) showStatus(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Cache-Control", "no-store")
	_ = statusPage.Execute(w, s.Status(r.Context())) // a reader who went away needs no error
}

var statusPage = template.Must(template.New("status").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="2">
<title>Duly standalone</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
dl { display: grid; grid-template-columns: 12rem 1fr; gap: .25rem 1rem; }
dt { opacity: .75; } dd { margin: 0; font-variant-numeric: tabular-nums; }
.bad { font-weight: 700; }
</style>
</head>
<body>
<h1>Duly standalone</h1>
<p role="status">{{if .Healthy}}All parts answer.{{else}}<span class="bad">Not all parts answer.</span>{{end}}</p>
<dl>
<dt>Business time</dt><dd>{{if .Now.IsZero}}not known{{else}}<time datetime="{{.Now.Format "2006-01-02T15:04:05Z07:00"}}">{{.Now.Format "Mon 2 Jan 2006, 15:04:05"}} UTC</time>{{end}}{{if .Rehearsed}} (rehearsal){{end}}</dd>
<dt>Postgres</dt><dd>{{if .Postgres}}<span class="bad">{{.Postgres}}</span>{{else}}answers{{end}}</dd>
<dt>Temporal</dt><dd>{{if .Temporal}}<span class="bad">{{.Temporal}}</span>{{else}}answers{{end}} at {{.Address}}, namespace {{.Namespace}}</dd>
<dt>Open cases</dt><dd>{{if lt .OpenCases 0}}not known{{else}}{{.OpenCases}}{{end}}</dd>
<dt>Closed cases</dt><dd>{{if lt .ClosedCases 0}}not known{{else}}{{.ClosedCases}}{{end}}</dd>
</dl>
</body>
</html>
`))
