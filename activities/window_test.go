package activities

import (
	"context"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/workflows"
)

// ruled is a world with contact rules of its own.
type ruled struct {
	*world
	rules contact.Set
}

func (r ruled) Frame(ctx context.Context, ref dunning.CaseRef) (Frame, error) {
	f, err := r.world.Frame(ctx, ref)
	f.Setup.Policies = r.rules
	return f, err
}

// ticking is a world in which writing a message takes a moment.
type ticking struct{ *world }

func (k ticking) Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	k.pass(k.now.Add(time.Millisecond))
	return k.world.Render(ctx, ref, c)
}

// TestTheFenceAsksWhatTheDecisionAsked: between a decision and its fence a moment passes, and the
// policies are asked once more: about the same contact, not about another that they would refuse.
func TestTheFenceAsksWhatTheDecisionAsked(t *testing.T) {
	for _, c := range []struct {
		about string
		rule  contact.RuleSpec
		facts []dunning.Body // of the debtor
		said  dunning.Body   // of the account
		want  string
	}{
		{
			"a text that a person orders is not sent by a machine",
			contact.RuleSpec{ID: "R", Citation: "test", Channels: []string{"sms"}, AutomatedOnly: true, Consent: &contact.ConsentSpec{Kinds: []string{"tcpa"}}},
			nil,
			dunning.MessageAsked{ID: "a", Channel: dunning.SMS, Template: "balance"},
			"sms balance",
		},
		{
			"an answer goes to the number that asked, not to the one that is somebody else's by now",
			contact.RuleSpec{ID: "R", Citation: "test", Channels: []string{"sms"}, Number: &contact.NumberSpec{Reassigned: true}},
			[]dunning.Body{
				dunning.PointKnown{ID: "m2", Channel: dunning.SMS, Rank: 1},
				dunning.NumberChecked{ID: "n", Point: "m", Database: "test", Answer: "reassigned"},
			},
			dunning.ContactLogged{
				ID: "r", Direction: "inbound", Channel: dunning.SMS, Outcome: "received", Point: "m2", Answer: "auto_reply_to_consumer",
			},
			"sms help",
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			rules, faults := contact.Compile(contact.PackSpec{
				Pack: "test", Title: "Test", Version: "1", Kind: "house", Jurisdiction: "*", Rules: []contact.RuleSpec{c.rule},
			})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			w := newWorld().begin()
			w.acts.Frames, w.acts.Renderer = ruled{w, contact.Set{rules}}, ticking{w}
			w.live(day(4))
			for _, b := range c.facts {
				w.add(dunning.Fact{At: w.now, Body: b})
			}
			w.say(c.said)
			w.wake()
			if w.next.Verb != dunning.VerbSend || w.next.WakeAt.After(w.now) {
				t.Fatalf("next is %+v; want the message, now", w.next)
			}
			decided := len(w.decisions())
			if err := w.call(workflows.Send); err != nil || w.provider.steps[c.want] != 1 {
				t.Errorf("left %v, %v; want %q\n%s", w.provider.steps, err, c.want, text(w.events()))
			}
			if n := len(w.decisions()) - decided; n > 2 {
				t.Errorf("%d decisions for one message", n)
			}
		})
	}
}
