package app

import "github.com/duly/duly/internal/web/comply"

// compliance is what the pages of those who prove that it was lawful work with.
func (c *Console) compliance() comply.Deps {
	return comply.Deps{Read: c.deps.Store, Journal: c.deps.Store, Frames: c.book, Config: c.book.Current, Names: c.names}
}
