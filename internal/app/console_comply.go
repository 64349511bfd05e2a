package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/comply"
)

// compliance is what the pages of those who prove that it was lawful work with.
func (c *Console) compliance() comply.Deps {
	store := c.deps.Store
	return comply.Deps{
		Read: store, Journal: store, Frames: c.book, Config: c.book.Current, Names: c.names, Whose: store.RefOf,
		Findings: store, Sweep: c.beginSweep, Chain: store, Ledgers: postgres.ChainedLedgers(), Wall: clock.Wall,
		Light:    func(s chain.State) web.Light { return LightOf(s, clock.Wall()) },
		Verify:   func(ctx context.Context, by string) error { _, err := c.verifyChain(ctx, by); return err },
		Sent:     evidenceView{store}.SentCopy,
		Frequent: c.frequent,
		Snapshot: func(ctx context.Context, f func(v comply.View) error) error {
			return store.Snapshot(ctx, func(as *postgres.Store) error { return f(evidenceView{as}) })
		},
		Log: func(what string, err error) {
			if c.deps.Log != nil {
				c.deps.Log.Error(what, slog.String("error", err.Error()))
			}
		},
	}
}

// evidenceView is what evidence is made of.
type evidenceView struct{ *postgres.Store }

// SentCopy implements comply.View.
func (v evidenceView) SentCopy(ctx context.Context, contact string) (dunning.Message, []byte, error) {
	copied, fault := v.Sent(ctx, contact) // the digest outlives the copy
	message, fault := sentWords(copied, fault)
	return message, copied.SHA256, fault
}

// beginSweep begins a sweep of the ledger.
func (c *Console) beginSweep(ctx context.Context, kind string, scope read.Scope, by string) (*recheck.Begun, error) {
	begun, err := c.guardian().Sweeper().Begin(ctx, kind, scope, by)
	if errors.Is(err, postgres.ErrSweeping) {
		return nil, web.Conflict("A sweep is under way already. The page shows how far it is.")
	}
	return begun, err
}

// verifyChain verifies the chain now, what waits included.
func (c *Console) verifyChain(ctx context.Context, by string) (chain.Check, error) {
	defer c.lights.forget()
	if _, err := c.deps.Store.Seal(ctx, clock.Wall(), postgres.SealOptions{Patience: sealPatience}); err != nil {
		return chain.Check{}, err
	}
	var out chain.Check
	mine, err := c.deps.Store.Verifying(ctx, func() (err error) {
		out, err = c.guardian().Verify(ctx, by)
		return err
	})
	if err == nil && !mine { // everything would be read twice at once
		err = fmt.Errorf("a verification is under way already; what it comes to is shown when it has ended: %w", dunning.ErrConflict)
	}
	return out, err
}
