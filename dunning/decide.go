package dunning

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ErrUnsettled is returned by Settle when records keep following one another.
var ErrUnsettled = errors.New("decisions do not settle")

// maxRecords bounds how many records in a row one look may write.
const maxRecords = 200

// due reports whether a decision is to be carried out at an instant.
func (d Decision) due(at time.Time) bool { return !d.WakeAt.IsZero() && !d.WakeAt.After(at) }

// Settle decides, and as long as a decision only records what has become true,
// applies it and decides again. It returns the facts after all records and the
// decisions in order; the last is the one to carry out or wait for. The
// receiver's facts are not changed.
func Settle(f Facts, at time.Time) (Facts, []Decision, error) {
	var made []Decision
	for range maxRecords {
		d := Decide(f, at)
		made = append(made, d)
		if d.Verb != VerbRecord {
			return f, made, nil
		}
		g, err := f.Apply(d.Effects)
		if err != nil {
			return f, made, err
		}
		f = g
	}
	return f, made, fmt.Errorf("%w after %d records at step %q", ErrUnsettled, maxRecords, made[len(made)-1].Step)
}

// Decide says what to do about the case at an instant, or until when to wait.
// A refusal carries the rule and the earliest instant that could be a yes. It
// reads its arguments only; the same facts and instant give the same decision.
func Decide(f Facts, at time.Time) Decision {
	d := f.movesBefore(f.turnsBefore(f.decide(at), at), at)
	d.At, d.Version = at, f.Version
	if f.Sequence != nil {
		d.Sequence = f.Sequence.ID + "@" + f.Sequence.Version
	}
	if f.Migration() != nil {
		d.Target = f.Target.Name()
	}
	if f.Record {
		d.Versions = f.Setup.Versions
	}
	return d
}

func (f *Facts) decide(at time.Time) Decision {
	if f.Sequence == nil || f.Case == "" {
		return Decision{Verb: VerbLook, Waiting: "no_case"}
	}
	if f.succeeded { // what there is to do is the newer case's
		return Decision{Verb: VerbLook, Waiting: "closed"}
	}
	if facts := f.pending(at); len(facts) > 0 {
		return Decision{Verb: VerbRecord, WakeAt: at, Effects: facts, Reason: string(facts[0].Body.Kind())}
	}
	reason := f.closing(at)
	if d, ok := f.courtesy(at, reason); ok && (d.due(at) || reason != "") {
		return d // the case closes when its thanks have left
	}
	if reason != "" {
		return Decision{Verb: VerbClose, WakeAt: at, Reason: reason, Effects: f.close(at, reason)}
	}
	asked, ok := f.asked(at)
	if ok && asked.due(at) {
		return asked
	}
	d := f.next(at)
	if ok && !d.due(at) && (d.WakeAt.IsZero() || asked.WakeAt.Before(d.WakeAt)) {
		return asked
	}
	return d
}

// next is what the case itself does next, or waits for.
func (f *Facts) next(at time.Time) Decision {
	w, waits := f.blocked(at)
	if waits && !w.contactOnly {
		return Decision{Verb: VerbLook, Waiting: w.state, Rule: w.rule, WakeAt: f.wake(w.until, at)}
	}
	return f.climb(at, w, waits)
}

// wake keeps an instant that lies ahead and looks again a day later where the
// state's end has passed without ending it.
func (f *Facts) wake(t, at time.Time) time.Time {
	if t.IsZero() || t.After(at) {
		return t
	}
	return at.Add(24 * time.Hour)
}

// close ends the case, and with it a collector's hold of it and a migration that waits.
func (f *Facts) close(at time.Time, reason string) []Fact {
	var out []Fact
	for i := range f.Leases {
		if l := &f.Leases[i]; l.Ended.IsZero() {
			out = append(out, f.fact(at, LeaseEnded{l.ID, "closed"}))
		}
	}
	if m := f.Migration(); m != nil { // a case that re-opens keeps the version it had
		out = append(out, f.fact(at, MigrationEnded{m.ID, "closed"}))
	}
	return append(out, f.fact(at, CaseClosed{Reason: reason}))
}

// climb finds the next rung of the account's ladder and decides over it.
func (f *Facts) climb(at time.Time, w wait, waits bool) Decision {
	items := f.candidates(at)
	if d, ok := f.exhaust(at, items); ok {
		return d
	}
	if d, ok := f.ending(at); ok {
		return d
	}
	rungs := f.rungs(at, items)
	group, step := f.due(at, rungs)
	if len(group) == 0 {
		return f.ahead(at, rungs)
	}
	if d, ok := f.enter(at, group); ok {
		return d
	}
	d, conditions, ok := f.pass(at, group)
	if !ok {
		d = f.act(at, &f.Sequence.Steps[step], group, w, waits)
	}
	d.Conditions = conditions
	return d
}

