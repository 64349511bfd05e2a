// Package house runs a whole Duly in this process: a site with business time that is
// rehearsed, and a worker on it.
//
// It owns their order and the key that encrypts what Temporal keeps. Messages go to the
// sandbox, whatever the environment says.
package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/metrics"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/site"
)

// Options of a house.
type Options struct {
	Site site.Options
	// Config is published when the house is new.
	Config fs.FS
	// Log of the worker; nil: silent.
	Log *slog.Logger
}

// House is a running one.
type House struct {
	Site *site.Site
	Book *app.Book
	// New: nothing was in its database yet. Until Begin is called, business time is not
	// to be relied on.
	New bool

	o       Options
	client  client.Client
	worker  *app.Worker
	metrics *metrics.Set
}

// Start brings a house up, without its worker. Stop must follow.
func Start(ctx context.Context, o Options) (*House, error) {
	if o.Site.Rehearsal == nil {
		return nil, errors.New("a house is a rehearsal: it needs a rate and a start")
	}
	s, err := site.Start(ctx, o.Site)
	if err != nil {
		return nil, err
	}
	h := &House{Site: s, o: o, Book: app.NewBook(s.Store(), clock.Wall), metrics: metrics.New()}
	if err := h.prepare(ctx); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	return h, nil
}

// prepare publishes the configuration, unless a rehearsal is under way.
func (h *House) prepare(ctx context.Context) (err error) {
	if h.New, err = Stage(ctx, h.Site.Store(), h.o.Config, h.o.Site.Rehearsal.Start); err != nil {
		return err
	}
	return h.dial(ctx)
}

// Stage publishes a configuration for a rehearsal that begins at an instant. fresh is
// false, and nothing is changed, when a script is there: then that rehearsal goes on.
func Stage(ctx context.Context, store *postgres.Store, files fs.FS, at time.Time) (fresh bool, err error) {
	err = store.Pool().QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM rehearsal_script)`).Scan(&fresh)
	if err != nil || !fresh {
		return false, err
	}
	_, _, err = app.Publish(ctx, store, files, "rehearsal", at)
	return err == nil, err
}

func (h *House) dial(ctx context.Context) error {
	keys, err := h.keys()
	if err != nil {
		return err
	}
	opts := client.Options{Logger: app.TemporalLog(h.log()), MetricsHandler: h.metrics.Temporal()}
	app.Encrypt(&opts, keys)
	h.Site.Store().UseCipher(keys)
	h.client, err = h.Site.Temporal().Dial(ctx, opts)
	return err
}

// keys are made by the first house in a directory.
func (h *House) keys() (codec.Keys, error) {
	file := filepath.Join(filepath.Dir(h.Site.EnvFile()), "codec.key")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(codec.Generate())
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return codec.Keys{}, fmt.Errorf("key of the house: %w", err)
	}
	return codec.ParseKeys(strings.TrimSpace(string(text)))
}

// Begin starts business time of a new house, once its script is written, and the worker.
func (h *House) Begin(ctx context.Context) error {
	if h.New {
		if err := clock.Set(ctx, h.Site.Pool(), *h.o.Site.Rehearsal); err != nil {
			return err
		}
	}
	channels, err := app.OpenChannels(func(string) string { return "" }, h.Site.Store())
	if err != nil {
		return err
	}
	h.worker, err = app.NewWorker(ctx, app.Deps{
		Store: h.Site.Store(), Temporal: h.client, Namespace: h.Site.Temporal().Namespace(), Clock: h.Site.Clock(), Channels: channels, Log: h.o.Log, Metrics: h.metrics,
	}, app.WorkerOptions{Late: 30 * time.Second, Sweep: 5 * time.Second, Poll: time.Second})
	if err != nil {
		return err
	}
	return h.worker.Start(ctx)
}

// Metrics are what the house measures: its worker and, given them, its console.
func (h *House) Metrics() *metrics.Set { return h.metrics }

// Client of the house's Temporal server.
func (h *House) Client() client.Client { return h.client }

// Stop ends everything. It may be called again.
func (h *House) Stop() error {
	if h.worker != nil {
		h.worker.Stop()
	}
	if h.client != nil {
		h.client.Close()
	}
	return h.Site.Stop()
}

func (h *House) log() *slog.Logger {
	if h.o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.o.Log
}
