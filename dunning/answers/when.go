package answers

import (
	"strconv"
	"strings"
	"time"
)

var weekdayNames = index(map[int]string{
	0: "sunday sundays sonntag domingo dimanche", 1: "monday mondays montag lunes lundi", 2: "tuesday tuesdays tues tue dienstag martes mardi",
	3: "wednesday wednesdays weds wednes mittwoch miercoles mercredi", 4: "thursday thursdays thurs thur donnerstag jueves jeudi",
	5: "friday fridays fri freitag viernes vendredi", 6: "saturday saturdays samstag sonnabend sabado samedi",
})

var monthNames = index(map[int]string{
	1: "january jan januar jänner enero janvier", 2: "february feb februar febrero fevrier", 3: "march märz marzo mars", 4: "april apr abril avril",
	5: "may mai mayo", 6: "june jun juni junio juin", 7: "july jul juli julio juillet", 8: "august aug agosto aout",
	9: "september sept sep septiembre setiembre septembre", 10: "october oct oktober octubre octobre", 11: "november nov noviembre novembre",
	12: "december dec dezember dez diciembre decembre",
})

var numberWords = index(map[int]string{
	1: "a an one ein eine einer einem un una une", 2: "two zwei dos deux couple", 3: "three drei tres trois", 4: "four vier cuatro quatre", 5: "five fünf cinco cinq",
	6: "six sechs seis six", 7: "seven sieben siete sept", 8: "eight acht ocho huit", 10: "ten zehn diez dix", 14: "fourteen vierzehn catorce quatorze fortnight", 15: "fifteen quince quinze",
})

func index(words map[int]string) map[string]int {
	out := map[string]int{}
	for n, list := range words {
		for _, w := range fields(list) {
			for _, s := range spellings(w) {
				out[s] = n
			}
		}
	}
	return out
}

var (
	dayUnits   = set("day days tag tage tagen dia dias jour jours")
	weekUnits  = set("week weeks wk wks woche wochen semana semanas semaine semaines fortnight")
	monthUnits = set("month months monat monate monaten mes meses mois")
	nextWords  = set("next nächste nächsten nächster nachste nachsten nachster naechste naechsten naechster kommende kommenden kommender proximo proxima prochain prochaine")
	// before a bare number that is a day of the month
	dayBefore = set("am zum bis den dem el dia le du au on by until til till before the vom vor ab spatestens")
	inWords   = set("in within en dentro dans sous innerhalb binnen d")
	ordinals  = set("st nd rd th er ro do ten")
	andWord   = set("of de del du des d")
)

// calendar finds dates in tokens.
type calendar struct {
	tok   []token
	today Date
	us    bool // month before day
}

// dates finds every date in the tokens, by the token at which it begins.
func dates(tok []token, today Date, monthFirst bool) map[int]hit {
	c := &calendar{tok, today, monthFirst}
	out := map[int]hit{}
	for i := 0; i < len(tok); {
		h, ok := c.at(i)
		if !ok {
			i++
			continue
		}
		h.start = i
		out[i] = h
		i = h.end
	}
	return out
}

// word is the text of token i if it is a word; commas are skipped by the callers.
func (c *calendar) word(i int) string {
	if i < 0 || i >= len(c.tok) || c.tok[i].kind != word {
		return ""
	}
	return c.tok[i].text
}

func (c *calendar) num(i int) (int, bool) {
	if i < 0 || i >= len(c.tok) || c.tok[i].kind != number {
		return 0, false
	}
	n, err := strconv.Atoi(c.tok[i].text)
	return n, err == nil
}

// count reads a small number in digits or words.
func (c *calendar) count(i int) (int, bool) {
	if n, ok := c.num(i); ok {
		return n, n > 0 && n < 400
	}
	n, ok := numberWords[c.word(i)]
	return n, ok
}

func (c *calendar) at(i int) (hit, bool) {
	for _, read := range []func(int) (hit, bool){c.full, c.monthAndDay, c.dayOfMonth, c.named, c.ahead, c.period} {
		if h, ok := read(i); ok {
			return h, true
		}
	}
	return hit{}, false
}

// both resolves a day without a year to its next and its last occurrence.
func (c *calendar) both(m time.Month, d, end int) (hit, bool) {
	if c.today.IsZero() {
		return hit{}, false
	}
	h := hit{end: end}
	for y := range 9 { // a 29 February is at most eight years away
		if x, ok := realDay(c.today.Year+y, m, d); ok && !x.before(c.today) {
			h.date = x
			break
		}
	}
	for y := range 9 {
		if x, ok := realDay(c.today.Year-y, m, d); ok && !c.today.before(x) {
			h.past = x
			break
		}
	}
	return h, !h.date.IsZero()
}

