package contact_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/duly/duly/dunning/contact"
)

// spec is a pack around some rules, everywhere, law.
func spec(t testing.TB, rules string) contact.PackSpec {
	t.Helper()
	text := "pack: p\ntitle: t\nversion: \"1\"\nkind: law\njurisdiction: \"*\"\ncalendars:\n  cal:\n    - {name: Labor Day, month: 9, weekday: mon, nth: 1}\n" +
		"    - {name: New Year, month: 1, day: 1, observed: true}\nrules:\n" + rules
	var s contact.PackSpec
	if err := yaml.Load([]byte(text), &s, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	return s
}

func rules(t testing.TB, text string) contact.Set {
	return contact.NewSet(compile(t, spec(t, text)))
}

func when(t testingT, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone("America/New_York"))
	if err != nil {
		t, err = time.ParseInLocation("2006-01-02 15:04", s, zone("America/New_York"))
	}
	if err != nil {
		panic(err)
	}
	return t
}

// base is a third party's call to a consumer in New York on a Tuesday at noon.
func base() contact.Query {
	return contact.Query{
		At: at("2026-05-05 12:00"), Channel: "call", Role: contact.ThirdParty, DebtorKind: contact.Consumer, CollectorID: "us",
		Debts: []contact.Debt{{ID: "D1", Class: contact.Consumer}}, Debtor: "C1", Person: "C1",
		Point: contact.Point{ID: "m1", Kind: "mobile", Usable: true},
		Zones: []contact.Zone{{Location: zone("America/New_York"), Name: "America/New_York"}}, Places: []contact.Place{{Jurisdiction: "US-OH"}},
	}
}

func call(when, outcome string) contact.Contact {
	return contact.Contact{
		ID: when, At: at(when), Direction: contact.Outbound, Channel: "call", Outcome: outcome, Person: "C1", PointID: "m1", PointKind: "mobile",
		Debts: []string{"D1"}, CollectorID: "us",
	}
}

func inbound(when, channel, outcome string) contact.Contact {
	c := call(when, outcome)
	c.Direction, c.Channel = contact.Inbound, channel
	return c
}

func via(c contact.Contact, f func(*contact.Contact)) contact.Contact { f(&c); return c }

type kindCase struct {
	name      string
	change    func(q *contact.Query)
	allowed   bool
	notBefore string // local New York time; empty = none
}

// run checks each case, and that a not-before is tight.
func run(t *testing.T, set contact.Set, cases []kindCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := base()
			if c.change != nil {
				c.change(&q)
			}
			v := set.Check(q)
			if v.Allowed != c.allowed {
				t.Fatalf("allowed %v, want %v: %+v", v.Allowed, c.allowed, v)
			}
			got := ""
			if !v.NotBefore.IsZero() {
				got = v.NotBefore.In(zone("America/New_York")).Format("2006-01-02 15:04:05")
			}
			want := c.notBefore
			if len(want) == len("2006-01-02 15:04") {
				want += ":00"
			}
			if got != want {
				t.Fatalf("not before %q, want %q", got, want)
			}
			tight(t, set, q, v)
		})
	}
}

// tight: allowed at the not-before, refused one second earlier.
func tight(t testingT, set contact.Set, q contact.Query, v contact.Verdict) {
	t.Helper()
	if v.NotBefore.IsZero() {
		return
	}
	q.At = v.NotBefore
	if got := set.Check(q); !got.Allowed {
		t.Fatalf("refused at its own not-before %v: %+v", v.NotBefore, got)
	}
	q.At = v.NotBefore.Add(-time.Second)
	if got := set.Check(q); got.Allowed {
		t.Fatalf("allowed one second before its not-before %v", v.NotBefore)
	}
}

