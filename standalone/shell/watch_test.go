package shell

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/workflows"
)

// TestTemporalSaysHowItDoes asks a real server what the health page shows: queues without
// and with a worker, a workflow that was terminated, and that it heals.
func TestTemporalSaysHowItDoes(t *testing.T) {
	b := start(t, 1, nil)
	b.debtor("W-1", "80.00")
	ask := func() temporalx.Facts {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return temporalx.Ask(ctx, b.client, temporalx.Question{
			Namespace: b.site.Temporal().Namespace(), Workflows: workflows.TaskQueue, Activities: []string{"duly-email", "duly-sms", "duly-letter"}, Type: workflows.CaseType,
		})
	}
	f := ask()
	if !f.Reachable || len(f.Queues) != 5 || len(f.Missing) != 0 {
		t.Fatalf("%+v; want all five queues", f)
	}
	for _, q := range f.Queues {
		if len(q.Pollers) != 0 {
			t.Errorf("queue %s has pollers before there is a worker: %+v", q.Name, q.Pollers)
		}
	}

	w := b.hire()
	b.until("the case runs and every queue is polled", func(context.Context) bool {
		f := ask()
		return f.Running == 1 && !slices.ContainsFunc(f.Queues, func(q temporalx.Queue) bool { return len(q.Pollers) == 0 || q.Pollers[0].Identity == "" })
	})
	list, err := b.site.Store().ListCases(t.Context(), read.Everything(), read.CaseFilter{}, read.Page{})
	if err != nil || len(list.Rows) != 1 {
		t.Fatalf("cases %+v, %v", list.Rows, err)
	}
	id := list.Rows[0].Case
	b.until("the worker says how it is", func(ctx context.Context) bool {
		o, err := b.site.Store().Operating(ctx, read.Everything(), began)
		return err == nil && len(o.Processes) == 1 && o.Processes[0].Kind == "worker" && o.Database.Connections > 0 && o.Database.Most > 0
	})
	w.Stop()
	b.must(b.client.TerminateWorkflow(t.Context(), workflows.CaseID(id), "", "by the test"))
	b.until("the terminated workflow is told", func(context.Context) bool {
		f := ask()
		return len(f.Ended) == 1 && f.Ended[0].Workflow == workflows.CaseID(id) && f.Ended[0].Status == "Terminated" && f.Running == 0
	})
	b.must(b.site.Store().Wake(t.Context(), id)) // as a retry of the dead letter does
	b.work()
	b.until("it runs again and is told no more", func(context.Context) bool {
		f := ask()
		return f.Running == 1 && len(f.Ended) == 0
	})
}
