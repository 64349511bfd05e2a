package dunning

import (
	"testing"
	"time"
)

// posted is a case whose step went to the outbox as a letter.
func inOutbox(t *testing.T, more ...Fact) Facts {
	t.Helper()
	step := 3
	seq := &Sequence{ID: "s", Steps: []Step{{ID: "one", At: &step, Verb: VerbSend, Send: []Channeled{{Channel: Letter, Template: "t"}}}}}
	s := Setup{Creditor: Creditor{ID: "c", Role: "first_party"}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: seq, Zone: func(string) *time.Location { return time.UTC }}
	before := noon.Add(-time.Hour)
	history := []Fact{
		{At: noon.AddDate(0, 0, -9), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: noon.AddDate(0, 0, -4), Account: "a", Case: "k", Body: CaseOpened{Sequence: "s"}},
		{At: before, Body: DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}, Country: "DE"}},
		{At: before, Body: PointKnown{ID: "p", Channel: Letter}},
		{At: before, Account: "a", Case: "k", Body: ContactPlanned{
			ID: "k/0/one/letter/1", Step: "one", Channel: Letter, Point: "p", Ordinal: 1, Automatic: true, Purpose: "collect",
			Items: []ItemLine{{Key: "A", Step: "one", Amount: eur("100.00")}},
		}},
		{At: before, Account: "a", Case: "k", Body: ContactMoved{ID: "k/0/one/letter/1", State: ContactSending}},
		{At: before, Account: "a", Case: "k", Body: ContactMoved{ID: "k/0/one/letter/1", State: ContactAccepted}},
	}
	f, err := Fold(s, append(history, more...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLettersAreDecidedAgain(t *testing.T) {
	const (
		id        = "k/0/one/letter/1"
		stillRead = "a person still reads what the debtor wrote: it waits"
	)
	of := func(b Body) Fact { return Fact{At: noon, Account: "a", Case: "k", Body: b} }
	for _, c := range []struct {
		about string
		fact  Fact
		id    string
		want  string
	}{
		{"nothing has happened", Fact{}, id, ""},
		{"it was paid", of(Payment{ID: "x", Amount: eur("100")}), id, "changed"},
		{"a part was paid: the letter says too much", of(Payment{ID: "x", Amount: eur("40")}), id, "changed"},
		{"the invoice was corrected", of(ItemCorrected{Item: "A", Amount: eur("90")}), id, "changed"},
		{"it was recalled", of(ItemsDisposed{Items: []string{"A"}, To: Recalled}), id, "changed"},
		{"the invoice is disputed", of(DisputeRaised{ID: "d", Item: "A"}), id, "held:item"},
		{"the account is disputed", of(DisputeRaised{ID: "d"}), id, "held:hold:dispute"},
		{"the debtor is bankrupt", of(HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true, Clock: true}), id, "held:hold:bankruptcy"},
		{"a promise was made", of(PromiseMade{ID: "p", Amount: eur("10"), Due: Date{2024, 3, 20}}), id, "held:promise"},
		{"a settlement was agreed", of(SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}, Accepted: true}), id, "held:settlement"},
		{"a settlement is offered and not agreed: nobody has promised anything", of(SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: Date{2024, 3, 20}}), id, ""},
		{stillRead, of(TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 2)}), id, "held:task"},
		{"what the debtor wrote keeps everything back for longer than a letter waits", of(TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 9)}), id, "held:task"},
		{"what the debtor wrote was not read in time", of(TaskOpened{ID: "r", Task: TaskReply, Until: noon}), id, ""},
		{"a collector has it", of(LeaseTaken{ID: "l", Owner: "o", Until: noon.AddDate(0, 0, 3)}), id, "held:lease"},
		{"the address is dead", of(PointDead{ID: "p", Reason: "returned_mail"}), id, "address_dead"},
		{"the case is closed", of(CaseClosed{Reason: "recalled"}), id, "case_closed"},
		{"it was called off already", of(ContactMoved{ID: id, State: ContactCancelled}), id, "not_waiting"},
		{"there is no such letter", Fact{}, "k/9", "not_waiting"},
	} {
		t.Run(c.about, func(t *testing.T) {
			var more []Fact
			if c.fact.Body != nil {
				more = append(more, c.fact)
			}
			f := inOutbox(t, more...)
			if got, later := f.LetterStands(c.id, noon.Add(time.Hour)); got != c.want || later != (c.about == stillRead) {
				t.Errorf("%q, later %v; want %q", got, later, c.want)
			}
		})
	}
}

// TestACalledOffLetterGivesItsStepBack: what did not leave is not done, and is decided
// anew; what was posted stays done, however often that is said.
func TestACalledOffLetterGivesItsStepBack(t *testing.T) {
	const id = "k/0/one/letter/1"
	at := noon.Add(time.Hour)
	f := inOutbox(t)
	done := func(f Facts) bool { return f.nextStep(f.item("A")) == 1 }
	if !done(f) {
		t.Fatal("an accepted letter does its step")
	}
	posted, err := f.Apply(f.LetterPosted(id, "b1", at))
	if err != nil || !done(posted) || posted.contact(id).State != ContactAccepted {
		t.Errorf("posted: %v", err)
	}
	if facts := posted.LetterCalledOff(id, "changed", at); len(facts) != 0 {
		t.Errorf("what was posted is called off: %+v", facts)
	}
	if reason, _ := posted.LetterStands(id, at); reason != letterGone {
		t.Errorf("what was posted waits: %q", reason)
	}
	off := f.LetterCalledOff(id, "changed", at)
	g, err := f.Apply(off)
	if err != nil || done(g) || g.contact(id).State != ContactCancelled {
		t.Errorf("called off: %v, %+v", err, g.contact(id))
	}
	if d := Decide(g, at); d.Verb != VerbSend || d.Contact == nil || d.Contact.Ordinal != 2 {
		t.Errorf("decided anew: %s %+v", d.Verb, d.Contact)
	}
	if len(g.LetterCalledOff(id, "changed", at)) != 0 || len(g.LetterPosted(id, "b1", at)) != 0 {
		t.Error("a letter that is off can be neither called off nor posted")
	}
}

// TestAnOrderedLetterIsNobodysAutomatic: while what the debtor wrote is not read, the letter
// that a person ordered may be the answer to it; and who has taken the case may write.
func TestAnOrderedLetterIsNobodysAutomatic(t *testing.T) {
	const id = "k/asked/letter/1"
	of := func(b Body) Fact { return Fact{At: noon, Account: "a", Case: "k", Body: b} }
	f := inOutbox(t,
		of(ContactPlanned{ID: id, Step: StepAsked, Round: 1, Channel: Letter, Point: "p", Purpose: "collect", Items: []ItemLine{{Key: "A", Amount: eur("100.00")}}}),
		of(ContactMoved{ID: id, State: ContactSending}), of(ContactMoved{ID: id, State: ContactAccepted}),
		of(TaskOpened{ID: "r", Task: TaskReply, Until: noon.AddDate(0, 0, 2)}),
		of(LeaseTaken{ID: "l", Owner: "o", Until: noon.AddDate(0, 0, 3)}))
	if got, later := f.LetterStands(id, noon.Add(time.Hour)); got != "" || later {
		t.Errorf("the ordered letter: %q, later %v", got, later)
	}
}
