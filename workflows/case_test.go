package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/dunning"
)

// t0 is the wall instant at which every test case starts.
var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// step is what a scripted activity answers.
type step struct {
	verb  dunning.Verb
	in    time.Duration // WakeAt after the call; 0 = now, forever = none
	close bool
	fail  error
}

const forever = time.Duration(-1)

// script plays the activities: the n-th call answers with the n-th step. It is the
// same object over continue-as-new, as Postgres is.
type script struct {
	steps  []step
	calls  []string // "Send d3@+72h": activity, intent, time since t0
	nudged []bool
	each   func(n int) // called after each answer
	now    func() time.Time
}

func (s *script) answer(name Activity) Func {
	return func(_ context.Context, req Request) (dunning.Next, error) {
		at := s.now()
		s.calls = append(s.calls, fmt.Sprintf("%s %s@+%s", name, req.Intent, at.Sub(t0)))
		s.nudged = append(s.nudged, req.Nudged)
		n := len(s.calls)
		if n > len(s.steps) {
			return dunning.Next{}, temporal.NewNonRetryableApplicationError("script is over", "script", nil)
		}
		st := s.steps[n-1]
		if s.each != nil {
			s.each(n)
		}
		if st.fail != nil {
			return dunning.Next{}, st.fail
		}
		next := dunning.Next{DecisionID: fmt.Sprintf("d%d", n), Verb: st.verb, Closed: st.close}
		if st.in != forever {
			next.WakeAt = at.Add(st.in)
		}
		return next, nil
	}
}

var allActivities = []Activity{Look, Send, Call, Offer, Escalate, Task, Refer, Close}

// env makes a test environment whose clock starts at start and whose activities are
// played by s.
func env(t *testing.T, s *script, start time.Time) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	e := suite.NewTestWorkflowEnvironment()
	e.SetStartTime(start)
	e.SetTestTimeout(2 * time.Minute)
	e.SetWorkerOptions(unhurried())
	e.RegisterWorkflowWithOptions(Case, workflow.RegisterOptions{Name: CaseType})
	for _, a := range allActivities {
		e.RegisterActivityWithOptions(s.answer(a), activity.RegisterOptions{Name: string(a)})
	}
	s.now = e.Now
	return e
}

// unhurried are a worker's options for a machine that is busy: the SDK takes a workflow
// that does not get on within a second for one that hangs.
func unhurried(i ...interceptor.WorkerInterceptor) worker.Options {
	return worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: i}
}

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

// closing is how every script ends: a decision to close, then closed.
func closing(steps ...step) []step {
	return append(steps, step{verb: dunning.VerbClose}, step{close: true})
}

// TestCase checks the order and instants of activity calls for lives of a case.
func TestCase(t *testing.T) {
	for _, tc := range []struct {
		name   string
		steps  []step
		nudges []time.Duration
		want   []string
	}{
		{
			name:  "a case that is closed at the first look ends at once",
			steps: []step{{close: true}},
			want:  []string{"Look @+0s"},
		},
		{
			name:  "each verb runs its own activity at its instant, with the id of the decision that planned it",
			steps: closing(step{verb: "send", in: hours(24)}, step{verb: "call", in: hours(1)}, step{verb: "offer_plan", in: hours(1)}, step{verb: "escalate", in: hours(1)}, step{verb: "task", in: hours(1)}, step{verb: "refer", in: hours(1)}),
			want: []string{
				"Look @+0s", "Send d1@+24h0m0s", "Call d2@+25h0m0s", "Offer d3@+26h0m0s", "Escalate d4@+27h0m0s",
				"Task d5@+28h0m0s", "Refer d6@+29h0m0s", "Close d7@+29h0m0s",
			},
		},
		{
			name:   "a nudge wakes a sleeping case early and it looks, whatever was planned",
			steps:  closing(step{verb: "send", in: hours(24)}, step{verb: "send", in: hours(2)}),
			nudges: []time.Duration{hours(5)},
			want:   []string{"Look @+0s", "Look d1@+5h0m0s", "Send d2@+7h0m0s", "Close d3@+7h0m0s"},
		},
		{
			name:   "nudges that arrive while it looks are one more look, however many",
			steps:  closing(step{verb: "send", in: hours(24)}, step{verb: "send", in: hours(2)}, step{verb: "send", in: hours(1)}),
			nudges: []time.Duration{hours(5), hours(5), hours(5), hours(5), hours(5)},
			want:   []string{"Look @+0s", "Look d1@+5h0m0s", "Look d2@+5h0m0s", "Send d3@+6h0m0s", "Close d4@+6h0m0s"},
		},
		{
			name:   "without an instant only a nudge wakes the case, however late",
			steps:  closing(step{verb: "look", in: forever}),
			nudges: []time.Duration{hours(2000)},
			want:   []string{"Look @+0s", "Look d1@+2000h0m0s", "Close d2@+2000h0m0s"},
		},
		{
			name:  "an instant that has passed is acted on without a timer",
			steps: closing(step{verb: "send", in: -hours(3)}),
			want:  []string{"Look @+0s", "Send d1@+0s", "Close d2@+0s"},
		},
		{
			name:  "less than the shortest sleep is the shortest sleep",
			steps: closing(step{verb: "send", in: time.Millisecond}),
			want:  []string{"Look @+0s", "Send d1@+" + shortest.String(), "Close d2@+" + shortest.String()},
		},
		{
			name:  "a verb of a later release is looked at, not dropped",
			steps: closing(step{verb: "sing", in: hours(1)}),
			want:  []string{"Look @+0s", "Look d1@+1h0m0s", "Close d2@+1h0m0s"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{steps: tc.steps}
			e := env(t, s, t0)
			for _, at := range tc.nudges {
				e.RegisterDelayedCallback(func() { e.SignalWorkflow(Nudge.Name, Nudged{}) }, at)
			}
			e.ExecuteWorkflow(CaseType, Input{Case: "c"})
			if err := e.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.calls, tc.want) {
				t.Fatalf("calls\n got %q\nwant %q", s.calls, tc.want)
			}
		})
	}
}

