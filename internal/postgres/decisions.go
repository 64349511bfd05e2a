package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// StoreDecision adds a decision to the journal and makes it what the case is doing
// next. ErrTaken if its intent has led to a decision already: load that one with
// ByIntent. The case's debtor must be locked.
func (tx *Tx) StoreDecision(ctx context.Context, s dunning.StoredDecision) error {
	body, err := encodeJSON(s.Decision)
	if err != nil {
		return fmt.Errorf("decision %s: %w", s.ID, err)
	}
	// The journal is never changed: a case could never get past a decision that cannot be
	// read back, not even with a mended program.
	if err := json.Unmarshal(body, new(dunning.Decision)); err != nil {
		return fmt.Errorf("decision %s: %w, because it could not be read back: %w", s.ID, ErrRefused, err)
	}
	err = tx.together(ctx, func(q *sqlgen.Queries) error {
		if err := q.InsertDecision(ctx, decisionRow(s, body)); err != nil {
			return err
		}
		return q.ProjectDecision(ctx, projection(s))
	})
	if err != nil {
		return fmt.Errorf("storing decision %s of case %s: %w", s.ID, s.Case, explain(err))
	}
	return nil
}

func decisionRow(s dunning.StoredDecision, body []byte) sqlgen.InsertDecisionParams {
	d := s.Decision
	return sqlgen.InsertDecisionParams{
		ID: s.ID, CaseID: s.Case, Intent: null(s.Intent), DebtorVersion: d.Version,
		Verb: string(d.Verb), Step: cleanText(d.Step), Round: int32(d.Round), At: micros(d.At), WakeAt: nullTime(d.WakeAt),
		Waiting: d.Waiting, Rule: cleanText(d.Rule), Reason: cleanText(d.Reason), NotBefore: nullTime(d.NotBefore), Deferred: d.Deferred,
		Core: s.Core, Policies: s.Policies, Zones: s.Zones, Sequence: d.Sequence, Replans: int32(s.Replans), Wall: micros(s.Wall), Body: body,
	}
}

// projection shows on the case what it is doing next.
func projection(s dunning.StoredDecision) sqlgen.ProjectDecisionParams {
	d := s.Decision
	phase := d.Waiting
	if phase == "" {
		phase = string(d.Verb)
	}
	return sqlgen.ProjectDecisionParams{
		Phase: phase, Waiting: d.Waiting, WaitsFor: string(read.WaitsFor(d)), Verb: string(d.Verb), Step: cleanText(d.Step), WakeAt: nullTime(d.WakeAt),
		Decision: s.ID, At: micros(d.At), Version: d.Version, ID: s.Case,
	}
}

// ByIntent returns the decision to which carrying out a planned decision has led;
// false if it was not carried out yet.
func (tx *Tx) ByIntent(ctx context.Context, intent string) (dunning.StoredDecision, bool, error) {
	r, err := tx.q.DecisionByIntent(ctx, &intent)
	return oneDecision(sqlgen.DecisionByIDRow(r), err)
}

// Decision returns a stored decision; false if there is none of that id.
func (s *Store) Decision(ctx context.Context, id string) (dunning.StoredDecision, bool, error) {
	return oneDecision(s.q.DecisionByID(ctx, id))
}

// LatestDecision returns the newest decision of a case; false if it has none.
func (s *Store) LatestDecision(ctx context.Context, caseID string) (dunning.StoredDecision, bool, error) {
	r, err := s.q.LatestDecision(ctx, caseID)
	return oneDecision(sqlgen.DecisionByIDRow(r), err)
}

func oneDecision(r sqlgen.DecisionByIDRow, err error) (dunning.StoredDecision, bool, error) {
	r, ok, err := orNone(r, err)
	if err != nil || !ok {
		return dunning.StoredDecision{}, false, err
	}
	d, err := storedDecision(r)
	return d, err == nil, err
}

// Decisions returns all decisions of a case in the order in which they were stored.
func (s *Store) Decisions(ctx context.Context, caseID string) ([]dunning.StoredDecision, error) {
	rows, err := s.q.DecisionsOf(ctx, caseID)
	if err != nil {
		return nil, fmt.Errorf("decisions of case %s: %w", caseID, explain(err))
	}
	out := make([]dunning.StoredDecision, len(rows))
	for i, r := range rows {
		if out[i], err = storedDecision(sqlgen.DecisionByIDRow(r)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AllDecisions returns a page of the journal over all cases: the decisions stored
// after a cursor (0 at first) and the cursor of the next page. An empty page is the end.
func (s *Store) AllDecisions(ctx context.Context, after int64, limit int) ([]dunning.StoredDecision, int64, error) {
	rows, err := s.q.DecisionsAfter(ctx, after, int32(limit))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the journal: %w", explain(err))
	}
	out := make([]dunning.StoredDecision, len(rows))
	for i, r := range rows {
		after = r.Seq
		if out[i], err = storedDecision(sqlgen.DecisionByIDRow{
			ID: r.ID, CaseID: r.CaseID, Intent: r.Intent, Core: r.Core, Policies: r.Policies, Zones: r.Zones,
			Replans: r.Replans, Wall: r.Wall, Body: r.Body,
		}); err != nil {
			return nil, 0, err
		}
	}
	return out, after, nil
}

// storedDecision decodes a row; the decision itself is its body.
func storedDecision(r sqlgen.DecisionByIDRow) (dunning.StoredDecision, error) {
	d := dunning.StoredDecision{
		ID: r.ID, Intent: value(r.Intent), Case: r.CaseID, Core: r.Core, Policies: r.Policies, Zones: r.Zones,
		Wall: r.Wall, Replans: int(r.Replans),
	}
	if err := json.Unmarshal(r.Body, &d.Decision); err != nil {
		return d, fmt.Errorf("decision %s in the journal cannot be read: %w", r.ID, err)
	}
	return d, nil
}
