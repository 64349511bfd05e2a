package comply

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Spans of the views of contact frequency, in days.
const (
	frequentDays = 7
	chartDays    = 28
)

type frequentPage struct {
	Rows  []read.FrequencyRow
	Days  int
	Known bool   // it was counted before
	Says  string // how long ago that was
}

// frequentRows is how many are listed.
const frequentRows = 100

// frequent lists who was contacted most in the last seven days. A file is of now, however
// long that takes.
func (d *compliance) frequent(r *web.Request) error {
	ctx, scope := r.R.Context(), r.Scope(identity.Review)
	if r.WantsCSV() {
		rows, err := d.Read.Frequent(ctx, scope, r.Now, frequentDays, frequentRows)
		if err != nil {
			return err
		}
		return r.CSV("frequency", []string{"debtor", "customer", "creditor", "attempts", "conversations", "inbound", "last"}, mapped(without(rows), frequentCells))
	}
	a, err := d.Deps.Frequent(ctx, scope, frequentDays, frequentRows)
	if err != nil {
		return err
	}
	return r.Page("frequent.html", frequentPage{a.Value, frequentDays, a.Known(), a.Says()})
}

// without are rows that were read without a fault.
func without[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, x := range all {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func frequentCells(f read.FrequencyRow) []string {
	return []string{f.Debtor, f.DebtorKey, f.Creditor, strconv.Itoa(f.Attempts), strconv.Itoa(f.Talks), strconv.Itoa(f.Inbound), stamp(f.Last)}
}

type frequencyPage struct {
	Debtor string
	Ref    dunning.CaseRef
	Rows   []read.FrequencyRow
	Charts []*chart
	Name   string
}

// chart is what one rule counted on each of the last days, with its limit.
type chart struct {
	Channel         dunning.Channel
	Rule, Part      string
	Citation        string
	Window          int
	Limit, Now, Top int
	Bars            []bar
	LimitY          int
	Ends            []tick
}

// bar is one day in the picture.
type bar struct {
	X, Y, H, Count int
	Day            string
	Full           bool // at or above the limit
}

type tick struct {
	X    int
	Text string
}

// Geometry of the picture, in its own units.
const (
	plotTop, plotHeight = 16, 110
	barStep, barLeft    = 24, 34
)

// frequency counts for one debtor what the rules count, day by day, beside their limits.
func (d *compliance) frequency(r *web.Request) error {
	ctx, scope, debtor := r.R.Context(), r.Scope(identity.Review), r.R.PathValue("id")
	ref, err := d.Whose(ctx, debtor)
	if errors.Is(err, identity.ErrNotFound) || err == nil && !scope.Allows(ref.Creditor) {
		return web.NotFound("This debtor")
	}
	if err != nil {
		return err
	}
	p := frequencyPage{Debtor: debtor, Ref: ref}
	if p.Rows, err = d.Read.Frequency(ctx, scope, debtor, r.Now, frequentDays); err != nil {
		return err
	}
	for _, row := range p.Rows {
		p.Name = cmp.Or(row.Name, row.DebtorKey)
	}
	if ref.Account != "" {
		if p.Charts, err = d.charts(r, ref); err != nil {
			return err
		}
	}
	return r.Page("frequency.html", p)
}

// asking are the channels and who asks: people call, Duly writes.
var asking = []dunning.Channel{dunning.Call, dunning.SMS, dunning.Email, dunning.Letter}

// charts asks the core at the same time of each of the last days, over what was known of
// then. A rule that never counted anything has no chart.
func (d *compliance) charts(r *web.Request, ref dunning.CaseRef) ([]*chart, error) {
	frame, err := d.Frames.FrameNow(r.R.Context(), ref)
	if err != nil {
		return nil, err
	}
	log, err := d.Journal.FactsAsOf(r.R.Context(), ref.Debtor, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	frame.Setup.Record = false // nothing of this is stored
	var all []*chart
	for i := range chartDays {
		at := r.Now.Add(-time.Duration(chartDays-1-i) * 24 * time.Hour)
		f, err := dunning.Fold(frame.Setup, until(log, at))
		if err != nil {
			return nil, err
		}
		for _, ch := range asking {
			c := f.Check(at, dunning.Ask{Channel: ch, Purpose: "collect", Automated: ch != dunning.Call})
			for _, t := range c.Rules {
				if t.Limit == 0 {
					continue
				}
				x := find(&all, ch, t.Rule, t.Part)
				x.Citation, x.Window, x.Limit = frame.Setup.Policies.Citation(t.Rule), t.Days, t.Limit
				x.Bars[i].Count = t.Count
			}
		}
	}
	all = slices.DeleteFunc(all, func(c *chart) bool { return !slices.ContainsFunc(c.Bars, func(b bar) bool { return b.Count > 0 }) })
	for _, c := range all {
		c.draw(r.Now, r.Zone)
	}
	slices.SortStableFunc(all, func(a, b *chart) int { return cmp.Compare(b.Now*a.Limit, a.Now*b.Limit) })
	return all, nil
}

// until are the facts of then.
func until(log []dunning.Fact, at time.Time) []dunning.Fact {
	return slices.DeleteFunc(slices.Clone(log), func(x dunning.Fact) bool { return x.At.After(at) })
}

func find(all *[]*chart, ch dunning.Channel, rule, part string) *chart {
	for _, c := range *all {
		if c.Channel == ch && c.Rule == rule && c.Part == part {
			return c
		}
	}
	c := &chart{Channel: ch, Rule: rule, Part: part, Bars: make([]bar, chartDays)}
	*all = append(*all, c)
	return c
}

// draw computes the picture.
func (c *chart) draw(now time.Time, zone *time.Location) {
	c.Top = c.Limit
	for _, b := range c.Bars {
		c.Top = max(c.Top, b.Count)
	}
	for i := range c.Bars {
		b, day := &c.Bars[i], now.Add(-time.Duration(chartDays-1-i)*24*time.Hour).In(zone)
		b.X, b.H, b.Day, b.Full = barLeft+i*barStep, b.Count*plotHeight/c.Top, day.Format("Mon 2 Jan"), b.Count >= c.Limit
		b.Y = plotTop + plotHeight - b.H
		if i%7 == 6 {
			c.Ends = append(c.Ends, tick{b.X + 9, day.Format("2 Jan")})
		}
	}
	c.Now, c.LimitY = c.Bars[chartDays-1].Count, plotTop+plotHeight-c.Limit*plotHeight/c.Top
}
