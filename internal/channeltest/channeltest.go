// Package channeltest is the conformance suite that every channel adapter of
// Duly passes. It is linked into tests only.
//
// It owns what all channels have in common: one hand-over per Send, outcomes
// that never claim more than is known, deadlines kept, nothing personal or
// secret in anything that an adapter returns or prints, recipients never
// swapped. What one provider's codes mean is tested beside its adapter.
package channeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// Start is the business instant at which the suite's messages are handed over.
var Start = time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)

// Later is the instant from which look-ups of the suite look back: long enough
// after Start for an empty record to prove something.
var Later = Start.Add(time.Hour)

// Channel is what every adapter is.
type Channel interface {
	Send(ctx context.Context, m dunning.Message) dunning.Outcome
	Lookup(ctx context.Context, m dunning.Message) dunning.Evidence
	Live() bool
}

// Markers that stand in every message of the suite and must come back in
// nothing that an adapter returns.
const (
	nameMarker = "Zebulon-Privatmann"
	textMarker = "owes-Kennwort-9000"
)

// Message returns the i-th message of the suite for a channel. Every message
// has a recipient and a text of its own, and the text names the recipient's
// ordinal as "#i#", so that a log shows whether the two belong together.
func Message(ch dunning.Channel, i int) dunning.Message {
	m := dunning.Message{
		Attempt: fmt.Sprintf("attempt-%06d", i), Channel: ch, ToName: fmt.Sprintf("%s %d", nameMarker, i), FromName: "Acme Billing",
		Text: fmt.Sprintf("Dear %s #%d#, %s EUR 12.34", nameMarker, i, textMarker), Locale: "en", At: Start,
	}
	switch ch {
	case dunning.SMS:
		m.To = fmt.Sprintf("+1202%07d", i)
	case dunning.Email:
		m.To, m.Subject = fmt.Sprintf("debtor%d@example.invalid", i), fmt.Sprintf("Reminder #%d#", i)
		m.HTML = "<p>" + m.Text + "</p>"
	case dunning.Letter:
		m.To, m.Subject = fmt.Sprintf("%s %d\nMain Street %d\n10115 Berlin", nameMarker, i, i), fmt.Sprintf("Reminder #%d#", i)
		m.Sender = []string{"Acme Billing", "1 Low Road", "20095 Hamburg"}
	}
	return m
}

// CheckSilent fails when anything that an adapter returned or prints holds
// personal data of m or one of the secrets.
func CheckSilent(t testing.TB, m dunning.Message, secrets []string, values ...any) {
	t.Helper()
	forbidden := append([]string{m.To, strings.TrimPrefix(m.To, "+"), strings.Split(m.To, "\n")[0], nameMarker, textMarker, m.Subject}, secrets...)
	for _, v := range values {
		text := fmt.Sprintf("%v %+v %#v", v, v, v)
		if js, err := json.Marshal(v); err == nil {
			text += string(js)
		}
		for _, f := range forbidden {
			if f != "" && strings.Contains(text, f) {
				t.Errorf("a returned or printed value shows %q: %s", f, text)
			}
		}
	}
}

// CheckOutcome fails when an outcome contradicts itself.
func CheckOutcome(t testing.TB, o dunning.Outcome) {
	t.Helper()
	switch o.State {
	case dunning.SendAccepted:
		if o.ProviderID == "" || o.Class != "" || o.Permanent {
			t.Errorf("accepted needs an id and no class: %+v", o)
		}
	case dunning.SendUnknown:
		if o.Class != "" || o.Code == "" || o.Permanent {
			t.Errorf("unknown needs a code and no class: %+v", o)
		}
	case dunning.SendFailed:
		permanent := o.Class == dunning.FailedRecipient || o.Class == dunning.FailedConfig || o.Class == dunning.FailedContent
		if o.Class == "" || o.Code == "" || o.Permanent != permanent || (o.Class == dunning.FailedLater) != (o.RetryAfter > 0) {
			t.Errorf("failed needs a class that agrees with Permanent and RetryAfter, and a code: %+v", o)
		}
	default:
		t.Errorf("no state: %+v", o)
	}
}

// Local is the set-up for channels that stay on the machine and know exactly
// what they hold: sandbox, letter.
type Local struct {
	Channels []dunning.Channel // what it takes
	New      func(t testing.TB) Channel
	Count    func(c Channel) int // messages that the store behind c holds
}

