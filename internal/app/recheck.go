package app

import (
	"context"
	"slices"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/recheck"
)

// FrameOf implements recheck.Frames: the sequence version that a decision followed, and
// the policies of then as long as a published release still holds them. Creditors and
// holidays are today's.
func (b *Book) FrameOf(ctx context.Context, ref dunning.CaseRef, d dunning.StoredDecision) (recheck.Frame, error) {
	if id, version, ok := strings.Cut(d.Decision.Sequence, "@"); ok {
		ref.Sequence, ref.Version = id, version
	}
	setup, err := b.Setup(ctx, ref)
	if err != nil {
		return recheck.Frame{}, err
	}
	f := recheck.Frame{Setup: setup}
	cfg, err := b.withPolicies(ctx, d.Policies)
	switch {
	case err != nil:
		return f, err
	case cfg == nil:
		f.Changed = append(f.Changed, "policies")
	default:
		f.Setup.Policies = cfg.Policies()
	}
	if d.Zones != zoneVersion {
		f.Changed = append(f.Changed, "zones")
	}
	return f, nil
}

// withPolicies is the newest release with these pack versions, nil when there is none.
func (b *Book) withPolicies(ctx context.Context, versions string) (*config.Config, error) {
	cur, err := b.Current(ctx)
	if err != nil || cur.PolicyVersions() == versions {
		return cur, err
	}
	releases, err := b.store.Releases(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(releases) {
		full, err := b.store.Release(ctx, r.Version)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		cfg, err := b.compile(full)
		b.mu.Unlock()
		if err != nil { // an old release that this program cannot read any more
			continue
		}
		if cfg.PolicyVersions() == versions {
			return cfg, nil
		}
	}
	return nil, nil
}
