package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// panics is a clock that panics the n-th time that it is asked.
type panics struct {
	clock.Clock
	n int
}

func (p *panics) Now(ctx context.Context) (time.Time, error) {
	if p.n--; p.n == 0 {
		panic("Ada Lovelace owes 120.00")
	}
	return p.Clock.Now(ctx)
}

// TestBulkPassesASpoiltCase: an order over a case that cannot be read, or over which the
// program panics, comes to its end; the other case is done, and the spoilt one says what to do.
func TestBulkPassesASpoiltCase(t *testing.T) {
	for _, c := range []struct {
		why   string
		spoil func(b *bench)
	}{
		{"facts that cannot be read", func(b *bench) { b.poison(b.one.debtor) }},
		{"a panic over the first case", func(b *bench) { b.desk.clock = &panics{b.clock, 1} }},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := newBench(t)
			ctx := t.Context()
			bulk := b.putHold()
			c.spoil(b)
			_, err := b.desk.bulkOnce(ctx, bulk.ID, 0)
			b.must(err)
			got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID)
			if err != nil || got.State != "done" || got.Counts["done"] != 1 || got.Counts["refused"] != 1 || b.holds(b.case2) != 1 {
				t.Fatalf("%+v, %v; want one done and one passed by", got, err)
			}
			items, err := b.store.BulkItems(ctx, read.Everything(), bulk.ID, "refused", 0, 10)
			if err != nil || len(items) != 1 || items[0].Case != b.case1 || !strings.Contains(items[0].Reason, "duly doctor") || strings.Contains(items[0].Reason, "Ada") {
				t.Errorf("%+v, %v", items, err)
			}
			if undone, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID); err != nil || undone.State != "undone" || b.holds(b.case2) != 0 {
				t.Errorf("undone: %+v, %v", undone, err)
			}
		})
	}
}

// TestUndoPassesASpoiltCase: an undo over a case that cannot be read any more leaves it, says
// so and comes to its end.
func TestUndoPassesASpoiltCase(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	bulk := b.putHold()
	_, err := b.desk.bulkOnce(ctx, bulk.ID, 0)
	b.must(err)
	b.poison(b.one.debtor)
	undone, err := b.desk.UndoBulk(ctx, b.ops, bulk.ID)
	if err != nil || undone.State != "undone" || undone.Counts["kept"] != 1 || undone.Counts["undone"] != 1 || b.holds(b.case2) != 0 {
		t.Errorf("%+v, %v", undone, err)
	}
}

// TestPreviewOfASpoiltCase: the preview of a bulk action says of which case nobody can tell.
func TestPreviewOfASpoiltCase(t *testing.T) {
	b := newBench(t)
	b.poison(b.one.debtor)
	tried, err := b.desk.TryBulk(t.Context(), b.ops, ops.BulkHold, map[string]string{"until": "2026-03-20"}, []string{b.case1, b.case2})
	if err != nil || len(tried) != 2 || !strings.Contains(tried[0].Refused, "duly doctor") || tried[1].Refused != "" {
		t.Errorf("%+v, %v", tried, err)
	}
}

