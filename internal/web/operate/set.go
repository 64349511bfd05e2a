package operate

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/memo"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

//go:embed pages/*.html
var files embed.FS

// Reader is what the pages read; *postgres.Store is one.
type Reader interface {
	ListCases(ctx context.Context, s read.Scope, f read.CaseFilter, p read.Page) (read.List[read.CaseRow], error)
	CountCases(ctx context.Context, s read.Scope, f read.CaseFilter) (read.Count, error)
	Messages(ctx context.Context, s read.Scope, f read.MessageFilter, p read.Page) (read.List[read.MessageRow], error)
	CountMessages(ctx context.Context, s read.Scope, f read.MessageFilter) (read.Count, error)
	Message(ctx context.Context, s read.Scope, id string) (read.MessageRow, error)
	Worklist(ctx context.Context, s read.Scope, f read.WorkFilter, at time.Time, p read.Page) (read.List[read.WorkRow], error)
	Imports(ctx context.Context, s read.Scope, p read.Page) (read.List[read.ImportRow], error)
	ImportRejects(ctx context.Context, s read.Scope, id string, p read.Page) (read.List[read.RejectRow], error)
	ReleaseList(ctx context.Context) ([]read.ReleaseRow, error)
	ReleaseDiff(ctx context.Context, before, after string) ([]read.FileChange, error)
	StepCounts(ctx context.Context, s read.Scope, sequence string) ([]read.StepCount, error)
	HealthNumbers(ctx context.Context, s read.Scope, now time.Time) (read.Health, error)
	Unassigned(ctx context.Context, s read.Scope, p read.Page) (read.List[read.InboxRow], error)
	Operating(ctx context.Context, s read.Scope, now time.Time) (read.Operating, error)
	SequenceCounts(ctx context.Context, s read.Scope) ([]read.SequenceCount, error)
	Assignments(ctx context.Context, s read.Scope, limit int) ([]read.Assignment, error)
	Bulks(ctx context.Context, s read.Scope, limit int) ([]read.Bulk, error)
	Bulk(ctx context.Context, s read.Scope, id string) (read.Bulk, error)
	BulkItems(ctx context.Context, s read.Scope, id, state string, after, limit int) ([]read.BulkItem, error)
	Uploads(ctx context.Context, s read.Scope, limit int) ([]read.Upload, error)
	Upload(ctx context.Context, s read.Scope, id string) (read.Upload, error)
	UploadRejects(ctx context.Context, s read.Scope, id string) (name string, body []byte, err error)
	RejectFile(ctx context.Context, s read.Scope, run string) (name string, body []byte, err error)
}

// Switch is a kill switch, on or lifted. Instants are business time.
type Switch struct {
	dunning.Switch
	Reason, By, OffBy, OffReason string
	On, Off                      time.Time // Off zero: not lifted
}

// Activation says that a release was put into force.
type Activation struct {
	Release, By string
	At          time.Time
}

// Violation is something that must not be; ids and codes only.
type Violation struct {
	Kind, Case, Subject, Detail string
	Since                       time.Time
}

