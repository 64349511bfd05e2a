package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

func TestFactsComeBackAsTheyWere(t *testing.T) {
	b := newBundle(t).open()
	usd := func(s string) money.Amount { return money.MustParse(s, "USD") }
	day := dunning.Date{Year: 2026, Month: 2, Day: 28}
	facts := []dunning.Fact{
		b.fact(item("A")),
		{At: noon.Add(time.Second + 7*time.Microsecond), Account: b.account, By: "import", Source: "ref/1", Body: dunning.Payment{ID: "ref/1", Amount: usd("0.01"), Item: "A"}},
		b.fact(dunning.ItemCorrected{Item: "A", Amount: usd("100"), Reason: "credit note"}),
		{At: noon, By: "user:7", Body: dunning.HoldPlaced{ID: "h1", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeDebtor, Until: noon.Add(48 * time.Hour), Contact: true, Owner: "7"}},
		b.caseFact(dunning.PlanAgreed{ID: "pl", Items: []string{"A"}, Instalments: []dunning.Instalment{{Due: day, Amount: usd("50.25")}, {Due: day, Amount: usd("50.25")}}}),
		b.caseFact(dunning.NoteWritten{ID: "n", Text: "Größe \"quoted\" \\ 日本"}),
		b.caseFact(dunning.StepsWaived{Items: []string{"A"}, Steps: []string{"s"}, Why: "entry"}),
		{At: noon, By: "import", Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"Europe/London"}, Tags: []string{"x"}}},
	}
	b.mustAdd(facts...)
	got, err := b.FactsAsOf(t.Context(), b.debtor, 2)
	b.must(err)
	want := slices.Clone(facts)
	for i := range want {
		want[i].Version = 2
	}
	if d := diff(want, got[1:]); d != "" {
		t.Errorf("facts changed on the way through the database:\n%s", d)
	}
}

// diff compares facts as they are written in files, which covers every member.
func diff(want, got []dunning.Fact) string {
	text := func(facts []dunning.Fact) []string {
		out := make([]string, len(facts))
		for i, f := range facts {
			j, err := json.Marshal(f)
			out[i] = fmt.Sprintf("%d %s %v", f.Version, j, err)
		}
		return out
	}
	return cmp.Diff(text(want), text(got))
}

func TestFactsAreExactToTheMicrosecond(t *testing.T) {
	b := newBundle(t)
	f := b.fact(payment("1"))
	f.At = noon.Add(1999 * time.Nanosecond)
	b.mustAdd(f)
	got, err := b.FactsAsOf(t.Context(), b.debtor, 1)
	b.must(err)
	if want := noon.Add(time.Microsecond); !got[0].At.Equal(want) || got[0].At.Location() != time.UTC {
		t.Errorf("instant is %v; a finer one is cut, never moved later, and comes back in UTC: want %v", got[0].At, want)
	}
}

func TestTextThatPostgresCannotHoldIsMended(t *testing.T) {
	b := newBundle(t).open()
	for i, c := range []struct{ why, text, want string }{
		{"NUL, which jsonb refuses, becomes the replacement character", "a\x00b", "a\ufffdb"},
		{"a backslash before u0000 is text, not NUL", `a\u0000b`, `a\u0000b`},
		{"a backslash and then NUL", "\\\x00", "\\\ufffd"},
		{"bytes that are no UTF-8", "a\xffb", "a\ufffdb"},
	} {
		f := b.caseFact(dunning.NoteWritten{ID: "n", Text: c.text})
		f.By, f.Source = "user:\x00\xff", fmt.Sprintf("s\x00%d", i)
		b.mustAdd(f)
		b.mustAdd(f)
		var got []string
		b.must(b.in(func(tx *postgres.Tx) error {
			facts, _, err := tx.Facts(t.Context(), b.debtor)
			for _, f := range facts {
				if n, ok := f.Body.(dunning.NoteWritten); ok {
					got = append(got, n.Text)
				}
			}
			return err
		}))
		if got[len(got)-1] != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got[len(got)-1], c.want)
		}
	}
}

