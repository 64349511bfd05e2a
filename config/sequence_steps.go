package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/condition"
	"github.com/duly/duly/internal/yamlpos"
)

const (
	maxSteps = 100 // of one sequence
	maxElse  = 4   // else within else
)

func (f *sequenceFile) steps() {
	if len(f.spec.Steps) == 0 {
		f.doc.Fault("steps", "the sequence has no steps", "")
	}
	if len(f.spec.Steps) > maxSteps {
		f.doc.Fault("steps", fmt.Sprintf("the sequence has more than %d steps", maxSteps), "")
		return
	}
	seen := map[string]int{}
	for i, s := range f.spec.Steps {
		at := fmt.Sprintf("steps[%d]", i)
		checkID(f.doc, at+".id", s.ID)
		if first, twice := seen[s.ID]; twice && s.ID != "" {
			f.doc.Fault(at+".id", fmt.Sprintf("step %q exists already", s.ID), fmt.Sprintf("it is step number %d", first+1))
		}
		seen[s.ID] = i
		f.seq.Steps = append(f.seq.Steps, f.step(at, i, s))
	}
}

func (f *sequenceFile) step(at string, i int, s StepSpec) dunning.Step {
	out := dunning.Step{
		ID: s.ID, At: intOf(s.At), MonthEnd: intOf(s.MonthEnd), After: intOf(s.After),
		When: f.condition(at+".when", s.When),
		Mode: choose(f.doc, at+".mode", s.Mode, dunning.ModeAuto, dunning.ModeDraft, dunning.ModeManual),
	}
	f.timing(at, i, s)
	switch f.oneOf(at, "send", "call", "offer_plan", "escalate", "refer", "close") {
	case "send":
		out.Verb, out.Send = dunning.VerbSend, f.entries(at+".send", s.Send, 0)
	case "call":
		out.Verb, out.Call = dunning.VerbCall, f.call(at+".call", s.Call)
	case "offer_plan":
		out.Verb, out.Offer = dunning.VerbOffer, f.offer(at+".offer_plan", s.OfferPlan)
	case "escalate":
		out.Verb, out.Escalate = dunning.VerbEscalate, f.escalate(at+".escalate", s.Escalate)
	case "refer":
		out.Verb, out.Refer = dunning.VerbRefer, f.refer(at+".refer", s.Refer)
		if s.After == nil {
			f.doc.Warn(at+".refer", `this referral has no "after": a late final notice would be followed by it at once`, "add after: 14d")
		}
	case "close":
		out.Verb, out.Close = dunning.VerbClose, f.closing(at+".close", s.Close)
	}
	f.sending(at, s, &out)
	return out
}

func intOf(d *Days) *int {
	if d == nil {
		return nil
	}
	n := int(*d)
	return &n
}

// timing: a step needs to know when it matures.
func (f *sequenceFile) timing(at string, i int, s StepSpec) {
	switch {
	case s.At != nil && s.MonthEnd != nil:
		f.doc.FaultKey(at+".month_end", `"at" and "month_end" exclude each other`, "")
	case f.doc.Has(at + ".at"), f.doc.Has(at + ".month_end"):
	case i == 0:
		f.doc.Fault(at, `the first step needs "at" or "month_end"`, "such as at: +3d, three days after the due date")
	case !f.doc.Has(at + ".after"):
		f.doc.Fault(at, "nothing says when this step matures", `give "at", "month_end" or "after"`)
	}
	if s.MonthEnd != nil {
		f.days(at+".month_end", s.MonthEnd, 0)
	}
	if s.After != nil {
		f.days(at+".after", s.After, 0)
		if i == 0 {
			f.doc.FaultKey(at+".after", `the first step has no step before it for "after" to count from`, "")
		}
	}
}

// sending checks the keys that only make sense where something is sent.
func (f *sequenceFile) sending(at string, s StepSpec, out *dunning.Step) {
	sends := out.Verb == dunning.VerbSend
	if sends || out.Verb == dunning.VerbOffer {
		out.Complete = choose(f.doc, at+".complete", s.Complete, dunning.CompleteAll, dunning.CompleteAny)
		out.Unknown = choose(f.doc, at+".on_unknown", s.OnUnknown, dunning.UnknownAsk, dunning.UnknownResend, dunning.UnknownSkip)
		out.Strong = f.strong(at, s, out)
		return
	}
	for _, key := range []string{"mode", "complete", "on_unknown", "delivery"} {
		if f.doc.Has(at + "." + key) {
			f.doc.FaultKey(at+"."+key, fmt.Sprintf("%q only works for steps that send", key), "")
		}
	}
}

