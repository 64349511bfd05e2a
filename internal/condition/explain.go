package condition

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/duly/duly/internal/yamlpos"
)

var decimalPattern = regexp.MustCompile(`^-?[0-9]{1,14}(\.[0-9]{1,4})?$`)

// Messages of CEL that can be said better.
var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']+)'`)
	unfield    = regexp.MustCompile(`^undefined field '([^']+)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']+)' applied to '([^']*)'`)
)

// explain turns the compiler's issues into faults, in order of their place.
func explain(issues *cel.Issues) []Fault {
	var out []Fault
	for _, e := range issues.Errors() {
		message, hint := reword(e.Message)
		out = append(out, Fault{max(1, e.Location.Line()), max(1, e.Location.Column()+1), message, hint})
	}
	slices.SortStableFunc(out, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.CompactFunc(out, func(a, b Fault) bool { return a.Line == b.Line && a.Column == b.Column })
}

func reword(message string) (string, string) {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("unknown name %q", m[1]), yamlpos.Suggest(m[1], vocabulary())
	}
	if m := unfield.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("unknown field %q", m[1]), yamlpos.Suggest(m[1], allFields())
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		return rewordOverload(m[1], m[2])
	}
	if rest, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		return rewordSyntax(rest), ""
	}
	return message, ""
}

var unexpected = regexp.MustCompile(`^(?:mismatched input|extraneous input|no viable alternative at input|token recognition error at:) '(.*?)'(?: expecting .*)?$`)

// rewordSyntax leaves out what the grammar would have liked instead.
func rewordSyntax(s string) string {
	m := unexpected.FindStringSubmatch(s)
	switch {
	case m == nil:
		return "not a condition: " + s
	case m[1] == "<EOF>":
		return "not a condition: it ends too early"
	}
	return fmt.Sprintf("not a condition: unexpected %q", m[1])
}

func rewordOverload(op, applied string) (string, string) {
	hint := ""
	if op == "money" || strings.Contains(applied, "money") {
		hint = `write amounts as text in money(): money("25.00")`
	}
	name := strings.Trim(op, "_")
	if op != name && name != "" {
		name = strings.TrimPrefix(strings.ReplaceAll(op, "_", ""), "@")
		return fmt.Sprintf("%s does not work on %s", name, applied), hint
	}
	return fmt.Sprintf("%s does not take %s", name, applied), hint
}

func vocabulary() []string {
	words := slices.Collect(maps.Keys(variables))
	words = append(words, "money", "replied_since", "paid_since", "delivered", "has_channel")
	return words
}

func allFields() []string {
	var out []string
	for _, fs := range fields {
		out = slices.AppendSeq(out, maps.Keys(fs))
	}
	return out
}

// checkWords checks what types cannot: ids of steps, channels, kinds of debtor
// and amounts must be words that exist.
func checkWords(a *cel.Ast, opts Options) []Fault {
	c := checker{info: a.NativeRep().SourceInfo(), opts: opts}
	ast.PostOrderVisit(a.NativeRep().Expr(), ast.NewExprVisitor(c.visit))
	return c.faults
}

type checker struct {
	info   *ast.SourceInfo
	opts   Options
	faults []Fault
}

func (c *checker) fault(e ast.Expr, message, hint string) {
	at := c.info.GetStartLocation(e.ID())
	c.faults = append(c.faults, Fault{max(1, at.Line()), max(1, at.Column()+1), message, hint})
}

func (c *checker) visit(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	switch name := call.FunctionName(); {
	case stepFunctions[name] && call.IsMemberFunction():
		c.word(call.Args()[0], "step", c.opts.Steps)
	case name == "has_channel":
		c.word(call.Args()[0], "channel", channels)
	case name == "money":
		c.money(call.Args()[0])
	case name == "_==_" || name == "_!=_":
		c.kind(call.Args()[0], call.Args()[1])
		c.kind(call.Args()[1], call.Args()[0])
	case name == "@in" && call.Args()[1].Kind() == ast.ListKind:
		for _, el := range call.Args()[1].AsList().Elements() {
			c.kind(call.Args()[0], el)
		}
	}
}

func (c *checker) word(e ast.Expr, what string, known []string) {
	s, ok := text(e)
	if !ok {
		c.fault(e, fmt.Sprintf("the %s must be given as a word in quotes", what), "")
		return
	}
	if !slices.Contains(known, s) {
		c.fault(e, fmt.Sprintf("unknown %s %q", what, s), yamlpos.Suggest(s, known))
	}
}

func (c *checker) money(e ast.Expr) {
	s, ok := text(e)
	if !ok {
		c.fault(e, "the amount must be given as text in quotes", `such as money("25.00")`)
		return
	}
	if _, ok := parseDecimal(s); !ok {
		c.fault(e, fmt.Sprintf("%q is not an amount", s), `write a decimal number such as money("25.00")`)
	}
}

// kind checks the words that debtor.kind is compared with.
func (c *checker) kind(e, with ast.Expr) {
	s, ok := text(with)
	if !ok || path(e) != "debtor.kind" {
		return
	}
	if !slices.Contains(kinds, s) {
		c.fault(with, fmt.Sprintf("debtor.kind is never %q", s), yamlpos.Suggest(s, kinds))
	}
}

func text(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// path is the dotted name of a variable or field, or "".
func path(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if p := path(e.AsSelect().Operand()); p != "" && !e.AsSelect().IsTestOnly() {
			return p + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}
