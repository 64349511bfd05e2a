package tell

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// Line is a fact in words.
type Line struct {
	Title string
	Text  string    // what belongs to the title, shorter
	Mark  string    // kind of its badge: good, warn, bad, info, quiet
	ID    string    // of the message, hold, promise, … that it is about
	Opens time.Time // until when, or from when
	Wrote bool      // the debtor's own words: they are kept under ID
	For   []string  // who is to read it

	said []string // members that title and text say already
}

// Fact puts a fact into words. A kind that has none of its own is named by its code.
func Fact(body dunning.Body, people People) Line {
	t := teller{people}
	for _, tell := range []func(dunning.Body) (Line, bool){
		t.money, t.agreement, t.settlement, t.hold, t.task, t.lease, t.message, t.spoken, t.note, t.step, t.known, t.said, t.notice,
	} {
		if l, ok := tell(body); ok {
			l.Mark = either(l.Mark, "quiet")
			return l
		}
	}
	return Line{Title: Sentence(string(body.Kind())), Mark: "quiet"}
}

type teller struct{ People }

func (t teller) money(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.Item:
		l.Title, l.Text, l.said = "Invoice "+either(b.Number, b.Key)+" of "+web.Money(b.Amount), "due "+b.Due.String(), []string{"amount", "due", "number"}
		if b.Number == "" {
			l.said = append(l.said, "key")
		}
	case dunning.ItemCorrected:
		l.Title, l.Text, l.said = "Invoice corrected", strings.TrimSpace(web.Money(b.Amount)+" "+web.Words(b.Reason)), []string{"amount", "reason"}
	case dunning.Payment:
		l = Line{Title: "Paid " + web.Money(b.Amount), Mark: "good", ID: b.ID, said: []string{"amount"}}
	case dunning.PaymentReversed:
		l = Line{Title: "Payment taken back", Mark: "bad", Text: web.Words(b.Reason), said: []string{"reason"}}
	case dunning.ItemsDisposed:
		l = Line{Title: count(len(b.Items), "invoice", "invoices") + " now " + web.Words(b.To), Text: web.Words(b.Reason), said: []string{"to", "reason"}}
	default:
		return l, false
	}
	return l, true
}

func (t teller) agreement(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.PromiseMade:
		l = Line{Title: fmt.Sprintf("Promised %s by %s", web.Money(b.Amount), b.Due), Mark: "info", ID: b.ID, said: []string{"amount", "due"}}
	case dunning.PromiseEnded:
		l = ended("Promise "+b.Outcome, b.Outcome)
	case dunning.OfferOpened:
		l = Line{Title: "Plan offered", Mark: "info"}
	case dunning.OfferEnded:
		l = ended("Offer "+b.Outcome, b.Outcome)
	case dunning.PlanAgreed:
		l = Line{Title: "Plan of " + count(len(b.Instalments), "instalment", "instalments"), Mark: "info", ID: b.ID}
	case dunning.PlanEnded:
		l = ended("Plan "+web.Words(b.Outcome), b.Outcome)
	default:
		return l, false
	}
	return l, true
}

// ended is the end of an agreement.
func ended(title, outcome string) Line {
	return Line{Title: title, Mark: outcomeMark(outcome), said: []string{"outcome"}}
}

func (t teller) settlement(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.SettlementOffered:
		l = Line{
			Title: fmt.Sprintf("Settlement: %s for %s by %s", web.Money(b.Amount), web.Money(b.Owed), b.Due), Mark: "info", ID: b.ID, Text: settlementText(b),
			said: []string{"amount", "owed", "due", "approval", "accepted"},
		}
	case dunning.SettlementAnswered:
		l = Line{Title: "Settlement " + b.Outcome, Mark: "good", said: []string{"outcome"}}
	case dunning.SettlementEnded:
		l = ended("Settlement "+b.Outcome, b.Outcome)
	default:
		return l, false
	}
	return l, true
}

func settlementText(b dunning.SettlementOffered) string {
	switch {
	case b.Approval && b.Accepted:
		return "agreed by the debtor, waits for approval"
	case b.Approval:
		return "waits for approval"
	case b.Accepted:
		return "agreed"
	}
	return "offered"
}

func outcomeMark(outcome string) string {
	switch outcome {
	case "kept", "paid_off", "accepted":
		return "good"
	case "broken", "declined", "rejected":
		return "bad"
	case "partly", "cancelled", "expired", "withdrawn":
		return "warn"
	}
	return "quiet"
}

