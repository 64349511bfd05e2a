package dunning

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrMixedCurrency is returned by Fold when an account's facts are not all in
// the account's currency.
var ErrMixedCurrency = errors.New("amount is not in the account's currency")

// Fold plays a debtor's facts, in order, into what a decision may look at.
// Facts of other accounts count only where they concern the debtor: contacts,
// debtor-wide holds, opt-outs and the like. A fact that repeats kind and
// source of an earlier one is ignored. Errors name the position of the fact.
func Fold(s Setup, history []Fact) (Facts, error) {
	f := Facts{Setup: s, seen: map[string]bool{}, accounts: map[string]bool{}, foreign: map[string]bool{}}
	for i, x := range history {
		if err := f.add(x); err != nil {
			return Facts{}, fmt.Errorf("fact %d (%s): %w", i+1, x.Body.Kind(), err)
		}
	}
	f.finish()
	return f, nil
}

// Apply is Fold continued: the receiver is not changed.
func (f Facts) Apply(more []Fact) (Facts, error) {
	g := f.clone()
	for i, x := range more {
		if err := g.add(x); err != nil {
			return Facts{}, fmt.Errorf("fact %d (%s): %w", i+1, x.Body.Kind(), err)
		}
	}
	g.finish()
	return g, nil
}

func (f Facts) clone() Facts {
	f.Items = slices.Clone(f.Items)
	for i := range f.Items {
		f.Items[i].counted = slices.Clone(f.Items[i].counted)
		f.Items[i].marks = slices.Clone(f.Items[i].marks)
	}
	f.Payments = slices.Clone(f.Payments)
	for i := range f.Payments {
		f.Payments[i].parts = slices.Clone(f.Payments[i].parts)
	}
	f.Holds, f.Promises, f.Offers = slices.Clone(f.Holds), slices.Clone(f.Promises), slices.Clone(f.Offers)
	f.Plans, f.Leases, f.Tasks, f.ToSend = slices.Clone(f.Plans), slices.Clone(f.Leases), slices.Clone(f.Tasks), slices.Clone(f.ToSend)
	f.Contacts, f.Points, f.OptOuts = slices.Clone(f.Contacts), slices.Clone(f.Points), slices.Clone(f.OptOuts)
	f.Consents, f.Times, f.Notices = slices.Clone(f.Consents), slices.Clone(f.Times), slices.Clone(f.Notices)
	f.Wishes, f.Statuses, f.Checks = slices.Clone(f.Wishes), slices.Clone(f.Statuses), slices.Clone(f.Checks)
	f.Persons, f.Debts = slices.Clone(f.Persons), slices.Clone(f.Debts)
	f.Settlements, f.Callbacks, f.Notes = slices.Clone(f.Settlements), slices.Clone(f.Callbacks), slices.Clone(f.Notes)
	f.Migrations = slices.Clone(f.Migrations)
	f.seen, f.accounts, f.foreign = maps.Clone(f.seen), maps.Clone(f.accounts), maps.Clone(f.foreign)
	return f
}

// add plays one fact.
func (f *Facts) add(x Fact) error {
	if x.Body == nil {
		return errors.New("has no body")
	}
	if x.Source != "" {
		key := string(x.Body.Kind()) + "\x00" + x.Account + "\x00" + x.Source
		if f.seen[key] {
			return nil
		}
		f.seen[key] = true
	}
	f.Version = max(f.Version, x.Version)
	if x.Account != "" {
		f.accounts[x.Account] = true
	}
	mine := x.Account == f.Account
	switch b := x.Body.(type) {
	case ContactPlanned, ContactMoved, ContactLogged:
		return f.addContact(x)
	case DebtorKnown, PointKnown, PointDead, FeedSeen:
		return f.addDebtor(x)
	case OptedOut, OptedIn, Consented, ConsentRevoked, TimesInconvenient, WishStated, WishWithdrawn:
		return f.addSaid(x)
	case NoticeSent, NoticeReceived, NoticeChanged, NumberChecked, PersonKnown, LocationKnown, StatusKnown, DebtKnown:
		return f.addLaw(x)
	case HoldPlaced:
		if mine || b.Scope == ScopeDebtor {
			return f.placeHold(x, b)
		}
		f.foreign[x.Account+"\x00"+b.ID] = true
		return nil
	case HoldLifted, HoldExtended:
		return f.changeHold(x)
	case DisputeRaised: // it may be lifted as a hold is
		f.foreign[x.Account+"\x00"+b.ID] = !mine
	}
	if !mine {
		return nil
	}
	return f.addAccount(x)
}

