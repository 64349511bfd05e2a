package recheck

import (
	"context"

	"github.com/duly/duly/dunning"
)

// Reasoning is one question of a decision to the contact policies, in words.
type Reasoning struct {
	Checked dunning.Checked `json:"checked"`
	// Text says in plain words what was asked and what each rule said. It holds no
	// personal data.
	Text string `json:"text"`
	// Changed names what is not as it was then; the words may then be today's.
	Changed []string `json:"changed,omitempty"`
}

// Why renders what the contact policies were asked for a stored decision: the codes are
// those of the record, the words come from the packs of then and the facts as of then.
// nil: the decision asked them nothing.
func Why(ctx context.Context, j Journal, frames Frames, d dunning.StoredDecision) ([]Reasoning, error) {
	if len(d.Decision.Checks) == 0 {
		return nil, nil
	}
	ref, err := j.CaseRef(ctx, d.Case)
	if err != nil {
		return nil, err
	}
	frame, err := frames.FrameOf(ctx, ref, d)
	if err != nil {
		return nil, err
	}
	history, err := j.FactsAsOf(ctx, ref.Debtor, d.Decision.Version)
	if err != nil {
		return nil, err
	}
	if c := d.Decision.Contact; c != nil && d.Decision.Due() {
		history = without(history, c.ID)
	}
	f, err := dunning.Fold(frame.Setup, history)
	if err != nil {
		return nil, err
	}
	out := make([]Reasoning, len(d.Decision.Checks))
	for i, c := range d.Decision.Checks {
		q := f.Asked(d.Decision.At, dunning.Ask{Channel: c.Channel, Purpose: c.Purpose, Automated: c.Automated, Point: c.Point, Person: c.Person, Debts: c.Debts})
		out[i] = Reasoning{Checked: c, Text: frame.Setup.Policies.Explain(q, c.Verdict), Changed: frame.Changed}
	}
	return out, nil
}
