package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/web/webhooks"
)

// Replies reads what debtors write and gives it to the core: refusals, holds and proposals
// are committed when Inbound returns. The text stays in the inbox, under the event's id.
type Replies struct{ *hooks }

// NewReplies reads replies over the real store.
func NewReplies(store *postgres.Store, book *Book, c clock.Clock) Replies {
	return Replies{&hooks{store: store, book: book, commands: NewCommands(store, book, c), clock: c}}
}

// outcomes of a reply, as the inbox shows them.
const (
	replyNobody = "sender_unknown"
	replyKept   = "no_open_case" // a person must read it and no case has a task for them
)

// Inbound implements webhooks.Answers. Everybody whose number or address it is refuses
// what it refuses; all else is about the one whom we wrote to last.
func (a Replies) Inbound(ctx context.Context, in webhooks.Inbound) (webhooks.Matched, error) {
	owners, err := a.owners(ctx, in.Channel, in.From)
	if err != nil || len(owners) == 0 {
		return webhooks.Matched{Outcome: replyNobody, Nobody: true}, err
	}
	people, err := a.people(ctx, owners)
	if err != nil {
		return webhooks.Matched{}, err
	}
	main := latest(people)
	m := webhooks.Matched{Debtors: []string{people[main].owner.Debtor}}
	var twice []writer // further points of the same person with the same value
	for i, p := range people {
		switch {
		case i == main:
			continue
		case slices.Contains(m.Debtors, p.owner.Debtor):
			twice = append(twice, p)
			continue
		}
		m.Debtors = append(m.Debtors, p.owner.Debtor)
		if _, err := a.take(ctx, p, in, true); err != nil {
			return m, err
		}
	}
	r, err := a.take(ctx, people[main], in, false)
	if err != nil {
		return m, err
	}
	if err := a.giveUp(ctx, twice, r); err != nil {
		return m, err
	}
	m.Outcome = string(r.first)
	if m.Nobody = r.unasked; m.Nobody {
		m.Outcome = replyKept
	}
	return m, nil
}

// giveUp marks further points of people that have the number or address of a stranger.
func (a Replies) giveUp(ctx context.Context, points []writer, r taken) error {
	for _, p := range points {
		if !r.stranger {
			return nil
		}
		_, err := a.commands.Write(ctx, p.ref, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
			if slices.ContainsFunc(f.Points, func(k dunning.PointState) bool { return k.ID == p.owner.Point && k.Dead == "" }) {
				return dunning.Handle(f, dunning.MarkPoint{PointDead: dunning.PointDead{ID: p.owner.Point, Reason: "wrong_person"}}, byWebhook, at)
			}
			return nil, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writer is somebody who may have written a message.
type writer struct {
	owner postgres.Owner
	ref   dunning.CaseRef
	last  time.Time // when we last wrote to the point; zero: never
}

// people finds, for each owner of a point, the case in which we wrote to it last.
func (a Replies) people(ctx context.Context, owners []postgres.Owner) ([]writer, error) {
	out := make([]writer, 0, len(owners))
	for _, o := range owners {
		w, err := a.writer(ctx, o)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func (a Replies) writer(ctx context.Context, o postgres.Owner) (writer, error) {
	w := writer{owner: o}
	refs, err := a.store.CasesOf(ctx, o.Debtor)
	if err != nil {
		return w, err
	}
	for _, ref := range refs {
		at, err := a.wrote(ctx, ref.Case, o.Point)
		if err != nil {
			return w, err
		}
		if !at.IsZero() && (w.last.IsZero() || at.After(w.last) && ref.Open == w.ref.Open || ref.Open && !w.ref.Open) {
			w.ref, w.last = ref, at
		}
	}
	if w.last.IsZero() {
		w.ref, err = a.store.RefOf(ctx, o.Debtor)
		return w, err
	}
	w.ref = ongoing(refs, w.ref)
	return w, nil
}

// ongoing is the open case of the account whose case is given: an answer to a message of an
// earlier case concerns the one that goes on.
func ongoing(refs []dunning.CaseRef, of dunning.CaseRef) dunning.CaseRef {
	i := slices.IndexFunc(refs, func(r dunning.CaseRef) bool { return r.Account == of.Account && r.Open })
	if of.Open || i < 0 {
		return of
	}
	return refs[i]
}

// wrote is when a case last wrote to a point.
func (a Replies) wrote(ctx context.Context, caseID, point string) (time.Time, error) {
	contacts, err := a.store.Contacts(ctx, caseID)
	var last time.Time
	for _, c := range contacts {
		if c.Point == point && c.Reserved.After(last) {
			last = c.Reserved
		}
	}
	return last, err
}

// latest is the index of whom we wrote to last, else of the first with an open case.
func latest(people []writer) int {
	best := 0
	for i, p := range people {
		b := people[best]
		if p.last.After(b.last) || p.last.Equal(b.last) && p.ref.Open && !b.ref.Open {
			best = i
		}
	}
	return best
}

// taken is what became of a reply.
type taken struct {
	first    answers.Intent // surest finding
	unasked  bool           // a person must read it and no task says so
	stranger bool           // somebody else has the number or address
}

// take reads a message as from one debtor and commits what follows from it.
func (a Replies) take(ctx context.Context, w writer, in webhooks.Inbound, quiet bool) (taken, error) {
	var out taken
	_, err := a.commands.Write(ctx, w.ref, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		r := answers.Read(inputOf(in, f, at))
		cmd := dunning.TakeReply{
			ID: in.ID, Channel: in.Channel, Point: known(f, w.owner.Point), Reading: r, Received: received(in, at), Quiet: quiet,
			Unproven: in.Channel == dunning.Email && !in.Vouched,
		}
		wrong, _ := r.Find(answers.WrongPerson)
		out = taken{first: r.Findings[0].Intent, unasked: !f.CaseOpen && cmd.AsksPerson(), stranger: wrong.Sure()}
		return dunning.Handle(f, cmd, "debtor", at)
	})
	if errors.Is(err, dunning.ErrInvalid) || errors.Is(err, dunning.ErrUnknown) {
		err = &webhooks.Refusal{Code: "not_taken", Text: "the reply does not fit what is known of the debtor"}
	}
	return out, err
}

// inputOf is a message with what helps to read it.
func inputOf(in webhooks.Inbound, f dunning.Facts, at time.Time) answers.Input {
	text := in.Text
	if strings.TrimSpace(text) == "" {
		text = in.HTML
	}
	return answers.Input{
		Text: text, Subject: in.Subject, Channel: string(in.Channel), Locale: f.Known.Locale, Country: f.Known.Country,
		Keyword: in.Keyword, Machine: in.Automatic, Today: answers.Date(f.Today(received(in, at))),
	}
}

// received is the instant of the receipt, never one that lies ahead.
func received(in webhooks.Inbound, at time.Time) time.Time {
	if in.Received.IsZero() || in.Received.After(at) {
		return at
	}
	return in.Received
}

// known is a point that the debtor's facts know; "" for one that only the store knows.
func known(f dunning.Facts, id string) string {
	for _, p := range f.Points {
		if p.ID == id {
			return id
		}
	}
	return ""
}
