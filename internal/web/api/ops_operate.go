package api

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/ops"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/temporalx"
	"github.com/duly/duly/internal/web"
)

// Operator is what operations do; *app.Desk is one, and the console's pages call the same.
// Each asks for the rights of who does it, and records what was done.
type Operator interface {
	Event(ctx context.Context, who identity.Principal, id int64, query string) (read.InboxDetail, error)
	Assign(ctx context.Context, who identity.Principal, in read.Assign) (read.Assignment, error)
	Unassign(ctx context.Context, who identity.Principal, id, reason string) (read.Assignment, error)
	DeadLetters(ctx context.Context, who identity.Principal, kinds []string, p read.Page) (read.List[read.DeadRow], error)
	TakeUp(ctx context.Context, who identity.Principal, kind, subject, action, reason string) error
	TryBulk(ctx context.Context, who identity.Principal, action string, params map[string]string, cases []string) ([]ops.BulkSample, error)
	TryMigration(ctx context.Context, who identity.Principal, params map[string]string, cases []string) (ops.MigrationTrial, error)
	SequenceVersions(ctx context.Context, sequence string) ([]string, error)
	Mappings(ctx context.Context) ([]ops.Mapping, error)
	TakeFile(ctx context.Context, who identity.Principal, name, mapping, creditor string, body io.Reader) (read.Upload, error)
	StoreFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error)
	GiveUpFile(ctx context.Context, who identity.Principal, id string) (read.Upload, error)

	// CaseRun is what Temporal has to do for a case; not configured: false.
	CaseRun(ctx context.Context, who identity.Principal, caseID string) (run temporalx.Run, configured bool, err error)
	TryNow(ctx context.Context, who identity.Principal, caseID, activity string) error
	// Temporal is what is known of the Temporal server; not configured: false.
	Temporal(ctx context.Context, s read.Scope) (temporalx.Facts, bool, error)
	Operating(ctx context.Context, s read.Scope) (read.Operating, error)
	Report(ctx context.Context, s read.Scope, ask read.ReportAsk) (read.Table, error)
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

// SystemState is how the system does, beside getHealth.
type SystemState struct {
	read.Operating
	// Temporal is left out when the console was told of none.
	Temporal *TemporalState `json:"temporal,omitempty"`
}

// TemporalState is what a Temporal server says of itself.
type TemporalState struct {
	Reachable bool         `json:"reachable"`
	Missing   []string     `json:"missing,omitempty"` // questions that were not answered in time
	Running   int64        `json:"running"`
	Queues    []QueueState `json:"queues"`
	Ended     []EndedCase  `json:"ended"` // cases whose workflow ended badly and was not started again
}

// QueueState is a task queue.
type QueueState struct {
	Name          string   `json:"name"`
	Kind          string   `json:"kind"`
	Pollers       []string `json:"pollers"`
	Backlog       int64    `json:"backlog"`
	OldestSeconds int64    `json:"oldest_seconds"`
}

// EndedCase is a case whose workflow ended badly.
type EndedCase struct {
	Case   string `json:"case"`
	Status string `json:"status"`
}

// AssignOrder says whom an event belongs to: an account, the account of a case, or nobody.
type AssignOrder struct {
	Account string `json:"account,omitempty"`
	Case    string `json:"case,omitempty"`
	Item    string `json:"item,omitempty" jsonschema_description:"key of the invoice that a payment is for; none: the oldest first"`
	Foreign bool   `json:"foreign,omitempty" jsonschema_description:"it is not ours"`
	Reason  string `json:"reason,omitempty" jsonschema:"maxLength=500" jsonschema_description:"needed with foreign"`
}

// ReasonOrder is why something is done.
type ReasonOrder struct {
	Reason string `json:"reason" jsonschema:"minLength=3,maxLength=500"`
}

// DeadOrder takes a dead letter up.
type DeadOrder struct {
	Kind    string `json:"kind" jsonschema:"enum=unknown,enum=failed,enum=stuck,enum=workflow,enum=inbox,enum=hook"`
	Subject string `json:"subject" jsonschema:"maxLength=500"`
	Do      string `json:"do" jsonschema:"enum=retry,enum=skip,enum=sent,enum=not_sent"`
	Reason  string `json:"reason,omitempty" jsonschema:"maxLength=500" jsonschema_description:"needed unless it is tried again"`
}

// DeadTaken says what was done and what it does not repeat.
type DeadTaken struct {
	Said string `json:"said"`
}

