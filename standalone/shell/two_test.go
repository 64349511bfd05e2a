package shell

import (
	"context"
	"testing"
)

// TestTwoWorkers: workers at once share the work, opening and relaying included, and do
// nothing twice. One that is stopped lets go of nothing: what was under way has its outcome.
func TestTwoWorkers(t *testing.T) {
	b := start(t, 86400, map[string]string{"sequences/ten.yaml": tenSteps, "bare": ""})
	b.people(8)
	b.work()
	for _, n := range []int64{10, 30, 50} {
		second := b.hire()
		b.until("some messages", func(ctx context.Context) bool { return b.sent(ctx) >= n })
		second.Stop()
		second.Stop() // again is nothing
	}
	b.until("all closed", func(ctx context.Context) bool { return b.allClosed(ctx, 8) })
	b.sameStories()
	counts, err := b.site.Store().CountContacts(t.Context())
	b.must(err)
	for _, c := range counts {
		if c.State != "accepted" {
			t.Errorf("%d contacts of step %s are %s after workers were stopped gracefully", c.N, c.Step, c.State)
		}
	}
}
