package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Cipher seals what must not lie in the database in clear. The name binds a sealed text
// to its place, so that it opens nowhere else. It may be used by many goroutines.
type Cipher interface {
	// Seal encrypts under the newest key and names that key.
	Seal(name string, plain []byte) (keyID string, sealed []byte, err error)
	// Open decrypts with the key that is named.
	Open(keyID, name string, sealed []byte) ([]byte, error)
	// Newest is the id of the key that seals.
	Newest() string
}

// Errors about sealed texts.
var (
	// ErrNoCipher: this process was given no key, so it can neither seal nor open.
	ErrNoCipher = errors.New("no data key: set DULY_DATA_KEY or DULY_DATA_KEY_FILE (or DULY_CODEC_KEYS, from which one is derived)")
	// ErrErased: the copy was removed with the debtor's personal data; its digest is left.
	ErrErased = errors.New("the copy was erased; only its digest is left")
)

// UseCipher gives the store its keys. Call it before the store is used by several
// goroutines. Without one, messages are kept as digests only, and letters and what the
// sandbox holds lie in clear.
func (s *Store) UseCipher(c Cipher) { s.cipher = c }

// Sealing reports whether the store has keys: without, it can neither seal nor show messages.
func (s *Store) Sealing() bool { return s.cipher != nil }

// Sent is a message as it was handed over: evidence, and personal data.
type Sent struct {
	Attempt, Contact string
	At               time.Time // business instant of the hand-over
	SHA256           []byte    // of the copy in clear
	KeyID            string    // key under which the copy is sealed; "" = none is left
	Message          dunning.Message
	// Dated is the day that a letter bears on paper, where its creditor is: that of its batch.
	// Zero: it was not printed, or bears none. Message.Dated is the day of the hand-over.
	Dated dunning.Date
}

func sentName(attempt string) string { return "sent\x00" + attempt }

// KeepSent keeps the message of a contact with the fence that it is about to pass.
func (tx *Tx) KeepSent(ctx context.Context, contact string, m dunning.Message) error {
	plain, err := encodeJSON(m)
	if err != nil {
		return errors.New("a message cannot be written down") // the cause could quote it
	}
	digest := sha256.Sum256(plain)
	row := sqlgen.KeepSentParams{Attempt: m.Attempt, ContactID: contact, At: micros(m.At), Sha256: digest[:]}
	if tx.cipher != nil {
		if row.KeyID, row.Sealed, err = tx.cipher.Seal(sentName(m.Attempt), plain); err != nil {
			return fmt.Errorf("sealing the message of contact %s: %w", contact, err)
		}
	}
	if err := tx.q.KeepSent(ctx, row); err != nil {
		return fmt.Errorf("keeping the message of contact %s: %w", contact, explain(err))
	}
	return nil
}

// Sent returns the message of a contact exactly as it was handed over. ErrNotFound when
// nothing was, ErrErased (with everything but the message) when its copy is gone. A copy
// that does not fit its digest is an error: it was tampered with. Dated is filled in here only.
func (s *Store) Sent(ctx context.Context, contact string) (Sent, error) {
	r, err := s.q.SentByContact(ctx, contact)
	if err != nil {
		return Sent{}, fmt.Errorf("message of contact %s: %w", contact, explain(err))
	}
	out, err := s.sentOf(r)
	if err != nil || out.Message.Channel != dunning.Letter {
		return out, err
	}
	dated, err := s.q.LetterDated(ctx, r.Attempt)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return out, fmt.Errorf("letter of contact %s: %w", contact, explain(err))
	}
	out.Dated = dateOf(dated)
	return out, nil
}

// SentByAttempt is Sent by what the provider was given.
func (s *Store) SentByAttempt(ctx context.Context, attempt string) (Sent, error) {
	r, err := s.q.SentByAttempt(ctx, attempt)
	if err != nil {
		return Sent{}, fmt.Errorf("message of attempt %s: %w", attempt, explain(err))
	}
	return s.sentOf(r)
}

