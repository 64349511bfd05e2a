package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/duly/duly/dunning"
	wiring "github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/letter"
	"github.com/duly/duly/internal/postgres"
)

// lettersCmd takes letters from the outbox to the post.
func (a *app) lettersCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "letters",
		Short: "Print the letters that wait, note that they were posted, note what came back",
		Long: `Letters lie in the database's outbox until a batch is closed. Closing decides each again: what was paid, disputed, held or is
refused meanwhile is called off and left out, and its step is decided anew. The rest becomes one PDF with an index and a manifest.
The letters are opened with the keys of DULY_DATA_KEY, else DULY_CODEC_KEYS.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.lettersBatchCmd(), a.lettersPrintCmd(), a.lettersConfirmCmd(), a.lettersReturnedCmd(), a.lettersListCmd())
	return cmd
}

// postOf wires the post over the database.
func (a *app) postOf(ctx context.Context, store *postgres.Store) (*wiring.Post, error) {
	c, err := clock.Open(ctx, store.Pool(), store.EarliestWork)
	if err != nil {
		return nil, err
	}
	form := letter.Form(a.env.Getenv("DULY_LETTER_FORM"))
	if !slices.Contains([]letter.Form{letter.ByLocale, letter.DIN5008B, letter.US10}, form) {
		return nil, usagef("DULY_LETTER_FORM: %q is unknown: want %s or %s, or leave it unset", form, letter.DIN5008B, letter.US10)
	}
	return &wiring.Post{Store: store, Commands: wiring.NewCommands(store, bookOf(store), c), Clock: c, Form: form}, nil
}

func (a *app) withPost(ctx context.Context, by string, job func(*wiring.Post) error) error {
	if strings.TrimSpace(by) == "" {
		return usagef("say who does it: --by NAME")
	}
	return a.withStore(ctx, func(store *postgres.Store) error {
		p, err := a.postOf(ctx, store)
		if err != nil {
			return err
		}
		// Letters leave by this process: of a restored database some may lie in the post already.
		if err := store.Watch(ctx, p.Clock); err != nil {
			return err
		}
		return lettersError(job(p))
	})
}

// lettersError words what the caller can mend.
func lettersError(err error) error {
	switch {
	case errors.Is(err, postgres.ErrNotFound), errors.Is(err, postgres.ErrNoCipher), errors.Is(err, dunning.ErrInvalid), errors.Is(err, dunning.ErrUnknown):
		return usageError{err}
	}
	return err
}

func (a *app) lettersBatchCmd() *cobra.Command {
	var o wiring.BatchOptions
	cmd := &cobra.Command{
		Use: "batch --out DIR --by NAME", Short: "Close a batch: decide every waiting letter again, and write the rest as one PDF",
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := directory(o.Dir); err != nil {
				return err
			}
			return a.withPost(cmd.Context(), o.By, func(p *wiring.Post) error {
				o.By = person(o.By)
				b, err := p.Close(cmd.Context(), o)
				if errors.Is(err, wiring.ErrNoLetters) {
					return a.print(b, func(w io.Writer) { _, _ = fmt.Fprintln(w, "No letter is waiting.") })
				}
				if err != nil {
					return err
				}
				return a.printBatch(b)
			})
		},
	}
	batchFlags(cmd, &o)
	cmd.Flags().StringVar(&o.Creditor, "creditor", "", "only letters of this creditor")
	return cmd
}

func batchFlags(cmd *cobra.Command, o *wiring.BatchOptions) {
	cmd.Flags().StringVar(&o.Dir, "out", "", "directory in which the batch's own directory is made (required)")
	cmd.Flags().StringVar(&o.By, "by", "", "who does it (required)")
	cmd.Flags().BoolVar(&o.Duplex, "duplex", false, "every letter begins on the front of a sheet")
}

func directory(dir string) error {
	if dir == "" {
		return usagef("say where to write it: --out DIR")
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return usagef("--out %s is no directory: make it first", dir)
	}
	return nil
}

func (a *app) lettersPrintCmd() *cobra.Command {
	var o wiring.BatchOptions
	cmd := &cobra.Command{
		Use: "print BATCH --out DIR --by NAME", Short: "Write a closed batch again, with those of its letters that still stand",
		Args: args("BATCH"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := directory(o.Dir); err != nil {
				return err
			}
			return a.withPost(cmd.Context(), o.By, func(p *wiring.Post) error {
				b, err := p.Print(cmd.Context(), given[0], o)
				if err != nil {
					return err
				}
				return a.printBatch(b)
			})
		},
	}
	batchFlags(cmd, &o)
	return cmd
}

func (a *app) printBatch(b wiring.Batch) error {
	return a.print(b, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Batch %s: %d letters on %d pages, %d left out, %d wait.\n", b.ID, b.Letters, b.Pages, len(b.LeftOut), len(b.Waiting))
		if b.Dir != "" {
			_, _ = fmt.Fprintf(w, "Written to %s. When it is posted: duly letters confirm %s --by NAME\n", b.Dir, b.ID)
		}
		for _, set := range []map[string]string{b.LeftOut, b.Waiting} {
			for _, c := range sortedKeys(set) {
				_, _ = fmt.Fprintf(w, "  not in it: %s (%s)\n", c, set[c])
			}
		}
		for _, c := range sortedKeys(b.Failed) {
			_, _ = fmt.Fprintf(w, "  nobody can tell whether it stands, so it is not printed: %s\n", plain(b.Failed[c]))
		}
		for _, at := range b.Unproved {
			_, _ = fmt.Fprintf(w, "  set otherwise than when it was put into the outbox: %s (compare before posting)\n", at)
		}
	})
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (a *app) lettersConfirmCmd() *cobra.Command {
	by := ""
	cmd := &cobra.Command{
		Use: "confirm BATCH --by NAME", Short: "Note that a batch was handed to the post",
		Args: args("BATCH"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withPost(cmd.Context(), by, func(p *wiring.Post) error {
				n, err := p.Confirm(cmd.Context(), given[0], person(by))
				if err != nil {
					return err
				}
				return a.print(map[string]any{"batch": given[0], "posted": n}, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%d letters are noted as posted.\n", n) })
			})
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who says so (required)")
	return cmd
}

func (a *app) lettersReturnedCmd() *cobra.Command {
	by := ""
	cmd := &cobra.Command{
		Use: "returned ATTEMPT --by NAME", Short: "Note that the post brought a letter back: its address is not used any more",
		Long: `ATTEMPT stands in the batch's index and manifest. Within 72 hours of the letter its step goes to the next channel; later the
