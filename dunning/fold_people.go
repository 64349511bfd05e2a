package dunning

import (
	"cmp"
	"slices"
	"time"
)

// addAgreement plays promises, offers, plans, leases and tasks.
func (f *Facts) addAgreement(x Fact) error {
	switch b := x.Body.(type) {
	case PromiseMade:
		f.Promises = append(f.Promises, PromiseState{PromiseMade: b, Made: x.At})
	case PromiseEnded:
		endAll(f.Promises, func(p *PromiseState) bool { return p.ID == b.ID && p.Ended.IsZero() },
			func(p *PromiseState) { p.Ended, p.Outcome = x.At, b.Outcome })
	case OfferOpened:
		f.Offers = append(f.Offers, OfferState{OfferOpened: b, Opened: x.At})
	case OfferEnded:
		endAll(f.Offers, func(o *OfferState) bool { return o.ID == b.ID && o.Ended.IsZero() },
			func(o *OfferState) { o.Ended, o.Outcome = x.At, b.Outcome })
	case PlanAgreed:
		f.Plans = append(f.Plans, PlanState{PlanAgreed: b, Agreed: x.At})
		for _, k := range b.Items {
			if it := f.item(k); f.owed(it) {
				it.dispose(InPlan, x.At)
			}
		}
	case PlanEnded:
		endAll(f.Plans, func(p *PlanState) bool { return p.ID == b.ID && p.Ended.IsZero() },
			func(p *PlanState) { p.Ended, p.Outcome = x.At, b.Outcome })
	case LeaseTaken:
		f.Leases = append(f.Leases, LeaseState{LeaseTaken: b, Taken: x.At})
	case LeaseEnded:
		endAll(f.Leases, func(l *LeaseState) bool { return l.ID == b.ID && l.Ended.IsZero() },
			func(l *LeaseState) { l.Ended, l.Outcome = x.At, b.Outcome })
	case TaskOpened:
		if f.task(b.ID) == nil {
			f.Tasks = append(f.Tasks, TaskState{TaskOpened: b, Opened: x.At})
		}
	case TaskEnded:
		endAll(f.Tasks, func(t *TaskState) bool { return t.ID == b.ID && t.Ended.IsZero() },
			func(t *TaskState) { t.Ended, t.Outcome, t.Approved = x.At, b.Outcome, b.Digest })
	}
	return nil
}

func endAll[T any](list []T, is func(*T) bool, end func(*T)) {
	for i := range list {
		if is(&list[i]) {
			end(&list[i])
		}
	}
}

func (f *Facts) task(id string) *TaskState {
	for i := range f.Tasks {
		if f.Tasks[i].ID == id {
			return &f.Tasks[i]
		}
	}
	return nil
}

// placeHold adds a hold. The account's own holds and disputes have ids of their own, and so
// have those of the debtor: one that stops everything is not lost because a system that
// numbers its holds used the number before.
func (f *Facts) placeHold(x Fact, b HoldPlaced) error {
	if f.holdOf(b.ID, b.Scope == ScopeDebtor) == nil {
		f.Holds = append(f.Holds, HoldState{HoldPlaced: b, From: x.At, End: b.Until, ref: refOf(x, b.ID)})
	}
	return nil
}

func (f *Facts) changeHold(x Fact) error {
	switch b := x.Body.(type) {
	case HoldLifted:
		if h := f.meant(x, b.ID); h != nil && !h.over(x.At) {
			h.End, h.Lifted = x.At, true
			h.Notice = cmp.Or(b.Notice, h.Notice)
		}
	case HoldExtended:
		if h := f.meant(x, b.ID); h != nil && !h.over(x.At) {
			h.End = b.Until
		}
	}
	return nil
}

// meant is the hold that a fact changes: what an account reports is about its own hold of
// that id while it has one in force, and about the debtor's else.
func (f *Facts) meant(x Fact, id string) *HoldState {
	if x.Account == f.Account {
		return f.HoldMeant(id, x.At)
	}
	if f.foreign[x.Account+"\x00"+id] {
		return nil
	}
	return f.holdOf(id, true)
}

