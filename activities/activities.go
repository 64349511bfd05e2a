package activities

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/workflows"
)

// Defaults of Activities.
const (
	// DefaultPatience is how long after the fence a provider may still be called.
	DefaultPatience = 5 * time.Second
	// DefaultCall is the time-out of one call of a provider.
	DefaultCall = 25 * time.Second
	// storing is how long the outcome of a hand-over may take to be stored, even when
	// the worker is being stopped.
	storing = 20 * time.Second
	// defaultStoreTries is how often storing an outcome is tried within an activity.
	defaultStoreTries = 5
	// maxReplans in a row without a pause park the case.
	maxReplans = 3
	// maxRounds bounds how often the fence may send a hand-over back to its decision
	// within one activity. After that the activity fails and is tried again.
	maxRounds = 5
)

// Activities carries out what cases have planned. All fields but the last group are
// required. It may be used by many goroutines.
type Activities struct {
	Store    Store
	Frames   Frames
	Renderer Renderer
	Channels map[dunning.Channel]Channel
	Clock    clock.Clock

	// Memory knows what the database has forgotten. nil: nothing ever.
	Memory Memory

	// Stirred reports whether something has happened to a case that no decision has looked
	// at yet: then an activity stops waiting for its instant. nil: never.
	Stirred func(ctx context.Context, caseID string) bool

	Gate     *Gate // nil: no rate limits, no breaker
	Pacer    Pacer // nil: no senders' pace, and a provider's wish is heeded by this process only
	Log      *slog.Logger
	Count    func(name string) // a counter by name, such as crossed_in_post
	Meter    Meter             // nil: nothing is measured
	NewID    func() string     // nil: uuids that say when they were made
	Patience time.Duration     // 0: DefaultPatience
	Call     time.Duration     // 0: DefaultCall
	wall     func() time.Time  // nil: clock.Wall; tests set it

	storeTries int // 0: defaultStoreTries; tests set it
}

// All are the activities by the name under which workflows call them.
func (a *Activities) All() map[workflows.Activity]workflows.Func {
	as := func(v dunning.Verb) workflows.Func {
		return func(ctx context.Context, req workflows.Request) (dunning.Next, error) { return a.run(ctx, req, v) }
	}
	return map[workflows.Activity]workflows.Func{
		workflows.Look:     as(dunning.VerbLook),
		workflows.Send:     as(dunning.VerbSend),
		workflows.Call:     as(dunning.VerbCall),
		workflows.Offer:    as(dunning.VerbOffer),
		workflows.Escalate: as(dunning.VerbEscalate),
		workflows.Task:     as(dunning.VerbTask),
		workflows.Refer:    as(dunning.VerbRefer),
		workflows.Close:    as(dunning.VerbClose),
	}
}

// run is every activity: prepare, carry out the verb, and let nothing personal out.
func (a *Activities) run(ctx context.Context, req workflows.Request, v dunning.Verb) (next dunning.Next, err error) {
	began := a.wallNow()
	defer func() {
		if p := recover(); p != nil {
			// The value of a panic may quote data; the place does not.
			a.log().Error("panic in an activity", slog.String("case", req.Case), slog.String("at", string(debug.Stack())))
			err = &fault{code: codePanic, err: errors.New("panic")}
		}
		a.carried(v, err, a.wallNow().Sub(began))
		if err != nil {
			err = a.outward(req.Case, err)
		}
	}()
	defer beat(ctx)()
	j, err := a.begin(ctx, req, v)
	if err != nil {
		return dunning.Next{}, err
	}
	stored, err := j.carryOut(ctx)
	if err != nil {
		return dunning.Next{}, err
	}
	j.decided(stored, began)
	return a.nextOf(ctx, stored)
}

// job is one run of an activity.
type job struct {
	*Activities
	req     workflows.Request
	verb    dunning.Verb
	ref     dunning.CaseRef
	frame   Frame
	planned *dunning.StoredDecision // nil: nothing was planned
	asked   map[string]bool         // contacts for which evidence was sought in this run
}

