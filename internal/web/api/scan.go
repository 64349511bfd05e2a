package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a body beside its size. What is deeper, or writes a number with more digits,
// is no request of ours, and reading it costs more than it is worth.
const (
	maxDepth  = 50
	maxNumber = 40 // characters of a number
)

// scanner walks JSON once before anything else does, and refuses what the decoders behind
// it would read in two ways: the same member twice, text that is not UTF-8, a NUL (which
// no database text can hold), nesting without end, numbers of a thousand digits.
type scanner struct {
	dec   *json.Decoder
	names map[string]bool // members that the schema knows: the only ones a pointer repeats
	path  []string
}

// scan refuses bodies that are not plain JSON: one value, each member once.
func scan(body []byte, names map[string]bool) error {
	if !utf8.Valid(body) {
		return fail(400, "unreadable", "The body is not JSON", "It is not valid UTF-8.")
	}
	s := &scanner{dec: json.NewDecoder(bytes.NewReader(body)), names: names}
	s.dec.UseNumber()
	if err := s.value(); err != nil {
		return err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return fail(400, "unreadable", "The body is not JSON", "There is more after the first value.")
	}
	return nil
}

func (s *scanner) token() (json.Token, error) {
	t, err := s.dec.Token()
	if err != nil {
		return nil, unreadable(err)
	}
	return t, nil
}

func (s *scanner) value() error {
	t, err := s.token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Delim:
		return s.inside(v)
	case string:
		return s.text(v)
	case json.Number:
		return s.number(string(v))
	}
	return nil
}

// inside reads what is between { and }, or [ and ].
func (s *scanner) inside(open json.Delim) error {
	if len(s.path) >= maxDepth {
		return fail(400, "unreadable", "The body is too deep", fmt.Sprintf("It may be nested %d times.", maxDepth))
	}
	seen := map[string]bool{}
	for i := 0; s.dec.More(); i++ {
		name := fmt.Sprint(i)
		if open == '{' {
			var err error
			if name, err = s.member(seen); err != nil {
				return err
			}
		}
		s.path = append(s.path, name)
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	_, err := s.token()
	return err
}

// member reads a member's name, which must not come twice.
func (s *scanner) member(seen map[string]bool) (string, error) {
	t, err := s.token()
	if err != nil {
		return "", err
	}
	name, _ := t.(string)
	if err := s.text(name); err != nil {
		return "", err
	}
	if seen[name] {
		return "", fail(400, "unreadable", "The body says something twice", "A member of an object may be there once.", Fault{Pointer: pointer(append(s.path, name), s.names), Detail: "is there twice"})
	}
	seen[name] = true
	return name, nil
}

func (s *scanner) text(v string) error {
	if strings.ContainsRune(v, 0) {
		return invalid(Fault{Pointer: pointer(s.path, s.names), Detail: "holds the character U+0000, which no text here can"})
	}
	return nil
}

func (s *scanner) number(v string) error {
	_, exponent, _ := strings.Cut(strings.ToLower(v), "e")
	if len(v) > maxNumber || len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return invalid(Fault{Pointer: pointer(s.path, s.names), Detail: "is a number with too many digits"})
	}
	return nil
}
