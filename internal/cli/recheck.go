package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/recheck"
)

// recheckCmd plays the journal through the core again. It exits with 1 when a decision
// comes out wrong; decisions that a release changed are reported and are no fault.
func (a *app) recheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "recheck",
		Short: "Re-derive every stored decision from the facts of then and report what differs",
		Long: `Loads the facts of each decision as of the debtor's version that it names, asks the core again, and reports differences:
wrong (the same versions decide otherwise) or changed (another core, sequence, policy pack or zone database decides otherwise).
With --output json each difference is one line, and the last line is the summary.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.recheck(cmd.Context()) },
	}
}

func (a *app) recheck(ctx context.Context) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		sum, err := recheck.Run(ctx, store, bookOf(store), a.printDifference)
		if err != nil {
			return err
		}
		if err := a.print(sum, func(w io.Writer) { printRecheck(w, sum) }); err != nil {
			return err
		}
		if sum.By[recheck.Wrong] > 0 {
			return errFound
		}
		return nil
	})
}

func (a *app) printDifference(d recheck.Difference) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.env.Stdout, "%s\n", b)
	return err
}

func printRecheck(w io.Writer, s recheck.Summary) {
	_, _ = fmt.Fprintf(w, "%d decisions: %d the same, %d wrong, %d changed by a release, %d of the shell alone.\n",
		s.Checked, s.By[recheck.Same], s.By[recheck.Wrong], s.By[recheck.Changed], s.By[recheck.Shell])
}
