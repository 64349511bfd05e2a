package workflows

import (
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// TestActivityOf: every verb of the core has the activity of its name; those that act
// on nothing are looks.
func TestActivityOf(t *testing.T) {
	for verb, want := range map[dunning.Verb]Activity{
		dunning.VerbLook: Look, dunning.VerbRecord: Look, dunning.VerbSend: Send, dunning.VerbCall: Call,
		dunning.VerbOffer: Offer, dunning.VerbEscalate: Escalate, dunning.VerbTask: Task, dunning.VerbRefer: Refer,
		dunning.VerbClose: Close, "": Look,
	} {
		if got := activityOf(verb); got != want {
			t.Errorf("activityOf(%q) = %s, want %s", verb, got, want)
		}
	}
}

// TestOptions: what touches a provider has time for its answer; everything is retried
// without limit.
func TestOptions(t *testing.T) {
	for _, a := range allActivities {
		o := optionsOf(a, "x")
		if o.RetryPolicy.MaximumAttempts != 0 {
			t.Errorf("%s gives up after %d attempts; a case must be late, never lost", a, o.RetryPolicy.MaximumAttempts)
		}
		touches := a == Send || a == Offer || a == Look
		if touches != (o.StartToCloseTimeout >= 90*time.Second) {
			t.Errorf("%s has %s to finish", a, o.StartToCloseTimeout)
		}
	}
}

// TestWhatOperatorsSee: the UI shows codes and instants only, short enough to stay
// below Temporal's limit of 200 bytes after encryption.
func TestWhatOperatorsSee(t *testing.T) {
	n := dunning.Next{DecisionID: "d9", Verb: "send", Step: "final-notice", Channel: "email", WakeAt: t0}
	for _, tc := range []struct{ sentence, got, want string }{
		{"a timer says what it waits for", summary(n), "send final-notice email"},
		{"details name the next thing, its instant and its decision", details(n), "next: send final-notice email\n\nat: 2026-03-02T09:00:00Z\n\ndecision: d9"},
		{"a case that waits for people says so", details(dunning.Next{DecisionID: "d9", Verb: "look"}), "next: waits for a nudge\n\ndecision: d9"},
		{"a fresh case is looked at", details(dunning.Next{}), "next: look, now"},
		{"a closed case is closed", details(dunning.Next{DecisionID: "d9", Closed: true}), "closed"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.sentence, tc.got, tc.want)
		}
	}
	if len(summary(n)) > 100 || strings.Contains(details(n), "@") {
		t.Error("summary too long, or not codes")
	}
}
