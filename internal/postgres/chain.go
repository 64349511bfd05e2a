package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/chain"
)

// ledger is a table whose rows are only ever added and that is chained.
type ledger struct {
	name  string
	table string
	id    string // column that numbers rows in the order in which they were added
	wall  string // column that says when a row was added, by the wall clock
	// forms are the columns that are hashed, from form 1 on. A form never changes: seals
	// name it. When the table gets a column, it gets a form.
	forms []string
}

// ledgers are those that are chained, sorted by name. Text of a row is made by Postgres as
// JSON: the same on every machine, because instants are turned to UTC before.
var ledgers = []ledger{
	{"access", "access_events", "id", "recorded_at", []string{
		`id, recorded_at AT TIME ZONE 'UTC', by, person, kind, subject, what, body`,
	}},
	{"activation_looks", "activation_looks", "pos", "recorded_at", []string{
		`pos, activation, by, person, words, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"activations", "release_activations", "seq", "recorded_at", []string{
		`seq, release, at AT TIME ZONE 'UTC', by, proposal, back, reason, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"attempts", "attempts", "pos", "recorded_at", []string{
		`pos, id, contact_id, seq, version, state, at AT TIME ZONE 'UTC', class, code, permanent, provider_id, retry_at AT TIME ZONE 'UTC', deadline AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"audit", "audit", "id", "recorded_at", []string{
		`id, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC', by, action, subject, detail`,
	}},
	{"decisions", "decisions", "seq", "wall", []string{
		`seq, id, case_id, intent, debtor_version, verb, step, round, at AT TIME ZONE 'UTC', wake_at AT TIME ZONE 'UTC', waiting, rule, reason, not_before AT TIME ZONE 'UTC', deferred, core, policies, zones, sequence, replans, wall AT TIME ZONE 'UTC', body`,
	}},
	{"facts", "facts", "pos", "recorded_at", []string{
		`pos, debtor_id, version, seq, kind, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC', account_id, case_id, item_key, by, source, amount_minor, currency, body`,
	}},
	{"findings", "finding_events", "id", "recorded_at", []string{
		`id, finding_id, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC', by, status, owner, due, words`,
	}},
	{"four_eyes", "four_eyes", "seq", "recorded_at", []string{
		`seq, step, by, person, reason, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"proposal_ends", "proposal_ends", "pos", "recorded_at", []string{
		`pos, proposal, verdict, by, person, words, at AT TIME ZONE 'UTC', recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"proposal_files", "proposal_files", "pos", "recorded_at", []string{
		`pos, proposal, path, encode(sha256(content), 'hex'), recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"proposal_sequences", "proposal_sequences", "pos", "recorded_at", []string{
		`pos, proposal, sequence, version, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"proposals", "proposals", "seq", "recorded_at", []string{
		`seq, id, release, base, by, person, reason, at AT TIME ZONE 'UTC', follows, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"release_files", "release_files", "pos", "recorded_at", []string{
		`pos, release, path, encode(sha256(content), 'hex'), recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"releases", "releases", "seq", "recorded_at", []string{
		`seq, version, published_at AT TIME ZONE 'UTC', by, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"sample_answers", "sample_answers", "pos", "recorded_at", []string{
		`pos, sample_id, round, n, answers, note, fix, owner, due, finding, at AT TIME ZONE 'UTC', by, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"sample_rounds", "sample_rounds", "pos", "recorded_at", []string{
		`pos, sample_id, round, reason, at AT TIME ZONE 'UTC', by, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"sample_rows", "sample_rows", "pos", "recorded_at", []string{
		`pos, sample_id, n, subject, stage, encode(key, 'hex'), ticket, weight, risks, creditor_id, debtor_id, case_id, decision_id, contact_id, at AT TIME ZONE 'UTC', channel, step, people, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"sample_signoffs", "sample_signoffs", "pos", "recorded_at", []string{
		`pos, sample_id, round, encode(digest, 'hex'), words, at AT TIME ZONE 'UTC', by, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"samples", "samples", "pos", "recorded_at", []string{
		`pos, id, title, kind, creditors, from_at AT TIME ZONE 'UTC', until_at AT TIME ZONE 'UTC', filter, method, size, seed, algorithm, population, encode(digest, 'hex'), encode(sha256(members), 'hex'), frozen_seq, frozen_at AT TIME ZONE 'UTC', context, checklist, questions, at AT TIME ZONE 'UTC', by, recorded_at AT TIME ZONE 'UTC'`,
	}},
	{"sequence_versions", "sequence_versions", "pos", "recorded_at", []string{
		`pos, sequence, version, release, recorded_at AT TIME ZONE 'UTC'`,
	}},
}

// ChainedLedgers names the ledgers that are chained, sorted.
func ChainedLedgers() (names []string) {
	for _, l := range ledgers {
		names = append(names, l.name)
	}
	return names
}

// digests asks for rows with their digests; $1 and $2 bound the numbers, $3 is how many.
func (l ledger) digests(form int) string {
	return fmt.Sprintf("SELECT %[1]s, sha256(convert_to(json_build_array(%[2]s)::text, 'UTF8')) FROM %[3]s WHERE %[1]s > $1 AND %[1]s <= $2 ORDER BY %[1]s LIMIT $3",
		l.id, l.forms[form-1], l.table)
}

// ledgerNamed finds a ledger.
func ledgerNamed(name string) (ledger, bool) {
	for _, l := range ledgers {
		if l.name == name {
			return l, true
		}
	}
	return ledger{}, false
}

// sealLock is the advisory lock of whoever seals.
const sealLock = 0x6475_6c79_7365_616c // "dulyseal"

// How much one seal and one round of sealing cover at most.
const (
	sealRows  = 2000
	roundRows = 100_000
)

// SealOptions say what a round of sealing leaves for the next one.
type SealOptions struct {
	// A ledger with fewer rows than Rows waiting, the oldest of which is younger than Age, is
	// left. The zero values seal everything.
	Rows int
	Age  time.Duration
	// Patience is how long writers under way are waited for. A ledger whose writers are not
	// done by then is left.
	Patience time.Duration
}

// Sealed is what a round of sealing came to.
type Sealed struct {
	Busy  bool       `json:"busy,omitempty"` // another process is sealing
	Rows  int64      `json:"rows"`
	Seals int        `json:"seals"`
	Head  chain.Head `json:"head"`
	// Left names ledgers with writers that were not done in time.
	Left []string `json:"left,omitempty"`
	// More rows wait: the round was full.
	More bool `json:"more,omitempty"`
}

// waiting are the rows of a ledger that are not sealed.
type waiting struct {
	ledger
	after  int64 // what is sealed
	top    int64 // the greatest number that was seen
	oldest time.Duration
	any    bool
}

// Seal chains what was added and is certain to be complete. at is wall time.
//
// Numbers are given when a row is inserted and seen when it is committed, so a number
// below one that is seen may still come. Seal therefore notes the greatest number of each
// ledger, then who holds the lock that every insert takes before it gets its number, and
// seals through that number when all of those have ended: nobody else can have a number
// that low. (CREATE INDEX CONCURRENTLY waits in the same way.) It takes no lock that a
// writer waits for. A row with a number of sealed rows, however it came, is found by
// verifying.
func (s *Store) Seal(ctx context.Context, at time.Time, o SealOptions) (out Sealed, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		var mine bool
		if err := t.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(sealLock)).Scan(&mine); err != nil || !mine {
			out.Busy = !mine
			return err
		}
		last, err := lastSeal(ctx, t)
		if err != nil {
			return err
		}
		out.Head = chain.Head{N: last.N, Hash: last.Hash}
		all, err := unsealed(ctx, t, o)
		if err != nil || len(all) == 0 {
			return err
		}
		if out.Left, err = settle(ctx, t, all, o.Patience); err != nil {
			return err
		}
		return sealAll(ctx, t, at, last, all, &out)
	})
	if err != nil {
		return Sealed{}, fmt.Errorf("sealing the ledgers: %w", explain(err))
	}
	return out, nil
}

// querier is a transaction or the pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// waitingRows finds what is not sealed of every ledger, in one question: it is asked every
// few seconds.
func waitingRows(ctx context.Context, q querier) (out []waiting, err error) {
	rows, err := q.Query(ctx, waitingSQL(), int64(chain.Start))
	if err != nil {
		return nil, err
	}
	var w waiting
	var n int
	var oldest *time.Time
	var now time.Time
	_, err = pgx.ForEachRow(rows, []any{&n, &w.after, &w.top, &oldest, &now}, func() error {
		if w.ledger, w.any = ledgers[n], oldest != nil; w.any {
			w.oldest = now.Sub(*oldest)
			out = append(out, w)
		}
		return nil
	})
	return out, err
}

// waitingSQL asks of each ledger how far it is sealed, its greatest number, and when the
// oldest row behind the seals was added; each is one look into an index.
var waitingSQL = sync.OnceValue(func() string {
	parts := make([]string, len(ledgers))
	for i, l := range ledgers {
		parts[i] = fmt.Sprintf(`(SELECT %[4]d, x.after, coalesce((SELECT max(%[1]s) FROM %[2]s), x.after), (SELECT %[3]s FROM %[2]s WHERE %[1]s > x.after ORDER BY %[1]s LIMIT 1), clock_timestamp()
 FROM (SELECT coalesce((SELECT to_id FROM seals WHERE ledger = '%[5]s' ORDER BY to_id DESC LIMIT 1), $1) AS after) x)`, l.id, l.table, l.wall, i, l.name)
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY 1"
})

// unsealed are the ledgers whose turn it is.
func unsealed(ctx context.Context, q querier, o SealOptions) (out []waiting, err error) {
	all, err := waitingRows(ctx, q)
	for _, w := range all {
		var many bool
		if w.oldest < 0 { // the clock was set back since: nobody knows how long it waits
			w.oldest = o.Age
		}
		if w.oldest < o.Age && o.Rows > 0 {
			sql := fmt.Sprintf("SELECT count(*) = $2 FROM (SELECT FROM %s WHERE %s > $1 LIMIT $2) x", w.table, w.id)
			if err := q.QueryRow(ctx, sql, w.after, o.Rows).Scan(&many); err != nil {
				return nil, err
			}
		}
		if many || w.oldest >= o.Age {
			out = append(out, w)
		}
	}
	return out, err
}

// settlePoll is how often writers are looked at.
const settlePoll = 50 * time.Millisecond

// settle waits until everybody has ended who may have a number at or below the tops. It
// returns the ledgers for which that is not so.
func settle(ctx context.Context, q querier, all []waiting, patience time.Duration) (left []string, err error) {
	writing, err := writers(ctx, q, all)
	if err != nil {
		return nil, err
	}
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for len(writing) > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end.C:
			return leftOver(writing, all), nil
		case <-tick.C:
		}
		now, err := writers(ctx, q, all)
		if err != nil {
			return nil, err
		}
		for w := range writing {
			if !now[w] {
				delete(writing, w)
			}
		}
		for w := range now { // a writer that prepared its commit has another name now
			if w.prepared {
				writing[w] = true
			}
		}
	}
	return nil, nil
}

// leftOver are the ledgers somebody still writes to.
func leftOver(writing map[writer]bool, all []waiting) (left []string) {
	for _, w := range all {
		for x := range writing {
			if x.table == w.table {
				left = append(left, w.name)
				break
			}
		}
	}
	return left
}

// writer is a transaction that may insert into a table.
type writer struct {
	table    string
	tx       string
	prepared bool
}

// writers are the transactions that may insert into the ledgers' tables, but for this one.
func writers(ctx context.Context, q querier, all []waiting) (map[writer]bool, error) {
	var tables []string
	for _, w := range all {
		tables = append(tables, w.table)
	}
	rows, err := q.Query(ctx, `SELECT c.relname, l.virtualtransaction, l.pid IS NULL FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND c.relnamespace = 'public'::regnamespace
   AND c.relname = ANY($1) AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock', 'ShareUpdateExclusiveLock')`, tables)
	if err != nil {
		return nil, err
	}
	out := map[writer]bool{}
	var w writer
	_, err = pgx.ForEachRow(rows, []any{&w.table, &w.tx, &w.prepared}, func() error { out[w] = true; return nil })
	return out, err
}

// sealAll seals the ledgers that are settled.
func sealAll(ctx context.Context, t pgx.Tx, at time.Time, last chain.Seal, all []waiting, out *Sealed) error {
	left := map[string]bool{}
	for _, name := range out.Left {
		left[name] = true
	}
	for _, w := range all {
		for after := w.after; !left[w.name]; {
			if out.More = out.Rows >= roundRows; out.More {
				return nil
			}
			form := len(w.forms)
			rows, err := digestsOf(ctx, t, w.ledger, form, after, w.top, sealRows)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			last = chain.Next(last, w.name, form, after, at, rows)
			if err := putSeal(ctx, t, last); err != nil {
				return err
			}
			after, out.Rows, out.Seals, out.Head = last.To, out.Rows+int64(len(rows)), out.Seals+1, chain.Head{N: last.N, Hash: last.Hash}
		}
	}
	return nil
}

func digestsOf(ctx context.Context, q querier, l ledger, form int, after, to int64, limit int) ([]chain.Row, error) {
	rows, err := q.Query(ctx, l.digests(form), after, to, limit)
	if err != nil {
		return nil, err
	}
	out := make([]chain.Row, 0, min(limit, sealRows))
	var id int64
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &digest}, func() error {
		out = append(out, chain.Row{ID: id, Digest: chain.Hash(digest)})
		return nil
	})
	return out, err
}

func putSeal(ctx context.Context, t pgx.Tx, s chain.Seal) error {
	_, err := t.Exec(ctx, "INSERT INTO seals (n, ledger, form, after_id, to_id, count, at, marks, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		s.N, s.Ledger, s.Form, s.After, s.To, s.Count, s.At, s.Marks, s.Hash[:])
	return err
}

// --- verifying ----------------------------------------------------------------------

const sealColumns = "s.n, s.ledger, s.form, s.after_id, s.to_id, s.count, s.at, s.marks, s.hash"

func scanSeal(row pgx.CollectableRow, more ...any) (x chain.Seal, err error) {
	var hash []byte
	if err := row.Scan(append([]any{&x.N, &x.Ledger, &x.Form, &x.After, &x.To, &x.Count, &x.At, &x.Marks, &hash}, more...)...); err != nil {
		return x, err
	}
	x.Hash, x.At = chain.Hash(hash), x.At.UTC()
	return x, nil
}

// lastSeal is the seal with the greatest number, the zero one for none.
func lastSeal(ctx context.Context, q querier) (chain.Seal, error) {
	rows, err := q.Query(ctx, "SELECT "+sealColumns+" FROM seals s ORDER BY s.n DESC LIMIT 1")
	if err != nil {
		return chain.Seal{}, err
	}
	x, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (chain.Seal, error) { return scanSeal(row) })
	if errors.Is(err, pgx.ErrNoRows) {
		return chain.Seal{}, nil
	}
	return x, err
}

// chainSource is the store as internal/chain reads it.
type chainSource struct{ s *Store }

func (c chainSource) Last(ctx context.Context) (chain.Seal, error) { return lastSeal(ctx, c.s.pool) }

func (c chainSource) Hash(ctx context.Context, n int64) (h chain.Hash, ok bool, err error) {
	var hash []byte
	err = c.s.pool.QueryRow(ctx, "SELECT hash FROM seals WHERE n = $1", n).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	return chain.Hash(hash), true, nil
}

func (c chainSource) Ledgers(ctx context.Context) ([]string, error) {
	return rows(ctx, c.s, "sealed ledgers", "SELECT DISTINCT ledger FROM seals ORDER BY 1", nil, pgx.RowTo[string])
}

func (c chainSource) Seals(ctx context.Context, name string, after, upTo int64, limit int) ([]chain.Linked, error) {
	sql := "SELECT " + sealColumns + ", p.hash FROM seals s LEFT JOIN seals p ON p.n = s.n - 1 WHERE s.ledger = $1 AND s.to_id > $2 AND s.n <= $3 ORDER BY s.to_id LIMIT $4"
	return rows(ctx, c.s, "seals", sql, []any{name, after, upTo, limit}, func(row pgx.CollectableRow) (x chain.Linked, err error) {
		var prev []byte
		if x.Seal, err = scanSeal(row, &prev); err == nil && prev != nil {
			x.Prev, x.HasPrev = chain.Hash(prev), true
		}
		return x, err
	})
}

func (c chainSource) Rows(ctx context.Context, name string, form int, after, to int64, limit int) ([]chain.Row, error) {
	l, ok := ledgerNamed(name)
	if !ok || form < 1 || form > len(l.forms) {
		return nil, chain.ErrForm
	}
	return digestsOf(ctx, c.s.pool, l, form, after, to, limit)
}

// VerifyChain hashes every sealed row again, through the newest seal; see chain.Verify.
// kept are heads that were kept elsewhere; those of earlier verifications are compared, too:
// a chain whose end was cut off does not become whole by being verified again. It writes
// nothing.
func (s *Store) VerifyChain(ctx context.Context, kept ...chain.Head) (chain.Report, error) {
	lost, err := s.lostHeads(ctx)
	if err != nil {
		return chain.Report{}, err
	}
	r, err := chain.Verify(ctx, chainSource{s}, append(lost, kept...)...)
	if err != nil || r.Broken != nil {
		return r, err
	}
	r.Broken, err = s.outsideOfLog(ctx)
	return r, err
}

// outsideOfLog finds the first user, role or key that is not as its newest row in the log
// says: who switches triggers off and changes one leaves no row. Nil: all are.
func (s *Store) outsideOfLog(ctx context.Context) (*chain.Break, error) {
	// A user without roles needs no row that says so; what was deleted has a last row.
	const sql = `WITH stands AS (
  SELECT 'user' AS kind, u.id::text AS subject, duly_user_body(u) AS body FROM users u
  UNION ALL SELECT 'roles', u.id::text, duly_roles_body(u.id) FROM users u
  UNION ALL SELECT 'key', k.id, duly_key_body(k) FROM api_keys k
), told AS (
  SELECT DISTINCT ON (e.kind, e.subject) e.kind, e.subject, e.id, e.what, e.body FROM access_events e ORDER BY e.kind, e.subject, e.id DESC
)
SELECT coalesce(t.id, 0), (SELECT x.n FROM seals x WHERE x.ledger = 'access' AND x.to_id >= t.id ORDER BY x.to_id LIMIT 1)
FROM stands s FULL JOIN told t ON t.kind = s.kind AND t.subject = s.subject
WHERE s.body IS DISTINCT FROM t.body - 'moved' AND NOT (t.id IS NULL AND s.body = '{"roles": []}') AND NOT (s.body IS NULL AND (t.what = 'deleted' OR t.kind = 'roles'))
ORDER BY 1 LIMIT 1`
	b, err := s.unlogged(ctx, sql)
	if err != nil || b != nil {
		return b, err
	}
	return s.unlogged(ctx, jumps)
}

// jumps asks for the first row of the log that says more than it did: something had been
// changed past the log before it, and the row would cover that up. Rows that the audit of
// before left (body {}) say nothing.
const jumps = `WITH line AS (
  SELECT e.id, e.kind, e.what, e.body, lag(e.body) OVER (PARTITION BY e.kind, e.subject ORDER BY e.id) AS was FROM access_events e WHERE e.body <> '{}' OR e.what = 'deleted'
), judged AS (
  SELECT id, CASE
    WHEN what IN ('found', 'made', 'changed', 'deleted') THEN true
    WHEN kind = 'roles' THEN CASE what
      WHEN 'roles_given' THEN ARRAY(SELECT x FROM jsonb_array_elements_text(coalesce(was->'roles', '[]') || (body->'moved')) x ORDER BY 1)
                            = ARRAY(SELECT x FROM jsonb_array_elements_text(body->'roles') x ORDER BY 1)
      ELSE ARRAY(SELECT x FROM jsonb_array_elements_text((body->'roles') || (body->'moved')) x ORDER BY 1)
         = ARRAY(SELECT x FROM jsonb_array_elements_text(was->'roles') x ORDER BY 1) END
    WHEN was IS NULL THEN false
    ELSE body - allowed = was - allowed END AS fits
  FROM line, LATERAL (SELECT CASE what WHEN 'renamed' THEN '{name}' WHEN 'password' THEN '{password,must_change}' WHEN 'identity' THEN '{identity}'
    WHEN 'revoked' THEN '{revoked}' ELSE '{disabled}' END::text[] AS allowed) a
)
SELECT j.id, (SELECT x.n FROM seals x WHERE x.ledger = 'access' AND x.to_id >= j.id ORDER BY x.to_id LIMIT 1) FROM judged j WHERE j.fits IS NOT TRUE ORDER BY j.id LIMIT 1`

// unlogged runs one of the questions about the log. Nil: it finds nothing.
func (s *Store) unlogged(ctx context.Context, sql string) (*chain.Break, error) {
	b := chain.Break{Fault: chain.Unlogged, Ledger: "access"}
	var seal *int64
	err := s.pool.QueryRow(ctx, sql).Scan(&b.Row, &seal)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("users and keys beside their log: %w", explain(err))
	}
	if seal != nil {
		b.Seal = *seal
	}
	return &b, nil
}

// lostHeads is the lowest head that a verification once saw and that is not in the chain.
func (s *Store) lostHeads(ctx context.Context) ([]chain.Head, error) {
	const sql = `SELECT c.seals, c.head FROM chain_checks c WHERE c.seals > 0 AND octet_length(c.head) = 32 AND NOT EXISTS (SELECT FROM seals s WHERE s.n = c.seals AND s.hash = c.head)
 ORDER BY c.seals, c.id LIMIT 1`
	return rows(ctx, s, "heads of earlier verifications", sql, nil, func(row pgx.CollectableRow) (h chain.Head, err error) {
		var hash []byte
		err = row.Scan(&h.N, &hash)
		if err == nil {
			h.Hash = chain.Hash(hash)
		}
		return h, err
	})
}

// verifyLock is the advisory lock of who verifies because it is due.
const verifyLock = 0x6475_6c79_7665_7269 // "dulyveri"

// Verifying runs f unless another process does; false: one does. Hashing everything takes
// long at a million accounts, and every worker and console finds it due at the same minute.
func (s *Store) Verifying(ctx context.Context, f func() error) (mine bool, err error) {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("verifying alone: %w", explain(err))
	}
	defer c.Release()
	if err := c.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(verifyLock)).Scan(&mine); err != nil || !mine {
		return false, explain(err)
	}
	defer func() {
		if _, bad := c.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(verifyLock)); bad != nil {
			_ = c.Conn().Close(context.WithoutCancel(ctx)) // the lock goes with the connection
		}
	}()
	return true, f()
}

// --- the light ----------------------------------------------------------------------

// PutCheck keeps what a verification came to, for the integrity light and for auditors.
func (s *Store) PutCheck(ctx context.Context, c chain.Check) error {
	b := chain.Break{}
	if c.Broken != nil {
		b = *c.Broken
	}
	_, err := s.pool.Exec(ctx, "INSERT INTO chain_checks (at, by, seals, head, rows, fault, ledger, seal, row_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		micros(c.At), c.By, c.Head.N, c.Head.Hash[:], c.Rows, string(b.Fault), b.Ledger, b.Seal, b.Row)
	if err != nil {
		return fmt.Errorf("keeping the result of a verification: %w", explain(err))
	}
	return nil
}

// Checks are the latest verifications, the newest first.
func (s *Store) Checks(ctx context.Context, limit int) ([]chain.Check, error) {
	const sql = "SELECT at, by, seals, head, rows, fault, ledger, seal, row_id FROM chain_checks ORDER BY id DESC LIMIT $1"
	return rows(ctx, s, "verifications", sql, []any{limit}, func(row pgx.CollectableRow) (c chain.Check, err error) {
		var head []byte
		var b chain.Break
		if err := row.Scan(&c.At, &c.By, &c.Head.N, &head, &c.Rows, &b.Fault, &b.Ledger, &b.Seal, &b.Row); err != nil {
			return c, err
		}
		if len(head) != len(c.Head.Hash) {
			return c, errors.New("the head of a verification has " + strconv.Itoa(len(head)) + " bytes")
		}
		c.Head.Hash, c.At = chain.Hash(head), c.At.UTC()
		if b.Fault != "" {
			c.Broken = &b
		}
		return c, nil
	})
}

// ChainState is how the chain stands; asked cheaply.
func (s *Store) ChainState(ctx context.Context) (out chain.State, err error) {
	last, err := lastSeal(ctx, s.pool)
	if err != nil {
		return out, fmt.Errorf("the newest seal: %w", explain(err))
	}
	out.Head, out.SealedAt = chain.Head{N: last.N, Hash: last.Hash}, last.At
	wait, err := waitingRows(ctx, s.pool)
	if err != nil {
		return out, fmt.Errorf("rows that are not sealed: %w", explain(err))
	}
	for _, w := range wait {
		out.Unsealed, out.Oldest = append(out.Unsealed, w.name), max(out.Oldest, w.oldest)
	}
	checks, err := s.Checks(ctx, 1)
	if out.Checked = len(checks) == 1; out.Checked {
		out.Check = checks[0]
	}
	return out, err
}

// FirstSealed is the wall instant of the first seal; zero while nothing is sealed.
func (s *Store) FirstSealed(ctx context.Context) (at time.Time, err error) {
	all, err := rows(ctx, s, "the first seal", "SELECT s.at FROM seals s ORDER BY s.n LIMIT 1", nil, pgx.RowTo[time.Time])
	if err == nil && len(all) == 1 {
		at = all[0]
	}
	return at, err
}

// Seals are the latest seals, the newest first.
func (s *Store) Seals(ctx context.Context, limit int) ([]chain.Seal, error) {
	return rows(ctx, s, "seals", "SELECT "+sealColumns+" FROM seals s ORDER BY s.n DESC LIMIT $1", []any{limit}, func(row pgx.CollectableRow) (chain.Seal, error) { return scanSeal(row) })
}

// SealedThrough is the number through which a ledger is sealed; 0: nothing is. What is
// sealed is complete: no row with a lower number comes any more.
func (s *Store) SealedThrough(ctx context.Context, name string) (to int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT coalesce(max(to_id), 0) FROM seals WHERE ledger = $1", name).Scan(&to)
	if err != nil {
		return 0, fmt.Errorf("how far %s is sealed: %w", name, explain(err))
	}
	return to, nil
}
