package site

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/standalone/temporalserver"
)

var (
	rehearsedCases = flag.Int("cases", 40, "cases of TestRehearsalOnRealTemporal")
	rehearsedSteps = flag.Int("steps", 4, "steps of each")
)

// stepper is a case in the shape of Duly's own: its next instant is a row, a
// workflow sleeps until its wall instant, an activity acts and plans what follows.
type stepper struct {
	db    *pgxpool.Pool
	clock clock.Clock
	steps int

	mu    sync.Mutex
	acted map[time.Time]int // by lateness on the planned instant: how often
	early int
}

// next crosses Temporal.
type next struct {
	Wake time.Time
	Done bool
}

func (s *stepper) pending(ctx context.Context, after time.Time) (time.Time, bool, error) {
	var at *time.Time
	err := s.db.QueryRow(ctx, `SELECT min(at) FROM wakes WHERE at > $1`, after).Scan(&at)
	if at == nil {
		return time.Time{}, false, err
	}
	return *at, true, err
}

// workflow of one case.
func (s *stepper) workflow(ctx workflow.Context, id int, first time.Time) error {
	n := next{Wake: first}
	for !n.Done {
		if err := workflow.Sleep(ctx, max(n.Wake.Sub(workflow.Now(ctx)), time.Millisecond)); err != nil {
			return err
		}
		actx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.ExecuteActivity(actx, s.Act, id).Get(actx, &n); err != nil {
			return err
		}
	}
	return nil
}

// Act does the step that is due and plans the next, in one statement.
func (s *stepper) Act(ctx context.Context, id int) (next, error) {
	var at time.Time
	var done int
	if err := s.db.QueryRow(ctx, `SELECT at, done FROM wakes WHERE id = $1`, id).Scan(&at, &done); err != nil {
		return next{}, err
	}
	at = at.UTC()
	now, err := clock.Await(ctx, s.clock, at, clock.Patience)
	if err != nil {
		return next{}, err
	}
	if now.Before(at) {
		s.mu.Lock()
		s.early++
		s.mu.Unlock()
		wake, err := s.clock.WakeWall(ctx, at)
		return next{Wake: wake}, err
	}
	s.mu.Lock()
	s.acted[at]++
	late := now.Sub(at)
	s.mu.Unlock()
	if late > 0 {
		return next{}, fmt.Errorf("case %d acted %s late in business time (attempt %d)", id, late, activity.GetInfo(ctx).Attempt)
	}
	if done+1 == s.steps {
		_, err := s.db.Exec(ctx, `DELETE FROM wakes WHERE id = $1`, id)
		return next{Done: true}, err
	}
	// Five days on, at an hour that differs from case to case.
	at = at.Truncate(24 * time.Hour).Add(5*24*time.Hour + time.Duration(8+id%10)*time.Hour)
	if _, err := s.db.Exec(ctx, `UPDATE wakes SET at = $2, done = done + 1 WHERE id = $1`, id, at); err != nil {
		return next{}, err
	}
	wake, err := s.clock.WakeWall(ctx, at)
	return next{Wake: wake}, err
}

// The whole of DESIGN 8 on a real Temporal server: at four days a second every case acts
// at exactly the business instant that was planned, however long the machine takes,
// and hardly anything wakes for nothing.
func TestRehearsalOnRealTemporal(t *testing.T) {
	actions := temporalserver.NewActions()
	s, err := Start(t.Context(), Options{Unsafe: true, Metrics: actions})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	st := &stepper{db: s.Pool(), steps: *rehearsedSteps, acted: map[time.Time]int{}}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ids := startSteppers(t, s, st, start)
	begun := clock.Wall()
	for _, run := range ids {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		if err := run.Get(ctx, nil); err != nil {
			t.Fatalf("case %s: %v", run.GetID(), err)
		}
		cancel()
	}
	took := clock.Wall().Sub(begun)
	checkActed(t, st, start)
	n := *rehearsedCases * *rehearsedSteps
	if st.early > n/10 {
		t.Errorf("%d wake-ups in vain for %d steps", st.early, n)
	}
	_, billed := actions.In(s.Temporal().Namespace())
	if limit := int64(*rehearsedCases*(1+2**rehearsedSteps) + 2*st.early); billed > limit {
		t.Errorf("%d actions, want at most %d: a start, and a timer and an activity for each step", billed, limit)
	}
	t.Logf("%d cases, %d steps over %d business days in %s: %.0f steps/s, %d wake-ups in vain, %d actions",
		*rehearsedCases, n, 5**rehearsedSteps, took.Round(time.Millisecond), float64(n)/took.Seconds(), st.early, billed)
}

// startSteppers makes the rows, starts the rehearsal, the worker and the workflows.
func startSteppers(t *testing.T, s *Site, st *stepper, start time.Time) (runs []client.WorkflowRun) {
	t.Helper()
	ctx := t.Context()
	if _, err := s.Pool().Exec(ctx, `CREATE TABLE wakes (id int PRIMARY KEY, at timestamptz NOT NULL, done int NOT NULL DEFAULT 0);
		CREATE INDEX ON wakes (at)`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(ctx, `INSERT INTO wakes SELECT i, $1 FROM generate_series(1, $2) i`, start, *rehearsedCases); err != nil {
		t.Fatal(err)
	}
	if err := clock.Set(ctx, s.Pool(), clock.Setting{Start: start, Rate: 4 * 86400}); err != nil {
		t.Fatal(err)
	}
	var err error
	if st.clock, err = clock.Open(ctx, s.Pool(), st.pending); err != nil {
		t.Fatal(err)
	}
	c, err := s.Temporal().Dial(ctx, client.Options{Logger: nothing{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "steps", worker.Options{})
	w.RegisterWorkflowWithOptions(st.workflow, workflow.RegisterOptions{Name: "stepper"})
	w.RegisterActivity(st.Act)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	for id := 1; id <= *rehearsedCases; id++ {
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprint(id), TaskQueue: "steps"}, "stepper", id, start)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	return runs
}

// checkActed wants every step of every case, each at its planned instant.
func checkActed(t *testing.T, st *stepper, start time.Time) {
	t.Helper()
	want := map[time.Time]int{start: *rehearsedCases}
	for step := 1; step < *rehearsedSteps; step++ {
		for id := 1; id <= *rehearsedCases; id++ {
			want[start.Add(time.Duration(step)*5*24*time.Hour+time.Duration(8+id%10)*time.Hour)]++
		}
	}
	for at, n := range want {
		if st.acted[at] != n {
			t.Errorf("%d cases acted at %s, want %d", st.acted[at], at, n)
		}
	}
	if len(st.acted) != len(want) {
		t.Errorf("cases acted at %d instants, want %d", len(st.acted), len(want))
	}
}

type nothing struct{}

func (nothing) Debug(string, ...any) {}
func (nothing) Info(string, ...any)  {}
func (nothing) Warn(string, ...any)  {}
func (nothing) Error(string, ...any) {}
