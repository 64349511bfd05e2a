package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDecisionsComeBackAsTheyWere(t *testing.T) {
	b := newBundle(t).open()
	b.mustAdd(b.fact(item("A")))
	d := b.decision("d1", "d0", 2, noon.Add(time.Hour+123*time.Nanosecond))
	d.Replans = 2
	d.Decision.Deferred, d.Decision.Rule, d.Decision.Reason, d.Decision.NotBefore = true, "us.hours", "too_early", noon.Add(time.Hour)
	d.Decision.Effects = []dunning.Fact{b.caseFact(dunning.StepPassed{Items: []string{"A"}, Step: "s", When: "1 > 2"})}
	d.Decision.Conditions = []dunning.ConditionValue{{Step: "s", Source: "1 > 2"}}
	b.must(b.decide(d))
	for name, get := range map[string]func() (dunning.StoredDecision, bool, error){
		"by id":  func() (dunning.StoredDecision, bool, error) { return b.Decision(t.Context(), "d1") },
		"latest": func() (dunning.StoredDecision, bool, error) { return b.LatestDecision(t.Context(), b.ref.Case) },
		"by intent": func() (got dunning.StoredDecision, ok bool, err error) {
			err = b.in(func(tx *postgres.Tx) error {
				got, ok, err = tx.ByIntent(t.Context(), "d0")
				return err
			})
			return got, ok, err
		},
	} {
		got, ok, err := get()
		if err != nil || !ok {
			t.Errorf("%s: found %v, %v", name, ok, err)
		}
		if diff := cmp.Diff(asJSON(t, d), asJSON(t, got)); diff != "" {
			t.Errorf("%s: the decision changed on the way through the database:\n%s", name, diff)
		}
	}
	if _, ok, err := b.Decision(t.Context(), "nope"); ok || err != nil {
		t.Errorf("a decision that is not there: %v, %v", ok, err)
	}
	b.must(b.in(func(tx *postgres.Tx) error {
		if _, ok, err := tx.ByIntent(t.Context(), "nope"); ok || err != nil {
			t.Errorf("an intent that was not carried out: %v, %v", ok, err)
		}
		return nil
	}))
}

func TestTheJournalIsReadInPages(t *testing.T) {
	b := newBundle(t).open()
	for i := range 5 {
		b.must(b.decide(b.decision(fmt.Sprintf("d%d", i), "", 1, noon)))
	}
	var got []string
	for after := int64(0); ; {
		page, next, err := b.AllDecisions(t.Context(), after, 2)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			got = append(got, d.ID)
		}
		after = next
	}
	if want := []string{"d0", "d1", "d2", "d3", "d4"}; !cmp.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

