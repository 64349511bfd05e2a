package shell

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/workflows"
)

func (b *bench) commands() *commands.Service {
	return app.NewCommands(b.site.Store(), app.NewBook(b.site.Store(), clock.Wall), b.site.Clock())
}

// people are some debtors.
func (b *bench) people(n int) {
	for i := range n {
		b.debtor(fmt.Sprintf("D%02d", i), "300.00")
	}
}

// TestHealing: workflows that are terminated in the middle of a campaign are started again
// by the sweeper and go on where their cases are: the same story as of a debtor whose
// workflow nobody touched, and nothing twice.
func TestHealing(t *testing.T) {
	b := start(t, 86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
	b.people(4)
	b.work()
	b.until("the cases on their way", func(ctx context.Context) bool { return len(b.refs(ctx)) == 4 && b.sent(ctx) >= 8 })
	ids := slices.Sorted(maps.Keys(b.refs(t.Context())))
	for _, id := range ids[:2] {
		b.must(b.client.TerminateWorkflow(t.Context(), workflows.CaseID(id), "", "test"))
	}
	b.until("all closed", func(ctx context.Context) bool { return b.allClosed(ctx, 4) })
	b.sameStories()
	b.nothingPersonal()
	b.save("healed")
}

// sent counts all messages in the sandbox.
func (b *bench) sent(ctx context.Context) int64 {
	n, err := b.site.Store().Sandbox().Count(ctx)
	if err != nil {
		return 0
	}
	return n
}

// sameStories: all debtors are alike, so their stories must be; ten messages each.
//
// When a case was opened is left out: the debtors are imported while the clock runs, and it
// is held only once the first case is open, so that one may be some minutes older.
func (b *bench) sameStories() {
	b.t.Helper()
	stories := b.story()
	for k, lines := range stories {
		stories[k] = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, " opened ") })
	}
	keys := slices.Sorted(maps.Keys(stories))
	for _, k := range keys {
		if !slices.Equal(stories[k], stories[keys[0]]) {
			b.t.Errorf("%s:\n  %s\n%s:\n  %s", keys[0], strings.Join(stories[keys[0]], "\n  "), k, strings.Join(stories[k], "\n  "))
		}
	}
	if n := b.sent(b.t.Context()); n != int64(10*len(keys)) {
		b.t.Errorf("%d messages in the sandbox, want 10 for each of %d debtors", n, len(keys))
	}
}

// nothingPersonal searches what Temporal stores, decrypted, for what must not be there.
func (b *bench) nothingPersonal() {
	b.t.Helper()
	for id := range b.refs(b.t.Context()) {
		raw := b.history(b.t.Context(), id).String()
		plain := b.plain(b.history(b.t.Context(), id)).String()
		for _, secret := range []string{"Ada", "Example", "example.invalid", "2125550100", "300.00", "Test Street"} {
			if strings.Contains(raw, secret) || strings.Contains(plain, secret) {
				b.t.Errorf("the history of a case holds %q", secret)
			}
		}
		if !strings.Contains(plain, "decision_id") || strings.Contains(raw, "decision_id") {
			b.t.Error("payloads are not encrypted, or this test does not see into them")
		}
	}
}
