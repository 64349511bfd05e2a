package temporalx

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// silentLog keeps the SDK quiet about servers that are meant to be away.
type silentLog struct{}

func (silentLog) Debug(string, ...any) {}
func (silentLog) Info(string, ...any)  {}
func (silentLog) Warn(string, ...any)  {}
func (silentLog) Error(string, ...any) {}

var _ log.Logger = silentLog{}

func TestADeadServerIsAnAnswerInTime(t *testing.T) {
	hung, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := gone.Addr().String()
	gone.Close()
	for about, at := range map[string]string{"nobody listens": address, "it hangs": hung.Addr().String()} {
		t.Run(about, func(t *testing.T) {
			c, err := client.NewLazyClient(client.Options{HostPort: at, Logger: silentLog{}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			f := Ask(ctx, c, Question{Namespace: "default", Workflows: "duly", Activities: []string{"duly-sms"}, Type: "Case"})
			if took := time.Since(began); took > 8*time.Second { // the SDK's own time-out is 10 s
				t.Errorf("it took %s", took)
			}
			want := []string{"ended", "namespace", "queue duly activity", "queue duly workflow", "queue duly-sms activity", "running"}
			if f.Reachable || !slices.Equal(f.Missing, want) {
				t.Errorf("%+v, want nothing answered and %v missing", f, want)
			}
		})
	}
}

func TestAQuestionThatHangsIsLeftBehind(t *testing.T) {
	ctx, patienceEnds := context.WithCancel(t.Context())
	defer patienceEnds()
	release := make(chan struct{})
	defer close(release)
	f := gather(ctx, map[string]func(context.Context) (func(*Facts), error){
		// Nobody waits longer once the quick one is taken, however slow this machine is.
		"quick": func(context.Context) (func(*Facts), error) {
			return func(f *Facts) { f.Running = 7; patienceEnds() }, nil
		},
		"broken": func(context.Context) (func(*Facts), error) { return nil, errors.New("refused") },
		"hangs": func(context.Context) (func(*Facts), error) {
			<-release // and does not look at its context
			return func(f *Facts) { f.Running = 8 }, nil
		},
	})
	if f.Running != 7 || !slices.Equal(f.Missing, []string{"broken", "hangs"}) {
		t.Errorf("%+v", f)
	}
}

func TestUnhealed(t *testing.T) {
	run := func(id, run string, s enums.WorkflowExecutionStatus, closed int64) *workflow.WorkflowExecutionInfo {
		return &workflow.WorkflowExecutionInfo{
			Execution: &common.WorkflowExecution{WorkflowId: id, RunId: run}, Status: s, CloseTime: timestamppb.New(time.Unix(closed, 0)),
		}
	}
	failed, ended := enums.WORKFLOW_EXECUTION_STATUS_FAILED, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED
	bad := []*workflow.WorkflowExecutionInfo{run("case/a", "1", failed, 10), run("case/b", "2", ended, 30), run("case/a", "3", ended, 20), run("case/c", "4", failed, 40)}
	alive := []*workflow.WorkflowExecutionInfo{run("case/c", "5", enums.WORKFLOW_EXECUTION_STATUS_RUNNING, 0)}
	got := unhealed(bad, alive)
	if len(got) != 2 || got[0].Workflow != "case/b" || got[1].Run != "3" || got[0].Status != "Terminated" {
		t.Errorf("%+v; want b, then the latest end of a, and not c, which runs again", got)
	}
}
