package contact_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// TestFaults: every mistake is reported with its path and how to mend it, and
// all mistakes of a pack at once.
func TestFaults(t *testing.T) {
	rule := func(more string) string { return "  - id: R\n    citation: c\n    channels: [call]\n" + more }
	hours := func(w string) string { return rule("    hours: {windows: [" + w + "]}\n") }
	for _, c := range []struct{ name, rules, path, says string }{
		{"a rule without an id", "  - citation: c\n    channels: [call]\n    forbid: {always: true}\n", "rules[0].id", "missing"},
		{"a rule without a citation", "  - id: R\n    channels: [call]\n    forbid: {always: true}\n", "rules[0].citation", "provision"},
		{"a rule without channels", "  - id: R\n    citation: c\n    forbid: {always: true}\n", "rules[0].channels", "name channels"},
		{"a channel that is none", "  - id: R\n    citation: c\n    channels: [cal]\n    forbid: {always: true}\n", "rules[0].channels[0]", "did you mean call"},
		{"a rule without a kind", rule(""), "rules[0]", "no kind"},
		{"a rule of two kinds", rule("    forbid: {always: true}\n    hours: {windows: [{from: \"08:00\", to: \"21:00\"}]}\n"), "rules[0].forbid", "one kind"},
		{"two rules of one id", rule("    forbid: {always: true}\n") + rule("    forbid: {always: true}\n"), "rules[1].id", "already the id of rules[0]"},
		{"a role that is none", rule("    roles: [third]\n    forbid: {always: true}\n"), "rules[0].roles[0]", "third_party"},
		{"a class that is none", rule("    debts: [consumr]\n    forbid: {always: true}\n"), "rules[0].debts[0]", "did you mean consumer"},
		{"an addressee that is none", rule("    to: [everybody]\n    forbid: {always: true}\n"), "rules[0].to[0]", "standing"},
		{"an effect that is none", rule("    literal: maybe\n    forbid: {always: true}\n"), "rules[0].literal", "refuse, warn, off"},
		{"a certainty that is none", rule("    certainty: sure\n    forbid: {always: true}\n"), "rules[0].certainty", "unverified"},
		{"a date that is none", rule("    effective: {from: 2026-13-01}\n    forbid: {always: true}\n"), "rules[0].effective.from", "YYYY-MM-DD"},
		{"an end before the start", rule("    effective: {from: 2026-02-01, until: 2026-01-01}\n    forbid: {always: true}\n"), "rules[0].effective.until", "does not come after"},
		{"no window", rule("    hours: {windows: []}\n"), "rules[0].hours.windows", "nothing is ever allowed"},
		{"a time that is none", hours(`{from: "8:00", to: "21:00"}`), "rules[0].hours.windows[0].from", "HH:MM"},
		{"a time past midnight", hours(`{from: "08:00", to: "24:01"}`), "rules[0].hours.windows[0].to", "24:00"},
		{"a window that runs backwards", hours(`{from: "22:00", to: "06:00"}`), "rules[0].hours.windows[0].to", "split"},
		{"a day that is none", hours(`{days: [monday], from: "08:00", to: "21:00"}`), "rules[0].hours.windows[0].days[0]", "mon"},
		{"a calendar that is not defined", rule("    hours: {windows: [{from: \"08:00\", to: \"21:00\"}], calendar: lunar}\n"), "rules[0].hours.calendar", "define it under calendars"},
		{"edges that are none", rule("    hours: {windows: [{from: \"08:00\", to: \"21:00\"}], edges: sharp}\n"), "rules[0].hours.edges", "half_open"},
		{"a count of nothing", rule("    count: {max: 0, days: 7}\n"), "rules[0].count.max", "out of range"},
		{"a window of years", rule("    count: {max: 1, days: 1000}\n"), "rules[0].count.days", "1 to 100"},
		{"an outcome that is none", rule("    count: {max: 1, days: 7, not_outcomes: [busy]}\n"), "rules[0].count.not_outcomes[0]", "busy_signal"},
		{"outcomes both ways", rule("    count: {max: 1, days: 7, outcomes: [conversation], not_outcomes: [no_answer]}\n"), "rules[0].count.not_outcomes", "not both"},
		{"a way of counting that is none", rule("    count: {max: 1, days: 7, per: month}\n"), "rules[0].count.per", "person"},
		{"silence after nothing", rule("    silence: {days: 7, outcomes: []}\n"), "rules[0].silence.outcomes", "missing"},
		{"a gap in two units", rule("    gap: {minutes: 5, days: 1}\n"), "rules[0].gap", "one of them"},
		{"an opt-out that is none", rule("    opt_out: {kinds: [word]}\n"), "rules[0].opt_out.kinds[0]", "keyword"},
		{"business days without a calendar", rule("    opt_out: {kinds: [medium], business_days: 10}\n"), "rules[0].opt_out.calendar", "name the calendar"},
		{"a wish that is none", rule("    wish: {kind: inconvenient}\n"), "rules[0].wish.kind", "inconvenient_time"},
		{"an exception that is none", rule("    forbid: {always: true}\n    except: [{kind: answer}]\n"), "rules[0].except[0].kind", "reply"},
		{"a consent exception without its kind", rule("    forbid: {always: true}\n    except: [{kind: consent_kind}]\n"), "rules[0].except[0].consent", "name the kind"},
		{"content that needs nothing", rule("    content: {}\n"), "rules[0].content", "need, forbid or limited_content"},
		{"content that is none", rule("    content: {need: [optout_notice]}\n"), "rules[0].content.need[0]", "did you mean opt_out_notice"},
		{"a number rule with nothing to judge", rule("    number: {}\n"), "rules[0].number", "reassigned"},
		{"an exception reported under an id nobody can look up", rule("    forbid: {always: true}\n    except: [{kind: reply, rule: X-1}]\n"), "rules[0].except[0].rule", "under cites"},
		{"bands out of order", rule("    charge: {bands: [{below: \"10\", sum: \"1\"}, {below: \"5\", sum: \"2\"}]}\n"), "rules[0].charge.bands[1].below", "small to large"},
		{"an amount that is none", rule("    charge: {lump_sum: \"40,00\"}\n"), "rules[0].charge.lump_sum", "decimal point"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := contact.Compile(spec(t, c.rules))
			for _, f := range faults {
				if f.Path == c.path && strings.Contains(f.Message, c.says) {
					return
				}
			}
			t.Errorf("no fault at %s saying %q; got %v", c.path, c.says, faults)
		})
	}
}

