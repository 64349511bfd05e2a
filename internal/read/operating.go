package read

import (
	"encoding/json"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Operating is what operations want to know beside Health, as of an instant. Instants and
// spans of the database and of processes are wall time.
type Operating struct {
	// Late are open cases that nobody decided although the sweeper should have woken them.
	Late int64 `json:"late"`
	// Channels are the messages of the last quarter of an hour of business time.
	Channels  []ChannelRate `json:"channels"`
	Paused    []PausedRow   `json:"paused"` // senders that a provider wants left alone
	Processes []ProcessRow  `json:"processes"`
	Inbox     int64         `json:"inbox"` // events that wait for a person
	Database  Database      `json:"database"`
}

// RateWindow is the span of ChannelRate.
const RateWindow = 15 * time.Minute

// ChannelRate is how many messages of a channel ended how.
type ChannelRate struct {
	Channel  dunning.Channel `json:"channel"`
	Accepted int64           `json:"accepted"`
	Failed   int64           `json:"failed"` // and bounced
	Unknown  int64           `json:"unknown"`
}

// PausedRow is a sender that its provider wants left alone until an instant.
type PausedRow struct {
	Sender string    `json:"sender"`
	Until  time.Time `json:"until"`
}

// ProcessRow is what a process last said of itself.
type ProcessRow struct {
	Process string          `json:"process"`
	Kind    string          `json:"kind"`
	Seen    time.Time       `json:"seen"`
	Age     time.Duration   `json:"age"` // since then
	Body    json.RawMessage `json:"body"`
}

// Database is how the database does. What this login may not see is zero.
type Database struct {
	Version     string        `json:"version"`
	Connections int           `json:"connections"` // to this database
	Most        int           `json:"most"`        // that the server allows
	Waiting     int           `json:"waiting"`     // for locks
	OldestTx    time.Duration `json:"oldest_transaction"`
	Replicas    []Replica     `json:"replicas,omitempty"`
}

// Replica is a standby and how far it is behind.
type Replica struct {
	Name  string        `json:"name"`
	State string        `json:"state"`
	Lag   time.Duration `json:"lag"`
}

// --- dead letters ------------------------------------------------------------

// DeadMost is up to how many dead letters of a kind are counted.
const DeadMost = 1000

// Kinds of dead letters.
const (
	DeadUnknown  = "unknown"  // a message of which nobody knows whether it left
	DeadFailed   = "failed"   // a message that did not leave, and whose case asks a person
	DeadStuck    = "stuck"    // a case that should have moved and does not: its activity fails, or no worker is there
	DeadInbox    = "inbox"    // an event that could not be processed
	DeadHook     = "hook"     // a delivery to an outgoing webhook that was given up
	DeadWorkflow = "workflow" // a workflow that ended badly and that nothing has started again
)

// DeadRow is a dead letter: something that was tried and came to no end.
type DeadRow struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"` // id of the message, case, event or delivery
	Case    string `json:"case,omitempty"`
	Who
	Since time.Time `json:"since"`
	Code  string    `json:"code,omitempty"` // the provider's, or ours
	Tries int       `json:"tries,omitempty"`
	// Channel and Template of a message.
	Channel  dunning.Channel `json:"channel,omitempty"`
	Template string          `json:"template,omitempty"`
	Task     string          `json:"task,omitempty"` // id of the open task that asks about it
}

// --- assignments of the inbox ------------------------------------------------

// Assignment is what a person said an event of the inbox is about.
type Assignment struct {
	ID       string    `json:"id"`
	Event    int64     `json:"event"`
	Kind     string    `json:"kind"` // payment, reversal, reply, foreign
	Creditor string    `json:"creditor,omitempty"`
	Debtor   string    `json:"debtor,omitempty"`
	Account  string    `json:"account,omitempty"`
	Payment  string    `json:"payment,omitempty"` // id of the payment that was booked
	By       string    `json:"by"`
	At       time.Time `json:"at"` // business time
	Reason   string    `json:"reason,omitempty"`
	State    string    `json:"state"`   // begun, done, undoing, undone
	Made     time.Time `json:"made_at"` // wall time
	UndoneBy string    `json:"undone_by,omitempty"`
	Undone   time.Time `json:"undone_at,omitzero"` // wall time
	UndoWhy  string    `json:"undo_reason,omitempty"`
}

// --- bulk actions ------------------------------------------------------------

