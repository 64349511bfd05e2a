package app

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/temporalx"
)

func TestWatchAsksOnceAndMakesNoPageSlow(t *testing.T) {
	var asked atomic.Int64
	var now atomic.Int64
	release := make(chan struct{}, 10)
	w := &watch{wall: func() time.Time { return time.Unix(now.Load(), 0) }, ask: func(ctx context.Context) temporalx.Facts {
		n := asked.Add(1)
		if n > 1 {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return temporalx.Facts{Reachable: true, Running: n}
	}}
	now.Store(1000)
	if f := w.facts(t.Context()); f.Running != 1 {
		t.Fatalf("the first answer is %+v", f)
	}
	now.Store(1003)
	if f := w.facts(t.Context()); f.Running != 1 || asked.Load() != 1 {
		t.Errorf("a fresh answer is asked for again: %+v after %d questions", f, asked.Load())
	}
	now.Store(1010) // the server hangs now
	began := clock.Wall()
	for range 3 {
		if f := w.facts(t.Context()); f.Running != 1 {
			t.Errorf("while it hangs the page shows %+v, want the last answer", f)
		}
	}
	if took := clock.Wall().Sub(began); took > 3*temporalGlance+time.Second || asked.Load() != 2 {
		t.Errorf("three pages took %s and asked %d times", took, asked.Load())
	}
	release <- struct{}{}
	for deadline := clock.Wall().Add(5 * time.Second); w.facts(t.Context()).Running != 2; {
		if clock.Wall().After(deadline) {
			t.Fatal("the new answer never came")
		}
	}
}

func TestHealthWithoutTemporalAndWithADeadOne(t *testing.T) {
	d := newDesk(t)
	ops := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	if page := d.open(ops, "GET", "/health"); page.StatusCode != 200 || !strings.Contains(page.body, "set TEMPORAL_ADDRESS") || strings.Contains(page.body, "no answer") {
		t.Errorf("without Temporal: status %d, and no grey tile that says how to configure it", page.StatusCode)
	}
	dead, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: TemporalLog(quietLog())})
	d.must(err)
	defer dead.Close()
	d.console.watch = newWatch(Deps{Temporal: dead})
	began := clock.Wall()
	page := d.open(ops, "GET", "/health")
	if took := clock.Wall().Sub(began); page.StatusCode != 200 || !strings.Contains(page.body, "no answer") || took > 5*time.Second {
		t.Errorf("with a dead one: status %d after %s, and no red tile", page.StatusCode, took)
	}
	began = clock.Wall()
	if d.open(ops, "GET", "/health"); clock.Wall().Sub(began) > 2*time.Second {
		t.Errorf("the second look took %s", clock.Wall().Sub(began))
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
