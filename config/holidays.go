package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/yamlpos"
)

// HolidaysSpec is a calendar file as written (holidays/*.yaml).
type HolidaysSpec struct {
	Calendar string        `yaml:"calendar" jsonschema:"required" jsonschema_description:"id; the file is named after it"`
	Title    string        `yaml:"title"`
	Source   string        `yaml:"source" jsonschema_description:"where the days come from"`
	Extends  []string      `yaml:"extends" jsonschema_description:"calendars whose days are days here too"`
	Observed string        `yaml:"observed" jsonschema:"enum=none,enum=nearest,enum=next" jsonschema_description:"what becomes of days on a weekend: nothing, the nearest weekday, or the next weekday that is free"`
	Days     []HolidaySpec `yaml:"days"`
}

// HolidaySpec is one holiday. Exactly one of date, easter, weekday and on says
// when it is.
type HolidaySpec struct {
	Name     string   `yaml:"name" jsonschema:"required"`
	Date     string   `yaml:"date" jsonschema_description:"MM-DD, every year"`
	Easter   *int     `yaml:"easter" jsonschema_description:"days after Easter Sunday, negative before it"`
	Weekday  string   `yaml:"weekday" jsonschema:"enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun" jsonschema_description:"with month and nth, or with before or after"`
	Month    int      `yaml:"month" jsonschema:"minimum=1,maximum=12"`
	Nth      int      `yaml:"nth" jsonschema_description:"1 to 5, or -1 for the last"`
	Before   string   `yaml:"before" jsonschema_description:"MM-DD: the last such weekday before it"`
	After    string   `yaml:"after" jsonschema_description:"MM-DD: the first such weekday after it"`
	On       []string `yaml:"on" jsonschema_description:"single days, YYYY-MM-DD"`
	From     int      `yaml:"from" jsonschema_description:"first year"`
	Until    int      `yaml:"until" jsonschema_description:"last year"`
	Except   []int    `yaml:"except" jsonschema_description:"years without it"`
	Observed string   `yaml:"observed" jsonschema:"enum=none,enum=nearest,enum=next" jsonschema_description:"for this day, instead of the calendar's"`
}

// Calendars are computed for these years when they are loaded.
const firstYear, lastYear = 1990, 2100

// calendar is the days of one calendar with their names.
type calendar map[dunning.Date]string

// Holiday reports whether a day is a holiday of a calendar. Weekends are none
// unless a holiday falls on them. Calendars are known for 1990 to 2100; an
// unknown calendar has no holidays.
func (c *Config) Holiday(name string, d dunning.Date) bool {
	_, is := c.calendars[name][d]
	return is
}

// HolidayName is the name of a holiday, "" on other days.
func (c *Config) HolidayName(name string, d dunning.Date) string { return c.calendars[name][d] }

// holidayFile is one calendar file while it is compiled.
type holidayFile struct {
	doc  *yamlpos.Doc
	spec HolidaysSpec
	days calendar
	busy bool // being computed: finds calendars that extend each other
}

func (l *loader) parseHolidays(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	l.docs = append(l.docs, doc)
	f := &holidayFile{doc: doc}
	if ok {
		doc.Decode(&f.spec)
		l.holidays = append(l.holidays, f)
	}
}

func (l *loader) compileHolidays() {
	byID := map[string]*holidayFile{}
	for _, f := range l.holidays {
		checkID(f.doc, "calendar", f.spec.Calendar)
		l.checkName(f.doc, "calendar", f.spec.Calendar)
		if first := byID[f.spec.Calendar]; first != nil {
			f.doc.Fault("calendar", fmt.Sprintf("calendar %q exists already", f.spec.Calendar), "in "+first.doc.File)
			continue
		}
		byID[f.spec.Calendar] = f
		f.check()
	}
	l.cfg.calendars = map[string]calendar{}
	for _, f := range l.holidays {
		l.cfg.calendars[f.spec.Calendar] = f.compute(byID)
	}
}

