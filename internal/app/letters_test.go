package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/letter"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// lettersFirst publishes the shipped configuration with a sequence of one letter.
func lettersFirst(t *testing.T) *site {
	t.Helper()
	return letterFirst(t, "final-notice")
}

// letterFirst is lettersFirst with a template.
func letterFirst(t *testing.T, template string) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	dir := t.TempDir()
	s.must(os.CopyFS(dir, os.DirFS("../../config")))
	s.must(os.WriteFile(filepath.Join(dir, "sequences", "letters.yaml"), []byte(`sequence: letters
title: One letter
applies_when: creditor.id == "demo"
priority: 99
steps:
  - {id: one, at: +1d, send: [{letter: `+template+`}]}
`), 0o600))
	if _, _, err := Publish(t.Context(), s.store, os.DirFS(dir), "test", start); err != nil {
		t.Fatal(err)
	}
	s.book = NewBook(s.store, clock.Wall)
	keys, err := codec.ParseKeys(codec.Generate())
	s.must(err)
	s.store.UseCipher(keys)
	return s
}

// mail sends the letter of each account's case into the outbox and returns the cases.
func (s *site) mail(accounts ...account) (cases []string) {
	s.t.Helper()
	ch, err := OpenChannelsOn(getenv(nil), s.store, s.clock)
	s.must(err)
	acts := (&activities.Activities{
		Store: actStore{s.store}, Frames: s.book, Renderer: &Renderer{Store: s.store, Book: s.book}, Channels: ch.Active(), Clock: s.clock,
	}).All()
	for _, a := range accounts {
		refs, err := s.store.CasesOf(s.t.Context(), a.debtor)
		s.must(err)
		next, err := acts[workflows.Look](context.Background(), workflows.Request{Case: refs[0].Case})
		s.must(err)
		if next.Verb != dunning.VerbSend || next.Channel != dunning.Letter {
			s.t.Fatalf("next %+v", next)
		}
		_, err = acts[workflows.Send](context.Background(), workflows.Request{Case: refs[0].Case, Intent: next.DecisionID})
		s.must(err)
		cases = append(cases, refs[0].Case)
	}
	return cases
}

func (s *site) post() *Post {
	return &Post{Store: s.store, Commands: s.commands(), Clock: s.clock}
}

func (s *site) stateOf(caseID string) postgres.Contact {
	s.t.Helper()
	list, err := s.store.Contacts(s.t.Context(), caseID)
	s.must(err)
	if len(list) == 0 {
		s.t.Fatal("no contact")
	}
	return list[0]
}

