package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
)

// seeEvery is how often a process notes that it sees the database it knows. A restored
// database tells by the last of these since when it has forgotten.
const seeEvery = 30 * time.Second

// keepWatch looks until ctx ends. A look that fails is told: while the database is away
// nothing can be sent either, and whatever comes back is looked at before it is used.
func (d Deps) keepWatch(ctx context.Context) {
	tick := time.NewTicker(seeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.Store.Look(ctx); err != nil && ctx.Err() == nil && d.Log != nil {
			d.Log.Warn("could not look whether the database was restored", slog.String("type", kindOf(err)), slog.Bool("reading in", errors.Is(err, postgres.ErrBeingRestored)))
		}
	}
}

// watchRestores makes sure that this is the database that the system last worked with, and
// says so loudly if it is not, or was not and nobody has put it right yet.
func (d Deps) watchRestores(ctx context.Context) error {
	if err := d.Store.Watch(ctx, d.Clock); err != nil {
		return err
	}
	all, err := d.Store.Restores(ctx, 1)
	if err == nil && len(all) > 0 && all[0].Done.IsZero() && d.Log != nil {
		d.Log.Error("the database was restored or taken over and channels were switched off; run duly restore status",
			slog.String("what", all[0].What), slog.Time("since", all[0].Since), slog.Time("until", all[0].Until))
	}
	return err
}

// lapsesRead bounds how many restores are reckoned with: of older ones, all cases have gone on.
const lapsesRead = 20

// fresh is how long it is believed that the database has forgotten nothing. A restore that
// is noticed switches off first, and no switch is lifted as fast.
const fresh = 2 * time.Second

// memory implements activities.Memory.
type memory struct {
	store  *postgres.Store
	writes *Renderer
	clock  clock.Clock
	log    *slog.Logger

	mu    sync.Mutex
	clean time.Time // wall instant at which nothing was known to be forgotten
}

// Lapses implements activities.Memory.
func (m *memory) Lapses(ctx context.Context) ([]dunning.Lapse, error) {
	m.mu.Lock()
	clean := clock.Wall().Sub(m.clean) < fresh
	m.mu.Unlock()
	if clean {
		return nil, nil
	}
	all, err := m.store.Restores(ctx, lapsesRead)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		m.mu.Lock()
		m.clean = clock.Wall()
		m.mu.Unlock()
	}
	out := make([]dunning.Lapse, len(all))
	for i, r := range all {
		out[i] = r.Lapse
		out[i].Closed = r.Done
	}
	return out, nil
}

// Forgot implements activities.Memory.
func (m *memory) Forgot(ctx context.Context, decided time.Time) error {
	at, err := m.clock.Now(ctx)
	if err != nil {
		return err
	}
	tripped, err := m.store.Forgot(ctx, decided, at)
	if tripped {
		m.mu.Lock()
		m.clean = time.Time{}
		m.mu.Unlock()
		if m.log != nil {
			m.log.Error("a case goes on from a decision that the database does not hold: it was restored. All channels are switched off; run duly restore status")
		}
	}
	return err
}

// Draft implements activities.Memory.
func (m *memory) Draft(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, d dunning.Decision, c dunning.ContactPlanned) (dunning.Message, error) {
	return m.writes.Missing(ctx, ref, f, d, c)
}

// Missing writes the message of a contact that the database does not hold, as Render would
// have by the decision that allowed it, were both stored. f are the facts of now.
func (r *Renderer) Missing(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, d dunning.Decision, c dunning.ContactPlanned) (dunning.Message, error) {
	profile, err := r.Store.Profile(ctx, ref.Debtor)
	if err != nil {
		return dunning.Message{}, err
	}
	account, err := r.Store.Account(ctx, ref.Account)
	if err != nil {
		return dunning.Message{}, err
	}
	w := &writing{
		Renderer: r, ref: ref, contact: c, facts: f, at: d.At, allowed: d,
		details: postgres.SendDetails{Contact: c, Profile: profile, AccountKey: account.Key},
	}
	if w.details.To, err = r.pointValue(ctx, ref.Debtor, c.Point); err != nil {
		return dunning.Message{}, err
	}
	if w.cfg, err = r.words(ctx); err != nil {
		return dunning.Message{}, err
	}
	return w.write(ctx)
}

// Restoration puts right what a restored database has forgotten.
type Restoration struct {
	Store *postgres.Store
	Clock clock.Clock
	// Hands ask the providers. Only Reconcile needs them.
	Hands *activities.Activities

	page int // 0: reconcilePage
}

// NewRestoration wires one with the channels of a process.
func NewRestoration(d Deps) *Restoration {
	return &Restoration{Store: d.Store, Clock: d.Clock, Hands: d.hands(NewBook(d.Store, clock.Wall))}
}

// restoration is the console's: it asks no provider.
func (c *Console) restoration() *Restoration {
	return &Restoration{Store: c.deps.Store, Clock: c.deps.Clock}
}

// doubtsListed bounds how many contacts in doubt are listed.
const doubtsListed = 1000

