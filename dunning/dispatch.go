package dunning

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
)

// dispatch decides over a matured step: its own limits first, then what the
// verb needs.
func (f *Facts) dispatch(at time.Time, s *Step, group []rung) Decision {
	if d, ok := f.catchUp(at, s, group); ok {
		return d
	}
	if d, ok := f.spacedOut(at, s, group); ok {
		return d
	}
	d := f.decisionFor(at, s, group)
	if f.below(s, d.Items) {
		d.Verb, d.Reason = VerbRecord, "below_minimum"
		d.Effects = []Fact{f.fact(at, StepPassed{Items: atStep(group, f.Sequence.StepIndex(s.ID)), Step: s.ID, When: "minimum"})}
		return d
	}
	keys := countedKeys(d.Items)
	switch {
	case s.Mode == ModeManual:
		return f.askManual(at, d, s, keys)
	case s.Verb == VerbSend || s.Verb == VerbOffer:
		return f.send(at, d, s, group)
	}
	switch s.Verb {
	case VerbCall:
		return f.openTask(at, d, TaskOpened{Task: TaskCall, Queue: s.Call.Queue, Attempts: s.Call.Attempts, Until: f.within(at, s.Call.Within)}, keys)
	case VerbEscalate:
		return f.openTask(at, d, TaskOpened{Task: TaskEscalation, Queue: s.Escalate.Queue, Until: f.within(at, s.Escalate.SLA)}, keys)
	case VerbRefer:
		return f.referItems(at, d, s.ID, s.Refer, keys)
	case VerbClose:
		d.Effects = []Fact{f.fact(at, StepCounted{Items: keys, Step: s.ID, Why: "closed"}), f.fact(at, ItemsDisposed{Items: keys, To: s.Close.Disposition, Reason: "step"})}
	}
	return d
}

func (f *Facts) within(at time.Time, days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return f.daysAfter(at, days)
}

// decisionFor fills in what every decision about a step says.
func (f *Facts) decisionFor(at time.Time, s *Step, group []rung) Decision {
	d := Decision{Verb: s.Verb, WakeAt: at, Step: s.ID, Round: group[0].item.Round}
	d.Items = f.listed(at, s, group)
	d.Total = f.total(d.Items)
	return d
}

// listed are the lines of the contact: what the step counts for, and what the
// sequence lists along.
func (f *Facts) listed(at time.Time, s *Step, group []rung) []ItemLine {
	lines := make([]ItemLine, 0, len(f.Items))
	next := 0 // the group is in the order of the items
	for i := range f.Items {
		it := &f.Items[i]
		step := ""
		if next < len(group) && group[next].item == it {
			step = f.Sequence.Steps[group[next].step].ID
			next++
		} else if !f.along(it, at) {
			continue
		} else if f.Sequence.Ladder != LadderEach && f.shares(it, s, at) {
			step = s.ID
		}
		lines = append(lines, ItemLine{Key: it.Key, Step: step, Amount: it.Amount.Of(it.Open)})
	}
	return lines
}

// shares reports whether the leading item's step counts for another item too:
// when it is its own next step. What cannot be taken back, a referral and the
// end, must have matured for it as well.
func (f *Facts) shares(it *ItemState, s *Step, at time.Time) bool {
	if f.nextStep(it) != f.Sequence.StepIndex(s.ID) {
		return false
	}
	if s.Verb != VerbRefer && s.Verb != VerbClose {
		return true
	}
	r := f.rungOf(it)
	return !r.blocked && !r.at.After(at)
}

// along reports whether an item is listed beside those the step is about.
func (f *Facts) along(it *ItemState, at time.Time) bool {
	if !f.collectable(it) {
		return false
	}
	if held, _ := f.heldItem(it, at); held {
		return false
	}
	switch f.Sequence.Include {
	case IncludeAllOpen:
		return true
	case IncludeDueForStep:
		return false
	}
	return f.overdue(it, at)
}

