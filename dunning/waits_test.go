package dunning

import (
	"testing"
	"time"
)

// accountHold is a hold on the whole account from an hour ago.
func accountHold(id string, kind HoldKind, clock bool, until time.Time) Fact {
	return Fact{At: noon.Add(-time.Hour), Account: "a", Body: HoldPlaced{ID: id, HoldKind: kind, Scope: ScopeAccount, Contact: true, Clock: clock, Until: until}}
}

// TestWhoWaitsForWhat: of several states that keep a case waiting, the refusal names the
// one that decides, and until when; what happens on another account of the debtor is none.
func TestWhoWaitsForWhat(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	long, short, open := accountHold("l", HoldHardship, true, day(9)), accountHold("s", HoldManual, true, day(2)), accountHold("o", HoldManual, true, time.Time{})
	quiet := accountHold("c", HoldComplaint, false, day(9))
	reply := Fact{At: noon.Add(-time.Hour), Account: "a", Body: TaskOpened{ID: "r", Task: TaskReply, Until: day(2)}}
	unknown := func(account string) []Fact {
		c := ContactPlanned{ID: account + "/x", Step: "one", Channel: SMS}
		return []Fact{
			{At: noon.Add(-time.Hour), Account: account, Case: "k", Body: c},
			{At: noon.Add(-time.Hour), Account: account, Case: "k", Body: ContactMoved{ID: c.ID, State: ContactUnknown, Deadline: day(1)}},
		}
	}
	for _, c := range []struct {
		about       string
		facts       []Fact
		state, rule string
		until       time.Time
	}{
		{"nothing", nil, "", "", time.Time{}},
		{"of two holds that stop the clock, the one that ends last, placed first", []Fact{long, short}, "hold", "hold:hardship", day(9)},
		{"or placed second", []Fact{short, long}, "hold", "hold:hardship", day(9)},
		{"an open one outlasts every end", []Fact{open, long}, "hold", "hold:manual", time.Time{}},
		{"of two that stop contact only, the one that ends last", []Fact{quiet, accountHold("q", HoldManual, false, day(2))}, "hold", "hold:complaint", day(9)},
		{"one that stops the clock comes before one that stops contact only", []Fact{quiet, short}, "hold", "hold:manual", day(2)},
		{"a hold of contact without an end outlasts a reply", []Fact{reply, accountHold("o", HoldComplaint, false, time.Time{})}, "hold", "hold:complaint", time.Time{}},
		{"and one that ends after it", []Fact{reply, quiet}, "hold", "hold:complaint", day(9)},
		{"a hand-over in doubt", unknown("a"), "unknown", "unknown:sms", day(1)},
		{"but not one of another account", unknown("b"), "", "", time.Time{}},
	} {
		f, err := base(t).Apply(c.facts)
		if err != nil {
			t.Fatal(err)
		}
		w, waits := f.blocked(noon)
		if !waits {
			w = wait{}
		}
		if w.state != c.state || w.rule != c.rule || !w.until.Equal(c.until) {
			t.Errorf("%s: it waits for %q by %q until %v", c.about, w.state, w.rule, w.until)
		}
	}
}

