package answers

import (
	"fmt"
	"strconv"
	"strings"
)

// A pattern is a line of words in the notation of rules/*.txt:
//
//	word  pre*  a|b|pre*        a word, a beginning, one of several
//	(two words | one)           one of several phrases; the blanks around | do not matter
//	?word ?(two words)          may be missing
//	_3                          up to three words of any kind, within the sentence
//	#  <date>  <amount>  <name> a number, a date, an amount of money, a word written like a name
//	^  $                        the message's beginning and end
//	{name}                      what a line "name = …" stands for
//
// Fillers (please, just, …) and commas between the words of a pattern are skipped.
type pattern []elem

type elemKind uint8

const (
	eWord elemKind = iota
	eGroup
	eGap
	eNumber
	eDate
	eAmount
	eName
	eStart
	eEnd
)

type elem struct {
	kind  elemKind
	opt   bool
	words []string // whole words
	heads []string // beginnings
	alts  []pattern
	max   int
}

// patternReader parses one line.
type patternReader struct {
	s     string
	i     int
	depth int // of groups
}

func readPattern(s string, macros map[string]string) (pattern, error) {
	for depth := 0; strings.Contains(s, "{"); depth++ {
		if depth > 8 {
			return nil, fmt.Errorf("a {name} stands for itself")
		}
		var missing string
		s = expand(s, macros, &missing)
		if missing != "" {
			return nil, fmt.Errorf("nothing is named {%s}", missing)
		}
	}
	r := &patternReader{s: s}
	p, err := r.sequence()
	if err == nil && r.i < len(r.s) {
		err = fmt.Errorf("unexpected %q", r.s[r.i:])
	}
	if err == nil && len(p) == 0 {
		err = fmt.Errorf("an empty pattern")
	}
	return p, err
}

func expand(s string, macros map[string]string, missing *string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		m, known := macros[name]
		if !known {
			*missing = name
		}
		b.WriteString("(" + m + ")")
		s = after
	}
}

// sequence reads elements until the end or a | or ) of the group around.
func (r *patternReader) sequence() (pattern, error) {
	var p pattern
	for {
		for r.i < len(r.s) && r.s[r.i] == ' ' {
			r.i++
		}
		if r.i == len(r.s) || r.s[r.i] == ')' || r.s[r.i] == '|' {
			return p, nil
		}
		e, err := r.elem()
		if err != nil {
			return nil, err
		}
		p = append(p, e)
	}
}

func (r *patternReader) elem() (e elem, err error) {
	if r.s[r.i] == '?' {
		if r.i++; r.i == len(r.s) {
			return e, fmt.Errorf("a ? without a word")
		}
		e, err = r.elem()
		e.opt = true
		return e, err
	}
	if r.s[r.i] == '(' {
		return r.group()
	}
	stop := " ()"
	if r.depth > 0 { // within a group a | always separates phrases
		stop = " ()|"
	}
	j := r.i
	for j < len(r.s) && !strings.ContainsRune(stop, rune(r.s[j])) {
		j++
	}
	w := r.s[r.i:j]
	r.i = j
	if w == "" {
		return e, fmt.Errorf("a ? without a word")
	}
	return atom(w)
}

// group reads phrases; those of one word are kept together, which matches faster.
func (r *patternReader) group() (elem, error) {
	e := elem{kind: eGroup}
	single := elem{kind: eWord}
	r.i++
	r.depth++
	for {
		p, err := r.sequence()
		if err != nil {
			return e, err
		}
		switch {
		case len(p) == 0:
			return e, fmt.Errorf("an empty choice in a group")
		case len(p) == 1 && p[0].kind == eWord && !p[0].opt:
			single.words, single.heads = append(single.words, p[0].words...), append(single.heads, p[0].heads...)
		default:
			e.alts = append(e.alts, p)
		}
		if r.i == len(r.s) {
			return e, fmt.Errorf("a ( without its )")
		}
		r.i++
		if r.s[r.i-1] == ')' {
			r.depth--
			return e.with(single), nil
		}
	}
}

