package letter

import (
	"cmp"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/locale"
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
		return "letter: the lines of the address are wider than the window, also when they are broken: abbreviate them"
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
	dateY                             float64 // baseline of the day that the letter bears
	dateRight                         bool    // it ends at the right margin
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
		headX: 125, headY: 32, subjectY: 103, nextTop: 30, bottom: 272, dateY: 95, dateRight: true, foldMarks: []float64{105, 148.5, 210},
	},
	US10: {
		paper: "Letter", width: 215.9, height: 279.4, left: 25.4, right: 25.4,
		winX: -3.2, winY: 51.8, winW: 139.8, winH: 40.3,
		addrX: 24, addrTop: 63.5, addrBottom: 80.4, addrW: 86, addrLines: 5,
		headX: 25.4, headY: 18, subjectY: 105, nextTop: 28, bottom: 254, dateY: 97, foldMarks: nil,
	},
}

// Type sizes in points and line heights in millimetres.
const (
	bodySize, bodyStep = 10.5, 5.0
	headSize, headStep = 9.0, 4.2
	returnSize         = 6.5
	footSize           = 8.0
	maxPages           = 20
	mostLines          = 80  // more than a page holds in any type
	longestLine        = 300 // more characters than a line holds
	mmPerPoint         = 25.4 / 72
)

// line is one placed line of text; y is its baseline. With a rule it is a stroke of that
// length and no text.
type line struct {
	x, y, size, rule float64
	bold, dashed     bool
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
	if strings.Count(m.Text, "\n") > maxPages*mostLines { // not even the breaks are looked for
		return nil, Fault{dunning.FailedContent, "pages"}
	}
	first := append(address, g.letterhead(m.Sender, width)...)
	first = append(first, g.dateline(m, width)...)
	body, slip := g.paragraphs(m, width)
	c := composing{g: g, pages: [][]line{first}, y: g.subjectY}
	c.putAll(body)
	c.putSlip(slip)
	if len(c.pages) > maxPages {
		return nil, Fault{dunning.FailedContent, "pages"}
	}
	return g.number(g.continued(c.pages, m, width), width), nil
}

// hair is less than anybody sees, in millimetres: sums of steps are not exact.
const hair = 0.001

// composing is a letter while its pages fill.
type composing struct {
	g     geometry
	pages [][]line
	y     float64 // baseline of the next line
}

// putAll places sets below each other. What belongs together moves to the next page whole,
// and a table that is broken begins there with its head again.
func (c *composing) putAll(all []set) {
	for i := 0; i < len(all) && len(c.pages) <= maxPages; i++ {
		p := all[i]
		if c.y+p.keep > c.g.bottom+hair {
			blank := p.text == "" && p.rule == 0 && p.step > 0
			c.turn()
			if blank { // a page does not begin with an empty line
				continue
			}
			for _, h := range p.head {
				c.put(h)
			}
		}
		c.put(p)
	}
}

func (c *composing) turn() { c.pages, c.y = append(c.pages, nil), c.g.nextTop }

func (c *composing) put(p set) {
	last := len(c.pages) - 1
	if p.text != "" {
		c.pages[last] = append(c.pages[last], line{x: c.g.left + p.at, y: c.y, size: p.size, bold: p.bold, text: p.text})
	}
	if p.rule > 0 {
		c.pages[last] = append(c.pages[last], line{x: c.g.left + p.ruleX, y: c.y + p.ruleY, rule: p.rule, dashed: p.dashed})
	}
	c.y += p.step
}

// putSlip places what is to be cut off: all of it on one page, at its end.
func (c *composing) putSlip(slip []set) {
	tall := 0.0
	for _, p := range slip {
		tall += p.step
	}
	if tall == 0 {
		return
	}
	c.y += bodyStep
	top := c.g.bottom + slip[len(slip)-1].step - tall
	if c.y > top+hair {
		c.turn()
	}
	if top < c.g.nextTop { // more than a page: no slip
		c.putAll(slip)
		return
	}
	c.y = max(c.y, top)
	for _, p := range slip {
		c.put(p)
	}
}

// set is a wrapped line or a cell of a table, and how far the next one is below it.
type set struct {
	text string
	bold bool
	size float64 // of the type, in points
	step float64
	keep float64 // how much below its baseline must be on the same page
	at   float64 // how far right of the margin
	// A stroke of a length, ruleX right of the margin and ruleY below the baseline.
	rule, ruleX, ruleY float64
	dashed             bool
	head               []set // what a table begins with on the next page, when this is its first line there
}

// slipMark begins what is to be cut off and sent back: a line of its own.
const slipMark = "✂"

