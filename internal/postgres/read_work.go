package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

const (
	workOrder  = "work"
	workKey    = "w.rank, w.account_id, w.kind, w.id"
	workSorted = " ORDER BY " + workKey
)

// listWork puts the statement of a page of work together. What somebody has and what
// nobody has are two branches, the latter queue by queue, each in the order of an index.
func listWork(s read.Scope, f read.WorkFilter, at time.Time, p read.Page) (string, []any, error) {
	after, err := read.DecodeCursor(p.After, workOrder, 4)
	if err != nil {
		return "", nil, err
	}
	a := &ask{}
	c := &conds{ask: a}
	in(c, "w.kind", f.Kinds)
	c.uuid("w.account_id", f.Account)
	if f.Later { // calls that were promised for later are work from then on
		c.add("w.kind = '"+read.WorkCallback+"' AND w.due > %s::timestamptz", micros(at))
	} else {
		c.add("(w.kind <> '"+read.WorkCallback+"' OR w.due <= %s::timestamptz)", micros(at))
	}
	if after != nil {
		if okInstant(after[0]) != nil || after[0] == infinity || !isUUID(after[1]) {
			return "", nil, read.ErrBadCursor
		}
		c.add("(w.rank, w.account_id, w.kind, w.id) > (%s::text::timestamptz, %s::uuid, %s::text, %s::text)", after[0], after[1], after[2], after[3])
	}
	scope := s.Within(f.Creditors...)
	limit := " LIMIT " + a.p(p.Size()+1)
	branches := workBranches(a, scope, f, c.and()+workSorted+limit)
	return `WITH page AS MATERIALIZED (SELECT w.* FROM (SELECT * FROM (` + branches + `) w` + workSorted + limit + `) k
   JOIN work w ON w.account_id = k.account_id AND w.kind = k.kind AND w.id = k.id)
 SELECT w.body, w.debtor_id, d.key, w.account_id, a.key, w.creditor_id, coalesce(p.name, ''), st.body,
 coalesce(c.next_step, ''), c.next_at, coalesce(c.waits_for, ''),
 lc.reserved_at, lc.channel, lc.state, lc.automatic, ll.at, ll.channel, ll.direction, ll.outcome
 FROM page w JOIN accounts a ON a.id = w.account_id JOIN debtors d ON d.id = w.debtor_id
 LEFT JOIN debtor_profiles p ON p.debtor_id = w.debtor_id
 LEFT JOIN account_standings st ON st.account_id = w.account_id
 LEFT JOIN LATERAL (SELECT k.id, w.debtor_id, w.account_id, k.next_step, k.next_at, k.waits_for FROM cases k WHERE k.id = w.case_id
   UNION ALL SELECT NULL, w.debtor_id, w.account_id, NULL, NULL, NULL WHERE w.case_id IS NULL) c ON true` + lastTouch + workSorted, a.args, nil
}

// workBranches are SELECTs of keys of work w, which the indexes have; each of them ends with tail.
func workBranches(a *ask, scope read.Scope, f read.WorkFilter, tail string) string {
	from := func() string {
		return "(SELECT w.* FROM " + a.creditors(scope) + " CROSS JOIN LATERAL (SELECT " + workKey + " FROM work w WHERE w.creditor_id = s.creditor"
	}
	mine := func() string {
		c := &conds{ask: a}
		c.within("w.creditor_id", scope)
		in(c, "w.queue", f.Queues)
		return `(SELECT ` + workKey + ` FROM work w WHERE w.owner = ` + a.p(f.Owner) + ` AND w.owner <> ''` + c.and() + tail + `)`
	}
	free := func() string {
		if len(f.Queues) == 0 {
			return from() + ` AND w.owner = ''` + tail + `) w)`
		}
		return `(SELECT w.* FROM ` + a.creditors(scope) + ` CROSS JOIN unnest(` + a.p(f.Queues) + `::text[]) q(queue) CROSS JOIN LATERAL
 (SELECT ` + workKey + ` FROM work w WHERE w.creditor_id = s.creditor AND w.queue = q.queue AND w.owner = ''` + tail + `) w)`
	}
	switch {
	case f.Owner != "" && f.Mine:
		return mine()
	case f.Owner != "":
		return mine() + " UNION ALL " + free()
	case f.Mine:
		return free()
	}
	c := &conds{ask: a}
	in(c, "w.queue", f.Queues)
	return from() + c.and() + tail + `) w)`
}

