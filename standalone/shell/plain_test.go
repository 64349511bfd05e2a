package shell

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/workflows"
)

// plain is a history with its payloads decrypted: for looking into it, and as a fixture
// that needs no key.
func (b *bench) plain(h *history.History) *history.History {
	b.t.Helper()
	c := codec.New(b.keys)
	err := proxy.VisitPayloads(b.t.Context(), h, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, p []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return c.Decode(p)
		},
	})
	b.must(err)
	return h
}

// deletion asks Temporal to forget a case.
func deletion(b *bench, id string) *workflowservice.DeleteWorkflowExecutionRequest {
	return &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: b.site.Temporal().Namespace(), WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflows.CaseID(id)},
	}
}
