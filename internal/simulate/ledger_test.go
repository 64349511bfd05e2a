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
