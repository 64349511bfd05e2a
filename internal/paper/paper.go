// Package paper sets reports on pages: headings, paragraphs, tables of facts and text as it
// is, on A4 with a running foot and "3 of 12" on every page, as a PDF whose bytes follow
// from its content alone.
//
// It owns layout. It does not own what a report says, nor letters, whose geometry is that of
// envelopes (internal/letter).
package paper

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/unicode/norm"

	"github.com/duly/duly/internal/fonts"
)

// Report is what is set.
type Report struct {
	Title string
	Foot  string // on every page, beside its number
	At    time.Time
	Body  []Block
}

// Kind of a block.
type Kind int

// The kinds.
const (
	Text    Kind = iota // running text
	Heading             // begins a part; never the last line of a page
	Label               // bold, begins an entry; never the last line of a page
	Quote               // text as it is, indented, line by line
	Pair                // Name and Text beside each other
	Entry               // Name, of one or more lines, beside Text in bold with More below it
)

// Block is a part of a report.
type Block struct {
	Kind Kind
	Name string // of a Pair or an Entry
	Text string
	More string // of an Entry
}

// Lacking is printed for a character that the typeface lacks.
const Lacking = '□'

// Geometry in millimetres, type in points.
const (
	width, height  = 210.0, 297.0
	left, right    = 20.0, 18.0
	top, bottom    = 20.0, 276.0
	footY          = 286.0
	pairIndent     = 42.0
	quoteIndent    = 5.0
	mmPerPoint     = 25.4 / 72
	family         = "dejavu"
	footSize       = 8.0
	titleSize      = 16.0
	moreSize       = 8.5
	keep           = 3 // lines that stay with a heading
	maxLine        = 4000
	lineMultiplier = 1.32
)

// style is how a kind of block is set.
type style struct {
	size, before, indent float64
	bold                 bool
}

var styles = map[Kind]style{
	Text:    {size: 9.5, before: 1.2},
	Heading: {size: 12.5, before: 6, bold: true},
	Label:   {size: 9.5, before: 3, bold: true},
	Quote:   {size: 8.5, before: 0.6, indent: quoteIndent},
	Pair:    {size: 9.5, before: 0.6, indent: pairIndent},
	Entry:   {size: 9.5, before: 2, indent: pairIndent},
}

// line is a placed line; y is its baseline.
type line struct {
	x, y, size float64
	bold       bool
	text       string
}

// Set sets a report and returns the PDF with its number of pages. The same report gives the
// same bytes, on every machine and in every year: its only date is At.
func Set(r Report) (pdf []byte, pages int, err error) {
	doc := document(r)
	s := &setter{measure: measures(doc), y: top}
	s.newPage()
	s.title(oneLine(r.Title))
	for _, b := range r.Body {
		s.block(b)
	}
	s.feet(oneLine(r.Foot))
	for _, page := range s.pages {
		doc.AddPage()
		for _, l := range page {
			doc.SetFont(family, face(l.bold), l.size)
			doc.Text(l.x, l.y, l.text)
		}
	}
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		return nil, 0, fmt.Errorf("paper: the PDF cannot be written: %w", err)
	}
	return out.Bytes(), len(s.pages), nil
}

func face(bold bool) string {
	if bold {
		return "B"
	}
	return ""
}

// document is an empty PDF with everything fixed that the library would take from the
// machine.
func document(r Report) *fpdf.Fpdf {
	doc := fpdf.New("P", "mm", "A4", "")
	at := r.At.UTC()
	if at.IsZero() {
		at = time.Unix(0, 0).UTC() // the library takes the machine's clock for the zero time
	}
	doc.SetCreationDate(at)
	doc.SetModificationDate(at)
	doc.SetCatalogSort(true)
	doc.SetProducer("Duly", true)
	doc.SetTitle(clean(r.Title), true)
	doc.SetLang("en")
	doc.SetAutoPageBreak(false, 0)
	doc.SetMargins(0, 0, 0)
	doc.SetCellMargin(0)
	doc.AddUTF8FontFromBytes(family, "", fonts.Regular)
	doc.AddUTF8FontFromBytes(family, "B", fonts.Bold)
	return doc
}

// measures gives the width of a character for one point of size. Each is asked for once:
// a case of years has millions of them.
func measures(doc *fpdf.Fpdf) func(r rune, bold bool) float64 {
	known := map[bool]map[rune]float64{true: {}, false: {}}
	return func(r rune, bold bool) float64 {
		w, ok := known[bold][r]
		if !ok {
			doc.SetFont(family, face(bold), 100)
			w = doc.GetStringWidth(string(r)) / 100
			known[bold][r] = w
		}
		return w
	}
}

// setter places lines.
type setter struct {
	measure func(r rune, bold bool) float64
	pages   [][]line
	y       float64 // where the last line ends
}

func (s *setter) newPage() { s.pages, s.y = append(s.pages, nil), top }

// put places a line below the last one.
func (s *setter) put(l line, step float64) {
	if s.y+step > bottom {
		s.newPage()
	}
	s.y += step
	l.y = s.y
	last := len(s.pages) - 1
	s.pages[last] = append(s.pages[last], l)
}

// room begins a page unless some lines still fit.
func (s *setter) room(lines int, step float64) {
	if s.y+float64(lines)*step > bottom {
		s.newPage()
	}
}