// lines lists items by key.
func (f *Facts) lines(keys []string, step string) []ItemLine {
	var out []ItemLine
	for _, k := range keys {
		if it := f.item(k); it != nil {
			out = append(out, ItemLine{Key: k, Step: step, Amount: it.Amount.Of(it.Open)})
		}
	}
	return out
}

// total is what the lines ask for: their sum less unallocated credit.
func (f *Facts) total(lines []ItemLine) (sum money.Amount) {
	for _, l := range lines {
		sum, _ = sum.Add(l.Amount)
	}
	return sum.Of(sum.Minor() - f.Credit)
}

// below reports whether what the step counts for, less unallocated credit, is
// under the step's minimum, or nothing is left at all.
func (f *Facts) below(s *Step, lines []ItemLine) bool {
	sum := -f.Credit
	for _, l := range lines {
		if l.Step != "" {
			sum += l.Amount.Minor()
		}
	}
	var least int64
	switch {
	case s.Refer != nil:
		least = s.Refer.Minimum[f.Currency].Minor()
	case s.Offer != nil:
		least = s.Offer.Minimum[f.Currency].Minor()
	}
	return sum < least || sum <= 0
}

// limit is one of the case's own limits on a dispatch.
type limit struct {
	rule string
	at   time.Time
}

// free is the earliest instant at or after t that keeps spacing, the daily
// limit and the creditor's window, and the rule that decides it.
func (f *Facts) free(s *Step, t time.Time, same sameDispatch) (time.Time, string) {
	rule := ""
	for _, l := range []limit{{"spacing", f.spaced(same)}, {"daily_limit", f.dailyFor(s, same)}} {
		if l.at.After(t) {
			t, rule = l.at, l.rule
		}
	}
	if s.contacts() && s.Verb != VerbCall {
		open, ok := f.windowOpen(f.Sequence.Window, t)
		if !ok {
			return time.Time{}, "send_window"
		}
		if open.After(t) {
			t, rule = open, "send_window"
		}
	}
	return t, rule
}

func (f *Facts) dailyFor(s *Step, same sameDispatch) time.Time {
	if s.Verb != VerbSend && s.Verb != VerbOffer {
		return time.Time{}
	}
	return f.freeToday(same)
}

// spacedOut defers a step that has matured but must keep its distance. A step
// of which one channel has left, or has bounced, goes on with the others: it is
// one dispatch.
func (f *Facts) spacedOut(at time.Time, s *Step, group []rung) (Decision, bool) {
	t, rule := f.free(s, at, sameDispatch{s.ID, f.Sequence.StepIndex(s.ID), group})
	if rule == "" {
		return Decision{}, false
	}
	return f.deferred(at, s, group, rule, t), true
}

// deferred says which of the case's own limits pushes a dispatch, and until
// when; a window that never opens (its hours do not overlap in the debtor's
// candidate zones) is a matter for a person.
func (f *Facts) deferred(at time.Time, s *Step, group []rung, rule string, t time.Time) Decision {
	d := f.decisionFor(at, s, group)
	d.Verb, d.WakeAt, d.NotBefore, d.Contact = s.plannedVerb(), t, t, f.plannedContact(s)
	d.Waiting, d.Rule, d.Reason, d.Deferred = "deferred", rule, rule, true
	if t.IsZero() {
		return f.refusedForGood(at, d)
	}
	if r := f.refusal(d); r != nil && rule == "send_window" {
		return f.awaitPerson(at, d, r) // outside the window nothing new is to be said
	}
	return d
}

