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
	reply := Fact{At: noon.Add(-time.Hour), Account: "a", Body: TaskOpened{ID: "r", Task: TaskReply, Until: day(2)}}
	unknown := func(account string) []Fact {
		c := ContactPlanned{ID: account + "/x", Step: "one", Channel: SMS}
		return []Fact{{At: noon.Add(-time.Hour), Account: account, Case: "k", Body: c}, {At: noon.Add(-time.Hour), Account: account, Case: "k", Body: ContactMoved{ID: c.ID, State: ContactUnknown, Deadline: day(1)}}}
	}
	for _, c := range []struct {
		about       string
		facts       []Fact
		state, rule string
		until       time.Time
	}{
		{"nothing", nil, "", "", time.Time{}},
		{"of two holds that stop the clock, the one that ends last, placed first", []Fact{accountHold("l", HoldHardship, true, day(9)), accountHold("s", HoldManual, true, day(2))}, "hold", "hold:hardship", day(9)},
		{"or placed second", []Fact{accountHold("s", HoldManual, true, day(2)), accountHold("l", HoldHardship, true, day(9))}, "hold", "hold:hardship", day(9)},
		{"an open one outlasts every end", []Fact{accountHold("o", HoldManual, true, time.Time{}), accountHold("l", HoldHardship, true, day(9))}, "hold", "hold:manual", time.Time{}},
		{"of two that stop contact only, the one that ends last", []Fact{accountHold("l", HoldComplaint, false, day(9)), accountHold("s", HoldManual, false, day(2))}, "hold", "hold:complaint", day(9)},
		{"one that stops the clock comes before one that stops contact only", []Fact{accountHold("l", HoldComplaint, false, day(9)), accountHold("s", HoldManual, true, day(2))}, "hold", "hold:manual", day(2)},
		{"a hold of contact without an end outlasts a reply", []Fact{reply, accountHold("o", HoldComplaint, false, time.Time{})}, "hold", "hold:complaint", time.Time{}},
		{"and one that ends after it", []Fact{reply, accountHold("l", HoldComplaint, false, day(9))}, "hold", "hold:complaint", day(9)},
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
