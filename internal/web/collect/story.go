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
	"github.com/duly/duly/internal/tell"
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
	Look  bool // Opens is when it is looked at again: tell.Outlook
	Times int  // how often in a row, when more than once
	Zone  string
	Note  *dunning.NoteState // of a note
	For   string             // who is to read it
	Wrote bool               // the debtor themselves, in the message ID
	// Of a message: what its provider calls it, what we called it there, and the decision that
	// allowed it. Decision is also that of a decision.
	Provider, Attempt, Decision string
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
		if e.ID == "" {                       // a fact without a name of its own goes by its place in the debtor's log
			e.ID = fmt.Sprintf("%s/v%d.%d", t.Case, row.Version, row.Seq)
		}
		t.events = append(t.events, e)
	}
}

// decision shows what was refused or held; the others say nothing that does not follow.
func (t *teller) decision(e event, d read.DecisionRow) {
	if !d.Deferred && t.Group != read.GroupDecision {
		return
	}
	o := tell.Decision(dunning.Decision{
		Verb: d.Verb, Step: d.Step, At: d.At, WakeAt: d.WakeAt, Waiting: d.Waiting, Rule: d.Rule, Reason: d.Reason, NotBefore: d.NotBefore, Deferred: d.Deferred,
	})
	e.Title, e.Mark, e.Rule, e.Opens, e.Look, e.ID, e.Times, e.By, e.Decision = o.Text, o.Kind, d.Rule, o.At, o.Look, d.ID, 1, "Duly", d.ID
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
	e.ID, e.Steps, e.Decision = m.ID, m.Attempts, m.Decision
	e.Provider, e.Attempt = m.ProviderID, attemptOf(m)
	e.Title = tell.Sentence(tell.Channel(m.Channel)) + " “" + web.Words(m.Template) + "”"
	e.Badge, e.Mark = messageState(m)
	if m.Step != "" {
		e.Text = "Step " + web.Words(m.Step)
	}
	if m.Code != "" && !strings.HasPrefix(m.Code, "fenced:") {
		e.Text = strings.TrimPrefix(e.Text+" · "+m.Code, " · ")
	}
	t.events = append(t.events, e)
}

// attemptOf is by which name a provider was given a message: what its log has of it. "" when
// it was never handed over.
func attemptOf(m read.MessageRow) string {
	if !slices.ContainsFunc(m.Attempts, func(a read.AttemptRow) bool { return a.State == dunning.ContactSending }) {
		return ""
	}
	return dunning.AttemptID(m.ID)
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
	l := tell.Fact(body, tell.People(t.Names))
	e.Title, e.Text, e.Mark, e.ID, e.Opens, e.Wrote, e.For = l.Title, l.Text, l.Mark, l.ID, l.Opens, l.Wrote, strings.Join(l.For, ", ")
	switch b := body.(type) {
	case dunning.NoteWritten:
		t.noteOf(e, b)
	case dunning.ContactMoved, dunning.FeedSeen, dunning.PointKnown, dunning.DebtorKnown:
		return t.Group == read.GroupDebtor && e.Group == read.GroupDebtor
	}
	return true
}

// noteOf adds whether a note is on top.
func (t *teller) noteOf(e *event, b dunning.NoteWritten) {
	for _, n := range t.facts.Notes {
		if n.ID == b.ID && n.ID != "" {
			e.Note = &n
		}
	}
}

func either(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
