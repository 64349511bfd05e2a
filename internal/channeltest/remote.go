package channeltest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

// Taken is one message that a provider's side has taken.
type Taken struct{ To, Text string }

// Remote is the set-up for channels that hand over to a provider by a protocol of their
// own, such as SMTP.
type Remote struct {
	Channel dunning.Channel
	// New builds an adapter towards a provider that takes everything; taken is that
	// provider's own record, in order.
	New func(t testing.TB) (c Channel, taken func() []Taken)
	// Secrets must appear in nothing.
	Secrets []string
}

// RunRemote runs what is the same for every protocol.
func RunRemote(t *testing.T, s Remote) {
	t.Run("one Send is one hand-over", s.once)
	t.Run("recipients are never swapped", s.swapped)
	t.Run("a call that is over hands nothing over", s.over)
	t.Run("nothing after the window", s.window)
	t.Run("impossible messages are refused for good and cost nothing", s.impossible)
	t.Run("a look-up claims no more than is known", s.lookup)
	t.Run("twins are not taken for one another", s.twins)
}

func (s Remote) once(t *testing.T) {
	c, taken := s.New(t)
	m := Message(s.Channel, 1)
	out := c.Send(t.Context(), m)
	CheckOutcome(t, out)
	if out.State != dunning.SendAccepted || len(taken()) != 1 || taken()[0].To != m.To {
		t.Errorf("%+v, the provider took %d", out, len(taken()))
	}
	CheckSilent(t, m, s.Secrets, out, c)
}

func (s Remote) swapped(t *testing.T) {
	const workers, each = 6, 10
	c, taken := s.New(t)
	Parallel(workers, func(w int) {
		for i := range each {
			if out := c.Send(t.Context(), Message(s.Channel, w*each+i)); out.State != dunning.SendAccepted {
				t.Errorf("worker %d, message %d: %+v", w, i, out)
			}
		}
	})
	seen := map[string]bool{}
	for _, got := range taken() {
		i := -1
		for n := range workers * each {
			if Message(s.Channel, n).To == got.To {
				i = n
			}
		}
		if i < 0 || !strings.Contains(got.Text, fmt.Sprintf("#%d#", i)) {
			t.Error("somebody got another's message")
		}
		if seen[got.To] {
			t.Error("somebody got a message twice")
		}
		seen[got.To] = true
	}
	if len(seen) != workers*each {
		t.Errorf("%d of %d arrived", len(seen), workers*each)
	}
}

func (s Remote) over(t *testing.T) {
	c, taken := s.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := c.Send(ctx, Message(s.Channel, 1))
	CheckOutcome(t, out)
	if out.State != dunning.SendFailed || len(taken()) != 0 {
		t.Errorf("a cancelled call gave %+v, %d taken", out, len(taken()))
	}
}

func (s Remote) window(t *testing.T) {
	c, taken := s.New(t)
	m := Message(s.Channel, 1)
	m.NotAfter = m.At
	out := c.Send(t.Context(), m)
	CheckOutcome(t, out)
	if out.Class != dunning.FailedLater || len(taken()) != 0 {
		t.Errorf("at the end of the window: %+v, %d taken", out, len(taken()))
	}
}

func (s Remote) impossible(t *testing.T) {
	nobody, noAttempt, nothing, other := Message(s.Channel, 1), Message(s.Channel, 2), Message(s.Channel, 3), Message(s.Channel, 4)
	nobody.To, noAttempt.Attempt, nothing.Text, nothing.HTML, other.Channel = " \n ", "", " ", "", "pigeon"
	c, taken := s.New(t)
	for _, x := range []struct {
		m    dunning.Message
		want dunning.FailureClass
	}{{nobody, dunning.FailedRecipient}, {noAttempt, dunning.FailedConfig}, {nothing, dunning.FailedContent}, {other, dunning.FailedConfig}} {
		out := c.Send(t.Context(), x.m)
		CheckOutcome(t, out)
		if out.Class != x.want {
			t.Errorf("%+v, want class %s", out, x.want)
		}
	}
	if n := len(taken()); n != 0 {
		t.Errorf("%d impossible messages were taken", n)
	}
}

// twins: two attempts with the same text to the same address. What was taken of one proves
// nothing of the other, unless the provider's records cannot tell them apart; then all that
// look alike are named, so that whoever asks can see that it is not one.
func (s Remote) twins(t *testing.T) {
	c, _ := s.New(t)
	one, two, never := Message(s.Channel, 1), Message(s.Channel, 2), Message(s.Channel, 3)
	for _, m := range []*dunning.Message{&two, &never} {
		attempt := m.Attempt
		*m = one
		m.Attempt = attempt
	}
	ids := map[string]bool{}
	for _, m := range []dunning.Message{one, two} {
		if out := c.Send(t.Context(), m); out.State == dunning.SendAccepted {
			ids[out.ProviderID] = true
		}
	}
	if len(ids) != 2 {
		t.Fatalf("two attempts were accepted under %d ids", len(ids))
	}
	resembler, ok := c.(interface {
		Resembling(context.Context, dunning.Message) (dunning.Evidence, []string)
	})
	if !ok {
		if e := c.Lookup(t.Context(), never); e.Found == dunning.EvidenceAccepted {
			t.Errorf("an attempt that was never sent is found: %+v", e)
		}
		return
	}
	for _, m := range []dunning.Message{one, two, never} {
		e, looks := resembler.Resembling(t.Context(), m)
		if e.Found != dunning.EvidenceAccepted || len(looks) != 2 || !ids[looks[0]] || !ids[looks[1]] || looks[0] == looks[1] {
			t.Errorf("%+v names %v, want both of %v", e, looks, ids)
		}
	}
}

func (s Remote) lookup(t *testing.T) {
	c, _ := s.New(t)
	m := Message(s.Channel, 1)
	before := c.Lookup(t.Context(), m)
	c.Send(t.Context(), m)
	after := c.Lookup(t.Context(), m)
	if before.Found == dunning.EvidenceAccepted || after.Found == dunning.EvidenceNotAccepted {
		t.Errorf("before %+v, after %+v", before, after)
	}
	CheckSilent(t, m, s.Secrets, before, after)
}
