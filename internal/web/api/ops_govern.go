package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Proposals is maker and checker, as console and command line have it. A key counts as the
// person who made it: it cannot approve what that person proposed, and approves only what
// that person could.
type Proposals interface {
	List(ctx context.Context, open bool) ([]proposal.Proposal, error)
	Get(ctx context.Context, id string) (proposal.Proposal, map[string][]byte, error)
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

// GoBack says why an earlier release is put into force again.
type GoBack struct {
	Reason string `json:"reason,omitempty" jsonschema:"maxLength=4000" jsonschema_description:"needed where four eyes are required"`
}

// Wish is a change of the configuration: all its files, or only those that change.
type Wish struct {
	Base string `json:"base,omitempty" jsonschema_description:"version of the release over which it was made; default: the one in force"`
	// Files are all files; Changes only those that change, null to remove one.
	Files   map[string]string  `json:"files,omitempty" jsonschema_description:"the text of every file of the configuration by its path"`
	Changes map[string]*string `json:"changes,omitempty" jsonschema_description:"in place of files: the text of every file that changes, null to remove it"`
}

// NewProposal is a change that somebody else is to approve.
type NewProposal struct {
	Wish
	Reason  string `json:"reason" jsonschema:"minLength=3,maxLength=4000"`
	Follows string `json:"follows,omitempty" jsonschema_description:"id of the proposal that this one was made from"`
}

// Verdict is a decision about a proposal.
type Verdict struct {
	Words string `json:"words,omitempty" jsonschema:"maxLength=4000"`
}

// Why is the reason of a change.
type Why struct {
	Reason string `json:"reason" jsonschema:"minLength=3,maxLength=4000"`
}

// ProposalView is a proposal with what it changes, and how it stands.
type ProposalView struct {
	proposal.Proposal
	State string       `json:"state"` // open, approved, rejected, withdrawn
	Risk  string       `json:"risk"`  // policy, sequence, template, other
	Due   string       `json:"due"`   // by when it should be looked at
	Stale bool         `json:"stale"` // open, and over a release that is no longer in force: to be made anew
	Diff  []FileChange `json:"diff,omitempty"`
}

// FileChange is a file before and after, null where it is not there.
type FileChange struct {
	Path   string  `json:"path"`
	Before *string `json:"before"`
	After  *string `json:"after"`
}

// ConfigCheck is what the loader says of a change.
type ConfigCheck struct {
	Valid    bool              `json:"valid"`
	Fault    string            `json:"fault,omitempty"` // why it cannot be loaded, other than by a file's fault
	Faults   []config.Fault    `json:"faults"`
	Warnings []config.Fault    `json:"warnings"`
	Changes  []proposal.Change `json:"changes"`
}

// Required is whether two people are needed.
type Required struct {
	Required bool `json:"required"`
}

func (h handlers) governance() []Operation {
	ops := []Operation{
		{Method: "GET", Path: "/proposals", ID: "listProposals", Summary: "Proposed configurations, the newest first", Need: identity.Config, Query: append([]Param{
			{Name: "state", Type: "string", Enum: []string{"open", "approved", "rejected", "withdrawn"}},
		}, paging...), Result: read.List[ProposalView]{}, Handle: h.listProposals},
		{Method: "GET", Path: "/proposals/{id}", ID: "getProposal", Summary: "A proposal with what it changes", Need: identity.Config, Result: ProposalView{}, Handle: h.getProposal},
		{Method: "POST", Path: "/proposals", ID: "makeProposal", Summary: "Propose a configuration; somebody else puts it into force by approving it", Need: identity.Publish, Body: NewProposal{}, Result: ProposalView{}, Status: 201, MaxBody: 16 << 20, Handle: h.makeProposal},
		{Method: "POST", Path: "/proposals/check", ID: "checkConfiguration", Summary: "Every fault and warning that a change would have; nothing is stored", Need: identity.Publish, Body: Wish{}, Result: ConfigCheck{}, MaxBody: 16 << 20, Repeats: true, Handle: h.checkConfiguration},
		{Method: "POST", Path: "/proposals/{id}/approve", ID: "approveProposal", Summary: "Put a proposal of somebody else into force", Need: identity.Approve, Body: Verdict{}, Result: ProposalView{}, Handle: h.verdict(Proposals.Approve)},
		{Method: "POST", Path: "/proposals/{id}/reject", ID: "rejectProposal", Summary: "Refuse a proposal of somebody else; words are needed", Need: identity.Approve, Body: Verdict{}, Result: ProposalView{}, Handle: h.verdict(Proposals.Reject)},
		{Method: "POST", Path: "/proposals/{id}/withdraw", ID: "withdrawProposal", Summary: "Take a proposal of one's own back", Need: identity.Publish, Body: Verdict{}, Result: ProposalView{}, Handle: h.verdict(Proposals.Withdraw)},
		{Method: "POST", Path: "/proposals/{id}/anew", ID: "renewProposal", Summary: "Make a proposal anew over the release that came into force since", Need: identity.Publish, Result: ProposalView{}, Status: 201, Handle: h.anew},
		{Method: "GET", Path: "/review", ID: "listReview", Summary: "What waits for a second person, what is due first on top", Need: identity.Config, Query: append([]Param{{Name: "kind", Type: "string"}}, paging...), Result: Table{}, Handle: h.table("/review", "kind", "since", "path")},
		{Method: "GET", Path: "/gone-back", ID: "listGoneBack", Summary: "Releases that one person put into force again, and nobody has looked at", Need: identity.Config, Result: []proposal.Back{}, Handle: func(c *Call) (any, error) {
			all, err := h.Proposals.GoneBack(c.R.Context())
			return append([]proposal.Back{}, all...), err
		}},
		{Method: "POST", Path: "/gone-back/{activation}/look", ID: "lookAtGoneBack", Summary: "Record that a second person looked at a going back", Need: identity.Approve, Body: Verdict{}, Handle: h.lookAt},
		{Method: "GET", Path: "/four-eyes", ID: "getFourEyes", Summary: "Whether two people are needed to put a configuration into force", Need: identity.Config, Result: proposal.FourEyes{}, Handle: func(c *Call) (any, error) {
			f, err := h.Proposals.FourEyes(c.R.Context())
			f.Steps = append([]proposal.Step{}, f.Steps...)
			return f, err
		}},
		{Method: "POST", Path: "/four-eyes/on", ID: "requireFourEyes", Summary: "Require two people", Need: identity.Approve, Body: Why{}, Result: Required{}, Handle: h.requireFourEyes},
		{Method: "POST", Path: "/four-eyes/ask", ID: "askFourEyesOff", Summary: "Ask that two people be no longer needed", Need: identity.Publish, Body: Why{}, Result: Required{}, Handle: h.releaseFourEyes},
		{Method: "POST", Path: "/four-eyes/agree", ID: "agreeFourEyesOff", Summary: "Agree with somebody else who asked that two people be no longer needed", Need: identity.Approve, Body: Why{}, Result: Required{}, Handle: h.releaseFourEyes},
	}
	for i := range ops {
		ops[i].Tag = "governance"
	}
	return ops
}

// told makes an answer of what is refused; its sentence is for the caller.
func told(err error) error {
	if !proposal.Refused(err) {
		return err
	}
	return web.Conflict(err.Error())
}

func (h handlers) viewOf(c *Call, p proposal.Proposal) (ProposalView, error) {
	current, _, err := h.Proposals.Files(c.R.Context(), "")
	return viewOver(p, current), err
}

// viewOver is a proposal where a release is in force.
func viewOver(p proposal.Proposal, current string) ProposalView {
	v := ProposalView{Proposal: p, State: "open", Risk: proposal.RiskOf(p.Changes).Word, Due: p.Due().UTC().Format("2006-01-02T15:04:05Z")}
	if p.End != nil {
		v.State = string(p.End.Verdict)
	}
	v.Stale = p.Open() && p.Base != current
	return v
}

func (h handlers) listProposals(c *Call) (any, error) {
	state := c.Query("state")
	all, err := h.Proposals.List(c.R.Context(), state == "open")
	if err != nil {
		return nil, err
	}
	current, _, err := h.Proposals.Files(c.R.Context(), "") // once: it reads all files in force
	if err != nil {
		return nil, err
	}
	out := []ProposalView{}
	for _, p := range all {
		if v := viewOver(p, current); state == "" || v.State == state {
			out = append(out, v)
		}
	}
	return paged(c, out, func(v ProposalView) string { return read.CursorTime(v.Made) + v.ID })
}

func (h handlers) getProposal(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This proposal")
	if err != nil {
		return nil, err
	}
	p, files, err := h.Proposals.Get(c.R.Context(), id)
	if err != nil {
		return nil, err
	}
	_, base, err := h.Proposals.Files(c.R.Context(), p.Base)
	if err != nil {
		return nil, err
	}
	v, err := h.viewOf(c, p)
	for _, x := range p.Changes {
		v.Diff = append(v.Diff, FileChange{x.Path, textOf(base, x.Path), textOf(files, x.Path)})
	}
	return v, err
}

func textOf(files map[string][]byte, path string) *string {
	data, is := files[path]
	if !is {
		return nil
	}
	text := string(data)
	return &text
}

// files are those that a wish comes to, and the release over which it was made.
func (h handlers) files(c *Call, w Wish) (base string, files map[string][]byte, err error) {
	if (len(w.Files) > 0) == (len(w.Changes) > 0) {
		return "", nil, invalid(Fault{Detail: "give either files (all of them) or changes"})
	}
	base, files, err = h.Proposals.Files(c.R.Context(), w.Base)
	if err != nil {
		return "", nil, err
	}
	if len(w.Files) > 0 {
		files = map[string][]byte{}
		for path, text := range w.Files {
			files[path] = []byte(text)
		}
		return base, files, nil
	}
	files = maps.Clone(files)
	for _, path := range slices.Sorted(maps.Keys(w.Changes)) {
		if text := w.Changes[path]; text != nil {
			files[path] = []byte(*text)
		} else {
			delete(files, path)
		}
	}
	return base, files, nil
}

func (h handlers) makeProposal(c *Call) (any, error) {
	var in NewProposal
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	base, files, err := h.files(c, in.Wish)
	if err != nil {
		return nil, err
	}
	p, err := h.Proposals.Make(c.R.Context(), c.Who, proposal.Draft{Base: base, Files: files, Reason: in.Reason, Follows: in.Follows})
	if faults := config.FaultsOf(err); len(faults) > 0 {
		return nil, web.Invalid(faults.Error(), nil)
	}
	if err != nil {
		return nil, told(err)
	}
	return h.viewOf(c, p)
}

func (h handlers) checkConfiguration(c *Call) (any, error) {
	var in Wish
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	_, files, err := h.files(c, in)
	if err != nil {
		return nil, err
	}
	_, current, err := h.Proposals.Files(c.R.Context(), "")
	if err != nil {
		return nil, err
	}
	changes := (config.Release{Files: files}).Changes(config.Release{Files: current})
	out := ConfigCheck{Faults: []config.Fault{}, Warnings: []config.Fault{}, Changes: proposal.ChangesOf(changes)}
	cfg, err := h.Proposals.Load(c.R.Context(), files)
	switch faults := config.FaultsOf(err); {
	case len(faults) > 0:
		out.Faults = faults
	case err != nil:
		out.Fault = err.Error()
	default:
		out.Valid = true
		out.Warnings = append(out.Warnings, cfg.Warnings()...)
	}
	return out, nil
}

// verdict decides a proposal and answers with how it stands.
func (h handlers) verdict(decide func(Proposals, context.Context, identity.Principal, string, string) error) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		id, err := uuidOf(c, "id", "This proposal")
		if err != nil {
			return nil, err
		}
		var in Verdict
		if err := c.Into(&in); err != nil {
			return nil, err
		}
		if err := decide(h.Proposals, c.R.Context(), c.Who, id, in.Words); err != nil {
			return nil, told(err)
		}
		p, _, err := h.Proposals.Get(c.R.Context(), id)
		if err != nil {
			return nil, err
		}
		return h.viewOf(c, p)
	}
}

func (h handlers) anew(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This proposal")
	if err != nil {
		return nil, err
	}
	p, err := h.Proposals.Anew(c.R.Context(), c.Who, id)
	if err != nil {
		return nil, told(err)
	}
	return h.viewOf(c, p)
}

func (h handlers) lookAt(c *Call) (any, error) {
	var in Verdict
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	all, err := h.Proposals.GoneBack(c.R.Context())
	if err != nil {
		return nil, err
	}
	id, _ := strconv.ParseInt(c.R.PathValue("activation"), 10, 64)
	if !slices.ContainsFunc(all, func(b proposal.Back) bool { return b.Activation == id }) {
		return nil, web.NotFound(fmt.Sprintf("A going back %d that nobody has looked at", id))
	}
	return nil, told(h.Proposals.Look(c.R.Context(), c.Who, id, in.Words))
}

func (h handlers) requireFourEyes(c *Call) (any, error) {
	var in Why
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return Required{true}, told(h.Proposals.Require(c.R.Context(), c.Who.By, in.Reason))
}

func (h handlers) releaseFourEyes(c *Call) (any, error) {
	var in Why
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	off, err := h.Proposals.Release(c.R.Context(), c.Who, in.Reason)
	return Required{!off}, told(err)
}
