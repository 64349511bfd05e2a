package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/contactfile"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// operations is the table.
func operations(p Ports) []Operation {
	h := handlers{p}
	return slices.Concat(h.about(), h.reads(), h.commands(), h.policy(), h.intake(), h.running(), h.hooks(), h.desk(), h.setup(), h.operate(), h.migrations(), h.temporal(), h.compliance(), h.exports(), h.governance(), h.admin(), h.samples(), h.integrity(), h.simulation(), h.reports(), h.restores())
}

type handlers struct{ Ports }

var paging = []Param{
	{Name: "limit", Type: "integer", Description: "rows of a page, up to 500; default 50"},
	{Name: "after", Type: "string", Description: "the next of the page before"},
}

// Me is who asks.
type Me struct {
	By       string                `json:"by"`
	Name     string                `json:"name"`
	Creditor string                `json:"creditor"` // "*": all
	Scopes   []identity.Permission `json:"scopes"`
}

func (h handlers) about() []Operation {
	return []Operation{{
		Method: "GET", Path: "/me", ID: "me", Tag: "about", Summary: "Who this key is and what it may do", Need: identity.SignedIn, Result: Me{},
		Handle: func(c *Call) (any, error) { return Me{c.Who.By, c.Who.Name, c.Who.Creditor, c.Who.Scopes}, nil },
	}}
}

// --- reads ------------------------------------------------------------------------

func (h handlers) reads() []Operation {
	ops := []Operation{
		{Path: "/cases", ID: "listCases", Saw: "cases", Summary: "Cases with filters", Result: read.List[read.CaseRow]{}, Query: append(caseParams(), paging...), Handle: h.cases},
		{Path: "/cases/{case}", ID: "getCase", Saw: "case", Summary: "A case with everything around it", Result: read.CasePage{}, Handle: h.one},
		{Path: "/cases/{case}/timeline", ID: "listTimeline", Saw: "timeline", Summary: "A case's story, the newest first", Result: read.List[read.TimelineRow]{}, Query: append([]Param{{Name: "group", Type: "string", Enum: read.Groups(), Many: true, Description: "only these groups of events"}, {Name: "from", Type: "date-time"}, {Name: "until", Type: "date-time"}, {Name: "by", Type: "string", Description: "\"user:<id>\", \"key:<id>\" …"}}, paging...), Handle: h.timeline},
		{Path: "/cases/{case}/decisions", ID: "listDecisions", Summary: "A case's decisions, the newest first", Result: read.List[read.DecisionRow]{}, Query: paging, Handle: h.decisions},
		{Path: "/decisions/{id}", ID: "getDecision", Saw: "decision", Summary: "A decision with all that it looked at", Result: dunning.StoredDecision{}, Handle: h.decision},
		{Path: "/contacts", ID: "listContacts", Saw: "messages", Summary: "Messages and letters with their state", Result: read.List[read.MessageRow]{}, Query: append(contactParams(), paging...), Handle: h.messages},
		{Path: "/contacts/{id}", ID: "getContact", Saw: "message", Summary: "A message with its attempts", Result: read.MessageRow{}, Handle: h.message},
		{Path: "/work", ID: "listWork", Saw: "work", Summary: "What waits for people, the most urgent first", Result: read.List[read.WorkRow]{}, Query: append([]Param{
			{Name: "creditor", Type: "string", Many: true}, {Name: "queue", Type: "string", Many: true}, {Name: "kind", Type: "string", Many: true, Description: `"task:call", "reply", …`}, {Name: "owner", Type: "string", Description: "id of a user; with mine=false also what nobody has"}, {Name: "mine", Type: "boolean"}, {Name: "account", Type: "string", Description: "id"},
		}, paging...), Handle: h.work},
		{Path: "/accounts", ID: "findAccounts", Saw: "accounts", Summary: "Accounts and cases of a customer number", Result: Found{}, Query: []Param{
			{Name: "key", Type: "string", Description: "the creditor's own number of the account; required"}, {Name: "creditor", Type: "string", Description: "needed unless the key is of one creditor"},
		}, Handle: h.accounts},
		{Path: "/search", ID: "search", Saw: "search", Summary: "Debtors by name, address, number, invoice or case", Result: []read.Hit{}, Query: []Param{{Name: "q", Type: "string", Description: "the beginning of what is looked for, at least 2 characters"}}, Handle: h.search},
	}
	for i := range ops {
		ops[i].Method, ops[i].Tag, ops[i].Need = "GET", "read", identity.View
	}
	return ops
}

