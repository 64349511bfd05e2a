package shell

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// TestActions: a campaign of ten steps costs at most 2 billed actions a step and 5 for the
// case, and at most 3 for each nudge, by the server's own count.
func TestActions(t *testing.T) {
	b := start(t, 86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
	debtor, _ := b.debtor("D1", "300.00")
	b.work()
	nudges := 0
	b.until("the second step", func(ctx context.Context) bool { return b.accepted(ctx, debtor) >= 2 }) // steps enough are left
	for i := range 2 {
		b.nudge(fmt.Sprintf("n%d", i))
		nudges++
		want := b.accepted(t.Context(), debtor) + 1
		b.until("a step after the nudge", func(ctx context.Context) bool { return b.accepted(ctx, debtor) >= want })
	}
	b.until("the case closed", func(ctx context.Context) bool { return b.allClosed(ctx, 1) && b.ended(ctx) })
	byType, total := b.actions.In(b.site.Temporal().Namespace())
	deferrals := b.deferrals()
	limit := int64(2*10 + 3*(nudges+deferrals) + 5)
	if n := b.accepted(t.Context(), debtor); n != 10 {
		t.Errorf("%d steps left, want 10: %v", n, b.story())
	}
	if total > limit {
		t.Errorf("%d actions, want at most %d: %v\n%s", total, limit, byType, b.events())
	}
	t.Logf("%d actions for 10 steps, %d nudges and %d deferrals (limit %d): %v", total, nudges, deferrals, limit, byType)
	b.save("ten-steps")
}

// accepted counts messages that left.
func (b *bench) accepted(ctx context.Context, debtor string) (n int) {
	facts, err := b.site.Store().FactsAsOf(ctx, debtor, 1<<62)
	if err != nil {
		return 0
	}
	for _, x := range facts {
		if m, ok := x.Body.(dunning.ContactMoved); ok && m.State == dunning.ContactAccepted {
			n++
		}
	}
	return n
}

// nudge writes a note about every case.
func (b *bench) nudge(id string) {
	b.t.Helper()
	for _, ref := range b.refs(b.t.Context()) {
		if _, err := b.commands().Do(b.t.Context(), ref.Case, dunning.WriteNote{ID: id, Text: "x"}, "user:1"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// deferrals counts decisions not to send for now.
func (b *bench) deferrals() (n int) {
	for _, lines := range b.story() {
		for _, l := range lines {
			if strings.Contains(l, " deferred ") {
				n++
			}
		}
	}
	return n
}

// ended reports whether no workflow runs any more.
func (b *bench) ended(ctx context.Context) bool {
	for id := range b.refs(ctx) {
		d, err := b.client.DescribeWorkflowExecution(ctx, workflows.CaseID(id), "")
		if err != nil || d.WorkflowExecutionInfo.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return false
		}
	}
	return true
}

// history of a case's newest run.
func (b *bench) history(ctx context.Context, id string) *history.History {
	out := &history.History{}
	it := b.client.GetWorkflowHistory(ctx, workflows.CaseID(id), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		b.must(err)
		out.Events = append(out.Events, e)
	}
	return out
}

// events are the activities of all cases, for failures.
func (b *bench) events() (out string) {
	for id := range b.refs(b.t.Context()) {
		for _, e := range b.history(b.t.Context(), id).Events {
			if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
				out += fmt.Sprintf("  %s %s\n", e.EventTime.AsTime().Format("05.000"), a.ActivityType.Name)
			}
		}
	}
	return out
}

var identity = regexp.MustCompile(`"identity":\s?"[^"]*"`)

// save writes the histories of a run as fixtures for the replay test, when told to.
func (b *bench) save(name string) {
	b.t.Helper()
	if !*record {
		return
	}
	n := 0
	for id := range b.refs(b.t.Context()) {
		n++
		out, err := protojson.Marshal(b.plain(b.history(b.t.Context(), id)))
		b.must(err)
		file := filepath.Join("..", "..", "workflows", "testdata", "histories", fmt.Sprintf("%s-%d.json", name, n))
		out = identity.ReplaceAll(out, []byte(`"identity":"worker"`)) // not this machine's name
		b.must(os.WriteFile(file, append(out, '\n'), 0o644))
	}
}
