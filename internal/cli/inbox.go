package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// inboxFlags select events of the inbox.
type inboxFlags struct {
	source, state string
	before        int64
	limit         int
}

func (f inboxFlags) filter() (postgres.InboxFilter, error) {
	state := postgres.InboxState(f.state)
	switch state {
	case "", postgres.InboxPending, postgres.InboxDone, postgres.InboxUnmatched, postgres.InboxFailed:
	default:
		return postgres.InboxFilter{}, usagef("--state is pending, done, unmatched or failed, not %q", f.state)
	}
	if f.limit < 0 || f.limit > 10000 {
		return postgres.InboxFilter{}, usagef("--limit is 1 to 10000")
	}
	return postgres.InboxFilter{Source: f.source, State: state, Before: f.before, Limit: f.limit}, nil
}

// inboxCmd shows what webhooks brought, and has it processed again.
func (a *app) inboxCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "What webhooks brought: delivery reports, replies, payments; and what could not be matched",
		Long: `Every webhook whose signature is right is kept, each event in it once. An event is pending, done, unmatched (it is
about nobody whom we know) or failed. Unmatched and failed events wait for a person, who may have them processed again
once the cause is mended: an event that is processed twice changes nothing.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.inboxListCmd(), a.inboxShowCmd(), a.inboxAssignCmd(), a.inboxUndoCmd(), a.inboxReplayCmd())
	return cmd
}

func (a *app) inboxListCmd() *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List events, the newest first, without what was said in them",
		Example: "  duly inbox list --state unmatched",
		Args:    args(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.inboxList(cmd.Context(), f) },
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.limit, "limit", 100, "at most so many")
	cmd.Flags().Int64Var(&f.before, "before", 0, "only events with a lower id: the next page")
	return cmd
}

func (f *inboxFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.source, "source", "", "only twilio_status, twilio_inbound, sendgrid_events, sendgrid_inbound or payments")
	cmd.Flags().StringVar(&f.state, "state", "", "only pending, done, unmatched or failed")
}

// inboxEvent is an event as it is printed.
type inboxEvent struct {
	ID        int64     `json:"id"`
	Source    string    `json:"source"`
	Event     string    `json:"event"`
	Kind      string    `json:"kind,omitempty"`
	Received  time.Time `json:"received"`
	State     string    `json:"state"`
	Outcome   string    `json:"outcome,omitempty"`
	Error     string    `json:"error,omitempty"`
	Attempts  int       `json:"attempts"`
	Processed time.Time `json:"processed,omitzero"`
	Contact   string    `json:"contact,omitempty"`
	Debtors   []string  `json:"debtors,omitempty"`
}

func (a *app) inboxList(ctx context.Context, f inboxFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		rows, err := store.Inbox(ctx, filter)
		if err != nil {
			return err
		}
		out := make([]inboxEvent, len(rows))
		for i, r := range rows {
			out[i] = inboxEvent{
				r.ID, r.Source, r.Event, r.Kind, r.Received, string(r.State), r.Outcome, r.ErrorCode, r.Attempts, r.Processed, r.Contact, r.Debtors,
			}
		}
		return a.print(map[string]any{"events": out}, func(w io.Writer) { printInbox(w, out) })
	})
}

func printInbox(w io.Writer, events []inboxEvent) {
	if len(events) == 0 {
		_, _ = fmt.Fprintln(w, "No such events.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tRECEIVED\tSOURCE\tKIND\tSTATE\tOUTCOME\tERROR\tTRIES")
	for _, e := range events {
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", e.ID, e.Received.Format(time.RFC3339), e.Source, e.Kind, e.State, e.Outcome, e.Error, e.Attempts)
	}
	_ = t.Flush()
}

func (a *app) inboxReplayCmd() *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use: "replay [EVENT...]", Short: "Process events again, from the raw requests",
		Example: `  duly inbox replay 17 18
  duly inbox replay --state unmatched`,
		RunE: func(cmd *cobra.Command, given []string) error { return a.inboxReplay(cmd.Context(), given, f) },
	}
	f.add(cmd)
	return cmd
}

func (a *app) inboxReplay(ctx context.Context, given []string, f inboxFlags) error {
	filter, err := f.filter()
	if err != nil {
		return err
	}
	ids := make([]int64, len(given))
	for i, text := range given {
		if ids[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return usagef("%q is no event: take the ID of duly inbox list", text)
		}
	}
	if len(ids) == 0 && filter.Source == "" && filter.State == "" {
		return usagef("name events, --source or --state; see duly inbox replay --help")
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		n, err := store.ReplayInbox(ctx, filter, ids...)
		if err != nil {
			return err
		}
		if err := a.workInbox(ctx, store); err != nil {
			return err
		}
		return a.print(map[string]any{"replayed": n}, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "%d events were processed again; see duly inbox list.\n", n)
			if left := len(ids) - int(n); left > 0 {
				_, _ = fmt.Fprintf(w, "%d of those named do not exist, or a person has assigned them.\n", left)
			}
		})
	})
}

// workInbox processes what is pending and due, so that a replay does not depend on a server
// that runs. A server that does may take some of it: that comes to the same.
func (a *app) workInbox(ctx context.Context, store *postgres.Store) error {
	c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
	if err != nil {
		return err
	}
	server, err := wiring.NewWebhooks(a.env.Getenv, wiring.WebhookDeps{Store: store, Book: bookOf(store), Clock: c})
	if err != nil {
		return err
	}
	for {
		if n, err := server.Work(ctx); n == 0 || err != nil {
			return err
		}
	}
}
