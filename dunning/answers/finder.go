package answers

import (
	"slices"
	"strings"
)

// finder collects the findings of one message: first every match by itself,
// then, when they are settled, one for each intent.
type finder struct {
	in    Input
	lang  string
	raw   []Finding
	found []Finding
	kin   bool // a relative is spoken of
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
	f.kin = f.kin || slices.ContainsFunc(t.tokens, func(t token) bool { return kin[t.text] })
	short := words(t.tokens) <= shortMessage
	ks := f.keeps(t, m)
	for i := range t.tokens {
		byWord.beginning(t.tokens[i], func(r *rule) {
			if r.short && !short {
				return
			}
			if end := m.match(r.pattern, i); end > i && (!r.alone || m.only(0, i) && m.only(end, len(t.tokens))) {
				if (r.intent == OptOut || r.intent == Cease || r.intent == WrongPerson) && denied(ks, m, i, end) {
					return
				}
				f.matched(t, m, r, i, end)
			}
		})
	}
	f.dateAlone(t, m)
	f.suspect(t, ks)
}

// said adds what the provider and the headers say.
func (f *finder) said() {
	if f.in.Machine {
		f.add(Finding{Intent: AutoReply, Confidence: 97, Rule: "headers"})
	}
	switch f.in.Keyword {
	case "STOP":
		f.add(Finding{Intent: OptOut, Confidence: 99, Rule: "provider", Keyword: true, Scope: f.here()})
	case "START":
		f.add(Finding{Intent: Start, Confidence: 99, Rule: "provider", Keyword: true})
	case "HELP":
		f.add(Finding{Intent: Help, Confidence: 99, Rule: "provider", Keyword: true})
	}
}

// suspected is the confidence of a refusal that no phrase knows.
const suspected = 76

// Words by which a refusal is suspected: what is refused, what refuses it, and
// what speaks of messages that did not arrive.
var (
	refusable = set(`text texts texting txt txts sms message messages messaging msg msgs email emails mail mails contact contacting call calls calling write writing send sending spam list
		nachricht nachrichten schreiben anschreiben anrufen anrufe anruf kontaktieren verteiler mailen texten simsen whatsapp
		mensaje mensajes textos llamar llamadas llamen llame escribir escriban escriba escribiendo llamando correos correo enviar envien mandar manden
		messages envoyer envoyez envoi envois ecrire ecrivez appeler appelez appels contacter contactez courriel courriels courrier textos`)
	refusing = set(`stop stopp no not dont never nomore anymore enough quit cease refrain without forbid prohibit remove delete end leave
		nicht keine kein nie aufhoren aufhoeren genug schluss verbiete untersage unterlassen lassen lasst ohne
		nunca jamas basta paren pare dejen deje prohibo eviten
		pas plus jamais assez cessez cesser arretez arreter interdis marre`)
	arriving = set(`cant cannot couldnt puedo pude peux pouvons kann konnte tengo get got receive received see saw seen find found open read understand understood know have havent answer reach know
		bekommen erhalten gesehen gefunden verstehe verstanden angekommen lesen weiss
		recibi recibido llego llegado veo entiendo se vi encuentro recu recue vu compris comprends trouve sais`)
)

// Beginnings of such words.
var (
	refusableStems = fields("werbung nachricht anruf anschreib kontakt mitteilung mensaj llamad correo notifica envoi sollicit messag reminder erinnerung aviso relance")
	refusingStems  = fields("verzicht abseh abzuseh verschon aufhor aufhoer abbestell abmeld unsub blockier bloque elimin borr quit supprim effac retir refus stopp arret cess")
)

func stem(w string, stems []string) bool {
	return slices.ContainsFunc(stems, func(s string) bool { return strings.HasPrefix(w, s) })
}

