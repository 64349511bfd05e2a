package condition

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// expression draws a condition of a few levels from the whole vocabulary.
func expression(t *rapid.T, depth int) string {
	if depth == 0 {
		return atom(t)
	}
	switch rapid.IntRange(0, 4).Draw(t, "shape") {
	case 0:
		return fmt.Sprintf("(%s && %s)", expression(t, depth-1), expression(t, depth-1))
	case 1:
		return fmt.Sprintf("(%s || %s)", expression(t, depth-1), expression(t, depth-1))
	case 2:
		return "!" + expression(t, depth-1)
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", atom(t), atom(t), atom(t))
	}
	return atom(t)
}

func atom(t *rapid.T) string {
	op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op")
	n := rapid.IntRange(0, 3).Draw(t, "n")
	is := rapid.SampledFrom([]string{"==", "!="}).Draw(t, "is")
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	word := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "word")
	return "(" + rapid.SampledFrom([]string{
		fmt.Sprintf("items %s %d", op, n),
		fmt.Sprintf("%d %s oldest_days", n, op),
		fmt.Sprintf(`balance %s money("%d.50")`, op, n),
		fmt.Sprintf(`money("%d.50") %s overdue`, n, op),
		fmt.Sprintf("debtor.kind %s %q", is, kind),
		fmt.Sprintf("%q %s creditor.id", word, is),
		fmt.Sprintf(`creditor.id in ["a", %q]`, word),
		fmt.Sprintf("%q in account.tags", word),
		fmt.Sprintf("debtor.replied_since(%q)", rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step")),
		"true", "false", "items == oldest_days",
	}).Draw(t, "atom") + ")"
}

func anyView(t *rapid.T) dunning.View {
	amount := func(name string) money.Amount {
		a, _ := money.FromMinor(rapid.SampledFrom([]int64{0, 49, 50, 51, 149, 150, 151, 250, 350, 351}).Draw(t, name), "USD")
		return a
	}
	yes := rapid.Bool().Draw(t, "replied")
	return dunning.View{
		DebtorKind: rapid.SampledFrom(kinds).Draw(t, "kind"), Creditor: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "creditor"),
		Items: rapid.IntRange(0, 4).Draw(t, "items"), OldestDays: rapid.IntRange(0, 4).Draw(t, "days"),
		Balance: amount("balance"), Overdue: amount("overdue"),
		Tags:         rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "tags"),
		RepliedSince: func(string) bool { return yes },
	}
}

// The proof is sound: conditions that are proven to exclude each other never
// hold together, one proven never to hold never does, one that always holds does.
func TestDisjointIsSound(t *testing.T) {
	proven := 0
	rapid.Check(t, func(t *rapid.T) {
		first := expression(t, 3)
		second := "!" + first // of conditions drawn apart hardly any exclude each other
		if rapid.IntRange(0, 2).Draw(t, "apart") > 0 {
			second = expression(t, 3)
		}
		a, fa := Compile(first, steps)
		b, fb := Compile(second, steps)
		if len(fa)+len(fb) > 0 {
			t.Fatal(fa, fb)
		}
		if Disjoint(a, b) {
			proven++
		}
		for range 20 {
			v := anyView(t)
			x, errX := a.Eval(v)
			y, errY := b.Eval(v)
			if errX != nil || errY != nil {
				t.Fatal(errX, errY)
			}
			if x && y && Disjoint(a, b) {
				t.Fatalf("both hold for %+v:\n%s\n%s", v, a, b)
			}
			if x && a.NeverTrue() || !x && a.AlwaysTrue() {
				t.Fatalf("%s came to %v for %+v", a, x, v)
			}
		}
	})
	if proven == 0 {
		t.Error("nothing was ever proven: the test shows nothing")
	}
}
