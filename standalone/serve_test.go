package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// asCommand makes this test binary the command itself: it is killed and started
// again as a process, and building the real one would link the server once more.
const asCommand = "DULY_STANDALONE_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a running "standalone serve".
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	env    map[string]string // what it printed
	status string            // address of the status page
	log    *lines
	done   chan error

	printed chan map[string]string // what will be env
}

// lines collects what the process says, and tells when a line has come.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// dataDir is one that the database's system user may enter.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "duly-serve-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "DATABASE_URL=")
	return cmd
}

// serve starts the process and waits until it is ready.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, log: &lines{}, done: make(chan error, 1), printed: make(chan map[string]string, 1)}
	p.cmd = command(append([]string{"serve", "--unsafe", "--http", "127.0.0.1:0"}, args...)...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.wait() })
	go p.read(out)
	p.await("ready", func() bool { return strings.Contains(p.log.String(), "ready after") })
	p.env = <-p.printed
	_, rest, _ := strings.Cut(p.log.String(), "console at ")
	p.status, _, _ = strings.Cut(rest, ";")
	return p
}

func (p *process) read(out io.Reader) {
	env := map[string]string{}
	for s := bufio.NewScanner(out); s.Scan(); {
		name, value, _ := strings.Cut(strings.TrimPrefix(s.Text(), "export "), "=")
		env[name] = strings.Trim(value, "'")
		if len(env) == 3 {
			p.printed <- env
		}
	}
	p.done <- p.cmd.Wait()
	close(p.done)
}

// await polls until ok, and fails the test when that takes too long.
func (p *process) await(what string, ok func() bool) {
	p.t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond) // the poll's own pace
	}
	p.t.Fatalf("%s: not within five minutes; the process said:\n%s", what, p.log)
}

func (p *process) wait() error {
	err := <-p.done
	return err
}

// kill ends it as a crash would.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	p.wait()
}

func (p *process) get(path string) (int, string) {
	p.t.Helper()
	r, err := http.Get(p.status + strings.TrimPrefix(path, "/"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// campaign is three steps, each a timer and an activity.
func campaign(ctx workflow.Context) (string, error) {
	attempts := ""
	for range 3 {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return "", err
		}
		var attempt int
		actx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})
		if err := workflow.ExecuteActivity(actx, step).Get(actx, &attempt); err != nil {
			return "", err
		}
		attempts += fmt.Sprint(attempt)
	}
	return attempts, nil
}

// steps counts the activity's runs in this process, which is not killed.
var steps atomic.Int32

func step(ctx context.Context) (int32, error) {
	steps.Add(1)
	return activity.GetInfo(ctx).Attempt, nil
}

// startCampaign runs a worker and begins one workflow.
func startCampaign(t *testing.T, env map[string]string) (client.Client, client.WorkflowRun) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: env["TEMPORAL_ADDRESS"], Namespace: env["TEMPORAL_NAMESPACE"], Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "campaigns", worker.Options{})
	w.RegisterWorkflow(campaign)
	w.RegisterActivity(step)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: t.Name(), TaskQueue: "campaigns"}, campaign)
	if err != nil {
		t.Fatal(err)
	}
	return c, run
}

// finish waits for the workflow and checks that it went on where it was: three steps, each
// run once, and at most one run more for each kill, which may have come between a step and
// the record of it. A try that a kill kept from the worker was none of its runs: so there
// may be fewer runs than tries, never more.
func finish(t *testing.T, c client.Client, run client.WorkflowRun, before, kills int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var attempts string
	if err := c.GetWorkflow(ctx, run.GetID(), run.GetRunID()).Get(ctx, &attempts); err != nil {
		t.Fatalf("the workflow did not finish after the crash: %v", err)
	}
	runs, told := steps.Load()-before, int32(0)
	for _, digit := range attempts {
		told += digit - '0'
	}
	if len(attempts) != 3 || runs < 3 || runs > told || runs > 3+kills {
		t.Errorf("attempts %q in %d runs of the activity, want three steps in 3 to %d runs", attempts, runs, 3+kills)
	}
}

// The worker lives on while server, database and clock are killed twice: it finds
// them again at the same addresses, and the workflow goes on where it was.
func TestKilledServeGoesOn(t *testing.T) {
	dir := dataDir(t)
	first := serve(t, "--data", dir)
	before := steps.Load()
	c, run := startCampaign(t, first.env)
	p := first
	for want := before + 1; want <= before+2; want++ {
		p.await("a step", func() bool { return steps.Load() >= want })
		p.kill()
		p = serve(t, "--data", dir)
		for name, value := range first.env {
			if p.env[name] != value {
				t.Fatalf("%s changed over the restart: other processes would not find their way", name)
			}
		}
	}
	finish(t, c, run, before, 2)
}

