package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// itemEntry is a row of an items file.
func itemEntry(row int, account, key, amount string) postgres.ImportEntry {
	known := dunning.DebtorKnown{DebtorKind: "business", Zones: []string{"America/New_York"}}
	it := item(key)
	it.Amount = money.MustParse(amount, "USD")
	return postgres.ImportEntry{
		Row: row, Creditor: creditor, Account: account, Currency: "USD", Main: 2,
		Debtor: postgres.Profile{Key: account, Name: "Customer " + account, Address: []string{"Road 1"}},
		Points: []postgres.Point{{ID: "e-" + account, Channel: dunning.Email, Value: account + "@example.invalid"}},
		Facts: []dunning.Fact{
			{At: noon, By: "import", Source: "debtor", Body: known},
			{At: noon, By: "import", Source: "point/e-" + account, Body: dunning.PointKnown{ID: "e-" + account, Channel: dunning.Email, Rank: 1}},
			{At: noon, Account: account, By: "import", Source: account + "/" + key, Body: it},
		},
	}
}

// paymentEntry is a row of a payments file.
func paymentEntry(row int, account, ref, amount string) postgres.ImportEntry {
	p := dunning.Payment{ID: ref, Amount: money.MustParse(amount, "USD")}
	return postgres.ImportEntry{
		Row: row, Creditor: creditor, Account: account, Currency: "USD", Payment: true, Debtor: postgres.Profile{Key: account},
		Facts: []dunning.Fact{{At: noon, Account: account, By: "import", Source: "ref/" + ref, Body: p}},
	}
}

