package yamlpos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

type shade string

func (s *shade) UnmarshalText(b []byte) error {
	if string(b) != "red" && string(b) != "green" {
		return fmt.Errorf("%q is not a shade; use red or green", b)
	}
	*s = shade(b)
	return nil
}

// pair reads itself from a list of two.
type pair struct{ from, to string }

func (p *pair) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return fmt.Errorf("give two words, such as [a, b]")
	}
	p.from, p.to = n.Content[0].Value, n.Content[1].Value
	return nil
}

type part struct {
	Name  string `yaml:"name"`
	Count int    `yaml:"count"`
}

type sample struct {
	Title  string            `yaml:"title"`
	Level  uint8             `yaml:"level"`
	Strict bool              `yaml:"strict"`
	Rate   float64           `yaml:"rate"`
	Shade  shade             `yaml:"shade"`
	Parts  []part            `yaml:"parts"`
	Prices map[string]string `yaml:"prices"`
	More   *part             `yaml:"more"`
	Pair   pair              `yaml:"pair"`
	Deep   `yaml:",inline"`
}

// Deep is embedded inline.
type Deep struct {
	Inner string `yaml:"inner"`
}

func decode(t *testing.T, src string) (sample, Faults) {
	t.Helper()
	var s sample
	d, ok := Parse("f.yaml", []byte(src))
	if ok {
		d.Decode(&s)
	}
	return s, d.Faults()
}

func TestDecodesEveryKindOfField(t *testing.T) {
	got, faults := decode(t, `title: Hello
level: 7
strict: true
rate: 2.5
shade: red
parts:
  - {name: a, count: 1}
  - name: 12
    count: -2
prices: {USD: 1.00, EUR: "2"}
more: {name: x}
pair: [a, b]
inner: y
`)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := sample{
		Title: "Hello", Level: 7, Strict: true, Rate: 2.5, Shade: "red",
		Parts: []part{{"a", 1}, {"12", -2}}, Prices: map[string]string{"USD": "1.00", "EUR": "2"},
		More: &part{Name: "x"}, Pair: pair{"a", "b"}, Deep: Deep{Inner: "y"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pair{})); diff != "" {
		t.Error(diff)
	}
}

// Each case is one mistake that a person makes, and where and how it is told.
func TestFaultsSayWhereAndHow(t *testing.T) {
	cases := []struct{ what, src, at, message, hint string }{
		{"a misspelt key is pointed at", "titel: x\n", "1:1", `unknown key "titel"`, `did you mean "title"?`},
		{"a misspelt key deep inside", "parts:\n  - {name: a, cuont: 2}\n", "2:15", `unknown key "cuont"`, `did you mean "count"?`},
		{"a text where a number belongs", "level: seven\n", "1:8", `must be a whole number, not the text "seven"`, ""},
		{"a number too large for its field", "level: 300\n", "1:8", "the number 300 is out of range", ""},
		{"a negative where none can be", "level: -1\n", "1:8", "the number -1 is out of range", ""},
		{"a list where a text belongs", "title: [a]\n", "1:8", "must be a text, not a list", ""},
		{"a text where a list belongs", "parts: a\n", "1:8", `must be a list, not the text "a"`, ""},
		{"a word that reads as true", "title: true\n", "1:8", "must be a text, not true", "put it in quotes if you mean the word"},
		{"a word for a truth value", "strict: maybe\n", "1:9", `must be true or false, not the text "maybe"`, ""},
		{"a key without a value", "title:\n", "1:7", "the value is missing", "give a text or leave the key out"},
		{"a value of an own type", "shade: blue\n", "1:8", `"blue" is not a shade; use red or green`, ""},
		{"an own type without a value", "shade:\n", "1:7", "the value is missing", "give one or leave the key out"},
		{"an own type that is a list", "shade: [red]\n", "1:8", "must be one value, not a list", ""},
		{"a type that reads itself", "pair: [a]\n", "1:7", "give two words, such as [a, b]", ""},
		{"keys where a list belongs", "parts: {name: a}\n", "1:8", "must be a list, not keys and values", ""},
		{"a list where keys belong", "more: [a]\n", "1:7", "must be keys and values, not a list", ""},
		{"a number where keys belong", "more: 7\n", "1:7", "must be keys and values, not the number 7", ""},
		{"a number where a list belongs", "parts: 7\n", "1:8", "must be a list, not the number 7", ""},
		{"a list without a value", "parts:\n", "1:7", "the value is missing", "give a list or leave the key out"},
		{"no number", "rate: fast\n", "1:7", `must be a number, not the text "fast"`, ""},
		{"a long text is cut", "level: " + strings.Repeat("x", 60) + "\n", "1:8", `must be a whole number, not the text "` + strings.Repeat("x", 40) + `…"`, ""},
		{"a key that is a list", "? [a]\n: b\n", "1:3", "a key must be a single word", ""},
		{"a map with a key that is a list", "prices:\n  ? [a]\n  : b\n", "2:5", "a key must be a single word", ""},
		{"an alias of nothing", "title: *x\n", "1:8", "not readable as YAML: unknown anchor 'x' referenced", "put the value in quotes: it begins with a sign that YAML reads as its own"},
		{"a key given twice", "title: a\nlevel: 1\ntitle: b\n", "3:1", `key "title" is given twice`, "it was given first in line 1"},
		{"an anchor", "title: &x a\n", "1:8", "anchors (&name) are not used here", "write the value out where it is needed"},
		{"a tag", "title: !!str a\n", "1:8", "tags (!!str) are not used here", "leave the tag out"},
		{"a tab as indentation", "parts:\n\t- name: a\n", "2:1", "not readable as YAML: found character that cannot start any token while scanning for the next token", "indent with spaces, not with tabs"},
		{"a second document", "title: a\n---\ntitle: b\n", "2:1", "a second document begins here; a file holds one", "put it into a file of its own"},
		{"an empty file", " \n", "1:1", "the file is empty", ""},
		{"a file of comments", "# nothing\n", "1:1", "the file holds nothing but comments", ""},
		{"a list as the whole file", "- a\n", "1:1", `the file must be a list of keys and values, such as "name: value"`, ""},
		{"UTF-16", "\xff\xfet\x00", "1:1", "the file is written in UTF-16", "save it as UTF-8"},
		{"Windows-1252", "title: a\nlevel: \xe4\n", "2:8", "this is not readable text: byte 0xE4 does not belong to UTF-8", "save the file as UTF-8"},
		{"a NUL byte", "title: a\x00b\n", "1:9", "this is not readable text: control character U+0000", "save the file as UTF-8"},
		{"a colon inside a value", "title: what: this\n", "1:12", "not readable as YAML: mapping values are not allowed in this context", "put the value in quotes: it contains a colon"},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			_, faults := decode(t, c.src)
			if len(faults) != 1 {
				t.Fatalf("want one fault, got %d:\n%v", len(faults), faults)
			}
			f := faults[0]
			if at := fmt.Sprintf("%d:%d", f.Line, f.Column); at != c.at || f.Message != c.message || f.Hint != c.hint {
				t.Errorf("got  %s %s (%s)\nwant %s %s (%s)", at, f.Message, f.Hint, c.at, c.message, c.hint)
			}
		})
	}
}

