package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// shortest sleep. A timer of zero length makes no command; if a release computed 0
// where another computed more, a replay would break.
const shortest = 20 * time.Millisecond

// alarm sleeps until an instant or until nudged, whichever is first. It has at most
// one timer, and cancels it when it wakes early: a timer that is left behind fires
// later for nothing.
type alarm struct {
	nudges workflow.ReceiveChannel
}

// sleep returns true when a nudge woke it. A zero instant has no timer: only a nudge
// can wake it. An instant that has passed does not sleep at all.
func (a alarm) sleep(ctx workflow.Context, until time.Time, summary string) (nudged bool) {
	if until.IsZero() {
		a.nudges.Receive(ctx, nil)
		return true
	}
	rest := until.Sub(workflow.Now(ctx))
	if rest <= 0 {
		return false
	}
	return a.race(ctx, max(rest, shortest), summary)
}

// race waits for a nudge or a timer. The nudge is registered first, so it wins when
// both are there.
func (a alarm) race(ctx workflow.Context, rest time.Duration, summary string) (nudged bool) {
	timing, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timing, rest, workflow.TimerOptions{Summary: summary})
	workflow.NewSelector(ctx).
		AddReceive(a.nudges, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			nudged = true
		}).
		AddFuture(timer, func(workflow.Future) {}).
		Select(ctx)
	return nudged
}

// drain takes all nudges that have arrived and reports whether there were any. What
// runs next loads fresh facts, which is all that a nudge asks for.
func (a alarm) drain() (any bool) {
	for a.nudges.ReceiveAsync(nil) {
		any = true
	}
	return any
}