// TestLetters takes letters from the outbox to the post: closing a batch decides each
// again, confirmation and returned mail are facts, and all of it may be repeated.
func TestLetters(t *testing.T) {
	s := lettersFirst(t)
	ctx := t.Context()
	var accounts []account
	for _, key := range []string{"kept", "paid", "disputed", "held", "back"} {
		accounts = append(accounts, s.debtor(key, "300.00", date(1)))
	}
	_, err := s.starter().Run(ctx, StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(accounts...)
	s.clock.set(s.clock.time().Add(20 * time.Hour))
	for i, cmd := range map[int]dunning.Command{
		1: dunning.RecordPayment{ID: "p", Amount: money.MustParse("300.00", "USD")},
		2: dunning.RaiseDispute{ID: "d"},
		3: dunning.PlaceHold{ID: "h", HoldKind: dunning.HoldHardship, Scope: dunning.ScopeAccount},
	} {
		_, err := s.commands().Do(ctx, cases[i], cmd, "user:1")
		s.must(err)
	}
	out := t.TempDir()
	o := BatchOptions{By: "user:ada", Dir: out}

	_, err = s.store.SwitchOn(ctx, postgres.Switch{Switch: dunning.Switch{Scope: dunning.SwitchChannel, Subject: "letter"}, Reason: "x", By: "user:ada", On: s.clock.time()})
	s.must(err)
	b, err := s.post().Close(ctx, o)
	if err != nil || b.Letters != 0 || len(b.Waiting) != 5 || b.Dir != "" {
		t.Fatalf("while letters are switched off: %+v, %v", b, err)
	}
	s.must(s.store.SwitchOff(ctx, dunning.Switch{Scope: dunning.SwitchChannel, Subject: "letter"}, s.clock.time(), "user:ada", "over"))

	b, err = s.post().Close(ctx, o)
	if err != nil || b.Letters != 2 || len(b.LeftOut) != 3 || len(b.Unproved) != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	for i, want := range []dunning.ContactState{dunning.ContactAccepted, dunning.ContactCancelled, dunning.ContactCancelled, dunning.ContactCancelled, dunning.ContactAccepted} {
		if c := s.stateOf(cases[i]); c.State != want || want == dunning.ContactCancelled && b.LeftOut[c.ID] == "" {
			t.Errorf("%s: %s (%s), left out %q", accounts[i].key, c.State, c.Code, b.LeftOut[c.ID])
		}
	}
	var m letter.BatchManifest
	raw, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchFile))
	s.must(err)
	s.must(json.Unmarshal(raw, &m))
	if m.Letters != 2 || len(m.LeftOut) != 3 || strings.Contains(string(raw), "Ada") {
		t.Errorf("manifest %s", raw)
	}
	index, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchIndex))
	if err != nil || strings.Count(string(index), "Ada Example") != 2 {
		t.Errorf("index %s, %v", index, err)
	}
	if _, err := s.post().Close(ctx, o); !errors.Is(err, ErrNoLetters) {
		t.Errorf("nothing waits any more: %v", err)
	}

	again := filepath.Join(out, "again")
	s.must(os.Mkdir(again, 0o700))
	b2, err := s.post().Print(ctx, b.ID, BatchOptions{By: "user:ada", Dir: again})
	s.must(err)
	first, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchPDF))
	s.must(err)
	second, err := os.ReadFile(filepath.Join(b2.Dir, letter.BatchPDF))
	if err != nil || string(first) != string(second) {
		t.Error("printed again it is not the same")
	}

	for range 2 {
		if n, err := s.post().Confirm(ctx, b.ID, "user:ada"); err != nil || n != 2 {
			t.Errorf("%d posted, %v", n, err)
		}
	}
	if c := s.stateOf(cases[0]); c.State != dunning.ContactAccepted || c.Code != "letter:posted" {
		t.Errorf("posted: %s %s", c.State, c.Code)
	}
	attempt := activities.AttemptID(s.stateOf(cases[4]).ID)
	for range 2 {
		s.must(s.post().Returned(ctx, attempt, "user:ada"))
	}
	points, err := s.store.Points(ctx, accounts[4].debtor)
	s.must(err)
	dead := ""
	for _, p := range points {
		if p.Channel == dunning.Letter {
			dead = p.Dead
		}
	}
	if c := s.stateOf(cases[4]); c.State != dunning.ContactBounced || dead != "returned_mail" {
		t.Errorf("returned: %s, the address is dead for %q", c.State, dead)
	}
	if err := s.post().Returned(ctx, "nobody", "user:ada"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a letter that is none: %v", err)
	}
	if _, err := s.post().Confirm(ctx, "nobody", "user:ada"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a batch that is none: %v", err)
	}
}

// deadlocked runs every transaction twice: the first time all of it is done and then lost, as
// when the database breaks a deadlock.
type deadlocked struct {
	cmdStore
	lost int
}

func (s *deadlocked) InDebtor(ctx context.Context, debtor string, f func(commands.Tx) error) error {
	first := true
	return s.Store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error {
		if err := f(tx); err != nil || !first {
			return err
		}
		first = false
		s.lost++
		return &pgconn.PgError{Code: "40P01"}
	})
}

// batchOf closes a batch some time after the letters went to the outbox, and returns its manifest.
func (s *site) batchOf(p *Post, o BatchOptions) (Batch, letter.BatchManifest) {
	s.t.Helper()
	b, err := p.Close(s.t.Context(), o)
	s.must(err)
	return b, s.manifest(b)
}

