package contact

import (
	"math"
	"time"
)

// zone is a location with the offset that holds between two transitions, so
// that most conversions are an addition. All instants are Unix seconds.
type zone struct {
	loc        *time.Location
	off        int64
	start, end int64 // the offset holds in [start, end)
}

const (
	never  = int64(1) << 60 // no instant: only a new event can help
	always = -never
)

// seek makes the cached offset the one at t.
func (z *zone) seek(t int64) {
	if t >= z.start && t < z.end {
		return
	}
	lt := time.Unix(t, 0).In(z.loc)
	_, off := lt.Zone()
	z.off = int64(off)
	s, e := lt.ZoneBounds()
	z.start, z.end = always, never
	if !s.IsZero() {
		z.start = s.Unix()
	}
	if !e.IsZero() {
		z.end = e.Unix()
	}
	if t < z.start || t >= z.end {
		// Beyond the table of transitions, package time ends the last stretch of
		// every year after 365 days, so that the last day of a leap year lies in
		// none. Offsets change on quarters of an hour.
		z.start = t - floorMod(t, quarter)
		z.end = z.start + quarter
	}
}

const quarter = 15 * 60

// local gives the local date and second of the day at t.
func (z *zone) local(t int64) (Date, int64) {
	z.seek(t)
	d := dayOf(t + z.off)
	return d, t + z.off - int64(d)*daySeconds
}

// dayOf is the date of a local time in seconds. Dividing 32 bits is a good deal
// cheaper than 64, and lasts until 2106.
func dayOf(l int64) Date {
	if uint64(l) <= math.MaxUint32 {
		return Date(uint32(l) / daySeconds)
	}
	return Date(floorDiv(l, daySeconds))
}

// date is the local date at t.
func (z *zone) date(t int64) Date {
	z.seek(t)
	return dayOf(t + z.off)
}

// instant is the first instant at which the local clock has reached second sod
// of date d: the first of two when clocks go back, the end of the gap when
// they go forward.
func (z *zone) instant(d Date, sod int64) int64 {
	want := int64(d)*daySeconds + sod
	t := want - 15*3600 // no zone is further east
	for range 8 {
		z.seek(t)
		c := max(want-z.off, t)
		if c < z.end {
			return c
		}
		t = z.end
	}
	return want
}

// startOf is the first instant of a local date.
func (z *zone) startOf(d Date) int64 { return z.instant(d, 0) }
