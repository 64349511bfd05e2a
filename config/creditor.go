package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones of creditors must resolve on machines without a zone database

	"golang.org/x/text/language"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/yamlpos"
)

// CreditorSpec is a creditor file as written (creditors/*.yaml).
type CreditorSpec struct {
	Creditor    string       `yaml:"creditor" jsonschema:"required" jsonschema_description:"id; the file is named after it"`
	Name        string       `yaml:"name" jsonschema:"required" jsonschema_description:"name to use towards debtors"`
	Role        string       `yaml:"role" jsonschema:"required,enum=first_party,enum=third_party" jsonschema_description:"first_party collects its own debts in its own name; third_party is an agency, debt buyer or law firm"`
	OnBehalfOf  string       `yaml:"on_behalf_of" jsonschema_description:"third party: whose debt it is"`
	Zone        string       `yaml:"zone" jsonschema:"required" jsonschema_description:"IANA time zone, such as America/New_York"`
	Currency    string       `yaml:"currency" jsonschema:"required" jsonschema_description:"ISO 4217 code of its accounts when an import names none"`
	Locale      string       `yaml:"locale" jsonschema:"required" jsonschema_description:"language for debtors whose own is not known or has no template"`
	Holidays    string       `yaml:"holidays" jsonschema_description:"calendar of business days, of holidays/"`
	Stale       *Hours       `yaml:"stale" jsonschema_description:"age at which payment data is too old to send on; left out: no limit"`
	Ambiguity   string       `yaml:"ambiguity" jsonschema:"enum=strict,enum=literal" jsonschema_description:"how unclear rules are read"`
	Address     []string     `yaml:"address" jsonschema:"required" jsonschema_description:"postal address, line by line"`
	Phone       string       `yaml:"phone"`
	Email       string       `yaml:"email" jsonschema_description:"where debtors can write to"`
	Website     string       `yaml:"website"`
	PaymentPage string       `yaml:"payment_page" jsonschema_description:"https address where debtors pay when a message has no personal link"`
	License     string       `yaml:"license" jsonschema_description:"licence number of an agency, shown in letters and emails"`
	Senders     SendersSpec  `yaml:"senders"`
	Queues      DefaultsSpec `yaml:"queues" jsonschema:"required"`
	Promise     *Days        `yaml:"promise_by_reply" jsonschema_description:"a date up to so many days ahead that a debtor writes is a promise to pay all that is overdue; left out: a person decides"`
	Fees        *FeesSpec    `yaml:"fees"`
}

// SendersSpec is who messages come from.
type SendersSpec struct {
	Email EmailSenderSpec `yaml:"email"`
	SMS   SMSSenderSpec   `yaml:"sms"`
}

// EmailSenderSpec is the sender of emails.
type EmailSenderSpec struct {
	From     string `yaml:"from"`
	Name     string `yaml:"name"`
	ReplyTo  string `yaml:"reply_to"`
	PaceSpec `yaml:",inline"`
}

// SMSSenderSpec is the sender of text messages: a number or a messaging service.
type SMSSenderSpec struct {
	From     string `yaml:"from"`
	PaceSpec `yaml:",inline"`
}

// PaceSpec is how fast a sender may go. All workers together keep it.
type PaceSpec struct {
	PerMinute int `yaml:"per_minute" jsonschema:"minimum=1,maximum=60000" jsonschema_description:"messages a minute that may leave from this sender; left out: as fast as the provider takes them"`
	Burst     int `yaml:"burst" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"how many of them may leave at once after a silence; left out: 1"`
}

// DefaultsSpec is where tasks go that no step names.
type DefaultsSpec struct {
	Supervisor string `yaml:"supervisor" jsonschema:"required"`
	Operations string `yaml:"operations" jsonschema:"required"`
	Replies    string `yaml:"replies" jsonschema_description:"what debtors write and a person must read; left out: the supervisor queue"`
}

// FeesSpec is what a creditor would charge for being late: it is read and checked, and nothing charges it yet.
type FeesSpec struct {
	Reminders []ReminderFeeSpec `yaml:"reminders"`
	Interest  *InterestSpec     `yaml:"interest"`
	Unpaid    string            `yaml:"unpaid" jsonschema:"enum=waive,enum=claim" jsonschema_description:"what becomes of fees when the principal is paid"`
}

