package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)  // business start
	w0 = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC) // wall start
	dy = 24 * time.Hour
)

// begin is a fresh rehearsal: a day a second, held for two seconds at most.
func begin() state {
	return state{
		start: t0, startWall: w0, rate: 86400, hold: 2 * time.Second,
		now: t0, seenWall: w0,
	}
}

// look is one reading: the wall time since the start, what is pending then (a
// negative value: nothing), and where the clock must stand.
type look struct {
	wall    time.Duration
	pending time.Duration // business time since t0
	want    time.Duration // business time since t0
}

const none = time.Duration(-1)

func TestReadingsInOrder(t *testing.T) {
	for _, c := range []struct {
		why   string
		looks []look
	}{
		{"without work it runs on the line", []look{
			{0, none, 0}, {time.Second, none, dy}, {1500 * time.Millisecond, none, dy + 12*time.Hour},
		}},
		{"work ahead of the line does not hold it", []look{
			{time.Second, 2 * dy, dy},
		}},
		{"it does not run past work, however much wall time has passed", []look{
			{10 * time.Second, 3 * dy, 3 * dy}, {11 * time.Second, 3 * dy, 3 * dy},
		}},
		{"it stops exactly at the planned instant, also one with odd microseconds", []look{
			{10 * time.Second, dy + 1234567*time.Microsecond, dy + 1234567*time.Microsecond},
		}},
		{"finished work lets it go to the next work at once: as fast as the machine can", []look{
			{10 * time.Second, 3 * dy, 3 * dy}, {10001 * time.Millisecond, 4 * dy, 4 * dy}, {10002 * time.Millisecond, none, 10*dy + 172800*time.Millisecond},
		}},
		{"it never goes back for work that is planned in the past; it waits where it is", []look{
			{5 * time.Second, none, 5 * dy}, {5500 * time.Millisecond, 2 * dy, 5 * dy}, {6 * time.Second, none, 6 * dy},
		}},
		{"the wall clock of another process may lag: no going back", []look{
			{5 * time.Second, none, 5 * dy}, {4 * time.Second, none, 5 * dy},
		}},
		{"work due at the very start holds it from the start", []look{
			{time.Second, 0, 0}, {1500 * time.Millisecond, 0, 0}, {1600 * time.Millisecond, none, dy + 51840*time.Second},
		}},
		{"time in which nobody read the clock counts for a second of waiting at most", []look{
			{time.Second, dy, dy}, {time.Hour, dy, dy}, {time.Hour + 100*time.Millisecond, dy, dy},
		}},
	} {
		t.Run(c.why, func(t *testing.T) {
			s := begin()
			for i, l := range c.looks {
				s = s.next(w0.Add(l.wall), t0.Add(l.pending), l.pending != none)
				if got := s.now.Sub(t0); got != l.want {
					t.Fatalf("reading %d at wall +%s: clock at +%s, want +%s", i, l.wall, got, l.want)
				}
			}
		})
	}
}

func TestHeldAtMostHold(t *testing.T) {
	s := begin()
	due := t0.Add(dy)
	s = s.next(w0.Add(time.Second), due, true)
	var waited time.Duration
	for s.givenUp.IsZero() {
		waited += 100 * time.Millisecond
		s = s.next(w0.Add(time.Second+waited), due, true)
		if !s.now.Equal(due) {
			t.Fatalf("moved to %s while work was due", s.now)
		}
		if waited > 10*time.Second {
			t.Fatal("never gave up: one stuck case would stop the rehearsal for good")
		}
	}
	if waited != 2*time.Second {
		t.Errorf("gave up after %s, want the hold of 2s", waited)
	}
	if !s.givenUp.Equal(due) {
		t.Errorf("gave up until %s, want %s", s.givenUp, due)
	}
	s = s.next(w0.Add(time.Second+waited), t0.Add(2*dy), true)
	if !s.now.Equal(t0.Add(2 * dy)) {
		t.Errorf("after giving up it stands at %s, want the next work", s.now)
	}
}

func TestEachInstantHasItsOwnHold(t *testing.T) {
	s := begin()
	wall := w0
	for day := range 10 { // 1.5 s each, below the hold of 2 s, 15 s in all
		due := t0.Add(time.Duration(day) * time.Hour)
		for range 16 {
			s = s.next(wall, due, true)
			wall = wall.Add(100 * time.Millisecond)
		}
	}
	if !s.givenUp.IsZero() {
		t.Errorf("gave up work until %s although every piece was finished in time", s.givenUp)
	}
}

func TestWait(t *testing.T) {
	held := begin() // stands at its start for 20 s, while the line went on
	for w := time.Duration(0); w <= 20*time.Second; w += 250 * time.Millisecond {
		held = held.next(w0.Add(w), t0, true)
		held.held = 0
	}
	for _, c := range []struct {
		why  string
		s    state
		wall time.Duration
		at   time.Duration
		want time.Duration
	}{
		{"an instant that has come needs no waiting", begin(), 0, 0, 0},
		{"an instant in the past needs no waiting", begin(), 0, -dy, 0},
		{"a clock on its line comes when the line does", begin(), 0, 5 * dy, 5 * time.Second},
		{"never less than a poll: the clock may not be there yet", begin(), 0, time.Second, poll},
		{"a clock that was held back goes on from where it is", held, 20 * time.Second, 3 * dy, 3 * time.Second},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := c.s.wait(w0.Add(c.wall), t0.Add(c.at)); got != c.want {
				t.Errorf("wait = %s, want %s", got, c.want)
			}
		})
	}
}

