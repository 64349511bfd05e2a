// Package contactfile reads files of contact questions (the format of
// docs/contact-policy.md, "duly check"), turns that format's conventions about
// facts that are not mentioned into explicit facts, asks the contact policy
// and writes one JSON answer a line.
//
// It owns those conventions, because the engine has none: there a fact that a
// rule needs and nobody gave means no. It does not own rules, and house rules
// do not take part: a file asks about the law.
package contactfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/duly/duly/dunning/contact"
)

// answer is one line of output.
type answer struct {
	ID        string   `json:"id"`
	Allowed   bool     `json:"allowed"`
	Rule      *string  `json:"rule"`
	NotBefore *string  `json:"not_before"`
	Warn      []string `json:"warn"`
	Reasons   []reason `json:"reasons"`
}

type reason struct {
	Rule     string `json:"rule"`
	Citation string `json:"citation"`
	Text     string `json:"text"`
}

// Bounds of what is read. Whoever asks over a network gets the smaller ones.
const (
	MaxBytes        = 256 << 20 // of a file
	MaxRequestBytes = 1 << 20   // of a request
	MaxRequestCases = 1000
)

// ErrTooLarge is wrapped by errors about input beyond the bounds.
var ErrTooLarge = errors.New("too large")

// Answer reads a file of cases and writes one JSON object a line, in the
// order of the cases. A file may also be one case by itself. Ambiguity is
// "strict" or "literal". It fails when the file is not of this form or cannot
// be written; a case that cannot be understood is answered with a refusal that
// says why. Only law and courtesy are asked, not house rules.
func Answer(r io.Reader, set contact.Set, ambiguity string, w io.Writer) error {
	return each(context.Background(), bounds{MaxBytes, math.MaxInt}, r, ambiguity, w, answering(set))
}

// AnswerRequest is Answer for a question that came over a network: at most
// [MaxRequestBytes] and [MaxRequestCases] are read (an error that wraps
// [ErrTooLarge] says so), and it stops between cases when ctx ends. What it
// writes is what "duly check --output json" prints for the same file.
func AnswerRequest(ctx context.Context, r io.Reader, set contact.Set, ambiguity string, w io.Writer) error {
	return each(ctx, bounds{MaxRequestBytes, MaxRequestCases}, r, ambiguity, w, answering(set))
}

// say writes what there is to say about one case; the error is that of a case
// that cannot be understood.
type say func(c *Case, q contact.Query, unread error, out *bytes.Buffer) error

func answering(set contact.Set) say {
	set = law(set)
	return func(c *Case, q contact.Query, unread error, out *bytes.Buffer) error {
		if unread != nil {
			return json.NewEncoder(out).Encode(unclear(c.ID, unread))
		}
		return json.NewEncoder(out).Encode(judge(c.ID, set, q))
	}
}

// Explain reads a file of cases and writes, for each, its reasoning in plain
// words: the verdict, each refusing rule with its citation, the candidates with
// their evidence, what every rule said, and what was counted and what not.
func Explain(r io.Reader, set contact.Set, ambiguity string, w io.Writer) error {
	set = law(set)
	return each(context.Background(), bounds{MaxBytes, math.MaxInt}, r, ambiguity, w, func(c *Case, q contact.Query, unread error, out *bytes.Buffer) error {
		text := "Refused: the case cannot be understood.\n"
		if unread != nil {
			text += "- " + unread.Error() + "\n"
		} else {
			text = set.Explain(q, set.Check(q))
		}
		_, err := fmt.Fprintf(out, "%s\n%s\n", c.ID, text)
		return err
	})
}

type bounds struct{ bytes, cases int }

