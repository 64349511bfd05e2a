package answers

import "strings"

// currencies by the words and signs that people use. A bare dollar is nobody's
// in particular.
var currencies = func() map[string]string {
	out := map[string]string{}
	for code, words := range map[string]string{
		"EUR": "€ eur euro euros", "USD": "usd", "GBP": "£ gbp pound pounds quid pfund libras livres", "CHF": "chf franken fr.", "INR": "₹ inr rupees", "JPY": "¥ jpy yen",
		"CAD": "cad", "AUD": "aud", "$": "$ dollar dollars bucks dolares", "MXN": "mxn pesos peso",
	} {
		for _, w := range fields(words) {
			out[w] = code
		}
	}
	return out
}()

// payWords stand before a bare number that is an amount.
var payWords = set(`pay paid paying send sent give transfer transferred afford offer settle zahle zahlen zahlte bezahle bezahlt gezahlt überwiesen uberwiesen ueberwiesen überweise uberweise ueberweise anbieten
	pago pague pagar pagare pagué abono abonar ofrezco payer paye payé paie paierai verser verse virement payment`)

// amounts finds sums of money, by the token at which they begin.
func amounts(tok []token, days map[int]hit) map[int]hit {
	out := map[int]hit{}
	for i := range tok {
		if tok[i].kind != number {
			continue
		}
		if _, isDate := days[i]; isDate {
			continue
		}
		value, ok := decimal(tok[i].text)
		if !ok {
			continue
		}
		if h, ok := sum(tok, i, value); ok {
			out[h.start] = h
		}
	}
	return out
}

// sum reads the currency beside a number, or the word that makes it an amount.
func sum(tok []token, i int, value string) (hit, bool) {
	h := hit{start: i, end: i + 1, amount: value}
	if c := currencyAt(tok, i-1); c != "" {
		h.start, h.currency = i-1, c
		return h, true
	}
	if c := currencyAt(tok, i+1); c != "" {
		h.end, h.currency = i+2, c
		return h, true
	}
	if i+1 < len(tok) {
		next := tok[i+1]
		if next.kind == word && (dayUnits[next.text] || weekUnits[next.text] || monthUnits[next.text] || clockWords[next.text] || ordinals[next.text] || next.text == "times" || next.text == "mal" || next.text == "veces" ||
			next.text == "fois" || next.text == "percent" || next.text == "prozent" || next.text == "installments" || next.text == "instalments" || next.text == "raten" || next.text == "payments" || next.text == "cuotas") ||
			next.kind == sign && next.text == "%" {
			return h, false
		}
	}
	for k := i - 1; k >= 0 && k >= i-3 && tok[k].kind == word; k-- {
		if payWords[tok[k].text] {
			return h, true
		}
		if !tok[k].filler && !numberGlue[tok[k].text] {
			break
		}
	}
	return h, false
}

var numberGlue = set("of about only at least up etwa nur ca circa de unos solo environ seulement you u them it im a just around")

func currencyAt(tok []token, i int) string {
	if i < 0 || i >= len(tok) || tok[i].kind != word && tok[i].kind != sign {
		return ""
	}
	if c := currencies[tok[i].text]; c != "$" {
		return c
	}
	return "$"
}

// decimal reads a number as people of any country write it: 1.234,50 and
// 1,234.50 and 1'234.50 are 1234.50; 1.500 is 1500.
func decimal(s string) (string, bool) {
	if strings.ContainsAny(s, ":/-") {
		return "", false
	}
	s = strings.ReplaceAll(s, "'", "")
	last := strings.LastIndexAny(s, ".,")
	whole, frac := s, ""
	if last >= 0 {
		after := s[last+1:]
		sep := s[last : last+1]
		other := strings.Trim(".,", sep)
		switch repeated := strings.Count(s, sep) > 1; {
		case len(after) == 3 && (repeated || !strings.Contains(s, other)), repeated:
			whole = s // groups of thousands
		case len(after) <= 2:
			whole, frac = s[:last], after
		default:
			return "", false
		}
	}
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	if whole == "" || len(whole) > 9 {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	for len(frac) > 0 && len(frac) < 2 {
		frac += "0"
	}
	if frac == "" || frac == "00" {
		return whole, whole != "0"
	}
	return whole + "." + frac, true
}
