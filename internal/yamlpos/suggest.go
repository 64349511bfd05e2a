package yamlpos

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest returns `did you mean "x"?` for the nearest of the known words, the
// list of them when it is short, or "".
func Suggest(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	sorted := slices.Sorted(slices.Values(known))
	sorted = slices.DeleteFunc(slices.Compact(sorted), func(s string) bool { return s == "" })
	if len(sorted) == 0 || len(sorted) > 12 {
		return ""
	}
	return "known: " + strings.Join(sorted, ", ")
}

// Nearest returns the known word that a person most probably meant, or "" when
// none is near. Of equally near words the first in sorted order wins.
func Nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, at := "", 1+max(1, len([]rune(word))/3)
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(fold(word), fold(k)); d < at && k != word {
			best, at = k, d
		}
	}
	if best != "" {
		return best
	}
	for _, k := range slices.Sorted(slices.Values(known)) {
		if len(k) >= 3 && strings.HasPrefix(strings.ToLower(word), k) && len(word) > len(k) {
			return k // tuesday for tue
		}
	}
	return ""
}

var joiners = strings.NewReplacer("-", "", "_", "", " ", "")

// fold makes letter case, hyphens and underscores not count as mistakes.
func fold(s string) []rune {
	return []rune(strings.ToLower(joiners.Replace(s)))
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	var before []int
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev = prev, cur
	}
	return prev[len(b)]
}
