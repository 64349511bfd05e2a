package dunning

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning/money"
)

func eur(s string) money.Amount { return money.MustParse(s, "EUR") }

var noon = time.Date(2024, 3, 5, 12, 0, 0, 0, time.UTC)

// base is an open case with one overdue item of 100.00.
func base(t testing.TB, more ...Body) Facts {
	step := 3
	seq := &Sequence{ID: "s", Steps: []Step{{ID: "one", At: &step, Verb: VerbSend, Send: []Channeled{{Channel: Email, Template: "t"}}}}}
	s := Setup{Creditor: Creditor{ID: "c"}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: seq}
	history := []Fact{
		{At: noon.AddDate(0, 0, -9), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: noon.AddDate(0, 0, -4), Account: "a", Case: "k", Body: CaseOpened{Sequence: "s"}},
	}
	for _, b := range more {
		history = append(history, Fact{At: noon.Add(-time.Hour), Account: "a", Case: "k", Body: b})
	}
	f, err := Fold(s, history)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCommandsAreRefusedWithAReason(t *testing.T) {
	open := TaskOpened{ID: "t", Task: TaskCall, Step: "one", Items: []string{"A"}}
	for _, c := range []struct {
		about string
		state []Body
		cmd   Command
		want  error
	}{
		{"a payment of nothing", nil, RecordPayment{ID: "p", Amount: eur("0")}, ErrInvalid},
		{"a payment in another currency", nil, RecordPayment{ID: "p", Amount: money.MustParse("1", "USD")}, ErrInvalid},
		{"a payment for an item that is not there", nil, RecordPayment{ID: "p", Amount: eur("1"), Item: "Z"}, ErrUnknown},
		{"the reversal of an unknown payment", nil, ReversePayment{Payment: "p"}, ErrUnknown},
		{"a hold of an unknown kind", nil, PlaceHold{ID: "h", HoldKind: "mood", Scope: ScopeAccount}, ErrInvalid},
		{"a hold without a scope", nil, PlaceHold{ID: "h", HoldKind: HoldManual}, ErrInvalid},
		{"a hold that ends before it begins", nil, PlaceHold{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Until: noon.Add(-1)}, ErrInvalid},
		{"a hold on an item that is not there", nil, PlaceHold{ID: "h", HoldKind: HoldManual, Scope: ScopeItem, Item: "Z"}, ErrUnknown},
		{"a hold under the id of another kind of hold", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount}}, PlaceHold{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeAccount}, ErrConflict},
		{"a hold on another item under the same id", []Body{HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeItem, Item: "B"}}, PlaceHold{ID: "h", HoldKind: HoldManual, Scope: ScopeItem, Item: "A"}, ErrConflict},
		{"a dispute under the id of a hold", []Body{HoldPlaced{ID: "d", HoldKind: HoldManual, Scope: ScopeAccount}}, RaiseDispute{ID: "d"}, ErrConflict},
		{"lifting a hold that is not there", nil, LiftHold{ID: "h"}, ErrUnknown},
		{"a dispute of an item that is not there", nil, RaiseDispute{ID: "d", Item: "Z"}, ErrUnknown},
		{"resolving a dispute that is not there", nil, ResolveDispute{ID: "d", Outcome: "closed"}, ErrUnknown},
		{"an outcome that disputes do not have", []Body{DisputeRaised{ID: "d"}}, ResolveDispute{ID: "d", Outcome: "won"}, ErrInvalid},
		{"a correction of the whole account", []Body{DisputeRaised{ID: "d"}}, ResolveDispute{ID: "d", Outcome: "corrected", Amount: eur("1")}, ErrInvalid},
		{"a payment that has not arrived yet", nil, RecordPayment{ID: "p", Amount: eur("1"), At: noon.Add(time.Hour)}, ErrInvalid},
		{"a promise in another century", nil, MakePromise{ID: "p", Amount: eur("1"), Due: Date{2124, 3, 4}}, ErrInvalid},
		{"a promise with years of grace", nil, MakePromise{ID: "p", Amount: eur("1"), Due: Date{2024, 3, 9}, Grace: 4000}, ErrInvalid},
		{"a plan whose instalments lie ages apart", nil, AgreePlan{ID: "p", Count: 2, First: Date{2024, 4, 1}, Every: 99999999}, ErrInvalid},
		{"a promise for yesterday", nil, MakePromise{ID: "p", Amount: eur("1"), Due: Date{2024, 3, 4}}, ErrInvalid},
		{"a second promise", []Body{PromiseMade{ID: "p", Amount: eur("1"), Due: Date{2024, 3, 9}}}, MakePromise{ID: "q", Amount: eur("1"), Due: Date{2024, 3, 9}}, ErrConflict},
		{"a plan that does not add up", nil, AgreePlan{ID: "p", Instalments: []Instalment{{Date{2024, 4, 1}, eur("99.99")}}}, ErrInvalid},
		{"a plan whose dates do not rise", nil, AgreePlan{ID: "p", Instalments: []Instalment{{Date{2024, 4, 1}, eur("50")}, {Date{2024, 4, 1}, eur("50")}}}, ErrInvalid},
		{"a plan of more instalments than anyone pays", nil, AgreePlan{ID: "p", Count: 1 << 30, First: Date{2024, 4, 1}}, ErrInvalid},
		{"a promise of what is not owed", []Body{Payment{ID: "x", Amount: eur("100")}}, MakePromise{ID: "p", Amount: eur("1"), Due: Date{2024, 3, 9}}, ErrConflict},
		{"a plan in the past", nil, AgreePlan{ID: "p", Instalments: []Instalment{{Date{2024, 3, 1}, eur("100")}}}, ErrInvalid},
		{"a plan over nothing", []Body{Payment{ID: "x", Amount: eur("100")}}, AgreePlan{ID: "p", Count: 2, First: Date{2024, 4, 1}}, ErrConflict},
		{"an answer to no offer", nil, DeclineOffer{}, ErrConflict},
		{"handing back what nobody has", nil, HandBack{}, ErrConflict},
		{"taking what another has", []Body{LeaseTaken{ID: "l", Owner: "o", Until: noon.Add(time.Hour)}}, TakeLease{ID: "m", Owner: "p", Until: noon.Add(time.Hour)}, ErrConflict},
		{"a lease into the past", nil, TakeLease{ID: "m", Owner: "p", Until: noon.Add(-1)}, ErrInvalid},
		{"finishing a task that is not there", nil, FinishTask{ID: "t", Outcome: "done"}, ErrUnknown},
		{"an outcome that the task's kind does not have", []Body{open}, FinishTask{ID: "t", Outcome: "approved"}, ErrInvalid},
		{"a contact without a direction", nil, LogContact{ContactLogged: ContactLogged{ID: "x", Channel: Call, Outcome: "no_answer"}}, ErrInvalid},
		{"a contact for a task that is not there", nil, LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "no_answer", Task: "z"}}, ErrUnknown},
		{"waiving a step that the sequence does not have", nil, WaiveStep{Step: "nine", Why: "w"}, ErrInvalid},
		{"waiving without a reason", nil, WaiveStep{Step: "one"}, ErrInvalid},
	} {
		t.Run(c.about, func(t *testing.T) {
			facts, err := Handle(base(t, c.state...), c.cmd, "user:1", noon)
			if !errors.Is(err, c.want) || len(facts) > 0 {
				t.Errorf("got %d facts and error %v, want %v", len(facts), err, c.want)
			}
		})
	}
}

