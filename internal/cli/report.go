package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// reportCmd holds the reports of operations.
func (a *app) reportCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "What is owed, what was sent, what was kept: the reports of operations",
		Long: `The same reports as in the console and the API. They hold no personal data. Days are those of the creditor that is named with
--creditor, in its zone; of several creditors they are UTC days. The last day is included. docs/reports.md says how everything is counted.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, r := range []struct{ name, short string }{
		{read.ReportAgeing, "What is owed by age, with items, debtors and cases"},
		{read.ReportRun, "What was decided, sent, put off, refused, opened and closed on each day"},
		{read.ReportPromises, "Promises and plans kept, and right-party contacts, by month"},
		{read.ReportSteps, "How often the steps of sequences were followed by a payment"},
		{read.ReportRecovery, "How soon cases end with their debt paid, and what was paid, by month"},
	} {
		cmd.AddCommand(a.oneReportCmd(r.name, r.short))
	}
	return cmd
}

func (a *app) oneReportCmd(name, short string) *cobra.Command {
	ask, asCSV := read.ReportAsk{Report: name}, false
	cmd := &cobra.Command{
		Use: name, Short: short, Args: args(),
		Example: "  duly report " + name + " --creditor acme --csv > " + name + ".csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asCSV && a.output == "json" {
				return usagef("say --csv or --output json, not both")
			}
			return a.runReport(cmd.Context(), ask, asCSV)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ask.Creditor, "creditor", "", "only this creditor, in the days of its zone (default: all, in UTC days)")
	f.BoolVar(&asCSV, "csv", false, "print a file for a spreadsheet")
	if most := read.MostDays(name); most > 0 {
		f.StringVar(&ask.From, "from", "", fmt.Sprintf("first day, YYYY-MM-DD; at most %d days are read", most))
		f.StringVar(&ask.Until, "until", "", "last day, included, YYYY-MM-DD (default: today)")
	}
	if name == read.ReportAgeing {
		f.StringVar(&ask.At, "at", "", "as of the end of this day, YYYY-MM-DD; it folds the log of every debtor (default: now)")
	}
	return cmd
}

func (a *app) runReport(ctx context.Context, ask read.ReportAsk, asCSV bool) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		reports := wiring.Reports{
			Store:  store,
			Config: func(ctx context.Context) (*config.Config, error) { return a.configOf(ctx, store) },
			Now:    func(ctx context.Context) (time.Time, error) { return now(ctx, store) },
		}
		t, err := reports.Make(ctx, read.Everything(), ask)
		switch {
		case errors.Is(err, dunning.ErrInvalid):
			return usageError{errors.New(wording(err))}
		case err != nil:
			return err
		case asCSV:
			return web.WriteCSV(a.env.Stdout, t)
		}
		return a.print(t, func(w io.Writer) { printReport(w, t) })
	})
}

func printReport(w io.Writer, t read.Table) {
	_, _ = fmt.Fprintln(w, t.Head().Says())
	lines := t.Lines()
	if len(lines) == 0 {
		_, _ = fmt.Fprintln(w, "There is nothing to report.")
		return
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, strings.ToUpper(strings.Join(t.Columns(), "\t")))
	for _, l := range lines {
		for i := range l {
			l[i] = plain(l[i])
		}
		_, _ = fmt.Fprintln(out, strings.Join(l, "\t"))
	}
	_ = out.Flush()
}
