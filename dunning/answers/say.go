package answers

import (
	"strconv"
	"strings"
)

// sentences say what a finding means, for people.
var sentences = map[Intent]string{
	OptOut: "wants no more messages", Cease: "wants no contact of any kind any more", Help: "asks for help with these messages", Start: "wants messages again",
	Paid: "says that it is paid", WillPay: "says when it will be paid", WantsPlan: "wants to pay in parts or for less", Dispute: "disagrees with the claim",
	Refusal: "refuses to pay", WrongPerson: "is not the person we mean", CallMe: "wants to talk to somebody", Represented: "is represented by a lawyer",
	Bankruptcy: "is insolvent, or in insolvency proceedings", Deceased: "the debtor has died", Hardship: "cannot pay: no work, no money or illness",
	Complaint: "complains about how it is treated", Inconvenient: "does not want contact at a time or place", Language: "wants another language",
	WantsInfo: "wants to know what this is, or papers", Ack: "takes note; nothing to do", AutoReply: "sent by a machine, nobody has read the message",
	Unclear: "could not be read",
}

var scopes = map[string]string{
	"sms": "text messages", "email": "emails", "call": "calls", "letter": "letters", "electronic": "text messages and emails", "all": "any channel",
	"time": "at certain times", "place": "at a place", "en": "English", "de": "German", "es": "Spanish", "fr": "French", "other": "one that we do not write",
}

// Sentence says a finding in plain English.
func (f Finding) Sentence() string {
	var b strings.Builder
	b.WriteString(sentences[f.Intent])
	if s := scopes[f.Scope]; s != "" {
		b.WriteString(": " + s)
	}
	if f.Days != "" {
		b.WriteString(", " + f.Days)
	}
	if f.From != "" {
		b.WriteString(", " + f.From + " to " + f.To)
	}
	if f.Amount != "" {
		b.WriteString(", " + strings.TrimSpace(f.Amount+" "+f.Currency))
	}
	if !f.Date.IsZero() {
		b.WriteString(", on " + f.Date.String())
	}
	b.WriteString(" (" + strconv.Itoa(f.Confidence) + " %")
	if f.Keyword {
		b.WriteString(", a keyword")
	}
	b.WriteString(")")
	return b.String()
}

// Weekdays are the days of an inconvenient time as Mon … Sun; none: every day.
func (f Finding) Weekdays() []string {
	var out []string
	for _, d := range strings.Split(f.Days, ",") {
		if d != "" {
			out = append(out, strings.ToUpper(d[:1])+d[1:])
		}
	}
	return out
}

// Words are the pieces of the input that led to a finding.
func (f Finding) Words(in Input) []string {
	out := make([]string, 0, len(f.Spans))
	for _, s := range f.Spans {
		from := in.Text
		if s.Subject {
			from = in.Subject
		}
		out = append(out, from[s.Start:s.End])
	}
	return out
}
