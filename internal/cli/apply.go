package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// planCmd checks a directory and says what publishing it would change.
func (a *app) planCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "plan DIR",
		Short: "Check a configuration and say what apply would change",
		Long: `Loads the directory, reports every fault of every file at once, and compares it with what is published.
Without DATABASE_URL everything is new. Exit status: 0 nothing would change, or nothing is known to compare with ·
1 something would change · 2 the configuration has faults.`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.plan(cmd.Context(), given[0]) },
	}
}

// applyCmd publishes a directory.
func (a *app) applyCmd() *cobra.Command {
	var by, as, reason string
	var once bool
	cmd := &cobra.Command{
		Use:   "apply DIR",
		Short: "Publish a configuration",
		Long: `Loads the directory and publishes it whole; with faults nothing is published.
A published version never changes, and cases keep the version that they began with.
Applying what was published earlier goes back to that version.

Where four eyes are required (duly proposal require on) it makes a proposal that somebody else approves; --as names
the user of the console who proposes, whose password is taken from DULY_PASSWORD or asked for.

--once is for jobs that run at every start of a deployment: a directory that was in force before is not put back over
what came into force after it, from the console or elsewhere, and where four eyes are required what is in force stays.
Faults that an earlier version of this program let pass are warnings then, as long as the directory is not changed.`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if once {
				return a.applyOnce(cmd.Context(), given[0], by)
			}
			return a.apply(cmd.Context(), given[0], by, as, reason)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "publish only what was never in force")
	cmd.Flags().StringVar(&by, "by", a.env.Getenv("USER"), "who publishes, for the record")
	cmd.Flags().StringVar(&as, "as", a.env.Getenv("DULY_USER"), "who proposes where four eyes are required (default: $DULY_USER)")
	cmd.Flags().StringVar(&reason, "reason", "Applied from the command line.", "why, for whoever checks it")
	return cmd
}

// planned is what plan and apply print.
type planned struct {
	Version   string            `json:"version"` // of the directory
	Current   string            `json:"current,omitempty"`
	Published bool              `json:"published"`          // by this command
	Proposal  string            `json:"proposal,omitempty"` // id of the proposal that this command made
	Changes   []string          `json:"changes"`            // "+ file", "~ file", "- file"
	Sequences map[string]string `json:"sequences"`          // id → version
	Warnings  []string          `json:"warnings"`
}

func (a *app) plan(ctx context.Context, dir string) error {
	cfg, err := loadDir(dir)
	if err != nil {
		return err
	}
	if a.env.Getenv("DATABASE_URL") == "" && a.env.Getenv("DATABASE_URL_FILE") == "" {
		return a.print(planOf(cfg, postgres.Release{}), func(w io.Writer) { printPlan(w, planOf(cfg, postgres.Release{})) })
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		current, _, err := store.CurrentRelease(ctx)
		if err != nil {
			return err
		}
		p := planOf(cfg, current)
		if err := a.print(p, func(w io.Writer) { printPlan(w, p) }); err != nil {
			return err
		}
		if len(p.Changes) > 0 {
			return errFound
		}
		return nil
	})
}

func planOf(cfg *config.Config, current postgres.Release) planned {
	release := cfg.Release()
	p := planned{
		Version: release.Version, Current: current.Version, Sequences: map[string]string{}, Warnings: []string{},
		Changes: slices.Concat([]string{}, release.Changes(config.Release{Files: current.Files})),
	}
	for _, s := range cfg.Sequences() {
		p.Sequences[s.ID] = s.Version
	}
	for _, w := range cfg.Warnings() {
		p.Warnings = append(p.Warnings, w.String())
	}
	return p
}

func (a *app) apply(ctx context.Context, dir, by, as, reason string) error {
	cfg, err := loadDir(dir)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		current, _, err := store.CurrentRelease(ctx)
		if err != nil {
			return err
		}
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		p := planOf(cfg, current)
		four, err := store.FourEyes(ctx)
		if err != nil {
			return err
		}
		if four.Required && current.Version != "" {
			return a.propose(ctx, cfg, p, as, reason)
		}
		if p.Version, p.Published, err = wiring.Publish(ctx, store, os.DirFS(dir), by, at); err != nil {
			return err
		}
		return a.print(p, func(w io.Writer) { printPlan(w, p) })
	})
}

