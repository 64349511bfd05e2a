package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/site"
)

// openConsole serves the console beside the status page until end is called. users makes
// who may come in, and says so on log. m is what /metrics shows beside its requests; nil:
// nothing. No listener: nothing is served.
func openConsole(ctx context.Context, s *site.Site, l net.Listener, log io.Writer, m *metrics.Set, users func(context.Context, *postgres.Store, io.Writer) error) (end func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	if err := users(ctx, s.Store(), log); err != nil {
		return nil, fmt.Errorf("users of the console: %w", err)
	}
	// The console looks at Temporal for its health page; payloads stay sealed to it.
	look, err := s.Temporal().Dial(ctx, client.Options{Logger: app.TemporalLog(slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, err
	}
	d := app.Deps{Store: s.Store(), Clock: s.Clock(), Temporal: look, Namespace: s.Temporal().Namespace(), Metrics: m}
	c, err := app.NewConsole(d, app.ConsoleOptions{
		Public: &url.URL{Scheme: "http", Host: l.Addr().String()}, PrivateHooks: true, Getenv: os.Getenv,
	})
	if err != nil {
		look.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /status", s.Handler())
	mux.Handle("GET /healthz", s.Handler())
	mux.Handle("/", c.Handler())
	c.Start(ctx)
	stop := serveHTTP(l, mux)
	return func() { stop(); c.Stop(); look.Close() }, nil
}

// firstUser makes an admin where there is no user at all.
func firstUser(ctx context.Context, store *postgres.Store, log io.Writer) error {
	users, err := store.Users(ctx)
	if err != nil || len(users) > 0 {
		return err
	}
	secret := identity.NewPassword()
	if err := putUser(ctx, store, "admin", secret, true, identity.Admin); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "console: sign in as admin with the password %s (it must be changed then)\n", secret)
	return nil
}

// demoUsers makes one user of each role, all with one new password, which is said once.
// A data directory that is used again gets the new password, too.
func demoUsers(ctx context.Context, store *postgres.Store, log io.Writer) error {
	secret := identity.NewPassword()
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	for _, role := range identity.Roles() {
		u, err := store.UserByName(ctx, string(role))
		switch {
		case errors.Is(err, postgres.ErrNotFound):
			err = addUser(ctx, store, string(role), hash, false, role)
		case err == nil:
			err = store.SetPassword(ctx, u.ID, hash, false, identity.Hash{})
		}
		if err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(log, "console: sign in as %v, each with the password %s\n", identity.Roles(), secret)
	return demoProposal(ctx, store)
}

func putUser(ctx context.Context, store *postgres.Store, name, secret string, mustChange bool, role identity.Role) error {
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	return addUser(ctx, store, name, hash, mustChange, role)
}

func addUser(ctx context.Context, store *postgres.Store, name, hash string, mustChange bool, role identity.Role) error {
	_, err := store.AddUser(ctx, identity.User{
		Name: name, Password: hash, MustChange: mustChange, Created: clock.Wall(),
		Grants: []identity.Grant{{Creditor: identity.AllCreditors, Role: role}},
	})
	return err
}