func TestEveryFaultOfAFileIsReportedInOrder(t *testing.T) {
	_, faults := decode(t, "shade: blue\nlevel: x\ntitel: y\nparts: [{name: [1]}]\n")
	var at []string
	for _, f := range faults {
		at = append(at, fmt.Sprintf("%d:%d", f.Line, f.Column))
	}
	if got := strings.Join(at, " "); got != "1:8 2:8 3:1 4:16" {
		t.Errorf("faults at %s", got)
	}
}

func TestAFaultPrintsItsLineAndACaret(t *testing.T) {
	_, faults := decode(t, "title: a\n  \nlevel: x\n")
	want := "f.yaml:3:8: must be a whole number, not the text \"x\"\n" +
		"    3 | level: x\n" +
		"      |        ^\n1 fault"
	if got := faults.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestALongLineIsCutAroundTheCaret(t *testing.T) {
	f := Fault{File: "f", Line: 1, Column: 500, Message: "m", SourceLine: strings.Repeat("x", 499) + "Y" + strings.Repeat("z", 500)}
	lines := strings.Split(f.String(), "\n")
	caret := strings.Index(lines[2], "^")
	if got := []rune(lines[1])[caret]; got != 'Y' {
		t.Errorf("the caret points at %q\n%s", got, f)
	}
}

func TestAliasBombIsRefusedAtOnce(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
	}
	_, faults := decode(t, b.String())
	if len(faults) == 0 || !strings.Contains(faults.Error(), "anchors (&name) are not used here") {
		t.Errorf("the bomb was not refused: %v", faults)
	}
}

func TestLimits(t *testing.T) {
	if _, faults := decode(t, "title: "+strings.Repeat("x", MaxSize)); len(faults) != 1 || !strings.Contains(faults[0].Message, "bytes") {
		t.Errorf("a huge file: %v", faults)
	}
	if _, faults := decode(t, "title: "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)); len(faults) == 0 {
		t.Error("deep nesting was not refused")
	}
	if _, faults := decode(t, strings.Repeat("x", 3)+": 1\n"+func() string {
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "k%d: 1\n", i)
		}
		return b.String()
	}()); len(faults) > maxFaults+1 {
		t.Errorf("%d faults for one file", len(faults))
	}
}

