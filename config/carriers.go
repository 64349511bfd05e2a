package config

import (
	"fmt"
	"slices"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/condition"
)

// carrierCountries are those whose carriers' terms are kept as packs.
var carrierCountries = []string{"US", "CA"}

// checkCarriers refuses steps that can never be taken: an entry on a channel
// that a rule forbids to the creditor's role, for debtors that its sequence
// may reach, without another way beside it. With one, the gate calls the entry
// impossible and the other way is taken.
func (l *loader) checkCarriers() {
	for _, f := range l.sequences {
		for _, cr := range l.cfg.creditors {
			for _, country := range carrierCountries {
				if works(cr, country) && reaches(f, cr, country) {
					l.checkBans(f, cr, country)
				}
			}
		}
	}
}

// works reports whether a creditor's debtors are likely to be in a country: it
// sits on that side of the ocean, or its money does. Debtors elsewhere in the
// world are the gate's business, case by case.
func works(cr Creditor, country string) bool {
	home := ZoneCountry(cr.Zone)
	return home == "US" || home == "CA" || cr.Currency == map[string]string{"US": "USD", "CA": "CAD"}[country]
}

// reaches is false where applies_when excludes the creditor or the country.
func reaches(f *sequenceFile, cr Creditor, country string) bool {
	when, ok := conditionOf(f)
	if !ok {
		return false // a condition with faults is reported for those
	}
	here, faults := condition.Compile(fmt.Sprintf("creditor.id == %q && debtor.country == %q", cr.ID, country), condition.Options{})
	return len(faults) > 0 || !condition.Disjoint(when, here)
}

func (l *loader) checkBans(f *sequenceFile, cr Creditor, country string) {
	c := carrierCheck{l: l, f: f, cr: cr, country: country}
	for i := range f.spec.Steps {
		at, step := fmt.Sprintf("steps[%d]", i), &f.spec.Steps[i]
		c.entries(at+".send", step.Send, step.Complete)
		if step.OfferPlan != nil {
			c.entries(at+".offer_plan.send", step.OfferPlan.Send, step.Complete)
		}
	}
	if paid := f.spec.On.Paid; paid != nil {
		c.entries("on.paid.send", paid.Send, "")
	}
}

// carrierCheck is one sequence for one creditor's debtors in one country.
type carrierCheck struct {
	l       *loader
	f       *sequenceFile
	cr      Creditor
	country string
}

func (c *carrierCheck) bans(e EntrySpec) []contact.Ban {
	ch, _ := channelOf(e)
	return c.l.cfg.policies.Bans(c.cr.Role, string(ch), c.country)
}

// open reports whether one of the entries, or of their else, can leave.
func (c *carrierCheck) open(list []EntrySpec) bool {
	return slices.ContainsFunc(list, func(e EntrySpec) bool { return len(c.bans(e)) == 0 || c.open(e.Else) })
}

// entries reports those that are banned and have no other way.
func (c *carrierCheck) entries(path string, list []EntrySpec, complete string) {
	if complete == string(dunning.CompleteAny) && c.open(list) {
		return
	}
	for i, e := range list {
		if bans := c.bans(e); len(bans) > 0 && !c.open(e.Else) {
			ch, _ := channelOf(e)
			c.fault(fmt.Sprintf("%s[%d].%s", path, i, ch), ch, bans[0])
		}
	}
}

// fault is reported once a place, whoever else it is true for.
func (c *carrierCheck) fault(at string, ch dunning.Channel, b contact.Ban) {
	key := c.f.doc.File + " " + at
	if c.l.banned[key] {
		return
	}
	if c.l.banned == nil {
		c.l.banned = map[string]bool{}
	}
	c.l.banned[key] = true
	c.f.doc.Fault(at,
		fmt.Sprintf("%s cannot be sent for creditor %q (%s) to debtors in %s, and there is no other way: %s (%s: %s)",
			ch, c.cr.ID, c.cr.Role, c.country, b.Title, b.Rule, b.Citation),
		fmt.Sprintf("add one, such as else: [{email: …}], or keep the creditor out with applies_when: creditor.id != %q", c.cr.ID))
}