// TestDistance: spacing counts what this account heard from us, the daily limit what the
// creditor sent by itself to the debtor on any account.
func TestDistance(t *testing.T) {
	contact := func(account, creditor string, automatic bool) []Fact {
		c := ContactPlanned{ID: account + "/x", Step: "zero", Channel: SMS, Automatic: automatic, Creditor: creditor}
		return []Fact{{At: noon, Account: account, Case: "k", Body: c}, {At: noon, Account: account, Case: "k", Body: ContactMoved{ID: c.ID, State: ContactAccepted}}}
	}
	midnight := func(n int) time.Time { return time.Date(2024, 3, 5+n, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		about         string
		facts         []Fact
		spaced, daily time.Time
	}{
		{"nothing was sent", nil, time.Time{}, time.Time{}},
		{"a step of this account", contact("a", "c", true), midnight(3), midnight(1)},
		{"a step of another account is no reason for spacing", contact("b", "c", true), time.Time{}, midnight(1)},
		{"nor for anything when another creditor sent it", contact("b", "x", true), time.Time{}, time.Time{}},
		{"one whose creditor nobody recorded may have been this one's", contact("b", "", true), time.Time{}, midnight(1)},
		{"a person's message leaves the day free", contact("a", "c", false), midnight(3), time.Time{}},
	} {
		f := base(t)
		f.Sequence.Spacing = 3
		f, err := f.Apply(c.facts)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.spaced(sameDispatch{}); !got.Equal(c.spaced) {
			t.Errorf("%s: spaced until %v", c.about, got)
		}
		if got := f.freeToday(sameDispatch{}); !got.Equal(c.daily) {
			t.Errorf("%s: the next day begins %v", c.about, got)
		}
	}
}

// TestOtherAccountsContactsAreTheirs: what a provider or a collector did on another account
// of the debtor judges, touches and counts nothing here.
func TestOtherAccountsContactsAreTheirs(t *testing.T) {
	ago := noon.Add(-time.Hour)
	on := func(account string) Facts {
		c := ContactPlanned{ID: account + "/x", Step: "one", Channel: SMS}
		call := ContactLogged{ID: account + "/y", Direction: "outbound", Channel: Call, Outcome: "conversation", Task: "call"}
		f, err := base(t).Apply([]Fact{
			{At: ago, Account: "a", Body: LeaseTaken{ID: "l", Owner: "u", Until: noon.Add(9 * time.Hour)}},
			{At: ago, Account: "a", Body: TaskOpened{ID: "call", Task: TaskCall, Step: "one", Items: []string{"A"}, Attempts: 3}},
			{At: ago, Account: account, Case: "k", Body: c},
			{At: ago, Account: account, Case: "k", Body: ContactMoved{ID: c.ID, State: ContactUnknown, Deadline: noon}},
			{At: ago, Account: account, Case: "k", Body: call},
		})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for account, mine := range map[string]bool{"a": true, "b": false} {
		f := on(account)
		if got := f.judgeUnknown(noon) != nil; got != mine {
			t.Errorf("a hand-over of account %s that stayed unknown: judged %v", account, got)
		}
		if got := f.touched(&f.Leases[0]); got != mine {
			t.Errorf("a collector's call on account %s: the lease is touched %v", account, got)
		}
		if got := f.task("call").Talked; got != mine {
			t.Errorf("a collector's call on account %s: the task has talked %v", account, got)
		}
	}
}

// TestAMessageCountsFromWhenItLeft: not from its reservation, which may be days older where
// a provider had to be waited for.
func TestAMessageCountsFromWhenItLeft(t *testing.T) {
	f := base(t)
	f.Sequence.Spacing = 3
	f, err := f.Apply([]Fact{
		{At: noon.AddDate(0, 0, -2), Account: "a", Case: "k", Body: ContactPlanned{ID: "x", Step: "zero", Channel: SMS, Automatic: true, Creditor: "c"}},
		{At: noon, Account: "a", Case: "k", Body: ContactMoved{ID: "x", State: ContactSending}},
		{At: noon, Account: "a", Case: "k", Body: ContactMoved{ID: "x", State: ContactAccepted}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.spaced(sameDispatch{}), time.Date(2024, 3, 8, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("spaced until %v, want %v", got, want)
	}
}

// TestZonesOfPointsInUse: only points that reach the debtor say where the debtor may be.
func TestZonesOfPointsInUse(t *testing.T) {
	f := base(t)
	f.Setup.Zone = func(n string) *time.Location {
		l, err := time.LoadLocation(n)
		if err != nil {
			return nil
		}
		return l
	}
	f, err := f.Apply([]Fact{
		{At: noon, Body: PointKnown{ID: "here", Channel: SMS, Zones: []string{"Europe/Berlin"}}},
		{At: noon, Body: PointKnown{ID: "spouse", Channel: SMS, Owner: "spouse", Zones: []string{"Asia/Tokyo"}}},
		{At: noon, Body: PointKnown{ID: "old", Channel: SMS, Zones: []string{"America/New_York"}}},
		{At: noon, Body: PointDead{ID: "old", Reason: "invalid"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Zones) != 1 || f.Zones[0].String() != "Europe/Berlin" || !f.ZoneKnown {
		t.Errorf("zones %v, known %v", f.Zones, f.ZoneKnown)
	}
}
