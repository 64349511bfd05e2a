package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// pacer plays what all workers share.
type pacer struct {
	paused, turn time.Duration
	err          error
	asked        []string
	pauses       map[string]time.Duration
}

func (p *pacer) Paused(_ context.Context, provider string) (time.Duration, error) {
	p.asked = append(p.asked, provider)
	return p.paused, p.err
}

func (p *pacer) Pause(_ context.Context, provider string, d time.Duration) error {
	if p.pauses == nil {
		p.pauses = map[string]time.Duration{}
	}
	p.pauses[provider] = d
	return p.err
}

func (p *pacer) TakePace(_ context.Context, sender string, _ time.Duration, burst int, _ time.Duration) (time.Duration, error) {
	if burst < 1 {
		return 0, errors.New("a bucket holds at least one")
	}
	p.asked = append(p.asked, sender)
	return p.turn, p.err
}

// first brings a world to its first message.
func (w *world) first() *world {
	w.begin()
	w.wake()
	w.pass(w.next.WakeAt)
	return w
}

func TestPaceIsKeptBeforeAnythingIsReserved(t *testing.T) {
	for _, c := range []struct {
		about        string
		paused, turn time.Duration
		paces        map[dunning.Channel]Pace
		left         int
		asked        int
		wait         time.Duration // of the postponement; 0: none
	}{
		{"nobody minds", 0, 0, nil, 1, 1, 0},
		{"the sender has a pace and it is its turn", 0, 0, map[dunning.Channel]Pace{dunning.Email: {Every: time.Second}}, 1, 2, 0},
		{"a short wait is waited for", 0, 20 * time.Millisecond, map[dunning.Channel]Pace{dunning.Email: {Every: time.Second, Burst: 3}}, 1, 2, 0},
		{"another channel's pace is none of its business", 0, time.Hour, map[dunning.Channel]Pace{dunning.SMS: {Every: time.Second}}, 1, 1, 0},
		{"a long wait puts the case to sleep", 0, time.Hour, map[dunning.Channel]Pace{dunning.Email: {Every: time.Hour}}, 0, 2, time.Hour},
		{"the provider wants to be left alone", 10 * time.Minute, 0, nil, 0, 1, 10 * time.Minute},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld().first()
			p := &pacer{paused: c.paused, turn: c.turn}
			w.acts.Pacer, w.paces = p, c.paces
			w.retried(workflows.Send)
			if len(w.provider.order) != c.left || len(p.asked) != c.asked {
				t.Errorf("%d left, asked %v", len(w.provider.order), p.asked)
			}
			if c.wait > 0 && !w.next.WakeAt.Equal(w.now.Add(c.wait)) {
				t.Errorf("wakes %v after now, want %v", w.next.WakeAt.Sub(w.now), c.wait)
			}
			if c.left == 0 && len(contactsOf(w.store.Facts("deb"), w.ref.Case, dunning.ContactReserved, dunning.ContactCancelled)) > 0 {
				t.Error("a contact was reserved while the channel was closed")
			}
		})
	}
}

// TestRetryAfterReachesAllWorkers: what a provider asks of one worker is written down for
// all; what concerns one message alone is not.
func TestRetryAfterReachesAllWorkers(t *testing.T) {
	for _, c := range []struct {
		about string
		out   dunning.Outcome
		want  time.Duration
	}{
		{"too many requests", dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "http:429", RetryAfter: 7 * time.Second}, 7 * time.Second},
		{"one recipient is greylisted", dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "smtp:450", RetryAfter: time.Minute, Alone: true}, 0},
		{"accepted", dunning.Outcome{State: dunning.SendAccepted, ProviderID: "x"}, 0},
		{"never written to the wire", dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "net:dial"}, 0},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newWorld().first()
			p := &pacer{}
			w.acts.Pacer = p
			w.provider.answer = func(dunning.Message) (dunning.Outcome, bool) { return c.out, c.out.State == dunning.SendAccepted }
			w.retried(workflows.Send)
			if got := p.pauses["email"]; got != c.want {
				t.Errorf("all workers pause for %v, want %v", got, c.want)
			}
		})
	}
}

// TestAPaceThatCannotBeReadSendsNothing: without the database nothing could be stored
// either.
func TestAPaceThatCannotBeReadSendsNothing(t *testing.T) {
	w := newWorld().first()
	w.acts.Pacer = &pacer{err: errors.New("no database")}
	if _, err := w.acts.run(context.Background(), workflows.Request{Case: w.ref.Case, Intent: w.next.DecisionID}, dunning.VerbSend); err == nil || len(w.provider.order) > 0 {
		t.Errorf("%d left, %v", len(w.provider.order), err)
	}
}
