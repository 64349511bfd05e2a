package shell

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/workflows"
)

// TestContinueAsNew: a case whose history the server wants cut is cut, again and again,
// and nobody but Temporal notices.
func TestContinueAsNew(t *testing.T) {
	b := startWith(t, 2*86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""},
		map[string]any{"limit.historyCount.suggestContinueAsNew": 30})
	b.people(2)
	b.work()
	b.until("all closed", func(ctx context.Context) bool { return b.allClosed(ctx, 2) && b.ended(ctx) })
	b.sameStories()
	for id := range b.refs(t.Context()) {
		first := b.history(t.Context(), id).Events[0].GetWorkflowExecutionStartedEventAttributes()
		if first.ContinuedExecutionRunId == "" {
			t.Fatalf("the workflow of case %s was never continued as new", id)
		}
	}
	b.save("continued")
}

// TestShipped lives the shipped sequence for consumers, with its policies, through all its
// people: a reminder, a text, an offer, a call, an escalation, a draft, and at last the
// payment that closes it.
func TestShipped(t *testing.T) {
	b := start(t, 10*86400, nil)
	debtor, _ := b.debtor("D1", "300.00")
	b.work()
	b.until("the draft of the final notice waits for approval", func(ctx context.Context) bool {
		return slices.Contains(b.tasks(ctx), dunning.TaskDraft)
	})
	var id string
	for k := range b.refs(t.Context()) {
		id = k
	}
	if _, err := b.commands().Do(t.Context(), id, dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "import"); err != nil {
		t.Fatal(err)
	}
	b.until("the case closed", func(ctx context.Context) bool { return b.allClosed(ctx, 1) && b.ended(ctx) })
	facts, err := b.site.Store().FactsAsOf(t.Context(), debtor, 1<<62)
	b.must(err)
	var tasks []dunning.TaskKind
	for _, x := range facts {
		if task, ok := x.Body.(dunning.TaskOpened); ok {
			tasks = append(tasks, task.Task)
		}
	}
	for _, want := range []dunning.TaskKind{dunning.TaskCall, dunning.TaskEscalation, dunning.TaskDraft} {
		if !slices.Contains(tasks, want) {
			t.Errorf("no task of kind %s: %v", want, b.story())
		}
	}
	b.phases(id)
	b.save("shipped")
}

// tasks are the kinds of all open tasks.
func (b *bench) tasks(ctx context.Context) (out []dunning.TaskKind) {
	for id := range b.refs(ctx) {
		tasks, err := b.site.Store().OpenTasks(ctx, "", id, 100)
		if err != nil {
			return nil
		}
		for _, t := range tasks {
			out = append(out, t.Kind)
		}
	}
	return out
}

// phases: the search attributes say that people were asked and that the case is closed.
func (b *bench) phases(id string) {
	b.t.Helper()
	n := 0
	for _, e := range b.history(b.t.Context(), id).Events {
		if e.EventType == enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES {
			n++
		}
	}
	if n != 2 {
		b.t.Errorf("%d changes of search attributes, want 2: %s and %s", n, workflows.PhasePeople, workflows.PhaseClosed)
	}
}

// TestFreshTemporal: after Temporal has lost everything, the sweeper starts the open cases
// again and nothing is sent twice.
func TestFreshTemporal(t *testing.T) {
	b := start(t, 86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
	b.people(3)
	b.work()
	b.until("the cases on their way", func(ctx context.Context) bool { return len(b.refs(ctx)) == 3 && b.sent(ctx) >= 6 })
	for id := range b.refs(t.Context()) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		b.must(b.client.TerminateWorkflow(ctx, workflows.CaseID(id), "", "test"))
		_, err := b.client.WorkflowService().DeleteWorkflowExecution(ctx, deletion(b, id))
		b.must(err)
		cancel()
	}
	b.until("all closed", func(ctx context.Context) bool { return b.allClosed(ctx, 3) })
	b.sameStories()
}
