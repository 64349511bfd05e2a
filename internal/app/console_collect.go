package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web/collect"
)

// colleagues are those who work on cases of a creditor, ordered by name: who has left or
// may not take a case over can be neither mentioned nor given one.
func (c *Console) colleagues(ctx context.Context, creditor string) ([]collect.Colleague, error) {
	users, err := c.deps.Store.Users(ctx)
	if err != nil {
		return nil, err
	}
	var out []collect.Colleague
	for _, u := range users {
		if u.Disabled.IsZero() && u.Principal().Can(identity.TakeOver, creditor) {
			out = append(out, collect.Colleague{ID: u.ID, Handle: u.Name, Name: u.Label()})
		}
	}
	slices.SortStableFunc(out, func(a, b collect.Colleague) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}
