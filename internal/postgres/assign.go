package postgres

import (
	"context"
	"fmt"

	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// BeginAssignment claims an event that waits for a person. ErrTaken: somebody has assigned
// it (see AssignmentOf), or it waits for nobody any more.
func (s *Store) BeginAssignment(ctx context.Context, a read.Assignment) error {
	n, err := s.q.BeginAssignment(ctx, sqlgen.BeginAssignmentParams{
		ID: a.ID, Kind: a.Kind, CreditorID: a.Creditor, DebtorID: optional(a.Debtor), AccountID: optional(a.Account), Payment: a.Payment,
		By: a.By, At: micros(a.At), Reason: cleanText(a.Reason), InboxID: a.Event,
	})
	if err = explain(err); err == nil && n == 0 {
		err = ErrTaken
	}
	if err != nil {
		return fmt.Errorf("assigning event %d: %w", a.Event, err)
	}
	return nil
}

// EndAssignment says that what an assignment meant has been carried out; the event is done
// in the same transaction. Again, it changes nothing.
func (s *Store) EndAssignment(ctx context.Context, a read.Assignment, outcome string) error {
	err := s.turn(ctx, func(q *sqlgen.Queries) error {
		if err := q.LockEvent(ctx, a.Event); err != nil {
			return err
		}
		n, err := q.EndAssignment(ctx, a.ID)
		if err != nil || n == 0 {
			return err
		}
		return q.SettleAssigned(ctx, sqlgen.SettleAssignedParams{State: string(InboxDone), Outcome: outcome, Debtors: debtorsOf(a), ID: a.Event})
	})
	if err != nil {
		return fmt.Errorf("assigning event %d: %w", a.Event, explain(err))
	}
	return nil
}

func debtorsOf(a read.Assignment) []string {
	if a.Debtor == "" {
		return []string{}
	}
	return []string{a.Debtor}
}

// DropAssignment gives an event back that was claimed and of which nothing came.
func (s *Store) DropAssignment(ctx context.Context, id string) error {
	_, err := s.q.DropAssignment(ctx, id)
	return explain(err)
}

// UndoAssignment says that an assignment is being taken back (over false: nobody else can
// take it back then in another way) or has been; then the event waits for a person again.
func (s *Store) UndoAssignment(ctx context.Context, a read.Assignment, by, reason string, over bool) error {
	err := s.turn(ctx, func(q *sqlgen.Queries) error {
		state := "undoing"
		if over {
			state = "undone"
		}
		if err := q.LockEvent(ctx, a.Event); err != nil {
			return err
		}
		n, err := q.UndoAssignment(ctx, sqlgen.UndoAssignmentParams{State: state, By: by, Reason: cleanText(reason), ID: a.ID})
		if err == nil && n == 0 {
			err = ErrTaken
		}
		if err != nil || !over {
			return err
		}
		return q.SettleAssigned(ctx, sqlgen.SettleAssignedParams{State: string(InboxUnmatched), Outcome: "assignment_undone", Debtors: []string{}, ID: a.Event})
	})
	if err != nil {
		return fmt.Errorf("taking back the assignment of event %d: %w", a.Event, explain(err))
	}
	return nil
}

// AssignmentOf is the assignment of an event that stands. ErrNotFound if there is none.
func (s *Store) AssignmentOf(ctx context.Context, event int64) (read.Assignment, error) {
	r, err := s.q.AssignmentOf(ctx, event)
	return assignmentOf(r), explain(err)
}

// Assignment is one by its id. ErrNotFound if there is none.
func (s *Store) Assignment(ctx context.Context, id string) (read.Assignment, error) {
	if !isUUID(id) {
		return read.Assignment{}, fmt.Errorf("assignment: %w", ErrNotFound)
	}
	r, err := s.q.AssignmentByID(ctx, id)
	return assignmentOf(r), explain(err)
}

// Assignments lists what people assigned to creditors of a scope, the newest first. Those
// of nobody are seen by who sees everything.
func (s *Store) Assignments(ctx context.Context, scope read.Scope, limit int) ([]read.Assignment, error) {
	all, err := s.q.ListAssignments(ctx, creditorsOf(scope), int32(limit))
	out := make([]read.Assignment, len(all))
	for i, r := range all {
		out[i] = assignmentOf(r)
	}
	return out, explain(err)
}

func assignmentOf(r sqlgen.InboxAssignment) read.Assignment {
	return read.Assignment{
		ID: r.ID, Event: r.InboxID, Kind: r.Kind, Creditor: r.CreditorID, Debtor: value(r.DebtorID), Account: value(r.AccountID), Payment: r.Payment,
		By: r.By, At: r.At, Reason: r.Reason, State: r.State, Made: r.MadeAt, UndoneBy: r.UndoneBy, Undone: value(r.UndoneAt), UndoWhy: r.UndoReason,
	}
}
