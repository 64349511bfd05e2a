package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

const importOrder = "imports"

const importColumns = `SELECT r.id, r.kind, r.creditor_id, r.file_name, r.mapping, r.at, r.started_at, r.finished_at, r.done_row, r.counts,
 (SELECT count(*) FROM import_rejects j WHERE j.run_id = r.id) FROM import_runs r WHERE true`

// Imports lists runs of imports, the newest first; see read.Reader.
func (s *Store) Imports(ctx context.Context, scope read.Scope, p read.Page) (read.List[read.ImportRow], error) {
	after, err := read.DecodeCursor(p.After, importOrder, 2)
	if err != nil {
		return read.List[read.ImportRow]{}, err
	}
	c := &conds{ask: &ask{}}
	c.within("r.creditor_id", scope)
	if after != nil {
		if okInstant(after[0]) != nil {
			return read.List[read.ImportRow]{}, read.ErrBadCursor
		}
		c.add("(r.started_at, r.id) < (%s::text::timestamptz, %s::text)", after[0], after[1])
	}
	sql := importColumns + c.and() + " ORDER BY r.started_at DESC, r.id DESC LIMIT " + c.p(p.Size()+1)
	all, err := rows(ctx, s, "imports", sql, c.args, func(row pgx.CollectableRow) (r read.ImportRow, err error) {
		var counts []byte
		var finished *time.Time
		if err := row.Scan(&r.ID, &r.Kind, &r.Creditor, &r.File, &r.Mapping, &r.At, &r.Started, &finished, &r.DoneRow, &counts, &r.Rejects); err != nil {
			return r, err
		}
		r.Finished = value(finished)
		return r, json.Unmarshal(counts, &r.Counts)
	})
	if err != nil {
		return read.List[read.ImportRow]{}, err
	}
	return cut(all, p, importOrder, func(r read.ImportRow) []string { return []string{read.CursorTime(r.Started), r.ID} }), nil
}

const rejectOrder = "rejects"

// ImportRejects are the rows that a run refused, in order. ErrNotFound outside of the scope.
func (s *Store) ImportRejects(ctx context.Context, scope read.Scope, id string, p read.Page) (read.List[read.RejectRow], error) {
	after, err := read.DecodeCursor(p.After, rejectOrder, 1)
	if err != nil {
		return read.List[read.RejectRow]{}, err
	}
	c := &conds{ask: &ask{}}
	c.add("r.id = %s", id)
	c.within("r.creditor_id", scope)
	if _, err := one(ctx, s, "import", "SELECT r.id FROM import_runs r WHERE true"+c.and(), c.args, pgx.RowTo[string]); err != nil {
		return read.List[read.RejectRow]{}, err
	}
	from := "0"
	if after != nil {
		if from = after[0]; number(from) != nil {
			return read.List[read.RejectRow]{}, read.ErrBadCursor
		}
	}
	all, err := rows(ctx, s, "rejected rows",
		"SELECT j.row, j.reason, j.line, j.column_name, j.field FROM import_rejects j WHERE j.run_id = $1 AND j.row > $2::text::bigint ORDER BY j.row LIMIT $3",
		[]any{id, from, p.Size() + 1}, pgx.RowToStructByPos[read.RejectRow])
	if err != nil {
		return read.List[read.RejectRow]{}, err
	}
	return cut(all, p, rejectOrder, func(r read.RejectRow) []string { return []string{strconv.FormatInt(r.Row, 10)} }), nil
}

