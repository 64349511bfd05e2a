package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// Renderer writes messages from the facts as of the decision that allowed them, so that
// rendering again, for a look-up months later, gives the same words.
type Renderer struct {
	Store *postgres.Store
	Book  *Book
	// Pay and Account make a debtor's personal links, "" for none; nil for none at all.
	Pay, Account func(ctx context.Context, ref dunning.CaseRef) (string, error)
	// Unsubscribe is the address that ends emails, by attempt id; nil or "": none.
	Unsubscribe func(attempt string) string
}

// Render implements activities.Renderer.
func (r *Renderer) Render(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned) (dunning.Message, error) {
	d, err := r.Store.SendDetails(ctx, c.ID)
	if err != nil {
		return dunning.Message{}, err
	}
	w, err := r.writing(ctx, ref, c, d)
	if err != nil {
		return dunning.Message{}, err
	}
	return w.write(ctx)
}

// write writes the message, or refuses to.
func (w *writing) write(ctx context.Context) (dunning.Message, error) {
	if w.details.To == "" {
		return dunning.Message{}, &activities.RenderError{Code: "point:gone", Class: dunning.FailedRecipient}
	}
	req, err := w.request(ctx)
	if err != nil {
		return dunning.Message{}, err
	}
	m, err := w.cfg.Render(req)
	if rule, refused := config.ContentRule(err); refused {
		return dunning.Message{}, &activities.RenderError{Code: "content:" + rule, Class: dunning.FailedContent}
	}
	if err != nil {
		// What is missing is a matter of the template and this debtor's data: the same
		// facts will always miss it. The error may quote them, so it stays here.
		return dunning.Message{}, &activities.RenderError{Code: "template:" + w.contact.Template, Class: dunning.FailedContent}
	}
	if w.Unsubscribe != nil && m.Channel == dunning.Email {
		m.Unsubscribe = w.Unsubscribe(activities.AttemptID(w.contact.ID))
	}
	return m, nil
}

// writing is one message while it is written.
type writing struct {
	*Renderer
	ref     dunning.CaseRef
	contact dunning.ContactPlanned
	details postgres.SendDetails
	cfg     *config.Config
	facts   dunning.Facts
	at      time.Time
	allowed dunning.Decision
}

// writing loads what the message is about: the decision, and the facts that it saw.
func (r *Renderer) writing(ctx context.Context, ref dunning.CaseRef, c dunning.ContactPlanned, d postgres.SendDetails) (*writing, error) {
	w := &writing{Renderer: r, ref: ref, contact: d.Contact, details: d}
	if c.Decision == "" { // the caller may not know it yet; the log does
		c.Decision = d.Contact.Decision
	}
	s, ok, err := r.Store.Decision(ctx, c.Decision)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("contact %s names a decision that is not stored", c.ID)
	}
	w.allowed, w.at = s.Decision, s.Decision.At
	setup, err := r.Book.Setup(ctx, ref)
	if err != nil {
		return nil, err
	}
	history, err := r.Store.FactsAsOf(ctx, ref.Debtor, s.Decision.Version)
	if err != nil {
		return nil, err
	}
	if w.facts, err = dunning.Fold(setup, history); err != nil {
		return nil, err
	}
	w.cfg, err = r.words(ctx)
	return w, err
}

// words is the configuration whose templates are used: today's, so that a mended template
// reaches the cases that need it.
func (r *Renderer) words(ctx context.Context) (*config.Config, error) { return r.Book.Current(ctx) }

// request says everything that the message may say.
func (w *writing) request(ctx context.Context) (config.RenderRequest, error) {
	known, profile := w.facts.Known, w.details.Profile
	req := config.RenderRequest{
		Template: w.contact.Template, Channel: w.contact.Channel, Creditor: w.ref.Creditor,
		Locale: profile.Locale, Places: known.Places, DebtorKind: known.DebtorKind, DebtorName: profile.Name, To: w.details.To,
		Reference: w.details.AccountKey, Today: w.today(), Dated: w.facts.LetterDay(w.at), Country: w.country(), Items: w.items(), Total: w.allowed.Total,
		First: w.first(), TimeBarred: w.timeBarred(), NoticeEnds: w.contact.NoticeEnds,
	}
	if len(req.Places) == 0 && profile.Country != "" {
		req.Places = []string{profile.Country}
	}
	if req.Locale == "" {
		req.Locale = known.Locale
	}
	if w.contact.Courtesy() {
		req.Total = w.allowed.Total.Of(0) // it lists no invoices; an instalment is said by itself
	} else if w.facts.Credit > 0 {
		req.Credit = w.allowed.Total.Of(w.facts.Credit)
	}
	req.Plan, req.Instalment = w.plan(), w.instalment()
	if n, ok := w.facts.Itemize(w.contact.Items, req.Total); ok {
		req.Itemization = &n
	}
	return req, w.links(ctx, &req)
}

