package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/read"
)

// touches are outbound and inbound contacts since an instant with what they count as.
// A message counts from its reservation unless it is proven that it did not leave.
const touches = `
 SELECT m.debtor_id, m.channel, m.reserved_at AS at, 1 AS attempt, 0 AS talk, 0 AS inbound FROM contacts m
  WHERE %[1]s m.reserved_at > %[2]s::timestamptz AND m.reserved_at <= %[3]s::timestamptz AND m.state NOT IN ('failed', 'cancelled')
 UNION ALL
 SELECT l.debtor_id, l.channel, l.at, (l.direction = 'outbound')::int, (l.outcome = 'conversation')::int, (l.direction = 'inbound')::int
  FROM logged_contacts l
  WHERE %[4]s l.at > %[2]s::timestamptz AND l.at <= %[3]s::timestamptz`

const frequencyColumns = `SELECT d.id, d.key, d.creditor_id, coalesce(p.name, ''), t.channel, t.attempts, t.talks, t.inbound, t.last
 FROM t JOIN debtors d ON d.id = t.debtor_id LEFT JOIN debtor_profiles p ON p.debtor_id = d.id`

func scanFrequency(row pgx.CollectableRow) (f read.FrequencyRow, err error) {
	err = row.Scan(&f.Debtor, &f.DebtorKey, &f.Creditor, &f.Name, &f.Channel, &f.Attempts, &f.Talks, &f.Inbound, &f.Last)
	return f, err
}

// Frequency is how often a debtor was contacted in the days before at, by channel; see
// read.Reader. It shows what happened: what a rule counts is decided by the rule.
func (s *Store) Frequency(ctx context.Context, scope read.Scope, debtor string, at time.Time, days int) ([]read.FrequencyRow, error) {
	if !isUUID(debtor) {
		return nil, fmt.Errorf("debtor %s: %w", debtor, ErrNotFound)
	}
	a := &ask{}
	id := a.p(debtor) + "::uuid"
	from, until := a.p(micros(at.Add(-time.Duration(days)*24*time.Hour))), a.p(micros(at))
	c := &conds{ask: a}
	c.within("d.creditor_id", scope)
	sql := "WITH t AS (SELECT x.debtor_id, x.channel, sum(attempt)::int AS attempts, sum(talk)::int AS talks, sum(inbound)::int AS inbound, " +
		"max(at) AS last FROM (" +
		fmt.Sprintf(touches, "m.debtor_id = "+id+" AND", from, until, "l.debtor_id = "+id+" AND") + ") x GROUP BY 1, 2) " +
		frequencyColumns + " WHERE true" + c.and() + " ORDER BY t.channel"
	return rows(ctx, s, "contact frequency", sql, a.args, scanFrequency)
}

// Frequent lists the debtors of a scope that were contacted most often in the days before
// at, over all channels: Channel is "".
func (s *Store) Frequent(ctx context.Context, scope read.Scope, at time.Time, days, limit int) ([]read.FrequencyRow, error) {
	a := &ask{}
	from, until := a.p(micros(at.Add(-time.Duration(days)*24*time.Hour))), a.p(micros(at))
	whose := func(alias string) string { return "" }
	if !scope.All() {
		ids := a.p(scope.Creditors())
		whose = func(alias string) string { return alias + ".creditor_id = ANY(" + ids + "::text[]) AND" }
	}
	sql := "WITH t AS MATERIALIZED (SELECT x.debtor_id, '' AS channel, sum(attempt)::int AS attempts, sum(talk)::int AS talks, sum(inbound)::int AS inbound, " +
		"max(at) AS last FROM (" + fmt.Sprintf(touches, whose("m"), from, until, whose("l")) +
		") x GROUP BY x.debtor_id ORDER BY attempts DESC, x.debtor_id LIMIT " + a.p(min(max(limit, 1), read.MaxLimit)) + ") " +
		frequencyColumns + " ORDER BY t.attempts DESC, d.id"
	return rows(ctx, s, "contact frequency", sql, a.args, scanFrequency)
}

const consentOrder = "consents"

