package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Switch is one time that sending was stopped. Instants are business time.
type Switch struct {
	dunning.Switch
	ID        int64
	Reason    string
	By        string
	On        time.Time
	Off       time.Time // zero: not lifted (it may have expired)
	OffBy     string
	OffReason string
}

// ErrNotOn is returned for lifting a switch that is not on.
var ErrNotOn = errors.New("there is no such switch on")

// SwitchOn stops sending for a scope: when it returns, no message of the scope can begin
// to leave any more; those that had begun are at their provider within seconds. A switch
// that is on already is replaced, with the new reason and end. The change is audited.
// Errors wrap dunning.ErrInvalid when the switch makes no sense.
func (s *Store) SwitchOn(ctx context.Context, sw Switch) (Switch, error) {
	if err := checkSwitch(sw); err != nil {
		return sw, err
	}
	replaced := false
	err := s.turn(ctx, func(q *sqlgen.Queries) (err error) {
		// Whoever passes a fence holds this lock shared: after it, all of before are through.
		if err = q.TurnSwitches(ctx); err == nil {
			sw.ID, replaced, err = turnOn(ctx, q, sw)
		}
		return err
	})
	if err != nil {
		return sw, fmt.Errorf("switching off %s: %w", nameOf(sw.Switch), err)
	}
	if replaced { // its end may be nearer than what waiting cases were told
		err = s.wakeStopped(ctx)
	}
	return sw, err
}

// turnOn is SwitchOn in a transaction that holds the switches' lock alone.
func turnOn(ctx context.Context, q *sqlgen.Queries, sw Switch) (id int64, replaced bool, err error) {
	n, err := q.SwitchOff(ctx, offParams(sw.Switch, sw.On, sw.By, "replaced"))
	if err != nil {
		return 0, false, err
	}
	if id, err = q.SwitchOn(ctx, sqlgen.SwitchOnParams{
		Scope: string(sw.Scope), Subject: cleanText(sw.Subject), Reason: cleanText(sw.Reason), By: cleanText(sw.By),
		OnAt: micros(sw.On), Until: nullTime(sw.Until),
	}); err != nil {
		return 0, false, err
	}
	return id, n > 0, auditIn(ctx, q, Audited{At: sw.On, By: sw.By, Action: "switch_on", Subject: nameOf(sw.Switch), Detail: detailOf(sw)})
}

// SwitchOff lifts a switch and wakes the cases that it kept waiting. ErrNotOn when there
// is none; cases that wait are woken all the same, so a call that broke off can be
// repeated. The change is audited.
func (s *Store) SwitchOff(ctx context.Context, sw dunning.Switch, at time.Time, by, reason string) error {
	if by == "" || reason == "" {
		return fmt.Errorf("lifting a switch needs a reason and a name: %w", dunning.ErrInvalid)
	}
	lifted := int64(0)
	err := s.turn(ctx, func(q *sqlgen.Queries) (err error) {
		if lifted, err = q.SwitchOff(ctx, offParams(sw, at, by, reason)); err != nil || lifted == 0 {
			return err
		}
		return auditIn(ctx, q, Audited{At: at, By: by, Action: "switch_off", Subject: nameOf(sw), Detail: map[string]string{"reason": reason}})
	})
	if err != nil {
		return fmt.Errorf("lifting the switch %s: %w", nameOf(sw), err)
	}
	if err := s.wakeStopped(ctx); err != nil {
		return err
	}
	if lifted == 0 {
		return fmt.Errorf("switch %s: %w", nameOf(sw), ErrNotOn)
	}
	return nil
}

func offParams(sw dunning.Switch, at time.Time, by, reason string) sqlgen.SwitchOffParams {
	by, reason = cleanText(by), cleanText(reason)
	return sqlgen.SwitchOffParams{Scope: string(sw.Scope), Subject: cleanText(sw.Subject), OffAt: nullTime(at), OffBy: &by, OffReason: &reason}
}

// turn runs f in a transaction that locks no debtor.
func (s *Store) turn(ctx context.Context, f func(*sqlgen.Queries) error) error {
	return retry(ctx, func() error {
		return explain(pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error { return f(sqlgen.New(t)) }))
	})
}

