package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// counted is one number of a month.
type counted struct {
	month                        int
	creditor, currency, of, what string
	n, minor                     int64
}

func (s *Store) counted(ctx context.Context, about, sql string, args []any) ([]counted, error) {
	return rows(ctx, s, about, sql, args, func(row pgx.CollectableRow) (x counted, err error) {
		return x, row.Scan(&x.month, &x.creditor, &x.currency, &x.of, &x.what, &x.n, &x.minor)
	})
}

// ReportPromises is what became of promises, plans and logged calls in the months of a span.
func (s *Store) ReportPromises(ctx context.Context, scope read.Scope, span read.Span, at time.Time) (read.PromiseReport, error) {
	months, starts := span.Months()
	r := read.PromiseReport{ReportHead: headOf(span, at)}
	var all []counted
	err := s.reporting(ctx, func(as *Store) error {
		for _, part := range []func(*bounded) string{promisesSQL, plansSQL, callsSQL} {
			b := newBounded(starts, scope)
			some, err := as.counted(ctx, "the report of promises", part(b), b.args)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	r.Promises, r.Plans, r.Calls = promiseRows(all, months), planRows(all, months), callRows(all, months)
	return r, err
}

// promisesSQL counts promises in the month in which they were made and in that in which they
// were judged; the amount is always the promised one.
func promisesSQL(b *bounded) string {
	return `SELECT ` + b.part("f.at") + `, a.creditor_id, f.currency, 'promise', 'made', count(*), sum(f.amount_minor)::bigint
 FROM facts f JOIN accounts a ON a.id = f.account_id WHERE f.kind = 'promise_made' AND ` + b.in("f.at") + b.whose("a.creditor_id") + ` GROUP BY 1, 2, 3
 UNION ALL SELECT ` + b.part("e.at") + `, a.creditor_id, f.currency, 'promise', e.body->>'outcome', count(*), sum(f.amount_minor)::bigint
 FROM facts e JOIN facts f ON f.debtor_id = e.debtor_id AND f.kind = 'promise_made' AND f.body->>'id' = e.body->>'id'
 JOIN accounts a ON a.id = f.account_id WHERE e.kind = 'promise_ended' AND ` + b.in("e.at") + b.whose("a.creditor_id") + ` GROUP BY 1, 2, 3, 5`
}

func plansSQL(b *bounded) string {
	return `SELECT ` + b.part("f.at") + `, d.creditor_id, '', 'plan',
   CASE f.kind WHEN 'plan_agreed' THEN 'agreed' ELSE coalesce(f.body->>'outcome', '') END, count(*), 0::bigint
 FROM facts f JOIN debtors d ON d.id = f.debtor_id
 WHERE f.kind IN ('plan_agreed', 'plan_ended') AND ` + b.in("f.at") + b.whose("d.creditor_id") + ` GROUP BY 1, 2, 5`
}

// callsSQL counts outbound calls by outcome; minor is how many of them were conversations
// with the debtor and nobody else.
func callsSQL(b *bounded) string {
	return `SELECT ` + b.part("l.at") + `, l.creditor_id, '', 'call', l.outcome, count(*),
   count(*) FILTER (WHERE l.outcome = 'conversation' AND coalesce(f.body->>'person', '') = '')
 FROM logged_contacts l LEFT JOIN facts f ON f.debtor_id = l.debtor_id AND f.version = l.version AND f.seq = l.seq
 WHERE l.direction = 'outbound' AND l.channel = 'call' AND ` + b.in("l.at") + b.whose("l.creditor_id") + ` GROUP BY 1, 2, 5`
}

type monthKey struct {
	month              int
	creditor, currency string
}

// byMonth makes the rows of one kind of counts, in order.
func byMonth[R any](all []counted, of string, fresh func(monthKey) R, add func(*R, counted)) []R {
	known := map[monthKey]*R{}
	var keys []monthKey
	for _, x := range all {
		if x.of != of {
			continue
		}
		k := monthKey{x.month, x.creditor, x.currency}
		if known[k] == nil {
			row := fresh(k)
			known[k], keys = &row, append(keys, k)
		}
		add(known[k], x)
	}
	slices.SortFunc(keys, func(a, b monthKey) int {
		return cmp.Or(cmp.Compare(a.creditor, b.creditor), cmp.Compare(a.currency, b.currency), cmp.Compare(a.month, b.month))
	})
	out := []R{}
	for _, k := range keys {
		out = append(out, *known[k])
	}
	return out
}

func promiseRows(all []counted, months []string) []read.PromiseRow {
	return byMonth(all, "promise", func(k monthKey) read.PromiseRow {
		return read.PromiseRow{
			Month: months[k.month], Creditor: k.creditor, Currency: k.currency, Promised: read.Minor(0, k.currency), KeptSum: read.Minor(0, k.currency),
			Rate: read.ShareOf(0, 0),
		}
	}, func(r *read.PromiseRow, x counted) {
		switch x.what {
		case "made":
			r.Made, r.Promised = x.n, read.Minor(x.minor, x.currency)
		case "kept":
			r.Kept, r.KeptSum = x.n, read.Minor(x.minor, x.currency)
		case "partly":
			r.Partly = x.n
		case "broken":
			r.Broken = x.n
		case "withdrawn":
			r.Withdrawn = x.n
		}
		r.Settle()
	})
}

func planRows(all []counted, months []string) []read.PlanRow {
	return byMonth(all, "plan", func(k monthKey) read.PlanRow {
		return read.PlanRow{Month: months[k.month], Creditor: k.creditor}
	}, func(r *read.PlanRow, x counted) {
		switch x.what {
		case "agreed":
			r.Agreed = x.n
		case "kept", "paid_off":
			r.Kept += x.n
		case "broken":
			r.Broken = x.n
		case "cancelled":
			r.Cancelled = x.n
		}
		r.Settle()
	})
}

func callRows(all []counted, months []string) []read.CallRow {
	rows := byMonth(all, "call", func(k monthKey) read.CallRow {
		return read.CallRow{Month: months[k.month], Creditor: k.creditor}
	}, func(r *read.CallRow, x counted) {
		r.Calls += x.n
		r.Outcomes = append(r.Outcomes, read.OutcomeCount{Outcome: x.what, N: x.n})
		r.RightParty = read.ShareOf(r.RightParty.Count+x.minor, r.Calls)
	})
	for _, r := range rows {
		slices.SortFunc(r.Outcomes, func(a, b read.OutcomeCount) int { return cmp.Compare(a.Outcome, b.Outcome) })
	}
	return rows
}

// --- steps ---------------------------------------------------------------------------------

// reservedBefore is how long before it was taken a message may have been reserved to be seen
// by the report of steps: letters wait for their batch.
const reservedBefore = 30 * 24 * time.Hour

// ReportSteps counts which steps were followed by a payment. It reads debtor by debtor, so
// that a year of a large portfolio needs no memory.
func (s *Store) ReportSteps(ctx context.Context, scope read.Scope, span read.Span, at time.Time) (read.StepReport, error) {
	r := read.StepReport{ReportHead: headOf(span, at)}
	starts := span.Starts()
	from, until := starts[0], starts[len(starts)-1]
	tally := read.NewStepTally(from, until, at)
	b := newBounded([]time.Time{from.Add(-read.CreditFor), until.Add(read.CreditFor)}, scope)
	reserved := b.p(micros(from.Add(-read.CreditFor-reservedBefore))) + "::timestamptz"
	err := s.reporting(ctx, func(as *Store) error {
		var d debtorSteps
		found, err := as.db.Query(ctx, stepsSQL(b, reserved), append([]any{planned}, b.args...)...)
		if err != nil {
			return err
		}
		return d.all(found, tally)
	})
	r.Rows = tally.Rows()
	return r, err
}

// stepsSQL is all that was sent, paid and taken back, ordered by debtor. The version of a
// sequence that a message was of is that of its case, unless the case was moved since then:
// then that of the decision that allowed it. A message was sent when it was first taken, a
// letter when it was posted: what is reported of it later (delivered, a complaint) moves the
// contact, and does not send it anew.
func stepsSQL(b *bounded, reserved string) string {
	return `WITH moved AS MATERIALIZED (SELECT DISTINCT f.case_id FROM facts f WHERE f.kind = 'migrated' AND f.at >= ` + reserved + `)
 SELECT * FROM (
 SELECT 'message' AS of, c.debtor_id::text AS debtor, k.account_id::text AS account, taken.at, c.step, c.case_id::text AS kase, c.round,
   CASE WHEN w.v IS NULL OR w.v = k.sequence_version THEN k.sequence_id
     ELSE coalesce((SELECT min(v.sequence) FROM sequence_versions v WHERE v.version = w.v), k.sequence_id) END AS sequence,
   coalesce(w.v, k.sequence_version) AS version, ''::text AS id, 0::bigint AS minor, ''::text AS currency
 FROM contacts c JOIN cases k ON k.id = c.case_id LEFT JOIN moved m ON m.case_id = c.case_id
 LEFT JOIN LATERAL (SELECT NULLIF((SELECT x.sequence FROM decisions x WHERE x.id = c.decision_id), '') AS v WHERE m.case_id IS NOT NULL) w ON true
 CROSS JOIN LATERAL (SELECT coalesce(min(a.at) FILTER (WHERE a.code = '` + dunning.LetterPostedCode + `'), min(a.at)) AS at
   FROM attempts a WHERE a.contact_id = c.id AND a.state = 'accepted') taken
 WHERE c.state = 'accepted' AND c.automatic AND c.step <> '' AND position('.' IN c.step) = 0
   AND c.reserved_at >= ` + reserved + ` AND c.reserved_at < ` + b.behind + ` AND c.state_at >= ` + b.first + b.whose("c.creditor_id") + `
   AND ` + b.in("taken.at") + `
 UNION ALL SELECT 'payment', f.debtor_id::text, f.account_id::text, f.at, '', '', 0, '', '', f.body->>'id', f.amount_minor, f.currency
 FROM facts f JOIN accounts a ON a.id = f.account_id WHERE f.kind = 'payment' AND ` + b.in("f.at") + b.whose("a.creditor_id") + `
 UNION ALL SELECT 'taken', f.debtor_id::text, '', f.at, '', '', 0, '', '', f.body->>'payment', 0, ''
 FROM facts f JOIN debtors d ON d.id = f.debtor_id WHERE f.kind = 'payment_reversed' AND f.at >= ` + b.first + b.whose("d.creditor_id") + `
 ) x ORDER BY debtor, of, at, id, kase, step`
}

// debtorSteps is what is known of the debtor that is being read.
type debtorSteps struct {
	debtor   string
	messages []read.StepMessage
	payments []read.StepPayment
	taken    map[string]bool
}

func (d *debtorSteps) all(found pgx.Rows, tally *read.StepTally) error {
	var of, debtor, id, currency string
	var m read.StepMessage
	var minor int64
	into := []any{&of, &debtor, &m.Account, &m.At, &m.Step, &m.Case, &m.Round, &m.Sequence, &m.Version, &id, &minor, &currency}
	_, err := pgx.ForEachRow(found, into, func() error {
		if debtor != d.debtor {
			tally.Add(d.messages, d.payments, d.taken)
			*d = debtorSteps{debtor: debtor, messages: d.messages[:0], payments: d.payments[:0], taken: map[string]bool{}}
		}
		switch of {
		case "message":
			d.messages = append(d.messages, m)
		case "payment":
			d.payments = append(d.payments, read.StepPayment{Account: m.Account, ID: id, At: m.At, Minor: minor, Currency: currency})
		default:
			d.taken[id] = true
		}
		return nil
	})
	tally.Add(d.messages, d.payments, d.taken)
	return err
}

// --- recovery -----------------------------------------------------------------------------

// ReportRecovery is how soon the cases that were opened in each month ended as paid or
// settled, and what was paid in it.
func (s *Store) ReportRecovery(ctx context.Context, scope read.Scope, span read.Span, at time.Time) (read.RecoveryReport, error) {
	months, starts := span.Months()
	r := read.RecoveryReport{ReportHead: headOf(span, at)}
	var all []counted
	err := s.reporting(ctx, func(as *Store) error {
		for _, part := range []func(*bounded, time.Time) string{cohortsSQL, collectedSQL} {
			b := newBounded(starts, scope)
			some, err := as.counted(ctx, "the report of recovery", part(b, at), b.args)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	for i := range all {
		all[i].of = "recovery"
	}
	r.Rows = recoveryRows(all, months)
	return r, err
}

// cohortsSQL counts the cases of each month: all (day 0), then for each age those that are
// that old (n) and those of them that were paid by then (minor).
func cohortsSQL(b *bounded, at time.Time) string {
	now, days := b.p(micros(at))+"::timestamptz", b.p(read.RecoveryDays())+"::int[]"
	return `WITH f AS MATERIALIZED (SELECT ` + b.part("f.at") + ` AS month, c.creditor_id, c.currency, f.at, c.closed_at, c.close_reason
   FROM facts f JOIN cases c ON c.id = f.case_id
   WHERE f.kind = 'case_opened' AND NOT coalesce((f.body->>'reopened')::boolean, false) AND ` + b.in("f.at") + b.whose("c.creditor_id") + `)
 SELECT month, creditor_id, currency, '', 'opened', count(*), 0::bigint FROM f GROUP BY 1, 2, 3
 UNION ALL SELECT month, creditor_id, currency, '', d::text, count(*),
   count(*) FILTER (WHERE close_reason IN ('paid', 'settled') AND closed_at <= at + d * interval '24 hours')
 FROM f CROSS JOIN unnest(` + days + `) d WHERE at + d * interval '24 hours' <= ` + now + ` GROUP BY 1, 2, 3, 5`
}

// collectedSQL sums payments that were not taken back.
func collectedSQL(b *bounded, _ time.Time) string {
	return `SELECT ` + b.part("f.at") + `, a.creditor_id, f.currency, '', 'collected', count(*), sum(f.amount_minor)::bigint
 FROM facts f JOIN accounts a ON a.id = f.account_id
 LEFT JOIN (SELECT DISTINCT r.debtor_id, r.body->>'payment' AS id FROM facts r WHERE r.kind = 'payment_reversed' AND r.at >= ` + b.first + `) r
   ON r.debtor_id = f.debtor_id AND r.id = f.body->>'id'
 WHERE f.kind = 'payment' AND r.id IS NULL AND ` + b.in("f.at") + b.whose("a.creditor_id") + ` GROUP BY 1, 2, 3`
}

func recoveryRows(all []counted, months []string) []read.RecoveryRow {
	return byMonth(all, "recovery", func(k monthKey) read.RecoveryRow {
		r := read.RecoveryRow{Month: months[k.month], Creditor: k.creditor, Currency: k.currency, Collected: read.Minor(0, k.currency)}
		for _, d := range read.RecoveryDays() {
			r.Paid = append(r.Paid, read.RecoveryShare{Days: d})
		}
		return r
	}, func(r *read.RecoveryRow, x counted) {
		switch x.what {
		case "opened":
			r.Opened = x.n
		case "collected":
			r.Payments, r.Collected = x.n, read.Minor(x.minor, x.currency)
		default:
			for i := range r.Paid {
				if strconv.Itoa(r.Paid[i].Days) == x.what {
					r.Paid[i].Share = read.ShareOf(x.minor, x.n)
				}
			}
		}
	})
}
