package app

import (
	"github.com/duly/duly/commands"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
)

// NewCommands is the one way in over the real store: console, API, command line, portal
// and webhooks write through it.
func NewCommands(store *postgres.Store, book *Book, c clock.Clock) *commands.Service {
	return &commands.Service{Store: cmdStore{store}, Setups: book, Clock: c}
}
