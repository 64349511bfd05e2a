// Package memo keeps answers that take long, and says how old they are. A question that is
// answered at once is asked each time, so that a small site always sees what is now; one that
// takes longer than whoever asks can wait is answered with what was known last, and its age,
// while it is asked anew behind.
//
// It owns no question. It is for figures that people look at, never for what is decided by.
package memo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// rest is how many times as long as it took an answer is kept before it is asked anew.
	rest = 20
	// longest bounds a question that runs behind.
	longest = 5 * time.Minute
	// most bounds how many answers are kept.
	most = 200
)

// Memo keeps answers of one type by their questions. It may be used by many goroutines.
type Memo[K comparable, V any] struct {
	wall     func() time.Time
	patience time.Duration
	first    time.Duration
	mu       sync.Mutex
	known    map[K]*entry[V]
}

// entry is what is known of a question.
type entry[V any] struct {
	value V
	at    time.Time     // when it was asked; zero: no answer yet
	took  time.Duration // until there was an answer
	fault error         // of the last run, until somebody has been told
	run   *run          // that is under way; nil: none is
}

// run is one asking of a question. Whoever waits for it is told how it ended: several may.
type run struct {
	done  chan struct{} // closed when it ends
	fault error         // set before that
}

// ErrNoAnswer is returned to who waits for a question that has no answer by then.
var ErrNoAnswer = errors.New("this takes too long to count: ask again in some minutes, or ask for less")

// Answer is a value with its age. At is wall time, zero when there is no value yet.
type Answer[V any] struct {
	Value V
	At    time.Time
	Age   time.Duration
	Busy  bool // it is being asked anew
}

// New makes a memo. wall is wall time; patience is how long Get waits for a fresh answer,
// first how long it waits while there is none at all.
func New[K comparable, V any](wall func() time.Time, patience, first time.Duration) *Memo[K, V] {
	return &Memo[K, V]{wall: wall, patience: patience, first: first, known: map[K]*entry[V]{}}
}

// Known reports whether there is a value.
func (a Answer[V]) Known() bool { return !a.At.IsZero() }

// Says says for people how old the value is; "" when it is of now.
func (a Answer[V]) Says() string {
	switch {
	case !a.Known():
		return "being counted; it is shown as soon as it is known"
	case a.Age == 0:
		return ""
	case a.Busy:
		return "counted " + ago(a.Age) + ", being counted anew"
	}
	return "counted " + ago(a.Age)
}

func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(max(d, time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h ago", int(d.Hours()))
}

// Get answers within the patience: with what is now, else with what was known last and its
// age. ask is the question of the key; it outlives ctx, and runs once at a time for a key.
func (m *Memo[K, V]) Get(ctx context.Context, key K, ask func(ctx context.Context) (V, error)) (Answer[V], error) {
	return m.answer(ctx, key, ask, func(known bool) time.Duration {
		if known {
			return m.patience
		}
		return m.first
	})
}

// Wait is Get with a patience for everything: the answer is not missing. It may be one that
// was kept, and then says its age.
func (m *Memo[K, V]) Wait(ctx context.Context, key K, ask func(ctx context.Context) (V, error)) (Answer[V], error) {
	a, err := m.answer(ctx, key, ask, func(bool) time.Duration { return longest })
	if err == nil && !a.Known() {
		return a, ErrNoAnswer
	}
	return a, err
}

func (m *Memo[K, V]) answer(ctx context.Context, key K, ask func(ctx context.Context) (V, error), patience func(known bool) time.Duration) (Answer[V], error) {
	m.mu.Lock()
	e := m.entry(key)
	if m.rests(e) {
		defer m.mu.Unlock()
		return m.kept(e), nil
	}
	if e.run == nil {
		e.run = &run{done: make(chan struct{})}
		go m.renew(context.WithoutCancel(ctx), e, ask)
	}
	under, timer := e.run, time.NewTimer(patience(!e.at.IsZero()))
	m.mu.Unlock()
	defer timer.Stop()
	fresh := false
	select {
	case <-under.done:
		fresh = true
	case <-timer.C:
	case <-ctx.Done():
		return Answer[V]{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fault := e.fault
	if fresh {
		fault = under.fault
	}
	if fault != nil {
		if errors.Is(e.fault, fault) {
			e.fault = nil
		}
		return Answer[V]{}, fault
	}
	a := m.kept(e)
	if fresh {
		a.Age, a.Busy = 0, false
	}
	return a, nil
}

// entry finds or makes what is known of a key, and forgets the oldest of too many.
func (m *Memo[K, V]) entry(key K) *entry[V] {
	if e := m.known[key]; e != nil {
		return e
	}
	if len(m.known) >= most {
		m.forget()
	}
	e := &entry[V]{}
	m.known[key] = e
	return e
}

func (m *Memo[K, V]) forget() {
	var oldest K
	var at time.Time
	found := false
	for k, e := range m.known {
		if e.run == nil && (!found || e.at.Before(at)) {
			oldest, at, found = k, e.at, true
		}
	}
	if found {
		delete(m.known, oldest)
	}
}

// rests reports whether an answer that took long is still good enough.
func (m *Memo[K, V]) rests(e *entry[V]) bool {
	return e.run == nil && e.fault == nil && !e.at.IsZero() && e.took > m.patience && m.wall().Sub(e.at) < e.took*rest
}

func (m *Memo[K, V]) kept(e *entry[V]) Answer[V] {
	a := Answer[V]{Value: e.value, At: e.at, Busy: e.run != nil}
	if a.Known() {
		a.Age = max(m.wall().Sub(e.at), 1)
	}
	return a
}

// renew asks anew. What takes down the question takes down nobody else.
func (m *Memo[K, V]) renew(ctx context.Context, e *entry[V], ask func(ctx context.Context) (V, error)) {
	ctx, stop := context.WithTimeout(ctx, longest)
	defer stop()
	began := m.wall()
	value, err := safely(ctx, ask)
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.fault = err; err == nil {
		e.value, e.at, e.took = value, began, m.wall().Sub(began)
	}
	e.run.fault = err
	close(e.run.done)
	e.run = nil
}

func safely[V any](ctx context.Context, ask func(ctx context.Context) (V, error)) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the question panicked: %v", p)
		}
	}()
	return ask(ctx)
}
