package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duly/duly/config"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/secret"
)

// dsn is the database that DATABASE_URL names.
func (a *app) dsn() (string, error) {
	url, err := secret.FromEnv(a.env.Getenv, "DATABASE_URL")
	if err != nil {
		return "", usageError{err}
	}
	if url.IsSet() {
		return url.Reveal(), nil
	}
	return "", usagef("DATABASE_URL is not set; set it to the database, such as postgres://duly@localhost:5432/duly")
}

// withStore opens the store for a job.
func (a *app) withStore(ctx context.Context, job func(*postgres.Store) error) error {
	dsn, err := a.dsn()
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, dsn)
	if err != nil {
		return fmt.Errorf("the database of DATABASE_URL: %w", err)
	}
	defer store.Close()
	if err := wiring.UseDataKeys(store, a.env.Getenv); err != nil {
		return usageError{err}
	}
	if err := wiring.UseReportLimit(store, a.env.Getenv); err != nil {
		return usageError{err}
	}
	return job(store)
}

// configOf is the configuration that was named, else the one published to the
// database, else the one shipped with the program.
func (a *app) configOf(ctx context.Context, store *postgres.Store) (*config.Config, error) {
	if a.dir != "" {
		return a.config()
	}
	cfg, err := bookOf(store).Current(ctx)
	if errors.Is(err, wiring.ErrNothingPublished) {
		return a.config()
	}
	return cfg, err
}

// configAsPublished is configOf for a command that can do without a database: where none
// is named, it goes by the configuration that is shipped.
func (a *app) configAsPublished(ctx context.Context) (cfg *config.Config, err error) {
	if a.dir != "" || a.env.Getenv("DATABASE_URL") == "" && a.env.Getenv("DATABASE_URL_FILE") == "" {
		return a.config()
	}
	err = a.withStore(ctx, func(store *postgres.Store) error {
		cfg, err = a.configOf(ctx, store)
		return err
	})
	return cfg, err
}

// now is the present business instant, which in a rehearsal the database knows.
func now(ctx context.Context, store *postgres.Store) (time.Time, error) {
	c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
	if err != nil {
		return time.Time{}, err
	}
	return c.Now(ctx)
}
