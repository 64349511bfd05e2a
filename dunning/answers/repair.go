package answers

import (
	"strings"
)

func fields(s string) []string { return strings.Fields(s) }

// repair mends words that are written oddly: drawn out, spelled letter by
// letter, split in two, mistyped.
func repair(tokens []token) []token {
	tokens = joinSpelled(tokens)
	tokens = joinPairs(tokens)
	for i := range tokens {
		if t := &tokens[i]; t.kind == word {
			t.text = mend(t.text)
			t.filler = fillers[t.text]
		}
	}
	return tokens
}

// mend corrects one word towards the words that the rules know.
func mend(w string) string {
	if vocabulary[w] {
		return w
	}
	if s := shorten(w); s != w {
		if vocabulary[s] {
			return s
		}
		w = s
	}
	if s, ok := stopTypos[w]; ok {
		return s
	}
	return correct(w)
}

// shorten writes letters that stand three or more times in a row once.
func shorten(w string) string {
	drawn := false
	for i := 2; i < len(w); i++ {
		drawn = drawn || w[i] == w[i-1] && w[i] == w[i-2]
	}
	if !drawn {
		return w
	}
	once, twice := squeeze(w, 1), squeeze(w, 2)
	if !vocabulary[once] && vocabulary[twice] {
		return twice
	}
	return once
}

// squeeze cuts runs of three or more of a letter to n.
func squeeze(w string, n int) string {
	var b strings.Builder
	for i := 0; i < len(w); {
		j := i
		for j < len(w) && w[j] == w[i] {
			j++
		}
		run := j - i
		if run >= 3 {
			run = n
		}
		b.WriteString(w[i : i+run])
		i = j
	}
	return b.String()
}

// joinSpelled puts keywords together that are spelled letter by letter:
// S T O P, s.t.o.p, s-t-o-p.
func joinSpelled(in []token) []token {
	out := in[:0]
	for i := 0; i < len(in); {
		j, w := spelled(in, i)
		if w != "" {
			out = append(out, token{kind: word, text: w, start: in[i].start, end: in[j-1].end})
			i = j
			continue
		}
		out = append(out, in[i])
		i++
	}
	return out
}

const longestSpelled = 12

// spelled is the longest keyword that single letters from i on spell, and its
// end; a shorter one where that leaves letters over that spell nothing.
func spelled(in []token, i int) (end int, found string) {
	ends, words := keywordsFrom(in, i)
	for n := len(ends) - 1; n >= 0; n-- {
		j := ends[n]
		for j < len(in) && (in[j].kind == soft || in[j].kind == hard) {
			j++
		}
		more, _ := keywordsFrom(in, j)
		if j == len(in) || in[j].kind != word || len(in[j].text) > 1 || len(more) > 0 {
			return ends[n], words[n]
		}
	}
	if n := len(ends); n > 0 {
		return ends[n-1], words[n-1]
	}
	return i, ""
}

// keywordsFrom are all keywords that single letters from i on spell, shortest first.
func keywordsFrom(in []token, i int) (ends []int, words []string) {
	var b []byte
	for j := i; j < len(in) && len(b) < longestSpelled; j++ {
		switch t := in[j]; {
		case t.kind == word && len(t.text) == 1:
			b = append(b, t.text[0])
			if len(b) >= 3 && keywords[string(b)] != 0 {
				ends, words = append(ends, j+1), append(words, string(b))
			}
		case len(b) > 0 && (t.kind == soft || t.kind == hard) && in[j-1].kind == word:
		default:
			return ends, words
		}
	}
	return ends, words
}

// pairs are words that people split.
var pairs = map[string]string{
	"opt out": "optout", "opt outs": "optout", "un subscribe": "unsubscribe", "e mail": "email", "e mails": "emails", "e mailing": "emailing",
	"re voke": "revoke", "text s": "texts", "stop all": "stopall", "opt in": "optin", "un stop": "unstop", "sto p": "stop", "st op": "stop", "s top": "stop", "voice mail": "voicemail",
	"voice mails": "voicemails", "pay ment": "payment", "law yer": "lawyer", "text messages": "texts", "text message": "texts",
	"opted out": "optout", "quit it": "quitit", "stop by": "stopby", "stop over": "stopover", "stopped by": "stopby", "opting out": "optout", "telefon anrufe": "anrufe", "sms nachrichten": "sms", "sms messages": "sms",
}

func joinPairs(in []token) []token {
	out := in[:0]
	for i := 0; i < len(in); i++ {
		t := in[i]
		if w, ok := broken(in, i); ok {
			t.text, t.end, t.filler = w, in[i+2].end, false
			i += 2
		} else if t.kind == word && i+1 < len(in) && in[i+1].kind == word {
			if w, ok := pairs[t.text+" "+in[i+1].text]; ok {
				t.text, t.end, t.filler = w, in[i+1].end, false
				i++
			}
		}
		out = append(out, t)
	}
	return out
}

