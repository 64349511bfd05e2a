package dunning

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestStartOfDay(t *testing.T) {
	for _, c := range []struct{ about, zone, day, want string }{
		{"an ordinary day begins at midnight", "Europe/Berlin", "2024-05-01", "2024-05-01T00:00:00+02:00"},
		{"Beirut jumps from midnight to one o'clock", "Asia/Beirut", "2024-03-31", "2024-03-31T01:00:00+03:00"},
		{"Sao Paulo did so too while it had summer time", "America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00"},
		{"Havana repeats the hour after midnight: the first one begins the day", "America/Havana", "2024-11-03", "2024-11-03T00:00:00-04:00"},
		{"a day that Samoa skipped begins when the next one does", "Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00"},
		{"Lord Howe shifts by half an hour", "Australia/Lord_Howe", "2024-10-06", "2024-10-06T00:00:00+10:30"},
	} {
		t.Run(c.about, func(t *testing.T) {
			d, _ := ParseDate(c.day)
			if got := StartOfDay(d, zone(t, c.zone)).Format(time.RFC3339); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestStartOfDayAgainstScan compares with a scan minute by minute, in zones
// whose clock changes fall on midnight.
func TestStartOfDayAgainstScan(t *testing.T) {
	names := []string{"Asia/Beirut", "America/Havana", "Africa/Cairo", "America/Asuncion", "Asia/Tehran", "Atlantic/Azores", "America/Scoresbysund", "Pacific/Apia", "Asia/Gaza"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		d := DateOf(time.Date(rapid.IntRange(1975, 2037).Draw(t, "year"), 1, rapid.IntRange(1, 365).Draw(t, "day"), 12, 0, 0, 0, time.UTC))
		got := StartOfDay(d, z)
		for m := -20; m < 0; m++ {
			if before := got.Add(time.Duration(m) * 10 * time.Minute); !DateOf(before.In(z)).Before(d) {
				t.Fatalf("%s in %s begins at %s, but %s is already on it", d, z, got, before.In(z))
			}
		}
		if DateOf(got.In(z)).Before(d) {
			t.Fatalf("%s in %s cannot begin at %s", d, z, got)
		}
	})
}

func facts(zones ...*time.Location) *Facts { return &Facts{Zones: zones} }

func at(t testing.TB, s string) time.Time {
	v, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPushDays(t *testing.T) {
	f := facts(time.UTC)
	for _, c := range []struct {
		about, from, until string
		want               int
	}{
		{"less than a day is a day", "2024-03-05 10:00", "2024-03-05 11:00", 1},
		{"exactly a day is a day", "2024-03-05 10:00", "2024-03-06 10:00", 1},
		{"a minute more is two", "2024-03-05 10:00", "2024-03-06 10:01", 2},
		{"across the end of February in a leap year", "2024-02-28 00:00", "2024-03-01 00:00", 2},
		{"a year", "2024-01-01 00:00", "2025-01-01 00:00", 366},
	} {
		t.Run(c.about, func(t *testing.T) {
			if got := f.pushDays(at(t, c.from), at(t, c.until)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	berlin := facts(zone(t, "Europe/Berlin"))
	from := time.Date(2024, 3, 30, 12, 0, 0, 0, berlin.Zones[0])
	if got := berlin.pushDays(from, from.Add(23*time.Hour)); got != 1 {
		t.Errorf("over the change to summer time 23 hours are one local day, got %d", got)
	}
	if got := berlin.pushDays(from, from.Add(24*time.Hour)); got != 2 {
		t.Errorf("and 24 hours are more than one, got %d", got)
	}
}

func TestMergeStops(t *testing.T) {
	f := facts(time.UTC)
	day := func(s string) time.Time { return at(t, s) }
	for _, c := range []struct {
		about string
		in    []stop
		want  []stop
	}{
		{
			"apart stay apart",
			[]stop{{day("2024-03-01 10:00"), day("2024-03-02 09:00")}, {day("2024-03-02 10:00"), day("2024-03-03 09:00")}},
			[]stop{{day("2024-03-01 10:00"), day("2024-03-02 09:00")}, {day("2024-03-02 10:00"), day("2024-03-03 09:00")}},
		},
		{
			"overlapping only after rounding are one",
			[]stop{{day("2024-03-01 10:00"), day("2024-03-02 09:00")}, {day("2024-03-02 09:30"), day("2024-03-03 09:00")}},
			[]stop{{day("2024-03-01 10:00"), day("2024-03-03 09:00")}},
		},
		{
			"one inside the other",
			[]stop{{day("2024-03-01 10:00"), day("2024-03-09 09:00")}, {day("2024-03-02 09:30"), day("2024-03-03 09:00")}},
			[]stop{{day("2024-03-01 10:00"), day("2024-03-09 10:00")}},
		},
		{
			"an open one swallows what follows",
			[]stop{{day("2024-03-01 10:00"), time.Time{}}, {day("2024-05-02 09:30"), day("2024-05-03 09:00")}},
			[]stop{{day("2024-03-01 10:00"), time.Time{}}},
		},
	} {
		t.Run(c.about, func(t *testing.T) {
			got := f.mergeStops(c.in)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if !got[i].from.Equal(c.want[i].from) || !got[i].end.Equal(c.want[i].end) {
					t.Errorf("got %v, want %v", got[i], c.want[i])
				}
			}
		})
	}
}

// TestWindowAgainstScan compares the window's next opening with a scan minute
// by minute in every candidate zone.
func TestWindowAgainstScan(t *testing.T) {
	names := []string{"UTC", "America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"}
	rapid.Check(t, func(t *rapid.T) {
		f := &Facts{}
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 2, rapid.ID[string]).Draw(t, "zones") {
			z, _ := time.LoadLocation(n)
			f.Zones = append(f.Zones, z)
		}
		w := Window{From: rapid.IntRange(0, 23).Draw(t, "from") * 60, Days: [7]bool{false, true, true, true, true, true, rapid.Bool().Draw(t, "saturday")}}
		w.To = w.From + rapid.IntRange(30, 24*60-w.From).Draw(t, "minutes")
		start := time.Date(2024, 3, 8, 0, rapid.IntRange(0, 40*24*60).Draw(t, "minute"), 0, 0, time.UTC)
		got, ok := f.windowOpen(w, start)
		if ok && !insideAll(f, w, got) {
			t.Fatalf("from %s: %s is not inside the window", start, got)
		}
		until := start.Add(3 * 24 * time.Hour)
		if ok && got.Before(until) {
			until = got
		}
		for x := start; x.Before(until); x = x.Add(time.Minute) {
			if insideAll(f, w, x) {
				t.Fatalf("from %s: got %s (%v), the scan finds %s", start, got, ok, x)
			}
		}
	})
}

func insideAll(f *Facts, w Window, t time.Time) bool {
	for _, z := range f.Zones {
		l := t.In(z)
		d := DateOf(l)
		from, to := minuteOf(d, w.From, z), minuteOf(d, w.To, z)
		if !w.Days[l.Weekday()] || l.Before(from) || !l.Before(to) {
			return false
		}
	}
	return true
}
