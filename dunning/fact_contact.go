package dunning

import "time"

// The facts that contact law asks for, beyond contacts themselves: who somebody
// is to the debtor, what a debt is, what was said, agreed, refused and written,
// and what is known of numbers and places. Their instant (Fact.At) is when the
// thing happened or was received; when it was entered is Told.Recorded.

// Told says how a statement reached us.
type Told struct {
	Medium   string    `json:"medium,omitempty"`   // call, sms, email, letter, fax, portal, in_person, creditor, import
	Written  bool      `json:"written,omitempty"`  // in writing although the medium does not say so
	Words    string    `json:"words,omitempty"`    // as they were said; personal data, stays in Postgres
	Reader   string    `json:"reader,omitempty"`   // who or what read the words into this
	Person   string    `json:"person,omitempty"`   // id of who said it; "" = the debtor
	During   string    `json:"during,omitempty"`   // id of the contact in which it was said
	Evidence string    `json:"evidence,omitempty"` // where the proof is kept
	Recorded time.Time `json:"recorded,omitzero"`  // when it was entered, where that was later than received
}

// inWriting reports whether a statement was made in writing.
func (t Told) inWriting() bool {
	switch t.Medium {
	case "letter", "email", "sms", "fax", "portal":
		return true
	}
	return t.Written
}

// who is the person that said it, as contact queries name people.
func (t Told) who() string {
	if t.Person == "" {
		return person
	}
	return t.Person
}

// DebtKnown describes the account as a debt in the sense of the law. A later
// one replaces the earlier. Everything but the account may be unknown.
type DebtKnown struct {
	Class        string `json:"class,omitempty"`     // consumer, commercial; "": as the items say
	DebtKind     string `json:"debt_kind,omitempty"` // credit_card, medical, student_loan, mortgage, motor_vehicle_installment, …
	Role         string `json:"role,omitempty"`      // first_party, third_party; "" = the creditor's. A first party under another name is a third party.
	Original     string `json:"original_creditor,omitempty"`
	Itemized     Date   `json:"itemization_date,omitzero"`
	ItemizedBy   string `json:"itemization_kind,omitempty"` // last_statement, charge_off, last_payment, transaction, judgment
	Default      Date   `json:"default_on,omitzero"`
	Obtained     Date   `json:"obtained_on,omitzero"`         // placed with, or bought by, who collects now
	InDefault    bool   `json:"in_default_then,omitempty"`    // it was in default when obtained
	ChargedOff   Date   `json:"charged_off_on,omitzero"`      // none: not charged off
	TimeBarred   bool   `json:"time_barred,omitempty"`        // by the limitation period
	BarredBasis  string `json:"time_barred_basis,omitempty"`  // how that is known
	LastPayment  Date   `json:"last_payment_on,omitzero"`     // before it came to Duly
	Servicing    string `json:"servicing_account,omitempty"`  // student loans: equal numbers count as one debt
	Received     Date   `json:"invoice_received_on,omitzero"` // for default by lapse of time
	TermsGiven   bool   `json:"default_terms_given,omitempty"`
	Secured      string `json:"secured_by,omitempty"`
	ContractLaw  string `json:"contract_place,omitempty"` // jurisdiction of the contract, such as US-NY
	EvidenceLink string `json:"proof,omitempty"`
}

// PersonKnown names somebody beside the debtor. A later one of the same id
// replaces the earlier. The name is kept by the store, never in facts.
type PersonKnown struct {
	ID       string   `json:"id"`
	Relation string   `json:"relation"`        // spouse, executor, attorney, …: see Relations
	Debts    []string `json:"debts,omitempty"` // accounts that the relation is about; none = all
	Language string   `json:"language,omitempty"`
	Minor    bool     `json:"minor,omitempty"`
}

// LocationKnown is where the debtor is actually known to be: it replaces every
// candidate zone. A later one replaces the earlier; an empty one withdraws it.
type LocationKnown struct {
	Zone  string `json:"zone,omitempty"`  // IANA
	Place string `json:"place,omitempty"` // jurisdiction, such as US-MA
	Basis string `json:"basis,omitempty"` // how it is known
	Told
}

// Statuses of a debtor that the law knows.
const (
	StatusAttorney          = "attorney"
	StatusBankruptcy        = "bankruptcy"
	StatusDeceased          = "deceased"
	StatusEmployerProhibits = "employer_prohibits"
	StatusBreathingSpace    = "breathing_space"
	StatusIdentityTheft     = "identity_theft"
	StatusServicemember     = "servicemember"
	StatusMinor             = "minor"
	StatusLitigation        = "litigation"
)