func (t teller) hold(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.HoldPlaced:
		l = Line{Title: "Held: " + web.Words(b.HoldKind), Mark: "warn", ID: b.ID, Opens: b.Until, said: []string{"hold"}}
	case dunning.HoldLifted:
		l.Title = "Hold lifted"
	case dunning.HoldExtended:
		l = Line{Title: "Hold’s end moved", Opens: b.Until}
	case dunning.DisputeRaised:
		l = Line{Title: "Disputed" + of(b.Item), Mark: "warn", Text: b.Words, ID: b.ID, said: []string{"item", "words"}}
	case dunning.DisputeResolved:
		l = Line{Title: "Dispute " + b.Outcome, said: []string{"outcome"}}
	default:
		return l, false
	}
	return l, true
}

func of(item string) string {
	if item == "" {
		return ""
	}
	return ": " + item
}

func (t teller) task(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.TaskOpened:
		work := read.Work{Kind: "task:" + string(b.Task), Step: b.Step, Reason: b.Reason, Attempts: b.Attempts}
		l = Line{Title: either(Task(work), "Task"), Mark: "info", ID: b.ID, said: []string{"queue"}}
		if b.Queue != "" {
			l.Text = "Queue " + web.Words(b.Queue)
		}
	case dunning.TaskEnded:
		l = Line{Title: "Task done: " + web.Words(b.Outcome), said: []string{"outcome"}}
	case dunning.CallbackSet:
		l = Line{Title: "Callback planned", Mark: "info", ID: b.ID, Text: b.Words, Opens: b.When, said: []string{"words"}}
	case dunning.CallbackMoved:
		l = Line{Title: "Callback moved", Opens: b.When}
	case dunning.CallbackEnded:
		l = Line{Title: "Callback " + b.Outcome, said: []string{"outcome"}}
	default:
		return l, false
	}
	return l, true
}

func (t teller) lease(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.LeaseTaken:
		l = Line{Title: "Taken over by " + t.Owner(b.Owner), Opens: b.Until, Text: b.Words, said: []string{"owner", "words"}}
		if b.From != "" {
			l.Title = "Handed over to " + t.Owner(b.Owner)
		}
	case dunning.LeaseEnded:
		l = Line{Title: "Case " + web.Words(b.Outcome), said: []string{"outcome"}}
	default:
		return l, false
	}
	return l, true
}

// message are the contacts that Duly makes itself.
func (t teller) message(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.ContactPlanned:
		l = Line{Title: Sentence(Channel(b.Channel)) + template(b.Template) + " planned", Mark: "info", ID: b.ID, said: []string{"channel", "template", "step"}}
		if b.Step != "" {
			l.Text = "Step " + web.Words(b.Step)
		}
	case dunning.ContactMoved:
		l = Line{Title: "Message " + ContactState(b.State), Mark: contactMark(b.State), ID: b.ID, said: []string{"state"}}
	case dunning.MessageAsked:
		l = Line{Title: "Asked for: " + Channel(b.Channel) + template(b.Template), Mark: "info", ID: b.ID, said: []string{"channel", "template"}}
	default:
		return l, false
	}
	return l, true
}

func template(name string) string {
	if name == "" {
		return ""
	}
	return " “" + web.Words(name) + "”"
}

// ContactState says how far a message has come.
func ContactState(s dunning.ContactState) string {
	words := map[dunning.ContactState]string{
		dunning.ContactReserved: "reserved", dunning.ContactSending: "is being handed over", dunning.ContactAccepted: "accepted by the provider",
		dunning.ContactFailed: "failed: it did not leave", dunning.ContactUnknown: "sent or not? Nobody knows yet", dunning.ContactBounced: "came back",
		dunning.ContactCancelled: "cancelled before it left",
	}
	return either(words[s], web.Words(s))
}

func contactMark(s dunning.ContactState) string {
	switch s {
	case dunning.ContactAccepted:
		return "good"
	case dunning.ContactFailed, dunning.ContactBounced:
		return "bad"
	case dunning.ContactUnknown:
		return "warn"
	}
	return "quiet"
}

