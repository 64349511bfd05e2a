package contactfile_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
)

// ownCase is a case of our own: what it expects under each reading, and why.
type ownCase struct {
	ID       string              `json:"id"`
	Why      string              `json:"why"`
	Expected expected            `json:"expected"`
	Readings map[string]expected `json:"readings"`
	raw      json.RawMessage
}

type expected struct {
	Allowed   bool       `json:"allowed"`
	Rule      *string    `json:"rule"`
	NotBefore *time.Time `json:"not_before"`
}

// under a reading; where only one answer is given, it is that of both.
func (c ownCase) under(reading string) expected {
	if e, ok := c.Readings[reading]; ok {
		return e
	}
	return c.Expected
}

func ownCases(t *testing.T) []ownCase {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []json.RawMessage `json:"cases"`
	}
	decode(t, string(data), &file)
	var out []ownCase
	for _, raw := range file.Cases {
		c := ownCase{raw: raw}
		decode(t, string(raw), &c)
		out = append(out, c)
	}
	return out
}

// TestOwnCases: every rule from its text, at its edges: seconds, days, changes
// of clocks, ends of months, zones, debts, people, holidays, late facts. Each
// not-before is tried at itself and a second earlier.
func TestOwnCases(t *testing.T) {
	set, seen := packs(t), map[string]bool{}
	for _, c := range ownCases(t) {
		if seen[c.ID] || c.Why == "" {
			t.Fatalf("case %q is there twice, or does not say why", c.ID)
		}
		seen[c.ID] = true
		t.Run(c.ID, func(t *testing.T) {
			for _, reading := range []string{"strict", "literal"} {
				want, got := c.under(reading), ask(t, set, fileOf(c.raw), reading)[0]
				if problem := differs(want, got); problem != "" {
					t.Errorf("%s, %s: %s\n%+v", reading, c.Why, problem, got)
				}
				if got.NotBefore != nil {
					tightAt(t, c.raw, reading, *got.NotBefore)
				}
			}
		})
	}
	if len(seen) < 100 {
		t.Errorf("only %d cases", len(seen))
	}
}

func differs(want expected, got line) string {
	switch {
	case want.Allowed != got.Allowed:
		return "the answer is another"
	case !want.Allowed && !slices.ContainsFunc(got.Reasons, func(r struct{ Rule, Citation, Text string }) bool { return r.Rule == *want.Rule }):
		return "no reason names " + *want.Rule
	case !want.Allowed && !sameInstant(want.NotBefore, got.NotBefore):
		return "not before another instant"
	}
	return ""
}

// sameInstant; strict hours open a second later.
func sameInstant(want, got *time.Time) bool {
	if want == nil || got == nil {
		return want == nil && got == nil
	}
	d := got.Sub(*want)
	return d == 0 || d == time.Second
}

func fileOf(raw json.RawMessage) []byte {
	return append(append([]byte(`{"cases": [`), raw...), "]}"...)
}

// tightAt: the same case is allowed at its not-before and refused a second
// earlier.
func tightAt(t *testing.T, raw json.RawMessage, reading string, at time.Time) {
	t.Helper()
	for _, try := range []struct {
		at   time.Time
		want bool
	}{{at, true}, {at.Add(-time.Second), false}} {
		var m map[string]any
		decode(t, string(raw), &m)
		m["question"].(map[string]any)["at"] = try.at.Format(time.RFC3339)
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, packs(t), fileOf(again), reading)[0]; got.Allowed != try.want {
			t.Errorf("%s: at %s allowed is %v: %+v", reading, try.at.Format(time.RFC3339), got.Allowed, got.Reasons)
		}
	}
}
