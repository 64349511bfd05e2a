package contactfile

import (
	"encoding/json"
	"time"
)

// Case is one question as the file has it. Fields that never influence the
// answer (expected, readings, source, ...) are not read.
type Case struct {
	ID           string   `json:"id"`
	Jurisdiction string   `json:"jurisdiction"`
	Facts        facts    `json:"facts"`
	Question     question `json:"question"`
}

type facts struct {
	Collector struct {
		ID            string `json:"id"`
		Role          string `json:"role"`
		UsesOtherName bool   `json:"uses_other_name"`
	} `json:"collector"`
	Debts        []debt        `json:"debts"`
	Consumer     consumer      `json:"consumer"`
	History      []event       `json:"history"`
	Preferences  []preference  `json:"preferences"`
	Notices      []notice      `json:"notices"`
	NumberChecks []numberCheck `json:"number_checks"`
}

type debt struct {
	ID               string `json:"id"`
	Class            string `json:"class"`
	Kind             string `json:"kind"`
	ServicingAccount string `json:"servicing_account"`
	ChargedOff       bool   `json:"charged_off"`
	TimeBarred       bool   `json:"time_barred"`
	Amount           string `json:"amount"`
	Currency         string `json:"currency"`
	Due              string `json:"due"`
	InvoiceReceived  string `json:"invoice_received"`
	ThirtyDayNotice  bool   `json:"notice_of_30_day_rule"`
}

type consumer struct {
	ID        string    `json:"id"`
	Addresses []address `json:"addresses"`
	Phones    []phone   `json:"phones"`
	Emails    []email   `json:"emails"`
	Flags     flags     `json:"flags"`
	KnownZone string    `json:"known_location_tz"`
}

type address struct {
	ID    string `json:"id"`
	State string `json:"state"`
	ZIP   string `json:"zip"`
	TZ    string `json:"tz"`
}

type phone struct {
	ID     string  `json:"id"`
	Kind   string  `json:"kind"`
	TZ     string  `json:"area_code_tz"`
	Person string  `json:"person"`
	Place  *string `json:"place"`
	Shared bool    `json:"shared"`
}

type email struct {
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	Person        string `json:"person"`
	EmployerKnown bool   `json:"employer_provided_known"`
}

type flags struct {
	Attorney *struct {
		Known         bool       `json:"known"`
		ContactKnown  *bool      `json:"contact_known"`
		Debts         []string   `json:"debts"`
		Since         *time.Time `json:"since"`
		LastWrittenTo *time.Time `json:"last_written_to"`
		Responded     bool       `json:"responded"`
		Direct        bool       `json:"consented_direct"`
	} `json:"attorney"`
	EmployerProhibits bool `json:"employer_prohibits"`
	Bankruptcy        *struct {
		Petition *time.Time `json:"petition_at"`
		Status   string     `json:"status"`
	} `json:"bankruptcy"`
	Deceased *struct {
		At *time.Time `json:"at"`
	} `json:"deceased"`
	BreathingSpace *struct {
		Type           string `json:"type"`
		Start          string `json:"start"`
		Days           int    `json:"days"`
		TreatmentEnded string `json:"treatment_ended"`
		PlusDays       int    `json:"plus_days"`
	} `json:"breathing_space"`
}

type event struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"`
	Direction   string    `json:"direction"`
	Channel     string    `json:"channel"`
	Outcome     string    `json:"outcome"`
	Person      string    `json:"person"`
	AddressID   string    `json:"address_id"`
	Debts       []string  `json:"debts"`
	CollectorID string    `json:"collector_id"`
	Purpose     string    `json:"purpose"`
}

type preference struct {
	Kind          string     `json:"kind"`
	By            string     `json:"by"`
	GivenBy       string     `json:"given_by"`
	ReceivedAt    *time.Time `json:"received_at"`
	At            *time.Time `json:"at"`
	Days          []string   `json:"days"`
	From          string     `json:"from"`
	To            string     `json:"to"`
	TZ            string     `json:"tz"`
	Text          string     `json:"text"`
	Place         string     `json:"place"`
	Scope         scope      `json:"scope"`
	MediumUsed    string     `json:"medium_used"`
	Written       bool       `json:"written"`
	AddressID     string     `json:"address_id"`
	InReplyTo     string     `json:"in_reply_to"`
	Basis         string     `json:"basis"`
	GivenTo       string     `json:"given_to"`
	Direct        bool       `json:"direct"`
	DuringBreach  bool       `json:"during_violating_contact"`
	Channels      []string   `json:"channels"`
	EmployerOwned bool       `json:"employer_owned"`
}

type scope struct {
	Channel   string   `json:"channel"`
	AddressID string   `json:"address_id"`
	From      string   `json:"from"`
	To        string   `json:"to"`
	Purpose   string   `json:"purpose"`
	Frequency bool     `json:"frequency"`
	Debts     []string `json:"debts"`
	OnlyOn    string   `json:"only_on"`
}

type notice struct {
	Kind          string     `json:"kind"`
	Written       *bool      `json:"written"`
	Medium        string     `json:"medium"`
	SentAt        *time.Time `json:"sent_at"`
	ReceivedAt    *time.Time `json:"received_at"`
	At            *time.Time `json:"at"`
	Channel       string     `json:"channel"`
	Method        string     `json:"method"`
	Debts         []string   `json:"debts"`
	Assumed       string     `json:"assumed_received"`
	PeriodEnds    string     `json:"validation_period_ends"`
	Duplicative   bool       `json:"duplicative"`
	Undeliverable bool       `json:"undeliverable"`
	Deadline      *time.Time `json:"opt_out_deadline"`
	OptedOut      bool       `json:"opted_out"`
}

type numberCheck struct {
	AddressID  string    `json:"address_id"`
	At         time.Time `json:"at"`
	Reassigned bool      `json:"reassigned"`
}

type question struct {
	Channel   string    `json:"channel"`
	At        time.Time `json:"at"`
	ToPerson  string    `json:"to_person"`
	AddressID string    `json:"address_id"`
	Debts     []string  `json:"debts"`
	Purpose   string    `json:"purpose"`
	Automated bool      `json:"automated"`
	Consent   string    `json:"consent"`
	Content   content   `json:"content"`
}

type content struct {
	OptOutNotice      *bool           `json:"opt_out_notice"`
	Method            string          `json:"method"`
	OnlyConfirmation  *bool           `json:"only_confirmation"`
	Extra             json.RawMessage `json:"extra"` // a string or a list
	MiniMiranda       *bool           `json:"mini_miranda"`
	BusinessName      *string         `json:"business_name"`
	IndicatesDebt     *bool           `json:"indicates_debt_collection"`
	RequestsReply     *bool           `json:"requests_reply"`
	NaturalPersonName *bool           `json:"natural_person_name"`
	CallbackNumber    *bool           `json:"callback_number"`
	Threat            *string         `json:"threat"`
	Demand            string          `json:"demand"`
	EarlierDoubtful   *bool           `json:"reasonable_belief_earlier_response_erroneous"`
	FixedSum          string          `json:"fixed_sum"`
	LumpSum           string          `json:"lump_sum"`
	DefaultInterest   string          `json:"default_interest"`
}
