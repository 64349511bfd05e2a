package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/health"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// Deps is what a process of Duly works with. Whoever made them closes them.
type Deps struct {
	Store    *postgres.Store
	Temporal client.Client
	// Namespace of the client; "": the SDK's default.
	Namespace string
	Clock     clock.Clock
	Channels  Channels
	// Unsubscribe is the address that ends emails, by attempt id; nil or "": none.
	Unsubscribe func(attempt string) string
	Log         *slog.Logger // nil: silent
	// Metrics is what the process measures, to be given to the Temporal client's options as
	// well; nil: whoever needs one makes it.
	Metrics *metrics.Set
}

// WorkerOptions tune a Worker; the zero value is for production.
type WorkerOptions struct {
	Queue      string // task queue; "": workflows.TaskQueue
	Activities int    // at once; 0: 100, or 2000 in a rehearsal, where many wait for business time
	Limits     map[dunning.Channel]activities.Limits
	Late       time.Duration // see Relay.Late
	Sweep      time.Duration // see Relay.Sweep
	Poll       time.Duration // see Relay.Poll
	Inbox      time.Duration // see Relay.Inbox
	Call       time.Duration // time-out of one provider call; 0: activities.DefaultCall
	Stop       time.Duration // how long activities under way may take at the end; 0: 45 s
	OpenEvery  time.Duration // also run the starter this often; 0: never
}

// Worker runs the cases: workflows and activities, the nudge relay and the sweeper.
type Worker struct {
	deps    Deps
	o       WorkerOptions
	workers []worker.Worker // of the cases, then of each channel
	relay   *Relay
	starter *Starter
	// guardian chains what was added, and sweeps the ledger.
	guardian *Guardian
	acts     *activities.Activities
	meters   *metrics.Set

	crossed atomic.Int64
	cancel  context.CancelFunc
	group   sync.WaitGroup
	failed  atomic.Pointer[error]
	dead    chan struct{} // closed when the Temporal worker has given up
}

// NewWorker wires a worker. It refuses live providers together with rehearsed time, and a
// database in which no configuration is published.
func NewWorker(ctx context.Context, d Deps, o WorkerOptions) (*Worker, error) {
	if err := d.Channels.Guard(d.Clock); err != nil {
		return nil, err
	}
	book := NewBook(d.Store, clock.Wall)
	if _, err := book.Current(ctx); err != nil {
		return nil, err
	}
	if err := d.watchRestores(ctx); err != nil {
		return nil, err
	}
	w := &Worker{deps: d, o: o, dead: make(chan struct{}), meters: d.measured("worker"), acts: d.hands(book)}
	w.acts.Gate, w.acts.Pacer = activities.NewGate(clock.Wall, o.Limits).Share(d.Store), d.Store
	w.acts.Count, w.acts.Meter, w.acts.Call, w.acts.Stirred = w.count, w.meters, o.Call, newStirs(d.Store.Stirred).has
	w.guardian = &Guardian{Store: d.Store, Book: book, Clock: d.Clock, Log: d.Log}
	w.starter = &Starter{Store: d.Store, Book: book, Clock: d.Clock, Log: d.Log, Meter: w.meters}
	w.relay = &Relay{
		Outbox: d.Store, Waker: Temporal{Client: d.Temporal, Queue: o.Queue}, Clock: d.Clock, Log: d.Log,
		Late: o.Late, Sweep: o.Sweep, Poll: o.Poll, Inbox: o.Inbox, Meter: w.meters,
	}
	w.meters.Works()
	watchPool(w.meters, d.Store)
	watchFigures(w.meters, d.Store, d.Clock)
	w.workers = append(w.workers, w.register())
	for _, ch := range workflows.QueuedChannels() {
		w.workers = append(w.workers, w.registerChannel(ch))
	}
	return w, nil
}

// hands are activities with what every process that asks providers needs.
func (d Deps) hands(book *Book) *activities.Activities {
	renderer := &Renderer{Store: d.Store, Book: book, Unsubscribe: d.Unsubscribe}
	return &activities.Activities{
		Store: actStore{d.Store}, Frames: book, Renderer: renderer, Channels: d.Channels.Active(), Clock: d.Clock, Log: d.Log,
		Memory: &memory{store: d.Store, writes: renderer, clock: d.Clock, log: d.Log},
	}
}

// options of a Temporal worker. Each queue has its own slots.
func (w *Worker) options() worker.Options {
	n := or(w.o.Activities, 100)
	if w.o.Activities == 0 && w.deps.Clock != clock.Real() {
		n = 2000
	}
	return worker.Options{
		MaxConcurrentActivityExecutionSize: n,
		WorkerStopTimeout:                  or(w.o.Stop, 45*time.Second),
		DisableRegistrationAliasing:        true,
		OnFatalError:                       w.giveUp,
	}
}

// queue of the cases.
func (w *Worker) queue() string { return or(w.o.Queue, workflows.TaskQueue) }

