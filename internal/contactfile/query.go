package contactfile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// Query turns a case into the engine's question: every convention of the
// format about what is not mentioned becomes an explicit fact. It fails where
// the format says that an unknown word means refusal.
func (c *Case) Query(ambiguity string) (contact.Query, error) {
	f, u := &c.Facts, &c.Question
	if u.At.IsZero() {
		return contact.Query{}, fmt.Errorf("question.at is missing")
	}
	if c.country() == "" {
		return contact.Query{}, fmt.Errorf("jurisdiction is missing: nobody knows which law to ask; write a country (US) or a country and a state (US-NY)")
	}
	q := contact.Query{
		At: u.At, Channel: u.Channel, Purpose: u.Purpose, Automated: u.Automated,
		Role: f.Collector.Role, CollectorID: f.Collector.ID,
		Debtor: f.Consumer.ID, Person: u.ToPerson, Relation: c.relation(u.ToPerson),
		Ambiguity: ambiguity,
	}
	if f.Collector.Role == contact.FirstParty && f.Collector.UsesOtherName {
		q.Role = contact.ThirdParty // 15 USC 1692a(6)
	}
	steps := []func(*contact.Query) error{c.zones, c.debts, c.preferences, c.notices, c.flags}
	for _, step := range steps {
		if err := step(&q); err != nil {
			return contact.Query{}, err
		}
	}
	q.Places = c.places()
	q.Point = c.point()
	if err := c.history(&q); err != nil {
		return contact.Query{}, err
	}
	for _, n := range f.NumberChecks {
		q.Checks = append(q.Checks, contact.NumberCheck{PointID: n.AddressID, At: n.At, Reassigned: n.Reassigned})
	}
	q.Content = u.Content.facts()
	if u.Channel == "charge" {
		q.Charge = u.Content.charge()
	}
	return q, nil
}

// relation of a person of the file to the consumer.
func (c *Case) relation(person string) string {
	if person == c.Facts.Consumer.ID {
		return "debtor"
	}
	if person == "" {
		return "unknown"
	}
	return person
}

// owner of a number or address: the addressee unless the file says otherwise.
func (c *Case) owner(person string) string {
	if person == "" {
		return ""
	}
	return c.relation(person)
}

// zones are the known location alone, else those of the addresses and of the
// consumer's own phones.
func (c *Case) zones(q *contact.Query) error {
	add := func(name, evidence string) error {
		if name == "" || slices.ContainsFunc(q.Zones, func(z contact.Zone) bool { return z.Name == name }) {
			return nil
		}
		loc, err := zone(name)
		if err != nil {
			return err
		}
		q.Zones = append(q.Zones, contact.Zone{Location: loc, Name: name, Evidence: evidence})
		return nil
	}
	u := c.Facts.Consumer
	if u.KnownZone != "" {
		return add(u.KnownZone, "known location")
	}
	for _, a := range u.Addresses {
		if err := add(a.TZ, "address "+a.ID); err != nil {
			return err
		}
	}
	for _, p := range u.Phones {
		if p.Person != u.ID && p.Person != "" {
			continue
		}
		if err := add(p.TZ, "phone "+p.ID); err != nil {
			return err
		}
	}
	return nil
}

func zone(name string) (*time.Location, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("time zone %q is not known; write an IANA name such as America/New_York", name)
	}
	return loc, nil
}

// country of every address of the case; "" when the case names none.
func (c *Case) country() string {
	country, _, _ := strings.Cut(strings.TrimSpace(c.Jurisdiction), "-")
	return strings.ToUpper(country)
}

// places: the country of every address is the first part of the case's
// jurisdiction; state law follows from the addresses.
func (c *Case) places() []contact.Place {
	country := c.country()
	if len(c.Facts.Consumer.Addresses) == 0 {
		return []contact.Place{{Jurisdiction: country, Evidence: "case"}}
	}
	var out []contact.Place
	for _, a := range c.Facts.Consumer.Addresses {
		out = append(out, contact.Place{Jurisdiction: jurisdiction(country, a), Evidence: "address " + a.ID})
	}
	return out
}

func jurisdiction(country string, a address) string {
	a.State = strings.ToUpper(strings.TrimSpace(a.State))
	switch {
	case country == "GB" && a.State != "SCT" && a.State != "NIR":
		return "GB-EAW" // the stricter, wherever the file does not say otherwise
	case country == "US" && a.State == "NY" && newYorkCity(a.ZIP):
		return "US-NY-NYC"
	case a.State == "":
		return country
	}
	return country + "-" + a.State
}

