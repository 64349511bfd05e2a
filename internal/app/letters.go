package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
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
	Failed   map[string]string `json:"failed,omitempty"`   // contact → why nobody can tell whether it stands; it stays where it is
	Printing int               `json:"printing,omitempty"` // 0: the first; n: the n-th after it

	at    time.Time // business instant of a later printing
	again bool      // it was written to its end before
}

// ErrNoLetters is returned when nothing lies in the outbox.
var ErrNoLetters = errors.New("no letter is waiting")

// Errors of printing a batch again.
var (
	ErrPosted   = errors.New("the batch was posted: its letters are out of the house. What each said is with its case")
	ErrSwitched = errors.New("letters are switched off: turn the switch off, or wait for its end, and print again")
)

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
		if err := p.guarded(w.Contact, func() error { return p.place(ctx, &b, w, on) }); err != nil {
			if ctx.Err() != nil || errors.Is(err, postgres.ErrNoCipher) {
				return b, err
			}
			b.fail(w.Contact, err)
		}
	}
	if b.Letters == 0 {
		return b, nil
	}
	return p.write(ctx, b, o)
}

// fail notes a letter that cannot be judged. The others go on.
func (b *Batch) fail(contact string, err error) {
	if b.Failed == nil {
		b.Failed = map[string]string{}
	}
	b.Failed[contact] = err.Error()
}

// guarded keeps a panic over one debtor's data from the other letters. The value of a panic
// may quote data, so it is not told.
func (p *Post) guarded(contact string, f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("letter of contact %s: a fault in Duly over this debtor's data: run duly doctor and duly recheck", contact)
		}
	}()
	return f()
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

// inCaseTx is inCase for facts that rows of a batch are committed with.
func (p *Post) inCaseTx(ctx context.Context, caseID string, make func(*postgres.Tx, dunning.Facts, time.Time) ([]dunning.Fact, error)) error {
	ref, err := p.Store.CaseRef(ctx, caseID)
	if err != nil {
		return err
	}
	_, err = p.Commands.WriteIn(ctx, ref, func(t commands.Tx, f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		tx, ok := t.(*postgres.Tx)
		if !ok {
			return nil, errors.New("letters: the commands write to another store than the letters lie in: wire both over one")
		}
		return make(tx, f, at)
	})
	return err
}

// place gives one letter its place and the day that it bears, or leaves it out, or lets it
// wait. All of that is one transaction under the debtor's lock: a refusal is committed either
// before the decision, which sees it, or after the letter has its place; and a transaction
// that is run again has left nothing behind.
func (p *Post) place(ctx context.Context, b *Batch, w postgres.WaitingLetter, on []postgres.Switch) error {
	if rule, stopped := switchedOff(on, w, b.Closed); stopped {
		b.Waiting[w.Contact] = rule
		return nil
	}
	reason, later, mine := "", false, false
	err := p.inCaseTx(ctx, w.Case, func(tx *postgres.Tx, f dunning.Facts, at time.Time) (facts []dunning.Fact, err error) {
		l := postgres.BatchedLetter{Attempt: w.Attempt, Contact: w.Contact, Dated: f.LetterDay(b.Closed)}
		if reason, later = f.LetterStands(w.Contact, at); reason == "" {
			reason, err = p.date(ctx, tx, l)
		}
		if err != nil || later {
			return nil, err
		}
		if reason != "" {
			l.LeftOut, l.Dated = reason, dunning.Date{}
			facts = f.LetterCalledOff(w.Contact, reason, at)
		}
		if mine, err = tx.PutInBatch(ctx, b.ID, l); err != nil || !mine {
			return nil, err
		}
		return facts, nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("letter of contact %s: %w", w.Contact, err)
	case later:
		b.Waiting[w.Contact] = reason
	case !mine: // another batch was closed at the same moment
	case reason != "":
		b.LeftOut[w.Contact] = reason
	default:
		b.Letters++
	}
	return nil
}

// unreadable is why a letter is called off that cannot be read or set.
const unreadable = "unreadable"

// date sets a letter with the day that it bears and puts it into the outbox in the place of
// the one that was handed over, so that what is kept is what is printed. It says why the
// letter cannot leave with that day.
func (p *Post) date(ctx context.Context, tx *postgres.Tx, l postgres.BatchedLetter) (reason string, err error) {
	sent, err := p.Store.SentByAttempt(ctx, l.Attempt)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, postgres.ErrNoCipher):
		return "", err // of all of them
	case err != nil:
		return unreadable, nil
	}
	m := sent.Message
	if reason := dunning.LetterOutdated(m, l.Dated); reason != "" {
		return reason, nil
	}
	m.Dated = l.Dated
	set, err := letter.Set(m, p.Form)
	if err != nil {
		return unreadable, nil
	}
	return "", tx.ReplaceLetter(ctx, postgres.LetterFile{Attempt: l.Attempt, Pages: set.Pages, PDF: set.PDF, HTML: string(set.HTML)})
}

