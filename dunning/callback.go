package dunning

import (
	"fmt"
	"time"
)

// CallbackSet says when the debtor is to be called back: a task for one's own day, not a
// wait. Steps go on meanwhile; who does not want that holds or takes the case.
type CallbackSet struct {
	ID    string    `json:"id"`
	When  time.Time `json:"when"`
	Owner string    `json:"owner,omitempty"` // who will call, a user's id; "" = whoever has time
	Words string    `json:"words,omitempty"` // what about; may be personal data, stays in Postgres
}

// CallbackMoved gives a callback another time.
type CallbackMoved struct {
	ID   string    `json:"id"`
	When time.Time `json:"when"`
}

// CallbackEnded ends a callback. Outcome: done, cancelled. A call that is logged ends it,
// too, without such a fact: a conversation at any time, another attempt once it is due.
type CallbackEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// Kind implementations.
func (CallbackSet) Kind() Kind   { return "callback_set" }
func (CallbackMoved) Kind() Kind { return "callback_moved" }
func (CallbackEnded) Kind() Kind { return "callback_ended" }

type (
	// SetCallback plans a call at an instant at which the debtor may be called.
	SetCallback struct {
		ID    string    `json:"id"`
		When  time.Time `json:"when"`
		Owner string    `json:"owner,omitempty"`
		Words string    `json:"words,omitempty"`
	}
	// MoveCallback gives it another time.
	MoveCallback struct {
		ID   string    `json:"id"`
		When time.Time `json:"when"`
	}
	// CancelCallback ends it without a call.
	CancelCallback struct {
		ID string `json:"id"`
	}
)

func (SetCallback) command()    {}
func (MoveCallback) command()   {}
func (CancelCallback) command() {}

// CallbackState is a callback with its time as it is now and its end. Outcome: called (a
// call was logged), done, cancelled, closed (with the case).
type CallbackState struct {
	CallbackSet
	Set, Ended time.Time
	Outcome    string
}

// callbackWithin bounds how far ahead a callback may lie.
const callbackWithin = 366 * 24 * time.Hour

func (f *Facts) addCallback(x Fact) {
	switch b := x.Body.(type) {
	case CallbackSet:
		if f.callback(b.ID) == nil {
			f.Callbacks = append(f.Callbacks, CallbackState{CallbackSet: b, Set: x.At})
		}
	case CallbackMoved:
		if c := f.callback(b.ID); c != nil && c.Ended.IsZero() {
			c.When = b.When
		}
	case CallbackEnded:
		f.endCallbacks(x.At, b.Outcome, func(c *CallbackState) bool { return c.ID == b.ID })
	}
}

func (f *Facts) endCallbacks(at time.Time, outcome string, which func(*CallbackState) bool) {
	endAll(f.Callbacks, func(c *CallbackState) bool { return c.Ended.IsZero() && which(c) },
		func(c *CallbackState) { c.Ended, c.Outcome = at, outcome })
}

// calledBack ends callbacks by a call that was logged; one from before they were planned,
// entered late, ends none.
func (f *Facts) calledBack(b ContactLogged, at time.Time) {
	if b.Channel == Call && b.Direction == "outbound" {
		f.endCallbacks(at, "called", func(c *CallbackState) bool {
			return !at.Before(c.Set) && (b.Outcome == "conversation" || !at.Before(c.When))
		})
	}
}

func (f *Facts) callback(id string) *CallbackState {
	for i := range f.Callbacks {
		if f.Callbacks[i].ID == id {
			return &f.Callbacks[i]
		}
	}
	return nil
}

// OpenCallback is the account's callback that is still to be made, nil when there is none.
func (f *Facts) OpenCallback() *CallbackState {
	for i := range f.Callbacks {
		if f.Callbacks[i].Ended.IsZero() {
			return &f.Callbacks[i]
		}
	}
	return nil
}

func (f *Facts) handleCallback(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case SetCallback:
		return f.setCallback(c, at)
	case MoveCallback:
		cb := f.callback(c.ID)
		switch {
		case cb == nil || !cb.Ended.IsZero():
			return nil, fmt.Errorf("callback: there is no such callback to be made: %w", ErrUnknown)
		case cb.When.Equal(c.When):
			return nil, nil
		}
		if err := f.mayCallAt(c.When, at); err != nil {
			return nil, err
		}
		return []Fact{f.fact(at, CallbackMoved(c))}, nil
	case CancelCallback:
		cb := f.callback(c.ID)
		switch {
		case cb == nil:
			return nil, fmt.Errorf("callback: there is no such callback: %w", ErrUnknown)
		case !cb.Ended.IsZero():
			return nil, nil
		}
		return []Fact{f.fact(at, CallbackEnded{c.ID, "cancelled"})}, nil
	}
	return nil, ErrInvalid
}

func (f *Facts) setCallback(c SetCallback, at time.Time) ([]Fact, error) {
	switch {
	case f.callback(c.ID) != nil:
		return nil, nil
	case c.ID == "":
		return nil, fmt.Errorf("callback: needs an id: %w", ErrInvalid)
	case !f.CaseOpen:
		return nil, fmt.Errorf("callback: the case is closed: %w", ErrConflict)
	case len(c.Words) > MaxNote:
		return nil, fmt.Errorf("callback: its words are longer than %d characters: %w", MaxNote, ErrInvalid)
	}
	if open := f.OpenCallback(); open != nil {
		return nil, fmt.Errorf("callback: one is planned for %s already; move that one: %w", f.clock(open.When), ErrConflict)
	}
	if err := f.mayCallAt(c.When, at); err != nil {
		return nil, err
	}
	return []Fact{f.fact(at, CallbackSet(c))}, nil
}

// mayCallAt refuses a time at which the debtor may not be called, as far as is known now.
func (f *Facts) mayCallAt(when, at time.Time) error {
	switch {
	case !when.After(at):
		return fmt.Errorf("callback: its time must lie ahead: %w", ErrInvalid)
	case when.Sub(at) > callbackWithin:
		return fmt.Errorf("callback: its time is more than a year ahead: %w", ErrInvalid)
	}
	v := f.Reach(when, Ask{Channel: Call, Purpose: "collect"})
	if v.Allowed {
		return nil
	}
	rule := v.Rule
	if rule == "" && len(v.Reasons) > 0 {
		rule = string(v.Reasons[0].Code)
	}
	if v.NotBefore.IsZero() {
		return fmt.Errorf("callback: no call is allowed, at %s or later (%s): %w", f.clock(when), rule, ErrConflict)
	}
	return fmt.Errorf("callback: no call is allowed at %s (%s); the next time is %s: %w", f.clock(when), rule, f.clock(v.NotBefore), ErrConflict)
}

// clock words an instant where the debtor is.
func (f *Facts) clock(t time.Time) string {
	return t.In(f.Zones[0]).Format("Mon 2006-01-02 15:04 MST")
}
