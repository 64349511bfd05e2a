package activities

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
)

// turn is one transaction of a job: the debtor is locked, the facts are fresh, and
// business time stands at one instant.
type turn struct {
	*job
	tx      Tx
	at      time.Time
	history []dunning.Fact
	version int64
	facts   dunning.Facts // as the last decision saw them
}

// result is what a transaction came to.
type result struct {
	next    dunning.StoredDecision // what is next, when ask and contact are empty
	ask     []dunning.ContactFacts // hand-overs about which evidence is to be sought first
	contact *reserved              // a contact to be handed over
}

// maxLoads bounds how often what surrounds a case is loaded again because the case has been
// moved to another sequence version between that and the lock of its debtor.
const maxLoads = 3

// transact locks the debtor, loads, and runs f. f may run more than once.
func (j *job) transact(ctx context.Context, f func(*turn) error) error {
	for range maxLoads {
		stale := false
		err := j.transactOnce(ctx, f, &stale)
		if !stale {
			return err
		}
		if err := j.load(ctx); err != nil {
			return err
		}
	}
	return wrap(codeFrame, errors.New("the case is moved again and again while it is looked at"))
}

// transactOnce sets stale, and does nothing, when the facts speak of a sequence version that
// was not loaded.
func (j *job) transactOnce(ctx context.Context, f func(*turn) error, stale *bool) error {
	return wrap(codeStore, j.Store.InDebtor(ctx, j.ref.Debtor, func(tx Tx) error {
		t := &turn{job: j, tx: tx}
		var err error
		if t.history, t.version, err = tx.Facts(ctx, j.ref.Debtor); err != nil {
			return wrap(codeStore, err)
		}
		if *stale = !j.frame.Setup.Current(j.ref, t.history); *stale {
			return nil
		}
		if t.at, err = j.Clock.Now(ctx); err != nil {
			return wrap(codeClock, err)
		}
		return f(t)
	}))
}

// done finds what an earlier run of the same intent has already led to.
func (t *turn) done(ctx context.Context) (dunning.StoredDecision, bool, error) {
	if t.req.Intent == "" {
		return dunning.StoredDecision{}, false, nil
	}
	d, ok, err := t.tx.ByIntent(ctx, t.req.Intent)
	return d, ok, wrap(codeStore, err)
}

// carryOut is the transaction of the verbs that live in Postgres: find what was already
// done, clear what a crash left behind, decide, and do it if it is still what was
// planned. What is next is stored with it.
func (t *turn) carryOut(ctx context.Context) (result, error) {
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
	if closes(d) || t.verb != dunning.VerbLook && t.asPlanned(d) && d.Due() {
		return t.effect(ctx, d)
	}
	return t.replan(ctx, d)
}

// closes reports whether a decision ends items or the case now. That needs nobody and no
// provider, so whoever finds it does it at once: an activity of its own is billed.
func closes(d dunning.Decision) bool {
	return d.Verb == dunning.VerbClose && d.Due() && d.Contact == nil
}

// effect makes a decision true that needs no provider, and decides what is next.
func (t *turn) effect(ctx context.Context, d dunning.Decision) (result, error) {
	for range maxCloses {
		if _, err := t.store(ctx, d, "", 0); err != nil {
			return result{}, err
		}
		if err := t.append(ctx, d.Effects...); err != nil {
			return result{}, err
		}
		var err error
		if d, err = t.decide(ctx); err != nil {
			return result{}, err
		}
		if !closes(d) {
			break
		}
	}
	return t.finish(ctx, d, 0)
}

// maxCloses bounds what is ended in one transaction: items, then their case.
const maxCloses = 4

// asPlanned reports whether a decision is what the workflow was told to do.
func (t *turn) asPlanned(d dunning.Decision) bool {
	if t.planned == nil || d.Verb != t.verb {
		return false
	}
	p := t.planned.Decision
	return d.Step == p.Step && d.Channel() == p.Channel()
}

// replan stores a decision that is not to be carried out by this activity. Three that
// are due at once, each other than planned, would go round for ever: the case is parked
// with a task for a person.
func (t *turn) replan(ctx context.Context, d dunning.Decision) (result, error) {
	replans := 0
	if t.verb != dunning.VerbLook && !t.asPlanned(d) && d.Due() {
		replans = 1
		if t.planned != nil {
			replans += t.planned.Replans
		}
	}
	if replans < maxReplans {
		return t.finish(ctx, d, replans)
	}
	task := dunning.TaskOpened{
		ID: t.ref.Case + "/task/parked/" + t.req.Intent, Task: dunning.TaskParked,
		Queue: t.frame.Setup.Creditor.Queues.Operations, Step: d.Step, Items: counted(d.Items), Reason: "replanned",
	}
	if err := t.append(ctx, t.fact(task)); err != nil {
		return result{}, err
	}
	d, err := t.decide(ctx)
	if err != nil {
		return result{}, err
	}
	return t.finish(ctx, d, 0)
}