// gone reports whether a day without a year is more likely the one that was: it
// lies some weeks back, and its next occurrence most of a year ahead.
func (h hit) gone(today Date) bool {
	if today.IsZero() || h.past.IsZero() || h.date == h.past {
		return false
	}
	return today.add(-62).before(h.past) && today.add(240).before(h.date)
}

func fixed(d Date, end int) (hit, bool) { return hit{end: end, date: d, past: d}, true }

// full reads dates in digits: 2026-12-15, 12/15/2026, 15.12.26, 15/12, 15.12.
func (c *calendar) full(i int) (hit, bool) {
	if i >= len(c.tok) || c.tok[i].kind != number {
		return hit{}, false
	}
	s := c.tok[i].text
	sep := strings.IndexAny(s, "./-")
	if sep < 0 || strings.ContainsAny(s, ",:'") {
		return hit{}, false
	}
	parts := strings.Split(s, s[sep:sep+1])
	n := make([]int, 0, 3)
	for _, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || len(n) == 3 {
			return hit{}, false
		}
		n = append(n, v)
	}
	switch {
	case len(n) == 3 && len(parts[0]) == 4:
		d, ok := realDay(n[0], time.Month(n[1]), n[2])
		h, _ := fixed(d, i+1)
		return h, ok
	case len(n) == 3:
		if n[2] < 100 {
			n[2] += 2000
		}
		m, d := c.order(n[0], n[1], s[sep])
		x, ok := realDay(n[2], m, d)
		h, _ := fixed(x, i+1)
		return h, ok
	case len(n) == 2 && s[sep] != '-' && len(parts[1]) <= 2 && len(parts[0]) <= 2:
		m, d := c.order(n[0], n[1], s[sep])
		h, ok := c.both(m, d, i+1)
		h.loose = s[sep] == '.' // 15.12 may be an amount
		return h, ok && (!h.loose || c.introduced(i) && !c.money(i+1))
	}
	return hit{}, false
}

// order tells month and day apart: as the country writes them, unless only the
// other way makes a month.
func (c *calendar) order(a, b int, sep byte) (time.Month, int) {
	if monthFirst := c.us && sep != '.'; monthFirst && a <= 12 || b > 12 {
		return time.Month(a), b
	}
	return time.Month(b), a
}

// introduced reports whether a word like "on" or "am" stands before.
func (c *calendar) introduced(i int) bool { return dayBefore[c.word(i-1)] }

// money reports whether a currency follows.
func (c *calendar) money(i int) bool {
	return i < len(c.tok) && (c.tok[i].kind == sign || currencies[c.word(i)] != "")
}

// monthAndDay reads a named month with a day: December 15th, 15. Dezember,
// el 15 de diciembre, le 1er décembre, with or without a year.
func (c *calendar) monthAndDay(i int) (hit, bool) {
	if m, ok := monthNames[c.word(i)]; ok {
		j := i + 1
		if j < len(c.tok) && c.tok[j].kind == hard { // Dec. 15
			j++
		}
		if c.word(j) == "the" {
			j++
		}
		if d, ok := c.num(j); ok && d <= 31 {
			return c.withYear(time.Month(m), d, c.ordinal(j+1))
		}
		return hit{}, false
	}
	d, ok := c.num(i)
	if !ok || d > 31 {
		return hit{}, false
	}
	j := c.ordinal(i + 1)
	if j < len(c.tok) && c.tok[j].kind == hard { // 15. Dezember
		j++
	}
	if andWord[c.word(j)] {
		j++
	}
	if m, ok := monthNames[c.word(j)]; ok {
		return c.withYear(time.Month(m), d, j+1)
	}
	return hit{}, false
}

func (c *calendar) ordinal(i int) int {
	if ordinals[c.word(i)] {
		return i + 1
	}
	return i
}

func (c *calendar) withYear(m time.Month, d, end int) (hit, bool) {
	j := end
	for j < len(c.tok) && j < end+2 && (c.tok[j].kind == soft || andWord[c.word(j)]) {
		j++
	}
	if y, ok := c.num(j); ok && y >= 1990 && y <= 2200 {
		x, ok := realDay(y, m, d)
		h, _ := fixed(x, j+1)
		return h, ok
	}
	return c.both(m, d, end)
}

// dayOfMonth reads a day without a month: the 15th, am 15., el 15, le 15.
func (c *calendar) dayOfMonth(i int) (hit, bool) {
	d, ok := c.num(i)
	if !ok || d < 1 || d > 31 || c.today.IsZero() {
		return hit{}, false
	}
	j := c.ordinal(i + 1)
	bare := j == i+1
	next := c.word(j)
	if bare && (!c.introduced(i) || c.money(j) || next != "" && !andWord[next] && (dayUnits[next] || weekUnits[next] || monthUnits[next] || clockWords[next] || !function[next])) {
		return hit{}, false
	}
	if bare && j < len(c.tok) && c.tok[j].kind == hard && germanDay[c.word(i-1)] { // am 15. Gehalt
		c.tok[j].kind = soft
		j++
	}
	h := hit{end: j}
	for m := range 3 {
		if x, ok := nthDay(c.today, m, d); ok && !x.before(c.today) {
			h.date = x
			break
		}
	}
	for m := range 3 {
		if x, ok := nthDay(c.today, -m, d); ok && !c.today.before(x) {
			h.past = x
			break
		}
	}
	return h, !h.date.IsZero()
}