// TestNudgeDuringActivity: a nudge that arrives while an activity runs may have come
// after the activity read its facts, so it wakes the next sleep.
func TestNudgeDuringActivity(t *testing.T) {
	s := &script{steps: closing(step{verb: "send", in: hours(24)}, step{verb: "send", in: hours(9)}, step{verb: "look", in: hours(1)})}
	e := env(t, s, t0)
	s.each = func(n int) {
		if n == 2 {
			e.SignalWorkflow(Nudge.Name, Nudged{})
		}
	}
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	want := []string{"Look @+0s", "Send d1@+24h0m0s", "Look d2@+24h0m0s", "Look d3@+25h0m0s", "Close d4@+25h0m0s"}
	if err := e.GetWorkflowError(); err != nil || !slices.Equal(s.calls, want) {
		t.Fatalf("err %v\n got %q\nwant %q", err, s.calls, want)
	}
}

// TestNudgedIsTold: an activity learns whether its instant has come or something happened:
// only the former may wait for business time to catch up.
func TestNudgedIsTold(t *testing.T) {
	s := &script{steps: closing(step{verb: "look", in: hours(24)}, step{verb: "look", in: hours(2)}, step{verb: "send", in: hours(1)})}
	e := env(t, s, t0)
	e.RegisterDelayedCallback(func() { e.SignalWorkflow(Nudge.Name, Nudged{}) }, hours(5))
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	want := []bool{true, true, false, false, false} // first look, nudge, timer, timer, at once
	if err := e.GetWorkflowError(); err != nil || !slices.Equal(s.nudged, want) {
		t.Fatalf("err %v, nudged %v, want %v (calls %q)", err, s.nudged, want, s.calls)
	}
}

// TestNudgeWhileClosing: what happened while a case was being closed may re-open it.
func TestNudgeWhileClosing(t *testing.T) {
	s := &script{steps: []step{{verb: "close"}, {close: true}, {verb: "send", in: hours(1)}, {verb: "close"}, {close: true}}}
	e := env(t, s, t0)
	s.each = func(n int) {
		if n == 2 {
			e.SignalWorkflow(Nudge.Name, Nudged{})
		}
	}
	phases := recordPhases(e)
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	want := []string{"Look @+0s", "Close d1@+0s", "Look d2@+0s", "Send d3@+1h0m0s", "Close d4@+1h0m0s"}
	if err := e.GetWorkflowError(); err != nil || !slices.Equal(s.calls, want) {
		t.Fatalf("err %v\n got %q\nwant %q", err, s.calls, want)
	}
	if want := []string{"closed", "open", "closed"}; !slices.Equal(*phases, want) {
		t.Fatalf("phases %q, want %q", *phases, want)
	}
}

