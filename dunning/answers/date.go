package answers

import (
	"fmt"
	"time"
)

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// String writes 2006-01-02, "" for none.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText writes 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2006-01-02 or "".
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	t, err := time.Parse("2006-01-02", string(b))
	if err != nil {
		return fmt.Errorf("date %q must be a real day written YYYY-MM-DD", b)
	}
	*d = dateOf(t)
	return nil
}

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) time() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }

func (d Date) add(days int) Date { return dateOf(d.time().AddDate(0, 0, days)) }

func (d Date) weekday() time.Weekday { return d.time().Weekday() }

func (d Date) before(e Date) bool { return d.time().Before(e.time()) }

// monthEnd is the last day of the month n months on.
func (d Date) monthEnd(n int) Date {
	return dateOf(time.Date(d.Year, d.Month+time.Month(n)+1, 0, 12, 0, 0, 0, time.UTC))
}

// real makes a date if there is such a day.
func realDay(y int, m time.Month, d int) (Date, bool) {
	if m < 1 || m > 12 || d < 1 || d > 31 || y < 1900 || y > 2200 {
		return Date{}, false
	}
	out := Date{y, m, d}
	return out, dateOf(out.time()) == out
}
