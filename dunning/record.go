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
		f.judgeSettlements, f.judgePromises, f.judgePlans, f.judgeLeases, f.judgeTasks, f.judgeOffers, f.judgeUnknown, f.judgeMigration, f.reopen,
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

// anythingOwed reports whether more than the tolerance is owed on any item that
// is still this case's business.
func (f *Facts) anythingOwed() bool {
	return slices.ContainsFunc(f.Items, func(it ItemState) bool { return f.owed(&it) && it.Open > f.tolerance() })
}

// judgePromises judges promises at the end of their grace, not when money
// arrives: a payment never makes the next message come earlier. One that has
// nothing left to be about ends at once.
func (f *Facts) judgePromises(at time.Time) []Fact {
	for i := range f.Promises {
		p := &f.Promises[i]
		if !p.Ended.IsZero() {
			continue
		}
		switch outcome := f.promiseOutcome(p, at); outcome {
		case "":
		case "partly", "broken":
			return append([]Fact{f.fact(at, PromiseEnded{p.ID, outcome})}, f.resume(at, f.Sequence.On.PromiseBroken, "promise_broken")...)
		default:
			return []Fact{f.fact(at, PromiseEnded{p.ID, outcome})}
		}
	}
	return nil
}

// promiseOutcome is what has become of an open promise, "" while it runs.
func (f *Facts) promiseOutcome(p *PromiseState, at time.Time) string {
	paid, over := f.paidSince(p.Made), !at.Before(f.promiseEnds(p))
	switch left := f.anythingOwed(); {
	case !left && paid < p.Amount.Minor() && f.takenAwaySince(p.Made):
		return "withdrawn"
	case !left || over && paid >= p.Amount.Minor():
		return "kept"
	case over && paid > 0:
		return "partly"
	case over:
		return "broken"
	}
	return ""
}

// takenAwaySince reports whether debts left the case without being paid.
func (f *Facts) takenAwaySince(t time.Time) bool {
	return slices.ContainsFunc(f.Items, func(it ItemState) bool {
		return it.Open > 0 && !f.owed(&it) && !it.disposed.Before(t)
	})
}

// resume carries out a reaction for the items in sequence and for those that
// are exhausted: a goto takes these back too; without one they are put before
// the end action again, unless a person still has them.
func (f *Facts) resume(at time.Time, r Reaction, why string) []Fact {
	var keys []string
	for i := range f.Items {
		it := &f.Items[i]
		if it.Disposition == Exhausted && it.Open > f.tolerance() && (f.Sequence.StepIndex(r.Goto) >= 0 || f.endTaken(it) && !f.inTask(it.Key)) {
			keys = append(keys, it.Key)
		}
	}
	var out []Fact
	if len(keys) > 0 {
		out = append(out, f.fact(at, ItemsDisposed{Items: keys, To: InSequence, Reason: why}))
	}
	return append(out, f.jump(at, r, why, keys...)...)
}

// inTask reports whether an open task is about an item.
func (f *Facts) inTask(key string) bool {
	return slices.ContainsFunc(f.Tasks, func(t TaskState) bool { return t.Ended.IsZero() && slices.Contains(t.Items, key) })
}

// planPaid is what has arrived on the items of a plan since it was agreed.
func (f *Facts) planPaid(p *PlanState) int64 { return f.paidOn(p.Items, p.Agreed, time.Time{}) }

// paidOn is what payments that stand have brought on items, since an instant and before
// another (zero: without end).
func (f *Facts) paidOn(items []string, since, before time.Time) int64 {
	var sum int64
	for i := range f.Payments {
		pay := &f.Payments[i]
		if !pay.Reversed.IsZero() || pay.At.Before(since) || !before.IsZero() && !pay.At.Before(before) {
			continue
		}
		for _, a := range pay.parts {
			if slices.Contains(items, a.item) {
				sum += a.minor
			}
		}
	}
	return sum
}

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
	if n == 0 && at.Before(f.lastDue(p)) {
		return 0, f.lastDue(p)
	}
	return n, time.Time{}
}

// lastDue is the start of the day of the plan's last instalment.
func (f *Facts) lastDue(p *PlanState) time.Time {
	if len(p.Instalments) == 0 {
		return time.Time{}
	}
	return f.dayBegun(p.Instalments[len(p.Instalments)-1].Due)
}

