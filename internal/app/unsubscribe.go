package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/unsubscribe"
)

// NewUnsubscribe is the handler of the links in emails, to be mounted under
// unsubscribe.Path of the public address, without login and without protection against
// cross-site requests. The keys are those of the workers that wrote the links
// (DULY_DATA_KEY, else DULY_CODEC_KEYS); without any the handler knows no link.
func NewUnsubscribe(getenv func(string) string, store *postgres.Store, book *Book, c clock.Clock, count func(string)) (http.Handler, error) {
	keys, err := codec.DataFromEnv(getenv)
	if err != nil && !errors.Is(err, codec.ErrNoKeys) {
		return nil, usageError{err}
	}
	return unsubscribe.New(unsubscribe.Config{Keys: keys, Count: count, Refuse: unsubscriber(store, NewCommands(store, book, c).Do)}), nil
}

// unsubscriber writes an unsubscription down as what the reader said of that message.
func unsubscriber[R any](store *postgres.Store, do func(context.Context, string, dunning.Command, string) (R, error)) func(context.Context, string) error {
	return func(ctx context.Context, attempt string) error {
		c, ok, err := store.ContactByAttempt(ctx, attempt)
		if err != nil {
			return err
		}
		if !ok {
			return unsubscribe.ErrUnknown
		}
		_, err = do(ctx, c.Case, dunning.ReportDelivery{ID: "unsubscribe/" + attempt, Contact: c.ID, Report: dunning.Unsubscribed}, "debtor")
		return err
	}
}

// unsubscribeLinks are the addresses that a worker writes into emails; none without a
// public https address or keys.
func unsubscribeLinks(getenv func(string) string) (func(attempt string) string, error) {
	keys, err := codec.DataFromEnv(getenv)
	if errors.Is(err, codec.ErrNoKeys) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return unsubscribe.Links(keys, getenv(EnvPublicURL)), nil
}
