package dunning

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Saying is how and when something reached us. Received may lie in the past:
// what is entered late counts from when it was received, and the fact keeps
// both instants.
type Saying struct {
	Told
	Received time.Time `json:"received,omitzero"` // zero = now
}

// Commands about what contact law asks for. A command repeated with the same id
// and content changes nothing; the same id with another content is refused,
// except for those that say they replace.
type (
	// GiveConsent records consent with its scope.
	GiveConsent struct {
		Consented
		Received time.Time `json:"received,omitzero"`
	}
	// RevokeConsent ends a consent.
	RevokeConsent struct {
		ID string `json:"id"`
		Saying
	}
	// StateTimes names inconvenient times.
	StateTimes struct {
		TimesInconvenient
		Received time.Time `json:"received,omitzero"`
	}
	// StateWish records another wish: an inconvenient place, no calls at work, a call back.
	StateWish struct {
		WishStated
		Received time.Time `json:"received,omitzero"`
	}
	// WithdrawWish takes a wish or inconvenient times back.
	WithdrawWish struct {
		ID string `json:"id"`
		Saying
	}
	// RecordStatus records, or replaces what is known of, a legal status. Hold says
	// whether it stops contact and clock of all the debtor's accounts; nil: as is
	// usual for the status. A hold that it placed ends with it.
	RecordStatus struct {
		StatusKnown
		Received time.Time `json:"received,omitzero"`
		Hold     *bool     `json:"hold,omitempty"`
	}
	// DescribeDebt records, or replaces, what the account is as a debt.
	DescribeDebt struct{ DebtKnown }
	// KnowPerson records, or replaces, somebody beside the debtor.
	KnowPerson struct{ PersonKnown }
	// KnowLocation records where the debtor really is; empty withdraws it.
	KnowLocation struct {
		LocationKnown
		Received time.Time `json:"received,omitzero"`
	}
	// KnowPoint adds or replaces a contact point; its value goes to the store apart.
	KnowPoint struct{ PointKnown }
	// RecordNotice records a legal notice that was sent.
	RecordNotice struct {
		NoticeSent
		Sent time.Time `json:"sent,omitzero"` // zero = now
	}
	// ReceiveNotice records a letter or notice from the debtor's side.
	ReceiveNotice struct {
		NoticeReceived
		Received time.Time `json:"received,omitzero"`
	}
	// ChangeNotice records what became of a notice.
	ChangeNotice struct{ NoticeChanged }
	// CheckNumber records the answer of a number database.
	CheckNumber struct {
		NumberChecked
		Received time.Time `json:"received,omitzero"`
	}
)

func (GiveConsent) command()   {}
func (RevokeConsent) command() {}
func (StateTimes) command()    {}
func (StateWish) command()     {}
func (WithdrawWish) command()  {}
func (RecordStatus) command()  {}
func (DescribeDebt) command()  {}
func (KnowPerson) command()    {}
func (KnowLocation) command()  {}
func (KnowPoint) command()     {}
func (RecordNotice) command()  {}
func (ReceiveNotice) command() {}
func (ChangeNotice) command()  {}
func (CheckNumber) command()   {}

// Words that commands accept; anything else is refused, because a misspelt word
// would be looked for by no rule.
var (
	// Channels are the channels of contacts.
	Channels = []Channel{Email, SMS, Letter, Call}
	// LoggedChannels are those of contacts that people log: also what Duly itself never uses.
	LoggedChannels = []Channel{Email, SMS, Letter, Call, "prerecorded_call", "postcard", "visit", "web_portal"}
	// Outcomes are how a contact may end. Rules count by these words.
	Outcomes = []string{
		"conversation", "no_answer", "voicemail", "limited_content_voicemail", "ringless_voicemail", "voicemail_full", "answered_then_dropped",
		"answered_busy", "busy_signal", "not_in_service", "no_connection", "no_answer_no_voicemail_possible", "wrong_person",
		"sent", "delivered", "undelivered", "bounced", "returned", "received", "voicemail_left_by_consumer", "payment_made", "unknown",
	}
	// Relations of people to the debtor.
	Relations = []string{
		"spouse", "parent_of_minor", "guardian", "executor", "administrator", "personal_representative", "successor_in_interest",
		"attorney", "cra", "creditor", "creditor_attorney", "collector_attorney", "adviser",
		"co_obligor", "employer", "household", "relative", "third_person",
	}
	// Media in which something is said.
	Media = []string{"call", "sms", "email", "letter", "fax", "portal", "in_person", "creditor", "import"}

	wishKinds     = []string{WishPlace, WishNoWork, WishCallback}
	refusals      = []string{RefusesMedium, RefusesKeyword, RefusesRevocation, RefusesMarketing}
	noticesToUs   = []string{NoticeOriginalCreditor, NoticeCease, NoticeRefuses}
	numberAnswers = []string{answerSame, answerReassigned, answerNoData}
	directions    = []string{"inbound", "outbound"}
	pointKinds    = []string{"mobile", "landline", "voip", "work", "personal", "employer", "residence"}
	roles         = []string{"first_party", "third_party"}
	debtClasses   = []string{"consumer", "commercial"}
)

