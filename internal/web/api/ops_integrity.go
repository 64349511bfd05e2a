package api

import (
	"context"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// Integrity is where findings, sweeps and the hash chain are kept; *postgres.Store is one.
type Integrity interface {
	Findings(ctx context.Context, s read.Scope, f read.FindingFilter, p read.Page) (read.List[read.FindingRow], error)
	Finding(ctx context.Context, s read.Scope, id string) (read.FindingRow, []read.FindingEvent, error)
	StepFinding(ctx context.Context, s read.Scope, id string, step read.FindingStep) (before, after read.FindingRow, err error)
	FindingWeeks(ctx context.Context, s read.Scope, from, until time.Time) ([]read.FindingWeek, error)
	Sweeps(ctx context.Context, s read.Scope, now time.Time, limit int) ([]read.SweepRow, error)
	ChainState(ctx context.Context) (chain.State, error)
	Checks(ctx context.Context, limit int) ([]chain.Check, error)
}

// FoundRow is a finding with its history, the oldest event first.
type FoundRow struct {
	Finding read.FindingRow     `json:"finding"`
	History []read.FindingEvent `json:"history"`
}

// FindingOrder is what is done with a finding; what is left out stays as it is.
type FindingOrder struct {
	Status string  `json:"status,omitempty" jsonschema:"enum=open,enum=fixed,enum=accepted"`
	Owner  *string `json:"owner,omitempty" jsonschema_description:"\"user:<id>\"; \"\" for nobody"`
	Due    *string `json:"due,omitempty" jsonschema_description:"2006-01-02; \"\" for no day"`
	Words  string  `json:"words,omitempty" jsonschema:"maxLength=2000" jsonschema_description:"required to close and to open again"`
}

// ChainView is how the hash chain stands.
type ChainView struct {
	chain.State
	Checks []chain.Check `json:"checks"` // the newest first
}

func (h handlers) integrity() []Operation {
	span := []Param{{Name: "from", Type: "date-time"}, {Name: "until", Type: "date-time", Description: "not included"}}
	ops := []Operation{
		{Method: "GET", Path: "/findings", ID: "listAllFindings", Summary: "What was found to be against a rule, or close to it, those that happened last first", Need: identity.Review, Query: slices.Concat([]Param{
			{Name: "creditor", Type: "string", Many: true},
			{Name: "status", Type: "string", Many: true, Enum: []string{read.FindingOpen, read.FindingFixed, read.FindingAccepted}},
			{Name: "kind", Type: "string", Many: true, Enum: []string{read.Violation, read.NearMiss}},
			{Name: "source", Type: "string", Many: true, Enum: []string{read.BySweep, read.BySample, read.ByPerson}},
			{Name: "owner", Type: "string"},
			{Name: "rule", Type: "string"},
			{Name: "case", Type: "string"},
		}, span, paging), Result: read.List[read.FindingRow]{}, Handle: h.findings},
		{Method: "GET", Path: "/findings/weeks", ID: "countFindings", Summary: "Findings by the week in which they happened; default: the last twelve weeks", Need: identity.Review, Query: span, Result: []read.FindingWeek{}, Handle: h.findingWeeks},
		{Method: "GET", Path: "/findings/{finding}", ID: "getFinding", Saw: "finding", Summary: "A finding with its history", Need: identity.Review, Result: FoundRow{}, Handle: h.foundOne},
		{Method: "POST", Path: "/findings/{finding}", ID: "stepFinding", Summary: "Give a finding an owner and a day, close it or open it again", Need: identity.Findings, Body: FindingOrder{}, Result: FoundRow{}, Handle: h.stepFinding},
		{Method: "GET", Path: "/sweeps", ID: "listSweeps", Summary: "The latest sweeps of the ledger with what they covered", Need: identity.Review, Result: []read.SweepRow{}, Handle: func(c *Call) (any, error) {
			rows, err := h.Integrity.Sweeps(c.R.Context(), c.Scope(), h.Wall(), 100)
			return append([]read.SweepRow{}, rows...), err
		}},
		{Method: "GET", Path: "/integrity", ID: "getIntegrity", Summary: "How the hash chain stands: its head, to be kept elsewhere, and what verifications came to", Need: identity.Audit, Result: ChainView{}, Handle: h.chain},
		{Method: "POST", Path: "/integrity/verify", ID: "verifyChain", Summary: "Hash everything that was sealed again, and name the first row that differs", Need: identity.Audit, Result: chain.Check{}, Repeats: true, Handle: h.verifyChain},
	}
	for i := range ops {
		ops[i].Tag = "compliance"
	}
	return ops
}

func (h handlers) findings(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	f := read.FindingFilter{
		Creditors: r.q["creditor"], Statuses: r.q["status"], Kinds: r.q["kind"], Sources: r.q["source"], Owner: r.q.Get("owner"), Rule: r.q.Get("rule"), Case: r.q.Get("case"),
		From: r.time("from"), Until: r.time("until"),
	}
	r.uuid("case", f.Case)
	if err := r.done(); err != nil {
		return nil, err
	}
	p, err := pageOf(r.q)
	if err != nil {
		return nil, err
	}
	return listed(h.Integrity.Findings(c.R.Context(), c.Scope(), f, p))
}

func (h handlers) findingWeeks(c *Call) (any, error) {
	r := &reader{q: c.R.URL.Query()}
	from, until := r.time("from"), r.time("until")
	if err := r.done(); err != nil {
		return nil, err
	}
	if from.IsZero() && until.IsZero() {
		from = c.At.AddDate(0, 0, -7*12)
	}
	rows, err := h.Integrity.FindingWeeks(c.R.Context(), c.Scope(), from, until)
	return append([]read.FindingWeek{}, rows...), err
}

// foundOne reads a finding of the call's scope.
func (h handlers) foundOne(c *Call) (any, error) {
	id, err := uuidOf(c, "finding", "This finding")
	if err != nil {
		return nil, err
	}
	f, history, err := h.Integrity.Finding(c.R.Context(), c.Scope(), id)
	return FoundRow{f, append([]read.FindingEvent{}, history...)}, err
}

func (h handlers) stepFinding(c *Call) (any, error) {
	id, err := uuidOf(c, "finding", "This finding")
	if err != nil {
		return nil, err
	}
	var in FindingOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	was, _, err := h.Integrity.Finding(c.R.Context(), c.Scope(), id)
	if err != nil {
		return nil, err
	}
	step := read.FindingStep{At: c.At, By: c.Who.By, Status: in.Status, Owner: in.Owner, Words: in.Words}
	if in.Due != nil {
		step.Due = &dunning.Date{}
		if *in.Due != "" {
			if *step.Due, err = dunning.ParseDate(*in.Due); err != nil {
				return nil, invalid(Fault{Pointer: "/due", Detail: "a day such as 2026-11-30"})
			}
		}
	}
	if in.Status != "" && in.Status != was.Status && in.Words == "" {
		return nil, invalid(Fault{Pointer: "/words", Detail: "say why: what was mended, or why nothing is to be"})
	}
	before, after, err := h.Integrity.StepFinding(c.R.Context(), c.Scope(), id, step)
	if err != nil {
		return nil, err
	}
	if err := c.record("finding.step", id, read.StepDetail(before, after, in.Words)); err != nil {
		return nil, err
	}
	return h.foundOne(c)
}

// shownChecks is how many verifications are listed.
const shownChecks = 50

func (h handlers) chain(c *Call) (any, error) {
	state, err := h.Integrity.ChainState(c.R.Context())
	if err != nil {
		return nil, err
	}
	checks, err := h.Integrity.Checks(c.R.Context(), shownChecks)
	return ChainView{state, append([]chain.Check{}, checks...)}, err
}

func (h handlers) verifyChain(c *Call) (any, error) {
	if err := c.record("audit.verify", "", nil); err != nil {
		return nil, err
	}
	return h.VerifyChain(c.R.Context(), c.Who.By)
}
