package dunning

import (
	"fmt"
	"slices"
	"time"
)

// Delivery is what became of a message, or of its contact point, after a provider took
// it or while it refused it. Adapters translate their provider's codes into it, each by
// one table; what follows from it is decided here and nowhere else.
type Delivery string

// What providers report. The words are also the reasons for which a point is dead.
const (
	Taken        Delivery = "taken"         // the provider has it: queued, sent on, deferred
	Delivered    Delivery = "delivered"     // it arrived
	SoftBounced  Delivery = "soft_bounce"   // not this time: mailbox full, handset off, greylisted for too long
	HardBounced  Delivery = "bounced"       // this address will never take it
	Invalid      Delivery = "invalid"       // no such number or address
	Landline     Delivery = "landline"      // a number that takes no text messages
	Blocked      Delivery = "blocked"       // a block list of the provider or carrier keeps it back for good
	SpamReported Delivery = "spam_report"   // the reader called it spam
	Unsubscribed Delivery = "unsubscribed"  // the reader unsubscribed
	Stopped      Delivery = "opted_out"     // the provider knows of a STOP
	ReturnedMail Delivery = "returned_mail" // the post brought the letter back
	Filtered     Delivery = "filtered"      // the carrier refuses sender or text: a person must look
)

// Soft bounces of SoftBounceLimit different messages within SoftBounceDays, none
// delivered in between, make a point unusable.
const (
	SoftBounceLimit = 3
	SoftBounceDays  = 30
	softBounces     = "soft_bounces" // reason of a point that died of them
)

// consequence is what a report does.
type consequence struct {
	bounced bool // the message did not arrive and never will: its entry is open again for the else
	dead    bool // the point is unusable, for the report's own reason
	refuses bool // the debtor refuses the whole channel
}

// consequences is the one table. A complaint or unsubscription is the debtor's word
// about the channel, not about one address of it: else Duly would go on with the next
// (Regulation F § 1006.6(e), RFC 8058, CAN-SPAM 15 USC 7704(a)(4)).
var consequences = map[Delivery]consequence{
	Taken:        {},
	Delivered:    {},
	SoftBounced:  {},
	HardBounced:  {bounced: true, dead: true},
	Invalid:      {bounced: true, dead: true},
	Landline:     {bounced: true, dead: true},
	Blocked:      {bounced: true, dead: true},
	ReturnedMail: {bounced: true, dead: true},
	SpamReported: {dead: true, refuses: true},
	Unsubscribed: {refuses: true},
	Stopped:      {bounced: true, refuses: true},
	Filtered:     {},
}

