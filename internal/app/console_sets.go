package app

import (
	"cmp"
	"context"
	"math"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/collect"
	"github.com/duly/duly/internal/web/comply"
	"github.com/duly/duly/internal/web/govern"
	"github.com/duly/duly/internal/web/operate"
	"github.com/duly/duly/internal/web/simulator"
)

// sets are the pages of the groups.
func (c *Console) sets() []web.Set {
	return []web.Set{govern.Set(c.governance()), collect.Set(c.collectors()), operate.Set(c.operations()), comply.Set(c.compliance()), simulator.Set(c.simulators()), c.sampleSet()}
}

// collectors are what the pages of those who speak with debtors work with.
func (c *Console) collectors() collect.Deps {
	store := c.deps.Store
	renderer := &Renderer{Store: store, Book: c.book}
	return collect.Deps{
		Read: store, CaseRef: cmdStore{store}.CaseRef, Setup: c.book.Setup, Config: c.book.Current, Do: c.doAs, Draft: renderer.Draft, Names: c.names, People: c.colleagues, History: c.history,
		Facts: func(ctx context.Context, debtor string) ([]dunning.Fact, error) {
			return store.FactsAsOf(ctx, debtor, math.MaxInt64)
		},
		Reply:    c.replyText,
		Switches: c.switchesOn,
	}
}

// switchesOn are the kill switches that are on.
func (c *Console) switchesOn(ctx context.Context) ([]dunning.Switch, error) {
	all, err := c.deps.Store.Switches(ctx)
	on := make([]dunning.Switch, len(all))
	for i, s := range all {
		on[i] = s.Switch
	}
	return on, err
}

// replyText is what a debtor wrote, by the id of the contact that was recorded of it.
func (c *Console) replyText(ctx context.Context, id string) (subject, text string, err error) {
	m, err := ReplyText(ctx, c.deps.Store, id)
	return m.Subject, cmp.Or(strings.TrimSpace(m.Text), m.HTML), err
}

// names are those of all users, by id.
func (c *Console) names(ctx context.Context) (map[string]string, error) {
	users, err := c.deps.Store.Users(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(users))
	for _, u := range users {
		out[u.ID] = u.Label()
	}
	return out, nil
}
