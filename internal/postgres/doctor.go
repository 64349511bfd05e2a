package postgres

import (
	"context"
	"fmt"
	"time"
)

// Kinds of violations that Doctor finds.
const (
	// NoNext: an open case that nothing will ever wake.
	NoNext = "no_next"
	// HoldUnowned: a case waits for an open hold that nobody owns.
	HoldUnowned = "hold_unowned"
	// Late: an open case should have decided long ago.
	Late = "late"
	// NudgeLate: a nudge of an open case has not been delivered for long.
	NudgeLate = "nudge_late"
	// ContactStuck: a contact is in a provider's hands for long, or unknown past its
	// deadline without anybody being asked.
	ContactStuck = "contact_stuck"
	// VersionWrong: a debtor's version is not that of its last facts.
	VersionWrong = "version_wrong"
	// MessageTwice: a provider's id is recorded for two contacts, so one of them was proven by
	// the other's message.
	MessageTwice = "message_twice"
	// ListsDrift: lists show something else of an account than its log says; see CheckReads.
	ListsDrift = "lists_drift"
)

// Violation is something that must not be. It holds ids and codes only.
type Violation struct {
	Kind    string
	Case    string    // "" where no case is concerned
	Subject string    // contact or debtor, where not the case itself
	Since   time.Time // since when, zero if unknown
	Detail  string    // a code
}

const (
	// lateAfter is when an open case is late for Doctor: the sweeper wakes it after
	// five minutes, so a quarter of an hour means that nobody does.
	lateAfter = 15 * time.Minute
	// stuckAfter is longer than any call of a provider.
	stuckAfter = time.Hour
	// doctorMost bounds each kind of finding: a report is for people.
	doctorMost = 1000
)

// Doctor lists what breaks "no open case without a next thing" and its neighbours, as
// of a business instant, by kind and then by id; at most a thousand of each kind.
func (s *Store) Doctor(ctx context.Context, now time.Time) ([]Violation, error) {
	var out []Violation
	for _, find := range []func(context.Context, time.Time) ([]Violation, error){
		s.findNoNext, s.findUnowned, s.findLate, s.findNudges, s.findStuck, s.findVersions, s.findTwice,
	} {
		found, err := find(ctx, now)
		if err != nil {
			return nil, fmt.Errorf("examining the store: %w", explain(err))
		}
		out = append(out, found...)
	}
	return out, nil
}

func (s *Store) findNoNext(ctx context.Context, _ time.Time) ([]Violation, error) {
	rows, err := s.q.CasesWithoutNext(ctx, doctorMost)
	return violations(rows, err, func(i int) Violation {
		return Violation{Kind: NoNext, Case: rows[i].ID, Since: value(rows[i].DecidedAt), Detail: rows[i].Waiting}
	})
}

func (s *Store) findUnowned(ctx context.Context, _ time.Time) ([]Violation, error) {
	rows, err := s.q.HoldsWithoutOwner(ctx, doctorMost)
	return violations(rows, err, func(i int) Violation { return Violation{Kind: HoldUnowned, Case: rows[i]} })
}

func (s *Store) findLate(ctx context.Context, now time.Time) ([]Violation, error) {
	rows, err := s.q.CasesLate(ctx, now.Add(-lateAfter), doctorMost)
	return violations(rows, err, func(i int) Violation { return Violation{Kind: Late, Case: rows[i].ID, Since: rows[i].At} })
}

// findNudges measures by the database's own clock: nudges know no business time.
func (s *Store) findNudges(ctx context.Context, _ time.Time) ([]Violation, error) {
	rows, err := s.q.NudgesLate(ctx, interval(lateAfter), doctorMost)
	return violations(rows, err, func(i int) Violation {
		return Violation{Kind: NudgeLate, Case: rows[i].CaseID, Since: rows[i].CreatedAt}
	})
}

func (s *Store) findStuck(ctx context.Context, now time.Time) ([]Violation, error) {
	rows, err := s.q.ContactsStuck(ctx, now.Add(-stuckAfter), doctorMost)
	return violations(rows, err, func(i int) Violation {
		return Violation{Kind: ContactStuck, Case: rows[i].CaseID, Subject: rows[i].ID, Since: rows[i].StateAt, Detail: rows[i].State}
	})
}

func (s *Store) findVersions(ctx context.Context, _ time.Time) ([]Violation, error) {
	rows, err := s.q.VersionsWrong(ctx, doctorMost)
	return violations(rows, err, func(i int) Violation {
		return Violation{Kind: VersionWrong, Subject: rows[i].ID, Detail: fmt.Sprintf("version %d, facts up to %d", rows[i].Version, rows[i].Logged)}
	})
}

func (s *Store) findTwice(ctx context.Context, _ time.Time) ([]Violation, error) {
	rows, err := s.q.ProviderMessagesTwice(ctx, doctorMost)
	return violations(rows, err, func(i int) Violation {
		return Violation{Kind: MessageTwice, Case: rows[i].CaseID, Subject: rows[i].ID, Since: rows[i].StateAt, Detail: rows[i].Channel}
	})
}

func violations[T any](rows []T, err error, of func(i int) Violation) ([]Violation, error) {
	out := make([]Violation, len(rows))
	for i := range rows {
		out[i] = of(i)
	}
	return out, err
}

// Totals are how much there is of what, for summaries and metrics.
type Totals struct{ OpenCases, ClosedCases, Contacts, Unknown, OpenTasks, Nudges int64 }

// Totals counts.
func (s *Store) Totals(ctx context.Context) (Totals, error) {
	r, err := s.q.Totals(ctx)
	if err != nil {
		return Totals{}, fmt.Errorf("counting: %w", explain(err))
	}
	return Totals(r), nil
}
