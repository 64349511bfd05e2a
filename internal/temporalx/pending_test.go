package temporalx

import (
	"errors"
	"strings"
	"testing"
	"time"

	activity "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failure "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/duly/duly/internal/codec"
)

func TestScrub(t *testing.T) {
	for _, c := range []struct{ why, in, want string }{
		{"what says nothing of anybody stays", "the database is away: connection refused", "the database is away: connection refused"},
		{"quoted text may be anybody's", `template "hello Ada" has no locale 'de'`, "template … has no locale …"},
		{"an address of mail", "no mailbox ada@example.com here", "no mailbox … here"},
		{"a number of telephone", "cannot call +1 (212) 555-0110 now", "cannot call … now"},
		{"a link may carry a token", "Get https://api.example.com/x?token=abc: EOF", "Get … EOF"},
		{"short numbers are codes", "status 503 after 12 tries", "status 503 after 12 tries"},
		{"the first line only", "broken\nAda Example, 1 Test Street", "broken"},
		{"never endless", strings.Repeat("x", 5000), strings.Repeat("x", wordsAtMost) + "…"},
		{"nothing", "", ""},
	} {
		if got := Scrub(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func TestPending(t *testing.T) {
	began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	info := func(change func(*workflow.PendingActivityInfo)) *workflow.PendingActivityInfo {
		a := &workflow.PendingActivityInfo{
			ActivityId: "7", ActivityType: &activity.ActivityType{Name: "Send"}, State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 3,
			ScheduledTime: timestamppb.New(began), NextAttemptScheduleTime: timestamppb.New(began.Add(time.Minute)),
		}
		change(a)
		return a
	}
	failed := func(f *failure.Failure) func(*workflow.PendingActivityInfo) {
		return func(a *workflow.PendingActivityInfo) { a.LastFailure = f }
	}
	application := &failure.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failure.ApplicationFailureInfo{Type: "store_away"}}
	for _, c := range []struct {
		why    string
		change func(*workflow.PendingActivityInfo)
		want   func(Pending) bool
	}{
		{"it failed and waits", failed(&failure.Failure{Message: "the database is away", FailureInfo: application}), func(p Pending) bool {
			return p.State == "waiting" && p.Failing() && p.Failure == "store_away" && p.Words == "the database is away" && p.Next.Equal(began.Add(time.Minute))
		}},
		{"while it runs nobody waits for the next try", func(a *workflow.PendingActivityInfo) { a.State = enums.PENDING_ACTIVITY_STATE_STARTED }, func(p Pending) bool {
			return p.State == "running" && p.Next.IsZero() && p.Failing()
		}},
		{"the first try has not failed", func(a *workflow.PendingActivityInfo) { a.Attempt = 1 }, func(p Pending) bool { return !p.Failing() }},
		{"somebody paused it", func(a *workflow.PendingActivityInfo) { a.Paused = true }, func(p Pending) bool { return p.State == "paused" && p.Next.IsZero() }},
		{"it took too long", failed(&failure.Failure{FailureInfo: &failure.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failure.TimeoutFailureInfo{TimeoutType: enums.TIMEOUT_TYPE_START_TO_CLOSE}}}), func(p Pending) bool {
			return p.Failure == "time-out StartToClose"
		}},
		{"a failure of no type is one all the same", failed(&failure.Failure{Message: "x"}), func(p Pending) bool { return p.Failure == "error" && p.Words == "x" }},
	} {
		if got := pendingOf(info(c.change), nil); !c.want(got) {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
}

// Messages of failures are encrypted on their way; who has the key reads them, scrubbed.
func TestSealedFailures(t *testing.T) {
	keys, err := codec.ParseKeys(codec.Generate())
	if err != nil {
		t.Fatal(err)
	}
	other, err := codec.ParseKeys(codec.Generate())
	if err != nil {
		t.Fatal(err)
	}
	dc := codec.DataConverter(keys)
	f := codec.FailureConverter(dc).ErrorToFailure(errors.New("no route to ada@example.com"))
	if _, words, sealed := failureOf(f, nil); !sealed || words != "" {
		t.Errorf("without a key: %q, sealed %v", words, sealed)
	}
	if _, words, sealed := failureOf(f, codec.DataConverter(other)); !sealed || words != "" {
		t.Errorf("with another key: %q, sealed %v", words, sealed)
	}
	if _, words, sealed := failureOf(f, dc); sealed || words != "no route to …" {
		t.Errorf("with the key: %q, sealed %v", words, sealed)
	}
}
