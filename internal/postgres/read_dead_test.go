package postgres_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// deadly is a store with dead letters of several kinds, many of them of one instant.
func deadly(t *testing.T) *bundle {
	t.Helper()
	b := newBundle(t).open()
	other := bundleOf(t, b.Store, "D-2").open()
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := b.Pool().Exec(t.Context(), sql, args...)
		b.must(err)
	}
	for i := range 12 {
		kind := []string{"failed", "parked", "call"}[i%3] // a call is no dead letter
		exec("INSERT INTO tasks (debtor_id, id, account_id, case_id, kind, queue, reason, opened_at) VALUES ($1, $2, $3, $4, $5, 'operations', 'content', $6)",
			b.debtor, fmt.Sprint("t", i), b.account, b.ref.Case, kind, noon.Add(time.Duration(i/4)*time.Hour))
	}
	exec("UPDATE cases SET next_at = $2, pending_at = $3 WHERE id = $1", b.ref.Case, noon.Add(-time.Hour), noon.Add(-2*time.Hour))
	exec("UPDATE cases SET next_at = NULL, pending_at = $2 WHERE id = $1", other.ref.Case, noon)
	for i := range 3 {
		exec(`WITH r AS (INSERT INTO inbox_requests (source, body) VALUES ('mail', '') RETURNING id)
 INSERT INTO inbox (source, event_id, request_id, at, state, error_code, processed_at) SELECT 'mail', $1, r.id, $2, 'failed', 'unreadable', $2 FROM r`, fmt.Sprint("e", i), noon)
	}
	return b
}

// TestDeadLettersPageByPage: pages of any size together are the list, in its order, without a
// letter twice; each is found by itself, and who dealt with one sees it no more.
func TestDeadLettersPageByPage(t *testing.T) {
	b := deadly(t)
	now := noon.Add(24 * time.Hour)
	list := func(scope read.Scope, kinds []string, size int) (out []read.DeadRow) {
		t.Helper()
		for page := (read.Page{Limit: size}); ; {
			l, err := b.DeadLetters(t.Context(), scope, kinds, now, page)
			b.must(err)
			if out = append(out, l.Rows...); l.Next == "" {
				return out
			}
			page.After = l.Next
		}
	}
	all := list(read.Everything(), nil, 100)
	if len(all) != 8+2+3 {
		t.Fatalf("%d letters: %+v", len(all), all)
	}
	if !slices.IsSortedFunc(all, func(x, y read.DeadRow) int {
		return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Subject, y.Subject))
	}) {
		t.Errorf("not in order: %+v", all)
	}
	if first := all[0]; first.Kind != read.DeadStuck || first.Case != b.ref.Case || !first.Since.Equal(noon.Add(-2*time.Hour)) || first.AccountKey != "D-1" || first.Name != "Ada Example" {
		t.Errorf("the oldest is %+v", first)
	}
	for size := 1; size <= len(all)+1; size++ {
		if got := list(read.Everything(), nil, size); !slices.Equal(got, all) {
			t.Errorf("in pages of %d: %d letters, want %d", size, len(got), len(all))
		}
	}
	for kind, want := range map[string]int{read.DeadFailed: 8, read.DeadStuck: 2, read.DeadInbox: 3, read.DeadUnknown: 0, read.DeadHook: 0, "none such": 0} {
		if got := list(read.Everything(), []string{kind}, 2); len(got) != want {
			t.Errorf("%d of %s, want %d", len(got), kind, want)
		}
	}
	if got := list(read.Only("another"), nil, 5); len(got) != 0 {
		t.Errorf("another creditor's people see %+v", got)
	}
	if got := list(read.Only(creditor), nil, 3); len(got) != 10 { // an event of nobody is for who sees everything
		t.Errorf("the creditor's people see %d", len(got))
	}
	b.counts(now, map[string]int64{read.DeadFailed: 8, read.DeadStuck: 2, read.DeadInbox: 3})
	for _, row := range all {
		got, err := b.DeadLetter(t.Context(), read.Everything(), row.Kind, row.Subject, now)
		if err != nil || got != row {
			t.Errorf("%s %s by itself: %+v %v", row.Kind, row.Subject, got, err)
		}
	}
	for _, bad := range []string{"", "x", "1/2/3", "%", "00000000-0000-0000-0000-000000000000"} {
		for _, kind := range []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook, "none such"} {
			if _, err := b.DeadLetter(t.Context(), read.Everything(), kind, bad, now); !errors.Is(err, postgres.ErrNotFound) {
				t.Errorf("%s %q: %v", kind, bad, err)
			}
		}
	}
	if added, err := b.HandleDead(t.Context(), all[3], "user:1", "told by phone", now); err != nil || !added {
		t.Fatal(added, err)
	}
	if got := list(read.Everything(), nil, 2); !slices.Equal(got, slices.Delete(slices.Clone(all), 3, 4)) {
		t.Errorf("one was dealt with, %d of %d are left", len(got), len(all))
	}
}

func (b *bundle) counts(now time.Time, want map[string]int64) {
	b.t.Helper()
	got, err := b.CountDead(b.t.Context(), read.Everything(), now)
	b.must(err)
	for _, kind := range []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook} {
		if got[kind] != want[kind] {
			b.t.Errorf("%d of %s are counted, want %d", got[kind], kind, want[kind])
		}
	}
}
