package sampling

import (
	"slices"
	"strings"
)

// UnsureBelow is the confidence, in percent, below which a reading of a reply is unsure.
const UnsureBelow = 80

// Feature is something that makes a row worth a look. Adds is how many tickets it gives.
type Feature struct {
	Code, Title, Why string
	Adds             int
	of               func(Signals, Context) bool
}

// features are all of them, by code. Their weights are part of the algorithm: changing one
// changes its name.
var features = []Feature{
	{
		"after_opt_in", "First contact after a refusal was lifted", "The refusal may have been lifted for another channel, or by mistake.", 6,
		func(s Signals, _ Context) bool { return s.AfterOptIn },
	},
	{
		"agency", "Collected for somebody else", "Third-party collectors are under stricter law.", 2,
		func(s Signals, c Context) bool { return slices.Contains(c.Agencies, s.Creditor) },
	},
	{
		"by_hand", "By a person, not by Duly alone", "People decide what and when; the gate only says whether.", 2,
		func(s Signals, _ Context) bool { return s.ByHand },
	},
	{
		"doubtful", "Nobody was sure that it arrived", "It was unknown or bounced; it counts against every limit all the same.", 2,
		func(s Signals, _ Context) bool { return s.Doubtful },
	},
	{
		"near_limit", "The last contact before a limit, or at it", "One miscount more would have been a violation.", 3,
		func(s Signals, _ Context) bool { return s.NearLimit },
	},
	{
		"own_pack", "A place with a policy pack of its own", "Rules beyond the country's apply.", 2, ownPack,
	},
	{
		"protected", "A debtor under protection", "Hardship, breathing space, bankruptcy, death, a representative, service, a complaint, or a wish to cease.", 6,
		func(s Signals, _ Context) bool { return s.Protected },
	},
	{
		"unsure_reply", "A reply was read with little confidence", "What was read may be the opposite of what was meant.", 4,
		func(s Signals, _ Context) bool { return s.UnsureReply },
	},
}

// Protections are the kinds of hold that protect somebody.
func Protections() []string {
	return []string{"bankruptcy", "breathing_space", "cease", "complaint", "deceased", "hardship", "represented", "servicemember"}
}

// Features lists what weighs, by code.
func Features() []Feature { return slices.Clone(features) }

// Signals are what the journal says of a row, as of the instant the population was frozen.
type Signals struct {
	Creditor    string
	Places      []string // candidate jurisdictions of the debtor
	Protected   bool     // a hold of Protections was placed at or before the row's instant
	NearLimit   bool     // a counting rule was at its limit, or one below it with something counted
	AfterOptIn  bool     // the first contact after a refusal was lifted
	UnsureReply bool     // a reply before it (or the row itself) was read below UnsureBelow, or not at all
	ByHand      bool     // a person ordered, approved or made it
	Doubtful    bool     // it was unknown or bounced
}

// Context is what the configuration said when the population was frozen; it is kept with the
// sample, so that later weighing is by the same.
type Context struct {
	Agencies []string `json:"agencies,omitempty"` // creditors that collect for others, sorted
	Packs    []string `json:"packs,omitempty"`    // jurisdictions below a country that have a pack, sorted
}

func ownPack(s Signals, c Context) bool {
	return slices.ContainsFunc(s.Places, func(p string) bool { return strings.Contains(p, "-") && slices.Contains(c.Packs, p) })
}

// Weigh is the weight of a row and the codes of what gives it: 1 and what each feature adds.
func Weigh(s Signals, c Context) (weight int, risks []string) {
	weight = 1
	for _, f := range features {
		if f.of(s, c) {
			weight += f.Adds
			risks = append(risks, f.Code)
		}
	}
	return weight, risks
}
