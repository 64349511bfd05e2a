package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/condition"
	"github.com/duly/duly/internal/yamlpos"
)

// Defaults of sequence files, so that a short file says what it means.
const (
	defaultSpacing      = 3
	defaultAttempts     = 3
	defaultWithin       = 5
	defaultFirstDue     = 7
	defaultOpenFor      = 10
	defaultCure         = 5
	defaultDefaultAfter = 2
	defaultRemind       = 3
)

// references is what a sequence may name in other files. nil means that the
// sequence is looked at alone and its references are taken on trust.
type references struct {
	queues, roles []string
	templates     map[dunning.Channel][]string
}

// sequenceFile is one sequence file while it is compiled.
type sequenceFile struct {
	doc  *yamlpos.Doc
	read bool // the file could be read as YAML
	spec SequenceSpec
	refs *references
	seq  *dunning.Sequence
}

// CompileSequence compiles one sequence file by itself: templates, queues and
// roles that it names are not looked for. The error is of type Faults.
func CompileSequence(file string, data []byte) (*dunning.Sequence, error) {
	f := parseSequence(file, data)
	if f.read {
		f.compile(nil)
	}
	if faults, _ := f.doc.Faults().Split(); len(faults) > 0 {
		return nil, faults
	}
	return f.seq, nil
}

func parseSequence(file string, data []byte) *sequenceFile {
	doc, ok := yamlpos.Parse(file, data)
	f := &sequenceFile{doc: doc, read: ok}
	if ok {
		doc.Decode(&f.spec)
	}
	return f
}

// compile fills seq and reports what is wrong; with faults seq is incomplete.
func (f *sequenceFile) compile(refs *references) {
	f.refs = refs
	s := f.spec
	f.seq = &dunning.Sequence{
		ID: s.Sequence, Title: cmp.Or(s.Title, s.Sequence), Version: versionOf(f.doc.Canonical()),
		Priority: s.Priority, Tolerance: f.amounts("tolerance", s.Tolerance),
		Ladder:  choose(f.doc, "ladder", s.Ladder, dunning.LadderLeading, dunning.LadderEach),
		Include: choose(f.doc, "include", s.Include, dunning.IncludeAllOverdue, dunning.IncludeDueForStep, dunning.IncludeAllOpen),
		Entry:   choose(f.doc, "entry", s.Entry, dunning.EntryFirst, dunning.EntryMatching),
		CatchUp: choose(f.doc, "catch_up", s.CatchUp, dunning.CatchUpRun, dunning.CatchUpSkip, dunning.CatchUpAsk),
		Spacing: f.days("spacing", s.Spacing, defaultSpacing),
		Window:  f.window(),
	}
	checkID(f.doc, "sequence", s.Sequence)
	f.steps()
	f.seq.AppliesWhen = f.condition("applies_when", s.AppliesWhen)
	f.plan()
	f.reactions()
	f.end()
	f.checkOrder()
	f.checkReach()
}

// versionOf names content: the first 16 hex digits of its SHA-256.
func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func checkID(doc *yamlpos.Doc, path, id string) {
	switch {
	case id == "" && doc.Has(path) && !doc.Given(path): // under a misspelt key
	case id == "" && !doc.Has(path):
		doc.Fault(path, fmt.Sprintf("%q is missing", lastKey(path)), "give it an id of small letters, digits and hyphens")
	case !idPattern.MatchString(id):
		doc.Fault(path, fmt.Sprintf("%q is not an id", id), "use small letters, digits and hyphens, such as final-notice")
	}
}

// lastKey is the key that a path ends with, without the index of a list.
func lastKey(path string) string {
	key, _, _ := strings.Cut(path[strings.LastIndexByte(path, '.')+1:], "[")
	return key
}

// choose takes the first allowed word as the default.
func choose[T ~string](doc *yamlpos.Doc, path, given string, allowed ...T) T {
	if given == "" {
		return allowed[0]
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
		if words[i] == given {
			return a
		}
	}
	doc.Fault(path, fmt.Sprintf("unknown %s %q", lastKey(path), given), yamlpos.Suggest(given, words))
	return allowed[0]
}

