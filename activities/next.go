package activities

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
)

// Words of Decision.Waiting that the shell reacts to.
const (
	waitingClosed  = "closed"
	waitingUnknown = "unknown"
)

// firstLookup is when an unknown hand-over is looked up again; later ones double the
// time passed. Providers need some minutes until an empty listing proves anything.
const firstLookup = 15 * time.Minute

// nextOf is what a workflow gets to know of a decision: codes, and a wall instant.
func (a *Activities) nextOf(ctx context.Context, s dunning.StoredDecision) (dunning.Next, error) {
	d := s.Decision
	n := dunning.Next{
		DecisionID: s.ID, Verb: d.Verb, Step: d.Step, Channel: d.Channel(), Queue: d.Queue,
		Closed: d.Verb == dunning.VerbLook && d.Waiting == waitingClosed,
	}
	wake := wakeAt(d)
	if wake.IsZero() {
		return n, nil
	}
	var err error
	n.WakeAt, err = a.Clock.WakeWall(ctx, wake)
	return n, wrap(codeClock, err)
}

// wakeAt is when to run the verb. While a hand-over is unknown its evidence is sought
// more often than at its deadline, ever more rarely.
func wakeAt(d dunning.Decision) time.Time {
	if d.Waiting != waitingUnknown || d.WakeAt.IsZero() {
		return d.WakeAt
	}
	passed := dunning.EvidenceFor(d.UnknownOn()) - d.WakeAt.Sub(d.At)
	again := d.At.Add(max(firstLookup, passed))
	if again.Before(d.WakeAt) {
		return again
	}
	return d.WakeAt
}
