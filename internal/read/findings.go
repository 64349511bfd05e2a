package read

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/duly/duly/dunning"
)

// What a finding is.
const (
	Violation = "violation" // something was against a rule
	NearMiss  = "near_miss" // it came close, or only looks so by today's rules
)

// Where a finding comes from.
const (
	BySweep  = "sweep"
	BySample = "sample"
	ByPerson = "person"
)

// Where a finding stands.
const (
	FindingOpen     = "open"
	FindingFixed    = "fixed"    // its cause was mended, in words
	FindingAccepted = "accepted" // nothing is to be mended, for a reason in words
)

// NewFinding is something that was against a rule or came close, as it is opened. It holds
// codes and ids, nothing personal.
type NewFinding struct {
	// Key makes it the same finding when it is found again, such as "contact/<debtor>/<id>/outside" or
	// "sample/<id>/<item>". Required.
	Key      string `json:"key"`
	Source   string `json:"source"`
	Kind     string `json:"kind"`
	Title    string `json:"title"` // what is wrong, in a few words
	Creditor string `json:"creditor"`
	Debtor   string `json:"debtor,omitempty"`
	Account  string `json:"account,omitempty"`
	Case     string `json:"case,omitempty"`
	Decision string `json:"decision,omitempty"`
	Contact  string `json:"contact,omitempty"`
	// Rules are the ids of the rules that it is against.
	Rules []string `json:"rules,omitempty"`
	// At is when it happened, Opened when it was found: business time.
	At     time.Time       `json:"at"`
	Opened time.Time       `json:"opened"`
	Detail json.RawMessage `json:"detail,omitempty"` // an object; may be nil

	By    string       `json:"-"` // who found it; "system" for a sweep
	Owner string       `json:"-"` // who is to mend it, "user:<id>"; may be ""
	Due   dunning.Date `json:"-"` // by when; may be zero
	Words string       `json:"-"` // of who opened it; may be ""
}

// FindingRow is a finding as it stands.
type FindingRow struct {
	ID string `json:"id"`
	NewFinding
	Status string       `json:"status"`
	Owner  string       `json:"owner,omitempty"`
	Due    dunning.Date `json:"due,omitzero"`
}

// Late reports whether an open finding's day has passed on a day.
func (f FindingRow) Late(today dunning.Date) bool {
	return f.Status == FindingOpen && !f.Due.IsZero() && f.Due.Before(today)
}

// FindingEvent is a step in a finding's history: what the finding is after it.
type FindingEvent struct {
	ID       int64        `json:"id"`
	At       time.Time    `json:"at"` // business time
	Recorded time.Time    `json:"recorded"`
	By       string       `json:"by"`
	Status   string       `json:"status"`
	Owner    string       `json:"owner,omitempty"`
	Due      dunning.Date `json:"due,omitzero"`
	Words    string       `json:"words,omitempty"`
}

// FindingStep is what somebody does with a finding. Nil leaves as it is.
type FindingStep struct {
	At     time.Time // business time
	By     string
	Status string // "": as it is
	Owner  *string
	Due    *dunning.Date
	Words  string // required to close and to open again
}

// StepDetail is what the audit holds of a step: before, after and why.
func StepDetail(before, after FindingRow, words string) map[string]string {
	return map[string]string{"creditor": after.Creditor, "before": before.stands(), "after": after.stands(), "reason": words}
}

// stands is where a finding stands, in one line.
func (f FindingRow) stands() string {
	out := f.Status
	if f.Owner != "" {
		out += ", owner " + f.Owner
	}
	if !f.Due.IsZero() {
		out += ", due " + f.Due.String()
	}
	return out
}

// FindingFilter narrows findings; the zero value is all. From and Until bound At.
type FindingFilter struct {
	Creditors []string
	Statuses  []string
	Kinds     []string
	Sources   []string
	Owner     string
	Rule      string
	Case      string
	From      time.Time
	Until     time.Time
}

// FindingWeek counts what happened in one week.
type FindingWeek struct {
	Monday     dunning.Date `json:"monday"`
	Violations int          `json:"violations"`
	NearMisses int          `json:"near_misses"`
	Open       int          `json:"open"` // of both, still open
}

// Coverage is what a sweep has judged and found of one creditor, or of several added up.
type Coverage struct {
	Debtors int `json:"debtors"`
	Swept   int `json:"swept"`           // messages of Duly that left
	Outside int `json:"outside"`         // of them, outside a rule by what was known
	Changed int `json:"changed"`         // outside by today's rules only
	Late    int `json:"late"`            // received before, entered after
	ByHand  int `json:"by_hand"`         // people's own outbound contacts, and imported ones
	Against int `json:"by_hand_outside"` // of them, outside a rule
	// Weeks are how many contacts of each week were judged, by its Monday (2006-01-02, UTC).
	Weeks map[string]int `json:"weeks,omitempty"`
}

// Plus adds two.
func (c Coverage) Plus(d Coverage) Coverage {
	sum := Coverage{
		c.Debtors + d.Debtors, c.Swept + d.Swept, c.Outside + d.Outside, c.Changed + d.Changed, c.Late + d.Late, c.ByHand + d.ByHand, c.Against + d.Against,
		maps.Clone(c.Weeks),
	}
	for week, n := range d.Weeks {
		if sum.Weeks == nil {
			sum.Weeks = map[string]int{}
		}
		sum.Weeks[week] += n
	}
	return sum
}

// MondayOf is the Monday of an instant's week in UTC.
func MondayOf(at time.Time) dunning.Date {
	day := dunning.DateOf(at.UTC())
	return day.AddDays(-int(day.Weekday()+6) % 7)
}

// Kinds of a sweep.
const (
	FullSweep = "full" // every debtor
	NewsSweep = "news" // debtors of whom something was learned since the sweep before
)

// States of a sweep.
const (
	SweepRunning  = "running"
	SweepComplete = "complete"
	SweepFailed   = "failed" // it ended early: what was found is not all there may be
)

// SweepRow is a sweep of the ledger.
type SweepRow struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Creditors []string  `json:"creditors,omitempty"` // none: all
	By        string    `json:"by"`
	At        time.Time `json:"at"`    // business time at which it began
	Began     time.Time `json:"began"` // wall time
	Beat      time.Time `json:"beat"`  // wall time at which it was last alive
	Ended     time.Time `json:"ended,omitzero"`
	State     string    `json:"state"`
	// Facts in (AfterPos, ToPos] of the chain are what a sweep of news is about.
	AfterPos int64 `json:"after_pos"`
	ToPos    int64 `json:"to_pos"`
	// Parts by creditor: those of the reader's scope.
	Parts map[string]Coverage `json:"parts,omitempty"`
}

// Sum is what the sweep covered of all creditors that are in it.
func (s SweepRow) Sum() (c Coverage) {
	for _, part := range s.Parts {
		c = c.Plus(part)
	}
	return c
}

// Swept is a debtor that a sweep is to judge.
type Swept struct{ Debtor, Creditor string }
