package dunning

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/duly/duly/dunning/money"
)

// SettlementOffered offers to take Amount for all that is Owed on Items, if it arrives by
// the end of Due. Approval: it is above the authority of who offers it, and stands only
// once somebody with more has approved it. Accepted: the debtor has said yes.
type SettlementOffered struct {
	ID       string       `json:"id"`
	Items    []string     `json:"items"`
	Amount   money.Amount `json:"amount"`
	Owed     money.Amount `json:"owed"`
	Due      Date         `json:"due"` // its last day, where the debtor is
	Approval bool         `json:"approval,omitempty"`
	Accepted bool         `json:"accepted,omitempty"`
}

// SettlementAnswered is a yes. Outcome: approved (by a person of the creditor), accepted
// (by the debtor).
type SettlementAnswered struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// SettlementEnded judges a settlement. Outcome: kept (the amount arrived in time; the rest
// is written off with it; after a broken, too, when it turns out that it had arrived in
// time), broken (accepted, but not paid in time), expired (not accepted
// in time), declined, rejected (not approved), withdrawn, moot (nothing is owed any more).
type SettlementEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// Kind implementations.
func (SettlementOffered) Kind() Kind  { return "settlement_offered" }
func (SettlementAnswered) Kind() Kind { return "settlement_answered" }
func (SettlementEnded) Kind() Kind    { return "settlement_ended" }

type (
	// OfferSettlement offers to take less than is owed on the account: Amount, or all less
	// Percent of it. Approval asks somebody with more authority first; Accepted says that
	// the debtor agrees already.
	OfferSettlement struct {
		ID       string       `json:"id"`
		Amount   money.Amount `json:"amount,omitzero"`
		Percent  int          `json:"percent,omitempty"` // given up; in place of Amount
		Due      Date         `json:"due"`               // its last day, where the debtor is
		Approval bool         `json:"approval,omitempty"`
		Accepted bool         `json:"accepted,omitempty"`
	}
	// AcceptSettlement is the debtor's yes.
	AcceptSettlement struct {
		ID string `json:"id"`
	}
	// DeclineSettlement is the debtor's no.
	DeclineSettlement struct {
		ID string `json:"id"`
	}
	// WithdrawSettlement takes back what was offered by mistake or is not wanted any more.
	WithdrawSettlement struct {
		ID string `json:"id"`
	}
)

func (OfferSettlement) command()    {}
func (AcceptSettlement) command()   {}
func (DeclineSettlement) command()  {}
func (WithdrawSettlement) command() {}

// SettlementState is a settlement with what became of it.
type SettlementState struct {
	SettlementOffered
	By       string    // who offered it, as in Fact.By
	Offered  time.Time // when; payments from then on count
	Approved time.Time // zero: it waits for approval
	Agreed   time.Time // zero: the debtor has not said yes
	Ended    time.Time
	Outcome  string
	Reversed time.Time // when a payment that had kept it was taken back
}

// State is approval, offered, agreed, or how it ended; reversed when it was kept by a
// payment that did not stand.
func (s SettlementState) State() string {
	switch {
	case !s.Reversed.IsZero():
		return "reversed"
	case s.Outcome != "":
		return s.Outcome
	case s.Approved.IsZero():
		return "approval"
	case s.Agreed.IsZero():
		return "offered"
	}
	return "agreed"
}

// GivenUp is what the creditor does without.
func (s SettlementOffered) GivenUp() money.Amount {
	return s.Owed.Of(s.Owed.Minor() - s.Amount.Minor())
}

// GivenUpPermille is the part that the creditor does without, in thousandths, rounded up: so
// that a limit of 10 % is not passed by a hair.
func (s SettlementOffered) GivenUpPermille() int {
	owed := big.NewInt(max(s.Owed.Minor(), 1))
	up := new(big.Int).Mul(big.NewInt(s.GivenUp().Minor()), big.NewInt(1000))
	up.Add(up, new(big.Int).Sub(owed, big.NewInt(1)))
	return int(up.Div(up, owed).Int64())
}

// settleWithin bounds how far ahead a settlement may run, in days.
const settleWithin = 366

