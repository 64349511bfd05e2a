package api

import (
	"context"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Restores puts right what a restored database has forgotten.
type Restores interface {
	Status(ctx context.Context) (read.Restored, error)
	// Done says that all is put right; anyway: also if the providers were not asked.
	Done(ctx context.Context, by, reason string, anyway bool) error
}

// RestoreOrder says that a restore is put right.
type RestoreOrder struct {
	Reason string `json:"reason" jsonschema:"minLength=1,maxLength=2000"`
	Anyway bool   `json:"anyway,omitempty" jsonschema_description:"also if the providers were not asked (duly restore reconcile)"`
}

func (h handlers) restores() []Operation {
	return []Operation{
		{Method: "GET", Path: "/restores", ID: "getRestores", Tag: "switches", Summary: "Whether the database was restored, what it may have forgotten, and what is left to do", Need: identity.Monitor, Result: read.Restored{}, Handle: h.restored},
		{Method: "POST", Path: "/restores/done", ID: "endRestore", Tag: "switches", Summary: "Say that what a restored database had forgotten is put right; lifts no switch", Need: identity.Operate, Body: RestoreOrder{}, Result: read.Restored{}, Handle: h.endRestore},
	}
}

// restored leaves the single contacts to those who may see all creditors'.
func (h handlers) restored(c *Call) (any, error) {
	s, err := h.Restores.Status(c.R.Context())
	if !c.Who.Can(c.op.Need, identity.AllCreditors) {
		s.Doubts, s.Letters = []read.Doubt{}, 0
	}
	return s, err
}

func (h handlers) endRestore(c *Call) (any, error) {
	var in RestoreOrder
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if !c.Who.Can(c.op.Need, identity.AllCreditors) {
		return nil, web.Forbidden(c.op.Need, identity.AllCreditors)
	}
	if err := h.Restores.Done(c.R.Context(), c.Who.By, in.Reason, in.Anyway); err != nil {
		return nil, err
	}
	return h.Restores.Status(c.R.Context())
}
