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

// Explain says in plain words why the verdict is what it is: what was asked,
// the candidate zones and places with their evidence, each rule that refused
// with its citation, from when the answer could be yes, and what every
// applicable rule said, with the ids of the contacts that counted and of those
// that did not, and why. It holds no personal data.
func (s Set) Explain(q Query, v Verdict) string {
	var b strings.Builder
	if v.Allowed {
		fmt.Fprintf(&b, "Allowed: %s at %s.\n", channelName(q), local(q, q.At))
		if v.Rule != "" {
			fmt.Fprintf(&b, "It relies on the exception %s (%s).\n", v.Rule, orNone(s.Citation(v.Rule)))
		}
	} else {
		fmt.Fprintf(&b, "Refused: %s at %s.\n", channelName(q), local(q, q.At))
	}
	for _, r := range v.Reasons {
		fmt.Fprintf(&b, "- %s (%s): %s\n", orNone(r.Rule), orNone(s.Citation(r.Rule)), s.Text(q, r))
	}
	for _, r := range v.Warn {
		fmt.Fprintf(&b, "- Remark, %s (%s): %s\n", r.Rule, orNone(s.Citation(r.Rule)), s.Text(q, r))
	}
	switch {
	case v.Allowed:
	case v.Impossible && v.NotBefore.IsZero():
		b.WriteString("Waiting does not help on this channel: something new must happen first, or another channel be used.\n")
	case v.NotBefore.IsZero():
		b.WriteString("Waiting does not help: something new must happen first.\n")
	default:
		fmt.Fprintf(&b, "Earliest, if nothing else happens: %s.\n", local(q, v.NotBefore))
	}
	rec := s.Record(q)
	asked(&b, q)
	evidence(&b, q, rec)
	s.traced(&b, q, rec.Rules)
	versions(&b, rec)
	return b.String()
}

func channelName(q Query) string {
	if q.Channel == "" {
		return "a contact on no channel"
	}
	return strings.ReplaceAll(q.Channel, "_", " ")
}

var (
	relationWords = map[uint8]string{
		toDebtor: "the debtor", toStanding: "someone who stands for the debtor", toThird: "a third person", toProfessional: "a professional",
	}
	roleWords = map[uint8]string{roleFirst: "creditor in its own name", roleThird: "third party", 0: "collector of unknown role"}
)

// asked repeats the question.
func asked(b *strings.Builder, q Query) {
	relation := relationWords[relationBit(q.Relation)]
	fmt.Fprintf(b, "Asked: %s to %s", channelName(q), relation)
	if q.Relation != "" && q.Relation != "debtor" {
		fmt.Fprintf(b, " (%s)", q.Relation)
	}
	if q.Point.ID != "" {
		fmt.Fprintf(b, " at %s (%s)", q.Point.ID, q.Point.kind())
	}
	for i, d := range q.Debts {
		sep := ", "
		if i == 0 {
			sep = " about "
		}
		b.WriteString(sep + d.ID)
		if d.Class != "" {
			fmt.Fprintf(b, " (%s)", d.Class)
		}
	}
	fmt.Fprintf(b, ", purpose: %s", purposeName(q))
	if q.Automated {
		b.WriteString(", automatic")
	}
	fmt.Fprintf(b, ", by a %s.\n", roleWords[roleBit(q.Role)])
}

// purposeName is the purpose in words; one that has none of its own is shown without its
// underscores.
func purposeName(q Query) string {
	if text := purposeWords[q.purpose()]; text != "" {
		return text
	}
	return strings.ReplaceAll(q.purpose(), "_", " ")
}

var purposeWords = map[string]string{
	"collect": "to collect", "location": "to find out where the debtor is", "opt_out_confirmation": "to confirm an opt-out",
	"payment_confirmation": "to confirm a payment", "auto_reply_to_consumer": "to answer what the person wrote",
}

// evidence lists the candidates and what points to each.
func evidence(b *strings.Builder, q Query, rec Record) {
	b.WriteString("Where the person may be:\n")
	if len(rec.Zones) == 0 {
		b.WriteString("  not known: whatever depends on the hour is refused\n")
	}
	for i, z := range rec.Zones {
		clock := ""
		if loc := q.Zones[i].Location; loc != nil {
			clock = q.At.In(loc).Format(", where it is 15:04:05 on Mon 2006-01-02")
		}
		fmt.Fprintf(b, "  %s%s%s\n", z.Name, clock, from(z.From))
	}
	b.WriteString("Whose law may apply:\n")
	if len(rec.Places) == 0 {
		b.WriteString("  not known: every pack takes part\n")
	}
	for _, p := range rec.Places {
		fmt.Fprintf(b, "  %s%s\n", p.Name, from(p.From))
	}
}

