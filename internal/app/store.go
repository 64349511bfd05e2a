package app

import (
	"context"
	"errors"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// actStore is the store as activities see it.
type actStore struct{ *postgres.Store }

var _ activities.Timekeeper = actStore{} // its clock is that of all workers

func (s actStore) CaseRef(ctx context.Context, id string) (dunning.CaseRef, error) {
	ref, err := s.Store.CaseRef(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		err = errors.Join(activities.ErrNoCase, err)
	}
	return ref, err
}

func (s actStore) InDebtor(ctx context.Context, debtor string, f func(activities.Tx) error) error {
	return s.Store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error { return f(actTx{tx}) })
}

// actTx is a transaction as activities see it.
type actTx struct{ *postgres.Tx }

// Version of a locked debtor. Appending nothing returns it without a query: the lock
// has read it.
func (t actTx) Version(ctx context.Context, debtor string) (int64, error) {
	v, _, err := t.Append(ctx, debtor, nil)
	return v, err
}

// cmdStore is the store as commands see it.
type cmdStore struct{ *postgres.Store }

func (s cmdStore) CaseRef(ctx context.Context, id string) (dunning.CaseRef, error) {
	ref, err := s.Store.CaseRef(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		err = errors.Join(commands.ErrNoCase, err)
	}
	return ref, err
}

func (s cmdStore) InDebtor(ctx context.Context, debtor string, f func(commands.Tx) error) error {
	return s.Store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error { return f(tx) })
}
