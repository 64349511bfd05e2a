package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// Reports count over a portfolio or over weeks of it. They are bounded by their spans
// (read.MostDays) and use the indexes of time; ageing reads every standing. Whoever shows
// them keeps what was counted for a while and says when that was (package memo). What a day,
// a month, an age and a share are is said by package read: SQL gets bounds as parameters.

// LongestReport is how long one question of a report may take, unless UseReportLimit says
// otherwise. A report asks a few of them; what takes longer was asked of too much.
const LongestReport = 2 * time.Minute

// UseReportLimit sets how long one question of a report may take. Call it before the store is
// used.
func (s *Store) UseReportLimit(longest time.Duration) { s.longestReport = longest }

// reporting runs f over a store whose reads all see one instant and are stopped by the database
// when one takes longer than a report may: a heavy one gives its connection back, also when
// whoever asked for it has gone. Its error then wraps read.ErrTooLong.
func (s *Store) reporting(ctx context.Context, f func(as *Store) error) error {
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		limit := strconv.FormatInt(max(s.longestReport.Milliseconds(), 1), 10) // 0 would be none
		if _, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', $1, true)", limit); err != nil {
			return err
		}
		return f(s.over(tx))
	})
	if errors.Is(explain(err), errStopped) && ctx.Err() == nil {
		return fmt.Errorf("%w: the database stopped it after %s, so that it holds up nobody else. Choose one creditor or fewer days; "+
			"operations allow more time with DULY_REPORT_TIMEOUT", read.ErrTooLong, s.longestReport)
	}
	return explain(err)
}

// CreditorKnown reports whether a creditor of that id was ever made known.
func (s *Store) CreditorKnown(ctx context.Context, id string) (bool, error) {
	return one(ctx, s, "creditor", "SELECT EXISTS (SELECT FROM creditors WHERE id = $1)", []any{id}, pgx.RowTo[bool])
}

// --- ageing ------------------------------------------------------------------------------

// ReportAgeing is what is owed by age as of at, on the day of each debtor's own zone.
func (s *Store) ReportAgeing(ctx context.Context, scope read.Scope, at time.Time) (read.AgeingReport, error) {
	r := read.AgeingReport{ReportHead: read.ReportHead{At: at}, Rows: []read.AgeingRow{}}
	err := s.reporting(ctx, func(as *Store) error {
		zoned, days, err := as.daysOfZones(ctx, scope, at)
		if err != nil {
			return err
		}
		cells, err := as.agedDebt(ctx, scope, zoned, days)
		if err != nil {
			return err
		}
		cases, err := as.agedCases(ctx, scope, dunning.DateOf(at.UTC()))
		r.Rows = ageingRows(append(cells, cases...))
		return err
	})
	return r, err
}

// daysOfZones are the lists of candidate zones that standings have, as they are stored, and
// the day at an instant of each.
func (s *Store) daysOfZones(ctx context.Context, scope read.Scope, at time.Time) (lists, days []string, err error) {
	c := &conds{ask: &ask{}}
	c.within("s.creditor_id", scope)
	all, err := rows(ctx, s, "zones of accounts", `SELECT DISTINCT `+zonesOfStanding+`, ARRAY(SELECT jsonb_array_elements_text(
 CASE jsonb_typeof(s.body->'zones') WHEN 'array' THEN s.body->'zones' ELSE '[]' END)) FROM account_standings s WHERE `+hasDues+c.and(), c.args,
		func(row pgx.CollectableRow) (z zoneList, err error) { return z, row.Scan(&z.stored, &z.names) })
	for _, z := range all {
		lists, days = append(lists, z.stored), append(days, read.Standing{Zones: z.names}.Today(at, zone).String())
	}
	return lists, days, err
}

type zoneList struct {
	stored string
	names  []string
}

const (
	zonesOfStanding = "coalesce(s.body->>'zones', '')"
	hasDues         = "jsonb_typeof(s.body->'dues') = 'array'"
)

// agedCell is a bucket of a creditor and a currency; bucket 0 is the youngest, -1 the total.
type agedCell struct {
	creditor, currency string
	bucket             int
	open               int64
	items, debtors     int64
	cases              int64
}

