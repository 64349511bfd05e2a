package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web/operate"
)

// operations are what the pages of operations work with.
func (c *Console) operations() operate.Deps {
	store, renderer := c.deps.Store, &Renderer{Store: c.deps.Store, Book: c.book}
	return operate.Deps{
		Read: store, Config: c.book.Current, CaseRef: cmdStore{store}.CaseRef, Fold: c.foldOf, Draft: renderer.Draft, Names: c.names,
		Reply: c.replyText, Desk: c.ops, Temporal: c.temporal, Clock: c.clockNow, Versions: c.versionsOf, Views: store.Views,
		Switches: func(ctx context.Context) ([]operate.Switch, error) { return switchesOf(store.Switches(ctx)) },
		Restored: c.restoration().Status, EndRestore: c.restoration().Done,
		History: func(ctx context.Context, limit int) ([]operate.Switch, error) {
			return switchesOf(store.SwitchHistory(ctx, limit))
		},
		SwitchOn: func(ctx context.Context, s operate.Switch) error {
			_, err := store.SwitchOn(ctx, postgres.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On})
			return err
		},
		SwitchOff: func(ctx context.Context, s dunning.Switch, at time.Time, by, reason string) error {
			err := store.SwitchOff(ctx, s, at, by, reason)
			if errors.Is(err, postgres.ErrNotOn) {
				err = fmt.Errorf("%w: %w", err, dunning.ErrUnknown)
			}
			return err
		},
		Activations: c.activations, Activate: c.activate, Doctor: c.doctor, Examined: c.examined, Sent: c.sentText,
		Report: c.report, WholeReport: c.wholeReport,
		Replay: func(ctx context.Context, ids ...int64) (int64, error) {
			return store.ReplayInbox(ctx, postgres.InboxFilter{}, ids...)
		},
	}
}

func switchesOf(all []postgres.Switch, err error) ([]operate.Switch, error) {
	out := make([]operate.Switch, len(all))
	for i, s := range all {
		out[i] = operate.Switch{Switch: s.Switch, Reason: s.Reason, By: s.By, On: s.On, Off: s.Off, OffBy: s.OffBy, OffReason: s.OffReason}
	}
	return out, err
}

// foldOf is the account's facts of a case, in their set-up.
func (c *Console) foldOf(ctx context.Context, ref dunning.CaseRef) (dunning.Facts, error) {
	return foldOf(ctx, c.deps.Store, c.book, ref)
}

// foldOf is what is known of an account, as of now; nothing of it is stored.
func foldOf(ctx context.Context, store *postgres.Store, book *Book, ref dunning.CaseRef) (dunning.Facts, error) {
	setup, err := book.Setup(ctx, ref)
	if err != nil {
		return dunning.Facts{}, err
	}
	setup.Record = false
	log, err := store.FactsAsOf(ctx, ref.Debtor, math.MaxInt64)
	if err != nil {
		return dunning.Facts{}, err
	}
	return dunning.Fold(setup, log)
}

func (c *Console) activations(ctx context.Context) ([]operate.Activation, error) {
	all, err := c.deps.Store.Activations(ctx)
	out := make([]operate.Activation, len(all))
	for i, a := range all {
		out[i] = operate.Activation{Release: a.Release, By: a.By, At: a.At}
	}
	return out, err
}

// activate puts an earlier release into force again, see Proposals.GoBack.
func (c *Console) activate(ctx context.Context, version, by, reason string) error {
	return c.Proposals().GoBack(ctx, by, version, reason)
}

// sentText is a message as it left; what keeps it from being shown is said for the reader.
func (c *Console) sentText(ctx context.Context, contact string) (dunning.Message, error) {
	return sentWords(c.deps.Store.Sent(ctx, contact))
}

