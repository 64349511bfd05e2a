package app

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/simulate"
	"github.com/duly/duly/workflows"
)

// versionOfConsumers publishes the shipped configuration with a change to the consumers'
// sequence, and returns its version.
func (s *site) versionOfConsumers(old, changed string) string {
	s.t.Helper()
	const file = "sequences/consumer-standard.yaml"
	out := fstest.MapFS{}
	s.must(fs.WalkDir(os.DirFS("../../config"), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(os.DirFS("../../config"), p)
		if p == file {
			if !strings.Contains(string(b), old) {
				s.t.Fatalf("%s does not contain %q", file, old)
			}
			b = []byte(strings.Replace(string(b), old, changed, 1))
		}
		out[p] = &fstest.MapFile{Data: b}
		return err
	}))
	if _, _, err := Publish(s.t.Context(), s.store, out, "test", s.clock.time()); err != nil {
		s.t.Fatal(err)
	}
	s.book.Forget()
	cfg, err := s.book.Current(s.t.Context())
	s.must(err)
	return cfg.Sequence("consumer-standard").Version
}

// inserted is a step between the first two of the consumers' sequence.
const inserted = "  - id: reminder-two\n    at: +5d\n    send: [{email: friendly-reminder}]\n  - id: nudge\n"

// TestCaseMovesOnPostgres lives a case through the real workflow, activities, database and
// sandbox, and moves it to a newer version twice and back: the steps in between leave in
// their time, nothing leaves twice, every decision comes out the same again, and the
// simulator tells the same story.
func TestCaseMovesOnPostgres(t *testing.T) {
	s := newSite(t)
	cfg, err := s.book.Current(t.Context())
	s.must(err)
	first := cfg.Sequence("consumer-standard").Version
	s.debtor("D1", "300.00", date(1))
	if sum, err := s.starter().Run(t.Context(), StartOptions{}); err != nil || sum.Opened != 1 {
		t.Fatalf("starter: %+v, %v", sum, err)
	}
	nudges, err := s.store.Undelivered(t.Context(), 10)
	s.must(err)
	id := nudges[0].Case
	second := s.versionOfConsumers("  - id: nudge\n", inserted)
	third := s.versionOfConsumers("at: +14d", "at: +17d")

	e := s.environment()
	var faults []error
	order := func(after time.Duration, cmd dunning.Command) {
		e.RegisterDelayedCallback(func() {
			if _, err := s.commands().Do(context.Background(), id, cmd, "user:ops"); err != nil {
				faults = append(faults, err)
			}
			e.SignalWorkflow(workflows.Nudge.Name, workflows.Nudged{})
		}, after)
	}
	day := 24 * time.Hour
	order(3*day, dunning.Migrate{ID: "m1", Version: second, Reason: "one more email"}) // 5 March: the first email left on the 4th
	order(10*day, dunning.Migrate{ID: "m2", Version: third, Reason: "later offers"})
	order(12*day, dunning.Migrate{ID: "m3", Version: first, Reason: "as it was"})
	order(22*day, dunning.Recall{Reason: "end of the test"})
	e.ExecuteWorkflow(workflows.CaseType, workflows.Input{Case: id})
	if err := e.GetWorkflowError(); err != nil || len(faults) > 0 {
		t.Fatalf("workflow: %v, commands: %v", err, faults)
	}

	ref, err := s.store.CaseRef(t.Context(), id)
	s.must(err)
	if ref.Version != first || ref.TargetVersion != "" {
		t.Errorf("the case follows %s and is to follow %q, want %s", ref.Version, ref.TargetVersion, first)
	}
	facts, err := s.store.FactsAsOf(t.Context(), ref.Debtor, 1<<40)
	s.must(err)
	story := storyOf(facts, ref)
	want := `2026-03-04 contact friendly-email
2026-03-05 migrated nudge→reminder-two
2026-03-09 contact reminder-two
2026-03-12 contact nudge
2026-03-12 migrated offer-plan→offer-plan
2026-03-14 migrated offer-plan→offer-plan
2026-03-16 contact offer-plan
2026-03-24 closed recalled
`
	if story != want {
		t.Errorf("the case's story is\n%swant\n%s", story, want)
	}
	s.rechecks()
	if again := s.simulated(facts, ref, map[string]string{"1": first, "2": second, "3": third}); again != want {
		t.Errorf("the simulator tells\n%s", again)
	}
}

// rechecks derives every decision again.
func (s *site) rechecks() {
	s.t.Helper()
	targets := 0
	all, _, err := s.store.AllDecisions(s.t.Context(), 0, 10_000)
	s.must(err)
	for _, d := range all {
		if d.Decision.Target != "" {
			targets++
		}
	}
	if targets < 3 {
		s.t.Errorf("%d decisions name the version that the case was to move to, want at least one for each move", targets)
	}
	sum, err := recheck.Run(s.t.Context(), s.store, s.book, func(d recheck.Difference) error {
		s.t.Errorf("decision %s is %s (%v):\n%+v\nagain\n%+v %s", d.Decision, d.Verdict, d.Changed, d.Stored, d.Again, d.Error)
		return nil
	})
	s.must(err)
	if sum.Checked != len(all) {
		s.t.Errorf("%d of %d decisions were checked", sum.Checked, len(all))
	}
}