// BulkTrial is a bulk action that is tried at some cases.
type BulkTrial struct {
	Action string            `json:"action" jsonschema:"enum=hold,enum=lift,enum=dispute,enum=note,enum=message,enum=migrate"`
	With   map[string]string `json:"with,omitempty" jsonschema_description:"until and kind of a hold, kind of holds to lift, text of a note, channel and template of a message, sequence, version and reason of a migration"`
	Cases  []string          `json:"cases" jsonschema:"minItems=1,maxItems=50"`
}

// RejectedFile is rejected rows in the columns of their file; what is no text in UTF-8 is
// replaced.
type RejectedFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func (h handlers) operate() []Operation {
	return []Operation{
		{Method: "GET", Path: "/health/system", ID: "getSystemState", Tag: "about", Summary: "Temporal, workers, channels, database: is anything stuck?", Need: identity.Monitor, Result: SystemState{}, Handle: h.systemState},
		{Method: "GET", Path: "/dead-letters", ID: "listDeadLetters", Saw: "dead_letters", Tag: "operations", Summary: "What was tried and came to no end, the oldest first", Need: identity.Monitor, Query: append([]Param{{Name: "kind", Type: "string", Enum: []string{read.DeadUnknown, read.DeadFailed, read.DeadStuck, read.DeadInbox, read.DeadHook}}}, paging...), Result: read.List[read.DeadRow]{}, Handle: h.deadLetters},
		{Method: "POST", Path: "/dead-letters/take-up", ID: "takeUpDeadLetter", Tag: "operations", Summary: "Try a dead letter again, or skip it; the answer says what is not repeated", Need: identity.Operate, Body: DeadOrder{}, Result: DeadTaken{}, Handle: h.takeUpDead},
		{Method: "GET", Path: "/inbox/{id}", ID: "getInboxEvent", Saw: "inbox_event", Tag: "inbox", Summary: "An event with what it says and whom it may belong to", Need: identity.Operate, Query: []Param{{Name: "q", Type: "string", Description: "look for accounts by name, number, invoice or amount"}}, Result: read.InboxDetail{}, Handle: h.inboxEvent},
		{Method: "POST", Path: "/inbox/{id}/assign", ID: "assignInboxEvent", Tag: "inbox", Summary: "Assign an event to an account, or mark it as not ours", Need: identity.Operate, Body: AssignOrder{}, Result: read.Assignment{}, Handle: h.assignEvent},
		{Method: "GET", Path: "/assignments", ID: "listAssignments", Tag: "inbox", Summary: "Events that people have assigned, the newest first", Need: identity.Operate, Query: paging, Result: read.List[read.Assignment]{}, Handle: h.assignments},
		{Method: "POST", Path: "/assignments/{id}/undo", ID: "undoAssignment", Tag: "inbox", Summary: "Take an assignment back: a payment is reversed, the event waits again", Need: identity.Operate, Body: ReasonOrder{}, Result: read.Assignment{}, Handle: h.undoAssignment},
		{Method: "POST", Path: "/bulk/try", ID: "tryBulk", Tag: "bulk", Summary: "What a bulk action would come to at some cases; nothing is stored", Need: identity.Operate, Body: BulkTrial{}, Result: []ops.BulkSample{}, Repeats: true, Handle: h.tryBulk},
		{Method: "GET", Path: "/bulk", ID: "listBulk", Tag: "bulk", Summary: "Bulk actions, the newest first", Need: identity.Operate, Query: paging, Result: read.List[read.Bulk]{}, Handle: h.listBulk},
		{Method: "GET", Path: "/bulk/{batch}", ID: "getBulk", Tag: "bulk", Summary: "A bulk action with how far it is", Need: identity.Operate, Result: read.Bulk{}, Handle: h.getBulk},
		{Method: "GET", Path: "/bulk/{batch}/cases", ID: "listBulkCases", Tag: "bulk", Summary: "What became of the cases of a bulk action", Need: identity.Operate, Query: append([]Param{{Name: "state", Type: "string", Enum: []string{"waiting", "done", "same", "refused", "dropped", "undone", "kept"}}}, paging...), Result: read.List[read.BulkItem]{}, Handle: h.bulkCases},
		{Method: "GET", Path: "/mappings", ID: "listMappings", Tag: "imports", Summary: "Ways to read files that the published configuration has", Need: identity.Import, Query: paging, Result: read.List[ops.Mapping]{}, Handle: h.mappings},
		{Method: "GET", Path: "/uploads", ID: "listUploads", Tag: "imports", Summary: "Uploaded files that are on their way", Need: identity.Import, Query: paging, Result: read.List[read.Upload]{}, Handle: h.uploads},
		{Method: "POST", Path: "/uploads", ID: "uploadFile", Tag: "imports", Summary: "Upload a file and have it checked; nothing of it is stored yet", Need: identity.Import, Query: []Param{
			{Name: "name", Type: "string", Description: "of the file"}, {Name: "mapping", Type: "string", Description: "required"}, {Name: "creditor", Type: "string", Description: "required"},
		}, Raw: "text/csv", MaxBody: ops.MostUpload + 1, Result: read.Upload{}, Handle: h.uploadFile},
		{Method: "GET", Path: "/uploads/{id}", ID: "getUpload", Saw: "import_upload", Tag: "imports", Summary: "An uploaded file with what checking or storing it came to", Need: identity.Import, Result: read.Upload{}, Handle: h.upload},
		{Method: "GET", Path: "/uploads/{id}/rejects", ID: "getUploadRejects", Saw: "import_rejects", Tag: "imports", Summary: "Rejected rows of an uploaded file, in its own columns", Need: identity.Import, Result: RejectedFile{}, Handle: h.uploadRejects},
		{Method: "POST", Path: "/uploads/{id}/store", ID: "storeUpload", Tag: "imports", Summary: "Take a checked file in", Need: identity.Import, Result: read.Upload{}, Handle: h.storeUpload},
		{Method: "POST", Path: "/uploads/{id}/give-up", ID: "giveUpUpload", Tag: "imports", Summary: "Wipe an uploaded file", Need: identity.Import, Result: read.Upload{}, Handle: h.giveUpUpload},
		{Method: "GET", Path: "/imports/{id}/rejects/file", ID: "getRejectFile", Saw: "import_rejects", Tag: "imports", Summary: "Rejected rows of an import, in the columns of its file", Need: identity.Import, Result: RejectedFile{}, Handle: h.rejectFile},
		{Method: "GET", Path: "/sequence-versions", ID: "listSequenceVersions", Tag: "configuration", Summary: "How many open cases follow which version of which sequence", Need: identity.Config, Query: paging, Result: read.List[read.SequenceCount]{}, Handle: h.sequenceVersions},
	}
}

