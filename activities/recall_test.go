package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/memstore"
	"github.com/duly/duly/workflows"
)

// memory plays what a process knows of restores.
type memory struct {
	*world
	lapses []dunning.Lapse
	forgot []time.Time
	err    error
}

func (m *memory) Lapses(context.Context) ([]dunning.Lapse, error) { return m.lapses, m.err }

func (m *memory) Forgot(_ context.Context, decided time.Time) error {
	m.forgot = append(m.forgot, decided)
	return m.err
}

func (m *memory) Draft(ctx context.Context, ref dunning.CaseRef, _ dunning.Facts, _ dunning.Decision, c dunning.ContactPlanned) (dunning.Message, error) {
	return m.Render(ctx, ref, c)
}

// turns plays the workflow for so many activities; false when nothing is left to do.
func (w *world) turns(n int) bool {
	for range n {
		if !w.have && w.next.DecisionID == "" {
			w.wake()
			continue
		}
		if !w.have || w.next.WakeAt.IsZero() || w.next.WakeAt.After(day(60)) {
			return false
		}
		w.pass(w.next.WakeAt)
		w.retried(activityOf(w.next.Verb))
	}
	return true
}

// restored is a life whose database is set back from after so many activities to after
// fewer, and lived on to its end.
type restored struct {
	backup, restore int
	rebuilt         bool // Temporal too is rebuilt from nothing
	prepare         func(*world)
	after           func(*world, *memory) // between the restore and what follows; nil: nothing
}

// live returns nil where the life ends before the restore.
func (r restored) live() (*world, *memory) {
	w := newWorld().begin()
	if r.prepare != nil {
		r.prepare(w)
	}
	if !w.turns(r.backup) {
		return nil, nil
	}
	kept, since := w.store.Backup(), w.now
	if !w.turns(r.restore - r.backup) {
		return nil, nil
	}
	w.pass(w.now.Add(time.Hour))
	w.store.Restore(kept)
	m := &memory{world: w, lapses: []dunning.Lapse{{Since: since, Until: w.now}}}
	w.acts.Memory = m
	if r.after != nil {
		r.after(w, m)
	}
	if r.rebuilt || !w.have { // or the case had come to its end, and the sweeper starts it again
		w.next, w.have = dunning.Next{}, false
	}
	w.live(day(60))
	return w, m
}

// mustArriveOnce is mustKeep where a provider may refuse a hand-over: what it is proven not
// to have taken may be handed over again.
func (w *world) mustArriveOnce(t failer) {
	t.Helper()
	for what, n := range w.provider.steps {
		if n > 1 {
			t.Fatalf("the debtor got %q %d times", what, n)
		}
	}
	w.mustBeDecided(t)
}

// TestRestoreAnywhere sets the database back from every moment of a life to every earlier
// one. Whatever the provider took meanwhile is not sent again, and nothing is left out.
func TestRestoreAnywhere(t *testing.T) {
	refusesFirst := func(w *world) {
		refused := map[string]bool{}
		w.provider.answer = func(m dunning.Message) (dunning.Outcome, bool) {
			if !refused[m.Text] {
				refused[m.Text] = true
				return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "busy", RetryAfter: time.Minute}, false
			}
			return dunning.Outcome{State: dunning.SendAccepted, ProviderID: "p-" + m.Attempt[:8]}, true
		}
	}
	answersLate := func(w *world) { // every hand-over is unknown until somebody looks
		w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) {
			return dunning.Outcome{State: dunning.SendUnknown, Code: "timeout"}, true
		}
	}
	for _, c := range []struct {
		about   string
		prepare func(*world)
	}{
		{"a provider that takes everything", nil},
		{"a provider that refuses the first hand-over of each message for a while", refusesFirst},
		{"a provider whose answers are lost", answersLate},
	} {
		calm := newWorld().begin()
		if c.prepare != nil {
			c.prepare(calm)
		}
		calm.live(day(60))
		for _, rebuilt := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Temporal rebuilt %v", c.about, rebuilt), func(t *testing.T) {
				tried, stride := 0, 1
				if c.prepare != nil { // these lives have twice as many moments
					stride = 2
				}
				for backup := 1; backup < 60; backup++ {
					for restore := backup + 1; restore < 60; restore += stride {
						r := restored{backup: backup, restore: restore, rebuilt: rebuilt, prepare: c.prepare}
						closed := false
						r.after = func(w *world, _ *memory) { closed = !w.have }
						w, m := r.live()
						if w == nil {
							break
						}
						tried++
						w.mustArriveOnce(t)
						w.mustDecideAgain(t)
						if got, want := slices.Sorted(maps.Keys(w.provider.steps)), slices.Sorted(maps.Keys(calm.provider.steps)); !slices.Equal(got, want) {
							t.Fatalf("set back from %d to %d, left %v; without it %v\n%s", restore, backup, got, want, strings.Join(w.events(), "\n"))
						}
						if !rebuilt && !closed && len(m.forgot) == 0 {
							t.Fatalf("set back from %d to %d: nobody was told that a decision is not known", restore, backup)
						}
					}
				}
				if tried < 60 {
					t.Fatalf("only %d restores were tried", tried)
				}
			})
		}
	}
}

