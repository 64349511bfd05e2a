package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// Contact is a contact as its latest attempt left it.
type Contact struct {
	ID, Case, Debtor string
	Round, Entry     int
	Step             string
	Channel          dunning.Channel
	Ordinal          int
	Point            string
	Template         string
	Decision         string // that allowed it
	Version          int64  // of the debtor when it was reserved
	Reserved         time.Time
	State            dunning.ContactState
	At               time.Time // of the state
	Class            dunning.FailureClass
	Code             string
	Permanent        bool
	ProviderID       string
	RetryAt          time.Time
	Deadline         time.Time
}

func contactOf(r sqlgen.Contact) Contact {
	return Contact{
		ID: r.ID, Case: r.CaseID, Debtor: r.DebtorID, Round: int(r.Round), Entry: int(r.Entry), Step: r.Step,
		Channel: dunning.Channel(r.Channel), Ordinal: int(r.Ordinal), Point: value(r.PointID), Template: r.Template,
		Decision: r.DecisionID, Version: r.Version, Reserved: r.ReservedAt, State: dunning.ContactState(r.State), At: r.StateAt,
		Class: dunning.FailureClass(value(r.Class)), Code: value(r.Code), Permanent: r.Permanent,
		ProviderID: value(r.ProviderID), RetryAt: value(r.RetryAt), Deadline: value(r.Deadline),
	}
}

// Contact returns a contact by its send key. ErrNotFound if there is none.
func (s *Store) Contact(ctx context.Context, id string) (Contact, error) {
	r, err := s.q.ContactByID(ctx, id)
	if err != nil {
		return Contact{}, fmt.Errorf("contact %s: %w", id, explain(err))
	}
	return contactOf(r), nil
}

// ContactByProvider returns the contact that a provider knows by an id of its own;
// false if there is none.
func (s *Store) ContactByProvider(ctx context.Context, channel dunning.Channel, providerID string) (Contact, bool, error) {
	r, ok, err := orNone(s.q.ContactByProvider(ctx, string(channel), providerID))
	if err != nil || !ok {
		return Contact{}, false, err
	}
	return contactOf(r), true, nil
}

// Contacts returns all contacts of a case in the order of their reservation.
func (s *Store) Contacts(ctx context.Context, caseID string) ([]Contact, error) {
	return contactsOf(s.q.ContactsOf(ctx, caseID))
}

// Unsettled returns contacts that are reserved, in a provider's hands or unknown
// since before an instant (business time), the oldest first.
func (s *Store) Unsettled(ctx context.Context, before time.Time, limit int) ([]Contact, error) {
	return contactsOf(s.q.UnsettledContacts(ctx, before, int32(limit)))
}

func contactsOf(rows []sqlgen.Contact, err error) ([]Contact, error) {
	if err != nil {
		return nil, fmt.Errorf("reading contacts: %w", explain(err))
	}
	out := make([]Contact, len(rows))
	for i, r := range rows {
		out[i] = contactOf(r)
	}
	return out, nil
}

// Attempts returns every state that a contact has been in, in order. ID is left to
// the caller: it is what the provider was given, which follows from the contact's id.
func (s *Store) Attempts(ctx context.Context, contact string) ([]dunning.Attempt, error) {
	c, err := s.Contact(ctx, contact)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.AttemptsOf(ctx, contact)
	if err != nil {
		return nil, fmt.Errorf("attempts of contact %s: %w", contact, explain(err))
	}
	out := make([]dunning.Attempt, len(rows))
	for i, r := range rows {
		out[i] = dunning.Attempt{Contact: contact, Case: c.Case, State: dunning.ContactState(r.State), At: r.At, Outcome: outcomeOf(r)}
	}
	return out, nil
}

// outcomeOf is what an attempt's state says of the provider's answer.
func outcomeOf(r sqlgen.AttemptsOfRow) dunning.Outcome {
	o := dunning.Outcome{
		Class: dunning.FailureClass(value(r.Class)), Code: value(r.Code), ProviderID: value(r.ProviderID), Permanent: r.Permanent,
	}
	switch dunning.ContactState(r.State) {
	case dunning.ContactAccepted:
		o.State = dunning.SendAccepted
	case dunning.ContactFailed:
		o.State = dunning.SendFailed
	case dunning.ContactUnknown:
		o.State = dunning.SendUnknown
	}
	if r.RetryAt != nil {
		o.RetryAfter = r.RetryAt.Sub(r.At)
	}
	return o
}

// Count is how many contacts of a channel and step are in a state.
type Count struct {
	Channel dunning.Channel
	Step    string
	State   dunning.ContactState
	N       int64
}

