package yamlpos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxSize is the largest file that is read, in bytes. People write these
// files: a larger one is a mistake.
const MaxSize = 1 << 20

// maxFaults bounds the faults of one file, so that a file of another kind does
// not print for pages.
const maxFaults = 50

// Doc is one parsed file with the position of every value and key.
type Doc struct {
	File   string
	root   *yaml.Node
	lines  []string // source, without line ends
	first  int      // line of the file on which the YAML begins, minus one (front matter)
	values map[string]*yaml.Node
	keys   map[string]*yaml.Node
	meant  map[string]bool     // paths of known keys that unknown ones are taken for
	wrong  map[*yaml.Node]bool // values that could not be read: nothing more is said about them
	faults Faults
}

// Parse reads one YAML document. The Doc is never nil and can collect further
// faults; ok says whether there is anything to decode.
func Parse(file string, data []byte) (d *Doc, ok bool) {
	return ParseAt(file, data, 0)
}

// ParseAt is Parse for YAML that begins after skip lines of a larger file. The
// skipped lines are not part of data.
func ParseAt(file string, data []byte, skip int) (d *Doc, ok bool) {
	d = &Doc{File: file, first: skip, values: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, meant: map[string]bool{}, wrong: map[*yaml.Node]bool{}}
	data, readable := d.readable(data)
	if !readable {
		return d, false
	}
	node, ok := d.compose(data)
	if !ok {
		return d, false
	}
	d.root = node
	d.index(node, "", 0)
	if node.Kind != yaml.MappingNode {
		d.at(node, "the file must be a list of keys and values, such as \"name: value\"", "")
		return d, false
	}
	return d, true
}

// readable refuses what is not a text file in UTF-8 of reasonable size.
func (d *Doc) readable(data []byte) ([]byte, bool) {
	if len(data) > MaxSize {
		d.whole(fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(data), MaxSize), "split it")
		return nil, false
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		d.whole("the file is written in UTF-16", "save it as UTF-8")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d.lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	for i, line := range d.lines {
		if col, what := Unreadable(line); col > 0 {
			d.add(i+1, col, "this is not readable text: "+what, "save the file as UTF-8")
			return nil, false
		}
	}
	if strings.TrimSpace(string(data)) == "" {
		d.whole("the file is empty", "")
		return nil, false
	}
	return data, true
}

// Unreadable finds the first byte that is not UTF-8 text: its column, or 0.
func Unreadable(line string) (col int, what string) {
	for i, r := range line {
		col++
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
				return col, fmt.Sprintf("byte 0x%02X does not belong to UTF-8", line[i])
			}
		}
		if r < ' ' && r != '\t' || 0x7f <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return col, fmt.Sprintf("control character U+%04X", r) // lone CR, NEL and the like end a line for YAML, but for no editor
		}
	}
	return 0, ""
}

// compose parses the one document of the file.
func (d *Doc) compose(data []byte) (node *yaml.Node, ok bool) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	var doc, more yaml.Node
	if err := loader.Load(&doc); err != nil {
		d.syntax(err)
		return nil, false
	}
	if err := loader.Load(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			d.syntax(err)
		} else {
			d.at(&more, "a second document begins here; a file holds one", "put it into a file of its own")
		}
		return nil, false
	}
	if doc.Kind == yaml.DocumentNode {
		if len(doc.Content) != 1 {
			d.whole("the file holds nothing but comments", "")
			return nil, false
		}
		return doc.Content[0], true
	}
	if doc.Kind == 0 {
		d.whole("the file holds nothing but comments", "")
		return nil, false
	}
	return &doc, true
}

// syntax reports the parser's own errors; all of them, when it has several.
func (d *Doc) syntax(err error) {
	if errors.Is(err, io.EOF) {
		d.whole("the file holds nothing but comments", "")
		return
	}
	var many *yaml.LoadErrors
	if errors.As(err, &many) {
		for _, e := range many.Errors {
			d.syntaxOne(e)
		}
		return
	}
	var one *yaml.LoadError
	if errors.As(err, &one) {
		d.syntaxOne(one)
		return
	}
	d.whole("not readable as YAML: "+err.Error(), "")
}

func (d *Doc) syntaxOne(e *yaml.LoadError) {
	mark := e.Mark
	if mark.Line == 0 {
		mark = e.ContextMark
	}
	message := "not readable as YAML: " + e.Message
	if e.ContextMsg != "" {
		message += " " + e.ContextMsg
	}
	d.add(mark.Line, mark.Column, message, d.syntaxHint(mark.Line))
}

