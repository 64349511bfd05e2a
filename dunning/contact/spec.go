package contact

// PackSpec is a policy file as written: one jurisdiction, or house rules.
// Unknown keys are refused by whoever decodes it.
type PackSpec struct {
	Pack         string                   `yaml:"pack" json:"pack"`                               // id, such as us-federal
	Title        string                   `yaml:"title" json:"title"`                             //
	Version      string                   `yaml:"version" json:"version"`                         // changes with every change of a rule
	Kind         string                   `yaml:"kind" json:"kind"`                               // law, policy (a reading where the law is silent), carrier (what those who carry messages refuse) or house (our own caps)
	Jurisdiction string                   `yaml:"jurisdiction" json:"jurisdiction"`               // US, US-MA, ...; "*" for everywhere
	Effective    EffectiveSpec            `yaml:"effective,omitempty" json:"effective,omitempty"` //
	Reviewed     string                   `yaml:"reviewed,omitempty" json:"reviewed,omitempty"`   // date of the last legal check
	Note         string                   `yaml:"note,omitempty" json:"note,omitempty"`           //
	Calendars    map[string][]HolidaySpec `yaml:"calendars,omitempty" json:"calendars,omitempty"` // holidays by the law that names them
	Cites        map[string]string        `yaml:"cites,omitempty" json:"cites,omitempty"`         // citations of ids that are reported without being rules: exceptions, and hours where zones differ
	Rules        []RuleSpec               `yaml:"rules" json:"rules"`                             //
}

// EffectiveSpec bounds a pack or rule: from the start of From until the start
// of Until, dates as YYYY-MM-DD in the person's first zone. Empty = unbounded.
type EffectiveSpec struct {
	From  string `yaml:"from,omitempty" json:"from,omitempty"`
	Until string `yaml:"until,omitempty" json:"until,omitempty"`
}

// HolidaySpec is one holiday: a date (Month, Day), the Nth Weekday of Month
// (Nth -1 = the last; Before = the last such weekday before Day), or Easter
// plus a number of days.
type HolidaySpec struct {
	Name     string `yaml:"name" json:"name"`
	Month    int    `yaml:"month,omitempty" json:"month,omitempty"`
	Day      int    `yaml:"day,omitempty" json:"day,omitempty"`
	Weekday  string `yaml:"weekday,omitempty" json:"weekday,omitempty"`
	Nth      int    `yaml:"nth,omitempty" json:"nth,omitempty"`
	Before   bool   `yaml:"before,omitempty" json:"before,omitempty"`
	Easter   *int   `yaml:"easter,omitempty" json:"easter,omitempty"`
	Observed bool   `yaml:"observed,omitempty" json:"observed,omitempty"` // under strict the Friday before a Saturday or the Monday after a Sunday is one too
}

