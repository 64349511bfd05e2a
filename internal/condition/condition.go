// Package condition compiles the conditions of sequence files: CEL over the
// values of a dunning.View, typed, bounded in cost, and explained when wrong.
//
// It owns the vocabulary (debtor, balance, money(...), step.delivered(...)),
// the messages of faults with their place in the text, and the proof that two
// conditions exclude each other. It does not own where conditions stand.
package condition

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/duly/duly/dunning"
)

// Limits of one condition. A condition is a line or two that a person wrote.
const (
	maxLength = 2000  // characters
	maxNodes  = 500   // of the syntax tree
	maxDepth  = 50    // of nesting
	maxCost   = 10000 // CEL cost units of one evaluation
)

// Fault is one thing wrong with a condition. Line and Column count from 1, in
// characters of the source.
type Fault struct {
	Line, Column  int
	Message, Hint string
}

// Options is what a condition may refer to.
type Options struct {
	Steps []string // ids of the sequence's steps, for replied_since("...") and the like
}

// Condition is a compiled condition. It implements dunning.Condition and is
// safe for concurrent use.
type Condition struct {
	source string
	prg    cel.Program
	ast    *cel.Ast
	cases  []conjunction // nil with tooMany when it could not be taken apart
	vague  bool
}

var _ dunning.Condition = (*Condition)(nil)

// Compile checks and compiles a condition. All faults are reported together.
func Compile(source string, opts Options) (*Condition, []Fault) {
	if len(source) > maxLength {
		return nil, []Fault{{1, 1, fmt.Sprintf("the condition is longer than %d characters", maxLength), "split the sequence or the step"}}
	}
	if strings.TrimSpace(source) == "" {
		return nil, []Fault{{1, 1, "the condition is empty", "leave the key out if it always holds"}}
	}
	ast, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		return nil, explain(issues)
	}
	if ast.OutputType() != types.BoolType {
		return nil, []Fault{{1, 1, fmt.Sprintf("the condition is %s, not true or false", ast.OutputType()), `compare it with something, such as items > 2`}}
	}
	if faults := checkWords(ast, opts); len(faults) > 0 {
		return nil, faults
	}
	prg, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, []Fault{{1, 1, "the condition cannot be evaluated: " + err.Error(), ""}}
	}
	c := &Condition{source: source, prg: prg, ast: ast}
	c.cases, c.vague = takeApart(ast)
	return c, nil
}

// String is the source text.
func (c *Condition) String() string { return c.source }

// Eval decides over the values of a view.
func (c *Condition) Eval(v dunning.View) (bool, error) {
	out, _, err := c.prg.Eval(activation{&v})
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", c.source, err)
	}
	b, ok := out.Value().(bool)
	if !ok {
		return false, errors.New("condition " + c.source + " did not come to true or false")
	}
	return b, nil
}

// NeverTrue reports whether no values at all can fulfil the condition, as far
// as that can be proven.
func (c *Condition) NeverTrue() bool { return !c.vague && len(c.cases) == 0 }

// AlwaysTrue reports whether the condition is plainly true, such as "true".
func (c *Condition) AlwaysTrue() bool {
	for _, one := range c.cases {
		if len(one) == 0 {
			return true
		}
	}
	return false
}