// TestWithoutRecallTheyLeaveTwice: the test above would notice.
func TestWithoutRecallTheyLeaveTwice(t *testing.T) {
	twice := 0
	for restore := 3; restore < 12; restore++ {
		w, _ := restored{backup: 2, restore: restore, after: func(w *world, m *memory) { m.lapses = nil }}.live()
		for _, n := range w.provider.steps {
			if n > 1 {
				twice++
			}
		}
	}
	if twice == 0 {
		t.Error("nothing left twice even though nobody looked")
	}
}

// TestRestoreWithoutRecords: a channel that keeps no records cannot say what left. Nothing
// leaves twice; a person is asked instead.
func TestRestoreWithoutRecords(t *testing.T) {
	cannot := func(w *world) {
		w.provider.lookup = func(dunning.Message) dunning.Evidence { return dunning.Evidence{Found: dunning.EvidenceCannotKnow} }
	}
	asked := 0
	for backup := 1; backup < 12; backup++ {
		for restore := backup + 1; restore < 14; restore++ {
			w, _ := restored{backup: backup, restore: restore, prepare: cannot}.live()
			if w == nil {
				break
			}
			w.mustKeep(t)
			for _, x := range w.store.Facts("deb") {
				if b, ok := x.Body.(dunning.TaskOpened); ok && b.Task == dunning.TaskUnknown {
					asked++
				}
			}
		}
	}
	if asked == 0 {
		t.Error("nobody was asked about any message")
	}
}

// forgetful is a channel whose records were restored with the database.
type forgetful struct{ *provider }

func (forgetful) Forgets() bool { return true }

// TestRecordsThatWereRestoredToo: that an outbox in the same database does not hold a letter
// proves nothing about the lapse; that it holds it does.
func TestRecordsThatWereRestoredToo(t *testing.T) {
	for _, c := range []struct {
		about string
		holds bool
		state dunning.ContactState
	}{
		{"what it holds was taken", true, dunning.ContactAccepted},
		{"what it does not hold may have been posted", false, dunning.ContactUnknown},
	} {
		w, m := newWorld().begin(), (*memory)(nil)
		w.acts.Channels[dunning.Email] = forgetful{w.provider}
		w.turns(1)
		kept, since := w.store.Backup(), w.now
		w.live(day(4))
		w.store.Restore(kept)
		m = &memory{world: w, lapses: []dunning.Lapse{{Since: since, Until: w.now}}}
		w.acts.Memory = m
		if !c.holds {
			clear(w.provider.taken)
		}
		w.wake()
		w.live(w.now)
		if all := w.contacts(); len(all) != 1 || all[0].State != c.state {
			t.Errorf("%s: %+v", c.about, all)
		}
	}
}

