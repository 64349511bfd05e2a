package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/sendgrid"
	"github.com/duly/duly/internal/twilio"
	"github.com/duly/duly/internal/web/webhooks"
)

// WebhookDeps is what the webhooks work with.
type WebhookDeps struct {
	Store *postgres.Store
	Book  *Book
	Clock clock.Clock
	// Answers reads what debtors write; nil: Replies.
	Answers webhooks.Answers
	Count   func(name string) // nil: nowhere
	Log     *slog.Logger      // nil: silent
}

// NewWebhooks wires the webhooks as the environment configures them; endpoints that it does
// not configure are switched off. The caller mounts the server under /webhooks/ and runs
// its Run.
func NewWebhooks(getenv func(string) string, d WebhookDeps) (*webhooks.Server, error) {
	c, err := webhooks.FromEnv(getenv)
	if err != nil {
		return nil, usageError{err}
	}
	codes, err := twilio.CodesFromEnv(getenv)
	if err != nil {
		return nil, usageError{err}
	}
	c.Twilio, c.SendGrid = twilio.Config{Codes: codes}.Meaning, sendgrid.Meaning
	tokens := c.TwilioTokens
	c.Token = func(attempt, token string) bool { return twilio.VerifyToken(attempt, token, tokens...) }
	return webhooks.New(c, d.ports())
}

func (d WebhookDeps) ports() webhooks.Ports {
	h := &hooks{store: d.Store, book: d.Book, commands: NewCommands(d.Store, d.Book, d.Clock), clock: d.Clock, count: d.Count}
	answers := d.Answers
	if answers == nil {
		answers = Replies{h}
	}
	return calmly(webhooks.Ports{Inbox: inbox{d.Store, d.Clock}, Reports: h, Answers: answers, Payments: h, Count: d.Count, Log: d.Log}, d.Store)
}

// inbox is the store as webhooks see it.
type inbox struct {
	store *postgres.Store
	clock clock.Clock
}

func rowOf(r postgres.InboxRow) webhooks.Row {
	return webhooks.Row{
		ID: r.ID, Request: r.Request, Source: r.Source, Event: r.Event, Part: r.Part, At: r.At,
		State: webhooks.State(r.State), Outcome: r.Outcome, Attempts: r.Attempts,
	}
}

func rowsOf(rows []postgres.InboxRow, err error) ([]webhooks.Row, error) {
	out := make([]webhooks.Row, len(rows))
	for i, r := range rows {
		out[i] = rowOf(r)
	}
	return out, err
}

func (b inbox) Receive(ctx context.Context, r webhooks.Request, events []webhooks.Event, lease time.Duration) ([]webhooks.Row, error) {
	at, err := b.clock.Now(ctx)
	if err != nil {
		return nil, err
	}
	in := make([]postgres.InboxEvent, len(events))
	for i, e := range events {
		in[i] = postgres.InboxEvent{ID: e.ID, Kind: e.Kind, Part: e.Part}
	}
	req := postgres.InboxRequest{Source: r.Source, Query: r.Query, Headers: r.Headers, Body: r.Body}
	return rowsOf(b.store.Receive(ctx, req, in, at, lease))
}

func (b inbox) RequestOf(ctx context.Context, row webhooks.Row) (webhooks.Request, error) {
	r, err := b.store.InboxRequestOf(ctx, row.Request)
	return webhooks.Request{Source: r.Source, Query: r.Query, Headers: r.Headers, Body: r.Body}, err
}

func (b inbox) Claim(ctx context.Context, limit int, lease time.Duration) ([]webhooks.Row, error) {
	return rowsOf(b.store.ClaimInbox(ctx, limit, lease))
}

func (b inbox) Settle(ctx context.Context, id int64, r webhooks.Result) error {
	return b.store.SettleInbox(ctx, id, postgres.InboxResult{
		State: postgres.InboxState(r.State), Outcome: r.Outcome, ErrorCode: r.Code, Contact: r.Contact, Debtors: r.Debtors, Retry: r.Retry,
	})
}

// hooks turns what webhooks tell into commands.
type hooks struct {
	store    *postgres.Store
	book     *Book
	commands *commands.Service
	clock    clock.Clock
	count    func(name string) // nil: nowhere
}

