package answers

import (
	"slices"
	"strings"
)

// finder collects the findings of one message.
type finder struct {
	in    Input
	lang  string
	found []Finding
}

// message reads the keyword, or the phrases, of one text.
func (f *finder) message(t text) {
	if len(t.tokens) == 0 {
		return
	}
	days := dates(t.tokens, f.in.Today, f.monthFirst())
	m := &matcher{tokens: t.tokens, dates: days, sums: amounts(t.tokens, days)}
	if f.keyword(t) {
		return
	}
	short := said(t.tokens) <= shortMessage
	for i := range t.tokens {
		byWord.beginning(t.tokens[i], func(r *rule) {
			if r.short && !short {
				return
			}
			if end := m.match(r.pattern, i); end > i && (!r.alone || m.only(0, i) && m.only(end, len(t.tokens))) {
				f.matched(t, m, r, i, end)
			}
		})
	}
	f.dateAlone(t, m)
}

// said counts the words of a message.
func said(tokens []token) int {
	n := 0
	for _, t := range tokens {
		if t.kind == word && !courteous[t.text] {
			n++
		}
	}
	return n
}

// monthFirst: where 12/5 is the 5th of December.
func (f *finder) monthFirst() bool {
	if f.in.Country != "" {
		return strings.EqualFold(f.in.Country, "US")
	}
	l := strings.ToLower(f.in.Locale)
	return strings.HasSuffix(l, "-us") || (l == "" || l == "en") && f.lang == "en"
}

func (f *finder) keyword(t text) bool {
	k, from, to := whole(t.tokens)
	if k == 0 {
		return false
	}
	x := Finding{Confidence: 99, Rule: "keyword", Keyword: true, Spans: []Span{{t.tokens[from].start, t.tokens[to-1].end, t.subject}}}
	switch k {
	case kwStop:
		x.Intent, x.Scope = OptOut, f.here()
	case kwHelp:
		x.Intent = Help
	case kwStart:
		x.Intent = Start
	case kwYes:
		x.Intent, x.Rule, x.Confidence = Start, "keyword_yes", 60
	}
	f.add(x)
	return true
}

// here is the channel that an opt-out without a scope covers: the one it came
// in by, or everything where that is not an electronic one.
func (f *finder) here() string {
	switch f.in.Channel {
	case "sms", "email":
		return f.in.Channel
	}
	return "all"
}

// matched weighs a match of a rule in its sentence.
func (f *finder) matched(t text, m *matcher, r *rule, i, end int) {
	if !r.negated && (f.negatedBefore(m.tokens, i) || f.negatedInside(m, i, end)) {
		return
	}
	x := Finding{Intent: r.intent, Confidence: r.confidence, Rule: r.id, Scope: r.scope}
	if !r.asked && doubtful[r.intent] {
		if question(m.tokens, end) {
			x.Confidence -= 20
		}
		if conditional(m.tokens, i) {
			x.Confidence -= 25
		}
	}
	if x.Scope == "here" {
		x.Scope = f.here()
	}
	x.Spans = spans(t, m.from)
	f.sayMore(&x, m, i, end)
	f.add(x)
}

// doubtful are intents that a question or a condition makes less sure: "what if
// I go bankrupt?" is not a bankruptcy. A wish stays one.
var doubtful = map[Intent]bool{Paid: true, WillPay: true, Represented: true, Bankruptcy: true, Deceased: true, Dispute: true, Refusal: true, Hardship: true, WrongPerson: true}

var negators = set(`not dont didnt doesnt havent hasnt hadnt never cannot cant wont isnt wasnt arent werent without nor aint neither wouldnt couldnt shouldnt
	nicht kein keine keinen keinem keiner keinerlei nie niemals ohne weder
	nunca sin jamas tampoco
	pas jamais sans ni ne n`)

func (f *finder) negator(w string) bool { return negators[w] || w == "no" && f.lang == "es" }

// negatedBefore looks at two words before a match, within the clause.
func (f *finder) negatedBefore(tok []token, i int) bool {
	for n := 0; n < 2; {
		i--
		if i < 0 || tok[i].kind != word {
			return false
		}
		if f.negator(tok[i].text) {
			return true
		}
		if !tok[i].filler {
			n++
		}
	}
	return false
}

// negatedInside looks at the words of a match that the pattern did not name.
func (f *finder) negatedInside(m *matcher, i, end int) bool {
	for k := i; k < end && k < len(m.tokens); k++ {
		if m.tokens[k].kind == word && f.negator(m.tokens[k].text) && !slices.Contains(m.from, k) {
			return true
		}
	}
	return false
}

func question(tok []token, i int) bool {
	for ; i < len(tok); i++ {
		if tok[i].kind == hard {
			return tok[i].question
		}
	}
	return false
}

var conditions = set("if unless suppose supposing wenn falls sofern cuando whether ob should")

// conditional reports whether the sentence puts a condition before a match.
func conditional(tok []token, i int) bool {
	for n := 0; i > 0 && n < 8; n++ {
		i--
		if tok[i].kind == hard {
			return false
		}
		if tok[i].kind == word && (conditions[tok[i].text] || tok[i].text == "si" && tok[i+1].kind == word) {
			return true
		}
	}
	return false
}

// maxSpans bounds how many places of one intent are shown.
const maxSpans = 8

// spans joins neighbouring tokens to pieces of the input.
func spans(t text, from []int) []Span {
	var out []Span
	for n, k := range from {
		tok := t.tokens[k]
		if n > 0 && onlyFill(t.tokens[from[n-1]+1:k]) {
			out[len(out)-1].End = max(out[len(out)-1].End, tok.end)
			continue
		}
		if len(out) == maxSpans {
			break
		}
		out = append(out, Span{tok.start, tok.end, t.subject})
	}
	return out
}

