package api

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
)

// Frequency is how often one debtor was contacted.
type Frequency struct {
	Days int                 `json:"days"`
	Rows []read.FrequencyRow `json:"rows"`
}

// Table is a list of the console as its file has it: one object a row, by the names of the
// file's columns.
type Table struct {
	Columns []string            `json:"columns"`
	Rows    []map[string]string `json:"rows"`
	Next    string              `json:"next,omitempty"`
}

// Said is what was done, in a sentence.
type Said struct {
	Said string `json:"said"`
}

func (h handlers) compliance() []Operation {
	span := []Param{{Name: "from", Type: "date-time"}, {Name: "until", Type: "date-time", Description: "not included"}}
	ops := []Operation{
		{Path: "/decisions", ID: "listAllDecisions", Summary: "Decisions over all cases, the newest first: sends, and what was kept back", Query: slices.Concat([]Param{
			{Name: "creditor", Type: "string", Many: true},
			{Name: "case", Type: "string"},
			{Name: "verb", Type: "string", Many: true},
			{Name: "rule", Type: "string", Many: true},
			{Name: "kept_back", Type: "boolean", Description: "only those that pushed a matured step away, or only the others"},
		}, span, paging), Result: read.List[read.DecisionRow]{}, Handle: h.allDecisions},
		{Path: "/decisions/{id}/again", ID: "decideAgain", Saw: "decision_again", Summary: "Decide once more from the facts and the configuration of then, and compare", Result: recheck.Difference{}, Handle: h.again},
		{Path: "/frequency", ID: "listFrequent", Saw: "frequent", Summary: "Who was contacted most in the last days", Query: []Param{
			{Name: "days", Type: "integer", Description: "1 to 90; default 7"}, {Name: "limit", Type: "integer", Description: "up to 500; default 100"},
		}, Result: Frequency{}, Handle: h.frequent},
		{Path: "/frequency/{debtor}", ID: "getFrequency", Saw: "frequency", Summary: "How often a debtor was contacted in the last days, by channel", Query: []Param{{Name: "days", Type: "integer", Description: "1 to 90; default 7"}}, Result: Frequency{}, Handle: h.frequency},
		{Path: "/consents", ID: "listConsents", Saw: "consents", Summary: "The ledger of consents, refusals and wishes, the newest first", Query: slices.Concat([]Param{
			{Name: "creditor", Type: "string", Many: true}, {Name: "debtor", Type: "string", Description: "id"}, {Name: "kind", Type: "string", Many: true}, {Name: "channel", Type: "string"},
		}, span, paging), Result: read.List[read.ConsentRow]{}, Handle: h.consents},
	}
	for i := range ops {
		ops[i].Method, ops[i].Tag, ops[i].Need = http.MethodGet, "compliance", identity.Review
	}
	return append(ops,
		Operation{Method: "POST", Path: "/violations/sweep", ID: "sweepLedger", Tag: "compliance", Summary: "Judge every contact of the ledger again", Need: identity.Review, Result: Said{}, Status: http.StatusAccepted, Repeats: true, Handle: h.order("/violations/sweep")},
		Operation{Method: "GET", Path: "/policy", ID: "listRules", Tag: "compliance", Summary: "Every rule in force in words, with citation and file", Need: identity.Config, Query: slices.Concat([]Param{
			{Name: "q", Type: "string", Description: "words"}, {Name: "kind", Type: "string", Enum: []string{"law", "policy", "carrier", "house"}}, {Name: "place", Type: "string", Description: "jurisdiction"},
		}, paging), Result: Table{}, Handle: h.table("/policy", "rule", "part", "pack")},
		Operation{Method: "GET", Path: "/audit", ID: "listAudit", Saw: "audit", Tag: "compliance", Summary: "What people and programs did and looked at, the newest first", Need: identity.Audit, Query: slices.Concat([]Param{
			{Name: "by", Type: "string", Description: `"user:<id>", "key:<id>"`}, {Name: "action", Type: "string", Description: "or a beginning that ends in a dot"}, {Name: "subject", Type: "string"},
		}, span, paging), Result: read.List[read.AuditRow]{}, Handle: h.audit},
		Operation{Method: "GET", Path: "/cases/{case}/evidence", ID: "getEvidence", Tag: "compliance", Summary: "Everything about a case in one verifiable file", Need: identity.Export, ResultType: "application/zip", Handle: h.evidence},
	)
}

func (h handlers) allDecisions(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.DecisionFilter{Creditors: r.q["creditor"], Case: r.q.Get("case"), Rules: r.q["rule"], From: r.time("from"), Until: r.time("until")}
	for _, v := range r.q["verb"] {
		f.Verbs = append(f.Verbs, dunning.Verb(v))
	}
	if text := r.q.Get("kept_back"); text != "" {
		kept := text == "true"
		f.Deferred = &kept
	}
	r.uuid("case", f.Case)
	if err := r.done(); err != nil {
		return nil, err
	}
	p, err := pageOf(r.q)
	if err != nil {
		return nil, err
	}
	return listed(h.Read.ListDecisions(c.R.Context(), c.Scope(), f, p))
}

