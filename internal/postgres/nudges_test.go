package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

func (b *bundle) nudge() {
	b.t.Helper()
	b.must(b.in(func(tx *postgres.Tx) error { return tx.Nudge(context.Background(), b.ref.Case) }))
}

func (b *bundle) take() []postgres.Nudge {
	b.t.Helper()
	n, err := b.Undelivered(context.Background(), 10)
	b.must(err)
	return n
}

func TestNudgesCoalesce(t *testing.T) {
	b := newBundle(t).open()
	for range 3 {
		b.nudge()
	}
	got := b.take()
	if len(got) != 1 || got[0].Case != b.ref.Case || got[0].Generation != 3 || !got[0].Open {
		t.Fatalf("three nudges of one case are %+v, want one of generation 3", got)
	}
	if again := b.take(); len(again) != 0 {
		t.Errorf("a nudge that a relay has was given to another: %+v", again)
	}
	b.must(b.Delivered(t.Context(), got))
	b.nudge()
	if got = b.take(); len(got) != 1 || got[0].Generation != 1 {
		t.Errorf("after delivery the next nudge is %+v, want a new one", got)
	}
}

func TestANudgeDuringDeliveryIsNotLost(t *testing.T) {
	b := newBundle(t).open()
	b.nudge()
	taken := b.take()
	b.nudge() // its facts may be younger than what the signal made the case look at
	b.must(b.Delivered(t.Context(), taken))
	if again := b.take(); len(again) != 1 || again[0].Generation != 2 {
		t.Errorf("the nudge that came during delivery is lost: %+v", again)
	}
}

func TestANudgeThatIsBeingWrittenDuringDeliveryIsNotLost(t *testing.T) {
	b := newBundle(t).open()
	b.nudge()
	taken := b.take()
	written, confirmed := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := b.in(func(tx *postgres.Tx) error {
			err := tx.Nudge(t.Context(), b.ref.Case)
			close(written)
			<-confirmed
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-written
	// The row is locked: delivery must neither wait for it nor confirm it. Giving it
	// back waits for the writer, so it is left to the next relay.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	err := b.Delivered(ctx, taken)
	cancel()
	close(confirmed)
	wg.Wait()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("delivering beside a writer: %v", err)
	}
	var left int
	b.must(b.Pool().QueryRow(t.Context(), "SELECT count(*) FROM nudges WHERE delivered_at IS NULL AND generation = 2").Scan(&left))
	if left != 1 {
		t.Errorf("%d nudges left, want the one that was being written", left)
	}
}

func TestNudgesSurviveARelayThatDies(t *testing.T) {
	b := newBundle(t).open()
	b.nudge()
	if len(b.take()) != 1 {
		t.Fatal("no nudge to lose")
	}
	// The relay is gone; its claim runs out. The test moves the claim rather than wait.
	_, err := b.Pool().Exec(t.Context(), "UPDATE nudges SET claimed_until = claimed_until - interval '11 seconds'")
	b.must(err)
	if got := b.take(); len(got) != 1 {
		t.Errorf("a claimed nudge did not come back: %+v", got)
	}
}

func TestNudgesCommitWithTheirFacts(t *testing.T) {
	b := newBundle(t).open()
	oops := errors.New("oops")
	err := b.in(func(tx *postgres.Tx) error {
		if err := tx.Nudge(t.Context(), b.ref.Case); err != nil {
			return err
		}
		return oops
	})
	if !errors.Is(err, oops) {
		t.Fatal(err)
	}
	if got := b.take(); len(got) != 0 {
		t.Errorf("a nudge of a transaction that failed: %+v", got)
	}
}

func TestNudgesOfClosedCasesSaySo(t *testing.T) {
	b := newBundle(t).open()
	b.mustAdd(b.caseFact(dunning.CaseClosed{Reason: "paid"}))
	b.nudge()
	if got := b.take(); len(got) != 1 || got[0].Open {
		t.Errorf("got %+v, want one of a case that is not open", got)
	}
}

func TestRelaysShareTheOutbox(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := pgtest.Open(t, dsn)
	other := pgtest.Open(t, dsn)
	const cases = 30
	for i := range cases {
		bundleOf(t, s, "D-"+string(rune('a'+i))).open().nudge()
	}
	r := relays{woken: map[string]int{}, inHand: map[int64]bool{}}
	var wg sync.WaitGroup
	for i := range 6 {
		store := []*postgres.Store{s, other}[i%2]
		wg.Go(func() {
			for r.relay(t, store) {
			}
		})
	}
	wg.Wait()
	if len(r.woken) != cases {
		t.Errorf("%d of %d cases were woken: %v", len(r.woken), cases, r.woken)
	}
	n, err := s.PruneNudges(t.Context(), time.Now().Add(time.Hour))
	if err != nil || n != cases {
		t.Errorf("%d delivered nudges forgotten, %v; want %d", n, err, cases)
	}
}

// relays is what several relays have in their hands. A relay that looks for work may hold
// the lock of a row for the moment in which another confirms it: that one is given out
// again, which costs a look. But nothing is given to one while another has it.
type relays struct {
	mu     sync.Mutex
	woken  map[string]int // cases
	inHand map[int64]bool // nudges
}

// relay takes a few nudges and delivers them; false: there are none.
func (r *relays) relay(t *testing.T, s *postgres.Store) bool {
	t.Helper()
	got, err := s.Undelivered(t.Context(), 4)
	if err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	for _, n := range got {
		if r.inHand[n.ID] {
			t.Errorf("nudge %d was given to two relays at once", n.ID)
		}
		r.inHand[n.ID] = true
		r.woken[n.Case]++
	}
	r.mu.Unlock()
	if len(got) == 0 {
		return false
	}
	if _, err := s.Pool().Exec(t.Context(), "SELECT pg_sleep(0.005)"); err != nil { // so long its signals take
		t.Error(err)
	}
	r.mu.Lock()
	for _, n := range got {
		delete(r.inHand, n.ID) // what Delivered gives back may be taken before it returns
	}
	r.mu.Unlock()
	if err := s.Delivered(t.Context(), got); err != nil {
		t.Error(err)
	}
	return true
}

// heard collects what Listen says.
type heard struct {
	mu    sync.Mutex
	cases []string
}

func (h *heard) wake(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cases = append(h.cases, id)
}

func (h *heard) count(id string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.cases {
		if c == id {
			n++
		}
	}
	return n
}

func TestListenWakes(t *testing.T) {
	dsn := pgtest.DSN(t)
	b := bundleOf(t, pgtest.Open(t, dsn), "D-1").open()
	listener := pgtest.Open(t, dsn)
	ctx, cancel := context.WithCancel(t.Context())
	var h heard
	done := make(chan error, 1)
	go func() { done <- listener.Listen(ctx, h.wake) }()
	eventually(t, "the listener is told that it may have missed something", func() bool { return h.count("") == 1 })
	b.nudge()
	eventually(t, "a nudge is heard in another process", func() bool { return h.count(b.ref.Case) == 1 })

	_, err := b.Pool().Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
	b.must(err)
	eventually(t, "the listener connects again and says so", func() bool { return h.count("") == 2 })
	b.nudge()
	eventually(t, "nudges are heard after the connection broke", func() bool { return h.count(b.ref.Case) == 2 })

	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Listen ended with %v", err)
	}
}

