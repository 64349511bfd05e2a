package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sms"
	"github.com/duly/duly/internal/web"
)

// --- what is around a case -----------------------------------------------------------

// Trial is what a command would come to.
type Trial struct {
	Facts []dunning.Fact `json:"facts"` // that it would add
	Next  Planned        `json:"next"`  // what Duly would do then
}

// Planned is what Duly means to do next with a case, as of now.
type Planned struct {
	Verb    dunning.Verb `json:"verb,omitempty"`
	Step    string       `json:"step,omitempty"`
	At      time.Time    `json:"at,omitzero"`
	Waiting string       `json:"waiting,omitempty"`
	Rule    string       `json:"rule,omitempty"`
	Reason  string       `json:"reason,omitempty"`
}

// TrialOrder is a command that is tried and not given.
type TrialOrder struct {
	Command string         `json:"command"`
	With    map[string]any `json:"with" jsonschema_description:"the members of the command"`
}

// AmountOfWork is how much waits in the queues.
type AmountOfWork struct {
	Queues []read.QueueCount `json:"queues"`
}

func (h handlers) desk() []Operation {
	draft := []Param{
		{Name: "channel", Type: "string", Enum: sendable, Description: "required"}, {Name: "template", Type: "string", Description: "its name; required"},
	}
	return []Operation{
		{Method: "GET", Path: "/cases/count", ID: "countCases", Tag: "read", Summary: "How many cases a filter has; exact up to a thousand", Need: identity.View, Query: caseParams(), Result: read.Count{}, Handle: h.countCases},
		{Method: "GET", Path: "/contacts/count", ID: "countContacts", Tag: "read", Summary: "How many messages a filter has; exact up to a thousand", Need: identity.View, Query: contactParams(), Result: read.Count{}, Handle: h.countContacts},
		{Method: "GET", Path: "/contacts/{id}/text", ID: "getContactText", Saw: "message", Tag: "read", Summary: "A message exactly as it was handed over", Need: identity.View, Result: Wording{}, Handle: h.contactText},
		{Method: "GET", Path: "/queues", ID: "listQueues", Tag: "read", Summary: "How much waits for people, by queue and kind", Need: identity.View, Result: AmountOfWork{}, Handle: h.queues},
		{Method: "GET", Path: "/cases/{case}/lights", ID: "getLights", Saw: "lights", Tag: "read", Summary: "By which channel may the debtor be contacted now, and when does it open?", Need: identity.View, Result: []Light{}, Handle: h.lights},
		{Method: "GET", Path: "/cases/{case}/message-preview", ID: "previewMessage", Saw: "message_preview", Tag: "read", Summary: "What an approved template would say to this debtor now", Need: identity.Message, Query: draft, Result: Wording{}, Handle: h.previewMessage},
		{Method: "POST", Path: "/cases/{case}/trials", ID: "tryCommand", Tag: "commands", Summary: "What a command would make true, and what would be next; nothing is stored", Need: identity.View, Body: TrialOrder{}, Result: Trial{}, Repeats: true, Handle: h.try},
		{Method: "GET", Path: "/numbers/{user}", ID: "getNumbers", Tag: "read", Summary: "What a collector did in a span of time", Need: identity.Team, Query: []Param{
			{Name: "from", Type: "date-time", Description: "required"}, {Name: "until", Type: "date-time", Description: "default now"},
		}, Result: read.OwnNumbers{}, Handle: h.numbers},
		{Method: "GET", Path: "/views", ID: "listViews", Tag: "about", Summary: "Saved views of the key's owner", Need: identity.View, Query: append([]Param{{Name: "place", Type: "string", Description: "path of the list in the console"}}, paging...), Result: read.List[View]{}, Handle: h.views},
		{Method: "POST", Path: "/views", ID: "saveView", Tag: "about", Summary: "Save a view for the key's owner", Need: identity.View, Body: View{}, Repeats: true, Handle: h.saveView},
		{Method: "POST", Path: "/views/drop", ID: "dropView", Tag: "about", Summary: "Forget a saved view of the key's owner", Need: identity.View, Body: ViewName{}, Repeats: true, Handle: h.dropView},
	}
}

// sendable are the channels of messages.
var sendable = []string{string(dunning.Email), string(dunning.SMS), string(dunning.Letter)}

func (h handlers) countCases(c *Call) (any, error) {
	f, err := caseFilterOf(c)
	if err != nil {
		return nil, err
	}
	return h.Read.CountCases(c.R.Context(), c.Scope(), f)
}

