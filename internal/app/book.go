package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/place"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// ErrNothingPublished means that no configuration was ever published to the database.
var ErrNothingPublished = errors.New("no configuration is published: run duly apply DIR with your configuration, or with the one that is shipped")

// refresh is how long a process goes on with the release that was current.
const refresh = 5 * time.Second

// Book is the published configuration: the current release, and for cases that follow an
// older sequence version the release that brought it. Releases never change, so each is
// compiled once. It may be used by many goroutines.
type Book struct {
	store *postgres.Store
	wall  func() time.Time

	mu       sync.Mutex
	releases map[string]*config.Config // by version
	versions map[*config.Config]string // the way back
	of       map[string]string         // sequence@version → release
	current  string
	asked    time.Time
	zones    map[string]*time.Location
}

// NewBook reads configuration from the database. wall says when to look for a newer
// release.
func NewBook(store *postgres.Store, wall func() time.Time) *Book {
	return &Book{
		store: store, wall: wall, releases: map[string]*config.Config{}, versions: map[*config.Config]string{}, of: map[string]string{},
		zones: map[string]*time.Location{},
	}
}

// Current is the configuration in force; ErrNothingPublished if none was ever published.
func (b *Book) Current(ctx context.Context) (*config.Config, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.wall(); b.current != "" && now.Sub(b.asked) < refresh {
		return b.releases[b.current], nil
	}
	version, ok, err := b.store.CurrentVersion(ctx) // without its files: those are read once
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNothingPublished
	}
	c, err := b.load(ctx, version)
	if err != nil {
		return nil, err
	}
	b.current, b.asked = version, b.wall()
	return c, nil
}

// Forget makes the next question ask the database which release is in force: whoever put
// one there sees it at once. Other processes see it within a few seconds.
func (b *Book) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = time.Time{}
}

// load reads and compiles a release unless it has been. The lock is held.
func (b *Book) load(ctx context.Context, version string) (*config.Config, error) {
	if c, ok := b.releases[version]; ok {
		return c, nil
	}
	r, err := b.store.Release(ctx, version)
	if err != nil {
		return nil, err
	}
	return b.compile(r)
}

// compile loads a release unless it has been. The lock is held.
func (b *Book) compile(r postgres.Release) (*config.Config, error) {
	if c, ok := b.releases[r.Version]; ok {
		return c, nil
	}
	c, err := config.LoadRelease(config.Release{Version: r.Version, Files: r.Files})
	if err != nil {
		return nil, fmt.Errorf("published release %s cannot be loaded by this program (%w): %w", r.Version, errUncompiled, err)
	}
	b.releases[r.Version], b.versions[c] = c, r.Version
	return c, nil
}

// versionOf is the version of a release that the book has loaded.
func (b *Book) versionOf(c *config.Config) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.versions[c]
}

// errUncompiled: the text of a release is there, and this program makes nothing of it, or
// something else than the one that published it.
var errUncompiled = errors.New("it does not compile as it was published")

// Sequence is a sequence in a published version, from whichever release brought it.
func (b *Book) Sequence(ctx context.Context, id, version string) (*dunning.Sequence, *config.Config, error) {
	cur, err := b.Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s := cur.Sequence(id); s != nil && s.Version == version {
		return s, cur, nil
	}
	old, err := b.releaseOf(ctx, id, version)
	if err != nil {
		return nil, nil, err
	}
	s := old.Sequence(id)
	if s == nil || s.Version != version {
		return nil, nil, fmt.Errorf("sequence %s: the release that brought version %s compiles to another version in this program; migrate its cases: %w", id, version, errUncompiled)
	}
	return s, old, nil
}

// releaseOf finds and compiles the release that brought a sequence version.
func (b *Book) releaseOf(ctx context.Context, id, version string) (*config.Config, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name, ok := b.of[id+"@"+version]
	if !ok {
		var err error
		if name, err = b.store.ReleaseOf(ctx, id, version); err != nil {
			return nil, err
		}
		b.of[id+"@"+version] = name
	}
	return b.load(ctx, name)
}

// Frame is what surrounds a case: its own sequence version, and today's policies.
func (b *Book) Frame(ctx context.Context, ref dunning.CaseRef) (activities.Frame, error) {
	setup, err := b.Setup(ctx, ref)
	if err != nil {
		return activities.Frame{}, err
	}
	cur, err := b.Current(ctx)
	if err != nil {
		return activities.Frame{}, err
	}
	return activities.Frame{Setup: setup, Policies: cur.PolicyVersions(), Zones: zoneVersion, Paces: paces(cur, ref.Creditor)}, nil
}

