package money

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ about, in, cur, want, fail string }{
		{"two decimal places are the rule", "1234.5", "USD", "1234.50 USD", ""},
		{"yen have none", "1234", "JPY", "1234 JPY", ""},
		{"Kuwaiti dinars have three", "1.234", "KWD", "1.234 KWD", ""},
		{"trailing zeros beyond the currency are harmless", "1.5000", "EUR", "1.50 EUR", ""},
		{"half a cent is refused", "1.005", "EUR", "", "decimal places"},
		{"negative amounts keep their sign below one", "-0.05", "EUR", "-0.05 EUR", ""},
		{"an exponent is not a plain decimal", "1e3", "EUR", "", "decimal number"},
		{"nothing is not zero", "", "EUR", "", "decimal number"},
		{"a comma is for the importer to translate", "1,50", "EUR", "", "decimal number"},
		{"two points", "1.2.3", "EUR", "", "decimal"},
		{"lower case currency", "1", "eur", "", "ISO 4217"},
		{"unheard-of currency", "1", "ZZQ", "", "ISO 4217"},
		{"too much", "99999999999999999999", "EUR", "", "range"},
	} {
		t.Run(c.about, func(t *testing.T) {
			a, err := Parse(c.in, c.cur)
			if (err != nil) != (c.fail != "") {
				t.Fatalf("error %v, want containing %q", err, c.fail)
			}
			if err == nil && a.String() != c.want {
				t.Fatalf("got %s, want %s", a, c.want)
			}
		})
	}
}

func TestMixedCurrenciesAreRefused(t *testing.T) {
	a, b := MustParse("1", "USD"), MustParse("1", "EUR")
	if _, err := a.Add(b); !errors.Is(err, ErrMixed) {
		t.Fatalf("Add: %v", err)
	}
	if _, err := a.Cmp(b); !errors.Is(err, ErrMixed) {
		t.Fatalf("Cmp: %v", err)
	}
	if s, err := (Amount{}).Add(a); err != nil || s != a {
		t.Fatalf("the zero value adds to anything: %v %v", s, err)
	}
}

func TestSplitAddsUpAndIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := FromMinor(rapid.Int64Range(-1e12, 1e12).Draw(t, "minor"), "EUR")
		parts := a.Split(rapid.IntRange(1, 60).Draw(t, "n"))
		sum := a.Of(0)
		for _, p := range parts {
			sum, _ = sum.Add(p)
			if d := p.Minor() - parts[len(parts)-1].Minor(); d < -1 || d > 1 {
				t.Fatalf("parts %v differ by more than a cent", parts)
			}
		}
		if sum != a {
			t.Fatalf("parts add up to %s, not %s", sum, a)
		}
	})
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cur := rapid.SampledFrom([]string{"USD", "JPY", "KWD"}).Draw(t, "cur")
		a, _ := FromMinor(rapid.Int64Range(-MaxMinor, MaxMinor).Draw(t, "minor"), cur)
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back Amount
		if err := json.Unmarshal(b, &back); err != nil || back != a {
			t.Fatalf("%s came back as %v (%v)", b, back, err)
		}
	})
}