func (h handlers) systemState(c *Call) (any, error) {
	var out SystemState
	var err error
	if out.Operating, err = h.Operator.Operating(c.R.Context(), c.Scope()); err != nil {
		return nil, err
	}
	f, ok, err := h.Operator.Temporal(c.R.Context(), c.Scope())
	if err != nil || !ok {
		return out, err
	}
	t := &TemporalState{Reachable: f.Reachable, Missing: f.Missing, Running: f.Running, Queues: []QueueState{}, Ended: []EndedCase{}}
	for _, q := range f.Queues {
		s := QueueState{Name: q.Name, Kind: q.Kind, Pollers: []string{}, Backlog: q.Backlog, OldestSeconds: int64(q.Age.Seconds())}
		for _, p := range q.Pollers {
			s.Pollers = append(s.Pollers, p.Identity)
		}
		t.Queues = append(t.Queues, s)
	}
	for _, e := range f.Ended {
		t.Ended = append(t.Ended, EndedCase{e.Workflow, e.Status})
	}
	out.Temporal = t
	return out, nil
}

func (h handlers) deadLetters(c *Call) (any, error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return nil, err
	}
	var kinds []string
	if k := c.Query("kind"); k != "" {
		kinds = []string{k}
	}
	return listed(h.Operator.DeadLetters(c.R.Context(), c.Who, kinds, p))
}

func (h handlers) takeUpDead(c *Call) (any, error) {
	var in DeadOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if err := h.Operator.TakeUp(c.R.Context(), c.Who, in.Kind, in.Subject, in.Do, in.Reason); err != nil {
		return nil, err
	}
	return DeadTaken{ops.DeadWords(in.Kind, in.Do)}, nil
}

func eventOf(c *Call) (int64, error) {
	id, err := strconv.ParseInt(c.R.PathValue("id"), 10, 64)
	if err != nil {
		return 0, web.NotFound("This event")
	}
	return id, nil
}

func (h handlers) inboxEvent(c *Call) (any, error) {
	id, err := eventOf(c)
	if err != nil {
		return nil, err
	}
	return h.Operator.Event(c.R.Context(), c.Who, id, c.Query("q"))
}

