package clock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duly/duly/internal/pgserver"
)

var server *pgserver.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if server, err = pgserver.Start(context.Background(), pgserver.Options{Unsafe: true}); err != nil {
		fmt.Fprintln(os.Stderr, "the tests of the clock need a PostgreSQL:", err)
		return 1
	}
	defer server.Stop()
	return m.Run()
}

// fakeWall is a wall clock that tests set.
type fakeWall struct {
	mu  sync.Mutex
	now time.Time
}

func (w *fakeWall) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *fakeWall) Add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// agenda is pending work that tests change.
type agenda struct {
	mu  sync.Mutex
	ats []time.Time
	err error
}

func (a *agenda) set(ats ...time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ats = slices.SortedFunc(slices.Values(ats), time.Time.Compare)
}

// move replaces work at one instant by work at another, unless somebody did before.
func (a *agenda) move(from, to time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.ats, from); i >= 0 {
		a.ats[i] = to
	}
}

func (a *agenda) pending(_ context.Context, after time.Time) (time.Time, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range a.ats {
		if at.After(after) {
			return at, true, a.err
		}
	}
	return time.Time{}, false, a.err
}

// database is a fresh one with the clock's table.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	name := "clock_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, t.Name())
	name = name[:min(len(name), 60)]
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	db := connect(t, name)
	if _, err := db.Exec(t.Context(), Schema); err != nil {
		t.Fatal(err)
	}
	return db
}

