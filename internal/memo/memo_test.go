package memo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wall is a clock that is set.
type wall struct {
	mu sync.Mutex
	at time.Time
}

func (w *wall) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *wall) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func newWall() *wall { return &wall{at: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)} }

// slow is a question that is answered when it is told to.
type slow struct {
	asked atomic.Int32
	let   chan int
}

func (s *slow) ask(context.Context) (int, error) {
	s.asked.Add(1)
	return <-s.let, nil
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestQuickAnswersAreNeverKept: whoever asks a small site sees what is now.
func TestQuickAnswersAreNeverKept(t *testing.T) {
	m, n := New[string, int](newWall().now, time.Minute, time.Minute), 0
	for i := range 3 {
		a, err := m.Get(t.Context(), "k", func(context.Context) (int, error) { n++; return n, nil })
		if err != nil || a.Value != i+1 || a.Says() != "" || a.Busy {
			t.Errorf("asked the %dth time: %+v %v", i+1, a, err)
		}
	}
}

// TestSlowAnswersSayTheirAge follows a question that takes longer than the patience.
func TestSlowAnswersSayTheirAge(t *testing.T) {
	w, q := newWall(), &slow{let: make(chan int)}
	m := New[string, int](w.now, time.Millisecond, 2*time.Millisecond)
	get := func() Answer[int] {
		t.Helper()
		a, err := m.Get(t.Context(), "k", q.ask)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := get(); a.Known() || a.Says() != "being counted; it is shown as soon as it is known" {
		t.Errorf("before the first answer: %+v", a)
	}
	get()
	eventually(t, "it is asked", func() bool { return q.asked.Load() > 0 })
	if get(); q.asked.Load() != 1 {
		t.Errorf("asked %d times at once", q.asked.Load())
	}
	w.move(3 * time.Second)
	q.let <- 7
	eventually(t, "the answer is there", func() bool { return get().Known() })
	w.move(10 * time.Second) // it took 3 s: kept for a minute
	if a := get(); a.Value != 7 || a.Busy || a.Says() != "counted 13 s ago" || q.asked.Load() != 1 {
		t.Errorf("kept: %+v, %q, asked %d times", a, a.Says(), q.asked.Load())
	}
	w.move(time.Hour)
	if a := get(); a.Value != 7 || !a.Busy || a.Says() != "counted 60 min ago, being counted anew" {
		t.Errorf("old: %+v %q", a, a.Says())
	}
	eventually(t, "it is asked anew", func() bool { return q.asked.Load() == 2 })
	w.move(3 * time.Second)
	q.let <- 8
	eventually(t, "the new answer is there", func() bool { return get().Value == 8 })
	w.move(time.Hour)
	waitsFor(t, m, q, 3, 9)
}

// waitsFor: who waits is given the fresh answer. Nothing runs when it asks, so that the nth
// question is its own: only then is it certain that it waits before the answer comes.
func waitsFor(t *testing.T, m *Memo[string, int], q *slow, nth int32, value int) {
	t.Helper()
	waited := make(chan Answer[int], 1)
	go func() {
		a, _ := m.Wait(context.Background(), "k", q.ask)
		waited <- a
	}()
	eventually(t, "it asks", func() bool { return q.asked.Load() == nth })
	select {
	case a := <-waited:
		t.Errorf("did not wait: %+v", a)
	default:
	}
	q.let <- value
	if a := <-waited; a.Value != value || a.Says() != "" {
		t.Errorf("waited for: %+v", a)
	}
}

// TestFaultsAreTold: a question that fails says so, also one that failed behind, and what
// was known stays.
func TestFaultsAreTold(t *testing.T) {
	m, fault := New[int, int](newWall().now, time.Minute, time.Minute), errors.New("no database")
	fails := func(context.Context) (int, error) { return 0, fault }
	if _, err := m.Get(t.Context(), 1, fails); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	if a, err := m.Get(t.Context(), 1, func(context.Context) (int, error) { return 5, nil }); err != nil || a.Value != 5 {
		t.Errorf("afterwards: %+v %v", a, err)
	}
	if _, err := m.Get(t.Context(), 1, func(context.Context) (int, error) { panic("oh") }); err == nil {
		t.Error("a panic is no answer")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	q := &slow{let: make(chan int, 1)}
	if _, err := m.Wait(ctx, 2, q.ask); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	close(q.let) // the question outlives who asked it
	if a, err := m.Wait(t.Context(), 2, q.ask); err != nil || !a.Known() {
		t.Errorf("%+v %v", a, err)
	}
}

// TestAllWhoWaitAreToldOfAFault: two that wait for one question both hear that it failed;
// none is given nothing, or what was known before, as if it were of now.
func TestAllWhoWaitAreToldOfAFault(t *testing.T) {
	for _, known := range []bool{false, true} {
		m, fault := New[string, int](newWall().now, time.Minute, time.Minute), errors.New("no database")
		if known {
			if _, err := m.Wait(t.Context(), "k", func(context.Context) (int, error) { return 7, nil }); err != nil {
				t.Fatal(err)
			}
		}
		let, asked := make(chan struct{}), atomic.Int32{}
		fails := func(context.Context) (int, error) { asked.Add(1); <-let; return 0, fault }
		told := make(chan error, 3)
		for range 3 {
			ctx := &watched{Context: t.Context(), waits: make(chan struct{})}
			go func() {
				_, err := m.Wait(ctx, "k", fails)
				told <- err
			}()
			<-ctx.waits
		}
		close(let)
		for range 3 {
			if err := <-told; !errors.Is(err, fault) {
				t.Errorf("known before: %v: told %v", known, err)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	}
}

// watched is a context that says when somebody waits for its end.
type watched struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waits) })
	return w.Context.Done()
}

// TestManyKeysAreBounded: old answers are forgotten, not those that are asked.
func TestManyKeysAreBounded(t *testing.T) {
	w := newWall()
	m := New[int, int](w.now, time.Minute, time.Minute)
	for i := range 3 * most {
		w.move(time.Second)
		if a, err := m.Get(t.Context(), i, func(context.Context) (int, error) { return i, nil }); err != nil || a.Value != i {
			t.Fatal(a, err)
		}
	}
	if len(m.known) > most || m.known[3*most-1] == nil || m.known[0] != nil {
		t.Errorf("%d answers are kept", len(m.known))
	}
}
