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

// ReportAgeingPast is what was owed by age at an earlier instant: of each debtor in the scope
// the facts up to then, folded. most bounds the debtors, 0 does not; above it the error
// wraps dunning.ErrInvalid. It reads page by page, each in a transaction of its own, and needs
// no memory for a portfolio: logs only grow, so what they said up to an instant stays.
func (s *Store) ReportAgeingPast(ctx context.Context, scope read.Scope, at time.Time, most int) (read.AgeingReport, error) {
	tally, after, n := read.NewAgeingTally(at, zone), [2]string{}, 0
	for {
		page, err := s.pageAsOf(ctx, scope, at, after, tally)
		if err != nil {
			return read.AgeingReport{}, err
		}
		if len(page) == 0 {
			return read.AgeingReport{ReportHead: read.ReportHead{At: at}, Past: true, Rows: tally.Rows()}, nil
		}
		if n += len(page); most > 0 && n > most {
			return read.AgeingReport{}, fmt.Errorf("an ageing of an earlier day reads the log of every customer, and there are more than %d: "+
				"choose a creditor with fewer, or run duly report ageing --at DAY: %w", most, dunning.ErrInvalid)
		}
		last := page[len(page)-1]
		after = [2]string{last.creditor, last.key}
	}
}

// pageAsOf adds the next page of debtors to a tally.
func (s *Store) pageAsOf(ctx context.Context, scope read.Scope, at time.Time, after [2]string, tally *read.AgeingTally) (page []debtorAt, err error) {
	err = s.reporting(ctx, func(as *Store) (err error) {
		if page, err = as.debtorsAfter(ctx, scope, after); err != nil || len(page) == 0 {
			return err
		}
		return as.ageAsOf(ctx, page, at, tally)
	})
	return page, err
}

// debtorAt is a debtor with the place in the order by creditor and key.
type debtorAt struct{ id, creditor, key string }

// debtorsAfter is a page of the debtors of a scope, by creditor and key.
func (s *Store) debtorsAfter(ctx context.Context, scope read.Scope, after [2]string) ([]debtorAt, error) {
	c := &conds{ask: &ask{}}
	c.add("(d.creditor_id, d.key) > (%s, %s)", after[0], after[1])
	c.within("d.creditor_id", scope)
	sql := "SELECT d.id, d.creditor_id, d.key FROM debtors d WHERE true" + c.and() + " ORDER BY d.creditor_id, d.key LIMIT " + c.p(rebuildPage)
	return rows(ctx, s, "debtors", sql, c.args, func(row pgx.CollectableRow) (d debtorAt, err error) {
		return d, row.Scan(&d.id, &d.creditor, &d.key)
	})
}

// ageAsOf folds the accounts of debtors as of an instant. One whose log cannot be folded is
// a fault: an ageing that leaves somebody out is wrong.
func (s *Store) ageAsOf(ctx context.Context, page []debtorAt, at time.Time, tally *read.AgeingTally) error {
	ids := make([]string, len(page))
	for i, d := range page {
		ids[i] = d.id
	}
	logs, err := logsOf(ctx, s.q, ids)
	if err != nil {
		return explain(err)
	}
	accounts, err := s.q.AccountsOfDebtors(ctx, ids)
	if err != nil {
		return explain(err)
	}
	for d, log := range logs {
		logs[d] = slices.DeleteFunc(log, func(f dunning.Fact) bool { return f.At.After(at) })
	}
	for _, a := range accounts {
		st, _, err := project(a, logs[a.DebtorID])
		if err != nil {
			return err
		}
		tally.Add(st, openIn(logs[a.DebtorID], a.ID))
	}
	return nil
}

// openIn reports whether the last that a log says of an account's case is that it was opened.
func openIn(log []dunning.Fact, account string) (open bool) {
	for _, f := range log {
		if f.Account != account {
			continue
		}
		switch f.Body.(type) {
		case dunning.CaseOpened:
			open = true
		case dunning.CaseClosed:
			open = false
		}
	}
	return open
}