// CountContacts counts all contacts, in the order of channel, step and state.
func (s *Store) CountContacts(ctx context.Context) ([]Count, error) {
	rows, err := s.q.CountContacts(ctx)
	if err != nil {
		return nil, fmt.Errorf("counting contacts: %w", explain(err))
	}
	out := make([]Count, len(rows))
	for i, r := range rows {
		out[i] = Count{dunning.Channel(r.Channel), r.Step, dunning.ContactState(r.State), r.N}
	}
	return out, nil
}

// SendDetails is what rendering a contact needs beside the contact itself. It is
// personal data: it must not reach a log, an error or Temporal.
type SendDetails struct {
	Contact    dunning.ContactPlanned
	Case       string
	Account    string // id
	AccountKey string // the creditor's own
	Currency   string
	Profile    Profile
	// To is the point's value: E.164 number, address, or lines joined by \n; "" when it
	// is erased or was never known.
	To string
	// Dead is why the point cannot be used any more; "" = usable.
	Dead string
	// Items are the items that the contact lists, by key, as they came in.
	Items []dunning.Item
}

// SendDetails returns what rendering a contact needs. ErrNotFound if there is none.
func (s *Store) SendDetails(ctx context.Context, contact string) (SendDetails, error) {
	r, err := s.q.SendDetails(ctx, contact)
	if err != nil {
		return SendDetails{}, fmt.Errorf("contact %s: %w", contact, explain(err))
	}
	d := SendDetails{
		Case: r.CaseID, Account: r.AccountID, AccountKey: r.AccountKey, Currency: r.Currency, To: r.PointValue, Dead: r.PointDead,
		Profile: Profile{Debtor: r.DebtorID, Creditor: r.CreditorID, Key: r.DebtorKey, Name: r.Name, Locale: r.Locale, Country: r.Country, Address: r.Address},
	}
	if err := json.Unmarshal(r.Body, &d.Contact); err != nil {
		return SendDetails{}, fmt.Errorf("contact %s in the log cannot be read: %w", contact, err)
	}
	d.Items, err = s.itemsNamed(ctx, r.AccountID, d.Contact.Items)
	return d, err
}

func (s *Store) itemsNamed(ctx context.Context, account string, lines []dunning.ItemLine) ([]dunning.Item, error) {
	keys := make([]string, len(lines))
	for i, l := range lines {
		keys[i] = l.Key
	}
	rows, err := s.q.ItemsNamed(ctx, account, keys)
	if err != nil {
		return nil, fmt.Errorf("items of account %s: %w", account, explain(err))
	}
	out := make([]dunning.Item, len(rows))
	for i, r := range rows {
		if out[i], err = itemOf(sqlgen.ItemsOfRow(r)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Items returns an account's items as they came in, the oldest due first. What has
// happened to them since is in the facts.
func (s *Store) Items(ctx context.Context, account string) ([]dunning.Item, error) {
	rows, err := s.q.ItemsOf(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("items of account %s: %w", account, explain(err))
	}
	out := make([]dunning.Item, len(rows))
	for i, r := range rows {
		if out[i], err = itemOf(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func itemOf(r sqlgen.ItemsOfRow) (dunning.Item, error) {
	amount, err := money.FromMinor(r.AmountMinor, r.Currency)
	if err != nil {
		return dunning.Item{}, fmt.Errorf("item %s: %w", r.Key, err)
	}
	it := dunning.Item{Key: r.Key, Number: r.Number, Due: dunning.DateOf(r.Due), Amount: amount}
	if r.Issued != nil {
		it.Issued = dunning.DateOf(*r.Issued)
	}
	return it, nil
}

// Task is an open task as worklists show it.
type Task struct {
	ID, Debtor, Account, Case string
	Kind                      dunning.TaskKind
	Queue, Step, Reason       string
	Contact                   string
	Attempts                  int
	Due                       time.Time // zero: no limit
	Opened                    time.Time
}

// OpenTasks returns open tasks, of one queue or (empty) of all, of one case or
// (empty) of all: what is due first comes first, what has no limit last.
func (s *Store) OpenTasks(ctx context.Context, queue, caseID string, limit int) ([]Task, error) {
	rows, err := s.q.OpenTasks(ctx, queue, null(caseID), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading the worklist: %w", explain(err))
	}
	out := make([]Task, len(rows))
	for i, r := range rows {
		out[i] = Task{
			ID: r.ID, Debtor: r.DebtorID, Account: value(r.AccountID), Case: value(r.CaseID), Kind: dunning.TaskKind(r.Kind),
			Queue: r.Queue, Step: r.Step, Reason: r.Reason, Contact: r.ContactID, Attempts: int(r.Attempts),
			Due: value(r.Due), Opened: r.OpenedAt,
		}
	}
	return out, nil
}