func caseParams() []Param {
	return []Param{
		{Name: "creditor", Type: "string", Many: true},
		{Name: "status", Type: "string", Enum: []string{read.StatusOpen, read.StatusClosed, read.StatusAny}, Description: "default open"},
		{Name: "sequence", Type: "string", Many: true},
		{Name: "version", Type: "string", Many: true, Description: "of the sequence"},
		{Name: "step", Type: "string", Many: true},
		{Name: "waits", Type: "string", Many: true, Enum: waits()},
		{Name: "queue", Type: "string", Many: true},
		{Name: "owner", Type: "string"},
		{Name: "reason", Type: "string", Many: true, Description: "of closing"},
		{Name: "currency", Type: "string"},
		{Name: "min_open", Type: "string", Description: "decimal amount in currency"},
		{Name: "max_open", Type: "string"},
		{Name: "min_days", Type: "integer", Description: "days since the oldest due date"},
		{Name: "max_days", Type: "integer"},
		{Name: "next_before", Type: "date-time"},
		{Name: "opened_from", Type: "date-time"},
		{Name: "opened_until", Type: "date-time"},
		{Name: "sort", Type: "string", Enum: sorts()},
	}
}

func waits() (out []string) {
	for _, w := range read.Waits() {
		out = append(out, string(w))
	}
	return out
}

func sorts() (out []string) {
	for _, s := range read.CaseSorts() {
		out = append(out, string(s))
	}
	return out
}

// reader collects the faults of a query.
type reader struct {
	q      url.Values
	faults []Fault
}

func (r *reader) bad(name, detail string) {
	r.faults = append(r.faults, Fault{Parameter: name, Detail: detail})
}

func (r *reader) time(name string) time.Time {
	text := r.q.Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.bad(name, "an instant such as 2026-03-02T09:00:00Z")
	}
	return t
}

func (r *reader) number(name string) *int {
	text := r.q.Get(name)
	if text == "" {
		return nil
	}
	var n int
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil || fmt.Sprint(n) != text || n < 0 {
		r.bad(name, "a whole number")
		return nil
	}
	return &n
}

func (r *reader) amount(name, currency string) *money.Amount {
	text := r.q.Get(name)
	if text == "" {
		return nil
	}
	a, err := money.Parse(text, currency)
	if err != nil {
		r.bad(name, "a decimal amount such as 12.50, with the parameter currency")
		return nil
	}
	return &a
}

// uuid refuses a value that is no id; an empty one narrows nothing.
func (r *reader) uuid(name, value string) {
	if _, err := uuid.Parse(value); value != "" && err != nil {
		r.bad(name, "an id")
	}
}

func (r *reader) done() error {
	if len(r.faults) > 0 {
		return invalid(r.faults...)
	}
	return nil
}

// caseFilterOf reads the filter of a list of cases.
func caseFilterOf(c *Call) (read.CaseFilter, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.CaseFilter{
		Creditors: r.q["creditor"], Status: r.q.Get("status"), Reasons: r.q["reason"], Sequences: r.q["sequence"], Versions: r.q["version"], Steps: r.q["step"],
		Queues: r.q["queue"], Owner: r.q.Get("owner"), Currency: r.q.Get("currency"), MinDays: r.number("min_days"), MaxDays: r.number("max_days"),
		NextBefore: r.time("next_before"), OpenedFrom: r.time("opened_from"), OpenedUntil: r.time("opened_until"),
		Today: dunning.DateOf(c.At), Sort: read.CaseSort(r.q.Get("sort")),
	}
	f.MinOpen, f.MaxOpen = r.amount("min_open", f.Currency), r.amount("max_open", f.Currency)
	for _, w := range r.q["waits"] {
		f.Waits = append(f.Waits, read.Wait(w))
	}
	return f, r.done()
}

func (h handlers) cases(c *Call) (any, error) {
	f, err := caseFilterOf(c)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.ListCases(c.R.Context(), c.Scope(), f, p))
}

// listed makes an empty list [] and a foreign cursor the reader's fault.
func listed[T any](l read.List[T], err error) (any, error) {
	if errors.Is(err, read.ErrBadCursor) {
		return nil, badCursor()
	}
	if l.Rows == nil {
		l.Rows = []T{}
	}
	return l, err
}

