//go:build e2e

package contact_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// millions of random checks that TestMillions makes; each worker draws from a
// stream of its own, so that a failure can be repeated by its number.
const millions = 10_000_000

// TestMillions: ten million checks of random queries, sense and nonsense, by
// all packs: none panics, none contradicts itself. Queries are built with a
// plain generator, because shrinking is of no use at this number.
func TestMillions(t *testing.T) {
	set := shipped(t)
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 20261121))
			for i := range millions / workers {
				q := randomQuery(r)
				v := set.Check(q)
				if v.Allowed != (len(v.Reasons) == 0) || v.Allowed && !v.NotBefore.IsZero() || !v.NotBefore.IsZero() && !v.NotBefore.After(q.At.Truncate(time.Second)) {
					t.Errorf("worker %d, check %d: %+v of %+v", w, i, v, q)
					return
				}
			}
		})
	}
	wg.Wait()
}

func oneOf(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func randomQuery(r *rand.Rand) contact.Query {
	at := time.Unix(r.Int64N(4_000_000_000), r.Int64N(2)*500_000_000).UTC()
	q := contact.Query{
		At: at, Channel: oneOf(r, "call", "prerecorded_call", "sms", "email", "letter", "postcard", "visit", "social_public", "charge", "credit_report", "fax", ""),
		Purpose: oneOf(r, "", "location", "opt_out_confirmation", "voicemail", "commercial_offer", "validation_notice", "ask_for_email_consent", "nonsense"),
		Role:    oneOf(r, "first_party", "third_party", "third_party", ""), DebtorKind: oneOf(r, "consumer", "business", ""), CollectorID: oneOf(r, "us", ""),
		Automated: r.IntN(2) == 0, Person: "C1", Debtor: oneOf(r, "C1", "", "C2"), Relation: oneOf(r, "", "debtor", "spouse", "attorney", "roommate"),
		Point: contact.Point{
			ID: "m1", Kind: oneOf(r, "mobile", "work", "landline", "employer", ""), Place: oneOf(r, "home", ""), Shared: r.IntN(3) == 0,
			Owner: oneOf(r, "", "", "roommate"), Usable: r.IntN(9) > 0,
		},
		Ambiguity: oneOf(r, "strict", "literal", "?"), Ignore: oneOf(r, "", "h1"),
	}
	for range r.IntN(3) {
		q.Debts = append(q.Debts, contact.Debt{
			ID: oneOf(r, "D1", "D2", ""), Class: oneOf(r, "consumer", "commercial", ""), Kind: oneOf(r, "", "medical", "mortgage"),
			ChargedOff: r.IntN(2) == 0, TimeBarred: r.IntN(2) == 0, Due: contact.Date(r.IntN(40000)), Received: contact.Date(r.IntN(40000)),
			Amount: oneOf(r, "", "10.00", "x"), Currency: oneOf(r, "", "EUR"),
		})
	}
	for range r.IntN(4) {
		name := oracleZones[r.IntN(len(oracleZones))]
		q.Zones = append(q.Zones, contact.Zone{Location: zone(name), Name: name})
	}
	for range r.IntN(3) {
		q.Places = append(q.Places, contact.Place{Jurisdiction: oneOf(r, "US-OH", "US-NY-NYC", "US-CA", "US-DC", "US-WA", "US-MA", "GB-EAW", "AU-NSW", "CA-ON", "CA-QC", "DE", "IN", "XX", "")})
	}
	randomFacts(r, &q)
	if r.IntN(2) == 0 {
		tri := func() contact.Tri { return contact.Tri(r.IntN(3)) }
		q.Content = &contact.Content{
			OptOutNotice: tri(), SimpleOptOut: tri(), OnlyConfirmation: tri(), InitialDisclosure: tri(), NothingElse: tri(),
			RevealsDebtCollection: tri(), DemandsEarlyPayment: tri(),
		}
		q.Charge = &contact.Charge{
			FixedSum: oneOf(r, "", "40.00", "-1"), LumpSum: oneOf(r, "", "40", "99999999999999999999"), Interest: r.IntN(2) == 0,
			Points: oneOf(r, "", "5", "9,0"),
		}
	}
	return q
}

func randomFacts(r *rand.Rand, q *contact.Query) {
	back := func() time.Time { return q.At.Add(-time.Duration(r.Int64N(40*86400)) * time.Second) }
	for range r.IntN(12) {
		q.Ledger = append(q.Ledger, contact.Contact{
			ID: oneOf(r, "h1", "h2", ""), At: back().Add(time.Duration(r.IntN(2)) * time.Hour), Direction: oneOf(r, "outbound", "outbound", "inbound", ""), Channel: oneOf(r, "call", "sms", "email", "letter", "web_portal", "?"),
			Outcome: oneOf(r, "", "conversation", "no_answer", "busy_signal", "delivered", "answered_busy", "?"), Person: oneOf(r, "C1", "", "spouse"), Relation: oneOf(r, "", "spouse"),
			PointID: oneOf(r, "m1", "m2", ""), PointKind: oneOf(r, "mobile", "work", "landline", ""), Debts: [][]string{nil, {"D1"}, {"D1", "D2"}, {}}[r.IntN(4)],
			Purpose: oneOf(r, "", "location", "opt_out_confirmation"), CollectorID: oneOf(r, "us", "", "them"), State: oneOf(r, "", "reserved", "unknown", "failed"),
		})
	}
	for range r.IntN(3) {
		q.Preferences = append(q.Preferences, contact.Preference{
			ID: "p", Kind: contact.PreferenceKind(oneOf(r, "inconvenient_time", "inconvenient_place", "no_work_calls", "callback_request", "?")),
			By: oneOf(r, "C1", ""), At: back(), Days: contact.Weekdays(r.IntN(256)), From: r.IntN(86401), To: r.IntN(86401),
			Place: oneOf(r, "", "home"), Written: r.IntN(2) == 0,
		})
		q.Consents = append(q.Consents, contact.Consent{
			ID: "c", Kind: oneOf(r, "contact", "tcpa", "nyc_ecomm", "dc_ecomm", "esign"), By: oneOf(r, "C1", ""), GivenTo: oneOf(r, "us", ""),
			Direct: r.IntN(2) == 0, At: back(), Frequency: r.IntN(2) == 0, Hours: r.IntN(2) == 0, From: r.IntN(86401), To: r.IntN(86401),
			OnlyOn: contact.Date(r.IntN(2) * int(q.At.Unix()/86400)),
		})
		q.OptOuts = append(q.OptOuts, contact.OptOut{
			ID: "o", Kind: oneOf(r, contact.OptOutMedium, contact.OptOutKeyword, contact.OptOutRevocation, contact.OptOutMarketing, "?"),
			At: back(), Channel: oneOf(r, "", "sms", "call", "email"), PointID: oneOf(r, "", "m1"), Keyword: r.IntN(2) == 0,
		})
		q.Notices = append(q.Notices, contact.Notice{
			ID:   "n",
			Kind: oneOf(r, "validation_notice", "dispute", "verification_sent", "cease_communication", "creditor_email_use_notice", "debt_letter", "on_written_notice", "?"),
			At:   back(), Channel: oneOf(r, "letter", ""), Written: r.IntN(2) == 0, OptedOut: r.IntN(3) == 0,
			Deadline: contact.Date(r.IntN(2) * int(q.At.Unix()/86400)),
		})
		q.Flags = append(q.Flags, contact.Flag{
			ID: "f", Kind: oneOf(r, contact.FlagAttorney, contact.FlagBankruptcy, contact.FlagDeceased, contact.FlagBreathingSpace, "?"),
			Status: oneOf(r, "open", "standard", ""), Since: back(), Until: []time.Time{{}, back(), q.At.Add(time.Hour)}[r.IntN(3)],
			ContactKnown: r.IntN(2) == 0, WrittenTo: back(),
		})
		q.Checks = append(q.Checks, contact.NumberCheck{PointID: oneOf(r, "m1", "m2"), At: back(), Reassigned: r.IntN(2) == 0})
	}
}
