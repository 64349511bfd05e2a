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

func BenchmarkCheck(b *testing.B) {
	all, federal := shipped(b), shipped(b, "us-federal") // dense: no caps of our own, which would count what never connected
	for _, n := range []struct {
		rows, debts int
		dense       bool
	}{{60, 1, false}, {200, 1, false}, {60, 20, false}, {200, 3, false}, {200, 1, true}} {
		q := benchQuery(n.rows, n.debts)
		if n.dense { // every row inside the windows: calls that never connected
			for i := range q.Ledger {
				c := &q.Ledger[i]
				c.At, c.Channel, c.Outcome = q.At.Add(-time.Duration(i*60+300)*time.Minute), "call", "busy_signal"
			}
		}
		set := all
		if n.dense {
			set = federal
		}
		run := func(name string, q contact.Query, allowed bool) {
			b.Run(fmt.Sprintf("%s/rows=%d/debts=%d/dense=%v", name, n.rows, n.debts, n.dense), func(b *testing.B) {
				if v := set.Check(q); v.Allowed != allowed {
					b.Fatalf("allowed is %v: %+v", v.Allowed, v)
				}
				b.ReportAllocs()
				for b.Loop() {
					set.Check(q)
				}
			})
		}
		run("allowed", q, true)
		q.At = time.Date(2026, 5, 5, 14, 0, 0, 0, time.UTC)
		run("refused", q, false)
	}
}
