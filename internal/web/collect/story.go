package collect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

// event is one thing in the story of a case: a message with all its states is one.
type event struct {
	At    time.Time
	Group string
	Mark  string // badge kind
	Title string
	Text  string
	By    string
	ID    string // of the message, hold, … : what y copies
	Badge string // state in a word
	Steps []read.AttemptRow
	Rule  string
	Opens time.Time
	Times int // how often in a row, when more than once
	Zone  string
	Note  *dunning.NoteState // of a note
	For   string             // who is to read it
	Wrote bool               // the debtor themselves, in the message ID
}

// dayOfEvents are those of one day where the debtor is.
type dayOfEvents struct {
	Day    dunning.Date
	Events []event
}

// storyRows is how much of the story a page holds.
const storyRows = 150

// story fills the timeline of the page: newest first, by the debtor's days.
func (d Deps) story(ctx context.Context, r *web.Request, p *casePage) error {
	f := read.TimelineFilter{}
	if p.Group != "" {
		f.Groups = []string{p.Group}
	}
	list, err := d.Read.CaseTimeline(ctx, r.Scope(identity.View), p.Case, f, read.Page{After: r.R.URL.Query().Get("after"), Limit: storyRows})
	if err != nil {
		return err
	}
	p.More = list.Next
	t := teller{casePage: p, messages: map[string]read.MessageRow{}}
	for _, m := range p.Messages {
		t.messages[m.ID] = m
	}
	for _, row := range list.Rows {
		t.tell(row)
	}
	d.words(ctx, t.events)
	slices.SortStableFunc(t.events, func(a, b event) int { return b.At.Compare(a.At) })
	p.Events = byDay(t.events, p.zone())
	return nil
}

const (
	debtor      = "debtor" // who writes facts of what debtors told us
	repliesRead = 25       // of a page: the newest
	replyRunes  = 4000     // of one reply
)

// words adds what debtors wrote to the replies among events, newest first. Whose words may be
// read follows from the fact: only what came from the debtor is looked up, never an id that
// somebody typed, who could name another's message.
func (d Deps) words(ctx context.Context, events []event) {
	left := repliesRead
	for i := range events {
		e := &events[i]
		if !e.Wrote || d.Reply == nil || left == 0 {
			continue
		}
		left--
		subject, text, err := d.Reply(ctx, e.ID)
		switch {
		case err != nil || strings.TrimSpace(text) == "":
			e.Text = "Its words are not kept here."
		case subject != "":
			e.Text = subject + " · " + shortened(text)
		default:
			e.Text = shortened(text)
		}
	}
}

func shortened(text string) string {
	if r := []rune(strings.TrimSpace(text)); len(r) > replyRunes {
		return string(r[:replyRunes]) + "…"
	}
	return strings.TrimSpace(text)
}

func byDay(events []event, zone *time.Location) []dayOfEvents {
	var out []dayOfEvents
	for _, e := range events {
		day := dunning.DateOf(e.At.In(zone))
		if n := len(out); n > 0 && out[n-1].Day == day {
			out[n-1].Events = append(out[n-1].Events, e)
			continue
		}
		out = append(out, dayOfEvents{day, []event{e}})
	}
	return out
}

// teller makes events of rows.
type teller struct {
	*casePage
	messages map[string]read.MessageRow
	events   []event
}

func (t *teller) tell(row read.TimelineRow) {
	e := event{At: row.At, Group: row.Group, Mark: "quiet", By: t.By(row.By), Zone: t.casePage.Zone}
	switch {
	case row.Decision != nil:
		t.decision(e, *row.Decision)
		return
	case row.Fact == nil || row.Fact.Body == nil:
		return
	}
	if planned, ok := row.Fact.Body.(dunning.ContactPlanned); ok {
		t.message(e, planned)
		return
	}
	if t.fact(&e, row.Fact.Body) {
		e.Wrote = e.Wrote && row.By == debtor // not e.By: people choose their names
		t.events = append(t.events, e)
	}
}

// decision shows what was refused or held; the others say nothing that does not follow.
func (t *teller) decision(e event, d read.DecisionRow) {
	if !d.Deferred && t.Group != read.GroupDecision {
		return
	}
	o := word(dunning.Decision{
		Verb: d.Verb, Step: d.Step, At: d.At, WakeAt: d.WakeAt, Waiting: d.Waiting, Rule: d.Rule, Reason: d.Reason, NotBefore: d.NotBefore, Deferred: d.Deferred,
	})
	e.Title, e.Mark, e.Rule, e.Opens, e.ID, e.Times, e.By = o.Text, o.Kind, d.Rule, o.At, d.ID, 1, "Duly"
	if n := len(t.events); n > 0 {
		last := &t.events[n-1]
		if last.Group == read.GroupDecision && last.Title == e.Title && last.Opens.Equal(e.Opens) {
			last.Times++
			return
		}
	}
	t.events = append(t.events, e)
}

