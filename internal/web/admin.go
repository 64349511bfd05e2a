package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
)

// adminSet are users and keys.
func (c *Console) adminSet() Set {
	return Set{
		Pages: own(),
		Nav: []Nav{
			{Path: "/users", Label: "Users", Group: "Set-up", Go: "u", Need: identity.Users},
			{Path: "/keys", Label: "API keys", Group: "Set-up", Go: "k", Need: identity.Keys},
		},
		Routes: []Route{
			{Pattern: "GET /users", Need: identity.Users, Handle: c.users, Saw: "users"},
			{Pattern: "POST /users", Need: identity.Users, Handle: c.addUser},
			{Pattern: "POST /users/{id}/grants", Need: identity.Users, Handle: c.setGrants},
			{Pattern: "POST /users/{id}/reset", Need: identity.Users, Handle: c.resetUser},
			{Pattern: "POST /users/{id}/disable", Need: identity.Users, Handle: c.disableUser},
			{Pattern: "POST /users/{id}/enable", Need: identity.Users, Handle: c.enableUser},
			{Pattern: "POST /users/{id}/signout", Need: identity.Users, Handle: c.signOutUser},
			{Pattern: "GET /keys", Need: identity.Keys, Handle: c.keys},
			{Pattern: "POST /keys", Need: identity.Keys, Handle: c.addKey},
			{Pattern: "POST /keys/{id}/revoke", Need: identity.Keys, Handle: c.revokeKey},
		},
	}
}

type usersPage struct {
	Users     []identity.User
	Roles     []identity.Role
	Creditors []Creditor
	Faults    map[string]string
	Name      string
	// Secret is shown once: of Name.
	Secret, Of string
}

func (c *Console) users(r *Request) error { return c.showUsers(r, http.StatusOK, usersPage{}) }

func (c *Console) showUsers(r *Request, status int, p usersPage) (err error) {
	if p.Users, err = c.o.People.Users(r.R.Context()); err != nil {
		return err
	}
	if p.Creditors, err = c.o.Creditors(r.R.Context()); err != nil {
		return err
	}
	p.Roles = identity.Roles()
	return r.PageStatus(status, "users.html", p)
}

