package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/web"
	"github.com/duly/duly/internal/web/webhooks"
)

// Kinds of assignments.
const (
	assignPayment  = "payment"
	assignReversal = "reversal"
	assignReply    = "reply"
	assignForeign  = "foreign"
)

// takeUp is after how long another may finish an assignment that broke off half-way.
const takeUp = 30 * time.Second

// event is one that somebody may see: those of nobody are seen by who operates everything.
func (d *Desk) event(ctx context.Context, who identity.Principal, id int64) (postgres.InboxRow, error) {
	row, err := d.store.InboxEventOf(ctx, id)
	if err != nil {
		return row, err
	}
	if who.Can(identity.Monitor, identity.AllCreditors) || who.Can(identity.Operate, identity.AllCreditors) {
		return row, nil
	}
	for _, debtor := range row.Debtors {
		if ref, err := d.store.RefOf(ctx, debtor); err == nil && who.Can(identity.Monitor, ref.Creditor) {
			return row, nil
		}
	}
	return row, web.NotFound("This event")
}

// Event is an event of the inbox with what it says, whom it may belong to, and who has
// assigned it. query looks for accounts by name, number, invoice or amount instead.
func (d *Desk) Event(ctx context.Context, who identity.Principal, id int64, query string) (read.InboxDetail, error) {
	row, err := d.event(ctx, who, id)
	if err != nil {
		return read.InboxDetail{}, err
	}
	out := read.InboxDetail{InboxRow: read.InboxRow{
		ID: row.ID, Source: row.Source, Kind: row.Kind, Received: row.Received, At: row.At, Processed: row.Processed, State: string(row.State), Outcome: row.Outcome,
		Attempts: row.Attempts, Error: row.ErrorCode, Contact: row.Contact, Debtors: row.Debtors,
	}}
	if err := d.says(ctx, row, &out); err != nil {
		return out, err
	}
	switch a, err := d.store.AssignmentOf(ctx, id); {
	case err == nil:
		out.Assigned = &a
	case !errors.Is(err, postgres.ErrNotFound):
		return out, err
	}
	out.Suggested, err = d.suggest(ctx, web.ScopeOf(who, identity.View), out, query)
	return out, err
}

// says reads what an event says. What keeps it from being read is said in words.
func (d *Desk) says(ctx context.Context, row postgres.InboxRow, out *read.InboxDetail) error {
	req, err := d.store.InboxRequestOf(ctx, row.Request)
	if errors.Is(err, postgres.ErrNoCipher) {
		out.Unreadable = "This console has no data key, so what was told stays sealed: set DULY_DATA_KEY."
		return nil
	}
	if err != nil {
		return err
	}
	if len(req.Body) == 0 {
		out.Unreadable = "What was told has been wiped: it is too old, or personal data was erased."
		return nil
	}
	in := webhooks.Request{Source: req.Source, Query: req.Query, Headers: req.Headers, Body: req.Body, At: row.At}
	refusal := (*webhooks.Refusal)(nil)
	switch p, err := webhooks.ReadPayment(in, row.Part); {
	case err == nil:
		out.Payment = &read.InboxPayment{
			ID: p.ID, Creditor: p.Creditor, Account: p.Account, Invoice: p.Invoice, Amount: p.Amount, At: p.At, Reverses: p.Reverses, Reason: p.Reason,
		}
		return nil
	case errors.As(err, &refusal):
		out.Unreadable = "The payment is wrong in itself and must be sent again: " + refusal.Text + "."
		return nil
	}
	m, err := webhooks.ReadMessage(in)
	if err != nil {
		out.Unreadable = "It is a provider’s report and says nothing that a person could assign."
		return nil
	}
	text := m.Text
	if strings.TrimSpace(text) == "" {
		text = m.HTML
	}
	out.Reply = &read.InboxReply{Channel: m.Channel, From: m.From, Subject: m.Subject, Text: text, Received: row.At}
	return nil
}

// --- whom it may belong to ---------------------------------------------------------

// mostSuggested bounds the list, and with it the searches' parts.
const mostSuggested = 8

