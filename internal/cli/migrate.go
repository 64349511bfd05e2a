package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/duly/duly/internal/postgres"
)

// migrateCmd brings the database's schema forward.
func (a *app) migrateCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema to this version; safe to run at any time, also twice at once",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.migrate(cmd.Context()) },
	}
}

func (a *app) migrate(ctx context.Context) error {
	dsn, err := a.dsn()
	if err != nil {
		return err
	}
	if err := postgres.Migrate(ctx, dsn); err != nil {
		return fmt.Errorf("the database of DATABASE_URL: %w", err)
	}
	version := postgres.LatestSchema()
	return a.print(map[string]int64{"schema": version}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The schema is at version %d.\n", version)
	})
}
