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

// The same with every process on its own, as the rehearsal's document says: who serves, a
// worker that is killed once, and who plays. Nothing else in continuous integration sees
// that they find one another: addresses, keys, the clock.
func TestShortProcesses(t *testing.T) {
	a, n := *accounts, *days
	t.Cleanup(func() { *accounts, *days = a, n })
	*accounts, *days = 12, 8
	d := newDuly(t, nil, "--patience", "3m")
	d.day(3)
	d.killWorker()
	r := report(t, d.finish())
	checkGuarantees(t, r)
	if total(r.Summary.Contacts) == 0 {
		t.Error("nothing was sent in the days of 12 debtors")
	}
}
