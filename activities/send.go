package activities

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// reserved is a contact that a decision allowed, as of a version of the debtor.
type reserved struct {
	dunning.ContactPlanned
	version  int64
	notAfter time.Time         // until when law lets it reach the debtor; zero: unbounded
	fenced   bool              // this run has passed the fence with it
	sequence *dunning.Sequence // by which it was decided
	decided  time.Time         // when, in wall time
	// mayLeave asks the contact policies again at the fence: what was allowed at 20:59:59
	// must not leave at 21:00:00.
	mayLeave func(at time.Time) bool
}

// fence is the commit after which a provider may be called.
type fence struct {
	version int64
	at      time.Time // business instant of the hand-over
	wall    time.Time
}

// errBusy: the debtor's facts changed again and again between decision and fence.
var errBusy = errors.New("facts kept changing")

// dispatch hands a contact to a provider, at most once. It goes back to the decision
// when facts changed before the fence.
func (j *job) dispatch(ctx context.Context) (dunning.StoredDecision, error) {
	for range maxRounds {
		pause, err := j.admit(ctx)
		if err != nil {
			return dunning.StoredDecision{}, err
		}
		if pause > 0 {
			return j.postpone(ctx, pause)
		}
		out, err := j.reserve(ctx)
		switch {
		case err != nil:
			return dunning.StoredDecision{}, err
		case len(out.ask) > 0:
			if err := j.seekEvidence(ctx, out.ask); err != nil {
				return dunning.StoredDecision{}, err
			}
			continue
		case out.contact == nil:
			return out.next, nil
		}
		if next, again, err := j.handOver(ctx, *out.contact); !again {
			return next, err
		}
	}
	return dunning.StoredDecision{}, wrap(codeStore, errBusy)
}

// handOver takes a reserved contact over the fence to its provider and stores what
// became of it. again: the facts changed before the fence, nothing left.
func (j *job) handOver(ctx context.Context, c reserved) (next dunning.StoredDecision, again bool, err error) {
	ch, ok := j.Channels[c.Channel]
	if !ok {
		return next, false, wrap(codeChannel, errors.New("no channel"))
	}
	m, err := j.Renderer.Render(ctx, j.ref, c.ContactPlanned)
	if refusal := (*RenderError)(nil); errors.As(err, &refusal) {
		next, err = j.conclude(ctx, c, fence{version: c.version}, refused(refusal))
		return next, false, err
	} else if err != nil {
		return next, false, wrap(codeRender, err)
	}
	m.Attempt, m.NotAfter = AttemptID(c.ID), c.notAfter
	hold, refusal, err := j.hold(ctx, ch, c, m)
	if err != nil {
		return next, false, wrap(codeClock, err)
	} else if refusal != nil {
		next, err = j.conclude(ctx, c, fence{version: c.version}, *refusal)
		return next, false, err
	}
	m.Hold = hold
	f, moved, err := j.passFence(ctx, c, m)
	if moved || err != nil {
		return next, moved, err
	}
	c.fenced = true
	m.At = f.at
	next, err = j.conclude(ctx, c, f, j.call(ctx, ch, m, f))
	return next, false, err
}

// refused is the outcome of a message that cannot be written.
func refused(e *RenderError) dunning.Outcome {
	return dunning.Outcome{State: dunning.SendFailed, Class: e.Class, Code: e.Code, Permanent: true}
}

// reserve is tx1: decide with fresh facts and reserve what is still as planned.
func (j *job) reserve(ctx context.Context) (out result, err error) {
	err = j.transact(ctx, func(t *turn) error {
		out, err = t.reserve(ctx)
		return err
	})
	return out, err
}

func (t *turn) reserve(ctx context.Context) (result, error) {
	if d, ok, err := t.done(ctx); ok || err != nil {
		return result{next: d}, err
	}
	if ask, err := t.resolve(ctx); err != nil || len(ask) > 0 {
		return result{ask: ask}, err
	}
	d, kept, err := t.gateAgain(ctx)
	if err != nil {
		return result{}, err
	}
	if !t.asPlanned(d) || !d.Due() {
		return t.replan(ctx, d)
	}
	if d.Contact == nil {
		return t.withoutMessage(ctx, d)
	}
	if out, kept, err := t.keptBack(ctx, d); kept || err != nil {
		return out, err
	}
	allowed, err := t.store(ctx, d, "", 0)
	if err != nil {
		return result{}, err
	}
	c := reserved{ContactPlanned: *d.Contact, decided: allowed.Wall, sequence: t.facts.Sequence, notAfter: t.notAfter(*d.Contact), mayLeave: t.mayLeave(*d.Contact)}
	if !kept {
		c.Decision = allowed.ID
		if err := t.append(ctx, t.fact(c.ContactPlanned)); err != nil {
			return result{}, err
		}
	}
	c.version = t.version
	return result{contact: &c}, nil
}

