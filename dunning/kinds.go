package dunning

import (
	"maps"
	"slices"
)

// Kinds are all kinds of facts, in the order of their names.
func Kinds() []Kind { return slices.Sorted(maps.Keys(bodies)) }