func switchedOff(on []postgres.Switch, w postgres.WaitingLetter, at time.Time) (string, bool) {
	var all []dunning.Switch
	for _, s := range on {
		all = append(all, s.Switch)
	}
	rule, _, stopped := dunning.SwitchedOff(all, dunning.Leaving{Creditor: w.Creditor, Sequence: w.Sequence, Template: w.Template, Channel: dunning.Letter}, at)
	return rule, stopped
}

// Print writes a batch that was closed before once more. Each letter is decided again, under
// its debtor's lock: what would not be written any more (it was paid meanwhile), or may not
// leave now, is called off, left out and named; its step is decided anew. The batch keeps
// what it was when it was closed; the printing has a row of its own. A batch that was posted
// is not printed: ErrPosted.
func (p *Post) Print(ctx context.Context, id string, o BatchOptions) (Batch, error) {
	row, letters, err := p.Store.LetterBatch(ctx, id)
	if err != nil {
		return Batch{}, err
	}
	if !row.Posted.IsZero() {
		return Batch{}, fmt.Errorf("batch %s: %w", id, ErrPosted)
	}
	if err := p.halfPosted(ctx, id, letters); err != nil {
		return Batch{}, err
	}
	on, err := p.Store.Switches(ctx)
	if err != nil {
		return Batch{}, err
	}
	b := Batch{ID: id, Closed: row.Closed, LeftOut: map[string]string{}}
	if b.at, err = p.Clock.Now(ctx); err != nil {
		return Batch{}, err
	}
	for _, l := range letters {
		if l.Place == 0 {
			b.LeftOut[l.Contact] = l.LeftOut
			continue
		}
		if err := p.guarded(l.Contact, func() error { return p.stillStands(ctx, &b, l, on) }); errors.Is(err, ErrSwitched) || ctx.Err() != nil {
			return Batch{}, err
		} else if err != nil {
			b.fail(l.Contact, err)
		}
	}
	if row.PDFSHA256 != nil {
		b.again = true
	}
	return p.write(ctx, b, o)
}

// halfPosted refuses a batch whose confirming broke off: somebody has said that it was handed
// to the post, and has noted that of some of its letters.
func (p *Post) halfPosted(ctx context.Context, id string, letters []postgres.BatchedLetter) error {
	for _, l := range letters {
		if l.Place == 0 {
			continue
		}
		c, err := p.Store.Contact(ctx, l.Contact)
		if err != nil {
			return fmt.Errorf("letter of contact %s: %w", l.Contact, err)
		}
		if c.Code == dunning.LetterPostedCode {
			return fmt.Errorf("batch %s: confirm it again, not all of its letters are noted as posted yet: %w", id, ErrPosted)
		}
	}
	return nil
}

// stillStands decides over a letter of a batch that is printed again.
func (p *Post) stillStands(ctx context.Context, b *Batch, l postgres.BatchedLetter, on []postgres.Switch) error {
	w, err := p.Store.WaitingLetterOf(ctx, l)
	if err != nil {
		return err
	}
	if rule, stopped := switchedOff(on, w, b.at); stopped {
		return fmt.Errorf("%w (%s)", ErrSwitched, rule)
	}
	reason := ""
	err = p.inCase(ctx, l.Case, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		if reason, _ = f.LetterStands(l.Contact, at); reason == "" {
			reason = p.outdated(ctx, l, f.LetterDay(at))
		}
		if reason == "" {
			return nil, nil
		}
		return f.LetterCalledOff(l.Contact, reason, at), nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("letter of contact %s: %w", l.Contact, err)
	case reason != "":
		b.LeftOut[l.Contact] = reason
		return nil
	}
	b.Letters++
	return nil
}

// outdated says why a letter that is printed again would come too late. Of one that cannot be
// read it says nothing: that is found out when it is set.
func (p *Post) outdated(ctx context.Context, l postgres.BatchedLetter, today dunning.Date) string {
	sent, err := p.Store.SentByAttempt(ctx, l.Attempt)
	if err != nil {
		return ""
	}
	return dunning.LetterOutdated(sent.Message, today)
}

