package dunning

import (
	"cmp"
	"slices"
	"time"
)

// MigrationSum adds up previews of many cases: how many move now, wait or are refused, from
// which step to which, what is waived, and whether anything leaves earlier than it would.
// The zero value is ready to use.
type MigrationSum struct {
	Cases   int `json:"cases"`
	Moves   int `json:"moves"`
	Waits   int `json:"waits"`
	Refused int `json:"refused"`
	Same    int `json:"same"` // follow the target already
	Failed  int `json:"failed"`

	Reasons []MigrationCount `json:"reasons,omitempty"` // of those that wait or are refused
	Paths   []MigrationPath  `json:"paths,omitempty"`   // of those that move now
	Waived  []MigrationCount `json:"waived,omitempty"`  // items by the step that is waived for them

	// SoonBefore and SoonAfter count the cases that move now and reach out within a day, by
	// the version followed now and by the target.
	SoonBefore int `json:"soon_before"`
	SoonAfter  int `json:"soon_after"`
	Earlier    int `json:"earlier"` // cases whose next thing comes earlier
	Later      int `json:"later"`   // cases whose next thing comes later
	// FirstBefore and FirstAfter are when the first of them does its next thing.
	FirstBefore time.Time `json:"first_before,omitzero"`
	FirstAfter  time.Time `json:"first_after,omitzero"`
}

// MigrationCount is how many there are of something.
type MigrationCount struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// MigrationPath is how many cases go from one step to another. An empty step is the end.
type MigrationPath struct {
	From string `json:"from"`
	To   string `json:"to"`
	N    int    `json:"n"`
}

// Add counts one preview.
func (s *MigrationSum) Add(p MigrationPreview) {
	s.Cases++
	switch p.Outcome {
	case MigrationWaits:
		s.Waits++
		s.Reasons = counted(s.Reasons, "waits: "+p.Why, 1)
		return
	case MigrationRefused:
		s.Refused++
		s.Reasons = counted(s.Reasons, "refused: "+p.Why, 1)
		return
	}
	s.Moves++
	s.addPath(p)
	for _, m := range p.Moves {
		for _, w := range m.Waived {
			s.Waived = counted(s.Waived, w, len(m.Items))
		}
	}
	s.addTimes(p.Before.At, p.After.At)
	if p.After.Reaches {
		s.SoonAfter++
	}
	if p.Before.Reaches {
		s.SoonBefore++
	}
}

// AddSame counts a case that follows the target already.
func (s *MigrationSum) AddSame() { s.Cases, s.Same = s.Cases+1, s.Same+1 }

// AddFailed counts a case to which the migration cannot be asked, and why.
func (s *MigrationSum) AddFailed(why string) {
	s.Cases, s.Failed = s.Cases+1, s.Failed+1
	s.Reasons = counted(s.Reasons, "not possible: "+why, 1)
}

// addPath follows the step that the next thing is about, else the first item's.
func (s *MigrationSum) addPath(p MigrationPreview) {
	from, to := p.Before.Step, p.After.Step
	if from == "" && to == "" && len(p.Moves) > 0 {
		from, to = p.Moves[0].From, p.Moves[0].To
	}
	i := slices.IndexFunc(s.Paths, func(x MigrationPath) bool { return x.From == from && x.To == to })
	if i < 0 {
		i, s.Paths = len(s.Paths), append(s.Paths, MigrationPath{From: from, To: to})
	}
	s.Paths[i].N++
	slices.SortStableFunc(s.Paths, func(a, b MigrationPath) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
}

func (s *MigrationSum) addTimes(before, after time.Time) {
	s.FirstBefore, s.FirstAfter = earliest(s.FirstBefore, before), earliest(s.FirstAfter, after)
	switch {
	case before.Equal(after), before.IsZero() && after.IsZero():
	case before.IsZero(), !after.IsZero() && after.Before(before):
		s.Earlier++
	default:
		s.Later++
	}
}

// earliest of two instants, where zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// counted adds to a count by name, the most first.
func counted(list []MigrationCount, what string, n int) []MigrationCount {
	i := slices.IndexFunc(list, func(c MigrationCount) bool { return c.What == what })
	if i < 0 {
		i, list = len(list), append(list, MigrationCount{What: what})
	}
	list[i].N += n
	slices.SortStableFunc(list, func(a, b MigrationCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.What, b.What)) })
	return list
}
