package whatif

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/simulate"
)

// file writes an invented account as a facts file: what `duly simulate --facts` reads, so
// that page and command line live through the very same.
func (a Ask) file(cr config.Creditor, zone *time.Location, from, until time.Time) (simulate.File, error) {
	v, f := a.Invented, Faults{}
	currency := orElse(v.Currency, cr.Currency)
	if _, err := money.Digits(currency); err != nil {
		return simulate.File{}, Faults{"currency": "Currency: write a code of ISO 4217, such as USD."}
	}
	out := simulate.File{
		Format: "v1", Currency: currency, From: from.Format(time.RFC3339), Until: until.Format(time.RFC3339),
		Creditor: simulate.FileCreditor{ID: cr.ID, Role: cr.Role, Zone: cr.Zone, Holidays: cr.Holidays, Ambiguity: cr.Ambiguity},
		Debtor:   v.debtor(cr, zone),
		Points:   v.points(), People: a.People,
	}
	total := a.items(&out, currency, from, f)
	for _, ch := range v.Consents {
		out.Facts = append(out.Facts, map[string]any{"at": out.From, "kind": "consented", "id": "consent-" + ch, "basis": "written", "channel": ch})
	}
	happens, err := assume(a.Assume, zone, currency, func() string { return total.Decimal() })
	if err != nil {
		return out, err
	}
	for i, x := range happens {
		if x.at.Before(from) {
			f[fmt.Sprint("on", i+1)] = fmt.Sprintf("Assumption %d (%s): it lies before the beginning.", i+1, x.Do)
		}
		e, err := x.entry()
		if err != nil {
			return out, err
		}
		out.Facts = append(out.Facts, e)
	}
	if err := f.err(); err != nil {
		return out, err
	}
	return plain(out)
}

// plain writes the file once as JSON and reads it back, so that it is what a reader of the
// file would have.
func plain(f simulate.File) (simulate.File, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	return simulate.ReadFile(strings.NewReader(string(b)))
}

// items adds the invoices and returns what they come to.
func (a Ask) items(out *simulate.File, currency string, from time.Time, f Faults) (total money.Amount) {
	for i, o := range a.Invented.Items {
		name := fmt.Sprint("amount", i+1)
		if i == 0 {
			name = "amount"
		}
		sum, err := amount(o.Amount, currency)
		due, bad := dunning.ParseDate(o.Due)
		if bad == nil {
			bad = sane(dunning.StartOfDay(due, time.UTC))
		}
		switch {
		case err != nil:
			f[name] = fmt.Sprintf("Invoice %d: write an amount such as 640.00 in %s.", i+1, currency)
			continue
		case bad != nil:
			f["due"] = fmt.Sprintf("Invoice %d: write the due date as YYYY-MM-DD.", i+1)
			continue
		}
		if total, err = add(total, sum); err != nil {
			f[name] = fmt.Sprintf("Invoice %d: the sum of all is too large.", i+1)
			continue
		}
		out.Facts = append(out.Facts, map[string]any{
			"at": out.From, "kind": "item", "key": fmt.Sprint("invoice-", i+1), "issued": due.AddDays(-30).String(), "due": due.String(),
			"amount": sum.Decimal(), "class": orElse(a.Invented.Kind, "consumer"),
		})
	}
	return total
}

func add(total, sum money.Amount) (money.Amount, error) {
	if total.Currency() == "" {
		return sum, nil
	}
	return total.Add(sum)
}

func (v *Invented) debtor(cr config.Creditor, zone *time.Location) simulate.FileDebtor {
	d := simulate.FileDebtor{
		ID: "debtor", Account: "invented", Kind: orElse(v.Kind, "consumer"), Zones: []string{zone.String()}, Locale: orElse(v.Locale, cr.Locale), Holidays: cr.Holidays,
	}
	if v.Place != "" {
		d.Places = []string{v.Place}
		d.Country, _, _ = strings.Cut(v.Place, "-")
	}
	return d
}

// points are where the invented debtor can be reached: one for each channel.
func (v *Invented) points() []simulate.FilePoint {
	channels := v.Channels
	if len(channels) == 0 {
		channels = []string{"email", "sms", "letter", "call"}
	}
	var out []simulate.FilePoint
	for _, ch := range []string{"email", "sms", "letter", "call"} {
		if slices.Contains(channels, ch) {
			p := simulate.FilePoint{ID: ch, Channel: ch}
			if ch == "sms" || ch == "call" {
				p.Kind = "mobile"
			}
			out = append(out, p)
		}
	}
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