func (s *Store) sentOf(r sqlgen.SentMessage) (Sent, error) {
	out := Sent{Attempt: r.Attempt, Contact: r.ContactID, At: r.At, SHA256: r.Sha256, KeyID: r.KeyID}
	if r.Sealed == nil {
		return out, fmt.Errorf("message of contact %s: %w", r.ContactID, ErrErased)
	}
	plain, err := s.open(r.KeyID, sentName(r.Attempt), r.Sealed)
	if err != nil {
		return out, fmt.Errorf("message of contact %s: %w", r.ContactID, err)
	}
	if digest := sha256.Sum256(plain); !bytes.Equal(digest[:], r.Sha256) {
		return out, fmt.Errorf("message of contact %s: the copy is not what was handed over: its digest differs", r.ContactID)
	}
	if json.Unmarshal(plain, &out.Message) != nil { // the cause could quote it
		return out, fmt.Errorf("message of contact %s: the copy cannot be read by this release", r.ContactID)
	}
	return out, nil
}

func (s *Store) open(keyID, name string, sealed []byte) ([]byte, error) {
	if s.cipher == nil {
		return nil, ErrNoCipher
	}
	return s.cipher.Open(keyID, name, sealed)
}

// resealPage is how many rows one transaction of Reseal takes.
const resealPage = 100

// Reseal brings everything sealed under the newest key, so that older ones can be
// retired, and returns how many rows it moved. It can be broken off and run again, also
// while workers work. A row that no key of the ring opens ends it with an error.
func (s *Store) Reseal(ctx context.Context) (int, error) {
	if s.cipher == nil {
		return 0, ErrNoCipher
	}
	moved := 0
	for _, page := range []func(context.Context, *sqlgen.Queries) (int, error){s.resealSent, s.resealLetters, s.resealSandbox, s.resealInbox, s.resealFiles, s.resealUploads} {
		for {
			n := 0
			err := s.turn(ctx, func(q *sqlgen.Queries) (err error) {
				n, err = page(ctx, q)
				return err
			})
			moved += n
			if err != nil {
				return moved, fmt.Errorf("sealing anew: %w", err)
			}
			if n == 0 {
				break
			}
		}
	}
	return moved, nil
}

func (s *Store) resealSent(ctx context.Context, q *sqlgen.Queries) (int, error) {
	rows, err := q.SentUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		id, sealed, err := s.reseal(r.KeyID, sentName(r.Attempt), r.Sealed)
		if err != nil {
			return 0, fmt.Errorf("message of attempt %s: %w", r.Attempt, err)
		}
		if err := q.ResealSent(ctx, sqlgen.ResealSentParams{KeyID: id, Sealed: sealed, Attempt: r.Attempt, Was: r.KeyID}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) resealLetters(ctx context.Context, q *sqlgen.Queries) (int, error) {
	rows, err := q.LettersUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		id, pdf, err := s.reseal(r.KeyID, pdfName(r.Attempt), r.Pdf)
		if err != nil {
			return 0, fmt.Errorf("letter of attempt %s: %w", r.Attempt, err)
		}
		_, html, err := s.reseal(r.KeyID, htmlName(r.Attempt), r.HtmlSealed)
		if err != nil {
			return 0, fmt.Errorf("letter of attempt %s: %w", r.Attempt, err)
		}
		if err := q.ResealLetter(ctx, sqlgen.ResealLetterParams{KeyID: id, Pdf: pdf, HtmlSealed: html, Attempt: r.Attempt, Was: r.KeyID}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) resealSandbox(ctx context.Context, q *sqlgen.Queries) (int, error) {
	rows, err := q.SandboxUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		id, sealed, err := s.reseal(r.KeyID, sandboxName(r.Attempt), r.Sealed)
		if err != nil {
			return 0, fmt.Errorf("message of the sandbox, attempt %s: %w", r.Attempt, err)
		}
		if err := q.ResealSandbox(ctx, sqlgen.ResealSandboxParams{KeyID: id, Sealed: sealed, Attempt: r.Attempt, Was: r.KeyID}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) reseal(keyID, name string, sealed []byte) (string, []byte, error) {
	plain, err := s.cipher.Open(keyID, name, sealed)
	if err != nil {
		return "", nil, err
	}
	return s.cipher.Seal(name, plain)
}
