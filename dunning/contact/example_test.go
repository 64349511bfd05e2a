package contact_test

import (
	"fmt"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Example asks whether an agency may call a consumer in Ohio who was called
// three times this week, under a rule of three calls in seven days.
func Example() {
	pack, faults := contact.Compile(contact.PackSpec{
		Pack: "mine", Version: "1", Kind: "law", Jurisdiction: "US-OH",
		Rules: []contact.RuleSpec{
			{
				ID: "OH-TIME", Title: "Hours of calls", Citation: "Code 1", Channels: []string{"voice"},
				Hours: &contact.HoursSpec{Windows: []contact.WindowSpec{{From: "08:00", To: "21:00"}}},
			},
			{
				ID: "OH-FREQ", Title: "Three calls in seven days", Citation: "Code 2", Channels: []string{"voice"},
				Count: &contact.CountSpec{Max: 3, Days: 7, NotOutcomes: []string{"busy_signal"}},
			},
		},
	})
	if len(faults) > 0 {
		fmt.Println(faults)
		return
	}
	set := contact.NewSet(pack)
	ohio := zone("America/New_York")
	noon := time.Date(2026, 5, 5, 12, 0, 0, 0, ohio)
	called := func(id string, daysAgo int, outcome string) contact.Contact {
		return contact.Contact{
			ID: id, At: noon.AddDate(0, 0, -daysAgo), Direction: contact.Outbound, Channel: "call",
			Outcome: outcome, Person: "C1", Debts: []string{"D1"},
		}
	}
	q := contact.Query{
		At: noon, Channel: "call", Role: contact.ThirdParty, Person: "C1",
		Debts:  []contact.Debt{{ID: "D1", Class: contact.Consumer}},
		Point:  contact.Point{ID: "m1", Kind: "mobile", Usable: true},
		Zones:  []contact.Zone{{Location: ohio, Name: "America/New_York", Evidence: "address home"}},
		Places: []contact.Place{{Jurisdiction: "US-OH", Evidence: "address home"}},
		Ledger: []contact.Contact{called("a", 1, "no_answer"), called("b", 2, "voicemail"), called("c", 4, "no_answer"), called("d", 5, "busy_signal")},
	}
	v := set.Check(q)
	fmt.Println(v.Allowed, v.Rule, v.NotBefore.In(ohio))
	fmt.Println()
	fmt.Print(set.Explain(q, v))
	// Output:
	// false OH-FREQ 2026-05-08 08:00:00 -0400 EDT
	//
	// Refused: call at Tue 2026-05-05 12:00:00 EDT.
	// - OH-FREQ (Code 2): Three calls in seven days: 3 counted in the last 7 dates; the limit is 3. Free from Fri 2026-05-08 00:00:00 EDT.
	// Earliest, if nothing else happens: Fri 2026-05-08 08:00:00 EDT.
	// Asked: call to the debtor at m1 (mobile) about D1 (consumer), purpose: to collect, by a third party.
	// Where the person may be:
	//   America/New_York, where it is 12:00:00 on Tue 2026-05-05 (address home)
	// Whose law may apply:
	//   US-OH (address home)
	// Rules that applied:
	//   allows   OH-TIME, Hours of calls [mine]
	//   refuses  OH-FREQ, Three calls in seven days [mine], until Fri 2026-05-08 00:00:00 EDT
	//            counted about D1 3 of 3 on the dates 2026-04-29 to 2026-05-05: a, b, c
	//            left out, with an outcome that does not count: d
	// Reading: strict. Packs: mine 1.
}
