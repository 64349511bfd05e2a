// Package markdown turns the Markdown of a message into the two forms that an
// email or letter needs: HTML with inline styles, and plain text that reads
// well by itself.
//
// It owns the two forms, the escaping of values put into Markdown, and the
// refusal of raw HTML, images and links that are not https, mailto or tel. It
// does not own templates, layouts' words, or sending.
package markdown

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// engine parses CommonMark with tables. Bare addresses stay text: a debtor's
// name that looks like one must not become a link.
var engine = goldmark.New(goldmark.WithExtensions(extension.Table))

// Style is the look of the HTML form.
type Style struct {
	Accent string // colour of links and buttons, such as #0b5c4a; default a dark blue
}

const defaultAccent = "#1d4f91"

// Render makes both forms of a Markdown text. A link whose title is "button"
// and which stands alone in its paragraph becomes a button.
func Render(source string, style Style) (htmlForm, textForm string, err error) {
	if style.Accent == "" {
		style.Accent = defaultAccent
	}
	src := []byte(source)
	r := &renderer{src: src, style: style}
	r.blocks(engine.Parser().Parse(text.NewReader(src)))
	if r.err != nil {
		return "", "", r.err
	}
	return strings.TrimSpace(r.html.String()), strings.TrimSpace(r.text.String()) + "\n", nil
}

// Escape makes a value harmless in Markdown: it shows exactly as it is and can
// start no markup, link, table cell or line of its own.
func Escape(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == 0x2028 || r == 0x2029:
			space = true
			continue
		case r < ' ' || r == 0x7f:
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if r < utf8.RuneSelf && strings.ContainsRune("\\`*_{}[]()<>#+-.!|&~\"'$%,/:;=?@^", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

type renderer struct {
	src    []byte
	style  Style
	html   strings.Builder
	text   strings.Builder
	indent string // of the text form, inside lists and quotes
	err    error
}

func (r *renderer) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

const (
	fontStyle  = "font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#1a1a1a;"
	cellStyle  = "padding:8px 12px 8px 0;border-bottom:1px solid #d9d9d9;" + fontStyle
	headStyle  = cellStyle + "font-weight:bold;"
	quoteStyle = "margin:0 0 16px 0;padding:0 0 0 12px;border-left:4px solid #d9d9d9;"
)

func (r *renderer) blocks(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		r.block(n)
	}
}

func (r *renderer) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		r.heading(n)
	case *ast.Paragraph, *ast.TextBlock:
		r.paragraph(n)
	case *ast.List:
		r.list(n)
	case *ast.Blockquote:
		r.quote(n)
	case *ast.ThematicBreak:
		r.html.WriteString(`<hr style="border:0;border-top:1px solid #d9d9d9;margin:24px 0;">` + "\n")
		r.line("---")
		r.text.WriteByte('\n')
	case *east.Table:
		r.table(n)
	case *ast.HTMLBlock:
		r.fail("HTML is not allowed in a message; write Markdown")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		r.fail("a block of code is not allowed in a message; do not indent text by four spaces")
	default:
		r.fail("%s is not allowed in a message", n.Kind())
	}
}

func (r *renderer) line(s string) { r.text.WriteString(r.indent + s + "\n") }

func (r *renderer) heading(n *ast.Heading) {
	size := map[int]string{1: "24px;line-height:32px", 2: "20px;line-height:28px"}[n.Level]
	if size == "" {
		size = "16px;line-height:24px"
	}
	level := min(n.Level, 3)
	fmt.Fprintf(&r.html, `<h%d style="margin:0 0 16px 0;font-family:Arial,Helvetica,sans-serif;color:#1a1a1a;font-size:%s;">%s</h%d>`+"\n", level, size, r.inlineHTML(n), level)
	words := r.inlineText(n)
	r.line(words)
	if n.Level == 1 {
		r.line(strings.Repeat("=", min(60, utf8.RuneCountInString(words))))
	}
	r.text.WriteByte('\n')
}

func (r *renderer) paragraph(n ast.Node) {
	if l, ok := n.FirstChild().(*ast.Link); ok && l.NextSibling() == nil && string(l.Title) == "button" {
		r.button(l)
		return
	}
	fmt.Fprintf(&r.html, `<p style="margin:0 0 16px 0;%s">%s</p>`+"\n", fontStyle, r.inlineHTML(n))
	for _, s := range strings.Split(r.inlineText(n), "\n") {
		r.line(s)
	}
	r.text.WriteByte('\n')
}

