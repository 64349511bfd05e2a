package dunning

import (
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Setup is what surrounds a debtor's facts: identities and published
// configuration, handed in as values.
type Setup struct {
	Creditor Creditor
	Debtor   string // debtor id
	Account  string // account id
	Case     string // case id; "" when there is none yet
	Currency string // of the account
	Sequence *Sequence
	// Target is the version that the case is to move to, while that was asked for and waits.
	Target   *Sequence
	Policies contact.Set
	// Zone resolves an IANA name, nil when unknown. It must be a pure look-up.
	Zone func(name string) *time.Location
	// Holiday reports whether a day is a holiday of a named calendar.
	Holiday func(calendar string, d Date) bool
	// Record makes decisions keep what the contact policies were asked and said,
	// and the versions of what surrounded them.
	Record   bool
	Versions Versions
}

// Creditor is what the core needs to know of the creditor.
type Creditor struct {
	ID        string
	Role      string // first_party, third_party
	Zone      string // IANA name of the creditor's own zone: for debtors without any evidence, and for payments without a time
	Holidays  string // calendar of business days
	Stale     int    // hours after which payment data is too old to send on; 0 = no limit
	Ambiguity string // strict, literal
	Queues    Queues
	// PromiseWithin is up to how many days ahead a date that a reply names is taken
	// as a promise without a person; 0 = a person decides always.
	PromiseWithin int
}

// Queues are where tasks go that no step names.
type Queues struct {
	Supervisor string
	Operations string
	Replies    string // what debtors write; "" = Supervisor
}

// ItemState is an item with everything that happened to it.
type ItemState struct {
	Item
	Open        int64 // minor units still owed, never negative
	Disposition Disposition
	Round       int
	PaidAt      time.Time // when it was last paid off; zero while open

	known    time.Time // when it came to Duly
	revived  time.Time // when it last came back: payment reversed, corrected, bounced, put back in sequence
	again    time.Time // when it last came back so that an end action taken before no longer covers it
	disposed time.Time // when its disposition last changed
	changed  time.Time // when its open amount last changed
	paid     int64     // minor units allocated to it
	from     string    // step to start from in this round, "" = the first
	counted  []count
	marks    []mark
}

// mark is one entry of a step's send list done for an item by an accepted contact.
type mark struct {
	step    string
	round   int
	entry   int // index in the send list; wholeStep when merged into a further step's contact
	at      time.Time
	contact string
}

// wholeStep marks a step that was done by the contact of a more advanced step.
const wholeStep = -1

// count is one step done, waived or passed for an item.
type count struct {
	step  string
	round int
	how   string // done, waived, passed
	at    time.Time
}

// HoldState is a hold with its real end.
type HoldState struct {
	HoldPlaced
	From, End time.Time // End zero = open
	Lifted    bool
	Outcome   string // of a dispute that was resolved

	ref string
}

// TaskState is a task with what became of it.
type TaskState struct {
	TaskOpened
	Opened   time.Time
	Ended    time.Time // zero while open
	Outcome  string
	Tries    int // call attempts logged
	Talked   bool
	Approved string // digest that a draft's approval was bound to
}

// ContactFacts is a contact of any of the debtor's accounts, planned or logged.
type ContactFacts struct {
	ContactPlanned
	Account, Case string
	State         ContactState
	Reserved      time.Time
	At            time.Time // dispatch instant once sending; the logged instant otherwise
	Moved         time.Time // of the last state
	Class         FailureClass
	Code          string
	Permanent     bool
	RetryAt       time.Time
	Deadline      time.Time
	Hold          string         // the provider's hold that it was handed over under
	Logged        *ContactLogged // set when it was not planned by Duly

	rounds []int // of each line's item when the contact was planned
	maybe  bool  // stayed unknown and was given up: it may have left and counts against caps
	waits  bool  // a letter that lies in an outbox: it may be called off until it is posted
	posted bool  // a letter that was handed to the post
	back   bool  // it came back too late to be another state: what is reported after that moves it no more
}

// PromiseState, OfferState, PlanState and LeaseState carry their real ends.
type PromiseState struct {
	PromiseMade
	Made, Ended time.Time
	Outcome     string
}

// OfferState is an offer of plans.
type OfferState struct {
	OfferOpened
	Opened, Ended time.Time
	Outcome       string
}

// PlanState is an instalment plan.
type PlanState struct {
	PlanAgreed
	Agreed, Ended time.Time
	Outcome       string
}

// LeaseState is a collector's hold of the case.
type LeaseState struct {
	LeaseTaken
	Taken, Ended time.Time
	Outcome      string
}

// PaymentState is a payment and whether it still stands.
type PaymentState struct {
	Payment
	At       time.Time
	Reversed time.Time // zero = stands

	rest  int64 // minor units that no item absorbed
	parts []part
}

type part struct {
	item  string
	minor int64
}

// PointState is a contact point as known now. Values are not here.
type PointState struct {
	PointKnown
	Dead   string // reason, "" = usable
	DeadAt time.Time
	ref    string
	Soft   []SoftBounce // since something was last delivered to it
}

// Facts is everything a decision may look at, as of one debtor version.
type Facts struct {
	Setup
	Version int64

	Items    []ItemState // of the account, oldest due first (due, issued, number)
	Payments []PaymentState
	Credit   int64 // minor units of payments that no item absorbed

	CaseOpen     bool
	CaseSince    time.Time
	CaseReason   string    // of the last closing
	CaseClosedAt time.Time // of the last closing
	CaseCloses   int

	run string // the case that the Case… members tell of: the last one of the account up to Setup.Case
	// succeeded is set when the account has got another case since Setup.Case: that one is
	// over for good, whatever the account's facts say from then on.
	succeeded bool

	Holds    []HoldState // of the account, its items and the debtor
	Promises []PromiseState
	Offers   []OfferState
	Plans    []PlanState
	Leases   []LeaseState
	Tasks    []TaskState

	Migrations []MigrationState
	MigratedAt time.Time // when the case last moved to another sequence version
	moved      *Migrated // the last one
	movedCase  string    // the case that it moved

	Settlements []SettlementState
	Callbacks   []CallbackState
	Notes       []NoteState // of the account, and those of the debtor

	Contacts []ContactFacts // of all the debtor's accounts, in order
	ToSend   []AskedState   // messages that people have asked for

	Known     DebtorKnown
	Zones     []*time.Location // candidates, resolved; never empty
	ZoneKnown bool             // false when Zones is only the creditor's own for want of evidence
	Points    []PointState
	OptOuts   []OptOutState
	Consents  []ConsentState
	Times     []TimesState
	Notices   []NoticeState // in both directions
	Wishes    []WishState
	Statuses  []StatusState
	Checks    []CheckState
	Persons   []PersonState
	Debts     []DebtState // of all the debtor's accounts
	Location  LocationKnown

	locationRef string

	FeedUntil time.Time

	feedBack time.Time // when payment data last came back after it had been too old
	opened   time.Time // when the case opened, or opened again, last

	accounts map[string]bool   // of the debtor, by the facts that name them
	foreign  map[string]bool   // holds and disputes of other accounts: account, NUL, id
	seen     map[string]bool   // kind, account and source of facts already played
	ledger   []contact.Contact // Contacts as the policies count them
}

// OptOutState is an opt-out and its withdrawal.
type OptOutState struct {
	OptedOut
	At, Withdrawn time.Time
	ref           string
}

// ConsentState is a consent with its instant and end.
type ConsentState struct {
	Consented
	At, Revoked time.Time
	ref         string
}

// TimesState is a statement of inconvenient times.
type TimesState struct {
	TimesInconvenient
	At, Withdrawn time.Time
	ref           string
}

// WishState is another wish.
type WishState struct {
	WishStated
	At, Withdrawn time.Time
	ref           string
}

// NoticeState is a notice with its instant: when it was sent, or received from
// the debtor.
type NoticeState struct {
	NoticeSent
	At          time.Time
	FromDebtor  bool
	InWriting   bool
	Duplicative bool
	ref         string
}

// StatusState is a legal state of the debtor as known now; At is when it was
// first received.
type StatusState struct {
	StatusKnown
	At  time.Time
	ref string
}

// CheckState is an answer about a number, with its instant.
type CheckState struct {
	NumberChecked
	At  time.Time
	ref string
}

// PersonState is somebody beside the debtor as known now.
type PersonState struct {
	PersonKnown
	ref string
}

// DebtState is an account as a debt.
type DebtState struct {
	DebtKnown
	Account string
	ref     string
}