// statuses are the statuses, their stages, and the hold that each places unless
// it is told not to.
var statuses = map[string]struct {
	stages []string
	hold   HoldKind
}{
	StatusAttorney:          {[]string{"open", stageEnded}, HoldRepresented},
	StatusBankruptcy:        {[]string{"open", "dismissed", "closed", "discharged", stageEnded}, HoldBankruptcy},
	StatusDeceased:          {[]string{"open", stageEnded}, HoldDeceased},
	StatusEmployerProhibits: {[]string{"open", stageEnded}, ""},
	StatusBreathingSpace:    {[]string{"standard", "mental_health_crisis", stageEnded}, HoldBreathingSpace},
	StatusIdentityTheft:     {[]string{"open", stageEnded}, HoldIdentityTheft},
	StatusServicemember:     {[]string{"open", stageEnded}, ""},
	StatusMinor:             {[]string{"open", stageEnded}, ""},
	StatusLitigation:        {[]string{"open", stageEnded}, HoldLitigation},
}

// Statuses lists the legal statuses that can be recorded.
func Statuses() []string {
	out := make([]string, 0, len(statuses))
	for s := range statuses {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// oneOf refuses a word that nothing looks for; "" passes.
func oneOf[S ~string](what, member string, word S, known []S) error {
	if word == "" || slices.Contains(known, word) {
		return nil
	}
	return fmt.Errorf("%s: %s %q is not known; there are %v: %w", what, member, word, known, ErrInvalid)
}

// firstOf is the first error that there is.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func need(what, member, text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("%s: it needs %s: %w", what, member, ErrInvalid)
	}
	return nil
}

// knownPoint refuses a contact point that the debtor does not have; "" passes.
func (f *Facts) knownPoint(what, id string, ch Channel) error {
	if id == "" {
		return nil
	}
	for i := range f.Points {
		if p := &f.Points[i]; p.ID == id {
			if ch != "" && p.Channel != ch && !(phone(ch) && phone(p.Channel)) {
				return fmt.Errorf("%s: the contact point is of the channel %s, not %s: %w", what, p.Channel, ch, ErrInvalid)
			}
			return nil
		}
	}
	return fmt.Errorf("%s: the debtor has no such contact point: %w", what, ErrUnknown)
}

// phone reports whether a channel reaches telephones: one number takes both.
func phone(ch Channel) bool { return ch == Call || ch == SMS }

// knownPerson accepts a person who was made known, or a relation as such.
func (f *Facts) knownPerson(what, id string) error {
	if id == "" || id == person || f.personState(id) != nil || slices.Contains(Relations, id) {
		return nil
	}
	return fmt.Errorf("%s: nobody is known by that id; make the person known first, or name a relation %v: %w", what, Relations, ErrUnknown)
}

// knownAccounts refuses accounts that no fact of the debtor names: a consent for
// a debt that does not exist is a slip.
func (f *Facts) knownAccounts(what string, ids []string) error {
	for _, id := range ids {
		if id != f.Account && !f.accounts[id] {
			return fmt.Errorf("%s: the debtor has no account %q: %w", what, id, ErrUnknown)
		}
	}
	return nil
}

// said checks how something reached us, and completes it: At is when it was
// received, and what is entered later says so.
func (f *Facts) said(what string, t *Told, received, at time.Time) (time.Time, error) {
	if err := firstOf(oneOf(what, "medium", t.Medium, Media), f.knownPerson(what, t.Person)); err != nil {
		return at, err
	}
	return happened(what, &t.Recorded, received, at)
}

