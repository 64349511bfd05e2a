package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/postgres/sqlgen"
)

// together sends the statements that f runs in one round trip and waits for all of
// them; the error is that of the first that failed. f can only run statements that
// answer nothing: they have not run yet when its calls return.
func (tx *Tx) together(ctx context.Context, f func(q *sqlgen.Queries) error) error {
	var q queue
	if err := f(sqlgen.New(&q)); err != nil {
		return err
	}
	if q.batch.Len() == 0 {
		return nil
	}
	return tx.tx.SendBatch(ctx, &q.batch).Close()
}

// queue collects statements.
type queue struct{ batch pgx.Batch }

// Exec queues a statement.
func (q *queue) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

var errNoAnswer = errors.New("a statement that answers something cannot be queued")

// Query is refused.
func (q *queue) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errNoAnswer }

// QueryRow is refused.
func (q *queue) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

// Scan implements pgx.Row.
func (noRow) Scan(...any) error { return errNoAnswer }
