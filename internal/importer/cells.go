package importer

import (
	"bytes"
	"errors"
	"io"
)

// maxQuotedLines bounds how many lines a quoted cell may span, so that a quote
// that is never closed damages its own row and not the rest of the file.
const maxQuotedLines = 100

// row is one record of the file as bytes.
type row struct {
	number int      // as a spreadsheet counts, blank rows too
	line   int      // physical line where it begins
	raw    []byte   // its bytes, inner line ends as \n, without the last
	cells  [][]byte // unquoted
	starts []int    // where each cell begins in raw
	fault  string   // structural: cells cannot be trusted
}

// blank reports whether nothing is written in the row.
func (r row) blank() bool {
	if r.fault != "" {
		return false
	}
	for _, c := range r.cells {
		if len(bytes.TrimSpace(c)) > 0 {
			return false
		}
	}
	return true
}

// splitter cuts lines into rows of cells.
type splitter struct {
	src       *lines
	delimiter byte
	quote     byte // 0 = cells are never quoted
	queue     []line
	number    int
	hint      []byte  // "sep=;" as it stood before the header, nil when it did not
	kept      *[]line // every line that was read, where somebody wants them back
}

func (s *splitter) line() (l line, err error) {
	if len(s.queue) > 0 {
		l, s.queue = s.queue[0], s.queue[1:]
	} else if l, err = s.src.next(); err != nil {
		return l, err
	}
	if s.kept != nil {
		*s.kept = append(*s.kept, l)
	}
	return l, nil
}

// next returns the next row, or io.EOF. A row with broken quotes is reported
// with the line where it begins; reading goes on with the line after that.
func (s *splitter) next() (row, error) {
	first, err := s.line()
	if err != nil {
		return row{}, err
	}
	s.number++
	r := row{number: s.number, line: first.number, raw: first.text}
	if first.tooLong {
		r.fault = "is longer than 1 MiB; a line end or a closing quote is missing"
		return r, nil
	}
	var more []line
	for {
		open, fault := r.split(s.delimiter, s.quote)
		if !open {
			return s.finish(r, fault, first, more), nil
		}
		if len(more) == maxQuotedLines || len(r.raw) > maxLine {
			return s.finish(r, unclosed, first, more), nil
		}
		next, err := s.line()
		if errors.Is(err, io.EOF) {
			return s.finish(r, unclosed, first, more), nil
		}
		if err != nil {
			return row{}, err
		}
		more = append(more, next)
		if next.tooLong {
			return s.finish(r, unclosed, first, more), nil
		}
		r.raw = append(append(append([]byte(nil), r.raw...), '\n'), next.text...)
	}
}

const unclosed = "has a quote that is never closed; add the closing quote, or double a quote that belongs to the text"

// finish gives lines back that a broken quote had swallowed.
func (s *splitter) finish(r row, fault string, first line, more []line) row {
	if fault == "" {
		return r
	}
	r.fault, r.raw, r.cells, r.starts = fault, first.text, nil, nil
	s.queue = append(more, s.queue...)
	return r
}

// split cuts raw into cells. open is true when raw ends inside of quotes.
func (r *row) split(delimiter, quote byte) (open bool, fault string) {
	r.cells, r.starts = r.cells[:0], r.starts[:0]
	if quote == 0 || bytes.IndexByte(r.raw, quote) < 0 {
		r.splitPlain(delimiter)
		return false, ""
	}
	for at := 0; ; {
		r.starts = append(r.starts, at)
		if at < len(r.raw) && r.raw[at] == quote {
			cell, end, ok := quoted(r.raw[at+1:], quote)
			if !ok {
				return true, ""
			}
			at += 1 + end
			rest := bytes.TrimLeft(r.raw[at:], " ")
			at = len(r.raw) - len(rest)
			if len(rest) > 0 && rest[0] != delimiter {
				return false, "has text after a closing quote; double a quote that belongs to the text"
			}
			r.cells = append(r.cells, cell)
		} else {
			end := bytes.IndexByte(r.raw[at:], delimiter)
			if end < 0 {
				end = len(r.raw) - at
			}
			r.cells = append(r.cells, r.raw[at:at+end])
			at += end
		}
		if at >= len(r.raw) {
			return false, ""
		}
		at++ // the delimiter
	}
}

func (r *row) splitPlain(delimiter byte) {
	at := 0
	for {
		r.starts = append(r.starts, at)
		end := bytes.IndexByte(r.raw[at:], delimiter)
		if end < 0 {
			r.cells = append(r.cells, r.raw[at:])
			return
		}
		r.cells = append(r.cells, r.raw[at:at+end])
		at += end + 1
	}
}

// quoted reads up to the closing quote; a doubled one is part of the text.
func quoted(b []byte, quote byte) (cell []byte, end int, ok bool) {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], quote)
		if i < 0 {
			return nil, 0, false
		}
		cell = append(cell, b[at:at+i]...)
		at += i + 1
		if at < len(b) && b[at] == quote {
			cell = append(cell, quote)
			at++
			continue
		}
		return cell, at, true
	}
}