func checkSwitch(sw Switch) error {
	switch {
	case sw.Check() != nil:
		return sw.Check()
	case sw.Reason == "" || sw.By == "":
		return fmt.Errorf("a switch needs a reason and a name: whoever finds it on must know why and whom to ask: %w", dunning.ErrInvalid)
	case !sw.InForce(sw.On):
		return fmt.Errorf("the end of a switch must lie ahead: %w", dunning.ErrInvalid)
	}
	return nil
}

// nameOf is the subject of a switch's audit rows.
func nameOf(sw dunning.Switch) string {
	if sw.Subject == "" {
		return "switch/" + string(sw.Scope)
	}
	return "switch/" + string(sw.Scope) + "/" + sw.Subject
}

func detailOf(sw Switch) map[string]string {
	d := map[string]string{"reason": sw.Reason}
	if !sw.Until.IsZero() {
		d["until"] = sw.Until.UTC().Format(time.RFC3339)
	}
	return d
}

// auditIn is Audit within a transaction.
func auditIn(ctx context.Context, q *sqlgen.Queries, a Audited) error {
	detail, err := encodeJSON(a.Detail)
	if err != nil {
		return err
	}
	return q.AddAudit(ctx, sqlgen.AddAuditParams{At: micros(a.At), By: cleanText(a.By), Action: a.Action, Subject: cleanText(a.Subject), Detail: detail})
}

// stoppedPage is how many waiting cases are woken in one transaction.
const stoppedPage = 500

// wakeStopped nudges every open case that a switch keeps waiting: it decides again, and
// waits on if another switch still stops it.
func (s *Store) wakeStopped(ctx context.Context) error {
	after := ""
	for {
		ids, err := s.q.StoppedCases(ctx, null(after), stoppedPage)
		if err != nil || len(ids) == 0 {
			return explain(err)
		}
		if err := s.InDebtor(ctx, nil, func(tx *Tx) error { return tx.Nudge(ctx, ids...) }); err != nil {
			return fmt.Errorf("waking the cases that waited for a switch: %w", err)
		}
		after = ids[len(ids)-1]
	}
}

// Switches returns what is not lifted, by scope and subject; an expired one is among it
// until somebody lifts or replaces it: ask InForce.
func (s *Store) Switches(ctx context.Context) ([]Switch, error) {
	rows, err := s.q.SwitchesOn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the switches: %w", explain(err))
	}
	out := make([]Switch, len(rows))
	for i, r := range rows {
		out[i] = Switch{Switch: switchOf(r.Scope, r.Subject, r.Until), ID: r.ID, Reason: r.Reason, By: r.By, On: r.OnAt}
	}
	return out, nil
}

// SwitchHistory returns all switches, also those lifted, the newest first.
func (s *Store) SwitchHistory(ctx context.Context, limit int) ([]Switch, error) {
	rows, err := s.q.SwitchesPast(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the switches: %w", explain(err))
	}
	out := make([]Switch, len(rows))
	for i, r := range rows {
		out[i] = Switch{
			Switch: switchOf(r.Scope, r.Subject, r.Until), ID: r.ID, Reason: r.Reason, By: r.By, On: r.OnAt,
			Off: value(r.OffAt), OffBy: value(r.OffBy), OffReason: value(r.OffReason),
		}
	}
	return out, nil
}

func switchOf(scope, subject string, until *time.Time) dunning.Switch {
	return dunning.Switch{Scope: dunning.SwitchScope(scope), Subject: subject, Until: value(until)}
}

// Switches returns what is not lifted as of now in this transaction, for a first look.
func (tx *Tx) Switches(ctx context.Context) ([]dunning.Switch, error) {
	rows, err := tx.q.SwitchesOn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the switches: %w", explain(err))
	}
	out := make([]dunning.Switch, len(rows))
	for i, r := range rows {
		out[i] = switchOf(r.Scope, r.Subject, r.Until)
	}
	return out, nil
}

// HoldSwitches is Switches, and no switch can be turned on until the transaction ends:
// what passes the fence with it has passed before any later switch.
func (tx *Tx) HoldSwitches(ctx context.Context) ([]dunning.Switch, error) {
	if err := tx.q.HoldSwitches(ctx); err != nil {
		return nil, fmt.Errorf("holding the switches: %w", explain(err))
	}
	return tx.Switches(ctx)
}
