package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/postgres"
)

// doctorCmd lists what must not be. It exits with 1 when it finds something.
func (a *app) doctorCmd() *cobra.Command {
	var lists bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "List what must not be: open cases without a next thing, late work, contacts in limbo",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), lists) },
	}
	cmd.Flags().BoolVar(&lists, "lists", false, "compare also what lists show with every debtor's log (takes a while); mend with duly migrate --rebuild")
	return cmd
}

// finding is a violation as it is printed.
type finding struct {
	Kind    string    `json:"kind"`
	Case    string    `json:"case,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Detail  string    `json:"detail,omitempty"`
}

func (a *app) doctor(ctx context.Context, lists bool) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		violations, err := store.Doctor(ctx, at)
		if err == nil && lists {
			violations, err = addDrift(ctx, store, violations)
		}
		if err != nil {
			return err
		}
		findings := make([]finding, len(violations))
		for i, v := range violations {
			findings[i] = finding(v)
		}
		result := map[string]any{"at": at, "violations": findings}
		if err := a.print(result, func(w io.Writer) { printFindings(w, at, findings) }); err != nil {
			return err
		}
		if len(findings) > 0 {
			return errFound
		}
		return nil
	})
}

// mostDrift bounds the findings about lists: they are mended all at once.
const mostDrift = 100

// addDrift finds accounts of which lists show something else than their log says.
func addDrift(ctx context.Context, store *postgres.Store, to []postgres.Violation) ([]postgres.Violation, error) {
	drift, err := store.CheckReads(ctx, mostDrift)
	for _, d := range drift {
		to = append(to, postgres.Violation{Kind: postgres.ListsDrift, Subject: d.Account, Detail: d.What})
	}
	return to, err
}

func printFindings(w io.Writer, at time.Time, findings []finding) {
	if len(findings) == 0 {
		_, _ = fmt.Fprintf(w, "Nothing is stuck as of %s.\n", at.Format(time.RFC3339))
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "KIND\tCASE\tSUBJECT\tSINCE\tDETAIL")
	for _, f := range findings {
		since := ""
		if !f.Since.IsZero() {
			since = f.Since.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Kind, f.Case, f.Subject, since, f.Detail)
	}
	_ = t.Flush()
}
