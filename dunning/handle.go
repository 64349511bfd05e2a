package dunning

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning/money"
)

// Command is what a person or another system asks for. Handle turns it into
// facts or says why not.
type Command interface{ command() }

// The commands. Amounts are in the account's currency; IDs are made by the
// caller, and a command repeated with the same ID changes nothing.
type (
	// RecordPayment books money that arrived; Item names an item, "" the oldest first.
	RecordPayment struct {
		ID     string       `json:"id"`
		Amount money.Amount `json:"amount"`
		Item   string       `json:"item,omitempty"`
		At     time.Time    `json:"at,omitzero"` // zero = now
	}
	// ReversePayment takes a payment back.
	ReversePayment struct {
		Payment string `json:"payment"`
		Reason  string `json:"reason,omitempty"`
	}
	// PlaceHold stops contact, clock or fees. Until zero: until lifted.
	PlaceHold struct {
		ID       string    `json:"id"`
		HoldKind HoldKind  `json:"hold"`
		Scope    Scope     `json:"scope"`
		Item     string    `json:"item,omitempty"`
		Until    time.Time `json:"until,omitzero"`
		Contact  *bool     `json:"contact,omitempty"` // nil = true
		Clock    *bool     `json:"clock,omitempty"`   // nil = true
		Fees     bool      `json:"fees,omitempty"`
		Owner    string    `json:"owner,omitempty"`
		Notice   int       `json:"notice,omitempty"`
	}
	// LiftHold ends a hold now.
	LiftHold struct {
		ID     string `json:"id"`
		Notice int    `json:"notice,omitempty"`
	}
	// ExtendHold moves a hold's end; zero = open.
	ExtendHold struct {
		ID    string    `json:"id"`
		Until time.Time `json:"until,omitzero"`
	}
	// RaiseDispute disputes an item, or the account when Item is "".
	// In writing and in time, it stops collection by law until verification is sent.
	RaiseDispute struct {
		ID          string `json:"id"`
		Item        string `json:"item,omitempty"`
		Duplicative bool   `json:"duplicative,omitempty"`
		Told
		Received time.Time `json:"received,omitzero"` // zero = now
	}
	// ResolveDispute ends it: closed, corrected (with the new amount) or rejected.
	ResolveDispute struct {
		ID      string       `json:"id"`
		Outcome string       `json:"outcome"`
		Amount  money.Amount `json:"amount,omitzero"`
	}
	// MakePromise records a promise to pay.
	MakePromise struct {
		ID     string       `json:"id"`
		Amount money.Amount `json:"amount"`
		Due    Date         `json:"due"`
		Grace  int          `json:"grace"`
	}
	// AgreePlan starts a plan of n instalments (or explicit ones) over the open
	// items, answering the open offer if there is one.
	AgreePlan struct {
		ID          string       `json:"id"`
		Count       int          `json:"count,omitempty"`
		First       Date         `json:"first,omitzero"`
		Every       int          `json:"every_days,omitempty"` // 0 = monthly
		Instalments []Instalment `json:"instalments,omitempty"`
	}
	// CancelPlan ends a live plan by hand.
	CancelPlan struct {
		ID string `json:"id"`
	}
	// DeclineOffer answers the open offer with no.
	DeclineOffer struct{}
	// TakeLease gives the case to a collector until an instant.
	TakeLease struct {
		ID    string    `json:"id"`
		Owner string    `json:"owner"`
		Until time.Time `json:"until"`
	}
	// HandBack ends the open lease.
	HandBack struct{}
	// LogContact records a collector's call or message, or an inbound one.
	LogContact struct {
		ContactLogged
		Happened time.Time `json:"happened,omitzero"` // zero = now
	}
	// FinishTask ends a task with an outcome that its kind knows.
	FinishTask struct {
		ID      string `json:"id"`
		Outcome string `json:"outcome"`
	}
	// WriteNote keeps a note; Mentions are ids of users who are to read it.
	WriteNote struct {
		ID       string   `json:"id"`
		Text     string   `json:"text"`
		Mentions []string `json:"mentions,omitempty"`
	}
	// OptOut refuses a channel or point, a topic, a debt, or everything; OptIn takes that back.
	OptOut struct {
		OptedOut
		Received time.Time `json:"received,omitzero"`
	}
	// OptIn withdraws an opt-out.
	OptIn struct {
		OptedIn
		Received time.Time `json:"received,omitzero"`
	}
	// MarkPoint makes a contact point unusable.
	MarkPoint struct{ PointDead }
	// WaiveStep skips the next step of items by a person's decision.
	WaiveStep struct {
		Step string `json:"step"`
		Why  string `json:"why"`
	}
	// Recall takes the account back from collection.
	Recall struct {
		Reason string `json:"reason,omitempty"`
	}
)