// begin reads what does not change: whose case, which configuration, what was planned.
func (a *Activities) begin(ctx context.Context, req workflows.Request, v dunning.Verb) (*job, error) {
	j := &job{Activities: a, req: req, verb: v, asked: map[string]bool{}}
	if err := j.load(ctx); err != nil {
		return nil, err
	}
	if err := j.loadPlanned(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// load reads whose case it is and what surrounds it.
func (j *job) load(ctx context.Context) (err error) {
	if j.ref, err = j.Store.CaseRef(ctx, j.req.Case); errors.Is(err, ErrNoCase) {
		return cmp.Or(j.forgot(ctx), wrap(codeNoCase, err))
	} else if err != nil {
		return wrap(codeStore, err)
	}
	j.frame, err = j.Frames.Frame(ctx, j.ref)
	return wrap(codeFrame, err)
}

// loadPlanned finds the decision that planned this and waits for its instant: a timer
// of another machine may fire a little early.
func (j *job) loadPlanned(ctx context.Context) error {
	if j.req.Intent == "" {
		j.verb = dunning.VerbLook
		return nil
	}
	d, ok, err := j.Store.Decision(ctx, j.req.Intent)
	if err != nil {
		return wrap(codeStore, err)
	}
	if !ok { // the database was restored to before it: look anew
		j.verb = dunning.VerbLook
		return j.forgot(ctx)
	}
	j.planned = &d
	if at := wakeAt(d.Decision); !j.req.Nudged && !at.IsZero() {
		_, err = clock.AwaitUnless(ctx, j.Clock, at, clock.Patience, j.stirred)
	}
	return wrap(codeClock, err)
}

// stirred reports whether to stop waiting for the planned instant: something has happened
// to the case, or the worker is being stopped.
func (j *job) stirred(ctx context.Context) bool {
	if activity.IsActivity(ctx) {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return true
		default:
		}
	}
	return j.Stirred != nil && j.Stirred(ctx, j.req.Case)
}

// carryOut runs the verb. A look decides only; sends and offers have a provider to
// call; what remains lives in Postgres alone.
func (j *job) carryOut(ctx context.Context) (dunning.StoredDecision, error) {
	if err := j.recall(ctx); err != nil {
		return dunning.StoredDecision{}, err
	}
	if j.verb == dunning.VerbSend || j.verb == dunning.VerbOffer {
		return j.dispatch(ctx)
	}
	return j.inStore(ctx)
}

// inStore carries out in one transaction, after evidence has been sought about
// hand-overs that are unknown.
func (j *job) inStore(ctx context.Context) (dunning.StoredDecision, error) {
	for {
		var out result
		err := j.transact(ctx, func(t *turn) error {
			var err error
			out, err = t.carryOut(ctx)
			return err
		})
		if err != nil {
			return dunning.StoredDecision{}, err
		}
		if len(out.ask) == 0 {
			return out.next, nil
		}
		if err := j.seekEvidence(ctx, out.ask); err != nil {
			return dunning.StoredDecision{}, err
		}
	}
}

func (a *Activities) log() *slog.Logger {
	if a.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return a.Log
}

func (a *Activities) count(name string) {
	if a.Count != nil {
		a.Count(name)
	}
}

func (a *Activities) newID() string {
	if a.NewID == nil {
		return timedID(a.wallNow())
	}
	return a.NewID()
}

func (a *Activities) wallNow() time.Time {
	if a.wall == nil {
		return clock.Wall()
	}
	return a.wall()
}

func (a *Activities) patience() time.Duration {
	if a.Patience == 0 {
		return DefaultPatience
	}
	return a.Patience
}

func (a *Activities) callTimeout() time.Duration {
	if a.Call == 0 {
		return DefaultCall
	}
	return a.Call
}

// AttemptID is the opaque id that a provider is given for a contact.
func AttemptID(contact string) string { return dunning.AttemptID(contact) }
