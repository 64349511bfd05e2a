package importer

import (
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

// contactData understands a row of a contacts, history or consents file.
func (r *reading) contactData() {
	switch r.p.kind {
	case mapping.Contacts:
		r.contacts()
	case mapping.History:
		r.history()
	case mapping.Consents:
		r.statement()
	}
	if len(r.rec.Said) == 0 && len(r.problems) == 0 {
		r.problem("account", "the row says nothing: it has neither a number or address nor anything about the debt")
	}
}

func (r *reading) say(s Said) { r.rec.Said = append(r.rec.Said, s) }

// word is a text that must be one of some words; "" when it is empty or refused.
func (r *reading) word(f mapping.Field, known []string, needed bool) string {
	v := strings.ToLower(r.text(f))
	switch {
	case v == "" && needed:
		r.problem(f, "the %s is empty; every row needs one of %s", f, strings.Join(known, ", "))
	case v != "" && !slices.Contains(known, v):
		hint := ""
		if near := mapping.Nearest(v, known); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		r.problem(f, "%s is not one of %s%s (translate other words under values.%s of the mapping)", quote(v), strings.Join(known, ", "), hint, f)
		return ""
	}
	return v
}

// yes reads a word for yes or no.
func (r *reading) yes(f mapping.Field) bool {
	switch strings.ToLower(r.text(f)) {
	case "", "no", "false", "n", "0":
		return false
	case "yes", "true", "y", "1", "x":
		return true
	}
	r.problem(f, "%s is neither yes nor no", quote(r.text(f)))
	return false
}

// instant is when something happened: at the time written, else at noon.
func (r *reading) instant() time.Time {
	t := r.date("at", true)
	if t.IsZero() {
		return t
	}
	return r.posted(t)
}

var (
	channelWords = []string{"email", "sms", "letter", "call"}
	logWords     = words(dunning.LoggedChannels)
	lineWords    = []string{"mobile", "landline", "voip", "work", "personal", "employer", "residence"}
	yesNoRoles   = []string{"first_party", "third_party"}
)

func words[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// valued is the contact point of the field value, zero when it is empty or not valid.
func (r *reading) valued(channel string) Point {
	v := r.text("value")
	if v == "" || channel == "" {
		return Point{}
	}
	p := Point{Channel: dunning.Channel(channel), Value: v}
	switch p.Channel {
	case dunning.Email:
		if a, err := mail.ParseAddress(v); err != nil || a.Address != v || len(v) > 254 {
			r.problem("value", "this is no email address")
			return Point{}
		}
	case dunning.SMS, dunning.Call:
		n, err := phonenumbers.Parse(v, r.rec.Debtor.Country)
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			r.problem("value", "this is no telephone number; write it as +1…, or fill the field country")
			return Point{}
		}
		p.Value = phonenumbers.Format(n, phonenumbers.E164)
		if r.p.locate != nil {
			at := r.p.locate("", "", "", p.Value)
			p.Zones, p.Places = at.Zones, at.Places
		}
	case dunning.Letter:
		p.Value = strings.ReplaceAll(strings.ReplaceAll(v, " | ", "|"), "|", "\n")
	}
	p.ID = PointID(r.p.creditor.ID, r.rec.Debtor.Key, channel, p.Value)
	return p
}

// contacts is a row about numbers and addresses, and about the account as a debt. The
// fields email, phone and address are points of their own; channel and value are one
// point with all that is known of it.
func (r *reading) contacts() {
	channel := r.word("channel", channelWords, false)
	known := dunning.PointKnown{
		PointKind: r.word("line", lineWords, false), Source: r.text("source"), Owner: r.word("owner", dunning.Relations, false), Shared: r.yes("shared"),
		Employer: r.yes("employer"), Public: r.yes("public_domain"), Evidence: r.text("evidence"),
	}
	if t := r.date("obtained", false); !t.IsZero() {
		known.Obtained = dunning.DateOf(t)
	}
	if p := r.valued(channel); p.ID != "" {
		p.Kind = known.PointKind
		r.rec.Debtor.Points = append(r.rec.Debtor.Points, p)
	} else if r.text("value") != "" && channel == "" {
		r.problem("channel", "the row has a value and no channel; say which of %s it is of", strings.Join(channelWords, ", "))
	}
	for _, p := range r.rec.Debtor.Points {
		k := known
		k.ID, k.Channel, k.Zones, k.Places = p.ID, p.Channel, p.Zones, p.Places
		if k.PointKind == "" {
			k.PointKind = p.Kind
		}
		if k.Source == "" {
			k.Source = importedBy
		}
		r.say(Said{Debtor: true, Body: k})
	}
	r.debt()
}

func (r *reading) debt() {
	d := dunning.DebtKnown{
		Class: r.word("class", []string{"consumer", "commercial"}, false), DebtKind: strings.ToLower(r.text("debt_kind")), Role: r.word("role", yesNoRoles, false),
		TimeBarred: r.yes("time_barred"), Servicing: r.text("servicing"),
	}
	if t := r.date("default_on", false); !t.IsZero() {
		d.Default = dunning.DateOf(t)
	}
	if t := r.date("charged_off", false); !t.IsZero() {
		d.ChargedOff = dunning.DateOf(t)
	}
	if d != (dunning.DebtKnown{}) {
		r.say(Said{Body: d})
	}
}

// history is a row about a contact of another system.
func (r *reading) history() {
	channel := r.word("channel", logWords, true)
	l := dunning.ContactLogged{
		Direction: r.word("direction", []string{"outbound", "inbound"}, true), Channel: dunning.Channel(channel), Outcome: r.word("outcome", dunning.Outcomes, true),
		Person: r.word("person", dunning.Relations, false), Purpose: r.text("purpose"), Creditor: r.p.creditor.ID, Collector: r.text("collector"),
		Basis: r.text("basis"), Evidence: r.text("evidence"), Seconds: r.seconds(), Point: r.valued(channel).ID,
	}
	at := r.instant()
	if len(r.problems) > 0 {
		return
	}
	l.ID = r.id("contact", at, l)
	r.say(Said{At: at, Source: l.ID, Body: l})
}

// seconds is how long something took.
func (r *reading) seconds() int {
	text := r.text("seconds")
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 86400 {
		r.problem("seconds", "%s is no number of seconds of one day", quote(text))
	}
	return n
}

// id names what a row says: by its reference, else by its content, so that the same in
// another export is the same.
func (r *reading) id(what string, at time.Time, body any) string {
	if ref := r.key("reference", false); ref != "" {
		return join(what, "ref", r.rec.Account, ref)
	}
	return join(what, r.rec.Account, shortHash([]any{at.Format(time.RFC3339), body}))
}

// statements are what a consents file may record, beside statuses.
var statements = []string{
	"consent", "revocation", "opt_out", "opt_in", "inconvenient_time", dunning.WishPlace, dunning.WishNoWork, dunning.WishCallback,
	dunning.NoticeCease, dunning.NoticeRefuses, dunning.NoticeOriginalCreditor, "dispute", "notice", "number_check",
}

// writings stop contact when they come in writing. A row that does not say how
// one came is read as if it had: nobody is written to on a doubt.
var writings = []string{dunning.NoticeCease, dunning.NoticeRefuses, dunning.NoticeOriginalCreditor, "dispute"}

// statement is a row about what somebody said, agreed to, refused or wrote, or about a
// legal status.
func (r *reading) statement() {
	record := r.word("record", slices.Concat(statements, dunning.Statuses()), true)
	at := r.instant()
	told := dunning.Told{
		Medium: r.word("medium", dunning.Media, false), Words: r.text("words"), Person: r.word("person", dunning.Relations, false), Evidence: r.text("evidence"),
	}
	if told.Medium == "" {
		told.Medium, told.Written = importedBy, slices.Contains(writings, record)
	}
	s := Said{At: at, Debtor: true, Body: r.stated(record, told)}
	r.identify(&s, record, at)
	if len(r.problems) > 0 || s.Body == nil {
		return
	}
	r.say(s)
	if b, ok := s.Body.(dunning.StatusKnown); ok {
		r.hold(b, at)
	}
}

// hold is what the status brings, or ends, where it is entered by hand, too.
func (r *reading) hold(b dunning.StatusKnown, at time.Time) {
	h, ok := dunning.HoldOf(b)
	switch {
	case ok:
		h.ID = b.ID
		r.say(Said{At: at, Debtor: true, Source: join("hold", b.ID), Body: h})
	case dunning.BringsHold(b.Status):
		r.say(Said{At: at, Debtor: true, Source: join("hold", b.ID, "end", shortHash(b)), Body: dunning.HoldLifted{ID: b.ID}})
	}
}

// stated is the body of a statement; its id is given by identify.
func (r *reading) stated(record string, told dunning.Told) dunning.Body {
	switch record {
	case "consent":
		return r.consent(told)
	case "revocation":
		return dunning.ConsentRevoked{Told: told}
	case "opt_out":
		return r.optOut(told)
	case "opt_in":
		channel := r.word("channel", channelWords, false)
		return dunning.OptedIn{Channel: dunning.Channel(channel), Point: r.valued(channel).ID, Told: told}
	case "inconvenient_time":
		return r.times(told)
	case dunning.WishPlace, dunning.WishNoWork, dunning.WishCallback:
		return dunning.WishStated{Wish: record, Place: strings.ToLower(r.text("place")), Told: told}
	case dunning.NoticeCease, dunning.NoticeRefuses, dunning.NoticeOriginalCreditor:
		return dunning.NoticeReceived{Notice: record, Debts: r.about(), Told: told}
	case "dispute":
		return dunning.DisputeRaised{Told: told}
	case "notice":
		return r.notice()
	case "number_check":
		return r.check()
	case "":
		return nil
	}
	return r.status(record, told)
}

// identify gives a statement the id by which it is known again.
func (r *reading) identify(s *Said, record string, at time.Time) {
	if s.Body == nil || len(r.problems) > 0 {
		return
	}
	id := r.id(record, at, s.Body)
	s.Source = id
	switch b := s.Body.(type) {
	case dunning.Consented:
		b.ID = id
		s.Body = b
	case dunning.ConsentRevoked:
		if r.text("reference") == "" {
			r.problem("reference", "a revocation needs the reference of the consent that it ends; a refusal of a channel is an opt_out")
		}
		b.ID = join("consent", "ref", r.rec.Account, r.text("reference"))
		s.Body = b
	case dunning.OptedOut:
		b.ID = id
		s.Body = b
	case dunning.TimesInconvenient:
		b.ID = id
		s.Body = b
	case dunning.WishStated:
		b.ID = id
		s.Body = b
	case dunning.NoticeReceived:
		b.ID = id
		s.Body = b
	case dunning.NoticeSent:
		b.ID = id
		s.Body = b
	case dunning.NumberChecked:
		b.ID = id
		s.Body = b
	case dunning.StatusKnown:
		if b.ID = id; r.text("reference") == "" {
			b.ID = join(record, r.rec.Account) // one of a kind: a later row is more about it
		}
		s.Body, s.Source = b, join(b.ID, shortHash([]any{at.Format(time.RFC3339), b}))
	case dunning.DisputeRaised:
		b.ID, s.Debtor = id, false
		s.Body = b
	}
}

// about are the accounts that a statement is about: none is all.
func (r *reading) about() []string {
	if r.word("about", []string{"all", "account"}, false) == "account" {
		return []string{dunning.OwnAccount}
	}
	return nil
}

func (r *reading) consent(told dunning.Told) dunning.Body {
	channel := r.word("channel", channelWords, false)
	c := dunning.Consented{
		Basis: strings.ToLower(r.text("basis")), Channel: dunning.Channel(channel), Point: r.valued(channel).ID, Scope: strings.ToLower(r.text("scope")),
		Direct: r.yes("direct"), Purpose: r.text("purpose"), Debts: r.about(), From: r.clock("from"), To: r.clock("to"), Told: told,
	}
	if c.Basis == "" {
		r.problem("basis", "a consent needs its basis, such as express or written")
	}
	if c.Scope == "" {
		c.Scope = "contact"
	}
	if t := r.date("until", false); !t.IsZero() {
		c.Until = r.p.at(t.AddDate(0, 0, 1), 0)
	}
	return c
}

func (r *reading) optOut(told dunning.Told) dunning.Body {
	channel := r.word("channel", append([]string{"all"}, channelWords...), false)
	o := dunning.OptedOut{
		Refusal: r.word("scope", []string{"medium", "keyword", "revocation", "marketing"}, false), Topic: r.text("purpose"),
		Debts: r.about(), Told: told,
	}
	// Where the row does not say what was refused, the wider reading is recorded.
	if o.Everything = channel == "all" || channel == "" && o.Topic == "" && o.Refusal != dunning.RefusesMarketing; !o.Everything {
		o.Channel, o.Point = dunning.Channel(channel), r.valued(channel).ID
	}
	return o
}

func (r *reading) times(told dunning.Told) dunning.Body {
	t := dunning.TimesInconvenient{From: r.clock("from"), To: r.clock("to"), Zone: r.text("zone"), Told: told}
	for _, d := range strings.FieldsFunc(r.text("days"), func(c rune) bool { return c == ',' || c == ' ' || c == ';' }) {
		if len(d) < 3 || !slices.Contains([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, strings.ToLower(d[:3])) {
			r.problem("days", "%s is no day; write Mon to Sun", quote(d))
			return t
		}
		t.Days = append(t.Days, strings.ToUpper(d[:1])+strings.ToLower(d[1:3]))
	}
	if t.Zone != "" && !knownZone(t.Zone) {
		r.problem("zone", "%s is no time zone; write an IANA name such as America/New_York, or leave it empty for the debtor's own", quote(t.Zone))
	}
	if t.From == "" || t.To == "" {
		r.problem("from", "inconvenient times need from and to, as HH:MM")
	}
	return t
}

// clock is a local time of day, "" when it is empty or not valid.
func (r *reading) clock(f mapping.Field) string {
	v := r.text(f)
	if v == "" || v == "24:00" {
		return v
	}
	if _, _, err := mapping.ParseTime(v); err != nil {
		r.problem(f, "%v", err)
		return ""
	}
	return v
}

func (r *reading) notice() dunning.Body {
	n := dunning.NoticeSent{
		Notice: strings.ToLower(r.text("notice")), Channel: dunning.Channel(r.word("channel", channelWords, false)),
		Debts: r.about(), Proof: r.text("evidence"),
	}
	if n.Notice == "" {
		r.problem("notice", "a notice needs its kind, such as validation_notice")
	}
	if t := r.date("until", false); !t.IsZero() {
		n.Ends = dunning.DateOf(t)
	}
	return n
}

func (r *reading) check() dunning.Body {
	channel := r.word("channel", []string{"sms", "call"}, true)
	c := dunning.NumberChecked{Point: r.valued(channel).ID, Database: r.text("database"), Answer: r.word("answer", []string{
		"same",
		"reassigned", "no_data",
	}, true)}
	if c.Point == "" && len(r.problems) == 0 {
		r.problem("value", "a number check needs the number")
	}
	if c.Database == "" {
		r.problem("database", "a number check needs the name of the database")
	}
	return c
}

func (r *reading) status(record string, told dunning.Told) dunning.Body {
	s := dunning.StatusKnown{Status: record, Stage: r.word("stage", dunning.StagesOf(record), false), Debts: r.about(), Told: told}
	if t := r.date("until", false); !t.IsZero() {
		s.Until = r.p.at(t.AddDate(0, 0, 1), 0)
	}
	return s
}

// restricts reports whether a statement takes permission away, or stops contact.
func restricts(b dunning.Body) bool {
	switch b := b.(type) {
	case dunning.OptedOut, dunning.ConsentRevoked, dunning.TimesInconvenient, dunning.NoticeReceived, dunning.DisputeRaised, dunning.HoldPlaced:
		return true
	case dunning.WishStated:
		return b.Wish != dunning.WishCallback
	case dunning.StatusKnown:
		_, stops := dunning.HoldOf(b)
		return stops || b.Stage == "" || b.Stage == "open"
	case dunning.NumberChecked:
		return b.Answer == "reassigned"
	}
	return false
}

// saidFacts are what a row of contact data says.
func (s *stager) saidFacts(rec Record) []dunning.Fact {
	out := make([]dunning.Fact, len(rec.Said))
	for i, x := range rec.Said {
		if x.At.IsZero() || !s.at.IsZero() && x.At.After(s.at) && restricts(x.Body) {
			x.At = s.at // what is on file has been received: a day without a time must not hold a refusal back until noon
		}
		if x.Source == "" {
			x.Source = join("said", shortHash(x.Body))
			if !x.Debtor {
				x.Source = join("said", rec.Account, shortHash(x.Body))
			}
		}
		out[i] = s.fact(rec, x.At, x.Source, x.Body)
		if x.Debtor {
			out[i].Account = ""
		}
	}
	return out
}
