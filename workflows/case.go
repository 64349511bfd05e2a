package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/duly/duly/dunning"
)

// Input starts a case. Starters give the id and nothing else.
type Input struct {
	Case string `json:"case"`
	// Carried is what a run hands to the one that continues it.
	Carried *Carried `json:"carried,omitempty"`
}

// Carried crosses continue-as-new; it is a persisted format: members are only added.
type Carried struct {
	Next  dunning.Next `json:"next"`
	Phase string       `json:"phase"`
	// Nudged: look before doing what is next.
	Nudged bool `json:"nudged,omitempty"`
}

// Case leads one case from open to closed: look, sleep until what is next is due or
// a nudge arrives, carry it out, again. It ends when the case is closed.
func Case(ctx workflow.Context, in Input) error {
	r := begin(ctx, in)
	for !r.done() {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, CaseType, r.carry())
		}
		if err := r.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run is one execution of Case.
type run struct {
	id     string
	next   dunning.Next
	phase  string
	alarm  alarm
	nudged bool // look before doing what is next
}

// begin starts fresh with a look, or goes on with what was carried over.
func begin(ctx workflow.Context, in Input) *run {
	r := &run{
		id:     in.Case,
		alarm:  alarm{nudges: Nudge.channel(ctx)},
		phase:  PhaseOpen,
		nudged: true, // nothing is known yet
	}
	if in.Carried != nil {
		r.next, r.phase, r.nudged = in.Carried.Next, in.Carried.Phase, in.Carried.Nudged
	}
	return r
}

// done reports whether the case is closed. A nudge that came while it was being
// closed may have re-opened it: then one more look is due.
func (r *run) done() bool {
	if r.next.Closed && r.alarm.drain() {
		r.nudged = true
	}
	return r.next.Closed && !r.nudged
}

// carry drains the nudges, because a new run does not get them, and packs the rest.
func (r *run) carry() Input {
	nudged := r.alarm.drain() || r.nudged
	return Input{Case: r.id, Carried: &Carried{Next: r.next, Phase: r.phase, Nudged: nudged}}
}

// turn sleeps until something is to be done and does it.
func (r *run) turn(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, details(r.next))
	activity := Look
	if !r.nudged {
		r.nudged = r.alarm.sleep(ctx, r.next.WakeAt, summary(r.next))
	}
	if !r.nudged {
		activity = activityOf(r.next.Verb)
	}
	// Whatever arrived up to here is satisfied by the fresh facts that the activity
	// loads. What arrives from here on wakes the next sleep.
	r.alarm.drain()
	nudged := r.nudged
	r.nudged = false
	return r.act(ctx, activity, nudged)
}

// act runs one activity and takes over what it says is next.
func (r *run) act(ctx workflow.Context, a Activity, nudged bool) error {
	label := string(a)
	if a != Look {
		label = summary(r.next)
	}
	o := optionsOf(a, label)
	if a == Send || a == Offer {
		o.TaskQueue = QueueOf(workflow.GetInfo(ctx).TaskQueueName, r.next.Channel)
	}
	ctx = workflow.WithActivityOptions(ctx, o)
	req := Request{Case: r.id, Intent: r.next.DecisionID, Nudged: nudged}
	var next dunning.Next
	if err := workflow.ExecuteActivity(ctx, string(a), req).Get(ctx, &next); err != nil {
		return err
	}
	r.next = next
	return r.mark(ctx, phaseAfter(r.phase, a, next))
}

// phaseAfter is the phase of a case after an activity. It moves forward only, at most
// twice in a life, because every change is billed; a case that is re-opened starts over.
func phaseAfter(now string, a Activity, next dunning.Next) string {
	switch {
	case next.Closed:
		return PhaseClosed
	case a == Escalate || a == Call || a == Task:
		return PhasePeople
	case now == PhaseClosed:
		return PhaseOpen
	default:
		return now
	}
}

// mark records a change of phase in the search attributes.
func (r *run) mark(ctx workflow.Context, phase string) error {
	if phase == r.phase {
		return nil
	}
	r.phase = phase
	at := NextAt.ValueUnset()
	if !r.next.WakeAt.IsZero() {
		at = NextAt.ValueSet(r.next.WakeAt)
	}
	return workflow.UpsertTypedSearchAttributes(ctx, Phase.ValueSet(phase), at)
}

// summary is what is next in codes, for a timer or an activity in the UI.
func summary(n dunning.Next) string {
	parts := make([]string, 0, 4)
	for _, p := range []string{string(n.Verb), n.Step, string(n.Channel), n.Queue} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}

// details is the state of the case for the UI: codes and an instant. It says neither
// who nor why.
func details(n dunning.Next) string {
	switch {
	case n.DecisionID == "":
		return "next: look, now"
	case n.Closed:
		return "closed"
	case n.WakeAt.IsZero():
		return fmt.Sprintf("next: waits for a nudge\n\ndecision: %s", n.DecisionID)
	default:
		return fmt.Sprintf("next: %s\n\nat: %s\n\ndecision: %s", summary(n), n.WakeAt.UTC().Format(time.RFC3339), n.DecisionID)
	}
}
