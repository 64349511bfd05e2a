package dunning

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lapse is a stretch of business time of which the records may be lost: the database was
// restored to its beginning, and at its end that was noticed. What left within it left by
// rules, at instants that follow from the facts of before, under ids that follow from them:
// so it can be looked for.
type Lapse struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Closed is when a person said that all is put right; zero: not yet. Cases that open
	// after it were not open in the lapse.
	Closed time.Time `json:"closed,omitzero"`
}

// Missing is a contact that may have been handed over within a lapse, though no record
// says so.
type Missing struct {
	Contact ContactPlanned
	// At is when it would have been handed over, had everything run.
	At time.Time
	// Known: the records have it as reserved. Else Made are the decisions that would have
	// led to it: what became true by itself before, and last the one that allows it.
	Known bool
	Made  []Decision
}

// triesLookedFor are how many hand-overs of one contact are looked for: one that the provider
// refused was tried again under the next id.
const triesLookedFor = 3

// Tries are the contact and, where the provider may have refused it, those by which it
// would have been tried again.
func (m Missing) Tries() []ContactPlanned {
	out := []ContactPlanned{m.Contact}
	at := strings.LastIndex(m.Contact.ID, "/")
	if m.Known || at < 0 {
		return out
	}
	for range triesLookedFor - 1 {
		next := out[len(out)-1]
		next.Ordinal++
		next.ID = m.Contact.ID[:at+1] + strconv.Itoa(next.Ordinal)
		out = append(out, next)
	}
	return out
}

// maxLooks bounds how often a case is looked at within a lapse: often enough for one that
// looks every day for years.
const maxLooks = 2000

// Missing is the first contact of the case that may have left within a lapse, by all that
// is known now. None while one is in doubt already: no later one can have left before it
// was settled. What a person or a provider said within the lapse is to be entered again;
// until then it is not reckoned with: see MissingNow.
func (f Facts) Missing(l Lapse) (Missing, bool, error) {
	if !f.livedIn(l) {
		return Missing{}, false, nil
	}
	if m, found, doubt := f.missingReserved(l); found || doubt {
		return m, found, nil
	}
	return f.missingPlanned(l)
}

// MissingNow is the contact that is due at an instant, if the case lived within a lapse and
// so may have handed it over then, earlier than Missing knows: had a person ended a task or
// lifted a hold. Only a provider's own record of it is proof of that.
func (f Facts) MissingNow(l Lapse, at time.Time) (Missing, bool, error) {
	if !f.livedIn(l) {
		return Missing{}, false, nil
	}
	if _, found, doubt := f.missingReserved(l); found || doubt {
		return Missing{}, false, nil
	}
	_, made, err := Settle(f, at)
	if err != nil {
		return Missing{}, false, err
	}
	d := made[len(made)-1]
	if !d.handsOver() {
		return Missing{}, false, nil
	}
	return Missing{Contact: *d.Contact, At: at, Made: made}, true, nil
}

// livedIn reports whether the case may have been led within a lapse. One that was opened
// after it was noticed may have been opened within it as well, and forgotten.
func (f *Facts) livedIn(l Lapse) bool {
	return f.CaseOpen && (l.Closed.IsZero() || !f.CaseSince.After(l.Closed))
}

// Reckoned are those facts of a history from which Missing may conclude: once a person has said
// that all is put right, nothing that is learnt later was forgotten, so what it brings about did
// not leave in the lapse. What became of contacts always counts.
func (l Lapse) Reckoned(history []Fact) []Fact {
	if l.Closed.IsZero() {
		return history
	}
	return slices.DeleteFunc(slices.Clone(history), func(x Fact) bool {
		switch x.Body.(type) {
		case ContactPlanned, ContactMoved:
			return false
		}
		return x.At.After(l.Closed)
	})
}

// missingReserved finds what the records leave on the way out.
func (f *Facts) missingReserved(l Lapse) (m Missing, found, doubt bool) {
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Case != f.Case || c.Logged != nil {
			continue
		}
		switch c.State {
		case ContactSending, ContactUnknown:
			return m, false, true
		case ContactReserved:
			if c.Reserved.Before(l.Until) && !found {
				m, found = Missing{Contact: c.ContactPlanned, At: later(c.Reserved, l.Since), Known: true}, true
			}
		}
	}
	return m, found, false
}

