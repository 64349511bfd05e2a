package app

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// Draft is what a template would say to the debtor of a case, were it sent at an instant
// because a person asks for it: for previews, it leaves nowhere. f is the fold of the
// account's facts. The error says what is missing and holds no personal data.
func (r *Renderer) Draft(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, ch dunning.Channel, template string, at time.Time) (dunning.Message, error) {
	profile, err := r.Store.Profile(ctx, ref.Debtor)
	if err != nil {
		return dunning.Message{}, err
	}
	account, err := r.Store.Account(ctx, ref.Account)
	if err != nil {
		return dunning.Message{}, err
	}
	c := f.MessageLines(at)
	c.Channel, c.Template = ch, template
	w := &writing{Renderer: r, ref: ref, contact: c, facts: f, at: at, details: postgres.SendDetails{Contact: c, Profile: profile, AccountKey: account.Key}}
	if w.details.To, err = r.draftTo(ctx, f, ref.Debtor, ch, at); err != nil {
		return dunning.Message{}, err
	}
	if w.cfg, err = r.words(ctx); err != nil {
		return dunning.Message{}, err
	}
	for _, l := range c.Items {
		if w.allowed.Total, err = w.allowed.Total.Add(l.Amount); err != nil {
			return dunning.Message{}, err
		}
	}
	w.allowed.Total = w.allowed.Total.Of(w.allowed.Total.Minor() - f.Credit)
	req, err := w.request(ctx)
	if err != nil {
		return dunning.Message{}, err
	}
	return w.cfg.Render(req)
}

// draftTo is the value of the contact point that a message would go to, "" for none.
func (r *Renderer) draftTo(ctx context.Context, f dunning.Facts, debtor string, ch dunning.Channel, at time.Time) (string, error) {
	return r.pointValue(ctx, debtor, f.Asked(at, dunning.Ask{Channel: ch}).Point.ID)
}

// pointValue is the value of a debtor's contact point, "" where there is none.
func (r *Renderer) pointValue(ctx context.Context, debtor, id string) (string, error) {
	points, err := r.Store.Points(ctx, debtor)
	if err != nil {
		return "", err
	}
	for _, p := range points {
		if p.ID == id {
			return p.Value, nil
		}
	}
	return "", nil
}
