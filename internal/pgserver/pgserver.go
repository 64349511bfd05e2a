// Package pgserver runs a private PostgreSQL server as a child process: for
// tests, for the standalone edition and for nothing that is shared.
//
// It owns one directory (data, password, log) and one process that listens on
// 127.0.0.1 only, without a unix socket, and asks for a random password. It does
// not own schemas: what is in the databases is its callers' business. It does not
// download anything: the binaries must be on the machine (see Find).
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// role is the superuser that initdb makes; DSN logs in as it.
const role = "duly"

// stopPatience is how long a clean (fast) shutdown may take before the server is
// told to drop everything at once, which costs a crash recovery at the next start.
const stopPatience = 20 * time.Second

// Options says where and how the server runs. The zero value is a server in a
// temporary directory on a free port.
type Options struct {
	// Dir keeps the data from run to run. Empty: a temporary directory that Stop
	// removes. Two servers never share a Dir; the second Start says so.
	Dir string
	// BinDir holds postgres and initdb. Empty: see Find.
	BinDir string
	// Port on 127.0.0.1. Zero: the port of the last run in Dir if it is still
	// free, else any free one.
	Port int
	// User is the system user that the server runs as when this process is root
	// (PostgreSQL refuses root). Empty: postgres, duly or nobody, whichever exists.
	User string
	// Unsafe turns off fsync and whatever else only guards against a power cut.
	// A killed process loses nothing by it. For tests.
	Unsafe bool
	// Settings are further server settings, name to value.
	Settings map[string]string
	// Patience is how long Start and Restart wait until the server answers; a
	// crash recovery is part of it. Zero: a minute.
	Patience time.Duration
}

// Server is a running (or killed, or stopped) private PostgreSQL server. Its
// methods may be called from several goroutines.
type Server struct {
	opts     Options
	paths    paths
	owner    *owner
	password string
	temp     bool
	lock     *os.File

	mu    sync.Mutex
	port  int
	child *child
}

// Start makes the database cluster if there is none yet and runs the server until
// it answers. It mends what a killed predecessor left in Dir. The caller must call
// Stop; if this process dies without, the system stops the server (on Linux).
func Start(ctx context.Context, opts Options) (*Server, error) {
	s, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// prepare finds binaries, user and directory and takes the directory's lock.
func prepare(opts Options) (*Server, error) {
	if opts.Patience == 0 {
		opts.Patience = time.Minute
	}
	if opts.BinDir == "" {
		dir, err := Find()
		if err != nil {
			return nil, err
		}
		opts.BinDir = dir
	}
	who, err := findOwner(opts.User)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, owner: who}
	if err := s.claim(); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// claim makes the directory, checks that the server's user may enter it and locks it.
func (s *Server) claim() error {
	dir, temp, err := makeDir(s.opts.Dir)
	if err != nil {
		return err
	}
	s.paths, s.temp = paths{dir}, temp
	if temp {
		if err := s.owner.own(dir); err != nil {
			return err
		}
	}
	if err := s.owner.mayEnter(dir); err != nil {
		return err
	}
	s.lock, err = lockFile(s.paths.lock())
	return err
}

// open initialises the cluster if needed and launches the server.
func (s *Server) open(ctx context.Context) error {
	if err := clearOrphan(s.paths.data(), stopPatience); err != nil {
		return err
	}
	password, err := s.initCluster(ctx)
	if err != nil {
		return err
	}
	s.password = password
	s.port = s.opts.Port
	if s.port == 0 {
		s.port = s.lastPort()
	}
	return s.launch(ctx)
}

// DSN is the URL of database db for pgx and libpq. It holds the password: do not log it.
func (s *Server) DSN(db string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, s.password),
		Host:     "127.0.0.1:" + strconv.Itoa(s.Port()),
		Path:     "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port on which the server listens, on 127.0.0.1. It stays the same over Restart.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// User and Password log in as superuser, for clients that do not take a URL.
func (s *Server) User() string     { return role }
func (s *Server) Password() string { return s.password }

// Pid of the server process; 0 while it is stopped or killed.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil || s.child.exited() {
		return 0
	}
	return s.child.pid
}

