package whatif

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/simulate"
)

// cohort lives through the accounts of a filter.
func (s *Service) cohort(ctx context.Context, scope read.Scope, a Ask, now time.Time, sides []Side) (Result, error) {
	r := Result{Sides: sides, zones: map[string]*time.Location{}, Cases: map[string]string{}}
	var err error
	if r.From, r.Until, err = a.span(time.UTC, now); err != nil {
		return r, err
	}
	refs, sample, err := s.pick(ctx, scope, a, now)
	if err != nil {
		return r, err
	}
	r.Sample = &sample
	known := make([]subject, len(refs)) // read for the first side, used again for the second
	for i := range r.Sides {
		if err := s.liveAll(ctx, &r, &r.Sides[i], a, refs, known); err != nil {
			return r, err
		}
	}
	for i := range known {
		r.zones[refs[i].Account], r.Cases[refs[i].Account] = known[i].zone, refs[i].Case
	}
	r.compare()
	return r, nil
}

// pick chooses the accounts: all of them, or the same sample every time.
func (s *Service) pick(ctx context.Context, scope read.Scope, a Ask, now time.Time) ([]dunning.CaseRef, Sample, error) {
	filter, faults := s.Filter(a.Cohort, now)
	if len(faults) > 0 {
		return nil, Sample{}, Faults(faults)
	}
	filter.Sort = read.ByNext
	var rows []read.CaseRow
	for row, err := range read.All(func(p read.Page) (read.List[read.CaseRow], error) { return s.Cases(ctx, scope, filter, p) }) {
		if err != nil {
			return nil, Sample{}, err
		}
		if rows = append(rows, row); len(rows) == maxWalk {
			break
		}
	}
	of := len(rows)
	slices.SortFunc(rows, func(x, y read.CaseRow) int {
		p, q := digest(x.Case), digest(y.Case)
		return bytes.Compare(p[:], q[:])
	})
	rows = rows[:min(of, MaxAccounts)]
	seen := map[string]bool{}
	var refs []dunning.CaseRef
	for _, row := range rows {
		if seen[row.Account] { // an older case of the same account
			continue
		}
		seen[row.Account] = true
		refs = append(refs, dunning.CaseRef{
			Case: row.Case, Account: row.Account, Debtor: row.Debtor, Creditor: row.Creditor, Currency: row.Open.Currency(),
			Sequence: row.Sequence, Version: row.Version,
		})
	}
	return refs, Sample{Taken: len(refs), Of: of, All: of <= MaxAccounts}, nil
}

// liveAll lives through all accounts under one configuration.
func (s *Service) liveAll(ctx context.Context, r *Result, side *Side, a Ask, refs []dunning.CaseRef, known []subject) error {
	var tally simulate.Tally
	named := *side // what is named of it; the rest grows while accounts are made
	count := map[string]func(dunning.ContactPlanned, string) int{}
	account := func(i int) (simulate.Account, time.Time, error) {
		if known[i].ref.Case == "" {
			ref, err := s.CaseRef(ctx, refs[i].Case) // the list's currency is of what is open
			if err != nil {
				return simulate.Account{}, r.Until, err
			}
			if known[i], err = s.subject(ctx, ref, r.From); err != nil {
				return simulate.Account{}, r.Until, err
			}
		}
		acc, err := s.account(ctx, named, a, known[i], r.From)
		return acc, r.Until, err
	}
	err := simulate.Each(ctx, len(refs), account, func(i int, l simulate.Life) error {
		creditor := refs[i].Creditor
		if count[creditor] == nil {
			count[creditor] = segments(side.Config, creditor)
		}
		tally.Segments = count[creditor]
		tally.Add(l)
		events := l.Events()
		side.byAcc = append(side.byAcc, events)
		side.Events = append(side.Events, events...)
		side.Lines = append(side.Lines, lineOf(refs[i].Case, events, l))
		side.refuse(l.Refused)
		return nil
	})
	simulate.SortEvents(side.Events)
	side.Totals = tally.Totals()
	return err
}

func lineOf(id string, events []dunning.Event, l simulate.Life) Line {
	out := Line{Case: id, Ends: ends(l)}
	for _, e := range events {
		switch e.Kind {
		case "contact":
			out.Contacts++
			if out.First.IsZero() {
				out.First = e.At
			}
			out.Last = e.At
		case "deferred":
			out.Refused++
		}
	}
	return out
}

// refuse counts assumptions that accounts would refuse, by their sentence.
func (d *Side) refuse(all []error) {
	if d.refused == nil {
		d.refused = map[string]int{}
	}
	for _, err := range all {
		d.refused[err.Error()]++
	}
	d.Refused = nil
	for _, text := range slices.Sorted(maps.Keys(d.refused)) {
		d.Refused = append(d.Refused, fmt.Sprintf("%d times: %s", d.refused[text], text))
	}
}