// Consents is the ledger of consents, opt-outs and preferences, the newest first; see
// read.Reader.
func (s *Store) Consents(ctx context.Context, scope read.Scope, f read.ConsentFilter, p read.Page) (read.List[read.ConsentRow], error) {
	after, err := read.DecodeCursor(p.After, consentOrder, 4)
	if err != nil {
		return read.List[read.ConsentRow]{}, err
	}
	a := &ask{}
	from := a.creditors(scope.Within(f.Creditors...))
	c := &conds{ask: a}
	c.uuid("k.debtor_id", f.Debtor)
	in(c, "k.kind", f.Kinds)
	c.eq("k.channel", string(f.Channel))
	c.between("k.at", f.From, f.Until)
	if after != nil {
		if okInstant(after[0]) != nil || !isUUID(after[1]) || number(after[2]) != nil || number(after[3]) != nil {
			return read.List[read.ConsentRow]{}, read.ErrBadCursor
		}
		c.add("(k.at, k.debtor_id, k.version, k.seq) < (%s::text::timestamptz, %s::uuid, %s::text::bigint, %s::text::int)", after[0], after[1], after[2], after[3])
	}
	const order = " ORDER BY k.at DESC, k.debtor_id DESC, k.version DESC, k.seq DESC"
	limit := " LIMIT " + a.p(p.Size()+1)
	sql := `WITH page AS MATERIALIZED (SELECT k.* FROM ` + from + ` CROSS JOIN LATERAL (SELECT * FROM consent_ledger k WHERE k.creditor_id = s.creditor` +
		c.and() + order + limit + `) k` + order + limit + `)
 SELECT k.debtor_id, d.key, k.creditor_id, coalesce(p.name, ''), k.kind, k.at, k.recorded_at, k.by, k.source, k.channel, k.point, k.detail, k.version, k.seq
 FROM page k JOIN debtors d ON d.id = k.debtor_id LEFT JOIN debtor_profiles p ON p.debtor_id = k.debtor_id` + order
	all, err := rows(ctx, s, "consents", sql, a.args, func(row pgx.CollectableRow) (r read.ConsentRow, err error) {
		err = row.Scan(&r.Debtor, &r.DebtorKey, &r.Creditor, &r.Name, &r.Kind, &r.At, &r.Recorded, &r.By, &r.Source, &r.Channel, &r.Point,
			&r.Detail, &r.Version, &r.Seq)
		return r, err
	})
	if err != nil {
		return read.List[read.ConsentRow]{}, err
	}
	return cut(all, p, consentOrder, func(r read.ConsentRow) []string {
		return []string{read.CursorTime(r.At), r.Debtor, strconv.FormatInt(r.Version, 10), strconv.Itoa(r.Seq)}
	}), nil
}

const auditOrder = "audit"

// AuditLog lists what people and programs did, the newest first; see read.Reader.
func (s *Store) AuditLog(ctx context.Context, scope read.Scope, f read.AuditFilter, p read.Page) (read.List[read.AuditRow], error) {
	after, err := read.DecodeCursor(p.After, auditOrder, 1)
	if err != nil {
		return read.List[read.AuditRow]{}, err
	}
	a := &ask{}
	c := &conds{ask: a}
	c.eq("u.by", f.By)
	c.eq("u.subject", f.Subject)
	if n := len(f.Action); n > 0 && f.Action[n-1] == '.' {
		c.add("starts_with(u.action, %s)", f.Action)
	} else {
		c.eq("u.action", f.Action)
	}
	c.between("u.at", f.From, f.Until)
	c.within("u.detail->>'creditor'", scope)
	if after != nil {
		if number(after[0]) != nil {
			return read.List[read.AuditRow]{}, read.ErrBadCursor
		}
		c.add("u.id < %s::text::bigint", after[0])
	}
	sql := "SELECT u.id, u.at, u.recorded_at, u.by, u.action, u.subject, u.detail FROM audit u WHERE true" + c.and() +
		" ORDER BY u.id DESC LIMIT " + a.p(p.Size()+1)
	all, err := rows(ctx, s, "the audit log", sql, a.args, scanAudit)
	if err != nil {
		return read.List[read.AuditRow]{}, err
	}
	return cut(all, p, auditOrder, func(r read.AuditRow) []string { return []string{strconv.FormatInt(r.ID, 10)} }), nil
}

// scanAudit reads a row of the audit log; a detail that is no text is shown as JSON.
func scanAudit(row pgx.CollectableRow) (r read.AuditRow, err error) {
	var detail []byte
	if err := row.Scan(&r.ID, &r.At, &r.Recorded, &r.By, &r.Action, &r.Subject, &detail); err != nil {
		return r, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(detail, &members); err != nil {
		return r, fmt.Errorf("audit row %d cannot be read: %w", r.ID, err)
	}
	r.Detail = make(map[string]string, len(members))
	for name, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		r.Detail[name] = text
	}
	return r, nil
}
