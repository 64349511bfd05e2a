package app

import (
	"log/slog"

	"github.com/duly/duly/internal/web/comply"
)

// compliance is what the pages of those who prove that it was lawful work with.
func (c *Console) compliance() comply.Deps {
	store := c.deps.Store
	return comply.Deps{
		Read: store, Journal: store, Ledger: store, Frames: c.book, Config: c.book.Current, Names: c.names, Whose: store.RefOf,
		Log: func(what string, err error) {
			if c.deps.Log != nil {
				c.deps.Log.Error(what, slog.String("error", err.Error()))
			}
		},
	}
}
