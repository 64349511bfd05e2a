package sandbox

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
)

func TestConformance(t *testing.T) {
	channeltest.RunLocal(t, channeltest.Local{
		Channels: []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter},
		New:      func(testing.TB) channeltest.Channel { return New(&Memory{}) },
		Count:    func(c channeltest.Channel) int { return len(c.(*Adapter).store.(*Memory).All()) },
	})
}

// broken is a store whose database has gone away.
type broken struct{}

func (broken) Put(context.Context, string, time.Time, dunning.Message) error {
	return errors.New("connection to +12025550100's database lost")
}

func (broken) Has(context.Context, string) (bool, error) { return false, errors.New("lost") }

func TestAFailingStoreIsUnknown(t *testing.T) {
	a, m := New(broken{}), channeltest.Message(dunning.SMS, 1)
	out, e := a.Send(t.Context(), m), a.Lookup(t.Context(), m)
	channeltest.CheckOutcome(t, out)
	channeltest.CheckSilent(t, m, []string{"+12025550100"}, out, e)
	if out.State != dunning.SendUnknown || e.Found != dunning.EvidenceCannotKnow {
		t.Errorf("the commit may have happened: got %+v and %+v, want unknown and cannot_know", out, e)
	}
}

func TestNeverLive(t *testing.T) {
	if New(&Memory{}).Live() {
		t.Error("the sandbox never leaves the machine")
	}
}

func TestMemoryKeepsTheFirstAndOrders(t *testing.T) {
	var s Memory
	first, again := channeltest.Message(dunning.SMS, 1), channeltest.Message(dunning.SMS, 1)
	again.Text = "another text under the same attempt"
	for _, p := range []struct {
		attempt string
		at      time.Duration
		m       dunning.Message
	}{{"b", time.Hour, first}, {"c", 0, first}, {"b", 0, again}, {"a", time.Hour, first}} {
		if err := s.Put(t.Context(), p.attempt, channeltest.Start.Add(p.at), p.m); err != nil {
			t.Fatal(err)
		}
	}
	got := ""
	for _, row := range s.All() {
		got += row.Attempt
		if row.Message.Text != first.Text {
			t.Errorf("attempt %s was overwritten", row.Attempt)
		}
	}
	if got != "cab" {
		t.Errorf("order %q, want by instant, then attempt: cab", got)
	}
}