func newYorkCity(zip string) bool {
	if len(zip) < 3 {
		return false
	}
	p := zip[:3]
	return p >= "100" && p <= "104" || p >= "110" && p <= "116"
}

func (c *Case) debts(q *contact.Query) error {
	for _, id := range c.Question.Debts {
		d := contact.Debt{ID: id}
		for _, x := range c.Facts.Debts {
			if x.ID != id {
				continue
			}
			due, err := date("due", x.Due)
			if err != nil {
				return err
			}
			received, err := date("invoice_received", x.InvoiceReceived)
			if err != nil {
				return err
			}
			d = contact.Debt{
				ID: id, Class: x.Class, Kind: x.Kind, Same: c.same(x), ChargedOff: x.ChargedOff, TimeBarred: x.TimeBarred,
				Due: due, Received: received, TermsGiven: x.ThirtyDayNotice, Amount: x.Amount, Currency: x.Currency,
			}
		}
		q.Debts = append(q.Debts, d)
	}
	return nil
}

// same lists the student loans under one servicing account: one debt.
func (c *Case) same(d debt) []string {
	if d.Kind != "student_loan" || d.ServicingAccount == "" {
		return nil
	}
	var ids []string
	for _, x := range c.Facts.Debts {
		if x.Kind == d.Kind && x.ServicingAccount == d.ServicingAccount && x.ID != d.ID {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

func date(field, s string) (contact.Date, error) {
	if s == "" {
		return 0, nil
	}
	d, err := contact.ParseDate(s)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, err)
	}
	return d, nil
}

// point is the number or address asked about. One the file does not list is
// usable and belongs to the addressee.
func (c *Case) point() contact.Point {
	id, u := c.Question.AddressID, c.Facts.Consumer
	for _, p := range u.Phones {
		if p.ID == id {
			return contact.Point{ID: id, Kind: p.Kind, Place: p.place(), Shared: p.Shared, Owner: c.owner(p.Person), Usable: true}
		}
	}
	for _, e := range u.Emails {
		if e.ID == id {
			kind := "personal"
			if e.Kind == "employer" && e.EmployerKnown {
				kind = "employer"
			}
			return contact.Point{ID: id, Kind: kind, Owner: c.owner(e.Person), Usable: true}
		}
	}
	for _, a := range u.Addresses {
		if a.ID == id {
			return contact.Point{ID: id, Kind: "postal", Place: a.ID, Usable: true}
		}
	}
	return contact.Point{ID: id, Usable: true}
}

func (p phone) place() string {
	switch {
	case p.Place != nil:
		return *p.Place
	case p.Kind == "landline":
		return "home"
	case p.Kind == "work":
		return "work"
	}
	return ""
}

// noDebt is the id of no debt.
const noDebt = "(none)"

func (c *Case) history(q *contact.Query) error {
	kinds := map[string]string{}
	for _, p := range c.Facts.Consumer.Phones {
		kinds[p.ID] = p.Kind
	}
	for i, e := range c.Facts.History {
		if e.At.IsZero() {
			return fmt.Errorf("history[%d].at is missing: a contact without an instant cannot be counted", i)
		}
		if e.Debts != nil && len(e.Debts) == 0 {
			e.Debts = []string{noDebt} // listed as none: nothing was discussed; not listed: anything may have been
		}
		q.Ledger = append(q.Ledger, contact.Contact{
			ID: e.ID, At: e.At, Direction: e.Direction, Channel: c.used(e), Outcome: e.Outcome,
			Person: e.Person, Relation: c.owner(e.Person), PointID: e.AddressID, PointKind: kinds[e.AddressID],
			Debts: e.Debts, Purpose: e.Purpose, CollectorID: e.CollectorID,
		})
	}
	return nil
}

// used is the channel of a past contact. What is not known counts: a talk was a
// call, and anything else that went out was on the channel now asked about.
// What came in on an unknown channel is no reason for an answer.
func (c *Case) used(e event) string {
	switch e.Channel {
	case "call", "prerecorded_call", "sms", "email", "letter", "postcard", "visit", "social_public", "web_portal":
		return e.Channel
	}
	switch {
	case e.Outcome == "conversation":
		return "call"
	case e.Direction != contact.Inbound:
		return c.Question.Channel
	}
	return e.Channel
}

func (c *Case) notices(q *contact.Query) error {
	for i, n := range c.Facts.Notices {
		x := contact.Notice{
			ID: fmt.Sprintf("%s-%d", n.Kind, i+1), Kind: n.Kind, Channel: n.Channel, Method: n.Method, Debts: n.Debts,
			Duplicative: n.Duplicative, Undeliverable: n.Undeliverable, OptedOut: n.OptedOut,
			Written: n.Written != nil && *n.Written || n.Written == nil && (n.Medium == "letter" || n.Medium == "email"),
		}
		at := n.effective()
		if at == nil {
			continue // never sent or received: not a fact
		}
		x.At = *at
		if err := n.dates(q, &x); err != nil {
			return err
		}
		q.Notices = append(q.Notices, x)
	}
	return nil
}

// effective is when a notice took effect: on receipt for what the debtor
// wrote, on sending for what was sent to the debtor.
func (n notice) effective() *time.Time {
	switch n.Kind {
	case "cease_communication", "refuses_to_pay":
		if n.ReceivedAt == nil && n.SentAt == nil {
			return &time.Time{} // on file without a date: known all along
		}
		return n.ReceivedAt
	case "dispute", "original_creditor_request":
		return n.ReceivedAt
	}
	if n.SentAt != nil {
		return n.SentAt
	}
	return n.At
}

func (n notice) dates(q *contact.Query, x *contact.Notice) error {
	ends, err := date("validation_period_ends", n.PeriodEnds)
	if err != nil {
		return err
	}
	assumed, err := date("assumed_received", n.Assumed)
	if err != nil {
		return err
	}
	if ends == 0 && assumed != 0 {
		ends = assumed + 30 // 12 CFR 1006.34(b)(5)
	}
	x.PeriodEnds = ends
	if n.Deadline != nil {
		x.Deadline = localDate(*n.Deadline, q)
	}
	return nil
}

// localDate is the date of an instant in the consumer's first zone.
func localDate(t time.Time, q *contact.Query) contact.Date {
	y, m, d := t.In(location(*q)).Date()
	return contact.DateOf(y, m, d)
}

func (c *Case) flags(q *contact.Query) error {
	f := c.Facts.Consumer.Flags
	if a := f.Attorney; a != nil && a.Known {
		q.Flags = append(q.Flags, contact.Flag{
			ID: "attorney", Kind: contact.FlagAttorney, Debts: a.Debts, ContactKnown: a.ContactKnown == nil || *a.ContactKnown,
			Since: or(a.Since), WrittenTo: or(a.LastWrittenTo), Responded: a.Responded, DirectConsent: a.Direct,
		})
	}
	if f.EmployerProhibits {
		q.Flags = append(q.Flags, contact.Flag{ID: "employer", Kind: contact.FlagEmployerProhibits})
	}
	if b := f.Bankruptcy; b != nil {
		q.Flags = append(q.Flags, contact.Flag{ID: "bankruptcy", Kind: contact.FlagBankruptcy, Status: stage(b.Status), Since: or(b.Petition)})
	}
	if d := f.Deceased; d != nil {
		q.Flags = append(q.Flags, contact.Flag{ID: "deceased", Kind: contact.FlagDeceased, Since: or(d.At)})
	}
	return c.breathingSpace(q)
}

// stage of a bankruptcy; one that is not known to have ended is open.
func stage(s string) string {
	switch s {
	case "discharged", "dismissed", "closed":
		return s
	}
	return "open"
}

// moratorium is the kind of breathing space; one that is not known is a standard one.
func moratorium(s string) string {
	if s == "mental_health_crisis" {
		return s
	}
	return "standard"
}

func or(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// breathingSpace: the start date is day one; a crisis lasts through the last
// day after the treatment, and while it is not known to have ended.
func (c *Case) breathingSpace(q *contact.Query) error {
	b := c.Facts.Consumer.Flags.BreathingSpace
	if b == nil {
		return nil
	}
	flag := contact.Flag{ID: "breathing_space", Kind: contact.FlagBreathingSpace, Status: moratorium(b.Type)}
	start, err := date("breathing_space.start", b.Start)
	if err != nil {
		return err
	}
	ended, err := date("breathing_space.treatment_ended", b.TreatmentEnded)
	if err != nil {
		return err
	}
	if start != 0 {
		flag.Since = midnight(start, q)
		if b.Days > 0 {
			flag.Until = midnight(start+contact.Date(b.Days), q)
		}
	}
	if ended != 0 {
		flag.Until = midnight(ended+contact.Date(b.PlusDays)+1, q)
	}
	q.Flags = append(q.Flags, flag)
	return nil
}

// midnight is the start of a date in the consumer's first zone.
func midnight(d contact.Date, q *contact.Query) time.Time {
	t := time.Unix(int64(d)*86400, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, location(*q))
}
