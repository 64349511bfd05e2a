package locale

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

func TestMoney(t *testing.T) {
	cases := []struct{ amount, cur, tag, want string }{
		{"1234.50", "USD", "en", "$1,234.50"},
		{"0.05", "USD", "en-US", "$0.05"},
		{"-1234.50", "USD", "en", "−$1,234.50"},
		{"1234567.89", "EUR", "en-IE", "€1,234,567.89"},
		{"12.50", "CHF", "en", "CHF 12.50"},
		{"12.50", "AUD", "en-AU", "$12.50"},
		{"12.50", "USD", "en-AU", "US$12.50"},
		{"12.50", "AUD", "en", "AUD 12.50"},
		{"1234", "JPY", "en", "¥1,234"},
		{"1.234", "KWD", "en", "KWD 1.234"},
		{"1234.50", "EUR", "de", "1.234,50 €"},
		{"-0.50", "EUR", "de-DE", "−0,50 €"},
		{"1234.50", "USD", "de", "1.234,50 $"},
		{"1234.50", "CHF", "de", "1.234,50 CHF"},
		{"1234.50", "EUR", "de-AT", "€ 1 234,50"},
		{"1234.50", "CHF", "de-CH", "CHF 1’234.50"},
		{"-12.50", "CHF", "de-CH", "CHF −12.50"},
		{"1234.50", "EUR", "es", "1234,50 €"},
		{"12345.50", "EUR", "es-ES", "12.345,50 €"},
		{"1234.50", "USD", "es-US", "$1,234.50"},
		{"1234.50", "USD", "es-MX", "US$1,234.50"},
		{"1234.50", "EUR", "fr", "1\u202f234,50 €"},
		{"-1234.50", "CAD", "fr-CA", "−1 234,50 $"},
		{"999.99", "EUR", "it", "€999.99"}, // no table: English
	}
	for _, c := range cases {
		got := strings.ReplaceAll(Money(money.MustParse(c.amount, c.cur), c.tag), nbsp, " ")
		if got != c.want {
			t.Errorf("%s %s in %s: got %q, want %q", c.amount, c.cur, c.tag, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	d := dunning.Date{Year: 2026, Month: time.March, Day: 7}
	jan := dunning.Date{Year: 2027, Month: time.January, Day: 31}
	cases := []struct {
		d                dunning.Date
		tag, long, short string
	}{
		{d, "en", "March 7, 2026", "Mar 7, 2026"},
		{d, "en-GB", "7 March 2026", "7 Mar 2026"},
		{d, "de", "7. März 2026", "07.03.2026"},
		{jan, "de-AT", "31. Jänner 2027", "31.01.2027"},
		{jan, "de-DE", "31. Januar 2027", "31.01.2027"},
		{d, "es", "7 de marzo de 2026", "7 mar 2026"},
		{jan, "fr-FR", "31 janvier 2027", "31 janv. 2027"},
		{dunning.Date{}, "en", "", ""},
	}
	for _, c := range cases {
		if got := Date(c.d, c.tag); got != c.long {
			t.Errorf("%s long: got %q, want %q", c.tag, got, c.long)
		}
		if got := ShortDate(c.d, c.tag); got != c.short {
			t.Errorf("%s short: got %q, want %q", c.tag, got, c.short)
		}
	}
}

func TestMonthNamesAreNotReplacedTwice(t *testing.T) {
	for m := time.January; m <= time.December; m++ {
		got := Date(dunning.Date{Year: 2026, Month: m, Day: 1}, "en")
		if want := m.String() + " 1, 2026"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLanguages(t *testing.T) {
	if got := Languages(); !slices.Equal(got, []string{"de", "en", "es", "fr"}) {
		t.Errorf("languages %v", got)
	}
	if !Known("de-AT") || !Known("EN_us") || !Known("fr") || Known("it") {
		t.Error("known languages are wrong")
	}
}

// The digits of an amount survive every way of writing it.
func TestNoDigitIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := money.FromMinor(rapid.Int64Range(-1e15, 1e15).Draw(t, "minor"), rapid.SampledFrom([]string{"USD", "EUR", "JPY", "KWD"}).Draw(t, "cur"))
		if err != nil {
			t.Fatal(err)
		}
		tag := rapid.SampledFrom(slices.Sorted(keys())).Draw(t, "tag")
		digits := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, s)
		}
		if got := Money(a, tag); digits(got) != digits(a.Decimal()) || strings.Contains(got, "−") != (a.Minor() < 0) {
			t.Fatalf("%s became %q", a, got)
		}
	})
}

func keys() func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range formats {
			if !yield(k) {
				return
			}
		}
	}
}