func (e elem) with(single elem) elem {
	if len(single.words)+len(single.heads) == 0 {
		return e
	}
	if len(e.alts) == 0 {
		return single
	}
	e.alts = append(e.alts, pattern{single}) // longer phrases are tried first
	return e
}

func atom(w string) (elem, error) {
	switch {
	case w == "#":
		return elem{kind: eNumber}, nil
	case w == "<date>":
		return elem{kind: eDate}, nil
	case w == "<amount>":
		return elem{kind: eAmount}, nil
	case w == "<name>":
		return elem{kind: eName}, nil
	case w == "^":
		return elem{kind: eStart}, nil
	case w == "$":
		return elem{kind: eEnd}, nil
	case w[0] == '_':
		n, err := strconv.Atoi(w[1:])
		if err != nil || n < 1 || n > 8 {
			return elem{}, fmt.Errorf("a gap is _1 to _8, not %q", w)
		}
		return elem{kind: eGap, max: n}, nil
	}
	e := elem{kind: eWord}
	for _, alt := range strings.Split(w, "|") {
		head, isHead := strings.CutSuffix(alt, "*")
		if head == "" {
			return e, fmt.Errorf("an empty word in %q", w)
		}
		for _, s := range spellings(head) {
			if isHead {
				e.heads = append(e.heads, s)
			} else {
				e.words = append(e.words, s)
			}
		}
	}
	return e, nil
}

// spellings folds a word of a rule; German umlauts are also written ae, oe, ue.
func spellings(w string) []string {
	plain := foldWord(w)
	if long := foldWord(strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue").Replace(w)); long != plain {
		return []string{plain, long}
	}
	return []string{plain}
}

// words adds the whole words of a pattern to a set.
func (p pattern) words(to map[string]bool) {
	for _, e := range p {
		for _, w := range e.words {
			to[w] = true
		}
		for _, a := range e.alts {
			a.words(to)
		}
	}
}

// maxSteps bounds the work of one pattern at one place: gaps in gaps.
const maxSteps = 600

// matcher matches patterns against the tokens of one message.
type matcher struct {
	tokens []token
	dates  map[int]hit // by first token
	sums   map[int]hit
	steps  int
	from   []int // words matched by the pattern itself
}

// hit is a date or an amount in tokens [start, end).
type hit struct {
	start, end int
	date       Date
	loose      bool // a date that only the words around make one: "the 5th", "5.12."
	past       Date // the same words, read backwards: "on Friday" that was
	amount     string
	currency   string
}

// next is what follows an element.
type next struct {
	p     pattern
	after *next
}

// match tries a pattern at token i and returns the end of the match, -1: none.
func (m *matcher) match(p pattern, i int) int {
	m.steps, m.from = 0, m.from[:0]
	return m.run(&next{p: p}, i, true)
}

func (m *matcher) run(n *next, i int, first bool) int {
	for n != nil && len(n.p) == 0 {
		n = n.after
	}
	if n == nil {
		return i
	}
	if m.steps++; m.steps > maxSteps {
		return -1
	}
	e, rest := &n.p[0], &next{p: n.p[1:], after: n.after}
	if e.opt {
		o := *e
		o.opt = false
		if j := m.one(&o, rest, i, first); j >= 0 {
			return j
		}
		return m.run(rest, i, first)
	}
	return m.one(e, rest, i, first)
}

// one matches an element, skipping commas and fillers before it unless it is
// the first.
func (m *matcher) one(e *elem, rest *next, i int, first bool) int {
	for {
		if j := m.here(e, rest, i, first); j >= 0 {
			return j
		}
		if first || e.kind == eGap || i >= len(m.tokens) || !(m.tokens[i].kind == soft || m.tokens[i].filler || e.kind == eEnd && m.tokens[i].kind == hard) {
			return -1
		}
		i++
	}
}

