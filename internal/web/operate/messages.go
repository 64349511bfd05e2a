package operate

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
)

type messagesPage struct {
	List      read.List[read.MessageRow]
	Count     read.Count
	Creditors []web.Creditor
	States    []dunning.ContactState
	Channels  []dunning.Channel
}

// states of messages, in the order of a message's life.
var states = []dunning.ContactState{
	dunning.ContactReserved, dunning.ContactSending, dunning.ContactAccepted, dunning.ContactUnknown, dunning.ContactFailed, dunning.ContactBounced, dunning.ContactCancelled,
}

var sending = []dunning.Channel{dunning.Email, dunning.SMS, dunning.Letter}

// messages is the explorer: one row per message with how far it came.
func (d *operations) messages(r *web.Request) error {
	ctx, scope, f := r.R.Context(), r.Scope(identity.View), messageFilter(r)
	if r.WantsCSV() {
		export := r.Scope(identity.Export)
		return r.CSV("messages", messageHeader, mapped(read.All(func(p read.Page) (read.List[read.MessageRow], error) { return d.Read.Messages(ctx, export, f, p) }), messageCells))
	}
	p := messagesPage{States: states, Channels: sending}
	var err error
	if p.List, err = d.Read.Messages(ctx, scope, f, read.Page{After: r.Value("after")}); err != nil {
		return err
	}
	if p.Count, err = d.Read.CountMessages(ctx, scope, f); err != nil {
		return err
	}
	if p.Creditors, err = r.Creditors(identity.View); err != nil {
		return err
	}
	return r.Page("messages.html", p)
}

func messageFilter(r *web.Request) read.MessageFilter {
	q := r.R.URL.Query()
	f := read.MessageFilter{Creditors: one(q, "creditor"), Step: q.Get("step"), Template: q.Get("template"), Case: q.Get("case"), ProviderID: strings.TrimSpace(q.Get("provider"))}
	for _, s := range one(q, "state") {
		f.States = append(f.States, dunning.ContactState(s))
	}
	for _, c := range one(q, "channel") {
		f.Channels = append(f.Channels, dunning.Channel(c))
	}
	if t, err := time.Parse(time.DateOnly, q.Get("from")); err == nil {
		f.From = t
	}
	if t, err := time.Parse(time.DateOnly, q.Get("until")); err == nil {
		f.Until = t.AddDate(0, 0, 1)
	}
	return f
}

var messageHeader = []string{"message", "case", "customer", "account", "creditor", "channel", "template", "step", "state", "since", "delivery", "code", "provider id", "reserved"}

func messageCells(m read.MessageRow) []string {
	return []string{
		m.ID, m.Case, m.DebtorKey, m.AccountKey, m.Creditor, string(m.Channel), m.Template, m.Step, string(m.State), stamp(m.StateAt), m.Delivery, m.Code, m.ProviderID, stamp(m.Reserved),
	}
}

type messagePage struct {
	read.MessageRow
	Plain string // our words for where it stands
	Sent  dunning.Message
	Lines []string
	NoTxt string // why there is no text
	Meant string // the provider's code in words
}

// message is one with its whole way and the text as it left. Ids of messages hold
// slashes, so it is named in the query.
func (d *operations) message(r *web.Request) error {
	m, err := d.Read.Message(r.R.Context(), r.Scope(identity.View), r.Value("id"))
	if errors.Is(err, identity.ErrNotFound) {
		return web.NotFound("This message")
	}
	if err != nil {
		return err
	}
	r.Subject(m.ID)
	p := messagePage{MessageRow: m, Plain: plain(m)}
	if slices.Contains([]dunning.ContactState{dunning.ContactReserved, dunning.ContactCancelled}, m.State) {
		p.NoTxt = "It has not left, so there is no copy."
	} else if p.Sent, err = d.Sent(r.R.Context(), m.ID); err != nil {
		p.NoTxt = sentence(err)
	}
	p.Lines = strings.Split(p.Sent.Text, "\n")
	return r.Page("message.html", p)
}

// plain says where a message stands.
func plain(m read.MessageRow) string {
	switch m.State {
	case dunning.ContactReserved:
		return "It is decided and reserved, and has not left."
	case dunning.ContactSending:
		return "It is being handed to the provider right now."
	case dunning.ContactAccepted:
		if m.Delivery != "" {
			return "The provider took it and reports: " + web.Words(m.Delivery) + "."
		}
		return "The provider took it. It has reported nothing further."
	case dunning.ContactUnknown:
		return "Nobody knows whether the provider took it. It is not sent again; evidence or a person decides."
	case dunning.ContactFailed:
		if m.Permanent {
			return "It did not leave and will not by this address."
		}
		return "It did not leave. It is tried again."
	case dunning.ContactBounced:
		return "It left and came back."
	case dunning.ContactCancelled:
		return "It was given up before it left, because something had changed."
	}
	return ""
}