func (h handlers) countContacts(c *Call) (any, error) {
	f, err := contactFilterOf(c)
	if err != nil {
		return nil, err
	}
	return h.Read.CountMessages(c.R.Context(), c.Scope(), f)
}

func (h handlers) contactText(c *Call) (any, error) {
	m, err := h.Read.Message(c.R.Context(), c.Scope(), c.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if slices.Contains([]dunning.ContactState{dunning.ContactReserved, dunning.ContactCancelled}, m.State) {
		return nil, web.Conflict("It has not left, so there is no copy.")
	}
	text, err := h.Desk.Sent(c.R.Context(), m.ID)
	if err != nil {
		return nil, web.Conflict(upper(err.Error()) + ".")
	}
	return wording(text), nil
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func wording(m dunning.Message) Wording {
	w := Wording{Channel: m.Channel, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Locale: m.Locale, To: m.To}
	if m.Channel == dunning.SMS {
		w.Segments = sms.Count(m.Text).Segments
	}
	return w
}

func (h handlers) queues(c *Call) (any, error) {
	counts, err := h.Read.Queues(c.R.Context(), c.Scope(), c.At)
	return AmountOfWork{append([]read.QueueCount{}, counts...)}, err
}

// folded finds a case that the key may see, with its facts.
func (h handlers) folded(c *Call) (ref dunning.CaseRef, f dunning.Facts, err error) {
	if ref, err = h.refOf(c, "case"); err != nil {
		return ref, f, err
	}
	f, err = h.Desk.Fold(c.R.Context(), ref)
	return ref, f, err
}

func (h handlers) lights(c *Call) (any, error) {
	ref, f, err := h.folded(c)
	if err != nil {
		return nil, err
	}
	return h.Desk.Lights(c.R.Context(), ref, &f, "", c.At)
}

func (h handlers) previewMessage(c *Call) (any, error) {
	ref, f, err := h.folded(c)
	if err != nil {
		return nil, err
	}
	ch, name := dunning.Channel(c.Query("channel")), c.Query("template")
	ok, err := h.Desk.MaySend(c.R.Context(), c.Who, ref.Creditor, ch, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, invalid(Fault{Parameter: "template", Detail: "is no approved template of this channel that this key may send; GET /templates lists them"})
	}
	m, err := h.Desk.Draft(c.R.Context(), ref, f, ch, name, c.At)
	if err != nil {
		return nil, web.Conflict(upper(err.Error()) + ".")
	}
	w := wording(m)
	lights, err := h.Desk.Lights(c.R.Context(), ref, &f, name, c.At)
	if err != nil {
		return nil, err
	}
	for _, l := range lights {
		if l.Channel == ch {
			w.Light = &l
		}
	}
	return w, nil
}

// try asks the core what a command would come to.
func (h handlers) try(c *Call) (any, error) {
	var in TrialOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if !slices.Contains(dunning.CommandNames(), in.Command) {
		return nil, invalid(Fault{Pointer: "/command", Detail: "is no command" + meant(in.Command, dunning.CommandNames())})
	}
	ref, f, err := h.folded(c)
	if err != nil {
		return nil, err
	}
	cmd, err := h.tried(c, in)
	if err != nil {
		return nil, err
	}
	facts, err := h.Desk.Try(c.R.Context(), c.Who, ref, in.Command, cmd, f, c.At)
	if err != nil {
		return nil, err
	}
	after, err := f.Apply(facts)
	if err != nil {
		return nil, web.Conflict("This does not fit the account.")
	}
	return Trial{Facts: append([]dunning.Fact{}, facts...), Next: planned(after, c.At)}, nil
}

// tried is the command with its members held against its own schema.
func (h handlers) tried(c *Call, in TrialOrder) (dunning.Command, error) {
	body, err := inner(c.Body, "with")
	if err != nil {
		return nil, err
	}
	check, err := checkerOf(in.Command)
	if err == nil {
		err = check.check(body)
	}
	if f := (*failure)(nil); errors.As(err, &f) {
		for i := range f.Errors {
			f.Errors[i].Pointer = "/with" + f.Errors[i].Pointer
		}
	}
	if err != nil {
		return nil, err
	}
	body, _, err = named(body, in.Command, c.ID())
	if err != nil {
		return nil, err
	}
	return dunning.DecodeCommand(in.Command, body)
}

func planned(f dunning.Facts, at time.Time) Planned {
	d := dunning.Decide(f, at)
	return Planned{Verb: d.Verb, Step: d.Step, At: d.WakeAt, Waiting: string(d.Waiting), Rule: d.Rule, Reason: d.Reason}
}

func (h handlers) numbers(c *Call) (any, error) {
	id, err := uuidOf(c, "user", "This user")
	if err != nil {
		return nil, err
	}
	r := &reader{q: c.R.URL.Query()}
	from, until := r.time("from"), r.time("until")
	switch {
	case from.IsZero():
		r.bad("from", "an instant such as 2026-03-02T00:00:00Z; it is required")
	case until.IsZero():
		until = c.At
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return h.Read.Numbers(c.R.Context(), c.Scope(), "user:"+id, from, until)
}

// --- saved views ------------------------------------------------------------------------

// ViewName names a saved view.
type ViewName struct {
	Place string `json:"place" jsonschema_description:"path of the list in the console, such as /cases"`
	Name  string `json:"name"`
}

// View is a filter of a list that somebody gave a name.
type View struct {
	ViewName
	Query string `json:"query" jsonschema_description:"of the list's address"`
}

// owner is who made the key: views belong to people.
func (c *Call) owner() (string, error) {
	id, ok := strings.CutPrefix(c.Who.Owner, "user:")
	if _, err := uuid.Parse(id); !ok || err != nil {
		return "", web.Conflict("This key has no owner who has views.")
	}
	return id, nil
}

func (h handlers) views(c *Call) (any, error) {
	user, err := c.owner()
	if err != nil {
		return nil, err
	}
	all, err := h.Desk.People.Views(c.R.Context(), user)
	if err != nil {
		return nil, err
	}
	out := []View{}
	for _, v := range all {
		if place := c.Query("place"); place == "" || place == v.Place {
			out = append(out, View{ViewName{v.Place, v.Name}, v.Query})
		}
	}
	return paged(c, out, func(v View) string { return v.Place + "\x00" + v.Name })
}

func (h handlers) saveView(c *Call) (any, error) {
	var in View
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	user, err := c.owner()
	if err != nil {
		return nil, err
	}
	return nil, h.Desk.People.PutView(c.R.Context(), user, identity.SavedView{Place: in.Place, Name: in.Name, Query: in.Query})
}

func (h handlers) dropView(c *Call) (any, error) {
	var in ViewName
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	user, err := c.owner()
	if err != nil {
		return nil, err
	}
	return nil, h.Desk.People.DropView(c.R.Context(), user, in.Place, in.Name)
}

// --- configuration as it is in force --------------------------------------------------------

// SequenceRow is a published sequence with how many open cases follow it.
type SequenceRow struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Version string `json:"version"`
	Steps   int    `json:"steps"`
	Open    int64  `json:"open"`
	Old     int64  `json:"old"` // of these on an older version
}

// SequenceView is one sequence: its file as published, its steps, and how many cases stand
// before each and wait for what.
type SequenceView struct {
	SequenceRow
	File   string           `json:"file,omitempty"`
	Source string           `json:"source,omitempty"`
	IDs    []string         `json:"step_ids"`
	Counts []read.StepCount `json:"counts"`
}

// TemplateRow is a published template with its languages.
type TemplateRow struct {
	Channel dunning.Channel `json:"channel"`
	Name    string          `json:"name"`
	Title   string          `json:"title,omitempty"`
	Purpose string          `json:"purpose,omitempty"`
	Locales []string        `json:"locales"`
}

func (h handlers) setup() []Operation {
	return []Operation{
		{Method: "GET", Path: "/sequences", ID: "listSequences", Tag: "configuration", Summary: "Published sequences with how many open cases follow each", Need: identity.Config, Query: paging, Result: read.List[SequenceRow]{}, Handle: h.sequences},
		{Method: "GET", Path: "/sequences/{id}", ID: "getSequence", Tag: "configuration", Summary: "A sequence with its file and with the open cases before each step", Need: identity.Config, Result: SequenceView{}, Handle: h.sequence},
		{Method: "GET", Path: "/templates", ID: "listTemplates", Tag: "configuration", Summary: "Published templates", Need: identity.Config, Query: paging, Result: read.List[TemplateRow]{}, Handle: h.templates},
		{Method: "GET", Path: "/templates/{channel}/{name}/preview", ID: "previewTemplate", Tag: "configuration", Summary: "A template filled in for an invented debtor", Need: identity.Config, Query: []Param{
			{Name: "creditor", Type: "string", Description: "default: the first"}, {Name: "locale", Type: "string", Description: "default: en, or the template's first"},
		}, Result: Wording{}, Handle: h.previewTemplate},
		{Method: "GET", Path: "/activations", ID: "listActivations", Tag: "configuration", Summary: "Which release was put into force when, the newest first", Need: identity.Config, Query: paging, Result: read.List[Activation]{}, Handle: h.activations},
		{Method: "POST", Path: "/releases/{version}/activate", ID: "activateRelease", Tag: "configuration", Summary: "Put a published release into force again", Need: identity.Publish, Body: GoBack{}, Handle: h.activate, optional: []string{"reason"}},
		{Method: "GET", Path: "/switches/history", ID: "listPastSwitches", Tag: "switches", Summary: "Kill switches that were on, the newest first", Need: identity.Monitor, Query: paging, Result: read.List[PastSwitch]{}, Handle: h.pastSwitches},
		{Method: "GET", Path: "/doctor", ID: "listViolations", Tag: "about", Summary: "What must not be: open cases without a next thing, and the like", Need: identity.Monitor, Query: paging, Result: read.List[Violation]{}, Handle: h.doctor},
		{Method: "GET", Path: "/inbox", ID: "listInbox", Saw: "inbox", Tag: "inbox", Summary: "Received messages and events that nobody could assign or process", Need: identity.Monitor, Query: paging, Result: read.List[read.InboxRow]{}, Handle: h.inbox},
		{Method: "POST", Path: "/inbox/replay", ID: "replayInbox", Tag: "inbox", Summary: "Process events of the inbox again; what they led to is not doubled", Need: identity.Operate, Body: InboxOrder{}, Result: Replayed{}, Handle: h.replayInbox},
		{Method: "POST", Path: "/bulk/preview", ID: "previewBulk", Saw: "cases", Tag: "bulk", Summary: "Which cases a bulk action would reach", Need: identity.Operate, Query: caseParams(), Result: BulkPreview{}, Repeats: true, Handle: h.previewBulk},
		{Method: "POST", Path: "/bulk", ID: "runBulk", Tag: "bulk", Summary: "Hold many cases, lift holds, record disputes, write notes or messages; see tryBulk", Need: identity.Operate, Body: BulkOrder{}, Result: BulkDone{}, Handle: h.runBulk},
		{Method: "POST", Path: "/bulk/{batch}/undo", ID: "undoBulk", Tag: "bulk", Summary: "Take a bulk action back, within ten minutes", Need: identity.Operate, Result: BulkDone{}, Handle: h.undoBulk},
	}
}

func (h handlers) sequences(c *Call) (any, error) {
	cfg, err := h.Desk.Config(c.R.Context())
	if err != nil {
		return nil, err
	}
	counts, err := h.Read.StepCounts(c.R.Context(), c.Scope(), "")
	if err != nil {
		return nil, err
	}
	var out []SequenceRow
	for _, s := range cfg.Sequences() {
		out = append(out, sequenceRow(s, counts))
	}
	return paged(c, out, func(s SequenceRow) string { return s.ID })
}

func sequenceRow(s *dunning.Sequence, counts []read.StepCount) SequenceRow {
	row := SequenceRow{ID: s.ID, Title: s.Title, Version: s.Version, Steps: len(s.Steps)}
	for _, n := range counts {
		if n.Sequence == s.ID {
			row.Open += n.N
			if n.Version != s.Version {
				row.Old += n.N
			}
		}
	}
	return row
}

func (h handlers) sequence(c *Call) (any, error) {
	cfg, err := h.Desk.Config(c.R.Context())
	if err != nil {
		return nil, err
	}
	s := cfg.Sequence(c.R.PathValue("id"))
	if s == nil {
		return nil, web.NotFound("This sequence")
	}
	counts, err := h.Read.StepCounts(c.R.Context(), c.Scope(), s.ID)
	v := SequenceView{SequenceRow: sequenceRow(s, counts), Counts: append([]read.StepCount{}, counts...), IDs: []string{}}
	for _, step := range s.Steps {
		v.IDs = append(v.IDs, step.ID)
	}
	if file, data, ok := cfg.SequenceSource(s.ID); ok {
		v.File, v.Source = file, string(data)
	}
	return v, err
}

// templateRows are the templates, each once, whatever its languages.
func templateRows(cfg *config.Config) []TemplateRow {
	var out []TemplateRow
	for _, t := range cfg.Templates() {
		i := slices.IndexFunc(out, func(x TemplateRow) bool { return x.Channel == t.Channel && x.Name == t.Name })
		if i < 0 {
			out = append(out, TemplateRow{Channel: t.Channel, Name: t.Name, Title: t.Title, Purpose: t.Purpose})
			i = len(out) - 1
		}
		if strings.HasPrefix(t.Locale, "en") { // the API is in English
			out[i].Title = t.Title
		}
		out[i].Locales = append(out[i].Locales, t.Locale)
	}
	return out
}

func (h handlers) templates(c *Call) (any, error) {
	cfg, err := h.Desk.Config(c.R.Context())
	if err != nil {
		return nil, err
	}
	return paged(c, templateRows(cfg), func(t TemplateRow) string { return string(t.Channel) + "/" + t.Name })
}

func (h handlers) previewTemplate(c *Call) (any, error) {
	cfg, err := h.Desk.Config(c.R.Context())
	if err != nil {
		return nil, err
	}
	rows := templateRows(cfg)
	i := slices.IndexFunc(rows, func(t TemplateRow) bool {
		return string(t.Channel) == c.R.PathValue("channel") && t.Name == c.R.PathValue("name")
	})
	if i < 0 {
		return nil, web.NotFound("This template")
	}
	creditor, locale := c.Query("creditor"), c.Query("locale")
	if creditor == "" && len(cfg.Creditors()) > 0 {
		creditor = cfg.Creditors()[0].ID
	}
	if locale == "" {
		locale = rows[i].Locales[0]
		if slices.Contains(rows[i].Locales, "en") {
			locale = "en"
		}
	}
	if _, ok := cfg.Creditor(creditor); !ok {
		return nil, invalid(Fault{Parameter: "creditor", Detail: "there is no such creditor"})
	}
	if !slices.Contains(rows[i].Locales, locale) {
		return nil, invalid(Fault{Parameter: "locale", Detail: "this template is in " + strings.Join(rows[i].Locales, ", ")})
	}
	v, err := cfg.Preview(creditor, rows[i].Channel, rows[i].Name, locale)
	if err != nil {
		return nil, web.Conflict(upper(err.Error()) + ".")
	}
	return wording(v.Message), nil
}

func (h handlers) activations(c *Call) (any, error) {
	all, err := h.Desk.Activations(c.R.Context())
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	return paged(c, all, func(a Activation) string { return read.CursorTime(a.At) + a.Release })
}

func (h handlers) activate(c *Call) (any, error) {
	version := c.R.PathValue("version")
	var in GoBack
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return nil, h.Desk.Activate(c.R.Context(), version, c.Who.By, in.Reason)
}

func (h handlers) pastSwitches(c *Call) (any, error) {
	all, err := h.Desk.SwitchHistory(c.R.Context(), 1000)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s PastSwitch) bool { return s.Scope == dunning.SwitchCreditor && !c.Who.Can(c.op.Need, s.Subject) })
	return paged(c, all, func(s PastSwitch) string { return fmt.Sprint(s.Scope, "/", s.Subject, "/", read.CursorTime(s.On)) })
}

