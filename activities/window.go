package activities

import (
	"time"

	"github.com/duly/duly/dunning"
)

const (
	// longestQueue is how long a provider may hold a message before it leaves.
	longestQueue = 10 * time.Hour
	queueStep    = 10 * time.Minute
)

// notAfter is the last instant, to the second, until which the contact policies let a
// text message reach the debtor without a break. Carriers queue texts for hours; one
// that would arrive at night must not arrive at all. Other channels are read when the
// debtor pleases: zero.
func (t *turn) notAfter(c dunning.ContactPlanned) time.Time {
	if c.Channel != dunning.SMS {
		return time.Time{}
	}
	open := func(at time.Time) bool {
		return t.frame.Setup.Policies.Check(t.facts.AskedAgain(at, c)).Allowed
	}
	good := t.at
	for good.Sub(t.at) < longestQueue {
		next := good.Add(queueStep)
		if !open(next) {
			return lastOpen(good, next, open)
		}
		good = next
	}
	return good
}

// mayLeave asks the contact policies over the facts that the contact was decided on,
// which are those at the fence: a contact never passes it once anything was added. It asks what
// the decision asked: what that allows and the fence refuses would go round for ever.
func (t *turn) mayLeave(c dunning.ContactPlanned) func(time.Time) bool {
	facts, policies, decided := t.facts, t.frame.Setup.Policies, t.at
	return func(at time.Time) bool {
		return at.Equal(decided) || policies.Check(facts.AskedAgain(at, c)).Allowed
	}
}

// lastOpen is the last whole second after good that is open, good itself if none is; bad
// is not.
func lastOpen(good, bad time.Time, open func(time.Time) bool) time.Time {
	for rest := int(bad.Sub(good) / time.Second); rest > 1; {
		mid := rest / 2
		if at := good.Add(time.Duration(mid) * time.Second); open(at) {
			rest, good = rest-mid, at
		} else {
			rest = mid
		}
	}
	return good
}
