package dunning

import (
	"slices"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Checked is the record of one question to the contact policies and of its
// answer: enough to ask again, and to show why. It holds ids, codes and
// instants; words are rendered when someone reads it. The debtor's version of
// the decision and the versions stored with it complete it.
type Checked struct {
	Channel   Channel  `json:"channel"`
	Purpose   string   `json:"purpose,omitempty"`
	Automated bool     `json:"automated,omitempty"`
	Point     string   `json:"point,omitempty"`
	PointKind string   `json:"point_kind,omitempty"`
	Person    string   `json:"person,omitempty"`   // "" = the debtor
	Relation  string   `json:"relation,omitempty"` // to the debtor
	Role      string   `json:"role,omitempty"`     // in which the creditor collects
	Debts     []string `json:"debts,omitempty"`    // accounts
	Reading   string   `json:"reading"`            // of rules that the law leaves open: strict or literal

	Zones  []Candidate `json:"zones,omitempty"`  // on whose clocks it was judged; none: no evidence at all
	Places []Candidate `json:"places,omitempty"` // whose law was taken

	Verdict contact.Verdict     `json:"verdict"`
	Rules   []contact.RuleTrace `json:"rules,omitempty"`   // that refused, counted, or allowed by an exception
	Allowed []string            `json:"allowed,omitempty"` // the other rules that applied, in order
	Facts   []string            `json:"facts,omitempty"`   // what was looked at beside contacts: kind:id@version
}

// Candidate is a zone or jurisdiction with what points there.
type Candidate struct {
	Name     string `json:"name"`
	Evidence string `json:"evidence,omitempty"`
}

// Check asks the contact policies about a contact at an instant and records the
// question with the answer.
func (f *Facts) Check(at time.Time, a Ask) Checked {
	return f.checked(f.Asked(at, a))
}

func (f *Facts) checked(q contact.Query) Checked {
	c := Checked{
		Channel: Channel(q.Channel), Purpose: q.Purpose, Automated: q.Automated, Point: q.Point.ID, PointKind: q.Point.Kind,
		Relation: q.Relation, Role: q.Role, Reading: contact.Strict, Verdict: f.Policies.Check(q), Facts: f.lookedAt(q.Point.ID),
	}
	if q.Ambiguity == contact.Literal {
		c.Reading = contact.Literal
	}
	if q.Person != person {
		c.Person = q.Person
	}
	for _, d := range q.Debts {
		c.Debts = append(c.Debts, d.ID)
	}
	for _, z := range q.Zones {
		c.Zones = append(c.Zones, Candidate{z.Name, z.Evidence})
	}
	for _, p := range q.Places {
		c.Places = append(c.Places, Candidate{p.Jurisdiction, p.Evidence})
	}
	for _, t := range f.Policies.Trace(q) {
		c.trace(t)
	}
	return c
}

// trace keeps what a rule said; of a rule that just allows, its id is enough.
func (c *Checked) trace(t contact.RuleTrace) {
	for i := range t.Counters {
		k := &t.Counters[i]
		k.Excluded = slices.DeleteFunc(k.Excluded, elsewhere)
	}
	if t.Code != "" || t.Exception != "" || t.Count > 0 || looked(t.Counters) {
		if len(t.Counters) > 0 {
			t.Contacts = nil // the counters name them, debt by debt
		}
		c.Rules = append(c.Rules, t)
		return
	}
	if !slices.Contains(c.Allowed, t.Rule) {
		c.Allowed = append(c.Allowed, t.Rule)
	}
}

// elsewhere reports whether a contact was left out because it lies outside of the
// window or is not of the kind at all: that needs no basis, and there may be hundreds.
func elsewhere(x contact.Exclusion) bool {
	return x.Why == contact.WhyDate || x.Why == contact.WhyChannel || x.Why == contact.WhyInbound
}

// looked reports whether there was anything to count.
func looked(counters []contact.Counter) bool {
	return slices.ContainsFunc(counters, func(c contact.Counter) bool { return len(c.Counted)+len(c.Excluded) > 0 })
}

// lookedAt names the facts, other than contacts and items, that a question about
// a point was answered by.
func (f *Facts) lookedAt(point string) []string {
	var out []string
	add := func(ref string) {
		if ref != "" {
			out = append(out, ref)
		}
	}
	for i := range f.Points {
		if f.Points[i].ID == point {
			add(f.Points[i].ref)
		}
	}
	for i := range f.OptOuts {
		add(f.OptOuts[i].ref)
	}
	for i := range f.Consents {
		add(f.Consents[i].ref)
	}
	for i := range f.Times {
		add(f.Times[i].ref)
	}
	for i := range f.Wishes {
		add(f.Wishes[i].ref)
	}
	for i := range f.Notices {
		add(f.Notices[i].ref)
	}
	for i := range f.Checks {
		if f.Checks[i].Point == point {
			add(f.Checks[i].ref)
		}
	}
	return append(out, f.statesLookedAt()...)
}

// statesLookedAt names what is known of the debtor's status, people and debts.
func (f *Facts) statesLookedAt() []string {
	var out []string
	for i := range f.Statuses {
		out = append(out, f.Statuses[i].ref)
	}
	for i := range f.Holds {
		if h := &f.Holds[i]; statusOfHold[h.HoldKind] != "" || h.HoldKind == HoldCease {
			out = append(out, h.ref)
		}
	}
	for i := range f.Persons {
		out = append(out, f.Persons[i].ref)
	}
	for i := range f.Debts {
		out = append(out, f.Debts[i].ref)
	}
	if f.locationRef != "" {
		out = append(out, f.locationRef)
	}
	return out
}