func (m *matcher) here(e *elem, rest *next, i int, first bool) int {
	switch e.kind {
	case eWord:
		if i < len(m.tokens) && (m.tokens[i].kind == word || m.tokens[i].kind == number) && e.is(m.tokens[i].text) {
			return m.keep(rest, i, i+1)
		}
	case eNumber:
		if i < len(m.tokens) && m.tokens[i].kind == number {
			return m.keep(rest, i, i+1)
		}
	case eDate:
		if h, ok := m.dates[i]; ok {
			return m.keep(rest, i, h.end)
		}
	case eAmount:
		if h, ok := m.sums[i]; ok {
			return m.keep(rest, i, h.end)
		}
	case eName:
		if i < len(m.tokens) && m.tokens[i].kind == word && m.tokens[i].name {
			return m.keep(rest, i, i+1)
		}
	case eStart:
		if m.only(0, i) {
			return m.run(rest, i, first)
		}
	case eEnd:
		if m.only(i, len(m.tokens)) {
			return m.run(rest, i, false)
		}
	case eGroup:
		for _, a := range e.alts {
			if j := m.run(&next{p: a, after: rest}, i, first); j >= 0 {
				return j
			}
		}
	case eGap:
		return m.gap(e, rest, i)
	}
	return -1
}

// keep notes the tokens that a pattern named itself while the rest is tried.
func (m *matcher) keep(rest *next, i, j int) int {
	n := len(m.from)
	for k := i; k < j; k++ {
		m.from = append(m.from, k)
	}
	if end := m.run(rest, j, false); end >= 0 {
		return end
	}
	m.from = m.from[:n]
	return -1
}

// gap skips the fewest words that let the rest match, within the sentence.
func (m *matcher) gap(e *elem, rest *next, i int) int {
	for n := 0; ; i++ {
		if j := m.run(rest, i, false); j >= 0 {
			return j
		}
		if i >= len(m.tokens) || m.tokens[i].kind == hard {
			return -1
		}
		if m.tokens[i].kind != soft && !m.tokens[i].filler {
			if n++; n > e.max {
				return -1
			}
		}
	}
}

func (e *elem) is(w string) bool {
	for _, x := range e.words {
		if x == w {
			return true
		}
	}
	for _, h := range e.heads {
		if strings.HasPrefix(w, h) {
			return true
		}
	}
	return false
}

// only reports whether tokens [i, j) say nothing: signs, fillers, greetings.
func (m *matcher) only(i, j int) bool {
	for ; i < j; i++ {
		if t := m.tokens[i]; t.kind == number || t.kind == sign || t.kind == word && !t.filler && !courteous[t.text] {
			return false
		}
	}
	return true
}

// courteous are words around a message that are not part of what it says.
var courteous = set(`hi hello hey dear good morning evening afternoon thanks thank you thx ty ok okay yes yeah no pls so and but well ugh omg lol mate dude guys team regards
	hallo guten tag moin sehr geehrte geehrter damen und herren danke vielen dank ja nein mfg gruss grusse lg servus
	hola buenas buenos dias tardes gracias muchas si por senor senora senores saludos
	bonjour bonsoir salut merci madame monsieur oui non cordialement il vous te plait s d de
	👍 🙏 😀 😂 😡 😠 🤬 😤 🙄 😭 😢 ❤ 👋 🙂 ☺ 😊`)

// firstWords lists how a pattern can begin: whole words and beginnings; any is
// set when it can begin with something else.
func (p pattern) firstWords() (words, heads []string, anything bool) {
	for _, e := range p {
		switch e.kind {
		case eWord:
			words, heads = append(words, e.words...), append(heads, e.heads...)
		case eGroup:
			for _, a := range e.alts {
				w, h, any := a.firstWords()
				words, heads, anything = append(words, w...), append(heads, h...), anything || any
			}
		case eStart:
			return words, heads, true
		default:
			return words, heads, true
		}
		if !e.opt {
			return words, heads, anything
		}
	}
	return words, heads, true
}
