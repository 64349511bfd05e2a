package simulate_test

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

// TestADebtThatComesBackLaterReopensItsCase: the payment bounces while the
// invoice, moved to a later date, is not due for weeks. When it is, the case that
// closed over it goes on; an invoice that it never knew gets a case of its own.
func TestADebtThatComesBackLaterReopensItsCase(t *testing.T) {
	day := func(m time.Month, d int) time.Time { return time.Date(2024, m, d, 12, 0, 0, 0, time.UTC) }
	usd := money.MustParse("20", "USD")
	item := func(key string, due dunning.Date) dunning.Item {
		return dunning.Item{Key: key, Issued: dunning.Date{Year: 2024, Month: 2, Day: 1}, Due: due, Amount: usd}
	}
	first := []dunning.Fact{
		{At: day(2, 1), Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		{At: day(2, 1), Account: "a", Body: item("A", dunning.Date{Year: 2024, Month: 3, Day: 1})},
		{At: day(3, 3), Account: "a", Body: dunning.Payment{ID: "p", Amount: usd}},
	}
	for _, c := range []struct {
		about string
		then  []dunning.Fact
		want  string
	}{
		{"the debt itself comes back", []dunning.Fact{
			{At: day(3, 5), Account: "a", Body: dunning.ItemCorrected{Item: "A", Due: dunning.Date{Year: 2024, Month: 5, Day: 1}}},
			{At: day(3, 6), Account: "a", Body: dunning.PaymentReversed{Payment: "p"}},
		}, "a"},
		{"another invoice follows", []dunning.Fact{{At: day(3, 5), Account: "a", Body: item("B", dunning.Date{Year: 2024, Month: 5, Day: 1})}}, "a#2"},
	} {
		s := setup("a", ladder(3, 10))
		life, err := simulate.Run(simulate.Account{Setup: s, Facts: append(first[:len(first):len(first)], c.then...)}, day(5, 6))
		if err != nil {
			t.Fatal(err)
		}
		if !life.Final.CaseOpen || life.Final.Case != c.want {
			t.Errorf("%s: case %q, open %v; want %q\n%s", c.about, life.Final.Case, life.Final.CaseOpen, c.want, simulate.Print(life.Events(), time.UTC))
		}
	}
}

// TestALookInAnOutageOpensNoCase: a debt has come back while nothing is decided. Whoever
// looks meanwhile and enters nothing changes nothing: the case goes on after the outage.
func TestALookInAnOutageOpensNoCase(t *testing.T) {
	day := func(m time.Month, d int) time.Time { return time.Date(2024, m, d, 12, 0, 0, 0, time.UTC) }
	usd := money.MustParse("20", "USD")
	life, err := simulate.Run(simulate.Account{
		Setup: setup("a", ladder(3, 10)),
		Facts: []dunning.Fact{
			{At: day(2, 1), Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
			{At: day(2, 1), Account: "a", Body: dunning.Item{Key: "A", Issued: dunning.Date{Year: 2024, Month: 2, Day: 1}, Due: dunning.Date{Year: 2024, Month: 3, Day: 1}, Amount: usd}},
			{At: day(3, 3), Account: "a", Body: dunning.Payment{ID: "p", Amount: usd}},
			{At: day(3, 5), Account: "a", Body: dunning.ItemCorrected{Item: "A", Due: dunning.Date{Year: 2024, Month: 5, Day: 1}}},
			{At: day(3, 6), Account: "a", Body: dunning.PaymentReversed{Payment: "p"}},
		},
		Commands: []simulate.Command{{At: day(5, 5), By: "nobody", Pick: func(dunning.Facts) dunning.Command { return nil }}},
		Outages:  []simulate.Interval{{From: day(4, 20), Until: day(5, 10)}},
	}, day(5, 20))
	if err != nil {
		t.Fatal(err)
	}
	var opened []time.Time
	for _, e := range life.Events() {
		if e.Kind == "opened" {
			opened = append(opened, e.At)
		}
	}
	if len(opened) != 2 || !opened[1].Equal(day(5, 10)) {
		t.Errorf("opened at %v, want the second on 10 May\n%s", opened, simulate.Print(life.Events(), time.UTC))
	}
}
