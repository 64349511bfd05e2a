package portfolio

import (
	"context"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// Begin is the business instant at which the rehearsal of the portfolio begins.
func (p *Portfolio) Begin() time.Time { return at(p.Start, 0, time.UTC) }

// Until is the instant at which it ends: in the middle of a working day, in Europe and in
// America, so that whoever opens the console then finds people at their desks and debtors
// who may be called.
func (p *Portfolio) Until() time.Time { return at(p.lastDay(), 15, time.UTC).Add(30 * time.Minute) }

// lastDay is the first working day after all days.
func (p *Portfolio) lastDay() dunning.Date {
	d := p.Start.AddDays(p.Days)
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDays(1)
	}
	return d
}

// Script is everything that is known beforehand: imports, the staff's days, the end.
func (p *Portfolio) Script(ctx context.Context, pl *rehearse.Player) ([]postgres.Script, error) {
	rows := []postgres.Script{
		rehearse.Row(postgres.Audience, p.Begin(), postgres.Audience, struct{}{}),
		rehearse.EndRow(p.Until()),
	}
	shifts, err := p.Shifts(ctx, pl)
	if err != nil {
		return nil, err
	}
	rows = append(rows, shifts...)
	for _, creditor := range Creditors() {
		rows = append(rows, rehearse.FeedRow(creditor, p.Begin()))
	}
	known := map[string]bool{}
	for _, day := range p.ImportDays() {
		for _, creditor := range Creditors() {
			zone, err := creditorZone(ctx, pl, creditor)
			if err != nil {
				return nil, err
			}
			rows = append(rows, p.intake(creditor, day, at(day, 6, zone), known)...)
		}
	}
	return p.before(rows), nil
}

// before drops what would happen after the end.
func (p *Portfolio) before(rows []postgres.Script) []postgres.Script {
	var out []postgres.Script
	for _, r := range rows {
		if !r.At.After(p.Until()) {
			out = append(out, r)
		}
	}
	return out
}

// intake imports a creditor's open items of a day, and tells what a file does not say of
// debtors who are new.
func (p *Portfolio) intake(creditor string, day dunning.Date, when time.Time, known map[string]bool) []postgres.Script {
	csv := p.CSV(creditor, day)
	if csv == "" {
		return nil
	}
	rows := []postgres.Script{rehearse.Row(fmt.Sprintf("import/%s/%s", creditor, day), when, rehearse.Import,
		rehearse.ImportBody{Creditor: creditor, Mapping: "items", CSV: csv})}
	for i := range p.Debtors {
		d := &p.Debtors[i]
		if d.Creditor != creditor || known[d.Key] || !d.knownOn(day) {
			continue
		}
		known[d.Key] = true
		rows = append(rows, rehearse.Row("intake/"+d.Key, when.Add(time.Minute), rehearse.Facts,
			rehearse.FactsBody{Account: d.AccountID(), Facts: p.consents(d, when.Add(time.Minute))}))
	}
	return rows
}

func (d *Debtor) knownOn(day dunning.Date) bool {
	for _, inv := range d.Invoices {
		if inv.Known == day {
			return true
		}
	}
	return false
}

// consents are what the debtor has agreed to and been told when the contract was made. In
// a rehearsal the payment data is complete to its end: the script is all that there is.
func (p *Portfolio) consents(d *Debtor, when time.Time) []dunning.Fact {
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: when, By: "import", Source: "intake/" + d.Key, Body: b}
	}
	facts := []dunning.Fact{fact(dunning.FeedSeen{Until: p.Until().AddDate(1, 0, 0)})}
	if d.Texts {
		facts = append(facts, fact(dunning.Consented{ID: "texts/" + d.Key, Basis: "written", Channel: dunning.SMS}))
	}
	return facts
}

func at(d dunning.Date, hour int, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, zone).UTC()
}