// spoken are calls, replies, and what the debtor said of contact.
func (t teller) spoken(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.ContactLogged:
		l = Line{Title: Sentence(Channel(b.Channel)) + ": " + web.Words(b.Outcome), Mark: "info", ID: b.ID, said: []string{"channel", "outcome", "direction"}}
		if b.Direction == "inbound" {
			l.Title, l.Mark, l.Wrote = "Debtor’s "+Channel(b.Channel)+": "+web.Words(b.Outcome), "good", b.Outcome == "received"
		}
	case dunning.OptedOut:
		l = Line{Title: "Opted out of " + either(Channel(b.Channel), "everything"), Mark: "bad", Text: b.Words, said: []string{"channel", "words"}}
	case dunning.OptedIn:
		l = Line{Title: "Opted in again: " + either(Channel(b.Channel), "everything"), Mark: "good", said: []string{"channel"}}
	case dunning.Consented:
		l = Line{Title: "Consent: " + either(Channel(b.Channel), "contact"), Mark: "good", Text: web.Words(b.Basis), said: []string{"channel", "basis"}}
	case dunning.ConsentRevoked:
		l = Line{Title: "Consent revoked", Mark: "bad", Text: b.Words, said: []string{"words"}}
	case dunning.PointDead:
		l = Line{Title: "Address unusable", Mark: "bad", Text: web.Words(b.Reason), said: []string{"reason"}}
	default:
		return l, false
	}
	return l, true
}

func (t teller) note(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.NoteWritten:
		l = Line{Title: "Note", Text: b.Text, ID: b.ID, said: []string{"text", "mentions"}}
		for _, user := range b.Mentions {
			l.For = append(l.For, either(t.People[user], user))
		}
	case dunning.NotePinned:
		l.Title = "Note pinned"
	case dunning.NoteUnpinned:
		l.Title = "Note unpinned"
	case dunning.MentionSeen:
		l = Line{Title: "Note read by " + either(t.People[b.User], b.User), said: []string{"user"}}
	default:
		return l, false
	}
	return l, true
}

// shortVersion is the beginning of a version by which people tell it from others.
func shortVersion(v string) string { return v[:min(8, len(v))] }

// moveEnded says what ended a migration that waited.
var moveEnded = map[string]string{
	"refused":  "By that version a message or call would have been due within a day that is not due now, and the order did not allow it. The case stays on its version.",
	"replaced": "Another version was asked for.",
	"closed":   "The case was closed before.",
}

// movesText says for invoices that stood alike from which step to which they went, and what
// is left out for them.
func movesText(b dunning.Migrated) string {
	var out []string
	for _, m := range b.Moves {
		text := strings.Join(m.Items, ", ") + ": next " + stepWords(m.To)
		if m.From != m.To {
			text += ", before " + stepWords(m.From)
		}
		if len(m.Waived) > 0 {
			text += "; left out: " + web.Words(strings.Join(m.Waived, ", "))
		}
		out = append(out, text)
	}
	return strings.Join(append(out, b.Reason), " · ")
}

func stepWords(step string) string {
	if step == "" {
		return "the end"
	}
	return web.Words(step)
}

func (t teller) step(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.CaseOpened:
		l = Line{Title: "Case opened", Text: "Sequence " + b.Sequence, said: []string{"sequence"}}
	case dunning.CaseClosed:
		l = Line{Title: "Case closed: " + web.Words(b.Reason), said: []string{"reason"}}
	case dunning.MigrationAsked:
		l = Line{
			Title: "Move to version " + shortVersion(b.Version) + " of sequence " + b.Sequence + " asked for", Text: b.Reason, ID: b.ID, Mark: "info",
			said: []string{"sequence", "sequence_version", "reason"},
		}
	case dunning.MigrationEnded:
		l = Line{Title: "Move to another version: " + web.Words(b.Outcome), Text: moveEnded[b.Outcome], ID: b.ID, said: []string{"outcome"}}
	case dunning.Migrated:
		l = Line{
			Title: "Moved from version " + shortVersion(b.FromVersion) + " to " + shortVersion(b.Version) + " of sequence " + b.Sequence, Text: movesText(b), ID: b.ID, Mark: "info",
			said: []string{"sequence", "from_version", "sequence_version", "moves"},
		}
	case dunning.StepsWaived:
		l = Line{Title: "Left out: " + web.Words(strings.Join(b.Steps, ", ")), Text: web.Words(b.Why), said: []string{"steps", "why"}}
	case dunning.StepPassed:
		l = Line{Title: "Passed over: " + web.Words(b.Step), Text: "its condition was false", said: []string{"step"}}
	case dunning.StepCounted:
		l = Line{Title: "Step done: " + web.Words(b.Step), Text: web.Words(b.Why), said: []string{"step", "why"}}
	case dunning.RoundBegun:
		l = Line{Title: "Back to step " + web.Words(b.Step), Text: web.Words(b.Why), said: []string{"step", "why"}}
	case dunning.EntryEnded:
		l = Line{Title: "No message for step " + web.Words(b.Step), Text: web.Words(b.Why), said: []string{"step", "why"}}
	default:
		return l, false
	}
	return l, true
}

