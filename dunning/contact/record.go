package contact

import (
	"math/bits"
	"time"
)

// Record is everything a verdict was taken from, in codes and ids: enough to
// show it, and to take it again from the facts it names. It holds no personal
// data and survives JSON.
type Record struct {
	At      time.Time   `json:"at"`
	Reading Ambiguity   `json:"reading"`        // how rules that the law leaves open were read
	Packs   []Version   `json:"packs"`          // every pack of the set, with the calendars in it
	Data    string      `json:"data,omitempty"` // version of the tables behind zones and places
	Zones   []Evidence  `json:"zones"`          // candidate zones, most trusted first
	Places  []Evidence  `json:"places"`         // candidate jurisdictions; none: every pack took part
	Rules   []RuleTrace `json:"rules"`          // every rule that applied and what it said
	Verdict Verdict     `json:"verdict"`
}

// Evidence is a candidate and what on file points to it.
type Evidence struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
}

// RuleTrace is what one applicable rule said: Code is empty where it allows.
type RuleTrace struct {
	Pack      string    `json:"pack"`
	Rule      string    `json:"rule"`
	Part      string    `json:"part,omitempty"`
	Code      Code      `json:"code,omitempty"`
	Warns     bool      `json:"warns,omitempty"`     // it refuses, but only as a remark
	Exception string    `json:"exception,omitempty"` // id of the exception that it allows by
	Fact      string    `json:"fact,omitempty"`      // id of the fact or ledger row that decided, when there is one
	NotBefore time.Time `json:"not_before,omitzero"`
	Count     int       `json:"count,omitempty"` // counted so far, where the rule counts: of the debt with most
	Limit     int       `json:"limit,omitempty"`
	Days      int       `json:"days,omitempty"`
	Contacts  []string  `json:"contacts,omitempty"` // ids of the ledger rows that were counted for any debt
	Counters  []Counter `json:"counters,omitempty"` // debt by debt, with what was left out and why
}

// Counter is what a counting rule counted about one debt, or to the person.
type Counter struct {
	Debt     string      `json:"debt,omitempty"` // empty: over all debts of the person
	From     Date        `json:"from"`           // first and last local date of the window
	To       Date        `json:"to"`
	Counted  []string    `json:"counted,omitempty"`
	Excluded []Exclusion `json:"excluded,omitempty"`
}

// Exclusion is a contact that a counter left out.
type Exclusion struct {
	Contact string `json:"contact"`
	Why     Why    `json:"why"`
}

// Why says in one word why a contact was not counted.
type Why string

// The reasons for leaving a contact out of a count, in the order they are tried.
const (
	WhyCollector Why = "another_collector" // not this collector's
	WhySelf      Why = "itself"            // the asking contact's own reservation
	WhyNotSent   Why = "not_sent"          // proven not to have left
	WhyInbound   Why = "inbound"           // from the person
	WhyPerson    Why = "another_person"
	WhyChannel   Why = "another_channel"
	WhyDate      Why = "before_window"
	WhyFirst     Why = "before_first_conversation"
	WhyDebt      Why = "another_debt"
	WhyPurpose   Why = "purpose"
	WhyPoint     Why = "kind_of_point" // counted elsewhere: at work, or not at work
	WhyOutcome   Why = "outcome"       // never connected, or whatever the rule does not count
	WhyConsent   Why = "consent"       // made under consent to more calls
)

// Record judges the query and keeps what the verdict was taken from.
func (s Set) Record(q Query) Record {
	r := Record{At: q.At, Reading: Strict, Packs: s.Versions(), Data: q.Data, Verdict: s.Check(q), Rules: s.Trace(q)}
	if q.Ambiguity == Literal {
		r.Reading = Literal
	}
	for _, z := range q.Zones {
		r.Zones = append(r.Zones, Evidence{z.Name, z.Evidence})
	}
	for _, p := range q.Places {
		r.Places = append(r.Places, Evidence{p.Jurisdiction, p.Evidence})
	}
	return r
}

