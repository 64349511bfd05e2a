package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// PutBulk keeps a bulk action over cases, in their order. It starts after delay and can be
// undone for the time of undo. The same id again changes nothing; added says so.
func (s *Store) PutBulk(ctx context.Context, b read.Bulk, cases []string, delay, undo time.Duration) (added bool, err error) {
	params, err := json.Marshal(b.Params)
	if err != nil {
		return false, err
	}
	if b.Params == nil {
		params = []byte("{}")
	}
	err = s.turn(ctx, func(q *sqlgen.Queries) error {
		n, err := q.PutBulk(ctx, sqlgen.PutBulkParams{
			ID: b.ID, Action: b.Action, Params: params, Words: cleanText(b.Words), By: b.By, At: micros(b.At), Delay: interval(delay), Undo: interval(undo),
		})
		if added = n > 0; err != nil || !added {
			return err
		}
		return q.PutBulkItems(ctx, b.ID, cases)
	})
	if err != nil {
		return false, fmt.Errorf("keeping a bulk action: %w", explain(err))
	}
	return added, nil
}

// CreditorsOf are the creditors of cases, in order; all says that each case is there.
func (s *Store) CreditorsOf(ctx context.Context, cases []string) (creditors []string, all bool, err error) {
	distinct := slices.Compact(slices.Sorted(slices.Values(cases)))
	known := slices.DeleteFunc(slices.Clone(distinct), func(id string) bool { return !isUUID(id) })
	found := 0
	_, err = rows(ctx, s, "creditors of cases", "SELECT c.creditor_id, count(*)::int FROM cases c WHERE c.id = ANY($1::uuid[]) GROUP BY 1 ORDER BY 1", []any{known},
		func(row pgx.CollectableRow) (struct{}, error) {
			creditor, n := "", 0
			err := row.Scan(&creditor, &n)
			creditors, found = append(creditors, creditor), found+n
			return struct{}{}, err
		})
	return creditors, found == len(distinct), err
}

// creditorsOf is a scope as queries take it: nil for everything.
func creditorsOf(scope read.Scope) []string {
	if scope.All() {
		return nil
	}
	return append([]string{}, scope.Creditors()...)
}

// Bulk is a bulk action that reaches a creditor of the scope. ErrNotFound if there is none.
func (s *Store) Bulk(ctx context.Context, scope read.Scope, id string) (read.Bulk, error) {
	if !isUUID(id) {
		return read.Bulk{}, fmt.Errorf("bulk action: %w", ErrNotFound)
	}
	r, err := s.q.BulkByID(ctx, id)
	if err != nil {
		return read.Bulk{}, fmt.Errorf("bulk action %s: %w", id, explain(err))
	}
	out := []read.Bulk{bulkOf(sqlgen.ListBulkRow(r))}
	if out[0].Creditors, err = s.q.BulkCreditors(ctx, id); err != nil {
		return read.Bulk{}, explain(err)
	}
	seen := scope.All()
	for _, c := range out[0].Creditors {
		seen = seen || scope.Allows(c)
	}
	if !seen {
		return read.Bulk{}, fmt.Errorf("bulk action %s: %w", id, ErrNotFound)
	}
	return out[0], s.countBulk(ctx, out)
}

// Bulks lists bulk actions that reach a creditor of the scope, the newest first.
func (s *Store) Bulks(ctx context.Context, scope read.Scope, limit int) ([]read.Bulk, error) {
	all, err := s.q.ListBulk(ctx, creditorsOf(scope), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("bulk actions: %w", explain(err))
	}
	out := make([]read.Bulk, len(all))
	for i, r := range all {
		out[i] = bulkOf(r)
	}
	return out, s.countBulk(ctx, out)
}

func bulkOf(r sqlgen.ListBulkRow) read.Bulk {
	b := read.Bulk{
		ID: r.ID, Action: r.Action, Words: r.Words, By: r.By, At: r.At, Made: r.MadeAt, Starts: r.StartsAt, UndoUntil: r.UndoUntil, State: r.State,
		UndoneBy: r.UndoneBy, Undone: value(r.UndoneAt), Now: r.Now, Counts: map[string]int64{},
	}
	_ = json.Unmarshal(r.Params, &b.Params) // what PutBulk wrote
	b.Stopped = b.Params[stopped]
	delete(b.Params, stopped)
	return b
}

// stopped is the name under which an order keeps, beside its parameters, why it was stopped.
const stopped = "stopped"

func (s *Store) countBulk(ctx context.Context, all []read.Bulk) error {
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	counts, err := s.q.BulkCounts(ctx, ids)
	for _, c := range counts {
		for i := range all {
			if all[i].ID == c.Batch {
				all[i].Counts[c.State] = c.N
			}
		}
	}
	return explain(err)
}

