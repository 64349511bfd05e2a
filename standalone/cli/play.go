package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/house"
	"github.com/duly/duly/standalone/portfolio"
	"github.com/duly/duly/standalone/rehearse"
)

// playFlags as they are given.
type playFlags struct {
	demoFlags
	patience  time.Duration
	providers bool
}

func play() *cobra.Command {
	var f playFlags
	cmd := &cobra.Command{
		Use:   "play",
		Short: "Play the demonstration on a Duly that runs as processes of its own",
		Long: `Does for "standalone serve" and "worker" what demo does within one process: makes up
the portfolio, plays debtors and staff until the end, and prints the summary and
whether the guarantees held (exit status 0 only then). DATABASE_URL leads to the
database, DULY_CODEC_KEYS is the worker's: messages in the sandbox are sealed under it.
It can be killed and started again, and so can everything else.`,
		Example: `  standalone serve --data .duly --rate 86400 --start 2026-03-02 &
  . .duly/env; export DULY_CODEC_KEYS="k1:$(head -c 32 /dev/urandom | base64)"
  worker &
  standalone play --accounts 500 --days 90`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.common(cmd)
	cmd.Flags().DurationVar(&f.patience, "patience", 10*time.Minute, "how long to bear that the database is away")
	cmd.Flags().BoolVar(&f.providers, "providers", false, "messages go to providers: do not look for them in the sandbox")
	return cmd
}

func (f *playFlags) run(ctx context.Context, out, log io.Writer) error {
	start, err := f.check()
	if err != nil {
		return err
	}
	url := os.Getenv("DATABASE_URL")
	if url == "" {
		return errors.New("DATABASE_URL is not set: standalone serve prints it, and writes it to the file env in its directory")
	}
	store, err := postgres.Open(ctx, url)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := f.unseal(store); err != nil {
		return err
	}
	p := portfolio.New(portfolio.Options{Seed: f.seed, Accounts: f.accounts, Start: start, Days: f.days})
	pl, err := f.player(ctx, store, p, log)
	if err != nil {
		return err
	}
	if err := playToEnd(ctx, pl); err != nil {
		return err
	}
	if err := f.tell(ctx, store); err != nil {
		return err
	}
	report, err := audit.Examine(ctx, audit.Options{Store: store, Book: pl.Book(), Now: p.Until(), Sandbox: !f.providers})
	if err != nil {
		return err
	}
	if err := f.print(out, report); err != nil {
		return err
	}
	if !report.OK() {
		return ErrBroken
	}
	return nil
}

// unseal gives the store the worker's key: debtors answer what lies in the sandbox, and
// without the key play would wait for ever at the first message.
func (f *playFlags) unseal(store *postgres.Store) error {
	if err := app.UseDataKeys(store, os.Getenv); err != nil {
		return err
	}
	if !f.providers && !store.Sealing() {
		return errors.New("DULY_CODEC_KEYS is not set: messages in the sandbox are sealed under the worker's key, and nobody could read them; set the same key for play as for the worker")
	}
	return nil
}

// player makes the player, and the script unless there is one.
func (f *playFlags) player(ctx context.Context, store *postgres.Store, p *portfolio.Portfolio, log io.Writer) (*rehearse.Player, error) {
	fresh, err := house.Stage(ctx, store, config.DefaultFiles(), p.Begin())
	if err != nil {
		return nil, err
	}
	c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
	if err != nil {
		return nil, err
	}
	if c == clock.Real() {
		return nil, fmt.Errorf("business time is real on this database: start it with standalone serve --rate %.0f --start %s", f.rate, f.start)
	}
	pl := rehearse.New(rehearse.Options{
		Store: store, Book: app.NewBook(store, clock.Wall), Clock: c, Acts: p.Acts(), Audience: p.React,
		Told: newNarrator(log).told, Patience: f.patience,
		Troubled: troubled(log),
	})
	if !fresh {
		return pl, nil
	}
	if err := write(ctx, p, pl); err != nil {
		return nil, err
	}
	return pl, clock.Set(ctx, store.Pool(), clock.Setting{Start: p.Begin(), Rate: f.rate, Hold: f.hold})
}

// troubled tells who watches why nothing goes on.
func troubled(log io.Writer) func(error) {
	return func(err error) {
		_, _ = fmt.Fprintln(log, "standalone: the play stands still, and goes on trying:", err)
	}
}
