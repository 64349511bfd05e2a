package smtp

import (
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
)

// stage is how far a dialogue had come when the server said no or went away. Only after
// the last dot of the data has been written can the server have taken the mail.
type stage string

const (
	atGreeting stage = "greeting"
	atTLS      stage = "tls"
	atAuth     stage = "auth"
	atSender   stage = "sender"
	atRcpt     stage = "rcpt"
	atData     stage = "data"
	atEnd      stage = "end" // the whole mail was written
)

// Pauses after refusals that pass.
const (
	laterPause = time.Minute
	greyPause  = 5 * time.Minute // greylisting and full mailboxes want longer
)

// meaning of a refusal.
type meaning struct {
	class dunning.FailureClass
	why   dunning.Delivery
}

// enhanced are the enhanced status codes (RFC 3463, RFC 7505) of permanent refusals that
// say more than the place where they were said. Subject and detail only: 5.1.1 is "1.1".
var enhanced = map[string]meaning{
	"1.1":  {dunning.FailedRecipient, dunning.HardBounced}, // no such mailbox
	"1.2":  {dunning.FailedRecipient, dunning.HardBounced}, // no such system
	"1.3":  {dunning.FailedRecipient, dunning.Invalid},     // malformed address
	"1.6":  {dunning.FailedRecipient, dunning.HardBounced}, // moved without a forwarding address
	"1.10": {dunning.FailedRecipient, dunning.HardBounced}, // the domain takes no mail (null MX)
	"1.7":  {dunning.FailedConfig, ""},                     // our sender address is malformed
	"1.8":  {dunning.FailedConfig, ""},                     // our sender's domain is none
	"2.1":  {dunning.FailedRecipient, dunning.HardBounced}, // mailbox disabled
	"7.1":  {dunning.FailedConfig, ""},                     // not authorized: relaying, or our host is blocked
	"7.8":  {dunning.FailedConfig, ""},                     // credentials
	"7.9":  {dunning.FailedConfig, ""},
	"7.25": {dunning.FailedConfig, ""}, // reverse DNS, SPF, DKIM, DMARC …
	"7.20": {dunning.FailedConfig, ""},
	"7.23": {dunning.FailedConfig, ""},
	"7.26": {dunning.FailedConfig, ""},
	"6.0":  {dunning.FailedContent, ""},
}

// enhancedCode finds "5.1.1" at the beginning of a reply's text.
var enhancedCode = regexp.MustCompile(`^[245]\.(\d{1,3}\.\d{1,3})\b`)

// refusal is the outcome of a reply of 4xx or 5xx: the server has not taken the mail
// (RFC 5321 section 4.2.1), wherever in the dialogue it was said.
func refusal(at stage, e *textproto.Error) dunning.Outcome {
	code := "smtp:" + strconv.Itoa(e.Code)
	detail := ""
	if m := enhancedCode.FindStringSubmatch(strings.TrimSpace(e.Msg)); m != nil {
		detail = m[1]
		code += ":" + strconv.Itoa(e.Code/100) + "." + detail
	}
	if e.Code < 500 {
		if at == atRcpt || detail == "2.2" { // this recipient: greylisted, full
			return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: code, RetryAfter: greyPause, Alone: true}
		}
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: code, RetryAfter: laterPause}
	}
	if detail == "2.2" { // mailbox full: permanent to the letter, but it passes
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: code, RetryAfter: greyPause, Alone: true}
	}
	m := byStage(at, e.Code)
	if known, ok := enhanced[detail]; ok && at != atAuth {
		m = known
	}
	return dunning.Outcome{State: dunning.SendFailed, Class: m.class, Code: code, Permanent: true, Why: m.why}
}

// byStage is what a permanent refusal means that does not explain itself.
func byStage(at stage, code int) meaning {
	switch {
	case at == atRcpt && (code == 550 || code == 551 || code == 553):
		return meaning{dunning.FailedRecipient, dunning.HardBounced}
	case at == atRcpt && code == 552: // storage of this recipient
		return meaning{dunning.FailedContent, ""}
	case at == atEnd || at == atData:
		return meaning{dunning.FailedContent, ""}
	}
	return meaning{dunning.FailedConfig, ""} // nobody is to blame but how we are set up
}

// broken is the outcome of a dialogue that broke off without a reply.
func broken(at stage, cause string) dunning.Outcome {
	if at == atEnd {
		return dunning.Outcome{State: dunning.SendUnknown, Code: "smtp:no_answer:" + cause}
	}
	return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: "smtp:" + string(at) + ":" + cause}
}
