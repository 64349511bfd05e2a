package app

import (
	"context"
	"log/slog"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/web/comply"
)

// compliance is what the pages of those who prove that it was lawful work with.
func (c *Console) compliance() comply.Deps {
	store := c.deps.Store
	return comply.Deps{
		Read: store, Journal: store, Ledger: store, Frames: c.book, Config: c.book.Current, Names: c.names, Whose: store.RefOf,
		Sent: func(ctx context.Context, contact string) (dunning.Message, []byte, error) {
			message, fault := c.sentText(ctx, contact)
			copied, _ := store.Sent(ctx, contact) // its fault is that of sentText; the digest outlives the copy
			return message, copied.SHA256, fault
		},
		Log: func(what string, err error) {
			if c.deps.Log != nil {
				c.deps.Log.Error(what, slog.String("error", err.Error()))
			}
		},
	}
}