// germanDay are words before an ordinal whose point ends no sentence.
var germanDay = set("am zum bis den dem vom ab")

// clockWords follow numbers that are times of the day; function words may
// follow a bare day of the month.
var (
	clockWords = set("am pm uhr h oclock hrs horas heures heure")
	function   = set(`i we you it is and or if when but so ok at for with from in on the my ich und oder wenn aber mit von y o si pero con de cuando et ou mais avec je
		zahlen bezahlen uberweisen ueberweisen pago cobro pay paid bezahlt gezahlt uberwiesen ueberwiesen payer pagar pagare habe werde next thanks danke gracias merci of du des december`)
)

// nthDay is day d of the month n months on.
func nthDay(today Date, n, d int) (Date, bool) {
	first := dateOf(time.Date(today.Year, today.Month+time.Month(n), 1, 12, 0, 0, 0, time.UTC))
	return realDay(first.Year, first.Month, d)
}

// dayNames are the words that named reads.
var dayNames = set("today tonight heute hoy yesterday gestern ayer hier vorgestern anteayer aujourd tomorrow tmrw demain morgen manana ubermorgen uebermorgen pasado apres payday zahltag pasada")

// named reads days by name: today, tomorrow, Friday, next Friday.
func (c *calendar) named(i int) (hit, bool) {
	if c.today.IsZero() {
		return hit{}, false
	}
	t := c.today
	switch w := c.word(i); w {
	case "today", "tonight", "heute", "hoy":
		return fixed(t, i+1)
	case "yesterday", "gestern", "ayer", "hier":
		return fixed(t.add(-1), i+1)
	case "vorgestern", "anteayer":
		return fixed(t.add(-2), i+1)
	case "aujourd":
		if c.word(i+1) == "hui" {
			return fixed(t, i+2)
		}
	case "tomorrow", "tmrw", "tmr", "tomorow", "tommorow", "tommorrow", "2moro", "demain":
		return fixed(t.add(1), i+1)
	case "morgen":
		if p := c.word(i - 1); p != "guten" && p != "jeden" && p != "am" {
			return fixed(t.add(1), i+1)
		}
	case "manana":
		if p := c.word(i - 1); p != "la" && p != "esta" && p != "de" {
			return fixed(t.add(1), i+1)
		}
	case "ubermorgen", "uebermorgen":
		return fixed(t.add(2), i+1)
	case "pasado":
		if c.word(i+1) == "manana" {
			return fixed(t.add(2), i+2)
		}
	case "apres":
		if c.word(i+1) == "demain" {
			return fixed(t.add(2), i+2)
		}
	case "payday", "zahltag":
		return hit{}, false
	}
	return c.weekday(i)
}

// weekday reads a weekday; "next" means the one of the calendar week after.
func (c *calendar) weekday(i int) (hit, bool) {
	j := i
	further := nextWords[c.word(i)]
	if further {
		j++
	}
	d, ok := weekdayNames[c.word(j)]
	if !ok {
		return hit{}, false
	}
	j++
	if nextWords[c.word(j)] || c.word(j) == "que" && strings.HasPrefix(c.word(j+1), "vien") {
		further = true
		if j++; strings.HasPrefix(c.word(j), "vien") {
			j++
		}
	}
	if _, numbered := c.at2(j); numbered { // Friday, December 4th: the date says it
		if h, ok := c.at(skipSoft(c.tok, j)); ok {
			return h, true
		}
	}
	t := c.today
	ahead := (d - int(t.weekday()) + 7) % 7
	if ahead == 0 {
		ahead = 7
	}
	if monday := (8 - int(t.weekday())) % 7; further { // days until the week after begins
		if monday == 0 {
			monday = 7
		}
		if ahead < monday {
			ahead += 7
		}
	}
	back := (int(t.weekday()) - d + 7) % 7
	if back == 0 {
		back = 7
	}
	return hit{end: j, date: t.add(ahead), past: t.add(-back)}, true
}

func skipSoft(tok []token, i int) int {
	for i < len(tok) && (tok[i].kind == soft || tok[i].kind == word && (tok[i].text == "the" || tok[i].text == "den" || tok[i].text == "dem")) {
		i++
	}
	return i
}