// paces are how fast a creditor's senders may go, by today's configuration.
func paces(cfg *config.Config, creditor string) map[dunning.Channel]activities.Pace {
	c, _ := cfg.Creditor(creditor)
	out := make(map[dunning.Channel]activities.Pace, len(c.Paces))
	for ch, p := range c.Paces {
		out[ch] = activities.Pace(p)
	}
	return out
}

// zoneVersion names the zone database: it is compiled into the program, so it is that of
// the toolchain.
var zoneVersion = runtime.Version()

// Setup is Frame for an account that may have no case: then its sequence is an empty one.
func (b *Book) Setup(ctx context.Context, ref dunning.CaseRef) (dunning.Setup, error) {
	cur, err := b.Current(ctx)
	if err != nil {
		return dunning.Setup{}, err
	}
	return b.setupOf(ctx, cur, ref)
}

// setupOf is Setup with the creditor, policies and holidays of one release.
func (b *Book) setupOf(ctx context.Context, cfg *config.Config, ref dunning.CaseRef) (dunning.Setup, error) {
	cr, ok := cfg.Creditor(ref.Creditor)
	if !ok {
		return dunning.Setup{}, fmt.Errorf("creditor %q is not in the published configuration: add creditors/%s.yaml and run duly apply", ref.Creditor, ref.Creditor)
	}
	s := dunning.Setup{
		Creditor: cr.Creditor, Debtor: ref.Debtor, Account: ref.Account, Case: ref.Case, Currency: ref.Currency,
		Policies: cfg.Policies(), Zone: b.zone, Holiday: cfg.Holiday, Sequence: &dunning.Sequence{},
		Record: true, Versions: dunning.Versions{Release: b.versionOf(cfg), Zones: zoneVersion, Prefixes: place.Version},
	}
	if ref.Sequence == "" {
		return s, nil
	}
	var err error
	if s.Sequence, _, err = b.Sequence(ctx, ref.Sequence, ref.Version); err != nil || ref.TargetVersion == "" {
		return s, err
	}
	s.Target, _, err = b.Sequence(ctx, ref.TargetSequence, ref.TargetVersion)
	if errors.Is(err, postgres.ErrNotFound) || errors.Is(err, errUncompiled) {
		// Somebody asks for what was never published: the core says so. What this program
		// cannot read any more keeps a migration waiting, and not the case.
		s.Target = nil
		return s, nil
	}
	return s, err
}

// mostZones bounds how many names are remembered to be no zone: anybody may ask for any.
// Zones that there are, are few.
const mostZones = 2000

// zone resolves an IANA name, nil when there is none of that name.
func (b *Book) zone(name string) *time.Location {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.zones[name]; ok {
		return l
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		l = nil
	}
	if l != nil || len(b.zones) < mostZones {
		b.zones[name] = l
	}
	return l
}

// Publish loads a directory of configuration and makes it the current release. It returns
// the release's version, and false when that very configuration was published before. The
// faults of the files are in the error. proposal.ErrFourEyes where two people are needed
// and something is in force: then it is proposed, see Proposals.
func Publish(ctx context.Context, store *postgres.Store, fsys fs.FS, by string, at time.Time) (version string, added bool, err error) {
	cfg, err := config.Load(fsys)
	if err != nil {
		return "", false, err
	}
	if err := keepsCreditors(ctx, store, cfg); err != nil {
		return "", false, err
	}
	release := cfg.Release()
	if err := alone(ctx, store, release.Version); err != nil {
		return "", false, err
	}
	r := postgres.Release{Version: release.Version, Published: at, By: by, Files: release.Files, Sequences: sequencesOf(cfg)}
	var creditors []string
	for _, c := range cfg.Creditors() {
		creditors = append(creditors, c.ID)
	}
	if err := store.PutCreditors(ctx, creditors...); err != nil {
		return "", false, err
	}
	added, err = store.PublishRelease(ctx, r)
	return r.Version, added, err
}

// alone refuses what one person may not put into force, before anything is stored: its
// creditors would stay otherwise. The database refuses the release itself, see PublishRelease.
func alone(ctx context.Context, store *postgres.Store, version string) error {
	four, err := store.FourEyes(ctx)
	if err != nil || !four.Required {
		return err
	}
	current, ok, err := store.CurrentVersion(ctx)
	if err == nil && ok && current != version {
		err = proposal.ErrFourEyes
	}
	return err
}

// keepsCreditors refuses a configuration that leaves out a creditor with open cases: they
// would stop, and neither a payment nor an opt-out could be entered any more.
func keepsCreditors(ctx context.Context, store *postgres.Store, cfg *config.Config) error {
	ids, err := store.CreditorsWithCases(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, id := range ids {
		if _, ok := cfg.Creditor(id); !ok {
			faults = append(faults, fmt.Errorf("creditor %q has open cases and is not in this configuration: keep creditors/%s.yaml until they are closed", id, id))
		}
	}
	return errors.Join(faults...)
}
