package read

import (
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Who names a debtor in a list. Name is personal data: it must not reach a log, an
// error or Temporal.
type Who struct {
	Debtor     string `json:"debtor"`
	DebtorKey  string `json:"debtor_key"`
	Account    string `json:"account,omitempty"`
	AccountKey string `json:"account_key,omitempty"`
	Creditor   string `json:"creditor"`
	Name       string `json:"name,omitempty"`
}

// Touch is the last contact with a debtor over a case. Automatic: Duly sent it.
type Touch struct {
	At        time.Time       `json:"at,omitzero"` // zero: none yet
	Channel   dunning.Channel `json:"channel,omitempty"`
	Direction string          `json:"direction,omitempty"` // outbound, inbound
	State     string          `json:"state,omitempty"`     // of a message: accepted, failed …; of a call: its outcome
	Automatic bool            `json:"automatic,omitempty"`
}

// --- my day ------------------------------------------------------------------

// WorkFilter narrows a worklist. Owner sees what is theirs and, unless Mine, also what
// nobody has. The zero filter sees all work, whoever has it.
type WorkFilter struct {
	Creditors []string
	Owner     string   // user id as in leases
	Mine      bool     // only what Owner has; without Owner: only what nobody has
	Queues    []string // none: all
	Kinds     []string // "task:call", "reply", …; none: all
	Account   string
	Later     bool // calls that were promised for a later instant, and nothing else; else: all but these
}

// WorkRow is a line of "my day".
type WorkRow struct {
	Work
	Who
	Standing Standing     `json:"standing"`
	Buckets  Buckets      `json:"buckets"` // as of the asked instant
	Today    dunning.Date `json:"today"`   // in the debtor's zone
	Last     Touch        `json:"last"`
	NextStep string       `json:"next_step,omitempty"`
	NextAt   time.Time    `json:"next_at,omitzero"`
	Waits    Wait         `json:"waits,omitempty"`
}

// QueueCount is how much work a queue has. Owner "" is work that nobody has.
type QueueCount struct {
	Queue  string    `json:"queue"`
	Kind   string    `json:"kind"`
	N      int64     `json:"n"`
	Late   int64     `json:"late"` // past its due instant
	Oldest time.Time `json:"oldest"`
	Taken  int64     `json:"taken"` // somebody has it
}

// --- cases -------------------------------------------------------------------

// CaseSort is an order of the list of cases. Ties are broken by the case's id.
type CaseSort string

// Orders of the list of cases.
const (
	ByNext   CaseSort = "next"   // what is to happen first comes first; what waits without an end last
	ByAge    CaseSort = "age"    // the oldest debt first
	ByAmount CaseSort = "amount" // the largest amount owed first (by digits as stored: filter by currency)
	ByOpened CaseSort = "opened" // the newest case first
)

// CaseSorts are all orders.
func CaseSorts() []CaseSort { return []CaseSort{ByNext, ByAge, ByAmount, ByOpened} }

// Statuses of cases in filters.
const (
	StatusOpen   = "open" // the default
	StatusClosed = "closed"
	StatusAny    = "any"
)

// CaseFilter narrows the list of cases. What is zero does not narrow.
type CaseFilter struct {
	IDs       []string // of cases; what is no id narrows to nothing
	Creditors []string
	Status    string // open (also ""), closed, any
	Reasons   []string
	Sequences []string
	Versions  []string // of sequences
	Steps     []string // next step
	Waits     []Wait   // see Waits; "task" stands for any task
	Queues    []string // of the case's open task
	Owner     string   // who has the case
	Currency  string
	// MinOpen and MaxOpen bound what is owed, in Currency, which must be set with them.
	MinOpen, MaxOpen *money.Amount
	// MinDays and MaxDays bound the days since the oldest due date, as of Today.
	MinDays, MaxDays *int
	Today            dunning.Date
	NextBefore       time.Time // the next thing is to happen before
	OpenedFrom       time.Time // [from, until)
	OpenedUntil      time.Time
	Sort             CaseSort // default ByNext
}

// CaseRow is a line of the list of cases.
type CaseRow struct {
	Case string `json:"case"`
	Who
	Status      string       `json:"status"`
	Reason      string       `json:"reason,omitempty"` // of closing
	Sequence    string       `json:"sequence"`
	Version     string       `json:"version"`
	Waits       Wait         `json:"waits,omitempty"`
	NextVerb    dunning.Verb `json:"next_verb,omitempty"`
	NextStep    string       `json:"next_step,omitempty"`
	NextAt      time.Time    `json:"next_at,omitzero"`
	Queue       string       `json:"queue,omitempty"`
	Owner       string       `json:"owner,omitempty"`
	Opened      time.Time    `json:"opened,omitzero"`
	Closed      time.Time    `json:"closed,omitzero"`
	Decided     time.Time    `json:"decided,omitzero"`
	Open        money.Amount `json:"open"`
	Oldest      dunning.Date `json:"oldest,omitzero"`
	OldestDays  int          `json:"oldest_days"` // overdue days of the oldest debt as of the asked instant (UTC)
	Last        Touch        `json:"last"`
	DecisionID  string       `json:"decision,omitempty"` // that planned what is next
	DebtVersion int64        `json:"debtor_version"`
}

// --- search ------------------------------------------------------------------

// Hit is what a search found. Kind says by what: name, email, phone, customer,
// invoice, case. Text is the term that matched (personal data for the first three).
type Hit struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	Who
	Case   string       `json:"case,omitempty"` // the open case, else the newest
	Status string       `json:"status,omitempty"`
	Open   money.Amount `json:"open"`
}

