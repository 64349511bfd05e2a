package condition

import (
	"math/big"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// maxCases bounds the alternatives that a condition is taken apart into.
const maxCases = 64

// Disjoint reports whether it is proven that no values fulfil both conditions.
// A nil condition always holds. False means "not proven", not "they overlap".
func Disjoint(a, b *Condition) bool {
	if a == nil || b == nil {
		other := a
		if a == nil {
			other = b
		}
		return other != nil && other.NeverTrue()
	}
	if a.vague || b.vague {
		return a.NeverTrue() || b.NeverTrue()
	}
	for _, x := range a.cases {
		for _, y := range b.cases {
			if _, possible := x.and(y); possible {
				return false
			}
		}
	}
	return true
}

// conjunction is what one alternative demands of each thing it looks at; the
// key is a dotted name, or the text of an expression taken as true or false.
type conjunction map[string]domain

// and combines two; possible is false when they contradict each other.
func (c conjunction) and(o conjunction) (sum conjunction, possible bool) {
	sum = conjunction{}
	for k, d := range c {
		sum[k] = d
	}
	for k, d := range o {
		if have, ok := sum[k]; ok {
			d = have.and(d)
		}
		if d.empty(k) {
			return nil, false
		}
		sum[k] = d
	}
	return sum, true
}

// domain is a set of values: words (only these, or all but these), or numbers
// in an interval. The unused part is unrestricted.
type domain struct {
	only   []string // nil = any; sorted
	except []string // sorted
	lo, hi *bound
}

type bound struct {
	n    *big.Rat
	open bool // the number itself is outside
}

func (d domain) and(o domain) domain {
	out := domain{only: d.only, except: append(slices.Clone(d.except), o.except...), lo: tighter(d.lo, o.lo, 1), hi: tighter(d.hi, o.hi, -1)}
	if o.only != nil {
		out.only = intersect(d.only, o.only)
	}
	return out
}

func intersect(a, b []string) []string {
	if a == nil {
		return b
	}
	out := []string{}
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// tighter picks the bound that allows less; sign is +1 for lower bounds.
func tighter(a, b *bound, sign int) *bound {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	c := a.n.Cmp(b.n) * sign
	if c > 0 || c == 0 && a.open {
		return a
	}
	return b
}

func (d domain) empty(key string) bool {
	only := d.only
	if only == nil && key == "debtor.kind" {
		only = kinds // the one word of which all values are known
	}
	if only != nil && !slices.ContainsFunc(only, func(s string) bool { return !slices.Contains(d.except, s) }) {
		return true
	}
	if d.lo == nil || d.hi == nil {
		return false
	}
	c := d.lo.n.Cmp(d.hi.n)
	return c > 0 || c == 0 && (d.lo.open || d.hi.open)
}

// takeApart writes a condition as alternatives of conjunctions; alternatives
// that contradict themselves are dropped. vague: there were too many.
func takeApart(a *cel.Ast) (cases []conjunction, vague bool) {
	t := taker{info: a.NativeRep().SourceInfo()}
	cases = t.alternatives(a.NativeRep().Expr(), true)
	if t.tooMany {
		return nil, true
	}
	return cases, false
}

type taker struct {
	info    *ast.SourceInfo
	tooMany bool
}

// alternatives of e being want.
func (t *taker) alternatives(e ast.Expr, want bool) []conjunction {
	if e.Kind() == ast.LiteralKind {
		if b, ok := e.AsLiteral().(types.Bool); ok && bool(b) != want {
			return nil
		}
		return []conjunction{{}}
	}
	if e.Kind() == ast.CallKind {
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.LogicalNot:
			return t.alternatives(args[0], !want)
		case operators.LogicalAnd:
			return t.both(args, want, want)
		case operators.LogicalOr:
			return t.both(args, want, !want)
		}
		if key, d, ok := comparison(e.AsCall(), want); ok {
			return one(key, d)
		}
	}
	word := "false"
	if want {
		word = "true"
	}
	return one(t.atom(e), domain{only: []string{word}})
}

func one(key string, d domain) []conjunction {
	if d.empty(key) {
		return nil
	}
	return []conjunction{{key: d}}
}

// both joins two operands: all must be want (product) or any (union).
func (t *taker) both(args []ast.Expr, want, product bool) []conjunction {
	left, right := t.alternatives(args[0], want), t.alternatives(args[1], want)
	if len(left)*len(right) > maxCases || len(left)+len(right) > maxCases {
		t.tooMany = true
		return nil
	}
	if !product {
		return slices.Concat(left, right)
	}
	var out []conjunction
	for _, l := range left {
		for _, r := range right {
			if c, possible := l.and(r); possible {
				out = append(out, c)
			}
		}
	}
	return out
}

// atom is the text of an expression that is taken as a whole.
func (t *taker) atom(e ast.Expr) string {
	s, err := cel.ExprToString(e, t.info)
	if err != nil {
		t.tooMany = true // nothing is proven with what has no name
	}
	return s
}

// comparison reads "thing op constant", either way round.
func comparison(c ast.CallExpr, want bool) (string, domain, bool) {
	if len(c.Args()) != 2 {
		return "", domain{}, false
	}
	op := c.FunctionName()
	left, right := c.Args()[0], c.Args()[1]
	if path(left) == "" {
		left, right, op = right, left, turned[op]
	}
	key := path(left)
	if key == "" {
		return "", domain{}, false
	}
	if !want {
		op = opposite[op]
	}
	if n, ok := number(right); ok {
		d, ok := interval(op, n)
		return key, d, ok
	}
	d, ok := wordSet(op, right)
	return key, d, ok
}

var (
	turned = map[string]string{
		operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
		operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
		operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
	}
	opposite = map[string]string{
		operators.Less: operators.GreaterEquals, operators.LessEquals: operators.Greater,
		operators.Greater: operators.LessEquals, operators.GreaterEquals: operators.Less,
		operators.Equals: operators.NotEquals, operators.NotEquals: operators.Equals,
		operators.In: "not in",
	}
)

// number reads an integer or money("...") constant.
func number(e ast.Expr) (*big.Rat, bool) {
	if e.Kind() == ast.LiteralKind {
		if n, ok := e.AsLiteral().(types.Int); ok {
			return new(big.Rat).SetInt64(int64(n)), true
		}
		return nil, false
	}
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "money" {
		if s, ok := text(e.AsCall().Args()[0]); ok {
			a, ok := parseDecimal(s)
			return big.NewRat(a.minor, 10_000), ok
		}
	}
	return nil, false
}

func interval(op string, n *big.Rat) (domain, bool) {
	switch op {
	case operators.Less:
		return domain{hi: &bound{n, true}}, true
	case operators.LessEquals:
		return domain{hi: &bound{n, false}}, true
	case operators.Greater:
		return domain{lo: &bound{n, true}}, true
	case operators.GreaterEquals:
		return domain{lo: &bound{n, false}}, true
	case operators.Equals:
		return domain{lo: &bound{n, false}, hi: &bound{n, false}}, true
	}
	return domain{}, false
}

func wordSet(op string, e ast.Expr) (domain, bool) {
	var words []string
	if s, ok := text(e); ok && (op == operators.Equals || op == operators.NotEquals) {
		words = []string{s}
	} else if e.Kind() == ast.ListKind && (op == operators.In || op == "not in") {
		for _, el := range e.AsList().Elements() {
			s, ok := text(el)
			if !ok {
				return domain{}, false
			}
			words = append(words, s)
		}
	} else {
		return domain{}, false
	}
	if op == operators.NotEquals || op == "not in" {
		return domain{except: words}, true
	}
	return domain{only: words}, true
}
