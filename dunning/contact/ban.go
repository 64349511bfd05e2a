package contact

import "strings"

// Ban is a rule that forbids a channel outright.
type Ban struct {
	Rule, Title, Citation string
	Jurisdiction          string // of the pack
}

// Bans lists the rules that forbid a channel to collectors of a role anywhere
// in a country, whomever they write to and whatever about: what configuration
// can be refused for before there is a debtor. Rules that depend on more (a
// kind of debt or of point, a purpose, dates, an exception, the reading) are
// left to [Set.Check].
func (s Set) Bans(role, channel, country string) []Ban {
	var out []Ban
	for i := range s {
		p := &s[i]
		if p.jurisdiction != "*" && p.jurisdiction != country && !strings.HasPrefix(country, p.jurisdiction+"-") {
			continue
		}
		for j := range p.rules {
			if r := &p.rules[j]; r.bans(roleBit(role), channelBit(channel)) {
				out = append(out, Ban{r.id, r.spec.Title, r.spec.Citation, p.jurisdiction})
			}
		}
	}
	return out
}

// bans: the rule forbids the channel to the role without any condition.
func (r *rule) bans(role uint8, channel uint16) bool {
	s := r.spec
	return r.kind == kForbid && r.roles&role != 0 && r.chans&channel != 0 && r.to&toDebtor != 0 &&
		r.strict == refuse && r.literal == refuse && r.from == minDate && r.until == maxDate && len(r.except) == 0 && !r.narrow && !s.AutomatedOnly &&
		len(s.Debts)+len(s.Debtors)+len(s.Purposes)+len(s.ExceptPurposes)+len(s.Points)+len(s.ExceptPoints) == 0
}
