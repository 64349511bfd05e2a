package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// elapse lets the wait of an open breaker pass, as the clock would.
func (b *bundle) elapse(channel string) {
	b.t.Helper()
	_, err := b.Pool().Exec(b.t.Context(), "UPDATE channel_breakers SET probe_at = clock_timestamp() - interval '1 s' WHERE channel = $1", channel)
	b.must(err)
}

// TestBreakerOfTwoWorkers: what stays unknown at one worker and at another counts together;
// an open breaker keeps both away, lets one of them try, and one answer closes it for both.
func TestBreakerOfTwoWorkers(t *testing.T) {
	dsn := pgtest.DSN(t)
	b := bundleOf(t, pgtest.Open(t, dsn), "D-1")
	other := pgtest.Open(t, dsn)
	workers := []*postgres.Store{b.Store, other}
	ctx := t.Context()
	closed := func(s *postgres.Store, ch string) time.Duration {
		t.Helper()
		d, err := s.AdmitBreaker(ctx, ch)
		b.must(err)
		return d
	}
	for i := range postgres.BreakerAfter {
		if closed(workers[i%2], "sms") != 0 {
			t.Fatalf("closed after %d unknowns", i)
		}
		b.must(workers[(i+1)%2].BreakerUnknown(ctx, "sms"))
	}
	for i, s := range workers {
		if d := closed(s, "sms"); d < 4*time.Minute || d > postgres.BreakerProbe {
			t.Errorf("worker %d is kept away for %v", i, d)
		}
		if closed(s, "email") != 0 {
			t.Error("another channel is closed, too")
		}
	}
	b.elapse("sms")
	if closed(other, "sms") != 0 {
		t.Error("nobody may try")
	}
	if closed(b.Store, "sms") == 0 {
		t.Error("two may try at once")
	}
	b.must(other.BreakerUnknown(ctx, "sms")) // the trial stayed unknown: closed from now again
	if d := closed(b.Store, "sms"); d < 4*time.Minute {
		t.Errorf("after a trial in vain it is closed for %v", d)
	}
	b.must(b.BreakerAnswered(ctx, "sms", "look_up"))
	b.must(b.BreakerAnswered(ctx, "sms", "look_up"))
	for _, s := range workers {
		if closed(s, "sms") != 0 {
			t.Error("the provider answered, and a worker is kept away")
		}
	}
	events, err := b.BreakerEvents(ctx, 10)
	b.must(err)
	if len(events) != 2 || events[0].Event != "closed" || events[0].Reason != "look_up" || events[0].Unknowns != postgres.BreakerAfter+1 ||
		events[1].Event != "opened" || events[1].Unknowns != postgres.BreakerAfter || events[1].Channel != "sms" {
		t.Errorf("it is recorded that %+v", events)
	}
	all, err := b.Breakers(ctx)
	b.must(err)
	if len(all) != 1 || all[0].Unknowns != 0 || !all[0].Since.IsZero() {
		t.Errorf("breakers %+v", all)
	}
}

// TestUnknownsAreCountedInARow: an answer in between ends the count.
func TestUnknownsAreCountedInARow(t *testing.T) {
	b := newBundle(t)
	for range 3 {
		for range postgres.BreakerAfter - 1 {
			b.must(b.BreakerUnknown(t.Context(), "email"))
		}
		b.must(b.BreakerAnswered(t.Context(), "email", "hand_over"))
	}
	d, err := b.AdmitBreaker(t.Context(), "email")
	b.must(err)
	events, err := b.BreakerEvents(t.Context(), 10)
	b.must(err)
	if d != 0 || len(events) != 0 {
		t.Errorf("closed for %v, events %v", d, events)
	}
}

// TestOneTrial: of many who ask at the same instant one gets through.
func TestOneTrial(t *testing.T) {
	b := newBundle(t)
	for range postgres.BreakerAfter {
		b.must(b.BreakerUnknown(t.Context(), "sms"))
	}
	b.elapse("sms")
	var through atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			d, err := b.AdmitBreaker(t.Context(), "sms")
			if err != nil {
				t.Error(err)
			} else if d == 0 {
				through.Add(1)
			}
		})
	}
	wg.Wait()
	if n := through.Load(); n != 1 {
		t.Errorf("%d tried at once, want 1", n)
	}
}
