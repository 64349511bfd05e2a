package contact_test

import (
	"testing"

	"github.com/duly/duly/dunning/contact"
)

// BenchmarkWorst: candidate zones whose windows never meet, an answer due, and
// a wish that leaves an hour a day: the search runs to its horizon.
func BenchmarkWorst(b *testing.B) {
	set := shipped(b)
	q := base()
	q.At = at("2026-05-05 23:00")
	q.Zones = nil
	for _, n := range []string{"Pacific/Honolulu", "Pacific/Auckland", "Europe/London", "Asia/Kathmandu", "America/New_York"} {
		q.Zones = append(q.Zones, contact.Zone{Location: zone(n), Name: n})
	}
	q.Preferences = []contact.Preference{
		{Kind: contact.InconvenientTime, At: at("2026-05-01 12:00"), From: 8 * 3600, To: 20 * 3600},
		{Kind: contact.InconvenientTime, At: at("2026-05-01 12:00"), From: 21 * 3600, To: 7 * 3600},
	}
	q.Ledger = []contact.Contact{inbound("2026-05-05 22:50", "call", "conversation")}
	if v := set.Check(q); v.Allowed || !v.NotBefore.IsZero() {
		b.Fatalf("%+v", v)
	}
	b.ReportAllocs()
	for b.Loop() {
		set.Check(q)
	}
}