// suggest finds accounts by what an event says, the likeliest first, each with its reasons.
func (d *Desk) suggest(ctx context.Context, scope read.Scope, e read.InboxDetail, query string) ([]read.Suggestion, error) {
	g := guesses{by: map[string]*read.Suggestion{}}
	var clues []clue
	var amount *money.Amount
	switch p := e.Payment; {
	case query != "":
		clues = []clue{{query, "found by what you typed", 4}}
		amount = amountIn(query, e)
	case p != nil:
		if !scope.All() && !scope.Allows(p.Creditor) {
			return nil, nil
		}
		clues = []clue{{p.Invoice, "has this invoice", 5}, {p.Account, "has this customer number", 4}, {p.ID, "has this number", 2}, {tail(p.Account), "its customer number ends alike", 2}}
		if p.Reverses == "" {
			amount = &p.Amount
		}
	case e.Reply != nil:
		clues = []clue{{e.Reply.From, "wrote from this address or number", 5}}
		for _, n := range numbersIn(e.Reply.Subject + " " + e.Reply.Text) {
			clues = append(clues, clue{n, "has the number " + n + ", which the message names", 3})
		}
	}
	for _, c := range clues {
		if err := d.byClue(ctx, scope, &g, c); err != nil {
			return nil, err
		}
	}
	if amount != nil {
		if err := d.byAmount(ctx, scope, &g, e, *amount); err != nil {
			return nil, err
		}
	}
	return g.best(e), nil
}

// clue is a text to look for, with what finding it means.
type clue struct {
	text, reason string
	weight       int
}

func (d *Desk) byClue(ctx context.Context, scope read.Scope, g *guesses, c clue) error {
	if len([]rune(strings.TrimSpace(c.text))) < 3 {
		return nil
	}
	hits, err := d.store.Search(ctx, scope, c.text, mostSuggested)
	for _, h := range hits {
		reason := c.reason
		if h.Kind == "name" {
			reason = "its name matches"
		}
		g.add(h.Who, h.Case, h.Status, h.Open, reason, c.weight)
	}
	return err
}

// byAmount finds open cases of which exactly this much is owed.
func (d *Desk) byAmount(ctx context.Context, scope read.Scope, g *guesses, e read.InboxDetail, a money.Amount) error {
	f := read.CaseFilter{Currency: a.Currency(), MinOpen: &a, MaxOpen: &a, Sort: read.ByAmount}
	if e.Payment != nil && e.Payment.Creditor != "" {
		f.Creditors = []string{e.Payment.Creditor}
	}
	list, err := d.store.ListCases(ctx, scope, f, read.Page{Limit: mostSuggested})
	for _, c := range list.Rows {
		g.add(c.Who, c.Case, c.Status, c.Open, "owes exactly "+web.Money(a), 3)
	}
	return err
}

// amountIn is an amount that somebody looks for, in the event's currency unless it says one.
func amountIn(query string, e read.InboxDetail) *money.Amount {
	fields := strings.Fields(query)
	currency := ""
	if e.Payment != nil {
		currency = e.Payment.Amount.Currency()
	}
	if len(fields) == 2 {
		currency = strings.ToUpper(fields[1])
	}
	if len(fields) == 0 || len(fields) > 2 || currency == "" {
		return nil
	}
	a, err := money.Parse(fields[0], currency)
	if err != nil || a.Minor() <= 0 {
		return nil
	}
	return &a
}

// tail is the digits at the end of a customer number, without what others put before it.
func tail(number string) string {
	i := strings.LastIndexFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	if t := number[i+1:]; i >= 0 && len(t) >= 3 {
		return t
	}
	return ""
}

// numbersIn are texts that look like the number of an invoice or a customer.
func numbersIn(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;:!?()\"'", r) }) {
		w = strings.Trim(w, ".-#")
		if len(w) >= 4 && len(w) <= 40 && strings.ContainsAny(w, "0123456789") && !strings.Contains(w, "@") && !slices.Contains(out, w) {
			out = append(out, w)
		}
		if len(out) == 4 {
			break
		}
	}
	return out
}

