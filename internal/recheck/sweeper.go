package recheck

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/read"
)

// Keeper is where sweeps and findings are kept, and who is to be swept.
type Keeper interface {
	BeginSweep(ctx context.Context, w read.SweepRow) error
	MoveSweep(ctx context.Context, w read.SweepRow) error
	LastSweep(ctx context.Context, kind string) (read.SweepRow, bool, error)
	OpenFinding(ctx context.Context, f read.NewFinding) (id string, opened bool, err error)
	// SealedThrough is the position through which a ledger is complete.
	SealedThrough(ctx context.Context, ledger string) (int64, error)
	ToSweep(ctx context.Context, scope read.Scope, after string, limit int) ([]read.Swept, error)
	NewsToSweep(ctx context.Context, scope read.Scope, afterPos, toPos int64) ([]read.Swept, error)
}

// Sweeper sweeps the ledger and keeps what it covered and what it found. All fields are
// required.
type Sweeper struct {
	Ledger Ledger
	Frames Frames
	Keeper Keeper
	// Now is business time, Wall wall time.
	Now  func(ctx context.Context) (time.Time, error)
	Wall func() time.Time
}

// Begun is a sweep that was begun and is to be run.
type Begun struct {
	s     *Sweeper
	row   read.SweepRow
	scope read.Scope
	// Opened counts the findings that were not known before.
	Opened int
}

// Begin begins a sweep over the creditors of a scope. A sweep of news is about the facts
// since the last sweep of all creditors; without one it is full. The error is the keeper's:
// one of the same creditors is under way, or of reading.
func (s *Sweeper) Begin(ctx context.Context, kind string, scope read.Scope, by string) (*Begun, error) {
	at, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	b := &Begun{s: s, scope: scope, row: read.SweepRow{ID: uuid.NewString(), Kind: kind, By: by, At: at, Began: s.Wall(), State: read.SweepRunning}}
	if !scope.All() {
		b.row.Creditors = scope.Creditors()
	}
	// What is sealed is complete; what is not is for the next sweep of news.
	if b.row.ToPos, err = s.Keeper.SealedThrough(ctx, "facts"); err != nil {
		return nil, err
	}
	last, ok, err := s.Keeper.LastSweep(ctx, "")
	switch {
	case err != nil:
		return nil, err
	case kind == read.NewsSweep && ok:
		b.row.AfterPos = last.ToPos
	default:
		b.row.Kind = read.FullSweep
	}
	return b, s.Keeper.BeginSweep(ctx, b.row)
}

// Row is the sweep as it stands.
func (b *Begun) Row() read.SweepRow { return b.row }

// sweepPage is how many debtors are judged between two signs of life.
const sweepPage = 100

// Run judges every contact of the debtors that are to be swept. However it ends, the sweep
// is marked as complete or failed; the error is why it failed.
func (b *Begun) Run(ctx context.Context) error {
	b.row.Parts = map[string]read.Coverage{}
	err := b.pages(ctx, func(page []read.Swept) error {
		if err := b.judge(ctx, page); err != nil {
			return err
		}
		b.row.Beat = b.s.Wall()
		return b.s.Keeper.MoveSweep(ctx, b.row)
	})
	b.row.State = read.SweepComplete
	if err != nil {
		b.row.State = read.SweepFailed
	}
	b.row.Beat = b.s.Wall()
	b.row.Ended = b.row.Beat
	if end := b.s.Keeper.MoveSweep(context.WithoutCancel(ctx), b.row); err == nil {
		err = end
	}
	return err
}

// pages calls f with the debtors to be swept, some at a time.
func (b *Begun) pages(ctx context.Context, f func([]read.Swept) error) error {
	if b.row.Kind == read.NewsSweep {
		all, err := b.s.Keeper.NewsToSweep(ctx, b.scope, b.row.AfterPos, b.row.ToPos)
		if err != nil {
			return err
		}
		for page := range slices.Chunk(all, sweepPage) {
			if err := f(page); err != nil {
				return err
			}
		}
		return nil
	}
	for after := ""; ; {
		page, err := b.s.Keeper.ToSweep(ctx, b.scope, after, sweepPage)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil {
			return err
		}
		after = page[len(page)-1].Debtor
	}
}