// RuleSpec is one rule: whom it reaches, and exactly one kind with its
// parameters.
type RuleSpec struct {
	ID        string        `yaml:"id" json:"id"`
	Part      string        `yaml:"part,omitempty" json:"part,omitempty"` // tells rules of one id apart
	Title     string        `yaml:"title,omitempty" json:"title,omitempty"`
	Citation  string        `yaml:"citation" json:"citation"`
	Certainty string        `yaml:"certainty,omitempty" json:"certainty,omitempty"` // text, summary, unverified
	Effective EffectiveSpec `yaml:"effective,omitempty" json:"effective,omitempty"`
	Strict    string        `yaml:"strict,omitempty" json:"strict,omitempty"`   // refuse (default), warn or off under the strict reading
	Literal   string        `yaml:"literal,omitempty" json:"literal,omitempty"` // the same under the literal one

	Roles           []string `yaml:"roles,omitempty" json:"roles,omitempty"`                         // first_party, third_party; none = both
	Debts           []string `yaml:"debts,omitempty" json:"debts,omitempty"`                         // consumer, commercial; none = both
	Debtors         []string `yaml:"debtors,omitempty" json:"debtors,omitempty"`                     // consumer, business; none = both
	DebtKinds       []string `yaml:"debt_kinds,omitempty" json:"debt_kinds,omitempty"`               // only these
	ExceptDebtKinds []string `yaml:"except_debt_kinds,omitempty" json:"except_debt_kinds,omitempty"` // all but these
	ChargedOff      bool     `yaml:"charged_off,omitempty" json:"charged_off,omitempty"`             // charged-off debts only
	TimeBarred      bool     `yaml:"time_barred,omitempty" json:"time_barred,omitempty"`             // time-barred debts only
	Channels        []string `yaml:"channels" json:"channels"`                                       // channel names or groups: voice, electronic, contact, all
	Purposes        []string `yaml:"purposes,omitempty" json:"purposes,omitempty"`                   // only these
	ExceptPurposes  []string `yaml:"except_purposes,omitempty" json:"except_purposes,omitempty"`     // all but these
	To              []string `yaml:"to,omitempty" json:"to,omitempty"`                               // debtor, standing, third, professional; none = the first three
	Points          []string `yaml:"points,omitempty" json:"points,omitempty"`                       // kinds of point: mobile, landline, work, ..., and unknown for one that nobody recorded
	ExceptPoints    []string `yaml:"except_points,omitempty" json:"except_points,omitempty"`         //
	AutomatedOnly   bool     `yaml:"automated_only,omitempty" json:"automated_only,omitempty"`

	Except []ExceptSpec `yaml:"except,omitempty" json:"except,omitempty"`

	Hours        *HoursSpec        `yaml:"hours,omitempty" json:"hours,omitempty"`
	Wish         *WishSpec         `yaml:"wish,omitempty" json:"wish,omitempty"`
	Count        *CountSpec        `yaml:"count,omitempty" json:"count,omitempty"`
	Run          *RunSpec          `yaml:"run,omitempty" json:"run,omitempty"`
	Silence      *SilenceSpec      `yaml:"silence,omitempty" json:"silence,omitempty"`
	Gap          *GapSpec          `yaml:"gap,omitempty" json:"gap,omitempty"`
	Consent      *ConsentSpec      `yaml:"consent,omitempty" json:"consent,omitempty"`
	OptOut       *OptOutSpec       `yaml:"opt_out,omitempty" json:"opt_out,omitempty"`
	Confirmation *ConfirmationSpec `yaml:"confirmation,omitempty" json:"confirmation,omitempty"`
	Hold         *HoldSpec         `yaml:"hold,omitempty" json:"hold,omitempty"`
	Cease        *CeaseSpec        `yaml:"cease,omitempty" json:"cease,omitempty"`
	Dispute      *DisputeSpec      `yaml:"dispute,omitempty" json:"dispute,omitempty"`
	Notice       *NoticeSpec       `yaml:"notice,omitempty" json:"notice,omitempty"`
	EmailNotice  *EmailNoticeSpec  `yaml:"email_notice,omitempty" json:"email_notice,omitempty"`
	Number       *NumberSpec       `yaml:"number,omitempty" json:"number,omitempty"`
	Content      *ContentSpec      `yaml:"content,omitempty" json:"content,omitempty"`
	Overshadow   *OvershadowSpec   `yaml:"overshadow,omitempty" json:"overshadow,omitempty"`
	Addressee    *AddresseeSpec    `yaml:"addressee,omitempty" json:"addressee,omitempty"`
	Location     *LocationSpec     `yaml:"location,omitempty" json:"location,omitempty"`
	Forbid       *ForbidSpec       `yaml:"forbid,omitempty" json:"forbid,omitempty"`
	Charge       *ChargeSpec       `yaml:"charge,omitempty" json:"charge,omitempty"`
}

// ExceptSpec is a way out of a rule.
//
//	reply              one answer on the channel the person used, inside the same closed stretch or window
//	consent            consent to contact given directly to this collector
//	frequency_consent  consent to calls beyond the count; calls made under it do not count
//	consent_kind       a consent of the kind named by Consent
//	callback           one call answering an unanswered request to be called back
//	confirmation       an electronic opt-out confirmation with nothing else in it
//	used_address       the person wrote from this very address
//	limited_content    a voicemail that is a limited-content message
type ExceptSpec struct {
	Kind      string   `yaml:"kind" json:"kind"`
	Rule      string   `yaml:"rule,omitempty" json:"rule,omitempty"`             // id reported when it is relied on; the rule's own when empty
	Consent   string   `yaml:"consent,omitempty" json:"consent,omitempty"`       // consent_kind: the kind
	StrictNot []string `yaml:"strict_not,omitempty" json:"strict_not,omitempty"` // consent_kind: bases that are none under strict
}