func (RecordPayment) command()  {}
func (ReversePayment) command() {}
func (PlaceHold) command()      {}
func (LiftHold) command()       {}
func (ExtendHold) command()     {}
func (RaiseDispute) command()   {}
func (ResolveDispute) command() {}
func (MakePromise) command()    {}
func (AgreePlan) command()      {}
func (CancelPlan) command()     {}
func (DeclineOffer) command()   {}
func (TakeLease) command()      {}
func (HandBack) command()       {}
func (LogContact) command()     {}
func (FinishTask) command()     {}
func (WriteNote) command()      {}
func (OptOut) command()         {}
func (OptIn) command()          {}
func (MarkPoint) command()      {}
func (WaiveStep) command()      {}
func (Recall) command()         {}

// Refusals of commands. Handle wraps them with a sentence.
var (
	ErrUnknown  = errors.New("not found")
	ErrConflict = errors.New("not possible now")
	ErrInvalid  = errors.New("not valid")
)

// Handle turns a command into facts, by whom it was given. No facts and no
// error: the command had already been carried out. Errors wrap ErrUnknown,
// ErrConflict or ErrInvalid and say how to mend.
func Handle(f Facts, c Command, by string, at time.Time) ([]Fact, error) {
	facts, err := f.handle(c, by, at)
	facts = f.noticed(facts)
	for i := range facts {
		facts[i].By = by
	}
	return facts, err
}

func (f *Facts) handle(c Command, by string, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case RecordPayment, ReversePayment:
		return f.handleMoney(c, at)
	case PlaceHold, LiftHold, ExtendHold, RaiseDispute, ResolveDispute:
		return f.handleHold(c, by, at)
	case MakePromise, WithdrawPromise, AgreePlan, CancelPlan, DeclineOffer:
		return f.handleAgreement(c, at)
	case OfferSettlement, AcceptSettlement, DeclineSettlement, WithdrawSettlement:
		return f.handleSettlement(c, at)
	case TakeLease:
		return f.takeLease(c, at)
	case HandOver:
		return f.handOver(c, by, at)
	case SetCallback, MoveCallback, CancelCallback:
		return f.handleCallback(c, at)
	case HandBack:
		if l := f.lease(); l != nil {
			return []Fact{f.fact(at, LeaseEnded{l.ID, "handed_back"})}, nil
		}
		return nil, fmt.Errorf("hand back: nobody has taken the case: %w", ErrConflict)
	case Migrate, CancelMigration:
		return f.handleMigration(c, at)
	case FinishTask:
		return f.finishTask(c, at)
	case LogContact:
		return f.logContact(c, at)
	case WaiveStep:
		return f.waiveStep(c, at)
	case Recall:
		return f.recall(c, at)
	case SendMessage:
		return f.sendMessage(c, at)
	case WriteNote, PinNote, UnpinNote, DismissMention:
		return f.handleNote(c, at)
	case ReportDelivery:
		return f.reported(c, at)
	case TakeReply:
		return f.takeReply(c, by, at)
	}
	return f.handleContact(c, by, at)
}