// storyOf is what left, what moved and how it ended, by day.
func storyOf(facts []dunning.Fact, ref dunning.CaseRef) string {
	var b strings.Builder
	planned := map[string]dunning.ContactPlanned{}
	for _, x := range facts {
		line := ""
		switch body := x.Body.(type) {
		case dunning.ContactPlanned:
			planned[body.ID] = body
		case dunning.ContactMoved:
			if body.State == dunning.ContactAccepted {
				line = "contact " + planned[body.ID].Step
				delete(planned, body.ID)
			}
		case dunning.Migrated:
			line = "migrated " + body.Moves[0].From + "→" + body.Moves[0].To
		case dunning.CaseClosed:
			line = "closed " + body.Reason
		}
		if line != "" && line != "contact " {
			b.WriteString(x.At.UTC().Format(time.DateOnly) + " " + line + "\n")
		}
	}
	return b.String()
}

// simulated lives the same outside facts and commands under the simulated clock.
func (s *site) simulated(facts []dunning.Fact, ref dunning.CaseRef, versions map[string]string) string {
	s.t.Helper()
	named := map[string]*dunning.Sequence{}
	for _, v := range versions {
		seq, _, err := s.book.Sequence(s.t.Context(), "consumer-standard", v)
		s.must(err)
		named[v] = seq
	}
	ref.Version = versions["1"]
	setup, err := s.book.Setup(s.t.Context(), ref)
	s.must(err)
	setup.Case = ""
	acc := simulate.Account{Setup: setup, Versions: named, Cases: []string{ref.Case}}
	for _, x := range facts {
		switch b := x.Body.(type) {
		case dunning.Item, dunning.DebtorKnown, dunning.PointKnown, dunning.Consented, dunning.FeedSeen:
			acc.Facts = append(acc.Facts, x)
		case dunning.MigrationAsked:
			acc.Commands = append(acc.Commands, simulate.Command{At: x.At, By: x.By, Command: dunning.Migrate{ID: b.ID, Version: b.Version, Reason: b.Reason}})
		case dunning.ItemsDisposed:
			acc.Commands = append(acc.Commands, simulate.Command{At: x.At, By: x.By, Command: dunning.Recall{Reason: b.Reason}})
		}
	}
	slices.SortStableFunc(acc.Commands, func(a, b simulate.Command) int { return a.At.Compare(b.At) })
	life, err := simulate.Run(acc, start.AddDate(0, 2, 0))
	s.must(err)
	return storyOf(life.Facts, ref)
}

// TestATargetThatCannotBeReadKeepsItsCaseNot: a migration that waits leads to a version that
// this program cannot compile any more. The migration waits; the case is looked at as ever,
// and goes on by the version that it follows.
func TestATargetThatCannotBeReadKeepsItsCaseNot(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	s.debtor("D1", "300.00", date(1))
	if sum, err := s.starter().Run(ctx, StartOptions{}); err != nil || sum.Opened != 1 {
		t.Fatalf("starter: %+v, %v", sum, err)
	}
	nudges, err := s.store.Undelivered(ctx, 10)
	s.must(err)
	id := nudges[0].Case
	second := s.versionOfConsumers("  - id: nudge\n", inserted)
	s.versionOfConsumers("at: +14d", "at: +17d")
	_, err = s.commands().Do(ctx, id, dunning.MakePromise{ID: "p", Amount: money.MustParse("300.00", "USD"), Due: date(20)}, "user:1")
	s.must(err)
	_, err = s.commands().Do(ctx, id, dunning.Migrate{ID: "m", Version: second, Reason: "one more email"}, "user:1")
	s.must(err)
	s.look(id)
	for _, sql := range []string{
		"ALTER TABLE release_files DISABLE TRIGGER USER",
		`UPDATE release_files SET content = 'sequence: [' WHERE path = 'sequences/consumer-standard.yaml' AND release IN (SELECT release FROM sequence_versions WHERE version = '` + second + "')",
		"ALTER TABLE release_files ENABLE TRIGGER USER",
	} {
		if _, err := s.store.Pool().Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	s.book = NewBook(s.store, clock.Wall) // another program
	ref, err := s.store.CaseRef(ctx, id)
	s.must(err)
	if setup, err := s.book.Setup(ctx, ref); err != nil || setup.Target != nil || ref.TargetVersion != second {
		t.Fatalf("the version is read after all: %v, %v", setup.Target.Name(), err)
	}
	s.look(id)
	_, err = s.commands().Do(ctx, id, dunning.CancelMigration{}, "user:1")
	s.must(err)
	s.look(id)
}