// TestNobodyGuessesBecauseRecordsAreBusy: after a restore many cases ask a provider at once, more
// than it is asked for at a time. Who gets no turn comes again: it is no doubt that would be
// written down, and no leave to send what may have left.
func TestNobodyGuessesBecauseRecordsAreBusy(t *testing.T) {
	for _, c := range []struct {
		about string
		lapse func(w *world) dunning.Lapse
		left  bool // within the lapse, by a person's deed that is forgotten
	}{
		{"what would have left in the lapse", func(w *world) dunning.Lapse { return dunning.Lapse{Since: day(2), Until: w.now} }, false},
		{
			"what is due only now and left in the lapse by a person's deed",
			func(*world) dunning.Lapse { return dunning.Lapse{Since: day(2), Until: day(2).Add(time.Hour)} }, true,
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld().begin()
			w.turns(1)
			w.pass(w.next.WakeAt.Add(time.Hour))
			if c.left {
				w.provider.taken[AttemptID("acc/0/remind/email/1")]++
				w.provider.steps["email remind"]++
			}
			w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{c.lapse(w)}}
			for range maxLookups {
				w.acts.Gate.lookUp(dunning.Email)
			}
			if err := w.call(workflows.Send); err == nil || len(w.contacts()) > 0 || len(w.provider.order) > 0 {
				t.Errorf("while nobody can be asked: %v, contacts %+v, left %v; want that it is tried again", err, w.contacts(), w.provider.order)
			}
			for range maxLookups {
				w.acts.Gate.lookedUp(dunning.Email)
			}
			w.retried(workflows.Send)
			w.live(day(4))
			if all := w.contacts(); len(all) != 1 || all[0].State != dunning.ContactAccepted || w.provider.steps["email remind"] != 1 {
				t.Errorf("contacts %+v, left %v", all, w.provider.steps)
			}
		})
	}
}

// TestReconcile: it looks everything up without sending, also what the backup has on its
// way out, can be repeated, and says what is left in doubt.
func TestReconcile(t *testing.T) {
	w := newWorld().begin()
	w.live(day(2)) // it waits for the first step
	kept, since := w.store.Backup(), w.now
	w.live(day(6)) // an email and a text
	if len(w.provider.order) != 2 {
		t.Fatalf("left %v", w.provider.order)
	}
	w.store.Restore(kept)
	w.store.TakeNudges()
	w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: since, Until: w.now}}}
	for range 2 {
		doubt, err := w.acts.Reconcile(t.Context(), w.ref.Case)
		if err != nil || len(doubt) > 0 {
			t.Fatalf("doubt %+v, %v", doubt, err)
		}
		known := w.contacts(dunning.ContactAccepted)
		if len(known) != 2 || known[0].Step != "remind" || known[1].Step != "text" || dunning.DateOf(known[1].At) != dunning.DateOf(day(5)) {
			t.Fatalf("known %+v", known)
		}
	}
	if n := w.store.TakeNudges(); len(n) != 1 {
		t.Errorf("nudged %v: the case is to be woken once, when something was found", n)
	}
	if len(w.provider.order) != 2 {
		t.Errorf("reconciling sent something: %v", w.provider.order)
	}
	w.live(day(60))
	w.mustKeep(t)

	w.provider.lookup = func(dunning.Message) dunning.Evidence { return dunning.Evidence{Found: dunning.EvidenceCannotKnow} }
	w.store.Restore(kept)
	doubt, err := w.acts.Reconcile(t.Context(), w.ref.Case)
	if err != nil || len(doubt) != 1 || doubt[0].State != dunning.ContactUnknown {
		t.Errorf("in doubt %+v, %v", doubt, err)
	}
	if until, ok := dunning.MayHaveLeftUntil(doubt[0].Code); !ok || until.Before(since) {
		t.Errorf("until when it may have left: %v %v", until, ok)
	}
	if _, err := w.acts.Reconcile(t.Context(), "nobody"); err == nil {
		t.Error("a case that does not exist")
	}
}

