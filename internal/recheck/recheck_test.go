package recheck_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/simulate"
)

// journal is a simulated life as a journal.
type journal struct {
	life      simulate.Life
	decisions []dunning.StoredDecision
	setup     dunning.Setup
	changed   []string
}

func (j *journal) AllDecisions(_ context.Context, after int64, limit int) ([]dunning.StoredDecision, int64, error) {
	rest := j.decisions[after:]
	rest = rest[:min(limit, len(rest))]
	return rest, after + int64(len(rest)), nil
}

func (j *journal) CaseRef(_ context.Context, id string) (dunning.CaseRef, error) {
	return dunning.CaseRef{Case: id, Account: "a", Debtor: "d"}, nil
}

func (j *journal) FactsAsOf(_ context.Context, _ string, version int64) ([]dunning.Fact, error) {
	return slices.DeleteFunc(slices.Clone(j.life.Facts), func(x dunning.Fact) bool { return x.Version > version }), nil
}

func (j *journal) FrameOf(_ context.Context, ref dunning.CaseRef, _ dunning.StoredDecision) (recheck.Frame, error) {
	s := j.setup
	s.Case = ref.Case
	return recheck.Frame{Setup: s, Changed: j.changed}, nil
}

func (j *journal) FrameNow(_ context.Context, ref dunning.CaseRef) (recheck.Frame, error) {
	s := j.setup
	s.Case = ref.Case
	return recheck.Frame{Setup: s}, nil
}

func lived(t *testing.T) *journal {
	t.Helper()
	days := func(n int) *int { return &n }
	seq := &dunning.Sequence{ID: "s", Version: "1", Spacing: 3, Steps: []dunning.Step{
		{ID: "one", At: days(3), Verb: dunning.VerbSend, Send: []dunning.Channeled{{Channel: dunning.Email, Template: "t"}}},
		{ID: "two", At: days(5), Verb: dunning.VerbSend, Send: []dunning.Channeled{{Channel: dunning.Email, Template: "t"}}},
		{ID: "call", At: days(9), Verb: dunning.VerbCall, Call: &dunning.CallStep{Queue: "q", Attempts: 1, Within: 2}},
	}}
	setup := dunning.Setup{
		Creditor: dunning.Creditor{ID: "c", Zone: "UTC"}, Debtor: "d", Account: "a", Currency: "EUR", Sequence: seq, Record: true,
		Zone: func(string) *time.Location { return time.UTC },
	}
	start := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	life, err := simulate.Run(simulate.Account{Setup: setup, Facts: []dunning.Fact{
		{At: start, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
		{At: start, Account: "a", Body: dunning.Item{Key: "A", Issued: dunning.Date{Year: 2024, Month: 2, Day: 1}, Due: dunning.Date{Year: 2024, Month: 3, Day: 1}, Amount: money.MustParse("10", "EUR")}},
	}}, start.AddDate(0, 2, 0))
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{life: life, setup: setup}
	for i, d := range life.Decisions {
		j.decisions = append(j.decisions, dunning.StoredDecision{ID: fmt.Sprint(i), Case: "a", Decision: d, Core: dunning.CoreVersion})
	}
	return j
}

func run(t *testing.T, j *journal) (recheck.Summary, []recheck.Difference) {
	t.Helper()
	var diffs []recheck.Difference
	sum, err := recheck.Run(t.Context(), j, j, func(d recheck.Difference) error { diffs = append(diffs, d); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return sum, diffs
}

func TestUntouchedJournalIsTheSame(t *testing.T) {
	j := lived(t)
	sum, diffs := run(t, j)
	if len(diffs) > 0 || sum.Checked != len(j.decisions) || sum.Checked < 8 || sum.By[recheck.Same] != sum.Checked {
		t.Errorf("%+v, differences %+v", sum, diffs)
	}
}

func TestWhatDiffersIsFound(t *testing.T) {
	for _, c := range []struct {
		about  string
		change func(j *journal)
		want   recheck.Verdict
	}{
		{"a decision that says another step", func(j *journal) { j.decisions[3].Decision.Step = "two" }, recheck.Wrong},
		{"a wake-up an hour off", func(j *journal) { j.decisions[0].Decision.WakeAt = j.decisions[0].Decision.WakeAt.Add(time.Hour) }, recheck.Wrong},
		{"a payment that was committed before, and is not there any more in what was decided", func(j *journal) {
			j.life.Facts = slices.Insert(j.life.Facts, 2, dunning.Fact{Version: 2, At: j.life.Facts[1].At, Account: "a", Body: dunning.Payment{ID: "p", Amount: money.MustParse("10", "EUR")}})
		}, recheck.Wrong},
		{"another sequence, known to be another", func(j *journal) {
			s := *j.setup.Sequence
			s.Spacing, s.Steps = 9, s.Steps[1:]
			j.setup.Sequence, j.changed = &s, []string{"sequence"}
		}, recheck.Changed},
		{"a decision of an older core that decides otherwise", func(j *journal) {
			j.decisions[3].Decision.Step, j.decisions[3].Core = "two", "0"
		}, recheck.Changed},
	} {
		t.Run(c.about, func(t *testing.T) {
			j := lived(t)
			c.change(j)
			sum, diffs := run(t, j)
			if sum.By[c.want] == 0 || len(diffs) == 0 {
				t.Errorf("%+v, want some %s", sum, c.want)
			}
			for _, d := range diffs {
				if d.Verdict != c.want {
					t.Errorf("decision %s is %s", d.Decision, d.Verdict)
				}
			}
		})
	}
}

func TestShellDecisionsAreCountedApart(t *testing.T) {
	j := lived(t)
	j.decisions[2].Decision.Rule = "shell:channel_closed"
	if sum, diffs := run(t, j); sum.By[recheck.Shell] != 1 || len(diffs) > 0 {
		t.Errorf("%+v %+v", sum, diffs)
	}
}