func begin(t *testing.T, s *postgres.Store, kind string) (postgres.ImportRun, postgres.ImportCheckpoint) {
	t.Helper()
	r := postgres.ImportRun{ID: "run-" + kind, Kind: kind, Creditor: creditor, File: kind + ".csv", Mapping: "m", At: noon}
	c, err := s.BeginImport(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func states(results []postgres.ImportResult) (out []string) {
	for _, r := range results {
		out = append(out, fmt.Sprintf("%d %s%s", r.Row, r.State, r.Why))
	}
	return out
}

func TestImportBatch(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	for _, c := range []struct {
		why   string
		batch []postgres.ImportEntry
		want  []string
	}{
		{
			"new rows are added",
			[]postgres.ImportEntry{itemEntry(1, "C1", "a", "10"), itemEntry(2, "C1", "b", "20"), itemEntry(3, "C2", "a", "30")},
			[]string{"1 added", "2 added", "3 added"},
		},
		{
			"the same rows again are known",
			[]postgres.ImportEntry{itemEntry(1, "C1", "a", "10"), itemEntry(3, "C2", "a", "30.00")},
			[]string{"1 known", "3 known"},
		},
		{
			"another amount for a known item is refused, its neighbour is stored",
			[]postgres.ImportEntry{itemEntry(1, "C1", "a", "11"), itemEntry(4, "C1", "c", "5")},
			[]string{"1 refusedcontradiction", "4 added"},
		},
		{"payments of known accounts are added", []postgres.ImportEntry{paymentEntry(1, "C1", "p1", "10")}, []string{"1 added"}},
		{
			"a payment of an account that does not exist is refused",
			[]postgres.ImportEntry{paymentEntry(2, "C9", "p2", "10"), paymentEntry(3, "C2", "p3", "1")},
			[]string{"2 refusedno_account", "3 added"},
		},
		{
			"the same payment again is known, another sum is refused",
			[]postgres.ImportEntry{paymentEntry(1, "C1", "p1", "10"), paymentEntry(9, "C1", "p1", "12")},
			[]string{"1 known", "9 refusedcontradiction"},
		},
		{
			"a repetition within one batch is known, a contradiction is not",
			[]postgres.ImportEntry{itemEntry(1, "C3", "a", "1"), itemEntry(2, "C3", "a", "1"), itemEntry(3, "C3", "a", "2")},
			[]string{"1 added", "2 known", "3 refusedcontradiction"},
		},
		{"nothing is fine", nil, nil},
	} {
		got, err := s.ImportBatch(t.Context(), "run-items", c.batch, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		if diff := cmp.Diff(c.want, states(got)); diff != "" {
			t.Errorf("%s:\n%s", c.why, diff)
		}
	}
	accounts, err := s.Accounts(t.Context(), "", 10)
	if err != nil || len(accounts) != 3 {
		t.Fatalf("%d accounts, %v; a refused payment makes none", len(accounts), err)
	}
	facts, err := s.FactsAsOf(t.Context(), postgres.DebtorID(creditor, "C1"), 99)
	if err != nil || len(facts) != 6 {
		t.Errorf("%d facts of C1, %v; want debtor, point, items a, b and c, one payment", len(facts), err)
	}
	for _, f := range facts {
		if k := f.Body.Kind(); (k == "item" || k == "payment") != (f.Account == postgres.AccountID(creditor, "C1", "USD")) {
			t.Errorf("fact %s names account %q", k, f.Account)
		}
	}
	points, err := s.Points(t.Context(), postgres.DebtorID(creditor, "C1"))
	if err != nil || len(points) != 1 || points[0].Value != "C1@example.invalid" || points[0].Rank != 1 {
		t.Errorf("points %+v, %v", points, err)
	}
	owners, err := s.Owners(t.Context(), dunning.Email, "C2@example.invalid")
	if err != nil || !cmp.Equal(owners, []postgres.Owner{{Debtor: postgres.DebtorID(creditor, "C2"), Point: "e-C2"}}) {
		t.Errorf("owners of an address: %+v, %v", owners, err)
	}
}

func TestAnImportUpdatesWhatIsKnown(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	e := itemEntry(1, "C1", "a", "10")
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{e}, nil); err != nil {
		t.Fatal(err)
	}
	e.Debtor = postgres.Profile{Key: "C1", Locale: "de"} // no name this time: the old one stays
	paid := dunning.Fact{At: noon, Account: "C1", Source: "C1/a/paid", Body: dunning.Payment{ID: "C1/a/paid", Amount: money.MustParse("10", "USD"), Item: "a"}}
	e.Facts = append(e.Facts, paid)
	got, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{e}, nil)
	if err != nil || got[0].State != postgres.ImportUpdated {
		t.Errorf("a known item that is paid now: %+v, %v", got, err)
	}
	p, err := s.Profile(t.Context(), postgres.DebtorID(creditor, "C1"))
	if err != nil || p.Name != "Customer C1" || p.Locale != "de" || len(p.Address) != 1 {
		t.Errorf("profile %+v, %v", p, err)
	}
}

func TestARefusedRowTellsNothing(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	first := itemEntry(1, "C1", "a", "10")
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{first}, nil); err != nil {
		t.Fatal(err)
	}
	other := itemEntry(2, "C1", "a", "11") // another customer's row under this number, by its look
	other.Debtor.Name, other.Debtor.Address = "Somebody Else", []string{"Elsewhere 2"}
	other.Points[0].Value = "else@example.invalid"
	got, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{other}, nil)
	if err != nil || got[0].Why != postgres.RefusedContradiction {
		t.Fatalf("a known item with another amount: %+v, %v", got, err)
	}
	p, err := s.Profile(t.Context(), postgres.DebtorID(creditor, "C1"))
	if err != nil || p.Name != "Customer C1" || !slices.Equal(p.Address, []string{"Road 1"}) {
		t.Errorf("the refused row has changed the profile: %+v, %v", p, err)
	}
	owners, err := s.Owners(t.Context(), dunning.Email, "else@example.invalid")
	if err != nil || len(owners) > 0 {
		t.Errorf("the refused row has changed the address: %+v, %v", owners, err)
	}
}

func TestAnAccountStaysItsDebtors(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	e := itemEntry(1, "C1", "a", "10")
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{e}, nil); err != nil {
		t.Fatal(err)
	}
	e.Row, e.Debtor.Key = 2, "somebody else"
	got, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{e}, nil)
	if err != nil || got[0].Why != postgres.RefusedOtherDebtor {
		t.Errorf("an account under another debtor: %+v, %v", got, err)
	}
}

