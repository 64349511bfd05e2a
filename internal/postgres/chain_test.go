package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// wall is when the tests' sealer seals.
var wall = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// patient seals everything.
var patient = postgres.SealOptions{Patience: 10 * time.Second}

// sealedStore is a store in which every ledger has rows, sealed in several rounds.
func sealedStore(t *testing.T) (*postgres.Store, chain.Head) {
	t.Helper()
	b := newBundle(t)
	b.reserved()
	b.must(b.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "view.case", Subject: "c1", Detail: map[string]string{"request": "r1"}}))
	mustSeal(t, b.Store, patient)
	for i := range 5 {
		b.mustAdd(sourced(b, fmt.Sprint("p", i)))
		b.must(b.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "view.case", Subject: fmt.Sprint("c", i)}))
		if i%2 == 0 {
			mustSeal(t, b.Store, patient)
		}
	}
	return b.Store, mustSeal(t, b.Store, patient).Head
}

// sourced is a payment with an origin.
func sourced(b *bundle, source string) dunning.Fact {
	f := b.fact(payment("10.00"))
	f.Source = source
	return f
}

func mustSeal(t *testing.T, s *postgres.Store, o postgres.SealOptions) postgres.Sealed {
	t.Helper()
	out, err := s.Seal(t.Context(), wall, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustVerify(t *testing.T, s *postgres.Store, kept ...chain.Head) chain.Report {
	t.Helper()
	r, err := s.VerifyChain(t.Context(), kept...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealAndVerify(t *testing.T) {
	s, head := sealedStore(t)
	r := mustVerify(t, s, head)
	if r.Broken != nil || r.Head != head || r.Rows < 15 {
		t.Errorf("%+v, %v", r, r.Broken)
	}
	if again := mustSeal(t, s, patient); again.Rows != 0 || again.Head != head {
		t.Errorf("nothing new, and sealed: %+v", again)
	}
	state, err := s.ChainState(t.Context())
	if err != nil || state.Head != head || len(state.Unsealed) != 0 || state.Checked || !state.SealedAt.Equal(wall) {
		t.Errorf("%+v, %v", state, err)
	}
	b := &chain.Break{Fault: chain.Changed, Ledger: "audit", Seal: 2, Row: 7}
	for _, broken := range []*chain.Break{b, nil} {
		if err := s.PutCheck(t.Context(), chain.Check{At: wall, By: "system", Report: chain.Report{Head: head, Rows: 9, Broken: broken}}); err != nil {
			t.Fatal(err)
		}
	}
	checks, err := s.Checks(t.Context(), 9)
	if err != nil || len(checks) != 2 || checks[0].Broken != nil || *checks[1].Broken != *b || checks[0].Head != head || checks[0].Rows != 9 {
		t.Errorf("%+v, %v", checks, err)
	}
	seals, err := s.Seals(t.Context(), 3)
	if err != nil || len(seals) != 3 || seals[0].N != head.N || seals[0].Hash != head.Hash || seals[2].N != head.N-2 {
		t.Errorf("%+v, %v", seals, err)
	}
	if state, err = s.ChainState(t.Context()); err != nil || !state.Checked || state.Check.Broken != nil {
		t.Errorf("%+v, %v", state, err)
	}
}

// A sealer that is not in a hurry leaves a few young rows for a larger batch.
func TestSealWaitsForMore(t *testing.T) {
	s, head := sealedStore(t)
	b := bundleOf(t, s, "D-9")
	lazy := postgres.SealOptions{Rows: 3, Age: time.Hour, Patience: time.Second}
	for i, want := range []int64{0, 0, 3} {
		b.must(s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "look"}))
		if got := mustSeal(t, s, lazy); got.Rows != want {
			t.Errorf("after %d rows: %+v", i+1, got)
		}
	}
	b.must(s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "look"}))
	if got := mustSeal(t, s, postgres.SealOptions{Rows: 100, Patience: time.Second}); got.Rows != 1 || got.Head.N <= head.N {
		t.Errorf("old enough: %+v", got)
	}
}