func (f *Facts) debtorFact(at time.Time, b Body) Fact { return Fact{At: at, Body: b} }

func (f *Facts) handleMoney(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case RecordPayment:
		if slices.ContainsFunc(f.Payments, func(p PaymentState) bool { return p.ID == c.ID }) {
			return nil, nil
		}
		if c.Amount.Currency() != f.Currency || c.Amount.Minor() <= 0 {
			return nil, fmt.Errorf("payment: the amount must be above zero and in %s: %w", f.Currency, ErrInvalid)
		}
		if c.Item != "" && f.item(c.Item) == nil {
			return nil, fmt.Errorf("payment: the account has no such item: %w", ErrUnknown)
		}
		if c.At.After(at) {
			return nil, fmt.Errorf("payment: it cannot have arrived in the future: %w", ErrInvalid)
		}
		if !c.At.IsZero() {
			at = c.At
		}
		x := f.fact(at, Payment{ID: c.ID, Amount: c.Amount, Item: c.Item})
		x.Source = c.ID
		return []Fact{x}, nil
	case ReversePayment:
		for i := range f.Payments {
			if p := &f.Payments[i]; p.ID == c.Payment {
				if !p.Reversed.IsZero() {
					return nil, nil
				}
				return []Fact{f.fact(at, PaymentReversed{Payment: c.Payment, Reason: c.Reason})}, nil
			}
		}
		return nil, fmt.Errorf("reversal: the account has no such payment: %w", ErrUnknown)
	}
	return nil, ErrInvalid
}

// holdOf is the hold of an id: one of all the debtor's accounts, or one of this account.
func (f *Facts) holdOf(id string, wide bool) *HoldState {
	i := slices.IndexFunc(f.Holds, func(h HoldState) bool { return h.ID == id && (h.Scope == ScopeDebtor) == wide })
	if i < 0 {
		return nil
	}
	return &f.Holds[i]
}

// HoldMeant is the hold that an id means at an instant: the account's own while it is in force,
// else the debtor's, else the account's own that has ended.
func (f *Facts) HoldMeant(id string, at time.Time) *HoldState {
	own, wide := f.holdOf(id, false), f.holdOf(id, true)
	if own == nil || wide != nil && own.over(at) {
		return wide
	}
	return own
}

var holdKinds = []HoldKind{
	HoldDispute, HoldHardship, HoldBreathingSpace, HoldBankruptcy, HoldDeceased, HoldRepresented, HoldCease, HoldServicemember, HoldRecall,
	HoldComplaint, HoldManual, HoldIdentityTheft, HoldLitigation,
}

func (f *Facts) handleHold(c Command, by string, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case PlaceHold:
		return f.newHold(c, by, at)
	case LiftHold:
		h := f.HoldMeant(c.ID, at)
		switch {
		case h == nil:
			return nil, fmt.Errorf("lift: there is no such hold: %w", ErrUnknown)
		case h.over(at):
			return nil, nil
		case h.Manual && by == "system":
			return nil, fmt.Errorf("lift: a person set this hold and a person must lift it: %w", ErrConflict)
		}
		return []Fact{f.holdFact(h, at, HoldLifted{ID: c.ID, Notice: c.Notice})}, nil
	case ExtendHold:
		h := f.HoldMeant(c.ID, at)
		if h == nil || h.over(at) {
			return nil, fmt.Errorf("extend: there is no such hold in force: %w", ErrUnknown)
		}
		shorter := !c.Until.IsZero() && (h.End.IsZero() || c.Until.Before(h.End))
		if h.Manual && by == "system" && shorter {
			return nil, fmt.Errorf("extend: automation never shortens a hold that a person set: %w", ErrConflict)
		}
		if !c.Until.IsZero() && !c.Until.After(at) {
			return nil, fmt.Errorf("extend: the new end must lie ahead; lift the hold to end it: %w", ErrInvalid)
		}
		return []Fact{f.holdFact(h, at, HoldExtended{ID: c.ID, Until: c.Until})}, nil
	case RaiseDispute:
		return f.raiseDispute(c, at)
	case ResolveDispute:
		return f.resolveDispute(c, at)
	}
	return nil, ErrInvalid
}

