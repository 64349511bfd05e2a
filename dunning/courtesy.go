package dunning

import (
	"slices"
	"time"
)

// Courtesy messages are no steps: they count for no item, and keep no distance
// from steps and steps none from them. Law binds them like any other message,
// and the creditor's own window. Their ids cannot be ids of steps.
const (
	CourtesyThanks   = "on.paid"     // the message of on: {paid: …}
	CourtesyReminder = "plan.remind" // a reminder before each instalment of a plan
)

// courtesyTries bounds how often a courtesy is tried before it is let be.
const courtesyTries = 3

// purposeOf is what a contact of a step is for, as contact policies name it.
func purposeOf(step string) string {
	switch step {
	case CourtesyThanks:
		return "payment_confirmation"
	case CourtesyReminder:
		return "scheduled_payment_reminder"
	case CourtesyConfirm:
		return purposeConfirm
	case CourtesyHelp:
		return purposeHelp
	}
	return "collect"
}

// isCourtesy reports whether a contact is no step of the sequence.
func (c *ContactPlanned) isCourtesy() bool { return isCourtesy(c.Step) }

// Courtesy reports whether a contact is a courtesy message, which is no step.
func (c ContactPlanned) Courtesy() bool { return isCourtesy(c.Step) }

func isCourtesy(step string) bool {
	return step == CourtesyThanks || step == CourtesyReminder || step == CourtesyConfirm || step == CourtesyHelp
}

// courtesy finds a courtesy that is due: thanks before a case closes as paid, a
// reminder before an instalment. ok is false when there is none, or when none
// can be sent: a courtesy is never worth a person's time. closing is why the case is
// about to close, "" if it is not.
func (f *Facts) courtesy(at time.Time, closing string) (Decision, bool) {
	if !f.CaseOpen {
		return Decision{}, false
	}
	if d, ok := f.answerBack(at); ok {
		return d, true
	}
	if _, held := f.heldAccount(at); held {
		return Decision{}, false
	}
	if closing == "paid" && len(f.Sequence.On.Paid.Send) > 0 && f.wroteSince(f.CaseSince) && f.paidAgain() {
		return f.offerCourtesy(at, CourtesyThanks, 0, f.CaseSince, time.Time{}, f.Sequence.On.Paid.Send, Decision{Total: f.zero()})
	}
	for i := range f.Plans {
		if p := &f.Plans[i]; p.Ended.IsZero() {
			return f.remind(at, p)
		}
	}
	return Decision{}, false
}

// paidAgain reports whether anything was paid off since the case opened again, if it did. One
// that opened because of a promise or plan, and ends with that broken, has nobody to thank.
func (f *Facts) paidAgain() bool {
	return !f.opened.After(f.CaseSince) || f.covered() ||
		slices.ContainsFunc(f.Items, func(it ItemState) bool { return it.Open == 0 && !it.changed.Before(f.opened) })
}

// wroteSince reports whether any step's message reached the debtor since an instant.
func (f *Facts) wroteSince(t time.Time) bool {
	return slices.ContainsFunc(f.Contacts, func(c ContactFacts) bool {
		return c.Account == f.Account && c.Logged == nil && c.State == ContactAccepted && !c.isCourtesy() && !c.At.Before(t)
	})
}

// reminderSend is how reminders of instalments travel; their template has a
// fixed name in every channel.
var reminderSend = []Channeled{{Channel: Email, Template: "plan-reminder", Else: []Channeled{{Channel: SMS, Template: "plan-reminder"}}}}

// remind reminds of the next instalment that payments do not cover yet, from
// so many days before it is due until it is due.
func (f *Facts) remind(at time.Time, p *PlanState) (Decision, bool) {
	if f.Sequence.Plan.Remind == 0 {
		return Decision{}, false
	}
	paid, due := f.planPaid(p), int64(0)
	for k, ins := range p.Instalments {
		due += ins.Amount.Minor()
		if paid >= due {
			continue
		}
		from, until := f.dayBegun(ins.Due.AddDays(-f.Sequence.Plan.Remind)), f.dayEnded(ins.Due)
		if at.Before(from) || !at.Before(until) {
			continue
		}
		if f.stale(at) { // it may be paid by now
			return Decision{Verb: VerbLook, WakeAt: at.Add(staleLook), Step: CourtesyReminder, Waiting: "stale", Rule: "stale"}, true
		}
		if d, ok := f.offerCourtesy(at, CourtesyReminder, k+1, p.Agreed, until, reminderSend, Decision{Total: ins.Amount}); ok {
			return d, true
		}
	}
	return Decision{}, false
}

// nextReminder is when the next reminder of a plan may be due; zero: none.
func (f *Facts) nextReminder(p *PlanState, at time.Time) time.Time {
	if f.Sequence.Plan.Remind == 0 {
		return time.Time{}
	}
	for _, ins := range p.Instalments {
		if from := f.dayBegun(ins.Due.AddDays(-f.Sequence.Plan.Remind)); from.After(at) {
			return from
		}
	}
	return time.Time{}
}

// offerCourtesy decides over one courtesy: sent once, tried a few times, let
// be when no channel is possible or it would come too late.
func (f *Facts) offerCourtesy(at time.Time, step string, round int, since, until time.Time, send []Channeled, d Decision) (Decision, bool) {
	tries, from := 0, at
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Account != f.Account || c.Step != step || c.Round != round || c.Reserved.Before(since) {
			continue
		}
		if c.counts() || c.State == ContactCancelled {
			return d, false
		}
		tries++
		from = later(from, c.RetryAt)
	}
	if tries >= courtesyTries {
		return d, false
	}
	s := &Step{ID: step, Verb: VerbSend, Send: send, Complete: CompleteAny}
	t, ok := f.windowOpen(f.Sequence.Window, from)
	if !ok || !until.IsZero() && !t.Before(until) {
		return d, false
	}
	d.Verb, d.Step, d.Round, d.WakeAt = VerbSend, step, round, t
	d.Contact = f.plannedContact(s)
	if t.After(at) {
		d.Waiting = "courtesy"
		return d, true
	}
	return f.courtesyEntry(at, d, s, until)
}

// courtesyEntry picks the channel, or waits for the policy's earliest yes.
func (f *Facts) courtesyEntry(at time.Time, d Decision, s *Step, until time.Time) (Decision, bool) {
	for alt, c := range (Channeled{Channel: s.Send[0].Channel, Template: s.Send[0].Template, Else: append(slices.Clone(s.Send[0].Else), s.Send[1:]...)}).alternatives() {
		v := f.gate(at, &d, s, c)
		switch {
		case v.Impossible:
			continue
		case v.Allowed:
			d.Contact = f.plan(d, s, 0, alt, c)
			d.Contact.Automatic = false
			return d, true
		case v.NotBefore.IsZero() || !until.IsZero() && !v.NotBefore.Before(until):
			return d, false
		}
		t, ok := f.windowOpen(f.Sequence.Window, v.NotBefore)
		d.WakeAt, d.Waiting, d.Rule = t, "courtesy", v.Rule
		return d, ok
	}
	return d, false
}
