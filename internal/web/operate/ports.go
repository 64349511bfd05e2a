package operate

import (
	"context"
	"io"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
)

// Temporal is what is known of the Temporal server. Configured is false when this console
// was told of none: it works without.
type Temporal struct {
	Configured bool
	Facts      temporalx.Facts
	// Failing are activities that failed and are tried again, of Asked cases with work due.
	Failing []temporalx.CasePending
	Asked   int
}

// Clock is how business time runs: Rate times as fast as the wall's.
type Clock struct {
	Rehearsal bool
	Rate      float64
}

// Desk is what operations do; *app.Desk is one. Each asks for the rights of who does it,
// and records what was done. Errors are answers (web.AsError).
type Desk interface {
	Event(ctx context.Context, who identity.Principal, id int64, query string) (read.InboxDetail, error)
	Assign(ctx context.Context, who identity.Principal, in read.Assign) (read.Assignment, error)
	Unassign(ctx context.Context, who identity.Principal, id, reason string) (read.Assignment, error)

	DeadLetters(ctx context.Context, who identity.Principal, kinds []string, p read.Page) (read.List[read.DeadRow], error)
	DeadCounts(ctx context.Context, who identity.Principal) (map[string]int64, error)
	TakeUp(ctx context.Context, who identity.Principal, kind, subject, action, reason string) error
	CaseRun(ctx context.Context, who identity.Principal, caseID string) (run temporalx.Run, configured bool, err error)
	CaseRuns(ctx context.Context, cases []string) map[string]temporalx.Run
	TryNow(ctx context.Context, who identity.Principal, caseID, activity string) error

	BulkWords(ctx context.Context, action string, params map[string]string) (string, error)
	TryBulk(ctx context.Context, who identity.Principal, action string, params map[string]string, cases []string) ([]ops.BulkSample, error)
	TryMigration(ctx context.Context, who identity.Principal, params map[string]string, cases []string) (ops.MigrationTrial, error)
	SequenceVersions(ctx context.Context, sequence string) ([]string, error)
	StartBulk(ctx context.Context, who identity.Principal, id, action string, params map[string]string, cases []string) (read.Bulk, error)
	UndoBulk(ctx context.Context, who identity.Principal, id string) (read.Bulk, error)

	Mappings(ctx context.Context) ([]ops.Mapping, error)
	TakeFile(ctx context.Context, who identity.Principal, name, mapping, creditor string, body io.Reader) (read.Upload, error)
	StoreFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error)
	GiveUpFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error)
}
