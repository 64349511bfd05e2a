package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

func TestDoctor(t *testing.T) {
	waits := func(b *bundle, id, waiting string, version int64, wake time.Time) {
		d := b.decision(id, "", version, wake)
		d.Decision.Verb, d.Decision.Waiting, d.Decision.Contact = dunning.VerbLook, waiting, nil
		b.must(b.decide(d))
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		why     string
		prepare func(b *bundle)
		after   time.Duration // how long after noon the doctor comes
		want    []string      // kinds
	}{
		{"a case that was just opened waits to be looked at", func(*bundle) {}, 0, nil},
		{"a case that was opened and never looked at is late", func(*bundle) {}, time.Hour, []string{postgres.Late}},
		{"a planned wake-up is a next thing", func(b *bundle) { waits(b, "d", "matures", 1, noon.Add(day)) }, time.Hour, nil},
		{"a wake-up that was missed is late", func(b *bundle) { waits(b, "d", "matures", 1, noon.Add(day)) }, 2 * day, []string{postgres.Late}},
		{"no wake-up and nobody to wake it", func(b *bundle) { waits(b, "d", "task", 1, time.Time{}) }, 0, []string{postgres.NoNext}},
		{"no wake-up but a task", func(b *bundle) {
			b.mustAdd(b.caseFact(dunning.TaskOpened{ID: "t", Task: dunning.TaskDraft}))
			waits(b, "d", "task", 2, time.Time{})
		}, 0, nil},
		{"no wake-up and the task has ended", func(b *bundle) {
			b.mustAdd(b.caseFact(dunning.TaskOpened{ID: "t", Task: dunning.TaskDraft}), b.caseFact(dunning.TaskEnded{ID: "t", Outcome: "done"}))
			waits(b, "d", "task", 2, time.Time{})
		}, 0, []string{postgres.NoNext}},
		{"no wake-up but a nudge on its way", func(b *bundle) {
			waits(b, "d", "task", 1, time.Time{})
			b.nudge()
		}, 0, nil},
		{"an open hold that somebody owns", func(b *bundle) {
			b.mustAdd(b.caseFact(dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Owner: "user:7"}))
			waits(b, "d", "hold", 2, time.Time{})
		}, 0, nil},
		{"an open hold that nobody owns", func(b *bundle) {
			b.mustAdd(b.caseFact(dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount}))
			waits(b, "d", "hold", 2, time.Time{})
		}, 0, []string{postgres.HoldUnowned}},
		{"a hold without owner that was lifted is no trouble", func(b *bundle) {
			b.mustAdd(b.caseFact(dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount}),
				b.caseFact(dunning.HoldLifted{ID: "h"}),
				b.caseFact(dunning.HoldPlaced{ID: "i", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Owner: "user:7"}))
			waits(b, "d", "hold", 2, time.Time{})
		}, 0, nil},
		{"a closed case needs nothing", func(b *bundle) {
			waits(b, "d", "task", 1, time.Time{})
			b.mustAdd(b.caseFact(dunning.CaseClosed{Reason: "paid"}))
		}, day, nil},
		{"a nudge that nobody delivers", func(b *bundle) {
			b.nudge()
			waits(b, "d", "matures", 1, noon.Add(day))
			_, err := b.Pool().Exec(b.t.Context(), "UPDATE nudges SET created_at = created_at - interval '1 hour'")
			b.must(err)
		}, 0, []string{postgres.NudgeLate}},
	} {
		b := newBundle(t).open()
		c.prepare(b)
		found, err := b.Doctor(t.Context(), noon.Add(c.after))
		b.must(err)
		var got []string
		for _, v := range found {
			got = append(got, v.Kind)
			if v.Case != b.ref.Case {
				t.Errorf("%s: found case %q", c.why, v.Case)
			}
		}
		if !cmp.Equal(c.want, got) {
			t.Errorf("%s: found %v, want %v", c.why, got, c.want)
		}
		b.Close()
	}
}

