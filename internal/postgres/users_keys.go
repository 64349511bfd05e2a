package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// AddKey keeps an API key under the hash of its whole text.
func (s *Store) AddKey(ctx context.Context, hash identity.Hash, k identity.Key) error {
	scopes := make([]string, len(k.Scopes))
	for i, p := range k.Scopes {
		scopes[i] = string(p)
	}
	err := s.acting(ctx, func(q *sqlgen.Queries) error {
		return q.AddKey(ctx, sqlgen.AddKeyParams{
			ID: k.ID, Hash: hash[:], Name: cleanText(k.Name), CreditorID: k.Creditor, Scopes: scopes, By: k.By,
			CreatedAt: micros(k.Created), ExpiresAt: orNil(k.Expires),
		})
	})
	if err != nil {
		return fmt.Errorf("adding an API key: %w", explain(err))
	}
	return nil
}

// Key finds an API key by the hash of its text, revoked and expired ones and those of
// owners who are shut out, too. ErrNotFound if there is none.
func (s *Store) Key(ctx context.Context, hash identity.Hash) (identity.Key, error) {
	r, err := s.q.KeyByHash(ctx, hash[:])
	if err != nil {
		return identity.Key{}, fmt.Errorf("API key: %w", explain(err))
	}
	k := keyOf(r)
	k.Owner, err = s.keyOwner(ctx, k.By)
	return k, err
}

// keyOwner finds who answers for a key now; nil: whoever made it was no user.
func (s *Store) keyOwner(ctx context.Context, by string) (*identity.Owner, error) {
	r, err := s.q.KeyOwner(ctx, by)
	if err = explain(err); errors.Is(err, ErrNotFound) {
		if id, ok := strings.CutPrefix(by, "user:"); ok && isUUID(id) { // users are never deleted
			return &identity.Owner{Gone: true}, nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("owner of an API key: %w", err)
	}
	o := &identity.Owner{ID: r.ID, Name: identity.User{Name: r.Name, Title: r.Title}.Label(), Disabled: orZero(r.DisabledAt)}
	for _, text := range r.Grants {
		at := strings.LastIndexByte(text, '/') // a creditor's name may hold one, a role's does not
		o.Grants = append(o.Grants, identity.Grant{Creditor: text[:at], Role: identity.Role(text[at+1:])})
	}
	return o, nil
}

// Keys lists all API keys, the newest first.
func (s *Store) Keys(ctx context.Context) ([]identity.Key, error) {
	rows, err := s.q.AllKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", explain(err))
	}
	out, owners := make([]identity.Key, len(rows)), map[string]*identity.Owner{}
	for i, r := range rows {
		out[i] = keyOf(r)
		owner, known := owners[r.By]
		if !known {
			if owner, err = s.keyOwner(ctx, r.By); err != nil {
				return nil, err
			}
			owners[r.By] = owner
		}
		out[i].Owner = owner
	}
	return out, nil
}

func keyOf(r sqlgen.ApiKey) identity.Key {
	k := identity.Key{
		ID: r.ID, Name: r.Name, Creditor: r.CreditorID, By: r.By, Created: r.CreatedAt,
		Expires: orZero(r.ExpiresAt), Revoked: orZero(r.RevokedAt), Used: orZero(r.UsedAt),
	}
	for _, p := range r.Scopes {
		k.Scopes = append(k.Scopes, identity.Permission(p))
	}
	return k
}

// RevokeKey ends an API key, in force with the next request. ErrNotFound if there is none
// in force.
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) error {
	at = micros(at)
	err := s.acting(ctx, func(q *sqlgen.Queries) error {
		n, err := q.RevokeKey(ctx, &at, id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("API key %s: %w", id, explain(err))
	}
	return nil
}

// TouchKey notes, to the minute, that a key was used.
func (s *Store) TouchKey(ctx context.Context, id string, now time.Time) error {
	now = micros(now)
	before := now.Add(-time.Minute)
	return explain(s.q.TouchKey(ctx, &now, id, &before))
}

// abandoned is after how long a request without an answer counts as crashed.
const abandoned = 2 * time.Minute

// BeginAnswer reserves the answer to a request of an idempotency key. When it was there
// before, mine is false and the answer tells of it: of which request (its hash) and, when
// that is finished, with which status (else 0).
func (s *Store) BeginAnswer(ctx context.Context, by, key string, request identity.Hash, now time.Time) (mine bool, a identity.Answer, err error) {
	p := sqlgen.BeginAnswerParams{By: by, Key: key, Request: request[:], Now: micros(now), Abandoned: micros(now.Add(-abandoned))}
	for range 10 { // the one that was there may be given back before it is read
		n, err := s.q.BeginAnswer(ctx, p)
		if err != nil {
			return false, a, fmt.Errorf("idempotency key: %w", explain(err))
		}
		if n > 0 {
			return true, a, nil
		}
		r, err := s.q.AnswerOf(ctx, by, key)
		if err = explain(err); err == nil {
			a = identity.Answer{Status: int(r.Status), Type: r.Type, Body: r.Body}
			copy(a.Request[:], r.Request)
			return false, a, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return false, a, fmt.Errorf("idempotency key: %w", err)
		}
	}
	// Others come and go with it all the time: as if one of them were under way.
	return false, identity.Answer{Request: request}, nil
}

// FinishAnswer keeps the answer that was reserved.
func (s *Store) FinishAnswer(ctx context.Context, by, key string, a identity.Answer) error {
	body := a.Body
	if body == nil {
		body = []byte{}
	}
	return explain(s.q.FinishAnswer(ctx, sqlgen.FinishAnswerParams{Status: int32(a.Status), Type: a.Type, Body: body, By: by, Key: key}))
}

// ForgetAnswer gives an idempotency key back after a request that changed nothing.
func (s *Store) ForgetAnswer(ctx context.Context, by, key string) error {
	return explain(s.q.ForgetAnswer(ctx, by, key))
}

// SavedView is a filter that somebody gave a name.
type SavedView = identity.SavedView

// PutView keeps a view of a user under its name.
func (s *Store) PutView(ctx context.Context, user string, v SavedView) error {
	err := s.q.PutView(ctx, sqlgen.PutViewParams{UserID: user, Place: v.Place, Name: cleanText(v.Name), Query: v.Query})
	if err != nil {
		return fmt.Errorf("saving a view: %w", explain(err))
	}
	return nil
}

// DropView forgets a view; one that is not there is fine.
func (s *Store) DropView(ctx context.Context, user, place, name string) error {
	return explain(s.q.DropView(ctx, user, place, name))
}

// Views lists a user's views by place and name.
func (s *Store) Views(ctx context.Context, user string) ([]SavedView, error) {
	rows, err := s.q.ViewsOf(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("saved views: %w", explain(err))
	}
	out := make([]SavedView, len(rows))
	for i, r := range rows {
		out[i] = SavedView{Place: r.Place, Name: r.Name, Query: r.Query}
	}
	return out, nil
}
