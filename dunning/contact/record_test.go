package contact_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// TestCounters: what a count left out says why, one contact for each reason.
func TestCounters(t *testing.T) {
	set := rules(t, `
  - id: C
    citation: c
    channels: [voice]
    count: {max: 9, days: 7, points: not_work, not_outcomes: [busy_signal], not_purposes: [location, survey]}
    except: [{kind: frequency_consent}]
  - id: F
    citation: c
    channels: [voice]
    count: {max: 9, days: 7, after_first: true}
`)
	q := base()
	q.Debts = []contact.Debt{{ID: "D1"}, {ID: "D2"}}
	q.Ignore = "self"
	q.Consents = []contact.Consent{{Kind: "contact", By: q.Person, Direct: true, GivenTo: q.CollectorID, At: at("2026-05-04 18:00"), Frequency: true, OnlyOn: contact.DateOf(2026, 5, 4)}}
	row := func(id, when string, change func(*contact.Contact)) contact.Contact {
		c := call(when, "no_answer")
		c.ID, c.Debts = id, []string{"D1"}
		change(&c)
		return c
	}
	as := func(change func(*contact.Contact)) func(*contact.Contact) { return change }
	q.Ledger = []contact.Contact{
		row("counts", "2026-05-02 12:00", as(func(*contact.Contact) {})),
		row("self", "2026-05-02 12:00", as(func(*contact.Contact) {})),
		row("them", "2026-05-02 12:00", as(func(c *contact.Contact) { c.CollectorID = "them" })),
		row("unsent", "2026-05-02 12:00", as(func(c *contact.Contact) { c.State = "failed" })),
		row("in", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Direction = contact.Inbound })),
		row("sister", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Person = "sister" })),
		row("text", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Channel = "sms" })),
		row("old", "2026-04-25 12:00", as(func(*contact.Contact) {})),
		row("older", "2026-04-01 12:00", as(func(*contact.Contact) {})), // too old to be worth a word
		row("other", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Debts = []string{"D2"} })),
		row("find", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Purpose = "location" })),
		row("ask", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Purpose = "survey" })),
		row("work", "2026-05-02 12:00", as(func(c *contact.Contact) { c.PointKind = "work" })),
		row("busy", "2026-05-02 12:00", as(func(c *contact.Contact) { c.Outcome = "busy_signal" })),
		row("agreed", "2026-05-04 19:00", as(func(*contact.Contact) {})),
		row("talked", "2026-05-03 12:00", as(func(c *contact.Contact) { c.Outcome = "conversation" })),
	}
	rec := set.Record(q)
	want := map[string]contact.Why{
		"self": contact.WhySelf, "them": contact.WhyCollector, "unsent": contact.WhyNotSent, "in": contact.WhyInbound, "sister": contact.WhyPerson,
		"text": contact.WhyChannel, "old": contact.WhyDate, "other": contact.WhyDebt, "find": contact.WhyPurpose, "ask": contact.WhyPurpose,
		"work": contact.WhyPoint, "busy": contact.WhyOutcome, "agreed": contact.WhyConsent,
	}
	c := rec.Rules[0]
	if c.Rule != "C" || len(c.Counters) != 2 || c.Counters[0].Debt != "D1" || c.Counters[1].Debt != "D2" {
		t.Fatalf("%+v", c)
	}
	first := c.Counters[0]
	if !reflect.DeepEqual(first.Counted, []string{"counts", "talked"}) || first.From != contact.DateOf(2026, 4, 29) || first.To != contact.DateOf(2026, 5, 5) {
		t.Errorf("counted %+v", first)
	}
	got := map[string]contact.Why{}
	for _, x := range first.Excluded {
		got[x.Contact] = x.Why
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("left out %v\nwant %v", got, want)
	}
	if second := c.Counters[1]; !reflect.DeepEqual(second.Counted, []string{"other"}) {
		t.Errorf("the other debt: %+v", second)
	}
	for _, x := range rec.Rules[1].Counters[0].Excluded {
		if x.Contact == "talked" && x.Why != contact.WhyFirst {
			t.Errorf("the first conversation is left out as %s", x.Why)
		}
	}
	if rec.Rules[1].Count != 1 { // the one call after it
		t.Errorf("after the first conversation %d", rec.Rules[1].Count)
	}
}

