package contactfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/contactfile"
)

// shippedPacks, read once: the tests ask thousands of times.
var (
	packsOnce    sync.Once
	shippedPacks contact.Set
)

// packs loads every shipped pack.
func packs(t testing.TB) contact.Set {
	t.Helper()
	packsOnce.Do(func() { shippedPacks = loadPacks(t) })
	if len(shippedPacks) == 0 {
		t.Fatal("the shipped packs could not be loaded; an earlier test says why")
	}
	return shippedPacks
}

func loadPacks(t testing.TB) contact.Set {
	t.Helper()
	files, err := filepath.Glob("../../config/policies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no packs in config/policies (%v)", err)
	}
	var all []contact.Pack
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var spec contact.PackSpec
		if err := yaml.Load(data, &spec, yaml.WithKnownFields()); err != nil {
			t.Fatalf("%s: %v", filepath.Base(f), err)
		}
		p, faults := contact.Compile(spec)
		for _, x := range faults {
			t.Errorf("%s: %v", filepath.Base(f), x)
		}
		all = append(all, p)
	}
	return contact.NewSet(all...)
}

// shared finds a file of the private data beside the repository.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "shared", name))
		if err == nil {
			return data
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Skipf("SKIPPED LOUDLY: ../shared/%s is not there; the worked examples did not run", name)
	return nil
}

type example struct {
	ID       string          `json:"id"`
	Question json.RawMessage `json:"question"`
	Expected struct {
		Allowed   bool       `json:"allowed"`
		Rule      string     `json:"rule"`
		NotBefore *time.Time `json:"not_before"`
		Warn      string     `json:"warn"`
	} `json:"expected"`
	Ambiguous bool `json:"ambiguous"`
	Readings  map[string]struct {
		Allowed   bool       `json:"allowed"`
		NotBefore *time.Time `json:"not_before"`
	} `json:"readings"`
	Field string `json:"ambiguous_field"`
}

type line struct {
	ID        string     `json:"id"`
	Allowed   bool       `json:"allowed"`
	Rule      *string    `json:"rule"`
	NotBefore *time.Time `json:"not_before"`
	Warn      []string   `json:"warn"`
	Reasons   []struct {
		Rule, Citation, Text string
	} `json:"reasons"`
}

// groups of rules that stand for one another in the examples.
var groups = [][]string{
	{"US-F-TIME-01", "US-F-TIME-02", "US-F-TIME-03", "US-F-TIME-04", "US-F-CONSENT-01"},
	{"US-F-INCONV-01", "US-F-TIME-04"},
	{"US-F-FREQ-01", "US-F-FREQ-02", "US-F-FREQ-03", "US-F-FREQ-04", "US-F-SCOPE-01"},
	{"US-F-THIRD-01", "US-F-DEC-01", "US-F-LCM-01"},
	{"US-TCPA-02", "US-CTIA-01"},
}

func sameGroup(a, b string) bool {
	if a == b {
		return true
	}
	return slices.ContainsFunc(groups, func(g []string) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}

func ask(t testing.TB, set contact.Set, data []byte, ambiguity string) []line {
	t.Helper()
	var out bytes.Buffer
	if err := contactfile.Answer(bytes.NewReader(data), set, ambiguity, &out); err != nil {
		t.Fatal(err)
	}
	var lines []line
	dec := json.NewDecoder(&out)
	for dec.More() {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// at asks one case again at another instant.
func at(t testing.TB, set contact.Set, raw json.RawMessage, ambiguity string, when time.Time) line {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	m["question"].(map[string]any)["at"] = when.Format(time.RFC3339)
	data, err := json.Marshal(map[string]any{"cases": []any{m}})
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, set, data, ambiguity)[0]
}

// TestWorkedExamples runs the private worked examples: every unambiguous one
// must be right under both readings, with a tight not-before.
func TestWorkedExamples(t *testing.T) {
	data := shared(t, "cases/contact.json")
	set := packs(t)
	var file struct {
		Cases []json.RawMessage `json:"cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	type score struct{ firm, firmRight, open, openRight, instant, instantRight int }
	table := map[string]*score{}
	for _, reading := range []string{contact.Strict, contact.Literal} {
		lines := ask(t, set, data, reading)
		if len(lines) != len(file.Cases) {
			t.Fatalf("%d answers for %d cases", len(lines), len(file.Cases))
		}
		for i, raw := range file.Cases {
			var e example
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			l := lines[i]
			area := reading + " " + strings.SplitN(e.ID, "-", 2)[0]
			s := table[area]
			if s == nil {
				s = &score{}
				table[area] = s
			}
			if e.Ambiguous {
				s.open++
				if l.Allowed == e.Readings[reading].Allowed {
					s.openRight++
				} else {
					t.Errorf("%s (%s, ambiguous): allowed %v, the reading says %v", e.ID, reading, l.Allowed, e.Readings[reading].Allowed)
				}
				continue
			}
			s.firm++
			if fault := judge(e, l); fault != "" {
				t.Errorf("%s (%s): %s; got %+v", e.ID, reading, fault, l)
				continue
			}
			s.firmRight++
			if !l.Allowed && e.Expected.NotBefore != nil {
				if e.Field != "" {
					s.instant++
					if l.NotBefore != nil && near(*l.NotBefore, *e.Expected.NotBefore) {
						s.instantRight++
					}
				} else if !at(t, set, raw, reading, *l.NotBefore).Allowed || at(t, set, raw, reading, l.NotBefore.Add(-time.Second)).Allowed {
					t.Errorf("%s (%s): not_before %v is not tight", e.ID, reading, l.NotBefore)
				}
			}
		}
	}
	var rows []string
	for area, s := range table {
		rows = append(rows, fmt.Sprintf("%-16s firm %d/%d  ambiguous %d/%d  open instants %d/%d", area, s.firmRight, s.firm, s.openRight, s.open, s.instantRight, s.instant))
	}
	sort.Strings(rows)
	t.Log("\n" + strings.Join(rows, "\n"))
}

func near(got, want time.Time) bool {
	d := got.Sub(want)
	return d == 0 || d == time.Second
}

// judge compares as the format's section 6 says.
func judge(e example, l line) string {
	if l.Allowed != e.Expected.Allowed {
		return fmt.Sprintf("allowed is %v, expected %v", l.Allowed, e.Expected.Allowed)
	}
	if l.Allowed {
		return ""
	}
	found := false
	for _, r := range l.Reasons {
		found = found || sameGroup(r.Rule, e.Expected.Rule)
	}
	if !found {
		return "no reason names " + e.Expected.Rule
	}
	if e.Field != "" {
		return ""
	}
	switch {
	case (l.NotBefore == nil) != (e.Expected.NotBefore == nil):
		return fmt.Sprintf("not_before is %v, expected %v", l.NotBefore, e.Expected.NotBefore)
	case l.NotBefore != nil && !near(*l.NotBefore, *e.Expected.NotBefore):
		return fmt.Sprintf("not_before is %v, expected %v", l.NotBefore, e.Expected.NotBefore)
	}
	return ""
}
