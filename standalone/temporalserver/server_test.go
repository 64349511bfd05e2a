package temporalserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/common/dynamicconfig"
	"go.yaml.in/yaml/v3"

	"github.com/duly/duly/internal/pgserver"
)

var pg *pgserver.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if pg, err = pgserver.Start(context.Background(), pgserver.Options{Unsafe: true}); err != nil {
		fmt.Fprintln(os.Stderr, "the tests of the Temporal server need a PostgreSQL:", err)
		return 1
	}
	defer pg.Stop()
	return m.Run()
}

// start runs a server and stops it with the test.
func start(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.DSN = pg.DSN("postgres")
	opts.LogFile = filepath.Join(t.TempDir(), "temporal.log")
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(opts.LogFile)
			t.Logf("first lines of the server's log:\n%.3000s", log)
		}
	})
	return s
}

// sleepTwice is a workflow with two timers and an activity after each.
func sleepTwice(ctx workflow.Context, d time.Duration) (int, error) {
	n := 0
	for range 2 {
		if err := workflow.Sleep(ctx, d); err != nil {
			return 0, err
		}
		actx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.ExecuteActivity(actx, add, n).Get(actx, &n); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func add(_ context.Context, n int) (int, error) { return n + 1, nil }

// work runs a worker for sleepTwice until stop is called.
func work(t *testing.T, c client.Client) (stop func()) {
	t.Helper()
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflow(sleepTwice)
	w.RegisterActivity(add)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w.Stop
}

func dial(t *testing.T, s *Server) client.Client {
	t.Helper()
	c, err := s.Dial(t.Context(), client.Options{Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func begin(t *testing.T, c client.Client, id string, d time.Duration) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: "test",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword("DulyPhase").ValueSet("waiting"),
			temporal.NewSearchAttributeKeyTime("DulyNextAt").ValueSet(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)),
		),
	}, sleepTwice, d)
	if err != nil {
		t.Fatalf("starting a workflow right after Start: %v", err)
	}
	return run
}

func TestWorkflowRunsRightAfterStart(t *testing.T) {
	actions := NewActions()
	s := start(t, Options{Namespace: "fresh", Metrics: actions})
	c := dial(t, s)
	defer work(t, c)()
	var n int
	if err := begin(t, c, "fresh", 10*time.Millisecond).Get(t.Context(), &n); err != nil || n != 2 {
		t.Fatalf("workflow = %d, %v; want 2", n, err)
	}
	byType, total := actions.In("fresh")
	if total != 5 { // 1 start + 2 timers + 2 activities
		t.Errorf("%d actions %v, want 5: start, two timers, two activities", total, byType)
	}
	if _, other := actions.In("another"); other != 0 {
		t.Errorf("%d actions in a namespace that was not used", other)
	}
	awaitVisible(t, c, `DulyPhase = "waiting" AND DulyNextAt < "2027-01-01T00:00:00Z"`)
}

// awaitVisible polls until a query by our attributes finds one workflow.
func awaitVisible(t *testing.T, c client.Client, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := retry(ctx, func() error {
		r, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err == nil && r.GetCount() != 1 {
			err = fmt.Errorf("%d workflows", r.GetCount())
		}
		return err
	})
	if err != nil {
		t.Errorf("query %s: %v", query, err)
	}
}

func TestStateSurvivesARestartOnAnotherPort(t *testing.T) {
	first := start(t, Options{Namespace: "kept"})
	c := dial(t, first)
	stop := work(t, c)
	run := begin(t, c, "kept", 500*time.Millisecond)
	stop()
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, Options{Namespace: "kept", Port: another(t, first.Port())})
	c2 := dial(t, second)
	defer work(t, c2)()
	var n int
	if err := c2.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()).Get(t.Context(), &n); err != nil || n != 2 {
		t.Fatalf("workflow = %d, %v after the restart; want 2", n, err)
	}
}

// another free port than the one given.
func another(t *testing.T, port int) int {
	t.Helper()
	for {
		p, err := pgserver.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if p != port {
			return p
		}
	}
}

func TestPostgresKilledUnderneath(t *testing.T) {
	s := start(t, Options{Namespace: "killed"})
	c := dial(t, s)
	defer work(t, c)()
	run := begin(t, c, "killed", 300*time.Millisecond)
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var n int
	if err := run.Get(ctx, &n); err != nil || n != 2 {
		t.Fatalf("workflow = %d, %v after Postgres was killed; want 2", n, err)
	}
}

func TestDropForgetsEverything(t *testing.T) {
	s := start(t, Options{Namespace: "gone"})
	c := dial(t, s)
	run := begin(t, c, "gone", time.Hour)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := Drop(t.Context(), pg.DSN("postgres")); err != nil {
		t.Fatal(err)
	}
	again := start(t, Options{Namespace: "gone", Port: s.Port()})
	if again.HostPort() != s.HostPort() {
		t.Errorf("address %s, want the one asked for, %s", again.HostPort(), s.HostPort())
	}
	_, err := dial(t, again).DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	if err == nil {
		t.Error("the workflow survived that its databases were dropped")
	}
}

func TestStartFailsWithASentence(t *testing.T) {
	busy := start(t, Options{Namespace: "busy"})
	for _, c := range []struct {
		why  string
		opts Options
		want string
	}{
		{"nobody listens at the database's address", Options{DSN: "postgres://duly:hunter2@127.0.0.1:1/postgres"}, "connecting to the Postgres"},
		{"the URL cannot be read", Options{DSN: "postgres://duly:hunter2@127.0.0.1:x/postgres"}, "cannot be read"},
		{"a socket, which the server cannot use", Options{DSN: "postgres://duly:hunter2@/postgres?host=/run/pg"}, "TCP port"},
		{"the port is taken", Options{DSN: pg.DSN("postgres"), Port: busy.Port()}, "is taken"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if strings.Contains(c.opts.DSN, ":1/") {
				c.opts.Patience = 3 * time.Second // nobody will ever listen
			}
			s, err := Start(t.Context(), c.opts)
			if err == nil {
				s.Stop()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), pg.Password()) {
				t.Errorf("error %q; want it to say %q and no password", err, c.want)
			}
		})
	}
}

// A misspelt key is ignored by the server without a word, so it would never be missed.
func TestDynamicDefaultsAreSettingsOfThisServer(t *testing.T) {
	file := map[string]any{}
	for k, v := range dynamicDefaults() {
		if d, ok := v.(time.Duration); ok {
			v = d.String()
		}
		file[k] = []map[string]any{{"value": v}}
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	r := dynamicconfig.LoadYamlFile(text)
	for _, problem := range append(r.Errors, r.Warnings...) {
		t.Error(problem)
	}
}

func TestAttributesSayNothingAboutPeople(t *testing.T) {
	want := map[string]enums.IndexedValueType{
		"DulyPhase": enums.INDEXED_VALUE_TYPE_KEYWORD, "DulyNextAt": enums.INDEXED_VALUE_TYPE_DATETIME,
	}
	got := SearchAttributes()
	for k, v := range got {
		if want[k] != v {
			t.Errorf("attribute %s: search attributes are not encrypted; only phase and next instant may be there", k)
		}
	}
	if len(got) != len(want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
}
