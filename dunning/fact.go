package dunning

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning/money"
)

// Fact is one thing that happened to a debtor. Facts are only ever added: a
// correction is another fact. The order of facts is Version, then position.
type Fact struct {
	// Version is the debtor's version at which the fact was committed; all facts
	// of one transaction share it. Facts given in a file may leave it out.
	Version int64 `json:"version,omitempty"`
	// At is the business instant from which the fact holds.
	At time.Time `json:"at"`
	// Account and Case are set where a fact concerns one account or case.
	Account string `json:"account,omitempty"`
	Case    string `json:"case,omitempty"`
	// By is who said so: "system", "debtor", "import", or "user:<id>".
	By string `json:"by,omitempty"`
	// Source is the origin's own key. A second fact with the same kind and
	// source is the same fact again and is ignored.
	Source string `json:"source,omitempty"`

	Body Body `json:"-"`
}

// Body is the content of a fact; its type is the fact's kind.
type Body interface{ Kind() Kind }

// Kind names a type of fact, as in files, the database and the API.
type Kind string

// Date is a calendar day without a zone, "2006-01-02". The zero Date is none.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// --- debts and money -------------------------------------------------------

// Item is an open invoice. Amount is what was open at intake.
type Item struct {
	Key    string       `json:"key"`
	Number string       `json:"number,omitempty"` // as printed on the invoice; Key when empty
	Issued Date         `json:"issued,omitzero"`  // zero: not known
	Due    Date         `json:"due"`
	Amount money.Amount `json:"amount"`
	Class  string       `json:"class,omitempty"` // class of debt, such as "consumer" or "commercial"
}

// ItemCorrected replaces amount or due date of an item; zero values keep.
type ItemCorrected struct {
	Item   string       `json:"item"`
	Amount money.Amount `json:"amount,omitzero"`
	Due    Date         `json:"due,omitzero"`
	Reason string       `json:"reason,omitempty"`
}

// Payment is money that arrived. Item is set when the payer named one.
type Payment struct {
	ID     string       `json:"id"`
	Amount money.Amount `json:"amount"`
	Item   string       `json:"item,omitempty"`
}

// PaymentReversed takes a payment back: a bounced cheque, a returned debit.
type PaymentReversed struct {
	Payment string `json:"payment"`
	Reason  string `json:"reason,omitempty"`
}

// Disposition says where an item stands: only InSequence opens or leads.
type Disposition string

// Dispositions.
const (
	InSequence Disposition = "in_sequence"
	InPlan     Disposition = "plan"
	Exhausted  Disposition = "exhausted"
	Referred   Disposition = "referred"
	WrittenOff Disposition = "written_off"
	Paid       Disposition = "paid"
	Recalled   Disposition = "recalled"
)

// ItemsDisposed moves items to a disposition (exhausted, referred, written off, recalled, back in sequence).
type ItemsDisposed struct {
	Items  []string    `json:"items"`
	To     Disposition `json:"to"`
	Where  string      `json:"where,omitempty"` // referred to whom
	Reason string      `json:"reason,omitempty"`
}

// --- the case --------------------------------------------------------------

// CaseOpened starts a run of a sequence over an account.
type CaseOpened struct {
	Sequence string `json:"sequence"`
	Version  string `json:"sequence_version"`
	Reopened bool   `json:"reopened,omitempty"`
}

// CaseClosed ends it. Reasons: paid, settled, written_off, recalled, referred, exhausted, below_tolerance.
type CaseClosed struct {
	Reason string `json:"reason"`
}

// StepsWaived skips steps of items by decision: entry, catch_up, goto, or a person.
type StepsWaived struct {
	Items []string `json:"items"`
	Steps []string `json:"steps"`
	Why   string   `json:"why"`
}

// StepPassed records that a step's condition was false for items.
type StepPassed struct {
	Items []string `json:"items"`
	Step  string   `json:"step"`
	When  string   `json:"when,omitempty"`
}

// RoundBegun sends items back to a step: a new round from there.
type RoundBegun struct {
	Items []string `json:"items"`
	Step  string   `json:"step"`
	Why   string   `json:"why"`
}

// StepCounted records that a step without a contact of its own (a finished
// task, an answered offer, a referral) is done for items.
type StepCounted struct {
	Items []string `json:"items"`
	Step  string   `json:"step"`
	Why   string   `json:"why"`
}

