package workflows

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/dunning"
)

// TestHandOversHaveAQueueOfTheirChannel: a slow provider fills its own workers and nobody
// else's; decisions and what needs no provider stay where the case is.
func TestHandOversHaveAQueueOfTheirChannel(t *testing.T) {
	plan := []dunning.Next{
		{Verb: dunning.VerbSend, Channel: dunning.SMS},
		{Verb: dunning.VerbSend, Channel: dunning.Email},
		{Verb: dunning.VerbOffer, Channel: dunning.Letter},
		{Verb: dunning.VerbOffer},
		{Verb: dunning.VerbSend, Channel: "fax"},
		{Verb: dunning.VerbEscalate, Channel: dunning.SMS},
		{Verb: dunning.VerbClose},
		{Closed: true},
	}
	var got []string
	suite := &testsuite.WorkflowTestSuite{}
	e := suite.NewTestWorkflowEnvironment()
	e.SetTestTimeout(2 * time.Minute)
	e.SetWorkerOptions(unhurried())
	e.RegisterWorkflowWithOptions(Case, workflow.RegisterOptions{Name: CaseType})
	for _, a := range allActivities {
		e.RegisterActivityWithOptions(func(ctx context.Context, _ Request) (dunning.Next, error) {
			got = append(got, string(a)+" "+activity.GetInfo(ctx).TaskQueue)
			n := plan[len(got)-1]
			n.DecisionID, n.WakeAt = "d", e.Now()
			return n, nil
		}, activity.RegisterOptions{Name: string(a)})
	}
	var base string
	e.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if base == "" {
			base = info.TaskQueue
		}
	})
	e.ExecuteWorkflow(CaseType, Input{Case: "c"})
	if err := e.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Look " + base, "Send " + base + "-sms", "Send " + base + "-email", "Offer " + base + "-letter",
		"Offer " + base, "Send " + base, "Escalate " + base, "Close " + base,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestQueuedChannelsHaveQueues(t *testing.T) {
	seen := map[string]bool{}
	for _, ch := range QueuedChannels() {
		q := QueueOf("duly", ch)
		if q == "duly" || seen[q] {
			t.Errorf("%s has the queue %s", ch, q)
		}
		seen[q] = true
	}
	if len(seen) != 3 || QueueOf("duly", dunning.Call) != "duly" {
		t.Errorf("queues %v", seen)
	}
}