func (s *setter) title(text string) {
	for _, t := range s.wrap(text, titleSize, true, width-left-right) {
		s.put(line{x: left, size: titleSize, bold: true, text: t}, step(titleSize))
	}
	s.y += 2
}

func step(size float64) float64 { return size * mmPerPoint * lineMultiplier }

func (s *setter) block(b Block) {
	st := styles[b.Kind]
	switch b.Kind {
	case Heading:
		s.room(2*keep, step(st.size)) // a label may follow, which keeps lines of its own
	case Label:
		s.room(keep, step(st.size))
	}
	if s.y > top {
		s.y += st.before
	}
	if b.Kind == Entry {
		s.entry(b, st)
		return
	}
	name := ""
	if b.Kind == Pair {
		name = oneLine(b.Name)
	}
	for _, paragraph := range strings.Split(strings.TrimRight(clean(b.Text), "\n"), "\n") {
		for _, t := range s.wrap(paragraph, st.size, st.bold, width-left-right-st.indent) {
			s.put(line{x: left + st.indent, size: st.size, bold: st.bold, text: t}, step(st.size))
			if name != "" { // beside the first line
				page := len(s.pages) - 1
				s.pages[page] = append(s.pages[page], line{x: left, y: s.y, size: st.size, text: s.short(name, st.size, st.indent-3)})
				name = ""
			}
		}
	}
}

// entry sets an entry. Its first lines stay together.
func (s *setter) entry(b Block, st style) {
	room := width - left - right - st.indent
	lines := s.paragraphs(nil, b.Text, st.size, true, room)
	if strings.TrimSpace(b.More) != "" {
		lines = s.paragraphs(lines, b.More, moreSize, false, room)
	}
	names := strings.Split(clean(b.Name), "\n")
	for len(lines) < len(names) {
		lines = append(lines, line{size: st.size})
	}
	s.room(min(len(lines), keep), step(st.size))
	for i, l := range lines {
		l.x = left + st.indent
		s.put(l, step(l.size))
		if i < len(names) {
			page := len(s.pages) - 1
			s.pages[page] = append(s.pages[page], line{x: left, y: s.y, size: moreSize, text: s.short(names[i], moreSize, st.indent-3)})
		}
	}
}

// paragraphs adds text, broken into lines.
func (s *setter) paragraphs(to []line, text string, size float64, bold bool, room float64) []line {
	for _, paragraph := range strings.Split(strings.TrimRight(clean(text), "\n"), "\n") {
		for _, t := range s.wrap(paragraph, size, bold, room) {
			to = append(to, line{size: size, bold: bold, text: t})
		}
	}
	return to
}

// feet writes the foot and "3 of 12" on every page.
func (s *setter) feet(text string) {
	for i := range s.pages {
		number := strconv.Itoa(i+1) + " of " + strconv.Itoa(len(s.pages))
		x := width - right - s.wide(number, footSize, false)
		s.pages[i] = append(s.pages[i], line{x: x, y: footY, size: footSize, text: number},
			line{x: left, y: footY, size: footSize, text: s.short(text, footSize, x-left-5)})
	}
}

func (s *setter) wide(text string, size float64, bold bool) (w float64) {
	for _, r := range text {
		w += s.measure(r, bold) * size
	}
	return w
}

// short cuts a text to a width.
func (s *setter) short(text string, size, room float64) string {
	w := s.measure('…', false) * size
	for i, r := range text {
		if w += s.measure(r, false) * size; w > room && s.wide(text, size, false) > room {
			return text[:i] + "…"
		}
	}
	return text
}

// wrap breaks a paragraph into lines that fit; a word that is wider than a line is cut.
// Blanks at its beginning stay, so that what was set off is set off.
func (s *setter) wrap(paragraph string, size float64, bold bool, room float64) (out []string) {
	runes := []rune(paragraph)
	if len(runes) > maxLine*100 {
		runes = append(runes[:maxLine*100], []rune(" … (cut)")...)
	}
	for len(runes) > 0 {
		n, blank, w := 0, -1, 0.0
		for n < len(runes) {
			if w += s.measure(runes[n], bold) * size; w > room && n > 0 {
				break
			}
			if runes[n] == ' ' && n > 0 {
				blank = n
			}
			n++
		}
		if n < len(runes) && blank > 0 && strings.TrimSpace(string(runes[:blank])) != "" {
			n = blank
		}
		out = append(out, strings.TrimRight(string(runes[:n]), " "))
		for runes = runes[n:]; len(runes) > 0 && runes[0] == ' '; {
			runes = runes[1:]
		}
	}
	if len(out) == 0 {
		return []string{""}
	}
	return out
}

// written are the scripts that are written by putting one character after another from left
// to right. Others need shaping, which the library does not do: set without it, a name
// would be another.
var written = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Common}

// clean composes accents, and puts Lacking for what cannot be printed: characters that the
// typeface lacks, and those that would change how others are shown.
func clean(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ", "\u00a0", " ", "\u202f", " ", "\u00ad", "").Replace(strings.ToValidUTF8(text, string(Lacking)))
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.In(r, written...) && !unicode.Is(unicode.C, r) && fonts.Has(r) {
			return r
		}
		return Lacking
	}, norm.NFC.String(text))
}

// oneLine is clean for what is set on a single line.
func oneLine(text string) string { return strings.ReplaceAll(clean(text), "\n", " ") }
