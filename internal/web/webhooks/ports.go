package webhooks

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Ports are what the webhooks work with. All but Count and Log are required.
type Ports struct {
	Inbox    Inbox
	Reports  Reports
	Answers  Answers
	Payments Payments
	// Count counts by name, such as "webhook_bad_signature twilio_status".
	Count func(name string)
	Log   *slog.Logger
}

// Request is a request as it came. It is personal data.
type Request struct {
	Source  string
	Query   string            // of the URL, where reading the events needs it
	Headers map[string]string // that reading or proving the body needs
	Body    []byte
	At      time.Time // business instant of the receipt; set for requests out of the inbox
}

// Row is an event in the inbox.
type Row struct {
	ID       int64
	Request  int64
	Source   string
	Event    string // the provider's own id of it
	Part     int    // which event of the request
	At       time.Time
	State    State
	Outcome  string
	Attempts int // how often it has been processed
}

// State is how far an event has come.
type State string

// The states. Unmatched and Failed wait for a person.
const (
	Pending   State = "pending"
	Done      State = "done"
	Unmatched State = "unmatched"
	Failed    State = "failed"
)

// Result is what processing an event came to.
type Result struct {
	State   State
	Outcome string // short and without personal data
	Code    string // why it failed or is to be tried again
	Contact string
	Debtors []string
	Retry   time.Duration // Pending: how long until it is tried again
}

// Inbox keeps requests and events.
type Inbox interface {
	// Receive commits a request and those of its events that are new, and returns a row
	// for each event in their order. For the time of lease the caller processes the new ones.
	Receive(ctx context.Context, r Request, events []Event, lease time.Duration) ([]Row, error)
	// RequestOf returns the request of an event.
	RequestOf(ctx context.Context, row Row) (Request, error)
	// Claim takes pending events whose time has come, for the time of lease.
	Claim(ctx context.Context, limit int, lease time.Duration) ([]Row, error)
	// Settle keeps a result. What is done stays done.
	Settle(ctx context.Context, id int64, r Result) error
}

// Event is one event of a request.
type Event struct {
	ID   string // the provider's own id, unique for its source
	Kind string // the provider's word, such as "delivered"
	Part int
	// urgent: it must be processed before the request is answered, because it keeps
	// messages back.
	urgent bool
	// patience is how many tries may find nobody whom it is about before that is believed:
	// what it is about may still be on its way.
	patience int
	// foreign: then it is none of our business, else a person is shown it.
	foreign bool
	do      func(ctx context.Context, s *Server) (Matched, error)
}

// Matched is what an event came to with whom.
type Matched struct {
	Outcome string
	Contact string
	Debtors []string
	// Nobody: it is about nobody whom we know.
	Nobody bool
}

// Refusal is an error that no repetition cures. Code is short, stable and without personal
// data; Text says what is wrong and how to mend it, for whoever sent the event.
type Refusal struct{ Code, Text string }

func (r *Refusal) Error() string { return fmt.Sprintf("%s (%s)", r.Text, r.Code) }

// Report is what a provider says of a message that it was handed, or of an address.
type Report struct {
	ID          string // of the event, unique over all sources
	Channel     dunning.Channel
	Attempt     string   // our own id, proven; "" when the report does not carry it
	ProviderID  string   // the provider's id of the message, as its answer to the hand-over said it
	ProviderIDs []string // what that id may also be: the first that is known counts
	Means       dunning.Delivery
	Status      string    // provider and its word, such as "twilio:delivered"
	Rank        int       // how far that is; 0: it says nothing of the message's way
	At          time.Time // as the provider says; zero: unknown
	Code        string    // the provider's code, such as "twilio:30006"
	Address     string    // number or address that it is about; personal data
	// Narrow: it is about the list of this one message, so it says nothing about others.
	Narrow bool
}

// Reports takes what providers say of messages. It may be called again with the same
// report, late and in any order.
type Reports interface {
	Report(ctx context.Context, r Report) (Matched, error)
}

// Inbound is a message that somebody sent to us. It is personal data.
type Inbound struct {
	ID      string // of the event, unique over all sources
	Channel dunning.Channel
	From    string // number (E.164) or address (lower case)
	To      string
	Subject string
	Text    string
	HTML    string
	// Keyword is what the provider itself took it for: "STOP", "START", "HELP", else "".
	Keyword string
	// Automatic: its headers say that a machine wrote it (out of office).
	Automatic bool
	// Vouched: the mail's domain vouches for its sender (DKIM, or SPF of the envelope, in
	// line with the address that it is from). Without it anybody may have written it.
	Vouched  bool
	Received time.Time // business instant of the receipt
}

// Answers takes what debtors write. When it returns without error, whatever the message
// forbids is committed. It may be called again with the same message.
type Answers interface {
	Inbound(ctx context.Context, m Inbound) (Matched, error)
}

// Payment is money that arrived, or that was taken back.
type Payment struct {
	ID       string // the payer's system's own; the same payment has the same id for ever
	Creditor string
	Account  string // customer number
	Invoice  string // "" = the oldest first
	Amount   money.Amount
	At       time.Time // when it arrived; zero: now
	Reverses string    // id of the payment that is taken back; "": it is a payment
	Reason   string
}

// Payments takes payments. It may be called again with the same payment.
type Payments interface {
	Pay(ctx context.Context, p Payment) (Matched, error)
}
