package dunning

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
)

// person is the id under which the debtor appears in contact queries.
const person = "debtor"

// gate asks the contact policies whether a channel may be used at an instant.
// The question and its answer become part of the decision, if there is one.
func (f *Facts) gate(at time.Time, d *Decision, s *Step, c Channeled) contact.Verdict {
	q := f.Query(at, c.Channel, f.purpose(s.ID, c), true)
	if d == nil || !f.Record {
		return f.Policies.Check(q)
	}
	asked := f.checked(q)
	d.Checks = append(d.Checks, asked)
	return asked.Verdict
}

// Ask is a contact that somebody wants to make.
type Ask struct {
	Channel   Channel
	Purpose   string
	Automated bool
	Point     string           // id; "" = the preferred usable one of the debtor
	Person    string           // id of who is to be reached; "" = the debtor
	Debts     []string         // accounts that it is about; none = this one
	Content   *contact.Content // nil: judged elsewhere
	Ignore    string           // id of a contact that must not stand in its own way
}

// Query is what the contact policies are asked about a contact of this account
// at an instant. Collectors' own calls and messages are asked with automated false.
func (f *Facts) Query(at time.Time, ch Channel, purpose string, automated bool) contact.Query {
	return f.Asked(at, Ask{Channel: ch, Purpose: purpose, Automated: automated})
}

// AskedAgain is what the contact policies were asked when a contact was decided on, at another
// instant: about the point that it goes to, and by whose hand. What a person ordered is asked as
// a person's message, all else as automatic.
func (f *Facts) AskedAgain(at time.Time, c ContactPlanned) contact.Query {
	return f.Asked(at, Ask{Channel: c.Channel, Purpose: c.Purpose, Automated: c.Step != StepAsked, Point: c.Point})
}

// Asked is Query for any contact.
func (f *Facts) Asked(at time.Time, a Ask) contact.Query {
	q := contact.Query{
		At: at, Channel: string(a.Channel), Purpose: a.Purpose, Automated: a.Automated, Content: a.Content, Ignore: a.Ignore,
		Role: f.role(), DebtorKind: f.Known.DebtorKind, CollectorID: f.Creditor.ID,
		Debtor: person, Person: person, Relation: f.relation(a.Person), Ambiguity: f.Creditor.Ambiguity, Data: f.Setup.Versions.Prefixes,
	}
	if a.Person != "" {
		q.Person = a.Person
	}
	q.Debts = f.queryDebts(at, a.Debts)
	q.Point = f.queryPoint(a)
	f.queryPlaces(&q)
	q.Ledger = f.ledger
	f.queryWishes(&q)
	f.queryNotices(&q)
	f.queryStatuses(&q)
	f.queryHolds(&q)
	return q
}

// role in which this account is collected.
func (f *Facts) role() string {
	if d := f.debtState(f.Account); d != nil && d.Role != "" {
		return d.Role
	}
	return f.Creditor.Role
}

func (f *Facts) queryDebts(at time.Time, accounts []string) []contact.Debt {
	if len(accounts) == 0 {
		accounts = []string{f.Account}
	}
	out := make([]contact.Debt, len(accounts))
	for i, id := range accounts {
		out[i] = f.queryDebt(at, id)
	}
	return out
}

func (f *Facts) queryDebt(at time.Time, account string) contact.Debt {
	d := contact.Debt{ID: account, Currency: f.Currency}
	if account == f.Account {
		d.Class = f.debtClass()
		if len(f.Items) > 0 {
			d.Due = contactDate(f.Items[0].Due)
		}
	}
	k := f.debtState(account)
	if k == nil {
		return d
	}
	if k.Class != "" {
		d.Class = k.Class
	}
	d.Kind, d.TimeBarred, d.TermsGiven = k.DebtKind, k.TimeBarred, k.TermsGiven
	d.Received, d.ChargedOff = contactDate(k.Received), !k.ChargedOff.IsZero() && !f.dayBegun(k.ChargedOff).After(at)
	for i := range f.Debts {
		if o := &f.Debts[i]; k.Servicing != "" && o.Servicing == k.Servicing && o.Account != account {
			d.Same = append(d.Same, o.Account)
		}
	}
	return d
}

