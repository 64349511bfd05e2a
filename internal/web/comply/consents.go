package comply

import (
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

var consentKinds = []string{
	"opted_out", "opted_in", "consented", "consent_revoked", "times_inconvenient", "wish_stated", "wish_withdrawn", "point_dead", "notice_sent", "notice_received",
}

type consentsPage struct {
	Rows      []consent
	Next      string
	Kinds     []string
	Channels  []dunning.Channel
	Creditors []web.Creditor
	Slowest   string // of the refusals on this page
}

// consent is a row of the ledger for people.
type consent struct {
	read.ConsentRow
	Who, Delay, Mark string
}

// consents is the ledger of consents, refusals and wishes, with how long each took to be
// in force here.
func (d *compliance) consents(r *web.Request) error {
	ctx, f := r.R.Context(), consentFilter(r)
	names, err := d.Names(ctx)
	if err != nil {
		return err
	}
	if r.WantsCSV() {
		return r.CSV("consents", consentHeader, mapped(read.All(func(p read.Page) (read.List[read.ConsentRow], error) {
			return d.Read.Consents(ctx, r.Scope(identity.Review), f, p)
		}), consentCells))
	}
	list, err := d.Read.Consents(ctx, r.Scope(identity.Review), f, read.Page{After: r.Value("after")})
	if err != nil {
		return badCursor(err)
	}
	p := consentsPage{Next: list.Next, Kinds: consentKinds, Channels: asking}
	var slowest time.Duration = -1
	for _, row := range list.Rows {
		c := consent{row, byName(names, row.By), delayOf(row), markOf(row.Kind)}
		p.Rows = append(p.Rows, c)
		if took := row.Recorded.Sub(row.At); c.Mark == "bad" && took > slowest {
			slowest, p.Slowest = took, c.Delay
		}
	}
	if p.Creditors, err = r.Creditors(identity.Review); err != nil {
		return err
	}
	return r.Page("consents.html", p)
}

func consentFilter(r *web.Request) read.ConsentFilter {
	q := r.R.URL.Query()
	f := read.ConsentFilter{Creditors: one(q, "creditor"), Debtor: q.Get("debtor"), Kinds: one(q, "kind"), Channel: dunning.Channel(q.Get("channel"))}
	f.From, f.Until = span(q)
	return f
}

// markOf is the colour of a kind: what ends contact is bad, what opens it is good.
func markOf(kind string) string {
	switch kind {
	case "opted_out", "consent_revoked", "point_dead":
		return "bad"
	case "opted_in", "consented":
		return "good"
	}
	return "info"
}

// delayOf says how long it took from what somebody said until it was in force here.
func delayOf(c read.ConsentRow) string {
	took := c.Recorded.Sub(c.At)
	switch {
	case took < time.Second:
		return "at once"
	case took < 2*time.Minute:
		return strconv.Itoa(int(took/time.Second)) + " s"
	case took < 2*time.Hour:
		return strconv.Itoa(int(took/time.Minute)) + " min"
	case took < 48*time.Hour:
		return strconv.Itoa(int(took/time.Hour)) + " h"
	}
	return strconv.Itoa(int(took/(24*time.Hour))) + " days"
}

var consentHeader = []string{
	"debtor", "customer", "creditor", "kind", "said at", "in force at", "seconds between", "channel", "point", "detail", "by", "source", "version",
}

func consentCells(c read.ConsentRow) []string {
	return []string{
		c.Debtor, c.DebtorKey, c.Creditor, c.Kind, stamp(c.At), stamp(c.Recorded), strconv.FormatInt(int64(c.Recorded.Sub(c.At)/time.Second), 10), string(c.Channel), c.Point,
		c.Detail, c.By, c.Source, strconv.FormatInt(c.Version, 10),
	}
}
