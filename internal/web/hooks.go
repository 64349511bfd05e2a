package web

import (
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
)

// hookSet are the pages about outgoing webhooks.
func (c *Console) hookSet() Set {
	if c.o.Hooks == nil {
		return Set{}
	}
	return Set{
		Pages: own(),
		Nav:   []Nav{{Path: "/hooks", Label: "Webhooks", Group: "Set-up", Go: "b", Need: identity.Hooks}},
		Routes: []Route{
			{Pattern: "GET /hooks", Need: identity.Hooks, Handle: c.hooks},
			{Pattern: "POST /hooks", Need: identity.Hooks, Handle: c.addHook},
			{Pattern: "GET /hooks/{id}", Need: identity.Hooks, Handle: c.hookOne},
			{Pattern: "POST /hooks/{id}/rotate", Need: identity.Hooks, Handle: c.rotateHook},
			{Pattern: "POST /hooks/{id}/end", Need: identity.Hooks, Handle: c.endHook},
			{Pattern: "POST /hooks/{id}/replay/{delivery}", Need: identity.Hooks, Handle: c.replayHook},
		},
	}
}

type hooksPage struct {
	Hooks     []identity.Hook
	Kinds     []string
	Creditors []Creditor
	All       bool
	Faults    map[string]string
	URL       string
	Secret    string // shown once
}

func (c *Console) hooks(r *Request) error { return c.showHooks(r, http.StatusOK, hooksPage{}) }

func (c *Console) showHooks(r *Request, status int, p hooksPage) (err error) {
	all, err := c.o.Hooks.Hooks(r.R.Context())
	if err != nil {
		return err
	}
	for _, h := range all {
		if r.User.Can(identity.Hooks, h.Creditor) {
			h.Secret = ""
			p.Hooks = append(p.Hooks, h)
		}
	}
	if p.Creditors, err = r.Creditors(identity.Hooks); err != nil {
		return err
	}
	p.Kinds, p.All = identity.EventKinds, r.User.Can(identity.Hooks, identity.AllCreditors)
	return r.PageStatus(status, "hooks.html", p)
}

func (c *Console) addHook(r *Request) error {
	h := identity.Hook{
		ID: uuid.NewString(), Creditor: r.Value("creditor"), URL: r.Value("url"), Kinds: append([]string{}, r.R.PostForm["kind"]...),
		Secret: "whsec_" + rand.Text(), By: r.User.By, Created: c.o.Wall(),
	}
	faults := map[string]string{}
	if h.Creditor == "" {
		faults["creditor"] = "Say whose events."
	} else if err := r.Require(identity.Hooks, h.Creditor); err != nil {
		return err
	}
	if part, want := identity.BadHook(h.URL, h.Kinds); part != "" {
		faults[part] = "It must be " + want + "."
	}
	if len(faults) > 0 {
		return c.showHooks(r, http.StatusUnprocessableEntity, hooksPage{Faults: faults, URL: h.URL})
	}
	if err := c.o.Hooks.AddHook(r.R.Context(), h); err != nil {
		return err
	}
	if err := r.Record("hook_added", h.ID, map[string]string{"creditor": h.Creditor}); err != nil {
		return err
	}
	return c.showHooks(r, http.StatusOK, hooksPage{Secret: h.Secret})
}

// myHook finds a webhook of a creditor for which the user has the permission.
func (c *Console) myHook(r *Request) (identity.Hook, error) {
	all, err := c.o.Hooks.Hooks(r.R.Context())
	if err != nil {
		return identity.Hook{}, err
	}
	for _, h := range all {
		if h.ID == r.R.PathValue("id") && r.User.Can(identity.Hooks, h.Creditor) {
			h.Secret = ""
			return h, nil
		}
	}
	return identity.Hook{}, NotFound("This webhook")
}

type hookPage struct {
	Hook       identity.Hook
	Deliveries []identity.Delivery
	Older      int64 // id to go on from; 0: no more
}

func (c *Console) hookOne(r *Request) error {
	h, err := c.myHook(r)
	if err != nil {
		return err
	}
	before := int64(math.MaxInt64)
	if n, err := strconv.ParseInt(r.Value("before"), 10, 64); err == nil && n > 0 {
		before = n
	}
	p := hookPage{Hook: h}
	if p.Deliveries, err = c.o.Hooks.Deliveries(r.R.Context(), h.ID, before, 100); err != nil {
		return err
	}
	if n := len(p.Deliveries); n == 100 {
		p.Older = p.Deliveries[n-1].ID
	}
	return r.Page("hook.html", p)
}

// OldSecret is how long the secret before a new one goes on signing.
const OldSecret = 24 * time.Hour

// RotateFault is the error of giving a webhook a new secret as an answer.
func RotateFault(err error) error {
	if errors.Is(err, identity.ErrSecrets) {
		return Conflict("The secret of this webhook was changed ten times within a day. Wait until an old one has ended, or remove the webhook and make another.")
	}
	return err
}

// rotateHook gives a webhook a new secret, which is shown once.
func (c *Console) rotateHook(r *Request) error {
	h, err := c.myHook(r)
	if err != nil {
		return err
	}
	secret := "whsec_" + rand.Text()
	now := c.o.Wall()
	if err := c.o.Hooks.RotateHook(r.R.Context(), h.ID, secret, now, now.Add(OldSecret)); err != nil {
		return RotateFault(err)
	}
	if err := r.Record("hook_rotated", h.ID, nil); err != nil {
		return err
	}
	return c.showHooks(r, http.StatusOK, hooksPage{Secret: secret})
}

func (c *Console) endHook(r *Request) error {
	h, err := c.myHook(r)
	if err != nil {
		return err
	}
	if err := c.o.Hooks.EndHook(r.R.Context(), h.ID, c.o.Wall()); err != nil {
		return err
	}
	if err := r.Record("hook_ended", h.ID, nil); err != nil {
		return err
	}
	return r.Done("/hooks", "That address is told no more.")
}

func (c *Console) replayHook(r *Request) error {
	h, err := c.myHook(r)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.R.PathValue("delivery"), 10, 64)
	if err != nil {
		return NotFound("This delivery")
	}
	if err := c.o.Hooks.ReplayDelivery(r.R.Context(), h.ID, id, c.o.Wall()); err != nil {
		return err
	}
	return r.Done("/hooks/"+h.ID, "It is sent again.")
}