func TestFaultsOfThePackItself(t *testing.T) {
	_, faults := contact.Compile(contact.PackSpec{Kind: "laws", Reviewed: "yesterday", Calendars: map[string][]contact.HolidaySpec{
		"a": {{Name: "x", Month: 13, Day: 1}, {Name: "y", Month: 2, Weekday: "monday", Nth: 9}, {Name: "z", Month: 2}},
	}})
	var paths []string
	for _, f := range faults {
		paths = append(paths, f.Path)
	}
	got := strings.Join(paths, " ")
	want := "pack version jurisdiction kind reviewed rules calendars.a[0].month calendars.a[1].weekday calendars.a[1].nth calendars.a[2].day"
	if got != want {
		t.Errorf("faults at %s\nwant      %s", got, want)
	}
	if faults[0].Error() != "pack: is missing" {
		t.Errorf("%v", faults[0])
	}
}

// TestShippedPacks: each compiles, names its sources, and has a version.
func TestShippedPacks(t *testing.T) {
	files, err := filepath.Glob("../../config/policies/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d packs (%v)", len(files), err)
	}
	for _, f := range files {
		s := load(t, f)
		p := compile(t, s)
		if p.ID()+".yaml" != filepath.Base(f) || p.Version() == "" || s.Reviewed == "" || s.Title == "" {
			t.Errorf("%s: id %q, version %q, reviewed %q", filepath.Base(f), p.ID(), p.Version(), s.Reviewed)
		}
		for _, r := range s.Rules {
			if r.Title == "" || r.Certainty == "" && s.Kind == "law" {
				t.Errorf("%s: rule %s needs a title and a certainty", p.ID(), r.ID)
			}
		}
	}
	set := shipped(t)
	if set.Citation("US-F-TIME-02") == "" || set.Citation("NONE") != "" {
		t.Error("a citation is found by the id that is reported, and by no other")
	}
	if set.Rank("US-F-TIME-01") >= set.Rank("HOUSE-CAP-ALL") || set.Rank("NONE") <= set.Rank("HOUSE-CAP-ALL") {
		t.Error("law comes before house, and unknown rules last")
	}
	if v := set.Versions(); len(v) != len(files) || v[len(v)-1].Pack != "house" {
		t.Errorf("%v", v)
	}
}

