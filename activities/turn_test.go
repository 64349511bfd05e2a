package activities

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/memstore"
	"github.com/duly/duly/workflows"
)

// TestReplans: what differs from the plan is stored and left to its own activity; what
// goes round without a pause is parked with a task.
func TestReplans(t *testing.T) {
	plan := func(w *world, verb dunning.Verb, step string, replans int) {
		w.storePlan(dunning.StoredDecision{
			ID: "planned", Case: "acc", Replans: replans,
			Decision: dunning.Decision{Verb: verb, Step: step, WakeAt: w.now, At: w.now},
		})
		w.next = dunning.Next{DecisionID: "planned", Verb: verb, Step: step}
	}
	due := day(3).Truncate(24 * time.Hour)
	for _, tc := range []struct {
		name     string
		activity workflows.Activity
		verb     dunning.Verb
		replans  int
		want     dunning.Verb
		count    int
		parked   bool
	}{
		{"a call was planned, a reminder is due: the reminder is left to its own activity", workflows.Call, dunning.VerbCall, 0, dunning.VerbSend, 1, false},
		{"the second in a row is counted", workflows.Call, dunning.VerbCall, 1, dunning.VerbSend, 2, false},
		{"the third in a row parks the case with a task", workflows.Call, dunning.VerbCall, 2, dunning.VerbLook, 0, true},
		{"a look plans nothing, so it never counts", workflows.Look, dunning.VerbLook, 2, dunning.VerbSend, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld().begin()
			w.pass(due)
			plan(w, tc.verb, "call", tc.replans)
			w.retried(tc.activity)
			s := w.store.Decisions("acc")
			last := s[len(s)-1]
			if w.next.Verb != tc.want || last.Replans != tc.count || w.asked(dunning.TaskParked) != tc.parked {
				t.Fatalf("next %+v with %d replans, parked %v", w.next, last.Replans, w.asked(dunning.TaskParked))
			}
			if len(w.provider.order) > 0 {
				t.Fatal("something left that was not planned")
			}
			for _, x := range w.store.Facts("deb") {
				if task, ok := x.Body.(dunning.TaskOpened); ok && task.Task == dunning.TaskParked && len(task.Items) != 1 {
					t.Fatalf("the parked task names the items %v: nobody could end the step for them", task.Items)
				}
			}
		})
	}
}

// storePlan puts a decision into the journal.
func (w *world) storePlan(d dunning.StoredDecision) {
	err := w.store.InDebtor(context.Background(), "deb", func(tx *memstore.Tx) error { return tx.StoreDecision(context.Background(), d) })
	if err != nil {
		panic(err)
	}
}

// TestDeferral: what is due later than planned waits without being counted.
func TestDeferral(t *testing.T) {
	w := newWorld().begin()
	w.wake()
	w.pass(w.next.WakeAt)
	w.say(dunning.ContactLogged{ID: "x", Direction: "outbound", Channel: dunning.Email, Outcome: "delivered"})
	w.retried(workflows.Send)
	s := w.store.Decisions("acc")
	last := s[len(s)-1]
	if !last.Decision.Deferred || last.Replans != 0 || !w.next.WakeAt.After(w.now) || len(w.contacts()) > 0 {
		t.Fatalf("next %+v after decision %+v; want the reminder deferred and nothing reserved", w.next, last)
	}
}

// TestLostPlan: a plan that the database does not know (it was restored from a backup) is
// looked at anew, not carried out.
func TestLostPlan(t *testing.T) {
	w := newWorld().begin()
	w.pass(day(3))
	w.next = dunning.Next{DecisionID: "gone", Verb: dunning.VerbSend, Step: "remind", Channel: dunning.Email}
	w.retried(workflows.Send)
	if len(w.provider.order) > 0 || w.next.Verb != dunning.VerbSend || w.next.DecisionID == "gone" {
		t.Fatalf("sent %v, next %+v; want a fresh decision only", w.provider.order, w.next)
	}
}

// TestTerminatedRun: a new run of a workflow that was terminated goes on where the case
// is, whatever the old run was doing.
func TestTerminatedRun(t *testing.T) {
	want := untouched
	for n := range 18 {
		w := newWorld().begin()
		w.wake()
		for range n { // so many activities, then the run is gone
			if w.have && !w.next.WakeAt.IsZero() {
				w.pass(w.next.WakeAt)
				w.retried(activityOf(w.next.Verb))
			}
		}
		w.next = dunning.Next{}
		w.wake()
		w.live(day(60))
		w.mustKeep(t)
		if got := w.events(); !slices.Equal(got, want) {
			t.Fatalf("terminated after %d activities\n%s\nwant\n%s", n, text(got), text(want))
		}
	}
}

