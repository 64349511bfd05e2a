package pgserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoBinaries is what Find returns when PostgreSQL is not installed.
var ErrNoBinaries = errors.New("PostgreSQL's programs (postgres, initdb) are neither on the PATH nor in a usual place; install them (Debian: apt-get install postgresql; macOS: brew install postgresql) or set DATABASE_URL to a server that runs")

// usualPlaces are where packages put the server's programs without linking them
// into the PATH. Within a pattern the highest version wins.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
	"/usr/pgsql-*/bin",          // PGDG on Red Hat
	"/usr/libexec/postgresql*",  // Alpine
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/usr/local/pgsql/bin",
}

// Find returns the directory that holds the programs postgres and initdb: the one
// on the PATH, else the newest in the usual places, else ErrNoBinaries.
func Find() (string, error) {
	if p, err := exec.LookPath("postgres"); err == nil {
		if dir, ok := binDir(p); ok {
			return dir, nil
		}
	}
	for _, pattern := range usualPlaces {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		for _, dir := range found {
			if d, ok := binDir(filepath.Join(dir, "postgres")); ok {
				return d, nil
			}
		}
	}
	return "", ErrNoBinaries
}

// binDir resolves links (the server looks for its libraries beside its real self)
// and checks that initdb lies there too.
func binDir(postgres string) (string, bool) {
	real, err := filepath.EvalSymlinks(postgres)
	if err != nil {
		return "", false
	}
	dir := filepath.Dir(real)
	info, err := os.Stat(filepath.Join(dir, "initdb"))
	return dir, err == nil && !info.IsDir()
}

// version is the first number in a path, 0 without one.
func version(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(digits[0])
	return n
}

// paths of what lies in a server's directory.
type paths struct{ dir string }

func (p paths) data() string     { return filepath.Join(p.dir, "data") }
func (p paths) fresh() string    { return filepath.Join(p.dir, "data.new") }
func (p paths) password() string { return filepath.Join(p.dir, "password") }
func (p paths) port() string     { return filepath.Join(p.dir, "port") }
func (p paths) log() string      { return filepath.Join(p.dir, "postgres.log") }
func (p paths) lock() string     { return filepath.Join(p.dir, "lock") }

// makeDir makes dir, or a temporary one if it is empty, and returns its absolute path.
func makeDir(dir string) (path string, temp bool, err error) {
	if dir == "" {
		path, err = os.MkdirTemp("", "duly-pg-")
		return path, true, err
	}
	if path, err = filepath.Abs(dir); err != nil {
		return "", false, fmt.Errorf("directory of the private PostgreSQL server: %w", err)
	}
	if err = os.MkdirAll(path, 0o711); err != nil {
		return "", false, fmt.Errorf("making the directory of the private PostgreSQL server: %w", err)
	}
	return path, false, nil
}

// initCluster runs initdb once and returns the superuser's password. It works in a
// directory beside and renames it at the end: a cluster is whole or not there.
func (s *Server) initCluster(ctx context.Context) (password string, err error) {
	if _, err := os.Stat(filepath.Join(s.paths.data(), "PG_VERSION")); err == nil {
		kept, err := os.ReadFile(s.paths.password())
		if err != nil {
			return "", fmt.Errorf("the private PostgreSQL server's data are there but its password is not: %w", err)
		}
		return strings.TrimSpace(string(kept)), nil
	}
	password = randomPassword()
	if err := os.WriteFile(s.paths.password(), []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keeping the private PostgreSQL server's password: %w", err)
	}
	if err := s.initdb(ctx, password); err != nil {
		return "", err
	}
	if err := os.Rename(s.paths.fresh(), s.paths.data()); err != nil {
		return "", fmt.Errorf("moving the new database cluster into place: %w", err)
	}
	return password, nil
}

func (s *Server) initdb(ctx context.Context, password string) error {
	if err := os.RemoveAll(s.paths.fresh()); err != nil {
		return fmt.Errorf("removing what an interrupted initdb left: %w", err)
	}
	if err := os.Mkdir(s.paths.fresh(), 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := s.owner.own(s.paths.fresh()); err != nil {
		return err
	}
	pwfile, err := s.passwordFile(password)
	if err != nil {
		return err
	}
	defer os.Remove(pwfile)
	args := []string{
		"-D", s.paths.fresh(), "-U", role, "-A", "scram-sha-256", "--pwfile", pwfile,
		"-E", "UTF8", "--locale=C", "--no-instructions",
	}
	if s.opts.Unsafe {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, s.bin("initdb"), args...)
	s.owner.dress(cmd)
	cmd.Dir = s.paths.fresh()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w:\n%s", s.paths.dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// passwordFile lends the password to initdb, which runs as another user: it lies
// inside the new data directory's parent for the time of the call only.
func (s *Server) passwordFile(password string) (string, error) {
	name := filepath.Join(s.paths.dir, "password.initdb")
	if err := os.WriteFile(name, []byte(password), 0o600); err != nil {
		return "", fmt.Errorf("handing the password to initdb: %w", err)
	}
	return name, s.owner.own(name)
}

// lastPort is the port of the last run if it is free now, else 0. Keeping it lets
// other processes keep their DATABASE_URL over a restart.
func (s *Server) lastPort() int {
	text, err := os.ReadFile(s.paths.port())
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !PortFree(port) {
		return 0
	}
	return port
}

// FreePort returns a TCP port that is free on 127.0.0.1, between 16384 and 32767:
// below the range from which systems take ports for outgoing connections, so that a
// server that restarts finds its port again (and below 32768 as Temporal's
// membership needs it). The port is not reserved: the caller retries when it lost it.
func FreePort() (int, error) {
	const from, n = 16384, 16384
	var b [2]byte
	for range 200 {
		rand.Read(b[:]) // never fails, says its documentation
		port := from + (int(b[0])<<8|int(b[1]))%n
		if PortFree(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free TCP port on 127.0.0.1 between %d and %d in 200 tries", from, from+n-1)
}

// PortFree tells whether a server could listen on 127.0.0.1:port now.
func PortFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func randomPassword() string {
	var b [18]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// lastLines returns the last n lines of a file, or why it cannot.
func lastLines(name string, n int) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// alreadyThere tells that another process made the database meanwhile.
func alreadyThere(err error) bool {
	pg := (*pgconn.PgError)(nil)
	return errors.As(err, &pg) && (pg.Code == "42P04" || pg.Code == "23505")
}

// redact keeps the parts of a connection error that explain it; pgx's own text is
// kept only where it cannot hold the password.
func redact(err error) error {
	if parse := (*pgconn.ParseConfigError)(nil); errors.As(err, &parse) {
		return errors.New("the database URL cannot be read: it must look like postgres://user:password@host:port/database")
	}
	return err
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pause waits d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
