// Package pg finds or makes the PostgreSQL that a standalone Duly lives in: the
// server that DATABASE_URL leads to, else a private one from the programs on this
// machine, else a private one from programs that it downloads.
//
// It owns the choice. The private server itself is internal/pgserver's; what is in
// the databases is their owners'.
package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/duly/duly/internal/pgserver"
)

// database that Duly's own tables are in, on a private server.
const database = "duly"

// Options of Start. The zero value is a private server in a temporary directory.
type Options struct {
	// URL of a database on a server that runs already (DATABASE_URL). Not empty:
	// that is used, and everything else here is ignored.
	URL string
	// Dir keeps a private server's data. Empty: temporary.
	Dir string
	// Port of a private server on 127.0.0.1. Zero: that of its last run, else any.
	Port int
	// Unsafe gives up fsync, for tests and demonstrations.
	Unsafe bool
	// Binaries is where downloaded programs are kept. Empty: inside Dir, else in a
	// temporary directory that Stop removes.
	Binaries string
	// Repository to download from. Empty: Maven Central, as embedded-postgres does.
	Repository string
	// Told gets a line before a download starts. Nil: nobody is told.
	Told func(string)

	find func() (string, error) // tests replace pgserver.Find
}

// Server is a PostgreSQL that runs.
type Server struct {
	url     string
	private *pgserver.Server
	cleanup []string
}

// Start returns a server that answers. The caller must call Stop.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.URL != "" {
		return &Server{url: opts.URL}, nil
	}
	s := &Server{}
	bin, err := s.binaries(&opts)
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.private, err = pgserver.Start(ctx, pgserver.Options{Dir: opts.Dir, Port: opts.Port, BinDir: bin, Unsafe: opts.Unsafe})
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := s.private.CreateDatabase(ctx, database); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.url = s.private.DSN(database)
	return s, nil
}

// URL of Duly's database. It holds a password.
func (s *Server) URL() string { return s.url }

// Private is the server process that this process owns, nil if DATABASE_URL was given.
func (s *Server) Private() *pgserver.Server { return s.private }

// Stop ends a private server, and leaves a given one alone.
func (s *Server) Stop() error {
	var err error
	if s.private != nil {
		err = s.private.Stop()
	}
	for _, dir := range s.cleanup {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// binaries is the directory of PostgreSQL's programs.
func (s *Server) binaries(opts *Options) (string, error) {
	find := opts.find
	if find == nil {
		find = pgserver.Find
	}
	dir, err := find()
	if !errors.Is(err, pgserver.ErrNoBinaries) {
		return dir, err
	}
	home, err := s.binariesHome(opts)
	if err != nil {
		return "", err
	}
	return download(home, opts)
}

// binariesHome is a directory that the server's system user may enter.
func (s *Server) binariesHome(opts *Options) (string, error) {
	home := opts.Binaries
	if home == "" && opts.Dir != "" {
		home = filepath.Join(opts.Dir, "postgres")
	}
	if home == "" {
		tmp, err := os.MkdirTemp("", "duly-pg-programs-")
		if err != nil {
			return "", fmt.Errorf("a place for PostgreSQL's programs: %w", err)
		}
		s.cleanup = append(s.cleanup, tmp)
		return tmp, os.Chmod(tmp, 0o711)
	}
	home, err := filepath.Abs(home)
	if err != nil {
		return "", fmt.Errorf("a place for PostgreSQL's programs: %w", err)
	}
	return home, os.MkdirAll(home, 0o711)
}

// download lets the library fetch and unpack its programs into home, once. The
// library would also run the server, but refuses where this process is root, and
// cannot survive kill -9; so it is only asked to start far enough that the programs
// are there, and pgserver runs them.
func download(home string, opts *Options) (string, error) {
	bin := filepath.Join(home, "bin")
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err == nil {
		return bin, nil
	}
	if opts.Told != nil {
		opts.Told("PostgreSQL is not installed here: downloading its programs to " + home)
	}
	port, err := pgserver.FreePort()
	if err != nil {
		return "", err
	}
	// The library empties its runtime path, so that is a directory of its own.
	scratch, err := os.MkdirTemp("", "duly-pg-download-")
	if err != nil {
		return "", fmt.Errorf("a place for a download: %w", err)
	}
	defer os.RemoveAll(scratch)
	cfg := embeddedpostgres.DefaultConfig().Version(embeddedpostgres.V16).Port(uint32(port)).Logger(io.Discard).
		BinariesPath(home).CachePath(scratch).
		RuntimePath(filepath.Join(scratch, "run")).DataPath(filepath.Join(scratch, "data"))
	if opts.Repository != "" {
		cfg = cfg.BinaryRepositoryURL(opts.Repository)
	}
	library := embeddedpostgres.NewDatabase(cfg)
	startErr := library.Start()
	if startErr == nil {
		startErr = library.Stop()
	}
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil {
		return "", fmt.Errorf("%w; downloading it did not work either: %w", pgserver.ErrNoBinaries, startErr)
	}
	return bin, nil
}
