package shell

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/workflows"
)

// TestTemporalSaysWhatFails asks a real server about a case whose activity fails: how often,
// why, and when it is tried again; and has it tried at once when the cause is gone.
func TestTemporalSaysWhatFails(t *testing.T) {
	b := start(t, 1, nil)
	b.debtor("P-1", "80.00")
	b.work()
	var id string
	b.until("the case is open", func(ctx context.Context) bool {
		list, err := b.site.Store().ListCases(ctx, read.Everything(), read.CaseFilter{}, read.Page{})
		if err != nil || len(list.Rows) != 1 {
			return false
		}
		id = list.Rows[0].Case
		return true
	})
	namespace := b.site.Temporal().Namespace()
	ask := func() temporalx.Run {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return temporalx.Describe(ctx, b.client, namespace, workflows.CaseID(id), codec.DataConverter(b.keys))
	}
	b.until("it sleeps", func(context.Context) bool {
		r := ask()
		return r.Reachable && r.Found && r.Status == "Running" && r.Run != "" && r.Events > 3 && len(r.Activities) == 0
	})

	b.exec(`ALTER TABLE decisions RENAME TO decisions_away`)
	b.must(b.site.Store().Wake(t.Context(), id))
	var p temporalx.Pending
	b.until("its activity fails, and the next try is a good while away", func(context.Context) bool {
		fails := ask().Failing()
		if len(fails) != 1 {
			return false
		}
		p = fails[0]
		return p.State == "waiting" && p.Attempt >= 3 && p.Next.Sub(clock.Wall()) > 20*time.Second
	})
	if p.Failure == "" || p.Sealed || p.Words == "" || strings.Contains(p.Words, "Ada") || p.Since.IsZero() || p.Type == "" {
		t.Errorf("%+v; want its type, when it was first asked for, and a failure in words", p)
	}
	sealed := temporalx.Describe(t.Context(), b.client, namespace, workflows.CaseID(id), nil).Failing()
	if len(sealed) != 1 || !sealed[0].Sealed || sealed[0].Words != "" || sealed[0].Failure != p.Failure {
		t.Errorf("without the key: %+v; want the type of the failure only", sealed)
	}

	b.exec(`ALTER TABLE decisions_away RENAME TO decisions`)
	b.must(temporalx.TryNow(t.Context(), b.client, namespace, workflows.CaseID(id), p.ID, "test"))
	b.until("it is done", func(context.Context) bool { r := ask(); return r.Reachable && len(r.Activities) == 0 })
	if late := clock.Wall().Sub(p.Next); late > 0 {
		t.Errorf("it was done %s after its own next try: the order did nothing", late)
	}
	if err := temporalx.TryNow(t.Context(), b.client, namespace, workflows.CaseID(id), p.ID, "test"); err == nil {
		t.Error("an activity that is done can be tried again")
	}
	if r := temporalx.Describe(t.Context(), b.client, namespace, "case/none", nil); !r.Reachable || r.Found {
		t.Errorf("a workflow that there is not: %+v", r)
	}
}

// exec changes the database behind everybody's back.
func (b *bench) exec(sql string) {
	b.t.Helper()
	_, err := b.site.Store().Pool().Exec(b.t.Context(), sql)
	b.must(err)
}
