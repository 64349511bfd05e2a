package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
)

// poison makes a fact of a debtor unreadable, as no program of ours would write it.
func (s *site) poison(debtor string) {
	s.t.Helper()
	for _, sql := range []string{
		"ALTER TABLE facts DISABLE TRIGGER USER",
		`UPDATE facts SET body = jsonb_set(body, '{number}', '["the day after"]') WHERE kind = 'item' AND debtor_id = '` + debtor + "'",
		"ALTER TABLE facts ENABLE TRIGGER USER",
	} {
		if _, err := s.store.Pool().Exec(s.t.Context(), sql); err != nil {
			s.t.Fatal(err)
		}
	}
}

// finding is the words of the open finding about a debtor; "" when there is none.
func (s *site) finding(debtor string) string {
	s.t.Helper()
	var words string
	err := s.store.Pool().QueryRow(s.t.Context(), `SELECT coalesce(string_agg(f.title || ': ' || e.words, E'\n'), '') FROM findings f JOIN finding_events e ON e.finding_id = f.id
WHERE f.debtor_id = $1 AND f.status = 'open'`, debtor).Scan(&words)
	s.must(err)
	return words
}

// TestAPoisonedDebtorBlocksNobody: with one debtor in the database whose facts cannot be
// read, everybody else's cases open, are judged, printed and posted, and the bad one is a
// finding with words.
func TestAPoisonedDebtorBlocksNobody(t *testing.T) {
	s := lettersFirst(t)
	ctx := t.Context()
	first, bad, last := s.debtor("first", "300.00", date(1)), s.debtor("bad", "300.00", date(1)), s.debtor("last", "300.00", date(1))
	unopened := s.debtor("unopened", "300.00", date(1))
	s.poison(unopened.debtor)
	for range 2 {
		sum, _ := s.starter().Run(ctx, StartOptions{})
		if sum.Failed != 1 {
			t.Fatalf("the starter %+v", sum)
		}
	}
	if words := s.finding(unopened.debtor); strings.Count(words, "no case opens for it") != 1 || !strings.Contains(words, "duly doctor") {
		t.Errorf("of the account that cannot be looked at: %q", words)
	}
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(first, bad, last)
	s.clock.set(s.clock.time().Add(20 * time.Hour))
	s.poison(bad.debtor)

	post := s.post()
	b, err := post.Close(ctx, BatchOptions{By: "user:ada", Dir: t.TempDir()})
	if err != nil || b.Letters != 2 || len(b.Failed) != 1 || b.Failed[s.stateOf(cases[1]).ID] == "" {
		t.Fatalf("closing: %+v, %v", b, err)
	}
	again, err := post.Print(ctx, b.ID, BatchOptions{By: "user:ada", Dir: t.TempDir()})
	if err != nil || again.Letters != 2 {
		t.Fatalf("printing again: %+v, %v", again, err)
	}
	if n, err := post.Confirm(ctx, b.ID, "user:ada"); n != 2 || err != nil {
		t.Errorf("confirming: %d, %v", n, err)
	}

	sweeper := &recheck.Sweeper{
		Ledger: s.store, Frames: s.book, Keeper: s.store, Now: s.clock.Now, Wall: s.clock.time,
	}
	for range 2 {
		begun, err := sweeper.Begin(ctx, read.FullSweep, read.Everything(), "system")
		s.must(err)
		s.must(begun.Run(ctx))
		swept := 0
		for _, part := range begun.Row().Parts {
			swept += part.Swept
		}
		if begun.Row().State != read.SweepComplete || swept != 2 {
			t.Errorf("the sweep judged %d contacts and is %s", swept, begun.Row().State)
		}
	}
	if words := s.finding(bad.debtor); !strings.Contains(words, "Nobody can say whether") || strings.Contains(words, "the day after") {
		t.Errorf("of the debtor that cannot be judged: %q", words)
	}
	sum, err := recheck.Run(ctx, s.store, s.book, func(recheck.Difference) error { return nil })
	if err != nil || sum.By[recheck.Same] == 0 || sum.By[recheck.Wrong] == 0 {
		t.Errorf("recheck %+v, %v", sum, err)
	}
	drift, err := s.store.CheckReads(ctx, 10)
	if err != nil || len(drift) != 2 {
		t.Errorf("the doctor names %+v, %v", drift, err)
	}
}

