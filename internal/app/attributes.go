package app

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/duly/duly/workflows"
)

// ensureSearchAttributes registers the two search attributes where they are missing: a
// start that names an unregistered one fails. On Temporal Cloud they are made beforehand
// and listing them is not permitted; then the first start tells.
func ensureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil
	}
	missing := map[string]enums.IndexedValueType{}
	for name, t := range map[string]enums.IndexedValueType{
		workflows.Phase.GetName(): enums.INDEXED_VALUE_TYPE_KEYWORD, workflows.NextAt.GetName(): enums.INDEXED_VALUE_TYPE_DATETIME,
	} {
		if _, ok := have.CustomAttributes[name]; !ok {
			missing[name] = t
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("%w (%s)", ErrNotRegistered, kindOf(err))
	}
	return nil
}
