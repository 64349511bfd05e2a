package letter

import (
	"strings"

	"github.com/duly/duly/dunning"
)

// Fault is a letter that cannot be set. It names what is wrong, never the text.
type Fault struct {
	Class dunning.FailureClass
	Code  string // address_lines, address_width, glyph, pages
}

// Error says what is wrong and how to mend it.
func (f Fault) Error() string {
	switch f.Code {
	case "address_lines":
		return "letter: the address has more lines than the window shows: shorten it"
	case "address_width":
		return "letter: a line of the address is wider than the window: abbreviate it"
	case "glyph":
		return "letter: the text has a character that the letter's font cannot print: use the HTML twin or other words"
	case "pages":
		return "letter: more than 20 pages: this is no letter"
	}
	return "letter: " + f.Code
}

// geometry is a form in millimetres from the top left corner of the page.
type geometry struct {
	paper         string // fpdf's name
	width, height float64
	left, right   float64 // margins of the text
	// What shows through the window in every position that the folded sheet
	// can take in the envelope: nothing but address and return address may
	// stand there.
	winX, winY, winW, winH float64
	// Where the address is printed: inside the window in every such position.
	addrX, addrTop, addrBottom, addrW float64
	addrLines                         int
	returnY                           float64 // baseline of the one-line return address; 0 = in the letterhead instead
	headX, headY                      float64 // the sender's block
	subjectY                          float64 // baseline
	nextTop, bottom                   float64 // first baseline on further pages; last allowed baseline
	foldMarks                         []float64
}

// forms are the two sheets.
//
// DIN 5008 form B: address field 85 × 45 mm at (20, 45), its upper 17.7 mm for
// the return address; text from 98.46 mm; folds at 105 and 210 mm, punch mark
// at 148.5 mm.
//
// No. 10 envelope (4⅛ × 9½ in) with the usual window, 4½ × 1⅛ in, ⅞ in from the
// left and ½ in from the bottom. A sheet folded in three (3⅔ in) can slide by
// 0.458 in up and 1 in sideways; what is always visible is only 3.5 × 0.667 in.
var forms = map[Form]geometry{
	DIN5008B: {
		paper: "A4", width: 210, height: 297, left: 25, right: 20,
		winX: 20, winY: 45, winW: 85, winH: 45,
		addrX: 25, addrTop: 62.7, addrBottom: 90, addrW: 78, addrLines: 6, returnY: 60.5,
		headX: 125, headY: 32, subjectY: 103, nextTop: 30, bottom: 272, foldMarks: []float64{105, 148.5, 210},
	},
	US10: {
		paper: "Letter", width: 215.9, height: 279.4, left: 25.4, right: 25.4,
		winX: -3.2, winY: 51.8, winW: 139.8, winH: 40.3,
		addrX: 24, addrTop: 63.5, addrBottom: 80.4, addrW: 86, addrLines: 5,
		headX: 25.4, headY: 18, subjectY: 103, nextTop: 28, bottom: 254, foldMarks: nil,
	},
}

// Type sizes in points and line heights in millimetres.
const (
	bodySize, bodyStep = 10.5, 5.0
	headSize, headStep = 9.0, 4.2
	returnSize         = 6.5
	footSize           = 8.0
	maxPages           = 20
	mmPerPoint         = 25.4 / 72
)

// line is one placed line of text; y is its baseline. With a rule it is a stroke of that
// length and no text.
type line struct {
	x, y, size, rule float64
	bold             bool
	text             string
}

// measure returns the width of text in millimetres.
type measure func(text string, size float64, bold bool) float64

// compose places everything on pages. It is pure: the same message gives the
// same pages.
func (g geometry) compose(m dunning.Message, width measure) ([][]line, error) {
	address, err := g.address(addressLines(m), width)
	if err != nil {
		return nil, err
	}
	first := append(address, g.letterhead(m.Sender, width)...)
	pages, y := [][]line{first}, g.subjectY
	put := func(p set) error {
		if y > g.bottom {
			if len(pages) == maxPages {
				return Fault{dunning.FailedContent, "pages"}
			}
			pages, y = append(pages, nil), g.nextTop
		}
		last := len(pages) - 1
		if p.text != "" {
			pages[last] = append(pages[last], line{x: g.left + p.at, y: y, size: bodySize, bold: p.bold, text: p.text})
		}
		if p.rule > 0 {
			pages[last] = append(pages[last], line{x: g.left, y: y + ruleBelow, rule: p.rule})
		}
		y += p.step
		return nil
	}
	for _, p := range g.paragraphs(m, width) {
		if err := put(p); err != nil {
			return nil, err
		}
	}
	return g.number(pages, width), nil
}