// resolvedByReport counts hand-overs whose fate was unknown until their provider reported.
const resolvedByReport = "unknown_resolved_by_report"

// byWebhook is who said what a webhook told.
const byWebhook = "webhook"

// Report implements webhooks.Reports: what is said of a message becomes facts of its case,
// and what is said of its address concerns everybody who has that address.
func (h *hooks) Report(ctx context.Context, r webhooks.Report) (webhooks.Matched, error) {
	c, ok, err := h.contact(ctx, r)
	if err != nil {
		return webhooks.Matched{}, err
	}
	m := webhooks.Matched{Outcome: string(r.Means), Nobody: true}
	if ok {
		m.Contact, m.Debtors, m.Nobody = c.ID, []string{c.Debtor}, false
		if err := h.reported(ctx, c, r); err != nil {
			return m, err
		}
	}
	if !ok && r.Narrow || !aboutAddress(r.Means) || r.Address == "" {
		return m, nil
	}
	owners, err := h.owners(ctx, r.Channel, r.Address)
	if err != nil {
		return m, err
	}
	for _, o := range owners {
		m.Nobody = false
		if slices.Contains(m.Debtors, o.Debtor) {
			continue
		}
		m.Debtors = append(m.Debtors, o.Debtor)
		cmd := dunning.ReportDelivery{ID: r.ID, Point: o.Point, Report: r.Means, Code: r.Code}
		if err := h.tell(ctx, o.Debtor, cmd, byWebhook); err != nil {
			return m, err
		}
	}
	return m, nil
}

// aboutAddress reports whether a report says something about the address itself.
func aboutAddress(d dunning.Delivery) bool {
	switch d {
	case dunning.HardBounced, dunning.Invalid, dunning.Landline, dunning.Blocked, dunning.SpamReported, dunning.Unsubscribed, dunning.Stopped:
		return true
	}
	return false
}

// contact finds the message that a report is about: by our own attempt id, else by the
// provider's id.
func (h *hooks) contact(ctx context.Context, r webhooks.Report) (postgres.Contact, bool, error) {
	if r.Attempt != "" {
		if c, ok, err := h.store.ContactByAttempt(ctx, r.Attempt); ok || err != nil {
			return c, ok, err
		}
	}
	for _, id := range append([]string{r.ProviderID}, r.ProviderIDs...) {
		if id == "" {
			continue
		}
		if c, ok, err := h.store.ContactByProvider(ctx, r.Channel, id); ok || err != nil {
			return c, ok, err
		}
	}
	return postgres.Contact{}, false, nil
}

// reported keeps how far the message has come, and what follows from it.
func (h *hooks) reported(ctx context.Context, c postgres.Contact, r webhooks.Report) error {
	if r.Means != "" {
		id := c.ProviderID
		if id == "" {
			id = r.ProviderID
		}
		cmd := dunning.ReportDelivery{ID: r.ID, Contact: c.ID, Report: r.Means, ProviderID: id, Code: r.Code}
		if _, err := h.commands.Do(ctx, c.Case, cmd, byWebhook); err != nil {
			return err
		}
		if c.State == dunning.ContactUnknown && h.count != nil {
			h.count(resolvedByReport)
		}
	}
	if r.Rank == 0 {
		return nil
	}
	at := r.At
	if at.IsZero() {
		at = c.At
	}
	_, err := h.store.NoteDelivery(ctx, postgres.Delivery{Contact: c.ID, Status: r.Status, Rank: r.Rank, At: at, Code: r.Code, ProviderID: r.ProviderID})
	return err
}

// owners are all debtors whose number or address it is; the case of an address means
// nothing.
func (h *hooks) owners(ctx context.Context, ch dunning.Channel, address string) ([]postgres.Owner, error) {
	return h.store.Owners(ctx, ch, address)
}

// tell gives a command about a debtor.
func (h *hooks) tell(ctx context.Context, debtor string, cmd dunning.Command, by string) error {
	ref, err := h.store.RefOf(ctx, debtor)
	if err != nil {
		return err
	}
	_, err = h.commands.DoAccount(ctx, ref, cmd, by)
	return err
}

// skew is how far ahead of ours another system's clock may be.
const skew = 5 * time.Minute

