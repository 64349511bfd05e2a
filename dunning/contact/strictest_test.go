package contact_test

import (
	"testing"

	"github.com/duly/duly/dunning/contact"
)

// TestWhatIsNotKnownProtects: a rule reaches a debtor or a debt whose kind nobody recorded,
// and a fact that is not yet known reaches nobody.
func TestWhatIsNotKnownProtects(t *testing.T) {
	consumers := rules(t, "  - id: K\n    citation: c\n    channels: [call]\n    debtors: [consumer]\n    forbid: {always: true}\n")
	run(t, consumers, []kindCase{
		{"a rule for consumers reaches a consumer", nil, false, ""},
		{"not a business", func(q *contact.Query) { q.DebtorKind = contact.Business }, true, ""},
		{"and a debtor of unknown kind", func(q *contact.Query) { q.DebtorKind = "" }, false, ""},
	})
	medical := rules(t, "  - id: M\n    citation: c\n    channels: [call]\n    debt_kinds: [medical]\n    forbid: {always: true}\n")
	run(t, medical, []kindCase{
		{"a rule for medical debts reaches one", func(q *contact.Query) { q.Debts[0].Kind = "medical" }, false, ""},
		{"not another kind", func(q *contact.Query) { q.Debts[0].Kind = "credit_card" }, true, ""},
		{"and a debt of unknown kind", nil, false, ""},
	})
	silence := rules(t, "  - id: S\n    citation: c\n    channels: [voice]\n    silence: {days: 7, outcomes: [conversation], inbound: true}\n")
	run(t, silence, []kindCase{
		{"of two conversations the later one counts, whichever is listed first", func(q *contact.Query) {
			q.Ledger = []contact.Contact{call("2026-04-28 12:00", "conversation"), call("2026-05-01 12:00", "conversation")}
		}, false, "2026-05-08 00:00"},
		{"or last", func(q *contact.Query) {
			q.Ledger = []contact.Contact{call("2026-05-01 12:00", "conversation"), call("2026-04-28 12:00", "conversation")}
		}, false, "2026-05-08 00:00"},
		{"a call that comes in later today is not yet known", func(q *contact.Query) {
			q.Ledger = []contact.Contact{inbound("2026-05-05 13:00", "call", "conversation")}
		}, true, ""},
	})
}

// TestCourtesyHoursInOnePlaceOfTwo: courtesy hours give way to law only where law sets hours
// in every place that the person may be in.
func TestCourtesyHoursInOnePlaceOfTwo(t *testing.T) {
	law := spec(t, "  - id: LAW\n    citation: c\n    channels: [call]\n    hours: {windows: [{from: \"06:00\", to: \"23:00\"}]}\n")
	law.Pack, law.Jurisdiction = "ma", "US-MA"
	set := contact.NewSet(compile(t, law), compile(t, spec(t, "  - id: COURTESY\n    citation: c\n    channels: [call]\n    hours: {windows: [{from: \"08:00\", to: \"21:00\"}], fallback: true}\n")))
	late := func(places ...string) func(*contact.Query) {
		return func(q *contact.Query) {
			q.At, q.Places = at("2026-05-05 22:00"), nil
			for _, p := range places {
				q.Places = append(q.Places, contact.Place{Jurisdiction: p})
			}
		}
	}
	run(t, set, []kindCase{
		{"where law sets hours they hold alone", late("US-MA"), true, ""},
		{"where it sets none, courtesy holds", late("US-OH"), false, "2026-05-06 08:00"},
		{"who may be in either is spared by both", late("US-MA", "US-OH"), false, "2026-05-06 08:00"},
	})
}

// TestTiesGoToTheFirst: of two rules that refuse until the same instant, the refusal names
// the one whose pack comes first: law before the house.
func TestTiesGoToTheFirst(t *testing.T) {
	one := "\n    citation: c\n    channels: [voice]\n    count: {max: 1, days: 3}\n"
	law, house := spec(t, "  - id: LAW"+one), spec(t, "  - id: HOUSE"+one)
	house.Pack, house.Kind = "house", "house"
	set := contact.NewSet(compile(t, house), compile(t, law))
	q := base()
	q.Ledger = []contact.Contact{call("2026-05-05 09:00", "no_answer")}
	if v := set.Check(q); v.Allowed || len(v.Reasons) != 2 || v.Rule != "LAW" {
		t.Errorf("%+v", v)
	}
}

// TestMidnightThatIsSwallowedOrRepeated: a day begins with its first instant, where clocks
// skip midnight or pass it twice (Cairo does both).
func TestMidnightThatIsSwallowedOrRepeated(t *testing.T) {
	set := rules(t, "  - id: C\n    citation: c\n    channels: [voice]\n    count: {max: 1, days: 1}\n")
	cairo := func(noon string) func(*contact.Query) {
		return func(q *contact.Query) {
			q.At, q.Zones = at(noon), []contact.Zone{{Location: zone("Africa/Cairo"), Name: "Africa/Cairo"}}
			q.Ledger = []contact.Contact{call(noon, "no_answer")}
		}
	}
	run(t, set, []kindCase{
		{"24 April 2026 begins at one in the morning", cairo("2026-04-23 12:00"), false, "2026-04-23 18:00"},
		{"30 October 2026 begins when midnight comes for the second time", cairo("2026-10-29 12:00"), false, "2026-10-29 18:00"},
	})
}

// TestInconvenientTimeOverAClockChange: a wish ends by the clock on the wall.
func TestInconvenientTimeOverAClockChange(t *testing.T) {
	set := rules(t, "  - id: W\n    citation: c\n    channels: [voice]\n    wish: {kind: inconvenient_time}\n")
	night := func(when string) func(*contact.Query) {
		return func(q *contact.Query) {
			q.At = at(when)
			q.Preferences = []contact.Preference{{ID: "p", Kind: contact.InconvenientTime, At: at("2026-01-01 12:00"), From: 0, To: 5 * 3600}}
		}
	}
	run(t, set, []kindCase{
		{"five o'clock comes an hour sooner in spring", night("2026-03-08 00:30"), false, "2026-03-08 05:00"},
		{"and an hour later in autumn", night("2026-11-01 00:30"), false, "2026-11-01 05:00"},
	})
}
