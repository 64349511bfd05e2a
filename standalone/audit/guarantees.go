package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
)

// Guarantee is one thing that must hold, how often it was looked at, and where it did not.
type Guarantee struct {
	Name    string   `json:"name"`
	Checked int      `json:"checked"`
	Broken  []string `json:"broken,omitempty"` // ids and codes; the first few
	More    int      `json:"more,omitempty"`   // how many more
}

func (g Guarantee) String() string {
	n := len(g.Broken) + g.More
	if n == 0 {
		return fmt.Sprintf("held (%d checked)", g.Checked)
	}
	return fmt.Sprintf("BROKEN %d of %d times: %s", n, g.Checked, g.Broken[0])
}

// Names of the guarantees, in order.
const (
	onceOnly   = "no contact handed over twice"
	decided    = "no contact without a decision that allowed it"
	fenced     = "nothing sent that the facts committed before did not allow"
	allowed    = "contact policies allowed every contact when it left"
	spaced     = "spacing between the steps of a case"
	daily      = "one automatic step a day and debtor"
	delivered  = "every accepted contact arrived, and nothing else"
	healthy    = "no open case without a next thing (doctor)"
	noUnknowns = "no hand-over of unknown fate left"
)

var names = []string{onceOnly, decided, fenced, allowed, spaced, daily, delivered, healthy, noUnknowns}

// shown is how many breaks of a guarantee are listed.
const shown = 20

type exam struct {
	o        Options
	sum      tally
	found    map[string]*Guarantee
	accepted map[string]dunning.Channel // by attempt
}

func newExam(o Options) *exam {
	e := &exam{o: o, found: map[string]*Guarantee{}, accepted: map[string]dunning.Channel{}}
	for _, n := range names {
		e.found[n] = &Guarantee{Name: n}
	}
	return e
}

func (e *exam) guarantees() []Guarantee {
	out := make([]Guarantee, len(names))
	for i, n := range names {
		out[i] = *e.found[n]
	}
	return out
}

// check counts a look, and a break when it is not ok.
func (e *exam) check(name string, ok bool, format string, args ...any) {
	g := e.found[name]
	g.Checked++
	switch {
	case ok:
	case len(g.Broken) < shown:
		g.Broken = append(g.Broken, fmt.Sprintf(format, args...))
	default:
		g.More++
	}
}

// life examines one account.
func (e *exam) life(ctx context.Context, l Life) error {
	e.sum.life(l)
	decisions := map[string]dunning.StoredDecision{}
	for _, d := range l.Decisions {
		decisions[d.ID] = d
	}
	for _, ref := range l.Cases {
		setup, err := e.o.Book.Setup(ctx, ref)
		if err != nil {
			return err
		}
		sent := e.contacts(l, ref, decisions)
		for _, c := range sent {
			if err := e.derive(setup, l.Facts, c); err != nil {
				return err
			}
		}
		e.spacing(setup, l.Facts, sent)
	}
	return nil
}

// sending is a contact that went over the fence.
type sending struct {
	dunning.ContactPlanned
	at      time.Time // business instant of the fence
	version int64     // of the facts with the fence
}

// contacts follows each contact of a case through its states.
func (e *exam) contacts(l Life, ref dunning.CaseRef, decisions map[string]dunning.StoredDecision) []sending {
	planned := map[string]dunning.ContactPlanned{}
	state := map[string]dunning.ContactState{}
	taken := map[string]int{}
	var sent []sending
	for _, x := range l.Facts {
		if x.Case != ref.Case {
			continue
		}
		switch b := x.Body.(type) {
		case dunning.ContactPlanned:
			planned[b.ID] = b
			d, ok := decisions[b.Decision]
			e.check(decided, ok && allows(d.Decision, b) && d.Decision.Version < x.Version, "contact %s: decision %s", b.ID, b.Decision)
		case dunning.ContactMoved:
			if b.State == dunning.ContactSending {
				before := state[b.ID]
				e.check(onceOnly, before == "" || before == dunning.ContactFailed, "contact %s: sending after %s", b.ID, before)
				sent = append(sent, sending{planned[b.ID], x.At, x.Version})
			}
			if b.State == dunning.ContactAccepted {
				taken[b.ID]++
				e.check(onceOnly, taken[b.ID] == 1, "contact %s: accepted %d times", b.ID, taken[b.ID])
				e.accepted[activities.AttemptID(b.ID)] = planned[b.ID].Channel
			}
			state[b.ID] = b.State
		}
	}
	return sent
}

// allows reports whether a decision is a yes to a contact.
func allows(d dunning.Decision, c dunning.ContactPlanned) bool {
	return d.Due() && !d.Deferred && d.Contact != nil && d.Contact.ID == c.ID && d.Contact.Point == c.Point
}

