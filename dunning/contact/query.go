package contact

import "time"

// Ambiguity is how rules that the law leaves open are read.
type Ambiguity = string

// The readings of ambiguous law. Anything but "literal" is read as strict.
const (
	Strict  Ambiguity = "strict"  // the cautious side, the product's default
	Literal Ambiguity = "literal" // the words of the provision
)

// Roles of the party that collects. A first party that uses another name is a
// third party; whoever fills a Query says so by giving ThirdParty.
const (
	FirstParty = "first_party"
	ThirdParty = "third_party"
)

// Kinds of debtor and classes of debt.
const (
	Consumer   = "consumer"
	Business   = "business"
	Commercial = "commercial"
)

// Directions of a contact in the ledger.
const (
	Inbound  = "inbound"
	Outbound = "outbound"
)

// Query is everything a verdict may look at. It holds ids, kinds and instants,
// never names, numbers or addresses. Instants are absolute; whatever needs a
// local time takes it from Zones. Facts later than At are not yet known and
// are ignored. Check keeps no reference to it.
type Query struct {
	At        time.Time // when the contact would be dispatched
	Channel   string    // call, prerecorded_call, sms, email, letter, postcard, visit, social_public; acts: charge, credit_report
	Purpose   string    // collect when empty; payment_reminder, opt_out_confirmation, location, ...
	Automated bool      // sent without a human at the keys

	Role        string // FirstParty or ThirdParty; anything else is refused
	DebtorKind  string // Consumer or Business; empty is judged as both
	CollectorID string // ledger rows of another collector are not counted; empty counts all rows
	Debts       []Debt // the accounts the contact is about; none = one debt of unknown class

	Debtor   string // id of the debtor; Person when empty
	Person   string // id of the person to be reached
	Relation string // to the debtor: empty or debtor, spouse, guardian, executor, ..., attorney, cra, creditor; anything else is a third person
	Point    Point  // where they would be reached

	Zones  []Zone  // candidate zones, most trusted first; calendar dates are those of the first
	Places []Place // candidate jurisdictions; none = every pack of the set applies

	Ledger      []Contact // past contacts in any order, reserved and unknown ones too
	Preferences []Preference
	Consents    []Consent
	OptOuts     []OptOut
	Notices     []Notice
	Flags       []Flag
	Checks      []NumberCheck

	Content *Content // nil: the content is judged elsewhere
	Charge  *Charge  // nil unless Channel is charge

	Ambiguity Ambiguity // Strict when empty
	Data      string    // version of the tables behind Zones and Places; recorded, never judged
	Ignore    string    // id of the ledger row to leave out (the asking contact's own reservation)
}

// Debt is one account in collection.
type Debt struct {
	ID         string
	Class      string   // Consumer or Commercial; empty is taken from the query's DebtorKind
	Kind       string   // credit_card, medical, student_loan, mortgage, motor_vehicle_installment, ...
	Same       []string // ids that count as this same debt (student loans under one servicing account)
	ChargedOff bool
	TimeBarred bool
	Due        Date
	Received   Date   // invoice received
	TermsGiven bool   // the invoice said that default follows 30 days after due date and receipt
	Amount     string // decimal, for charges
	Currency   string
}

// Point is a number or address without its value.
type Point struct {
	ID     string
	Kind   string // mobile, landline, work, postal, personal, employer (an email address known to be the employer's), ...
	Source string
	Place  string // the place a landline or postal address is tied to, such as home; empty for none
	Shared bool   // others hear or read what arrives there
	Owner  string // relation of its owner to the debtor, as Query.Relation; empty = the addressee
	Usable bool   // false: dead, missing or never verified; the contact is impossible
	Reason string // code of why it is not usable
}

// Zone is one place on the clock that the person may be in.
type Zone struct {
	Location *time.Location
	Name     string // IANA name
	Evidence string // what points there: known, address, phone, country, ...
}

// Place is one jurisdiction whose law may apply: "US", "US-MA", "US-NY-NYC".
// It implies its parents.
type Place struct {
	Jurisdiction string
	Evidence     string
}

// Contact is one row of the ledger.
type Contact struct {
	ID          string
	At          time.Time
	Direction   string // Inbound or Outbound
	Channel     string
	Outcome     string // conversation, no_answer, voicemail, delivered, ...; empty or unknown counts
	Person      string // empty: may have been anyone, so it counts
	Relation    string // of the person to the debtor, as Query.Relation; empty: the debtor when it is the debtor's id, else not recorded
	PointID     string
	PointKind   string   // work, mobile, landline, ...
	Debts       []string // discussed or pursued; empty counts for every debt
	Purpose     string
	CollectorID string // empty = this collector
	State       string // reserved, sending, unknown, accepted, ...; failed and cancelled do not count
	Automated   bool
}

// PreferenceKind says what a Preference is about.
type PreferenceKind string

// Preferences. All need At; what else they use is said at each.
const (
	InconvenientTime  PreferenceKind = "inconvenient_time"  // Days, From, To, Location
	InconvenientPlace PreferenceKind = "inconvenient_place" // Place
	NoWorkCalls       PreferenceKind = "no_work_calls"      // Written
	CallbackRequest   PreferenceKind = "callback_request"   // asked to be called back once
)

