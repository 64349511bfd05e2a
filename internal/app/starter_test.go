package app

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// open cases of an account.
func (s *site) cases(a account) []dunning.CaseRef {
	s.t.Helper()
	refs, err := s.store.CasesOf(context.Background(), a.debtor)
	s.must(err)
	return refs
}

// TestStarterOpens: a case is opened 48 hours before the first step of a debt, not before,
// with a nudge and its first fact, and a dry run changes nothing.
func TestStarterOpens(t *testing.T) {
	s := newSite(t)
	soon, later := s.debtor("soon", "300.00", date(1)), s.debtor("later", "300.00", date(3))
	small := s.debtor("small", "3.00", date(1))
	dry, err := s.starter().Run(t.Context(), StartOptions{DryRun: true})
	if err != nil || dry.Opened != 1 || len(s.cases(soon)) != 0 {
		t.Fatalf("dry run %+v, %v, cases %v; want one to be opened and none opened", dry, err, s.cases(soon))
	}
	var told []Opening
	sum, err := s.starter().Run(t.Context(), StartOptions{Each: func(o Opening) { told = append(told, o) }})
	want := StartSummary{Looked: 3, Opened: 1, Unmatched: 1}
	if err != nil || sum != want {
		t.Fatalf("run %+v, %v; want %+v", sum, err, want)
	}
	if len(told) != 1 || told[0].AccountKey != "soon" || told[0].Sequence != "consumer-standard" || told[0].Case == "" {
		t.Fatalf("told %+v", told)
	}
	if c := s.cases(soon); len(c) != 1 || !c[0].Open || c[0].Version == "" {
		t.Fatalf("cases %+v", c)
	}
	if len(s.cases(later)) != 0 || len(s.cases(small)) != 0 {
		t.Fatal("a case was opened too early, or for a debt that no sequence applies to")
	}
	again, err := s.starter().Run(t.Context(), StartOptions{})
	if err != nil || again.Opened != 0 || again.Looked != 0 {
		t.Fatalf("again: %+v, %v; want nobody looked at whose time has not come", again, err)
	}
	at, ok, err := s.store.EarliestOpening(t.Context(), start)
	if err != nil || !ok {
		t.Fatalf("earliest opening: %v, %v", ok, err)
	}
	s.clock.set(time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC))
	if at.After(s.clock.now) {
		t.Fatalf("business time would not wait for %s", at)
	}
	if sum, err := s.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 1 || len(s.cases(later)) != 1 {
		t.Fatalf("two days on: %+v, %v", sum, err)
	}
}

// TestStartersRace: many at once open nothing twice.
func TestStartersRace(t *testing.T) {
	s := newSite(t)
	var all []account
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		all = append(all, s.debtor(k, "300.00", date(1)))
	}
	var wg sync.WaitGroup
	opened := make([]int, 4)
	for i := range opened {
		wg.Go(func() {
			sum, err := s.starter().Run(context.Background(), StartOptions{})
			if err != nil {
				t.Error(err)
			}
			opened[i] = sum.Opened
		})
	}
	wg.Wait()
	total := 0
	for _, n := range opened {
		total += n
	}
	if total != len(all) {
		t.Errorf("%v cases were said to be opened, want %d in all", opened, len(all))
	}
	for _, a := range all {
		if c := s.cases(a); len(c) != 1 {
			t.Errorf("account %s has %d cases", a.key, len(c))
		}
	}
}

// TestStarterReopens: a payment that bounces behind the back of commands (an import) opens
// the closed case again, not a new one.
func TestStarterReopens(t *testing.T) {
	s := newSite(t)
	a := s.debtor("D", "300.00", date(1))
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	ref := s.cases(a)[0]
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: s.clock.now, Account: a.id, Case: ref.Case, By: "import", Body: b}
	}
	s.clock.set(start.Add(time.Hour))
	s.add(a, fact(dunning.Payment{ID: "p", Amount: money.MustParse("300.00", "USD")}))
	s.add(a, fact(dunning.CaseClosed{Reason: "paid"}))
	s.clock.set(start.Add(2 * time.Hour))
	s.add(a, fact(dunning.PaymentReversed{Payment: "p"}))
	var told []Opening
	sum, err := s.starter().Run(t.Context(), StartOptions{Each: func(o Opening) { told = append(told, o) }})
	if err != nil || sum.Opened != 1 || len(told) != 1 || !told[0].Reopened {
		t.Fatalf("run %+v, %v, told %+v", sum, err, told)
	}
	if c := s.cases(a); len(c) != 1 || !c[0].Open || c[0].Case != ref.Case {
		t.Fatalf("cases %+v, want the old one open", c)
	}
}

