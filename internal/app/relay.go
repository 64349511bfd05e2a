package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// Outbox is where nudges wait for the relay.
type Outbox interface {
	Undelivered(ctx context.Context, limit int) ([]postgres.Nudge, error)
	Delivered(ctx context.Context, nudges []postgres.Nudge) error
	Listen(ctx context.Context, wake func(caseID string)) error
	Overdue(ctx context.Context, now time.Time, lateBy time.Duration, limit int) ([]string, error)
	PruneNudges(ctx context.Context, before time.Time) (int64, error)
	ForgetInbox(ctx context.Context, before time.Time) (int64, error)
}

// Waker wakes a case's workflow, and starts it when none runs.
type Waker interface {
	Wake(ctx context.Context, caseID string) error
}

// RelayMeter is told what a relay does.
type RelayMeter interface {
	Relayed(delivered, dropped, failed int)
	Woken(cases int)
}

// Relay brings nudges from the outbox to the cases' workflows, and sweeps up cases whose
// next instant has passed without a decision: so a workflow that was terminated, or a
// Temporal that was rebuilt from nothing, heals by itself. A nudge that is delivered twice
// costs a look, one that cannot be delivered waits.
type Relay struct {
	Outbox Outbox
	Waker  Waker
	Clock  clock.Clock
	Log    *slog.Logger
	Meter  RelayMeter // nil: nothing is measured

	Poll  time.Duration // how often the outbox is asked without a notification; 0: 5 s
	Sweep time.Duration // how often late cases are looked for; 0: 30 s
	// Late is how late, in wall time, a case must be to be swept; 0: 5 min.
	Late time.Duration
	// Inbox is how long, in wall time, the texts of requests stay that are done with; 0: for ever.
	Inbox time.Duration

	mu    sync.Mutex
	swept time.Time // wall time
	woken int
}

// lastSweep is when late cases were last looked for with success, and how many were woken
// since the start.
func (r *Relay) lastSweep() (time.Time, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.swept, r.woken
}

// sweptAt remembers a sweep.
func (r *Relay) sweptAt(wall time.Time, woken int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swept, r.woken = wall.UTC(), r.woken+woken
	if r.Meter != nil {
		r.Meter.Woken(woken)
	}
}

const (
	relayBatch   = 200
	relayWorkers = 16
	sweepLimit   = 2000
)

// Run relays until ctx ends. It lives through any failure of Postgres and Temporal.
func (r *Relay) Run(ctx context.Context) {
	wake := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = r.Outbox.Listen(ctx, func(string) { ring(wake) })
	})
	wg.Go(func() { r.sweeping(ctx) })
	r.relaying(ctx, wake)
	wg.Wait()
}

// ring wakes the relay; rings while it works are one.
func ring(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// relaying empties the outbox whenever it is woken, and from time to time.
func (r *Relay) relaying(ctx context.Context, wake <-chan struct{}) {
	poll := time.NewTicker(or(r.Poll, 5*time.Second))
	defer poll.Stop()
	for {
		if err := r.empty(ctx); err != nil && ctx.Err() == nil {
			r.log().Warn("nudges wait", slog.String("type", kindOf(err)))
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-poll.C:
		}
	}
}

// empty delivers until nothing is left that can be delivered.
func (r *Relay) empty(ctx context.Context) error {
	for {
		nudges, err := r.Outbox.Undelivered(ctx, relayBatch)
		if err != nil || len(nudges) == 0 {
			return err
		}
		done, err := r.deliver(ctx, nudges)
		if err2 := r.Outbox.Delivered(ctx, done); err == nil {
			err = err2
		}
		if err != nil {
			return err
		}
	}
}

// deliver wakes the cases, some at a time. Nudges of closed cases are dropped. It returns
// those that are done with, and the first error.
func (r *Relay) deliver(ctx context.Context, nudges []postgres.Nudge) (done []postgres.Nudge, err error) {
	errs := r.each(len(nudges), func(i int) error {
		if !nudges[i].Open {
			return nil
		}
		return r.Waker.Wake(ctx, nudges[i].Case)
	})
	dropped := 0
	for i, e := range errs {
		if e == nil {
			done = append(done, nudges[i])
		} else if err == nil {
			err = e
		}
		if !nudges[i].Open {
			dropped++
		}
	}
	if r.Meter != nil {
		r.Meter.Relayed(len(done)-dropped, dropped, len(nudges)-len(done))
	}
	return done, err
}

// each runs f for 0..n-1 on a few goroutines and returns the errors in order.
func (r *Relay) each(n int, f func(i int) error) []error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(relayWorkers, n) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}

