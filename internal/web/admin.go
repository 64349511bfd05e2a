package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	if err != nil && identity.ValidName(name) {
		return c.showUsers(r, http.StatusUnprocessableEntity, usersPage{Name: name, Faults: map[string]string{"role": err.Error()}})
	}
	_, secret, err := c.AddUser(r.R.Context(), r.User, NewUser{Name: name, Title: r.Value("title"), Grants: grants})
	if faults := fieldsOf(err); faults != nil {
		return c.showUsers(r, http.StatusUnprocessableEntity, usersPage{Name: name, Faults: faults})
	}
	if err != nil {
		return err
	}
	return c.showUsers(r, http.StatusOK, usersPage{Secret: secret, Of: name})
}

// fieldsOf are the faults of a form that an error tells, nil for none.
func fieldsOf(err error) map[string]string {
	var e *Error
	if errors.As(err, &e) && len(e.Fields) > 0 {
		return e.Fields
	}
	return nil
}

func grantsText(grants []identity.Grant) string {
	parts := make([]string, len(grants))
	for i, g := range grants {
		parts[i] = g.Creditor + "/" + string(g.Role)
	}
	return strings.Join(parts, " ")
}

func (c *Console) setGrants(r *Request) error {
	grants, err := chosen(r)
	if err != nil {
		return Invalid(err.Error(), nil)
	}
	u, err := c.SetGrants(r.R.Context(), r.User, r.R.PathValue("id"), grants)
	if err != nil {
		return err
	}
	return r.Done("/users", "The roles of "+u.Label()+" are changed, from the next click on.")
}

func (c *Console) resetUser(r *Request) error {
	u, secret, err := c.ResetPassword(r.R.Context(), r.User, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	return c.showUsers(r, http.StatusOK, usersPage{Secret: secret, Of: u.Name})
}

func (c *Console) disableUser(r *Request) error {
	return c.setDisabled(r, true, "is shut out and signed out everywhere.")
}

func (c *Console) enableUser(r *Request) error { return c.setDisabled(r, false, "may sign in again.") }

func (c *Console) setDisabled(r *Request, out bool, words string) error {
	u, err := c.Disable(r.R.Context(), r.User, r.R.PathValue("id"), out)
	if err != nil {
		return err
	}
	return r.Done("/users", u.Label()+" "+words)
}

func (c *Console) signOutUser(r *Request) error {
	id := r.R.PathValue("id")
	n, err := c.SignOut(r.R.Context(), r.User, id)
	if err != nil {
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
	Form      identity.Key
	Days      string // as it was written
}

// Ticked reports whether the form that is sent back had this ticked.
func (p keysPage) Ticked(scope identity.Permission) bool {
	return slices.Contains(p.Form.Scopes, scope)
}

// Scopes are the permissions that a key may be given: what a person alone may do is left out.
func Scopes() []identity.Permission {
	alone := []identity.Permission{
		identity.Codec, identity.Approve, identity.Sample, identity.Numbers,
		identity.ApproveDraft, identity.ApproveReferral, identity.ApproveSettlement,
	}
	return slices.DeleteFunc(identity.Permissions(), func(p identity.Permission) bool { return slices.Contains(alone, p) })
}

func (c *Console) keys(r *Request) error { return c.showKeys(r, http.StatusOK, keysPage{}) }

func (c *Console) showKeys(r *Request, status int, p keysPage) (err error) {
	if p.Keys, err = c.Keys(r.R.Context(), r.User); err != nil {
		return err
	}
	if p.Creditors, err = r.Creditors(identity.Keys); err != nil {
		return err
	}
	p.Scopes, p.All = Scopes(), r.User.Can(identity.Keys, identity.AllCreditors)
	return r.PageStatus(status, "keys.html", p)
}

// addKey makes a key, see AddKey.
func (c *Console) addKey(r *Request) error {
	k, faults := c.keyOf(r)
	if len(faults) > 0 {
		return c.showKeys(r, http.StatusUnprocessableEntity, keysPage{Faults: faults, Form: k, Days: r.Value("days")})
	}
	_, secret, err := c.AddKey(r.R.Context(), r.User, k)
	if faults := fieldsOf(err); faults != nil {
		return c.showKeys(r, http.StatusUnprocessableEntity, keysPage{Faults: faults, Form: k, Days: r.Value("days")})
	}
	if err != nil {
		return err
	}
	return c.showKeys(r, http.StatusOK, keysPage{Secret: secret})
}

// keyOf reads the form of a key.
func (c *Console) keyOf(r *Request) (identity.Key, map[string]string) {
	faults := map[string]string{}
	k := identity.Key{Name: r.Value("name"), Creditor: r.Value("creditor")}
	for _, s := range r.R.PostForm["scope"] {
		k.Scopes = append(k.Scopes, identity.Permission(s))
	}
	switch days, err := strconv.Atoi(r.Value("days")); {
	case err != nil || days < 0 || days > 3650:
		faults["days"] = "A number of days up to 3650; 0 = for ever."
	case days > 0:
		k.Expires = c.o.Wall().AddDate(0, 0, days)
	}
	return k, faults
}

func (c *Console) revokeKey(r *Request) error {
	k, err := c.RevokeKey(r.R.Context(), r.User, r.R.PathValue("id"))
	if err != nil {
		return err
	}
	return r.Done("/keys", "The key "+k.Name+" no longer works.")
}