// TestRecord: it names reading, packs, data, candidates and every rule, agrees
// with the verdict, and survives JSON.
func TestRecord(t *testing.T) {
	set := shipped(t)
	q := base()
	q.Data, q.Ambiguity = "tables-7", contact.Literal
	q.Zones[0].Evidence = "address home"
	q.Ledger = []contact.Contact{call("2026-05-05 11:00", "conversation")}
	rec := set.Record(q)
	if rec.Reading != contact.Literal || rec.Data != "tables-7" || len(rec.Packs) != len(set) || rec.Zones[0] != (contact.Evidence{Name: "America/New_York", From: "address home"}) {
		t.Errorf("%+v", rec)
	}
	refusing := 0
	for _, r := range rec.Rules {
		if r.Code != "" && !r.Warns {
			refusing++
		}
	}
	if refusing != len(rec.Verdict.Reasons) || !reflect.DeepEqual(rec.Verdict, set.Check(q)) {
		t.Errorf("%d rules refuse, the verdict has %d reasons", refusing, len(rec.Verdict.Reasons))
	}
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	var back contact.Record
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(data) {
		t.Errorf("%s became %s (%v)", data, again, err)
	}
}

// TestBans: only what is forbidden whatever else is true.
func TestBans(t *testing.T) {
	set := shipped(t)
	for _, c := range []struct {
		name, role, channel, country string
		want                         string
	}{
		{"texts of agencies in the United States", contact.ThirdParty, "sms", "US", "US-10DLC-01"},
		{"and in Canada", contact.ThirdParty, "sms", "CA", "CA-CARRIER-01"},
		{"of creditors they are carried", contact.FirstParty, "sms", "US", ""},
		{"emails are", contact.ThirdParty, "email", "US", ""},
		{"elsewhere nobody asked", contact.ThirdParty, "sms", "DE", ""},
		{"postcards are forbidden about consumer debts only", contact.ThirdParty, "postcard", "US", ""},
	} {
		got := ""
		if bans := set.Bans(c.role, c.channel, c.country); len(bans) > 0 {
			got = bans[0].Rule
			if bans[0].Citation == "" || bans[0].Title == "" {
				t.Errorf("%s: %+v says too little", c.name, bans[0])
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	q := base()
	q.Channel = "sms"
	if v := set.Check(q); v.Allowed || !v.Impossible || v.Reasons[len(v.Reasons)-1].Rule != "US-10DLC-01" {
		t.Errorf("at run time it is impossible: %+v", v)
	}
}

// TestHousehold: a count may include contacts to the people named with it.
func TestHousehold(t *testing.T) {
	set := rules(t, `
  - id: W
    citation: c
    channels: [voice]
    count: {max: 2, days: 7, with: [debtor, spouse]}
`)
	to := func(person, relation string) func(*contact.Query) {
		return func(q *contact.Query) {
			a, b := call("2026-05-04 12:00", "no_answer"), call("2026-05-03 12:00", "no_answer")
			b.Person, b.Relation = person, relation
			q.Ledger = []contact.Contact{a, b}
		}
	}
	run(t, set, []kindCase{
		{"one to the debtor and one to the spouse make two", to("S1", "spouse"), false, "2026-05-10 00:00"},
		{"one to a sister counts for nobody", to("S1", "sister"), true, ""},
		{"one to a person whose relation nobody recorded may have been to the spouse", to("S1", ""), false, "2026-05-10 00:00"},
		{"asked about the spouse the debtor's count too", func(q *contact.Query) {
			q.Debtor, q.Person, q.Relation = q.Person, "S1", "spouse"
			q.Ledger = []contact.Contact{call("2026-05-04 12:00", "no_answer"), call("2026-05-03 12:00", "no_answer")}
		}, false, "2026-05-10 00:00"},
	})
}

// TestOneConfirmation: an opt-out is confirmed once on a channel, whatever the
// medium and the reading.
func TestOneConfirmation(t *testing.T) {
	set := shipped(t, "us-federal")
	for _, channel := range []string{"sms", "email"} {
		for _, reading := range []string{contact.Strict, contact.Literal} {
			q := base()
			q.Channel, q.Purpose, q.Ambiguity = channel, "opt_out_confirmation", reading
			q.OptOuts = []contact.OptOut{{Kind: contact.OptOutMedium, At: q.At.Add(-2 * time.Minute), Channel: channel}}
			if v := set.Check(q); !v.Allowed {
				t.Errorf("%s, %s: the first is refused: %+v", channel, reading, v)
			}
			q.Ledger = []contact.Contact{{ID: "c", At: q.At.Add(-time.Minute), Direction: contact.Outbound, Channel: channel, Person: q.Person, Purpose: "opt_out_confirmation"}}
			if v := set.Check(q); v.Allowed {
				t.Errorf("%s, %s: a second one is allowed", channel, reading)
			}
		}
	}
}