// agedDebt sums what is owed. Each debtor is counted once in a bucket and once in the total.
func (s *Store) agedDebt(ctx context.Context, scope read.Scope, zoned, days []string) ([]agedCell, error) {
	c := &conds{ask: &ask{}}
	lists, todays, bounds := c.p(zoned), c.p(days), c.p(read.BucketBounds())
	c.within("s.creditor_id", scope)
	sql := `WITH z AS MATERIALIZED (SELECT * FROM unnest(` + lists + `::text[], ` + todays + `::text[]) z (zones, today)),
 d AS (SELECT s.creditor_id, s.body->>'currency' AS currency, s.debtor_id, width_bucket(z.today::date - (x->>'due')::date, ` + bounds + `::int[]) AS bucket,
   sum((x->>'open')::bigint)::bigint AS open, sum(1 + coalesce((x->>'more')::bigint, 0))::bigint AS items
   FROM account_standings s JOIN z ON z.zones = ` + zonesOfStanding + ` CROSS JOIN LATERAL jsonb_array_elements(s.body->'dues') x
   WHERE ` + hasDues + c.and() + ` GROUP BY 1, 2, 3, 4)
 SELECT creditor_id, currency, bucket, sum(open)::bigint, sum(items)::bigint, count(*) FROM d GROUP BY 1, 2, 3
 UNION ALL SELECT creditor_id, currency, -1, sum(open)::bigint, sum(items)::bigint, count(DISTINCT debtor_id) FROM d GROUP BY 1, 2
 ORDER BY 1, 2, 3`
	return rows(ctx, s, "ageing", sql, c.args, func(row pgx.CollectableRow) (x agedCell, err error) {
		return x, row.Scan(&x.creditor, &x.currency, &x.bucket, &x.open, &x.items, &x.debtors)
	})
}

// agedCases counts open cases by the age of their oldest debt, as the list of cases filters.
func (s *Store) agedCases(ctx context.Context, scope read.Scope, today dunning.Date) ([]agedCell, error) {
	c := &conds{ask: &ask{}}
	day, bounds := c.p(today.String()), c.p(read.BucketBounds())
	c.within("c.creditor_id", scope)
	sql := `SELECT c.creditor_id, c.currency, CASE WHEN c.oldest_due IS NULL THEN 0
   ELSE width_bucket(` + day + `::text::date - c.oldest_due, ` + bounds + `::int[]) END, count(*)
 FROM cases c WHERE c.status = 'open'` + c.and() + ` GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
	return rows(ctx, s, "cases by age", sql, c.args, func(row pgx.CollectableRow) (x agedCell, err error) {
		return x, row.Scan(&x.creditor, &x.currency, &x.bucket, &x.cases)
	})
}

func ageingRows(cells []agedCell) []read.AgeingRow {
	type key struct{ creditor, currency string }
	known := map[key]*read.AgeingRow{}
	for _, x := range cells {
		k := key{x.creditor, x.currency}
		if known[k] == nil {
			row := read.NewAgeingRow(x.creditor, x.currency)
			known[k] = &row
		}
		cell := &known[k].Total
		if x.bucket >= 0 {
			cell = &known[k].Buckets[x.bucket]
			known[k].Total.Cases += x.cases
		}
		cell.Open, cell.Items, cell.Debtors = cell.Open.Of(cell.Open.Minor()+x.open), cell.Items+x.items, cell.Debtors+x.debtors
		cell.Cases += x.cases
	}
	out := []read.AgeingRow{}
	for _, row := range known {
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b read.AgeingRow) int {
		return cmp.Or(cmp.Compare(a.Creditor, b.Creditor), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}

// --- run ---------------------------------------------------------------------------------

// ReportRun counts what happened on each day of a span.
func (s *Store) ReportRun(ctx context.Context, scope read.Scope, span read.Span, at time.Time) (read.RunReport, error) {
	r := read.RunReport{ReportHead: headOf(span, at), Counts: []read.RunLine{}}
	err := s.reporting(ctx, func(as *Store) error {
		for _, part := range []func(*bounded) string{decidedSQL, attemptsSQL, turnsSQL, skippedSQL} {
			lines, err := as.runLines(ctx, scope, span, part)
			if err != nil {
				return err
			}
			r.Counts = append(r.Counts, lines...)
		}
		return nil
	})
	order := read.RunKinds()
	slices.SortFunc(r.Counts, func(a, b read.RunLine) int {
		return cmp.Or(cmp.Compare(a.Day.String(), b.Day.String()), cmp.Compare(a.Creditor, b.Creditor),
			cmp.Compare(slices.Index(order, a.What), slices.Index(order, b.What)), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Reason, b.Reason))
	})
	return r, err
}

// runLines are the counts of one part of the run report.
func (s *Store) runLines(ctx context.Context, scope read.Scope, span read.Span, part func(*bounded) string) ([]read.RunLine, error) {
	b := newBounded(span.Starts(), scope)
	return rows(ctx, s, "the run report", part(b), b.args, func(row pgx.CollectableRow) (l read.RunLine, err error) {
		var day int
		err = row.Scan(&day, &l.Creditor, &l.What, &l.Channel, &l.Reason, &l.N)
		l.Day = span.From.AddDays(day)
		return l, err
	})
}

func headOf(span read.Span, at time.Time) read.ReportHead {
	return read.ReportHead{At: at, From: span.From, Until: span.Until, Zone: span.Zone.String()}
}

// bounded is a question about the days or months of a span.
type bounded struct {
	*ask
	scope         read.Scope
	exact         []time.Time // where each part begins, and the end
	starts        string      // parameter: exact; "" until it is used
	first, behind string      // parameters: the span is [first, behind)
}

func newBounded(starts []time.Time, scope read.Scope) *bounded {
	b := &bounded{ask: &ask{}, scope: scope, exact: make([]time.Time, len(starts))}
	for i, t := range starts {
		b.exact[i] = micros(t)
	}
	b.first, b.behind = b.p(b.exact[0])+"::timestamptz", b.p(b.exact[len(starts)-1])+"::timestamptz"
	return b
}

// part is the number of the part that an instant lies in, from 0.
func (b *bounded) part(column string) string {
	if b.starts == "" {
		b.starts = b.p(b.exact) + "::timestamptz[]"
	}
	return "width_bucket(" + column + ", " + b.starts + ") - 1"
}

// in is the condition that an instant lies in the span.
func (b *bounded) in(column string) string {
	return column + " >= " + b.first + " AND " + column + " < " + b.behind
}

// whose is the condition that a creditor lies in the scope, preceded by AND.
func (b *bounded) whose(column string) string {
	c := &conds{ask: b.ask}
	c.within(column, b.scope)
	return c.and()
}

// decidedSQL counts decisions by verb, and what a rule kept back: once for each step of a
// case, rule and earliest instant of a day, however often it was looked at.
func decidedSQL(b *bounded) string {
	return `WITH d AS MATERIALIZED (SELECT ` + b.part("x.at") + ` AS day, c.creditor_id, x.verb, x.rule, x.deferred, x.case_id, x.step, x.not_before
   FROM decisions x JOIN cases c ON c.id = x.case_id WHERE ` + b.in("x.at") + b.whose("c.creditor_id") + `)
 SELECT day, creditor_id, '` + read.RunDecided + `', '', verb, count(*) FROM d GROUP BY 1, 2, 5
 UNION ALL SELECT day, creditor_id, CASE WHEN deferred THEN '` + read.RunDeferred + `' ELSE '` + read.RunRefused + `' END, '', rule,
   count(DISTINCT (case_id, step, not_before)) FROM d WHERE rule <> '' GROUP BY 1, 2, 3, 5`
}

// attemptsSQL counts what became of messages. One that was taken, or came back, is counted
// when that was first known; each failure is an attempt.
func attemptsSQL(b *bounded) string {
	return `SELECT ` + b.part("a.at") + `, c.creditor_id,
   CASE a.state WHEN 'accepted' THEN '` + read.RunSent + `' WHEN 'failed' THEN '` + read.RunFailed + `' WHEN 'bounced' THEN '` + read.RunBounced +
		`' WHEN 'unknown' THEN '` + read.RunUnknown + `' ELSE '` + read.RunCancelled + `' END, c.channel,
   CASE WHEN a.state IN ('failed', 'bounced') THEN concat_ws(' ', a.class, a.code) ELSE '' END, count(*)
 FROM attempts a JOIN contacts c ON c.id = a.contact_id
 WHERE ` + b.in("a.at") + ` AND a.state IN ('accepted', 'failed', 'bounced', 'unknown', 'cancelled')` + b.whose("c.creditor_id") + `
   AND (a.state = 'failed' OR NOT EXISTS (SELECT FROM attempts e WHERE e.contact_id = a.contact_id AND e.state = a.state AND e.seq < a.seq))
 GROUP BY 1, 2, 3, 4, 5`
}

