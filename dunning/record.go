package dunning

import (
	"slices"
	"time"
)

// pending is what has become true by itself at an instant and is not yet
// written down: judged promises and plans, expired leases, tasks and offers,
// unknown hand-overs past their deadline. One matter at a time, in a fixed
// order. nil: nothing.
func (f *Facts) pending(at time.Time) []Fact {
	for _, judge := range []func(time.Time) []Fact{
		f.judgePromises, f.judgePlans, f.judgeLeases, f.judgeTasks, f.judgeOffers, f.judgeUnknown, f.reopen,
	} {
		if facts := judge(at); len(facts) > 0 {
			return facts
		}
	}
	return nil
}

// fact makes a fact of this account and case.
func (f *Facts) fact(at time.Time, b Body) Fact {
	return Fact{At: at, Account: f.Account, Case: f.Case, By: "system", Body: b}
}

// paidSince is what was paid on the account after an instant and still stands.
func (f *Facts) paidSince(t time.Time) int64 {
	var sum int64
	for i := range f.Payments {
		if p := &f.Payments[i]; p.Reversed.IsZero() && !p.At.Before(t) {
			sum += p.Amount.Minor()
		}
	}
	return sum
}

// openTotal is what is owed on items in sequence or in a plan.
func (f *Facts) openTotal() int64 {
	var sum int64
	for i := range f.Items {
		if d := f.Items[i].Disposition; d == InSequence || d == InPlan {
			sum += f.Items[i].Open
		}
	}
	return sum
}

// judgePromises judges promises at the end of their grace, not when money
// arrives: a payment never makes the next message come earlier.
func (f *Facts) judgePromises(at time.Time) []Fact {
	for i := range f.Promises {
		p := &f.Promises[i]
		if !p.Ended.IsZero() {
			continue
		}
		paid, over := f.paidSince(p.Made), !at.Before(f.promiseEnds(p))
		switch {
		case f.openTotal() == 0 || over && paid >= p.Amount.Minor():
			return []Fact{f.fact(at, PromiseEnded{p.ID, "kept"})}
		case over && paid > 0:
			return append([]Fact{f.fact(at, PromiseEnded{p.ID, "partly"})}, f.jump(at, f.Sequence.On.PromiseBroken, "promise_broken")...)
		case over:
			return append([]Fact{f.fact(at, PromiseEnded{p.ID, "broken"})}, f.jump(at, f.Sequence.On.PromiseBroken, "promise_broken")...)
		}
	}
	return nil
}

// planPaid is what has arrived for a plan.
func (f *Facts) planPaid(p *PlanState) int64 { return f.paidSince(p.Agreed) }

// missed counts instalments whose cure days are over and that the payments so
// far do not cover; next is the earliest instant at which that can change.
func (f *Facts) missed(p *PlanState, at time.Time) (n int, next time.Time) {
	paid, due := f.planPaid(p), int64(0)
	for _, ins := range p.Instalments {
		due += ins.Amount.Minor()
		if paid >= due {
			continue
		}
		ends := f.dayEnded(ins.Due.AddDays(f.Sequence.Plan.Cure))
		if at.Before(ends) {
			return n, ends
		}
		n++
	}
	if n == 0 && len(p.Instalments) > 0 {
		if last := f.dayBegun(p.Instalments[len(p.Instalments)-1].Due); at.Before(last) {
			return 0, last
		}
	}
	return n, time.Time{}
}

func (f *Facts) judgePlans(at time.Time) []Fact {
	for i := range f.Plans {
		p := &f.Plans[i]
		if !p.Ended.IsZero() {
			continue
		}
		missed, next := f.missed(p, at)
		switch {
		case f.planOpen(p) == 0 || next.IsZero() && f.planPaid(p) >= p.total():
			outcome := "kept"
			if len(p.Instalments) > 0 && at.Before(f.dayBegun(p.Instalments[len(p.Instalments)-1].Due)) {
				outcome = "paid_off"
			}
			return []Fact{f.fact(at, PlanEnded{p.ID, outcome}), f.fact(at, ItemsDisposed{Items: p.Items, To: InSequence, Reason: "plan_" + outcome})}
		case missed >= max(f.Sequence.Plan.DefaultAfter, 1) || missed > 0 && next.IsZero():
			out := []Fact{f.fact(at, PlanEnded{p.ID, "broken"}), f.fact(at, ItemsDisposed{Items: p.Items, To: InSequence, Reason: "plan_broken"})}
			return append(out, f.jump(at, f.Sequence.On.PlanBroken, "plan_broken", p.Items...)...)
		}
	}
	return nil
}

