package simulate_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

// shared finds the private data beside the repository, or "" with a log line.
func shared(t *testing.T, name string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		p := filepath.Join(dir, "shared", name)
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	t.Skipf("SKIPPED: private data shared/%s is not beside the repository; this check did not run", name)
	return ""
}

func days(n int) *int { return &n }

// ladder is a sequence of plain messages at the given days past due.
func ladder(at ...int) *dunning.Sequence {
	s := &dunning.Sequence{ID: "ladder", Version: "1", Ladder: dunning.LadderEach, Include: dunning.IncludeDueForStep}
	for i, d := range at {
		s.Steps = append(s.Steps, dunning.Step{
			ID: string(rune('a' + i)), At: days(d), Verb: dunning.VerbSend,
			Send: []dunning.Channeled{{Channel: dunning.Email, Template: "t"}},
		})
	}
	return s
}

func date(t *testing.T, s string) dunning.Date {
	d, err := time.Parse("1/2/2006", s)
	if err != nil {
		t.Fatal(err)
	}
	return dunning.DateOf(d)
}

func setup(account string, s *dunning.Sequence) dunning.Setup {
	return dunning.Setup{
		Creditor: dunning.Creditor{ID: "c", Role: "first_party", Zone: "UTC"}, Debtor: account, Account: account, Currency: "USD", Sequence: s,
		Zone: func(n string) *time.Location { l, _ := time.LoadLocation(n); return l },
	}
}

// TestIBMLedger replays the two years of the IBM sample with a plain ladder
// and no policies: every late invoice is written about at each rung it
// reaches, and never on or after its payment.
func TestIBMLedger(t *testing.T) {
	f, err := os.Open(shared(t, "data/ar/WA_Fn-UseC_-Accounts-Receivable.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	byAccount, settled := map[string][]dunning.Fact{}, map[string]time.Time{}
	for _, r := range rows[1:] {
		acc, key := r[1], r[3]
		amount := money.MustParse(r[6], "USD")
		paid := date(t, r[8]).String()
		at, _ := time.Parse("2006-01-02 15:04", paid+" 12:00")
		settled[key] = at
		issued := dunning.StartOfDay(date(t, r[4]), time.UTC)
		byAccount[acc] = append(byAccount[acc],
			dunning.Fact{At: issued, Account: acc, Body: dunning.Item{Key: key, Issued: date(t, r[4]), Due: date(t, r[5]), Amount: amount}},
			dunning.Fact{At: at, Account: acc, Body: dunning.Payment{ID: "p" + key, Amount: amount, Item: key}})
	}
	contacts, counted, closed := 0, map[string]int{}, 0
	for acc, facts := range byAccount {
		facts = append(facts, dunning.Fact{At: time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC), Account: acc, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}})
		slices.SortStableFunc(facts, func(a, b dunning.Fact) int { return a.At.Compare(b.At) })
		life, err := simulate.Run(simulate.Account{Setup: setup(acc, ladder(1, 8, 15, 31)), Facts: facts}, time.Date(2014, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range life.Events() {
			switch e.Kind {
			case "contact":
				contacts++
				for _, it := range e.Items {
					counted[*it.Step]++
					if !e.At.Before(settled[it.Key]) {
						t.Errorf("item %s was written about at %s, paid at %s", it.Key, e.At, settled[it.Key])
					}
				}
			case "closed":
				closed++
			}
		}
	}
	got := [5]int{counted["a"], counted["b"], counted["c"], counted["d"], contacts}
	if want := [5]int{877, 458, 196, 8, 1498}; got != want {
		t.Errorf("items at each rung and contacts: got %v, want %v", got, want)
	}
	t.Logf("closed %d cases", closed)
}
