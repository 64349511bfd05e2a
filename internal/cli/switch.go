package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// switchFlags are what turning a switch needs.
type switchFlags struct {
	reason, by, until string
	hours             time.Duration
}

// switchCmd stops sending, and lets it go on.
func (a *app) switchCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "switch",
		Short: "Stop sending at once, and let it go on",
		Long: `A switch stops all messages of its scope from the moment the command returns: what is decided, drafted or
waiting to leave waits, and is decided again when the switch is lifted or ends. Calls and tasks of people go on.

SCOPE is global, creditor, channel (email, sms, letter), sequence or template; all but global name what is stopped.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.switchOnCmd(), a.switchOffCmd(), a.switchListCmd())
	return cmd
}

func (a *app) switchOnCmd() *cobra.Command {
	var f switchFlags
	cmd := &cobra.Command{
		Use: "on SCOPE [ID]", Short: "Stop sending for a scope",
		Example: `  duly switch on channel sms --reason "wrong amounts in nudge" --by ada --for 4h
  duly switch on global --reason "payment feed is a day old" --by ada --until 2026-12-01T08:00:00Z`,
		Args: switchArgs,
		RunE: func(cmd *cobra.Command, given []string) error { return a.switchOn(cmd.Context(), given, f) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.until, "until", "", "when it ends by itself, such as 2026-12-01T08:00:00Z (business time)")
	cmd.Flags().DurationVar(&f.hours, "for", 0, "how long it lasts, such as 4h; without --for and --until, until it is lifted")
	return cmd
}

func (a *app) switchOffCmd() *cobra.Command {
	var f switchFlags
	cmd := &cobra.Command{
		Use: "off SCOPE [ID]", Short: "Lift a switch: what waited is decided again",
		Args: switchArgs,
		RunE: func(cmd *cobra.Command, given []string) error { return a.switchOff(cmd.Context(), given, f) },
	}
	f.add(cmd)
	return cmd
}

func (f *switchFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for whoever finds it (required)")
	cmd.Flags().StringVar(&f.by, "by", "", "who says so (required)")
}

func switchArgs(cmd *cobra.Command, given []string) error {
	if len(given) == 1 || len(given) == 2 {
		return nil
	}
	return usagef("%s needs a scope and, unless it is global, an id; see %s --help", cmd.CommandPath(), cmd.CommandPath())
}

func switchNamed(given []string) dunning.Switch {
	s := dunning.Switch{Scope: dunning.SwitchScope(given[0])}
	if len(given) > 1 {
		s.Subject = given[1]
	}
	return s
}

func (f switchFlags) check() error {
	if strings.TrimSpace(f.reason) == "" || strings.TrimSpace(f.by) == "" {
		return usagef("say why and who: --reason TEXT --by NAME")
	}
	return nil
}

// end is when the switch ends; zero: until it is lifted.
func (f switchFlags) end(at time.Time) (time.Time, error) {
	switch {
	case f.until != "" && f.hours != 0:
		return time.Time{}, usagef("--for and --until say the same thing: keep one of them")
	case f.hours < 0:
		return time.Time{}, usagef("--for must be longer than nothing")
	case f.hours > 0:
		return at.Add(f.hours), nil
	case f.until == "":
		return time.Time{}, nil
	}
	end, err := time.Parse(time.RFC3339, f.until)
	if err != nil {
		return time.Time{}, usagef("--until %q is no instant; write it as 2026-12-01T08:00:00Z", f.until)
	}
	return end, nil
}

func (a *app) switchOn(ctx context.Context, given []string, f switchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		s := postgres.Switch{Switch: switchNamed(given), Reason: f.reason, By: person(f.by), On: at}
		if s.Until, err = f.end(at); err != nil {
			return err
		}
		if err := a.subjectExists(ctx, store, s.Switch); err != nil {
			return err
		}
		if s, err = store.SwitchOn(ctx, s); err != nil {
			return mistaken(err)
		}
		return a.print(shownSwitch(s, at), func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "Nothing leaves any more for %s, from %s%s. What is due waits; calls and tasks of people go on.\n", scopeOf(s.Switch), stamp(s.On), untilOf(s))
		})
	})
}

// subjectExists refuses a misspelt id: a switch for it would stop nothing.
func (a *app) subjectExists(ctx context.Context, store *postgres.Store, s dunning.Switch) error {
	if err := s.Check(); err != nil {
		return mistaken(err)
	}
	cfg, err := a.configOf(ctx, store)
	if err != nil {
		return err
	}
	ok := true
	switch s.Scope {
	case dunning.SwitchCreditor:
		_, ok = cfg.Creditor(s.Subject)
	case dunning.SwitchSequence:
		ok = cfg.Sequence(s.Subject) != nil
	case dunning.SwitchTemplate:
		ok = slices.ContainsFunc(cfg.Templates(), func(t config.TemplateInfo) bool { return t.Name == s.Subject })
	}
	if !ok {
		return usagef("there is no %s %q in the configuration", s.Scope, s.Subject)
	}
	return nil
}

func (a *app) switchOff(ctx context.Context, given []string, f switchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		s := switchNamed(given)
		if err := s.Check(); err != nil {
			return mistaken(err)
		}
		before, err := store.Switches(ctx)
		if err != nil {
			return err
		}
		if err := store.SwitchOff(ctx, s, at, person(f.by), f.reason); err != nil {
			return mistaken(elsewhere(err, s, before, at))
		}
		out := liftedOf(s, before, at)
		return a.print(out, out.print)
	})
}

// lifted is a switch that was turned off, and what still stops messages.
type lifted struct {
	Scope   dunning.SwitchScope `json:"scope"`
	Subject string              `json:"subject,omitempty"`
	On      time.Time           `json:"on,omitzero"`
	By      string              `json:"by,omitempty"`
	Reason  string              `json:"reason,omitempty"`
	Off     time.Time           `json:"off"`
	Still   []switchShown       `json:"still"` // the others that are on
}

// liftedOf finds what was lifted among the switches that were on before.
func liftedOf(s dunning.Switch, before []postgres.Switch, at time.Time) lifted {
	out := lifted{Scope: s.Scope, Subject: s.Subject, Off: at, Still: []switchShown{}}
	for _, b := range before {
		switch {
		case b.Scope == s.Scope && b.Subject == s.Subject:
			out.On, out.By, out.Reason = b.On, b.By, b.Reason
		case b.InForce(at):
			out.Still = append(out.Still, shownSwitch(b, at))
		}
	}
	return out
}

// print says what was off since when, and what happens now.
func (l lifted) print(w io.Writer) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("The switch for %s is off since %s. It was on since %s, by %s: %s", scopeOf(dunning.Switch{Scope: l.Scope, Subject: l.Subject}), stamp(l.Off), stamp(l.On), plain(l.By), plain(l.Reason))
	line("What waited for it is decided again now, with the facts of now: it leaves only where law, consent and house rules allow it.")
	if len(l.Still) == 0 {
		line("Nothing else is switched off.")
		return
	}
	line("Other switches still keep messages back:")
	printSwitches(w, l.Still)
}

// elsewhere says which switches are on, when somebody lifts one that is not.
func elsewhere(err error, s dunning.Switch, on []postgres.Switch, at time.Time) error {
	if !errors.Is(err, postgres.ErrNotOn) {
		return err
	}
	var names []string
	for _, o := range on {
		if o.InForce(at) {
			names = append(names, scopeOf(o.Switch))
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: %w; nothing is switched off", scopeOf(s), postgres.ErrNotOn)
	}
	return fmt.Errorf("%s: %w; switched off are: %s", scopeOf(s), postgres.ErrNotOn, strings.Join(names, ", "))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// scopeOf names what a switch stops.
func scopeOf(s dunning.Switch) string {
	if s.Scope == dunning.SwitchGlobal {
		return "anybody (global)"
	}
	return string(s.Scope) + subjectOf(s)
}

// untilOf says when a switch ends by itself.
func untilOf(s postgres.Switch) string {
	if s.Until.IsZero() {
		return ", until it is lifted"
	}
	return ", until " + stamp(s.Until)
}

// mistaken marks what the caller can mend.
func mistaken(err error) error {
	if errors.Is(err, dunning.ErrInvalid) || errors.Is(err, postgres.ErrNotOn) {
		return usageError{err}
	}
	return err
}

// person is who gave a command, as facts and audit rows name people.
func person(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return "user:" + strings.TrimSpace(name)
}

func subjectOf(s dunning.Switch) string {
	if s.Subject == "" {
		return ""
	}
	return " " + s.Subject
}

// switchShown is a switch as it is printed.
type switchShown struct {
	Scope     dunning.SwitchScope `json:"scope"`
	Subject   string              `json:"subject,omitempty"`
	State     string              `json:"state"` // on, expired, off
	Reason    string              `json:"reason"`
	By        string              `json:"by"`
	On        time.Time           `json:"on"`
	Until     time.Time           `json:"until,omitzero"`
	Off       time.Time           `json:"off,omitzero"`
	OffBy     string              `json:"off_by,omitempty"`
	OffReason string              `json:"off_reason,omitempty"`
}

func shownSwitch(s postgres.Switch, at time.Time) switchShown {
	out := switchShown{s.Scope, s.Subject, "on", s.Reason, s.By, s.On, s.Until, s.Off, s.OffBy, s.OffReason}
	switch {
	case !s.Off.IsZero():
		out.State = "off"
	case !s.InForce(at):
		out.State = "expired"
	}
	return out
}

func (a *app) switchListCmd() *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use: "list", Short: "List what is switched off now, or with --all what ever was", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.switchList(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what was lifted or has ended, the newest first")
	return cmd
}

// switchesShown bounds how many switches of the past are listed.
const switchesShown = 1000

func (a *app) switchList(ctx context.Context, all bool) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		at, err := now(ctx, store)
		if err != nil {
			return err
		}
		list, err := store.Switches(ctx)
		if all {
			list, err = store.SwitchHistory(ctx, switchesShown)
		}
		if err != nil {
			return err
		}
		shown := []switchShown{}
		for _, s := range list {
			if v := shownSwitch(s, at); all || v.State == "on" {
				shown = append(shown, v)
			}
		}
		return a.print(map[string]any{"at": at, "switches": shown}, func(w io.Writer) { printSwitches(w, shown) })
	})
}

func printSwitches(w io.Writer, list []switchShown) {
	if len(list) == 0 {
		_, _ = fmt.Fprintln(w, "Nothing is switched off.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SCOPE\tID\tSTATE\tSINCE\tUNTIL\tBY\tREASON")
	for _, s := range list {
		until := "it is lifted"
		if !s.Until.IsZero() {
			until = s.Until.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Scope, plain(s.Subject), s.State, s.On.UTC().Format(time.RFC3339), until, plain(s.By), plain(s.Reason))
	}
	_ = t.Flush()
}
