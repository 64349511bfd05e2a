package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/duly/duly/internal/postgres/sqlgen"
)

// claimFor is how long a nudge that one relay has taken is left alone by others. A
// relay that dies with it costs no more than this.
const claimFor = 10 * time.Second

// Nudge tells cases to look again. It carries no facts: a row in the outbox, one per
// case until it is delivered, and a notification when the transaction commits.
// A nudged open case is pending at the instant of the debtor's latest facts until a
// decision has looked at them: append first, then nudge.
func (tx *Tx) Nudge(ctx context.Context, caseIDs ...string) error {
	if len(caseIDs) == 0 {
		return nil
	}
	ids := slices.Compact(slices.Sorted(slices.Values(caseIDs)))
	err := tx.together(ctx, func(q *sqlgen.Queries) error {
		if err := q.Nudge(ctx, ids); err != nil {
			return err
		}
		if err := q.MarkNudged(ctx, ids); err != nil {
			return err
		}
		return q.Notify(ctx, notice(ids))
	})
	if err != nil {
		return fmt.Errorf("nudging: %w", explain(err))
	}
	return nil
}

// notice is what listeners hear: the case, or nothing when there are many.
func notice(ids []string) string {
	if len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// Nudge is an undelivered "look again".
type Nudge struct {
	ID         int64
	Case       string
	Generation int64 // how many nudges it stands for
	Open       bool  // the case was open when the nudge was read
}

// Undelivered takes up to limit nudges that no relay has at present, oldest first.
// Each must be confirmed with Delivered; one that is not is given out again after
// ten seconds, to whoever asks.
func (s *Store) Undelivered(ctx context.Context, limit int) ([]Nudge, error) {
	rows, err := s.q.ClaimNudges(ctx, interval(claimFor), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("taking nudges from the outbox: %w", explain(err))
	}
	out := make([]Nudge, len(rows))
	for i, r := range rows {
		out[i] = Nudge{r.ID, r.CaseID, r.Generation, r.Open}
	}
	slices.SortFunc(out, func(a, b Nudge) int { return int(a.ID - b.ID) })
	return out, nil
}

// Delivered confirms nudges. One that took in another meanwhile stays undelivered
// and is announced again, because its signal may have been too early.
func (s *Store) Delivered(ctx context.Context, nudges []Nudge) error {
	if len(nudges) == 0 {
		return nil
	}
	ids, generations := make([]int64, len(nudges)), make([]int64, len(nudges))
	for i, n := range nudges {
		ids[i], generations[i] = n.ID, n.Generation
	}
	done, err := s.q.DeliverNudges(ctx, ids, generations)
	if err != nil {
		return fmt.Errorf("confirming nudges: %w", explain(err))
	}
	left := slices.DeleteFunc(ids, func(id int64) bool { return slices.Contains(done, id) })
	return s.release(ctx, left)
}

// release gives nudges back and announces them.
func (s *Store) release(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return retry(ctx, func() error {
		return explain(pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
			q := sqlgen.New(t)
			cases, err := q.ReleaseNudges(ctx, ids)
			if err != nil || len(cases) == 0 {
				return err
			}
			return q.Notify(ctx, notice(cases))
		}))
	})
}

// Stirred returns the open cases to which something has happened that no decision has
// looked at yet, in no order.
func (s *Store) Stirred(ctx context.Context) ([]string, error) {
	ids, err := s.q.Stirred(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for cases that wait to be looked at: %w", explain(err))
	}
	return ids, nil
}

// PruneNudges forgets nudges that were delivered before an instant (wall time) and
// returns how many. They are no evidence: facts and decisions are.
func (s *Store) PruneNudges(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.q.PruneNudges(ctx, before)
	return n, explain(err)
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}

// Pauses between two tries of Listen to reach the database.
const (
	listenAgain    = 100 * time.Millisecond
	listenAgainMax = 5 * time.Second
)

// Listen calls wake whenever nudges were committed, by any process, until ctx ends;
// it returns ctx's error. wake gets the case, or "" when there may be several or when
// notifications may have been missed: right after the connection is made, and made
// again. It must not block for long. Listen is a hurry-up only: the outbox is the
// truth, so also ask Undelivered from time to time.
func (s *Store) Listen(ctx context.Context, wake func(caseID string)) error {
	pause := listenAgain
	for {
		s.listenOnce(ctx, func(caseID string) {
			pause = listenAgain
			wake(caseID)
		})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, listenAgainMax)
		}
	}
}

// listenOnce listens on one connection, of its own, until that breaks or ctx ends.
// Why it broke does not matter to anybody: Listen connects again.
func (s *Store) listenOnce(ctx context.Context, wake func(string)) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN duly_nudge"); err != nil {
		return
	}
	wake("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		wake(n.Payload)
	}
}