// ReminderFeeSpec is a fixed fee for a step.
type ReminderFeeSpec struct {
	Step   string  `yaml:"step" jsonschema:"required"`
	Amount Amounts `yaml:"amount" jsonschema:"required"`
}

// InterestSpec is simple interest on the open amount.
type InterestSpec struct {
	Rate Decimal `yaml:"rate" jsonschema:"required" jsonschema_description:"percent a year"`
	Days int     `yaml:"days" jsonschema:"enum=365,enum=360"`
	From string  `yaml:"from" jsonschema:"enum=due,enum=notice"`
	Cap  Amounts `yaml:"cap"`
}

// Creditor is what the core needs of a creditor and what its messages show.
type Creditor struct {
	dunning.Creditor
	Name, OnBehalfOf            string
	Currency, Locale            string
	Address                     []string
	Phone, Email, Website       string
	PaymentPage, License        string
	EmailFrom, EmailName, Reply string
	SMSFrom                     string
	Paces                       map[dunning.Channel]Pace // none: as fast as the provider takes them
	Fees                        *Fees                    // nil = charges nothing
}

// Pace is how fast a sender may go: one message every so often, Burst of them at once
// after a silence.
type Pace struct {
	Every time.Duration
	Burst int
}

// Fees is what a creditor charges for being late. Nothing reads it yet.
type Fees struct {
	ByStep   map[string]map[string]money.Amount // step → currency → fixed fee
	Interest *Interest
	Claim    bool // unpaid fees are claimed when the principal is paid; else waived
}

// Interest is simple interest on open amounts.
type Interest struct {
	Rate       Decimal // percent a year
	Days       int     // of a year: 365 or 360
	FromNotice bool    // runs from the first notice, else from the due date
	Cap        map[string]money.Amount
}

// creditorFile is one creditor file while it is compiled.
type creditorFile struct {
	doc  *yamlpos.Doc
	spec CreditorSpec
}

func (l *loader) parseCreditor(name string, data []byte) {
	doc, ok := yamlpos.Parse(name, data)
	f := &creditorFile{doc: doc}
	l.docs = append(l.docs, doc)
	if ok {
		doc.Decode(&f.spec)
		l.creditors = append(l.creditors, f)
	}
}

func (l *loader) compileCreditors() {
	seen := map[string]string{}
	for _, f := range l.creditors {
		s := f.spec
		checkID(f.doc, "creditor", s.Creditor)
		l.checkName(f.doc, "creditor", s.Creditor)
		if first := seen[s.Creditor]; first != "" {
			f.doc.Fault("creditor", fmt.Sprintf("creditor %q exists already", s.Creditor), "in "+first)
		}
		seen[s.Creditor] = f.doc.File
		l.cfg.creditors = append(l.cfg.creditors, l.creditor(f))
	}
	slices.SortFunc(l.cfg.creditors, func(a, b Creditor) int { return strings.Compare(a.ID, b.ID) })
}

func (l *loader) creditor(f *creditorFile) Creditor {
	s, doc := f.spec, f.doc
	f.required()
	f.place()
	f.senders()
	l.creditorRefs(f)
	c := Creditor{
		Creditor: dunning.Creditor{
			ID: s.Creditor, Role: s.Role, Zone: s.Zone, Holidays: s.Holidays,
			Ambiguity: choose(doc, "ambiguity", s.Ambiguity, "strict", "literal"),
			Queues:    dunning.Queues{Supervisor: s.Queues.Supervisor, Operations: s.Queues.Operations, Replies: s.Queues.Replies},
		},
		Name: s.Name, OnBehalfOf: s.OnBehalfOf, Currency: s.Currency, Locale: s.Locale, Address: s.Address,
		Phone: s.Phone, Email: s.Email, Website: s.Website, PaymentPage: s.PaymentPage, License: s.License,
		EmailFrom: s.Senders.Email.From, EmailName: s.Senders.Email.Name, Reply: s.Senders.Email.ReplyTo, SMSFrom: s.Senders.SMS.From,
		Fees: l.fees(f), Paces: f.paces(),
	}
	if s.Stale != nil {
		c.Stale = int(*s.Stale)
		if c.Stale == 0 {
			doc.Fault("stale", "no payment data could ever be fresh enough", "leave stale out for no limit")
		}
	}
	if s.Promise != nil {
		c.PromiseWithin = int(*s.Promise)
	}
	if c.EmailName == "" {
		c.EmailName = s.Name
	}
	return c
}