// broken is a keyword with a picture in its middle: st😊op.
func broken(in []token, i int) (string, bool) {
	if i+2 >= len(in) || in[i].kind != word || in[i+1].kind != word || in[i+2].kind != word || in[i+1].text[0] < 0x80 || in[i].end != in[i+1].start || in[i+1].end != in[i+2].start {
		return "", false
	}
	w := in[i].text + in[i+2].text
	return w, keywords[w] != 0
}

// stopTypos are slips of the finger over the word that matters most. Words of
// their own (top, step, shop, spot, atop, stoop) are not among them.
var stopTypos = func() map[string]string {
	out := map[string]string{}
	near := map[byte]string{'s': "adwxz", 't': "ry5", 'o': "ip0", 'p': "ol0"}
	add := func(w string) {
		if !notStop[w] && w != "stop" {
			out[w] = "stop"
		}
	}
	const stop = "stop"
	for i := range len(stop) {
		for _, c := range []byte(near[stop[i]]) {
			add(stop[:i] + string(c) + stop[i+1:])
		}
		add(stop[:i] + stop[i:i+1] + stop[i:])
		if i+1 < len(stop) {
			add(stop[:i] + stop[i+1:i+2] + stop[i:i+1] + stop[i+2:])
		}
	}
	for _, w := range fields("stp stpp stopo stopt stoip stiop sytop srop stopit stops stopp stoppp sop? stup sdtop astop stoo") {
		add(w)
	}
	return out
}()

var notStop = set("top tops step steps shop shops spot spots atop stoop stood stow stoic sop sto stoo stol stoi")

// slips are short words that are often mistyped.
var slips = map[string]string{
	"lawer": "lawyer", "laywer": "lawyer", "attorny": "attorney", "atorney": "attorney", "paied": "paid", "payd": "paid", "piad": "paid",
	"emial": "email", "emal": "email", "mesage": "message", "massage": "message", "mssg": "msg", "txet": "text", "tetx": "text", "texing": "texting", "txtin": "texting",
	"pleae": "please", "frday": "friday", "firday": "friday", "freitga": "freitag", "zahel": "zahle", "bezalt": "bezahlt", "bezhalt": "bezahlt", "anwlat": "anwalt", "numer": "nummer", "numero": "numero",
	"alon": "alone", "aloen": "alone", "wrog": "wrong", "worng": "wrong", "rong": "wrong", "numbr": "number", "nubmer": "number", "nmber": "number", "abogdo": "abogado",
}

// correct looks for the one known word that differs by one letter. Only long
// words, and a few slips, are corrected, and only when the first two letters are right.
func correct(w string) string {
	if s, ok := slips[w]; ok {
		return s
	}
	if len(w) < 7 || len(w) > maxWord || realWords[w] || everyday[w] {
		return w
	}
	if c := deletions[w]; c != "" && c[:2] == w[:2] { // a letter too few
		return c
	}
	for i := 1; i < len(w); i++ {
		cut := w[:i] + w[i+1:]
		if vocabulary[cut] && len(cut) >= 6 { // a letter too many
			return cut
		}
		if c := deletions[cut]; c != "" && len(c) == len(w) && c[:2] == w[:2] { // another letter, or two changed places
			return c
		}
	}
	return w
}

// everyday are words that are right as they are: those of dates, numbers and
// courtesies, and the most common ones.
var everyday = func() map[string]bool {
	out := map[string]bool{}
	for _, words := range []map[string]bool{dayUnits, weekUnits, monthUnits, nextWords, dayBefore, inWords, fillers, courteous, function, dayNames, untilWords, afterWords, common["en"], common["de"], common["es"], common["fr"]} {
		for w := range words {
			out[w] = true
		}
	}
	for _, words := range []map[string]int{weekdayNames, monthNames, numberWords} {
		for w := range words {
			out[w] = true
		}
	}
	return out
}()

// vocabulary are all whole words of the rules; deletions index those of six
// letters and more without one letter. Both are complete when rules are read.
var vocabulary, deletions = learn()

func learn() (map[string]bool, map[string]string) {
	words := map[string]bool{}
	for _, r := range rules {
		r.words(words)
	}
	for k := range keywords {
		words[k] = true
	}
	less := map[string]string{}
	for w := range words {
		if len(w) < 6 {
			continue
		}
		for i := 1; i < len(w); i++ {
			cut := w[:i] + w[i+1:]
			if old, ok := less[cut]; !ok || w < old { // the same choice always
				less[cut] = w
			}
		}
	}
	return words, less
}
