package read

import (
	"cmp"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
)

// AgeingTally counts what accounts owe, one after the other.
type AgeingTally struct {
	at   time.Time
	zone func(string) *time.Location
	rows map[ageKey]*AgeingRow
	// debtor is whose accounts are being added, seen in which cells they are counted.
	debtor string
	seen   map[string]bool
}

type ageKey struct{ creditor, currency string }

// NewAgeingTally counts as of at. zone resolves names and may return nil, then UTC counts.
func NewAgeingTally(at time.Time, zone func(string) *time.Location) *AgeingTally {
	return &AgeingTally{at: at, zone: zone, rows: map[ageKey]*AgeingRow{}, seen: map[string]bool{}}
}

// Add counts an account with its standing at that instant and whether its case was open. The
// accounts of a debtor follow each other.
func (t *AgeingTally) Add(s Standing, open bool) {
	if s.Debtor != t.debtor {
		t.debtor = s.Debtor
		clear(t.seen)
	}
	if len(s.Dues) == 0 && !open {
		return
	}
	row, today := t.row(s), s.Today(t.at, t.zone)
	for _, d := range s.Dues {
		bucket := slices.Index(AgeBuckets(), BucketOf(DaysBetween(d.Due, today)))
		for _, c := range []*AgeingCell{&row.Buckets[bucket], &row.Total} {
			c.Open, c.Items = c.Open.Of(c.Open.Minor()+d.Open), c.Items+1+d.More
			if once := s.Currency + " " + c.Bucket; !t.seen[once] {
				t.seen[once], c.Debtors = true, c.Debtors+1
			}
		}
	}
	if open {
		bucket := 0
		if !s.Oldest.IsZero() {
			bucket = slices.Index(AgeBuckets(), BucketOf(DaysBetween(s.Oldest, dunning.DateOf(t.at.UTC()))))
		}
		row.Buckets[bucket].Cases, row.Total.Cases = row.Buckets[bucket].Cases+1, row.Total.Cases+1
	}
}

func (t *AgeingTally) row(s Standing) *AgeingRow {
	k := ageKey{s.Creditor, s.Currency}
	if t.rows[k] == nil {
		row := NewAgeingRow(s.Creditor, s.Currency)
		t.rows[k] = &row
	}
	return t.rows[k]
}

// Rows are what was counted, by creditor and currency.
func (t *AgeingTally) Rows() []AgeingRow {
	out := []AgeingRow{}
	for _, r := range t.rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b AgeingRow) int {
		return cmp.Or(cmp.Compare(a.Creditor, b.Creditor), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}
