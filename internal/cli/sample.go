package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/sampling"
)

// sampleCmd draws samples, shows them and draws them again.
func (a *app) sampleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sample",
		Short: "Draw samples for review, and prove that nobody chose which",
		Args:  group,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.sampleDrawCmd(), a.sampleShowCmd(), a.sampleVerifyCmd())
	return cmd
}

// anyone is whoever can reach the database, who may draw from all creditors.
var anyone = identity.Principal{By: "cli", Scopes: []identity.Permission{identity.Sample, identity.Review}, Creditor: identity.AllCreditors}

// sampleFlags are what a sample is asked by.
type sampleFlags struct {
	plan              sampling.Plan
	kind, method      string
	firstDay, lastDay string
}

func (a *app) sampleDrawCmd() *cobra.Command {
	var f sampleFlags
	cmd := &cobra.Command{
		Use:   "draw",
		Short: "Draw a sample and keep it",
		Long: `Draws from what happened from the first to the last day (UTC). The same population, seed and method give the same sample on any
machine; the population is kept with it. Reviewing and signing off is done in the console.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sampleDraw(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.plan.Title, "title", "", "name of the sample (required)")
	fl.StringVar(&f.kind, "kind", string(sampling.Contacts), "contacts, kept_back, decisions, calls or replies")
	fl.StringSliceVar(&f.plan.Creditors, "creditor", nil, "whose; may be repeated (default: all)")
	fl.StringVar(&f.firstDay, "from", "", "first day, such as 2026-03-01 (required)")
	fl.StringVar(&f.lastDay, "until", "", "last day (required)")
	fl.StringVar(&f.method, "method", string(sampling.Both), "random, risk, or both: half of each")
	fl.IntVar(&f.plan.Size, "size", 25, "rows")
	fl.StringVar(&f.plan.Seed, "seed", "", "seed (default: one that is drawn and printed)")
	fl.StringVar(&f.plan.Filter.Channel, "channel", "", "only this channel")
	fl.StringVar(&f.plan.Filter.Sequence, "sequence", "", "only cases of this sequence")
	fl.StringVar(&f.plan.Filter.Step, "step", "", "only this step")
	fl.StringVar(&f.plan.Filter.Template, "template", "", "only this template, of contacts")
	fl.StringVar(&f.plan.Filter.Rule, "rule", "", "only this rule, of decisions")
	fl.StringVar(&f.plan.Filter.Verdict, "verdict", "", "of decisions: kept_back or allowed")
	return cmd
}

func (a *app) sampleDraw(ctx context.Context, f sampleFlags) error {
	var err error
	if f.plan.From, err = time.Parse(time.DateOnly, f.firstDay); err != nil {
		return usagef("--from is a day such as 2026-03-01, not %q", f.firstDay)
	}
	last, err := time.Parse(time.DateOnly, f.lastDay)
	if err != nil {
		return usagef("--until is a day such as 2026-03-31, not %q", f.lastDay)
	}
	f.plan.Until, f.plan.Kind, f.plan.Method = last.AddDate(0, 0, 1), sampling.Kind(f.kind), sampling.Method(f.method)
	return a.withStore(ctx, func(store *postgres.Store) error {
		book := bookOf(store)
		if err := everyCreditor(ctx, book, &f.plan); err != nil {
			return err
		}
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		s, err := wiring.NewSampling(store, book).Draw(ctx, anyone, "", f.plan, at)
		if invalid := (*sampling.Invalid)(nil); errors.As(err, &invalid) {
			return usagef("%w", err)
		}
		if err != nil {
			return err
		}
		return a.print(s, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%d of %d rows drawn. Sample %s, seed %s, population SHA-256 %s\n", s.Size, s.Population, s.ID, s.Seed, s.Digest)
		})
	})
}

// everyCreditor fills in all creditors where none is named, and refuses names that there are not.
func everyCreditor(ctx context.Context, book *wiring.Book, p *sampling.Plan) error {
	cfg, err := book.Current(ctx)
	if err != nil {
		return err
	}
	for _, id := range p.Creditors {
		if _, ok := cfg.Creditor(id); !ok {
			return usagef("there is no creditor %q in the configuration in force", id)
		}
	}
	if len(p.Creditors) > 0 {
		return nil
	}
	for _, c := range cfg.Creditors() {
		p.Creditors = append(p.Creditors, c.ID)
	}
	return nil
}

func (a *app) sampleShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a sample with its rows and answers",
		Args:  args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withStore(cmd.Context(), func(store *postgres.Store) error {
				r, err := wiring.NewSampling(store, bookOf(store)).Get(cmd.Context(), anyone, given[0])
				if errors.Is(err, identity.ErrNotFound) {
					return usagef("there is no sample %q", given[0])
				}
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { printSample(w, &r) })
			})
		},
	}
}

func printSample(w io.Writer, r *sampling.Review) {
	score := r.Score()
	_, _ = fmt.Fprintf(w, "%s: %d of %d rows of %s, %s to %s, drawn %s by seed %s\n", r.Title, r.Size, r.Population, r.Kind, r.From.Format(time.DateOnly), r.LastDay().Format(time.DateOnly), r.Method, r.Seed)
	_, _ = fmt.Fprintf(w, "population SHA-256 %s\nanswered %d, wrong %d\n", r.Digest, score.Done, score.Wrong)
	for _, round := range r.Rounds {
		if round.Signed != nil {
			_, _ = fmt.Fprintf(w, "round %d signed off by %s on %s over %s\n", round.Round, round.Signed.By, round.Signed.At.Format("2 Jan 2006 15:04 UTC"), round.Signed.Digest)
		}
	}
	given := map[int]sampling.Given{}
	for _, g := range r.Standing(r.Latest().Round) {
		given[g.N] = g
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range r.Rows {
		state := "open"
		if g, ok := given[row.N]; ok {
			if state = "in order"; g.Wrong() {
				state = "wrong"
			}
		}
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s %s\t%s\t%s\n", row.N, state, row.At.Format(time.RFC3339), row.Channel, row.Step, row.ID, strings.Join(row.Risks, ","))
	}
	_ = t.Flush() // what cannot be printed cannot be told either
}

func (a *app) sampleVerifyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE|ID",
		Short: "Draw a sample again and say whether it is the same",
		Long: `A file that was exported as JSON is verified without database and network: its population's SHA-256, every row's key, and the digest
of the answers under each sign-off. An id is looked up in the database, and the journal is read again as of when the sample was
drawn: what joined, left or weighs otherwise is named. Exit status 1: something differs.`,
		Args: args("FILE|ID"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.sampleVerify(cmd.Context(), given[0]) },
	}
}

func (a *app) sampleVerify(ctx context.Context, name string) error {
	if _, err := uuid.Parse(name); err != nil {
		f, err := os.Open(name) //nolint:gosec // the file that the user names
		if err != nil {
			return usagef("%s cannot be read: %w", name, err)
		}
		defer func() { _ = f.Close() }()
		v, err := sampling.Verify(f)
		if err != nil {
			return usagef("%s: %w", name, err)
		}
		return a.verdict(v)
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		v, err := wiring.NewSampling(store, bookOf(store)).Verify(ctx, anyone, name)
		if errors.Is(err, identity.ErrNotFound) {
			return usagef("there is no sample %q", name)
		}
		if err != nil {
			return err
		}
		return a.verdict(v)
	})
}

// verdict prints what verifying found.
func (a *app) verdict(v sampling.Verified) error {
	err := a.print(v, func(w io.Writer) { printVerified(w, v) })
	if err == nil && !v.OK() {
		return errFound
	}
	return err
}

func printVerified(w io.Writer, v sampling.Verified) {
	if v.OK() {
		_, _ = fmt.Fprintf(w, "Equal: seed %s over %d rows gives the same %d rows; %d sign-offs fit the answers.\n", v.Seed, v.Population, v.Rows, v.Signed)
	}
	for _, f := range v.Faults {
		_, _ = fmt.Fprintf(w, "NOT equal: %s\n", f)
	}
	_, _ = fmt.Fprintf(w, "population SHA-256 %s\n", v.Digest)
	if v.Change == nil || v.Change.None() {
		return
	}
	for _, c := range []struct {
		words string
		ids   []string
	}{{"joined the journal since", v.Change.Joined}, {"not in the journal any more", v.Change.Left}, {"weighs otherwise now", v.Change.Weighed}} {
		for _, id := range c.ids {
			_, _ = fmt.Fprintf(w, "%s: %s\n", c.words, id)
		}
	}
}
