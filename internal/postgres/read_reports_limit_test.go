package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// TestReportsAreStopped: a report that takes longer than it may is ended by the database, says how
// to mend that, and gives its connection back as it was.
func TestReportsAreStopped(t *testing.T) {
	p, ctx := newReported(t, 11, 4), t.Context()
	span := read.Span{From: dunning.DateOf(reportNow).AddDays(-6), Until: dunning.DateOf(reportNow), Zone: time.UTC}
	reports := []struct {
		name string
		ask  func() error
	}{
		{read.ReportAgeing, func() error { _, err := p.ReportAgeing(ctx, read.Everything(), reportNow); return err }},
		{"ageing of the past", func() error { _, err := p.ReportAgeingPast(ctx, read.Everything(), reportNow, 0); return err }},
		{read.ReportRun, func() error { _, err := p.ReportRun(ctx, read.Everything(), span, reportNow); return err }},
		{read.ReportPromises, func() error { _, err := p.ReportPromises(ctx, read.Everything(), span, reportNow); return err }},
		{read.ReportSteps, func() error { _, err := p.ReportSteps(ctx, read.Everything(), span, reportNow); return err }},
		{read.ReportRecovery, func() error { _, err := p.ReportRecovery(ctx, read.Everything(), span, reportNow); return err }},
	}
	// Somebody else holds what reports read: each of them would wait for as long as that.
	other, err := p.Pool().Begin(ctx)
	p.must(err)
	_, err = other.Exec(ctx, "LOCK TABLE account_standings, debtors, decisions, facts, contacts IN ACCESS EXCLUSIVE MODE")
	p.must(err)
	p.UseReportLimit(50 * time.Millisecond)
	for _, r := range reports {
		err := r.ask()
		if !errors.Is(err, read.ErrTooLong) || !strings.Contains(err.Error(), "after 50ms") || !strings.Contains(err.Error(), "DULY_REPORT_TIMEOUT") {
			t.Errorf("%s, which takes too long: %v", r.name, err)
		}
		if held := p.Pool().Stat().AcquiredConns(); held != 1 {
			t.Errorf("%s holds %d connections after its end", r.name, held-1)
		}
	}
	p.must(other.Rollback(ctx))
	p.UseReportLimit(postgres.LongestReport)
	for _, r := range reports {
		if err := r.ask(); err != nil {
			t.Errorf("%s, when nothing is in its way: %v", r.name, err)
		}
	}
	for _, conn := range p.Pool().AcquireAllIdle(ctx) {
		var bound string
		p.must(conn.QueryRow(ctx, "SHOW statement_timeout").Scan(&bound))
		if conn.Release(); bound != "0" {
			t.Errorf("a connection that reports used stops what others ask after %s", bound)
		}
	}
}