// total is what the instalments add up to.
func (p *PlanState) total() (sum int64) {
	for _, ins := range p.Instalments {
		sum += ins.Amount.Minor()
	}
	return sum
}

func (f *Facts) planOpen(p *PlanState) int64 {
	var sum int64
	for _, k := range p.Items {
		if it := f.item(k); it != nil {
			sum += it.Open
		}
	}
	return sum
}

// jump carries out a goto for the items of the account that are in sequence
// (or the ones named): backward a new round from there, forward the steps
// between are waived. Both are recorded with the reason.
func (f *Facts) jump(at time.Time, r Reaction, why string, items ...string) []Fact {
	to := f.Sequence.StepIndex(r.Goto)
	if r.Goto == "" || to < 0 {
		return nil
	}
	var back []string
	forward := map[int][]string{}
	for i := range f.Items {
		it := &f.Items[i]
		if it.Open == 0 || (it.Disposition != InSequence && !slices.Contains(items, it.Key)) {
			continue
		}
		switch n := f.nextStep(it); {
		case n > to:
			back = append(back, it.Key)
		case n < to:
			forward[n] = append(forward[n], it.Key)
		}
	}
	var out []Fact
	if len(back) > 0 {
		out = append(out, f.fact(at, RoundBegun{Items: back, Step: r.Goto, Why: why}))
	}
	for n := range to {
		if keys := forward[n]; len(keys) > 0 {
			out = append(out, f.fact(at, StepsWaived{Items: keys, Steps: f.stepIDs(n, to), Why: why}))
		}
	}
	return out
}

func (f *Facts) stepIDs(from, to int) []string {
	var ids []string
	for _, s := range f.Sequence.Steps[from:to] {
		ids = append(ids, s.ID)
	}
	return ids
}

func (f *Facts) judgeLeases(at time.Time) []Fact {
	for i := range f.Leases {
		l := &f.Leases[i]
		if !l.Ended.IsZero() || at.Before(l.Until) {
			continue
		}
		if f.touched(l) {
			return []Fact{f.fact(at, LeaseEnded{l.ID, "expired"})}
		}
		return []Fact{
			f.fact(at, LeaseEnded{l.ID, "expired_untouched"}),
			f.fact(at, TaskOpened{ID: f.taskID("lease", l.ID), Task: TaskSupervisor, Queue: f.Creditor.Queues.Supervisor, Reason: "lease_untouched"}),
		}
	}
	return nil
}

// touched reports whether anything was logged on the account during a lease.
func (f *Facts) touched(l *LeaseState) bool {
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Account == f.Account && c.Logged != nil && c.Logged.Direction == "outbound" && !c.At.Before(l.Taken) {
			return true
		}
	}
	for i := range f.Promises {
		if !f.Promises[i].Made.Before(l.Taken) {
			return true
		}
	}
	for i := range f.Plans {
		if !f.Plans[i].Agreed.Before(l.Taken) {
			return true
		}
	}
	return false
}

func (f *Facts) taskID(parts ...string) string {
	id := f.Case + "/task"
	for _, p := range parts {
		id += "/" + p
	}
	return id
}

