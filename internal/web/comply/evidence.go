package comply

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

// Copy is a message as it was handed over, with the SHA-256 that was kept with it.
type Copy struct {
	Contact string           `json:"contact"`
	State   string           `json:"state"`
	SHA256  string           `json:"sha256,omitempty"`
	Missing string           `json:"missing,omitempty"` // why there is no copy, a sentence
	Message *dunning.Message `json:"message,omitempty"`
}

// factLine is a fact as it is exported.
type factLine struct {
	Version int64        `json:"version"`
	At      time.Time    `json:"at"`
	Kind    dunning.Kind `json:"kind"`
	Case    string       `json:"case,omitempty"`
	Account string       `json:"account,omitempty"`
	By      string       `json:"by,omitempty"`
	Body    dunning.Body `json:"body"`
}

// dossier is what the summary of a pack shows.
type dossier struct {
	Case      read.CasePage
	Decisions []decided
	Messages  []Copy
	Made      time.Time
}

// decided is a decision with its reasoning.
type decided struct {
	dunning.StoredDecision
	Reasoning []recheck.Reasoning `json:"reasoning,omitempty"`
}

// evidence answers with everything about a case in one verifiable file. The digest of its
// manifest is in the audit.
func (d *compliance) evidence(r *web.Request) error {
	x, facts, err := d.gather(r)
	if err != nil {
		return err
	}
	files, err := filesOf(x, facts)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	digest, err := evidence.Pack(&b, evidence.Manifest{Case: x.Case.Case, Made: r.Now, By: r.User.By}, files)
	if err != nil {
		return err
	}
	if err := r.Record("export.evidence", x.Case.Case, map[string]string{"manifest_sha256": digest, "creditor": x.Case.Creditor}); err != nil {
		return err
	}
	return r.Attachment("evidence-"+x.Case.Case+".zip", "application/zip", b.Bytes())
}

// gather reads a case of the user's scope.
func (d *compliance) gather(r *web.Request) (x dossier, facts []factLine, err error) {
	ctx, scope, id := r.R.Context(), r.Scope(identity.Export), r.R.PathValue("id")
	x.Made = r.Now
	x.Case, err = d.Read.CasePage(ctx, scope, id, r.Now)
	if errors.Is(err, identity.ErrNotFound) {
		return x, nil, web.NotFound("This case")
	}
	if err != nil {
		return x, nil, err
	}
	log, err := d.Journal.FactsAsOf(ctx, x.Case.Debtor, math.MaxInt64)
	if err != nil {
		return x, nil, err
	}
	for _, f := range log {
		facts = append(facts, factLine{f.Version, f.At, f.Body.Kind(), f.Case, f.Account, f.By, f.Body})
	}
	for row, err := range read.All(func(p read.Page) (read.List[read.DecisionRow], error) { return d.Read.CaseDecisions(ctx, scope, id, p) }) {
		if err != nil {
			return x, nil, err
		}
		s, err := d.Read.CaseDecision(ctx, scope, row.ID)
		if err != nil {
			return x, nil, err
		}
		why, err := recheck.Why(ctx, d.Journal, d.Frames, s)
		if err != nil {
			return x, nil, err
		}
		x.Decisions = append(x.Decisions, decided{s, why})
	}
	for m, err := range read.All(func(p read.Page) (read.List[read.MessageRow], error) {
		return d.Read.Messages(ctx, scope, read.MessageFilter{Case: id}, p)
	}) {
		if err != nil {
			return x, nil, err
		}
		c := Copy{Contact: m.ID, State: string(m.State)}
		message, sum, err := d.Sent(ctx, m.ID)
		c.SHA256 = hex.EncodeToString(sum)
		if c.Message = &message; err != nil {
			c.Message, c.Missing = nil, err.Error()
		}
		x.Messages = append(x.Messages, c)
	}
	return x, facts, nil
}

func filesOf(x dossier, facts []factLine) (files []evidence.File, err error) {
	add := func(path string, v any) {
		raw, bad := json.MarshalIndent(v, "", "  ")
		err = errors.Join(err, bad)
		files = append(files, evidence.File{Path: path, Data: raw})
	}
	summary := x.Case
	summary.Log = nil // they are in facts.json
	add("case.json", summary)
	add("facts.json", facts)
	add("decisions.json", x.Decisions)
	for i, m := range x.Messages {
		add(fmt.Sprintf("messages/%04d.json", i+1), m)
	}
	var b bytes.Buffer
	err = errors.Join(err, summaryPage.Execute(&b, x))
	return append(files, evidence.File{Path: "summary.html", Data: b.Bytes()}), err
}

var summaryPage = template.Must(template.New("summary").Funcs(template.FuncMap{"stamp": stamp, "words": web.Words}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Evidence</title>
<h1>Evidence of case {{.Case.Case}}</h1><p>Creditor {{.Case.Creditor}}, account {{.Case.AccountKey}}, as of {{stamp .Made}}. What is said here is in the JSON files beside it; duly evidence verify proves them unchanged.</p>
<h2>Messages, the newest first</h2><table border="1"><tr><th>Message</th><th>State</th><th>SHA-256 of the copy</th><th>Text</th></tr>
{{range .Messages}}<tr><td>{{.Contact}}</td><td>{{words .State}}</td><td>{{.SHA256}}</td><td>{{with .Message}}<b>{{.Subject}}</b><pre>{{.Text}}</pre>{{end}}{{.Missing}}</td></tr>{{end}}</table>
<h2>Decisions, the newest first</h2><table border="1"><tr><th>At</th><th>Decided</th><th>Rule</th><th>Why</th></tr>
{{range .Decisions}}<tr><td>{{stamp .Decision.At}}</td><td>{{words .Decision.Verb}} {{words .Decision.Step}}{{if .Decision.Deferred}} (kept back){{end}}</td><td>{{.Decision.Rule}}</td><td>{{range .Reasoning}}<pre>{{.Text}}</pre>{{end}}</td></tr>{{end}}</table></html>
`))
