package dunning

import (
	"slices"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Letters wait between the outbox and the post. When a batch is closed each is decided
// again: what would not be written any more is called off and left out.

// Why a letter is called off.
const (
	letterGone    = "not_waiting"  // it is no accepted letter of this account
	letterClosed  = "case_closed"  // nothing is collected any more
	letterChanged = "changed"      // what it says is not what is owed now
	letterPoint   = "address_dead" // nobody lives there any more
	letterLate    = "notice_late"  // its printed period would be shorter than the law's
	letterOld     = "outdated"     // the day by which it asks for payment has come
	letterHeld    = "held:"        // and by what
	letterRefused = "refused:"     // and by which rule
)

// patient is how long a letter may wait in the outbox for a rule that time cures, such as
// a Sunday; a rule that lasts longer calls it off.
const patient = 72 * time.Hour

// LetterStands decides again over a letter that lies in the outbox. reason is why it must
// not be posted, "" when nothing speaks against it; later is set when it may not be posted
// now but soon.
func (f Facts) LetterStands(id string, at time.Time) (reason string, later bool) {
	c := f.contact(id)
	if c != nil && c.Channel == Letter && c.inFlight() && c.Account == f.Account {
		return letterHeld + "unknown", true // whoever puts it into the outbox has not said yet that it did
	}
	if c == nil || c.Channel != Letter || c.State != ContactAccepted || c.Account != f.Account || c.posted || c.back {
		return letterGone, false
	}
	if !f.CaseOpen && !c.isCourtesy() {
		return letterClosed, false
	}
	for _, l := range c.Items {
		it := f.item(l.Key)
		if it == nil || it.Disposition != InSequence && it.Disposition != Exhausted || it.Open != l.Amount.Minor() {
			return letterChanged, false
		}
		if held, _ := f.heldItem(it, at); held {
			return letterHeld + "item", false
		}
	}
	if w, held := f.heldAccount(at); held {
		return letterHeld + w.rule, false
	}
	if reason, later = f.letterWaits(c, at); reason != "" {
		return reason, later
	}
	if f.stale(at) && (len(c.Items) > 0 || c.Step == CourtesyReminder) { // it may be paid by now
		return letterHeld + "stale", true
	}
	if p := f.pointState(c.Point); p == nil || p.Dead != "" {
		return letterPoint, false
	}
	if f.tooLate(c, at) {
		return letterLate, false
	}
	return f.letterAllowed(c, at)
}

// LetterDay is the day that a letter bears which is printed at an instant: the creditor's.
func (f Facts) LetterDay(at time.Time) Date {
	if f.Setup.Zone != nil && f.Creditor.Zone != "" {
		if l := f.Setup.Zone(f.Creditor.Zone); l != nil {
			return DateOf(at.In(l))
		}
	}
	return DateOf(at.UTC())
}

// LetterOutdated says why a letter that would bear a day must not be posted: it asks for
// payment by a day that has come then. "" when nothing speaks against it.
func LetterOutdated(m Message, dated Date) string {
	if !m.PayBy.IsZero() && !dated.Before(m.PayBy) {
		return letterOld
	}
	return ""
}

// letterWaits looks at what keeps the case waiting. A letter that a person ordered may be of
// whoever has the case, may answer what the debtor wrote, and may be ordered because of a
// plan, promise or settlement: only what was agreed after the order speaks against it.
func (f *Facts) letterWaits(c *ContactFacts, at time.Time) (reason string, later bool) {
	switch {
	case c.Step == CourtesyReminder:
		return f.reminderStands(c, at), false
	case c.isCourtesy():
		return "", false
	case c.Step == StepAsked:
		return f.agreedSince(c), false
	}
	for _, look := range []func(time.Time) (wait, bool){f.waitPlan, f.waitPromise, f.waitSettled, f.waitLease} {
		if w, ok := look(at); ok {
			return letterHeld + w.state, false
		}
	}
	if w, ok := f.waitReply(at); ok {
		return letterHeld + w.state, w.until.Sub(at) <= patient
	}
	return "", false
}

// reminderStands looks at the instalment that a letter reminds of: paid, or of a plan that is
// over, it is asked for no more, and once its day has come a letter is no reminder.
func (f *Facts) reminderStands(c *ContactFacts, at time.Time) string {
	for i := range f.Plans {
		p := &f.Plans[i]
		if !p.Ended.IsZero() || p.Agreed.After(c.At) || c.Round < 1 || c.Round > len(p.Instalments) {
			continue
		}
		due := int64(0)
		for _, ins := range p.Instalments[:c.Round] {
			due += ins.Amount.Minor()
		}
		switch {
		case f.planPaid(p) >= due:
			return letterChanged
		case !at.Before(f.dayBegun(p.Instalments[c.Round-1].Due)):
			return letterOld
		}
		return ""
	}
	return letterChanged
}

// agreedSince is what was agreed about the money of a letter after a person had ordered it:
// whoever ordered it did not know, and the letter asks for what is not to be paid now. A plan
// takes its items with it, so the letter has changed. What was in force at the order, the
// person has judged.
func (f *Facts) agreedSince(c *ContactFacts) string {
	ordered := f.orderedAt(c)
	if slices.ContainsFunc(f.Promises, func(p PromiseState) bool { return p.Ended.IsZero() && p.Made.After(ordered) }) {
		return letterHeld + "promise"
	}
	s := f.settled()
	if s != nil && s.Agreed.After(ordered) && slices.ContainsFunc(c.Items, func(l ItemLine) bool { return slices.Contains(s.Items, l.Key) }) {
		return letterHeld + "settlement"
	}
	return ""
}

// orderedAt is when a person gave the order that a contact carries out: its round counts them.
func (f *Facts) orderedAt(c *ContactFacts) time.Time {
	if n := c.Round; n >= 1 && n <= len(f.ToSend) {
		return f.ToSend[n-1].At
	}
	return c.At
}

// letterAllowed asks the contact policies again, as if the letter itself did not count.
func (f *Facts) letterAllowed(c *ContactFacts, at time.Time) (string, bool) {
	g := *f
	g.ledger = slices.DeleteFunc(slices.Clone(f.ledger), func(x contact.Contact) bool { return x.ID == c.ID })
	v := g.Policies.Check(g.Query(at, Letter, c.Purpose, c.Automatic))
	switch {
	case v.Allowed:
		return "", false
	case v.Impossible || v.NotBefore.IsZero() || v.NotBefore.Sub(at) > patient:
		return letterRefused + v.Rule, false
	}
	return letterRefused + v.Rule, true
}

// LetterCalledOff are the facts of a letter that is left out of its batch.
func (f Facts) LetterCalledOff(id, reason string, at time.Time) []Fact {
	c := f.contact(id)
	if c == nil || c.State != ContactAccepted || c.Channel != Letter || c.posted || c.back { // what is out of the house cannot be called back
		return nil
	}
	return f.noticed([]Fact{f.contactFact(c, at, ContactMoved{ID: id, State: ContactCancelled, Code: "letter:" + reason})})
}

// LetterPosted are the facts of a letter that was handed to the post.
func (f Facts) LetterPosted(id, batch string, at time.Time) []Fact {
	c := f.contact(id)
	if c == nil || c.State != ContactAccepted || c.Channel != Letter || c.back { // one that has come back was posted
		return nil
	}
	x := f.contactFact(c, at, ContactMoved{ID: id, State: ContactAccepted, Code: LetterPostedCode})
	x.Source = "posted/" + batch + "/" + id
	return f.noticed([]Fact{x})
}
