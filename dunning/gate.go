package dunning

import (
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
func (f *Facts) gate(at time.Time, s *Step, c Channeled) contact.Verdict {
	q := f.Query(at, c.Channel, purposeOf(s.ID), true)
	return f.Policies.Check(q)
}

// Query is what the contact policies are asked about a contact of this account
// at an instant. Collectors' own calls and messages are asked with automated false.
func (f *Facts) Query(at time.Time, ch Channel, purpose string, automated bool) contact.Query {
	q := contact.Query{
		At: at, Channel: string(ch), Purpose: purpose, Automated: automated,
		Role: f.Creditor.Role, DebtorKind: f.Known.DebtorKind, CollectorID: f.Creditor.ID,
		Debts:  []contact.Debt{{ID: f.Account, Class: f.debtClass()}},
		Person: person, Point: f.queryPoint(ch), Ambiguity: f.Creditor.Ambiguity,
	}
	f.queryPlaces(&q)
	q.Ledger = f.ledger
	f.queryWishes(&q)
	f.queryHolds(&q)
	return q
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
		if p := &f.Points[i]; p.Channel == ch && p.Dead == "" {
			return p.ID
		}
	}
	return ""
}

func (f *Facts) queryPoint(ch Channel) contact.Point {
	id, reason := f.point(ch), "missing"
	for i := range f.Points {
		p := &f.Points[i]
		if p.Channel == ch && p.Dead != "" {
			reason = p.Dead
		}
		if p.ID == id && id != "" {
			return contact.Point{ID: id, Kind: p.PointKind, Source: p.Source, Usable: true}
		}
	}
	return contact.Point{Reason: reason}
}

func (f *Facts) queryPlaces(q *contact.Query) {
	if f.ZoneKnown {
		q.Zones = make([]contact.Zone, len(f.Zones))
		for i, z := range f.Zones {
			q.Zones[i] = contact.Zone{Location: z, Name: z.String()}
		}
	}
	for _, p := range f.Known.Places {
		q.Places = append(q.Places, contact.Place{Jurisdiction: p})
	}
	if len(q.Places) == 0 && f.Known.Country != "" {
		q.Places = []contact.Place{{Jurisdiction: f.Known.Country}}
	}
}

// countContacts prepares the ledger that contact policies count in. It is done
// once per fold: a decision asks several times.
func (f *Facts) countContacts() {
	f.ledger = make([]contact.Contact, 0, len(f.Contacts))
	debts := map[string][]string{"": nil}
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
			ID: c.ID, At: c.At, Direction: contact.Outbound, Channel: string(c.Channel), PointID: c.Point, Debts: debts[c.Account],
			Purpose: c.Purpose, CollectorID: c.Creditor, State: string(c.State), Automated: c.Automatic, Person: person, Outcome: "sent",
		}
		if c.maybe {
			row.State = string(ContactUnknown)
		}
		if l := c.Logged; l != nil {
			row.Direction, row.Outcome = l.Direction, l.Outcome
			if l.Person != "" {
				row.Person = l.Person
			}
		}
	}
}

func (f *Facts) queryWishes(q *contact.Query) {
	for i := range f.OptOuts {
		o := &f.OptOuts[i]
		chans := []string{string(o.Channel)}
		if o.Channel == "" && o.Point == "" {
			chans = []string{string(SMS), string(Email)}
		}
		for _, ch := range chans {
			q.OptOuts = append(q.OptOuts, contact.OptOut{Kind: contact.OptOutMedium, By: person, At: o.At, Withdrawn: o.Withdrawn, Channel: ch, PointID: o.Point})
		}
	}
	for i := range f.Consents {
		c := &f.Consents[i]
		k := contact.Consent{ID: c.ID, Kind: c.Scope, By: person, GivenTo: f.Creditor.ID, Direct: true, Written: c.Basis == "written", At: c.At, PointID: c.Point, Basis: c.Basis}
		if c.Channel != "" {
			k.Channels = []string{string(c.Channel)}
		}
		q.Consents = append(q.Consents, k)
	}
	for i := range f.Times {
		q.Preferences = append(q.Preferences, f.wish(&f.Times[i]))
	}
	for i := range f.Notices {
		n := &f.Notices[i]
		q.Notices = append(q.Notices, contact.Notice{Kind: n.Notice, At: n.At, Channel: string(n.Channel), Written: true, PeriodEnds: contactDate(n.Ends)})
	}
}

var weekdays = map[string]contact.Weekdays{"sun": 1, "mon": 2, "tue": 4, "wed": 8, "thu": 16, "fri": 32, "sat": 64}

func (f *Facts) wish(t *TimesState) contact.Preference {
	p := contact.Preference{Kind: contact.InconvenientTime, By: person, At: t.At, From: seconds(t.From), To: seconds(t.To)}
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

// queryHolds tells the policies of the states that the law knows. They keep
// contact back even where the hold itself was placed without stopping contact.
func (f *Facts) queryHolds(q *contact.Query) {
	for i := range f.Holds {
		h := &f.Holds[i]
		flag := contact.Flag{ID: h.ID, Since: h.From, Until: h.End, Status: "open"}
		switch h.HoldKind {
		case HoldRepresented:
			flag.Kind, flag.ContactKnown = contact.FlagAttorney, true
		case HoldBankruptcy:
			flag.Kind = contact.FlagBankruptcy
		case HoldDeceased:
			flag.Kind = contact.FlagDeceased
		case HoldBreathingSpace:
			flag.Kind, flag.Status = contact.FlagBreathingSpace, "standard"
		case HoldCease:
			if h.End.IsZero() || h.End.After(q.At) {
				q.Notices = append(q.Notices, contact.Notice{ID: h.ID, Kind: "cease_communication", At: h.From, Written: true})
			}
			continue
		default:
			continue
		}
		q.Flags = append(q.Flags, flag)
	}
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