// TestAnnexCovered: every rule of the research that can refuse a contact is in
// a pack; the others are named in docs/contact-policy.md with the reason.
func TestAnnexCovered(t *testing.T) {
	set := shipped(t)
	for _, id := range strings.Fields(`US-F-TIME-01 US-F-TIME-02 US-F-TIME-03 US-F-TIME-05 US-F-INCONV-01 US-F-PLACE-01 US-F-ATTY-01 US-F-WORK-01
		US-F-EMAIL-01 US-F-CEASE-01 US-F-THIRD-01 US-F-LOC-01 US-F-DEC-01 US-F-LCM-01 US-F-BK-01 US-F-BK-02 US-F-TIMEBAR-01 US-F-FREQ-01 US-F-FREQ-02
		US-F-FREQ-06 US-F-HARASS-01 US-F-MEDIA-01 US-F-OPTNOTICE-01 US-F-EPROC-01 US-F-EPROC-02 US-F-DISC-01 US-F-MAIL-01 US-F-SOCIAL-01 US-F-VAL-02
		US-F-DISP-01 US-F-DISP-02 US-F-CRA-01 US-F-ESIGN-01 US-TCPA-01 US-TCPA-02 US-TCPA-03 US-TCPA-04 US-TCPA-05 US-TCPA-06 US-TCPA-07 US-CTIA-01
		US-CANSPAM-02 US-MA-FREQ-01 US-MA-FREQ-02 US-MA-WORK-01 US-MA-TIME-01 US-DC-FREQ-01 US-DC-FREQ-02 US-DC-OPT-01 US-DC-ECOMM-01 US-DC-ECOMM-02
		US-DC-ECOMM-03 US-NYC-FREQ-01 US-NYC-FREQ-00 US-NYC-ECOMM-01 US-NY-EMAIL-01 US-WA-FREQ-01 US-WA-WORK-01 US-WA-TIME-01 US-FL-TIME-01 US-FL-ATTY-01
		US-CA-ROS-01 US-CA-ROS-02 US-MI-TIME-01 US-WV-FREQ-01 US-NV-MED-01 AU-TIME-01 AU-FREQ-01 AU-PREF-01 CA-ON-TIME-01 CA-ON-NOTICE-01 CA-ON-FREQ-01
		CA-QC-TIME-01 IN-TIME-01 GB-BS-01 GB-BS-02 GB-LP-01 DE-VERZUG-01 DE-VERZUG-02 DE-PAUSCH-01 POLICY-COURTESY`) {
		if set.Citation(id) == "" {
			t.Errorf("no pack has %s", id)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		text string
		days int32
	}{{"1970-01-02", 1}, {"1969-12-31", -1}, {"2000-02-29", 11016}, {"2026-05-05", 20578}} {
		d, err := contact.ParseDate(c.text)
		if err != nil || int32(d) != c.days || d.String() != c.text {
			t.Errorf("%s: %d %v %v", c.text, d, d, err)
		}
	}
	if _, err := contact.ParseDate("05/05/2026"); err == nil {
		t.Error("another form of date is refused")
	}
	var d contact.Date
	if err := d.UnmarshalText([]byte("2026-05-05")); err != nil || d.String() != "2026-05-05" {
		t.Errorf("%v %v", d, err)
	}
	if err := d.UnmarshalText(nil); err != nil || d != 0 || d.String() != "" {
		t.Errorf("nothing is no date: %v %v", d, err)
	}
}

// TestHolidays: the dates of the laws' own calendars, through the packs.
func TestHolidays(t *testing.T) {
	for _, c := range []struct{ name, pack, place, zone, date string }{
		{"Good Friday 2026 in Ontario", "ca-on", "CA-ON", "America/Toronto", "2026-04-03"},
		{"Family Day, the third Monday in February", "ca-on", "CA-ON", "America/Toronto", "2026-02-16"},
		{"Victoria Day, the Monday before 25 May", "ca-on", "CA-ON", "America/Toronto", "2026-05-18"},
		{"Victoria Day when 25 May is itself a Monday", "ca-on", "CA-ON", "America/Toronto", "2020-05-18"},
		{"Canadian Thanksgiving, the second Monday in October", "ca-on", "CA-ON", "America/Toronto", "2026-10-12"},
		{"Easter Monday 2027 in Quebec", "ca-qc", "CA-QC", "America/Toronto", "2027-03-29"},
		{"24 June in Quebec", "ca-qc", "CA-QC", "America/Toronto", "2026-06-24"},
		{"Easter Monday 2038, the latest possible", "au", "AU-VIC", "Australia/Melbourne", "2038-04-26"},
		{"Anzac Day", "au", "AU-VIC", "Australia/Melbourne", "2026-04-25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := base()
			q.Places = []contact.Place{{Jurisdiction: c.place}}
			q.Zones = []contact.Zone{{Location: zone(c.zone)}}
			q.Notices = []contact.Notice{{Kind: "on_written_notice", Channel: "letter", At: time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)}}
			day, err := time.ParseInLocation("2006-01-02 15:04", c.date+" 14:00", zone(c.zone))
			if err != nil {
				t.Fatal(err)
			}
			for hour, want := range map[int]bool{0: false, -7 * 24: true} {
				q.At = day.Add(time.Duration(hour) * time.Hour)
				if got := shipped(t, c.pack).Check(q).Allowed; got != want {
					t.Errorf("%s: allowed %v, want %v", q.At, got, want)
				}
			}
		})
	}
}

