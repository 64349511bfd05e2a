package dunning

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

type fixed struct {
	yes bool
	err error
}

func (c fixed) Eval(View) (bool, error) { return c.yes, c.err }
func (c fixed) String() string          { return "fixed" }

// TestFactsOfOthersDoNotMeddle: what happens on another account of the debtor,
// or at another creditor, changes nothing here unless it concerns the debtor.
func TestFactsOfOthersDoNotMeddle(t *testing.T) {
	at := func(account string, b Body) Fact { return Fact{At: noon, Account: account, Body: b} }
	held := func(f Facts) bool { _, held := f.heldAccount(noon.Add(time.Hour)); return held }
	hold := HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true}
	wide := HoldPlaced{ID: "w", HoldKind: HoldManual, Scope: ScopeDebtor, Contact: true}
	for _, c := range []struct {
		about string
		facts []Fact
		want  bool
	}{
		{"a hold of this account holds it", []Fact{at("a", hold)}, true},
		{"a hold of another account does not", []Fact{at("b", hold)}, false},
		{"lifting another account's hold of the same id lifts nothing here", []Fact{at("a", hold), at("b", HoldLifted{ID: "h"})}, true},
		{"extending another account's hold of the same id changes nothing here", []Fact{at("a", hold), at("b", HoldExtended{ID: "h", Until: noon.Add(time.Minute)})}, true},
		{"the debtor's hold holds every account", []Fact{at("b", wide)}, true},
		{"and any of them may report that it was lifted", []Fact{at("b", wide), at("b", HoldLifted{ID: "w"})}, false},
		{"the debtor's hold is none of this account's, though it has the id of one that has ended", []Fact{
			at("a", HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true, Until: noon.Add(time.Minute)}),
			at("b", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}),
		}, true},
		{"another account that lifts its own hold does not lift the debtor's of the same id", []Fact{
			at("b", hold), at("", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}), at("b", HoldLifted{ID: "h"}),
		}, true},
		{"nor one that lifts its own dispute of the same id", []Fact{
			at("b", DisputeRaised{ID: "h"}), at("", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}), at("b", HoldLifted{ID: "h"}),
		}, true},
		{"nor does this account, while its own is in force", []Fact{
			at("a", hold), at("", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}), at("a", HoldLifted{ID: "h"}),
		}, true},
		{"nor does the answer to a dispute that has ended", []Fact{
			at("a", DisputeRaised{ID: "h"}), at("", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}), at("a", HoldLifted{ID: "h"}),
			at("a", DisputeResolved{ID: "h", Outcome: "corrected"}),
		}, true},
		{"the debtor's is lifted after that", []Fact{
			at("a", hold), at("", HoldPlaced{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor, Contact: true}), at("a", HoldLifted{ID: "h"}), at("", HoldLifted{ID: "h"}),
		}, false},
		{"a hold on fees alone holds no contact, its notice days neither", []Fact{at("a", HoldPlaced{ID: "f", HoldKind: HoldManual, Scope: ScopeAccount, Fees: true, Notice: 9, Until: noon.Add(time.Minute)})}, false},
	} {
		f, err := base(t).Apply(c.facts)
		if err != nil {
			t.Fatal(err)
		}
		if got := held(f); got != c.want {
			t.Errorf("%s: held is %v", c.about, got)
		}
	}
}

