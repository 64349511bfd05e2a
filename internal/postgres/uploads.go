package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
)

// Names that sealed bodies are bound to.
func uploadName(id string) string        { return "upload\x00" + id }
func uploadRejectsName(id string) string { return "upload rejects\x00" + id }
func rejectFileName(run string) string   { return "rejects\x00" + run }

// seal is a body as it is kept: sealed when this process has a key.
func (s *Store) seal(name string, body []byte) (keyID string, out []byte, err error) {
	if s.cipher == nil || len(body) == 0 {
		return "", append([]byte{}, body...), nil
	}
	return s.cipher.Seal(name, body)
}

// unseal is the opposite.
func (s *Store) unseal(keyID, name string, body []byte) ([]byte, error) {
	if keyID == "" {
		return body, nil
	}
	return s.open(keyID, name, body)
}

// NoRoomError says that a file is not kept because those that wait are too large together.
type NoRoomError struct {
	All        bool  // everybody's; else the sender's own
	Kept, Room int64 // bytes
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("%d bytes of uploaded files wait, of %d for which there is room", e.Kept, e.Room)
}

// PutUpload keeps an uploaded file, to be checked, if there is room for it beside those
// that wait: mine bytes of the same u.By, and all of everybody. *NoRoomError otherwise.
func (s *Store) PutUpload(ctx context.Context, u read.Upload, body []byte, mine, all int64) error {
	key, sealed, err := s.seal(uploadName(u.ID), body)
	if err != nil {
		return fmt.Errorf("keeping an uploaded file: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		if err := q.LockUploads(ctx); err != nil {
			return err
		}
		kept, err := q.UploadsKept(ctx, u.By)
		switch size := int64(len(body)); {
		case err != nil:
			return err
		case kept.Mine+size > mine:
			return &NoRoomError{Kept: kept.Mine, Room: mine}
		case kept.OfAll+size > all:
			return &NoRoomError{All: true, Kept: kept.OfAll, Room: all}
		}
		return q.PutUpload(ctx, sqlgen.PutUploadParams{
			ID: u.ID, Kind: u.Kind, Mapping: u.Mapping, CreditorID: u.Creditor, Name: cleanText(u.Name), By: u.By, At: micros(u.At), Size: int64(len(body)), KeyID: key, Body: sealed,
		})
	})
	if err != nil {
		return fmt.Errorf("keeping an uploaded file: %w", explain(err))
	}
	return nil
}

// Upload is one in a scope. ErrNotFound if there is none.
func (s *Store) Upload(ctx context.Context, scope read.Scope, id string) (read.Upload, error) {
	if !isUUID(id) {
		return read.Upload{}, fmt.Errorf("upload: %w", ErrNotFound)
	}
	r, err := s.q.UploadByID(ctx, id)
	u := uploadOf(sqlgen.ListUploadsRow(r))
	if err = explain(err); err == nil && !scope.Allows(u.Creditor) {
		err = ErrNotFound
	}
	if err != nil {
		return read.Upload{}, fmt.Errorf("upload %s: %w", id, err)
	}
	return u, nil
}

// Uploads lists files on their way into creditors of a scope, the newest first.
func (s *Store) Uploads(ctx context.Context, scope read.Scope, limit int) ([]read.Upload, error) {
	all, err := s.q.ListUploads(ctx, creditorsOf(scope), int32(limit))
	out := make([]read.Upload, len(all))
	for i, r := range all {
		out[i] = uploadOf(r)
	}
	return out, explain(err)
}

func uploadOf(r sqlgen.ListUploadsRow) read.Upload {
	return read.Upload{
		ID: r.ID, Kind: r.Kind, Mapping: r.Mapping, Creditor: r.CreditorID, Name: r.Name, By: r.By, At: r.At, Made: r.MadeAt, State: r.State, Size: r.Size,
		Phase: r.Phase, Bytes: r.Bytes, Rows: r.Rows, Run: r.RunID, Summary: r.Summary, Fault: r.Fault, HasRejects: r.HasRejects,
	}
}

// ClaimUpload takes a file that is to be checked or stored, or the one that is wanted ("" for
// any), with its body; nobody else gets it for the time of lease. false: there is none.
func (s *Store) ClaimUpload(ctx context.Context, wanted string, lease time.Duration) (read.Upload, []byte, bool, error) {
	r, err := s.q.ClaimUpload(ctx, interval(lease), optional(wanted))
	if err = explain(err); errors.Is(err, ErrNotFound) {
		return read.Upload{}, nil, false, nil
	}
	if err != nil {
		return read.Upload{}, nil, false, fmt.Errorf("uploaded files: %w", err)
	}
	u := read.Upload{ID: r.ID, Kind: r.Kind, Mapping: r.Mapping, Creditor: r.CreditorID, Name: r.Name, By: r.By, At: r.At, State: r.State, Size: r.Size}
	body, err := s.unseal(r.KeyID, uploadName(u.ID), r.Body)
	return u, body, true, err
}

// TellUpload says how far a file is, and keeps the claim for the time of lease.
func (s *Store) TellUpload(ctx context.Context, u read.Upload, lease time.Duration) error {
	return explain(s.q.TellUpload(ctx, sqlgen.TellUploadParams{Phase: u.Phase, Bytes: u.Bytes, Rows: u.Rows, Lease: interval(lease), ID: u.ID}))
}