func (f *Facts) debtClass() string {
	for i := range f.Items {
		if c := f.Items[i].Class; c != "" {
			return c
		}
	}
	return ""
}

// point is the id of the preferred usable contact point of a channel.
func (f *Facts) point(ch Channel) string {
	for i := range f.Points {
		if p := &f.Points[i]; p.Channel == ch && p.usable() {
			return p.ID
		}
	}
	return ""
}

func (f *Facts) queryPoint(a Ask) contact.Point {
	id, reason := a.Point, "missing"
	if id == "" {
		id = f.point(a.Channel)
	}
	for i := range f.Points {
		p := &f.Points[i]
		if p.ID == id && id != "" {
			return f.pointOf(p)
		}
		if p.Channel == a.Channel && p.Dead != "" && p.own() {
			reason = p.Dead
		}
	}
	return contact.Point{Reason: reason}
}

// pointOf is a point as policies see it. An email address that the employer is
// known to provide is the employer's whatever else it is.
func (f *Facts) pointOf(p *PointState) contact.Point {
	q := contact.Point{
		ID: p.ID, Kind: p.PointKind, Source: p.Source, Shared: p.Shared, Place: p.Place,
		Usable: p.Dead == "", Reason: p.Dead,
	}
	if !p.own() {
		q.Owner = f.relation(p.Owner)
	}
	if p.Employer && p.Channel == Email {
		q.Kind = "employer"
	}
	switch {
	case q.Place != "":
	case q.Kind == "work" || q.Kind == "employer" && p.Channel != Email:
		q.Place = "work"
	case q.Kind == "landline" || p.Channel == Letter:
		q.Place = "home"
	}
	return q
}

func (f *Facts) queryPlaces(q *contact.Query) {
	if f.ZoneKnown {
		q.Zones = make([]contact.Zone, len(f.Zones))
		for i, z := range f.Zones {
			q.Zones[i] = contact.Zone{Location: z, Name: z.String(), Evidence: f.evidence(z.String())}
		}
	}
	add := func(place, evidence string) {
		if place != "" && !slices.ContainsFunc(q.Places, func(p contact.Place) bool { return p.Jurisdiction == place }) {
			q.Places = append(q.Places, contact.Place{Jurisdiction: place, Evidence: evidence})
		}
	}
	add(f.Location.Place, knownLocation)
	for _, p := range f.Known.Places {
		add(p, f.evidence(p))
	}
	if len(q.Places) == 0 {
		for i := range f.Points {
			for _, p := range f.Points[i].Places {
				if f.Points[i].usable() {
					add(p, "point "+f.Points[i].ID)
				}
			}
		}
	}
	if len(q.Places) == 0 {
		add(f.Known.Country, "country")
	}
}

// knownLocation is evidence of where the debtor really is.
const knownLocation = "known location"

// evidence says what points to a zone or place.
func (f *Facts) evidence(name string) string {
	if name == f.Location.Zone {
		return knownLocation
	}
	return f.Known.Evidence[name]
}

// countContacts prepares the ledger that contact policies count in. It is done
// once per fold: a decision asks several times.
func (f *Facts) countContacts() {
	f.ledger = make([]contact.Contact, 0, len(f.Contacts))
	debts, kinds := map[string][]string{"": nil}, f.pointKinds()
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if !c.counts() {
			continue
		}
		if _, ok := debts[c.Account]; !ok {
			debts[c.Account] = []string{c.Account}
		}
		f.ledger = append(f.ledger, contact.Contact{})
		row := &f.ledger[len(f.ledger)-1]
		*row = contact.Contact{
			ID: c.ID, At: c.At, Direction: contact.Outbound, Channel: string(c.Channel), PointID: c.Point, PointKind: kinds[c.Point], Debts: debts[c.Account],
			Purpose: c.Purpose, CollectorID: c.Creditor, State: string(c.State), Automated: c.Automatic, Person: person, Outcome: "sent",
		}
		if c.maybe {
			row.State = string(ContactUnknown)
		}
		if c.Logged != nil {
			c.Logged.row(row)
		}
	}
}

