package contact_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning/contact"
)

// permissive is the table of the kinds of facts that may turn a no into a yes,
// and why. Everything else that can be known only ever makes an answer stricter.
var permissive = map[string]string{
	"consent to contact":             "agreed to directly: hours, wishes, calls beyond the count",
	"consent the law wants":          "texts, emails and machines need it (TCPA, D.C., New York, E-SIGN)",
	"contact by the person":          "may be answered once; shows that an address is used, or a number still theirs",
	"request to be called back":      "one call answers it",
	"required notice sent":           "the rule waited for it",
	"validation notice sent":         "the period in which disputes stop collection begins, and can be over",
	"verification sent":              "ends the stop after a dispute",
	"clean number check":             "the number is still theirs",
	"known location":                 "replaces every other candidate zone",
	"attorney consents or is silent": "ends the bar in the law that says so",
	"reminder sent":                  "puts a debtor in default, so that interest may be charged",
	"conversation about the debt":    "opens credit reporting; else it restricts",
	"message sent before":            "a first message must say more than later ones",
}

// addition is one kind of fact and how to draw one and add it.
type addition struct {
	kind string
	add  func(t *rapid.T, q *contact.Query)
}

func pick(t *rapid.T, name string, words ...string) string {
	return rapid.SampledFrom(words).Draw(t, name)
}

func ago(t *rapid.T, q *contact.Query, days int) time.Time {
	return q.At.Add(-time.Duration(rapid.IntRange(0, days*86400).Draw(t, "ago")) * time.Second)
}

// restrictive kinds, and those of the table: all that a query can hold.
var restrictive = []addition{
	{"outbound contact", func(t *rapid.T, q *contact.Query) {
		q.Ledger = append(slices.Clone(q.Ledger), contact.Contact{
			ID: "new", Direction: contact.Outbound, Channel: pick(t, "newChannel", "call", "prerecorded_call", "sms", "email", "letter", "visit"),
			Outcome: pick(t, "newOutcome", "", "conversation", "no_answer", "voicemail", "delivered", "busy_signal", "wrong_person"), Person: pick(t, "newPerson", "C1", ""),
			PointID: "m1", PointKind: pick(t, "newKind", "mobile", "work", "landline", ""), CollectorID: pick(t, "newCollector", "us", ""),
			Purpose: pick(t, "newPurpose", "", "location", "opt_out_confirmation"), At: ago(t, q, 40), State: pick(t, "state", "", "reserved", "unknown", "sending"),
		})
	}},
	{"contact to somebody else", func(t *rapid.T, q *contact.Query) {
		q.Ledger = append(slices.Clone(q.Ledger), contact.Contact{
			ID: "other", Direction: contact.Outbound, Channel: pick(t, "newChannel", "call", "sms", "email"), Outcome: pick(t, "newOutcome", "conversation", "delivered"),
			Person: "spouse", Relation: pick(t, "relation", "spouse", "", "sister"), At: ago(t, q, 9), CollectorID: "us",
		})
	}},
	{"inconvenient time", func(t *rapid.T, q *contact.Query) {
		q.Preferences = append(slices.Clone(q.Preferences), drawWish(t, q.At))
	}},
	{"inconvenient place", func(t *rapid.T, q *contact.Query) {
		q.Preferences = append(slices.Clone(q.Preferences), contact.Preference{
			Kind: contact.InconvenientPlace, At: ago(t, q, 9), Place: pick(t, "place", "home", ""),
		})
	}},
	{"no work calls", func(t *rapid.T, q *contact.Query) {
		q.Preferences = append(slices.Clone(q.Preferences), contact.Preference{
			Kind: contact.NoWorkCalls, At: ago(t, q, 20), Written: rapid.Bool().Draw(t, "written"),
		})
	}},
	{"opt-out", func(t *rapid.T, q *contact.Query) {
		q.OptOuts = append(slices.Clone(q.OptOuts), contact.OptOut{
			Kind: pick(t, "kind", contact.OptOutMedium, contact.OptOutKeyword, contact.OptOutRevocation, contact.OptOutMarketing),
			At:   ago(t, q, 30), Channel: pick(t, "refusedNow", "", "call", "sms", "email"), PointID: pick(t, "refusedPoint", "", "m1", "m2"),
			Keyword: rapid.Bool().Draw(t, "keyword"), Written: rapid.Bool().Draw(t, "written"), By: pick(t, "by", "", "C1"),
		})
	}},
	{"flag", func(t *rapid.T, q *contact.Query) {
		q.Flags = append(slices.Clone(q.Flags), contact.Flag{
			Kind:   pick(t, "flag", contact.FlagAttorney, contact.FlagBankruptcy, contact.FlagDeceased, contact.FlagEmployerProhibits, contact.FlagBreathingSpace),
			Status: pick(t, "flagStatus", "open", "discharged", "dismissed", "standard", "mental_health_crisis"), ContactKnown: rapid.Bool().Draw(t, "contactKnown"), Since: ago(t, q, 9),
		})
	}},
	{"cease or dispute", func(t *rapid.T, q *contact.Query) {
		q.Notices = append(slices.Clone(q.Notices), contact.Notice{
			Kind:    pick(t, "noticeKind", "cease_communication", "refuses_to_pay", "dispute", "original_creditor_request"),
			Written: rapid.Bool().Draw(t, "written"), At: ago(t, q, 9), Duplicative: rapid.Bool().Draw(t, "duplicative"),
		})
	}},
	{"creditor's email notice", func(t *rapid.T, q *contact.Query) {
		q.Notices = append(slices.Clone(q.Notices), contact.Notice{
			Kind: "creditor_email_use_notice", At: ago(t, q, 40), OptedOut: rapid.Bool().Draw(t, "objected"), Deadline: contact.Date(q.At.Unix()/86400 + int64(rapid.IntRange(-20, 20).Draw(t, "deadline"))),
		})
	}},
	{"reassigned number", func(_ *rapid.T, q *contact.Query) {
		q.Checks = append(slices.Clone(q.Checks), contact.NumberCheck{PointID: "m1", At: q.At, Reassigned: true})
	}},
	{"another candidate zone", func(t *rapid.T, q *contact.Query) {
		name := rapid.SampledFrom(oracleZones).Draw(t, "newZone")
		q.Zones = append(slices.Clone(q.Zones), contact.Zone{Location: zone(name), Name: name})
	}},
	{"another candidate place", func(t *rapid.T, q *contact.Query) {
		q.Places = append(slices.Clone(q.Places), contact.Place{Jurisdiction: pick(t, "newPlace", "US-NY-NYC", "US-CA", "US-DC", "US-WA", "US-NV", "US-WV", "US-MI", "US-OR", "GB-EAW", "IN", "AU", "CA-ON", "CA-QC", "DE")})
	}},
	{"a third person's number", func(_ *rapid.T, q *contact.Query) { q.Point.Owner = "roommate" }},
	{"others hear it", func(_ *rapid.T, q *contact.Query) { q.Point.Shared = true }},
	{"the point is dead", func(_ *rapid.T, q *contact.Query) { q.Point.Usable = false }},
	{"a debt more", func(t *rapid.T, q *contact.Query) {
		q.Debts = append(slices.Clone(q.Debts), contact.Debt{
			ID: "D2", Class: contact.Consumer, Kind: pick(t, "debtKind", "medical", "", "mortgage"), ChargedOff: rapid.Bool().Draw(t, "chargedOff"),
			TimeBarred: rapid.Bool().Draw(t, "barred"),
		})
	}},
}

