package contact

import (
	"fmt"
	"sort"
	"time"
)

// Date is a calendar date, in days since 1970-01-01. The zero Date means
// "none": no rule concerns the first of January 1970.
type Date int32

// DateOf gives the date of a year, month and day.
func DateOf(year int, month time.Month, day int) Date {
	return Date(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %q: write it as YYYY-MM-DD", s)
	}
	return Date(floorDiv(t.Unix(), daySeconds)), nil
}

// String writes YYYY-MM-DD, and nothing for the zero Date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return time.Unix(int64(d)*daySeconds, 0).UTC().Format(time.DateOnly)
}

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	p, err := ParseDate(string(b))
	if err == nil {
		*d = p
	}
	return err
}

// weekday of a date; 1970-01-01 was a Thursday.
func (d Date) weekday() int { return int(floorMod(int64(d)+4, 7)) }

const daySeconds = 86400

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// calendar is a sorted list of holidays under each reading.
type calendar struct{ strict, literal []Date }

// has reports whether the date is a holiday.
func (c *calendar) has(d Date, strict bool) bool {
	if c == nil {
		return false
	}
	list := c.literal
	if strict {
		list = c.strict
	}
	lo, hi := 0, len(list)
	for lo < hi {
		m := (lo + hi) / 2
		if list[m] < d {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo < len(list) && list[lo] == d
}

// business reports whether the date is neither weekend nor holiday.
func (c *calendar) business(d Date, strict bool) bool {
	w := d.weekday()
	return w != 0 && w != 6 && !c.has(d, strict)
}

// afterBusinessDays is the n-th business day after d, d itself not counted.
func (c *calendar) afterBusinessDays(d Date, n int, strict bool) Date {
	for n > 0 {
		d++
		if c.business(d, strict) {
			n--
		}
	}
	return d
}

// The years calendars are tabulated for. Contacts outside it have no holidays.
const firstYear, lastYear = 1990, 2120

func tabulate(specs []HolidaySpec) *calendar {
	c := &calendar{}
	for y := firstYear; y <= lastYear; y++ {
		for _, h := range specs {
			d := h.in(y)
			c.strict = append(c.strict, d)
			c.literal = append(c.literal, d)
			if h.Observed {
				switch d.weekday() {
				case 6:
					c.strict = append(c.strict, d-1)
				case 0:
					c.strict = append(c.strict, d+1)
				}
			}
		}
	}
	for _, l := range [][]Date{c.strict, c.literal} {
		sort.Slice(l, func(i, j int) bool { return l[i] < l[j] })
	}
	return c
}

// in gives the holiday of one year.
func (h HolidaySpec) in(year int) Date {
	switch {
	case h.Easter != nil:
		return easter(year) + Date(*h.Easter)
	case h.Weekday == "":
		return DateOf(year, time.Month(h.Month), h.Day)
	case h.Before:
		d := DateOf(year, time.Month(h.Month), h.Day) - 1
		for d.weekday() != dayNumber(h.Weekday) {
			d--
		}
		return d
	case h.Nth < 0:
		d := DateOf(year, time.Month(h.Month)+1, 1) - 1
		for d.weekday() != dayNumber(h.Weekday) {
			d--
		}
		return d
	}
	d := DateOf(year, time.Month(h.Month), 1)
	for d.weekday() != dayNumber(h.Weekday) {
		d++
	}
	return d + Date(7*(h.Nth-1))
}

// easter is Easter Sunday in the Gregorian calendar (Meeus, Jones, Butcher).
func easter(y int) Date {
	a, b, c := y%19, y/100, y%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	month := (h + l - 7*m + 90) / 25
	return DateOf(y, time.Month(month), (h+l-7*m+33*month+19)%32)
}

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// dayNumber of a short English name, 0 = Sunday; -1 when it is none.
func dayNumber(s string) int {
	for i, n := range dayNames {
		if n == s {
			return i
		}
	}
	return -1
}
