package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/cli"
)

// ladder is the plain sequence of the acceptance test.
const ladder = `sequence: ladder
title: At the start of the day, before payments post
applies_when: "true"
priority: 1
ladder: each
include: due_for_step
spacing: 0d
steps:
  - {id: a, at: +1d, send: [{email: friendly-reminder}]}
  - {id: b, at: +8d, send: [{email: friendly-reminder}]}
  - {id: c, at: +15d, send: [{email: friendly-reminder}]}
  - {id: d, at: +31d, send: [{email: friendly-reminder}]}
`

func ladderFile(t *testing.T) string {
	t.Helper()
	return write(t, "ladder.yaml", []byte(ladder))
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// ibm is the ledger beside the repository: it is not ours to give away.
func ibm(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, "shared", "data", "ar", "WA_Fn-UseC_-Accounts-Receivable.csv")
		if _, err := os.Stat(file); err == nil {
			return file
		}
		if dir == filepath.Dir(dir) {
			t.Skip("SKIPPED: no directory shared beside the repository with data/ar/WA_Fn-UseC_-Accounts-Receivable.csv; the ledger is private and not part of the repository")
		}
	}
}

// firstCustomers is the ledger of the first few customers.
func firstCustomers(t *testing.T, n int) string {
	t.Helper()
	in, err := os.Open(ibm(t))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "customerID")
	var ids []string
	for _, r := range rows[1:] {
		ids = append(ids, r[column])
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)[:n]
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for i, r := range rows {
		if i == 0 || slices.Contains(ids, r[column]) {
			_ = w.Write(r)
		}
	}
	w.Flush()
	return write(t, "ledger.csv", b.Bytes())
}

// said is what a command printed while it runs.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// standalone runs a command in this process and returns what it printed.
func standalone(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	log := &said{}
	root := cli.Root()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(log)
	if err := root.ExecuteContext(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("standalone %s: %v\n%s\n%s", strings.Join(args, " "), err, log, &out)
	}
	t.Log(log)
	return out.String()
}

// report reads what demo and play print with --output json.
func report(t *testing.T, text string) audit.Report {
	t.Helper()
	var r audit.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// total is the sum of counts.
func total(counts []audit.Count) (n int) {
	for _, c := range counts {
		n += c.N
	}
	return n
}

// checkGuarantees wants all of them to have held, and to have been looked at.
func checkGuarantees(t *testing.T, r audit.Report) {
	t.Helper()
	if len(r.Guarantees) == 0 {
		t.Error("no guarantee was looked at")
	}
	for _, g := range r.Guarantees {
		if len(g.Broken) > 0 || g.Checked == 0 {
			t.Errorf("%s: %s", g.Name, g)
		}
	}
}

// event is a line of a timeline, as far as tests look at it.
type event struct {
	At    string `json:"at"`
	Kind  string `json:"kind"`
	Items []struct {
		Key  string  `json:"key"`
		Step *string `json:"step"`
	} `json:"items"`
}

func timeline(t *testing.T, text string) (events []event) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

// items counts the items of contacts by the step they count for, and the contacts.
func items(events []event) (steps map[string]int, contacts int) {
	steps = map[string]int{}
	for _, e := range events {
		if e.Kind != "contact" {
			continue
		}
		contacts++
		for _, it := range e.Items {
			if it.Step != nil {
				steps[*it.Step]++
			}
		}
	}
	return steps, contacts
}