func (f *Facts) holdFact(h *HoldState, at time.Time, b Body) Fact {
	if h.Scope == ScopeDebtor {
		return f.debtorFact(at, b)
	}
	return f.fact(at, b)
}

func (f *Facts) newHold(c PlaceHold, by string, at time.Time) ([]Fact, error) {
	if h := f.holdOf(c.ID, c.Scope == ScopeDebtor); h != nil {
		return nil, h.sameAs("hold", c.HoldKind, c.Scope, c.Item)
	}
	switch {
	case c.ID == "":
		return nil, fmt.Errorf("hold: needs an id: %w", ErrInvalid)
	case !slices.Contains(holdKinds, c.HoldKind):
		return nil, fmt.Errorf("hold: unknown kind %q; kinds are %v: %w", c.HoldKind, holdKinds, ErrInvalid)
	case c.Scope == ScopeItem && f.item(c.Item) == nil:
		return nil, fmt.Errorf("hold: the account has no such item: %w", ErrUnknown)
	case c.Scope != ScopeItem && c.Scope != ScopeAccount && c.Scope != ScopeDebtor:
		return nil, fmt.Errorf("hold: scope must be item, account or debtor: %w", ErrInvalid)
	case !c.Until.IsZero() && !c.Until.After(at):
		return nil, fmt.Errorf("hold: its end must lie ahead: %w", ErrInvalid)
	case c.Notice < 0:
		return nil, fmt.Errorf("hold: notice days cannot be negative: %w", ErrInvalid)
	}
	h := HoldPlaced{
		ID: c.ID, HoldKind: c.HoldKind, Scope: c.Scope, Item: c.Item, Until: c.Until, Fees: c.Fees, Owner: c.Owner, Notice: c.Notice,
		Contact: c.Contact == nil || *c.Contact, Clock: c.Clock == nil || *c.Clock, Manual: by != "system",
	}
	if h.Scope != ScopeItem {
		h.Item = ""
	}
	if h.Scope == ScopeDebtor {
		return []Fact{f.debtorFact(at, h)}, nil
	}
	return []Fact{f.fact(at, h)}, nil
}

// sameAs is nil where a hold is what is asked for once more. To take another for it, because it
// has the same id, would leave somebody unprotected who was told otherwise.
func (h *HoldState) sameAs(what string, kind HoldKind, scope Scope, item string) error {
	if h.HoldKind == kind && h.Scope == scope && (scope != ScopeItem || h.Item == item) {
		return nil
	}
	return fmt.Errorf("%s: id %q is that of another hold (%s, %s); give it an id of its own: %w", what, h.ID, h.HoldKind, h.Scope, ErrConflict)
}

func (f *Facts) resolveDispute(c ResolveDispute, at time.Time) ([]Fact, error) {
	h := f.holdOf(c.ID, false)
	switch {
	case h == nil || h.HoldKind != HoldDispute:
		return nil, fmt.Errorf("dispute: there is no such dispute: %w", ErrUnknown)
	case h.over(at) && h.Outcome == c.Outcome:
		return nil, nil
	case h.over(at):
		return nil, fmt.Errorf("dispute: it has ended already%s; a correction is a fact of its own: %w", as(h.Outcome), ErrConflict)
	case c.Outcome != "closed" && c.Outcome != "corrected" && c.Outcome != "rejected":
		return nil, fmt.Errorf("dispute: the outcome must be closed, corrected or rejected: %w", ErrInvalid)
	case c.Outcome == "corrected" && (h.Item == "" || c.Amount.Currency() != f.Currency || c.Amount.Minor() < 0):
		return nil, fmt.Errorf("dispute: a correction needs a disputed item and its new amount in %s: %w", f.Currency, ErrInvalid)
	}
	var out []Fact
	if c.Outcome == "corrected" {
		out = append(out, f.fact(at, ItemCorrected{Item: h.Item, Amount: c.Amount, Reason: "dispute"}))
	}
	out = append(out, f.fact(at, DisputeResolved{ID: c.ID, Outcome: c.Outcome}))
	if c.Outcome == "rejected" && f.Sequence != nil {
		out = append(out, f.jump(at, f.Sequence.On.DisputeRejected, "dispute_rejected")...)
	}
	return out, nil
}

