package contact

// Words of the query become bits, so that rules are tested with masks.

const (
	chCall = 1 << iota
	chPrerecorded
	chSMS
	chEmail
	chLetter
	chPostcard
	chVisit
	chSocial
	chCharge
	chCredit
	chPortal
)

const (
	chVoice      = chCall | chPrerecorded
	chElectronic = chSMS | chEmail
	chContact    = chVoice | chElectronic | chLetter | chPostcard | chVisit | chSocial
	chAll        = chContact | chCharge | chCredit
)

// channelWords are the channels and groups a pack may name.
var channelWords = []struct {
	word string
	mask uint16
}{
	{"call", chCall},
	{"prerecorded_call", chPrerecorded},
	{"sms", chSMS},
	{"email", chEmail},
	{"letter", chLetter},
	{"postcard", chPostcard},
	{"visit", chVisit},
	{"social_public", chSocial},
	{"charge", chCharge},
	{"credit_report", chCredit},
	{"voice", chVoice},
	{"electronic", chElectronic},
	{"contact", chContact},
	{"all", chAll},
}

// channelBit of a channel's name; 0 when it is none.
func channelBit(s string) uint16 {
	switch s {
	case "call":
		return chCall
	case "sms":
		return chSMS
	case "email":
		return chEmail
	case "letter":
		return chLetter
	case "prerecorded_call":
		return chPrerecorded
	case "postcard":
		return chPostcard
	case "visit":
		return chVisit
	case "social_public":
		return chSocial
	case "charge":
		return chCharge
	case "credit_report":
		return chCredit
	case "web_portal":
		return chPortal
	}
	return 0
}

// medium widens a channel to the medium a person means by it.
func medium(ch uint16) uint16 {
	if ch&chVoice != 0 {
		return chVoice
	}
	return ch
}

const (
	outUnknown = 1 << iota
	outConversation
	outNoAnswer
	outVoicemail
	outLimited
	outRingless
	outVoicemailFull
	outDropped
	outAnsweredBusy
	outBusy
	outNotInService
	outNoConnection
	outNoVoicemail
	outDelivered
	outSent
	outReceived
	outConsumerVoicemail
	outPayment
	outWrongPerson
	outBounced
)

// outcomeWords are the outcomes a pack may name.
var outcomeWords = []struct {
	word string
	bit  uint32
}{
	{"unknown", outUnknown},
	{"conversation", outConversation},
	{"no_answer", outNoAnswer},
	{"voicemail", outVoicemail},
	{"limited_content_voicemail", outLimited},
	{"ringless_voicemail", outRingless},
	{"voicemail_full", outVoicemailFull},
	{"answered_then_dropped", outDropped},
	{"answered_busy", outAnsweredBusy},
	{"busy_signal", outBusy},
	{"not_in_service", outNotInService},
	{"no_connection", outNoConnection},
	{"no_answer_no_voicemail_possible", outNoVoicemail},
	{"delivered", outDelivered},
	{"sent", outSent},
	{"received", outReceived},
	{"voicemail_left_by_consumer", outConsumerVoicemail},
	{"payment_made", outPayment},
	{"wrong_person", outWrongPerson},
	{"bounced", outBounced},
}

// outcomeBit of an outcome's name; anything unheard of is unknown. A switch,
// because every row of every ledger passes here.
func outcomeBit(s string) uint32 {
	switch s {
	case "conversation":
		return outConversation
	case "no_answer":
		return outNoAnswer
	case "voicemail":
		return outVoicemail
	case "limited_content_voicemail":
		return outLimited
	case "ringless_voicemail":
		return outRingless
	case "voicemail_full":
		return outVoicemailFull
	case "answered_then_dropped":
		return outDropped
	case "answered_busy":
		return outAnsweredBusy
	case "busy_signal":
		return outBusy
	case "not_in_service":
		return outNotInService
	case "no_connection":
		return outNoConnection
	case "no_answer_no_voicemail_possible":
		return outNoVoicemail
	case "delivered":
		return outDelivered
	case "sent":
		return outSent
	case "received":
		return outReceived
	case "voicemail_left_by_consumer":
		return outConsumerVoicemail
	case "payment_made":
		return outPayment
	case "wrong_person":
		return outWrongPerson
	case "bounced":
		return outBounced
	}
	return outUnknown
}

// purposeBit of a purpose that rules leave out of their counts; 0 for any other
// word, which is compared as it is.
func purposeBit(s string) uint16 {
	switch s {
	case "location":
		return 1
	case "opt_out_confirmation":
		return 2
	case "payment_confirmation":
		return 4
	case "auto_reply_to_consumer":
		return 8
	}
	return 0
}

const (
	toDebtor = 1 << iota
	toStanding
	toThird
	toProfessional
)

// relationBit sorts a relation to the debtor: the debtor, one who stands for
// the debtor, a professional one may always speak with, or a third person.
func relationBit(s string) uint8 {
	switch s {
	case "", "debtor", "self", "consumer":
		return toDebtor
	case "spouse", "parent_of_minor", "guardian", "executor", "administrator", "personal_representative", "successor_in_interest":
		return toStanding
	case "attorney", "cra", "creditor", "creditor_attorney", "collector_attorney", "adviser":
		return toProfessional
	}
	return toThird
}

const (
	roleFirst = 1 << iota
	roleThird
)

func roleBit(s string) uint8 {
	switch s {
	case FirstParty:
		return roleFirst
	case ThirdParty:
		return roleThird
	}
	return 0
}

const (
	classConsumer = 1 << iota
	classCommercial
)

// classBits of a debt; an unknown class is both, so that every rule reaches it.
func classBits(class, debtor string) uint8 {
	switch class {
	case Consumer:
		return classConsumer
	case Commercial:
		return classCommercial
	}
	switch debtor {
	case Consumer:
		return classConsumer
	case Business:
		return classCommercial
	}
	return classConsumer | classCommercial
}

// The content facts a pack may name.
var contentWords = []struct {
	word string
	get  func(*Content) Tri
}{
	{"opt_out_notice", func(c *Content) Tri { return c.OptOutNotice }},
	{"simple_opt_out", func(c *Content) Tri { return c.SimpleOptOut }},
	{"only_confirmation", func(c *Content) Tri { return c.OnlyConfirmation }},
	{"initial_disclosure", func(c *Content) Tri { return c.InitialDisclosure }},
	{"later_disclosure", func(c *Content) Tri { return c.LaterDisclosure }},
	{"reveals_debt_collection", func(c *Content) Tri { return c.RevealsDebtCollection }},
	{"threatens_suit", func(c *Content) Tri { return c.ThreatensSuit }},
	{"agency_particulars", func(c *Content) Tri { return c.AgencyParticulars }},
	{"demands_early_payment", func(c *Content) Tri { return c.DemandsEarlyPayment }},
}

// limited reports whether the content is a limited-content message.
func (c *Content) limited() bool {
	return c.BusinessName == Yes && c.RevealsDebtCollection == No && c.RequestsReply == Yes &&
		c.NaturalPersonName == Yes && c.CallbackNumber == Yes && c.NothingElse == Yes
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