// act decides over a matured step, unless contact is held back.
func (f *Facts) act(at time.Time, s *Step, group []rung, w wait, waits bool) Decision {
	if !waits || !s.contacts() {
		return f.dispatch(at, s, group)
	}
	d := f.decisionFor(at, s, group)
	d.Verb, d.Waiting, d.Rule, d.Reason, d.Deferred = VerbLook, w.state, w.rule, w.rule, true
	d.WakeAt, d.NotBefore = f.wake(w.until, at), w.until
	return d
}

// contacts reports whether a step reaches out to the debtor.
func (s *Step) contacts() bool {
	return s.Verb == VerbSend || s.Verb == VerbOffer || s.Verb == VerbCall
}

// rungs are where the items stand that may be acted on: under `leading` the
// leading item alone, under `each` all of them.
func (f *Facts) rungs(at time.Time, items []*ItemState) []rung {
	if f.Sequence.Ladder != LadderEach && len(items) > 1 {
		items = items[:1] // oldest due first: the leading item
	}
	out := make([]rung, 0, len(items))
	for _, it := range items {
		if r := f.rungOf(it); !r.blocked && r.step < len(f.Sequence.Steps) {
			if at.Sub(r.at) < longPast {
				r.at = f.planned(&f.Sequence.Steps[r.step], r.at)
			}
			out = append(out, r)
		}
	}
	return out
}

// due is the group of items whose step is to be acted on now, and that step:
// the most advanced among those that have matured. A step of which one channel
// has left is finished before another begins. The group takes the place of the
// rungs when it is not empty.
func (f *Facts) due(at time.Time, rungs []rung) (group []rung, step int) {
	begun := false
	group, step = rungs[:0], -1
	for _, r := range rungs {
		if r.at.After(at) {
			continue
		}
		switch b := r.begun(&f.Sequence.Steps[r.step]); {
		case begun && !b:
			continue
		case b && !begun:
			group, step, begun = group[:0], -1, true
		}
		group = append(group, r)
		step = max(step, r.step)
	}
	return f.together(group, step), step
}

// together keeps the rungs that one dispatch of a step can serve: all items at
// that step, and for a message that Duly sends also items at lower steps that
// are messages.
func (f *Facts) together(group []rung, step int) []rung {
	return slices.DeleteFunc(group, func(r rung) bool {
		top := &f.Sequence.Steps[step]
		return r.step != step && (top.Verb != VerbSend || top.Mode == ModeManual || f.Sequence.Steps[r.step].Verb != VerbSend)
	})
}

// begun reports whether an entry of the step has already left for the item.
func (r rung) begun(s *Step) bool {
	for _, m := range r.item.marks {
		if m.step == s.ID && m.round == r.item.Round {
			return true
		}
	}
	return false
}

// ahead plans the next thing when nothing has matured: the earliest maturity,
// or the end of a hold that keeps an item back.
func (f *Facts) ahead(at time.Time, rungs []rung) Decision {
	d := Decision{Verb: VerbLook, Waiting: "matures"}
	for _, r := range rungs {
		if d.WakeAt.IsZero() || r.at.Before(d.WakeAt) {
			s := &f.Sequence.Steps[r.step]
			d.Verb, d.Step, d.Round, d.WakeAt = s.plannedVerb(), s.ID, r.item.Round, r.at
			d.Contact = f.plannedContact(s)
		}
	}
	if t := f.freed(at); !t.IsZero() && (d.WakeAt.IsZero() || t.Before(d.WakeAt)) {
		d = Decision{Verb: VerbLook, Waiting: "hold", WakeAt: t}
	}
	if t := f.spaced(sameDispatch{}); t.After(at) && (d.WakeAt.IsZero() || t.Before(d.WakeAt)) && len(f.unended(at)) > 0 {
		d = Decision{Verb: VerbLook, Waiting: "spacing", WakeAt: t}
	}
	if d.WakeAt.IsZero() {
		d.Waiting = "hold"
	}
	return d
}

// plannedVerb is what the shell will be asked to do when the step matures.
func (s *Step) plannedVerb() Verb {
	if s.Mode == ModeManual || s.Mode == ModeDraft && len(s.entries()) > 0 {
		return VerbTask
	}
	return s.Verb
}

