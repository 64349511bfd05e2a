package letter

import (
	"bytes"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/unicode/norm"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/fonts"
)

const family = "dejavu"

// maxBytes of text is more than fits on maxPages in any script; beyond it not
// even the line breaks are computed.
const maxBytes = 256 << 10

func itoa(n int) string { return strconv.Itoa(n) }

// Set sets m as a letter. The same message gives the same bytes, on every
// machine and in every year: all dates in the file are m.At. Errors are Faults.
func Set(m dunning.Message, f Form) (Letter, error) {
	if len(m.Text)+len(m.Subject)+len(m.To)+len(m.ToName) > maxBytes {
		return Letter{}, Fault{dunning.FailedContent, "pages"}
	}
	m, err := printable(m)
	if err != nil {
		return Letter{}, err
	}
	g := forms[f.of(m)]
	pdf := g.document(m)
	pages, err := g.compose(m, func(text string, size float64, bold bool) float64 {
		pdf.SetFont(family, style(bold), size)
		return pdf.GetStringWidth(text)
	})
	if err != nil {
		return Letter{}, err
	}
	g.paint(pdf, pages, pdf.AddPage)
	var out bytes.Buffer
	if err := pdf.Output(&out); err != nil {
		return Letter{}, fmt.Errorf("letter: the PDF cannot be written: %w", err)
	}
	return Letter{Attempt: m.Attempt, At: m.At, Pages: len(pages), PDF: out.Bytes(), HTML: twin(m)}, nil
}

func style(bold bool) string {
	if bold {
		return "B"
	}
	return ""
}

// document is an empty PDF with everything fixed that fpdf would take from the
// machine.
func (g geometry) document(m dunning.Message) *fpdf.Fpdf {
	pdf := fpdf.New("P", "mm", g.paper, "")
	at := m.At.UTC()
	if at.IsZero() {
		at = time.Unix(0, 0).UTC() // fpdf takes the machine's clock for the zero time
	}
	pdf.SetCreationDate(at)
	pdf.SetModificationDate(at)
	pdf.SetCatalogSort(true)
	pdf.SetProducer("Duly", true)
	pdf.SetTitle(squash(m.Subject), true)
	if m.Locale != "" {
		pdf.SetLang(m.Locale)
	}
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(0, 0, 0)
	pdf.SetCellMargin(0)
	pdf.AddUTF8FontFromBytes(family, "", fonts.Regular)
	pdf.AddUTF8FontFromBytes(family, "B", fonts.Bold)
	return pdf
}

// paint writes the placed lines and the fold marks, each page after next.
func (g geometry) paint(pdf *fpdf.Fpdf, pages [][]line, next func()) {
	for i, page := range pages {
		next()
		for _, l := range page {
			if l.rule > 0 {
				stroke(pdf, l)
				continue
			}
			pdf.SetFont(family, style(l.bold), l.size)
			pdf.Text(l.x, l.y, l.text)
		}
		if i == 0 {
			pdf.SetLineWidth(0.1)
			for _, y := range g.foldMarks {
				pdf.Line(3, y, 7, y)
			}
		}
	}
}

// stroke draws the rule of a line.
func stroke(pdf *fpdf.Fpdf, l line) {
	pdf.SetLineWidth(0.2)
	if l.dashed {
		pdf.SetDashPattern([]float64{1.5, 1.5}, 0)
		defer pdf.SetDashPattern(nil, 0)
	}
	pdf.Line(l.x, l.y, l.x+l.rule, l.y)
}

// printable returns m with its texts composed (NFC) and free of characters
// that print nothing, or a Fault when the font cannot print one. A box in the
// place of a letter of somebody's name would be worse than no letter.
func printable(m dunning.Message) (dunning.Message, error) {
	m.Sender = append([]string(nil), m.Sender...)
	texts := []*string{&m.To, &m.ToName, &m.Subject, &m.Text}
	for i := range m.Sender {
		texts = append(texts, &m.Sender[i])
	}
	for i, p := range texts {
		*p = clean(*p)
		if !printableText(*p) {
			class := dunning.FailedContent
			if i < 2 {
				class = dunning.FailedRecipient
			}
			return m, Fault{class, "glyph"}
		}
	}
	return m, nil
}

// clean composes accents and drops what has no glyph on purpose.
func clean(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ", "\u00a0", " ", "\u202f", " ", "\u00ad", "", "\u200b", "", "\ufeff", "").Replace(s)
	return norm.NFC.String(s)
}

// setTypes are the scripts that can be set by putting one glyph after another
// from left to right. Others need shaping, which fpdf does not do.
var setTypes = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Common,
}

func printableText(s string) bool {
	if !utf8.ValidString(s) {
		return false // fpdf panics on it
	}
	for _, r := range s {
		if r == '\n' {
			continue
		}
		if r == utf8.RuneError || !unicode.In(r, setTypes...) || !fonts.Has(r) {
			return false
		}
	}
	return true
}

// twin is the letter as an HTML document: the message's own HTML, or its text, below who
// writes to whom and when. A page of the message's own says that itself where it has no body.
func twin(m dunning.Message) []byte {
	if strings.TrimSpace(m.HTML) == "" {
		return []byte(page(m))
	}
	i := strings.Index(m.HTML, "<body")
	if i < 0 || m.Dated.IsZero() { // letters of earlier releases bore no day, and no head
		return []byte(m.HTML)
	}
	n := strings.IndexByte(m.HTML[i:], '>')
	if n < 0 {
		return []byte(m.HTML)
	}
	return []byte(m.HTML[:i+n+1] + "\n" + twinHead(m) + m.HTML[i+n+1:])
}

// page is the twin of a letter that has a text only.
func page(m dunning.Message) string {
	lang := m.Locale
	if lang == "" {
		lang = "en"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"%s\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n<body>\n%s",
		html.EscapeString(lang), html.EscapeString(squash(m.Subject)), twinHead(m))
	for _, p := range strings.Split(strings.TrimSpace(m.Text), "\n\n") {
		fmt.Fprintf(&b, "<p>%s</p>\n", strings.ReplaceAll(html.EscapeString(strings.TrimSpace(p)), "\n", "<br>"))
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

// twinHead is what stands above the text: sender, recipient, day and subject.
func twinHead(m dunning.Message) string {
	const look = ` style="margin:0 0 16px 0;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;font-style:normal;color:#1a1a1a;"`
	var b strings.Builder
	for _, lines := range [][]string{m.Sender, addressLines(m)} {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "<address%s>%s</address>\n", look, strings.ReplaceAll(html.EscapeString(strings.Join(lines, "\n")), "\n", "<br>"))
		}
	}
	if day := dated(m); day != "" {
		fmt.Fprintf(&b, "<p%s><time datetime=\"%s\">%s</time></p>\n", look, m.Dated, html.EscapeString(day))
	}
	if subject := squash(m.Subject); subject != "" {
		fmt.Fprintf(&b, "<h1%s>%s</h1>\n", strings.Replace(look, "16px;line", "20px;line", 1), html.EscapeString(subject))
	}
	return b.String()
}