// syntaxHint knows the mistakes that people make most.
func (d *Doc) syntaxHint(line int) string {
	src := d.line(line)
	indent := src[:len(src)-len(strings.TrimLeft(src, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return "indent with spaces, not with tabs"
	case strings.Contains(src, ": !") || strings.Contains(src, ": *") || strings.Contains(src, ": &"):
		return "put the value in quotes: it begins with a sign that YAML reads as its own"
	case strings.Count(src, ": ") > 1:
		return "put the value in quotes: it contains a colon"
	}
	return ""
}

// index records where every value and key is and refuses what these files do
// not need: anchors, aliases and tags (an alias bomb cannot even begin).
func (d *Doc) index(n *yaml.Node, path string, depth int) {
	if _, seen := d.values[path]; !seen {
		d.values[path] = n
	}
	if depth > maxDepth {
		d.at(n, fmt.Sprintf("nested deeper than %d levels", maxDepth), "")
		return
	}
	d.plain(n)
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			p := join(path, k.Value)
			if first, seen := d.keys[p]; seen && k.Kind == yaml.ScalarNode {
				d.at(k, fmt.Sprintf("key %q is given twice", k.Value),
					fmt.Sprintf("it was given first in line %d", first.Line+d.first))
			} else {
				d.keys[p] = k
			}
			d.index(n.Content[i+1], p, depth+1)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			d.index(c, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	}
}

// maxDepth is far beyond what any of our files needs.
const maxDepth = 64

func (d *Doc) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.wrong[n] = true
		d.at(n, "aliases (*name) are not used here", "write the value out")
	case n.Anchor != "":
		d.at(n, "anchors (&name) are not used here", "write the value out where it is needed")
	case n.Style&yaml.TaggedStyle != 0:
		d.at(n, fmt.Sprintf("tags (%s) are not used here", n.Tag), "leave the tag out")
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Faults returns what was found so far, at most a screenful or two.
func (d *Doc) Faults() Faults {
	d.faults.Sort()
	return d.faults
}

// Failed reports whether anything but warnings and faults of late checks was found.
func (d *Doc) Failed() bool {
	faults, _ := d.faults.Excused().Split()
	return len(faults) > 0
}

// Has reports whether the file gives a value at a path, or tried to: under a
// misspelt key that was reported already.
func (d *Doc) Has(path string) bool { return d.Given(path) || d.meant[path] }

// Given reports whether the file gives a value at a path.
func (d *Doc) Given(path string) bool { return d.values[path] != nil }

// Fault reports something about the value at a path such as
// "steps[2].send[0].email". A path that the file does not have is reported at
// its nearest parent. About a value that could not be read nothing more is said.
func (d *Doc) Fault(path, message, hint string) {
	if n := d.nearest(path); n == nil || !d.wrong[n] {
		d.at(n, message, hint)
	}
}

// FaultKey is Fault pointing at the key instead of its value.
func (d *Doc) FaultKey(path, message, hint string) {
	if k := d.keys[path]; k != nil && !d.wrong[d.values[path]] {
		d.at(k, message, hint)
		return
	}
	d.Fault(path, message, hint)
}

// Warn reports something that does not refuse the file.
func (d *Doc) Warn(path, message, hint string) {
	before := len(d.faults)
	d.Fault(path, message, hint)
	for i := range d.faults[before:] {
		d.faults[before+i].Warning = true
	}
}

// Late marks as Late what check reports.
func (d *Doc) Late(check func()) {
	before := len(d.faults)
	check()
	for i := range d.faults[before:] {
		d.faults[before+i].Late = true
	}
}

// Add reports a fault whose place the caller knows, such as in text that
// follows the YAML of a file.
func (d *Doc) Add(f Fault) { d.faults = append(d.faults, f) }

func (d *Doc) nearest(path string) *yaml.Node {
	for {
		if n := d.values[path]; n != nil {
			return n
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.root
		}
		path = path[:cut]
	}
}

func (d *Doc) at(n *yaml.Node, message, hint string) {
	if n == nil {
		d.whole(message, hint)
		return
	}
	d.add(n.Line, n.Column, message, hint)
}

// add reports at a line of the YAML part (counted from 1).
func (d *Doc) add(line, col int, message, hint string) {
	if len(d.faults) == maxFaults {
		d.faults = append(d.faults, Fault{File: d.File, Line: line + d.first, Column: max(col, 1), Message: "too many faults; the rest is not shown"})
	}
	if len(d.faults) > maxFaults {
		return
	}
	d.faults = append(d.faults, Fault{
		File: d.File, Line: line + d.first, Column: max(col, 1),
		Message: message, Hint: hint, SourceLine: strings.TrimRight(d.line(line), "\r"),
	})
}

func (d *Doc) whole(message, hint string) {
	d.faults = append(d.faults, Fault{File: d.File, Line: 1 + d.first, Column: 1, Message: message, Hint: hint})
}

func (d *Doc) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// Canonical is the content of the file without comments, order of keys and
// style of writing: files that say the same have the same canonical form. It
// is JSON whose scalars are all texts.
func (d *Doc) Canonical() []byte {
	b, err := json.Marshal(generic(d.root))
	if err != nil {
		return nil // cannot happen: only maps, lists and strings
	}
	return b
}

func generic(n *yaml.Node) any {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = generic(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		s := make([]any, len(n.Content))
		for i, c := range n.Content {
			s[i] = generic(c)
		}
		return s
	}
	return n.Value
}

// Line is the line in the file, from 1, where the value of a path stands; 0 when there is none.
func (d *Doc) Line(path string) int {
	n := d.values[path]
	if n == nil {
		return 0
	}
	return n.Line + d.first
}
