package importer

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Debtor is what a row says of a person or business. It holds personal data:
// it goes to the store and nowhere else.
type Debtor struct {
	Key     string   // the creditor's key
	Name    string   // "" when the file has none
	Kind    string   // consumer, business
	Locale  string   // BCP 47
	Country string   // ISO 3166-1 alpha-2
	Address []string // lines of a letter, without the name
	Points  []Point  // in order: email, phone, letter
	Zones   []string // candidate zones, IANA
	Places  []string // candidate jurisdictions
	Tags    []string
	// Evidence says for each zone and place what points there.
	Evidence map[string]string
}

// phone is the debtor's number in E.164, "" when there is none.
func (d Debtor) phone() string {
	for _, p := range d.Points {
		if p.Channel == dunning.Call {
			return p.Value
		}
	}
	return ""
}

// Point is a contact point with its value.
type Point struct {
	ID      string // opaque, the same for the same debtor, channel and value
	Channel dunning.Channel
	Kind    string // mobile, landline, ""
	Value   string // address, E.164 number, lines joined by \n
	Zones   []string
	Places  []string
}

// Record is a row understood.
type Record struct {
	Row      int
	Line     int
	Debtor   Debtor
	Key      string // of the account, as the file has it
	Account  string // id of the account, see AccountID
	Currency string

	Item      dunning.Item // of an items file; Key "" otherwise
	Credit    bool         // a negative item taken as credit
	Disputed  time.Time    // when a dispute was raised, zero = none
	Decided   time.Time    // when it was decided
	Corrected time.Time    // when the amount became Amended
	Amended   money.Amount

	Paid      time.Time // when money arrived, zero = none
	PaidSum   money.Amount
	For       string // item that a payment names
	Reference string
	Reverses  string // payment that this row takes back

	Said []Said // of a file of contact data
}

// Said is one thing that a row of contact data says.
type Said struct {
	At     time.Time // zero: the instant of the import
	Debtor bool      // it concerns the debtor, whatever the account
	Source string    // "" follows from what is said
	Body   dunning.Body
}

// reading is one row on its way to a record; it collects what is wrong.
type reading struct {
	p        *plan
	row      row
	cells    []string
	problems []Problem // the row is refused
	warnings []Problem // the row is taken without this
	rec      Record
}

// fields are looked up by position, the order of mapping.FieldNames.
var position = func() map[mapping.Field]int {
	out := map[mapping.Field]int{}
	for i, f := range mapping.FieldNames() {
		out[f] = i
	}
	return out
}()

func (r *reading) problem(f mapping.Field, format string, args ...any) {
	r.problems = append(r.problems, r.named(f, format, args...))
}

func (r *reading) warn(f mapping.Field, format string, args ...any) {
	r.warnings = append(r.warnings, r.named(f, format, args...))
}

func (r *reading) named(f mapping.Field, format string, args ...any) Problem {
	p := Problem{Row: r.row.number, Line: r.row.line, Field: string(f), Message: fmt.Sprintf(format, args...)}
	if i, ok := position[f]; ok && r.p.sources[i].column >= 0 {
		p.Column = r.p.header.names[r.p.sources[i].column]
	}
	return p
}

// text is the cleaned value of a field: column, else constant, else template.
func (r *reading) text(f mapping.Field) string {
	s := r.p.sources[position[f]]
	if s.column >= 0 {
		if v := r.p.clean(s, r.cells[s.column]); v != "" {
			return v
		}
	}
	if s.constant != "" || s.template == nil {
		return s.constant
	}
	return s.template.Execute(r.plainText)
}

// plainText is text without templates, which keeps templates from calling themselves.
func (r *reading) plainText(f mapping.Field) string {
	s := r.p.sources[position[f]]
	if s.column >= 0 {
		if v := r.p.clean(s, r.cells[s.column]); v != "" {
			return v
		}
	}
	return s.constant
}

// need is text that must be there.
func (r *reading) need(f mapping.Field) string {
	v := r.text(f)
	if v == "" {
		r.problem(f, "the %s is empty; every row needs one", f)
	}
	return v
}

// key is a required identifier of bounded length without control characters.
func (r *reading) key(f mapping.Field, needed bool) string {
	v := r.text(f)
	switch {
	case v == "" && needed:
		r.problem(f, "the %s is empty; every row needs one", f)
	case len(v) > 200:
		r.problem(f, "the %s is longer than 200 characters; is this the right column?", f)
	case strings.ContainsFunc(v, func(c rune) bool { return c < ' ' }):
		r.problem(f, "the %s holds a line break or tab; a key is one word or line", f)
	case r.p.kind == mapping.Payments && f != "reference": // names what is stored, perhaps since before the check below
	case strings.ContainsFunc(v, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }):
		r.problem(f, "the %s holds a character that nobody sees (such as a zero-width space); two keys that look alike would be two accounts or items: write it again", f)
	}
	return v
}