// plannedContact names the channel that the shell can expect.
func (f *Facts) plannedContact(s *Step) *ContactPlanned {
	if s.plannedVerb() != VerbSend && s.plannedVerb() != VerbOffer {
		return nil
	}
	entries := s.entries()
	if len(entries) == 0 {
		return nil
	}
	return &ContactPlanned{Step: s.ID, Channel: entries[0].Channel, Template: entries[0].Template}
}

// longPast is longer than any local day lasts in all candidate zones together:
// what matured so long ago has also been planned to leave by now.
const longPast = 72 * time.Hour

// planned moves a maturity to the time of day at which the dispatch can leave,
// as long as that is the same local day. What pushes it further is decided,
// and recorded, when the step has matured. It is part of when a rung matures, so
// that a look in between (a nudge that comes twice) decides nothing else.
func (f *Facts) planned(s *Step, t time.Time) time.Time {
	if !s.contacts() || s.Verb == VerbCall {
		return t
	}
	open, ok := f.windowOpen(f.Sequence.Window, t)
	if ok && f.localDay(open) == f.localDay(t) && open.Before(f.daysAfter(t, 1)) {
		return open
	}
	return t
}

// freed is the earliest end of a hold on a single item that keeps it back now.
func (f *Facts) freed(at time.Time) time.Time {
	var first time.Time
	for i := range f.Items {
		it := &f.Items[i]
		if !f.collectable(it) && !f.awaitsEnd(it) {
			continue
		}
		if held, until := f.heldItem(it, at); held && !until.IsZero() && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first
}

// pass asks the conditions of the group's steps, lowest first, and records the
// first that is false; one that cannot be evaluated parks the case with a task.
// A step that has begun is not asked again.
func (f *Facts) pass(at time.Time, group []rung) (Decision, []ConditionValue, bool) {
	var values []ConditionValue
	var view View
	for i := range f.Sequence.Steps {
		s := &f.Sequence.Steps[i]
		keys := atStep(group, i)
		if s.When == nil || len(keys) == 0 || anyBegun(group, s, i) {
			continue
		}
		if len(values) == 0 {
			view = f.view(at)
		}
		yes, err := s.When.Eval(view)
		values = append(values, ConditionValue{Step: s.ID, Source: s.When.String(), Result: yes})
		if err != nil {
			values[len(values)-1].Error = err.Error()
			return f.park(at, s, keys), values, true
		}
		if !yes {
			return Decision{
				Verb: VerbRecord, WakeAt: at, Step: s.ID, Reason: "passed",
				Effects: []Fact{f.fact(at, StepPassed{Items: keys, Step: s.ID, When: s.When.String()})},
			}, values, true
		}
	}
	return Decision{}, values, false
}

// park asks operations about a step whose condition cannot be evaluated.
func (f *Facts) park(at time.Time, s *Step, keys []string) Decision {
	t := TaskOpened{ID: f.taskID("condition", s.ID, f.nth()), Task: TaskParked, Queue: f.Creditor.Queues.Operations, Step: s.ID, Items: keys, Reason: "condition_failed"}
	return Decision{Verb: VerbTask, WakeAt: at, Step: s.ID, Queue: t.Queue, Effects: []Fact{f.fact(at, t)}}
}

func anyBegun(group []rung, s *Step, step int) bool {
	return slices.ContainsFunc(group, func(r rung) bool { return r.step == step && r.begun(s) })
}

// nth numbers the tasks of the account: ids must not repeat within a second.
func (f *Facts) nth() string { return strconv.Itoa(len(f.Tasks) + 1) }

func atStep(group []rung, step int) []string {
	var keys []string
	for _, r := range group {
		if r.step == step {
			keys = append(keys, r.item.Key)
		}
	}
	return keys
}

// enter waives steps of debts that were already old at intake when the
// sequence wants them to start at the matching step.
func (f *Facts) enter(at time.Time, group []rung) (Decision, bool) {
	if f.Sequence.Entry != EntryMatching {
		return Decision{}, false
	}
	d := Decision{Verb: VerbRecord, WakeAt: at, Reason: "waived_entry"}
	for _, r := range group {
		if len(r.item.counted) > 0 || len(r.item.marks) > 0 {
			continue
		}
		if last := f.lastMatured(r, later(f.CaseSince, r.item.known)); last > r.step {
			d.Effects = f.waived(at, d.Effects, r.item.Key, f.stepIDs(r.step, last), "entry")
		}
	}
	if len(d.Effects) == 0 {
		return d, false
	}
	d.Step = d.Effects[0].Body.(StepsWaived).Steps[0]
	return d, true
}

// waived adds a waiver to others, together with one of the same steps.
func (f *Facts) waived(at time.Time, to []Fact, key string, steps []string, why string) []Fact {
	for i := range to {
		if w := to[i].Body.(StepsWaived); slices.Equal(w.Steps, steps) {
			w.Items = append(w.Items, key)
			to[i].Body = w
			return to
		}
	}
	return append(to, f.fact(at, StepsWaived{Items: []string{key}, Steps: steps, Why: why}))
}

// lastMatured is the most advanced step of the item that had matured by its
// own due date at an instant. A step that counts days from the step before
// cannot have matured while that step was not done.
func (f *Facts) lastMatured(r rung, by time.Time) int {
	last, stops := r.step, f.stopsOf(r.item)
	for i := r.step; i < len(f.Sequence.Steps); i++ {
		s := &f.Sequence.Steps[i]
		if s.After != nil && i > r.step || s.At == nil && s.MonthEnd == nil {
			break
		}
		if t, ok := f.matured(s.day(r.item), r.item, stops); !ok || t.After(by) {
			break
		}
		last = i
	}
	return last
}

// exhaust records, once, that items have no step left.
func (f *Facts) exhaust(at time.Time, items []*ItemState) (Decision, bool) {
	var keys []string
	for _, it := range items {
		if f.nextStep(it) == len(f.Sequence.Steps) {
			keys = append(keys, it.Key)
		}
	}
	if len(keys) == 0 {
		return Decision{}, false
	}
	return Decision{
		Verb: VerbRecord, WakeAt: at, Reason: "exhausted",
		Effects: []Fact{f.fact(at, ItemsDisposed{Items: keys, To: Exhausted, Reason: "exhausted"})},
	}, true
}

// awaitsEnd reports whether the end action has not been taken for an
// exhausted item.
func (f *Facts) awaitsEnd(it *ItemState) bool {
	end := f.Sequence.End
	if end == (EndAction{}) || end.Close != nil && end.Close.Disposition == Exhausted {
		return false
	}
	return it.Disposition == Exhausted && it.Open > f.tolerance() && !f.endTaken(it)
}

// endTaken reports whether the end action's task already covers an item as it
// stands: not if it has come back since.
func (f *Facts) endTaken(it *ItemState) bool {
	return slices.ContainsFunc(f.Tasks, func(t TaskState) bool {
		return t.Step == "" && t.Task == TaskEscalation && slices.Contains(t.Items, it.Key) && !t.Opened.Before(it.again)
	})
}

// unendedMinor is what the end action would be about, held items and all, less
// credit; 0 when that is below the minimum of a referral.
func (f *Facts) unendedMinor() int64 {
	sum := -f.Credit
	for i := range f.Items {
		if it := &f.Items[i]; f.awaitsEnd(it) {
			sum += it.Open
		}
	}
	return f.enough(sum)
}

// enough is a sum if the end action may be taken over it, else 0.
func (f *Facts) enough(sum int64) int64 {
	if r := f.Sequence.End.Refer; r != nil && sum < r.Minimum[f.Currency].Minor() {
		return 0
	}
	return max(sum, 0)
}

// unended are the items over which the end action can be taken at an instant:
// those that no hold of their own keeps back.
func (f *Facts) unended(at time.Time) []string {
	var keys []string
	sum := -f.Credit
	for i := range f.Items {
		it := &f.Items[i]
		if !f.awaitsEnd(it) {
			continue
		}
		if held, _ := f.heldItem(it, at); !held {
			keys, sum = append(keys, it.Key), sum+it.Open
		}
	}
	if f.enough(sum) == 0 {
		return nil
	}
	return keys
}

// ending takes the end action for exhausted items, spaced like any step.
func (f *Facts) ending(at time.Time) (Decision, bool) {
	keys := f.unended(at)
	if len(keys) == 0 || f.spaced(sameDispatch{}).After(at) {
		return Decision{}, false
	}
	lines, end := f.lines(keys, ""), f.Sequence.End
	d := Decision{WakeAt: at, Reason: "end", Items: lines, Total: f.total(lines)}
	switch {
	case end.Escalate != nil:
		d.Verb, d.Queue = VerbEscalate, end.Escalate.Queue
		t := TaskOpened{ID: f.taskID("end", f.nth()), Task: TaskEscalation, Queue: d.Queue, Items: keys, Reason: "exhausted"}
		if end.Escalate.SLA > 0 {
			t.Until = f.daysAfter(at, end.Escalate.SLA)
		}
		d.Effects = []Fact{f.fact(at, t)}
	case end.Refer != nil:
		return f.referItems(at, d, "", end.Refer, keys), true
	default:
		d.Verb = VerbClose
		d.Effects = []Fact{f.fact(at, ItemsDisposed{Items: keys, To: end.Close.Disposition, Reason: "end"})}
	}
	return d, true
}
