package answers

import "slices"

// keep is what a rule of a section [keep] says: the writer speaks of stopping, or of being
// taken off a list, and does not want it ("please do not stop sending reminders"). It is no
// intent: it takes the refusal out of the words, and a person reads the message. Nobody is
// written to because of it, and a refusal beside it stands.
const keep Intent = "keep"

// kept is a place where the words for stopping are denied, as tokens [from, to).
type kept struct {
	from, to int
	id       string
}

// mayDeny are the words that may stand before such a place. Behind any other word somebody
// else is spoken of ("you do not stop writing", "why don't they stop"), and that is a refusal.
var mayDeny = set(`i we and but so also kindly just really im am id ill because though
	ich wir und aber auch nur denn yo nosotros nosotras y pero tambien por favor je j nous et de mais aussi donc car`)

// keeps finds those places. Where it is in doubt whether the words deny, there is none: a
// question, somebody else before it, a comma behind the "no".
func (f *finder) keeps(t text, m *matcher) (out []kept) {
	for i := range t.tokens {
		keepsByWord.beginning(t.tokens[i], func(r *rule) {
			end := m.match(r.pattern, i)
			if end <= i || question(m.tokens, end) || cut(m.tokens[i:end]) {
				return
			}
			if one, _ := before(m.tokens, i); one == "" || mayDeny[one] {
				out = append(out, kept{i, end, r.id})
			}
		})
	}
	for _, k := range out {
		f.add(Finding{Intent: Unclear, Confidence: 60, Rule: k.id, Spans: spans(t, upTo(k.from, k.to))})
	}
	return out
}

// cut reports whether a comma or the like parts the words of a place: "no, stop writing".
// The comma that German and others put before "that" parts nothing.
func cut(tok []token) bool {
	for i := range tok {
		if tok[i].kind == soft && !slices.ContainsFunc(tok[i:], func(x token) bool { return x.kind == word && (x.text == "dass" || x.text == "das" || x.text == "que") }) {
			return true
		}
	}
	return false
}

func upTo(from, to int) []int {
	out := make([]int, 0, to-from)
	for k := from; k < to; k++ {
		out = append(out, k)
	}
	return out
}

// denied reports whether a match of a refusal lies where stopping is denied, and refuses
// nothing outside it.
func denied(ks []kept, m *matcher, i, end int) bool {
	return slices.ContainsFunc(ks, func(k kept) bool {
		return i < k.to && k.from < end && !slices.ContainsFunc(m.from, func(n int) bool { return (n < k.from || n >= k.to) && refuses(m.tokens[n].text) })
	})
}

// within reports whether a token lies in any of the places.
func within(ks []kept, n int) bool {
	return slices.ContainsFunc(ks, func(k kept) bool { return k.from <= n && n < k.to })
}

// refuses reports whether a word can refuse.
func refuses(w string) bool {
	return refusing[w] || keywords[w] == kwStop || stopVerbs[w] || stem(w, refusingStems)
}
