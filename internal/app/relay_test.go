package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// waker notes who was woken, and fails while it is told to.
type waker struct {
	mu    sync.Mutex
	woken []string
	fail  error
}

func (w *waker) Wake(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.woken = append(w.woken, id)
	return nil
}

func (w *waker) set(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

func (w *waker) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.woken)
}

// until polls with a deadline that only says that something hangs: a machine may be busy.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestRelay: nudges that commands leave in the database reach the workflows of open cases,
// also those that could not be delivered at first; closed cases are not woken.
func TestRelay(t *testing.T) {
	s := newSite(t)
	a, b := s.debtor("a", "300.00", date(1)), s.debtor("b", "300.00", date(1))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	open, closed := s.cases(a)[0].Case, s.cases(b)[0].Case
	s.must(s.store.InDebtor(t.Context(), []string{b.debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(t.Context(), b.debtor, closedFacts(s, b, closed))
		return err
	}))
	w := &waker{fail: errors.New("temporal is away")}
	r := &Relay{Outbox: s.store, Waker: w, Clock: s.clock, Poll: 50 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.Run(ctx); close(ended) }()
	defer func() { cancel(); <-ended }()
	until(t, "closed case's nudge dropped while Temporal is away", func() bool {
		totals, err := s.store.Totals(context.Background())
		return err == nil && totals.Nudges <= 1
	})
	w.set(nil)
	until(t, "the open case woken", func() bool { return slices.Contains(w.got(), open) })
	if slices.Contains(w.got(), closed) {
		t.Fatal("a closed case was woken")
	}
	n := len(w.got())
	if _, err := s.commands().Do(t.Context(), open, note("n"), "user:1"); err != nil {
		t.Fatal(err)
	}
	until(t, "a command wakes its case", func() bool { return len(w.got()) > n })
}

// lateBox is an outbox of which only the sweeper's part matters.
type lateBox struct {
	Outbox
	due    []string
	lateBy []time.Duration
	pruned []time.Time
	forgot []time.Time
}

func (b *lateBox) ForgetInbox(_ context.Context, before time.Time) (int64, error) {
	b.forgot = append(b.forgot, before)
	return 1, nil
}

func (b *lateBox) PruneNudges(_ context.Context, before time.Time) (int64, error) {
	b.pruned = append(b.pruned, before)
	return 0, nil
}

// TestPrune: delivered nudges are forgotten after a day, asked for once an hour.
func TestPrune(t *testing.T) {
	box := &lateBox{}
	s := sweeper{r: &Relay{Outbox: box}}
	for i := range 150 {
		if err := s.prune(t.Context(), start.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	want := []time.Time{start.Add(-keepNudges), start.Add(time.Hour - keepNudges), start.Add(2*time.Hour - keepNudges)}
	if !slices.EqualFunc(box.pruned, want, time.Time.Equal) {
		t.Fatalf("pruned before %v, want %v", box.pruned, want)
	}
	if len(box.forgot) > 0 {
		t.Error("texts of the inbox were wiped and nobody asked for it")
	}
	s = sweeper{r: &Relay{Outbox: box, Inbox: 1000 * time.Hour}}
	if err := s.prune(t.Context(), start); err != nil || len(box.forgot) != 1 || !box.forgot[0].Equal(start.Add(-1000*time.Hour)) {
		t.Errorf("wiped before %v, %v", box.forgot, err)
	}
}

func (b *lateBox) Overdue(_ context.Context, _ time.Time, lateBy time.Duration, _ int) ([]string, error) {
	b.lateBy = append(b.lateBy, lateBy)
	return b.due, nil
}

// TestSweeper: late cases are woken once per lateness; in a rehearsal, where business time
// stands still for them, lateness is how long they have been seen due.
func TestSweeper(t *testing.T) {
	five := 5 * time.Minute
	for _, tc := range []struct {
		name  string
		clock clock.Clock
		due   [][]string // at each sweep, a minute apart
		want  []string
	}{
		{
			"on the wall clock a late case is woken at once, and again after five minutes", clock.Real(),
			[][]string{{"a"}, {"a"}, {"a"}, {"a"}, {"a"}, {"a"}},
			[]string{"a", "a"},
		},
		{"what moves on is not woken again", clock.Real(), [][]string{{"a"}, {}, {}, {}, {}, {}, {}}, []string{"a"}},
		{
			"in a rehearsal it is late after having been due for five minutes", &handClock{now: start},
			[][]string{{"a"}, {"a"}, {"a"}, {"a"}, {"a"}, {"a"}},
			[]string{"a"},
		},
		{
			"in a rehearsal what moves on in time is never woken", &handClock{now: start},
			[][]string{{"a"}, {"a", "b"}, {"b"}, {"b"}, {"a", "b"}, {"a"}, {"a"}},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			box, w := &lateBox{}, &waker{}
			s := sweeper{r: &Relay{Outbox: box, Waker: w, Clock: tc.clock, Late: five}, since: map[string]time.Time{}}
			wall := start
			for _, due := range tc.due {
				box.due = due
				if err := s.sweep(t.Context(), wall); err != nil {
					t.Fatal(err)
				}
				wall = wall.Add(time.Minute)
			}
			if !slices.Equal(w.got(), tc.want) {
				t.Fatalf("woke %q, want %q", w.got(), tc.want)
			}
			if real := tc.clock == clock.Real(); real != (box.lateBy[0] == five) {
				t.Fatalf("asked for cases late by %s", box.lateBy[0])
			}
		})
	}
}

// TestSweeperFailure: a case that could not be woken is tried at the next sweep.
func TestSweeperFailure(t *testing.T) {
	box, w := &lateBox{due: []string{"a"}}, &waker{fail: errors.New("away")}
	s := sweeper{r: &Relay{Outbox: box, Waker: w, Clock: clock.Real()}, since: map[string]time.Time{}}
	if s.sweep(t.Context(), start) == nil {
		t.Fatal("want the error told")
	}
	w.set(nil)
	if err := s.sweep(t.Context(), start.Add(time.Second)); err != nil || !slices.Equal(w.got(), []string{"a"}) {
		t.Fatalf("woke %q, %v", w.got(), err)
	}
}
