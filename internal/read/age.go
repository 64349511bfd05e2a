package read

import (
	"cmp"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Due is what is still owed of all items that were due on one day.
type Due struct {
	Due  dunning.Date `json:"due"`
	Open int64        `json:"open"` // minor units, more than nothing
	// More is how many items beyond the first were due on it. Standings that were written before
	// it was kept have none until they are rebuilt.
	More int64 `json:"more,omitempty"`
}

// Buckets are what an account owes by age on a day: not yet due, and overdue by up
// to 30, 60, 90 days and more. An item due today is not overdue (DESIGN 5: age 0).
type Buckets struct {
	Total   money.Amount `json:"total"`   // of everything that is owed
	Overdue money.Amount `json:"overdue"` // of what is due before today
	Current money.Amount `json:"current"`
	To30    money.Amount `json:"to_30"` // 1 to 30 days
	To60    money.Amount `json:"to_60"` // 31 to 60
	To90    money.Amount `json:"to_90"` // 61 to 90
	Over90  money.Amount `json:"over_90"`
	Oldest  int          `json:"oldest"` // days of the oldest overdue item; 0: nothing is overdue
}

// Age sorts what is owed into buckets as of a day in the debtor's own zone.
func Age(dues []Due, currency string, today dunning.Date) Buckets {
	var total, overdue, current, to30, to60, to90, over int64
	b := Buckets{}
	for _, d := range dues {
		days := DaysBetween(d.Due, today)
		total += d.Open
		b.Oldest = max(b.Oldest, days)
		if days > 0 {
			overdue += d.Open
		}
		switch BucketOf(days) {
		case BucketCurrent:
			current += d.Open
		case BucketTo30:
			to30 += d.Open
		case BucketTo60:
			to60 += d.Open
		case BucketTo90:
			to90 += d.Open
		default:
			over += d.Open
		}
	}
	of := func(minor int64) money.Amount { return Minor(minor, currency) }
	b.Total, b.Overdue, b.Current = of(total), of(overdue), of(current)
	b.To30, b.To60, b.To90, b.Over90 = of(to30), of(to60), of(to90), of(over)
	return b
}

// Minor is an amount of minor units; in an unknown currency the zero Amount.
func Minor(minor int64, currency string) money.Amount {
	a, err := money.FromMinor(minor, currency)
	if err != nil {
		return money.Amount{}
	}
	return a
}

// DaysBetween is how many days b is after a.
func DaysBetween(a, b dunning.Date) int {
	day := func(d dunning.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }
	return int(day(b).Sub(day(a)) / (24 * time.Hour))
}

// duesOf adds up what is owed by due date, the oldest first.
func duesOf(items []dunning.ItemState) []Due {
	var out []Due
	for i := range items {
		it := &items[i]
		if !Owed(it) {
			continue
		}
		if n := slices.IndexFunc(out, func(d Due) bool { return d.Due == it.Due }); n >= 0 {
			out[n].Open, out[n].More = out[n].Open+it.Open, out[n].More+1
		} else {
			out = append(out, Due{Due: it.Due, Open: it.Open})
		}
	}
	slices.SortFunc(out, func(a, b Due) int { return cmp.Compare(a.Due.String(), b.Due.String()) })
	return out
}

// Owed reports whether something is open on an item that is still the creditor's to
// collect here: not paid, written off, recalled or referred.
func Owed(it *dunning.ItemState) bool {
	return it.Open > 0 && (it.Disposition == dunning.InSequence || it.Disposition == dunning.InPlan || it.Disposition == dunning.Exhausted)
}
