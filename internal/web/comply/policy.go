package comply

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/yamlpos"
)

type policyPage struct {
	Packs    []packView
	Kinds    []string
	Places   []string
	N        int
	Versions string
}

// packView is a pack with its rules that match the filter.
type packView struct {
	contact.PackSpec
	File  string
	Rules []policyRule
}

// policyRule is a rule for a lawyer, with where it is written.
type policyRule struct {
	contact.RuleSpec
	Says, Reach string
	From, Until string
	Line        int
	Source      []sourceLine
}

// sourceLine is a line of a file.
type sourceLine struct {
	N    int
	Text string
}

// policy puts every rule in force into words, with citation, jurisdiction, dates and the
// line of its file.
func (d *compliance) policy(r *web.Request) error {
	cfg, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	q := r.R.URL.Query()
	p := policyPage{Kinds: []string{"law", "policy", "carrier", "house"}, Versions: cfg.PolicyVersions()}
	places := map[string]bool{}
	for _, pack := range packs(cfg) {
		places[pack.Jurisdiction] = true
		if v := q.Get("kind"); v != "" && v != pack.Kind {
			continue
		}
		if v := q.Get("place"); v != "" && v != pack.Jurisdiction {
			continue
		}
		pack.Rules = slices.DeleteFunc(pack.Rules, func(x policyRule) bool { return !x.matches(strings.ToLower(strings.TrimSpace(q.Get("q")))) })
		if len(pack.Rules) > 0 {
			p.Packs, p.N = append(p.Packs, pack), p.N+len(pack.Rules)
		}
	}
	p.Places = slices.Sorted(maps.Keys(places))
	if r.WantsCSV() {
		return r.CSV("policy", policyHeader, p.rows)
	}
	return r.Page("policy.html", p)
}

func (x policyRule) matches(text string) bool {
	return strings.Contains(strings.ToLower(strings.Join([]string{x.ID, x.Part, x.Title, x.Citation, x.Says}, "\n")), text)
}

var policyHeader = []string{"rule", "part", "title", "says", "reaches", "citation", "certainty", "jurisdiction", "kind", "from", "until", "pack", "version", "file", "line"}

