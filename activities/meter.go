package activities

import (
	"context"
	"errors"
	"time"

	"github.com/duly/duly/dunning"
)

// carried tells the meter of an activity that ended with err.
func (a *Activities) carried(v dunning.Verb, err error, took time.Duration) {
	if a.Meter == nil {
		return
	}
	code := ""
	if f := (*fault)(nil); errors.As(err, &f) {
		code = f.code
	} else if err != nil {
		code = codeStore
	}
	a.Meter.Carried(v, code, took)
}

// decided tells the meter of the decision that an activity came to, unless an earlier run of
// the same intent has made it: that one has told.
func (j *job) decided(s dunning.StoredDecision, began time.Time) {
	if j.Meter == nil || s.Wall.Before(began.Add(-time.Millisecond)) {
		return
	}
	j.Meter.Decided(s.Decision)
	if j.planned == nil || j.req.Nudged {
		return
	}
	if at := wakeAt(j.planned.Decision); !at.IsZero() {
		j.Meter.Served(j.verb, s.Decision.At.Sub(at))
	}
}

// send calls the provider and tells the meter of it.
func (j *job) send(ctx context.Context, ch Channel, m dunning.Message) dunning.Outcome {
	began := j.wallNow()
	out := ch.Send(ctx, m)
	if j.Meter != nil {
		j.Meter.Called(m.Channel, out, j.wallNow().Sub(began))
	}
	return out
}

// handedOver tells the meter what became of a contact that was stored.
func (j *job) handedOver(c reserved, o dunning.Outcome) {
	if j.Meter != nil {
		j.Meter.HandedOver(c.Channel, o, j.wallNow().Sub(c.decided))
	}
}