// sweeping looks for late cases until ctx ends.
func (r *Relay) sweeping(ctx context.Context) {
	tick := time.NewTicker(or(r.Sweep, 30*time.Second))
	defer tick.Stop()
	s := sweeper{r: r, since: map[string]time.Time{}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			wall := clock.Wall()
			if err := errors.Join(s.sweep(ctx, wall), s.prune(ctx, wall)); err != nil && ctx.Err() == nil {
				r.log().Warn("late cases wait", slog.String("type", kindOf(err)))
			}
		}
	}
}

// sweeper remembers what it has seen due, in wall time. On the wall clock lateness is known
// at once. In a rehearsal business time may stand still, for it does not run past work; so
// there a case is late when it has been seen due for that long.
type sweeper struct {
	r      *Relay
	since  map[string]time.Time
	pruned time.Time
}

// keepNudges is how long nudges that were delivered stay to be looked at.
const keepNudges = 24 * time.Hour

// prune forgets old nudges, and texts of the inbox that are old enough, once an hour.
func (s *sweeper) prune(ctx context.Context, wall time.Time) error {
	if wall.Sub(s.pruned) < time.Hour {
		return nil
	}
	s.pruned = wall
	_, err := s.r.Outbox.PruneNudges(ctx, wall.Add(-keepNudges))
	if s.r.Inbox == 0 {
		return err
	}
	n, forgot := s.r.Outbox.ForgetInbox(ctx, wall.Add(-s.r.Inbox))
	if n > 0 {
		s.r.log().Info("texts of the inbox were wiped", slog.Int64("requests", n))
	}
	return errors.Join(err, forgot)
}

// sweep wakes the cases that have been due for long enough, and forgets those that moved.
func (s *sweeper) sweep(ctx context.Context, wall time.Time) error {
	now, err := s.r.Clock.Now(ctx)
	if err != nil {
		return err
	}
	late := or(s.r.Late, 5*time.Minute)
	by, seen := late, time.Duration(0)
	if s.r.Clock != clock.Real() {
		by, seen = -time.Microsecond, late // due now is not before now
	}
	due, err := s.r.Outbox.Overdue(ctx, now, by, sweepLimit)
	if err != nil {
		return err
	}
	found := s.note(due, wall, seen)
	if err := s.wake(ctx, found, wall.Add(late-seen)); err != nil {
		return err
	}
	s.r.sweptAt(wall, len(found))
	return nil
}

// wake wakes late cases; those that are reached are left alone until again.
func (s *sweeper) wake(ctx context.Context, late []string, again time.Time) (err error) {
	for i, e := range s.r.each(len(late), func(i int) error { return s.r.Waker.Wake(ctx, late[i]) }) {
		if e != nil {
			err = e
			continue
		}
		s.since[late[i]] = again
	}
	if len(late) > 0 {
		s.r.log().Warn("late cases were woken", slog.Int("cases", len(late)))
	}
	return err
}

// note remembers what is due, and returns what has been seen so for long enough, in order.
func (s *sweeper) note(due []string, wall time.Time, long time.Duration) (late []string) {
	seen := make(map[string]time.Time, len(due))
	for _, id := range due {
		first, ok := s.since[id]
		if !ok {
			first = wall
		}
		seen[id] = first
		if wall.Sub(first) >= long {
			late = append(late, id)
		}
	}
	s.since = seen
	return late
}

func (r *Relay) log() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Temporal wakes workflows on a Temporal server.
type Temporal struct {
	Client client.Client
	Queue  string // "": workflows.TaskQueue
}

// Wake signals the workflow of an open case, and starts it if none runs: uniqueness is the
// row in Postgres, so ids of ended runs may be used again.
func (t Temporal) Wake(ctx context.Context, caseID string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	id := workflows.CaseID(caseID)
	_, err := t.Client.SignalWithStartWorkflow(ctx, id, workflows.Nudge.Name, workflows.Nudged{}, client.StartWorkflowOptions{
		ID: id, TaskQueue: or(t.Queue, workflows.TaskQueue),
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		TypedSearchAttributes: temporal.NewSearchAttributes(workflows.Phase.ValueSet(workflows.PhaseOpen)),
	}, workflows.CaseType, workflows.Input{Case: caseID})
	return err
}
