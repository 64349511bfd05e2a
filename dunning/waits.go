package dunning

import (
	"slices"
	"strings"
	"time"
)

// wait is one row of the table "who waits for what" (DESIGN 5).
type wait struct {
	state string
	until time.Time // when to look again; zero: only a new fact ends it
	// contactOnly is set when only contacts with the debtor wait; tasks,
	// referrals and closing may go on.
	contactOnly bool
	rule        string
}

// blocked finds the first state that keeps the case from its next step.
func (f *Facts) blocked(at time.Time) (wait, bool) {
	if !f.CaseOpen {
		return wait{state: "closed"}, true
	}
	hold, held := f.heldAccount(at)
	if held && !hold.contactOnly {
		return hold, true
	}
	for _, look := range []func(time.Time) (wait, bool){
		f.waitPlan, f.waitPromise, f.waitSettled, f.waitLease, f.waitTask, f.waitUnknown, f.waitOffer, f.waitSettlement,
	} {
		if w, ok := look(at); ok {
			return w, true
		}
	}
	reply, asked := f.waitReply(at)
	if !asked {
		return hold, held
	}
	if held && (hold.until.IsZero() || hold.until.After(reply.until)) {
		return hold, true
	}
	return reply, true
}

// heldAccount looks at holds of the debtor and the account. A hold that stops
// the clock stops every automatic step; one that stops only contact leaves
// tasks and referrals alone. Notice days keep contact back after the end. It
// waits for what changes first: the last clock hold's end, then that of all.
func (f *Facts) heldAccount(at time.Time) (wait, bool) {
	contact, have := wait{state: "hold", contactOnly: true}, false
	clock, stopped := wait{state: "hold"}, false
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.Scope == ScopeItem || h.From.After(at) || !h.Contact && !h.Clock {
			continue
		}
		free := f.freeAgain(h)
		switch {
		case h.in(at) && h.Clock:
			clock.heldBy(h, stopped, h.End)
			stopped = true
		case h.in(at) || h.over(at) && free.After(at):
			contact.heldBy(h, have, free)
			have = true
		}
	}
	if stopped {
		return clock, true
	}
	return contact, have
}

// heldBy adds a hold that ends at an instant (zero: open) to what is waited for already,
// if anything is: the last to end decides, and it is what the refusal names.
func (w *wait) heldBy(h *HoldState, have bool, end time.Time) {
	until := laterIf(have, w.until, end)
	if !have || !until.Equal(w.until) {
		w.rule = "hold:" + string(h.HoldKind)
	}
	w.until = until
}

func (f *Facts) waitPlan(at time.Time) (wait, bool) {
	for i := range f.Plans {
		if p := &f.Plans[i]; p.Ended.IsZero() {
			_, next := f.missed(p, at)
			return wait{state: "plan", until: f.sooner(next, f.nextCourtesy(p, at))}, true
		}
	}
	return wait{}, false
}

// nextCourtesy is when a reminder of the plan is next to be looked at.
func (f *Facts) nextCourtesy(p *PlanState, at time.Time) time.Time {
	if d, ok := f.courtesy(at, ""); ok {
		return d.WakeAt
	}
	next := f.nextReminder(p, at)
	if w, held := f.heldAccount(at); held && f.Sequence.Plan.Remind > 0 { // what a hold keeps back is looked at when it is over
		next = f.sooner(next, w.until)
	}
	return next
}

// sooner is the earlier of two instants, where zero is never.
func (f *Facts) sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (f *Facts) waitPromise(time.Time) (wait, bool) {
	for i := range f.Promises {
		if p := &f.Promises[i]; p.Ended.IsZero() {
			return wait{state: "promise", until: f.promiseEnds(p)}, true
		}
	}
	return wait{}, false
}

func (f *Facts) waitLease(time.Time) (wait, bool) {
	for i := range f.Leases {
		if l := &f.Leases[i]; l.Ended.IsZero() {
			return wait{state: "lease", until: l.Until}, true
		}
	}
	return wait{}, false
}

