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

// sweptAfter is when an open case should have been woken by the sweeper.
const sweptAfter = 5 * time.Minute

// Operating says what operations want to know beside HealthNumbers, as of an instant of
// business time.
func (s *Store) Operating(ctx context.Context, scope read.Scope, now time.Time) (o read.Operating, err error) {
	c := &conds{ask: &ask{}}
	before := c.p(micros(now.Add(-sweptAfter)))
	c.within("c.creditor_id", scope)
	sql := "SELECT (SELECT count(*) FROM cases c WHERE c.status = 'open' AND LEAST(c.next_at, c.pending_at) < " + before + "::timestamptz" + c.and() + `),
 (SELECT count(*) FROM inbox i WHERE i.state IN ('unmatched', 'failed'))`
	o, err = one(ctx, s, "late cases", sql, c.args, func(row pgx.CollectableRow) (o read.Operating, err error) {
		return o, row.Scan(&o.Late, &o.Inbox)
	})
	if err != nil {
		return o, err
	}
	for _, fill := range []func(context.Context, *read.Operating) error{
		func(ctx context.Context, o *read.Operating) (err error) {
			o.Channels, err = s.channelRates(ctx, scope, now)
			return err
		}, s.paused, s.processes, s.database,
	} {
		if err := fill(ctx, &o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// channelRates count attempts by how they ended, in the last quarter of an hour.
func (s *Store) channelRates(ctx context.Context, scope read.Scope, now time.Time) ([]read.ChannelRate, error) {
	c := &conds{ask: &ask{}}
	c.between("a.at", now.Add(-read.RateWindow), now.Add(time.Microsecond))
	c.within("c.creditor_id", scope)
	return rows(ctx, s, "rates of channels", `SELECT c.channel, count(*) FILTER (WHERE a.state = 'accepted'),
 count(*) FILTER (WHERE a.state IN ('failed', 'bounced')), count(*) FILTER (WHERE a.state = 'unknown')
 FROM attempts a JOIN contacts c ON c.id = a.contact_id WHERE a.state IN ('accepted', 'failed', 'bounced', 'unknown')`+c.and()+
		` GROUP BY c.channel ORDER BY c.channel`, c.args, pgx.RowToStructByPos[read.ChannelRate])
}

func (s *Store) paused(ctx context.Context, o *read.Operating) error {
	all, err := s.q.PausedSenders(ctx)
	for _, r := range all {
		o.Paused = append(o.Paused, read.PausedRow{Sender: r.Sender, Until: r.PausedUntil})
	}
	return explain(err)
}

func (s *Store) processes(ctx context.Context, o *read.Operating) error {
	all, err := s.q.ProcessReports(ctx)
	for _, r := range all {
		o.Processes = append(o.Processes, read.ProcessRow{Process: r.Process, Kind: r.Kind, Seen: r.SeenAt, Age: r.Now.Sub(r.SeenAt), Body: r.Body})
	}
	return explain(err)
}

// database asks the server about itself. Replication is left out where this login may not
// see it.
func (s *Store) database(ctx context.Context, o *read.Operating) (err error) {
	o.Database, err = one(ctx, s, "the database's state", `SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('max_connections')::int,
 count(*)::int, count(*) FILTER (WHERE wait_event_type = 'Lock')::int,
 coalesce((extract(epoch FROM max(clock_timestamp() - xact_start) FILTER (WHERE pid <> pg_backend_pid() AND state <> 'idle')) * 1000000)::bigint, 0)
 FROM pg_stat_activity WHERE datname = current_database()`, nil, func(row pgx.CollectableRow) (d read.Database, err error) {
		var us int64
		err = row.Scan(&d.Version, &d.Most, &d.Connections, &d.Waiting, &us)
		d.OldestTx = time.Duration(us) * time.Microsecond
		return d, err
	})
	if err != nil {
		return err
	}
	o.Database.Replicas, err = rows(ctx, s, "replication", `SELECT coalesce(application_name, ''), coalesce(state, ''),
 coalesce((extract(epoch FROM replay_lag) * 1000000)::bigint, 0) FROM pg_stat_replication WHERE state IS NOT NULL ORDER BY 1, 2`, nil,
		func(row pgx.CollectableRow) (r read.Replica, err error) {
			var us int64
			err = row.Scan(&r.Name, &r.State, &us)
			r.Lag = time.Duration(us) * time.Microsecond
			return r, err
		})
	return err
}

// Report keeps what a process says of itself: JSON without personal data.
func (s *Store) Report(ctx context.Context, process, kind string, body []byte) error {
	return explain(s.q.PutProcessReport(ctx, process, kind, body))
}

// EndReport forgets a process that ended, and those that have not been heard of for a day.
func (s *Store) EndReport(ctx context.Context, process string) error {
	return explain(s.q.EndProcessReport(ctx, process))
}

// --- dead letters ----------------------------------------------------------------

const deadOrder = "dead"

// deadParts are the kinds of dead letters as queries with the same columns: kind, subject,
// case, creditor, debtor, account, since, code, tries, channel, template, task.
var deadParts = map[string]string{
	read.DeadUnknown: `SELECT 'unknown', x.id, x.case_id, x.creditor_id, x.debtor_id, ca.account_id, x.state_at, coalesce(x.code, x.class, ''),
  (SELECT count(*) FROM attempts a WHERE a.contact_id = x.id)::int, x.channel, x.template,
  coalesce((SELECT t.id FROM tasks t WHERE t.debtor_id = x.debtor_id AND t.contact_id = x.id AND t.kind = 'unknown' AND t.ended_at IS NULL ORDER BY t.id LIMIT 1), '')
  FROM contacts x JOIN cases ca ON ca.id = x.case_id WHERE x.state = 'unknown'`,
	read.DeadFailed: `SELECT 'failed', t.case_id::text || '/' || t.id, t.case_id, ca.creditor_id, t.debtor_id, ca.account_id, t.opened_at,
  coalesce(nullif(t.reason, ''), t.kind), t.attempts, coalesce(x.channel, ''), coalesce(x.template, t.step), t.id
  FROM tasks t JOIN cases ca ON ca.id = t.case_id LEFT JOIN contacts x ON x.id = t.contact_id AND t.contact_id <> ''
  WHERE t.ended_at IS NULL AND t.kind IN ('failed', 'parked')`,
	read.DeadStuck: `SELECT 'stuck', x.id::text, x.id, x.creditor_id, x.debtor_id, x.account_id, LEAST(x.next_at, x.pending_at), coalesce(x.waits_for, ''), 0, '', coalesce(x.next_step, ''), ''
  FROM cases x WHERE x.status = 'open' AND (x.next_at < $1::timestamptz OR x.pending_at < $1::timestamptz)`, // each by its index,
	read.DeadInbox: `SELECT 'inbox', x.id::text, NULL::uuid, '', x.debtors[1], NULL::uuid, x.at, coalesce(nullif(x.error_code, ''), x.outcome), x.attempts, '', x.source, ''
  FROM inbox x WHERE x.state = 'failed' AND NOT EXISTS (SELECT FROM inbox_assignments g WHERE g.inbox_id = x.id AND g.state <> 'undone')`,
	read.DeadHook: `SELECT 'hook', d.id::text, NULL::uuid, h.creditor_id, NULL::uuid, NULL::uuid, e.at, coalesce(nullif(d.problem, ''), d.status::text), d.tries, '', d.name, h.id::text
  FROM hook_deliveries d JOIN hooks h ON h.id = d.hook_id JOIN hook_events e ON e.seq = d.event
  WHERE d.next_at IS NULL AND d.delivered_at IS NULL AND h.ended_at IS NULL`,
}

// deadKinds are the kinds that the store knows, in order.
var deadKinds = []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook}

// deadAfter is how late a case is stuck: the sweeper has woken it by then.
const deadAfter = 10 * time.Minute

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
	c := &conds{ask: &ask{args: []any{micros(now.Add(-deadAfter))}}}
	if after != nil {
		c.add("(d.since, d.kind, d.subject) > (%s::text::timestamptz, %s::text, %s::text)", texts(after)...)
	}
	deadScope(c, scope)
	all, err := rows(ctx, s, "dead letters", deadSQL(kinds)+c.and()+" ORDER BY d.since, d.kind, d.subject LIMIT "+c.p(p.Size()+1), c.args, scanDead)
	if err != nil {
		return read.List[read.DeadRow]{}, err
	}
	return cut(all, p, deadOrder, func(r read.DeadRow) []string { return []string{read.CursorTime(r.Since), r.Kind, r.Subject} }), nil
}

func texts(all []string) []any {
	out := make([]any, len(all))
	for i, t := range all {
		out[i] = t
	}
	return out
}

// deadScope narrows to a scope: by the row's creditor, else by whom the event is about.
func deadScope(c *conds, scope read.Scope) {
	if !scope.All() {
		c.add("coalesce(nullif(d.creditor, ''), b.creditor_id) = ANY(%s::text[])", scope.Creditors())
	}
}

// deadSQL is the query up to its conditions.
func deadSQL(kinds []string) string {
	var parts []string
	for _, k := range deadKinds {
		if len(kinds) == 0 || slices.Contains(kinds, k) {
			parts = append(parts, deadParts[k])
		}
	}
	if len(parts) == 0 {
		parts = []string{deadParts[read.DeadUnknown] + " AND false"}
	}
	return `SELECT d.kind, d.subject, coalesce(d.case_id::text, ''), coalesce(nullif(d.creditor, ''), b.creditor_id, ''), coalesce(d.debtor::text, ''), coalesce(b.key, ''),
 coalesce(d.account::text, ''), coalesce(ac.key, ''), coalesce(pr.name, ''), d.since, d.code, d.tries, d.channel, d.template, d.task
 FROM (` + strings.Join(parts, " UNION ALL ") + `) d (kind, subject, case_id, creditor, debtor, account, since, code, tries, channel, template, task)
 LEFT JOIN debtors b ON b.id = d.debtor LEFT JOIN accounts ac ON ac.id = d.account LEFT JOIN debtor_profiles pr ON pr.debtor_id = d.debtor
 WHERE $1::timestamptz IS NOT NULL AND NOT EXISTS (SELECT FROM dead_letters_handled h WHERE h.kind = d.kind AND h.subject = d.subject AND h.since >= d.since)`
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
	c := &conds{ask: &ask{args: []any{micros(now.Add(-deadAfter))}}}
	c.add("d.kind = %s AND d.subject = %s", kind, subject)
	deadScope(c, scope)
	return one(ctx, s, "a dead letter", deadSQL([]string{kind})+c.and(), c.args, scanDead)
}

// CountDead counts dead letters by kind, up to read.DeadMost+1 of each: whoever has more
// needs no figure but a remedy.
func (s *Store) CountDead(ctx context.Context, scope read.Scope, now time.Time) (map[string]int64, error) {
	c := &conds{ask: &ask{args: []any{micros(now.Add(-deadAfter))}}}
	deadScope(c, scope)
	type count struct {
		kind string
		n    int64
	}
	most := c.p(read.DeadMost + 1)
	var parts []string
	for _, kind := range deadKinds {
		parts = append(parts, "SELECT '"+kind+"', count(*) FROM ("+deadSQL([]string{kind})+c.and()+" LIMIT "+most+") k")
	}
	all, err := rows(ctx, s, "dead letters", strings.Join(parts, " UNION ALL "), c.args,
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

// --- configuration -----------------------------------------------------------------

// SequenceCounts counts open cases by sequence version, the newest of each sequence first,
// with the release that brought it. InForce is left to the caller.
func (s *Store) SequenceCounts(ctx context.Context, scope read.Scope) ([]read.SequenceCount, error) {
	c := &conds{ask: &ask{}}
	c.within("c.creditor_id", scope)
	return rows(ctx, s, "cases by sequence version", `SELECT n.sequence_id, n.sequence_version, coalesce(v.release, ''), r.published_at, n.n
 FROM (SELECT c.sequence_id, c.sequence_version, count(*) AS n FROM cases c WHERE c.status = 'open'`+c.and()+` GROUP BY 1, 2) n
 LEFT JOIN sequence_versions v ON v.sequence = n.sequence_id AND v.version = n.sequence_version LEFT JOIN releases r ON r.version = v.release
 ORDER BY n.sequence_id, r.seq DESC NULLS LAST, n.sequence_version`, c.args, func(row pgx.CollectableRow) (n read.SequenceCount, err error) {
		var since *time.Time
		err = row.Scan(&n.Sequence, &n.Version, &n.Release, &since, &n.N)
		n.Since = value(since)
		return n, err
	})
}