// strong checks delivery: only email can be held and called back.
func (f *sequenceFile) strong(at string, s StepSpec, out *dunning.Step) bool {
	if choose(f.doc, at+".delivery", s.Delivery, "standard", "strong") != "strong" {
		return false
	}
	list := s.Send
	if s.OfferPlan != nil {
		list = s.OfferPlan.Send
	}
	if !sendsMail(list) {
		f.doc.Fault(at+".delivery", "only email can be held and called back, and this step sends none", "leave delivery out")
	}
	return true
}

// sendsMail reports whether any channel of a send list is email.
func sendsMail(list []EntrySpec) bool {
	return slices.ContainsFunc(list, func(e EntrySpec) bool { return e.Email != "" || sendsMail(e.Else) })
}

// entries compiles a send list.
func (f *sequenceFile) entries(path string, list []EntrySpec, depth int) (out []dunning.Channeled) {
	if f.doc.Has(path) && len(list) == 0 {
		f.doc.Fault(path, "nothing is sent here", "such as [{email: friendly-reminder}]")
	}
	if depth > maxElse {
		f.doc.Fault(path, fmt.Sprintf("more than %d else within each other", maxElse), "")
		return nil
	}
	for i, e := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		key := f.channelKey(at)
		ch, template := channelOf(e)
		if key != "" && template != "" {
			f.template(at+"."+key, ch, template)
		}
		out = append(out, dunning.Channeled{Channel: ch, Template: template, Else: f.entries(at+".else", e.Else, depth+1)})
	}
	return out
}

func (f *sequenceFile) channelKey(at string) string {
	given := ""
	for _, k := range []string{"email", "sms", "letter"} {
		if !f.doc.Has(at + "." + k) {
			continue
		}
		if given != "" {
			f.doc.FaultKey(at+"."+k, fmt.Sprintf("an entry has one channel; here are %q and %q", given, k), "make two entries of it: [{"+given+": …}, {"+k+": …}]")
		}
		given = cmp.Or(given, k)
	}
	if given == "" {
		f.doc.Fault(at, "the entry names no channel", "such as {email: friendly-reminder}")
	}
	return given
}

func channelOf(e EntrySpec) (dunning.Channel, string) {
	switch {
	case e.Email != "":
		return dunning.Email, e.Email
	case e.SMS != "":
		return dunning.SMS, e.SMS
	}
	return dunning.Letter, e.Letter
}

func (f *sequenceFile) template(path string, ch dunning.Channel, name string) {
	if f.refs == nil {
		return
	}
	names := f.refs.templates[ch]
	if !slices.Contains(names, name) {
		f.doc.Fault(path, fmt.Sprintf("unknown %s template %q", ch, name), yamlpos.Suggest(name, names))
	}
}

func (f *sequenceFile) call(path string, c *CallSpec) *dunning.CallStep {
	if c == nil {
		return nil
	}
	if c.Attempts < 0 || c.Attempts > 20 || f.doc.Has(path+".attempts") && c.Attempts == 0 {
		f.doc.Fault(path+".attempts", "must be between 1 and 20", "")
	}
	return &dunning.CallStep{
		Queue: f.queue(path+".queue", c.Queue), Attempts: cmp.Or(c.Attempts, defaultAttempts),
		Within: f.days(path+".within", c.Within, defaultWithin),
	}
}

