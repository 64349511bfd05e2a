package govern

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// sides is what two configurations differ in, for people.
type sides struct {
	Files     []fileSides
	Messages  []messageSides
	More      int // messages that differ and are not shown
	reworded  map[string]bool
	Sequences []sequenceSides
	Rules     []ruleSides
	Effects   []string
	Warnings  []warning
	Faults    []config.Fault // of the new side
	Fault     string         // why it cannot be loaded otherwise
}

// warning is what the loader warns about; New: it does not warn of the other side.
type warning struct {
	config.Fault
	New bool
}

// Text is the fault with its line and caret.
func (w warning) Text() string { return w.String() }

// fileSides is one file.
type fileSides struct {
	proposal.Change
	Badge  string
	Rows   []proposal.Row
	Binary bool
}

// mostMessages bounds how many rendered messages a page shows.
const mostMessages = 24

// compare finds everything in which two configurations differ.
func (d *governance) compare(r *web.Request, before, after map[string][]byte) (s sides, err error) {
	s.Files = filesOf(before, after)
	changed := len(s.Files) > 0
	old, oldErr := config.LoadFiles(before)
	now, err := d.Service.Load(r.R.Context(), after)
	if err != nil {
		if s.Faults = s.changedFirst(config.FaultsOf(err)); len(s.Faults) == 0 {
			s.Fault = err.Error()
		}
		return s, nil
	}
	if oldErr != nil || !changed {
		s.Warnings = warningsOf(nil, now)
		return s, nil
	}
	s.Warnings = warningsOf(old, now)
	s.Messages = messagesOf(old, now)
	s.reworded = changedTemplates(old, now, s)
	if n := len(s.Messages); n > mostMessages {
		s.Messages, s.More = s.Messages[:mostMessages], n-mostMessages
	}
	s.Sequences = sequencesOf(old, now)
	s.Rules = d.rulesOf(old, now)
	counts, err := d.StepCounts(r.R.Context(), r.Scope(identity.Config), "")
	s.Effects = effects(old, now, s, counts)
	return s, err
}

// changedFirst puts faults of changed files before those that follow from them elsewhere.
func (s sides) changedFirst(faults []config.Fault) []config.Fault {
	changed := func(f config.Fault) bool {
		return slices.ContainsFunc(s.Files, func(x fileSides) bool { return x.Path == f.File })
	}
	slices.SortStableFunc(faults, func(a, b config.Fault) int { return cmp.Compare(rank(changed(b)), rank(changed(a))) })
	return faults
}

func filesOf(before, after map[string][]byte) []fileSides {
	badges := map[string]string{"added": "good", "removed": "bad", "changed": "info"}
	out := []fileSides{}
	for _, c := range proposal.ChangesOf((config.Release{Files: after}).Changes(config.Release{Files: before})) {
		f := fileSides{Change: c, Badge: badges[c.What]}
		a, b := before[c.Path], after[c.Path]
		f.Binary = bytes.IndexByte(a, 0) >= 0 || bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(a) || !utf8.Valid(b)
		f.Rows = proposal.Compare(string(a), string(b)) // of any file: one bad byte must not hide the rest
		out = append(out, f)
	}
	return out
}

