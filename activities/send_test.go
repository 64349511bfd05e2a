package activities

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// untouched is the life of a case that nobody reacts to.
var untouched = []string{
	"2026-03-03T09:00:00 opened s",
	"2026-03-05T00:00:00 contact remind email i1=100.00",
	"2026-03-07T00:00:00 contact text sms i1=100.00",
	"2026-03-09T00:00:00 contact plan email i1=100.00",
	"2026-03-09T00:00:00 offer plan i1=",
	"2026-03-11T00:00:00 task call call i1=",
	"2026-03-15T00:00:00 task call call_untouched supervisor",
	"2026-03-15T00:00:00 deferred collector spacing spacing",
	"2026-03-16T00:00:00 escalated collector escalation i1=",
	"2026-03-21T00:00:00 deferred final email spacing spacing",
	"2026-03-22T00:00:00 contact final email i1=100.00",
	"2026-03-22T00:00:00 contact final letter i1=100.00",
	"2026-03-22T00:00:00 deferred legal spacing spacing",
	"2026-03-23T00:00:00 referred legal i1=",
	"2026-03-23T00:00:00 closed referred",
}

// TestWholeLife: from opening to closing through every verb, each once and in time.
func TestWholeLife(t *testing.T) {
	w := newWorld().begin()
	w.live(day(90))
	w.mustKeep(t)
	if got := w.events(); !slices.Equal(got, untouched) {
		t.Fatalf("timeline\n%s\nwant\n%s", text(got), text(untouched))
	}
	if !w.next.Closed {
		t.Fatalf("the case is not closed: %+v", w.next)
	}
}

func text(lines []string) (s string) {
	for _, l := range lines {
		s += "  " + l + "\n"
	}
	return s
}

// stop is something that keeps the first reminder back.
type stop struct {
	name    string
	crossed bool // is reported as crossed in the post when it comes too late
	say     func(w *world)
}

var stops = []stop{
	{"payment in full", true, func(w *world) { w.say(dunning.Payment{ID: "p", Amount: usd("100.00")}) }},
	{"dispute", true, func(w *world) { w.say(dunning.DisputeRaised{ID: "x"}) }},
	{"hold", true, func(w *world) {
		w.say(dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount, Contact: true, Clock: true})
	}},
	{"opt-out", true, func(w *world) { w.add(dunning.Fact{At: w.now, Body: dunning.OptedOut{Channel: dunning.Email}}) }},
	{"promise", false, func(w *world) {
		w.say(dunning.PromiseMade{ID: "pr", Amount: usd("100.00"), Due: dunning.DateOf(w.now.AddDate(0, 0, 5))})
	}},
	{"collector's lease", false, func(w *world) { w.say(dunning.LeaseTaken{ID: "l", Owner: "u", Until: w.now.AddDate(0, 0, 5)}) }},
}

// TestFenceAsksTheClock: a message that was allowed when it was reserved and not any more
// when it would leave, because the hour has struck meanwhile, waits for the next day.
func TestFenceAsksTheClock(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	w.retried(workflows.Send)
	w.pass(w.next.WakeAt)
	if w.next.Step != "text" || w.next.Verb != dunning.VerbSend {
		t.Fatalf("next %+v", w.next)
	}
	night := w.now.Truncate(24 * time.Hour).Add(20 * time.Hour)
	w.pass(night.Add(-time.Second))
	w.onRender = func() { w.pass(night) }
	w.retried(workflows.Send)
	if len(w.provider.order) != 1 || w.next.WakeAt.Before(night.Add(4*time.Hour)) {
		t.Fatalf("left: %v, next %+v", w.provider.order, w.next)
	}
	if left := w.contacts(dunning.ContactReserved, dunning.ContactSending); len(left) > 0 {
		t.Fatalf("left behind: %+v", left)
	}
}

// TestFence: what is committed before the fence keeps the message back, wherever between
// the lines it comes; what is committed after it is counted as crossed in the post.
func TestFence(t *testing.T) {
	for _, s := range stops {
		for _, moment := range []struct {
			name string
			set  func(w *world)
			sent int
		}{
			{"before the decision", func(w *world) { s.say(w) }, 0},
			{"between reservation and fence", func(w *world) { w.onRender = func() { s.say(w) } }, 0},
			{"between fence and provider", func(w *world) { w.provider.before = func() { s.say(w) } }, 1},
			{"between provider and outcome", func(w *world) { w.provider.after = func() { s.say(w) } }, 1},
		} {
			t.Run(s.name+" "+moment.name, func(t *testing.T) {
				w := newWorld().begin()
				w.wake()
				w.pass(w.next.WakeAt)
				if s.name == "opt-out" {
					w.pass(w.now.Add(time.Minute))
				}
				moment.set(w)
				w.retried(workflows.Send)
				if got := len(w.provider.order); got != moment.sent {
					t.Fatalf("%d messages left, want %d", got, moment.sent)
				}
				crossed := 0
				if moment.sent > 0 && s.crossed {
					crossed = 1
				}
				if w.counted[CrossedInPost] != crossed {
					t.Fatalf("counted %v, want %d crossed in the post", w.counted, crossed)
				}
				if left := w.contacts(dunning.ContactReserved, dunning.ContactSending); len(left) > 0 {
					t.Fatalf("left behind: %+v", left)
				}
				w.mustKeep(t)
			})
		}
	}
}