// set is a wrapped line or a cell of a table, and how far the next one is below it.
type set struct {
	text     string
	bold     bool
	step     float64
	at, rule float64 // how far right of the margin; length of a rule below
}

// paragraphs wraps subject and text, and sets the tables of the text.
func (g geometry) paragraphs(m dunning.Message, width measure) []set {
	var out []set
	room := g.width - g.left - g.right
	if subject := squash(m.Subject); subject != "" {
		for _, l := range wrap(subject, room, func(s string) float64 { return width(s, bodySize, true) }) {
			out = append(out, set{text: l, bold: true, step: bodyStep})
		}
		out[len(out)-1].step = 3 * bodyStep // DIN 5008: two blank lines after the subject
	}
	for lines := strings.Split(strings.TrimRight(m.Text, "\n "), "\n"); len(lines) > 0; {
		if t, n := tableAt(lines); n > 0 {
			if cells := t.set(room, width); cells != nil {
				out, lines = append(out, cells...), lines[n:]
				continue
			}
		}
		for _, l := range wrap(lines[0], room, func(s string) float64 { return width(s, bodySize, false) }) {
			out = append(out, set{text: l, step: bodyStep})
		}
		lines = lines[1:]
	}
	return out
}

// address places the address in the middle of its zone, smaller when it has
// many lines.
func (g geometry) address(lines []string, width measure) ([]line, error) {
	if len(lines) > g.addrLines {
		return nil, Fault{dunning.FailedRecipient, "address_lines"}
	}
	zone := g.addrBottom - g.addrTop
	step := min(4.5, zone/float64(len(lines)))
	size := min(10.5, step/1.15/mmPerPoint)
	top := g.addrTop + (zone-step*float64(len(lines)))/2
	var out []line
	for i, text := range lines {
		if width(text, size, false) > g.addrW {
			return nil, Fault{dunning.FailedRecipient, "address_width"}
		}
		out = append(out, line{x: g.addrX, y: top + step*(float64(i)+0.78), size: size, text: text})
	}
	return out, nil
}

// letterhead places the sender: as a block and, where the form has a place for
// it, as a return address in one line above the address.
func (g geometry) letterhead(sender []string, width measure) []line {
	var out []line
	var whole []string
	for _, s := range sender {
		if s = squash(s); s == "" {
			continue
		}
		whole = append(whole, s)
		y := g.headY + headStep*float64(len(whole)-1)
		if y < g.headY+headStep*8 { // the block ends above the window and the text
			out = append(out, line{x: g.headX, y: y, size: headSize, bold: len(whole) == 1, text: s})
		}
	}
	if g.returnY == 0 || len(whole) == 0 {
		return out
	}
	one := strings.Join(whole[:min(3, len(whole))], " · ")
	for width(one, returnSize, false) > g.addrW && strings.Contains(one, " ") {
		one = one[:strings.LastIndex(one, " ")] // a return address that is cut still returns
	}
	return append(out, line{x: g.addrX, y: g.returnY, size: returnSize, text: one})
}

// number writes "2 / 3" under each page of a letter that has several.
func (g geometry) number(pages [][]line, width measure) [][]line {
	if len(pages) == 1 {
		return pages
	}
	for i := range pages {
		text := itoa(i+1) + " / " + itoa(len(pages))
		x := g.width - g.right - width(text, footSize, false)
		pages[i] = append(pages[i], line{x: x, y: g.height - 12, size: footSize, text: text})
	}
	return pages
}

// wrap breaks a paragraph into lines that fit room. A word that is wider than
// a line is cut. An empty paragraph is one empty line.
func wrap(paragraph string, room float64, width func(string) float64) []string {
	out, current := []string(nil), ""
	for _, word := range strings.Fields(paragraph) {
		joined := strings.TrimPrefix(current+" "+word, " ")
		if width(joined) <= room {
			current = joined
			continue
		}
		if current != "" {
			out = append(out, current)
		}
		for width(word) > room && len([]rune(word)) > 1 {
			n := fit(word, room, width)
			out, word = append(out, word[:n]), word[n:]
		}
		current = word
	}
	if current != "" || len(out) == 0 {
		out = append(out, current)
	}
	return out
}

// fit returns how many bytes of word fit into room, at least one character.
func fit(word string, room float64, width func(string) float64) int {
	last := 0
	for i := range word {
		if i > 0 && width(word[:i]) > room {
			break
		}
		last = i
	}
	if last == 0 {
		for i := range word {
			if i > 0 {
				return i
			}
		}
		return len(word)
	}
	return last
}