func TestImportsResume(t *testing.T) {
	s := pgtest.New(t)
	run, start := begin(t, s, "items")
	if start.Row != 0 {
		t.Fatalf("a new run begins after row %d", start.Row)
	}
	count := func(upTo int, c postgres.ImportCheckpoint) func([]postgres.ImportResult) postgres.ImportCheckpoint {
		return func(results []postgres.ImportResult) postgres.ImportCheckpoint {
			next := postgres.ImportCheckpoint{Row: upTo, Counts: map[string]int{}, Refused: map[int]string{}}
			for k, v := range c.Counts {
				next.Counts[k] = v
			}
			for _, r := range results {
				next.Counts[string(r.State)]++
				if r.State == postgres.ImportRefused {
					next.Refused[r.Row] = "why " + string(r.Why)
				}
			}
			return next
		}
	}
	first := []postgres.ImportEntry{itemEntry(1, "C1", "a", "1"), itemEntry(2, "C1", "a", "2")}
	if _, err := s.ImportBatch(t.Context(), run.ID, first, count(2, start)); err != nil {
		t.Fatal(err)
	}
	// The process dies here; the next one asks where it was.
	_, resumed := begin(t, s, "items")
	want := postgres.ImportCheckpoint{Row: 2, Counts: map[string]int{"added": 1, "refused": 1}, Refused: map[int]string{2: "why contradiction"}}
	if diff := cmp.Diff(want, resumed); diff != "" {
		t.Errorf("checkpoint after a break:\n%s", diff)
	}
	if _, err := s.ImportBatch(t.Context(), run.ID, first, count(2, resumed)); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("a batch that another process has stored meanwhile: %v", err)
	}
	second := []postgres.ImportEntry{itemEntry(3, "C1", "b", "1")}
	if _, err := s.ImportBatch(t.Context(), run.ID, second, count(3, resumed)); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishImport(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishImport(t.Context(), run.ID); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("closing a closed run: %v", err)
	}
	if _, again := begin(t, s, "items"); again.Row != 0 || len(again.Refused) != 0 || len(again.Counts) != 0 {
		t.Errorf("a finished file that is imported again begins anew: %+v", again)
	}
}

func TestABatchThatFailsLeavesNothing(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	bad := itemEntry(2, "C2", "a", "1")
	bad.Facts[2].Body = dunning.Item{Key: "a", Amount: money.MustParse("1", "USD")} // no due date
	_, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{itemEntry(1, "C1", "a", "1"), bad}, nil)
	if !errors.Is(err, postgres.ErrRefused) {
		t.Fatalf("nonsense was stored: %v", err)
	}
	if accounts, err := s.Accounts(t.Context(), "", 10); len(accounts) != 0 || err != nil {
		t.Errorf("%d accounts left, %v", len(accounts), err)
	}
	unsourced := itemEntry(1, "C1", "a", "1")
	unsourced.Facts[2].Source = ""
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{unsourced}, nil); !errors.Is(err, postgres.ErrRefused) {
		t.Errorf("a fact that could not be told from its repetition: %v", err)
	}
}

// TestImportsOfTheSameRowsAtOnce: whoever comes second finds everything known.
func TestImportsOfTheSameRowsAtOnce(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := pgtest.Open(t, dsn)
	other := pgtest.Open(t, dsn)
	begin(t, s, "items")
	var batch []postgres.ImportEntry
	for i := range 60 {
		batch = append(batch, itemEntry(i+1, fmt.Sprintf("C%d", i%17), fmt.Sprint(i), "1"))
	}
	added := make([]int, 4)
	var wg sync.WaitGroup
	for w := range added {
		store := []*postgres.Store{s, other}[w%2]
		wg.Go(func() {
			mine := batch[w*10 : w*10+30] // they overlap
			got, err := store.ImportBatch(t.Context(), "run-items", mine, nil)
			if err != nil {
				t.Error(err)
			}
			for _, r := range got {
				if r.State == postgres.ImportAdded {
					added[w]++
				}
			}
		})
	}
	wg.Wait()
	if sum := added[0] + added[1] + added[2] + added[3]; sum != 60 {
		t.Errorf("60 rows were added %d times", sum)
	}
}

