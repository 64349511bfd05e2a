package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/config"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
	"github.com/duly/duly/internal/web"
)

// Proposals is maker and checker: what console, API and command line call to propose a
// configuration, to check one, and to say whether two people are needed. Every change is
// in the audit. Who may what is asked here; that nobody checks their own is refused by the
// database.
type Proposals struct {
	Store *postgres.Store
	Book  *Book // may be nil: a process that reads no configuration
	Clock clock.Clock
}

// List lists proposals, the newest first; open: only those that nobody has decided.
func (p *Proposals) List(ctx context.Context, open bool) ([]proposal.Proposal, error) {
	return p.Store.Proposals(ctx, open)
}

// Get is one proposal with all its files.
func (p *Proposals) Get(ctx context.Context, id string) (proposal.Proposal, map[string][]byte, error) {
	return p.Store.Proposal(ctx, id)
}

// MadeBy reports whether somebody had a hand in a proposal, so that they cannot check it.
func (p *Proposals) MadeBy(ctx context.Context, id string, who identity.Principal) (bool, error) {
	u, err := p.person(ctx, who.By)
	if err != nil {
		return false, err
	}
	return p.Store.MadeBy(ctx, id, u.ID)
}

// Files are those of a release; "" is the one in force, whose version is told. None is
// in force in an empty installation: then there are no files.
func (p *Proposals) Files(ctx context.Context, version string) (string, map[string][]byte, error) {
	if version == "" {
		r, _, err := p.Store.CurrentRelease(ctx)
		return r.Version, r.Files, err
	}
	r, err := p.Store.Release(ctx, version)
	return r.Version, r.Files, err
}

// Load checks and compiles files; the error lists every fault.
func (p *Proposals) Load(ctx context.Context, files map[string][]byte) (*config.Config, error) {
	cfg, err := config.LoadFiles(files)
	switch {
	case err == nil:
		return cfg, p.keeps(ctx, cfg)
	case len(config.FaultsOf(err)) > 0:
		return nil, err
	}
	return nil, proposal.Refuse(err.Error()) // too much of it, or none
}

// keeps refuses a configuration without a creditor that has open cases.
func (p *Proposals) keeps(ctx context.Context, cfg *config.Config) error {
	if _, err := p.Store.CreditorsWithCases(ctx); err != nil {
		return err // trouble of ours, which is no sentence for people
	}
	if err := keepsCreditors(ctx, p.Store, cfg); err != nil {
		return proposal.Refuse(err.Error())
	}
	return nil
}

// Draft is what somebody wants in force: all files of the configuration.
type Draft = proposal.Draft

// Make proposes a configuration. What was made over a release that is no longer in force
// is carried over to the one that is where no file differs in both; otherwise the error is
// a *proposal.Conflict. Faults of the files are config.Faults.
func (p *Proposals) Make(ctx context.Context, who identity.Principal, d Draft) (proposal.Proposal, error) {
	if err := may(who, identity.Publish); err != nil {
		return proposal.Proposal{}, err
	}
	if n := len(strings.TrimSpace(d.Reason)); n < 3 || n > 4000 {
		return proposal.Proposal{}, proposal.ErrReason
	}
	base, files, err := p.onto(ctx, d.Base, d.Files)
	if err != nil {
		return proposal.Proposal{}, err
	}
	cfg, err := p.Load(ctx, files)
	if err != nil {
		return proposal.Proposal{}, err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return proposal.Proposal{}, err
	}
	release := cfg.Release()
	made := proposal.Proposal{ID: uuid.NewString(), Release: release.Version, Base: base, By: who.By, Reason: strings.TrimSpace(d.Reason), Made: at, Follows: d.Follows}
	if err := p.Store.Propose(ctx, made, release.Files, sequencesOf(cfg)); err != nil {
		return proposal.Proposal{}, err
	}
	detail := map[string]string{"before": base, "after": made.Release, "reason": made.Reason, "follows": d.Follows}
	if err := p.audit(ctx, at, who.By, "proposal.made", made.ID, detail); err != nil {
		return proposal.Proposal{}, err
	}
	made, _, err = p.Store.Proposal(ctx, made.ID)
	return made, err
}