// row writes what is special about a contact that was logged.
func (l *ContactLogged) row(row *contact.Contact) {
	row.Direction, row.Outcome = l.Direction, l.Outcome
	if l.Person != "" {
		row.Person = l.Person
	}
	if len(l.Debts) > 0 { // what was discussed counts, whatever was dialled for
		row.Debts = l.Debts
	}
}

func (f *Facts) pointKinds() map[string]string {
	kinds := make(map[string]string, len(f.Points))
	for i := range f.Points {
		kinds[f.Points[i].ID] = f.Points[i].PointKind
	}
	return kinds
}

// concerns reports whether a statement about some accounts is about this one.
func (f *Facts) concerns(accounts []string) bool {
	return len(accounts) == 0 || slices.Contains(accounts, f.Account)
}

// ended reports whether something that ends at t, zero for never, is over.
func ended(t, at time.Time) bool { return !t.IsZero() && !t.After(at) }

func (f *Facts) queryWishes(q *contact.Query) {
	for i := range f.OptOuts {
		f.queryOptOut(q, &f.OptOuts[i])
	}
	for i := range f.Consents {
		if c := &f.Consents[i]; f.concerns(c.Debts) {
			q.Consents = append(q.Consents, f.consent(c))
		}
	}
	for i := range f.Times {
		if t := &f.Times[i]; !ended(t.Withdrawn, q.At) {
			q.Preferences = append(q.Preferences, f.wish(t))
		}
	}
	for i := range f.Wishes {
		if w := &f.Wishes[i]; !ended(w.Withdrawn, q.At) {
			q.Preferences = append(q.Preferences, contact.Preference{
				ID: w.ref, Kind: contact.PreferenceKind(w.Wish), By: w.who(), At: w.At, Place: w.Place, Written: w.inWriting(),
			})
		}
	}
}

func (f *Facts) queryOptOut(q *contact.Query, o *OptOutState) {
	if !f.concerns(o.Debts) || o.Topic != "" && o.Topic != orCollect(q.Purpose) {
		return
	}
	chans := []string{string(o.Channel)}
	if o.Channel == "" && o.Point == "" && !o.Everything {
		chans = []string{string(SMS), string(Email)}
	}
	for _, ch := range chans {
		q.OptOuts = append(q.OptOuts, contact.OptOut{
			ID: o.ref, Kind: cmp.Or(o.Refusal, RefusesMedium), By: o.who(), At: o.At, Withdrawn: o.Withdrawn, Channel: ch, PointID: o.Point,
			Keyword: o.StopWord, Written: o.inWriting(), InReplyTo: o.InReplyTo,
		})
	}
}

func orCollect(purpose string) string { return cmp.Or(purpose, "collect") }

// consent as far as it goes. One that expires is as if it were revoked then.
func (f *Facts) consent(c *ConsentState) contact.Consent {
	k := contact.Consent{
		ID: c.ref, Kind: cmp.Or(c.Scope, "contact"), By: c.who(), GivenTo: cmp.Or(c.GivenTo, f.Creditor.ID), Direct: c.Direct, Tainted: c.DuringBreach,
		Written: c.Basis == "written" || c.inWriting(), At: c.At, Revoked: c.Revoked, PointID: c.Point, EmployerOwned: c.EmployerOwned,
		Basis: c.Basis, Purpose: c.Purpose, Frequency: c.Frequency, Debts: c.Debts, OnlyOn: contactDate(c.OnlyOn),
	}
	if !c.Until.IsZero() && (k.Revoked.IsZero() || c.Until.Before(k.Revoked)) {
		k.Revoked = c.Until
	}
	if c.Channel != "" {
		k.Channels = []string{string(c.Channel)}
	}
	if c.From != "" || c.To != "" {
		k.Hours, k.From, k.To = true, seconds(cmp.Or(c.From, "00:00")), seconds(cmp.Or(c.To, "24:00"))
	}
	return k
}

