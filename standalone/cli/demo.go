package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/house"
	"github.com/duly/duly/standalone/portfolio"
	"github.com/duly/duly/standalone/rehearse"
	"github.com/duly/duly/standalone/site"
)

// ErrBroken means that a guarantee did not hold.
var ErrBroken = errors.New("a guarantee did not hold; see the summary")

// demoFlags as they are given.
type demoFlags struct {
	dir, http, start, output, log string
	story                         string
	accounts, days                int
	seed                          uint64
	rate                          float64
	hold                          time.Duration
	exit, join                    bool
}

func demo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Let a made-up portfolio live through months before your eyes",
		Long: `Makes up debtors (payers, late payers, promisers, disputers, vanishers …) with
invoices, imports them and lets them live through --days of business time on a real
Temporal server and a real PostgreSQL, with the shipped sequences and contact
policies. Messages go to the sandbox: nothing leaves the machine. Business time
runs at --rate, but never past work: a slow machine takes longer and does the same.

At the end it prints a summary, and whether Duly's guarantees held: every message is
derived anew from the facts as of then. With --exit it ends there, with status 0 only
if all held; without, it stays up.

The database is a private one, or that of DATABASE_URL when it is set and nobody lives
there: in a shell that has loaded the "env" of another demonstration it refuses to begin.`,
		Example: `  standalone demo
  standalone demo --accounts 500 --days 90 --rate 86400 --exit`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.common(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.dir, "data", "", "directory that keeps everything (default: temporary, forgotten at the end)")
	fs.StringVar(&f.http, "http", "127.0.0.1:8080", "address of the console, /status and /healthz; empty: none")
	fs.BoolVar(&f.exit, "exit", false, "end after the summary")
	fs.BoolVar(&f.join, "join", false, "go on in the database of DATABASE_URL, though somebody lives there already")
	fs.StringVar(&f.log, "log", "", "file for the worker's log (default: none)")
	return cmd
}

// common are the flags that play has, too.
func (f *demoFlags) common(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.IntVar(&f.accounts, "accounts", 100, "how many debtors")
	fs.IntVar(&f.days, "days", 90, "how long they live, in days of business time")
	fs.Float64Var(&f.rate, "rate", 86400, "business seconds per second at most")
	fs.Uint64Var(&f.seed, "seed", 1, "another seed makes another portfolio")
	fs.StringVar(&f.start, "start", "2026-03-02", "first day")
	fs.DurationVar(&f.hold, "hold", clock.DefaultHold, "longest wait for work that is due at one instant")
	fs.StringVar(&f.output, "output", "text", "summary as text or json")
	fs.StringVar(&f.story, "story", "", "file for the story: one event a line, as duly simulate prints it")
}

func (f *demoFlags) run(ctx context.Context, out, log io.Writer) (err error) {
	start, err := f.check()
	if err != nil {
		return err
	}
	if err := mayUse(ctx, os.Getenv("DATABASE_URL"), f.join); err != nil {
		return err
	}
	web, err := listen(f.http)
	if err != nil {
		return err
	}
	begun := clock.Wall()
	p := portfolio.New(portfolio.Options{Seed: f.seed, Accounts: f.accounts, Start: start, Days: f.days})
	h, done, err := f.house(ctx, p, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	end, err := openConsole(ctx, h.Site, web, log, h.Metrics(), demoUsers)
	if err != nil {
		return err
	}
	defer end()
	_, _ = fmt.Fprintf(log, "for the command line, in another terminal: . %s\n", h.Site.EnvFile())
	_, _ = fmt.Fprintf(log, "%d debtors from %s, %d days%s\n", f.accounts, start, f.days, statusAt(web))
	pl := f.player(h, p, log)
	switch over, err := isOver(ctx, h.Site.Store()); {
	case err != nil:
		return err
	case over:
		return f.again(ctx, h, pl, log)
	}
	report, err := f.play(ctx, h, p, pl)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(log, "%d days took %s\n", f.days, clock.Wall().Sub(begun).Round(time.Second))
	if err := f.print(out, report); err != nil {
		return err
	}
	if !f.exit {
		if err := f.goOn(ctx, h, p, pl); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(log, "the demonstration stays up; business time goes on from %s as fast as the clock on the wall; stop with Ctrl-C\n", p.Until().Format("Mon 2 Jan 2006, 15:04 UTC"))
		<-ctx.Done()
	}
	if !report.OK() {
		return ErrBroken
	}
	return nil
}

// isOver reports whether the days of a demonstration in the same directory are over: it has
// been summed up, and business time has gone on since.
func isOver(ctx context.Context, store *postgres.Store) (over bool, err error) {
	err = store.Pool().QueryRow(ctx, `SELECT EXISTS (SELECT FROM rehearsal_script WHERE kind = $1 AND done_at IS NOT NULL)`, rehearse.End).Scan(&over)
	return over, err
}

// again lets a demonstration live on whose days are over: there is no end to play to.
func (f *demoFlags) again(ctx context.Context, h *house.House, pl *demoPlayer, log io.Writer) error {
	_, _ = fmt.Fprintln(log, "the days of this demonstration are over, and were summed up when they were")
	if f.exit {
		return nil
	}
	if err := h.Begin(ctx); err != nil {
		return err
	}
	go func() { _ = pl.Run(ctx) }() // as after the end of the first start
	_, _ = fmt.Fprintln(log, "it lives on where it was; stop with Ctrl-C")
	<-ctx.Done()
	return nil
}

func (f *demoFlags) check() (start dunning.Date, err error) {
	switch {
	case f.accounts < 1 || f.accounts > 100_000:
		return start, fmt.Errorf("--accounts %d: give a number from 1 to 100000", f.accounts)
	case f.days < 1 || f.days > 3650:
		return start, fmt.Errorf("--days %d: give a number from 1 to 3650", f.days)
	case !(f.rate > 0):
		return start, fmt.Errorf("--rate %v: it must be above 0, for example 86400 for a day a second", f.rate)
	case f.output != "text" && f.output != "json":
		return start, fmt.Errorf("--output %s: write text or json", f.output)
	}
	if start, err = dunning.ParseDate(f.start); err != nil {
		return start, fmt.Errorf("--start: %w", err)
	}
	return start, nil
}

// house starts one; done stops it.
func (f *demoFlags) house(ctx context.Context, p *portfolio.Portfolio, log io.Writer) (h *house.House, done func() error, err error) {
	worker, closeLog, err := openLog(f.log)
	if err != nil {
		return nil, nil, err
	}
	h, err = house.Start(ctx, house.Options{
		Config: config.DefaultFiles(), Log: worker,
		Site: site.Options{
			Dir: f.dir, DatabaseURL: os.Getenv("DATABASE_URL"), Unsafe: f.dir == "",
			Rehearsal: &clock.Setting{Start: p.Begin(), Rate: f.rate, Hold: f.hold},
			Told:      func(line string) { _, _ = fmt.Fprintln(log, line) },
		},
	})
	if err != nil {
		return nil, nil, errors.Join(err, closeLog())
	}
	return h, func() error { return errors.Join(h.Stop(), closeLog()) }, nil
}

// openLog is a logger into a file, nil for none.
func openLog(file string) (*slog.Logger, func() error, error) {
	if file == "" {
		return nil, func() error { return nil }, nil
	}
	w, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("--log: %w", err)
	}
	return slog.New(slog.NewTextHandler(w, nil)), w.Close, nil
}

