package importsink_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

var at = time.Date(2024, 6, 1, 9, 0, 0, 0, time.UTC)

func items() mapping.Mapping {
	return mapping.Mapping{
		Mapping: "i", Kind: mapping.Items, CreditorZone: "Europe/Berlin",
		Columns:   mapping.Fields{Account: "account", Item: "no", Issued: "issued", Due: "due", Amount: "amount", Currency: "cur", Name: "name", Email: "email"},
		Constants: mapping.Fields{DebtorKind: "consumer"},
	}
}

func payments() mapping.Mapping {
	return mapping.Mapping{
		Mapping: "p", Kind: mapping.Payments, CreditorZone: "Europe/Berlin",
		Columns: mapping.Fields{Account: "account", Item: "no", Paid: "date", Amount: "amount", Currency: "cur", Reference: "ref"},
	}
}

func rows(n int) string {
	var b strings.Builder
	b.WriteString("account,no,issued,due,amount,cur,name,email\n")
	for i := range n {
		fmt.Fprintf(&b, "C%d,R%d,2024-01-%02d,2024-02-01,%d.00,USD,Name %d,c%d@example.com\n", i%7, i, i%28+1, i+1, i%7, i%7)
	}
	return b.String()
}

func job(t *testing.T, text string, m mapping.Mapping, sink importer.Sink) importer.Job {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return importer.Job{
		File: path, Mapping: m, Sink: sink, At: at, Batch: 4, Rejects: path + ".rejects.csv",
		Options: importer.Options{Creditor: importer.Creditor{ID: "acme", Currency: "USD"}},
	}
}

