package dunning

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// reachable is base with an address.
func reachable(t testing.TB, more ...Body) Facts {
	f := base(t, append([]Body{DebtorKnown{DebtorKind: "consumer"}, PointKnown{ID: "m", Channel: Email}}, more...)...)
	f.Creditor.Role = "first_party"
	return f
}

var asks = SendMessage{ID: "ask", Channel: Email, Template: "reminder"}

func TestSendMessageIsRefusedWithAReason(t *testing.T) {
	for _, c := range []struct {
		about string
		state []Body
		cmd   SendMessage
		want  error
		says  string
	}{
		{"without an id", nil, SendMessage{Channel: Email, Template: "r"}, ErrInvalid, "id"},
		{"without a template", nil, SendMessage{ID: "i", Channel: Email}, ErrInvalid, "template"},
		{"a call cannot be sent", nil, SendMessage{ID: "i", Channel: Call, Template: "r"}, ErrInvalid, "channel"},
		{"nobody is written to who has no such address", nil, SendMessage{ID: "i", Channel: SMS, Template: "r"}, ErrConflict, "unusable_point"},
		{"nor who opted out", []Body{OptedOut{ID: "o", Channel: Email}, HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true}}, asks, ErrConflict, "hold:manual"},
		{"a paid account owes nothing to write about", []Body{Payment{ID: "p", Amount: eur("100")}}, asks, ErrConflict, "nothing is overdue"},
		{"what is disputed is not asked for", []Body{DisputeRaised{ID: "d", Item: "A"}}, asks, ErrConflict, "nothing is overdue"},
		{"a closed case is over", []Body{CaseClosed{Reason: "recalled"}}, asks, ErrConflict, "closed"},
	} {
		t.Run(c.about, func(t *testing.T) {
			facts, err := Handle(reachable(t, c.state...), c.cmd, "user:u", noon)
			if !errors.Is(err, c.want) || len(facts) > 0 || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v and %d facts; want %v saying %q", err, len(facts), c.want, c.says)
			}
		})
	}
}

// ordered is a case for which a message was ordered at noon, while a collector has it.
func ordered(t *testing.T, more ...Body) Facts {
	t.Helper()
	f := reachable(t, append([]Body{LeaseTaken{ID: "l", Owner: "u", Until: noon.AddDate(0, 0, 5)}}, more...)...)
	facts, err := Handle(f, asks, "user:u", noon)
	if err != nil || len(facts) != 1 {
		t.Fatalf("%d facts, %v", len(facts), err)
	}
	if g, err := f.Apply(facts); err == nil {
		return g
	}
	t.Fatal(err)
	return f
}