// Bulk is a bulk action with how far it is. Instants are wall time, but At.
type Bulk struct {
	ID        string            `json:"id"`
	Action    string            `json:"action"`
	Params    map[string]string `json:"params"`
	Words     string            `json:"words"`
	By        string            `json:"by"`
	At        time.Time         `json:"at"` // business time
	Made      time.Time         `json:"made_at"`
	Starts    time.Time         `json:"starts_at"`
	UndoUntil time.Time         `json:"undo_until"`
	State     string            `json:"state"`             // running, done, undoing, undone
	Stopped   string            `json:"stopped,omitempty"` // why it ended before its end, in a sentence
	UndoneBy  string            `json:"undone_by,omitempty"`
	Undone    time.Time         `json:"undone_at,omitzero"`
	Now       time.Time         `json:"now"`    // the database's clock, by which UndoUntil counts
	Counts    map[string]int64  `json:"counts"` // of cases by BulkItem.State
	Creditors []string          `json:"creditors,omitempty"`
}

// Total is how many cases it reaches.
func (b Bulk) Total() (n int64) {
	for _, k := range b.Counts {
		n += k
	}
	return n
}

// CanUndo reports whether it can still be taken back.
func (b Bulk) CanUndo() bool {
	return (b.State == "running" || b.State == "done") && b.Now.Before(b.UndoUntil)
}

// BulkItem is a case of a bulk action.
type BulkItem struct {
	Seq      int    `json:"seq"`
	Case     string `json:"case"`
	Account  string `json:"account_key"` // the creditor's own number
	Creditor string `json:"creditor"`
	State    string `json:"state"` // waiting, done, same, refused, dropped, undone, kept
	Reason   string `json:"reason,omitempty"`
	Undo     []byte `json:"-"`
}

// --- uploads -----------------------------------------------------------------

// Upload is a file on its way into the system. Instants are wall time, but At.
type Upload struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	Mapping    string          `json:"mapping"`
	Creditor   string          `json:"creditor"`
	Name       string          `json:"name"`
	By         string          `json:"by"`
	At         time.Time       `json:"at"`
	Made       time.Time       `json:"made_at"`
	State      string          `json:"state"` // check, checked, store, stored, failed, given_up
	Size       int64           `json:"size"`
	Phase      string          `json:"phase,omitempty"`
	Bytes      int64           `json:"bytes_read"`
	Rows       int64           `json:"rows_read"`
	Run        string          `json:"run,omitempty"`
	Summary    json.RawMessage `json:"summary,omitempty"`
	Fault      string          `json:"fault,omitempty"`
	HasRejects bool            `json:"has_rejects"`
}

// SequenceCount is how many open cases follow a version of a sequence.
type SequenceCount struct {
	Sequence string    `json:"sequence"`
	Version  string    `json:"version"`
	Release  string    `json:"release"` // that brought it
	Since    time.Time `json:"since"`   // its publication
	N        int64     `json:"n"`
	InForce  bool      `json:"in_force"` // new cases follow it
}

// InboxDetail is an event of the inbox with what it says. It is personal data.
type InboxDetail struct {
	InboxRow
	Payment *InboxPayment `json:"payment,omitempty"`
	Reply   *InboxReply   `json:"reply,omitempty"`
	// Unreadable says why what it says cannot be shown; "" when it can.
	Unreadable string       `json:"unreadable,omitempty"`
	Assigned   *Assignment  `json:"assigned,omitempty"` // the assignment that stands
	Suggested  []Suggestion `json:"suggested,omitempty"`
}

// InboxPayment is money that another system told of.
type InboxPayment struct {
	ID       string       `json:"id"`
	Creditor string       `json:"creditor"`
	Account  string       `json:"account"` // customer number, as it was told
	Invoice  string       `json:"invoice,omitempty"`
	Amount   money.Amount `json:"amount"`
	At       time.Time    `json:"at,omitzero"`
	Reverses string       `json:"reverses,omitempty"` // id of the payment that is taken back
	Reason   string       `json:"reason,omitempty"`
}

// InboxReply is a message that somebody sent to us.
type InboxReply struct {
	Channel  dunning.Channel `json:"channel"`
	From     string          `json:"from"`
	Subject  string          `json:"subject,omitempty"`
	Text     string          `json:"text"`
	Received time.Time       `json:"received,omitzero"`
}

// Suggestion is an account that an event may belong to, with why. The likeliest first.
type Suggestion struct {
	Who
	Case    string       `json:"case,omitempty"`
	Status  string       `json:"status,omitempty"`
	Open    money.Amount `json:"open"`
	Reasons []string     `json:"reasons"`
	Score   int          `json:"score"`
}

// Assign is an order to assign an event of the inbox: to an account, to the account of a
// case, or to nobody (Foreign).
type Assign struct {
	Event   int64  `json:"-"`
	Account string `json:"account,omitempty"`
	Case    string `json:"case,omitempty"`
	Item    string `json:"item,omitempty"` // key of the invoice that a payment is for; "": the oldest first
	Foreign bool   `json:"foreign,omitempty"`
	Reason  string `json:"reason,omitempty"` // needed when it is foreign
}
