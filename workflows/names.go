package workflows

import (
	"context"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/dunning"
)

// TaskQueue is where cases run, and the activities that need no provider. What hands over
// to a provider has a queue per channel: see QueueOf.
const TaskQueue = "duly"

// QueueOf is the task queue of the activities that hand over by a channel, beside the
// queue of the cases: a provider that answers slowly fills its own workers' slots and no
// other channel's. What names no channel stays on the base queue.
func QueueOf(base string, ch dunning.Channel) string {
	switch ch {
	case dunning.Email, dunning.SMS, dunning.Letter:
		return base + "-" + string(ch)
	}
	return base
}

// QueuedChannels are the channels that have a queue of their own.
func QueuedChannels() []dunning.Channel {
	return []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter}
}

// CaseType is the registered name of the workflow of a case.
const CaseType = "Case"

// CaseID is the workflow id of a case. Ids are never encrypted: a case id is an
// opaque uuid and says nothing of a person.
func CaseID(caseID string) string { return "case/" + caseID }

// Request is all that an activity is told: which case, and which planned decision
// it carries out.
type Request struct {
	Case string `json:"case"`
	// Intent is the id of the decision that planned this, "" when nothing is known
	// yet. It makes a retry find what the first try already did.
	Intent string `json:"intent,omitempty"`
	// Nudged: not because its instant has come, but because something happened.
	Nudged bool `json:"nudged,omitempty"`
}

// Activity is the registered name of an activity of a case. All of them take a
// Request and return what is next.
type Activity string

// The activities: one per verb.
const (
	Look     Activity = "Look"
	Send     Activity = "Send"
	Call     Activity = "Call"
	Offer    Activity = "Offer"
	Escalate Activity = "Escalate"
	Task     Activity = "Task"
	Refer    Activity = "Refer"
	Close    Activity = "Close"
)

// Func is the signature of every activity of a case.
type Func func(context.Context, Request) (dunning.Next, error)

// activityOf maps a verb to its activity. A verb that this release does not know
// is looked at, never dropped: the activity decides anew with its own release.
func activityOf(v dunning.Verb) Activity {
	switch v {
	case dunning.VerbSend:
		return Send
	case dunning.VerbCall:
		return Call
	case dunning.VerbOffer:
		return Offer
	case dunning.VerbEscalate:
		return Escalate
	case dunning.VerbTask:
		return Task
	case dunning.VerbRefer:
		return Refer
	case dunning.VerbClose:
		return Close
	default:
		return Look
	}
}

// Signal is a signal with the type of what it carries, so that sender and
// receiver cannot disagree.
type Signal[T any] struct{ Name string }

// Nudged is the content of a nudge: nothing. Facts live in Postgres.
type Nudged struct{}

// Nudge tells a case to look again.
var Nudge = Signal[Nudged]{Name: "nudge"}

// channel of the signal in a workflow.
func (s Signal[T]) channel(ctx workflow.Context) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(ctx, s.Name)
}

// Search attributes. They are never encrypted, so they are codes and instants.
var (
	// Phase is where a case is: PhaseOpen, PhasePeople or PhaseClosed.
	Phase = temporal.NewSearchAttributeKeyKeyword("DulyPhase")
	// NextAt is the wall instant of the next thing as of the last change of phase.
	// It is not kept up to date at every step: each change is billed.
	NextAt = temporal.NewSearchAttributeKeyTime("DulyNextAt")
)

// Phases. A case moves forward through them at most once each, so that they cost
// at most two changes in its life.
const (
	PhaseOpen   = "open"
	PhasePeople = "people" // a person was asked for the first time
	PhaseClosed = "closed"
)