func from(evidence string) string {
	if evidence == "" {
		return ""
	}
	return " (" + evidence + ")"
}

// traced writes the rules that applied, one a line, with their counters.
func (s Set) traced(b *strings.Builder, q Query, rules []RuleTrace) {
	if len(rules) == 0 {
		b.WriteString("No rule was asked.\n")
		return
	}
	b.WriteString("Rules that applied:\n")
	for _, t := range rules {
		said := "allows "
		switch {
		case t.Warns:
			said = "remarks"
		case t.Code != "":
			said = "refuses"
		}
		fmt.Fprintf(b, "  %s  %s", said, t.Rule)
		if t.Part != "" {
			fmt.Fprintf(b, " (%s)", t.Part)
		}
		if r := s.find(t.Rule, t.Part); r != nil && r.spec.Title != "" {
			fmt.Fprintf(b, ", %s", r.spec.Title)
		}
		fmt.Fprintf(b, " [%s]", t.Pack)
		switch {
		case t.Exception != "":
			fmt.Fprintf(b, ", by the exception %s", t.Exception)
		case t.Code != "" && t.NotBefore.IsZero():
			b.WriteString(", until something new happens")
		case t.Code != "":
			fmt.Fprintf(b, ", until %s", local(q, t.NotBefore))
		}
		b.WriteString("\n")
		for _, k := range t.Counters {
			counted(b, t, k)
		}
	}
}

// counted writes one counter: how many of how many, which, and which not.
func counted(b *strings.Builder, t RuleTrace, k Counter) {
	about := ""
	if k.Debt != "" {
		about = "about " + k.Debt + " "
	}
	fmt.Fprintf(b, "           counted %s%d of %d on the dates %s to %s", about, len(k.Counted), t.Limit, k.From, k.To)
	if len(k.Counted) > 0 {
		b.WriteString(": " + strings.Join(k.Counted, ", "))
	}
	b.WriteString("\n")
	var why []Why
	by := map[Why][]string{}
	for _, x := range k.Excluded {
		if by[x.Why] == nil {
			why = append(why, x.Why)
		}
		by[x.Why] = append(by[x.Why], x.Contact)
	}
	for _, w := range why {
		fmt.Fprintf(b, "           left out, %s: %s\n", whyWords[w], strings.Join(by[w], ", "))
	}
}

var whyWords = map[Why]string{
	WhyCollector: "another collector's", WhySelf: "this very contact", WhyNotSent: "proven not to have left", WhyInbound: "came from the person",
	WhyPerson: "to somebody else", WhyChannel: "on another channel", WhyDate: "before these dates", WhyFirst: "not after the first conversation",
	WhyDebt: "about other debts", WhyPurpose: "of a purpose that does not count", WhyPoint: "at another kind of place",
	WhyOutcome: "with an outcome that does not count",
	WhyConsent: "under consent to more calls",
}

// versions says what the answer depends on beside the facts.
func versions(b *strings.Builder, rec Record) {
	fmt.Fprintf(b, "Reading: %s. Packs:", rec.Reading)
	for i, v := range rec.Packs {
		sep := ","
		if i == 0 {
			sep = ""
		}
		fmt.Fprintf(b, "%s %s %s", sep, v.Pack, v.Version)
	}
	b.WriteString(".")
	if rec.Data != "" {
		fmt.Fprintf(b, " Zones and places: %s.", rec.Data)
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
	case CodeContent:
		return contentText(r.Fact)
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

// contentWhat is what each content fact means in a sentence.
var contentWhat = map[string]string{
	"opt_out_notice":          "It does not say how to stop these messages.",
	"simple_opt_out":          "The way to stop these messages asks for more than the wish and the address.",
	"only_confirmation":       "A confirmation has nothing else in it.",
	"initial_disclosure":      "It does not say that it is an attempt to collect a debt and that information will be used for that purpose.",
	"later_disclosure":        "It does not say that it comes from a debt collector.",
	"agency_particulars":      "It does not say whom the agency acts for, on what ground, and what it adds.",
	"reveals_debt_collection": "The outside (envelope, sender, subject) shows that it is about a debt.",
	"threatens_suit":          "It threatens a suit that may not be brought.",
	"demands_early_payment":   "It demands payment before the debtor's time is over.",
	"limited_content":         "Where others hear it, it may only be a limited-content message: a business name, a person, a number, a request to call.",
}

func contentText(fact string) string {
	if text := contentWhat[fact]; text != "" {
		return text
	}
	return "The content lacks something required or has something forbidden."
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
