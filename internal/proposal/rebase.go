package proposal

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
)

// Conflict says which files were changed both in a proposal and by a release that came
// into force since.
type Conflict struct{ Paths []string }

func (c *Conflict) Error() string {
	return "Changed here and, since, by another release: " + strings.Join(c.Paths, ", ") + ". Compare with the release in force, and bring the two together in these files."
}

// Unwrap makes it a dunning.ErrConflict.
func (c *Conflict) Unwrap() error { return dunning.ErrConflict }

// Rebase carries the changes from base to mine over to current, whole files at a time: a
// file changed on one side only is taken from there. A file that both changed, to
// something different, is a *Conflict; all of them are named, and nothing is merged.
func Rebase(base, mine, current map[string][]byte) (map[string][]byte, error) {
	out, conflict := map[string][]byte{}, &Conflict{}
	for _, path := range slices.Sorted(maps.Keys(union(base, mine, current))) {
		from := current
		switch {
		case same(base, mine, path) || same(mine, current, path):
		case same(base, current, path):
			from = mine
		default:
			conflict.Paths = append(conflict.Paths, path)
		}
		if data, is := from[path]; is {
			out[path] = data
		}
	}
	if len(conflict.Paths) > 0 {
		return nil, conflict
	}
	return out, nil
}

func union(all ...map[string][]byte) map[string]bool {
	out := map[string]bool{}
	for _, m := range all {
		for path := range m {
			out[path] = true
		}
	}
	return out
}

// same reports whether two configurations hold the same file, or neither holds it.
func same(a, b map[string][]byte, path string) bool {
	x, inA := a[path]
	y, inB := b[path]
	return inA == inB && bytes.Equal(x, y)
}