// at2 reports whether a numbered date stands at i, after a comma perhaps.
func (c *calendar) at2(i int) (hit, bool) {
	i = skipSoft(c.tok, i)
	for _, read := range []func(int) (hit, bool){c.full, c.monthAndDay, c.dayOfMonth} {
		if h, ok := read(i); ok {
			return h, true
		}
	}
	return hit{}, false
}

// ahead reads distances: in 3 days, within two weeks, en 15 dias, dans une semaine.
func (c *calendar) ahead(i int) (hit, bool) {
	if c.today.IsZero() || !inWords[c.word(i)] {
		return hit{}, false
	}
	j := i + 1
	for k := 0; k < 3 && (c.word(j) == "de" || c.word(j) == "about" || c.word(j) == "the" || c.word(j) == "next" || c.word(j) == "von" || c.word(j) == "etwa" || c.word(j) == "unos"); k++ {
		j++
	}
	n, ok := c.count(j)
	if !ok {
		return hit{}, false
	}
	j++
	if c.word(j) == "of" || c.word(j) == "more" {
		j++
	}
	t, u := c.today, c.word(j)
	switch {
	case dayUnits[u]:
		return hit{end: j + 1, date: t.add(n), past: t}, true
	case weekUnits[u]:
		return hit{end: j + 1, date: t.add(7 * n), past: t}, true
	case monthUnits[u] && n <= 36:
		return hit{end: j + 1, date: dateOf(t.time().AddDate(0, n, 0)), past: t}, true
	}
	return hit{}, false
}

// period reads stretches of time; the date is their last day, the day by which
// it has happened: next week, end of the month, ende November.
func (c *calendar) period(i int) (hit, bool) {
	if c.today.IsZero() {
		return hit{}, false
	}
	t := c.today
	if h, ok := c.endOf(i); ok {
		return h, true
	}
	sunday := (7 - int(t.weekday())) % 7
	w, v := c.word(i), c.word(i+1)
	next := nextWords[w]
	this := w == "this" || w == "diese" || w == "dieser" || w == "diesen" || w == "esta" || w == "este" || w == "cette" || w == "ce"
	switch {
	case next && weekUnits[v]:
		return hit{end: i + 2, date: t.add(sunday + 7), past: t}, true
	case next && monthUnits[v]:
		return hit{end: i + 2, date: t.monthEnd(1), past: t}, true
	case this && weekUnits[v]:
		return hit{end: i + 2, date: t.add(sunday), past: t}, true
	case this && monthUnits[v]:
		return hit{end: i + 2, date: t.monthEnd(0), past: t}, true
	case weekUnits[w] && (nextWords[v] || v == "que" && strings.HasPrefix(c.word(i+2), "vien") || v == "entrante"):
		return hit{end: i + 2 + b2i(v == "que"), date: t.add(sunday + 7), past: t}, true
	case monthUnits[w] && (nextWords[v] || v == "que" && strings.HasPrefix(c.word(i+2), "vien") || v == "entrante"):
		return hit{end: i + 2 + b2i(v == "que"), date: t.monthEnd(1), past: t}, true
	case w == "weekend" || w == "wochenende":
		return hit{end: i + 1, date: t.add(sunday), past: t}, true
	case w == "monatsende" || w == "eom":
		return hit{end: i + 1, date: t.monthEnd(0), past: t}, true
	}
	return hit{}, false
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// endOf reads "end of (the|next) month", "Ende November", "fin de mes".
func (c *calendar) endOf(i int) (hit, bool) {
	switch c.word(i) {
	case "end", "ende", "fin", "final", "finales":
	default:
		return hit{}, false
	}
	j, months := i+1, 0
	for k := 0; k < 4; k++ {
		w := c.word(j)
		switch {
		case nextWords[w]:
			months = 1
		case w == "of" || w == "the" || w == "this" || w == "des" || w == "de" || w == "del" || w == "du" || w == "dieses" || w == "este" || w == "ce" || w == "diesen":
		default:
			k = 4
			continue
		}
		j++
	}
	t, w := c.today, c.word(j)
	switch m, ok := monthNames[w]; {
	case ok:
		h, ok := c.both(time.Month(m), 1, j+1)
		h.date = h.date.monthEnd(0)
		if time.Month(m) == t.Month {
			h.date = t.monthEnd(0)
		}
		return h, ok
	case monthUnits[w] || w == "monats":
		if nextWords[c.word(j+1)] || c.word(j+1) == "que" {
			months, j = 1, j+1+b2i(c.word(j+1) == "que")
		}
		return hit{end: j + 1, date: t.monthEnd(months), past: t}, true
	case weekUnits[w]:
		return hit{end: j + 1, date: t.add((7-int(t.weekday()))%7 + 7*months), past: t}, true
	}
	return hit{}, false
}