// TestHarmlessFact: a fact that changes nothing between reservation and fence sends the
// hand-over back to its decision, which keeps the reservation.
func TestHarmlessFact(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	w.onRender = func() { w.say(dunning.NoteWritten{ID: "n"}) }
	w.retried(workflows.Send)
	if len(w.provider.order) != 1 || len(w.contacts()) != 1 || w.failures != 0 {
		t.Fatalf("sent %v, contacts %d, failures %d; want one of each and none", w.provider.order, len(w.contacts()), w.failures)
	}
}

// TestBusyDebtor: facts that keep coming between reservation and fence never let a
// message pass unseen; the activity fails and is tried again.
func TestBusyDebtor(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	n := 0
	var busy func()
	busy = func() {
		n++
		w.say(dunning.NoteWritten{ID: fmt.Sprintf("n%d", n)})
		if n < maxRounds+2 {
			w.onRender = busy
		}
	}
	w.onRender = busy
	if err := w.call(workflows.Send); err == nil {
		t.Fatal("want a failure after so many rounds")
	}
	w.retried(workflows.Send)
	if len(w.provider.order) != 1 || len(w.contacts()) != 1 {
		t.Fatalf("sent %v with %d contacts, want one", w.provider.order, len(w.contacts()))
	}
}

// TestRepeats: whatever of the same intent runs again returns what the first run led to.
func TestRepeats(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	planned := w.next
	w.retried(workflows.Send)
	first := w.next
	before := len(w.store.Facts("deb"))
	for _, a := range []workflows.Activity{workflows.Send, workflows.Look, workflows.Send} {
		w.next = planned
		w.retried(a)
		if w.next != first {
			t.Fatalf("%s again returned %+v, want %+v", a, w.next, first)
		}
	}
	if len(w.provider.order) != 1 || len(w.store.Facts("deb")) != before {
		t.Fatal("a repetition did something")
	}
}

// TestOutcomes: what a provider answers decides what happens next.
func TestOutcomes(t *testing.T) {
	failed := func(class dunning.FailureClass, permanent bool, after time.Duration) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: "x:1", Permanent: permanent, RetryAfter: after}
	}
	for _, tc := range []struct {
		name  string
		first dunning.Outcome
		wait  time.Duration // until the message is tried again; 0: it is not
		task  dunning.TaskKind
		dead  bool
	}{
		{"too many requests: again when the provider said, not before", failed(dunning.FailedLater, false, 10*time.Minute), 10 * time.Minute, "", false},
		{"never written: again soon", failed(dunning.FailedNow, false, 0), time.Minute, "", false},
		{"a dead address: never again to it, and a person is asked", failed(dunning.FailedRecipient, true, 0), 0, dunning.TaskNoChannel, true},
		{"the sender is refused: a person is asked", failed(dunning.FailedConfig, true, 0), 0, dunning.TaskFailed, false},
		{"the text is refused: a person is asked", failed(dunning.FailedContent, true, 0), 0, dunning.TaskFailed, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			tries := 0
			w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
				if tries++; tries == 1 {
					return tc.first, false
				}
				return dunning.Outcome{State: dunning.SendAccepted}, true
			}
			w.live(day(4))
			accepted := w.contacts(dunning.ContactAccepted)
			if tc.wait == 0 {
				if len(accepted) > 0 || !w.asked(tc.task) {
					t.Fatalf("accepted %d, timeline\n%s", len(accepted), text(w.events()))
				}
			} else if at := day(3).Truncate(24 * time.Hour).Add(tc.wait); len(accepted) != 1 || !accepted[0].At.Equal(at) {
				t.Fatalf("accepted %+v, want at %s", accepted, at)
			}
			if got := w.pointDead("e"); got != tc.dead {
				t.Fatalf("address dead: %v, want %v", got, tc.dead)
			}
			w.mustKeep(t)
		})
	}
}

// asked reports whether a task of a kind was opened.
func (w *world) asked(k dunning.TaskKind) bool {
	return slices.ContainsFunc(w.store.Facts("deb"), func(x dunning.Fact) bool {
		b, ok := x.Body.(dunning.TaskOpened)
		return ok && b.Task == k
	})
}

func (w *world) pointDead(id string) bool {
	return slices.ContainsFunc(w.store.Facts("deb"), func(x dunning.Fact) bool {
		b, ok := x.Body.(dunning.PointDead)
		return ok && b.ID == id
	})
}

