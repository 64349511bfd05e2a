package govern

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/web"
)

// kinds of badges by risk.
var kinds = []string{"quiet", "info", "warn", "bad"}

// queued is a line of the queue.
type queued struct {
	Waiting
	Badge string // kind of the badge
	By    string // name of whoever made it, "" = none
	Late  bool
	Mine  bool // the reader cannot decide it: it is their own
	Stale bool
}

type reviewPage struct {
	Rows  []queued
	Kinds []string // there are
	Four  proposal.FourEyes
	Names map[string]string
	Mine  string // id of the reader
}

// Who names a person.
func (p reviewPage) Who(by string) string { return who(p.Names, by) }

// who names "user:<id>", "key:<id>" or whatever the command line wrote.
func who(names map[string]string, by string) string {
	if name := names[strings.TrimPrefix(by, "user:")]; name != "" {
		return name
	}
	return by
}

// review is what waits for a second person: what is due first on top, of what is due at
// the same time the riskier.
func (d *governance) review(r *web.Request) error {
	p, err := d.queue(r)
	if err != nil {
		return err
	}
	for _, row := range p.Rows {
		if !slices.Contains(p.Kinds, row.Kind) {
			p.Kinds = append(p.Kinds, row.Kind)
		}
	}
	slices.Sort(p.Kinds)
	if kind := r.R.URL.Query().Get("kind"); kind != "" {
		p.Rows = slices.DeleteFunc(p.Rows, func(q queued) bool { return q.Kind != kind })
	}
	if r.WantsCSV() {
		return r.CSV("review", []string{"kind", "title", "why", "by", "since", "due", "path"}, p.csv)
	}
	return r.Page("review.html", p)
}