// TestOneDecisionPerIntent races the same activity, twice at once: one decides, the
// other finds what was decided, however the two interleave.
func TestOneDecisionPerIntent(t *testing.T) {
	dsn := pgtest.DSN(t)
	b := bundleOf(t, pgtest.Open(t, dsn), "D-1").open()
	other := pgtest.Open(t, dsn)
	for round := range 20 {
		intent := fmt.Sprintf("intent-%d", round)
		var decided atomic.Int32
		var wg sync.WaitGroup
		for i := range 4 {
			s := []*postgres.Store{b.Store, other}[i%2]
			wg.Go(func() {
				err := s.InDebtor(t.Context(), []string{b.debtor}, func(tx *postgres.Tx) error {
					if _, ok, err := tx.ByIntent(t.Context(), intent); ok || err != nil {
						return err
					}
					decided.Add(1)
					return tx.StoreDecision(t.Context(), b.decision(uuid.NewString(), intent, 1, noon))
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := decided.Load(); n != 1 {
			t.Fatalf("%d of four activities decided", n)
		}
	}
}

func TestAnIntentThatIsTakenSaysSo(t *testing.T) {
	b := newBundle(t).open()
	b.must(b.decide(b.decision("d1", "d0", 1, noon)))
	if err := b.decide(b.decision("d2", "d0", 1, noon)); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("a second decision of one intent: %v", err)
	}
	b.must(b.decide(b.decision("d3", "", 1, noon)))
	b.must(b.decide(b.decision("d4", "", 1, noon))) // decisions without an intent are any number
}

// TestOneStarterWins races starters for the same account.
func TestOneStarterWins(t *testing.T) {
	b := newBundle(t)
	var opened atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := b.in(func(tx *postgres.Tx) error {
				ref := b.ref
				ref.Case = uuid.NewString()
				created, err := tx.OpenCase(t.Context(), ref)
				if err != nil || !created {
					return err
				}
				opened.Add(1)
				f := b.caseFact(dunning.CaseOpened{Sequence: ref.Sequence, Version: ref.Version})
				f.Case = ref.Case
				_, _, err = tx.Append(t.Context(), b.debtor, []dunning.Fact{f})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d cases opened", n)
	}
}

func TestTheLifeOfACase(t *testing.T) {
	b := newBundle(t)
	state := func() postgres.CaseState {
		t.Helper()
		s, err := b.CaseState(t.Context(), b.ref.Case)
		b.must(err)
		return s
	}
	if _, err := b.CaseRef(t.Context(), b.ref.Case); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a case that is not there: %v", err)
	}
	b.open()
	if s := state(); !s.Open || s.NextVerb != dunning.VerbLook || !s.NextAt.Equal(noon) || !s.OpenedAt.Equal(noon) || s.Phase != "look" {
		t.Errorf("an opened case waits to be looked at: %+v", s)
	}
	ref, err := b.CaseRef(t.Context(), b.ref.Case)
	b.must(err)
	if ref != b.ref {
		t.Errorf("reference %+v, want %+v", ref, b.ref)
	}
	b.must(b.decide(b.decision("d1", "", 1, noon.Add(time.Hour))))
	if s := state(); s.NextVerb != dunning.VerbSend || s.NextStep != "friendly-email" || s.NextDecision != "d1" || s.Phase != "send" || s.DecidedVersion != 1 {
		t.Errorf("after a decision: %+v", s)
	}
	waits := b.decision("d2", "d1", 1, time.Time{})
	waits.Decision.Verb, waits.Decision.Waiting, waits.Decision.Contact = dunning.VerbLook, "hold", nil
	b.must(b.decide(waits))
	if s := state(); s.Phase != "hold" || !s.NextAt.IsZero() {
		t.Errorf("a case that waits for a person: %+v", s)
	}
	b.mustAdd(b.caseFact(dunning.CaseClosed{Reason: "paid"}))
	b.must(b.decide(b.decision("d3", "d2", 2, noon.Add(time.Hour)))) // stored after the closing: the case stays closed
	if s := state(); s.Open || s.Phase != "closed" || s.CloseReason != "paid" || !s.NextAt.IsZero() || s.ClosedAt.IsZero() {
		t.Errorf("a closed case: %+v", s)
	}
	again := b.caseFact(dunning.CaseOpened{Sequence: "consumer-standard", Version: "v1", Reopened: true})
	again.At = noon.Add(48 * time.Hour)
	b.mustAdd(again)
	if s := state(); !s.Open || s.CloseReason != "" || !s.ClosedAt.IsZero() || !s.NextAt.Equal(again.At) {
		t.Errorf("a case that was opened again: %+v", s)
	}
	b.mustAdd(b.caseFact(dunning.CaseOpened{Reopened: true}), b.caseFact(dunning.CaseClosed{Reason: "recalled"}))
	if s := state(); s.Open || s.CloseReason != "recalled" {
		t.Errorf("of two events in one transaction the last one holds: %+v", s)
	}
}

func TestReopeningBesideAnotherOpenCaseIsRefused(t *testing.T) {
	b := newBundle(t).open()
	b.mustAdd(b.caseFact(dunning.CaseClosed{Reason: "paid"}))
	first := b.ref.Case
	b.ref.Case = uuid.NewString()
	b.open()
	f := b.caseFact(dunning.CaseOpened{Reopened: true})
	f.Case = first
	if err := b.add(f); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("two open cases of one account: %v", err)
	}
	found, err := b.FindCases(t.Context(), creditor, "D-1")
	if err != nil || len(found) != 2 || found[0] != b.ref.Case {
		t.Errorf("cases of the customer number: %v, %v; the open one comes first", found, err)
	}
}

// TestACaseMovesToAnotherVersion: what a case follows and is to follow are projections of its
// facts, whatever else is written with them.
func TestACaseMovesToAnotherVersion(t *testing.T) {
	const seq = "consumer-standard"
	asked := func(id, from, to string) dunning.MigrationAsked {
		return dunning.MigrationAsked{ID: id, FromSequence: seq, FromVersion: from, Sequence: seq, Version: to, Reason: "new wording"}
	}
	moved := dunning.Migrated{ID: "m2", FromSequence: seq, FromVersion: "v1", Sequence: seq, Version: "v3", Reason: "new wording", Moves: []dunning.ItemsMoved{{Items: []string{"I1"}, Standing: dunning.InSequence}}}
	b := newBundle(t).open()
	for _, step := range []struct {
		why             string
		facts           []dunning.Body
		version, target string
	}{
		{"what is asked for is the target", []dunning.Body{asked("m1", "v1", "v2")}, "v1", "v2"},
		{"what replaces it is the target at once", []dunning.Body{dunning.MigrationEnded{ID: "m1", Outcome: "replaced"}, asked("m2", "v1", "v3")}, "v1", "v3"},
		{"it takes effect among other facts", []dunning.Body{dunning.TaskEnded{ID: "t", Outcome: "moot"}, moved}, "v3", ""},
		{"the next is asked for", []dunning.Body{asked("m3", "v3", "v1")}, "v3", "v1"},
		{"and taken back", []dunning.Body{dunning.MigrationEnded{ID: "m3", Outcome: "withdrawn"}}, "v3", ""},
	} {
		var facts []dunning.Fact
		for _, x := range step.facts {
			facts = append(facts, b.caseFact(x))
		}
		b.mustAdd(facts...)
		s, err := b.CaseState(t.Context(), b.ref.Case)
		if err != nil || s.Version != step.version || s.TargetVersion != step.target || (s.TargetSequence == "") != (step.target == "") {
			t.Errorf("%s: the case follows %s and is to follow %q, %v", step.why, s.Version, s.TargetVersion, err)
		}
	}
	for why, body := range map[string]dunning.Body{
		"without a reason":             dunning.MigrationAsked{ID: "x", FromSequence: seq, FromVersion: "v3", Sequence: seq, Version: "v4"},
		"to what it follows":           asked("x", "v3", "v3"),
		"an end that there is not":     dunning.MigrationEnded{ID: "x", Outcome: "perhaps"},
		"a move that names no version": dunning.Migrated{ID: "x", FromSequence: seq, FromVersion: "v3", Sequence: seq, Reason: "r"},
	} {
		if err := b.add(b.caseFact(body)); err == nil {
			t.Errorf("a migration %s is taken", why)
		}
	}
}

func TestSendKeysAreUnique(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	if err := b.add(b.caseFact(c)); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("the same contact reserved twice: %v", err)
	}
	disguised := c
	disguised.ID = "another-id"
	if err := b.add(b.caseFact(disguised)); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("another id for the same case, round, step, channel and ordinal: %v", err)
	}
	b.mustAdd(b.caseFact(b.planned(2)))
}

// TestOneReservationWins races workers that do not look before they reserve.
func TestOneReservationWins(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch err := b.add(b.caseFact(b.planned(2))); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, postgres.ErrTaken):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 7 {
		t.Errorf("%d won and %d lost", won.Load(), lost.Load())
	}
}

