// Package pgtest gives every test a database of its own.
//
// It owns one private PostgreSQL server per test process (or uses the one that
// DULY_TEST_DATABASE_URL leads to), one migrated template per state of the
// migrations, and the databases cloned from it. A test that passes drops its
// database; one that fails keeps it until the next run and says its name. Without PostgreSQL a test fails: it never skips.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/pgserver"
	"github.com/duly/duly/internal/postgres"
)

// EnvURL names the server for tests: a URL of a superuser's database, in which
// others are created.
const EnvURL = "DULY_TEST_DATABASE_URL"

// New returns a store over a fresh, migrated database. It is closed and dropped when
// the test has passed.
func New(t testing.TB) *postgres.Store {
	t.Helper()
	return Open(t, DSN(t))
}

// Open opens a further store, with a pool of its own as another process would have,
// over a database of DSN.
func Open(t testing.TB, dsn string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(context.Background(), dsn)
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(func() { closeSoon(t, s) })
	return s
}

// closeSoon closes a store. A test that panics or fails while it holds a connection
// must not hang for ever on giving it back: that would hide why it failed.
func closeSoon(t testing.TB, s *postgres.Store) {
	t.Helper()
	closed := make(chan struct{})
	go func() {
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Errorf("the test still holds a connection of its database: rows that were not closed?")
	}
}

// DSN makes a fresh, migrated database and returns its URL.
func DSN(t testing.TB) string {
	t.Helper()
	return clone(t, template(t))
}

// Empty makes a database without any schema, for tests of migrations.
func Empty(t testing.TB) string {
	t.Helper()
	return clone(t, "template0")
}

// Copy makes a database that is like another one that a test made, and returns its URL.
// Whoever has that one open must have closed it. To copy what takes long to make is for
// tests that each spoil it in a way of their own.
func Copy(t testing.TB, dsn string) string {
	t.Helper()
	from, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatalf("copying a test database: %v", err)
	}
	return clone(t, from.Database)
}

// server is shared by all tests of the process.
var server struct {
	once sync.Once
	url  string
	err  error
}

// base is the URL of a database from which others can be created.
func base(t testing.TB) string {
	t.Helper()
	server.once.Do(func() { server.url, server.err = start() })
	if server.err != nil {
		t.Fatalf("this test needs PostgreSQL 15 or later and cannot have it: %v\n"+
			"Install it (Debian: apt-get install postgresql; macOS: brew install postgresql), "+
			"or set %s to a superuser's URL such as postgres://postgres:secret@localhost:5432/postgres", server.err, EnvURL)
	}
	return server.url
}

// start starts a throw-away server in a directory that later runs use again: what
// initdb and the migrations made is still there. Packages that are tested at the
// same time get a directory each. The system ends the server with this process;
// nothing stops it earlier, because no test knows that it is the last.
func start() (string, error) {
	if u := os.Getenv(EnvURL); u != "" {
		return u, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	bin, err := pgserver.Find()
	if err != nil {
		return "", err
	}
	dir, err := claim(bin)
	if err != nil {
		return "", err
	}
	s, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, BinDir: bin, Unsafe: true, Settings: settings, Patience: 3 * time.Minute})
	if err != nil {
		return "", err
	}
	return s.DSN("postgres"), tidy(ctx, s.DSN("postgres"))
}

// settings of the test server. Tests' databases are small and live for seconds: to tidy
// them up, or to compile a query into machine code, costs more than it saves. A test that
// wants statistics of its tables asks for them (ANALYZE).
var settings = map[string]string{
	"max_connections": "300", "autovacuum": "off", "jit": "off", "max_parallel_workers_per_gather": "0", "checkpoint_timeout": "1d",
}

// maxServers bounds how many packages are tested at the same time on one machine.
const maxServers = 64