func (f *Facts) judgePlans(at time.Time) []Fact {
	for i := range f.Plans {
		p := &f.Plans[i]
		if !p.Ended.IsZero() {
			continue
		}
		live, missed, next := f.inPlan(p), 0, time.Time{}
		if len(live) > 0 {
			missed, next = f.missed(p, at)
		}
		switch {
		case len(live) == 0 && !f.planWasPaid(p):
			return f.planEnds(at, p, "cancelled")
		case len(live) == 0 || missed == 0 && next.IsZero():
			outcome := "kept"
			if at.Before(f.lastDue(p)) {
				outcome = "paid_off"
			}
			return f.planEnds(at, p, outcome)
		case missed >= max(f.Sequence.Plan.DefaultAfter, 1) || next.IsZero():
			return append(f.planEnds(at, p, "broken"), f.jump(at, f.Sequence.On.PlanBroken, "plan_broken", live...)...)
		}
	}
	return nil
}

// planEnds are the end of a plan and the return of its items to the sequence.
func (f *Facts) planEnds(at time.Time, p *PlanState, outcome string) []Fact {
	out := []Fact{f.fact(at, PlanEnded{p.ID, outcome})}
	var back []string // also those paid off: a payment that bounces finds them in sequence
	for _, k := range p.Items {
		if it := f.item(k); it != nil && it.Disposition == InPlan {
			back = append(back, k)
		}
	}
	if len(back) > 0 {
		out = append(out, f.fact(at, ItemsDisposed{Items: back, To: InSequence, Reason: "plan_" + outcome}))
	}
	return out
}

// inPlan are the items that a plan is still about: in it, with more open than
// the tolerance.
func (f *Facts) inPlan(p *PlanState) []string {
	var keys []string
	for _, k := range p.Items {
		if it := f.item(k); f.owed(it) && it.Disposition == InPlan && it.Open > f.tolerance() {
			keys = append(keys, k)
		}
	}
	return keys
}

// planWasPaid reports whether anything in a plan was paid off.
func (f *Facts) planWasPaid(p *PlanState) bool {
	return slices.ContainsFunc(p.Items, func(k string) bool { it := f.item(k); return it != nil && it.Open <= f.tolerance() })
}

// jump carries out a goto for the items of the account that are in sequence
// (or the ones named): backward a new round from there, forward the steps
// between are waived for those that are overdue: what is not yet owed keeps its
// reminders. Both are recorded with the reason.
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
		case n < to && f.overdue(it, at):
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

