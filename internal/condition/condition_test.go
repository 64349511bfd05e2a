package condition

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

func view() dunning.View {
	is := func(want string) func(string) bool { return func(s string) bool { return s == want } }
	return dunning.View{
		DebtorKind: "consumer", Locale: "de-AT", Country: "AT",
		Balance: money.MustParse("25.00", "EUR"), Overdue: money.MustParse("10.50", "EUR"),
		OldestDays: 8, Items: 2, Creditor: "acme", BrokenPromises: 1, Tags: []string{"vip"},
		RepliedSince: is("a"), PaidSince: is("b"), DeliveredOn: is("a"),
		HasChannel: map[dunning.Channel]bool{dunning.SMS: true},
	}
}

var steps = Options{Steps: []string{"a", "b", "friendly-email"}}

func TestEvaluatesTheWholeVocabulary(t *testing.T) {
	cases := []struct {
		source string
		want   bool
	}{
		{`debtor.kind == "consumer"`, true},
		{`debtor.kind != "consumer"`, false},
		{`debtor.kind in ["business", "consumer"]`, true},
		{`debtor.locale.startsWith("de")`, true},
		{`debtor.country == "AT"`, true},
		{`balance >= money("25.00")`, true},
		{`balance > money("25")`, false},
		{`balance == money("25")`, true},
		{`overdue < money("10.51")`, true},
		{`overdue <= money("10.4999")`, false},
		{`oldest_days > 7 && items == 2`, true},
		{`creditor.id == "acme"`, true},
		{`"vip" in account.tags`, true},
		{`account.tags.exists(t, t.startsWith("v"))`, true},
		{`promises.broken > 1`, false},
		{`debtor.replied_since("a")`, true},
		{`!debtor.replied_since("b")`, true},
		{`debtor.paid_since("b")`, true},
		{`step.delivered("friendly-email")`, false},
		{`debtor.has_channel("sms") && !debtor.has_channel("email")`, true},
		{`debtor.kind == "business" ? items > 5 : items > 1`, true},
	}
	for _, c := range cases {
		t.Run(c.source, func(t *testing.T) {
			cond, faults := Compile(c.source, steps)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			got, err := cond.Eval(view())
			if err != nil || got != c.want {
				t.Errorf("got %v, %v", got, err)
			}
			if cond.String() != c.source {
				t.Errorf("source became %q", cond.String())
			}
		})
	}
}

func TestAZeroViewIsEvaluated(t *testing.T) {
	cond, faults := Compile(`balance == money("0") && !debtor.replied_since("a") && account.tags.size() == 0`, steps)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if got, err := cond.Eval(dunning.View{}); err != nil || !got {
		t.Errorf("got %v, %v", got, err)
	}
}

// Each case is a mistake with the place and the words that explain it.
func TestFaults(t *testing.T) {
	cases := []struct{ source, at, message, hint string }{
		{`balanc >= money("1")`, "1:1", `unknown name "balanc"`, `did you mean "balance"?`},
		{`debtor.knd == "consumer"`, "1:7", `unknown field "knd"`, `did you mean "kind"?`},
		{`balance >= 25`, "1:9", `>= does not work on (money, int)`, `write amounts as text in money(): money("25.00")`},
		{`balance >= money(25.0)`, "1:17", `money does not take (double)`, `write amounts as text in money(): money("25.00")`},
		{`balance >= money("25,00")`, "1:18", `"25,00" is not an amount`, `write a decimal number such as money("25.00")`},
		{`debtor.kind == "company"`, "1:16", `debtor.kind is never "company"`, `known: business, consumer`},
		{`debtor.kind in ["consumr"]`, "1:17", `debtor.kind is never "consumr"`, `did you mean "consumer"?`},
		{`debtor.replied_since("freindly-email")`, "1:22", `unknown step "freindly-email"`, `did you mean "friendly-email"?`},
		{`debtor.replied_since(debtor.kind)`, "1:28", `the step must be given as a word in quotes`, ""},
		{`debtor.has_channel("fax")`, "1:20", `unknown channel "fax"`, `known: call, email, letter, sms`},
		{`items`, "1:1", `the condition is int, not true or false`, `compare it with something, such as items > 2`},
		{` `, "1:1", `the condition is empty`, "leave the key out if it always holds"},
		{"items > 1 &&\n  balanc == balance", "2:3", `unknown name "balanc"`, `did you mean "balance"?`},
	}
	for _, c := range cases {
		t.Run(c.source, func(t *testing.T) {
			_, faults := Compile(c.source, steps)
			if len(faults) != 1 {
				t.Fatalf("want one fault, got %v", faults)
			}
			f := faults[0]
			if at := fmt.Sprintf("%d:%d", f.Line, f.Column); at != c.at || f.Message != c.message || f.Hint != c.hint {
				t.Errorf("got  %s %s (%s)\nwant %s %s (%s)", at, f.Message, f.Hint, c.at, c.message, c.hint)
			}
		})
	}
}

