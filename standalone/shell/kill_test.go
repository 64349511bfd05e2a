package shell

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/duly/duly/internal/codec"
)

var (
	kills   = flag.Int("kills", 1, "how often TestKilled kills the worker's process")
	killed  = flag.Int("debtors", 6, "debtors of TestKilled")
	postgre = flag.Bool("postgres", true, "TestKilled also kills Postgres once")
)

// process is a worker as a process of its own.
type process struct {
	b    *bench
	bin  string
	env  []string
	mu   sync.Mutex
	cmd  *exec.Cmd
	said bytes.Buffer
}

// program builds the worker and prepares its environment.
func (b *bench) program() *process {
	b.t.Helper()
	p := &process{b: b, bin: filepath.Join(b.t.TempDir(), "worker")}
	build := exec.CommandContext(b.t.Context(), "go", "build", "-o", p.bin, "./worker")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		b.t.Fatalf("building the worker: %v\n%s", err, out)
	}
	p.env = append(b.site.Env(), "DULY_CODEC_KEYS="+codec.Generate(), "DULY_HEALTH_ADDR=127.0.0.1:0", "PATH="+os.Getenv("PATH"), "HOME="+b.t.TempDir())
	b.t.Cleanup(func() {
		p.kill()
		if b.t.Failed() {
			b.t.Logf("the worker said:\n%s", p.tail())
		}
	})
	return p
}

func (p *process) start() {
	p.b.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.bin)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, &p.said, &p.said
	p.b.must(p.cmd.Start())
}

// kill is kill -9.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

func (p *process) tail() []byte {
	b := p.said.Bytes()
	return b[max(0, len(b)-6000):]
}

// TestKilled: a worker that is killed with kill -9 in the middle of its work, and a Postgres
// too, cost time and nothing else: every debtor's story is the same, nothing is sent twice
// or lost, and nothing is left unknown.
func TestKilled(t *testing.T) {
	b := start(t, 86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
	b.people(*killed)
	p := b.program()
	p.start()
	total := int64(10 * *killed)
	for i := range *kills {
		want := total * int64(i+1) / int64(*kills+2)
		b.until("some messages before the next kill", func(ctx context.Context) bool { return b.sent(ctx) >= want })
		p.kill()
		p.start()
	}
	if *postgre {
		b.until("some messages before Postgres is killed", func(ctx context.Context) bool { return b.sent(ctx) >= total*int64(*kills+1)/int64(*kills+2) })
		b.must(b.site.Postgres().Private().Kill())
	}
	b.until("all closed", func(ctx context.Context) bool { return b.allClosed(ctx, *killed) })
	b.sameStories()
	b.nothingUnknown()
}

// nothingUnknown: every contact has come to an end.
func (b *bench) nothingUnknown() {
	b.t.Helper()
	counts, err := b.site.Store().CountContacts(b.t.Context())
	b.must(err)
	for _, c := range counts {
		if c.State != "accepted" && c.State != "failed" && c.State != "cancelled" {
			b.t.Errorf("%d contacts of step %s are %s", c.N, c.Step, c.State)
		}
	}
}