// happened is when something happened, which is not ahead.
func happened(what string, recorded *time.Time, then, at time.Time) (time.Time, error) {
	switch {
	case then.IsZero() || then.Equal(at):
		return at, nil
	case then.After(at):
		return at, fmt.Errorf("%s: it cannot have happened in the future: %w", what, ErrInvalid)
	}
	*recorded = at
	return then, nil
}

// clockTime refuses what is no local time of day; "" passes.
func clockTime(what, member, text string) error {
	if text == "" || text == "24:00" {
		return nil
	}
	if _, err := time.Parse("15:04", text); err != nil {
		return fmt.Errorf("%s: %s %q must be written HH:MM, from 00:00 to 24:00: %w", what, member, text, ErrInvalid)
	}
	return nil
}

var codeWord = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// code refuses what is no short code in lower case.
func code(what, member, text string) error {
	if !codeWord.MatchString(text) {
		return fmt.Errorf("%s: %s %q must be a code in lower case letters, digits and _: %w", what, member, text, ErrInvalid)
	}
	return nil
}

// once makes a debtor's fact with an id, or finds that it is there already.
// was is what is known under that id, nil when nothing is.
func (f *Facts) once(what string, at time.Time, b Body, id string, was Body) ([]Fact, error) {
	if was == nil {
		x := f.debtorFact(at, b)
		x.Source = id
		return []Fact{x}, nil
	}
	if sameBut(was, b) {
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %q was entered before with another content; give this one an id of its own: %w", what, id, ErrConflict)
}

// sameBut reports whether two bodies say the same, whenever they were entered:
// as JSON, because what was stored has no empty lists and no zones of its own.
func sameBut(a, b Body) bool { return reflect.DeepEqual(plainOf(a), plainOf(b)) }

// plainOf is a body as JSON has it, without the instant of its entry.
func plainOf(b Body) any {
	raw, err := json.Marshal(b)
	var v map[string]any
	if err != nil || json.Unmarshal(raw, &v) != nil {
		return b
	}
	delete(v, "recorded")
	for k, x := range v {
		if s, ok := x.(string); ok {
			if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
				v[k] = t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
			}
		}
	}
	return v
}

// handleContact carries out the commands about what contact law asks for.
func (f *Facts) handleContact(c Command, by string, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case OptOut:
		return f.optOut(c, at)
	case OptIn:
		return f.optIn(c, at)
	case GiveConsent:
		return f.giveConsent(c, at)
	case RevokeConsent:
		return f.revokeConsent(c, at)
	case StateTimes:
		return f.stateTimes(c, at)
	case StateWish:
		return f.stateWish(c, at)
	case WithdrawWish:
		return f.withdrawWish(c, at)
	case RecordStatus:
		return f.recordStatus(c, by, at)
	case RecordNotice:
		return f.recordNotice(c, at)
	case ReceiveNotice:
		return f.receiveNotice(c, at)
	case ChangeNotice:
		return f.changeNotice(c, at)
	case CheckNumber:
		return f.checkNumber(c, at)
	}
	return f.handleKnown(c, at)
}

// handleKnown carries out the commands that say what is known of people, places
// and debts.
func (f *Facts) handleKnown(c Command, at time.Time) ([]Fact, error) {
	switch c := c.(type) {
	case MarkPoint:
		if err := firstOf(need("point", "an id", c.ID), f.knownPoint("point", c.ID, ""), need("point", "a reason", c.Reason)); err != nil {
			return nil, err
		}
		return []Fact{f.debtorFact(at, c.PointDead)}, nil
	case DescribeDebt:
		return f.describeDebt(c, at)
	case KnowPerson:
		return f.knowPerson(c, at)
	case KnowLocation:
		return f.knowLocation(c, at)
	case KnowPoint:
		return f.addPoint(c, at)
	}
	return nil, fmt.Errorf("command %T: %w", c, ErrInvalid)
}