var weekdays = map[string]contact.Weekdays{"sun": 1, "mon": 2, "tue": 4, "wed": 8, "thu": 16, "fri": 32, "sat": 64}

func (f *Facts) wish(t *TimesState) contact.Preference {
	p := contact.Preference{ID: t.ref, Kind: contact.InconvenientTime, By: t.who(), At: t.At, From: seconds(t.From), To: seconds(t.To)}
	for _, d := range t.Days {
		p.Days |= weekdays[strings.ToLower(d[:min(3, len(d))])]
	}
	if f.Setup.Zone != nil && t.Zone != "" {
		p.Location = f.Setup.Zone(t.Zone)
	}
	return p
}

// seconds reads "HH:MM" into seconds of the day; anything else is 0.
func seconds(s string) int {
	h, m, _ := strings.Cut(s, ":")
	hh, err1 := strconv.Atoi(h)
	mm, err2 := strconv.Atoi(m)
	if err1 != nil || err2 != nil {
		return 0
	}
	return hh*3600 + mm*60
}

func (f *Facts) queryNotices(q *contact.Query) {
	for i := range f.Notices {
		n := &f.Notices[i]
		if !f.concerns(n.Debts) {
			continue
		}
		q.Notices = append(q.Notices, contact.Notice{
			ID: n.ref, Kind: n.Notice, At: n.At, Channel: string(n.Channel), Method: n.Method, Written: n.InWriting, Debts: n.Debts,
			PeriodEnds: f.periodEnds(n), Duplicative: n.Duplicative, Undeliverable: n.Undeliverable,
			Deadline: contactDate(n.Deadline), OptedOut: n.OptedOut,
		})
	}
	for i := range f.Checks {
		c := &f.Checks[i]
		if c.Answer != answerNoData { // that nobody knows is no answer
			q.Checks = append(q.Checks, contact.NumberCheck{PointID: c.Point, At: c.At, Reassigned: c.Answer == answerReassigned})
		}
	}
}

// Answers of number databases.
const (
	answerSame       = "same"
	answerReassigned = "reassigned"
	answerNoData     = "no_data"
)

// periodEnds is the later of the end of a notice's period as printed and 30 days after
// its recorded receipt (12 CFR 1006.34(b)(5)); none is known: the rule computes one, and
// lets none be earlier than that.
func (f *Facts) periodEnds(n *NoticeState) contact.Date {
	ends := contactDate(n.Ends)
	if n.Notice == NoticeValidation && !n.Received.IsZero() {
		ends = max(ends, contactDate(n.Received.AddDays(30)))
	}
	return ends
}

// queryStatuses tells the policies of the states that the law knows.
func (f *Facts) queryStatuses(q *contact.Query) {
	for i := range f.Statuses {
		s := &f.Statuses[i]
		if s.Stage == stageEnded || !f.concerns(s.Debts) {
			continue
		}
		flag := contact.Flag{
			ID: s.ref, Kind: s.Status, Status: s.Stage, Since: s.Since, Until: s.Until, Debts: s.Debts,
			ContactKnown: s.ContactKnown, WrittenTo: s.WrittenTo, Responded: s.Responded, DirectConsent: s.DirectConsent,
		}
		if flag.Since.IsZero() {
			flag.Since = s.At
		}
		if flag.Status == "" {
			flag.Status = firstStage[s.Status]
		}
		q.Flags = append(q.Flags, flag)
	}
}

// stageEnded is the stage of a status that is over.
const stageEnded = "ended"

// firstStage is what a status is until more is said.
var firstStage = map[string]string{StatusBankruptcy: "open", StatusBreathingSpace: "standard"}