// judge judges the contacts of some debtors, creditor by creditor.
func (b *Begun) judge(ctx context.Context, page []read.Swept) error {
	of := map[string][]string{}
	var order []string
	for _, x := range page {
		if of[x.Creditor] == nil {
			order = append(order, x.Creditor)
		}
		of[x.Creditor] = append(of[x.Creditor], x.Debtor)
	}
	for _, creditor := range order {
		some := &these{Ledger: b.s.Ledger, debtors: of[creditor], weeks: map[string]int{}}
		sum, err := Contacts(ctx, some, b.s.Frames, func(f Finding) error { return b.open(ctx, creditor, f) })
		b.row.Parts[creditor] = b.row.Parts[creditor].Plus(read.Coverage{
			Debtors: len(of[creditor]), Swept: sum.Swept, Outside: sum.Outside, Changed: sum.Changed, Late: sum.Late, ByHand: sum.ByHand, Against: sum.Against, Weeks: some.weeks,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// these is the ledger of some debtors. It counts by week the contacts that are judged.
type these struct {
	Ledger
	debtors []string
	weeks   map[string]int
}

// Contacted lists the debtors, once.
func (t *these) Contacted(_ context.Context, after string, _ int) ([]string, error) {
	if after != "" {
		return nil, nil
	}
	return t.debtors, nil
}

func (t *these) FactsAsOf(ctx context.Context, debtor string, version int64) ([]dunning.Fact, error) {
	facts, err := t.Ledger.FactsAsOf(ctx, debtor, version)
	for _, x := range facts {
		moved, left := x.Body.(dunning.ContactMoved)
		logged, byHand := x.Body.(dunning.ContactLogged)
		if left && moved.State == dunning.ContactSending || byHand && logged.Direction == contact.Outbound {
			t.weeks[read.MondayOf(x.At).String()]++
		}
	}
	return facts, err
}

// open opens a finding for a contact that was outside a rule.
func (b *Begun) open(ctx context.Context, creditor string, f Finding) error {
	n, err := f.open(creditor, b.row.At)
	if err != nil {
		return err
	}
	_, opened, err := b.s.Keeper.OpenFinding(ctx, n)
	if opened {
		b.Opened++
	}
	return err
}

// unjudgedWords tell the reader what to do about a debtor who cannot be judged.
const unjudgedWords = "The debtor's facts, or what surrounds them, cannot be read by this program. Run duly doctor, which says what is in the way; the other debtors were swept."

// open is the finding as it is kept. It is found again by the debtor, the contact and the
// verdict: people name the contacts that they log, and only one debtor's differ.
func (f Finding) open(creditor string, at time.Time) (read.NewFinding, error) {
	kept := f
	if f.Verdict == Unjudged { // an error may quote what it could not read
		kept.Error = "cannot be read by this program"
	}
	raw, err := json.Marshal(kept)
	n := read.NewFinding{
		Key: fmt.Sprintf("contact/%s/%s/%s", f.Debtor, f.Contact, f.Verdict), Source: read.BySweep, Kind: read.Violation, Creditor: creditor, Debtor: f.Debtor, Account: f.Account,
		Case: f.Case, Decision: f.Decision, Contact: f.Contact, At: f.At, Opened: at, Detail: raw, By: "system",
	}
	n.Title = "Duly let it leave against a rule"
	switch {
	case f.Verdict == Unjudged:
		n.Title, n.At, n.Words = "Nobody can say whether its contacts were allowed", at, unjudgedWords
	case f.Error != "":
		n.Title = "It left, and no decision on file allowed it"
	case f.Verdict == ByHand:
		n.Title = "A person’s own contact, against a rule"
	case f.Verdict == Late:
		n.Kind, n.Title = read.NearMiss, "Something received before it left was entered after"
	case len(f.Changed) > 0:
		n.Kind, n.Title = read.NearMiss, "Against today’s rules; those of then cannot be had"
	}
	for _, r := range f.Checked.Verdict.Reasons {
		if r.Rule != "" && !slices.Contains(n.Rules, r.Rule) {
			n.Rules = append(n.Rules, r.Rule)
		}
	}
	return n, err
}
