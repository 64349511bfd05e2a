package simulate

import (
	"slices"
	"time"

	"github.com/duly/duly/dunning"
)

// History is what really happened to an account, split at an instant so that it can be lived
// through again from there: what was known, and what came from outside afterwards.
type History struct {
	Past     []dunning.Fact // up to the instant
	Facts    []dunning.Fact // from outside, later
	Commands []Command      // of people, later; each where it still fits
	Reply    func(c dunning.ContactPlanned, at time.Time) Reply
	Case     string          // the last case up to the instant, "" for none
	Sequence string          // that it follows
	Cases    []string        // those opened later, in order
	Tasks    map[string]bool // ids of those that there really were
	Versions []string        // sequence@version that cases of the account follow, each once, in order
}

// Split takes a debtor's log apart for one account. What Duly itself decided after the
// instant is left out: it is what is to be decided again. Providers answer as they did.
// What was committed together is told together, or something would be decided in its middle.
func Split(log []dunning.Fact, account string, at time.Time) History {
	h := History{Reply: answered(log), Tasks: map[string]bool{}}
	var done [][]dunning.Fact
	for _, x := range log {
		h.note(x, account, at)
		last := len(done) - 1
		switch {
		case !x.At.After(at):
			h.Past = append(h.Past, x)
		case x.Account != account || plainFromOutside(x):
			h.Facts = append(h.Facts, x)
		case !fromPeople(x):
		case last >= 0 && together(done[last][0], x):
			done[last] = append(done[last], x)
		default:
			done = append(done, h.withItsFirst(x))
		}
	}
	for _, facts := range done {
		h.Commands = append(h.Commands, Command{At: facts[0].At, By: facts[0].By, Happen: ifTheyFit(facts)})
	}
	byTime := func(a, b dunning.Fact) int { return a.At.Compare(b.At) }
	slices.SortStableFunc(h.Facts, byTime)
	slices.SortStableFunc(h.Commands, func(a, b Command) int { return a.At.Compare(b.At) })
	return h
}

// together reports whether two facts were committed as one.
func together(a, b dunning.Fact) bool {
	return a.Version != 0 && a.Version == b.Version && a.At.Equal(b.At)
}

// withItsFirst is what a person did, behind what was committed just before it as part of the
// same: a reply and the refusal in it.
func (h *History) withItsFirst(x dunning.Fact) []dunning.Fact {
	n := len(h.Facts)
	for n > 0 && together(h.Facts[n-1], x) {
		n--
	}
	out := append(slices.Clone(h.Facts[n:]), x)
	h.Facts = h.Facts[:n]
	return out
}

// note keeps which cases and tasks there were.
func (h *History) note(x dunning.Fact, account string, at time.Time) {
	if t, ok := x.Body.(dunning.TaskOpened); ok {
		h.Tasks[t.ID] = true
	}
	if m, ok := x.Body.(dunning.Migrated); ok && x.Account == account {
		if v := m.Sequence + "@" + m.Version; !slices.Contains(h.Versions, v) {
			h.Versions = append(h.Versions, v)
		}
	}
	b, ok := x.Body.(dunning.CaseOpened)
	if !ok || x.Account != account {
		return
	}
	if v := b.Sequence + "@" + b.Version; !slices.Contains(h.Versions, v) {
		h.Versions = append(h.Versions, v)
	}
	switch {
	case !x.At.After(at):
		h.Case, h.Sequence = x.Case, b.Sequence
	case !b.Reopened:
		h.Cases = append(h.Cases, x.Case)
	}
}

// plainFromOutside are facts that fit whatever was decided before them.
func plainFromOutside(x dunning.Fact) bool {
	if x.By == "system" {
		return false
	}
	switch x.Body.(type) {
	case dunning.Item, dunning.ItemCorrected, dunning.Payment, dunning.PaymentReversed, dunning.HoldPlaced, dunning.ContactLogged:
		return true
	}
	return false
}

// fromPeople are facts that refer to what Duly had done: they are told again where there is
// the like of it. A provider's bounce is one of them.
func fromPeople(x dunning.Fact) bool {
	switch b := x.Body.(type) {
	case dunning.ContactMoved:
		return b.State == dunning.ContactBounced
	case dunning.CaseOpened, dunning.CaseClosed, dunning.ContactPlanned:
		return false
	case dunning.MigrationAsked, dunning.MigrationEnded, dunning.Migrated: // the version is what is tried here
		return false
	}
	return x.By != "system"
}

// ifTheyFit tells facts again, each if the facts of then and those before it can take it.
func ifTheyFit(facts []dunning.Fact) func(f dunning.Facts) []dunning.Fact {
	return func(f dunning.Facts) []dunning.Fact {
		var out []dunning.Fact
		for _, x := range facts {
			if x.Case != "" {
				x.Case = f.Case
			}
			if m, ok := x.Body.(dunning.ContactMoved); ok && !slices.ContainsFunc(f.Contacts, func(c dunning.ContactFacts) bool { return c.ID == m.ID }) {
				continue
			}
			if _, err := f.Apply(append(slices.Clone(out), x)); err == nil {
				out = append(out, x)
			}
		}
		return out
	}
}

// answered is how providers answered each contact of a log; the others are accepted.
func answered(log []dunning.Fact) func(c dunning.ContactPlanned, at time.Time) Reply {
	failed := map[string]Reply{}
	for _, x := range log {
		m, ok := x.Body.(dunning.ContactMoved)
		if !ok {
			continue
		}
		switch m.State {
		case dunning.ContactFailed:
			r := Reply{State: dunning.ContactFailed, Class: m.Class, Permanent: m.Permanent}
			if m.RetryAt.After(x.At) {
				r.RetryIn = m.RetryAt.Sub(x.At)
			}
			failed[m.ID] = r
		case dunning.ContactAccepted:
			delete(failed, m.ID)
		}
	}
	return func(c dunning.ContactPlanned, _ time.Time) Reply {
		if r, ok := failed[c.ID]; ok {
			return r
		}
		return Reply{State: dunning.ContactAccepted}
	}
}

// Ledger is what really happened to an account in [from, until), as a life of its own, so
// that it can be counted and compared. set is the account's set-up.
func Ledger(set dunning.Setup, log []dunning.Fact, from, until time.Time) (Life, error) {
	f, err := dunning.Fold(set, log)
	l := Life{Final: f}
	for _, x := range log {
		if x.At.After(from) && x.At.Before(until) {
			l.Facts = append(l.Facts, x)
		}
	}
	return l, err
}

// How what really happened differs from what the configuration in force makes of it.
const (
	ByConfig = "changed" // another configuration was in force then
	Late     = "late"    // the same, on a later day: an outage, a limit of pace, a provider that was away
	Wrong    = "wrong"   // the same configuration, and not the same outcome
)

// Judge says what a difference between the ledger (before) and the simulation (after) is.
// The second value is false where both fall on one day of the debtor: minutes are no
// difference.
func Judge(d Difference, changed bool, zone *time.Location) (string, bool) {
	same := d.What == Moved && dunning.DateOf(d.Before.In(zone)) == dunning.DateOf(d.After.In(zone))
	switch {
	case same:
		return "", false
	case changed:
		return ByConfig, true
	case d.What == Moved && d.Before.After(d.After):
		return Late, true
	}
	return Wrong, true
}
