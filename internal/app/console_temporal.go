package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web/operate"
	"github.com/duly/duly/workflows"
)

// optionalTemporal is a client for looking at Temporal, nil when none is configured. It does
// not connect before it is asked, so the console starts and works while Temporal is away.
func optionalTemporal(p Process, log *slog.Logger) (c client.Client, namespace string, err error) {
	if !slices.ContainsFunc(p.Environ, func(pair string) bool {
		return strings.HasPrefix(pair, temporalx.EnvAddress+"=") && pair != temporalx.EnvAddress+"="
	}) {
		return nil, "", nil
	}
	opts, err := temporalx.FromEnviron(p.Environ)
	if err != nil {
		return nil, "", usageError{err}
	}
	opts.Logger = TemporalLog(log)
	c, err = client.NewLazyClient(opts)
	return c, opts.Namespace, err
}

// How long a look at Temporal may take, how old an answer may be, and how long a page waits
// for a fresh one when it has one already.
const (
	temporalPatience = 2 * time.Second
	temporalFresh    = 5 * time.Second
	temporalGlance   = 250 * time.Millisecond
)

// watch answers what Temporal says, for all who ask, without making a page slow: it asks
// once at a time, and a page that has an earlier answer hardly waits.
type watch struct {
	ask  func(context.Context) temporalx.Facts
	wall func() time.Time

	mu      sync.Mutex
	last    temporalx.Facts
	asking  chan struct{} // closed when the question under way is answered; nil: none is
	started bool
}

// facts are the latest.
func (w *watch) facts(ctx context.Context) temporalx.Facts {
	w.mu.Lock()
	if w.started && w.wall().Sub(w.last.Asked) < temporalFresh {
		defer w.mu.Unlock()
		return w.last
	}
	patience := temporalPatience + temporalGlance
	if w.started {
		patience = temporalGlance
	}
	if w.asking == nil {
		w.asking = make(chan struct{})
		go w.look(w.asking)
	}
	asking := w.asking
	w.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-asking:
	case <-timer.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// look asks all questions, with one time-out for them together.
func (w *watch) look(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), temporalPatience)
	defer cancel()
	f := w.ask(ctx)
	f.Asked = w.wall()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last, w.started, w.asking = f, true, nil
	close(done)
}

// newWatch looks at the Temporal of d; nil when it has none.
func newWatch(d Deps) *watch {
	if d.Temporal == nil {
		return nil
	}
	q := temporalx.Question{Namespace: or(d.Namespace, client.DefaultNamespace), Workflows: workflows.TaskQueue, Type: workflows.CaseType}
	for _, ch := range workflows.QueuedChannels() {
		q.Activities = append(q.Activities, workflows.QueueOf(workflows.TaskQueue, ch))
	}
	return &watch{ask: func(ctx context.Context) temporalx.Facts { return temporalx.Ask(ctx, d.Temporal, q) }, wall: clock.Wall}
}

// temporal is what the health page shows of Temporal: of workflows that ended badly only
// those whose case is still open and lies in the scope.
func (c *Console) temporal(ctx context.Context, scope read.Scope) (operate.Temporal, error) {
	out := operate.Temporal{}
	if c.watch == nil {
		return out, nil
	}
	out.Configured, out.Facts = true, c.watch.facts(ctx)
	var open []temporalx.Dead
	for _, d := range out.Facts.Ended {
		id, ok := strings.CutPrefix(d.Workflow, workflows.CaseID(""))
		if !ok {
			continue
		}
		switch ref, err := c.deps.Store.CaseRef(ctx, id); {
		case errors.Is(err, postgres.ErrNotFound):
		case err != nil:
			return out, err
		case ref.Open && scope.Allows(ref.Creditor):
			d.Workflow = id
			open = append(open, d)
		}
	}
	out.Facts.Ended = open
	if !out.Facts.Reachable {
		return out, nil
	}
	var err error
	out.Failing, out.Asked, err = c.failing(ctx, scope)
	return out, err
}

// --- what workers say of themselves ------------------------------------------------

// reportEvery is how often a worker says how it is.
const reportEvery = 10 * time.Second

// workerReport is what a worker says of itself: codes and instants only.
type workerReport struct {
	Broken []string `json:"broken,omitempty"` // channels whose breaker is open, for all workers
	// Breakers is what breakers did last, the newest first.
	Breakers []breakerEvent `json:"breakers,omitempty"`
	Swept    time.Time      `json:"swept,omitzero"` // when late cases were last looked for (wall time)
	Woken    int            `json:"woken"`          // cases that the sweeper woke since the start
}

// breakerEvent is that a channel's breaker opened or closed (wall time).
type breakerEvent struct {
	Channel string    `json:"channel"`
	Event   string    `json:"event"`
	At      time.Time `json:"at"`
}

// shownBreakers is how many of the last events of breakers are told.
const shownBreakers = 6

// breakers says how the breakers stand that all workers keep together.
func (r *workerReport) breakers(ctx context.Context, s *postgres.Store) error {
	all, err := s.Breakers(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if !b.Since.IsZero() {
			r.Broken = append(r.Broken, string(b.Channel))
		}
	}
	events, err := s.BreakerEvents(ctx, shownBreakers)
	for _, e := range events {
		r.Breakers = append(r.Breakers, breakerEvent{string(e.Channel), e.Event, e.At})
	}
	return err
}

// report says every few seconds how this worker is, until ctx ends.
func (w *Worker) report(ctx context.Context) {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	name := host + "/" + uuid.NewString()[:8]
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		w.reportOnce(ctx, name)
		select {
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = w.deps.Store.EndReport(ending, name) // it goes by itself after a day
			return
		case <-tick.C:
		}
	}
}

func (w *Worker) reportOnce(ctx context.Context, name string) {
	var r workerReport
	err := r.breakers(ctx, w.deps.Store)
	r.Swept, r.Woken = w.relay.lastSweep()
	if body, encoding := json.Marshal(r); encoding == nil && err == nil {
		err = w.deps.Store.Report(ctx, name, "worker", body)
	}
	if err != nil && ctx.Err() == nil && w.deps.Log != nil {
		w.deps.Log.Warn("the worker could not say how it is", slog.String("type", kindOf(err)))
	}
}