// StatusKnown is a state of the debtor that the law attaches something to. A
// later one of the same id replaces the earlier: dismissal or discharge of a
// bankruptcy, an attorney who was written to.
type StatusKnown struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	// Stage of a bankruptcy: open, dismissed, closed, discharged; of a breathing
	// space: standard, mental_health_crisis; of any: ended.
	Stage string    `json:"stage,omitempty"`
	Since time.Time `json:"since,omitzero"`  // petition, death, start; zero: when it was first received
	Until time.Time `json:"until,omitzero"`  // breathing space: its end; zero = open end
	Debts []string  `json:"debts,omitempty"` // accounts; none = all
	Who   string    `json:"who,omitempty"`   // attorney, executor: id of the person

	ContactKnown  bool      `json:"contact_known,omitempty"` // attorney: name and address known or readily ascertainable
	WrittenTo     time.Time `json:"written_to,omitzero"`     // attorney: last written to
	Responded     bool      `json:"responded,omitempty"`
	DirectConsent bool      `json:"direct_consent,omitempty"` // attorney agrees to direct contact

	Chapter    string `json:"chapter,omitempty"`
	District   string `json:"district,omitempty"`
	Number     string `json:"number,omitempty"` // of the court's case, certificate or scheme
	Relief     Date   `json:"relief_on,omitzero"`
	Dismissed  Date   `json:"dismissed_on,omitzero"`
	Discharged Date   `json:"discharged_on,omitzero"`
	Checked    Date   `json:"checked_on,omitzero"` // servicemember: date of the database check
	Told
}

// Wishes beside inconvenient times, which are TimesInconvenient.
const (
	WishPlace    = "inconvenient_place"
	WishNoWork   = "no_work_calls"
	WishCallback = "callback_request" // asks to be called back, once
)

// WishStated is a wish about places and calls.
type WishStated struct {
	ID    string `json:"id"`
	Wish  string `json:"wish"`
	Place string `json:"place,omitempty"` // home, work, …
	Told
}

// WishWithdrawn takes a wish, or inconvenient times, back.
type WishWithdrawn struct {
	ID string `json:"id"`
	Told
}

// ConsentRevoked ends a consent.
type ConsentRevoked struct {
	ID string `json:"id"`
	Told
}

// Notices that come from the debtor's side. A written dispute is DisputeRaised.
const (
	NoticeOriginalCreditor = "original_creditor_request"
	NoticeCease            = "cease_communication"
	NoticeRefuses          = "refuses_to_pay"
)

// NoticeReceived is a letter or notice from the debtor's side.
type NoticeReceived struct {
	ID          string   `json:"id"`
	Notice      string   `json:"notice"`
	Debts       []string `json:"debts,omitempty"` // accounts; none = all
	Duplicative bool     `json:"duplicative,omitempty"`
	Told
}

// NoticeChanged is what became of a notice that was sent: it came back, it was
// delivered, or the debtor made use of the choice that it gave.
type NoticeChanged struct {
	ID            string `json:"id"`
	Undeliverable bool   `json:"undeliverable,omitempty"`
	Delivered     Date   `json:"delivered_on,omitzero"`
	OptedOut      bool   `json:"opted_out,omitempty"`
}

// NumberChecked is an answer of a database about who holds a number.
type NumberChecked struct {
	ID       string `json:"id,omitempty"`
	Point    string `json:"point"`
	Database string `json:"database"`
	Answer   string `json:"answer"`         // same, reassigned, no_data
	Asked    Date   `json:"asked,omitzero"` // the date of consent or contact that the database was asked about
}

// Kind implementations.
func (DebtKnown) Kind() Kind      { return "debt_known" }
func (PersonKnown) Kind() Kind    { return "person_known" }
func (LocationKnown) Kind() Kind  { return "location_known" }
func (StatusKnown) Kind() Kind    { return "status_known" }
func (WishStated) Kind() Kind     { return "wish_stated" }
func (WishWithdrawn) Kind() Kind  { return "wish_withdrawn" }
func (ConsentRevoked) Kind() Kind { return "consent_revoked" }
func (NoticeReceived) Kind() Kind { return "notice_received" }
func (NoticeChanged) Kind() Kind  { return "notice_changed" }
func (NumberChecked) Kind() Kind  { return "number_checked" }
