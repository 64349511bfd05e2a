package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// holding is a provider that holds messages and can call them back.
type holding struct {
	*provider
	opened int
	back   []string // holds that were called back
	deaf   bool     // gives no holds
	fails  bool     // calls nothing back
	seen   []dunning.Message
}

func (h *holding) OpenHold(context.Context, dunning.Message) (string, dunning.Outcome) {
	if h.deaf {
		return "", dunning.Outcome{State: dunning.SendUnknown, Code: "http:503"}
	}
	h.opened++
	return fmt.Sprint("hold", h.opened), dunning.Outcome{State: dunning.SendAccepted}
}

func (h *holding) CallBack(_ context.Context, m dunning.Message) bool {
	if !h.fails && !slices.Contains(h.back, m.Hold) {
		h.back = append(h.back, m.Hold)
	}
	return !h.fails
}

func (h *holding) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	h.seen = append(h.seen, m)
	return h.provider.Send(ctx, m)
}

// strongWorld is a world whose first step asks for strong delivery.
func strongWorld() (*world, *holding) {
	w := newWorld().begin()
	w.seq.Steps[0].Strong = true
	h := &holding{provider: w.provider}
	w.acts.Channels[dunning.Email] = h
	return w, h
}

// states words the contacts of the case.
func states(w *world) string {
	var out []string
	for _, c := range w.contacts(dunning.ContactReserved, dunning.ContactSending, dunning.ContactAccepted, dunning.ContactFailed, dunning.ContactUnknown, dunning.ContactCancelled) {
		out = append(out, string(c.State)+"/"+c.Hold)
	}
	return strings.Join(out, " ")
}

// TestStrongDelivery: a message of a strong step is held. One whose answer was lost is
// called back, which proves that it did not leave, and sent again; one that a payment
// crosses is called back too.
func TestStrongDelivery(t *testing.T) {
	lost := func(w *world, took bool) {
		first := true
		w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
			if first {
				first = false
				return dunning.Outcome{State: dunning.SendUnknown, Code: "net:timeout"}, took
			}
			return dunning.Outcome{State: dunning.SendAccepted}, true
		}
		w.provider.lookup = func(dunning.Message) dunning.Evidence { return dunning.Evidence{Found: dunning.EvidenceCannotKnow} }
	}
	for _, c := range []struct {
		about   string
		prepare func(*world, *holding)
		then    func(*world)
		until   time.Time
		states  string
		back    string
		sent    int
	}{
		{"it leaves under a hold", func(*world, *holding) {}, nil, day(4), "accepted/hold1", "", 1},
		{"its answer was lost: called back and sent again", func(w *world, _ *holding) { lost(w, true) }, nil, day(4), "failed/hold1 accepted/hold2", "hold1", 2},
		{"its answer was lost and it cannot be called back: it stays unknown", func(w *world, h *holding) { lost(w, true); h.fails = true }, nil, day(4), "unknown/hold1", "", 1},
		{"a payment crosses it: called back, and nothing is owed any more", func(*world, *holding) {}, func(w *world) {
			w.add(dunning.Fact{At: w.now, Account: "acc", Body: dunning.Payment{ID: "p", Amount: usd("100.00")}})
		}, time.Time{}, "cancelled/hold1", "hold1", 1},
		{"an opt-out crosses it", func(*world, *holding) {}, func(w *world) {
			w.add(dunning.Fact{At: w.now, Body: dunning.OptedOut{Channel: dunning.Email}})
		}, time.Time{}, "cancelled/hold1", "hold1", 1},
		{"a note does not", func(*world, *holding) {}, func(w *world) {
			w.add(dunning.Fact{At: w.now, Account: "acc", Body: dunning.NoteWritten{ID: "n", Text: "x"}})
		}, time.Time{}, "accepted/hold1", "", 1},
		{"a payment after it has left does not", func(*world, *holding) {}, func(w *world) {
			w.now = w.now.Add(dunning.CallableFor)
			w.add(dunning.Fact{At: w.now, Account: "acc", Body: dunning.Payment{ID: "p", Amount: usd("100.00")}})
		}, time.Time{}, "accepted/hold1", "", 1},
	} {
		t.Run(c.about, func(t *testing.T) {
			w, h := strongWorld()
			c.prepare(w, h)
			w.wake()
			w.pass(w.next.WakeAt)
			w.retried(activityOf(w.next.Verb))
			if c.then != nil {
				c.then(w)
				w.next = dunning.Next{}
				w.wake()
			} else {
				w.live(c.until)
			}
			if got := states(w); got != c.states || strings.Join(h.back, " ") != c.back || len(h.seen) != c.sent {
				t.Errorf("contacts %s, called back %v, handed over %d times; want %s, %q and %d\n%s", got, h.back, len(h.seen), c.states, c.back, c.sent, text(w.events()))
			}
		})
	}
}

// TestNoHoldNoMessage: without a hold nothing is handed over; it is tried again.
func TestNoHoldNoMessage(t *testing.T) {
	w, h := strongWorld()
	h.deaf = true
	w.wake()
	w.pass(w.next.WakeAt)
	w.retried(activityOf(w.next.Verb))
	if len(h.seen) > 0 || states(w) != "failed/" {
		t.Fatalf("handed over %d, contacts %s", len(h.seen), states(w))
	}
	h.deaf = false
	w.live(day(4))
	if len(h.seen) != 1 || h.seen[0].Hold == "" || !strings.HasSuffix(states(w), "accepted/hold1") {
		t.Errorf("handed over %d, contacts %s", len(h.seen), states(w))
	}
}

// TestChannelsThatCannotHold: they are used as always.
func TestChannelsThatCannotHold(t *testing.T) {
	w := newWorld().begin()
	w.seq.Steps[0].Strong = true
	w.live(day(4))
	if got := states(w); got != "accepted/" {
		t.Errorf("contacts %s", got)
	}
}
