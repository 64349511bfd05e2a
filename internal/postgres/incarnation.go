package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Identity is which database this is, as far as the server tells.
type Identity struct {
	System   string // identifier of the server's data; "" when the role may not ask
	Timeline int64  // of the server's log; 0 when the role may not ask
	Database int64  // oid of the database
	Relation int64  // oid of the table incarnation; 0 while there is none
}

// other says in words what tells two identities apart, "" when nothing does. What could
// not be asked for one of them tells nothing.
func (was Identity) other(is Identity) string {
	var seen []string
	if was.System != "" && is.System != "" && was.System != is.System {
		seen = append(seen, "the server's data is another")
	}
	if was.Timeline != 0 && is.Timeline != 0 && was.Timeline != is.Timeline {
		seen = append(seen, fmt.Sprintf("the server's log went from timeline %d to %d: it was recovered to an instant, or a standby took over", was.Timeline, is.Timeline))
	}
	if was.Database != is.Database {
		seen = append(seen, "the database was made anew")
	}
	if was.Relation != is.Relation {
		seen = append(seen, "its tables were made anew: a dump was read in")
	}
	return strings.Join(seen, "; ")
}

// How a restore was noticed.
const (
	ByIdentity = "identity" // the database is not the one it was
	ByJournal  = "journal"  // a case goes on from a decision that the journal does not hold
	ByPerson   = "person"   // somebody said so
)

// Restore is one time that the database was found to have forgotten something.
type Restore struct {
	ID      int64
	Noticed string // ByIdentity, ByJournal, ByPerson
	What    string // what was seen, for people
	By      string
	// Lapse is the stretch of business time of which things may have been forgotten.
	dunning.Lapse
	Wall     time.Time // wall instant at which it was noticed
	LookedTo string    // look-ups of open cases are through to this one
	Looked   time.Time // business instant at which they were through; zero: not yet
	Done     time.Time // business instant at which a person said that all is put right; zero: not yet
	DoneBy   string
	Reason   string // of the end
}

const (
	// unseen is how long nobody may have looked before that is a gap worth keeping: several
	// times the interval of the looks.
	unseen = 3 * time.Minute
	// before what was last seen, and after what was noticed: looks have an interval, and
	// machines differ a little.
	margin = 2 * time.Minute
	// guessed is how far back may have been forgotten when nothing says it: a nightly dump.
	guessed = 24 * time.Hour
)

// ErrBeingRestored: the tables are not all there.
var ErrBeingRestored = errors.New("the database has no table incarnation: a dump is being read in, or it was never migrated (duly migrate)")

// ErrStandby: the server only reads. Once it takes over it may lack what was written last, so
// nothing is asked on a connection that was made before.
var ErrStandby = errors.New("the database server is a standby that cannot be written to: lead DATABASE_URL to the primary (for instance with target_session_attrs=read-write)")

// watch is what a store that watches itself knows.
type watch struct {
	on    atomic.Bool
	clk   clock.Clock
	mu    sync.Mutex
	known Identity
	at    time.Time // business instant of the last look
}

// Watch makes sure that this is the database that the system last worked with, and from now
// on looks at each new connection before anything is asked on it. A database that was
// restored, copied or failed over is noticed: then all channels are switched off, in one
// transaction, before Watch returns. The first process that ever watches a database makes
// itself known to it. ErrStandby where the server cannot be written to. Call it in every
// process that can send, before it does, and then Look from time to time.
func (s *Store) Watch(ctx context.Context, clk clock.Clock) error {
	s.watch.mu.Lock()
	s.watch.clk = clk
	s.watch.mu.Unlock()
	if err := s.Look(ctx); err != nil {
		return err
	}
	s.watch.on.Store(true)
	return nil
}

// Watched reports whether Watch was called.
func (s *Store) Watched() bool { return s.watch.on.Load() }