// paragraphs wraps subject and text, and sets the tables of the text. What follows the mark
// of a slip is apart.
func (g geometry) paragraphs(m dunning.Message, width measure) (out, slip []set) {
	room := g.width - g.left - g.right
	if subject := squash(m.Subject); subject != "" {
		for _, l := range wrap(subject, room, func(s string) float64 { return width(s, bodySize, true) }) {
			out = append(out, set{text: l, bold: true, size: bodySize, step: bodyStep})
		}
		out[len(out)-1].step = 3 * bodyStep // DIN 5008: two blank lines after the subject
	}
	text, cut := strings.TrimRight(m.Text, "\n "), ""
	if i := strings.Index("\n"+text+"\n", "\n"+slipMark+"\n"); i >= 0 {
		text, cut = strings.TrimRight(text[:i], "\n "), strings.TrimLeft(text[min(len(text), i+len(slipMark)):], "\n")
		slip = append(slip, set{text: slipMark, size: bodySize, step: 1.8 * bodyStep, rule: room - 6, ruleX: 6, ruleY: -1.2, dashed: true})
	}
	bold := strong(m.HTML)
	out = append(out, g.lines(text, room, bold, width)...)
	if cut != "" {
		slip = append(slip, g.lines(cut, room, bold, width)...)
	}
	return out, slip
}

var strongText = regexp.MustCompile(`<(?:strong|h[1-6]\b[^>]*)>([^<]+)</(?:strong|h[1-6])>`)

// strong are the texts that the twin of a letter has in bold: headings and the like. A line
// or a sum that is one of them is bold in print too.
func strong(twin string) map[string]bool {
	out := map[string]bool{}
	for _, hit := range strongText.FindAllStringSubmatch(twin, -1) {
		out[squash(clean(html.UnescapeString(hit[1])))] = true
	}
	return out
}

// lines are those of a text, with its tables set as such.
func (g geometry) lines(text string, room float64, bold map[string]bool, width measure) (out []set) {
	for lines := strings.Split(text, "\n"); len(lines) > 0; {
		if t, n := tableAt(lines); n > 0 {
			t.bold = bold
			if cells := t.set(room, width); cells != nil {
				out, lines = append(out, cells...), lines[n:]
				continue
			}
		}
		if strings.TrimSpace(lines[0]) == "---" {
			out, lines = append(out, set{step: bodyStep, rule: room, ruleY: -1.2}), lines[1:]
			continue
		}
		out = append(out, paragraph(lines[0], room, bold[squash(lines[0])], width)...)
		lines = lines[1:]
	}
	return out
}

// paragraph wraps a line of the text. What hangs on a mark, as the items of lists do, is
// set in from it.
func paragraph(s string, room float64, bold bool, width measure) (out []set) {
	mark, indent := markOf(s)
	in := 0.0
	if mark != "" {
		in = indent + width(printedMark(mark), bodySize, false) + markGap
	}
	for i, l := range wrap(strings.TrimPrefix(strings.TrimSpace(s), strings.TrimSpace(mark)), room-in, func(s string) float64 { return width(s, bodySize, bold) }) {
		if i == 0 && mark != "" {
			out = append(out, set{text: printedMark(mark), size: bodySize, at: indent})
		}
		out = append(out, set{text: l, bold: bold, size: bodySize, step: bodyStep, at: in})
	}
	if n := len(out); n > 2 { // neither the first nor the last line of a paragraph stands alone
		out[0].keep = bodyStep
		out[n-2].keep = bodyStep
	}
	if end := strings.TrimRight(s, " "); len(out) == 1 && (bold || strings.HasSuffix(end, "?") || strings.HasSuffix(end, ":")) {
		out[0].keep = 3 * bodyStep // it heads what follows
	}
	return out
}

// markGap is between a mark and what hangs on it, in millimetres.
const markGap = 1.8

// marks begin items of lists and boxes to tick.
var marks = []string{"-", "•", "☐"}

// markOf is the mark that a line begins with, and how far it is set in; "" for none.
func markOf(s string) (mark string, indent float64) {
	rest := strings.TrimLeft(s, " ")
	for _, m := range marks {
		if strings.HasPrefix(rest, m+" ") {
			return m, float64(min(len(s)-len(rest), 8)) * 1.5
		}
	}
	return "", 0
}

// printedMark is a mark as print has it.
func printedMark(mark string) string {
	if mark == "-" {
		return "•"
	}
	return mark
}

// Sizes of the address: DIN 5008 asks for 8 points at least, and so do the machines that read it.
const (
	addressSize, addressLeast = 10.5, 8.0
)