// message is one event with all its states.
func (t *teller) message(e event, planned dunning.ContactPlanned) {
	m, ok := t.messages[planned.ID]
	if !ok {
		return
	}
	e.ID, e.Steps = m.ID, m.Attempts
	e.Title = sentenceCase(channelWord(m.Channel)) + " “" + web.Words(m.Template) + "”"
	e.Badge, e.Mark = messageState(m)
	if m.Step != "" {
		e.Text = "Step " + web.Words(m.Step)
	}
	if m.Code != "" && !strings.HasPrefix(m.Code, "fenced:") {
		e.Text = strings.TrimPrefix(e.Text+" · "+m.Code, " · ")
	}
	t.events = append(t.events, e)
}

// messageState is how a message stands, in a word and a colour.
func messageState(m read.MessageRow) (text, kind string) {
	if m.Delivery != "" && m.State == dunning.ContactAccepted {
		kind = "good"
		if slices.Contains([]string{"bounced", "failed", "undelivered", "complained", "dropped", "blocked"}, m.Delivery) {
			kind = "bad"
		}
		return web.Words(m.Delivery), kind
	}
	switch m.State {
	case dunning.ContactAccepted:
		return "sent", "good"
	case dunning.ContactFailed, dunning.ContactBounced:
		return string(m.State), "bad"
	case dunning.ContactUnknown:
		return "sent or not?", "warn"
	case dunning.ContactCancelled:
		return "cancelled", "quiet"
	}
	return string(m.State), "info"
}

// fact words a fact; false when it is part of something that is told already.
func (t *teller) fact(e *event, body dunning.Body) bool {
	for _, tell := range []func(*event, dunning.Body) bool{t.moneyFact, t.agreementFact, t.holdFact, t.taskFact, t.spokenFact, t.stepFact} {
		if tell(e, body) {
			return true
		}
	}
	switch body.(type) {
	case dunning.ContactMoved, dunning.FeedSeen, dunning.PointKnown, dunning.DebtorKnown:
		return t.Group == read.GroupDebtor && e.Group == read.GroupDebtor && named(e, body)
	}
	return named(e, body)
}

func named(e *event, body dunning.Body) bool {
	e.Title = sentenceCase(string(body.Kind()))
	return true
}

func (t *teller) moneyFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.Item:
		e.Title, e.Text = "Invoice "+either(b.Number, b.Key)+" of "+web.Money(b.Amount), "due "+b.Due.String()
	case dunning.ItemCorrected:
		e.Title, e.Text = "Invoice corrected", strings.TrimSpace(web.Money(b.Amount)+" "+web.Words(b.Reason))
	case dunning.Payment:
		e.Title, e.Mark, e.ID = "Paid "+web.Money(b.Amount), "good", b.ID
	case dunning.PaymentReversed:
		e.Title, e.Mark, e.Text = "Payment taken back", "bad", web.Words(b.Reason)
	case dunning.ItemsDisposed:
		e.Title, e.Text = countWords(len(b.Items), "invoice", "invoices")+" now "+web.Words(b.To), web.Words(b.Reason)
	default:
		return false
	}
	return true
}

func (t *teller) agreementFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.PromiseMade:
		e.Title, e.Mark, e.ID = fmt.Sprintf("Promised %s by %s", web.Money(b.Amount), b.Due), "info", b.ID
	case dunning.PromiseEnded:
		e.Title, e.Mark = "Promise "+b.Outcome, outcomeKind(b.Outcome)
	case dunning.OfferOpened:
		e.Title, e.Mark = "Plan offered", "info"
	case dunning.OfferEnded:
		e.Title, e.Mark = "Offer "+b.Outcome, outcomeKind(b.Outcome)
	case dunning.PlanAgreed:
		e.Title, e.Mark, e.ID = "Plan of "+countWords(len(b.Instalments), "instalment", "instalments"), "info", b.ID
	case dunning.PlanEnded:
		e.Title, e.Mark = "Plan "+web.Words(b.Outcome), outcomeKind(b.Outcome)
	case dunning.SettlementOffered:
		e.Title, e.Mark, e.ID, e.Text = fmt.Sprintf("Settlement: %s for %s by %s", web.Money(b.Amount), web.Money(b.Owed), b.Due), "info", b.ID, settlementText(b)
	case dunning.SettlementAnswered:
		e.Title, e.Mark = "Settlement "+b.Outcome, "good"
	case dunning.SettlementEnded:
		e.Title, e.Mark = "Settlement "+b.Outcome, outcomeKind(b.Outcome)
	default:
		return false
	}
	return true
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