// addDispute keeps a dispute as a hold of its own: on an item (others go on)
// or the whole account; it stops contact, clock and fees until it is resolved.
func (f *Facts) addDispute(x Fact) error {
	switch b := x.Body.(type) {
	case DisputeRaised:
		scope := ScopeAccount
		if b.Item != "" {
			scope = ScopeItem
		}
		f.noteDispute(x, b)
		return f.placeHold(x, HoldPlaced{ID: b.ID, HoldKind: HoldDispute, Scope: scope, Item: b.Item, Contact: true, Clock: true, Fees: true})
	case DisputeResolved:
		if b.Outcome == "closed" {
			f.closeDisputed(b.ID, x.At)
		}
		notice := b.Notice
		if b.Outcome == "rejected" && notice == 0 && f.Sequence != nil {
			notice = f.Sequence.On.DisputeRejected.Notice
		}
		if h := f.holdOf(b.ID, false); h != nil && !h.over(x.At) {
			h.Outcome, h.End, h.Lifted, h.Notice = b.Outcome, x.At, true, cmp.Or(notice, h.Notice)
		}
	}
	return nil
}

// closeDisputed takes what is still owed on the items of an upheld dispute out
// of the sequence.
func (f *Facts) closeDisputed(id string, at time.Time) {
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.ID != id || h.HoldKind != HoldDispute {
			continue
		}
		for j := range f.Items {
			if it := &f.Items[j]; f.owed(it) && (h.Scope == ScopeAccount || it.Key == h.Item) {
				it.dispose(WrittenOff, at)
			}
		}
	}
}

// owed reports whether something is open on an item that is this case's
// business: in sequence, in a plan, or exhausted. nil is no item.
func (f *Facts) owed(it *ItemState) bool {
	return it != nil && it.Open > 0 && (it.Disposition == InSequence || it.Disposition == InPlan || it.Disposition == Exhausted)
}

// over reports whether the hold's end has come at t.
func (h *HoldState) over(t time.Time) bool { return !h.End.IsZero() && !h.End.After(t) }

// in reports whether the hold is in force at t.
func (h *HoldState) in(t time.Time) bool { return !h.From.After(t) && !h.over(t) }

// addContact plays contacts of all the debtor's accounts.
func (f *Facts) addContact(x Fact) error {
	switch b := x.Body.(type) {
	case ContactPlanned:
		if f.contact(b.ID) == nil {
			c := ContactFacts{ContactPlanned: b, Account: x.Account, Case: x.Case, State: ContactReserved, Reserved: x.At, At: x.At, Moved: x.At}
			c.rounds = f.roundsOf(x.Account, b.Items)
			f.Contacts = append(f.Contacts, c)
		}
	case ContactMoved:
		if c := f.contact(b.ID); c != nil {
			f.moveContact(c, b, x.At)
		}
	case ContactLogged:
		if b.ID != "" && f.contact(b.ID) != nil {
			return nil
		}
		f.Contacts = append(f.Contacts, ContactFacts{
			ContactPlanned: ContactPlanned{ID: b.ID, Channel: b.Channel, Point: b.Point, Purpose: b.Purpose, Creditor: b.Creditor},
			Account:        x.Account, Case: x.Case, State: ContactAccepted, Reserved: x.At, At: x.At, Moved: x.At, Logged: &b,
		})
		if t := f.task(b.Task); t != nil && x.Account == f.Account {
			t.Tries++
			t.Talked = t.Talked || b.Outcome == "conversation"
		}
		if x.Account == f.Account {
			f.calledBack(b, x.At)
		}
	}
	return nil
}

// roundsOf are the rounds in which the items of lines stand; nil for another account.
func (f *Facts) roundsOf(account string, lines []ItemLine) []int {
	if account != f.Account {
		return nil
	}
	rounds := make([]int, len(lines))
	for i, l := range lines {
		if it := f.item(l.Key); it != nil {
			rounds[i] = it.Round
		}
	}
	return rounds
}