func (h handlers) again(c *Call) (any, error) {
	d, err := h.Read.CaseDecision(c.R.Context(), c.Scope(), c.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return h.Desk.Again(c.R.Context(), d)
}

// days reads a span of days.
func (r *reader) days() int {
	n := r.number("days")
	switch {
	case n == nil:
		return 7
	case *n < 1 || *n > 90:
		r.bad("days", "1 to 90")
	}
	return *n
}

func (h handlers) frequent(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	days, limit := r.days(), 100
	if n := r.number("limit"); n != nil {
		if limit = *n; limit < 1 || limit > read.MaxLimit {
			r.bad("limit", "1 to 500")
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	rows, err := h.Read.Frequent(c.R.Context(), c.Scope(), c.At, days, limit)
	return Frequency{days, append([]read.FrequencyRow{}, rows...)}, err
}

func (h handlers) frequency(c *Call) (any, error) {
	id, err := uuidOf(c, "debtor", "This debtor")
	if err != nil {
		return nil, err
	}
	r := &reader{q: c.R.URL.Query()}
	days := r.days()
	if err := r.done(); err != nil {
		return nil, err
	}
	rows, err := h.Read.Frequency(c.R.Context(), c.Scope(), id, c.At, days)
	return Frequency{days, append([]read.FrequencyRow{}, rows...)}, err
}

func (h handlers) consents(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.ConsentFilter{Creditors: r.q["creditor"], Debtor: r.q.Get("debtor"), Kinds: r.q["kind"], Channel: dunning.Channel(r.q.Get("channel")), From: r.time("from"), Until: r.time("until")}
	r.uuid("debtor", f.Debtor)
	if err := r.done(); err != nil {
		return nil, err
	}
	p, err := pageOf(r.q)
	if err != nil {
		return nil, err
	}
	return listed(h.Read.Consents(c.R.Context(), c.Scope(), f, p))
}

func (h handlers) audit(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.AuditFilter{By: r.q.Get("by"), Action: r.q.Get("action"), Subject: r.q.Get("subject"), From: r.time("from"), Until: r.time("until")}
	if err := r.done(); err != nil {
		return nil, err
	}
	p, err := pageOf(r.q)
	if err != nil {
		return nil, err
	}
	return listed(h.Read.AuditLog(c.R.Context(), c.Scope(), f, p))
}

// --- what the console answers with files ----------------------------------------------

func (h handlers) evidence(c *Call) (any, error) {
	id, err := uuidOf(c, "case", "This case")
	if err != nil {
		return nil, err
	}
	a, err := h.Desk.Call(c.R.Context(), c.Who, http.MethodGet, "/cases/"+id+"/evidence", nil)
	return a.Body, err
}

// order gives an order by the console's own page.
func (h handlers) order(path string) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		a, err := h.Desk.Call(c.R.Context(), c.Who, http.MethodPost, path, nil)
		return Said{a.Said}, err
	}
}

// export is a list of the console as a file, with the same filter as there.
func (h handlers) export(path string) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		target := path
		for _, name := range c.op.params() {
			target = strings.ReplaceAll(target, "{"+name+"}", url.PathEscape(c.R.PathValue(name)))
		}
		q := c.R.URL.Query()
		q.Set("format", "csv")
		a, err := h.Desk.Call(c.R.Context(), c.Who, http.MethodGet, target+"?"+q.Encode(), nil)
		return a.Body, err
	}
}

// table reads such a file as JSON, page by page; key are the columns that name a row.
func (h handlers) table(path string, key ...string) func(*Call) (any, error) {
	file := h.export(path)
	return func(c *Call) (any, error) {
		whole := *c
		whole.R = c.R.Clone(c.R.Context())
		q := whole.R.URL.Query()
		q.Del("limit")
		q.Del("after")
		whole.R.URL.RawQuery = q.Encode()
		body, err := file(&whole)
		if err != nil {
			return nil, err
		}
		t, err := tableOf(body.([]byte))
		if err != nil {
			return nil, err
		}
		page, err := paged(c, t.Rows, func(row map[string]string) string {
			var parts []string
			for _, k := range key {
				parts = append(parts, row[k])
			}
			return strings.Join(parts, "\x00")
		})
		return Table{t.Columns, page.Rows, page.Next}, err
	}
}

func tableOf(file []byte) (Table, error) {
	records, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil || len(records) == 0 {
		return Table{}, err
	}
	t := Table{Columns: records[0], Rows: []map[string]string{}}
	for _, cells := range records[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[t.Columns[i]] = cell
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// exports are all lists of the console as CSV, with its filters.
func (h handlers) exports() []Operation {
	text := func(names ...string) (out []Param) {
		for _, n := range names {
			out = append(out, Param{Name: n, Type: "string"})
		}
		return out
	}
	lists := []Operation{
		{Path: "cases", Need: identity.Export, Also: []identity.Permission{identity.View}, Query: text("creditor", "status", "reason", "sequence", "version", "step", "waits", "queue", "owner", "currency", "min", "mindays", "maxdays", "nextbefore", "sort")},
		{Path: "messages", Need: identity.Export, Also: []identity.Permission{identity.View}, Query: text("creditor", "state", "channel", "case", "step", "template", "provider", "from", "until")},
		{Path: "decisions", Need: identity.Review, Query: text("creditor", "case", "rule", "verb", "kept", "from", "until")},
		{Path: "violations", Need: identity.Review},
		{Path: "frequency", Need: identity.Review},
		{Path: "consents", Need: identity.Review, Query: text("creditor", "debtor", "kind", "channel", "from", "until")},
		{Path: "policy", Need: identity.Config, Query: text("q", "kind", "place")},
		{Path: "audit", Need: identity.Audit, Query: text("by", "action", "subject", "from", "until")},
		{Path: "imports/{id}", Need: identity.Monitor},
		{Path: "reports/{report}", Need: identity.Export, Also: []identity.Permission{identity.Monitor}, Query: text("creditor", "from", "until", "at")},
	}
	for i := range lists {
		o := &lists[i]
		name, _, _ := strings.Cut(o.Path, "/")
		o.Handle, o.Path, o.ID = h.export("/"+o.Path), "/exports/"+o.Path, "export_"+name
		o.Method, o.Tag, o.Summary, o.ResultType = http.MethodGet, "exports", "All "+name+" as CSV, with the filters of the console’s page", "text/csv"
	}
	return lists
}
