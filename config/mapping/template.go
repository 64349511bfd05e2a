package mapping

import (
	"fmt"
	"strings"
)

// Template is a compiled text with places for fields.
type Template struct{ parts []piece }

// piece is a literal text, or a field with transforms.
type piece struct {
	literal    string
	field      Field
	transforms []Transform
}

// ParseTemplate compiles "{{field}}" and "{{field|transform|…}}" inside a text.
func ParseTemplate(text string) (Template, error) {
	var t Template
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			t.parts = append(t.parts, piece{literal: before})
		}
		if !found {
			break
		}
		inside, tail, closed := strings.Cut(after, "}}")
		if !closed {
			return t, fmt.Errorf("template %q has {{ without }}", text)
		}
		p, err := parsePiece(inside)
		if err != nil {
			return t, err
		}
		t.parts = append(t.parts, p)
		rest = tail
	}
	return t, nil
}

func parsePiece(inside string) (piece, error) {
	words := strings.Split(inside, "|")
	p := piece{field: Field(strings.TrimSpace(words[0]))}
	if err := knownField(p.field); err != nil {
		return p, err
	}
	for _, w := range words[1:] {
		tr := Transform(strings.TrimSpace(w))
		if err := knownTransform(tr); err != nil {
			return p, err
		}
		p.transforms = append(p.transforms, tr)
	}
	return p, nil
}

// Fields lists the fields that the template uses, in order of appearance.
func (t Template) Fields() []Field {
	var out []Field
	for _, p := range t.parts {
		if p.field != "" {
			out = append(out, p.field)
		}
	}
	return out
}

// Execute fills the places. A field without a value makes the whole text
// empty: half an address is none.
func (t Template) Execute(value func(Field) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.field == "" {
			b.WriteString(p.literal)
			continue
		}
		v := value(p.field)
		for _, tr := range p.transforms {
			v = tr.Apply(v)
		}
		if v == "" {
			return ""
		}
		b.WriteString(v)
	}
	return b.String()
}

// Apply cleans a value.
func (t Transform) Apply(s string) string {
	switch t {
	case StripZeros:
		return stripZeros(s)
	case StripFloat:
		return stripFloat(s)
	case Collapse:
		return strings.Join(strings.Fields(s), " ")
	case Upper:
		return strings.ToUpper(s)
	case Lower:
		return strings.ToLower(s)
	case Digits:
		return keep(s, isDigit)
	case Slug:
		return slug(s)
	default:
		return strings.TrimSpace(s)
	}
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func keep(s string, ok func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if ok(r) {
			return r
		}
		return -1
	}, s)
}

// stripZeros leaves words alone that are no numbers: 007A keeps its zeros.
func stripZeros(s string) string {
	if s == "" || keep(s, isDigit) != s {
		return s
	}
	if out := strings.TrimLeft(s, "0"); out != "" {
		return out
	}
	return "0"
}

// stripFloat cuts ".0", ".00" … off a whole number.
func stripFloat(s string) string {
	whole, frac, ok := strings.Cut(s, ".")
	if ok && whole != "" && keep(whole, isDigit) == whole && strings.Trim(frac, "0") == "" {
		return whole
	}
	return s
}

func slug(s string) string {
	out := strings.Map(func(r rune) rune {
		if isDigit(r) || r >= 'a' && r <= 'z' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	return strings.Trim(out, "-.")
}

func knownField(f Field) error {
	for _, n := range names {
		if n == f {
			return nil
		}
	}
	return fmt.Errorf("there is no field %q%s", f, hint(string(f), names))
}

func knownTransform(t Transform) error {
	for _, n := range allTransforms {
		if n == t {
			return nil
		}
	}
	return fmt.Errorf("there is no transform %q%s", t, hint(string(t), allTransforms))
}

// hint words a suggestion, or "".
func hint[S ~string](word string, candidates []S) string {
	if n := Nearest(word, candidates); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