// --- the case page -----------------------------------------------------------

// CasePage is everything the page of a case shows above the fold and in its panels.
// Log is the debtor's whole log as of Version, for whoever folds it with the real
// set-up (allowed-now light, schedules). It is personal data throughout.
type CasePage struct {
	CaseRow
	Standing  Standing            `json:"standing"`
	Buckets   Buckets             `json:"buckets"`
	Today     dunning.Date        `json:"today"`
	Locale    string              `json:"locale,omitempty"`
	Country   string              `json:"country,omitempty"`
	Address   []string            `json:"address,omitempty"`
	Points    []Point             `json:"points"`
	Items     []dunning.ItemState `json:"items"`
	Work      []Work              `json:"work"`
	Messages  []MessageRow        `json:"messages"` // the case's, the newest first
	Others    []CaseRow           `json:"others"`   // the debtor's other cases, open ones first
	Decisions int64               `json:"decisions"`
	Version   int64               `json:"log_version"`
	Log       []dunning.Fact      `json:"-"`
}

// Point is a contact point with its value, which is personal data ("" when erased).
type Point struct {
	ID      string          `json:"id"`
	Channel dunning.Channel `json:"channel"`
	Value   string          `json:"value,omitempty"`
	Kind    string          `json:"kind,omitempty"`
	Rank    int             `json:"rank"`
	Dead    string          `json:"dead,omitempty"`
}

// TimelineFilter narrows the story of a case. Groups: see [Groups].
// None: all.
type TimelineFilter struct {
	Groups      []string
	From, Until time.Time // [from, until)
	By          string
}

// TimelineRow is one event of a case's story: a fact, a state of a message, or a decision.
type TimelineRow struct {
	At       time.Time     `json:"at"`
	Group    string        `json:"group"`
	Kind     string        `json:"kind"` // of the fact; "decision"
	By       string        `json:"by,omitempty"`
	Version  int64         `json:"version"`
	Seq      int64         `json:"seq"`
	Fact     *dunning.Fact `json:"fact,omitempty"`
	Decision *DecisionRow  `json:"decision,omitempty"`
}