// parseDate tries the patterns in order.
func (p *plan) parseDate(text string) (time.Time, bool) {
	for _, pattern := range p.patterns {
		if t, ok := pattern.Parse(text); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

func (p *plan) dateHelp(text string) string {
	known := make([]string, len(p.patterns))
	for i, pattern := range p.patterns {
		known[i] = pattern.String()
	}
	return fmt.Sprintf("%s is no date written %s; correct it, or add its pattern to file.dates of the mapping", quote(text), strings.Join(known, " or "))
}

// date is zero when the field is empty.
func (r *reading) date(f mapping.Field, needed bool) time.Time {
	text := r.text(f)
	if text == "" {
		if needed {
			r.problem(f, "the %s date is empty; every row needs one", f)
		}
		return time.Time{}
	}
	t, ok := r.p.parseDate(text)
	if !ok {
		r.problem(f, "%s", r.p.dateHelp(text))
	}
	return t
}

// amount reads a column or the sum of several; ok is false when nothing is written.
func (r *reading) amount(f mapping.Field, currency string) (sum money.Amount, ok bool) {
	texts := []string{}
	if columns, summed := r.p.sums[f]; summed {
		for _, c := range columns {
			texts = append(texts, r.p.clean(r.p.sources[position[f]], r.cells[c]))
		}
	} else {
		texts = append(texts, r.text(f))
	}
	for _, text := range texts {
		if text == "" {
			continue
		}
		a, fault := r.p.numbers.amount(text, currency)
		if fault != "" {
			r.problem(f, "%s", fault)
			return sum, true
		}
		if sum, ok = add(sum, a), true; sum.Minor() > money.MaxMinor || sum.Minor() < -money.MaxMinor {
			r.problem(f, "the sum of the columns is too large")
			return sum, true
		}
	}
	return sum, ok
}

// add is for amounts of one currency, which cannot fail but by size; that is
// checked by the caller through Minor.
func add(a, b money.Amount) money.Amount {
	if a.Currency() == "" {
		return b
	}
	return a.Of(a.Minor() + b.Minor())
}

func (r *reading) currency() string {
	c := strings.ToUpper(r.need("currency"))
	if c == "" {
		return ""
	}
	if _, err := money.Digits(c); err != nil {
		r.problem("currency", "%s is no ISO 4217 currency, such as USD", quote(c))
		return ""
	}
	return c
}

// read understands the row.
func (r *reading) read() {
	r.rec.Row, r.rec.Line = r.row.number, r.row.line
	key := r.key("account", true)
	if r.p.kind.OfContacts() && r.text("currency") == "" {
		r.rec.Currency = r.p.creditor.Currency
	} else {
		r.rec.Currency = r.currency()
	}
	r.rec.Key = key
	r.rec.Account = AccountID(key, r.rec.Currency, r.p.creditor.Currency)
	r.debtor(key)
	if r.rec.Currency == "" {
		return // amounts cannot be read without it, and one problem is enough
	}
	switch r.p.kind {
	case mapping.Items:
		r.item()
	case mapping.Payments:
		r.payment()
	default:
		r.contactData()
	}
}

// AccountID names an account: by its key when it is in the creditor's own
// currency, else by key/CUR, so that two currencies of one customer are two
// accounts. Where the creditor's currency is not known, "", by the key alone.
func AccountID(key, currency, home string) string {
	if home == "" || currency == home {
		return key
	}
	return key + "/" + currency
}

func (r *reading) item() {
	rec := &r.rec
	it := dunning.Item{Key: r.key("item", true), Number: r.key("number", false), Class: r.text("class")}
	issued := r.date("issued", true)
	it.Issued, it.Due = dunning.DateOf(issued), r.due()
	if issued.IsZero() {
		it.Issued = dunning.Date{}
	}
	amount, ok := r.amount("amount", rec.Currency)
	if !ok {
		r.problem("amount", "the amount is empty; every row needs one")
	}
	it.Amount = amount
	rec.Item = it
	r.sign()
	r.corrected()
	r.paid()
	r.dispute()
}

// sign judges an item that is no debt.
func (r *reading) sign() {
	a := r.rec.Item.Amount
	switch {
	case a.Currency() == "" || a.Minor() > 0:
	case a.Minor() == 0:
		r.problem("amount", "an item of 0 is nothing to collect; leave such rows out, or let a where of the mapping do so")
	case r.p.m.Negative == mapping.Credit:
		r.rec.Credit = true
	default:
		r.problem("amount", "the amount is negative: a credit note? Set negative: credit in the mapping to take such rows as money of the account that no invoice has used")
	}
}

// due is the due date, read or derived.
func (r *reading) due() dunning.Date {
	if len(r.p.dueFrom) == 0 {
		t := r.date("due", true)
		if t.IsZero() {
			return dunning.Date{}
		}
		return dunning.DateOf(t)
	}
	for _, c := range r.p.dueFrom {
		text := r.p.clean(source{}, r.cells[c])
		if text == "" {
			continue
		}
		t, ok := r.p.parseDate(text)
		if !ok {
			r.problem("due", "column %s: %s", quote(r.p.header.names[c]), r.p.dateHelp(text))
			return dunning.Date{}
		}
		return dunning.DateOf(t.AddDate(0, 0, r.p.m.Due.Days))
	}
	r.problem("due", "no column of due.first_of has a date; one of them must")
	return dunning.Date{}
}

func (r *reading) corrected() {
	on := r.date("corrected_on", false)
	amount, ok := r.amount("corrected_amount", r.rec.Currency)
	switch {
	case on.IsZero() && !ok, r.rec.Credit:
		return
	case on.IsZero():
		// A sum may count a column that is filled for other reasons: without a date nothing was corrected.
		if _, summed := r.p.sums["corrected_amount"]; !summed {
			r.problem("corrected_on", "there is a corrected amount and no date; add the date from which it holds")
		}
	case !ok || amount.Minor() <= 0:
		r.problem("corrected_amount", "there is a date of correction and no amount above 0; add the whole amount from then on")
	default:
		r.rec.Corrected, r.rec.Amended = r.p.at(on, 0), amount
	}
}

// paid reads the payment that an items file carries.
func (r *reading) paid() {
	on := r.date("paid", false)
	amount, ok := r.amount("paid_amount", r.rec.Currency)
	if on.IsZero() {
		if ok && amount.Minor() != 0 {
			r.problem("paid", "there is a paid amount and no date of payment; add the date")
		}
		return
	}
	if r.rec.Credit {
		return // a credit note that was set off is no money that arrived
	}
	if !ok {
		amount = r.rec.Item.Amount
	}
	switch {
	case amount.Minor() < 0:
		r.problem("paid_amount", "the paid amount is negative; a payment that was taken back belongs into a payments file with the field reverses")
	case amount.Minor() == 0 && ok:
		r.warn("paid_amount", "the paid amount is 0; no payment was recorded")
	default:
		r.rec.Paid, r.rec.PaidSum = r.posted(on), amount
	}
}

// posted is when money that is dated counts: at the time written, else at post_at.
func (r *reading) posted(t time.Time) time.Time {
	clock := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	if clock == 0 {
		return r.p.at(t, r.p.postAt)
	}
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, r.p.creditor.Zone).UTC()
}

// dispute reads when the item was disputed. A dispute needs an open item: one
// that would begin at or after the payment of the whole is left out.
func (r *reading) dispute() {
	d := r.p.m.Disputes
	if d == nil || r.rec.Credit {
		return
	}
	at := time.Time{}
	if on := r.date("disputed_on", false); !on.IsZero() {
		at = r.p.at(on, r.p.disputeAt)
	} else if flag := r.text("disputed"); flag != "" && containsFold(d.When, flag) {
		at = r.raised(d)
	}
	ended := r.date("dispute_ended", false)
	if at.IsZero() || r.settledBy(at) {
		return
	}
	r.rec.Disputed = at
	if !ended.IsZero() {
		r.rec.Decided = r.p.at(ended, r.p.disputeAt)
	}
}

func (r *reading) raised(d *mapping.Disputes) time.Time {
	from := r.rec.Item.Due
	if d.Raised == "issued" {
		from = r.rec.Item.Issued
	}
	if from.IsZero() {
		return time.Time{}
	}
	day := time.Date(from.Year, from.Month, from.Day+d.Days, 0, 0, 0, 0, time.UTC)
	return r.p.at(day, r.p.disputeAt)
}

// settledBy reports whether the whole item is paid at an instant.
func (r *reading) settledBy(at time.Time) bool {
	return r.settles() && !r.rec.Paid.After(at)
}

// settles reports whether the row's own payment pays the whole item.
func (r *reading) settles() bool { return r.rec.settles() }

func (rec Record) settles() bool {
	owed := rec.Item.Amount
	if !rec.Corrected.IsZero() {
		owed = rec.Amended
	}
	return !rec.Paid.IsZero() && rec.PaidSum.Minor() >= owed.Minor()
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, s) })
}