// as words how something ended.
func as(outcome string) string {
	if outcome == "" {
		return " (its hold was lifted)"
	}
	return " as " + outcome
}

func (f *Facts) raiseDispute(c RaiseDispute, at time.Time) ([]Fact, error) {
	scope := ScopeAccount
	if c.Item != "" {
		scope = ScopeItem
	}
	if h := f.holdOf(c.ID, false); h != nil {
		return nil, h.sameAs("dispute", HoldDispute, scope, c.Item)
	}
	b := DisputeRaised{ID: c.ID, Item: c.Item, Duplicative: c.Duplicative, Told: c.Told}
	at, err := f.said("dispute", &b.Told, c.Received, at)
	switch {
	case err != nil:
		return nil, err
	case c.ID == "":
		return nil, fmt.Errorf("dispute: needs an id: %w", ErrInvalid)
	case c.Item != "" && f.item(c.Item) == nil:
		return nil, fmt.Errorf("dispute: the account has no such item: %w", ErrUnknown)
	}
	return []Fact{f.fact(at, b)}, nil
}

func (f *Facts) lease() *LeaseState {
	for i := range f.Leases {
		if f.Leases[i].Ended.IsZero() {
			return &f.Leases[i]
		}
	}
	return nil
}

func (f *Facts) takeLease(c TakeLease, at time.Time) ([]Fact, error) {
	if l := f.lease(); l != nil {
		if l.ID == c.ID {
			return nil, nil
		}
		if at.Before(l.Until) && !IsTeam(l.Owner) {
			return nil, fmt.Errorf("take over: another collector has the case: %w", ErrConflict)
		}
	}
	if !f.CaseOpen || c.Owner == "" || !c.Until.After(at) {
		return nil, fmt.Errorf("take over: needs an open case, an owner and an end that lies ahead: %w", ErrInvalid)
	}
	return f.leased(at, LeaseTaken{ID: c.ID, Owner: c.Owner, Until: c.Until}), nil
}

func (f *Facts) logContact(c LogContact, at time.Time) ([]Fact, error) {
	const what = "contact"
	b := c.ContactLogged
	err := firstOf(need(what, "an id", b.ID), need(what, "a direction (inbound or outbound)", b.Direction), oneOf(what, "direction", b.Direction, directions),
		need(what, "a channel", string(b.Channel)), oneOf(what, "channel", b.Channel, LoggedChannels),
		need(what, "an outcome", b.Outcome), oneOf(what, "outcome", b.Outcome, Outcomes),
		f.knownPoint(what, b.Point, b.Channel), f.knownPerson(what, b.Person), f.knownPerson(what, b.Intended), f.knownAccounts(what, b.Debts))
	if err != nil {
		return nil, err
	}
	at, err = happened(what, &b.Recorded, c.Happened, at)
	switch {
	case err != nil:
		return nil, err
	case f.contact(b.ID) != nil:
		return nil, nil
	case b.Task != "" && f.task(b.Task) == nil:
		return nil, fmt.Errorf("contact: there is no such task: %w", ErrUnknown)
	case b.Seconds < 0:
		return nil, fmt.Errorf("contact: it cannot have taken less than no time: %w", ErrInvalid)
	}
	if b.Creditor == "" {
		b.Creditor = f.Creditor.ID
	}
	x := f.fact(at, b)
	x.Source = b.ID
	return []Fact{x}, nil
}

