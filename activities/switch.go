package activities

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
)

// lookAgain is when a case that a switch without an end keeps waiting looks by itself:
// lifting it wakes all of them, so this is for a lifting that broke off.
const lookAgain = 6 * time.Hour

// leaving is what switches look at of a contact of this case. s is the sequence by which it
// was decided: the case may have been moved to it a moment ago.
func (j *job) leaving(c dunning.ContactPlanned, s *dunning.Sequence) dunning.Leaving {
	m := dunning.Leaving{Creditor: j.ref.Creditor, Template: c.Template, Channel: c.Channel}
	if s != nil {
		m.Sequence = s.ID
	}
	return m
}

// stopped reports whether a switch keeps a contact back at the fence.
func (j *job) stopped(ctx context.Context, tx Tx, c reserved, at time.Time) (bool, error) {
	on, err := tx.HoldSwitches(ctx)
	if err != nil {
		return false, err
	}
	_, _, stopped := dunning.SwitchedOff(on, j.leaving(c.ContactPlanned, c.sequence), at)
	return stopped, nil
}

// keptBack stores that a switch keeps a message back, if one does: nothing is reserved,
// and the case waits until the switch ends or is lifted, which wakes it.
func (t *turn) keptBack(ctx context.Context, d dunning.Decision) (result, bool, error) {
	on, err := t.tx.Switches(ctx)
	if err != nil || len(on) == 0 {
		return result{}, false, wrap(codeStore, err)
	}
	rule, until, stopped := dunning.SwitchedOff(on, t.leaving(*d.Contact, t.facts.Sequence), t.at)
	if !stopped {
		return result{}, false, nil
	}
	if err := t.cancel(ctx, t.contacts(dunning.ContactReserved)); err != nil {
		return result{}, true, err
	}
	d.WakeAt, d.NotBefore = t.at.Add(lookAgain), until
	if !until.IsZero() {
		d.WakeAt = until
	}
	d.Rule, d.Reason, d.Deferred, d.Waiting = rule, "switched_off", true, "deferred"
	out, err := t.finish(ctx, d, 0)
	return out, true, err
}