// required reports what every creditor must say.
func (f *creditorFile) required() {
	for _, k := range []struct{ path, value, hint string }{
		{"name", f.spec.Name, "the name that debtors know"},
		{"role", f.spec.Role, "first_party collects its own debts, third_party those of others"},
		{"zone", f.spec.Zone, "such as America/New_York"},
		{"currency", f.spec.Currency, "such as USD"},
		{"locale", f.spec.Locale, "such as en"},
		{"queues.supervisor", f.spec.Queues.Supervisor, "a queue of queues.yaml"},
		{"queues.operations", f.spec.Queues.Operations, "a queue of queues.yaml"},
	} {
		if k.value == "" && !f.doc.Has(k.path) {
			f.doc.Fault(k.path, fmt.Sprintf("%q is missing", k.path), k.hint)
		}
	}
	if len(f.spec.Address) == 0 {
		f.doc.Fault("address", `"address" is missing`, "letters and email footers show it")
	}
	if f.spec.Role != "" {
		role := choose(f.doc, "role", f.spec.Role, "first_party", "third_party")
		if role == "third_party" && f.spec.OnBehalfOf == "" {
			f.doc.Fault("on_behalf_of", `"on_behalf_of" is missing`, "a third party must say whose debt it collects")
		}
	}
}

// place checks zone, currency and language.
func (f *creditorFile) place() {
	s := f.spec
	if s.Zone != "" {
		if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" || !strings.Contains(s.Zone, "/") && s.Zone != "UTC" {
			f.doc.Fault("zone", fmt.Sprintf("unknown time zone %q", s.Zone), "use an IANA name such as America/New_York")
		}
	}
	if s.Currency != "" {
		if _, err := money.Digits(s.Currency); err != nil {
			f.doc.Fault("currency", fmt.Sprintf("unknown currency %q", s.Currency), "use the ISO 4217 code in capitals, such as USD")
		}
	}
	if s.Locale != "" {
		checkLocale(f.doc, "locale", s.Locale)
	}
}

func checkLocale(doc *yamlpos.Doc, path, locale string) {
	if _, err := language.Parse(locale); err != nil {
		doc.Fault(path, fmt.Sprintf("%q is not a language tag", locale), "such as en, de or de-AT")
	}
}

