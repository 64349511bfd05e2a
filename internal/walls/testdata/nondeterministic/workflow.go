// Package nondeterministic holds a workflow that workflowcheck must refuse:
// `make check` runs the tool over it to know that the tool still finds anything.
package nondeterministic

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Register makes Late known as a workflow, which is how workflowcheck finds it.
func Register(r interface{ RegisterWorkflow(any) }) { r.RegisterWorkflow(Late) }

// Late reads the machine's clock, so every replay goes another way.
func Late(ctx workflow.Context) error { return workflow.Sleep(ctx, until()) }

func until() time.Duration { return time.Until(time.Unix(0, 0)) }