func (p policyPage) rows(yield func([]string, error) bool) {
	for _, k := range p.Packs {
		for _, x := range k.Rules {
			row := []string{
				x.ID, x.Part, x.Title, x.Says, x.Reach, x.Citation, x.Certainty, k.Jurisdiction, k.Kind, x.From, x.Until, k.Pack, k.Version, k.File, strconv.Itoa(x.Line),
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// packs are all packs of a configuration with the places of their rules.
func packs(cfg *config.Config) []packView {
	files := cfg.Release().Files
	where := map[string]string{} // pack → file
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasPrefix(name, "policies/") {
			continue
		}
		var head struct {
			Pack string `yaml:"pack"`
		}
		if doc, ok := yamlpos.Parse(name, files[name]); ok {
			doc.Decode(&head)
			where[head.Pack] = name
		}
	}
	var out []packView
	for _, s := range cfg.PolicySpecs() {
		out = append(out, packOf(s, where[s.Pack], files[where[s.Pack]]))
	}
	return out
}

func packOf(s contact.PackSpec, file string, data []byte) packView {
	v := packView{PackSpec: s, File: file}
	doc, _ := yamlpos.Parse(file, data)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i, x := range s.Rules {
		p := policyRule{
			RuleSpec: x, Says: says(x), Reach: reach(x), Line: doc.Line(fmt.Sprintf("rules[%d]", i)),
			From: cmp.Or(x.Effective.From, s.Effective.From), Until: cmp.Or(x.Effective.Until, s.Effective.Until),
		}
		end := len(lines)
		if i+1 < len(s.Rules) {
			end = doc.Line(fmt.Sprintf("rules[%d]", i+1)) - 1
		}
		for n := p.Line; n > 0 && n <= min(end, len(lines)); n++ {
			p.Source = append(p.Source, sourceLine{n, lines[n-1]})
		}
		v.Rules = append(v.Rules, p)
	}
	return v
}

// reach says whom and what a rule reaches.
func reach(x contact.RuleSpec) string {
	parts := []string{"by " + all(x.Channels, "every channel")}
	add := func(words string, list []string) {
		if len(list) > 0 {
			parts = append(parts, words+" "+all(list, ""))
		}
	}
	add("of", x.Roles)
	add("for debts that are", x.Debts)
	add("to debtors that are a", x.Debtors)
	add("only debts of kind", x.DebtKinds)
	add("not debts of kind", x.ExceptDebtKinds)
	add("only for", x.Purposes)
	add("not for", x.ExceptPurposes)
	add("to", x.To)
	add("at points of kind", x.Points)
	add("not at points of kind", x.ExceptPoints)
	for words, holds := range map[string]bool{"only charged-off debts": x.ChargedOff, "only time-barred debts": x.TimeBarred, "only what is automated": x.AutomatedOnly} {
		if holds {
			parts = append(parts, words)
		}
	}
	slices.Sort(parts[1:])
	for _, e := range x.Except {
		parts = append(parts, "except by "+web.Words(e.Kind))
	}
	return strings.Join(parts, "; ")
}

// all joins codes as words.
func all(codes []string, none string) string {
	if len(codes) == 0 {
		return none
	}
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = web.Words(c)
	}
	return strings.Join(out, ", ")
}

// says puts what a rule demands into a sentence.
func says(x contact.RuleSpec) string {
	days := func(n int) string { return web.Plural(n, "day", "days") }
	switch {
	case x.Hours != nil:
		return "Only " + hours(x.Hours)
	case x.Wish != nil:
		return "What the person asked for is kept: " + web.Words(x.Wish.Kind)
	case x.Count != nil:
		return fmt.Sprintf("At most %d in %s, counted per %s", x.Count.Max, days(x.Count.Days), cmp.Or(x.Count.Per, "debt"))
	case x.Run != nil:
		return fmt.Sprintf("Not after %d or more a day on each of %s before", x.Run.PerDay, days(x.Run.Days))
	case x.Silence != nil:
		return fmt.Sprintf("Silence for %s after a conversation", days(x.Silence.Days))
	case x.Gap != nil && x.Gap.Days > 0:
		return fmt.Sprintf("At least %s between contacts", days(x.Gap.Days))
	case x.Gap != nil:
		return fmt.Sprintf("At least %s between contacts", web.Plural(x.Gap.Minutes, "minute", "minutes"))
	case x.Consent != nil:
		return "Only with consent: " + all(x.Consent.Kinds, "")
	case x.OptOut != nil:
		return "Not after a refusal: " + all(x.OptOut.Kinds, "")
	case x.Confirmation != nil:
		return fmt.Sprintf("One confirmation of an opt-out, within %s", web.Plural(x.Confirmation.Minutes, "minute", "minutes"))
	case x.Number != nil && x.Number.Reassigned:
		return "Not to a number that was reassigned"
	case x.Number != nil:
		return fmt.Sprintf("Only to a number that was checked within %s", days(x.Number.Days))
	case x.Notice != nil:
		return noticeWords(x.Notice, days)
	}
	return saysMore(x)
}

func noticeWords(n *contact.NoticeSpec, days func(int) string) string {
	if n.Days > 0 {
		return fmt.Sprintf("Only after the notice “%s”, sent %s before", web.Words(n.Kind), days(n.Days))
	}
	return fmt.Sprintf("Only after the notice “%s”", web.Words(n.Kind))
}

// saysMore is says for the kinds without numbers.
func saysMore(x contact.RuleSpec) string {
	switch {
	case x.Hold != nil:
		return "Nothing while there is: " + web.Words(x.Hold.Flag)
	case x.Cease != nil:
		return "Nothing after a written notice: " + all(x.Cease.Notices, "")
	case x.Dispute != nil:
		return "Nothing over a disputed debt until " + all(x.Dispute.LiftedBy, "") + " was sent"
	case x.EmailNotice != nil:
		return "Only after the opt-out period of the notice “" + web.Words(x.EmailNotice.Notice) + "”"
	case x.Content != nil && len(x.Content.Forbid) > 0 && len(x.Content.Need) == 0:
		return "The text must not have: " + all(x.Content.Forbid, "")
	case x.Content != nil && len(x.Content.Need) > 0:
		return "The text must have: " + all(x.Content.Need, "")
	case x.Content != nil:
		return "The text must be a limited-content message"
	case x.Overshadow != nil:
		return "No demand that overshadows the validation period"
	case x.Addressee != nil:
		return "Only to persons with whom one may speak about the debt"
	case x.Location != nil:
		return fmt.Sprintf("To find somebody: at most %s per person", web.Plural(x.Location.Max, "contact", "contacts"))
	case x.Forbid != nil:
		return "Never"
	case x.Charge != nil:
		return "Bounds what may be added to the debt"
	}
	return cmp.Or(x.Title, x.ID)
}

// hours are the windows in words.
func hours(h *contact.HoursSpec) string {
	var out []string
	for _, w := range h.Windows {
		out = append(out, fmt.Sprintf("%s %s–%s", cmp.Or(strings.Join(w.Days, ", "), "every day"), w.From, w.To))
	}
	text := strings.Join(out, "; ") + ", on the person’s own clock"
	if h.Calendar != "" {
		text += ", not on holidays (" + h.Calendar + ")"
	}
	return text
}
