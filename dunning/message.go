package dunning

import "time"

// Channel is a way to reach a debtor. The words are those of sequence files.
type Channel string

// The channels. Call is never automatic: it is a task for a collector.
const (
	Email  Channel = "email"
	SMS    Channel = "sms"
	Letter Channel = "letter"
	Call   Channel = "call"
)

// Message is one rendered message on its way to a provider. It exists only in
// memory: nothing of it may be logged or put into an error or into Temporal.
type Message struct {
	Attempt  string    // opaque attempt id, the only identifier a provider is given
	Channel  Channel   // which adapter it is for
	To       string    // E.164 number, email address, or postal address lines separated by \n
	ToName   string    // addressee's name (email, letter); may be empty
	From     string    // sender: number or messaging service (SMS), address (email); empty = the adapter's default
	FromName string    // sender's display name
	ReplyTo  string    // email only; may be empty
	Subject  string    // email subject, letter subject line
	Text     string    // plain text body: the SMS itself, the email's text part, the letter's text
	HTML     string    // email's HTML part, or the letter's HTML twin
	Locale   string    // BCP 47 tag of the text, such as "en" or "de"
	Sender   []string  // letter: the sender's address lines
	NotAfter time.Time // the provider must not deliver later than this instant; zero = no limit
	At       time.Time // business instant of the hand-over
	// Until, for a look-up, is until when after At the hand-over may have been, where only
	// that is known; zero: it was at At.
	Until time.Time `json:",omitzero"`
	// Unsubscribe is the https address that ends emails of this kind with one POST
	// (RFC 8058); "" = the message offers none. It holds nothing personal.
	Unsubscribe string
	// Hold is the provider's name of the hold that the message is handed over under: it
	// leaves HeldFor after At and can be called back before. "" = it leaves at once.
	Hold string `json:",omitempty"`
	// Dated is the day that stands on a letter, where the creditor is: of the hand-over, then
	// of the batch in which it is printed. Zero: none is printed.
	Dated Date `json:",omitzero"`
	// Formats is the BCP 47 tag by whose customs the text writes numbers and days, such as
	// de-AT for a text in de; "" = Locale.
	Formats string `json:",omitempty"`
	// Country of a letter's recipient, ISO 3166: it decides about the paper; "" = not known.
	Country string `json:",omitempty"`
	// PayBy is the day by which a letter asks for payment; zero: it names none.
	PayBy Date `json:",omitzero"`
}

// HeldFor is how long a provider holds a message of a strong step before it leaves, and
// CallableFor how long of that it can be called back for sure. SendGrid guarantees a
// cancellation up to ten minutes before the send time; the first two looks for evidence
// about an unknown hand-over, after 15 and 30 minutes, are in time.
const (
	HeldFor     = 45 * time.Minute
	CallableFor = HeldFor - 12*time.Minute
)

// SendState is what a hand-over to a provider came to.
type SendState string

// The three outcomes of a hand-over. Unknown is a state of its own: the
// provider may or may not have taken the message, and only evidence decides.
const (
	SendAccepted SendState = "accepted"
	SendFailed   SendState = "failed"
	SendUnknown  SendState = "unknown"
)

// FailureClass says what may be done about a failed hand-over. Adapters
// classify; nothing of the provider's own words survives.
type FailureClass string

const (
	// FailedRecipient: this address can never receive this channel (dead, opted out, landline).
	FailedRecipient FailureClass = "recipient"
	// FailedConfig: credentials, sender, registration or region are wrong; stop the channel and alarm operations.
	FailedConfig FailureClass = "config"
	// FailedContent: the provider refuses the content; a person must look.
	FailedContent FailureClass = "content"
	// FailedLater: proven not taken; try again after Outcome.RetryAfter.
	FailedLater FailureClass = "later"
	// FailedNow: proven not taken (never written to the wire); may be tried again at once.
	FailedNow FailureClass = "now"
)

// Outcome is an adapter's answer to Send. Class is set only with SendFailed.
type Outcome struct {
	State      SendState
	Class      FailureClass
	Code       string        // short stable code without personal data, such as "twilio:21610" or "http:503"
	ProviderID string        // the provider's id of the message, when accepted
	RetryAfter time.Duration // FailedLater: how long to wait at least
	Permanent  bool          // true when repeating the same message can never succeed
	Alone      bool          // FailedLater: it concerns this message only, the channel goes on
	Why        Delivery      // FailedRecipient: what is wrong with the address; "" = Invalid
	Waits      bool          // accepted: a letter lies in an outbox and leaves when its batch is posted
}

// Evidence is an adapter's answer to Lookup about an attempt of the past.
type Evidence struct {
	Found      EvidenceKind
	ProviderID string
	Code       string
	Waits      bool // as Outcome.Waits
	// Unread: the records are Duly's own and could not be read just now. Nobody has said
	// anything, so they are asked again at once, not when the provider is.
	Unread bool
	// Again: the provider's records could not be read just now; asked later they may tell.
	Again bool
}

// EvidenceKind is what a provider's records prove about an attempt.
type EvidenceKind string

// What a look-up can prove.
const (
	EvidenceAccepted    EvidenceKind = "accepted"     // the provider has it
	EvidenceNotAccepted EvidenceKind = "not_accepted" // the provider's records prove that it never took it
	EvidenceCannotKnow  EvidenceKind = "cannot_know"  // the provider has no records that could prove either
)