// doctor is over the installation: it needs the scope for all creditors.
func (h handlers) doctor(c *Call) (any, error) {
	if !c.Who.Can(c.op.Need, identity.AllCreditors) {
		return nil, web.Forbidden(c.op.Need, identity.AllCreditors)
	}
	all, err := h.Desk.Doctor(c.R.Context(), c.At)
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(v Violation) string { return v.Kind + "/" + v.Case + "/" + v.Subject })
}

// --- inbox and bulk actions ----------------------------------------------------------------

// InboxOrder names events.
type InboxOrder struct {
	IDs []int64 `json:"ids" jsonschema:"minItems=1,maxItems=1000"`
}

func (h handlers) inbox(c *Call) (any, error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.Unassigned(c.R.Context(), c.Scope(), p))
}

func (h handlers) replayInbox(c *Call) (any, error) {
	var in InboxOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if !c.Who.Can(c.op.Need, identity.AllCreditors) {
		return nil, web.Forbidden(c.op.Need, identity.AllCreditors)
	}
	n, err := h.Desk.ReplayInbox(c.R.Context(), in.IDs...)
	if err != nil {
		return nil, err
	}
	return Replayed{int(n)}, c.record("inbox.replay", "", map[string]string{"events": strconv.FormatInt(n, 10)})
}