func (f *Facts) judgeTasks(at time.Time) []Fact {
	for i := range f.Tasks {
		t := &f.Tasks[i]
		if !t.Ended.IsZero() {
			continue
		}
		var out []Fact
		switch t.Task {
		case TaskCall:
			out = f.judgeCall(t, at)
		case TaskEscalation:
			out = f.judgeEscalation(t, at)
		}
		if len(out) == 0 && f.moot(t) {
			out = []Fact{f.fact(at, TaskEnded{ID: t.ID, Outcome: "moot"})}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// moot reports whether nothing is left of what a task was about.
func (f *Facts) moot(t *TaskState) bool {
	if len(t.Items) == 0 || t.Task == TaskUnknown {
		return false
	}
	for _, k := range t.Items {
		it := f.item(k)
		if it != nil && it.Open > f.tolerance() && (it.Disposition == InSequence || it.Disposition == Exhausted) {
			return false
		}
	}
	return true
}

func (f *Facts) judgeCall(t *TaskState, at time.Time) []Fact {
	end := func(outcome string) []Fact {
		return append([]Fact{f.fact(at, TaskEnded{ID: t.ID, Outcome: outcome})}, f.stepDoneBy(at, t.Items, t.Step, "call_"+outcome)...)
	}
	switch {
	case t.Talked:
		return end("conversation")
	case t.Attempts > 0 && t.Tries >= t.Attempts:
		return end("attempts_used")
	case t.Until.IsZero() || at.Before(t.Until):
		return nil
	case t.Tries == 0:
		return append(end("untouched"), f.fact(at, TaskOpened{ID: t.ID + "/supervisor", Task: TaskSupervisor, Queue: f.Creditor.Queues.Supervisor, Step: t.Step, Reason: "call_untouched"}))
	}
	return end("expired")
}

func (f *Facts) judgeEscalation(t *TaskState, at time.Time) []Fact {
	if t.Until.IsZero() || at.Before(t.Until) {
		return nil
	}
	out := []Fact{f.fact(at, TaskEnded{ID: t.ID, Outcome: "timeout"})}
	out = append(out, f.stepDoneBy(at, t.Items, t.Step, "escalation_timeout")...)
	if f.onTimeout(t.Step) == "supervisor" {
		out = append(out, f.fact(at, TaskOpened{ID: t.ID + "/supervisor", Task: TaskSupervisor, Queue: f.Creditor.Queues.Supervisor, Step: t.Step, Reason: "sla_over"}))
	}
	return out
}

// stepDoneBy counts a step for those of the items that still stand before it:
// a jump may have moved others while a task or an offer was open.
func (f *Facts) stepDoneBy(at time.Time, keys []string, step, why string) []Fact {
	n := f.Sequence.StepIndex(step)
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool {
		it := f.item(k)
		return n < 0 || it == nil || f.nextStep(it) != n
	})
	if len(keys) == 0 {
		return nil
	}
	return []Fact{f.fact(at, StepCounted{Items: keys, Step: step, Why: why})}
}

func (f *Facts) onTimeout(step string) string {
	if i := f.Sequence.StepIndex(step); i >= 0 && f.Sequence.Steps[i].Escalate != nil {
		return f.Sequence.Steps[i].Escalate.OnTimeout
	}
	if f.Sequence.End.Escalate != nil {
		return f.Sequence.End.Escalate.OnTimeout
	}
	return ""
}

func (f *Facts) judgeOffers(at time.Time) []Fact {
	for i := range f.Offers {
		o := &f.Offers[i]
		if !o.Ended.IsZero() {
			continue
		}
		outcome := ""
		switch {
		case !f.anyCollectable(o.Items):
			outcome = "moot"
		case !at.Before(o.Until):
			outcome = "expired"
		default:
			continue
		}
		return f.answered(o, outcome, at)
	}
	return nil
}

func (f *Facts) anyCollectable(keys []string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { it := f.item(k); return it != nil && f.collectable(it) })
}

// judgeUnknown applies the step's policy to hand-overs that stayed unknown
// until their deadline.
func (f *Facts) judgeUnknown(at time.Time) []Fact {
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Account != f.Account || c.State != ContactUnknown || c.Deadline.IsZero() || at.Before(c.Deadline) {
			continue
		}
		switch f.onUnknown(c.Step) {
		case UnknownResend:
			return []Fact{f.fact(at, ContactMoved{ID: c.ID, State: ContactFailed, Class: FailedNow, Code: "unknown_resend"})}
		case UnknownSkip:
			return []Fact{f.fact(at, ContactMoved{ID: c.ID, State: ContactCancelled, Code: "unknown_skip"}),
				f.fact(at, EntryEnded{Items: countedKeys(c.Items), Step: c.Step, Entry: c.Entry, Why: "unknown_skip"})}
		}
		if id := c.ID + "/unknown"; f.task(id) == nil {
			return []Fact{f.fact(at, TaskOpened{ID: id, Task: TaskUnknown, Queue: f.Creditor.Queues.Operations, Step: c.Step, Contact: c.ID, Items: countedKeys(c.Items), Reason: "unknown"})}
		}
	}
	return nil
}