func (f *Facts) optOut(c OptOut, at time.Time) ([]Fact, error) {
	const what = "opt-out"
	b := c.OptedOut
	at, err := f.said(what, &b.Told, c.Received, at)
	err = firstOf(err,
		oneOf(what, "channel", b.Channel, Channels), f.knownPoint(what, b.Point, b.Channel), oneOf(what, "refusal", b.Refusal, refusals),
		f.knownAccounts(what, b.Debts),
	)
	switch {
	case err != nil:
		return nil, err
	case b.Everything && (b.Channel != "" || b.Point != "" || b.Topic != ""):
		return nil, fmt.Errorf("opt-out: everything cannot be narrowed to a channel, a point or a topic: %w", ErrInvalid)
	case b.ID == "":
		return []Fact{f.debtorFact(at, b)}, nil
	}
	for i := range f.OptOuts {
		if o := &f.OptOuts[i]; o.ID == b.ID {
			return f.once(what, at, b, b.ID, o.OptedOut)
		}
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) optIn(c OptIn, at time.Time) ([]Fact, error) {
	const what = "opt-in"
	b := c.OptedIn
	at, err := f.said(what, &b.Told, c.Received, at)
	if err = firstOf(err, oneOf(what, "channel", b.Channel, Channels), f.knownPoint(what, b.Point, b.Channel)); err != nil {
		return nil, err
	}
	stands := false
	for i := range f.OptOuts {
		stands = stands || b.ends(&f.OptOuts[i], at)
	}
	switch {
	case stands:
		return []Fact{f.debtorFact(at, b)}, nil
	case b.ID != "" && !slices.ContainsFunc(f.OptOuts, func(o OptOutState) bool { return o.ID == b.ID }):
		return nil, fmt.Errorf("opt-in: there is no opt-out of that id: %w", ErrUnknown)
	}
	return nil, nil // nothing is refused
}

func (f *Facts) giveConsent(c GiveConsent, at time.Time) ([]Fact, error) {
	const what = "consent"
	b := c.Consented
	at, err := f.said(what, &b.Told, c.Received, at)
	if b.Scope == "" {
		b.Scope = "contact"
	}
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a basis, such as express or written", b.Basis), code(what, "scope", b.Scope),
		oneOf(what, "channel", b.Channel, Channels), f.knownPoint(what, b.Point, b.Channel), f.knownAccounts(what, b.Debts),
		clockTime(what, "time_from", b.From), clockTime(what, "time_to", b.To))
	if err != nil {
		return nil, err
	}
	if !b.Until.IsZero() && !b.Until.After(at) {
		return nil, fmt.Errorf("consent: it would expire before it was given: %w", ErrInvalid)
	}
	for i := range f.Consents {
		if k := &f.Consents[i]; k.ID == b.ID {
			return f.once(what, at, b, b.ID, k.Consented)
		}
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) revokeConsent(c RevokeConsent, at time.Time) ([]Fact, error) {
	b := ConsentRevoked{ID: c.ID, Told: c.Told}
	at, err := f.said("revocation", &b.Told, c.Received, at)
	if err != nil {
		return nil, err
	}
	for i := range f.Consents {
		if k := &f.Consents[i]; k.ID == c.ID {
			if !k.Revoked.IsZero() {
				return nil, nil
			}
			return []Fact{f.debtorFact(at, b)}, nil
		}
	}
	return nil, fmt.Errorf("revocation: there is no such consent; a refusal of a channel is an opt-out: %w", ErrUnknown)
}

func (f *Facts) stateTimes(c StateTimes, at time.Time) ([]Fact, error) {
	const what = "inconvenient times"
	b := c.TimesInconvenient
	at, err := f.said(what, &b.Told, c.Received, at)
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a time from which", b.From), need(what, "a time until which", b.To),
		clockTime(what, "from", b.From), clockTime(what, "to", b.To))
	if err != nil {
		return nil, err
	}
	for _, d := range b.Days {
		if len(d) < 3 || weekdays[strings.ToLower(d[:3])] == 0 {
			return nil, fmt.Errorf("%s: day %q must be one of Mon … Sun: %w", what, d, ErrInvalid)
		}
	}
	if b.Zone != "" && f.Setup.Zone != nil && f.Setup.Zone(b.Zone) == nil {
		return nil, fmt.Errorf("%s: %q is no IANA time zone: %w", what, b.Zone, ErrInvalid)
	}
	for i := range f.Times {
		if t := &f.Times[i]; t.ID == b.ID {
			return f.once(what, at, b, b.ID, t.TimesInconvenient)
		}
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) stateWish(c StateWish, at time.Time) ([]Fact, error) {
	const what = "wish"
	b := c.WishStated
	at, err := f.said(what, &b.Told, c.Received, at)
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a kind", b.Wish), oneOf(what, "kind", b.Wish, wishKinds))
	if err != nil {
		return nil, err
	}
	for i := range f.Wishes {
		if w := &f.Wishes[i]; w.ID == b.ID {
			return f.once(what, at, b, b.ID, w.WishStated)
		}
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) withdrawWish(c WithdrawWish, at time.Time) ([]Fact, error) {
	b := WishWithdrawn{ID: c.ID, Told: c.Told}
	at, err := f.said("withdrawal", &b.Told, c.Received, at)
	if err = firstOf(err, need("withdrawal", "the id of a wish", c.ID)); err != nil {
		return nil, err
	}
	found, stands := false, false
	for i := range f.Wishes {
		if w := &f.Wishes[i]; w.ID == c.ID {
			found, stands = true, stands || w.Withdrawn.IsZero()
		}
	}
	for i := range f.Times {
		if t := &f.Times[i]; t.ID == c.ID {
			found, stands = true, stands || t.Withdrawn.IsZero()
		}
	}
	switch {
	case !found:
		return nil, fmt.Errorf("withdrawal: there is no such wish: %w", ErrUnknown)
	case !stands:
		return nil, nil
	}
	return []Fact{f.debtorFact(at, b)}, nil
}

func (f *Facts) recordStatus(c RecordStatus, by string, at time.Time) ([]Fact, error) {
	const what = "status"
	b := c.StatusKnown
	recorded := at
	at, err := f.said(what, &b.Told, c.Received, at)
	kind := statuses[b.Status]
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a status", b.Status), oneOf(what, "status", b.Status, Statuses()),
		oneOf(what, "stage", b.Stage, kind.stages), f.knownPerson(what, b.Who), f.knownAccounts(what, b.Debts))
	switch {
	case err != nil:
		return nil, err
	case !b.Until.IsZero() && !b.Since.IsZero() && !b.Until.After(b.Since):
		return nil, fmt.Errorf("status: it would end before it began: %w", ErrInvalid)
	}
	for i := range f.Statuses {
		s := &f.Statuses[i]
		if s.ID == b.ID && s.Status != b.Status {
			return nil, fmt.Errorf("status: %q is a %s; give this one an id of its own: %w", b.ID, s.Status, ErrConflict)
		}
		if s.ID == b.ID && sameBut(s.StatusKnown, b) {
			return nil, nil
		}
	}
	if h := f.holdOf(b.ID, true); h != nil && wantsHold(c, kind.hold) && !slices.ContainsFunc(f.Statuses, func(s StatusState) bool { return s.ID == b.ID }) {
		if err := h.sameAs(what, kind.hold, ScopeDebtor, ""); err != nil {
			return nil, err
		}
	}
	return append([]Fact{f.debtorFact(at, b)}, f.statusHold(c, kind.hold, by, recorded)...), nil
}

// wantsHold reports whether a status is to bring a hold, of a kind (none: "").
func wantsHold(c RecordStatus, kind HoldKind) bool {
	return kind != "" && (c.Hold == nil || *c.Hold) && !c.over()
}

// statusHold places the hold that a status brings, from now on, and ends it
// with the status. One that a person lifted stays lifted, and one of another
// kind is not the status's.
func (f *Facts) statusHold(c RecordStatus, kind HoldKind, by string, at time.Time) []Fact {
	h := f.holdOf(c.ID, true)
	if own := f.holdOf(c.ID, false); h == nil && own.standsFor(kind, at) {
		h = own
	}
	over := c.over() || ended(c.Until, at)
	switch {
	case h != nil && h.HoldKind != kind:
		return nil
	case h != nil && over && !h.over(at):
		return []Fact{f.holdFact(h, at, HoldLifted{ID: c.ID})}
	case h != nil && !h.over(at) && !h.End.Equal(c.Until):
		return []Fact{f.holdFact(h, at, HoldExtended{ID: c.ID, Until: c.Until})}
	case h != nil || over || !wantsHold(c, kind):
		return nil
	}
	placed, _ := HoldOf(c.StatusKnown)
	placed.ID, placed.Manual = c.ID, by != "system"
	return []Fact{f.debtorFact(at, placed)}
}

// standsFor reports whether a hold that was placed by hand for this account is what a status
// would bring: it is in force, or a person lifted it. One on an item, or that has run out, is not.
func (h *HoldState) standsFor(kind HoldKind, at time.Time) bool {
	return h != nil && h.HoldKind == kind && h.Scope == ScopeAccount && (h.Lifted || !h.over(at))
}

func (f *Facts) describeDebt(c DescribeDebt, at time.Time) ([]Fact, error) {
	const what = "debt"
	b := c.DebtKnown
	if err := firstOf(oneOf(what, "class", b.Class, debtClasses), oneOf(what, "role", b.Role, roles)); err != nil {
		return nil, err
	}
	if b.DebtKind != "" {
		if err := code(what, "kind", b.DebtKind); err != nil {
			return nil, err
		}
	}
	if d := f.debtState(f.Account); d != nil && d.DebtKnown == b {
		return nil, nil
	}
	return []Fact{f.fact(at, b)}, nil
}

func (f *Facts) knowPerson(c KnowPerson, at time.Time) ([]Fact, error) {
	const what = "person"
	b := c.PersonKnown
	err := firstOf(need(what, "an id", b.ID), need(what, "a relation", b.Relation), oneOf(what, "relation", b.Relation, Relations), f.knownAccounts(what, b.Debts))
	switch {
	case err != nil:
		return nil, err
	case b.ID == person || slices.Contains(Relations, b.ID):
		return nil, fmt.Errorf("person: the id %q is a word for a relation; give another: %w", b.ID, ErrInvalid)
	}
	if p := f.personState(b.ID); p != nil && sameBut(p.PersonKnown, b) {
		return nil, nil
	}
	return []Fact{f.debtorFact(at, b)}, nil
}

func (f *Facts) knowLocation(c KnowLocation, at time.Time) ([]Fact, error) {
	b := c.LocationKnown
	at, err := f.said("location", &b.Told, c.Received, at)
	switch {
	case err != nil:
		return nil, err
	case b.Zone != "" && f.Setup.Zone != nil && f.Setup.Zone(b.Zone) == nil:
		return nil, fmt.Errorf("location: %q is no IANA time zone: %w", b.Zone, ErrInvalid)
	case b.Zone != "" && b.Basis == "":
		return nil, fmt.Errorf("location: it needs a basis: how is it known, and not guessed? %w", ErrInvalid)
	case sameBut(b, f.Location):
		return nil, nil
	}
	return []Fact{f.debtorFact(at, b)}, nil
}

func (f *Facts) addPoint(c KnowPoint, at time.Time) ([]Fact, error) {
	const what = "contact point"
	b := c.PointKnown
	err := firstOf(need(what, "an id", b.ID), need(what, "a channel", string(b.Channel)), oneOf(what, "channel", b.Channel, Channels),
		oneOf(what, "kind", b.PointKind, pointKinds), f.knownPerson(what, b.Owner))
	if err != nil {
		return nil, err
	}
	for i := range f.Points {
		if p := &f.Points[i]; p.ID == b.ID && p.Dead == "" && sameBut(p.PointKnown, b) {
			return nil, nil
		}
	}
	return []Fact{f.debtorFact(at, b)}, nil
}

func (f *Facts) recordNotice(c RecordNotice, at time.Time) ([]Fact, error) {
	const what = "notice"
	b := c.NoticeSent
	at, err := happened(what, &b.Recorded, c.Sent, at)
	err = firstOf(err, need(what, "an id", b.ID), code(what, "kind", b.Notice), oneOf(what, "channel", b.Channel, Channels), f.knownAccounts(what, b.Debts))
	if err != nil {
		return nil, err
	}
	if slices.Contains(noticesToUs, b.Notice) || b.Notice == "dispute" {
		return nil, fmt.Errorf("notice: %s comes from the debtor; record it as received: %w", b.Notice, ErrInvalid)
	}
	if n := f.notice(b.ID); n != nil {
		if n.Notice == b.Notice && n.At.Equal(at) {
			return nil, nil
		}
		return f.once(what, at, b, b.ID, n.NoticeSent)
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) notice(id string) *NoticeState {
	for i := range f.Notices {
		if f.Notices[i].ID == id && id != "" {
			return &f.Notices[i]
		}
	}
	return nil
}

func (f *Facts) receiveNotice(c ReceiveNotice, at time.Time) ([]Fact, error) {
	const what = "notice"
	b := c.NoticeReceived
	at, err := f.said(what, &b.Told, c.Received, at)
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a kind", b.Notice), oneOf(what, "kind", b.Notice, noticesToUs), f.knownAccounts(what, b.Debts))
	if err != nil {
		return nil, err
	}
	if n := f.notice(b.ID); n != nil {
		if n.FromDebtor && n.Notice == b.Notice {
			return nil, nil
		}
		return f.once(what, at, b, b.ID, n.NoticeSent)
	}
	return f.once(what, at, b, b.ID, nil)
}

func (f *Facts) changeNotice(c ChangeNotice, at time.Time) ([]Fact, error) {
	n := f.notice(c.ID)
	if n == nil || n.FromDebtor {
		return nil, fmt.Errorf("notice: no such notice was sent: %w", ErrUnknown)
	}
	after := *n
	after.change(c.NoticeChanged)
	if after.Undeliverable == n.Undeliverable && after.OptedOut == n.OptedOut && after.Received == n.Received {
		return nil, nil
	}
	return []Fact{f.debtorFact(at, c.NoticeChanged)}, nil
}

func (f *Facts) checkNumber(c CheckNumber, at time.Time) ([]Fact, error) {
	const what = "number check"
	b := c.NumberChecked
	var recorded time.Time
	at, err := happened(what, &recorded, c.Received, at)
	err = firstOf(err, need(what, "an id", b.ID), need(what, "a contact point", b.Point), f.knownPoint(what, b.Point, ""),
		need(what, "the name of the database", b.Database), need(what, "an answer", b.Answer), oneOf(what, "answer", b.Answer, numberAnswers))
	if err != nil {
		return nil, err
	}
	for i := range f.Checks {
		if k := &f.Checks[i]; k.ID == b.ID {
			return f.once(what, at, b, b.ID, k.NumberChecked)
		}
	}
	return f.once(what, at, b, b.ID, nil)
}

// HoldOf is the hold of all the debtor's accounts that a status brings, without
// an id; false where it brings none or is over.
func HoldOf(b StatusKnown) (HoldPlaced, bool) {
	kind := statuses[b.Status].hold
	if kind == "" || b.over() {
		return HoldPlaced{}, false
	}
	return HoldPlaced{
		HoldKind: kind, Scope: ScopeDebtor, Until: b.Until, Contact: true, Clock: true, Fees: kind == HoldBankruptcy || kind == HoldBreathingSpace, Manual: true,
	}, true
}

// BringsHold reports whether a status usually stops contact and clock.
func BringsHold(status string) bool { return statuses[status].hold != "" }

// over reports whether a status is said to have ended.
func (b StatusKnown) over() bool {
	return b.Stage == stageEnded || b.Stage == "dismissed" || b.Stage == "closed"
}

// StagesOf lists the stages of a status.
func StagesOf(status string) []string { return slices.Clone(statuses[status].stages) }

// OwnAccount stands for the fact's own account in lists of accounts, where the
// writer does not know its id. Stores replace it; see WithAccounts.
const OwnAccount = "this"

// WithAccounts puts an account's id in the place of OwnAccount.
func WithAccounts(b Body, account string) Body {
	own := func(ids []string) []string {
		if !slices.Contains(ids, OwnAccount) {
			return ids
		}
		out := slices.Clone(ids)
		for i := range out {
			if out[i] == OwnAccount {
				out[i] = account
			}
		}
		return out
	}
	switch x := b.(type) {
	case OptedOut:
		x.Debts = own(x.Debts)
		return x
	case Consented:
		x.Debts = own(x.Debts)
		return x
	case NoticeReceived:
		x.Debts = own(x.Debts)
		return x
	case NoticeSent:
		x.Debts = own(x.Debts)
		return x
	case StatusKnown:
		x.Debts = own(x.Debts)
		return x
	}
	return b
}