// TestLate: a provider is not called when the fence is too long ago.
func TestLate(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	slow := true
	w.acts.Channels[dunning.Email] = w.provider
	w.acts.wall = func() time.Time {
		if slow {
			w.passWall(2 * time.Second) // each reading of the clock takes longer than the patience
		}
		return w.wallNow()
	}
	w.retried(workflows.Send)
	if len(w.provider.calls) != 0 {
		t.Fatal("the provider was called too late")
	}
	failed := w.contacts(dunning.ContactFailed)
	if len(failed) != 1 || failed[0].Code != "shell:late" {
		t.Fatalf("contacts %+v, want one that failed as late", w.contacts())
	}
	slow = false
	w.live(day(4))
	if len(w.provider.order) != 1 {
		t.Fatalf("sent %v, want it to have left later", w.provider.order)
	}
}

// TestTextsExpire: a text carries until when the contact policies let it arrive; other
// channels do not expire.
func TestTextsExpire(t *testing.T) {
	for _, tc := range []struct {
		name    string
		channel dunning.Channel
		leaves  time.Time
		want    time.Time
	}{
		{"in the morning a carrier has ten hours", dunning.SMS, time.Date(2026, 3, 7, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 7, 18, 0, 0, 0, time.UTC)},
		{"in the evening until the last permitted second", dunning.SMS, time.Date(2026, 3, 7, 18, 30, 0, 0, time.UTC), time.Date(2026, 3, 7, 19, 59, 59, 0, time.UTC)},
		{"an email does not expire", dunning.Email, time.Date(2026, 3, 5, 18, 30, 0, 0, time.UTC), time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			w.live(tc.leaves.Truncate(24 * time.Hour).Add(-time.Minute))
			w.pass(tc.leaves)
			w.retried(workflows.Send)
			if m := w.provider.last; m.Channel != tc.channel || !m.At.Equal(tc.leaves) || !m.NotAfter.Equal(tc.want) {
				t.Fatalf("%s at %s not after %s, want %s", m.Channel, m.At, m.NotAfter, tc.want)
			}
		})
	}
}

// TestRenderErrors: a message that cannot be written asks a person; trouble while writing
// it is tried again.
func TestRenderErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		task dunning.TaskKind
	}{
		{"a missing variable is for a person", &RenderError{Code: "template:missing", Class: dunning.FailedContent}, dunning.TaskFailed},
		{"an address that is gone is a dead address", &RenderError{Code: "point:gone", Class: dunning.FailedRecipient}, dunning.TaskNoChannel},
		{"a database that is away is tried again", errors.New("away"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			w.acts.Renderer = &failingRenderer{world: w, err: tc.err, times: 1}
			w.live(day(4))
			if tc.task == "" {
				if len(w.provider.order) != 1 || w.failures != 1 {
					t.Fatalf("sent %v after %d failures, want it sent after one", w.provider.order, w.failures)
				}
				return
			}
			if len(w.provider.order) != 0 || !w.asked(tc.task) {
				t.Fatalf("sent %v; timeline\n%s", w.provider.order, text(w.events()))
			}
		})
	}
}

// TestErrorsSayNothing: what a port says never reaches Temporal.
func TestErrorsSayNothing(t *testing.T) {
	secret := "ann@example.com"
	for _, tc := range []struct {
		name  string
		spoil func(w *world)
		code  string
	}{
		{"store", func(w *world) { w.store.Fault = func(string) error { return errors.New(secret) } }, codeStore},
		{"panic", func(w *world) { w.store.Fault = func(string) error { panic(secret) } }, codePanic},
		{"render", func(w *world) {
			w.acts.Renderer = &failingRenderer{world: w, err: errors.New(secret), times: 1}
		}, codeRender},
		{"channel", func(w *world) { w.acts.Channels = nil }, codeChannel},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			w.wake()
			w.pass(w.next.WakeAt)
			tc.spoil(w)
			err := w.call(workflows.Send)
			var app *temporal.ApplicationError
			if !errors.As(err, &app) || app.Type() != tc.code || app.NonRetryable() {
				t.Fatalf("error %v, want a retryable one with code %s", err, tc.code)
			}
			if s := fmt.Sprintf("%+v %v", err, errors.Unwrap(err)); len(s) == 0 || contains(s, secret) {
				t.Fatalf("the error says %q", s)
			}
		})
	}
	t.Run("no such case", func(t *testing.T) {
		w := newWorld()
		w.ref.Case = "other"
		var app *temporal.ApplicationError
		if err := w.call(workflows.Look); !errors.As(err, &app) || app.Type() != codeNoCase || !app.NonRetryable() {
			t.Fatalf("error %v, want one that no retry mends", err)
		}
	})
}

func contains(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}
