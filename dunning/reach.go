package dunning

import (
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Reach answers whether a person may contact the debtor at an instant: what holds of the
// debtor and the account say, and then the contact policies. It is what a collector's
// "allowed now" light shows, and what SendMessage asks. A hold's refusal has the rule
// "hold:" and its kind, and the instant at which it no longer keeps contact back (zero:
// until somebody lifts it).
func (f *Facts) Reach(at time.Time, a Ask) contact.Verdict {
	if rule, until, held := f.heldContact(at); held {
		v := contact.Verdict{Rule: rule, NotBefore: until}
		v.Reasons = []contact.Reason{{Rule: rule, Code: contact.CodeHold, NotBefore: until}}
		return v
	}
	return f.Policies.Check(f.Asked(at, a))
}

// heldContact reports whether a hold of the debtor or the account keeps contact back, by
// which rule and until when: the last of them counts.
func (f *Facts) heldContact(at time.Time) (rule string, until time.Time, held bool) {
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.Scope == ScopeItem || !h.Contact || h.From.After(at) {
			continue
		}
		free := f.freeAgain(h)
		if !h.in(at) && !free.After(at) {
			continue
		}
		next := laterIf(held, until, free)
		if !held || next != until {
			rule = "hold:" + string(h.HoldKind)
		}
		until, held = next, true
	}
	return rule, until, held
}
