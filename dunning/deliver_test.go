package dunning

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// mailed is a case whose first step went to a point and stands at a state.
func mailed(t testing.TB, state ContactState, more ...Body) Facts {
	lines := []ItemLine{{Key: "A", Step: "one", Amount: eur("100.00")}}
	bodies := []Body{
		PointKnown{ID: "p", Channel: Email},
		ContactPlanned{ID: "k/0/one/email/1", Step: "one", Channel: Email, Point: "p", Ordinal: 1, Items: lines, Automatic: true},
	}
	if state != ContactReserved {
		bodies = append(bodies, ContactMoved{ID: "k/0/one/email/1", State: ContactSending})
	}
	if state != ContactReserved && state != ContactSending {
		bodies = append(bodies, ContactMoved{ID: "k/0/one/email/1", State: state})
	}
	return base(t, append(bodies, more...)...)
}

// said words facts for comparison: kind and what matters of it.
func said(facts []Fact) string {
	var out []string
	for _, x := range facts {
		switch b := x.Body.(type) {
		case ContactMoved:
			out = append(out, fmt.Sprintf("%s/%s", b.State, b.Code))
		case PointDead:
			out = append(out, "dead/"+b.Reason)
		case OptedOut:
			out = append(out, fmt.Sprintf("opted_out/%s%s", b.Channel, b.Point))
		case TaskOpened:
			out = append(out, "task/"+string(b.Task))
		default:
			out = append(out, string(b.Kind()))
		}
	}
	return strings.Join(out, " ")
}

func TestDeliveryReports(t *testing.T) {
	const id = "k/0/one/email/1"
	for _, c := range []struct {
		about  string
		state  ContactState
		report Delivery
		want   string
	}{
		{"that the provider has it is known already", ContactAccepted, Taken, ""},
		{"that the provider has it resolves what was unknown", ContactUnknown, Taken, "accepted/taken"},
		{"what arrived is noted", ContactAccepted, Delivered, "accepted/delivered"},
		{"a report proves that a hand-over in flight was taken", ContactSending, Delivered, "accepted/delivered"},
		{"a report resolves what was unknown", ContactUnknown, Delivered, "accepted/delivered"},
		{"the provider took what we had called failed", ContactFailed, Delivered, "accepted/delivered"},
		{"the provider took what we had called off", ContactCancelled, Delivered, "accepted/delivered"},
		{"a reservation cannot have been delivered", ContactReserved, Delivered, ""},
		{"a soft bounce changes nothing yet", ContactAccepted, SoftBounced, "accepted/soft_bounce"},
		{"a hard bounce kills the address", ContactAccepted, HardBounced, "bounced/bounced dead/bounced"},
		{"a bounce of what was unknown proves it left, and where it did not arrive", ContactUnknown, HardBounced, "bounced/bounced dead/bounced"},
		{"an invalid number kills the point", ContactAccepted, Invalid, "bounced/invalid dead/invalid"},
		{"a landline kills the point", ContactAccepted, Landline, "bounced/landline dead/landline"},
		{"a block list kills the point", ContactAccepted, Blocked, "bounced/blocked dead/blocked"},
		{"returned mail kills the address", ContactAccepted, ReturnedMail, "bounced/returned_mail dead/returned_mail"},
		{"a complaint refuses the channel, and the message counts", ContactAccepted, SpamReported, "accepted/spam_report dead/spam_report opted_out/email"},
		{"an unsubscription refuses the channel and leaves the address", ContactAccepted, Unsubscribed, "accepted/unsubscribed opted_out/email"},
		{"a STOP that only the provider knew", ContactAccepted, Stopped, "bounced/opted_out opted_out/email"},
		{"a filtered message is a person's matter", ContactAccepted, Filtered, "accepted/filtered task/supervisor"},
		{"a bounce after a bounce says nothing new of the message", ContactBounced, HardBounced, "dead/bounced"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := mailed(t, c.state)
			if c.state == ContactBounced {
				f = mailed(t, ContactAccepted, ContactMoved{ID: id, State: ContactBounced, Permanent: true})
			}
			facts, err := Handle(f, ReportDelivery{Contact: id, Report: c.report}, "provider", noon)
			if err != nil || said(facts) != c.want {
				t.Errorf("%q, %v; want %q", said(facts), err, c.want)
			}
			g, err := f.Apply(facts)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Handle(g, ReportDelivery{Contact: id, Report: c.report}, "provider", noon)
			if err != nil {
				t.Fatal(err)
			}
			h, err := g.Apply(again)
			if err != nil || len(h.OptOuts) != len(g.OptOuts) || h.Contacts[0].State != g.Contacts[0].State || len(h.Tasks) != len(g.Tasks) {
				t.Errorf("the same report again changed something: %v, %q", err, said(again))
			}
		})
	}
}

func TestReportsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		about string
		cmd   ReportDelivery
		want  error
	}{
		{"a word that is no report", ReportDelivery{Contact: "k/0/one/email/1", Report: "opened"}, ErrInvalid},
		{"a contact that is not there", ReportDelivery{Contact: "k/9", Report: Delivered}, ErrUnknown},
		{"nothing at all", ReportDelivery{Report: Delivered}, ErrUnknown},
		{"a point that is not there", ReportDelivery{Point: "q", Report: Invalid}, ErrUnknown},
	} {
		t.Run(c.about, func(t *testing.T) {
			facts, err := Handle(mailed(t, ContactAccepted), c.cmd, "provider", noon)
			if !errors.Is(err, c.want) || len(facts) > 0 {
				t.Errorf("%d facts, %v; want %v", len(facts), err, c.want)
			}
		})
	}
}

func TestAReportAboutAPointAlone(t *testing.T) {
	facts, err := Handle(mailed(t, ContactAccepted), ReportDelivery{Point: "p", Report: SpamReported}, "provider", noon)
	if err != nil || said(facts) != "dead/spam_report opted_out/email" {
		t.Errorf("%q, %v", said(facts), err)
	}
}

// TestSoftBouncesAreCounted: the third different message within 30 days that does not
// arrive makes the address unusable, unless something arrived in between.
func TestSoftBouncesAreCounted(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	type event struct {
		contact int
		report  Delivery
		day     int
	}
	for _, c := range []struct {
		about  string
		events []event
		dead   string
	}{
		{"two are bad luck", []event{{1, SoftBounced, 1}, {2, SoftBounced, 5}}, ""},
		{"three are a dead mailbox", []event{{1, SoftBounced, 1}, {2, SoftBounced, 5}, {3, SoftBounced, 9}}, "soft_bounces"},
		{"the same message three times is one", []event{{1, SoftBounced, 1}, {1, SoftBounced, 2}, {1, SoftBounced, 3}}, ""},
		{"a delivery in between begins anew", []event{{1, SoftBounced, 1}, {2, SoftBounced, 5}, {3, Delivered, 6}, {4, SoftBounced, 9}}, ""},
		{"old ones do not count", []event{{1, SoftBounced, 1}, {2, SoftBounced, 5}, {3, SoftBounced, 32}}, ""},
		{"just within the days", []event{{1, SoftBounced, 1}, {2, SoftBounced, 5}, {3, SoftBounced, 30}}, "soft_bounces"},
	} {
		t.Run(c.about, func(t *testing.T) {
			bodies := []Body{PointKnown{ID: "p", Channel: Email}}
			for n := 1; n <= 4; n++ {
				id := fmt.Sprint("k/", n)
				bodies = append(bodies, ContactPlanned{ID: id, Step: "one", Channel: Email, Point: "p", Ordinal: n}, ContactMoved{ID: id, State: ContactSending}, ContactMoved{ID: id, State: ContactAccepted})
			}
			f := base(t, bodies...)
			for i, e := range c.events {
				facts, err := Handle(f, ReportDelivery{ID: fmt.Sprint("ev", i), Contact: fmt.Sprint("k/", e.contact), Report: e.report}, "provider", day(e.day))
				if err != nil {
					t.Fatal(err)
				}
				if f, err = f.Apply(facts); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.Points[0].Dead; got != c.dead {
				t.Errorf("the point is dead for %q, want %q", got, c.dead)
			}
		})
	}
}

// TestRefusedRecipients: what a provider says while it refuses the hand-over decides
// like a later report.
func TestRefusedRecipients(t *testing.T) {
	for why, want := range map[Delivery]string{
		"": "failed/x dead/invalid", Invalid: "failed/x dead/invalid", Landline: "failed/x dead/landline",
		Blocked: "failed/x dead/blocked", Stopped: "failed/x opted_out/email",
	} {
		f := mailed(t, ContactSending)
		facts := f.Concluded("k/0/one/email/1", Outcome{State: SendFailed, Class: FailedRecipient, Code: "x", Permanent: true, Why: why}, noon)
		if said(facts) != want {
			t.Errorf("%q: %q, want %q", why, said(facts), want)
		}
	}
}

// TestTheNextChannelTakesOver: after a hard bounce the step's else is next, and where no
// channel is left a person is asked: never silence.
func TestTheNextChannelTakesOver(t *testing.T) {
	step := 3
	seq := &Sequence{ID: "s", Steps: []Step{{ID: "one", At: &step, Verb: VerbSend, Send: []Channeled{
		{Channel: Email, Template: "t", Else: []Channeled{{Channel: SMS, Template: "t"}, {Channel: Letter, Template: "t"}}},
	}}}}
	s := Setup{Creditor: Creditor{ID: "c", Role: "first_party", Queues: Queues{Operations: "ops"}}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: seq}
	at := noon
	history := []Fact{
		{At: at.AddDate(0, 0, -9), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: at.AddDate(0, 0, -4), Account: "a", Case: "k", Body: CaseOpened{Sequence: "s"}},
	}
	history = append(history, Fact{At: at, Body: DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}, Country: "DE"}})
	s.Zone = func(string) *time.Location { return time.UTC }
	for _, ch := range []Channel{Email, SMS, Letter} {
		history = append(history, Fact{At: at, Body: PointKnown{ID: string(ch), Channel: ch}})
	}
	f, err := Fold(s, history)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		channel Channel
		report  Delivery
	}{{Email, HardBounced}, {SMS, Landline}, {Letter, ReturnedMail}} {
		d := Decide(f, at)
		if d.Verb != VerbSend || d.Channel() != c.channel {
			t.Fatalf("want %s, got %s by %s (%s)", c.channel, d.Verb, d.Channel(), d.Reason)
		}
		id := d.Contact.ID
		for _, b := range []Body{*d.Contact, ContactMoved{ID: id, State: ContactSending}, ContactMoved{ID: id, State: ContactAccepted}} {
			if f, err = f.Apply([]Fact{{At: at, Account: "a", Case: "k", Body: b}}); err != nil {
				t.Fatal(err)
			}
		}
		at = at.Add(time.Hour)
		facts, err := Handle(f, ReportDelivery{Contact: id, Report: c.report}, "provider", at)
		if err != nil {
			t.Fatal(err)
		}
		if f, err = f.Apply(facts); err != nil {
			t.Fatal(err)
		}
	}
	if d := Decide(f, at); d.Verb != VerbTask || d.Reason != "no_channel" || len(d.Effects) != 1 {
		t.Errorf("nothing reaches the debtor: want a task, got %s (%s)", d.Verb, d.Reason)
	}
}

