//go:build e2e

package e2e

import (
	"fmt"
	"testing"
)

// The IBM ledger through the real engine, its two years as they were: 877, 458, 196 and 8
// items in 1,498 contacts, and event by event what the simulator prints.
func TestReplayIBM(t *testing.T) {
	out := standalone(t, "replay", "--items", ibm(t), "--mapping", "ibm-ar", "--sequence", ladderFile(t),
		"--policies", "none", "--rate", "5184000", "--compare")
	steps, contacts := items(timeline(t, out))
	if got, want := fmt.Sprint(steps["a"], steps["b"], steps["c"], steps["d"], contacts), "877 458 196 8 1498"; got != want {
		t.Errorf("items at each step and contacts: %s, want %s", got, want)
	}
}

// The same with the shipped sequence for businesses, its policies, and disputes as holds.
func TestReplayIBMDisputed(t *testing.T) {
	out := standalone(t, "replay", "--items", ibm(t), "--mapping", "ibm-ar-disputed", "--sequence", "business-standard",
		"--rate", "5184000", "--compare")
	events := timeline(t, out)
	_, contacts := items(events)
	deferred := 0
	for _, e := range events {
		if e.Kind == "deferred" {
			deferred++
		}
	}
	if contacts < 500 || deferred == 0 {
		t.Errorf("%d contacts and %d deferrals, want at least 500 and 1", contacts, deferred)
	}
}
