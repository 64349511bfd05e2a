package postgres_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duly/duly/internal/pgserver"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// bigStore is a store over a portfolio in a database of the test's own.
func bigStore(t testing.TB, accounts, logEvery int) (*postgres.Store, *big) {
	t.Helper()
	s := pgtest.New(t)
	b := newBig(accounts, logEvery)
	b.log = t.Logf
	if err := b.load(context.Background(), s.Pool()); err != nil {
		t.Fatal(err)
	}
	return s, b
}

// promise is what the slowest of a hundred questions may take.
const promise = 100 * time.Millisecond

// BenchmarkReads asks everything of a portfolio of DULY_BENCH_ACCOUNTS accounts (1000000)
// with ten messages each, on a server of its own. The million takes about 20 GB of disk
// while it is built (14 GB then) and, on two cores, a quarter of an hour. DULY_BENCH_DIR
// keeps it there for the next run; without it a temporary directory is used and removed.
// One debtor in DULY_BENCH_LOG (20) has a log and a journal.
//
// p99-ms is as measured, whatever else the machine did. again-ms is the same after the
// slowest questions were asked twice more and their best time was taken: what the
// question itself costs. Worklist, case page and search fail when again-ms is above 100.
func BenchmarkReads(b *testing.B) {
	s, p := benchStore(b)
	for _, q := range p.questions() {
		b.Run(q.name, func(b *testing.B) { q.measure(b, s, p) })
	}
}

// once asks the n-th question of a kind, which is always the same.
func (q asked) once(b *testing.B, s *postgres.Store, p *big, n int) time.Duration {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	began := time.Now()
	if err := q.ask(b.Context(), s, p, r); err != nil {
		b.Fatalf("%s, question %d: %v", q.name, n, err)
	}
	return time.Since(began)
}

type sample struct {
	n    int
	took time.Duration
}

func (q asked) measure(b *testing.B, s *postgres.Store, p *big) {
	for n := range 20 { // what is read for the first time comes from the disk
		q.once(b, s, p, n)
	}
	var all []sample
	for b.Loop() {
		all = append(all, sample{len(all), q.once(b, s, p, len(all))})
	}
	bySpeed := func(a, b sample) int { return cmp.Compare(a.took, b.took) }
	slices.SortFunc(all, bySpeed)
	ms := func(share int) float64 { return float64(all[(len(all)-1)*share/100].took.Microseconds()) / 1000 }
	b.ReportMetric(ms(50), "p50-ms")
	b.ReportMetric(ms(99), "p99-ms")
	for i := len(all) * 97 / 100; i < len(all); i++ {
		for range 2 {
			all[i].took = min(all[i].took, q.once(b, s, p, all[i].n))
		}
	}
	slices.SortFunc(all, bySpeed)
	b.ReportMetric(ms(99), "again-ms")
	if worst := all[len(all)-1]; q.promised() && len(all) >= 50 && ms(99) > float64(promise.Milliseconds()) {
		b.Errorf("%s: p50 %.1f ms, p99 asked again %.1f ms, promised are %s; the slowest is question %d", q.name, ms(50), ms(99), promise, worst.n)
	}
}

func benchNumber(b *testing.B, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		b.Fatalf("%s must be a number above 0, not %q", name, text)
	}
	return n
}

// benchStore builds the portfolio, or opens the one that DULY_BENCH_DIR kept.
func benchStore(b *testing.B) (*postgres.Store, *big) {
	b.Helper()
	accounts, logEvery := benchNumber(b, "DULY_BENCH_ACCOUNTS", 1_000_000), benchNumber(b, "DULY_BENCH_LOG", 20)
	ctx := context.Background()
	opts := pgserver.Options{Unsafe: true, Settings: map[string]string{
		"shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB", "wal_level": "minimal", "max_wal_senders": "0",
		"autovacuum": "off", "max_parallel_maintenance_workers": "2",
	}}
	if dir := os.Getenv("DULY_BENCH_DIR"); dir != "" {
		opts.Dir = filepath.Join(dir, strconv.Itoa(accounts)+"-"+postgres.SchemaHash())
	}
	server, err := pgserver.Start(ctx, opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Stop() })
	p := newBig(accounts, logEvery)
	p.log = b.Logf
	began := time.Now()
	if err := buildOnce(ctx, server, p); err != nil {
		b.Fatal(err)
	}
	s, err := postgres.Open(ctx, server.DSN("big"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	var size string
	var contacts int64
	err = s.Pool().QueryRow(ctx, "SELECT pg_size_pretty(pg_database_size('big')), (SELECT count(*) FROM contacts)").Scan(&size, &contacts)
	b.Logf("%d accounts, %d contacts, %s; ready after %s (%v)", accounts, contacts, size, time.Since(began).Round(time.Second), err)
	return s, p
}

// buildOnce fills the database and renames it, so that a half-filled one is never used.
func buildOnce(ctx context.Context, server *pgserver.Server, p *big) error {
	admin, err := pgxpool.New(ctx, server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close()
	var there bool
	if err := admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'big')").Scan(&there); err != nil || there {
		return err
	}
	if _, err := admin.Exec(ctx, "DROP DATABASE IF EXISTS building WITH (FORCE)"); err != nil {
		return err
	}
	if err := server.CreateDatabase(ctx, "building"); err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, server.DSN("building")); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, server.DSN("building"))
	if err != nil {
		return err
	}
	err = p.load(ctx, pool)
	pool.Close()
	if err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE building RENAME TO big")
	return err
}
