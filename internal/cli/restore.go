package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// restoreCmd puts right what a restored database has forgotten.
func (a *app) restoreCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "After the database was restored: see what it may have forgotten, ask the providers, say that it is put right",
		Long: `A database that was restored, copied or taken over is noticed by the first process that works with it, and all channels are
switched off before anything can leave: messages may have left of which it has no record.

  duly restore status       what was noticed, which channels are off, what is uncertain
  duly restore reconcile    asks the providers about every open case; sends nothing; may be repeated
  duly restore done         says that everything is put right
  duly switch off channel … then lets messages leave again, channel by channel

Of a snapshot of whole machines there may be no trace to notice: then duly restore declare says it.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.restoreStatusCmd(), a.restoreReconcileCmd(), a.restoreDoneCmd(), a.restoreDeclareCmd())
	return cmd
}

// withRestoration looks first which database it is, as every process does that can send.
func (a *app) withRestoration(ctx context.Context, job func(*wiring.Restoration, wiring.Deps) error) error {
	return a.withStore(ctx, func(store *postgres.Store) (err error) {
		d := wiring.Deps{Store: store, Log: slog.New(slog.DiscardHandler)}
		if d.Clock, err = clock.Open(ctx, store.Pool(), store.EarliestWork); err != nil {
			return err
		}
		if d.Channels, err = wiring.OpenChannelsOn(a.env.Getenv, store, d.Clock); err != nil {
			return usageError{err}
		}
		if err := d.Channels.Guard(d.Clock); err != nil {
			return usageError{err}
		}
		if err := store.Watch(ctx, d.Clock); err != nil {
			return err
		}
		return job(wiring.NewRestoration(d), d)
	})
}

// restoreError marks what the caller can mend.
func restoreError(err error) error {
	if errors.Is(err, dunning.ErrConflict) {
		return usageError{err}
	}
	return mistaken(err)
}

func (a *app) restoreStatusCmd() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show what the database may have forgotten; exit status 1 while it is not put right",
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRestoration(cmd.Context(), func(r *wiring.Restoration, _ wiring.Deps) error {
				s, err := r.Status(cmd.Context())
				if err != nil {
					return err
				}
				return a.printRestore(s)
			})
		},
	}
}

func (a *app) printRestore(s read.Restored) error {
	if err := a.print(s, func(w io.Writer) { printRestoreText(w, s) }); err != nil {
		return err
	}
	if s.Open {
		return errFound
	}
	return nil
}

func printRestoreText(w io.Writer, s read.Restored) {
	switch {
	case s.Open:
		last := s.Restores[0]
		_, _ = fmt.Fprintf(w, "The database was restored or taken over: %s.\nWhat was written or left between %s and %s may be lost.\n",
			plain(last.What), stamp(last.Since), stamp(last.Until))
	case len(s.Restores) > 0:
		last := s.Restores[0]
		_, _ = fmt.Fprintf(w, "The last restore, noticed %s, is put right (%s, by %s).\n", stamp(last.Until), plain(last.Reason), plain(last.DoneBy))
	default:
		_, _ = fmt.Fprintln(w, "The database is the one that it was: no restore was ever noticed.")
	}
	if len(s.Off) > 0 {
		_, _ = fmt.Fprintf(w, "Switched off: %s.\n", joined(s.Off))
	}
	printDoubts(w, s.Doubts)
	if s.Open {
		_, _ = fmt.Fprintln(w, "\nTo do:")
	}
	for i, step := range s.Todo() {
		_, _ = fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %d. %s  %s", i+1, step.Text, step.Command), " "))
	}
}

func joined(channels []dunning.Channel) string {
	names := make([]string, len(channels))
	for i, ch := range channels {
		names[i] = string(ch)
	}
	return strings.Join(names, ", ")
}

func printDoubts(w io.Writer, doubts []read.Doubt) {
	if len(doubts) == 0 {
		_, _ = fmt.Fprintln(w, "No contact is on its way or in doubt.")
		return
	}
	_, _ = fmt.Fprintf(w, "\n%d contacts are on their way or in doubt:\n", len(doubts))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "CASE\tCHANNEL\tSTEP\tSTATE\tSINCE\tATTEMPT")
	for _, d := range doubts {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Case, d.Channel, plain(d.Step), d.State, stamp(d.Since), d.Attempt)
	}
	_ = t.Flush()
}

func (a *app) restoreReconcileCmd() *cobra.Command {
	return &cobra.Command{
		Use: "reconcile", Short: "Ask the providers about every open case: what left that the database does not know of; sends nothing",
		Long: `For every open case the providers are asked about the contacts that are on their way without an answer, and about those that would have
