package comply

import (
	"context"
	"embed"
	"io/fs"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/memo"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

//go:embed pages/*.html
var files embed.FS

// Reader is what the pages read; *postgres.Store is one.
type Reader interface {
	CaseDecision(ctx context.Context, s read.Scope, id string) (dunning.StoredDecision, error)
	ListDecisions(ctx context.Context, s read.Scope, f read.DecisionFilter, p read.Page) (read.List[read.DecisionRow], error)
	CasePage(ctx context.Context, s read.Scope, caseID string, at time.Time) (read.CasePage, error)
	CaseDecisions(ctx context.Context, s read.Scope, caseID string, p read.Page) (read.List[read.DecisionRow], error)
	Messages(ctx context.Context, s read.Scope, f read.MessageFilter, p read.Page) (read.List[read.MessageRow], error)
	Frequency(ctx context.Context, s read.Scope, debtor string, at time.Time, days int) ([]read.FrequencyRow, error)
	Frequent(ctx context.Context, s read.Scope, at time.Time, days, limit int) ([]read.FrequencyRow, error)
	Consents(ctx context.Context, s read.Scope, f read.ConsentFilter, p read.Page) (read.List[read.ConsentRow], error)
	AuditLog(ctx context.Context, s read.Scope, f read.AuditFilter, p read.Page) (read.List[read.AuditRow], error)
}

// View is what an evidence pack is made of, as of one instant of the database.
type View interface {
	recheck.Journal
	CasePage(ctx context.Context, s read.Scope, caseID string, at time.Time) (read.CasePage, error)
	CaseDecisions(ctx context.Context, s read.Scope, caseID string, p read.Page) (read.List[read.DecisionRow], error)
	CaseDecision(ctx context.Context, s read.Scope, id string) (dunning.StoredDecision, error)
	Messages(ctx context.Context, s read.Scope, f read.MessageFilter, p read.Page) (read.List[read.MessageRow], error)
	// SentCopy is a message as it was handed over, and the SHA-256 kept with it; an error that
	// is a sentence when there is no copy.
	SentCopy(ctx context.Context, contact string) (dunning.Message, []byte, error)
}

// Deps are what the pages work with. All are required.
type Deps struct {
	Read    Reader
	Journal recheck.Journal
	Frames  recheck.Frames
	// Config is the configuration in force.
	Config func(ctx context.Context) (*config.Config, error)
	// Findings, and the sweeps that open most of them.
	Findings Findings
	// Sweep begins a sweep of the ledger over a scope; web.Conflict when one is under way.
	Sweep func(ctx context.Context, kind string, scope read.Scope, by string) (*recheck.Begun, error)
	Chain Chain
	// Ledgers names those that are chained.
	Ledgers []string
	// Light says how the chain stands.
	Light func(s chain.State) web.Light
	// Verify verifies the chain and keeps what it comes to.
	Verify func(ctx context.Context, by string) error
	// Wall is wall time: how long ago a sweep gave a sign of life.
	Wall func() time.Time
	// Whose says whose a debtor is.
	Whose func(ctx context.Context, debtor string) (dunning.CaseRef, error)
	// Names of users by their id.
	Names func(ctx context.Context) (map[string]string, error)
	// Sent is a message as it was handed over, and the SHA-256 kept with it; an error that is
	// a sentence when there is no copy.
	Sent func(ctx context.Context, contact string) (dunning.Message, []byte, error)
	// Frequent lists who was contacted most often in the last days; where that takes long, as
	// of some while ago.
	Frequent func(ctx context.Context, s read.Scope, days, limit int) (memo.Answer[[]read.FrequencyRow], error)
	// Snapshot runs f over a view of one instant.
	Snapshot func(ctx context.Context, f func(v View) error) error
	// Log tells operations of what failed beside a request.
	Log func(what string, err error)
}

// compliance is the pages with what they remember.
type compliance struct {
	Deps
	verifying atomic.Bool
}

// Set is the pages with their rights.
func Set(deps Deps) web.Set {
	pages, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	d := &compliance{Deps: deps}
	return web.Set{
		Pages: pages,
		Nav: []web.Nav{
			{Path: "/decisions", Label: "Decisions", Group: "Compliance", Go: "y", Need: identity.Review},
			{Path: "/violations", Label: "Violations", Group: "Compliance", Go: "v", Need: identity.Review},
			{Path: "/frequency", Label: "Contact frequency", Group: "Compliance", Go: "f", Need: identity.Review},
			{Path: "/consents", Label: "Consents", Group: "Compliance", Go: "o", Need: identity.Review},
			{Path: "/policy", Label: "Policy", Group: "Compliance", Go: "p", Need: identity.Config},
			{Path: "/integrity", Label: "Integrity", Group: "Compliance", Need: identity.Audit},
			{Path: "/audit", Label: "Audit", Group: "Compliance", Go: "a", Need: identity.Audit},
		},
		Routes: []web.Route{
			{Pattern: "GET /decisions", Need: identity.Review, Handle: d.decisions},
			{Pattern: "GET /decisions/{id}", Need: identity.Review, Handle: d.decision, Saw: "decision"},
			{Pattern: "GET /decisions/{id}/again", Need: identity.Review, Handle: d.again, Saw: "decision_again"},
			{Pattern: "GET /violations", Need: identity.Review, Handle: d.violations, Saw: "violations"},
			{Pattern: "POST /violations/sweep", Need: identity.Review, Handle: d.sweepNow},
			{Pattern: "GET /violations/{id}", Need: identity.Review, Handle: d.finding, Saw: "finding"},
			{Pattern: "POST /violations/{id}", Need: identity.Findings, Handle: d.step},
			{Pattern: "GET /integrity", Need: identity.Audit, Handle: d.integrity, Saw: "integrity"},
			{Pattern: "POST /integrity/verify", Need: identity.Audit, Handle: d.verifyNow},
			{Pattern: "GET /frequency", Need: identity.Review, Handle: d.frequent, Saw: "frequent"},
			{Pattern: "GET /frequency/{id}", Need: identity.Review, Handle: d.frequency, Saw: "frequency"},
			{Pattern: "GET /consents", Need: identity.Review, Handle: d.consents, Saw: "consents"},
			{Pattern: "GET /cases/{id}/evidence", Need: identity.Export, Handle: d.evidence},
			{Pattern: "GET /policy", Need: identity.Config, Handle: d.policy},
			{Pattern: "GET /audit", Need: identity.Audit, Handle: d.audit, Saw: "audit"},
		},
	}
}

// one is a filter with one value, none when it is not given.
func one(q url.Values, name string) []string {
	if v := q.Get(name); v != "" {
		return []string{v}
	}
	return nil
}

// span reads the days from and until (inclusive) of a filter, in UTC.
func span(q url.Values) (from, until time.Time) { return spanIn(q, time.UTC) }

// spanIn reads them as days of a zone: days on which clocks change are longer or shorter.
func spanIn(q url.Values, zone *time.Location) (from, until time.Time) {
	if d, err := dunning.ParseDate(q.Get("from")); err == nil {
		from = dunning.StartOfDay(d, zone)
	}
	if d, err := dunning.ParseDate(q.Get("until")); err == nil {
		until = dunning.StartOfDay(d.AddDays(1), zone)
	}
	return from, until
}

// daysOf is the zone whose days a filter means: that of the creditor who is chosen, else UTC, as
// in reports (docs/reports.md), so that a number there leads to what it counts.
func daysOf(chosen string, all []web.Creditor) *time.Location {
	for _, c := range all {
		if zone, err := time.LoadLocation(c.Zone); c.ID == chosen && err == nil {
			return zone
		}
	}
	return time.UTC
}

// stamp writes an instant into a file.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