// TestRecordsAreStored: what becomes true by itself is a decision in the journal too, with
// the version that it looked at.
func TestRecordsAreStored(t *testing.T) {
	w := newWorld().begin()
	w.live(day(60))
	facts := w.store.Facts("deb")
	records := 0
	for _, d := range w.decisions() {
		if d.Verb != dunning.VerbRecord {
			continue
		}
		records++
		f, err := dunning.Fold(w.setup(w.ref), upTo(facts, d.Version))
		if err != nil {
			t.Fatal(err)
		}
		again := dunning.Decide(f, d.At)
		if again.Verb != d.Verb || again.Reason != d.Reason || len(again.Effects) != len(d.Effects) {
			t.Fatalf("at version %d: stored %+v, decided again %+v", d.Version, d, again)
		}
	}
	if records == 0 {
		t.Fatal("no record in the journal")
	}
}

func upTo(facts []dunning.Fact, version int64) []dunning.Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(x dunning.Fact) bool { return x.Version > version })
}

// TestEveryDecisionAgain re-derives all decisions of a whole life from the facts as of the
// version that each names.
func TestEveryDecisionAgain(t *testing.T) {
	w := newWorld().begin()
	w.live(day(60))
	w.mustDecideAgain(t)
}

// mustDecideAgain takes every stored decision again from the facts that it saw.
func (w *world) mustDecideAgain(t failer) {
	t.Helper()
	facts := w.store.Facts("deb")
	for i, d := range w.decisions() {
		f, err := dunning.Fold(w.setup(w.ref), upTo(facts, d.Version))
		if err != nil {
			t.Fatalf("%v", err)
		}
		again := dunning.Decide(f, d.At)
		if again.Verb != d.Verb || again.Step != d.Step || !again.WakeAt.Equal(d.WakeAt) || again.Rule != d.Rule {
			t.Fatalf("decision %d: stored %+v, decided again %+v", i+1, d, again)
		}
	}
}

// TestAttemptID: an attempt's id is the same for ever, and says nothing.
func TestAttemptID(t *testing.T) {
	if got := AttemptID("case/0/remind/email/1"); got != "91e45c16-d533-5fc9-9bcb-8116f797d44b" {
		t.Fatalf("attempt id %q", got)
	}
	if AttemptID("a") == AttemptID("b") {
		t.Fatal("two contacts share an attempt id")
	}
}

// TestALateLookAtAnEarlierCase: a nudge may make the workflow of a closed case look once more
// when the account has got a newer one already. It ends without a word: it plans nothing,
// though the newer case has a message to send.
func TestALateLookAtAnEarlierCase(t *testing.T) {
	w := newWorld().begin()
	w.say(dunning.Payment{ID: "p", Item: "i1", Amount: usd("100.00")})
	w.retried(workflows.Look)
	if w.have {
		t.Fatalf("a case that is paid is not closed: %+v", w.next)
	}
	later := w.ref
	later.Case = "later"
	w.store.AddCase(later)
	w.add(
		dunning.Fact{At: w.now, Account: "acc", Body: dunning.Item{Key: "i2", Issued: dunning.DateOf(epoch), Due: dunning.DateOf(due), Amount: usd("70.00")}},
		dunning.Fact{At: w.now, Account: "acc", Case: "later", By: "system", Body: dunning.CaseOpened{Sequence: "s", Version: "1"}},
	)
	w.pass(day(9))
	before := len(w.store.Facts("deb"))
	w.retried(workflows.Look)
	if w.have || !w.next.WakeAt.IsZero() || len(w.store.Facts("deb")) != before || len(w.provider.order) > 0 {
		t.Fatalf("the earlier case goes on: %+v, %d new facts, sent %v", w.next, len(w.store.Facts("deb"))-before, w.provider.order)
	}
	w.ref, w.next = later, dunning.Next{}
	w.retried(workflows.Look)
	if w.next.Verb != dunning.VerbSend {
		t.Fatalf("the newer case does not go on: %+v", w.next)
	}
}
