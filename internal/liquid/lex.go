package liquid

import (
	"regexp"
	"strconv"
	"strings"
)

// piece is a stretch of the template: text, an output or a tag.
type piece struct {
	kind   byte   // 't' text, 'o' output, 'g' tag
	text   string // text as it is, or what stands between the braces
	offset int    // of text in the source
}

// cut splits a template into pieces and applies whitespace control. The
// content of raw and comment is text and nothing, whatever it looks like.
func (p *parser) cut() (out []piece) {
	src, at := p.src, 0
	trim := false // the piece before ended with "-"
	text := func(s string, offset int, trimEnd bool) {
		if trim {
			cut := strings.TrimLeft(s, " \t\r\n")
			offset += len(s) - len(cut)
			s = cut
		}
		if trimEnd {
			s = strings.TrimRight(s, " \t\r\n")
		}
		if s != "" {
			out = append(out, piece{'t', s, offset})
		}
	}
	for {
		open := nextOpen(src, at)
		if open < 0 {
			text(src[at:], at, false)
			return out
		}
		kind, closing := byte('o'), "}}"
		if src[open+1] == '%' {
			kind, closing = 'g', "%}"
		}
		end := strings.Index(src[open+2:], closing)
		if end < 0 {
			p.fault(open, "this is not closed", "it needs "+closing)
			return out
		}
		from, to := open+2, open+2+end
		inner := src[from:to]
		before := strings.HasPrefix(inner, "-")
		if before {
			inner, from = inner[1:], from+1
		}
		text(src[at:open], at, before)
		trim = strings.HasSuffix(inner, "-")
		inner = strings.TrimSuffix(inner, "-")
		at = to + 2
		if name := strings.TrimSpace(inner); kind == 'g' && (name == "raw" || name == "comment") {
			at, trim = p.skip(name, at, open, text, &trim)
			continue
		}
		out = append(out, piece{kind, inner, from})
	}
}

func nextOpen(src string, at int) int {
	i := strings.Index(src[at:], "{{")
	j := strings.Index(src[at:], "{%")
	if i < 0 || j >= 0 && j < i {
		i = j
	}
	if i < 0 {
		return -1
	}
	return at + i
}

var (
	endRaw     = regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`)
	endComment = regexp.MustCompile(`\{%-?\s*endcomment\s*-?%\}`)
)

// skip passes over raw (kept as text) or comment (dropped).
func (p *parser) skip(name string, at, open int, text func(string, int, bool), trim *bool) (next int, trimAfter bool) {
	pattern := endComment
	if name == "raw" {
		pattern = endRaw
	}
	m := pattern.FindStringIndex(p.src[at:])
	if m == nil {
		p.fault(open, name+" is not closed", "it needs {% end"+name+" %}")
		return len(p.src), false
	}
	tag := p.src[at+m[0] : at+m[1]]
	if name == "raw" {
		text(p.src[at:at+m[0]], at, strings.HasPrefix(tag, "{%-"))
		*trim = false
	}
	return at + m[1], strings.HasSuffix(tag, "-%}")
}

// token is a word of an output or tag.
type token struct {
	kind   byte // 'i' name, 's' string, 'n' number, 'p' punctuation, 0 end
	text   string
	offset int
}

var tokenPattern = regexp.MustCompile(`^(?:([A-Za-z_][A-Za-z0-9_-]*\??)|"([^"]*)"|'([^']*)'|(-?[0-9]+)|(==|!=|<=|>=|<>|\.\.|[<>|:,.=()\[\]]))`)

// words splits what stands between braces.
func (p *parser) words(s string, offset int) (out []token, ok bool) {
	for {
		rest := strings.TrimLeft(s, " \t\r\n")
		offset += len(s) - len(rest)
		s = rest
		if s == "" {
			return append(out, token{0, "", offset}), true
		}
		m := tokenPattern.FindStringSubmatchIndex(s)
		if m == nil {
			hint := ""
			if s[0] == '"' || s[0] == '\'' {
				hint = "the text in quotes is not closed"
			}
			p.fault(offset, "unexpected "+strconv.Quote(firstRune(s)), hint)
			return nil, false
		}
		for g, kind := range []byte{'i', 's', 's', 'n', 'p'} {
			if a := m[2+2*g]; a >= 0 {
				out = append(out, token{kind, s[a:m[3+2*g]], offset})
			}
		}
		s, offset = s[m[1]:], offset+m[1]
	}
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}
