// Package clock is where business time comes from, and the only package that
// reads the machine's clock.
//
// In production business time is the wall clock. In rehearsal it is a row in
// Postgres that runs faster, from a chosen start, and waits for work (see
// Rehearsal). Code that decides takes instants as values; shells ask a Clock once
// and hand the instant on. Workflows know nothing of it: activities convert what
// they return with WakeWall.
//
// It does not own calendars, zones or schedules, and does not know which tables
// hold work: that is handed in as a Pending.
package clock

import (
	"context"
	"time"
)

// resolution of business time. Postgres stores microseconds; a finer instant would
// not be the same after a round trip, and a decision could not be re-derived.
const resolution = time.Microsecond

// Clock tells business time. Its methods may be called from several goroutines.
type Clock interface {
	// Now is the present business instant, in UTC, in whole microseconds. It never
	// goes back. Rehearsals fail when the database is away; Real never does.
	Now(ctx context.Context) (time.Time, error)
	// WakeWall is the wall instant (UTC) at which to look again so as to act at the
	// business instant given: that instant itself in production, the present or an
	// estimate in rehearsal. Whoever wakes asks Now again: it may still be early.
	WakeWall(ctx context.Context, business time.Time) (time.Time, error)
}

// Real is business time in production: the wall clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now(context.Context) (time.Time, error) { return business(time.Now()), nil }

func (realClock) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at.UTC(), nil }

// Fixed is business time that stands still, for tests and for shells that re-derive
// a decision at its own instant.
type Fixed time.Time

// Now is always the same instant.
func (f Fixed) Now(context.Context) (time.Time, error) { return business(time.Time(f)), nil }

// WakeWall is the instant itself.
func (f Fixed) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at.UTC(), nil }

// Wall is the machine's clock, for what is about machines and not about debtors:
// latencies, leases of workers, deadlines of calls. It keeps Go's monotonic
// reading, so differences are right even when the clock is set.
func Wall() time.Time { return time.Now() }

// business brings a reading into the form of business time.
func business(t time.Time) time.Time { return t.UTC().Round(0).Truncate(resolution) }

// poll is how often Await looks again.
const poll = 20 * time.Millisecond

// Patience is how long an activity that was woken for an instant waits for it with
// Await before it goes back to sleep; its own time limit must be longer by the time
// of its work. In a rehearsal of 500 cases at a day a second, simulated for this
// constant (TestSleepersDoNotChokeTheMachine), 20 s make the whole take as long as
// its work, where without waiting nearly all work is waking too early.
const Patience = 20 * time.Second

// Recent is Now for whoever only looks whether something is due: in a rehearsal, where a
// reading asks the database for all that is pending, readers share one for some
// milliseconds. Nothing is to be decided or written down as of it: ask Now for that.
func Recent(ctx context.Context, c Clock) (time.Time, error) {
	r, ok := c.(*Rehearsal)
	if !ok {
		return c.Now(ctx)
	}
	s, err := r.recent(ctx)
	return s.now, err
}

// Await waits until business time has reached at, for at most patience of wall
// time, and returns the present business instant either way. Whoever wakes for a
// planned instant calls it first: timers of another machine may fire a little
// early, and in a rehearsal the clock may still wait for others. It costs one
// goroutine; a further round through Temporal costs far more.
func Await(ctx context.Context, c Clock, at time.Time, patience time.Duration) (time.Time, error) {
	return AwaitUnless(ctx, c, at, patience, func(context.Context) bool { return false })
}

// AwaitUnless is Await that also ends when unless becomes true: whoever waits for a planned
// instant must not sleep through something that makes the plan void. In a rehearsal
// business time would wait for the sleeper, and the sleeper for business time.
func AwaitUnless(ctx context.Context, c Clock, at time.Time, patience time.Duration, unless func(context.Context) bool) (time.Time, error) {
	ctx2, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now, err := Recent(ctx, c) // many wait at once in a rehearsal; one of them asks
		if err != nil || !now.Before(at) || unless(ctx) {
			return now, err
		}
		t := time.NewTimer(poll)
		select {
		case <-t.C:
		case <-ctx2.Done():
			t.Stop()
			return now, ctx.Err() // nil when only the patience is over
		}
	}
}
