package dunning

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// SwitchScope says what a switch stops.
type SwitchScope string

// The scopes, widest first.
const (
	SwitchGlobal   SwitchScope = "global"
	SwitchCreditor SwitchScope = "creditor"
	SwitchChannel  SwitchScope = "channel"
	SwitchSequence SwitchScope = "sequence"
	SwitchTemplate SwitchScope = "template"
)

// SwitchScopes are all scopes, widest first.
func SwitchScopes() []SwitchScope {
	return []SwitchScope{SwitchGlobal, SwitchCreditor, SwitchChannel, SwitchSequence, SwitchTemplate}
}

// SwitchChannels are the channels that a switch can stop.
func SwitchChannels() []Channel { return []Channel{Email, SMS, Letter} }

// Switch stops what leaves for a scope, from the commit that turns it on until it is
// lifted or Until, a business instant at which it is no longer in force; zero: no end.
type Switch struct {
	Scope   SwitchScope `json:"scope"`
	Subject string      `json:"subject,omitempty"` // id of the creditor, channel, sequence or template; "" for global
	Until   time.Time   `json:"until,omitzero"`
}

// Leaving is what switches look at of a message on its way out.
type Leaving struct {
	Creditor, Sequence, Template string
	Channel                      Channel
}

// Check refuses a switch that could stop nothing.
func (s Switch) Check() error {
	switch {
	case !slices.Contains(SwitchScopes(), s.Scope):
		return fmt.Errorf("a switch is of one of %v, not %q: %w", SwitchScopes(), s.Scope, ErrInvalid)
	case s.Scope == SwitchGlobal && s.Subject != "":
		return fmt.Errorf("a global switch stops everything; leave out %q or name its scope: %w", s.Subject, ErrInvalid)
	case s.Scope != SwitchGlobal && s.Subject == "":
		return fmt.Errorf("a %s switch needs the id of the %s: %w", s.Scope, s.Scope, ErrInvalid)
	case s.Scope == SwitchChannel && !slices.Contains(SwitchChannels(), Channel(s.Subject)):
		return fmt.Errorf("%q is no channel that sends; channels are email, sms and letter: %w", s.Subject, errors.Join(ErrInvalid, ErrUnknown))
	}
	return nil
}

// InForce reports whether the switch still stops at an instant.
func (s Switch) InForce(at time.Time) bool { return s.Until.IsZero() || s.Until.After(at) }

// Stops reports whether the switch keeps a message back at an instant.
func (s Switch) Stops(m Leaving, at time.Time) bool {
	if !s.InForce(at) {
		return false
	}
	switch s.Scope {
	case SwitchGlobal:
		return true
	case SwitchCreditor:
		return s.Subject == m.Creditor
	case SwitchChannel:
		return s.Subject == string(m.Channel)
	case SwitchSequence:
		return s.Subject == m.Sequence
	case SwitchTemplate:
		return s.Subject == m.Template
	}
	return false
}

// SwitchRule begins the rule of every decision that a switch has made.
const SwitchRule = "switch:"

// SwitchedOff says by which rule ("switch:" and the widest scope) switches keep a message
// back at an instant, and until when: zero while one of them has no end.
func SwitchedOff(on []Switch, m Leaving, at time.Time) (rule string, until time.Time, stopped bool) {
	best := len(SwitchScopes())
	for _, s := range on {
		if !s.Stops(m, at) {
			continue
		}
		until = laterIf(stopped, until, s.Until)
		stopped = true
		best = min(best, slices.Index(SwitchScopes(), s.Scope))
	}
	if !stopped {
		return "", time.Time{}, false
	}
	return SwitchRule + string(SwitchScopes()[best]), until, true
}
