package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web"
)

// Desk is what operations do: assign what came in to whom it belongs, take up what died,
// act on many cases at once, take files in. Console, API and command line all call it.
type Desk struct {
	store     *postgres.Store
	book      *Book
	clock     clock.Clock
	authority *authority.Service
	hooks     *hooks
	log       *slog.Logger // may be nil
	look      *caseLook    // at Temporal; nil: none is configured
	// large bounds how many uploaded files are in memory at once: each takes some three
	// times its size while it is sealed, kept or read.
	large chan struct{}
	// atOnce is how long the person who orders waits for what can be done at once.
	atOnce time.Duration
}

// mostLarge is how many uploaded files are worked on at once.
const mostLarge = 2

// NewDesk makes one over the real store. log may be nil.
func NewDesk(store *postgres.Store, book *Book, c clock.Clock, log *slog.Logger) *Desk {
	cmds := NewCommands(store, book, c)
	return &Desk{
		store: store, book: book, clock: c, log: log, large: make(chan struct{}, mostLarge), atOnce: atOnce,
		hooks: &hooks{store: store, book: book, commands: cmds, clock: c},
		authority: &authority.Service{Commands: cmds, Roles: func(ctx context.Context) ([]config.Role, error) {
			cfg, err := book.Current(ctx)
			if err != nil {
				return nil, err
			}
			return cfg.Roles(), nil
		}},
	}
}

// do gives a command within the authority of who asks.
func (d *Desk) do(ctx context.Context, who identity.Principal, ref dunning.CaseRef, cmd dunning.Command) (commands.Result, error) {
	return d.authority.Do(ctx, who, ref, authority.Name(cmd), cmd)
}

// whoever is the person or program as which something goes on later: with the rights that
// they have then.
func (d *Desk) whoever(ctx context.Context, by string) (identity.Principal, error) {
	if id, ok := strings.CutPrefix(by, "key:"); ok {
		return d.keyholder(ctx, id)
	}
	id, ok := strings.CutPrefix(by, "user:")
	if !ok {
		return identity.Principal{}, web.Forbidden(identity.Operate, "")
	}
	u, err := d.store.UserByID(ctx, id)
	switch {
	case errors.Is(err, identity.ErrNotFound), err == nil && !u.Disabled.IsZero():
		return identity.Principal{}, shutOut("Whoever ordered it has been shut out since.")
	case err != nil:
		return identity.Principal{}, err
	}
	return u.Principal(), nil
}

// shutOut says why nobody stands behind an order any more.
func shutOut(why string) error {
	return &web.Error{Status: http.StatusForbidden, Title: "Stopped", Detail: why + " What was done before stays. Who may work here orders the rest anew."}
}

func (d *Desk) keyholder(ctx context.Context, id string) (identity.Principal, error) {
	keys, err := d.store.Keys(ctx)
	if err != nil {
		return identity.Principal{}, err
	}
	i := slices.IndexFunc(keys, func(k identity.Key) bool { return k.ID == id })
	switch {
	case i < 0 || !keys[i].InForce(clock.Wall()):
		return identity.Principal{}, shutOut("The key with which it was ordered is not in force any more.")
	case keys[i].Stopped():
		return identity.Principal{}, shutOut("The key with which it was ordered has stopped: its owner has been shut out since.")
	}
	return keys[i].Principal(), nil
}

// name is what people call who did something.
func (d *Desk) name(ctx context.Context, by string) string {
	id, ok := strings.CutPrefix(by, "user:")
	if !ok {
		return by
	}
	u, err := d.store.UserByID(ctx, id)
	if err != nil {
		return "somebody"
	}
	return u.Label()
}

// note writes into the audit what somebody did.
func (d *Desk) note(ctx context.Context, who identity.Principal, action, subject string, detail map[string]string) error {
	at, err := d.clock.Now(ctx)
	if err != nil {
		return err
	}
	return d.store.Audit(ctx, postgres.Audited{At: at, By: who.By, Action: action, Subject: subject, Detail: detail})
}

// Operator is who works at this machine's command line, by name: they hold no roles, and
// whoever lets them have the database's address trusts them.
func Operator(by string) identity.Principal {
	return identity.Principal{By: by, Name: by, Scopes: identity.Permissions(), Creditor: identity.AllCreditors}
}

// Looked records a look at personal data by somebody who works without the console.
func (d *Desk) Looked(ctx context.Context, who identity.Principal, what, subject string) error {
	return d.note(ctx, who, what, subject, nil)
}