func (f *Facts) addSettlement(x Fact) {
	switch b := x.Body.(type) {
	case SettlementOffered:
		if f.settlement(b.ID) != nil {
			return
		}
		s := SettlementState{SettlementOffered: b, By: x.By, Offered: x.At}
		if !b.Approval {
			s.approve(x.At)
		}
		f.Settlements = append(f.Settlements, s)
	case SettlementAnswered:
		s := f.settlement(b.ID)
		switch {
		case s == nil || !s.Ended.IsZero():
		case b.Outcome == "approved":
			s.approve(x.At)
		case s.Agreed.IsZero():
			s.Agreed = x.At
		}
	case SettlementEnded:
		if s := f.settlement(b.ID); s != nil && (s.Ended.IsZero() || s.Outcome == "broken" && b.Outcome == "kept") {
			s.Ended, s.Outcome = x.At, b.Outcome
		}
	}
}

// approve lets a settlement stand; what the debtor has said yes to before is agreed then.
func (s *SettlementState) approve(at time.Time) {
	if s.Approved.IsZero() {
		s.Approved = at
		if s.Accepted && s.Agreed.IsZero() {
			s.Agreed = at
		}
	}
}

func (f *Facts) settlement(id string) *SettlementState {
	for i := range f.Settlements {
		if f.Settlements[i].ID == id {
			return &f.Settlements[i]
		}
	}
	return nil
}

// liveSettlement is the one that has not ended, nil when there is none.
func (f *Facts) liveSettlement() *SettlementState {
	for i := range f.Settlements {
		if f.Settlements[i].Ended.IsZero() {
			return &f.Settlements[i]
		}
	}
	return nil
}

// settled is the live settlement if the debtor has agreed to it.
func (f *Facts) settled() *SettlementState {
	if s := f.liveSettlement(); s != nil && !s.Agreed.IsZero() {
		return s
	}
	return nil
}

// OfferOf words what an order to settle comes to on this account now, without asking
// whether it is possible: the items that it covers, what is owed on them and what is to
// be paid. Who checks authority asks it.
func (f *Facts) OfferOf(c OfferSettlement) SettlementOffered {
	s := SettlementOffered{ID: c.ID, Due: c.Due, Amount: c.Amount, Approval: c.Approval, Accepted: c.Accepted}
	var open int64
	for i := range f.Items {
		if it := &f.Items[i]; f.owed(it) {
			s.Items, open = append(s.Items, it.Key), open+it.Open
		}
	}
	s.Owed = f.zero().Of(open)
	if c.Percent > 0 {
		s.Amount = f.zero().Of(open - given(open, c.Percent))
	}
	return s
}

// given is so many percent of an amount, rounded down: never more is given up than was said.
func given(minor int64, percent int) int64 {
	n := new(big.Int).Mul(big.NewInt(minor), big.NewInt(int64(percent)))
	return n.Div(n, big.NewInt(100)).Int64()
}

func (f *Facts) handleSettlement(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case OfferSettlement:
		return f.offerSettlement(c, at)
	case AcceptSettlement:
		return f.acceptSettlement(c, at)
	case DeclineSettlement:
		return f.endSettlement(c.ID, "declined", at)
	case WithdrawSettlement:
		return f.endSettlement(c.ID, "withdrawn", at)
	}
	return nil, ErrInvalid
}

func (f *Facts) offerSettlement(c OfferSettlement, at time.Time) ([]Fact, error) {
	if f.settlement(c.ID) != nil {
		return nil, nil
	}
	s := f.OfferOf(c)
	if err := f.mayOffer(c, s, at); err != nil {
		return nil, err
	}
	out := []Fact{f.fact(at, s)}
	if c.Approval {
		out = append(out, f.fact(at, TaskOpened{
			ID: f.settlementTask(c.ID), Task: TaskSettlement, Queue: f.Creditor.Queues.Supervisor, Items: s.Items, Reason: "settlement",
		}))
	} else if c.Accepted {
		out = append(out, f.replaced(at)...)
	}
	return out, nil
}

