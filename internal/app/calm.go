package app

import (
	"context"
	"slices"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/webhooks"
)

// calm makes what a webhook forbids effective to the letter. A message that passed the
// fence just before an opt-out or payment was committed has crossed in the post, but its
// hand-over may begin a moment later. So before the webhook is answered, hand-overs of
// those debtors that are under way come to their end, or to the point from which none may
// begin any more. After the answer nothing leaves.
type calm struct {
	webhooks.Ports
	store *postgres.Store
}

// calmly wraps ports.
func calmly(p webhooks.Ports, store *postgres.Store) webhooks.Ports {
	c := calm{p, store}
	p.Reports, p.Answers, p.Payments = c, c, c
	return p
}

// Inbound implements webhooks.Answers.
func (c calm) Inbound(ctx context.Context, m webhooks.Inbound) (webhooks.Matched, error) {
	return c.after(ctx)(c.Answers.Inbound(ctx, m))
}

// Pay implements webhooks.Payments.
func (c calm) Pay(ctx context.Context, p webhooks.Payment) (webhooks.Matched, error) {
	return c.after(ctx)(c.Payments.Pay(ctx, p))
}

// Report implements webhooks.Reports: only what says something about the address forbids
// further messages.
func (c calm) Report(ctx context.Context, r webhooks.Report) (webhooks.Matched, error) {
	m, err := c.Reports.Report(ctx, r)
	if !aboutAddress(r.Means) {
		return m, err
	}
	return c.after(ctx)(m, err)
}

// calmLook is how often hand-overs under way are looked at.
const calmLook = 10 * time.Millisecond

// after waits for the hand-overs of those whom an event was about.
func (c calm) after(ctx context.Context) func(webhooks.Matched, error) (webhooks.Matched, error) {
	return func(m webhooks.Matched, err error) (webhooks.Matched, error) {
		if err != nil || len(m.Debtors) == 0 {
			return m, err
		}
		return m, c.await(ctx, m.Debtors)
	}
}

// await returns when none of the hand-overs that are under way now is any more, or may
// begin to be: whoever has passed the fence starts its call within DefaultPatience or not
// at all.
func (c calm) await(ctx context.Context, debtors []string) error {
	first, err := c.store.HandOvers(ctx, debtors)
	if err != nil || len(first) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, activities.DefaultPatience)
	defer cancel()
	tick := time.NewTicker(calmLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := c.store.HandOvers(ctx, debtors)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || !slices.ContainsFunc(now, func(id string) bool { return slices.Contains(first, id) }) {
			return err
		}
	}
}