// uuidOf is a path's id, which must be one: anything else does not exist.
func uuidOf(c *Call, name, what string) (string, error) {
	id := c.R.PathValue(name)
	if _, err := uuid.Parse(id); err != nil {
		return "", web.NotFound(what)
	}
	return id, nil
}

func (h handlers) one(c *Call) (any, error) {
	id, err := uuidOf(c, "case", "This case")
	if err != nil {
		return nil, err
	}
	return h.Read.CasePage(c.R.Context(), c.Scope(), id, c.At)
}

func (h handlers) timeline(c *Call) (any, error) {
	id, err := uuidOf(c, "case", "This case")
	if err != nil {
		return nil, err
	}
	r := &reader{q: c.R.URL.Query()}
	f := read.TimelineFilter{Groups: r.q["group"], From: r.time("from"), Until: r.time("until"), By: r.q.Get("by")}
	p, err := pageOf(r.q)
	if err := errors.Join(r.done(), err); err != nil {
		return nil, err
	}
	return listed(h.Read.CaseTimeline(c.R.Context(), c.Scope(), id, f, p))
}

func (h handlers) decisions(c *Call) (any, error) {
	id, err := uuidOf(c, "case", "This case")
	if err != nil {
		return nil, err
	}
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.CaseDecisions(c.R.Context(), c.Scope(), id, p))
}

func (h handlers) decision(c *Call) (any, error) {
	return h.Read.CaseDecision(c.R.Context(), c.Scope(), c.R.PathValue("id"))
}

func contactParams() []Param {
	return []Param{
		{Name: "creditor", Type: "string", Many: true},
		{Name: "state", Type: "string", Many: true},
		{Name: "channel", Type: "string", Many: true},
		{Name: "case", Type: "string"},
		{Name: "debtor", Type: "string", Description: "id"},
		{Name: "step", Type: "string"},
		{Name: "template", Type: "string"},
		{Name: "provider_id", Type: "string"},
		{Name: "from", Type: "date-time"},
		{Name: "until", Type: "date-time"},
	}
}

// contactFilterOf reads the filter of a list of messages.
func contactFilterOf(c *Call) (read.MessageFilter, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.MessageFilter{
		Creditors: r.q["creditor"], Case: r.q.Get("case"), Debtor: r.q.Get("debtor"), Step: r.q.Get("step"), Template: r.q.Get("template"),
		ProviderID: r.q.Get("provider_id"), From: r.time("from"), Until: r.time("until"),
	}
	for _, s := range r.q["state"] {
		f.States = append(f.States, dunning.ContactState(s))
	}
	for _, ch := range r.q["channel"] {
		f.Channels = append(f.Channels, dunning.Channel(ch))
	}
	r.uuid("case", f.Case)
	r.uuid("debtor", f.Debtor)
	return f, r.done()
}

func (h handlers) messages(c *Call) (any, error) {
	f, err := contactFilterOf(c)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Read.Messages(c.R.Context(), c.Scope(), f, p))
}

func (h handlers) message(c *Call) (any, error) {
	return h.Read.Message(c.R.Context(), c.Scope(), c.R.PathValue("id"))
}

func (h handlers) work(c *Call) (any, error) {
	q := c.R.URL.Query()
	p, err := pageOf(q)
	if err != nil {
		return nil, err
	}
	f := read.WorkFilter{Creditors: q["creditor"], Queues: q["queue"], Kinds: q["kind"], Owner: q.Get("owner"), Mine: q.Get("owner") != "" && q.Get("mine") != "false", Account: q.Get("account")}
	return listed(h.Read.Worklist(c.R.Context(), c.Scope(), f, c.At, p))
}

func (h handlers) accounts(c *Call) (any, error) {
	key, creditor := c.Query("key"), c.Query("creditor")
	if creditor == "" && c.Who.Creditor != identity.AllCreditors {
		creditor = c.Who.Creditor
	}
	switch {
	case key == "" || len(key) > 200:
		return nil, invalid(Fault{Parameter: "key", Detail: "the number of an account"})
	case creditor == "":
		return nil, invalid(Fault{Parameter: "creditor", Detail: "say whose customer"})
	}
	if err := c.Require(creditor, "This creditor"); err != nil {
		return nil, err
	}
	return h.Find(c.R.Context(), creditor, key)
}

func (h handlers) search(c *Call) (any, error) {
	text := strings.TrimSpace(c.Query("q"))
	if len(text) < 2 || len(text) > 200 {
		return nil, invalid(Fault{Parameter: "q", Detail: "between 2 and 200 characters"})
	}
	hits, err := h.Read.Search(c.R.Context(), c.Scope(), text, 50)
	if hits == nil {
		hits = []read.Hit{}
	}
	return hits, err
}

