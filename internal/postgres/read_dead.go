package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

const deadOrder = "dead"

// deadPart is a kind of dead letters as a query: each kind is read in the order of an index
// of its own and only as far as the page reaches, then they are merged; what is shown of a
// letter beyond that is looked up for the rows of the page alone.
type deadPart struct {
	from           string // with its conditions
	subject, since string // expressions
	creditor       string // expression: whose it is
	// columns: case, creditor, debtor, account, code, tries, channel, template, task.
	columns string
	is      func(c *conds, subject string) // narrows to one
}

// deadKinds are the kinds that the store knows, in order.
var deadKinds = []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook}

var deadParts = map[string]deadPart{
	read.DeadUnknown: {
		from: "contacts x WHERE x.state = 'unknown'", subject: "x.id", since: "x.state_at", creditor: "x.creditor_id",
		columns: "x.case_id, x.creditor_id, x.debtor_id, NULL::uuid, coalesce(x.code, x.class, ''), 0, x.channel, x.template, ''",
		is:      func(c *conds, subject string) { c.add("x.id = %s", subject) },
	},
	read.DeadFailed: {
		from: `tasks t LEFT JOIN contacts x ON x.id = t.contact_id AND t.contact_id <> ''
   WHERE t.ended_at IS NULL AND t.kind IN ('failed', 'parked') AND t.case_id IS NOT NULL`,
		subject: "t.case_id::text || '/' || t.id", since: "t.opened_at", creditor: "(SELECT w.creditor_id FROM debtors w WHERE w.id = t.debtor_id)",
		columns: "t.case_id, '', t.debtor_id, NULL::uuid, coalesce(nullif(t.reason, ''), t.kind), t.attempts, coalesce(x.channel, ''), coalesce(x.template, t.step), t.id",
		is: func(c *conds, subject string) {
			kase, task, _ := strings.Cut(subject, "/")
			c.uuid("t.case_id", kase)
			c.add("t.id = %s", task)
		},
	},
	read.DeadStuck: {
		from: "cases x WHERE x.status = 'open'", subject: "x.id::text", since: "LEAST(x.next_at, x.pending_at)", creditor: "x.creditor_id",
		columns: "x.id, x.creditor_id, x.debtor_id, x.account_id, coalesce(x.waits_for, ''), 0, '', coalesce(x.next_step, ''), ''",
		is:      func(c *conds, subject string) { c.uuid("x.id", subject) },
	},
	read.DeadInbox: {
		from:    `inbox x WHERE x.state = 'failed' AND NOT EXISTS (SELECT FROM inbox_assignments g WHERE g.inbox_id = x.id AND g.state <> 'undone')`,
		subject: "x.id::text", since: "x.at", creditor: "(SELECT w.creditor_id FROM debtors w WHERE w.id = x.debtors[1])",
		columns: "NULL::uuid, '', x.debtors[1], NULL::uuid, coalesce(nullif(x.error_code, ''), x.outcome), x.attempts, '', x.source, ''",
		is:      numbered("x.id"),
	},
	read.DeadHook: {
		from: `hook_deliveries d JOIN hooks h ON h.id = d.hook_id JOIN hook_events e ON e.seq = d.event
   WHERE d.next_at IS NULL AND d.delivered_at IS NULL AND h.ended_at IS NULL`,
		subject: "d.id::text", since: "e.at", creditor: "h.creditor_id",
		columns: "NULL::uuid, h.creditor_id, NULL::uuid, NULL::uuid, coalesce(nullif(d.problem, ''), d.status::text), d.tries, '', d.name, h.id::text",
		is:      numbered("d.id"),
	},
}

func numbered(column string) func(c *conds, subject string) {
	return func(c *conds, subject string) {
		if number(subject) != nil {
			c.add("false")
			return
		}
		c.add(column+" = %s::text::bigint", subject)
	}
}

// deadAfter is how late a case is stuck: the sweeper has woken it by then.
const deadAfter = 10 * time.Minute

