package dunning

import (
	"cmp"
	"time"
)

// EvidenceFor is how long evidence about an unknown hand-over is awaited before the
// step's on_unknown policy decides. A carrier holds a text for up to ten hours and reports
// at once; SendGrid repeats its events for a day; a printer's confirmation may take days.
func EvidenceFor(ch Channel) time.Duration {
	switch ch {
	case SMS:
		return 12 * time.Hour
	case Letter:
		return 72 * time.Hour
	}
	return 24 * time.Hour
}

// Concluded are the facts that a hand-over's outcome makes true at an instant.
//
// Accepted: the contact counts, and an offer that it made is open. Failed: an
// address that can never be reached is dead for all cases; what the sender or
// the text is to blame for waits for a person and may then be tried again;
// anything else is tried again, ever more rarely. Unknown: evidence is awaited.
func (f Facts) Concluded(id string, o Outcome, at time.Time) []Fact {
	return f.noticed(f.concluded(id, o, at))
}

func (f *Facts) concluded(id string, o Outcome, at time.Time) []Fact {
	switch o.State {
	case SendAccepted:
		return f.accepted(ContactMoved{ID: id, ProviderID: o.ProviderID, Code: o.Code, Waits: o.Waits}, at)
	case SendFailed:
		return f.failed(id, o, at)
	}
	var ch Channel
	if c := f.contact(id); c != nil {
		ch = c.Channel
	}
	return []Fact{f.fact(at, ContactMoved{ID: id, State: ContactUnknown, Code: o.Code, Deadline: at.Add(EvidenceFor(ch))})}
}

// accepted are the new state, and the offer that the message made.
func (f *Facts) accepted(m ContactMoved, at time.Time) []Fact {
	m.State = ContactAccepted
	out := []Fact{f.fact(at, m)}
	c := f.contact(m.ID)
	if c == nil || c.State == ContactAccepted {
		return out
	}
	if i := f.Sequence.StepIndex(c.Step); i >= 0 && f.Sequence.Steps[i].Offer != nil && f.openOfferState() == nil && f.lastEntry(c, &f.Sequence.Steps[i]) {
		out = append(out, f.fact(at, f.offer(at, &f.Sequence.Steps[i], c.Round, countedKeys(c.Items))))
	}
	return out
}

// lastEntry reports whether a contact carries the last entry of its step that
// has not left yet.
func (f *Facts) lastEntry(c *ContactFacts, s *Step) bool {
	keys := stepKeys(c.Items, s.ID)
	if s.Complete == CompleteAny || len(keys) == 0 {
		return true
	}
	for i := range s.entries() {
		if i != c.Entry && !f.entryDone(f.item(keys[0]), s, i) {
			return false
		}
	}
	return true
}

func (f *Facts) failed(id string, o Outcome, at time.Time) []Fact {
	m := ContactMoved{ID: id, State: ContactFailed, Class: o.Class, Code: o.Code, Permanent: o.Permanent}
	c := f.contact(id)
	if c == nil {
		return []Fact{f.fact(at, m)}
	}
	switch o.Class {
	case FailedRecipient:
		m.Permanent = true
		if c.Point == "" {
			return []Fact{f.fact(at, m)}
		}
		if consequences[o.Why].refuses {
			return []Fact{f.fact(at, m), f.debtorFact(at, OptedOut{Channel: c.Channel, Told: Told{Medium: string(c.Channel)}})}
		}
		return []Fact{f.fact(at, m), f.debtorFact(at, PointDead{ID: c.Point, Reason: string(cmp.Or(o.Why, Invalid))})}
	case FailedConfig, FailedContent:
		if c.isCourtesy() || c.Step == StepAsked { // never worth a person's time
			return []Fact{f.fact(at, m)}
		}
		m.Permanent = false
		return []Fact{f.fact(at, m), f.fact(at, TaskOpened{
			ID: id + "/failed", Task: TaskFailed, Queue: f.Creditor.Queues.Operations,
			Step: c.Step, Entry: c.Entry, Items: stepKeys(c.Items, c.Step), Contact: id, Reason: string(o.Class) + ":" + o.Code,
		})}
	}
	if !m.Permanent {
		m.RetryAt = at.Add(max(backoff(c.Ordinal), o.RetryAfter))
	}
	return []Fact{f.fact(at, m)}
}

// backoff spaces tries after failures, so that a broken provider is not
// hammered: from a minute to some four hours.
func backoff(ordinal int) time.Duration { return 30 * time.Second << min(max(ordinal, 1), 9) }