func (f *Facts) addAccount(x Fact) error {
	switch x.Body.(type) {
	case Item, ItemCorrected, ItemsDisposed, Payment, PaymentReversed:
		return f.addMoney(x)
	case CaseOpened, CaseClosed, StepsWaived, StepPassed, RoundBegun, StepCounted, EntryEnded:
		return f.addProgress(x)
	case DisputeRaised, DisputeResolved:
		return f.addDispute(x)
	case MessageAsked:
		f.ToSend = append(f.ToSend, AskedState{x.Body.(MessageAsked), x.At})
		return nil
	case NoteWritten, NotePinned, NoteUnpinned, MentionSeen:
		f.addNote(x)
		return nil
	case CallbackSet, CallbackMoved, CallbackEnded:
		f.addCallback(x)
		return nil
	case SettlementOffered, SettlementAnswered, SettlementEnded:
		f.addSettlement(x)
		return nil
	case MigrationAsked, MigrationEnded, Migrated:
		f.addMigration(x)
		return nil
	}
	return f.addAgreement(x)
}

func (f *Facts) addMoney(x Fact) error {
	switch b := x.Body.(type) {
	case Item:
		return f.addItem(x, b)
	case ItemCorrected:
		return f.correctItem(b, x.At)
	case ItemsDisposed:
		for _, k := range b.Items {
			f.item(k).dispose(b.To, x.At)
		}
	case Payment:
		return f.addPayment(x, b)
	case PaymentReversed:
		f.reverse(b.Payment, x.At)
	}
	return nil
}

// dispose moves an item; nil is no item.
func (it *ItemState) dispose(to Disposition, at time.Time) {
	if it == nil {
		return
	}
	if it.Disposition != to {
		it.disposed = at
	}
	it.Disposition = to
	if to == InSequence {
		it.revived, it.again = at, at
	}
}

func (f *Facts) addItem(x Fact, b Item) error {
	if b.Key == "" || b.Due.IsZero() {
		return errors.New("an item needs a key and a due date")
	}
	if b.Amount.Currency() != f.Currency {
		return ErrMixedCurrency
	}
	if f.item(b.Key) != nil {
		return nil // the same invoice again
	}
	b.Number = cmp.Or(b.Number, b.Key)
	f.Items = append(f.Items, ItemState{Item: b, Disposition: InSequence, known: x.At})
	f.sortItems()
	it := f.item(b.Key)
	for i := range f.Payments { // a payment that named this item before it was known
		if p := &f.Payments[i]; p.Item == b.Key && p.Reversed.IsZero() {
			p.allocate(it, p.At)
			f.spread(p, p.At)
		}
	}
	f.balance(x.At)
	return nil
}

func (f *Facts) sortItems() {
	slices.SortStableFunc(f.Items, func(a, b ItemState) int {
		return cmp.Or(compareDates(a.Due, b.Due), compareDates(a.Issued, b.Issued), cmp.Compare(a.Number, b.Number), cmp.Compare(a.Key, b.Key))
	})
}

func compareDates(a, b Date) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}

func (f *Facts) correctItem(b ItemCorrected, at time.Time) error {
	it := f.item(b.Item)
	if it == nil {
		return nil
	}
	if b.Amount.Currency() != "" {
		if b.Amount.Currency() != f.Currency {
			return ErrMixedCurrency
		}
		it.Amount = b.Amount
	}
	if !b.Due.IsZero() {
		it.Due = b.Due
	}
	it.revived = at
	f.sortItems()
	f.balance(at)
	return nil
}

// addPayment allocates the named item first, then what was agreed to be paid,
// then oldest due first; what no item absorbs stays credit.
func (f *Facts) addPayment(x Fact, b Payment) error {
	if b.Amount.Currency() != f.Currency {
		return ErrMixedCurrency
	}
	if b.Amount.Minor() <= 0 {
		return errors.New("a payment must be more than nothing")
	}
	for i := range f.Payments {
		if f.Payments[i].ID == b.ID {
			return nil
		}
	}
	p := PaymentState{Payment: b, At: x.At, rest: b.Amount.Minor()}
	if it := f.item(b.Item); it != nil {
		p.allocate(it, x.At)
	}
	if b.Item == "" || f.item(b.Item) != nil {
		f.toAgreed(&p, x.At)
		f.spread(&p, x.At)
	}
	f.Payments = append(f.Payments, p)
	f.balance(x.At)
	return nil
}

// spread allocates what is left of a payment, oldest due first.
func (f *Facts) spread(p *PaymentState, at time.Time) {
	for i := range f.Items {
		p.allocate(&f.Items[i], at)
	}
}

func (p *PaymentState) allocate(it *ItemState, at time.Time) {
	open := it.Amount.Minor() - it.paid
	if n := min(open, p.rest); n > 0 && it.Disposition != WrittenOff {
		p.rest -= n
		it.paid += n
		p.parts = append(p.parts, part{it.Key, n})
		if it.paid == it.Amount.Minor() {
			it.PaidAt = at
		}
	}
}

