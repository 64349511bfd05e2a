package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// noon of a Monday.
var noon = time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC)

// stage is a player on a database with the shipped configuration; business time stands still.
type stage struct {
	*Player
	t      *testing.T
	events []Event
}

func newStage(t *testing.T, acts map[string]Act) *stage {
	t.Helper()
	s := &stage{t: t}
	store := pgtest.New(t)
	if _, _, err := app.Publish(t.Context(), store, config.DefaultFiles(), "test", noon); err != nil {
		t.Fatal(err)
	}
	s.Player = New(Options{
		Store: store, Book: app.NewBook(store, clock.Wall), Clock: clock.Fixed(noon), Acts: acts,
		Told: func(e Event) { s.events = append(s.events, e) },
	})
	return s
}

// account makes a debtor with an account known.
func (s *stage) account(key string) string {
	s.t.Helper()
	d, err := s.Store().PutDebtor(s.t.Context(), postgres.Profile{Creditor: "demo", Key: key, Name: "Test", Locale: "en", Country: "US"})
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := s.Store().PutAccount(s.t.Context(), postgres.Account{Debtor: d, Creditor: "demo", Key: key, Currency: "USD"})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// debt is a row with what is known of a debtor and one invoice.
func (s *stage) debt(account, key string, due dunning.Date) postgres.Script {
	fact := func(account, source string, b dunning.Body) dunning.Fact {
		return dunning.Fact{At: noon, Account: account, By: "import", Source: source, Body: b}
	}
	return Row(key, noon, Facts, FactsBody{Account: account, Facts: []dunning.Fact{
		fact("", key+"/debtor", dunning.DebtorKnown{DebtorKind: "consumer", Locale: "en", Country: "US", Places: []string{"US-NY"}, Zones: []string{"America/New_York"}}),
		fact(account, key+"/item", dunning.Item{Key: key, Issued: due.AddDays(-14), Due: due, Amount: money.MustParse("100.00", "USD"), Class: "consumer"}),
	}})
}

func (s *stage) script(rows ...postgres.Script) {
	s.t.Helper()
	if _, err := s.Store().AddScript(s.t.Context(), rows...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) turns(n int) {
	s.t.Helper()
	for range n {
		if _, err := s.turn(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// left are the keys of the rows that are not done.
func (s *stage) left() string {
	s.t.Helper()
	rows, err := s.Store().DueScript(s.t.Context(), noon.AddDate(10, 0, 0), 100)
	if err != nil {
		s.t.Fatal(err)
	}
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	return strings.Join(keys, " ")
}

func (s *stage) wantLeft(about, want string) {
	s.t.Helper()
	if got := s.left(); got != want {
		s.t.Errorf("%s: rows left %q, want %q", about, got, want)
	}
}

// facts counts an account's facts of a kind.
func (s *stage) facts(account string, kind dunning.Kind) (n int) {
	s.t.Helper()
	a, err := s.Account(s.t.Context(), account)
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := s.Store().FactsAsOf(s.t.Context(), a.Debtor, 1<<62)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range all {
		if f.Body.Kind() == kind {
			n++
		}
	}
	return n
}

var due = dunning.Date{Year: 2026, Month: 2, Day: 1}

// Old debt comes in: a case is opened, and nothing more happens to its debtor until the
// case has looked; others are not kept waiting, but who plays alone is.
func TestRowsWaitForTheirDebtor(t *testing.T) {
	alone := 0
	s := newStage(t, map[string]Act{"alone": {Alone: true, Play: func(context.Context, *Player, postgres.Script) ([]postgres.Script, error) {
		alone++
		return nil, nil
	}}})
	busy, free := s.account("busy"), s.account("free")
	note := func(key, account string) postgres.Script {
		return Row(key, noon, Do, DoBody{Account: account, By: "user:1", Command: "write_note", Args: json.RawMessage(`{"id":"` + key + `","text":"x"}`)})
	}
	s.script(s.debt(busy, "1-debt", due), s.debt(free, "1-future", due.AddDays(300)), note("2-busy", busy), note("2-free", free),
		Row("3-alone", noon, "alone", struct{}{}), note("4-free", free), Row("9-later", noon.Add(time.Hour), "alone", struct{}{}))
	s.turns(1)
	s.wantLeft("one row of each debtor at a time", "2-busy 2-free 3-alone 4-free 9-later")
	s.turns(3)
	s.wantLeft("a case has work due, so its debtor's rows wait, and so does who plays alone", "2-busy 3-alone 4-free 9-later")
	if s.facts(busy, "case_opened") != 1 || s.facts(free, "case_opened") != 0 {
		t.Error("want a case for the old debt and none for the one that is due next year")
	}
	if _, err := s.Store().Pool().Exec(t.Context(), `UPDATE cases SET pending_at = NULL, next_at = NULL`); err != nil { // as if it had looked
		t.Fatal(err)
	}
	s.turns(1)
	s.wantLeft("its row is played, which stirs the case again", "3-alone 4-free 9-later")
	if _, err := s.Store().Pool().Exec(t.Context(), `UPDATE cases SET pending_at = NULL, next_at = NULL`); err != nil {
		t.Fatal(err)
	}
	s.turns(2)
	s.wantLeft("when all is quiet who plays alone does, then the rest, and nothing before its time", "9-later")
	if alone != 1 {
		t.Errorf("played alone %d times, want once", alone)
	}
}

// A player that is killed between playing a row and marking it plays it again: that must
// change nothing.
func TestPlayedTwiceIsPlayedOnce(t *testing.T) {
	s := newStage(t, nil)
	id := s.account("a")
	pay := func(amount string) postgres.Script {
		return Row("2-pay", noon, Do, DoBody{Account: id, By: "import", Command: "record_payment", Args: json.RawMessage(`{"id":"p","amount":{"amount":"` + amount + `","currency":"USD"}}`)})
	}
	for _, row := range []postgres.Script{s.debt(id, "1-debt", due), pay("10.00")} {
		s.script(row)
		for range 2 {
			if err := s.play(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
	}
	for kind, want := range map[dunning.Kind]int{"item": 1, "debtor_known": 1, "payment": 1} {
		if got := s.facts(id, kind); got != want {
			t.Errorf("%d facts of kind %s, want %d", got, kind, want)
		}
	}
	s.wantLeft("both are done", "")
	if s.Refused() != 0 {
		t.Errorf("%d commands were refused", s.Refused())
	}
	if err := s.play(t.Context(), Row("3", noon, Do, DoBody{Account: id, By: "import", Command: "reverse_payment", Args: json.RawMessage(`{"payment":"nobody's"}`)})); err != nil {
		t.Fatalf("a refusal by the core must not end the rehearsal: %v", err)
	}
	if s.Refused() != 1 {
		t.Errorf("%d refusals counted, want 1", s.Refused())
	}
}

// At the end everything stands still until the balance is drawn up.
func TestEndHoldsTheClock(t *testing.T) {
	s := newStage(t, nil)
	s.script(EndRow(noon))
	select {
	case <-s.Ended():
		t.Fatal("ended before it began")
	default:
	}
	s.turns(2)
	select {
	case <-s.Ended():
	default:
		t.Fatal("the end was not told")
	}
	s.wantLeft("the row of the end stays", "~end")
	if err := s.EndDone(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantLeft("until it is taken away", "")
}

func TestFaultyScripts(t *testing.T) {
	for _, c := range []struct {
		why  string
		row  postgres.Script
		want string
	}{
		{"a kind that nobody knows", Row("k", noon, "bogus", struct{}{}), `nobody knows how to play the kind "bogus"`},
		{"a row without an account", Row("k", noon, Do, struct{}{}), "names no account"},
		{"a creditor that is not configured", Row("k", noon, Import, ImportBody{Creditor: "nobody", Mapping: "items"}), `creditor "nobody"`},
		{"a file with a faulty row", Row("k", noon, Import, ImportBody{
			Creditor: "demo", Mapping: "items",
			CSV: "account,name,invoice,issued,due,amount,currency\nA,N,1,2026-02-01,2026-02-30,5.00,USD\n",
		}), "1 of 1 rows were rejected"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := newStage(t, nil)
			s.script(c.row)
			_, err := s.turn(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "script row k") {
				t.Errorf("err = %v, want it to name the row and say %q", err, c.want)
			}
			s.wantLeft("it is not marked as done", "k")
		})
	}
}

// What fails for longer than the patience ends the rehearsal with an error; what ends with
// its context does not.
func TestPatience(t *testing.T) {
	s := newStage(t, nil)
	s.o.Patience = 50 * time.Millisecond
	s.script(Row("k", noon, "bogus", struct{}{}))
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "gives up after 50ms") {
		t.Errorf("err = %v, want it to give up", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("err = %v after the context's end, want none", err)
	}
}

// TestAPlayThatStandsStillSaysWhy: what fails for longer than a restart takes is told once,
// and the player goes on trying until its patience is over.
func TestAPlayThatStandsStillSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Player{o: Options{Patience: time.Minute}}
		fault, told, tries := errors.New("sealed"), 0, 0
		p.o.Troubled = func(err error) {
			if told++; !errors.Is(err, fault) {
				t.Errorf("told %v", err)
			}
		}
		err := p.run(t.Context(), func(context.Context) (bool, error) { tries++; return false, fault })
		if !errors.Is(err, fault) || told != 1 || tries < 100 {
			t.Errorf("told %d times in %d tries, ended with %v", told, tries, err)
		}
	})
}
