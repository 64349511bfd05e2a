package dunning

import (
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Messages that answer a reply by themselves. They are courtesies: no steps.
const (
	CourtesyConfirm = "on.opt_out" // one confirmation that an opt-out was received
	CourtesyHelp    = "on.help"    // who writes, and how to stop it
)

const (
	// answerWithin is how soon an answer must leave, or never: a confirmation after
	// five minutes is presumed to be another message (47 CFR 64.1200(a)(12)).
	answerWithin = 5 * time.Minute
	// answerTries bounds how often one answer is tried.
	answerTries = 2
)

// answerTemplates are the templates of answers, the same in every channel.
var answerTemplates = map[string]struct{ step, template string }{
	purposeConfirm: {CourtesyConfirm, "opt-out-confirmation"},
	purposeHelp:    {CourtesyHelp, "help"},
}

// answerBack decides over the answer to a reply: at once, to the point that it
// came from, once. Holds do not keep it back, the policies may.
func (f *Facts) answerBack(at time.Time) (Decision, bool) {
	for i := len(f.Contacts) - 1; i >= 0; i-- {
		c := &f.Contacts[i]
		if c.Logged == nil || c.Logged.Answer == "" || c.Account != f.Account || at.Before(c.At) || !at.Before(c.At.Add(answerWithin)) {
			continue
		}
		if d, ok := f.answerTo(at, c, i+1); ok {
			return d, true
		}
	}
	return Decision{}, false
}

func (f *Facts) answerTo(at time.Time, c *ContactFacts, nth int) (Decision, bool) {
	a, known := answerTemplates[c.Logged.Answer]
	if !known || f.alreadyAnswered(c, a.step) || f.usablePoint(c.Point) == nil {
		return Decision{}, false
	}
	d := Decision{Verb: VerbSend, Step: a.step, Round: nth, WakeAt: at, Total: f.zero()}
	s := &Step{ID: a.step, Verb: VerbSend, Complete: CompleteAny}
	if !f.mayAnswer(at, &d, c) {
		return Decision{}, false
	}
	d.Contact = f.plan(d, s, 0, 0, Channeled{Channel: c.Channel, Template: a.template})
	d.Contact.Point, d.Contact.Automatic = c.Point, false
	return d, true
}

// alreadyAnswered reports whether a reply was answered, or not to be answered any
// more: one answer follows, however many were refused at the same time. A refusal is
// confirmed once while it stands, however often it is said again.
func (f *Facts) alreadyAnswered(c *ContactFacts, step string) bool {
	tries, since := 0, c.At
	if step == CourtesyConfirm {
		since = f.refusedSince(c)
	}
	for i := range f.Contacts {
		a := &f.Contacts[i]
		switch later := !a.Reserved.Before(c.At); {
		case a.Step != step || a.Point != c.Point || a.Reserved.Before(since):
		case a.counts() || later && a.State == ContactCancelled:
			return true
		case later:
			tries++
		}
	}
	return tries >= answerTries
}

// refusedSince is since when a refusal stands of messages like those that a reply
// answered; the reply's own instant when there was none before it.
func (f *Facts) refusedSince(c *ContactFacts) time.Time {
	since := c.At
	for i := range f.OptOuts {
		o := &f.OptOuts[i]
		covers := (o.Channel == "" || o.Channel == c.Channel) && (o.Point == "" || o.Point == c.Point)
		if covers && o.whole() && o.At.Before(since) {
			since = o.At
		}
	}
	return since
}

// usablePoint is a point of the debtor that messages can reach.
func (f *Facts) usablePoint(id string) *PointState {
	for i := range f.Points {
		if p := &f.Points[i]; p.ID == id && p.usable() {
			return p
		}
	}
	return nil
}

// mayAnswer asks the policies. A confirmation leaves only where a rule speaks of
// confirmations: where the same message a day later would be too late for it.
func (f *Facts) mayAnswer(at time.Time, d *Decision, c *ContactFacts) bool {
	q := f.Asked(at, Ask{Channel: c.Channel, Purpose: c.Logged.Answer, Automated: true, Point: c.Point})
	asked := f.checked(q)
	if f.Record {
		d.Checks = append(d.Checks, asked)
	}
	if !asked.Verdict.Allowed || c.Logged.Answer != purposeConfirm {
		return asked.Verdict.Allowed
	}
	q.At, q.Ambiguity = at.Add(24*time.Hour), "strict"
	for _, r := range f.Policies.Check(q).Reasons {
		if r.Code == contact.CodeConfirmation {
			return true
		}
	}
	return false
}