// suspect reads a short message without any known phrase as a refusal when it
// speaks of messages and refuses something. A person looks at it.
func (f *finder) suspect(t text, ks []kept) {
	if t.subject || slices.ContainsFunc(f.raw, func(x Finding) bool { return x.Confidence >= 70 }) || words(t.tokens) > 12 {
		return
	}
	var at []int
	what, no := false, false
	for k, tok := range t.tokens {
		if tok.kind != word || within(ks, k) {
			continue
		}
		if arriving[tok.text] {
			return
		}
		a, b := refusable[tok.text] || stem(tok.text, refusableStems), refusing[tok.text] || keywords[tok.text] == kwStop || stem(tok.text, refusingStems) || f.negator(tok.text)
		if what, no = what || a, no || b; a || b {
			at = append(at, k)
		}
	}
	if what && no {
		f.add(Finding{Intent: OptOut, Confidence: suspected, Rule: "suspected", Scope: f.here(), Spans: spans(t, at)})
	}
}

// words counts the words of a message.
func words(tokens []token) int {
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
	if r.intent == Paid && f.ahead(m, i, end) || r.intent == Deceased && aThing(m, i, end) || !r.negated && f.deniedAround(r, m, i, end) {
		return
	}
	if r.intent == OptOut && unableInside(m, i, end) {
		return
	}
	if (r.intent == OptOut || r.intent == Cease) && unmeant(m) {
		return
	}
	x.general = r.scope == "here"
	if ch := byChannel(m.tokens, end); ch != "" && r.intent == Cease { // "no contact by text" is about texts
		x.Intent, x.Scope = OptOut, ch
	}
	x.Spans = spans(t, m.from)
	f.sayMore(&x, m, i, end)
	f.add(x)
}

// doubtful are intents that a question or a condition makes less sure: "what if
// I go bankrupt?" is not a bankruptcy. A wish stays one.
var doubtful = map[Intent]bool{Paid: true, WillPay: true, Represented: true, Bankruptcy: true, Deceased: true, Dispute: true, Refusal: true, Hardship: true, WrongPerson: true}

var negators = set(`nobody noone none nadie niemand personne not dont didnt doesnt havent hasnt hadnt never cannot cant wont isnt wasnt arent werent without nor aint neither wouldnt couldnt shouldnt
	nicht kein keine keinen keinem keiner keinerlei nie niemals ohne weder
	nunca jamas tampoco
	pas jamais ni ne n`)

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

var frenchNot = set("pas plus jamais rien aucun aucune personne")

// negatedInside looks at the words of a match that the pattern did not name.
func (f *finder) negatedInside(m *matcher, i, end int) bool {
	second := slices.ContainsFunc(m.from, func(k int) bool { return frenchNot[m.tokens[k].text] })
	for k := i; k < end && k < len(m.tokens); k++ {
		if second && (m.tokens[k].text == "n" || m.tokens[k].text == "ne") {
			continue // ne … pas is one negation
		}
		if m.tokens[k].kind == word && f.negator(m.tokens[k].text) && !slices.Contains(m.from, k) {
			return true
		}
	}
	return false
}

// things die, too, and people of laughter; what has died of them is no debtor.
var things = set(`phone phones cell car truck van battery batteries laptop computer pc engine internet line dog cat pet horse boss laughing almost nearly tired
	handy auto wagen akku batterie hund katze chef pc rechner leitung fast beinahe
	telefono celular movil bateria coche carro perro gata gato jefe computadora risa casi
	telephone portable voiture batterie chien chat patron ordinateur rire fatigue presque`)

// aThing reports whether what died in a match is no person.
func aThing(m *matcher, i, end int) bool {
	for k := max(i-4, 0); k < min(end+3, len(m.tokens)); k++ {
		if m.tokens[k].kind == hard && k >= end {
			return false
		}
		if m.tokens[k].kind == word && things[m.tokens[k].text] {
			return true
		}
	}
	return false
}

