package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// AddUser makes a user and returns the id. ErrTaken if the name or the subject at the
// issuer is somebody's already. u.ID may be "". Who does it (identity.ActingAs) is in the
// log of users, roles and keys; so is every other change below.
func (s *Store) AddUser(ctx context.Context, u identity.User) (string, error) {
	if u.ID == "" {
		u.ID = uuid.NewString()
	}
	err := s.acting(ctx, func(q *sqlgen.Queries) error {
		err := q.AddUser(ctx, sqlgen.AddUserParams{
			ID: u.ID, Name: u.Name, Title: cleanText(u.Title), Email: cleanText(u.Email), Password: u.Password, MustChange: u.MustChange,
			OidcIssuer: u.Issuer, OidcSubject: u.Subject, CreatedAt: micros(u.Created),
		})
		if err != nil {
			return err
		}
		return putGrants(ctx, q, u.ID, u.Grants)
	})
	if err != nil {
		return "", fmt.Errorf("adding user %s: %w", u.Name, explain(err))
	}
	return u.ID, nil
}

// acting runs f in a transaction whose changes are logged as the actor's.
func (s *Store) acting(ctx context.Context, f func(*sqlgen.Queries) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		if err := q.ActingAs(ctx, cleanText(identity.Actor(ctx))); err != nil {
			return err
		}
		return f(q)
	})
}

// putGrants gives a user roles and takes all others; those they have stay as they are.
func putGrants(ctx context.Context, q *sqlgen.Queries, user string, grants []identity.Grant) error {
	creditors, roles := []string{}, []string{}
	for _, g := range grants {
		creditors, roles = append(creditors, g.Creditor), append(roles, string(g.Role))
	}
	if err := q.DropOtherGrants(ctx, user, creditors, roles); err != nil {
		return err
	}
	return q.AddGrants(ctx, user, creditors, roles)
}

// UserByName finds a user by the name they sign in with. ErrNotFound if there is none.
func (s *Store) UserByName(ctx context.Context, name string) (identity.User, error) {
	row, err := s.q.UserByName(ctx, name)
	return s.user(ctx, row, err)
}

// UserByID finds a user. ErrNotFound if there is none.
func (s *Store) UserByID(ctx context.Context, id string) (identity.User, error) {
	row, err := s.q.UserByID(ctx, id)
	return s.user(ctx, row, err)
}

// UserBySubject finds who an issuer knows as subject. ErrNotFound if there is none.
func (s *Store) UserBySubject(ctx context.Context, issuer, subject string) (identity.User, error) {
	row, err := s.q.UserBySubject(ctx, issuer, subject)
	return s.user(ctx, row, err)
}

// user adds the grants to a row.
func (s *Store) user(ctx context.Context, row sqlgen.User, err error) (identity.User, error) {
	if err != nil {
		return identity.User{}, fmt.Errorf("user: %w", explain(err))
	}
	grants, err := s.q.GrantsOf(ctx, row.ID)
	if err != nil {
		return identity.User{}, fmt.Errorf("roles of a user: %w", explain(err))
	}
	u := userOf(row)
	for _, g := range grants {
		u.Grants = append(u.Grants, identity.Grant{Creditor: g.CreditorID, Role: identity.Role(g.Role)})
	}
	return u, nil
}

// userOf reads a row. Settings that cannot be read are none: they are only wishes.
func userOf(r sqlgen.User) identity.User {
	u := identity.User{
		ID: r.ID, Name: r.Name, Title: r.Title, Email: r.Email, Password: r.Password, MustChange: r.MustChange,
		Issuer: r.OidcIssuer, Subject: r.OidcSubject, Disabled: orZero(r.DisabledAt), Created: r.CreatedAt,
	}
	if json.Unmarshal(r.Settings, &u.Settings) != nil {
		u.Settings = identity.Settings{}
	}
	return u
}

// orZero is the zero instant for none.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// orNil is none for the zero instant.
func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = micros(t)
	return &t
}