// Deliveries lists what can be reported, sorted.
func Deliveries() []Delivery {
	out := make([]Delivery, 0, len(consequences))
	for d := range consequences {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

// ReportDelivery is what a provider says about a message after the hand-over, or about
// a contact point. Reports may come late, twice and in any order: one with the same ID
// is the same report, and none takes back what is known better.
type ReportDelivery struct {
	ID      string   `json:"id"`                // the provider's own id of the event; "" = one report of a kind per contact
	Contact string   `json:"contact,omitempty"` // "" when the report names only a point
	Point   string   `json:"point,omitempty"`   // used when Contact is ""
	Report  Delivery `json:"report"`
	// ProviderID is the provider's id of the message, kept when the answer to the
	// hand-over was lost. Code is the provider's own short code.
	ProviderID string `json:"provider_id,omitempty"`
	Code       string `json:"code,omitempty"`
}

func (ReportDelivery) command() {}

// reported turns a report into facts.
func (f *Facts) reported(c ReportDelivery, at time.Time) ([]Fact, error) {
	does, known := consequences[c.Report]
	if !known {
		return nil, fmt.Errorf("delivery report: %q is none of %v: %w", c.Report, Deliveries(), ErrInvalid)
	}
	k := f.contact(c.Contact)
	if c.Contact != "" && k == nil {
		return nil, fmt.Errorf("delivery report: there is no such contact: %w", ErrUnknown)
	}
	if k == nil && f.pointState(c.Point) == nil {
		return nil, fmt.Errorf("delivery report: it names neither a contact nor a point that is known: %w", ErrUnknown)
	}
	var out []Fact
	point := c.Point
	if k != nil {
		point = k.Point
		out = f.movedBy(k, c, does, at)
	}
	return append(out, f.suffered(point, k, c, does, at)...), nil
}

// movedBy is what a report says about the message itself. Whatever a provider reports
// about a message proves that it took it.
func (f *Facts) movedBy(k *ContactFacts, c ReportDelivery, does consequence, at time.Time) []Fact {
	source := c.ID
	if source == "" {
		source = "delivery/" + k.ID + "/" + string(c.Report)
	}
	m := ContactMoved{ID: k.ID, State: ContactAccepted, ProviderID: c.ProviderID, Code: string(c.Report)}
	switch {
	case k.State == ContactReserved || k.Logged != nil:
		return nil // nothing was handed over: the report cannot be about it
	case k.State == ContactBounced || k.back, c.Report == Taken && k.State == ContactAccepted:
		return nil // that it came back is the last that there is to say of it
	case does.bounced:
		m.State, m.Class, m.Permanent = ContactBounced, FailedRecipient, true
	case k.State != ContactAccepted:
		out := append(f.accepted(m, at), f.filtered(k, c, at)...)
		return sourced(append(out, f.resolved(k, "sent", at)...), source)
	}
	out := append([]Fact{f.contactFact(k, at, m)}, f.filtered(k, c, at)...)
	return sourced(append(out, f.resolved(k, "sent", at)...), source)
}

// resolved ends the task that asked a person what became of a hand-over: evidence has come
// after all.
func (f *Facts) resolved(k *ContactFacts, outcome string, at time.Time) []Fact {
	t := f.task(k.ID + "/unknown")
	if t == nil || !t.Ended.IsZero() {
		return nil
	}
	return []Fact{f.contactFact(k, at, TaskEnded{ID: t.ID, Outcome: outcome})}
}

// Proven are the facts that a look-up in a provider's records makes true about a hand-over
// that is unknown, or that was accepted and held and has been called back; none when it
// proves nothing.
func (f Facts) Proven(id string, e Evidence, at time.Time) []Fact {
	return f.noticed(f.proven(id, e, at))
}

func (f *Facts) proven(id string, e Evidence, at time.Time) []Fact {
	k := f.contact(id)
	if k != nil && k.State == ContactAccepted && k.Hold != "" && e.Found == EvidenceNotAccepted {
		// It was taken, held, and called back before it left: its step is open again.
		return []Fact{f.contactFact(k, at, ContactMoved{ID: id, State: ContactCancelled, Code: e.Code})}
	}
	if k == nil || k.State != ContactUnknown {
		return nil
	}
	switch e.Found {
	case EvidenceAccepted:
		return append(f.accepted(ContactMoved{ID: id, ProviderID: e.ProviderID, Code: e.Code, Waits: e.Waits}, at), f.resolved(k, "sent", at)...)
	case EvidenceNotAccepted:
		return append([]Fact{f.contactFact(k, at, ContactMoved{ID: id, State: ContactFailed, Class: FailedNow, Code: e.Code})}, f.resolved(k, "not_sent", at)...)
	}
	return nil
}

// filtered asks a person about a message that the carrier keeps back for its sender or
// text: repeating it would not help, and no address is to blame.
func (f *Facts) filtered(k *ContactFacts, c ReportDelivery, at time.Time) []Fact {
	if c.Report != Filtered || k.isCourtesy() || f.task(k.ID+"/filtered") != nil {
		return nil
	}
	return []Fact{f.contactFact(k, at, TaskOpened{
		ID: k.ID + "/filtered", Task: TaskSupervisor, Queue: f.Creditor.Queues.Operations, Step: k.Step, Entry: k.Entry,
		Contact: k.ID, Reason: "filtered:" + c.Code,
	})}
}

// sourced names the origin on the first fact, which is enough: a transaction is whole.
func sourced(facts []Fact, source string) []Fact {
	if len(facts) > 0 {
		facts[0].Source = source
	}
	return facts
}

// contactFact makes a fact of the account that a contact is of, which need not be the
// one whose facts these are.
func (f *Facts) contactFact(k *ContactFacts, at time.Time, b Body) Fact {
	return Fact{At: at, Account: k.Account, Case: k.Case, By: "system", Body: b}
}

// suffered is what a report does to a point and its channel.
func (f *Facts) suffered(point string, k *ContactFacts, c ReportDelivery, does consequence, at time.Time) []Fact {
	var out []Fact
	p := f.pointState(point)
	reason := string(c.Report)
	if c.Report == SoftBounced && f.tooSoft(p, k, at) {
		does.dead, reason = true, softBounces
	}
	if does.dead && p != nil && p.Dead == "" {
		out = append(out, f.debtorFact(at, PointDead{ID: point, Reason: reason}))
	}
	if channel := channelOf(p, k); does.refuses && channel != "" && !f.refuses(channel) {
		out = append(out, f.debtorFact(at, OptedOut{Channel: channel, Told: Told{Medium: string(channel)}}))
	}
	return out
}

func channelOf(p *PointState, k *ContactFacts) Channel {
	switch {
	case k != nil:
		return k.Channel
	case p != nil:
		return p.Channel
	}
	return ""
}

// refuses reports whether the debtor's refusal of the whole channel stands.
func (f *Facts) refuses(ch Channel) bool {
	return slices.ContainsFunc(f.OptOuts, func(o OptOutState) bool {
		return o.whole() && o.Point == "" && (o.Channel == ch || o.Channel == "" && (o.Everything || ch == Email || ch == SMS))
	})
}

// whole reports whether a refusal stands and is the debtor's own, of every message: one
// of a topic, of some debts, of advertising or of somebody else says less.
func (o *OptOutState) whole() bool {
	return o.Withdrawn.IsZero() && o.Topic == "" && len(o.Debts) == 0 && o.Refusal != RefusesMarketing && o.who() == person
}

// SoftBounce is one message that a point did not take this time.
type SoftBounce struct {
	Contact string
	At      time.Time
}

// tooSoft reports whether one more soft bounce makes a point unusable.
func (f *Facts) tooSoft(p *PointState, k *ContactFacts, at time.Time) bool {
	if p == nil || k == nil {
		return false
	}
	n := 1
	for _, s := range p.Soft {
		if s.Contact != k.ID && at.Sub(s.At) < SoftBounceDays*24*time.Hour {
			n++
		}
	}
	return n >= SoftBounceLimit
}

// noteDelivery keeps, per point, the soft bounces since something was delivered to it.
func (f *Facts) noteDelivery(c *ContactFacts, code string, at time.Time) {
	p := f.pointState(c.Point)
	if p == nil {
		return
	}
	switch Delivery(code) {
	case Delivered:
		p.Soft = nil
	case SoftBounced:
		if !slices.ContainsFunc(p.Soft, func(s SoftBounce) bool { return s.Contact == c.ID }) {
			p.Soft = append(slices.Clone(p.Soft), SoftBounce{c.ID, at}) // facts are shared by value
		}
	}
}

func (f *Facts) pointState(id string) *PointState {
	for i := range f.Points {
		if f.Points[i].ID == id && id != "" {
			return &f.Points[i]
		}
	}
	return nil
}
