package activities

import (
	"context"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
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

// TestWhatIsNewLeaves: a channel that keeps no records cannot say what left in a lapse. What was
// not known before all was put right did not leave in it, and does not wait for a person.
func TestWhatIsNewLeaves(t *testing.T) {
	for _, c := range []struct {
		about string
		facts []dunning.Body
		want  string
	}{
		{"a letter that a person asks for", []dunning.Body{dunning.MessageAsked{ID: "a", Channel: dunning.Letter, Template: "balance"}}, "letter balance"},
		{"a step that is begun again", []dunning.Body{dunning.RoundBegun{Items: []string{"i1"}, Step: "remind", Why: "goto"}}, "email remind"},
		{
			"an older debt that is known later",
			[]dunning.Body{
				dunning.Payment{ID: "p", Amount: usd("100.00")},
				dunning.Item{Key: "i0", Issued: dunning.DateOf(epoch), Due: dunning.DateOf(due), Amount: usd("50.00")},
			},
			"email remind",
		},
	} {
		for _, closed := range []bool{true, false} {
			w := newWorld().begin()
			w.live(day(4))
			left := w.provider.steps[c.want]
			w.provider.lookup = func(dunning.Message) dunning.Evidence { return dunning.Evidence{Found: dunning.EvidenceCannotKnow} }
			l := dunning.Lapse{Since: day(4).Add(-time.Minute), Until: day(4)}
			if closed {
				l.Closed = day(4).Add(time.Hour)
			}
			w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{l}}
			w.pass(day(4).Add(2 * time.Hour))
			for _, b := range c.facts {
				w.say(b)
			}
			w.wake()
			w.live(day(5).Add(-time.Hour))
			if got := w.provider.steps[c.want] - left; (got == 1) != closed || got > 1 {
				t.Errorf("%s, put right %v: it left %d times\n%+v", c.about, closed, got, w.contacts())
			}
		}
	}
}

// TestWhatCouldNotBeReadIsAskedAgainBeforeItLeaves: that a provider's records could not be read just
// now (it is away, or asked too often) is no leave to send what may have left in a lapse.
func TestWhatCouldNotBeReadIsAskedAgainBeforeItLeaves(t *testing.T) {
	w := newWorld().begin()
	w.turns(1)
	w.pass(w.next.WakeAt)
	w.provider.taken[AttemptID("acc/0/remind/email/1")]++ // by a person's deed that is forgotten
	w.provider.steps["email remind"]++
	w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: day(2), Until: day(2).Add(time.Hour)}}}
	w.provider.lookup = func(dunning.Message) dunning.Evidence {
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Again: true}
	}
	if err := w.call(workflows.Send); err == nil || len(w.contacts()) > 0 || len(w.provider.order) > 0 {
		t.Errorf("%v, contacts %+v, left %v", err, w.contacts(), w.provider.order)
	}
	w.provider.lookup = nil
	w.retried(workflows.Send)
	if all := w.contacts(); len(all) != 1 || all[0].State != dunning.ContactAccepted || w.provider.steps["email remind"] != 1 {
		t.Errorf("contacts %+v, left %v", all, w.provider.steps)
	}
}

// recordless is a channel that keeps no records.
type recordless struct{ *provider }

func (recordless) Lookup(context.Context, dunning.Message) dunning.Evidence {
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
}

// TestWhatAProviderRefusedIsNoNews: within the lapse a text was refused for good, and the email in
// its place left. Both are forgotten. After all was put right the text is refused once more: that
// this is learnt only then makes the email no newer, and it does not leave again.
func TestWhatAProviderRefusedIsNoNews(t *testing.T) {
	for _, why := range []dunning.Delivery{dunning.Landline, dunning.Stopped} {
		t.Run(string(why), func(t *testing.T) {
			w := newWorld().begin()
			w.provider.answer = func(m dunning.Message) (dunning.Outcome, bool) {
				if m.Channel == dunning.SMS {
					return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedRecipient, Code: "no", Why: why, Permanent: true}, false
				}
				return dunning.Outcome{State: dunning.SendAccepted, ProviderID: "p-" + m.Attempt[:8]}, true
			}
			w.acts.Channels[dunning.Email] = recordless{w.provider}
			w.live(day(4))
			kept, since := w.store.Backup(), w.now
			w.live(day(6))
			if w.provider.steps["email text"] != 1 {
				t.Fatalf("before the restore left %v", w.provider.steps)
			}
			w.store.Restore(kept)
			w.acts.Memory = &memory{world: w, lapses: []dunning.Lapse{{Since: since, Until: w.now, Closed: w.now.Add(time.Hour)}}}
			w.pass(w.now.Add(2 * time.Hour))
			w.next, w.have = dunning.Next{}, false
			w.live(day(6).Add(12 * time.Hour))
			if n := w.provider.steps["email text"]; n != 1 || len(w.contacts(dunning.ContactUnknown)) != 1 {
				t.Errorf("the email left %d times; contacts %+v", n, w.contacts())
			}
		})
	}
}