func TestDoctorFindsStuckContacts(t *testing.T) {
	b := newBundle(t)
	id := b.reserved().ID
	b.must(b.decide(b.decision("d2", "", 3, noon.Add(72*time.Hour))))
	kinds := func(after time.Duration) string {
		found, err := b.Doctor(t.Context(), noon.Add(after))
		b.must(err)
		out := ""
		for _, v := range found {
			out += fmt.Sprint(v.Kind, " ", v.Detail, " ", v.Subject == id, ";")
		}
		return out
	}
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactSending}))
	if got := kinds(time.Minute); got != "" {
		t.Errorf("a call that may still be going on: %s", got)
	}
	if got := kinds(2 * time.Hour); got != "contact_stuck sending true;" {
		t.Errorf("in the provider's hands for two hours: %s", got)
	}
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactUnknown, Deadline: noon.Add(24 * time.Hour)}))
	if got := kinds(2 * time.Hour); got != "" {
		t.Errorf("unknown before its deadline: %s", got)
	}
	if got := kinds(26 * time.Hour); got != "contact_stuck unknown true;" {
		t.Errorf("unknown past its deadline: %s", got)
	}
	b.mustAdd(b.caseFact(dunning.TaskOpened{ID: "t", Task: dunning.TaskUnknown}))
	if got := kinds(26 * time.Hour); got != "" {
		t.Errorf("unknown, and a person was asked: %s", got)
	}
}

func TestDoctorFindsWrongVersions(t *testing.T) {
	b := newBundle(t)
	_, err := b.Pool().Exec(t.Context(), "UPDATE debtors SET version = 3")
	b.must(err)
	found, err := b.Doctor(t.Context(), noon)
	if err != nil || len(found) != 1 || found[0].Kind != postgres.VersionWrong || found[0].Subject != b.debtor {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestEarliestPending(t *testing.T) {
	b := newBundle(t)
	other := bundleOf(t, b.Store, "D-2")
	at := func(after time.Time) string {
		got, ok, err := b.EarliestPending(t.Context(), after)
		b.must(err)
		if !ok {
			return "none"
		}
		return got.Sub(noon).String()
	}
	if got := at(time.Time{}); got != "none" {
		t.Errorf("nothing is pending in an empty store, got %s", got)
	}
	b.open()
	other.open()
	if got := at(time.Time{}); got != "0s" {
		t.Errorf("opened cases are pending at their opening, got %s", got)
	}
	b.must(b.decide(b.decision("d1", "", 1, noon.Add(3*time.Hour))))
	b.must(other.decide(other.decision("d2", "", 1, noon.Add(2*time.Hour))))
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{0, "2h0m0s"}, {2 * time.Hour, "3h0m0s"}, {3 * time.Hour, "none"}} {
		if got := at(noon.Add(c.after)); got != c.want {
			t.Errorf("after %s: %s, want %s (strictly later)", c.after, got, c.want)
		}
	}
	late, err := b.Overdue(t.Context(), noon.Add(4*time.Hour), 5*time.Minute, 10)
	if err != nil || !cmp.Equal(late, []string{other.ref.Case, b.ref.Case}) {
		t.Errorf("overdue %v, %v; the longest late comes first", late, err)
	}
	if late, err = b.Overdue(t.Context(), noon.Add(2*time.Hour+4*time.Minute), 5*time.Minute, 10); err != nil || len(late) != 0 {
		t.Errorf("four minutes late are not five: %v, %v", late, err)
	}
	other.mustAdd(other.caseFact(dunning.CaseClosed{Reason: "paid"}))
	if got := at(time.Time{}); got != "3h0m0s" {
		t.Errorf("a closed case is not pending, got %s", got)
	}
	totals, err := b.Totals(t.Context())
	if want := (postgres.Totals{OpenCases: 1, ClosedCases: 1}); err != nil || totals != want {
		t.Errorf("totals %+v, %v", totals, err)
	}
}
