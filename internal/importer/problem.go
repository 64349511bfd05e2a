package importer

import (
	"fmt"
	"strings"
	"unicode"
)

// Problem is what is wrong with a row. It never holds names, addresses or
// numbers of people; keys, dates, amounts and codes may be quoted.
type Problem struct {
	Row     int    `json:"row"`              // as a spreadsheet counts: the file's first row is 1
	Line    int    `json:"line"`             // physical line on which the row begins, from 1
	Column  string `json:"column,omitempty"` // header of the column
	Field   string `json:"field,omitempty"`  // field that the column fills
	Message string `json:"message"`          // what is wrong and how to mend it
}

// Error words the problem with its place.
func (p Problem) Error() string {
	where := fmt.Sprintf("row %d", p.Row)
	if p.Line != p.Row && p.Line > 0 {
		where += fmt.Sprintf(" (line %d)", p.Line)
	}
	if p.Column != "" {
		where += fmt.Sprintf(", column %q", p.Column)
	}
	return where + ": " + p.Message
}

// FileError is something wrong with the file as a whole; nothing of it was imported.
type FileError struct {
	Line    int // 0 when no line is to blame
	Message string
}

// Error words the fault with its line.
func (e *FileError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	}
	return e.Message
}

// quote shows a value in a message: short, printable, in quotes.
func quote(s string) string {
	const most = 40
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return `"` + s + `"`
}