func (f *Facts) contact(id string) *ContactFacts {
	for i := range f.Contacts {
		if f.Contacts[i].ID == id {
			return &f.Contacts[i]
		}
	}
	return nil
}

// bounceWindow is how long after acceptance a permanent bounce re-opens the entry.
const bounceWindow = 72 * time.Hour

func (f *Facts) moveContact(c *ContactFacts, b ContactMoved, at time.Time) {
	accepted := c.State == ContactAccepted
	if b.State == ContactAccepted {
		f.noteDelivery(c, b.Code, at)
	}
	switch {
	case accepted && b.State == ContactAccepted:
		c.posted = c.posted || b.Code == LetterPostedCode
		c.waits = c.waits && !c.posted
		return // said twice
	case b.State == ContactBounced && (!b.Permanent || accepted && at.Sub(c.Moved) > bounceWindow):
		c.back = true
		return
	}
	bounced := accepted && (b.State == ContactBounced || b.State == ContactCancelled) // or called back
	c.maybe = c.State == ContactUnknown && (b.Code == codeResend || b.Code == codeSkip)
	if b.State == ContactSending {
		c.At, c.Hold = at, b.Hold
	}
	c.State, c.Moved, c.waits = b.State, at, b.Waits
	c.Class, c.Code, c.Permanent, c.RetryAt, c.Deadline = b.Class, b.Code, b.Permanent, b.RetryAt, b.Deadline
	if c.Account != f.Account {
		return
	}
	for i, line := range c.Items {
		if it := f.item(line.Key); it != nil && line.Step != "" {
			f.markLine(it, c, i)
			if bounced {
				f.unexhaust(it, line.Step, at)
			}
		}
	}
}

// markLine counts, or no longer counts, a contact for the item of one of its
// lines, in the round in which it was planned.
func (f *Facts) markLine(it *ItemState, c *ContactFacts, line int) {
	it.marks = slices.DeleteFunc(it.marks, func(m mark) bool { return m.contact == c.ID })
	if c.State != ContactAccepted {
		return
	}
	it.mark(mark{c.Items[line].Step, c.rounds[line], c.entryOf(c.Items[line]), c.At, c.ID})
}

// entryOf is which entry of a line's step the contact carries: one that is
// merged into a more advanced step's contact is done as a whole.
func (c *ContactPlanned) entryOf(l ItemLine) int {
	if l.Step != c.Step {
		return wholeStep
	}
	return c.Entry
}

// unexhaust puts an item back whose last message has bounced after all. An end
// action taken meanwhile stands.
func (f *Facts) unexhaust(it *ItemState, step string, at time.Time) {
	if f.Sequence != nil && it.Disposition == Exhausted && f.nextStep(it) == f.Sequence.StepIndex(step) {
		it.Disposition, it.disposed, it.revived = InSequence, at, at
	}
}

// addDebtor plays what is known of the debtor, whatever the account.
func (f *Facts) addDebtor(x Fact) error {
	switch b := x.Body.(type) {
	case DebtorKnown:
		f.Known = b
	case PointKnown:
		f.knowPoint(b, refOf(x, b.ID))
	case PointDead:
		endAll(f.Points, func(p *PointState) bool { return p.ID == b.ID }, func(p *PointState) { p.Dead, p.DeadAt = b.Reason, x.At })
	case FeedSeen:
		if b.Creditor != "" && f.Creditor.ID != "" && b.Creditor != f.Creditor.ID {
			return nil
		}
		if f.stale(x.At) {
			f.feedBack = x.At
		}
		f.FeedUntil = later(f.FeedUntil, b.Until)
	}
	return nil
}

func (f *Facts) knowPoint(b PointKnown, ref string) {
	i := slices.IndexFunc(f.Points, func(p PointState) bool { return p.ID == b.ID })
	if i >= 0 {
		f.Points[i] = PointState{PointKnown: b, ref: ref}
	} else {
		f.Points = append(f.Points, PointState{PointKnown: b, ref: ref})
	}
	slices.SortStableFunc(f.Points, func(a, b PointState) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID))
	})
}
