package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
)

// InboxState is how far an event of the inbox has come.
type InboxState string

// States of the inbox. Unmatched and failed events wait for a person, who may have them
// processed again.
const (
	InboxPending   InboxState = "pending"
	InboxDone      InboxState = "done"
	InboxUnmatched InboxState = "unmatched" // it is about nobody whom we know
	InboxFailed    InboxState = "failed"    // it could not be processed, however often it was tried
)

// InboxRequest is a request as it came, its signature found right. It is personal data.
type InboxRequest struct {
	ID       int64
	Source   string
	Received time.Time // wall time; set by the database
	Query    string
	Headers  map[string]string
	Body     []byte
}

// InboxEvent is one event in a request. Source and ID together make it one, however often
// it is delivered.
type InboxEvent struct {
	ID   string // the provider's own
	Kind string // the provider's word for it
	Part int    // which event of the request
}

// InboxRow is an event with what became of it.
type InboxRow struct {
	ID, Request int64
	Source      string
	Event       string
	Kind        string
	Part        int
	Received    time.Time // wall time
	At          time.Time // business time of the receipt
	State       InboxState
	Outcome     string
	ErrorCode   string
	Attempts    int
	NextTry     time.Time // wall time
	Processed   time.Time // wall time; zero: not yet
	Contact     string    // that it was about, "" for none
	Debtors     []string  // that it was about
}

// InboxResult is what processing an event came to.
type InboxResult struct {
	State     InboxState
	Outcome   string
	ErrorCode string
	Contact   string
	Debtors   []string
	Retry     time.Duration // pending: how long until it is tried again
}

func inboxRow(r sqlgen.Inbox) InboxRow {
	return InboxRow{
		ID: r.ID, Request: r.RequestID, Source: r.Source, Event: r.EventID, Kind: r.Kind, Part: int(r.Part), Received: r.ReceivedAt, At: r.At,
		State: InboxState(r.State), Outcome: r.Outcome, ErrorCode: r.ErrorCode, Attempts: int(r.Attempts), NextTry: r.NextTry,
		Processed: value(r.ProcessedAt), Contact: r.ContactID, Debtors: r.Debtors,
	}
}

func inboxRows(rows []sqlgen.Inbox, err error) ([]InboxRow, error) {
	if err != nil {
		return nil, fmt.Errorf("reading the inbox: %w", explain(err))
	}
	out := make([]InboxRow, len(rows))
	for i, r := range rows {
		out[i] = inboxRow(r)
	}
	return out, nil
}

// Receive keeps a request and its events durably before it returns, each event once. It
// returns a row for every event, in the order of events; one that was there already comes
// back as it stands. New ones are left to the caller for the time of lease; after that
// ClaimInbox gives them out. at is the business instant of the receipt.
func (s *Store) Receive(ctx context.Context, r InboxRequest, events []InboxEvent, at time.Time, lease time.Duration) ([]InboxRow, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = cleanText(e.ID)
	}
	known, err := inboxRows(s.q.InboxBySource(ctx, r.Source, ids))
	if err != nil {
		return nil, err
	}
	if !covers(known, ids) {
		if err := s.keepRequest(ctx, r, events, at, lease); err != nil {
			return nil, fmt.Errorf("keeping a webhook: %w", explain(err))
		}
		if known, err = inboxRows(s.q.InboxBySource(ctx, r.Source, ids)); err != nil {
			return nil, err
		}
	}
	return inOrder(known, ids)
}

// covers reports whether every id has a row.
func covers(rows []InboxRow, ids []string) bool {
	for _, id := range ids {
		if !slices.ContainsFunc(rows, func(r InboxRow) bool { return r.Event == id }) {
			return false
		}
	}
	return true
}

func inOrder(rows []InboxRow, ids []string) ([]InboxRow, error) {
	byID := make(map[string]InboxRow, len(rows))
	for _, r := range rows {
		byID[r.Event] = r
	}
	out := make([]InboxRow, len(ids))
	for i, id := range ids {
		row, ok := byID[id]
		if !ok {
			return nil, fmt.Errorf("an event of the webhook was not kept: %w", ErrNotFound)
		}
		out[i] = row
	}
	return out, nil
}

