package app

import (
	"context"
	"slices"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/place"
	"github.com/duly/duly/internal/recheck"
)

// FrameOf implements recheck.Frames: the sequence version that a decision followed, and
// the creditor, policies and holidays of the release that was in force. A decision that
// names no release (of an older program) is judged with the policies of its pack versions
// and today's creditor and holidays.
func (b *Book) FrameOf(ctx context.Context, ref dunning.CaseRef, d dunning.StoredDecision) (recheck.Frame, error) {
	if id, version, ok := strings.Cut(d.Decision.Sequence, "@"); ok {
		ref.Sequence, ref.Version = id, version
	}
	ref.TargetSequence, ref.TargetVersion, _ = strings.Cut(d.Decision.Target, "@")
	cfg, changed, err := b.configOf(ctx, d)
	if err != nil {
		return recheck.Frame{}, err
	}
	setup, err := b.setupOf(ctx, cfg, ref)
	if err != nil {
		return recheck.Frame{}, err
	}
	f := recheck.Frame{Setup: setup, Changed: changed}
	f.Setup.Versions = d.Decision.Versions // they are what was written, and compared below
	if d.Zones != zoneVersion {
		f.Changed = append(f.Changed, "zones")
	}
	if p := d.Decision.Versions.Prefixes; p != "" && p != place.Version {
		f.Changed = append(f.Changed, "prefixes")
	}
	return f, nil
}

// FrameNow implements recheck.Frames.
func (b *Book) FrameNow(ctx context.Context, ref dunning.CaseRef) (recheck.Frame, error) {
	setup, err := b.Setup(ctx, ref)
	return recheck.Frame{Setup: setup}, err
}

// configOf is the configuration that a decision was taken with, as far as it can be had.
func (b *Book) configOf(ctx context.Context, d dunning.StoredDecision) (cfg *config.Config, changed []string, err error) {
	cur, err := b.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	if release := d.Decision.Versions.Release; release != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		cfg, err = b.load(ctx, release)
		if err != nil { // a release that this program cannot read any more
			return cur, []string{"release"}, nil //nolint:nilerr // it is reported as changed
		}
		return cfg, nil, nil
	}
	cfg, err = b.withPolicies(ctx, d.Policies)
	if err != nil || cfg != nil {
		return cfg, nil, err
	}
	return cur, []string{"policies"}, nil
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