func (p reviewPage) csv(yield func([]string, error) bool) {
	for _, q := range p.Rows {
		if !yield([]string{q.Kind, q.Title, q.Why, q.By, stamp(q.Since), stamp(q.Due), q.Path}, nil) {
			return
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (d *governance) queue(r *web.Request) (p reviewPage, err error) {
	ctx := r.R.Context()
	p.Mine = strings.TrimPrefix(r.User.By, "user:")
	if p.Names, err = d.Names(ctx); err != nil {
		return p, err
	}
	if p.Four, err = d.Service.FourEyes(ctx); err != nil {
		return p, err
	}
	if err := d.proposed(r, &p); err != nil {
		return p, err
	}
	backs, err := d.Service.GoneBack(ctx)
	if err != nil {
		return p, err
	}
	for _, b := range backs {
		p.Rows = append(p.Rows, queued{Waiting: Waiting{
			ID: fmt.Sprintf("back-%d", b.Activation), Kind: "going back", Title: "Release " + short(b.Release) + " put into force again by one person", Why: b.Reason,
			Path: fmt.Sprintf("/review/back/%d", b.Activation), Level: 3, Since: b.At, Due: b.At.Add(24 * time.Hour),
		}, By: p.Who(b.By), Mine: b.Person != "" && b.Person == p.Mine})
	}
	if s := p.Four.Asked(); s != nil {
		p.Rows = append(p.Rows, queued{Waiting: Waiting{
			ID: "four-eyes", Kind: "four eyes", Title: "No longer require two people", Why: s.Reason, Path: "/review#four-eyes", Level: 3, Since: s.At, Due: s.At.Add(24 * time.Hour),
		}, By: p.Who(s.By), Mine: s.Person == p.Mine})
	}
	for _, s := range d.Sources {
		if !r.User.Somewhere(s.Need) {
			continue
		}
		list, err := s.List(ctx, r.Scope(s.Need), r.Now)
		if err != nil {
			return p, err
		}
		for _, w := range list {
			p.Rows = append(p.Rows, queued{Waiting: w})
		}
	}
	for i := range p.Rows {
		q := &p.Rows[i]
		q.Badge, q.Late = kinds[min(max(q.Level, 0), 3)], !q.Due.IsZero() && q.Due.Before(r.Now)
	}
	slices.SortStableFunc(p.Rows, before)
	return p, nil
}

// before is the order of the queue: what is due first, what has no due instant by its age
// and three days; then the riskier.
func before(a, b queued) int {
	due := func(q queued) time.Time {
		if q.Due.IsZero() {
			return q.Since.Add(72 * time.Hour)
		}
		return q.Due
	}
	if n := due(a).Compare(due(b)); n != 0 {
		return n
	}
	if n := b.Level - a.Level; n != 0 {
		return n
	}
	return strings.Compare(a.ID, b.ID)
}

// proposed adds open proposals.
func (d *governance) proposed(r *web.Request, p *reviewPage) error {
	ctx := r.R.Context()
	open, err := d.Service.List(ctx, true)
	if err != nil {
		return err
	}
	current, _, err := d.Service.Files(ctx, "")
	if err != nil {
		return err
	}
	for _, x := range open {
		risk := proposal.RiskOf(x.Changes)
		q := queued{Waiting: Waiting{
			ID: x.ID, Kind: risk.Word, Title: titleOf(x), Why: fmt.Sprintf("%s: within %s", risk.Why, web.Plural(int(risk.Within.Hours()/24), "day", "days")),
			Path: "/proposals/" + x.ID, Level: risk.Level, Since: x.Made, Due: x.Due(),
		}, By: p.Who(x.By), Mine: x.Person == p.Mine, Stale: x.Base != current}
		if risk.Word == "other" {
			q.Kind = "set-up"
		}
		p.Rows = append(p.Rows, q)
	}
	return nil
}

// titleOf is a proposal in a line: its reason, or how much it changes.
func titleOf(x proposal.Proposal) string {
	line, _, _ := strings.Cut(x.Reason, "\n")
	if rs := []rune(line); len(rs) > 90 {
		line = string(rs[:89]) + "…"
	}
	return line
}

func short(version string) string { return version[:min(8, len(version))] }

type proposalsPage struct {
	Rows  []proposal.Proposal
	Names map[string]string
	State string
}

// Who names a person.
func (p proposalsPage) Who(by string) string { return who(p.Names, by) }

// Risk is that of a row.
func (p proposalsPage) Risk(x proposal.Proposal) proposal.Risk { return proposal.RiskOf(x.Changes) }

// Badge is the kind of badge of a risk.
func (p proposalsPage) Badge(x proposal.Proposal) string {
	return kinds[proposal.RiskOf(x.Changes).Level]
}

// Title is the first line of a proposal's reason.
func (p proposalsPage) Title(x proposal.Proposal) string { return titleOf(x) }

// Of is the state of a proposal, in a word.
func (p proposalsPage) Of(x proposal.Proposal) string { return stateOf(x) }

// Look is the kind of badge of a state.
func (p proposalsPage) Look(x proposal.Proposal) string { return lookOf(x) }

func stateOf(x proposal.Proposal) string {
	if x.Open() {
		return "open"
	}
	return string(x.End.Verdict)
}

func lookOf(x proposal.Proposal) string {
	return map[string]string{"open": "info", "approved": "good", "rejected": "bad"}[stateOf(x)]
}

// proposals lists all, decided ones too, the newest first.
func (d *governance) proposals(r *web.Request) (err error) {
	ctx := r.R.Context()
	p := proposalsPage{State: r.R.URL.Query().Get("state")}
	if p.Rows, err = d.Service.List(ctx, p.State == "open"); err != nil {
		return err
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if p.State != "" {
		p.Rows = slices.DeleteFunc(p.Rows, func(x proposal.Proposal) bool { return stateOf(x) != p.State })
	}
	if r.WantsCSV() {
		return r.CSV("proposals", []string{"proposal", "state", "risk", "by", "made", "decided_by", "decided", "files", "reason", "words", "base", "release"}, p.csv)
	}
	return r.Page("proposals.html", p)
}

func (p proposalsPage) csv(yield func([]string, error) bool) {
	for _, x := range p.Rows {
		var end proposal.End
		if x.End != nil {
			end = *x.End
		}
		row := []string{x.ID, stateOf(x), p.Risk(x).Word, p.Who(x.By), stamp(x.Made), p.Who(end.By), stamp(end.At), strconv.Itoa(len(x.Changes)), x.Reason, end.Words, x.Base, x.Release}
		if !yield(row, nil) {
			return
		}
	}
}

// --- going back ---------------------------------------------------------------------------

type backPage struct {
	proposal.Back
	Names map[string]string
	Mine  bool
}

// Who names a person.
func (p backPage) Who(by string) string { return who(p.Names, by) }

// back is a going back that one person made alone, for another one to look at.
func (d *governance) back(r *web.Request) error {
	b, err := d.oneBack(r)
	if err != nil {
		return err
	}
	p := backPage{Back: b, Mine: b.Person != "" && "user:"+b.Person == r.User.By}
	if p.Names, err = d.Names(r.R.Context()); err != nil {
		return err
	}
	return r.Page("back.html", p)
}

func (d *governance) oneBack(r *web.Request) (proposal.Back, error) {
	all, err := d.Service.GoneBack(r.R.Context())
	if err != nil {
		return proposal.Back{}, err
	}
	for _, b := range all {
		if fmt.Sprint(b.Activation) == r.R.PathValue("id") {
			return b, nil
		}
	}
	return proposal.Back{}, web.NotFound("A going back that nobody has looked at under this number")
}

func (d *governance) look(r *web.Request) error {
	if err := r.Require(identity.Approve, identity.AllCreditors); err != nil {
		return err
	}
	b, err := d.oneBack(r)
	if err != nil {
		return err
	}
	if err := d.Service.Look(r.R.Context(), r.User, b.Activation, r.Value("words")); err != nil {
		return told(err)
	}
	return r.Done("/review", "Your look is recorded.")
}

// --- four eyes ----------------------------------------------------------------------------

func (d *governance) require(r *web.Request) error {
	if err := r.Require(identity.Approve, identity.AllCreditors); err != nil {
		return err
	}
	if err := d.Service.Require(r.R.Context(), r.User.By, r.Value("reason")); err != nil {
		return told(err)
	}
	return r.Done("/review", "Two people are needed from now on to put a configuration into force.")
}

func (d *governance) release(r *web.Request) error {
	off, err := d.Service.Release(r.R.Context(), r.User, r.Value("reason"))
	if err != nil {
		return told(err)
	}
	if off {
		return r.Done("/review", "Two people are no longer needed.")
	}
	return r.Done("/review", "You asked. Two people are needed until somebody else agrees.")
}
