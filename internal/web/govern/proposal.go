package govern

import (
	"html"
	"net/http"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/web"
)

type proposalPage struct {
	proposal.Proposal
	Risk     proposal.Risk
	Badge    string
	State    string
	Look     string
	Names    map[string]string
	Own      bool // the reader had a hand in it
	Maker    bool // the reader made it
	Tied     bool // the reader's account and a maker's are in one hand
	Stale    bool
	Current  string
	Conflict []string // files that another release changed too
	Sides    sides
	Words    string // that were typed, and refused
	Fault    string // why
	FourEyes bool
}

// Who names a person.
func (p proposalPage) Who(by string) string { return who(p.Names, by) }

// Title is the first line of the reason.
func (p proposalPage) Title() string { return titleOf(p.Proposal) }

// proposal shows everything that one changes, side by side.
func (d *governance) proposal(r *web.Request) error {
	p, err := d.onePage(r)
	if err != nil {
		return err
	}
	return r.Page("proposal.html", p)
}

func (d *governance) onePage(r *web.Request) (*proposalPage, error) {
	ctx := r.R.Context()
	x, after, err := d.Service.Get(ctx, r.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	p := &proposalPage{Proposal: x, Risk: proposal.RiskOf(x.Changes), State: stateOf(x), Look: lookOf(x), Maker: "user:"+x.Person == r.User.By}
	p.Badge = kinds[p.Risk.Level]
	if p.Names, err = d.Names(ctx); err != nil {
		return nil, err
	}
	four, err := d.Service.FourEyes(ctx)
	if err != nil {
		return nil, err
	}
	p.FourEyes = four.Required
	if p.Own, err = d.Service.MadeBy(ctx, x.ID, r.User); err != nil && !proposal.Refused(err) {
		return nil, err
	}
	if p.Tied, err = d.Service.Tied(ctx, x.ID, r.User); err != nil && !proposal.Refused(err) {
		return nil, err
	}
	_, base, err := d.Service.Files(ctx, x.Base)
	if err != nil {
		return nil, err
	}
	var current map[string][]byte
	if p.Current, current, err = d.Service.Files(ctx, ""); err != nil {
		return nil, err
	}
	if p.Stale = x.Open() && x.Base != p.Current; p.Stale {
		if _, err := proposal.Rebase(base, after, current); err != nil {
			p.Conflict = conflictOf(err)
		}
	}
	p.Sides, err = d.compare(r, base, after)
	return p, err
}

func conflictOf(err error) []string {
	if c, ok := err.(*proposal.Conflict); ok {
		return c.Paths
	}
	return nil
}

// approve puts a proposal into force.
func (d *governance) approve(r *web.Request) error {
	if err := r.Require(identity.Approve, identity.AllCreditors); err != nil {
		return err
	}
	id := r.R.PathValue("id")
	if err := d.Service.Approve(r.R.Context(), r.User, id, r.Value("words")); err != nil {
		return d.again(r, err)
	}
	return r.Done("/review", "Approved, and in force: new messages follow it at once, open cases keep their sequence version.")
}

func (d *governance) reject(r *web.Request) error {
	if err := r.Require(identity.Approve, identity.AllCreditors); err != nil {
		return err
	}
	if err := d.Service.Reject(r.R.Context(), r.User, r.R.PathValue("id"), r.Value("words")); err != nil {
		return d.again(r, err)
	}
	return r.Done("/review", "Rejected. Its maker sees your words.")
}

func (d *governance) withdraw(r *web.Request) error {
	if err := d.Service.Withdraw(r.R.Context(), r.User, r.R.PathValue("id"), r.Value("words")); err != nil {
		return d.again(r, err)
	}
	return r.Done("/proposals/"+r.R.PathValue("id"), "Withdrawn.")
}

// anew makes a proposal anew over the release that came into force since; where both
// changed a file, the editor opens with what was proposed.
func (d *governance) anew(r *web.Request) error {
	made, err := d.Service.Anew(r.R.Context(), r.User, r.R.PathValue("id"))
	if len(conflictOf(err)) > 0 {
		return r.Redirect("/propose?from="+r.R.PathValue("id"), r.Flash("warn", err.Error()))
	}
	if err != nil {
		return d.again(r, err)
	}
	return r.Done("/proposals/"+made.ID, "Made anew over the release in force. Look at the difference again.")
}

// again shows the page with why it was refused, and what was typed.
func (d *governance) again(r *web.Request, why error) error {
	why = told(why)
	e := web.AsError(why)
	if e.Status != http.StatusConflict && e.Status != http.StatusUnprocessableEntity {
		return why
	}
	p, err := d.onePage(r)
	if err != nil {
		return err
	}
	p.Fault, p.Words = e.Detail, r.Value("words")
	return r.PageStatus(e.Status, "proposal.html", p)
}

// message is a rendered message of one side, for a frame: it runs nothing and loads nothing.
func (d *governance) message(r *web.Request) error {
	ctx := r.R.Context()
	x, files, err := d.Service.Get(ctx, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Value("side") == "before" {
		if _, files, err = d.Service.Files(ctx, x.Base); err != nil {
			return err
		}
	}
	body := "<!doctype html><title>None</title><p>It cannot be rendered."
	if cfg, err := config.LoadFiles(files); err == nil {
		ch := dunning.Channel(r.Value("channel"))
		if p, err := cfg.Preview(r.Value("creditor"), ch, r.Value("name"), r.Value("locale")); err == nil {
			if body = p.Message.HTML; body == "" {
				body = "<!doctype html><title>Text</title><pre>" + html.EscapeString(p.Message.Text) + "</pre>"
			}
		}
	}
	h := r.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; form-action 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, err = r.W.Write([]byte(strings.ToValidUTF8(body, "\uFFFD")))
	return err
}