func TestPaymentDataIsEachCreditorsOwn(t *testing.T) {
	f := base(t)
	f.Creditor.Stale = 24
	for _, c := range []struct {
		about    string
		creditor string
		stale    bool
	}{
		{"another creditor's feed does not freshen this one's", "x", true},
		{"the creditor's own does", "c", false},
		{"one that names no creditor speaks for all", "", false},
	} {
		g, err := f.Apply([]Fact{{At: noon, Body: FeedSeen{Until: noon, Creditor: c.creditor}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.stale(noon.Add(time.Hour)); got != c.stale {
			t.Errorf("%s: stale is %v", c.about, got)
		}
	}
}

// TestTheSameContactTwiceIsOne: a logged contact that is told twice counts once,
// also without a source; an accepted one that is accepted again keeps its instant.
func TestTheSameContactTwiceIsOne(t *testing.T) {
	call := ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "no_answer", Task: "t"}
	f := base(t, TaskOpened{ID: "t", Task: TaskCall, Step: "one", Items: []string{"A"}}, call, call)
	if len(f.Contacts) != 1 || f.task("t").Tries != 1 {
		t.Errorf("%d contacts, %d tries; want one of each", len(f.Contacts), f.task("t").Tries)
	}
	f = base(t, ContactPlanned{ID: "m", Step: "one", Channel: Email, Items: []ItemLine{{Key: "A", Step: "one"}}}, ContactMoved{ID: "m", State: ContactAccepted})
	g, err := f.Apply([]Fact{{At: noon.AddDate(0, 0, 2), Account: "a", Body: ContactMoved{ID: "m", State: ContactAccepted}}})
	if err != nil {
		t.Fatal(err)
	}
	if !g.contact("m").Moved.Equal(f.contact("m").Moved) {
		t.Error("a second acceptance moved the instant from which a bounce is counted")
	}
}

// TestManyOldDebtsSettle: an account with more old invoices than records allowed
// in a row is entered in one.
func TestManyOldDebtsSettle(t *testing.T) {
	for _, ladder := range []Ladder{LadderLeading, LadderEach} {
		f := base(t)
		seq := *f.Sequence
		two := 10
		seq.Steps = append(seq.Steps, Step{ID: "two", At: &two, Verb: VerbSend, Send: seq.Steps[0].Send})
		seq.Ladder, seq.Entry = ladder, EntryMatching
		f.Sequence = &seq
		var more []Fact
		for i := range 2 * maxRecords {
			more = append(more, Fact{At: noon, Account: "a", Body: Item{Key: fmt.Sprint("i", i), Due: Date{2024, 1, 1 + i%28}, Amount: eur("5")}})
		}
		g, err := f.Apply(more)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Settle(g, noon.Add(time.Hour)); err != nil {
			t.Errorf("ladder %s: %v", ladder, err)
		}
	}
}

// TestConditionsAreRecorded: a decision keeps the values of the conditions that
// it asked, also when they let the step through.
func TestConditionsAreRecorded(t *testing.T) {
	for _, c := range []struct {
		about string
		when  fixed
		verb  Verb
		why   string
	}{
		{"true: the step goes on to what refuses it, and the value is kept", fixed{yes: true}, VerbTask, "unknown_role"},
		{"false: the step is passed over, recorded", fixed{}, VerbRecord, "passed"},
		{"an error parks the case with a task", fixed{err: errors.New("broken")}, VerbTask, ""},
	} {
		f := base(t)
		seq := *f.Sequence
		seq.Steps = []Step{seq.Steps[0]}
		seq.Steps[0].When = c.when
		f.Sequence = &seq
		d := Decide(f, noon)
		if d.Verb != c.verb || d.Reason != c.why {
			t.Errorf("%s: %s %q", c.about, d.Verb, d.Reason)
		}
		if len(d.Conditions) != 1 || d.Conditions[0].Result != c.when.yes || (d.Conditions[0].Error != "") != (c.when.err != nil) {
			t.Errorf("%s: conditions %+v", c.about, d.Conditions)
		}
	}
}

// TestParkedTasks: a person who says done has done the step by hand; resumed
// asks the condition again.
func TestParkedTasks(t *testing.T) {
	for outcome, counted := range map[string]bool{"done": true, "resumed": false} {
		f := base(t, TaskOpened{ID: "t", Task: TaskParked, Step: "one", Items: []string{"A"}})
		facts, err := Handle(f, FinishTask{ID: "t", Outcome: outcome}, "user:1", noon)
		if err != nil {
			t.Fatal(err)
		}
		g, err := f.Apply(facts)
		if err != nil {
			t.Fatal(err)
		}
		if done := g.nextStep(g.item("A")) == 1; done != counted {
			t.Errorf("%s: the step counts as done: %v", outcome, done)
		}
	}
}

// TestUnknownStepsOfOldFacts: facts that name steps which the sequence no longer
// has do not move the debt.
func TestUnknownStepsOfOldFacts(t *testing.T) {
	f := base(t, StepsWaived{Items: []string{"A"}, Steps: []string{"gone"}, Why: "person"}, StepCounted{Items: []string{"A"}, Step: "gone"},
		TaskOpened{ID: "t", Task: TaskEscalation, Step: "gone", Items: []string{"A"}, Until: noon.Add(-time.Minute)})
	g, made, err := Settle(f, noon)
	if err != nil {
		t.Fatal(err)
	}
	if n := g.nextStep(g.item("A")); n != 0 || !g.inSequenceAt("A") {
		t.Errorf("the item stands before step %d", n)
	}
	if last := made[len(made)-1]; last.Step != "one" {
		t.Errorf("the next thing is %+v", last)
	}
}

func (f *Facts) inSequenceAt(key string) bool { return f.item(key).Disposition == InSequence }

// TestWithoutASequenceNothingPanics: an account that no sequence was chosen for
// can be looked at and commanded.
func TestWithoutASequenceNothingPanics(t *testing.T) {
	f := base(t, TaskOpened{ID: "t", Task: TaskManual, Step: "one", Items: []string{"A"}})
	f.Sequence = nil
	if _, ok := Opens(f); ok {
		t.Error("an account without a sequence opens a case")
	}
	for _, c := range []Command{FinishTask{ID: "t", Outcome: "done"}, WaiveStep{Step: "one", Why: "w"}, AgreePlan{ID: "p", Count: 2, First: Date{2024, 4, 1}}, Recall{}} {
		_, _ = Handle(f, c, "user:1", noon) // either way, but no panic
	}
	if d := Decide(f, noon); d.Verb != VerbLook {
		t.Errorf("decided %+v", d)
	}
}

// TestACaseThatAnotherFollowedIsOver: an account has one open case at a time. Who still asks
// about an earlier one, such as a workflow that a late nudge woke, is told that it is closed,
// whatever becomes of the account: it neither writes nor opens itself again beside the newer one.
func TestACaseThatAnotherFollowedIsOver(t *testing.T) {
	in := func(days int, id string, b Body) Fact {
		return Fact{At: noon.AddDate(0, 0, days), Account: "a", Case: id, Body: b}
	}
	closed := []Fact{in(-3, "k", Payment{ID: "p", Amount: eur("100.00")}), in(-3, "k", CaseClosed{Reason: "paid"})}
	second := []Fact{
		in(-2, "", Item{Key: "B", Due: Date{2024, 3, 2}, Amount: eur("50.00")}), in(-2, "next", CaseOpened{Sequence: "s"}),
	}
	for _, c := range []struct {
		about string
		more  []Fact
		open  bool // the newer case
	}{
		{"while the newer one is open and has something to send", nil, true},
		{"when its own payment bounces beside the newer one", []Fact{in(-1, "", PaymentReversed{Payment: "p"})}, true},
		{"when the newer one has closed too", []Fact{in(-1, "next", CaseClosed{Reason: "withdrawn"})}, false},
		{"when a payment bounces after both", []Fact{in(-1, "next", CaseClosed{Reason: "withdrawn"}), in(-1, "", PaymentReversed{Payment: "p"})}, false},
	} {
		t.Run(c.about, func(t *testing.T) {
			f, err := base(t).Apply(slices.Concat(closed, second, c.more))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{noon, noon.AddDate(0, 0, 30)} {
				if d := Decide(f, at); d.Verb != VerbLook || d.Waiting != "closed" || !d.WakeAt.IsZero() || len(d.Effects) > 0 {
					t.Errorf("the earlier case at %s: %+v", at, d)
				}
			}
			if f.CaseOpen || f.CaseReason != "paid" || !f.CaseClosedAt.Equal(noon.AddDate(0, 0, -3)) || len(f.Reopening(noon)) > 0 {
				t.Errorf("the earlier case: open %v, closed as %q at %s, opens again by %v", f.CaseOpen, f.CaseReason, f.CaseClosedAt, f.Reopening(noon))
			}
			s := f.Setup
			s.Case = "next"
			g, err := Fold(s, slices.Concat([]Fact{
				in(-9, "", Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}), in(-4, "k", CaseOpened{Sequence: "s"}),
			}, closed, second, c.more))
			if err != nil {
				t.Fatal(err)
			}
			if g.CaseOpen != c.open {
				t.Errorf("the newer case: open %v", g.CaseOpen)
			}
			if d := Decide(g, noon); c.open && d.Waiting == "closed" {
				t.Errorf("the newer case: %+v", d)
			}
		})
	}
}
