package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/config/mapping"
)

// The columns that a reject file adds to the original ones.
const (
	rejectRow    = "duly_row"
	rejectReason = "duly_reason"
)

// header knows the columns of a file by name.
type header struct {
	names []string // as addressed by mappings: a repeated name has #2, #3 …
	plain []string // as written
	raw   []byte   // the header row as it stands, nil when there is none
	line  int      // where it begins
	// kept is how many columns are the file's own: a reject file that is
	// imported again has two more.
	kept int
}

// delimiters in the order in which a tie is decided.
var delimiters = []byte{',', ';', '\t', '|'}

// newSplitter skips the lines before the header, finds out the delimiter and reads the header.
func newSplitter(src *lines, m mapping.Mapping) (*splitter, header, error) {
	s := &splitter{src: src, quote: quoteByte(m.File.Quote), delimiter: delimiterByte(m.File.Delimiter)}
	for range m.File.SkipLines {
		if _, err := s.line(); err != nil {
			return nil, header{}, endsEarly(err, "ends within the lines that file.skip_lines of the mapping skips")
		}
		s.number++
	}
	first, err := s.firstLine()
	if err != nil {
		return nil, header{}, endsEarly(err, "is empty; a file with a header row was expected")
	}
	s.queue = append([]line{first}, s.queue...)
	if s.delimiter == 0 {
		if s.delimiter, err = s.sniffDelimiter(m); err != nil {
			return nil, header{}, err
		}
	}
	if m.File.Headerless {
		h, err := s.numbered()
		return s, h, err
	}
	h, err := s.header()
	return s, h, err
}

// peek is the next row when its cells are parted by d. It may span lines, all of which
// are given back to be read again.
func (s *splitter) peek(d byte) (row, error) {
	trial := splitter{src: s.src, queue: slices.Clone(s.queue), delimiter: d, quote: s.quote, kept: &[]line{}}
	r, err := trial.next()
	s.queue = append(*trial.kept, s.queue[min(len(*trial.kept), len(s.queue)):]...)
	return r, err
}

func endsEarly(err error, message string) error {
	if errors.Is(err, io.EOF) {
		return &FileError{Message: "the file " + message}
	}
	return err
}

// firstLine skips blank lines and takes the hint "sep=;" that Excel writes.
func (s *splitter) firstLine() (line, error) {
	for {
		l, err := s.line()
		if err != nil {
			return l, err
		}
		text := bytes.TrimSpace(l.text)
		if len(text) == 5 && bytes.HasPrefix(bytes.ToLower(text), []byte("sep=")) {
			s.delimiter, s.hint = text[4], slices.Clone(text)
			s.number++
			continue
		}
		if len(text) > 0 {
			return l, nil
		}
		s.number++
	}
}

func quoteByte(q string) byte {
	switch q {
	case "none":
		return 0
	case "'":
		return '\''
	default:
		return '"'
	}
}

func delimiterByte(d string) byte {
	switch d {
	case "", "auto":
		return 0
	case "tab":
		return '\t'
	default:
		return d[0]
	}
}

// sniffDelimiter prefers the delimiter that finds most columns of the mapping,
// then the one that finds most columns at all.
func (s *splitter) sniffDelimiter(m mapping.Mapping) (byte, error) {
	used := m.Used()
	best, most := delimiters[0], -1
	for _, d := range delimiters {
		r, err := s.peek(d)
		if err != nil {
			return 0, err
		}
		if r.fault != "" {
			continue
		}
		score := len(r.cells)
		for _, c := range r.cells {
			name, _ := s.src.decode(c)
			if slices.Contains(used, strings.Join(strings.Fields(name), " ")) {
				score += 1000
			}
		}
		if score > most {
			best, most = d, score
		}
	}
	return best, nil
}

func (s *splitter) numbered() (header, error) {
	r, err := s.peek(s.delimiter)
	if err != nil {
		return header{}, err
	}
	names := make([]string, len(r.cells))
	for i := range names {
		names[i] = "#" + strconv.Itoa(i+1)
	}
	return header{names: names, plain: names, kept: len(names), line: r.line}, nil
}

func (s *splitter) header() (header, error) {
	r, err := s.next()
	if err != nil {
		return header{}, endsEarly(err, "is empty; a file with a header row was expected")
	}
	if r.fault != "" {
		return header{}, &FileError{Line: r.line, Message: "the header row " + r.fault}
	}
	var h header
	seen := map[string]int{}
	for i, c := range r.cells {
		name, fault := s.src.decode(c)
		if fault != "" {
			return header{}, &FileError{Line: r.line, Message: fmt.Sprintf("the header's cell %d %s", i+1, fault)}
		}
		name = strings.Join(strings.Fields(name), " ")
		h.plain = append(h.plain, name)
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s#%d", name, seen[name])
		}
		h.names = append(h.names, name)
	}
	return h.withoutRejects(r), nil
}

// withoutRejects hides the columns that an earlier import added.
func (h header) withoutRejects(r row) header {
	h.kept, h.raw, h.line = len(h.names), r.raw, r.line
	if n := len(h.names) - 2; n > 0 && h.names[n] == rejectRow && h.names[n+1] == rejectReason {
		h.kept, h.raw = n, r.raw[:r.starts[n]-1]
	}
	return h
}

// index finds a column: exactly, else by a name that differs only in case.
func (h header) index(name string) int {
	if i := slices.Index(h.names, name); i >= 0 {
		return i
	}
	if plain, ok := strings.CutSuffix(name, "#1"); ok && plain != "" {
		return h.index(plain)
	}
	found := -1
	for i, n := range h.names {
		if strings.EqualFold(n, name) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// check reports every column that the mapping needs and the file lacks.
func (h header) check(m mapping.Mapping) error {
	var missing []string
	for _, name := range m.Needs() {
		if h.index(name) >= 0 {
			continue
		}
		text := quote(name)
		if near := mapping.Nearest(name, h.names[:h.kept]); near != "" {
			text += " (did you mean " + quote(near) + "?)"
		}
		missing = append(missing, text)
	}
	if len(missing) == 0 {
		return nil
	}
	return &FileError{Line: h.line, Message: fmt.Sprintf(
		"the file has no column %s, which the mapping %s needs; its columns are %s",
		strings.Join(missing, ", "), quote(m.Mapping), strings.Join(h.quoted(), ", "))}
}

func (h header) quoted() []string {
	out := make([]string, 0, h.kept)
	for _, n := range h.names[:h.kept] {
		if len(out) == 40 {
			return append(out, "…")
		}
		out = append(out, quote(n))
	}
	return out
}

// unused lists columns that the mapping neither uses nor ignores.
func (h header) unused(m mapping.Mapping) []string {
	if slices.Contains(m.Ignore, "*") {
		return nil
	}
	known := map[int]bool{}
	for _, n := range slices.Concat(m.Used(), m.Ignore) {
		known[h.index(n)] = true
	}
	var out []string
	for i, n := range h.names[:h.kept] {
		if !known[i] && n != "" {
			out = append(out, n)
		}
	}
	return out
}
