package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// OpenSession keeps a new session under the hash of its token. ses.User.ID, Method, Agent,
// Created and Expires are used.
func (s *Store) OpenSession(ctx context.Context, hash identity.Hash, ses identity.Session) error {
	err := s.q.AddSession(ctx, sqlgen.AddSessionParams{
		Hash: hash[:], ID: uuid.NewString(), UserID: ses.User.ID, Method: ses.Method, Agent: cleanText(ses.Agent),
		CreatedAt: micros(ses.Created), ExpiresAt: micros(ses.Expires),
	})
	if err != nil {
		return fmt.Errorf("opening a session: %w", explain(err))
	}
	return nil
}

// Session finds a session that has not ended at now and was seen after idleSince, with its
// user, who is not disabled. ErrNotFound otherwise.
func (s *Store) Session(ctx context.Context, hash identity.Hash, now, idleSince time.Time) (identity.Session, error) {
	r, err := s.q.SessionByHash(ctx, hash[:], now, idleSince)
	if err != nil {
		return identity.Session{}, fmt.Errorf("session: %w", explain(err))
	}
	ses := sessionOf(r.Session)
	ses.User, err = s.user(ctx, r.User, nil)
	return ses, err
}

func sessionOf(r sqlgen.Session) identity.Session {
	return identity.Session{
		ID: r.ID, Method: r.Method, Created: r.CreatedAt, Seen: r.SeenAt, Expires: r.ExpiresAt, Agent: r.Agent, Flash: r.Flash,
		User: identity.User{ID: r.UserID},
	}
}

// TouchSession notes that a session was used.
func (s *Store) TouchSession(ctx context.Context, hash identity.Hash, now time.Time) error {
	return explain(s.q.TouchSession(ctx, micros(now), hash[:]))
}

// SetFlash keeps a message for the session's next page, "" for none.
func (s *Store) SetFlash(ctx context.Context, hash identity.Hash, flash string) error {
	return explain(s.q.SetFlash(ctx, cleanText(flash), hash[:]))
}

// EndSession signs one browser out.
func (s *Store) EndSession(ctx context.Context, hash identity.Hash) error {
	_, err := s.q.DropSession(ctx, hash[:])
	return explain(err)
}

// EndSessionOf signs out one session of a user by its id. ErrNotFound if it is not theirs.
func (s *Store) EndSessionOf(ctx context.Context, user, id string) error {
	n, err := s.q.DropSessionOf(ctx, user, id)
	if err == nil && n == 0 {
		return fmt.Errorf("session: %w", ErrNotFound)
	}
	return explain(err)
}

// EndSessions signs a user out everywhere but for the session with the hash given (zero:
// none is spared), and returns how many ended.
func (s *Store) EndSessions(ctx context.Context, user string, besides identity.Hash) (int, error) {
	n, err := s.q.DropSessionsOf(ctx, user, besides[:])
	return int(n), explain(err)
}

// Sessions lists a user's sessions, the latest first.
func (s *Store) Sessions(ctx context.Context, user string) ([]identity.Session, error) {
	rows, err := s.q.SessionsOf(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", explain(err))
	}
	out := make([]identity.Session, len(rows))
	for i, r := range rows {
		out[i] = sessionOf(r)
	}
	return out, nil
}

// Signin is a login under way at an OpenID provider.
type Signin = identity.Signin

// AddSignin keeps a login under way under the hash of its state.
func (s *Store) AddSignin(ctx context.Context, state identity.Hash, in Signin) error {
	return explain(s.q.AddSignin(ctx, sqlgen.AddSigninParams{
		Hash: state[:], Nonce: in.Nonce, Verifier: in.Verifier, Next: in.Next, ExpiresAt: micros(in.Expires),
	}))
}

// TakeSignin returns a login under way, once. ErrNotFound if there is none or it is over.
func (s *Store) TakeSignin(ctx context.Context, state identity.Hash, now time.Time) (Signin, error) {
	r, err := s.q.TakeSignin(ctx, state[:], now)
	if err != nil {
		return Signin{}, fmt.Errorf("login under way: %w", explain(err))
	}
	return Signin{Nonce: r.Nonce, Verifier: r.Verifier, Next: r.Next}, nil
}

// Sweep drops sessions and logins that are over, and kept answers older than answersBefore.
func (s *Store) Sweep(ctx context.Context, now, idleSince, answersBefore time.Time) error {
	for _, f := range []func() error{
		func() error { return s.q.DropOldSessions(ctx, now, idleSince) },
		func() error { return s.q.DropOldSignins(ctx, now) },
		func() error { return s.q.DropOldAnswers(ctx, answersBefore) },
	} {
		if err := f(); err != nil {
			return fmt.Errorf("sweeping sessions: %w", explain(err))
		}
	}
	return nil
}
