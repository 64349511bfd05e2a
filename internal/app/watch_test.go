package app

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/temporalx"
)

func TestWatchAsksOnceAndMakesNoPageSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its time passes only while all wait
		var asked atomic.Int64
		release := make(chan struct{})
		w := &watch{wall: time.Now, ask: func(context.Context) temporalx.Facts {
			n := asked.Add(1)
			if n > 1 {
				<-release
			}
			return temporalx.Facts{Reachable: true, Running: n}
		}}
		if f := w.facts(t.Context()); f.Running != 1 {
			t.Fatalf("the first answer is %+v", f)
		}
		time.Sleep(3 * time.Second)
		if f := w.facts(t.Context()); f.Running != 1 || asked.Load() != 1 {
			t.Errorf("a fresh answer is asked for again: %+v after %d questions", f, asked.Load())
		}
		time.Sleep(7 * time.Second) // the server hangs now
		began := time.Now()
		for range 3 {
			if f := w.facts(t.Context()); f.Running != 1 {
				t.Errorf("while it hangs the page shows %+v, want the last answer", f)
			}
		}
		if took := time.Since(began); took > 3*temporalGlance || asked.Load() != 2 {
			t.Errorf("three pages took %s and asked %d times", took, asked.Load())
		}
		close(release)
		synctest.Wait()
		if f := w.facts(t.Context()); f.Running != 2 {
			t.Errorf("the new answer never came: %+v", f)
		}
	})
}

// hangs is how long a page or an order may take on a busy machine before it counts as one that
// hangs. What a page waits for Temporal is bounded by temporalPatience and casePatience.
const hangs = time.Minute

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
	if took := clock.Wall().Sub(began); page.StatusCode != 200 || !strings.Contains(page.body, "no answer") || took > hangs {
		t.Errorf("with a dead one: status %d after %s, and no red tile", page.StatusCode, took)
	}
	began = clock.Wall()
	if d.open(ops, "GET", "/health"); clock.Wall().Sub(began) > hangs {
		t.Errorf("the second look took %s", clock.Wall().Sub(began))
	}
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
