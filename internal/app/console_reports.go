package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/memo"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// Reports makes the reports of operations, for the console, the API and the command line. It
// knows in whose zone days are counted; what is counted the store knows.
type Reports struct {
	Store *postgres.Store
	// Config is the configuration in force; ErrNothingPublished when there is none.
	Config func(ctx context.Context) (*config.Config, error)
	// Now is the present business instant.
	Now func(ctx context.Context) (time.Time, error)
	// MostDebtors is how many debtors' logs an ageing of an earlier day reads; 0: all.
	MostDebtors int
}

// mostDebtors bounds what a page and the API fold.
const mostDebtors = 20_000

// Make counts a report over what a scope sees. An ask that cannot be answered is an error
// that wraps dunning.ErrInvalid and says how to mend it.
//
// Days are those of the creditor that is asked for; of several creditors they are UTC days.
func (r *Reports) Make(ctx context.Context, scope read.Scope, ask read.ReportAsk) (read.Table, error) {
	if !slices.Contains(read.Reports(), ask.Report) {
		return nil, fmt.Errorf("there is no report %q; there are %s: %w", ask.Report, strings.Join(read.Reports(), ", "), dunning.ErrInvalid)
	}
	now, err := r.Now(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := r.Config(ctx)
	if err != nil && !errors.Is(err, ErrNothingPublished) {
		return nil, err
	}
	zone := time.UTC
	if ask.Creditor != "" {
		if zone, err = r.zoneOf(ctx, scope, cfg, ask.Creditor); err != nil {
			return nil, err
		}
		scope = scope.Within(ask.Creditor)
	}
	span, err := ask.Span(dunning.DateOf(now.In(zone)), zone)
	if err != nil {
		return nil, err
	}
	at, past, err := ask.Instant(now, zone)
	if err != nil {
		return nil, err
	}
	if past {
		t, err := r.Store.ReportAgeingPast(ctx, scope, at, r.MostDebtors)
		t.Creditor = ask.Creditor
		return t, err
	}
	return r.count(ctx, scope, ask, span, now, cfg)
}

// zoneOf is the zone of a creditor. One outside of the scope is not told from one that does
// not exist.
func (r *Reports) zoneOf(ctx context.Context, scope read.Scope, cfg *config.Config, id string) (*time.Location, error) {
	if scope.Allows(id) && cfg != nil {
		for _, c := range cfg.Creditors() {
			if zone, err := time.LoadLocation(c.Zone); c.ID == id && err == nil {
				return zone, nil
			}
		}
	}
	known, err := r.Store.CreditorKnown(ctx, id)
	if err != nil {
		return nil, err
	}
	if !known || !scope.Allows(id) {
		return nil, fmt.Errorf("there is no creditor %q: %w", id, dunning.ErrInvalid)
	}
	return time.UTC, nil
}

func (r *Reports) count(ctx context.Context, scope read.Scope, ask read.ReportAsk, span read.Span, now time.Time, cfg *config.Config) (read.Table, error) {
	switch ask.Report {
	case read.ReportAgeing:
		t, err := r.Store.ReportAgeing(ctx, scope, now)
		t.Creditor = ask.Creditor
		return t, err
	case read.ReportRun:
		t, err := r.Store.ReportRun(ctx, scope, span, now)
		t.Creditor = ask.Creditor
		return t, err
	case read.ReportPromises:
		t, err := r.Store.ReportPromises(ctx, scope, span, now)
		t.Creditor = ask.Creditor
		return t, err
	case read.ReportSteps:
		t, err := r.Store.ReportSteps(ctx, scope, span, now)
		t.Creditor = ask.Creditor
		inOrder(t.Rows, cfg)
		return t, err
	default:
		t, err := r.Store.ReportRecovery(ctx, scope, span, now)
		t.Creditor = ask.Creditor
		return t, err
	}
}

// inOrder puts the steps of each sequence version in the order of the sequence in force.
// Steps that it does not have come last, by name.
func inOrder(rows []read.StepRow, cfg *config.Config) {
	if cfg == nil {
		return
	}
	place := func(r read.StepRow) int {
		if s := cfg.Sequence(r.Sequence); s != nil {
			if i := slices.IndexFunc(s.Steps, func(x dunning.Step) bool { return x.ID == r.Step }); i >= 0 {
				return i
			}
		}
		return len(rows) + 1000
	}
	slices.SortStableFunc(rows, func(a, b read.StepRow) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Version, b.Version), cmp.Compare(place(a), place(b)), cmp.Compare(a.Step, b.Step))
	})
}

// NewReports makes reports for pages and programs over a store and the configuration in force.
func NewReports(store *postgres.Store, book *Book, now func(context.Context) (time.Time, error)) *Reports {
	return &Reports{Store: store, Config: book.Current, Now: now, MostDebtors: mostDebtors}
}

// reportMemo keeps what was counted, by scope and ask. However many different reports are
// asked for at once, few are counted side by side: the others wait, so that reports never take
// all connections from those who work.
type reportMemo struct {
	*memo.Memo[string, read.Table]
	room chan struct{}
}

// reportsAtOnce is how many reports a console counts side by side.
const reportsAtOnce = 2

func newReportMemo() *reportMemo {
	return &reportMemo{memo.New[string, read.Table](clock.Wall, figurePatience, firstPatience), make(chan struct{}, reportsAtOnce)}
}

// counted runs count when there is room.
func (m *reportMemo) counted(ctx context.Context, count func() (read.Table, error)) (read.Table, error) {
	select {
	case m.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-m.room }()
	return count()
}

// report is a report for a page: what was counted last where counting takes long.
func (c *Console) report(ctx context.Context, s read.Scope, ask read.ReportAsk) (memo.Answer[read.Table], error) {
	return c.counted.reports.Get(ctx, reportKey(s, ask), c.counting(s, ask))
}

// wholeReport is a report for a program or a file: it waits until there is one.
func (c *Console) wholeReport(ctx context.Context, s read.Scope, ask read.ReportAsk) (read.Table, error) {
	a, err := c.counted.reports.Wait(ctx, reportKey(s, ask), c.counting(s, ask))
	if errors.Is(err, memo.ErrNoAnswer) {
		err = errQueued
	}
	return a.Value, err
}

// errQueued is for a report that was given up because it, and others before it, took minutes.
var errQueued = fmt.Errorf("%w: counting it, and others before it, took minutes. Ask again in some minutes, or ask for one creditor or fewer days", read.ErrTooLong)

func (c *Console) counting(s read.Scope, ask read.ReportAsk) func(context.Context) (read.Table, error) {
	return func(ctx context.Context) (read.Table, error) {
		t, err := c.counted.reports.counted(ctx, func() (read.Table, error) {
			return NewReports(c.deps.Store, c.book, c.deps.Clock.Now).Make(ctx, s, ask)
		})
		if errors.Is(err, context.DeadlineExceeded) {
			err = errQueued
		}
		return t, err
	}
}

func reportKey(s read.Scope, a read.ReportAsk) string {
	return strings.Join([]string{a.Report, a.Creditor, a.From, a.Until, a.At, scopeKey(s)}, "\x00")
}