// play adds what became of the contact of a decision.
func play(t *testing.T, f Facts, at time.Time, bodies ...Body) Facts {
	t.Helper()
	var facts []Fact
	for _, b := range bodies {
		facts = append(facts, Fact{At: at, Account: "a", Case: "k", Body: b})
	}
	g, err := f.Apply(facts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAnOrderedMessageLeavesOnce(t *testing.T) {
	f := ordered(t)
	d := Decide(f, noon)
	if d.Verb != VerbSend || d.Step != StepAsked || !d.Due() || d.Contact == nil || d.Contact.Template != "reminder" || d.Contact.Automatic {
		t.Fatalf("the order leads to %+v; want the message, by a person, at once, although a collector has the case", d)
	}
	if len(d.Items) != 1 || d.Items[0].Step != "" || d.Total != eur("100.00") {
		t.Errorf("it lists %+v for %s; want the overdue item, counting for no step", d.Items, d.Total)
	}
	if again, err := Handle(f, asks, "user:u", noon); err != nil || again != nil {
		t.Errorf("the same order again: %v, %v; want nothing", again, err)
	}
	for state, leaves := range map[ContactState]bool{
		ContactAccepted: false, ContactUnknown: false, ContactSending: false, ContactReserved: false, ContactBounced: false,
		ContactCancelled: true, ContactFailed: true,
	} {
		g := play(t, f, noon, *d.Contact, ContactMoved{ID: d.Contact.ID, State: state, RetryAt: noon.Add(time.Minute)})
		next := Decide(g, noon.Add(2*time.Minute))
		if again := next.Step == StepAsked && next.Due(); again != leaves {
			t.Errorf("after %s: leaves again is %v, want %v", state, again, leaves)
		}
		if leaves && next.Contact.ID == d.Contact.ID {
			t.Errorf("after %s the second try has the id of the first", state)
		}
	}
}

func TestAnOrderedMessageIsTriedSeldomAndNotForEver(t *testing.T) {
	f, at := ordered(t), noon
	for range askedTries {
		d := Decide(f, at)
		if d.Step != StepAsked || !d.Due() {
			t.Fatalf("at %s: %+v", at, d)
		}
		f = play(t, f, at, *d.Contact, ContactMoved{ID: d.Contact.ID, State: ContactFailed, RetryAt: at.Add(time.Minute)})
		if len(f.Contacts) == askedTries {
			break
		}
		if early := Decide(f, at); early.Due() || early.Step != StepAsked || !early.WakeAt.Equal(at.Add(time.Minute)) {
			t.Fatalf("before the provider's wish is over: %+v", early)
		}
		at = at.Add(time.Minute)
	}
	if d := Decide(f, at.Add(time.Hour)); d.Step == StepAsked {
		t.Errorf("a fourth try: %+v", d)
	}
	if d := Decide(ordered(t), noon.Add(askedFor)); d.Step == StepAsked {
		t.Errorf("a day later it still leaves: %+v", d)
	}
}

func TestAnOrderedMessageWaitsForAShortHold(t *testing.T) {
	end := noon.Add(2 * time.Hour)
	f := ordered(t)
	held := play(t, f, noon, HoldPlaced{ID: "h", HoldKind: HoldComplaint, Scope: ScopeAccount, Until: end, Contact: true})
	if d := Decide(held, noon); d.Step != StepAsked || d.Due() || !d.WakeAt.Equal(end) || d.Rule != "hold:complaint" {
		t.Errorf("under the hold: %+v; want to wait for its end", d)
	}
	if d := Decide(held, end); d.Step != StepAsked || !d.Due() {
		t.Errorf("at its end: %+v; want the message", d)
	}
	open := play(t, f, noon, HoldPlaced{ID: "h", HoldKind: HoldComplaint, Scope: ScopeAccount, Contact: true})
	if d := Decide(open, noon); d.Step == StepAsked {
		t.Errorf("under an open hold: %+v; want the order to lapse", d)
	}
}

func TestAnOrderedMessageKeepsTheNextStepAway(t *testing.T) {
	f := ordered(t)
	f.Sequence.Spacing = 3
	d := Decide(f, noon)
	g := play(t, f, noon, *d.Contact, ContactMoved{ID: d.Contact.ID, State: ContactSending}, ContactMoved{ID: d.Contact.ID, State: ContactAccepted}, LeaseEnded{ID: "l", Outcome: "handed_back"})
	if next := Decide(g, noon.Add(time.Hour)); next.Due() || next.Step != "one" || next.Rule != "spacing" {
		t.Errorf("an hour later: %+v; want step one to keep its distance", next)
	}
}

func TestReachSaysWhichHoldKeepsContactBack(t *testing.T) {
	for _, c := range []struct {
		about string
		state []Body
		rule  string
		from  time.Time
	}{
		{"without a hold the policies decide", nil, "", time.Time{}},
		{"an open hold has no end", []Body{HoldPlaced{ID: "h", HoldKind: HoldHardship, Scope: ScopeAccount, Contact: true}}, "hold:hardship", time.Time{}},
		{"of two holds the one that ends last counts", []Body{
			HoldPlaced{ID: "h", HoldKind: HoldHardship, Scope: ScopeAccount, Contact: true, Until: noon.Add(time.Hour)},
			HoldPlaced{ID: "i", HoldKind: HoldComplaint, Scope: ScopeDebtor, Contact: true, Until: noon.Add(2 * time.Hour)},
		}, "hold:complaint", noon.Add(2 * time.Hour)},
		{"a hold on one invoice keeps nobody from speaking", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeItem, Item: "A", Contact: true}}, "", time.Time{}},
		{"nor does one that stops the clock alone", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Clock: true}}, "", time.Time{}},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := reachable(t, c.state...)
			v := f.Reach(noon, Ask{Channel: Email})
			if v.Allowed != (c.rule == "") || v.Rule != c.rule || !v.NotBefore.Equal(c.from) {
				t.Errorf("%+v; want rule %q from %s", v, c.rule, c.from)
			}
		})
	}
}
