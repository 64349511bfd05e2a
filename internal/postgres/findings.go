package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
)

// OpenFinding opens a finding, unless one with its key is there: then that one's id is
// returned and nothing changes. Errors of what is missing wrap ErrRefused.
func (s *Store) OpenFinding(ctx context.Context, f read.NewFinding) (id string, opened bool, err error) {
	if f.Detail == nil {
		f.Detail = json.RawMessage("{}")
	}
	if f.Rules == nil {
		f.Rules = []string{}
	}
	id = uuid.NewString()
	err = pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		const insert = `INSERT INTO findings (id, key, source, kind, title, creditor_id, debtor_id, account_id, case_id, decision_id, contact_id, rules, at, opened_at, body, owner, due)
 VALUES ($1, $2, $3, $4, $5, $6, nullif($7, '')::uuid, nullif($8, '')::uuid, nullif($9, '')::uuid, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (key) DO NOTHING`
		tag, err := t.Exec(ctx, insert, id, f.Key, f.Source, f.Kind, cleanText(f.Title), f.Creditor, f.Debtor, f.Account, f.Case, f.Decision, f.Contact, f.Rules,
			micros(f.At), micros(f.Opened), f.Detail, f.Owner, dayOrNil(f.Due))
		if err != nil {
			return err
		}
		if opened = tag.RowsAffected() == 1; !opened {
			return t.QueryRow(ctx, "SELECT id FROM findings WHERE key = $1", f.Key).Scan(&id)
		}
		return addFindingEvent(ctx, t, id, read.FindingEvent{At: f.Opened, By: f.By, Status: read.FindingOpen, Owner: f.Owner, Due: f.Due, Words: f.Words})
	})
	if err != nil {
		return "", false, fmt.Errorf("opening a finding: %w", explain(err))
	}
	return id, opened, nil
}

// dayOrNil is a day for a date column; none for the zero day.
func dayOrNil(d dunning.Date) *time.Time {
	if d.IsZero() {
		return nil
	}
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	return &t
}

func addFindingEvent(ctx context.Context, t pgx.Tx, id string, e read.FindingEvent) error {
	_, err := t.Exec(ctx, "INSERT INTO finding_events (finding_id, at, by, status, owner, due, words) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		id, micros(e.At), e.By, e.Status, e.Owner, dayOrNil(e.Due), cleanText(e.Words))
	return err
}

// ErrNoWords means that a finding was to be closed or opened again without words.
var ErrNoWords = errors.New("a finding is closed, and opened again, with words that say why")

// StepFinding does something with a finding of a scope, and returns it as it was and as it
// is. Its history keeps every step. ErrNotFound, ErrNoWords; ErrRefused for a status that
// there is none of.
func (s *Store) StepFinding(ctx context.Context, scope read.Scope, id string, step read.FindingStep) (before, after read.FindingRow, err error) {
	if !isUUID(id) {
		return before, after, fmt.Errorf("finding %s: %w", id, ErrNotFound)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		if before, err = oneFinding(ctx, t, scope, id, " FOR UPDATE OF f"); err != nil {
			return err
		}
		if after, err = stepped(before, step); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "UPDATE findings SET status = $2, owner = $3, due = $4 WHERE id = $1", id, after.Status, after.Owner, dayOrNil(after.Due)); err != nil {
			return err
		}
		return addFindingEvent(ctx, t, id, read.FindingEvent{At: step.At, By: step.By, Status: after.Status, Owner: after.Owner, Due: after.Due, Words: step.Words})
	})
	if err != nil {
		return before, after, fmt.Errorf("finding %s: %w", id, explain(err))
	}
	return before, after, nil
}

// stepped is a finding after a step.
func stepped(f read.FindingRow, step read.FindingStep) (read.FindingRow, error) {
	if step.Status != "" && step.Status != f.Status {
		if strings.TrimSpace(step.Words) == "" {
			return f, ErrNoWords
		}
		f.Status = step.Status
	}
	if step.Owner != nil {
		f.Owner = *step.Owner
	}
	if step.Due != nil {
		f.Due = *step.Due
	}
	return f, nil
}

