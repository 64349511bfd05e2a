package dunning

import "time"

// AddDays returns the date n calendar days later (or earlier).
func (d Date) AddDays(n int) Date {
	return DateOf(time.Date(d.Year, d.Month, d.Day+n, 12, 0, 0, 0, time.UTC))
}

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool {
	if d.Year != e.Year {
		return d.Year < e.Year
	}
	if d.Month != e.Month {
		return d.Month < e.Month
	}
	return d.Day < e.Day
}

// Days returns the number of calendar days from d to e.
func (d Date) Days(e Date) int { return int(e.utc().Sub(d.utc()) / (24 * time.Hour)) }

// Weekday of the date.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// MonthEnd is the last day of the date's month.
func (d Date) MonthEnd() Date {
	return DateOf(time.Date(d.Year, d.Month+1, 0, 12, 0, 0, 0, time.UTC))
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// StartOfDay is the first instant of a calendar day in a zone, also where a
// clock change swallows or repeats midnight.
func StartOfDay(d Date, loc *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
	if from, until := t.ZoneBounds(); (from.IsZero() || t.Sub(from) > 26*time.Hour) && (until.IsZero() || until.Sub(t) > 26*time.Hour) {
		return t // the usual case: no clock change near
	}
	if DateOf(t) == d && DateOf(t.Add(-time.Hour)).Before(d) && DateOf(t.Add(-1)).Before(d) {
		return t
	}
	lo, hi := t.Add(-30*time.Hour), t.Add(30*time.Hour)
	for hi.Sub(lo) > 1 {
		mid := lo.Add(hi.Sub(lo) / 2)
		if DateOf(mid.In(loc)).Before(d) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// dayBegun is the instant at which a day has begun in every candidate zone.
func (f *Facts) dayBegun(d Date) time.Time {
	var latest time.Time
	for _, z := range f.Zones {
		if t := StartOfDay(d, z); t.After(latest) {
			latest = t
		}
	}
	return latest
}

// dayEnded is the instant at which a day is over in every candidate zone.
func (f *Facts) dayEnded(d Date) time.Time { return f.dayBegun(d.AddDays(1)) }

// daysAfter is the instant from which, in every candidate zone, at least n
// local calendar days lie between the day of t and the current day.
func (f *Facts) daysAfter(t time.Time, n int) time.Time {
	var latest time.Time
	for _, z := range f.Zones {
		if s := StartOfDay(DateOf(t.In(z)).AddDays(n), z); s.After(latest) {
			latest = s
		}
	}
	return latest
}

// stop is an interval in which the clock of an item does not run. A zero end
// is open.
type stop struct{ from, end time.Time }

// pushDays is the smallest n with from + n local calendar days ≥ end, the
// largest over all candidate zones.
func (f *Facts) pushDays(from, end time.Time) int {
	most := 0
	for _, z := range f.Zones {
		l := from.In(z)
		n := max(int(end.Sub(from)/(24*time.Hour))-2, 0)
		for addLocalDays(l, n).Before(end) {
			n++
		}
		most = max(most, n)
	}
	return most
}

// addLocalDays keeps the local time of day.
func addLocalDays(t time.Time, n int) time.Time {
	y, m, d := t.Date()
	h, mi, s := t.Clock()
	return time.Date(y, m, d+n, h, mi, s, t.Nanosecond(), t.Location())
}

// rounded is the end of a stop after rounding up to whole local days.
func (f *Facts) rounded(s stop) time.Time {
	if s.end.IsZero() {
		return s.end
	}
	n, latest := f.pushDays(s.from, s.end), time.Time{}
	for _, z := range f.Zones {
		if t := addLocalDays(s.from.In(z), n); t.After(latest) {
			latest = t
		}
	}
	return latest
}

// mergeStops joins stops (sorted by from) that overlap after rounding.
func (f *Facts) mergeStops(in []stop) []stop {
	var out []stop
	for _, s := range in {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if e := f.rounded(*last); e.IsZero() || s.from.Before(e) {
				last.end = laterEnd(e, s.end)
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// laterEnd is the later of two ends, where zero is open.
func laterEnd(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if b.After(a) {
		return b
	}
	return a
}

// matured is when a day has come for an item, by live days since its birth.
func (f *Facts) matured(day Date, it *ItemState, stops []stop) (at time.Time, ok bool) {
	if len(stops) == 0 {
		return f.dayBegun(day), true
	}
	return f.live(day, stops, f.birth(it))
}

// live moves a day by the days that stops took away: every stop that began
// before the day pushes it by whole days. ok is false while an open stop holds it.
func (f *Facts) live(day Date, stops []stop, since time.Time) (at time.Time, ok bool) {
	at = f.dayBegun(day)
	for _, s := range stops {
		if !s.end.IsZero() && !s.end.After(since) {
			continue
		}
		if s.from.Before(since) {
			s.from = since
		}
		if !s.from.Before(at) {
			break
		}
		if s.end.IsZero() {
			return time.Time{}, false
		}
		day = day.AddDays(f.pushDays(s.from, s.end))
		at = f.dayBegun(day)
	}
	return at, true
}

// windowOpen is the earliest instant at or after t inside the creditor's own
// window in every candidate zone; ok is false when a year has none.
func (f *Facts) windowOpen(w Window, t time.Time) (time.Time, bool) {
	if w.IsZero() {
		return t, true
	}
	for range 800 {
		moved := t
		for _, z := range f.Zones {
			if m := f.windowIn(w, moved, z); m.After(moved) {
				moved = m
			}
		}
		if moved.Equal(t) {
			return t, true
		}
		t = moved
	}
	return time.Time{}, false
}

// windowIn is the earliest instant at or after t inside the window in one
// zone, or the start of the next day when this one has none left.
func (f *Facts) windowIn(w Window, t time.Time, z *time.Location) time.Time {
	d := DateOf(t.In(z))
	if !w.Days[d.Weekday()] || w.SkipHolidays && f.holiday(d) {
		return StartOfDay(d.AddDays(1), z)
	}
	from, to := minuteOf(d, w.From, z), minuteOf(d, w.To, z)
	switch {
	case t.Before(from):
		return from
	case t.Before(to):
		return t
	}
	return StartOfDay(d.AddDays(1), z)
}

func minuteOf(d Date, minutes int, z *time.Location) time.Time {
	if minutes >= 24*60 {
		return StartOfDay(d.AddDays(1), z)
	}
	return time.Date(d.Year, d.Month, d.Day, minutes/60, minutes%60, 0, 0, z)
}

func (f *Facts) holiday(d Date) bool {
	if f.Setup.Holiday == nil {
		return false
	}
	return f.Known.Holidays != "" && f.Setup.Holiday(f.Known.Holidays, d) ||
		f.Creditor.Holidays != "" && f.Setup.Holiday(f.Creditor.Holidays, d)
}

// businessDay is d itself or the next day that is neither weekend nor holiday.
func (f *Facts) businessDay(d Date) Date {
	for range 30 {
		if wd := d.Weekday(); wd != time.Saturday && wd != time.Sunday && !f.holiday(d) {
			return d
		}
		d = d.AddDays(1)
	}
	return d
}