func connect(t *testing.T, name string) *pgxpool.Pool {
	t.Helper()
	db, err := pgxpool.New(t.Context(), server.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// rehearsal sets a day a second from t0, held for two seconds at most, and opens it.
func rehearsal(t *testing.T, db *pgxpool.Pool, w *fakeWall, a *agenda) *Rehearsal {
	t.Helper()
	if err := set(t.Context(), db, Setting{Start: t0, Rate: 86400, Hold: 2 * time.Second}, w.Now); err != nil {
		t.Fatal(err)
	}
	return reopen(t, db, w, a)
}

func reopen(t *testing.T, db *pgxpool.Pool, w *fakeWall, a *agenda) *Rehearsal {
	t.Helper()
	c, err := open(t.Context(), db, a.pending, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := c.(*Rehearsal)
	if !ok {
		t.Fatalf("Open = %T, want the rehearsal that was set", c)
	}
	return r
}

func now(t *testing.T, c Clock) time.Time {
	t.Helper()
	got, err := c.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRealIsTheWallClock(t *testing.T) {
	before := time.Now().Add(-time.Millisecond)
	got := now(t, Real())
	if got.Before(before) || got.After(time.Now()) {
		t.Errorf("Now = %s, want the present", got)
	}
	if got.Location() != time.UTC || got.Truncate(time.Microsecond) != got {
		t.Errorf("Now = %s: it must be UTC and survive Postgres' microseconds", got)
	}
	wake, err := Real().WakeWall(t.Context(), t0)
	if err != nil || wake != t0 {
		t.Errorf("WakeWall(%s) = %s, %v; want the instant itself", t0, wake, err)
	}
}

func TestFixedStandsStill(t *testing.T) {
	c := Fixed(t0)
	if got := now(t, c); got != t0 {
		t.Errorf("Now = %s, want %s", got, t0)
	}
	if wake, err := c.WakeWall(t.Context(), t0.Add(dy)); err != nil || wake != t0.Add(dy) {
		t.Errorf("WakeWall = %s, %v; want the instant itself", wake, err)
	}
}

func TestOpenObeysTheDatabase(t *testing.T) {
	db := database(t)
	a := &agenda{}
	c, err := Open(t.Context(), db, a.pending)
	if err != nil || c != Real() {
		t.Fatalf("without a row: %T, %v; want the real clock", c, err)
	}
	if err := Set(t.Context(), db, Setting{Start: t0, Rate: 60}); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), db, a.pending); err != nil || c == Real() {
		t.Fatalf("with a row: %T, %v; want the rehearsal", c, err)
	}
	if got := now(t, c); got.Before(t0) || got.After(t0.Add(time.Hour)) {
		t.Errorf("Now = %s, want shortly after the start %s", got, t0)
	}
	if err := Clear(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(t.Context(), db, a.pending); err != nil || c != Real() {
		t.Fatalf("after Clear: %T, %v; want the real clock", c, err)
	}
}

func TestOpenWithoutTheTableSaysWhatToDo(t *testing.T) {
	db := connect(t, "postgres")
	_, err := Open(t.Context(), db, (&agenda{}).pending)
	if err == nil || !strings.Contains(err.Error(), "duly migrate") {
		t.Errorf("err = %v, want it to name the migration", err)
	}
}

func TestSetRefusesNonsense(t *testing.T) {
	db := database(t)
	for _, c := range []struct {
		why string
		s   Setting
	}{
		{"a clock that stands would never finish", Setting{Start: t0, Rate: 0}},
		{"a clock that runs backwards", Setting{Start: t0, Rate: -1}},
		{"no start", Setting{Rate: 1}},
		{"a negative hold", Setting{Start: t0, Rate: 1, Hold: -1}},
		{"an infinite rate", Setting{Start: t0, Rate: math.Inf(1)}},
	} {
		if err := Set(t.Context(), db, c.s); err == nil {
			t.Errorf("%s: accepted", c.why)
		}
	}
	if err := Set(t.Context(), db, Setting{Start: t0, Rate: 1}); err != nil {
		t.Errorf("a plain setting: %v", err)
	}
}

func TestRehearsalWaitsForWork(t *testing.T) {
	db, w, a := database(t), &fakeWall{now: w0}, &agenda{}
	r := rehearsal(t, db, w, a)
	a.set(t0.Add(3*dy), t0.Add(5*dy))
	w.Add(4 * time.Second)
	if got := now(t, r); got != t0.Add(3*dy) {
		t.Fatalf("Now = %s, want the work at %s", got, t0.Add(3*dy))
	}
	a.set(t0.Add(5 * dy))
	if got := now(t, r); got != t0.Add(4*dy) {
		t.Fatalf("Now = %s after the work, want the line %s", got, t0.Add(4*dy))
	}
	w.Add(2 * time.Second)
	for range 19 { // held for 1.9 of 2 seconds
		now(t, r)
		w.Add(100 * time.Millisecond)
	}
	if got := now(t, r); got != t0.Add(5*dy) {
		t.Fatalf("Now = %s within the hold, want %s", got, t0.Add(5*dy))
	}
	w.Add(100 * time.Millisecond)
	now(t, r)
	line := t0.Add(8 * dy)
	if got := now(t, r); got != line {
		t.Fatalf("Now = %s after the hold, want the line %s: the delay is real", got, line)
	}
}

func TestRestartedProcessGoesOn(t *testing.T) {
	db, w, a := database(t), &fakeWall{now: w0}, &agenda{}
	r := rehearsal(t, db, w, a)
	w.Add(2 * time.Second)
	first := now(t, r)
	w.Add(-time.Second) // the other process' clock is behind
	if got := now(t, reopen(t, db, w, a)); got != first {
		t.Errorf("Now = %s in the next process, want %s", got, first)
	}
}

func TestWakeWall(t *testing.T) {
	db, w, a := database(t), &fakeWall{now: w0}, &agenda{}
	r := rehearsal(t, db, w, a)
	w.Add(time.Second)
	for _, c := range []struct {
		why  string
		at   time.Time
		want time.Time
	}{
		{"what has come is now", t0, w.Now()},
		{"what is to come follows from the rate", t0.Add(3 * dy), w0.Add(3 * time.Second)},
	} {
		got, err := r.WakeWall(t.Context(), c.at)
		if err != nil || got != c.want {
			t.Errorf("%s: WakeWall(%s) = %s, %v; want %s", c.why, c.at, got, err, c.want)
		}
	}
}

func TestErrorsComeThrough(t *testing.T) {
	db, w, a := database(t), &fakeWall{now: w0}, &agenda{}
	r := rehearsal(t, db, w, a)
	a.err = errors.New("no such table")
	if _, err := r.Now(t.Context()); !errors.Is(err, a.err) {
		t.Errorf("Now: err = %v, want the one of Pending", err)
	}
	if _, err := r.WakeWall(t.Context(), t0.Add(dy)); !errors.Is(err, a.err) {
		t.Errorf("WakeWall: err = %v, want the one of Pending", err)
	}
	if _, err := Await(t.Context(), r, t0.Add(dy), time.Second); !errors.Is(err, a.err) {
		t.Errorf("Await: err = %v, want the one of Pending", err)
	}
	a.err = nil
	if err := Clear(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Now(t.Context()); err == nil {
		t.Error("a rehearsal that was cleared went on: a running worker would jump into the present")
	}
}

// Two processes with two pools and wall clocks that differ read one row while work
// is finished and planned: in every process the clock only goes forward, across
// processes too, and it never passes work.
func TestTwoProcessesOnOneRow(t *testing.T) {
	db, a := database(t), &agenda{}
	walls := []*fakeWall{{now: w0}, {now: w0.Add(-30 * time.Millisecond)}}
	rehearsal(t, db, walls[0], a)
	var (
		mu      sync.Mutex
		highest time.Time
		wg      sync.WaitGroup
	)
	a.set(t0.Add(dy))
	for i := range 4 {
		w := walls[i%2]
		r := reopen(t, connect(t, db.Config().ConnConfig.Database), w, a)
		wg.Go(func() {
			for n := range 150 {
				w.Add(7 * time.Millisecond)
				mu.Lock()
				floor := highest
				mu.Unlock()
				due, ok, _ := a.pending(t.Context(), time.Time{})
				got, err := r.Now(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if got.Before(floor) {
					t.Errorf("reader %d: %s after %s was seen: went back", i, got, floor)
				}
				if later, _, _ := a.pending(t.Context(), time.Time{}); ok && got.After(later) && due.Equal(later) {
					t.Errorf("reader %d: at %s, past the work at %s", i, got, due)
				}
				highest = maxTime(highest, got)
				if n%10 == 0 && !got.Before(due) {
					a.move(due, due.Add(6*time.Hour))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if !highest.After(t0.Add(dy)) {
		t.Errorf("the clock got to %s only: it hung", highest)
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestFirstOf(t *testing.T) {
	at := func(ds ...time.Duration) Pending {
		a := &agenda{}
		for _, d := range ds {
			a.ats = append(a.ats, t0.Add(d))
		}
		return a.pending
	}
	fails := func(context.Context, time.Time) (time.Time, bool, error) {
		return time.Time{}, false, errors.New("away")
	}
	for _, c := range []struct {
		why     string
		sources []Pending
		want    time.Duration
		ok, err bool
	}{
		{"no source: nothing", nil, 0, false, false},
		{"sources without work: nothing", []Pending{at(), at()}, 0, false, false},
		{"the earliest counts, wherever it is", []Pending{at(3*dy, 4*dy), at(), at(2*dy, 9*dy)}, 2 * dy, true, false},
		{"what was given up does not count", []Pending{at(dy, 3*dy), at(dy)}, 3 * dy, true, false},
		{"a source that fails must not be taken for one without work", []Pending{at(2 * dy), fails}, 0, false, true},
	} {
		got, ok, err := FirstOf(c.sources...)(t.Context(), t0.Add(dy))
		if ok != c.ok || (err != nil) != c.err || ok && got != t0.Add(c.want) {
			t.Errorf("%s: %s, %v, %v", c.why, got, ok, err)
		}
	}
}

func TestAwait(t *testing.T) {
	db, a := database(t), &agenda{}
	if err := Set(t.Context(), db, Setting{Start: t0, Rate: 86400}); err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), db, a.pending)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Await(t.Context(), c, t0.Add(time.Hour), 10*time.Second); err != nil || got.Before(t0.Add(time.Hour)) {
		t.Errorf("Await = %s, %v; want it to wait until the clock is there", got, err)
	}
	far := now(t, c).Add(1000 * dy)
	if got, err := Await(t.Context(), c, far, 50*time.Millisecond); err != nil || !got.Before(far) {
		t.Errorf("Await = %s, %v; want it to give up after its patience, without an error", got, err)
	}
	looks := 0
	stirred := func(context.Context) bool { looks++; return looks == 3 }
	if got, err := AwaitUnless(t.Context(), c, far, time.Minute, stirred); err != nil || !got.Before(far) || looks != 3 {
		t.Errorf("AwaitUnless = %s, %v after %d looks; want it to end as soon as something has happened", got, err, looks)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Await(ctx, Real(), Wall().Add(time.Hour), time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want the context's", err)
	}
	if got, err := Await(t.Context(), Real(), Wall().Add(30*time.Millisecond), time.Minute); err != nil || got.IsZero() {
		t.Errorf("Await on the real clock = %s, %v", got, err)
	}
}

// A thousand sleepers that wait for one instant must not ask the database a
// thousand times each poll.
func TestAwaitSharesReadings(t *testing.T) {
	db, w := database(t), &fakeWall{now: w0}
	var mu sync.Mutex
	reads := 0
	a := &agenda{}
	rehearsal(t, db, w, a)
	counted := func(ctx context.Context, after time.Time) (time.Time, bool, error) {
		mu.Lock()
		reads++
		mu.Unlock()
		return a.pending(ctx, after)
	}
	c, err := open(t.Context(), db, counted, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 300 { // the fake wall stands still: all share the first reading
		wg.Go(func() {
			if _, err := Await(context.Background(), c, t0.Add(dy), 5*time.Millisecond); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if reads != 1 {
		t.Errorf("%d readings for 300 that wait at one wall instant, want 1", reads)
	}
}

func TestRefuseLive(t *testing.T) {
	_, w, a := database(t), &fakeWall{now: w0}, &agenda{}
	db := connect(t, "clock_TestRefuseLive")
	r := rehearsal(t, db, w, a)
	for _, c := range []struct {
		why, base string
		live      bool
	}{
		{"the provider's own address", "", true},
		{"a proxy somewhere in the network", "https://twilio.proxy.example", true},
		{"a name that only begins like this machine", "http://localhost.example.com", true},
		{"a user part that looks like this machine", "http://127.0.0.1@api.twilio.com/", true},
		{"an address that cannot be read", "http://127.0.0.1:port:/%zz", true},
		{"all interfaces is no loopback address", "http://0.0.0.0:9000", true},
		{"this machine by number", "http://127.0.0.1:9000", false},
		{"all of 127/8 is this machine", "http://127.8.8.8", false},
		{"this machine in IPv6", "http://[::1]:9000", false},
		{"this machine as IPv4 in IPv6", "http://[::ffff:127.0.0.1]:9000", false},
		{"this machine by name", "http://LOCALHOST.:9000", false},
	} {
		p := Provider{Name: "Twilio", BaseURL: c.base}
		if p.Live() != c.live {
			t.Errorf("%s: Live(%q) = %v, want %v", c.why, c.base, p.Live(), c.live)
		}
		err := RefuseLive(r, Provider{Name: "SendGrid", BaseURL: "http://127.0.0.1:1"}, p)
		if (err != nil) != c.live {
			t.Errorf("%s: in rehearsal: err = %v", c.why, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "Twilio") || strings.Contains(err.Error(), "SendGrid")) {
			t.Errorf("%s: %v; want it to name the live provider only", c.why, err)
		}
		if err := RefuseLive(Real(), p); err != nil {
			t.Errorf("%s: on the real clock: %v", c.why, err)
		}
	}
	if err := RefuseLive(Fixed(t0), Provider{Name: "Twilio"}); err == nil {
		t.Error("a fixed clock is not the real one either: live providers must be refused")
	}
}