// TestAClosedCaseStaysClosedBesideAnOpenOne: a payment that is taken back on an old case,
// when a newer one of the account is open, is recorded and wakes the newer one. An account
// has one open case.
func TestAClosedCaseStaysClosedBesideAnOpenOne(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	a := s.debtor("D", "300.00", date(1))
	_, err := s.starter().Run(ctx, StartOptions{})
	s.must(err)
	old := s.cases(a)[0].Case
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: s.clock.now, Account: a.id, Case: old, By: "import", Body: b}
	}
	s.clock.set(start.Add(time.Hour))
	s.add(a, fact(dunning.Payment{ID: "p", Item: "inv-D", Amount: money.MustParse("300.00", "USD")}))
	s.add(a, fact(dunning.CaseClosed{Reason: "paid"}))
	s.clock.set(start.Add(2 * time.Hour))
	s.add(a, dunning.Fact{At: s.clock.now, Account: a.id, Body: dunning.Item{Key: "inv-2", Issued: date(1).AddDays(-30), Due: date(1), Amount: money.MustParse("50.00", "USD"), Class: "consumer"}})
	_, err = s.starter().Run(ctx, StartOptions{})
	s.must(err)
	if c := s.cases(a); len(c) != 2 || c[0].Open || !c[1].Open {
		t.Fatalf("cases %+v, want the old one closed and a new one open", c)
	}
	s.clock.set(start.Add(3 * time.Hour))
	res, err := s.commands().Do(ctx, old, dunning.ReversePayment{Payment: "p", Reason: "bounced"}, "user:1")
	if err != nil || res.Facts != 1 || res.Reopened {
		t.Fatalf("result %+v, %v", res, err)
	}
	if c := s.cases(a); c[0].Open || !c[1].Open {
		t.Fatalf("cases %+v", c)
	}
}

// TestOneAccountsTrouble: an account that cannot be looked at, here of a creditor that is
// not configured, does not keep the others from being opened.
func TestOneAccountsTrouble(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	s.must(s.store.PutCreditors(ctx, "ghost"))
	debtor, err := s.store.PutDebtor(ctx, postgres.Profile{Creditor: "ghost", Key: "bad", Name: "Bob"})
	s.must(err)
	bad := account{debtor: debtor}
	bad.id, err = s.store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: "ghost", Key: "bad", Currency: "USD"})
	s.must(err)
	s.add(bad, dunning.Fact{At: start, Account: bad.id, Body: dunning.Item{Key: "i", Due: date(1), Amount: money.MustParse("1.00", "USD")}})
	good := s.debtor("good", "300.00", date(1))
	sum, err := s.starter().Run(ctx, StartOptions{})
	if err == nil || !strings.Contains(err.Error(), "ghost") || sum.Failed != 1 || sum.Opened != 1 || len(s.cases(good)) != 1 {
		t.Fatalf("run %+v, %v", sum, err)
	}
}

// TestAPanicOverOneAccount: the starter runs in the worker, where one account's data must
// not end the process.
func TestAPanicOverOneAccount(t *testing.T) {
	s := newSite(t)
	a, b := s.debtor("a", "300.00", date(1)), s.debtor("b", "300.00", date(1))
	calls := 0
	s.clock.follow(func() time.Time {
		if calls++; calls == 2 { // the first is the run's own
			panic("ann@example.com")
		}
		return start
	})
	sum, err := s.starter().Run(t.Context(), StartOptions{})
	if err == nil || strings.Contains(err.Error(), "ann") || sum.Failed != 1 || sum.Opened != 1 {
		t.Fatalf("run %+v, %v; want one opened and one failed", sum, err)
	}
	s.clock.follow(func() time.Time { return start })
	if sum, err = s.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 1 || len(s.cases(a)) != 1 || len(s.cases(b)) != 1 {
		t.Fatalf("the next run %+v, %v; want the other opened, too", sum, err)
	}
}