func TestAppendIsIdempotentBySource(t *testing.T) {
	b := newBundle(t)
	from := func(source string, body dunning.Body) dunning.Fact {
		f := b.fact(body)
		f.Source = source
		return f
	}
	for _, c := range []struct {
		why     string
		facts   []dunning.Fact
		version int64
		added   int
	}{
		{"the first time counts", []dunning.Fact{from("s1", payment("5"))}, 1, 1},
		{"the same kind and source again adds nothing and leaves the version", []dunning.Fact{from("s1", payment("6"))}, 1, 0},
		{"a further fact beside a known one gets the next version", []dunning.Fact{from("s1", payment("5")), from("s2", payment("5"))}, 2, 1},
		{"the same source twice in one call is one", []dunning.Fact{from("s3", payment("5")), from("s3", payment("5"))}, 3, 1},
		{"another kind may have the same source", []dunning.Fact{from("s3", dunning.PaymentReversed{Payment: "x"})}, 4, 1},
		{"facts without a source are always new", []dunning.Fact{from("", payment("5")), from("", payment("5"))}, 5, 2},
		{"nothing adds nothing", nil, 5, 0},
	} {
		b.must(b.in(func(tx *postgres.Tx) error {
			v, n, err := tx.Append(t.Context(), b.debtor, c.facts)
			if err == nil && (v != c.version || n != c.added) {
				t.Errorf("%s: version %d and %d added, want %d and %d", c.why, v, n, c.version, c.added)
			}
			return err
		}))
	}
}

func TestAppendRefuses(t *testing.T) {
	b := newBundle(t)
	other := bundleOf(t, b.Store, "D-2")
	for _, c := range []struct {
		why, says string
		fact      dunning.Fact
	}{
		{"a fact without a body", "no body", dunning.Fact{At: noon}},
		{"a fact without an instant", "no instant", dunning.Fact{Account: b.account, Body: payment("1")}},
		{"an account that is no UUID", "UUID", dunning.Fact{At: noon, Account: "4711", Body: payment("1")}},
		{"an account of another debtor", "facts_account_of_debtor", dunning.Fact{At: noon, Account: other.account, Body: payment("1")}},
		{"a case that does not exist", "facts_case_of_debtor", dunning.Fact{At: noon, Account: b.account, Case: b.ref.Case, Body: dunning.CaseClosed{Reason: "paid"}}},
	} {
		err := b.add(c.fact)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error that says %q", c.why, err, c.says)
		}
	}
	if v, err := b.Version(t.Context(), b.debtor); v != 0 || err != nil {
		t.Errorf("refused facts left version %d, %v", v, err)
	}
}

func TestDebtorsMustBeLocked(t *testing.T) {
	b := newBundle(t)
	other := bundleOf(t, b.Store, "D-2")
	err := b.in(func(tx *postgres.Tx) error {
		_, _, err := tx.Append(t.Context(), other.debtor, []dunning.Fact{other.fact(payment("1"))})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "not locked") {
		t.Errorf("writing to a debtor that is not locked: %v", err)
	}
	err = b.InDebtor(t.Context(), []string{postgres.DebtorID(creditor, "nobody")}, func(*postgres.Tx) error { return nil })
	if !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("locking a debtor that does not exist: %v", err)
	}
}

func TestAFailedTransactionLeavesNothing(t *testing.T) {
	b := newBundle(t)
	oops := errors.New("oops")
	err := b.in(func(tx *postgres.Tx) error {
		if _, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{b.fact(item("A"))}); err != nil {
			return err
		}
		return oops
	})
	if !errors.Is(err, oops) {
		t.Fatalf("the function's own error is lost: %v", err)
	}
	facts, err := b.FactsAsOf(t.Context(), b.debtor, 9)
	if len(facts) != 0 || err != nil {
		t.Errorf("%d facts left, %v", len(facts), err)
	}
}