// address places the address in the middle of its zone: smaller when it has many lines or
// long ones, and a line that is still too wide over several.
func (g geometry) address(lines []string, width measure) ([]line, error) {
	if len(lines) > g.addrLines {
		return nil, Fault{dunning.FailedRecipient, "address_lines"}
	}
	fits := func(lines []string, size float64) bool {
		for _, l := range lines {
			if width(l, size, false) > g.addrW {
				return false
			}
		}
		return true
	}
	zone := g.addrBottom - g.addrTop
	most := func(n int) float64 { return min(addressSize, min(4.5, zone/float64(n))/1.15/mmPerPoint) }
	size := most(len(lines))
	for !fits(lines, size) && size > addressLeast {
		size = max(size-0.5, addressLeast)
	}
	if !fits(lines, size) {
		var wrapped []string
		for _, l := range lines {
			wrapped = append(wrapped, wrap(l, g.addrW, func(s string) float64 { return width(s, addressLeast, false) })...)
		}
		if lines, size = wrapped, min(addressLeast, most(len(wrapped))); len(lines) > g.addrLines {
			return nil, Fault{dunning.FailedRecipient, "address_width"}
		}
	}
	return g.placed(lines, size), nil
}

// placed are the lines of an address in the middle of its zone.
func (g geometry) placed(lines []string, size float64) (out []line) {
	zone := g.addrBottom - g.addrTop
	step := min(4.5, zone/float64(len(lines)))
	top := g.addrTop + (zone-step*float64(len(lines)))/2
	for i, text := range lines {
		out = append(out, line{x: g.addrX, y: top + step*(float64(i)+0.78), size: size, text: text})
	}
	return out
}

// dateline is the day that a letter bears, above its subject.
func (g geometry) dateline(m dunning.Message, width measure) []line {
	text := dated(m)
	if text == "" {
		return nil
	}
	x := g.left
	if g.dateRight {
		x = g.width - g.right - width(text, bodySize, false)
	}
	return []line{{x: x, y: g.dateY, size: bodySize, text: text}}
}

// dated is the day that a letter bears, in the words of its language; "" for none.
func dated(m dunning.Message) string { return locale.Date(m.Dated, cmp.Or(m.Formats, m.Locale)) }

// continued heads all pages but the first with what letter they belong to.
func (g geometry) continued(pages [][]line, m dunning.Message, width measure) [][]line {
	text, room := squash(m.Subject), g.width-g.left-g.right
	if day := dated(m); day != "" {
		text = strings.TrimPrefix(text+" · "+day, " · ")
	}
	if text == "" {
		return pages
	}
	text = wrap(text, room, func(s string) float64 { return width(s, footSize, false) })[0]
	for i := range pages[1:] {
		pages[i+1] = append(pages[i+1], line{x: g.left, y: g.nextTop - 2*bodyStep, size: footSize, text: text})
	}
	return pages
}

// letterhead places the sender: as a block and, where the form has a place for
// it, as a return address in one line above the address.
func (g geometry) letterhead(sender []string, width measure) []line {
	var whole []string
	for _, s := range sender {
		if s = squash(s); s != "" {
			whole = append(whole, s)
		}
	}
	out := g.block(whole, width)
	if g.returnY == 0 || len(whole) == 0 {
		return out
	}
	one := strings.Join(whole[:min(3, len(whole))], " · ")
	for width(one, returnSize, false) > g.addrW && strings.Contains(one, " ") {
		one = one[:strings.LastIndex(one, " ")] // a return address that is cut still returns
	}
	if width(one, returnSize, false) > g.addrW {
		one = one[:fit(one, g.addrW, func(s string) float64 { return width(s, returnSize, false) })]
	}
	return append(out, line{x: g.addrX, y: g.returnY, size: returnSize, text: one})
}

// block is the sender's block, which ends above the window and the text: long lines are
// broken, and many are set smaller.
func (g geometry) block(whole []string, width measure) (out []line) {
	const tall = 8 * headStep
	room := g.width - g.right - g.headX
	for size := headSize; ; size-- {
		out = out[:0]
		step := headStep * size / headSize
		y := g.headY
		for n, s := range whole {
			for _, l := range wrap(s, room, func(s string) float64 { return width(s, size, n == 0) }) {
				out = append(out, line{x: g.headX, y: y, size: size, bold: n == 0, text: l})
				y += step
			}
		}
		if y <= g.headY+tall+hair {
			return out
		}
		if size <= returnSize {
			return out[:min(len(out), int(tall/step))]
		}
	}
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
		if len(joined) <= 4*longestLine && width(joined) <= room {
			current = joined
			continue
		}
		if current != "" {
			out = append(out, current)
		}
		for (len(word) > 4*longestLine || width(word) > room) && utf8.RuneCountInString(word) > 1 {
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
