package simulate_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/simulate"
)

// drawVersion draws another version of a sequence: steps inserted, removed, renamed,
// reordered, moved in time, sent by other channels. renamed says what became of which.
func drawVersion(t *rapid.T, s *dunning.Sequence, n int) (v *dunning.Sequence, renamed map[string]string) {
	c := *s
	c.Version, c.Steps = fmt.Sprintf("%d", n), slices.Clone(s.Steps)
	renamed = map[string]string{}
	for i := range rapid.IntRange(1, 4).Draw(t, "changes") {
		k := rapid.IntRange(0, len(c.Steps)-1).Draw(t, "which")
		switch rapid.IntRange(0, 6).Draw(t, "change") {
		case 0, 1:
			x := drawWildStep(t, i, rapid.IntRange(-3, 40).Draw(t, "inserted at"))
			x.ID = fmt.Sprintf("n%d-%d", n, i)
			c.Steps = slices.Insert(c.Steps, k, x)
		case 2:
			if len(c.Steps) > 1 {
				c.Steps = slices.Delete(c.Steps, k, k+1)
			}
		case 3:
			from, to := c.Steps[k].ID, fmt.Sprintf("r%d-%d", n, i)
			if s.StepIndex(from) >= 0 {
				renamed[from] = to
				c.Steps[k].ID = to
			}
		case 4:
			o := rapid.IntRange(0, len(c.Steps)-1).Draw(t, "with")
			c.Steps[k], c.Steps[o] = c.Steps[o], c.Steps[k]
		case 5:
			if c.Steps[k].At != nil {
				c.Steps[k].At = days(*c.Steps[k].At + rapid.IntRange(-10, 10).Draw(t, "moved by"))
			}
		case 6:
			x := drawWildStep(t, i, rapid.IntRange(-3, 40).Draw(t, "other at"))
			x.ID = c.Steps[k].ID
			c.Steps[k] = x
		}
	}
	maps.DeleteFunc(renamed, func(_, to string) bool { return c.StepIndex(to) < 0 })
	fixReactions(&c)
	return &c, renamed
}

// fixReactions keeps gotos to steps that there are: the loader takes no others.
func fixReactions(s *dunning.Sequence) {
	for _, r := range []*dunning.Reaction{&s.On.PromiseBroken, &s.On.PlanBroken, &s.On.DisputeRejected} {
		if r.Goto != "" && s.StepIndex(r.Goto) < 0 {
			r.Goto = s.Steps[0].ID
		}
	}
}

// drawMigrations adds migrations between random versions, forward and back, at random
// times, some of which are taken back.
func drawMigrations(t *rapid.T, a *simulate.Account) {
	base := a.Setup.Sequence
	a.Versions = map[string]*dunning.Sequence{base.Version: base}
	maps := map[string]map[string]string{}
	for n := 2; n <= rapid.IntRange(2, 4).Draw(t, "versions"); n++ {
		from := a.Versions[fmt.Sprint(rapid.IntRange(1, n-1).Draw(t, "from version"))]
		v, renamed := drawVersion(t, from, n)
		a.Versions[v.Version], maps[from.Version+">"+v.Version] = v, renamed
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "migrations") {
		at := epoch.Add(time.Duration(rapid.IntRange(0, 120*24*60).Draw(t, "migrated minute")) * time.Minute)
		to, soon := fmt.Sprint(rapid.IntRange(1, len(a.Versions)).Draw(t, "to")), rapid.IntRange(0, 4).Draw(t, "at once") > 0
		c := simulate.Command{At: at, By: "user:3", Pick: func(f dunning.Facts) dunning.Command {
			return dunning.Migrate{ID: fmt.Sprintf("m%d", i), Version: to, Steps: maps[f.Sequence.Version+">"+to], AtOnce: soon, Reason: "test"}
		}}
		if rapid.IntRange(0, 9).Draw(t, "taken back") == 0 {
			c = simulate.Command{At: at, By: "user:3", Command: dunning.CancelMigration{}}
		}
		a.Commands = append(a.Commands, c)
	}
	slices.SortStableFunc(a.Commands, func(x, y simulate.Command) int { return x.At.Compare(y.At) })
}

