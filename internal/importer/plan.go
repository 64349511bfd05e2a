package importer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/config/mapping"
)

// Creditor is what an import needs to know of the creditor.
type Creditor struct {
	ID       string
	Zone     *time.Location // days begin in this zone
	Currency string         // accounts in it are named by their key alone; in another, with the currency behind
}

// Locate finds candidate zones (IANA) and jurisdictions (such as US-MA) from
// what is known of a place and a phone number in E.164, the best evidence first;
// "" is unknown. It must answer the same for the same input.
type Locate func(country, state, zip, phone string) Located

// Located are candidates of where somebody may be, and for each what points there.
type Located struct {
	Zones, Places []string
	Evidence      map[string]string
}

// Options surround a mapping.
type Options struct {
	// Creditor goes before what the mapping says of its creditor.
	Creditor Creditor
	// Locate may be nil: then only zones that the file or the mapping states are known.
	Locate Locate
}

// plan is a mapping compiled for one header.
type plan struct {
	m         mapping.Mapping
	kind      mapping.Kind
	numbers   numbers
	patterns  []mapping.Pattern
	sources   []source // by position of the field in mapping.FieldNames
	sums      map[mapping.Field][]int
	dueFrom   []int
	where     []filter
	creditor  Creditor
	locate    Locate
	postAt    time.Duration
	disputeAt time.Duration
	header    header
}

// source is where a field comes from.
type source struct {
	field      mapping.Field
	column     int // -1 = none
	constant   string
	template   *mapping.Template
	transforms []mapping.Transform
	values     map[string]string
}

// filter is a compiled Where.
type filter struct {
	column int
	is     []string
	not    []string
}

// noon is when payments post that have a date only.
const noon = 12 * time.Hour

func compile(m mapping.Mapping, h header, o Options) (*plan, error) {
	p := &plan{m: m, kind: m.Kind, header: h, locate: o.Locate, sums: map[mapping.Field][]int{}}
	p.numbers = numbers{decimal: m.File.DecimalMark(), thousands: m.File.Thousands}
	var err error
	if p.patterns, err = m.File.Patterns(); err != nil {
		return nil, err
	}
	if p.creditor, err = creditorOf(m, o.Creditor); err != nil {
		return nil, err
	}
	for _, f := range mapping.FieldNames() {
		s, err := p.source(f)
		if err != nil {
			return nil, err
		}
		p.sources = append(p.sources, s)
	}
	for f, columns := range m.Sums {
		p.sums[f] = p.columns(columns)
	}
	if m.Due != nil {
		p.dueFrom = p.columns(m.Due.FirstOf)
	}
	for _, w := range m.Where {
		p.where = append(p.where, filter{h.index(w.Column), w.Is, w.Not})
	}
	p.postAt, p.disputeAt = timeOfDay(m.PostAt), noon
	if m.Disputes != nil {
		p.disputeAt = timeOfDay(m.Disputes.At)
	}
	return p, nil
}

// creditorOf completes what the caller knows by what the mapping says.
func creditorOf(m mapping.Mapping, c Creditor) (Creditor, error) {
	if c.ID == "" {
		c.ID = m.Creditor
	}
	if c.Currency == "" {
		c.Currency = m.Constants.Currency
	}
	if c.Zone != nil {
		return c, nil
	}
	if m.CreditorZone == "" {
		return c, &FileError{Message: fmt.Sprintf("the zone in which days begin is not known: name a creditor, or set creditor_zone in the mapping %s", m.Mapping)}
	}
	zone, err := time.LoadLocation(m.CreditorZone)
	if err != nil {
		return c, &FileError{Message: fmt.Sprintf("creditor_zone %q of the mapping %s is no time zone: %v", m.CreditorZone, m.Mapping, err)}
	}
	c.Zone = zone
	return c, nil
}

func timeOfDay(text string) time.Duration {
	hour, minute, err := mapping.ParseTime(text)
	if err != nil { // "": the default; anything else was refused by Validate
		return noon
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

func (p *plan) source(f mapping.Field) (source, error) {
	s := source{field: f, column: -1, constant: p.m.Constants.Get(f), transforms: p.m.Transforms[f], values: p.m.Values[f]}
	if name := p.m.Columns.Get(f); name != "" {
		s.column = p.header.index(name)
	}
	if text := p.m.Templates.Get(f); text != "" {
		t, err := mapping.ParseTemplate(text)
		if err != nil {
			return s, err
		}
		s.template = &t
	}
	return s, nil
}

func (p *plan) columns(names []string) []int {
	out := make([]int, len(names))
	for i, n := range names {
		out[i] = p.header.index(n)
	}
	return out
}

// at is the instant of a local time on a day in the creditor's zone. A time
// that the zone skips moves on as package time does.
func (p *plan) at(day time.Time, clock time.Duration) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, int(clock/time.Hour), int(clock/time.Minute)%60, 0, 0, p.creditor.Zone).UTC()
}

// keeps reports whether a row passes every filter.
func (p *plan) keeps(cells []string) bool {
	for _, f := range p.where {
		v := cells[f.column]
		if len(f.is) > 0 && !slices.Contains(f.is, v) || slices.Contains(f.not, v) {
			return false
		}
	}
	return true
}

// clean applies what the mapping says of a field to a cell.
func (p *plan) clean(s source, v string) string {
	v = strings.TrimSpace(v)
	if v == "" {
		return ""
	}
	for _, e := range p.m.File.Empty {
		if strings.EqualFold(v, e) {
			return ""
		}
	}
	for _, t := range s.transforms {
		v = t.Apply(v)
	}
	if to, ok := s.values[v]; ok {
		v = to
	}
	return v
}
