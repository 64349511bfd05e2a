package dunning

import (
	"slices"
	"time"
)

// tolerance is the account's tolerance in minor units.
func (f *Facts) tolerance() int64 {
	if f.Sequence == nil { // an account that no sequence has been chosen for yet
		return 0
	}
	return f.Sequence.Tolerance[f.Currency].Minor()
}

// collectable reports whether an item is in sequence and above tolerance: only
// such items lead or justify a step.
func (f *Facts) collectable(it *ItemState) bool {
	return it.Disposition == InSequence && it.Open > f.tolerance()
}

// heldItem reports whether a hold or dispute on this very item that stops
// contact or clock is in force (or its notice days run), and when that ends
// (zero: not known).
func (f *Facts) heldItem(it *ItemState, at time.Time) (bool, time.Time) {
	held, until := false, time.Time{}
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.Scope != ScopeItem || h.Item != it.Key || h.From.After(at) || !h.Contact && !h.Clock {
			continue
		}
		end := f.freeAgain(h)
		if end.IsZero() || end.After(at) {
			until = laterIf(held, until, end)
			held = true
		}
	}
	return held, until
}

// laterIf combines ends of several holds: the latest, zero when one is open.
func laterIf(have bool, a, b time.Time) time.Time {
	if !have {
		return b
	}
	return laterEnd(a, b)
}

// freeAgain is when a hold no longer keeps anything back: its end, and then
// its notice days. Zero while it is open.
func (f *Facts) freeAgain(h *HoldState) time.Time {
	if h.End.IsZero() || h.Notice == 0 {
		return h.End
	}
	return f.daysAfter(h.End, h.Notice)
}

// candidates are the items that may lead now: collectable and not held.
func (f *Facts) candidates(at time.Time) []*ItemState {
	var out []*ItemState
	for i := range f.Items {
		if it := &f.Items[i]; f.collectable(it) {
			if held, _ := f.heldItem(it, at); !held {
				out = append(out, it)
			}
		}
	}
	return out
}

// nextStep is the index of the item's own next step; len(Steps) after the last.
func (f *Facts) nextStep(it *ItemState) int {
	i := max(f.Sequence.StepIndex(it.from), 0)
	for i < len(f.Sequence.Steps) && f.stepDone(it, &f.Sequence.Steps[i]) {
		i++
	}
	return i
}

// stepDone reports whether a step is behind the item in its present round.
func (f *Facts) stepDone(it *ItemState, s *Step) bool {
	for _, c := range it.counted {
		if c.step == s.ID && c.round == it.Round {
			return true
		}
	}
	if s.Verb != VerbSend {
		return false
	}
	for i := range s.Send {
		done := f.entryDone(it, s, i)
		if s.Complete == CompleteAny && done {
			return true
		}
		if s.Complete != CompleteAny && !done {
			return false
		}
	}
	return s.Complete != CompleteAny && len(s.Send) > 0
}

func (f *Facts) entryDone(it *ItemState, s *Step, entry int) bool {
	for _, m := range it.marks {
		if m.step == s.ID && m.round == it.Round && (m.entry == entry || m.entry == wholeStep) {
			return true
		}
	}
	return false
}

// since is when the item's stage before a step ended: its last step done,
// waived or passed, else when the case began to care for it. Entries of that
// very step that have left already are not the step before.
func (f *Facts) since(it *ItemState, step string) time.Time {
	last := time.Time{}
	for _, c := range it.counted {
		if c.at.After(last) {
			last = c.at
		}
	}
	for _, m := range it.marks {
		if m.at.After(last) && (m.step != step || m.round != it.Round) {
			last = m.at
		}
	}
	if !last.IsZero() {
		return last
	}
	return later(f.CaseSince, it.known)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// birth is when the item's clock starts to matter for stops: the start of its
// day of issue; if that is missing or later than the due date, when the item
// became known or its due date began, whichever was first.
func (f *Facts) birth(it *ItemState) time.Time {
	if it.Issued.IsZero() || it.Due.Before(it.Issued) {
		return f.sooner(it.known, f.dayBegun(it.Due))
	}
	return f.dayBegun(it.Issued)
}

// matures is when a step matures for an item, by its own due date, the step
// before, and live days only. ok is false while an open hold stops the clock.
func (f *Facts) matures(it *ItemState, step int, stops []stop) (time.Time, bool) {
	s, at := &f.Sequence.Steps[step], time.Time{}
	if s.At != nil || s.MonthEnd != nil {
		t, ok := f.matured(s.day(it), it, stops)
		if !ok {
			return time.Time{}, false
		}
		at = t
	}
	if s.After != nil {
		base := f.since(it, s.ID)
		day := f.localDay(base).AddDays(*s.After)
		t, ok := f.live(day, stops, base)
		if !ok {
			return time.Time{}, false
		}
		at = later(at, t)
	}
	return at, true
}

// day is the calendar day on which a step with an offset matures for an item.
func (s *Step) day(it *ItemState) Date {
	if s.At != nil {
		return it.Due.AddDays(*s.At)
	}
	return it.Due.AddDays(*s.MonthEnd).MonthEnd()
}

// localDay is the latest calendar day of an instant over all candidate zones.
func (f *Facts) localDay(t time.Time) Date {
	day := DateOf(t.In(f.Zones[0]))
	for _, z := range f.Zones[1:] {
		if d := DateOf(t.In(z)); day.Before(d) {
			day = d
		}
	}
	return day
}

// stopsOf are the intervals in which an item's clock does not run: holds that
// stop the clock, plans, promises and leases; merged after rounding.
func (f *Facts) stopsOf(it *ItemState) []stop {
	var out []stop
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.Clock && (h.Scope != ScopeItem || h.Item == it.Key) && (h.End.IsZero() || h.End.After(h.From)) {
			out = append(out, stop{h.From, h.End})
		}
	}
	out = append(out, f.accountStops()...)
	slices.SortStableFunc(out, func(a, b stop) int { return a.from.Compare(b.from) })
	return f.mergeStops(out)
}

