// Package letter turns messages into letters for window envelopes: a PDF that
// is the same to the byte whenever it is made again, and an HTML twin for
// those who cannot read the PDF (it carries no structure tags).
//
// It owns layout, fonts and the hand-over to a Store, which is the outbox that
// somebody prints from. It does not own print batches, posting or returned
// mail, nor dates in the text: a message has no zone, so the template writes
// them.
package letter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// Form is a page and the envelope that its address must show through.
type Form string

// The forms. ByLocale takes US10 for the countries that write on Letter paper
// and DIN5008B for all others.
const (
	ByLocale Form = ""
	DIN5008B Form = "din5008b" // A4, DIN 5008 form B, envelope DIN lang with window
	US10     Form = "us10"     // Letter, No. 10 envelope with one window
)

// Letter is a finished letter.
type Letter struct {
	Attempt string    // attempt id
	At      time.Time // business instant of the hand-over
	Pages   int
	PDF     []byte
	HTML    []byte // the twin, a whole UTF-8 document
}

// Store keeps letters by attempt id until they are printed. Put must be
// idempotent by attempt (the first letter of an attempt stays) and durable when
// it returns; Has answers exactly. Both may be called by many goroutines.
type Store interface {
	Put(ctx context.Context, l Letter) error
	Has(ctx context.Context, attempt string) (bool, error)
}

// Options configure an Adapter.
type Options struct {
	Form Form // ByLocale when empty
	Live bool // somebody prints and posts what the store holds
	// Batched: what the store holds leaves with a batch whose posting is recorded.
	Batched bool
}

// Adapter is the letter channel. It may be used by many goroutines.
type Adapter struct {
	store Store
	o     Options
}

// New returns an adapter over store.
func New(store Store, o Options) (*Adapter, error) {
	if store == nil {
		return nil, errors.New("letter: no store was given: pass a directory (NewDir) or the database's outbox")
	}
	if !slices.Contains([]Form{ByLocale, DIN5008B, US10}, o.Form) {
		return nil, fmt.Errorf("letter: form %q is unknown: want %s or %s, or nothing to go by the letter's locale", o.Form, DIN5008B, US10)
	}
	return &Adapter{store: store, o: o}, nil
}

// Config is the letter channel as the environment names it.
type Config struct {
	Outbox string // directory
	Form   Form
}

// FromEnv reads DULY_LETTER_OUTBOX (a directory that exists) and
// DULY_LETTER_FORM (din5008b or us10; by locale when unset). ok is false when
// no outbox is named.
func FromEnv(getenv func(string) string) (cfg Config, ok bool, err error) {
	cfg = Config{Outbox: getenv("DULY_LETTER_OUTBOX"), Form: Form(getenv("DULY_LETTER_FORM"))}
	if cfg.Outbox == "" {
		return Config{}, false, nil
	}
	if !slices.Contains([]Form{ByLocale, DIN5008B, US10}, cfg.Form) {
		return Config{}, false, fmt.Errorf("DULY_LETTER_FORM: %q is unknown: want %s or %s, or leave it unset", cfg.Form, DIN5008B, US10)
	}
	return cfg, true, nil
}

// Live reports whether letters leave the machine, by somebody's hands.
func (a *Adapter) Live() bool { return a.o.Live }

// String names the adapter.
func (*Adapter) String() string { return "letter" }

// ProviderID is the outbox's own name for the letter of an attempt.
func ProviderID(attempt string) string { return "letter-" + attempt }

// Send sets m and puts it into the outbox. A store that fails may hold the
// letter all the same, so its outcome is unknown and Lookup decides.
func (a *Adapter) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	if out, bad := refuse(m); bad {
		return out
	}
	if err := ctx.Err(); err != nil {
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "letter:" + ended(err)}
	}
	l, err := Set(m, a.o.Form)
	if err != nil {
		return failedTo(err)
	}
	if err := a.store.Put(ctx, l); err != nil {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "letter:store"}
	}
	return dunning.Outcome{State: dunning.SendAccepted, ProviderID: ProviderID(m.Attempt), Waits: a.o.Batched}
}

func ended(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "timeout"
	}
	return "canceled"
}

// refuse says no to what is no letter.
func refuse(m dunning.Message) (dunning.Outcome, bool) {
	no := func(class dunning.FailureClass, code string) (dunning.Outcome, bool) {
		return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: true}, true
	}
	switch {
	case m.Channel != dunning.Letter:
		return no(dunning.FailedConfig, "letter:wrong_channel")
	case m.Attempt == "":
		return no(dunning.FailedConfig, "letter:no_attempt")
	case len(addressLines(m)) == 0:
		return no(dunning.FailedRecipient, "letter:no_address")
	case strings.TrimSpace(m.Text) == "":
		return no(dunning.FailedContent, "letter:empty")
	case !m.NotAfter.IsZero() && !m.At.Before(m.NotAfter):
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "letter:window_over", RetryAfter: 30 * time.Second, Alone: true}, true
	}
	return dunning.Outcome{}, false
}

// failedTo is the outcome of a letter that cannot be set.
func failedTo(err error) dunning.Outcome {
	out := dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedContent, Code: "letter:content", Permanent: true}
	var f Fault
	if errors.As(err, &f) {
		out.Class, out.Code = f.Class, "letter:"+f.Code
	}
	return out
}

// Forgets is true of the outbox in Duly's own database: it is restored with it, and what
// was posted in between is in neither.
func (a *Adapter) Forgets() bool { return a.o.Batched }

// Lookup is exact: the outbox has the attempt or it has not.
func (a *Adapter) Lookup(ctx context.Context, m dunning.Message) dunning.Evidence {
	has, err := a.store.Has(ctx, m.Attempt)
	switch {
	case err != nil:
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "letter:store", Unread: true}
	case has:
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: ProviderID(m.Attempt), Code: "letter:stored", Waits: a.o.Batched}
	}
	return dunning.Evidence{Found: dunning.EvidenceNotAccepted, Code: "letter:not_stored"}
}

// addressLines are the lines for the window: the addressee's name unless the
// address begins with it, then the address, without blanks.
func addressLines(m dunning.Message) []string {
	var out []string
	for _, line := range strings.Split(m.To, "\n") {
		if line = squash(line); line != "" {
			out = append(out, line)
		}
	}
	if name := squash(m.ToName); name != "" && len(out) > 0 && out[0] != name {
		out = append([]string{name}, out...)
	}
	return out
}

func squash(s string) string { return strings.Join(strings.Fields(s), " ") }

var letterPaper = regexp.MustCompile(`(?i)[-_](US|CA|MX|PH|CL|CO|VE|PR)\b`)

// of picks the form for a letter: its paper is that of the country where it goes to, as far
// as that is known, else that of its locale.
func (f Form) of(m dunning.Message) Form {
	if m.Country != "" {
		return f.form("und-" + m.Country)
	}
	return f.form(cmp.Or(m.Formats, m.Locale))
}

// form picks the form for a locale.
func (f Form) form(locale string) Form {
	if f != ByLocale {
		return f
	}
	if letterPaper.MatchString(locale) {
		return US10
	}
	return DIN5008B
}