// applyOnce publishes a directory unless something newer is in force. One that is in force
// already has nothing to be refused for: deployments start when this has ended well.
func (a *app) applyOnce(ctx context.Context, dir, by string) error {
	cfg, faults := loadDir(dir)
	if faults != nil && config.FaultsOf(faults) == nil {
		return faults
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		current, _, err := store.CurrentRelease(ctx)
		if err != nil {
			return err
		}
		were, err := store.Activations(ctx)
		if err != nil {
			return err
		}
		if faults != nil {
			if cfg, err = published(dir, were); cfg == nil {
				return cmp.Or(err, faults)
			}
		}
		four, err := store.FourEyes(ctx)
		if err != nil {
			return err
		}
		p := planOf(cfg, current)
		why := ""
		switch {
		case faults != nil && p.Version == current.Version:
			why = "is in force already; mend what is warned of before the next change"
		case current.Version == "" || p.Version == current.Version: // the first, or nothing to do
		case wasInForce(were, p.Version):
			why = "was in force before; to go back to it: duly apply DIR"
		case four.Required:
			why = "is new, and two people are needed; to propose it: duly apply DIR --as NAME"
		}
		if why != "" {
			return a.print(p, func(w io.Writer) { printKept(w, p, why) })
		}
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		if p.Version, p.Published, err = wiring.Publish(ctx, store, os.DirFS(dir), by, at); err != nil {
			return err
		}
		return a.print(p, func(w io.Writer) { printPlan(w, p) })
	})
}

// published is the configuration in a directory that was in force when less was checked, as
// workers load it; nil where it never was, or where they cannot.
func published(dir string, were []postgres.Activation) (*config.Config, error) {
	r, err := config.ReadRelease(os.DirFS(dir))
	if err != nil || !wasInForce(were, r.Version) {
		return nil, err
	}
	return config.LoadRelease(r)
}

func wasInForce(were []postgres.Activation, version string) bool {
	return slices.ContainsFunc(were, func(x postgres.Activation) bool { return x.Release == version })
}

func printKept(w io.Writer, p planned, why string) {
	for _, text := range p.Warnings {
		_, _ = fmt.Fprintf(w, "warning: %s\n", text)
	}
	_, _ = fmt.Fprintf(w, "Nothing was published: %s %s\nRelease %s stays in force.\n", p.Version, why, p.Current)
}

// propose makes a proposal of what would be published.
func (a *app) propose(ctx context.Context, cfg *config.Config, p planned, as, reason string) error {
	if len(p.Changes) == 0 {
		return a.print(p, func(w io.Writer) { printPlan(w, p) })
	}
	return a.withProposals(ctx, func(service *wiring.Proposals, store *postgres.Store) error {
		if as == "" {
			return usagef("two people are needed here: run it again with --as NAME, a user of the console who may publish, and their password in %s; nothing was changed", EnvPassword)
		}
		who, err := a.as(ctx, store, as)
		if err != nil {
			return err
		}
		made, err := service.Make(ctx, who, proposal.Draft{Base: p.Current, Files: cfg.Release().Files, Reason: reason})
		if err != nil {
			return err
		}
		p.Proposal = made.ID
		return a.print(p, func(w io.Writer) { printProposed(w, p) })
	})
}

func printProposed(w io.Writer, p planned) {
	for _, text := range p.Warnings {
		_, _ = fmt.Fprintf(w, "warning: %s\n", text)
	}
	for _, change := range p.Changes {
		_, _ = fmt.Fprintln(w, change)
	}
	_, _ = fmt.Fprintf(w, "Proposed as %s: %d files would change. Two people are needed here, so nothing is in force yet.\n"+
		"Somebody else who may approve opens /proposals/%s in the console, or runs: duly proposal approve %s --as NAME\n", p.Proposal, len(p.Changes), p.Proposal, p.Proposal)
}

func printPlan(w io.Writer, p planned) {
	for _, text := range p.Warnings {
		_, _ = fmt.Fprintf(w, "warning: %s\n", text)
	}
	for _, change := range p.Changes {
		_, _ = fmt.Fprintln(w, change)
	}
	switch {
	case p.Published:
		_, _ = fmt.Fprintf(w, "Published as %s: %d files changed.\n", p.Version, len(p.Changes))
	case len(p.Changes) == 0:
		_, _ = fmt.Fprintln(w, "Nothing changes.")
	case p.Current == "":
		_, _ = fmt.Fprintf(w, "%d files; nothing is published to compare with.\n", len(p.Changes))
	default:
		_, _ = fmt.Fprintf(w, "%d files would change against %s.\n", len(p.Changes), p.Current)
	}
}
