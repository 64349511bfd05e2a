package activities

import (
	"context"
	"errors"
	"time"

	"github.com/duly/duly/dunning"
)

// ErrNoCase is returned by Store.CaseRef for a case that does not exist.
var ErrNoCase = errors.New("no such case")

// Store is where facts and decisions live.
type Store interface {
	// CaseRef says whose case it is; ErrNoCase when there is none.
	CaseRef(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// Decision is a stored decision, false when there is none of that id.
	Decision(ctx context.Context, id string) (dunning.StoredDecision, bool, error)
	// InDebtor locks the debtor and runs f in one transaction. It may run f again
	// after a conflict; nothing of a run that failed remains.
	InDebtor(ctx context.Context, debtor string, f func(Tx) error) error
}

// Timekeeper is a Store that measures with one clock for all workers: theirs may differ.
type Timekeeper interface {
	// SinceFence is how long ago a contact was last handed over; false when it never was.
	SinceFence(ctx context.Context, contact string) (time.Duration, bool, error)
}

// Tx is one transaction that holds the lock of a debtor.
type Tx interface {
	// Facts are all facts of the debtor in order, and the debtor's version.
	Facts(ctx context.Context, debtor string) ([]dunning.Fact, int64, error)
	// Version is the debtor's version alone.
	Version(ctx context.Context, debtor string) (int64, error)
	// Append adds facts under one new version. Facts that repeat kind and source of
	// an earlier one are not added; when none is new the version stays.
	Append(ctx context.Context, debtor string, facts []dunning.Fact) (version int64, added int, err error)
	// ByIntent is the decision that carrying out an intent has led to.
	ByIntent(ctx context.Context, intent string) (dunning.StoredDecision, bool, error)
	// StoreDecision adds a decision and makes it the case's newest.
	StoreDecision(ctx context.Context, d dunning.StoredDecision) error
	// Nudge wakes cases through the outbox.
	Nudge(ctx context.Context, cases ...string) error
	// Switches are those that are on, as of now.
	Switches(ctx context.Context) ([]dunning.Switch, error)
	// HoldSwitches is Switches, and none can be turned on before this transaction ends.
	HoldSwitches(ctx context.Context) ([]dunning.Switch, error)
	// Others says which of some provider's ids name the message of another contact than this
	// one of a debtor, and how many other contacts could be what the provider's records show of
	// a message to the same address: handed over between two instants, and nobody knows by which
	// id. The contact need not be stored yet.
	Others(ctx context.Context, debtor string, c dunning.ContactPlanned, ids []string, from, until time.Time) (taken []string, rivals int, err error)
	// KeepSent keeps the message of a contact as it is about to be handed over. It is
	// sealed: what the database holds cannot be read without a key that it does not have.
	KeepSent(ctx context.Context, contact string, m dunning.Message) error
}

// Frame is what surrounds a case's facts, with the versions that a re-check needs.
type Frame struct {
	Setup    dunning.Setup
	Policies string // pack ids and versions
	Zones    string // version of the zone database
	// Paces are how fast the creditor's senders may go, by channel; none: as fast as it goes.
	Paces map[dunning.Channel]Pace
}

// Pace of a sender: a token bucket.
type Pace struct {
	Every time.Duration // one message in so much time; 0: no limit
	Burst int           // how many may leave at once after a silence; below 1: 1
}

// Pacer keeps the pace of senders for all workers together.
type Pacer interface {
	// Paused is how long a provider still wants to be left alone by all its senders.
	Paused(ctx context.Context, provider string) (time.Duration, error)
	// Pause keeps everybody from a provider for so long.
	Pause(ctx context.Context, provider string, d time.Duration) error
	// TakePace is how long to wait for a sender's turn; the turn is taken unless that is
	// longer than patience.
	TakePace(ctx context.Context, sender string, every time.Duration, burst int, patience time.Duration) (time.Duration, error)
}

// Breakers keep the breakers of channels for all workers together. An open one lets one
// hand-over try every so often, whichever worker asks first.
type Breakers interface {
	// AdmitBreaker is for how long a channel is closed to everybody; 0: a hand-over may begin.
	AdmitBreaker(ctx context.Context, channel string) (time.Duration, error)
	// BreakerUnknown counts a hand-over that stayed unknown.
	BreakerUnknown(ctx context.Context, channel string) error
	// BreakerAnswered ends the count; reason is a code.
	BreakerAnswered(ctx context.Context, channel, reason string) error
}

// Meter is told what is worth counting, after it is stored. It returns at once, and may be
// used by many goroutines.
type Meter interface {
	// Carried is told of each activity that ended: the code of its error, "" when it went well.
	Carried(v dunning.Verb, code string, took time.Duration)
	// Decided is told of each decision that an activity came to.
	Decided(d dunning.Decision)
	// Served is told how long after the instant that a decision planned the verb was decided
	// anew, in business time. What a nudge has brought forward is not told.
	Served(v dunning.Verb, late time.Duration)
	// Called is told of each call of a provider.
	Called(ch dunning.Channel, o dunning.Outcome, took time.Duration)
	// HandedOver is told of each contact whose outcome is stored, and how long, in wall time,
	// that was after the decision that allowed it.
	HandedOver(ch dunning.Channel, o dunning.Outcome, since time.Duration)
}

// Frames gives the frame of a case: its creditor, its sequence in the version it was
// opened with, and today's policies.
type Frames interface {
	Frame(ctx context.Context, ref dunning.CaseRef) (Frame, error)
}

// Renderer writes the message of a contact: recipient, sender and text. Rendering the
// same contact again gives the same message, so that a look-up can compare. Attempt and
// At are filled in by the caller.
type Renderer interface {
	// Render returns an error of type RenderError when the message can never be
	// written like this (a missing variable, a template that is gone).
	Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error)
}

