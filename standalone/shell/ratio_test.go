package shell

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var (
	benchCases = flag.Int("bench-cases", 200, "cases, and bare workflows, of BenchmarkEngineBesideBare")
	benchRate  = flag.Float64("bench-rate", 40*86400, "rate of its rehearsal: as fast as the work goes")
)

const benchSteps = 10

// bareCase is the least that a durable step can cost: one timer and one activity that does
// nothing, so many times.
func bareCase(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range benchSteps {
		if err := workflow.NewTimer(ctx, 100*time.Millisecond).Get(ctx, nil); err != nil {
			return err
		}
		if err := workflow.ExecuteActivity(ctx, bareStep).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func bareStep(context.Context) error { return nil }

// BenchmarkEngineBesideBare runs the engine (ten reminders a case: facts, decision,
// reservation, fence, sandbox, outcome, all in Postgres) and, after it, bare workflows on
// the same embedded server in the same run, and reports steps a second of both and their
// ratio. The goal is a ratio of at least 0.6.
func BenchmarkEngineBesideBare(b *testing.B) {
	for range b.N {
		x := start(b, *benchRate, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
		engine := x.engineSteps() // first: business time runs on while there is no case
		bare := x.bareSteps()
		b.ReportMetric(bare, "bare-steps/s")
		b.ReportMetric(engine, "engine-steps/s")
		b.ReportMetric(engine/bare, "ratio")
	}
}

// bareSteps is how many bare steps a second the server and one worker do.
func (b *bench) bareSteps() float64 {
	b.t.Helper()
	const queue = "bare"
	w := worker.New(b.client, queue, worker.Options{MaxConcurrentActivityExecutionSize: 40})
	w.RegisterWorkflow(bareCase)
	w.RegisterActivity(bareStep)
	b.must(w.Start())
	defer w.Stop()
	began := time.Now()
	var runs []client.WorkflowRun
	for i := range *benchCases {
		r, err := b.client.ExecuteWorkflow(b.t.Context(), client.StartWorkflowOptions{ID: fmt.Sprint("bare-", i), TaskQueue: queue}, bareCase)
		b.must(err)
		runs = append(runs, r)
	}
	for _, r := range runs {
		b.must(r.Get(b.t.Context(), nil))
	}
	return float64(*benchCases*benchSteps) / time.Since(began).Seconds()
}

// engineSteps is how many steps of real cases a second the same server and one worker do.
func (b *bench) engineSteps() float64 {
	b.t.Helper()
	for i := range *benchCases {
		b.debtor(fmt.Sprintf("B%04d", i), "100.00")
	}
	began := time.Now()
	w := b.hire()
	defer w.Stop()
	b.until("all closed", func(ctx context.Context) bool {
		n, err := b.site.Store().Totals(ctx)
		return err == nil && n.ClosedCases == int64(*benchCases)
	})
	return float64(b.sent(b.t.Context())) / time.Since(began).Seconds()
}
