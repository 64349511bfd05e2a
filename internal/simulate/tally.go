package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Count is how often something occurred.
type Count struct {
	Key string `json:"key"`
	N   int    `json:"n"`
}

// Cost is what contacts cost, in pieces and not in money: prices are a matter of contracts.
type Cost struct {
	Segments int `json:"sms_segments"` // of all text messages, as the templates come out for an invented debtor
	Letters  int `json:"letters"`
	Emails   int `json:"emails"`
	Calls    int `json:"calls"` // call tasks: each is a person's time
}

// StepTotal is what came of one step of a sequence. Instants are zero without a contact.
type StepTotal struct {
	Sequence string    `json:"sequence"`
	Step     string    `json:"step"`
	Contacts int       `json:"contacts"`
	Channels []Count   `json:"channels"` // of contacts, by channel
	Refused  []Count   `json:"refused"`  // matured contacts that a rule put off, by rule
	Tasks    int       `json:"tasks"`    // calls, escalations and others
	Cost     Cost      `json:"cost"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
}

// Totals are what came of many lives. Lists are ordered: steps by sequence and place in
// it, counts by their key.
type Totals struct {
	Accounts int         `json:"accounts"`
	Contacts int         `json:"contacts"`
	Channels []Count     `json:"channels"`
	Refused  []Count     `json:"refused"` // by rule
	Events   []Count     `json:"events"`  // all kinds of event
	Closed   []Count     `json:"closed"`  // cases closed, by reason
	Cost     Cost        `json:"cost"`
	Steps    []StepTotal `json:"steps"`
	First    time.Time   `json:"first,omitzero"`
	Last     time.Time   `json:"last,omitzero"`
}

// Tally adds lives up, one after another, and keeps none of them.
type Tally struct {
	// Segments is how many SMS segments a template comes to for a debtor; nil: one each.
	Segments func(c dunning.ContactPlanned, locale string) int

	accounts                          int
	channels, refused, events, closed map[string]int
	steps                             map[stepKey]*stepSum
}

type stepKey struct{ sequence, step string }

type stepSum struct {
	StepTotal
	place             int
	channels, refused map[string]int
}

// Add counts what happened in a life.
func (t *Tally) Add(l Life) {
	if t.steps == nil {
		t.channels, t.refused, t.events, t.closed = map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
		t.steps = map[stepKey]*stepSum{}
	}
	t.accounts++
	follows := t.follower(l)
	planned := plannedIn(l)
	for _, e := range l.Events() {
		t.event(follows(e.At, e.Step), e)
	}
	left := map[string]bool{}
	for _, x := range l.Facts {
		m, ok := x.Body.(dunning.ContactMoved)
		if !ok || m.State != dunning.ContactAccepted || left[m.ID] || x.Account != l.Final.Account {
			continue
		}
		left[m.ID] = true
		p := planned[m.ID]
		t.contact(follows(x.At, p.Step), p, l.Final.Known.Locale, x.At)
	}
}

func plannedIn(l Life) map[string]dunning.ContactPlanned {
	out := map[string]dunning.ContactPlanned{}
	for _, c := range l.Final.Contacts {
		out[c.ID] = c.ContactPlanned
	}
	return out
}

// follower says which sequence the account followed at an instant, and the row of a step.
func (t *Tally) follower(l Life) func(at time.Time, step string) *stepSum {
	type since struct {
		at  time.Time
		seq string
	}
	var chain []since
	for _, x := range l.Facts {
		if o, ok := x.Body.(dunning.CaseOpened); ok && x.Account == l.Final.Account {
			chain = append(chain, since{x.At, o.Sequence})
		}
	}
	last := ""
	if l.Final.Sequence != nil {
		last = l.Final.Sequence.ID
	}
	return func(at time.Time, step string) *stepSum {
		seq := last
		for i := range chain {
			if !chain[i].at.After(at) || i == 0 {
				seq = chain[i].seq
			}
		}
		return t.row(l, seq, step)
	}
}

func (t *Tally) row(l Life, sequence, step string) *stepSum {
	k := stepKey{sequence, step}
	s := t.steps[k]
	if s == nil {
		s = &stepSum{StepTotal: StepTotal{Sequence: sequence, Step: step}, channels: map[string]int{}, refused: map[string]int{}, place: 1 << 20}
		if l.Final.Sequence != nil && l.Final.Sequence.ID == sequence && step != "" {
			s.place = l.Final.Sequence.StepIndex(step)
		}
		t.steps[k] = s
	}
	return s
}

func (t *Tally) event(s *stepSum, e dunning.Event) {
	t.events[e.Kind]++
	switch e.Kind {
	case "closed":
		t.closed[e.Reason]++
	case "deferred":
		t.refused[e.Rule]++
		s.refused[e.Rule]++
	case "task", "escalated":
		s.Tasks++
		if e.Reason == string(dunning.TaskCall) {
			s.Cost.Calls++
		}
	}
}

func (t *Tally) contact(s *stepSum, p dunning.ContactPlanned, locale string, at time.Time) {
	t.channels[string(p.Channel)]++
	s.channels[string(p.Channel)]++
	s.Contacts++
	if s.First.IsZero() || at.Before(s.First) {
		s.First = at
	}
	if at.After(s.Last) {
		s.Last = at
	}
	switch p.Channel {
	case dunning.Letter:
		s.Cost.Letters++
	case dunning.Email:
		s.Cost.Emails++
	case dunning.SMS:
		n := 1
		if t.Segments != nil {
			n = t.Segments(p, locale)
		}
		s.Cost.Segments += n
	}
}

// Totals is the sum so far.
func (t *Tally) Totals() Totals {
	out := Totals{
		Accounts: t.accounts, Channels: counts(t.channels), Refused: counts(t.refused), Events: counts(t.events), Closed: counts(t.closed), Steps: []StepTotal{},
	}
	rows := slices.SortedFunc(maps.Values(t.steps), func(a, b *stepSum) int {
		return cmp.Or(strings.Compare(a.Sequence, b.Sequence), cmp.Compare(a.place, b.place), strings.Compare(a.Step, b.Step))
	})
	for _, s := range rows {
		s.Channels, s.Refused = counts(s.channels), counts(s.refused)
		out.add(s.StepTotal)
	}
	return out
}

// add takes a step's row over, unless nothing came of it.
func (o *Totals) add(s StepTotal) {
	if s.Contacts == 0 && s.Tasks == 0 && len(s.Refused) == 0 {
		return
	}
	o.Steps = append(o.Steps, s)
	o.Contacts += s.Contacts
	o.Cost.Segments += s.Cost.Segments
	o.Cost.Letters += s.Cost.Letters
	o.Cost.Emails += s.Cost.Emails
	o.Cost.Calls += s.Cost.Calls
	if !s.First.IsZero() && (o.First.IsZero() || s.First.Before(o.First)) {
		o.First = s.First
	}
	if s.Last.After(o.Last) {
		o.Last = s.Last
	}
}

func counts(m map[string]int) []Count {
	out := make([]Count, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Count{k, m[k]})
	}
	return out
}
