package config

// SequenceSpec is a sequence file as written (sequences/*.yaml). Offsets and
// spans count local days of the debtor.
type SequenceSpec struct {
	Sequence    string        `yaml:"sequence" jsonschema:"required" jsonschema_description:"id; the file is named after it"`
	Title       string        `yaml:"title" jsonschema_description:"what people see"`
	AppliesWhen string        `yaml:"applies_when" jsonschema_description:"CEL condition over debtor, balance, items ...; left out: always"`
	Priority    int           `yaml:"priority" jsonschema_description:"the highest matching sequence wins"`
	Tolerance   Amounts       `yaml:"tolerance" jsonschema_description:"items at or below never lead nor justify a step"`
	Ladder      string        `yaml:"ladder" jsonschema:"enum=leading,enum=each"`
	Include     string        `yaml:"include" jsonschema:"enum=all_overdue,enum=due_for_step,enum=all_open"`
	Entry       string        `yaml:"entry" jsonschema:"enum=first,enum=matching"`
	CatchUp     string        `yaml:"catch_up" jsonschema:"enum=run,enum=skip,enum=ask"`
	Spacing     *Days         `yaml:"spacing" jsonschema_description:"days between two step dispatches of a case; 3d when left out"`
	SendWindow  *WindowSpec   `yaml:"send_window" jsonschema_description:"our wish; the law is in policies"`
	Steps       []StepSpec    `yaml:"steps" jsonschema:"required,minItems=1"`
	Plan        PlanSpec      `yaml:"plan"`
	On          ReactionsSpec `yaml:"on"`
	End         *EndSpec      `yaml:"end" jsonschema_description:"what happens once after the last step"`
}

// WindowSpec is a wish for weekdays and hours in the debtor's own time.
type WindowSpec struct {
	Days     []string `yaml:"days" jsonschema:"enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun"`
	From     *Clock   `yaml:"from"`
	To       *Clock   `yaml:"to"`
	Holidays string   `yaml:"holidays" jsonschema:"enum=skip,enum=ignore"`
}

// StepSpec is one rung. Exactly one of send, call, offer_plan, escalate, refer
// and close says what it does.
type StepSpec struct {
	ID       string `yaml:"id" jsonschema:"required"`
	At       *Days  `yaml:"at" jsonschema_description:"days after the due date, negative before it"`
	MonthEnd *Days  `yaml:"month_end" jsonschema_description:"end of the month of due date plus this many days"`
	After    *Days  `yaml:"after" jsonschema_description:"not before this many days after the previous step"`
	When     string `yaml:"when" jsonschema_description:"CEL condition; false: passed over, recorded"`

	Send      []EntrySpec   `yaml:"send"`
	Call      *CallSpec     `yaml:"call"`
	OfferPlan *OfferSpec    `yaml:"offer_plan"`
	Escalate  *EscalateSpec `yaml:"escalate"`
	Refer     *ReferSpec    `yaml:"refer"`
	Close     *CloseSpec    `yaml:"close"`

	Mode      string `yaml:"mode" jsonschema:"enum=auto,enum=draft,enum=manual"`
	Complete  string `yaml:"complete" jsonschema:"enum=all,enum=any"`
	OnUnknown string `yaml:"on_unknown" jsonschema:"enum=ask,enum=resend,enum=skip"`
	Delivery  string `yaml:"delivery" jsonschema:"enum=standard,enum=strong" jsonschema_description:"strong: the provider holds an email for 45 minutes, so that it can be called back when its answer was lost or a payment comes"`
}

// EntrySpec is one channel with its template, and what to use instead while
// that channel is impossible.
type EntrySpec struct {
	Email  string      `yaml:"email" jsonschema_description:"template of an email"`
	SMS    string      `yaml:"sms" jsonschema_description:"template of a text message"`
	Letter string      `yaml:"letter" jsonschema_description:"template of a letter"`
	Else   []EntrySpec `yaml:"else"`
}

// CallSpec puts a call on a queue.
type CallSpec struct {
	Queue    string `yaml:"queue" jsonschema:"required"`
	Attempts int    `yaml:"attempts" jsonschema:"minimum=1,maximum=20"`
	Within   *Days  `yaml:"within"`
}

// OfferSpec offers instalment plans.
type OfferSpec struct {
	Instalments []int       `yaml:"instalments" jsonschema:"required"`
	FirstDue    *Days       `yaml:"first_due"`
	Minimum     Amounts     `yaml:"minimum" jsonschema_description:"least amount of one instalment"`
	Send        []EntrySpec `yaml:"send" jsonschema:"required"`
	OpenFor     *Days       `yaml:"open_for"`
}

// EscalateSpec hands the case to a person.
type EscalateSpec struct {
	Queue     string `yaml:"queue" jsonschema:"required"`
	SLA       *Days  `yaml:"sla"`
	OnTimeout string `yaml:"on_timeout" jsonschema:"enum=continue,enum=supervisor"`
}

// ReferSpec hands items to someone outside.
type ReferSpec struct {
	To       string  `yaml:"to" jsonschema:"required"`
	Approval string  `yaml:"approval" jsonschema_description:"role that must approve"`
	Minimum  Amounts `yaml:"minimum"`
	Package  string  `yaml:"package"`
}

// CloseSpec ends the case's items.
type CloseSpec struct {
	As string `yaml:"as" jsonschema:"required,enum=exhausted,enum=written_off,enum=recalled"`
}

// PlanSpec says how plans are judged.
type PlanSpec struct {
	Cure         *Days `yaml:"cure"`
	DefaultAfter int   `yaml:"default_after" jsonschema:"minimum=1"`
	Remind       *Days `yaml:"remind"`
}

// ReactionsSpec is what follows an event of a case.
type ReactionsSpec struct {
	PromiseBroken   *ReactionSpec `yaml:"promise_broken"`
	PlanBroken      *ReactionSpec `yaml:"plan_broken"`
	DisputeRejected *ReactionSpec `yaml:"dispute_rejected"`
	Paid            *ReactionSpec `yaml:"paid"`
}

// ReactionSpec is a jump, a notice period, or a message. continue: true says
// in so many words that the case goes on where it is.
type ReactionSpec struct {
	Goto     string      `yaml:"goto"`
	Continue bool        `yaml:"continue"`
	Notice   *Days       `yaml:"notice"`
	Send     []EntrySpec `yaml:"send"`
}

// EndSpec is what happens after the last step; exactly one of its keys.
type EndSpec struct {
	Escalate *EscalateSpec `yaml:"escalate"`
	Refer    *ReferSpec    `yaml:"refer"`
	WriteOff bool          `yaml:"write_off"`
	Close    *CloseSpec    `yaml:"close"`
}