// Users lists all users by name.
func (s *Store) Users(ctx context.Context) ([]identity.User, error) {
	rows, err := s.q.AllUsers(ctx)
	if err != nil {
		return nil, fmt.Errorf("users: %w", explain(err))
	}
	grants, err := s.q.AllGrants(ctx)
	if err != nil {
		return nil, fmt.Errorf("roles of users: %w", explain(err))
	}
	of := map[string][]identity.Grant{}
	for _, g := range grants {
		of[g.UserID] = append(of[g.UserID], identity.Grant{Creditor: g.CreditorID, Role: identity.Role(g.Role)})
	}
	out := make([]identity.User, len(rows))
	for i, r := range rows {
		out[i] = userOf(r)
		out[i].Grants = of[r.ID]
	}
	return out, nil
}

// SetPassword replaces a password's hash and signs the user out everywhere, but for the
// session with the hash given (zero: none is spared).
func (s *Store) SetPassword(ctx context.Context, user, hash string, mustChange bool, besides identity.Hash) error {
	return s.changeUser(ctx, user, func(q *sqlgen.Queries) (int64, error) {
		if _, err := q.DropSessionsOf(ctx, user, besides[:]); err != nil {
			return 0, err
		}
		return q.SetPassword(ctx, hash, mustChange, user)
	})
}

// SetProfile replaces what others see of a user.
func (s *Store) SetProfile(ctx context.Context, user, title, email string) error {
	return s.changeUser(ctx, user, func(q *sqlgen.Queries) (int64, error) {
		return q.SetUser(ctx, cleanText(title), cleanText(email), user)
	})
}

// SetSettings replaces what a user chose for themselves.
func (s *Store) SetSettings(ctx context.Context, user string, set identity.Settings) error {
	b, err := encodeJSON(set)
	if err != nil {
		return err
	}
	return s.changeUser(ctx, user, func(q *sqlgen.Queries) (int64, error) { return q.SetSettings(ctx, b, user) })
}

// SetGrants replaces the roles of a user, in force with the next request. identity.ErrLastAdmin if
// nobody else could let others in.
func (s *Store) SetGrants(ctx context.Context, user string, grants []identity.Grant) error {
	return s.changeUser(ctx, user, func(q *sqlgen.Queries) (int64, error) {
		if !slices.Contains(grants, identity.Grant{Creditor: identity.AllCreditors, Role: identity.Admin}) {
			if err := otherAdmin(ctx, q, user); err != nil {
				return 0, err
			}
		}
		return 1, putGrants(ctx, q, user, grants)
	})
}

// Disable shuts a user out and ends their sessions, or with the zero instant lets them in
// again. identity.ErrLastAdmin if nobody else could let others in.
func (s *Store) Disable(ctx context.Context, user string, at time.Time) error {
	return s.changeUser(ctx, user, func(q *sqlgen.Queries) (int64, error) {
		if !at.IsZero() {
			if err := otherAdmin(ctx, q, user); err != nil {
				return 0, err
			}
		}
		// Also when they are let in again: one that was being opened while they were shut out
		// must not come to life.
		if _, err := q.DropSessionsOf(ctx, user, noHash[:]); err != nil {
			return 0, err
		}
		return q.SetDisabled(ctx, orNil(at), user)
	})
}

// noHash is no token's.
var noHash identity.Hash

// otherAdmin refuses to take the last admin away. A user who is none may always change.
func otherAdmin(ctx context.Context, q *sqlgen.Queries, user string) error {
	others, err := q.CountAdmins(ctx, user)
	if err != nil || others > 0 {
		return err
	}
	grants, err := q.GrantsOf(ctx, user)
	if err == nil && slices.Contains(grants, sqlgen.GrantsOfRow{CreditorID: identity.AllCreditors, Role: string(identity.Admin)}) {
		err = identity.ErrLastAdmin
	}
	return err
}

// changeUser runs one change in a transaction in which nobody else changes rights.
func (s *Store) changeUser(ctx context.Context, user string, f func(*sqlgen.Queries) (int64, error)) error {
	err := s.acting(ctx, func(q *sqlgen.Queries) error {
		if err := q.LockUsers(ctx); err != nil {
			return err
		}
		n, err := f(q)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("user %s: %w", user, explain(err))
	}
	return nil
}
