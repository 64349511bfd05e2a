package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/web"
)

// User is a person who works with Duly.
type User struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Title    string           `json:"title,omitempty"`
	Created  time.Time        `json:"created"`
	Disabled time.Time        `json:"disabled,omitzero"`
	Grants   []identity.Grant `json:"grants"`
	// Elsewhere says that the user signs in with the identity provider.
	Elsewhere bool `json:"signs_in_elsewhere,omitempty"`
}

// NewUser asks for a user.
type NewUser struct {
	Name   string           `json:"name" jsonschema:"pattern=^[A-Za-z0-9._@-]{2\\,64}$" jsonschema_description:"what they sign in with"`
	Title  string           `json:"title,omitempty" jsonschema:"maxLength=100"`
	Grants []identity.Grant `json:"grants"`
}

// Grants are a user's roles.
type Grants struct {
	Grants []identity.Grant `json:"grants"`
}

// Password is a first password, which is told once and must be changed.
type Password struct {
	ID       string `json:"id"`
	Password string `json:"password"`
}

// Session is a browser in which a user is signed in.
type Session struct {
	ID      string    `json:"id"`
	Method  string    `json:"method"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Expires time.Time `json:"expires"`
	Agent   string    `json:"agent,omitempty"`
}

// SignedOut is how many sessions ended.
type SignedOut struct {
	Sessions int `json:"sessions"`
}

// Key is an API key. Secret is told once, when it is made.
type Key struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Creditor string                `json:"creditor"`
	Scopes   []identity.Permission `json:"scopes"`
	Owner    string                `json:"owner"`
	Created  time.Time             `json:"created"`
	Expires  time.Time             `json:"expires,omitzero"`
	Revoked  time.Time             `json:"revoked,omitzero"`
	Used     time.Time             `json:"used,omitzero"` // to the minute
	Secret   string                `json:"secret,omitempty"`
	// Stopped says that the key does not work because its owner is shut out.
	Stopped bool `json:"stopped,omitempty"`
	// Lost are scopes that the key has not now because its owner has not.
	Lost []identity.Permission `json:"lost_scopes,omitempty"`
}

// NewKey asks for a key.
type NewKey struct {
	Name     string                `json:"name" jsonschema:"minLength=1,maxLength=100" jsonschema_description:"what it is for"`
	Creditor string                `json:"creditor" jsonschema_description:"\"*\" for all"`
	Scopes   []identity.Permission `json:"scopes" jsonschema:"minItems=1"`
	Expires  time.Time             `json:"expires,omitzero"`
}

func (h handlers) admin() []Operation {
	ops := []Operation{
		{Method: "GET", Path: "/users", ID: "listUsers", Saw: "users", Summary: "Users with their roles", Query: paging, Result: list[User]{}, Handle: h.users},
		{Method: "POST", Path: "/users", ID: "addUser", Summary: "Make a user; the answer holds their first password, once", Body: NewUser{}, Result: Password{}, Status: http.StatusCreated, Handle: h.addUser},
		{Method: "POST", Path: "/users/{id}/grants", ID: "setGrants", Summary: "Give a user other roles", Body: Grants{}, Handle: h.setGrants},
		{Method: "POST", Path: "/users/{id}/reset", ID: "resetPassword", Summary: "Give a user a new first password", Result: Password{}, Handle: h.resetPassword},
		{Method: "POST", Path: "/users/{id}/disable", ID: "disableUser", Summary: "Shut a user out, and sign them out everywhere", Handle: h.disable(true)},
		{Method: "POST", Path: "/users/{id}/enable", ID: "enableUser", Summary: "Let a user in again", Handle: h.disable(false)},
		{Method: "GET", Path: "/users/{id}/sessions", ID: "listSessions", Saw: "sessions", Summary: "Where a user is signed in", Query: paging, Result: list[Session]{}, Handle: h.sessions},
		{Method: "POST", Path: "/users/{id}/signout", ID: "signOutUser", Summary: "Sign a user out everywhere", Result: SignedOut{}, Handle: h.signOut},
		{Method: "GET", Path: "/keys", ID: "listKeys", Summary: "API keys", Query: paging, Result: list[Key]{}, Handle: h.keys},
		{Method: "POST", Path: "/keys", ID: "addKey", Summary: "Make an API key with no more than this one has; the answer holds its secret, once", Body: NewKey{}, Result: Key{}, Status: http.StatusCreated, Handle: h.addKey},
		{Method: "POST", Path: "/keys/{id}/revoke", ID: "revokeKey", Summary: "End an API key", Handle: h.revokeKey},
	}
	for i := range ops {
		ops[i].Tag, ops[i].Need = "admin", identity.Users
		if ops[i].Path[:5] == "/keys" {
			ops[i].Need = identity.Keys
		}
	}
	return ops
}

func (h handlers) users(c *Call) (any, error) {
	all, err := h.Desk.People.Users(c.R.Context())
	if err != nil {
		return nil, err
	}
	out := make([]User, len(all))
	for i, u := range all {
		out[i] = User{ID: u.ID, Name: u.Name, Title: u.Title, Created: u.Created, Disabled: u.Disabled, Grants: append([]identity.Grant{}, u.Grants...), Elsewhere: u.Issuer != ""}
	}
	return paged(c, out, func(u User) string { return u.ID })
}

// inForm turns the faults of a form into faults of the body, which has the same names.
func inForm(err error, names map[string]string) error {
	var e *web.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	var faults []Fault
	for name, says := range e.Fields {
		if to, ok := names[name]; ok {
			name = to
		}
		faults = append(faults, Fault{Pointer: "/" + name, Detail: says})
	}
	return invalid(faults...)
}

func (h handlers) addUser(c *Call) (any, error) {
	var in NewUser
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	id, password, err := h.Desk.People.AddUser(c.R.Context(), c.Who, web.NewUser{Name: in.Name, Title: in.Title, Grants: in.Grants})
	return Password{id, password}, inForm(err, map[string]string{"role": "grants"})
}

func (h handlers) setGrants(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This user")
	if err != nil {
		return nil, err
	}
	var in Grants
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	_, err = h.Desk.People.SetGrants(c.R.Context(), c.Who, id, in.Grants)
	return nil, inForm(err, map[string]string{"role": "grants"})
}

func (h handlers) resetPassword(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This user")
	if err != nil {
		return nil, err
	}
	_, password, err := h.Desk.People.ResetPassword(c.R.Context(), c.Who, id)
	return Password{id, password}, err
}

func (h handlers) disable(out bool) func(*Call) (any, error) {
	return func(c *Call) (any, error) {
		id, err := uuidOf(c, "id", "This user")
		if err != nil {
			return nil, err
		}
		_, err = h.Desk.People.Disable(c.R.Context(), c.Who, id, out)
		return nil, err
	}
}

func (h handlers) sessions(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This user")
	if err != nil {
		return nil, err
	}
	all, err := h.Desk.People.Sessions(c.R.Context(), id)
	if err != nil {
		return nil, err
	}
	out := make([]Session, len(all))
	for i, s := range all {
		out[i] = Session{s.ID, s.Method, s.Created, s.Seen, s.Expires, s.Agent}
	}
	return paged(c, out, func(s Session) string { return s.ID })
}

func (h handlers) signOut(c *Call) (any, error) {
	id, err := uuidOf(c, "id", "This user")
	if err != nil {
		return nil, err
	}
	n, err := h.Desk.People.SignOut(c.R.Context(), c.Who, id)
	return SignedOut{n}, err
}

func keyOf(k identity.Key, secret string) Key {
	return Key{k.ID, k.Name, k.Creditor, append([]identity.Permission{}, k.Scopes...), k.By, k.Created, k.Expires, k.Revoked, k.Used, secret, k.Stopped(), k.Lost()}
}

func (h handlers) keys(c *Call) (any, error) {
	all, err := h.Desk.People.Keys(c.R.Context(), c.Who)
	if err != nil {
		return nil, err
	}
	out := make([]Key, len(all))
	for i, k := range all {
		out[i] = keyOf(k, "")
	}
	return paged(c, out, func(k Key) string { return k.ID })
}

func (h handlers) addKey(c *Call) (any, error) {
	var in NewKey
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	k, secret, err := h.Desk.People.AddKey(c.R.Context(), c.Who, identity.Key{Name: in.Name, Creditor: in.Creditor, Scopes: in.Scopes, Expires: in.Expires})
	return keyOf(k, secret), inForm(err, map[string]string{"scope": "scopes", "days": "expires"})
}

func (h handlers) revokeKey(c *Call) (any, error) {
	_, err := h.Desk.People.RevokeKey(c.R.Context(), c.Who, c.R.PathValue("id"))
	return nil, err
}
