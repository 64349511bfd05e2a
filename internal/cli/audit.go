package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// auditCmd is what is done with the hash chain over the ledgers.
func (a *app) auditCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Seal and verify the hash chain over everything that is only ever added to",
		Args:  group,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditVerifyCmd(), a.auditSealCmd())
	return cmd
}

func (a *app) auditVerifyCmd() *cobra.Command {
	var heads []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Hash everything that was sealed again, and name the first row that differs",
		Long: `Hashes every sealed row again, through the newest seal, and compares. Rows that were changed, deleted or added between others are
named. That the end was cut off, or the whole chain made anew, is found by the heads of earlier verifications and, should somebody have
deleted these, with --head: a head that was kept elsewhere (duly audit seal --print, the log, the console's page Integrity). The result is kept, and is what the console's integrity light shows.
Exit status 1: something differs.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditVerify(cmd.Context(), heads) },
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head that was kept elsewhere, NUMBER:HASH; may be given again")
	return cmd
}

// verifiedChain is what verifying found.
type verifiedChain struct {
	chain.Report
	Says string `json:"says,omitempty"` // what is broken, in words
	// Unsealed ledgers have rows that no seal covers yet.
	Unsealed []string `json:"unsealed,omitempty"`
}

func (a *app) auditVerify(ctx context.Context, heads []string) error {
	var kept []chain.Head
	for _, text := range heads {
		h, err := chain.ParseHead(text)
		if err != nil {
			return usagef("--head: %w", err)
		}
		kept = append(kept, h)
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		at := clock.Wall()
		r, err := store.VerifyChain(ctx, kept...)
		if err != nil {
			return err
		}
		if err := store.PutCheck(ctx, chain.Check{At: at, By: "cli", Report: r}); err != nil {
			return err
		}
		state, err := store.ChainState(ctx)
		if err != nil {
			return err
		}
		v := verifiedChain{Report: r, Unsealed: state.Unsealed}
		if r.Broken != nil {
			v.Says = r.Broken.String()
		}
		if err := a.print(v, func(w io.Writer) { printChain(w, v, clock.Wall().Sub(at)) }); err != nil || r.Broken == nil {
			return err
		}
		return errFound
	})
}

func printChain(w io.Writer, v verifiedChain, took time.Duration) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	if v.Broken != nil {
		p("BROKEN: %s.", v.Says)
		p("Keep the database as it is and see docs/runbook.md, A red integrity light.")
	} else {
		p("%d rows through seal %d are as they were written (%.1f s).", v.Rows, v.Head.N, took.Seconds())
	}
	if len(v.Unsealed) > 0 {
		p("Not sealed yet, and so not covered: the newest rows of %v.", v.Unsealed)
	}
	if v.Broken == nil && v.Head.N > 0 {
		p("head %s", v.Head)
	}
}

func (a *app) auditSealCmd() *cobra.Command {
	var only bool
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Seal what was added now, and print the head of the chain to be kept elsewhere",
		Long: `Workers and consoles seal by themselves; this does it now. The head that it prints stands for everything that was ever sealed:
keep it where the database's owner cannot change it (a cron job that mails it to the auditors, a printed page), and hand it to
duly audit verify --head. With --print nothing is sealed.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.auditSeal(cmd.Context(), only) },
	}
	cmd.Flags().BoolVar(&only, "print", false, "print the head, seal nothing")
	return cmd
}

// sealing is how long writers under way are waited for, by hand.
const sealing = 15 * time.Second

func (a *app) auditSeal(ctx context.Context, only bool) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		var all postgres.Sealed
		for more := !only; more; {
			out, err := store.Seal(ctx, clock.Wall(), postgres.SealOptions{Patience: sealing})
			if err != nil {
				return err
			}
			out.Rows, out.Seals = out.Rows+all.Rows, out.Seals+all.Seals
			all, more = out, out.More
		}
		state, err := store.ChainState(ctx)
		if err != nil {
			return err
		}
		all.Head = state.Head
		return a.print(all, func(w io.Writer) { printSealed(w, all, only) })
	})
}

func printSealed(w io.Writer, s postgres.Sealed, only bool) {
	switch {
	case s.Busy:
		_, _ = fmt.Fprintln(w, "another process is sealing")
	case !only:
		_, _ = fmt.Fprintf(w, "%d rows sealed\n", s.Rows)
	}
	for _, name := range s.Left {
		_, _ = fmt.Fprintf(w, "%s was left: a transaction under way writes to it\n", name)
	}
	_, _ = fmt.Fprintf(w, "head %s\n", s.Head)
}
