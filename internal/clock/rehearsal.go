package clock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Schema makes the table of the rehearsal clock. It belongs into the product's
// migrations; it is here because the statements of this package depend on it.
//
// One row at most. No row: business time is the wall clock. start and now are
// business instants; the columns with wall in their name are wall instants.
const Schema = `
CREATE TABLE IF NOT EXISTS duly_clock (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    start      timestamptz NOT NULL,                        -- business instant at start_wall
    start_wall timestamptz NOT NULL,
    rate       double precision NOT NULL CHECK (rate > 0),  -- business seconds per wall second
    hold_ms    bigint NOT NULL CHECK (hold_ms >= 0),        -- longest wait for work at one instant
    now        timestamptz NOT NULL CHECK (now >= start),
    given_up   timestamptz CHECK (given_up <= now),         -- work due until then is no longer waited for
    held_ms    bigint NOT NULL DEFAULT 0,                   -- waited at now so far
    seen_wall  timestamptz NOT NULL                         -- when that was last counted
)`

// DB is what the clock needs of a pgx pool or connection.
type DB interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Pending finds work that business time must not run past: the earliest instant
// strictly after the one given at which something is planned that has not finished
// (an open case's wake-up, a scripted fact, a nudge not yet handled), and false if
// there is none. The zero time asks for the earliest of all. Finishing work and
// planning what follows must be one transaction, else the clock slips between.
type Pending func(ctx context.Context, after time.Time) (at time.Time, ok bool, err error)

// FirstOf is the earliest of what several sources of work report.
func FirstOf(sources ...Pending) Pending {
	return func(ctx context.Context, after time.Time) (first time.Time, ok bool, err error) {
		for _, pending := range sources {
			at, found, err := pending(ctx, after)
			if err != nil {
				return time.Time{}, false, err
			}
			if found && (!ok || at.Before(first)) {
				first, ok = at, true
			}
		}
		return first, ok, nil
	}
}

// Setting of a rehearsal.
type Setting struct {
	// Start is the business instant at which the rehearsal begins.
	Start time.Time
	// Rate is how many business seconds pass in a wall second at most. Above 0.
	Rate float64
	// Hold is H: how long, in wall time, the clock waits at an instant for work
	// that is due there. After that it moves on and the delay is real. Zero: DefaultHold.
	Hold time.Duration
}

// DefaultHold is longer than a killed worker's activities take to be tried again.
const DefaultHold = 2 * time.Minute

// Rehearsal is business time from the row duly_clock, shared by all processes:
//
//	now = min(start + rate × wall, earliest pending work)
//
// It is advanced by whoever reads it, with an UPDATE guarded by the value read, so
// it never goes back, in no process. While work is due at now and unfinished it is
// held, for Hold of wall time at most; time in which no process reads the clock
// counts for a second at most, because then nobody could have worked either.
type Rehearsal struct {
	db      DB
	pending Pending
	wall    func() time.Time

	mu     sync.Mutex // guards what recent remembers
	last   state
	lastAt time.Time
}

// Set starts a rehearsal, or starts it anew. Processes that run keep reading the
// same row, so it should be set before they start. A rate or start that makes no
// sense is an error.
func Set(ctx context.Context, db DB, s Setting) error { return set(ctx, db, s, time.Now) }

func set(ctx context.Context, db DB, s Setting, wall func() time.Time) error {
	if s.Hold == 0 {
		s.Hold = DefaultHold
	}
	switch {
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("rehearsal rate %v: it must be above 0, for example 86400 for a day a second", s.Rate)
	case s.Start.IsZero():
		return errors.New("a rehearsal needs a start: the business instant at which it begins")
	case s.Hold < 0:
		return fmt.Errorf("rehearsal hold %s: it must not be negative", s.Hold)
	}
	_, err := db.Exec(ctx, `
		INSERT INTO duly_clock (start, start_wall, rate, hold_ms, now, seen_wall)
		VALUES ($1, $2, $3, $4, $1, $2)
		ON CONFLICT (one) DO UPDATE SET start = $1, start_wall = $2, rate = $3, hold_ms = $4, now = $1,
			given_up = NULL, held_ms = 0, seen_wall = $2`,
		business(s.Start), wall().UTC(), s.Rate, s.Hold.Milliseconds())
	if err != nil {
		return fmt.Errorf("setting the rehearsal clock: %w", err)
	}
	return nil
}

// Clear ends the rehearsal: processes that start from now on run on real time.
func Clear(ctx context.Context, db DB) error {
	if _, err := db.Exec(ctx, `DELETE FROM duly_clock`); err != nil {
		return fmt.Errorf("clearing the rehearsal clock: %w", err)
	}
	return nil
}

