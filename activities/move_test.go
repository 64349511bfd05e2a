package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

// brokenOnce fails to write one message, after something else has happened.
type brokenOnce struct {
	*world
	meanwhile func()
}

func (b *brokenOnce) Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	if f := b.meanwhile; f != nil {
		b.meanwhile = nil
		f()
		return dunning.Message{}, errors.New("the worker dies")
	}
	return b.world.Render(ctx, ref, c)
}

// TestACaseDoesNotMoveUnderAReservation: a worker dies between reserving a message and the
// fence, and somebody asks for a migration before the next one goes on. The reservation is
// given back first, so that the move is decided over facts that can be read again.
func TestACaseDoesNotMoveUnderAReservation(t *testing.T) {
	w := newWorld().begin()
	second := reminders()
	second.Version = "2"
	second.Steps[0].Send[0].Template = "remind-two"
	w.versions = map[string]*dunning.Sequence{"2": second}
	w.acts.Renderer = &brokenOnce{w, func() {
		w.say(dunning.MigrationAsked{ID: "m", FromSequence: "s", FromVersion: "1", Sequence: "s", Version: "2", AtOnce: true, Reason: "test"})
	}}
	w.live(day(4))
	w.mustKeep(t)
	moved := 0
	for i, x := range w.store.Facts("deb") {
		if _, ok := x.Body.(dunning.Migrated); ok {
			moved++
			if left := contactsOf(w.store.Facts("deb")[:i], "acc", dunning.ContactReserved); len(left) > 0 {
				t.Errorf("it moved while %s was reserved", left[0].ID)
			}
		}
	}
	if sent := w.contacts(dunning.ContactAccepted); moved != 1 || len(sent) != 1 || sent[0].Template != "remind-two" {
		t.Errorf("moved %d times, sent %+v", moved, sent)
	}
	for _, d := range w.decisions() {
		ref := w.ref
		_, ref.Version, _ = strings.Cut(d.Sequence, "@")
		_, ref.TargetVersion, _ = strings.Cut(d.Target, "@")
		then := slices.DeleteFunc(w.store.Facts("deb"), func(x dunning.Fact) bool { return x.Version > d.Version })
		if d.Contact != nil && d.Due() { // as duly recheck reads it
			then = without(then, d.Contact.ID)
		}
		f, err := dunning.Fold(w.setup(ref), then)
		if err != nil {
			t.Fatal(err)
		}
		if again := dunning.Decide(f, d.At); again.Verb != d.Verb || again.Reason != d.Reason {
			t.Errorf("at version %d it was %s %s, again it is %s %s", d.Version, d.Verb, d.Reason, again.Verb, again.Reason)
		}
	}
}

// TestASwitchOfTheNewSequenceStopsAMessageOfTheMove: a case moves to another sequence in the
// very run that sends; a switch that is on for the new one keeps the message back, and one
// for the old one does not.
func TestASwitchOfTheNewSequenceStopsAMessageOfTheMove(t *testing.T) {
	for _, c := range []struct {
		about, off string
		sent       int
	}{
		{"the new sequence is switched off", "other", 0},
		{"the old one is", "s", 1},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld().begin()
			other := reminders()
			other.ID, other.Version = "other", "2"
			w.versions = map[string]*dunning.Sequence{"2": other}
			w.wake()
			w.say(dunning.MigrationAsked{ID: "m", FromSequence: "s", FromVersion: "1", Sequence: "other", Version: "2", AtOnce: true, Reason: "test"})
			w.store.SetSwitches(dunning.Switch{Scope: dunning.SwitchSequence, Subject: c.off})
			w.live(day(4))
			w.mustKeep(t)
			if sent := w.contacts(dunning.ContactAccepted); len(sent) != c.sent {
				t.Errorf("%d were sent, want %d:\n%s", len(sent), c.sent, text(w.events()))
			}
		})
	}
}