// CreateDatabase makes database name (UTF-8, byte order) if there is none of that name.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return CreateDatabase(ctx, s.DSN("postgres"), name)
}

// CreateDatabase makes database name (UTF-8, byte order) on the server that dsn
// leads to, if there is none of that name. Safe to call from several processes at once.
func CreateDatabase(ctx context.Context, dsn, name string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connecting to create database %s: %w", name, redact(err))
	}
	defer conn.Close(ctx)
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return fmt.Errorf("looking for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+
		" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
	if err != nil && !alreadyThere(err) {
		return fmt.Errorf("creating database %s: %w", name, err)
	}
	return nil
}

// Stop shuts the server down cleanly and removes a temporary directory. Calling it
// again, or after Kill, is fine.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.halt()
	s.release()
	return err
}

// Kill ends the server process with SIGKILL, as a crash would. Restart brings it back.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return nil
	}
	return s.child.end(syscall.SIGKILL, stopPatience)
}

// Restart stops the server if it runs and starts it again on the same directory
// and port, so that every DSN given out stays good.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return errors.New("this private PostgreSQL server was stopped for good: start a new one")
	}
	if err := s.halt(); err != nil {
		return err
	}
	if err := clearOrphan(s.paths.data(), stopPatience); err != nil {
		return err
	}
	return s.run(ctx, s.port)
}

// Supervise starts the server again whenever its process ends without Stop or
// Restart, until ctx ends or Stop is called; it blocks until then. After each
// attempt told gets its outcome: nil, or why the server is still down (it is then
// tried again each second).
func (s *Server) Supervise(ctx context.Context, told func(error)) {
	for {
		s.mu.Lock()
		c := s.child
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-c.done:
		}
		again, err := s.revive(ctx, c)
		switch {
		case !again || ctx.Err() != nil:
			return
		case err != nil:
			told(err)
			if !pause(ctx, time.Second) {
				return
			}
		default:
			told(nil)
		}
	}
}

// revive runs the server again if c, which has ended, is still its process. It is
// false when the server was stopped for good.
func (s *Server) revive(ctx context.Context, c *child) (again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lock == nil:
		return false, nil
	case s.child != c:
		return true, nil // Restart was quicker
	}
	if err := clearOrphan(s.paths.data(), stopPatience); err != nil {
		return true, err
	}
	return true, s.run(ctx, s.port)
}

// halt stops the child: fast, then immediately, then by force.
func (s *Server) halt() error {
	if s.child == nil {
		return nil
	}
	return s.child.stop(stopPatience)
}

// release gives the directory back.
func (s *Server) release() {
	if s.lock != nil {
		s.lock.Close() // closing drops the lock
		s.lock = nil
	}
	if s.temp {
		os.RemoveAll(s.paths.dir)
	}
}

// launch runs the server; a port that somebody took meanwhile is replaced, unless
// the caller asked for just that port.
func (s *Server) launch(ctx context.Context) error {
	var err error
	for range 5 {
		port := s.port
		if port == 0 {
			if port, err = FreePort(); err != nil {
				return err
			}
		}
		if err = s.run(ctx, port); !errors.Is(err, errPortTaken) || s.opts.Port != 0 {
			return err
		}
		s.port = 0
	}
	return err
}

// run starts the process on port and waits until it answers.
func (s *Server) run(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Patience)
	defer cancel()
	for {
		err := s.runOnce(ctx, port)
		if !errors.Is(err, errStillDying) {
			return err
		}
		// Workers of a killed server hold its shared memory until they notice.
		if !pause(ctx, 50*time.Millisecond) {
			return err
		}
	}
}