// missingPlanned lives the case through the lapse until it would hand something over.
// People are taken to have done nothing: their tasks ran out.
func (f Facts) missingPlanned(l Lapse) (Missing, bool, error) {
	var made []Decision
	at := l.Since
	for range maxLooks {
		if !at.Before(l.Until) {
			return Missing{}, false, nil
		}
		g, some, err := Settle(f, at)
		if err != nil {
			return Missing{}, false, fmt.Errorf("living the lapse again: %w", err)
		}
		last := len(some) - 1
		d := some[last]
		made, f = append(made, some[:last]...), g
		switch {
		case d.handsOver():
			return Missing{Contact: *d.Contact, At: at, Made: append(made, d)}, true, nil
		case d.Due() && d.asksPeople():
			made = append(made, d)
			if f, err = f.Apply(d.Effects); err != nil {
				return Missing{}, false, fmt.Errorf("living the lapse again: %w", err)
			}
		case !d.WakeAt.After(at): // due and for good, or never
			return Missing{}, false, nil
		default:
			at = d.WakeAt
		}
	}
	return Missing{}, false, nil
}

// handsOver reports whether carrying a decision out hands a contact to a provider.
func (d Decision) handsOver() bool {
	return d.Due() && d.Contact != nil && d.Contact.ID != "" && (d.Verb == VerbSend || d.Verb == VerbOffer)
}

// asksPeople reports whether a decision opens something that people, or time, end again.
func (d Decision) asksPeople() bool {
	switch d.Verb {
	case VerbCall, VerbEscalate, VerbTask, VerbOffer:
		return len(d.Effects) > 0
	}
	return false
}

// restoredPrefix is followed by the end of the lapse, in milliseconds.
const restoredPrefix = "restored:"

// Code is that of a hand-over of which only is known that it may have been made within the
// lapse.
func (l Lapse) Code() string { return restoredPrefix + strconv.FormatInt(l.Until.UnixMilli(), 10) }

// MayHaveLeftUntil reads from the code of a hand-over in doubt until when it may have been
// made; false when it was made at its instant, or not at all.
func MayHaveLeftUntil(code string) (time.Time, bool) {
	ms, ok := strings.CutPrefix(code, restoredPrefix)
	n, err := strconv.ParseInt(ms, 10, 64)
	return time.UnixMilli(n).UTC(), ok && err == nil
}

// reservation is that of a missing contact, by a decision of that id, at the instant at
// which it would have been made; none when the records have it.
func (f *Facts) reservation(m Missing, decision string) []Fact {
	if m.Known {
		return nil
	}
	c := m.Contact
	c.Decision = decision
	return []Fact{f.fact(m.At, c)}
}

// Recalled are the facts that evidence about a missing contact makes true, once its
// decisions are stored, the last under an id: that it was handed over at the instant at
// which it would have been, and that the provider took it then, or did not, or that nobody
// can tell: then it is unknown from now (at), like any other hand-over without an answer.
func (f Facts) Recalled(m Missing, decision string, e Evidence, l Lapse, at time.Time) ([]Fact, error) {
	code := l.Code()
	out := append(f.reservation(m, decision), f.fact(m.At, ContactMoved{ID: m.Contact.ID, State: ContactSending, Code: code}))
	if e.Found != EvidenceAccepted && e.Found != EvidenceNotAccepted {
		return append(out, f.fact(at, ContactMoved{
			ID: m.Contact.ID, State: ContactUnknown, Code: code, Deadline: at.Add(EvidenceFor(m.Contact.Channel)),
		})), nil
	}
	g, err := f.Apply(slices.Clone(out))
	if err != nil {
		return nil, err
	}
	if e.Found == EvidenceAccepted {
		took := ContactMoved{ID: m.Contact.ID, ProviderID: e.ProviderID, Code: e.Code, Waits: e.Waits}
		return append(out, g.noticed(g.accepted(took, m.At))...), nil
	}
	return append(out, g.fact(m.At, ContactMoved{ID: m.Contact.ID, State: ContactFailed, Class: FailedNow, Code: e.Code})), nil
}