address is just not used any more.`,
		Args: args("ATTEMPT"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return a.withPost(cmd.Context(), by, func(p *wiring.Post) error {
				if err := p.Returned(cmd.Context(), given[0], person(by)); err != nil {
					return err
				}
				return a.print(map[string]string{"returned": given[0]}, func(w io.Writer) { _, _ = fmt.Fprintln(w, "Noted; the address is not used any more.") })
			})
		},
	}
	cmd.Flags().StringVar(&by, "by", "", "who says so (required)")
	return cmd
}

// batchShown is a batch in a list.
type batchShown struct {
	ID       string    `json:"batch"`
	Creditor string    `json:"creditor,omitempty"`
	Closed   time.Time `json:"closed"`
	By       string    `json:"by"`
	Letters  int       `json:"letters"`
	LeftOut  int       `json:"left_out"`
	Pages    int       `json:"pages"`
	Posted   time.Time `json:"posted,omitzero"`
	PostedBy string    `json:"posted_by,omitempty"`
}

func (a *app) lettersListCmd() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the batches, the newest first, and how many letters wait", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(store *postgres.Store) error {
				list, err := store.LetterBatches(cmd.Context(), 200)
				if err != nil {
					return err
				}
				waiting, err := store.LettersWaiting(cmd.Context(), "", 100000)
				if err != nil {
					return err
				}
				shown := []batchShown{}
				for _, b := range list {
					shown = append(shown, batchShown{b.ID, b.Creditor, b.Closed, b.By, b.Printed, b.Left, b.Pages, b.Posted, b.PostedBy})
				}
				return a.print(map[string]any{"waiting": len(waiting), "batches": shown}, func(w io.Writer) { printBatches(w, shown, len(waiting)) })
			})
		},
	}
}

func printBatches(w io.Writer, list []batchShown, waiting int) {
	_, _ = fmt.Fprintf(w, "%d letters wait.\n", waiting)
	if len(list) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "BATCH\tCLOSED\tBY\tLETTERS\tLEFT OUT\tPAGES\tPOSTED")
	for _, b := range list {
		posted := "not confirmed"
		if !b.Posted.IsZero() {
			posted = b.Posted.UTC().Format(time.RFC3339) + " " + plain(b.PostedBy)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", b.ID, b.Closed.UTC().Format(time.RFC3339), plain(b.By), b.Letters, b.LeftOut, b.Pages, posted)
	}
	_ = t.Flush()
}
