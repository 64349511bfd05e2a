package contactfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/dunning/contact"
)

// preferences sorts what people said into wishes, consents and refusals.
func (c *Case) preferences(q *contact.Query) error {
	for i, p := range c.Facts.Preferences {
		p.By = first(p.By, p.GivenBy, c.Facts.Consumer.ID)
		id := fmt.Sprintf("%s-%d", p.Kind, i+1)
		var err error
		switch p.Kind {
		case "inconvenient_time", "inconvenient_place", "no_work_calls", "callback_request":
			err = p.wish(q, id)
		case "media_opt_out", "inbound_text", "tcpa_revocation", "marketing_unsubscribe":
			p.refusal(q, id)
		case "consent", "tcpa_consent", "dc_ecomm_consent", "nyc_ecomm_consent", "ny_email_consent":
			if c.Question.Consent != "none" {
				err = p.consent(q, id)
			}
		}
		if err != nil {
			return fmt.Errorf("preferences[%d]: %w", i, err)
		}
	}
	for _, p := range c.Facts.Preferences { // last, because the list has no order
		if p.Kind == "inbound_text" && isStart(p.Text) {
			withdraw(q, p)
		}
	}
	return nil
}

func first(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// at is when it took effect. A refusal without an instant has always been
// known; a consent without one is none (see consent).
func (p preference) at() time.Time {
	if p.ReceivedAt != nil {
		return *p.ReceivedAt
	}
	return or(p.At)
}

func (p preference) wish(q *contact.Query, id string) error {
	w := contact.Preference{ID: id, Kind: contact.PreferenceKind(p.Kind), By: p.By, At: p.at(), Place: p.Place, Written: p.Written}
	var err error
	if w.From, w.To, err = clocks(p.From, p.To); err != nil {
		return err
	}
	for _, d := range p.Days {
		n := strings.Index("SunMonTueWedThuFriSat", d)
		if len(d) != 3 || n < 0 || n%3 != 0 {
			return fmt.Errorf("day %q: write Mon to Sun", d)
		}
		w.Days |= 1 << (n / 3)
	}
	if p.TZ != "" {
		if w.Location, err = zone(p.TZ); err != nil {
			return err
		}
	}
	q.Preferences = append(q.Preferences, w)
	return nil
}

// clocks reads two times of day; both absent is the whole day, which is
// written as two equal times.
func clocks(from, to string) (int, int, error) {
	if from == "" && to == "" {
		return 0, 0, nil
	}
	f, err := contact.ParseClock(first(from, "00:00"))
	if err != nil {
		return 0, 0, err
	}
	t, err := contact.ParseClock(first(to, "24:00"))
	return f, t, err
}

func (p preference) refusal(q *contact.Query, id string) {
	o := contact.OptOut{
		ID: id, By: p.By, At: p.at(), Channel: medium(p.Scope.Channel), PointID: p.Scope.AddressID, Keyword: isStop(p.Text), InReplyTo: p.InReplyTo,
		Written: p.Written || p.MediumUsed == "sms" || p.MediumUsed == "email" || p.MediumUsed == "letter",
	}
	used := p.MediumUsed
	switch p.Kind {
	case "media_opt_out":
		o.Kind = contact.OptOutMedium
	case "marketing_unsubscribe":
		o.Kind, o.Channel = contact.OptOutMarketing, "email"
	default:
		o.Channel, o.PointID, used = "sms", p.AddressID, "sms"
		o.Kind = contact.OptOutRevocation
		if p.Kind == "inbound_text" {
			o.Kind = contact.OptOutKeyword
		}
	}
	if used == "sms" || used == "email" {
		// Saying so was a contact by the person, which may be answered once.
		q.Ledger = append(q.Ledger, contact.Contact{
			ID: id, At: p.at(), Direction: contact.Inbound, Channel: used, Outcome: "received",
			Person: p.By, PointID: o.PointID, Debts: c0(q),
		})
	}
	if o.Kind != contact.OptOutKeyword {
		q.OptOuts = append(q.OptOuts, o)
		return
	}
	media, keyword := refused(p.Text)
	for _, m := range media {
		x := o
		if x.Channel, x.Keyword = m, keyword; m != "sms" {
			x.Kind, x.PointID, x.Written = contact.OptOutMedium, "", true // said about the medium, not about this number
		}
		q.OptOuts = append(q.OptOuts, x)
	}
}

// medium that a refusal names; one that is not known may be any, so it is every
// medium ("").
func medium(s string) string {
	switch s = strings.ToLower(strings.TrimSpace(s)); s {
	case "call", "prerecorded_call", "sms", "email", "letter", "postcard", "visit", "social_public":
		return s
	case "voice", "phone", "telephone":
		return "call"
	case "text":
		return "sms"
	}
	return ""
}

// c0 lists the debts of the question.
func c0(q *contact.Query) []string {
	ids := make([]string, len(q.Debts))
	for i, d := range q.Debts {
		ids[i] = d.ID
	}
	return ids
}

// withdraw ends earlier refusals by text from the same number: START.
func withdraw(q *contact.Query, start preference) {
	for i := range q.OptOuts {
		o := &q.OptOuts[i]
		text := o.Kind == contact.OptOutKeyword || o.Kind == contact.OptOutMedium && o.Channel == "sms" && o.Keyword
		if text && o.PointID == start.AddressID && o.At.Before(start.at()) {
			o.Withdrawn = start.at()
		}
	}
}

func (p preference) consent(q *contact.Query, id string) error {
	if p.at().IsZero() {
		return nil // permission without a date is no permission
	}
	k := contact.Consent{
		ID: id, By: p.By, At: p.at(), Written: p.Written, Channels: p.Channels, PointID: p.AddressID,
		EmployerOwned: p.EmployerOwned, Basis: p.Basis,
	}
	switch p.Kind {
	case "tcpa_consent":
		k.Kind = "tcpa"
	case "dc_ecomm_consent":
		k.Kind = "dc_ecomm"
	case "nyc_ecomm_consent":
		k.Kind = "nyc_ecomm"
	case "ny_email_consent":
		k.Kind, k.Channels = "ny_email", []string{"email"}
	default:
		return p.contact(q, k)
	}
	q.Consents = append(q.Consents, k)
	return nil
}

// contact is consent under the federal rule, as far as its scope goes.
func (p preference) contact(q *contact.Query, k contact.Consent) error {
	s := p.Scope
	k.Kind, k.GivenTo, k.Direct, k.Tainted = "contact", p.GivenTo, p.Direct, p.DuringBreach
	k.Purpose, k.Frequency, k.Debts, k.PointID = s.Purpose, s.Frequency, s.Debts, s.AddressID
	if s.Channel != "" {
		k.Channels = []string{s.Channel}
	}
	var err error
	if k.OnlyOn, err = date("only_on", s.OnlyOn); err != nil {
		return err
	}
	if s.From != "" || s.To != "" {
		k.Hours = true
		if k.From, k.To, err = clocks(s.From, s.To); err != nil {
			return err
		}
	}
	q.Consents = append(q.Consents, k)
	return nil
}

// squeeze lowers the case and takes out spaces and punctuation at the ends.
func squeeze(text string) string {
	s := strings.ToLower(strings.Join(strings.Fields(text), ""))
	return strings.Trim(s, ".,;:!?'\"-*()")
}

// isStop: the message is one of the stop words and nothing else.
func isStop(text string) bool {
	switch squeeze(text) {
	case "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt-out":
		return true
	}
	return false
}

func isStart(text string) bool {
	switch squeeze(text) {
	case "start", "yes", "unstop":
		return true
	}
	return false
}

// refused classifies a text message as the replies of real debtors are (the
// answers package): the media it refuses, "" meaning every one, and whether it
// is a stop word and nothing else. A message about a wrong number refuses texts
// to that number. HELP and INFO are no refusal, and what is doubtful is one.
func refused(text string) (media []string, keyword bool) {
	if isStop(text) {
		return []string{"sms"}, true
	}
	r := answers.Read(answers.Input{Text: text, Channel: "sms"})
	for _, f := range r.Findings {
		switch {
		case f.Intent == answers.OptOut:
			media, keyword = append(media, scopes(f.Scope)...), keyword || f.Keyword
		case f.Intent == answers.Cease:
			media = append(media, "")
		case f.Intent == answers.WrongPerson && f.Sure():
			media = append(media, "sms")
		}
	}
	slices.Sort(media)
	return slices.Compact(media), keyword
}

// scopes are the media that an opt-out's words name.
func scopes(s string) []string {
	switch s {
	case "", "sms":
		return []string{"sms"}
	case "electronic":
		return []string{"email", "sms"}
	case "email", "call", "letter":
		return []string{s}
	}
	return []string{""} // all, and what is not known
}

// burdens are words of an opt-out method that asks for more than the wish and
// the address.
var burdens = []string{
	"log in", "log-in", "login", "log into", "sign in", "password", "account", "fee", "pay", "$", "charge", "usd", "ssn", "social security",
	"date of birth", "birth", "reason", "form", "notar", "identification", "full name", "id number", "call us", "phone us", "fax",
}

func (m content) facts() *contact.Content {
	extra := m.extras()
	return &contact.Content{
		OptOutNotice:          yes(m.OptOutNotice),
		SimpleOptOut:          tri(!contains(m.Method, burdens)),
		OnlyConfirmation:      tri((m.OnlyConfirmation == nil || *m.OnlyConfirmation) && !extra),
		InitialDisclosure:     yes(m.MiniMiranda),
		LaterDisclosure:       contact.Yes, // as AgencyParticulars
		BusinessName:          tri(m.BusinessName == nil || strings.TrimSpace(*m.BusinessName) != ""),
		RequestsReply:         yes(m.RequestsReply),
		NaturalPersonName:     yes(m.NaturalPersonName),
		CallbackNumber:        yes(m.CallbackNumber),
		NothingElse:           tri(!extra),
		RevealsDebtCollection: tri(m.reveals()),
		ThreatensSuit:         tri(m.Threat != nil && *m.Threat != ""),
		DemandsEarlyPayment:   tri(m.Demand != ""),
		AgencyParticulars:     contact.Yes, // the format has no word for them: in order
		EarlierAnswerDoubtful: tri(m.EarlierDoubtful != nil && *m.EarlierDoubtful),
	}
}

// reveals: the file says that it shows a debt; where it says nothing, the
// business name may.
func (m content) reveals() bool {
	if m.IndicatesDebt != nil {
		return *m.IndicatesDebt
	}
	return m.BusinessName != nil && contains(*m.BusinessName, []string{"debt", "collect"})
}

// extras: anything beyond the permitted content, as a string or a list.
func (m content) extras() bool {
	var list []json.RawMessage
	if json.Unmarshal(m.Extra, &list) == nil {
		return len(list) > 0
	}
	s := bytes.TrimSpace(m.Extra)
	return len(s) > 0 && !bytes.Equal(s, []byte("null")) && !bytes.Equal(s, []byte(`""`))
}

func contains(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func tri(b bool) contact.Tri {
	if b {
		return contact.Yes
	}
	return contact.No
}

// yes: what is not mentioned is in order.
func yes(b *bool) contact.Tri { return tri(b == nil || *b) }

// charge of a question about adding a sum or interest.
func (m content) charge() *contact.Charge {
	points := strings.TrimPrefix(strings.ReplaceAll(m.DefaultInterest, " ", ""), "base+")
	return &contact.Charge{FixedSum: m.FixedSum, LumpSum: m.LumpSum, Interest: m.DefaultInterest != "", Points: strings.TrimSuffix(points, "%")}
}
