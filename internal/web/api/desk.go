package api

import (
	"context"
	"net/url"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/recheck"
	"github.com/duly/duly/internal/web"
)

// Desk is what people do in the console beside reading lists and giving commands: the
// functions behind its pages. All fields are required. Instants are business time.
type Desk struct {
	// Config is the configuration in force.
	Config func(ctx context.Context) (*config.Config, error)
	// Fold is the account's facts of a case, in their set-up.
	Fold func(ctx context.Context, ref dunning.CaseRef) (dunning.Facts, error)
	// Lights say by which channel the debtor of a case may be contacted at an instant, and where
	// a kill switch keeps a template ("": any) waiting: as the console shows them.
	Lights func(ctx context.Context, ref dunning.CaseRef, f *dunning.Facts, template string, at time.Time) ([]Light, error)
	// MaySend reports whether somebody may send a template to a creditor's debtors.
	MaySend func(ctx context.Context, who identity.Principal, creditor string, ch dunning.Channel, template string) (bool, error)
	// Draft writes what a template says to the debtor of a case now; its error is a sentence.
	Draft func(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, ch dunning.Channel, template string, at time.Time) (dunning.Message, error)
	// Sent is a message as it was handed over; an error that is a sentence when there is no copy.
	Sent func(ctx context.Context, contact string) (dunning.Message, error)
	// Try says what a command would make true and what would be next, and stores nothing.
	Try func(ctx context.Context, who identity.Principal, ref dunning.CaseRef, name string, cmd dunning.Command, f dunning.Facts, at time.Time) ([]dunning.Fact, error)

	SwitchHistory func(ctx context.Context, limit int) ([]PastSwitch, error)
	Activations   func(ctx context.Context) ([]Activation, error) // in order
	Activate      func(ctx context.Context, version, by, reason string) error
	Doctor        func(ctx context.Context, now time.Time) ([]Violation, error)
	// ReplayInbox has unassigned events processed again; how many.
	ReplayInbox func(ctx context.Context, ids ...int64) (int64, error)
	// Again decides once more from the facts and the configuration of then.
	Again func(ctx context.Context, d dunning.StoredDecision) (recheck.Difference, error)

	People People
	// Call has a route of the console answer a program, see web.Console.Call.
	Call func(ctx context.Context, who identity.Principal, method, target string, form url.Values) (web.Answer, error)
}

// People is what admins do with users and keys; *web.Console does it for its pages, too.
type People interface {
	Users(ctx context.Context) ([]identity.User, error)
	AddUser(ctx context.Context, who identity.Principal, n web.NewUser) (id, password string, err error)
	SetGrants(ctx context.Context, who identity.Principal, id string, grants []identity.Grant) (identity.User, error)
	ResetPassword(ctx context.Context, who identity.Principal, id string) (identity.User, string, error)
	Disable(ctx context.Context, who identity.Principal, id string, out bool) (identity.User, error)
	SignOut(ctx context.Context, who identity.Principal, id string) (int, error)
	Sessions(ctx context.Context, id string) ([]identity.Session, error)
	Keys(ctx context.Context, who identity.Principal) ([]identity.Key, error)
	AddKey(ctx context.Context, who identity.Principal, k identity.Key) (identity.Key, string, error)
	RevokeKey(ctx context.Context, who identity.Principal, id string) (identity.Key, error)
	Views(ctx context.Context, user string) ([]identity.SavedView, error)
	PutView(ctx context.Context, user string, v identity.SavedView) error
	DropView(ctx context.Context, user, place, name string) error
}

// Light says whether the debtor may be contacted by a channel now.
type Light struct {
	Channel  dunning.Channel `json:"channel"`
	Allowed  bool            `json:"allowed"`
	Waits    bool            `json:"waits,omitempty"` // allowed, and a kill switch keeps back what is sent until it is lifted, or until Opens
	Rule     string          `json:"rule,omitempty"`  // that refuses longest, or remarks
	Citation string          `json:"citation,omitempty"`
	Text     string          `json:"text,omitempty"`
	Opens    time.Time       `json:"opens,omitzero"` // refused: the next opening; none: something must happen first
	Point    string          `json:"point,omitempty"`
}

// PastSwitch is a kill switch that was on, or is.
type PastSwitch struct {
	Switch
	Off       time.Time `json:"off,omitzero"` // none: not lifted
	OffBy     string    `json:"off_by,omitempty"`
	OffReason string    `json:"off_reason,omitempty"`
}

// Activation says that a release was put into force.
type Activation struct {
	Release string    `json:"release"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// Violation is something that the doctor found and that must not be; ids and codes only.
type Violation struct {
	Kind    string    `json:"kind"`
	Case    string    `json:"case,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// Wording is a message as it would leave, or left.
type Wording struct {
	Channel dunning.Channel `json:"channel"`
	Subject string          `json:"subject,omitempty"`
	Text    string          `json:"text"`
	HTML    string          `json:"html,omitempty"`
	Locale  string          `json:"locale,omitempty"`
	To      string          `json:"to,omitempty"`
	// Segments of an SMS.
	Segments int `json:"segments,omitempty"`
	// Light of the channel now, for previews of a case.
	Light *Light `json:"light,omitempty"`
}

// list is a page of rows with the cursor of the next.
type list[T any] = read.List[T]

// paged cuts a page out of a list that is whole in memory and never long. key names a row
// and does not change; the list's order must be by something that does not change either,
// so that what comes and goes meanwhile is neither doubled nor lost.
func paged[T any](c *Call, rows []T, key func(T) string) (read.List[T], error) {
	p, err := pageOf(c.R.URL.Query())
	if err != nil {
		return read.List[T]{}, err
	}
	after, err := read.DecodeCursor(p.After, c.op.ID, 1)
	if err != nil {
		return read.List[T]{}, err
	}
	begin := 0
	if after != nil {
		begin = len(rows)
		for i, row := range rows {
			if key(row) == after[0] {
				begin = i + 1
			}
		}
	}
	end := min(len(rows), begin+p.Size())
	out := read.List[T]{Rows: append([]T{}, rows[begin:end]...)}
	if end < len(rows) {
		out.Next = read.Cursor{Order: c.op.ID, Values: []string{key(rows[end-1])}}.Encode()
	}
	return out, nil
}
