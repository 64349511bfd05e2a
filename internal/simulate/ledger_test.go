package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
)

// agency is an agency's account in Pennsylvania, where federal law alone counts calls.
func agency(t *testing.T) dunning.Setup {
	t.Helper()
	cfg := lawAndCalendars(t)
	return dunning.Setup{
		Creditor: dunning.Creditor{ID: "c", Role: "third_party", Zone: "America/New_York"}, Debtor: "d", Account: "a", Currency: "USD",
		Policies: packs(t, cfg, []string{"us-federal"}), Zone: zoneByName,
	}
}

// drawn is one contact of a history with what a dumb oracle must know of it.
type drawn struct {
	dunning.ContactLogged
	account string
	at      time.Time
}

var (
	ledgerZone  = zoneByName("America/New_York")
	ledgerStart = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC) // 10:00 in New York; clocks change on the 8th
)

// drawHistory draws calls and texts of collectors, of the debtor, of the old dialler and
// of another collector, about this debt, another, or both.
func drawHistory(t *rapid.T) []drawn {
	var out []drawn
	for i := range rapid.IntRange(0, 25).Draw(t, "contacts") {
		d := drawn{account: "a", at: ledgerStart.Add(time.Duration(rapid.IntRange(-20*24*60, 0).Draw(t, "minute")) * time.Minute)}
		d.ContactLogged = dunning.ContactLogged{
			ID: fmt.Sprint("x", i), Channel: rapid.SampledFrom([]dunning.Channel{dunning.Call, dunning.Call, dunning.Call, dunning.SMS}).Draw(t, "channel"),
			Direction: rapid.SampledFrom([]string{"outbound", "outbound", "outbound", "inbound"}).Draw(t, "direction"),
			Outcome:   rapid.SampledFrom([]string{"no_answer", "no_answer", "voicemail", "busy_signal", "unknown", "conversation", "not_in_service"}).Draw(t, "outcome"),
			Person:    rapid.SampledFrom([]string{"", "", "", "spouse"}).Draw(t, "person"),
			Creditor:  rapid.SampledFrom([]string{"", "c", "c", "another"}).Draw(t, "collector"),
			Debts:     rapid.SampledFrom([][]string{nil, {"a"}, {"b"}, {"a", "b"}}).Draw(t, "debts"),
		}
		if rapid.IntRange(0, 3).Draw(t, "dialled for") == 0 {
			d.account = "b"
		}
		out = append(out, d)
	}
	return out
}

// forbidden is the rule as it is written (12 CFR 1006.14(b)(2)), in the strict reading:
// seven calls placed in the last seven dates, or a conversation in them, today included.
func forbidden(history []drawn, at time.Time) bool {
	today := contact.DateOf(at.In(ledgerZone).Date())
	calls := 0
	for _, h := range history {
		debts := h.Debts
		if debts == nil {
			debts = []string{h.account}
		}
		ago := today - contact.DateOf(h.at.In(ledgerZone).Date())
		if ago > 6 || h.Channel != dunning.Call || h.Person != "" || h.Creditor == "another" || !slices.Contains(debts, "a") {
			continue
		}
		if h.Outcome == "conversation" || h.Outcome == "unknown" {
			return true
		}
		if h.Direction == "outbound" && h.Outcome != "busy_signal" && h.Outcome != "not_in_service" {
			calls++
		}
	}
	return calls >= 7
}

// No history, in any order of arrival, leads to an eighth counted call in seven dates or
// to a call on days 1 to 7 of a conversation: every contact counts in one ledger, whoever
// made it and however late it was entered.
func TestOneLedger(outer *testing.T) {
	setup := agency(outer)
	rapid.Check(outer, func(t *rapid.T) {
		history := drawHistory(t)
		at := ledgerStart.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "later")) * time.Hour)
		facts := []dunning.Fact{
			{At: at, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Places: []string{"US-PA"}}},
			{At: at, Body: dunning.PointKnown{ID: "p", Channel: dunning.Call, PointKind: "mobile"}},
			{At: at, Account: "a", Body: dunning.Item{Key: "A", Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: money.MustParse("10", "USD"), Class: "consumer"}},
		}
		arrived := slices.Clone(history)
		rand.New(rand.NewPCG(uint64(rapid.IntRange(0, 1<<30).Draw(t, "order")), 1)).Shuffle(len(arrived), func(i, j int) { arrived[i], arrived[j] = arrived[j], arrived[i] })
		for _, h := range arrived {
			facts = append(facts, dunning.Fact{At: h.at, Account: h.account, By: "import", Body: h.ContactLogged})
		}
		f, err := dunning.Fold(setup, facts)
		if err != nil {
			t.Fatal(err)
		}
		v := setup.Policies.Check(f.Asked(at, dunning.Ask{Channel: dunning.Call}))
		no := slices.ContainsFunc(v.Reasons, func(r contact.Reason) bool { return r.Rule == "US-F-FREQ-01" || r.Rule == "US-F-FREQ-02" })
		if want := forbidden(history, at); no != want {
			t.Fatalf("refused %v, by the text of the rule %v: %+v\n%+v", no, want, v, arrived)
		}
	})
}

