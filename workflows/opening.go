package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// OpeningType is the registered name of the workflow that a Schedule runs to open cases.
const OpeningType = "Opening"

// OpenCases is the activity of Opening: it looks at all accounts without a case.
const OpenCases = "OpenCases"

// Opening opens cases for what has become overdue, once. It is for a Temporal Schedule;
// two at once open nothing twice.
func Opening(ctx workflow.Context) error {
	o := deciding("open cases")
	o.StartToCloseTimeout = time.Hour
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), OpenCases).Get(ctx, nil)
}