// TestEvidenceEndsTheQuestion: a person was asked whether a message left; evidence that
// comes later answers in the person's place, once.
func TestEvidenceEndsTheQuestion(t *testing.T) {
	const id = "k/0/one/email/1"
	asked := TaskOpened{ID: id + "/unknown", Task: TaskUnknown, Contact: id}
	for _, c := range []struct {
		about string
		make  func(Facts) []Fact
		want  string
	}{
		{"a report", func(f Facts) []Fact {
			out, err := Handle(f, ReportDelivery{Contact: id, Report: Taken}, "system", noon)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}, "accepted/taken sent"},
		{"a look-up that finds it", func(f Facts) []Fact { return f.Proven(id, Evidence{Found: EvidenceAccepted, Code: "x"}, noon) }, "accepted/x sent"},
		{"a look-up that proves that it never left", func(f Facts) []Fact { return f.Proven(id, Evidence{Found: EvidenceNotAccepted, Code: "y"}, noon) }, "failed/y not_sent"},
		{"a look-up that cannot know", func(f Facts) []Fact { return f.Proven(id, Evidence{Found: EvidenceCannotKnow}, noon) }, ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := mailed(t, ContactUnknown, asked)
			facts := c.make(f)
			if got := saidOf(facts); got != c.want {
				t.Fatalf("facts %q, want %q", got, c.want)
			}
			g, err := f.Apply(facts)
			if err != nil {
				t.Fatal(err)
			}
			if again := c.make(g); c.want != "" && strings.Contains(saidOf(again), "sent") {
				t.Errorf("said again: %q", saidOf(again))
			}
		})
	}
}

// saidOf is said with the outcomes of tasks.
func saidOf(facts []Fact) string {
	var out []string
	for _, x := range facts {
		if e, ok := x.Body.(TaskEnded); ok {
			out = append(out, e.Outcome)
		} else {
			out = append(out, said([]Fact{x}))
		}
	}
	return strings.Join(out, " ")
}
