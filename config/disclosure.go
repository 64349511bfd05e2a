package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/liquid"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/yamlpos"
)

// DisclosuresSpec is disclosures.yaml: words that messages must carry.
type DisclosuresSpec struct {
	Disclosures []DisclosureSpec `yaml:"disclosures" jsonschema:"required"`
	Suit        []string         `yaml:"suit" jsonschema_description:"words of any language that threaten a suit; the policy packs say of which debts a message may not have them"`
	Outside     []string         `yaml:"outside" jsonschema_description:"words of any language that show a debt; the policy packs say where envelopes, senders and subjects may not have them"`
}

// DisclosureSpec is one of them. A template shows those that apply with
// {% for d in disclosures %}{{ d }}{% endfor %}; a message without one is refused.
type DisclosureSpec struct {
	ID       string            `yaml:"id" jsonschema:"required"`
	Citation string            `yaml:"citation" jsonschema:"required" jsonschema_description:"the law or the house rule that asks for it"`
	Roles    []string          `yaml:"roles" jsonschema:"enum=first_party,enum=third_party" jsonschema_description:"none = both"`
	Channels []string          `yaml:"channels" jsonschema:"required,enum=email,enum=sms,enum=letter"`
	Debtors  []string          `yaml:"debtors" jsonschema:"enum=consumer,enum=business" jsonschema_description:"none = both"`
	Purposes []string          `yaml:"purposes" jsonschema:"enum=reminder,enum=offer,enum=notice,enum=receipt,enum=answer,enum=confirmation" jsonschema_description:"none = all but confirmation"`
	Places   []string          `yaml:"places" jsonschema_description:"countries or subdivisions such as US or US-CA where it is needed; none = everywhere. A debtor of unknown place gets it."`
	Notices  []string          `yaml:"notices" jsonschema_description:"only in messages that are one of these notices; none = in all"`
	Except   []string          `yaml:"except_notices" jsonschema_description:"not in messages that are one of these notices, which say it in words of their own"`
	Part     string            `yaml:"part" jsonschema:"enum=opening,enum=dispute,enum=rights,enum=more" jsonschema_description:"where it belongs in a message that shows its disclosures in parts, as parts.opening and so on; none = more"`
	Proves   []string          `yaml:"proves" jsonschema:"enum=agency_particulars,enum=initial_disclosure,enum=later_disclosure,enum=opt_out_notice" jsonschema_description:"what a message that has these words says, for the content rules of the policy packs"`
	Texts    map[string]string `yaml:"texts" jsonschema:"required" jsonschema_description:"language → words, with {{ creditor.name }} and the like"`
}

type disclosure struct {
	doc   *yamlpos.Doc
	path  string
	spec  DisclosureSpec
	texts map[string]*liquid.Template
}

func (l *loader) parseDisclosures(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	if !ok {
		return
	}
	var spec DisclosuresSpec
	doc.Decode(&spec)
	ids[DisclosureSpec]{doc: doc, list: "disclosures", id: func(d DisclosureSpec) string { return d.ID }}.check(spec.Disclosures)
	l.cfg.outside, l.cfg.suit = compileWords(spec.Outside), compileWords(spec.Suit)
	for i, d := range spec.Disclosures {
		l.cfg.disclosures = append(l.cfg.disclosures, compileDisclosure(doc, fmt.Sprintf("disclosures[%d]", i), d))
	}
}

func compileDisclosure(doc *yamlpos.Doc, at string, d DisclosureSpec) disclosure {
	if d.Citation == "" && !doc.Has(at+".citation") {
		doc.Fault(at, `"citation" is missing`, "say which law or house rule asks for it")
	}
	allOf(doc, at+".roles", d.Roles, "first_party", "third_party")
	allOf(doc, at+".channels", d.Channels, "email", "letter", "sms")
	allOf(doc, at+".debtors", d.Debtors, "business", "consumer")
	allOf(doc, at+".purposes", d.Purposes, purposes...)
	allOf(doc, at+".proves", d.Proves, contentFacts...)
	if d.Part != "" && !slices.Contains(parts, d.Part) {
		doc.Fault(at+".part", fmt.Sprintf("unknown word %q", d.Part), yamlpos.Suggest(d.Part, parts))
	}
	if len(d.Channels) == 0 {
		doc.Fault(at+".channels", "it is for no channel", "")
	}
	out := disclosure{doc: doc, path: at, spec: d, texts: map[string]*liquid.Template{}}
	for _, lang := range slices.Sorted(keysOf(d.Texts)) {
		path := at + ".texts." + lang
		if !locale.Known(lang) {
			doc.FaultKey(path, fmt.Sprintf("unknown language %q", lang), "known: "+strings.Join(locale.Languages(), ", "))
		}
		t, faults := liquid.Parse(d.Texts[lang], filters(lang))
		for _, f := range faults {
			doc.FaultInside(path, f.Line, f.Column, f.Message, f.Hint)
		}
		out.texts[lang] = t
	}
	if d.Texts["en"] == "" {
		doc.Fault(at+".texts", "there are no English words", "every disclosure needs at least en")
	}
	return out
}