func scanWork(at time.Time) func(pgx.CollectableRow) (read.WorkRow, error) {
	return func(row pgx.CollectableRow) (read.WorkRow, error) {
		var r read.WorkRow
		var t touch
		var work, standing []byte
		var next *time.Time
		if err := row.Scan(&work, &r.Debtor, &r.DebtorKey, &r.Account, &r.AccountKey, &r.Creditor, &r.Name, &standing,
			&r.NextStep, &next, &r.Waits,
			&t.sent, &t.channel, &t.state, &t.automatic, &t.logged, &t.loggedChannel, &t.direction, &t.loggedAs); err != nil {
			return r, err
		}
		if err := json.Unmarshal(work, &r.Work); err != nil {
			return r, fmt.Errorf("work of account %s cannot be read: %w", r.Account, err)
		}
		if err := standingOf(standing, &r.Standing); err != nil {
			return r, err
		}
		r.NextAt, r.Last = value(next), t.last()
		r.Today = r.Standing.Today(at, zone)
		r.Buckets = read.Age(r.Standing.Dues, r.Standing.Currency, r.Today)
		return r, nil
	}
}

func standingOf(body []byte, into *read.Standing) error {
	if body == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("a standing cannot be read: %w", err)
	}
	return nil
}

// Worklist is "my day", the most urgent first; see read.Reader.
func (s *Store) Worklist(ctx context.Context, scope read.Scope, f read.WorkFilter, at time.Time, p read.Page) (read.List[read.WorkRow], error) {
	sql, args, err := listWork(scope, f, at, p)
	if err != nil {
		return read.List[read.WorkRow]{}, err
	}
	all, err := rows(ctx, s, "work", sql, args, scanWork(at))
	if err != nil {
		return read.List[read.WorkRow]{}, err
	}
	return cut(all, p, workOrder, func(r read.WorkRow) []string {
		return []string{read.CursorTime(r.At), r.Account, r.Kind, r.ID}
	}), nil
}

// Queues counts work by queue and kind as of now (business time), by queue and kind.
func (s *Store) Queues(ctx context.Context, scope read.Scope, now time.Time) ([]read.QueueCount, error) {
	a := &ask{}
	c := &conds{ask: a}
	c.within("w.creditor_id", scope)
	sql := `SELECT w.queue, w.kind, count(*), count(*) FILTER (WHERE w.due < ` + a.p(micros(now)) + `::timestamptz), min(w.opened_at),
 count(*) FILTER (WHERE w.owner <> '') FROM work w
 WHERE (w.kind <> '` + read.WorkCallback + `' OR w.due <= ` + a.p(micros(now)) + `::timestamptz)` + c.and() + ` GROUP BY w.queue, w.kind ORDER BY w.queue, w.kind`
	return rows(ctx, s, "queues", sql, a.args, func(row pgx.CollectableRow) (q read.QueueCount, err error) {
		err = row.Scan(&q.Queue, &q.Kind, &q.N, &q.Late, &q.Oldest, &q.Taken)
		return q, err
	})
}

// AccountStanding is where an account stands. ErrNotFound outside of the scope, or when
// nothing is known of the account's debts.
func (s *Store) AccountStanding(ctx context.Context, scope read.Scope, account string) (read.Standing, error) {
	a := &ask{}
	c := &conds{ask: a}
	c.uuid("t.account_id", account)
	if account == "" {
		c.add("false")
	}
	c.within("t.creditor_id", scope)
	return one(ctx, s, "account", "SELECT t.body, t.version FROM account_standings t WHERE true"+c.and(), a.args,
		func(row pgx.CollectableRow) (st read.Standing, err error) {
			var body []byte
			var version int64
			if err := row.Scan(&body, &version); err != nil {
				return st, err
			}
			err = standingOf(body, &st)
			st.Version = version
			return st, err
		})
}

// today is the day where debtors are, when only one day for all can be named: in UTC.
func today(at time.Time) dunning.Date { return dunning.DateOf(at.UTC()) }
