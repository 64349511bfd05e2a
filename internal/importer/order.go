package importer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/dunning"
)

func itoa(n int) string { return strconv.Itoa(n) }

// precedence orders facts of one instant: what is known of the debtor first,
// then debts, then what happened to them; money before the end of a dispute
// that it brings.
var precedence = map[dunning.Kind]int{
	"debtor_known": 1, "point_known": 2, "item": 3, "item_corrected": 4,
	"dispute_raised": 5, "payment": 6, "payment_reversed": 7, "dispute_resolved": 8,
}

// inTimeOrder sorts facts by instant, then precedence, then source, so that
// the order of a file's rows does not matter. What is said of a debtor keeps the
// order of the file: the last word counts.
func inTimeOrder(facts []dunning.Fact) {
	slices.SortStableFunc(facts, func(a, b dunning.Fact) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		kind := a.Body.Kind()
		if c := precedence[kind] - precedence[b.Body.Kind()]; c != 0 || kind == "debtor_known" {
			return c
		}
		return strings.Compare(a.Source, b.Source)
	})
}