// catchUp applies the sequence's policy when a step could have left more than
// a day ago and did not: an outage.
func (f *Facts) catchUp(at time.Time, s *Step, group []rung) (Decision, bool) {
	n := f.Sequence.StepIndex(s.ID)
	if f.Sequence.CatchUp == CatchUpRun || f.Sequence.CatchUp == "" || anyBegun(group, s, n) || !f.missedDispatch(at, s, group) {
		return Decision{}, false
	}
	if f.Sequence.CatchUp == CatchUpAsk {
		d := Decision{Verb: VerbTask, WakeAt: at, Step: s.ID, Reason: "catch_up", Queue: f.Creditor.Queues.Operations}
		t := TaskOpened{ID: f.taskID("catch_up", s.ID, f.nth()), Task: TaskCatchUp, Queue: d.Queue, Step: s.ID, Items: atStep(group, n), Reason: "outage"}
		d.Effects = []Fact{f.fact(at, t)}
		return d, true
	}
	return Decision{Verb: VerbRecord, WakeAt: at, Step: s.ID, Reason: "waived_catch_up", Effects: f.skipMatured(at, group)}, true
}

// skipMatured waives all that has matured for the items of a group.
func (f *Facts) skipMatured(at time.Time, group []rung) (out []Fact) {
	for _, r := range group {
		out = f.waived(at, out, r.item.Key, f.stepIDs(r.step, f.lastMatured(r, at)+1), "catch_up")
	}
	return out
}

// outage is how late a dispatch must be for the catch-up policy to speak.
const outage = 24 * time.Hour

// missedDispatch reports whether the step could have left a day ago: since then
// nothing that this case waits for has kept it back.
func (f *Facts) missedDispatch(at time.Time, s *Step, group []rung) bool {
	if s.contacts() && f.stale(at) {
		return false
	}
	ready := later(f.CaseSince, f.idleSince(at))
	for _, r := range group {
		if r.step == f.Sequence.StepIndex(s.ID) {
			ready = later(ready, f.readyAt(at, r))
		}
	}
	if at.Sub(ready) < outage {
		return false
	}
	could, _ := f.free(s, ready, sameDispatch{})
	if could.IsZero() || at.Sub(could) < outage {
		return false
	}
	return s.Verb != VerbSend || f.couldSend(could, s)
}

// couldSend reports whether the policies would have let the step's first entry
// leave by some channel at an instant.
func (f *Facts) couldSend(at time.Time, s *Step) bool {
	for _, e := range s.entries()[:1] {
		for _, c := range e.alternatives() {
			if v := f.gate(at, nil, s, c); !v.Impossible {
				return v.Allowed
			}
		}
	}
	return false
}

// readyAt is since when nothing about an item itself kept its step back.
func (f *Facts) readyAt(at time.Time, r rung) time.Time {
	it := r.item
	t := later(later(r.at, it.known), f.since(it, f.Sequence.Steps[r.step].ID))
	t = later(t, later(it.disposed, it.revived))
	if f.Sequence.Ladder == LadderEach {
		return t
	}
	for i := range f.Items { // those that led before it
		o := &f.Items[i]
		if o == it {
			break
		}
		t = later(t, o.disposed)
		if !f.collectable(o) {
			t = later(t, o.changed)
		}
	}
	for i := range f.Holds {
		if h := &f.Holds[i]; h.Scope == ScopeItem && !h.From.After(at) {
			t = later(t, h.From)
		}
	}
	return t
}

// idleSince is when the last thing ended that the whole case may have waited
// for: a hold, an agreement, a person, a hand-over, payment data.
func (f *Facts) idleSince(at time.Time) time.Time {
	t := later(f.feedBack, f.MigratedAt)
	for i := range f.Holds {
		if h := &f.Holds[i]; h.over(at) {
			t = later(t, f.freeAgain(h))
		}
	}
	for i := range f.Promises {
		t = later(t, f.Promises[i].Ended)
	}
	for i := range f.Plans {
		t = later(t, f.Plans[i].Ended)
	}
	for i := range f.Offers {
		t = later(t, f.Offers[i].Ended)
	}
	for i := range f.Leases {
		t = later(t, f.Leases[i].Ended)
	}
	for i := range f.Tasks {
		t = later(t, f.Tasks[i].Ended)
	}
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account && c.Logged == nil {
			t = later(t, later(c.Moved, c.RetryAt))
		}
	}
	return t
}