func (f *sequenceFile) days(path string, given *Days, standard int) int {
	if given == nil {
		return standard
	}
	if *given < 0 {
		f.doc.Fault(path, "must not be negative", "")
	}
	return int(*given)
}

func (f *sequenceFile) amounts(path string, given Amounts) map[string]money.Amount {
	return amounts(f.doc, path, given)
}

func amounts(doc *yamlpos.Doc, path string, given Amounts) map[string]money.Amount {
	if len(given) == 0 {
		return nil
	}
	out := make(map[string]money.Amount, len(given))
	for _, cur := range slices.Sorted(maps.Keys(given)) {
		at := path + "." + cur
		if _, err := money.Digits(cur); err != nil {
			doc.FaultKey(at, fmt.Sprintf("unknown currency %q", cur), "use the ISO 4217 code in capitals, such as USD")
			continue
		}
		a, err := money.Parse(string(given[cur]), cur)
		switch {
		case given[cur] == "": // reported while decoding
		case err != nil:
			doc.Fault(at, err.Error(), "")
		case a.Minor() < 0:
			doc.Fault(at, "must not be negative", "")
		default:
			out[cur] = a
		}
	}
	return out
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// window compiles the send window. Days left out mean every day, hours left
// out the whole day.
func (f *sequenceFile) window() dunning.Window {
	s := f.spec.SendWindow
	if s == nil {
		return dunning.Window{}
	}
	w := dunning.Window{To: 24 * 60}
	for i, d := range s.Days {
		n := slices.Index(weekdays, d)
		at := fmt.Sprintf("send_window.days[%d]", i)
		switch {
		case n < 0:
			f.doc.Fault(at, fmt.Sprintf("unknown day %q", d), yamlpos.Suggest(d, weekdays))
		case w.Days[n]:
			f.doc.Fault(at, fmt.Sprintf("day %q is given twice", d), "")
		default:
			w.Days[n] = true
		}
	}
	if len(s.Days) == 0 {
		w.Days = [7]bool{true, true, true, true, true, true, true}
		if f.doc.Has("send_window.days") {
			f.doc.Fault("send_window.days", "a window without days never opens", "leave days out to allow every day")
		}
	}
	if s.From != nil {
		w.From = int(*s.From)
	}
	if s.To != nil {
		w.To = int(*s.To)
	}
	if w.From >= w.To {
		f.doc.Fault("send_window.to", "the window ends before it begins", "to must be later than from, on the same day")
	}
	w.SkipHolidays = choose(f.doc, "send_window.holidays", s.Holidays, "ignore", "skip") == "skip"
	return w
}

// condition compiles a CEL condition; faults point into its text.
func (f *sequenceFile) condition(path, source string) dunning.Condition {
	if !f.doc.Given(path) {
		return nil
	}
	c, faults := condition.Compile(source, condition.Options{Steps: f.stepIDs()})
	for _, x := range faults {
		f.doc.FaultInside(path, x.Line, x.Column, x.Message, x.Hint)
	}
	if c == nil {
		return nil
	}
	if c.NeverTrue() {
		f.doc.Fault(path, "this condition can never be true", "")
	}
	return c
}

func (f *sequenceFile) stepIDs() []string {
	ids := make([]string, 0, len(f.spec.Steps))
	for _, s := range f.spec.Steps {
		ids = append(ids, s.ID)
	}
	return ids
}

func (f *sequenceFile) known(path, what, name string, known func(*references) []string) {
	if name == "" || f.refs == nil {
		return
	}
	names := known(f.refs)
	if !slices.Contains(names, name) {
		f.doc.Fault(path, fmt.Sprintf("unknown %s %q", what, name), yamlpos.Suggest(name, names))
	}
}

func (f *sequenceFile) queue(path, name string) string {
	if name == "" {
		f.missing(path, "queue", "name a queue of queues.yaml")
	}
	f.known(path, "queue", name, func(r *references) []string { return r.queues })
	return name
}

// missing reports a key that must be there. An empty value was reported while decoding.
func (f *sequenceFile) missing(path, what, hint string) {
	if !f.doc.Has(path) {
		f.doc.Fault(path, fmt.Sprintf("%q is missing", what), hint)
	}
}

func (f *sequenceFile) plan() {
	p := f.spec.Plan
	f.seq.Plan = dunning.PlanTerms{
		Cure:         f.days("plan.cure", p.Cure, defaultCure),
		DefaultAfter: cmp.Or(p.DefaultAfter, defaultDefaultAfter),
		Remind:       f.days("plan.remind", p.Remind, defaultRemind),
	}
	if p.DefaultAfter < 0 || f.doc.Has("plan.default_after") && p.DefaultAfter == 0 {
		f.doc.Fault("plan.default_after", "must be at least 1", "")
	}
}

func (f *sequenceFile) reactions() {
	on := f.spec.On
	f.seq.On = dunning.Reactions{
		PromiseBroken:   f.reaction("on.promise_broken", on.PromiseBroken, "goto"),
		PlanBroken:      f.reaction("on.plan_broken", on.PlanBroken, "goto"),
		DisputeRejected: f.reaction("on.dispute_rejected", on.DisputeRejected, "notice"),
		Paid:            f.reaction("on.paid", on.Paid, "send"),
	}
}

// reaction compiles one; only the given key, and continue, make sense for it.
func (f *sequenceFile) reaction(path string, r *ReactionSpec, sense string) (out dunning.Reaction) {
	if r == nil {
		return out
	}
	for _, key := range []string{"goto", "notice", "send"} {
		if f.doc.Has(path+"."+key) && key != sense {
			f.doc.FaultKey(path+"."+key, fmt.Sprintf("%q does not work under %q", key, lastKey(path)), fmt.Sprintf("%q does", sense))
		}
	}
	if r.Goto != "" {
		if !slices.Contains(f.stepIDs(), r.Goto) {
			f.doc.Fault(path+".goto", fmt.Sprintf("unknown step %q", r.Goto), yamlpos.Suggest(r.Goto, f.stepIDs()))
		}
		if r.Continue {
			f.doc.FaultKey(path+".continue", "continue and goto exclude each other", "")
		}
	}
	return dunning.Reaction{Goto: r.Goto, Notice: f.days(path+".notice", r.Notice, 0), Send: f.entries(path+".send", r.Send, 0)}
}

func (f *sequenceFile) end() {
	e := f.spec.End
	if e == nil {
		f.doc.Warn("", "the sequence does not say what happens after its last step", `add "end:" with escalate, refer, write_off or close; without it the case closes as exhausted`)
		return
	}
	f.oneOf("end", "escalate", "refer", "write_off", "close")
	switch {
	case e.Escalate != nil:
		f.seq.End.Escalate = f.escalate("end.escalate", e.Escalate)
	case e.Refer != nil:
		f.seq.End.Refer = f.refer("end.refer", e.Refer)
	case e.WriteOff:
		f.seq.End.Close = &dunning.CloseStep{Disposition: dunning.WrittenOff}
	case e.Close != nil:
		f.seq.End.Close = f.closing("end.close", e.Close)
	}
}

// oneOf demands exactly one of the keys and returns it.
func (f *sequenceFile) oneOf(path string, keys ...string) string {
	var given []string
	for _, k := range keys {
		if f.doc.Has(path + "." + k) {
			given = append(given, k)
		}
	}
	switch len(given) {
	case 0:
		f.doc.Fault(path, "nothing says what to do", "give one of "+strings.Join(keys, ", "))
		return ""
	case 1:
	default:
		f.doc.FaultKey(path+"."+given[1], fmt.Sprintf("%q and %q exclude each other", given[0], given[1]), "make two steps of it")
	}
	return given[0]
}
