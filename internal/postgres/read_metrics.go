package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// HookBacklog is what outgoing webhooks have still to be told, and what was given up.
type HookBacklog struct {
	Waiting int64     // deliveries to be made, at once or again
	Oldest  time.Time // when the event of the oldest of them was (wall time); zero: none
	GivenUp int64     // deliveries that nobody tries again, of webhooks in force
}

// HookBacklog counts the deliveries of webhooks in force. What has just happened and is not
// handed out to webhooks yet is not among them.
func (s *Store) HookBacklog(ctx context.Context) (HookBacklog, error) {
	return one(ctx, s, "deliveries to webhooks", `SELECT w.n, w.first,
 (SELECT count(*) FROM hook_deliveries d JOIN hooks h ON h.id = d.hook_id WHERE d.next_at IS NULL AND d.delivered_at IS NULL AND h.ended_at IS NULL)
 FROM (SELECT count(*) AS n, min(e.created_at) AS first FROM hook_deliveries d JOIN hooks h ON h.id = d.hook_id JOIN hook_events e ON e.seq = d.event
   WHERE d.next_at IS NOT NULL AND h.ended_at IS NULL) w`, nil, func(row pgx.CollectableRow) (b HookBacklog, err error) {
		var first *time.Time
		err = row.Scan(&b.Waiting, &first, &b.GivenUp)
		b.Oldest = value(first)
		return b, err
	})
}
