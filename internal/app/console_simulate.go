package app

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web/operate"
	"github.com/duly/duly/internal/web/simulator"
	"github.com/duly/duly/internal/whatif"
)

// whatIf answers what would happen, for the page and the API.
func (c *Console) whatIf() *whatif.Service {
	if c.whatif == nil {
		store := c.deps.Store
		c.whatif = whatif.New(whatif.Deps{
			Config: c.book.At, CaseRef: store.CaseRef, Cases: store.ListCases, Filter: operate.CaseFilter, Zone: c.book.zone,
			Sequence: func(ctx context.Context, id, version string) (*dunning.Sequence, error) {
				s, _, err := c.book.Sequence(ctx, id, version)
				return s, err
			},
			Log: func(ctx context.Context, debtor string) ([]dunning.Fact, error) {
				return store.FactsAsOf(ctx, debtor, math.MaxInt64)
			},
		})
	}
	return c.whatif
}

// simulators are what the simulator's page works with.
func (c *Console) simulators() simulator.Deps {
	return simulator.Deps{Run: c.whatIf().Run, Releases: c.deps.Store.ReleaseList, Config: c.book.At}
}

// At is a release by its version, "" for the one in force, with its version. The error of a
// version that was never stored wraps identity.ErrNotFound.
func (b *Book) At(ctx context.Context, version string) (*config.Config, string, error) {
	if version == "" {
		c, err := b.Current(ctx)
		if errors.Is(err, ErrNothingPublished) {
			err = fmt.Errorf("%w: %w", err, dunning.ErrConflict)
		}
		if err != nil {
			return nil, "", err
		}
		return c, b.versionOf(c), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.load(ctx, version)
	return c, version, err
}
