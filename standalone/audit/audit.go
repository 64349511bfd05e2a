// Package audit reads what a rehearsal has left in the store: its story as events, a
// summary, and whether the guarantees held.
//
// It owns the proof, which it makes from the facts and decisions alone: what was sent is
// derived anew from the facts as of then. It changes nothing.
package audit

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/postgres"
)

// Life is all that is stored about one account.
type Life struct {
	Account   postgres.Account
	Cases     []dunning.CaseRef // oldest first
	Facts     []dunning.Fact    // of the debtor, in the order in which they were committed
	Decisions []dunning.StoredDecision
}

// page is how many accounts are read at a time.
const page = 200

// Lives reads all accounts in the order of their ids and hands each on.
func Lives(ctx context.Context, store *postgres.Store, each func(Life) error) error {
	for cursor := ""; ; {
		accounts, err := store.Accounts(ctx, cursor, page)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			l, err := life(ctx, store, a)
			if err != nil {
				return fmt.Errorf("account %s: %w", a.ID, err)
			}
			if err := each(l); err != nil {
				return err
			}
		}
		cursor = accounts[len(accounts)-1].ID
	}
}

func life(ctx context.Context, store *postgres.Store, a postgres.Account) (Life, error) {
	l := Life{Account: a}
	var err error
	if l.Facts, err = store.FactsAsOf(ctx, a.Debtor, math.MaxInt64); err != nil {
		return l, err
	}
	cases, err := store.CasesOf(ctx, a.Debtor)
	if err != nil {
		return l, err
	}
	l.Cases = slices.DeleteFunc(cases, func(c dunning.CaseRef) bool { return c.Account != a.ID })
	for _, c := range l.Cases {
		d, err := store.Decisions(ctx, c.Case)
		if err != nil {
			return l, err
		}
		l.Decisions = append(l.Decisions, d...)
	}
	return l, nil
}

// Events is the account's story, with the creditor's own keys in place of ids.
func (l Life) Events() []dunning.Event {
	decisions := make([]dunning.Decision, len(l.Decisions))
	for i, d := range l.Decisions {
		decisions[i] = d.Decision
	}
	events := dunning.Timeline(l.Account.ID, l.Account.Debtor, l.Facts, decisions)
	for i := range events {
		events[i].Account, events[i].Debtor = l.Account.Key, l.Account.DebtorKey
	}
	return events
}

// Events is the story of all accounts.
func Events(ctx context.Context, store *postgres.Store) (all []dunning.Event, err error) {
	err = Lives(ctx, store, func(l Life) error {
		all = append(all, l.Events()...)
		return nil
	})
	return all, err
}

// Report is a summary of everything, and the proof.
type Report struct {
	Summary    Summary
	Guarantees []Guarantee
}

// OK reports whether all guarantees held.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Guarantees, func(g Guarantee) bool { return len(g.Broken) > 0 || g.More > 0 })
}

// Options of Examine.
type Options struct {
	Store *postgres.Store
	Book  *app.Book
	// Now is business time.
	Now time.Time
	// Sandbox: messages and letters must lie in the store, one for each contact.
	Sandbox bool
}

// Examine reads everything and draws up the report.
func Examine(ctx context.Context, o Options) (Report, error) {
	e := newExam(o)
	if err := Lives(ctx, o.Store, func(l Life) error { return e.life(ctx, l) }); err != nil {
		return Report{}, err
	}
	if err := e.store(ctx); err != nil {
		return Report{}, err
	}
	return Report{Summary: e.sum.done(), Guarantees: e.guarantees()}, nil
}