// waitTask: supervisor tasks report and replies keep contacts back alone
// (waitReply); all others keep the case waiting.
func (f *Facts) waitTask(time.Time) (wait, bool) {
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Ended.IsZero() && t.Task != TaskSupervisor && t.Task != TaskReply {
			return wait{state: "task", until: t.Until, rule: "task:" + string(t.Task)}, true
		}
	}
	return wait{}, false
}

// ruleUnknown begins the rule of a decision that waits for evidence; the channel follows.
const ruleUnknown = "unknown:"

// UnknownOn is the channel of the hand-over about which a decision waits for evidence, ""
// when it waits for something else.
func (d Decision) UnknownOn() Channel {
	if ch, ok := strings.CutPrefix(d.Rule, ruleUnknown); ok {
		return Channel(ch)
	}
	return ""
}

func (f *Facts) waitUnknown(time.Time) (wait, bool) {
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account && c.inFlight() && c.Step != "" {
			return wait{state: "unknown", until: c.Deadline, rule: ruleUnknown + string(c.Channel)}, true
		}
	}
	return wait{}, false
}

func (f *Facts) waitOffer(time.Time) (wait, bool) {
	for i := range f.Offers {
		if o := &f.Offers[i]; o.Ended.IsZero() {
			return wait{state: "offer", until: o.Until}, true
		}
	}
	return wait{}, false
}

// staleLook is how soon a case that waits for fresh payment data looks again by
// itself; the data's arrival wakes it anyway.
const staleLook = 6 * time.Hour

// stale reports whether the creditor's payment data is too old to send on.
func (f *Facts) stale(at time.Time) bool {
	if f.Creditor.Stale == 0 {
		return false
	}
	return at.Sub(f.FeedUntil) > time.Duration(f.Creditor.Stale)*time.Hour
}

// spaced is the earliest instant at which the case's next dispatch may leave
// by its own spacing: whole local days after the last outbound contact of the
// account, and after the end of the last task. Contacts that are part of the
// same dispatch do not keep it from its other channels.
func (f *Facts) spaced(same sameDispatch) time.Time {
	var last time.Time
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account && c.outbound() && c.counts() && !c.isCourtesy() && !same.has(c) {
			last = later(last, c.At)
		}
	}
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Step != "" && t.isStep() && t.Outcome != outcomeMoot && !same.hasTask(t) {
			last = later(last, t.Ended)
		}
	}
	if last.IsZero() || f.Sequence.Spacing <= 0 {
		return time.Time{}
	}
	return f.daysAfter(last, f.Sequence.Spacing)
}

// isStep reports whether a task is a step of the sequence carried out by a
// person, so that its end keeps the next step at a distance. Approvals and
// questions to operations are not.
func (t *TaskState) isStep() bool {
	return t.Task == TaskCall || t.Task == TaskEscalation || t.Task == TaskManual || t.Task == TaskNoChannel
}

// freeToday is the earliest instant at which the debtor may get another
// automatic step contact of this creditor: the local day after the last one.
func (f *Facts) freeToday(same sameDispatch) time.Time {
	var last time.Time
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Automatic && c.counts() && !c.isCourtesy() && !same.has(c) && (c.Creditor == f.Creditor.ID || c.Creditor == "" || f.Creditor.ID == "") {
			last = later(last, c.At)
		}
	}
	if last.IsZero() {
		return time.Time{}
	}
	return f.daysAfter(last, 1)
}

// sameDispatch is one step for some items in their present rounds: all its
// channels, and what replaces one that bounced, are one dispatch. The zero
// value has no contacts.
type sameDispatch struct {
	step  string
	index int // of the step
	group []rung
}