func TestNoContactWithoutADecision(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	for why, decision := range map[string]string{"none at all": "", "one that was never stored": "d404"} {
		c := b.planned(2)
		c.Decision = decision
		if err := b.add(b.caseFact(c)); !errors.Is(err, postgres.ErrRefused) {
			t.Errorf("a contact that names %s: %v", why, err)
		}
	}
	c := b.planned(3)
	c.Decision = "d2"
	b.must(b.in(func(tx *postgres.Tx) error { // the order within a transaction does not matter
		if _, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{b.caseFact(c)}); err != nil {
			return err
		}
		return tx.StoreDecision(t.Context(), b.decision("d2", "", 4, noon))
	}))
}

// TestHeldMailMayBeCalledBack: what a provider took and holds can be called back, and is
// then sent anew, never handed over again.
func TestHeldMailMayBeCalledBack(t *testing.T) {
	b := newBundle(t)
	id := b.reserved().ID
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactSending, Hold: "batch"}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactAccepted}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactCancelled, Code: "called_back"}))
	if c, err := b.Contact(t.Context(), id); err != nil || c.State != dunning.ContactCancelled {
		t.Errorf("contact %+v, %v", c, err)
	}
	err := b.in(func(tx *postgres.Tx) error {
		_, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactSending})})
		return err
	})
	if !errors.Is(err, postgres.ErrRefused) {
		t.Errorf("handed over again: %v", err)
	}
}