// TestConcurrent: one set answers many at once, each as if it were alone.
func TestConcurrent(t *testing.T) {
	set := shipped(t)
	day, night := base(), base()
	night.At = at("2026-05-05 23:00")
	done := make(chan string)
	for i := range 8 {
		q, want := day, true
		if i%2 == 1 {
			q, want = night, false
		}
		go func() {
			for range 500 {
				if v := set.Check(q); v.Allowed != want {
					done <- "a check saw another's query"
					return
				}
			}
			done <- ""
		}()
	}
	for range 8 {
		if s := <-done; s != "" {
			t.Error(s)
		}
	}
}

// TestNothingPanics throws random words, dates and zones at the whole set.
func TestNothingPanics(t *testing.T) {
	set := shipped(t)
	r := rand.New(rand.NewPCG(1, 2))
	n := 20000
	if testing.Short() {
		n = 2000
	}
	for range n {
		q := wild(r)
		v := set.Check(q)
		if v.Allowed != (len(v.Reasons) == 0) || v.Allowed && !v.NotBefore.IsZero() {
			t.Fatalf("a verdict that contradicts itself: %+v", v)
		}
		if !v.NotBefore.IsZero() && !v.NotBefore.After(q.At.Truncate(time.Second)) {
			t.Fatalf("not before %v lies in the past of %v", v.NotBefore, q.At)
		}
	}
}

