package activities

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// rules are the rules of a case's decisions, in order.
func (w *world) rules() (out []string) {
	for _, d := range w.store.Decisions(w.ref.Case) {
		if d.Decision.Rule != "" {
			out = append(out, d.Decision.Rule)
		}
	}
	return out
}

func TestASwitchKeepsMessagesBack(t *testing.T) {
	for _, c := range []struct {
		about string
		on    dunning.Switch
		rule  string // "" = nothing is kept back
	}{
		{"everything", dunning.Switch{Scope: dunning.SwitchGlobal}, "switch:global"},
		{"its creditor", dunning.Switch{Scope: dunning.SwitchCreditor, Subject: "acme"}, "switch:creditor"},
		{"its channel", dunning.Switch{Scope: dunning.SwitchChannel, Subject: "email"}, "switch:channel"},
		{"its template", dunning.Switch{Scope: dunning.SwitchTemplate, Subject: "remind"}, "switch:template"},
		{"its sequence", dunning.Switch{Scope: dunning.SwitchSequence, Subject: "s"}, "switch:sequence"},
		{"another creditor", dunning.Switch{Scope: dunning.SwitchCreditor, Subject: "other"}, ""},
		{"another channel", dunning.Switch{Scope: dunning.SwitchChannel, Subject: "letter"}, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld().begin()
			w.store.SetSwitches(c.on)
			w.live(day(4)) // the first step matures on the third day
			if kept := len(w.provider.order) == 0; kept != (c.rule != "") {
				t.Fatalf("%d messages left", len(w.provider.order))
			}
			if c.rule == "" {
				return
			}
			if !slices.Contains(w.rules(), c.rule) {
				t.Errorf("rules %v, want %s", w.rules(), c.rule)
			}
			if open := contactsOf(w.store.Facts("deb"), w.ref.Case, dunning.ContactReserved, dunning.ContactSending, dunning.ContactUnknown); len(open) > 0 {
				t.Errorf("%d contacts are open though nothing may leave", len(open))
			}
			w.store.SetSwitches()
			w.live(day(4).Add(7 * time.Hour))
			if len(w.provider.order) != 1 {
				t.Errorf("%d messages left after the switch was lifted, want the one that waited", len(w.provider.order))
			}
			w.mustKeep(t)
		})
	}
}

// TestASwitchEndsByItself: the case wakes at the end of a switch that has one.
func TestASwitchEndsByItself(t *testing.T) {
	w := newWorld().begin()
	w.store.SetSwitches(dunning.Switch{Scope: dunning.SwitchGlobal, Until: day(4)})
	w.live(day(4).Add(time.Minute))
	if len(w.provider.order) != 1 {
		t.Errorf("%d messages left, want the one that waited", len(w.provider.order))
	}
	d := w.store.Decisions(w.ref.Case)
	i := slices.IndexFunc(d, func(s dunning.StoredDecision) bool { return strings.HasPrefix(s.Decision.Rule, dunning.SwitchRule) })
	if i < 0 || !d[i].Decision.NotBefore.Equal(day(4)) || !d[i].Decision.Deferred {
		t.Errorf("no decision says until when: %v", w.rules())
	}
}

// TestASwitchBetweenDecisionAndFence: it is turned on after the message was reserved; it
// stops at the fence all the same, and nothing stays reserved.
func TestASwitchBetweenDecisionAndFence(t *testing.T) {
	w := newWorld().begin()
	w.onRender = func() { w.store.SetSwitches(dunning.Switch{Scope: dunning.SwitchGlobal}) }
	w.live(day(4))
	if len(w.provider.order) != 0 {
		t.Fatalf("%d messages left after the switch was on", len(w.provider.order))
	}
	if !slices.Contains(w.rules(), "switch:global") {
		t.Errorf("rules %v", w.rules())
	}
	if left := contactsOf(w.store.Facts("deb"), w.ref.Case, dunning.ContactReserved); len(left) > 0 {
		t.Errorf("a reservation stands though the switch is on: %v", left)
	}
	w.store.SetSwitches()
	w.live(day(4).Add(7 * time.Hour))
	if len(w.provider.order) != 1 {
		t.Errorf("%d messages left once it was lifted", len(w.provider.order))
	}
	w.mustKeep(t)
}

// TestWhatWasSentIsKept: a copy of every message that passed the fence, with the attempt
// and the instant that the provider was given, and of no other.
func TestWhatWasSentIsKept(t *testing.T) {
	w := newWorld().begin()
	w.live(day(40))
	kept := 0
	for _, c := range contactsOf(w.store.Facts("deb"), w.ref.Case, dunning.ContactAccepted, dunning.ContactCancelled) {
		m, ok := w.store.Sent(c.ID)
		if ok != (c.State == dunning.ContactAccepted) {
			t.Errorf("%s is %s, kept %v", c.ID, c.State, ok)
		}
		if !ok {
			continue
		}
		kept++
		if m.Attempt != AttemptID(c.ID) || !m.At.Equal(c.At) || m.Text != c.Template || m.To != c.Point {
			t.Errorf("%s: kept %+v", c.ID, m)
		}
	}
	if kept < 4 {
		t.Errorf("only %d messages were kept", kept)
	}
}