// ReleaseList lists published configurations, the newest first.
func (s *Store) ReleaseList(ctx context.Context) ([]read.ReleaseRow, error) {
	return rows(ctx, s, "releases", `SELECT r.version, r.published_at, r.by, (SELECT count(*) FROM release_files f WHERE f.release = r.version),
 r.version = (SELECT x.release FROM release_activations x ORDER BY x.seq DESC LIMIT 1) IS TRUE,
 (SELECT coalesce(sum(n.n), 0)::bigint FROM sequence_versions v JOIN LATERAL (SELECT count(*) AS n FROM creditors k JOIN cases c
    ON c.creditor_id = k.id AND c.status = 'open' AND c.sequence_id = v.sequence AND c.sequence_version = v.version) n ON true WHERE v.release = r.version)
 FROM releases r ORDER BY r.seq DESC`, nil, pgx.RowToStructByPos[read.ReleaseRow])
}

// ReleaseDiff is what differs between two releases, by path. before may be "": nothing.
func (s *Store) ReleaseDiff(ctx context.Context, before, after string) ([]read.FileChange, error) {
	var old Release
	var err error
	if before != "" {
		if old, err = s.Release(ctx, before); err != nil {
			return nil, err
		}
	}
	now, err := s.Release(ctx, after)
	if err != nil {
		return nil, err
	}
	paths := map[string]bool{}
	for p := range old.Files {
		paths[p] = true
	}
	for p := range now.Files {
		paths[p] = true
	}
	var out []read.FileChange
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		was, had := old.Files[p]
		is, has := now.Files[p]
		if had != has || !bytes.Equal(was, is) {
			out = append(out, read.FileChange{Path: p, Before: was, After: is})
		}
	}
	return out, nil
}

// StepCounts counts open cases by step and what they wait for; see read.Reader.
func (s *Store) StepCounts(ctx context.Context, scope read.Scope, sequence string) ([]read.StepCount, error) {
	c := &conds{ask: &ask{}}
	c.within("c.creditor_id", scope)
	c.eq("c.sequence_id", sequence)
	return rows(ctx, s, "counts of steps", `SELECT c.sequence_id, c.sequence_version, c.next_step, c.waits_for, count(*)
 FROM cases c WHERE c.status = 'open'`+c.and()+
		` GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`, c.args, pgx.RowToStructByPos[read.StepCount])
}

// HealthNumbers says what the store knows of the system's health; see read.Reader.
func (s *Store) HealthNumbers(ctx context.Context, scope read.Scope, now time.Time) (read.Health, error) {
	open, err := s.CountCases(ctx, scope, read.CaseFilter{})
	if err != nil {
		return read.Health{}, err
	}
	c := &conds{ask: &ask{}}
	at := c.p(micros(now)) + "::timestamptz"
	hour := c.p(micros(now.Add(-time.Hour))) + "::timestamptz"
	whose := func(column string) string {
		w := &conds{ask: c.ask}
		w.within(column, scope)
		return w.and()
	}
	sql := `SELECT due.n, due.first, (SELECT count(*) FROM nudges n WHERE n.delivered_at IS NULL),
 (SELECT min(n.created_at) FROM nudges n WHERE n.delivered_at IS NULL), m.unknown, m.first, m.sending,
 (SELECT count(*) FROM contacts x WHERE x.state IN ('failed', 'bounced') AND x.state_at > ` + hour + ` AND x.state_at <= ` + at + whose("x.creditor_id") + `),
 (SELECT count(*) FROM creditors k JOIN LATERAL (SELECT FROM contacts x WHERE x.creditor_id = k.id AND x.reserved_at > ` + hour +
		` AND x.reserved_at <= ` + at + ` AND x.state = 'accepted') x ON true WHERE true` + whose("k.id") + `),
 w.n, w.late, i.n, i.first, (SELECT count(*) FROM import_runs r WHERE r.finished_at IS NULL` + whose("r.creditor_id") + `)
 FROM (SELECT count(*) AS n, min(least(x.next_at, x.pending_at)) AS first FROM cases x
   WHERE x.status = 'open' AND (x.next_at < ` + at + ` OR x.pending_at < ` + at + `)` + whose("x.creditor_id") + `) due,
 (SELECT count(*) FILTER (WHERE x.state = 'unknown') AS unknown, min(x.state_at) FILTER (WHERE x.state = 'unknown') AS first,
   count(*) FILTER (WHERE x.state = 'sending') AS sending FROM contacts x WHERE x.state IN ('reserved', 'sending', 'unknown')` + whose("x.creditor_id") + `) m,
 (SELECT count(*) AS n, count(*) FILTER (WHERE x.due < ` + at + `) AS late FROM work x WHERE true` + whose("x.creditor_id") + `) w,
 (SELECT count(*) AS n, min(x.received_at) AS first FROM inbox x WHERE x.state = 'pending') i`
	h, err := one(ctx, s, "health", sql, c.args, func(row pgx.CollectableRow) (h read.Health, err error) {
		var due, nudge, unknown, hook *time.Time
		err = row.Scan(&h.Due, &due, &h.Outbox, &nudge, &h.Unknown, &unknown, &h.Sending, &h.FailedHour, &h.AcceptedHour,
			&h.Work, &h.WorkLate, &h.Webhooks, &hook, &h.Imports)
		h.OldestDue, h.OldestNudge, h.OldestUnk, h.OldestHook = value(due), value(nudge), value(unknown), value(hook)
		return h, err
	})
	if err != nil {
		return h, err
	}
	h.At, h.Open = now, open
	h.Feeds, err = s.feedsIn(ctx, scope)
	return h, err
}

