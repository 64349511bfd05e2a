package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/memo"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web/operate"
)

// figurePatience is how long a page waits for a figure that reads a table as a whole. Then it
// shows what was counted last, says how long ago that was, and the figure is counted behind.
const (
	figurePatience = 150 * time.Millisecond
	firstPatience  = time.Second // while it has never been counted
)

// counted are figures that take long at a million accounts, by scope and what was asked.
type counted struct {
	doctor   *memo.Memo[struct{}, []operate.Violation]
	frequent *memo.Memo[string, []read.FrequencyRow]
	reports  *reportMemo
}

func newCounted() counted {
	return counted{
		doctor:   memo.New[struct{}, []operate.Violation](clock.Wall, figurePatience, firstPatience),
		frequent: memo.New[string, []read.FrequencyRow](clock.Wall, figurePatience, firstPatience),
		reports:  newReportMemo(),
	}
}

// scopeKey names a scope, so that nobody is shown what was counted for another.
func scopeKey(s read.Scope) string {
	if s.All() {
		return "all"
	}
	return "of:" + strings.Join(s.Creditors(), ",")
}

// examine is an examination by the doctor, as of now.
func (c *Console) examine(ctx context.Context) ([]operate.Violation, error) {
	now, err := c.deps.Clock.Now(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.deps.Store.Doctor(ctx, now)
	out := make([]operate.Violation, len(all))
	for i, v := range all {
		out[i] = violationOf(v)
	}
	return out, err
}

func violationOf(v postgres.Violation) operate.Violation {
	return operate.Violation{Kind: v.Kind, Case: v.Case, Subject: v.Subject, Detail: v.Detail, Since: v.Since}
}

// examined is what the doctor finds, or found when an examination takes long.
func (c *Console) examined(ctx context.Context) (memo.Answer[[]operate.Violation], error) {
	return c.counted.doctor.Get(ctx, struct{}{}, c.examine)
}

// doctor waits for the doctor: one examination at a time, however many ask.
func (c *Console) doctor(ctx context.Context, _ time.Time) ([]operate.Violation, error) {
	a, err := c.counted.doctor.Wait(ctx, struct{}{}, c.examine)
	return a.Value, err
}

// frequent lists the debtors of a scope that were contacted most often in the last days.
func (c *Console) frequent(ctx context.Context, s read.Scope, days, limit int) (memo.Answer[[]read.FrequencyRow], error) {
	return c.counted.frequent.Get(ctx, fmt.Sprint(days, " ", limit, " ", scopeKey(s)), func(ctx context.Context) ([]read.FrequencyRow, error) {
		now, err := c.deps.Clock.Now(ctx)
		if err != nil {
			return nil, err
		}
		return c.deps.Store.Frequent(ctx, s, now, days, limit)
	})
}