// DecisionRow is a decision without its body.
type DecisionRow struct {
	Seq       int64        `json:"seq"`
	ID        string       `json:"id"`
	Case      string       `json:"case"`
	Verb      dunning.Verb `json:"verb"`
	Step      string       `json:"step,omitempty"`
	Round     int          `json:"round,omitempty"`
	At        time.Time    `json:"at"`
	WakeAt    time.Time    `json:"wake_at,omitzero"`
	Waiting   string       `json:"waiting,omitempty"`
	Rule      string       `json:"rule,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	NotBefore time.Time    `json:"not_before,omitzero"`
	Deferred  bool         `json:"deferred,omitempty"`
	Sequence  string       `json:"sequence,omitempty"`
	Policies  string       `json:"policies,omitempty"`
	Core      string       `json:"core"`
	Zones     string       `json:"zones,omitempty"`
	Version   int64        `json:"debtor_version"`
	Wall      time.Time    `json:"wall"`
}

// DecisionFilter narrows decisions over all cases, for compliance: what was refused by
// which rule.
type DecisionFilter struct {
	Creditors   []string
	Case        string
	Verbs       []dunning.Verb
	Rules       []string
	Deferred    *bool // only those that pushed a matured step away, or only the others
	From, Until time.Time
}

// --- messages ----------------------------------------------------------------

// MessageFilter narrows the message explorer.
type MessageFilter struct {
	Creditors   []string
	States      []dunning.ContactState
	Channels    []dunning.Channel
	Step        string
	Template    string
	Case        string
	Debtor      string
	ProviderID  string
	From, Until time.Time // reserved in [from, until)
}

// MessageRow is one contact with how it stands.
type MessageRow struct {
	ID string `json:"id"`
	Who
	Case       string               `json:"case"`
	Step       string               `json:"step"`
	Round      int                  `json:"round"`
	Channel    dunning.Channel      `json:"channel"`
	Template   string               `json:"template,omitempty"`
	Purpose    string               `json:"purpose,omitempty"`
	Automatic  bool                 `json:"automatic"`
	Point      string               `json:"point,omitempty"` // id, never the address
	Decision   string               `json:"decision"`
	Reserved   time.Time            `json:"reserved"`
	State      dunning.ContactState `json:"state"`
	StateAt    time.Time            `json:"state_at"`
	Class      string               `json:"class,omitempty"`
	Code       string               `json:"code,omitempty"`
	Permanent  bool                 `json:"permanent,omitempty"`
	ProviderID string               `json:"provider_id,omitempty"`
	RetryAt    time.Time            `json:"retry_at,omitzero"`
	Deadline   time.Time            `json:"deadline,omitzero"`
	Delivery   string               `json:"delivery,omitempty"` // how far the provider says it came: delivered, opened …
	DeliveryAt time.Time            `json:"delivery_at,omitzero"`
	Attempts   []AttemptRow         `json:"attempts,omitempty"` // on the case page and for one message
}

// AttemptRow is a state that a message has been in.
type AttemptRow struct {
	Seq        int                  `json:"seq"`
	State      dunning.ContactState `json:"state"`
	At         time.Time            `json:"at"`
	Recorded   time.Time            `json:"recorded"`
	Class      string               `json:"class,omitempty"`
	Code       string               `json:"code,omitempty"`
	Permanent  bool                 `json:"permanent,omitempty"`
	ProviderID string               `json:"provider_id,omitempty"`
	RetryAt    time.Time            `json:"retry_at,omitzero"`
	Deadline   time.Time            `json:"deadline,omitzero"`
}

// --- compliance --------------------------------------------------------------

// FrequencyRow is how often a debtor was contacted in the days before an instant.
// Attempts are outbound contacts that left or may have left; Talks are conversations.
type FrequencyRow struct {
	Who
	Channel  dunning.Channel `json:"channel"`
	Attempts int             `json:"attempts"`
	Talks    int             `json:"talks"`
	Inbound  int             `json:"inbound"`
	Last     time.Time       `json:"last"`
}

// ConsentRow is an entry of the ledger of consents, opt-outs and preferences. Kind is
// the fact's: opted_out, opted_in, consented, consent_revoked, times_inconvenient,
// wish_stated, wish_withdrawn, point_dead, notice_sent, notice_received. The words that
// were said are in the fact itself, see CaseTimeline.
type ConsentRow struct {
	Who
	Kind     string          `json:"kind"`
	At       time.Time       `json:"at"`
	Recorded time.Time       `json:"recorded"` // when it took effect here: at - recorded is the delay
	By       string          `json:"by,omitempty"`
	Source   string          `json:"source,omitempty"`
	Channel  dunning.Channel `json:"channel,omitempty"`
	Point    string          `json:"point,omitempty"`
	Detail   string          `json:"detail,omitempty"` // basis, refusal, reason, notice or wish, and the medium
	Version  int64           `json:"version"`
	Seq      int             `json:"seq"`
}

// ConsentFilter narrows the ledger.
type ConsentFilter struct {
	Creditors   []string
	Debtor      string
	Kinds       []string
	Channel     dunning.Channel
	From, Until time.Time // by At
}

// AuditFilter narrows the audit log.
type AuditFilter struct {
	By, Action, Subject string // Action may be a prefix ending in "."
	From, Until         time.Time
}

// AuditRow is an entry of the audit log.
type AuditRow struct {
	ID       int64             `json:"id"`
	At       time.Time         `json:"at"`
	Recorded time.Time         `json:"recorded"`
	By       string            `json:"by"`
	Action   string            `json:"action"`
	Subject  string            `json:"subject,omitempty"`
	Detail   map[string]string `json:"detail,omitempty"`
}

// --- operations --------------------------------------------------------------

// ImportRow is a run of an import. Rows come newest first.
type ImportRow struct {
	ID       string         `json:"id"`
	Kind     string         `json:"kind"`
	Creditor string         `json:"creditor"`
	File     string         `json:"file"`
	Mapping  string         `json:"mapping,omitempty"`
	At       time.Time      `json:"at"`
	Started  time.Time      `json:"started"`
	Finished time.Time      `json:"finished,omitzero"` // zero: broke off or goes on
	DoneRow  int64          `json:"done_row"`
	Counts   map[string]int `json:"counts"`
	Rejects  int64          `json:"rejects"`
}

// RejectRow is a refused row of an import.
type RejectRow struct {
	Row    int64  `json:"row"`
	Reason string `json:"reason"`           // what is wrong, and how to mend it
	Line   int64  `json:"line,omitempty"`   // of the file, 0: not known
	Column string `json:"column,omitempty"` // as the file's header names it; "": the row as a whole
	Field  string `json:"field,omitempty"`  // what the column is to the mapping
}

// ReleaseRow is a published configuration.
type ReleaseRow struct {
	Version   string    `json:"version"`
	Published time.Time `json:"published"`
	By        string    `json:"by"`
	Files     int       `json:"files"`
	InForce   bool      `json:"in_force"`
	OpenCases int64     `json:"open_cases"` // that follow a sequence version which this release brought
}

// FileChange is a file that differs between two releases. Before or After is nil when
// it was added or removed.
type FileChange struct {
	Path   string `json:"path"`
	Before []byte `json:"before,omitempty"`
	After  []byte `json:"after,omitempty"`
}

// StepCount is how many open cases stand before a step and wait for what: the numbers
// on the picture of a sequence.
type StepCount struct {
	Sequence string `json:"sequence"`
	Version  string `json:"version"`
	Step     string `json:"step"`
	Waits    Wait   `json:"waits"`
	N        int64  `json:"n"`
}

// Health is what the health page says of the database's side, as of an instant of
// business time; instants are zero when there is nothing of the kind.
type Health struct {
	At           time.Time `json:"at"`
	Open         Count     `json:"open"`            // open cases
	Due          int64     `json:"due"`             // open cases whose next instant has passed, or that have facts to look at
	OldestDue    time.Time `json:"oldest_due"`      // of these
	Outbox       int64     `json:"outbox"`          // nudges not delivered yet
	OldestNudge  time.Time `json:"oldest_nudge"`    // wall time
	Unknown      int64     `json:"unknown"`         // contacts of which nobody knows whether they were sent
	OldestUnk    time.Time `json:"oldest_unknown"`  //
	Sending      int64     `json:"sending"`         // in a provider's hands right now
	FailedHour   int64     `json:"failed_hour"`     // contacts that failed in the hour before At
	AcceptedHour int64     `json:"accepted_hour"`   //
	Work         int64     `json:"work"`            // things that wait for people
	WorkLate     int64     `json:"work_late"`       // past their due instant
	Webhooks     int64     `json:"webhooks"`        // received and not processed yet
	OldestHook   time.Time `json:"oldest_webhook"`  // wall time
	Imports      int64     `json:"imports_running"` // begun and not finished
	Feeds        []Feed    `json:"feeds"`
}

// Feed is until when a creditor's payment data is complete.
type Feed struct {
	Creditor string    `json:"creditor"`
	Until    time.Time `json:"until,omitzero"`
}

// InboxRow is a received message or event that nobody could assign (state unmatched) or
// process (failed). Instants are wall time.
type InboxRow struct {
	ID        int64     `json:"id"`
	Source    string    `json:"source"`
	Kind      string    `json:"kind,omitempty"`
	Received  time.Time `json:"received"`
	At        time.Time `json:"at"` // business time of the receipt
	Processed time.Time `json:"processed,omitzero"`
	State     string    `json:"state"`
	Outcome   string    `json:"outcome,omitempty"`
	Attempts  int       `json:"attempts"`
	Error     string    `json:"error,omitempty"`
	Contact   string    `json:"contact,omitempty"`
	Debtors   []string  `json:"debtors,omitempty"` // who it may be of
}

// OwnNumbers are what a collector did in a span of time. Money is by currency.
type OwnNumbers struct {
	By          string         `json:"by"`
	From        time.Time      `json:"from"`
	Until       time.Time      `json:"until"`
	Calls       int            `json:"calls"`        // outbound calls logged
	RightParty  int            `json:"right_party"`  // of these, conversations with the debtor
	Messages    int            `json:"messages"`     // other outbound contacts logged
	Promises    int            `json:"promises"`     // made
	Promised    []money.Amount `json:"promised"`     //
	Kept        int            `json:"kept"`         // promises that they took and that ended as kept in the span
	Broken      int            `json:"broken"`       //
	Collected   []money.Amount `json:"collected"`    // amounts of the kept ones
	Plans       int            `json:"plans"`        // agreed
	TasksDone   int            `json:"tasks_done"`   // finished by them
	Disputes    int            `json:"disputes"`     // raised
	Notes       int            `json:"notes"`        // written
	LeasesTaken int            `json:"leases_taken"` //
	Debtors     int            `json:"debtors"`      // different debtors to whom they did something
}
