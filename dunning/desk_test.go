package dunning

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatCollectorsMayDo: notes, callbacks, hand-overs and settlements, one command after
// what happened before; the error is its class, the last word of the want is what became of it.
func TestWhatCollectorsMayDo(t *testing.T) {
	in := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	note := NoteWritten{ID: "n", Text: "x", Mentions: []string{"u2"}}
	planned := CallbackSet{ID: "k", When: in(24), Owner: "u1"}
	mine := LeaseTaken{ID: "l", Owner: "u1", Until: in(48)}
	offer := SettlementOffered{ID: "s", Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: DateOf(in(240))}
	asked := offer
	asked.Approval = true
	asks := TaskOpened{ID: "case/task/settlement/s", Task: TaskSettlement, Items: []string{"A"}}
	for _, c := range []struct {
		why    string
		before []Body
		do     Command
		want   string // kinds of the facts, or the class of the error
	}{
		{"a note", nil, WriteNote{ID: "n", Text: "x"}, "note_written"},
		{"the same note again", []Body{note}, WriteNote{ID: "n", Text: "x"}, ""},
		{"a book is no note", nil, WriteNote{ID: "n", Text: strings.Repeat("x", MaxNote+1)}, "invalid"},
		{"a note for half the town", nil, WriteNote{ID: "n", Mentions: make([]string, 21)}, "invalid"},
		{"a note that mentions nobody by name", nil, WriteNote{ID: "n", Mentions: []string{""}}, "invalid"},
		{"a pin", []Body{note}, PinNote{"n"}, "note_pinned"},
		{"twice pinned is pinned", []Body{note, NotePinned{"n"}}, PinNote{"n"}, ""},
		{"pinning nothing", nil, PinNote{"n"}, "unknown"},
		{"taking a pin down", []Body{note, NotePinned{"n"}}, UnpinNote{"n"}, "note_unpinned"},
		{"that is not up", []Body{note}, UnpinNote{"n"}, ""},
		{"a mention is read", []Body{note}, DismissMention{"n", "u2"}, "mention_seen"},
		{"once", []Body{note, MentionSeen{"n", "u2"}}, DismissMention{"n", "u2"}, ""},
		{"by who is not mentioned", []Body{note}, DismissMention{"n", "u1"}, "unknown"},

		{"a callback tomorrow", nil, SetCallback{ID: "k", When: in(24)}, "callback_set"},
		{"again", []Body{planned}, SetCallback{ID: "k", When: in(24)}, ""},
		{"a second one", []Body{planned}, SetCallback{ID: "k2", When: in(25)}, "conflict"},
		{"in the past", nil, SetCallback{ID: "k", When: noon}, "invalid"},
		{"in two years", nil, SetCallback{ID: "k", When: noon.AddDate(2, 0, 0)}, "invalid"},
		{"under a hold that lasts longer", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true, Until: in(99)}}, SetCallback{ID: "k", When: in(24)}, "conflict"},
		{"after it", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true, Until: in(20)}}, SetCallback{ID: "k", When: in(24)}, "callback_set"},
		{"to nobody who has a telephone", []Body{PointDead{ID: "c", Reason: "invalid"}}, SetCallback{ID: "k", When: in(24)}, "conflict"},
		{"of a closed case", []Body{CaseClosed{Reason: "paid"}}, SetCallback{ID: "k", When: in(24)}, "conflict"},
		{"moved", []Body{planned}, MoveCallback{ID: "k", When: in(26)}, "callback_moved"},
		{"moved to where it is", []Body{planned}, MoveCallback{ID: "k", When: in(24)}, ""},
		{"moved after the call", []Body{planned, ContactLogged{ID: "c1", Direction: "outbound", Channel: Call, Outcome: "conversation"}}, MoveCallback{ID: "k", When: in(26)}, "unknown"},
		{"cancelled", []Body{planned}, CancelCallback{"k"}, "callback_ended"},
		{"twice", []Body{planned, CallbackEnded{"k", "cancelled"}}, CancelCallback{"k"}, ""},
		{"none", nil, CancelCallback{"k"}, "unknown"},

		{"handing over one's case", []Body{mine}, HandOver{ID: "m", Owner: "u2", Until: in(48), Words: "please"}, "lease_ended lease_taken"},
		{"handing over what nobody has", nil, HandOver{ID: "m", Owner: "team:late", Until: in(48), Words: "please"}, "lease_taken"},
		{"without a word", []Body{mine}, HandOver{ID: "m", Owner: "u2", Until: in(48), Words: " "}, "invalid"},
		{"to nobody", []Body{mine}, HandOver{ID: "m", Owner: "team:", Until: in(48), Words: "x"}, "invalid"},
		{"to who has it", []Body{mine}, HandOver{ID: "m", Owner: "u1", Until: in(48), Words: "x"}, "conflict"},
		{"until yesterday", []Body{mine}, HandOver{ID: "m", Owner: "u2", Until: noon, Words: "x"}, "invalid"},
		{"again", []Body{mine}, HandOver{ID: "l", Owner: "u1", Until: in(48), Words: "x"}, ""},
		{"taking what a team has", []Body{LeaseTaken{ID: "l", Owner: "team:late", Until: in(48)}}, TakeLease{ID: "m", Owner: "u2", Until: in(48)}, "lease_ended lease_taken"},

		{"a promise taken back", []Body{PromiseMade{ID: "p", Amount: eur("10"), Due: DateOf(in(99))}}, WithdrawPromise{"p"}, "promise_ended"},
		{"one that was kept", []Body{PromiseMade{ID: "p", Amount: eur("10"), Due: DateOf(in(99))}, PromiseEnded{"p", "kept"}}, WithdrawPromise{"p"}, "conflict"},
		{"none", nil, WithdrawPromise{"p"}, "unknown"},

		{"a settlement", nil, OfferSettlement{ID: "s", Amount: eur("60"), Due: DateOf(in(240))}, "settlement_offered"},
		{"one that needs approval", nil, OfferSettlement{ID: "s", Percent: 40, Due: DateOf(in(240)), Approval: true}, "settlement_offered task_opened"},
		{"again", []Body{offer}, OfferSettlement{ID: "s", Amount: eur("60"), Due: DateOf(in(240))}, ""},
		{"beside another", []Body{offer}, OfferSettlement{ID: "s2", Amount: eur("60"), Due: DateOf(in(240))}, "conflict"},
		{"for all", nil, OfferSettlement{ID: "s", Amount: eur("100"), Due: DateOf(in(240))}, "invalid"},
		{"for nothing", nil, OfferSettlement{ID: "s", Percent: 100, Due: DateOf(in(240))}, "invalid"},
		{"for an amount and a part", nil, OfferSettlement{ID: "s", Percent: 10, Amount: eur("60"), Due: DateOf(in(240))}, "invalid"},
		{"until yesterday", nil, OfferSettlement{ID: "s", Percent: 10, Due: DateOf(in(-30))}, "invalid"},
		{"in two years", nil, OfferSettlement{ID: "s", Percent: 10, Due: DateOf(noon.AddDate(2, 0, 0))}, "invalid"},
		{"during a plan", []Body{PlanAgreed{ID: "pl", Items: []string{"A"}, Instalments: []Instalment{{Due: DateOf(in(99)), Amount: eur("100")}}}}, OfferSettlement{ID: "s", Percent: 10, Due: DateOf(in(240))}, "conflict"},
		{"accepted", []Body{offer}, AcceptSettlement{"s"}, "settlement_answered"},
		{"which ends a promise", []Body{PromiseMade{ID: "p", Amount: eur("10"), Due: DateOf(in(99))}, offer}, AcceptSettlement{"s"}, "settlement_answered promise_ended"},
		{"before it is approved", []Body{asked, asks}, AcceptSettlement{"s"}, "conflict"},
		{"approved", []Body{asked, asks}, FinishTask{ID: asks.ID, Outcome: "approved"}, "task_ended settlement_answered"},
		{"rejected", []Body{asked, asks}, FinishTask{ID: asks.ID, Outcome: "rejected"}, "task_ended settlement_ended"},
		{"withdrawn while it waits for approval", []Body{asked, asks}, WithdrawSettlement{"s"}, "settlement_ended task_ended"},
		{"declined", []Body{offer}, DeclineSettlement{"s"}, "settlement_ended"},
		{"declined after it was withdrawn", []Body{offer, SettlementEnded{"s", "withdrawn"}}, DeclineSettlement{"s"}, "conflict"},
		{"a plan takes its place", []Body{offer}, AgreePlan{ID: "pl", Count: 2, First: DateOf(in(99))}, "plan_agreed items_disposed settlement_ended"},
	} {
		t.Run(c.why, func(t *testing.T) {
			f := desk(t, c.before...)
			facts, err := Handle(f, c.do, "user:u1", noon)
			got := ""
			for _, x := range facts {
				got = strings.TrimSpace(got + " " + string(x.Body.Kind()))
			}
			for class, is := range map[string]error{"unknown": ErrUnknown, "invalid": ErrInvalid, "conflict": ErrConflict} {
				if errors.Is(err, is) {
					got = class
				}
			}
			if got != c.want {
				t.Errorf("comes to %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

// desk is an account of 100.00 with a case and a telephone, after some facts.
func desk(t *testing.T, more ...Body) Facts {
	t.Helper()
	s := Setup{
		Account: "acc", Debtor: "d", Case: "case", Currency: "EUR", Creditor: Creditor{ID: "cr", Role: "first_party", Zone: "UTC", Queues: Queues{Supervisor: "sup"}},
		Sequence: &Sequence{ID: "s", Steps: []Step{{ID: "one", At: new(int), Verb: VerbSend, Send: []Channeled{{Channel: Email, Template: "t"}}}}}, Zone: func(n string) *time.Location { return zone(t, n) },
	}
	facts := []Fact{
		{At: noon.AddDate(0, 0, -20), Account: "acc", Body: Item{Key: "A", Due: DateOf(noon.AddDate(0, 0, -15)), Amount: eur("100")}},
		{At: noon.AddDate(0, 0, -20), Body: DebtorKnown{DebtorKind: "consumer"}},
		{At: noon.AddDate(0, 0, -20), Body: PointKnown{ID: "c", Channel: Call, PointKind: "mobile"}},
		{At: noon.AddDate(0, 0, -20), Account: "acc", Case: "case", Body: CaseOpened{Sequence: "s"}},
	}
	for _, b := range more {
		facts = append(facts, Fact{At: noon.Add(-time.Minute), Account: "acc", Case: "case", By: "user:u1", Body: b})
	}
	f, err := Fold(s, facts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestACloneKeepsItsNotes: facts that go on from others do not change these.
func TestACloneKeepsItsNotes(t *testing.T) {
	f := desk(t, NoteWritten{ID: "n", Mentions: []string{"a", "b", "c"}}, MentionSeen{"n", "a"}, offerOf("s"), CallbackSet{ID: "k", When: noon.Add(time.Hour)})
	say := func(b Body) []Fact { return []Fact{{At: noon, Account: "acc", Body: b}} }
	for _, b := range []Body{MentionSeen{"n", "b"}, MentionSeen{"n", "c"}, NotePinned{"n"}, SettlementEnded{"s", "withdrawn"}, CallbackMoved{"k", noon.Add(2 * time.Hour)}} {
		if _, err := f.Apply(say(b)); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.Notes[0]; !slices.Equal(n.Waits(), []string{"b", "c"}) || !n.Pinned.IsZero() {
		t.Errorf("the note is now %+v", n)
	}
	if f.Settlements[0].State() != "offered" || !f.Callbacks[0].When.Equal(noon.Add(time.Hour)) {
		t.Error("the settlement or the callback has changed")
	}
}

func offerOf(id string) SettlementOffered {
	return SettlementOffered{ID: id, Items: []string{"A"}, Amount: eur("60"), Owed: eur("100"), Due: DateOf(noon.AddDate(0, 0, 9))}
}

// TestWhatIsGivenUp: never more than was said, to the smallest unit, and a limit in percent
// is not passed by a hair.
func TestWhatIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		owed     string
		percent  int
		pays     string
		permille int
	}{
		{"100.00", 10, "90.00", 100},
		{"99.99", 10, "90.00", 100},
		{"0.05", 10, "0.05", 0},
		{"33.33", 33, "22.34", 330},
		{"1000000000.00", 99, "10000000.00", 990},
	} {
		f := desk(t)
		f.Items[0].Open = eur(c.owed).Minor()
		s := f.OfferOf(OfferSettlement{Percent: c.percent})
		if s.Amount.Decimal() != c.pays || s.GivenUpPermille() != c.permille {
			t.Errorf("%d %% of %s: pays %s (%d thousandths given up), want %s (%d)", c.percent, c.owed, s.Amount.Decimal(), s.GivenUpPermille(), c.pays, c.permille)
		}
	}
	if n := (SettlementOffered{Amount: eur("89.99"), Owed: eur("100.00")}).GivenUpPermille(); n != 101 {
		t.Errorf("a cent above a tenth is %d thousandths", n)
	}
}

// TestNotesAndCallbacksDecideNothing: they are for people; what Duly does next is the same.
func TestNotesAndCallbacksDecideNothing(t *testing.T) {
	plain := Decide(desk(t), noon)
	for _, b := range []Body{
		NoteWritten{ID: "n", Text: "x", Mentions: []string{"u"}}, NotePinned{"n"}, MentionSeen{"n", "u"}, CallbackSet{ID: "k", When: noon.Add(time.Hour)}, CallbackEnded{"k", "cancelled"},
	} {
		if d := Decide(desk(t, b), noon); d.Verb != plain.Verb || d.Step != plain.Step || !d.WakeAt.Equal(plain.WakeAt) || d.Waiting != plain.Waiting {
			t.Errorf("after %s: %s %s at %s, before: %s %s at %s", b.Kind(), d.Verb, d.Step, d.WakeAt, plain.Verb, plain.Step, plain.WakeAt)
		}
	}
}

// TestWhatKeepsASettlement: 60.00 of 100.00 until the end of the ninth day; what is written
// down on the tenth when nothing was judged in between, as after an outage.
func TestWhatKeepsASettlement(t *testing.T) {
	on := func(day int, b Body) Fact {
		return Fact{At: noon.AddDate(0, 0, day), Account: "acc", Case: "case", By: "import", Body: b}
	}
	pays := func(day int, amount string) Fact { return on(day, Payment{ID: "p" + amount, Amount: eur(amount)}) }
	offer := offerOf("s")
	offer.Accepted = true
	broken := on(10, SettlementEnded{"s", "broken"})
	half := offer
	half.Owed, half.Amount = eur("50"), eur("40")
	for _, c := range []struct {
		why   string
		offer SettlementOffered
		facts []Fact
		want  string
	}{
		{"the money came in time", offer, []Fact{pays(9, "60")}, "kept"},
		{"a day late is late, though nobody had said so yet", offer, []Fact{pays(10, "60")}, "broken"},
		{"a part in time and the rest late", offer, []Fact{pays(3, "59.99"), pays(10, "0.01")}, "broken"},
		{"the bank tells after the end what came in time", offer, []Fact{broken, pays(9, "60")}, "kept"},
		{"and what came late stays late", offer, []Fact{broken, pays(10, "60")}, ""},
		{"a new settlement took its place", offer, []Fact{broken, on(10, SettlementOffered{ID: "s2", Items: []string{"A"}, Amount: eur("80"), Owed: eur("100"), Due: DateOf(noon.AddDate(0, 0, 20))}), pays(9, "60")}, ""},
		{"a debt that was corrected upward is not given up beyond what was approved", offer, []Fact{on(2, ItemCorrected{Item: "A", Amount: eur("1000")}), pays(3, "60")}, "broken"},
		{"what was added is paid as well", offer, []Fact{on(2, ItemCorrected{Item: "A", Amount: eur("110")}), pays(3, "70")}, "kept"},
		{"a debt that was corrected downward", offer, []Fact{on(2, ItemCorrected{Item: "A", Amount: eur("90")}), pays(3, "60")}, "kept"},
		{"an older invoice that comes meanwhile does not take the money", offer, []Fact{on(1, Item{Key: "older", Due: DateOf(noon.AddDate(0, 0, -40)), Amount: eur("500")}), pays(3, "60")}, "kept"},
		{"nor does one that is with an agency", offer, []Fact{
			on(1, Item{Key: "older", Due: DateOf(noon.AddDate(0, 0, -40)), Amount: eur("500")}), on(1, ItemsDisposed{Items: []string{"older"}, To: Referred}), pays(3, "60"),
		}, "kept"},
		{"unless the payer names it", offer, []Fact{on(1, Item{Key: "older", Due: DateOf(noon.AddDate(0, 0, -40)), Amount: eur("500")}), on(3, Payment{ID: "p", Amount: eur("60"), Item: "older"})}, "broken"},
		{"an earlier payment that bounces meanwhile is owed beside it", half, []Fact{pays(-2, "50"), on(2, PaymentReversed{Payment: "p50"}), pays(3, "40")}, "broken"},
	} {
		t.Run(c.why, func(t *testing.T) {
			f := desk(t)
			facts := append([]Fact{on(0, c.offer)}, c.facts...)
			if c.facts[0].At.Before(facts[0].At) {
				facts = append([]Fact{c.facts[0], facts[0]}, c.facts[1:]...)
			}
			f, err := f.Apply(facts)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, x := range f.judgeSettlements(noon.AddDate(0, 0, 10)) {
				switch b := x.Body.(type) {
				case SettlementEnded:
					got += b.Outcome
				case ItemsDisposed:
					if got != "kept" || b.To != WrittenOff {
						t.Errorf("%+v after %q", b, got)
					}
				}
			}
			if got != c.want {
				t.Errorf("it ends as %q, want %q", got, c.want)
			}
		})
	}
}

// TestApprovedTooLate: a yes to a settlement whose last day is over brings nothing to life
// and takes nobody's promise away.
func TestApprovedTooLate(t *testing.T) {
	offer := offerOf("s")
	offer.Approval, offer.Accepted = true, true
	task := TaskOpened{ID: "case/task/settlement/s", Task: TaskSettlement, Items: []string{"A"}}
	f := desk(t, PromiseMade{ID: "p", Amount: eur("10"), Due: DateOf(noon.AddDate(0, 0, 99))}, offer, task)
	facts, err := Handle(f, FinishTask{ID: task.ID, Outcome: "approved"}, "user:u2", noon.AddDate(0, 0, 10))
	if err != nil || len(facts) != 2 || facts[1].Body != (SettlementEnded{"s", "expired"}) {
		t.Errorf("an approval on the tenth day comes to %+v (%v), want the task's end and expired", facts, err)
	}
}

// TestAnEarlierPaymentBouncesAfterwards: 40.00 for the 50.00 that were left of 100.00 were
// kept; the 50.00 paid before the offer bounce. Nobody gave those up.
func TestAnEarlierPaymentBouncesAfterwards(t *testing.T) {
	offer := offerOf("s")
	offer.Owed, offer.Amount, offer.Accepted = eur("50"), eur("40"), true
	for _, c := range []struct {
		why     string
		bounces string // paid before the offer
		open    int64
		state   string
	}{
		{"all of it is owed again", "50.00", 6000, "reversed"},
		{"without that it stands", "", 0, "kept"},
	} {
		f := desk(t)
		on := func(day int, b Body) Fact {
			return Fact{At: noon.AddDate(0, 0, day), Account: "acc", Case: "case", Body: b}
		}
		facts := []Fact{
			on(-2, Payment{ID: "p0", Amount: eur("50")}), on(0, offer), on(3, Payment{ID: "p1", Amount: eur("40")}), on(3, SettlementEnded{"s", "kept"}),
			on(3, ItemsDisposed{Items: []string{"A"}, To: WrittenOff, Reason: "settled"}),
		}
		if c.bounces != "" {
			facts = append(facts, on(5, PaymentReversed{Payment: "p0"}))
		}
		f, err := f.Apply(facts)
		if err != nil {
			t.Fatal(err)
		}
		var owed int64
		if f.owed(&f.Items[0]) {
			owed = f.Items[0].Open
		}
		if owed != c.open || f.Settlements[0].State() != c.state {
			t.Errorf("%s: %d owed, the settlement is %s", c.why, owed, f.Settlements[0].State())
		}
	}
}

// TestAnOldCallAnswersNoNewCallback: a conversation that is entered late was before the
// debtor asked to be called back; the one that was promised is still to come.
func TestAnOldCallAnswersNoNewCallback(t *testing.T) {
	call := ContactLogged{ID: "c1", Direction: "outbound", Channel: Call, Outcome: "conversation"}
	for after, open := range map[time.Duration]bool{-2 * time.Hour: true, 0: false, time.Hour: false} {
		f := desk(t, CallbackSet{ID: "k", When: noon.Add(24 * time.Hour)}) // a minute before noon
		f, err := f.Apply([]Fact{{At: noon.Add(after), Account: "acc", Case: "case", Body: call}})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.OpenCallback() != nil; got != open {
			t.Errorf("a conversation %s after noon: the callback is open %v, want %v", after, got, open)
		}
	}
}