// guesses collects suggestions by account.
type guesses struct {
	order []string
	by    map[string]*read.Suggestion
}

func (g *guesses) add(who read.Who, caseID, status string, open money.Amount, reason string, weight int) {
	if who.Account == "" {
		return
	}
	s := g.by[who.Account]
	if s == nil {
		s = &read.Suggestion{Who: who, Case: caseID, Status: status, Open: open}
		g.by[who.Account], g.order = s, append(g.order, who.Account)
	}
	if !slices.Contains(s.Reasons, reason) {
		s.Reasons, s.Score = append(s.Reasons, reason), s.Score+weight
	}
}

// best are the likeliest, without those of another creditor or currency than was told.
func (g *guesses) best(e read.InboxDetail) []read.Suggestion {
	var out []read.Suggestion
	for _, id := range g.order {
		s := *g.by[id]
		if p := e.Payment; p != nil && (p.Creditor != "" && s.Creditor != p.Creditor || s.Open.Currency() != "" && s.Open.Currency() != p.Amount.Currency()) {
			continue
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b read.Suggestion) int { return b.Score - a.Score })
	return out[:min(len(out), mostSuggested)]
}

// --- assigning -----------------------------------------------------------------------

// Assign says whom an event of the inbox belongs to, and carries out what it says: a payment
// is booked there, a reply is read as theirs. Who comes second is told who was first.
func (d *Desk) Assign(ctx context.Context, who identity.Principal, in read.Assign) (read.Assignment, error) {
	e, err := d.Event(ctx, who, in.Event, "")
	if err != nil {
		return read.Assignment{}, err
	}
	if in.Foreign {
		return d.assignForeign(ctx, who, e, in)
	}
	account, ref, err := d.target(ctx, who, in)
	if err != nil {
		return read.Assignment{}, err
	}
	a := read.Assignment{ID: uuid.NewString(), Event: in.Event, Creditor: account.Creditor, Debtor: account.Debtor, Account: account.ID, By: who.By, Reason: in.Reason}
	if a.At, err = d.clock.Now(ctx); err != nil {
		return a, err
	}
	switch {
	case e.Payment != nil:
		return d.assignPayment(ctx, who, e, a, account, ref, in.Item)
	case e.Reply != nil:
		return d.assignReply(ctx, who, e, a, ref)
	}
	return a, web.Conflict(or(e.Unreadable, "There is nothing in this event that could be assigned.") + " Mark it as not ours, with a reason, or process it again.")
}

// target is the account that is meant, which must be one that the person operates.
func (d *Desk) target(ctx context.Context, who identity.Principal, in read.Assign) (postgres.Account, dunning.CaseRef, error) {
	var account postgres.Account
	if in.Case == "" && in.Account == "" {
		return account, dunning.CaseRef{}, web.Invalid("Choose the account that it belongs to.", map[string]string{"account": "Choose an account."})
	}
	if in.Case != "" {
		ref, err := d.store.CaseRef(ctx, in.Case)
		if err != nil {
			return account, ref, missing(err, "This case")
		}
		in.Account = ref.Account
	}
	account, err := d.store.Account(ctx, in.Account)
	if err != nil {
		return account, dunning.CaseRef{}, missing(err, "This account")
	}
	switch {
	case !who.Can(identity.View, account.Creditor) && !who.Can(identity.Operate, account.Creditor):
		return account, dunning.CaseRef{}, web.NotFound("This account")
	case !who.Can(identity.Operate, account.Creditor):
		return account, dunning.CaseRef{}, web.Forbidden(identity.Operate, account.Creditor)
	}
	ref, err := d.store.RefOfAccount(ctx, account)
	return account, ref, err
}

func missing(err error, what string) error {
	if errors.Is(err, identity.ErrNotFound) || errors.Is(err, postgres.ErrRefused) {
		return web.NotFound(what)
	}
	return err
}

