package config

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
)

// Days that people can look up, among them every rule's odd cases.
func TestShippedHolidays(t *testing.T) {
	cases := []struct {
		calendar, day string
		want          bool
		why           string
	}{
		{"us-federal", "2026-01-01", true, "New Year's Day"},
		{"us-federal", "2026-01-19", true, "third Monday of January"},
		{"us-federal", "2026-05-25", true, "last Monday of May"},
		{"us-federal", "2020-06-19", false, "Juneteenth began in 2021"},
		{"us-federal", "2021-06-18", true, "Juneteenth 2021 fell on a Saturday"},
		{"us-federal", "2026-07-03", true, "4 July 2026 is a Saturday"},
		{"us-federal", "2021-12-31", true, "New Year's Day 2022 was a Saturday: the Friday lies in the year before"},
		{"us-federal", "2027-07-05", true, "4 July 2027 is a Sunday"},
		{"us-federal", "2026-11-26", true, "fourth Thursday of November"},
		{"us-federal", "2026-11-27", false, "the day after Thanksgiving is none"},
		{"us-federal", "2026-11-21", false, "an ordinary Saturday"},
		{"gb-england-wales", "2022-12-26", true, "Boxing Day"},
		{"gb-england-wales", "2022-12-27", true, "Christmas Day 2022 was a Sunday and Boxing Day took the Monday"},
		{"gb-england-wales", "2021-12-28", true, "both on a weekend: Monday and Tuesday"},
		{"gb-england-wales", "2020-05-04", false, "moved in 2020"},
		{"gb-england-wales", "2020-05-08", true, "to VE Day"},
		{"gb-england-wales", "2022-09-19", true, "the state funeral"},
		{"gb-england-wales", "2026-08-31", true, "last Monday of August"},
		{"gb-scotland", "2026-08-31", false, "Scotland has the first"},
		{"gb-scotland", "2026-08-03", true, "first Monday of August"},
		{"gb-scotland", "2022-01-04", true, "2 January 2022 was a Sunday and the Monday was taken by 1 January"},
		{"de", "2026-04-03", true, "Good Friday"},
		{"de", "2026-05-14", true, "Ascension"},
		{"de", "2026-10-03", true, "a Saturday: it stays where it is"},
		{"de", "2026-10-05", false, "nothing is moved in Germany"},
		{"de", "2017-10-31", true, "once, everywhere"},
		{"de", "2018-10-31", false, "only once"},
		{"de", "2026-06-04", false, "Corpus Christi is not nationwide"},
		{"de-by", "2026-06-04", true, "but a day in Bavaria"},
		{"de-by", "2026-10-03", true, "what it extends holds too"},
		{"de-sn", "2026-11-18", true, "the Wednesday before 23 November"},
		{"de-sn", "2022-11-16", true, "23 November 2022 was itself a Wednesday: the one before"},
		{"at", "2026-10-26", true, "Austria's national day"},
		{"target", "1999-05-01", false, "before 2000"},
		{"target", "2026-05-01", true, "since 2000"},
		{"nowhere", "2026-12-25", false, "an unknown calendar has no days"},
	}
	c := shippedConfig(t)
	for _, x := range cases {
		d, err := dunning.ParseDate(x.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Holiday(x.calendar, d); got != x.want {
			t.Errorf("%s %s: got %v (%s; name %q)", x.calendar, x.day, got, x.why, c.HolidayName(x.calendar, d))
		}
	}
	if got := c.HolidayName("us-federal", dunning.Date{Year: 2026, Month: time.July, Day: 3}); got != "Independence Day (observed)" {
		t.Errorf("name %q", got)
	}
}

// Easter Sundays that are published, the earliest and latest possible among them.
func TestEaster(t *testing.T) {
	for _, want := range []string{"1943-04-25", "2000-04-23", "2008-03-23", "2018-04-01", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25", "2285-03-22"} {
		d, _ := dunning.ParseDate(want)
		if got := easter(d.Year); got != d {
			t.Errorf("Easter %d: got %s, want %s", d.Year, got, want)
		}
	}
}

// Whatever the rules, days lie in the weekday and month they name.
func TestRulesFallWhereTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wd := rapid.IntRange(0, 6).Draw(t, "weekday")
		year := rapid.IntRange(firstYear, lastYear).Draw(t, "year")
		month := rapid.IntRange(1, 12).Draw(t, "month")
		nth := rapid.SampledFrom([]int{-1, 1, 2, 3, 4, 5}).Draw(t, "nth")
		d, ok := (HolidaySpec{Weekday: weekdays[wd], Month: month, Nth: nth}).in(year)
		if !ok {
			if nth != 5 {
				t.Fatalf("no day number %d", nth)
			}
			return
		}
		if int(noon(d).Weekday()) != wd || int(d.Month) != month {
			t.Fatalf("%s", d)
		}
		if nth > 0 && (d.Day-1)/7 != nth-1 || nth < 0 && addDays(d, 7).Month == d.Month {
			t.Fatalf("%s is not number %d", d, nth)
		}
	})
}

func BenchmarkHoliday(b *testing.B) {
	c := shippedConfig(b)
	d := dunning.Date{Year: 2026, Month: time.July, Day: 3}
	b.ReportAllocs()
	for b.Loop() {
		c.Holiday("us-federal", d)
	}
}