func (s sameDispatch) has(c *ContactFacts) bool {
	if s.step == "" || c.Step != s.step || c.rounds == nil {
		return false
	}
	for i := range c.Items {
		if l := &c.Items[i]; l.Step == s.step && slices.ContainsFunc(s.group, func(r rung) bool {
			return r.step == s.index && r.item.Key == l.Key && r.item.Round == c.rounds[i]
		}) {
			return true
		}
	}
	return false
}

// hasTask reports whether a task stood for one of the dispatch's channels.
func (s sameDispatch) hasTask(t *TaskState) bool {
	return t.Task == TaskNoChannel && t.Step == s.step && slices.ContainsFunc(s.group, func(r rung) bool { return slices.Contains(t.Items, r.item.Key) })
}

func (c *ContactFacts) outbound() bool { return c.Logged == nil || c.Logged.Direction == "outbound" }

// counts reports whether a contact counts against spacing and caps: it left,
// or it may have left.
func (c *ContactFacts) counts() bool {
	return c.State == ContactAccepted || c.State == ContactBounced || c.inFlight() || c.maybe
}

// turnsBefore makes a decision that would sleep past the instant at which time alone
// changes something look again then: what happens must not depend on whether a nudge
// happened to come in between. What it waits for stays as it is.
func (f *Facts) turnsBefore(d Decision, at time.Time) Decision {
	if !f.CaseOpen || f.Sequence == nil || d.Verb == VerbRecord || d.due(at) {
		return d
	}
	t := f.turns(at)
	if t.IsZero() || !d.WakeAt.IsZero() && !t.Before(d.WakeAt) {
		return d
	}
	if !d.Deferred { // what was put off still says what it was
		d.Contact = nil
	}
	d.Verb, d.WakeAt = VerbLook, t
	return d
}

// turns is the next instant after at when something is judged (pending), or another step
// or item comes before the one that is next now; zero when none is known.
func (f *Facts) turns(at time.Time) (first time.Time) {
	consider := func(t time.Time) {
		if t.After(at) {
			first = f.sooner(first, t)
		}
	}
	if s := f.liveSettlement(); s != nil {
		consider(f.dayEnded(s.Due))
	}
	for i := range f.Promises {
		if p := &f.Promises[i]; p.Ended.IsZero() {
			consider(f.promiseEnds(p))
		}
	}
	for i := range f.Plans {
		if p := &f.Plans[i]; p.Ended.IsZero() {
			_, next := f.missed(p, at)
			consider(next)
		}
	}
	for i := range f.Leases {
		if l := &f.Leases[i]; l.Ended.IsZero() {
			consider(l.Until)
		}
	}
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Ended.IsZero() && (t.Task == TaskCall || t.Task == TaskEscalation) {
			consider(t.Until)
		}
	}
	for i := range f.Offers {
		if o := &f.Offers[i]; o.Ended.IsZero() {
			consider(o.Until)
		}
	}
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account && c.State == ContactUnknown {
			consider(c.Deadline)
		}
	}
	consider(f.advances(at))
	return first
}

// advances is when, while the case itself is not kept waiting, another step comes before
// the one that has matured: one further up the ladder matures, the hold of an item ends
// that then leads, or the end action may be taken.
func (f *Facts) advances(at time.Time) (first time.Time) {
	if w, waits := f.blocked(at); waits && !w.contactOnly {
		return time.Time{}
	}
	rungs := f.rungs(at, f.candidates(at))
	ahead := slices.Clone(rungs)
	group, step := f.due(at, rungs)
	begun := len(group) > 0 && group[0].begun(&f.Sequence.Steps[group[0].step])
	for _, r := range ahead {
		if r.at.After(at) && r.step > step && !begun { // a step that has begun is finished first
			first = f.sooner(first, r.at)
		}
	}
	first = f.sooner(first, f.freed(at))
	if t := f.spaced(sameDispatch{}); t.After(at) && len(f.unended(at)) > 0 {
		first = f.sooner(first, t)
	}
	return first
}
