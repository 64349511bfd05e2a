package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/liquid"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/markdown"
)

// RenderRequest is everything that a message may say. Zero values mean "there
// is none": a template that shows such a thing without asking first refuses.
type RenderRequest struct {
	Template string
	Channel  dunning.Channel
	Creditor string // id

	Locale     string   // of the debtor, "" = unknown
	Places     []string // candidate jurisdictions of the debtor such as US, US-CA; none = unknown
	DebtorKind string   // consumer or business, "" = unknown
	DebtorName string
	To         string // address, number, or postal lines; only passed on

	Reference  string       // what the debtor quotes, such as an account number
	First      bool         // nothing was sent to this debtor for this creditor before: what only first messages must say is asked for
	TimeBarred bool         // a suit for the debt would come too late, so the message may not threaten one
	Today      dunning.Date // day of the message where the debtor is
	Dated      dunning.Date // day that a letter bears, where the creditor is; "" = Today
	Country    string       // of a letter's recipient, ISO 3166; "" = unknown
	Items      []RenderItem // in the order shown
	Credit     money.Amount // money that no item has used yet, as a positive amount
	Total      money.Amount // must be what Items less Credit come to
	NoticeEnds dunning.Date // last day of a notice's period; "" = from notice_ends of the template, counted from Today
	PayBy      dunning.Date // "" = from pay_within of the template, counted from Today

	Plan       *RenderPlan       // terms that are offered
	Instalment *RenderInstalment // what is due next of a plan
	Links      RenderLinks
	// Itemization is how the total comes about; nil: nobody can tell.
	Itemization *dunning.Itemization

	law []string // at publish: the jurisdictions whose content rules are asked; nil: those of Places
}

// RenderItem is one line of a message.
type RenderItem struct {
	Number      string
	Issued, Due dunning.Date
	Amount      money.Amount // as invoiced; zero value = not shown
	Open        money.Amount
	DaysOverdue int
}

// RenderPlan is an offer of instalments.
type RenderPlan struct {
	Options  []RenderPlanOption
	AnswerBy dunning.Date
}

// RenderPlanOption is one way to pay in parts.
type RenderPlanOption struct {
	Instalments int
	Each        money.Amount // the largest instalment
	First       dunning.Date
}

// RenderInstalment is one part of a plan.
type RenderInstalment struct {
	Number, Of int
	Due        dunning.Date
	Amount     money.Amount
}

// RenderLinks are personal addresses, all https.
type RenderLinks struct {
	Pay     string // where to pay
	Account string // the debtor's own page: questions, disputes, plans
	OptOut  string // where to stop messages on this channel
}

// Render fills a template in the debtor's language. The message lacks only
// what the shell knows: attempt, instants. The error says what is missing; it
// never holds personal data.
func (c *Config) Render(req RenderRequest) (dunning.Message, error) {
	cr, ok := c.Creditor(req.Creditor)
	if !ok {
		return dunning.Message{}, fmt.Errorf("render %s: unknown creditor %q", req.Template, req.Creditor)
	}
	t := c.find(req.Channel, req.Template, req.Locale, cr.Locale)
	if t == nil {
		return dunning.Message{}, fmt.Errorf("render: there is no %s template %q in the debtor's language, the creditor's or English", req.Channel, req.Template)
	}
	m, err := c.render(t, cr, req)
	if err != nil {
		return dunning.Message{}, fmt.Errorf("%s: %w", t.file, err)
	}
	return m, nil
}

// render fills one template.
func (c *Config) render(t *template, cr Creditor, req RenderRequest) (dunning.Message, error) {
	if err := t.complete(req); err != nil {
		return dunning.Message{}, err
	}
	if t.spec.PayWithin != nil && req.PayBy.IsZero() && !req.Today.IsZero() {
		req.PayBy = addDays(req.Today, int(*t.spec.PayWithin))
	}
	if t.spec.NoticeEnds != nil && req.NoticeEnds.IsZero() && !req.Today.IsZero() {
		req.NoticeEnds = addDays(req.Today, int(*t.spec.NoticeEnds))
	}
	vars := variables(cr, req)
	disclosures, err := c.required(t, cr, req, vars)
	if err != nil {
		return dunning.Message{}, err
	}
	vars["disclosures"], vars["parts"] = list(allWords(disclosures), func(s string) any { return s }), partsOf(disclosures)
	m := dunning.Message{
		Channel: t.channel, To: req.To, ToName: req.DebtorName, Locale: t.locale, FromName: cr.EmailName,
	}
	if err := t.fill(&m, cr, vars, formatsOf(t.locale, req.Locale)); err != nil {
		return dunning.Message{}, err
	}
	if m.Channel == dunning.Letter {
		m.Dated, m.Country, m.PayBy = orDay(req.Dated, req.Today), req.Country, req.PayBy
	}
	if words := missingDisclosure(m.Text, allWords(disclosures)); words != "" {
		return dunning.Message{}, &disclosureError{words}
	}
	if line := missingFooter(m, cr); line != "" {
		return dunning.Message{}, errors.New("the email does not show the creditor's postal address")
	}
	return m, c.checkContent(t, cr, req, vars, m)
}

