package app

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// mostTried bounds how many cases one preview of a migration looks at: each is decided over,
// twice.
const mostTried = 500

func (d *Desk) mover() *Mover { return &Mover{Store: d.store, Book: d.book, Clock: d.clock} }

// Migration reads an order to migrate as a form or a bulk action has it, with its version in
// full. What is wrong with it is said by field.
func (d *Desk) Migration(ctx context.Context, p map[string]string) (ops.MigrationOrder, error) {
	o, err := ops.MigrationOf(p)
	if err != nil {
		return o, web.Invalid(sentenceOf(err), map[string]string{"steps": sentenceOf(err)})
	}
	if len(o.Reason) < 3 || len(o.Reason) > 500 {
		return o, web.Invalid("Say why the cases move, in 3 to 500 characters: it is kept with every one of them.", map[string]string{"reason": "Say why, in 3 to 500 characters."})
	}
	o, err = d.mover().Order(ctx, o)
	if errors.Is(err, ErrNoVersion) {
		return o, web.Invalid(sentenceOf(err), map[string]string{"version": sentenceOf(err)})
	}
	return o, err
}

// sentenceOf is an error as a form says it.
func sentenceOf(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (d *Desk) migrationWords(ctx context.Context, p map[string]string) (string, error) {
	o, err := d.Migration(ctx, p)
	if err != nil {
		return "", err
	}
	words := "Move to version " + short(o.Version) + " of sequence " + o.Sequence
	if len(o.Steps) > 0 {
		words += " (" + ops.WriteSteps(o.Steps) + ")"
	}
	if o.AtOnce {
		words += ", also where a message then leaves within a day"
	}
	return words, nil
}

// short is the beginning of a version by which people tell it from others.
func short(version string) string { return version[:min(8, len(version))] }

// TryMigration tells what an order would do to cases; nothing is stored. It needs the
// permission to migrate at the creditor of every case.
func (d *Desk) TryMigration(ctx context.Context, who identity.Principal, p map[string]string, cases []string) (ops.MigrationTrial, error) {
	var t ops.MigrationTrial
	if p["reason"] == "" {
		p = maps.Clone(p)
		p["reason"] = "preview"
	}
	o, err := d.Migration(ctx, p)
	if err != nil {
		return t, err
	}
	if len(cases) > mostTried {
		return t, web.Invalid("A preview looks at no more than 500 cases at a time.", nil)
	}
	if err := d.mayBulk(ctx, who, ops.BulkMigrate, cases); err != nil {
		return t, err
	}
	t.Order = o
	for _, id := range cases {
		ref, err := d.store.CaseRef(ctx, id)
		if err != nil {
			return t, err
		}
		row := ops.MigrationRow{Case: id}
		err = d.guarded(id, func() (err error) {
			row, err = d.mover().Preview(ctx, ref, o)
			return err
		})
		if err != nil && (passes(ctx, err) || refused(err)) {
			return t, err
		}
		if err != nil {
			row = ops.MigrationRow{Case: id, Fault: poisoned}
		}
		t.Add(row)
	}
	return t, nil
}

// wholeParams are an action's parameters as they are kept: a migration names its version in
// full, so that it stays what it was when it was ordered.
func (d *Desk) wholeParams(ctx context.Context, action string, p map[string]string) (map[string]string, error) {
	if action != ops.BulkMigrate {
		return p, nil
	}
	o, err := d.Migration(ctx, p)
	return o.Params(), err
}

// toward is a case's reference with the version that a bulk action moves it to.
func toward(b read.Bulk, ref dunning.CaseRef) dunning.CaseRef {
	if b.Action != ops.BulkMigrate {
		return ref
	}
	return commands.Toward(ref, dunning.Migrate{Sequence: b.Params["sequence"], Version: b.Params["version"]})
}

// fitsBulk refuses a case for which a bulk action is not meant.
func (d *Desk) fitsBulk(ctx context.Context, b read.Bulk, f dunning.Facts) error {
	if b.Action != ops.BulkMigrate {
		return nil
	}
	if err := d.mover().foreign(ctx, f, ops.MigrationOrder{Sequence: b.Params["sequence"]}); err != nil {
		return web.Conflict("It follows sequence " + f.Sequence.ID + ", which is in force: it stays there.")
	}
	return nil
}

// migrationOrders are the command of a migration at a case, and what brings it back.
func migrationOrders(b read.Bulk, it read.BulkItem, f dunning.Facts) (orders []dunning.Command, back takenBack) {
	o, err := ops.MigrationOf(b.Params)
	if err != nil || f.Sequence.ID == o.Sequence && f.Sequence.Version == o.Version {
		return nil, back
	}
	id := bulkID(b, it, "")
	back.Return = &dunning.Migrate{
		ID: id, Sequence: f.Sequence.ID, Version: f.Sequence.Version, Steps: turned(dunning.StepsOf(f.Sequence, o.Steps)), AtOnce: true, Reason: "undone: " + o.Reason,
	}
	return []dunning.Command{dunning.Migrate{
		ID: id, Sequence: o.Sequence, Version: o.Version, Steps: dunning.StepsOf(f.Sequence, o.Steps), AtOnce: o.AtOnce, Reason: o.Reason,
	}}, back
}

// turned is a map of steps the other way; steps that became one stay that one.
func turned(steps map[string]string) map[string]string {
	out := map[string]string{}
	for from, to := range steps {
		if other, twice := out[to]; !twice || from < other {
			out[to] = from
		}
	}
	return out
}

// moveBack undoes a migration at a case: one that waits is taken back, one that took effect
// is moved back. A case that somebody has moved on since stays.
func (d *Desk) moveBack(ctx context.Context, who identity.Principal, ref dunning.CaseRef, back dunning.Migrate) error {
	f, err := d.fold(ctx, ref)
	if err != nil {
		return err
	}
	if w := f.Migration(); w != nil {
		if w.ID != back.ID {
			return web.Conflict("Somebody has asked for another migration of this case since: it stays.")
		}
		_, err := d.do(ctx, who, ref, dunning.CancelMigration{ID: w.ID})
		return err
	}
	last := f.LastMove()
	if last == nil || last.ID != back.ID {
		if f.Sequence.ID == back.Sequence && f.Sequence.Version == back.Version {
			return nil // it never moved
		}
		return web.Conflict("Somebody has moved this case on since: it stays.")
	}
	back.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(back.ID+"/back")).String()
	_, err = d.do(ctx, who, ref, back)
	return err
}

// SequenceVersions are the versions of a sequence that were ever published, the newest first.
func (d *Desk) SequenceVersions(ctx context.Context, sequence string) ([]string, error) {
	return d.store.VersionsOf(ctx, sequence)
}
