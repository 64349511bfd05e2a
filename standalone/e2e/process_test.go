package e2e

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
)

// The portfolio of the tests with processes behind the build tag e2e. The figures of the
// acceptance test are the defaults; smaller ones are for trying.
var (
	accounts = flag.Int("accounts", 500, "debtors of the tests with processes")
	days     = flag.Int("days", 90, "days that they live")
	rate     = flag.Float64("rate", 432000, "business seconds per second")
)

// programs are built once.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "duly-e2e-programs-"); err != nil {
		return "", err
	}
	for name, where := range map[string][2]string{"standalone": {"..", "."}, "worker": {"../..", "./worker"}} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), where[1])
		build.Dir = where[0]
		build.Env = append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// process of a Duly.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *said
	log  *said
	done chan struct{} // closed when it has ended
	err  error
}

// start runs a program.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{name: name, cmd: exec.Command(filepath.Join(dir, name), args...), out: &said{}, log: &said{}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said, last:\n%s", name, tail(p.log.String()))
		}
	})
	return p
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// duly is a whole one: serve and worker as processes of their own, and who plays.
type duly struct {
	t         *testing.T
	dir       string
	env       []string // for worker and play
	providers []string // for the worker
	serveArgs []string
	serve     *process
	worker    *process
	play      *process
}

// newDuly starts serve and play. The worker comes when the script is there.
func newDuly(t *testing.T, providers []string, playArgs ...string) *duly {
	t.Helper()
	dir, err := os.MkdirTemp("", "duly-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	d := &duly{t: t, dir: filepath.Join(dir, "data"), providers: providers}
	d.serveArgs = []string{"serve", "--unsafe", "--http", "", "--data", d.dir, "--rate", fmt.Sprint(*rate), "--start", "2026-03-02", "--hold", "15m"}
	d.startServe()
	d.env = append(d.addresses(), "DULY_CODEC_KEYS="+codec.Generate(), "PATH="+os.Getenv("PATH"), "HOME="+dir)
	d.play = start(t, d.env, "standalone", append([]string{
		"play", "--accounts", fmt.Sprint(*accounts), "--days", fmt.Sprint(*days), "--rate", fmt.Sprint(*rate), "--hold", "15m", "--output", "json",
	}, playArgs...)...)
	d.until("the script", func(db *pgx.Conn) bool { return d.number(db, `SELECT count(*) FROM rehearsal_script`) > 0 })
	d.startWorker()
	return d
}

func (d *duly) startServe(args ...string) {
	d.t.Helper()
	d.serve = start(d.t, os.Environ(), "standalone", append(d.serveArgs, args...)...)
	d.await("serve", time.Minute, func() bool { return strings.Contains(d.serve.log.String(), "ready after") })
}

func (d *duly) startWorker() {
	d.t.Helper()
	env := append(append([]string{}, d.env...), d.providers...)
	d.worker = start(d.t, append(env, "DULY_HEALTH_ADDR="+freeAddr(d.t)), "worker")
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// addresses are the variables in the file that serve writes.
func (d *duly) addresses() (env []string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "env"))
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		env = append(env, name+"="+strings.Trim(value, "'"))
	}
	return env
}

func (d *duly) get(name string) string {
	for _, kv := range d.env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// await polls until ok, and fails the test when that takes too long.
func (d *duly) await(what string, most time.Duration, ok func() bool) {
	d.t.Helper()
	for deadline := clock.Wall().Add(most); !ok(); {
		if clock.Wall().After(deadline) {
			d.t.Fatalf("%s: not within %s", what, most)
		}
		time.Sleep(50 * time.Millisecond) // the poll's own pace
	}
}

// whole is how long a whole rehearsal may take.
const whole = 90 * time.Minute

// until polls the database, which may be away for a while. It fails when play ends first.
func (d *duly) until(what string, ok func(db *pgx.Conn) bool) {
	d.t.Helper()
	d.await(what, whole, func() bool {
		select {
		case <-d.play.done:
			d.t.Fatalf("play ended before %s: %v\n%s", what, d.play.err, tail(d.play.log.String()))
		default:
		}
		url := d.get("DATABASE_URL")
		if url == "" {
			url = strings.TrimPrefix(d.addresses()[0], "DATABASE_URL=")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		db, err := pgx.Connect(ctx, url)
		if err != nil {
			return false
		}
		defer db.Close(context.Background())
		return ok(db)
	})
}

// number asks for one; -1 when the database does not answer.
func (d *duly) number(db *pgx.Conn, sql string) (n int) {
	if err := db.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		return -1
	}
	return n
}

// day waits until business time has come to a day of the rehearsal.
func (d *duly) day(n int) {
	d.t.Helper()
	d.until(fmt.Sprintf("day %d", n), func(db *pgx.Conn) bool {
		return d.number(db, `SELECT coalesce(extract(epoch FROM now - start) / 86400, -1)::int FROM duly_clock`) >= n
	})
}

// finish waits for play's end and returns what it printed.
func (d *duly) finish() string {
	d.t.Helper()
	select {
	case <-d.play.done:
	case <-time.After(whole):
		d.t.Fatalf("play has not ended within %s", whole)
	}
	if d.play.err != nil {
		d.t.Fatalf("play: %v\n%s\n%s", d.play.err, tail(d.play.log.String()), d.play.out)
	}
	return d.play.out.String()
}

func (d *duly) killWorker() {
	d.worker.kill()
	d.startWorker()
}
