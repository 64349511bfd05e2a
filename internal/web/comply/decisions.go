package comply

import (
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

type decisionsPage struct {
	List      read.List[read.DecisionRow]
	Creditors []web.Creditor
	Verbs     []dunning.Verb
	Zone      string // whose days From and Until are; "" when neither is chosen
}

var verbs = []dunning.Verb{
	dunning.VerbSend, dunning.VerbOffer, dunning.VerbCall, dunning.VerbTask, dunning.VerbEscalate, dunning.VerbRefer, dunning.VerbLook, dunning.VerbClose,
}

// decisions lists what was decided, the newest first: sends, and what was kept back.
func (d *compliance) decisions(r *web.Request) (err error) {
	p := decisionsPage{Verbs: verbs}
	if p.Creditors, err = r.Creditors(identity.Review); err != nil {
		return err
	}
	zone := daysOf(r.R.URL.Query().Get("creditor"), p.Creditors)
	ctx, f := r.R.Context(), decisionFilter(r, zone)
	if !f.From.IsZero() || !f.Until.IsZero() {
		p.Zone = zone.String()
	}
	if r.WantsCSV() {
		export := r.Scope(identity.Review).Within(f.Creditors...)
		return r.CSV("decisions", decisionHeader, mapped(read.All(func(p read.Page) (read.List[read.DecisionRow], error) {
			return d.Read.ListDecisions(ctx, export, f, p)
		}), decisionCells))
	}
	if p.List, err = d.Read.ListDecisions(ctx, r.Scope(identity.Review), f, read.Page{After: r.Value("after")}); err != nil {
		return badCursor(err)
	}
	return r.Page("decisions.html", p)
}

// badCursor turns a cursor that is none into a fault of the input.
func badCursor(err error) error {
	if errors.Is(err, read.ErrBadCursor) {
		return web.Invalid("This page of the list does not exist any more. Open the list again.", nil)
	}
	return err
}

// decisionFilter reads the filter of the list; zone is whose days it means.
func decisionFilter(r *web.Request, zone *time.Location) read.DecisionFilter {
	q := r.R.URL.Query()
	f := read.DecisionFilter{Creditors: one(q, "creditor"), Case: q.Get("case"), Rules: one(q, "rule")}
	f.From, f.Until = spanIn(q, zone)
	for _, v := range one(q, "verb") {
		f.Verbs = append(f.Verbs, dunning.Verb(v))
	}
	switch q.Get("kept") {
	case "yes":
		yes := true
		f.Deferred = &yes
	case "no":
		no := false
		f.Deferred = &no
	}
	return f
}

var decisionHeader = []string{
	"decision", "case", "at", "verb", "step", "kept back", "rule", "reason", "not before", "waiting", "sequence", "policies", "core", "zones", "debtor version",
}

func decisionCells(d read.DecisionRow) []string {
	return []string{
		d.ID, d.Case, stamp(d.At), string(d.Verb), d.Step, strconv.FormatBool(d.Deferred), d.Rule, d.Reason, stamp(d.NotBefore), d.Waiting, d.Sequence, d.Policies,
		d.Core, d.Zones, strconv.FormatInt(d.Version, 10),
	}
}

// mapped turns rows into cells for a file.
func mapped[T any](rows iter.Seq2[T, error], cells func(T) []string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(cells(row), nil) {
				return
			}
		}
	}
}

// decisionPage is the record of one decision.
type decisionPage struct {
	dunning.StoredDecision
	Title    string
	Citation string
	Asked    []asked
	Again    *againView
	Effects  []string
}

// asked is one question to the contact policies with its answer.
type asked struct {
	dunning.Checked
	Lines   []string // in plain words
	Changed []string
	Rules   []ruleView
}

// ruleView is what a rule said.
type ruleView struct {
	contact.RuleTrace
	Citation, Kind, Says string
}

// againView is what deciding again gave.
type againView struct {
	Kind, Verdict, Text string
	Changed             []string
	Diff                []pairView
}

// pairView is one member that differs.
type pairView struct{ Name, Then, Now string }

// load reads a decision of the user's scope.
func (d *compliance) load(r *web.Request, id string) (dunning.StoredDecision, error) {
	s, err := d.Read.CaseDecision(r.R.Context(), r.Scope(identity.Review), id)
	if errors.Is(err, identity.ErrNotFound) {
		return s, web.NotFound("This decision")
	}
	return s, err
}

