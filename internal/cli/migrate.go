package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/postgres"
)

// migrateCmd brings the database's schema forward, and makes what lists show of accounts
// that are older than the lists.
func (a *app) migrateCmd() *cobra.Command {
	var rebuild bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema to this version; safe to run at any time, also twice at once (migrate cases: move running cases)",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrate(cmd.Context(), rebuild) },
	}
	cmd.Flags().BoolVar(&rebuild, "rebuild", false, "make what lists show (standings, work) anew from every debtor's log")
	cmd.AddCommand(a.migrateCasesCmd())
	return cmd
}

// migrated is what migrate did.
type migrated struct {
	Schema  int64 `json:"schema"`
	Rebuilt int   `json:"rebuilt,omitempty"` // debtors
}

func (a *app) migrate(ctx context.Context, rebuild bool) error {
	dsn, err := a.dsn()
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, dsn); err != nil {
		return fmt.Errorf("the database of DATABASE_URL: %w", err)
	}
	m := migrated{Schema: postgres.LatestSchema()}
	if err := a.withStore(ctx, func(store *postgres.Store) error { return m.rebuild(ctx, store, rebuild) }); err != nil {
		return err
	}
	return a.print(m, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The schema is at version %d.\n", m.Schema)
		if m.Rebuilt > 0 {
			_, _ = fmt.Fprintf(w, "What lists show of %d debtors was made anew.\n", m.Rebuilt)
		}
	})
}

func (m *migrated) rebuild(ctx context.Context, store *postgres.Store, anyway bool) error {
	missing, err := store.ReadsMissing(ctx)
	if err != nil || !missing && !anyway {
		return err
	}
	m.Rebuilt, err = store.RebuildReads(ctx)
	return err
}
