package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/cli"
)

// ibm is the private ledger: in a directory `shared` beside the repository or
// beside any directory above it.
func ibm(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "shared", "data", "ar", "WA_Fn-UseC_-Accounts-Receivable.csv")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if dir == filepath.Dir(dir) {
			t.Skip("NOT TESTED: the private data ../shared/data/ar is not beside this repository")
		}
	}
}

type event struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Items []struct {
		Key  string  `json:"key"`
		Step *string `json:"step"`
	} `json:"items"`
	NotBefore *time.Time `json:"not_before"`
}

func simulated(t *testing.T, args ...string) []event {
	t.Helper()
	var out, errs bytes.Buffer
	status := cli.Run(context.Background(), cli.Env{
		Args:  append([]string{"simulate", "--output", "json"}, args...),
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" },
	})
	if status != 0 || errs.Len() > 0 {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var events []event
	for line := range strings.Lines(out.String()) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if n := len(events); n > 0 && e.At.Before(events[n-1].At) {
			t.Fatalf("line %d is not in time order", n+1)
		}
		events = append(events, e)
	}
	return events
}

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

// The command line replays the two years of the IBM ledger with the plain
// ladder of the acceptance test: exactly the items that were late at each step.
func TestSimulateIBM(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ladder.yaml")
	if err := os.WriteFile(file, []byte(ladder), 0o600); err != nil {
		t.Fatal(err)
	}
	contacts, items := 0, map[string]int{}
	for _, e := range simulated(t, "--sequence", file, "--items", ibm(t), "--mapping", "ibm-ar", "--policies", "none") {
		if e.Kind != "contact" {
			continue
		}
		contacts++
		for _, it := range e.Items {
			items[*it.Step]++
		}
	}
	got := [5]int{items["a"], items["b"], items["c"], items["d"], contacts}
	if want := [5]int{877, 458, 196, 8, 1498}; got != want {
		t.Errorf("items at each step and contacts: %v, want %v", got, want)
	}
}

// With the shipped sequence for businesses, its policies and disputes as holds
// there are hundreds of contacts, and some are put off.
func TestSimulateIBMDisputed(t *testing.T) {
	contacts, deferred := 0, 0
	for _, e := range simulated(t, "--sequence", "business-standard", "--items", ibm(t), "--mapping", "ibm-ar-disputed") {
		switch e.Kind {
		case "contact":
			contacts++
		case "deferred":
			deferred++
			if e.NotBefore != nil && !e.NotBefore.After(e.At) {
				t.Errorf("deferred at %s until %s, which is not later", e.At, e.NotBefore)
			}
		}
	}
	if contacts < 500 || deferred < 1 {
		t.Errorf("%d contacts and %d deferrals; want at least 500 and 1", contacts, deferred)
	}
}
