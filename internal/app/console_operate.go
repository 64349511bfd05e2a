package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/operate"
)

// operations are what the pages of operations work with.
func (c *Console) operations() operate.Deps {
	store, renderer := c.deps.Store, &Renderer{Store: c.deps.Store, Book: c.book}
	return operate.Deps{
		Read: store, Config: c.book.Current, CaseRef: cmdStore{store}.CaseRef, Fold: c.foldOf, Draft: renderer.Draft, Names: c.names,
		Do:       NewCommands(store, c.book, c.deps.Clock).Do,
		Switches: func(ctx context.Context) ([]operate.Switch, error) { return switchesOf(store.Switches(ctx)) },
		History: func(ctx context.Context, limit int) ([]operate.Switch, error) {
			return switchesOf(store.SwitchHistory(ctx, limit))
		},
		SwitchOn: func(ctx context.Context, s operate.Switch) error {
			_, err := store.SwitchOn(ctx, postgres.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On})
			return err
		},
		SwitchOff: func(ctx context.Context, s dunning.Switch, at time.Time, by, reason string) error {
			err := store.SwitchOff(ctx, s, at, by, reason)
			if errors.Is(err, postgres.ErrNotOn) {
				err = fmt.Errorf("%w: %w", err, dunning.ErrUnknown)
			}
			return err
		},
		Activations: c.activations, Activate: c.activate, Doctor: c.doctor, Sent: c.sentText,
		Replay: func(ctx context.Context, ids ...int64) (int64, error) {
			return store.ReplayInbox(ctx, postgres.InboxFilter{}, ids...)
		},
	}
}

func switchesOf(all []postgres.Switch, err error) ([]operate.Switch, error) {
	out := make([]operate.Switch, len(all))
	for i, s := range all {
		out[i] = operate.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On, Off: s.Off, OffBy: s.OffBy, OffReason: s.OffReason}
	}
	return out, err
}

// foldOf is the account's facts of a case, in their set-up.
func (c *Console) foldOf(ctx context.Context, ref dunning.CaseRef) (dunning.Facts, error) {
	setup, err := c.book.Setup(ctx, ref)
	if err != nil {
		return dunning.Facts{}, err
	}
	setup.Record = false // nothing of this is stored
	log, err := c.deps.Store.FactsAsOf(ctx, ref.Debtor, math.MaxInt64)
	if err != nil {
		return dunning.Facts{}, err
	}
	return dunning.Fold(setup, log)
}

func (c *Console) activations(ctx context.Context) ([]operate.Activation, error) {
	all, err := c.deps.Store.Activations(ctx)
	out := make([]operate.Activation, len(all))
	for i, a := range all {
		out[i] = operate.Activation{Release: a.Release, By: a.By, At: a.At}
	}
	return out, err
}

// activate puts an earlier release into force again, see Proposals.GoBack.
func (c *Console) activate(ctx context.Context, version, by, reason string) error {
	return c.Proposals().GoBack(ctx, by, version, reason)
}

func (c *Console) doctor(ctx context.Context, now time.Time) ([]operate.Violation, error) {
	all, err := c.deps.Store.Doctor(ctx, now)
	out := make([]operate.Violation, len(all))
	for i, v := range all {
		out[i] = operate.Violation{Kind: v.Kind, Case: v.Case, Subject: v.Subject, Detail: v.Detail, Since: v.Since}
	}
	return out, err
}

// sentText is a message as it left; what keeps it from being shown is said for the reader.
func (c *Console) sentText(ctx context.Context, contact string) (dunning.Message, error) {
	s, err := c.deps.Store.Sent(ctx, contact)
	switch {
	case err == nil:
		return s.Message, nil
	case errors.Is(err, postgres.ErrNotFound):
		return dunning.Message{}, errors.New("there is no copy: it left before copies were kept, or through another system")
	case errors.Is(err, postgres.ErrErased):
		return dunning.Message{}, errors.New("the copy was erased with the customer’s personal data; its digest is left")
	case errors.Is(err, postgres.ErrNoCipher):
		return dunning.Message{}, errors.New("this console has no data key, so the copy stays sealed: operations set DULY_DATA_KEY")
	}
	return dunning.Message{}, errors.New("the copy cannot be opened: operations see why in the log")
}