func (s *site) manifest(b Batch) (m letter.BatchManifest) {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchFile))
	s.must(err)
	s.must(json.Unmarshal(raw, &m))
	return m
}

// TestEveryLetterHasAPlaceOfItsOwn, however often the transaction that gives it is run.
func TestEveryLetterHasAPlaceOfItsOwn(t *testing.T) {
	s := lettersFirst(t)
	var accounts []account
	for _, key := range []string{"one", "two", "three"} {
		accounts = append(accounts, s.debtor(key, "300.00", date(1)))
	}
	_, err := s.starter().Run(t.Context(), StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(accounts...)
	_, err = s.commands().Do(t.Context(), cases[1], dunning.RaiseDispute{ID: "d"}, "user:1")
	s.must(err)

	p := s.post()
	store := &deadlocked{cmdStore: cmdStore{s.store}}
	p.Commands = &commands.Service{Store: store, Setups: p.Commands.Setups, Clock: s.clock}
	b, m := s.batchOf(p, BatchOptions{By: "user:ada", Dir: t.TempDir()})
	if store.lost != 3 || b.Letters != 2 || len(b.LeftOut) != 1 || len(b.Failed) != 0 || len(m.Entries) != 2 || m.Entries[0].Place != 1 || m.Entries[1].Place != 2 {
		t.Errorf("%d transactions were lost; the batch %+v of %+v", store.lost, b, m.Entries)
	}
	_, rows, err := s.store.LetterBatch(t.Context(), b.ID)
	if err != nil || len(rows) != 3 || rows[0].Place != 0 || rows[1].Place != 1 || rows[2].Place != 2 {
		t.Errorf("%+v, %v", rows, err)
	}
	if c := s.stateOf(cases[1]); c.State != dunning.ContactCancelled {
		t.Errorf("the disputed one is %s", c.State)
	}
}

// TestALetterBearsTheDayOfItsBatch, as it is where the creditor is: printed, kept and listed
// alike; printed again it bears the same day, whatever day that is.
func TestALetterBearsTheDayOfItsBatch(t *testing.T) {
	s := lettersFirst(t)
	ctx := t.Context()
	a := s.debtor("one", "300.00", date(1))
	_, err := s.starter().Run(ctx, StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(a)
	attempt := activities.AttemptID(s.stateOf(cases[0]).ID)
	handed, err := s.store.Letter(ctx, attempt)
	s.must(err)
	if !strings.Contains(handed.HTML, `<time datetime="2026-03-04">March 4, 2026</time>`) {
		t.Errorf("in the outbox it bears the day of its hand-over: %s", handed.HTML)
	}

	s.clock.set(time.Date(2026, 3, 6, 3, 30, 0, 0, time.UTC)) // still the fifth in New York
	o := BatchOptions{By: "user:ada", Dir: t.TempDir()}
	b, m := s.batchOf(s.post(), o)
	fifth := dunning.Date{Year: 2026, Month: time.March, Day: 5}
	if len(m.Entries) != 1 || m.Entries[0].Dated != fifth || len(b.Unproved) != 0 {
		t.Fatalf("%+v, %+v", b, m.Entries)
	}
	kept, err := s.store.Letter(ctx, attempt)
	s.must(err)
	sum := sha256.Sum256(kept.PDF)
	if !strings.Contains(kept.HTML, `<time datetime="2026-03-05">March 5, 2026</time>`) || strings.Contains(kept.HTML, "March 4") || hex.EncodeToString(sum[:]) != m.Entries[0].SHA256 {
		t.Errorf("what is kept is not what is printed: %s", kept.HTML)
	}
	index, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchIndex))
	if err != nil || !strings.Contains(string(index), ",2026-03-05\n") {
		t.Errorf("the index %s, %v", index, err)
	}

	sent, err := s.store.Sent(ctx, s.stateOf(cases[0]).ID)
	if err != nil || sent.Dated != fifth || sent.Message.Dated != (dunning.Date{Year: 2026, Month: time.March, Day: 4}) {
		t.Errorf("sent it is dated %v, handed over %v, %v", sent.Dated, sent.Message.Dated, err)
	}

	s.clock.set(time.Date(2026, 3, 7, 15, 0, 0, 0, time.UTC))
	again, err := s.post().Print(ctx, b.ID, o)
	s.must(err)
	if m := s.manifest(again); m.Entries[0].Dated != fifth || len(again.Unproved) != 0 {
		t.Errorf("printed again it bears %v, unproved %v", m.Entries[0].Dated, again.Unproved)
	}
	first, err := os.ReadFile(filepath.Join(b.Dir, letter.BatchPDF))
	s.must(err)
	second, err := os.ReadFile(filepath.Join(again.Dir, letter.BatchPDF))
	if err != nil || string(first) != string(second) {
		t.Error("printed again it is another letter")
	}
}

