package temporalx

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failure "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// Run is what a Temporal server says of one workflow, by its id: its latest run. Instants
// are the server's (wall time, UTC).
type Run struct {
	// Reachable is false when there was no answer; then nothing else is known.
	Reachable  bool      `json:"reachable"`
	Found      bool      `json:"found"`            // the server knows such a workflow
	Status     string    `json:"status,omitempty"` // Running, Completed, Terminated …
	Run        string    `json:"run,omitempty"`
	Events     int64     `json:"events,omitempty"` // of its history
	Activities []Pending `json:"activities"`       // under way or waiting to be tried again, the oldest first
	// Stalled is how often in a row the workflow's own code could not be carried on; 0: it can.
	Stalled int32 `json:"stalled,omitempty"`
}

// Pending is an activity that is under way, or that failed and waits for its next try.
type Pending struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	State   string `json:"state"`   // waiting, running, cancelling, paused
	Attempt int32  `json:"attempt"` // the one under way or next, from 1
	// Failure is the type of the last failure, "" when none failed; Words is its message, in
	// which whatever could be about a person is masked. Sealed: the message is encrypted, and
	// this process has no key.
	Failure string    `json:"failure,omitempty"`
	Words   string    `json:"words,omitempty"`
	Sealed  bool      `json:"sealed,omitempty"`
	Since   time.Time `json:"since,omitzero"`   // when it was first asked for
	Started time.Time `json:"started,omitzero"` // when the last try began
	Next    time.Time `json:"next,omitzero"`    // when it is tried again; zero: it runs, or nobody knows
}

// CasePending is a pending activity with the case that it works for.
type CasePending struct {
	Case string `json:"case"`
	Pending
}

// Failing reports whether a try has failed and it is not done.
func (p Pending) Failing() bool { return p.Attempt > 1 || p.Failure != "" }

// Failing are the activities of which a try has failed.
func (r Run) Failing() []Pending {
	return slices.DeleteFunc(slices.Clone(r.Activities), func(p Pending) bool { return !p.Failing() })
}

// Describe says what a workflow waits for. It waits until ctx ends at the latest and never
// fails: not to be reachable is an answer. dc reads messages of failures; nil: they stay sealed
// where they are encrypted.
func Describe(ctx context.Context, c client.Client, namespace, id string, dc converter.DataConverter) Run {
	res, err := c.WorkflowService().DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: namespace, Execution: &common.WorkflowExecution{WorkflowId: id},
	})
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return Run{Reachable: true, Activities: []Pending{}}
	}
	if err != nil {
		return Run{Activities: []Pending{}}
	}
	info := res.GetWorkflowExecutionInfo()
	r := Run{
		Reachable: true, Found: true, Status: info.GetStatus().String(), Run: info.GetExecution().GetRunId(), Events: info.GetHistoryLength(),
		Activities: make([]Pending, 0, len(res.GetPendingActivities())),
	}
	if a := res.GetPendingWorkflowTask().GetAttempt(); a > 1 {
		r.Stalled = a - 1
	}
	for _, a := range res.GetPendingActivities() {
		r.Activities = append(r.Activities, pendingOf(a, dc))
	}
	slices.SortFunc(r.Activities, func(a, b Pending) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return r
}

func pendingOf(a *workflow.PendingActivityInfo, dc converter.DataConverter) Pending {
	p := Pending{ID: a.GetActivityId(), Type: a.GetActivityType().GetName(), State: stateOf(a), Attempt: a.GetAttempt()}
	if t := a.GetScheduledTime(); t != nil {
		p.Since = t.AsTime()
	}
	if t := a.GetLastStartedTime(); t != nil {
		p.Started = t.AsTime()
	}
	if t := a.GetNextAttemptScheduleTime(); t != nil && p.State == "waiting" {
		p.Next = t.AsTime()
	}
	p.Failure, p.Words, p.Sealed = failureOf(a.GetLastFailure(), dc)
	return p
}

func stateOf(a *workflow.PendingActivityInfo) string {
	switch {
	case a.GetPaused():
		return "paused"
	case a.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED:
		return "running"
	case a.GetState() == enums.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
		return "cancelling"
	}
	return "waiting"
}

// failureOf is a failure's type and message.
func failureOf(f *failure.Failure, dc converter.DataConverter) (kind, words string, sealed bool) {
	if f == nil {
		return "", "", false
	}
	switch {
	case f.GetApplicationFailureInfo() != nil:
		kind = f.GetApplicationFailureInfo().GetType()
	case f.GetTimeoutFailureInfo() != nil:
		kind = "time-out " + f.GetTimeoutFailureInfo().GetTimeoutType().String()
	case f.GetServerFailureInfo() != nil:
		kind = "server"
	case f.GetCanceledFailureInfo() != nil, f.GetTerminatedFailureInfo() != nil:
		kind = "stopped"
	}
	if kind == "" {
		kind = "error"
	}
	if f.GetEncodedAttributes() != nil {
		if dc == nil || !opened(f, dc) {
			return kind, "", true
		}
	}
	return kind, Scrub(f.GetMessage()), false
}

// opened decrypts a failure's message in place.
func opened(f *failure.Failure, dc converter.DataConverter) bool {
	var said struct {
		Message string `json:"message"`
	}
	if err := dc.FromPayload(f.GetEncodedAttributes(), &said); err != nil {
		return false
	}
	f.Message = said.Message
	return true
}

// wordsAtMost bounds a message that is shown.
const wordsAtMost = 240

var (
	quotedText = regexp.MustCompile(`"[^"]*"|'[^']*'|“[^”]*”|«[^»]*»`)
	mailLike   = regexp.MustCompile(`[^\s<>()]+@[^\s<>()]+`)
	linkLike   = regexp.MustCompile(`\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s]+`)
	numberLike = regexp.MustCompile(`\+?[0-9][0-9 ()/.-]{4,}[0-9]`)
)

// Scrub is the first line of a message without anything that could be about a person or a
// secret: texts in quotes, addresses, links and long numbers are masked by "…". Our own
// errors carry none of it; what a library or a server says may.
func Scrub(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	for _, re := range []*regexp.Regexp{quotedText, linkLike, mailLike, numberLike} {
		line = re.ReplaceAllString(line, "…")
	}
	if runes := []rune(line); len(runes) > wordsAtMost {
		line = string(runes[:wordsAtMost]) + "…"
	}
	return strings.ToValidUTF8(line, "…")
}

// ErrCannot says that a Temporal server has no way to try an activity at once.
var ErrCannot = errors.New("this Temporal server cannot start an activity before its time; it is tried again by itself")

// TryNow has an activity of a workflow's latest run tried at once, and counts its tries from one
// again; one that was paused goes on. The workflow and what it has done stay as they are.
// ErrCannot when the server is too old, a serviceerror.NotFound when it waits no more.
func TryNow(ctx context.Context, c client.Client, namespace, id, activity, by string) error {
	_, err := c.WorkflowService().ResetActivity(ctx, &workflowservice.ResetActivityRequest{
		Namespace: namespace, Execution: &common.WorkflowExecution{WorkflowId: id}, Identity: by,
		Activity: &workflowservice.ResetActivityRequest_Id{Id: activity},
	})
	if unimplemented := (*serviceerror.Unimplemented)(nil); errors.As(err, &unimplemented) {
		return ErrCannot
	}
	return err
}
