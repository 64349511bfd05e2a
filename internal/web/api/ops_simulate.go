package api

import (
	"context"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/whatif"
)

// Simulate answers what would happen if time moved on, as the simulator's page does.
type Simulate func(ctx context.Context, scope read.Scope, a whatif.Ask, now time.Time) (whatif.Result, error)

func (h handlers) simulation() []Operation {
	return []Operation{{
		Method: "POST", Path: "/simulations", ID: "simulate", Tag: "configuration", Saw: "simulation", Repeats: true, Need: identity.Config, Also: []identity.Permission{identity.View}, MaxBody: 64 << 10,
		Summary: "What would happen if time moved on: for a case, an invented account or a cohort, under one configuration or two. Nothing is sent or stored",
		Body:    whatif.Ask{}, Result: whatif.Result{}, Handle: h.simulate,
	}}
}

func (h handlers) simulate(c *Call) (any, error) {
	var in whatif.Ask
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	need := identity.View
	if in.Invented != nil {
		need = identity.Config
	}
	return h.Simulate(c.R.Context(), web.ScopeOf(c.Who, need), in, c.At)
}
