package mapping

import (
	"reflect"
	"slices"
	"strings"
)

// Field is the name of something a row can say.
type Field string

// Fields holds a text per field: a column's name, a constant or a template.
// "" is none. Dates follow file.dates, amounts file.decimal and file.thousands.
type Fields struct {
	Account    string `yaml:"account,omitempty"`     // the creditor's key of the account, usually the customer number
	Debtor     string `yaml:"debtor,omitempty"`      // the creditor's key of the debtor; the account's when absent
	Name       string `yaml:"name,omitempty"`        // the debtor's name
	DebtorKind string `yaml:"debtor_kind,omitempty"` // consumer or business
	Email      string `yaml:"email,omitempty"`       // one address
	Phone      string `yaml:"phone,omitempty"`       // one number, international or of the debtor's country
	Address    string `yaml:"address,omitempty"`     // street and number; "|" separates lines
	Zip        string `yaml:"zip,omitempty"`         // postcode
	City       string `yaml:"city,omitempty"`        // town
	State      string `yaml:"state,omitempty"`       // state or province, such as MA
	Country    string `yaml:"country,omitempty"`     // ISO 3166-1 alpha-2
	Locale     string `yaml:"locale,omitempty"`      // BCP 47, such as de-AT
	Zone       string `yaml:"zone,omitempty"`        // the debtor's IANA zone, where it is known
	Tags       string `yaml:"tags,omitempty"`        // words about the debtor, separated by spaces or commas

	Item     string `yaml:"item,omitempty"`     // the invoice's key, unique in the account
	Number   string `yaml:"number,omitempty"`   // as printed on the invoice; the key when absent
	Issued   string `yaml:"issued,omitempty"`   // date of the invoice
	Due      string `yaml:"due,omitempty"`      // date it is due
	Amount   string `yaml:"amount,omitempty"`   // open amount of the item, or amount of the payment
	Currency string `yaml:"currency,omitempty"` // ISO 4217
	Class    string `yaml:"class,omitempty"`    // class of debt

	Disputed     string `yaml:"disputed,omitempty"`      // flag; see disputes.when
	DisputedOn   string `yaml:"disputed_on,omitempty"`   // date a dispute was raised
	DisputeEnded string `yaml:"dispute_ended,omitempty"` // date it was decided

	CorrectedOn     string `yaml:"corrected_on,omitempty"`     // date from which the amount is another
	CorrectedAmount string `yaml:"corrected_amount,omitempty"` // the whole amount from then on

	Paid       string `yaml:"paid,omitempty"`        // date of the payment; an items file may carry it too
	PaidAmount string `yaml:"paid_amount,omitempty"` // what was paid, in an items file; the whole item when absent
	Reference  string `yaml:"reference,omitempty"`   // the payment's own key
	Reverses   string `yaml:"reverses,omitempty"`    // reference of the payment that this row takes back

	At        string `yaml:"at,omitempty"`        // when it happened or was received: a date, or a date and a time
	Record    string `yaml:"record,omitempty"`    // consents files: what the row is, such as consent, opt_out or attorney
	Channel   string `yaml:"channel,omitempty"`   // email, sms, letter or call; of an opt-out also all
	Value     string `yaml:"value,omitempty"`     // number or address of that channel
	Direction string `yaml:"direction,omitempty"` // history: outbound or inbound
	Outcome   string `yaml:"outcome,omitempty"`   // history: conversation, no_answer, voicemail, delivered …
	Person    string `yaml:"person,omitempty"`    // who was reached or said it, as a relation such as spouse; the debtor when absent
	Purpose   string `yaml:"purpose,omitempty"`   // one purpose, such as collect
	Seconds   string `yaml:"seconds,omitempty"`   // history: how long it took
	Collector string `yaml:"collector,omitempty"` // history: the user who did it
	About     string `yaml:"about,omitempty"`     // consents: all (default: every account) or account

	Line         string `yaml:"line,omitempty"`          // kind of number or address: mobile, landline, voip, work, personal, employer, residence
	Source       string `yaml:"source,omitempty"`        // who gave it: consumer, creditor, skip_trace, prior_collector
	Owner        string `yaml:"owner,omitempty"`         // whose it is, as a relation such as spouse; the debtor's when absent
	Shared       string `yaml:"shared,omitempty"`        // yes: others hear or read what arrives there
	Employer     string `yaml:"employer,omitempty"`      // yes: the employer provides it
	PublicDomain string `yaml:"public_domain,omitempty"` // yes: an email address of a domain open to everybody
	Obtained     string `yaml:"obtained,omitempty"`      // date it was obtained
	Evidence     string `yaml:"evidence,omitempty"`      // where the proof is kept

	Medium   string `yaml:"medium,omitempty"`   // how it reached the creditor: call, sms, email, letter, fax, portal, in_person, creditor
	Words    string `yaml:"words,omitempty"`    // the words
	Basis    string `yaml:"basis,omitempty"`    // of a consent: express, written …; of a contact: why it may be outside a count
	Scope    string `yaml:"scope,omitempty"`    // of a consent: contact, tcpa, esign …; of an opt-out: medium, keyword, revocation, marketing
	Direct   string `yaml:"direct,omitempty"`   // yes: given by the person to the creditor itself
	Until    string `yaml:"until,omitempty"`    // date until which it holds
	Days     string `yaml:"days,omitempty"`     // Mon Tue …; every day when absent
	From     string `yaml:"from,omitempty"`     // HH:MM
	To       string `yaml:"to,omitempty"`       // HH:MM
	Place    string `yaml:"place,omitempty"`    // home, work …
	Stage    string `yaml:"stage,omitempty"`    // of a status: open, dismissed, discharged, ended …
	Notice   string `yaml:"notice,omitempty"`   // kind of a notice that was sent, such as validation_notice
	Answer   string `yaml:"answer,omitempty"`   // of a number check: same, reassigned or no_data
	Database string `yaml:"database,omitempty"` // of a number check

	DebtKind   string `yaml:"debt_kind,omitempty"`   // credit_card, medical, student_loan, mortgage …
	Role       string `yaml:"role,omitempty"`        // first_party or third_party, where it is not the creditor's
	DefaultOn  string `yaml:"default_on,omitempty"`  // date of default
	ChargedOff string `yaml:"charged_off,omitempty"` // date
	TimeBarred string `yaml:"time_barred,omitempty"` // yes
	Servicing  string `yaml:"servicing,omitempty"`   // servicing account of student loans
}