// TestTimers: one timer a sleep, cancelled when a nudge comes first, none left behind.
func TestTimers(t *testing.T) {
	s := &script{steps: closing(step{verb: "send", in: hours(24)}, step{verb: "send", in: hours(2)}, step{verb: "send", in: -hours(1)})}
	e := env(t, s, t0)
	var started, fired, cancelled int
	e.SetOnTimerScheduledListener(func(string, time.Duration) { started++ })
	e.SetOnTimerFiredListener(func(string) { fired++ })
	e.SetOnTimerCanceledListener(func(string) { cancelled++ })
	e.RegisterDelayedCallback(func() { e.SignalWorkflow(Nudge.Name, Nudged{}) }, hours(5))
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	if err := e.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	// The environment counts the callback's own timer among none of these.
	if started != 2 || fired != 1 || cancelled != 1 {
		t.Fatalf("timers: %d started, %d fired, %d cancelled; want 2, 1, 1", started, fired, cancelled)
	}
}

// TestRetries: an activity that fails is tried again with the same intent until it
// works; only an error that no retry can mend ends the run.
func TestRetries(t *testing.T) {
	t.Run("tried again with the same intent", func(t *testing.T) {
		broken := errors.New("database is away")
		s := &script{steps: []step{{verb: "send"}, {fail: broken}, {fail: broken}, {close: true}}}
		e := env(t, s, t0)
		e.ExecuteWorkflow(CaseType, Input{Case: "c"})
		want := []string{"Look @+0s", "Send d1@+0s", "Send d1@+2s", "Send d1@+6s"}
		if err := e.GetWorkflowError(); err != nil || !slices.Equal(s.calls, want) {
			t.Fatalf("err %v\n got %q\nwant %q", err, s.calls, want)
		}
	})
	t.Run("an error that no retry mends fails the run with its code", func(t *testing.T) {
		s := &script{steps: []step{{fail: temporal.NewNonRetryableApplicationError("no such case", "case_unknown", nil)}}}
		e := env(t, s, t0)
		e.ExecuteWorkflow(CaseType, Input{Case: "c"})
		var app *temporal.ApplicationError
		if err := e.GetWorkflowError(); !errors.As(err, &app) || app.Type() != "case_unknown" {
			t.Fatalf("error %v, want code case_unknown", err)
		}
	})
}

// recordPhases collects the phases that a run writes into its search attributes.
func recordPhases(e *testsuite.TestWorkflowEnvironment) *[]string {
	w := &watcher{}
	e.SetWorkerOptions(unhurried(w))
	return &w.phases
}

// watcher is an interceptor that sees upserts of search attributes.
type watcher struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	phases []string
}

func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	w.WorkflowInboundInterceptorBase.Next = next
	return w
}

func (w *watcher) Init(out interceptor.WorkflowOutboundInterceptor) error {
	w.WorkflowOutboundInterceptorBase.Next = out
	return w.WorkflowInboundInterceptorBase.Next.Init(w)
}

func (w *watcher) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return w.WorkflowInboundInterceptorBase.Next.ExecuteWorkflow(ctx, in)
}

func (w *watcher) UpsertTypedSearchAttributes(ctx workflow.Context, set ...temporal.SearchAttributeUpdate) error {
	if p, ok := temporal.NewSearchAttributes(set...).GetKeyword(Phase); ok {
		w.phases = append(w.phases, p)
	}
	return w.WorkflowOutboundInterceptorBase.Next.UpsertTypedSearchAttributes(ctx, set...)
}

// TestPhases: search attributes change at most twice in a life, because each change
// is billed.
func TestPhases(t *testing.T) {
	for _, tc := range []struct {
		name  string
		steps []step
		want  []string
	}{
		{"reminders alone change nothing until the end", closing(step{verb: "send"}, step{verb: "send"}, step{verb: "send"}), []string{"closed"}},
		{
			"many calls and escalations are one change",
			closing(step{verb: "call"}, step{verb: "escalate"}, step{verb: "send"}, step{verb: "task"}, step{verb: "escalate"}),
			[]string{"people", "closed"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{steps: tc.steps}
			e := env(t, s, t0)
			phases := recordPhases(e)
			e.ExecuteWorkflow(CaseType, Input{Case: "c"})
			if err := e.GetWorkflowError(); err != nil || !slices.Equal(*phases, tc.want) {
				t.Fatalf("err %v, phases %q, want %q", err, *phases, tc.want)
			}
		})
	}
}
