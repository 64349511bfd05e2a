package app

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/letter"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// lettersFirst publishes the shipped configuration with a sequence of one letter.
func lettersFirst(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	dir := t.TempDir()
	s.must(os.CopyFS(dir, os.DirFS("../../config")))
	s.must(os.WriteFile(filepath.Join(dir, "sequences", "letters.yaml"), []byte(`sequence: letters
title: One letter
applies_when: creditor.id == "demo"
priority: 99
steps:
  - {id: one, at: +1d, send: [{letter: final-notice}]}
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
