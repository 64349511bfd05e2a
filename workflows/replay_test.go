package workflows

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// histories are recorded from real runs, by go test ./shell -record in standalone, with the
// release that wrote them. Never record them anew to make this test pass: a run that cannot
// be replayed is a case that stands still in production.
func histories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded histories in testdata/histories (%v): record some with go test -C standalone ./shell -record", err)
	}
	return files
}

// replay plays a recorded history through a workflow.
func replay(t *testing.T, file string, w any) error {
	t.Helper()
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true}) // see unhurried
	if err != nil {
		t.Fatal(err)
	}
	r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: CaseType})
	return r.ReplayWorkflowHistoryFromJSONFile(quiet{}, file)
}

// TestReplay: what production wrote can be replayed by this release.
func TestReplay(t *testing.T) {
	for _, file := range histories(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if err := replay(t, file, Case); err != nil {
				t.Fatalf("running cases would stand still: %v", err)
			}
		})
	}
}

// TestReplayNotices: the recordings notice a change of what the workflow does.
func TestReplayNotices(t *testing.T) {
	changes := map[string]func(workflow.Context, Input) error{
		"nothing is done any more": func(workflow.Context, Input) error { return nil },
		"a timer comes before the first look": func(ctx workflow.Context, in Input) error {
			if err := workflow.Sleep(ctx, shortest); err != nil {
				return err
			}
			return Case(ctx, in)
		},
		"the phase is not recorded": func(ctx workflow.Context, in Input) error {
			r := begin(ctx, in)
			r.phase = PhaseClosed
			for !r.done() {
				if err := r.turn(ctx); err != nil {
					return err
				}
				r.phase = PhaseClosed
			}
			return nil
		},
	}
	for name, w := range changes {
		t.Run(name, func(t *testing.T) {
			for _, file := range histories(t) {
				if replay(t, file, w) != nil {
					return
				}
			}
			t.Fatal("no recording noticed")
		})
	}
}

// TestHistoriesCover: together the recordings hold every kind of thing that the workflow
// does.
func TestHistoriesCover(t *testing.T) {
	var all strings.Builder
	for _, file := range histories(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	for _, want := range []string{
		`"Look"`, `"Send"`, `"Call"`, `"Offer"`, `"Escalate"`, `"Task"`, `"Close"`, // Refer runs like Task
		"EVENT_TYPE_TIMER_CANCELED", "EVENT_TYPE_TIMER_FIRED", "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
		"EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED", "continuedExecutionRunId", "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no recording holds %s", want)
		}
	}
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