// TestWildLifeMoves: over random lives with random migrations between random versions
// everything holds that holds without them, no item has a step twice, and none is left out
// without a record.
func TestWildLifeMoves(t *testing.T) {
	moved, waited, waived := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		a := drawWild(t)
		if rapid.IntRange(0, 2).Draw(t, "calm") > 0 { // most wild lives are over before they move far
			a = drawLife(t, 3)
			a.Commands, a.Outages, a.Reply = nil, nil, nil
		}
		drawMigrations(t, &a)
		l := mustRun(t, a)
		checkWakes(t, l)
		checkOpen(t, l)
		checkHolds(t, l)
		checkDistance(t, a, l)
		checkRefold(t, l)
		o := oracle{t: t, l: l, versions: a.Versions, follows: a.Setup.Sequence, items: map[string]*behind{}, planned: map[string]dunning.ContactPlanned{}}
		for _, x := range l.Facts {
			o.fact(x)
		}
		moved, waited, waived = moved+o.moved, waited+o.waited, waived+o.waived
	})
	if moved == 0 || waited == 0 || waived == 0 {
		t.Errorf("%d cases moved, %d after a wait, and %d steps were waived: the lives prove nothing", moved, waited, waived)
	}
}

// behind is what an item has behind it in its round, by the ids of the version followed.
type behind struct {
	round int
	from  int             // index of the step from which the round began
	done  map[string]bool // steps ended as a whole: counted, waived, passed, carried
	left  map[string]map[int]string
}

// oracle walks the facts of a life on its own, without the core's bookkeeping.
type oracle struct {
	t        *rapid.T
	l        simulate.Life
	versions map[string]*dunning.Sequence
	follows  *dunning.Sequence
	items    map[string]*behind
	planned  map[string]dunning.ContactPlanned
	rounds   map[string]map[string]int // contact → item → its round when it was planned
	given    map[string]bool
	asked    time.Time

	moved, waited, waived int
}

func (o *oracle) item(k string) *behind {
	if o.items[k] == nil {
		o.items[k] = &behind{done: map[string]bool{}, left: map[string]map[int]string{}}
	}
	return o.items[k]
}

func (o *oracle) fact(x dunning.Fact) {
	if x.Account != "a" {
		return
	}
	switch b := x.Body.(type) {
	case dunning.MigrationAsked:
		o.asked = x.At
	case dunning.Migrated:
		o.migrated(x, b)
	case dunning.StepPassed:
		o.ends(b.Items, b.Step)
	case dunning.StepCounted:
		o.ends(b.Items, b.Step)
	case dunning.StepsWaived:
		o.ends(b.Items, b.Steps...)
	case dunning.EntryEnded:
		for _, k := range b.Items {
			o.leaves(k, b.Step, b.Entry, "ended")
		}
	case dunning.RoundBegun:
		for _, k := range b.Items {
			i := o.item(k)
			o.items[k] = &behind{round: i.round + 1, from: o.follows.StepIndex(b.Step), done: map[string]bool{}, left: map[string]map[int]string{}}
		}
	case dunning.ContactPlanned:
		o.plans(b)
	case dunning.ContactMoved:
		o.moves(b)
	}
}

func (o *oracle) ends(items []string, steps ...string) {
	for _, k := range items {
		for _, s := range steps {
			o.item(k).done[s] = true
		}
	}
}

func (o *oracle) leaves(key, step string, entry int, contact string) {
	i := o.item(key)
	if i.left[step] == nil {
		i.left[step] = map[int]string{}
	}
	i.left[step][entry] = contact
}