// BulkItems are the cases of a bulk action in a scope, in order, behind a number, in a
// state ("" for all).
func (s *Store) BulkItems(ctx context.Context, scope read.Scope, id, state string, after, limit int) ([]read.BulkItem, error) {
	all, err := s.q.BulkItems(ctx, sqlgen.BulkItemsParams{Batch: id, State: state, After: int32(after), Creditors: creditorsOf(scope), Max: int32(limit)})
	if err != nil {
		return nil, fmt.Errorf("cases of a bulk action: %w", explain(err))
	}
	out, ids := make([]read.BulkItem, len(all)), make([]string, len(all))
	for i, r := range all {
		out[i], ids[i] = read.BulkItem{Seq: int(r.Seq), Case: r.CaseID, Creditor: r.CreditorID, State: r.State, Reason: r.Reason}, r.CaseID
	}
	keys, err := s.accountKeys(ctx, ids)
	for i := range out {
		out[i].Account = keys[out[i].Case]
	}
	return out, err
}

// accountKeys are the creditors' own numbers of the accounts of cases, by case.
func (s *Store) accountKeys(ctx context.Context, cases []string) (map[string]string, error) {
	out := make(map[string]string, len(cases))
	_, err := rows(ctx, s, "accounts of cases", "SELECT c.id::text, a.key FROM cases c JOIN accounts a ON a.id = c.account_id WHERE c.id = ANY($1::uuid[])", []any{cases},
		func(row pgx.CollectableRow) (struct{}, error) {
			id, key := "", ""
			err := row.Scan(&id, &key)
			out[id] = key
			return struct{}{}, err
		})
	return out, err
}

// ClaimBulk takes one bulk action that has work, or the one that is wanted ("" for any);
// nobody else gets it for the time of lease. false: there is none.
func (s *Store) ClaimBulk(ctx context.Context, wanted string, lease time.Duration) (read.Bulk, bool, error) {
	r, err := s.q.ClaimBulk(ctx, interval(lease), optional(wanted))
	if err = explain(err); errors.Is(err, ErrNotFound) {
		return read.Bulk{}, false, nil
	}
	if err != nil {
		return read.Bulk{}, false, fmt.Errorf("bulk actions: %w", err)
	}
	b := read.Bulk{ID: r.ID, Action: r.Action, By: r.By, State: r.State, UndoneBy: r.UndoneBy}
	return b, true, json.Unmarshal(r.Params, &b.Params)
}

// optional is nil for "".
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// BulkNext are the next cases to do, or to take back.
func (s *Store) BulkNext(ctx context.Context, id string, limit int) ([]read.BulkItem, error) {
	all, err := s.q.BulkNext(ctx, id, int32(limit))
	out := make([]read.BulkItem, len(all))
	for i, r := range all {
		out[i] = read.BulkItem{Seq: int(r.Seq), Case: r.CaseID, Creditor: r.CreditorID, State: r.State, Undo: r.Undo}
	}
	return out, explain(err)
}

// BeginBulk says that a case is about to be carried out and what (JSON) will take it back.
// false: it must not be, because somebody has undone the action meanwhile.
func (s *Store) BeginBulk(ctx context.Context, id string, seq int, undo []byte) (bool, error) {
	n, err := s.q.BeginBulkItem(ctx, undo, id, int32(seq))
	return n > 0, explain(err)
}

// SettleBulk keeps what became of a case. undo, if not nil, takes it back. If the action was
// undone while the case was carried out, the undo goes on with it.
func (s *Store) SettleBulk(ctx context.Context, id string, seq int, state, reason string, undo []byte) error {
	return s.turn(ctx, func(q *sqlgen.Queries) error {
		err := q.SettleBulkItem(ctx, sqlgen.SettleBulkItemParams{Batch: id, Seq: int32(seq), State: state, Reason: cleanText(reason), Undo: undo})
		if err != nil || state != "done" {
			return err
		}
		return q.ReopenUndo(ctx, id)
	})
}

// StopBulk ends a bulk action, or its undo, before its end: the cases that are left get the
// state, the reason is kept with each and with the action. It returns how many were left.
func (s *Store) StopBulk(ctx context.Context, id, state, reason string) (left int64, err error) {
	err = s.turn(ctx, func(q *sqlgen.Queries) (err error) {
		left, err = q.StopBulkItems(ctx, state, cleanText(reason), id)
		if err != nil {
			return err
		}
		return errors.Join(q.StopBulk(ctx, cleanText(reason), id), q.EndBulk(ctx, id))
	})
	if err != nil {
		return 0, fmt.Errorf("stopping bulk action %s: %w", id, err)
	}
	return left, nil
}

// ReleaseBulk gives a bulk action back, to be gone on with after a pause, and ends it when
// nothing is left.
func (s *Store) ReleaseBulk(ctx context.Context, id string, pause time.Duration) error {
	return explain(errors.Join(s.q.ReleaseBulk(ctx, interval(pause), id), s.q.EndBulk(ctx, id)))
}

// UndoBulk orders that a bulk action is taken back: what waits is dropped at once, what was
// done is left to whoever claims it. false: it is too late, or somebody has done so.
func (s *Store) UndoBulk(ctx context.Context, id, by string) (ordered bool, err error) {
	err = s.turn(ctx, func(q *sqlgen.Queries) error {
		n, err := q.UndoBulk(ctx, by, id)
		if ordered = n > 0; err != nil || !ordered {
			return err
		}
		if err := q.DropBulk(ctx, id); err != nil {
			return err
		}
		return q.EndBulk(ctx, id)
	})
	if err != nil {
		return false, fmt.Errorf("undoing bulk action %s: %w", id, explain(err))
	}
	return ordered, nil
}
