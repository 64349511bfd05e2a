package app

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// DeadLetters lists what was tried and came to no end; see postgres.Store.DeadLetters.
func (d *Desk) DeadLetters(ctx context.Context, who identity.Principal, kinds []string, p read.Page) (read.List[read.DeadRow], error) {
	at, err := d.clock.Now(ctx)
	if err != nil {
		return read.List[read.DeadRow]{}, err
	}
	return d.store.DeadLetters(ctx, web.ScopeOf(who, identity.Monitor), kinds, at, p)
}

// DeadCounts counts dead letters by kind.
func (d *Desk) DeadCounts(ctx context.Context, who identity.Principal) (map[string]int64, error) {
	at, err := d.clock.Now(ctx)
	if err != nil {
		return nil, err
	}
	return d.store.CountDead(ctx, web.ScopeOf(who, identity.Monitor), at)
}

// TakeUp does something with a dead letter. It is recorded; the same again, when it is no
// dead letter any more, is a conflict that says so and changes nothing.
func (d *Desk) TakeUp(ctx context.Context, who identity.Principal, kind, subject, action, reason string) error {
	at, err := d.clock.Now(ctx)
	if err != nil {
		return err
	}
	row, err := d.deadLetter(ctx, who, kind, subject, at)
	if err != nil {
		return err
	}
	need := or(row.Creditor, identity.AllCreditors)
	switch {
	case !who.Can(identity.Operate, need):
		return web.Forbidden(identity.Operate, need)
	case !slices.Contains(ops.DeadActions(row), action):
		return web.Invalid("This cannot be done with it; open the list again.", nil)
	case action != ops.DeadRetry && len([]rune(strings.TrimSpace(reason))) < 3:
		return web.Invalid("Write why, so that it can be understood later.", map[string]string{"reason": "Write why."})
	}
	if err := d.takeUp(ctx, who, row, action, reason, at); err != nil {
		return err
	}
	return d.note(ctx, who, "dead."+action, row.Subject, map[string]string{"kind": row.Kind, "case": row.Case, "creditor": row.Creditor, "reason": reason, "code": row.Code})
}

// deadLetter is one in the scope of who asks. Workflows are told of by Temporal, not the store.
func (d *Desk) deadLetter(ctx context.Context, who identity.Principal, kind, subject string, at time.Time) (read.DeadRow, error) {
	scope := web.ScopeOf(who, identity.Operate)
	if kind == read.DeadWorkflow {
		ref, err := d.store.CaseRef(ctx, subject)
		if err != nil {
			return read.DeadRow{}, missing(err, "This case")
		}
		row := read.DeadRow{Kind: kind, Subject: subject, Case: subject, Since: at}
		row.Creditor = ref.Creditor
		if !scope.Allows(ref.Creditor) {
			return row, web.NotFound("This case")
		}
		return row, nil
	}
	row, err := d.store.DeadLetter(ctx, scope, kind, subject, at)
	if err != nil && missing(err, "") != err {
		return row, web.Conflict("It is no dead letter any more: it has moved on, or somebody has dealt with it. Nothing was changed.")
	}
	return row, err
}

func (d *Desk) takeUp(ctx context.Context, who identity.Principal, row read.DeadRow, action, reason string, at time.Time) error {
	switch {
	case row.Kind == read.DeadFailed:
		return d.finish(ctx, who, row, map[string]string{ops.DeadRetry: "resumed", ops.DeadSkip: "done"}[action])
	case action == ops.DeadLeft, action == ops.DeadNotLeft:
		return d.finish(ctx, who, row, action)
	case action == ops.DeadSkip:
		_, err := d.store.HandleDead(ctx, row, who.By, reason, at)
		return err
	}
	switch row.Kind {
	case read.DeadUnknown, read.DeadStuck, read.DeadWorkflow:
		if row.Kind == read.DeadStuck {
			d.tryAll(ctx, row.Case, who.By)
		}
		return d.store.Wake(ctx, row.Case)
	case read.DeadInbox:
		id, err := strconv.ParseInt(row.Subject, 10, 64)
		if err != nil {
			return web.NotFound("This event")
		}
		_, err = d.store.ReplayInbox(ctx, postgres.InboxFilter{}, id)
		return err
	case read.DeadHook:
		id, err := strconv.ParseInt(row.Subject, 10, 64)
		if err != nil {
			return web.NotFound("This delivery")
		}
		return d.store.ReplayDelivery(ctx, row.Task, id, clock.Wall())
	}
	return web.Invalid("There is no such kind of dead letter.", nil)
}

// finish ends the task that asks about a dead letter.
func (d *Desk) finish(ctx context.Context, who identity.Principal, row read.DeadRow, outcome string) error {
	ref, err := d.store.CaseRef(ctx, row.Case)
	if err != nil {
		return err
	}
	_, err = d.do(ctx, who, ref, dunning.FinishTask{ID: row.Task, Outcome: outcome})
	return err
}
