package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/letter"
	"github.com/duly/duly/internal/postgres"
)

// Post prints and posts the letters of the database's outbox.
type Post struct {
	Store    *postgres.Store
	Commands *commands.Service
	Clock    clock.Clock
	Form     letter.Form // as the letter channel has it
}

// BatchOptions say what goes into a batch and where it is written.
type BatchOptions struct {
	Creditor string // "": of all
	By       string // who closes it
	Dir      string // directory in which a new one, named like the batch, is made
	Duplex   bool   // every letter begins on the front of a sheet
}

// Batch is a batch as it was closed.
type Batch struct {
	ID       string            `json:"batch"`
	Dir      string            `json:"dir,omitempty"` // "": no letter was left to print
	Closed   time.Time         `json:"closed"`
	Letters  int               `json:"letters"`
	Pages    int               `json:"pages"`
	LeftOut  map[string]string `json:"left_out,omitempty"` // contact → why
	Waiting  map[string]string `json:"waiting,omitempty"`  // contact → why not yet
	Unproved []string          `json:"unproved,omitempty"` // attempts whose page differs from what the outbox holds
}

// ErrNoLetters is returned when nothing lies in the outbox.
var ErrNoLetters = errors.New("no letter is waiting")

// lettersAtOnce bounds a batch: more is another batch.
const lettersAtOnce = 5000

// Close decides every waiting letter again, under its debtor's lock: what would not be
// written any more is called off and left out, what may not leave yet waits. The rest is
// written as one PDF with index and manifest. A batch that broke off can be written again
// with Print.
func (p *Post) Close(ctx context.Context, o BatchOptions) (Batch, error) {
	waiting, err := p.Store.LettersWaiting(ctx, o.Creditor, lettersAtOnce)
	if err != nil {
		return Batch{}, err
	}
	if len(waiting) == 0 {
		return Batch{}, ErrNoLetters
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return Batch{}, err
	}
	on, err := p.Store.Switches(ctx)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{
		ID: at.UTC().Format("20060102-1504") + "-" + uuid.NewString()[:8], Closed: at.UTC(), LeftOut: map[string]string{}, Waiting: map[string]string{},
	}
	if err := p.Store.AddLetterBatch(ctx, postgres.LetterBatch{ID: b.ID, Creditor: o.Creditor, Closed: at, By: o.By}); err != nil {
		return b, err
	}
	for _, w := range waiting {
		if err := p.place(ctx, &b, w, on); err != nil {
			return b, err
		}
	}
	if b.Letters == 0 {
		return b, nil
	}
	return p.write(ctx, b, o)
}

// inCase writes facts of a case through the one way in.
func (p *Post) inCase(ctx context.Context, caseID string, make func(dunning.Facts, time.Time) ([]dunning.Fact, error)) error {
	ref, err := p.Store.CaseRef(ctx, caseID)
	if err != nil {
		return err
	}
	_, err = p.Commands.Write(ctx, ref, make)
	return err
}