// known is what is known of the debtor and the debt.
func (t teller) known(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.DebtorKnown:
		l = Line{Title: "Debtor known", Text: web.Words(b.DebtorKind), said: []string{"debtor_kind"}}
	case dunning.PointKnown:
		l = Line{Title: "Address known: " + Channel(b.Channel), Text: web.Words(b.PointKind), said: []string{"channel", "point_kind"}}
	case dunning.PersonKnown:
		l = Line{Title: "Person known: " + web.Words(b.Relation), said: []string{"relation"}}
	case dunning.LocationKnown:
		l = Line{Title: "Whereabouts known", Text: strings.TrimPrefix(b.Place+", "+b.Zone, ", "), said: []string{"place", "zone"}}
		if b.Place+b.Zone == "" {
			l.Title, l.Text = "Whereabouts not known any more", ""
		}
	case dunning.StatusKnown:
		l = Line{Title: "Status: " + strings.TrimSpace(web.Words(b.Status)+" "+web.Words(b.Stage)), Mark: "warn", said: []string{"status", "stage"}}
	case dunning.DebtKnown:
		l = Line{Title: "Debt known", Text: web.Words(either(b.DebtKind, b.Class)), said: []string{"debt_kind"}}
		if b.DebtKind == "" {
			l.said = []string{"class"}
		}
	case dunning.FeedSeen:
		l = Line{Title: "Payment data complete", Opens: b.Until}
	case dunning.NumberChecked:
		l = Line{Title: "Number checked: " + web.Words(b.Answer), Text: b.Database, said: []string{"answer", "database"}}
	default:
		return l, false
	}
	return l, true
}

// said are wishes.
func (t teller) said(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.WishStated:
		l = Line{Title: "Wish: " + web.Words(b.Wish), Text: b.Words, said: []string{"wish", "words"}}
	case dunning.WishWithdrawn:
		l = Line{Title: "Wish withdrawn", Text: b.Words, said: []string{"words"}}
	case dunning.TimesInconvenient:
		l = Line{Title: "Inconvenient times", Text: inconvenient(b), said: []string{"days", "from", "to", "zone"}}
	default:
		return l, false
	}
	return l, true
}

func inconvenient(b dunning.TimesInconvenient) string {
	days, hours := strings.Join(b.Days, ", "), b.From+" to "+b.To
	if days == "" {
		days = "every day"
	}
	if b.From == b.To {
		hours = "the whole day"
	}
	return strings.TrimSpace(days + " " + hours + " " + b.Zone)
}

// notice are legal notices, ours and the debtor's.
func (t teller) notice(body dunning.Body) (l Line, ok bool) {
	switch b := body.(type) {
	case dunning.NoticeSent:
		l = Line{Title: "Notice sent: " + web.Words(b.Notice), Mark: "info", ID: b.ID, said: []string{"notice", "channel"}}
		if b.Channel != "" {
			l.Text = "by " + Channel(b.Channel)
		}
	case dunning.NoticeReceived:
		l = Line{Title: "Notice received: " + web.Words(b.Notice), Mark: "warn", ID: b.ID, Text: b.Words, said: []string{"notice", "words"}}
	case dunning.NoticeChanged:
		l = Line{Title: "Notice " + noticeFate(b), ID: b.ID}
	default:
		return l, false
	}
	return l, true
}

func noticeFate(b dunning.NoticeChanged) string {
	var parts []string
	if b.Undeliverable {
		parts = append(parts, "came back")
	}
	if !b.Delivered.IsZero() {
		parts = append(parts, "delivered on "+b.Delivered.String())
	}
	if b.OptedOut {
		parts = append(parts, "objected to")
	}
	if len(parts) == 0 {
		return "looked into"
	}
	return strings.Join(slices.Clip(parts), ", ")
}

func count(n int, one, many string) string { return web.Plural(n, one, many) }