// Look looks again, and notes that it did: a restored database tells by that since when
// it has forgotten.
func (s *Store) Look(ctx context.Context) error {
	s.watch.mu.Lock()
	clk := s.watch.clk
	s.watch.mu.Unlock()
	at, err := clk.Now(ctx)
	if err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	if err := s.watch.look(ctx, s.pool, at); err != nil {
		return fmt.Errorf("finding out whether the database was restored: %w", explain(err))
	}
	return nil
}

// connected looks at a new connection. Business time is not asked of a rehearsal's clock,
// which would need a connection.
func (w *watch) connected(ctx context.Context, conn *pgx.Conn) error {
	if w == nil || !w.on.Load() {
		return nil
	}
	w.mu.Lock()
	known, at, clk := w.known, w.at, w.clk
	w.mu.Unlock()
	if clk == clock.Real() {
		at, _ = clk.Now(ctx) // the wall's clock does not fail
	}
	if is, err := identityOf(ctx, conn); err != nil || is == known {
		return err
	}
	return w.look(ctx, conn, at)
}

// asker is a pool or a connection.
type asker interface {
	sqlgen.DBTX
	Begin(ctx context.Context) (pgx.Tx, error)
}

// look compares what the database is with what it was, and trips where they differ.
func (w *watch) look(ctx context.Context, db asker, at time.Time) error {
	is, err := identityOf(ctx, db)
	if err != nil {
		return err
	}
	if is.Relation == 0 {
		return ErrBeingRestored
	}
	err = retry(ctx, func() error {
		return pgx.BeginFunc(ctx, db, func(t pgx.Tx) error { return recognize(ctx, sqlgen.New(t), is, at) })
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.at = is, at
	return nil
}

// recognize is one look, in its transaction.
func recognize(ctx context.Context, q *sqlgen.Queries, is Identity, at time.Time) error {
	if err := q.LockIncarnation(ctx); err != nil {
		return err
	}
	put := func() error {
		return q.PutIncarnation(ctx, sqlgen.PutIncarnationParams{
			System: is.System, Timeline: is.Timeline, Database: is.Database, Relation: is.Relation, SeenAt: micros(at),
		})
	}
	row, err := q.Incarnation(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return put()
	} else if err != nil {
		return err
	}
	if row.Wall.Sub(row.SeenWall) > unseen {
		if err := q.AddGap(ctx, sqlgen.AddGapParams{FromAt: row.SeenAt, UntilAt: micros(at), FromWall: row.SeenWall, UntilWall: row.Wall}); err != nil {
			return err
		}
	}
	what := (Identity{row.System, row.Timeline, row.Database, row.Relation}).other(is)
	if what == "" { // what another role has told is not forgotten by one that may not ask
		is.System, is.Timeline = cmp.Or(is.System, row.System), cmp.Or(is.Timeline, row.Timeline)
		return put()
	}
	if _, err := trip(ctx, q, ByIdentity, what, bySystem, row.SeenAt.Add(-margin), at); err != nil {
		return err
	}
	return put()
}

const bySystem = "system"

// identityOf asks what the role may ask.
func identityOf(ctx context.Context, db sqlgen.DBTX) (is Identity, err error) {
	var standby, system, timeline bool
	if err = db.QueryRow(ctx, `SELECT pg_is_in_recovery(), has_function_privilege('pg_control_system()', 'execute'),
		has_function_privilege('pg_current_wal_insert_lsn()', 'execute') AND has_function_privilege('pg_walfile_name(pg_lsn)', 'execute'),
		(SELECT oid::bigint FROM pg_database WHERE datname = current_database()), coalesce(to_regclass('incarnation')::oid::bigint, 0)`).
		Scan(&standby, &system, &timeline, &is.Database, &is.Relation); err != nil {
		return is, err
	}
	if standby {
		return is, ErrStandby
	}
	if system {
		if err = db.QueryRow(ctx, "SELECT system_identifier::text FROM pg_control_system()").Scan(&is.System); err != nil && !untold(err) {
			return is, err
		}
	}
	if timeline { // the name of a file of the log begins with it, as eight hexadecimal digits
		err = db.QueryRow(ctx, "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint").Scan(&is.Timeline)
		if err != nil && !untold(err) {
			return is, err
		}
	}
	return is, nil
}

// untold reports whether a server has refused a question about itself that the role may ask:
// managed servers grant functions that they do not support. A worker must start all the same.
func untold(err error) bool {
	pg := (*pgconn.PgError)(nil)
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return false
	}
	switch pg.Code[:2] {
	case "0A", "22", "42", "55", "XX": // not supported, odd answer, not allowed, not in this state, a fault of its own
		return true
	}
	return false
}

// trip switches all channels off and remembers why. It is part of the transaction that
// notices, under its lock, so of many processes that start at once one trips.
func trip(ctx context.Context, q *sqlgen.Queries, noticed, what, by string, since, at time.Time) (int64, error) {
	if since.After(at) {
		since = at
	}
	id, err := q.AddRestore(ctx, sqlgen.AddRestoreParams{Noticed: noticed, What: cleanText(what), By: cleanText(by), Since: micros(since), Until: micros(at)})
	if err != nil {
		return 0, err
	}
	detail := map[string]string{"noticed": noticed, "what": what, "since": since.UTC().Format(time.RFC3339)}
	if err := auditIn(ctx, q, Audited{At: at, By: by, Action: "restore_noticed", Subject: restoreName(id), Detail: detail}); err != nil {
		return 0, err
	}
	if err := q.TurnSwitches(ctx); err != nil {
		return 0, err
	}
	were, err := q.SwitchesOn(ctx)
	if err != nil {
		return 0, err
	}
	reason := fmt.Sprintf("The database was restored or taken over: %s. It may not know what left since %s: see duly restore status.", what, since.UTC().Format("2 Jan 2006, 15:04 UTC"))
	for _, ch := range dunning.SwitchChannels() {
		sw := Switch{Switch: dunning.Switch{Scope: dunning.SwitchChannel, Subject: string(ch)}, Reason: reason, By: by, On: at}
		for _, w := range were { // whoever lifts it is to know of both
			if w.Scope == string(sw.Scope) && w.Subject == sw.Subject {
				sw.Reason += " It was switched off already, by " + w.By + ": " + w.Reason
			}
		}
		if _, _, err := turnOn(ctx, q, sw); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func restoreName(id int64) string { return fmt.Sprintf("restore/%d", id) }

// Forgot is told that a case goes on from a decision that the journal does not hold.
// decided is the wall instant at which it was stored, zero when its id does not tell; at is
// business time. Decisions are never deleted: the database was restored to before it. Unless
// a restore that is known explains it, all channels are switched off; tripped tells so.
func (s *Store) Forgot(ctx context.Context, decided, at time.Time) (tripped bool, err error) {
	err = s.turn(ctx, func(q *sqlgen.Queries) error {
		tripped = false
		if err := q.LockIncarnation(ctx); err != nil {
			return err
		}
		known, err := q.Restores(ctx, 1)
		if err != nil {
			return err
		}
		// Clocks of machines differ a little, and right after it was noticed nothing could leave.
		if len(known) > 0 && !decided.After(known[0].NoticedWall.Add(margin)) {
			return nil
		}
		since, err := forgottenSince(ctx, q, decided, at)
		if err != nil {
			return err
		}
		tripped = true
		_, err = trip(ctx, q, ByJournal, "a case goes on from a decision that the journal does not hold", bySystem, since, at)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("switching off what a forgotten decision is the sign of: %w", err)
	}
	return tripped, nil
}

// forgottenSince is from when on a database has forgotten that does not know a decision:
// that was stored within a stretch in which, by what the database knows, nobody looked.
func forgottenSince(ctx context.Context, q *sqlgen.Queries, decided, at time.Time) (time.Time, error) {
	if decided.IsZero() {
		return at.Add(-guessed), nil
	}
	gap, err := q.GapAround(ctx, decided)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return at.Add(-guessed), nil
	case err != nil:
		return time.Time{}, err
	}
	return gap.FromAt.Add(-margin), nil
}

// Declare is told by a person that the database was restored and what was written since an
// instant is lost: of a snapshot of whole machines, Duly can see no trace itself. All
// channels are switched off. Errors wrap dunning.ErrInvalid.
func (s *Store) Declare(ctx context.Context, since, at time.Time, by, reason string) (int64, error) {
	switch {
	case by == "" || reason == "":
		return 0, fmt.Errorf("declaring a restore needs a reason and a name: %w", dunning.ErrInvalid)
	case since.IsZero() || since.After(at):
		return 0, fmt.Errorf("say since when things may be lost, an instant of the past: %w", dunning.ErrInvalid)
	}
	var id int64
	err := s.turn(ctx, func(q *sqlgen.Queries) (err error) {
		if err := q.LockIncarnation(ctx); err != nil {
			return err
		}
		id, err = trip(ctx, q, ByPerson, reason, by, since, at)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("declaring a restore: %w", err)
	}
	return id, nil
}

// Restores are the times that the database had forgotten something, the newest first.
func (s *Store) Restores(ctx context.Context, limit int) ([]Restore, error) {
	rows, err := s.q.Restores(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the restores: %w", explain(err))
	}
	out := make([]Restore, len(rows))
	for i, r := range rows {
		out[i] = Restore{
			ID: r.ID, Noticed: r.Noticed, What: r.What, By: r.By, Lapse: dunning.Lapse{Since: r.Since, Until: r.Until}, Wall: r.NoticedWall,
			LookedTo: value(r.LookedTo), Looked: value(r.LookedAt), Done: value(r.DoneAt), DoneBy: value(r.DoneBy), Reason: value(r.DoneReason),
		}
	}
	return out, nil
}

// LookedTo notes that the look-ups of a restore are through to a case: whoever breaks off
// goes on there. through, unless zero, is the business instant at which all are.
func (s *Store) LookedTo(ctx context.Context, id int64, caseID string, through time.Time) error {
	err := s.q.NoteLookedTo(ctx, null(caseID), id)
	if !through.IsZero() {
		err = s.q.NoteLookedThrough(ctx, nullTime(micros(through)), id)
	}
	if err != nil {
		return fmt.Errorf("noting how far a restore was looked up: %w", explain(err))
	}
	return nil
}

// OpenCasesAfter are ids of open cases in order, from behind one; "": from the first.
func (s *Store) OpenCasesAfter(ctx context.Context, after string, limit int) ([]string, error) {
	ids, err := s.q.OpenCasesAfter(ctx, null(after), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("listing the open cases: %w", explain(err))
	}
	return ids, nil
}

// RestoreDone notes that a person says that all is put right, of this restore and of those
// before it. It lifts no switch. ErrNotOn when all are done; errors wrap dunning.ErrInvalid.
func (s *Store) RestoreDone(ctx context.Context, id int64, at time.Time, by, reason string) error {
	if by == "" || reason == "" {
		return fmt.Errorf("ending a restore needs a reason and a name: %w", dunning.ErrInvalid)
	}
	by, reason = cleanText(by), cleanText(reason)
	err := s.turn(ctx, func(q *sqlgen.Queries) error {
		n, err := q.RestoreDone(ctx, sqlgen.RestoreDoneParams{ID: id, DoneAt: nullTime(micros(at)), DoneBy: &by, DoneReason: &reason})
		if err == nil && n == 0 {
			err = fmt.Errorf("%s: %w", restoreName(id), ErrNotOn)
		}
		if err != nil {
			return err
		}
		return auditIn(ctx, q, Audited{At: at, By: by, Action: "restore_done", Subject: restoreName(id), Detail: map[string]string{"reason": reason}})
	})
	if err != nil {
		return fmt.Errorf("ending a restore: %w", err)
	}
	return nil
}
