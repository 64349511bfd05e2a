package condition

import (
	"fmt"
	"math/big"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// The types of the vocabulary. Money has an order but no arithmetic and does
// not mix with numbers: balance >= 25 is refused, money("25.00") is meant.
var (
	moneyType    = types.NewObjectType("money", traits.ComparerType)
	debtorType   = types.NewObjectType("debtor", traits.IndexerType)
	creditorType = types.NewObjectType("creditor", traits.IndexerType)
	accountType  = types.NewObjectType("account", traits.IndexerType)
	promisesType = types.NewObjectType("promises", traits.IndexerType)
	stepType     = types.NewObjectType("step", traits.IndexerType)
)

// fields are the things with a dot, and their types.
var fields = map[string]map[string]*types.Type{
	"money":    {},
	"debtor":   {"kind": types.StringType, "locale": types.StringType, "country": types.StringType},
	"creditor": {"id": types.StringType},
	"account":  {"tags": types.NewListType(types.StringType)},
	"promises": {"broken": types.IntType},
	"step":     {},
}

// variables are the first words of the vocabulary.
var variables = map[string]*types.Type{
	"debtor": debtorType, "creditor": creditorType, "account": accountType,
	"promises": promisesType, "step": stepType,
	"balance": moneyType, "overdue": moneyType,
	"oldest_days": types.IntType, "items": types.IntType,
}

// stepFunctions take the id of a step in quotes.
var stepFunctions = map[string]bool{"replied_since": true, "paid_since": true, "delivered": true}

// kinds are the values of debtor.kind.
var kinds = []string{"business", "consumer"}

// channels are what has_channel("...") may ask for.
var channels = []string{string(dunning.Call), string(dunning.Email), string(dunning.Letter), string(dunning.SMS)}

var env = mustEnv()

func mustEnv() *cel.Env {
	opts := []cel.EnvOption{
		cel.CustomTypeProvider(provider{types.NewEmptyRegistry()}),
		cel.CustomTypeAdapter(types.DefaultTypeAdapter),
		cel.ExpressionNodeLimit(maxNodes), cel.ExpressionNestingDepthLimit(maxDepth),
		cel.ParserRecursionLimit(maxDepth), cel.ParserErrorRecoveryLimit(4),
		cel.Function("money", cel.Overload("money_text", []*types.Type{types.StringType}, moneyType, cel.UnaryBinding(parseMoney))),
		method("replied_since", debtorType, func(v dunning.View, step string) bool { return call(v.RepliedSince, step) }),
		method("paid_since", debtorType, func(v dunning.View, step string) bool { return call(v.PaidSince, step) }),
		method("delivered", stepType, func(v dunning.View, step string) bool { return call(v.DeliveredOn, step) }),
		method("has_channel", debtorType, func(v dunning.View, ch string) bool { return v.HasChannel[dunning.Channel(ch)] }),
	}
	for _, op := range []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals} {
		opts = append(opts, cel.Function(op, cel.Overload("money_"+op, []*types.Type{moneyType, moneyType}, types.BoolType)))
	}
	for name, t := range variables {
		opts = append(opts, cel.Variable(name, t))
	}
	e, err := cel.NewEnv(opts...)
	if err != nil {
		panic("condition: the vocabulary does not compile: " + err.Error()) // a mistake in this file; any test finds it
	}
	return e
}

func call(f func(string) bool, step string) bool { return f != nil && f(step) }

// method declares thing.name("word") over the view that the thing carries.
func method(name string, on *types.Type, f func(dunning.View, string) bool) cel.EnvOption {
	return cel.Function(name, cel.MemberOverload(on.TypeName()+"_"+name, []*types.Type{on, types.StringType}, types.BoolType,
		cel.BinaryBinding(func(target, arg ref.Val) ref.Val {
			t, ok1 := target.(*thing)
			s, ok2 := arg.(types.String)
			if !ok1 || !ok2 {
				return types.NewErr("%s takes the word it asks about in quotes", name)
			}
			return types.Bool(f(*t.view, string(s)))
		})))
}

// activation makes the values of one view.
func activation(v dunning.View) map[string]any {
	on := func(t *types.Type, values map[string]ref.Val) *thing { return &thing{t, values, &v} }
	return map[string]any{
		"debtor": on(debtorType, map[string]ref.Val{
			"kind": types.String(v.DebtorKind), "locale": types.String(v.Locale), "country": types.String(v.Country),
		}),
		"creditor":    on(creditorType, map[string]ref.Val{"id": types.String(v.Creditor)}),
		"account":     on(accountType, map[string]ref.Val{"tags": types.NewStringList(types.DefaultTypeAdapter, v.Tags)}),
		"promises":    on(promisesType, map[string]ref.Val{"broken": types.Int(v.BrokenPromises)}),
		"step":        on(stepType, nil),
		"balance":     amount{decimal(v.Balance)},
		"overdue":     amount{decimal(v.Overdue)},
		"oldest_days": types.Int(v.OldestDays),
		"items":       types.Int(v.Items),
	}
}

// provider tells the checker which fields our things have.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if t, ok := variables[name]; ok && t.TypeName() == name {
		return types.NewTypeTypeWithParam(t), true
	}
	if name == moneyType.TypeName() {
		return types.NewTypeTypeWithParam(moneyType), true
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if t, ok := fields[name][field]; ok {
		return &types.FieldType{Type: t}, true
	}
	return p.Registry.FindStructFieldType(name, field)
}

// thing is a value with named fields.
type thing struct {
	typ    *types.Type
	values map[string]ref.Val
	view   *dunning.View
}

func (t *thing) Get(index ref.Val) ref.Val {
	if v, ok := t.values[fmt.Sprint(index.Value())]; ok {
		return v
	}
	return types.NewErr("%s has no field %v", t.typ.TypeName(), index.Value())
}

func (t *thing) Type() ref.Type          { return t.typ }
func (t *thing) Value() any              { return t }
func (t *thing) Equal(o ref.Val) ref.Val { return types.Bool(t == o) }
func (t *thing) ConvertToType(ref.Type) ref.Val {
	return types.NewErr("%s cannot be converted", t.typ.TypeName())
}
func (t *thing) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted", t.typ.TypeName())
}

// amount is a decimal number of the account's currency. Conditions compare
// balances of one account with constants that are in its currency by
// definition, so the currency itself is not carried.
type amount struct{ n *big.Rat }

func (a amount) Compare(o ref.Val) ref.Val {
	b, ok := o.(amount)
	if !ok {
		return types.MaybeNoSuchOverloadErr(o)
	}
	return types.Int(a.n.Cmp(b.n))
}

func (a amount) Equal(o ref.Val) ref.Val {
	b, ok := o.(amount)
	return types.Bool(ok && a.n.Cmp(b.n) == 0)
}
func (a amount) Type() ref.Type                 { return moneyType }
func (a amount) Value() any                     { return a.n.RatString() }
func (a amount) ConvertToType(ref.Type) ref.Val { return types.NewErr("money cannot be converted") }
func (a amount) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("money cannot be converted")
}

func decimal(a money.Amount) *big.Rat {
	n, _ := new(big.Rat).SetString(a.Decimal())
	return n
}

// parseDecimal reads "25.00": digits, at most four decimals, perhaps a minus.
func parseDecimal(s string) (*big.Rat, bool) {
	if !decimalPattern.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func parseMoney(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	n, ok := parseDecimal(string(s))
	if !ok {
		return types.NewErr("money(%q) is not a decimal number such as 25.00", string(s))
	}
	return amount{n}
}