// counted are the items that a decision's step counts for: a person who ends a parked
// step by hand ends it for them.
func counted(lines []dunning.ItemLine) []string {
	var keys []string
	for _, l := range lines {
		if l.Step != "" {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

// finish stores a decision as what the intent has led to.
func (t *turn) finish(ctx context.Context, d dunning.Decision, replans int) (result, error) {
	s, err := t.store(ctx, d, t.req.Intent, replans)
	return result{next: s}, err
}

// decide settles the fresh facts, writes down what has become true by itself, and
// returns the decision to carry out or wait for.
func (t *turn) decide(ctx context.Context) (dunning.Decision, error) {
	return t.decideWithout(ctx, "")
}

// decideWithout decides as if one reserved contact were not there: its own reservation
// must not stand in its way.
func (t *turn) decideWithout(ctx context.Context, contact string) (dunning.Decision, error) {
	f, err := dunning.Fold(t.frame.Setup, without(t.history, contact))
	if err != nil {
		return dunning.Decision{}, wrap(codeFacts, err)
	}
	settled, made, err := dunning.Settle(f, t.at)
	if errors.Is(err, dunning.ErrUnsettled) {
		return t.unsettled(ctx, f, made)
	}
	if err != nil {
		return dunning.Decision{}, wrap(codeFacts, err)
	}
	last := len(made) - 1
	for _, d := range made[:last] {
		d.Version = t.version // what it looked at: the records before it are stored by now
		if _, err := t.store(ctx, d, "", 0); err != nil {
			return dunning.Decision{}, err
		}
		if err := t.append(ctx, d.Effects...); err != nil {
			return dunning.Decision{}, err
		}
	}
	d := made[last]
	d.Version = t.version
	t.facts = settled
	return d, nil
}

// unsettled parks a case whose records follow one another without end: a person is
// asked, once, and the case looks again a day later.
func (t *turn) unsettled(ctx context.Context, f dunning.Facts, made []dunning.Decision) (dunning.Decision, error) {
	id := t.ref.Case + "/task/unsettled"
	open := slices.ContainsFunc(f.Tasks, func(s dunning.TaskState) bool { return s.ID == id && s.Ended.IsZero() })
	if !open {
		task := dunning.TaskOpened{
			ID: id, Task: dunning.TaskParked, Queue: t.frame.Setup.Creditor.Queues.Operations, Step: made[len(made)-1].Step, Items: stuck(f), Reason: "unsettled",
		}
		if err := t.append(ctx, t.fact(task)); err != nil {
			return dunning.Decision{}, err
		}
	}
	return dunning.Decision{
		Verb: dunning.VerbLook, At: t.at, WakeAt: t.at.Add(24 * time.Hour), Waiting: "task", Rule: "shell:unsettled", Version: t.version,
	}, nil
}

// stuck are the items that are still this case's business.
func stuck(f dunning.Facts) []string {
	var keys []string
	for i := range f.Items {
		if it := &f.Items[i]; it.Open > 0 && it.Disposition == dunning.InSequence {
			keys = append(keys, it.Key)
		}
	}
	return keys
}

// without is the history as if a contact had never been planned.
func without(history []dunning.Fact, contact string) []dunning.Fact {
	if contact == "" {
		return history
	}
	return slices.DeleteFunc(slices.Clone(history), func(x dunning.Fact) bool {
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			return b.ID == contact
		case dunning.ContactMoved:
			return b.ID == contact
		}
		return false
	})
}

// store adds a decision to the journal.
func (t *turn) store(ctx context.Context, d dunning.Decision, intent string, replans int) (dunning.StoredDecision, error) {
	s := dunning.StoredDecision{
		ID: t.newID(), Intent: intent, Case: t.ref.Case, Decision: d, Core: dunning.CoreVersion,
		Policies: t.frame.Policies, Zones: t.frame.Zones, Wall: t.wallNow().UTC().Round(0), Replans: replans,
	}
	return s, wrap(codeStore, t.tx.StoreDecision(ctx, s))
}

// append commits facts with this transaction and adds them to the history at hand.
func (t *turn) append(ctx context.Context, facts ...dunning.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	v, _, err := t.tx.Append(ctx, t.ref.Debtor, facts)
	if err != nil {
		return wrap(codeStore, err)
	}
	t.version = v
	for _, x := range facts {
		x.Version = v
		t.history = append(t.history, x)
	}
	return nil
}

// fact makes a fact of this case at the transaction's instant.
func (t *turn) fact(b dunning.Body) dunning.Fact {
	return dunning.Fact{At: t.at, Account: t.ref.Account, Case: t.ref.Case, By: "system", Body: b}
}

// contacts are the case's own contacts in some states, in order.
func (t *turn) contacts(states ...dunning.ContactState) []dunning.ContactFacts {
	return contactsOf(t.history, t.ref.Case, states...)
}

// contactsOf reads the contacts of a case from a history without folding it all.
func contactsOf(history []dunning.Fact, caseID string, states ...dunning.ContactState) []dunning.ContactFacts {
	var all []dunning.ContactFacts
	for _, x := range history {
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			if x.Case == caseID {
				all = append(all, dunning.ContactFacts{ContactPlanned: b, Account: x.Account, Case: x.Case, State: dunning.ContactReserved, Reserved: x.At})
			}
		case dunning.ContactMoved:
			i := slices.IndexFunc(all, func(c dunning.ContactFacts) bool { return c.ID == b.ID })
			if i < 0 {
				continue
			}
			c := &all[i]
			c.State, c.Moved, c.Code, c.Deadline = b.State, x.At, b.Code, b.Deadline
			if b.State == dunning.ContactSending {
				c.At, c.Hold = x.At, b.Hold
			}
		}
	}
	return slices.DeleteFunc(all, func(c dunning.ContactFacts) bool { return !slices.Contains(states, c.State) })
}