// queryHolds tells the policies of legal states that were entered as holds and
// not described further (by a status of the same id). They keep contact back even where the hold itself was
// placed without stopping contact.
func (f *Facts) queryHolds(q *contact.Query) {
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.HoldKind == HoldCease {
			if h.End.IsZero() || h.End.After(q.At) {
				q.Notices = append(q.Notices, contact.Notice{ID: h.ref, Kind: NoticeCease, At: h.From, Written: true})
			}
			continue
		}
		status, legal := statusOfHold[h.HoldKind]
		if !legal || f.describes(h.ID, status) {
			continue
		}
		q.Flags = append(q.Flags, contact.Flag{
			ID: h.ref, Kind: status, Status: cmp.Or(firstStage[status], "open"), Since: h.From, Until: h.End, ContactKnown: status == StatusAttorney,
		})
	}
}

// statusOfHold are the kinds of hold that say a legal state.
var statusOfHold = map[HoldKind]string{
	HoldRepresented: StatusAttorney, HoldBankruptcy: StatusBankruptcy, HoldDeceased: StatusDeceased, HoldBreathingSpace: StatusBreathingSpace,
}

// describes reports whether a status says what a hold of its id is about. Another
// status beside it does not: what is said less of must not weaken what was said.
func (f *Facts) describes(id, status string) bool {
	return slices.ContainsFunc(f.Statuses, func(s StatusState) bool { return s.ID == id && s.Status == status && f.concerns(s.Debts) })
}

// view is what conditions may look at.
func (f *Facts) view(at time.Time) View {
	v := View{
		At: at, DebtorKind: f.Known.DebtorKind, Locale: f.Known.Locale, Country: f.Known.Country, Creditor: f.Creditor.ID, Tags: f.Known.Tags,
		HasChannel: map[Channel]bool{},
	}
	var open, overdue int64
	for i := range f.Items {
		it := &f.Items[i]
		if it.Disposition != InSequence {
			continue
		}
		open += it.Open
		if f.overdue(it, at) {
			overdue += it.Open
		}
		if f.collectable(it) {
			v.Items++
			v.OldestDays = max(v.OldestDays, it.Due.Days(f.firstDay(at)))
		}
	}
	zero := f.zero()
	v.Balance, v.Overdue = zero.Of(open-f.Credit), zero.Of(overdue-f.Credit)
	for i := range f.Promises {
		if o := f.Promises[i].Outcome; o == "broken" || o == "partly" {
			v.BrokenPromises++
		}
	}
	for i := range f.Points {
		if f.Points[i].Dead == "" {
			v.HasChannel[f.Points[i].Channel] = true
		}
	}
	v.RepliedSince, v.DeliveredOn, v.PaidSince = f.repliedSince, func(step string) bool { return !f.dispatched(step).IsZero() }, func(step string) bool {
		t := f.dispatched(step)
		return !t.IsZero() && f.paidSince(t) > 0
	}
	return v
}

// View is what sequence conditions see of an account at an instant.
func (f Facts) View(at time.Time) View { return f.view(at) }

func (f *Facts) zero() money.Amount {
	if len(f.Items) > 0 {
		return f.Items[0].Amount.Of(0)
	}
	z, _ := money.FromMinor(0, f.Currency)
	return z
}

// dispatched is when the latest contact that counted for a step left for this
// account; zero: never.
func (f *Facts) dispatched(step string) time.Time {
	var t time.Time
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Account == f.Account && c.State == ContactAccepted && c.countedFor(step) {
			t = later(t, c.At)
		}
	}
	return t
}

func (c *ContactFacts) countedFor(step string) bool {
	return c.Step == step || slices.ContainsFunc(c.Items, func(l ItemLine) bool { return l.Step == step && step != "" })
}

func (f *Facts) repliedSince(step string) bool {
	t := f.dispatched(step)
	if t.IsZero() {
		return false
	}
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if c.Logged != nil && c.Logged.Direction == "inbound" && !c.At.Before(t) {
			return true
		}
	}
	return false
}

func contactDate(d Date) contact.Date {
	if d.IsZero() {
		return 0
	}
	return contact.DateOf(d.Year, d.Month, d.Day)
}
