package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/recheck"
)

// whyCmd says in words what the contact policies were asked for a decision, and what each
// rule said.
func (a *app) whyCmd(f *caseFlags) *cobra.Command {
	var decision string
	cmd := &cobra.Command{
		Use:   "why CASE",
		Short: "Say why a message was, or was not, allowed to leave: candidates, each rule's verdict, what was counted",
		Long: `Explains the latest decision that asked the contact policies, or the one named with --decision (duly case CASE --output json
lists them), from the facts and the configuration of then.`,
		Args: args("CASE"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.why(cmd.Context(), given[0], f.creditor, decision)
		},
	}
	cmd.Flags().StringVar(&decision, "decision", "", "id of the decision (default: the latest that asked)")
	return cmd
}

// explained is a decision with its reasoning, as it is printed.
type explained struct {
	Decision  string              `json:"decision"`
	At        time.Time           `json:"at"`
	Verb      dunning.Verb        `json:"verb"`
	Step      string              `json:"step,omitempty"`
	Rule      string              `json:"rule,omitempty"`
	NotBefore time.Time           `json:"not_before,omitzero"`
	Versions  dunning.Versions    `json:"versions"`
	Reasoning []recheck.Reasoning `json:"reasoning"`
}

func (a *app) why(ctx context.Context, name, creditor, decision string) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		id, err := findCase(ctx, store, name, creditor)
		if err != nil {
			return err
		}
		d, err := askedDecision(ctx, store, id, decision)
		if err != nil {
			return err
		}
		reasons, err := recheck.Why(ctx, store, bookOf(store), d)
		if err != nil {
			return err
		}
		e := explained{d.ID, d.Decision.At, d.Decision.Verb, d.Decision.Step, d.Decision.Rule, d.Decision.NotBefore, d.Decision.Versions, reasons}
		return a.print(e, func(w io.Writer) { printWhy(w, e) })
	})
}

// askedDecision is the decision of a case that is named, or the latest that asked the
// contact policies.
func askedDecision(ctx context.Context, store *postgres.Store, caseID, id string) (dunning.StoredDecision, error) {
	all, err := store.Decisions(ctx, caseID)
	if err != nil {
		return dunning.StoredDecision{}, err
	}
	for _, d := range slices.Backward(all) {
		switch {
		case id == "" && len(d.Decision.Checks) > 0, id == d.ID && len(d.Decision.Checks) > 0:
			return d, nil
		case id == d.ID:
			return d, usagef("decision %s did not ask the contact policies: %s", id, decisionText(d.Decision))
		}
	}
	if id != "" {
		return dunning.StoredDecision{}, usagef("the case has no decision %s; duly case %s --output json lists them", id, caseID)
	}
	return dunning.StoredDecision{}, usagef("no decision of this case has asked the contact policies yet; duly case %s says what it waits for", caseID)
}

func printWhy(w io.Writer, e explained) {
	_, _ = fmt.Fprintf(w, "Decision %s of %s: %s %s\n", e.Decision, e.At.UTC().Format(time.RFC3339), e.Verb, e.Step)
	for _, r := range e.Reasoning {
		_, _ = fmt.Fprintf(w, "\n%s", r.Text)
		if len(r.Changed) > 0 {
			_, _ = fmt.Fprintf(w, "Not as it was then: %v.\n", r.Changed)
		}
	}
}
