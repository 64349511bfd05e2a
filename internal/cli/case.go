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
	"unicode"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// caseFlags are what all commands about a case share.
type caseFlags struct{ creditor string }

// caseCmd shows a case; its subcommands enter what people do.
func (a *app) caseCmd() *cobra.Command {
	var f caseFlags
	cmd := &cobra.Command{
		Use: "case CASE", SuggestFor: []string{"why", "cases", "status", "timeline"},
		Short: "Show a case and its whole story, or enter what people do",
		Long: `CASE is the id of a case, or a customer number: then its open case, else its latest one.

Without a subcommand: what the case waits for, its open tasks, and its story, oldest first, facts and decisions.
The subcommands enter what people do; each is a fact like any other and wakes the case.`,
		Args: args("CASE"),
		RunE: func(cmd *cobra.Command, given []string) error { return a.showCase(cmd.Context(), given[0], f) },
	}
	cmd.PersistentFlags().StringVar(&f.creditor, "creditor", "", "id of the creditor, where several use the customer number")
	cmd.AddCommand(a.whyCmd(&f), a.caseMigrateCmd(&f))
	for _, verb := range verbs {
		cmd.AddCommand(a.verbCmd(verb, &f))
	}
	return cmd
}

// findCase turns an id or a customer number into the id of a case.
func findCase(ctx context.Context, store *postgres.Store, name, creditor string) (string, error) {
	if _, err := uuid.Parse(name); err == nil {
		return name, nil
	}
	ids, err := store.FindCases(ctx, creditor, name)
	if err != nil {
		return "", err
	}
	switch {
	case len(ids) == 0:
		return "", usagef("there is no case of the customer number %q; name the id of a case, or open cases with the starter", name)
	case len(ids) == 1:
		return ids[0], nil
	}
	return onlyOpen(ctx, store, name, ids)
}

// onlyOpen picks the one open case, or the latest when none is open.
func onlyOpen(ctx context.Context, store *postgres.Store, name string, ids []string) (string, error) {
	var open []string
	for _, id := range ids {
		ref, err := store.CaseRef(ctx, id)
		if err != nil {
			return "", err
		}
		if ref.Open {
			open = append(open, id)
		}
	}
	if len(open) > 1 {
		return "", usagef("%q has %d open cases (%s); name one of them, or the creditor", name, len(open), strings.Join(open, ", "))
	}
	return ids[0], nil
}

// shown is a case as it is printed.
type shown struct {
	Case     string    `json:"case"`
	Creditor string    `json:"creditor"`
	Account  string    `json:"account"`
	Debtor   string    `json:"debtor"`
	Currency string    `json:"currency"`
	Sequence string    `json:"sequence"`
	Version  string    `json:"sequence_version"`
	Open     bool      `json:"open"`
	Opened   time.Time `json:"opened,omitzero"`
	Closed   time.Time `json:"closed,omitzero"`
	Reason   string    `json:"close_reason,omitempty"`
	Phase    string    `json:"phase"`
	Waiting  string    `json:"waiting,omitempty"`
	NextVerb string    `json:"next_verb,omitempty"`
	NextStep string    `json:"next_step,omitempty"`
	NextAt   time.Time `json:"next_at,omitzero"`
	Tasks    []task    `json:"tasks"`
	Story    []line    `json:"story"`
}

type task struct {
	ID     string    `json:"id"`
	Kind   string    `json:"kind"`
	Queue  string    `json:"queue,omitempty"`
	Step   string    `json:"step,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Due    time.Time `json:"due,omitzero"`
}

func (a *app) showCase(ctx context.Context, name string, f caseFlags) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		id, err := findCase(ctx, store, name, f.creditor)
		if err != nil {
			return err
		}
		s, err := loadCase(ctx, store, id)
		if err != nil {
			return err
		}
		zone := a.zoneOf(ctx, store, s.Creditor)
		return a.print(s, func(w io.Writer) { printCase(w, s, zone) })
	})
}

func loadCase(ctx context.Context, store *postgres.Store, id string) (shown, error) {
	c, err := store.CaseState(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		return shown{}, usagef("there is no case %s", id)
	}
	if err != nil {
		return shown{}, err
	}
	s := shown{
		Case: c.Case, Creditor: c.Creditor, Account: c.AccountKey, Debtor: c.DebtorKey, Currency: c.Currency, Sequence: c.Sequence, Version: c.Version,
		Open: c.Open, Opened: c.OpenedAt, Closed: c.ClosedAt, Reason: c.CloseReason,
		Phase: c.Phase, Waiting: c.Waiting, NextVerb: string(c.NextVerb), NextStep: c.NextStep, NextAt: c.NextAt,
		Tasks: []task{}, Story: []line{},
	}
	tasks, err := store.OpenTasks(ctx, "", id, 100)
	if err != nil {
		return s, err
	}
	for _, t := range tasks {
		s.Tasks = append(s.Tasks, task{t.ID, string(t.Kind), t.Queue, t.Step, t.Reason, t.Due})
	}
	entries, err := store.Timeline(ctx, id)
	for _, e := range entries {
		s.Story = append(s.Story, lineOf(e))
	}
	return s, err
}

// zoneOf is the creditor's zone, in which people read times; UTC where none is configured.
func (a *app) zoneOf(ctx context.Context, store *postgres.Store, creditor string) *time.Location {
	cfg, err := a.configOf(ctx, store)
	if err != nil {
		return time.UTC
	}
	c, _ := cfg.Creditor(creditor)
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

func printCase(w io.Writer, s shown, zone *time.Location) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("Case %s", s.Case)
	p("%s, account %s in %s, sequence %s (version %s)", s.Creditor, s.Account, s.Currency, s.Sequence, s.Version)
	if !s.Open {
		p("Closed %s: %s", local(s.Closed, zone), s.Reason)
	} else {
		p("Open since %s, %s", local(s.Opened, zone), nextOf(s, zone))
	}
	for _, t := range s.Tasks {
		p("Task %s: %s", t.ID, spaced(t.Kind, t.Queue, t.Step, t.Reason))
	}
	p("Times are those of %s, where the creditor is; with a Z they are UTC.", zone)
	p("")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range s.Story {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", local(l.At, zone), l.Kind, plain(l.By), plain(l.Text))
	}
	_ = t.Flush()
}

// plain keeps what debtors and files wrote from moving the cursor or the columns.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

func nextOf(s shown, zone *time.Location) string {
	waits := s.Phase
	if s.Waiting != "" {
		waits = "waits for: " + s.Waiting
	}
	if s.NextAt.IsZero() {
		return waits + "; only a fact or a person moves it"
	}
	return fmt.Sprintf("%s; next %s at %s", waits, spaced(s.NextVerb, s.NextStep), local(s.NextAt, zone))
}

// spaced are the words that there are.
func spaced(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " ")
}

func local(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

// bookOf reads the published configuration.
func bookOf(store *postgres.Store) *wiring.Book { return wiring.NewBook(store, clock.Wall) }
