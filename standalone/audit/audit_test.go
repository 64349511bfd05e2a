package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres"
)

var t0 = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

const account = "a"

func fact(version int64, at time.Time, b dunning.Body) dunning.Fact {
	return dunning.Fact{Version: version, At: at, Account: account, Case: "c", Body: b}
}

func lines(key string) []dunning.ItemLine {
	return []dunning.ItemLine{{Key: key, Step: "s", Amount: money.MustParse("5.00", "USD")}}
}

func planned(id, item string) dunning.ContactPlanned {
	return dunning.ContactPlanned{ID: id, Step: "s", Channel: dunning.Email, Decision: "d-" + id, Items: lines(item), Automatic: true, Purpose: "collect", Point: "p"}
}

// yes is a decision that allows a contact.
func yes(c dunning.ContactPlanned, at time.Time, version int64) dunning.StoredDecision {
	d := dunning.Decision{Verb: dunning.VerbSend, At: at, WakeAt: at, Step: c.Step, Contact: &c, Items: c.Items, Version: version}
	return dunning.StoredDecision{ID: c.Decision, Case: "c", Decision: d}
}

func moved(id string, s dunning.ContactState) dunning.ContactMoved {
	return dunning.ContactMoved{ID: id, State: s}
}

// sentFacts are a contact's facts as the engine writes them, from a version on.
func sentFacts(version int64, at time.Time, c dunning.ContactPlanned) []dunning.Fact {
	return []dunning.Fact{fact(version, at, c), fact(version+1, at, moved(c.ID, dunning.ContactSending)), fact(version+2, at, moved(c.ID, dunning.ContactAccepted))}
}

func setup(spacing int) dunning.Setup {
	return dunning.Setup{
		Account: account, Debtor: "d", Case: "c", Currency: "USD",
		Creditor: dunning.Creditor{ID: "x", Role: "first_party", Zone: "America/New_York"},
		Sequence: &dunning.Sequence{ID: "q", Spacing: spacing, Steps: []dunning.Step{{ID: "s"}}},
		Zone: func(name string) *time.Location {
			l, err := time.LoadLocation(name)
			if err != nil {
				return nil
			}
			return l
		},
	}
}

// broken are the guarantees that an exam found broken.
func broken(e *exam) (out []string) {
	for _, g := range e.guarantees() {
		if len(g.Broken) > 0 {
			out = append(out, g.Name)
		}
	}
	return out
}