// openTask hands the step to a queue.
func (f *Facts) openTask(at time.Time, d Decision, t TaskOpened, keys []string) Decision {
	d.Queue = t.Queue
	t.ID, t.Step, t.Items = f.taskID(string(t.Task), d.Step, strconv.Itoa(d.Round), f.nth()), d.Step, keys
	d.Effects = []Fact{f.fact(at, t)}
	return d
}

func (f *Facts) askManual(at time.Time, d Decision, s *Step, keys []string) Decision {
	d.Verb = VerbTask
	return f.openTask(at, d, TaskOpened{Task: TaskManual, Queue: f.Creditor.Queues.Operations, Reason: string(s.Verb)}, keys)
}

// referItems hands items to someone outside, after an approval where one is
// asked for. The referral takes its items out of the sequence.
func (f *Facts) referItems(at time.Time, d Decision, step string, r *ReferStep, keys []string) Decision {
	d.Verb, d.Queue = VerbRefer, r.To
	if r.Approval != "" {
		switch f.approval(step, keys) {
		case "":
			d.Verb, d.Queue = VerbTask, r.Approval
			d.Step = step
			return f.openTask(at, d, TaskOpened{Task: TaskApproval, Queue: r.Approval, Reason: "refer:" + r.To, Digest: f.referDigest(keys)}, keys)
		case "rejected":
			d.Verb, d.Reason = VerbRecord, "approval_rejected"
			if step != "" {
				d.Effects = []Fact{f.fact(at, StepCounted{Items: keys, Step: step, Why: "approval_rejected"})}
			} else {
				d.Effects = []Fact{f.fact(at, ItemsDisposed{Items: keys, To: Recalled, Reason: "approval_rejected"})}
			}
			return d
		}
	}
	d.Effects = nil
	if step != "" {
		d.Effects = append(d.Effects, f.fact(at, StepCounted{Items: keys, Step: step, Why: "referred"}))
	}
	d.Effects = append(d.Effects, f.fact(at, ItemsDisposed{Items: keys, To: Referred, Where: r.To, Reason: r.Package}))
	return d
}

// approval is what was answered last when somebody was asked for approval over
// exactly these items and amounts; "" when nobody has answered: a question that
// lapsed because nothing was left to refer is no answer.
func (f *Facts) approval(step string, keys []string) string {
	digest := f.referDigest(keys)
	for i := len(f.Tasks) - 1; i >= 0; i-- {
		t := &f.Tasks[i]
		if t.Task == TaskApproval && t.Step == step && !t.Ended.IsZero() && t.Outcome != outcomeMoot && t.Digest == digest {
			return t.Outcome
		}
	}
	return ""
}

