package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Sandbox keeps the messages of channels without a provider. It satisfies the
// sandbox adapter's store.
type Sandbox struct{ s *Store }

// Sandbox is the store of messages that never leave the machine.
func (s *Store) Sandbox() Sandbox { return Sandbox{s} }

func sandboxName(attempt string) string { return "sandbox\x00" + attempt }

// Put keeps the message of an attempt, sealed when the store has keys. The first one of an
// attempt stays.
func (b Sandbox) Put(ctx context.Context, attempt string, at time.Time, m dunning.Message) error {
	body, err := encodeJSON(m)
	if err != nil {
		return fmt.Errorf("message of attempt %s: %w", attempt, err)
	}
	if b.s.cipher != nil {
		return b.putSealed(ctx, attempt, at, m.Channel, body)
	}
	if err := b.s.q.PutSandbox(ctx, sqlgen.PutSandboxParams{
		Attempt: attempt, Channel: string(m.Channel), At: micros(at),
		Recipient: cleanText(m.To), Subject: cleanText(m.Subject), Message: body,
	}); err != nil {
		return fmt.Errorf("keeping the message of attempt %s: %w", attempt, explain(err))
	}
	return nil
}

func (b Sandbox) putSealed(ctx context.Context, attempt string, at time.Time, ch dunning.Channel, body []byte) error {
	id, sealed, err := b.s.cipher.Seal(sandboxName(attempt), body)
	if err != nil {
		return fmt.Errorf("sealing the message of attempt %s: %w", attempt, err)
	}
	err = b.s.q.PutSealedSandbox(ctx, sqlgen.PutSealedSandboxParams{Attempt: attempt, Channel: string(ch), At: micros(at), KeyID: id, Sealed: sealed})
	if err != nil {
		return fmt.Errorf("keeping the message of attempt %s: %w", attempt, explain(err))
	}
	return nil
}

// openSandbox reads a sealed message.
func (s *Store) openSandbox(attempt, keyID string, sealed []byte) (m dunning.Message, err error) {
	plain, err := s.open(keyID, sandboxName(attempt), sealed)
	if err != nil {
		return m, fmt.Errorf("message of attempt %s: %w", attempt, err)
	}
	if json.Unmarshal(plain, &m) != nil { // the cause could quote it
		return m, fmt.Errorf("message of attempt %s cannot be read by this release", attempt)
	}
	return m, nil
}

// Has reports whether an attempt's message is kept.
func (b Sandbox) Has(ctx context.Context, attempt string) (bool, error) {
	ok, err := b.s.q.HasSandbox(ctx, attempt)
	return ok, explain(err)
}

// Count is how many messages are kept.
func (b Sandbox) Count(ctx context.Context) (int64, error) {
	n, err := b.s.q.CountSandbox(ctx)
	return n, explain(err)
}

// Latest returns the newest messages, for the console. They are personal data.
func (b Sandbox) Latest(ctx context.Context, limit int) ([]dunning.Message, error) {
	rows, err := b.s.q.SandboxMessages(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox: %w", explain(err))
	}
	out := make([]dunning.Message, len(rows))
	for i, r := range rows {
		if r.KeyID != "" {
			if out[i], err = b.s.openSandbox(r.Attempt, r.KeyID, r.Sealed); err != nil {
				return nil, err
			}
			continue
		}
		if err := json.Unmarshal(r.Message, &out[i]); err != nil {
			return nil, fmt.Errorf("message of attempt %s cannot be read: %w", r.Attempt, err)
		}
	}
	return out, nil
}

// LetterFile is a finished letter.
type LetterFile struct {
	Attempt string
	At      time.Time
	Pages   int
	PDF     []byte
	HTML    string
}

func pdfName(attempt string) string  { return "letter pdf\x00" + attempt }
func htmlName(attempt string) string { return "letter html\x00" + attempt }

// erasedLetter stands in the place of a letter that was erased with its debtor.
const erasedLetter = "erased"

// PutLetter keeps a letter durably, sealed when the store has keys. The first one of an
// attempt stays.
func (s *Store) PutLetter(ctx context.Context, l LetterFile) error {
	if s.cipher == nil {
		err := s.q.PutLetter(ctx, sqlgen.PutLetterParams{Attempt: l.Attempt, At: micros(l.At), Pdf: l.PDF, Html: cleanText(l.HTML)})
		return keepingLetter(l.Attempt, err)
	}
	id, pdf, err := s.cipher.Seal(pdfName(l.Attempt), l.PDF)
	if err != nil {
		return keepingLetter(l.Attempt, err)
	}
	_, html, err := s.cipher.Seal(htmlName(l.Attempt), []byte(l.HTML))
	if err != nil {
		return keepingLetter(l.Attempt, err)
	}
	return keepingLetter(l.Attempt, s.q.PutSealedLetter(ctx, sqlgen.PutSealedLetterParams{
		Attempt: l.Attempt, At: micros(l.At), Pdf: pdf, Pages: int32(l.Pages), KeyID: id, HtmlSealed: html,
	}))
}

