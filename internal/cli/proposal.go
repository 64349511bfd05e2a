package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// EnvPassword is the password of the user whom --as names; without it a terminal is asked.
const EnvPassword = "DULY_PASSWORD"

// proposalCmd is maker and checker on the command line.
func (a *app) proposalCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "proposal",
		Short: "Propose a configuration, check what others proposed, require two people",
		Long: `With four eyes required, a configuration comes into force when somebody else than its maker approves it.
duly apply DIR --as NAME makes a proposal then. NAME is a user of the console who may publish (operations);
whoever approves may approve (compliance). Their password is taken from DULY_PASSWORD, or asked for.
Nobody checks their own, neither here nor in the console nor with an API key that they made.`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.proposalListCmd(), a.proposalShowCmd(), a.proposalRequireCmd(),
		a.proposalEndCmd("approve", "Put a proposal of somebody else into force", "what you looked at"),
		a.proposalEndCmd("reject", "Refuse a proposal of somebody else", "what is to be mended; required"),
		a.proposalEndCmd("withdraw", "Take a proposal of your own back", "why"),
		a.proposalEndCmd("anew", "Make a proposal anew over the release that came into force since", ""))
	return cmd
}

// withProposals opens the store and makes the service.
func (a *app) withProposals(ctx context.Context, job func(*wiring.Proposals, *postgres.Store) error) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
		if err != nil {
			return err
		}
		return job(&wiring.Proposals{Store: store, Clock: c}, store)
	})
}

// as proves who works: the user of that name, by their password.
func (a *app) as(ctx context.Context, store *postgres.Store, name string) (identity.Principal, error) {
	if name == "" {
		return identity.Principal{}, usagef("say who you are with --as NAME, a user of the console; the password is taken from %s", EnvPassword)
	}
	password, err := a.password(name)
	if err != nil {
		return identity.Principal{}, err
	}
	u, err := store.UserByName(ctx, strings.ToLower(name))
	if err != nil && !errors.Is(err, postgres.ErrNotFound) {
		return identity.Principal{}, err
	}
	right := identity.CheckPassword(u.Password, password) // also for nobody: who is there takes as long
	switch {
	case err != nil || !right || !u.Disabled.IsZero():
		return identity.Principal{}, usagef("name or password is wrong; whoever signs in at an OpenID provider has none, and uses the console")
	case u.MustChange:
		return identity.Principal{}, usagef("the password of %s was made by somebody else: sign in to the console once and change it", u.Name)
	}
	return u.Principal(), nil
}

func (a *app) password(name string) (string, error) {
	if text := a.env.Getenv(EnvPassword); text != "" {
		return text, nil
	}
	f, ok := a.env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usagef("no password: set %s, or run this in a terminal", EnvPassword)
	}
	_, _ = fmt.Fprintf(a.env.Stderr, "Password of %s: ", name)
	text, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(a.env.Stderr)
	return string(text), err
}

// --- listing and showing ---------------------------------------------------------------

// shownProposal is a proposal as it is printed.
type shownProposal struct {
	proposal.Proposal
	State string `json:"state"` // open, approved, rejected, withdrawn
	Maker string `json:"maker"` // name
	Risk  string `json:"risk"`
	Stale bool   `json:"stale"` // open, and over a release that is no longer in force
}

func (a *app) shown(ctx context.Context, store *postgres.Store, all []proposal.Proposal) ([]shownProposal, error) {
	users, err := store.Users(ctx)
	if err != nil {
		return nil, err
	}
	current, _, err := store.CurrentVersion(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
	}
	out := []shownProposal{}
	for _, p := range all {
		s := shownProposal{Proposal: p, State: "open", Maker: names[p.Person], Risk: proposal.RiskOf(p.Changes).Word, Stale: p.Open() && p.Base != current}
		if p.End != nil {
			s.State = string(p.End.Verdict)
		}
		out = append(out, s)
	}
	return out, nil
}