func TestImportsNudgeOpenCases(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{itemEntry(1, "C1", "a", "1"), itemEntry(2, "C2", "a", "1")}, nil); err != nil {
		t.Fatal(err)
	}
	b := bundleOf(t, s, "C1").open()
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{paymentEntry(1, "C1", "p", "1"), paymentEntry(2, "C2", "p", "1")}, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.take(); len(got) != 1 || got[0].Case != b.ref.Case {
		t.Errorf("nudges %+v, want one of the only open case", got)
	}
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{paymentEntry(1, "C1", "p", "1")}, nil); err != nil {
		t.Fatal(err)
	}
	b.must(b.Delivered(t.Context(), nil))
	var generation int
	b.must(s.Pool().QueryRow(t.Context(), "SELECT generation FROM nudges").Scan(&generation))
	if generation != 1 {
		t.Errorf("a payment that is known nudged the case")
	}
}

func TestFeedSeen(t *testing.T) {
	b := newBundle(t).open()
	idle := bundleOf(t, b.Store, "D-2")
	b.must(b.FeedSeen(t.Context(), creditor, noon))
	b.must(b.FeedSeen(t.Context(), creditor, noon))
	b.must(b.FeedSeen(t.Context(), creditor, noon.Add(-time.Hour)))
	feeds, err := b.Feeds(t.Context())
	if err != nil || len(feeds) != 1 || !feeds[0].Until.Equal(noon) {
		t.Errorf("feeds %+v, %v; an older instant changes nothing", feeds, err)
	}
	for _, c := range []struct {
		who  *bundle
		want int64
	}{{b, 2}, {idle, 0}} {
		if v, err := b.Version(t.Context(), c.who.debtor); v != c.want || err != nil {
			t.Errorf("version %d, %v; want %d: debtors with an open case learn it, once", v, err, c.want)
		}
	}
	if got := b.take(); len(got) != 1 {
		t.Errorf("nudges %+v", got)
	}
}

// TestFeedThatBrokeOff: a process that died after it noted the feed and before it told
// everybody must not leave debtors with stale payment data: their sends would wait.
func TestFeedThatBrokeOff(t *testing.T) {
	b := newBundle(t).open()
	if _, err := b.Pool().Exec(t.Context(), "UPDATE creditors SET feed_until = $1 WHERE id = $2", noon, creditor); err != nil {
		t.Fatal(err)
	}
	b.must(b.FeedSeen(t.Context(), creditor, noon))
	if v, err := b.Version(t.Context(), b.debtor); v != 2 || err != nil {
		t.Errorf("version %d, %v; want 2: the call that is repeated tells whom the first did not reach", v, err)
	}
	if got := b.take(); len(got) != 1 {
		t.Errorf("nudges %+v, want one", got)
	}
}

func TestCandidates(t *testing.T) {
	s := pgtest.New(t)
	begin(t, s, "items")
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{
		itemEntry(1, "C1", "a", "1"), itemEntry(2, "C2", "a", "1"), itemEntry(3, "C3", "a", "1"),
	}, nil); err != nil {
		t.Fatal(err)
	}
	bundleOf(t, s, "C2").open()     // has a case
	b := bundleOf(t, s, "no-items") // owes nothing
	list := func(now time.Time, after string, limit int) (out []postgres.Candidate) {
		out, err := s.Candidates(t.Context(), now, after, limit)
		b.must(err)
		return out
	}
	all := list(time.Time{}, "", 10)
	if len(all) != 2 {
		t.Fatalf("%d candidates, want C1 and C3: %+v", len(all), all)
	}
	if next := list(time.Time{}, all[0].Account, 1); len(next) != 1 || next[0] != all[1] {
		t.Errorf("the second page: %+v", next)
	}
	one := all[0]
	b.must(s.Checked(t.Context(), one.Account, one.Version, "", noon.Add(time.Hour)))
	if got := list(noon, "", 10); len(got) != 1 || got[0].Account != all[1].Account {
		t.Errorf("an account that was looked at is looked at again before its time: %+v", got)
	}
	if at, ok, err := s.EarliestOpening(t.Context(), time.Time{}); !ok || err != nil || !at.Equal(noon.Add(time.Hour)) {
		t.Errorf("earliest opening %v, %v, %v", at, ok, err)
	}
	if _, ok, err := s.EarliestOpening(t.Context(), noon.Add(time.Hour)); ok || err != nil {
		t.Errorf("an opening after the last: %v, %v", ok, err)
	}
	if got := list(noon.Add(time.Hour), "", 10); len(got) != 2 {
		t.Errorf("its time has come: %+v", got)
	}
	if _, err := s.ImportBatch(t.Context(), "run-items", []postgres.ImportEntry{itemEntry(9, one.AccountKey, "b", "1")}, nil); err != nil {
		t.Fatal(err)
	}
	if got := list(noon, "", 10); len(got) != 2 {
		t.Errorf("an account that learned something is looked at again: %+v", got)
	}
}

