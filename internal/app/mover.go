package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/postgres"
)

// ErrNoVersion is returned for an order that names no published version, or steps that there
// are not; the message is for whoever gave it.
var ErrNoVersion = errors.New("cannot be migrated to")

// Mover previews migrations of running cases and words the command for one case, for
// console, API and command line alike. It owns no rule: those are dunning's.
type Mover struct {
	Store *postgres.Store
	Book  *Book
	Clock clock.Clock
}

// Order fills in what an order leaves out: the version in force, a version in full. The steps
// of its map must be in the target, and in some other published version of the sequence.
func (m *Mover) Order(ctx context.Context, o ops.MigrationOrder) (ops.MigrationOrder, error) {
	all, err := m.Store.VersionsOf(ctx, o.Sequence)
	if err != nil {
		return o, err
	}
	if o.Version, err = m.version(ctx, o, all); err != nil {
		return o, err
	}
	target, _, err := m.Book.Sequence(ctx, o.Sequence, o.Version)
	if err != nil {
		return o, err
	}
	for from, to := range o.Steps {
		if target.StepIndex(to) < 0 {
			return o, fmt.Errorf("sequence %s@%s: %w: it has no step %q for %s to become", o.Sequence, o.Version, ErrNoVersion, to, from)
		}
		if known, err := m.anyHas(ctx, o.Sequence, all, from); err != nil || !known {
			return o, errors.Join(err, fmt.Errorf("sequence %s: %w: no published version has a step %q to become %s", o.Sequence, ErrNoVersion, from, to))
		}
	}
	return o, nil
}

// version is the one version that an order means.
func (m *Mover) version(ctx context.Context, o ops.MigrationOrder, all []string) (string, error) {
	if o.Version == "" {
		cfg, err := m.Book.Current(ctx)
		if err != nil {
			return "", err
		}
		if s := cfg.Sequence(o.Sequence); s != nil {
			return s.Version, nil
		}
		if len(all) == 0 {
			return "", fmt.Errorf("sequence %q: %w: it is not in force, and none of that name was ever published", o.Sequence, ErrNoVersion)
		}
		return "", fmt.Errorf("sequence %q: %w: it is not in force; name one of its versions: %s", o.Sequence, ErrNoVersion, strings.Join(all, ", "))
	}
	fit := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return !strings.HasPrefix(v, o.Version) })
	if slices.Contains(fit, o.Version) {
		return o.Version, nil
	}
	if len(fit) != 1 {
		return "", fmt.Errorf("sequence %q: %w: %d of its published versions begin with %q; there are: %s", o.Sequence, ErrNoVersion, len(fit), o.Version, strings.Join(all, ", "))
	}
	return fit[0], nil
}

// anyHas reports whether some version has a step. One that this program cannot read any more
// has none.
func (m *Mover) anyHas(ctx context.Context, sequence string, versions []string, step string) (bool, error) {
	for _, v := range versions {
		s, _, err := m.Book.Sequence(ctx, sequence, v)
		if err == nil && s.StepIndex(step) >= 0 {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return false, nil
}

// Command is an order for one case; same says that it follows the target already.
func (m *Mover) Command(o ops.MigrationOrder, f dunning.Facts, id string) (cmd dunning.Migrate, same bool) {
	same = f.Sequence.ID == o.Sequence && f.Sequence.Version == o.Version
	return dunning.Migrate{ID: id, Sequence: o.Sequence, Version: o.Version, Steps: dunning.StepsOf(f.Sequence, o.Steps), AtOnce: o.AtOnce, Reason: o.Reason}, same
}

// Preview tells what an order (with its version in full) would do to a case now. Nothing is
// stored. What the core refuses is in the row.
func (m *Mover) Preview(ctx context.Context, ref dunning.CaseRef, o ops.MigrationOrder) (ops.MigrationRow, error) {
	row := ops.MigrationRow{Case: ref.Case, From: ref.Version}
	if o.Reason == "" {
		o.Reason = "preview"
	}
	at, err := m.Clock.Now(ctx)
	if err != nil {
		return row, err
	}
	f, err := foldOf(ctx, m.Store, m.Book, commands.Toward(ref, dunning.Migrate{Sequence: o.Sequence, Version: o.Version}))
	if err != nil {
		return row, err
	}
	cmd, same := m.Command(o, f, uuid.Nil.String())
	if row.Same = same; same {
		return row, nil
	}
	if fault := m.foreign(ctx, f, o); fault != nil {
		row.Fault = fault.Error()
		return row, nil //nolint:nilerr // it is what the row says
	}
	if row.MigrationPreview, err = dunning.PreviewMigration(f, cmd, at); err != nil {
		row.Fault = err.Error()
	}
	return row, nil
}

// unread is the fault of a case whose data is in the way.
const unread = "its facts cannot be read by this program: run duly doctor"

// Tried is Preview for many cases: one that cannot be read, or over which the rules panic, is
// told by its row and keeps nobody from the others.
func (m *Mover) Tried(ctx context.Context, ref dunning.CaseRef, o ops.MigrationOrder) (row ops.MigrationRow, err error) {
	defer func() {
		if p := recover(); p != nil || err != nil && !passes(ctx, err) && !refused(err) { // its text may quote data
			row, err = ops.MigrationRow{Case: ref.Case, From: ref.Version, Fault: unread}, nil
		}
	}()
	return m.Preview(ctx, ref, o)
}

// foreign refuses another sequence for cases whose own is still in force: which sequence fits
// an account is chosen when its case opens.
func (m *Mover) foreign(ctx context.Context, f dunning.Facts, o ops.MigrationOrder) error {
	cfg, err := m.Book.Current(ctx)
	if err != nil {
		return err
	}
	if f.Sequence.ID != o.Sequence && cfg.Sequence(f.Sequence.ID) != nil {
		return fmt.Errorf("it follows sequence %s, which is in force: %w", f.Sequence.ID, dunning.ErrConflict)
	}
	return nil
}

// Move orders it for one case, by whom.
func (m *Mover) Move(ctx context.Context, ref dunning.CaseRef, o ops.MigrationOrder, id, by string) (commands.Result, error) {
	svc := NewCommands(m.Store, m.Book, m.Clock)
	f, err := foldOf(ctx, m.Store, m.Book, ref)
	if err != nil {
		return commands.Result{}, err
	}
	if err := m.foreign(ctx, f, o); err != nil {
		return commands.Result{}, err
	}
	cmd, same := m.Command(o, f, id)
	if same {
		return commands.Result{}, nil
	}
	return svc.DoAccount(ctx, ref, cmd, by)
}