func (a *app) proposalListCmd() *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use: "list", Short: "List what waits for a second person, what is due first on top; with --all what was decided too", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withProposals(cmd.Context(), func(p *wiring.Proposals, store *postgres.Store) error {
				return a.listProposals(cmd.Context(), p, store, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what was decided, the newest first")
	return cmd
}

func (a *app) listProposals(ctx context.Context, p *wiring.Proposals, store *postgres.Store, all bool) error {
	list, err := p.List(ctx, !all)
	if err != nil {
		return err
	}
	if !all {
		proposal.Sort(list)
	}
	out, err := a.shown(ctx, store, list)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range out {
			state := s.State
			if s.Stale {
				state = "open, to be made anew"
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\tby %s\t%d files\tdue %s\t%s\n", s.ID, state, s.Risk, plain(s.Maker), len(s.Changes), s.Due().UTC().Format("2006-01-02 15:04Z"), plain(firstLine(s.Reason)))
		}
		_ = t.Flush()
		if len(out) == 0 {
			_, _ = fmt.Fprintln(w, "Nothing waits.")
		}
	})
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (a *app) proposalShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show what a proposal changes, line by line", Args: args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withProposals(cmd.Context(), func(p *wiring.Proposals, store *postgres.Store) error {
				return a.showProposal(cmd.Context(), p, store, given[0])
			})
		},
	}
}

// found is the proposal of an id, or of the beginning of one that no other has.
func found(ctx context.Context, p *wiring.Proposals, id string) (string, error) {
	all, err := p.List(ctx, false)
	if err != nil {
		return "", err
	}
	var hits []string
	for _, x := range all {
		if len(id) >= 4 && strings.HasPrefix(x.ID, strings.ToLower(id)) {
			hits = append(hits, x.ID)
		}
	}
	if len(hits) != 1 {
		return "", usagef("%d proposals begin with %q; duly proposal list --all shows them", len(hits), id)
	}
	return hits[0], nil
}

func (a *app) showProposal(ctx context.Context, p *wiring.Proposals, store *postgres.Store, id string) error {
	id, err := found(ctx, p, id)
	if err != nil {
		return err
	}
	one, files, err := p.Get(ctx, id)
	if err != nil {
		return err
	}
	_, before, err := p.Files(ctx, one.Base)
	if err != nil {
		return err
	}
	shown, err := a.shown(ctx, store, []proposal.Proposal{one})
	if err != nil {
		return err
	}
	return a.print(shown[0], func(w io.Writer) { printProposal(w, shown[0], before, files) })
}

func printProposal(w io.Writer, s shownProposal, before, after map[string][]byte) {
	_, _ = fmt.Fprintf(w, "Proposal %s, %s, by %s\n%s\n", s.ID, s.State, plain(s.Maker), plain(s.Reason))
	if s.End != nil && s.End.Words != "" {
		_, _ = fmt.Fprintf(w, "%s: %s\n", s.State, plain(s.End.Words))
	}
	for _, c := range s.Changes {
		_, _ = fmt.Fprintf(w, "\n%s (%s)\n", c.Path, c.What)
		for _, r := range proposal.Compare(string(before[c.Path]), string(after[c.Path])) {
			printRow(w, r)
		}
	}
}

func printRow(w io.Writer, r proposal.Row) {
	switch r.Kind {
	case "gap":
		_, _ = fmt.Fprintf(w, "  … %d lines that are the same\n", r.Skipped)
	case "same":
		_, _ = fmt.Fprintf(w, "  %s\n", r.Left.Shown())
	default:
		if r.Left.N > 0 {
			_, _ = fmt.Fprintf(w, "- %s\n", r.Left.Shown())
		}
		if r.Right.N > 0 {
			_, _ = fmt.Fprintf(w, "+ %s\n", r.Right.Shown())
		}
	}
}

// --- deciding ----------------------------------------------------------------------------

