package temporalserver

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// SearchAttributes that Duly's workflows set: where a case stands and when it is
// looked at next. They are never encrypted, so there are no others.
func SearchAttributes() map[string]enums.IndexedValueType {
	return map[string]enums.IndexedValueType{
		"DulyPhase":  enums.INDEXED_VALUE_TYPE_KEYWORD,
		"DulyNextAt": enums.INDEXED_VALUE_TYPE_DATETIME,
	}
}

// bootstrap registers namespace and attributes and waits until queries know them.
// Each step is repeated until it works: the services come up one after another.
func (s *Server) bootstrap(ctx context.Context) error {
	c, err := client.NewLazyClient(client.Options{HostPort: s.HostPort(), Namespace: s.opts.Namespace, Logger: silent{}})
	if err != nil {
		return fmt.Errorf("client for the embedded Temporal server: %w", err)
	}
	defer c.Close()
	for _, step := range []struct {
		what string
		do   func(context.Context, client.Client) error
	}{
		{"registering namespace " + s.opts.Namespace, s.registerNamespace},
		{"registering search attributes", s.registerAttributes},
		{"waiting for the search attributes", s.probe},
	} {
		if err := retry(ctx, func() error { return step.do(ctx, c) }); err != nil {
			return fmt.Errorf("embedded Temporal server (its log: %s): %s: %w", orNone(s.opts.LogFile), step.what, err)
		}
	}
	return nil
}

func (s *Server) registerNamespace(ctx context.Context, c client.Client) error {
	_, err := c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        s.opts.Namespace,
		WorkflowExecutionRetentionPeriod: durationpb.New(s.opts.Retention),
	})
	if exists := (*serviceerror.NamespaceAlreadyExists)(nil); errors.As(err, &exists) {
		return nil
	}
	return err
}

func (s *Server) registerAttributes(ctx context.Context, c client.Client) error {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.opts.Namespace})
	if err != nil {
		return err
	}
	missing := SearchAttributes()
	for name := range have.GetCustomAttributes() {
		delete(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: s.opts.Namespace, SearchAttributes: missing,
	})
	return err
}

// probe asks a question that only a frontend which knows the attributes can answer.
func (s *Server) probe(ctx context.Context, c client.Client) error {
	_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: s.opts.Namespace,
		Query:     `DulyPhase = "probe" AND DulyNextAt < "2000-01-01T00:00:00Z"`,
	})
	return err
}

// silent drops what the bootstrap's own client would log.
type silent struct{}

var _ sdklog.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
