package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Script is one row of a rehearsal's script: something that happens at a business
// instant. Rows of one instant are played in the order of their keys.
type Script struct {
	Key  string
	At   time.Time
	Kind string
	Body json.RawMessage // JSON object; nil = {}
}

// Audience is the kind of a row that is never done: while it is there, sandbox
// messages that nobody has read hold the rehearsal clock.
const Audience = "audience"

// Unread is a sandbox message that the rehearsal's debtor has not read yet.
type Unread struct {
	Attempt   string
	At        time.Time
	Channel   dunning.Channel
	Recipient string // personal data outside rehearsals
}

// AddScript adds rows; rows whose key is there already stay as they are. It tells how
// many were new.
func (s *Store) AddScript(ctx context.Context, rows ...Script) (int64, error) {
	p := sqlgen.AddScriptParams{}
	for _, r := range rows {
		body := string(r.Body)
		if body == "" {
			body = "{}"
		}
		p.Keys, p.Ats = append(p.Keys, r.Key), append(p.Ats, r.At)
		p.Kinds, p.Bodies = append(p.Kinds, r.Kind), append(p.Bodies, body)
	}
	n, err := s.q.AddScript(ctx, p)
	if err != nil {
		return 0, fmt.Errorf("adding to the rehearsal's script: %w", explain(err))
	}
	return n, nil
}

// DueScript lists rows that are due at a business instant and not done, in order.
func (s *Store) DueScript(ctx context.Context, now time.Time, limit int) ([]Script, error) {
	rows, err := s.q.DueScript(ctx, now, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the rehearsal's script: %w", explain(err))
	}
	out := make([]Script, len(rows))
	for i, r := range rows {
		out[i] = Script{Key: r.Key, At: r.At, Kind: r.Kind, Body: r.Body}
	}
	return out, nil
}

// ScriptDone marks a row as played.
func (s *Store) ScriptDone(ctx context.Context, key string) error {
	if err := s.q.ScriptDone(ctx, key); err != nil {
		return fmt.Errorf("marking the rehearsal's script: %w", explain(err))
	}
	return nil
}

// ScriptLeft counts rows that are not done.
func (s *Store) ScriptLeft(ctx context.Context) (int64, error) {
	n, err := s.q.ScriptLeft(ctx)
	if err != nil {
		return 0, fmt.Errorf("counting the rehearsal's script: %w", explain(err))
	}
	return n, nil
}

// UnreadMessages lists sandbox messages that nobody has read, oldest first.
func (s *Store) UnreadMessages(ctx context.Context, limit int) ([]Unread, error) {
	rows, err := s.q.UnreadMessages(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading unread messages: %w", explain(err))
	}
	out := make([]Unread, len(rows))
	for i, r := range rows {
		m := dunning.Message{To: r.Recipient}
		if r.KeyID != "" {
			if m, err = s.openSandbox(r.Attempt, r.KeyID, r.Sealed); err != nil {
				return nil, err
			}
		}
		out[i] = Unread{r.Attempt, r.At, dunning.Channel(r.Channel), m.To}
	}
	return out, nil
}

// MessageRead marks a sandbox message as read.
func (s *Store) MessageRead(ctx context.Context, attempt string) error {
	if err := s.q.MessageRead(ctx, attempt); err != nil {
		return fmt.Errorf("marking a message as read: %w", explain(err))
	}
	return nil
}

// EarliestScript is the earliest instant after the given one at which the script has
// something that is not done, or a message lies unread while there is an audience.
func (s *Store) EarliestScript(ctx context.Context, after time.Time) (time.Time, bool, error) {
	return orNone(s.q.EarliestScript(ctx, after))
}

// EarliestWork is all that a rehearsal waits for: what EarliestPending, EarliestOpening
// and EarliestScript report, in one question. Every process that reads the rehearsal
// clock must ask it, or the clock would run past what the others wait for.
func (s *Store) EarliestWork(ctx context.Context, after time.Time) (time.Time, bool, error) {
	return orNone(s.q.EarliestWork(ctx, after))
}