func sentWords(s postgres.Sent, err error) (dunning.Message, error) {
	switch {
	case err == nil:
		if !s.Dated.IsZero() { // on paper, it bears the day of its batch
			s.Message.Dated = s.Dated
		}
		return s.Message, nil
	case errors.Is(err, postgres.ErrNotFound):
		return dunning.Message{}, errors.New("there is no copy: it left before copies were kept, or through another system")
	case errors.Is(err, postgres.ErrErased):
		return dunning.Message{}, errors.New("the copy was erased with the customer’s personal data; its digest is left")
	case errors.Is(err, postgres.ErrNoCipher):
		return dunning.Message{}, errors.New("this console has no data key, so the copy stays sealed: operations set DULY_DATA_KEY")
	}
	return dunning.Message{}, errors.New("the copy cannot be opened: operations see why in the log")
}

// clockNow says how business time runs.
func (c *Console) clockNow(ctx context.Context) (operate.Clock, error) {
	if r, ok := c.deps.Clock.(*clock.Rehearsal); ok {
		rate, err := r.Rate(ctx)
		return operate.Clock{Rehearsal: true, Rate: rate}, err
	}
	return operate.Clock{Rate: 1}, nil
}

// versionsOf are the versions of the sequences that a stored release holds.
func (c *Console) versionsOf(ctx context.Context, release string) (map[string]string, error) {
	r, err := c.deps.Store.Release(ctx, release)
	if err != nil {
		return nil, err
	}
	c.book.mu.Lock()
	cfg, err := c.book.compile(r)
	c.book.mu.Unlock()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range cfg.Sequences() {
		out[s.ID] = s.Version
	}
	return out, nil
}

// operator is what operations do and read, as the API has it.
type operator struct {
	*Desk
	console *Console
}

// Temporal implements api.Operator.
func (o operator) Temporal(ctx context.Context, s read.Scope) (temporalx.Facts, bool, error) {
	t, err := o.console.temporal(ctx, s)
	return t.Facts, t.Configured, err
}

// Operating implements api.Operator.
func (o operator) Operating(ctx context.Context, s read.Scope) (read.Operating, error) {
	now, err := o.clock.Now(ctx)
	if err != nil {
		return read.Operating{}, err
	}
	return o.store.Operating(ctx, s, now)
}

// Report implements api.Operator.
func (o operator) Report(ctx context.Context, s read.Scope, ask read.ReportAsk) (read.Table, error) {
	return o.console.wholeReport(ctx, s, ask)
}

func (o operator) SequenceCounts(ctx context.Context, s read.Scope) ([]read.SequenceCount, error) {
	return o.store.SequenceCounts(ctx, s)
}

func (o operator) Assignments(ctx context.Context, s read.Scope, limit int) ([]read.Assignment, error) {
	return o.store.Assignments(ctx, s, limit)
}

func (o operator) Bulks(ctx context.Context, s read.Scope, limit int) ([]read.Bulk, error) {
	return o.store.Bulks(ctx, s, limit)
}

func (o operator) Bulk(ctx context.Context, s read.Scope, id string) (read.Bulk, error) {
	return o.store.Bulk(ctx, s, id)
}

func (o operator) BulkItems(ctx context.Context, s read.Scope, id, state string, after, limit int) ([]read.BulkItem, error) {
	return o.store.BulkItems(ctx, s, id, state, after, limit)
}

func (o operator) Uploads(ctx context.Context, s read.Scope, limit int) ([]read.Upload, error) {
	return o.store.Uploads(ctx, s, limit)
}

func (o operator) Upload(ctx context.Context, s read.Scope, id string) (read.Upload, error) {
	return o.store.Upload(ctx, s, id)
}

func (o operator) UploadRejects(ctx context.Context, s read.Scope, id string) (name string, body []byte, err error) {
	return o.store.UploadRejects(ctx, s, id)
}

func (o operator) RejectFile(ctx context.Context, s read.Scope, run string) (name string, body []byte, err error) {
	return o.store.RejectFile(ctx, s, run)
}
