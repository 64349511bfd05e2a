package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/simulate"
)

// draftOf is the shipped configuration in a directory of its own, with one text of one file
// replaced.
func draftOf(t *testing.T, file, before, after string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.CopyFS(dir, config.DefaultFiles()); err != nil {
		t.Fatal(err)
	}
	if file == "" {
		return dir
	}
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), before) {
		t.Fatalf("%s does not hold %q any more: mend this test", file, before)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), before, after)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// summary is the last line of a backtest.
type summary struct {
	Type        string          `json:"type"`
	Accounts    int             `json:"accounts"`
	InForce     simulate.Totals `json:"in_force"`
	Draft       simulate.Totals `json:"draft"`
	Differences map[string]int  `json:"differences"`
	Violations  int             `json:"violations"`
}

// backtested runs duly backtest and returns its exit status, all lines and the summary.
func backtested(t *testing.T, args ...string) (int, []map[string]any, summary) {
	t.Helper()
	var out, errs bytes.Buffer
	status := cli.Run(context.Background(), cli.Env{
		Args: append([]string{"backtest", "--output", "json"}, args...), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" },
	})
	if errs.Len() > 0 {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var lines []map[string]any
	var sum summary
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		lines = append(lines, m)
		sum = summary{}
		if err := json.Unmarshal([]byte(line), &sum); err != nil {
			t.Fatal(err)
		}
	}
	if sum.Type != "summary" {
		t.Fatalf("the last line is no summary: %v", lines)
	}
	return status, lines, sum
}

// TestBacktestIBM: two years of a real ledger, with a draft that writes three days later.
// What is in force comes out as duly simulate has it; the draft's first step is later for
// every invoice that is still open then.
func TestBacktestIBM(t *testing.T) {
	data := ibm(t)
	draft := draftOf(t, "sequences/business-standard.yaml", "at: +5d", "at: +8d")
	status, lines, sum := backtested(t, draft, "--items", data, "--mapping", "ibm-ar-disputed", "--people", "0")
	if status != 0 || sum.Violations != 0 {
		t.Errorf("exit status %d, %d violations", status, sum.Violations)
	}
	contacts := 0
	for _, e := range simulated(t, "--items", data, "--mapping", "ibm-ar-disputed") {
		if e.Kind == "contact" {
			contacts++
		}
	}
	if sum.InForce.Contacts != contacts || contacts < 100 || sum.Accounts != 100 {
		t.Errorf("in force %d contacts of %d accounts, duly simulate has %d", sum.InForce.Contacts, sum.Accounts, contacts)
	}
	if sum.Differences[simulate.Moved] == 0 || sum.Differences[simulate.Vanished] == 0 {
		t.Errorf("differences %v: some move, and who has paid by then hears nothing", sum.Differences)
	}
	n := map[string]int{}
	for _, l := range lines {
		if l["type"] == "difference" {
			n[l["what"].(string)]++
		}
	}
	for what, count := range sum.Differences {
		if n[what] != count {
			t.Errorf("%d lines %s, the summary says %d", n[what], what, count)
		}
	}
	at := func(x simulate.Totals, step string) int {
		for _, s := range x.Steps {
			if s.Step == step {
				return s.Contacts
			}
		}
		return 0
	}
	if before, after := at(sum.InForce, "statement"), at(sum.Draft, "statement"); before == 0 || after >= before {
		t.Errorf("%d statements, in the draft %d: fewer invoices live to see the eighth day", before, after)
	}
}

// TestBacktestOfTheSame: what is in force, as a draft, differs in nothing.
func TestBacktestOfTheSame(t *testing.T) {
	status, lines, sum := backtested(t, draftOf(t, "", "", ""), "--items", ibm(t), "--mapping", "ibm-ar")
	if status != 0 || len(lines) != 1 || len(sum.Differences) > 0 || sum.InForce.Contacts == 0 || sum.InForce.Contacts != sum.Draft.Contacts {
		t.Errorf("exit status %d, %d lines, %+v", status, len(lines), sum.Differences)
	}
}