// keepRequest stores the request with those of its events that are new.
func (s *Store) keepRequest(ctx context.Context, r InboxRequest, events []InboxEvent, at time.Time, lease time.Duration) error {
	headers, err := encodeJSON(r.Headers)
	if err != nil {
		return err
	}
	if r.Headers == nil {
		headers = []byte("{}")
	}
	return pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		row := sqlgen.PutInboxRequestParams{Source: r.Source, Query: cleanText(r.Query), Headers: headers, Body: r.Body}
		if s.cipher != nil {
			if row.KeyID, row.Body, err = s.cipher.Seal(inboxName(r.Source), r.Body); err != nil {
				return fmt.Errorf("sealing a webhook: %w", err)
			}
		}
		if row.Body == nil {
			row.Body = []byte{}
		}
		id, err := q.PutInboxRequest(ctx, row)
		if err != nil {
			return err
		}
		p := sqlgen.PutInboxEventsParams{Source: r.Source, RequestID: id, At: micros(at), Lease: interval(lease)}
		for _, e := range events {
			p.EventIds, p.Kinds, p.Parts = append(p.EventIds, cleanText(e.ID)), append(p.Kinds, cleanText(e.Kind)), append(p.Parts, int32(e.Part))
		}
		n, err := q.PutInboxEvents(ctx, p)
		if err == nil && n == 0 {
			err = q.DropInboxRequest(ctx, id)
		}
		return err
	})
}

// inboxName binds a sealed body to the inbox and its source.
func inboxName(source string) string { return "inbox\x00" + source }