func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	_, faults := Compile("items > 1 && (", steps)
	if len(faults) == 0 || faults[0].Column != 15 || !strings.HasPrefix(faults[0].Message, "not a condition: ") {
		t.Errorf("got %v", faults)
	}
}

func TestEveryFaultOfAConditionIsReported(t *testing.T) {
	_, faults := Compile(`balanc > money("1") && debtor.knd == "x"`, steps)
	if len(faults) != 2 {
		t.Errorf("got %v", faults)
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("items > 1 || ", 300) + "true"
	if _, faults := Compile(long, steps); len(faults) == 0 {
		t.Error("a condition of 3,900 characters was taken")
	}
	if _, faults := Compile(strings.Repeat("(", 200)+"true"+strings.Repeat(")", 200), steps); len(faults) == 0 {
		t.Error("200 levels of nesting were taken")
	}
	bomb := `account.tags.all(a, account.tags.all(b, account.tags.all(c, a + b != c)))`
	cond, faults := Compile(bomb, steps)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	v := view()
	for i := range 100 {
		v.Tags = append(v.Tags, fmt.Sprint(i))
	}
	if _, err := cond.Eval(v); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("a million comparisons were not stopped: %v", err)
	}
}

// Each pair, and whether it is proven that both cannot hold at once.
func TestDisjoint(t *testing.T) {
	cases := []struct {
		a, b string
		want bool
	}{
		{`debtor.kind == "consumer"`, `debtor.kind == "business"`, true},
		{`debtor.kind == "consumer"`, `debtor.kind != "consumer"`, true},
		{`debtor.kind != "business"`, `debtor.kind != "consumer"`, true}, // there are only two kinds
		{`debtor.kind == "consumer"`, `debtor.kind == "consumer"`, false},
		{`debtor.kind == "consumer"`, `balance > money("1")`, false},
		{`true`, `debtor.kind == "consumer"`, false},
		{`false`, `true`, true},
		{`balance >= money("100")`, `balance < money("100")`, true},
		{`balance >= money("100")`, `balance <= money("100")`, false},
		{`money("100") <= balance`, `!(balance >= money("100"))`, true},
		{`items > 3 && items < 3`, `true`, true},
		{`items == 3`, `items == 4`, true},
		{`creditor.id == "a"`, `creditor.id in ["b", "c"]`, true},
		{`creditor.id == "a"`, `creditor.id in ["a", "c"]`, false},
		{`creditor.id == "a"`, `!(creditor.id in ["a", "c"])`, true},
		{`"vip" in account.tags`, `!("vip" in account.tags)`, true},
		{`"vip" in account.tags`, `!("new" in account.tags)`, false},
		{`debtor.kind == "consumer" && "vip" in account.tags`, `debtor.kind == "business" || !("vip" in account.tags)`, true},
		{`debtor.country == "US" || debtor.country == "CA"`, `debtor.country == "DE"`, true},
		{`debtor.country == "US" || items > 1`, `debtor.country == "DE"`, false},
	}
	for _, c := range cases {
		a, fa := Compile(c.a, steps)
		b, fb := Compile(c.b, steps)
		if len(fa)+len(fb) > 0 {
			t.Fatal(fa, fb)
		}
		if got := Disjoint(a, b); got != c.want {
			t.Errorf("Disjoint(%s; %s) = %v", c.a, c.b, got)
		}
		if Disjoint(a, b) != Disjoint(b, a) {
			t.Errorf("Disjoint is not symmetric for %s; %s", c.a, c.b)
		}
	}
	if Disjoint(nil, nil) {
		t.Error("two absent conditions always hold together")
	}
}

