// Package site runs what other processes of Duly need around them, in one process:
// Postgres, a Temporal server that keeps its state there, and business time.
//
// It owns their order of starting and stopping, and a data directory from which a
// killed site goes on where it was, at the same addresses. It runs no worker and
// decides nothing.
package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/server/common/metrics"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgserver"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/pg"
	"github.com/duly/duly/standalone/temporalserver"
)

// Options of a site. The zero value is a fresh one that forgets everything when it
// stops, on free ports and on real time.
type Options struct {
	// Dir keeps all data from run to run. Empty: temporary.
	Dir string
	// DatabaseURL of a PostgreSQL to use instead of a private one.
	DatabaseURL string
	// PGPort and TemporalPort on 127.0.0.1. Zero: those of the last run in Dir, else any free.
	PGPort, TemporalPort int
	// Namespace in Temporal. Empty: "default".
	Namespace string
	// Rehearsal starts business time that runs fast, unless one is under way on this
	// database: then that goes on. Nil: real time, unless one is under way.
	Rehearsal *clock.Setting
	// Pending is work beside the open cases that a rehearsal must wait for, such as a script.
	Pending []clock.Pending
	// Unsafe gives up fsync, for tests and demonstrations.
	Unsafe bool
	// ForgetWorkflows starts with an empty Temporal, as after the loss of its
	// database. Duly's facts stay, and its sweeper starts the open cases again.
	ForgetWorkflows bool
	// Dynamic configuration and Metrics of the Temporal server, for tests.
	Dynamic map[string]any
	Metrics metrics.Handler
	// Told gets lines for the operator. Nil: nobody is told.
	Told func(string)
}

// Site is a running site.
type Site struct {
	opts     Options
	temp     string // directory to remove at the end
	pg       *pg.Server
	pool     *pgxpool.Pool
	store    *postgres.Store
	clock    clock.Clock
	temporal *temporalserver.Server
	cancel   context.CancelFunc
	watched  chan struct{} // closed when nobody looks after Postgres any more
}

