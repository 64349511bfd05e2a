package api

import (
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/temporalx"
)

// CaseRun is what Temporal has to do for a case now. Its instants are wall time.
type CaseRun struct {
	// Configured is false when the console was told of no Temporal; then nothing else is known.
	Configured bool `json:"configured"`
	temporalx.Run
}

// TryOrder names an activity of getCaseRun that failed and waits.
type TryOrder struct {
	Activity string `json:"activity" jsonschema:"minLength=1,maxLength=200" jsonschema_description:"its id"`
}

// Tried says what was done and what it does not repeat.
type Tried struct {
	Said string `json:"said"`
}

// temporal are the operations on what Temporal does for single cases.
func (h handlers) temporal() []Operation {
	return []Operation{
		{Method: "GET", Path: "/cases/{id}/temporal", ID: "getCaseRun", Tag: "operations", Summary: "What Temporal has to do for a case: activities under way, failures, next tries", Need: identity.Monitor, Result: CaseRun{}, Handle: h.caseRun},
		{Method: "POST", Path: "/cases/{id}/temporal/try-now", ID: "tryCaseNow", Tag: "operations", Summary: "Have a failing activity tried at once; what it has done is not repeated", Need: identity.Operate, Body: TryOrder{}, Result: Tried{}, Repeats: true, Handle: h.tryCaseNow},
	}
}

func (h handlers) caseRun(c *Call) (any, error) {
	run, configured, err := h.Operator.CaseRun(c.R.Context(), c.Who, c.R.PathValue("id"))
	if run.Activities == nil {
		run.Activities = []temporalx.Pending{}
	}
	return CaseRun{configured, run}, err
}

func (h handlers) tryCaseNow(c *Call) (any, error) {
	var in TryOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if err := h.Operator.TryNow(c.R.Context(), c.Who, c.R.PathValue("id"), in.Activity); err != nil {
		return nil, err
	}
	return Tried{"It is tried at once. What it has done is stored under its intent and is not repeated: no message leaves twice."}, nil
}