// write sets the letters of a batch together. Each is compared with what the outbox has
// held since it was sent: a release that sets otherwise is found out, and said. A letter
// that cannot be read or set is called off and named; the others are printed.
func (p *Post) write(ctx context.Context, b Batch, o BatchOptions) (Batch, error) {
	_, rows, err := p.Store.LetterBatch(ctx, b.ID)
	if err != nil {
		return b, err
	}
	var messages []dunning.Message
	var entries []letter.Entry
	for _, l := range rows {
		if l.Place == 0 || b.LeftOut[l.Contact] != "" || b.Failed[l.Contact] != "" {
			continue
		}
		m, sum, proved, err := p.letter(ctx, l)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, postgres.ErrNoCipher) {
				return b, err // of all of them
			}
			p.unreadable(ctx, &b, l, err)
			continue
		}
		if !proved {
			b.Unproved = append(b.Unproved, l.Attempt)
		}
		messages = append(messages, m)
		entries = append(entries, letter.Entry{Place: l.Place, Contact: l.Contact, Recipient: recipient(m), Dated: m.Dated, SHA256: sum})
	}
	if b.Letters = len(messages); b.Letters == 0 {
		return b, p.printed(ctx, &b, nil, o)
	}
	bundle, err := letter.Together(messages, p.Form, b.Closed, o.Duplex)
	if err != nil {
		return b, err
	}
	for i := range entries {
		entries[i].Placed = bundle.Places[i]
	}
	b.Pages = bundle.Pages
	sum := sha256.Sum256(bundle.PDF)
	if err := p.printed(ctx, &b, sum[:], o); err != nil {
		return b, err
	}
	b.Dir = filepath.Join(o.Dir, b.name())
	return b, letter.WriteBatch(b.Dir, letter.BatchManifest{Batch: b.ID, Closed: b.Closed, Entries: entries, LeftOut: b.LeftOut}, bundle)
}

// name is that of the batch's directory: every printing has one of its own.
func (b *Batch) name() string {
	if b.Printing == 0 {
		return b.ID
	}
	return fmt.Sprintf("%s-again-%d", b.ID, b.Printing)
}

// printed writes down what is about to be written: of the first printing in the batch
// itself, of a later one in a row of its own.
func (p *Post) printed(ctx context.Context, b *Batch, sum []byte, o BatchOptions) (err error) {
	if !b.again {
		if sum == nil {
			return nil
		}
		return p.Store.FinishLetterBatch(ctx, b.ID, sum, b.Pages)
	}
	b.Printing, err = p.Store.AddLetterReprint(ctx, b.ID, postgres.LetterReprint{
		At: b.at, By: o.By, Letters: b.Letters, Pages: b.Pages, PDFSHA256: sum, LeftOut: b.LeftOut,
	})
	if err != nil {
		return err
	}
	return p.Store.Audit(ctx, postgres.Audited{
		At: b.at, By: o.By, Action: "letters_printed_again", Subject: "batch/" + b.ID,
		Detail: map[string]string{"printing": strconv.Itoa(b.Printing), "letters": strconv.Itoa(b.Letters), "left_out": strconv.Itoa(len(b.LeftOut))},
	})
}

// unreadable calls a letter off that cannot be read or set, so that its step is decided
// anew; where that cannot be done either, it is named as failed.
func (p *Post) unreadable(ctx context.Context, b *Batch, l postgres.BatchedLetter, cause error) {
	const reason = unreadable
	err := p.guarded(l.Contact, func() error {
		return p.inCase(ctx, l.Case, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
			return f.LetterCalledOff(l.Contact, reason, at), nil
		})
	})
	if err != nil {
		b.fail(l.Contact, errors.Join(cause, err))
		return
	}
	b.LeftOut[l.Contact] = reason
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
	if !l.Dated.IsZero() {
		sent.Message.Dated = l.Dated
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

// Confirm notes that a batch was handed to the post: its letters are sent, but for those that
// were called off when it was printed again. It may be repeated. It returns how many letters
// that was; the error names those whose debtor's facts cannot be read.
func (p *Post) Confirm(ctx context.Context, id, by string) (int, error) {
	_, letters, err := p.Store.LetterBatch(ctx, id)
	if err != nil {
		return 0, err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return 0, err
	}
	n, failed := 0, error(nil)
	for _, l := range letters {
		if l.Place == 0 {
			continue
		}
		posted := 0
		err := p.guarded(l.Contact, func() error {
			return p.inCase(ctx, l.Case, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
				facts := f.LetterPosted(l.Contact, id, at) // none of one that was called off since
				posted = min(len(facts), 1)
				return facts, nil
			})
		})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("letter of contact %s: %w", l.Contact, err))
			continue
		}
		n += posted
	}
	if failed != nil { // the others are noted; the batch can be confirmed again
		return n, failed
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