func outcomeKind(outcome string) string {
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

func (t *teller) holdFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.HoldPlaced:
		e.Title, e.Mark, e.ID, e.Opens = "Held: "+web.Words(b.HoldKind), "warn", b.ID, b.Until
	case dunning.HoldLifted:
		e.Title = "Hold lifted"
	case dunning.HoldExtended:
		e.Title, e.Opens = "Hold’s end moved", b.Until
	case dunning.DisputeRaised:
		e.Title, e.Mark, e.Text, e.ID = "Disputed"+of(b.Item), "warn", b.Words, b.ID
	case dunning.DisputeResolved:
		e.Title = "Dispute " + b.Outcome
	default:
		return false
	}
	return true
}

func of(item string) string {
	if item == "" {
		return ""
	}
	return ": " + item
}

func (t *teller) taskFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.TaskOpened:
		e.Title, e.Mark, e.ID = why(read.Work{Kind: "task:" + string(b.Task), Step: b.Step, Reason: b.Reason, Attempts: b.Attempts}), "info", b.ID
		if b.Queue != "" {
			e.Text = "Queue " + web.Words(b.Queue)
		}
	case dunning.TaskEnded:
		e.Title = "Task done: " + web.Words(b.Outcome)
	case dunning.LeaseTaken:
		e.Title, e.Opens, e.Text = "Taken over by "+t.Owner(b.Owner), b.Until, b.Words
		if b.From != "" {
			e.Title = "Handed over to " + t.Owner(b.Owner)
		}
	case dunning.CallbackSet:
		e.Title, e.Mark, e.ID, e.Text, e.Opens = "Callback planned", "info", b.ID, b.Words, b.When
	case dunning.CallbackMoved:
		e.Title, e.Opens = "Callback moved", b.When
	case dunning.CallbackEnded:
		e.Title = "Callback " + b.Outcome
	case dunning.LeaseEnded:
		e.Title = "Case " + web.Words(b.Outcome)
	default:
		return false
	}
	return true
}

// spokenFact are notes, calls, replies and wishes.
func (t *teller) spokenFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.NoteWritten:
		e.Title, e.Text, e.ID = "Note", b.Text, b.ID
		t.noteOf(e, b)
	case dunning.NotePinned:
		e.Title = "Note pinned"
	case dunning.NoteUnpinned:
		e.Title = "Note unpinned"
	case dunning.MentionSeen:
		e.Title = "Note read by " + either(t.Names[b.User], b.User)
	case dunning.ContactLogged:
		e.Title, e.Mark, e.ID = sentenceCase(channelWord(b.Channel))+": "+web.Words(b.Outcome), "info", b.ID
		if b.Direction == "inbound" {
			e.Title, e.Mark = "Debtor’s "+channelWord(b.Channel)+": "+web.Words(b.Outcome), "good"
			e.Wrote = b.Outcome == "received"
		}
	case dunning.OptedOut:
		e.Title, e.Mark, e.Text = "Opted out of "+either(channelWord(b.Channel), "everything"), "bad", b.Words
	case dunning.OptedIn:
		e.Title, e.Mark = "Opted in again: "+either(channelWord(b.Channel), "everything"), "good"
	case dunning.Consented:
		e.Title, e.Mark, e.Text = "Consent: "+either(channelWord(b.Channel), "contact"), "good", web.Words(b.Basis)
	case dunning.PointDead:
		e.Title, e.Mark, e.Text = "Address unusable", "bad", web.Words(b.Reason)
	case dunning.WishStated:
		e.Title, e.Text = "Wish: "+web.Words(b.Wish), b.Words
	default:
		return false
	}
	return true
}

// noteOf adds who is to read a note, and whether it is on top.
func (t *teller) noteOf(e *event, b dunning.NoteWritten) {
	for _, n := range t.facts.Notes {
		if n.ID == b.ID && n.ID != "" {
			e.Note = &n
		}
	}
	var names []string
	for _, user := range b.Mentions {
		names = append(names, either(t.Names[user], user))
	}
	e.For = strings.Join(names, ", ")
}

func (t *teller) stepFact(e *event, body dunning.Body) bool {
	switch b := body.(type) {
	case dunning.CaseOpened:
		e.Title, e.Text = "Case opened", "Sequence "+b.Sequence
	case dunning.CaseClosed:
		e.Title = "Case closed: " + web.Words(b.Reason)
	case dunning.StepsWaived:
		e.Title, e.Text = "Left out: "+web.Words(strings.Join(b.Steps, ", ")), web.Words(b.Why)
	case dunning.StepPassed:
		e.Title, e.Text = "Passed over: "+web.Words(b.Step), "its condition was false"
	case dunning.StepCounted:
		e.Title, e.Text = "Step done: "+web.Words(b.Step), web.Words(b.Why)
	case dunning.RoundBegun:
		e.Title, e.Text = "Back to step "+web.Words(b.Step), web.Words(b.Why)
	default:
		return false
	}
	return true
}

func either(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func countWords(n int, one, many string) string { return web.Plural(n, one, many) }
