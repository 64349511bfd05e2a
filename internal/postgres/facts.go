package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// Facts returns all facts of a debtor in the order in which they were committed,
// and the debtor's version. The debtor must be locked by this transaction.
func (tx *Tx) Facts(ctx context.Context, debtor string) ([]dunning.Fact, int64, error) {
	version, err := tx.version(debtor)
	if err != nil {
		return nil, 0, err
	}
	facts, err := factsAsOf(ctx, tx.q, debtor, math.MaxInt64)
	if err == nil {
		tx.keepLog(debtor, slices.Clip(facts)) // what is added later does not show in the caller's
	}
	return facts, version, err
}

// FactsAsOf returns the facts of a debtor as they were at a version: exactly what
// a decision that names this version looked at.
func (s *Store) FactsAsOf(ctx context.Context, debtor string, version int64) ([]dunning.Fact, error) {
	return factsAsOf(ctx, s.q, debtor, version)
}

// Version is the debtor's version now, without a lock.
func (s *Store) Version(ctx context.Context, debtor string) (int64, error) {
	v, err := s.q.DebtorVersion(ctx, debtor)
	if err != nil {
		return 0, fmt.Errorf("debtor %s: %w", debtor, explain(err))
	}
	return v, nil
}

func factsAsOf(ctx context.Context, q *sqlgen.Queries, debtor string, version int64) ([]dunning.Fact, error) {
	rows, err := q.FactsAsOf(ctx, debtor, version)
	if err != nil {
		return nil, fmt.Errorf("loading facts of debtor %s: %w", debtor, explain(err))
	}
	facts := make([]dunning.Fact, len(rows))
	for i, r := range rows {
		if facts[i], err = decodeFact(r); err != nil {
			return nil, fmt.Errorf("fact of debtor %s at version %d: %w", debtor, r.Version, err)
		}
	}
	return facts, nil
}

// Version is the version of a locked debtor, the facts added by this transaction
// included.
func (tx *Tx) Version(_ context.Context, debtor string) (int64, error) { return tx.version(debtor) }

func (tx *Tx) version(debtor string) (int64, error) {
	v, ok := tx.versions[debtor]
	if !ok {
		return 0, fmt.Errorf("debtor %s is not locked by this transaction: name it in InDebtor", debtor)
	}
	return v, nil
}

// Append adds facts to a locked debtor's log and keeps all projections: items,
// tasks, cases open or closed, contacts and attempts, contact points, and what lists
// show (standings, work, consents). Facts whose
// kind and source are there already are left out. What remains gets the debtor's
// next version; if nothing remains the version stays. It returns the version that
// holds now and how many facts were added.
func (tx *Tx) Append(ctx context.Context, debtor string, facts []dunning.Fact) (int64, int, error) {
	added, err := tx.appendAll(ctx, []addition{{debtor, facts}})
	if err != nil {
		return 0, 0, fmt.Errorf("adding facts of debtor %s: %w", debtor, explain(err))
	}
	return tx.versions[debtor], added[0].count(), nil
}

// addition is what is to be added to one debtor's log.
type addition struct {
	debtor string
	facts  []dunning.Fact
}

// additions tells for each fact of an addition whether it was new.
type additions []bool

func (a additions) count() (n int) {
	for _, added := range a {
		if added {
			n++
		}
	}
	return n
}

// appendAll is Append for many locked debtors, each at most once, in a constant
// number of statements.
func (tx *Tx) appendAll(ctx context.Context, all []addition) ([]additions, error) {
	known, err := tx.knownSources(ctx, all)
	if err != nil {
		return nil, err
	}
	var rows factRows
	added := make([]additions, len(all))
	for i, a := range all {
		if added[i], err = tx.addRows(&rows, a, known); err != nil {
			return nil, err
		}
	}
	if len(rows.Kinds) == 0 {
		return added, nil
	}
	if err := tx.write(ctx, &rows); err != nil {
		return added, err
	}
	return added, tx.restate(ctx, tx.remember(&rows))
}

// remember adds what was written to the logs that this transaction has read, and returns
// the debtors whose standing or work may have changed by it.
func (tx *Tx) remember(rows *factRows) (changed []string) {
	for i, d := range rows.debtors {
		added := rows.added[d]
		if log, ok := tx.logs[d]; ok {
			tx.logs[d] = append(log, added...)
		} else if rows.versions[i] == 1 {
			tx.keepLog(d, added) // these are its first
		}
		if read.MattersIn(added) {
			changed = append(changed, d)
		}
	}
	return changed
}

