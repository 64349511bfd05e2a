package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// restate brings what lists show of the accounts of debtors up to their logs: standings,
// work that waits for people, and the columns of cases that follow from them. It runs in
// the transaction that added the facts. The rules are package read's.
func (tx *Tx) restate(ctx context.Context, debtors []string) error {
	if len(debtors) == 0 {
		return nil
	}
	if err := tx.loadLogs(ctx, debtors); err != nil {
		return err
	}
	accounts, err := tx.q.AccountsOfDebtors(ctx, debtors)
	if err != nil {
		return err
	}
	var rows stateRows
	for _, a := range accounts {
		st, work, err := project(a, tx.logs[a.DebtorID])
		if err != nil {
			// Such a log cannot be decided over either: whoever mends that restates it. Refusing
			// the fact here would only take away the means to mend it.
			continue
		}
		if err := rows.add(a, st, work); err != nil {
			return err
		}
	}
	return tx.putState(ctx, &rows)
}

// project folds the log of a debtor for one of its accounts.
func project(a sqlgen.AccountsOfDebtorsRow, log []dunning.Fact) (read.Standing, []read.Work, error) {
	f, err := dunning.Fold(dunning.Setup{
		Creditor: dunning.Creditor{ID: a.CreditorID}, Debtor: a.DebtorID, Account: a.ID, Case: a.CaseID, Currency: a.Currency,
	}, log)
	if err != nil {
		return read.Standing{}, nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	return read.Summarise(f), read.WorkOf(f, log), nil
}

// loadLogs reads the logs of debtors that this transaction has not read yet.
func (tx *Tx) loadLogs(ctx context.Context, debtors []string) error {
	var missing []string
	for _, d := range debtors {
		if _, ok := tx.logs[d]; !ok {
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	logs, err := logsOf(ctx, tx.q, missing)
	for d, log := range logs {
		tx.keepLog(d, log)
	}
	return err
}

// logsOf reads the logs of debtors; each of them is in the answer.
func logsOf(ctx context.Context, q *sqlgen.Queries, debtors []string) (map[string][]dunning.Fact, error) {
	rows, err := q.LogsOf(ctx, debtors)
	if err != nil {
		return nil, err
	}
	logs := make(map[string][]dunning.Fact, len(debtors))
	for _, d := range debtors {
		logs[d] = nil
	}
	for _, r := range rows {
		f, err := decodeFact(sqlgen.FactsAsOfRow{
			Version: r.Version, Kind: r.Kind, At: r.At, AccountID: r.AccountID, CaseID: r.CaseID, By: r.By, Source: r.Source, Body: r.Body,
		})
		if err != nil {
			return nil, fmt.Errorf("fact of debtor %s at version %d: %w", r.DebtorID, r.Version, err)
		}
		logs[r.DebtorID] = append(logs[r.DebtorID], f)
	}
	return logs, nil
}

// keepLog remembers a debtor's log as this transaction has read it: the lock keeps it
// true, and what the transaction itself adds is added to it.
func (tx *Tx) keepLog(debtor string, log []dunning.Fact) {
	if tx.logs == nil {
		tx.logs = map[string][]dunning.Fact{}
	}
	tx.logs[debtor] = log
}

// stateRows are standings and work as columns.
type stateRows struct {
	standings sqlgen.PutStandingsParams
	cases     sqlgen.PutCaseStandingsParams
	work      sqlgen.PutWorkParams
}

func (r *stateRows) add(a sqlgen.AccountsOfDebtorsRow, st read.Standing, work []read.Work) error {
	body, err := encodeJSON(st)
	if err != nil {
		return fmt.Errorf("standing of account %s: %w", a.ID, err)
	}
	s := &r.standings
	s.Accounts, s.Debtors, s.Creditors = append(s.Accounts, a.ID), append(s.Debtors, a.DebtorID), append(s.Creditors, a.CreditorID)
	s.Versions, s.Bodies = append(s.Versions, st.Version), append(s.Bodies, body)
	if c := &r.cases; a.CaseID != "" {
		queue, owner := caseQueue(work), ""
		if st.Lease != nil {
			owner = st.Lease.Owner
		}
		c.Cases, c.Opens, c.Oldests = append(c.Cases, a.CaseID), append(c.Opens, st.Open), append(c.Oldests, st.Oldest.String())
		c.Queues, c.Owners = append(c.Queues, cleanText(queue)), append(c.Owners, cleanText(owner))
	}
	for _, w := range work {
		if err := r.addWork(a, w); err != nil {
			return err
		}
	}
	return nil
}

// caseQueue is the queue of the most urgent work of a case.
func caseQueue(work []read.Work) string {
	for _, w := range work {
		if w.Queue != "" {
			return w.Queue
		}
	}
	return ""
}

func (r *stateRows) addWork(a sqlgen.AccountsOfDebtorsRow, w read.Work) error {
	body, err := encodeJSON(w)
	if err != nil {
		return fmt.Errorf("work of account %s: %w", a.ID, err)
	}
	due := ""
	if !w.Due.IsZero() {
		due = micros(w.Due).Format(time.RFC3339Nano)
	}
	p := &r.work
	p.Accounts, p.Debtors, p.Creditors = append(p.Accounts, a.ID), append(p.Debtors, a.DebtorID), append(p.Creditors, a.CreditorID)
	p.Kinds, p.Ids, p.Cases = append(p.Kinds, w.Kind), append(p.Ids, cleanText(w.ID)), append(p.Cases, w.Case)
	p.Queues, p.Owners, p.Dues = append(p.Queues, cleanText(w.Queue)), append(p.Owners, cleanText(w.Owner)), append(p.Dues, due)
	p.Openeds, p.Ranks, p.Bodies = append(p.Openeds, micros(w.Opened)), append(p.Ranks, micros(w.At)), append(p.Bodies, body)
	return nil
}

func (tx *Tx) putState(ctx context.Context, r *stateRows) error {
	if len(r.standings.Accounts) == 0 {
		return nil
	}
	return tx.together(ctx, func(q *sqlgen.Queries) error {
		if err := q.PutStandings(ctx, r.standings); err != nil {
			return err
		}
		if err := q.PutCaseStandings(ctx, r.cases); err != nil {
			return err
		}
		if err := q.ForgetWork(ctx, sqlgen.ForgetWorkParams{
			Of: r.standings.Accounts, Accounts: r.work.Accounts, Kinds: r.work.Kinds, Ids: r.work.Ids,
		}); err != nil {
			return err
		}
		return q.PutWork(ctx, r.work)
	})
}

// rebuildPage is how many debtors RebuildReads does in one transaction.
const rebuildPage = 200

// RebuildReads makes what lists show anew from the logs and the journal, debtor by
// debtor, and returns how many debtors it went through. It is what a database older than
// these lists needs once, and does no harm at any other time. A break-off is resumed by
// running it again.
func (s *Store) RebuildReads(ctx context.Context) (int, error) {
	n, after := 0, ""
	for {
		page, err := s.q.DebtorsFrom(ctx, null(after), rebuildPage)
		if err != nil || len(page) == 0 {
			return n, explain(err)
		}
		if err := s.InDebtor(ctx, page, func(tx *Tx) error { return tx.rebuild(ctx, page) }); err != nil {
			return n, fmt.Errorf("rebuilding lists after debtor %s: %w", after, err)
		}
		n, after = n+len(page), page[len(page)-1]
	}
}

func (tx *Tx) rebuild(ctx context.Context, debtors []string) error {
	if err := tx.restate(ctx, debtors); err != nil {
		return err
	}
	planned, err := tx.q.PlannedDecisions(ctx, debtors)
	if err != nil {
		return err
	}
	var cases, waits []string
	for _, p := range planned {
		var d dunning.Decision
		if err := json.Unmarshal(p.Body, &d); err != nil {
			return fmt.Errorf("decision of case %s in the journal cannot be read: %w", p.CaseID, err)
		}
		cases, waits = append(cases, p.CaseID), append(waits, string(read.WaitsFor(d)))
	}
	return tx.q.SetWaits(ctx, cases, waits)
}

// ReadsMissing is whether accounts with items exist whose standing was never made: the
// database is older than lists, and RebuildReads is to be run.
func (s *Store) ReadsMissing(ctx context.Context) (bool, error) {
	var missing bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM accounts a WHERE NOT EXISTS (SELECT FROM account_standings s WHERE s.account_id = a.id)
		AND EXISTS (SELECT FROM items i WHERE i.account_id = a.id))`).Scan(&missing)
	return missing, explain(err)
}

// Drift is a difference between what lists show of an account and what its log says.
type Drift struct {
	Account string // or the debtor's id, where its log cannot be read
	What    string // standing, work, or the reason why the log cannot be folded
}

// CheckReads compares what lists show with a fold of every log and returns at most most
// differences. It locks a page of debtors at a time, so it can run on a live system.
func (s *Store) CheckReads(ctx context.Context, most int) ([]Drift, error) {
	var out []Drift
	for after := ""; len(out) < most; {
		page, err := s.q.DebtorsFrom(ctx, null(after), rebuildPage)
		if err != nil {
			return nil, explain(err)
		}
		if len(page) == 0 {
			break
		}
		found, err := s.driftOf(ctx, page)
		if err != nil {
			found, err = s.driftOfEach(ctx, page)
		}
		if err != nil {
			return nil, fmt.Errorf("checking lists after debtor %s: %w", after, explain(err))
		}
		out, after = append(out, found...), page[len(page)-1]
	}
	return out[:min(len(out), most)], nil
}

// driftOfEach is driftOf debtor by debtor: one whose log cannot be read is a difference
// itself and hides no other. When none can be read the store is away, not they.
func (s *Store) driftOfEach(ctx context.Context, debtors []string) (out []Drift, last error) {
	read := 0
	for _, d := range debtors {
		found, err := s.driftOf(ctx, []string{d})
		if err != nil {
			last = err
			found = []Drift{{Account: d, What: "the log of this debtor cannot be read: " + explain(err).Error()}}
		} else {
			read++
		}
		out = append(out, found...)
	}
	if err := s.pool.Ping(ctx); err != nil || ctx.Err() != nil || read == 0 && len(debtors) > 1 {
		return nil, last
	}
	return out, nil
}

func (s *Store) driftOf(ctx context.Context, debtors []string) (out []Drift, err error) {
	err = s.InDebtor(ctx, debtors, func(tx *Tx) error {
		out = nil
		if err := tx.loadLogs(ctx, debtors); err != nil {
			return err
		}
		accounts, err := tx.q.AccountsOfDebtors(ctx, debtors)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			d, err := tx.drift(ctx, a)
			if err != nil {
				return err
			}
			out = append(out, d...)
		}
		return nil
	})
	return out, err
}

// drift compares one account under the debtor's lock.
func (tx *Tx) drift(ctx context.Context, a sqlgen.AccountsOfDebtorsRow) ([]Drift, error) {
	log := tx.logs[a.DebtorID]
	want, work, err := project(a, log)
	if err != nil {
		return []Drift{{a.ID, err.Error()}}, nil
	}
	var fresh stateRows
	if err := fresh.add(a, want, work); err != nil {
		return nil, err
	}
	standing, err := tx.bodies(ctx, "SELECT body FROM account_standings WHERE account_id = $1", a.ID)
	if err != nil || len(standing) == 0 && !slices.ContainsFunc(log, func(f dunning.Fact) bool { return f.Account == a.ID && read.Matters(f.Body.Kind()) }) {
		return nil, err
	}
	stored, err := tx.bodies(ctx, "SELECT body FROM work WHERE account_id = $1", a.ID)
	if err != nil {
		return nil, err
	}
	var out []Drift
	if !sameBodies(standing, fresh.standings.Bodies) {
		out = append(out, Drift{a.ID, "standing"})
	}
	if !sameBodies(stored, fresh.work.Bodies) {
		out = append(out, Drift{a.ID, "work"})
	}
	same, err := tx.caseStands(ctx, fresh.cases)
	if err == nil && !same {
		out = append(out, Drift{a.ID, "case"})
	}
	return out, err
}

func (tx *Tx) bodies(ctx context.Context, sql, account string) ([][]byte, error) {
	rows, err := tx.tx.Query(ctx, sql, account)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

// caseStands reports whether the columns of a case that follow from the log do.
func (tx *Tx) caseStands(ctx context.Context, want sqlgen.PutCaseStandingsParams) (bool, error) {
	if len(want.Cases) == 0 {
		return true, nil
	}
	var open int64
	var oldest, queue, owner string
	err := tx.tx.QueryRow(ctx, "SELECT open_minor, coalesce(oldest_due::text, ''), queue, owner FROM cases WHERE id = $1", want.Cases[0]).
		Scan(&open, &oldest, &queue, &owner)
	have := sqlgen.PutCaseStandingsParams{
		Cases: want.Cases, Opens: []int64{open}, Oldests: []string{oldest}, Queues: []string{queue}, Owners: []string{owner},
	}
	return reflect.DeepEqual(have, want), err
}

// sameBodies compares JSON documents in any order.
func sameBodies(a, b [][]byte) bool {
	return slices.Equal(canonical(a), canonical(b))
}

// canonical writes JSON documents anew, with sorted members, and sorts them.
func canonical(bodies [][]byte) []string {
	out := make([]string, len(bodies))
	for i, b := range bodies {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			out[i] = string(b)
			continue
		}
		text, _ := json.Marshal(v) // was JSON
		out[i] = string(text)
	}
	slices.Sort(out)
	return out
}
