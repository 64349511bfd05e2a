package postgres_test

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// The clock is held by script rows until they are done, and by unread messages only
// while there is an audience.
func TestScriptHoldsTheClock(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	add := func(rows ...postgres.Script) {
		t.Helper()
		if _, err := s.AddScript(ctx, rows...); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(about string, after, want time.Time) {
		t.Helper()
		got, ok, err := s.EarliestScript(ctx, after)
		if err != nil || ok != !want.IsZero() || !got.Equal(want) {
			t.Fatalf("%s: %v %v %v, want %v", about, got, ok, err, want)
		}
	}
	holds("an empty script holds nothing", time.Time{}, time.Time{})
	add(postgres.Script{Key: "b", At: at, Kind: "x"}, postgres.Script{Key: "a", At: at, Kind: "x", Body: []byte(`{"n":1}`)})
	add(postgres.Script{Key: "a", At: at.Add(time.Hour), Kind: "y"})
	holds("the first row holds, and a key given twice stays as it was", time.Time{}, at)
	due, err := s.DueScript(ctx, at, 10)
	if err != nil || len(due) != 2 || due[0].Key != "a" || string(due[0].Body) != `{"n": 1}` || due[0].Kind != "x" {
		t.Fatalf("due: %v %v", due, err)
	}
	for _, r := range due {
		if err := s.ScriptDone(ctx, r.Key); err != nil {
			t.Fatal(err)
		}
	}
	holds("done rows hold nothing", time.Time{}, time.Time{})
	if err := s.Sandbox().Put(ctx, "m1", at, dunning.Message{Channel: dunning.Email, To: "x@example.invalid"}); err != nil {
		t.Fatal(err)
	}
	holds("without an audience an unread message holds nothing", time.Time{}, time.Time{})
	add(postgres.Script{Key: "audience", At: at, Kind: postgres.Audience})
	holds("with one it does", time.Time{}, at)
	unread, err := s.UnreadMessages(ctx, 10)
	if err != nil || len(unread) != 1 || unread[0].Attempt != "m1" || !unread[0].At.Equal(at) {
		t.Fatalf("unread: %v %v", unread, err)
	}
	if err := s.MessageRead(ctx, "m1"); err != nil {
		t.Fatal(err)
	}
	holds("once read it is free again", time.Time{}, time.Time{})
}

// While somebody plays, an account at which the starter has not looked holds the clock
// where it is: until then nobody knows when its case is to be opened.
func TestUncheckedAccountsHoldTheClock(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.PutCreditors(ctx, "c"))
	debtor, err := s.PutDebtor(ctx, postgres.Profile{Creditor: "c", Key: "d"})
	must(err)
	account, err := s.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: "c", Key: "a", Currency: "USD"})
	must(err)
	_, err = s.Pool().Exec(ctx, `INSERT INTO duly_clock (start, start_wall, rate, hold_ms, now, seen_wall) VALUES ($1, $1, 1, 0, $1, $1)`, now)
	must(err)
	item := func(key string) {
		t.Helper()
		due := dunning.Date{Year: 2026, Month: 4, Day: 1}
		must(s.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error {
			_, _, err := tx.Append(ctx, debtor, []dunning.Fact{{At: now, Account: account, Body: dunning.Item{Key: key, Issued: due, Due: due, Amount: money.MustParse("1.00", "USD")}}})
			return err
		}))
	}
	holds := func(about string, want time.Time) {
		t.Helper()
		got, ok, err := s.EarliestWork(ctx, time.Time{})
		if err != nil || ok != !want.IsZero() || !got.Equal(want) {
			t.Errorf("%s: %v %v %v, want %v", about, got, ok, err, want)
		}
	}
	item("1")
	holds("nobody plays", time.Time{})
	_, err = s.AddScript(ctx, postgres.Script{Key: "audience", At: now, Kind: postgres.Audience})
	must(err)
	holds("nobody has looked at the account", now)
	version, err := s.Version(ctx, debtor)
	must(err)
	opens := now.Add(time.Hour)
	must(s.Checked(ctx, account, version, "", opens))
	holds("the starter has looked and found when to open", opens)
	item("2")
	holds("something is new again", now)
	must(s.Checked(ctx, account, version+1, "", time.Time{}))
	holds("it never opens by time alone", time.Time{})
}
