package activities

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// tally is a meter that keeps what it is told.
type tally struct {
	mu    sync.Mutex
	told  map[string]int
	spans map[string]time.Duration
}

func (m *tally) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told[fmt.Sprintf(format, args...)]++
}

func (m *tally) span(name string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spans[name] += d
}

func (m *tally) Carried(v dunning.Verb, code string, _ time.Duration) { m.note("%s %s", v, code) }

func (m *tally) Decided(d dunning.Decision) {
	m.note("next %s", d.Verb)
	if d.Deferred {
		m.note("deferred %s", d.Rule)
	}
}

func (m *tally) Served(v dunning.Verb, late time.Duration) {
	m.note("served %s", v)
	m.span("late "+string(v), late)
}

func (m *tally) Called(ch dunning.Channel, o dunning.Outcome, took time.Duration) {
	m.note("called %s %s", ch, o.State)
	m.span("call", took)
}

func (m *tally) HandedOver(ch dunning.Channel, o dunning.Outcome, since time.Duration) {
	m.note("%s %s %s", ch, o.State, o.Class)
	m.span("since", since)
}

// metered is a world with a tally.
func metered() (*world, *tally) {
	w, m := newWorld().begin(), &tally{told: map[string]int{}, spans: map[string]time.Duration{}}
	w.acts.Meter = m
	return w, m
}

// TestMeterOfAMessage: a message is counted once when its outcome is stored, with how long its
// provider took; a repetition of what was carried out counts as an activity only.
func TestMeterOfAMessage(t *testing.T) {
	w, m := metered()
	w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
		w.passWall(300 * time.Millisecond)
		return dunning.Outcome{State: dunning.SendAccepted}, true
	}
	w.wake()
	if want := (map[string]int{"look ": 1, "next send": 1}); !maps.Equal(m.told, want) {
		t.Fatalf("after a look %v, want %v", m.told, want)
	}
	w.pass(w.next.WakeAt.Add(40 * time.Second)) // the worker is late
	planned := w.next
	w.retried(workflows.Send)
	want := map[string]int{"look ": 1, "send ": 1, "next send": 2, "served send": 1, "called email accepted": 1, "email accepted ": 1}
	if !maps.Equal(m.told, want) {
		t.Fatalf("after a message %v, want %v", m.told, want)
	}
	if m.spans["late send"] != 40*time.Second || m.spans["call"] != 300*time.Millisecond || m.spans["since"] != 300*time.Millisecond {
		t.Errorf("spans are %v", m.spans)
	}
	w.passWall(time.Minute)
	w.next = planned
	w.retried(workflows.Send)
	if want["send "]++; !maps.Equal(m.told, want) {
		t.Errorf("the same intent again: %v, want %v", m.told, want)
	}
}

// TestMeterOfTroubles: refusals, hand-overs that stay unknown and errors are counted by their
// codes; what was never stored is not counted.
func TestMeterOfTroubles(t *testing.T) {
	for _, c := range []struct {
		why    string
		answer dunning.Outcome
		spoil  func(w *world)
		want   string
		never  string
	}{
		{"a refusal, by its class", dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "x:429"}, nil, "email failed later", "email accepted "},
		{"one that nobody knows of", dunning.Outcome{State: dunning.SendUnknown, Code: "x:timeout"}, nil, "email unknown ", "email accepted "},
		{
			"an outcome that cannot be stored is not counted, the activity is by its code",
			dunning.Outcome{State: dunning.SendAccepted},
			func(w *world) { w.store.Fault = func(string) error { return errors.New("the database is away") } }, "send store", "email accepted ",
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			w, m := metered()
			w.wake()
			w.pass(w.next.WakeAt)
			w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
				if c.spoil != nil {
					c.spoil(w)
				}
				return c.answer, c.answer.State == dunning.SendAccepted
			}
			_ = w.call(workflows.Send)
			if m.told[c.want] != 1 || m.told[c.never] != 0 {
				t.Errorf("%v, want %q once and no %q", m.told, c.want, c.never)
			}
		})
	}
}

// TestMeterOfDeferrals: a decision not to write yet is counted by its rule.
func TestMeterOfDeferrals(t *testing.T) {
	w, m := metered()
	w.live(day(30))
	if m.told["deferred spacing"] == 0 {
		t.Errorf("no deferral for spacing is counted: %v", m.told)
	}
	if m.told["called letter accepted"] != 1 || m.told["called sms accepted"] != 1 || m.told["close "]+m.told["refer "] == 0 {
		t.Errorf("a whole life is counted as %v", m.told)
	}
}

// TestNobodyMeasures: without a meter all goes on.
func TestNobodyMeasures(t *testing.T) {
	w := newWorld().begin()
	w.live(day(90))
	if !w.next.Closed {
		t.Fatalf("the case is not closed: %+v", w.next)
	}
}
