package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// poisoned is what people read about a case that this program cannot read or do.
const poisoned = "A fault in Duly over this case's data: it was passed by. Run duly doctor and duly recheck, and order it anew when it is mended."

// errPoisoned stands for a panic over a case. Its value may quote data, so it is not told.
var errPoisoned = errors.New("a fault in Duly over a case: the log has the place")

// guarded keeps a panic over one case's data from the other cases and from the process.
func (d *Desk) guarded(caseID string, f func() error) (err error) {
	defer func() {
		if recover() == nil {
			return
		}
		if err = errPoisoned; d.log != nil {
			d.log.Error("panic over a case of a bulk action", slog.String("case", caseID), slog.String("at", string(debug.Stack())))
		}
	}()
	return f()
}

// guardedItem does or undoes one case. One that cannot be read or done, whenever it is tried,
// is settled with words: an order comes to its end although one of its cases is spoilt.
func (d *Desk) guardedItem(ctx context.Context, who identity.Principal, b read.Bulk, it read.BulkItem) error {
	err := d.guarded(it.Case, func() error { return d.bulkItem(ctx, who, b, it) })
	if err == nil || passes(ctx, err) {
		return err
	}
	if d.log != nil {
		d.log.Error("a case of a bulk action cannot be read or done", slog.String("batch", b.ID), slog.String("case", it.Case), slog.String("type", kindOf(err)))
	}
	return d.store.SettleBulk(ctx, b.ID, it.Seq, leftState(b), poisoned, nil)
}

// leftState is the state of a case that an order, or its undo, passes by.
func leftState(b read.Bulk) string {
	if b.State == "undoing" {
		return "kept"
	}
	return "refused"
}

// passes tells trouble of the surroundings, after which the same is tried again, from what is
// wrong with one case's data, which no waiting mends.
func passes(ctx context.Context, err error) bool {
	var network net.Error
	var sql interface{ SQLState() string }
	switch {
	case ctx.Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, postgres.ErrNoCipher), errors.As(err, &network):
		return true
	case errors.As(err, &sql):
		// Bad data, broken constraints and refusals of triggers stay what they are.
		return !slices.Contains([]string{"22", "23", "P0"}, fmt.Sprintf("%.2s", sql.SQLState()))
	}
	return false
}

// stopBulk ends an order behind which nobody stands any more: what waits is left, with the
// reason, which the order keeps; what has begun counts as done, so that it can be undone.
func (d *Desk) stopBulk(ctx context.Context, b read.Bulk, why string) error {
	left, err := d.store.StopBulk(ctx, b.ID, leftState(b), why)
	if err != nil {
		return err
	}
	return d.note(ctx, identity.Principal{By: "system"}, "bulk.stopped", b.ID, map[string]string{"left": fmt.Sprint(left), "reason": why})
}
