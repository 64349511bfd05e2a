package comply

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/paper"
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
	By        string // who exported it, as people know them
	Names     map[string]string
	Citation  func(rule string) string
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

// gather reads a case of the user's scope, all of it as of one instant of the database: a
// pack of which one file knows of a payment and another does not proves nothing.
func (d *compliance) gather(r *web.Request) (x dossier, facts []factLine, err error) {
	ctx := r.R.Context()
	names, set, err := d.surroundings(ctx)
	if err != nil {
		return x, nil, err
	}
	x = dossier{Made: r.Now, By: r.User.Name, Names: names, Citation: set.Citation}
	err = d.Snapshot(ctx, func(v View) (err error) {
		facts, err = d.fill(ctx, v, r.Scope(identity.Export), r.R.PathValue("id"), &x)
		return err
	})
	return x, facts, err
}

// fill reads a case with its facts, decisions and messages.
func (d *compliance) fill(ctx context.Context, v View, scope read.Scope, id string, x *dossier) (facts []factLine, err error) {
	x.Case, err = v.CasePage(ctx, scope, id, x.Made)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, web.NotFound("This case")
	}
	if err != nil {
		return nil, err
	}
	log, err := v.FactsAsOf(ctx, x.Case.Debtor, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	for _, f := range log {
		facts = append(facts, factLine{f.Version, f.At, f.Body.Kind(), f.Case, f.Account, f.By, f.Body})
	}
	if x.Decisions, err = d.decided(ctx, known{v, log}, v, scope, id); err != nil {
		return nil, err
	}
	x.Messages, err = copies(ctx, v, scope, id)
	return facts, err
}

// decided are the decisions of a case, each with its reasoning.
func (d *compliance) decided(ctx context.Context, journal recheck.Journal, v View, scope read.Scope, id string) (out []decided, err error) {
	for row, err := range read.All(func(p read.Page) (read.List[read.DecisionRow], error) { return v.CaseDecisions(ctx, scope, id, p) }) {
		if err != nil {
			return nil, err
		}
		s, err := v.CaseDecision(ctx, scope, row.ID)
		if err != nil {
			return nil, err
		}
		why, err := recheck.Why(ctx, journal, d.Frames, s)
		if err != nil {
			return nil, err
		}
		out = append(out, decided{s, why})
	}
	return out, nil
}

// copies are the messages of a case as they were handed over.
func copies(ctx context.Context, v View, scope read.Scope, id string) (out []Copy, err error) {
	for m, err := range read.All(func(p read.Page) (read.List[read.MessageRow], error) {
		return v.Messages(ctx, scope, read.MessageFilter{Case: id}, p)
	}) {
		if err != nil {
			return nil, err
		}
		c := Copy{Contact: m.ID, State: string(m.State)}
		message, sum, err := v.SentCopy(ctx, m.ID)
		c.SHA256 = hex.EncodeToString(sum)
		if c.Message = &message; err != nil {
			c.Message, c.Missing = nil, err.Error()
		}
		out = append(out, c)
	}
	return out, nil
}

// known is a journal whose facts were read already: a case of years has thousands of
// decisions, each over a part of the same facts.
type known struct {
	recheck.Journal
	log []dunning.Fact
}

// FactsAsOf are those of the one debtor whose facts were read.
func (k known) FactsAsOf(_ context.Context, _ string, version int64) ([]dunning.Fact, error) {
	n := sort.Search(len(k.log), func(i int) bool { return k.log[i].Version > version })
	return k.log[:n:n], nil
}

// filesOf are the files of a pack but for its manifest: data as JSON, and one summary of it
// for people, as a page and on paper, that names the digest of every file it was made from.
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
	if err != nil {
		return nil, err
	}
	report := reportOf(x, facts, files)
	page, err := htmlOf(report)
	if err != nil {
		return nil, err
	}
	pdf, _, err := paper.Set(report)
	return append(files, evidence.File{Path: "summary.html", Data: page}, evidence.File{Path: "summary.pdf", Data: pdf}), err
}
