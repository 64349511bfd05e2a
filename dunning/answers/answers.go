package answers

import (
	"cmp"
	"slices"
	"time"
)

// Version names the rules of reading; it is kept with every reading, so that a
// later release can tell what was read by which rules.
const Version = "answers/1"

// Intent is what a writer wants or tells.
type Intent string

// The intents.
const (
	OptOut       Intent = "opt_out"      // no more messages: on a channel or all of them
	Cease        Intent = "cease"        // no more contact of any kind
	Help         Intent = "help"         // asks who this is and how to stop
	Start        Intent = "start"        // takes an opt-out back
	Paid         Intent = "paid"         // says that it is paid
	WillPay      Intent = "will_pay"     // says when it will be paid
	WantsPlan    Intent = "wants_plan"   // wants to pay in parts
	Dispute      Intent = "dispute"      // does not owe it, or not so much
	Refusal      Intent = "refusal"      // refuses to pay
	WrongPerson  Intent = "wrong_person" // is somebody else
	CallMe       Intent = "call_me"      // wants to be called, or to talk
	Represented  Intent = "represented"  // has a lawyer
	Bankruptcy   Intent = "bankruptcy"   // insolvency of the debtor
	Deceased     Intent = "deceased"     // the debtor has died
	Hardship     Intent = "hardship"     // cannot pay: no work, illness, no money
	Complaint    Intent = "complaint"    // complains about how it is treated
	Inconvenient Intent = "inconvenient" // not at this time or place
	Language     Intent = "language"     // wants another language
	WantsInfo    Intent = "wants_info"   // asks for the invoice, proof, who this is
	Ack          Intent = "ack"          // thanks, all right: nothing to do
	AutoReply    Intent = "auto_reply"   // sent by a machine: nobody has read anything
	Unclear      Intent = "unclear"      // none of these
)

// intents in the order in which findings of equal confidence are given: what
// protects the debtor most comes first.
var intents = []Intent{
	AutoReply, OptOut, Cease, Deceased, Bankruptcy, Represented, WrongPerson, Dispute, Refusal, Hardship, Complaint,
	Inconvenient, CallMe, WantsPlan, Paid, WillPay, Language, WantsInfo, Help, Start, Ack, Unclear,
}

// Intents lists all intents in the order of their weight.
func Intents() []Intent { return slices.Clone(intents) }

// Sure is the confidence in percent from which a finding may become a fact
// without a person looking at it.
const Sure = 85

// Date is a calendar day without a zone. The zero Date is none.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Input is a message to read. Only Text or Subject is required.
type Input struct {
	Text    string // plain or HTML, any length: what lies beyond the bounds is not read
	Subject string // of an email
	Channel string // sms, email, letter, call: where it came in
	Locale  string // of the debtor, BCP 47: a hint for short texts and the order of day and month
	Country string // of the debtor, ISO 3166-1 alpha-2: goes before Locale for the order of day and month
	Keyword string // what the provider itself took it for: STOP, START or HELP
	Machine bool   // its headers say that a machine wrote it
	Today   Date   // local day of receipt; zero: dates that need one are not read
}

// Span is a piece of the input, in bytes of Text, or of Subject.
type Span struct {
	Start   int  `json:"start"`
	End     int  `json:"end"`
	Subject bool `json:"subject,omitempty"`
}

// Finding is one intent found. Spans are in order and name whole letters.
type Finding struct {
	Intent     Intent `json:"intent"`
	Confidence int    `json:"confidence"` // percent, 1 to 99
	Rule       string `json:"rule"`       // file and line of the rule, or the name of a built-in one
	Spans      []Span `json:"spans,omitempty"`
	// Scope of opt_out: sms, email, call, letter, electronic or all. Of
	// inconvenient: time or place. Of language: the language wanted.
	Scope   string `json:"scope,omitempty"`
	Keyword bool   `json:"keyword,omitempty"` // the message was a keyword and nothing else
	// Date and Amount are what paid, will_pay and wants_plan name.
	Date     Date   `json:"date,omitzero"`
	Amount   string `json:"amount,omitempty"`   // decimal with a point, such as 1234.50
	Currency string `json:"currency,omitempty"` // ISO 4217, "" when none was named
	From     string `json:"from,omitempty"`     // inconvenient time: HH:MM, local; contact is not wanted from here
	To       string `json:"to,omitempty"`       // to here
	Days     string `json:"days,omitempty"`     // weekdays it concerns: mon,tue,…; "" all

	general bool // opt_out: the words name no channel
}

// Sure reports whether the finding may become a fact by itself.
func (f Finding) Sure() bool { return f.Confidence >= Sure }

// Reading is everything that was read in a message. Findings come with the
// surest first, at most one for each intent; there is always at least one.
type Reading struct {
	Version   string    `json:"version"`
	Language  string    `json:"language"` // en, de, es, fr
	Findings  []Finding `json:"findings"`
	Quoted    int       `json:"quoted,omitempty"`    // bytes left out: quoted text, signatures
	Truncated bool      `json:"truncated,omitempty"` // longer than what is read
}

// Find is the finding of an intent.
func (r Reading) Find(i Intent) (Finding, bool) {
	for _, f := range r.Findings {
		if f.Intent == i {
			return f, true
		}
	}
	return Finding{}, false
}

// Read reads a message. It never fails: what says nothing is Unclear.
func Read(in Input) Reading {
	r := Reading{Version: Version}
	subject, ours := readSubject(in.Subject)
	body := parse(in.Text, false)
	r.Quoted, r.Truncated = body.quoted, body.truncated
	r.Language = language(in.Locale, body, subject)
	found := &finder{in: in, lang: r.Language}
	if !ours {
		found.message(subject)
	}
	found.message(body)
	found.automatic(subject, body)
	found.said()
	r.Findings = found.settled(body, subject)
	return r
}

// settled is the list of findings, surest first.
func (f *finder) settled(body, subject text) []Finding {
	f.reconcile()
	if len(f.found) == 0 {
		f.found = append(f.found, Finding{Intent: Unclear, Confidence: 50, Rule: "nothing_known"})
	}
	slices.SortStableFunc(f.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(slices.Index(intents, a.Intent), slices.Index(intents, b.Intent)))
	})
	return f.found
}