// asOwner runs SQL as somebody who may switch the triggers off.
func asOwner(t *testing.T, s *postgres.Store, sql string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SET LOCAL session_replication_role = replica; "+sql)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Whoever owns the database can switch triggers off. What they do then is found, and the
// row is named.
func TestTamperingIsFound(t *testing.T) {
	const insert = "OVERRIDING SYSTEM VALUE"
	whole, head := sealedStore(t)
	dsn := whole.Pool().Config().ConnString()
	whole.Close() // each case spoils a copy
	for _, c := range []struct {
		why, sql string
		says     string // what the break says
	}{
		{"who looked is changed", "UPDATE audit SET by = 'user:2' WHERE id = 3", "row 3 of audit was changed"},
		{"a member of a detail is changed", `UPDATE audit SET detail = detail || '{"request": "r2"}' WHERE id = 1`, "row 1 of audit was changed"},
		{"when it was written down is changed", "UPDATE audit SET recorded_at = recorded_at - interval '1 day' WHERE id = 2", "row 2 of audit was changed"},
		{"a look is deleted", "DELETE FROM audit WHERE id = 4", "row 4 of audit was deleted"},
		{"the last look is deleted", "DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)", "of audit was deleted"},
		{"everything is deleted", "DELETE FROM audit", "row 1 of audit was deleted"},
		{"a look is added before the first", "INSERT INTO audit (id, at, by, action) " + insert + " VALUES (-1, now(), 'user:1', 'x')", "row -1 of audit was added between"},
		{"a look takes the number of another", "DELETE FROM audit WHERE id = 4; INSERT INTO audit (id, at, by, action) " + insert + " VALUES (4, now(), 'user:1', 'x')", "row 4 of audit was changed"},
		{"a decision's reason is changed", "UPDATE decisions SET reason = 'other' WHERE id = 'd1'", "of decisions was changed"},
		{"a decision's body is changed", `UPDATE decisions SET body = body || '{"x": 1}' WHERE id = 'd1'`, "of decisions was changed"},
		{"an attempt is made to have failed", "UPDATE attempts SET state = 'failed', code = 'x'", "of attempts was changed"},
		{"a payment is made larger", "UPDATE facts SET amount_minor = amount_minor + 1 WHERE kind = 'payment' AND source = 'p3'", "of facts was changed"},
		{"a payment is deleted", "DELETE FROM facts WHERE source = 'p3'", "of facts was deleted"},
		{"a payment changes hands", "UPDATE facts SET by = 'user:9' WHERE source = 'p0'", "of facts was changed"},
		{"a seal is deleted", "DELETE FROM seals WHERE n = 3", "seal 3 is missing"},
		{"all seals of a ledger are deleted, and its rows", "DELETE FROM seals WHERE ledger = 'audit'; DELETE FROM audit", "is missing"},
		{"a seal's hash is changed", "UPDATE seals SET hash = sha256(hash) WHERE n = 3", "seal 3 of"},
		{"a seal is moved to another ledger", "UPDATE seals SET ledger = 'other' WHERE n = 3", "seal 3 of other is of a newer program"},
		{"the end is cut off, with its seals", "DELETE FROM audit WHERE id > (SELECT min(to_id) FROM seals WHERE ledger = 'audit'); DELETE FROM seals WHERE n > 4; DELETE FROM facts WHERE source LIKE 'p%'", "its end was cut off or made anew"},
		{"the whole chain is deleted", "DELETE FROM seals", "its end was cut off or made anew"},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := pgtest.Open(t, pgtest.Copy(t, dsn))
			asOwner(t, s, c.sql)
			r := mustVerify(t, s, head)
			if r.Broken == nil || !strings.Contains(r.Broken.String(), c.says) {
				t.Errorf("%v, want %q", r.Broken, c.says)
			}
		})
	}
}