// EntryEnded closes one entry of a step's send list without a contact, because
// no channel of it was possible and a person was asked instead.
type EntryEnded struct {
	Items []string `json:"items"`
	Step  string   `json:"step"`
	Entry int      `json:"entry"`
	Why   string   `json:"why"`
}

// --- waiting ---------------------------------------------------------------

// HoldKind is why something is held.
type HoldKind string

// Hold kinds.
const (
	HoldDispute        HoldKind = "dispute"
	HoldHardship       HoldKind = "hardship"
	HoldBreathingSpace HoldKind = "breathing_space"
	HoldBankruptcy     HoldKind = "bankruptcy"
	HoldDeceased       HoldKind = "deceased"
	HoldRepresented    HoldKind = "represented"
	HoldCease          HoldKind = "cease"
	HoldServicemember  HoldKind = "servicemember"
	HoldRecall         HoldKind = "recall"
	HoldComplaint      HoldKind = "complaint"
	HoldManual         HoldKind = "manual"
	HoldIdentityTheft  HoldKind = "identity_theft"
	HoldLitigation     HoldKind = "litigation"
)

// Scope says how much a hold or dispute reaches.
type Scope string

// Scopes.
const (
	ScopeItem    Scope = "item"
	ScopeAccount Scope = "account"
	ScopeDebtor  Scope = "debtor"
)

// HoldPlaced stops contacts, the clock or fees over [From, Until). Until zero
// means open: until a person lifts it. From is the fact's At.
type HoldPlaced struct {
	ID       string    `json:"id"`
	HoldKind HoldKind  `json:"hold"`
	Scope    Scope     `json:"scope"`
	Item     string    `json:"item,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Contact  bool      `json:"contact"`
	Clock    bool      `json:"clock"`
	Fees     bool      `json:"fees,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Notice   int       `json:"notice,omitempty"` // local days after the end during which nothing is sent
	Manual   bool      `json:"manual,omitempty"` // set by a person: automation never shortens it
}

// HoldLifted ends a hold now.
type HoldLifted struct {
	ID     string `json:"id"`
	Notice int    `json:"notice,omitempty"`
}

// HoldExtended moves a hold's end; zero means open.
type HoldExtended struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until,omitzero"`
}

// DisputeRaised disputes an item (others go on) or, without Item, the account.
type DisputeRaised struct {
	ID          string `json:"id"`
	Item        string `json:"item,omitempty"`
	Duplicative bool   `json:"duplicative,omitempty"` // says again what was answered
	Told               // in writing and in time, it stops collection by law until verification is sent
}

// DisputeResolved ends a dispute. Outcome: closed, corrected (a correction of
// the item is a fact of its own), rejected.
type DisputeResolved struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	Notice  int    `json:"notice,omitempty"`
}

// PromiseMade is a promise to pay Amount by the end of Due plus Grace days.
type PromiseMade struct {
	ID     string       `json:"id"`
	Amount money.Amount `json:"amount"`
	Due    Date         `json:"due"`
	Grace  int          `json:"grace"`
}

// PromiseEnded judges a promise. Outcome: kept, partly, broken, withdrawn.
type PromiseEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// OfferOpened offers a plan; the case waits for an answer until Until.
type OfferOpened struct {
	ID    string    `json:"id"`
	Step  string    `json:"step"`
	Items []string  `json:"items"`
	Terms []int     `json:"instalments"`
	Until time.Time `json:"until"`
}

// OfferEnded answers an offer. Outcome: accepted, declined, expired, moot.
type OfferEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// Instalment is one part of a plan, due on a business day.
type Instalment struct {
	Due    Date         `json:"due"`
	Amount money.Amount `json:"amount"`
}

// PlanAgreed starts a plan over items. The instalments add up to the cent.
type PlanAgreed struct {
	ID          string       `json:"id"`
	Items       []string     `json:"items"`
	Instalments []Instalment `json:"instalments"`
}

// PlanEnded judges a plan. Outcome: kept, paid_off, broken, cancelled.
type PlanEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// LeaseTaken gives the case to a collector, or to a team (TeamOwner), until an
// instant. From and Words are set when somebody handed it over.
type LeaseTaken struct {
	ID    string    `json:"id"`
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
	From  string    `json:"from,omitempty"`  // who handed it over, as in Fact.By
	Words string    `json:"words,omitempty"` // why; may be personal data, stays in Postgres
}