func TestContactStates(t *testing.T) {
	type states []dunning.ContactState
	for _, c := range []struct {
		why     string
		path    states
		refused bool // the last one
	}{
		{"the way it should go", states{"sending", "accepted"}, false},
		{"never handed over again while unknown", states{"sending", "unknown", "sending"}, true},
		{"never handed over again once accepted", states{"sending", "accepted", "sending"}, true},
		{"never handed over again after a bounce", states{"sending", "accepted", "bounced", "sending"}, true},
		{"never handed over twice at once", states{"sending", "sending"}, true},
		{"handed over again when it is proven that it was not taken", states{"sending", "failed", "sending"}, false},
		{"unknown is resolved by evidence: taken", states{"sending", "unknown", "accepted"}, false},
		{"unknown is resolved by evidence: not taken", states{"sending", "unknown", "failed"}, false},
		{"a longer deadline for the unknown", states{"sending", "unknown", "unknown"}, false},
		{"that the provider took it is learned also after a run gave up", states{"cancelled", "accepted"}, false},
		{"what was accepted cannot fail any more", states{"sending", "accepted", "failed"}, true},
		{"accepted without having been handed over", states{"accepted"}, true},
		{"a cancelled contact never leaves", states{"cancelled", "sending"}, true},
		{"what was accepted has left: it cannot be called off", states{"sending", "accepted", "cancelled"}, true},
		{"a bounce tells that it was taken", states{"sending", "bounced"}, false},
		{"a report that comes twice", states{"sending", "accepted", "accepted"}, false},
	} {
		b := newBundle(t)
		id := b.reserved().ID
		for i, s := range c.path {
			m := dunning.ContactMoved{ID: id, State: s}
			switch s {
			case dunning.ContactFailed:
				m.Class, m.RetryAt = dunning.FailedLater, noon.Add(time.Minute)
			case dunning.ContactUnknown:
				m.Deadline = noon.Add(time.Hour)
			case dunning.ContactAccepted:
				m.ProviderID = "SM1"
			}
			err := b.add(b.caseFact(m))
			last := i == len(c.path)-1
			if refused := errors.Is(err, postgres.ErrRefused); refused != (last && c.refused) || err != nil && !refused {
				t.Errorf("%s: %s after %v: %v", c.why, s, c.path[:i], err)
			}
		}
		b.Close()
	}
}