// names lists the fields in the order of Fields.
var names = func() []Field {
	t := reflect.TypeFor[Fields]()
	out := make([]Field, t.NumField())
	for i := range out {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		out[i] = Field(name)
	}
	return out
}()

// FieldNames lists every field, in the order of the documentation.
func FieldNames() []Field { return append([]Field(nil), names...) }

// Get returns the text of a field, "" when there is none or no such field.
func (f Fields) Get(name Field) string {
	for i, n := range names {
		if n == name {
			return reflect.ValueOf(f).Field(i).String()
		}
	}
	return ""
}

// Set lists the fields that have a text, in order.
func (f Fields) Set() []Field {
	var out []Field
	for i, n := range names {
		if reflect.ValueOf(f).Field(i).String() != "" {
			out = append(out, n)
		}
	}
	return out
}

// groups of fields, for what may stand where.
var (
	dateFields   = []Field{"issued", "due", "disputed_on", "dispute_ended", "corrected_on", "paid", "at", "obtained", "until", "default_on", "charged_off"}
	amountFields = []Field{"amount", "corrected_amount", "paid_amount"}
	onlyItems    = []Field{"number", "issued", "due", "class", "disputed", "disputed_on", "dispute_ended", "corrected_on", "corrected_amount", "paid_amount"}
	onlyPayments = []Field{"reference", "reverses"}
	onlyMoney    = []Field{"item", "amount", "paid", "reverses"}
	pointFields  = []Field{"channel", "value", "line", "source", "owner", "shared", "employer", "public_domain", "obtained", "evidence"}
	debtFields   = []Field{"class", "debt_kind", "role", "default_on", "charged_off", "time_barred", "servicing"}
	// of are the fields of contact data that a kind of file may have.
	of = map[Kind][]Field{
		Contacts: slices.Concat(pointFields, debtFields),
		History:  {"at", "direction", "channel", "outcome", "value", "person", "purpose", "seconds", "collector", "basis", "evidence"},
		Consents: {
			"at", "record", "channel", "value", "person", "purpose", "about", "medium", "words", "basis", "scope", "direct", "until", "days", "from", "to",
			"place", "stage", "notice", "answer", "database", "evidence",
		},
	}
	required = map[Kind][]Field{
		Items: {"account", "item", "issued", "due", "amount", "currency"}, Payments: {"account", "paid", "amount", "currency"},
		Contacts: {"account"}, History: {"account", "at", "direction", "channel", "outcome"}, Consents: {"account", "at", "record"},
	}
	allTransforms = []Transform{Trim, StripZeros, StripFloat, Collapse, Upper, Lower, Digits, Slug}
)

// Needs lists the columns that a file must have: those that the mapping reads,
// but for columns of optional fields that no sum, due rule or filter reads too.
func (m Mapping) Needs() []string {
	var spare []string
	for _, f := range m.Columns.Set() {
		any := slices.Contains(m.Optional, "*") && !slices.Contains(required[m.Kind], f)
		if any || slices.Contains(m.Optional, f) {
			spare = append(spare, m.Columns.Get(f))
		}
	}
	firm := m
	for _, f := range m.Columns.Set() {
		if slices.Contains(spare, m.Columns.Get(f)) && (slices.Contains(m.Optional, f) || !slices.Contains(required[m.Kind], f)) {
			firm.Columns = firm.Columns.without(f)
		}
	}
	return firm.Used()
}

// without returns f with a field emptied.
func (f Fields) without(name Field) Fields {
	for i, n := range names {
		if n == name {
			reflect.ValueOf(&f).Elem().Field(i).SetString("")
		}
	}
	return f
}

// Nearest returns the candidate that a misspelt word most likely means, or "".
// Case and white space do not count; a third of the word may be wrong.
func Nearest[S ~string](word string, candidates []S) string {
	w := fold(word)
	best, at := "", len([]rune(w))/3+1
	for _, c := range candidates {
		if d := distance(w, fold(string(c))); d < at || d == 0 {
			best, at = string(c), d
		}
	}
	return best
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance is the number of edits between two words: letters put in, left out,
// changed, or two neighbours swapped (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	table := make([][]int, len(x)+1)
	for i := range table {
		table[i] = make([]int, len(y)+1)
		table[i][0] = i
	}
	for j := range table[0] {
		table[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			best := min(table[i-1][j-1]+change, table[i-1][j]+1, table[i][j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				best = min(best, table[i-2][j-2]+1)
			}
			table[i][j] = best
		}
	}
	return table[len(x)][len(y)]
}

// With returns f with a field set.
func (f Fields) With(name Field, text string) Fields {
	for i, n := range names {
		if n == name {
			reflect.ValueOf(&f).Elem().Field(i).SetString(text)
		}
	}
	return f
}