func (f *Facts) accountStops() []stop {
	var out []stop
	for i := range f.Plans {
		p := &f.Plans[i]
		out = append(out, stop{p.Agreed, p.Ended})
	}
	for i := range f.Promises {
		p := &f.Promises[i]
		end := p.Ended
		if end.IsZero() {
			end = f.promiseEnds(p)
		}
		out = append(out, stop{p.Made, end})
	}
	for i := range f.Settlements {
		if s := &f.Settlements[i]; !s.Agreed.IsZero() {
			end := s.Ended
			if end.IsZero() {
				end = f.dayEnded(s.Due)
			}
			out = append(out, stop{s.Agreed, end})
		}
	}
	for i := range f.Leases {
		l := &f.Leases[i]
		end := l.Ended
		if end.IsZero() {
			end = l.Until
		}
		out = append(out, stop{l.Taken, end})
	}
	return slices.DeleteFunc(out, func(s stop) bool { return !s.end.IsZero() && !s.end.After(s.from) })
}

// promiseEnds is when an open promise is judged: the end of its date plus
// grace, in every candidate zone.
func (f *Facts) promiseEnds(p *PromiseState) time.Time { return f.dayEnded(p.Due.AddDays(p.Grace)) }

// overdue reports whether the item is overdue at an instant: the day after its
// due date has begun in every candidate zone.
func (f *Facts) overdue(it *ItemState, at time.Time) bool {
	return it.Due.Before(f.firstDay(at))
}

// firstDay is the earliest calendar day of an instant over all candidate zones:
// every day up to it has begun everywhere.
func (f *Facts) firstDay(t time.Time) Date {
	day := DateOf(t.In(f.Zones[0]))
	for _, z := range f.Zones[1:] {
		if d := DateOf(t.In(z)); d.Before(day) {
			day = d
		}
	}
	return day
}

// rung is where one item stands: its own next step and when that matures.
type rung struct {
	item    *ItemState
	step    int
	at      time.Time
	blocked bool // an open hold stops its clock
}

func (f *Facts) rungOf(it *ItemState) rung {
	step := f.nextStep(it)
	if step == len(f.Sequence.Steps) {
		return rung{item: it, step: step}
	}
	at, ok := f.matures(it, step, f.stopsOf(it))
	return rung{item: it, step: step, at: at, blocked: !ok}
}

// opensWithin is how long before its first step an item opens a case.
const opensWithin = 48 * time.Hour

// Opens tells when an account's items first justify a case: 48 hours before
// the earliest next step of a collectable item. ok is false when none ever does.
func Opens(f Facts) (at time.Time, ok bool) {
	if f.Sequence == nil || f.covered() {
		return at, false
	}
	for i := range f.Items {
		it := &f.Items[i]
		if !f.collectable(it) {
			continue
		}
		t, does := f.opensAt(it)
		if does && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// opensAt is when one item justifies a case: from 48 hours before its first
// step on, however far it has come since.
func (f *Facts) opensAt(it *ItemState) (time.Time, bool) {
	if len(it.counted) > 0 || len(it.marks) > 0 || len(f.Sequence.Steps) == 0 {
		return it.known, true
	}
	s := &f.Sequence.Steps[0]
	if s.At == nil && s.MonthEnd == nil {
		return it.known, true
	}
	at, _ := f.matures(it, 0, nil) // by the calendar: a hold does not take the debt out of sight
	return at.Add(-opensWithin), true
}
