package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	dulycli "github.com/duly/duly/internal/cli"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/standalone/audit"
	"github.com/duly/duly/standalone/house"
	"github.com/duly/duly/standalone/rehearse"
	"github.com/duly/duly/standalone/replay"
	"github.com/duly/duly/standalone/site"
)

// ErrDiffers means that the engine's timeline is not the simulator's.
var ErrDiffers = errors.New("the engine's timeline differs from the simulator's")

// replayFlags as they are given.
type replayFlags struct {
	replay.Options
	config, policies, output, dir, log string
	rate                               float64
	hold                               time.Duration
	compare                            bool
}

func replayCmd() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Take a real ledger with its real dates through the real engine",
		Long: `Imports the debtors of a ledger and lets its invoices, payments and disputes happen
at their own instants, on a real Temporal server and a real PostgreSQL, with the
worker in this process and messages in the sandbox. It prints the same timeline as
duly simulate does for the same flags; --compare runs that, too, and fails with the
first differences if there are any.`,
		Example: `  standalone replay --items ledger.csv --mapping ibm-ar-disputed --sequence business-standard --compare`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.Items, "items", "", "file of invoices")
	fs.StringVar(&f.Mapping, "mapping", "items", "name or file of the mapping of --items")
	fs.StringVar(&f.Payments, "payments", "", "file of payments")
	fs.StringVar(&f.PaymentsMapping, "payments-mapping", "payments", "name or file of the mapping of --payments")
	fs.StringVar(&f.Sequence, "sequence", "", "sequence file, or id of a sequence of the configuration (default: the configuration chooses)")
	fs.StringVar(&f.policies, "policies", "", `"none" leaves contact policies out`)
	fs.StringVar(&f.Until, "until", "", "day on which it ends, YYYY-MM-DD (default: a year after the last fact)")
	fs.StringVar(&f.config, "config", "", "directory of the configuration (default: the one shipped with the program)")
	fs.StringVarP(&f.output, "output", "o", "json", "json: the timeline, one event a line; none: only whether it is the simulator's")
	fs.BoolVar(&f.compare, "compare", false, "compare with duly simulate; exit status 1 when the timelines differ")
	fs.Float64Var(&f.rate, "rate", 30*86400, "business seconds per second at most")
	fs.DurationVar(&f.hold, "hold", clock.DefaultHold, "longest wait for work that is due at one instant")
	fs.StringVar(&f.dir, "data", "", "directory that keeps everything (default: temporary, forgotten at the end)")
	fs.StringVar(&f.log, "log", "", "file for the worker's log (default: none)")
	return cmd
}

func (f *replayFlags) run(ctx context.Context, out, log io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := replay.Read(f.Options)
	if err != nil {
		return err
	}
	for _, p := range r.Problems {
		_, _ = fmt.Fprintln(log, "standalone: left out:", p)
	}
	engine, err := f.play(ctx, r, log)
	if err != nil {
		return err
	}
	if f.output == "json" {
		if _, err := io.WriteString(out, engine); err != nil {
			return err
		}
	}
	if !f.compare {
		return nil
	}
	simulator, err := f.simulate(ctx, log)
	if err != nil {
		return err
	}
	if n := replay.Compare(log, replay.Timeline{Name: "engine", Text: engine}, replay.Timeline{Name: "simulator", Text: simulator}, 20); n > 0 {
		return fmt.Errorf("%w: %d lines", ErrDiffers, n)
	}
	_, _ = fmt.Fprintf(log, "the engine's timeline is the simulator's: %d events\n", bytes.Count([]byte(engine), []byte("\n")))
	return nil
}

func (f *replayFlags) check() error {
	switch {
	case f.Items == "":
		return errors.New("replay needs --items FILE")
	case f.policies != "" && f.policies != "none":
		return errors.New("--policies is none or left out; to try other policies, name their directory with --config")
	case f.output != "json" && f.output != "none":
		return fmt.Errorf("--output %s: write json or none", f.output)
	case !(f.rate > 0):
		return fmt.Errorf("--rate %v: it must be above 0, for example 864000 for ten days a second", f.rate)
	}
	f.NoPolicies = f.policies == "none"
	f.Config = config.DefaultFiles()
	if f.config != "" {
		f.Config = os.DirFS(f.config)
	}
	return nil
}

// play takes the ledger through the engine and returns its timeline.
func (f *replayFlags) play(ctx context.Context, r *replay.Replay, log io.Writer) (timeline string, err error) {
	worker, closeLog, err := openLog(f.log)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	h, err := house.Start(ctx, house.Options{
		Config: r.Files, Log: worker,
		Site: site.Options{
			Dir: f.dir, Unsafe: f.dir == "", Rehearsal: &clock.Setting{Start: r.Begin, Rate: f.rate, Hold: f.hold},
			Told: func(line string) { _, _ = fmt.Fprintln(log, line) },
		},
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, h.Stop()) }()
	if h.New {
		if err := r.Prepare(ctx, h.Site.Store()); err != nil {
			return "", err
		}
	}
	begun := clock.Wall()
	if err := h.Begin(ctx); err != nil {
		return "", err
	}
	n := newNarrator(log)
	pl := rehearse.New(rehearse.Options{Store: h.Site.Store(), Book: h.Book, Clock: h.Site.Clock(), Told: n.told, Troubled: troubled(log)})
	if err := playToEnd(ctx, pl); err != nil {
		return "", err
	}
	n.sum()
	return f.tell(ctx, h, r, log, clock.Wall().Sub(begun))
}

// tell prints the timeline into a string, and to log how fast it went.
func (f *replayFlags) tell(ctx context.Context, h *house.House, r *replay.Replay, log io.Writer, took time.Duration) (string, error) {
	var events []dunning.Event
	decisions := 0
	err := audit.Lives(ctx, h.Site.Store(), func(l audit.Life) error {
		decisions += len(l.Decisions)
		for _, e := range l.Events() {
			e.Account = r.Key(l.Account.Key, l.Account.Currency)
			if !e.At.After(r.Until) {
				events = append(events, e)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := simulate.Write(&b, events, r.Zone); err != nil {
		return "", err
	}
	contacts := 0
	for _, e := range events {
		if e.Kind == "contact" {
			contacts++
		}
	}
	_, _ = fmt.Fprintf(log, "%d accounts, %d facts, %s of business time in %s: %d events, %d contacts, %d decisions (%.1f/s)\n",
		len(r.Accounts), r.Counted(), days(r.Until.Sub(r.Begin)), took.Round(time.Second), len(events), contacts, decisions, float64(decisions)/took.Seconds())
	return b.String(), nil
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }

// simulate is duly simulate with the same flags.
func (f *replayFlags) simulate(ctx context.Context, log io.Writer) (string, error) {
	var out bytes.Buffer
	args := []string{"simulate", "--output", "json", "--items", f.Items, "--mapping", f.Mapping}
	for _, o := range [][2]string{{"--config", f.config}, {"--sequence", f.Sequence}, {"--payments", f.Payments}, {"--policies", f.policies}, {"--until", f.Until}} {
		if o[1] != "" {
			args = append(args, o[0], o[1])
		}
	}
	if f.Payments != "" {
		args = append(args, "--payments-mapping", f.PaymentsMapping)
	}
	code := dulycli.Run(ctx, dulycli.Env{Args: args, Stdin: bytes.NewReader(nil), Stdout: &out, Stderr: log, Getenv: func(string) string { return "" }})
	if code != dulycli.OK {
		return "", fmt.Errorf("duly simulate ended with status %d", code)
	}
	return out.String(), nil
}