func (s *Store) feedsIn(ctx context.Context, scope read.Scope) ([]read.Feed, error) {
	feeds, err := s.Feeds(ctx)
	var out []read.Feed
	for _, f := range feeds {
		if scope.Allows(f.Creditor) {
			out = append(out, read.Feed{Creditor: f.Creditor, Until: f.Until})
		}
	}
	return out, err
}

const inboxOrder = "inbox"

// Unassigned lists received messages and events that could not be assigned or processed, the
// oldest first; see read.Reader. What belongs to no debtor is seen by who sees everything.
func (s *Store) Unassigned(ctx context.Context, scope read.Scope, p read.Page) (read.List[read.InboxRow], error) {
	after, err := read.DecodeCursor(p.After, inboxOrder, 1)
	if err != nil {
		return read.List[read.InboxRow]{}, err
	}
	c := &conds{ask: &ask{}}
	if !scope.All() {
		c.add("EXISTS (SELECT FROM debtors d WHERE d.id = ANY(i.debtors) AND d.creditor_id = ANY(%s::text[]))", scope.Creditors())
	}
	if after != nil {
		if number(after[0]) != nil {
			return read.List[read.InboxRow]{}, read.ErrBadCursor
		}
		c.add("i.id > %s::text::bigint", after[0])
	}
	all, err := rows(ctx, s, "the inbox", `SELECT i.id, i.source, i.kind, i.received_at, i.at, i.processed_at, i.state, i.outcome, i.attempts, i.error_code,
 i.contact_id, i.debtors FROM inbox i WHERE i.state IN ('unmatched', 'failed')`+c.and()+" ORDER BY i.id LIMIT "+c.p(p.Size()+1), c.args,
		func(row pgx.CollectableRow) (r read.InboxRow, err error) {
			var processed *time.Time
			err = row.Scan(&r.ID, &r.Source, &r.Kind, &r.Received, &r.At, &processed, &r.State, &r.Outcome, &r.Attempts, &r.Error, &r.Contact, &r.Debtors)
			r.Processed = value(processed)
			return r, err
		})
	if err != nil {
		return read.List[read.InboxRow]{}, err
	}
	return cut(all, p, inboxOrder, func(r read.InboxRow) []string { return []string{strconv.FormatInt(r.ID, 10)} }), nil
}

// --- a collector's own numbers ----------------------------------------------------

// did is a kind of thing that a person did, counted.
type did struct {
	kind, outcome, currency string
	call                    bool
	n, minor                int64
}

