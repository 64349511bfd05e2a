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
	d := f.decide(at)
	d.At, d.Version = at, f.Version
	if f.Sequence != nil {
		d.Sequence = f.Sequence.ID + "@" + f.Sequence.Version
	}
	return d
}

func (f *Facts) decide(at time.Time) Decision {
	if f.Sequence == nil || f.Case == "" {
		return Decision{Verb: VerbLook, Waiting: "no_case"}
	}
	if facts := f.pending(at); len(facts) > 0 {
		return Decision{Verb: VerbRecord, WakeAt: at, Effects: facts, Reason: string(facts[0].Body.Kind())}
	}
	if d, ok := f.courtesy(at); ok && d.due(at) {
		return d
	} else if ok && f.closing(at) != "" {
		return d // the case closes when its thanks have left
	}
	if reason := f.closing(at); reason != "" {
		return Decision{Verb: VerbClose, WakeAt: at, Reason: reason, Effects: []Fact{f.fact(at, CaseClosed{Reason: reason})}}
	}
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

// climb finds the next rung of the account's ladder and decides over it.
func (f *Facts) climb(at time.Time, w wait, waits bool) Decision {
	items := f.candidates(at)
	if d, ok := f.exhaust(at, items); ok {
		return d
	}
	if d, ok := f.ending(at); ok {
		return d
	}
	group, step := f.due(at, items)
	if len(group) == 0 {
		return f.ahead(at, items)
	}
	if d, ok := f.enter(at, group); ok {
		return d
	}
	s := &f.Sequence.Steps[step]
	if d, ok := f.pass(at, s, group); ok {
		return d
	}
	if waits && s.contacts() {
		return Decision{Verb: VerbLook, Waiting: w.state, Rule: w.rule, Step: s.ID, WakeAt: f.wake(w.until, at)}
	}
	return f.dispatch(at, s, group)
}

// contacts reports whether a step reaches out to the debtor.
func (s *Step) contacts() bool {
	return s.Verb == VerbSend || s.Verb == VerbOffer || s.Verb == VerbCall
}

// due is the group of items whose step is to be acted on now, and that step:
// under `leading` the leading item, under `each` every matured item, with the
// most advanced step among them.
func (f *Facts) due(at time.Time, items []*ItemState) (group []rung, step int) {
	if len(items) == 0 {
		return nil, 0
	}
	if f.Sequence.Ladder != LadderEach {
		items = items[:1] // oldest due first: the leading item
	}
	step = -1
	for _, it := range items {
		r := f.rungOf(it)
		if r.blocked || r.step == len(f.Sequence.Steps) || r.at.After(at) {
			continue
		}
		group = append(group, r)
		step = max(step, r.step)
	}
	return f.together(group, step), step
}

// together keeps the rungs that one dispatch of a step can serve: all items at
// that step, and for a message also items at lower steps that are messages.
func (f *Facts) together(group []rung, step int) []rung {
	return slices.DeleteFunc(group, func(r rung) bool {
		return r.step != step && (f.Sequence.Steps[step].Verb != VerbSend || f.Sequence.Steps[r.step].Verb != VerbSend)
	})
}

// ahead plans the next thing when nothing has matured: the earliest maturity,
// or the end of a hold that keeps an item back.
func (f *Facts) ahead(at time.Time, items []*ItemState) Decision {
	d := Decision{Verb: VerbLook, Waiting: "matures"}
	if f.Sequence.Ladder != LadderEach && len(items) > 1 {
		items = items[:1]
	}
	for _, it := range items {
		r := f.rungOf(it)
		if r.blocked || r.step == len(f.Sequence.Steps) {
			continue
		}
		if d.WakeAt.IsZero() || r.at.Before(d.WakeAt) {
			s := &f.Sequence.Steps[r.step]
			d.Verb, d.Step, d.Round, d.WakeAt = s.plannedVerb(), s.ID, it.Round, f.planned(s, r.at)
			d.Contact = f.plannedContact(s)
		}
	}
	if t := f.freed(at); !t.IsZero() && (d.WakeAt.IsZero() || t.Before(d.WakeAt)) {
		d = Decision{Verb: VerbLook, Waiting: "hold", WakeAt: t}
	}
	if t := f.spaced(sameDispatch{}); len(f.unended()) > 0 && t.After(at) && (d.WakeAt.IsZero() || t.Before(d.WakeAt)) {
		d = Decision{Verb: VerbLook, Waiting: "spacing", WakeAt: t}
	}
	if d.WakeAt.IsZero() {
		d.Waiting = "hold"
	}
	return d
}

// plannedVerb is what the shell will be asked to do when the step matures.
func (s *Step) plannedVerb() Verb {
	if s.Mode == ModeManual || s.Mode == ModeDraft {
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

// planned moves a maturity to the time of day at which the dispatch can leave,
// as long as that is the same local day. What pushes it further is decided,
// and recorded, when the step has matured.
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
		if !f.collectable(it) {
			continue
		}
		if held, until := f.heldItem(it, at); held && !until.IsZero() && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	return first
}

// pass records that a step's condition is false; a condition that cannot be
// evaluated parks the case with a task.
func (f *Facts) pass(at time.Time, s *Step, group []rung) (Decision, bool) {
	if s.When == nil || f.begun(s, group) {
		return Decision{}, false
	}
	yes, err := s.When.Eval(f.view(at))
	cv := ConditionValue{Step: s.ID, Source: s.When.String(), Result: yes}
	keys := atStep(group, f.Sequence.StepIndex(s.ID))
	switch {
	case err != nil:
		cv.Error = err.Error()
		task := TaskOpened{ID: f.taskID("condition", s.ID, f.nth()), Task: TaskParked, Queue: f.Creditor.Queues.Operations, Step: s.ID, Items: keys, Reason: "condition_failed"}
		return Decision{Verb: VerbTask, WakeAt: at, Step: s.ID, Queue: task.Queue, Conditions: []ConditionValue{cv}, Effects: []Fact{f.fact(at, task)}}, true
	case !yes:
		return Decision{Verb: VerbRecord, WakeAt: at, Step: s.ID, Reason: "passed", Conditions: []ConditionValue{cv},
			Effects: []Fact{f.fact(at, StepPassed{Items: keys, Step: s.ID, When: s.When.String()})}}, true
	}
	return Decision{}, false
}

// nth numbers the tasks of the account: ids must not repeat within a second.
func (f *Facts) nth() string { return strconv.Itoa(len(f.Tasks) + 1) }

// begun reports whether an entry of the step has already left for the group:
// its condition is not asked again.
func (f *Facts) begun(s *Step, group []rung) bool {
	for _, r := range group {
		for _, m := range r.item.marks {
			if m.step == s.ID && m.round == r.item.Round {
				return true
			}
		}
	}
	return false
}

func atStep(group []rung, step int) []string {
	var keys []string
	for _, r := range group {
		if r.step == step {
			keys = append(keys, r.item.Key)
		}
	}
	return keys
}

// enter waives steps: for debts that were already old at intake when the
// sequence wants the matching step, and after an outage when it wants to skip.
func (f *Facts) enter(at time.Time, group []rung) (Decision, bool) {
	for _, r := range group {
		if f.Sequence.Entry == EntryMatching && len(r.item.counted) == 0 && len(r.item.marks) == 0 {
			intake := later(f.CaseSince, r.item.known)
			if last := f.lastMatured(r, intake); last > r.step {
				return f.waive(at, r, last, "entry"), true
			}
		}
	}
	return Decision{}, false
}

// lastMatured is the most advanced step of the item that had matured by its
// own due date at an instant.
func (f *Facts) lastMatured(r rung, by time.Time) int {
	last, stops := r.step, f.stopsOf(r.item)
	for i := r.step; i < len(f.Sequence.Steps); i++ {
		s := &f.Sequence.Steps[i]
		if s.At == nil && s.MonthEnd == nil {
			break
		}
		day := r.item.Due
		if s.At != nil {
			day = day.AddDays(*s.At)
		} else {
			day = day.AddDays(*s.MonthEnd).MonthEnd()
		}
		if t, ok := f.live(day, stops, f.birth(r.item)); !ok || t.After(by) {
			break
		}
		last = i
	}
	return last
}

func (f *Facts) waive(at time.Time, r rung, to int, why string) Decision {
	return Decision{Verb: VerbRecord, WakeAt: at, Step: f.Sequence.Steps[r.step].ID, Reason: "waived_" + why,
		Effects: []Fact{f.fact(at, StepsWaived{Items: []string{r.item.Key}, Steps: f.stepIDs(r.step, to), Why: why})}}
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
	return Decision{Verb: VerbRecord, WakeAt: at, Reason: "exhausted",
		Effects: []Fact{f.fact(at, ItemsDisposed{Items: keys, To: Exhausted, Reason: "exhausted"})}}, true
}

// unended are exhausted items for which the end action has not been taken.
func (f *Facts) unended() []string {
	if f.Sequence.End == (EndAction{}) {
		return nil
	}
	var keys []string
	for i := range f.Items {
		it := &f.Items[i]
		if it.Disposition == Exhausted && it.Open > f.tolerance() && !f.escalated(it.Key) {
			keys = append(keys, it.Key)
		}
	}
	return keys
}

// escalated reports whether the end action's task already covers an item.
func (f *Facts) escalated(key string) bool {
	return slices.ContainsFunc(f.Tasks, func(t TaskState) bool {
		return t.Step == "" && (t.Task == TaskEscalation || t.Task == TaskApproval) && slices.Contains(t.Items, key)
	}) && f.Sequence.End.Close == nil
}

// ending takes the end action for exhausted items, spaced like any step.
func (f *Facts) ending(at time.Time) (Decision, bool) {
	keys := f.unended()
	if len(keys) == 0 {
		return Decision{}, false
	}
	if t := f.spaced(sameDispatch{}); t.After(at) {
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
