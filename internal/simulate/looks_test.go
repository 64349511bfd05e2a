package simulate_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/simulate"
)

// looksMore is a life in which the case is looked at more often: nudges that come twice,
// sweeps, people who press "look again".
func looksMore(t *rapid.T, a simulate.Account) simulate.Account {
	a.Commands = slices.Clone(a.Commands)
	for range rapid.IntRange(1, 60).Draw(t, "looks") {
		at := epoch.Add(time.Duration(rapid.IntRange(0, 160*24*4).Draw(t, "quarter_of_an_hour")) * 15 * time.Minute)
		a.Commands = append(a.Commands, simulate.Command{At: at, By: "nobody", Pick: func(dunning.Facts) dunning.Command { return nil }})
	}
	slices.SortStableFunc(a.Commands, func(x, y simulate.Command) int { return x.At.Compare(y.At) })
	return a
}

// happened are the events of a life but for what was put off, a line each; those of one
// instant in one order.
func happened(l simulate.Life) []string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, e := range l.Events() {
		if e.Kind == "deferred" {
			continue
		}
		e.At, e.NotBefore = e.At.UTC(), e.NotBefore.UTC()
		b, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		lines = append(lines, line{e.At, string(b)})
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.text, b.text)) })
	out := make([]string, len(lines))
	for i, x := range lines {
		out[i] = x.text
	}
	return out
}

// calmed is a life whose sequences ask for no conditions, in every version.
func calmed(a simulate.Account) simulate.Account {
	a.Setup.Sequence = unconditional(a.Setup.Sequence)
	versions := map[string]*dunning.Sequence{}
	for k, s := range a.Versions {
		versions[k] = unconditional(s)
	}
	if len(versions) > 0 {
		a.Versions = versions
	}
	return a
}

// sameLife fails when a life goes another way because somebody looks at it more often.
func sameLife(t *rapid.T, a simulate.Account) simulate.Life {
	b := looksMore(t, a)
	l := mustRun(t, a)
	once, often := happened(l), happened(mustRun(t, b))
	for i := range max(len(once), len(often)) {
		if i >= len(once) || i >= len(often) || once[i] != often[i] {
			t.Fatalf("event %d differs.\nas planned:\n%s\nlooked at more often:\n%s", i, strings.Join(once[max(0, i-3):min(len(once), i+3)], "\n"),
				strings.Join(often[max(0, i-3):min(len(often), i+3)], "\n"))
		}
	}
	return l
}

// TestLookingMoreOftenMovesNothing: when a case moves to another version of its sequence,
// and what it does afterwards, does not depend on how often it is looked at either.
func TestLookingMoreOftenMovesNothing(t *testing.T) {
	late := 0
	rapid.Check(t, func(t *rapid.T) {
		a := drawWild(t)
		if rapid.IntRange(0, 2).Draw(t, "calm") > 0 {
			a = drawLife(t, 3)
			a.Commands, a.Outages, a.Reply = nil, nil, nil
		}
		drawMigrations(t, &a)
		var asked time.Time
		for _, x := range sameLife(t, calmed(a)).Facts {
			switch x.Body.(type) {
			case dunning.MigrationAsked:
				asked = x.At
			case dunning.Migrated:
				if x.At.After(asked) {
					late++
				}
			}
		}
	})
	if late == 0 {
		t.Error("no case moved later than it was asked to: the lives prove nothing")
	}
}

// TestLookingMoreOftenChangesNothing: a plan names the instant at which something changes.
// If a look before it found something else, what happens would depend on when nudges come.
func TestLookingMoreOftenChangesNothing(t *testing.T) {
	law := packs(t, lawAndCalendars(t), []string{"us-federal", "house"})
	rapid.Check(t, func(t *rapid.T) {
		a := drawWild(t)
		a.Setup.Sequence = unconditional(a.Setup.Sequence)
		if rapid.IntRange(0, 3).Draw(t, "law") == 0 {
			a.Setup.Policies = law
			a.Facts = append([]dunning.Fact{{At: epoch, Body: dunning.DebtorKnown{DebtorKind: "consumer", Country: "US", Places: []string{"US"}, Zones: []string{"America/New_York", "America/Los_Angeles"}}}}, a.Facts[1:]...)
		}
		sameLife(t, a)
	})
}