// withoutMessage carries out an offer that no channel can deliver: it is open all the
// same. A send without a contact is a fault of ours.
func (t *turn) withoutMessage(ctx context.Context, d dunning.Decision) (result, error) {
	if len(d.Effects) == 0 {
		return result{}, wrap(codeContact, errors.New("no contact"))
	}
	return t.effect(ctx, d)
}

// keepFor is how long a reservation is kept for a retry: the message is written as of the
// decision that made it, and must not name a day that is over.
const keepFor = time.Hour

// gateAgain decides anew over a reservation that a crash left behind, ignoring it. It
// is kept when exactly the same would be reserved again, else cancelled. A case that is to
// move gives it back first: a reservation keeps it from moving, and must not be ignored then.
func (t *turn) gateAgain(ctx context.Context) (d dunning.Decision, kept bool, err error) {
	left := t.contacts(dunning.ContactReserved)
	if len(left) != 1 || t.ref.TargetVersion != "" {
		if err := t.cancel(ctx, left); err != nil {
			return d, false, err
		}
		d, err = t.decide(ctx)
		return d, false, err
	}
	d, err = t.decideWithout(ctx, left[0].ID)
	if err != nil {
		return d, false, err
	}
	fresh := t.at.Sub(left[0].Reserved) < keepFor
	if fresh && t.asPlanned(d) && d.Due() && d.Contact != nil && sameContact(left[0].ContactPlanned, *d.Contact) {
		d.Contact.Decision = left[0].Decision
		return d, true, nil
	}
	if err := t.cancel(ctx, left); err != nil {
		return d, false, err
	}
	d, err = t.decide(ctx)
	return d, false, err
}

// sameContact reports whether two plans are the same message to the same point.
func sameContact(a, b dunning.ContactPlanned) bool {
	return a.ID == b.ID && a.Channel == b.Channel && a.Point == b.Point && a.Template == b.Template && slices.Equal(a.Items, b.Items)
}

// cancel gives reservations back.
func (t *turn) cancel(ctx context.Context, left []dunning.ContactFacts) error {
	var facts []dunning.Fact
	for _, c := range left {
		facts = append(facts, t.fact(dunning.ContactMoved{ID: c.ID, State: dunning.ContactCancelled, Code: "shell:gave_up_reservation"}))
	}
	return t.append(ctx, facts...)
}

// passFence is tx2. It commits the state "sending", and a copy of the message, if nothing
// about the debtor changed since the contact was reserved and no switch is on. A switch
// that is turned on later waits for this commit.
func (j *job) passFence(ctx context.Context, c reserved, m dunning.Message) (f fence, moved bool, err error) {
	err = j.Store.InDebtor(ctx, j.ref.Debtor, func(tx Tx) error {
		v, err := tx.Version(ctx, j.ref.Debtor)
		if moved = v != c.version; err != nil || moved {
			return err
		}
		if f.at, err = j.Clock.Now(ctx); err != nil {
			return wrap(codeClock, err)
		}
		if moved, err = j.stopped(ctx, tx, c, f.at); err != nil || moved {
			return err
		}
		if moved = !c.mayLeave(f.at); moved {
			return nil
		}
		f.wall, m.At = j.wallNow(), f.at
		sending := dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending, Code: fencedAt(f.wall), Hold: m.Hold}
		if f.version, _, err = tx.Append(ctx, j.ref.Debtor, []dunning.Fact{
			{At: f.at, Account: j.ref.Account, Case: j.ref.Case, By: "system", Body: sending},
		}); err != nil {
			return err
		}
		return tx.KeepSent(ctx, c.ID, m)
	})
	return f, moved, wrap(codeStore, err)
}

// The wall instant of the fence is kept as the code of the state "sending". It bounds
// until when the provider may still be called by whoever passed the fence.
const fencePrefix = "fenced:"

func fencedAt(wall time.Time) string {
	return fencePrefix + strconv.FormatInt(wall.UnixMilli(), 10)
}

// fencedWall reads fencedAt; false when it is not one.
func fencedWall(code string) (time.Time, bool) {
	ms, ok := strings.CutPrefix(code, fencePrefix)
	n, err := strconv.ParseInt(ms, 10, 64)
	return time.UnixMilli(n), ok && err == nil
}

// call hands the message to the provider unless it is too late for that.
func (j *job) call(ctx context.Context, ch Channel, m dunning.Message, f fence) dunning.Outcome {
	if ctx.Err() != nil || j.wallNow().Sub(f.wall) > j.patience() {
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "shell:late"}
	}
	ctx, cancel := context.WithTimeout(ctx, j.callTimeout())
	defer cancel()
	out := j.send(ctx, ch, m)
	j.heed(ctx, m.Channel, out)
	return out
}

// conclude is tx3: the outcome and what is next, together. It is stored even when the
// worker is being stopped, because nobody else knows the outcome.
func (j *job) conclude(ctx context.Context, c reserved, f fence, o dunning.Outcome) (dunning.StoredDecision, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storing)
	defer cancel()
	var next dunning.StoredDecision
	crossed := false
	err := j.stubbornly(ctx, func() error {
		return j.transact(ctx, func(t *turn) (err error) {
			crossed = o.State != dunning.SendFailed && t.crossed(f.version)
			next, err = t.conclude(ctx, c, o, crossed)
			return err
		})
	})
	if err != nil {
		return next, err
	}
	j.handedOver(c, o)
	if crossed {
		j.count(CrossedInPost)
	}
	return next, nil
}

