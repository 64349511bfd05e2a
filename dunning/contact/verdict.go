package contact

import "time"

// Code says in one word why a rule refuses or warns. Words are rendered by
// [Set.Explain] and [Set.Text] when someone reads them.
type Code string

// The codes. The numbers a code uses are fields of Reason.
const (
	CodeChannel      Code = "unknown_channel"
	CodeRole         Code = "unknown_role"
	CodePoint        Code = "unusable_point"
	CodeNoZone       Code = "no_zone"          // hours bind and no zone is known
	CodeHours        Code = "closed_hours"     // outside the window in every candidate zone
	CodeHoursZones   Code = "zones_differ"     // inside it in some candidate zones only
	CodeWishTime     Code = "inconvenient"     // a time the person called inconvenient
	CodeWishPlace    Code = "inconvenient_at"  // a place the person called inconvenient
	CodeWishWork     Code = "no_work_calls"    // asked not to be called at work
	CodeCount        Code = "count_reached"    // Count of Limit in Days dates
	CodeRun          Code = "run_reached"      // Limit or more a day on each of Days dates
	CodeSilence      Code = "silence"          // Days dates after a conversation
	CodeGap          Code = "too_soon"         // too soon after the last contact
	CodeConsent      Code = "no_consent"       // the consent that is needed is not on file
	CodeOptOut       Code = "opted_out"        // refused this medium or point
	CodeConfirmation Code = "late_confirm"     // an opt-out confirmation later than Limit minutes, or a second one
	CodeHold         Code = "hold"             // attorney, bankruptcy, breathing space, ...
	CodeCease        Code = "ceased"           // asked in writing to cease, or refused to pay
	CodeDispute      Code = "disputed"         // disputed in writing in the period
	CodeNoNotice     Code = "no_notice"        // a notice that must come first was not sent
	CodeNoticeWait   Code = "notice_wait"      // sent, but Days days have not passed
	CodeEmailNotice  Code = "email_notice"     // opt-out period of the creditor's email notice runs, or opted out
	CodeStaleNumber  Code = "stale_number"     // no text or number check within Days days
	CodeReassigned   Code = "reassigned"       // the number belongs to someone else
	CodeContent      Code = "content"          // the content lacks or has something
	CodeOvershadow   Code = "overshadows"      // demands payment inside the validation period
	CodeThird        Code = "third_person"     // not a person one may speak with about the debt
	CodeLocation     Code = "location_once"    // location contact: once per person
	CodeForbidden    Code = "forbidden_medium" // the medium itself is forbidden
	CodeCharge       Code = "charge"           // the charge is not owed, or not yet, or is too high
)

// Reason is one rule's refusal or warning: codes and numbers, no words.
type Reason struct {
	Rule      string    `json:"rule"`
	Part      string    `json:"part,omitempty"`
	Code      Code      `json:"code"`
	NotBefore time.Time `json:"not_before,omitzero"` // the rule's own earliest yes, UTC; zero when only a new event can allow it
	Count     int       `json:"count,omitempty"`
	Limit     int       `json:"limit,omitempty"`
	Days      int       `json:"days,omitempty"`
	Fact      string    `json:"fact,omitempty"` // id of the fact or ledger row that decided, when there is one
}

// Verdict is the answer. It survives JSON and refers to nothing of the query.
type Verdict struct {
	Allowed    bool      `json:"allowed"`
	Rule       string    `json:"rule,omitempty"`       // refused: the rule whose own earliest yes is latest; allowed: the exception relied on
	NotBefore  time.Time `json:"not_before,omitzero"`  // first instant at which no rule refuses, UTC; zero when allowed or when only a new event can allow it
	Impossible bool      `json:"impossible,omitempty"` // refused for a reason of the channel or point that time will not cure
	Reasons    []Reason  `json:"reasons,omitempty"`    // every rule that refuses, in the order of the packs
	Warn       []Reason  `json:"warn,omitempty"`       // remarks that do not refuse
}
