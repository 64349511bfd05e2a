package simulator

import (
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/whatif"
)

// maxMonths bounds the calendar; the story goes on below it.
const maxMonths = 12

// month is a page of the calendar, weeks from Monday.
type month struct {
	Title string
	Weeks [][7]cell
}

// cell is one day; without a number it belongs to another month.
type cell struct {
	N       int
	Date    dunning.Date
	Outside bool   // before the beginning or after the end
	Closed  bool   // a weekend, or a day that the sequence leaves out
	Holiday string // its name
	Shift   string // clocks change: "+1h" or "−1h"
	Marks   []mark
}

// mark is an event of a day.
type mark struct{ Kind, Text string }

// months are the calendar of a life: as far as something happens, at most a year.
func months(r whatif.Result, moments []moment) []month {
	s := r.Sides[0]
	first, last := dunning.DateOf(r.From.In(s.Local)), dunning.DateOf(r.From.In(s.Local)).AddDays(28)
	on := map[dunning.Date][]mark{}
	for _, m := range moments {
		if text := markText(m); text != "" {
			on[m.Day] = append(on[m.Day], mark{m.Mark, text})
		}
		if last.Before(m.Day) {
			last = m.Day
		}
	}
	if end := dunning.DateOf(r.Until.Add(-time.Second).In(s.Local)); end.Before(last) {
		last = end
	}
	var out []month
	for at := (dunning.Date{Year: first.Year, Month: first.Month, Day: 1}); !last.Before(at) && len(out) < maxMonths; at = at.MonthEnd().AddDays(1) {
		out = append(out, monthOf(&s, at, first, last, on))
	}
	return out
}

func markText(m moment) string {
	switch m.Kind {
	case "contact":
		return channelWord(m.Channel)
	case "deferred":
		return "later"
	case "task", "escalated":
		return "task"
	case "closed", "referred", "bounced", "exhausted", "plan", "promise":
		return m.Kind
	}
	return ""
}

func monthOf(s *whatif.Side, at, first, last dunning.Date, on map[dunning.Date][]mark) month {
	m := month{Title: fmt.Sprintf("%s %d", at.Month, at.Year)}
	var week [7]cell
	for d := at; d.Month == at.Month; d = d.AddDays(1) {
		column := (int(d.Weekday()) + 6) % 7
		week[column] = cellOf(s, d, first, last, on[d])
		if column == 6 || d == at.MonthEnd() {
			m.Weeks = append(m.Weeks, week)
			week = [7]cell{}
		}
	}
	return m
}

func cellOf(s *whatif.Side, d, first, last dunning.Date, marks []mark) cell {
	c := cell{N: d.Day, Date: d, Outside: d.Before(first) || last.Before(d), Marks: marks}
	c.Closed = d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
	if !s.Window.IsZero() {
		c.Closed = !s.Window.Days[d.Weekday()]
	}
	for _, calendar := range s.Calendars {
		if calendar != "" && c.Holiday == "" && s.Config.Holiday(calendar, d) {
			if c.Holiday = s.Config.HolidayName(calendar, d); c.Holiday == "" {
				c.Holiday = "holiday"
			}
		}
	}
	_, before := dunning.StartOfDay(d, s.Local).Zone()
	_, after := dunning.StartOfDay(d.AddDays(1), s.Local).Zone()
	if after != before {
		c.Shift = shift(time.Duration(after-before) * time.Second)
	}
	return c
}

// shift words by how much clocks go forward or back.
func shift(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "−", -d
	}
	if d%time.Hour == 0 {
		return fmt.Sprintf("%s%dh", sign, d/time.Hour)
	}
	return fmt.Sprintf("%s%d min", sign, d/time.Minute)
}