// sourceKey identifies a fact by its origin.
type sourceKey struct{ debtor, kind, source string }

// knownSources asks which of the facts that name a source are there already.
func (tx *Tx) knownSources(ctx context.Context, all []addition) (map[sourceKey]bool, error) {
	var debtors, kinds, sources []string
	for _, a := range all {
		for _, f := range a.facts {
			if f.Source != "" && f.Body != nil {
				debtors, kinds, sources = append(debtors, a.debtor), append(kinds, string(f.Body.Kind())), append(sources, cleanText(f.Source))
			}
		}
	}
	known := map[sourceKey]bool{}
	if len(sources) == 0 {
		return known, nil
	}
	rows, err := tx.q.KnownSources(ctx, debtors, kinds, sources)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		known[sourceKey{r.DebtorID, r.Kind, r.Source}] = true
	}
	return known, nil
}

// addRows encodes the new facts of one addition with the debtor's next version.
func (tx *Tx) addRows(rows *factRows, a addition, known map[sourceKey]bool) (additions, error) {
	version, err := tx.version(a.debtor)
	if err != nil {
		return nil, err
	}
	added, seq := make(additions, len(a.facts)), int32(0)
	for i, f := range a.facts {
		if f.Body == nil {
			return nil, fmt.Errorf("fact %d of %d has no body", i+1, len(a.facts))
		}
		key := sourceKey{a.debtor, string(f.Body.Kind()), cleanText(f.Source)}
		if key.source != "" && known[key] {
			continue
		}
		known[key] = true
		if err := rows.add(a.debtor, version+1, seq, f); err != nil {
			return nil, err
		}
		rows.attempts.planned(f)
		added[i], seq = true, seq+1
	}
	if seq > 0 {
		tx.versions[a.debtor] = version + 1
		rows.bump(a.debtor, version+1)
	}
	return added, nil
}

// write stores encoded facts, the debtors' new versions and what follows from them,
// in one round trip.
func (tx *Tx) write(ctx context.Context, rows *factRows) error {
	return tx.together(ctx, func(q *sqlgen.Queries) error {
		if err := q.InsertFacts(ctx, rows.InsertFactsParams); err != nil {
			return err
		}
		if err := q.BumpVersions(ctx, rows.debtors); err != nil {
			return err
		}
		for _, p := range projections {
			if !slices.ContainsFunc(p.kinds, rows.has) {
				continue
			}
			if err := p.run(q, ctx, rows.debtors, rows.versions); err != nil {
				return err
			}
		}
		if len(rows.attempts.contacts) == 0 {
			return nil
		}
		return q.AddContactAttempts(ctx, rows.attempts.attempts, rows.attempts.contacts)
	})
}

// projections follow from kinds of facts, in this order.
var projections = []struct {
	kinds []dunning.Kind
	run   func(q *sqlgen.Queries, ctx context.Context, debtors []string, versions []int64) error
}{
	{[]dunning.Kind{"item"}, (*sqlgen.Queries).ProjectItems},
	{[]dunning.Kind{"point_known"}, (*sqlgen.Queries).ProjectPointsKnown},
	{[]dunning.Kind{"point_dead"}, (*sqlgen.Queries).ProjectPointsDead},
	{[]dunning.Kind{"case_opened", "case_closed"}, (*sqlgen.Queries).ProjectCases},
	{[]dunning.Kind{"migration_asked", "migration_ended", "migrated"}, (*sqlgen.Queries).ProjectMigrations},
	{[]dunning.Kind{"task_opened"}, (*sqlgen.Queries).ProjectTasksOpened},
	{[]dunning.Kind{"task_ended"}, (*sqlgen.Queries).ProjectTasksEnded},
	{[]dunning.Kind{"contact_planned"}, (*sqlgen.Queries).ProjectContacts},
	{[]dunning.Kind{"contact_planned", "contact_moved"}, (*sqlgen.Queries).ProjectAttempts},
	{[]dunning.Kind{"contact_moved"}, (*sqlgen.Queries).ProjectContactStates},
	{[]dunning.Kind{"contact_logged"}, (*sqlgen.Queries).ProjectLogged},
	{[]dunning.Kind{
		"opted_out", "opted_in", "consented", "consent_revoked", "times_inconvenient", "wish_stated", "wish_withdrawn", "point_dead", "notice_sent",
		"notice_received",
	}, (*sqlgen.Queries).ProjectConsents},
}