// wild makes a query of random words, many of them senseless.
func wild(r *rand.Rand) contact.Query {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	when := func() time.Time {
		if r.IntN(20) == 0 {
			return time.Time{}
		}
		return time.Unix(r.Int64N(4e9)-5e8, r.Int64N(1e9)).UTC()
	}
	near := time.Unix(1.7e9+r.Int64N(1e8), 0).UTC()
	q := contact.Query{
		At: near, Channel: pick("call", "prerecorded_call", "sms", "email", "letter", "postcard", "visit", "social_public", "charge", "credit_report", "fax", ""),
		Purpose: pick("", "collect", "location", "voicemail", "opt_out_confirmation", "validation_notice", "commercial_offer", "reg_x_1024_39a_live_contact"), Automated: r.IntN(2) == 0,
		Role: pick("first_party", "third_party", "third_party", "x"), DebtorKind: pick("consumer", "business", ""), CollectorID: "us", Person: "C1",
		Relation: pick("", "spouse", "executor", "son", "attorney", "cra"), Point: contact.Point{ID: "m1", Kind: pick("mobile", "work", "landline", "employer", ""), Place: pick("", "home"), Usable: r.IntN(9) > 0, Shared: r.IntN(2) == 0, Owner: pick("", "son")},
		Ambiguity: pick("", "strict", "literal"),
	}
	for range r.IntN(4) {
		q.Zones = append(q.Zones, contact.Zone{Location: zone(oracleZones[r.IntN(len(oracleZones))])})
	}
	for range r.IntN(3) {
		q.Places = append(q.Places, contact.Place{Jurisdiction: pick("US", "US-CA", "US-NY-NYC", "US-DC", "US-MA", "US-WA", "US-FL", "US-NV", "AU", "CA-ON", "CA-QC", "IN", "GB-EAW", "DE", "")})
	}
	for range r.IntN(70) {
		q.Debts = append(q.Debts, contact.Debt{ID: pick("D1", "D2", "D3", "D4"), Class: pick("consumer", "commercial", ""), Kind: pick("medical", "mortgage", ""), Same: []string{"D9"}, ChargedOff: r.IntN(2) == 0, Amount: pick("", "12.34", "x")})
	}
	for range r.IntN(30) {
		q.Ledger = append(q.Ledger, contact.Contact{
			ID: pick("a", "b"), At: near.Add(-time.Duration(r.Int64N(4e15))), Direction: pick("inbound", "outbound", ""), Channel: pick("call", "sms", "email", "letter", "web_portal", "?"),
			Outcome: pick("conversation", "no_answer", "voicemail", "", "?"), Person: pick("C1", "son", ""), PointID: pick("m1", "m2"), PointKind: pick("work", "landline", "mobile"), Debts: []string{pick("D1", "D9")}, State: pick("", "reserved", "failed"),
		})
	}
	for range r.IntN(3) {
		q.Preferences = append(q.Preferences, contact.Preference{Kind: contact.PreferenceKind(pick("inconvenient_time", "inconvenient_place", "no_work_calls", "callback_request", "?")), At: when(), Days: contact.Weekdays(r.IntN(256)), From: r.IntN(90000), To: r.IntN(90000), Location: zone("Asia/Kathmandu"), Place: pick("", "home")})
		q.Consents = append(q.Consents, contact.Consent{Kind: pick("contact", "tcpa", "dc_ecomm", "nyc_ecomm"), GivenTo: "us", Direct: true, At: when(), Hours: r.IntN(2) == 0, From: r.IntN(90000), To: r.IntN(90000), Frequency: r.IntN(2) == 0, OnlyOn: contact.Date(19700 + r.IntN(2000))})
		q.OptOuts = append(q.OptOuts, contact.OptOut{Kind: pick("medium", "keyword", "revocation", "marketing"), At: when(), Channel: pick("", "call", "sms"), PointID: pick("", "m1", "m2"), Keyword: true, Written: true})
		q.Notices = append(q.Notices, contact.Notice{Kind: pick("validation_notice", "dispute", "cease_communication", "verification_sent", "debt_letter", "creditor_email_use_notice"), At: when(), Written: true, Deadline: contact.Date(r.IntN(30000))})
		q.Flags = append(q.Flags, contact.Flag{Kind: pick("attorney", "bankruptcy", "deceased", "breathing_space"), Status: pick("open", "discharged", "standard"), Since: when(), Until: when(), WrittenTo: when(), ContactKnown: true})
	}
	if r.IntN(2) == 0 {
		q.Content = &contact.Content{OptOutNotice: contact.Tri(r.IntN(3)), DemandsEarlyPayment: contact.Tri(r.IntN(3)), RevealsDebtCollection: contact.Tri(r.IntN(3))}
	}
	if r.IntN(2) == 0 {
		q.Charge = &contact.Charge{FixedSum: pick("", "40", "x"), LumpSum: pick("", "40.00"), Interest: true, Points: pick("", "5", "x")}
	}
	return q
}

// FuzzCheck draws wild queries from a seed: a verdict never contradicts itself
// and the trace agrees with it.
func FuzzCheck(f *testing.F) {
	set := shipped(f)
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		q := wild(rand.New(rand.NewPCG(a, b)))
		v := set.Check(q)
		refusing := 0
		for _, r := range set.Trace(q) {
			if r.Code != "" {
				refusing++
			}
		}
		if refusing != len(v.Reasons)+len(v.Warn) && refusing != 0 {
			t.Fatalf("%d rules refuse in the trace; %+v", refusing, v)
		}
	})
}
