package dunning

import (
	"time"

	"github.com/duly/duly/dunning/money"
)

// Sequence is one published version of an escalation sequence, compiled from
// its file. It is immutable; a case keeps the version it was opened with.
type Sequence struct {
	ID      string // as in the file: "consumer-standard"
	Version string // content hash of the published version
	Title   string

	AppliesWhen Condition // nil = always
	Priority    int       // highest matching sequence wins

	Tolerance map[string]money.Amount // by currency: items at or below never lead nor justify a step
	Ladder    Ladder
	Include   Include
	Entry     Entry
	CatchUp   CatchUp
	Spacing   int    // local days between two step dispatches of a case
	Window    Window // the creditor's own wish for hours; zero = any time

	Steps []Step // in order; ids unique
	Plan  PlanTerms
	On    Reactions
	End   EndAction
}

// Ladder says whose age a case follows.
type Ladder string

// Ladders: one leading item for the whole account, or each item its own.
const (
	LadderLeading Ladder = "leading"
	LadderEach    Ladder = "each"
)

// Include says which items a contact lists.
type Include string

// What a contact lists.
const (
	IncludeAllOverdue Include = "all_overdue"
	IncludeDueForStep Include = "due_for_step"
	IncludeAllOpen    Include = "all_open"
)

// Entry says where debts that were already old at intake start.
type Entry string

// Entries: at the first step, or at the last step that had matured.
const (
	EntryFirst    Entry = "first"
	EntryMatching Entry = "matching"
)

// CatchUp says what to do with steps that matured during an outage.
type CatchUp string

// Catch-up policies.
const (
	CatchUpRun  CatchUp = "run"
	CatchUpSkip CatchUp = "skip"
	CatchUpAsk  CatchUp = "ask"
)

// Window is a wish for weekdays and hours in the debtor's own time. A window
// without days is no window. From and To are minutes after local midnight,
// [From, To).
type Window struct {
	Days         [7]bool // indexed by time.Weekday
	From, To     int
	SkipHolidays bool
}

// IsZero reports whether there is no window at all.
func (w Window) IsZero() bool { return w.Days == [7]bool{} }

// Verb is what a decision tells the shell to do.
type Verb string

// The verbs. Look and Record act on nothing outside Duly: Look waits, Record
// only writes down what has become true (a promise broken, a step passed over).
const (
	VerbLook     Verb = "look"
	VerbRecord   Verb = "record"
	VerbSend     Verb = "send"
	VerbCall     Verb = "call"
	VerbOffer    Verb = "offer_plan"
	VerbEscalate Verb = "escalate"
	VerbTask     Verb = "task"
	VerbRefer    Verb = "refer"
	VerbClose    Verb = "close"
)

// Step is one rung of a sequence. Exactly one of the verb's own structs is set.
type Step struct {
	ID string

	At       *int // matures this many days after the item's due date (negative: before)
	MonthEnd *int // matures at the end of the month of due date + this many days
	After    *int // and not before this many days after the previous step

	When Condition // nil = always; false = passed over, recorded

	Verb     Verb // send, call, offer_plan, escalate, refer or close
	Send     []Channeled
	Complete Complete
	Mode     Mode
	Unknown  OnUnknown
	// Strong: where the provider can, it holds the message for HeldFor, so that one whose
	// answer was lost can be called back and is then proven not to have left.
	Strong bool

	Call     *CallStep
	Offer    *OfferStep
	Escalate *EscalateStep
	Refer    *ReferStep
	Close    *CloseStep
}

// Channeled is one entry of a step's send list: a channel with its template,
// and what to use instead while that is impossible.
type Channeled struct {
	Channel  Channel
	Template string
	Else     []Channeled
	// Notices are the legal notices that the template's message is; NoticeDays is how many
	// days after the day of the message the printed period of the notice ends, 0 = none is printed.
	Notices    []string
	NoticeDays int
}

// Complete says when a step with several channels is done.
type Complete string

// All entries, or any one of them in order.
const (
	CompleteAll Complete = "all"
	CompleteAny Complete = "any"
)

// Mode says who dispatches a step.
type Mode string

// Modes: by itself; after a person's approval of the draft; by a person.
const (
	ModeAuto   Mode = "auto"
	ModeDraft  Mode = "draft"
	ModeManual Mode = "manual"
)

// OnUnknown says what to do when a hand-over stays unknown at its deadline.
type OnUnknown string

// Policies for unknown hand-overs.
const (
	UnknownAsk    OnUnknown = "ask"
	UnknownResend OnUnknown = "resend"
	UnknownSkip   OnUnknown = "skip"
)

// CallStep puts a call on a collectors' queue. Within counts local days.
type CallStep struct {
	Queue    string
	Attempts int
	Within   int
}

// OfferStep offers instalment plans. Days count local days.
type OfferStep struct {
	Instalments []int
	FirstDue    int
	Minimum     map[string]money.Amount
	Send        []Channeled
	OpenFor     int
}

// EscalateStep hands the case to a person. OnTimeout is "continue" or "supervisor".
type EscalateStep struct {
	Queue     string
	SLA       int // local days; 0 = no limit
	OnTimeout string
}

// ReferStep hands items to someone outside, such as legal or an agency.
type ReferStep struct {
	To       string
	Approval string // role that must approve; "" = none
	Minimum  map[string]money.Amount
	Package  string
}

// CloseStep ends the case's items with a disposition.
type CloseStep struct {
	Disposition Disposition
}

// PlanTerms says how plans are judged. Days count local days.
type PlanTerms struct {
	Cure         int // days after an instalment's due date before it counts as missed
	DefaultAfter int // misses that break the plan
	Remind       int // days before each instalment that a reminder goes out; 0 = none
}

// Reactions are what follows an event of a case.
type Reactions struct {
	PromiseBroken   Reaction
	PlanBroken      Reaction
	DisputeRejected Reaction
	Paid            Reaction
}

// Reaction is a jump to a step, or a notice period, or a message. The zero
// value means: go on where the case is.
type Reaction struct {
	Goto   string
	Notice int // local days during which nothing is sent
	Send   []Channeled
}

// EndAction is what happens after the last step, once.
type EndAction struct {
	Escalate *EscalateStep
	Refer    *ReferStep
	Close    *CloseStep // also write_off
}

// Condition is a compiled expression of a sequence file.
type Condition interface {
	// Eval decides over the values of a view. An error means that the
	// expression could not be evaluated; the step then waits for a person.
	Eval(View) (bool, error)
	// String is the source text, for decision records.
	String() string
}

// View is what a condition may look at: values only, all as of one instant.
type View struct {
	At             time.Time
	DebtorKind     string // "consumer" or "business"
	Locale         string
	Country        string // ISO 3166-1 alpha-2, "" = unknown
	Balance        money.Amount
	Overdue        money.Amount
	OldestDays     int // days past due of the oldest item in sequence
	Items          int // items in sequence above tolerance
	Creditor       string
	RepliedSince   func(step string) bool // an inbound contact after that step's latest dispatch
	DeliveredOn    func(step string) bool // a contact that counted for that step was accepted by a provider, in any round
	BrokenPromises int
	PaidSince      func(step string) bool // a payment after that step's latest dispatch
	HasChannel     map[Channel]bool       // a usable contact point exists
	Tags           []string               // of the account, sorted
}

// StepIndex returns the index of a step id, or -1; a nil sequence has no steps.
func (s *Sequence) StepIndex(id string) int {
	if s == nil {
		return -1
	}
	for i := range s.Steps {
		if s.Steps[i].ID == id {
			return i
		}
	}
	return -1
}
