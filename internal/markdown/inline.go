package markdown

import (
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// plain resolves backslash escapes and entities of a piece of source.
func plain(b []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b))))
}

// inlineHTML is the content of a block as HTML.
func (r *renderer) inlineHTML(parent ast.Node) string {
	var b strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.WriteString(html.EscapeString(r.words(n)))
			switch {
			case n.HardLineBreak():
				b.WriteString("<br>\n")
			case n.SoftLineBreak():
				b.WriteString("\n")
			}
		case *ast.String:
			b.WriteString(html.EscapeString(string(n.Value)))
		case *ast.Emphasis:
			tag := "em"
			if n.Level == 2 {
				tag = "strong"
			}
			fmt.Fprintf(&b, "<%s>%s</%s>", tag, r.inlineHTML(n), tag)
		case *ast.Link:
			fmt.Fprintf(&b, `<a href="%s" style="color:%s;">%s</a>`, html.EscapeString(r.address(n.Destination)), html.EscapeString(r.style.Accent), r.inlineHTML(n))
		case *ast.AutoLink:
			r.fail("write links as [words](https://…)")
		case *ast.CodeSpan:
			b.WriteString("<code>" + r.inlineHTML(n) + "</code>")
		case *ast.Image:
			r.fail("%v", ErrImage)
		case *ast.RawHTML:
			r.fail("HTML is not allowed in a message; write Markdown")
		default:
			r.fail("%s is not allowed in a message", n.Kind())
		}
	}
	return b.String()
}

// inlineText is the content of a block as plain text. A link is followed by
// its address, unless the words are the address, or the number in it.
func (r *renderer) inlineText(parent ast.Node) string {
	var b strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.WriteString(r.words(n))
			if n.HardLineBreak() {
				b.WriteByte('\n')
			} else if n.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.Link:
			words, to := r.inlineText(n), r.address(n.Destination)
			b.WriteString(words)
			bare := strings.TrimPrefix(strings.TrimPrefix(to, "mailto:"), "tel:")
			if parent.Kind() != ast.KindLink && words != to && words != bare && !isNumber(words, to) {
				b.WriteString(" (" + bare + ")")
			}
		default:
			b.WriteString(r.inlineText(n))
		}
	}
	return b.String()
}

// isNumber reports whether words are the phone number that a link calls, set apart for reading:
// then a text does not say it twice.
func isNumber(words, to string) bool {
	number, call := strings.CutPrefix(to, "tel:")
	return call && strings.NewReplacer(" ", "", "\u00a0", "", "-", "", "–", "", ".", "", "/", "", "(", "", ")", "").Replace(words) == number
}

// words is the text of a node as a reader sees it.
func (r *renderer) words(n *ast.Text) string {
	if n.IsRaw() {
		return string(n.Segment.Value(r.src))
	}
	return plain(n.Segment.Value(r.src))
}
