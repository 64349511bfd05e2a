package collect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/tell"
	"github.com/duly/duly/internal/web"
)

// opened is a case that somebody looks at or works on, with its facts in their set-up.
type opened struct {
	read.CasePage
	facts  dunning.Facts
	config *config.Config
	people []Colleague // who work on cases of this creditor
	at     time.Time
}

// open loads a case of the user's scope.
func (d Deps) open(r *web.Request) (*opened, error) {
	ctx := r.R.Context()
	p, err := d.Read.CasePage(ctx, r.Scope(identity.View), r.R.PathValue("id"), r.Now)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, web.NotFound("This case")
	}
	if err != nil {
		return nil, err
	}
	o := &opened{CasePage: p, at: r.Now}
	if o.config, err = d.Config(ctx); err != nil {
		return nil, err
	}
	if o.people, err = d.People(ctx, p.Creditor); err != nil {
		return nil, err
	}
	o.facts, err = d.fold(ctx, p.Case, p.Log)
	return o, err
}

// zone is the debtor's first candidate, "" when nothing is known.
func (o *opened) zone() *time.Location {
	if len(o.facts.Zones) > 0 {
		return o.facts.Zones[0]
	}
	return time.UTC
}

// casePage is what the page of a case shows.
type casePage struct {
	*opened
	Zone    string
	Lights  []Light
	Next    outlook
	Shares  []share
	Promise *read.Promise // open
	Plan    *planView     // live
	Holds   []read.Hold   // in force
	Lease   *leaseView
	Tasks   []taskView
	Events  []dayOfEvents
	More    string
	Group   string
	Groups  []string
	Names   map[string]string
	Letters []templateChoice
	Opening string // form that is open
	Faults  map[string]string
	Stray   map[string]string // faults of forms that do not open
	Given   url.Values
	Last    read.Touch
	History string // address in the Temporal UI
	Moving  *movingView

	me      string // id of who looks
	mayGive bool   // the case is theirs to give away
}

// share is one age bucket with its width in the bar, in hundredths of the picture.
type share struct {
	Label string
	Kind  string
	Minor string
	X, W  int
}

type planView struct {
	read.Plan
	Next dunning.Instalment
	Done int
}

type leaseView struct {
	read.Lease
	Name string
	Mine bool
	Team bool
}

// movingView is a migration to another version of the sequence that waits.
type movingView struct {
	dunning.MigrationState
	When  string    // in words
	Until time.Time // when what it waits for ends by itself at the latest, zero when only somebody ends it
	Asker string
}

// taskView is an open task with the words and the outcomes a person may give it.
type taskView struct {
	dunning.TaskState
	Why      string
	Outcomes []string
	Need     identity.Permission
	settles  *dunning.SettlementState
}

// NewID is an id for a form: sent twice, the order is carried out once.
func (*casePage) NewID() string { return uuid.NewString() }

// Value of an input: what was given, or what is suggested.
func (p *casePage) Value(name, suggested string) string {
	if p.Given != nil && p.Given.Has(name) {
		return p.Given.Get(name)
	}
	return suggested
}

// Light of a channel.
func (p *casePage) Light(ch string) Light {
	i := slices.IndexFunc(p.Lights, func(l Light) bool { return string(l.Channel) == ch })
	if i < 0 {
		return Light{Kind: "bad"}
	}
	return p.Lights[i]
}

// MayWrite reports whether some written channel is allowed now.
func (p *casePage) MayWrite() bool {
	return slices.ContainsFunc(p.Lights, func(l Light) bool { return l.Channel != dunning.Call && l.Allowed() })
}

// Asked reports whether the debtor is asked for what is open on an item: not when it is
// written off, with somebody else, or paid.
func (p *casePage) Asked(it dunning.ItemState) bool {
	switch it.Disposition {
	case dunning.InSequence, dunning.InPlan, dunning.Exhausted:
		return true
	}
	return false
}

// Day is a local day of the debtor some days ahead, for suggestions: "2006-01-02".
func (p *casePage) Day(ahead int) string { return p.Today.AddDays(ahead).String() }

