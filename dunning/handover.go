package dunning

import (
	"fmt"
	"strings"
	"time"
)

// TeamOwner begins the owner of a lease that a whole team has; the queue follows. Whoever
// takes the case from there has it.
const TeamOwner = "team:"

// IsTeam reports whether the owner of a lease is a team.
func IsTeam(owner string) bool { return strings.HasPrefix(owner, TeamOwner) }

// HandOver gives the case to another user or to a team, with words that say why. Who has
// it no longer does; the sequence stays stopped until the new end.
type HandOver struct {
	ID    string    `json:"id"` // of the new lease
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
	Words string    `json:"words"`
}

func (HandOver) command() {}

// WithdrawPromise takes a promise back that was recorded by mistake. Nothing follows from it.
type WithdrawPromise struct {
	ID string `json:"id"`
}

func (WithdrawPromise) command() {}

func (f *Facts) handOver(c HandOver, by string, at time.Time) ([]Fact, error) {
	for i := range f.Leases {
		if f.Leases[i].ID == c.ID {
			return nil, nil
		}
	}
	switch l := f.lease(); {
	case c.ID == "" || c.Owner == "" || c.Owner == TeamOwner:
		return nil, fmt.Errorf("hand over: say to whom, a user or a team: %w", ErrInvalid)
	case strings.TrimSpace(c.Words) == "" || len(c.Words) > MaxNote:
		return nil, fmt.Errorf("hand over: say in up to %d characters what the other is to know: %w", MaxNote, ErrInvalid)
	case !c.Until.After(at):
		return nil, fmt.Errorf("hand over: its end must lie ahead: %w", ErrInvalid)
	case !f.CaseOpen:
		return nil, fmt.Errorf("hand over: the case is closed: %w", ErrConflict)
	case l != nil && l.Owner == c.Owner:
		return nil, fmt.Errorf("hand over: they have the case already: %w", ErrConflict)
	}
	return f.leased(at, LeaseTaken{ID: c.ID, Owner: c.Owner, Until: c.Until, From: by, Words: c.Words}), nil
}

// leased is a new lease in place of the one there is.
func (f *Facts) leased(at time.Time, b LeaseTaken) []Fact {
	var out []Fact
	if l := f.lease(); l != nil {
		outcome := "handed_over"
		if !at.Before(l.Until) {
			outcome = "expired"
		}
		out = append(out, f.fact(at, LeaseEnded{l.ID, outcome}))
	}
	return append(out, f.fact(at, b))
}

func (f *Facts) withdrawPromise(c WithdrawPromise, at time.Time) ([]Fact, error) {
	for i := range f.Promises {
		p := &f.Promises[i]
		switch {
		case p.ID != c.ID:
		case p.Ended.IsZero():
			return []Fact{f.fact(at, PromiseEnded{p.ID, "withdrawn"})}, nil
		case p.Outcome == "withdrawn":
			return nil, nil
		default:
			return nil, fmt.Errorf("promise: it has ended already%s: %w", as(p.Outcome), ErrConflict)
		}
	}
	return nil, fmt.Errorf("promise: there is no such promise: %w", ErrUnknown)
}
