package app

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

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
	return simulator.Deps{Run: c.whatIf().Run, Releases: c.deps.Store.ReleaseList, Config: c.book.At, Proposals: c.undecided}
}

// undecided are the proposals that wait for approval.
func (c *Console) undecided(ctx context.Context) ([]simulator.Proposal, error) {
	all, err := c.deps.Store.Proposals(ctx, true)
	out := make([]simulator.Proposal, len(all))
	for i, p := range all {
		out[i] = simulator.Proposal{ID: p.ID, Reason: p.Reason}
	}
	return out, err
}

// At is a release by its version, or a proposal by its id, "" for the release in force, with
// the version of its files. The error of what was never stored wraps identity.ErrNotFound.
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
	if uuid.Validate(version) == nil {
		p, files, err := b.store.Proposal(ctx, version)
		if err != nil {
			return nil, "", err
		}
		c, err := b.tried(p.Release, files)
		return c, p.Release, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.load(ctx, version)
	return c, version, err
}

// tried is a proposal's configuration. It is compiled outside of the lock and kept nowhere:
// as many may be proposed as anybody likes, and everybody else waits for the book.
func (b *Book) tried(version string, files map[string][]byte) (*config.Config, error) {
	b.mu.Lock()
	c, ok := b.releases[version] // was in force, too
	b.mu.Unlock()
	if ok {
		return c, nil
	}
	return config.LoadRelease(config.Release{Version: version, Files: files})
}
