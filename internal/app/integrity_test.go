package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

func TestLightOf(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	whole := chain.State{Checked: true, Head: chain.Head{N: 7}, Check: chain.Check{At: now.Add(-time.Hour), Report: chain.Report{Head: chain.Head{N: 7}, Rows: 90}}}
	change := func(f func(*chain.State)) chain.State { s := whole; f(&s); return s }
	for _, c := range []struct {
		why   string
		state chain.State
		kind  string
		says  string
	}{
		{"verified lately, nothing waits", whole, "good", "90 rows through seal 7"},
		{"young rows wait", change(func(s *chain.State) { s.Oldest, s.Unsealed = time.Minute, []string{"audit"} }), "good", ""},
		{"old rows wait", change(func(s *chain.State) { s.Oldest, s.Unsealed = 11*time.Minute, []string{"audit", "facts"} }), "warn", "audit, facts wait for 11 minutes"},
		{"verified long ago", change(func(s *chain.State) { s.Check.At = now.Add(-31 * time.Hour) }), "warn", "last verified"},
		{"never verified", chain.State{}, "warn", "never verified"},
		{"broken, and rows wait", change(func(s *chain.State) {
			s.Oldest, s.Check.Broken = time.Hour, &chain.Break{Fault: chain.Missing, Ledger: "facts", Seal: 3, Row: 12}
		}), "bad", "Row 12 of facts was deleted"},
	} {
		if got := LightOf(c.state, now); got.Kind != c.kind || !strings.Contains(got.Title, c.says) || got.Text == "" {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
}

// diary is a log that may be read while it is written.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// The guardian of a worker seals, verifies and sweeps by itself, and tells the log where a
// chain is broken and what its head is.
func TestGuardianWorksByItself(t *testing.T) {
	d := lived(t)
	told := &diary{}
	g := &Guardian{Store: d.store, Book: NewBook(d.store, func() time.Time { return time.Now() }), Clock: d.clock, Log: slog.New(slog.NewTextHandler(told, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { g.Run(ctx); close(done) }()
	// The log comes last: what ends a guardian between a row and its line leaves the line out.
	until(t, "a sweep and a verification", func() bool {
		return strings.Contains(told.String(), "keep its head elsewhere") && strings.Contains(told.String(), "the ledger was swept")
	})
	cancel()
	<-done
	checks, err := d.store.Checks(t.Context(), 2)
	d.must(err)
	if _, swept, err := d.store.LastSweep(t.Context(), read.FullSweep); err != nil || !swept || len(checks) != 1 {
		t.Errorf("swept %v, %d checks, %v", swept, len(checks), err)
	}
	if kind, err := g.dueSweep(t.Context()); kind != "" || err != nil {
		t.Errorf("just swept: %q, %v", kind, err)
	}
	now := d.clock.time()
	d.clock.set(now.Add(25 * time.Hour))
	if kind, err := g.dueSweep(t.Context()); kind != read.NewsSweep || err != nil {
		t.Errorf("a day later: %q, %v", kind, err)
	}
	d.must(g.sweepWhenDue(t.Context()))
	rows, err := d.store.Sweeps(t.Context(), read.Everything(), time.Now(), 9)
	if err != nil || len(rows) != 2 || rows[0].Kind != read.NewsSweep || rows[0].AfterPos != rows[1].ToPos {
		t.Errorf("%+v, %v", rows, err)
	}
	d.clock.set(now.Add(8 * 24 * time.Hour))
	if kind, err := g.dueSweep(t.Context()); kind != read.FullSweep || err != nil {
		t.Errorf("a week later: %q, %v", kind, err)
	}
	if _, err := d.store.Seal(t.Context(), time.Now(), postgres.SealOptions{Patience: time.Second}); err != nil {
		t.Fatal(err)
	}
	_, err = d.store.Pool().Exec(t.Context(), "ALTER TABLE decisions DISABLE TRIGGER ALL; UPDATE decisions SET reason = 'other' WHERE seq = 1; ALTER TABLE decisions ENABLE TRIGGER ALL")
	d.must(err)
	c, err := g.Verify(t.Context(), "system")
	if err != nil || c.Broken == nil || !strings.Contains(told.String(), "THE AUDIT CHAIN IS BROKEN") {
		t.Errorf("%+v, %v, the log: %s", c, err, told.String())
	}
}