// deadAsk is a question for dead letters.
type deadAsk struct {
	*ask
	scope   read.Scope
	before  string   // number of the parameter: cases that should have moved before are stuck
	after   []string // since, kind and subject of the last row of the page before
	subject string   // only this one
	limit   string   // number of the parameter
}

func newDeadAsk(scope read.Scope, now time.Time, limit int) *deadAsk {
	q := &deadAsk{ask: &ask{}, scope: scope}
	q.before, q.limit = q.p(micros(now.Add(-deadAfter)))+"::timestamptz", q.p(limit)
	return q
}

// part is the query of a kind: its first letters, the oldest first.
func (q *deadAsk) part(kind string) string {
	p := deadParts[kind]
	c := &conds{ask: q.ask}
	c.within(p.creditor, q.scope)
	if q.after != nil {
		c.add(p.since+" >= %s::text::timestamptz", q.after[0]) // an index knows this one
		c.add("("+p.since+", '"+kind+"', "+p.subject+") > (%s::text::timestamptz, %s::text, %s::text)", q.after[0], q.after[1], q.after[2])
	}
	if q.subject != "" {
		p.is(c, q.subject)
	}
	c.add("NOT EXISTS (SELECT FROM dead_letters_handled m WHERE m.kind = '" + kind + "' AND m.subject = " + p.subject + " AND m.since >= " + p.since + ")")
	columns := "SELECT '" + kind + "', " + p.subject + ", " + p.since + ", " + p.columns + " FROM "
	ordered := func(from, by string) string {
		return "(" + columns + from + c.and() + " ORDER BY " + by + " LIMIT " + q.limit + ")"
	}
	if kind != read.DeadStuck {
		return ordered(p.from, p.since+", "+p.subject)
	}
	// By either of two instants, each by its index; the first of both together are among the
	// first of each.
	next := "SELECT k.* FROM " + q.creditors(q.scope) + " CROSS JOIN LATERAL " +
		ordered(p.from+" AND x.creditor_id = s.creditor AND coalesce(x.next_at, 'infinity') < "+q.before, "coalesce(x.next_at, 'infinity'), x.id") + " k"
	return "((" + next + ") UNION " + ordered(p.from+" AND x.pending_at < "+q.before, "x.pending_at, x.id") + " ORDER BY 3, 2 LIMIT " + q.limit + ")"
}

// deadColumns name what a part selects.
const deadColumns = "d (kind, subject, since, case_id, creditor, debtor, account, code, tries, channel, template, task)"

// sql is the query of some kinds, none: all.
func (q *deadAsk) sql(kinds []string) string {
	var parts []string
	for _, k := range deadKinds {
		if len(kinds) == 0 || slices.Contains(kinds, k) {
			parts = append(parts, q.part(k))
		}
	}
	if len(parts) == 0 {
		q.subject = " " // of no letter
		parts = []string{q.part(read.DeadUnknown)}
	}
	return `WITH d AS MATERIALIZED (SELECT * FROM (` + strings.Join(parts, " UNION ALL ") + `) ` + deadColumns + ` WHERE ` + q.before +
		` IS NOT NULL ORDER BY d.since, d.kind, d.subject LIMIT ` + q.limit + `)
 SELECT d.kind, d.subject, coalesce(d.case_id::text, ''), coalesce(nullif(d.creditor, ''), b.creditor_id, ''), coalesce(d.debtor::text, ''), coalesce(b.key, ''),
 coalesce(ac.id::text, ''), coalesce(ac.key, ''), coalesce(pr.name, ''), d.since, d.code,
 CASE d.kind WHEN 'unknown' THEN (SELECT count(*) FROM attempts a WHERE a.contact_id = d.subject)::int ELSE d.tries END, d.channel, d.template,
 CASE d.kind WHEN 'unknown' THEN coalesce((SELECT t.id FROM tasks t WHERE t.debtor_id = d.debtor AND t.contact_id = d.subject AND t.kind = 'unknown'
   AND t.ended_at IS NULL ORDER BY t.id LIMIT 1), '') ELSE d.task END
 FROM d LEFT JOIN debtors b ON b.id = d.debtor LEFT JOIN cases ca ON ca.id = d.case_id LEFT JOIN accounts ac ON ac.id = coalesce(d.account, ca.account_id)
 LEFT JOIN debtor_profiles pr ON pr.debtor_id = d.debtor ORDER BY d.since, d.kind, d.subject`
}

