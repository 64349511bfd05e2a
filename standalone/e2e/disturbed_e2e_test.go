//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"

	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/replay"
	"github.com/duly/duly/workflows"
)

// undisturbed runs the portfolio within one process and returns the report and the story.
func undisturbed(t *testing.T) (audit.Report, string) {
	t.Helper()
	story := filepath.Join(t.TempDir(), "story.jsonl")
	p := start(t, os.Environ(), "standalone", "demo", "--exit", "--http", "", "--output", "json", "--story", story,
		"--accounts", fmt.Sprint(*accounts), "--days", fmt.Sprint(*days), "--rate", fmt.Sprint(*rate), "--hold", "15m")
	<-p.done
	if p.err != nil {
		t.Fatalf("the undisturbed run: %v\n%s\n%s", p.err, tail(p.log.String()), p.out)
	}
	t.Log("undisturbed: ", tail(p.log.String()))
	return report(t, p.out.String()), read(t, story)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// same wants two runs to have come to the same: their summaries whole, and what happened to
// the debtors event by event. A line that something was put off is a look rather than an
// event: one that a crash delayed, or one more between two facts, sees another opening. The
// summaries count each message that a rule put off once, and are equal in that too.
func same(t *testing.T, a, b audit.Report, storyA, storyB replay.Timeline) {
	t.Helper()
	storyA.Text, storyB.Text = happened(storyA.Text), happened(storyB.Text)
	if d := audit.Diff(a.Summary, b.Summary); len(d) > 0 {
		t.Errorf("%s (-) and %s (+): the summaries differ:\n%s", storyA.Name, storyB.Name, strings.Join(d, "\n"))
	}
	var first strings.Builder
	if n := replay.Compare(&first, storyA, storyB, 30); n > 0 {
		t.Errorf("%d events differ:\n%s", n, &first)
	}
}

// happened is a story without what was put off.
func happened(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, `"kind":"deferred"`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// What happened to a portfolio follows from its seed, not from the machine.
func TestTwoRunsAgree(t *testing.T) {
	a, storyA := undisturbed(t)
	b, storyB := undisturbed(t)
	checkGuarantees(t, a)
	same(t, a, b, replay.Timeline{Name: "first", Text: storyA}, replay.Timeline{Name: "second", Text: storyB})
}

// With every process on its own, the worker is killed ten times, serve (Temporal and the
// clock with it) and Postgres once each, a workflow is terminated and Temporal's database
// emptied: what happened to the debtors is the same as undisturbed, nothing twice, nothing
// lost, nothing unknown.
func TestDisturbed(t *testing.T) {
	calm, calmStory := undisturbed(t)
	checkGuarantees(t, calm)
	story := filepath.Join(t.TempDir(), "story.jsonl")
	d := newDuly(t, nil, "--story", story, "--patience", "15m")
	disturbances := []func(){
		d.killWorker, d.killWorker, d.killWorker, d.killPostgres, d.killWorker, d.killServe, d.killWorker,
		d.terminate, d.killWorker, d.killWorker, d.emptyTemporal, d.killWorker, d.killWorker, d.killWorker,
	}
	for i, disturb := range disturbances {
		d.day(1 + i**days*9/10/len(disturbances))
		disturb()
	}
	disturbed := report(t, d.finish())
	checkGuarantees(t, disturbed)
	// A try that a crash cut off is made again half a minute later: instants may differ,
	// and nothing else.
	same(t, calm, disturbed, replay.Timeline{Name: "undisturbed", Text: replay.Undated(calmStory)},
		replay.Timeline{Name: "disturbed", Text: replay.Undated(read(t, story))})
}

// killServe takes Temporal, the clock and Postgres' keeper away at once.
func (d *duly) killServe() {
	d.serve.kill()
	d.startServe()
}

// emptyTemporal loses every workflow.
func (d *duly) emptyTemporal() {
	d.serve.kill()
	d.startServe("--forget-workflows")
}

// terminate ends the workflow of the oldest open case.
func (d *duly) terminate() {
	d.t.Helper()
	var id string
	d.until("an open case", func(db *pgx.Conn) bool {
		return db.QueryRow(context.Background(), `SELECT id::text FROM cases WHERE status = 'open' ORDER BY created_at, id LIMIT 1`).Scan(&id) == nil
	})
	c, err := client.Dial(client.Options{HostPort: d.get("TEMPORAL_ADDRESS"), Namespace: d.get("TEMPORAL_NAMESPACE")})
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	if err := c.TerminateWorkflow(context.Background(), workflows.CaseID(id), "", "e2e"); err != nil {
		d.t.Fatalf("terminating the workflow of case %s: %v", id, err)
	}
}

// postmaster is the process of the private PostgreSQL.
func (d *duly) postmaster() int {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		d.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		d.t.Fatal(err)
	}
	return pid
}

func (d *duly) killPostgres() {
	d.t.Helper()
	if err := syscall.Kill(d.postmaster(), syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
}