// mayOffer says why a settlement is not possible.
func (f *Facts) mayOffer(c OfferSettlement, s SettlementOffered, at time.Time) error {
	switch {
	case c.ID == "":
		return fmt.Errorf("settlement: needs an id: %w", ErrInvalid)
	case !f.CaseOpen:
		return fmt.Errorf("settlement: the case is closed: %w", ErrConflict)
	case f.liveSettlement() != nil:
		return fmt.Errorf("settlement: one is open already; withdraw it first: %w", ErrConflict)
	case slices.ContainsFunc(f.Plans, func(p PlanState) bool { return p.Ended.IsZero() }):
		return fmt.Errorf("settlement: a plan is live; end it first: %w", ErrConflict)
	case s.Owed.Minor() == 0:
		return fmt.Errorf("settlement: nothing is owed on this account: %w", ErrConflict)
	case c.Percent != 0 && !c.Amount.IsZero() || c.Percent < 0 || c.Percent > 99:
		return fmt.Errorf("settlement: name the amount to be paid, or the percentage given up from 1 to 99: %w", ErrInvalid)
	case s.Amount.Currency() != f.Currency || s.Amount.Minor() <= 0 || s.Amount.Minor() >= s.Owed.Minor():
		return fmt.Errorf("settlement: the amount must be above zero and below the %s that are owed: %w", s.Owed, ErrInvalid)
	case !f.dayEnded(c.Due).After(at):
		return fmt.Errorf("settlement: its last day is past: %w", ErrInvalid)
	case f.localDay(at).AddDays(settleWithin).Before(c.Due):
		return fmt.Errorf("settlement: its last day is more than a year ahead: %w", ErrInvalid)
	}
	return nil
}

// replaced ends what an agreed settlement takes the place of: a promise, an open offer of a plan.
func (f *Facts) replaced(at time.Time) []Fact {
	var out []Fact
	for i := range f.Promises {
		if p := &f.Promises[i]; p.Ended.IsZero() {
			out = append(out, f.fact(at, PromiseEnded{p.ID, "withdrawn"}))
		}
	}
	if o := f.openOfferState(); o != nil {
		out = append(out, f.answered(o, "declined", at)...)
	}
	return out
}

func (f *Facts) acceptSettlement(c AcceptSettlement, at time.Time) ([]Fact, error) {
	s := f.settlement(c.ID)
	switch {
	case s == nil:
		return nil, fmt.Errorf("settlement: there is no such settlement: %w", ErrUnknown)
	case !s.Ended.IsZero():
		return nil, fmt.Errorf("settlement: it has ended already%s: %w", as(s.Outcome), ErrConflict)
	case s.Approved.IsZero():
		return nil, fmt.Errorf("settlement: it waits for approval and is not yet offered: %w", ErrConflict)
	case !s.Agreed.IsZero():
		return nil, nil
	case !f.dayEnded(s.Due).After(at):
		return nil, fmt.Errorf("settlement: its last day is over: %w", ErrConflict)
	}
	return append([]Fact{f.fact(at, SettlementAnswered{s.ID, "accepted"})}, f.replaced(at)...), nil
}

func (f *Facts) endSettlement(id, outcome string, at time.Time) ([]Fact, error) {
	s := f.settlement(id)
	switch {
	case s == nil:
		return nil, fmt.Errorf("settlement: there is no such settlement: %w", ErrUnknown)
	case s.Outcome == outcome:
		return nil, nil
	case !s.Ended.IsZero():
		return nil, fmt.Errorf("settlement: it has ended already%s: %w", as(s.Outcome), ErrConflict)
	}
	return f.settlementEnds(s, outcome, at), nil
}

// settlementEnds is the end of a settlement, and of the question whether it is approved.
func (f *Facts) settlementEnds(s *SettlementState, outcome string, at time.Time) []Fact {
	out := []Fact{f.fact(at, SettlementEnded{s.ID, outcome})}
	if t := f.task(f.settlementTask(s.ID)); t != nil && t.Ended.IsZero() {
		out = append(out, f.fact(at, TaskEnded{ID: t.ID, Outcome: outcomeMoot}))
	}
	return out
}

func (f *Facts) settlementTask(id string) string { return f.taskID("settlement", id) }

