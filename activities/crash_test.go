package activities

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
)

var errCrash = errors.New("crash")

// crashes counts the points between two lines at which a world can crash, and crashes at
// chosen ones, by an error or by a panic.
type crashes struct {
	n     int
	at    func(n int) bool
	panic bool
}

func (c *crashes) point() error {
	c.n++
	if c.at == nil || !c.at(c.n) {
		return nil
	}
	if c.panic {
		panic(errCrash)
	}
	return errCrash
}

// install puts the crash points into all ports of a world.
func (c *crashes) install(w *world) {
	w.store.Fault = func(string) error { return c.point() }
	w.acts.Renderer = crashingRenderer{w, c}
	for name, ch := range w.acts.Channels {
		w.acts.Channels[name] = crashingChannel{ch, c}
	}
}

// crashed lives a whole life with crashes.
func crashed(c *crashes, prepare func(w *world)) *world {
	w := newWorld().begin()
	if prepare != nil {
		prepare(w)
	}
	c.install(w)
	w.live(day(60))
	w.store.Fault = nil
	return w
}

// story is a timeline without what crashes may add: the postponement of a repeated
// hand-over is no event of the debtor's.
func story(w *world) []string {
	return slices.DeleteFunc(w.events(), func(s string) bool { return strings.Contains(s, "deferred") })
}

// TestCrashAnywhere crashes a whole life at every single point between two lines, in turn,
// by error and by panic. Every time it must recover by itself, and the debtor must see
// the same as without.
func TestCrashAnywhere(t *testing.T) {
	calm := &crashes{}
	want := story(crashed(calm, nil))
	if calm.n < 100 {
		t.Fatalf("only %d points", calm.n)
	}
	for _, byPanic := range []bool{false, true} {
		for k := 1; k <= calm.n; k++ {
			c := &crashes{at: func(n int) bool { return n == k }, panic: byPanic}
			w := crashed(c, nil)
			if w.failures == 0 {
				t.Fatalf("point %d of %d was not reached", k, calm.n)
			}
			w.mustKeep(t)
			if got := story(w); !slices.Equal(got, want) {
				t.Fatalf("crash at point %d (panic %v)\n%s\nwant\n%s", k, byPanic, text(got), text(want))
			}
			if left := w.contacts(dunning.ContactReserved, dunning.ContactSending, dunning.ContactUnknown); len(left) > 0 {
				t.Fatalf("crash at point %d left behind %+v", k, left)
			}
		}
	}
	t.Logf("%d points, each by error and by panic", calm.n)
}

// blocking says whether a fact, once committed, forbids every message of this world.
func blocking(b dunning.Body) bool {
	switch b.(type) {
	case dunning.Payment, dunning.HoldPlaced:
		return true
	}
	return false
}

// TestStorm draws crashes, providers that fail or fall silent, and facts from outside at
// every moment. The debtor never gets a message twice, and none leaves after a fact that
// forbids it was committed before the fence.
func TestStorm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld().begin()
		c := &crashes{panic: rapid.Bool().Draw(t, "panic")}
		rate := rapid.IntRange(3, 60).Draw(t, "rate")
		left := 60 // crashes; without a bound a life might never go on
		c.at = func(int) bool {
			if left == 0 || rapid.IntRange(0, rate).Draw(t, "crash") > 0 {
				return false
			}
			left--
			return true
		}
		draws := &storm{t: t, w: w, say: rapid.IntRange(0, 30).Draw(t, "say")}
		w.provider.answer = draws.answer
		w.provider.lookup = draws.evidence
		w.acts.Renderer = crashingRenderer{draws, c}
		w.store.Fault = func(string) error { return c.point() }
		for name, ch := range w.acts.Channels {
			w.acts.Channels[name] = crashingChannel{ch, c}
		}
		w.live(day(20))
		c.at = nil
		w.live(day(60))
		w.mustKeep(t)
		draws.mustObeyFence()
	})
}

// storm draws what happens around a world.
type storm struct {
	*world
	t   *rapid.T
	w   *world
	say int
	n   int
}

// Render is where facts come between reservation and fence.
func (s *storm) Render(ctx ctxType, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	s.speak()
	return s.world.Render(ctx, ref, c)
}

// speak draws a fact from outside.
func (s *storm) speak() {
	s.n++
	switch rapid.IntRange(0, s.say+12).Draw(s.t, "speak") {
	case 0:
		s.w.say(dunning.Payment{ID: fmt.Sprintf("p%d", s.n), Amount: usd("100.00")})
	case 1:
		s.w.say(dunning.HoldPlaced{ID: fmt.Sprintf("h%d", s.n), HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Contact: true, Clock: true})
	case 2, 3:
		s.w.say(dunning.NoteWritten{ID: fmt.Sprintf("n%d", s.n)})
	}
}

func (s *storm) answer(dunning.Message) (dunning.Outcome, bool) {
	s.speak()
	switch rapid.IntRange(0, 6).Draw(s.t, "answer") {
	case 0:
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, RetryAfter: time.Minute}, false
	case 1:
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow}, false
	case 2:
		return dunning.Outcome{State: dunning.SendUnknown, Code: "net:timeout"}, false
	case 3:
		return dunning.Outcome{State: dunning.SendUnknown, Code: "net:timeout"}, true
	}
	return dunning.Outcome{State: dunning.SendAccepted}, true
}

// evidence is true or silent, never false.
func (s *storm) evidence(m dunning.Message) dunning.Evidence {
	if rapid.IntRange(0, 2).Draw(s.t, "silent") == 0 {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
	}
	if s.w.provider.taken[m.Attempt] > 0 {
		return dunning.Evidence{Found: dunning.EvidenceAccepted}
	}
	return dunning.Evidence{Found: dunning.EvidenceNotAccepted}
}

// mustObeyFence: no contact went to "sending" at a version after a fact that forbids it.
func (s *storm) mustObeyFence() {
	forbidden := int64(0)
	for _, x := range s.w.store.Facts("deb") {
		if blocking(x.Body) && forbidden == 0 {
			forbidden = x.Version
		}
		if m, ok := x.Body.(dunning.ContactMoved); ok && m.State == dunning.ContactSending && forbidden > 0 {
			s.t.Fatalf("contact %s passed the fence at version %d, after version %d forbade it", m.ID, x.Version, forbidden)
		}
	}
}