// begin claims the event. When somebody has done so before, it says who and when; one's own
// order that broke off half-way goes on.
func (d *Desk) begin(ctx context.Context, e read.InboxDetail, a read.Assignment) (read.Assignment, error) {
	err := d.store.BeginAssignment(ctx, a)
	if !errors.Is(err, postgres.ErrTaken) {
		return a, err
	}
	first, err := d.store.AssignmentOf(ctx, e.ID)
	if errors.Is(err, postgres.ErrNotFound) {
		return a, web.Conflict("This event waits for nobody any more: it is " + strings.ReplaceAll(e.State, "_", " ") + ". Open the inbox again.")
	}
	if err != nil {
		return a, err
	}
	same := first.Account == a.Account && first.Kind == a.Kind
	if first.State == "begun" && same && (first.By == a.By || clock.Wall().Sub(first.Made) > takeUp) {
		return first, nil
	}
	return a, d.takenBy(ctx, first)
}

// takenBy tells who was first.
func (d *Desk) takenBy(ctx context.Context, first read.Assignment) error {
	to := "as not ours"
	if first.Account != "" {
		if acc, err := d.store.Account(ctx, first.Account); err == nil {
			to = "to customer " + acc.DebtorKey
		}
	}
	return web.Conflict(fmt.Sprintf("%s has assigned it %s already, at %s UTC. Nothing was changed; undo that first if it is wrong.",
		d.name(ctx, first.By), to, first.Made.UTC().Format("15:04 on 2 Jan 2006")))
}

func (d *Desk) assignForeign(ctx context.Context, who identity.Principal, e read.InboxDetail, in read.Assign) (read.Assignment, error) {
	if !who.Can(identity.Operate, identity.AllCreditors) {
		return read.Assignment{}, web.Forbidden(identity.Operate, identity.AllCreditors)
	}
	if len([]rune(strings.TrimSpace(in.Reason))) < 3 {
		return read.Assignment{}, web.Invalid("Write whose it is or why it is not ours.", map[string]string{"reason": "Write why."})
	}
	a := read.Assignment{ID: uuid.NewString(), Event: in.Event, Kind: assignForeign, By: who.By, Reason: in.Reason}
	var err error
	if a.At, err = d.clock.Now(ctx); err != nil {
		return a, err
	}
	if a, err = d.begin(ctx, e, a); err != nil {
		return a, err
	}
	return d.assigned(ctx, who, a, "foreign")
}

// assigned ends an assignment and records it.
func (d *Desk) assigned(ctx context.Context, who identity.Principal, a read.Assignment, outcome string) (read.Assignment, error) {
	if err := d.store.EndAssignment(ctx, a, outcome); err != nil {
		return a, err
	}
	a.State = "done"
	return a, d.note(ctx, who, "inbox.assign", strconv.FormatInt(a.Event, 10), map[string]string{
		"kind": a.Kind, "account": a.Account, "creditor": a.Creditor, "payment": a.Payment, "reason": a.Reason, "assignment": a.ID,
	})
}

func (d *Desk) assignPayment(ctx context.Context, who identity.Principal, e read.InboxDetail, a read.Assignment, acc postgres.Account, ref dunning.CaseRef, item string) (read.Assignment, error) {
	p := e.Payment
	if p.Amount.Currency() != acc.Currency {
		return a, web.Invalid(fmt.Sprintf("The payment is in %s and the account in %s. Choose an account in %s.", p.Amount.Currency(), acc.Currency, p.Amount.Currency()), nil)
	}
	cmd, err := d.paymentCommand(ctx, e, &a, acc, ref, item)
	if err != nil {
		return a, err
	}
	if !who.Can(authority.Of(authority.Name(cmd)), acc.Creditor) {
		return a, web.Forbidden(authority.Of(authority.Name(cmd)), acc.Creditor)
	}
	if a, err = d.begin(ctx, e, a); err != nil {
		return a, err
	}
	if r, ok := cmd.(dunning.RecordPayment); ok {
		r.ID = a.Payment // of the order that goes on, if one did
		cmd = r
	}
	if _, err := d.do(ctx, who, ref, cmd); err != nil {
		if final(err) {
			err = errors.Join(err, d.store.DropAssignment(ctx, a.ID))
		}
		return a, err
	}
	return d.assigned(ctx, who, a, "assigned")
}