// TestALetterThatIsPrintedTooLate keeps its day, so what it asks for must still be possible.
func TestALetterThatIsPrintedTooLate(t *testing.T) {
	s := lettersFirst(t)
	_, cases, o, b := s.batchOfTwo()
	s.clock.set(time.Date(2026, 3, 18, 15, 0, 0, 0, time.UTC)) // the day by which both ask for payment
	again, err := s.post().Print(t.Context(), b.ID, o)
	first, second := s.stateOf(cases[0]), s.stateOf(cases[1])
	if err != nil || again.Letters != 0 || again.LeftOut[first.ID] != "outdated" || again.LeftOut[second.ID] != "outdated" || first.State != dunning.ContactCancelled {
		t.Errorf("%+v, %v; the first is %s", again, err, first.State)
	}
}

// TestALetterThatIsTooOldIsWrittenAnew: what would bear a day on which its own deadline has
// come does not leave, and its step is decided again.
func TestALetterThatIsTooOldIsWrittenAnew(t *testing.T) {
	for _, c := range []struct {
		about string
		days  int // from the hand-over to the closing of the batch
		want  string
	}{
		{"the day before its deadline it leaves", 13, ""},
		{"on the day of its deadline it asks for what cannot be done", 14, "outdated"},
		{"nor later", 20, "outdated"},
	} {
		t.Run(c.about, func(t *testing.T) {
			s := lettersFirst(t)
			a := s.debtor("one", "300.00", date(1))
			_, err := s.starter().Run(t.Context(), StartOptions{})
			s.must(err)
			s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
			cases := s.mail(a)
			s.clock.set(s.clock.time().AddDate(0, 0, c.days))
			b, err := s.post().Close(t.Context(), BatchOptions{By: "user:ada", Dir: t.TempDir()})
			contact := s.stateOf(cases[0])
			if err != nil || b.LeftOut[contact.ID] != c.want || (contact.State == dunning.ContactCancelled) != (c.want != "") {
				t.Errorf("%+v, %v; the letter is %s", b, err, contact.State)
			}
		})
	}
}

// TestALetterOrderedUnderASettlement: the person knew of it, so the letter is posted; of one
// that was agreed since, nobody did.
func TestALetterOrderedUnderASettlement(t *testing.T) {
	for about, since := range map[string]bool{"agreed before the order": false, "agreed since": true} {
		t.Run(about, func(t *testing.T) {
			s, ctx := lettersFirst(t), t.Context()
			a := s.debtor("one", "300.00", date(1))
			_, err := s.starter().Run(ctx, StartOptions{})
			s.must(err)
			s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
			refs, err := s.store.CasesOf(ctx, a.debtor)
			s.must(err)
			do := func(c dunning.Command) {
				_, err := s.commands().Do(ctx, refs[0].Case, c, "user:1")
				s.must(err)
			}
			settle := dunning.OfferSettlement{ID: "s", Amount: money.MustParse("200.00", "USD"), Due: dunning.Date{Year: 2026, Month: time.March, Day: 20}, Accepted: true}
			order := dunning.SendMessage{ID: "ask", Channel: dunning.Letter, Template: "final-notice"}
			if !since {
				do(settle)
				s.clock.set(s.clock.time().Add(time.Hour))
			}
			do(order)
			cases := s.mail(a)
			s.clock.set(s.clock.time().Add(time.Hour))
			if since {
				do(settle)
			}
			b, err := s.post().Close(ctx, BatchOptions{By: "user:ada", Dir: t.TempDir()})
			contact := s.stateOf(cases[0])
			if err != nil || contact.Step != dunning.StepAsked || (b.Letters == 1) == since || (b.LeftOut[contact.ID] == "held:settlement") != since {
				t.Errorf("%+v, %v; %s of step %s", b, err, contact.State, contact.Step)
			}
		})
	}
}

