// Package liquid is a strict subset of the Liquid template language for
// messages to debtors.
//
// It owns the language: {{ values | filters }}, if, unless, case, for, assign,
// comment, raw and whitespace control; positions of faults; limits. It is strict
// where Liquid is lenient: a variable that does not exist, or has no value, refuses
// to render, and so do unknown filters, mixed "and"/"or" and comparisons of
// unlike things. It does not own what the variables are, how amounts and dates
// are written in a language (filters of the caller), or the channel's format.
package liquid

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a template and of one rendering.
const (
	MaxSource = 64 << 10  // bytes of a template
	MaxOutput = 256 << 10 // bytes of a rendering
	maxSteps  = 20000     // nodes rendered
	maxNest   = 32        // tags within each other
)

// Fault is one thing wrong with a template. Line and Column count from 1, in
// characters.
type Fault struct {
	Line, Column  int
	Message, Hint string
}

// Error words the fault with its place.
func (f Fault) Error() string {
	s := fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message)
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// place counts lines and columns of an offset.
func place(src string, offset int) (line, col int) {
	before := src[:min(offset, len(src))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
