package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database's schema to the version that this program knows.
// It only goes forward, runs under an advisory lock, so that several processes may
// start at once, and does nothing when the schema is current.
func Migrate(ctx context.Context, dsn string) error { return MigrateTo(ctx, dsn, LatestSchema()) }

// MigrateTo brings the schema forward to version, for tests of migrations on old rows.
func MigrateTo(ctx context.Context, dsn string, version int64) error {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return errBadDSN
	}
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	p, err := provider(db)
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, version); err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// provider is goose over the embedded files. Its lock asks every second for five minutes.
func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded migrations: %w", err)
	}
	return p, nil
}

// LatestSchema is the version of the newest embedded migration.
func LatestSchema() int64 {
	names, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is well formed
	last := slices.Max(names)
	number, _, _ := strings.Cut(strings.TrimPrefix(last, "migrations/"), "_")
	n, _ := strconv.ParseInt(number, 10, 64) // a test reads every name
	return n
}

// SchemaHash names the embedded migrations by content; test databases are keyed by it.
func SchemaHash() string {
	h := sha256.New()
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	for _, name := range names {
		text, _ := migrations.ReadFile(name) // embedded
		fmt.Fprintf(h, "%s\n%d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// SchemaVersion is the version that the database is at; 0 for an empty one.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	var v int64
	err := s.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&v)
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "42P01" {
		return 0, nil // no such table: nothing was ever migrated
	}
	if err != nil {
		return 0, fmt.Errorf("reading the schema's version: %w", err)
	}
	return v, nil
}
