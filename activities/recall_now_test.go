package activities

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// TestWhatIsAnothersIsNoDoubt: what looks like the message that is about to leave and is recorded
// as another contact's says nothing about it: instalments are reminded of in the same words each
// month, and two accounts of a debtor in the same words.
func TestWhatIsAnothersIsNoDoubt(t *testing.T) {
	w := newWorld().begin()
	w.live(day(4)) // the reminder has left, and is known
	known := w.contacts(dunning.ContactAccepted)
	if len(known) != 1 {
		t.Fatalf("known %+v", known)
	}
	w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: day(4).Add(-time.Hour), Until: day(4)}}}
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: "p-" + AttemptID(known[0].ID)[:8]}
	}
	w.live(day(6))
	if all := w.contacts(); len(all) != 2 || all[1].State != dunning.ContactAccepted || w.provider.steps["sms text"] != 1 {
		t.Errorf("contacts %+v, left %v", all, w.provider.steps)
	}
}
