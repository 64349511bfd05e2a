package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Every activity may be retried without limit: what a try has done is found again
// by its intent in Postgres, so a retry never acts twice (DESIGN 4). Errors that no
// retry can mend are marked so by the activity.

// pulse is how soon a worker that died is noticed. Activities beat only after
// activities.FirstBeat, so the usual short one costs nothing (beats are billed).
const pulse = 20 * time.Second

// deciding is for activities that are transactions in Postgres only. The time-out leaves
// room for waking early (clock.Patience).
func deciding(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    pulse,
		RetryPolicy:         patient(time.Second),
		Summary:             summary,
	}
}

// sending is for activities that also call a provider. The time-out leaves room for
// a rate limit, the provider's own time-out and three transactions.
func sending(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 90 * time.Second,
		HeartbeatTimeout:    pulse,
		RetryPolicy:         patient(2 * time.Second),
		Summary:             summary,
	}
}

// patient retries for ever with growing pauses: a case is late, never lost.
func patient(first time.Duration) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    first,
		BackoffCoefficient: 2,
		MaximumInterval:    2 * time.Minute,
	}
}

// optionsOf picks the options of an activity by what it touches.
func optionsOf(a Activity, summary string) workflow.ActivityOptions {
	switch a {
	case Send, Offer, Look: // a look may ask a provider about an unknown hand-over
		return sending(summary)
	default:
		return deciding(summary)
	}
}
