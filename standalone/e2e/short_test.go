package e2e

import (
	"testing"
)

// A small portfolio lives through some weeks: everything that must happen does, and every
// guarantee holds.
func TestShortRehearsal(t *testing.T) {
	r := report(t, standalone(t, "demo", "--accounts", "40", "--days", "24", "--rate", "864000", "--exit", "--http", "", "--output", "json"))
	checkGuarantees(t, r)
	s := r.Summary
	for what, n := range map[string]int{
		"contacts": total(s.Contacts), "deferrals": total(s.Deferred), "tasks": total(s.Tasks), "plans offered": s.Offers,
		"promises": total(s.Promises), "disputes": total(s.Disputes), "payments": s.Payments, "closed cases": total(s.Closed), "open cases": s.Open,
	} {
		if n == 0 {
			t.Errorf("no %s in the weeks of 40 debtors", what)
		}
	}
	if s.Accounts != 40 {
		t.Errorf("%d accounts, want 40", s.Accounts)
	}
}

// The first customers of a real ledger go through the engine: the same timeline, event by
// event, as the simulator's.
func TestReducedReplay(t *testing.T) {
	const customers = 4
	out := standalone(t, "replay", "--items", firstCustomers(t, customers), "--mapping", "ibm-ar", "--sequence", ladderFile(t),
		"--policies", "none", "--rate", "8640000", "--compare")
	steps, contacts := items(timeline(t, out))
	if contacts < 20 || steps["a"] < contacts/3 || steps["b"] == 0 {
		t.Errorf("%d contacts, items by step %v: too few to prove anything", contacts, steps)
	}
}
