package activities

import (
	"context"
	"slices"

	"github.com/duly/duly/dunning"
)

// hold opens a hold for a message of a step that asks for strong delivery, where the
// channel can: "" when it leaves at once. A refusal means that nothing may leave now.
func (j *job) hold(ctx context.Context, ch Channel, c reserved, m dunning.Message) (id string, refusal *dunning.Outcome, err error) {
	h, ok := ch.(Holder)
	if !ok || !strong(c.sequence, c.Step) {
		return "", nil, nil
	}
	now, err := j.Clock.Now(ctx)
	if err != nil {
		return "", nil, err
	}
	if !c.mayLeave(now.Add(dunning.HeldFor)) { // it would reach the debtor when it must not
		return "", &dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "shell:held_too_late"}, nil
	}
	m.At = now
	ctx, cancel := context.WithTimeout(ctx, j.callTimeout())
	defer cancel()
	id, o := h.OpenHold(ctx, m)
	if id != "" {
		return id, nil, nil
	}
	if o.State != dunning.SendFailed { // whatever became of the hold: no message was handed over
		o = dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: o.Code}
	}
	return "", &o, nil
}

// strong reports whether a step of a sequence asks for strong delivery.
func strong(s *dunning.Sequence, step string) bool {
	i := s.StepIndex(step)
	return i >= 0 && s.Steps[i].Strong
}

// callBack calls a held message back.
func (j *job) callBack(ctx context.Context, ch Channel, m dunning.Message) dunning.Evidence {
	if h, ok := ch.(Holder); ok && h.CallBack(ctx, m) {
		return dunning.Evidence{Found: dunning.EvidenceNotAccepted, Code: "called_back"}
	}
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "not_called_back"}
}

// forbidden are the accepted contacts of the case that a provider still holds, and that
// something committed since their fence would have kept back: they are called back.
func (t *turn) forbidden() []dunning.ContactFacts {
	held := t.contacts(dunning.ContactAccepted)
	return slices.DeleteFunc(held, func(c dunning.ContactFacts) bool {
		return c.Hold == "" || !t.at.Before(c.At.Add(dunning.CallableFor)) || !t.crossed(t.fenceOf(c.ID))
	})
}

// fenceOf is the debtor's version at which a contact passed the fence.
func (t *turn) fenceOf(contact string) int64 {
	for i := len(t.history) - 1; i >= 0; i-- {
		if m, ok := t.history[i].Body.(dunning.ContactMoved); ok && m.ID == contact && m.State == dunning.ContactSending {
			return t.history[i].Version
		}
	}
	return 0
}
