package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// How an event of one life differs in another.
const (
	Moved    = "moved"    // it happens at another instant
	Vanished = "vanished" // it does not happen any more
	Appeared = "new"      // it did not happen before
)

// Difference is one event that differs between two lives of the same account.
type Difference struct {
	What    string          `json:"what"` // moved, vanished, new
	Account string          `json:"account"`
	Kind    string          `json:"kind"` // of the event
	Step    string          `json:"step,omitempty"`
	Channel dunning.Channel `json:"channel,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Items   []string        `json:"items,omitempty"` // keys of those that count for the step
	Before  time.Time       `json:"before,omitzero"` // zero: new
	After   time.Time       `json:"after,omitzero"`  // zero: vanished
}

// quiet are kinds of event that are about deciding and not about the debtor: they explain
// the others and are not compared.
var quiet = []string{"deferred", "opened", "passed", "waived", "round"}

// Compare finds what differs between two lives of one account: pairs of the same kind,
// step, channel and items first, then of the same kind, step and channel, each in order of
// time. Ordered by the earlier instant.
func Compare(before, after []dunning.Event) []Difference {
	c := comparison{a: loud(before), b: loud(after)}
	c.usedA, c.usedB = make([]bool, len(c.a)), make([]bool, len(c.b))
	c.pair(func(e dunning.Event) string { return brief(e) + "\x00" + strings.Join(counted(e), "\x00") })
	c.pair(brief)
	for i, e := range c.a {
		if !c.usedA[i] {
			c.out = append(c.out, differs(Vanished, e, e.At, time.Time{}))
		}
	}
	for i, e := range c.b {
		if !c.usedB[i] {
			c.out = append(c.out, differs(Appeared, e, time.Time{}, e.At))
		}
	}
	slices.SortStableFunc(c.out, func(x, y Difference) int { return x.first().Compare(y.first()) })
	return c.out
}

type comparison struct {
	a, b         []dunning.Event
	usedA, usedB []bool
	out          []Difference
}

// pair matches what has the same key and is not matched yet, in order.
func (c *comparison) pair(key func(dunning.Event) string) {
	waiting := map[string][]int{}
	for i, e := range c.b {
		if !c.usedB[i] {
			waiting[key(e)] = append(waiting[key(e)], i)
		}
	}
	for i, e := range c.a {
		k := key(e)
		if c.usedA[i] || len(waiting[k]) == 0 {
			continue
		}
		j := waiting[k][0]
		waiting[k] = waiting[k][1:]
		c.usedA[i], c.usedB[j] = true, true
		if !e.At.Equal(c.b[j].At) {
			c.out = append(c.out, differs(Moved, e, e.At, c.b[j].At))
		}
	}
}

func loud(events []dunning.Event) []dunning.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e dunning.Event) bool { return slices.Contains(quiet, e.Kind) })
}

func brief(e dunning.Event) string {
	return strings.Join([]string{e.Account, e.Kind, e.Step, string(e.Channel), e.Reason}, "\x00")
}

// counted are the keys of the items that the event is about, sorted.
func counted(e dunning.Event) []string {
	var out []string
	for _, i := range e.Items {
		if i.Step != nil || e.Kind != "contact" {
			out = append(out, i.Key)
		}
	}
	slices.Sort(out)
	return out
}

func differs(what string, e dunning.Event, before, after time.Time) Difference {
	return Difference{
		What: what, Account: e.Account, Kind: e.Kind, Step: e.Step, Channel: e.Channel, Reason: e.Reason, Items: counted(e), Before: before, After: after,
	}
}

func (d Difference) first() time.Time {
	if d.Before.IsZero() || !d.After.IsZero() && d.After.Before(d.Before) {
		return d.After
	}
	return d.Before
}

// SortDifferences orders the differences of many accounts by instant, then account.
func SortDifferences(all []Difference) {
	slices.SortStableFunc(all, func(a, b Difference) int {
		return cmp.Or(a.first().Compare(b.first()), cmp.Compare(a.Account, b.Account))
	})
}