func (f *Facts) reverse(id string, at time.Time) {
	for i := range f.Payments {
		p := &f.Payments[i]
		if p.ID != id || !p.Reversed.IsZero() {
			continue
		}
		for _, a := range p.parts {
			it := f.item(a.item)
			it.paid -= a.minor
			it.PaidAt, it.revived, it.again = time.Time{}, at, at
		}
		p.parts, p.rest, p.Reversed = nil, 0, at
	}
	f.unsettle(at)
	f.balance(at)
}

// balance recomputes what is open and what is credit.
func (f *Facts) balance(at time.Time) {
	f.Credit = 0
	for i := range f.Items {
		it := &f.Items[i]
		rest := it.Amount.Minor() - it.paid
		if it.Open != max(rest, 0) {
			it.Open, it.changed = max(rest, 0), at
		}
		f.Credit += max(-rest, 0)
		if it.Open == 0 && it.PaidAt.IsZero() {
			it.PaidAt = at
		}
		if it.Open > 0 {
			it.PaidAt = time.Time{}
		}
	}
	for i := range f.Payments {
		f.Credit += f.Payments[i].rest
	}
}

func (f *Facts) item(key string) *ItemState {
	if key == "" {
		return nil
	}
	for i := range f.Items {
		if f.Items[i].Key == key {
			return &f.Items[i]
		}
	}
	return nil
}

func (f *Facts) addProgress(x Fact) error {
	switch b := x.Body.(type) {
	case CaseOpened:
		f.openCase(x, b)
	case CaseClosed:
		f.closeCase(x, b)
	case StepsWaived:
		for _, s := range b.Steps {
			f.count(b.Items, s, "waived", x.At)
		}
	case StepPassed:
		f.count(b.Items, b.Step, "passed", x.At)
	case StepCounted:
		f.count(b.Items, b.Step, "done", x.At)
	case EntryEnded:
		for _, k := range b.Items {
			if it := f.item(k); it != nil {
				it.mark(mark{b.Step, it.Round, b.Entry, x.At, ""})
			}
		}
	case RoundBegun:
		for _, k := range b.Items {
			if it := f.item(k); it != nil {
				it.Round++
				it.from = b.Step
			}
		}
	}
	return nil
}

// openCase begins a case or opens it again. An account has one open case at a time: when
// another one begins after the one that is asked about, that one is over for good.
func (f *Facts) openCase(x Fact, b CaseOpened) {
	if f.Case != "" && f.run == f.Case && x.Case != "" && x.Case != f.Case {
		f.CaseOpen, f.succeeded = false, true
		return
	}
	f.run, f.succeeded = x.Case, false
	f.CaseOpen, f.CaseReason, f.opened = true, "", x.At
	if !b.Reopened || f.CaseSince.IsZero() {
		f.CaseSince = x.At
	}
}

func (f *Facts) closeCase(x Fact, b CaseClosed) {
	f.endCallbacks(x.At, "closed", func(*CallbackState) bool { return true })
	if f.succeeded && x.Case != f.Case {
		return
	}
	f.CaseOpen, f.CaseReason, f.CaseClosedAt = false, b.Reason, x.At
	f.CaseCloses++
}

func (f *Facts) count(items []string, step, how string, at time.Time) {
	for _, k := range items {
		if it := f.item(k); it != nil {
			it.counted = append(it.counted, count{step, it.Round, how, at})
		}
	}
}

func (it *ItemState) mark(m mark) {
	it.marks = append(it.marks, m)
}

// finish prepares what is derived from all facts together.
func (f *Facts) finish() {
	f.follow()
	f.resolveZones()
	f.countContacts()
}

func (f *Facts) resolveZones() {
	names := slices.Clone(f.Known.Zones)
	if z := f.Location.Zone; z != "" && f.Setup.Zone != nil && f.Setup.Zone(z) != nil {
		names = []string{z} // actual knowledge replaces every candidate
	}
	if len(names) == 0 {
		for i := range f.Points {
			if f.Points[i].usable() {
				names = append(names, f.Points[i].Zones...)
			}
		}
	}
	f.Zones, f.ZoneKnown = nil, true
	for _, n := range names {
		f.addZone(n)
	}
	if len(f.Zones) == 0 {
		f.ZoneKnown = false
		f.addZone(f.Creditor.Zone)
	}
	if len(f.Zones) == 0 {
		f.Zones = []*time.Location{time.UTC}
	}
}

func (f *Facts) addZone(name string) {
	if f.Setup.Zone == nil || name == "" {
		return
	}
	if z := f.Setup.Zone(name); z != nil && !slices.Contains(f.Zones, z) {
		f.Zones = append(f.Zones, z)
	}
}
