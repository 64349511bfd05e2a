package activities

import (
	"context"
	"errors"
	"slices"
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
	found := map[string]lookedUp{}
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

// lookedUp is what a look-up came to: the evidence, and the ids of all messages in the
// provider's records that look like the contact's where nothing names it.
type lookedUp struct {
	dunning.Evidence
	looks []string
}

// lookUp asks a contact's provider. Whoever passed the fence may still be calling: that
// the provider has no record proves nothing until that is over.
func (j *job) lookUp(ctx context.Context, c dunning.ContactFacts) (lookedUp, error) {
	cannot := lookedUp{Evidence: dunning.Evidence{Found: dunning.EvidenceCannotKnow}}
	ch, ok := j.Channels[c.Channel]
	if !ok {
		return cannot, nil
	}
	left, err := j.inFlight(ctx, c)
	if err != nil {
		return cannot, err
	}
	if err := j.waitFor(ctx, left); err != nil {
		return cannot, wrap(codeClock, err)
	}
	if _, compares := ch.(Resembler); !compares { // its records name the attempt
		return j.askAbout(ctx, ch, c, dunning.Message{Channel: c.Channel})
	}
	m, err := j.Renderer.Render(ctx, j.ref, c.ContactPlanned)
	if refusal := (*RenderError)(nil); errors.As(err, &refusal) { // the text cannot be had again, so nothing can be compared
		return cannot, nil
	} else if err != nil {
		return cannot, wrap(codeRender, err)
	}
	return j.askAbout(ctx, ch, c, m)
}

// errUnread: that Duly's own records could not be read is no evidence. Temporal has them
// asked again in a moment; a case that waited for its next look could pass its deadline.
var errUnread = errors.New("the records of messages could not be read")

// askAbout asks a channel about the message of a contact.
func (j *job) askAbout(ctx context.Context, ch Channel, c dunning.ContactFacts, m dunning.Message) (lookedUp, error) {
	m.Attempt, m.At, m.Hold = AttemptID(c.ID), c.At, c.Hold
	m.Until, _ = dunning.MayHaveLeftUntil(c.Code)
	if !j.Gate.lookUp(c.Channel) {
		return j.noTurn(ctx, c)
	}
	defer j.Gate.lookedUp(c.Channel)
	ctx, cancel := context.WithTimeout(ctx, j.callTimeout())
	defer cancel()
	if c.State == dunning.ContactAccepted {
		return lookedUp{Evidence: j.callBack(ctx, ch, m)}, nil
	}
	e := ask(ctx, ch, m)
	if e.Unread {
		return e, wrap(codeStore, errUnread)
	}
	j.Gate.answered(c.Channel, e.Evidence)
	if err := j.Gate.tellAnswered(ctx, c.Channel, e.Evidence); err != nil {
		return e, wrap(codeStore, err)
	}
	if e.Found == dunning.EvidenceCannotKnow && m.Hold != "" {
		return lookedUp{Evidence: j.callBack(ctx, ch, m)}, nil
	}
	return e, nil
}

// errNoTurn: a provider's records are asked so often at present that this has to wait.
var errNoTurn = errors.New("too many look-ups are under way")

// noTurn is what is known of a contact whose provider cannot be asked at present: nothing, and it
// is asked again later. Where this is the last time that anybody asks before something may leave
// once more, that is no answer: Temporal has it tried again in a moment.
func (j *job) noTurn(ctx context.Context, c dunning.ContactFacts) (lookedUp, error) {
	cannot := lookedUp{Evidence: dunning.Evidence{Found: dunning.EvidenceCannotKnow}}
	last, err := j.lastAsked(ctx, c)
	if err == nil && last {
		err = wrap(codeStore, errNoTurn)
	}
	return cannot, err
}

// lastAsked reports whether what is found out about a contact now decides over it: it is looked
// for in what the database has forgotten, or its deadline has come and its step sends again.
func (j *job) lastAsked(ctx context.Context, c dunning.ContactFacts) (bool, error) {
	if _, restored := dunning.MayHaveLeftUntil(c.Code); restored && c.Deadline.IsZero() {
		return true, nil
	}
	s := j.frame.Setup.Sequence
	if i := s.StepIndex(c.Step); c.Deadline.IsZero() || i < 0 || s.Steps[i].Unknown != dunning.UnknownResend {
		return false, nil
	}
	now, err := j.Clock.Now(ctx)
	return err == nil && !now.Before(c.Deadline), wrap(codeClock, err)
}

// ask asks a channel. What was restored together with the facts proves of the time that
// they have forgotten nothing but what it holds.
func ask(ctx context.Context, ch Channel, m dunning.Message) lookedUp {
	if f, ok := ch.(Forgetter); ok && !m.Until.IsZero() && f.Forgets() {
		if e := ch.Lookup(ctx, m); e.Found == dunning.EvidenceAccepted || e.Unread {
			return lookedUp{Evidence: e}
		}
		return lookedUp{Evidence: dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "shell:restored_too"}}
	}
	if r, ok := ch.(Resembler); ok {
		e, looks := r.Resembling(ctx, m)
		return lookedUp{e, looks}
	}
	return lookedUp{Evidence: ch.Lookup(ctx, m)}
}