// grantsIn reads lines such as "acme/collector" or "*/auditor".
func grantsIn(lines []string) ([]identity.Grant, error) {
	var out []identity.Grant
	for _, l := range lines {
		creditor, role, ok := strings.Cut(strings.TrimSpace(l), "/")
		g := identity.Grant{Creditor: creditor, Role: identity.Role(role)}
		if !ok || creditor == "" || !g.Role.Known() {
			return nil, fmt.Errorf("a role is written CREDITOR/ROLE with * for all creditors; roles are %v", identity.Roles())
		}
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out, nil
}

// chosen are the grants of the form: ticked ones, and one added by two selects.
func chosen(r *Request) ([]identity.Grant, error) {
	lines := slices.Clone(r.R.PostForm["grant"])
	if role := r.Value("role"); role != "" {
		lines = append(lines, r.Value("creditor")+"/"+role)
	}
	return grantsIn(lines)
}

func (c *Console) addUser(r *Request) error {
	name := strings.ToLower(r.Value("name"))
	grants, err := chosen(r)
	switch {
	case !identity.ValidName(name):
		return c.showUsers(r, http.StatusUnprocessableEntity, usersPage{Name: name, Faults: map[string]string{"name": "2 to 64 small letters, digits and . _ - @"}})
	case err != nil:
		return c.showUsers(r, http.StatusUnprocessableEntity, usersPage{Name: name, Faults: map[string]string{"role": err.Error()}})
	}
	secret := identity.NewPassword()
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	u := identity.User{Name: name, Title: r.Value("title"), Password: hash, MustChange: true, Created: c.o.Wall(), Grants: grants}
	id, err := c.o.People.AddUser(r.R.Context(), u)
	if errors.Is(err, identity.ErrTaken) {
		return c.showUsers(r, http.StatusUnprocessableEntity, usersPage{Name: name, Faults: map[string]string{"name": "This name is somebody's already."}})
	}
	if err != nil {
		return err
	}
	if err := r.Record("user_added", id, map[string]string{"grants": grantsText(grants)}); err != nil {
		return err
	}
	return c.showUsers(r, http.StatusOK, usersPage{Secret: secret, Of: name})
}

func grantsText(grants []identity.Grant) string {
	parts := make([]string, len(grants))
	for i, g := range grants {
		parts[i] = g.Creditor + "/" + string(g.Role)
	}
	return strings.Join(parts, " ")
}

func (c *Console) setGrants(r *Request) error {
	id := r.R.PathValue("id")
	grants, err := chosen(r)
	if err != nil {
		return Invalid(err.Error(), nil)
	}
	if id == r.session.User.ID {
		return Conflict("Nobody changes their own roles. Ask another admin.")
	}
	before, err := c.o.People.UserByID(r.R.Context(), id)
	if err != nil {
		return err
	}
	if err := c.o.People.SetGrants(r.R.Context(), id, grants); err != nil {
		return err
	}
	if err := r.Record("roles_changed", id, map[string]string{"before": grantsText(before.Grants), "after": grantsText(grants)}); err != nil {
		return err
	}
	return r.Done("/users", "The roles of "+before.Label()+" are changed, from the next click on.")
}

func (c *Console) resetUser(r *Request) error {
	u, err := c.o.People.UserByID(r.R.Context(), r.R.PathValue("id"))
	if err != nil {
		return err
	}
	secret := identity.NewPassword()
	hash, err := identity.HashPassword(secret)
	if err != nil {
		return err
	}
	if err := c.o.People.SetPassword(r.R.Context(), u.ID, hash, true, identity.Hash{}); err != nil {
		return err
	}
	if err := r.Record("password_reset", u.ID, nil); err != nil {
		return err
	}
	return c.showUsers(r, http.StatusOK, usersPage{Secret: secret, Of: u.Name})
}

func (c *Console) disableUser(r *Request) error {
	if r.R.PathValue("id") == r.session.User.ID {
		return Conflict("Nobody shuts themselves out. Ask another admin.")
	}
	return c.setDisabled(r, c.o.Wall(), "user_disabled", "is shut out and signed out everywhere.")
}

func (c *Console) enableUser(r *Request) error {
	return c.setDisabled(r, time.Time{}, "user_enabled", "may sign in again.")
}

func (c *Console) setDisabled(r *Request, at time.Time, action, words string) error {
	u, err := c.o.People.UserByID(r.R.Context(), r.R.PathValue("id"))
	if err != nil {
		return err
	}
	if err := c.o.People.Disable(r.R.Context(), u.ID, at); err != nil {
		return err
	}
	if err := r.Record(action, u.ID, nil); err != nil {
		return err
	}
	return r.Done("/users", u.Label()+" "+words)
}

func (c *Console) signOutUser(r *Request) error {
	id := r.R.PathValue("id")
	n, err := c.o.People.EndSessions(r.R.Context(), id, identity.Hash{})
	if err != nil {
		return err
	}
	if err := r.Record("signed_out_by_admin", id, map[string]string{"sessions": strconv.Itoa(n)}); err != nil {
		return err
	}
	if id == r.session.User.ID {
		return r.Redirect("/login")
	}
	return r.Done("/users", Plural(n, "session", "sessions")+" ended.")
}

// --- API keys ---------------------------------------------------------------------

type keysPage struct {
	Keys      []identity.Key
	Scopes    []identity.Permission
	Creditors []Creditor
	Faults    map[string]string
	Secret    string // shown once
	All       bool   // may make keys for all creditors
}

// Scopes are the permissions that a key may be given: what a person alone may do is left out.
func Scopes() []identity.Permission {
	alone := []identity.Permission{
		identity.Users, identity.Keys, identity.Codec, identity.Approve, identity.Sample, identity.Numbers, identity.Team,
		identity.ApproveDraft, identity.ApproveReferral, identity.ApproveSettlement,
	}
	return slices.DeleteFunc(identity.Permissions(), func(p identity.Permission) bool { return slices.Contains(alone, p) })
}

func (c *Console) keys(r *Request) error { return c.showKeys(r, http.StatusOK, keysPage{}) }

func (c *Console) showKeys(r *Request, status int, p keysPage) error {
	all, err := c.o.People.Keys(r.R.Context())
	if err != nil {
		return err
	}
	for _, k := range all {
		if r.User.Can(identity.Keys, k.Creditor) {
			p.Keys = append(p.Keys, k)
		}
	}
	if p.Creditors, err = r.Creditors(identity.Keys); err != nil {
		return err
	}
	p.Scopes, p.All = Scopes(), r.User.Can(identity.Keys, identity.AllCreditors)
	return r.PageStatus(status, "keys.html", p)
}

// addKey makes a key. Nobody gives a key more than they have, but for admins, who hand
// out rights without having them.
func (c *Console) addKey(r *Request) error {
	k, faults := c.keyOf(r)
	if k.Creditor == "" {
		faults["creditor"] = "Say for which creditor."
	} else if err := r.Require(identity.Keys, k.Creditor); err != nil {
		return err
	}
	for _, s := range k.Scopes {
		if k.Creditor != "" && !r.User.Can(s, k.Creditor) && !r.User.Can(identity.Users, identity.AllCreditors) {
			return Forbidden(s, k.Creditor)
		}
	}
	if len(faults) > 0 {
		return c.showKeys(r, http.StatusUnprocessableEntity, keysPage{Faults: faults})
	}
	k.ID = strings.ToLower(rand.Text()[:12])
	secret := identity.NewKey(k.ID)
	if err := c.o.People.AddKey(r.R.Context(), identity.HashToken(secret), k); err != nil {
		return err
	}
	detail := map[string]string{"creditor": k.Creditor, "scopes": fmt.Sprint(k.Scopes)}
	if err := r.Record("key_added", k.ID, detail); err != nil {
		return err
	}
	return c.showKeys(r, http.StatusOK, keysPage{Secret: secret})
}

func (c *Console) keyOf(r *Request) (identity.Key, map[string]string) {
	now, faults := c.o.Wall(), map[string]string{}
	k := identity.Key{Name: r.Value("name"), Creditor: r.Value("creditor"), By: r.User.By, Created: now}
	for _, s := range r.R.PostForm["scope"] {
		if p := identity.Permission(s); slices.Contains(Scopes(), p) {
			k.Scopes = append(k.Scopes, p)
		} else {
			faults["scope"] = "There is no scope of that name."
		}
	}
	if k.Name == "" || len(k.Name) > 100 {
		faults["name"] = "Say what the key is for."
	}
	if len(k.Scopes) == 0 {
		faults["scope"] = "Tick what the key may do."
	}
	switch days, err := strconv.Atoi(r.Value("days")); {
	case err != nil || days < 0 || days > 3650:
		faults["days"] = "A number of days up to 3650; 0 = for ever."
	case days > 0:
		k.Expires = now.AddDate(0, 0, days)
	}
	return k, faults
}

func (c *Console) revokeKey(r *Request) error {
	id := r.R.PathValue("id")
	all, err := c.o.People.Keys(r.R.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k identity.Key) bool { return k.ID == id && r.User.Can(identity.Keys, k.Creditor) })
	if i < 0 {
		return NotFound("This key")
	}
	if err := c.o.People.RevokeKey(r.R.Context(), id, c.o.Wall()); err != nil {
		return err
	}
	if err := r.Record("key_revoked", id, nil); err != nil {
		return err
	}
	return r.Done("/keys", "The key "+all[i].Name+" no longer works.")
}