// machine is one worker that handles 50 wake-ups a second, and cases that sleep by
// wait, then wait for their instant for up to patience, then sleep again.
type machine struct {
	s           state
	wall        time.Time
	next, wake  []time.Time // wake: of the sleepers; zero while waiting
	limit       []time.Time // until when a waiting one waits
	done, early int
}

const perLook = 20 * time.Millisecond

// pass runs one wake-up or one piece of work, or lets time pass.
func (m *machine) pass(patience time.Duration) {
	m.s = m.s.next(m.wall, earliest(m.next), true)
	m.s.held = 0
	for i := range m.next {
		waiting := m.wake[i].IsZero()
		switch {
		case waiting && !m.next[i].After(m.s.now):
			m.done++
			m.next[i] = m.next[i].Add(5 * dy)
			m.sleep(i)
		case waiting && m.limit[i].Before(m.wall):
			m.early++
			m.sleep(i)
		case !waiting && !m.wake[i].After(m.wall):
			m.wake[i], m.limit[i] = time.Time{}, m.wall.Add(patience)
			m.wall = m.wall.Add(perLook / 2)
		default:
			continue
		}
		return
	}
	m.wall = m.wall.Add(perLook / 2)
}

func (m *machine) sleep(i int) {
	m.wall = m.wall.Add(perLook / 2)
	m.s = m.s.next(m.wall, earliest(m.next), true)
	m.wake[i] = m.wall.Add(m.s.wait(m.wall, m.next[i]))
}

// Cases that wake for nothing are load, and load holds the clock back, so that more
// wake for nothing. With Patience that must not happen: the rehearsal takes as long
// as its work or its line, whichever is longer, and a bit.
func TestSleepersDoNotChokeTheMachine(t *testing.T) {
	for _, c := range []struct {
		why   string
		start func(i int) time.Duration
	}{
		{"all cases at one instant of the day", func(int) time.Duration { return 0 }},
		{"each case at an instant of its own", func(i int) time.Duration { return time.Duration(i*7919%500) * time.Minute }},
		{"spread over the days", func(i int) time.Duration { return time.Duration(i%5)*dy + time.Duration(i)*time.Second }},
	} {
		t.Run(c.why, func(t *testing.T) {
			const cases, rounds = 500, 6
			m := &machine{s: begin(), wall: w0, next: make([]time.Time, cases), wake: make([]time.Time, cases), limit: make([]time.Time, cases)}
			for i := range cases {
				m.next[i], m.wake[i] = t0.Add(c.start(i)), w0
			}
			for m.done < rounds*cases && m.early <= cases*rounds {
				m.pass(Patience)
			}
			if m.early > m.done/10 {
				t.Errorf("%d woke in vain for %d pieces of work", m.early, m.done)
			}
			ideal := max(time.Duration(m.done)*perLook, 5*rounds*time.Second)
			if took := m.wall.Sub(w0); took > ideal*13/10 {
				t.Errorf("took %s where work and line need %s: sleepers overslept", took, ideal)
			}
		})
	}
}

func earliest(ts []time.Time) time.Time {
	first := ts[0]
	for _, t := range ts {
		if t.Before(first) {
			first = t
		}
	}
	return first
}

// Whatever is read when, and whatever is pending: the clock never goes back, never
// passes the line, and never passes work that it has not given up.
func TestClockLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := begin()
		wall := w0
		for range rapid.IntRange(1, 60).Draw(t, "readings") {
			wall = wall.Add(time.Duration(rapid.Int64Range(-1e8, 3e9).Draw(t, "step")))
			ok := rapid.Bool().Draw(t, "ok")
			at := t0.Add(time.Duration(rapid.Int64Range(-int64(dy), int64(60*dy)).Draw(t, "at")))
			if ok && !at.After(s.givenUp) {
				ok = false // Pending does not report what was given up
			}
			n := s.next(wall, at, ok)
			line := n.line(wall)
			switch {
			case n.now.Before(s.now):
				t.Fatalf("went back from %s to %s", s.now, n.now)
			case n.now.After(s.now) && n.now.After(line):
				t.Fatalf("at %s, past the line %s", n.now, line)
			case ok && n.now.After(s.now) && n.now.Sub(at) >= resolution:
				t.Fatalf("at %s, past work at %s", n.now, at)
			case n.givenUp.After(n.now):
				t.Fatalf("gave up the future: %s after %s", n.givenUp, n.now)
			case n.now.Truncate(resolution) != n.now:
				t.Fatalf("%s is finer than Postgres keeps", n.now)
			}
			s = n
		}
	})
}

func TestScaleDoesNotOverflow(t *testing.T) {
	for _, c := range []struct {
		why  string
		d    time.Duration
		by   float64
		want time.Duration
	}{
		{"a year at a day a second is 86400 years, more than a Duration holds", 365 * dy, 86400, 1<<63 - 1},
		{"backwards, too", -365 * dy, 86400, -1 << 63},
		{"a rate below one slows down", time.Minute, 0.5, 30 * time.Second},
	} {
		if got := scale(c.d, c.by); got != c.want {
			t.Errorf("%s: scale(%s, %v) = %s, want %s", c.why, c.d, c.by, got, c.want)
		}
	}
}