// --- commands ----------------------------------------------------------------------

// Done is what a command came to.
type Done struct {
	At      time.Time `json:"at"`
	Version int64     `json:"debtor_version"`
	// Facts is how many facts were added; 0: it had been carried out before.
	Facts    int  `json:"facts"`
	Reopened bool `json:"reopened,omitempty"`
	// ID is the id of what was made, where the command names one.
	ID string `json:"id,omitempty"`
}

// commands are all commands of the core, on a case and on an account: a new one is here
// without anybody adding it.
func (h handlers) commands() []Operation {
	var out []Operation
	for _, name := range dunning.CommandNames() {
		zero, err := dunning.DecodeCommand(name, []byte("{}"))
		if err != nil {
			continue // a command that cannot be empty says so when it is given
		}
		for _, on := range []string{"case", "account"} {
			out = append(out, Operation{
				Method: "POST", Path: "/" + on + "s/{" + on + "}/commands/" + name, ID: name + "_on_" + on, Tag: "commands",
				Summary: strings.ReplaceAll(name, "_", " ") + " (" + on + ")", Need: needOf(name), Body: zero, Result: Done{}, optional: optionalOf,
				Handle: func(c *Call) (any, error) { return h.command(c, on, name) },
			})
		}
	}
	return out
}

// needOf is the scope at the door. Tasks of all kinds are ended with the scope tasks or
// the one of their kind, which is looked at under the debtor's lock.
func needOf(name string) identity.Permission { return authority.Of(name) }

func (h handlers) command(c *Call, on, name string) (any, error) {
	ref, err := h.refOf(c, on)
	if err != nil {
		return nil, err
	}
	body, id, err := withID(c, name)
	if err != nil {
		return nil, err
	}
	cmd, err := dunning.DecodeCommand(name, body)
	if err != nil {
		return nil, err
	}
	if err := h.mayCommand(c, ref, cmd); err != nil {
		return nil, err
	}
	res, err := h.Do(c.R.Context(), c.Who, ref, name, cmd)
	if err != nil {
		return nil, err
	}
	return Done{At: res.At, Version: res.Version, Facts: res.Facts, Reopened: res.Reopened, ID: id}, nil
}

// refOf finds a case or account that the key may see; all others do not exist.
func (h handlers) refOf(c *Call, on string) (dunning.CaseRef, error) {
	what := "This " + on
	id, err := uuidOf(c, on, what)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	find := h.CaseRef
	if on == "account" {
		find = h.AccountRef
	}
	ref, err := find(c.R.Context(), id)
	if err != nil {
		return ref, err
	}
	return ref, c.Require(ref.Creditor, what)
}

// --- contact checks ------------------------------------------------------------------

func (h handlers) policy() []Operation {
	return []Operation{{
		Method: "POST", Path: "/contact-checks", ID: "checkContacts", Tag: "policy",
		Summary: "May these messages or calls leave? The answers of duly check, one JSON object a line (at most 1000 cases)",
		Need:    identity.View, Raw: "application/json", ResultType: "application/x-ndjson", Repeats: true,
		Query:  []Param{{Name: "ambiguity", Type: "string", Enum: []string{"strict", "literal"}, Description: "how unclear rules are read; default strict"}},
		Handle: h.checkContacts,
	}}
}

func (h handlers) checkContacts(c *Call) (any, error) {
	ambiguity := c.Query("ambiguity")
	if ambiguity == "" {
		ambiguity = "strict"
	}
	if ambiguity != "strict" && ambiguity != "literal" {
		return nil, invalid(Fault{Parameter: "ambiguity", Detail: "strict or literal"})
	}
	set, err := h.Policies(c.R.Context())
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = contactfile.AnswerRequest(c.R.Context(), c.R.Body, set, ambiguity, &out)
	var big *http.MaxBytesError
	switch {
	case errors.Is(err, contactfile.ErrTooLarge), errors.As(err, &big):
		return nil, fail(http.StatusRequestEntityTooLarge, "too-large", "Too large", "At most 1 MiB and 1000 cases; split them.")
	case err != nil:
		return nil, fail(http.StatusUnprocessableEntity, "invalid", "The cases cannot be read", "See docs/contact-policy.md for their form.")
	}
	return out.Bytes(), nil
}