func warningsOf(old, now *config.Config) []warning {
	var out []warning
	known := map[string]bool{}
	if old != nil {
		for _, w := range old.Warnings() {
			known[w.File+w.Message] = true
		}
	}
	for _, w := range now.Warnings() {
		out = append(out, warning{w, old != nil && !known[w.File+w.Message]})
	}
	slices.SortStableFunc(out, func(a, b warning) int { return cmp.Compare(rank(b.New), rank(a.New)) })
	return out
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// --- messages --------------------------------------------------------------------------

// messageSides is a template filled in for an invented debtor, before and after.
type messageSides struct {
	config.TemplateInfo
	Creditor      string
	What          string // added, removed, changed
	Subject, Text []proposal.Row
	HTML          bool // an email or letter that is shown in a frame
	Left, Right   bool // there is a side
	LeftInfo      string
	RightInfo     string
	Fault         string
}

// rendered is a template of one side.
type rendered struct {
	config.Preview
	is  bool
	err error
}

// Frame is the address of one side as it looks: side is before or after.
func (m messageSides) Frame(id, side string) string {
	q := url.Values{"side": {side}, "channel": {string(m.Channel)}, "name": {m.Name}, "locale": {m.Locale}, "creditor": {m.Creditor}}
	return "/proposals/" + url.PathEscape(id) + "/message?" + q.Encode()
}

func messagesOf(old, now *config.Config) []messageSides {
	var out []messageSides
	for _, t := range templatesOf(old, now) {
		cr := sampleCreditor(now, old, t.Locale)
		a, b := fill(old, cr, t), fill(now, cr, t)
		if a.is == b.is && errText(a.err) == errText(b.err) && a.Message.Subject == b.Message.Subject && a.Message.Text == b.Message.Text && a.Message.HTML == b.Message.HTML {
			continue
		}
		m := messageSides{TemplateInfo: t, Creditor: cr, What: "changed", Left: a.is, Right: b.is, LeftInfo: cost(a), RightInfo: cost(b), Fault: errText(b.err)}
		switch {
		case !a.is:
			m.What = "added"
		case !b.is:
			m.What = "removed"
		}
		m.HTML = t.Channel != dunning.SMS
		m.Subject, m.Text = proposal.Whole(a.Message.Subject, b.Message.Subject), proposal.Whole(a.Message.Text, b.Message.Text)
		out = append(out, m)
	}
	return out
}

func cost(r rendered) string {
	if r.SMS.Segments == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %s", web.Plural(r.SMS.Segments, "segment", "segments"), r.SMS.Encoding)
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// templatesOf are those of either side, by file.
func templatesOf(old, now *config.Config) []config.TemplateInfo {
	all := map[string]config.TemplateInfo{}
	for _, c := range []*config.Config{old, now} {
		for _, t := range c.Templates() {
			all[t.File] = t
		}
	}
	out := slices.Collect(maps.Values(all))
	slices.SortFunc(out, func(a, b config.TemplateInfo) int { return strings.Compare(a.File, b.File) })
	return out
}

// sampleCreditor is one whose debtors are written to in a language, of either side.
func sampleCreditor(now, old *config.Config, tag string) string {
	first := ""
	for _, c := range []*config.Config{now, old} {
		for _, cr := range c.Creditors() {
			first = cmp.Or(first, cr.ID)
			if locale.Base(cr.Locale) == locale.Base(tag) {
				return cr.ID
			}
		}
	}
	return first
}

func fill(c *config.Config, creditor string, t config.TemplateInfo) (r rendered) {
	r.is = slices.ContainsFunc(c.Templates(), func(x config.TemplateInfo) bool { return x.File == t.File })
	if r.is {
		r.Preview, r.err = c.Preview(creditor, t.Channel, t.Name, t.Locale)
	}
	return r
}

// --- rules ------------------------------------------------------------------------------

// ruleSides is a rule of a policy in words, before and after.
type ruleSides struct {
	Pack, ID, What string
	Left, Right    []proposal.Part
}

func (d *governance) rulesOf(old, now *config.Config) []ruleSides {
	var out []ruleSides
	a, b := d.rules(old), d.rules(now)
	keys := slices.Collect(maps.Keys(a))
	for _, k := range slices.Collect(maps.Keys(b)) {
		if _, is := a[k]; !is {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b [3]string) int { return slices.Compare(a[:], b[:]) })
	for _, k := range keys {
		x, y := a[k], b[k]
		if x == y {
			continue
		}
		r := ruleSides{Pack: k[0], ID: strings.TrimSpace(k[1] + " " + k[2]), What: "changed"}
		switch {
		case x == "":
			r.What = "added"
		case y == "":
			r.What = "removed"
		}
		r.Left, r.Right = proposal.Words(x, y)
		out = append(out, r)
	}
	return out
}

// rules are all rules in words, by pack, id and part.
func (d *governance) rules(c *config.Config) map[[3]string]string {
	out := map[[3]string]string{}
	for _, pack := range c.PolicySpecs() {
		for _, x := range pack.Rules {
			out[[3]string{pack.Pack, x.ID, x.Part}] = d.sentence(pack, x)
		}
	}
	return out
}

func (d *governance) sentence(pack contact.PackSpec, x contact.RuleSpec) string {
	says, reach := d.Rule(x)
	parts := []string{says + ". Reaches: " + reach + "."}
	add := func(word, value string) {
		if value != "" {
			parts = append(parts, word+" "+value+".")
		}
	}
	add("From", cmp.Or(x.Effective.From, pack.Effective.From))
	add("Until", cmp.Or(x.Effective.Until, pack.Effective.Until))
	add("Source:", x.Citation)
	add("Certainty:", x.Certainty)
	return strings.Join(parts, " ")
}

// --- effects ----------------------------------------------------------------------------

// effects says what a change means for cases that are open.
func effects(old, now *config.Config, s sides, counts []read.StepCount) []string {
	var out []string
	total, by := int64(0), map[string]int64{}
	for _, n := range counts {
		total += n.N
		by[n.Sequence] += n.N
	}
	for _, q := range s.Sequences {
		out = append(out, q.effect(by[q.ID]))
	}
	if names := s.reworded; len(names) > 0 {
		var n int64
		for _, q := range now.Sequences() {
			if uses(q, names) {
				n += by[q.ID]
			}
		}
		out = append(out, fmt.Sprintf("The next messages of %s use the new words at once: their sequences send what is changed. What has been handed over stays as it was.", cases(n)))
	}
	if len(s.Rules) > 0 || old.PolicyVersions() != now.PolicyVersions() {
		out = append(out, fmt.Sprintf("The changed rules hold for all %s from the moment of approval: every contact is judged as it leaves.", cases(total)))
	}
	for _, f := range s.Files {
		if top, _, _ := strings.Cut(f.Path, "/"); top == "creditors" || top == "roles.yaml" || top == "queues.yaml" || top == "holidays" {
			out = append(out, "What is set in "+f.Path+" holds at once for all open cases.")
		}
	}
	return out
}

func cases(n int64) string { return web.Plural(n, "open case", "open cases") }

// changedTemplates are those whose message differs, shown or not, and those whose file does:
// an invented debtor does not come into every branch of a template.
func changedTemplates(old, now *config.Config, s sides) map[string]bool {
	out := map[string]bool{}
	for _, m := range s.Messages {
		out[string(m.Channel)+" "+m.Name] = true
	}
	for _, t := range templatesOf(old, now) {
		if slices.ContainsFunc(s.Files, func(f fileSides) bool { return f.Path == t.File }) {
			out[string(t.Channel)+" "+t.Name] = true
		}
	}
	return out
}

// uses reports whether a sequence sends one of the templates.
func uses(q *dunning.Sequence, names map[string]bool) bool {
	var any func(list []dunning.Channeled) bool
	any = func(list []dunning.Channeled) bool {
		return slices.ContainsFunc(list, func(c dunning.Channeled) bool { return names[string(c.Channel)+" "+c.Template] || any(c.Else) })
	}
	for _, s := range q.Steps {
		if any(s.Send) || s.Offer != nil && any(s.Offer.Send) {
			return true
		}
	}
	return slices.ContainsFunc([]dunning.Reaction{q.On.PromiseBroken, q.On.PlanBroken, q.On.DisputeRejected, q.On.Paid}, func(x dunning.Reaction) bool { return any(x.Send) })
}