// outcomes that a person may give a task, by kind.
var outcomes = map[TaskKind][]string{
	TaskCall:       {"attempts_used"},
	TaskEscalation: {"resumed", "done"},
	TaskDraft:      {"approved", "rejected"},
	TaskApproval:   {"approved", "rejected"},
	TaskManual:     {"done"},
	TaskNoChannel:  {"done"},
	TaskUnknown:    {"sent", "not_sent"},
	TaskCatchUp:    {"resumed", "done"},
	TaskSupervisor: {"done"},
	TaskParked:     {"resumed", "done"},
	TaskFailed:     {"resumed", "done"},
	TaskReply:      {"done"},
	TaskSettlement: {"approved", "rejected"},
}

func (f *Facts) finishTask(c FinishTask, at time.Time) ([]Fact, error) {
	t := f.task(c.ID)
	switch {
	case t == nil:
		return nil, fmt.Errorf("task: there is no such task: %w", ErrUnknown)
	case !t.Ended.IsZero():
		return nil, nil
	case !slices.Contains(outcomes[t.Task], c.Outcome):
		return nil, fmt.Errorf("task: a task of kind %s ends as one of %v: %w", t.Task, outcomes[t.Task], ErrInvalid)
	}
	out := []Fact{f.fact(at, TaskEnded{ID: t.ID, Outcome: c.Outcome, Digest: t.Digest})}
	switch t.Task {
	case TaskNoChannel:
		out = append(out, f.fact(at, EntryEnded{Items: t.Items, Step: t.Step, Entry: t.Entry, Why: "no_channel"}))
	case TaskFailed:
		if c.Outcome == "done" { // delivered by hand
			out = append(out, f.fact(at, EntryEnded{Items: t.Items, Step: t.Step, Entry: t.Entry, Why: "by_hand"}))
		}
	case TaskParked:
		if c.Outcome == "done" {
			out = append(out, f.stepDoneBy(at, t.Items, t.Step, "by_hand")...)
		}
	case TaskCatchUp:
		if c.Outcome == "done" {
			out = append(out, f.skipMatured(at, f.rungsOf(t.Items, t.Step))...)
		}
	case TaskCall, TaskManual, TaskEscalation:
		out = append(out, f.stepDoneBy(at, t.Items, t.Step, string(t.Task)+"_"+c.Outcome)...)
	case TaskUnknown:
		out = append(out, f.settleUnknown(t, c.Outcome, at)...)
	case TaskSettlement:
		out = append(out, f.settlementJudged(t, c.Outcome, at)...)
	}
	return out, nil
}

// rungsOf are the rungs of those items that still stand before a step.
func (f *Facts) rungsOf(keys []string, step string) []rung {
	var out []rung
	for _, k := range keys {
		if it := f.item(k); it != nil && f.Sequence.StepIndex(step) == f.nextStep(it) {
			out = append(out, f.rungOf(it))
		}
	}
	return out
}

// settleUnknown is a person's evidence about a hand-over.
func (f *Facts) settleUnknown(t *TaskState, outcome string, at time.Time) []Fact {
	if outcome == "sent" {
		return f.accepted(ContactMoved{ID: t.Contact, Code: "person"}, at)
	}
	return []Fact{f.fact(at, ContactMoved{ID: t.Contact, State: ContactFailed, Class: FailedNow, Code: "person"})}
}

func (f *Facts) handleAgreement(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case MakePromise:
		return f.promise(c, at)
	case WithdrawPromise:
		return f.withdrawPromise(c, at)
	case AgreePlan:
		return f.agreePlan(c, at)
	case CancelPlan:
		for i := range f.Plans {
			if p := &f.Plans[i]; p.ID == c.ID && p.Ended.IsZero() {
				return f.planEnds(at, p, "cancelled"), nil
			}
		}
		return nil, fmt.Errorf("plan: there is no such live plan: %w", ErrUnknown)
	case DeclineOffer:
		if o := f.openOfferState(); o != nil {
			return f.answered(o, "declined", at), nil
		}
		return nil, fmt.Errorf("offer: none is open: %w", ErrConflict)
	}
	return nil, ErrInvalid
}