// Postgres alone is killed: serve starts it again and nothing is lost.
func TestKilledPostgresIsRevived(t *testing.T) {
	dir := dataDir(t)
	p := serve(t, "--data", dir)
	before := steps.Load()
	c, run := startCampaign(t, p.env)
	p.await("a step", func() bool { return steps.Load() > before })
	if err := syscall.Kill(postmaster(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.await("revival", func() bool { return strings.Contains(p.log.String(), "was started again") })
	finish(t, c, run, before, 1)
	p.await("health", func() bool { code, _ := p.get("/healthz"); return code == http.StatusOK })
}

// Temporal's databases are lost, Duly's is not: the same addresses, the same rows, no workflow.
func TestForgetWorkflows(t *testing.T) {
	dir := dataDir(t)
	p := serve(t, "--data", dir)
	_, run := startCampaign(t, p.env)
	query(t, p.env, "CREATE TABLE kept AS SELECT 'kept'::text AS v")
	p.kill()
	p = serve(t, "--data", dir, "--forget-workflows")
	c, err := client.Dial(client.Options{HostPort: p.env["TEMPORAL_ADDRESS"], Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.DescribeWorkflowExecution(t.Context(), run.GetID(), ""); err == nil {
		t.Error("the workflow is still there")
	}
	if got := query(t, p.env, "SELECT v FROM kept"); got != "kept" {
		t.Errorf("Duly's own database: %q, want its rows kept", got)
	}
}

// query runs a statement in Duly's database and returns its one text, if any.
func query(t *testing.T, env map[string]string, sql string) (out string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&out); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	return out
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestServeStopsCleanly(t *testing.T) {
	dir := dataDir(t)
	p := serve(t, "--data", dir)
	var code int
	var body string
	// A part of a busy machine may take longer to answer than the page waits for it.
	p.await("health", func() bool { code, body = p.get("/healthz"); return code == http.StatusOK })
	if body != "ok\n" {
		t.Errorf("/healthz: %q", body)
	}
	p.await("a status of health", func() bool { code, body = p.get("/status"); return strings.Contains(body, "All parts answer.") })
	for _, want := range []string{"All parts answer.", p.env["TEMPORAL_ADDRESS"], `<html lang="en">`, "<dt>Open cases</dt><dd>0</dd>"} {
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("status page (%d) lacks %q:\n%s", code, want, body)
		}
	}
	if strings.Contains(body, p.env["DATABASE_URL"]) || strings.Contains(body, "rehearsal") {
		t.Errorf("status page says too much:\n%s", body)
	}
	if code, _ := p.get("/no-such-page"); code != http.StatusNotFound {
		t.Errorf("unknown page: %d, want 404", code)
	}
	if code, body := p.get("/login"); code != http.StatusOK || !strings.Contains(body, "Sign in") {
		t.Errorf("the console's login (%d):\n%s", code, body)
	}
	if !strings.Contains(p.log.String(), "admin") {
		t.Errorf("the first password of the console is not told; it said:\n%s", p.log)
	}
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil || !strings.Contains(string(env), "export TEMPORAL_ADDRESS='"+p.env["TEMPORAL_ADDRESS"]+"'") {
		t.Errorf("env file: %q, %v", env, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("env file: mode %v, %v; it holds a password", info.Mode(), err)
	}
	pid := postmaster(t, dir)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit status 0; it said:\n%s", err, p.log)
	}
	if syscall.Kill(pid, 0) == nil {
		t.Error("Postgres outlived serve")
	}
}

// A rehearsal goes on over kill -9 where it was: it neither starts anew nor goes back.
func TestRehearsalGoesOn(t *testing.T) {
	dir := dataDir(t)
	args := []string{"--data", dir, "--rate", "86400", "--start", "2026-03-01"}
	p := serve(t, args...)
	var body string
	p.await("a status that knows business time", func() bool { _, body = p.get("/status"); return !strings.Contains(body, "not known") })
	if !strings.Contains(body, "(rehearsal)") || !strings.Contains(body, "2026") {
		t.Errorf("the status page does not show the rehearsal:\n%s", body)
	}
	read := func(p *process) (start, now time.Time) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), p.env["DATABASE_URL"])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if err := conn.QueryRow(t.Context(), "SELECT start, now FROM duly_clock").Scan(&start, &now); err != nil {
			t.Fatal(err)
		}
		return start.UTC(), now.UTC()
	}
	start, now := read(p)
	if want := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC); start != want || !now.After(want) {
		t.Errorf("rehearsal from %s, now %s; want it to begin at %s and run", start, now, want)
	}
	p.kill()
	p = serve(t, args...)
	if !strings.Contains(p.log.String(), "goes on") {
		t.Errorf("nobody was told that the rehearsal goes on:\n%s", p.log)
	}
	start2, now2 := read(p)
	if start2 != start || now2.Before(now) {
		t.Errorf("after kill -9: start %s, now %s; before: %s, %s", start2, now2, start, now)
	}
}

func TestFaultyUseIsRefusedAtOnce(t *testing.T) {
	busy := serve(t, "--data", dataDir(t))
	taken := strings.Trim(strings.TrimPrefix(busy.status, "http://"), "/")
	for _, c := range []struct {
		why  string
		args []string
		want string
	}{
		{"a negative rate", []string{"serve", "--rate", "-1"}, "must be above 0"},
		{"a start that is no date", []string{"serve", "--start", "1st of March"}, "such as 2026-03-01"},
		{"the status page's port is taken", []string{"serve", "--http", taken}, "choose another address with --http"},
		{"a command that there is not", []string{"bogus"}, "bogus"},
		{"words that serve does not take", []string{"serve", "now"}, "now"},
	} {
		t.Run(c.why, func(t *testing.T) {
			out, err := command(c.args...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("err = %v, said %q; want it to fail and say %q", err, out, c.want)
			}
		})
	}
}

func TestTwoOnOneDirectory(t *testing.T) {
	dir := dataDir(t)
	serve(t, "--data", dir)
	out, err := command("serve", "--data", dir, "--http", "").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("err = %v, said %q; want the second refused", err, out)
	}
}

// quiet drops the log of the client and worker.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
