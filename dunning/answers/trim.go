package answers

import (
	"slices"
	"strings"
	"unicode"
)

// line is a line of the message with its words folded.
type line struct {
	from, to int    // of the chars, without the line's end
	text     string // folded and trimmed, at most maxLine bytes
}

const maxLine = 400

// trim leaves what the writer wrote: without the message that is answered, and
// without a signature.
func trim(chars []char) []char {
	lines := split(chars)
	keep := make([]bool, len(lines))
	end := len(lines)
	for i := range lines {
		keep[i] = !strings.HasPrefix(lines[i].text, ">") && !device(lines[i].text)
	}
	for i := range lines {
		if drop, cut := boundary(lines, i); cut {
			end = i
			break
		} else if drop > 0 {
			for k := range drop {
				keep[i+k] = false
			}
		}
	}
	out := make([]char, 0, len(chars))
	for i, l := range lines[:end] {
		if !keep[i] {
			continue
		}
		out = append(out, chars[l.from:l.to]...)
		if l.to < len(chars) {
			out = append(out, chars[l.to])
		}
	}
	return out
}

func split(chars []char) []line {
	var out []line
	from := 0
	for i := 0; i <= len(chars); i++ {
		if i == len(chars) || chars[i].r == '\n' {
			out = append(out, line{from, i, foldLine(chars[from:i])})
			from = i + 1
		}
	}
	return out
}

func foldLine(chars []char) string {
	var b strings.Builder
	for _, c := range chars {
		if b.Len() > maxLine {
			break
		}
		if unicode.IsSpace(c.r) {
			b.WriteByte(' ')
			continue
		}
		b.WriteString(fold(c.r))
	}
	return strings.Trim(b.String(), " ")
}

// boundary says what begins at a line: cut, the end of what the writer wrote, or
// drop so many lines that introduce quoted ones between which the writer answers.
func boundary(lines []line, i int) (drop int, cut bool) {
	s := lines[i].text
	switch {
	case s == "" || len(s) > maxLine:
		return 0, false
	case ruler(s) || header(lines, i):
		return 0, true
	case (s == "--" || s == "—" || s == "---") && i > 0 && wrote(lines[:i]):
		return 0, true
	}
	if n := introduces(lines, i); n > 0 {
		if quotedNext(lines, i+n) {
			return n, false
		}
		return 0, true
	}
	return 0, false
}

// wrote reports whether anything stands in lines.
func wrote(lines []line) bool {
	return slices.ContainsFunc(lines, func(l line) bool { return l.text != "" && !strings.HasPrefix(l.text, ">") })
}

// introduces reports whether a quotation is introduced here ("On … X wrote:"),
// perhaps over several lines, and how many they are.
func introduces(lines []line, i int) int {
	if !begins(lines[i].text, "on ", "am ", "el ", "le ", "em ", "den ", "den", "il ", "op ") {
		return 0
	}
	for n := range 3 {
		if i+n == len(lines) || n > 0 && lines[i+n].text == "" {
			return 0
		}
		s := strings.TrimRight(lines[i+n].text, " ")
		if ends(s, "wrote:", "wrote :", "schrieb:", "schrieb :", "geschrieben:", "escribio:", "escribio :", "a ecrit :", "a ecrit:", "a ecrit", "scrisse:", "schreef:") ||
			strings.Contains(s, " schrieb ") && strings.HasSuffix(s, ":") || strings.Contains(s, "a ecrit") && strings.HasSuffix(s, ":") {
			return n + 1
		}
	}
	return 0
}

func begins(s string, heads ...string) bool {
	return slices.ContainsFunc(heads, func(h string) bool { return strings.HasPrefix(s, h) })
}

func ends(s string, tails ...string) bool {
	return slices.ContainsFunc(tails, func(t string) bool { return strings.HasSuffix(s, t) })
}

// quotedNext reports whether the next line with anything on it is a quoted one.
func quotedNext(lines []line, i int) bool {
	for ; i < len(lines); i++ {
		if lines[i].text != "" {
			return strings.HasPrefix(lines[i].text, ">")
		}
	}
	return false
}

// rulers stand between an answer and the message that is answered.
var rulers = []string{
	"original message", "original-nachricht", "ursprungliche nachricht", "urspruengliche nachricht", "originalnachricht", "mensaje original", "message d'origine",
	"message original", "message initial", "forwarded message", "weitergeleitete nachricht", "mensaje reenviado", "message transfere", "reply above this line",
	"antworten sie oberhalb dieser linie", "responda por encima de esta linea",
}

func ruler(s string) bool {
	t := strings.Trim(s, "-_=*#<> ")
	return t != s && slices.Contains(rulers, t) || len(s) >= 20 && strings.Trim(s, "_") == ""
}

var (
	headFrom = []string{"from:", "von:", "de:", "de :", "*from:*", "*von:*", "*de:*", "*de :*", "remitente:", "expediteur :", "expediteur:"}
	headMore = []string{
		"sent:", "date:", "to:", "subject:", "gesendet:", "datum:", "an:", "betreff:", "enviado:", "enviado el:", "fecha:", "para:", "asunto:",
		"envoye :", "envoye:", "date :", "a :", "objet :", "objet:", "*sent:*", "*date:*", "*gesendet:*", "*enviado:*", "*envoye :*", "*to:*", "*subject:*", "cc:",
	}
)

// header reports whether the head of another message begins here: a line with
// its sender and, within four, two more of its fields.
func header(lines []line, i int) bool {
	if !begins(lines[i].text, headFrom...) {
		return false
	}
	n := 0
	for _, l := range lines[i+1 : min(len(lines), i+5)] {
		if begins(l.text, headMore...) {
			n++
		}
	}
	return n >= 2
}

// device reports whether a line is what telephones and programs add.
func device(s string) bool {
	return begins(s, "sent from my ", "sent from mail for", "sent from outlook", "sent from yahoo", "get outlook for", "sent via ", "von meinem ", "gesendet mit ", "gesendet von mein", "diese nachricht wurde von meinem",
		"enviado desde mi ", "enviado con ", "envoye de mon ", "envoye depuis mon ", "envoye a partir de", "telecharger outlook", "holen sie sich outlook", "obtener outlook", "outlook fur ios", "virus-free", "virenfrei", "libre de virus")
}

// replyMarks stand before the subject of an answer: the rest of it is ours.
var replyMarks = []string{"re:", "re :", "aw:", "antw:", "wg:", "fw:", "fwd:", "rv:", "tr:", "sv:", "rif:", "res:", "reenv:"}

// readSubject parses a subject; ours is set when it is the subject of the
// message that is answered.
func readSubject(s string) (t text, ours bool) {
	t = parse(s, true)
	return t, begins(foldLine(t.raw), replyMarks...)
}