// onto carries files that were made over base to the release in force.
func (p *Proposals) onto(ctx context.Context, base string, files map[string][]byte) (string, map[string][]byte, error) {
	version, current, err := p.Files(ctx, "")
	if err != nil {
		return "", nil, err
	}
	if version == "" {
		return "", nil, proposal.Refuse("Nothing is published yet, so there is nothing to propose a change of: the first configuration is put into force by duly apply DIR.")
	}
	if base == "" || base == version {
		return version, files, nil
	}
	_, old, err := p.Files(ctx, base)
	if err != nil {
		return "", nil, err
	}
	files, err = proposal.Rebase(old, files, current)
	return version, files, err
}

func sequencesOf(cfg *config.Config) map[string]string {
	out := map[string]string{}
	for _, s := range cfg.Sequences() {
		out[s.ID] = s.Version
	}
	return out
}

// Anew makes a proposal anew over the release in force. The maker's old one is withdrawn.
func (p *Proposals) Anew(ctx context.Context, who identity.Principal, id string) (proposal.Proposal, error) {
	old, files, err := p.Store.Proposal(ctx, id)
	if err != nil {
		return proposal.Proposal{}, err
	}
	if !old.Open() {
		return proposal.Proposal{}, proposal.ErrEnded
	}
	made, err := p.Make(ctx, who, Draft{Base: old.Base, Files: files, Reason: old.Reason, Follows: old.ID})
	if err != nil {
		return proposal.Proposal{}, err
	}
	if u, err := p.person(ctx, who.By); err == nil && u.ID == old.Person {
		return made, p.end(ctx, who, id, proposal.Withdrawn, "made anew as "+made.ID)
	}
	return made, nil
}

// Approve puts a proposal into force, as somebody else than its makers.
func (p *Proposals) Approve(ctx context.Context, who identity.Principal, id, words string) error {
	if err := p.mayCheck(ctx, who); err != nil {
		return err
	}
	made, files, err := p.Store.Proposal(ctx, id)
	if err != nil {
		return err
	}
	if !made.Open() {
		return proposal.ErrEnded
	}
	if own, err := p.MadeBy(ctx, id, who); err != nil || own {
		return errors.Join(err, ownIf(own))
	}
	if tied, err := p.Tied(ctx, id, who); err != nil || tied { // the database refuses it, too
		return errors.Join(err, handIf(tied))
	}
	current, _, err := p.Store.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	if made.Base != current { // the database refuses it, too, but then its creditors would stay
		return proposal.ErrStale
	}
	// A program that cannot load it must not put it into force: every worker would stop.
	cfg, err := config.LoadRelease(config.Release{Version: made.Release, Files: files})
	if err != nil {
		return err
	}
	if err := p.keeps(ctx, cfg); err != nil {
		return err
	}
	var creditors []string
	for _, c := range cfg.Creditors() {
		creditors = append(creditors, c.ID)
	}
	if err := p.Store.PutCreditors(ctx, creditors...); err != nil {
		return err
	}
	return p.end(ctx, who, id, proposal.Approved, words)
}

// Tied reports whether four eyes are required and somebody's account is in the hands of a
// maker of the proposal, or has theirs in hand: then they do not count as a second person.
func (p *Proposals) Tied(ctx context.Context, id string, who identity.Principal) (bool, error) {
	four, err := p.Store.FourEyes(ctx)
	if err != nil || !four.Required {
		return false, err
	}
	u, err := p.person(ctx, who.By)
	if err != nil {
		return false, err
	}
	return p.Store.Tied(ctx, id, u.ID)
}

func handIf(tied bool) error {
	if tied {
		return proposal.ErrHand
	}
	return nil
}

func ownIf(own bool) error {
	if own {
		return proposal.ErrOwn
	}
	return nil
}

// Reject ends a proposal with words that say what is to be mended.
func (p *Proposals) Reject(ctx context.Context, who identity.Principal, id, words string) error {
	if err := p.mayCheck(ctx, who); err != nil {
		return err
	}
	return p.end(ctx, who, id, proposal.Rejected, words)
}

