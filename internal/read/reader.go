package read

import (
	"context"
	"time"

	"github.com/duly/duly/dunning"
)

// Reader is every question that can be asked; *postgres.Store answers them. Whoever
// needs a few declares an interface of these few. What is named by an id and lies
// outside of the scope does not exist: the error wraps the store's ErrNotFound. Instants (at, now) are business time.
type Reader interface {
	// Worklist is "my day", the most urgent first. Filters by Owner and Queues.
	Worklist(ctx context.Context, s Scope, f WorkFilter, at time.Time, p Page) (List[WorkRow], error)
	// Queues counts work by queue and kind, as of now.
	Queues(ctx context.Context, s Scope, now time.Time) ([]QueueCount, error)

	// ListCases lists cases; CountCases counts them (exactly up to a thousand).
	ListCases(ctx context.Context, s Scope, f CaseFilter, p Page) (List[CaseRow], error)
	CountCases(ctx context.Context, s Scope, f CaseFilter) (Count, error)
	// Search finds debtors by name, address, number, invoice or case, the best first; text
	// may be the beginning of each. At most limit hits.
	Search(ctx context.Context, s Scope, text string, limit int) ([]Hit, error)

	// CasePage is the page of a case.
	CasePage(ctx context.Context, s Scope, caseID string, at time.Time) (CasePage, error)
	// CaseTimeline is a case's story, the newest first.
	CaseTimeline(ctx context.Context, s Scope, caseID string, f TimelineFilter, p Page) (List[TimelineRow], error)
	// CaseDecisions are a case's decisions, the newest first; Decision is one with its body.
	CaseDecisions(ctx context.Context, s Scope, caseID string, p Page) (List[DecisionRow], error)
	CaseDecision(ctx context.Context, s Scope, id string) (dunning.StoredDecision, error)
	// ListDecisions are decisions over all cases, the newest first.
	ListDecisions(ctx context.Context, s Scope, f DecisionFilter, p Page) (List[DecisionRow], error)

	// Messages is the message explorer, the newest first; Message is one with its attempts.
	Messages(ctx context.Context, s Scope, f MessageFilter, p Page) (List[MessageRow], error)
	CountMessages(ctx context.Context, s Scope, f MessageFilter) (Count, error)
	Message(ctx context.Context, s Scope, id string) (MessageRow, error)

	// Frequency is how often a debtor was contacted in the days days before at, by channel;
	// Frequent lists the debtors contacted most often in that span.
	Frequency(ctx context.Context, s Scope, debtor string, at time.Time, days int) ([]FrequencyRow, error)
	Frequent(ctx context.Context, s Scope, at time.Time, days, limit int) ([]FrequencyRow, error)
	// Consents is the ledger of consents, opt-outs and preferences, the newest first.
	Consents(ctx context.Context, s Scope, f ConsentFilter, p Page) (List[ConsentRow], error)
	// AuditLog lists what people and programs did, the newest first. A scope that is not
	// everything sees rows whose detail names one of its creditors only.
	AuditLog(ctx context.Context, s Scope, f AuditFilter, p Page) (List[AuditRow], error)

	// Imports lists runs of imports, the newest first; ImportRejects the rows that one refused.
	Imports(ctx context.Context, s Scope, p Page) (List[ImportRow], error)
	ImportRejects(ctx context.Context, s Scope, id string, p Page) (List[RejectRow], error)
	// ReleaseList lists published configurations, the newest first; ReleaseDiff what
	// differs between two. Configuration belongs to no creditor: rights decide who sees it.
	ReleaseList(ctx context.Context) ([]ReleaseRow, error)
	ReleaseDiff(ctx context.Context, before, after string) ([]FileChange, error)
	// StepCounts counts open cases by step and what they wait for; sequence "" is all.
	StepCounts(ctx context.Context, s Scope, sequence string) ([]StepCount, error)
	// HealthNumbers says what the store knows of the system's health.
	HealthNumbers(ctx context.Context, s Scope, now time.Time) (Health, error)
	// Unassigned lists received messages and events that nobody could assign or process, the
	// oldest first.
	Unassigned(ctx context.Context, s Scope, p Page) (List[InboxRow], error)
	// Numbers is what a collector did in [from, until).
	Numbers(ctx context.Context, s Scope, by string, from, until time.Time) (OwnNumbers, error)
}