var permitting = []addition{
	{"consent to contact", func(t *rapid.T, q *contact.Query) {
		q.Consents = append(slices.Clone(q.Consents), contact.Consent{
			ID: "k", Kind: "contact", By: "C1", GivenTo: "us", Direct: true, At: ago(t, q, 9), Frequency: rapid.Bool().Draw(t, "frequency"),
			Hours: rapid.Bool().Draw(t, "hours"), From: 0, To: 86400,
		})
	}},
	{"consent the law wants", func(t *rapid.T, q *contact.Query) {
		q.Consents = append(slices.Clone(q.Consents), contact.Consent{
			ID: "k", Kind: pick(t, "consentKind", "tcpa", "dc_ecomm", "nyc_ecomm", "ny_email", "esign"), By: "C1", Written: true, At: ago(t, q, 9),
		})
	}},
	{"contact by the person", func(t *rapid.T, q *contact.Query) {
		q.Ledger = append(slices.Clone(q.Ledger), contact.Contact{
			ID: "in", Direction: contact.Inbound, Channel: pick(t, "inChannel", "call", "sms", "email", "web_portal"), Outcome: pick(t, "inOutcome", "received", "conversation", "voicemail_left_by_consumer"),
			Person: "C1", PointID: "m1", CollectorID: "us", At: ago(t, q, 1),
		})
	}},
	{"request to be called back", func(t *rapid.T, q *contact.Query) {
		q.Preferences = append(slices.Clone(q.Preferences), contact.Preference{Kind: contact.CallbackRequest, By: "C1", At: ago(t, q, 2)})
	}},
	{"required notice sent", func(t *rapid.T, q *contact.Query) {
		q.Notices = append(slices.Clone(q.Notices), contact.Notice{
			Kind: pick(t, "required", "on_written_notice", "dc_m2A_notice", "nv_medical_notice", "debt_letter"), Channel: "letter",
			Method: "certified", At: ago(t, q, 90),
		})
	}},
	{"validation notice sent", func(t *rapid.T, q *contact.Query) {
		q.Notices = append(slices.Clone(q.Notices), contact.Notice{Kind: "validation_notice", Channel: "letter", At: ago(t, q, 90)})
	}},
	{"verification sent", func(t *rapid.T, q *contact.Query) {
		q.Notices = append(slices.Clone(q.Notices), contact.Notice{Kind: pick(t, "verified", "verification_sent", "duplicative_dispute_notice"), At: ago(t, q, 5)})
	}},
	{"clean number check", func(_ *rapid.T, q *contact.Query) {
		q.Checks = append(slices.Clone(q.Checks), contact.NumberCheck{PointID: "m1", At: q.At})
	}},
	{"known location", func(t *rapid.T, q *contact.Query) {
		name := rapid.SampledFrom(oracleZones).Draw(t, "knownZone")
		q.Zones = []contact.Zone{{Location: zone(name), Name: name}}
	}},
}

