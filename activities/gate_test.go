package activities

import (
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// TestSlowRecordsKeepFewWorkers: look-ups of one channel are bounded, those of another are
// not touched, and what is given back can be had again.
func TestSlowRecordsKeepFewWorkers(t *testing.T) {
	g := NewGate(func() time.Time { return epoch }, nil)
	for i := range maxLookups {
		if !g.lookUp(dunning.SMS) {
			t.Fatalf("look-up %d is refused", i+1)
		}
	}
	if g.lookUp(dunning.SMS) {
		t.Error("one look-up too many")
	}
	if !g.lookUp(dunning.Email) {
		t.Error("a slow SMS provider keeps email's records from being asked")
	}
	g.lookedUp(dunning.SMS)
	if !g.lookUp(dunning.SMS) {
		t.Error("what was given back cannot be had again")
	}
	var none *Gate
	if !none.lookUp(dunning.SMS) {
		t.Error("without a gate everything is open")
	}
	none.lookedUp(dunning.SMS)
}

// TestWhatConcernsOneMessagePausesNobody: a greylisted recipient is no reason to leave a
// provider alone; too many requests are.
func TestWhatConcernsOneMessagePausesNobody(t *testing.T) {
	g := NewGate(func() time.Time { return epoch }, nil)
	later := dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "x", RetryAfter: time.Hour, Alone: true}
	g.report(dunning.Email, later)
	if _, closed := g.take(dunning.Email); closed != 0 {
		t.Errorf("closed for %v", closed)
	}
	later.Alone = false
	g.report(dunning.Email, later)
	if _, closed := g.take(dunning.Email); closed != time.Hour {
		t.Errorf("closed for %v", closed)
	}
}

// TestTheLongestPauseIsKept: calls under way together are refused with different wishes,
// and the shorter one comes last.
func TestTheLongestPauseIsKept(t *testing.T) {
	wall := epoch
	g := NewGate(func() time.Time { return wall }, nil)
	for _, wish := range []time.Duration{time.Hour, time.Minute, 0} {
		g.report(dunning.SMS, dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, RetryAfter: wish})
	}
	if got := g.admit(t.Context(), dunning.SMS); got != time.Hour {
		t.Errorf("closed for %s, want an hour", got)
	}
	wall = wall.Add(time.Hour)
	if got := g.admit(t.Context(), dunning.SMS); got != 0 {
		t.Errorf("closed for another %s", got)
	}
}
