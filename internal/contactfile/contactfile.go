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
	"encoding/json"
	"fmt"
	"io"
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

// Answer reads a file of cases and writes one JSON object a line, in the
// order of the cases. Ambiguity is "strict" or "literal". It fails when the
// file is not of this form or cannot be written; a case that cannot be
// understood is answered with a refusal that says why.
func Answer(r io.Reader, set contact.Set, ambiguity string, w io.Writer) error {
	set = law(set)
	return each(r, ambiguity, w, func(c *Case, q contact.Query, unread error, out *bytes.Buffer) error {
		if unread != nil {
			return json.NewEncoder(out).Encode(unclear(c.ID, unread))
		}
		return json.NewEncoder(out).Encode(judge(c.ID, set, q))
	})
}

// Explain reads a file of cases and writes, for each, its reasoning in plain
// words: the verdict, each refusing rule with its citation, and the evidence.
func Explain(r io.Reader, set contact.Set, ambiguity string, w io.Writer) error {
	set = law(set)
	return each(r, ambiguity, w, func(c *Case, q contact.Query, unread error, out *bytes.Buffer) error {
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

// each calls say for every case, with an error for those that cannot be
// understood, and writes what it says.
func each(r io.Reader, ambiguity string, w io.Writer, say func(*Case, contact.Query, error, *bytes.Buffer) error) error {
	if ambiguity != contact.Strict && ambiguity != contact.Literal {
		return fmt.Errorf("ambiguity %q: write strict or literal", ambiguity)
	}
	cases, err := split(r)
	if err != nil {
		return err
	}
	for i, raw := range cases {
		var out bytes.Buffer
		c, q, unread := read(raw, ambiguity)
		if err := say(&c, q, unread, &out); err != nil {
			return fmt.Errorf("case %d: %w", i+1, err)
		}
		if _, err := w.Write(out.Bytes()); err != nil {
			return fmt.Errorf("case %d: write the answer: %w", i+1, err)
		}
	}
	return nil
}

// split finds the cases of a file without reading into them.
func split(r io.Reader) ([]json.RawMessage, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the cases: %w", err)
	}
	var f struct {
		Cases *[]json.RawMessage `json:"cases"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("the file is not JSON of the form {\"cases\": [...]}: %w", err)
	}
	if f.Cases == nil {
		return nil, fmt.Errorf("the file has no list \"cases\"; write {\"cases\": [...]}")
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
