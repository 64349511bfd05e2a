package operate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		about, before, after, want string
	}{
		{"the same is the same", "a b", "a b", " a, b"},
		{"a changed line goes and comes", "a b c", "a x c", " a,-b,+x, c"},
		{"a new line at the end", "a", "a b", " a,+b"},
		{"a line that goes from the middle", "a b c", "a c", " a,-b, c"},
		{"everything new", "", "a b", "+a,+b"},
		{"everything gone", "a b", "", "-a,-b"},
		{"a block that moves keeps the longer part", "x a b c", "a b c x", "-x, a, b, c,+x"},
	} {
		t.Run(c.about, func(t *testing.T) {
			var got []string
			for _, l := range diff(strings.Fields(c.before), strings.Fields(c.after)) {
				op := l.Op
				if op == "" {
					op = " "
				}
				got = append(got, op+l.Text)
			}
			if strings.Join(got, ",") != c.want {
				t.Errorf("%q, want %q", strings.Join(got, ","), c.want)
			}
		})
	}
}

// TestDiffHoldsBothFiles: what is kept and gone is the old file, what is kept and new the
// new one, with the numbers of their lines.
func TestDiffHoldsBothFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ""}), 0, 12)
		before, after := lines.Draw(t, "before"), lines.Draw(t, "after")
		var was, is []string
		for _, l := range diff(before, after) {
			if l.Op != "+" {
				was = append(was, l.Text)
				if l.Old != len(was) {
					t.Fatalf("line %q is number %d of the old file, shown as %d", l.Text, len(was), l.Old)
				}
			}
			if l.Op != "-" {
				is = append(is, l.Text)
				if l.New != len(is) {
					t.Fatalf("line %q is number %d of the new file, shown as %d", l.Text, len(is), l.New)
				}
			}
		}
		if !slices.Equal(was, before) || !slices.Equal(is, after) {
			t.Fatalf("the diff of %q and %q holds %q and %q", before, after, was, is)
		}
	})
}

func TestHugeFilesAreReplacedAsAWhole(t *testing.T) {
	var before, after []string
	for i := range 2500 {
		before, after = append(before, fmt.Sprint("b", i)), append(after, fmt.Sprint("a", i))
	}
	if got := diff(before, after); len(got) != 5000 || got[0].Op != "-" || got[4999].Op != "+" {
		t.Errorf("%d lines, first %v, last %v", len(got), got[0], got[len(got)-1])
	}
}

func TestNearLeavesOutWhatIsFar(t *testing.T) {
	all := make([]line, 40)
	all[20].Op = "+"
	got := near(all)
	if len(got) != 2*around+3 || got[0].Op != "…" || got[len(got)-1].Op != "…" || got[around+1].Op != "+" {
		t.Errorf("%d lines: %v", len(got), got)
	}
}