var (
	monthDay = regexp.MustCompile(`^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`)
	observed = []string{"none", "nearest", "next"}
)

// check reports everything wrong with the days as written.
func (f *holidayFile) check() {
	s := f.spec
	if s.Observed != "" {
		choose(f.doc, "observed", s.Observed, observed...)
	}
	if len(s.Days) == 0 && len(s.Extends) == 0 {
		f.doc.Fault("days", "the calendar has no days", "")
	}
	for i, h := range s.Days {
		at := fmt.Sprintf("days[%d]", i)
		if h.Name == "" && !f.doc.Has(at+".name") {
			f.doc.Fault(at, "the day has no name", "")
		}
		if h.Observed != "" {
			choose(f.doc, at+".observed", h.Observed, observed...)
		}
		f.checkWhen(at, h)
		if h.From != 0 && h.Until != 0 && h.From > h.Until {
			f.doc.Fault(at+".until", "the last year is before the first", "")
		}
	}
}

func (f *holidayFile) checkWhen(at string, h HolidaySpec) {
	given := 0
	for _, key := range []string{"date", "easter", "weekday", "on"} {
		if f.doc.Has(at + "." + key) {
			given++
		}
	}
	if given != 1 {
		f.doc.Fault(at, "exactly one of date, easter, weekday and on says when the day is", "")
	}
	for _, k := range []struct{ key, value string }{{"date", h.Date}, {"before", h.Before}, {"after", h.After}} {
		if k.value != "" && !monthDay.MatchString(k.value) {
			f.doc.Fault(at+"."+k.key, fmt.Sprintf("%q is not a day of the year", k.value), "write MM-DD, such as 12-25")
		}
	}
	if h.Easter != nil && (*h.Easter < -100 || *h.Easter > 100) {
		f.doc.Fault(at+".easter", "must be within 100 days of Easter", "")
	}
	for i, on := range h.On {
		if _, err := dunning.ParseDate(on); err != nil {
			f.doc.Fault(fmt.Sprintf("%s.on[%d]", at, i), err.Error(), "")
		}
	}
	if f.doc.Has(at + ".weekday") {
		f.checkWeekday(at, h)
	}
}

func (f *holidayFile) checkWeekday(at string, h HolidaySpec) {
	if !slices.Contains(weekdays, h.Weekday) {
		f.doc.Fault(at+".weekday", fmt.Sprintf("unknown day %q", h.Weekday), yamlpos.Suggest(h.Weekday, weekdays))
	}
	byMonth := h.Month != 0 || h.Nth != 0
	switch {
	case byMonth && (h.Month < 1 || h.Month > 12):
		f.doc.Fault(at+".month", "the month must be 1 to 12", "")
	case byMonth && (h.Nth < -1 || h.Nth == 0 || h.Nth > 5):
		f.doc.Fault(at+".nth", "must be 1 to 5, or -1 for the last", "")
	case byMonth == (h.Before != "" || h.After != ""):
		f.doc.Fault(at, "a weekday needs month and nth, or before, or after", "")
	}
}

// compute lists all days of all years; a faulty file gives what it can.
func (f *holidayFile) compute(byID map[string]*holidayFile) calendar {
	if f.days != nil {
		return f.days
	}
	out := calendar{}
	f.busy = true
	for i, id := range f.spec.Extends {
		at, base := fmt.Sprintf("extends[%d]", i), byID[id]
		switch {
		case base == nil:
			f.doc.Fault(at, fmt.Sprintf("unknown calendar %q", id), yamlpos.Suggest(id, slices.Collect(keysOf(byID))))
		case base.busy:
			f.doc.Fault(at, fmt.Sprintf("calendars %q and %q extend each other", f.spec.Calendar, id), "")
		default:
			for d, name := range base.compute(byID) {
				out[d] = name
			}
		}
	}
	f.busy = false
	if !f.doc.Failed() {
		f.own(out)
	}
	f.days = out
	return out
}