// TestAValidationNoticeIsItemized from the facts that its decision saw; over an invoice without
// a date it is not written, and a person is asked.
func TestAValidationNoticeIsItemized(t *testing.T) {
	s, ctx := letterFirst(t, "validation-notice"), t.Context()
	dated, undated := s.debtor("dated", "300.00", date(1)), s.debtor("undated", "300.00", date(1))
	s.add(dated, dunning.Fact{At: start, Account: dated.id, Body: dunning.Payment{ID: "p", Amount: money.MustParse("40.00", "USD")}})
	s.add(undated, dunning.Fact{At: start, Account: undated.id, Body: dunning.Item{Key: "without", Due: date(1), Amount: money.MustParse("12.00", "USD"), Class: "consumer"}})
	_, err := s.starter().Run(ctx, StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(dated, undated)
	l, err := s.store.Letter(ctx, activities.AttemptID(s.stateOf(cases[0]).ID))
	s.must(err)
	for _, want := range []string{"As of " + locale.Date(date(1).AddDays(-30), "en") + ", you owed:", "$300.00", "− $40.00", "$260.00", "1 Test Street"} {
		if !strings.Contains(l.HTML, want) {
			t.Errorf("the notice lacks %q:\n%s", want, l.HTML)
		}
	}
	if c := s.stateOf(cases[1]); c.State != dunning.ContactFailed || c.Code != "template:validation-notice" {
		t.Errorf("over an invoice without a date it is %s (%s)", c.State, c.Code)
	}
	tasks, err := s.store.OpenTasks(ctx, "operations", "", 9)
	if err != nil || len(tasks) == 0 {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
}

// TestALetterThatCameBackBeforeItsBatchWasConfirmed: the post was faster than whoever confirms. The
// others of the batch are noted as posted all the same, and the batch is.
func TestALetterThatCameBackBeforeItsBatchWasConfirmed(t *testing.T) {
	s := lettersFirst(t)
	ctx := t.Context()
	back, kept := s.debtor("back", "300.00", date(1)), s.debtor("kept", "300.00", date(1))
	_, err := s.starter().Run(ctx, StartOptions{})
	s.must(err)
	s.clock.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	cases := s.mail(back, kept)
	b, err := s.post().Close(ctx, BatchOptions{By: "user:ada", Dir: t.TempDir()})
	if err != nil || b.Letters != 2 {
		t.Fatalf("closing: %+v, %v", b, err)
	}
	s.clock.set(s.clock.time().AddDate(0, 0, 6))
	s.must(s.post().Returned(ctx, dunning.AttemptID(s.stateOf(cases[0]).ID), "user:ada"))
	if n, err := s.post().Confirm(ctx, b.ID, "user:ada"); n != 1 || err != nil {
		t.Errorf("confirming: %d, %v", n, err)
	}
	row, _, err := s.store.LetterBatch(ctx, b.ID)
	if err != nil || row.Posted.IsZero() || s.stateOf(cases[0]).State != dunning.ContactBounced || s.stateOf(cases[1]).Code != dunning.LetterPostedCode {
		t.Errorf("%+v, %v, %+v, %+v", row, err, s.stateOf(cases[0]), s.stateOf(cases[1]))
	}
}