// inFlight is how long a call of the provider by whoever passed the fence may still last. The
// store's clock measures it where it can: that of a worker which is ahead of the other's would
// have the call over too early.
func (j *job) inFlight(ctx context.Context, c dunning.ContactFacts) (time.Duration, error) {
	most := j.patience() + j.callTimeout()
	wall, ok := fencedWall(c.Code)
	if !ok {
		return 0, nil // the outcome was stored by the caller itself: it is back
	}
	since := j.wallNow().Sub(wall)
	if k, keeps := j.Store.(Timekeeper); keeps {
		measured, found, err := k.SinceFence(ctx, c.ID)
		if err != nil {
			return 0, wrap(codeStore, err)
		}
		if found {
			since = measured
		}
	}
	return min(most, most-since), nil
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
func (t *turn) prove(ctx context.Context, c dunning.ContactFacts, found lookedUp) error {
	f, err := dunning.Fold(t.frame.Setup, t.history)
	if err != nil {
		return wrap(codeFacts, err)
	}
	e, err := t.ours(ctx, c, found)
	if err != nil {
		return wrap(codeStore, err)
	}
	facts := f.Proven(c.ID, e, t.at)
	if len(facts) > 0 {
		t.count(ResolvedByLookup)
	}
	return t.append(ctx, facts...)
}

// rivalWindow is how far from one another two hand-overs may lie and yet be taken for each
// other in a provider's records: the window of a look-up, both ways.
const rivalWindow = 20 * time.Minute

// codeOfOthers is that of evidence which other contacts explain, all of it.
const codeOfOthers = "shell:of_others"

// ours takes from evidence what another contact's message explains as well. A message
// whose id is recorded for another contact is not this one's; of several that are left, or
// where another contact is in doubt about the same address, none is guessed at.
func (t *turn) ours(ctx context.Context, c dunning.ContactFacts, found lookedUp) (dunning.Evidence, error) {
	e, ids := found.Evidence, found.looks
	if e.Found != dunning.EvidenceAccepted || e.ProviderID == "" {
		return e, nil
	}
	if len(ids) == 0 {
		ids = []string{e.ProviderID}
	}
	last := c.At
	if until, ok := dunning.MayHaveLeftUntil(c.Code); ok {
		last = until
	}
	taken, rivals, err := t.tx.Others(ctx, t.ref.Debtor, c.ContactPlanned, ids, c.At.Add(-rivalWindow), last.Add(rivalWindow))
	if err != nil {
		return e, err
	}
	left := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(taken, id) })
	if len(left) == 0 {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: codeOfOthers}, nil
	}
	if len(left) != 1 || len(found.looks) > 0 && rivals > 0 {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "shell:not_told_apart"}, nil
	}
	e.ProviderID = left[0]
	return e, nil
}
