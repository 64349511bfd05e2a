package govern

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

//go:embed pages/*.html
var files embed.FS

// Service is maker and checker; *app.Proposals is one. Errors that proposal.Refused knows
// are sentences for people; what is not there wraps identity.ErrNotFound.
type Service interface {
	List(ctx context.Context, open bool) ([]proposal.Proposal, error)
	Get(ctx context.Context, id string) (proposal.Proposal, map[string][]byte, error)
	MadeBy(ctx context.Context, id string, who identity.Principal) (bool, error)
	// Tied reports whether somebody's account does not count as a second person for a proposal.
	Tied(ctx context.Context, id string, who identity.Principal) (bool, error)
	// Files are those of a release; "" is the one in force, which is told.
	Files(ctx context.Context, version string) (string, map[string][]byte, error)
	Load(ctx context.Context, files map[string][]byte) (*config.Config, error)
	Make(ctx context.Context, who identity.Principal, d proposal.Draft) (proposal.Proposal, error)
	Anew(ctx context.Context, who identity.Principal, id string) (proposal.Proposal, error)
	Approve(ctx context.Context, who identity.Principal, id, words string) error
	Reject(ctx context.Context, who identity.Principal, id, words string) error
	Withdraw(ctx context.Context, who identity.Principal, id, words string) error
	GoneBack(ctx context.Context) ([]proposal.Back, error)
	Look(ctx context.Context, who identity.Principal, activation int64, words string) error
	FourEyes(ctx context.Context) (proposal.FourEyes, error)
	Require(ctx context.Context, by, reason string) error
	Release(ctx context.Context, who identity.Principal, reason string) (off bool, err error)
}

// Waiting is something else that waits for a person, and where it is decided. Instants are
// business time. It holds no personal data: the queue is shown without a record of views.
type Waiting struct {
	ID    string // unique within its source; of the row
	Kind  string // "draft", "sample", "complaint", …: words of the badge
	Title string
	Why   string // why it waits, a sentence without a full stop
	Path  string // of the page where it is decided
	Level int    // of risk: 0 to 3, see proposal.Risk
	Since time.Time
	Due   time.Time // zero: none
}

// Source lists what waits of one kind, for who has the permission; the scope is theirs.
type Source struct {
	Need identity.Permission
	List func(ctx context.Context, s read.Scope, now time.Time) ([]Waiting, error)
}

// Deps are what the pages work with. All but Sources are required.
type Deps struct {
	Service Service
	// StepCounts counts open cases by sequence and version; sequence "" is all.
	StepCounts func(ctx context.Context, s read.Scope, sequence string) ([]read.StepCount, error)
	Names      func(ctx context.Context) (map[string]string, error) // of users, by id
	// Rule puts a rule of a policy into words.
	Rule    func(contact.RuleSpec) (says, reach string)
	Sources []Source
}

type governance struct{ Deps }

// upload is how large a directory as ZIP may be.
const upload = 16 << 20

// Set is the pages with their rights.
func Set(deps Deps) web.Set {
	pages, err := fs.Sub(files, "pages")
	if err != nil {
		panic(err) // the name is a constant
	}
	d := &governance{deps}
	return web.Set{
		Pages: pages,
		Nav: []web.Nav{
			{Path: "/review", Label: "Review", Group: "Compliance", Go: "r", Need: identity.Config},
			{Path: "/proposals", Label: "Proposals", Group: "Set-up", Need: identity.Config},
			{Path: "/propose", Label: "Propose a change", Group: "Set-up", Need: identity.Publish, Hidden: true},
		},
		Routes: []web.Route{
			{Pattern: "GET /review", Need: identity.Config, Handle: d.review},
			{Pattern: "GET /review/back/{id}", Need: identity.Config, Handle: d.back},
			{Pattern: "POST /review/back/{id}", Need: identity.Approve, Handle: d.look},
			{Pattern: "GET /proposals", Need: identity.Config, Handle: d.proposals},
			{Pattern: "GET /proposals/{id}", Need: identity.Config, Handle: d.proposal},
			{Pattern: "GET /proposals/{id}/message", Need: identity.Config, Handle: d.message},
			{Pattern: "POST /proposals/{id}/approve", Need: identity.Approve, Handle: d.approve},
			{Pattern: "POST /proposals/{id}/reject", Need: identity.Approve, Handle: d.reject},
			{Pattern: "POST /proposals/{id}/withdraw", Need: identity.Publish, Handle: d.withdraw},
			{Pattern: "POST /proposals/{id}/anew", Need: identity.Publish, Handle: d.anew},
			{Pattern: "GET /propose", Need: identity.Publish, Handle: d.editor},
			{Pattern: "POST /propose", Need: identity.Publish, Handle: d.save, Body: upload},
			{Pattern: "POST /propose/check", Need: identity.Publish, Handle: d.check, Body: upload},
			{Pattern: "POST /propose/upload", Need: identity.Publish, Handle: d.uploaded, Body: upload},
			{Pattern: "POST /four-eyes/on", Need: identity.Approve, Handle: d.require},
			{Pattern: "POST /four-eyes/ask", Need: identity.Publish, Handle: d.release},
			{Pattern: "POST /four-eyes/agree", Need: identity.Approve, Handle: d.release},
		},
	}
}

// told makes an answer of what is refused; its sentence is for the person.
func told(err error) error {
	if !proposal.Refused(err) {
		return err
	}
	if errors.Is(err, proposal.ErrReason) || errors.Is(err, proposal.ErrWords) || errors.Is(err, proposal.ErrSame) {
		return web.Invalid(err.Error(), nil)
	}
	return web.Conflict(err.Error())
}
