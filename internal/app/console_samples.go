package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/comply"
)

// NewSampling is the service that draws, answers and signs off samples, over a store and the
// configuration in force.
func NewSampling(store *postgres.Store, book *Book) *sampling.Service {
	return &sampling.Service{
		Store:   store,
		Context: func(ctx context.Context) (sampling.Context, error) { return samplingContext(ctx, book) },
		Record: func(ctx context.Context, at time.Time, by, action, subject string, detail map[string]string) error {
			return store.Audit(ctx, postgres.Audited{At: at, By: by, Action: action, Subject: subject, Detail: detail})
		},
		Find: func(ctx context.Context, who identity.Principal, s sampling.Sample, row sampling.Row, g sampling.Given) (string, error) {
			f, err := findingOf(who, s, row, g)
			if err != nil {
				return "", err
			}
			id, _, err := store.OpenFinding(ctx, f)
			return id, err
		},
	}
}

// findingOf is what a reviewer found: of something that left or was said a violation, else a
// near miss.
func findingOf(who identity.Principal, s sampling.Sample, row sampling.Row, g sampling.Given) (read.NewFinding, error) {
	var wrong []string
	for _, q := range s.Questions {
		if g.Values[q.ID] == sampling.No {
			wrong = append(wrong, q.ID)
		}
	}
	due, err := dunning.ParseDate(g.Due)
	if err != nil {
		return read.NewFinding{}, err
	}
	detail, err := json.Marshal(map[string]any{"sample": s.ID, "row": row.N, "round": g.Round, "questions": wrong, "fix": g.Fix})
	f := read.NewFinding{
		Key: fmt.Sprintf("sample/%s/%d/%d", s.ID, g.Round, row.N), Source: "sample", Kind: "near_miss", Title: "Found by a reviewer: " + strings.Join(wrong, ", "), Creditor: row.Creditor,
		Debtor: row.Debtor, Case: row.Case, Decision: row.Decision, Contact: row.Contact, At: row.At, Opened: g.At, Detail: detail, By: who.By, Owner: g.Owner, Due: due,
		Words: g.Note + " To be mended by: " + g.Fix,
	}
	if s.Kind == sampling.Contacts || s.Kind == sampling.Calls {
		f.Kind = "violation"
	}
	return f, err
}

// samplingContext is what the configuration in force says of risks: who collects for others,
// and which states have a pack of their own.
func samplingContext(ctx context.Context, book *Book) (c sampling.Context, err error) {
	cfg, err := book.Current(ctx)
	if err != nil {
		return c, err
	}
	for _, cr := range cfg.Creditors() {
		if cr.Role == "third_party" {
			c.Agencies = append(c.Agencies, cr.ID)
		}
	}
	for _, p := range cfg.PolicySpecs() {
		if strings.Contains(p.Jurisdiction, "-") {
			c.Packs = append(c.Packs, p.Jurisdiction)
		}
	}
	slices.Sort(c.Agencies)
	slices.Sort(c.Packs)
	c.Packs = slices.Compact(c.Packs)
	return c, nil
}

// sampleSet is the pages of samples.
func (c *Console) sampleSet() web.Set {
	return comply.Samples(comply.SampleDeps{Deps: c.compliance(), Samples: NewSampling(c.deps.Store, c.book), Logged: c.loggedContact})
}

// loggedContact finds a fact by its place in a debtor's log.
func (c *Console) loggedContact(ctx context.Context, debtor string, version int64, seq int) (dunning.Fact, error) {
	log, err := c.deps.Store.FactsAsOf(ctx, debtor, version)
	if err != nil {
		return dunning.Fact{}, err
	}
	at := slices.IndexFunc(log, func(f dunning.Fact) bool { return f.Version == version })
	if at < 0 || seq < 0 || at+seq >= len(log) {
		return dunning.Fact{}, fmt.Errorf("fact %d of version %d: %w", seq, version, identity.ErrNotFound)
	}
	return log[at+seq], nil
}
