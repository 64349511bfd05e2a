package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
	"github.com/duly/duly/internal/web"
)

// SampleOrder asks for a sample of a span, [from, until).
type SampleOrder struct {
	Title     string          `json:"title" jsonschema:"minLength=1,maxLength=200"`
	Kind      string          `json:"kind" jsonschema:"enum=contacts,enum=kept_back,enum=decisions,enum=calls,enum=replies"`
	Creditors []string        `json:"creditors,omitempty" jsonschema_description:"default: the key's, which then must be one"`
	From      time.Time       `json:"from"`
	Until     time.Time       `json:"until" jsonschema_description:"not included"`
	Filter    sampling.Filter `json:"filter,omitzero"`
	Method    string          `json:"method,omitempty" jsonschema:"enum=random,enum=risk,enum=both" jsonschema_description:"default both"`
	Size      int             `json:"size" jsonschema:"minimum=1,maximum=1000"`
	Seed      string          `json:"seed,omitempty" jsonschema_description:"default: one that is drawn"`
}

// SampleRound begins a round that corrects.
type SampleRound struct {
	Reason string `json:"reason" jsonschema:"minLength=3,maxLength=1000"`
}

func (h handlers) samples() []Operation {
	ops := []Operation{
		{Method: "GET", Path: "/samples", ID: "listSamples", Summary: "Samples, the newest first", Need: identity.Review, Query: paging, Result: read.List[sampling.Summary]{}, Handle: h.listSamples},
		{Method: "POST", Path: "/samples/preview", ID: "previewSample", Summary: "Count what a sample would be drawn from, by risk", Need: identity.Sample, Body: SampleOrder{}, Result: sampling.Preview{}, Repeats: true, Handle: h.previewSample},
		{Method: "POST", Path: "/samples", ID: "drawSample", Summary: "Draw a sample; the same population, seed and method draw the same", Need: identity.Sample, Body: SampleOrder{}, Result: sampling.Sample{}, Status: http.StatusCreated, Handle: h.drawSample},
		{Method: "GET", Path: "/samples/{sample}", ID: "getSample", Saw: "sample", Summary: "A sample with its rows, rounds and answers", Need: identity.Review, Result: sampling.Review{}, Handle: h.getSample},
		{Method: "GET", Path: "/samples/{sample}/verify", ID: "verifySample", Summary: "Draw it again from what was kept and from the journal, and compare", Need: identity.Review, Result: sampling.Verified{}, Handle: h.verifySample},
		{Method: "GET", Path: "/samples/{sample}/file", ID: "exportSample", Summary: "The sample with its population, for duly sample verify", Need: identity.Export, Result: sampling.File{}, Handle: h.exportSample},
		{Method: "POST", Path: "/samples/{sample}/rows/{row}/answer", ID: "answerSample", Summary: "Answer the checklist for a row; a no needs a note, a fix, an owner and a day", Need: identity.Sample, Body: sampling.Answer{}, Result: sampling.Given{}, Status: http.StatusCreated, Handle: h.answerSample},
		{Method: "POST", Path: "/samples/{sample}/rounds", ID: "correctSample", Summary: "Begin a round whose answers stand in the place of earlier ones", Need: identity.Sample, Body: SampleRound{}, Result: sampling.Round{}, Status: http.StatusCreated, Handle: h.correctSample},
	}
	for i := range ops {
		ops[i].Tag = "samples"
	}
	return ops
}

// toldSample puts refusals of the service into problems.
func toldSample(err error) error {
	var refusal *sampling.Refusal
	var bad *sampling.Invalid
	switch {
	case errors.As(err, &refusal):
		f := web.Forbidden(refusal.Permission, refusal.Creditor)
		if refusal.Words != "" {
			f.Detail = refusal.Words
		}
		return f
	case errors.As(err, &bad):
		return web.Invalid(bad.Error(), bad.Fields)
	case errors.Is(err, identity.ErrNotFound):
		return web.NotFound("This sample, or this row of it,")
	}
	return err
}

func sampleTold[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, toldSample(err)
	}
	return v, nil
}

func (h handlers) listSamples(c *Call) (any, error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	return listed(h.Samples.List(c.R.Context(), c.Scope(), p))
}

// samplePlan reads a body into a plan; creditors are the key's where none is named.
func samplePlan(c *Call) (sampling.Plan, error) {
	var in SampleOrder
	if err := c.Into(&in); err != nil {
		return sampling.Plan{}, err
	}
	if len(in.Creditors) == 0 && c.Who.Creditor != identity.AllCreditors && c.Who.Creditor != "" {
		in.Creditors = []string{c.Who.Creditor}
	}
	for _, id := range in.Creditors {
		if err := c.Require(id, "This creditor"); err != nil {
			return sampling.Plan{}, err
		}
	}
	if in.Method == "" {
		in.Method = string(sampling.Both)
	}
	return sampling.Plan{
		Title: in.Title, Kind: sampling.Kind(in.Kind), Creditors: in.Creditors, From: in.From.UTC(), Until: in.Until.UTC(), Filter: in.Filter, Method: sampling.Method(in.Method),
		Size: in.Size, Seed: in.Seed,
	}, nil
}

func (h handlers) previewSample(c *Call) (any, error) {
	p, err := samplePlan(c)
	if err != nil {
		return nil, err
	}
	return sampleTold(h.Samples.Preview(c.R.Context(), c.Who, p))
}

func (h handlers) drawSample(c *Call) (any, error) {
	p, err := samplePlan(c)
	if err != nil {
		return nil, err
	}
	return sampleTold(h.Samples.Draw(c.R.Context(), c.Who, c.ID(), p, c.At))
}

func (h handlers) getSample(c *Call) (any, error) {
	return sampleTold(h.Samples.Get(c.R.Context(), c.Who, c.R.PathValue("sample")))
}

func (h handlers) verifySample(c *Call) (any, error) {
	return sampleTold(h.Samples.Verify(c.R.Context(), c.Who, c.R.PathValue("sample")))
}

func (h handlers) exportSample(c *Call) (any, error) {
	return sampleTold(h.Samples.Export(c.R.Context(), c.Who, c.R.PathValue("sample"), c.At))
}

func (h handlers) answerSample(c *Call) (any, error) {
	n, err := strconv.Atoi(c.R.PathValue("row"))
	if err != nil {
		return nil, web.NotFound("This row of the sample")
	}
	var a sampling.Answer
	if err := c.Into(&a); err != nil {
		return nil, err
	}
	return sampleTold(h.Samples.Answer(c.R.Context(), c.Who, c.R.PathValue("sample"), n, a, c.At))
}

func (h handlers) correctSample(c *Call) (any, error) {
	var in SampleRound
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return sampleTold(h.Samples.Again(c.R.Context(), c.Who, c.R.PathValue("sample"), in.Reason, c.At))
}