// Bounds of what people may enter: beyond them lies a slip of the keyboard.
const (
	maxGrace = 365 // days
	farYears = 30
)

// farAhead reports whether a date lies beyond anything that is agreed.
func (f *Facts) farAhead(d Date, at time.Time) bool { return d.Year > f.localDay(at).Year+farYears }

func (f *Facts) promise(c MakePromise, at time.Time) ([]Fact, error) {
	for i := range f.Promises {
		if p := &f.Promises[i]; p.ID == c.ID {
			return nil, nil
		} else if p.Ended.IsZero() {
			return nil, fmt.Errorf("promise: one is open already; wait for its end: %w", ErrConflict)
		}
	}
	switch {
	case c.ID == "" || c.Amount.Currency() != f.Currency || c.Amount.Minor() <= 0 || c.Grace < 0 || c.Grace > maxGrace:
		return nil, fmt.Errorf("promise: needs an id, an amount above zero in %s and a grace of 0 to %d days: %w", f.Currency, maxGrace, ErrInvalid)
	case f.farAhead(c.Due, at):
		return nil, fmt.Errorf("promise: the date is more than %d years ahead: %w", farYears, ErrInvalid)
	case !f.dayEnded(c.Due).After(at):
		return nil, fmt.Errorf("promise: the date is past: %w", ErrInvalid)
	case !f.anythingOwed():
		return nil, fmt.Errorf("promise: nothing is owed on this account: %w", ErrConflict)
	case f.settled() != nil:
		return nil, fmt.Errorf("promise: a settlement is agreed, and its date is the promise: %w", ErrConflict)
	}
	return []Fact{f.fact(at, PromiseMade(c))}, nil
}

func (f *Facts) openOfferState() *OfferState {
	for i := range f.Offers {
		if f.Offers[i].Ended.IsZero() {
			return &f.Offers[i]
		}
	}
	return nil
}

func (f *Facts) answered(o *OfferState, outcome string, at time.Time) []Fact {
	return append([]Fact{f.fact(at, OfferEnded{o.ID, outcome})}, f.stepDoneBy(at, o.Items, o.Step, "offer_"+outcome)...)
}

// maxInstalments bounds plans: what comes in by a portal or an API may be any number.
const maxInstalments = 120

// agreePlan bills what is open on the items in sequence over instalments that
// add up to the cent and fall on business days.
func (f *Facts) agreePlan(c AgreePlan, at time.Time) ([]Fact, error) {
	for i := range f.Plans {
		if p := &f.Plans[i]; p.ID == c.ID {
			return nil, nil
		} else if p.Ended.IsZero() {
			return nil, fmt.Errorf("plan: one is live already: %w", ErrConflict)
		}
	}
	var keys []string
	var open int64
	for i := range f.Items { // a collector may agree it when the sequence is over, too
		if it := &f.Items[i]; f.owed(it) && it.Open > f.tolerance() {
			keys, open = append(keys, it.Key), open+it.Open
		}
	}
	if c.ID == "" || len(keys) == 0 {
		return nil, fmt.Errorf("plan: needs an id and something that is owed: %w", ErrConflict)
	}
	ins := c.Instalments
	if max(c.Count, len(ins)) > maxInstalments {
		return nil, fmt.Errorf("plan: more than %d instalments; agree fewer: %w", maxInstalments, ErrInvalid)
	}
	if len(ins) == 0 {
		ins = f.Instalments(open, c.Count, c.First, c.Every)
	}
	if err := f.checkInstalments(ins, open, at); err != nil {
		return nil, err
	}
	out := []Fact{f.fact(at, PlanAgreed{ID: c.ID, Items: keys, Instalments: ins}), f.fact(at, ItemsDisposed{Items: keys, To: InPlan, Reason: "plan"})}
	if o := f.openOfferState(); o != nil {
		out = append(f.answered(o, "accepted", at), out...)
	}
	for i := range f.Promises { // the plan takes its place
		if p := &f.Promises[i]; p.Ended.IsZero() {
			out = append(out, f.fact(at, PromiseEnded{p.ID, "withdrawn"}))
		}
	}
	if s := f.liveSettlement(); s != nil {
		out = append(out, f.fact(at, SettlementEnded{s.ID, "withdrawn"}))
	}
	return out, nil
}

