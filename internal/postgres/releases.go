package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Release is a published configuration. It never changes.
type Release struct {
	Version   string // content hash of the files
	Published time.Time
	By        string
	Files     map[string][]byte // by path
	Sequences map[string]string // sequence id → its version in this release; only when publishing
}

// PublishRelease stores a release unless it is stored, and puts it into force. False if
// it is in force already: then nothing changes. Publishing an earlier release again is
// how to go back to it. proposal.ErrFourEyes where two people are needed, but for the
// very first release.
func (s *Store) PublishRelease(ctx context.Context, r Release) (bool, error) {
	paths, contents := ordered(r.Files)
	ids := slices.Sorted(maps.Keys(r.Sequences))
	versions := make([]string, len(ids))
	for i, id := range ids {
		versions[i] = r.Sequences[id]
	}
	changed := false
	err := s.inReleases(ctx, func(q *sqlgen.Queries) error {
		added, err := q.AddRelease(ctx, r.Version, micros(r.Published), r.By)
		if err != nil {
			return err
		}
		if added == 1 {
			if err := q.AddReleaseFiles(ctx, r.Version, paths, contents); err != nil {
				return err
			}
			if err := q.AddSequenceVersions(ctx, r.Version, ids, versions); err != nil {
				return err
			}
		}
		n, err := q.ActivateRelease(ctx, r.Version, micros(r.Published), r.By)
		changed = n == 1
		return err
	})
	if err != nil {
		return false, said(err, "publishing release %s", r.Version)
	}
	return changed, nil
}

// Activation says that a release was put into force.
type Activation struct {
	Release  string
	At       time.Time
	By       string
	Proposal string // that was approved, "" = none
	Back     bool   // gone back to what was in force before
	Reason   string
}

// Activations returns what was in force, in order: each until the next, the last one now.
func (s *Store) Activations(ctx context.Context) ([]Activation, error) {
	rows, err := s.q.Activations(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading which releases were in force: %w", explain(err))
	}
	out := make([]Activation, len(rows))
	for i, r := range rows {
		out[i] = Activation{Release: r.Release, At: r.At, By: r.By, Proposal: orEmpty(r.Proposal), Back: r.Back, Reason: r.Reason}
	}
	return out, nil
}

// CurrentVersion names the release in force; false if none ever was published.
func (s *Store) CurrentVersion(ctx context.Context) (string, bool, error) {
	r, ok, err := orNone(s.q.CurrentRelease(ctx))
	return r.Version, ok, err
}

// Release returns a release with its files. ErrNotFound if there is none.
func (s *Store) Release(ctx context.Context, version string) (Release, error) {
	r, err := s.q.ReleaseByVersion(ctx, version)
	if err != nil {
		return Release{}, fmt.Errorf("release %s: %w", version, explain(err))
	}
	return s.withFiles(ctx, Release{Version: r.Version, Published: r.PublishedAt, By: r.By})
}

// CurrentRelease returns the release in force, with its files; false if none ever was
// published.
func (s *Store) CurrentRelease(ctx context.Context) (Release, bool, error) {
	r, ok, err := orNone(s.q.CurrentRelease(ctx))
	if err != nil || !ok {
		return Release{}, false, err
	}
	full, err := s.withFiles(ctx, Release{Version: r.Version, Published: r.PublishedAt, By: r.By})
	return full, err == nil, err
}

// ReleaseOf returns the version of the release that brought a sequence version, which
// is where a case of that version finds its sequence. ErrNotFound if none did.
func (s *Store) ReleaseOf(ctx context.Context, sequence, version string) (string, error) {
	r, err := s.q.ReleaseOfSequence(ctx, sequence, version)
	if err != nil {
		return "", fmt.Errorf("version %s of sequence %s: %w", version, sequence, explain(err))
	}
	return r, nil
}

// VersionsOf are the versions of a sequence that were ever published, the newest first. They
// and their files stay: a case may follow any of them.
func (s *Store) VersionsOf(ctx context.Context, sequence string) ([]string, error) {
	rows, err := s.pool.Query(ctx, `SELECT v.version FROM sequence_versions v JOIN releases r ON r.version = v.release
WHERE v.sequence = $1 ORDER BY r.seq DESC, v.version`, sequence)
	if err != nil {
		return nil, fmt.Errorf("versions of sequence %s: %w", sequence, explain(err))
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("versions of sequence %s: %w", sequence, explain(err))
	}
	return out, nil
}

// Releases returns all releases in the order of their publication, without files.
func (s *Store) Releases(ctx context.Context) ([]Release, error) {
	rows, err := s.q.Releases(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading releases: %w", explain(err))
	}
	out := make([]Release, len(rows))
	for i, r := range rows {
		out[i] = Release{Version: r.Version, Published: r.PublishedAt, By: r.By}
	}
	return out, nil
}

func (s *Store) withFiles(ctx context.Context, r Release) (Release, error) {
	rows, err := s.q.ReleaseFiles(ctx, r.Version)
	if err != nil {
		return Release{}, fmt.Errorf("files of release %s: %w", r.Version, explain(err))
	}
	r.Files = make(map[string][]byte, len(rows))
	for _, f := range rows {
		r.Files[f.Path] = f.Content
	}
	return r, nil
}