// By names who did something, for people.
func (p *casePage) By(by string) string { return byName(p.Names, by) }

func byName(names map[string]string, by string) string { return tell.People(names).By(by) }

// one is the page of a case.
func (d Deps) one(r *web.Request) error {
	o, err := d.open(r)
	if err != nil {
		return err
	}
	return d.show(r, o, r.Value("open"), nil)
}

// opens are the forms that open above the page, and show their own faults.
var opens = []string{"call", "message", "promise", "plan", "dispute", "hold", "note", "take", "callback", "settlement"}

// show renders the page, with a form open and its faults.
func (d Deps) show(r *web.Request, o *opened, form string, faults map[string]string) error {
	p := &casePage{opened: o, Opening: form, Faults: faults, Group: r.R.URL.Query().Get("group"), Groups: read.Groups(), Last: o.CaseRow.Last}
	if p.Given = r.R.URL.Query(); faults != nil {
		p.Given = r.R.PostForm
		if !slices.Contains(opens, form) {
			p.Stray = faults
		}
	}
	if err := d.fill(r, p); err != nil {
		return err
	}
	if faults != nil {
		return r.PageStatus(http.StatusUnprocessableEntity, "case.html", p)
	}
	return r.Page("case.html", p)
}

func (d Deps) fill(r *web.Request, p *casePage) (err error) {
	ctx := r.R.Context()
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if d.History != nil {
		p.History = d.History(p.Case)
	}
	p.Zone = firstOf(p.Standing.Zones)
	on, err := d.switches(ctx)
	if err != nil {
		return err
	}
	p.Lights = Lights(&p.facts, on, p.Creditor, "", r.Now)
	p.Next = ahead(p.facts, r.Now)
	p.Shares = shares(p.Buckets)
	p.Letters = templates(p.config, r.User, p.Creditor)
	p.me = userID(r.User)
	p.mayGive = inputOf(r, p.opened).within(form{}, dunning.HandBack{}) == nil
	p.states(r)
	p.Tasks = openTasks(p.facts)
	if m, tried, ok := dunning.WaitingMigration(p.facts, r.Now); ok {
		p.Moving = &movingView{m, tell.MovesWhen(tried.Why), tried.Until, p.By(m.By)}
	}
	return d.story(ctx, r, p)
}

// states picks what is in force of agreements, holds and leases.
func (p *casePage) states(r *web.Request) {
	s := p.Standing
	if s.Promise != nil && s.Promise.State == "open" {
		p.Promise = s.Promise
	}
	if s.Plan != nil && s.Plan.State == "live" {
		p.Plan = p.plan(*s.Plan)
	}
	for _, h := range s.Holds {
		if h.In(r.Now) {
			p.Holds = append(p.Holds, h)
		}
	}
	if l := s.Lease; l != nil {
		p.Lease = &leaseView{*l, ownerName(p.Names, l.Owner), l.Owner == userID(r.User), dunning.IsTeam(l.Owner)}
	}
}

// plan says how far a plan is: instalments whose day is over count as done, the core
// judges whether they were paid.
func (p *casePage) plan(plan read.Plan) *planView {
	v := &planView{Plan: plan}
	for _, ins := range plan.Instalments {
		if ins.Due.Days(p.Today) > 0 {
			v.Done++
		} else if v.Next.Due.IsZero() {
			v.Next = ins
		}
	}
	return v
}

// shares are the buckets as parts of a bar of 1000.
func shares(b read.Buckets) []share {
	total := b.Total.Minor()
	var out []share
	x := 0
	for _, part := range []struct {
		label, kind string
		minor       int64
		text        string
	}{
		{"not due", "quiet", b.Current.Minor(), web.Figure(b.Current)},
		{"1–30 days", "info", b.To30.Minor(), web.Figure(b.To30)},
		{"31–60", "warn", b.To60.Minor(), web.Figure(b.To60)},
		{"61–90", "hot", b.To90.Minor(), web.Figure(b.To90)},
		{"over 90", "bad", b.Over90.Minor(), web.Figure(b.Over90)},
	} {
		w := 0
		if total > 0 {
			w = int(part.minor * 1000 / total)
		}
		out = append(out, share{part.label, part.kind, part.text, x, w})
		x += w
	}
	return out
}