const findingColumns = `SELECT f.id, f.key, f.source, f.kind, f.title, f.creditor_id, coalesce(f.debtor_id::text, ''), coalesce(f.account_id::text, ''), coalesce(f.case_id::text, ''),
 f.decision_id, f.contact_id, f.rules, f.at, f.opened_at, f.body, f.status, f.owner, f.due FROM findings f WHERE true`

func scanFinding(row pgx.CollectableRow) (f read.FindingRow, err error) {
	var due *time.Time
	err = row.Scan(&f.ID, &f.Key, &f.Source, &f.Kind, &f.Title, &f.Creditor, &f.Debtor, &f.Account, &f.Case, &f.Decision, &f.Contact, &f.Rules, &f.At, &f.Opened, &f.Detail,
		&f.Status, &f.Owner, &due)
	f.Due = dateOf(due)
	return f, err
}

// oneFinding reads a finding of a scope.
func oneFinding(ctx context.Context, q querier, scope read.Scope, id, lock string) (read.FindingRow, error) {
	c := &conds{ask: &ask{}}
	c.uuid("f.id", id)
	c.within("f.creditor_id", scope)
	r, err := q.Query(ctx, findingColumns+c.and()+lock, c.args...)
	if err != nil {
		return read.FindingRow{}, err
	}
	return pgx.CollectOneRow(r, scanFinding)
}

// Finding is a finding of a scope with its history, the oldest event first. ErrNotFound.
func (s *Store) Finding(ctx context.Context, scope read.Scope, id string) (f read.FindingRow, history []read.FindingEvent, err error) {
	if !isUUID(id) {
		return f, nil, fmt.Errorf("finding %s: %w", id, ErrNotFound)
	}
	if f, err = oneFinding(ctx, s.pool, scope, id, ""); err != nil {
		return f, nil, fmt.Errorf("finding %s: %w", id, explain(err))
	}
	const sql = "SELECT id, at, recorded_at, by, status, owner, due, words FROM finding_events WHERE finding_id = $1 ORDER BY id"
	history, err = rows(ctx, s, "history of a finding", sql, []any{id}, func(row pgx.CollectableRow) (e read.FindingEvent, err error) {
		var due *time.Time
		err = row.Scan(&e.ID, &e.At, &e.Recorded, &e.By, &e.Status, &e.Owner, &due, &e.Words)
		e.Due = dateOf(due)
		return e, err
	})
	return f, history, err
}

const findingOrder = "findings"

// Findings lists findings of a scope, those that happened last first.
func (s *Store) Findings(ctx context.Context, scope read.Scope, f read.FindingFilter, p read.Page) (read.List[read.FindingRow], error) {
	after, err := read.DecodeCursor(p.After, findingOrder, 2)
	if err != nil {
		return read.List[read.FindingRow]{}, err
	}
	c := &conds{ask: &ask{}}
	c.within("f.creditor_id", scope.Within(f.Creditors...))
	in(c, "f.status", f.Statuses)
	in(c, "f.kind", f.Kinds)
	in(c, "f.source", f.Sources)
	c.eq("f.owner", f.Owner)
	if f.Rule != "" {
		c.add("%s::text = ANY(f.rules)", f.Rule)
	}
	c.uuid("f.case_id", f.Case)
	c.between("f.at", f.From, f.Until)
	if after != nil {
		if okInstant(after[0]) != nil || !isUUID(after[1]) {
			return read.List[read.FindingRow]{}, read.ErrBadCursor
		}
		c.add("(f.at, f.id) < (%s::text::timestamptz, %s::uuid)", after[0], after[1])
	}
	all, err := rows(ctx, s, "findings", findingColumns+c.and()+" ORDER BY f.at DESC, f.id DESC LIMIT "+c.p(p.Size()+1), c.args, scanFinding)
	if err != nil {
		return read.List[read.FindingRow]{}, err
	}
	return cut(all, p, findingOrder, func(f read.FindingRow) []string { return []string{read.CursorTime(f.At), f.ID} }), nil
}