// goOn lets debtors and staff live on after the end, at the speed of real life: at the
// speed of the rehearsal months would pass while somebody reads a page.
func (f *demoFlags) goOn(ctx context.Context, h *house.House, p *portfolio.Portfolio, pl *demoPlayer) error {
	if err := clock.Set(ctx, h.Site.Store().Pool(), clock.Setting{Start: p.Until(), Rate: 1, Hold: f.hold}); err != nil {
		return err
	}
	if err := pl.EndDone(ctx); err != nil {
		return err
	}
	go func() { _ = pl.Run(ctx) }() // what fails now costs the audience nothing but life
	return nil
}

// demoPlayer is a player, and who tells of it.
type demoPlayer struct {
	*rehearse.Player
	n *narrator
}

// player plays the portfolio in the house.
func (f *demoFlags) player(h *house.House, p *portfolio.Portfolio, log io.Writer) *demoPlayer {
	n := newNarrator(log)
	return &demoPlayer{n: n, Player: rehearse.New(rehearse.Options{
		Store: h.Site.Store(), Book: h.Book, Clock: h.Site.Clock(), Acts: p.Acts(), Audience: p.React, Told: n.told,
		Troubled: troubled(log),
	})}
}

// play lives through the days and draws up the report.
func (f *demoFlags) play(ctx context.Context, h *house.House, p *portfolio.Portfolio, pl *demoPlayer) (audit.Report, error) {
	if h.New {
		if err := write(ctx, p, pl.Player); err != nil {
			return audit.Report{}, err
		}
	}
	if err := h.Begin(ctx); err != nil {
		return audit.Report{}, err
	}
	if err := playToEnd(ctx, pl.Player); err != nil {
		return audit.Report{}, err
	}
	pl.n.sum()
	if err := demoSample(ctx, h.Site.Store(), h.Book, h.Site.Clock()); err != nil {
		return audit.Report{}, err
	}
	if err := f.tell(ctx, h.Site.Store()); err != nil {
		return audit.Report{}, err
	}
	return audit.Examine(ctx, audit.Options{Store: h.Site.Store(), Book: h.Book, Now: p.Until(), Sandbox: true})
}

// write writes the portfolio's script.
func write(ctx context.Context, p *portfolio.Portfolio, pl *rehearse.Player) error {
	rows, err := p.Script(ctx, pl)
	if err != nil {
		return err
	}
	_, err = pl.Store().AddScript(ctx, rows...)
	return err
}

// tell writes the story, if it is wanted.
func (f *demoFlags) tell(ctx context.Context, store *postgres.Store) error {
	if f.story == "" {
		return nil
	}
	events, err := audit.Events(ctx, store)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(f.story, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--story: %w", err)
	}
	utc := func(string) *time.Location { return time.UTC }
	return errors.Join(simulate.Write(w, events, utc), w.Close())
}

// playToEnd plays until the script's end is reached. The player goes on until ctx ends.
func playToEnd(ctx context.Context, pl *rehearse.Player) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- pl.Run(ctx) }()
	select {
	case <-pl.Ended():
		stop()
		return <-failed
	case err := <-failed:
		if err == nil {
			return context.Cause(ctx)
		}
		return err
	}
}

func (f *demoFlags) print(out io.Writer, r audit.Report) error {
	if f.output == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.Write(out)
}