// each calls f for every case, with an error for those that cannot be
// understood, and writes what it says.
func each(ctx context.Context, max bounds, r io.Reader, ambiguity string, w io.Writer, f say) error {
	if ambiguity != contact.Strict && ambiguity != contact.Literal {
		return fmt.Errorf("ambiguity %q: write strict or literal", ambiguity)
	}
	cases, err := split(r, max)
	if err != nil {
		return err
	}
	for i, raw := range cases {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped before case %d of %d: %w", i+1, len(cases), err)
		}
		var out bytes.Buffer
		c, q, unread := read(raw, ambiguity)
		if err := f(&c, q, unread, &out); err != nil {
			return fmt.Errorf("case %d: %w", i+1, err)
		}
		if _, err := w.Write(out.Bytes()); err != nil {
			return fmt.Errorf("case %d: write the answer: %w", i+1, err)
		}
	}
	return nil
}

// split finds the cases of a file without reading into them.
func split(r io.Reader, max bounds) ([]json.RawMessage, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(max.bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("read the cases: %w", err)
	}
	if len(data) > max.bytes {
		return nil, fmt.Errorf("the cases take more than %d bytes: %w; split them", max.bytes, ErrTooLarge)
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, fmt.Errorf("the file is in UTF-16; save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // some editors begin UTF-8 with a mark
	var f struct {
		Cases    *[]json.RawMessage `json:"cases"`
		Question json.RawMessage    `json:"question"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("the file is not JSON of the form {\"cases\": [...]}: %w", err)
	}
	switch {
	case f.Cases == nil && f.Question != nil:
		return []json.RawMessage{data}, nil // one case by itself
	case f.Cases == nil:
		return nil, fmt.Errorf("the file has no list \"cases\"; write {\"cases\": [...]}, or one case with its \"question\"")
	case len(*f.Cases) > max.cases:
		return nil, fmt.Errorf("%d cases, more than %d: %w; split them", len(*f.Cases), max.cases, ErrTooLarge)
	}
	return *f.Cases, nil
}

// read decodes one case and turns it into a query.
func read(raw json.RawMessage, ambiguity string) (Case, contact.Query, error) {
	var c Case
	if err := json.Unmarshal(raw, &c); err != nil {
		var id struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &id) // best effort: the answer should name the case
		return Case{ID: id.ID}, contact.Query{}, fmt.Errorf("a field has the wrong type: %w", err)
	}
	q, err := c.Query(ambiguity)
	return c, q, err
}

// law leaves out house rules and carriers' terms, because the file's format
// knows only law and courtesy, and brings the packs into the order that ties are settled by.
func law(set contact.Set) contact.Set {
	var packs []contact.Pack
	for _, p := range set {
		if p.Kind() == "law" || p.Kind() == "policy" {
			packs = append(packs, p)
		}
	}
	return contact.NewSet(packs...)
}

func unclear(id string, err error) answer {
	return answer{ID: id, Warn: []string{err.Error()}, Reasons: []reason{{Text: "The case cannot be understood: " + err.Error()}}}
}

func judge(id string, set contact.Set, q contact.Query) answer {
	v := set.Check(q)
	a := answer{ID: id, Allowed: v.Allowed, Warn: []string{}, Reasons: []reason{}}
	if v.Rule != "" {
		a.Rule = &v.Rule
	}
	if !v.NotBefore.IsZero() {
		s := v.NotBefore.In(location(q)).Format(time.RFC3339)
		a.NotBefore = &s
	}
	for _, r := range v.Reasons {
		a.Reasons = append(a.Reasons, reason{r.Rule, set.Citation(r.Rule), set.Text(q, r)})
		if r.Rule == "" || r.Code == contact.CodeGap {
			a.Warn = append(a.Warn, set.Text(q, r))
		}
	}
	if v.Allowed && v.Rule != "" {
		a.Reasons = append(a.Reasons, reason{v.Rule, set.Citation(v.Rule), "Allowed by this exception."})
	}
	for _, r := range v.Warn {
		a.Warn = append(a.Warn, r.Rule+": "+set.Text(q, r))
	}
	return a
}

func location(q contact.Query) *time.Location {
	if len(q.Zones) > 0 {
		return q.Zones[0].Location
	}
	return q.At.Location()
}