func (s *Server) runOnce(ctx context.Context, port int) error {
	// Appended to, as a killed predecessor's workers may still write their last words.
	log, err := os.OpenFile(s.paths.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log of the private PostgreSQL server: %w", err)
	}
	defer log.Close() // the child has its own descriptor
	c, err := startChild(s.command(port, log))
	if err != nil {
		return fmt.Errorf("starting %s: %w", s.bin("postgres"), err)
	}
	s.child, s.port = c, port
	if err := s.awaitReady(ctx); err != nil {
		_ = c.stop(stopPatience)
		return s.explain(err)
	}
	return os.WriteFile(s.paths.port(), []byte(strconv.Itoa(port)+"\n"), 0o600)
}

// command is the server's command line. The log must not be a pipe: a server that
// outlives its parent for a moment would die on writing to it.
func (s *Server) command(port int, log io.Writer) *exec.Cmd {
	args := []string{"-D", s.paths.data()}
	for _, kv := range s.settings(port) {
		args = append(args, "-c", kv[0]+"="+kv[1])
	}
	cmd := exec.Command(s.bin("postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	s.owner.dress(cmd)
	cmd.Dir = s.paths.data()
	return cmd
}

// settings in order; what the caller asks for comes last and wins.
func (s *Server) settings(port int) [][2]string {
	out := [][2]string{
		{"listen_addresses", "127.0.0.1"},
		{"port", strconv.Itoa(port)},
		{"unix_socket_directories", ""},
		{"max_connections", "250"},
		{"TimeZone", "UTC"},
		{"log_timezone", "UTC"},
		{"log_statement", "none"},
		{"log_min_error_statement", "panic"}, // statements may hold personal data
		// It starts empty and is filled in seconds: its planner is to notice.
		{"autovacuum_naptime", "10s"},
	}
	if s.opts.Unsafe {
		out = append(out, [][2]string{
			// synchronous_commit stays on: without it a killed server forgets
			// transactions that it has confirmed.
			{"fsync", "off"},
			{"full_page_writes", "off"},
			{"wal_level", "minimal"},
			{"max_wal_senders", "0"},
		}...)
	}
	for _, k := range sortedKeys(s.opts.Settings) {
		out = append(out, [2]string{k, s.opts.Settings[k]})
	}
	return out
}

// awaitReady polls until a query is answered, the process ends or ctx does.
func (s *Server) awaitReady(ctx context.Context) error {
	dsn := s.dsnLocked("postgres")
	for {
		err := ping(ctx, dsn)
		if err == nil {
			return nil
		}
		select {
		case <-s.child.done:
			return errors.New("the server process ended at once")
		case <-ctx.Done():
			return fmt.Errorf("no answer within %s: %w", s.opts.Patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// dsnLocked is DSN for callers that hold the lock (or are alone).
func (s *Server) dsnLocked(db string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", role, s.password, s.port, db)
}

var (
	errPortTaken  = errors.New("the port is taken")
	errStillDying = errors.New("a killed predecessor is still ending")
)

// explain adds the end of the server's log, which is where the reason is.
func (s *Server) explain(cause error) error {
	tail := lastLines(s.paths.log(), 12)
	kind := error(nil)
	switch {
	case strings.Contains(tail, "could not bind") || strings.Contains(tail, "could not create any TCP/IP sockets"):
		kind = errPortTaken
	case strings.Contains(tail, "shared memory block") && strings.Contains(tail, "still in use"),
		strings.Contains(tail, "unexpected postmaster exit"): // they say so after what the new one said
		kind = errStillDying
	}
	err := fmt.Errorf("private PostgreSQL server in %s on port %d: %w; the end of %s:\n%s",
		s.paths.dir, s.port, cause, s.paths.log(), tail)
	return errors.Join(err, kind)
}

func (s *Server) bin(name string) string { return filepath.Join(s.opts.BinDir, name) }

func ping(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return redact(err)
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx)
}