// restrictions are facts that may only ever forbid, drawn in all their scopes.
func drawRestriction(t *rapid.T, id string) dunning.Body {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	told := dunning.Told{Medium: pick("medium", "", "call", "letter"), Person: pick("person", "", "", "spouse")}
	debts := rapid.SampledFrom([][]string{nil, nil, {"a"}, {"b"}}).Draw(t, "debts")
	channel := dunning.Channel(pick("channel", "", "email", "sms", "call", "letter"))
	switch rapid.IntRange(0, 9).Draw(t, "restriction") {
	case 0:
		return dunning.OptedOut{ID: id, Channel: channel, Everything: channel == "" && rapid.Bool().Draw(t, "everything"), Debts: debts, Topic: pick("topic", "", "collect", "survey"), Refusal: pick("refusal", "", "revocation"), Told: told}
	case 1:
		return dunning.TimesInconvenient{ID: id, From: pick("from", "00:00", "09:00"), To: pick("to", "00:00", "12:00"), Told: told}
	case 2:
		return dunning.WishStated{ID: id, Wish: pick("wish", dunning.WishPlace, dunning.WishNoWork), Place: pick("place", "home", "work"), Told: told}
	case 3:
		return dunning.StatusKnown{ID: id, Status: rapid.SampledFrom(dunning.Statuses()).Draw(t, "status"), Debts: debts, ContactKnown: rapid.Bool().Draw(t, "known"), Told: told}
	case 4:
		kind := rapid.SampledFrom([]dunning.HoldKind{dunning.HoldRepresented, dunning.HoldBankruptcy, dunning.HoldDeceased, dunning.HoldCease, dunning.HoldBreathingSpace}).Draw(t, "hold")
		return dunning.HoldPlaced{ID: "h" + id, HoldKind: kind, Scope: dunning.ScopeDebtor}
	case 5:
		return dunning.NoticeReceived{ID: id, Notice: pick("notice", dunning.NoticeCease, dunning.NoticeRefuses, dunning.NoticeOriginalCreditor), Debts: debts, Told: told}
	case 6:
		return dunning.NumberChecked{ID: id, Point: pick("point", "m", "p"), Database: "rnd", Answer: pick("answer", "reassigned", "no_data")}
	case 7:
		return dunning.DisputeRaised{ID: "d" + id, Told: told}
	case 8:
		return dunning.ConsentRevoked{ID: "k", Told: told}
	}
	return dunning.ContactLogged{
		ID: id, Direction: "outbound", Channel: dunning.Channel(pick("by", "call", "sms", "email")), Outcome: pick("outcome", "no_answer", "conversation", "unknown", "sent"),
		Point: pick("at", "m", "p", "w"), Debts: debts,
	}
}

// Adding a fact that restricts never turns a no of the contact policies into a yes, however
// the facts before it stand: through the fold, for every channel.
func TestRestrictionsNeverAllow(outer *testing.T) {
	setup := agency(outer)
	setup.Policies = packs(outer, lawAndCalendars(outer), []string{"us-federal", "us-ma", "us-dc", "house", "courtesy"})
	rapid.Check(outer, func(t *rapid.T) {
		setup.Creditor.Role = rapid.SampledFrom([]string{"third_party", "first_party"}).Draw(t, "role")
		at := ledgerStart.Add(time.Duration(rapid.IntRange(-12, 12).Draw(t, "hour")) * time.Hour)
		then := at.Add(-48 * time.Hour)
		facts := []dunning.Fact{
			{At: then, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}, Places: []string{"US-PA", rapid.SampledFrom([]string{"US-PA", "US-MA", "US-DC"}).Draw(t, "state")}}},
			{At: then, Body: dunning.PointKnown{ID: "m", Channel: dunning.SMS, PointKind: "mobile"}},
			{At: then, Body: dunning.PointKnown{ID: "p", Channel: dunning.Call, PointKind: "mobile"}},
			{At: then, Body: dunning.PointKnown{ID: "w", Channel: dunning.Call, PointKind: "work", Rank: 1}},
			{At: then, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
			{At: then, Account: "a", Body: dunning.Item{Key: "A", Due: dunning.Date{Year: 2026, Month: 1, Day: 1}, Amount: money.MustParse("10", "USD"), Class: "consumer"}},
			{At: then, Body: dunning.Consented{ID: "k", Basis: "written", Scope: rapid.SampledFrom([]string{"contact", "tcpa", "dc_ecomm"}).Draw(t, "consent"), Direct: true}},
		}
		add := func(id string) {
			x := dunning.Fact{At: at.Add(-time.Duration(rapid.IntRange(1, 40*60).Draw(t, "minutes")) * time.Minute), Body: drawRestriction(t, id)}
			switch x.Body.(type) {
			case dunning.DisputeRaised, dunning.ContactLogged:
				x.Account = "a"
			}
			facts = append(facts, x)
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "before") {
			add(fmt.Sprint("r", i))
		}
		before, err := dunning.Fold(setup, facts)
		if err != nil {
			t.Fatal(err)
		}
		add("extra")
		after, err := dunning.Fold(setup, facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range dunning.Channels {
			ask := dunning.Ask{Channel: ch, Automated: true}
			was, is := setup.Policies.Check(before.Asked(at, ask)), setup.Policies.Check(after.Asked(at, ask))
			if !was.Allowed && is.Allowed {
				t.Fatalf("%s was refused by %s and is allowed with one restriction more: %+v", ch, was.Rule, facts[len(facts)-1])
			}
		}
	})
}
