package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/duly/duly/config/mapping"
)

// maxCell bounds a cell that is read; cells that nothing reads may be longer.
const maxCell = 64 << 10

// Row is one record of the file: understood, skipped by a filter, or refused.
type Row struct {
	Number   int
	Line     int
	Record   Record
	Problems []Problem // not empty: the row is refused and Record means nothing
	Warnings []Problem // the row was taken, without what these say
	Skipped  bool      // a filter of the mapping leaves the row out

	raw []byte
}

// Reader reads rows. It is for one goroutine.
type Reader struct {
	split  *splitter
	header header
	plan   *plan
	used   []int
	cells  []string
}

// NewReader finds out how the file is written and reads its header. A
// *FileError says what is wrong with the file or how it fails the mapping.
// The mapping must be valid; see mapping.Mapping.Validate.
func NewReader(r io.Reader, m mapping.Mapping, o Options) (*Reader, error) {
	if faults := m.Validate(); len(faults) > 0 {
		return nil, &FileError{Message: "the mapping is not valid: " + faults[0].Error()}
	}
	src, err := openLines(r, m.File.Encoding)
	if err != nil {
		return nil, err
	}
	s, h, err := newSplitter(src, m)
	if err != nil {
		return nil, err
	}
	if err := h.check(m); err != nil {
		return nil, err
	}
	p, err := compile(m, h, o)
	if err != nil {
		return nil, err
	}
	out := &Reader{split: s, header: h, plan: p, cells: make([]string, len(h.names))}
	for _, name := range m.Used() {
		if i := h.index(name); i >= 0 { // an optional column may be missing
			out.used = append(out.used, i)
		}
	}
	return out, nil
}

// Unused lists columns that the mapping neither uses nor ignores.
func (r *Reader) Unused() []string { return r.header.unused(r.plan.m) }

// Next returns the next row that is not blank; io.EOF after the last one. Any
// other error is of the file or of reading it, and ends the reading.
func (r *Reader) Next() (Row, error) {
	for {
		raw, err := r.split.next()
		if err != nil {
			return Row{}, err
		}
		if !raw.blank() {
			return r.row(raw), nil
		}
	}
}

func (r *Reader) row(raw row) Row {
	out := Row{Number: raw.number, Line: raw.line, raw: raw.raw}
	if message := r.shape(&raw); message != "" {
		out.Problems = []Problem{{Row: raw.number, Line: raw.line, Message: "the row " + message}}
		return out
	}
	if n := len(r.header.names); r.header.kept < n && len(raw.starts) == n {
		out.raw = raw.raw[:raw.starts[r.header.kept]-1]
	}
	reading := &reading{p: r.plan, row: raw, cells: r.cells}
	if p := r.decode(raw); p != nil {
		out.Problems = []Problem{*p}
		return out
	}
	if !r.plan.keeps(r.cells) {
		out.Skipped = true
		return out
	}
	reading.read()
	out.Record, out.Problems, out.Warnings = reading.rec, reading.problems, reading.warnings
	return out
}

// shape checks that cells stand under their headers. Empty cells too many are
// a delimiter at the end of every line, as some programs write.
func (r *Reader) shape(raw *row) string {
	want := len(r.header.names)
	for len(raw.cells) > want && len(bytes.TrimSpace(raw.cells[len(raw.cells)-1])) == 0 {
		raw.cells = raw.cells[:len(raw.cells)-1]
	}
	if raw.fault != "" || len(raw.cells) == want {
		return raw.fault
	}
	return fmt.Sprintf("has %d columns where the header has %d; a delimiter is missing or too many, or a text with a delimiter is not in quotes", len(raw.cells), want)
}

// decode turns the cells that are read into trimmed text.
func (r *Reader) decode(raw row) *Problem {
	for _, i := range r.used {
		text, fault := "", ""
		if len(raw.cells[i]) > maxCell {
			fault = "is longer than 64 KiB; is a closing quote missing?"
		} else {
			text, fault = r.split.src.decode(raw.cells[i])
		}
		if fault != "" {
			return &Problem{Row: raw.number, Line: raw.line, Column: r.header.names[i], Message: "the cell " + fault}
		}
		r.cells[i] = strings.TrimSpace(text)
	}
	return nil
}

// Rows reads a whole file. The last pair has the error that ended the reading
// too early, if one did.
func Rows(r io.Reader, m mapping.Mapping, o Options) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		reader, err := NewReader(r, m, o)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for {
			row, err := reader.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}