// FindingWeeks counts the findings of a scope by the week in which it happened, from one
// instant until another, the oldest week first; weeks without any are not in it.
func (s *Store) FindingWeeks(ctx context.Context, scope read.Scope, from, until time.Time) ([]read.FindingWeek, error) {
	c := &conds{ask: &ask{}}
	c.within("f.creditor_id", scope)
	c.between("f.at", from, until)
	sql := `SELECT date_trunc('week', f.at AT TIME ZONE 'UTC')::date, count(*) FILTER (WHERE f.kind = 'violation'), count(*) FILTER (WHERE f.kind = 'near_miss'),
 count(*) FILTER (WHERE f.status = 'open') FROM findings f WHERE true` + c.and() + " GROUP BY 1 ORDER BY 1"
	return rows(ctx, s, "findings by week", sql, c.args, func(row pgx.CollectableRow) (w read.FindingWeek, err error) {
		var monday time.Time
		err = row.Scan(&monday, &w.Violations, &w.NearMisses, &w.Open)
		w.Monday = dunning.DateOf(monday)
		return w, err
	})
}

// --- sweeps -----------------------------------------------------------------------

// sweepDead is how long a sweep that runs may be silent: then its process died.
const sweepDead = 5 * time.Minute

// ErrSweeping means that a sweep of the same creditors is under way.
var ErrSweeping = errors.New("a sweep of these creditors is under way")

// sweepLock serialises the beginnings of sweeps.
const sweepLock = 0x6475_6c79_7377_6565 // "dulyswee"

// BeginSweep keeps a sweep that begins. Sweeps whose process died are failed first.
// ErrSweeping when one of the same creditors is under way.
func (s *Store) BeginSweep(ctx context.Context, w read.SweepRow) error {
	began := micros(w.Began)
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(sweepLock)); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "UPDATE sweeps SET state = 'failed', ended_at = $1 WHERE state = 'running' AND beat_at < $2", began, began.Add(-sweepDead)); err != nil {
			return err
		}
		var busy bool
		if err := t.QueryRow(ctx, "SELECT EXISTS (SELECT FROM sweeps WHERE state = 'running' AND creditors IS NOT DISTINCT FROM $1::text[])", w.Creditors).Scan(&busy); err != nil {
			return err
		}
		if busy {
			return ErrSweeping
		}
		_, err := t.Exec(ctx, "INSERT INTO sweeps (id, kind, creditors, by, at, began_at, beat_at, after_pos, to_pos) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
			w.ID, w.Kind, w.Creditors, w.By, micros(w.At), began, w.AfterPos, w.ToPos)
		return err
	})
	if err != nil {
		return fmt.Errorf("beginning a sweep: %w", explain(err))
	}
	return nil
}

// MoveSweep keeps how far a sweep is: its Beat, State, Ended and Parts. ErrNotFound when
// it ended already, or was taken for dead.
func (s *Store) MoveSweep(ctx context.Context, w read.SweepRow) error {
	parts, err := json.Marshal(w.Parts)
	if err != nil {
		return err
	}
	if w.Parts == nil {
		parts = []byte("{}")
	}
	tag, err := s.pool.Exec(ctx, "UPDATE sweeps SET beat_at = $2, state = $3, ended_at = $4, parts = $5 WHERE id = $1 AND state = 'running'",
		w.ID, micros(w.Beat), w.State, orNil(w.Ended), parts)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("sweep %s: %w", w.ID, explain(err))
	}
	return nil
}

