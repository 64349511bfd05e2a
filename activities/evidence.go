package activities

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
)

// clearUp puts right what a crash left behind in the case: hand-overs without an outcome
// become unknown, reservations are given back. It returns the unknown ones about which
// evidence has not been sought in this run.
func (t *turn) clearUp(ctx context.Context) ([]dunning.ContactFacts, error) {
	ask, err := t.resolve(ctx)
	if err != nil || len(ask) > 0 {
		return ask, err
	}
	return nil, t.cancel(ctx, t.contacts(dunning.ContactReserved))
}

// resolve is clearUp for hand-overs only.
func (t *turn) resolve(ctx context.Context) ([]dunning.ContactFacts, error) {
	open := t.contacts(dunning.ContactSending, dunning.ContactUnknown)
	var lost []dunning.Fact
	for _, c := range open {
		if c.State == dunning.ContactSending {
			lost = append(lost, t.fact(dunning.ContactMoved{
				ID: c.ID, State: dunning.ContactUnknown, Code: c.Code, Deadline: t.at.Add(dunning.EvidenceFor(c.Channel)),
			}))
		}
	}
	if err := t.append(ctx, lost...); err != nil {
		return nil, err
	}
	var ask []dunning.ContactFacts
	for _, c := range append(open, t.forbidden()...) {
		if !t.asked[c.ID] {
			ask = append(ask, c)
		}
	}
	return ask, nil
}

// seekEvidence asks the providers about unknown hand-overs and stores what they prove.
// The debtor is not locked meanwhile.
func (j *job) seekEvidence(ctx context.Context, unknown []dunning.ContactFacts) error {
	found := map[string]dunning.Evidence{}
	for _, c := range unknown {
		e, err := j.lookUp(ctx, c)
		if err != nil {
			return err
		}
		j.asked[c.ID] = true
		found[c.ID] = e
	}
	return j.transact(ctx, func(t *turn) error {
		for _, c := range t.contacts(dunning.ContactUnknown, dunning.ContactAccepted) {
			if _, asked := found[c.ID]; !asked {
				continue
			}
			if err := t.prove(ctx, c, found[c.ID]); err != nil {
				return err
			}
		}
		return nil
	})
}

// lookUp asks a contact's provider. Whoever passed the fence may still be calling: that
// the provider has no record proves nothing until that is over.
func (j *job) lookUp(ctx context.Context, c dunning.ContactFacts) (dunning.Evidence, error) {
	cannot := dunning.Evidence{Found: dunning.EvidenceCannotKnow}
	ch, ok := j.Channels[c.Channel]
	if !ok {
		return cannot, nil
	}
	if err := j.waitFor(ctx, j.inFlight(c)); err != nil {
		return cannot, wrap(codeClock, err)
	}
	m, err := j.Renderer.Render(ctx, j.ref, c.ContactPlanned)
	if err != nil { // the text cannot be had again, so nothing can be compared
		return cannot, nil
	}
	m.Attempt, m.At, m.Hold = AttemptID(c.ID), c.At, c.Hold
	if !j.Gate.lookUp(c.Channel) {
		return cannot, nil
	}
	defer j.Gate.lookedUp(c.Channel)
	ctx, cancel := context.WithTimeout(ctx, j.callTimeout())
	defer cancel()
	if c.State == dunning.ContactAccepted {
		return j.callBack(ctx, ch, m), nil
	}
	e := ch.Lookup(ctx, m)
	j.Gate.answered(c.Channel, e)
	if e.Found == dunning.EvidenceCannotKnow && m.Hold != "" {
		return j.callBack(ctx, ch, m), nil
	}
	return e, nil
}

// inFlight is how long a call of the provider by whoever passed the fence may still
// last.
func (j *job) inFlight(c dunning.ContactFacts) time.Duration {
	most := j.patience() + j.callTimeout()
	wall, ok := fencedWall(c.Code)
	if !ok {
		return 0 // the outcome was stored by the caller itself: it is back
	}
	return min(most, most-j.wallNow().Sub(wall))
}

func (j *job) waitFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ResolvedByLookup is counted when a look-up in a provider's records, or calling a held
// message back, has ended the doubt about a hand-over.
const ResolvedByLookup = "unknown_resolved_by_lookup"

// prove stores what evidence says about an unknown contact. No proof changes nothing.
func (t *turn) prove(ctx context.Context, c dunning.ContactFacts, e dunning.Evidence) error {
	f, err := dunning.Fold(t.frame.Setup, t.history)
	if err != nil {
		return wrap(codeFacts, err)
	}
	facts := f.Proven(c.ID, e, t.at)
	if len(facts) > 0 {
		t.count(ResolvedByLookup)
	}
	return t.append(ctx, facts...)
}