// Start brings everything up, or nothing. The caller must call Stop.
func Start(ctx context.Context, opts Options) (*Site, error) {
	if opts.Told == nil {
		opts.Told = func(string) {}
	}
	s := &Site{opts: opts}
	for _, step := range []func(context.Context) error{s.openDir, s.startPostgres, s.startClock, s.startTemporal, s.writeEnv} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

// openDir makes the data directory; others may pass through it but not look into
// it (the database's system user has to pass).
func (s *Site) openDir(context.Context) error {
	if s.opts.Dir == "" {
		dir, err := os.MkdirTemp("", "duly-site-")
		if err != nil {
			return fmt.Errorf("a temporary data directory: %w", err)
		}
		s.temp, s.opts.Dir = dir, dir
		return os.Chmod(dir, 0o711)
	}
	dir, err := filepath.Abs(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	s.opts.Dir = dir
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return nil
}

func (s *Site) startPostgres(ctx context.Context) error {
	var err error
	s.pg, err = pg.Start(ctx, pg.Options{
		URL: s.opts.DatabaseURL, Dir: filepath.Join(s.opts.Dir, "postgres"), Port: s.opts.PGPort,
		Binaries: filepath.Join(s.opts.Dir, "programs"), Unsafe: s.opts.Unsafe, Told: s.opts.Told,
	})
	if err != nil {
		return err
	}
	s.watchPostgres()
	if err := postgres.Migrate(ctx, s.pg.URL()); err != nil {
		return err
	}
	if s.store, err = postgres.Open(ctx, s.pg.URL()); err != nil {
		return err
	}
	if err := s.rebuildLists(ctx); err != nil {
		return err
	}
	if s.pool, err = pgxpool.New(ctx, s.pg.URL()); err != nil {
		return errors.New("DATABASE_URL cannot be read")
	}
	return nil
}

// rebuildLists makes what lists show in a database that is older than they are.
func (s *Site) rebuildLists(ctx context.Context) error {
	missing, err := s.store.ReadsMissing(ctx)
	if err != nil || !missing {
		return err
	}
	_, err = s.store.RebuildReads(ctx)
	return err
}

// watchPostgres revives a private server that is killed. Its life is that of the
// site, not that of the context that Start was given.
func (s *Site) watchPostgres() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.watched = cancel, make(chan struct{})
	go func() {
		defer close(s.watched)
		if p := s.pg.Private(); p != nil {
			p.Supervise(ctx, s.tellRevival)
		}
	}()
}

func (s *Site) tellRevival(err error) {
	if err != nil {
		s.opts.Told("PostgreSQL ended and does not start again: " + err.Error())
		return
	}
	s.opts.Told("PostgreSQL ended and was started again")
}

// startClock begins the rehearsal that was asked for, unless one is under way.
func (s *Site) startClock(ctx context.Context) error {
	pending := clock.FirstOf(append([]clock.Pending{s.store.EarliestWork}, s.opts.Pending...)...)
	c, err := clock.Open(ctx, s.pool, pending)
	if err != nil {
		return err
	}
	if c == clock.Real() && s.opts.Rehearsal != nil {
		if err := clock.Set(ctx, s.pool, *s.opts.Rehearsal); err != nil {
			return err
		}
		c, err = clock.Open(ctx, s.pool, pending)
	} else if c != clock.Real() {
		s.opts.Told("a rehearsal is under way on this database and goes on")
	}
	s.clock = c
	return err
}

func (s *Site) startTemporal(ctx context.Context) error {
	var err error
	if s.opts.ForgetWorkflows {
		if err := temporalserver.Drop(ctx, s.pg.URL()); err != nil {
			return err
		}
	}
	s.temporal, err = temporalserver.Start(ctx, temporalserver.Options{
		DSN: s.pg.URL(), Port: s.temporalPort(), Namespace: s.opts.Namespace,
		LogFile: filepath.Join(s.opts.Dir, "temporal.log"),
		Dynamic: s.opts.Dynamic, Metrics: s.opts.Metrics,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(s.portFile(), []byte(strconv.Itoa(s.temporal.Port())+"\n"), 0o600)
}

func (s *Site) portFile() string { return filepath.Join(s.opts.Dir, "temporal.port") }

// temporalPort is the one asked for, else that of the last run if it is free, so
// that workers find the server again, else 0.
func (s *Site) temporalPort() int {
	if s.opts.TemporalPort != 0 {
		return s.opts.TemporalPort
	}
	text, err := os.ReadFile(s.portFile())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !pgserver.PortFree(port) {
		return 0
	}
	return port
}

// Env are the variables that lead other processes of Duly here, each as NAME=value.
// The first holds a password.
func (s *Site) Env() []string {
	return []string{
		"DATABASE_URL=" + s.pg.URL(),
		"TEMPORAL_ADDRESS=" + s.temporal.HostPort(),
		"TEMPORAL_NAMESPACE=" + s.temporal.Namespace(),
	}
}

// EnvFile is where Env stands for a shell to read (". FILE"), for the owner's eyes only.
func (s *Site) EnvFile() string { return filepath.Join(s.opts.Dir, "env") }

// writeEnv writes the file in one go: whoever finds it finds a site that is ready.
func (s *Site) writeEnv(context.Context) error {
	tmp := s.EnvFile() + ".new"
	if err := os.WriteFile(tmp, []byte(Exports(s.Env())), 0o600); err != nil {
		return fmt.Errorf("writing the addresses for other processes: %w", err)
	}
	return os.Rename(tmp, s.EnvFile())
}

// Exports are shell commands that set variables.
func Exports(env []string) string {
	var b strings.Builder
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return b.String()
}

// Store over Duly's database.
func (s *Site) Store() *postgres.Store { return s.store }

// Pool on Duly's database, for what the store has no words for.
func (s *Site) Pool() *pgxpool.Pool { return s.pool }

// Clock is business time.
func (s *Site) Clock() clock.Clock { return s.clock }

// Temporal server.
func (s *Site) Temporal() *temporalserver.Server { return s.temporal }

// Postgres that the site lives in.
func (s *Site) Postgres() *pg.Server { return s.pg }

// Stop ends everything in the reverse order. It may be called again.
func (s *Site) Stop() error {
	var errs []error
	if s.temporal != nil {
		errs = append(errs, s.temporal.Stop())
	}
	if s.store != nil {
		s.store.Close()
		s.pool.Close()
	}
	if s.cancel != nil {
		s.cancel()
		<-s.watched
	}
	if s.pg != nil {
		errs = append(errs, s.pg.Stop())
	}
	if s.temp != "" {
		errs = append(errs, os.RemoveAll(s.temp))
	}
	return errors.Join(errs...)
}

// healthPatience is how long a part may take to answer before it counts as away.
const healthPatience = 3 * time.Second
