package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
)

// demoSample draws a sample of the demonstration's last weeks as its compliance user and
// answers half of it, one row with a finding for operations, so that the page of samples has
// something under way. Nothing happens where there are no users, no messages, or a sample
// already.
func demoSample(ctx context.Context, store *postgres.Store, book *app.Book, c clock.Clock) error {
	reviewer, err := store.UserByName(ctx, string(identity.Compliance))
	if errors.Is(err, postgres.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	owner, err := store.UserByName(ctx, string(identity.Operations))
	if err != nil {
		return err
	}
	there, err := store.Samples(ctx, read.Everything(), read.Page{Limit: 1})
	if err != nil || len(there.Rows) > 0 {
		return err
	}
	review, err := drawDemo(ctx, store, book, c, reviewer.Principal())
	if err != nil || review.ID == "" {
		return err
	}
	return answerDemo(ctx, app.NewSampling(store, book), review, reviewer.Principal(), "user:"+owner.ID, c)
}

// drawDemo draws messages of all creditors over the last 30 days; the zero review: there are none.
func drawDemo(ctx context.Context, store *postgres.Store, book *app.Book, c clock.Clock, who identity.Principal) (sampling.Review, error) {
	now, err := c.Now(ctx)
	if err != nil {
		return sampling.Review{}, err
	}
	cfg, err := book.Current(ctx)
	if err != nil {
		return sampling.Review{}, err
	}
	plan := sampling.Plan{
		Title: "Messages of the last four weeks", Kind: sampling.Contacts, From: now.AddDate(0, 0, -28), Until: now, Method: sampling.Both, Size: 12, Seed: "demo-1",
	}
	for _, cr := range cfg.Creditors() {
		plan.Creditors = append(plan.Creditors, cr.ID)
	}
	service := app.NewSampling(store, book)
	s, err := service.Draw(ctx, who, "", plan, now)
	if none := (*sampling.Invalid)(nil); errors.As(err, &none) {
		return sampling.Review{}, nil
	}
	if err != nil {
		return sampling.Review{}, fmt.Errorf("drawing the demonstration's sample: %w", err)
	}
	return service.Get(ctx, who, s.ID)
}

func answerDemo(ctx context.Context, service *sampling.Service, r sampling.Review, who identity.Principal, owner string, c clock.Clock) error {
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	for _, row := range r.Rows[:len(r.Rows)/2] {
		a := sampling.Answer{Values: map[string]sampling.Value{}}
		for _, q := range r.Questions {
			a.Values[q.ID] = sampling.Yes
		}
		if row.N == 3 {
			a.Values["text"] = sampling.No
			a.Note = "The text says when to call and gives no number to call."
			a.Fix, a.Owner, a.Due = "Add the creditor's number to the template, and have it approved.", owner, now.AddDate(0, 0, 14).Format("2006-01-02")
		}
		if _, err := service.Answer(ctx, who, r.ID, row.N, a, now); err != nil {
			return fmt.Errorf("answering the demonstration's sample: %w", err)
		}
	}
	return nil
}