left in the time that the database has forgotten: their ids follow from the case. What a provider took is written down as having left.
What a provider cannot tell (a mail server, SendGrid without its activity add-on, letters of the database's own outbox) is in doubt: it is
not sent again, its reports or a person settle it. It may run beside workers, be broken off and be repeated.
Some minutes after the restore is better than at once: providers' lists lag. Exit status 1: something is in doubt.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRestoration(cmd.Context(), func(r *wiring.Restoration, d wiring.Deps) error { return a.reconcile(cmd.Context(), r, d) })
		},
	}
}

func (a *app) reconcile(ctx context.Context, r *wiring.Restoration, d wiring.Deps) error {
	asked := map[string]string{}
	for ch, adapter := range d.Channels {
		asked[string(ch)] = adapter.String()
	}
	sum, err := r.Reconcile(ctx, func(s wiring.Reconciled) {
		if a.env.Terminal && s.Cases%100 == 0 {
			_, _ = fmt.Fprintf(a.env.Stderr, "%d cases\n", s.Cases)
		}
	})
	if err != nil {
		return err
	}
	out := map[string]any{"cases": sum.Cases, "doubts": sum.Doubts, "failed": sum.Failed, "asked": asked}
	if err := a.print(out, func(w io.Writer) { printReconciled(w, sum, asked) }); err != nil {
		return err
	}
	if sum.Doubts+sum.Failed > 0 {
		return errFound
	}
	return nil
}

func printReconciled(w io.Writer, sum wiring.Reconciled, asked map[string]string) {
	var by []string
	for _, ch := range slices.Sorted(maps.Keys(asked)) {
		by = append(by, ch+": "+asked[ch])
	}
	_, _ = fmt.Fprintf(w, "%d open cases were looked at (%s).\n", sum.Cases, strings.Join(by, ", "))
	if slices.Contains(slices.Collect(maps.Values(asked)), "sandbox") {
		_, _ = fmt.Fprintln(w, "What goes to the sandbox never leaves. If a provider was at work there, give its credentials and run this again.")
	}
	if sum.Doubts > 0 {
		_, _ = fmt.Fprintf(w, "%d contacts are in doubt: duly restore status lists them.\n", sum.Doubts)
	}
	if sum.Failed > 0 {
		_, _ = fmt.Fprintf(w, "%d cases could not be looked at: duly doctor and the log say why. Run this again.\n", sum.Failed)
	}
}

func (a *app) restoreDoneCmd() *cobra.Command {
	var f switchFlags
	var anyway bool
	cmd := &cobra.Command{
		Use: "done --reason TEXT --by NAME", Short: "Say that what the database had forgotten is put right; lifts no switch",
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.withRestoration(cmd.Context(), func(r *wiring.Restoration, _ wiring.Deps) error {
				return a.restoreDone(cmd.Context(), r, f, anyway)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&anyway, "anyway", false, "also if the providers were not asked")
	return cmd
}

func (a *app) restoreDone(ctx context.Context, r *wiring.Restoration, f switchFlags, anyway bool) error {
	if err := r.Done(ctx, person(f.by), f.reason, anyway); err != nil {
		return restoreError(err)
	}
	s, err := r.Status(ctx)
	if err != nil {
		return err
	}
	return a.print(s.Restores[0], func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "The restore is put right.")
		for _, ch := range s.Off {
			_, _ = fmt.Fprintf(w, "Still off: duly switch off channel %s --reason TEXT --by NAME\n", ch)
		}
	})
}

func (a *app) restoreDeclareCmd() *cobra.Command {
	var f switchFlags
	var since string
	cmd := &cobra.Command{
		Use: "declare --since INSTANT --reason TEXT --by NAME", Short: "Say that the database was restored and what was written since an instant is lost; switches all channels off",
		Example: `  duly restore declare --since 2026-12-01T03:00:00Z --reason "the virtual machine was set back" --by ada`,
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			at, err := time.Parse(time.RFC3339, since)
			if err != nil {
				return usagef("--since %q is no instant; write it as 2026-12-01T03:00:00Z (business time)", since)
			}
			return a.withRestoration(cmd.Context(), func(r *wiring.Restoration, _ wiring.Deps) error {
				if err := r.Declare(cmd.Context(), at, person(f.by), f.reason); err != nil {
					return restoreError(err)
				}
				s, err := r.Status(cmd.Context())
				if err != nil {
					return err
				}
				if err := a.printRestore(s); !errors.Is(err, errFound) {
					return err
				}
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&since, "since", "", "instant of the backup (required)")
	return cmd
}