// TestRacingAppends lets many writers on two processes' worth of pools add facts to
// the same debtor: no version is missing, none is given twice.
func TestRacingAppends(t *testing.T) {
	const writers, each = 20, 50
	dsn := pgtest.DSN(t)
	b := bundleOf(t, pgtest.Open(t, dsn), "D-1")
	stores := []*postgres.Store{b.Store, pgtest.Open(t, dsn)}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range each {
				err := stores[w%2].InDebtor(t.Context(), []string{b.debtor}, func(tx *postgres.Tx) error {
					_, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{b.fact(payment("1"))})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	facts, err := b.FactsAsOf(t.Context(), b.debtor, writers*each)
	b.must(err)
	for i, f := range facts {
		if f.Version != int64(i+1) {
			t.Fatalf("fact %d has version %d", i+1, f.Version)
		}
	}
	if len(facts) != writers*each {
		t.Errorf("%d facts, want %d", len(facts), writers*each)
	}
}

// TestCrossedLocks has transactions name the same two debtors in opposite order.
func TestCrossedLocks(t *testing.T) {
	b := newBundle(t)
	other := bundleOf(t, b.Store, "D-2")
	var wg sync.WaitGroup
	for w := range 8 {
		ids := []string{b.debtor, other.debtor}
		if w%2 == 1 {
			slices.Reverse(ids)
		}
		wg.Go(func() {
			for range 20 {
				err := b.InDebtor(t.Context(), ids, func(tx *postgres.Tx) error {
					_, _, err := tx.Append(t.Context(), ids[0], []dunning.Fact{{At: noon, By: "import", Body: dunning.DebtorKnown{DebtorKind: "consumer"}}})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range []string{b.debtor, other.debtor} {
		if v, err := b.Version(t.Context(), id); v != 80 || err != nil {
			t.Errorf("version %d, %v; want 80", v, err)
		}
	}
}

func TestAsOfIsAPrefix(t *testing.T) {
	b := newBundle(t)
	for i := range 7 {
		b.mustAdd(b.fact(payment("1")), b.fact(item(fmt.Sprint(i))))
	}
	all, err := b.FactsAsOf(t.Context(), b.debtor, 7)
	b.must(err)
	for v := range int64(9) {
		got, err := b.FactsAsOf(t.Context(), b.debtor, v)
		b.must(err)
		if d := diff(all[:2*min(v, 7)], got); d != "" {
			t.Errorf("as of version %d:\n%s", v, d)
		}
	}
}

// TestLostRacesAreRunAgain provokes a deadlock on purpose: two transactions take
// two rows in opposite order after they hold their debtors.
func TestLostRacesAreRunAgain(t *testing.T) {
	b := newBundle(t)
	other := bundleOf(t, b.Store, "D-2")
	b.open()
	other.open()
	var runs, both sync.WaitGroup
	both.Add(2)
	tries := make([]int, 2)
	for i, mine := range []*bundle{b, other} {
		theirs := []*bundle{other, b}[i]
		runs.Go(func() {
			err := mine.in(func(tx *postgres.Tx) error {
				tries[i]++
				if err := tx.Nudge(t.Context(), mine.ref.Case); err != nil {
					return err
				}
				if tries[i] == 1 {
					both.Done()
					both.Wait()
				}
				return tx.Nudge(t.Context(), theirs.ref.Case)
			})
			if err != nil {
				t.Errorf("the loser of a deadlock was not run again: %v", err)
			}
		})
	}
	runs.Wait()
	if tries[0]+tries[1] < 3 {
		t.Errorf("no transaction lost the race: %v tries", tries)
	}
}

func TestContextEndsWaiting(t *testing.T) {
	b := newBundle(t)
	ctx, cancel := context.WithCancel(t.Context())
	locked, done := make(chan struct{}), make(chan struct{})
	defer close(done)
	go func() {
		_ = b.in(func(*postgres.Tx) error {
			close(locked)
			<-done
			return nil
		})
	}()
	<-locked
	time.AfterFunc(50*time.Millisecond, cancel)
	err := b.InDebtor(ctx, []string{b.debtor}, func(*postgres.Tx) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a lock does not end with the context: %v", err)
	}
}

// TestTransactionsLeaveRoomForReading runs more transactions than there are connections,
// each of which asks something outside of itself, as the rehearsal clock does.
func TestTransactionsLeaveRoomForReading(t *testing.T) {
	for _, conns := range []int{1, 2, 5} {
		s := pgtest.Open(t, fmt.Sprintf("%s&pool_max_conns=%d", pgtest.DSN(t), conns))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var wg sync.WaitGroup
		for i := range 12 {
			b := bundleOf(t, s, fmt.Sprintf("D-%d", i))
			wg.Go(func() {
				err := s.InDebtor(ctx, []string{b.debtor}, func(*postgres.Tx) error {
					_, _, err := s.EarliestPending(ctx, noon)
					return err
				})
				if err != nil {
					t.Errorf("with %d connections: %v", conns, err)
				}
			})
		}
		wg.Wait()
		cancel()
	}
}

// TestAConnectionThatDies ends a transaction's session from outside, as a failing
// server would: nothing of it remains, and the store goes on.
func TestAConnectionThatDies(t *testing.T) {
	b := newBundle(t)
	err := b.in(func(tx *postgres.Tx) error {
		if _, _, err := tx.Append(t.Context(), b.debtor, []dunning.Fact{b.fact(item("A"))}); err != nil {
			return err
		}
		_, err := b.Pool().Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")
		return err
	})
	if err == nil {
		t.Error("a transaction whose session died was committed")
	}
	b.mustAdd(b.fact(item("A")))
	if v, err := b.Version(t.Context(), b.debtor); v != 1 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
}

func TestIdsThatAreNone(t *testing.T) {
	b := newBundle(t)
	const id = "' OR secret --"
	_, caseErr := b.CaseRef(t.Context(), id)
	_, stateErr := b.CaseState(t.Context(), id)
	_, accountErr := b.Account(t.Context(), id)
	_, profileErr := b.Profile(t.Context(), id)
	lockErr := b.InDebtor(t.Context(), []string{id}, func(*postgres.Tx) error { return nil })
	for what, err := range map[string]error{"case": caseErr, "state": stateErr, "account": accountErr, "profile": profileErr, "lock": lockErr} {
		if !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("%s of a malformed id: %v", what, err)
		}
	}
}

// TestUnreadableFactsAreRefused: the log is append-only, so what cannot be read back must
// not get in: it would close the debtor to every command and every decision for ever.
func TestUnreadableFactsAreRefused(t *testing.T) {
	far := dunning.DateOf(time.Date(283790, 9, 13, 12, 0, 0, 0, time.UTC))
	for name, body := range map[string]dunning.Body{
		"a plan with an instalment beyond the year 9999": dunning.PlanAgreed{ID: "p", Instalments: []dunning.Instalment{{Due: far, Amount: money.MustParse("1.00", "USD")}}},
		"a promise for such a day":                       dunning.PromiseMade{ID: "p", Due: far, Amount: money.MustParse("1.00", "USD")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t)
			if err := b.add(dunning.Fact{At: noon, Account: b.account, Body: body}); !errors.Is(err, postgres.ErrRefused) {
				t.Errorf("error %v, want ErrRefused", err)
			}
			facts, err := b.FactsAsOf(t.Context(), b.debtor, 99)
			if err != nil || len(facts) != 0 {
				t.Errorf("%d facts, %v: nothing of it may remain", len(facts), err)
			}
		})
	}
}