// derive decides again about a contact, from the facts that were committed before it
// left, its own reservation left out, at the instant at which it left.
func (e *exam) derive(setup dunning.Setup, facts []dunning.Fact, c sending) error {
	var before []dunning.Fact
	for _, x := range facts {
		if x.Version < c.version && !concerns(x, c.ID) {
			before = append(before, x)
		}
	}
	f, err := dunning.Fold(setup, before)
	if err != nil {
		return fmt.Errorf("contact %s: %w", c.ID, err)
	}
	v := setup.Policies.Check(f.Query(c.at, c.Channel, c.Purpose, c.Automatic))
	e.check(allowed, v.Allowed, "contact %s: rule %s", c.ID, v.Rule)
	_, made, err := dunning.Settle(f, c.at)
	if err != nil {
		return fmt.Errorf("contact %s: %w", c.ID, err)
	}
	d := made[len(made)-1]
	e.check(fenced, allows(d, c.ContactPlanned) && slices.Equal(d.Items, c.Items), "contact %s: derived again it is %s %s, waiting for %q by %q", c.ID, d.Verb, d.Step, d.Waiting, d.Rule)
	return nil
}

// concerns reports whether a fact is about a contact that was not handed over yet.
func concerns(x dunning.Fact, contact string) bool {
	switch b := x.Body.(type) {
	case dunning.ContactPlanned:
		return b.ID == contact
	case dunning.ContactMoved:
		return b.ID == contact
	}
	return false
}

// spacing checks the days between the step dispatches of a case, and that no day has two.
func (e *exam) spacing(setup dunning.Setup, facts []dunning.Fact, sent []sending) {
	var last *sending
	for i := range sent {
		c := &sent[i]
		if !c.Automatic || setup.Sequence.StepIndex(c.Step) < 0 {
			continue // a courtesy is no step
		}
		if last != nil && !sameDispatch(*last, *c) {
			days := daysBetween(setup, facts, last.at, c.at)
			e.check(spaced, days >= setup.Sequence.Spacing, "contacts %s and %s: %d days", last.ID, c.ID, days)
			e.check(daily, days >= 1, "contacts %s and %s on one day", last.ID, c.ID)
		}
		last = c
	}
}

// sameDispatch reports whether two contacts are parts of one step for the same items:
// several channels, or another one after a failure.
func sameDispatch(a, b sending) bool {
	return a.Step == b.Step && a.Round == b.Round && slices.ContainsFunc(a.Items, func(x dunning.ItemLine) bool {
		return x.Step != "" && slices.ContainsFunc(b.Items, func(y dunning.ItemLine) bool { return y.Key == x.Key && y.Step == x.Step })
	})
}

// daysBetween is the least number of calendar days between two instants in any zone that
// may be the debtor's.
func daysBetween(setup dunning.Setup, facts []dunning.Fact, a, b time.Time) int {
	f, err := dunning.Fold(setup, facts)
	if err != nil || len(f.Zones) == 0 {
		return 0
	}
	least := 1 << 30
	for _, z := range f.Zones {
		least = min(least, dunning.DateOf(a.In(z)).Days(dunning.DateOf(b.In(z))))
	}
	return least
}

// store examines what is not of one account.
func (e *exam) store(ctx context.Context) error {
	violations, err := e.o.Store.Doctor(ctx, e.o.Now)
	if err != nil {
		return err
	}
	e.check(healthy, true, "")
	for _, v := range violations {
		e.check(healthy, false, "%s: case %s %s %s", v.Kind, v.Case, v.Subject, v.Detail)
	}
	counts, err := e.o.Store.CountContacts(ctx)
	if err != nil {
		return err
	}
	for _, c := range counts {
		settled := c.State != dunning.ContactUnknown && c.State != dunning.ContactSending && c.State != dunning.ContactReserved
		e.check(noUnknowns, settled, "%d contacts of %s %s are %s", c.N, c.Channel, c.Step, c.State)
	}
	if !e.o.Sandbox {
		return nil
	}
	return e.messages(ctx)
}

// messages compares what lies in the sandbox and the letters' outbox with what was accepted.
func (e *exam) messages(ctx context.Context) error {
	rows, err := e.o.Store.Pool().Query(ctx, `SELECT attempt FROM sandbox_messages UNION ALL SELECT attempt FROM letters`)
	if err != nil {
		return err
	}
	defer rows.Close()
	there := map[string]bool{}
	for rows.Next() {
		var attempt string
		if err := rows.Scan(&attempt); err != nil {
			return err
		}
		_, ok := e.accepted[attempt]
		e.check(delivered, ok && !there[attempt], "message %s: no accepted contact", attempt)
		there[attempt] = true
	}
	for _, attempt := range slices.Sorted(maps.Keys(e.accepted)) {
		e.check(delivered, there[attempt], "accepted %s %s is not there", e.accepted[attempt], attempt)
	}
	return rows.Err()
}