// plans: a contact counts for no step that an item has behind it, and every step before is
// behind it.
func (o *oracle) plans(b dunning.ContactPlanned) {
	o.planned[b.ID] = b
	if o.rounds == nil {
		o.rounds, o.given = map[string]map[string]int{}, map[string]bool{}
	}
	o.rounds[b.ID] = map[string]int{}
	for _, line := range b.Items {
		if line.Step == "" || b.Courtesy() {
			continue
		}
		i := o.item(line.Key)
		o.rounds[b.ID][line.Key] = i.round
		n := o.follows.StepIndex(line.Step)
		if n < 0 {
			o.t.Fatalf("contact %s is for step %s, which version %s does not have\n%s", b.ID, line.Step, o.follows.Version, allFacts(o.l))
		}
		if i.done[line.Step] {
			o.t.Fatalf("contact %s repeats step %s for item %s, which is behind it\n%s", b.ID, line.Step, line.Key, allFacts(o.l))
		}
		for _, s := range o.follows.Steps[max(i.from, 0):n] {
			if !i.done[s.ID] && len(i.left[s.ID]) == 0 {
				o.t.Fatalf("contact %s is for step %s of item %s and step %s was left out without a record\n%s", b.ID, line.Step, line.Key, s.ID, allFacts(o.l))
			}
		}
	}
}

func (o *oracle) moves(b dunning.ContactMoved) {
	p := o.planned[b.ID]
	for _, line := range p.Items {
		if line.Step == "" || p.Courtesy() || o.given[b.ID] || o.rounds[b.ID][line.Key] != o.item(line.Key).round {
			continue
		}
		entry := p.Entry
		if line.Step != p.Step {
			entry = -1
		}
		switch i := o.item(line.Key); b.State {
		case dunning.ContactAccepted:
			if other := i.left[line.Step][entry]; other != "" && other != b.ID && other != "ended" && other != "bounced" {
				o.t.Fatalf("%s repeats %s for item %s, step %s\n%s", b.ID, other, line.Key, line.Step, allFacts(o.l))
			}
			o.leaves(line.Key, line.Step, entry, b.ID)
		case dunning.ContactBounced:
			if i.left[line.Step][entry] == b.ID {
				i.left[line.Step][entry] = "bounced" // it may be sent again by another channel, and need not
			}
		}
	}
	o.given[b.ID] = o.given[b.ID] || b.Code == "unknown_skip" || b.Code == "unknown_resend"
}

// migrated: what was behind an item is behind it by its new name, and what both versions
// have and is not behind it is not waived.
func (o *oracle) migrated(x dunning.Fact, b dunning.Migrated) {
	old, now := o.follows, o.versions[b.Version]
	if old.Version != b.FromVersion || now == nil {
		o.t.Fatalf("the case follows %s and is moved from %s to %s", old.Version, b.FromVersion, b.Version)
	}
	o.moved++
	if x.At.After(o.asked) {
		o.waited++
	}
	both := map[string]bool{}
	name := func(s string) string {
		if n, ok := b.Steps[s]; ok {
			return n
		}
		return s
	}
	for _, s := range old.Steps {
		both[name(s.ID)] = true
	}
	for id, p := range o.planned {
		p.Step, p.Items = name(p.Step), slices.Clone(p.Items)
		for i := range p.Items {
			p.Items[i].Step = name(p.Items[i].Step)
		}
		o.planned[id] = p
	}
	for _, i := range o.items {
		for _, s := range old.Steps { // sent as a whole, and not by the same channels any more: it is over
			if n := now.StepIndex(name(s.ID)); n >= 0 && i.whole(&s) && channels(&s) != channels(&now.Steps[n]) {
				i.done[s.ID] = true
			}
		}
		i.rename(name)
	}
	for _, m := range b.Moves {
		o.waived += len(m.Waived)
		for _, k := range m.Items {
			o.moves1(k, m, both, now)
		}
	}
	o.follows = now
}

