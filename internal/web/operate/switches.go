package operate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type switchesPage struct {
	On, Past  []Switch
	Restored  read.Restored
	Scopes    []dunning.SwitchScope
	Subjects  []string
	Names     map[string]string
	Faults    map[string]string
	Scope     string
	Subject   string
	Reason    string
	Hours     string
	Creditors []web.Creditor
}

// By names who did something.
func (p switchesPage) By(by string) string {
	if name := p.Names[trimUser(by)]; name != "" {
		return name
	}
	return by
}

// UTC is an instant in full.
func (p switchesPage) UTC(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

func trimUser(by string) string {
	const prefix = "user:"
	if len(by) > len(prefix) && by[:len(prefix)] == prefix {
		return by[len(prefix):]
	}
	return by
}

// inForce are the switches that stop something at an instant.
func (d *operations) inForce(ctx context.Context, at time.Time) ([]Switch, error) {
	all, err := d.Switches(ctx)
	if err != nil {
		return nil, err
	}
	var out []Switch
	for _, s := range all {
		if s.InForce(at) {
			out = append(out, s)
		}
	}
	return out, nil
}

func (d *operations) switches(r *web.Request) error { return d.showSwitches(r, switchesPage{}) }

func (d *operations) showSwitches(r *web.Request, p switchesPage) (err error) {
	ctx := r.R.Context()
	p.Scopes = dunning.SwitchScopes()
	if p.On, err = d.inForce(ctx, r.Now); err != nil {
		return err
	}
	if p.Past, err = d.History(ctx, 50); err != nil {
		return err
	}
	if p.Restored, err = d.Restored(ctx); err != nil {
		return err
	}
	if p.Names, err = d.Names(ctx); err != nil {
		return err
	}
	if p.Subjects, err = d.subjects(ctx); err != nil {
		return err
	}
	if r.WantsCSV() {
		var rows [][]string
		for _, s := range slices.Concat(p.On, p.Past) {
			rows = append(rows, []string{string(s.Scope), s.Subject, s.Reason, p.By(s.By), stamp(s.On), stamp(s.Until), stamp(s.Off), p.By(s.OffBy), s.OffReason})
		}
		return file(r, "switches", []string{"scope", "subject", "reason", "by", "on", "until", "off", "off_by", "off_reason"}, rows)
	}
	if p.Faults != nil {
		return r.PageStatus(422, "switches.html", p)
	}
	return r.Page("switches.html", p)
}

// subjects are what a switch can name, for completion.
func (d *operations) subjects(ctx context.Context) ([]string, error) {
	c, err := d.Config(ctx)
	if err != nil {
		return nil, err
	}
	out := []string{string(dunning.Email), string(dunning.SMS), string(dunning.Letter)}
	for _, cr := range c.Creditors() {
		out = append(out, cr.ID)
	}
	for _, s := range c.Sequences() {
		out = append(out, s.ID)
	}
	seen := map[string]bool{}
	for _, t := range c.Templates() {
		if !seen[t.Name] {
			seen[t.Name] = true
			out = append(out, t.Name)
		}
	}
	return out, nil
}

// switchOn stops sending. What the switch reaches the user must be allowed to stop: a
// switch of one creditor needs the right there, any other the right everywhere.
func (d *operations) switchOn(r *web.Request) error {
	p := switchesPage{Scope: r.Value("scope"), Subject: r.Value("subject"), Reason: r.Value("reason"), Hours: r.Value("hours"), Faults: map[string]string{}}
	s := Switch{Switch: dunning.Switch{Scope: dunning.SwitchScope(p.Scope), Subject: p.Subject}, Reason: p.Reason, By: r.User.By, On: r.Now}
	if err := r.Require(identity.Operate, reachOf(s.Switch)); err != nil {
		return err
	}
	if p.Hours != "" {
		h, err := time.ParseDuration(p.Hours + "h")
		if err != nil || h <= 0 || h > 90*24*time.Hour {
			p.Faults["hours"] = "Write for how many hours, such as 4; empty means until it is lifted."
		}
		s.Until = r.Now.Add(h)
	}
	if p.Reason == "" {
		p.Faults["reason"] = "Write why: whoever finds the switch on must know."
	}
	if err := s.Check(); err != nil {
		p.Faults["subject"] = err.Error()
	}
	if len(p.Faults) > 0 {
		return d.showSwitches(r, p)
	}
	if err := d.SwitchOn(r.R.Context(), s); err != nil {
		return err
	}
	return r.Done("/switches", "Sending is stopped: "+reachWords(s.Switch)+".")
}

// reachOf is the creditor whom a switch reaches, or all of them.
func reachOf(s dunning.Switch) string {
	if s.Scope == dunning.SwitchCreditor && s.Subject != "" {
		return s.Subject
	}
	return identity.AllCreditors
}

func reachWords(s dunning.Switch) string {
	if s.Scope == dunning.SwitchGlobal {
		return "everything"
	}
	return string(s.Scope) + " " + s.Subject
}

// switchOff lifts a switch, with a reason.
func (d *operations) switchOff(r *web.Request) error {
	s := dunning.Switch{Scope: dunning.SwitchScope(r.Value("scope")), Subject: r.Value("subject")}
	if err := r.Require(identity.Operate, reachOf(s)); err != nil {
		return err
	}
	reason := r.Value("reason")
	if reason == "" {
		return web.Invalid("Write why the switch is lifted.", map[string]string{"reason": "Write why."})
	}
	err := d.SwitchOff(r.R.Context(), s, r.Now, r.User.By, reason)
	if errors.Is(err, dunning.ErrUnknown) {
		return web.Conflict("This switch is not on any more.")
	}
	if err != nil {
		return err
	}
	return r.Done("/switches", "Lifted: "+reachWords(s)+". What waited goes on.")
}

// endRestore says that what a restored database had forgotten is put right.
func (d *operations) endRestore(r *web.Request) error {
	if err := r.Require(identity.Operate, identity.AllCreditors); err != nil {
		return err
	}
	reason := r.Value("reason")
	if reason == "" {
		return web.Invalid("Write how it was put right.", map[string]string{"reason": "Write how."})
	}
	err := d.EndRestore(r.R.Context(), r.User.By, reason, r.Value("anyway") != "")
	if errors.Is(err, dunning.ErrConflict) {
		return web.Conflict("It cannot be ended: either the providers were not asked yet (duly restore reconcile), or somebody has ended it already.")
	}
	if err != nil {
		return err
	}
	return r.Done("/switches", "The restore is put right. Lift the switches of the channels one by one.")
}