func TestAlwaysAndNever(t *testing.T) {
	cases := []struct {
		source        string
		always, never bool
	}{
		{`true`, true, false},
		{`items > 1 || true`, true, false},
		{`false`, false, true},
		{`debtor.kind == "consumer" && debtor.kind == "business"`, false, true},
		{`items > 1`, false, false},
	}
	for _, c := range cases {
		cond, faults := Compile(c.source, steps)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if cond.AlwaysTrue() != c.always || cond.NeverTrue() != c.never {
			t.Errorf("%s: always %v, never %v", c.source, cond.AlwaysTrue(), cond.NeverTrue())
		}
	}
}

func TestAmountsBeyondTheRangeOfLiterals(t *testing.T) {
	yen, lit := amountOf(money.MustParse("950000000000000", "JPY")), amount{990000000000000000, literalPlaces}
	if yen.cmp(lit) != 1 || lit.cmp(yen) != -1 {
		t.Error("950 trillion yen are not more than 99 trillion")
	}
	if debt := amountOf(money.MustParse("-950000000000000", "JPY")); debt.cmp(lit) != -1 || lit.cmp(debt) != 1 {
		t.Error("a negative amount is not less")
	}
}

// Amounts of currencies with other numbers of decimals compare exactly, at
// the largest amounts there are too.
func TestAmountsCompareExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(-money.MaxMinor, money.MaxMinor).Draw(t, "minor")
		cur := rapid.SampledFrom([]string{"JPY", "USD", "KWD", "CLF"}).Draw(t, "currency")
		a, err := money.FromMinor(minor, cur)
		if err != nil {
			t.Fatal(err)
		}
		literal := fmt.Sprintf("%d.%04d", rapid.Int64Range(0, 99_999_999_999_999).Draw(t, "whole"), rapid.IntRange(0, 9999).Draw(t, "frac"))
		if rapid.Bool().Draw(t, "near") {
			whole, frac, _ := strings.Cut(strings.TrimPrefix(a.Decimal(), "-"), ".")
			if len(whole) > 14 {
				return
			}
			literal = whole + "." + (frac + "0000")[:4]
		}
		lit, ok := parseDecimal(literal)
		if !ok {
			t.Fatal(literal)
		}
		x, _ := new(big.Rat).SetString(a.Decimal())
		y, _ := new(big.Rat).SetString(literal)
		if got := amountOf(a).cmp(lit); got != x.Cmp(y) || lit.cmp(amountOf(a)) != -got {
			t.Fatalf("%s against %s: %d", a, literal, got)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	cond, faults := Compile(`debtor.kind == "consumer" && balance >= money("25.00")`, steps)
	if len(faults) > 0 {
		b.Fatal(faults)
	}
	v := view()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cond.Eval(v); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzCompile: no text may crash the compiler or the evaluation; faults lie in
// the text; what excludes itself is never true.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`debtor.kind == "consumer" && balance >= money("25.00")`, `!debtor.replied_since("a")`, `"vip" in account.tags`, `items > 1 ? true : false`,
		`account.tags.exists(t, t == "x")`, "(((", `money("`, `debtor.`, `[1, 2].map(x, x * 2).size() > 1`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, faults := Compile(source, steps)
		lines := strings.Count(source, "\n") + 1
		for _, x := range faults {
			if x.Line < 1 || x.Line > lines+1 || x.Column < 1 || x.Message == "" {
				t.Errorf("fault outside the text: %+v", x)
			}
		}
		if c == nil {
			if len(faults) == 0 {
				t.Error("neither condition nor fault")
			}
			return
		}
		if got, err := c.Eval(view()); err == nil && got && c.NeverTrue() {
			t.Errorf("%q is true and was proven never to be", source)
		}
		if Disjoint(c, c) && !c.NeverTrue() {
			t.Errorf("%q excludes itself", source)
		}
	})
}