// TestCommandsTwiceChangeNothing: a command with an id that is known already
// adds no fact and is no error.
func TestCommandsTwiceChangeNothing(t *testing.T) {
	for _, cmd := range []Command{
		RecordPayment{ID: "x", Amount: eur("1")},
		PlaceHold{ID: "x", HoldKind: HoldManual, Scope: ScopeAccount, Until: noon.Add(time.Hour)},
		RaiseDispute{ID: "x", Item: "A"},
		MakePromise{ID: "x", Amount: eur("1"), Due: Date{2024, 3, 9}},
		AgreePlan{ID: "x", Count: 3, First: Date{2024, 4, 1}},
		TakeLease{ID: "x", Owner: "o", Until: noon.Add(time.Hour)},
		LogContact{ContactLogged: ContactLogged{ID: "x", Direction: "outbound", Channel: Call, Outcome: "no_answer"}},
	} {
		t.Run(fmt.Sprintf("%T", cmd), func(t *testing.T) {
			f := base(t)
			first, err := Handle(f, cmd, "user:1", noon)
			if err != nil || len(first) == 0 {
				t.Fatalf("%d facts, %v", len(first), err)
			}
			if f, err = f.Apply(first); err != nil {
				t.Fatal(err)
			}
			if again, err := Handle(f, cmd, "user:1", noon.Add(time.Minute)); err != nil || len(again) > 0 {
				t.Errorf("the second time gives %d facts, %v", len(again), err)
			}
		})
	}
}

// TestAutomationNeverShortensAPersonsHold is guarantee-like: only a person may
// lift or shorten what a person set.
func TestAutomationNeverShortensAPersonsHold(t *testing.T) {
	f := base(t)
	facts, err := Handle(f, PlaceHold{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Until: noon.Add(48 * time.Hour)}, "user:1", noon)
	if err != nil {
		t.Fatal(err)
	}
	f, _ = f.Apply(facts)
	for _, cmd := range []Command{LiftHold{ID: "h"}, ExtendHold{ID: "h", Until: noon.Add(time.Hour)}} {
		if _, err := Handle(f, cmd, "system", noon); !errors.Is(err, ErrConflict) {
			t.Errorf("%T by the system: %v", cmd, err)
		}
		if _, err := Handle(f, cmd, "user:2", noon); err != nil {
			t.Errorf("%T by a person: %v", cmd, err)
		}
	}
	if _, err := Handle(f, ExtendHold{ID: "h", Until: noon.Add(72 * time.Hour)}, "system", noon); err != nil {
		t.Errorf("the system may make it longer: %v", err)
	}
}