// outcomesOf are what a person may say of a task on its page, by kind; calls end by the
// call that is logged.
var outcomesOf = map[dunning.TaskKind][]string{
	dunning.TaskEscalation: {"resumed", "done"}, dunning.TaskDraft: {"approved", "rejected"}, dunning.TaskApproval: {"approved", "rejected"},
	dunning.TaskManual: {"done"}, dunning.TaskNoChannel: {"done"}, dunning.TaskUnknown: {"sent", "not_sent"}, dunning.TaskCatchUp: {"resumed", "done"},
	dunning.TaskSupervisor: {"done"}, dunning.TaskParked: {"resumed", "done"}, dunning.TaskFailed: {"resumed", "done"}, dunning.TaskCall: {"attempts_used"},
	dunning.TaskReply: {"done"}, dunning.TaskSettlement: {"approved", "rejected"},
}

// Seems says what a reply seems to ask for, "" when there is no suggestion.
func (t taskView) Seems() string {
	if t.Suggest == nil {
		return ""
	}
	text := fmt.Sprintf("It seems: %s (%d %% sure)", web.Words(t.Suggest.Intent), t.Suggest.Confidence)
	if !t.Suggest.Due.IsZero() {
		text += ", by " + t.Suggest.Due.String()
	}
	if t.Suggest.Amount.Minor() > 0 {
		text += ", " + web.Money(t.Suggest.Amount)
	}
	return text
}

// Form is the query that opens the form for what a reply seems to ask for, "" for none.
func (t taskView) Form() string {
	if t.Suggest == nil {
		return ""
	}
	form := map[string]string{"make_promise": "promise", "agree_plan": "plan", "raise_dispute": "dispute", "place_hold": "hold"}[t.Suggest.Command]
	if form == "" {
		return ""
	}
	q := url.Values{"open": {form}}
	if !t.Suggest.Due.IsZero() {
		q.Set("due", t.Suggest.Due.String())
	}
	if t.Suggest.Amount.Minor() > 0 {
		q.Set("amount", t.Suggest.Amount.Decimal())
	}
	return q.Encode()
}

// OutcomeWords are what a button says that ends a task.
func (taskView) OutcomeWords(outcome string) string {
	words := map[string]string{
		"resumed": "Go on with the sequence", "done": "Done", "approved": "Approve", "rejected": "Reject", "sent": "It was sent", "not_sent": "It was not sent",
		"attempts_used": "No more attempts", "read": "Read",
	}
	if text := words[outcome]; text != "" {
		return text
	}
	return web.Words(outcome)
}

func openTasks(f dunning.Facts) []taskView {
	var out []taskView
	for _, t := range f.Tasks {
		if !t.Ended.IsZero() {
			continue
		}
		w := read.Work{Kind: "task:" + string(t.Task), Step: t.Step, Reason: t.Reason, Attempts: t.Attempts, Tries: t.Tries}
		out = append(out, taskView{t, tell.Task(w), outcomesOf[t.Task], needOf(t.Task), f.ToApprove(t.ID)})
	}
	return out
}

// outlook is what the core says happens next if nobody does anything.
type outlook = tell.Outlook

// ahead asks the core.
func ahead(f dunning.Facts, at time.Time) outlook {
	if !f.CaseOpen {
		return outlook{Text: "The case is closed: " + web.Words(f.CaseReason) + ".", At: f.CaseClosedAt, Kind: "quiet"}
	}
	_, made, err := dunning.Settle(f, at)
	if err != nil || len(made) == 0 {
		return outlook{Text: "What is next cannot be said: the case does not settle. Tell operations.", Kind: "bad"}
	}
	o := tell.Decision(made[len(made)-1])
	if strings.HasPrefix(o.Rule, "task:") || strings.HasPrefix(o.Rule, "hold:") { // the sentence says it
		o.Rule = ""
	}
	o.Citation = f.Policies.Citation(o.Rule)
	return o
}