// Withdraw ends a proposal of one's own.
func (p *Proposals) Withdraw(ctx context.Context, who identity.Principal, id, words string) error {
	if err := may(who, identity.Publish); err != nil {
		return err
	}
	return p.end(ctx, who, id, proposal.Withdrawn, words)
}

func (p *Proposals) end(ctx context.Context, who identity.Principal, id string, v proposal.Verdict, words string) error {
	if len(words) > 4000 {
		return web.Invalid("At most 4,000 letters.", map[string]string{"words": "At most 4,000 letters."})
	}
	made, _, err := p.Store.Proposal(ctx, id)
	if err != nil {
		return err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return err
	}
	if err := p.Store.EndProposal(ctx, id, proposal.End{Verdict: v, By: who.By, Words: strings.TrimSpace(words), At: at}); err != nil {
		return err
	}
	if p.Book != nil {
		p.Book.Forget()
	}
	detail := map[string]string{"before": made.Base, "after": made.Release, "reason": words}
	if err := p.audit(ctx, at, who.By, "proposal."+string(v), id, detail); err != nil || v != proposal.Approved {
		return err
	}
	return p.audit(ctx, at, who.By, "release.activate", made.Release, map[string]string{"before": made.Base, "proposal": id, "maker": made.By})
}

// GoBack puts an earlier release into force again: quickly and alone, because it is for
// emergencies. Where four eyes are required it needs a reason, and waits for a second
// person's look afterwards.
func (p *Proposals) GoBack(ctx context.Context, by, version, reason string) error {
	if err := p.mayGoBack(ctx, by); err != nil {
		return err
	}
	r, err := p.Store.Release(ctx, version)
	if err != nil {
		return err
	}
	cfg, err := config.LoadRelease(config.Release{Version: version, Files: r.Files})
	if err != nil {
		return err
	}
	if err := p.keeps(ctx, cfg); err != nil {
		return err
	}
	before, _, err := p.Store.CurrentVersion(ctx)
	if err != nil {
		return err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return err
	}
	changed, err := p.Store.GoBack(ctx, version, by, reason, at)
	if err != nil || !changed {
		return err
	}
	if p.Book != nil {
		p.Book.Forget()
	}
	return p.audit(ctx, at, by, "release.activate", version, map[string]string{"before": before, "back": "yes", "reason": reason})
}

// mayGoBack asks, where four eyes are required, for a person: a key outlives whoever made
// it, and nobody who was shut out puts anything into force alone.
func (p *Proposals) mayGoBack(ctx context.Context, by string) error {
	four, err := p.Store.FourEyes(ctx)
	if err != nil || !four.Required {
		return err
	}
	_, err = p.person(ctx, by)
	return err
}

// GoneBack lists goings back that wait for a second person's look.
func (p *Proposals) GoneBack(ctx context.Context) ([]proposal.Back, error) {
	return p.Store.GoneBack(ctx)
}

// Look records that somebody else looked at a going back.
func (p *Proposals) Look(ctx context.Context, who identity.Principal, activation int64, words string) error {
	if err := p.mayCheck(ctx, who); err != nil {
		return err
	}
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return err
	}
	err = p.Store.LookAt(ctx, activation, who.By, strings.TrimSpace(words), at)
	if errors.Is(err, postgres.ErrTaken) {
		return proposal.ErrEnded
	}
	if err != nil {
		return err
	}
	return p.audit(ctx, at, who.By, "release.looked_at", fmt.Sprint(activation), map[string]string{"reason": words})
}

// FourEyes is whether two people are needed.
func (p *Proposals) FourEyes(ctx context.Context) (proposal.FourEyes, error) {
	return p.Store.FourEyes(ctx)
}

// Require switches four eyes on. It refuses where nobody could check what another makes:
// that would lock everybody out.
func (p *Proposals) Require(ctx context.Context, by, reason string) error {
	users, err := p.Store.Users(ctx)
	if err != nil {
		return err
	}
	hands, err := p.Store.Hands(ctx)
	if err != nil {
		return err
	}
	if !twoPeople(users, hands) {
		return web.Conflict("Four eyes need two people: one who may publish (operations) and another who may approve (compliance), both for all creditors, and neither made, let in again or given a role or password by the other. Add them first.")
	}
	return p.step(ctx, by, proposal.StepOn, reason)
}

