package dunning

import "github.com/duly/duly/dunning/money"

// Itemization says how the amount of a validation notice comes about: what was owed on a day
// of reference, and what came and went since (12 CFR 1006.34(c)(2)(vi) to (ix)). Owed plus
// Interest plus Fees less Paid is what is owed now.
type Itemization struct {
	Date           Date // where the creditor is
	Owed           money.Amount
	Interest, Fees money.Amount // none: what Duly lists beside invoices is an invoice of its own
	Paid           money.Amount // paid or credited
}

// Itemize is the itemization of the items of a message that asks for a total. Its date is
// that of the last invoice among them: a written account statement or invoice that the
// creditor provided is the "last statement" (12 CFR 1006.34(b)(3)(i)). ok is false when an
// invoice has no date, so that none can be stated, or when the sums contradict each other.
func (f Facts) Itemize(lines []ItemLine, total money.Amount) (out Itemization, ok bool) {
	listed, owed := map[string]bool{}, int64(0)
	for _, l := range lines {
		it := f.item(l.Key)
		if it == nil || it.Issued.IsZero() {
			return Itemization{}, false
		}
		if out.Date.Before(it.Issued) {
			out.Date = it.Issued
		}
		listed[l.Key] = true
		owed += it.Amount.Minor()
	}
	owed -= f.paidUntil(listed, out.Date)
	paid := owed - total.Minor()
	if len(lines) == 0 || paid < 0 {
		return Itemization{}, false
	}
	out.Owed, out.Paid, out.Interest, out.Fees = total.Of(owed), total.Of(paid), total.Of(0), total.Of(0)
	return out, true
}

// paidUntil is what stands paid on items by the end of a day, where the creditor is.
func (f Facts) paidUntil(listed map[string]bool, day Date) (minor int64) {
	for i := range f.Payments {
		p := &f.Payments[i]
		if !p.Reversed.IsZero() || day.Before(f.LetterDay(p.At)) {
			continue
		}
		for _, a := range p.parts {
			if listed[a.item] {
				minor += a.minor
			}
		}
	}
	return minor
}