func TestContactsShowTheirLatestAttempt(t *testing.T) {
	b := newBundle(t)
	id := b.reserved().ID
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactSending}),
		b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactFailed, Class: dunning.FailedLater, Code: "http:503", RetryAt: noon.Add(time.Minute)}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactSending}))
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactAccepted, ProviderID: "SM1"}))
	c, err := b.Contact(t.Context(), id)
	b.must(err)
	if c.State != dunning.ContactAccepted || c.ProviderID != "SM1" || c.Code != "" || c.Decision != "d1" || c.Point != "e1" || c.Version != 3 {
		t.Errorf("contact %+v", c)
	}
	found, ok, err := b.ContactByProvider(t.Context(), dunning.Email, "SM1")
	if err != nil || !ok || found.ID != id {
		t.Errorf("by the provider's id: %+v, %v, %v", found, ok, err)
	}
	if _, ok, err := b.ContactByProvider(t.Context(), dunning.SMS, "SM1"); ok || err != nil {
		t.Errorf("another channel's id: %v, %v", ok, err)
	}
	attempts, err := b.Attempts(t.Context(), id)
	b.must(err)
	var got []string
	for _, a := range attempts {
		got = append(got, fmt.Sprintf("%s %s%s %s", a.State, a.Outcome.State, a.Outcome.Code, a.Outcome.RetryAfter))
	}
	want := []string{"reserved  0s", "sending  0s", "failed failedhttp:503 1m0s", "sending  0s", "accepted accepted 0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempts:\n%s", diff)
	}
	counts, err := b.CountContacts(t.Context())
	if err != nil || !cmp.Equal(counts, []postgres.Count{{Channel: dunning.Email, Step: "friendly-email", State: dunning.ContactAccepted, N: 1}}) {
		t.Errorf("counts %+v, %v", counts, err)
	}
	all, err := b.Contacts(t.Context(), b.ref.Case)
	if err != nil || len(all) != 1 || all[0] != c {
		t.Errorf("contacts of the case: %+v, %v", all, err)
	}
}

func TestUnsettledContacts(t *testing.T) {
	b := newBundle(t)
	id := b.reserved().ID
	unsettled := func(before time.Time) int {
		c, err := b.Unsettled(t.Context(), before, 10)
		b.must(err)
		return len(c)
	}
	if n := unsettled(noon.Add(time.Second)); n != 1 {
		t.Errorf("%d unsettled, want the reservation", n)
	}
	if n := unsettled(noon); n != 0 {
		t.Errorf("%d unsettled since before it was reserved", n)
	}
	b.mustAdd(b.caseFact(dunning.ContactMoved{ID: id, State: dunning.ContactCancelled}))
	if n := unsettled(noon.Add(time.Second)); n != 0 {
		t.Errorf("%d unsettled, want none after cancelling", n)
	}
}

func TestSendDetails(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	d, err := b.SendDetails(t.Context(), c.ID)
	b.must(err)
	if d.To != "ada@example.invalid" || d.Dead != "" || d.Profile.Name != "Ada Example" || d.Profile.Locale != "en-GB" ||
		!cmp.Equal(d.Profile.Address, []string{"1 Test Street", "London"}) || d.AccountKey != "D-1" || d.Currency != "USD" || d.Case != b.ref.Case {
		t.Errorf("details %+v", d)
	}
	if diff := cmp.Diff(asJSON(t, []any{c, []dunning.Item{item("A")}}), asJSON(t, []any{d.Contact, d.Items})); diff != "" {
		t.Errorf("contact and items:\n%s", diff)
	}
	b.mustAdd(b.fact(dunning.PointDead{ID: "e1", Reason: "hard_bounce"}))
	b.must(b.Erase(t.Context(), b.debtor))
	if d, err = b.SendDetails(t.Context(), c.ID); err != nil || d.Dead != "hard_bounce" || d.To != "" || d.Profile.Name != "" {
		t.Errorf("after a bounce and the erasing of personal data: %+v, %v", d, err)
	}
	if _, err := b.SendDetails(t.Context(), "nope"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("details of no contact: %v", err)
	}
}