// DeadLetters lists what was tried and came to no end, the oldest first, without what
// somebody has dealt with. No kinds: all that the store knows. Events of nobody are seen by
// who sees everything.
func (s *Store) DeadLetters(ctx context.Context, scope read.Scope, kinds []string, now time.Time, p read.Page) (read.List[read.DeadRow], error) {
	after, err := read.DecodeCursor(p.After, deadOrder, 3)
	if err != nil {
		return read.List[read.DeadRow]{}, err
	}
	if after != nil && okInstant(after[0]) != nil {
		return read.List[read.DeadRow]{}, read.ErrBadCursor
	}
	q := newDeadAsk(scope, now, p.Size()+1)
	q.after = after
	all, err := rows(ctx, s, "dead letters", q.sql(kinds), q.args, scanDead)
	if err != nil {
		return read.List[read.DeadRow]{}, err
	}
	return cut(all, p, deadOrder, func(r read.DeadRow) []string { return []string{read.CursorTime(r.Since), r.Kind, r.Subject} }), nil
}

func scanDead(row pgx.CollectableRow) (r read.DeadRow, err error) {
	var channel string
	err = row.Scan(&r.Kind, &r.Subject, &r.Case, &r.Creditor, &r.Debtor, &r.DebtorKey, &r.Account, &r.AccountKey, &r.Name, &r.Since, &r.Code, &r.Tries,
		&channel, &r.Template, &r.Task)
	r.Channel = dunning.Channel(channel)
	return r, err
}

// DeadLetter is one. ErrNotFound when it is none (any more) or lies outside of the scope.
func (s *Store) DeadLetter(ctx context.Context, scope read.Scope, kind, subject string, now time.Time) (read.DeadRow, error) {
	q := newDeadAsk(scope, now, 1)
	q.subject = subject + strings.Repeat(" ", max(0, 1-len(subject))) // never all of them
	return one(ctx, s, "a dead letter", q.sql([]string{kind}), q.args, scanDead)
}

// CountDead counts dead letters by kind, up to read.DeadMost+1 of each: whoever has more
// needs no figure but a remedy.
func (s *Store) CountDead(ctx context.Context, scope read.Scope, now time.Time) (map[string]int64, error) {
	q := newDeadAsk(scope, now, read.DeadMost+1)
	var parts []string
	for _, kind := range deadKinds {
		parts = append(parts, "SELECT '"+kind+"', count(*) FROM "+q.part(kind)+" k")
	}
	type count struct {
		kind string
		n    int64
	}
	all, err := rows(ctx, s, "dead letters", strings.Join(parts, " UNION ALL "), q.args,
		func(row pgx.CollectableRow) (x count, err error) { return x, row.Scan(&x.kind, &x.n) })
	out := map[string]int64{}
	for _, x := range all {
		if x.n > 0 {
			out[x.kind] = x.n
		}
	}
	return out, err
}

// HandleDead says that somebody has dealt with a dead letter. One that dies again later is
// a new one.
func (s *Store) HandleDead(ctx context.Context, r read.DeadRow, by, reason string, at time.Time) (added bool, err error) {
	n, err := s.q.HandleDeadLetter(ctx, sqlgen.HandleDeadLetterParams{Kind: r.Kind, Subject: r.Subject, Since: r.Since, By: by, At: micros(at), Reason: cleanText(reason)})
	return n > 0, explain(err)
}

// Wake leaves a nudge for a case: it looks again, and no rule is passed over by it.
func (s *Store) Wake(ctx context.Context, caseIDs ...string) error {
	return s.InDebtor(ctx, nil, func(tx *Tx) error { return tx.Nudge(ctx, caseIDs...) })
}