var (
	phonePattern  = regexp.MustCompile(`^\+[1-9][0-9 ().-]{5,20}$`)
	senderPattern = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11})$`)
)

func (f *creditorFile) senders() {
	s := f.spec
	for _, a := range []struct{ path, value string }{
		{"email", s.Email}, {"senders.email.from", s.Senders.Email.From}, {"senders.email.reply_to", s.Senders.Email.ReplyTo},
	} {
		if p, err := mail.ParseAddress(a.value); a.value != "" && (err != nil || p.Address != a.value) {
			f.doc.Fault(a.path, "this is not an email address", "such as accounts@example.com")
		}
	}
	if s.Senders.SMS.From != "" && !senderPattern.MatchString(s.Senders.SMS.From) {
		f.doc.Fault("senders.sms.from", "this cannot send text messages", "a number such as +12025550123, a messaging service MG…, or a name of up to 11 letters")
	}
	if s.Phone != "" && !phonePattern.MatchString(s.Phone) {
		f.doc.Fault("phone", "write the number with its country, such as +1 202 555 0123", "")
	}
	for _, u := range []struct{ path, value string }{{"website", s.Website}, {"payment_page", s.PaymentPage}} {
		if p, err := url.Parse(u.value); u.value != "" && (err != nil || p.Scheme != "https" || p.Host == "") {
			f.doc.Fault(u.path, "must be an address that begins with https://", "")
		}
	}
}

// maxPerMinute and maxBurst bound what a slip of the keyboard could mean.
const (
	maxPerMinute = 60000
	maxBurst     = 10000
)

// paces are the limits of the senders that have one.
func (f *creditorFile) paces() map[dunning.Channel]Pace {
	out := map[dunning.Channel]Pace{}
	for _, s := range []struct {
		channel dunning.Channel
		path    string
		spec    PaceSpec
	}{{dunning.Email, "senders.email", f.spec.Senders.Email.PaceSpec}, {dunning.SMS, "senders.sms", f.spec.Senders.SMS.PaceSpec}} {
		set, burst := f.doc.Has(s.path+".per_minute"), f.doc.Has(s.path+".burst")
		switch {
		case set && (s.spec.PerMinute < 1 || s.spec.PerMinute > maxPerMinute):
			f.doc.Fault(s.path+".per_minute", fmt.Sprintf("must be from 1 to %d messages a minute", maxPerMinute), "a switch stops a sender: duly switch on")
		case burst && (s.spec.Burst < 1 || s.spec.Burst > maxBurst):
			f.doc.Fault(s.path+".burst", fmt.Sprintf("must be from 1 to %d messages", maxBurst), "")
		case burst && !set:
			f.doc.Fault(s.path+".burst", "burst means nothing without per_minute", "say per_minute too")
		case set:
			out[s.channel] = Pace{Every: time.Minute / time.Duration(s.spec.PerMinute), Burst: max(s.spec.Burst, 1)}
		}
	}
	return out
}

// creditorRefs checks what the file names in others.
func (l *loader) creditorRefs(f *creditorFile) {
	s := f.spec
	queues := l.queueIDs()
	for _, q := range []struct{ path, id string }{{"queues.supervisor", s.Queues.Supervisor}, {"queues.operations", s.Queues.Operations}, {"queues.replies", s.Queues.Replies}} {
		if q.id != "" && !slices.Contains(queues, q.id) {
			f.doc.Fault(q.path, fmt.Sprintf("unknown queue %q", q.id), yamlpos.Suggest(q.id, queues))
		}
	}
	if s.Holidays != "" && l.cfg.calendars[s.Holidays] == nil {
		known := slices.Collect(keysOf(l.cfg.calendars))
		f.doc.Fault("holidays", fmt.Sprintf("unknown calendar %q", s.Holidays), yamlpos.Suggest(s.Holidays, known))
	}
}

func (l *loader) fees(f *creditorFile) *Fees {
	s := f.spec.Fees
	if s == nil {
		return nil
	}
	out := &Fees{ByStep: map[string]map[string]money.Amount{}, Claim: choose(f.doc, "fees.unpaid", s.Unpaid, "waive", "claim") == "claim"}
	steps := l.stepIDs()
	for i, r := range s.Reminders {
		at := fmt.Sprintf("fees.reminders[%d]", i)
		if !slices.Contains(steps, r.Step) {
			f.doc.Fault(at+".step", fmt.Sprintf("no sequence has a step %q", r.Step), yamlpos.Suggest(r.Step, steps))
		}
		if len(r.Amount) == 0 {
			f.doc.Fault(at+".amount", "the fee has no amount", "such as {USD: 5.00}")
		}
		out.ByStep[r.Step] = amounts(f.doc, at+".amount", r.Amount)
	}
	if i := s.Interest; i != nil {
		out.Interest = &Interest{Rate: i.Rate, Days: i.Days, FromNotice: choose(f.doc, "fees.interest.from", i.From, "due", "notice") == "notice", Cap: amounts(f.doc, "fees.interest.cap", i.Cap)}
		f.interest(i, out.Interest)
	}
	return out
}

func (f *creditorFile) interest(s *InterestSpec, out *Interest) {
	switch {
	case !f.doc.Has("fees.interest.rate"):
		f.doc.Fault("fees.interest.rate", `"rate" is missing`, "percent a year, such as 5.00")
	case strings.HasPrefix(string(s.Rate), "-"):
		f.doc.Fault("fees.interest.rate", "must not be negative", "")
	}
	switch s.Days {
	case 0:
		out.Days = 365
	case 360, 365:
	default:
		f.doc.Fault("fees.interest.days", "a year has 365 or 360 days here", "")
	}
}

func (l *loader) queueIDs() []string {
	out := make([]string, 0, len(l.cfg.queues))
	for _, q := range l.cfg.queues {
		out = append(out, q.ID)
	}
	return out
}

// stepIDs are the ids of the steps of all sequences.
func (l *loader) stepIDs() (out []string) {
	for _, f := range l.sequences {
		out = append(out, f.stepIDs()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Creditors returns all creditors, sorted by id.
func (c *Config) Creditors() []Creditor { return slices.Clone(c.creditors) }

// Creditor returns a creditor by id.
func (c *Config) Creditor(id string) (Creditor, bool) {
	i := slices.IndexFunc(c.creditors, func(x Creditor) bool { return x.ID == id })
	if i < 0 {
		return Creditor{}, false
	}
	return c.creditors[i], true
}