// touched reports whether a collector did anything on the account during a
// lease: a call or message, a promise, a plan, a hold, a dispute.
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
	for i := range f.Holds {
		if h := &f.Holds[i]; !h.From.Before(l.Taken) && (h.Manual || h.HoldKind == HoldDispute) {
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
			out = []Fact{f.fact(at, TaskEnded{ID: t.ID, Outcome: outcomeMoot})}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// outcomeMoot ends a task that has nothing left to be about.
const outcomeMoot = "moot"

// moot reports whether nothing is left of what a task was about. One that
// names no items is about the whole account. Supervisors' tasks report what
// went wrong and stay, unknown hand-overs are to be resolved in any case.
func (f *Facts) moot(t *TaskState) bool {
	if t.Task == TaskUnknown || t.Task == TaskSupervisor {
		return false
	}
	if t.Task == TaskSettlement {
		s := f.settlementOf(t)
		return s == nil || !s.Ended.IsZero()
	}
	for i := range f.Items {
		it := &f.Items[i]
		if len(t.Items) > 0 && !slices.Contains(t.Items, it.Key) {
			continue
		}
		if it.Open > f.tolerance() && (it.Disposition == InSequence || it.Disposition == Exhausted) {
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
			return []Fact{f.fact(at, ContactMoved{ID: c.ID, State: ContactFailed, Class: FailedNow, Code: codeResend})}
		case UnknownSkip:
			return append([]Fact{f.fact(at, ContactMoved{ID: c.ID, State: ContactCancelled, Code: codeSkip})}, f.entriesEnded(at, c)...)
		}
		if id := c.ID + "/unknown"; f.task(id) == nil {
			return []Fact{f.fact(at, TaskOpened{ID: id, Task: TaskUnknown, Queue: f.Creditor.Queues.Operations, Step: c.Step, Contact: c.ID, Items: countedKeys(c.Items), Reason: "unknown"})}
		}
	}
	return nil
}

// Codes of unknown hand-overs that were given up without evidence.
const (
	codeResend = "unknown_resend"
	codeSkip   = "unknown_skip"
)

// entriesEnded end, for each item of a contact, what the contact counted for.
func (f *Facts) entriesEnded(at time.Time, c *ContactFacts) []Fact {
	var out []Fact
	for _, l := range c.Items {
		if l.Step == "" {
			continue
		}
		e := EntryEnded{Step: l.Step, Entry: c.entryOf(l), Why: codeSkip}
		if n := len(out); n > 0 {
			if last := out[n-1].Body.(EntryEnded); last.Step == e.Step {
				last.Items = append(last.Items, l.Key)
				out[n-1].Body = last
				continue
			}
		}
		e.Items = []string{l.Key}
		out = append(out, f.fact(at, e))
	}
	return out
}

// stepKeys are the items that a message's own step counts for: without those
// listed along and those at a lower step that were merged in.
func stepKeys(lines []ItemLine, step string) []string {
	var keys []string
	for _, l := range lines {
		if l.Step == step && step != "" {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

func countedKeys(lines []ItemLine) []string {
	keys := make([]string, 0, len(lines))
	for _, l := range lines {
		if l.Step != "" {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

func (f *Facts) onUnknown(step string) OnUnknown {
	if isCourtesy(step) { // never worth a person's time
		return UnknownSkip
	}
	if i := f.Sequence.StepIndex(step); i >= 0 && f.Sequence.Steps[i].Unknown != "" {
		return f.Sequence.Steps[i].Unknown
	}
	return UnknownAsk
}

// reopen re-opens a closed case by itself when a debt that it had been closed
// over has come back (a bounced payment, a correction), or something was agreed
// about it.
func (f *Facts) reopen(at time.Time) []Fact { return f.Reopening(at) }

// Reopening are the facts that re-open a closed case at an instant, nil when
// nothing calls for it. New debts do not: they get a case of their own.
func (f *Facts) Reopening(at time.Time) []Fact {
	if f.CaseOpen || f.succeeded || f.Case == "" || f.CaseClosedAt.IsZero() || f.Sequence == nil || !f.needed(at) {
		return nil
	}
	back := slices.ContainsFunc(f.Items, func(it ItemState) bool {
		return (f.collectable(&it) || f.awaitsEnd(&it)) && !it.revived.IsZero() && !it.revived.Before(f.CaseClosedAt)
	})
	if !back && !f.agreedAfter(f.CaseClosedAt) {
		return nil
	}
	return []Fact{f.fact(at, CaseOpened{Sequence: f.Sequence.ID, Version: f.Sequence.Version, Reopened: true})}
}

// agreedAfter reports whether a promise or a plan that was made since an instant lives:
// somebody must remind of it and judge it.
func (f *Facts) agreedAfter(t time.Time) bool {
	return slices.ContainsFunc(f.Promises, func(p PromiseState) bool { return p.Ended.IsZero() && !p.Made.Before(t) }) ||
		slices.ContainsFunc(f.Plans, func(p PlanState) bool { return p.Ended.IsZero() && !p.Agreed.Before(t) })
}

// needed reports whether any item justifies an open case at an instant: it
// leads within 48 hours, awaits the end action, or is in somebody's hands.
func (f *Facts) needed(at time.Time) bool {
	for i := range f.Items {
		if it := &f.Items[i]; f.collectable(it) {
			if t, ok := f.opensAt(it); ok && !t.After(at) && !f.covered() {
				return true
			}
		}
	}
	return f.unendedMinor() > 0 || f.inHand()
}

// inHand reports whether a plan, settlement or promise lives, a task waits for a
// person, or a message is on its way.
func (f *Facts) inHand() bool {
	if f.liveSettlement() != nil {
		return true
	}
	for i := range f.Plans {
		if f.Plans[i].Ended.IsZero() {
			return true
		}
	}
	for i := range f.Promises {
		if f.Promises[i].Ended.IsZero() {
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

// closing is the reason to close the case at an instant, "" to keep it open:
// what became of the debts that this case was about.
func (f *Facts) closing(at time.Time) string {
	if !f.CaseOpen || f.needed(at) {
		return ""
	}
	var last *ItemState
	rest, later, paid := false, false, false
	for i := range f.Items {
		it := &f.Items[i]
		mine := !it.changed.Before(f.CaseSince)
		switch {
		case it.Open == 0:
			paid = paid || mine
		case it.Disposition != InSequence:
			if !it.disposed.Before(f.CaseSince) && (last == nil || !it.disposed.Before(last.disposed)) {
				last = it
			}
		case f.collectable(it):
			later = true
		default:
			rest = rest || mine
		}
	}
	switch covered := f.covered(); {
	case last != nil && f.settledBy(last):
		return "settled"
	case last != nil:
		return string(last.Disposition)
	case rest && !covered:
		return "below_tolerance"
	case later && !paid && !covered:
		return "" // its due date was moved: it keeps its case
	}
	return "paid"
}
