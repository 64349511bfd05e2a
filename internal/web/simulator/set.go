package simulator

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/whatif"
)

//go:embed pages/*.html
var files embed.FS

// Deps are what the page works with. All are required.
type Deps struct {
	Run      func(ctx context.Context, scope read.Scope, a whatif.Ask, now time.Time) (whatif.Result, error)
	Releases func(ctx context.Context) ([]read.ReleaseRow, error)
	// Proposals are those that wait for approval.
	Proposals func(ctx context.Context) ([]Proposal, error)
	// Config is a release by its version, or a proposal by its id, "" for the one in force, with its version.
	Config func(ctx context.Context, version string) (*config.Config, string, error)
}

// Proposal is a configuration that waits for approval.
type Proposal struct{ ID, Reason string }

// Set is the page with its rights.
func Set(d Deps) web.Set {
	pages, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	return web.Set{
		Pages:  pages,
		Nav:    []web.Nav{{Path: "/simulator", Label: "Simulator", Group: "Set-up", Go: "x", Need: identity.Config}},
		Routes: []web.Route{{Pattern: "GET /simulator", Need: identity.Config, Handle: d.simulator}},
	}
}
