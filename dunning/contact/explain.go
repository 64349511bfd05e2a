package contact

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// find the rule that a reason came from, by id and part.
func (s Set) find(id, part string) *rule {
	for i := range s {
		for j := range s[i].rules {
			r := &s[i].rules[j]
			if r.part == part && (r.id == id || r.kind == kHours && r.spec.Hours.Differ == id) {
				return r
			}
		}
	}
	return nil
}

// Citation of a rule: the provision or house decision it comes from. Empty
// when the set has no such rule.
func (s Set) Citation(rule string) string {
	for i := range s {
		if text := s[i].cites[rule]; text != "" {
			return text
		}
		for j := range s[i].rules {
			r := &s[i].rules[j]
			if r.id == rule {
				return r.spec.Citation
			}
		}
	}
	return ""
}

// Rank is the place of a rule in the set, for ordered lists; rules the set
// does not have come last.
func (s Set) Rank(rule string) int {
	n := 0
	for i := range s {
		for j := range s[i].rules {
			if s[i].rules[j].id == rule {
				return n
			}
			n++
		}
	}
	return n
}

// Explain says in plain words why the verdict is what it is: each rule that
// refused with its citation, remarks, from when the answer could be yes, the
// candidate zones and places, and what every applicable rule said with the ids
// of the contacts that counted. It holds no personal data.
func (s Set) Explain(q Query, v Verdict) string {
	var b strings.Builder
	if v.Allowed {
		fmt.Fprintf(&b, "Allowed: %s at %s.\n", q.Channel, local(q, q.At))
		if v.Rule != "" {
			fmt.Fprintf(&b, "It relies on the exception %s (%s).\n", v.Rule, orNone(s.Citation(v.Rule)))
		}
	} else {
		fmt.Fprintf(&b, "Refused: %s at %s.\n", q.Channel, local(q, q.At))
	}
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "- %s (%s): %s\n", orNone(r.Rule), orNone(s.Citation(r.Rule)), s.Text(q, r))
	}
	for _, r := range v.Warn {
		fmt.Fprintf(&b, "- Remark, %s (%s): %s\n", r.Rule, orNone(s.Citation(r.Rule)), s.Text(q, r))
	}
	switch {
	case v.Allowed:
	case v.NotBefore.IsZero():
		b.WriteString("Waiting does not help: something new must happen first.\n")
	default:
		fmt.Fprintf(&b, "Earliest, if nothing else happens: %s.\n", local(q, v.NotBefore))
	}
	s.evidence(&b, q)
	b.WriteString("Rules that applied:\n")
	s.traced(&b, q)
	return b.String()
}

// RuleTrace is what one applicable rule said: Code is empty where it allows.
type RuleTrace struct {
	Pack      string    `json:"pack"`
	Rule      string    `json:"rule"`
	Part      string    `json:"part,omitempty"`
	Code      Code      `json:"code,omitempty"`
	Exception string    `json:"exception,omitempty"` // id of the exception that it allows by
	NotBefore time.Time `json:"not_before,omitzero"`
	Count     int       `json:"count,omitempty"` // counted so far, where the rule counts
	Limit     int       `json:"limit,omitempty"`
	Days      int       `json:"days,omitempty"`
	Contacts  []string  `json:"contacts,omitempty"` // ids of the ledger rows that were counted
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
		code, nb := c.eval(r, c.at)
		t := RuleTrace{Pack: s.pack(r), Rule: r.id, Part: r.part, Code: code, Exception: c.used}
		if code != "" {
			t.NotBefore = instantOf(nb)
		}
		t.Limit, t.Days = r.numbers()
		if r.kind == kCount {
			t.Contacts = c.countedIDs(r)
			t.Count = len(t.Contacts)
		}
		out = append(out, t)
	}
	return out
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

// countedIDs are the ledger rows inside the rule's window, about any of the
// debts.
func (c *check) countedIDs(r *rule) []string {
	look := c.tally(r, c.debtBits(r), c.cal.date(c.at))
	var ids []string
	for i := range c.rows {
		if w := &c.rows[i]; look.counts(c, w) {
			ids = append(ids, c.q.Ledger[w.index].ID)
		}
	}
	return ids
}

// traced writes the rules that applied, one a line.
func (s Set) traced(b *strings.Builder, q Query) {
	for _, t := range s.Trace(q) {
		said := "allows"
		switch {
		case t.Code != "":
			said = "refuses, " + string(t.Code)
		case t.Exception != "":
			said = "allows by the exception " + t.Exception
		}
		fmt.Fprintf(b, "  %s %s", t.Pack, t.Rule)
		if t.Part != "" {
			fmt.Fprintf(b, " (%s)", t.Part)
		}
		fmt.Fprintf(b, ": %s", said)
		if t.Limit > 0 && t.Days > 0 {
			fmt.Fprintf(b, "; %d of %d in %d dates", t.Count, t.Limit, t.Days)
		}
		if len(t.Contacts) > 0 {
			fmt.Fprintf(b, " [%s]", strings.Join(t.Contacts, " "))
		}
		b.WriteString("\n")
	}
}

