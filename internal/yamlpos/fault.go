// Package yamlpos reads YAML files that people write and says exactly what is
// wrong with them: every fault of a file at once, with line, column, the line
// itself, a caret and a suggestion.
//
// It owns positions, strict decoding into structs with yaml tags, and the
// printing of faults. It does not own what the values mean: callers check that
// and report through [Doc.Fault] with the path of the value.
package yamlpos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fault is one thing wrong with a file. Line and Column count from 1, columns
// in characters; a Line of 0 means the file as a whole.
type Fault struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Message    string `json:"message"`
	Hint       string `json:"hint,omitempty"`   // how to mend it
	SourceLine string `json:"source,omitempty"` // the line as it stands in the file
	Warning    bool   `json:"warning,omitempty"`
	// Late: found by a check that is younger than files which are in use. It refuses what is
	// to be published; what was published without it goes on (see Excused).
	Late bool `json:"-"`
}

// Faults is every fault of one or many files. As an error it prints all of them.
type Faults []Fault

// Sort orders by file, line, column, then message.
func (fs Faults) Sort() {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Message, b.Message),
		)
	})
}

// Split parts faults that refuse a file from warnings that do not. Order is kept.
func (fs Faults) Split() (faults, warnings Faults) {
	for _, f := range fs {
		if f.Warning {
			warnings = append(warnings, f)
		} else {
			faults = append(faults, f)
		}
	}
	return faults, warnings
}

// Excused are the faults with those of late checks as warnings.
func (fs Faults) Excused() Faults {
	fs = slices.Clone(fs)
	for i := range fs {
		fs[i].Warning = fs[i].Warning || fs[i].Late
	}
	return fs
}

// Error prints all faults, one after the other, and how many there are.
func (fs Faults) Error() string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.String())
		b.WriteByte('\n')
	}
	switch len(fs) {
	case 1:
		b.WriteString("1 fault")
	default:
		fmt.Fprintf(&b, "%d faults", len(fs))
	}
	return b.String()
}

// String prints position and message, then the line with a caret and the hint.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.head())
	if f.SourceLine == "" {
		if f.Hint != "" {
			b.WriteString("\n      = " + f.Hint)
		}
		return b.String()
	}
	src, col := excerpt(f.SourceLine, f.Column)
	fmt.Fprintf(&b, "\n%5d | %s\n      | %s^", f.Line, src, strings.Repeat(" ", col-1))
	if f.Hint != "" {
		b.WriteString(" " + f.Hint)
	}
	return b.String()
}

func (f Fault) head() string {
	kind := ""
	if f.Warning {
		kind = "warning: "
	}
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s%s", f.File, kind, f.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", f.File, f.Line, f.Column, kind, f.Message)
}

// maxExcerpt bounds the printed line, in characters.
const maxExcerpt = 120

// excerpt makes a line printable (tabs and control characters become one space
// each) and cuts a window around the column of a very long one.
func excerpt(line string, col int) (string, int) {
	rs := []rune(line)
	for i, r := range rs {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			rs[i] = ' '
		}
	}
	col = max(1, min(col, len(rs)+1))
	if len(rs) <= maxExcerpt {
		return string(rs), col
	}
	from := max(0, min(col-maxExcerpt/2, len(rs)-maxExcerpt))
	return "…" + string(rs[from:from+maxExcerpt]) + "…", col - from + 1
}