// TestPasses: what is tried again, and what is not.
func TestPasses(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		why  string
		ctx  context.Context
		err  error
		want bool
	}{
		{"the process ends", over, errors.New("x"), true},
		{"too slow", context.Background(), fmt.Errorf("facts: %w", context.DeadlineExceeded), true},
		{"the database restarts", context.Background(), fmt.Errorf("facts: %w", &pgconn.PgError{Code: "57P01"}), true},
		{"two at once", context.Background(), &pgconn.PgError{Code: "40001"}, true},
		{"the cable is out", context.Background(), fmt.Errorf("facts: %w", pgTimeout{}), true},
		{"no key to open what is sealed", context.Background(), fmt.Errorf("x: %w", postgres.ErrNoCipher), true},
		{"a constraint", context.Background(), &pgconn.PgError{Code: "23514"}, false},
		{"a trigger says no", context.Background(), &pgconn.PgError{Code: "P0001"}, false},
		{"facts that cannot be read", context.Background(), fmt.Errorf("fact 3: %w", errors.New("cannot unmarshal")), false},
		{"a panic", context.Background(), errPoisoned, false},
	} {
		if got := passes(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

type pgTimeout struct{}

func (pgTimeout) Error() string   { return io.ErrUnexpectedEOF.Error() }
func (pgTimeout) Timeout() bool   { return true }
func (pgTimeout) Temporary() bool { return true }

// TestBulkOfAKeyStops: an order that was given with a key ends when nobody answers for the key
// any more, does nothing further, and says why; what had begun can be undone.
func TestBulkOfAKeyStops(t *testing.T) {
	for _, c := range []struct {
		why, want string
		out       func(b *bench, owner string)
	}{
		{"its owner is shut out", "owner has been shut out", func(b *bench, owner string) {
			b.must(b.store.Disable(b.t.Context(), strings.TrimPrefix(owner, "user:"), clock.Wall()))
		}},
		{"it is revoked", "not in force", func(b *bench, _ string) { b.must(b.store.RevokeKey(b.t.Context(), "orderkey1234", clock.Wall())) }},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := newBench(t)
			ctx := t.Context()
			b.must(b.store.AddKey(ctx, identity.HashToken("duly_orderkey"), identity.Key{
				ID: "orderkey1234", Name: "orders", Creditor: "*", Scopes: []identity.Permission{identity.Operate, identity.View, ops.BulkNeeds(ops.BulkHold)},
				By: b.ops.By, Created: clock.Wall(),
			}))
			bulk := read.Bulk{ID: uuid.NewString(), Action: ops.BulkHold, Params: map[string]string{"until": "2026-03-20"}, By: "key:orderkey1234", At: start}
			_, err := b.store.PutBulk(ctx, bulk, []string{b.case1, b.case2}, 0, undoFor)
			b.must(err)
			who, err := b.desk.whoever(ctx, bulk.By)
			b.must(err)
			claimed, _, err := b.store.ClaimBulk(ctx, bulk.ID, time.Millisecond)
			b.must(err)
			items, err := b.store.BulkNext(ctx, bulk.ID, 1)
			b.must(err)
			b.must(b.desk.guardedItem(ctx, who, claimed, items[0])) // one is done while the key is good
			b.must(b.store.ReleaseBulk(ctx, bulk.ID, 0))
			c.out(b, b.ops.By)

			_, err = b.desk.bulkOnce(ctx, bulk.ID, 0)
			b.must(err)
			got, err := b.store.Bulk(ctx, read.Everything(), bulk.ID)
			if err != nil || got.State != "done" || !strings.Contains(got.Stopped, c.want) || got.Counts["done"] != 1 || got.Counts["refused"] != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
			if b.holds(b.case1) != 1 || b.holds(b.case2) != 0 || got.Params["stopped"] != "" {
				t.Errorf("%d and %d holds; parameters %v", b.holds(b.case1), b.holds(b.case2), got.Params)
			}
			refused, err := b.store.BulkItems(ctx, read.Everything(), bulk.ID, "refused", 0, 10)
			if err != nil || len(refused) != 1 || refused[0].Reason != got.Stopped {
				t.Errorf("%+v, %v", refused, err)
			}
			if n := b.count(`SELECT count(*) FROM audit WHERE action = 'bulk.stopped' AND subject = '` + bulk.ID + `'`); n != 1 {
				t.Errorf("%d lines of the audit say that it was stopped", n)
			}
			undone, err := b.desk.UndoBulk(ctx, b.user(identity.Operations, identity.AllCreditors), bulk.ID)
			if err != nil || undone.State != "undone" || b.holds(b.case1) != 0 {
				t.Errorf("undone by somebody else: %+v, %v", undone, err)
			}
		})
	}
}

func (b *bench) count(sql string) (n int) {
	b.t.Helper()
	b.must(b.store.Pool().QueryRow(b.t.Context(), sql).Scan(&n))
	return n
}