// Sweeps lists the sweeps that covered a creditor of the scope, the newest first. Parts are
// those of the scope. now is wall time: a sweep that has been silent for too long is shown
// as failed.
func (s *Store) Sweeps(ctx context.Context, scope read.Scope, now time.Time, limit int) ([]read.SweepRow, error) {
	c := &conds{ask: &ask{}}
	if !scope.All() {
		c.add("(w.creditors IS NULL OR w.creditors && %s::text[])", scope.Creditors())
	}
	sql := `SELECT w.id, w.kind, w.creditors, w.by, w.at, w.began_at, w.beat_at, w.ended_at, w.state, w.after_pos, w.to_pos, w.parts FROM sweeps w WHERE true` + c.and() +
		" ORDER BY w.began_at DESC, w.id LIMIT " + c.p(limit)
	return rows(ctx, s, "sweeps", sql, c.args, func(row pgx.CollectableRow) (w read.SweepRow, err error) {
		var ended *time.Time
		var parts []byte
		err = row.Scan(&w.ID, &w.Kind, &w.Creditors, &w.By, &w.At, &w.Began, &w.Beat, &ended, &w.State, &w.AfterPos, &w.ToPos, &parts)
		if err == nil {
			err = json.Unmarshal(parts, &w.Parts)
		}
		w.Ended = orZero(ended)
		if w.State == read.SweepRunning && w.Beat.Before(now.Add(-sweepDead)) {
			w.State, w.Ended = read.SweepFailed, w.Beat
		}
		for creditor := range w.Parts {
			if !scope.Allows(creditor) {
				delete(w.Parts, creditor)
			}
		}
		if !scope.All() { // whom else it covered is nobody's business
			w.Creditors = scope.Creditors()
		}
		return w, err
	})
}

// LastSweep is the newest complete sweep of all creditors, of a kind ("": of any); false
// when there is none.
func (s *Store) LastSweep(ctx context.Context, kind string) (w read.SweepRow, ok bool, err error) {
	const sql = `SELECT id, kind, by, at, began_at, to_pos FROM sweeps WHERE state = 'complete' AND creditors IS NULL AND ($1 = '' OR kind = $1) ORDER BY began_at DESC LIMIT 1`
	err = s.pool.QueryRow(ctx, sql, kind).Scan(&w.ID, &w.Kind, &w.By, &w.At, &w.Began, &w.ToPos)
	if errors.Is(err, pgx.ErrNoRows) {
		return w, false, nil
	}
	if err != nil {
		return w, false, fmt.Errorf("the newest sweep: %w", explain(err))
	}
	return w, true, nil
}

// ToSweep lists debtors of a scope for whom a contact left or was logged, by id, after one
// ("" at first), at most limit.
func (s *Store) ToSweep(ctx context.Context, scope read.Scope, after string, limit int) ([]read.Swept, error) {
	c := &conds{ask: &ask{}}
	c.within("d.creditor_id", scope)
	if after != "" {
		c.add("d.id > %s::uuid", after)
	}
	sql := "SELECT d.id, d.creditor_id FROM debtors d WHERE " + contacted + c.and() + " ORDER BY d.id LIMIT " + c.p(limit)
	return rows(ctx, s, "debtors to sweep", sql, c.args, pgx.RowToStructByPos[read.Swept])
}

const contacted = "EXISTS (SELECT FROM facts x WHERE x.debtor_id = d.id AND x.kind IN ('contact_moved', 'contact_logged'))"

// NewsToSweep lists the debtors of a scope who were contacted and of whom something was
// learned at a position of the facts' chain in (afterPos, toPos], by id.
func (s *Store) NewsToSweep(ctx context.Context, scope read.Scope, afterPos, toPos int64) ([]read.Swept, error) {
	c := &conds{ask: &ask{}}
	c.within("d.creditor_id", scope)
	sql := "SELECT d.id, d.creditor_id FROM debtors d WHERE d.id IN (SELECT f.debtor_id FROM facts f WHERE f.pos > " + c.p(afterPos) + " AND f.pos <= " + c.p(toPos) + ") AND " +
		contacted + c.and() + " ORDER BY d.id"
	return rows(ctx, s, "debtors to sweep", sql, c.args, pgx.RowToStructByPos[read.Swept])
}
