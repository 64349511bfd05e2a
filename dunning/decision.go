package dunning

import (
	"time"

	"github.com/duly/duly/dunning/money"
)

// Decision says what to do about a case now, or when to look again, and why.
// It is immutable once stored and survives JSON. It never crosses Temporal;
// Next does.
type Decision struct {
	Verb Verb `json:"verb"`
	// At is the instant of the decision.
	At time.Time `json:"at"`
	// WakeAt is when the verb is due. At or before At: now. Zero: only a new
	// fact can change anything.
	WakeAt time.Time `json:"wake_at,omitzero"`

	Step    string          `json:"step,omitempty"`
	Round   int             `json:"round,omitempty"`
	Items   []ItemLine      `json:"items,omitempty"`
	Total   money.Amount    `json:"total,omitzero"`
	Queue   string          `json:"queue,omitempty"`
	Contact *ContactPlanned `json:"contact,omitempty"` // send, offer: what to reserve

	// Waiting names the state of DESIGN 5 "who waits for what" that blocks the
	// case: "hold", "plan", "promise", "lease", "task", "unknown", "offer", "stale", "matures", …
	Waiting string `json:"waiting,omitempty"`
	// Rule, Reason and NotBefore explain a dispatch that matured and may not
	// leave: the rule, its code and the earliest instant that could be a yes
	// (zero: only a new fact).
	Rule      string    `json:"rule,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	// Deferred is set when Rule pushed a matured dispatch of Step away.
	Deferred bool `json:"deferred,omitempty"`

	// Effects are the facts that carrying out the decision makes true. For
	// Record they are applied and the case is decided again at once; for tasks,
	// offers, escalations, referrals and closing they are all there is to do.
	Effects []Fact `json:"effects,omitempty"`

	// Checks are what the contact policies were asked for this decision, one for
	// each channel that was considered, with what they said.
	Checks []Checked `json:"checks,omitempty"`

	// Conditions holds the values of conditions that were evaluated: source text → result.
	Conditions []ConditionValue `json:"conditions,omitempty"`
	// Version is the debtor's version that was looked at.
	Version int64 `json:"debtor_version"`
	// Sequence is the sequence version that was followed.
	Sequence string `json:"sequence,omitempty"`
	// Target is the version that the case was to move to, where that was asked for.
	Target string `json:"target,omitempty"`
	// Versions are those of what else surrounded the decision.
	Versions Versions `json:"versions,omitzero"`
}

// Versions names the data that surround a decision and are not facts.
type Versions struct {
	Release  string `json:"release,omitempty"`  // published configuration: creditors, policy packs, holidays
	Zones    string `json:"zones,omitempty"`    // database of time zones
	Prefixes string `json:"prefixes,omitempty"` // tables of number prefixes, postcodes and states
}

// ConditionValue is one condition and what it came to.
type ConditionValue struct {
	Step   string `json:"step,omitempty"`
	Source string `json:"source"`
	Result bool   `json:"result"`
	Error  string `json:"error,omitempty"`
}

// Due reports whether the decision is to be carried out now.
func (d Decision) Due() bool { return !d.WakeAt.IsZero() && !d.WakeAt.After(d.At) }

// Channel of the contact that the decision would send; "" for other verbs.
func (d Decision) Channel() Channel {
	if d.Contact == nil {
		return ""
	}
	return d.Contact.Channel
}

// Next is all that Temporal learns of a decision: codes and instants.
type Next struct {
	DecisionID string  `json:"decision_id"`
	Verb       Verb    `json:"verb"`
	Step       string  `json:"step,omitempty"`
	Channel    Channel `json:"channel,omitempty"`
	Queue      string  `json:"queue,omitempty"`
	// WakeAt is a wall-clock instant (converted from business time by the
	// activity); zero = sleep until nudged.
	WakeAt time.Time `json:"wake_at,omitzero"`
	Closed bool      `json:"closed,omitempty"`
}

// CoreVersion names the rules of this release; it is stored with every decision.
const CoreVersion = "5"
