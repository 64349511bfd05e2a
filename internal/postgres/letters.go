package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// WaitingLetter lies in the outbox and is in no batch yet.
type WaitingLetter struct {
	Attempt, Contact      string
	Case, Account, Debtor string
	Creditor              string
	At                    time.Time // business instant at which it was put there
	Sequence, Template    string
}

// LettersWaiting returns letters in no batch, of one creditor or ("") of all, the oldest first.
func (s *Store) LettersWaiting(ctx context.Context, creditor string, limit int) ([]WaitingLetter, error) {
	rows, err := s.q.LettersWaiting(ctx, creditor, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("looking for letters: %w", explain(err))
	}
	out := make([]WaitingLetter, len(rows))
	for i, r := range rows {
		out[i] = WaitingLetter{
			Attempt: r.Attempt, Contact: r.ContactID, Case: r.CaseID, Account: r.AccountID, Debtor: r.DebtorID, Creditor: r.CreditorID, At: r.At,
			Sequence: r.SequenceID, Template: r.Template,
		}
	}
	return out, nil
}

// LetterBatch is what is printed and posted together.
type LetterBatch struct {
	ID, Creditor  string // Creditor "": of all
	Closed        time.Time
	By            string
	PDFSHA256     []byte // nil: it was not written to its end
	Pages         int
	Posted        time.Time // zero: not confirmed
	PostedBy      string
	Printed, Left int // counted in lists only
}

// BatchedLetter is what became of a letter in its batch.
type BatchedLetter struct {
	Attempt, Contact      string
	Place                 int          // from 1; 0: left out
	LeftOut               string       // why
	Dated                 dunning.Date // day that it bears, where the creditor is; zero: none
	Case, Account, Debtor string
	Creditor              string
	State                 dunning.ContactState // of the contact now
}

// AddLetterBatch begins a batch.
func (s *Store) AddLetterBatch(ctx context.Context, b LetterBatch) error {
	err := s.q.AddLetterBatch(ctx, sqlgen.AddLetterBatchParams{ID: b.ID, CreditorID: b.Creditor, ClosedAt: micros(b.Closed), By: cleanText(b.By)})
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, explain(err))
	}
	return nil
}

// PutInBatch gives a letter the next place in a batch, or (with LeftOut) says why it has
// none, together with whatever else the transaction writes. false: another batch has it
// already. ErrNotFound if there is no such batch.
func (tx *Tx) PutInBatch(ctx context.Context, batch string, l BatchedLetter) (bool, error) {
	if _, err := tx.q.LockLetterBatch(ctx, batch); err != nil {
		return false, fmt.Errorf("batch %s: %w", batch, explain(err))
	}
	_, err := tx.q.AddLetterToBatch(ctx, sqlgen.AddLetterToBatchParams{
		Attempt: l.Attempt, BatchID: batch, ContactID: l.Contact, LeftOut: l.LeftOut, Dated: dayOrNil(l.Dated),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("batch %s: %w", batch, explain(err))
	}
	return true, nil
}

// WaitingLetterOf is a letter of a batch as it was when it waited: what switches ask for.
func (s *Store) WaitingLetterOf(ctx context.Context, l BatchedLetter) (WaitingLetter, error) {
	c, err := s.Contact(ctx, l.Contact)
	if err != nil {
		return WaitingLetter{}, fmt.Errorf("letter of contact %s: %w", l.Contact, err)
	}
	ref, err := s.CaseRef(ctx, l.Case)
	if err != nil {
		return WaitingLetter{}, fmt.Errorf("letter of contact %s: %w", l.Contact, err)
	}
	return WaitingLetter{
		Attempt: l.Attempt, Contact: l.Contact, Case: l.Case, Account: l.Account, Debtor: l.Debtor, Creditor: l.Creditor, Sequence: ref.Sequence, Template: c.Template,
	}, nil
}

// FinishLetterBatch notes what was written of a batch.
func (s *Store) FinishLetterBatch(ctx context.Context, batch string, sha256 []byte, pages int) error {
	if err := s.q.FinishLetterBatch(ctx, sha256, int32(pages), batch); err != nil {
		return fmt.Errorf("batch %s: %w", batch, explain(err))
	}
	return nil
}

// LetterBatch returns a batch with its letters, in the order of their places, those left
// out first. ErrNotFound if there is none.
func (s *Store) LetterBatch(ctx context.Context, id string) (LetterBatch, []BatchedLetter, error) {
	r, err := s.q.LetterBatch(ctx, id)
	if err != nil {
		return LetterBatch{}, nil, fmt.Errorf("batch %s: %w", id, explain(err))
	}
	rows, err := s.q.LettersOfBatch(ctx, id)
	if err != nil {
		return LetterBatch{}, nil, fmt.Errorf("letters of batch %s: %w", id, explain(err))
	}
	b := LetterBatch{
		ID: r.ID, Creditor: r.CreditorID, Closed: r.ClosedAt, By: r.By, PDFSHA256: r.PdfSha256, Pages: int(r.Pages),
		Posted: value(r.PostedAt), PostedBy: value(r.PostedBy),
	}
	out := make([]BatchedLetter, len(rows))
	for i, l := range rows {
		out[i] = BatchedLetter{
			Attempt: l.Attempt, Contact: l.ContactID, Place: int(l.Place), LeftOut: l.LeftOut, Dated: dateOf(l.Dated), Case: l.CaseID, Account: l.AccountID, Debtor: l.DebtorID,
			Creditor: l.CreditorID, State: dunning.ContactState(l.State),
		}
	}
	return b, out, nil
}

// LetterBatches returns the newest batches.
func (s *Store) LetterBatches(ctx context.Context, limit int) ([]LetterBatch, error) {
	rows, err := s.q.LetterBatches(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("looking for batches: %w", explain(err))
	}
	out := make([]LetterBatch, len(rows))
	for i, r := range rows {
		out[i] = LetterBatch{
			ID: r.ID, Creditor: r.CreditorID, Closed: r.ClosedAt, By: r.By, PDFSHA256: r.PdfSha256, Pages: int(r.Pages),
			Posted: value(r.PostedAt), PostedBy: value(r.PostedBy), Printed: int(r.Printed), Left: int(r.LeftOut),
		}
	}
	return out, nil
}

// PostLetterBatch notes that a batch was handed to the post; false: it was noted before.
func (s *Store) PostLetterBatch(ctx context.Context, id string, at time.Time, by string) (bool, error) {
	by = cleanText(by)
	n, err := s.q.PostLetterBatch(ctx, nullTime(at), &by, id)
	if err != nil {
		return false, fmt.Errorf("batch %s: %w", id, explain(err))
	}
	return n > 0, nil
}