// evidence lists what the verdict was taken from.
func (s Set) evidence(b *strings.Builder, q Query) {
	for _, z := range q.Zones {
		fmt.Fprintf(b, "Zone %s, from %s.\n", z.Name, orNone(z.Evidence))
	}
	for _, p := range q.Places {
		fmt.Fprintf(b, "Law of %s, from %s.\n", p.Jurisdiction, orNone(p.Evidence))
	}
	reading := Strict
	if q.Ambiguity == Literal {
		reading = Literal
	}
	fmt.Fprintf(b, "Reading: %s.", reading)
	for _, v := range s.Versions() {
		fmt.Fprintf(b, " %s %s.", v.Pack, v.Version)
	}
	b.WriteString("\n")
}

func orNone(s string) string {
	if s == "" {
		return "no citation"
	}
	return s
}

// local writes an instant in the person's first zone.
func local(q Query, t time.Time) string {
	loc := time.UTC
	if len(q.Zones) > 0 && q.Zones[0].Location != nil {
		loc = q.Zones[0].Location
	}
	return t.In(loc).Format("Mon 2006-01-02 15:04:05 MST")
}

// Text renders one reason in a sentence.
func (s Set) Text(q Query, r Reason) string {
	rule := s.find(r.Rule, r.Part)
	var title string
	if rule != nil {
		title = rule.spec.Title
	}
	text := sentence(q, r)
	if title != "" {
		text = title + ": " + text
	}
	if !r.NotBefore.IsZero() {
		text += " Free from " + local(q, r.NotBefore) + "."
	}
	return text
}

// plain sentences of codes that need no numbers.
var plain = map[Code]string{
	CodeChannel:     "The channel is not known, so nothing may be sent on it.",
	CodeRole:        "It is not known whether the collector is a first or a third party; set the creditor's role.",
	CodeNoZone:      "No time zone of the person is known, so hours cannot be kept; add an address, a phone number or a zone.",
	CodeWishPlace:   "The person called this place inconvenient.",
	CodeWishWork:    "The person asked not to be called at work.",
	CodeConsent:     "The consent that is needed is not on file.",
	CodeOptOut:      "The person opted out of this channel or address.",
	CodeHold:        "A hold on the person or debt forbids it.",
	CodeCease:       "The person asked in writing to cease contact, or refused in writing to pay.",
	CodeDispute:     "The debt was disputed in writing in time, and no verification has been sent since.",
	CodeNoNotice:    "The notice that must come first is not on file.",
	CodeEmailNotice: "The time to object to the use of this address has not passed, or the person objected.",
	CodeReassigned:  "The number is reported to belong to someone else now.",
	CodeContent:     "The content lacks something required or has something forbidden.",
	CodeOvershadow:  "It demands payment before the validation period ends.",
	CodeThird:       "This is not a person with whom the debt may be discussed.",
	CodeLocation:    "Location contact with this person is used up, or an attorney is known.",
	CodeForbidden:   "This medium is not allowed at all.",
	CodeCharge:      "The charge is not owed, not yet owed, or too high.",
}

func sentence(q Query, r Reason) string {
	if p, ok := plain[r.Code]; ok {
		return p
	}
	switch r.Code {
	case CodePoint:
		return fmt.Sprintf("This number or address cannot be used (%s).", orNone(r.Fact))
	case CodeHours:
		return clocks(q) + " is outside the permitted hours."
	case CodeHoursZones:
		return clocks(q) + " must be inside the permitted hours in every one of them."
	case CodeWishTime:
		return clocks(q) + " is a time the person called inconvenient."
	case CodeCount:
		return fmt.Sprintf("%d counted in the last %d dates; the limit is %d.", r.Count, r.Days, r.Limit)
	case CodeRun:
		return fmt.Sprintf("%d or more a day on each of the last %d dates.", r.Limit, r.Days)
	case CodeSilence:
		return fmt.Sprintf("There was a conversation (%s); %d dates of silence follow.", orNone(r.Fact), r.Days)
	case CodeGap:
		return gapText(r)
	case CodeNoticeWait:
		return fmt.Sprintf("The notice was sent, but %d days have not passed.", r.Days)
	case CodeStaleNumber:
		return fmt.Sprintf("No text from the number, number check or direct consent in the last %d days.", r.Days)
	case CodeConfirmation:
		return fmt.Sprintf("An opt-out is confirmed once, within %d minutes.", r.Limit)
	}
	return string(r.Code)
}

func gapText(r Reason) string {
	if r.Days > 0 {
		return fmt.Sprintf("The last contact (%s) was less than %d local dates ago.", r.Fact, r.Days)
	}
	return fmt.Sprintf("The last contact (%s) was less than %d minutes ago.", r.Fact, r.Limit)
}

// clocks writes the query's instant on the clock of every candidate zone.
func clocks(q Query) string {
	var parts []string
	for _, z := range q.Zones {
		if z.Location == nil {
			continue
		}
		if text := q.At.In(z.Location).Format("15:04:05") + " in " + z.Location.String(); !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "The time"
	}
	return strings.Join(parts, ", ")
}