// mostBulk bounds one bulk action, as in the console.
const mostBulk = 5000

// BulkPreview is what a bulk action would reach.
type BulkPreview struct {
	Count     int            `json:"count"`
	Creditors map[string]int `json:"creditors"` // how many of whom
	Cases     []string       `json:"cases"`
}

// BulkOrder is a bulk action. Count must be how many cases are named: who sends another
// number has not looked.
type BulkOrder struct {
	Action string       `json:"action" jsonschema:"enum=hold,enum=lift,enum=dispute,enum=note,enum=message,enum=migrate"`
	Cases  []string     `json:"cases" jsonschema:"minItems=1,maxItems=5000"`
	Count  int          `json:"count"`
	Until  dunning.Date `json:"until,omitzero" jsonschema_description:"of a hold: the day on which it ends"`
	Text   string       `json:"text,omitempty" jsonschema:"maxLength=2000" jsonschema_description:"of a note"`
	Kind   string       `json:"kind,omitempty" jsonschema_description:"of holds that are placed or lifted: manual (default) or hardship"`
	// Message is channel and template, such as sms/nudge.
	Message string `json:"message,omitempty" jsonschema_description:"channel and template of a message, such as sms/nudge"`
	// Migrate says where the cases go.
	Migrate *ops.MigrationOrder `json:"migrate,omitempty" jsonschema_description:"of a migration: the sequence, its version, steps with new names, and why; POST /migrations/try tells what it would come to"`
}