func (r *reading) payment() {
	rec := &r.rec
	on := r.date("paid", true)
	if !on.IsZero() {
		rec.Paid = r.posted(on)
	}
	rec.Reference, rec.Reverses, rec.For = r.key("reference", false), r.key("reverses", false), r.key("item", false)
	amount, ok := r.amount("amount", rec.Currency)
	switch {
	case !ok:
		r.problem("amount", "the amount is empty; every row needs one")
	case rec.Reverses != "":
	case amount.Minor() < 0:
		r.problem("amount", "the amount is negative; if it takes a payment back, name that payment in the field reverses")
	case amount.Minor() == 0:
		r.problem("amount", "a payment of 0 is none; leave the row out")
	}
	rec.PaidSum = amount
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

func (r *reading) debtor(account string) {
	d := &r.rec.Debtor
	if d.Key = r.key("debtor", false); d.Key == "" {
		d.Key = account
	}
	d.Name, d.Locale = r.text("name"), r.text("locale")
	d.Kind = strings.ToLower(r.text("debtor_kind"))
	if d.Kind != "" && d.Kind != "consumer" && d.Kind != "business" {
		r.problem("debtor_kind", "%s is neither consumer nor business; translate it under values.debtor_kind of the mapping", quote(d.Kind))
	}
	if d.Country = strings.ToUpper(r.text("country")); d.Country != "" && !countryCode.MatchString(d.Country) {
		r.warn("country", "%s is no ISO 3166-1 alpha-2 code and was left out; translate it under values.country of the mapping", quote(d.Country))
		d.Country = ""
	}
	d.Tags = strings.FieldsFunc(r.text("tags"), func(c rune) bool { return c == ',' || c == ' ' })
	if len(d.Name) > 300 || len(d.Locale) > 35 {
		r.problem("name", "the name or locale is too long; is this the right column?")
	}
	r.points()
	r.place()
}

// place finds the debtor's candidate zones from all evidence: a zone that is
// stated replaces it.
func (r *reading) place() {
	d := &r.rec.Debtor
	state, zip := r.text("state"), r.text("zip")
	if r.p.locate != nil {
		at := r.p.locate(d.Country, state, zip, d.phone())
		d.Zones, d.Places, d.Evidence = at.Zones, at.Places, at.Evidence
	}
	zone := r.text("zone")
	if zone == "" {
		return
	}
	if !knownZone(zone) {
		r.problem("zone", "%s is no IANA time zone, such as America/New_York", quote(zone))
		return
	}
	d.Zones = []string{zone}
	stated := map[string]string{zone: "stated"}
	for _, p := range d.Places {
		stated[p] = d.Evidence[p]
	}
	d.Evidence = stated
}

func (r *reading) points() {
	d := &r.rec.Debtor
	if e := r.text("email"); e != "" {
		if a, err := mail.ParseAddress(e); err != nil || a.Address != e || len(e) > 254 {
			r.warn("email", "the address is not valid and was left out; the row was taken without it")
		} else {
			r.point(Point{Channel: dunning.Email, Value: e})
		}
	}
	if n := r.text("phone"); n != "" {
		r.phone(n)
	}
	if d.Address = r.lines(); len(d.Address) > 0 {
		r.point(Point{Channel: dunning.Letter, Kind: "residence", Value: strings.Join(d.Address, "\n")})
	}
}

func (r *reading) point(p Point) {
	p.ID = PointID(r.p.creditor.ID, r.rec.Debtor.Key, string(p.Channel), p.Value)
	r.rec.Debtor.Points = append(r.rec.Debtor.Points, p)
}

// phone accepts international numbers, and national ones of the debtor's country.
func (r *reading) phone(raw string) {
	n, err := phonenumbers.Parse(raw, r.rec.Debtor.Country)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		r.warn("phone", "the number is not valid and was left out; write it as +1…, or fill the field country")
		return
	}
	p := Point{Channel: dunning.SMS, Value: phonenumbers.Format(n, phonenumbers.E164)}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.MOBILE:
		p.Kind = "mobile"
	case phonenumbers.FIXED_LINE:
		p.Kind = "landline"
	}
	if r.p.locate != nil {
		at := r.p.locate("", "", "", p.Value)
		p.Zones, p.Places = at.Zones, at.Places
	}
	call := p
	call.Channel = dunning.Call
	if p.Kind != "landline" {
		r.point(p)
	}
	r.point(call)
}

// lines is the address as a letter shows it; no street, no address.
func (r *reading) lines() []string {
	var out []string
	for part := range strings.SplitSeq(strings.ReplaceAll(r.text("address"), "\n", "|"), "|") {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			out = append(out, part)
		}
	}
	if len(out) == 0 {
		return nil
	}
	d := r.rec.Debtor
	town := strings.Join(strings.Fields(r.text("city")+" "+r.text("state")+" "+r.text("zip")), " ")
	if d.Country != "US" && d.Country != "CA" && d.Country != "AU" && d.Country != "" {
		town = strings.Join(strings.Fields(r.text("zip")+" "+r.text("city")), " ")
	}
	if town != "" {
		out = append(out, town)
	}
	return out
}
