package condition

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

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

// activation answers for the values of one view; only those that a condition
// looks at are made.
type activation struct{ view *dunning.View }

// Parent implements cel.Activation: there is nothing around a view.
func (a activation) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	v := a.view
	switch name {
	case "balance":
		return amountOf(v.Balance), true
	case "overdue":
		return amountOf(v.Overdue), true
	case "oldest_days":
		return types.Int(v.OldestDays), true
	case "items":
		return types.Int(v.Items), true
	}
	if t, ok := variables[name]; ok {
		return &thing{t, v}, true
	}
	return nil, false
}

// field is a named part of one of our things.
func field(thing, name string, v *dunning.View) ref.Val {
	switch thing + "." + name {
	case "debtor.kind":
		return types.String(v.DebtorKind)
	case "debtor.locale":
		return types.String(v.Locale)
	case "debtor.country":
		return types.String(v.Country)
	case "creditor.id":
		return types.String(v.Creditor)
	case "account.tags":
		return types.NewStringList(types.DefaultTypeAdapter, v.Tags)
	case "promises.broken":
		return types.Int(v.BrokenPromises)
	}
	return types.NewErr("%s has no field %s", thing, name)
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

// thing is a value with named fields and functions.
type thing struct {
	typ  *types.Type
	view *dunning.View
}

func (t *thing) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	return field(t.typ.TypeName(), string(name), t.view)
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

// amount is a decimal number of the account's currency: minor units with so
// many decimal places. Conditions compare balances of one account with
// constants that are in its currency by definition, so the currency itself is
// not carried.
type amount struct {
	minor  int64
	places int
}

func amountOf(a money.Amount) amount {
	places, err := money.Digits(a.Currency())
	if err != nil {
		places = 0 // the zero amount has no currency
	}
	return amount{a.Minor(), places}
}

// cmp compares two numbers of different places exactly.
func (a amount) cmp(b amount) int {
	if a.places > b.places {
		return -b.cmp(a)
	}
	n := a.minor
	for range b.places - a.places {
		if n > math.MaxInt64/10 || n < math.MinInt64/10 {
			return cmp.Compare(n, 0) // further from zero than any b can be
		}
		n *= 10
	}
	return cmp.Compare(n, b.minor)
}

func (a amount) Compare(o ref.Val) ref.Val {
	b, ok := o.(amount)
	if !ok {
		return types.MaybeNoSuchOverloadErr(o)
	}
	return types.Int(a.cmp(b))
}

func (a amount) Equal(o ref.Val) ref.Val {
	b, ok := o.(amount)
	return types.Bool(ok && a.cmp(b) == 0)
}
func (a amount) Type() ref.Type                 { return moneyType }
func (a amount) Value() any                     { return a }
func (a amount) ConvertToType(ref.Type) ref.Val { return types.NewErr("money cannot be converted") }
func (a amount) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("money cannot be converted")
}

// literalPlaces is the most decimal places of any currency.
const literalPlaces = 4

// parseDecimal reads "25.00": at most 14 digits, at most four decimals, perhaps a minus.
func parseDecimal(s string) (amount, bool) {
	if !decimalPattern.MatchString(s) {
		return amount{}, false
	}
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", literalPlaces-len(frac)), 10, 64)
	return amount{n, literalPlaces}, err == nil
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
	return n
}