// Pay implements webhooks.Payments.
func (h *hooks) Pay(ctx context.Context, p webhooks.Payment) (webhooks.Matched, error) {
	if m, ok, err := h.reversed(ctx, p); ok || err != nil {
		return m, err
	}
	a, ok, err := h.account(ctx, p)
	if err != nil || !ok {
		return webhooks.Matched{Outcome: "no_such_account", Nobody: true}, err
	}
	m := webhooks.Matched{Outcome: "booked", Debtors: []string{a.Debtor}}
	ref, err := h.store.RefOfAccount(ctx, a)
	if err != nil {
		return m, err
	}
	cmd, err := h.payment(ctx, p, a)
	if err != nil {
		return m, err
	}
	if rec, ok := cmd.(dunning.RecordPayment); ok && rec.Item == "" && p.Invoice != "" {
		m.Outcome = "booked_oldest_first" // the invoice is not known: the money counts all the same
	}
	res, err := h.commands.DoAccount(ctx, ref, cmd, byWebhook)
	switch {
	case p.Reverses != "" && errors.Is(err, dunning.ErrUnknown):
		return webhooks.Matched{Outcome: "no_such_payment", Nobody: true}, nil
	case err == nil && res.Facts == 0:
		m.Outcome = "already_booked"
	}
	return m, err
}

// reversed takes back a payment that a person has assigned: it stands at another account
// than it named. ok is false when nobody has.
func (h *hooks) reversed(ctx context.Context, p webhooks.Payment) (m webhooks.Matched, ok bool, err error) {
	if p.Reverses == "" {
		return m, false, nil
	}
	row, err := h.store.InboxEventNamed(ctx, "payments", p.Reverses)
	if errors.Is(err, postgres.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	given, err := h.store.AssignmentOf(ctx, row.ID)
	if errors.Is(err, postgres.ErrNotFound) || err == nil && given.Kind != assignPayment {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	a, err := h.store.Account(ctx, given.Account)
	if err != nil {
		return m, false, err
	}
	if a.Creditor != p.Creditor {
		return m, false, nil
	}
	ref, err := h.store.RefOfAccount(ctx, a)
	if err != nil {
		return m, false, err
	}
	_, err = h.commands.DoAccount(ctx, ref, dunning.ReversePayment{Payment: given.Payment, Reason: p.Reason}, byWebhook)
	return webhooks.Matched{Outcome: "booked", Debtors: []string{a.Debtor}}, true, err
}

// account is the account that a payment names.
func (h *hooks) account(ctx context.Context, p webhooks.Payment) (postgres.Account, bool, error) {
	accounts, err := h.store.AccountsByKey(ctx, p.Creditor, p.Account)
	i := slices.IndexFunc(accounts, func(a postgres.Account) bool { return a.Currency == p.Amount.Currency() })
	if err != nil || i < 0 {
		return postgres.Account{}, false, err
	}
	return accounts[i], true, nil
}

func (h *hooks) payment(ctx context.Context, p webhooks.Payment, a postgres.Account) (dunning.Command, error) {
	cfg, err := h.book.Current(ctx)
	if err != nil {
		return nil, err
	}
	home := ""
	if cr, ok := cfg.Creditor(p.Creditor); ok {
		home = cr.Currency
	}
	id := func(reference string) string { return importer.PaymentID(p.Account, a.Currency, home, reference) }
	if p.Reverses != "" {
		return dunning.ReversePayment{Payment: id(p.Reverses), Reason: p.Reason}, nil
	}
	cmd := dunning.RecordPayment{ID: id(p.ID), Amount: p.Amount, At: p.At}
	if now, err := h.clock.Now(ctx); err != nil {
		return nil, err
	} else if p.At.After(now) && p.At.Sub(now) <= skew {
		cmd.At = time.Time{}
	}
	if p.Invoice != "" {
		cmd.Item, err = h.item(ctx, a.ID, p.Invoice)
	}
	return cmd, err
}

// item finds an invoice by its key, else by the number printed on it if only one has it.
func (h *hooks) item(ctx context.Context, account, invoice string) (string, error) {
	items, err := h.store.Items(ctx, account)
	if err != nil {
		return "", err
	}
	var found []string
	for _, it := range items {
		if it.Key == invoice {
			return it.Key, nil
		}
		if it.Number == invoice {
			found = append(found, it.Key)
		}
	}
	if len(found) != 1 {
		return "", nil
	}
	return found[0], nil
}
