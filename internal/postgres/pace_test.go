package postgres_test

import (
	"sync"
	"testing"
	"time"
)

// TestPace: a burst leaves at once, then one message every so often, whoever asks.
func TestPace(t *testing.T) {
	b := newBundle(t)
	const every, burst = time.Hour, 3
	take := func(patience time.Duration) time.Duration {
		t.Helper()
		d, err := b.TakePace(t.Context(), "email/acme", every, burst, patience)
		b.must(err)
		return d
	}
	about := func(got, want time.Duration) {
		t.Helper()
		if got > want || got < want-10*time.Minute { // the machine may be slow, time only ever passes
			t.Errorf("waits %v, want about %v", got, want)
		}
	}
	for range burst {
		about(take(0), 0)
	}
	about(take(time.Second), time.Hour)  // not taken: it would wait too long
	about(take(time.Second), time.Hour)  // so the next one is no later
	about(take(24*time.Hour), time.Hour) // taken
	about(take(24*time.Hour), 2*time.Hour)
	if d, err := b.TakePace(t.Context(), "email/other", every, burst, 0); err != nil || d != 0 {
		t.Errorf("another sender waits %v, %v", d, err)
	}
}

func TestPause(t *testing.T) {
	b := newBundle(t)
	paused := func(who string) time.Duration {
		t.Helper()
		d, err := b.Paused(t.Context(), who)
		b.must(err)
		return d
	}
	if paused("sms") != 0 {
		t.Error("nobody asked for a pause")
	}
	b.must(b.Pause(t.Context(), "sms", time.Hour))
	b.must(b.Pause(t.Context(), "sms", time.Minute)) // a shorter one does not shorten it
	if d := paused("sms"); d < 50*time.Minute || d > time.Hour {
		t.Errorf("paused for %v", d)
	}
	if paused("email") != 0 {
		t.Error("another provider is paused")
	}
}

// TestPaceIsSharedByAllWorkers: many ask at once; what they are told together keeps the pace.
func TestPaceIsSharedByAllWorkers(t *testing.T) {
	b := newBundle(t)
	const workers, each, every = 8, 5, time.Hour // so long that what passes meanwhile rounds away
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				d, err := b.TakePace(t.Context(), "sms/acme", every, 1, 60*every)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				waits = append(waits, d.Round(every))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	seen := map[time.Duration]bool{}
	for _, d := range waits {
		if seen[d] {
			t.Errorf("two were given the turn %v from now", d)
		}
		seen[d] = true
	}
	if len(seen) != workers*each || !seen[0] || !seen[(workers*each-1)*every] {
		t.Errorf("%d turns were given out", len(seen))
	}
}