// ReplaceLetter puts the letter as it is printed in the place of the one that was handed
// over: the same words with the day that it bears. ErrErased when there is none any more.
func (tx *Tx) ReplaceLetter(ctx context.Context, l LetterFile) error {
	row := sqlgen.ReplaceLetterParams{Attempt: l.Attempt, Pdf: l.PDF, Html: cleanText(l.HTML), Pages: int32(l.Pages)}
	if tx.cipher != nil {
		id, pdf, err := tx.cipher.Seal(pdfName(l.Attempt), l.PDF)
		if err != nil {
			return keepingLetter(l.Attempt, err)
		}
		_, html, err := tx.cipher.Seal(htmlName(l.Attempt), []byte(l.HTML))
		if err != nil {
			return keepingLetter(l.Attempt, err)
		}
		row.Pdf, row.Html, row.KeyID, row.HtmlSealed = pdf, "", id, html
	}
	n, err := tx.q.ReplaceLetter(ctx, row)
	if err == nil && n == 0 {
		err = ErrErased
	}
	return keepingLetter(l.Attempt, err)
}

func keepingLetter(attempt string, err error) error {
	if err != nil {
		return fmt.Errorf("keeping the letter of attempt %s: %w", attempt, explain(err))
	}
	return nil
}

// HasLetter reports whether an attempt's letter is kept.
func (s *Store) HasLetter(ctx context.Context, attempt string) (bool, error) {
	ok, err := s.q.HasLetter(ctx, attempt)
	return ok, explain(err)
}

// Letter returns a letter. ErrNotFound if there is none of that attempt, ErrErased when it
// was erased.
func (s *Store) Letter(ctx context.Context, attempt string) (LetterFile, error) {
	r, err := s.q.SealedLetter(ctx, attempt)
	if err != nil {
		return LetterFile{}, fmt.Errorf("letter of attempt %s: %w", attempt, explain(err))
	}
	l := LetterFile{r.Attempt, r.At, int(r.Pages), r.Pdf, r.Html}
	switch {
	case r.KeyID == "" && string(r.Pdf) == erasedLetter:
		return LetterFile{}, fmt.Errorf("letter of attempt %s: %w", attempt, ErrErased)
	case r.KeyID == "":
		return l, nil
	}
	if l.PDF, err = s.open(r.KeyID, pdfName(attempt), r.Pdf); err != nil {
		return LetterFile{}, fmt.Errorf("letter of attempt %s: %w", attempt, err)
	}
	html, err := s.open(r.KeyID, htmlName(attempt), r.HtmlSealed)
	if err != nil {
		return LetterFile{}, fmt.Errorf("letter of attempt %s: %w", attempt, err)
	}
	l.HTML = string(html)
	return l, nil
}

// Audited is something that a person or program did and that is no fact of a debtor:
// publishing, importing, erasing, looking at personal data.
type Audited struct {
	At      time.Time
	By      string // "user:<id>", "system", …
	Action  string
	Subject string // id of what it was done to
	Detail  map[string]string
}

// Audit writes down what somebody did. Rows are never changed.
func (s *Store) Audit(ctx context.Context, a Audited) error {
	if a.Detail == nil {
		a.Detail = map[string]string{}
	}
	detail, err := encodeJSON(a.Detail)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", a.Action, err)
	}
	err = s.q.AddAudit(ctx, sqlgen.AddAuditParams{
		At: micros(a.At), By: cleanText(a.By), Action: a.Action, Subject: cleanText(a.Subject), Detail: detail,
	})
	if err != nil {
		return fmt.Errorf("audit of %s: %w", a.Action, explain(err))
	}
	return nil
}

// AuditOf returns what was done to a subject, or (empty) to anything, the newest first.
func (s *Store) AuditOf(ctx context.Context, subject string, limit int) ([]Audited, error) {
	rows, err := s.q.AuditOf(ctx, subject, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the audit: %w", explain(err))
	}
	out := make([]Audited, len(rows))
	for i, r := range rows {
		out[i] = Audited{At: r.At, By: r.By, Action: r.Action, Subject: r.Subject}
		if err := json.Unmarshal(r.Detail, &out[i].Detail); err != nil {
			return nil, fmt.Errorf("audit row cannot be read: %w", err)
		}
	}
	return out, nil
}