// HoursSpec allows contact inside windows only, in every candidate zone.
type HoursSpec struct {
	Windows  []WindowSpec `yaml:"windows" json:"windows"`
	Calendar string       `yaml:"calendar,omitempty" json:"calendar,omitempty"` // its days are closed
	Edges    string       `yaml:"edges,omitempty" json:"edges,omitempty"`       // half_open (default), or open: strict shuts both edges, literal opens both
	Differ   string       `yaml:"differ,omitempty" json:"differ,omitempty"`     // id reported when candidate zones differ
	Fallback bool         `yaml:"fallback,omitempty" json:"fallback,omitempty"` // only where no law sets hours
}

// WindowSpec is an opening on some days, local times "HH:MM", To may be 24:00.
type WindowSpec struct {
	Days []string `yaml:"days,omitempty" json:"days,omitempty"` // mon..sun; none = every day
	From string   `yaml:"from" json:"from"`
	To   string   `yaml:"to" json:"to"`
}

// WishSpec obeys preferences of one kind.
type WishSpec struct {
	Kind     string `yaml:"kind" json:"kind"`                               // inconvenient_time, inconvenient_place, no_work_calls
	OralDays int    `yaml:"oral_days,omitempty" json:"oral_days,omitempty"` // an oral wish ends after so many days; 0 = stands
}

// CountSpec refuses when Max contacts lie in the last Days local dates, the
// date of the proposed contact included.
type CountSpec struct {
	Max         int      `yaml:"max" json:"max"`
	Days        int      `yaml:"days" json:"days"`
	Of          []string `yaml:"of,omitempty" json:"of,omitempty"`                     // channels counted; none = the rule's
	Per         string   `yaml:"per,omitempty" json:"per,omitempty"`                   // debt (default) or person (over all debts)
	Outcomes    []string `yaml:"outcomes,omitempty" json:"outcomes,omitempty"`         // only these
	NotOutcomes []string `yaml:"not_outcomes,omitempty" json:"not_outcomes,omitempty"` // all but these
	LiteralNot  []string `yaml:"literal_not,omitempty" json:"literal_not,omitempty"`   // not counted under literal
	Points      string   `yaml:"points,omitempty" json:"points,omitempty"`             // any (default), work, not_work, landline, mobile
	AfterFirst  bool     `yaml:"after_first,omitempty" json:"after_first,omitempty"`   // only contacts after the first conversation, and only once there was one
	NotPurposes []string `yaml:"not_purposes,omitempty" json:"not_purposes,omitempty"` // rows of these purposes do not count
	With        []string `yaml:"with,omitempty" json:"with,omitempty"`                 // contacts to people in these relations to the debtor count too, such as debtor and spouse
}

// RunSpec refuses after PerDay or more on each of the Days dates before.
type RunSpec struct {
	PerDay int      `yaml:"per_day" json:"per_day"`
	Days   int      `yaml:"days" json:"days"`
	Of     []string `yaml:"of,omitempty" json:"of,omitempty"`
}

// SilenceSpec refuses for Days dates after a conversation about the debt.
type SilenceSpec struct {
	Days          int      `yaml:"days" json:"days"`
	Outcomes      []string `yaml:"outcomes" json:"outcomes"`
	StrictAlso    []string `yaml:"strict_also,omitempty" json:"strict_also,omitempty"`
	Inbound       bool     `yaml:"inbound,omitempty" json:"inbound,omitempty"`                 // the person's own call starts it too
	StrictNextDay bool     `yaml:"strict_next_day,omitempty" json:"strict_next_day,omitempty"` // strict counts from the day after
}