// EndUpload says what checking or storing came to. rejects is the reject file.
func (s *Store) EndUpload(ctx context.Context, u read.Upload, rejects []byte) error {
	key, sealed, err := s.seal(uploadRejectsName(u.ID), rejects)
	if err != nil {
		return err
	}
	return explain(s.q.EndUpload(ctx, sqlgen.EndUploadParams{
		State: u.State, Summary: u.Summary, Fault: cleanText(u.Fault), RunID: u.Run, Rejects: sealed, RejectsKey: key, ID: u.ID,
	}))
}

// MoveUpload brings a file from one of some states into another. false: it is in none of them.
func (s *Store) MoveUpload(ctx context.Context, id, to string, from ...string) (bool, error) {
	n, err := s.q.MoveUpload(ctx, to, id, from)
	return n > 0, explain(err)
}

// UploadRejects is the reject file of a dry run, in a scope. ErrNotFound if there is none.
func (s *Store) UploadRejects(ctx context.Context, scope read.Scope, id string) (name string, body []byte, err error) {
	if !isUUID(id) {
		return "", nil, fmt.Errorf("upload: %w", ErrNotFound)
	}
	r, err := s.q.UploadRejects(ctx, id)
	if err = explain(err); err == nil && (!scope.Allows(r.CreditorID) || len(r.Rejects) == 0) {
		err = ErrNotFound
	}
	if err != nil {
		return "", nil, fmt.Errorf("rejected rows of upload %s: %w", id, err)
	}
	body, err = s.unseal(r.RejectsKey, uploadRejectsName(id), r.Rejects)
	return r.Name, body, err
}

// --- reject files ------------------------------------------------------------------

// Reject is a row that the importer refused, with where and why.
type Reject struct {
	Row, Line             int
	Column, Field, Reason string
}

// PutRejects keeps rows that an import refused.
func (s *Store) PutRejects(ctx context.Context, run string, all []Reject) error {
	if len(all) == 0 {
		return nil
	}
	p := sqlgen.PutRejectParams{RunID: run}
	for _, r := range all {
		p.Rows, p.Lines = append(p.Rows, int64(r.Row)), append(p.Lines, int64(r.Line))
		p.Columns, p.Fields, p.Reasons = append(p.Columns, cleanText(r.Column)), append(p.Fields, cleanText(r.Field)), append(p.Reasons, cleanText(r.Reason))
	}
	if err := s.q.PutReject(ctx, p); err != nil {
		return fmt.Errorf("rejected rows of import %s: %w", run, explain(err))
	}
	return nil
}

// PutRejectFile keeps the reject file of a run; an empty one is forgotten.
func (s *Store) PutRejectFile(ctx context.Context, run, name string, body []byte) error {
	if len(body) == 0 {
		return explain(s.q.DropRejectFile(ctx, run))
	}
	key, sealed, err := s.seal(rejectFileName(run), body)
	if err == nil {
		err = s.q.PutRejectFile(ctx, sqlgen.PutRejectFileParams{RunID: run, Name: cleanText(name), KeyID: key, Body: sealed})
	}
	if err != nil {
		return fmt.Errorf("reject file of import %s: %w", run, explain(err))
	}
	return nil
}

// RejectFile is the reject file of a run in a scope. ErrNotFound if there is none (any more).
func (s *Store) RejectFile(ctx context.Context, scope read.Scope, run string) (name string, body []byte, err error) {
	r, err := s.q.RejectFile(ctx, run)
	if err = explain(err); err == nil && !scope.Allows(r.CreditorID) {
		err = ErrNotFound
	}
	if err != nil {
		return "", nil, fmt.Errorf("reject file of import %s: %w", run, err)
	}
	body, err = s.unseal(r.KeyID, rejectFileName(run), r.Body)
	return r.Name, body, err
}

// ForgetFiles wipes uploaded files and reject files from before an instant (wall time).
func (s *Store) ForgetFiles(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.q.ForgetUploads(ctx, before)
	m, err2 := s.q.ForgetRejectFiles(ctx, before)
	return n + m, explain(errors.Join(err, err2))
}

// resealFiles brings reject files under the newest key.
func (s *Store) resealFiles(ctx context.Context, q *sqlgen.Queries) (int, error) {
	all, err := q.RejectFilesUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		id, body, err := s.reseal(r.KeyID, rejectFileName(r.RunID), r.Body)
		if err != nil {
			return 0, fmt.Errorf("reject file of import %s: %w", r.RunID, err)
		}
		if err := q.ResealRejectFile(ctx, sqlgen.ResealRejectFileParams{KeyID: id, Body: body, RunID: r.RunID, Was: r.KeyID}); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// resealUploads brings uploaded files under the newest key.
func (s *Store) resealUploads(ctx context.Context, q *sqlgen.Queries) (int, error) {
	all, err := q.UploadsUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		p := sqlgen.ResealUploadParams{ID: r.ID, KeyID: r.KeyID, Body: r.Body, RejectsKey: r.RejectsKey, Rejects: r.Rejects}
		if r.KeyID != "" && len(r.Body) > 0 {
			if p.KeyID, p.Body, err = s.reseal(r.KeyID, uploadName(r.ID), r.Body); err != nil {
				return 0, fmt.Errorf("upload %s: %w", r.ID, err)
			}
		}
		if r.RejectsKey != "" && len(r.Rejects) > 0 {
			if p.RejectsKey, p.Rejects, err = s.reseal(r.RejectsKey, uploadRejectsName(r.ID), r.Rejects); err != nil {
				return 0, fmt.Errorf("upload %s: %w", r.ID, err)
			}
		}
		if err := q.ResealUpload(ctx, p); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}