// TestAddingFacts: whatever is known, one fact more turns a no into a yes, or
// brings the earliest instant forward, only if its kind is in the table.
func TestAddingFacts(t *testing.T) {
	set := shipped(t)
	for _, a := range restrictive {
		if permissive[a.kind] != "" {
			t.Fatalf("%s is drawn as restrictive and is in the table of permissive kinds", a.kind)
		}
	}
	all := slices.Concat(restrictive, permitting)
	check := func(t *rapid.T) {
		q := drawQuery(t)
		q.Channel = pick(t, "asked", q.Channel, "prerecorded_call", "letter", "visit", q.Channel)
		q.Purpose = pick(t, "purpose", "", "", "opt_out_confirmation", "location", "validation_notice", "ask_for_text_consent", "voicemail")
		q.Automated = rapid.Bool().Draw(t, "automated")
		q.Point.Kind = pick(t, "pointKind", "mobile", "work", "landline", "")
		q.Point.Place = pick(t, "pointPlace", "home", "")
		for range rapid.IntRange(0, 3).Draw(t, "already") {
			all[rapid.IntRange(0, len(all)-1).Draw(t, "known")].add(t, &q)
		}
		before := set.Check(q)
		for _, a := range all {
			more := q
			a.add(t, &more)
			after := set.Check(more)
			if permissive[a.kind] != "" {
				continue
			}
			if !before.Allowed && after.Allowed {
				t.Fatalf("%s turned no into yes\nbefore: %safter: %s", a.kind, set.Explain(q, before), set.Explain(more, after))
			}
			if !before.Allowed && !after.Allowed && later(before.NotBefore, after.NotBefore) {
				t.Fatalf("%s brought the earliest instant forward\nbefore: %safter: %s", a.kind, set.Explain(q, before), set.Explain(more, after))
			}
		}
	}
	for round := range 10 { // a thousand queries, as rapid draws a hundred
		rapid.Check(t, func(t *rapid.T) {
			elsewhere(t, round)
			check(t)
		})
	}
}