// whole reports whether all of a step has left.
func (i *behind) whole(s *dunning.Step) bool {
	left := i.left[s.ID]
	if s.Verb != dunning.VerbSend || len(left) == 0 || slices.Contains(slices.Collect(maps.Values(left)), "bounced") {
		return false
	}
	return left[-1] != "" || s.Complete == dunning.CompleteAny || len(left) == len(s.Send)
}

func channels(s *dunning.Step) string {
	text := string(s.Verb) + string(s.Complete)
	for _, e := range s.Send {
		text += " " + string(e.Channel)
		for _, o := range e.Else {
			text += "/" + string(o.Channel)
		}
	}
	return text
}

func (i *behind) rename(name func(string) string) {
	done, left := map[string]bool{}, map[string]map[int]string{}
	for s := range i.done {
		done[name(s)] = true
	}
	for s, by := range i.left {
		if left[name(s)] == nil {
			left[name(s)] = map[int]string{}
		}
		maps.Copy(left[name(s)], by)
	}
	i.done, i.left = done, left
}

func (o *oracle) moves1(k string, m dunning.ItemsMoved, both map[string]bool, now *dunning.Sequence) {
	i := o.item(k)
	i.from = 0
	o.ends([]string{k}, m.Carried...)
	for _, s := range m.Waived {
		if both[s] && m.Standing == dunning.InSequence && now.Entry != dunning.EntryMatching && len(i.left[s]) == 0 {
			o.t.Fatalf("step %s of item %s is waived, and both versions have it\n%s", s, k, allFacts(o.l))
		}
	}
	o.ends([]string{k}, m.Waived...)
}

// TestWhatAMigrationWaitsFor cuts scenarios off the day after somebody asked for another
// version, and checks what people are told: why the case has not moved, and until when.
func TestWhatAMigrationWaitsFor(t *testing.T) {
	for _, c := range []struct {
		scenario, why, until string
	}{
		{"promise", "promise", "2024-03-11 00:00"},
		{"plan", "plan", ""},
		{"settlement", "settlement", "2024-03-13 00:00"},
		{"settlement-offered", "offer", "2024-03-13 00:00"},
		{"lease", "lease", ""},
		{"offer", "offer", "2024-03-12 00:00"},
		{"unknown", "unknown", ""},
		{"task", "task:call", ""},
		{"entries-changed", "delivery", ""},
		{"half-sent-removed", "step", ""},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			arc, err := txtar.ParseFile(filepath.Join(corpus, "migrate-"+c.scenario+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			cut := dayAfterAsked(t, arc)
			for i := range arc.Files {
				if f := &arc.Files[i]; f.Name == "case.yaml" {
					f.Data = regexp.MustCompile(`(?m)^until: .*$`).ReplaceAll(f.Data, []byte("until: "+cut))
				}
			}
			life, zone := scenarioLife(t, arc)
			at, err := time.ParseInLocation(time.DateOnly, cut, zone)
			if err != nil {
				t.Fatal(err)
			}
			_, p, ok := dunning.WaitingMigration(life.Final, at)
			if !ok || p.Outcome != dunning.MigrationWaits || p.Why != c.why {
				t.Fatalf("waits %v, outcome %q, why %q, want %q\n%s", ok, p.Outcome, p.Why, c.why, simulate.Print(life.Events(), zone))
			}
			if got := p.Until.In(zone).Format("2006-01-02 15:04"); c.until != "" && got != c.until {
				t.Errorf("until %s, want %s", got, c.until)
			}
		})
	}
}

// dayAfterAsked is the day after the first migration of a scenario was asked for.
func dayAfterAsked(t *testing.T, arc *txtar.Archive) string {
	t.Helper()
	m := regexp.MustCompile(`at: (\d{4}-\d\d-\d\d)[^}]*do: migrate`).FindSubmatch(section(arc, "case.yaml"))
	if m == nil {
		t.Fatal("nobody asks for a migration")
	}
	day, err := time.Parse(time.DateOnly, string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return day.AddDate(0, 0, 1).Format(time.DateOnly)
}