func TestTasksFollowFacts(t *testing.T) {
	b := newBundle(t).open()
	open := func(id, queue string, until time.Time) dunning.Fact {
		return b.caseFact(dunning.TaskOpened{ID: id, Task: dunning.TaskCall, Queue: queue, Step: "call", Until: until, Attempts: 3})
	}
	b.mustAdd(open("t1", "early", time.Time{}), open("t2", "early", noon.Add(time.Hour)), open("t3", "late", noon))
	list := func(queue string) (ids []string) {
		tasks, err := b.OpenTasks(t.Context(), queue, "", 10)
		b.must(err)
		for _, task := range tasks {
			ids = append(ids, task.ID)
		}
		return ids
	}
	if got := list("early"); !cmp.Equal(got, []string{"t2", "t1"}) {
		t.Errorf("queue early: %v; what is due first comes first, what has no limit last", got)
	}
	b.mustAdd(b.caseFact(dunning.TaskEnded{ID: "t2", Outcome: "conversation"}))
	if got := list(""); !cmp.Equal(got, []string{"t3", "t1"}) {
		t.Errorf("all queues: %v", got)
	}
	b.mustAdd(open("t2", "late", noon.Add(2*time.Hour)), open("t4", "late", noon), b.caseFact(dunning.TaskEnded{ID: "t4", Outcome: "done"}))
	if got := list("late"); !cmp.Equal(got, []string{"t3", "t2"}) {
		t.Errorf("a task that was opened again is open: %v", got)
	}
	tasks, err := b.OpenTasks(t.Context(), "", b.ref.Case, 1)
	if err != nil || len(tasks) != 1 || tasks[0].Kind != dunning.TaskCall || tasks[0].Attempts != 3 || tasks[0].Case != b.ref.Case || tasks[0].Debtor != b.debtor {
		t.Errorf("tasks of the case: %+v, %v", tasks, err)
	}
}

func TestTimeline(t *testing.T) {
	b := newBundle(t)
	b.reserved()
	b.must(b.decide(b.decision("d2", "d1", 3, noon)))
	other, err := b.PutAccount(t.Context(), postgres.Account{Debtor: b.debtor, Creditor: creditor, Key: "D-1", Currency: "EUR"})
	b.must(err)
	foreign := b.fact(dunning.PaymentReversed{Payment: "x"})
	foreign.Account = other
	b.mustAdd(foreign)
	b.mustAdd(dunning.Fact{At: noon, By: "debtor", Body: dunning.OptedOut{Channel: dunning.SMS}})
	entries, err := b.Timeline(t.Context(), b.ref.Case)
	b.must(err)
	var got []string
	for _, e := range entries {
		if e.Fact != nil {
			got = append(got, fmt.Sprintf("%d %s", e.Version, e.Fact.Body.Kind()))
		} else {
			got = append(got, fmt.Sprintf("%d decision %s", e.Version, e.Decision.ID))
		}
	}
	want := []string{"1 case_opened", "2 item", "2 point_known", "2 decision d1", "3 contact_planned", "3 decision d2", "5 opted_out"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the story, without the other account's facts:\n%s", diff)
	}
}

func TestErrorsQuoteNoPersonalData(t *testing.T) {
	b := newBundle(t)
	c := b.reserved()
	c.Step = "secret-step"
	for _, err := range []error{
		b.add(b.caseFact(c)),
		b.add(b.fact(dunning.PromiseMade{ID: "secret", Amount: payment("1").Amount.Neg()})),
		b.PutPoints(context.Background(), b.debtor, postgres.Point{ID: "x", Channel: "secret", Value: "ada@example.invalid"}),
	} {
		if err == nil {
			t.Fatal("nothing was refused")
		}
		for _, word := range []string{"Ada", "ada@", "London", "secret"} {
			if msg := err.Error(); strings.Contains(msg, word) {
				t.Errorf("the error quotes %q: %s", word, msg)
			}
		}
	}
}