// TestPermissiveFacts: each kind of the table does turn some no into a yes, so
// that nothing stands in the table without need.
func TestPermissiveFacts(t *testing.T) {
	set := shipped(t, "us-federal", "us-dc", "us-ny-nyc", "us-fl", "ca-on", "de")
	in := func(place string, change func(*contact.Query)) contact.Query {
		q := base()
		q.Places = []contact.Place{{Jurisdiction: place}}
		change(&q)
		return q
	}
	none := func(*contact.Query) {}
	dispute := contact.Notice{Kind: "dispute", Written: true, At: at("2026-05-01 12:00")}
	attorney := contact.Flag{Kind: contact.FlagAttorney, ContactKnown: true, Since: at("2026-01-01 12:00")}
	first := &contact.Content{OptOutNotice: contact.Yes, SimpleOptOut: contact.Yes, LaterDisclosure: contact.Yes}
	charge := func(q *contact.Query) {
		q.Channel, q.Charge, q.Debts = "charge", &contact.Charge{Interest: true}, []contact.Debt{{ID: "D1", Class: contact.Consumer, Due: contact.DateOf(2026, 4, 1)}}
	}
	unproven := maps.Clone(permissive)
	for _, c := range []struct {
		kind string
		q    contact.Query
		add  func(*contact.Query)
	}{
		{"consent to contact", in("US-OH", func(q *contact.Query) { q.At, q.CollectorID = at("2026-05-05 22:00"), "us" }), func(q *contact.Query) {
			q.Consents = []contact.Consent{{Kind: "contact", Direct: true, GivenTo: "us", At: at("2026-05-01 12:00")}}
		}},
		{"consent the law wants", in("US-OH", func(q *contact.Query) { q.Channel = "prerecorded_call" }), func(q *contact.Query) {
			q.Consents = []contact.Consent{{Kind: "tcpa", At: at("2026-05-01 12:00")}}
		}},
		{"contact by the person", in("US-OH", func(q *contact.Query) { q.At = at("2026-05-05 22:00") }), func(q *contact.Query) {
			q.Ledger = []contact.Contact{inbound("2026-05-05 21:50", "call", "voicemail_left_by_consumer")}
		}},
		{"request to be called back", in("US-DC", func(q *contact.Query) {
			q.Role = contact.FirstParty
			for _, d := range []string{"2026-05-01", "2026-05-02", "2026-05-03", "2026-05-04"} {
				q.Ledger = append(q.Ledger, call(d+" 12:00", "no_answer"))
			}
		}), func(q *contact.Query) {
			q.Preferences = []contact.Preference{{Kind: contact.CallbackRequest, At: at("2026-05-05 09:00")}}
		}},
		{"required notice sent", in("CA-ON", none), func(q *contact.Query) {
			q.Notices = []contact.Notice{{Kind: "on_written_notice", Channel: "letter", At: at("2026-04-01 12:00")}}
		}},
		{"validation notice sent", in("US-OH", func(q *contact.Query) { q.Notices = []contact.Notice{dispute} }), func(q *contact.Query) {
			q.Notices = append(slices.Clone(q.Notices), contact.Notice{Kind: "validation_notice", At: at("2026-01-05 12:00")})
		}},
		{"verification sent", in("US-OH", func(q *contact.Query) { q.Notices = []contact.Notice{dispute} }), func(q *contact.Query) {
			q.Notices = append(slices.Clone(q.Notices), contact.Notice{Kind: "verification_sent", At: at("2026-05-02 12:00")})
		}},
		{"clean number check", in("US-OH", func(q *contact.Query) {
			q.Channel, q.Checks = "sms", []contact.NumberCheck{{PointID: q.Point.ID, At: at("2026-05-01 12:00"), Reassigned: true}}
		}), func(q *contact.Query) {
			q.Checks = append(slices.Clone(q.Checks), contact.NumberCheck{PointID: q.Point.ID, At: at("2026-05-02 12:00")})
		}},
		{"known location", in("US-OH", func(q *contact.Query) { q.At = at("2026-05-05 22:00") }), func(q *contact.Query) {
			q.Zones = []contact.Zone{{Location: zone("Pacific/Honolulu"), Name: "Pacific/Honolulu"}}
		}},
		{"attorney consents or is silent", in("US-FL", func(q *contact.Query) { q.Role, q.Flags = contact.FirstParty, []contact.Flag{attorney} }), func(q *contact.Query) {
			silent := attorney
			silent.WrittenTo = at("2026-03-01 12:00")
			q.Flags = []contact.Flag{silent}
		}},
		{"reminder sent", in("DE", charge), func(q *contact.Query) {
			q.Ledger = []contact.Contact{{ID: "m", Direction: contact.Outbound, Channel: "letter", At: at("2026-04-10 12:00"), Debts: []string{"D1"}}}
		}},
		{"conversation about the debt", in("US-OH", func(q *contact.Query) { q.Channel, q.Relation = "credit_report", "cra" }), func(q *contact.Query) {
			q.Debtor = q.Person
			q.Ledger = []contact.Contact{call("2026-05-01 12:00", "conversation")}
		}},
		{"message sent before", in("US-OH", func(q *contact.Query) { q.Channel, q.Content = "email", first }), func(q *contact.Query) {
			q.Ledger = []contact.Contact{{ID: "e", Direction: contact.Outbound, Channel: "email", Person: q.Person, At: at("2026-05-01 12:00")}}
		}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			if permissive[c.kind] == "" {
				t.Fatal("it is not in the table")
			}
			if v := set.Check(c.q); v.Allowed {
				t.Fatal("it is allowed before")
			}
			more := c.q
			c.add(&more)
			if v := set.Check(more); !v.Allowed {
				t.Errorf("still refused:\n%s", set.Explain(more, v))
			}
		})
		delete(unproven, c.kind)
	}
	if len(unproven) > 0 {
		t.Errorf("nothing shows that these may turn a no into a yes: %v", unproven)
	}
}
