package read

import (
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Standing is where an account stands, as lists show it: a fold of the debtor's log,
// kept beside it in the same transaction. It holds no personal data. What depends on
// the day (overdue or not, how old) is computed from Dues when somebody looks.
type Standing struct {
	Account  string `json:"account"`
	Debtor   string `json:"debtor"`
	Creditor string `json:"creditor"`
	Currency string `json:"currency"`
	// Version is the debtor's when the standing was last computed.
	Version int64 `json:"-"`

	Open   int64        `json:"open"`             // minor units owed, see Owed
	Credit int64        `json:"credit,omitempty"` // minor units of payments that no item absorbed
	Items  int          `json:"items,omitempty"`  // owed
	Oldest dunning.Date `json:"oldest,omitzero"`  // earliest due date of what is owed
	Dues   []Due        `json:"dues,omitempty"`

	Kind   string   `json:"kind,omitempty"`   // of debtor: consumer, business
	Locale string   `json:"locale,omitempty"` // BCP 47
	Zones  []string `json:"zones,omitempty"`  // candidate zones, strongest evidence first
	Tags   []string `json:"tags,omitempty"`

	Promise *Promise `json:"promise,omitempty"` // the latest
	Plan    *Plan    `json:"plan,omitempty"`    // the latest
	Lease   *Lease   `json:"lease,omitempty"`   // only while somebody has the case
	Holds   []Hold   `json:"holds,omitempty"`   // that no fact has ended; disputes too

	Settlement *Settlement `json:"settlement,omitempty"` // the latest
	Callback   *Callback   `json:"callback,omitempty"`   // only while it is to be made
	Paid       time.Time   `json:"paid,omitzero"`        // when a payment that stands last came
	LastPaid   int64       `json:"last_paid,omitempty"`
}

// Promise is a promise as it stands. State: open, kept, partly, broken, withdrawn.
type Promise struct {
	ID     string       `json:"id"`
	Amount money.Amount `json:"amount"`
	Due    dunning.Date `json:"due"`
	State  string       `json:"state"`
	Made   time.Time    `json:"made"`
	Ended  time.Time    `json:"ended,omitzero"`
}

// Plan is an instalment plan as it stands. State: live, kept, paid_off, broken, cancelled.
type Plan struct {
	ID          string               `json:"id"`
	State       string               `json:"state"`
	Instalments []dunning.Instalment `json:"instalments"`
	Agreed      time.Time            `json:"agreed"`
}

// Settlement is less than all for all, as it stands. State: approval, offered, agreed, kept,
// broken, expired, declined, rejected, withdrawn, moot, reversed.
type Settlement struct {
	ID     string       `json:"id"`
	Amount money.Amount `json:"amount"`
	Owed   money.Amount `json:"owed"` // when it was offered
	Due    dunning.Date `json:"due"`
	State  string       `json:"state"`
	// Left is what must yet come for a live one to be kept, with what was added to its items
	// since the offer; Beside is owed on other items.
	Left   money.Amount `json:"left,omitzero"`
	Beside money.Amount `json:"beside,omitzero"`
}

// Live reports whether it has not ended.
func (s *Settlement) Live() bool {
	return s != nil && (s.State == "approval" || s.State == "offered" || s.State == "agreed")
}

// Callback is a call that was promised for an instant.
type Callback struct {
	ID    string    `json:"id"`
	When  time.Time `json:"when"`
	Owner string    `json:"owner,omitempty"`
}

// Lease is who has the case and until when.
type Lease struct {
	ID    string    `json:"id"`
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// Hold is a hold or dispute: [From, Until), Until zero = until a person lifts it.
type Hold struct {
	ID    string           `json:"id"`
	Kind  dunning.HoldKind `json:"kind"`
	Scope dunning.Scope    `json:"scope"`
	Item  string           `json:"item,omitempty"`
	From  time.Time        `json:"from"`
	Until time.Time        `json:"until,omitzero"`
	Owner string           `json:"owner,omitempty"`
}

// In reports whether the hold is in force at t.
func (h Hold) In(t time.Time) bool {
	return !h.From.After(t) && (h.Until.IsZero() || h.Until.After(t))
}

// Today is the day at t in the debtor's first candidate zone; zone resolves names and
// may return nil, then UTC counts.
func (s Standing) Today(t time.Time, zone func(string) *time.Location) dunning.Date {
	for _, name := range s.Zones {
		if z := zone(name); z != nil {
			return dunning.DateOf(t.In(z))
		}
	}
	return dunning.DateOf(t.UTC())
}

// Aged is what is owed by age at t, see Today.
func (s Standing) Aged(t time.Time, zone func(string) *time.Location) Buckets {
	return Age(s.Dues, s.Currency, s.Today(t, zone))
}

// Matters reports whether a kind of fact can change a standing or the work that waits
// for people. The others (a contact moved on, a feed was seen) leave both as they are.
func Matters(k dunning.Kind) bool {
	switch k {
	case "feed_seen", "contact_planned", "contact_moved", "steps_waived", "step_passed", "step_counted", "entry_ended",
		"round_begun", "point_known", "point_dead", "consented", "times_inconvenient", "notice_sent":
		return false
	}
	return true
}

// MattersIn reports whether any of facts matters. What a person does always does,
// because it answers replies and broken promises.
func MattersIn(facts []dunning.Fact) bool {
	return slices.ContainsFunc(facts, func(f dunning.Fact) bool {
		return f.Body != nil && (Matters(f.Body.Kind()) || byPerson(f))
	})
}

func byPerson(f dunning.Fact) bool { return strings.HasPrefix(f.By, "user:") }

// Summarise is where an account stands by its facts, folded for the account. The
// standing does not need the sequence: f.Sequence may be nil.
func Summarise(f dunning.Facts) Standing {
	s := Standing{
		Account: f.Account, Debtor: f.Debtor, Creditor: f.Creditor.ID, Currency: f.Currency, Version: f.Version,
		Credit: f.Credit, Dues: duesOf(f.Items),
		Kind: f.Known.DebtorKind, Locale: f.Known.Locale, Zones: f.Known.Zones, Tags: f.Known.Tags,
	}
	for _, d := range s.Dues {
		s.Open += d.Open
	}
	for i := range f.Items {
		if Owed(&f.Items[i]) {
			s.Items++
		}
	}
	if len(s.Dues) > 0 {
		s.Oldest = s.Dues[0].Due
	}
	s.agreements(f)
	s.payments(f)
	s.holds(f)
	return s
}

func (s *Standing) agreements(f dunning.Facts) {
	if n := len(f.Promises); n > 0 {
		p := f.Promises[n-1]
		s.Promise = &Promise{ID: p.ID, Amount: p.Amount, Due: p.Due, State: or(p.Outcome, "open"), Made: p.Made, Ended: p.Ended}
	}
	if n := len(f.Plans); n > 0 {
		p := f.Plans[n-1]
		s.Plan = &Plan{ID: p.ID, State: or(p.Outcome, "live"), Instalments: p.Instalments, Agreed: p.Agreed}
	}
	if n := len(f.Settlements); n > 0 {
		x := f.Settlements[n-1]
		s.Settlement = &Settlement{ID: x.ID, Amount: x.Amount, Owed: x.Owed, Due: x.Due, State: x.State()}
		if s.Settlement.Live() {
			s.Settlement.Left, s.Settlement.Beside = f.StillToSettle(x.ID)
		}
	}
	if c := f.OpenCallback(); c != nil {
		s.Callback = &Callback{ID: c.ID, When: c.When, Owner: c.Owner}
	}
	for i := range f.Leases {
		if l := &f.Leases[i]; l.Ended.IsZero() {
			s.Lease = &Lease{ID: l.ID, Owner: l.Owner, Until: l.Until}
		}
	}
}

func or(outcome, open string) string {
	if outcome == "" {
		return open
	}
	return outcome
}

func (s *Standing) payments(f dunning.Facts) {
	for i := range f.Payments {
		if p := &f.Payments[i]; p.Reversed.IsZero() && !p.At.Before(s.Paid) {
			s.Paid, s.LastPaid = p.At, p.Amount.Minor()
		}
	}
}

// holds keeps those that no fact has ended. One whose end only time brings is kept:
// the reader compares it with the present.
func (s *Standing) holds(f dunning.Facts) {
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.Lifted {
			continue
		}
		s.Holds = append(s.Holds, Hold{ID: h.ID, Kind: h.HoldKind, Scope: h.Scope, Item: h.Item, From: h.From, Until: h.End, Owner: h.Owner})
	}
}