// decided is what a decision prints.
type decided struct {
	Proposal string `json:"proposal"`
	State    string `json:"state"`             // approved, rejected, withdrawn, open
	Release  string `json:"release,omitempty"` // that is in force now
	Anew     string `json:"anew,omitempty"`    // id of the proposal made anew
}

func (a *app) proposalEndCmd(verb, short, words string) *cobra.Command {
	var as, text string
	cmd := &cobra.Command{
		Use: verb + " ID --as NAME", Short: short, Args: args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withProposals(cmd.Context(), func(p *wiring.Proposals, store *postgres.Store) error {
				id, err := found(cmd.Context(), p, given[0])
				if err != nil {
					return err
				}
				who, err := a.as(cmd.Context(), store, as)
				if err != nil {
					return err
				}
				return a.endProposal(cmd.Context(), p, who, verb, id, text)
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "who you are: a user of the console")
	if words != "" {
		cmd.Flags().StringVar(&text, "words", "", words)
	}
	return cmd
}

func (a *app) endProposal(ctx context.Context, p *wiring.Proposals, who identity.Principal, verb, id, words string) (err error) {
	out := decided{Proposal: id}
	said := ""
	switch verb {
	case "approve":
		err = p.Approve(ctx, who, id, words)
		out.State, said = string(proposal.Approved), "Approved and in force."
	case "reject":
		err = p.Reject(ctx, who, id, words)
		out.State, said = string(proposal.Rejected), "Rejected. Its maker sees your words."
	case "withdraw":
		err = p.Withdraw(ctx, who, id, words)
		out.State, said = string(proposal.Withdrawn), "Withdrawn."
	default:
		var made proposal.Proposal
		made, err = p.Anew(ctx, who, id)
		out.State, out.Anew = "open", made.ID
		said = "Made anew as " + made.ID + ". Somebody else approves it."
	}
	if err != nil {
		return err
	}
	if out.Release, _, err = p.Store.CurrentVersion(ctx); err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) { _, _ = fmt.Fprintln(w, said) })
}

// --- requiring two people --------------------------------------------------------------------

func (a *app) proposalRequireCmd() *cobra.Command {
	var as, reason, by string
	cmd := &cobra.Command{
		Use: "require on|off", Short: "Require two people for every release, or no longer",
		Long: `on: from now on a release comes into force only when somebody approves what another proposed.
off: one person asks (--as), and another who may approve runs the same command and so agrees.
Both are recorded for ever.`,
		Args: args("on|off"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withProposals(cmd.Context(), func(p *wiring.Proposals, store *postgres.Store) error {
				switch given[0] {
				case "on":
					return a.requireOn(cmd.Context(), p, by, reason)
				case "off":
					return a.requireOff(cmd.Context(), p, store, as, reason)
				}
				return usagef("write on or off, not %q", given[0])
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "who you are: a user of the console; needed for off")
	cmd.Flags().StringVar(&by, "by", a.env.Getenv("USER"), "who switches it on, for the record")
	cmd.Flags().StringVar(&reason, "reason", "", "why; required")
	return cmd
}

// required is what changing the requirement prints.
type required struct {
	FourEyes string `json:"four_eyes"` // on, asked, off
}

func (a *app) requireOn(ctx context.Context, p *wiring.Proposals, by, reason string) error {
	if err := p.Require(ctx, "cli:"+strings.TrimSpace(by), reason); err != nil {
		return err
	}
	return a.print(required{"on"}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "Two people are needed from now on: duly apply DIR --as NAME proposes, somebody else approves.")
	})
}

func (a *app) requireOff(ctx context.Context, p *wiring.Proposals, store *postgres.Store, as, reason string) error {
	who, err := a.as(ctx, store, as)
	if err != nil {
		return err
	}
	off, err := p.Release(ctx, who, reason)
	if err != nil {
		return err
	}
	if off {
		return a.print(required{"off"}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "Two people are no longer needed.") })
	}
	return a.print(required{"asked"}, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "You asked. Two people are needed until somebody else who may approve agrees: duly proposal require off --as NAME.")
	})
}