// today is the day of the message where the debtor is.
func (w *writing) today() dunning.Date {
	if len(w.facts.Zones) == 0 {
		return dunning.DateOf(w.at.UTC())
	}
	return dunning.DateOf(w.at.In(w.facts.Zones[0]))
}

// country is where the debtor lives, "" when that is not known for sure.
func (w *writing) country() string {
	if c := w.details.Profile.Country; c != "" {
		return c
	}
	country := ""
	for i, p := range w.facts.Known.Places {
		c, _, _ := strings.Cut(p, "-")
		if i > 0 && c != country {
			return ""
		}
		country = c
	}
	return country
}

// first: nothing has left, or may have, to this debtor for this creditor before.
func (w *writing) first() bool {
	for i := range w.facts.Contacts {
		c := &w.facts.Contacts[i]
		if c.ID == w.contact.ID || c.Creditor != w.ref.Creditor || c.Logged != nil && c.Logged.Direction == "inbound" {
			continue
		}
		if c.State == dunning.ContactAccepted || c.State == dunning.ContactBounced || c.State == dunning.ContactUnknown {
			return false
		}
	}
	return true
}

// timeBarred: a suit for the account would come too late.
func (w *writing) timeBarred() bool {
	return slices.ContainsFunc(w.facts.Debts, func(d dunning.DebtState) bool { return d.Account == w.facts.Account && d.TimeBarred })
}

// items are the lines of the message.
func (w *writing) items() []config.RenderItem {
	byKey := map[string]dunning.ItemState{}
	for _, it := range w.facts.Items {
		byKey[it.Key] = it
	}
	var out []config.RenderItem
	for _, l := range w.contact.Items {
		it := byKey[l.Key]
		late := it.Due.Days(w.today())
		out = append(out, config.RenderItem{
			Number: it.Number, Issued: it.Issued, Due: it.Due, Amount: it.Amount, Open: l.Amount, DaysOverdue: max(late, 0),
		})
	}
	return out
}

// plan is the offer of the step, nil when it offers none.
func (w *writing) plan() *config.RenderPlan {
	if w.facts.Sequence == nil {
		return nil
	}
	i := w.facts.Sequence.StepIndex(w.contact.Step)
	if i < 0 || w.facts.Sequence.Steps[i].Offer == nil {
		return nil
	}
	offer := w.facts.Sequence.Steps[i].Offer
	p := &config.RenderPlan{AnswerBy: w.today().AddDays(max(offer.OpenFor, 1))}
	for _, n := range offer.Instalments {
		parts := w.facts.Instalments(w.allowed.Total.Minor(), n, w.today().AddDays(offer.FirstDue), 0)
		if len(parts) == 0 {
			continue
		}
		p.Options = append(p.Options, config.RenderPlanOption{Instalments: n, Each: parts[0].Amount, First: parts[0].Due})
	}
	return p
}

// instalment is the part of the live plan that a reminder is about, nil for other
// messages: the contact's round numbers the instalments from 1.
func (w *writing) instalment() *config.RenderInstalment {
	if w.contact.Step != dunning.CourtesyReminder {
		return nil
	}
	for _, p := range w.facts.Plans {
		n := w.contact.Round
		if p.Ended.IsZero() && n >= 1 && n <= len(p.Instalments) {
			ins := p.Instalments[n-1]
			return &config.RenderInstalment{Number: n, Of: len(p.Instalments), Due: ins.Due, Amount: ins.Amount}
		}
	}
	return nil
}

// links are the debtor's personal addresses; without them the creditor's payment page.
func (w *writing) links(ctx context.Context, req *config.RenderRequest) (err error) {
	if cr, ok := w.cfg.Creditor(w.ref.Creditor); ok {
		req.Links.Pay = cr.PaymentPage
	}
	if w.Pay != nil {
		if req.Links.Pay, err = w.Pay(ctx, w.ref); err != nil {
			return err
		}
	}
	if w.Account != nil {
		req.Links.Account, err = w.Account(ctx, w.ref)
	}
	return err
}
