package dunning

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning/money"
)

// oddSequence has every verb, and steps that a sequence version may have had
// under other names.
func oddSequence(ladder Ladder, include Include) *Sequence {
	n := func(i int) *int { return &i }
	mail := []Channeled{{Channel: Email, Template: "t", Else: []Channeled{{Channel: Letter, Template: "t"}}}}
	return &Sequence{
		ID: "odd", Version: "2", Ladder: ladder, Include: include, Spacing: 1, Entry: EntryMatching, CatchUp: CatchUpSkip,
		Tolerance: map[string]money.Amount{"EUR": money.MustParse("1.00", "EUR")},
		Steps: []Step{
			{ID: "s0", After: n(0), Verb: VerbEscalate, Escalate: &EscalateStep{Queue: "q", SLA: 2}},
			{ID: "s1", MonthEnd: n(0), Verb: VerbSend, Send: append(mail, Channeled{Channel: SMS, Template: "t"}), Mode: ModeDraft},
			{ID: "s2", At: n(3), Verb: VerbOffer, Offer: &OfferStep{Instalments: []int{2}, OpenFor: 2}},
			{ID: "s3", At: n(5), After: n(2), Verb: VerbCall, Call: &CallStep{Queue: "q", Attempts: 1, Within: 1}},
			{ID: "s4", At: n(7), Verb: VerbSend, Send: mail, Mode: ModeManual},
			{ID: "s5", At: n(9), Verb: VerbSend, Send: append(mail, mail...), Complete: CompleteAny},
			{ID: "s6", At: n(11), Verb: VerbRefer, Refer: &ReferStep{To: "legal", Approval: "legal"}},
		},
		Plan: PlanTerms{Remind: 2, DefaultAfter: 1},
		On:   Reactions{PromiseBroken: Reaction{Goto: "s1"}, PlanBroken: Reaction{Goto: "s5"}, Paid: Reaction{Send: mail}},
		End:  EndAction{Refer: &ReferStep{To: "legal", Approval: "legal"}},
	}
}

// oddFact draws a fact of any kind whose members are taken from small sets, so
// that they refer to one another, to nothing, or to steps that are gone.
func oddFact(t *rapid.T, kinds []Kind) Fact {
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	instant := func(name string) string {
		return noon.Add(time.Duration(rapid.IntRange(-20*24, 40*24).Draw(t, name)) * time.Hour).Format(time.RFC3339)
	}
	day := func(name string) string { return instant(name)[:10] }
	amount := func(name, of string) any { return map[string]string{"amount": of, "currency": "EUR"} }
	step, id := pick("step", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "gone", ""), pick("id", "a", "b", "c", "")
	x := map[string]any{
		"id": id, "key": pick("key", "A", "B", "C"), "due": day("due"), "amount": amount("amount", pick("sum", "-5", "0", "0.50", "1.00", "1.01", "30")),
		"item": pick("item", "A", "B", "", "Z"), "payment": id, "to": pick("to", "in_sequence", "exhausted", "referred", "plan", "recalled"),
		"items": []string{"A", pick("other", "B", "Z")}, "steps": []string{step, "gone"}, "step": step, "entry": rapid.IntRange(-1, 3).Draw(t, "entry"),
		"hold": pick("hold", "dispute", "manual", "cease"), "scope": pick("scope", "item", "account", "debtor", ""), "until": instant("until"),
		"contact": rapid.Bool().Draw(t, "contact"), "clock": rapid.Bool().Draw(t, "clock"), "notice": rapid.IntRange(0, 3).Draw(t, "notice"),
		"outcome": pick("outcome", "closed", "rejected", "done", "approved", "conversation", ""), "instalments": []any{map[string]any{"due": day("first"), "amount": amount("part", "10")}},
		"owner": "o", "task": pick("task", "call", "escalation", "draft", "manual", "no_channel", "unknown", "approval", "catch_up", "supervisor", "parked", "failed", "settlement"),
		"channel": pick("channel", "email", "sms", "letter", "call"), "direction": pick("direction", "inbound", "outbound"), "round": rapid.IntRange(0, 2).Draw(t, "round"),
		"state": pick("state", "sending", "accepted", "failed", "unknown", "bounced", "cancelled"), "permanent": true, "deadline": instant("deadline"),
		"attempts": 1, "ordinal": 1, "debtor_kind": "consumer", "zones": []string{"Europe/Berlin"}, "days": []string{"Mon"}, "from": "09:00",
		"status": pick("status", "attorney", "bankruptcy", "deceased", "breathing_space", "mood"), "stage": pick("stage", "", "open", "ended", "dismissed"),
		"wish": pick("wish", "inconvenient_place", "callback_request"), "place": pick("place", "home", ""), "answer": pick("answer", "same", "reassigned", "no_data"),
		"zone": pick("zone", "Europe/Berlin", "America/New_York", ""), "debts": []string{pick("debt", "acc", "other")}, "point": pick("point", "e", "", "x"),
		"person": pick("person", "", "a", "spouse"), "medium": pick("medium", "", "letter", "call"), "received": instant("received"), "recorded": instant("recorded"),
	}
	if rapid.Bool().Draw(t, "issued?") {
		x["issued"] = day("issued")
	}
	switch kind {
	case "contact_planned":
		x["items"] = []any{map[string]any{"key": "A", "step": step, "amount": amount("line", "3")}}
	case "offer_opened":
		x["instalments"] = []int{2}
	case "notice_sent":
		x["notice"] = "validation_notice"
	case "notice_received":
		x["notice"] = pick("received", "cease_communication", "refuses_to_pay")
	case "times_inconvenient":
		x["to"] = "12:00"
	case "task_opened":
		x["contact"] = id
	case "settlement_offered":
		x["owed"] = amount("owed", "100")
		x["approval"], x["accepted"] = rapid.Bool().Draw(t, "approval"), rapid.Bool().Draw(t, "accepted")
	case "settlement_answered":
		x["outcome"] = pick("yes", "approved", "accepted")
	case "settlement_ended":
		x["outcome"] = pick("end", "kept", "broken", "withdrawn")
	case "callback_set", "callback_moved":
		x["when"] = instant("when")
	case "migration_asked":
		x["steps"] = map[string]string{step: pick("becomes", "one", "two", "gone")}
	case "migration_ended":
		x["outcome"] = pick("migration_end", "withdrawn", "refused", "odd")
	case "migrated":
		x["steps"] = map[string]string{step: pick("became", "one", "two", "gone")}
		x["moves"] = []any{map[string]any{
			"items": []string{pick("moved", "A", "B", "nobody")}, "from": step, "to": pick("moved_to", "", "one", "gone"), "carried": []string{step},
			"waived": []string{pick("waived", "two", "gone")}, "standing": pick("standing", "in_sequence", "exhausted", "paid"),
		}}
	case "note_written":
		x["mentions"] = []string{"u1", pick("mention", "u1", "u2", "")}
	}
	raw, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	body, err := DecodeBody(kind, raw)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	at := noon.Add(time.Duration(rapid.IntRange(-20*24, 20*24).Draw(t, "at")) * time.Hour)
	return Fact{At: at, Account: pick("account", "acc", "acc", "acc", "other"), Case: "case", Body: body}
}

