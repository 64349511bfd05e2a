package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/house"
	"github.com/duly/duly/standalone/rehearse"
	"github.com/duly/duly/standalone/site"
)

const (
	benchCases = 150
	benchSteps = 10
)

// BenchmarkEngine is how many steps a second the engine makes, with everything that
// belongs to one (deciding, reserving, the fence, the message, the journal), beside a bare
// workflow of one timer and one activity that does nothing a step, on the same server in
// the same run. The goal for the ratio is 0.6.
func BenchmarkEngine(b *testing.B) {
	var bare, engine float64
	for b.Loop() {
		bare, engine = measure(b)
	}
	b.ReportMetric(bare, "bare-steps/s")
	b.ReportMetric(engine, "engine-steps/s")
	b.ReportMetric(engine/bare, "ratio")
}

func measure(b *testing.B) (bare, engine float64) {
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	h, err := house.Start(b.Context(), house.Options{
		Config: tenSteps(b),
		Site:   site.Options{Unsafe: true, Rehearsal: &clock.Setting{Start: begin, Rate: 20 * 86400}},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := h.Stop(); err != nil {
			b.Error(err)
		}
	}()
	bare = bareSteps(b, h.Client())
	return bare, engineSteps(b, h, begin)
}

// tenSteps is the shipped configuration with a sequence of ten messages for everybody,
// two days apart, and no policies: each step leaves when it is due.
func tenSteps(b *testing.B) fs.FS {
	out := fstest.MapFS{}
	err := fs.WalkDir(config.DefaultFiles(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Dir(name) == "policies" {
			return err
		}
		text, err := fs.ReadFile(config.DefaultFiles(), name)
		out[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	var s strings.Builder
	s.WriteString("sequence: ten\ntitle: Ten steps\npriority: 100\nspacing: 1d\nsteps:\n")
	for i := range benchSteps {
		fmt.Fprintf(&s, "  - {id: s%d, at: +%dd, send: [{email: nudge}]}\n", i, 3+2*i)
	}
	s.WriteString("end: {write_off: true}\n")
	out["sequences/ten.yaml"] = &fstest.MapFile{Data: []byte(s.String())}
	return out
}

// bareSteps runs as many workflows of as many steps as the engine will.
func bareSteps(b *testing.B, c client.Client) float64 {
	w := worker.New(c, "bare", worker.Options{})
	w.RegisterWorkflowWithOptions(bareCase, workflow.RegisterOptions{Name: "bare"})
	w.RegisterActivity(nothing)
	if err := w.Start(); err != nil {
		b.Fatal(err)
	}
	defer w.Stop()
	begun := clock.Wall()
	var runs []client.WorkflowRun
	for i := range benchCases {
		run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{ID: fmt.Sprintf("bare/%d", i), TaskQueue: "bare"}, "bare")
		if err != nil {
			b.Fatal(err)
		}
		runs = append(runs, run)
	}
	for _, run := range runs {
		if err := run.Get(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	return benchCases * benchSteps / clock.Wall().Sub(begun).Seconds()
}

func bareCase(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range benchSteps {
		if err := workflow.Sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		if err := workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func nothing(context.Context) error { return nil }

// engineSteps takes as many cases through their ten steps.
func engineSteps(b *testing.B, h *house.House, begin time.Time) float64 {
	rows := []postgres.Script{rehearse.Row(postgres.Audience, begin, postgres.Audience, struct{}{}), rehearse.EndRow(begin.AddDate(0, 0, 30))}
	for i := range benchCases {
		rows = append(rows, benchDebtor(b, h.Site.Store(), begin, fmt.Sprintf("B%04d", i)))
	}
	if _, err := h.Site.Store().AddScript(b.Context(), rows...); err != nil {
		b.Fatal(err)
	}
	begun := clock.Wall()
	if err := h.Begin(b.Context()); err != nil {
		b.Fatal(err)
	}
	pl := rehearse.New(rehearse.Options{Store: h.Site.Store(), Book: h.Book, Clock: h.Site.Clock()})
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- pl.Run(ctx) }()
	select {
	case <-pl.Ended():
	case err := <-failed:
		b.Fatalf("the player ended before the rehearsal: %v", err)
	}
	took := clock.Wall().Sub(begun)
	sent, err := h.Site.Store().Sandbox().Count(b.Context())
	if err != nil || sent != benchCases*benchSteps {
		b.Fatalf("%d messages, want %d, %v", sent, benchCases*benchSteps, err)
	}
	return float64(sent) / took.Seconds()
}

// benchDebtor makes a debtor with a debt that is due as the rehearsal begins.
func benchDebtor(b *testing.B, store *postgres.Store, begin time.Time, key string) postgres.Script {
	ctx := b.Context()
	id, err := store.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: key, Name: "Test", Locale: "en", Country: "US"})
	if err == nil {
		err = store.PutPoints(ctx, id, postgres.Point{ID: key + "-e", Channel: dunning.Email, Value: key + "@example.invalid"})
	}
	if err != nil {
		b.Fatal(err)
	}
	account, err := store.PutAccount(ctx, postgres.Account{Debtor: id, Creditor: "demo", Key: key, Currency: "USD"})
	if err != nil {
		b.Fatal(err)
	}
	due := dunning.DateOf(begin)
	fact := func(account, source string, body dunning.Body) dunning.Fact {
		return dunning.Fact{At: begin, Account: account, By: "import", Source: source, Body: body}
	}
	return rehearse.Row(key, begin, rehearse.Facts, rehearse.FactsBody{Account: account, Facts: []dunning.Fact{
		fact("", "debtor", dunning.DebtorKnown{DebtorKind: "consumer", Locale: "en", Country: "US", Places: []string{"US-NY"}, Zones: []string{"America/New_York"}}),
		fact("", "point", dunning.PointKnown{ID: key + "-e", Channel: dunning.Email}),
		fact("", "feed", dunning.FeedSeen{Until: begin.AddDate(1, 0, 0)}),
		fact(account, "item", dunning.Item{Key: "1", Issued: due.AddDays(-14), Due: due, Amount: money.MustParse("100.00", "USD"), Class: "consumer"}),
	}})
}