// resealInbox brings bodies under the newest key.
func (s *Store) resealInbox(ctx context.Context, q *sqlgen.Queries) (int, error) {
	rows, err := q.InboxUnderOtherKeys(ctx, s.cipher.Newest(), resealPage)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		id, body, err := s.reseal(r.KeyID, inboxName(r.Source), r.Body)
		if err != nil {
			return 0, fmt.Errorf("webhook request %d: %w", r.ID, err)
		}
		if err := q.ResealInbox(ctx, sqlgen.ResealInboxParams{KeyID: id, Body: body, ID: r.ID, Was: r.KeyID}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// InboxRequestOf returns a request as it came. ErrNotFound if there is none, ErrNoCipher
// when its body is sealed and this process has no key.
func (s *Store) InboxRequestOf(ctx context.Context, id int64) (InboxRequest, error) {
	r, err := s.q.InboxRequest(ctx, id)
	if err != nil {
		return InboxRequest{}, fmt.Errorf("webhook request %d: %w", id, explain(err))
	}
	out := InboxRequest{ID: r.ID, Source: r.Source, Received: r.ReceivedAt, Query: r.Query, Body: r.Body}
	if r.KeyID != "" {
		if out.Body, err = s.open(r.KeyID, inboxName(r.Source), r.Body); err != nil {
			return InboxRequest{}, fmt.Errorf("webhook request %d: %w", id, err)
		}
	}
	if err := json.Unmarshal(r.Headers, &out.Headers); err != nil {
		return InboxRequest{}, fmt.Errorf("webhook request %d: headers cannot be read: %w", id, err)
	}
	return out, nil
}

// InboxEventOf returns an event of the inbox. ErrNotFound if there is none.
func (s *Store) InboxEventOf(ctx context.Context, id int64) (InboxRow, error) {
	r, err := s.q.InboxByID(ctx, id)
	if err != nil {
		return InboxRow{}, fmt.Errorf("inbox event %d: %w", id, explain(err))
	}
	return inboxRow(r), nil
}

// InboxEventNamed returns an event by its source and the provider's own id. ErrNotFound if
// there is none.
func (s *Store) InboxEventNamed(ctx context.Context, source, event string) (InboxRow, error) {
	rows, err := inboxRows(s.q.InboxBySource(ctx, source, []string{cleanText(event)}))
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("inbox event %s/%s: %w", source, event, ErrNotFound)
	}
	if err != nil {
		return InboxRow{}, err
	}
	return rows[0], nil
}

// ClaimInbox takes up to limit pending events whose time has come; nobody else gets them
// for the time of lease. What is not settled by then is given out again.
func (s *Store) ClaimInbox(ctx context.Context, limit int, lease time.Duration) ([]InboxRow, error) {
	rows, err := inboxRows(s.q.ClaimInbox(ctx, interval(lease), int32(limit)))
	slices.SortFunc(rows, func(a, b InboxRow) int { return int(a.ID - b.ID) })
	return rows, err
}

// SettleInbox writes down what processing an event came to. What is done stays done.
func (s *Store) SettleInbox(ctx context.Context, id int64, r InboxResult) error {
	err := s.q.SettleInbox(ctx, sqlgen.SettleInboxParams{
		ID: id, State: string(r.State), Outcome: cleanText(r.Outcome), ErrorCode: cleanText(r.ErrorCode), Retry: interval(r.Retry),
		ContactID: r.Contact, Debtors: append([]string{}, r.Debtors...),
	})
	if err != nil {
		return fmt.Errorf("inbox event %d: %w", id, explain(err))
	}
	return nil
}

// InboxFilter selects events; empty fields take all.
type InboxFilter struct {
	Source string
	State  InboxState
	Before int64 // only events with a lower id: the last one of the page before
	Limit  int   // 0: 100
}

// Inbox lists events, the newest first.
func (s *Store) Inbox(ctx context.Context, f InboxFilter) ([]InboxRow, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return inboxRows(s.q.ListInbox(ctx, sqlgen.ListInboxParams{Source: f.Source, State: string(f.State), Before: f.Before, Max: int32(f.Limit)}))
}

// ReplayInbox makes events pending again: those of the ids, or without ids all of a source
// and state. It returns how many. Facts that an event has led to are not doubled.
func (s *Store) ReplayInbox(ctx context.Context, f InboxFilter, ids ...int64) (int64, error) {
	if len(ids) == 0 && f.Source == "" && f.State == "" {
		return 0, errors.New("replaying the inbox: name events, a source or a state")
	}
	n, ids := int64(0), append([]int64{}, ids...)
	err := s.turn(ctx, func(q *sqlgen.Queries) error {
		_, err := q.LockInbox(ctx, ids, f.Source, string(f.State))
		if err == nil {
			n, err = q.ReplayInbox(ctx, ids, f.Source, string(f.State))
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replaying the inbox: %w", explain(err))
	}
	return n, nil
}

// InboxBacklog is what the inbox has not come to an end with.
type InboxBacklog struct {
	Pending int64
	Oldest  time.Time // receipt (wall time) of the oldest pending event; zero: none
	People  int64     // unmatched and failed: waiting for a person
}

// InboxBacklog counts what is left to do.
func (s *Store) InboxBacklog(ctx context.Context) (InboxBacklog, error) {
	r, err := s.q.InboxBacklog(ctx)
	if err != nil {
		return InboxBacklog{}, fmt.Errorf("reading the inbox: %w", explain(err))
	}
	b := InboxBacklog{Pending: r.Pending, People: r.People}
	if r.Pending > 0 {
		b.Oldest = r.Oldest
	}
	return b, nil
}

// ForgetInbox wipes the bodies of requests from before an instant (wall time) all of whose
// events are done: what they said is facts by then. It returns how many.
func (s *Store) ForgetInbox(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.q.ForgetInbox(ctx, before)
	if err != nil {
		return 0, fmt.Errorf("wiping the inbox: %w", explain(err))
	}
	return n, nil
}

// ContactByAttempt returns the contact of an attempt id; false when it is none of ours.
func (s *Store) ContactByAttempt(ctx context.Context, attempt string) (Contact, bool, error) {
	r, ok, err := orNone(s.q.ContactByAttempt(ctx, attempt))
	if errors.Is(err, errMalformed) {
		return Contact{}, false, nil // an id that is no UUID is none of ours
	}
	if err != nil || !ok {
		return Contact{}, false, err
	}
	return contactOf(r), true, nil
}

// Delivery is how far a provider says that a message has come.
type Delivery struct {
	Contact    string
	Status     string // provider and its word, such as "twilio:delivered"
	Rank       int    // a status only ever gives way to one of a higher rank
	At         time.Time
	Code       string
	ProviderID string
}

// NoteDelivery keeps a status unless one of the same or a higher rank is known; it reports
// whether it was kept. So late and repeated reports change nothing.
func (s *Store) NoteDelivery(ctx context.Context, d Delivery) (bool, error) {
	n, err := s.q.NoteDelivery(ctx, sqlgen.NoteDeliveryParams{
		ContactID: d.Contact, Status: d.Status, Rank: int32(d.Rank), At: micros(d.At), Code: cleanText(d.Code), ProviderID: cleanText(d.ProviderID),
	})
	if err != nil {
		return false, fmt.Errorf("delivery of contact %s: %w", d.Contact, explain(err))
	}
	return n > 0, nil
}

// DeliveryOf returns what is known of a contact's delivery; false when nothing is.
func (s *Store) DeliveryOf(ctx context.Context, contact string) (Delivery, bool, error) {
	r, ok, err := orNone(s.q.DeliveryOf(ctx, contact))
	if err != nil || !ok {
		return Delivery{}, false, err
	}
	return Delivery{r.ContactID, r.Status, int(r.Rank), r.At, r.Code, r.ProviderID}, true, nil
}

// attemptRows are attempt ids of contacts as columns.
type attemptRows struct{ attempts, contacts []string }

// planned collects the attempt id of a contact that a fact reserves.
func (r *attemptRows) planned(f dunning.Fact) {
	if c, ok := f.Body.(dunning.ContactPlanned); ok {
		r.attempts, r.contacts = append(r.attempts, dunning.AttemptID(c.ID)), append(r.contacts, c.ID)
	}
}