// deniedAround: "no dispute", "ich bestreite das nicht".
func (f *finder) deniedAround(r *rule, m *matcher, i, end int) bool {
	if r.intent != Dispute && r.intent != Bankruptcy && r.intent != Represented {
		return false
	}
	if i > 0 && m.tokens[i-1].kind == word && m.tokens[i-1].text == "no" {
		return true
	}
	for k := end; k < min(end+3, len(m.tokens)) && m.tokens[k].kind == word; k++ {
		if f.lang == "de" && m.tokens[k].text == "nicht" {
			return true
		}
	}
	return false
}

// aheadWords say that what follows has not happened yet: "I get paid on", "sera payé".
var aheadWords = set("will gonna going get gets getting be wird werde werden sera serait seront sera seran va vais vamos van voy ll ill youll")

// ahead reports whether a match speaks of the future.
func (f *finder) ahead(m *matcher, i, end int) bool {
	for k := max(i-2, 0); k < end && k < len(m.tokens); k++ {
		if m.tokens[k].kind == hard && k < i {
			continue
		}
		if m.tokens[k].kind == word && aheadWords[m.tokens[k].text] && !slices.Contains(m.from, k) {
			return true
		}
	}
	return false
}

// unable are words by which somebody says what they cannot do themselves.
var unable = set("puedo podemos pude podre peux pouvons pouvais kann konnte konnten")

func unableInside(m *matcher, i, end int) bool {
	for k := i; k < end && k < len(m.tokens); k++ {
		if unable[m.tokens[k].text] && !slices.Contains(m.from, k) {
			return true
		}
	}
	return false
}

// stopVerbs are the words for stopping that a "don't" turns round.
var stopVerbs = set(`stop quit cease unsubscribe stopp stoppen aufhoren aufhoeren arreter arretez arrete pare paren parar dejen deje dejar cesar cese`)

// instructing words stand before a keyword that somebody is told to send: our
// own words that came back.
var instructing = set("reply replying text txt respond responding type answer antworten antworte sende envoyez envoyer repondez responda responder envie mit with par con")

// unmeant reports whether the words for stopping are not the writer's wish:
// "don't stop", "I can't stop", "to unsubscribe, click", "reply STOP to".
func unmeant(m *matcher) bool {
	for _, k := range m.from {
		if negators[m.tokens[k].text] && k+1 < len(m.tokens) && stopVerbs[after(m.tokens, k)] && !slices.Contains(m.from, k+1) {
			if one, _ := before(m.tokens, k); one == "" || one == "i" || one == "we" {
				return true
			}
		}
		if !stopVerbs[m.tokens[k].text] && m.tokens[k].text != "optout" {
			continue
		}
		one, i := before(m.tokens, k)
		two, _ := before(m.tokens, i)
		switch {
		case notHere[one], aboutMoney(m, k):
			return true
		case instructing[one], k > 0 && (m.tokens[k-1].text == "a" || m.tokens[k-1].text == "full"), one == "" && k > 0 && m.tokens[k-1].text == "to", one == "zum" && two == "", one == "pour" && two == "", one == "para" && two == "":
			return true
		case (one == "dont" || one == "never" || one == "cant" || one == "cannot") && (two == "" || two == "i" || two == "we"):
			return true
		case one == "not" && (two == "do" || two == "i" || two == "can"):
			return true
		}
	}
	return false
}

// byWords stand before the channel of a contact.
var (
	byWords      = set("by via per par por through over uber ueber with auf an")
	channelWords = map[string]string{
		"sms": "sms", "text": "sms", "texts": "sms", "texto": "sms", "textos": "sms", "whatsapp": "sms", "email": "email", "mail": "email", "mails": "email", "emails": "email",
		"correo": "email", "courriel": "email", "phone": "call", "telefon": "call", "telefono": "call", "telephone": "call", "telefonisch": "call", "call": "call",
		"post": "letter", "brief": "letter", "letter": "letter", "carta": "letter", "courrier": "letter",
	}
)

