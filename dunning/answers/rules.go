package answers

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed rules/*.txt
var files embed.FS

// rule is a line of rules/*.txt.
type rule struct {
	pattern
	id         string // file:line
	intent     Intent
	scope      string
	confidence int
	negated    bool // the pattern says no itself: a "not" around it changes nothing
	asked      bool // a question mark changes nothing
	short      bool // only in short messages
	alone      bool // only when nothing else is said
}

// shortMessage is how many words a short message has at most.
const shortMessage = 9

// rules are all rules in the order of the files and lines.
var rules = func() []rule {
	out, err := readRules()
	if err != nil {
		panic(err) // the files are part of the program; TestRulesAreReadable names the line
	}
	return out
}()

func readRules() ([]rule, error) {
	entries, err := files.ReadDir("rules")
	if err != nil {
		return nil, err
	}
	var out []rule
	for _, e := range entries {
		b, err := files.ReadFile("rules/" + e.Name())
		if err != nil {
			return nil, err
		}
		list, err := readFile(strings.TrimSuffix(e.Name(), ".txt"), string(b))
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// readFile reads sections "[intent scope]" of lines "confidence[,flag…] pattern"
// and names "name = phrases".
func readFile(name, s string) ([]rule, error) {
	var out []rule
	var section rule
	macros := map[string]string{}
	for n, text := range strings.Split(s, "\n") {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		where := name + ":" + strconv.Itoa(n+1)
		if text[0] == '[' {
			head := fields(strings.Trim(text, "[]"))
			section = rule{intent: Intent(head[0])}
			if len(head) > 1 {
				section.scope = head[1]
			}
			if section.intent != keep && !slices.Contains(intents, section.intent) {
				return nil, fmt.Errorf("rules/%s: unknown intent %q", where, head[0])
			}
			continue
		}
		if key, value, ok := strings.Cut(text, " = "); ok && !strings.Contains(key, " ") {
			macros[key] = value
			continue
		}
		r, err := readRule(section, text, macros)
		if err != nil {
			return nil, fmt.Errorf("rules/%s: %w", where, err)
		}
		r.id = where
		out = append(out, r)
	}
	return out, nil
}

func readRule(r rule, text string, macros map[string]string) (rule, error) {
	head, body, ok := strings.Cut(text, " ")
	flags := strings.Split(head, ",")
	n, err := strconv.Atoi(flags[0])
	if !ok || err != nil || n < 1 || n > 99 {
		return r, fmt.Errorf("a rule is \"confidence pattern\" with 1 to 99, not %q", text)
	}
	r.confidence = n
	for _, f := range flags[1:] {
		switch f {
		case "neg":
			r.negated = true
		case "q":
			r.asked = true
		case "short":
			r.short = true
		case "alone":
			r.alone = true
		default:
			return r, fmt.Errorf("unknown flag %q; there are neg, q, short, alone", f)
		}
	}
	r.pattern, err = readPattern(body, macros)
	return r, err
}

// table finds the rules that can begin with a word.
type table struct {
	words map[string][]*rule
	heads map[string][]*rule // by the first two letters
	any   []*rule
}

// byWord are the rules of intents, keepsByWord those of the sections [keep].
var (
	byWord      = tableOf(func(r *rule) bool { return r.intent != keep })
	keepsByWord = tableOf(func(r *rule) bool { return r.intent == keep })
)

func tableOf(wanted func(*rule) bool) table {
	t := table{words: map[string][]*rule{}, heads: map[string][]*rule{}}
	for i := range rules {
		r := &rules[i]
		if !wanted(r) {
			continue
		}
		words, heads, anything := r.firstWords()
		if anything {
			t.any = append(t.any, r)
			continue
		}
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			t.words[w] = append(t.words[w], r)
		}
		var twos []string
		for _, h := range heads {
			twos = append(twos, h[:min(2, len(h))])
		}
		slices.Sort(twos)
		for _, h := range slices.Compact(twos) {
			t.heads[h] = append(t.heads[h], r)
		}
	}
	return t
}

// beginning calls f for the rules that can begin at a token.
func (t table) beginning(tok token, f func(*rule)) {
	if tok.kind == word {
		for _, r := range t.words[tok.text] {
			f(r)
		}
		for n := 1; n <= 2 && n <= len(tok.text); n++ {
			for _, r := range t.heads[tok.text[:n]] {
				f(r)
			}
		}
	}
	for _, r := range t.any {
		f(r)
	}
}
