package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// CaseRef says whose case it is and what it follows. ErrNotFound if there is none.
func (s *Store) CaseRef(ctx context.Context, caseID string) (dunning.CaseRef, error) {
	r, err := s.q.CaseRef(ctx, caseID)
	if err != nil {
		return dunning.CaseRef{}, fmt.Errorf("case %s: %w", caseID, explain(err))
	}
	return caseRef(r), nil
}

// caseRef converts a row; all queries for references select the same columns.
func caseRef(r sqlgen.CaseRefRow) dunning.CaseRef {
	return dunning.CaseRef{
		Case: r.ID, Account: r.AccountID, Debtor: r.DebtorID, Creditor: r.CreditorID, Currency: r.Currency,
		Sequence: r.SequenceID, Version: r.SequenceVersion, Open: r.Open, TargetSequence: r.TargetSequence, TargetVersion: r.TargetVersion,
	}
}

// CasesOf returns all cases of a debtor, open and closed, oldest first.
func (tx *Tx) CasesOf(ctx context.Context, debtor string) ([]dunning.CaseRef, error) {
	return casesOf(ctx, tx.q, debtor)
}

// CasesOf returns all cases of a debtor, open and closed, oldest first.
func (s *Store) CasesOf(ctx context.Context, debtor string) ([]dunning.CaseRef, error) {
	return casesOf(ctx, s.q, debtor)
}

func casesOf(ctx context.Context, q *sqlgen.Queries, debtor string) ([]dunning.CaseRef, error) {
	rows, err := q.CasesOf(ctx, debtor)
	if err != nil {
		return nil, fmt.Errorf("cases of debtor %s: %w", debtor, explain(err))
	}
	refs := make([]dunning.CaseRef, len(rows))
	for i, r := range rows {
		refs[i] = caseRef(sqlgen.CaseRefRow(r))
	}
	return refs, nil
}

// OpenCase makes the case's row. It returns false, and changes nothing, if the
// account has an open case already or the id is in use: of two starters one wins.
// The caller then appends the fact CaseOpened in the same transaction; it sets the
// instant from which the case waits to be looked at.
func (tx *Tx) OpenCase(ctx context.Context, ref dunning.CaseRef) (bool, error) {
	if _, err := tx.version(ref.Debtor); err != nil {
		return false, err
	}
	n, err := tx.q.OpenCase(ctx, sqlgen.OpenCaseParams{
		ID: ref.Case, AccountID: ref.Account, DebtorID: ref.Debtor, CreditorID: ref.Creditor,
		SequenceID: ref.Sequence, SequenceVersion: ref.Version,
	})
	if err != nil {
		return false, fmt.Errorf("opening a case of account %s: %w", ref.Account, explain(err))
	}
	return n == 1, nil
}

// CaseState is a case as the last decision left it.
type CaseState struct {
	dunning.CaseRef
	AccountKey, DebtorKey string // the creditor's own keys
	OpenedAt, ClosedAt    time.Time
	CloseReason           string
	// Phase is closed, what the case waits for, or the verb that is next.
	Phase, Waiting string
	NextVerb       dunning.Verb
	NextStep       string
	NextAt         time.Time // business time; zero: only a fact or a person moves the case
	NextDecision   string    // id of the decision that planned it
	DecidedAt      time.Time
	DecidedVersion int64
	PendingAt      time.Time // instant of facts that no decision has looked at yet; zero: none
}

// CaseState returns a case with its projection. ErrNotFound if there is none.
func (s *Store) CaseState(ctx context.Context, caseID string) (CaseState, error) {
	r, err := s.q.CaseState(ctx, caseID)
	if err != nil {
		return CaseState{}, fmt.Errorf("case %s: %w", caseID, explain(err))
	}
	return CaseState{
		CaseRef: dunning.CaseRef{
			Case: r.ID, Account: r.AccountID, Debtor: r.DebtorID, Creditor: r.CreditorID, Currency: r.Currency,
			Sequence: r.SequenceID, Version: r.SequenceVersion, Open: r.Open, TargetSequence: r.TargetSequence, TargetVersion: r.TargetVersion,
		},
		AccountKey: r.AccountKey, DebtorKey: r.DebtorKey,
		OpenedAt: value(r.OpenedAt), ClosedAt: value(r.ClosedAt), CloseReason: value(r.CloseReason),
		Phase: r.Phase, Waiting: r.Waiting, NextVerb: dunning.Verb(r.NextVerb), NextStep: r.NextStep,
		NextAt: value(r.NextAt), NextDecision: value(r.NextDecision),
		DecidedAt: value(r.DecidedAt), DecidedVersion: r.DecidedVersion, PendingAt: value(r.PendingAt),
	}, nil
}

