package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// TestMigrationsKeepOldRows lives through the schema's history: it migrates version by
// version, writes at each the rows of testdata/rows that were new with it, then goes to
// the newest and reads everything through the store.
func TestMigrationsKeepOldRows(t *testing.T) {
	old := pgtest.Empty(t)
	for v := int64(1); v <= postgres.LatestSchema(); v++ {
		if err := postgres.MigrateTo(t.Context(), old, v); err != nil {
			t.Fatal(err)
		}
		writeRows(t, old, v)
		t.Run(fmt.Sprintf("from version %d", v), func(t *testing.T) {
			dsn := pgtest.Copy(t, old)
			if err := postgres.Migrate(t.Context(), dsn); err != nil {
				t.Fatal(err)
			}
			readOldRows(t, pgtest.Open(t, dsn))
		})
	}
}

// writeRows writes the rows that a program of schema version v wrote.
func writeRows(t *testing.T, dsn string, v int64) {
	t.Helper()
	rows, err := os.ReadFile(fmt.Sprintf("testdata/rows/%05d.sql", v))
	if err != nil {
		t.Fatalf("every migration needs a file with rows of what it made: %v", err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), string(rows)); err != nil {
		t.Fatalf("writing the rows of version %d: %v", v, err)
	}
	everyTableHasRows(t, conn)
}

// everyTableHasRows keeps the rows files complete.
func everyTableHasRows(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('goose_db_version', 'duly_clock')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) == 0 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n == 0 {
			t.Errorf("the rows file has %d rows of table %s, %v", n, table, err)
		}
	}
}

func readOldRows(t *testing.T, s *postgres.Store) {
	t.Helper()
	const debtor, caseID = "11111111-1111-5111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
	b := &bundle{Store: s, t: t, debtor: debtor}
	b.must(b.in(func(tx *postgres.Tx) error {
		facts, version, err := tx.Facts(t.Context(), debtor)
		if len(facts) != 6 || version != 4 {
			t.Errorf("%d facts at version %d", len(facts), version)
		}
		return err
	}))
	c, err := s.CaseState(t.Context(), caseID)
	if err != nil || !c.Open || c.NextStep != "nudge" || c.OpenedAt.IsZero() {
		t.Errorf("case %+v, %v", c, err)
	}
	decisions, err := s.Decisions(t.Context(), caseID)
	if err != nil || len(decisions) != 2 || decisions[1].Intent != "d1" || decisions[1].Decision.Step != "nudge" {
		t.Errorf("decisions %+v, %v", decisions, err)
	}
	contacts, err := s.Contacts(t.Context(), caseID)
	if err != nil || len(contacts) != 1 || contacts[0].State != dunning.ContactSending {
		t.Fatalf("contacts %+v, %v", contacts, err)
	}
	details, err := s.SendDetails(t.Context(), contacts[0].ID)
	if err != nil || details.To != "ada@example.invalid" || len(details.Items) != 1 {
		t.Errorf("details %+v, %v", details, err)
	}
	if tasks, err := s.OpenTasks(t.Context(), "early", "", 9); len(tasks) != 1 || err != nil {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
	if nudges, err := s.Undelivered(t.Context(), 9); len(nudges) != 1 || err != nil {
		t.Errorf("nudges %+v, %v", nudges, err)
	}
	if r, ok, err := s.CurrentRelease(t.Context()); !ok || len(r.Files) != 1 || err != nil {
		t.Errorf("release %+v, %v", r, err)
	}
	if rejects, err := s.Rejects(t.Context(), "run"); len(rejects) != 1 || err != nil {
		t.Errorf("rejects %+v, %v", rejects, err)
	}
	// And it goes on from there.
	b.mustAdd(dunning.Fact{At: noon, Case: caseID, Account: c.Account, Body: dunning.ContactMoved{ID: contacts[0].ID, State: dunning.ContactAccepted, ProviderID: "x"}})
}

func TestMigrationFilesAreNumberedWithoutGaps(t *testing.T) {
	names, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	for i, name := range names {
		number, _, _ := strings.Cut(filepath.Base(name), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 || len(number) != 5 {
			t.Errorf("%s should be number %05d", name, i+1)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s goes down: migrations only go forward, a mistake is mended by the next one", name)
		}
	}
	if got := postgres.LatestSchema(); got != int64(len(names)) {
		t.Errorf("the program thinks the latest schema is %d of %d", got, len(names))
	}
}

// TestMigrateAtOnce starts several processes on an empty database.
func TestMigrateAtOnce(t *testing.T) {
	dsn := pgtest.Empty(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), dsn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := pgtest.Open(t, dsn)
	if v, err := s.SchemaVersion(t.Context()); v != postgres.LatestSchema() || err != nil {
		t.Errorf("schema version %d, %v", v, err)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	dsn := pgtest.DSN(t)
	newer := pgtest.Open(t, dsn)
	if _, err := newer.Pool().Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, dsn, says string }{
		{"an empty database", pgtest.Empty(t), "run duly migrate"},
		{"a database of a newer program", dsn, "newer program"},
		{"a URL that is none", "postgres://user:s3cret@host:port/db", "postgres://user:password@"},
		{"a server that is not there", "postgres://u:s3cret@127.0.0.1:1/db", "reaching the database"},
	} {
		s, err := postgres.Open(t.Context(), c.dsn)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	if err := postgres.Migrate(t.Context(), "postgres://user:s3cret@host:port/db"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("migrating nowhere: %v", err)
	}
}

func TestInstantsDoNotDependOnTheSession(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := pgtest.Open(t, dsn+"&timezone=Asia/Kathmandu")
	b := bundleOf(t, s, "D-1")
	b.mustAdd(b.fact(payment("1")))
	facts, err := s.FactsAsOf(t.Context(), b.debtor, 1)
	b.must(err)
	if got := facts[0].At.String(); got != "2026-03-02 12:00:00 +0000 UTC" {
		t.Errorf("instant comes back as %s", got)
	}
}