// A row whose number is that of an insert that was rolled back is found too: its place was
// sealed as empty.
func TestARowInAGapIsFound(t *testing.T) {
	s, _ := sealedStore(t)
	var gap int64
	err := s.Pool().QueryRow(t.Context(), "SELECT nextval(pg_get_serial_sequence('audit', 'id'))").Scan(&gap)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "x"}); err != nil {
		t.Fatal(err)
	}
	mustSeal(t, s, patient)
	asOwner(t, s, fmt.Sprintf("INSERT INTO audit (id, at, by, action) OVERRIDING SYSTEM VALUE VALUES (%d, now(), 'user:1', 'x')", gap))
	if r := mustVerify(t, s); r.Broken == nil || r.Broken.Row != gap || r.Broken.Fault != chain.Inserted {
		t.Errorf("%v", r.Broken)
	}
}

// A row with a lower number that is committed late is waited for, so that it is sealed in
// its place; other ledgers do not wait for it.
func TestSealWaitsForWritersUnderWay(t *testing.T) {
	s, head := sealedStore(t)
	ctx := t.Context()
	slow, err := s.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := slow.Exec(ctx, "INSERT INTO audit (at, by, action) VALUES (now(), 'user:slow', 'x')"); err != nil {
		t.Fatal(err)
	}
	b := bundleOf(t, s, "D-8")
	b.must(s.Audit(ctx, postgres.Audited{At: noon, By: "user:quick", Action: "x"}))
	b.mustAdd(sourced(b, "late"))
	hurried := mustSeal(t, s, postgres.SealOptions{Patience: 200 * time.Millisecond})
	if !slices.Equal(hurried.Left, []string{"audit"}) || hurried.Rows == 0 || hurried.Head.N <= head.N {
		t.Errorf("the audit is left and the facts are sealed: %+v", hurried)
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if all := mustSeal(t, s, patient); all.Rows != 2 || len(all.Left) != 0 {
		t.Errorf("both rows: %+v", all)
	}
	if r := mustVerify(t, s); r.Broken != nil {
		t.Error(r.Broken)
	}
}

// Eight writers, of whom some are slow, some give up, and two sealers at once: every row is
// sealed once, and the chain is whole. Without the wait for writers under way rows come
// after their place was sealed, and this fails.
func TestSealersRaceWriters(t *testing.T) {
	s := pgtest.New(t)
	ctx := t.Context()
	var writing, sealing sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		sealing.Go(func() {
			for {
				if _, err := s.Seal(ctx, wall, postgres.SealOptions{Patience: 2 * time.Second}); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	const writers, each = 8, 60
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if err := slowRow(ctx, s, w, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	sealing.Wait()
	mustSeal(t, s, patient)
	r := mustVerify(t, s)
	var rows int64
	if err := s.Pool().QueryRow(ctx, "SELECT count(*) FROM audit").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if r.Broken != nil || r.Rows != rows || rows != writers*each-writers*each/5 {
		t.Errorf("%d of %d rows sealed: %v", r.Rows, rows, r.Broken)
	}
	t.Logf("%d rows in %d seals", r.Rows, r.Head.N)
}

// slowRow adds a row in a transaction that takes a while after it got its number; every
// fifth is rolled back.
func slowRow(ctx context.Context, s *postgres.Store, w, i int) error {
	tx, err := s.Pool().Begin(ctx)
	if err != nil {
		return err
	}
	sql := fmt.Sprintf("INSERT INTO audit (at, by, action) VALUES (now(), 'user:%d', 'x')", w)
	if _, err = tx.Exec(ctx, sql); err == nil {
		_, err = tx.Exec(ctx, "SELECT pg_sleep($1)", float64((w*7+i*3)%13)/2000)
	}
	if err != nil || i%5 == 4 {
		_ = tx.Rollback(ctx)
		return err
	}
	return tx.Commit(ctx)
}

// Every column of a chained table is hashed, so that whoever adds one adds a form.
func TestEveryColumnIsChained(t *testing.T) {
	s := pgtest.New(t)
	tables := []struct{ ledger, name string }{
		{"access", "access_events"},
		{"activation_looks", "activation_looks"},
		{"activations", "release_activations"},
		{"attempts", "attempts"},
		{"audit", "audit"},
		{"decisions", "decisions"},
		{"facts", "facts"},
		{"findings", "finding_events"},
		{"four_eyes", "four_eyes"},
		{"proposal_ends", "proposal_ends"},
		{"proposal_files", "proposal_files"},
		{"proposal_sequences", "proposal_sequences"},
		{"proposals", "proposals"},
		{"release_files", "release_files"},
		{"releases", "releases"},
		{"sample_answers", "sample_answers"},
		{"sample_rounds", "sample_rounds"},
		{"sample_rows", "sample_rows"},
		{"sample_signoffs", "sample_signoffs"},
		{"samples", "samples"},
		{"sequence_versions", "sequence_versions"},
	}
	for _, table := range tables {
		if !slices.Contains(postgres.ChainedLedgers(), table.ledger) {
			t.Errorf("%s is not chained", table.ledger)
		}
		rows, err := s.Pool().Query(t.Context(), "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1", table.name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(columns) < 5 {
			t.Fatal(columns, err)
		}
		for _, c := range columns {
			if !slices.Contains(postgres.ChainedColumns(table.ledger), c) {
				t.Errorf("column %s of %s is in no form of its ledger: add a form with it in chain.go", c, table.name)
			}
		}
	}
	if got := postgres.ChainedLedgers(); len(got) != len(tables) || !slices.IsSorted(got) {
		t.Errorf("%d ledgers are chained, of which %d are tested: %v", len(got), len(tables), got)
	}
}

// The digest of a row is the same in every session: zones and styles do not matter.
func TestDigestsDoNotDependOnTheSession(t *testing.T) {
	dsn := pgtest.DSN(t)
	s := pgtest.Open(t, dsn)
	b := bundleOf(t, s, "D-1")
	b.mustAdd(sourced(b, "p0"))
	b.must(s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "x", Detail: map[string]string{"name": "Ødegård \"\u2028\\ 日本"}}))
	mustSeal(t, s, patient)
	for _, session := range []string{"&timezone=Asia/Kathmandu", "&datestyle=German", "&intervalstyle=postgres_verbose&extra_float_digits=-3", "&bytea_output=escape"} {
		if r := mustVerify(t, pgtest.Open(t, dsn+session)); r.Broken != nil || r.Rows < 2 {
			t.Errorf("%s: %+v, %v", session, r, r.Broken)
		}
	}
}

// Facts of the migrated past are chained by the first sealing.
func TestOldRowsAreSealed(t *testing.T) {
	dsn := pgtest.Empty(t)
	for v := int64(1); v <= 12; v++ {
		if err := postgres.MigrateTo(t.Context(), dsn, v); err != nil {
			t.Fatal(err)
		}
		writeRows(t, dsn, v)
	}
	if err := postgres.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	s := pgtest.Open(t, dsn)
	sealed := mustSeal(t, s, patient)
	r := mustVerify(t, s, sealed.Head)
	if r.Broken != nil || r.Rows != sealed.Rows || sealed.Rows < 8 {
		t.Errorf("%+v, %+v, %v", sealed, r, r.Broken)
	}
	if to, err := s.SealedThrough(t.Context(), "facts"); err != nil || to < 6 {
		t.Errorf("facts are sealed through %d, %v", to, err)
	}
	if to, err := s.SealedThrough(t.Context(), "none"); err != nil || to != 0 {
		t.Errorf("an unknown ledger is sealed through %d, %v", to, err)
	}
}

// BenchmarkChain seals and verifies a million rows of the audit log.
func BenchmarkChain(b *testing.B) {
	s := pgtest.New(b)
	ctx := b.Context()
	n := benchNumber(b, "DULY_CHAIN_ROWS", 1_000_000)
	_, err := s.Pool().Exec(ctx, `INSERT INTO audit (at, by, action, subject, detail)
 SELECT now(), 'user:' || i % 50, 'view.case', gen_random_uuid()::text, jsonb_build_object('request', md5(i::text), 'creditor', 'acme') FROM generate_series(1, $1::int) i`, n)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for more := true; more; {
		round, err := s.Seal(ctx, wall, patient)
		if err != nil {
			b.Fatal(err)
		}
		more = round.More
	}
	sealed := float64(n) / time.Since(began).Seconds()
	for b.Loop() {
		if r, err := s.VerifyChain(ctx); err != nil || r.Broken != nil || r.Rows != int64(n) {
			b.Fatalf("%+v, %v, %v", r, r.Broken, err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "verified/s")
	b.ReportMetric(sealed, "sealed/s")
}

// Who cuts off the newest rows with their seals leaves a chain that fits. What a
// verification saw before says that it does not, also the next time.
func TestACutOffEndIsNotVerifiedAway(t *testing.T) {
	s, head := sealedStore(t)
	b := bundleOf(t, s, "D-9")
	keep := func(r chain.Report) {
		b.must(s.PutCheck(t.Context(), chain.Check{At: wall, By: "system", Report: r}))
	}
	keep(mustVerify(t, s))
	asOwner(t, s, fmt.Sprintf("DELETE FROM facts WHERE pos > (SELECT after_id FROM seals WHERE ledger = 'facts' ORDER BY n DESC LIMIT 1);"+
		"DELETE FROM audit WHERE id > (SELECT after_id FROM seals WHERE ledger = 'audit' ORDER BY n DESC LIMIT 1); DELETE FROM seals WHERE n > %d", head.N-2))
	for i := range 3 {
		r := mustVerify(t, s)
		if r.Broken == nil || r.Broken.Fault != chain.BadHead || r.Broken.Seal != head.N {
			t.Fatalf("verification %d: %+v %v", i+1, r, r.Broken)
		}
		keep(r)
		b.must(s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "look"})) // and the chain grows over it
		mustSeal(t, s, patient)
	}
}

// A row of tomorrow (the clock was set back since) is not left until tomorrow.
func TestSealAfterTheClockWasSetBack(t *testing.T) {
	s, _ := sealedStore(t)
	b := bundleOf(t, s, "D-9")
	b.must(s.Audit(t.Context(), postgres.Audited{At: noon, By: "user:1", Action: "look"}))
	asOwner(t, s, "UPDATE audit SET recorded_at = now() + interval '1 day' WHERE id = (SELECT max(id) FROM audit)")
	if got := mustSeal(t, s, postgres.SealOptions{Rows: 100, Age: time.Minute, Patience: time.Second}); got.Rows != 1 {
		t.Errorf("%+v", got)
	}
}

// One process verifies at a time; the next may when it has ended, however it ended.
func TestVerifyingIsForOne(t *testing.T) {
	s, _ := sealedStore(t)
	bad := errors.New("bad")
	for range 2 {
		mine, err := s.Verifying(t.Context(), func() error {
			other, err := s.Verifying(t.Context(), func() error { return nil })
			if other || err != nil {
				t.Errorf("beside another: %v, %v", other, err)
			}
			return bad
		})
		if !mine || !errors.Is(err, bad) {
			t.Errorf("%v, %v", mine, err)
		}
	}
}

// BenchmarkSealSoon measures what it costs that rows are sealed within seconds: a round over
// a few new rows of two ledgers, a round that finds nothing, and the bytes of a seal.
func BenchmarkSealSoon(b *testing.B) {
	s := pgtest.New(b)
	ctx := b.Context()
	n := int64(0)
	for b.Loop() {
		b.StopTimer()
		if _, err := s.Pool().Exec(ctx, `INSERT INTO audit (at, by, action) SELECT now(), 'user:1', 'view.case' FROM generate_series(1, 5)`); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		out, err := s.Seal(ctx, wall, patient)
		if err != nil || out.Rows != 5 {
			b.Fatalf("%+v, %v", out, err)
		}
		n++
	}
	began := time.Now()
	const idle = 200
	for range idle {
		if out, err := s.Seal(ctx, wall, patient); err != nil || out.Rows != 0 {
			b.Fatalf("%+v, %v", out, err)
		}
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/idle, "µs/idle-round")
	var bytes int64
	if err := s.Pool().QueryRow(ctx, "SELECT pg_total_relation_size('seals')").Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(bytes)/float64(n), "bytes/seal")
}
