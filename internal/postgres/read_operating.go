package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/read"
)

// sweptAfter is when an open case should have been woken by the sweeper.
const sweptAfter = 5 * time.Minute

// Operating says what operations want to know beside HealthNumbers, as of an instant of
// business time.
func (s *Store) Operating(ctx context.Context, scope read.Scope, now time.Time) (o read.Operating, err error) {
	c := &conds{ask: &ask{}}
	before := c.p(micros(now.Add(-sweptAfter)))
	c.within("c.creditor_id", scope)
	sql := "SELECT (SELECT count(*) FROM cases c WHERE c.status = 'open' AND (c.next_at < " + before + "::timestamptz OR c.pending_at < " + before + "::timestamptz)" + c.and() + `),
 (SELECT count(*) FROM inbox i WHERE i.state IN ('unmatched', 'failed'))`
	o, err = one(ctx, s, "late cases", sql, c.args, func(row pgx.CollectableRow) (o read.Operating, err error) {
		return o, row.Scan(&o.Late, &o.Inbox)
	})
	if err != nil {
		return o, err
	}
	for _, fill := range []func(context.Context, *read.Operating) error{
		func(ctx context.Context, o *read.Operating) (err error) {
			o.Channels, err = s.channelRates(ctx, scope, now)
			return err
		}, s.paused, s.processes, s.database,
	} {
		if err := fill(ctx, &o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// channelRates count attempts by how they ended, in the last quarter of an hour.
func (s *Store) channelRates(ctx context.Context, scope read.Scope, now time.Time) ([]read.ChannelRate, error) {
	c := &conds{ask: &ask{}}
	c.between("a.at", now.Add(-read.RateWindow), now.Add(time.Microsecond))
	c.within("c.creditor_id", scope)
	return rows(ctx, s, "rates of channels", `SELECT c.channel, count(*) FILTER (WHERE a.state = 'accepted'),
 count(*) FILTER (WHERE a.state IN ('failed', 'bounced')), count(*) FILTER (WHERE a.state = 'unknown')
 FROM attempts a JOIN contacts c ON c.id = a.contact_id WHERE a.state IN ('accepted', 'failed', 'bounced', 'unknown')`+c.and()+
		` GROUP BY c.channel ORDER BY c.channel`, c.args, pgx.RowToStructByPos[read.ChannelRate])
}

func (s *Store) paused(ctx context.Context, o *read.Operating) error {
	all, err := s.q.PausedSenders(ctx)
	for _, r := range all {
		o.Paused = append(o.Paused, read.PausedRow{Sender: r.Sender, Until: r.PausedUntil})
	}
	return explain(err)
}

func (s *Store) processes(ctx context.Context, o *read.Operating) error {
	all, err := s.q.ProcessReports(ctx)
	for _, r := range all {
		o.Processes = append(o.Processes, read.ProcessRow{Process: r.Process, Kind: r.Kind, Seen: r.SeenAt, Age: r.Now.Sub(r.SeenAt), Body: r.Body})
	}
	return explain(err)
}

// database asks the server about itself. Replication is left out where this login may not
// see it.
func (s *Store) database(ctx context.Context, o *read.Operating) (err error) {
	o.Database, err = one(ctx, s, "the database's state", `SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('max_connections')::int,
 count(*)::int, count(*) FILTER (WHERE wait_event_type = 'Lock')::int,
 coalesce((extract(epoch FROM max(clock_timestamp() - xact_start) FILTER (WHERE pid <> pg_backend_pid() AND state <> 'idle')) * 1000000)::bigint, 0)
 FROM pg_stat_activity WHERE datname = current_database()`, nil, func(row pgx.CollectableRow) (d read.Database, err error) {
		var us int64
		err = row.Scan(&d.Version, &d.Most, &d.Connections, &d.Waiting, &us)
		d.OldestTx = time.Duration(us) * time.Microsecond
		return d, err
	})
	if err != nil {
		return err
	}
	o.Database.Replicas, err = rows(ctx, s, "replication", `SELECT coalesce(application_name, ''), coalesce(state, ''),
 coalesce((extract(epoch FROM replay_lag) * 1000000)::bigint, 0) FROM pg_stat_replication WHERE state IS NOT NULL ORDER BY 1, 2`, nil,
		func(row pgx.CollectableRow) (r read.Replica, err error) {
			var us int64
			err = row.Scan(&r.Name, &r.State, &us)
			r.Lag = time.Duration(us) * time.Microsecond
			return r, err
		})
	return err
}

// Report keeps what a process says of itself: JSON without personal data.
func (s *Store) Report(ctx context.Context, process, kind string, body []byte) error {
	return explain(s.q.PutProcessReport(ctx, process, kind, body))
}

// EndReport forgets a process that ended, and those that have not been heard of for a day.
func (s *Store) EndReport(ctx context.Context, process string) error {
	return explain(s.q.EndProcessReport(ctx, process))
}

// --- configuration -----------------------------------------------------------------

// SequenceCounts counts open cases by sequence version, the newest of each sequence first,
// with the release that brought it. InForce is left to the caller.
func (s *Store) SequenceCounts(ctx context.Context, scope read.Scope) ([]read.SequenceCount, error) {
	c := &conds{ask: &ask{}}
	c.within("c.creditor_id", scope)
	return rows(ctx, s, "cases by sequence version", `SELECT n.sequence_id, n.sequence_version, coalesce(v.release, ''), r.published_at, n.n
 FROM (SELECT c.sequence_id, c.sequence_version, count(*) AS n FROM cases c WHERE c.status = 'open'`+c.and()+` GROUP BY 1, 2) n
 LEFT JOIN sequence_versions v ON v.sequence = n.sequence_id AND v.version = n.sequence_version LEFT JOIN releases r ON r.version = v.release
 ORDER BY n.sequence_id, r.seq DESC NULLS LAST, n.sequence_version`, c.args, func(row pgx.CollectableRow) (n read.SequenceCount, err error) {
		var since *time.Time
		err = row.Scan(&n.Sequence, &n.Version, &n.Release, &since, &n.N)
		n.Since = value(since)
		return n, err
	})
}