// TestOddFactsAreSurvived: facts of every kind in any order, about items, tasks
// and steps that may not exist, never make a decision panic, go round in
// circles, or ask for something at once that it does not say.
func TestOddFactsAreSurvived(outer *testing.T) {
	kinds := slices.Sorted(maps.Keys(bodies))
	rapid.Check(outer, func(t *rapid.T) {
		seq := oddSequence(rapid.SampledFrom([]Ladder{LadderLeading, LadderEach}).Draw(t, "ladder"), rapid.SampledFrom([]Include{IncludeAllOpen, IncludeDueForStep}).Draw(t, "include"))
		s := Setup{Account: "acc", Debtor: "d", Case: "case", Currency: "EUR", Sequence: seq, Creditor: Creditor{Zone: "UTC"}, Zone: func(n string) *time.Location { return zone(outer, n) }}
		facts := []Fact{
			{At: noon.AddDate(0, 0, -20), Account: "acc", Body: Item{Key: "A", Due: Date{2024, 2, 20}, Amount: eur("100")}},
			{At: noon.AddDate(0, 0, -20), Account: "acc", Case: "case", Body: CaseOpened{Sequence: "odd"}},
			{At: noon.AddDate(0, 0, -20), Body: PointKnown{ID: "e", Channel: Email}},
		}
		for range rapid.IntRange(0, 25).Draw(t, "facts") {
			facts = append(facts, oddFact(t, kinds))
		}
		f, err := Fold(s, facts)
		if err != nil {
			return // refused with a reason
		}
		at := noon.Add(time.Duration(rapid.IntRange(-10*24, 80*24).Draw(t, "at")) * time.Hour)
		checkSettled(t, f, at)
	})
}

func checkSettled(t *rapid.T, f Facts, at time.Time) {
	g, made, err := Settle(f, at)
	if err != nil {
		t.Fatal(err)
	}
	d := made[len(made)-1]
	switch {
	case d.Verb == VerbLook && d.Due():
		t.Fatalf("looks again at once: %+v", d)
	case d.Due() && len(d.Effects) == 0 && (d.Contact == nil || d.Contact.ID == ""):
		t.Fatalf("asks for something at once and does not say what: %+v", d)
	case d.Due() && d.Contact != nil && len(d.Contact.Items) == 0 && !d.Contact.isCourtesy():
		t.Fatalf("writes about nothing: %+v", d)
	}
	_ = g.View(at)
	_ = Timeline(f.Account, f.Debtor, nil, made)
	for _, c := range []Command{FinishTask{ID: "a", Outcome: "done"}, Recall{}, AgreePlan{ID: "n", Count: 2, First: Date{2024, 9, 1}}, HandBack{}, DeclineOffer{}, WaiveStep{Step: "s1", Why: "w"}} {
		if facts, err := Handle(g, c, "user:1", at); err == nil {
			if _, err := g.Apply(facts); err != nil {
				t.Fatalf("%s: %v", fmt.Sprintf("%T", c), err)
			}
		}
	}
}
