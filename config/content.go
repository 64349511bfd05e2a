package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/liquid"
)

// The packs say what a message must say and must not show; disclosures.yaml has
// the words. A message is read for those words, which makes the facts that the
// packs' content rules judge: once when a template is published, with every
// creditor, and once more when it is rendered.

// contentFacts are what words of a disclosure can prove about a message.
var contentFacts = []string{"agency_particulars", "initial_disclosure", "later_disclosure", "opt_out_notice"}

// contentError says which rule refuses a message, and why.
type contentError struct{ rule, citation, text string }

// Error implements error; it holds no personal data.
func (e *contentError) Error() string {
	return fmt.Sprintf("%s refuses this message (%s): %s", e.rule, e.citation, e.text)
}

// ContentRule is the id of the rule of a policy pack that refused to let a
// message be rendered; false for every other error.
func ContentRule(err error) (rule string, ok bool) {
	var e *contentError
	if !errors.As(err, &e) {
		return "", false
	}
	return e.rule, true
}

// contactPurposes of templates, as the packs name them.
var contactPurposes = map[string]string{"receipt": "payment_confirmation", "answer": "auto_reply_to_consumer", confirmation: "opt_out_confirmation"}

// checkContent asks the packs about a message that is ready.
func (c *Config) checkContent(t *template, cr Creditor, req RenderRequest, vars map[string]any, m dunning.Message) error {
	content := c.contentOf(t, vars, m)
	at := time.Date(req.Today.Year, req.Today.Month, req.Today.Day, 12, 0, 0, 0, time.UTC)
	q := contact.Query{
		At: at, Channel: string(t.channel), Purpose: contactPurposes[t.spec.Purpose], Role: cr.Role, DebtorKind: req.DebtorKind,
		Person: "debtor", Debts: []contact.Debt{{ID: "account", TimeBarred: req.TimeBarred}}, Content: &content, Ambiguity: cr.Ambiguity,
	}
	places := req.Places
	if req.law != nil {
		places = req.law
	}
	for _, p := range places {
		q.Places = append(q.Places, contact.Place{Jurisdiction: p})
	}
	if !req.First {
		q.Ledger = []contact.Contact{{At: at.AddDate(0, 0, -1), Direction: contact.Outbound, Channel: string(t.channel), Person: "debtor"}}
	}
	v := c.policies.CheckContent(q)
	if v.Allowed {
		return nil
	}
	r := v.Reasons[0]
	return &contentError{rule: r.Rule, citation: c.policies.Citation(r.Rule), text: c.policies.Text(q, r)}
}

// contentOf reads a message for the words of the disclosures, in its own
// language, and for what may not show on the outside.
func (c *Config) contentOf(t *template, vars map[string]any, m dunning.Message) contact.Content {
	proven := map[string]bool{}
	text := squeeze(m.Text)
	for _, d := range c.disclosures {
		words := d.words(t.locale)
		if len(d.spec.Proves) == 0 || words == nil {
			continue
		}
		s, err := words.Render(vars, liquid.Options{Filters: filters(t.locale)})
		if err != nil || squeeze(s) == "" || !strings.Contains(text, squeeze(s)) {
			continue
		}
		for _, fact := range d.spec.Proves {
			proven[fact] = true
		}
	}
	is := func(yes bool) contact.Tri {
		if yes {
			return contact.Yes
		}
		return contact.No
	}
	return contact.Content{
		OptOutNotice: is(proven["opt_out_notice"]), SimpleOptOut: is(proven["opt_out_notice"]),
		InitialDisclosure: is(proven["initial_disclosure"]), LaterDisclosure: is(proven["later_disclosure"] || proven["initial_disclosure"]),
		AgencyParticulars: is(proven["agency_particulars"]), RevealsDebtCollection: is(c.outside.shown(m)),
		ThreatensSuit: is(c.suit.in(m.Subject + "\n" + m.Text)),
	}
}

// words that a message is searched for, whole and in any case.
type words struct {
	pattern *regexp.Regexp
	signs   []string // the first word of each, folded: a text without any of them needs no search
}

func compileWords(list []string) words {
	var quoted, signs []string
	for _, w := range list {
		if w = squeeze(w); w != "" {
			sign, _, _ := strings.Cut(w, " ")
			signs = append(signs, fold(sign))
			quoted = append(quoted, strings.ReplaceAll(regexp.QuoteMeta(w), " ", `\s+`))
		}
	}
	if len(quoted) == 0 {
		return words{}
	}
	slices.Sort(quoted)
	return words{regexp.MustCompile(`(?i)(^|[^\pL])(` + strings.Join(quoted, "|") + `)($|[^\pL])`), signs}
}

// fold makes texts equal that differ in case only, as a pattern with (?i) sees them: the
// first of all letters that are one but for their case stands for each of them.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r < utf8.RuneSelf {
			return r
		}
		first := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			first = min(first, next)
		}
		return first
	}, text)
}

// shown: the envelope of a letter (who sends it), or the subject and sender's
// name of an email, show one of the words. Of a text message everything is
// inside.
func (o words) shown(m dunning.Message) bool {
	outside := m.FromName + "\n" + m.Subject
	if m.Channel == dunning.Letter {
		outside = m.FromName + "\n" + strings.Join(m.Sender, "\n")
	}
	return m.Channel != dunning.SMS && o.in(outside)
}

func (o words) in(text string) bool {
	if o.pattern == nil {
		return false
	}
	folded := fold(text)
	return slices.ContainsFunc(o.signs, func(s string) bool { return strings.Contains(folded, s) }) && o.pattern.MatchString(text)
}

// lawAround is the law that a creditor's messages are tried by when they are
// published: that of its own country and of every part of it that has a pack,
// in North America of both countries. nil, which is all packs, where its zone
// belongs to no country that we know.
func (c *Config) lawAround(cr Creditor) []string {
	countries := []string{ZoneCountry(cr.Zone)}
	switch countries[0] {
	case "":
		return nil
	case "US", "CA":
		countries = carrierCountries
	}
	law := slices.Clone(countries)
	for _, p := range c.policies {
		if country, _, part := strings.Cut(p.Jurisdiction(), "-"); part && slices.Contains(countries, country) {
			law = append(law, p.Jurisdiction())
		}
	}
	return law
}

// firstTemplates are those that a sequence may begin with: a debtor's first
// message must say more than later ones.
func (l *loader) firstTemplates() map[string]bool {
	first := map[string]bool{}
	var mark func([]dunning.Channeled)
	mark = func(list []dunning.Channeled) {
		for _, c := range list {
			first[string(c.Channel)+" "+c.Template] = true
			mark(c.Else)
		}
	}
	for _, f := range l.sequences {
		for _, s := range f.seq.Steps {
			send := s.Send
			if s.Offer != nil {
				send = s.Offer.Send
			}
			if len(send) > 0 {
				mark(send)
				break
			}
		}
	}
	return first
}
