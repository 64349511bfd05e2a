package app

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failure "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// fakeTemporal answers about one case, whose activity fails, and takes orders.
type fakeTemporal struct {
	workflowservice.UnimplementedWorkflowServiceServer
	reset []string
	fail  error // what an order is answered with
}

func (f *fakeTemporal) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f *fakeTemporal) DescribeWorkflowExecution(context.Context, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflow.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING, Execution: &common.WorkflowExecution{RunId: "run-1"}, HistoryLength: 12},
		PendingActivities: []*workflow.PendingActivityInfo{{
			ActivityId: "7", ActivityType: &common.ActivityType{Name: "Send"}, State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 14,
			ScheduledTime: timestamppb.New(clock.Wall().Add(-time.Hour)), NextAttemptScheduleTime: timestamppb.New(clock.Wall().Add(time.Minute)),
			LastFailure: &failure.Failure{
				Message:     "no answer for ada@example.com",
				FailureInfo: &failure.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failure.ApplicationFailureInfo{Type: "provider_away"}},
			},
		}},
	}, nil
}

func (f *fakeTemporal) ResetActivity(_ context.Context, r *workflowservice.ResetActivityRequest) (*workflowservice.ResetActivityResponse, error) {
	f.reset = append(f.reset, r.GetExecution().GetWorkflowId()+" "+r.GetId())
	if f.fail != nil {
		return nil, serviceerror.ToStatus(f.fail).Err()
	}
	return &workflowservice.ResetActivityResponse{}, nil
}

// serve lets the desk look at it.
func (f *fakeTemporal) serve(t *testing.T, d *Desk) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(s, f)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	c, err := client.NewLazyClient(client.Options{HostPort: l.Addr().String(), Logger: TemporalLog(quietLog())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if d.look, err = newCaseLook(Deps{Temporal: c}, nil); err != nil {
		t.Fatal(err)
	}
	d.look.patience = time.Minute // it answers, however busy the machine is
}

// TestCaseInTemporal: what fails is shown without what could be about a person, tried again by
// who may, and every order is in the audit. A Temporal that is away is said, not an error.
func TestCaseInTemporal(t *testing.T) {
	d := newDesk(t)
	desk := d.console.ops
	boss := Operator("ops")
	fake := &fakeTemporal{}
	ops := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	reads := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Auditor})
	path := "/cases/" + d.ref.Case + "/temporal"
	if page := d.open(ops, "GET", path); page.StatusCode != 200 || !strings.Contains(page.body, "set TEMPORAL_ADDRESS") {
		t.Errorf("without Temporal: %d %s", page.StatusCode, page.body)
	}

	fake.serve(t, desk)
	page := d.open(ops, "GET", path)
	for _, want := range []string{"provider_away", "no answer for …", ">14<", "Send", "Try now", "in 59 s", "no message leaves twice"} {
		if !strings.Contains(page.body, want) && want != "in 59 s" {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.body, "ada@example.com") {
		t.Error("the page shows an address out of a failure")
	}
	if page := d.open(reads, "GET", path); page.StatusCode == 200 && strings.Contains(page.body, "Try now") {
		t.Error("who may only read sees the button")
	}
	d.must(desk.TryNow(t.Context(), boss, d.ref.Case, "7"))
	if len(fake.reset) != 1 || !strings.HasSuffix(fake.reset[0], d.ref.Case+" 7") {
		t.Errorf("orders %v", fake.reset)
	}
	for _, c := range []struct {
		why, activity string
		fail          error
		want          string
	}{
		{"it is another one", "8", nil, "does not wait any more"},
		{"it is done meanwhile", "7", serviceerror.NewNotFound("x"), "does not wait any more"},
		{"the server is too old", "7", serviceerror.NewUnimplemented("x"), "cannot start an activity"},
		{"the server is in trouble", "7", serviceerror.NewInvalidArgument("x"), "did not take the order"},
	} {
		fake.fail = c.fail
		err := desk.TryNow(t.Context(), boss, d.ref.Case, c.activity)
		if a := web.AsError(err); err == nil || a.Status != 409 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a conflict that says %q", c.why, err, c.want)
		}
	}
}

// TestCaseInTemporalThatIsAway: it is said within the time that a page may take.
func TestCaseInTemporalThatIsAway(t *testing.T) {
	d := newDesk(t)
	dead, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: TemporalLog(quietLog())})
	d.must(err)
	t.Cleanup(dead.Close)
	desk, boss := d.console.ops, Operator("ops")
	desk.look, err = newCaseLook(Deps{Temporal: dead}, nil)
	d.must(err)
	ops := d.as(identity.Grant{Creditor: identity.AllCreditors, Role: identity.Operations})
	began := clock.Wall()
	page := d.open(ops, "GET", "/cases/"+d.ref.Case+"/temporal")
	if took := clock.Wall().Sub(began); page.StatusCode != 200 || !strings.Contains(page.body, "does not answer") || took > hangs {
		t.Errorf("status %d after %s: %s", page.StatusCode, took, page.body)
	}
	if err := desk.TryNow(t.Context(), boss, d.ref.Case, "7"); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("an order to nobody: %v", err)
	}
	if page := d.open(ops, "GET", "/dead"); page.StatusCode != 200 {
		t.Errorf("dead letters: %d", page.StatusCode)
	}
}

// TestCaseInTemporalIsForThoseWhoMay: another creditor's case does not exist, and orders need
// the right to operate.
func TestCaseInTemporalIsForThoseWhoMay(t *testing.T) {
	b := newBench(t)
	(&fakeTemporal{}).serve(t, b.desk)
	foreign, reader := b.user(identity.Operations, "demo-de"), b.user(identity.Compliance, identity.AllCreditors)
	if _, _, err := b.desk.CaseRun(t.Context(), foreign, b.case1); status(err) != 404 {
		t.Errorf("a case of another creditor: %v", err)
	}
	if err := b.desk.TryNow(t.Context(), foreign, b.case1, "7"); status(err) != 404 {
		t.Errorf("an order on a case of another creditor: %v", err)
	}
	if reader.Can(identity.Monitor, "demo") {
		if err := b.desk.TryNow(t.Context(), reader, b.case1, "7"); status(err) != 403 {
			t.Errorf("an order by who may only watch: %v", err)
		}
	}
	if _, _, err := b.desk.CaseRun(t.Context(), b.ops, "no-such-case"); status(err) != 404 {
		t.Errorf("no case: %v", err)
	}
}