// settlementOf is what a task for approval is about, nil if it is about none.
func (f *Facts) settlementOf(t *TaskState) *SettlementState {
	for i := range f.Settlements {
		if s := &f.Settlements[i]; t.Task == TaskSettlement && f.settlementTask(s.ID) == t.ID {
			return s
		}
	}
	return nil
}

// ToApprove is the settlement that a task asks to approve, nil if it is about none.
func (f *Facts) ToApprove(task string) *SettlementState {
	if t := f.task(task); t != nil {
		return f.settlementOf(t)
	}
	return nil
}

// settlementJudged carries out what somebody with more authority has said.
func (f *Facts) settlementJudged(t *TaskState, outcome string, at time.Time) []Fact {
	s := f.settlementOf(t)
	switch {
	case s == nil || !s.Ended.IsZero():
		return nil
	case outcome != "approved":
		return []Fact{f.fact(at, SettlementEnded{s.ID, "rejected"})}
	case !f.dayEnded(s.Due).After(at): // nobody can keep it any more
		return []Fact{f.fact(at, SettlementEnded{s.ID, "expired"})}
	}
	out := []Fact{f.fact(at, SettlementAnswered{s.ID, "approved"})}
	if s.Accepted {
		out = append(out, f.replaced(at)...)
	}
	return out
}

// judgeSettlements judges by what has arrived: enough in time writes the rest off, also when
// nobody had said yes, and also when the bank told of it only after the last day; the end of
// the last day without it ends the settlement.
func (f *Facts) judgeSettlements(at time.Time) []Fact {
	s := f.liveSettlement()
	if s == nil {
		return f.lateNews(at)
	}
	rest := f.unsettled(s)
	switch over := !at.Before(f.dayEnded(s.Due)); {
	case !s.Approved.IsZero() && f.fulfilled(s):
		return f.settles(s, rest, at)
	case len(rest) == 0:
		return f.settlementEnds(s, "moot", at)
	case over && s.Agreed.IsZero():
		return f.settlementEnds(s, "expired", at)
	case over:
		return f.settlementEnds(s, "broken", at)
	}
	return nil
}

// settles is a settlement that is kept: what is left on its items is written off.
func (f *Facts) settles(s *SettlementState, rest []string, at time.Time) []Fact {
	out := f.settlementEnds(s, "kept", at)
	if len(rest) > 0 {
		out = append(out, f.fact(at, ItemsDisposed{Items: rest, To: WrittenOff, Reason: "settled"}))
	}
	return out
}

// lateNews keeps the latest settlement if it was judged broken before it was known that the
// money had come in time: nobody is asked for what they were promised to be let off. A plan
// that is live was agreed instead.
func (f *Facts) lateNews(at time.Time) []Fact {
	if len(f.Settlements) == 0 || !f.CaseOpen {
		return nil
	}
	s := &f.Settlements[len(f.Settlements)-1]
	rest := f.unsettled(s)
	if s.Outcome != "broken" || len(rest) == 0 || !f.fulfilled(s) || slices.ContainsFunc(f.Plans, func(p PlanState) bool { return p.Ended.IsZero() }) {
		return nil
	}
	return f.settles(s, rest, at)
}

// fulfilled reports whether the amount has come in time, and no more would be given up than
// was offered and approved: what was added to the items since then (a correction, an earlier
// payment that bounced) is no part of it and is to be paid as well.
func (f *Facts) fulfilled(s *SettlementState) bool {
	var left int64
	for _, k := range f.unsettled(s) {
		left += f.item(k).Open
	}
	return s.Amount.Minor() > 0 && f.arrived(s) >= s.Amount.Minor() && left <= s.GivenUp().Minor()
}

// StillToSettle is what must yet come by the last day for a live settlement to be kept: the
// rest of its amount, and whatever was added to its items since the offer, which is no part
// of what is given up. beside is what is owed on other items, which no settlement covers.
// Both are zero when there is no such settlement, or it has ended.
func (f *Facts) StillToSettle(id string) (left, beside money.Amount) {
	left, beside = f.zero(), f.zero()
	s := f.settlement(id)
	if s == nil || !s.Ended.IsZero() {
		return left, beside
	}
	var open, other int64
	for i := range f.Items {
		switch it := &f.Items[i]; {
		case !f.owed(it):
		case slices.Contains(s.Items, it.Key):
			open += it.Open
		default:
			other += it.Open
		}
	}
	due := max(s.Amount.Minor()-f.arrived(s), open-s.GivenUp().Minor(), 0)
	return left.Of(min(due, open)), beside.Of(other)
}