// RenderError says why a message cannot be written. Code is short, stable and without
// personal data.
type RenderError struct {
	Code  string
	Class dunning.FailureClass // FailedContent, or FailedRecipient when the address is gone
}

func (e *RenderError) Error() string { return "message cannot be written: " + e.Code }

// Channel hands messages to a provider.
type Channel interface {
	Send(ctx context.Context, m dunning.Message) dunning.Outcome
	// Lookup looks in the provider's records for the attempt of a message; m.At is
	// the instant of the hand-over.
	Lookup(ctx context.Context, m dunning.Message) dunning.Evidence
}

// Resembler is a channel whose provider's records name no attempt: what is found there only
// looks like the message. Resembling is Lookup with the ids of all that do; whose they are
// is decided under the debtor's lock.
type Resembler interface {
	Resembling(ctx context.Context, m dunning.Message) (dunning.Evidence, []string)
}

// Forgetter is a channel whose records may lie in the database that the facts lie in. Where
// they do (Forgets), they were restored with it, and what they do not hold of the time that
// it has forgotten may have left all the same.
type Forgetter interface {
	Forgets() bool
}

// Memory is what a process knows of what its database has forgotten: it may have been
// restored to an earlier instant.
type Memory interface {
	// Lapses are the stretches of which it may have forgotten something, the newest first.
	Lapses(ctx context.Context) ([]dunning.Lapse, error)
	// Forgot is told that a case goes on from a decision that the journal does not hold.
	// decided is the wall instant at which it was stored, zero when its id does not tell.
	// When it returns nothing of an unknown lapse can leave.
	Forgot(ctx context.Context, decided time.Time) error
	// Draft writes the message of a contact that is not stored, by a decision over the facts
	// that is not either, as Renderer.Render would have.
	Draft(ctx context.Context, ref dunning.CaseRef, f dunning.Facts, d dunning.Decision, c dunning.ContactPlanned) (dunning.Message, error)
}

// Holder is a channel whose provider can hold a message and let it be called back: what
// steps with strong delivery ask for. Channels that cannot are used as always.
type Holder interface {
	// OpenHold opens a hold for one message, before the fence. Without one (id "") nothing
	// has left, and the outcome says why.
	OpenHold(ctx context.Context, m dunning.Message) (id string, o dunning.Outcome)
	// CallBack calls a held message back, m.At being the instant of its hand-over. It
	// reports true only if it is proven that the message will never leave.
	CallBack(ctx context.Context, m dunning.Message) bool
}