// place gives one letter its place, or leaves it out, or lets it wait.
func (p *Post) place(ctx context.Context, b *Batch, w postgres.WaitingLetter, on []postgres.Switch) error {
	if rule, stopped := switchedOff(on, w, b.Closed); stopped {
		b.Waiting[w.Contact] = rule
		return nil
	}
	reason, later, mine := "", false, false
	// A letter that stands gets its place under the debtor's lock: a refusal is committed
	// either before the decision, which sees it, or after the letter has its place.
	err := p.inCase(ctx, w.Case, func(f dunning.Facts, at time.Time) (_ []dunning.Fact, err error) {
		switch reason, later = f.LetterStands(w.Contact, at); {
		case later:
			return nil, nil
		case reason != "":
			return f.LetterCalledOff(w.Contact, reason, at), nil
		}
		mine, err = p.Store.PutInBatch(ctx, b.ID, postgres.BatchedLetter{Attempt: w.Attempt, Contact: w.Contact, Place: b.Letters + 1})
		return nil, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("letter of contact %s: %w", w.Contact, err)
	case later:
		b.Waiting[w.Contact] = reason
		return nil
	case reason != "":
		mine, err = p.Store.PutInBatch(ctx, b.ID, postgres.BatchedLetter{Attempt: w.Attempt, Contact: w.Contact, LeftOut: reason})
	}
	if err != nil || !mine { // another batch was closed at the same moment
		return err
	}
	if reason != "" {
		b.LeftOut[w.Contact] = reason
	} else {
		b.Letters++
	}
	return nil
}

func switchedOff(on []postgres.Switch, w postgres.WaitingLetter, at time.Time) (string, bool) {
	var all []dunning.Switch
	for _, s := range on {
		all = append(all, s.Switch)
	}
	rule, _, stopped := dunning.SwitchedOff(all, dunning.Leaving{Creditor: w.Creditor, Sequence: w.Sequence, Template: w.Template, Channel: dunning.Letter}, at)
	return rule, stopped
}

// Print writes a batch that was closed before, again, with the same letters.
func (p *Post) Print(ctx context.Context, id string, o BatchOptions) (Batch, error) {
	row, letters, err := p.Store.LetterBatch(ctx, id)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{ID: id, Closed: row.Closed, LeftOut: map[string]string{}}
	for _, l := range letters {
		if l.Place == 0 {
			b.LeftOut[l.Contact] = l.LeftOut
		} else {
			b.Letters++
		}
	}
	if b.Letters == 0 {
		return b, nil
	}
	return p.write(ctx, b, o)
}

// write sets the letters of a batch together. Each is compared with what the outbox has
// held since it was sent: a release that sets otherwise is found out, and said.
func (p *Post) write(ctx context.Context, b Batch, o BatchOptions) (Batch, error) {
	_, rows, err := p.Store.LetterBatch(ctx, b.ID)
	if err != nil {
		return b, err
	}
	var messages []dunning.Message
	var entries []letter.Entry
	for _, l := range rows {
		if l.Place == 0 {
			continue
		}
		m, sum, proved, err := p.letter(ctx, l)
		if err != nil {
			return b, err
		}
		if !proved {
			b.Unproved = append(b.Unproved, l.Attempt)
		}
		messages = append(messages, m)
		entries = append(entries, letter.Entry{Place: l.Place, Contact: l.Contact, Recipient: recipient(m), SHA256: sum})
	}
	bundle, err := letter.Together(messages, p.Form, b.Closed, o.Duplex)
	if err != nil {
		return b, err
	}
	for i := range entries {
		entries[i].Placed = bundle.Places[i]
	}
	b.Dir, b.Pages = filepath.Join(o.Dir, b.ID), bundle.Pages
	if err := letter.WriteBatch(b.Dir, letter.BatchManifest{Batch: b.ID, Closed: b.Closed, Entries: entries, LeftOut: b.LeftOut}, bundle); err != nil {
		return b, err
	}
	sum := sha256.Sum256(bundle.PDF)
	return b, p.Store.FinishLetterBatch(ctx, b.ID, sum[:], bundle.Pages)
}

// letter is the message of a letter, and the digest of the PDF that the outbox holds.
func (p *Post) letter(ctx context.Context, l postgres.BatchedLetter) (m dunning.Message, sum string, proved bool, err error) {
	sent, err := p.Store.SentByAttempt(ctx, l.Attempt)
	if err != nil {
		return m, "", false, err
	}
	stored, err := p.Store.Letter(ctx, l.Attempt)
	if err != nil {
		return m, "", false, err
	}
	again, err := letter.Set(sent.Message, p.Form)
	if err != nil {
		return m, "", false, fmt.Errorf("letter of contact %s: %w", l.Contact, err)
	}
	digest := sha256.Sum256(stored.PDF)
	return sent.Message, hex.EncodeToString(digest[:]), bytes.Equal(again.PDF, stored.PDF), nil
}

// recipient is one line for the index.
func recipient(m dunning.Message) string {
	return strings.Join(append([]string{m.ToName}, strings.Split(m.To, "\n")...), ", ")
}

// Confirm notes that a batch was handed to the post: its letters are sent. It may be
// repeated. It returns how many letters that was.
func (p *Post) Confirm(ctx context.Context, id, by string) (int, error) {
	_, letters, err := p.Store.LetterBatch(ctx, id)
	if err != nil {
		return 0, err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, l := range letters {
		if l.Place == 0 {
			continue
		}
		n++
		if err := p.inCase(ctx, l.Case, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
			return f.LetterPosted(l.Contact, id, at), nil
		}); err != nil {
			return n, fmt.Errorf("letter of contact %s: %w", l.Contact, err)
		}
	}
	if fresh, err := p.Store.PostLetterBatch(ctx, id, at, by); err != nil || !fresh {
		return n, err
	}
	return n, p.Store.Audit(ctx, postgres.Audited{At: at, By: by, Action: "letters_posted", Subject: "batch/" + id})
}

// Returned notes that the post brought a letter back: nobody is reached at that address.
// The letter is named by its attempt, as index and manifest do.
func (p *Post) Returned(ctx context.Context, attempt, by string) error {
	c, err := p.Store.SentByAttempt(ctx, attempt)
	if err != nil && !errors.Is(err, postgres.ErrErased) && !errors.Is(err, postgres.ErrNoCipher) {
		return err
	}
	contact, err := p.Store.Contact(ctx, c.Contact)
	if err != nil {
		return err
	}
	if contact.Channel != dunning.Letter {
		return fmt.Errorf("attempt %s is no letter: %w", attempt, dunning.ErrInvalid)
	}
	_, err = p.Commands.Do(ctx, contact.Case, dunning.ReportDelivery{ID: "returned/" + attempt, Contact: c.Contact, Report: dunning.ReturnedMail}, by)
	return err
}
