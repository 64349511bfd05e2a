// Package money holds exact amounts of one currency.
//
// It owns parsing, adding, comparing, splitting and writing of amounts. It does
// not own exchange rates, interest or locale formatting. The number of decimal
// places of a currency comes from golang.org/x/text/currency (ISO 4217).
// Amounts are whole minor units (cents); there are no floats anywhere.
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// MaxMinor bounds every amount (nine trillion in a currency with two decimal
// places), so that sums of a thousand of them cannot overflow.
const MaxMinor = 9_000_000_000_000_000

// ErrMixed is returned when amounts of two currencies meet.
var ErrMixed = errors.New("amounts of two currencies cannot be combined")

// Amount is an exact amount of money. The zero value is "no amount" and has no
// currency; it may be added to anything.
type Amount struct {
	minor int64
	cur   string
}

// Digits returns the number of decimal places of an ISO 4217 currency.
func Digits(cur string) (int, error) {
	u, err := currency.ParseISO(cur)
	if err != nil || u.String() != cur {
		return 0, fmt.Errorf("%q is not an ISO 4217 currency code in capitals, such as USD", cur)
	}
	scale, _ := currency.Standard.Rounding(u)
	return scale, nil
}

// FromMinor makes an amount of minor units (cents) of an ISO 4217 currency.
func FromMinor(minor int64, cur string) (Amount, error) {
	if _, err := Digits(cur); err != nil {
		return Amount{}, err
	}
	if minor > MaxMinor || minor < -MaxMinor {
		return Amount{}, fmt.Errorf("amount of %d minor units is out of range", minor)
	}
	return Amount{minor, cur}, nil
}

// Of makes an amount in the same currency as a; it is FromMinor for callers
// that already hold a valid currency. Out of range values saturate.
func (a Amount) Of(minor int64) Amount {
	return Amount{max(min(minor, MaxMinor), -MaxMinor), a.cur}
}

// Parse reads a plain decimal such as "1234.50" or "-3". More decimal places
// than the currency has are refused, unless they are zeros.
func Parse(s, cur string) (Amount, error) {
	digits, err := Digits(cur)
	if err != nil {
		return Amount{}, err
	}
	minor, err := parseMinor(s, digits)
	if err != nil {
		return Amount{}, fmt.Errorf("amount in %s: %w", cur, err)
	}
	return FromMinor(minor, cur)
}

// MustParse is Parse for constants in code and tests; it panics on an error.
func MustParse(s, cur string) Amount {
	a, err := Parse(s, cur)
	if err != nil {
		panic(err)
	}
	return a
}

func parseMinor(s string, digits int) (int64, error) {
	body, neg := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(body, ".")
	if whole == "" || strings.HasSuffix(s, ".") {
		return 0, errors.New("must be a decimal number such as 12.50")
	}
	kept := strings.TrimRight(frac, "0")
	if len(kept) > digits {
		return 0, fmt.Errorf("has more than %d decimal places", digits)
	}
	kept += strings.Repeat("0", digits-len(kept))
	for _, r := range whole + kept {
		if r < '0' || r > '9' {
			return 0, errors.New("must be a decimal number such as 12.50")
		}
	}
	n, err := strconv.ParseInt(whole+kept, 10, 64)
	if err != nil || n > MaxMinor {
		return 0, errors.New("is out of range")
	}
	if neg {
		n = -n
	}
	return n, nil
}

// Minor returns the amount in minor units (cents).
func (a Amount) Minor() int64 { return a.minor }

// Currency returns the ISO 4217 code, or "" for the zero value.
func (a Amount) Currency() string { return a.cur }

// IsZero reports whether the amount is nothing.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Add returns a + b, or ErrMixed.
func (a Amount) Add(b Amount) (Amount, error) {
	cur, err := common(a, b)
	if err != nil {
		return Amount{}, err
	}
	return Amount{cur: cur}.Of(saturatingAdd(a.minor, b.minor)), nil
}

// Sub returns a − b, or ErrMixed.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// Neg returns −a.
func (a Amount) Neg() Amount { return Amount{-a.minor, a.cur} }

// Cmp compares two amounts of one currency: −1, 0 or +1; ErrMixed otherwise.
func (a Amount) Cmp(b Amount) (int, error) {
	if _, err := common(a, b); err != nil {
		return 0, err
	}
	switch {
	case a.minor < b.minor:
		return -1, nil
	case a.minor > b.minor:
		return 1, nil
	}
	return 0, nil
}

// Split cuts a into n parts that add up to a exactly and differ by at most one
// minor unit; the larger parts come first. n below 1 gives nil.
func (a Amount) Split(n int) []Amount {
	if n < 1 {
		return nil
	}
	base, rest := a.minor/int64(n), a.minor%int64(n)
	parts := make([]Amount, n)
	for i := range parts {
		m := base
		if int64(i) < abs(rest) {
			m += sign(rest)
		}
		parts[i] = Amount{m, a.cur}
	}
	return parts
}

// Decimal writes the plain number: "1234.50".
func (a Amount) Decimal() string {
	digits, err := Digits(a.cur)
	if err != nil {
		digits = 0
	}
	s := strconv.FormatInt(abs(a.minor), 10)
	if pad := digits + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	if digits > 0 {
		s = s[:len(s)-digits] + "." + s[len(s)-digits:]
	}
	if a.minor < 0 {
		s = "-" + s
	}
	return s
}

// String writes number and currency: "1234.50 USD".
func (a Amount) String() string { return strings.TrimSpace(a.Decimal() + " " + a.cur) }

type wire struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// MarshalJSON writes {"amount":"1234.50","currency":"USD"}; the zero value is null.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a.cur == "" {
		return []byte("null"), nil
	}
	return json.Marshal(wire{a.Decimal(), a.cur})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Amount) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*a = Amount{}
		return nil
	}
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf(`amount must look like {"amount":"12.50","currency":"USD"}: %w`, err)
	}
	v, err := Parse(w.Amount, w.Currency)
	*a = v
	return err
}

func common(a, b Amount) (string, error) {
	switch {
	case a.cur == b.cur || b.cur == "" && b.minor == 0:
		return a.cur, nil
	case a.cur == "" && a.minor == 0:
		return b.cur, nil
	}
	return "", fmt.Errorf("%w: %s and %s", ErrMixed, a.cur, b.cur)
}

func saturatingAdd(a, b int64) int64 {
	if s := a + b; b == 0 || (s > a) == (b > 0) {
		return s
	}
	if b > 0 {
		return math.MaxInt64
	}
	return math.MinInt64
}

func abs(n int64) int64 { return max(n, -n) }

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}