// TestBook: configuration comes from the database, by version, and says how to mend what is
// missing.
func TestBook(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	cur, err := s.book.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seq := cur.Sequence("consumer-standard")
	ref := dunning.CaseRef{Case: "c", Account: "a", Debtor: "d", Creditor: "demo", Currency: "USD", Sequence: seq.ID, Version: seq.Version}
	t.Run("publishing the same again changes nothing", func(t *testing.T) {
		if _, added, err := Publish(ctx, s.store, os.DirFS("../../config"), "test", start); err != nil || added {
			t.Fatalf("added %v, %v", added, err)
		}
	})
	t.Run("a frame has everything that a decision needs", func(t *testing.T) {
		f, err := s.book.Frame(ctx, ref)
		if err != nil || f.Setup.Sequence != seq || f.Policies == "" || len(f.Setup.Policies) == 0 || f.Setup.Creditor.Queues.Operations == "" {
			t.Fatalf("frame %+v, %v", f, err)
		}
		if f.Setup.Zone("America/New_York") == nil || f.Setup.Zone("Nowhere/Else") != nil || f.Setup.Zone("Local") != nil {
			t.Fatal("zones are not resolved as they should")
		}
	})
	t.Run("a creditor that is not configured is named", func(t *testing.T) {
		other := ref
		other.Creditor = "nobody"
		if _, err := s.book.Frame(ctx, other); err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("a version that was never published is refused", func(t *testing.T) {
		other := ref
		other.Version = "0000000000000000"
		if _, err := s.book.Frame(ctx, other); !errors.Is(err, postgres.ErrNotFound) {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("a case keeps its version when another is published", func(t *testing.T) {
		files := fstest.MapFS{}
		for name, content := range mustRead(t) {
			files[name] = &fstest.MapFile{Data: content}
		}
		changed := strings.Replace(string(files["sequences/consumer-standard.yaml"].Data), "at: +8d", "at: +9d", 1)
		files["sequences/consumer-standard.yaml"] = &fstest.MapFile{Data: []byte(changed)}
		if _, added, err := Publish(ctx, s.store, files, "test", start); err != nil || !added {
			t.Fatalf("added %v, %v", added, err)
		}
		b := NewBook(s.store, clock.Wall)
		now, err := b.Current(ctx)
		if err != nil || now.Sequence("consumer-standard").Version == seq.Version {
			t.Fatalf("the new release is not current: %v", err)
		}
		f, err := b.Frame(ctx, ref)
		if err != nil || f.Setup.Sequence.Version != seq.Version || *f.Setup.Sequence.Steps[1].At != 8 {
			t.Fatalf("the old case got %+v, %v", f.Setup.Sequence, err)
		}
	})
	t.Run("what is not published says what to do", func(t *testing.T) {
		empty := newEmptySite(t)
		if _, err := NewBook(empty, clock.Wall).Current(ctx); !errors.Is(err, ErrNothingPublished) {
			t.Fatalf("error %v", err)
		}
	})
}

func mustRead(t testing.TB) map[string][]byte {
	t.Helper()
	cfg, err := config.Load(os.DirFS("../../config"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Release().Files
}

// TestOpenedCasesKnowTheFeed: feeds are told to the cases that are open when they come; a
// case that opens later learns of the last one as it opens, once.
func TestOpenedCasesKnowTheFeed(t *testing.T) {
	s := newSite(t)
	soon := s.debtor("soon", "300.00", date(1))
	until := start.Add(-time.Hour)
	feeds, err := s.store.Feeds(t.Context())
	if err != nil || len(feeds) == 0 {
		t.Fatalf("feeds %v, %v", feeds, err)
	}
	for _, f := range feeds {
		s.must(s.store.FeedSeen(t.Context(), f.Creditor, until))
	}
	if _, err := s.starter().Run(t.Context(), StartOptions{}); err != nil {
		t.Fatal(err)
	}
	history, err := s.store.FactsAsOf(t.Context(), soon.debtor, 1<<40)
	s.must(err)
	seen := 0
	for _, x := range history {
		if b, ok := x.Body.(dunning.FeedSeen); ok && b.Until.Equal(until) && b.Creditor != "" {
			seen++
		}
	}
	if seen != 1 {
		t.Fatalf("the opened case knows %d feeds, want 1", seen)
	}
}

// TestAScheduledRunTellsThatItLives: Temporal takes an activity that is silent for twenty seconds
// for dead and begins another beside it. A first run over a large portfolio takes minutes.
func TestAScheduledRunTellsThatItLives(t *testing.T) {
	s := newSite(t)
	s.debtor("D1", "300.00", date(1))
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(silent{})
	e := suite.NewTestActivityEnvironment()
	var beats atomic.Int32
	e.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { beats.Add(1) })
	e.RegisterActivityWithOptions(s.starter().openCases, activity.RegisterOptions{Name: workflows.OpenCases})
	if _, err := e.ExecuteActivity(workflows.OpenCases); err != nil {
		t.Fatal(err)
	}
	if beats.Load() == 0 {
		t.Error("it opened a case and never told that it lives")
	}
}