// TestAllocationAddsUp: over random items, payments and reversals every cent
// is on an item or is credit, items are never overpaid, and the oldest debt is
// served first. The oracle replays the payments naively.
func TestAllocationAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Setup{Account: "a", Currency: "EUR", Creditor: Creditor{ID: "c"}}
		var history []Fact
		n := rapid.IntRange(1, 5).Draw(t, "items")
		for i := range n {
			history = append(history, Fact{At: noon, Account: "a", Body: Item{Key: fmt.Sprint(i), Due: Date{2024, 1, 1 + i}, Amount: eur(fmt.Sprint(rapid.IntRange(1, 50).Draw(t, "amount")))}})
		}
		var stands int64
		sums := map[string]int64{}
		for i := range rapid.IntRange(0, 8).Draw(t, "events") {
			id := fmt.Sprint("p", rapid.IntRange(0, i).Draw(t, "which"))
			if sum, ok := sums[id]; ok && rapid.Bool().Draw(t, "reverse") {
				history = append(history, Fact{At: noon, Account: "a", Body: PaymentReversed{Payment: id}})
				stands -= sum
				sums[id] = 0
				continue
			} else if ok {
				continue
			}
			cents := rapid.Int64Range(1, 9000).Draw(t, "cents")
			amount, _ := money.FromMinor(cents, "EUR")
			item := rapid.SampledFrom([]string{"", "0", "1"}).Draw(t, "item")
			if item == "1" && n < 2 {
				item = ""
			}
			history = append(history, Fact{At: noon, Account: "a", Body: Payment{ID: id, Amount: amount, Item: item}})
			stands += cents
			sums[id] = cents
		}
		f, err := Fold(s, history)
		if err != nil {
			t.Fatal(err)
		}
		var open, total int64
		for _, it := range f.Items {
			if it.Open < 0 || it.Open > it.Amount.Minor() {
				t.Fatalf("item %s has %d open of %s", it.Key, it.Open, it.Amount)
			}
			open, total = open+it.Open, total+it.Amount.Minor()
		}
		if total-open+f.Credit != stands {
			t.Fatalf("%d allocated and %d credit, but %d arrived", total-open, f.Credit, stands)
		}
	})
}

func TestInstalmentsFallOnBusinessDaysAndAddUp(t *testing.T) {
	f := base(t)
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(1, 1_000_000).Draw(t, "minor")
		n := rapid.IntRange(1, 36).Draw(t, "n")
		var sum int64
		for _, ins := range f.Instalments(minor, n, Date{2024, 1, 31}, rapid.SampledFrom([]int{0, 7, 14}).Draw(t, "every")) {
			sum += ins.Amount.Minor()
			if wd := ins.Due.Weekday(); wd == time.Saturday || wd == time.Sunday {
				t.Fatalf("an instalment falls on %s", wd)
			}
		}
		if sum != minor {
			t.Fatalf("%d instalments add up to %d, not %d", n, sum, minor)
		}
	})
}

func TestMixedCurrenciesAreRefusedByFold(t *testing.T) {
	_, err := Fold(Setup{Account: "a", Currency: "EUR"}, []Fact{{At: noon, Account: "a", Body: Item{Key: "A", Due: Date{2024, 1, 1}, Amount: money.MustParse("1", "USD")}}})
	if !errors.Is(err, ErrMixedCurrency) {
		t.Errorf("error %v", err)
	}
}

// TestAHoldOfAllAccountsHasItsOwnId: a number that stands for a hold of this account may be
// that of a hold of all accounts, too; a person ends one after the other.
func TestAHoldOfAllAccountsHasItsOwnId(t *testing.T) {
	f := base(t, HoldPlaced{ID: "h", HoldKind: HoldManual, Scope: ScopeAccount, Contact: true, Clock: true, Manual: true})
	do := func(cmd Command, want int) {
		t.Helper()
		facts, err := Handle(f, cmd, "user:1", noon)
		if err != nil || len(facts) != want {
			t.Fatalf("%T: %d facts, %v; want %d", cmd, len(facts), err, want)
		}
		if f, err = f.Apply(facts); err != nil {
			t.Fatal(err)
		}
	}
	inForce := func(want ...HoldKind) {
		t.Helper()
		var got []HoldKind
		for _, h := range f.Holds {
			if h.in(noon) {
				got = append(got, h.HoldKind)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in force: %v, want %v", got, want)
		}
	}
	do(PlaceHold{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor}, 1)
	inForce(HoldManual, HoldBankruptcy)
	do(PlaceHold{ID: "h", HoldKind: HoldBankruptcy, Scope: ScopeDebtor}, 0)
	do(LiftHold{ID: "h"}, 1)
	inForce(HoldBankruptcy)
	do(LiftHold{ID: "h"}, 1)
	inForce()
	do(LiftHold{ID: "h"}, 0)
}