func (f *sequenceFile) offer(path string, o *OfferSpec) *dunning.OfferStep {
	if o == nil {
		return nil
	}
	if len(o.Instalments) == 0 {
		f.missing(path+".instalments", "instalments", "such as [3, 6]")
	}
	for i, n := range o.Instalments {
		at := fmt.Sprintf("%s.instalments[%d]", path, i)
		if n < 2 || n > 60 {
			f.doc.Fault(at, "a plan has between 2 and 60 instalments", "")
		} else if i > 0 && n <= o.Instalments[i-1] {
			f.doc.Fault(at, "the numbers of instalments must grow", "")
		}
	}
	if len(o.Send) == 0 {
		f.missing(path+".send", "send", "say how the offer reaches the debtor, such as send: [{email: plan-offer}]")
	}
	out := &dunning.OfferStep{
		Instalments: o.Instalments, FirstDue: f.days(path+".first_due", o.FirstDue, defaultFirstDue),
		Minimum: f.amounts(path+".minimum", o.Minimum), Send: f.entries(path+".send", o.Send, 0),
		OpenFor: f.days(path+".open_for", o.OpenFor, defaultOpenFor),
	}
	if out.OpenFor == 0 {
		f.doc.Fault(path+".open_for", "an offer must be open for at least a day", "")
	}
	return out
}

func (f *sequenceFile) escalate(path string, e *EscalateSpec) *dunning.EscalateStep {
	if e == nil {
		return nil
	}
	return &dunning.EscalateStep{
		Queue: f.queue(path+".queue", e.Queue), SLA: f.days(path+".sla", e.SLA, 0),
		OnTimeout: choose(f.doc, path+".on_timeout", e.OnTimeout, "supervisor", "continue"),
	}
}

func (f *sequenceFile) refer(path string, r *ReferSpec) *dunning.ReferStep {
	if r == nil {
		return nil
	}
	if r.To == "" {
		f.missing(path+".to", "to", "say to whom, such as to: legal")
	}
	f.known(path+".approval", "role", r.Approval, func(r *references) []string { return r.roles })
	return &dunning.ReferStep{To: r.To, Approval: r.Approval, Minimum: f.amounts(path+".minimum", r.Minimum), Package: r.Package}
}

func (f *sequenceFile) closing(path string, c *CloseSpec) *dunning.CloseStep {
	if c == nil {
		return nil
	}
	if c.As == "" {
		f.missing(path+".as", "as", "such as as: written_off")
	}
	return &dunning.CloseStep{Disposition: choose(f.doc, path+".as", c.As, dunning.Exhausted, dunning.WrittenOff, dunning.Recalled)}
}

// checkOrder: steps stand in the order in which they mature. A step at the
// end of a month matures between its days and a month later.
func (f *sequenceFile) checkOrder() {
	const monthAtMost = 30
	latest, by := 0, -1
	for i, s := range f.seq.Steps {
		low, known := 0, true
		switch {
		case s.At != nil:
			low = *s.At
		case s.MonthEnd != nil:
			low = *s.MonthEnd
		default:
			known = false
		}
		if !known {
			continue
		}
		most := low
		if s.MonthEnd != nil {
			most += monthAtMost
		}
		if by >= 0 && most < latest {
			key := "at"
			if s.At == nil {
				key = "month_end"
			}
			f.doc.Fault(fmt.Sprintf("steps[%d].%s", i, key),
				fmt.Sprintf("step %q matures before step %q that stands above it", s.ID, f.seq.Steps[by].ID),
				"steps stand in the order in which they happen")
			continue
		}
		if by < 0 || low > latest {
			latest, by = low, i
		}
	}
}

// checkReach: nothing can follow a step that takes every item away.
func (f *sequenceFile) checkReach() {
	for i, s := range f.seq.Steps {
		if i+1 == len(f.seq.Steps) || !takesAll(s) {
			continue
		}
		f.doc.Fault(fmt.Sprintf("steps[%d]", i+1),
			fmt.Sprintf("step %q can never be reached: step %q before it takes every item out of the sequence", f.seq.Steps[i+1].ID, s.ID),
			"move it up, or give the step before it a condition or a minimum")
		return
	}
}

// takesAll reports whether no item is left in sequence after the step.
func takesAll(s dunning.Step) bool {
	if c, ok := s.When.(*condition.Condition); ok && c != nil && !c.AlwaysTrue() {
		return false
	}
	switch s.Verb {
	case dunning.VerbClose:
		return true
	case dunning.VerbRefer:
		return s.Refer != nil && len(s.Refer.Minimum) == 0 && s.Refer.Approval == ""
	}
	return false
}
