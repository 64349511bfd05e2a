package dunning

import (
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// StepAsked is the step of messages that a person has asked for. They are no step of the
// sequence and count for no item; but like a collector's call they keep the next step at
// its distance, and every rule about contact binds them. The id cannot be that of a step.
const StepAsked = "message.asked"

// MessageAsked is a person's order to write to the debtor with an approved template. The
// message leaves once, as soon as it may, within a day; then the order has lapsed.
type MessageAsked struct {
	ID       string  `json:"id"`
	Channel  Channel `json:"channel"`
	Template string  `json:"template"`
}

// Kind of the fact.
func (MessageAsked) Kind() Kind { return "message_asked" }

// AskedState is such an order with its instant.
type AskedState struct {
	MessageAsked
	At time.Time
}

// SendMessage writes to the debtor from an approved template, by the same gate as every
// message. It is refused when contact is not allowed now, and when there is nothing that
// could be asked for. Whether the template exists and who may use it the caller checks.
type SendMessage struct {
	ID       string  `json:"id"`
	Channel  Channel `json:"channel"`
	Template string  `json:"template"`
}

func (SendMessage) command() {}

const (
	// askedFor is how long an order to write may wait: a hand-over that failed, a rule that
	// came between.
	askedFor = 24 * time.Hour
	// askedTries bounds hand-overs of one order.
	askedTries = 3
)

// askedChannels are those in which Duly itself writes.
var askedChannels = []Channel{Email, SMS, Letter}

func (f *Facts) sendMessage(c SendMessage, at time.Time) ([]Fact, error) {
	const what = "message"
	if slices.ContainsFunc(f.ToSend, func(a AskedState) bool { return a.ID == c.ID }) {
		return nil, nil
	}
	if err := firstOf(need(what, "an id", c.ID), need(what, "a channel", string(c.Channel)), oneOf(what, "channel", c.Channel, askedChannels),
		need(what, "a template", c.Template)); err != nil {
		return nil, err
	}
	lines := f.alongNow(at)
	v := f.Reach(at, Ask{Channel: c.Channel, Purpose: purposeOf(StepAsked)})
	switch {
	case !f.CaseOpen:
		return nil, fmt.Errorf("message: the case is closed: %w", ErrConflict)
	case len(lines) == 0 || f.total(lines).Minor() <= 0:
		return nil, fmt.Errorf("message: nothing is overdue that could be asked for (what is held, disputed or in a plan is left out): %w", ErrConflict)
	case f.stale(at):
		return nil, fmt.Errorf("message: the creditor's payment data is too old to ask for money on it: %w", ErrConflict)
	case !v.Allowed:
		return nil, fmt.Errorf("message: %s: %w", refusalWords(v), ErrConflict)
	}
	return []Fact{f.fact(at, MessageAsked(c))}, nil
}

func refusalWords(v contact.Verdict) string {
	text := "it is not allowed now"
	switch {
	case v.Rule != "":
		text = "rule " + v.Rule + " does not allow it now"
	case len(v.Reasons) > 0:
		text += " (" + string(v.Reasons[0].Code) + ")"
	}
	if !v.NotBefore.IsZero() {
		text += "; it may be allowed from " + v.NotBefore.UTC().Format(time.RFC3339)
	}
	return text
}

// MessageLines are what a message that a person asks for lists, and what it asks for:
// the items that are overdue, without those held, disputed or in a plan.
func (f *Facts) MessageLines(at time.Time) ContactPlanned {
	return ContactPlanned{Step: StepAsked, Items: f.alongNow(at), Purpose: purposeOf(StepAsked), Creditor: f.Creditor.ID}
}

func (f *Facts) alongNow(at time.Time) []ItemLine {
	var keys []string
	for i := range f.Items {
		it := &f.Items[i]
		if held, _ := f.heldItem(it, at); f.collectable(it) && !held && f.overdue(it, at) {
			keys = append(keys, it.Key)
		}
	}
	return f.lines(keys, "")
}

// asked finds an order to write that has not been carried out, and decides over it. A
// decision that is not due says from when the message may leave.
func (f *Facts) asked(at time.Time) (Decision, bool) {
	if f.stale(at) {
		return Decision{}, false
	}
	for i := range f.ToSend {
		a := &f.ToSend[i]
		until := a.At.Add(askedFor)
		if !at.Before(until) {
			continue
		}
		if from, open := f.askedFrom(i+1, at); open && from.Before(until) {
			if d, ok := f.sendAsked(at, a, i+1, from, until); ok {
				return d, true
			}
		}
	}
	return Decision{}, false
}

// askedFrom is from when an order may be tried (again); open is false once it has left,
// or may have left, or was tried often enough.
func (f *Facts) askedFrom(n int, at time.Time) (from time.Time, open bool) {
	tries := 0
	from = at
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Account != f.Account || c.Step != StepAsked || c.Round != n || c.State == ContactCancelled {
			continue
		}
		if c.counts() || c.State == ContactReserved || c.State == ContactFailed && c.Permanent {
			return from, false
		}
		tries++
		from = later(from, c.RetryAt)
	}
	return from, tries < askedTries
}

// sendAsked decides over one order, as of the instant from which it may be tried.
func (f *Facts) sendAsked(at time.Time, a *AskedState, n int, from, until time.Time) (Decision, bool) {
	lines := f.alongNow(at)
	d := Decision{Verb: VerbSend, Step: StepAsked, Round: n, WakeAt: from, Waiting: "asked", Items: lines, Total: f.total(lines)}
	if len(lines) == 0 || d.Total.Minor() <= 0 {
		return d, false
	}
	d.Contact = &ContactPlanned{Step: StepAsked, Round: n, Channel: a.Channel, Template: a.Template}
	if from.After(at) {
		return d, true
	}
	if rule, free, held := f.heldContact(at); held {
		d.WakeAt, d.Rule = free, rule
		return d, !free.IsZero() && free.Before(until)
	}
	q := f.Query(at, a.Channel, purposeOf(StepAsked), false)
	v := f.askGate(&d, q)
	if !v.Allowed {
		d.WakeAt, d.Rule = v.NotBefore, v.Rule
		return d, !v.NotBefore.IsZero() && v.NotBefore.After(at) && v.NotBefore.Before(until)
	}
	d.Waiting = ""
	d.Contact = f.plan(d, &Step{ID: StepAsked}, 0, 0, Channeled{Channel: a.Channel, Template: a.Template})
	d.Contact.Automatic = false
	return d, true
}

// askGate asks the policies and keeps the question with the decision where decisions are
// recorded.
func (f *Facts) askGate(d *Decision, q contact.Query) contact.Verdict {
	if !f.Record {
		return f.Policies.Check(q)
	}
	asked := f.checked(q)
	d.Checks = append(d.Checks, asked)
	return asked.Verdict
}
