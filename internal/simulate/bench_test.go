package simulate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// bigCase is a case with 20 items and 60 contacts in its ledger.
func bigCase(b *testing.B, ladder dunning.Ladder) (dunning.Facts, time.Time) {
	s := ladderOf(ladder)
	at := time.Date(2024, 6, 3, 16, 0, 0, 0, time.UTC)
	facts := []dunning.Fact{
		{At: epoch, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Country: "US", Places: []string{"US"}}},
		{At: epoch, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
	}
	for i := range 20 {
		facts = append(facts, dunning.Fact{At: epoch, Account: "a", Body: dunning.Item{Key: fmt.Sprint("i", i), Issued: dunning.DateOf(epoch), Due: dunning.DateOf(epoch).AddDays(i), Amount: money.MustParse("20", "USD")}})
	}
	facts = append(facts, dunning.Fact{At: epoch, Account: "a", Case: "a", Body: dunning.CaseOpened{Sequence: "s"}})
	for i := range 60 {
		facts = append(facts, dunning.Fact{
			At: epoch.Add(time.Duration(i) * 30 * time.Hour), Account: "a", Case: "a",
			Body: dunning.ContactLogged{ID: fmt.Sprint("c", i), Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer"},
		})
	}
	set := setup("a", s)
	set.Case = "a"
	f, err := dunning.Fold(set, facts)
	if err != nil {
		b.Fatal(err)
	}
	return f, at
}

func ladderOf(l dunning.Ladder) *dunning.Sequence {
	s := ladder(3, 10, 20, 40)
	s.Ladder, s.Include, s.Spacing = l, dunning.IncludeAllOverdue, 3
	s.Window = dunning.Window{Days: [7]bool{false, true, true, true, true, true, false}, From: 9 * 60, To: 18 * 60}
	return s
}

// BenchmarkDecide: goal ≤ 20 µs for a case with 20 items and 60 contacts.
func BenchmarkDecide(b *testing.B) {
	for _, l := range []dunning.Ladder{dunning.LadderLeading, dunning.LadderEach} {
		b.Run(string(l), func(b *testing.B) {
			f, at := bigCase(b, l)
			b.ReportAllocs()
			for b.Loop() {
				if d := dunning.Decide(f, at); d.Verb != dunning.VerbSend {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}
