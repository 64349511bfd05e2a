package app

import (
	"context"
	"sync"
	"time"

	"github.com/duly/duly/internal/clock"
)

// stirs answers, for all activities of a process that wait for their instant, whether
// something has happened to their case. One question to the database serves them all for
// a moment: in a rehearsal a thousand may wait at once.
type stirs struct {
	ask  func(context.Context) ([]string, error)
	wall func() time.Time

	mu    sync.Mutex
	asked time.Time
	cases map[string]bool
}

// stirFor is how long an answer is good.
const stirFor = 20 * time.Millisecond

func newStirs(ask func(context.Context) ([]string, error)) *stirs {
	return &stirs{ask: ask, wall: clock.Wall}
}

// has reports whether something has happened to a case. When the database does not answer
// nothing has: the waiting ends by itself.
func (s *stirs) has(ctx context.Context, caseID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.wall(); s.asked.IsZero() || now.Sub(s.asked) >= stirFor {
		ids, err := s.ask(ctx)
		if err != nil {
			return false
		}
		s.asked, s.cases = now, make(map[string]bool, len(ids))
		for _, id := range ids {
			s.cases[id] = true
		}
	}
	return s.cases[caseID]
}