func allOf(doc *yamlpos.Doc, path string, given []string, known ...string) {
	for i, g := range given {
		if !slices.Contains(known, g) {
			doc.Fault(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("unknown word %q", g), yamlpos.Suggest(g, known))
		}
	}
}

// words of the disclosure in a language, nil when it has none there.
func (d disclosure) words(tag string) *liquid.Template {
	if t := d.texts[tag]; t != nil {
		return t
	}
	return d.texts[locale.Base(tag)]
}

// applies reports whether a message must carry the disclosure.
func (d disclosure) applies(t *template, c Creditor, r RenderRequest) bool {
	has := func(list []string, word string) bool {
		return len(list) == 0 || word == "" || slices.Contains(list, word)
	}
	if t.spec.Purpose == confirmation && len(d.spec.Purposes) == 0 {
		return false
	}
	oneOf := func(kinds []string) bool {
		return slices.ContainsFunc(t.spec.Notices, func(n string) bool { return slices.Contains(kinds, n) })
	}
	if len(d.spec.Notices) > 0 && !oneOf(d.spec.Notices) || oneOf(d.spec.Except) {
		return false
	}
	return has(d.spec.Roles, c.Role) && slices.Contains(d.spec.Channels, string(t.channel)) &&
		has(d.spec.Debtors, r.DebtorKind) && has(d.spec.Purposes, t.spec.Purpose) && d.inPlace(r.Places)
}

func (d disclosure) inPlace(places []string) bool {
	if len(d.spec.Places) == 0 || len(places) == 0 {
		return true
	}
	for _, p := range places {
		for _, want := range d.spec.Places {
			if p == want || strings.HasPrefix(p, want+"-") {
				return true
			}
		}
	}
	return false
}

// parts of a message that shows its disclosures where they belong.
var parts = []string{"opening", "dispute", "rights", "more"}

// saying is what a disclosure says in one message, and where that belongs.
type saying struct{ part, text string }

func allWords(all []saying) (out []string) {
	for _, w := range all {
		out = append(out, w.text)
	}
	return out
}

// partsOf are the words of disclosures by part, each of them there even if empty.
func partsOf(all []saying) map[string]any {
	out := map[string]any{}
	for _, p := range parts {
		of := []any{}
		for _, w := range all {
			if w.part == p {
				of = append(of, w.text)
			}
		}
		out[p] = of
	}
	return out
}

// required are the words that a message must carry, in its language.
func (c *Config) required(t *template, cr Creditor, r RenderRequest, vars map[string]any) ([]saying, error) {
	var out []saying
	for _, d := range c.disclosures {
		if !d.applies(t, cr, r) {
			continue
		}
		said := d.words(t.locale)
		if said == nil {
			return nil, fmt.Errorf("disclosure %s has no words in language %s: add them to disclosures.yaml", d.spec.ID, t.locale)
		}
		s, err := said.Render(vars, liquid.Options{Filters: filters(t.locale)})
		if err != nil {
			return nil, fmt.Errorf("disclosure %s: %w", d.spec.ID, err)
		}
		out = append(out, saying{cmp.Or(d.spec.Part, "more"), squeeze(s)})
	}
	return out, nil
}

// squeeze makes texts comparable: white space of any kind is one space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// missingDisclosure returns the first required words that a text lacks.
func missingDisclosure(text string, required []string) string {
	text = squeeze(text)
	for _, words := range required {
		if !strings.Contains(text, words) {
			return words
		}
	}
	return ""
}

// missingFooter: an email shows who sent it and where from, in words that the
// debtor can find.
func missingFooter(m dunning.Message, c Creditor) string {
	if m.Channel != dunning.Email {
		return ""
	}
	for _, line := range c.Address {
		if !strings.Contains(squeeze(m.Text), squeeze(line)) {
			return line
		}
	}
	return ""
}
