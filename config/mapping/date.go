package mapping

import (
	"fmt"
	"strings"
	"time"
)

// Pattern is a compiled way of writing dates.
type Pattern struct {
	text  string
	parts []part
}

// part is a token or a literal text.
type part struct {
	token   string
	literal string
}

// tokens, longest first where one begins another.
var tokens = []string{"HH:MM:SS", "HH:MM", "YYYY", "YY", "MMM", "MM", "DD", "M", "D"}

// years outside of this range are typing errors, not invoices.
const (
	firstYear = 1970
	lastYear  = 2199
)

// ParsePattern compiles a pattern. YYYY and YY are years (YY: 70–99 are of the
// last century), MM and DD two digits, M and D one or two, MMM a short English
// or German name of a month; HH:MM and HH:MM:SS a time. Everything else stands
// for itself, such as the ".0" of a date kept as a float.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	for rest := text; rest != ""; {
		token := leading(rest)
		if token == "" {
			p.literal(rest[:1])
			rest = rest[1:]
			continue
		}
		p.parts = append(p.parts, part{token: token})
		rest = rest[len(token):]
	}
	return p, p.check()
}

func leading(s string) string {
	for _, t := range tokens {
		if strings.HasPrefix(s, t) {
			return t
		}
	}
	return ""
}

func (p *Pattern) literal(s string) {
	if n := len(p.parts); n > 0 && p.parts[n-1].token == "" {
		p.parts[n-1].literal += s
		return
	}
	p.parts = append(p.parts, part{literal: s})
}

func (p Pattern) check() error {
	count := map[byte]int{}
	for _, t := range p.parts {
		if t.token != "" {
			count[t.token[0]]++
			continue
		}
		for _, r := range t.literal {
			if r != 'T' && (r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
				return fmt.Errorf("date pattern %q has %q, which is no token: use YYYY, YY, MMM, MM, M, DD, D, HH:MM, HH:MM:SS", p.text, r)
			}
		}
	}
	if count['Y'] != 1 || count['M'] != 1 || count['D'] != 1 || count['H'] > 1 {
		return fmt.Errorf("date pattern %q must have a year, a month and a day once each, such as YYYY-MM-DD", p.text)
	}
	return nil
}

// String returns the pattern as it was written.
func (p Pattern) String() string { return p.text }

// shape is the pattern without knowing which number is which: a year of two
// digits looks like a day.
func (p Pattern) shape() string {
	var b strings.Builder
	for _, t := range p.parts {
		switch t.token {
		case "YY", "MM", "DD", "M", "D":
			b.WriteString("0")
		default:
			b.WriteString(t.token + t.literal)
		}
	}
	return b.String()
}

// order is the order of day and month.
func (p Pattern) order() string {
	var b strings.Builder
	for _, t := range p.parts {
		if t.token != "" && t.token[0] != 'H' {
			b.WriteByte(t.token[0])
		}
	}
	return b.String()
}

// Parse reads a date, and a time of day when the pattern has one, as a UTC
// instant whose clock reads what was written. ok is false when s is not
// written this way or is no real day.
func (p Pattern) Parse(s string) (t time.Time, ok bool) {
	year, month, day, h, m, sec := 0, 0, 0, 0, 0, 0
	for _, part := range p.parts {
		switch part.token {
		case "":
			s, ok = strings.CutPrefix(s, part.literal)
		case "YYYY":
			year, s, ok = number(s, 4, 4)
		case "YY":
			year, s, ok = number(s, 2, 2)
			year = century(year)
		case "MMM":
			month, s, ok = monthName(s)
		case "MM":
			month, s, ok = number(s, 2, 2)
		case "M":
			month, s, ok = number(s, 1, 2)
		case "DD":
			day, s, ok = number(s, 2, 2)
		case "D":
			day, s, ok = number(s, 1, 2)
		default:
			h, m, sec, s, ok = clock(s, part.token == "HH:MM:SS")
		}
		if !ok {
			return time.Time{}, false
		}
	}
	t = time.Date(year, time.Month(month), day, h, m, sec, 0, time.UTC)
	real := t.Year() == year && int(t.Month()) == month && t.Day() == day
	return t, s == "" && real && year >= firstYear && year <= lastYear
}

func number(s string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < most && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i >= least
}

func century(year int) int {
	if year >= 70 {
		return 1900 + year
	}
	return 2000 + year
}

func clock(s string, seconds bool) (h, m, sec int, rest string, ok bool) {
	h, s, ok = number(s, 2, 2)
	if !ok || !strings.HasPrefix(s, ":") {
		return 0, 0, 0, s, false
	}
	m, s, ok = number(s[1:], 2, 2)
	if ok && seconds {
		if !strings.HasPrefix(s, ":") {
			return 0, 0, 0, s, false
		}
		sec, s, ok = number(s[1:], 2, 2)
	}
	return h, m, sec, s, ok && h < 24 && m < 60 && sec < 60
}

// monthNames are the short names by month, folded to lower case.
var monthNames = [12][]string{
	{"jan"},
	{"feb"},
	{"mar", "mär", "mrz"},
	{"apr"},
	{"may", "mai"},
	{"jun"},
	{"jul"},
	{"aug"},
	{"sep"},
	{"oct", "okt"},
	{"nov"},
	{"dec", "dez"},
}

func monthName(s string) (month int, rest string, ok bool) {
	low := strings.ToLower(s)
	if len(low) != len(s) { // a letter whose lower case is of another length is in no name
		return 0, s, false
	}
	for i, spellings := range monthNames {
		for _, name := range spellings {
			if strings.HasPrefix(low, name) {
				return i + 1, strings.TrimPrefix(s[len(name):], "."), true
			}
		}
	}
	return 0, s, false
}

// ParseTime reads a local time of day "HH:MM" as hours and minutes.
func ParseTime(s string) (hour, minute int, err error) {
	h, m, _, rest, ok := clock(s, false)
	if !ok || rest != "" {
		return 0, 0, fmt.Errorf("time %q must be written HH:MM, from 00:00 to 23:59", s)
	}
	return h, m, nil
}
