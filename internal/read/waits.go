package read

import (
	"strings"

	"github.com/duly/duly/dunning"
)

// Wait is what an open case waits for, as people filter by it.
type Wait string

// What a case may wait for. A task adds its kind: "task:call".
const (
	WaitTimer    Wait = "timer"      // the next step matures, or spacing is over
	WaitWindow   Wait = "window"     // a matured step may not leave before an instant: hours, caps, send window
	WaitRefused  Wait = "refused"    // a rule refuses, and time does not cure it
	WaitHold     Wait = "hold"       //
	WaitPlan     Wait = "plan"       //
	WaitPromise  Wait = "promise"    //
	WaitLease    Wait = "lease"      // a collector has it
	WaitSettled  Wait = "settlement" // the money of an agreed settlement
	WaitUnknown  Wait = "unknown"    // was it sent or not?
	WaitOffer    Wait = "offer"      // the debtor's answer
	WaitApproval Wait = "approval"   // a person approves a draft, a referral or a settlement
	WaitFeed     Wait = "feed"       // fresh payment data
	WaitWorker   Wait = "worker"     // nothing: it is due now and a worker will take it
	waitTask          = "task:"
)

// Waits are all values a case can have, in the order in which filters show them.
func Waits() []Wait {
	out := []Wait{WaitTimer, WaitWindow, WaitRefused, WaitHold, WaitPlan, WaitPromise, WaitSettled, WaitLease, WaitUnknown, WaitOffer, WaitApproval, WaitFeed, WaitWorker}
	for _, k := range []dunning.TaskKind{
		dunning.TaskCall, dunning.TaskEscalation, dunning.TaskManual, dunning.TaskNoChannel, dunning.TaskUnknown,
		dunning.TaskCatchUp, dunning.TaskParked, dunning.TaskFailed, dunning.TaskReply,
	} {
		out = append(out, WaitTask(k))
	}
	return out
}

// WaitTask is waiting for a task of a kind. Drafts, referrals and settlements wait for approval.
func WaitTask(k dunning.TaskKind) Wait {
	if k == dunning.TaskDraft || k == dunning.TaskApproval || k == dunning.TaskSettlement {
		return WaitApproval
	}
	return Wait(waitTask + string(k))
}

// WaitsFor says what a case waits for after a decision.
func WaitsFor(d dunning.Decision) Wait {
	switch d.Waiting {
	case "hold", "plan", "promise", "lease", "settlement", "unknown", "offer", "refused":
		return Wait(d.Waiting)
	case "stale":
		return WaitFeed
	case "task":
		return WaitTask(dunning.TaskKind(strings.TrimPrefix(d.Rule, waitTask)))
	}
	switch {
	case d.Deferred && d.NotBefore.IsZero():
		return WaitRefused
	case d.Deferred || !d.NotBefore.IsZero():
		return WaitWindow
	case d.Due():
		return WaitWorker
	}
	return WaitTimer
}
