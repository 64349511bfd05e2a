package sampling

import (
	"slices"
	"strings"
)

// Kind is what a sample is drawn from.
type Kind string

// The kinds.
const (
	Contacts  Kind = "contacts"  // messages and letters that were handed to a provider
	KeptBack  Kind = "kept_back" // dispatches that matured and were kept back by a rule
	Decisions Kind = "decisions" // all decisions
	Calls     Kind = "calls"     // calls that people logged
	Replies   Kind = "replies"   // what debtors wrote
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Contacts, KeptBack, Decisions, Calls, Replies} }

// Question of a checklist. Yes is well, No is a finding.
type Question struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Help string `json:"help,omitempty"`
}

// Checklist is a versioned list of questions. A sample keeps the questions that it was drawn
// with.
type Checklist struct {
	Version   string     `json:"version"`
	Questions []Question `json:"questions"`
}

var (
	qHours     = Question{"hours", "Was the hour lawful?", "On every clock where the debtor may be, holidays included."}
	qRecipient = Question{"recipient", "Was it the right recipient?", "The debtor or their representative, at an address or number that is theirs."}
	qText      = Question{"text", "Was the text approved, and is every disclosure in it?", "As it left, in a language the debtor reads."}
	qAmount    = Question{"amount", "Is the amount right?", "What was open at that instant, without what was held, disputed or paid."}
	qOptOut    = Question{"opt_out", "Were refusals, wishes and holds honoured?", "Of every channel, and those that came in by letter or call too."}
	qReason    = Question{"reason", "Does the record say why, completely?", "The rules, what they counted, and the facts they looked at."}
)

var checklists = map[Kind]Checklist{
	Contacts: {"contacts-1", []Question{qHours, qRecipient, qText, qAmount, qOptOut, qReason}},
	KeptBack: {"kept-back-1", []Question{
		{"rule", "Does the rule apply here?", "The debtor's place, the creditor's role, the channel."},
		{"needed", "Was keeping it back needed?", "Nothing that could have left was lost to a fact that was wrong."},
		{"not_before", "Is the next opening right?", "Neither too early nor later than the rule asks."},
		qReason,
	}},
	Decisions: {"decisions-1", []Question{
		{"step", "Was it the right step, at the right time?", "By the sequence version that the case follows."},
		qOptOut, qAmount, qReason,
	}},
	Calls: {"calls-1", []Question{
		qHours, qRecipient,
		{"frequency", "Was the number of attempts within the limits?", "Of all collectors and all debts that count together."},
		qOptOut,
		{"outcome", "Is the outcome what happened?", "By the recording or the note."},
	}},
	Replies: {"replies-1", []Question{
		{"reading", "Was it read as it was meant?", "Payment, promise, dispute, refusal, hardship."},
		{"effect", "Did what follows from it happen?", "A stop, a hold, a task, an answer."},
		{"in_time", "In time?", "A refusal stops at once; a person answers within the time that is set."},
		qReason,
	}},
}

// ChecklistOf is the list of questions for a kind.
func ChecklistOf(k Kind) (Checklist, bool) {
	c, ok := checklists[k]
	c.Questions = slices.Clone(c.Questions)
	return c, ok
}

// Value is the answer to a question.
type Value string

// The answers.
const (
	Yes Value = "yes"
	No  Value = "no"
	NA  Value = "na" // the question does not apply
)

// Answer is what a reviewer says of one row. A No needs words, a way to mend it, somebody who
// sees to it, and a day.
type Answer struct {
	Values map[string]Value `json:"answers"`
	Note   string           `json:"note,omitempty"`
	Fix    string           `json:"fix,omitempty"`
	Owner  string           `json:"owner,omitempty"` // "user:<id>"
	Due    string           `json:"due,omitempty"`   // date, such as 2026-03-31
}

// Wrong reports whether something is not as it should be.
func (a Answer) Wrong() bool {
	for _, v := range a.Values {
		if v == No {
			return true
		}
	}
	return false
}

// Faults of an answer, by the name of the input; none when it can be kept.
func (a Answer) Faults(questions []Question, isDate func(string) bool) map[string]string {
	faults := map[string]string{}
	for _, q := range questions {
		if v := a.Values[q.ID]; v != Yes && v != No && v != NA {
			faults["q-"+q.ID] = "Answer: " + q.Text
		}
	}
	for id := range a.Values {
		if !slices.ContainsFunc(questions, func(q Question) bool { return q.ID == id }) {
			faults["q"] = "There is a question that this checklist does not have."
		}
	}
	a.wrongFaults(faults, isDate)
	return faults
}

func (a Answer) wrongFaults(faults map[string]string, isDate func(string) bool) {
	if len(a.Note) > 4000 || len(a.Fix) > 2000 {
		faults["note"] = "At most 4,000 characters of note and 2,000 of mending."
	}
	if !a.Wrong() {
		return
	}
	if len(strings.TrimSpace(a.Note)) < 3 {
		faults["note"] = "Say what is wrong: a “no” needs words."
	}
	if len(strings.TrimSpace(a.Fix)) < 3 {
		faults["fix"] = "Say how it is mended."
	}
	if a.Owner == "" {
		faults["owner"] = "Say who sees to it."
	}
	if !isDate(a.Due) {
		faults["due"] = "Say by which day, such as 2026-03-31."
	}
}