// RunLocal runs the suite for a local channel.
func RunLocal(t *testing.T, s Local) {
	for _, ch := range s.Channels {
		t.Run(string(ch), func(t *testing.T) {
			t.Run("stores once, whatever is repeated", func(t *testing.T) { s.once(t, ch) })
			t.Run("a look-up is exact", func(t *testing.T) { s.exact(t, ch) })
			t.Run("a call that is over stores nothing", func(t *testing.T) { s.over(t, ch) })
			t.Run("nothing after the window", func(t *testing.T) { s.window(t, ch) })
			t.Run("impossible messages are refused for good", func(t *testing.T) { s.impossible(t, ch) })
			t.Run("many goroutines", func(t *testing.T) { s.concurrent(t, ch) })
		})
	}
}

func (s Local) once(t *testing.T, ch dunning.Channel) {
	c, m := s.New(t), Message(ch, 1)
	first := c.Send(t.Context(), m)
	CheckOutcome(t, first)
	for range 3 {
		if again := c.Send(t.Context(), m); again != first || again.State != dunning.SendAccepted {
			t.Errorf("the same attempt again gave %+v after %+v", again, first)
		}
	}
	if n := s.Count(c); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
	CheckSilent(t, m, nil, first, c)
}

func (s Local) exact(t *testing.T, ch dunning.Channel) {
	c, m := s.New(t), Message(ch, 1)
	if e := c.Lookup(t.Context(), m); e.Found != dunning.EvidenceNotAccepted {
		t.Errorf("before the hand-over: %+v, want not_accepted", e)
	}
	out := c.Send(t.Context(), m)
	e := c.Lookup(t.Context(), m)
	if e.Found != dunning.EvidenceAccepted || e.ProviderID != out.ProviderID {
		t.Errorf("after the hand-over: %+v, want accepted with id %s", e, out.ProviderID)
	}
	if e := c.Lookup(t.Context(), Message(ch, 2)); e.Found != dunning.EvidenceNotAccepted {
		t.Errorf("another attempt: %+v, want not_accepted", e)
	}
	CheckSilent(t, m, nil, e)
}

func (s Local) over(t *testing.T, ch dunning.Channel) {
	c := s.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := c.Send(ctx, Message(ch, 1))
	CheckOutcome(t, out)
	if out.State == dunning.SendAccepted || s.Count(c) != 0 {
		t.Errorf("a cancelled call gave %+v and stored %d", out, s.Count(c))
	}
}

func (s Local) window(t *testing.T, ch dunning.Channel) {
	c, m := s.New(t), Message(ch, 1)
	m.NotAfter = m.At
	out := c.Send(t.Context(), m)
	CheckOutcome(t, out)
	if out.Class != dunning.FailedLater || s.Count(c) != 0 {
		t.Errorf("at the end of the window: %+v, %d stored; want later and none", out, s.Count(c))
	}
}

func (s Local) impossible(t *testing.T, ch dunning.Channel) {
	nobody, noAttempt := Message(ch, 1), Message(ch, 2)
	nobody.To, noAttempt.Attempt = " \n ", ""
	for want, m := range map[dunning.FailureClass]dunning.Message{dunning.FailedRecipient: nobody, dunning.FailedConfig: noAttempt} {
		c := s.New(t)
		out := c.Send(t.Context(), m)
		CheckOutcome(t, out)
		if out.Class != want || s.Count(c) != 0 {
			t.Errorf("%+v with %d stored, want class %s and none", out, s.Count(c), want)
		}
	}
}

func (s Local) concurrent(t *testing.T, ch dunning.Channel) {
	const workers, each = 8, 5
	c := s.New(t)
	Parallel(workers, func(worker int) {
		for i := range each {
			if out := c.Send(t.Context(), Message(ch, i)); out.State != dunning.SendAccepted {
				t.Errorf("worker %d, message %d: %+v", worker, i, out)
			}
		}
	})
	if n := s.Count(c); n != each {
		t.Errorf("%d goroutines sent the same %d attempts: %d stored", workers, each, n)
	}
}

// Parallel runs f in n goroutines and waits for all.
func Parallel(n int, f func(worker int)) {
	var wg sync.WaitGroup
	for worker := range n {
		wg.Go(func() { f(worker) })
	}
	wg.Wait()
}
