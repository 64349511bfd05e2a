package answers

import (
	"html"
	"strings"
)

// markup reports whether a text is HTML rather than words with a < in them.
func markup(s string) bool {
	head := strings.ToLower(cutRunes(s, min(len(s), 8<<10)))
	for _, tag := range []string{"<html", "<body", "<div", "<p>", "<p ", "<br", "<span", "<table", "<!doctype", "</"} {
		if strings.Contains(head, tag) {
			return true
		}
	}
	return false
}

// stripper takes markup out of a text, and with it what mail programs mark as quoted.
type stripper struct {
	s     string
	in    []char
	out   []char
	quote int    // depth of quoted blocks
	mute  string // element whose content is no text: script, style
}

// quotedMarks are classes and ids by which mail programs mark the message that
// is answered: what follows them is not the writer's.
var quotedMarks = []string{"gmail_quote", "gmail_attr", "yahoo_quoted", "divrplyfwdmsg", "appendonsend", "moz-cite-prefix", "protonmail_quote", "outlookmessageheader", "x_gmail_quote", "gmail_signature", "mail-editor-reference-message-container"}

func stripMarkup(s string, in []char) []char {
	st := &stripper{s: s, in: in, out: make([]char, 0, len(in))}
	for i := 0; i < len(in); {
		switch {
		case in[i].r == '<':
			i = st.tag(i)
		case in[i].r == '&':
			i = st.entity(i)
		case in[i].r == '\n' || in[i].r == '\r': // lines of the source are not lines of the text
			st.put(' ', in[i].start, in[i].end)
			i++
		default:
			st.put(in[i].r, in[i].start, in[i].end)
			i++
		}
	}
	return st.out
}

func (st *stripper) put(r rune, start, end int32) {
	if st.quote == 0 && st.mute == "" {
		st.out = append(st.out, char{r, start, end})
	}
}

// longestTag bounds the search for a tag's end: a < without one is a sign.
const longestTag = 4000

func (st *stripper) tag(i int) int {
	if strings.HasPrefix(st.s[st.in[i].start:], "<!--") {
		return st.comment(i)
	}
	j := i + 1
	for j < len(st.in) && st.in[j].r != '>' && st.in[j].r != '<' && j-i < longestTag {
		j++
	}
	if j == len(st.in) || st.in[j].r != '>' {
		st.put('<', st.in[i].start, st.in[i].end)
		return i + 1
	}
	st.element(strings.ToLower(st.s[st.in[i].end:st.in[j].start]), st.in[i].start, st.in[j].end)
	return j + 1
}

// comment skips to the end of a comment; one without an end ends the text.
func (st *stripper) comment(i int) int {
	for j := i + 4; j+2 < len(st.in); j++ {
		if st.in[j].r == '-' && st.in[j+1].r == '-' && st.in[j+2].r == '>' {
			return j + 3
		}
	}
	return len(st.in)
}

func (st *stripper) element(tag string, start, end int32) {
	name, closing := strings.TrimLeft(tag, "/ "), strings.HasPrefix(tag, "/")
	if k := strings.IndexAny(name, " /\t\r\n"); k >= 0 {
		name = name[:k]
	}
	if st.mute != "" {
		if closing && name == st.mute {
			st.mute = ""
		}
		return
	}
	switch name {
	case "script", "style", "head", "title":
		if !closing && !strings.HasSuffix(tag, "/") {
			st.mute = name
		}
	case "blockquote":
		st.put('\n', start, end)
		st.nest(closing)
	case "br", "p", "div", "tr", "li", "table", "ul", "ol", "h1", "h2", "h3", "h4", "hr", "body":
		st.put('\n', start, end)
		if closing && (name == "p" || name == "table") {
			st.put('\n', start, end)
		}
	}
	if st.quote == 0 && !closing && (name == "div" || name == "span" || name == "table" || name == "section") && marked(tag) {
		st.quote = 1 << 20 // to the end: answers stand above
	}
}

func (st *stripper) nest(closing bool) {
	switch {
	case !closing:
		st.quote++
	case st.quote > 0 && st.quote < 1<<20:
		st.quote--
	}
}

func marked(tag string) bool {
	for _, m := range quotedMarks {
		if strings.Contains(tag, m) {
			return true
		}
	}
	return false
}

// longestEntity bounds the search for an entity's end.
const longestEntity = 32

func (st *stripper) entity(i int) int {
	j := i + 1
	for j < len(st.in) && j-i < longestEntity && st.in[j].r != ';' && st.in[j].r > ' ' && st.in[j].r != '&' {
		j++
	}
	if j < len(st.in) && st.in[j].r == ';' {
		raw := st.s[st.in[i].start:st.in[j].end]
		if plain := html.UnescapeString(raw); plain != raw {
			for _, r := range plain {
				if r == 0xA0 {
					r = ' '
				}
				st.put(r, st.in[i].start, st.in[j].end)
			}
			return j + 1
		}
	}
	st.put('&', st.in[i].start, st.in[i].end)
	return i + 1
}
