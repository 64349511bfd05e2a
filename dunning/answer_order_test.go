package dunning

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning/answers"
)

// saidAt plays bodies at instants one after another, in the order in which they were committed.
func saidAt(t *testing.T, f Facts, at time.Time, bodies ...Body) Facts {
	t.Helper()
	for _, b := range bodies {
		g, err := f.Apply([]Fact{{At: at, Account: "a", Case: "k", Version: f.Version + 1, Body: b}})
		if err != nil {
			t.Fatal(err)
		}
		f = g
	}
	return f
}

// TestAnEarlierStartDoesNotLiftALaterStop: the inbox took START first and could only carry
// it out after the STOP that came behind it.
func TestAnEarlierStartDoesNotLiftALaterStop(t *testing.T) {
	f := saidAt(t, replied(t), noon.Add(time.Minute), OptedOut{ID: "stop", Channel: SMS, Refusal: RefusesKeyword, StopWord: true})
	facts, err := Handle(f, reply("START"), "debtor", noon.Add(time.Hour)) // received at noon
	if err != nil || kinds(facts) != "contact_logged:received" {
		t.Fatalf("%s, %v", kinds(facts), err)
	}
	f = saidAt(t, f, noon, OptedIn{Channel: SMS}) // as older releases would have written it
	if !f.OptOuts[0].Withdrawn.IsZero() {
		t.Error("what was said before the refusal took it back")
	}
	now := reply("START")
	now.Received = noon.Add(2 * time.Minute)
	if facts, err := Handle(f, now, "debtor", noon.Add(time.Hour)); err != nil || kinds(facts) != "contact_logged:received, opted_in" {
		t.Errorf("a START after the STOP: %s, %v", kinds(facts), err)
	}
}

// TestPartOfARefusalIsNotTheWhole: who refused something less and then unsubscribes, or
// stops us at the provider, has refused the channel.
func TestPartOfARefusalIsNotTheWhole(t *testing.T) {
	for _, c := range []struct {
		about string
		had   Body
		want  string
	}{
		{"nothing yet", NoteWritten{}, "opted_out:email"},
		{"of a topic", OptedOut{ID: "o", Channel: Email, Topic: "collect"}, "opted_out:email"},
		{"of one debt", OptedOut{ID: "o", Channel: Email, Debts: []string{"b"}}, "opted_out:email"},
		{"of advertising", OptedOut{ID: "o", Channel: Email, Refusal: RefusesMarketing}, "opted_out:email"},
		{"by somebody else", OptedOut{ID: "o", Channel: Email, Told: Told{Person: "p"}}, "opted_out:email"},
		{"of the channel", OptedOut{ID: "o", Channel: Email}, ""},
		{"of everything electronic", OptedOut{ID: "o"}, ""},
		{"of everything", OptedOut{ID: "o", Everything: true}, ""},
	} {
		facts, err := Handle(replied(t, c.had), ReportDelivery{ID: "r", Point: "e", Report: Unsubscribed}, "debtor", noon)
		if err != nil || kinds(facts) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.about, kinds(facts), err, c.want)
		}
	}
}

// TestAStatusOfOneDebtIsNotThatOfAnother: a lawyer, or a cease, in one matter does not
// make the same words about this account a repetition.
func TestAStatusOfOneDebtIsNotThatOfAnother(t *testing.T) {
	for _, c := range []struct {
		about, text string
		had         Body
		want        string
	}{
		{"a lawyer in another matter", "talk to my lawyer", StatusKnown{ID: "s", Status: StatusAttorney, Stage: "open", Debts: []string{"b"}}, "contact_logged:received, status_known:attorney, hold_placed:represented, task_opened:represented"},
		{"a lawyer whose time is over", "talk to my lawyer", StatusKnown{ID: "s", Status: StatusAttorney, Stage: "open", Until: noon.Add(-time.Minute)}, "contact_logged:received, status_known:attorney, hold_placed:represented, task_opened:represented"},
		{"a lawyer in this one", "talk to my lawyer", StatusKnown{ID: "s", Status: StatusAttorney, Stage: "open", Debts: []string{"a"}}, "contact_logged:received, task_opened:represented"},
		{"a refusal to pay another debt", "I refuse to pay", NoticeReceived{ID: "n", Notice: NoticeRefuses, Debts: []string{"b"}}, "contact_logged:received, notice_received:refuses_to_pay, task_opened:refusal"},
		{"a refusal to pay this one", "I refuse to pay", NoticeReceived{ID: "n", Notice: NoticeRefuses}, "contact_logged:received, task_opened:refusal"},
	} {
		facts, err := Handle(replied(t, c.had), reply(c.text), "debtor", noon)
		if err != nil || kinds(facts) != c.want {
			t.Errorf("%s: %s, %v", c.about, kinds(facts), err)
		}
	}
}

// TestARefusalSaidTwiceIsConfirmedOnce: the second STOP is answered by nothing, a STOP
// after a START is a refusal of its own.
func TestARefusalSaidTwiceIsConfirmedOnce(t *testing.T) {
	stop := func(f Facts, id string, at time.Time) Facts {
		return saidAt(t, f, at,
			ContactLogged{ID: id, Direction: "inbound", Channel: SMS, Outcome: "received", Point: "n", Answer: purposeConfirm},
			OptedOut{ID: id + "/opt_out", Channel: SMS, Refusal: RefusesKeyword, StopWord: true})
	}
	answered := func(f Facts, reply string) bool {
		return f.alreadyAnswered(f.contact(reply), CourtesyConfirm)
	}
	f := stop(replied(t), "in/1", noon)
	if answered(f, "in/1") {
		t.Fatal("the first was not answered yet")
	}
	f = saidAt(t, f, noon.Add(time.Second),
		ContactPlanned{ID: "m", Step: CourtesyConfirm, Channel: SMS, Point: "n", Purpose: purposeConfirm}, ContactMoved{ID: "m", State: ContactAccepted})
	f = stop(f, "in/2", noon.Add(time.Minute))
	if !answered(f, "in/1") || !answered(f, "in/2") {
		t.Error("a second confirmation of one refusal")
	}
	f = saidAt(t, f, noon.Add(2*time.Minute), OptedIn{Channel: SMS})
	if f = stop(f, "in/3", noon.Add(3*time.Minute)); answered(f, "in/3") {
		t.Error("a refusal after a START was not confirmed yet")
	}
}

// TestWhatDoesNotFitLosesNoRefusal: a reading whose other half no command takes is a
// person's business, and the refusal in it stands all the same.
func TestWhatDoesNotFitLosesNoRefusal(t *testing.T) {
	c := reply("STOP")
	c.Reading.Findings = append(c.Reading.Findings, answers.Finding{Intent: answers.Inconvenient, Confidence: 95, Scope: "time", From: "25:00", To: "26:00"})
	facts, err := Handle(replied(t), c, "debtor", noon)
	if want := "contact_logged:received→opt_out_confirmation, opted_out:sms, task_opened:opt_out"; err != nil || kinds(facts) != want {
		t.Errorf("%s, %v; want %s", kinds(facts), err, want)
	}
}