// GapSpec refuses until so much time has passed since the last contact.
type GapSpec struct {
	Minutes    int      `yaml:"minutes,omitempty" json:"minutes,omitempty"`
	Days       int      `yaml:"days,omitempty" json:"days,omitempty"` // local dates
	Of         []string `yaml:"of,omitempty" json:"of,omitempty"`
	SamePoint  bool     `yaml:"same_point,omitempty" json:"same_point,omitempty"`
	Unanswered bool     `yaml:"unanswered,omitempty" json:"unanswered,omitempty"`
}

// ConsentSpec refuses unless one of the kinds of consent is on file.
type ConsentSpec struct {
	Kinds     []string `yaml:"kinds" json:"kinds"`
	Written   bool     `yaml:"written,omitempty" json:"written,omitempty"`
	SamePoint bool     `yaml:"same_point,omitempty" json:"same_point,omitempty"` // it must name this very address, or none
	Personal  bool     `yaml:"personal,omitempty" json:"personal,omitempty"`     // not for an address the employer owns
	Purpose   bool     `yaml:"purpose,omitempty" json:"purpose,omitempty"`       // it must name this purpose
	StrictNot []string `yaml:"strict_not,omitempty" json:"strict_not,omitempty"` // bases that are none under strict
}

// OptOutSpec obeys refusals of some kinds.
type OptOutSpec struct {
	Kinds               []string `yaml:"kinds" json:"kinds"`
	Written             bool     `yaml:"written,omitempty" json:"written,omitempty"`
	AnyChannel          bool     `yaml:"any_channel,omitempty" json:"any_channel,omitempty"`                     // the channel it was said on does not narrow it
	BusinessDays        int      `yaml:"business_days,omitempty" json:"business_days,omitempty"`                 // effective only after so many
	LiteralBusinessDays int      `yaml:"literal_business_days,omitempty" json:"literal_business_days,omitempty"` // the same, under literal only
	Calendar            string   `yaml:"calendar,omitempty" json:"calendar,omitempty"`
	WidenKeyword        bool     `yaml:"widen_keyword,omitempty" json:"widen_keyword,omitempty"` // strict: a bare stop word from one number covers all
	Unrelated           string   `yaml:"unrelated,omitempty" json:"unrelated,omitempty"`         // purpose that only an opt-out in reply to it reaches, and the other way round
}

// ConfirmationSpec bounds opt-out confirmations: one, within Minutes, which
// under the literal reading is only a presumption.
type ConfirmationSpec struct {
	Minutes int    `yaml:"minutes" json:"minutes"`
	Late    string `yaml:"late,omitempty" json:"late,omitempty"` // refuse (default), or strict: a late one is refused under the strict reading only
}

// HoldSpec obeys flags of one kind.
type HoldSpec struct {
	Flag              string   `yaml:"flag" json:"flag"`
	Statuses          []string `yaml:"statuses,omitempty" json:"statuses,omitempty"`
	ContactKnown      bool     `yaml:"contact_known,omitempty" json:"contact_known,omitempty"`             // only when the attorney can be reached
	SilentDays        int      `yaml:"silent_days,omitempty" json:"silent_days,omitempty"`                 // free after so many days without an answer
	LiteralSilentDays int      `yaml:"literal_silent_days,omitempty" json:"literal_silent_days,omitempty"` // the same, under literal only
}

// CeaseSpec obeys written requests to cease.
type CeaseSpec struct {
	Notices   []string `yaml:"notices" json:"notices"`
	StrictAll bool     `yaml:"strict_all,omitempty" json:"strict_all,omitempty"` // strict: a notice that names a debt covers all
}

// DisputeSpec stops collection of debts disputed in writing in the validation
// period, until a lifting notice is sent.
type DisputeSpec struct {
	Notices     []string   `yaml:"notices" json:"notices"`
	LiftedBy    []string   `yaml:"lifted_by" json:"lifted_by"`
	DuplicateBy []string   `yaml:"duplicate_by,omitempty" json:"duplicate_by,omitempty"` // lifts duplicative ones too
	Period      PeriodSpec `yaml:"period" json:"period"`
}