// stubbornly tries a few times: an outcome that is not stored becomes unknown.
func (j *job) stubbornly(ctx context.Context, f func() error) error {
	tries := j.storeTries
	if tries == 0 {
		tries = defaultStoreTries
	}
	err := f()
	for pause := 50 * time.Millisecond; err != nil && tries > 1; tries, pause = tries-1, pause*4 {
		if j.waitFor(ctx, pause) != nil {
			return err
		}
		err = f()
	}
	return err
}

func (t *turn) conclude(ctx context.Context, c reserved, o dunning.Outcome, crossed bool) (dunning.StoredDecision, error) {
	before, finished, err := t.done(ctx)
	if err != nil {
		return before, err
	}
	if err := t.learn(ctx, c, o, crossed); err != nil {
		return before, err
	}
	if finished {
		// Another run of this activity took this one for dead and went on without it;
		// the case looks at what is known now.
		return before, wrap(codeStore, t.tx.Nudge(ctx, t.ref.Case))
	}
	d, err := t.decide(ctx)
	if err != nil {
		return before, err
	}
	out, err := t.finish(ctx, d, 0)
	return out.next, err
}

// learn stores an outcome if it says more than what is known of the contact.
func (t *turn) learn(ctx context.Context, c reserved, o dunning.Outcome, crossed bool) error {
	if !t.tells(c, o) {
		return nil
	}
	facts, err := t.outcome(c, o, crossed)
	if err != nil {
		return err
	}
	return t.append(ctx, facts...)
}

// tells reports whether an outcome says more than what is known of a contact. A webhook
// or a look-up may have been faster; that the provider took it always counts. A run that
// has not passed the fence knows nothing of the run that has.
func (t *turn) tells(c reserved, o dunning.Outcome) bool {
	is := func(states ...dunning.ContactState) bool {
		return slices.ContainsFunc(t.contacts(states...), func(k dunning.ContactFacts) bool { return k.ID == c.ID })
	}
	if !c.fenced {
		return is(dunning.ContactReserved)
	}
	if !is(dunning.ContactAccepted, dunning.ContactFailed, dunning.ContactBounced, dunning.ContactCancelled) {
		return true
	}
	return o.State == dunning.SendAccepted && is(dunning.ContactFailed, dunning.ContactCancelled)
}

// outcome is what a hand-over's outcome makes true, as the core words it.
func (t *turn) outcome(c reserved, o dunning.Outcome, crossed bool) ([]dunning.Fact, error) {
	f, err := dunning.Fold(t.frame.Setup, t.history)
	if err != nil {
		return nil, wrap(codeFacts, err)
	}
	if crossed {
		o.Code = CrossedInPost
	}
	return f.Concluded(c.ID, o, t.at), nil
}

// CrossedInPost is the code of an accepted or unknown contact about which something was
// committed between the fence and the outcome that would have kept it back.
const CrossedInPost = "crossed_in_post"

// crossed reports whether something was committed after the fence that would have kept
// the message back.
func (t *turn) crossed(fence int64) bool {
	return slices.ContainsFunc(t.history, func(x dunning.Fact) bool {
		if x.Version <= fence {
			return false
		}
		switch x.Body.(type) {
		case dunning.Payment, dunning.DisputeRaised, dunning.HoldPlaced, dunning.OptedOut, dunning.ConsentRevoked, dunning.StatusKnown, dunning.NoticeReceived:
			return true
		}
		return false
	})
}

// postpone stores that a channel is closed for now, by its provider's wish or because
// it stopped answering: nothing is reserved on it, the case stays awake for nudges.
func (j *job) postpone(ctx context.Context, pause time.Duration) (dunning.StoredDecision, error) {
	for {
		var out result
		err := j.transact(ctx, func(t *turn) (err error) {
			out, err = t.postpone(ctx, pause)
			return err
		})
		if err != nil || len(out.ask) == 0 {
			return out.next, err
		}
		if err := j.seekEvidence(ctx, out.ask); err != nil {
			return dunning.StoredDecision{}, err
		}
	}
}

func (t *turn) postpone(ctx context.Context, pause time.Duration) (result, error) {
	if d, ok, err := t.done(ctx); ok || err != nil {
		return result{next: d}, err
	}
	if ask, err := t.clearUp(ctx); err != nil || len(ask) > 0 {
		return result{ask: ask}, err
	}
	d, err := t.decide(ctx)
	if err != nil {
		return result{}, err
	}
	if !t.asPlanned(d) || !d.Due() {
		return t.replan(ctx, d)
	}
	d.WakeAt = t.at.Add(pause)
	d.Rule, d.Reason, d.NotBefore, d.Deferred = "shell:channel_paused", "channel_paused", d.WakeAt, true
	return t.finish(ctx, d, 0)
}
