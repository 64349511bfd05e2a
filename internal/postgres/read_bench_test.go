package postgres_test

import (
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

// promised is what the slowest of a hundred hot questions may take.
const promised = 100 * time.Millisecond

// BenchmarkReads asks everything of a portfolio of DULY_BENCH_ACCOUNTS accounts (1000000)
// with ten messages each, on a server of its own. The million takes about 20 GB of disk
// and, on two cores, half an hour to build. DULY_BENCH_DIR keeps it there for the next
// run; without it a temporary directory is used and removed. One debtor in DULY_BENCH_LOG
// (20) has a log and a journal. A hot question whose p99 is above 100 ms fails.
func BenchmarkReads(b *testing.B) {
	s, p := benchStore(b)
	for _, q := range p.questions() {
		b.Run(q.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 5 { // what is read for the first time comes from the disk
				if err := q.ask(b.Context(), s, p, r); err != nil {
					b.Fatal(err)
				}
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := q.ask(b.Context(), s, p, r); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			p99 := took[len(took)*99/100]
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
			if q.hot && len(took) >= 100 && p99 > promised {
				b.Errorf("%s: of %d questions the slowest hundredth took %s and more; promised are %s", q.name, len(took), p99, promised)
			}
		})
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