// PeriodSpec is how a validation period is computed when its end is not
// printed: receipt assumed on the ReceiptDays-th business day, then Days.
type PeriodSpec struct {
	Notice      string `yaml:"notice" json:"notice"`
	ReceiptDays int    `yaml:"receipt_days" json:"receipt_days"`
	Days        int    `yaml:"days" json:"days"`
	Calendar    string `yaml:"calendar" json:"calendar"`
}

// NoticeSpec wants a notice sent Days local dates before.
type NoticeSpec struct {
	Kind           string `yaml:"kind" json:"kind"`
	Channel        string `yaml:"channel,omitempty" json:"channel,omitempty"`
	Method         string `yaml:"method,omitempty" json:"method,omitempty"`
	Days           int    `yaml:"days,omitempty" json:"days,omitempty"`
	OrConversation bool   `yaml:"or_conversation,omitempty" json:"or_conversation,omitempty"`
}

// EmailNoticeSpec waits for the end of the opt-out period of a creditor's
// notice that the collector will use an address.
type EmailNoticeSpec struct {
	Notice string `yaml:"notice" json:"notice"`
}

// NumberSpec judges number checks. Either Days (a text or check so recent) or
// Reassigned (refuse when the last check says so).
type NumberSpec struct {
	Days       int  `yaml:"days,omitempty" json:"days,omitempty"`
	Reassigned bool `yaml:"reassigned,omitempty" json:"reassigned,omitempty"`
}

// ContentSpec names content facts that must be yes (Need) or no (Forbid).
type ContentSpec struct {
	Need           []string `yaml:"need,omitempty" json:"need,omitempty"`
	Forbid         []string `yaml:"forbid,omitempty" json:"forbid,omitempty"`
	LimitedContent bool     `yaml:"limited_content,omitempty" json:"limited_content,omitempty"` // must be a limited-content message
	Shared         bool     `yaml:"shared,omitempty" json:"shared,omitempty"`                   // only at points that others hear
	First          bool     `yaml:"first,omitempty" json:"first,omitempty"`                     // only when nothing was sent to the person before
}

// OvershadowSpec refuses early demands inside the validation period.
type OvershadowSpec struct {
	Period PeriodSpec `yaml:"period" json:"period"`
}

// AddresseeSpec refuses people one may not speak with about the debt.
type AddresseeSpec struct {
	Deceased bool `yaml:"deceased,omitempty" json:"deceased,omitempty"` // refuse the debtor, once deceased
}

// LocationSpec bounds contacts to find someone: once per person, never once
// an attorney is known.
type LocationSpec struct {
	Max int `yaml:"max" json:"max"`
}

// ForbidSpec forbids the rule's channels outright.
type ForbidSpec struct {
	Always bool `yaml:"always" json:"always"`
}

// ChargeSpec bounds amounts added to a debt.
type ChargeSpec struct {
	Bands          []BandSpec `yaml:"bands,omitempty" json:"bands,omitempty"`                     // fixed sum by amount of the debt
	LumpSum        string     `yaml:"lump_sum,omitempty" json:"lump_sum,omitempty"`               // most that may be added as a lump sum
	CommercialOnly bool       `yaml:"commercial_only,omitempty" json:"commercial_only,omitempty"` // nothing from a consumer
	DefaultAfter   int        `yaml:"default_after,omitempty" json:"default_after,omitempty"`     // only in default: so many days after due date and receipt
	ConsumerPoints string     `yaml:"consumer_points,omitempty" json:"consumer_points,omitempty"` // most points over base from a consumer
	OtherPoints    string     `yaml:"other_points,omitempty" json:"other_points,omitempty"`       // and from others
	Currency       string     `yaml:"currency,omitempty" json:"currency,omitempty"`
}

// BandSpec is the sum for debts below an amount; the last has no bound.
type BandSpec struct {
	Below string `yaml:"below,omitempty" json:"below,omitempty"`
	Sum   string `yaml:"sum" json:"sum"`
}

// Fault is one mistake in a PackSpec: where, and how to mend it. Path is like
// "rules[3].hours.windows[0].from".
type Fault struct {
	Path    string
	Message string
}

// Error makes a Fault an error: "path: message".
func (f Fault) Error() string { return f.Path + ": " + f.Message }
