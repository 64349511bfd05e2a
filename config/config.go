package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
)

// Warnings lists what does not refuse the configuration but should be looked at.
func (c *Config) Warnings() Faults { return slices.Clone(c.warnings) }

// Sequences returns all sequences, sorted by id. They must not be changed.
func (c *Config) Sequences() []*dunning.Sequence { return slices.Clone(c.sequences) }

// Sequence returns a sequence by id, nil when there is none.
func (c *Config) Sequence(id string) *dunning.Sequence {
	i, ok := slices.BinarySearchFunc(c.sequences, id, func(s *dunning.Sequence, id string) int { return strings.Compare(s.ID, id) })
	if !ok {
		return nil
	}
	return c.sequences[i]
}

// Select returns the sequence of the highest priority that matches, nil when
// none does or when a condition that could decide cannot be evaluated. An
// account without a sequence is to be reported, never defaulted in silence.
func (c *Config) Select(view dunning.View) *dunning.Sequence {
	s, err := c.Choose(view)
	if err != nil {
		return nil
	}
	return s
}

// Choose is Select that says why there is no answer.
func (c *Config) Choose(view dunning.View) (*dunning.Sequence, error) {
	var best *dunning.Sequence
	for _, s := range c.sequences {
		if best != nil && s.Priority <= best.Priority {
			continue
		}
		if s.AppliesWhen != nil {
			ok, err := s.AppliesWhen.Eval(view)
			if err != nil {
				return nil, fmt.Errorf("sequence %s: applies_when cannot be decided: %w", s.ID, err)
			}
			if !ok {
				continue
			}
		}
		best = s
	}
	return best, nil
}
