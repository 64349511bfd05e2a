package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Store is the database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	db   sqlgen.DBTX // what reads ask: the pool, or the transaction of a snapshot
	q    *sqlgen.Queries
	// turns bounds how many transactions run at once, below the size of the pool: what
	// a transaction's function asks outside of it (the rehearsal clock, say) always
	// finds a connection, else all could wait for one another.
	turns chan struct{}
	// cipher seals messages and letters; nil: this process has no key.
	cipher Cipher
	watch  *watch
	// longestReport bounds each question of a report.
	longestReport time.Duration
}

// Tx is one transaction under the locks of its debtors. It ends with the function
// that InDebtor calls and is not safe for concurrent use.
type Tx struct {
	tx       pgx.Tx
	q        *sqlgen.Queries
	versions map[string]int64          // of the locked debtors, as of now in this transaction
	logs     map[string][]dunning.Fact // of the debtors whose log was read, as of now in this transaction
	cipher   Cipher                    // of the store
}

const (
	oldestServer = 150000 // server_version_num of PostgreSQL 15
	// defaultConns is the size of the pool unless the URL says pool_max_conns: a
	// worker holds one connection per activity that is in a transaction.
	defaultConns = 16
	// maxTries bounds how often a transaction that lost a race is run.
	maxTries = 8
)

// Open connects to the database that dsn (a postgres:// URL or libpq key=value
// text) leads to and checks that its schema is the one this program knows. It
// does not migrate: see Migrate. The caller must Close the store.
func Open(ctx context.Context, dsn string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errBadDSN // pgx's own text could hold parts of the password
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = defaultConns
	}
	cfg.MaxConns = max(cfg.MaxConns, 2)
	setDefaults(cfg.ConnConfig.RuntimeParams)
	w := &watch{}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		inUTC(conn.TypeMap())
		return w.connected(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	outside := max(cfg.MaxConns/4, 1)
	s := &Store{pool: pool, db: pool, q: sqlgen.New(pool), turns: make(chan struct{}, cfg.MaxConns-outside), watch: w, longestReport: LongestReport}
	if err := s.check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

var errBadDSN = errors.New("DATABASE_URL cannot be read: it must look like postgres://user:password@host:5432/database")

// setDefaults bounds every wait in the database, unless the URL says otherwise: a
// session that hangs must not hold a debtor's lock for ever. What Duly asks takes
// milliseconds; compiling a question (jit) takes longer than any of them.
func setDefaults(params map[string]string) {
	for name, value := range map[string]string{
		"application_name":                    "duly",
		"lock_timeout":                        "15s",
		"idle_in_transaction_session_timeout": "60s",
		"jit":                                 "off",
		"timezone":                            "UTC",
	} {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
}

// inUTC makes scanned instants independent of this machine's zone.
func inUTC(m *pgtype.Map) {
	m.RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
}

// check refuses servers that are too old and schemas that are not ours.
func (s *Store) check(ctx context.Context) error {
	var server int
	if err := s.pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&server); err != nil {
		return fmt.Errorf("reaching the database: %w", err)
	}
	if server < oldestServer {
		return fmt.Errorf("the database server is PostgreSQL %d; Duly needs 15 or later", server/10000)
	}
	have, err := s.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if want := LatestSchema(); have != want {
		return fmt.Errorf("the database schema is at version %d and this program needs %d: run duly migrate (or, if the database is newer, a newer program)", have, want)
	}
	return nil
}

// Close returns all connections.
func (s *Store) Close() { s.pool.Close() }

// Pool is the connection pool, for health checks and metrics.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// InDebtor locks debtors in the order of their ids and runs f in one transaction.
// If f returns an error everything is rolled back. A transaction that lost a race
// (deadlock, serialization, lock time-out) is run again a few times, so f must
// not have effects outside; it may read through the store and must not call InDebtor.
// ErrNotFound if a debtor does not exist.
func (s *Store) InDebtor(ctx context.Context, debtors []string, f func(tx *Tx) error) error {
	ids := slices.Compact(slices.Sorted(slices.Values(debtors)))
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return retry(ctx, func() error {
		return explain(pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
			tx, err := lockAll(ctx, t, ids)
			if err != nil {
				return err
			}
			tx.cipher = s.cipher
			return f(tx)
		}))
	})
}

// Snapshot runs f over a store all of whose reads see the database as of one instant,
// whatever is committed meanwhile. It reads only, by one question at a time, and ends with
// f: what takes long without asking the database belongs behind it.
func (s *Store) Snapshot(ctx context.Context, f func(as *Store) error) error {
	select {
	case s.turns <- struct{}{}: // it holds a connection, and f may ask outside of it
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return f(s.over(tx))
	})
}

// over is the store with all its reads in a transaction.
func (s *Store) over(tx pgx.Tx) *Store {
	as := *s
	as.db, as.q = tx, sqlgen.New(tx)
	return &as
}

// lockAll takes the debtors' locks; all that is read afterwards is committed truth.
func lockAll(ctx context.Context, t pgx.Tx, ids []string) (*Tx, error) {
	tx := &Tx{tx: t, q: sqlgen.New(t), versions: make(map[string]int64, len(ids))}
	if len(ids) == 0 {
		return tx, nil
	}
	rows, err := tx.q.LockDebtors(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("locking the debtor: %w", err)
	}
	for _, r := range rows {
		tx.versions[r.ID] = r.Version
	}
	for _, id := range ids {
		if _, ok := tx.versions[id]; !ok {
			return nil, fmt.Errorf("debtor %s: %w", id, ErrNotFound)
		}
	}
	return tx, nil
}

// retry runs f until it does not lose a race, with growing pauses.
func retry(ctx context.Context, f func() error) (err error) {
	for try := range maxTries {
		if err = f(); !lostRace(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(5 * time.Millisecond << try):
		}
	}
	return fmt.Errorf("gave up after losing the race for the same rows %d times: %w", maxTries, err)
}
