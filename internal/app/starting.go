package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/term"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/health"
	"github.com/duly/duly/workflows"
)

// ScheduleID is the Temporal Schedule that opens cases.
const ScheduleID = "duly-open-cases"

// starterFlags is how the starter was called.
type starterFlags struct {
	dryRun bool
	every  time.Duration
	output string
}

func (p Process) starterFlags() (f starterFlags, err error) {
	set := flag.NewFlagSet("starter", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.BoolVar(&f.dryRun, "dry-run", false, "say what would be opened and change nothing")
	set.DurationVar(&f.every, "schedule", 0, "open cases this often, as a Temporal Schedule, and stay")
	set.StringVar(&f.output, "output", "text", "text or json")
	err = set.Parse(p.Args[1:])
	switch {
	case err != nil || set.NArg() > 0:
		err = errors.New("usage: starter [--dry-run] [--output text|json] | starter --schedule 15m")
	case f.output != "text" && f.output != "json":
		err = fmt.Errorf("--output %s: write text or json", f.output)
	case f.every != 0 && f.every < time.Minute:
		err = fmt.Errorf("--schedule %s: at least 1m", f.every)
	}
	if err != nil {
		return f, usageError{err}
	}
	if f.every == 0 && p.Getenv("DULY_START_EVERY") != "" {
		if f.every, err = time.ParseDuration(p.Getenv("DULY_START_EVERY")); err != nil || f.every < time.Minute {
			return f, usageError{fmt.Errorf("DULY_START_EVERY=%s: write a duration of at least 1m, such as 15m", p.Getenv("DULY_START_EVERY"))}
		}
	}
	return f, nil
}

// RunStarter is the main of the starter: once, or as a Schedule.
func RunStarter(ctx context.Context, p Process) error {
	f, err := p.starterFlags()
	if err != nil {
		return err
	}
	d, done, err := Connect(ctx, p, f.every > 0)
	if err != nil {
		return err
	}
	defer done()
	if f.every > 0 {
		if err := PutSchedule(ctx, d.Temporal, f.every); err != nil {
			return err
		}
		d.Log.Info("cases are opened on a Temporal Schedule")
		m := d.measured("starter")
		watchPool(m, d.Store)
		watchSchedule(m, d.Temporal)
		return serveHealth(ctx, p, map[string]health.Check{"temporal": func(ctx context.Context) error {
			_, err := d.Temporal.ScheduleClient().GetHandle(ctx, ScheduleID).Describe(ctx)
			return err
		}}, m.Handler())
	}
	s := &Starter{Store: d.Store, Book: NewBook(d.Store, clock.Wall), Clock: d.Clock, Log: d.Log}
	return startOnce(ctx, p, s, f)
}

// watched reports whether a person looks: logs and mails of cron are no place for a bar.
func watched(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// startOnce runs the starter and prints what came of it.
func startOnce(ctx context.Context, p Process, s *Starter, f starterFlags) error {
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(p.Stderr), progressbar.OptionSetDescription("accounts"),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionShowCount(), progressbar.OptionSetSpinnerChangeInterval(0), // a spinner of its own would race with Add
		progressbar.OptionClearOnFinish(), progressbar.OptionSetVisibility(watched(p.Stderr)))
	out := json.NewEncoder(p.Stdout)
	o := StartOptions{DryRun: f.dryRun, Progress: func(int, int) { _ = bar.Add(1) }}
	if f.dryRun {
		o.Each = func(w Opening) {
			if f.output == "json" {
				_ = out.Encode(w)
				return
			}
			_, _ = fmt.Fprintf(p.Stdout, "account %s would follow %s from %s\n", w.AccountKey, w.Sequence, w.At.UTC().Format(time.RFC3339))
		}
		o.Unmatched = func(w Opening) {
			if f.output == "json" {
				_ = out.Encode(map[string]any{"Account": w.Account, "AccountKey": w.AccountKey, "Unmatched": true})
				return
			}
			_, _ = fmt.Fprintf(p.Stdout, "account %s has debts, and no sequence applies to it\n", w.AccountKey)
		}
	}
	sum, err := s.Run(ctx, o)
	_ = bar.Finish()
	if f.output == "json" {
		_ = out.Encode(sum)
		return err
	}
	verb := "opened"
	if f.dryRun {
		verb = "to be opened"
	}
	_, _ = fmt.Fprintf(p.Stdout, "%d accounts looked at, %d cases %s, %d with debts that no sequence applies to, %d failed\n",
		sum.Looked, sum.Opened, verb, sum.Unmatched, sum.Failed)
	return err
}

// PutSchedule makes the Schedule that opens cases, or changes how often it does. Runs never
// overlap; one that was missed is caught up within the hour.
func PutSchedule(ctx context.Context, c client.Client, every time.Duration) error {
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ScheduleID, Spec: spec, CatchupWindow: time.Hour, TriggerImmediately: true,
		Action: &client.ScheduleWorkflowAction{ID: ScheduleID, Workflow: workflows.OpeningType, TaskQueue: workflows.TaskQueue},
	})
	var there *serviceerror.AlreadyExists
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) && !errors.As(err, &there) {
		return err
	}
	return c.ScheduleClient().GetHandle(ctx, ScheduleID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			s := in.Description.Schedule
			s.Spec = &spec
			return &client.ScheduleUpdate{Schedule: &s}, nil
		},
	})
}