// Instalments cuts an amount of minor units into n parts from a first date on,
// every so many days (0 = on the same day of each month), each on a business day.
func (f *Facts) Instalments(minor int64, n int, first Date, every int) []Instalment {
	out := make([]Instalment, 0, max(n, 0))
	for i, part := range f.zero().Of(minor).Split(n) {
		due := first.AddDays(i * every)
		if every == 0 {
			due = first.addMonths(i)
		}
		out = append(out, Instalment{Due: f.businessDay(due), Amount: part})
	}
	return out
}

// addMonths keeps the day of the month, or takes the month's last day.
func (d Date) addMonths(n int) Date {
	first := DateOf(time.Date(d.Year, d.Month+time.Month(n), 1, 12, 0, 0, 0, time.UTC))
	last := first.MonthEnd()
	first.Day = min(d.Day, last.Day)
	return first
}

func (f *Facts) checkInstalments(ins []Instalment, open int64, at time.Time) error {
	if len(ins) == 0 {
		return fmt.Errorf("plan: needs at least one instalment: %w", ErrInvalid)
	}
	var sum int64
	for i, x := range ins {
		if x.Amount.Currency() != f.Currency || x.Amount.Minor() <= 0 {
			return fmt.Errorf("plan: instalment %d must be above zero and in %s: %w", i+1, f.Currency, ErrInvalid)
		}
		if f.farAhead(x.Due, at) {
			return fmt.Errorf("plan: instalment %d is more than %d years ahead: %w", i+1, farYears, ErrInvalid)
		}
		if i > 0 && !ins[i-1].Due.Before(x.Due) || !f.dayEnded(x.Due).After(at) {
			return fmt.Errorf("plan: instalment %d must fall after the one before and not in the past: %w", i+1, ErrInvalid)
		}
		sum += x.Amount.Minor()
	}
	if sum != open {
		return fmt.Errorf("plan: the instalments add up to %s, but %s is owed: %w", f.zero().Of(sum), f.zero().Of(open), ErrInvalid)
	}
	return nil
}

func (f *Facts) waiveStep(c WaiveStep, at time.Time) ([]Fact, error) {
	n := f.Sequence.StepIndex(c.Step)
	if n < 0 || c.Why == "" {
		return nil, fmt.Errorf("waive: needs a step of the sequence and a reason: %w", ErrInvalid)
	}
	var keys []string
	for i := range f.Items {
		if it := &f.Items[i]; f.collectable(it) && f.nextStep(it) == n {
			keys = append(keys, it.Key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("waive: no item stands before that step: %w", ErrConflict)
	}
	return []Fact{f.fact(at, StepsWaived{Items: keys, Steps: []string{c.Step}, Why: c.Why})}, nil
}

func (f *Facts) recall(c Recall, at time.Time) ([]Fact, error) {
	var keys []string
	for i := range f.Items {
		if it := &f.Items[i]; it.Open > 0 && it.Disposition != Recalled && it.Disposition != WrittenOff {
			keys = append(keys, it.Key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return []Fact{f.fact(at, ItemsDisposed{Items: keys, To: Recalled, Reason: c.Reason})}, nil
}