func run(t *testing.T, j importer.Job) importer.Summary {
	t.Helper()
	s, err := importer.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// story tells all facts of all debtors in the store, without versions.
func story(t *testing.T, store *postgres.Store) []string {
	t.Helper()
	var out []string
	accounts, err := store.Accounts(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range accounts {
		if seen[a.Debtor] {
			continue
		}
		seen[a.Debtor] = true
		facts, err := store.FactsAsOf(t.Context(), a.Debtor, 1<<60)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range facts {
			out = append(out, tell(a.DebtorKey, f))
		}
	}
	slices.Sort(out)
	return out
}

func tell(debtor string, f dunning.Fact) string {
	return fmt.Sprintf("%s %s %s %s %+v", debtor, f.At.UTC().Format(time.RFC3339), f.Body.Kind(), f.Source, f.Body)
}

// What the database knows after an import is what the ledger in memory tells;
// the same files again change nothing.
func TestStoredEqualsLedger(t *testing.T) {
	store := pgtest.New(t)
	sink := importsink.New(store)
	text, pays := rows(30), "account,no,date,amount,cur,ref\nC1,R1,2024-03-01,1.00,USD,\nC1,R1,2024-03-01,1.00,USD,\nC2,,2024-03-02,5.00,USD,X\n"
	itemsJob, paysJob := job(t, text, items(), sink), job(t, pays, payments(), sink)
	if s := run(t, itemsJob); s.Added != 30 || s.Rejected != 0 {
		t.Fatalf("items: %+v", s)
	}
	if s := run(t, paysJob); s.Added != 3 || s.Rejected != 0 {
		t.Fatalf("payments: %+v", s)
	}
	ledgers, problems, err := importer.Ledger(importer.Input{Reader: strings.NewReader(text), Mapping: items()},
		[]importer.Input{{Reader: strings.NewReader(pays), Mapping: payments()}}, itemsJob.Options)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	var want []string
	for _, l := range ledgers {
		for _, f := range l.Facts {
			want = append(want, tell(l.Debtor.Key, f))
		}
	}
	slices.Sort(want)
	got := story(t, store)
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, " feed_seen ") })
	if !slices.Equal(got, want) {
		t.Errorf("the store tells\n%s\nthe ledger\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	before := story(t, store)
	if s := run(t, itemsJob); s.Known != 30 || s.Added+s.Updated+s.Rejected != 0 {
		t.Errorf("items again: %+v", s)
	}
	if s := run(t, paysJob); s.Known != 3 || s.Added+s.Updated+s.Rejected != 0 {
		t.Errorf("payments again: %+v", s)
	}
	if !slices.Equal(before, story(t, store)) {
		t.Error("the same files again changed the facts")
	}
	feeds, err := store.Feeds(t.Context())
	if err != nil || len(feeds) != 1 || !feeds[0].Until.Equal(at) {
		t.Errorf("payments that were imported make the feed known: %v %v", feeds, err)
	}
}

// Names and addresses are in the store's profiles and points, where rendering finds them.
func TestPersonalData(t *testing.T) {
	store := pgtest.New(t)
	run(t, job(t, rows(3), items(), importsink.New(store)))
	debtor := postgres.DebtorID("acme", "C1")
	profile, err := store.Profile(t.Context(), debtor)
	if err != nil || profile.Name != "Name 1" {
		t.Errorf("profile %+v, %v", profile, err)
	}
	points, err := store.Points(t.Context(), debtor)
	if err != nil || len(points) != 1 || points[0].Value != "c1@example.com" {
		t.Errorf("points %+v, %v", points, err)
	}
}

// breaking lets so many batches through and then fails, as a crash would.
type breaking struct {
	*importsink.Sink
	left int
}

var errCrash = errors.New("crash")

func (b *breaking) Store(ctx context.Context, r importer.RunInfo, batch []importer.Entry, next importer.Checkpoint) ([]importer.Result, error) {
	if b.left--; b.left < 0 {
		return nil, errCrash
	}
	return b.Sink.Store(ctx, r, batch, next)
}

// An import that broke off goes on after its last batch, and its reject file
// has the rows that the store refused before.
func TestResume(t *testing.T) {
	store := pgtest.New(t)
	sink := importsink.New(store)
	run(t, job(t, "account,no,issued,due,amount,cur,name,email\nC1,R1,2024-01-02,2024-02-01,999,USD,Name 1,c1@example.com\n", items(), sink))
	j := job(t, strings.Replace(rows(20), "C3,R10,2024-01-11", "C3,R10,someday", 1), items(), &breaking{sink, 2})
	if _, err := importer.Run(t.Context(), j); !errors.Is(err, errCrash) {
		t.Fatalf("error %v", err)
	}
	j.Sink = sink
	s := run(t, j)
	if s.Resumed == 0 || s.Added != 18 || s.Rejected != 2 {
		t.Fatalf("resumed after row %d, added %d, rejected %d; want 18 and 2", s.Resumed, s.Added, s.Rejected)
	}
	text, err := os.ReadFile(s.Rejects)
	if err != nil || !strings.Contains(string(text), importer.RefusedContradiction) || !strings.Contains(string(text), "someday") {
		t.Errorf("reject file %q, %v", text, err)
	}
	if s := run(t, j); s.Resumed != 0 || s.Known != 18 || s.Rejected != 2 {
		t.Errorf("once more from the start: %+v", s)
	}
}

// The codes of refusal all have words.
func TestRefusals(t *testing.T) {
	store := pgtest.New(t)
	sink := importsink.New(store)
	m := items()
	m.Columns.Debtor = "debtor"
	m.Columns.Name, m.Columns.Email = "", ""
	header := "account,no,issued,due,amount,cur,debtor\n"
	run(t, job(t, header+"C1,R1,2024-01-02,2024-02-01,1,USD,D1\n", m, sink))
	s := run(t, job(t, header+"C1,R2,2024-01-02,2024-02-01,1,USD,D2\nC1,R1,2024-01-02,2024-02-01,2,USD,D1\n", m, sink))
	p := run(t, job(t, "account,no,date,amount,cur,ref\nC9,,2024-03-01,1,USD,\nC1,,2024-03-01,1,CAD,\n", payments(), sink))
	var got []string
	for _, problem := range slices.Concat(s.Problems, p.Problems) {
		got = append(got, problem.Message)
	}
	want := []string{importer.RefusedOtherDebtor, importer.RefusedContradiction, importer.RefusedNoAccount, importer.RefusedNoAccount}
	if !slices.Equal(got, want) {
		t.Errorf("refusals %q, want %q", got, want)
	}
}

// BenchmarkImport is an import into Postgres, both passes, in batches as shipped.
func BenchmarkImport(b *testing.B) {
	store := pgtest.New(b)
	const n = 10_000
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		path := filepath.Join(b.TempDir(), "f.csv")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(rows(n), "\nC", fmt.Sprintf("\nB%d-", i))), 0o600); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s, err := importer.Run(b.Context(), importer.Job{
			File: path, Mapping: items(), Sink: importsink.New(store), At: at,
			Options: importer.Options{Creditor: importer.Creditor{ID: "acme", Currency: "USD"}},
		})
		if err != nil || s.Added != n {
			b.Fatal(err, s.Added, s.Problems)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// Places and numbers give candidate zones in which a debtor may be.
func TestLocate(t *testing.T) {
	for _, c := range []struct {
		why, country, state, zip, phone string
		zones                           string
		place                           string
	}{
		{"an address in New York", "US", "NY", "10001", "", "America/New_York", "US-NY-NYC"},
		{"a German town", "DE", "", "10115", "", "Europe/Berlin", "DE"},
		{"a number of Chicago", "", "", "", "+13125550123", "America/Chicago", ""},
		{"nothing", "", "", "", "", "", ""},
	} {
		at := importsink.Locate(c.country, c.state, c.zip, c.phone)
		zones, places := at.Zones, at.Places
		for _, name := range append(slices.Clone(zones), places...) {
			if e := at.Evidence[name]; e != "address" && e != "phone" {
				t.Errorf("%s: what points to %s is %q", c.why, name, e)
			}
		}
		if strings.Join(zones, " ") != c.zones || c.place != "" && !slices.Contains(places, c.place) {
			t.Errorf("%s: zones %v, places %v; want %q and %q", c.why, zones, places, c.zones, c.place)
		}
	}
}

// TestThePlannerKnowsWhatCame: connections keep plans; those that were made for an empty
// table are thrown away once it is not empty any more, and not at every batch.
func TestThePlannerKnowsWhatCame(t *testing.T) {
	store := pgtest.New(t)
	known := func() (facts float64) {
		t.Helper()
		if err := store.Pool().QueryRow(t.Context(), "SELECT reltuples FROM pg_class WHERE oid = 'facts'::regclass").Scan(&facts); err != nil {
			t.Fatal(err)
		}
		return facts
	}
	for _, c := range []struct {
		why   string
		rows  int
		knows bool
	}{
		{"a few rows change no plan", 40, false},
		{"a thousand do", 1000, true},
	} {
		j := job(t, rows(c.rows), items(), importsink.New(store))
		j.Batch = 250
		run(t, j)
		if got := known(); (got >= float64(c.rows)) != c.knows {
			t.Errorf("%s: after %d rows the planner thinks of %v facts", c.why, c.rows, got)
		}
	}
}

// A payments file of which no row could be read, such as one with decimal commas that the
// mapping does not expect, tells nothing of who has paid: the feed is no fresher for it.
func TestAFileThatWasNotUnderstoodIsNoFeed(t *testing.T) {
	const head = "account,no,date,amount,cur,ref\n"
	for _, c := range []struct {
		why, text string
		fresh     bool
	}{
		{"every amount is written otherwise", head + "C1,R1,2024-03-01,\"1,00\",USD,P1\nC1,R1,2024-03-02,\"2,00\",USD,P2\n", false},
		{"every account is another's", head + "Z1,,2024-03-01,1.00,USD,P1\n", false},
		{"one row of two was taken", head + "C1,R1,2024-03-01,1.00,USD,P1\nC1,R1,2024-03-02,\"2,00\",USD,P2\n", true},
		{"nobody has paid", head, true},
	} {
		store := pgtest.New(t)
		run(t, job(t, rows(7), items(), importsink.New(store)))
		run(t, job(t, c.text, payments(), importsink.New(store)))
		feeds, err := store.Feeds(t.Context())
		if err != nil || len(feeds) != 1 || feeds[0].Until.Equal(at) != c.fresh {
			t.Errorf("%s: feeds %v, %v; want fresh %v", c.why, feeds, err, c.fresh)
		}
	}
}
