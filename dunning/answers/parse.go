package answers

import (
	"unicode"
	"unicode/utf8"
)

// Bounds of what is read, so that a hostile message costs no more than a long one.
const (
	maxBytes  = 256 << 10 // of the raw text
	maxTokens = 3000      // after quotes and signatures are gone
	maxHead   = 2400      // of these from the beginning; the rest from the end
	maxWord   = 40        // letters of a word; a longer one is cut
)

// kind of a token.
type kind uint8

const (
	word   kind = iota
	number      // digits with what stands between them
	sign        // a currency sign, a link, an address
	soft        // a comma, a line's end within a paragraph
	hard        // the end of a sentence
)

// token is a word or sign of the message with its place in the input.
type token struct {
	kind       kind
	text       string // folded
	start, end int    // bytes of the input
	question   bool   // a hard end with a question mark
	filler     bool   // a word that patterns skip
	name       bool   // written like a name: a capital, then small letters
}

// char is a rune of the message after markup is gone.
type char struct {
	r          rune
	start, end int32
}

// text is a parsed message.
type text struct {
	subject   bool
	tokens    []token
	quoted    int
	truncated bool
	raw       []char // what remained, for marks of machines
}

// parse reads a text: markup and quotes off, then words.
func parse(s string, subject bool) text {
	t := text{subject: subject}
	if len(s) > maxBytes {
		s, t.truncated = cutRunes(s, maxBytes), true
	}
	chars := runes(s)
	if markup(s) {
		chars = stripMarkup(s, chars)
	}
	if !subject {
		kept := trim(chars)
		t.quoted = size(chars) - size(kept)
		chars = kept
	}
	t.raw = chars
	t.tokens = tokenize(chars)
	if len(t.tokens) > maxTokens {
		head, tail := t.tokens[:maxHead], t.tokens[len(t.tokens)-(maxTokens-maxHead-1):]
		t.tokens, t.truncated = append(append(append([]token{}, head...), token{kind: hard, start: head[maxHead-1].end, end: head[maxHead-1].end}), tail...), true
	}
	t.tokens = repair(t.tokens)
	return t
}

func cutRunes(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func runes(s string) []char {
	out := make([]char, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			r = ' '
		}
		out = append(out, char{r, int32(i), int32(i + n)}) //nolint:gosec // bounded by maxBytes
		i += n
	}
	return out
}

func size(chars []char) int {
	n := 0
	for _, c := range chars {
		n += int(c.end - c.start)
	}
	return n
}

// tokenizer collects tokens.
type tokenizer struct {
	in  []char
	out []token
}

func tokenize(chars []char) []token {
	t := &tokenizer{in: chars, out: make([]token, 0, len(chars)/5+4)}
	for i := 0; i < len(chars); {
		i = t.next(i)
	}
	return t.out
}

// next reads one token at i and returns where the next begins.
func (t *tokenizer) next(i int) int {
	r := t.in[i].r
	switch {
	case r == '\n':
		return t.newline(i)
	case unicode.IsSpace(r) || r == 0x200B || invisible(r):
		return i + 1
	case t.startsChunk(i):
		if j, ok := t.link(i); ok {
			return j
		}
	}
	switch {
	case digit(r):
		return t.number(i)
	case letter(r):
		return t.word(i)
	}
	return t.punctuation(i)
}

func digit(r rune) bool {
	f, _ := styled(r)
	return f >= '0' && f <= '9'
}

func letter(r rune) bool {
	f, ok := styled(r)
	return unicode.IsLetter(r) || ok && unicode.IsLetter(f)
}

func (t *tokenizer) add(k kind, s string, i, j int) {
	t.out = append(t.out, token{kind: k, text: s, start: int(t.in[i].start), end: int(t.in[j-1].end), filler: k == word && fillers[s]})
}

// brk ends a clause or sentence; ends in a row are one, the stronger.
func (t *tokenizer) brk(k kind, question bool, i int) {
	if n := len(t.out); n > 0 && (t.out[n-1].kind == soft || t.out[n-1].kind == hard) {
		t.out[n-1].kind = max(t.out[n-1].kind, k)
		t.out[n-1].question = t.out[n-1].question || question
		return
	}
	t.add(k, "", i, i+1)
	t.out[len(t.out)-1].question = question
}

// newline: an empty line ends a sentence, a single line's end is a comma at most.
func (t *tokenizer) newline(i int) int {
	j, lines := i, 0
	for ; j < len(t.in) && unicode.IsSpace(t.in[j].r); j++ {
		if t.in[j].r == '\n' {
			lines++
		}
	}
	k := soft
	if lines > 1 {
		k = hard
	}
	t.brk(k, false, i)
	return j
}

func (t *tokenizer) startsChunk(i int) bool { return i == 0 || unicode.IsSpace(t.in[i-1].r) }

// link takes a link or an address as one sign: words in it are nobody's.
func (t *tokenizer) link(i int) (int, bool) {
	at, scheme, j := false, false, i
	for ; j < len(t.in) && !unicode.IsSpace(t.in[j].r) && j-i < 2000; j++ {
		switch t.in[j].r {
		case '@':
			at = at || j > i && letter(t.in[j-1].r) && j+1 < len(t.in) && letter(t.in[j+1].r)
		case ':':
			scheme = scheme || j+2 < len(t.in) && t.in[j+1].r == '/' && t.in[j+2].r == '/'
		}
	}
	www := j-i > 4 && lower(t.in[i].r) == 'w' && lower(t.in[i+1].r) == 'w' && lower(t.in[i+2].r) == 'w' && t.in[i+3].r == '.'
	if !at && !scheme && !www {
		return i, false
	}
	t.add(sign, "@", i, j)
	return j, true
}