// referDigest is what an approval is bound to: items, amounts, and the round of
// the sequence in which they are referred.
func (f *Facts) referDigest(keys []string) string {
	h := sha256.New()
	for _, l := range f.lines(keys, "") {
		fmt.Fprintf(h, "%s\x00%s\x00", l.Key, l.Amount)
		if n := f.item(l.Key).Round; n > 0 { // each round asks anew
			fmt.Fprintf(h, "round %d\x00", n)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// entries are the channels of a step's message.
func (s *Step) entries() []Channeled {
	if s.Offer != nil {
		return s.Offer.Send
	}
	return s.Send
}

// alternatives are an entry and what may replace it, in order.
func (c Channeled) alternatives() []Channeled {
	out := []Channeled{c}
	for _, e := range c.Else {
		out = append(out, e.alternatives()...)
	}
	return out
}

// send finds the next entry of the step that has not left, and on it the first
// channel that is possible.
func (f *Facts) send(at time.Time, d Decision, s *Step, group []rung) Decision {
	if s.Verb == VerbOffer && len(s.Offer.Send) == 0 {
		return f.openOffer(at, d, s)
	}
	if f.stale(at) {
		d.Verb, d.Items, d.Waiting, d.Rule, d.Reason = VerbLook, nil, "stale", "stale", "payment_data_stale"
		d.WakeAt, d.Deferred = at.Add(staleLook), true
		return d
	}
	if s.Mode == ModeDraft {
		if draft, wait := f.askDraft(at, d, s); wait {
			return draft
		}
	}
	lead := group[0].item
	for _, r := range group {
		if r.step == f.Sequence.StepIndex(s.ID) {
			lead = r.item
			break
		}
	}
	entries := s.entries()
	if s.Complete == CompleteAny {
		first := entries[0]
		first.Else = append(slices.Clone(first.Else), entries[1:]...)
		entries = []Channeled{first}
	}
	for i, e := range entries {
		if f.entryDone(lead, s, i) {
			continue
		}
		d.Items = f.aligned(d.Items, s, i)
		d.Total = f.total(d.Items)
		return f.entry(at, d, s, i, e)
	}
	return f.openOffer(at, d, s) // only an offer can have all its entries behind it
}

// aligned lets a contact for one entry of a step count only for items that are
// at that very entry: one that joined after the first entry had left is listed
// along and gets the whole step when its own turn comes.
func (f *Facts) aligned(lines []ItemLine, s *Step, entry int) []ItemLine {
	if s.Complete == CompleteAny || len(s.Send) == 1 && f.Sequence.Include != IncludeDueForStep {
		return lines
	}
	out := make([]ItemLine, 0, len(lines))
	for _, l := range lines {
		if l.Step == s.ID && !f.atEntry(f.item(l.Key), s, entry) {
			l.Step = ""
		}
		if l.Step == "" && f.Sequence.Include == IncludeDueForStep {
			continue
		}
		out = append(out, l)
	}
	return out
}

// atEntry reports whether just the entries before one are done for an item.
func (f *Facts) atEntry(it *ItemState, s *Step, entry int) bool {
	for i := range entry + 1 {
		if f.entryDone(it, s, i) != (i < entry) {
			return false
		}
	}
	return true
}

// entry tries the channels of one entry in order. Impossible ones give way to
// their else; a refusal that time will cure waits.
func (f *Facts) entry(at time.Time, d Decision, s *Step, i int, e Channeled) Decision {
	var last contact.Verdict
	for alt, c := range e.alternatives() {
		if f.spent(d, i, alt, f.point(c.Channel)) {
			continue
		}
		v := f.gate(at, &d, s, c)
		if v.Impossible {
			last = v
			continue
		}
		if !v.Allowed {
			return f.refused(at, d, s, v)
		}
		if t := f.retryAfter(d, i, alt); t.After(at) {
			d.Verb, d.WakeAt, d.Waiting, d.Rule, d.NotBefore, d.Deferred = VerbSend, t, "deferred", "retry_after", t, true
			d.Contact = &ContactPlanned{Step: s.ID, Channel: c.Channel, Template: c.Template}
			return d
		}
		d.Verb = s.Verb
		d.Contact = f.plan(d, s, i, alt, c)
		return d
	}
	return f.noChannel(at, d, i, last)
}

// spent reports whether an alternative has failed for good in this dispatch at
// the contact point that would be used now.
func (f *Facts) spent(d Decision, entry, alt int, point string) bool {
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if f.sameEntry(c, d, entry, alt) && (c.Point == point || c.Point == "") && (c.State == ContactBounced || c.State == ContactFailed && c.Permanent) {
			return true
		}
	}
	return false
}

// sameEntry reports whether a contact was this alternative of this entry for
// any item that the decision counts for.
func (f *Facts) sameEntry(c *ContactFacts, d Decision, entry, alt int) bool {
	if c.Account != f.Account || c.Step != d.Step || c.Entry != entry || c.Alt != alt {
		return false
	}
	if isCourtesy(d.Step) {
		return c.Round == d.Round
	}
	for i, l := range c.Items {
		it := f.item(l.Key)
		if l.Step == d.Step && it != nil && it.Round == c.rounds[i] && slices.ContainsFunc(d.Items, func(m ItemLine) bool { return m.Key == l.Key && m.Step == d.Step }) {
			return true
		}
	}
	return false
}

// retryAfter is until when a channel that refused for now must be left alone.
func (f *Facts) retryAfter(d Decision, entry, alt int) time.Time {
	var t time.Time
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.State == ContactFailed && f.sameEntry(c, d, entry, alt) {
			t = later(t, c.RetryAt)
		}
	}
	return t
}

// plan is the contact to reserve. Its id is the unique send key.
func (f *Facts) plan(d Decision, s *Step, entry, alt int, c Channeled) *ContactPlanned {
	n := 1
	for i := range f.Contacts {
		if p := &f.Contacts[i]; p.Case == f.Case && p.Step == s.ID && p.Round == d.Round && p.Channel == c.Channel && p.Logged == nil {
			n++
		}
	}
	id := func() string {
		return strings.Join([]string{f.Case, strconv.Itoa(d.Round), s.ID, string(c.Channel), strconv.Itoa(n)}, "/")
	}
	for f.contact(id()) != nil { // a step of that name that a migration has renamed since
		n++
	}
	return &ContactPlanned{
		ID:   id(),
		Step: s.ID, Round: d.Round, Entry: entry, Alt: alt, Channel: c.Channel, Template: c.Template, Ordinal: n,
		Point: f.point(c.Channel), Items: d.Items, Purpose: f.purpose(s.ID, c), Automatic: true, Creditor: f.Creditor.ID,
		Notices: c.Notices, NoticeEnds: f.noticeEnds(d, c),
	}
}

// refused defers to the policy's earliest yes, moved into the creditor's own
// window; a refusal that only an event can lift asks a person, once.
func (f *Facts) refused(at time.Time, d Decision, s *Step, v contact.Verdict) Decision {
	d.Rule, d.Waiting, d.Deferred, d.Verb = v.Rule, "deferred", true, s.plannedVerb()
	if len(v.Reasons) > 0 {
		d.Reason = string(v.Reasons[0].Code)
	}
	d.Contact = f.plannedContact(s)
	if v.NotBefore.IsZero() {
		return f.refusedForGood(at, d)
	}
	t := v.NotBefore
	open, ok := f.windowOpen(f.Sequence.Window, t)
	if !ok {
		d.Rule = "send_window"
		return f.refusedForGood(at, d)
	}
	if !open.After(at) { // a policy must name an instant that lies ahead
		open = at.Add(time.Minute)
	}
	d.WakeAt, d.NotBefore = open, open
	return d
}

func (f *Facts) refusedForGood(at time.Time, d Decision) Decision {
	id := f.taskID("refused", d.Step, strconv.Itoa(d.Round), d.Rule)
	if t := f.task(id); t != nil {
		return f.awaitPerson(at, d, t)
	}
	d.Verb, d.WakeAt, d.Contact = VerbTask, at, nil
	d.Queue = f.Creditor.Queues.Operations
	d.Effects = []Fact{f.fact(at, TaskOpened{ID: id, Task: TaskSupervisor, Queue: d.Queue, Step: d.Step, Items: countedKeys(d.Items), Reason: "refused:" + d.Rule})}
	return d
}

// refusal is the newest task about a refusal of a step that time does not cure.
func (f *Facts) refusal(d Decision) *TaskState {
	for i := len(f.Tasks) - 1; i >= 0; i-- {
		if strings.HasPrefix(f.Tasks[i].ID, f.taskID("refused", d.Step, strconv.Itoa(d.Round), "")) {
			return &f.Tasks[i]
		}
	}
	return nil
}

// awaitPerson looks again every week after a person was asked. The weeks count from then,
// so that a look in between moves none of them.
func (f *Facts) awaitPerson(at time.Time, d Decision, t *TaskState) Decision {
	const week = 7 * 24 * time.Hour
	d.Verb, d.Contact, d.Items, d.Waiting = VerbLook, nil, nil, "refused"
	d.Deferred = d.Rule != "send_window"
	next := t.Opened.Add((at.Sub(t.Opened)/week + 1) * week)
	if open, ok := f.windowOpen(f.Sequence.Window, next); ok {
		next = open
	}
	d.WakeAt, d.NotBefore = next, time.Time{}
	return d
}

// noChannel ends an entry as a task: nothing reaches this debtor by it.
func (f *Facts) noChannel(at time.Time, d Decision, entry int, v contact.Verdict) Decision {
	d.Verb, d.Rule, d.Reason, d.Queue = VerbTask, v.Rule, "no_channel", f.Creditor.Queues.Operations
	t := TaskOpened{ID: f.taskID("no_channel", d.Step, strconv.Itoa(d.Round), strconv.Itoa(entry), f.nth()), Task: TaskNoChannel, Queue: d.Queue, Step: d.Step, Entry: entry, Items: stepKeys(d.Items, d.Step), Reason: v.Rule}
	d.Effects = []Fact{f.fact(at, t)}
	return d
}

// openOffer opens an offer that needs no message (any more).
func (f *Facts) openOffer(at time.Time, d Decision, s *Step) Decision {
	d.Verb = VerbOffer
	d.Effects = []Fact{f.fact(at, f.offer(at, s, d.Round, countedKeys(d.Items)))}
	return d
}

func (f *Facts) offer(at time.Time, s *Step, round int, keys []string) OfferOpened {
	n := len(f.Offers) + 1
	return OfferOpened{
		ID: fmt.Sprintf("%s/offer/%s/%d/%d", f.Case, s.ID, round, n), Step: s.ID, Items: keys,
		Terms: s.Offer.Instalments, Until: f.daysAfter(at, max(s.Offer.OpenFor, 1)),
	}
}

// askDraft asks for the approval of a draft, and again when anything that the
// approval was bound to has changed. wait is false once it is approved as it is.
func (f *Facts) askDraft(at time.Time, d Decision, s *Step) (Decision, bool) {
	digest := f.draftDigest(d, s)
	for i := len(f.Tasks) - 1; i >= 0; i-- {
		t := &f.Tasks[i]
		if t.Task != TaskDraft || t.Step != s.ID || t.Ended.IsZero() || t.Digest != digest {
			continue
		}
		switch t.Outcome {
		case "approved":
			return d, false
		case "rejected":
			d.Verb, d.Reason = VerbRecord, "draft_rejected"
			d.Effects = []Fact{f.fact(at, StepCounted{Items: stepKeys(d.Items, s.ID), Step: s.ID, Why: "draft_rejected"})}
			return d, true
		}
	}
	d.Verb = VerbTask
	return f.openTask(at, d, TaskOpened{Task: TaskDraft, Queue: f.Creditor.Queues.Supervisor, Digest: digest, Reason: "approve"}, countedKeys(d.Items)), true
}

// draftDigest binds an approval to items, amounts, recipient and text: the
// text by its template and the sequence version that published it.
func (f *Facts) draftDigest(d Decision, s *Step) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%d\x00%s\x00", d.Step, d.Round, f.Sequence.Version)
	for _, l := range d.Items {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00", l.Key, l.Step, l.Amount)
	}
	fmt.Fprintf(h, "%s\x00%s\x00", d.Total, f.Known.Locale)
	for _, e := range s.entries() {
		for _, c := range e.alternatives() { // whichever of them it will be
			fmt.Fprintf(h, "%s\x00%s\x00%s\x00", c.Channel, c.Template, f.point(c.Channel))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
