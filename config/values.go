package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"
)

// Days is a number of local days, written 3d, +14d or -3d.
type Days int

var (
	daysPattern  = regexp.MustCompile(`^[+-]?[0-9]{1,4}d$`)
	hoursPattern = regexp.MustCompile(`^[+-]?([0-9]{1,5})h$`)
)

// UnmarshalText reads "3d". Hours, weeks and bare numbers are refused: a day
// begins in the debtor's own zone and is not 24 hours.
func (d *Days) UnmarshalText(b []byte) error {
	s := string(b)
	if daysPattern.MatchString(s) {
		n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
		*d = Days(n)
		return err
	}
	if m := hoursPattern.FindStringSubmatch(s); m != nil {
		h, _ := strconv.Atoi(m[1])
		return fmt.Errorf("%q is in hours; days are counted here: write %dd", s, (h+23)/24)
	}
	if _, err := strconv.Atoi(s); err == nil {
		return fmt.Errorf("%q has no unit: write %sd for days", s, s)
	}
	return fmt.Errorf("%q is not a number of days such as 3d or -3d", s)
}

// JSONSchema describes the written form.
func (Days) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: daysPattern.String(), Examples: []any{"3d", "+14d", "-3d"}}
}

// Hours is a number of hours, written 36h or 2d (48 hours).
type Hours int

var spanPattern = regexp.MustCompile(`^([0-9]{1,5})(h|d)$`)

// UnmarshalText reads "36h" or "2d".
func (h *Hours) UnmarshalText(b []byte) error {
	m := spanPattern.FindStringSubmatch(string(b))
	if m == nil {
		return fmt.Errorf("%q is not a span such as 36h or 2d", b)
	}
	n, err := strconv.Atoi(m[1])
	if m[2] == "d" {
		n *= 24
	}
	*h = Hours(n)
	return err
}

// JSONSchema describes the written form.
func (Hours) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: spanPattern.String(), Examples: []any{"36h", "2d"}}
}

// Clock is a time of day in minutes after midnight, written "09:00"; "24:00" is the end of the day.
type Clock int

var clockPattern = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`)

// UnmarshalText reads "09:00".
func (c *Clock) UnmarshalText(b []byte) error {
	s := string(b)
	if !clockPattern.MatchString(s) {
		return fmt.Errorf("%q is not a time of day such as \"09:00\"", s)
	}
	h, _ := strconv.Atoi(s[:2])
	m, err := strconv.Atoi(s[3:])
	*c = Clock(h*60 + m)
	return err
}

// JSONSchema describes the written form.
func (Clock) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: clockPattern.String(), Examples: []any{"09:00", "18:00"}}
}

// Decimal is an exact decimal number as written, such as 25.00. It is only
// read as money together with its currency.
type Decimal string

var decimalPattern = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,6})?$`)

// UnmarshalText reads "25.00" and refuses commas, exponents and currency signs.
func (d *Decimal) UnmarshalText(b []byte) error {
	if !decimalPattern.Match(b) {
		return fmt.Errorf("%q is not an amount: write a decimal number such as 25.00", b)
	}
	*d = Decimal(b)
	return nil
}

// JSONSchema describes the written form.
func (Decimal) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Description: "a decimal number such as 25.00",
		OneOf: []*jsonschema.Schema{
			{Type: "number"},
			{Type: "string", Pattern: decimalPattern.String()},
		},
	}
}

// Amounts is one amount for each currency: {USD: 25.00, EUR: 20.00}.
type Amounts map[string]Decimal
