package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// assignFlags say whom an event belongs to.
type assignFlags struct {
	account, caseID, item, foreign, by string
}

// inboxShowCmd shows one event with whom it may belong to.
func (a *app) inboxShowCmd() *cobra.Command {
	var find, by string
	cmd := &cobra.Command{
		Use: "show EVENT", Short: "Show what an event says and whom it may belong to; the look is recorded",
		Example: "  duly inbox show 17\n  duly inbox show 17 --find 'Smith'",
		Args:    args("EVENT"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withDesk(cmd.Context(), given[0], by, func(ctx context.Context, d *wiring.Desk, who identity.Principal, id int64) error {
				e, err := d.Event(ctx, who, id, find)
				if err != nil {
					return err
				}
				return a.print(e, func(w io.Writer) { printEvent(w, e) })
			})
		},
	}
	cmd.Flags().StringVar(&find, "find", "", "look for accounts by name, number, invoice or amount")
	cmd.Flags().StringVar(&by, "by", "cli:operator", "who asks")
	return cmd
}

// inboxAssignCmd assigns one event.
func (a *app) inboxAssignCmd() *cobra.Command {
	var f assignFlags
	cmd := &cobra.Command{
		Use: "assign EVENT", Short: "Say whom an event belongs to: a payment is booked there, a reply is read as theirs",
		Long: `A payment is booked at the account, a reply is read as that debtor's; --foreign says with words that it is not ours.
It is undone with duly inbox undo: a payment is reversed then. When somebody else has assigned the event, that is said and nothing is changed.`,
		Example: "  duly inbox assign 17 --account 8a6f…\n  duly inbox assign 17 --foreign 'a payment for the neighbours'",
		Args:    args("EVENT"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withDesk(cmd.Context(), given[0], f.by, func(ctx context.Context, d *wiring.Desk, who identity.Principal, id int64) error {
				got, err := d.Assign(ctx, who, read.Assign{Event: id, Account: f.account, Case: f.caseID, Item: f.item, Foreign: f.foreign != "", Reason: f.foreign})
				if err != nil {
					return err
				}
				return a.print(got, func(w io.Writer) {
					_, _ = fmt.Fprintf(w, "Assigned as %s. Undo it with: duly inbox undo %s --reason WHY\n", got.Kind, got.ID)
				})
			})
		},
	}
	cmd.Flags().StringVar(&f.account, "account", "", "id of the account")
	cmd.Flags().StringVar(&f.caseID, "case", "", "or id of a case: its account")
	cmd.Flags().StringVar(&f.item, "item", "", "key of the invoice that a payment is for (default: as the payment says, else the oldest first)")
	cmd.Flags().StringVar(&f.foreign, "foreign", "", "it is not ours, and why")
	cmd.Flags().StringVar(&f.by, "by", "cli:operator", "who assigns")
	return cmd
}

// inboxUndoCmd takes an assignment back.
func (a *app) inboxUndoCmd() *cobra.Command {
	var reason, by string
	cmd := &cobra.Command{
		Use: "undo ASSIGNMENT", Short: "Take an assignment back: a payment is reversed, and the event waits again",
		Args: args("ASSIGNMENT"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.atDesk(cmd.Context(), by, func(ctx context.Context, d *wiring.Desk, who identity.Principal) error {
				got, err := d.Unassign(ctx, who, given[0], reason)
				if err != nil {
					return err
				}
				return a.print(got, func(w io.Writer) {
					_, _ = fmt.Fprintf(w, "Taken back. Event %d waits in the inbox again.\n", got.Event)
				})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it is wrong")
	cmd.Flags().StringVar(&by, "by", "cli:operator", "who takes it back")
	return cmd
}

// atDesk works as an operator of this machine. What a person can mend is bad input.
func (a *app) atDesk(ctx context.Context, by string, f func(context.Context, *wiring.Desk, identity.Principal) error) error {
	return a.withStore(ctx, func(store *postgres.Store) error {
		if err := wiring.UseDataKeys(store, a.env.Getenv); err != nil {
			return err
		}
		c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
		if err != nil {
			return err
		}
		err = f(ctx, wiring.NewDesk(store, bookOf(store), c, nil), wiring.Operator(person(by)))
		if e := web.AsError(err); err != nil && e.Status < 500 {
			if errors.Is(err, postgres.ErrNotFound) {
				return usagef("the event, account, case or assignment does not exist; duly inbox list shows the events")
			}
			return usagef("%s", e.Detail)
		}
		return err
	})
}

// withDesk is atDesk about one event; a look at it is in the audit.
func (a *app) withDesk(ctx context.Context, event, by string, f func(context.Context, *wiring.Desk, identity.Principal, int64) error) error {
	id, err := strconv.ParseInt(event, 10, 64)
	if err != nil {
		return usagef("%q is no event: take the ID of duly inbox list", event)
	}
	return a.atDesk(ctx, by, func(ctx context.Context, d *wiring.Desk, who identity.Principal) error {
		if err := d.Looked(ctx, who, "view.inbox_event", event); err != nil {
			return err
		}
		return f(ctx, d, who, id)
	})
}

func printEvent(w io.Writer, e read.InboxDetail) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("Event %d from %s, received %s: %s %s", e.ID, e.Source, e.Received.Format(time.RFC3339), e.State, e.Outcome)
	if e.Unreadable != "" {
		p("%s", e.Unreadable)
	}
	if x := e.Payment; x != nil {
		p("Payment %s of %s for customer %q, invoice %q, creditor %s", x.ID, web.Money(x.Amount), x.Account, x.Invoice, x.Creditor)
	}
	if x := e.Reply; x != nil {
		p("Message by %s from %s: %s", x.Channel, x.From, x.Text)
	}
	if e.Assigned != nil {
		p("Assigned by %s as %s (%s).", e.Assigned.By, e.Assigned.Kind, e.Assigned.ID)
	}
	if len(e.Suggested) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ACCOUNT\tCUSTOMER\tNAME\tOPEN\tWHY")
	for _, s := range e.Suggested {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Account, s.DebtorKey, s.Name, web.Money(s.Open), strings.Join(s.Reasons, "; "))
	}
	_ = t.Flush()
}