func (h handlers) assignEvent(c *Call) (any, error) {
	id, err := eventOf(c)
	if err != nil {
		return nil, err
	}
	var in AssignOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return h.Operator.Assign(c.R.Context(), c.Who, read.Assign{Event: id, Account: in.Account, Case: in.Case, Item: in.Item, Foreign: in.Foreign, Reason: in.Reason})
}

// shownAtMost bounds lists that are kept whole in memory.
const shownAtMost = 1000

func (h handlers) assignments(c *Call) (any, error) {
	all, err := h.Operator.Assignments(c.R.Context(), c.Scope(), shownAtMost)
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(a read.Assignment) string { return a.ID })
}

func (h handlers) undoAssignment(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This assignment")
	if err != nil {
		return nil, err
	}
	var in ReasonOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return h.Operator.Unassign(c.R.Context(), c.Who, id, in.Reason)
}

func (h handlers) tryBulk(c *Call) (any, error) {
	var in BulkTrial
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	for _, id := range in.Cases {
		ref, err := h.CaseRef(c.R.Context(), id)
		if err != nil {
			return nil, web.NotFound("One of the cases")
		}
		if err := c.Require(ref.Creditor, "One of the cases"); err != nil {
			return nil, err
		}
	}
	tried, err := h.Operator.TryBulk(c.R.Context(), c.Who, in.Action, in.With, in.Cases)
	return append([]ops.BulkSample{}, tried...), err
}

func (h handlers) listBulk(c *Call) (any, error) {
	all, err := h.Operator.Bulks(c.R.Context(), c.Scope(), shownAtMost)
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(b read.Bulk) string { return b.ID })
}

func (h handlers) getBulk(c *Call) (any, error) {
	return h.Operator.Bulk(c.R.Context(), c.Scope(), c.R.PathValue("batch"))
}

func (h handlers) bulkCases(c *Call) (any, error) {
	b, err := h.Operator.Bulk(c.R.Context(), c.Scope(), c.R.PathValue("batch"))
	if err != nil {
		return nil, err
	}
	all, err := h.Operator.BulkItems(c.R.Context(), c.Scope(), b.ID, c.Query("state"), 0, ops.MostBulk)
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(i read.BulkItem) string { return i.Case })
}

func (h handlers) mappings(c *Call) (any, error) {
	all, err := h.Operator.Mappings(c.R.Context())
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(m ops.Mapping) string { return m.Name })
}

func (h handlers) uploads(c *Call) (any, error) {
	all, err := h.Operator.Uploads(c.R.Context(), c.Scope(), shownAtMost)
	if err != nil {
		return nil, err
	}
	return paged(c, all, func(u read.Upload) string { return u.ID })
}

func (h handlers) upload(c *Call) (any, error) {
	return h.Operator.Upload(c.R.Context(), c.Scope(), c.R.PathValue("id"))
}

func (h handlers) uploadFile(c *Call) (any, error) {
	q := c.R.URL.Query()
	if err := c.Require(q.Get("creditor"), "This creditor"); err != nil {
		return nil, err
	}
	return h.Operator.TakeFile(c.R.Context(), c.Who, q.Get("name"), q.Get("mapping"), q.Get("creditor"), c.R.Body)
}

func (h handlers) storeUpload(c *Call) (any, error) {
	return h.Operator.StoreFile(c.R.Context(), c.Who, c.R.PathValue("id"))
}

func (h handlers) giveUpUpload(c *Call) (any, error) {
	return h.Operator.GiveUpFile(c.R.Context(), c.Who, c.R.PathValue("id"))
}

func (h handlers) uploadRejects(c *Call) (any, error) {
	name, body, err := h.Operator.UploadRejects(c.R.Context(), c.Scope(), c.R.PathValue("id"))
	return rejected(name+".rejects.csv", body), err
}

func (h handlers) rejectFile(c *Call) (any, error) {
	name, body, err := h.Operator.RejectFile(c.R.Context(), c.Scope(), c.R.PathValue("id"))
	return rejected(name, body), err
}

func rejected(name string, body []byte) RejectedFile {
	return RejectedFile{Name: name, Text: strings.ToValidUTF8(string(body), "\uFFFD")}
}

func (h handlers) sequenceVersions(c *Call) (any, error) {
	all, err := h.Operator.SequenceCounts(c.R.Context(), c.Scope())
	if err != nil {
		return nil, err
	}
	return paged(c, slices.Clone(all), func(s read.SequenceCount) string { return s.Sequence + "/" + s.Version })
}
