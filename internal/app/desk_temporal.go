package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/workflows"
)

// caseLook asks Temporal about single cases, never longer than a page may wait.
type caseLook struct {
	client    client.Client
	namespace string
	dc        converter.DataConverter // nil: messages of failures stay sealed
	patience  time.Duration           // for all cases of one page together
}

// Bounds of questions about single cases.
const (
	casePatience = 1500 * time.Millisecond // for all cases of one page together
	casesAtOnce  = 8
	failingMost  = 24 // cases that the health page asks about
)

// newCaseLook looks at the Temporal of d; nil when it has none. getenv may be nil.
func newCaseLook(d Deps, getenv func(string) string) (*caseLook, error) {
	if d.Temporal == nil {
		return nil, nil
	}
	l := &caseLook{client: d.Temporal, namespace: or(d.Namespace, client.DefaultNamespace), patience: casePatience}
	if getenv == nil {
		return l, nil
	}
	keys, err := codec.FromEnv(getenv)
	switch {
	case errors.Is(err, codec.ErrNoKeys):
		return l, nil
	case err != nil:
		return nil, err
	}
	l.dc = codec.DataConverter(keys)
	return l, nil
}

// runs asks about cases, a few at a time, with one time-out for all. What has not been
// answered then is not reachable.
func (l *caseLook) runs(ctx context.Context, cases []string) map[string]temporalx.Run {
	out := make(map[string]temporalx.Run, len(cases))
	if l == nil || len(cases) == 0 {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, casesAtOnce)
	for _, id := range cases {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			r := temporalx.Describe(ctx, l.client, l.namespace, workflows.CaseID(id), l.dc)
			mu.Lock()
			defer mu.Unlock()
			out[id] = r
		})
	}
	group.Wait()
	return out
}

// CaseRun says what Temporal has to do for a case now: activities under way, and those that
// failed, with their next try. configured is false when this console was told of no Temporal.
func (d *Desk) CaseRun(ctx context.Context, who identity.Principal, caseID string) (run temporalx.Run, configured bool, err error) {
	if _, err := d.watched(ctx, who, identity.Monitor, caseID); err != nil {
		return run, false, err
	}
	if d.look == nil {
		return run, false, nil
	}
	return d.look.runs(ctx, []string{caseID})[caseID], true, nil
}

// CaseRuns is CaseRun of cases that who asks has been shown already.
func (d *Desk) CaseRuns(ctx context.Context, cases []string) map[string]temporalx.Run {
	return d.look.runs(ctx, cases)
}

// watched is a case in the scope of who asks, who must also hold a permission there.
func (d *Desk) watched(ctx context.Context, who identity.Principal, need identity.Permission, caseID string) (creditor string, err error) {
	ref, err := d.store.CaseRef(ctx, caseID)
	if err != nil {
		return "", missing(err, "This case")
	}
	switch {
	case !who.Can(identity.Monitor, ref.Creditor):
		return "", web.NotFound("This case")
	case !who.Can(need, ref.Creditor):
		return "", web.Forbidden(need, ref.Creditor)
	}
	return ref.Creditor, nil
}

// TryNow has a case's failing activity tried at once instead of at its next time, and wakes
// the case. It repeats nothing: an activity finds what it did before by its intent.
func (d *Desk) TryNow(ctx context.Context, who identity.Principal, caseID, activity string) error {
	creditor, err := d.watched(ctx, who, identity.Operate, caseID)
	if err != nil {
		return err
	}
	if d.look == nil {
		return web.Conflict("This console was told of no Temporal: set TEMPORAL_ADDRESS. The case is tried again by itself.")
	}
	run := d.look.runs(ctx, []string{caseID})[caseID]
	var found *temporalx.Pending
	for i, p := range run.Activities {
		if p.ID == activity && p.Failing() {
			found = &run.Activities[i]
		}
	}
	switch {
	case !run.Reachable:
		return web.Conflict("Temporal does not answer, so nothing could be started. It tries again by itself as soon as it is back.")
	case found == nil:
		return web.Conflict("It does not wait any more: it runs right now, or it is done. Nothing was changed.")
	}
	if err := d.look.tryNow(ctx, caseID, activity, who.By); err != nil {
		return err
	}
	return d.note(ctx, who, "temporal.try_now", caseID, map[string]string{
		"creditor": creditor, "activity": found.Type, "id": found.ID, "attempt": strconv.Itoa(int(found.Attempt)), "failure": found.Failure,
	})
}

// tryNow asks Temporal, within the patience of a page.
func (l *caseLook) tryNow(ctx context.Context, caseID, activity, by string) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	err := temporalx.TryNow(ctx, l.client, l.namespace, workflows.CaseID(caseID), activity, by)
	if gone := (*serviceerror.NotFound)(nil); errors.As(err, &gone) {
		return web.Conflict("It does not wait any more: it is done. Nothing was changed.")
	}
	if errors.Is(err, temporalx.ErrCannot) {
		return web.Conflict(capital(err.Error()) + ".")
	}
	if err != nil {
		return web.Conflict(fmt.Sprintf("Temporal did not take the order (%s). It tries again by itself; try once more in a moment.", kindOf(err)))
	}
	return nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// tryAll starts whatever fails in a case, as far as Temporal can: who retries a stuck case
// need not know what it is stuck in.
func (d *Desk) tryAll(ctx context.Context, caseID, by string) {
	if d.look == nil {
		return
	}
	for _, p := range d.look.runs(ctx, []string{caseID})[caseID].Failing() {
		if p.State != "running" {
			_ = d.look.tryNow(ctx, caseID, p.ID, by) // its own next try comes by itself
		}
	}
}

// failing are the cases with work due of which Temporal says that an activity fails, those
// whose work is due longest first, and how many cases were asked about.
func (c *Console) failing(ctx context.Context, scope read.Scope) (out []temporalx.CasePending, asked int, err error) {
	list, err := c.deps.Store.ListCases(ctx, scope, read.CaseFilter{Waits: []read.Wait{read.WaitWorker}}, read.Page{Limit: failingMost})
	if err != nil {
		return nil, 0, err
	}
	ids := make([]string, len(list.Rows))
	for i, r := range list.Rows {
		ids[i] = r.Case
	}
	runs := c.ops.CaseRuns(ctx, ids)
	for _, id := range ids {
		for _, p := range runs[id].Failing() {
			out = append(out, temporalx.CasePending{Case: id, Pending: p})
		}
	}
	return out, len(ids), nil
}