// Preference is a wish that a person made known.
type Preference struct {
	ID       string
	Kind     PreferenceKind
	By       string // person; empty = whoever is contacted
	At       time.Time
	Days     Weekdays       // none = every day
	From, To int            // seconds of the local day, half-open; equal = the whole day; To < From runs into the next day
	Location *time.Location // of From and To; nil = the query's first zone
	Place    string
	Written  bool
}

// Weekdays is a set of days, bit 0 = Sunday.
type Weekdays uint8

// On reports whether the day is in the set.
func (w Weekdays) On(d time.Weekday) bool { return w&(1<<uint(d)) != 0 }

// Consent is an agreement, as far as it goes. Kind "contact" is consent under
// Reg F to times, places and (Frequency) calls beyond the count.
type Consent struct {
	ID            string
	Kind          string // contact, tcpa, dc_ecomm, nyc_ecomm, ny_email, esign, ...
	By            string
	GivenTo       string // collector it was given to
	Direct        bool   // given by the consumer directly to that collector
	Tainted       bool   // given during a contact that itself broke the rules
	Written       bool
	At            time.Time
	Revoked       time.Time // zero = not revoked
	Channels      []string  // none = every channel
	PointID       string    // empty = every point
	EmployerOwned bool      // the address consented to belongs to the employer
	Basis         string    // number_on_credit_application, ...
	Purpose       string    // empty = every purpose
	Frequency     bool      // consent to calls beyond the count
	Debts         []string  // none = every debt
	OnlyOn        Date      // zero = any date
	Hours         bool      // From and To apply
	From, To      int       // seconds of the local day in the query's first zone, half-open
}

// OptOut kinds.
const (
	OptOutMedium     = "medium"     // refused a medium or one point of it, in any words
	OptOutKeyword    = "keyword"    // refused by text message, with a stop word (Keyword) or in words of their own
	OptOutRevocation = "revocation" // consent to automated messages revoked
	OptOutMarketing  = "marketing"  // unsubscribed from commercial email only
)

// OptOut is a refusal. It takes effect at once unless the rule says otherwise.
type OptOut struct {
	ID        string
	Kind      string
	By        string
	At        time.Time
	Withdrawn time.Time // zero = stands
	Channel   string    // empty = every channel
	PointID   string    // empty = every point of the channel
	Keyword   bool      // said with a bare stop word
	Written   bool
	InReplyTo string // purpose of the message it answered
}

// Notice is a letter or notice in either direction that a rule waits for or
// must obey. Kinds: validation_notice, dispute, original_creditor_request,
// verification_sent, duplicative_dispute_notice, cease_communication,
// refuses_to_pay, creditor_email_use_notice, debt_letter, ...
type Notice struct {
	ID            string
	Kind          string
	At            time.Time // sent, or received when it came from the debtor
	Channel       string
	Method        string
	Written       bool
	Debts         []string // none = all
	PeriodEnds    Date     // validation period as printed; zero = compute it
	Duplicative   bool
	Undeliverable bool
	Deadline      Date // last day to opt out
	OptedOut      bool
}

// Flag kinds known to the shipped packs.
const (
	FlagAttorney          = "attorney"
	FlagBankruptcy        = "bankruptcy"
	FlagDeceased          = "deceased"
	FlagEmployerProhibits = "employer_prohibits"
	FlagBreathingSpace    = "breathing_space"
)

// Flag is a state of the debtor that holds contact back.
type Flag struct {
	ID            string
	Kind          string
	Status        string // bankruptcy: open, discharged, dismissed; breathing_space: standard, mental_health_crisis
	Since         time.Time
	Until         time.Time // zero = open end
	Debts         []string  // none = all
	ContactKnown  bool      // attorney: name and address known or ascertainable
	WrittenTo     time.Time // attorney: last written to
	Responded     bool
	DirectConsent bool // attorney consented to direct contact
}

// NumberCheck is an answer of a reassigned-number database.
type NumberCheck struct {
	PointID    string
	At         time.Time
	Reassigned bool
}

// Tri is a fact about content that may be unknown. Unknown means no.
type Tri int8

// The values of a Tri.
const (
	Unknown Tri = iota
	Yes
	No
)

// Content is what matters of the message. Unknown facts that a rule needs
// refuse.
type Content struct {
	OptOutNotice          Tri // states how to opt out
	SimpleOptOut          Tri // that way needs no log-in, fee or data beyond the wish and the address
	OnlyConfirmation      Tri // an opt-out confirmation with nothing else in it
	InitialDisclosure     Tri // attempt to collect a debt, information used for that purpose
	LaterDisclosure       Tri // from a debt collector
	BusinessName          Tri
	RequestsReply         Tri
	NaturalPersonName     Tri
	CallbackNumber        Tri
	NothingElse           Tri // voicemail: nothing beyond the required and optional parts
	RevealsDebtCollection Tri // name, envelope or words show a debt
	ThreatensSuit         Tri
	DemandsEarlyPayment   Tri // demands payment before the validation period ends
	AgencyParticulars     Tri // client, ground and date, interest, fees, source of the address, supervisor (RDG 13a)
	EarlierAnswerDoubtful Tri // location: the earlier answer is reasonably thought wrong or incomplete
}

// Charge is an amount to be added. Amounts are decimals, empty = none.
type Charge struct {
	FixedSum string // statutory fixed sum
	LumpSum  string // statutory lump sum
	Interest bool   // default interest
	Points   string // percentage points over the base rate, decimal; empty = not said
}
