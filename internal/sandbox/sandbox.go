// Package sandbox is the channel for every Duly without providers: messages
// are stored where people can see them and never leave the machine.
//
// It owns nothing but the conversation with its store; the store (Postgres in
// a running Duly, Memory in tests) owns the messages.
package sandbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
)

// Store keeps sandbox messages by attempt id. Put must be idempotent by
// attempt (the first message of an attempt stays) and durable when it returns;
// Has answers exactly. Both may be called by many goroutines.
type Store interface {
	Put(ctx context.Context, attempt string, at time.Time, m dunning.Message) error
	Has(ctx context.Context, attempt string) (bool, error)
}

// Adapter is the sandbox as any channel: it takes email, SMS and letters.
type Adapter struct{ store Store }

// New returns an adapter over store.
func New(store Store) *Adapter { return &Adapter{store: store} }

// Live is always false: nothing leaves the machine.
func (*Adapter) Live() bool { return false }

// String names the adapter.
func (*Adapter) String() string { return "sandbox" }

// ProviderID is the sandbox's own name for the message of an attempt.
func ProviderID(attempt string) string { return "sandbox-" + attempt }

// Send stores m. A store that fails may have stored it all the same, so its
// outcome is unknown and Lookup decides.
func (a *Adapter) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	switch {
	case m.Attempt == "":
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedConfig, Code: "sandbox:no_attempt", Permanent: true}
	case strings.TrimSpace(m.To) == "":
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedRecipient, Code: "sandbox:no_recipient", Permanent: true}
	case ctx.Err() != nil:
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "sandbox:" + ended(ctx)}
	case !m.NotAfter.IsZero() && !m.At.Before(m.NotAfter):
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "sandbox:window_over", RetryAfter: 30 * time.Second, Alone: true}
	}
	if err := a.store.Put(ctx, m.Attempt, m.At, m); err != nil {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "sandbox:store"}
	}
	return dunning.Outcome{State: dunning.SendAccepted, ProviderID: ProviderID(m.Attempt)}
}

func ended(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "timeout"
	}
	return "canceled"
}

// Lookup is exact: the store has the attempt or it has not.
func (a *Adapter) Lookup(ctx context.Context, m dunning.Message) dunning.Evidence {
	has, err := a.store.Has(ctx, m.Attempt)
	switch {
	case err != nil:
		return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "sandbox:store", Unread: true}
	case has:
		return dunning.Evidence{Found: dunning.EvidenceAccepted, ProviderID: ProviderID(m.Attempt), Code: "sandbox:stored"}
	}
	return dunning.Evidence{Found: dunning.EvidenceNotAccepted, Code: "sandbox:not_stored"}
}

// Stored is one message in a Memory.
type Stored struct {
	Attempt string
	At      time.Time
	Message dunning.Message
}

// Memory is a Store in memory, for tests and simulations. Its zero value is
// ready.
type Memory struct {
	mu   sync.Mutex
	rows map[string]Stored
}

// Put implements Store.
func (s *Memory) Put(ctx context.Context, attempt string, at time.Time, m dunning.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[string]Stored{}
	}
	if _, there := s.rows[attempt]; !there {
		s.rows[attempt] = Stored{Attempt: attempt, At: at, Message: m}
	}
	return nil
}

// Has implements Store.
func (s *Memory) Has(ctx context.Context, attempt string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.rows[attempt]
	return there, nil
}

// All returns the stored messages, oldest hand-over first, then by attempt.
func (s *Memory) All() []Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Stored, 0, len(s.rows))
	for _, row := range s.rows {
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b Stored) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.Attempt, b.Attempt)
	})
	return out
}
