package temporalx

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	taskqueue "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Facts are what a Temporal server says of itself, for a health page: codes, counts and
// ids only. Instants are the server's (wall time, UTC).
type Facts struct {
	Reachable bool
	// Missing names the questions that were not answered in time, sorted: "queue duly".
	Missing []string
	Queues  []Queue
	Running int64  // workflows of the asked type
	Ended   []Dead // unhealed ones, the latest first
	Asked   time.Time
}

// Queue is a task queue with who polls it. Age is how long its oldest task waits.
type Queue struct {
	Name, Kind string // Kind: workflow, activity
	Pollers    []Poller
	Backlog    int64
	Age        time.Duration
}

// Poller is a process that takes tasks of a queue.
type Poller struct {
	Identity string
	Last     time.Time
}

// Dead is a workflow that failed, timed out or was terminated, and of whose id no other
// run goes on.
type Dead struct {
	Workflow, Run, Status string // Status: Failed, TimedOut, Terminated
	Closed                time.Time
}

// Question is what Ask wants to know.
type Question struct {
	Namespace string
	// Workflows is the task queue that runs workflows, and activities; Activities are
	// queues with activities only.
	Workflows  string
	Activities []string
	Type       string // of the workflows that are counted
}

// deadPage bounds how many ended workflows are looked at.
const deadPage = 100

// Ask puts all questions at once and waits until ctx ends at the latest: what has not been
// answered by then is Missing. It never fails: not to be reachable is an answer.
func Ask(ctx context.Context, c client.Client, q Question) Facts {
	a := &asking{c: c.WorkflowService(), q: q}
	questions := map[string]func(context.Context) (func(*Facts), error){
		"namespace": a.namespace,
		"running":   a.running,
		"ended":     a.ended,
	}
	for _, u := range q.queues() {
		questions["queue "+u.Name+" "+u.Kind] = func(ctx context.Context) (func(*Facts), error) { return a.queue(ctx, u) }
	}
	return gather(ctx, questions)
}

// gather runs questions and takes what comes in time. A question that hangs beyond the
// context is left behind.
func gather(ctx context.Context, questions map[string]func(context.Context) (func(*Facts), error)) (f Facts) {
	var (
		mu   sync.Mutex
		open = map[string]bool{}
		wg   sync.WaitGroup
	)
	for name := range questions {
		open[name] = true
	}
	for name, ask := range questions {
		wg.Go(func() {
			put, err := ask(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && ctx.Err() == nil {
				delete(open, name)
				put(&f)
			}
		})
	}
	all := make(chan struct{})
	go func() { wg.Wait(); close(all) }()
	select {
	case <-all:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	out := f
	out.Queues, out.Ended = slices.Clone(f.Queues), slices.Clone(f.Ended)
	for name := range open {
		out.Missing = append(out.Missing, name)
	}
	slices.Sort(out.Missing)
	slices.SortFunc(out.Queues, func(a, b Queue) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), -cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

// queues are those asked about, each with its kind.
func (q Question) queues() []Queue {
	out := []Queue{{Name: q.Workflows, Kind: "workflow"}, {Name: q.Workflows, Kind: "activity"}}
	for _, name := range q.Activities {
		out = append(out, Queue{Name: name, Kind: "activity"})
	}
	return out
}

// asking are the questions to one server.
type asking struct {
	c workflowservice.WorkflowServiceClient
	q Question
}

func (a *asking) namespace(ctx context.Context) (func(*Facts), error) {
	_, err := a.c.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: a.q.Namespace})
	return func(f *Facts) { f.Reachable = true }, err
}

func (a *asking) queue(ctx context.Context, q Queue) (func(*Facts), error) {
	kind := enums.TASK_QUEUE_TYPE_ACTIVITY
	if q.Kind == "workflow" {
		kind = enums.TASK_QUEUE_TYPE_WORKFLOW
	}
	res, err := a.c.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: a.q.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: q.Name, Kind: enums.TASK_QUEUE_KIND_NORMAL}, TaskQueueType: kind, ReportStats: true,
	})
	if err != nil {
		return nil, err
	}
	for _, p := range res.GetPollers() {
		q.Pollers = append(q.Pollers, Poller{Identity: p.GetIdentity(), Last: p.GetLastAccessTime().AsTime()})
	}
	slices.SortFunc(q.Pollers, func(a, b Poller) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Identity, b.Identity)) })
	q.Backlog, q.Age = res.GetStats().GetApproximateBacklogCount(), res.GetStats().GetApproximateBacklogAge().AsDuration()
	return func(f *Facts) { f.Queues = append(f.Queues, q) }, nil
}

func (a *asking) running(ctx context.Context) (func(*Facts), error) {
	res, err := a.c.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: a.q.Namespace, Query: "WorkflowType = '" + a.q.Type + "' AND ExecutionStatus = 'Running'",
	})
	return func(f *Facts) { f.Running = res.GetCount() }, err
}

// ended finds workflows that came to a bad end and of whose id nothing runs now.
func (a *asking) ended(ctx context.Context) (func(*Facts), error) {
	bad, err := a.list(ctx, "WorkflowType = '"+a.q.Type+"' AND ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')")
	if err != nil || len(bad) == 0 {
		return func(*Facts) {}, err
	}
	var ids []string
	for _, w := range bad {
		ids = append(ids, "'"+strings.ReplaceAll(w.GetExecution().GetWorkflowId(), "'", "")+"'")
	}
	slices.Sort(ids)
	alive, err := a.list(ctx, "ExecutionStatus = 'Running' AND WorkflowId IN ("+strings.Join(slices.Compact(ids), ", ")+")")
	if err != nil {
		return nil, err
	}
	dead := unhealed(bad, alive)
	return func(f *Facts) { f.Ended = dead }, nil
}

func (a *asking) list(ctx context.Context, query string) ([]*workflow.WorkflowExecutionInfo, error) {
	res, err := a.c.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: a.q.Namespace, Query: query, PageSize: deadPage})
	return res.GetExecutions(), err
}

// unhealed are the latest bad ends of workflows of which nothing runs, the latest first.
func unhealed(bad, alive []*workflow.WorkflowExecutionInfo) []Dead {
	runs := map[string]bool{}
	for _, w := range alive {
		runs[w.GetExecution().GetWorkflowId()] = true
	}
	var out []Dead
	for _, w := range bad {
		out = append(out, Dead{w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId(), w.GetStatus().String(), w.GetCloseTime().AsTime()})
	}
	slices.SortFunc(out, func(a, b Dead) int { return cmp.Or(b.Closed.Compare(a.Closed), cmp.Compare(a.Workflow, b.Workflow)) })
	return slices.DeleteFunc(out, func(d Dead) bool {
		if runs[d.Workflow] {
			return true
		}
		runs[d.Workflow] = true // an earlier bad end of the same workflow
		return false
	})
}