// Status reads how things stand.
func (r *Restoration) Status(ctx context.Context) (s read.Restored, err error) {
	if s.At, err = r.Clock.Now(ctx); err != nil {
		return s, fmt.Errorf("business time: %w", err)
	}
	all, err := r.Store.Restores(ctx, lapsesRead)
	if err != nil {
		return s, err
	}
	on, err := r.Store.Switches(ctx)
	if err != nil {
		return s, err
	}
	doubts, err := r.Store.Unsettled(ctx, s.At.Add(time.Second), doubtsListed)
	if err != nil {
		return s, err
	}
	s.Restores, s.Off, s.Doubts = restoreRows(all), channelsOff(on, s.At), doubtRows(doubts)
	s.Open = len(all) > 0 && all[0].Done.IsZero()
	waiting, err := r.Store.LettersWaiting(ctx, "", lettersAtOnce)
	s.Letters = len(waiting)
	return s, err
}

func restoreRows(all []postgres.Restore) []read.Restore {
	out := make([]read.Restore, len(all))
	for i, r := range all {
		state := read.RestoreNoticed
		switch {
		case !r.Done.IsZero():
			state = read.RestoreDone
		case !r.Looked.IsZero():
			state = read.RestoreLookedUp
		}
		out[i] = read.Restore{
			ID: r.ID, State: state, Noticed: r.Noticed, What: r.What, By: r.By, Since: r.Since, Until: r.Until,
			Looked: r.Looked, Done: r.Done, DoneBy: r.DoneBy, Reason: r.Reason,
		}
	}
	return out
}

func channelsOff(on []postgres.Switch, at time.Time) []dunning.Channel {
	out := []dunning.Channel{}
	for _, sw := range on {
		if sw.Scope == dunning.SwitchChannel && sw.InForce(at) {
			out = append(out, dunning.Channel(sw.Subject))
		}
	}
	return out
}

func doubtRows(all []postgres.Contact) []read.Doubt {
	out := make([]read.Doubt, len(all))
	for i, c := range all {
		until, _ := dunning.MayHaveLeftUntil(c.Code)
		out[i] = read.Doubt{
			Contact: c.ID, Attempt: dunning.AttemptID(c.ID), Case: c.Case, Channel: c.Channel, Step: c.Step, State: string(c.State),
			Since: c.Reserved, Until: until, Deadline: c.Deadline,
		}
	}
	return out
}

// Reconciled is what asking the providers came to.
type Reconciled struct {
	Cases  int // looked at
	Doubts int // contacts of which nobody can tell yet whether they left
	Failed int // cases that could not be looked at; the others were
}

// reconcilePage is how many cases are looked at before that is noted.
const reconcilePage = 50

// Reconcile asks the providers about every open case: what is on its way without an answer,
// and what may have left in the time that the database has forgotten. It sends nothing,
// goes on where it broke off, and may be repeated. each is told of each case; nil: nobody is.
func (r *Restoration) Reconcile(ctx context.Context, each func(Reconciled)) (sum Reconciled, err error) {
	all, err := r.Store.Restores(ctx, 1)
	if err != nil {
		return sum, err
	}
	var id int64
	after := ""
	if len(all) > 0 {
		id, after = all[0].ID, all[0].LookedTo
	}
	for {
		page, err := r.Store.OpenCasesAfter(ctx, after, or(r.page, reconcilePage))
		if err != nil {
			return sum, err
		}
		for _, c := range page {
			r.reconcile(ctx, c, &sum)
			if ctx.Err() != nil {
				return sum, ctx.Err()
			}
			if each != nil {
				each(sum)
			}
		}
		if len(page) == 0 {
			return sum, r.looked(ctx, id, sum)
		}
		after = page[len(page)-1]
		if sum.Failed > 0 { // whoever goes on begins before it
			continue
		}
		if err := r.Store.LookedTo(ctx, id, after, time.Time{}); err != nil {
			return sum, err
		}
	}
}

// looked notes that all cases were looked at; not if some could not be: then it is to be
// done again.
func (r *Restoration) looked(ctx context.Context, id int64, sum Reconciled) error {
	if sum.Failed > 0 {
		return r.Store.LookedTo(ctx, id, "", time.Time{})
	}
	at, err := r.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	return r.Store.LookedTo(ctx, id, "", at)
}

func (r *Restoration) reconcile(ctx context.Context, caseID string, sum *Reconciled) {
	doubts, err := r.Hands.Reconcile(ctx, caseID)
	sum.Cases++
	sum.Doubts += len(doubts)
	if err != nil {
		sum.Failed++
	}
}

// Errors of ending a restore.
var (
	ErrNoRestore   = errors.New("no restore of the database is open")
	ErrNotLookedUp = errors.New("the providers were not asked yet: run duly restore reconcile first")
)

// Done says that all is put right: what a restored database had forgotten was looked up and
// entered. It lifts no switch. Errors wrap ErrNoRestore, ErrNotLookedUp (unless anyway) or
// dunning.ErrInvalid.
func (r *Restoration) Done(ctx context.Context, by, reason string, anyway bool) error {
	at, err := r.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	all, err := r.Store.Restores(ctx, 1)
	switch {
	case err != nil:
		return err
	case len(all) == 0 || !all[0].Done.IsZero():
		return fmt.Errorf("%w: %w", ErrNoRestore, dunning.ErrConflict)
	case all[0].Looked.IsZero() && !anyway:
		return fmt.Errorf("%w: %w", ErrNotLookedUp, dunning.ErrConflict)
	}
	return r.Store.RestoreDone(ctx, all[0].ID, at, by, reason)
}

// Declare says that the database was restored and what was written since an instant is lost.
func (r *Restoration) Declare(ctx context.Context, since time.Time, by, reason string) error {
	at, err := r.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("business time: %w", err)
	}
	_, err = r.Store.Declare(ctx, since, at, by, reason)
	return err
}