// BulkDone is what a bulk action came to, in a sentence, and its id, by which holds can be
// lifted again.
type BulkDone struct {
	Said  string `json:"said"`
	Batch string `json:"batch,omitempty"`
}

func (h handlers) previewBulk(c *Call) (any, error) {
	f, err := caseFilterOf(c)
	if err != nil {
		return nil, err
	}
	out := BulkPreview{Creditors: map[string]int{}, Cases: []string{}}
	for row, err := range read.All(func(p read.Page) (read.List[read.CaseRow], error) {
		return h.Read.ListCases(c.R.Context(), c.Scope(), f, p)
	}) {
		if err != nil {
			return nil, err
		}
		if out.Count++; out.Count > mostBulk {
			return nil, web.Invalid(fmt.Sprintf("That is more than %d cases. Narrow the filter.", mostBulk), nil)
		}
		out.Creditors[row.Creditor]++
		out.Cases = append(out.Cases, row.Case)
	}
	return out, nil
}

func (h handlers) runBulk(c *Call) (any, error) {
	var in BulkOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	batch := c.ID()
	form := url.Values{"action": {in.Action}, "text": {in.Text}, "kind": {in.Kind}, "message": {in.Message}, "batch": {batch}, "typed": {strconv.Itoa(in.Count)}, "query": {"status=any"}}
	if !in.Until.IsZero() {
		form.Set("until", in.Until.String())
	}
	if in.Migrate != nil {
		for name, value := range in.Migrate.Params() {
			form.Set(name, value)
		}
	}
	for i, id := range in.Cases {
		if _, err := uuid.Parse(id); err != nil {
			return nil, invalid(Fault{Pointer: "/cases/" + strconv.Itoa(i), Detail: "is not the id of a case"})
		}
		form.Add("id", id)
	}
	a, err := h.Desk.Call(c.R.Context(), c.Who, http.MethodPost, "/cases/bulk", form)
	return BulkDone{a.Said, batch}, err
}

func (h handlers) undoBulk(c *Call) (any, error) {
	id, err := uuidOf(c, "batch", "This bulk action")
	if err != nil {
		return nil, err
	}
	a, err := h.Desk.Call(c.R.Context(), c.Who, http.MethodPost, "/cases/bulk/undo/"+id, nil)
	return BulkDone{Said: a.Said}, err
}

// mayCommand refuses what the console would not offer: templates that are not for people
// to send.
func (h handlers) mayCommand(c *Call, ref dunning.CaseRef, cmd dunning.Command) error {
	m, ok := cmd.(dunning.SendMessage)
	if !ok || !c.Who.Can(authority.Of("send_message"), ref.Creditor) {
		return nil
	}
	ok, err := h.Desk.MaySend(c.R.Context(), c.Who, ref.Creditor, m.Channel, m.Template)
	if err == nil && !ok {
		err = invalid(Fault{Pointer: "/template", Detail: "is no approved template of this channel that this key may send; GET /templates lists them"})
	}
	return err
}
