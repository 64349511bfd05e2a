package identity

import (
	"errors"
	"strings"
	"time"
)

// ErrNotFound means that there is no such thing, or none that the asker may know of.
var ErrNotFound = errors.New("there is no such record")

// ErrTaken means that the name, or the subject at the issuer, is somebody's already.
var ErrTaken = errors.New("it is there already")

// ErrLastAdmin refuses what would leave nobody who can let others in.
var ErrLastAdmin = errors.New("that would leave no admin who can sign in: make another user admin of all creditors first")

// ErrSecrets refuses one more secret of a webhook: so many old ones sign that their
// signatures would not fit into a header.
var ErrSecrets = errors.New("this webhook's secret was changed ten times within a day: wait until an old one has ended, or remove the webhook and make another")

// User is a person who works with Duly. All instants are wall-clock instants in UTC.
type User struct {
	ID string
	// Name is what they sign in with: lower case, 2 to 64 letters, digits and . _ - @.
	Name  string
	Title string // what others see; "" = Name
	Email string
	// Password is the hash, "" for who signs in elsewhere.
	Password   string
	MustChange bool // the password was made by somebody else
	Issuer     string
	Subject    string // at the issuer
	Disabled   time.Time
	Created    time.Time
	Grants     []Grant
	Settings   Settings
}

// Settings are what a person chose for themselves.
type Settings struct {
	Theme string `json:"theme,omitempty"` // "", light, dark
	// KeysOff switches single-letter shortcuts off (WCAG 2.1.4).
	KeysOff bool `json:"keys_off,omitempty"`
	// Zone is the IANA zone that "our time" means; "" = UTC.
	Zone string `json:"zone,omitempty"`
	// Time is how instants are shown: "", relative, local, utc.
	Time string `json:"time,omitempty"`
}

// Label is what others see.
func (u User) Label() string {
	if u.Title != "" {
		return u.Title
	}
	return u.Name
}

// Principal is the user as one who asks.
func (u User) Principal() Principal {
	return Principal{By: "user:" + u.ID, Name: u.Label(), Grants: u.Grants}
}

// ValidName reports whether text may be a user's name.
func ValidName(text string) bool {
	return len(text) >= 2 && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789._-@") == ""
}

// Session is one browser of one user. Its token is in that browser's cookie only.
type Session struct {
	ID      string
	User    User
	Method  string // password, oidc
	Created time.Time
	Seen    time.Time
	Expires time.Time
	Agent   string // of the browser, shortened
	Flash   string // a message for the next page, JSON of the web's
}

// Owner is the user behind a key: whoever made it, also through another key.
type Owner struct {
	ID, Name string
	Disabled time.Time // zero: may sign in
	Grants   []Grant
	// Gone says that whoever the key names as its maker is no user.
	Gone bool
}

// Key is an API key, without its secret. All instants are wall-clock instants in UTC.
type Key struct {
	ID       string
	Name     string
	Creditor string // AllCreditors or one
	Scopes   []Permission
	By       string
	Created  time.Time
	Expires  time.Time // zero: never
	Revoked  time.Time // zero: in force
	Used     time.Time // zero: never; exact to the minute
	// Owner is who made it, as they are now. Nil: not a user but somebody at the database (By
	// names none); then nobody's rights bound the key's.
	Owner *Owner
}

// Stopped reports whether the key does not work because its owner is shut out.
func (k Key) Stopped() bool { return k.Owner != nil && (k.Owner.Gone || !k.Owner.Disabled.IsZero()) }

// Lost are the scopes that the key does not have now because its owner does not, sorted as
// they were given. Those of a key that is Stopped are not listed.
func (k Key) Lost() (out []Permission) {
	if k.Stopped() {
		return nil
	}
	who := k.Principal()
	for _, s := range k.Scopes {
		if !who.Somewhere(s) {
			out = append(out, s)
		}
	}
	return out
}

// Principal is the key as one who asks.
func (k Key) Principal() Principal {
	p := Principal{By: "key:" + k.ID, Name: k.Name, Scopes: k.Scopes, Creditor: k.Creditor, Owner: k.By}
	if k.Owner != nil {
		p.Bound, p.OwnerGrants = true, k.Owner.Grants
		if k.Stopped() {
			p.OwnerGrants = nil
		}
	}
	return p
}

// InForce reports whether a key may be used at an instant, as far as it is for the key
// itself: whether its owner may is Stopped.
func (k Key) InForce(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Signin is a login under way at an OpenID provider, kept under the hash of its state.
type Signin struct {
	Nonce, Verifier string
	Next            string // where to go afterwards
	Expires         time.Time
}

// Answer is what a request with an idempotency key came to. Status 0: it is under way.
type Answer struct {
	Request Hash
	Status  int
	Type    string
	Body    []byte
}

// SavedView is a filter of a list that somebody gave a name.
type SavedView struct {
	Place string // path of the list
	Name  string
	Query string // of a URL
}

// Hook is an outgoing webhook: an address that is told of events.
type Hook struct {
	ID       string    `json:"id"`
	Creditor string    `json:"creditor"` // AllCreditors or one
	URL      string    `json:"url"`
	Kinds    []string  `json:"kinds"` // of events; empty: all
	Secret   string    `json:"secret,omitempty"`
	By       string    `json:"by"`
	Created  time.Time `json:"created"`
	// Old secrets sign beside Secret, each until its instant, while the other side changes it;
	// OldUntil is the latest of these instants.
	Old      []OldSecret `json:"-"`
	OldUntil time.Time   `json:"old_secret_until,omitzero"`
}

// OldSecret is one that a webhook had before and that still signs.
type OldSecret struct {
	Secret string
	Until  time.Time
}

// Delivery is one event to one webhook.
type Delivery struct {
	ID        int64     `json:"id"`
	Event     string    `json:"event"`
	Name      string    `json:"name"` // such as case.opened
	Tries     int       `json:"tries"`
	Next      time.Time `json:"next,omitzero"` // zero: nothing more is tried
	Delivered time.Time `json:"delivered,omitzero"`
	Status    int       `json:"status"` // of the last answer; 0: none came
	Problem   string    `json:"problem,omitempty"`
}

// EventKinds are the events that webhooks can be told of, sorted (docs/api.md).
var EventKinds = []string{
	"account.opted_out", "case.closed", "case.escalated", "case.exhausted", "case.migrated", "case.opened", "case.paid", "case.referred", "contact.accepted",
	"contact.bounced", "contact.failed", "contact.unknown", "dispute.raised", "dispute.resolved", "hold.lifted", "hold.placed", "integrity.sealed",
	"item.written_off", "payment.recorded", "payment.reversed", "plan.agreed", "plan.broken", "plan.ended", "plan.kept", "plan.offer_ended", "plan.offered",
	"promise.broken", "promise.kept", "promise.made", "promise.partly", "proposal.decided", "proposal.made", "settlement.accepted", "settlement.approved",
	"settlement.broken", "settlement.ended", "settlement.kept", "settlement.offered", "step.done", "task.opened",
}