// TestABackupWithAReservation: what was reserved when the backup was taken may have left.
func TestABackupWithAReservation(t *testing.T) {
	for _, left := range []bool{true, false} {
		w := newWorld().begin()
		var kept memstore.Backup
		w.onRender = func() { kept = w.store.Backup() } // between the reservation and the fence
		w.live(day(4))
		w.store.Restore(kept)
		if !left {
			clear(w.provider.taken)
			clear(w.provider.calls)
			clear(w.provider.steps)
		}
		w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: day(3), Until: w.now}}}
		w.next, w.have = dunning.Next{}, false
		w.live(day(60))
		w.mustKeep(t)
		if w.provider.steps["email remind"] != 1 {
			t.Errorf("left before %v: it left %d times", left, w.provider.steps["email remind"])
		}
	}
}

// TestABackupWithAReservationThatWasRefused: what was reserved when the backup was taken was refused
// and tried again under the next id since. That one is asked about, too.
func TestABackupWithAReservationThatWasRefused(t *testing.T) {
	w := newWorld().begin()
	refused := false
	w.provider.answer = func(m dunning.Message) (dunning.Outcome, bool) {
		if !refused {
			refused = true
			return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "busy", RetryAfter: time.Minute}, false
		}
		return dunning.Outcome{State: dunning.SendAccepted, ProviderID: "p-" + m.Attempt[:8]}, true
	}
	var kept memstore.Backup
	w.onRender = func() { kept = w.store.Backup() } // between the reservation and the fence
	w.live(day(4))
	if w.provider.steps["email remind"] != 1 || len(w.provider.calls) != 2 {
		t.Fatalf("before the restore: left %v, tried %v", w.provider.steps, w.provider.calls)
	}
	w.store.Restore(kept)
	w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: day(3), Until: w.now}}}
	w.next, w.have = dunning.Next{}, false
	w.live(day(60))
	w.mustArriveOnce(t)
	w.mustDecideAgain(t)
}

// TestForgottenDecision: an intent that the journal does not hold is told before anything is
// decided, with the instant that its id names; the case goes on all the same.
func TestForgottenDecision(t *testing.T) {
	at := epoch.Add(time.Hour)
	for _, c := range []struct {
		about   string
		req     workflows.Request
		decided []time.Time
		fails   bool
	}{
		{"a decision of a known instant", workflows.Request{Case: "acc", Intent: timedID(at)}, []time.Time{at}, false},
		{"one whose id does not tell", workflows.Request{Case: "acc", Intent: uuid.NewString()}, []time.Time{{}}, false},
		{"nothing is known yet: Temporal was rebuilt", workflows.Request{Case: "acc"}, nil, false},
		{"a case that is not known, in the midst of its life", workflows.Request{Case: "lost", Intent: timedID(at)}, []time.Time{at}, true},
		{"a case that never was", workflows.Request{Case: "lost"}, nil, true},
	} {
		w := newWorld().begin()
		m := &memory{world: w}
		w.acts.Memory = m
		_, err := w.acts.All()[workflows.Send](t.Context(), c.req)
		if (err != nil) != c.fails || !slices.EqualFunc(m.forgot, c.decided, time.Time.Equal) {
			t.Errorf("%s: told %v, %v", c.about, m.forgot, err)
		}
	}
	w := newWorld().begin()
	w.acts.Memory = &memory{world: w, err: errors.New("postgres is away")}
	if _, err := w.acts.All()[workflows.Look](t.Context(), workflows.Request{Case: "acc", Intent: timedID(at)}); err == nil {
		t.Error("what could not be switched off must not be gone past")
	}
}

func TestTimedIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		id := timedID(epoch)
		if u, err := uuid.Parse(id); err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || seen[id] || !timeOf(id).Equal(epoch) {
			t.Fatalf("%s of %v, %v", id, timeOf(id), err)
		}
		seen[id] = true
	}
	for _, id := range []string{"", "d1", uuid.NewString()} {
		if at := timeOf(id); !at.IsZero() {
			t.Errorf("%q was made at %v", id, at)
		}
	}
}