// Each guarantee is found broken by the facts of a fault, and by those alone.
func TestContactsAreProven(t *testing.T) {
	c := planned("k", "i")
	later := planned("l", "j")
	good := sentFacts(5, t0, c)
	for _, tc := range []struct {
		why       string
		facts     []dunning.Fact
		decisions []dunning.StoredDecision
		want      []string
	}{
		{"a contact as it should be", good, []dunning.StoredDecision{yes(c, t0, 4)}, nil},
		{"nobody decided it", good, nil, []string{decided}},
		{"the decision was a no", good, []dunning.StoredDecision{{ID: c.Decision, Decision: dunning.Decision{Verb: dunning.VerbSend, At: t0, WakeAt: t0, Deferred: true, Contact: &c}}}, []string{decided}},
		{"the decision is about another contact", good, []dunning.StoredDecision{{ID: c.Decision, Decision: yes(later, t0, 4).Decision}}, []string{decided}},
		{"the decision was taken afterwards", good, []dunning.StoredDecision{yes(c, t0, 6)}, []string{decided}},
		{"accepted twice", append(slices.Clone(good), fact(9, t0, moved("k", dunning.ContactAccepted))), []dunning.StoredDecision{yes(c, t0, 4)}, []string{onceOnly}},
		{"handed over again while its fate was unknown", []dunning.Fact{
			fact(5, t0, c), fact(6, t0, moved("k", dunning.ContactSending)), fact(7, t0, moved("k", dunning.ContactUnknown)), fact(8, t0, moved("k", dunning.ContactSending)),
		}, []dunning.StoredDecision{yes(c, t0, 4)}, []string{onceOnly}},
		{"handed over again after it was proven not taken", []dunning.Fact{
			fact(5, t0, c), fact(6, t0, moved("k", dunning.ContactSending)), fact(7, t0, moved("k", dunning.ContactFailed)), fact(8, t0, moved("k", dunning.ContactSending)),
		}, []dunning.StoredDecision{yes(c, t0, 4)}, nil},
	} {
		t.Run(tc.why, func(t *testing.T) {
			e := newExam(Options{})
			decisions := map[string]dunning.StoredDecision{}
			for _, d := range tc.decisions {
				decisions[d.ID] = d
			}
			e.contacts(Life{Facts: tc.facts}, dunning.CaseRef{Case: "c"}, decisions)
			if got := broken(e); !slices.Equal(got, tc.want) {
				t.Errorf("broken: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestSpacingIsProven(t *testing.T) {
	at := func(days int) time.Time { return t0.AddDate(0, 0, days) }
	two := func(days int, item string, change func(*dunning.ContactPlanned)) []sending {
		b := planned("l", item)
		if change != nil {
			change(&b)
		}
		return []sending{{planned("k", "i"), t0, 6}, {b, at(days), 9}}
	}
	for _, tc := range []struct {
		why  string
		sent []sending
		want []string
	}{
		{"three days lie between", two(3, "j", nil), nil},
		{"two days are too few", two(2, "j", nil), []string{spaced}},
		{"two on one day", two(0, "j", nil), []string{spaced, daily}},
		{"the other channel of the same step for the same item", two(0, "i", func(c *dunning.ContactPlanned) { c.Channel = dunning.SMS }), nil},
		{"a courtesy is no step", two(0, "j", func(c *dunning.ContactPlanned) { c.Step = dunning.CourtesyThanks }), nil},
		{"a person's contact is not automatic", two(0, "j", func(c *dunning.ContactPlanned) { c.Automatic = false }), nil},
	} {
		t.Run(tc.why, func(t *testing.T) {
			e := newExam(Options{})
			e.spacing(setup(3), nil, tc.sent)
			if got := broken(e); !slices.Equal(got, tc.want) {
				t.Errorf("broken: %v, want %v", got, tc.want)
			}
		})
	}
}

// Midnight of one candidate zone does not make two days of one.
func TestDaysAreThoseOfEveryZone(t *testing.T) {
	known := fact(1, t0, dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York", "America/Los_Angeles"}})
	known.Account, known.Case = "", ""
	facts := []dunning.Fact{known}
	evening := time.Date(2026, 3, 3, 4, 30, 0, 0, time.UTC) // 23:30 in New York, 20:30 in Los Angeles
	if n := daysBetween(setup(0), facts, evening, evening.Add(time.Hour)); n != 0 {
		t.Errorf("%d days between two instants of one day in Los Angeles, want 0", n)
	}
	if n := daysBetween(setup(0), facts, evening, evening.Add(4*time.Hour)); n != 1 {
		t.Errorf("%d days, want 1: midnight has passed in both", n)
	}
}

// What was paid before the fence must not have been asked for.
func TestDerivedAgain(t *testing.T) {
	id := "c/0/s/email/1"
	seq := &dunning.Sequence{ID: "q", Ladder: dunning.LadderLeading, Steps: []dunning.Step{{ID: "s", Verb: dunning.VerbSend, At: new(int), Send: []dunning.Channeled{{Channel: dunning.Email, Template: "x"}}}}}
	s := setup(0)
	s.Sequence = seq
	wide := func(v int64, b dunning.Body) dunning.Fact {
		return dunning.Fact{Version: v, At: t0.AddDate(0, 0, -20), Body: b}
	}
	item := dunning.Item{Key: "i", Issued: dunning.DateOf(t0.AddDate(0, 0, -20)), Due: dunning.DateOf(t0.AddDate(0, 0, -10)), Amount: money.MustParse("5.00", "USD")}
	facts := []dunning.Fact{
		wide(1, dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}}), wide(1, dunning.PointKnown{ID: "p", Channel: dunning.Email}),
		{Version: 2, At: t0.AddDate(0, 0, -20), Account: account, Body: item},
		fact(3, t0.AddDate(0, 0, -12), dunning.CaseOpened{Sequence: "q"}),
	}
	f, err := dunning.Fold(s, facts)
	if err != nil {
		t.Fatal(err)
	}
	_, made, err := dunning.Settle(f, t0)
	if err != nil {
		t.Fatal(err)
	}
	d := made[len(made)-1]
	if d.Contact == nil || !d.Due() {
		t.Fatalf("the test's own case does not send: %+v", d)
	}
	c := sending{ContactPlanned: *d.Contact, at: t0, version: 9}
	for _, tc := range []struct {
		why  string
		more []dunning.Fact
		want []string
	}{
		{"nothing happened before", nil, nil},
		{"it was paid before the fence", []dunning.Fact{fact(8, t0, dunning.Payment{ID: "p", Amount: item.Amount})}, []string{fenced}},
		{"it was paid after the fence: crossed in the post", []dunning.Fact{fact(10, t0, dunning.Payment{ID: "p", Amount: item.Amount})}, nil},
		{"a hold was placed before", []dunning.Fact{fact(8, t0, dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Contact: true, Clock: true, Owner: "user:1"})}, []string{fenced}},
		{"the debtor's own reservation is left out", []dunning.Fact{fact(8, t0, *d.Contact)}, nil},
	} {
		t.Run(tc.why, func(t *testing.T) {
			e := newExam(Options{})
			if err := e.derive(s, append(slices.Clone(facts), tc.more...), c); err != nil {
				t.Fatal(err)
			}
			if got := broken(e); !slices.Equal(got, tc.want) {
				t.Errorf("contact %s, broken: %v, want %v (%+v)", id, got, tc.want, e.found[fenced])
			}
		})
	}
}

func TestSummaryCounts(t *testing.T) {
	var tl tally
	c := planned("k", "i")
	l := Life{Account: postgres.Account{ID: account, Key: "A1", DebtorKey: "D1", Debtor: "d"}, Cases: []dunning.CaseRef{{Case: "c", Open: true}}}
	l.Facts = append(sentFacts(5, t0, c),
		fact(9, t0, dunning.Payment{ID: "p1", Amount: money.MustParse("5.00", "USD")}),
		fact(10, t0, dunning.PaymentReversed{Payment: "p1"}),
		fact(11, t0, dunning.Payment{ID: "p2", Amount: money.MustParse("2.50", "USD")}),
		fact(12, t0, dunning.PromiseMade{ID: "q"}), fact(13, t0, dunning.PromiseEnded{ID: "q", Outcome: "broken"}),
		fact(14, t0, dunning.CaseOpened{Reopened: true}), fact(15, t0, dunning.CaseClosed{Reason: "paid"}))
	deferred := dunning.Decision{At: t0, Step: "s", Rule: "R", Deferred: true, NotBefore: t0.Add(time.Hour)}
	l.Decisions = []dunning.StoredDecision{{Decision: deferred}, {Decision: deferred}}
	tl.life(l)
	s := tl.done()
	want := Summary{
		Accounts: 1, Cases: 1, Open: 1, Reopened: 1, Payments: 2, Reversed: 1, Paid: map[string]int64{"USD": 250},
		Contacts: []Count{{"email s", 1}}, Deferred: []Count{{"R", 1}}, Promises: []Count{{"broken", 1}, {"made", 1}}, Closed: []Count{{"paid", 1}},
	}
	if d := Diff(want, s); len(d) > 0 {
		t.Errorf("summary differs:\n%s", strings.Join(d, "\n"))
	}
	if e := l.Events(); len(e) == 0 || e[0].Account != "A1" || e[0].Debtor != "D1" {
		t.Errorf("events do not carry the creditor's keys: %+v", e)
	}
	want.Contacts[0].N = 2
	if d := Diff(want, s); !slices.Equal(d, []string{"+ contacts: email s 1", "- contacts: email s 2"}) {
		t.Errorf("Diff = %q, want the one line that differs", d)
	}
}

// What was put off is counted by message: looks depend on the machine.
func TestPutOff(t *testing.T) {
	off := func(step, rule string, hour int) dunning.Event {
		return dunning.Event{Kind: "deferred", Step: step, Rule: rule, NotBefore: t0.Add(time.Duration(hour) * time.Hour)}
	}
	left := func(step string) dunning.Event { return dunning.Event{Kind: "contact", Step: step, Channel: "email"} }
	cases := []struct {
		name   string
		events []dunning.Event
		want   []Count
	}{
		{"two looks at one message count once, whatever opening each saw", []dunning.Event{off("a", "R", 1), off("a", "R", 2), left("a")}, []Count{{"R", 1}}},
		{"two rules that put one message off count once each", []dunning.Event{off("a", "R", 1), off("a", "S", 2), off("a", "R", 3)}, []Count{{"R", 1}, {"S", 1}}},
		{"the step's next message counts anew", []dunning.Event{off("a", "R", 1), left("a"), off("a", "R", 2)}, []Count{{"R", 2}}},
		{"another step's message leaves this one waiting", []dunning.Event{off("a", "R", 1), left("b"), off("a", "R", 2)}, []Count{{"R", 1}}},
		{"a case that was closed waits for nothing", []dunning.Event{off("a", "R", 1), {Kind: "closed", Reason: "paid"}, off("a", "R", 2)}, []Count{{"R", 2}}},
		{"a pause of a channel and a failed try are about machines", []dunning.Event{off("a", "shell:switch", 1), off("a", "retry_after", 2)}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tl := tally{waits: map[putOff]bool{}}
			for _, e := range c.events {
				tl.event(e)
			}
			if got := tl.done().Deferred; !slices.Equal(got, c.want) {
				t.Errorf("put off %v, want %v", got, c.want)
			}
		})
	}
}

func TestReportSaysWhatIsBroken(t *testing.T) {
	r := Report{Guarantees: []Guarantee{{Name: "held", Checked: 2}, {Name: "not", Checked: 3, Broken: []string{"contact x"}, More: 1}}}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if r.OK() || !strings.Contains(b.String(), "BROKEN 2 of 3 times: contact x") || !strings.Contains(b.String(), "held (2 checked)") {
		t.Errorf("report:\n%s", &b)
	}
	if !(Report{Guarantees: r.Guarantees[:1]}).OK() {
		t.Error("a report without breaks is not OK")
	}
}