func orDay(a, b dunning.Date) dunning.Date {
	if a.IsZero() {
		return b
	}
	return a
}

// disclosureError says which words a message lacks.
type disclosureError struct{ words string }

func (e *disclosureError) Error() string {
	return fmt.Sprintf("the message must say %q; show the disclosures: {%% for d in disclosures %%}{{ d }} {%% endfor %%}", e.words)
}

// formatsOf is the tag whose formats of numbers are used: the debtor's own
// (de-AT) when the text is in that language.
func formatsOf(text, debtor string) string {
	if locale.Base(text) == locale.Base(debtor) {
		return debtor
	}
	return text
}

// complete checks what the template needs and that the amounts agree: a
// message that adds up wrong is never sent.
func (t *template) complete(req RenderRequest) error {
	for _, n := range t.spec.Needs {
		if missing := map[string]bool{
			"plan": req.Plan == nil || len(planOptions(req)) == 0, "instalment": req.Instalment == nil,
			"items": len(req.Items) == 0, "links": req.Links.Pay == "" || req.Links.Account == "", "itemization": req.Itemization == nil,
		}[n]; missing {
			return fmt.Errorf("the template needs %s, and there is none", n)
		}
	}
	if len(req.Items) == 0 {
		return itemized(req)
	}
	sum := req.Credit.Neg()
	for _, i := range req.Items {
		var err error
		if sum, err = sum.Add(i.Open); err != nil {
			return err
		}
	}
	if cmp, err := sum.Cmp(req.Total); err != nil || cmp != 0 {
		return errors.New("the items of the message do not add up to its total")
	}
	return itemized(req)
}

// itemized checks that an itemization comes to what is asked for.
func itemized(req RenderRequest) error {
	n := req.Itemization
	if n == nil {
		return nil
	}
	sum := n.Owed
	for _, a := range []money.Amount{n.Interest, n.Fees, n.Paid.Neg()} {
		var err error
		if sum, err = sum.Add(a); err != nil {
			return err
		}
	}
	if cmp, err := sum.Cmp(req.Total); err != nil || cmp != 0 {
		return errors.New("the itemization of the message does not come to its total")
	}
	return nil
}

func planOptions(req RenderRequest) []RenderPlanOption {
	if req.Plan == nil {
		return nil
	}
	return req.Plan.Options
}

var errNoSubject = errors.New("the subject says nothing for this message")

// fill writes subject and body in the channel's form.
func (t *template) fill(m *dunning.Message, cr Creditor, vars map[string]any, tag string) error {
	plain := liquid.Options{Filters: filters(tag), Escape: oneLine}
	if t.channel == dunning.SMS {
		body, err := t.body.Render(vars, plain)
		m.From, m.FromName = cr.SMSFrom, ""
		m.Text = smsText(body)
		return t.inBody(err)
	}
	subject, err := "", error(nil)
	if t.subject != nil { // nil: published before this was a fault
		subject, err = t.subject.Render(vars, plain)
	}
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	if m.Subject = squeeze(subject); m.Subject == "" {
		return fmt.Errorf("%s: %w; publish the template with one that does", t.file, errNoSubject)
	}
	body, err := t.body.Render(vars, liquid.Options{Filters: filters(tag), Escape: markdown.Escape})
	if err != nil {
		return t.inBody(err)
	}
	html, text, err := markdown.Render(body, markdown.Style{})
	if err != nil {
		return err
	}
	if t.channel == dunning.Letter {
		m.Text, m.HTML, m.Sender = text, letterPage(m.Subject, html, t.locale), cr.Address
		m.FromName, m.Formats = cr.Name, tag
		return nil
	}
	m.From, m.ReplyTo = cr.EmailFrom, cr.Reply
	m.Text, m.HTML = emailText(text, cr), emailPage(m.Subject, html, t.locale, cr)
	return nil
}

// inBody gives a fault of the body its place in the file.
func (t *template) inBody(err error) error {
	var f liquid.Fault
	if errors.As(err, &f) {
		f.Line += t.bodyLine
		return f
	}
	return err
}

// oneLine: a value cannot bring line breaks of its own (into subjects, above all).
func oneLine(s string) string { return squeeze(strings.ToValidUTF8(s, "")) }

// Digest identifies what a person approved: the items with their amounts, the
// recipient and every word. Any change of one of them changes it.
func Digest(m dunning.Message, items []dunning.ItemLine) string {
	h := sha256.New()
	write := func(parts ...string) {
		for _, p := range parts {
			fmt.Fprintf(h, "%d:%s", len(p), p) // lengths keep neighbours apart
		}
	}
	write("duly-digest-1", string(m.Channel), m.To, m.ToName, m.From, m.Subject, m.Text, m.HTML)
	for _, i := range items {
		write(i.Key, i.Step, i.Amount.String())
	}
	return hex.EncodeToString(h.Sum(nil))
}