// arrived is what has come on the items of a settlement since the offer and by its last day.
func (f *Facts) arrived(s *SettlementState) int64 {
	return f.paidOn(s.Items, s.Offered, f.dayEnded(s.Due))
}

// toAgreed gives a payment to the items of an agreed settlement or a live plan first: that is
// what was agreed that it is for. Without, an older invoice beside them (one that is with an
// agency, one that came later) would take the money and break what was agreed with who has
// paid it.
func (f *Facts) toAgreed(p *PaymentState, at time.Time) {
	for _, k := range f.agreedItems(at) {
		if it := f.item(k); it != nil {
			p.allocate(it, at)
		}
	}
}

// agreedItems are those that a payment of an instant is for.
func (f *Facts) agreedItems(at time.Time) []string {
	if s := f.settled(); s != nil && !at.Before(s.Offered) {
		return s.Items
	}
	for i := range f.Plans {
		if p := &f.Plans[i]; p.Ended.IsZero() && !at.Before(p.Agreed) {
			return f.inPlan(p)
		}
	}
	return nil
}

// unsettled are the items of a settlement on which something is still owed.
func (f *Facts) unsettled(s *SettlementState) []string {
	var keys []string
	for _, k := range s.Items {
		if f.owed(f.item(k)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// unsettle looks at kept settlements after a payment was taken back. One whose amount is no
// longer there goes with it: what was written off is owed again, and the case goes on where
// it was. So does one that took for paid what was not: an earlier payment bounced, and more
// would be given up than anybody offered. One whose amount is still there stands: what
// opens again is part of what was given up.
func (f *Facts) unsettle(at time.Time) {
	for i := range f.Settlements {
		s := &f.Settlements[i]
		if s.Outcome != "kept" || !s.Reversed.IsZero() {
			continue
		}
		stands := f.arrived(s) >= s.Amount.Minor() && f.letOff(s) <= s.GivenUp().Minor()
		if !stands {
			s.Reversed = at
		}
		for _, k := range s.Items {
			switch it := f.item(k); {
			case it == nil:
			case stands && it.Disposition == InSequence && it.Amount.Minor() > it.paid:
				it.Disposition, it.disposed = WrittenOff, s.Ended
			case !stands && it.Disposition == WrittenOff && it.disposed.Equal(s.Ended):
				it.dispose(InSequence, at)
			}
		}
	}
}

// letOff is what a kept settlement leaves unpaid on its items as they were paid by now.
func (f *Facts) letOff(s *SettlementState) (minor int64) {
	for _, k := range s.Items {
		if it := f.item(k); it != nil && (it.Disposition == InSequence || it.Disposition == WrittenOff && it.disposed.Equal(s.Ended)) {
			minor += max(it.Amount.Minor()-it.paid, 0)
		}
	}
	return minor
}

// settledBy reports whether an item was written off because a settlement was kept.
func (f *Facts) settledBy(it *ItemState) bool {
	return slices.ContainsFunc(f.Settlements, func(s SettlementState) bool {
		return s.Outcome == "kept" && s.Reversed.IsZero() && it.Disposition == WrittenOff && it.disposed.Equal(s.Ended) && slices.Contains(s.Items, it.Key)
	})
}

// waitSettled: an agreed settlement is a promise over everything.
func (f *Facts) waitSettled(time.Time) (wait, bool) {
	if s := f.settled(); s != nil {
		return wait{state: "settlement", until: f.dayEnded(s.Due)}, true
	}
	return wait{}, false
}

// waitSettlement: an offer waits for an answer like the offer of a plan; the clock runs on.
func (f *Facts) waitSettlement(time.Time) (wait, bool) {
	if s := f.liveSettlement(); s != nil {
		return wait{state: "offer", until: f.dayEnded(s.Due)}, true
	}
	return wait{}, false
}
