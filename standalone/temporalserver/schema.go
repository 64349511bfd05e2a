package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"

	"github.com/duly/duly/internal/pgserver"
)

// schemas that the server module carries, by the database that takes them.
var schemas = []struct{ db, name string }{
	{mainDB, "postgresql/v12/temporal"},
	{visibilityDB, "postgresql/v12/visibility"},
}

// migrateLock keeps two processes on one Postgres from migrating at once.
const migrateLock = 0x64756c79 // "duly"

// migrate makes the databases and brings both schemas to the version of the server
// linked in. It is repeated until it works or ctx ends: a Postgres that has just
// been started may still be recovering.
func migrate(ctx context.Context, dsn string) error {
	return retry(ctx, func() error { return migrateOnce(ctx, dsn) })
}

func migrateOnce(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connecting to the Postgres for Temporal: %w", noSecret(err))
	}
	defer conn.Close(context.WithoutCancel(ctx)) // drops the lock
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
		return fmt.Errorf("waiting for another migration of Temporal's databases: %w", err)
	}
	for _, s := range schemas {
		if err := pgserver.CreateDatabase(ctx, dsn, s.db); err != nil {
			return err
		}
		if err := applySchema(dsn, s.db, s.name); err != nil {
			return fmt.Errorf("migrating database %s to Temporal's schema %s: %w", s.db, s.name, err)
		}
	}
	return nil
}

// applySchema runs the same two tasks as temporal-sql-tool; both do nothing when
// the schema is up to date, and go on where an interrupted run stopped.
func applySchema(dsn, db, name string) error {
	cfg, err := sqlConfig(dsn, db, 1)
	if err != nil {
		return err
	}
	conn, err := sql.NewConnection(cfg, log.NewNoopLogger())
	if err != nil {
		return err
	}
	defer conn.Close()
	setup := &schema.SetupConfig{InitialVersion: "0.0"}
	if err := schema.NewSetupSchemaTask(conn, setup, log.NewNoopLogger()).Run(); err != nil {
		return err
	}
	update := &schema.UpdateConfig{DBName: db, SchemaName: name}
	return schema.NewUpdateSchemaTask(conn, update, log.NewNoopLogger()).Run()
}

// Drop removes Temporal's databases, with every workflow in them; the next Start
// makes them anew. No server may be running on them. Duly's facts are in its own
// database and remain: that its cases heal from there is what this is for.
func Drop(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connecting to drop Temporal's databases: %w", noSecret(err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range schemas {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{s.db}.Sanitize()+" WITH (FORCE)")
		if err != nil {
			return fmt.Errorf("dropping database %s: %w", s.db, err)
		}
	}
	return nil
}

// retry runs f until it works, and returns its last error when ctx ends.
func retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		t := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// noSecret keeps a database URL out of an error.
func noSecret(err error) error {
	if parse := (*pgconn.ParseConfigError)(nil); errors.As(err, &parse) {
		return errors.New("the database URL cannot be read")
	}
	return err
}
