package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Paused is how long a provider still wants to be left alone (wall time); 0: not at all.
func (s *Store) Paused(ctx context.Context, provider string) (time.Duration, error) {
	us, _, err := orNone(s.q.PaceOf(ctx, provider))
	if err != nil {
		return 0, fmt.Errorf("pace of %s: %w", provider, err)
	}
	return time.Duration(us) * time.Microsecond, nil
}

// Pause keeps all workers from a provider for so long. A longer pause stands.
func (s *Store) Pause(ctx context.Context, provider string, d time.Duration) error {
	if err := s.q.PauseSender(ctx, provider, interval(d)); err != nil {
		return fmt.Errorf("pausing %s: %w", provider, explain(err))
	}
	return nil
}

// TakePace is how long to wait for a sender's turn, among all workers: one message every
// so often, burst at once after a silence. The turn is taken unless the wait is longer than
// patience.
func (s *Store) TakePace(ctx context.Context, sender string, every time.Duration, burst int, patience time.Duration) (time.Duration, error) {
	us, err := s.q.TakePace(ctx, sqlgen.TakePaceParams{
		Sender: sender, Every: interval(every), Slack: interval(time.Duration(max(burst, 1)-1) * every), Patience: interval(patience),
	})
	if err != nil {
		return 0, fmt.Errorf("pace of %s: %w", sender, explain(err))
	}
	return time.Duration(max(us, 0)) * time.Microsecond, nil
}