// own adds the file's own days, then the days on which those on weekends are
// observed: in order of date, so that two in a row find two free days.
func (f *holidayFile) own(out calendar) {
	type moved struct {
		day  dunning.Date
		name string
		how  string
	}
	var move []moved
	for _, h := range f.spec.Days {
		how := h.Observed
		if how == "" {
			how = f.spec.Observed
		}
		for _, d := range h.dates() {
			if _, taken := out[d]; !taken {
				out[d] = h.Name
			}
			if (how == "nearest" || how == "next") && weekend(d) {
				move = append(move, moved{d, h.Name, how})
			}
		}
	}
	slices.SortStableFunc(move, func(a, b moved) int { return noon(a.day).Compare(noon(b.day)) })
	for _, m := range move {
		d := addDays(m.day, 1)
		if m.how == "nearest" && noon(m.day).Weekday() == time.Saturday {
			d = addDays(m.day, -1)
		}
		for m.how == "next" && (weekend(d) || out[d] != "") {
			d = addDays(d, 1)
		}
		if out[d] == "" {
			out[d] = m.name + " (observed)"
		}
	}
}

// dates of one holiday in all years that have it.
func (h HolidaySpec) dates() (out []dunning.Date) {
	for _, on := range h.On {
		if d, err := dunning.ParseDate(on); err == nil {
			out = append(out, d)
		}
	}
	if len(h.On) > 0 {
		return out
	}
	for y := max(firstYear, h.From); y <= lastYear && (h.Until == 0 || y <= h.Until); y++ {
		if d, ok := h.in(y); ok && !slices.Contains(h.Except, y) {
			out = append(out, d)
		}
	}
	return out
}

// in is the day of the holiday in a year; 29 February is not in every year.
func (h HolidaySpec) in(year int) (dunning.Date, bool) {
	wd := time.Weekday(slices.Index(weekdays, h.Weekday))
	switch {
	case h.Date != "":
		d := dayOf(year, h.Date)
		return d, d.String()[5:] == h.Date
	case h.Easter != nil:
		return addDays(easter(year), *h.Easter), true
	case h.Before != "":
		d := addDays(dayOf(year, h.Before), -1)
		return addDays(d, -int((noon(d).Weekday()-wd+7)%7)), true
	case h.After != "":
		d := addDays(dayOf(year, h.After), 1)
		return addDays(d, int((wd-noon(d).Weekday()+7)%7)), true
	case h.Nth < 0:
		d := dunning.DateOf(time.Date(year, time.Month(h.Month)+1, 0, 12, 0, 0, 0, time.UTC))
		return addDays(d, -int((noon(d).Weekday()-wd+7)%7)), true
	}
	d := dunning.Date{Year: year, Month: time.Month(h.Month), Day: 1}
	d = addDays(d, int((wd-noon(d).Weekday()+7)%7)+7*(h.Nth-1))
	return d, d.Month == time.Month(h.Month)
}

// dayOf reads MM-DD; a day that the year does not have becomes the next one.
func dayOf(year int, md string) dunning.Date {
	m, _ := strconv.Atoi(md[:2])
	d, _ := strconv.Atoi(md[3:])
	return dunning.DateOf(time.Date(year, time.Month(m), d, 12, 0, 0, 0, time.UTC))
}

// noon is an instant of the day in UTC, for arithmetic on days only.
func noon(d dunning.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC)
}

func addDays(d dunning.Date, n int) dunning.Date { return dunning.DateOf(noon(d).AddDate(0, 0, n)) }

func weekend(d dunning.Date) bool {
	wd := noon(d).Weekday()
	return wd == time.Saturday || wd == time.Sunday
}

// easter is Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher).
func easter(year int) dunning.Date {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return dunning.Date{Year: year, Month: time.Month(n / 31), Day: n%31 + 1}
}