// button is a table, because that is what every mail program draws alike.
func (r *renderer) button(l *ast.Link) {
	to := r.address(l.Destination)
	words := r.inlineHTML(l)
	fmt.Fprintf(&r.html, `<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 24px 0;"><tr>`+
		`<td style="background:%s;border-radius:4px;padding:12px 24px;"><a href="%s" style="font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#ffffff;text-decoration:none;font-weight:bold;">%s</a></td>`+
		"</tr></table>\n", html.EscapeString(r.style.Accent), html.EscapeString(to), words)
	r.line(r.inlineText(l) + ": " + to)
	r.text.WriteByte('\n')
}

func (r *renderer) list(n *ast.List) {
	tag := "ul"
	if n.IsOrdered() {
		tag = "ol"
	}
	fmt.Fprintf(&r.html, `<%s style="margin:0 0 16px 0;padding:0 0 0 24px;%s">`+"\n", tag, fontStyle)
	number := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if n.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		r.html.WriteString(`<li style="margin:0 0 8px 0;">`)
		r.item(item, mark, n.IsTight)
		r.html.WriteString("</li>\n")
	}
	fmt.Fprintf(&r.html, "</%s>\n", tag)
	r.text.WriteByte('\n')
}

// item writes the blocks of one list item; the mark stands before the first line.
func (r *renderer) item(item ast.Node, mark string, tight bool) {
	outer, before := r.indent, r.text.Len()
	r.indent += strings.Repeat(" ", len(mark))
	for n := item.FirstChild(); n != nil; n = n.NextSibling() {
		if _, ok := n.(*ast.TextBlock); ok || tight && n.Kind() == ast.KindParagraph {
			r.html.WriteString(r.inlineHTML(n))
			for _, s := range strings.Split(r.inlineText(n), "\n") {
				r.line(s)
			}
			continue
		}
		r.block(n)
	}
	r.indent = outer
	written := r.text.String()
	head, body := written[:before], written[before:]
	body = outer + mark + strings.TrimPrefix(body, outer+strings.Repeat(" ", len(mark)))
	r.text.Reset()
	r.text.WriteString(head + strings.TrimRight(body, "\n") + "\n")
}

func (r *renderer) quote(n ast.Node) {
	fmt.Fprintf(&r.html, `<div style="%s">`+"\n", quoteStyle)
	outer := r.indent
	r.indent += "> "
	r.blocks(n)
	r.indent = outer
	r.html.WriteString("</div>\n")
}

// table writes a real table for HTML and aligned columns for text.
func (r *renderer) table(n *east.Table) {
	var rows [][]string
	r.html.WriteString(`<table cellpadding="0" cellspacing="0" border="0" width="100%" style="margin:0 0 16px 0;border-collapse:collapse;">` + "\n")
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		tag, style, scope := "td", cellStyle, ""
		if row.Kind() == east.KindTableHeader {
			tag, style, scope = "th", headStyle, ` scope="col"`
		}
		r.html.WriteString("<tr>")
		var cells []string
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			align := "left"
			if i := len(cells); i < len(n.Alignments) && n.Alignments[i] == east.AlignRight {
				align = "right"
			}
			fmt.Fprintf(&r.html, `<%s%s align="%s" style="%stext-align:%s;">%s</%s>`, tag, scope, align, style, align, r.inlineHTML(c), tag)
			cells = append(cells, strings.ReplaceAll(r.inlineText(c), "\n", " "))
		}
		rows = append(rows, cells)
		r.html.WriteString("</tr>\n")
	}
	r.html.WriteString("</table>\n")
	for _, s := range aligned(rows, n.Alignments) {
		r.line(s)
	}
	r.text.WriteByte('\n')
}

// aligned pads cells so that columns stand below each other, with a rule
// below the head.
func aligned(rows [][]string, align []east.Alignment) (out []string) {
	var width []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i < len(align) && align[i] == east.AlignRight {
				c = pad + c
			} else {
				c += pad
			}
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(c)
		}
		out = append(out, strings.TrimRight(b.String(), " "))
		if n == 0 {
			total := 2 * (len(width) - 1)
			for _, w := range width {
				total += w
			}
			out = append(out, strings.Repeat("-", max(total, 1)))
		}
	}
	return out
}

// address checks where a link goes. What may follow a link in a message to a
// debtor is a web page over TLS, a mail address or a phone number.
func (r *renderer) address(dest []byte) string {
	to := plain(dest)
	u, err := url.Parse(to)
	switch {
	case err != nil:
		r.fail("a link has no readable address")
	case u.Scheme == "https" && u.Host != "", u.Scheme == "mailto" || u.Scheme == "tel":
	default:
		r.fail("a link must begin with https://, mailto: or tel:")
	}
	return to
}

// ErrImage refuses images: they would be fetched from elsewhere when the
// debtor reads, which tells that and when it was read.
var ErrImage = errors.New("images are not allowed in a message")
