package web

import (
	"context"
	"html/template"
	"log/slog"
	"net/url"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
)

// People is where users, sessions and keys are kept. Its errors wrap
// identity.ErrNotFound where there is no such thing; internal/postgres.Store is one.
type People interface {
	UserByName(ctx context.Context, name string) (identity.User, error)
	UserByID(ctx context.Context, id string) (identity.User, error)
	UserBySubject(ctx context.Context, issuer, subject string) (identity.User, error)
	Users(ctx context.Context) ([]identity.User, error)
	AddUser(ctx context.Context, u identity.User) (string, error)
	SetPassword(ctx context.Context, user, hash string, mustChange bool, besides identity.Hash) error
	SetProfile(ctx context.Context, user, title, email string) error
	SetSettings(ctx context.Context, user string, set identity.Settings) error
	SetGrants(ctx context.Context, user string, grants []identity.Grant) error
	Disable(ctx context.Context, user string, at time.Time) error

	OpenSession(ctx context.Context, hash identity.Hash, ses identity.Session) error
	Session(ctx context.Context, hash identity.Hash, now, idleSince time.Time) (identity.Session, error)
	TouchSession(ctx context.Context, hash identity.Hash, now time.Time) error
	SetFlash(ctx context.Context, hash identity.Hash, flash string) error
	EndSession(ctx context.Context, hash identity.Hash) error
	EndSessionOf(ctx context.Context, user, id string) error
	EndSessions(ctx context.Context, user string, besides identity.Hash) (int, error)
	Sessions(ctx context.Context, user string) ([]identity.Session, error)
	AddSignin(ctx context.Context, state identity.Hash, in identity.Signin) error
	TakeSignin(ctx context.Context, state identity.Hash, now time.Time) (identity.Signin, error)

	AddKey(ctx context.Context, hash identity.Hash, k identity.Key) error
	Key(ctx context.Context, hash identity.Hash) (identity.Key, error)
	Keys(ctx context.Context) ([]identity.Key, error)
	RevokeKey(ctx context.Context, id string, at time.Time) error
	TouchKey(ctx context.Context, id string, now time.Time) error

	PutView(ctx context.Context, user string, v identity.SavedView) error
	DropView(ctx context.Context, user, place, name string) error
	Views(ctx context.Context, user string) ([]identity.SavedView, error)
}

// Hooks is where outgoing webhooks are kept.
type Hooks interface {
	AddHook(ctx context.Context, h identity.Hook) error
	Hooks(ctx context.Context) ([]identity.Hook, error)
	EndHook(ctx context.Context, id string, at time.Time) error
	RotateHook(ctx context.Context, id, secret string, now, until time.Time) error
	Deliveries(ctx context.Context, hook string, before int64, limit int) ([]identity.Delivery, error)
	ReplayDelivery(ctx context.Context, hook string, id int64, at time.Time) error
}

// Record is something that somebody did, looked at, or was refused.
type Record struct {
	At      time.Time // business time
	By      string    // "user:<id>", "key:<id>", "nobody"
	Action  string    // "refused", "signed_in", "view.case", …
	Subject string    // id of what it was done to; never a name or address
	Detail  map[string]string
}

// Banner is a notice at the top of every page, such as a kill switch in force.
type Banner struct {
	Kind string // warn, bad, info
	Text string
	Path string // of the page that tells more; "" = none
}

// Light is how something that must always be in order stands, shown in the frame.
type Light struct {
	Kind  string // good, warn, bad
	Text  string
	Title string // more words, on hover
	Path  string // of the page that tells more; "" = none
}

// Options of a console. Those without "may" are required.
type Options struct {
	People People
	// Record keeps a Record. A view that cannot be recorded is not shown.
	Record func(context.Context, Record) error
	// Clock is business time; Wall is for sessions and rate limits.
	Clock clock.Clock
	Wall  func() time.Time
	// Public is the address under which browsers reach the console (DULY_PUBLIC_URL). With
	// https the session's cookie is bound to the host and to encryption.
	Public *url.URL
	// Creditors are those there are now, ordered by id.
	Creditors func(context.Context) ([]Creditor, error)
	// Banners may be nil. It is asked with every page.
	Banners func(context.Context, identity.Principal) ([]Banner, error)
	// Light may be nil. It is asked with every page of the group Compliance for the light of
	// the audit's integrity; nil: none is shown.
	Light func(context.Context, identity.Principal) (*Light, error)
	// Search may be nil. It finds what the command menu is asked for, within a scope.
	Search func(ctx context.Context, scope read.Scope, text string) ([]Hit, error)
	// Hooks may be nil: then there is no page about outgoing webhooks.
	Hooks Hooks
	// OIDC may be nil: then people sign in with passwords only.
	OIDC *OIDC
	// Log may be nil: silent.
	Log *slog.Logger
	// Hint may hold words for the login page, such as how to get the demo's passwords.
	Hint template.HTML
	// Behind is the number of proxies that add X-Forwarded-For before a request reaches
	// us; 0: none, and the header is not believed.
	Behind int
}

// Hit is something that the command menu found.
type Hit struct {
	Path, Label, Detail string
}

// Creditor is a creditor as the console names it.
type Creditor struct {
	ID, Name string
	Zone     string // IANA
}