// Trace asks every applicable rule at the query's instant and keeps what each
// said, with the ledger rows that counted: the evidence behind a verdict. It
// is empty when the query is refused before any rule is asked.
func (s Set) Trace(q Query) []RuleTrace {
	var c check
	c.query, c.q = q, &c.query
	if c.prepare() != "" {
		return nil
	}
	c.gather(s)
	var out []RuleTrace
	for _, r := range c.active {
		out = append(out, c.trace(s, r))
	}
	return out
}

func (c *check) trace(s Set, r *rule) RuleTrace {
	code, nb := c.eval(r, c.at)
	t := RuleTrace{Pack: s.pack(r), Rule: r.id, Part: r.part, Code: code, Exception: c.used, Fact: c.fact}
	if code != "" {
		t.NotBefore, t.Warns = instantOf(nb), r.effect(c.strict) == warn
	}
	t.Limit, t.Days = r.numbers()
	if r.kind != kCount || !r.points.covers(c.q.Point.Kind) {
		return t
	}
	seen := map[string]bool{}
	for _, k := range c.counters(r) {
		t.Count = max(t.Count, len(k.Counted))
		for _, id := range k.Counted {
			if !seen[id] {
				seen[id] = true
				t.Contacts = append(t.Contacts, id)
			}
		}
		t.Counters = append(t.Counters, k)
	}
	return t
}

func (s Set) pack(r *rule) string {
	for i := range s {
		for j := range s[i].rules {
			if &s[i].rules[j] == r {
				return s[i].id
			}
		}
	}
	return ""
}

// counters of a rule, one a debt, or one for the person.
func (c *check) counters(r *rule) []Counter {
	if r.perPerson || len(c.q.Debts) == 0 {
		return []Counter{c.counter(r, ^uint64(0), "")}
	}
	var out []Counter
	for debts := c.debtBits(r); debts != 0; {
		i := bits.TrailingZeros64(debts)
		debts &^= 1 << i
		out = append(out, c.counter(r, 1<<i, c.q.Debts[i].ID))
	}
	return out
}

func (c *check) counter(r *rule, debt uint64, id string) Counter {
	today := c.cal.date(c.at)
	look := c.tally(r, debt, today)
	k := Counter{Debt: id, From: look.first, To: today}
	rows := map[int32]*row{}
	for i := range c.rows {
		rows[c.rows[i].index] = &c.rows[i]
	}
	for i := range c.q.Ledger {
		l, w := &c.q.Ledger[i], rows[int32(i)]
		if w != nil && look.counts(c, w) {
			k.Counted = append(k.Counted, l.ID)
		} else if why := c.why(r, &look, l, w); why != "" {
			k.Excluded = append(k.Excluded, Exclusion{l.ID, why})
		}
	}
	return k
}

// why a contact was left out. Those more than a window older say nothing, and
// are not listed.
func (c *check) why(r *rule, look *tally, l *Contact, w *row) Why {
	q := c.q
	day := c.cal.date(min(l.At.Unix(), c.at))
	switch {
	case day < look.first-Date(r.spec.Count.Days):
		return ""
	case q.Ignore != "" && l.ID == q.Ignore:
		return WhySelf
	case !q.counts(l) && (l.State == "failed" || l.State == "cancelled"):
		return WhyNotSent
	case !q.counts(l):
		return WhyCollector
	case l.Direction == Inbound:
		return WhyInbound
	case l.Person != "" && l.Person != q.Person && (w == nil || !c.inHousehold(r.spec.Count.With, l)):
		return WhyPerson
	case channelBit(l.Channel)&r.of == 0:
		return WhyChannel
	case day < look.first || w == nil:
		return WhyDate
	}
	return whyNot(r, look, l, w)
}

// whyNot looks at what only rows that a rule may count have.
func whyNot(r *rule, look *tally, l *Contact, w *row) Why {
	switch {
	case w.at <= look.after:
		return WhyFirst
	case (w.debts|look.any)&look.debts == 0:
		return WhyDebt
	case has(r.spec.Count.NotPurposes, l.Purpose):
		return WhyPurpose
	case w.m&look.mask != look.need:
		return WhyPoint
	case w.out&look.out == 0:
		return WhyOutcome
	}
	return WhyConsent
}
