package collect

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

//go:embed pages/*.html
var files embed.FS

// Reader is what the pages read; *postgres.Store is one.
type Reader interface {
	Worklist(ctx context.Context, s read.Scope, f read.WorkFilter, at time.Time, p read.Page) (read.List[read.WorkRow], error)
	Queues(ctx context.Context, s read.Scope, now time.Time) ([]read.QueueCount, error)
	CasePage(ctx context.Context, s read.Scope, caseID string, at time.Time) (read.CasePage, error)
	CaseTimeline(ctx context.Context, s read.Scope, caseID string, f read.TimelineFilter, p read.Page) (read.List[read.TimelineRow], error)
	Numbers(ctx context.Context, s read.Scope, by string, from, until time.Time) (read.OwnNumbers, error)
}

// Deps are what the pages work with. All are required.
type Deps struct {
	Read Reader
	// Facts are a debtor's, all of them in order.
	Facts func(ctx context.Context, debtor string) ([]dunning.Fact, error)
	// CaseRef says whose case it is; commands.ErrNoCase when there is none.
	CaseRef func(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// Setup is what surrounds an account's facts: published configuration.
	Setup func(ctx context.Context, ref dunning.CaseRef) (dunning.Setup, error)
	// Config is the configuration in force.
	Config func(ctx context.Context) (*config.Config, error)
	// Do carries out a command on a case.
	Do func(ctx context.Context, caseID string, cmd dunning.Command, by string) (commands.Result, error)
	// Draft writes what a template says to the debtor of a case now. Its error is a sentence
	// for the person, without personal data.
	Draft func(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, ch dunning.Channel, template string, at time.Time) (dunning.Message, error)
	// People are those who work on cases of a creditor, ordered by name.
	People func(ctx context.Context, creditor string) ([]Colleague, error)
	// Names of users by their id, for "who has it".
	Names func(ctx context.Context) (map[string]string, error)
	// Reply is what a debtor wrote, by the id of the contact that was recorded of it. An error:
	// the words are not there, or no longer. nil: of none.
	Reply func(ctx context.Context, id string) (subject, text string, err error)
	// Switches are the kill switches that are on; nil: of none.
	Switches func(ctx context.Context) ([]dunning.Switch, error)
	// History is the address of a case's workflow in the Temporal UI; nil or "": none.
	History func(caseID string) string
}

// Set is the pages with their rights.
func Set(d Deps) web.Set {
	pages, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	return web.Set{
		Pages: pages,
		Nav: []web.Nav{
			{Path: "/day", Label: "My day", Group: "Work", Go: "d", Need: identity.TakeOver},
			{Path: "/numbers", Label: "My numbers", Group: "Work", Go: "m", Need: identity.Numbers},
		},
		Routes: append([]web.Route{
			{Pattern: "GET /day", Need: identity.TakeOver, Handle: d.day, Saw: "day"},
			{Pattern: "GET /day/next", Need: identity.TakeOver, Handle: d.next},
			{Pattern: "GET /numbers", Need: identity.Numbers, Handle: d.numbers},
			{Pattern: "GET /cases/{id}", Need: identity.View, Handle: d.one, Saw: "case"},
			{Pattern: "GET /cases/{id}/message/preview", Need: identity.Message, Handle: d.preview, Saw: "message_preview"},
			{Pattern: "POST /cases/{id}/call", Need: identity.Call, Handle: d.call},
		}, d.orders()...),
	}
}
