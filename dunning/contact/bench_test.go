package contact_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// benchQuery is a third party's call to a consumer in California with a New
// York mobile: more than twenty rules apply.
func benchQuery(rows, debts int) contact.Query {
	ny, ca := zone("America/New_York"), zone("America/Los_Angeles")
	q := contact.Query{
		At: time.Date(2026, 5, 5, 17, 0, 0, 0, time.UTC), Channel: "call", Role: contact.ThirdParty, DebtorKind: contact.Consumer,
		CollectorID: "agency-1", Person: "C1", Debtor: "C1",
		Point:       contact.Point{ID: "m1", Kind: "mobile", Usable: true},
		Zones:       []contact.Zone{{Location: ca, Name: "America/Los_Angeles"}, {Location: ny, Name: "America/New_York"}},
		Places:      []contact.Place{{Jurisdiction: "US-CA"}},
		Preferences: []contact.Preference{{Kind: contact.InconvenientTime, By: "C1", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Days: 1 << 3, From: 9 * 3600, To: 10 * 3600}},
		OptOuts:     []contact.OptOut{{Kind: contact.OptOutMedium, By: "C1", Channel: "email", At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}},
	}
	for i := range debts {
		q.Debts = append(q.Debts, contact.Debt{ID: fmt.Sprintf("D%d", i+1), Class: contact.Consumer})
	}
	channels := []string{"email", "letter", "sms", "call"}
	outcomes := []string{"delivered", "sent", "delivered", "no_answer"}
	for i := range rows {
		q.Ledger = append(q.Ledger, contact.Contact{
			ID: fmt.Sprintf("h%d", i), At: q.At.Add(-time.Duration(i*26+30) * time.Hour), Direction: contact.Outbound,
			Channel: channels[i%4], Outcome: outcomes[i%4], Person: "C1", PointID: "m1", PointKind: "mobile", Debts: []string{fmt.Sprintf("D%d", i%debts+1)}, CollectorID: "agency-1", State: "accepted",
		})
	}
	return q
}

// dense puts every row of the ledger inside the windows: calls of one outcome.
func dense(q contact.Query, outcome string) contact.Query {
	for i := range q.Ledger {
		c := &q.Ledger[i]
		c.At, c.Channel, c.Outcome = q.At.Add(-time.Duration(i*45+300)*time.Minute), "call", outcome
	}
	return q
}

func BenchmarkCheck(b *testing.B) {
	all, federal := shipped(b), shipped(b, "us-federal") // dense and allowed: no caps of our own, which would count what never connected
	run := func(name string, set contact.Set, q contact.Query, allowed bool) {
		b.Run(name, func(b *testing.B) {
			if v := set.Check(q); v.Allowed != allowed {
				b.Fatalf("allowed is %v: %+v", v.Allowed, v)
			}
			if n := len(set.Trace(q)); set[0].ID() != "" && n < 15 {
				b.Fatalf("only %d rules apply", n)
			}
			b.ReportAllocs()
			for b.Loop() {
				set.Check(q)
			}
		})
	}
	early := time.Date(2026, 5, 5, 14, 0, 0, 0, time.UTC) // seven in California
	for _, n := range []struct{ rows, debts int }{{60, 1}, {200, 1}, {60, 20}, {200, 3}} {
		q := benchQuery(n.rows, n.debts)
		name := fmt.Sprintf("rows=%d/debts=%d", n.rows, n.debts)
		run("allowed/"+name, all, q, true)
		q.At = early
		run("refused/"+name, all, q, false)
	}
	q := dense(benchQuery(200, 1), "busy_signal")
	run("dense/allowed", federal, q, true)
	q.At = early
	run("dense/hours", federal, q, false)
	run("dense/counts", all, dense(benchQuery(200, 1), "no_answer"), false)
}
