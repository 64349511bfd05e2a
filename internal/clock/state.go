package clock

import (
	"math"
	"time"
)

// state is the row duly_clock as a value. What follows from it is computed by pure
// functions of it and a wall instant, so it can be tested as a table.
type state struct {
	start, startWall time.Time
	rate             float64
	hold             time.Duration

	now      time.Time
	givenUp  time.Time // zero: nothing was given up
	held     time.Duration
	seenWall time.Time
}

const (
	// gap is how much of a time without readers counts as waiting.
	gap = time.Second
	// count is how often waiting is written down.
	count = 100 * time.Millisecond
)

// utc brings all instants into one location, so that states compare with ==.
func (s state) utc() state {
	for _, t := range []*time.Time{&s.start, &s.startWall, &s.now, &s.givenUp, &s.seenWall} {
		*t = t.UTC()
	}
	return s
}

// line is start + rate × wall: how far the clock may have come, without work.
func (s state) line(wall time.Time) time.Time {
	return s.start.Add(scale(wall.Sub(s.startWall), s.rate)).Truncate(resolution)
}

// next is the state after a reading at wall, with work pending at (if ok).
func (s state) next(wall, at time.Time, ok bool) state {
	wall = business(wall)
	switch {
	case ok && !at.After(s.now):
		return s.waited(wall)
	case !s.line(wall).After(s.now):
		return s
	}
	n := s
	n.now, n.held, n.seenWall = s.line(wall), 0, wall
	if ok && at.Before(n.now) {
		n.now = business(at)
		if n.now.Before(at) { // finer than our resolution: do not stop short of it
			n.now = n.now.Add(resolution)
		}
	}
	return n
}

// waited counts waiting for work that is due, and gives it up when that was enough.
func (s state) waited(wall time.Time) state {
	d := wall.Sub(s.seenWall)
	if d < count {
		return s
	}
	n := s
	n.held, n.seenWall = s.held+min(d, gap).Truncate(time.Millisecond), wall
	if n.held >= s.hold {
		n.givenUp, n.held = s.now, 0
	}
	return n
}

// wait is the wall time until the clock could come to at: what is left at the rate,
// and not before the line is there. Work may hold the clock back longer; who wakes
// too early waits the rest out with Await. Sleeping longer in the hope to wake just
// in time would be worse: while the sleeper sleeps on, its own planned instant
// holds the clock for everybody.
func (s state) wait(wall, at time.Time) time.Duration {
	left := at.Sub(s.now)
	if left <= 0 {
		return 0
	}
	toLine := scale(at.Sub(s.start), 1/s.rate) - wall.Sub(s.startWall)
	return max(toLine, scale(left, 1/s.rate), poll)
}

// scale multiplies a duration, and stops at the longest there is.
func scale(d time.Duration, by float64) time.Duration {
	f := float64(d) * by
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return time.Duration(math.Round(f))
	}
}
