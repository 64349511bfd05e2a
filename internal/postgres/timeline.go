package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Entry is one line of a case's story: a fact, or a decision.
type Entry struct {
	At       time.Time // business time
	Version  int64     // of the debtor: at which the fact was committed, which the decision looked at
	Fact     *dunning.Fact
	Decision *dunning.StoredDecision
}

// Timeline returns the story of a case in the order in which things became known:
// facts by version, each decision after the facts that it looked at. Facts of the
// debtor's other accounts are left out, those of the debtor as a whole are not.
func (s *Store) Timeline(ctx context.Context, caseID string) ([]Entry, error) {
	rows, err := s.q.TimelineFacts(ctx, caseID)
	if err != nil {
		return nil, fmt.Errorf("story of case %s: %w", caseID, explain(err))
	}
	decisions, err := s.Decisions(ctx, caseID)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(rows)+len(decisions))
	for _, r := range rows {
		f, err := decodeFact(sqlgen.FactsAsOfRow{
			Version: r.Version, Kind: r.Kind, At: r.At, AccountID: r.AccountID, CaseID: r.CaseID, By: r.By, Source: r.Source, Body: r.Body,
		})
		if err != nil {
			return nil, fmt.Errorf("story of case %s: %w", caseID, err)
		}
		out = append(out, Entry{At: f.At, Version: f.Version, Fact: &f})
	}
	for i := range decisions {
		d := &decisions[i]
		out = append(out, Entry{At: d.Decision.At, Version: d.Decision.Version, Decision: d})
	}
	// Stable: facts keep their order within a version, decisions theirs after them.
	slices.SortStableFunc(out, func(a, b Entry) int { return int(a.Version - b.Version) })
	return out, nil
}