func onlyFill(tok []token) bool {
	return !slices.ContainsFunc(tok, func(t token) bool { return t.kind != soft && !t.filler })
}

// sayMore adds the date and the amount that belong to a finding, and the hours
// that are not wanted.
func (f *finder) sayMore(x *Finding, m *matcher, i, end int) {
	switch x.Intent {
	case Inconvenient:
		if x.Scope == "time" {
			x.hours(m.tokens, i, f.lang)
		}
		return
	case Paid, WillPay, WantsPlan:
	default:
		return
	}
	if h, ok := nearest(m.dates, m.tokens, i, end); ok && x.Intent != WantsPlan {
		x.Date = h.date
		if x.Intent == Paid {
			x.Date = h.past
		}
	}
	if h, ok := nearest(m.sums, m.tokens, i, end); ok {
		x.Amount, x.Currency = h.amount, strings.Trim(h.currency, "$")
	}
	if x.Intent == WillPay && x.Date.IsZero() {
		x.Confidence = min(x.Confidence, 75)
	}
}

// nearest is the hit in the match, else the next one after it in the sentence,
// else the last one before it.
func nearest(hits map[int]hit, tok []token, i, end int) (hit, bool) {
	for k := i; k < len(tok); k++ {
		if h, ok := hits[k]; ok {
			return h, true
		}
		if k >= end && tok[k].kind == hard {
			break
		}
	}
	for k := i - 1; k >= 0 && tok[k].kind != hard; k-- {
		if h, ok := hits[k]; ok {
			return h, true
		}
	}
	return hit{}, false
}

// dateAlone reads a message that names a day and nothing else as its answer to
// "when will you pay".
func (f *finder) dateAlone(t text, m *matcher) {
	if len(f.found) > 0 {
		return
	}
	for i := range t.tokens {
		h, ok := m.dates[i]
		if !ok {
			continue
		}
		before := i
		for before > 0 && (t.tokens[before-1].kind == word && dayBefore[t.tokens[before-1].text]) {
			before--
		}
		if m.only(0, before) && m.only(h.end, len(t.tokens)) {
			f.add(Finding{
				Intent: WillPay, Confidence: 60, Rule: "date_alone", Date: h.date,
				Spans: []Span{{t.tokens[h.start].start, t.tokens[h.end-1].end, t.subject}},
			})
		}
		return
	}
}

// add merges a finding into those of the same intent.
func (f *finder) add(x Finding) {
	for i := range f.found {
		if old := &f.found[i]; old.Intent == x.Intent {
			old.merge(x)
			return
		}
	}
	f.found = append(f.found, x)
}

func (f *Finding) merge(x Finding) {
	scope := f.Scope
	if f.Intent == OptOut {
		scope = wider(f.Scope, x.Scope)
	}
	all := append(slices.Clone(f.Spans), x.Spans...)
	if x.Confidence > f.Confidence || x.Confidence == f.Confidence && f.Date.IsZero() && !x.Date.IsZero() {
		if x.Date.IsZero() {
			x.Date = f.Date
		}
		if x.Amount == "" {
			x.Amount, x.Currency = f.Amount, f.Currency
		}
		*f, x = x, *f
		if f.Intent != OptOut {
			scope = f.Scope
		}
	}
	f.Scope, f.Spans = scope, tidy(all)
	f.Keyword = f.Keyword || x.Keyword
	if f.Amount == "" {
		f.Amount, f.Currency = x.Amount, x.Currency
	}
	if f.From == "" && f.To == "" && f.Days == "" {
		f.From, f.To, f.Days = x.From, x.To, x.Days
	}
}

// tidy sorts spans, joins those that overlap and keeps the first few.
func tidy(in []Span) []Span {
	slices.SortStableFunc(in, func(a, b Span) int {
		if a.Subject != b.Subject {
			return b2i(b.Subject) - b2i(a.Subject)
		}
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	var out []Span
	for _, s := range in {
		if n := len(out); n > 0 && out[n-1].Subject == s.Subject && s.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		if len(out) < maxSpans {
			out = append(out, s)
		}
	}
	return out
}

// wider is the scope that covers two.
func wider(a, b string) string {
	electronic := func(s string) bool { return s == "sms" || s == "email" || s == "electronic" }
	switch {
	case a == b || b == "":
		return a
	case a == "":
		return b
	case electronic(a) && electronic(b):
		return "electronic"
	}
	return "all"
}

// reconcile settles findings that exclude or imply one another.
func (f *finder) reconcile() {
	if c, ok := f.get(Cease); ok {
		f.add(Finding{Intent: OptOut, Confidence: c.Confidence, Rule: c.Rule, Scope: "all", Spans: c.Spans})
	}
	if _, out := f.get(OptOut); out {
		f.drop(Start)
	}
	if a, ok := f.get(AutoReply); ok && a.Confidence >= Sure {
		f.found = slices.DeleteFunc(f.found, func(x Finding) bool {
			return x.Intent != AutoReply && (x.Intent != OptOut || x.Confidence < 95)
		})
	}
	if _, ok := f.get(Refusal); ok {
		f.drop(WillPay)
	}
	if len(f.found) > 1 {
		f.drop(Ack)
	}
	if len(f.found) > 1 {
		if s, ok := f.get(Start); ok && s.Rule == "keyword_yes" {
			f.drop(Start)
		}
	}
	for i := range f.found {
		f.found[i].Confidence = min(max(f.found[i].Confidence, 1), 99)
	}
}

func (f *finder) get(i Intent) (Finding, bool) { return Reading{Findings: f.found}.Find(i) }

func (f *finder) drop(i Intent) {
	f.found = slices.DeleteFunc(f.found, func(x Finding) bool { return x.Intent == i })
}