// Deps are what the pages work with. All are required.
type Deps struct {
	Read Reader

	Switches  func(ctx context.Context) ([]Switch, error) // on, also those that have expired
	History   func(ctx context.Context, limit int) ([]Switch, error)
	SwitchOn  func(ctx context.Context, s Switch) error
	SwitchOff func(ctx context.Context, s dunning.Switch, at time.Time, by, reason string) error

	// Restored is what the database may have forgotten; EndRestore says that it is put right,
	// anyway: also if the providers were not asked. Errors wrap dunning.ErrConflict.
	Restored   func(ctx context.Context) (read.Restored, error)
	EndRestore func(ctx context.Context, by, reason string, anyway bool) error

	Activations func(ctx context.Context) ([]Activation, error) // in order
	// Activate puts into force again what was in force before, and records it. Where four eyes
	// are required it needs a reason, and somebody else looks at it afterwards.
	Activate func(ctx context.Context, version, by, reason string) error
	Doctor   func(ctx context.Context, now time.Time) ([]Violation, error)
	// Report is a report over a scope, where counting takes long as of some while ago;
	// WholeReport waits for one. Errors are answers (web.AsError).
	Report      func(ctx context.Context, s read.Scope, ask read.ReportAsk) (memo.Answer[read.Table], error)
	WholeReport func(ctx context.Context, s read.Scope, ask read.ReportAsk) (read.Table, error)
	Examined    func(ctx context.Context) (memo.Answer[[]Violation], error) // Doctor, or what it found some while ago where it takes long
	// Replay has unassigned events of the inbox processed again; how many.
	Replay func(ctx context.Context, ids ...int64) (int64, error)
	// Sent is a message exactly as it was handed over; an error that is a sentence when
	// there is no copy.
	Sent func(ctx context.Context, contact string) (dunning.Message, error)

	Desk Desk
	// Temporal is asked within two seconds, whatever it does.
	Temporal func(ctx context.Context, s read.Scope) (Temporal, error)
	Clock    func(ctx context.Context) (Clock, error)
	// Versions are the sequence versions that a release would put into force, by sequence.
	Versions func(ctx context.Context, release string) (map[string]string, error)

	Config  func(ctx context.Context) (*config.Config, error)
	CaseRef func(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// Fold is the account's facts of a case, in their set-up.
	Fold  func(ctx context.Context, ref dunning.CaseRef) (dunning.Facts, error)
	Draft func(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, ch dunning.Channel, template string, at time.Time) (dunning.Message, error)
	Names func(ctx context.Context) (map[string]string, error)
	// Reply is what a debtor wrote, by the id of the contact that was recorded of it. An error:
	// the words are not there, or no longer. nil: of none.
	Reply func(ctx context.Context, id string) (subject, text string, err error)
	// Views are the saved views of a user.
	Views func(ctx context.Context, user string) ([]identity.SavedView, error)
}

// operations is the pages.
type operations struct{ Deps }

// Set is the pages with their rights.
func Set(deps Deps) web.Set {
	pages, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	d := &operations{deps}
	return web.Set{Pages: pages, Nav: nav, Routes: []web.Route{
		{Pattern: "GET /health", Need: identity.Monitor, Handle: d.health},
		{Pattern: "GET /cases", Need: identity.View, Handle: d.cases, Saw: "cases"},
		{Pattern: "POST /cases/bulk/preview", Need: identity.Operate, Handle: d.bulkPreview},
		{Pattern: "POST /cases/bulk", Need: identity.Operate, Handle: d.bulk},
		{Pattern: "GET /bulk", Need: identity.Operate, Handle: d.bulks},
		{Pattern: "GET /bulk/{id}", Need: identity.Operate, Handle: d.bulkOne},
		{Pattern: "POST /cases/bulk/undo/{batch}", Need: identity.Operate, Handle: d.bulkUndo},
		{Pattern: "GET /dead", Need: identity.Monitor, Handle: d.dead, Saw: "dead_letters"},
		{Pattern: "POST /dead", Need: identity.Operate, Handle: d.takeUp},
		{Pattern: "GET /cases/{id}/temporal", Need: identity.Monitor, Handle: d.run},
		{Pattern: "POST /cases/{id}/temporal", Need: identity.Operate, Handle: d.tryNow},
		{Pattern: "GET /messages", Need: identity.View, Handle: d.messages, Saw: "messages"},
		{Pattern: "GET /messages/one", Need: identity.View, Handle: d.message, Saw: "message"},
		{Pattern: "GET /reports", Need: identity.Monitor, Handle: d.reports},
		{Pattern: "GET /reports/{report}", Need: identity.Monitor, Handle: d.report},
		{Pattern: "GET /switches", Need: identity.Monitor, Handle: d.switches},
		{Pattern: "POST /switches", Need: identity.Operate, Handle: d.switchOn},
		{Pattern: "POST /switches/off", Need: identity.Operate, Handle: d.switchOff},
		{Pattern: "POST /switches/restored", Need: identity.Operate, Handle: d.endRestore},
		{Pattern: "GET /releases", Need: identity.Config, Handle: d.releases},
		{Pattern: "GET /releases/{version}", Need: identity.Config, Handle: d.release},
		{Pattern: "POST /releases/{version}/activate", Need: identity.Publish, Handle: d.activate},
		{Pattern: "GET /sequences", Need: identity.Config, Handle: d.sequences},
		{Pattern: "GET /sequences/{id}", Need: identity.Config, Handle: d.sequence},
		{Pattern: "GET /sequences/{id}/migrate", Need: identity.Migrate, Handle: d.migrate},
		{Pattern: "GET /templates", Need: identity.Config, Handle: d.templates},
		{Pattern: "GET /templates/one", Need: identity.Config, Handle: d.template, Saw: "template_preview"},
		{Pattern: "GET /imports", Need: identity.Monitor, Handle: d.imports},
		{Pattern: "POST /uploads", Need: identity.Import, Handle: d.upload, Body: ops.MostUpload + 1<<20},
		{Pattern: "GET /uploads/{id}", Need: identity.Import, Handle: d.uploaded, Saw: "import_upload"},
		{Pattern: "GET /uploads/{id}/rejects", Need: identity.Import, Handle: d.uploadRejects, Saw: "import_rejects"},
		{Pattern: "POST /uploads/{id}/store", Need: identity.Import, Handle: d.storeFile},
		{Pattern: "POST /uploads/{id}/give-up", Need: identity.Import, Handle: d.giveUpFile},
		{Pattern: "GET /imports/{id}", Need: identity.Monitor, Handle: d.rejects, Saw: "import_rejects"},
		{Pattern: "GET /imports/{id}/file", Need: identity.Import, Handle: d.rejectFile, Saw: "import_rejects"},
		{Pattern: "GET /inbox", Need: identity.Monitor, Handle: d.inbox, Saw: "inbox"},
		{Pattern: "POST /inbox/replay", Need: identity.Operate, Handle: d.replay},
		{Pattern: "GET /inbox/{id}", Need: identity.Operate, Handle: d.inboxOne, Saw: "inbox_event"},
		{Pattern: "POST /inbox/{id}/assign", Need: identity.Operate, Handle: d.assign},
		{Pattern: "POST /inbox/assignments/{id}/undo", Need: identity.Operate, Handle: d.unassign},
	}}
}

var nav = []web.Nav{
	{Path: "/cases", Label: "Cases", Group: "Work", Go: "c", Need: identity.View},
	{Path: "/health", Label: "Health", Group: "Operations", Go: "h", Need: identity.Monitor},
	{Path: "/reports", Label: "Reports", Group: "Operations", Go: "z", Need: identity.Monitor},
	{Path: "/messages", Label: "Messages", Group: "Operations", Go: "e", Need: identity.View},
	{Path: "/inbox", Label: "Inbox", Group: "Operations", Go: "n", Need: identity.Monitor},
	{Path: "/dead", Label: "Dead letters", Group: "Operations", Go: "j", Need: identity.Monitor},
	{Path: "/bulk", Label: "Bulk actions", Group: "Operations", Hidden: true, Need: identity.Operate},
	{Path: "/imports", Label: "Imports", Group: "Operations", Go: "i", Need: identity.Monitor},
	{Path: "/switches", Label: "Switches", Group: "Operations", Go: "w", Need: identity.Monitor},
	{Path: "/sequences", Label: "Sequences", Group: "Set-up", Go: "s", Need: identity.Config},
	{Path: "/templates", Label: "Templates", Group: "Set-up", Go: "t", Need: identity.Config},
	{Path: "/releases", Label: "Releases", Group: "Set-up", Go: "l", Need: identity.Config},
}
