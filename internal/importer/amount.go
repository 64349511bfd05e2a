package importer

import (
	"strings"

	"github.com/duly/duly/dunning/money"
)

// numbers is how a file writes numbers.
type numbers struct {
	decimal, thousands string
}

// signs that may stand beside an amount, by currency. A sign that several
// currencies share is accepted for each of them: the currency is always said
// elsewhere, the sign only must not contradict it.
var signs = map[string][]string{
	"USD": {"US$", "$"}, "CAD": {"CA$", "C$", "$"}, "AUD": {"A$", "$"}, "NZD": {"NZ$", "$"},
	"EUR": {"€"}, "GBP": {"£"}, "INR": {"₹"}, "JPY": {"¥"}, "CHF": {"Fr.", "SFr."},
}

// amount reads a number as the file writes it. fault says how to mend it.
func (n numbers) amount(text, currency string) (a money.Amount, fault string) {
	s, negative := unsign(stripCurrency(spaces(text), currency))
	plain, fault := n.plain(s)
	if fault != "" {
		return a, quote(text) + " " + fault
	}
	if negative {
		plain = "-" + plain
	}
	a, err := money.Parse(plain, currency)
	if err != nil {
		return a, quote(text) + " is no amount in " + currency + ": " + err.Error()
	}
	return a, ""
}

// spaces makes every kind of space a plain one, as thousands are often grouped
// by no-break and thin spaces, and every minus an ASCII one.
func spaces(s string) string {
	if ascii([]byte(s)) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u2009', '\u202f', '\u2007':
			return ' '
		case '\u2212', '\u2013':
			return '-'
		case '\u2019':
			return '\''
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func stripCurrency(s, currency string) string {
	for _, sign := range append([]string{currency}, signs[currency]...) {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			return strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutSuffix(s, sign); ok {
			return strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutPrefix(s, "-"+sign); ok {
			return "-" + strings.TrimSpace(rest)
		}
	}
	return s
}

// unsign takes the sign off: -1, 1-, +1 and the accountants' (1).
func unsign(s string) (string, bool) {
	if inner, ok := strings.CutPrefix(s, "("); ok && strings.HasSuffix(inner, ")") {
		return strings.TrimSuffix(inner, ")"), true
	}
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return strings.TrimSpace(rest), true
	}
	if rest, ok := strings.CutSuffix(s, "-"); ok {
		return strings.TrimSpace(rest), true
	}
	return strings.TrimPrefix(s, "+"), false
}

// plain rewrites a number to digits and a decimal point. It refuses what could
// be read in two ways rather than guess.
func (n numbers) plain(s string) (out, fault string) {
	whole, frac, pointed := strings.Cut(s, n.decimal)
	if n.thousands != "" {
		if strings.Contains(frac, n.thousands) || !grouped(strings.Split(whole, n.thousands)) {
			return "", "has digits grouped in a way that file.thousands " + quote(n.thousands) + " does not explain; perhaps file.decimal and file.thousands are the other way round"
		}
		whole = strings.ReplaceAll(whole, n.thousands, "")
	}
	if !digits(whole) || pointed && !digits(frac) {
		if strings.ContainsAny(s, ".,' ") && digits(strings.NewReplacer(".", "", ",", "", "'", "", " ", "").Replace(s)) {
			return "", "does not fit file.decimal " + quote(n.decimal) + " and file.thousands " + quote(n.thousands) + " of the mapping; set them to how this file writes numbers"
		}
		return "", "is not a number"
	}
	if pointed {
		return whole + "." + frac, ""
	}
	return whole, ""
}

// grouped accepts groups of three, and of two before the last as in India.
func grouped(groups []string) bool {
	for i, g := range groups {
		last := i == len(groups)-1
		switch {
		case len(groups) == 1:
			return true
		case i == 0 && (len(g) < 1 || len(g) > 3):
			return false
		case last && len(g) != 3:
			return false
		case i > 0 && !last && len(g) != 3 && len(g) != 2:
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