// registerChannel makes the worker that hands over by one channel, so that a provider that
// answers slowly holds up no other channel and no decision.
func (w *Worker) registerChannel(ch dunning.Channel) worker.Worker {
	o := w.options()
	o.DisableWorkflowWorker = true
	t := worker.New(w.deps.Temporal, workflows.QueueOf(w.queue(), ch), o)
	for name, f := range w.acts.All() {
		if name == workflows.Send || name == workflows.Offer {
			t.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
		}
	}
	return t
}

// register makes the Temporal worker of the cases with everything under its explicit name.
func (w *Worker) register() worker.Worker {
	t := worker.New(w.deps.Temporal, w.queue(), w.options())
	t.RegisterWorkflowWithOptions(workflows.Case, workflow.RegisterOptions{Name: workflows.CaseType})
	t.RegisterWorkflowWithOptions(workflows.Opening, workflow.RegisterOptions{Name: workflows.OpeningType})
	for name, f := range w.acts.All() {
		t.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: string(name)})
	}
	t.RegisterActivityWithOptions(w.starter.openCases, activity.RegisterOptions{Name: workflows.OpenCases})
	return t
}

// Start begins to work and returns. Stop must follow.
func (w *Worker) Start(ctx context.Context) error {
	if err := ensureSearchAttributes(ctx, w.deps.Temporal, or(w.deps.Namespace, client.DefaultNamespace)); err != nil {
		return err
	}
	for i, t := range w.workers {
		if err := t.Start(); err != nil {
			stopAll(w.workers[:i])
			return fmt.Errorf("starting the Temporal worker: %w", err)
		}
	}
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.group.Go(func() { w.relay.Run(ctx) })
	w.group.Go(func() { w.deps.keepWatch(ctx) })
	w.group.Go(func() { w.report(ctx) })
	w.group.Go(func() { w.guardian.Run(ctx) })
	if w.o.OpenEvery > 0 {
		w.group.Go(func() { w.starter.Watch(ctx, w.o.OpenEvery) })
	}
	return nil
}

// Stop ends gracefully: no new work, and what is under way gets its time, because a send
// that is cut off is unknown.
func (w *Worker) Stop() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	stopAll(w.workers)
	w.group.Wait()
	w.cancel = nil
}

// stopAll stops workers at once, so that all of them have the whole time to end.
func stopAll(workers []worker.Worker) {
	var wg sync.WaitGroup
	for _, t := range workers {
		wg.Go(t.Stop)
	}
	wg.Wait()
}

// giveUp is told by the SDK that its worker has stopped for good, because the server will
// not have it.
func (w *Worker) giveUp(err error) {
	if w.failed.CompareAndSwap(nil, &err) {
		close(w.dead)
	}
}

// errGaveUp ends the process of a worker that does nothing any more: whoever restarts
// processes restarts those that ended, not those that are unwell.
var errGaveUp = errors.New("the Temporal server refuses this worker; see TEMPORAL_NAMESPACE and its credentials")

// lives is ctx until the Temporal worker gives up.
func (w *Worker) lives(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-w.dead:
			cancel(errGaveUp)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Ready reports why the worker cannot work, nil when it can.
func (w *Worker) Ready(ctx context.Context) error {
	checks := w.Checks()
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if err := checks[name](ctx); err != nil {
			return err
		}
	}
	return nil
}

// Checks are what the worker needs, by the names that /readyz gives: duly (its own loops
// go on), postgres, temporal.
func (w *Worker) Checks() map[string]health.Check {
	return map[string]health.Check{
		"duly": func(context.Context) error {
			if err := w.failed.Load(); err != nil {
				return *err
			}
			return nil
		},
		"postgres": w.deps.Store.Pool().Ping,
		"temporal": func(ctx context.Context) error {
			_, err := w.deps.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		},
	}
}

// Crossed is how many messages crossed with something that would have kept them back,
// since this worker started.
func (w *Worker) Crossed() int64 { return w.crossed.Load() }

// Metrics is what the worker measures; serve its Handler under /metrics.
func (w *Worker) Metrics() *metrics.Set { return w.meters }

func (w *Worker) count(name string) {
	w.meters.Event(name)
	if name == activities.CrossedInPost {
		w.crossed.Add(1)
	}
	if w.deps.Log != nil {
		w.deps.Log.Info("counted", slog.String("what", name))
	}
}

// ErrNotRegistered means that the namespace lacks a search attribute and this client may
// not add it.
var ErrNotRegistered = errors.New("the Temporal namespace lacks the search attributes DulyPhase (Keyword) and DulyNextAt (Datetime), and they could not be added: " +
	"run temporal operator search-attribute create --name DulyPhase --type Keyword --name DulyNextAt --type Datetime")

// TemporalLog is a logger of ours as the SDK takes it.
func TemporalLog(l *slog.Logger) log.Logger { return log.NewStructuredLogger(l) }