func TestSemanticFaultsFindTheirPlace(t *testing.T) {
	d, ok := Parse("f.yaml", []byte("parts:\n  - name: a\n    count: 2\ntitle: 'it''s $x'\nmore:\n  name: |\n    one\n    two $y\n"))
	if !ok {
		t.Fatal(d.Faults())
	}
	d.Fault("parts[0].count", "value", "")
	d.FaultKey("parts[0].count", "key", "")
	d.Fault("parts[0].missing.deep", "nearest parent", "")
	d.FaultInside("title", 1, 6, "inside quotes", "")
	d.FaultInside("more.name", 2, 5, "inside a block", "")
	d.Warn("title", "a warning", "")
	var got []string
	for _, f := range d.Faults() {
		got = append(got, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Message))
	}
	want := []string{"2:5 nearest parent", "3:5 key", "3:12 value", "4:8 a warning", "4:15 inside quotes", "8:9 inside a block"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNothingMoreIsSaidAboutWhatCouldNotBeRead(t *testing.T) {
	d, _ := Parse("f.yaml", []byte("level: x\ntitel: y\n"))
	var s sample
	d.Decode(&s)
	d.Fault("level", "must be positive", "")
	d.FaultKey("level", "is not needed", "")
	d.FaultInside("level", 1, 1, "no such level", "")
	d.Warn("level", "is unusual", "")
	if !d.Has("title") || d.Given("title") || !d.Given("level") || d.Has("rate") {
		t.Error("a misspelt key does not count as tried")
	}
	if faults := d.Faults(); len(faults) != 2 || !d.Failed() {
		t.Errorf("got %v", faults)
	}
}

func TestWarningsAreNotFaults(t *testing.T) {
	d, _ := Parse("f.yaml", []byte("title: a\n"))
	d.Warn("title", "is short", "add words")
	d.Add(Fault{File: "f.yaml", Line: 0, Column: 1, Message: "the file as a whole", Warning: true})
	faults, warnings := d.Faults().Split()
	if d.Failed() || len(faults) != 0 || len(warnings) != 2 {
		t.Errorf("faults %v, warnings %v", faults, warnings)
	}
	if got := warnings[0].String(); got != "f.yaml: warning: the file as a whole" {
		t.Errorf("got %s", got)
	}
}

func TestPositionsOfFrontMatterCountInTheWholeFile(t *testing.T) {
	d, _ := ParseAt("f.md", []byte("titel: x\n"), 3)
	var s sample
	d.Decode(&s)
	if f := d.Faults()[0]; f.Line != 4 || f.SourceLine != "titel: x" {
		t.Errorf("got %+v", f)
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"send", "spacing", "send_window", "steps"}
	cases := []struct{ what, word, want string }{
		{"a swapped pair of letters", "sned", "send"},
		{"another case", "Steps", "steps"},
		{"hyphen for underscore", "send-window", "send_window"},
		{"a letter missing", "spacin", "spacing"},
		{"a longer form of a word", "sending", "send"},
		{"nothing near", "colour", ""},
		{"an absurdly long word", strings.Repeat("s", 100), ""},
	}
	for _, c := range cases {
		if got := Nearest(c.word, known); got != c.want {
			t.Errorf("%s: Nearest(%q) = %q, want %q", c.what, c.word, got, c.want)
		}
	}
}

// FuzzDecode: no input may crash the reader, and every fault has a position in the file.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"title: a\n", "parts:\n  - {name: a, count: x}\n", "a: &x [*x]\n", "\t", "title: 'a\n  b'\n", "? [a]\n: b\n", "{", "%YAML 1.1\n---\na: 1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		var s sample
		d, ok := Parse("f.yaml", []byte(src))
		if ok {
			d.Decode(&s)
			d.FaultInside("title", 1, 3, "inside", "")
		}
		lines := strings.Count(src, "\n") + 1
		for _, fault := range d.Faults() {
			if fault.Line < 0 || fault.Line > lines+1 || fault.Column < 1 {
				t.Errorf("fault outside the file (%d lines): %+v", lines, fault)
			}
			_ = fault.String()
		}
	})
}

func TestCanonicalFormIgnoresHowItIsWritten(t *testing.T) {
	form := func(src string) string {
		d, ok := Parse("f.yaml", []byte(src))
		if !ok {
			t.Fatal(d.Faults())
		}
		return string(d.Canonical())
	}
	a := form("# comment\ntitle: a\nparts: [{name: x, count: 1}]\n")
	if b := form("parts:\n- count: 1\n  name: 'x'\ntitle: \"a\" # b\n"); a != b {
		t.Errorf("the same content has two forms:\n%s\n%s", a, b)
	}
	if c := form("title: a\nparts: [{name: x, count: 2}]\n"); a == c {
		t.Error("different content has one form")
	}
}
