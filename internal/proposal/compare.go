package proposal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Row is one line of two texts side by side. Kind: "same", "changed" (both sides),
// "gone" (left only), "new" (right only) or "gap" (Skipped lines that are the same are
// left out).
type Row struct {
	Kind        string
	Left, Right Side
	Skipped     int
}

// Side is a line of one text; N is its number, 0 = there is none.
type Side struct {
	N     int
	Parts []Part
}

// Part is a piece of a line; Mark says that it differs from the other side.
type Part struct {
	Text string
	Mark bool
}

// Shown is the piece as a checker must see it, see Visible.
func (p Part) Shown() string { return Visible(p.Text) }

// Shown is the line as a checker must see it, see Visible.
func (s Side) Shown() string { return Visible(s.Text()) }

// Text is the line as it stands in its text.
func (s Side) Text() string {
	var b strings.Builder
	for _, p := range s.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

const (
	// mostCells bounds the table of common subsequences of lines, and once more those of the
	// words of all lines together; beyond it the middle of two texts, or a line, counts as
	// replaced as a whole. Whoever proposes chooses the texts, and whoever checks pays.
	mostCells = 1_000_000
	// around is how many lines that are the same stay beside a change.
	around = 3
)

// Compare puts two texts side by side: lines that differ with the words that differ
// marked, far lines that are the same left out.
func Compare(before, after string) []Row { return near(Whole(before, after)) }

// Whole is Compare that leaves nothing out.
func Whole(before, after string) []Row {
	var rows []Row
	a, b := lines(before), lines(after)
	forLines, forWords := mostCells, mostCells
	for _, s := range align(a, b, &forLines) {
		if s.same {
			rows = append(rows, sameRow(a, s.a, s.b))
			continue
		}
		rows = append(rows, differing(a[s.a:s.aEnd], b[s.b:s.bEnd], s.a, s.b, &forWords)...)
	}
	return rows
}

func sameRow(a []string, i, j int) Row {
	text := []Part{{Text: a[i]}}
	return Row{Kind: "same", Left: Side{i + 1, text}, Right: Side{j + 1, text}}
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
}

// differing pairs the lines of a stretch that differs: one beside the other as far as they
// go, with their words compared while cells last.
func differing(a, b []string, fromA, fromB int, cells *int) []Row {
	var out []Row
	for i := range max(len(a), len(b)) {
		r := Row{Kind: "changed"}
		switch {
		case i >= len(b):
			r = Row{Kind: "gone", Left: Side{fromA + i + 1, []Part{{Text: a[i]}}}}
		case i >= len(a):
			r = Row{Kind: "new", Right: Side{fromB + i + 1, []Part{{Text: b[i]}}}}
		default:
			left, right := byWords(a[i], b[i], cells)
			r.Left, r.Right = Side{fromA + i + 1, left}, Side{fromB + i + 1, right}
		}
		out = append(out, r)
	}
	return out
}

// Words compares two lines by words: the parts of each, those that differ marked.
func Words(a, b string) (left, right []Part) {
	cells := mostCells
	return byWords(a, b, &cells)
}

func byWords(a, b string, cells *int) (left, right []Part) {
	x, y := words(a), words(b)
	for _, s := range align(x, y, cells) {
		if s.same {
			left, right = add(left, x[s.a], false), add(right, y[s.b], false)
			continue
		}
		left = add(left, strings.Join(x[s.a:s.aEnd], ""), true)
		right = add(right, strings.Join(y[s.b:s.bEnd], ""), true)
	}
	return left, right
}

// add joins what is marked alike.
func add(parts []Part, text string, mark bool) []Part {
	if text == "" {
		return parts
	}
	if n := len(parts); n > 0 && parts[n-1].Mark == mark {
		parts[n-1].Text += text
		return parts
	}
	return append(parts, Part{text, mark})
}

// words cuts a line into words, blanks and single signs; put together they are the line.
func words(s string) []string {
	var out []string
	for len(s) > 0 {
		n := 0
		first, size := utf8.DecodeRuneInString(s)
		kind := kindOf(first)
		for n < len(s) {
			c, w := utf8.DecodeRuneInString(s[n:])
			if kindOf(c) != kind {
				break
			}
			n += w
			if kind == signKind {
				break
			}
		}
		if n == 0 {
			n = size
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

const (
	wordKind = iota
	blankKind
	signKind
)

func kindOf(c rune) int {
	switch {
	case unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) || c == '_':
		return wordKind
	case unicode.IsSpace(c):
		return blankKind
	}
	return signKind
}

// stretch is one element of an alignment: a[a] and b[b] are the same, or a[a:aEnd] stands
// where b[b:bEnd] does.
type stretch struct {
	same       bool
	a, b       int
	aEnd, bEnd int
}

// align finds a longest common subsequence of two lists while cells last.
func align(a, b []string, cells *int) []stretch {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var out []stretch
	for i := range start {
		out = append(out, stretch{same: true, a: i, b: i})
	}
	out = append(out, middle(a[start:len(a)-end], b[start:len(b)-end], start, cells)...)
	for i := range end {
		out = append(out, stretch{same: true, a: len(a) - end + i, b: len(b) - end + i})
	}
	return out
}

// middle aligns what is between the common beginning and end.
func middle(a, b []string, from int, cells *int) (out []stretch) {
	common := lengths(a, b, cells)
	i, j, fromI, fromJ := 0, 0, 0, 0
	flush := func() {
		if fromI < i || fromJ < j {
			out = append(out, stretch{a: from + fromI, b: from + fromJ, aEnd: from + i, bEnd: from + j})
		}
	}
	for i < len(a) && j < len(b) && common != nil {
		switch {
		case a[i] == b[j]:
			flush()
			out = append(out, stretch{same: true, a: from + i, b: from + j})
			i, j = i+1, j+1
			fromI, fromJ = i, j
		case common[i+1][j] >= common[i][j+1]:
			i++
		default:
			j++
		}
	}
	i, j = len(a), len(b)
	flush()
	return out
}

// lengths[i][j] is how much a[i:] and b[j:] have in common; nil when that is more work than
// cells are left, from which it is taken.
func lengths(a, b []string, cells *int) [][]int32 {
	if len(a)*len(b) > *cells {
		return nil
	}
	*cells -= len(a) * len(b)
	t := make([][]int32, len(a)+1)
	for i := range t {
		t[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				t[i][j] = t[i+1][j+1] + 1
			} else {
				t[i][j] = max(t[i+1][j], t[i][j+1])
			}
		}
	}
	return t
}

// near leaves out what is far from every change.
func near(all []Row) []Row {
	keep := make([]bool, len(all))
	for i, r := range all {
		if r.Kind == "same" {
			continue
		}
		for j := max(0, i-around); j <= min(len(all)-1, i+around); j++ {
			keep[j] = true
		}
	}
	var out []Row
	for i, r := range all {
		n := len(out)
		switch {
		case keep[i]:
			out = append(out, r)
		case n > 0 && out[n-1].Kind == "gap":
			out[n-1].Skipped++
		default:
			out = append(out, Row{Kind: "gap", Skipped: 1})
		}
	}
	return out
}