func TestHours(t *testing.T) {
	set := rules(t, `
  - id: H
    citation: c
    channels: [voice, sms]
    hours: {windows: [{days: [mon, tue, wed, thu, fri, sat], from: "08:00", to: "21:00"}], calendar: cal}
    except: [{kind: reply}, {kind: consent}]
`)
	ca := contact.Zone{Location: zone("America/Los_Angeles"), Name: "America/Los_Angeles"}
	run(t, set, []kindCase{
		{"noon is inside the window", nil, true, ""},
		{"the window opens on its first second", func(q *contact.Query) { q.At = at("2026-05-05 08:00:00") }, true, ""},
		{"a second earlier it is closed", func(q *contact.Query) { q.At = at("2026-05-05 07:59:59") }, false, "2026-05-05 08:00"},
		{"it is closed on its last second", func(q *contact.Query) { q.At = at("2026-05-05 21:00:00") }, false, "2026-05-06 08:00"},
		{"a fraction of a second before the end is inside", func(q *contact.Query) { q.At = at("2026-05-05 20:59:59").Add(999 * time.Millisecond) }, true, ""},
		{"from Saturday night it is closed until Monday", func(q *contact.Query) { q.At = at("2026-05-09 22:00") }, false, "2026-05-11 08:00"},
		{"a holiday is closed as a whole", func(q *contact.Query) { q.At = at("2026-09-07 12:00") }, false, "2026-09-08 08:00"},
		{"a holiday on a Saturday closes the Friday before under strict", func(q *contact.Query) { q.At = at("2021-12-31 12:00") }, false, "2022-01-03 08:00"},
		{"but not under literal", func(q *contact.Query) { q.At, q.Ambiguity = at("2021-12-31 12:00"), contact.Literal }, true, ""},
		{"every candidate zone must be open", func(q *contact.Query) { q.Zones = append(q.Zones, ca); q.At = at("2026-05-05 10:30") }, false, "2026-05-05 11:00"},
		{"after eight in the west both are open", func(q *contact.Query) { q.Zones = append(q.Zones, ca); q.At = at("2026-05-05 11:30") }, true, ""},
		{"the eastern evening closes first", func(q *contact.Query) { q.Zones = append(q.Zones, ca); q.At = at("2026-05-05 21:30") }, false, "2026-05-06 11:00"},
		{"no zone at all refuses for good", func(q *contact.Query) { q.Zones = nil }, false, ""},
		{"letters are not bound", func(q *contact.Query) { q.Channel, q.At = "letter", at("2026-05-05 23:00") }, true, ""},
		{"one answer inside the closed stretch is allowed", func(q *contact.Query) {
			q.At, q.Ledger = at("2026-05-05 23:10"), []contact.Contact{inbound("2026-05-05 23:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"an answer waits for the zone that closed after the person wrote", func(q *contact.Query) {
			chicago := contact.Zone{Location: zone("America/Chicago"), Name: "America/Chicago"}
			q.Zones = []contact.Zone{q.Zones[0], chicago}
			q.At, q.Ledger = at("2026-05-05 23:10"), []contact.Contact{inbound("2026-05-05 21:30", "call", "voicemail_left_by_consumer")}
		}, false, "2026-05-06 09:00"},
		{"inside the stretches of both it may go", func(q *contact.Query) {
			q.Zones = []contact.Zone{{Location: zone("America/Chicago"), Name: "America/Chicago"}, q.Zones[0]}
			q.At, q.Ledger = at("2026-05-06 07:00"), []contact.Contact{inbound("2026-05-06 06:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"a second answer is not", func(q *contact.Query) {
			q.At, q.Ledger = at("2026-05-05 23:10"), []contact.Contact{inbound("2026-05-05 23:00", "call", "voicemail_left_by_consumer"), call("2026-05-05 23:05", "no_answer")}
		}, false, "2026-05-06 08:00"},
		{"nor an answer on another channel", func(q *contact.Query) {
			q.At, q.Channel, q.Ledger = at("2026-05-05 23:10"), "sms", []contact.Contact{inbound("2026-05-05 23:00", "call", "voicemail_left_by_consumer")}
		}, false, "2026-05-06 08:00"},
		{"a contact before closing gives no leave after it", func(q *contact.Query) {
			q.At, q.Ledger = at("2026-05-05 23:10"), []contact.Contact{inbound("2026-05-05 20:59", "call", "voicemail_left_by_consumer")}
		}, false, "2026-05-06 08:00"},
		{"one at the closing second does", func(q *contact.Query) {
			q.At, q.Ledger = at("2026-05-05 23:10"), []contact.Contact{inbound("2026-05-05 21:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"the stretch over a Sunday is one", func(q *contact.Query) {
			q.At, q.Ledger = at("2026-05-10 23:10"), []contact.Contact{inbound("2026-05-09 22:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"consent to an hour opens it", func(q *contact.Query) {
			q.At, q.Consents = at("2026-05-05 21:30"), []contact.Consent{hourConsent()}
		}, true, ""},
		{"and before it comes sooner than the morning", func(q *contact.Query) {
			q.At, q.Consents = at("2026-05-10 12:00"), []contact.Consent{hourConsent()}
		}, false, "2026-05-10 21:00"},
		{"consent to another collector opens nothing", func(q *contact.Query) {
			k := hourConsent()
			k.GivenTo = "creditor"
			q.At, q.Consents = at("2026-05-05 21:30"), []contact.Consent{k}
		}, false, "2026-05-06 08:00"},
		{"consent given in an unlawful contact opens nothing", func(q *contact.Query) {
			k := hourConsent()
			k.Tainted = true
			q.At, q.Consents = at("2026-05-05 21:30"), []contact.Consent{k}
		}, false, "2026-05-06 08:00"},
		{"revoked consent opens nothing", func(q *contact.Query) {
			k := hourConsent()
			k.Revoked = at("2026-05-02 12:00")
			q.At, q.Consents = at("2026-05-05 21:30"), []contact.Consent{k}
		}, false, "2026-05-06 08:00"},
		{"consent for one date opens that date", func(q *contact.Query) {
			k := hourConsent()
			k.OnlyOn = contact.DateOf(2026, 5, 7)
			q.At, q.Consents = at("2026-05-06 21:30"), []contact.Consent{k}
		}, false, "2026-05-07 08:00"},
	})
}

func hourConsent() contact.Consent {
	return contact.Consent{Kind: "contact", By: "C1", GivenTo: "us", Direct: true, At: at("2026-05-01 12:00"), Channels: []string{"call"}, Hours: true, From: 21 * 3600, To: 22 * 3600}
}

// TestHoursAcrossClockChanges: the window is a matter of the local clock, the
// answer of absolute instants.
func TestHoursAcrossClockChanges(t *testing.T) {
	set := rules(t, `
  - id: H
    citation: c
    channels: [voice]
    hours: {windows: [{from: "02:30", to: "03:30"}]}
`)
	for _, c := range []struct{ name, zone, at, want string }{
		{"half past two does not exist: open from three", "America/New_York", "2026-03-08T06:45:00Z", "2026-03-08T07:00:00Z"},
		{"in the doubled hour the window opens after it", "America/New_York", "2026-11-01T06:15:00Z", "2026-11-01T07:30:00Z"},
		{"a half-hour change", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z"},
		{"a date that a country skipped", "Pacific/Apia", "2011-12-29T14:00:00Z", "2011-12-30T12:30:00Z"},
		{"no change at all", "America/Phoenix", "2026-03-08T08:00:00Z", "2026-03-08T09:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := base()
			q.Zones = []contact.Zone{{Location: zone(c.zone)}}
			q.At = when(t, c.at)
			v := set.Check(q)
			if got := v.NotBefore.Format(time.RFC3339); v.Allowed || got != c.want {
				t.Fatalf("%+v, want %s", v, c.want)
			}
			tight(t, set, q, v)
		})
	}
}

func TestEdges(t *testing.T) {
	set := rules(t, `
  - id: H
    citation: c
    channels: [voice]
    hours: {windows: [{from: "08:00", to: "21:00"}], edges: open, differ: H2}
  - id: H2
    citation: c
    channels: [letter]
    forbid: {always: true}
`)
	literal := func(s string) func(*contact.Query) {
		return func(q *contact.Query) { q.At, q.Ambiguity = at(s), contact.Literal }
	}
	run(t, set, []kindCase{
		{"strict: eight sharp is closed", func(q *contact.Query) { q.At = at("2026-05-05 08:00:00") }, false, "2026-05-05 08:00:01"},
		{"strict: a second later it is open", func(q *contact.Query) { q.At = at("2026-05-05 08:00:01") }, true, ""},
		{"strict: nine sharp is closed", func(q *contact.Query) { q.At = at("2026-05-05 21:00:00") }, false, "2026-05-06 08:00:01"},
		{"literal: eight sharp is open", literal("2026-05-05 08:00:00"), true, ""},
		{"literal: nine sharp is open", literal("2026-05-05 21:00:00"), true, ""},
		{"literal: a second later it is closed", literal("2026-05-05 21:00:01"), false, "2026-05-06 08:00:00"},
	})
	q := base()
	q.At = at("2026-05-05 10:00")
	q.Zones = append(q.Zones, contact.Zone{Location: zone("America/Los_Angeles")})
	if v := set.Check(q); v.Rule != "H2" || v.Reasons[0].Code != contact.CodeHoursZones {
		t.Errorf("a refusal because zones differ names the other id: %+v", v)
	}
}

func TestFallbackHours(t *testing.T) {
	set := rules(t, `
  - id: LAW
    citation: c
    roles: [third_party]
    channels: [call]
    hours: {windows: [{from: "06:00", to: "23:00"}]}
  - id: COURTESY
    citation: c
    literal: "off"
    channels: [voice, sms]
    hours: {windows: [{from: "08:00", to: "21:00"}], fallback: true}
`)
	run(t, set, []kindCase{
		{"where law sets hours the courtesy window is silent", func(q *contact.Query) { q.At = at("2026-05-05 22:00") }, true, ""},
		{"where no law does, it binds", func(q *contact.Query) { q.At, q.Role = at("2026-05-05 22:00"), contact.FirstParty }, false, "2026-05-06 08:00"},
		{"also on a channel that the law leaves out", func(q *contact.Query) { q.At, q.Channel = at("2026-05-05 22:00"), "sms" }, false, "2026-05-06 08:00"},
		{"not under literal", func(q *contact.Query) {
			q.At, q.Role, q.Ambiguity = at("2026-05-05 22:00"), contact.FirstParty, contact.Literal
		}, true, ""},
	})
}

func TestWishes(t *testing.T) {
	set := rules(t, `
  - id: T
    citation: c
    channels: [contact]
    wish: {kind: inconvenient_time}
    except: [{kind: reply}]
  - id: P
    citation: c
    channels: [contact]
    wish: {kind: inconvenient_place}
  - id: W
    citation: c
    points: [work]
    channels: [voice]
    wish: {kind: no_work_calls, oral_days: 10}
`)
	pref := func(p contact.Preference) func(*contact.Query) {
		return func(q *contact.Query) { q.Preferences = []contact.Preference{p} }
	}
	weekdays := contact.Weekdays(0b0111110)
	noon := contact.Preference{Kind: contact.InconvenientTime, By: "C1", At: at("2026-05-01 09:00"), Days: weekdays, From: 11 * 3600, To: 13 * 3600}
	night := contact.Preference{Kind: contact.InconvenientTime, By: "C1", At: at("2026-05-01 09:00"), Days: 1 << 1, From: 22 * 3600, To: 6 * 3600}
	with := func(p contact.Preference, f func(*contact.Preference)) contact.Preference { f(&p); return p }
	work := func(p contact.Preference) func(*contact.Query) {
		return func(q *contact.Query) { q.Point.Kind = "work"; q.Preferences = []contact.Preference{p} }
	}
	run(t, set, []kindCase{
		{"inside the inconvenient time", pref(noon), false, "2026-05-05 13:00"},
		{"its end is free", func(q *contact.Query) { pref(noon)(q); q.At = at("2026-05-05 13:00") }, true, ""},
		{"its start is not", func(q *contact.Query) { pref(noon)(q); q.At = at("2026-05-05 11:00") }, false, "2026-05-05 13:00"},
		{"another day is free", func(q *contact.Query) { pref(noon)(q); q.At = at("2026-05-09 12:00") }, true, ""},
		{"a wish not yet known does not bind", pref(with(noon, func(p *contact.Preference) { p.At = at("2026-05-06 09:00") })), true, ""},
		{"another person's wish does not bind", pref(with(noon, func(p *contact.Preference) { p.By = "spouse" })), true, ""},
		{"in another zone the hours are that zone's", pref(with(noon, func(p *contact.Preference) { p.Location = zone("America/Chicago") })), false, "2026-05-05 14:00"},
		{"a night of Monday runs into Tuesday", func(q *contact.Query) { pref(night)(q); q.At = at("2026-05-05 05:00") }, false, "2026-05-05 06:00"},
		{"and starts on Monday evening", func(q *contact.Query) { pref(night)(q); q.At = at("2026-05-04 23:00") }, false, "2026-05-05 06:00"},
		{"Tuesday evening is free", func(q *contact.Query) { pref(night)(q); q.At = at("2026-05-05 23:00") }, true, ""},
		{"two equal times are the whole day", pref(with(noon, func(p *contact.Preference) { p.From, p.To = 0, 0 })), false, "2026-05-09 00:00"},
		{"every whole day leaves nothing", func(q *contact.Query) {
			pref(contact.Preference{Kind: contact.InconvenientTime, At: at("2026-05-01 09:00")})(q)
			q.At = at("2026-05-05 12:00")
		}, false, ""},
		{"one answer inside it is allowed", func(q *contact.Query) {
			pref(noon)(q)
			q.Ledger = []contact.Contact{inbound("2026-05-05 11:30", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"two wishes at once must both excuse the answer", func(q *contact.Query) {
			long := with(noon, func(p *contact.Preference) { p.From, p.To = 10*3600, 15*3600 })
			q.Preferences = []contact.Preference{long, with(noon, func(p *contact.Preference) { p.From, p.To = 11*3600+2700, 13*3600 })}
			q.Ledger = []contact.Contact{inbound("2026-05-05 11:30", "call", "voicemail_left_by_consumer")}
		}, false, "2026-05-05 13:00"},
		{"a contact of last week gives no leave", func(q *contact.Query) {
			pref(noon)(q)
			q.Ledger = []contact.Contact{inbound("2026-04-28 11:30", "call", "voicemail_left_by_consumer")}
		}, false, "2026-05-05 13:00"},
		{"an inconvenient place binds what is tied to it", func(q *contact.Query) {
			q.Point.Place = "home"
			pref(contact.Preference{Kind: contact.InconvenientPlace, By: "C1", At: at("2026-05-01 09:00"), Place: "home"})(q)
		}, false, ""},
		{"a mobile is tied to no place", pref(contact.Preference{Kind: contact.InconvenientPlace, By: "C1", At: at("2026-05-01 09:00"), Place: "home"}), true, ""},
		{"an oral request about work holds ten days", work(contact.Preference{Kind: contact.NoWorkCalls, At: at("2026-05-01 09:00")}), false, "2026-05-12 00:00"},
		{"a written one holds until withdrawn", work(contact.Preference{Kind: contact.NoWorkCalls, Written: true, At: at("2026-05-01 09:00")}), false, ""},
		{"it says nothing about other numbers", pref(contact.Preference{Kind: contact.NoWorkCalls, Written: true, At: at("2026-05-01 09:00")}), true, ""},
	})
}

const sevenInSeven = `
  - id: N
    citation: c
    channels: [voice]
    count: {max: 3, days: 7, not_outcomes: [busy_signal], literal_not: [no_answer_no_voicemail_possible], not_purposes: [location]}
    except: [{kind: frequency_consent}, {kind: callback}]
`

func TestCount(t *testing.T) {
	three := []contact.Contact{call("2026-05-01 12:00", "no_answer"), call("2026-05-03 12:00", "no_answer"), call("2026-05-05 09:00", "voicemail")}
	ledger := func(c ...contact.Contact) func(*contact.Query) { return func(q *contact.Query) { q.Ledger = c } }
	change := func(f func(*contact.Contact)) func(*contact.Query) {
		return ledger(via(three[0], f), three[1], three[2])
	}
	run(t, rules(t, sevenInSeven), []kindCase{
		{"two in the window leave room", ledger(three[:2]...), true, ""},
		{"three are the limit; free when the oldest date leaves", ledger(three...), false, "2026-05-08 00:00"},
		{"order does not matter", ledger(three[2], three[0], three[1]), false, "2026-05-08 00:00"},
		{"the date before the window does not count", change(func(c *contact.Contact) { c.At = at("2026-04-28 23:59:59") }), true, ""},
		{"its first date does, from midnight", change(func(c *contact.Contact) { c.At = at("2026-04-29 00:00") }), false, "2026-05-06 00:00"},
		{"four free later than three", ledger(append(three[:3:3], call("2026-05-05 10:00", ""))...), false, "2026-05-10 00:00"},
		{"an unknown outcome counts", change(func(c *contact.Contact) { c.Outcome = "" }), false, "2026-05-08 00:00"},
		{"a reserved call counts", change(func(c *contact.Contact) { c.State, c.Outcome = "reserved", "" }), false, "2026-05-08 00:00"},
		{"an unknown hand-over counts", change(func(c *contact.Contact) { c.State, c.Outcome = "unknown", "" }), false, "2026-05-08 00:00"},
		{"a call proven not to be made does not", change(func(c *contact.Contact) { c.State = "failed" }), true, ""},
		{"a cancelled reservation does not", change(func(c *contact.Contact) { c.State = "cancelled" }), true, ""},
		{"its own reservation does not", func(q *contact.Query) { q.Ledger, q.Ignore = three, three[0].ID }, true, ""},
		{"a reservation in the future counts as now", change(func(c *contact.Contact) { c.At = at("2026-05-06 12:00") }), false, "2026-05-10 00:00"},
		{"a busy signal does not count", change(func(c *contact.Contact) { c.Outcome = "busy_signal" }), true, ""},
		{"no way to leave a message counts under strict", change(func(c *contact.Contact) { c.Outcome = "no_answer_no_voicemail_possible" }), false, "2026-05-08 00:00"},
		{"and not under literal", func(q *contact.Query) {
			change(func(c *contact.Contact) { c.Outcome = "no_answer_no_voicemail_possible" })(q)
			q.Ambiguity = contact.Literal
		}, true, ""},
		{"another person's calls do not", change(func(c *contact.Contact) { c.Person = "spouse" }), true, ""},
		{"a call to nobody known does", change(func(c *contact.Contact) { c.Person = "" }), false, "2026-05-08 00:00"},
		{"another debt's calls do not", change(func(c *contact.Contact) { c.Debts = []string{"D2"} }), true, ""},
		{"a call about both does", change(func(c *contact.Contact) { c.Debts = []string{"D2", "D1"} }), false, "2026-05-08 00:00"},
		{"a call about no debt known does", change(func(c *contact.Contact) { c.Debts = nil }), false, "2026-05-08 00:00"},
		{"another collector's calls do not", change(func(c *contact.Contact) { c.CollectorID = "them" }), true, ""},
		{"a call on another number does", change(func(c *contact.Contact) { c.PointID = "l1" }), false, "2026-05-08 00:00"},
		{"inbound calls do not", change(func(c *contact.Contact) { c.Direction = contact.Inbound }), true, ""},
		{"texts do not", change(func(c *contact.Contact) { c.Channel = "sms" }), true, ""},
		{"location calls do not", change(func(c *contact.Contact) { c.Purpose = "location" }), true, ""},
		{"one debt at its limit refuses a call about two", func(q *contact.Query) {
			q.Ledger, q.Debts = three, append(q.Debts, contact.Debt{ID: "D2", Class: contact.Consumer})
		}, false, "2026-05-08 00:00"},
		{"debts that count as one are one", func(q *contact.Query) {
			q.Ledger, q.Debts = three, []contact.Debt{{ID: "D2", Class: contact.Consumer, Same: []string{"D1"}}}
		}, false, "2026-05-08 00:00"},
		{"the date is local: an evening in New York is tomorrow in UTC", func(q *contact.Query) {
			q.Ledger = []contact.Contact{three[1], three[2], call("2026-04-28 23:30", "no_answer")}
		}, true, ""},
		{"consent to more calls lifts it for seven dates", func(q *contact.Query) { q.Ledger, q.Consents = three, []contact.Consent{moreCalls("2026-05-05 11:00")} }, true, ""},
		{"on the eighth it has lapsed, and its calls never counted", func(q *contact.Query) {
			q.At, q.Consents = at("2026-05-12 12:00"), []contact.Consent{moreCalls("2026-05-05 11:00")}
			q.Ledger = []contact.Contact{call("2026-05-06 12:00", "no_answer"), call("2026-05-07 12:00", "no_answer"), call("2026-05-08 12:00", "no_answer")}
		}, true, ""},
		{"without it the same calls count", func(q *contact.Query) {
			q.At = at("2026-05-12 12:00")
			q.Ledger = []contact.Contact{call("2026-05-06 12:00", "no_answer"), call("2026-05-07 12:00", "no_answer"), call("2026-05-08 12:00", "no_answer")}
		}, false, "2026-05-13 00:00"},
		{"a conversation uses it up", func(q *contact.Query) {
			q.Consents = []contact.Consent{moreCalls("2026-05-04 11:00")}
			q.Ledger = append(three[:3:3], call("2026-05-02 10:00", "voicemail"), call("2026-05-05 10:00", "conversation"))
		}, false, "2026-05-08 00:00"},
		{"a request to be called back allows one call", func(q *contact.Query) {
			q.Ledger, q.Preferences = three, []contact.Preference{{Kind: contact.CallbackRequest, By: "C1", At: at("2026-05-05 10:00")}}
		}, true, ""},
		{"until a call was completed", func(q *contact.Query) {
			q.Ledger = append(three[:3:3], call("2026-05-05 11:00", "conversation"))
			q.Preferences = []contact.Preference{{Kind: contact.CallbackRequest, By: "C1", At: at("2026-05-05 10:00")}}
		}, false, "2026-05-10 00:00"},
	})
}

func moreCalls(when string) contact.Consent {
	return contact.Consent{Kind: "contact", By: "C1", GivenTo: "us", Direct: true, At: at(when), Channels: []string{"call"}, Frequency: true}
}

func TestCountVariants(t *testing.T) {
	set := rules(t, `
  - id: WORK
    citation: c
    channels: [call]
    count: {max: 1, days: 30, points: work}
  - id: ALL
    citation: c
    channels: [email]
    count: {max: 2, days: 7, of: [contact], per: person}
    except: [{kind: reply}]
  - id: TALK
    citation: c
    channels: [sms]
    count: {max: 1, days: 7, of: [voice, sms], after_first: true}
`)
	work := call("2026-04-10 12:00", "no_answer")
	work.PointKind = "work"
	other := call("2026-05-03 12:00", "no_answer")
	other.Debts = []string{"D9"}
	run(t, set, []kindCase{
		{"a work call counts at work", func(q *contact.Query) { q.Point.Kind, q.Ledger = "work", []contact.Contact{work} }, false, "2026-05-10 00:00"},
		{"and not elsewhere", func(q *contact.Query) { q.Ledger = []contact.Contact{work} }, true, ""},
		{"a home call does not count at work", func(q *contact.Query) {
			q.Point.Kind, q.Ledger = "work", []contact.Contact{call("2026-05-03 12:00", "no_answer")}
		}, true, ""},
		{"per person every debt and channel counts", func(q *contact.Query) {
			q.Channel, q.Ledger = "email", []contact.Contact{other, call("2026-05-04 12:00", "no_answer")}
		}, false, "2026-05-10 00:00"},
		{"an answer to the person is outside the cap", func(q *contact.Query) {
			q.Channel, q.Ledger = "email", []contact.Contact{other, call("2026-05-04 12:00", "no_answer"), inbound("2026-05-05 11:00", "email", "received")}
		}, true, ""},
		{"before a first conversation nothing is counted", func(q *contact.Query) {
			q.Channel, q.Ledger = "sms", []contact.Contact{call("2026-05-03 12:00", "voicemail")}
		}, true, ""},
		{"after it, contacts are, itself not", func(q *contact.Query) {
			q.Channel, q.Ledger = "sms", []contact.Contact{call("2026-05-02 12:00", "conversation"), call("2026-05-03 12:00", "voicemail")}
		}, false, "2026-05-10 00:00"},
		{"a first conversation long ago counts as one", func(q *contact.Query) {
			q.Channel, q.Ledger = "sms", []contact.Contact{call("2025-05-02 12:00", "conversation"), call("2026-05-03 12:00", "voicemail")}
		}, false, "2026-05-10 00:00"},
	})
}

func TestSilence(t *testing.T) {
	set := rules(t, `
  - id: S
    citation: c
    channels: [voice]
    silence: {days: 7, outcomes: [conversation], strict_also: [answered_busy], inbound: true}
    except: [{kind: frequency_consent}]
`)
	one := func(c contact.Contact) func(*contact.Query) {
		return func(q *contact.Query) { q.Ledger = []contact.Contact{c} }
	}
	run(t, set, []kindCase{
		{"the day of the conversation is day one; day seven is silent", one(call("2026-04-29 23:00", "conversation")), false, "2026-05-06 00:00"},
		{"day eight is free", one(call("2026-04-28 12:00", "conversation")), true, ""},
		{"the person's own call starts it", one(inbound("2026-05-01 12:00", "call", "conversation")), false, "2026-05-08 00:00"},
		{"a voicemail is none", one(call("2026-05-01 12:00", "voicemail")), true, ""},
		{"an email is none", one(inbound("2026-05-01 12:00", "email", "received")), true, ""},
		{"about another debt it is silent for that one only", one(via(call("2026-05-01 12:00", "conversation"), func(c *contact.Contact) { c.Debts = []string{"D2"} })), true, ""},
		{"with another person too", one(via(call("2026-05-01 12:00", "conversation"), func(c *contact.Contact) { c.Person = "spouse" })), true, ""},
		{"'I am busy' starts it under strict", one(call("2026-05-01 12:00", "answered_busy")), false, "2026-05-08 00:00"},
		{"and not under literal", func(q *contact.Query) {
			one(call("2026-05-01 12:00", "answered_busy"))(q)
			q.Ambiguity = contact.Literal
		}, true, ""},
		{"consent in the conversation lifts it", func(q *contact.Query) {
			one(call("2026-05-01 12:00", "conversation"))(q)
			q.Consents = []contact.Consent{moreCalls("2026-05-01 12:00")}
		}, true, ""},
		{"consent for one date opens that date only", func(q *contact.Query) {
			one(call("2026-05-04 12:00", "conversation"))(q)
			k := moreCalls("2026-05-04 12:00")
			k.OnlyOn = contact.DateOf(2026, 5, 7)
			q.Consents = []contact.Consent{k}
		}, false, "2026-05-07 00:00"},
		{"once that date is over the silence goes on", func(q *contact.Query) {
			one(call("2026-05-04 12:00", "conversation"))(q)
			k := moreCalls("2026-05-04 12:00")
			k.OnlyOn = contact.DateOf(2026, 5, 7)
			q.At, q.Consents = at("2026-05-08 12:00"), []contact.Consent{k}
		}, false, "2026-05-11 00:00"},
	})
}

func TestSilenceCountedFromTheNextDay(t *testing.T) {
	set := rules(t, `
  - id: S
    citation: c
    channels: [voice]
    silence: {days: 7, outcomes: [conversation], strict_next_day: true}
`)
	talk := func(q *contact.Query) { q.Ledger = []contact.Contact{call("2026-04-28 12:00", "conversation")} }
	run(t, set, []kindCase{
		{"strict: day eight is silent", talk, false, "2026-05-06 00:00"},
		{"literal: day eight is free", func(q *contact.Query) { talk(q); q.Ambiguity = contact.Literal }, true, ""},
		{"an inbound call starts nothing here", func(q *contact.Query) {
			q.Ledger = []contact.Contact{inbound("2026-05-04 12:00", "call", "conversation")}
		}, true, ""},
	})
}

func TestGapAndRun(t *testing.T) {
	set := rules(t, `
  - id: G
    citation: c
    channels: [voice]
    gap: {minutes: 5, same_point: true, unanswered: true}
  - id: D
    citation: c
    channels: [letter]
    gap: {days: 3}
  - id: R
    citation: c
    channels: [sms]
    run: {per_day: 2, days: 2}
`)
	text := func(when string) contact.Contact {
		return via(call(when, "delivered"), func(c *contact.Contact) { c.Channel = "sms" })
	}
	run(t, set, []kindCase{
		{"a second unanswered call waits five minutes", func(q *contact.Query) { q.Ledger = []contact.Contact{call("2026-05-05 11:56", "no_answer")} }, false, "2026-05-05 12:01"},
		{"at five minutes it is free", func(q *contact.Query) { q.Ledger = []contact.Contact{call("2026-05-05 11:55", "no_answer")} }, true, ""},
		{"fractions of a second are never early", func(q *contact.Query) {
			q.Ledger = []contact.Contact{via(call("2026-05-05 11:56", "no_answer"), func(c *contact.Contact) { c.At = c.At.Add(time.Millisecond) })}
		}, false, "2026-05-05 12:01:01"},
		{"another number is free", func(q *contact.Query) {
			q.Ledger = []contact.Contact{via(call("2026-05-05 11:56", "no_answer"), func(c *contact.Contact) { c.PointID = "l1" })}
		}, true, ""},
		{"an answered call does not count", func(q *contact.Query) { q.Ledger = []contact.Contact{call("2026-05-05 11:56", "conversation")} }, true, ""},
		{"a gap in days counts dates", func(q *contact.Query) {
			q.Channel = "letter"
			q.Ledger = []contact.Contact{via(call("2026-05-03 23:00", "sent"), func(c *contact.Contact) { c.Channel = "letter" })}
		}, false, "2026-05-06 00:00"},
		{"two texts on each of two dates are a run", func(q *contact.Query) {
			q.Channel = "sms"
			q.Ledger = []contact.Contact{text("2026-05-03 10:00"), text("2026-05-03 11:00"), text("2026-05-04 10:00"), text("2026-05-04 11:00")}
		}, false, "2026-05-06 00:00"},
		{"one text too few on one of them is none", func(q *contact.Query) {
			q.Channel = "sms"
			q.Ledger = []contact.Contact{text("2026-05-03 10:00"), text("2026-05-04 10:00"), text("2026-05-04 11:00")}
		}, true, ""},
		{"the run goes on while today fills up", func(q *contact.Query) {
			q.Channel = "sms"
			q.Ledger = []contact.Contact{text("2026-05-03 10:00"), text("2026-05-03 11:00"), text("2026-05-04 10:00"), text("2026-05-04 11:00"), text("2026-05-05 10:00"), text("2026-05-05 11:00")}
		}, false, "2026-05-07 00:00"},
	})
}

func TestConsentNeeded(t *testing.T) {
	set := rules(t, `
  - id: K
    citation: c
    channels: [prerecorded_call]
    consent: {kinds: [tcpa, contact], same_point: true, strict_not: [number_on_credit_application]}
  - id: E
    citation: c
    channels: [email]
    consent: {kinds: [ny_email], written: true, same_point: true, personal: true}
`)
	give := func(channel string, k contact.Consent) func(*contact.Query) {
		return func(q *contact.Query) { q.Channel, q.Consents = channel, []contact.Consent{k} }
	}
	k := contact.Consent{Kind: "tcpa", By: "C1", At: at("2026-05-01 12:00")}
	e := contact.Consent{Kind: "ny_email", By: "C1", Written: true, At: at("2026-05-01 12:00"), PointID: "m1"}
	with := func(k contact.Consent, f func(*contact.Consent)) contact.Consent { f(&k); return k }
	application := with(k, func(k *contact.Consent) { k.Basis = "number_on_credit_application" })
	run(t, set, []kindCase{
		{"none on file refuses for good", func(q *contact.Query) { q.Channel = "prerecorded_call" }, false, ""},
		{"one on file allows", give("prerecorded_call", k), true, ""},
		{"not one of tomorrow", give("prerecorded_call", with(k, func(k *contact.Consent) { k.At = at("2026-05-06 12:00") })), false, ""},
		{"not one of another person", give("prerecorded_call", with(k, func(k *contact.Consent) { k.By = "spouse" })), false, ""},
		{"not one for another number", give("prerecorded_call", with(k, func(k *contact.Consent) { k.PointID = "m2" })), false, ""},
		{"not a revoked one", give("prerecorded_call", with(k, func(k *contact.Consent) { k.Revoked = at("2026-05-02 12:00") })), false, ""},
		{"a later refusal of calls voids it", func(q *contact.Query) {
			give("prerecorded_call", k)(q)
			q.OptOuts = []contact.OptOut{{Kind: contact.OptOutMedium, By: "C1", At: at("2026-05-02 12:00"), Channel: "call"}}
		}, false, ""},
		{"an earlier one does not", func(q *contact.Query) {
			give("prerecorded_call", k)(q)
			q.OptOuts = []contact.OptOut{{Kind: contact.OptOutMedium, By: "C1", At: at("2026-04-02 12:00"), Channel: "call"}}
		}, true, ""},
		{"a number on an application is none under strict", give("prerecorded_call", application), false, ""},
		{"and is one under literal", func(q *contact.Query) { give("prerecorded_call", application)(q); q.Ambiguity = contact.Literal }, true, ""},
		{"consent to contact must be direct", give("prerecorded_call", contact.Consent{Kind: "contact", By: "C1", GivenTo: "us", At: at("2026-05-01 12:00")}), false, ""},
		{"direct it counts", give("prerecorded_call", contact.Consent{Kind: "contact", Direct: true, By: "C1", GivenTo: "us", At: at("2026-05-01 12:00")}), true, ""},
		{"written consent to this address allows email", give("email", e), true, ""},
		{"oral consent does not", give("email", with(e, func(k *contact.Consent) { k.Written = false })), false, ""},
		{"nor consent to the employer's address", give("email", with(e, func(k *contact.Consent) { k.EmployerOwned = true })), false, ""},
	})
}

func TestOptOut(t *testing.T) {
	set := rules(t, `
  - id: O
    citation: c
    channels: [contact]
    opt_out: {kinds: [medium, keyword], widen_keyword: true}
    except: [{kind: confirmation}, {kind: reply}]
  - id: T
    citation: c
    channels: [sms]
    opt_out: {kinds: [revocation], any_channel: true, literal_business_days: 10, calendar: cal, unrelated: fraud_alert_unrelated}
  - id: W
    citation: c
    channels: [voice]
    opt_out: {kinds: [marketing], written: true}
  - id: C
    citation: c
    literal: "off"
    channels: [sms]
    purposes: [opt_out_confirmation]
    confirmation: {minutes: 5}
`)
	o := contact.OptOut{Kind: contact.OptOutMedium, By: "C1", At: at("2026-05-04 12:00"), Channel: "call"}
	stop := contact.OptOut{Kind: contact.OptOutKeyword, Keyword: true, By: "C1", At: at("2026-05-04 12:00"), Channel: "sms", PointID: "m2"}
	revoke := contact.OptOut{Kind: contact.OptOutRevocation, By: "C1", At: at("2026-08-31 12:00"), Channel: "sms", PointID: "m1", InReplyTo: "payment_reminder"}
	give := func(channel string, o contact.OptOut) func(*contact.Query) {
		return func(q *contact.Query) { q.Channel, q.OptOuts = channel, []contact.OptOut{o} }
	}
	with := func(o contact.OptOut, f func(*contact.OptOut)) contact.OptOut { f(&o); return o }
	literal := func(s string) func(*contact.Query) {
		return func(q *contact.Query) { give("sms", revoke)(q); q.At, q.Ambiguity = at(s), contact.Literal }
	}
	run(t, set, []kindCase{
		{"a refused medium is refused", give("call", o), false, ""},
		{"in all its forms", give("prerecorded_call", o), false, ""},
		{"other media stay open", give("email", o), true, ""},
		{"a refused number leaves the others", give("call", with(o, func(o *contact.OptOut) { o.PointID = "m2" })), true, ""},
		{"a refusal without a channel refuses all", give("letter", with(o, func(o *contact.OptOut) { o.Channel = "" })), false, ""},
		{"so does one of a channel by an unknown name", give("letter", with(o, func(o *contact.OptOut) { o.Channel = "pigeon" })), false, ""},
		{"a withdrawn refusal is none", give("call", with(o, func(o *contact.OptOut) { o.Withdrawn = at("2026-05-05 11:00") })), true, ""},
		{"one not yet known is none", give("call", with(o, func(o *contact.OptOut) { o.At = at("2026-05-05 12:00:01") })), true, ""},
		{"one of this second counts", give("call", with(o, func(o *contact.OptOut) { o.At = at("2026-05-05 12:00") })), false, ""},
		{"strict: a stop word from one number covers all texts", give("sms", stop), false, ""},
		{"literal: it covers that number", func(q *contact.Query) { give("sms", stop)(q); q.Ambiguity = contact.Literal }, true, ""},
		{"it says nothing about calls", give("call", stop), true, ""},
		{"the person's new contact allows one answer", func(q *contact.Query) {
			give("call", o)(q)
			q.Ledger = []contact.Contact{inbound("2026-05-05 11:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"a contact before the refusal does not", func(q *contact.Query) {
			give("call", o)(q)
			q.Ledger = []contact.Contact{inbound("2026-05-04 11:00", "call", "voicemail_left_by_consumer")}
		}, false, ""},
		{"a confirmation with nothing else may go", func(q *contact.Query) {
			give("sms", with(stop, func(o *contact.OptOut) { o.At = at("2026-05-05 11:58") }))(q)
			q.Purpose, q.Content = "opt_out_confirmation", &contact.Content{OnlyConfirmation: contact.Yes}
		}, true, ""},
		{"one with anything else may not", func(q *contact.Query) {
			give("sms", with(stop, func(o *contact.OptOut) { o.At = at("2026-05-05 11:58") }))(q)
			q.Purpose, q.Content = "opt_out_confirmation", &contact.Content{OnlyConfirmation: contact.No}
		}, false, ""},
		{"five minutes are in time", func(q *contact.Query) {
			give("sms", with(stop, func(o *contact.OptOut) { o.At = at("2026-05-05 11:55") }))(q)
			q.Purpose = "opt_out_confirmation"
		}, true, ""},
		{"six are not", func(q *contact.Query) {
			give("sms", with(stop, func(o *contact.OptOut) { o.At = at("2026-05-05 11:54") }))(q)
			q.Purpose = "opt_out_confirmation"
		}, false, ""},
		{"nor is a second confirmation", func(q *contact.Query) {
			give("sms", with(stop, func(o *contact.OptOut) { o.At = at("2026-05-05 11:58") }))(q)
			q.Purpose = "opt_out_confirmation"
			q.Ledger = []contact.Contact{via(call("2026-05-05 11:59", "delivered"), func(c *contact.Contact) { c.Channel, c.Purpose = "sms", "opt_out_confirmation" })}
		}, false, ""},
		{"strict: a revocation works at once", func(q *contact.Query) { give("sms", revoke)(q); q.At = at("2026-08-31 12:01") }, false, ""},
		{"literal: it must be honoured after ten business days", literal("2026-09-16 00:00"), false, ""},
		{"until then it may be under way; Labor Day is no business day", literal("2026-09-15 23:59"), true, ""},
		{"a message that has nothing to do with it is not reached", func(q *contact.Query) {
			give("sms", revoke)(q)
			q.At, q.Purpose = at("2026-09-30 12:00"), "fraud_alert_unrelated"
		}, true, ""},
		{"only a written refusal counts where the rule says so", give("call", contact.OptOut{Kind: contact.OptOutMarketing, By: "C1", At: at("2026-05-01 12:00")}), true, ""},
		{"and then it does", give("call", contact.OptOut{Kind: contact.OptOutMarketing, Written: true, By: "C1", At: at("2026-05-01 12:00")}), false, ""},
	})
	q := base()
	q.OptOuts = []contact.OptOut{o}
	if v := set.Check(q); !v.Impossible {
		t.Error("an opt-out is impossible: another channel should be tried")
	}
}

func TestHoldsAndCease(t *testing.T) {
	set := rules(t, `
  - id: A
    citation: c
    to: [debtor, standing]
    channels: [contact]
    hold: {flag: attorney, contact_known: true, literal_silent_days: 30}
  - id: B
    citation: c
    channels: [contact, charge]
    hold: {flag: bankruptcy, statuses: [open]}
  - id: C
    citation: c
    to: [debtor, standing]
    channels: [contact]
    except_purposes: [advise_efforts_terminated]
    cease: {notices: [cease_communication], strict_all: true}
  - id: S
    citation: c
    channels: [contact]
    hold: {flag: breathing_space}
    except: [{kind: reply}]
`)
	flag := func(f contact.Flag) func(*contact.Query) {
		return func(q *contact.Query) { q.Flags = []contact.Flag{f} }
	}
	notice := func(n contact.Notice) func(*contact.Query) {
		return func(q *contact.Query) { q.Notices = []contact.Notice{n} }
	}
	attorney := contact.Flag{Kind: contact.FlagAttorney, ContactKnown: true, Since: at("2026-04-01 12:00"), Debts: []string{"D1"}}
	silent := attorney
	silent.WrittenTo = at("2026-04-06 12:00")
	space := contact.Flag{Kind: contact.FlagBreathingSpace, Since: at("2026-05-01 00:00"), Until: at("2026-06-30 00:00")}
	stop := contact.Notice{Kind: "cease_communication", Written: true, At: at("2026-05-05 10:00"), Debts: []string{"D2"}}
	with := func(f contact.Flag, g func(*contact.Flag)) contact.Flag { g(&f); return f }
	run(t, set, []kindCase{
		{"a represented debtor is left alone", flag(attorney), false, ""},
		{"the attorney may be written to", func(q *contact.Query) { flag(attorney)(q); q.Person, q.Relation = "attorney", "attorney" }, true, ""},
		{"an attorney nobody can reach binds nobody", flag(with(attorney, func(f *contact.Flag) { f.ContactKnown = false })), true, ""},
		{"for another debt neither", flag(with(attorney, func(f *contact.Flag) { f.Debts = []string{"D2"} })), true, ""},
		{"one who allowed direct contact neither", flag(with(attorney, func(f *contact.Flag) { f.DirectConsent = true })), true, ""},
		{"strict: silence changes nothing", flag(silent), false, ""},
		{"literal: thirty days of silence free", func(q *contact.Query) { flag(silent)(q); q.Ambiguity = contact.Literal }, false, "2026-05-07 00:00"},
		{"literal: an answer binds", func(q *contact.Query) {
			flag(with(silent, func(f *contact.Flag) { f.Responded = true }))(q)
			q.Ambiguity = contact.Literal
		}, false, ""},
		{"an open bankruptcy stays everything", flag(contact.Flag{Kind: contact.FlagBankruptcy, Status: "open", Since: at("2026-05-01 12:00")}), false, ""},
		{"a dismissed one nothing", flag(contact.Flag{Kind: contact.FlagBankruptcy, Status: "dismissed", Since: at("2026-05-01 12:00")}), true, ""},
		{"one whose stage nobody recorded may be open", flag(contact.Flag{Kind: contact.FlagBankruptcy, Since: at("2026-05-01 12:00")}), false, ""},
		{"a hold ends at its end", flag(space), false, "2026-06-30 00:00"},
		{"the end itself is free", func(q *contact.Query) { flag(space)(q); q.At = at("2026-06-30 00:00") }, true, ""},
		{"before it began it does not hold", func(q *contact.Query) { flag(space)(q); q.At = at("2026-04-30 23:59:59") }, true, ""},
		{"an answer to the debtor is allowed in it", func(q *contact.Query) {
			flag(space)(q)
			q.Ledger = []contact.Contact{inbound("2026-05-05 11:00", "call", "voicemail_left_by_consumer")}
		}, true, ""},
		{"strict: a cease about one debt covers all", notice(stop), false, ""},
		{"literal: the one it names", func(q *contact.Query) { notice(stop)(q); q.Ambiguity = contact.Literal }, true, ""},
		{"an oral one is none", notice(contact.Notice{Kind: "cease_communication", At: at("2026-05-05 10:00")}), true, ""},
		{"one not yet received is none", notice(contact.Notice{Kind: "cease_communication", Written: true, At: at("2026-05-05 13:00")}), true, ""},
		{"the last word of the collector is allowed", func(q *contact.Query) { notice(stop)(q); q.Purpose = "advise_efforts_terminated" }, true, ""},
	})
	q := base()
	q.Flags = []contact.Flag{space}
	if v := set.Check(q); v.Impossible {
		t.Error("a hold is never impossible: it waits")
	}
}

func TestNoticesAndDisputes(t *testing.T) {
	set := rules(t, `
  - id: D
    citation: c
    channels: [contact]
    dispute: {notices: [dispute], lifted_by: [verification_sent], duplicate_by: [duplicative_dispute_notice],
      period: {notice: validation_notice, receipt_days: 5, days: 30, calendar: cal}}
  - id: V
    citation: c
    channels: [letter]
    overshadow: {period: {notice: validation_notice, receipt_days: 5, days: 30, calendar: cal}}
  - id: N
    citation: c
    channels: [visit]
    notice: {kind: on_written_notice, channel: letter, days: 6}
  - id: CRA
    citation: c
    to: [professional]
    channels: [credit_report]
    notice: {kind: debt_letter, days: 14, or_conversation: true}
  - id: M
    citation: c
    channels: [email]
    email_notice: {notice: creditor_email_use_notice}
    except: [{kind: used_address}]
`)
	val := contact.Notice{Kind: "validation_notice", At: at("2026-09-02 12:00")} // receipt on the 10th, end on 10 October
	dispute := contact.Notice{Kind: "dispute", Written: true, At: at("2026-10-10 23:59"), Debts: []string{"D1"}}
	file := func(when string, n ...contact.Notice) func(*contact.Query) {
		return func(q *contact.Query) { q.At, q.Notices = at(when), n }
	}
	sent := func(kind, when string) contact.Notice { return contact.Notice{Kind: kind, At: at(when)} }
	late := dispute
	late.At = at("2026-10-11 00:00")
	oral := dispute
	oral.Written = false
	again := dispute
	again.Duplicative = true
	on := func(channel string, f func(*contact.Query)) func(*contact.Query) {
		return func(q *contact.Query) { f(q); q.Channel = channel }
	}
	bureau := func(f func(*contact.Query)) func(*contact.Query) {
		return func(q *contact.Query) { f(q); q.Channel, q.Person, q.Relation = "credit_report", "cra", "cra" }
	}
	run(t, set, []kindCase{
		{"a dispute on the last day stops collection", file("2026-10-13 12:00", val, dispute), false, ""},
		{"a day later it is too late", file("2026-10-13 12:00", val, late), true, ""},
		{"a printed end is taken as it is", file("2026-10-13 12:00", contact.Notice{Kind: "validation_notice", At: val.At, PeriodEnds: contact.DateOf(2026, 10, 11)}, late), false, ""},
		{"a printed end earlier than the law's own shortens nothing", file("2026-10-13 12:00", contact.Notice{Kind: "validation_notice", At: val.At, PeriodEnds: contact.DateOf(2026, 9, 20)}, dispute), false, ""},
		{"nor does it lengthen: after the law's own end it is too late", file("2026-10-13 12:00", contact.Notice{Kind: "validation_notice", At: val.At, PeriodEnds: contact.DateOf(2026, 9, 20)}, late), true, ""},
		{"an early demand overshadows until the law's own end, whatever is printed", func(q *contact.Query) {
			file("2026-10-01 12:00", contact.Notice{Kind: "validation_notice", At: val.At, PeriodEnds: contact.DateOf(2026, 9, 20)})(q)
			q.Channel, q.Content = "letter", &contact.Content{DemandsEarlyPayment: contact.Yes}
		}, false, "2026-10-11 00:00"},
		{"and until the printed end where that is later", func(q *contact.Query) {
			file("2026-10-11 12:00", contact.Notice{Kind: "validation_notice", At: val.At, PeriodEnds: contact.DateOf(2026, 10, 15)})(q)
			q.Channel, q.Content = "letter", &contact.Content{DemandsEarlyPayment: contact.Yes}
		}, false, "2026-10-16 00:00"},
		{"a notice sent again starts the period again", file("2026-10-13 12:00", val, sent("validation_notice", "2026-09-03 12:00"), late), false, ""},
		{"without a notice nothing can be late", file("2026-10-13 12:00", late), false, ""},
		{"an oral dispute does not stop it", file("2026-10-13 12:00", val, oral), true, ""},
		{"verification lifts it", file("2026-10-13 12:00", val, dispute, sent("verification_sent", "2026-10-12 12:00")), true, ""},
		{"an earlier one does not", file("2026-10-13 12:00", val, dispute, sent("verification_sent", "2026-10-01 12:00")), false, ""},
		{"a notice of duplication lifts a duplicate", file("2026-10-13 12:00", val, again, sent("duplicative_dispute_notice", "2026-10-12 12:00")), true, ""},
		{"but no other dispute", file("2026-10-13 12:00", val, dispute, sent("duplicative_dispute_notice", "2026-10-12 12:00")), false, ""},
		{"an early demand overshadows the period", func(q *contact.Query) {
			file("2026-10-01 12:00", val)(q)
			q.Channel, q.Content = "letter", &contact.Content{DemandsEarlyPayment: contact.Yes}
		}, false, "2026-10-11 00:00"},
		{"after it a demand is free", func(q *contact.Query) {
			file("2026-10-11 12:00", val)(q)
			q.Channel, q.Content = "letter", &contact.Content{DemandsEarlyPayment: contact.Yes}
		}, true, ""},
		{"a notice that must come first is missing", on("visit", file("2026-06-05 12:00")), false, ""},
		{"six days after it the visit is free", on("visit", file("2026-06-05 12:00", contact.Notice{Kind: "on_written_notice", Channel: "letter", At: at("2026-06-02 12:00")})), false, "2026-06-08 00:00"},
		{"by email it is no notice", on("visit", file("2026-06-09 12:00", contact.Notice{Kind: "on_written_notice", Channel: "email", At: at("2026-06-02 12:00")})), false, ""},
		{"the earliest of two counts", on("visit", file("2026-06-08 12:00", contact.Notice{Kind: "on_written_notice", Channel: "letter", At: at("2026-06-05 12:00")},
			contact.Notice{Kind: "on_written_notice", Channel: "letter", At: at("2026-06-02 12:00")})), true, ""},
		{"a bureau waits for a letter", bureau(file("2026-06-05 12:00")), false, ""},
		{"and fourteen days", bureau(file("2026-06-05 12:00", sent("debt_letter", "2026-06-01 12:00"))), false, "2026-06-15 00:00"},
		{"an undeliverable letter is none", bureau(file("2026-06-25 12:00", contact.Notice{Kind: "debt_letter", At: at("2026-06-01 12:00"), Undeliverable: true})), false, ""},
		{"or for a conversation with the debtor", func(q *contact.Query) {
			bureau(file("2026-06-05 12:00"))(q)
			q.Ledger = []contact.Contact{call("2026-06-01 12:00", "conversation")}
		}, true, ""},
		{"an address waits for the end of the time to object", on("email", file("2026-05-05 12:00",
			contact.Notice{Kind: "creditor_email_use_notice", At: at("2026-04-01 12:00"), Deadline: contact.DateOf(2026, 5, 6)})), false, "2026-05-07 00:00"},
		{"for good once they objected", on("email", file("2026-05-15 12:00",
			contact.Notice{Kind: "creditor_email_use_notice", At: at("2026-04-01 12:00"), Deadline: contact.DateOf(2026, 5, 6), OptedOut: true})), false, ""},
		{"unless the person wrote from it", func(q *contact.Query) {
			on("email", file("2026-05-05 12:00", contact.Notice{Kind: "creditor_email_use_notice", At: at("2026-04-01 12:00"), Deadline: contact.DateOf(2026, 5, 6)}))(q)
			q.Ledger = []contact.Contact{inbound("2026-05-01 12:00", "email", "received")}
		}, true, ""},
	})
}

func TestNumbers(t *testing.T) {
	set := rules(t, `
  - id: S
    citation: c
    channels: [sms]
    number: {days: 60}
  - id: R
    citation: c
    channels: [call]
    number: {reassigned: true}
`)
	check := func(channel, when string, reassigned bool) func(*contact.Query) {
		return func(q *contact.Query) {
			q.Channel, q.Checks = channel, []contact.NumberCheck{{PointID: "m1", At: at(when), Reassigned: reassigned}}
		}
	}
	text := func(when string) func(*contact.Query) {
		return func(q *contact.Query) {
			q.Channel, q.Ledger = "sms", []contact.Contact{inbound(when, "sms", "received")}
		}
	}
	run(t, set, []kindCase{
		{"a file that says nothing about the number is no obstacle", func(q *contact.Query) { q.Channel = "sms" }, true, ""},
		{"a text sixty dates ago is recent", text("2026-03-06 23:00"), true, ""},
		{"sixty-one are not", text("2026-03-05 23:00"), false, ""},
		{"a check is as good", func(q *contact.Query) { text("2026-01-05 23:00")(q); check("sms", "2026-05-01 12:00", false)(q) }, true, ""},
		{"one that says reassigned is not", check("sms", "2026-05-01 12:00", true), false, ""},
		{"a reassigned number is not called", check("call", "2026-05-01 12:00", true), false, ""},
		{"the last check decides", func(q *contact.Query) {
			q.Checks = []contact.NumberCheck{{PointID: "m1", At: at("2026-05-02 12:00")}, {PointID: "m1", At: at("2026-05-01 12:00"), Reassigned: true}}
		}, true, ""},
		{"another number's check says nothing", func(q *contact.Query) {
			q.Checks = []contact.NumberCheck{{PointID: "m2", At: at("2026-05-02 12:00"), Reassigned: true}}
		}, true, ""},
	})
}

func TestContentAndAddressees(t *testing.T) {
	set := rules(t, `
  - id: N
    citation: c
    channels: [electronic]
    content: {need: [opt_out_notice, simple_opt_out]}
  - id: F
    citation: c
    time_barred: true
    channels: [contact]
    content: {forbid: [threatens_suit]}
  - id: L
    citation: c
    channels: [voice]
    purposes: [voicemail]
    content: {limited_content: true, shared: true}
  - id: T
    citation: c
    channels: [contact]
    except_purposes: [location]
    addressee: {}
    except: [{kind: limited_content}]
  - id: DEAD
    citation: c
    channels: [contact]
    addressee: {deceased: true}
  - id: LOC
    citation: c
    to: [third]
    channels: [call]
    purposes: [location]
    location: {max: 1}
  - id: P
    citation: c
    channels: [postcard]
    forbid: {always: true}
`)
	lcm := contact.Content{BusinessName: contact.Yes, RevealsDebtCollection: contact.No, RequestsReply: contact.Yes, NaturalPersonName: contact.Yes, CallbackNumber: contact.Yes, NothingElse: contact.Yes}
	more := lcm
	more.NothingElse = contact.No
	mail := func(c *contact.Content) func(*contact.Query) {
		return func(q *contact.Query) { q.Channel, q.Content = "email", c }
	}
	sister := func(f func(*contact.Query)) func(*contact.Query) {
		return func(q *contact.Query) {
			q.Person, q.Relation, q.Purpose = "sister", "sister", "location"
			f(q)
		}
	}
	asked := via(call("2026-04-21 12:00", "conversation"), func(c *contact.Contact) { c.Person, c.Purpose = "sister", "location" })
	died := contact.Flag{Kind: contact.FlagDeceased, Since: at("2026-03-01 12:00")}
	run(t, set, []kindCase{
		{"without content the question is about the contact", mail(nil), true, ""},
		{"content that has what it needs", mail(&contact.Content{OptOutNotice: contact.Yes, SimpleOptOut: contact.Yes}), true, ""},
		{"content that lacks it", mail(&contact.Content{OptOutNotice: contact.No, SimpleOptOut: contact.Yes}), false, ""},
		{"unknown means no", mail(&contact.Content{OptOutNotice: contact.Yes}), false, ""},
		{"a threat about a time-barred debt", func(q *contact.Query) {
			q.Debts[0].TimeBarred, q.Content = true, &contact.Content{ThreatensSuit: contact.Yes}
		}, false, ""},
		{"unknown means there may be one", func(q *contact.Query) { q.Debts[0].TimeBarred, q.Content = true, &contact.Content{} }, false, ""},
		{"about another debt the rule is silent", func(q *contact.Query) { q.Content = &contact.Content{ThreatensSuit: contact.Yes} }, true, ""},
		{"a voicemail that others hear must be limited", func(q *contact.Query) { q.Purpose, q.Point.Shared, q.Content = "voicemail", true, &more }, false, ""},
		{"a limited one may be left", func(q *contact.Query) { q.Purpose, q.Point.Shared, q.Content = "voicemail", true, &lcm }, true, ""},
		{"on a number of one's own anything may", func(q *contact.Query) { q.Purpose, q.Content = "voicemail", &more }, true, ""},
		{"a third person is not spoken with", func(q *contact.Query) { q.Person, q.Relation = "son", "son" }, false, ""},
		{"a spouse is", func(q *contact.Query) { q.Person, q.Relation = "spouse", "spouse" }, true, ""},
		{"nor is the debtor reached on a third person's number", func(q *contact.Query) { q.Point.Owner = "roommate" }, false, ""},
		{"except by a limited-content message", func(q *contact.Query) { q.Point.Owner, q.Purpose, q.Content = "roommate", "voicemail", &lcm }, true, ""},
		{"the dead are not called", func(q *contact.Query) { q.Flags = []contact.Flag{died} }, false, ""},
		{"their executor is", func(q *contact.Query) { q.Flags, q.Person, q.Relation = []contact.Flag{died}, "executor", "executor" }, true, ""},
		{"a sister may be asked once where the debtor is", sister(func(*contact.Query) {}), true, ""},
		{"not twice", sister(func(q *contact.Query) { q.Ledger = []contact.Contact{asked} }), false, ""},
		{"an attempt that reached nobody is none", sister(func(q *contact.Query) {
			q.Ledger = []contact.Contact{via(asked, func(c *contact.Contact) { c.Outcome = "no_answer" })}
		}), true, ""},
		{"unless she got in touch", sister(func(q *contact.Query) {
			q.Ledger = []contact.Contact{asked, via(inbound("2026-04-30 12:00", "call", "conversation"), func(c *contact.Contact) { c.Person = "sister" })}
		}), true, ""},
		{"or the answer is doubted", sister(func(q *contact.Query) {
			q.Ledger, q.Content = []contact.Contact{asked}, &contact.Content{RevealsDebtCollection: contact.No, EarlierAnswerDoubtful: contact.Yes}
		}), true, ""},
		{"never once an attorney is known", sister(func(q *contact.Query) {
			q.Flags = []contact.Flag{{Kind: contact.FlagAttorney, ContactKnown: true, Since: at("2026-04-01 12:00")}}
		}), false, ""},
		{"postcards are never sent", func(q *contact.Query) { q.Channel = "postcard" }, false, ""},
	})
}

func TestCharges(t *testing.T) {
	set := rules(t, `
  - id: SUM
    citation: c
    channels: [charge]
    charge: {commercial_only: true, currency: GBP, bands: [{below: "1000.00", sum: "40.00"}, {below: "10000.00", sum: "70.00"}, {sum: "100.00"}]}
  - id: LUMP
    citation: c
    channels: [charge]
    charge: {commercial_only: true, lump_sum: "40.00"}
  - id: DUE
    citation: c
    channels: [charge]
    charge: {default_after: 30, consumer_points: "5", other_points: "9"}
`)
	debt := contact.Debt{ID: "D1", Class: contact.Commercial, Amount: "5000.00", Currency: "GBP", Due: contact.DateOf(2026, 3, 2), Received: contact.DateOf(2026, 3, 4)}
	charge := func(c contact.Charge, f func(*contact.Debt)) func(*contact.Query) {
		return func(q *contact.Query) {
			d := debt
			if f != nil {
				f(&d)
			}
			q.Channel, q.Charge, q.Debts = "charge", &c, []contact.Debt{d}
		}
	}
	consumer := func(d *contact.Debt) { d.Class, d.TermsGiven = contact.Consumer, true }
	run(t, set, []kindCase{
		{"the sum of its band", charge(contact.Charge{FixedSum: "70.00"}, nil), true, ""},
		{"more than that", charge(contact.Charge{FixedSum: "70.01"}, nil), false, ""},
		{"the bound belongs to the next band", charge(contact.Charge{FixedSum: "70"}, func(d *contact.Debt) { d.Amount = "1000.00" }), true, ""},
		{"below it the lower sum", charge(contact.Charge{FixedSum: "70"}, func(d *contact.Debt) { d.Amount = "999.99" }), false, ""},
		{"above all bands the highest", charge(contact.Charge{FixedSum: "100.00"}, func(d *contact.Debt) { d.Amount = "10000.00" }), true, ""},
		{"an amount that is none", charge(contact.Charge{FixedSum: "a lot"}, nil), false, ""},
		{"a debt without an amount", charge(contact.Charge{FixedSum: "40.00"}, func(d *contact.Debt) { d.Amount = "" }), false, ""},
		{"nothing from a consumer", charge(contact.Charge{FixedSum: "40.00"}, consumer), false, ""},
		{"a lump sum from a business", charge(contact.Charge{LumpSum: "40.00"}, nil), true, ""},
		{"not a larger one", charge(contact.Charge{LumpSum: "41"}, nil), false, ""},
		{"none from a consumer", charge(contact.Charge{LumpSum: "40.00"}, consumer), false, ""},
		{"interest from a consumer told of the rule, after thirty days", charge(contact.Charge{Interest: true, Points: "5"}, consumer), true, ""},
		{"not more points than that", charge(contact.Charge{Interest: true, Points: "9"}, consumer), false, ""},
		{"a business pays more", charge(contact.Charge{Interest: true, Points: "9"}, nil), true, ""},
		{"before the thirty days are over it waits", func(q *contact.Query) {
			charge(contact.Charge{Interest: true}, consumer)(q)
			q.At = at("2026-04-02 12:00")
		}, false, "2026-04-04 00:00"},
		{"a consumer not told is in default only when reminded", charge(contact.Charge{Interest: true}, func(d *contact.Debt) { d.Class = contact.Consumer }), false, ""},
		{"which a letter after the due date does", func(q *contact.Query) {
			charge(contact.Charge{Interest: true}, func(d *contact.Debt) { d.Class = contact.Consumer })(q)
			q.Ledger = []contact.Contact{via(call("2026-04-01 12:00", "sent"), func(c *contact.Contact) { c.Channel = "letter" })}
		}, true, ""},
		{"a charge that is not described is none", func(q *contact.Query) { q.Channel = "charge" }, false, ""},
	})
}

func TestReach(t *testing.T) {
	set := rules(t, `
  - id: R
    citation: c
    roles: [third_party]
    debts: [consumer]
    except_debt_kinds: [mortgage]
    channels: [sms]
    except_purposes: [receipt]
    effective: {from: "2026-05-01", until: "2026-06-01"}
    forbid: {always: true}
`)
	text := func(f func(*contact.Query)) func(*contact.Query) {
		return func(q *contact.Query) { q.Channel = "sms"; f(q) }
	}
	run(t, set, []kindCase{
		{"it reaches the contact; its end frees it", text(func(*contact.Query) {}), false, "2026-06-01 00:00"},
		{"not on another channel", nil, true, ""},
		{"not a first party", text(func(q *contact.Query) { q.Role = contact.FirstParty }), true, ""},
		{"not a commercial debt", text(func(q *contact.Query) { q.Debts[0].Class = contact.Commercial }), true, ""},
		{"a debt of unknown class takes the debtor's kind", text(func(q *contact.Query) { q.Debts[0].Class, q.DebtorKind = "", contact.Business }), true, ""},
		{"and where that is unknown, both", text(func(q *contact.Query) { q.Debts[0].Class, q.DebtorKind = "", "" }), false, "2026-06-01 00:00"},
		{"one consumer debt among others is enough", text(func(q *contact.Query) {
			q.Debts = []contact.Debt{{ID: "D2", Class: contact.Commercial}, {ID: "D1", Class: contact.Consumer}}
		}), false, "2026-06-01 00:00"},
		{"no debt named is taken as any", text(func(q *contact.Query) { q.Debts = nil }), false, "2026-06-01 00:00"},
		{"not an exempt kind of debt", text(func(q *contact.Query) { q.Debts[0].Kind = "mortgage" }), true, ""},
		{"not an exempt purpose", text(func(q *contact.Query) { q.Purpose = "receipt" }), true, ""},
		{"not before it begins", text(func(q *contact.Query) { q.At = at("2026-04-30 23:59:59") }), true, ""},
		{"from the first second of its first date", text(func(q *contact.Query) { q.At = at("2026-05-01 00:00:00") }), false, "2026-06-01 00:00"},
		{"an unknown role is refused", func(q *contact.Query) { q.Role = "agency" }, false, ""},
		{"an unknown channel is refused", func(q *contact.Query) { q.Channel = "fax" }, false, ""},
		{"an inbound-only channel is refused", func(q *contact.Query) { q.Channel = "web_portal" }, false, ""},
		{"an unusable point is refused", func(q *contact.Query) { q.Point.Usable = false }, false, ""},
	})
	q := base()
	q.Point = contact.Point{Reason: "missing"}
	if v := set.Check(q); !v.Impossible || v.Reasons[0].Code != contact.CodePoint || v.Reasons[0].Fact != "missing" {
		t.Errorf("no number is impossible, with the reason: %+v", v)
	}
}

func TestJurisdictions(t *testing.T) {
	pack := func(j string) contact.Pack {
		s := spec(t, "  - id: "+j+"\n    citation: c\n    channels: [call]\n    forbid: {always: true}\n")
		s.Pack, s.Jurisdiction = j, j
		return compile(t, s)
	}
	set := contact.NewSet(pack("US-NY-NYC"), pack("US-NY"), pack("DE"), pack("US"))
	for _, c := range []struct {
		name   string
		places []string
		want   string
	}{
		{"a country's law", []string{"US"}, "US"},
		{"a state's law beside its country's", []string{"US-NY"}, "US US-NY"},
		{"a city's beside both", []string{"US-NY-NYC"}, "US US-NY US-NY-NYC"},
		{"another state does not count", []string{"US-OH"}, "US"},
		{"a name that only begins alike does not count", []string{"USX"}, ""},
		{"every candidate counts", []string{"US-OH", "DE"}, "DE US"},
		{"no candidate at all means every law", nil, "DE US US-NY US-NY-NYC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := base()
			q.Places = nil
			for _, p := range c.places {
				q.Places = append(q.Places, contact.Place{Jurisdiction: p})
			}
			var got []string
			for _, r := range set.Check(q).Reasons {
				got = append(got, r.Rule)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// TestStrictestWins: the rule named is the one whose own earliest time is
// latest, and the first instant at which none refuses is found by asking again.
func TestStrictestWins(t *testing.T) {
	set := rules(t, sevenInSeven+`
  - id: H
    citation: c
    channels: [voice]
    hours: {windows: [{days: [tue, sat], from: "10:00", to: "11:00"}]}
`)
	q := base()
	q.Ledger = []contact.Contact{call("2026-05-01 12:00", "no_answer"), call("2026-05-03 12:00", "no_answer"), call("2026-05-05 09:00", "voicemail")}
	v := set.Check(q)
	if v.Rule != "H" || len(v.Reasons) != 2 || !v.NotBefore.Equal(at("2026-05-09 10:00")) {
		t.Errorf("%+v", v)
	}
	tight(t, set, q, v)
	q.OptOuts = []contact.OptOut{{Kind: contact.OptOutMedium, Channel: "call", At: at("2026-05-01 12:00")}}
	set = rules(t, sevenInSeven+"  - id: O\n    citation: c\n    channels: [voice]\n    opt_out: {kinds: [medium]}\n")
	if v := set.Check(q); v.Rule != "O" || !v.NotBefore.IsZero() {
		t.Errorf("a rule without a time counts as latest: %+v", v)
	}
}

func TestWarnings(t *testing.T) {
	set := rules(t, `
  - id: G
    citation: c
    literal: warn
    channels: [voice]
    gap: {minutes: 5}
`)
	q := base()
	q.Ledger = []contact.Contact{call("2026-05-05 11:58", "no_answer")}
	if v := set.Check(q); v.Allowed || len(v.Warn) != 0 {
		t.Errorf("strict refuses: %+v", v)
	}
	q.Ambiguity = contact.Literal
	if v := set.Check(q); !v.Allowed || len(v.Warn) != 1 || v.Warn[0].Code != contact.CodeGap {
		t.Errorf("literal remarks: %+v", v)
	}
}

func TestVerdictSurvivesJSON(t *testing.T) {
	set := shipped(t)
	q := base()
	q.At = at("2026-05-05 23:00")
	v := set.Check(q)
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back contact.Verdict
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(v, back) {
		t.Errorf("%+v became %+v", v, back)
	}
}

func TestExplain(t *testing.T) {
	set := shipped(t)
	q := base()
	q.At = at("2026-05-05 23:00")
	q.Ledger = []contact.Contact{call("2026-05-05 12:00", "conversation")}
	got := set.Explain(q, set.Check(q))
	for _, want := range []string{
		"Refused: call at Tue 2026-05-05 23:00:00 EDT.", "US-F-TIME-01 (15 USC 1692c(a)(1); 12 CFR 1006.6(b)(1)(i))", "23:00:00 in America/New_York",
		"US-F-FREQ-02", "7 dates of silence", "allows   US-F-FREQ-01, Seven calls in seven days, per person and debt [us-federal]", "counted about D1 1 of 7 on the dates 2026-04-29 to 2026-05-05: 2026-05-05 12:00", "refuses  US-F-FREQ-02, Seven days after a conversation, per person and debt [us-federal], until", "Earliest, if nothing else happens: Tue 2026-05-12 08:00:01 EDT.", "Reading: strict.", "us-federal 2026.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	for purpose, want := range map[string]string{"": "to collect", "payment_confirmation": "to confirm a payment", "a_new_kind": "a new kind"} {
		if q.Purpose = purpose; !strings.Contains(set.Explain(q, set.Check(q)), ", purpose: "+want+",") {
			t.Errorf("purpose %q is not told as %q:\n%s", purpose, want, set.Explain(q, set.Check(q)))
		}
	}
	q.Purpose = ""
	q.At = at("2026-05-05 12:00")
	q.Ledger = nil
	if got := set.Explain(q, set.Check(q)); !strings.HasPrefix(got, "Allowed: call at Tue 2026-05-05 12:00:00 EDT.") {
		t.Errorf("%s", got)
	}
}

// TestTrace: every applicable rule is there, and says what the verdict says.
func TestTrace(t *testing.T) {
	set := shipped(t)
	q := base()
	q.Ledger = []contact.Contact{call("2026-05-04 12:00", "no_answer"), call("2026-05-05 09:00", "conversation"), call("2026-04-05 09:00", "no_answer")}
	q.Consents = []contact.Consent{moreCalls("2026-05-05 09:00")}
	v, found := set.Check(q), map[string]contact.RuleTrace{}
	refusing := 0
	for _, r := range set.Trace(q) {
		found[r.Rule+r.Part] = r
		if r.Code != "" {
			refusing++
		}
	}
	if refusing != len(v.Reasons) || !v.Allowed {
		t.Errorf("%d rules refuse in the trace, %d in the verdict", refusing, len(v.Reasons))
	}
	if r := found["US-F-FREQ-02"]; r.Exception != "US-F-FREQ-04" {
		t.Errorf("the exception is named: %+v", r)
	}
	if r := found["HOUSE-CAP-ALL"]; r.Pack != "house" || r.Count != 2 || strings.Join(r.Contacts, ",") != "2026-05-04 12:00,2026-05-05 09:00" {
		t.Errorf("counted contacts are named: %+v", r)
	}
	q.Channel = "fax"
	if set.Trace(q) != nil {
		t.Error("a query refused outright asks no rule")
	}
}

// TestLastDayOfFarLeapYears: package time knows no end of the last stretch of a
// leap year beyond its table, and a search must not stop there for ever.
func TestLastDayOfFarLeapYears(t *testing.T) {
	set := shipped(t, "us-federal")
	for _, tc := range []struct{ name, zone, at, want string }{
		{"the night before the last day of a leap year", "America/New_York", "2060-12-30 23:00", "2060-12-31 08:00"},
		{"the last day itself", "Europe/London", "2060-12-31 06:00", "2060-12-31 08:00"},
		{"the night after it", "Europe/London", "2060-12-31 21:30", "2061-01-01 08:00"},
		{"a year of 365 days", "Europe/London", "2061-12-31 21:30", "2062-01-01 08:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := base()
			loc := zone(tc.zone)
			q.Zones = []contact.Zone{{Location: loc, Name: tc.zone}}
			q.Ambiguity = contact.Literal
			q.At = mustIn(t, tc.at, loc)
			if v := set.Check(q); v.Allowed || !v.NotBefore.Equal(mustIn(t, tc.want, loc)) {
				t.Errorf("allowed %v, not before %v; want %s", v.Allowed, v.NotBefore, tc.want)
			}
		})
	}
}

func mustIn(t *testing.T, s string, loc *time.Location) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