// LeaseEnded ends it. Outcome: handed_back, handed_over, expired, expired_untouched, closed.
type LeaseEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// TaskKind is what a person is asked to do.
type TaskKind string

// Task kinds.
const (
	TaskCall       TaskKind = "call"
	TaskEscalation TaskKind = "escalation"
	TaskDraft      TaskKind = "draft"      // approve a draft
	TaskManual     TaskKind = "manual"     // do the step by hand
	TaskNoChannel  TaskKind = "no_channel" // nothing reaches this debtor
	TaskUnknown    TaskKind = "unknown"    // was it sent or not?
	TaskApproval   TaskKind = "approval"   // of a referral
	TaskCatchUp    TaskKind = "catch_up"
	TaskSupervisor TaskKind = "supervisor"
	TaskParked     TaskKind = "parked"     // decisions do not settle, or a condition cannot be evaluated
	TaskFailed     TaskKind = "failed"     // provider refuses sender or content
	TaskReply      TaskKind = "reply"      // read what the debtor wrote, and act on it
	TaskSettlement TaskKind = "settlement" // approve a settlement that is above somebody's authority
)

// TaskOpened asks a person. Until zero means no limit.
type TaskOpened struct {
	ID       string    `json:"id"`
	Task     TaskKind  `json:"task"`
	Queue    string    `json:"queue"`
	Step     string    `json:"step,omitempty"`
	Entry    int       `json:"entry,omitempty"`
	Items    []string  `json:"items,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	Digest   string    `json:"digest,omitempty"` // of a draft: items, amounts, recipient and text
	Contact  string    `json:"contact,omitempty"`
	Reason   string    `json:"reason,omitempty"`

	Suggest *Suggestion `json:"suggest,omitempty"` // of a reply: what it seems to ask for
}

// TaskEnded ends a task. Outcome by kind: call: conversation, attempts_used,
// expired, untouched · escalation: resumed, done, timeout · draft: approved,
// rejected · unknown: sent, not_sent · approval: approved, rejected · catch_up:
// resumed (the steps go on), done (what has matured is waived) · failed: resumed
// (tried again), done (delivered by hand) · parked: resumed, done (the step is
// done) · others: done · any: moot, when nothing is left of what it was about.
type TaskEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	Digest  string `json:"digest,omitempty"`
}

// --- contacts --------------------------------------------------------------

// ItemLine is one item in a contact. Step is the step it counts for, "" when
// the item is only listed along.
type ItemLine struct {
	Key    string       `json:"key"`
	Step   string       `json:"step,omitempty"`
	Amount money.Amount `json:"amount"`
}

// ContactState is how far a contact has come.
type ContactState string

// Contact states. Reserved, Sending, Accepted and Unknown count against every cap.
const (
	ContactReserved  ContactState = "reserved"
	ContactSending   ContactState = "sending"
	ContactAccepted  ContactState = "accepted"
	ContactFailed    ContactState = "failed"
	ContactUnknown   ContactState = "unknown"
	ContactBounced   ContactState = "bounced"
	ContactCancelled ContactState = "cancelled"
)

// ContactPlanned reserves a contact that a decision allowed.
type ContactPlanned struct {
	ID        string     `json:"id"` // case, round, step, channel, ordinal: the unique send key
	Step      string     `json:"step"`
	Round     int        `json:"round"`
	Entry     int        `json:"entry"`
	Alt       int        `json:"alt,omitempty"` // 0 = the entry itself, n = its n-th else
	Channel   Channel    `json:"channel"`
	Template  string     `json:"template,omitempty"`
	Ordinal   int        `json:"ordinal"`
	Point     string     `json:"point"` // id of the contact point, never its value
	Items     []ItemLine `json:"items"`
	Purpose   string     `json:"purpose,omitempty"`
	Automatic bool       `json:"automatic,omitempty"`
	Decision  string     `json:"decision,omitempty"`
	Creditor  string     `json:"creditor,omitempty"`
	// Notices are the legal notices that the message is, by kind; NoticeEnds is the last day
	// of their period as it prints it.
	Notices    []string `json:"notices,omitempty"`
	NoticeEnds Date     `json:"notice_ends,omitzero"`
}

// ContactMoved is the next state of a contact.
type ContactMoved struct {
	ID         string       `json:"id"`
	State      ContactState `json:"state"`
	Class      FailureClass `json:"class,omitempty"`
	Code       string       `json:"code,omitempty"`
	Permanent  bool         `json:"permanent,omitempty"`
	RetryAt    time.Time    `json:"retry_at,omitzero"`
	ProviderID string       `json:"provider_id,omitempty"`
	Deadline   time.Time    `json:"deadline,omitzero"` // unknown: until when evidence is awaited
	Hold       string       `json:"hold,omitempty"`    // sending: the provider's hold by which it can be called back
	Waits      bool         `json:"waits,omitempty"`   // accepted: a letter that leaves when its batch is posted
}

// ContactLogged is a contact outside the sequence: a collector's call or
// message, an inbound reply, imported history. All of them count with those
// that Duly made, unless the law excludes them by their outcome, their person
// or a consent.
type ContactLogged struct {
	ID        string    `json:"id"`
	Direction string    `json:"direction"` // outbound, inbound
	Channel   Channel   `json:"channel"`
	Outcome   string    `json:"outcome"` // conversation, no_answer, voicemail, delivered, received, …; see Outcomes
	Point     string    `json:"point,omitempty"`
	Person    string    `json:"person,omitempty"`    // id of who was reached; "" = the debtor
	Intended  string    `json:"intended,omitempty"`  // id of who was meant, where that is somebody else
	Verified  string    `json:"verified,omitempty"`  // how the right party was verified
	Task      string    `json:"task,omitempty"`      // call task it was an attempt of
	Purpose   string    `json:"purpose,omitempty"`   // default: collect
	Creditor  string    `json:"creditor,omitempty"`  // who collected; default: the creditor
	Debts     []string  `json:"debts,omitempty"`     // accounts discussed or pursued; none = its own account
	Collector string    `json:"collector,omitempty"` // the user
	Seconds   int       `json:"seconds,omitempty"`   // how long it took
	Basis     string    `json:"basis,omitempty"`     // why it may be outside a count: consent, required_by_law, litigation, …
	Evidence  string    `json:"evidence,omitempty"`  // recording, copy
	Recorded  time.Time `json:"recorded,omitzero"`   // when it was entered, where that was later
	Reading   []string  `json:"reading,omitempty"`   // a reply: what was read in it, "intent confidence"
	Answer    string    `json:"answer,omitempty"`    // a reply: purpose of the one message that may answer it
}

// --- the debtor ------------------------------------------------------------

// DebtorKnown says what is known of the debtor apart from names and addresses.
// A later one replaces the earlier. Zones are IANA names, strongest evidence
// first, from a location actually known, else the candidates of all evidence.
type DebtorKnown struct {
	DebtorKind string   `json:"debtor_kind"`        // consumer, business
	Locale     string   `json:"locale,omitempty"`   // BCP 47
	Country    string   `json:"country,omitempty"`  // ISO 3166-1 alpha-2
	Places     []string `json:"places,omitempty"`   // candidate jurisdictions, such as US-MA
	Zones      []string `json:"zones,omitempty"`    // candidate zones
	Holidays   string   `json:"holidays,omitempty"` // holiday calendar of business days
	Tags       []string `json:"tags,omitempty"`
	// Evidence says for each place and zone what points there, such as "address" or "phone".
	Evidence map[string]string `json:"evidence,omitempty"`
}

// PointKnown adds or replaces a contact point. Its value (number, address) is
// kept by the store, never in facts.
type PointKnown struct {
	ID        string   `json:"id"`
	Channel   Channel  `json:"channel"`
	PointKind string   `json:"point_kind,omitempty"` // mobile, landline, voip, work, personal, employer, residence
	Source    string   `json:"from,omitempty"`       // consumer, creditor, skip_trace, prior_collector, import
	Owner     string   `json:"owner,omitempty"`      // id of the person whose it is, or a relation; "" = the debtor
	Place     string   `json:"place,omitempty"`      // the place it is tied to: home, work; "" for none (a landline or letter: home)
	Shared    bool     `json:"shared,omitempty"`     // others hear or read what arrives there
	Employer  bool     `json:"employer_provided,omitempty"`
	Public    bool     `json:"public_domain,omitempty"` // email: a domain open to everybody
	Evidence  string   `json:"evidence,omitempty"`      // where the proof of the source is kept
	Obtained  Date     `json:"obtained_on,omitzero"`    // when it was obtained from the source
	Checked   Date     `json:"line_checked_on,omitzero"`
	Zones     []string `json:"zones,omitempty"`  // candidate zones of the point itself
	Places    []string `json:"places,omitempty"` // candidate jurisdictions of the point itself
	Rank      int      `json:"rank,omitempty"`   // lower is preferred
}

// PointDead makes a contact point unusable. Reasons: hard_bounce, invalid,
// landline, wrong_person, blocked, spam_report, person.
type PointDead struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Refusals: what an opt-out was about, in the words of the law.
const (
	RefusesMedium     = "medium"     // the medium, or one point of it
	RefusesKeyword    = "keyword"    // by text message, a stop word or words of their own
	RefusesRevocation = "revocation" // consent to automated messages revoked
	RefusesMarketing  = "marketing"  // commercial email only
)

// OptedOut refuses a channel, or one point of it. An empty channel means all
// electronic ones, with Everything really all. What narrows it was said
// clearly: where it is not clear the wider reading is recorded.
type OptedOut struct {
	ID         string   `json:"id,omitempty"`
	Channel    Channel  `json:"channel,omitempty"`
	Point      string   `json:"point,omitempty"`
	Everything bool     `json:"everything,omitempty"`
	Refusal    string   `json:"refusal,omitempty"`     // see RefusesMedium, the default
	StopWord   bool     `json:"stop_word,omitempty"`   // said with a bare stop word
	InReplyTo  string   `json:"in_reply_to,omitempty"` // purpose of the message that it answered
	Topic      string   `json:"topic,omitempty"`       // one purpose only
	Debts      []string `json:"debts,omitempty"`       // accounts; none = all
	Told
}

// OptedIn withdraws an opt-out: the one named, else those of the same channel and point.
type OptedIn struct {
	ID      string  `json:"id,omitempty"` // of the opt-out
	Channel Channel `json:"channel,omitempty"`
	Point   string  `json:"point,omitempty"`
	Told
}

// Consented is consent with its scope. What narrows it is empty for "any".
type Consented struct {
	ID      string  `json:"id"`
	Basis   string  `json:"basis"` // express, written, number_on_credit_application, …
	Channel Channel `json:"channel,omitempty"`
	Point   string  `json:"point,omitempty"`
	Scope   string  `json:"scope,omitempty"` // to what: contact (default), tcpa, dc_ecomm, nyc_ecomm, ny_email, esign, …

	GivenTo       string    `json:"given_to,omitempty"`       // who received it; "" = the creditor of this account
	Direct        bool      `json:"direct,omitempty"`         // given by the person to them, not handed on
	DuringBreach  bool      `json:"during_breach,omitempty"`  // in a contact that itself broke the rules
	EmployerOwned bool      `json:"employer_owned,omitempty"` // the address is the employer's
	Purpose       string    `json:"purpose,omitempty"`
	Frequency     bool      `json:"frequency,omitempty"` // to calls beyond the count
	Debts         []string  `json:"debts,omitempty"`     // accounts
	OnlyOn        Date      `json:"only_on,omitzero"`
	From          string    `json:"time_from,omitempty"` // HH:MM, in the debtor's first zone
	To            string    `json:"time_to,omitempty"`   // HH:MM, 24:00 allowed
	Until         time.Time `json:"until,omitzero"`      // expiry; zero = none
	Told
}

// TimesInconvenient names weekdays and local hours at which the debtor must
// not be contacted. No days: every day. From and To equal: the whole day.
type TimesInconvenient struct {
	ID   string   `json:"id,omitempty"`
	Days []string `json:"days"` // Mon … Sun
	From string   `json:"from"` // HH:MM
	To   string   `json:"to"`   // HH:MM, 24:00 allowed
	Zone string   `json:"zone"`
	Told
}

// NoticeSent records a legal notice (validation_notice, …) that starts a clock.
type NoticeSent struct {
	ID            string    `json:"id,omitempty"`
	Notice        string    `json:"notice"`
	Channel       Channel   `json:"channel,omitempty"`
	Method        string    `json:"method,omitempty"` // certified, ordinary, …
	Template      string    `json:"template,omitempty"`
	Language      string    `json:"language,omitempty"`
	Debts         []string  `json:"debts,omitempty"`              // accounts; none = all
	Received      Date      `json:"assumed_received_on,omitzero"` // as printed or computed when it was sent
	Ends          Date      `json:"ends,omitzero"`                // end of its period as printed
	Deadline      Date      `json:"opt_out_deadline,omitzero"`    // last day to object
	Undeliverable bool      `json:"undeliverable,omitempty"`      // known to have come back
	OptedOut      bool      `json:"opted_out,omitempty"`          // objected already
	Proof         string    `json:"proof,omitempty"`              // of sending
	Recorded      time.Time `json:"recorded,omitzero"`
}

// NoteWritten is a collector's note. Text is personal data and stays in Postgres.
// Mentions are the ids of users who are to read it.
type NoteWritten struct {
	ID       string   `json:"id"`
	Text     string   `json:"text"`
	Mentions []string `json:"mentions,omitempty"`
}

// FeedSeen records until when a creditor's payment data is known to be complete.
// Without a creditor it speaks for all of the debtor's.
type FeedSeen struct {
	Until    time.Time `json:"until"`
	Creditor string    `json:"creditor,omitempty"`
}

// Kind implementations, in the order above.
func (Item) Kind() Kind              { return "item" }
func (ItemCorrected) Kind() Kind     { return "item_corrected" }
func (Payment) Kind() Kind           { return "payment" }
func (PaymentReversed) Kind() Kind   { return "payment_reversed" }
func (ItemsDisposed) Kind() Kind     { return "items_disposed" }
func (CaseOpened) Kind() Kind        { return "case_opened" }
func (CaseClosed) Kind() Kind        { return "case_closed" }
func (StepsWaived) Kind() Kind       { return "steps_waived" }
func (StepPassed) Kind() Kind        { return "step_passed" }
func (RoundBegun) Kind() Kind        { return "round_begun" }
func (StepCounted) Kind() Kind       { return "step_counted" }
func (EntryEnded) Kind() Kind        { return "entry_ended" }
func (HoldPlaced) Kind() Kind        { return "hold_placed" }
func (HoldLifted) Kind() Kind        { return "hold_lifted" }
func (HoldExtended) Kind() Kind      { return "hold_extended" }
func (DisputeRaised) Kind() Kind     { return "dispute_raised" }
func (DisputeResolved) Kind() Kind   { return "dispute_resolved" }
func (PromiseMade) Kind() Kind       { return "promise_made" }
func (PromiseEnded) Kind() Kind      { return "promise_ended" }
func (OfferOpened) Kind() Kind       { return "offer_opened" }
func (OfferEnded) Kind() Kind        { return "offer_ended" }
func (PlanAgreed) Kind() Kind        { return "plan_agreed" }
func (PlanEnded) Kind() Kind         { return "plan_ended" }
func (LeaseTaken) Kind() Kind        { return "lease_taken" }
func (LeaseEnded) Kind() Kind        { return "lease_ended" }
func (TaskOpened) Kind() Kind        { return "task_opened" }
func (TaskEnded) Kind() Kind         { return "task_ended" }
func (ContactPlanned) Kind() Kind    { return "contact_planned" }
func (ContactMoved) Kind() Kind      { return "contact_moved" }
func (ContactLogged) Kind() Kind     { return "contact_logged" }
func (DebtorKnown) Kind() Kind       { return "debtor_known" }
func (PointKnown) Kind() Kind        { return "point_known" }
func (PointDead) Kind() Kind         { return "point_dead" }
func (OptedOut) Kind() Kind          { return "opted_out" }
func (OptedIn) Kind() Kind           { return "opted_in" }
func (Consented) Kind() Kind         { return "consented" }
func (TimesInconvenient) Kind() Kind { return "times_inconvenient" }
func (NoticeSent) Kind() Kind        { return "notice_sent" }
func (NoteWritten) Kind() Kind       { return "note_written" }
func (FeedSeen) Kind() Kind          { return "feed_seen" }

// bodies decodes the body of each kind. Adding a kind is adding a line here.
var bodies = map[Kind]func([]byte) (Body, error){
	"item":               decode[Item],
	"item_corrected":     decode[ItemCorrected],
	"payment":            decode[Payment],
	"payment_reversed":   decode[PaymentReversed],
	"items_disposed":     decode[ItemsDisposed],
	"case_opened":        decode[CaseOpened],
	"case_closed":        decode[CaseClosed],
	"steps_waived":       decode[StepsWaived],
	"step_passed":        decode[StepPassed],
	"round_begun":        decode[RoundBegun],
	"step_counted":       decode[StepCounted],
	"entry_ended":        decode[EntryEnded],
	"hold_placed":        decode[HoldPlaced],
	"hold_lifted":        decode[HoldLifted],
	"hold_extended":      decode[HoldExtended],
	"dispute_raised":     decode[DisputeRaised],
	"dispute_resolved":   decode[DisputeResolved],
	"promise_made":       decode[PromiseMade],
	"promise_ended":      decode[PromiseEnded],
	"offer_opened":       decode[OfferOpened],
	"offer_ended":        decode[OfferEnded],
	"plan_agreed":        decode[PlanAgreed],
	"plan_ended":         decode[PlanEnded],
	"lease_taken":        decode[LeaseTaken],
	"lease_ended":        decode[LeaseEnded],
	"task_opened":        decode[TaskOpened],
	"task_ended":         decode[TaskEnded],
	"contact_planned":    decode[ContactPlanned],
	"contact_moved":      decode[ContactMoved],
	"contact_logged":     decode[ContactLogged],
	"debtor_known":       decode[DebtorKnown],
	"point_known":        decode[PointKnown],
	"point_dead":         decode[PointDead],
	"opted_out":          decode[OptedOut],
	"opted_in":           decode[OptedIn],
	"consented":          decode[Consented],
	"times_inconvenient": decode[TimesInconvenient],
	"notice_sent":        decode[NoticeSent],
	"note_written":       decode[NoteWritten],
	"note_pinned":        decode[NotePinned],
	"note_unpinned":      decode[NoteUnpinned],
	"mention_seen":       decode[MentionSeen],
	"callback_set":       decode[CallbackSet],
	"callback_moved":     decode[CallbackMoved],
	"callback_ended":     decode[CallbackEnded],

	"settlement_offered":  decode[SettlementOffered],
	"settlement_answered": decode[SettlementAnswered],
	"settlement_ended":    decode[SettlementEnded],
	"message_asked":       decode[MessageAsked],
	"feed_seen":           decode[FeedSeen],
	"debt_known":          decode[DebtKnown],
	"person_known":        decode[PersonKnown],
	"location_known":      decode[LocationKnown],
	"status_known":        decode[StatusKnown],
	"wish_stated":         decode[WishStated],
	"wish_withdrawn":      decode[WishWithdrawn],
	"consent_revoked":     decode[ConsentRevoked],
	"notice_received":     decode[NoticeReceived],
	"notice_changed":      decode[NoticeChanged],
	"number_checked":      decode[NumberChecked],
	"migration_asked":     decode[MigrationAsked],
	"migration_ended":     decode[MigrationEnded],
	"migrated":            decode[Migrated],
}

func decode[B Body](b []byte) (Body, error) {
	var v B
	err := json.Unmarshal(b, &v)
	return v, err
}

// DecodeBody reads the JSON body of a fact of a kind. Unknown members are
// ignored, an unknown kind is an error.
func DecodeBody(kind Kind, b []byte) (Body, error) {
	d, ok := bodies[kind]
	if !ok {
		return nil, fmt.Errorf("unknown kind of fact %q", kind)
	}
	v, err := d(b)
	if err != nil {
		return nil, fmt.Errorf("fact of kind %s: %w", kind, err)
	}
	return v, nil
}

type envelope Fact

// MarshalJSON writes one flat object: kind, envelope and body together.
func (f Fact) MarshalJSON() ([]byte, error) {
	if f.Body == nil {
		return nil, fmt.Errorf("fact without a body")
	}
	kind, _ := json.Marshal(struct {
		Kind Kind `json:"kind"`
	}{f.Body.Kind()})
	env, err := json.Marshal(envelope(f))
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(f.Body)
	if err != nil {
		return nil, err
	}
	return splice(kind, env, body), nil
}

// splice joins flat JSON objects into one.
func splice(objects ...[]byte) []byte {
	out := []byte{'{'}
	for _, o := range objects {
		inner := o[1 : len(o)-1]
		if len(inner) == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, inner...)
	}
	return append(out, '}')
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fact) UnmarshalJSON(b []byte) error {
	var head struct {
		envelope
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return err
	}
	body, err := DecodeBody(head.Kind, b)
	*f = Fact(head.envelope)
	f.Body = body
	return err
}

// String writes the date as 2006-01-02, "" for none.
func (d Date) String() string {
	if d == (Date{}) {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// ParseDate reads 2006-01-02 and refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q must be a real day written YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// DateOf is the calendar day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// MarshalText writes 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2006-01-02 or "".
func (d *Date) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(b))
	return err
}
