// Package locale writes amounts and dates as people of a language read them.
//
// It owns a small table for each language that templates may be written in,
// after CLDR. It does not own translation, nor which language a debtor reads.
package locale

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// nbsp keeps a number and its currency on one line, narrow keeps its digits on one.
const (
	nbsp   = "\u00a0"
	narrow = "\u202f"
)

// format is how one language, or one country's use of it, writes.
type format struct {
	decimal, group string
	before         bool   // currency before the number
	gap            string // between a symbol and the number
	accounting     string // where the minus of a negative amount goes: "front" or "number"
	long, short    string // dates; D day, DD two digits, MMMM, MMM, MM, YYYY
	months         *[12]string
	abbreviated    *[12]string
	ungrouped      int // a number of so many digits or fewer is not grouped
}

var (
	english   = [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	englishIn = [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	german    = [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	austrian  = [12]string{"Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	spanish   = [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}
	spanishIn = [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}
	french    = [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
	frenchIn  = [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}
)

// formats by language tag; a tag with a country goes before the bare language.
var formats = map[string]format{
	"en":    {".", ",", true, "", "front", "MMMM D, YYYY", "MMM D, YYYY", &english, &englishIn, 0},
	"en-GB": {".", ",", true, "", "front", "D MMMM YYYY", "D MMM YYYY", &english, &englishIn, 0},
	"en-AU": {".", ",", true, "", "front", "D MMMM YYYY", "D MMM YYYY", &english, &englishIn, 0},
	"en-IE": {".", ",", true, "", "front", "D MMMM YYYY", "D MMM YYYY", &english, &englishIn, 0},
	"de":    {",", ".", false, nbsp, "front", "D. MMMM YYYY", "DD.MM.YYYY", &german, &german, 0},
	"de-AT": {",", nbsp, true, nbsp, "front", "D. MMMM YYYY", "DD.MM.YYYY", &austrian, &austrian, 0},
	"es":    {",", ".", false, nbsp, "front", "D de MMMM de YYYY", "D MMM YYYY", &spanish, &spanishIn, 4},
	"es-MX": {".", ",", true, "", "front", "D de MMMM de YYYY", "D MMM YYYY", &spanish, &spanishIn, 0},
	"es-US": {".", ",", true, "", "front", "D de MMMM de YYYY", "D MMM YYYY", &spanish, &spanishIn, 0},
	"fr":    {",", narrow, false, nbsp, "front", "D MMMM YYYY", "D MMM YYYY", &french, &frenchIn, 0},
	"fr-CA": {",", nbsp, false, nbsp, "front", "D MMMM YYYY", "D MMM YYYY", &french, &frenchIn, 0},
	"de-CH": {".", "’", true, nbsp, "number", "D. MMMM YYYY", "DD.MM.YYYY", &german, &german, 0},
}

// symbols that are used in place of the code. A dollar that is not the
// language's own is written so that it cannot be mistaken.
var symbols = map[string]string{"EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "USD": "$"}

// ownDollar are tags whose own dollar is another one than the US dollar.
var ownDollar = map[string]string{"en-AU": "AUD", "en-CA": "CAD", "en-NZ": "NZD", "es-MX": "MXN", "fr-CA": "CAD"}

// Languages lists the base languages that have a table, sorted.
func Languages() []string {
	var out []string
	for tag := range maps.Keys(formats) {
		if !strings.Contains(tag, "-") {
			out = append(out, tag)
		}
	}
	slices.Sort(out)
	return out
}

// Base is the language of a tag: "de" for "de-AT".
func Base(tag string) string {
	base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	return strings.ToLower(base)
}

// Known reports whether a tag's language has a table.
func Known(tag string) bool { return slices.Contains(Languages(), Base(tag)) }

func formatOf(tag string) format {
	if f, ok := formats[tag]; ok {
		return f
	}
	if f, ok := formats[Base(tag)]; ok {
		return f
	}
	return formats["en"]
}

// Money writes an amount: "$1,234.50", "1.234,50 €". Number and currency are
// joined by a space that does not break.
func Money(a money.Amount, tag string) string {
	f := formatOf(tag)
	number, negative := strings.CutPrefix(a.Decimal(), "-")
	whole, frac, hasFrac := strings.Cut(number, ".")
	if number = whole; len(whole) > f.ungrouped {
		number = grouped(whole, f.group)
	}
	if hasFrac {
		number += f.decimal + frac
	}
	sign := ""
	if negative {
		sign = "−"
		if f.accounting == "number" {
			number = sign + number
			sign = ""
		}
	}
	unit, gap := symbol(a.Currency(), tag), f.gap
	if f.before && len(unit) == 3 && unit == a.Currency() {
		gap = nbsp // a code is always set apart: CHF 12.50
	}
	if f.before {
		return sign + unit + gap + number
	}
	return sign + number + gap + unit
}

func symbol(cur, tag string) string {
	if own := ownDollar[tag]; own != "" {
		switch cur {
		case own:
			return "$"
		case "USD":
			return "US$"
		}
	}
	if s, ok := symbols[cur]; ok {
		return s
	}
	return cur
}

// grouped sets a separator before every third digit from the end.
func grouped(digits, sep string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Date writes a day in full: "November 21, 2026", "21. November 2026".
func Date(d dunning.Date, tag string) string { return date(d, formatOf(tag), formatOf(tag).long) }

// ShortDate writes a day for tables: "Nov 21, 2026", "21.11.2026". Never in a
// form in which day and month could be confused.
func ShortDate(d dunning.Date, tag string) string { return date(d, formatOf(tag), formatOf(tag).short) }

func date(d dunning.Date, f format, pattern string) string {
	if d.IsZero() {
		return ""
	}
	return strings.NewReplacer(
		"YYYY", fmt.Sprintf("%04d", d.Year),
		"MMMM", f.months[d.Month-1], "MMM", f.abbreviated[d.Month-1], "MM", fmt.Sprintf("%02d", d.Month),
		"DD", fmt.Sprintf("%02d", d.Day), "D", fmt.Sprint(d.Day),
	).Replace(pattern)
}