func TestAccounts(t *testing.T) {
	b := newBundle(t)
	usd, err := b.Account(t.Context(), b.account)
	b.must(err)
	if want := (postgres.Account{ID: b.account, Debtor: b.debtor, Creditor: creditor, Key: "D-1", Currency: "USD", DebtorKey: "D-1"}); usd != want {
		t.Errorf("account %+v, want %+v", usd, want)
	}
	if _, err := b.PutAccount(t.Context(), postgres.Account{Debtor: b.debtor, Creditor: creditor, Key: "D-1", Currency: "EUR"}); err != nil {
		t.Error(err)
	}
	if again, err := b.PutAccount(t.Context(), usd); again != b.account || err != nil {
		t.Errorf("the same account again: %s, %v", again, err)
	}
	both, err := b.AccountsByKey(t.Context(), creditor, "D-1")
	if err != nil || len(both) != 2 || both[0].Currency != "EUR" || both[1].ID != b.account {
		t.Errorf("one customer number with two currencies is two accounts: %+v, %v", both, err)
	}
	other := bundleOf(t, b.Store, "D-2")
	if _, err := b.PutAccount(t.Context(), postgres.Account{Debtor: other.debtor, Creditor: creditor, Key: "D-1", Currency: "USD"}); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("an account of somebody else: %v", err)
	}
	if _, err := b.Account(t.Context(), uuid.NewString()); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
	b.mustAdd(b.fact(item("A")))
	items, err := b.Items(t.Context(), b.account)
	if err != nil || asJSON(t, items) != asJSON(t, []dunning.Item{item("A")}) {
		t.Errorf("items %+v, %v", items, err)
	}
	if err := b.add(b.fact(item("A"))); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("a second item of the same key: %v", err)
	}
}

func BenchmarkImport(b *testing.B) {
	s := pgtest.New(b)
	if _, err := s.BeginImport(context.Background(), postgres.ImportRun{ID: "run-items", Kind: "items", Creditor: creditor, At: noon}); err != nil {
		b.Fatal(err)
	}
	const rows = 500
	n := 0
	for b.Loop() {
		batch := make([]postgres.ImportEntry, rows)
		for i := range batch {
			n++
			batch[i] = itemEntry(n, fmt.Sprintf("C%d", n%5000), fmt.Sprint(n), "12.50")
		}
		if _, err := s.ImportBatch(context.Background(), "run-items", batch, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkLoadAndAppend is what every activity and command does: lock, load all facts,
// add one, commit. Debtors take turns, so that their histories hardly grow.
func BenchmarkLoadAndAppend(b *testing.B) {
	for _, history := range []int{20, 200} {
		b.Run(fmt.Sprintf("facts=%d", history), func(b *testing.B) {
			s := pgtest.New(b)
			debtors := make([]*bundle, 100)
			for i := range debtors {
				debtors[i] = bundleOf(b, s, fmt.Sprintf("D-%d", i))
				facts := make([]dunning.Fact, history)
				for j := range facts {
					facts[j] = debtors[i].fact(item(fmt.Sprint(j)))
				}
				debtors[i].mustAdd(facts...)
			}
			ctx, n := context.Background(), 0
			b.ResetTimer()
			for b.Loop() {
				d := debtors[n%len(debtors)]
				n++
				d.must(d.in(func(tx *postgres.Tx) error {
					if _, _, err := tx.Facts(ctx, d.debtor); err != nil {
						return err
					}
					_, _, err := tx.Append(ctx, d.debtor, []dunning.Fact{d.fact(payment("1"))})
					return err
				}))
			}
		})
	}
}
