package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/letter"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/sandbox"
	"github.com/duly/duly/internal/sendgrid"
	"github.com/duly/duly/internal/smtp"
	"github.com/duly/duly/internal/twilio"
)

// channel is a channel with what an operator wants to know of it.
type channel interface {
	activities.Channel
	Live() bool
	String() string
}

// Channels are the adapters by channel.
type Channels map[dunning.Channel]channel

// OpenChannels is OpenChannelsOn for the wall clock.
func OpenChannels(getenv func(string) string, store *postgres.Store) (Channels, error) {
	return OpenChannelsOn(getenv, store, clock.Real())
}

// OpenChannelsOn makes the adapters that the environment configures. A channel without a
// provider goes to the sandbox: stored, shown, never leaving the machine. Look-ups reckon
// in business time c, as the instants of hand-overs do. All faults of the environment are
// reported at once.
func OpenChannelsOn(getenv func(string) string, store *postgres.Store, c clock.Clock) (Channels, error) {
	box := sandbox.New(store.Sandbox())
	out := Channels{dunning.Email: box, dunning.SMS: box, dunning.Letter: box}
	var faults []string
	fault := func(err error) {
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	fault(out.sms(getenv, c))
	fault(out.email(getenv, c))
	fault(out.letter(getenv, store))
	if len(faults) > 0 {
		return nil, fmt.Errorf("channels:\n  %s", strings.Join(faults, "\n  "))
	}
	return out, nil
}

func (c Channels) sms(getenv func(string) string, clk clock.Clock) error {
	cfg, ok, err := twilio.FromEnv(getenv)
	if err != nil || !ok {
		return err
	}
	a, err := twilio.New(cfg, clk)
	if err == nil {
		c[dunning.SMS] = a
	}
	return err
}

// email takes SendGrid or a mail server of one's own, never both: which one a mail went
// through must not depend on which is asked first.
func (c Channels) email(getenv func(string) string, clk clock.Clock) error {
	grid, useGrid, err := sendgrid.FromEnv(getenv)
	server, useServer, err2 := smtp.FromEnv(getenv)
	switch {
	case errors.Join(err, err2) != nil:
		return errors.Join(err, err2)
	case useGrid && useServer:
		return errors.New("email: both SendGrid (SENDGRID_…) and a mail server (DULY_SMTP_…) are configured: keep one of them")
	case useGrid:
		grid.Clock = clk
		a, err := sendgrid.New(grid)
		if err == nil {
			c[dunning.Email] = a
		}
		return err
	case useServer:
		a, err := smtp.New(server)
		if err == nil {
			c[dunning.Email] = a
		}
		return err
	}
	return nil
}

// letter takes a directory when one is named, else the database's outbox: somebody prints
// what lies there.
func (c Channels) letter(getenv func(string) string, store *postgres.Store) error {
	cfg, ok, err := letter.FromEnv(getenv)
	if err != nil {
		return err
	}
	var out letter.Store = letters{store}
	if ok {
		if out, err = letter.NewDir(cfg.Outbox); err != nil {
			return err
		}
	}
	a, err := letter.New(out, letter.Options{Form: cfg.Form, Live: ok, Batched: !ok})
	if err == nil {
		c[dunning.Letter] = a
	}
	return err
}

// Active are the channels as an activity takes them.
func (c Channels) Active() map[dunning.Channel]activities.Channel {
	out := map[dunning.Channel]activities.Channel{}
	for name, a := range c {
		out[name] = a
	}
	return out
}

// Live names the channels whose messages leave this machine, in order.
func (c Channels) Live() []string {
	var out []string
	for name, a := range c {
		if a.Live() {
			out = append(out, fmt.Sprintf("%s (%s)", name, a))
		}
	}
	slices.Sort(out)
	return out
}

// Guard refuses live channels together with rehearsed time.
func (c Channels) Guard(clk clock.Clock) error {
	live := c.Live()
	if len(live) == 0 || clk == clock.Real() {
		return nil
	}
	return fmt.Errorf("business time is rehearsed (table duly_clock) and live providers are configured: %s. "+
		"Unset their credentials or point their base URL at this machine, or end the rehearsal", strings.Join(live, ", "))
}

// letters keeps letters in the database.
type letters struct{ *postgres.Store }

func (l letters) Put(ctx context.Context, f letter.Letter) error {
	return l.PutLetter(ctx, postgres.LetterFile{Attempt: f.Attempt, At: f.At, Pages: f.Pages, PDF: f.PDF, HTML: string(f.HTML)})
}

func (l letters) Has(ctx context.Context, attempt string) (bool, error) {
	return l.HasLetter(ctx, attempt)
}