// decision is the record of a send or a non-send.
func (d *compliance) decision(r *web.Request) error {
	p, err := d.record(r, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	return r.Page("decision.html", p)
}

// again decides once more from the facts and the configuration of then, and says whether
// the same comes out. It stores nothing.
func (d *compliance) again(r *web.Request) error {
	p, err := d.record(r, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	diff, err := recheck.One(r.R.Context(), d.Journal, d.Frames, p.StoredDecision)
	if err != nil {
		return err
	}
	p.Again = againOf(diff)
	return r.Page("decision.html", p)
}

func (d *compliance) record(r *web.Request, id string) (*decisionPage, error) {
	ctx := r.R.Context()
	s, err := d.load(r, id)
	if err != nil {
		return nil, err
	}
	cfg, err := d.Config(ctx)
	if err != nil {
		return nil, err
	}
	reasons, err := recheck.Why(ctx, d.Journal, d.Frames, s)
	if err != nil {
		return nil, err
	}
	p := &decisionPage{StoredDecision: s, Title: title(s.Decision), Citation: cfg.Policies().Citation(s.Decision.Rule)}
	for _, x := range reasons {
		a := asked{Checked: x.Checked, Lines: strings.Split(strings.TrimSpace(x.Text), "\n"), Changed: x.Changed}
		for _, t := range x.Checked.Rules {
			a.Rules = append(a.Rules, ruleOf(cfg.Policies(), t))
		}
		p.Asked = append(p.Asked, a)
	}
	for _, e := range s.Decision.Effects {
		p.Effects = append(p.Effects, string(e.Body.Kind()))
	}
	return p, nil
}

// title says in a few words what was decided.
func title(d dunning.Decision) string {
	what := web.Words(d.Verb)
	if ch := d.Channel(); ch != "" {
		what += " " + string(ch)
	}
	if d.Step != "" {
		what += " “" + web.Words(d.Step) + "”"
	}
	if d.Deferred {
		return "Kept back: " + what
	}
	return strings.ToUpper(what[:1]) + what[1:]
}

// ruleOf puts what a rule said into a word and a colour.
func ruleOf(set contact.Set, t contact.RuleTrace) ruleView {
	v := ruleView{RuleTrace: t, Citation: set.Citation(t.Rule), Kind: "good", Says: "allows"}
	switch {
	case t.Exception != "":
		v.Says = "allows by the exception " + t.Exception
	case t.Code != "" && t.Warns:
		v.Kind, v.Says = "warn", "remarks: "+web.Words(t.Code)
	case t.Code != "":
		v.Kind, v.Says = "bad", "refuses: "+web.Words(t.Code)
	}
	return v
}

// againOf says what deciding again gave.
func againOf(d recheck.Difference) *againView {
	v := &againView{Verdict: string(d.Verdict), Changed: d.Changed}
	switch d.Verdict {
	case recheck.Same:
		v.Kind, v.Text = "good", "The same facts and the same rules give the same decision."
	case recheck.Shell:
		v.Kind, v.Text = "info", "The shell around the core took this decision (a switch, a closed channel, a parked case); there is no rule to ask again."
	case recheck.Changed:
		v.Kind, v.Text = "warn", "It comes out otherwise, and what surrounded it then cannot be had in full any more."
	default:
		v.Kind, v.Text = "bad", "It comes out otherwise by the same rules. This is a fault: tell engineering the id of the decision."
	}
	if d.Error != "" {
		v.Text += " Deciding again failed: " + d.Error
	}
	if d.Again != nil {
		v.Diff = differences(d.Stored, *d.Again)
	}
	return v
}

// differences are the members of two decisions that differ, by name.
func differences(then, now dunning.Decision) []pairView {
	a, b := members(then), members(now)
	var out []pairView
	for _, name := range []string{
		"verb", "step", "round", "wake_at", "waiting", "rule", "reason", "not_before", "deferred", "queue", "total", "items", "contact", "effects", "checks", "conditions",
		"sequence", "versions",
	} {
		if string(a[name]) != string(b[name]) {
			out = append(out, pairView{name, string(a[name]), string(b[name])})
		}
	}
	return out
}

func members(d dunning.Decision) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	raw, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return map[string]json.RawMessage{"verb": json.RawMessage(strconv.Quote(err.Error()))}
	}
	return out
}