// twoPeople reports whether somebody may publish and somebody else may approve, of whom
// neither account is in the other's hands.
func twoPeople(users []identity.User, hands map[[2]string]bool) bool {
	for _, maker := range users {
		for _, checker := range users {
			tied := hands[[2]string{maker.ID, checker.ID}] || hands[[2]string{checker.ID, maker.ID}]
			if maker.ID != checker.ID && !tied && maker.Disabled.IsZero() && checker.Disabled.IsZero() &&
				maker.Principal().Can(identity.Publish, identity.AllCreditors) && checker.Principal().Can(identity.Approve, identity.AllCreditors) {
				return true
			}
		}
	}
	return false
}

// Release asks that four eyes be no longer required, or agrees with another who asked.
func (p *Proposals) Release(ctx context.Context, who identity.Principal, reason string) (off bool, err error) {
	f, err := p.Store.FourEyes(ctx)
	if err != nil {
		return false, err
	}
	if f.Asked() == nil {
		if err := may(who, identity.Publish); err != nil {
			if err = may(who, identity.Approve); err != nil {
				return false, err
			}
		}
		return false, p.step(ctx, who.By, proposal.StepAsk, reason)
	}
	if err := p.mayCheck(ctx, who); err != nil {
		return false, err
	}
	return true, p.step(ctx, who.By, proposal.StepOff, reason)
}

func (p *Proposals) step(ctx context.Context, by, step, reason string) error {
	at, err := p.Clock.Now(ctx)
	if err != nil {
		return err
	}
	if err := p.Store.StepFourEyes(ctx, proposal.Step{Step: step, By: by, Reason: strings.TrimSpace(reason), At: at}); err != nil {
		return err
	}
	return p.audit(ctx, at, by, "four_eyes."+step, "", map[string]string{"reason": reason})
}

func may(who identity.Principal, perm identity.Permission) error {
	if who.Can(perm, identity.AllCreditors) {
		return nil
	}
	return &authority.Refusal{Permission: perm, Creditor: identity.AllCreditors}
}

// mayCheck asks whether somebody may approve. A key counts as its owner, who must be one
// who may approve: else whoever hands out keys could hand out a second pair of eyes.
func (p *Proposals) mayCheck(ctx context.Context, who identity.Principal) error {
	if err := may(who, identity.Approve); err != nil {
		return err
	}
	u, err := p.person(ctx, who.By)
	if err != nil {
		return err
	}
	return may(u.Principal(), identity.Approve)
}

// person is the user behind "user:<id>" or "key:<id>".
func (p *Proposals) person(ctx context.Context, by string) (identity.User, error) {
	keys := map[string]string{}
	if strings.HasPrefix(by, "key:") {
		all, err := p.Store.Keys(ctx)
		if err != nil {
			return identity.User{}, err
		}
		for _, k := range all {
			keys["key:"+k.ID] = k.By
		}
	}
	for range 20 { // a key may have been made with a key
		if strings.HasPrefix(by, "key:") {
			by = keys[by]
		}
	}
	id, ok := strings.CutPrefix(by, "user:")
	if !ok {
		return identity.User{}, proposal.ErrNobody
	}
	u, err := p.Store.UserByID(ctx, id)
	if errors.Is(err, identity.ErrNotFound) || err == nil && !u.Disabled.IsZero() {
		return identity.User{}, proposal.ErrNobody
	}
	return u, err
}

func (p *Proposals) audit(ctx context.Context, at time.Time, by, action, subject string, detail map[string]string) error {
	full := map[string]string{}
	if id := web.RequestID(ctx); id != "" {
		full["request"] = id
	}
	for k, v := range detail {
		if v != "" {
			full[k] = v
		}
	}
	return p.Store.Audit(context.WithoutCancel(ctx), postgres.Audited{At: at, By: by, Action: action, Subject: subject, Detail: full})
}