// claim finds a directory that no other test process uses. A cluster belongs to one
// release of PostgreSQL and one user. The lock's descriptor is never closed: the system
// gives it back with the process.
func claim(bin string) (string, error) {
	base := filepath.Join(os.TempDir(), fmt.Sprintf("duly-pgtest-%d-%08x", os.Getuid(), crc32.ChecksumIEEE([]byte(bin))))
	for n := range maxServers {
		dir := fmt.Sprintf("%s-%d", base, n)
		fd, err := syscall.Open(dir+".lock", syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return "", fmt.Errorf("claiming %s for the test server: %w", dir, err)
		}
		if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return dir, nil
		}
		syscall.Close(fd)
	}
	return "", fmt.Errorf("%d test processes use %s-* already: wait for them, or set %s", maxServers, base, EnvURL)
}

// tidy drops what an earlier run on this server left: databases of failed tests,
// and templates of other migrations. What the server knows of all its databases must not
// grow with every run.
func tidy(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database
		WHERE datname LIKE 'duly\_test\_%' OR datname LIKE 'duly\_template\_%' AND datname <> $1 ORDER BY datname`, templateName())
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM pg_database, pg_shdepend, pg_shdescription, pg_db_role_setting") // nobody else does, see settings
	return err
}

func templateName() string { return "duly_template_" + postgres.SchemaHash() }

// template makes the migrated template database if nobody has yet, and returns its
// name. An advisory lock keeps several test processes on one server apart.
func template(t testing.TB) string {
	t.Helper()
	name := templateName()
	admin := connect(t, base(t))
	defer admin.Close(context.Background())
	exec(t, admin, "SELECT pg_advisory_lock(hashtext($1))", name)
	if ready(t, admin, name) {
		return name
	}
	exec(t, admin, "DROP DATABASE IF EXISTS "+quote(name))
	exec(t, admin, "CREATE DATABASE "+quote(name)+" TEMPLATE template0 STRATEGY FILE_COPY ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
	if err := postgres.Migrate(context.Background(), withDB(base(t), name)); err != nil {
		t.Fatalf("migrating the template of the test databases: %v", err)
	}
	exec(t, admin, "COMMENT ON DATABASE "+quote(name)+" IS 'ready'")
	return name
}

// ready reports whether a template was migrated to the end.
func ready(t testing.TB, admin *pgx.Conn, name string) bool {
	t.Helper()
	var ok bool
	err := admin.QueryRow(context.Background(),
		"SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND shobj_description(oid, 'pg_database') = 'ready')", name).Scan(&ok)
	if err != nil {
		t.Fatalf("looking for the template of the test databases: %v", err)
	}
	return ok
}

// clone copies a template, and drops the copy after a test that passed.
func clone(t testing.TB, from string) string {
	t.Helper()
	name := "duly_test_" + random()
	admin := connect(t, base(t))
	defer admin.Close(context.Background())
	alone(t, admin, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(from)+" STRATEGY FILE_COPY")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the database of this failed test is kept until the next run: %s", name)
			return
		}
		admin := connect(t, base(t))
		defer admin.Close(context.Background())
		alone(t, admin, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
	})
	return withDB(base(t), name)
}

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatalf("this test needs a PostgreSQL server and cannot reach it (%s, or the private one): %v", EnvURL, err)
	}
	return conn
}

func exec(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("preparing the test database: %v", err)
	}
}

// alone runs SQL about a database in which nobody else may be. The server waits five
// seconds for those who are on their way out; on a busy machine it may take them longer.
func alone(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	const inUse = "55006" // object_in_use
	var err error
	for began := time.Now(); time.Since(began) < time.Minute; {
		_, err = conn.Exec(context.Background(), sql)
		if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != inUse {
			break
		}
	}
	if err != nil {
		t.Fatalf("preparing the test database: %v", err)
	}
}

// withDB is the URL of another database of the same server.
func withDB(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return fmt.Sprintf("%s dbname=%s", dsn, name) // libpq's key=value text: the last one wins
	}
	u.Path = "/" + name
	return u.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func random() string {
	var b [8]byte
	rand.Read(b[:]) // never fails, says its documentation
	return strings.ToLower(hex.EncodeToString(b[:]))
}