func lower(r rune) rune { return unicode.ToLower(r) }

// number takes digits and the signs that stand between two of them.
func (t *tokenizer) number(i int) int {
	var b []byte
	j := i
	for ; j < len(t.in) && len(b) < maxWord; j++ {
		r := t.in[j].r
		if digit(r) {
			f, _ := styled(r)
			b = append(b, byte(f))
			continue
		}
		if (r == '.' || r == ',' || r == '/' || r == ':' || r == '-' || r == '\'' || r == '’') && j+1 < len(t.in) && digit(t.in[j+1].r) {
			if r == '’' {
				r = '\''
			}
			b = append(b, byte(r))
			continue
		}
		break
	}
	if j < len(t.in) && letter(t.in[j].r) {
		if k, ok := t.leet(i); ok {
			return k
		}
	}
	t.add(number, string(b), i, j)
	return j
}

// leet takes a word that begins with a digit in place of a letter: 5top.
func (t *tokenizer) leet(i int) (int, bool) {
	s, j := t.letters(i)
	if w := unleet(s); w != s && keywords[w] != 0 {
		t.add(word, w, i, j)
		return j, true
	}
	return i, false
}

// letters reads letters and digits from i on.
func (t *tokenizer) letters(i int) (string, int) {
	b := make([]byte, 0, 16)
	j := i
	for ; j < len(t.in); j++ {
		r := t.in[j].r
		if !letter(r) && !digit(r) && !invisible(r) && r != '@' && r != '$' {
			break
		}
		if (r == '@' || r == '$') && (j == i || j+1 == len(t.in) || !letter(t.in[j+1].r) || !letter(t.in[j-1].r)) {
			break
		}
		if len(b) < maxWord {
			b = append(b, fold(r)...)
		}
	}
	return string(b), j
}

// unleet reads digits and signs in a word as the letters they stand for.
func unleet(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch c {
		case '0':
			b[i] = 'o'
		case '1':
			b[i] = 'i'
		case '3':
			b[i] = 'e'
		case '4', '@':
			b[i] = 'a'
		case '5', '$':
			b[i] = 's'
		case '7':
			b[i] = 't'
		}
	}
	return string(b)
}

// word takes a word with its contractions: don't, I'll and ya'll are one word,
// j'ai and l'avocat two.
func (t *tokenizer) word(i int) int {
	s, j := t.letters(i)
	if s == "" {
		return j
	}
	for j+1 < len(t.in) && apostrophe(t.in[j].r) && letter(t.in[j+1].r) {
		if elided[s] {
			t.add(word, s, i, j)
			return j + 1
		}
		rest, k := t.letters(j + 1)
		if s += rest; len(s) > maxWord {
			s = s[:maxWord]
		}
		j = k
	}
	if w := unleet(s); w != s && keywords[w] != 0 {
		s = w
	}
	t.add(word, s, i, j)
	t.out[len(t.out)-1].name = unicode.IsUpper(t.in[i].r) && i+1 < len(t.in) && unicode.IsLower(t.in[i+1].r)
	return j
}

func apostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == '‘' || r == '`' || r == '´' || r == 'ʼ' || r == '＇'
}

// elided are the French words that lose their vowel before another.
var elided = set("j l d n m t s c qu lorsqu jusqu puisqu quelqu aujourd")

// fillers are words that patterns skip: they change the tone, not the meaning.
var fillers = set(`please pls plz plse pleas kindly just really fucking fuckin fkn freaking damn ever again already now immediately asap permanently
	the a an my your any all these those this that for to sir madam
	bitte endlich mal doch einfach sofort jetzt nun auch schon mir ihnen sehr gerade
	favor ya ahora mismo
	svp stp vraiment maintenant immediatement`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range fields(words) {
		out[w] = true
	}
	return out
}

// punctuation reads what is neither a letter nor a digit.
func (t *tokenizer) punctuation(i int) int {
	switch r := t.in[i].r; r {
	case '.', '!', '?', ';', '…', '。', '！', '？', '¿', '¡', '．':
		t.brk(hard, r == '?' || r == '？', i)
	case ',', ':', '(', ')', '[', ']', '–', '—', '"', '“', '”', '„', '«', '»', '|', '*', '_', '~', '，':
		t.brk(soft, false, i)
	case '-':
		if i > 0 && i+1 < len(t.in) && unicode.IsSpace(t.in[i-1].r) && unicode.IsSpace(t.in[i+1].r) {
			t.brk(soft, false, i)
		}
	case '$', '€', '£', '¥', '₹', '%', '+', '&', '#':
		t.add(sign, string(r), i, i+1)
	case '🛑':
		t.add(word, "stop", i, i+1)
	default:
		if r >= 0x2190 && !unicode.IsSpace(r) && r != 0xFE0F {
			if s, ok := styled(r); ok && unicode.IsLetter(s) {
				return t.word(i)
			}
			t.add(word, string(r), i, i+1)
		}
	}
	return i + 1
}