// final tells refusals, after which nothing was booked, from trouble, after which it may be.
func final(err error) bool {
	return authority.AsRefusal(err) != nil || errors.Is(err, dunning.ErrInvalid) || errors.Is(err, dunning.ErrConflict) || errors.Is(err, dunning.ErrUnknown)
}

// paymentCommand is what a payment or reversal means at an account. It sets the kind and the
// payment's id.
func (d *Desk) paymentCommand(ctx context.Context, e read.InboxDetail, a *read.Assignment, acc postgres.Account, ref dunning.CaseRef, item string) (dunning.Command, error) {
	p := e.Payment
	f, home, err := d.standing(ctx, acc, ref)
	if err != nil {
		return nil, err
	}
	if p.Reverses != "" {
		a.Kind = assignReversal
		base := importer.PaymentID(acc.Key, acc.Currency, home, p.Reverses)
		if a.Payment = standingPayment(f, base); a.Payment == "" {
			return nil, web.Conflict("This account has no such payment that still stands. Choose the account at which it was booked.")
		}
		return dunning.ReversePayment{Payment: a.Payment, Reason: p.Reason}, nil
	}
	a.Kind = assignPayment
	a.Payment = freshPayment(f, importer.PaymentID(acc.Key, acc.Currency, home, p.ID))
	cmd := dunning.RecordPayment{ID: a.Payment, Amount: p.Amount, At: p.At, Item: item}
	if cmd.At.After(a.At) && cmd.At.Sub(a.At) <= skew {
		cmd.At = time.Time{}
	}
	if item == "" && p.Invoice != "" {
		cmd.Item, err = d.hooks.item(ctx, acc.ID, p.Invoice)
	}
	return cmd, err
}

// standing is what is known of an account, and its creditor's own currency.
func (d *Desk) standing(ctx context.Context, acc postgres.Account, ref dunning.CaseRef) (f dunning.Facts, home string, err error) {
	cfg, err := d.book.Current(ctx)
	if err != nil {
		return f, "", err
	}
	if cr, ok := cfg.Creditor(acc.Creditor); ok {
		home = cr.Currency
	}
	f, err = d.fold(ctx, ref)
	return f, home, err
}

// fold is the account's facts of a reference, in their set-up.
func (d *Desk) fold(ctx context.Context, ref dunning.CaseRef) (dunning.Facts, error) {
	return foldOf(ctx, d.store, d.book, ref)
}

// paymentIDs are the ids under which a payment can be booked at an account, one after the
// other: a payment that was taken back stays known, so it is booked again under the next.
func paymentIDs(base string) func(n int) string {
	return func(n int) string {
		if n == 0 {
			return base
		}
		return base + "/again/" + strconv.Itoa(n)
	}
}

// freshPayment is the first id under which it does not stand as taken back.
func freshPayment(f dunning.Facts, base string) string {
	id := paymentIDs(base)
	for n := 0; ; n++ {
		i := slices.IndexFunc(f.Payments, func(p dunning.PaymentState) bool { return p.ID == id(n) })
		if i < 0 || f.Payments[i].Reversed.IsZero() {
			return id(n)
		}
	}
}

// standingPayment is the id under which it stands, "" for none.
func standingPayment(f dunning.Facts, base string) string {
	id := paymentIDs(base)
	for n := 0; n < 100; n++ {
		i := slices.IndexFunc(f.Payments, func(p dunning.PaymentState) bool { return p.ID == id(n) })
		if i < 0 {
			return ""
		}
		if f.Payments[i].Reversed.IsZero() {
			return id(n)
		}
	}
	return ""
}