// FindCases returns the ids of the cases of a customer number, open ones first,
// then the newest first. An empty creditor means any.
func (s *Store) FindCases(ctx context.Context, creditor, accountKey string) ([]string, error) {
	ids, err := s.q.FindCases(ctx, accountKey, creditor)
	if err != nil {
		return nil, fmt.Errorf("looking for cases: %w", explain(err))
	}
	return ids, nil
}

// Overdue returns open cases whose next instant, or a fact they should have looked
// at, lies more than lateBy before now (business time) without a decision: the
// longest late first. The sweeper wakes them.
func (s *Store) Overdue(ctx context.Context, now time.Time, lateBy time.Duration, limit int) ([]string, error) {
	ids, err := s.q.Overdue(ctx, now.Add(-lateBy), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("looking for overdue cases: %w", explain(err))
	}
	return ids, nil
}

// EarliestPending is the earliest business instant after the given one at which an
// open case is to act, or at which lies a fact that an open case has not looked at
// yet; false if there is none. The rehearsal clock does not run past it.
func (s *Store) EarliestPending(ctx context.Context, after time.Time) (time.Time, bool, error) {
	return orNone(s.q.EarliestPending(ctx, after))
}

// EarliestOpening is the earliest instant after the given one at which the starter
// has found that a case is to be opened; false if there is none.
func (s *Store) EarliestOpening(ctx context.Context, after time.Time) (time.Time, bool, error) {
	at, ok, err := orNone(s.q.EarliestOpening(ctx, after))
	return value(at), ok, err
}

// orNone makes "no row" an answer.
func orNone[T any](v T, err error) (T, bool, error) {
	if err = explain(err); errors.Is(err, ErrNotFound) {
		var zero T
		return zero, false, nil
	}
	return v, err == nil, err
}

// Candidate is an account with items and without an open case.
type Candidate struct {
	Creditor, Debtor, Account, Currency string
	AccountKey                          string
	Version                             int64     // of the debtor
	OpensAt                             time.Time // as found by an earlier look; zero: unknown or not by time
}

// Candidates returns accounts that have items and no open case, in the order of
// account ids after a cursor ("" at first, then the last candidate's Account). With
// now, accounts are left out at which the starter has looked (see Checked), whose
// debtor has not changed since, and whose time has not come; the zero now means all.
func (s *Store) Candidates(ctx context.Context, now time.Time, after string, limit int) ([]Candidate, error) {
	rows, err := s.q.Candidates(ctx, null(after), nullTime(now), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("looking for accounts without a case: %w", explain(err))
	}
	out := make([]Candidate, len(rows))
	for i, r := range rows {
		out[i] = Candidate{r.CreditorID, r.DebtorID, r.AccountID, r.Currency, r.AccountKey, r.Version, value(r.OpensAt)}
	}
	return out, nil
}

// Checked notes that the starter found nothing to open for an account as of a version of
// its debtor and by a release ("" = none was published), and from when on time alone could
// change that (zero: never). When another release is in force by now, or is being published
// for so long that nobody should wait, nothing is noted: the account is looked at again.
func (s *Store) Checked(ctx context.Context, account string, version int64, release string, opensAt time.Time) error {
	var b pgx.Batch // of one transaction, whose second statement sees what a publisher has committed before the lock
	b.Queue("SELECT pg_advisory_xact_lock_shared(hashtextextended('duly releases', 0))")
	b.Queue(`UPDATE accounts SET checked_version = $1, opens_at = $2
WHERE id = $3 AND NULLIF($4::text, '') IS NOT DISTINCT FROM (SELECT r.release FROM release_activations r ORDER BY r.seq DESC LIMIT 1)`,
		version, nullTime(opensAt), account, release)
	err := s.pool.SendBatch(ctx, &b).Close()
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == stateLockTimeout {
		return nil // it is nothing about this account
	}
	if err != nil {
		return fmt.Errorf("account %s: %w", account, explain(err))
	}
	return nil
}

// CreditorsWithCases are the ids of all creditors that have an open case, in order.
func (s *Store) CreditorsWithCases(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, "SELECT DISTINCT creditor_id FROM cases WHERE status = 'open' ORDER BY creditor_id")
	if err != nil {
		return nil, fmt.Errorf("looking for creditors with open cases: %w", explain(err))
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for creditors with open cases: %w", explain(err))
	}
	return ids, nil
}
