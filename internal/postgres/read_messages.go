package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

const messageOrder = "messages"

func narrowMessages(a *ask, f read.MessageFilter) *conds {
	c := &conds{ask: a}
	if in(c, "m.state", f.States); len(f.States) > 0 && !slices.Contains(f.States, dunning.ContactAccepted) {
		c.add("m.state <> 'accepted'") // what is not accepted has an index of its own
	}
	in(c, "m.channel", f.Channels)
	if f.ProviderID != "" {
		c.add("m.provider_id = %s AND m.channel = ANY('{email,sms,letter,call}')", f.ProviderID)
	}
	c.eq("m.step", f.Step)
	c.eq("m.template", f.Template)
	c.uuid("m.case_id", f.Case)
	c.uuid("m.debtor_id", f.Debtor)
	c.between("m.reserved_at", f.From, f.Until)
	return c
}

const messageColumns = `m.id, m.debtor_id, d.key, a.id, a.key, m.creditor_id, coalesce(p.name, ''), m.case_id, m.step, m.round, m.channel, m.template,
 m.purpose, m.automatic, coalesce(m.point_id, ''), m.decision_id, m.reserved_at, m.state, m.state_at, coalesce(m.class, ''), coalesce(m.code, ''),
 m.permanent, coalesce(m.provider_id, ''), m.retry_at, m.deadline, coalesce(v.status, ''), v.at`

const messageJoins = ` JOIN cases c ON c.id = m.case_id JOIN accounts a ON a.id = c.account_id JOIN debtors d ON d.id = m.debtor_id
 LEFT JOIN debtor_profiles p ON p.debtor_id = m.debtor_id LEFT JOIN deliveries v ON v.contact_id = m.id`

func scanMessage(row pgx.CollectableRow) (read.MessageRow, error) {
	var m read.MessageRow
	var retry, deadline, delivered *time.Time
	err := row.Scan(&m.ID, &m.Debtor, &m.DebtorKey, &m.Account, &m.AccountKey, &m.Creditor, &m.Name, &m.Case, &m.Step, &m.Round, &m.Channel, &m.Template,
		&m.Purpose, &m.Automatic, &m.Point, &m.Decision, &m.Reserved, &m.State, &m.StateAt, &m.Class, &m.Code,
		&m.Permanent, &m.ProviderID, &retry, &deadline, &m.Delivery, &delivered)
	m.RetryAt, m.Deadline, m.DeliveryAt = value(retry), value(deadline), value(delivered)
	return m, err
}

func listMessages(s read.Scope, f read.MessageFilter, p read.Page) (string, []any, error) {
	after, err := read.DecodeCursor(p.After, messageOrder, 2)
	if err != nil {
		return "", nil, err
	}
	a := &ask{}
	from := a.creditors(s.Within(f.Creditors...))
	c := narrowMessages(a, f)
	if after != nil {
		if okInstant(after[0]) != nil {
			return "", nil, read.ErrBadCursor
		}
		c.add("(m.reserved_at, m.id) < (%s::text::timestamptz, %s::text)", after[0], after[1])
	}
	const order = " ORDER BY m.reserved_at DESC, m.id DESC"
	limit := " LIMIT " + a.p(p.Size()+1)
	return `WITH page AS MATERIALIZED (SELECT m.id, m.reserved_at FROM ` + from + ` CROSS JOIN LATERAL (SELECT m.id, m.reserved_at FROM contacts m
 WHERE m.creditor_id = s.creditor` + c.and() + order + limit + `) m` + order + limit + `)
 SELECT ` + messageColumns + ` FROM page JOIN contacts m ON m.id = page.id` + messageJoins + order, a.args, nil
}

// Messages is the message explorer, the newest first; see read.Reader.
func (s *Store) Messages(ctx context.Context, scope read.Scope, f read.MessageFilter, p read.Page) (read.List[read.MessageRow], error) {
	sql, args, err := listMessages(scope, f, p)
	if err != nil {
		return read.List[read.MessageRow]{}, err
	}
	all, err := rows(ctx, s, "messages", sql, args, scanMessage)
	if err != nil {
		return read.List[read.MessageRow]{}, err
	}
	return cut(all, p, messageOrder, func(m read.MessageRow) []string { return []string{read.CursorTime(m.Reserved), m.ID} }), nil
}

// CountMessages counts messages, exactly up to a thousand.
func (s *Store) CountMessages(ctx context.Context, scope read.Scope, f read.MessageFilter) (read.Count, error) {
	a := &ask{}
	c := narrowMessages(a, f)
	c.within("m.creditor_id", scope.Within(f.Creditors...))
	return s.count(ctx, "messages", "FROM contacts m WHERE true"+c.and(), a.args)
}

// Message is a message with its attempts. ErrNotFound outside of the scope.
func (s *Store) Message(ctx context.Context, scope read.Scope, id string) (read.MessageRow, error) {
	a := &ask{}
	c := &conds{ask: a}
	c.add("m.id = %s", id)
	c.within("m.creditor_id", scope)
	m, err := one(ctx, s, "message", "SELECT "+messageColumns+" FROM contacts m"+messageJoins+" WHERE true"+c.and(), a.args, scanMessage)
	if err != nil {
		return m, err
	}
	all := []read.MessageRow{m}
	err = s.attempts(ctx, all)
	return all[0], err
}

// attempts adds to messages the states that they have been in.
func (s *Store) attempts(ctx context.Context, messages []read.MessageRow) error {
	if len(messages) == 0 {
		return nil
	}
	place := make(map[string]int, len(messages))
	ids := make([]string, len(messages))
	for i, m := range messages {
		place[m.ID], ids[i] = i, m.ID
	}
	_, err := rows(ctx, s, "attempts", `SELECT a.contact_id, a.seq, a.state, a.at, a.recorded_at, coalesce(a.class, ''), coalesce(a.code, ''), a.permanent,
 coalesce(a.provider_id, ''), a.retry_at, a.deadline FROM attempts a WHERE a.contact_id = ANY($1::text[]) ORDER BY a.contact_id, a.seq`, []any{ids},
		func(row pgx.CollectableRow) (struct{}, error) {
			var id string
			var a read.AttemptRow
			var retry, deadline *time.Time
			err := row.Scan(&id, &a.Seq, &a.State, &a.At, &a.Recorded, &a.Class, &a.Code, &a.Permanent, &a.ProviderID, &retry, &deadline)
			a.RetryAt, a.Deadline = value(retry), value(deadline)
			m := &messages[place[id]]
			m.Attempts = append(m.Attempts, a)
			return struct{}{}, err
		})
	return err
}

// caseMessages are a case's messages with their attempts, the newest first.
func (s *Store) caseMessages(ctx context.Context, caseID string) ([]read.MessageRow, error) {
	all, err := rows(ctx, s, "messages", "SELECT "+messageColumns+" FROM contacts m"+messageJoins+
		" WHERE m.case_id = $1::uuid ORDER BY m.reserved_at DESC, m.id DESC LIMIT 500", []any{caseID}, scanMessage)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", caseID, err)
	}
	return all, s.attempts(ctx, all)
}
