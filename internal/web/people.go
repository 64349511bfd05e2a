package web

import (
	"context"
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

// What admins do with users and keys, for pages and for the API: each asks who may, does
// it, and writes it into the audit.

// acting says to the store who changes users, roles and keys.
func acting(ctx context.Context, who identity.Principal) context.Context {
	return identity.ActingAs(ctx, orNobody(who.By))
}

// NewUser is a user to be made.
type NewUser struct {
	Name, Title string
	Grants      []identity.Grant
}

// mustName refuses grants of roles that there are not.
func mustName(grants []identity.Grant) error {
	for _, g := range grants {
		if g.Creditor == "" || !g.Role.Known() {
			return Invalid(fmt.Sprintf("A role is for a creditor, or * for all of them; roles are %v.", identity.Roles()), map[string]string{"role": "There is no such role."})
		}
	}
	return nil
}

// isSelf reports whether a user's id is who asks, or who made the key that asks.
func isSelf(who identity.Principal, id string) bool {
	return who.By == "user:"+id || who.Owner == "user:"+id
}

// Users lists all users.
func (c *Console) Users(ctx context.Context) ([]identity.User, error) { return c.o.People.Users(ctx) }

// AddUser makes a user, whose first password is told once.
func (c *Console) AddUser(ctx context.Context, who identity.Principal, n NewUser) (id, password string, err error) {
	n.Name = strings.ToLower(strings.TrimSpace(n.Name))
	if !identity.ValidName(n.Name) {
		const want = "2 to 64 small letters, digits and . _ - @"
		return "", "", Invalid("A user’s name has "+want+".", map[string]string{"name": want})
	}
	if err := mustName(n.Grants); err != nil {
		return "", "", err
	}
	password = identity.NewPassword()
	hash, err := identity.HashPassword(password)
	if err != nil {
		return "", "", err
	}
	id, err = c.o.People.AddUser(acting(ctx, who), identity.User{Name: n.Name, Title: n.Title, Password: hash, MustChange: true, Created: c.o.Wall(), Grants: n.Grants})
	if errors.Is(err, identity.ErrTaken) {
		return "", "", Invalid("This name is somebody’s already.", map[string]string{"name": "This name is somebody's already."})
	}
	if err != nil {
		return "", "", err
	}
	return id, password, c.record(ctx, who, "user_added", id, map[string]string{"grants": grantsText(n.Grants), "owner": who.Owner})
}

// SetGrants gives a user other roles, and returns the user as before.
func (c *Console) SetGrants(ctx context.Context, who identity.Principal, id string, grants []identity.Grant) (identity.User, error) {
	if err := mustName(grants); err != nil {
		return identity.User{}, err
	}
	if isSelf(who, id) {
		return identity.User{}, Conflict("Nobody changes their own roles. Ask another admin.")
	}
	before, err := c.o.People.UserByID(ctx, id)
	if err != nil {
		return before, err
	}
	if err := c.o.People.SetGrants(acting(ctx, who), id, grants); err != nil {
		return before, err
	}
	return before, c.record(ctx, who, "roles_changed", id, map[string]string{"before": grantsText(before.Grants), "after": grantsText(grants), "owner": who.Owner})
}

// ResetPassword gives a user a new first password and ends their sessions.
func (c *Console) ResetPassword(ctx context.Context, who identity.Principal, id string) (u identity.User, password string, err error) {
	if u, err = c.o.People.UserByID(ctx, id); err != nil {
		return u, "", err
	}
	password = identity.NewPassword()
	hash, err := identity.HashPassword(password)
	if err != nil {
		return u, "", err
	}
	if err := c.o.People.SetPassword(acting(ctx, who), u.ID, hash, true, identity.Hash{}); err != nil {
		return u, "", err
	}
	return u, password, c.record(ctx, who, "password_reset", u.ID, map[string]string{"owner": who.Owner})
}

// Disable shuts a user out and signs them out everywhere, or lets them in again.
func (c *Console) Disable(ctx context.Context, who identity.Principal, id string, out bool) (identity.User, error) {
	at, action := time.Time{}, "user_enabled"
	if out {
		at, action = c.o.Wall(), "user_disabled"
		if isSelf(who, id) {
			return identity.User{}, Conflict("Nobody shuts themselves out. Ask another admin.")
		}
	}
	u, err := c.o.People.UserByID(ctx, id)
	if err != nil {
		return u, err
	}
	if err := c.o.People.Disable(acting(ctx, who), u.ID, at); err != nil {
		return u, err
	}
	return u, c.record(ctx, who, action, u.ID, map[string]string{"owner": who.Owner})
}

// SignOut ends all sessions of a user, and says how many there were.
func (c *Console) SignOut(ctx context.Context, who identity.Principal, id string) (int, error) {
	n, err := c.o.People.EndSessions(ctx, id, identity.Hash{})
	if err != nil {
		return 0, err
	}
	return n, c.record(ctx, who, "signed_out_by_admin", id, map[string]string{"sessions": strconv.Itoa(n), "owner": who.Owner})
}

// Sessions are the browsers in which a user is signed in.
func (c *Console) Sessions(ctx context.Context, id string) ([]identity.Session, error) {
	if _, err := c.o.People.UserByID(ctx, id); err != nil {
		return nil, err
	}
	return c.o.People.Sessions(ctx, id)
}

// Keys lists the API keys that somebody may see.
func (c *Console) Keys(ctx context.Context, who identity.Principal) ([]identity.Key, error) {
	all, err := c.o.People.Keys(ctx)
	return slices.DeleteFunc(all, func(k identity.Key) bool { return !who.Can(identity.Keys, k.Creditor) }), err
}

// Powerful scopes make users and keys: a key that has one ends within mightyFor.
var powerful = []identity.Permission{identity.Users, identity.Keys}

const mightyFor = 90 * 24 * time.Hour

// AddKey makes an API key, whose secret is told once. Nobody gives a key more than they
// have, but for admins, who hand out rights without having them; and a key gives no more
// than itself, whoever made it.
func (c *Console) AddKey(ctx context.Context, who identity.Principal, k identity.Key) (identity.Key, string, error) {
	faults := badKey(k)
	if k.Creditor != "" && !who.Can(identity.Keys, k.Creditor) {
		return k, "", Forbidden(identity.Keys, k.Creditor)
	}
	admin := who.Can(identity.Users, identity.AllCreditors) && len(who.Grants) > 0
	for _, s := range k.Scopes {
		if k.Creditor != "" && slices.Contains(Scopes(), s) && !who.Can(s, k.Creditor) && !admin {
			return k, "", Forbidden(s, k.Creditor)
		}
	}
	now := c.o.Wall()
	mighty := slices.ContainsFunc(k.Scopes, func(p identity.Permission) bool { return slices.Contains(powerful, p) })
	if mighty && (k.Expires.IsZero() || k.Expires.After(now.Add(mightyFor))) {
		faults["days"] = "A key that makes users or keys ends after at most 90 days."
	}
	if !k.Expires.IsZero() && !k.Expires.After(now) {
		faults["days"] = "The key would have ended already."
	}
	if len(faults) > 0 {
		return k, "", &Error{Status: http.StatusUnprocessableEntity, Title: "Please check your input", Detail: "The key cannot be made as asked.", Fields: faults}
	}
	k.ID, k.By, k.Created = strings.ToLower(rand.Text()[:12]), who.By, now
	if who.Owner != "" {
		k.By = who.Owner // a key answers for its owner
	}
	secret := identity.NewKey(k.ID)
	if err := c.o.People.AddKey(acting(ctx, who), identity.HashToken(secret), k); err != nil {
		return k, "", err
	}
	return k, secret, c.record(ctx, who, "key_added", k.ID, map[string]string{"creditor": k.Creditor, "scopes": fmt.Sprint(k.Scopes), "owner": who.Owner})
}

// badKey is what is wrong with a key to be made, by input.
func badKey(k identity.Key) map[string]string {
	faults := map[string]string{}
	if k.Creditor == "" {
		faults["creditor"] = "Say for which creditor."
	}
	if k.Name == "" || len(k.Name) > 100 {
		faults["name"] = "Say what the key is for, in up to 100 characters."
	}
	if len(k.Scopes) == 0 {
		faults["scope"] = "Tick what the key may do."
	}
	for _, s := range k.Scopes {
		if !slices.Contains(Scopes(), s) {
			faults["scope"] = "There is no scope of that name."
		}
	}
	return faults
}

// RevokeKey ends a key, and returns it.
func (c *Console) RevokeKey(ctx context.Context, who identity.Principal, id string) (identity.Key, error) {
	all, err := c.Keys(ctx, who)
	if err != nil {
		return identity.Key{}, err
	}
	i := slices.IndexFunc(all, func(k identity.Key) bool { return k.ID == id })
	if i < 0 {
		return identity.Key{}, NotFound("This key")
	}
	if err := c.o.People.RevokeKey(acting(ctx, who), id, c.o.Wall()); err != nil {
		return all[i], err
	}
	return all[i], c.record(ctx, who, "key_revoked", id, map[string]string{"owner": who.Owner})
}
