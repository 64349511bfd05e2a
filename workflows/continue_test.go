package workflows

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// life is a long script with every verb, waits of all kinds, and nudges.
func life() []step {
	var steps []step
	for range 4 {
		steps = append(
			steps,
			step{verb: "send", in: hours(24)}, step{verb: "look", in: hours(5)}, step{verb: "call", in: -hours(1)},
			step{verb: "offer_plan", in: hours(48)}, step{verb: "escalate", in: hours(1)}, step{verb: "look", in: forever},
			step{verb: "refer", in: hours(7)},
		)
	}
	return closing(steps...)
}

// runAcross runs a life that is cut by continue-as-new after every n activities
// (0 = never), and returns all calls and the number of runs. Nudges arrive at fixed
// instants since t0, some of them exactly when a run is about to be cut.
func runAcross(t *testing.T, n int, nudges []time.Duration) ([]string, int) {
	t.Helper()
	s := &script{steps: life()}
	in, at := Input{Case: "c"}, t0
	for runs := 1; ; runs++ {
		if runs > 200 {
			t.Fatal("the life does not end")
		}
		e := env(t, s, at)
		since := len(s.calls)
		s.each = func(total int) { e.SetContinueAsNewSuggested(n > 0 && total-since >= n) }
		for _, d := range nudges {
			if wait := t0.Add(d).Sub(at); wait > 0 {
				e.RegisterDelayedCallback(func() { e.SignalWorkflow(Nudge.Name, Nudged{}) }, wait)
			}
		}
		e.ExecuteWorkflow(CaseType, in)
		err := e.GetWorkflowError()
		if err == nil {
			return s.calls, runs
		}
		var again *workflow.ContinueAsNewError
		if !errors.As(err, &again) {
			t.Fatal(err)
		}
		in = Input{}
		if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); err != nil {
			t.Fatal(err)
		}
		at = e.Now()
	}
}

// TestContinueAnywhere: wherever a case is cut, the activities run in the same order,
// at the same instants, with the same intents.
func TestContinueAnywhere(t *testing.T) {
	nudges := []time.Duration{hours(3), hours(90), hours(200), hours(201), hours(400), hours(500), hours(600), hours(1000)}
	want, runs := runAcross(t, 0, nudges)
	if runs != 1 || len(want) != len(life()) {
		t.Fatalf("uncut: %d runs, %d calls: %q", runs, len(want), want)
	}
	for _, n := range []int{1, 2, 3, 5, 7, 11, 1000} {
		t.Run(fmt.Sprintf("cut after every %d activities", n), func(t *testing.T) {
			got, runs := runAcross(t, n, nudges)
			if !slices.Equal(got, want) {
				t.Fatalf("calls differ\n got %q\nwant %q", got, want)
			}
			if cut := n < len(want); cut != (runs > 1) {
				t.Fatalf("%d runs for cuts after every %d of %d activities", runs, n, len(want))
			}
		})
	}
}

// TestNudgeCarried: a nudge that is there when a run is cut is not lost with it.
func TestNudgeCarried(t *testing.T) {
	s := &script{steps: closing(step{verb: "send", in: hours(24)}, step{verb: "look", in: hours(1)})}
	e := env(t, s, t0)
	s.each = func(int) {
		e.SignalWorkflow(Nudge.Name, Nudged{})
		e.SetContinueAsNewSuggested(true)
	}
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	var again *workflow.ContinueAsNewError
	if err := e.GetWorkflowError(); !errors.As(err, &again) {
		t.Fatalf("got %v, want continue as new", err)
	}
	var in Input
	if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); err != nil {
		t.Fatal(err)
	}
	if in.Carried == nil || !in.Carried.Nudged || in.Carried.Next.DecisionID != "d1" {
		t.Fatalf("carried %+v, want the nudge and decision d1", in.Carried)
	}
}