// byChannel is the channel that the words behind a match name, "" for none.
func byChannel(tok []token, i int) string {
	for n := 0; n < 4 && i+1 < len(tok) && tok[i].kind == word; i++ {
		if byWords[tok[i].text] {
			return channelWords[after(tok, i)]
		}
		if !tok[i].filler {
			n++
		}
	}
	return ""
}

// notHere stand before a stop that is a place or a thing.
var notHere = set("bus truck train tram pit non taxi gas")

// moneyWords are what else people want stopped: nothing to do with messages.
var moneyWords = set(`payment payments interest fee fees charging charges charge billing debit debits garnishment garnishing lawsuit legal action court proceedings foreclosure eviction
	repossession clock reporting service services subscription plan order work working collection collections shop shopping n smoking drinking paying
	zinsen gebuhren gebuehren mahnverfahren abbuchung abbuchungen lastschrift pfandung pfaendung vertrag intereses cargos cobro cobros demanda embargo domiciliacion
	prelevement prelevements frais interets poursuites saisie contrat`)

// aboutMoney reports whether what is to stop is a charge or a proceeding.
func aboutMoney(m *matcher, k int) bool {
	for n, i := 0, k+1; n < 3 && i < len(m.tokens) && m.tokens[i].kind == word; i++ {
		if moneyWords[m.tokens[i].text] {
			return true
		}
		if refusable[m.tokens[i].text] {
			return false
		}
		if !m.tokens[i].filler {
			n++
		}
	}
	return false
}

// after is the next word behind token i, without fillers.
func after(tok []token, i int) string {
	for i++; i < len(tok) && tok[i].kind == word; i++ {
		if !tok[i].filler {
			return tok[i].text
		}
	}
	return ""
}