// Open is the clock that the database asks for: Real, or the rehearsal in
// duly_clock. It is read once; a process keeps its kind of clock for life.
func Open(ctx context.Context, db DB, pending Pending) (Clock, error) {
	return open(ctx, db, pending, time.Now)
}

func open(ctx context.Context, db DB, pending Pending, wall func() time.Time) (Clock, error) {
	r := &Rehearsal{db: db, pending: pending, wall: wall}
	switch _, err := r.load(ctx); {
	case errors.Is(err, pgx.ErrNoRows):
		return Real(), nil
	case err != nil:
		return nil, err
	}
	return r, nil
}

// Rate is how many business seconds pass in a wall second while nothing is left to do.
func (r *Rehearsal) Rate(ctx context.Context) (float64, error) {
	s, err := r.load(ctx)
	return s.rate, err
}

// Now advances the row as far as the line and the work allow, and returns it.
func (r *Rehearsal) Now(ctx context.Context) (time.Time, error) {
	s, err := r.advance(ctx)
	return s.now, err
}

// advance tries until its guarded UPDATE wins or there is nothing to do. Each
// failed try means that another process moved the clock, so this ends.
//
// The wall is read once: whoever loses against a later reading is then content with
// it, where a fresh reading would make all readers race for the last microsecond.
func (r *Rehearsal) advance(ctx context.Context) (state, error) {
	wall := r.wall()
	for {
		old, err := r.load(ctx)
		if err != nil {
			return state{}, err
		}
		at, ok, err := r.pending(ctx, old.givenUp)
		if err != nil {
			return state{}, fmt.Errorf("rehearsal clock: looking for pending work: %w", err)
		}
		next := old.next(wall, at, ok)
		if next == old {
			return old, nil
		}
		won, err := r.store(ctx, old, next)
		if err != nil {
			return state{}, err
		}
		// A step that only gave up waiting has not moved yet: go round again.
		if won && next.givenUp.Equal(old.givenUp) {
			return next, nil
		}
	}
}

// WakeWall is the present if business has come, else when the clock could come to
// it: never before the line start + rate × wall gets there, and no sooner than at
// about the speed at which it really ran lately. See state.wait.
func (r *Rehearsal) WakeWall(ctx context.Context, at time.Time) (time.Time, error) {
	s, err := r.recent(ctx)
	if err != nil {
		return time.Time{}, err
	}
	wall := r.wall()
	return wall.Add(s.wait(wall, at)).UTC().Round(0), nil
}

// recent is a reading for those who only look whether something is due, or when it will
// be: it is shared for half a poll, so a thousand of them are one reader. It may be that
// much behind, so nothing is to be written down as of it.
func (r *Rehearsal) recent(ctx context.Context) (state, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wall := r.wall(); !r.lastAt.IsZero() && wall.Sub(r.lastAt) < poll/2 {
		return r.last, nil
	}
	s, err := r.advance(ctx)
	if err != nil {
		return state{}, err
	}
	r.last, r.lastAt = s, r.wall()
	return s, nil
}

const stateColumns = `start, start_wall, rate, hold_ms, now, given_up, held_ms, seen_wall`

func (r *Rehearsal) load(ctx context.Context) (state, error) {
	var s state
	var holdMS, heldMS int64
	var givenUp *time.Time
	err := r.db.QueryRow(ctx, `SELECT `+stateColumns+` FROM duly_clock`).Scan(
		&s.start, &s.startWall, &s.rate, &holdMS, &s.now, &givenUp, &heldMS, &s.seenWall)
	if err != nil {
		return state{}, fmt.Errorf("reading the rehearsal clock (table duly_clock; `duly migrate` makes it): %w", err)
	}
	s.hold, s.held = time.Duration(holdMS)*time.Millisecond, time.Duration(heldMS)*time.Millisecond
	if givenUp != nil {
		s.givenUp = *givenUp
	}
	return s.utc(), nil
}

// store writes next over old, unless another process was quicker.
func (r *Rehearsal) store(ctx context.Context, old, next state) (won bool, err error) {
	var givenUp *time.Time
	if !next.givenUp.IsZero() {
		givenUp = &next.givenUp
	}
	tag, err := r.db.Exec(ctx, `
		UPDATE duly_clock SET now = $1, given_up = $2, held_ms = $3, seen_wall = $4
		WHERE now = $5 AND seen_wall = $6 AND start_wall = $7`,
		next.now, givenUp, next.held.Milliseconds(), next.seenWall,
		old.now, old.seenWall, old.startWall)
	if err != nil {
		return false, fmt.Errorf("advancing the rehearsal clock: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}
