package operate

import (
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

// TestAgeingSums: creditors are added up within a currency and never over two; one creditor alone
// has no sum.
func TestAgeingSums(t *testing.T) {
	row := func(creditor, amount, currency string) read.AgeingRow {
		r := read.NewAgeingRow(creditor, currency)
		c := read.AgeingCell{Open: money.MustParse(amount, currency), Items: 2, Debtors: 1, Cases: 1}
		r.Buckets[2], r.Total = c, c
		r.Buckets[2].Bucket, r.Total.Bucket = read.BucketTo60, "total"
		return r
	}
	lines := ageingLines([]read.AgeingRow{row("a", "10.50", "USD"), row("a", "7", "JPY"), row("b", "0.75", "USD"), row("c", "9.00", "EUR")})
	if len(lines) != 5 {
		t.Fatalf("%d lines, want four and one sum", len(lines))
	}
	sum := lines[4]
	if !sum.Sum || sum.Currency != "USD" || sum.Total.Open.String() != "11.25 USD" || sum.Buckets[2].Items != 4 || sum.Total.Debtors != 2 || sum.Buckets[1].Items != 0 {
		t.Errorf("the sum is %+v", sum)
	}
	if lines[0].Total.Open.String() != "10.50 USD" {
		t.Errorf("adding changed what was added: %+v", lines[0])
	}
	for cell, want := range map[string]string{
		read.BucketCurrent: "/cases?currency=USD&maxdays=0&sort=age",
		read.BucketOver90:  "/cases?currency=USD&mindays=91&sort=age",
		"total":            "/cases?currency=USD&sort=age",
	} {
		if got := sum.Cases(read.AgeingCell{Bucket: cell}); got != want {
			t.Errorf("the cases of %s are at %s, want %s", cell, got, want)
		}
	}
}

// TestRunDays: every day of the span has a line, also one on which nothing happened; counts of
// several creditors are added up; what is behind a reason is found where a list has it.
func TestRunDays(t *testing.T) {
	d := dunning.Date{Year: 2026, Month: 3, Day: 1}
	days, sum, why := runDays(read.RunReport{
		ReportHead: read.ReportHead{From: d, Until: d.AddDays(2), Creditor: "acme"},
		Counts: []read.RunLine{
			{Day: d, Creditor: "a", What: read.RunSent, Channel: dunning.SMS, N: 3},
			{Day: d, Creditor: "b", What: read.RunSent, Channel: dunning.SMS, N: 4},
			{Day: d, What: read.RunDecided, Reason: "send", N: 50},
			{Day: d.AddDays(2), What: read.RunDecided, Reason: "send", N: 1},
			{Day: d, What: read.RunDeferred, Reason: "us.hours", N: 2},
			{Day: d, What: read.RunSkipped, Reason: "goto", N: 1},
			{Day: d.AddDays(2), What: read.RunClosed, Reason: "paid", N: 5},
		},
	})
	if len(days) != 3 || days[0].Day != d.AddDays(2) || days[1] != (runDay{Day: d.AddDays(1)}) || days[2].SMS != 7 || days[2].Email != 0 || sum.Decided != 51 || sum.Skipped != 1 {
		t.Errorf("days %+v, sum %+v", days, sum)
	}
	var got []string
	for _, x := range why {
		got = append(got, x.Words()+" "+x.Reason+" "+x.Path)
	}
	want := []string{
		"put off us.hours /decisions?creditor=acme&from=2026-03-01&rule=us.hours&until=2026-03-03",
		"skipped goto ",
		"closed paid /cases?creditor=acme&reason=paid&status=closed",
		"decided send /decisions?creditor=acme&from=2026-03-01&until=2026-03-03&verb=send",
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("reasons\n got %q\nwant %q", got, want)
			break
		}
	}
	if why[3].N != 51 {
		t.Errorf("decisions of two days are %d", why[3].N)
	}
}