// batchOfTwo closes a batch with a letter for each of two debtors.
func (s *site) batchOfTwo() (accounts []account, cases []string, o BatchOptions, b Batch) {
	s.t.Helper()
	accounts = []account{s.debtor("one", "300.00", date(1)), s.debtor("two", "300.00", date(1))}
	_, err := s.starter().Run(s.t.Context(), StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases = s.mail(accounts...)
	s.clock.set(s.clock.time().Add(20 * time.Hour))
	o = BatchOptions{By: "user:ada", Dir: s.t.TempDir()}
	if b, err = s.post().Close(s.t.Context(), o); err != nil || b.Letters != 2 {
		s.t.Fatalf("%+v, %v", b, err)
	}
	return accounts, cases, o, b
}

// TestPrintingAgainDecidesAgain: what was paid since the batch was closed is left out and
// said, the batch keeps what it was, and what was posted is not printed.
func TestPrintingAgainDecidesAgain(t *testing.T) {
	s, ctx := lettersFirst(t), t.Context()
	_, cases, o, b := s.batchOfTwo()
	_, err := s.commands().Do(ctx, cases[1], dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "user:1")
	s.must(err)

	_, err = s.store.SwitchOn(ctx, postgres.Switch{Switch: dunning.Switch{Scope: dunning.SwitchChannel, Subject: "letter"}, Reason: "x", By: "user:ada", On: s.clock.time()})
	s.must(err)
	if _, err := s.post().Print(ctx, b.ID, o); !errors.Is(err, ErrSwitched) {
		t.Errorf("while letters are switched off: %v", err)
	}
	s.must(s.store.SwitchOff(ctx, dunning.Switch{Scope: dunning.SwitchChannel, Subject: "letter"}, s.clock.time(), "user:ada", "over"))

	for n := 1; n <= 2; n++ {
		again, err := s.post().Print(ctx, b.ID, o)
		paid := s.stateOf(cases[1])
		if err != nil || again.Printing != n || again.Letters != 1 || again.LeftOut[paid.ID] == "" || paid.State != dunning.ContactCancelled || again.Dir == b.Dir {
			t.Fatalf("printing %d: %+v, %v; the paid one is %s", n, again, err, paid.State)
		}
	}
	row, letters, err := s.store.LetterBatch(ctx, b.ID)
	s.must(err)
	prints, err := s.store.LetterReprints(ctx, b.ID)
	s.must(err)
	if len(letters) != 2 || letters[1].Place == 0 || row.Pages != b.Pages || len(prints) != 2 || prints[0].Letters != 1 || len(prints[0].LeftOut) != 1 || len(prints[0].PDFSHA256) != 32 {
		t.Errorf("the batch %+v of %+v, printings %+v", row, letters, prints)
	}
	for range 2 {
		if n, err := s.post().Confirm(ctx, b.ID, "user:ada"); n != 1 || err != nil {
			t.Errorf("%d posted, %v", n, err)
		}
	}
	if _, err := s.post().Print(ctx, b.ID, o); !errors.Is(err, ErrPosted) {
		t.Errorf("a batch that was posted: %v", err)
	}
}

// TestAHalfConfirmedBatchIsPosted: where confirming breaks off at one debtor whose facts
// cannot be read, the batch is out of the house all the same: it is not printed again, and a
// letter that is noted as posted is never called off, whatever is paid since.
func TestAHalfConfirmedBatchIsPosted(t *testing.T) {
	s, ctx := lettersFirst(t), t.Context()
	accounts, cases, o, b := s.batchOfTwo()
	s.poison(accounts[1].debtor)
	if n, err := s.post().Confirm(ctx, b.ID, "user:ada"); n != 1 || err == nil {
		t.Fatalf("%d posted, %v; want one, and the other named", n, err)
	}
	_, err := s.commands().Do(ctx, cases[0], dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")}, "user:1")
	s.must(err)
	if _, err := s.post().Print(ctx, b.ID, o); !errors.Is(err, ErrPosted) {
		t.Errorf("printed again: %v", err)
	}
	if c := s.stateOf(cases[0]); c.State != dunning.ContactAccepted {
		t.Errorf("the letter that was posted is %s (%s)", c.State, c.Code)
	}
}
