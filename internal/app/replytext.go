package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/webhooks"
)

// ReplyText is what a debtor wrote, by the id under which facts and tasks name it (such as
// twilio_inbound/SM…): the words themselves stay in the inbox. It is personal data: the
// caller checks who asks and audits it. postgres.ErrNotFound when there is no such message,
// webhooks.ErrNoMessage when its text has been erased.
func ReplyText(ctx context.Context, store *postgres.Store, id string) (webhooks.Inbound, error) {
	source, event, _ := strings.Cut(id, "/")
	row, err := store.InboxEventNamed(ctx, source, event)
	if err != nil {
		return webhooks.Inbound{}, err
	}
	req, err := store.InboxRequestOf(ctx, row.Request)
	if err != nil {
		return webhooks.Inbound{}, err
	}
	m, err := webhooks.ReadMessage(webhooks.Request{Source: req.Source, Headers: req.Headers, Body: req.Body, At: row.At})
	if err != nil {
		return m, fmt.Errorf("inbox event %d: %w", row.ID, err)
	}
	return m, nil
}
