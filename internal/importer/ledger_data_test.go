package importer

import (
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

const (
	ibmFile   = "data/ar/WA_Fn-UseC_-Accounts-Receivable.csv"
	highFile  = "data/ar/highradius-sample-1805277.csv"
	finesFile = "data/fines/fines_cases_derived.csv"
)

func ledgerOf(t testing.TB, file, name string) []AccountLedger {
	t.Helper()
	f := open(t, shared(t, file))
	ledgers, problems, err := Ledger(Input{f, shipped(t, name)}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("rejected: %v", p)
	}
	return ledgers
}

// tally counts facts by kind and adds up items and payments by currency.
type tally struct {
	kinds       map[dunning.Kind]int
	items, paid map[string]money.Amount
}

func tallyOf(t testing.TB, ledgers []AccountLedger) tally {
	t.Helper()
	out := tally{map[dunning.Kind]int{}, map[string]money.Amount{}, map[string]money.Amount{}}
	for _, l := range ledgers {
		for i, f := range l.Facts {
			out.kinds[f.Body.Kind()]++
			if i > 0 && f.At.Before(l.Facts[i-1].At) {
				t.Errorf("account %s: fact %d is before its predecessor", l.Account, i)
			}
			switch b := f.Body.(type) {
			case dunning.Item:
				out.items[l.Currency] = add(out.items[l.Currency], b.Amount)
			case dunning.Payment:
				out.paid[l.Currency] = add(out.paid[l.Currency], b.Amount)
			}
		}
	}
	return out
}

// late counts items that were paid at least n days after they were due.
func late(ledgers []AccountLedger, n int) int {
	count := 0
	for _, l := range ledgers {
		due := map[string]time.Time{}
		for _, f := range l.Facts {
			switch b := f.Body.(type) {
			case dunning.Item:
				due[b.Key] = day(b.Due)
			case dunning.Payment:
				if paid := day(dunning.DateOf(f.At.In(l.Zone))); !paid.Before(due[b.Item].AddDate(0, 0, n)) {
					count++
				}
			}
		}
	}
	return count
}

// The IBM ledger comes in whole: 100 customers, 2,466 invoices, exact sums, and
// the known numbers of invoices that were late by 1, 8, 15 and 31 days.
func TestLedgerIBM(t *testing.T) {
	ledgers := ledgerOf(t, ibmFile, "ibm-ar")
	got := tallyOf(t, ledgers)
	if len(ledgers) != 100 || got.kinds["item"] != 2466 || got.kinds["payment"] != 2466 || got.kinds["dispute_raised"] != 0 {
		t.Errorf("accounts %d, facts %v; want 100 accounts, 2466 items and payments, no disputes", len(ledgers), got.kinds)
	}
	if got.kinds["debtor_known"] != 100 || got.kinds["point_known"] != 100 {
		t.Errorf("each customer must be known once with one address: %v", got.kinds)
	}
	if got.items["USD"].Decimal() != "147703.18" || got.paid["USD"].Decimal() != "147703.18" {
		t.Errorf("items %v, payments %v; want 147703.18 USD each", got.items, got.paid)
	}
	for n, want := range map[int]int{1: 877, 8: 458, 15: 196, 31: 8} {
		if n := late(ledgers, n); n != want {
			t.Errorf("%d invoices late, want %d", n, want)
		}
	}
	for _, l := range ledgers {
		if first := l.Facts[0]; first.Body.Kind() != "debtor_known" {
			t.Errorf("account %s begins with %s; the debtor must be known first", l.Account, first.Body.Kind())
		}
	}
}

// Disputes of the IBM ledger begin a week after due, only on invoices that are
// open then, and each ends with its payment.
func TestLedgerIBMDisputed(t *testing.T) {
	ledgers := ledgerOf(t, ibmFile, "ibm-ar-disputed")
	got := tallyOf(t, ledgers)
	// 383 of the 561 disputed invoices are paid late, fewer by more than a week.
	if n := got.kinds["dispute_raised"]; n == 0 || n > 383 || n != got.kinds["dispute_resolved"] {
		t.Errorf("disputes raised %d, resolved %d; want the same number, at most 383", n, got.kinds["dispute_resolved"])
	}
	for _, l := range ledgers {
		paid, raised := map[string]time.Time{}, map[string]time.Time{}
		for _, f := range l.Facts {
			switch b := f.Body.(type) {
			case dunning.Payment:
				paid[b.Item] = f.At
			case dunning.DisputeRaised:
				raised[b.ID] = f.At
				if !paid[b.Item].IsZero() {
					t.Errorf("item %s disputed after it was paid", b.Item)
				}
			case dunning.DisputeResolved:
				if raised[b.ID].IsZero() || b.Outcome != "closed" {
					t.Errorf("dispute %s resolved as %q without having been raised", b.ID, b.Outcome)
				}
			}
		}
	}
}

// The HighRadius sample comes in whole with all its quirks.
func TestLedgerHighRadius(t *testing.T) {
	ledgers := ledgerOf(t, highFile, "highradius")
	got := tallyOf(t, ledgers)
	if got.kinds["item"] != 123 || got.kinds["payment"] != 98 {
		t.Errorf("facts %v; want 123 items and 98 payments", got.kinds)
	}
	if got.paid["USD"].Decimal()[:7] != "2383489" && got.paid["USD"].Decimal()[:7] != "2383488" {
		t.Errorf("paid %v; want about 2,383,489 USD", got.paid["USD"])
	}
	var accounts []string
	for _, l := range ledgers {
		accounts = append(accounts, l.Account)
		if l.Currency == "CAD" != (len(l.Account) > 4 && l.Account[len(l.Account)-4:] == "/CAD") {
			t.Errorf("account %s in %s: only accounts in another currency than the creditor's carry it", l.Account, l.Currency)
		}
	}
	if !slices.Contains(accounts, "200769623") || slices.Contains(accounts, "0200769623") {
		t.Error("customer 0200769623 and 200769623 must be one account")
	}
	if !slices.IsSorted(accounts) {
		t.Error("accounts must be in the order of their ids")
	}
}

// The fines come in whole: penalties as corrections, appeals as disputes.
func TestLedgerFines(t *testing.T) {
	got := tallyOf(t, ledgerOf(t, finesFile, "fines-derived"))
	want := map[dunning.Kind]int{"item": 10000, "item_corrected": 4635, "payment": 4626, "debtor_known": 10000, "point_known": 10000}
	for kind, n := range want {
		if got.kinds[kind] != n {
			t.Errorf("%d facts of kind %s, want %d", got.kinds[kind], kind, n)
		}
	}
	if n := got.kinds["dispute_raised"]; n < 200 || n > 245 {
		t.Errorf("%d disputes, want nearly all of the 245 appeals (those of cases already paid are left out)", n)
	}
}
