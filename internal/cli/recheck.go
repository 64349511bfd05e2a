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

// recheckCmd plays the journal through the core again and sweeps the ledger. It exits
// with 1 when a decision comes out wrong or a contact left outside a rule; what a release
// changed, what was entered late and what people did are reported and are no fault.
func (a *app) recheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "recheck",
		Short: "Re-derive every stored decision, and judge every contact that left, from the facts of then",
		Long: `Loads the facts of each decision as of the debtor's version that it names, asks the core again, and reports differences:
wrong (the same versions decide otherwise) or changed (another core, sequence, release or zone database decides otherwise).
What the contact policies were asked and said is part of a decision and is compared with it.

Then it sweeps the ledger: whatever was decided, every contact that left is judged by the rules at the instant it left, over the
facts known by then. One that was outside a rule is a fault. Reported apart: contacts that something kept back which had been
received and was entered later, and calls and messages of people, which Duly records and does not make.
With --output json each finding is one line, and the last line is the summary.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.recheck(cmd.Context()) },
	}
}

// rechecked is the summary.
type rechecked struct {
	recheck.Summary
	Ledger recheck.Sweep `json:"ledger"`
}

func (a *app) recheck(ctx context.Context) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		book := bookOf(store)
		sum, err := recheck.Run(ctx, store, book, func(d recheck.Difference) error { return a.printFinding(d) })
		if err != nil {
			return err
		}
		swept, err := recheck.Contacts(ctx, store, book, func(f recheck.Finding) error { return a.printFinding(f) })
		if err != nil {
			return err
		}
		all := rechecked{sum, swept}
		if err := a.print(all, func(w io.Writer) { printRecheck(w, all) }); err != nil {
			return err
		}
		if sum.By[recheck.Wrong] > 0 || swept.Outside > 0 {
			return errFound
		}
		return nil
	})
}

// printFinding prints a difference or a contact, one a line.
func (a *app) printFinding(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.env.Stdout, "%s\n", b)
	return err
}

func printRecheck(w io.Writer, r rechecked) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("%d decisions: %d the same, %d wrong, %d changed by a release, %d of the shell alone.",
		r.Checked, r.By[recheck.Same], r.By[recheck.Wrong], r.By[recheck.Changed], r.By[recheck.Shell])
	s := r.Ledger
	p("ledger: %d contacts swept, %d outside a rule", s.Swept, s.Outside)
	if s.Changed > 0 {
		p("%d more are outside today's rules; those of then cannot be had any more.", s.Changed)
	}
	if s.Late > 0 {
		p("%d left after something had been received that was entered later.", s.Late)
	}
	if s.ByHand > 0 {
		p("%d calls and messages of people, %d outside a rule.", s.ByHand, s.Against)
	}
}