// before is the word before token i within the clause, without fillers; "" when
// the clause begins.
func before(tok []token, i int) (string, int) {
	for i--; i >= 0 && tok[i].kind == word; i-- {
		if !tok[i].filler {
			return tok[i].text, i
		}
	}
	return "", i
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
	if h, ok := nearest(m.dates, m.tokens, i, end); ok && x.Intent == Paid {
		x.Date = h.past
	} else if ok && x.Intent == WillPay && (h.gone(f.in.Today) || h.date.before(f.in.Today)) {
		x.Confidence = min(x.Confidence, 45)
	} else if ok && x.Intent == WillPay && (f.in.Today.IsZero() || !h.date.before(f.in.Today)) {
		x.Date = h.date
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
	if len(f.raw) > 0 {
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

// maxMatches bounds how many matches of one intent are weighed: more say nothing new.
const maxMatches = 48

func (f *finder) add(x Finding) {
	n := 0
	for i := range f.raw {
		if f.raw[i].Intent == x.Intent {
			n++
		}
	}
	if n < maxMatches {
		f.raw = append(f.raw, x)
	}
}

// merge makes one finding of those of an intent.
func (f *finder) merge() {
	for _, x := range f.raw {
		if i := slices.IndexFunc(f.found, func(old Finding) bool { return old.Intent == x.Intent }); i >= 0 {
			f.found[i].merge(x)
			continue
		}
		x.Spans = slices.Clone(x.Spans)
		f.found = append(f.found, x)
	}
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

// reconcile settles matches that exclude or imply one another.
func (f *finder) reconcile() {
	f.yield(OptOut, func(x, by Finding) bool { // "not at work" is no opt-out
		return by.Intent == Inconvenient && by.Confidence >= Sure
	})
	f.yieldTo(OptOut, func(x, by Finding) bool { // "stop calling me" speaks of calls alone
		return by.Intent == OptOut && x.general && !by.general && by.Confidence >= Sure
	})
	f.yield(Cease, func(x, by Finding) bool { return by.Intent == OptOut && !by.general && by.Confidence > x.Confidence })
	f.yield(Complaint, func(x, by Finding) bool { return by.Intent == OptOut && x.Confidence < Sure })
	f.yield(WillPay, func(x, by Finding) bool { return by.Intent == Paid && by.Confidence >= x.Confidence })
	f.yield(Paid, func(x, by Finding) bool { return by.Intent == WillPay && by.Confidence > x.Confidence })
	f.yield(WillPay, func(x, by Finding) bool { return by.Intent == Refusal && by.Confidence > 80 })
	f.yield(Dispute, func(x, by Finding) bool { return by.Intent == OptOut && by.Confidence >= x.Confidence })
	f.yield(WrongPerson, func(x, by Finding) bool { return by.Intent == Dispute && by.Confidence > x.Confidence-4 })
	f.yield(Dispute, func(x, by Finding) bool { return by.Intent == WrongPerson && by.Confidence >= x.Confidence })
	f.yield(WantsInfo, func(x, by Finding) bool { return by.Intent == Paid && by.Confidence >= Sure })
	f.yield(CallMe, func(x, by Finding) bool { return by.Intent == OptOut || by.Intent == Inconvenient })
	f.merge()
	if c, ok := f.get(Cease); ok {
		f.raw = []Finding{{Intent: OptOut, Confidence: c.Confidence, Rule: c.Rule, Scope: "all", Spans: c.Spans}}
		f.merge()
	}
	f.exclude()
	for i := range f.found {
		x := &f.found[i]
		if x.Intent == Deceased && f.kin && (f.has(Hardship, Sure) || f.has(WillPay, 70) || f.has(Paid, 70) || f.has(WantsPlan, 70)) {
			x.Confidence = min(x.Confidence, 65) // a death in the family of somebody who writes about money
		}
		x.Confidence = min(max(x.Confidence, 1), 99)
	}
}

// exclude drops findings beside which others cannot stand.
func (f *finder) exclude() {
	if f.has(OptOut, 1) {
		f.drop(Start)
	}
	if a, ok := f.get(AutoReply); ok && a.Confidence >= Sure {
		f.found = slices.DeleteFunc(f.found, func(x Finding) bool {
			return x.Intent != AutoReply && (x.Intent != OptOut || x.Confidence < 95)
		})
	}
	if w, ok := f.get(WillPay); ok && w.Date.IsZero() && f.has(WantsPlan, Sure) {
		f.drop(WillPay)
	}
	if len(f.found) > 1 {
		f.drop(Ack)
	}
	if s, ok := f.get(Start); ok && s.Rule == "keyword_yes" && len(f.found) > 1 {
		f.drop(Start)
	}
}

// yield drops matches of an intent that share words with one that goes before.
func (f *finder) yield(i Intent, before func(x, by Finding) bool) {
	f.yieldTo(i, func(x, by Finding) bool { return by.Intent != i && before(x, by) })
}

func (f *finder) yieldTo(i Intent, before func(x, by Finding) bool) {
	f.raw = slices.DeleteFunc(slices.Clone(f.raw), func(x Finding) bool {
		return x.Intent == i && !x.Keyword && slices.ContainsFunc(f.raw, func(by Finding) bool { return before(x, by) && overlap(x.Spans, by.Spans) })
	})
}

func overlap(a, b []Span) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Subject == y.Subject && x.Start < y.End && y.Start < x.End {
				return true
			}
		}
	}
	return false
}

// kin are relatives whose death may be told by a debtor who lives.
var kin = set(`mother father mom mum dad brother sister son daughter grandmother grandfather grandma grandpa aunt uncle child baby
	mutter vater bruder schwester sohn tochter oma opa kind madre padre hermano hermana hijo hija abuela abuelo mama papa mere pere frere soeur fils fille`)

func (f *finder) has(i Intent, confidence int) bool {
	x, ok := f.get(i)
	return ok && x.Confidence >= confidence
}

func (f *finder) get(i Intent) (Finding, bool) { return Reading{Findings: f.found}.Find(i) }

func (f *finder) drop(i Intent) {
	f.found = slices.DeleteFunc(f.found, func(x Finding) bool { return x.Intent == i })
}