// assignReply reads a message as one debtor's: whatever it forbids is committed before this
// returns.
func (d *Desk) assignReply(ctx context.Context, who identity.Principal, e read.InboxDetail, a read.Assignment, ref dunning.CaseRef) (read.Assignment, error) {
	if !who.Can(identity.Consent, a.Creditor) {
		return a, web.Forbidden(identity.Consent, a.Creditor)
	}
	row, err := d.store.InboxEventOf(ctx, e.ID)
	if err != nil {
		return a, err
	}
	req, err := d.store.InboxRequestOf(ctx, row.Request)
	if err != nil {
		return a, err
	}
	m, err := webhooks.ReadMessage(webhooks.Request{Source: req.Source, Query: req.Query, Headers: req.Headers, Body: req.Body, At: row.At})
	if err != nil {
		return a, err
	}
	a.Kind = assignReply
	if a, err = d.begin(ctx, e, a); err != nil {
		return a, err
	}
	replies := Replies{d.hooks}
	if _, err := replies.take(ctx, writer{owner: postgres.Owner{Debtor: a.Debtor}, ref: ref}, m, false); err != nil {
		refusal := (*webhooks.Refusal)(nil)
		if errors.As(err, &refusal) {
			return a, errors.Join(web.Conflict("The message does not fit what is known of the debtor: "+refusal.Text+"."), d.store.DropAssignment(ctx, a.ID))
		}
		return a, err
	}
	return d.assigned(ctx, who, a, "assigned")
}

// Unassign takes an assignment back: a payment is reversed, and the event waits for a person
// again. What a message forbade stays forbidden, with a note, because to be silent is safe.
func (d *Desk) Unassign(ctx context.Context, who identity.Principal, id, reason string) (read.Assignment, error) {
	a, err := d.store.Assignment(ctx, id)
	if err != nil {
		return a, missing(err, "This assignment")
	}
	need := or(a.Creditor, identity.AllCreditors)
	switch {
	case !who.Can(identity.Operate, need) && !who.Can(identity.Monitor, need):
		return a, web.NotFound("This assignment")
	case !who.Can(identity.Operate, need):
		return a, web.Forbidden(identity.Operate, need)
	case len([]rune(strings.TrimSpace(reason))) < 3:
		return a, web.Invalid("Write why it is taken back.", map[string]string{"reason": "Write why."})
	case a.State == "undone":
		return a, web.Conflict("It has been taken back already, by " + d.name(ctx, a.UndoneBy) + ".")
	case a.State == "begun":
		return a, web.Conflict("It is being carried out right now. Try again in a moment.")
	case a.Kind == assignReversal:
		return a, web.Conflict("A reversal cannot be taken back. Record the payment again if it has arrived after all.")
	}
	if cmd, ok := map[string]dunning.Command{assignPayment: dunning.ReversePayment{}, assignReply: dunning.WriteNote{}}[a.Kind]; ok {
		if p := authority.Of(authority.Name(cmd)); !who.Can(p, need) {
			return a, web.Forbidden(p, need) // before anything says that it is being taken back
		}
	}
	if err := d.store.UndoAssignment(ctx, a, who.By, reason, false); err != nil {
		return a, err
	}
	if err := d.reverse(ctx, who, a, reason); err != nil {
		return a, err
	}
	if err := d.store.UndoAssignment(ctx, a, who.By, reason, true); err != nil {
		return a, err
	}
	a.State, a.UndoneBy, a.UndoWhy = "undone", who.By, reason
	return a, d.note(ctx, who, "inbox.unassign", strconv.FormatInt(a.Event, 10), map[string]string{
		"kind": a.Kind, "account": a.Account, "creditor": a.Creditor, "payment": a.Payment, "reason": reason, "assignment": a.ID,
	})
}

// reverse takes back what an assignment led to.
func (d *Desk) reverse(ctx context.Context, who identity.Principal, a read.Assignment, reason string) error {
	if a.Kind == assignForeign {
		return nil
	}
	acc, err := d.store.Account(ctx, a.Account)
	if err != nil {
		return err
	}
	ref, err := d.store.RefOfAccount(ctx, acc)
	if err != nil {
		return err
	}
	var cmd dunning.Command = dunning.ReversePayment{Payment: a.Payment, Reason: reason}
	if a.Kind == assignReply {
		cmd = dunning.WriteNote{ID: a.ID, Text: "A message was assigned to this customer by mistake and has been taken back. What it forbade or held still stands: lift it if it was not theirs."}
	}
	_, err = d.do(ctx, who, ref, cmd)
	return err
}