func TestANudgedCaseIsPendingUntilItLooked(t *testing.T) {
	b := newBundle(t).open()
	b.must(b.decide(b.decision("d1", "", 1, noon.Add(72*time.Hour))))
	pay := b.fact(payment("1"))
	pay.At = noon.Add(time.Hour)
	b.must(b.in(func(tx *postgres.Tx) error {
		if _, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{pay}); err != nil {
			return err
		}
		return tx.Nudge(t.Context(), b.ref.Case)
	}))
	pending := func() time.Time {
		at, _, err := b.EarliestPending(t.Context(), time.Time{})
		b.must(err)
		return at
	}
	if got := pending(); !got.Equal(pay.At) {
		t.Errorf("pending at %v, want the payment's instant %v", got, pay.At)
	}
	late, err := b.Overdue(t.Context(), noon.Add(2*time.Hour), 5*time.Minute, 10)
	if err != nil || len(late) != 1 {
		t.Errorf("a case that was never told of a payment is not found by the sweeper: %v, %v", late, err)
	}
	b.must(b.decide(b.decision("d2", "", 1, noon.Add(72*time.Hour)))) // looked at the facts before the payment
	if got := pending(); !got.Equal(pay.At) {
		t.Errorf("a decision that did not see the payment answers its nudge: pending at %v", got)
	}
	b.must(b.decide(b.decision("d3", "", 2, noon.Add(72*time.Hour))))
	if got := pending(); !got.Equal(noon.Add(72 * time.Hour)) {
		t.Errorf("pending at %v after a decision that saw the payment, want the planned wake-up", got)
	}
}

func TestNudgeRefusesWhatIsNoCase(t *testing.T) {
	b := newBundle(t)
	err := b.in(func(tx *postgres.Tx) error { return tx.Nudge(t.Context(), b.ref.Case) })
	if !errors.Is(err, postgres.ErrRefused) || !strings.Contains(err.Error(), "nudges") {
		t.Errorf("nudging a case that does not exist: %v", err)
	}
	b.must(b.in(func(tx *postgres.Tx) error { return tx.Nudge(t.Context()) }))
}