// skippedSQL counts steps that will not be done: each step that was waived, each whose
// condition was false ("condition"), each entry that ended without a message.
func skippedSQL(b *bounded) string {
	return `SELECT ` + b.part("f.at") + `, d.creditor_id, '` + read.RunSkipped + `', '',
   CASE f.kind WHEN 'step_passed' THEN 'condition' ELSE coalesce(f.body->>'why', '') END,
   sum(CASE WHEN f.kind = 'steps_waived' AND jsonb_typeof(f.body->'steps') = 'array' THEN jsonb_array_length(f.body->'steps') ELSE 1 END)
 FROM facts f JOIN debtors d ON d.id = f.debtor_id
 WHERE f.kind IN ('step_passed', 'steps_waived', 'entry_ended') AND ` + b.in("f.at") + b.whose("d.creditor_id") + `
 GROUP BY 1, 2, 5`
}

// turnsSQL counts cases that were opened and closed.
func turnsSQL(b *bounded) string {
	return `SELECT ` + b.part("f.at") + `, c.creditor_id,
   CASE WHEN f.kind = 'case_closed' THEN '` + read.RunClosed + `' WHEN (f.body->>'reopened')::boolean THEN '` +
		read.RunReopened + `' ELSE '` + read.RunOpened + `' END, '', coalesce(f.body->>'reason', ''), count(*)
 FROM facts f JOIN cases c ON c.id = f.case_id
 WHERE f.kind IN ('case_opened', 'case_closed') AND ` + b.in("f.at") + b.whose("c.creditor_id") + `
 GROUP BY 1, 2, 3, 5`
}
