package contact_test

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// TestAllocations: a verdict allocates what it returns and nothing else,
// however long the ledger and whichever the answer.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector allocates; this test counts without it")
		return
	}
	all, federal := shipped(t), shipped(t, "us-federal")
	for _, tc := range []struct {
		name  string
		set   contact.Set
		query contact.Query
		at    time.Time
	}{
		{"allowed, sixty rows", all, benchQuery(60, 1), time.Date(2026, 5, 5, 17, 0, 0, 0, time.UTC)},
		{"allowed, two hundred rows, all inside the windows", federal, dense(benchQuery(200, 1), "busy_signal"), time.Date(2026, 5, 5, 17, 0, 0, 0, time.UTC)},
		{"refused by hours", all, benchQuery(200, 1), time.Date(2026, 5, 5, 14, 0, 0, 0, time.UTC)},
		{"refused by counts, all inside the windows", all, dense(benchQuery(200, 1), "no_answer"), time.Date(2026, 5, 5, 17, 0, 0, 0, time.UTC)},
		{"refused, twenty debts", all, benchQuery(200, 20), time.Date(2026, 5, 5, 14, 0, 0, 0, time.UTC)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := tc.query
			q.At = tc.at
			if n := testing.AllocsPerRun(200, func() { tc.set.Check(q) }); n > 2 {
				t.Errorf("%v allocations; at most 2", n)
			}
		})
	}
}