func countedKeys(lines []ItemLine) []string {
	var keys []string
	for _, l := range lines {
		if l.Step != "" {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

func (f *Facts) onUnknown(step string) OnUnknown {
	if i := f.Sequence.StepIndex(step); i >= 0 && f.Sequence.Steps[i].Unknown != "" {
		return f.Sequence.Steps[i].Unknown
	}
	return UnknownAsk
}

// reopen re-opens a closed case by itself when a debt that it had been closed
// over has come back: a bounced payment, a correction.
func (f *Facts) reopen(at time.Time) []Fact { return f.Reopening(at) }

// Reopening are the facts that re-open a closed case at an instant, nil when
// nothing calls for it. New debts do not: they get a case of their own.
func (f *Facts) Reopening(at time.Time) []Fact {
	if f.CaseOpen || f.Case == "" || f.CaseClosedAt.IsZero() || f.Sequence == nil || !f.needed(at) {
		return nil
	}
	back := slices.ContainsFunc(f.Items, func(it ItemState) bool {
		return f.collectable(&it) && !it.revived.IsZero() && !it.revived.Before(f.CaseClosedAt)
	})
	if !back {
		return nil
	}
	return []Fact{f.fact(at, CaseOpened{Sequence: f.Sequence.ID, Version: f.Sequence.Version, Reopened: true})}
}

// needed reports whether any item justifies an open case at an instant: it
// leads within 48 hours, a plan lives, or a task waits for a person.
func (f *Facts) needed(at time.Time) bool {
	if f.CaseOpen && len(f.unended()) > 0 {
		return true
	}
	for i := range f.Plans {
		if f.Plans[i].Ended.IsZero() {
			return true
		}
	}
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Ended.IsZero() && t.Task != TaskSupervisor {
			return true
		}
	}
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account && c.inFlight() {
			return true
		}
	}
	for i := range f.Items {
		if it := &f.Items[i]; f.collectable(it) {
			if t, ok := f.opensAt(it); ok && !t.After(at) {
				return !f.covered()
			}
		}
	}
	return false
}

// covered reports whether unallocated credit covers all that is collectable.
func (f *Facts) covered() bool {
	var sum int64
	for i := range f.Items {
		if f.collectable(&f.Items[i]) {
			sum += f.Items[i].Open
		}
	}
	return f.Credit > 0 && sum-f.Credit <= f.tolerance()
}

func (c *ContactFacts) inFlight() bool {
	return c.State == ContactReserved || c.State == ContactSending || c.State == ContactUnknown
}

// closing is the reason to close the case at an instant, "" to keep it open.
func (f *Facts) closing(at time.Time) string {
	if !f.CaseOpen || f.needed(at) {
		return ""
	}
	open, last := int64(0), Disposition("")
	for i := range f.Items {
		it := &f.Items[i]
		if it.Open > 0 && it.Disposition != InSequence {
			last = it.Disposition
		}
		if it.Disposition == InSequence && (it.Open <= f.tolerance() || f.covered()) {
			open += it.Open
		}
	}
	switch {
	case open > 0 && last == "":
		return "below_tolerance"
	case last != "":
		return string(last)
	}
	return "paid"
}
