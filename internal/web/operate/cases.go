package operate

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type casesPage struct {
	List      read.List[read.CaseRow]
	Count     read.Count
	Creditors []web.Creditor
	Sequences []string
	Steps     []string
	Queues    []string
	Waits     []read.Wait
	Sorts     []read.CaseSort
	Names     map[string]string
	Faults    map[string]string
	Tomorrow  string
	Kinds     map[read.Wait]string // badge of what a case waits for
	Actions   []string             // bulk actions that the user may order
	HoldKinds []dunning.HoldKind   // that a bulk action places and lifts
	Messages  []string             // "channel/template" that a bulk action may send
	Views     []viewCount
}

// viewCount is a saved view with how many cases it has now.
type viewCount struct {
	Name, Query string
	Count       read.Count
}

// mostViews is how many saved views are counted.
const mostViews = 8

// savedViews counts the user's saved views of this list.
func (d *operations) savedViews(r *web.Request) ([]viewCount, error) {
	all, err := d.Views(r.R.Context(), strings.TrimPrefix(r.User.By, "user:"))
	if err != nil {
		return nil, err
	}
	var out []viewCount
	for _, v := range all {
		if v.Place != "/cases" || len(out) == mostViews {
			continue
		}
		q, err := url.ParseQuery(v.Query)
		if err != nil {
			continue // it was saved by another release; the list says so when it is opened
		}
		f, _ := caseFilter(q, r.Now)
		n, err := d.Read.CountCases(r.R.Context(), r.Scope(identity.View), f)
		if err != nil {
			return nil, err
		}
		out = append(out, viewCount{v.Name, v.Query, n})
	}
	return out, nil
}

// cases is the list with its filters, all of them in the address.
func (d *operations) cases(r *web.Request) error {
	ctx, scope := r.R.Context(), r.Scope(identity.View)
	f, faults := caseFilter(r.R.URL.Query(), r.Now)
	if r.WantsCSV() {
		return r.CSV("cases", caseHeader, d.caseRows(r, f))
	}
	p := casesPage{Faults: faults, Waits: read.Waits(), Sorts: read.CaseSorts(), Tomorrow: r.Now.AddDate(0, 0, 1).Format(time.DateOnly)}
	p.Kinds = map[read.Wait]string{}
	for _, w := range p.Waits {
		p.Kinds[w] = waitKind(w)
	}
	var err error
	if p.List, err = d.Read.ListCases(ctx, scope, f, read.Page{After: r.Value("after")}); err != nil {
		return err
	}
	if p.Count, err = d.Read.CountCases(ctx, scope, f); err != nil {
		return err
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if p.Creditors, err = r.Creditors(identity.View); err != nil {
		return err
	}
	if err := d.caseChoices(r, &p); err != nil {
		return err
	}
	if !r.Live() {
		if p.Views, err = d.savedViews(r); err != nil {
			return err
		}
	}
	return r.Page("cases.html", p)
}

func (d *operations) caseChoices(r *web.Request, p *casesPage) error {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	if r.User.Somewhere(identity.Operate) {
		p.Actions, p.HoldKinds = ops.BulkActions(r.User), ops.HoldKinds
		if slices.Contains(p.Actions, ops.BulkMessage) {
			if p.Messages, err = d.messageChoices(r); err != nil {
				return err
			}
		}
	}
	chosen := r.Value("sequence")
	for _, s := range c.Sequences() {
		p.Sequences = append(p.Sequences, s.ID)
		if chosen == "" || s.ID == chosen {
			for _, step := range s.Steps {
				if !slices.Contains(p.Steps, step.ID) {
					p.Steps = append(p.Steps, step.ID)
				}
			}
		}
	}
	for _, q := range c.Queues() {
		p.Queues = append(p.Queues, q.ID)
	}
	return nil
}

// caseFilter reads a filter out of an address. What cannot be read narrows nothing and is
// named.
func caseFilter(q url.Values, now time.Time) (read.CaseFilter, map[string]string) {
	faults := map[string]string{}
	f := read.CaseFilter{
		Status: q.Get("status"), Creditors: one(q, "creditor"), Sequences: one(q, "sequence"), Versions: one(q, "version"), Steps: one(q, "step"),
		Queues: one(q, "queue"), Owner: q.Get("owner"), Reasons: one(q, "reason"), Sort: read.CaseSort(q.Get("sort")), Currency: q.Get("currency"),
		Today: dunning.DateOf(now.UTC()),
	}
	if !slices.Contains(read.CaseSorts(), f.Sort) {
		f.Sort = read.ByNext
	}
	for _, w := range one(q, "waits") {
		f.Waits = append(f.Waits, read.Wait(w))
	}
	f.MinDays, f.MaxDays = days(q, "mindays", faults), days(q, "maxdays", faults)
	f.MinOpen = amount(q, "min", f.Currency, faults)
	if text := q.Get("nextbefore"); text != "" {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			faults["nextbefore"] = "Next before: write a day as YYYY-MM-DD."
		}
		f.NextBefore = t
	}
	if len(faults) == 0 {
		faults = nil
	}
	return f, faults
}

func one(q url.Values, name string) []string {
	if v := q.Get(name); v != "" {
		return []string{v}
	}
	return nil
}

func days(q url.Values, name string, faults map[string]string) *int {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 36500 {
		faults[name] = "Days overdue: write a number of days."
		return nil
	}
	return &n
}

func amount(q url.Values, name, currency string, faults map[string]string) *money.Amount {
	text := q.Get(name)
	if text == "" {
		return nil
	}
	a, err := money.Parse(text, currency)
	if err != nil {
		faults[name] = "Amount from: write an amount such as 500.00, and choose its currency."
		return nil
	}
	return &a
}

var caseHeader = []string{
	"case", "customer", "name", "account", "creditor", "status", "sequence", "version", "waits for", "next step", "next at", "open", "currency",
	"oldest days", "queue", "owner", "opened", "closed", "last contact",
}

func (d *operations) caseRows(r *web.Request, f read.CaseFilter) iter.Seq2[[]string, error] {
	scope := r.Scope(identity.Export)
	return mapped(read.All(func(p read.Page) (read.List[read.CaseRow], error) {
		return d.Read.ListCases(r.R.Context(), scope, f, p)
	}), func(c read.CaseRow) []string {
		return []string{
			c.Case, c.DebtorKey, c.Name, c.AccountKey, c.Creditor, c.Status, c.Sequence, c.Version, string(c.Waits), c.NextStep, stamp(c.NextAt), c.Open.Decimal(), c.Open.Currency(),
			fmt.Sprint(c.OldestDays), c.Queue, c.Owner, stamp(c.Opened), stamp(c.Closed), stamp(c.Last.At),
		}
	})
}

// mapped turns rows into cells.
func mapped[T any](rows iter.Seq2[T, error], cells func(T) []string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(cells(row), nil) {
				return
			}
		}
	}
}

// stamp is an instant for files: RFC 3339 in UTC, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