// Numbers is what a collector did in [from, until); see read.Reader. by is as in facts:
// "user:" and the id.
func (s *Store) Numbers(ctx context.Context, scope read.Scope, by string, from, until time.Time) (read.OwnNumbers, error) {
	o := read.OwnNumbers{By: by, From: from, Until: until}
	c := &conds{ask: &ask{}}
	c.add("f.by = %s AND f.by LIKE 'user:%%'", by)
	c.within("d.creditor_id", scope)
	promised := &conds{ask: c.ask, list: slices.Clone(c.list)} // whenever it was
	c.between("f.at", from, until)
	ended := &conds{ask: c.ask}
	ended.between("e.at", from, until)
	all, err := rows(ctx, s, "own numbers", `SELECT f.kind, coalesce(CASE WHEN f.kind = 'contact_logged' THEN
   CASE WHEN f.body->>'direction' <> 'outbound' THEN 'in'
        WHEN f.body->>'outcome' = 'conversation' AND coalesce(f.body->>'person', '') = '' THEN 'talk' ELSE 'out' END END, ''),
   coalesce(f.currency, ''), coalesce(f.body->>'channel', '') = 'call', count(*), coalesce(sum(f.amount_minor), 0)::bigint
 FROM facts f JOIN debtors d ON d.id = f.debtor_id WHERE true`+c.and()+` GROUP BY 1, 2, 3, 4
 UNION ALL SELECT 'ended', e.body->>'outcome', coalesce(f.currency, ''), false, count(*), coalesce(sum(f.amount_minor), 0)::bigint
 FROM facts f JOIN debtors d ON d.id = f.debtor_id JOIN facts e ON e.debtor_id = f.debtor_id AND e.kind = 'promise_ended' AND e.body->>'id' = f.body->>'id'
 WHERE f.kind = 'promise_made'`+promised.and()+ended.and()+` GROUP BY 1, 2, 3, 4
 UNION ALL SELECT 'debtors', '', '', false, count(DISTINCT f.debtor_id), 0 FROM facts f JOIN debtors d ON d.id = f.debtor_id WHERE true`+c.and()+`
 ORDER BY 1, 2, 3, 4`, c.args, func(row pgx.CollectableRow) (x did, err error) {
		err = row.Scan(&x.kind, &x.outcome, &x.currency, &x.call, &x.n, &x.minor)
		return x, err
	})
	if err != nil {
		return o, fmt.Errorf("numbers of a collector: %w", err)
	}
	for _, x := range all {
		x.addTo(&o)
	}
	return o, nil
}

func (x did) addTo(o *read.OwnNumbers) {
	n := int(x.n)
	switch x.kind {
	case "contact_logged":
		x.addContact(o)
	case "promise_made":
		o.Promises, o.Promised = o.Promises+n, addMoney(o.Promised, x)
	case "ended":
		switch x.outcome {
		case "kept":
			o.Kept, o.Collected = o.Kept+n, addMoney(o.Collected, x)
		case "broken", "partly":
			o.Broken += n
		}
	case "plan_agreed":
		o.Plans += n
	case "task_ended":
		o.TasksDone += n
	case "dispute_raised":
		o.Disputes += n
	case "note_written":
		o.Notes += n
	case "lease_taken":
		o.LeasesTaken += n
	case "debtors":
		o.Debtors = n
	}
}

func (x did) addContact(o *read.OwnNumbers) {
	switch {
	case x.outcome == "in":
	case x.call:
		o.Calls += int(x.n)
		if x.outcome == "talk" {
			o.RightParty += int(x.n)
		}
	default:
		o.Messages += int(x.n)
	}
}

// addMoney adds an amount in its own currency. Rows come by currency.
func addMoney(to []money.Amount, x did) []money.Amount {
	add := read.Minor(x.minor, x.currency)
	for i, a := range to {
		if sum, err := a.Add(add); err == nil && a.Currency() == add.Currency() {
			to[i] = sum
			return to
		}
	}
	return append(to, add)
}
