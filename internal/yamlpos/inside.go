package yamlpos

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// FaultInside reports at a place inside the text of a scalar: line and column
// (both from 1) count in the value as YAML understood it. For styles whose
// text does not map to the file one to one (folded lines, escapes) the
// beginning of the value is reported.
func (d *Doc) FaultInside(path string, line, col int, message, hint string) {
	n := d.values[path]
	if n == nil || n.Kind != yaml.ScalarNode || d.wrong[n] {
		d.Fault(path, message, hint)
		return
	}
	if l, c, ok := d.inside(n, line, col); ok {
		d.add(l, c, message, hint)
		return
	}
	d.at(n, message, hint)
}

// inside maps a place in a scalar's value to the file.
func (d *Doc) inside(n *yaml.Node, line, col int) (int, int, bool) {
	src := []rune(d.line(n.Line))
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		l := n.Line + line
		text := d.line(l)
		return l, len(text) - len(strings.TrimLeft(text, " ")) + col, true
	case n.Style&yaml.FoldedStyle != 0:
		return 0, 0, false
	case n.Style&yaml.SingleQuotedStyle != 0:
		c, ok := skipQuoted(src, n.Column, line, col)
		return n.Line, c, ok
	case n.Style&yaml.DoubleQuotedStyle != 0:
		raw := string(src[min(n.Column, len(src)):])
		if line != 1 || strings.Contains(raw, `\`) || !strings.HasPrefix(raw, n.Value) {
			return 0, 0, false
		}
		return n.Line, n.Column + col, true
	}
	raw := string(src[min(n.Column-1, len(src)):])
	if line != 1 || !strings.HasPrefix(raw, n.Value) {
		return 0, 0, false
	}
	return n.Line, n.Column + col - 1, true
}

// skipQuoted walks a single-quoted scalar on one line: a doubled quote in the
// file is one character of the value. start is the column of the quote.
func skipQuoted(src []rune, start, line, col int) (int, bool) {
	if line != 1 {
		return 0, false
	}
	at := start // index of the first character after the quote
	for range col - 1 {
		if at >= len(src) {
			return 0, false
		}
		if src[at] == '\'' {
			at++
		}
		at++
	}
	return at + 1, at < len(src) && utf8.ValidRune(src[at])
}
