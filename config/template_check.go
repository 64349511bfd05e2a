package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/liquid"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/sms"
)

// maxSegments of a text message above which the loader warns.
const maxSegments = 3

// compileTemplates tries every template with every creditor, once with all
// that a message may know and once with only what the template says it needs.
// So a variable that is not always there, or a disclosure that is not shown,
// is found before anything is sent.
func (l *loader) compileTemplates() {
	l.cfg.templates = l.templates
	l.tryDisclosures()
	keys := slices.Collect(keysOf(l.templates))
	slices.SortFunc(keys, func(a, b templateKey) int { return strings.Compare(l.templates[a].file, l.templates[b].file) })
	first := l.firstTemplates()
	for _, k := range keys {
		if t := l.templates[k]; t.usable() && t.soundWords() {
			l.tryTemplate(t, first)
		}
	}
	l.checkLanguages()
}

// tryDisclosures fills every disclosure with every creditor it is for.
func (l *loader) tryDisclosures() {
	for _, d := range l.cfg.disclosures {
		for _, lang := range slices.Sorted(keysOf(d.texts)) {
			for _, cr := range l.cfg.creditors {
				if d.texts[lang] == nil || len(d.spec.Roles) > 0 && !slices.Contains(d.spec.Roles, cr.Role) {
					continue
				}
				_, err := d.texts[lang].Render(variables(cr, SampleRequest(cr, "", "", lang)), liquid.Options{Filters: filters(lang)})
				var f liquid.Fault
				if errors.As(err, &f) {
					d.doc.FaultInside(d.path+".texts."+lang, f.Line, f.Column, f.Message+fmt.Sprintf(" (tried as creditor %q)", cr.ID), f.Hint)
					break
				}
			}
		}
	}
}

// soundWords makes the checks that need no sample; where one of them found something, samples
// would find the same.
func (t *template) soundWords() bool {
	t.doc.Late(t.checkNames)
	return !slices.ContainsFunc(t.doc.Faults(), func(f Fault) bool { return f.Late })
}

// checkNames reports every variable that there is not, also where the samples do not come
// by: a branch for three invoices, a business, a debtor without a name.
func (t *template) checkNames() {
	vars := variables(Creditor{}, SampleRequest(Creditor{}, t.channel, t.name, t.locale))
	for _, f := range t.body.Unknown(vars) {
		t.bodyFault(f.Line, f.Column, f.Message, f.Hint)
	}
	if t.subject == nil {
		return
	}
	for _, f := range t.subject.Unknown(vars) {
		t.doc.FaultInside("subject", f.Line, f.Column, f.Message, f.Hint)
	}
}

// tryTemplate stops at the first fault: the same words would fail the same way again.
func (l *loader) tryTemplate(t *template, first map[string]bool) {
	for _, cr := range l.cfg.creditors {
		for _, full := range []bool{true, false} {
			req := SampleRequest(cr, t.channel, t.name, t.locale)
			if !full {
				req = t.bare(req)
			}
			req.law = l.cfg.lawAround(cr)
			req.First = first[string(t.channel)+" "+t.name]
			m, err := l.cfg.render(t, cr, req)
			if err != nil {
				t.report(err, cr, full)
				return
			}
			l.checkSMS(t, m)
		}
	}
}

// bare is a request with only what the template needs.
func (t *template) bare(full RenderRequest) RenderRequest {
	req := RenderRequest{Template: full.Template, Channel: full.Channel, Creditor: full.Creditor, Locale: full.Locale, Today: full.Today, Total: full.Total}
	for _, n := range t.spec.Needs {
		switch n {
		case "plan":
			req.Plan = full.Plan
		case "instalment":
			req.Instalment = full.Instalment
		case "items":
			req.Items, req.Total = full.Items[:1], full.Items[0].Open
		case "links":
			req.Links = full.Links
		case "itemization":
			req.Itemization = full.Itemization
		}
	}
	if n := req.Itemization; n != nil && len(req.Items) > 0 { // of the one invoice that it lists then
		i := req.Items[0]
		req.Itemization = &dunning.Itemization{Date: n.Date, Owed: i.Amount, Interest: n.Interest, Fees: n.Fees, Paid: i.Amount.Of(i.Amount.Minor() - i.Open.Minor())}
	}
	return req
}

func (t *template) report(err error, cr Creditor, full bool) {
	with := fmt.Sprintf(" (tried as creditor %q)", cr.ID)
	if !full {
		with = fmt.Sprintf(" (tried as creditor %q with only what the template needs)", cr.ID)
	}
	var f liquid.Fault
	var d *disclosureError
	var c *contentError
	switch {
	case errors.Is(err, errNoSubject):
		t.doc.Late(func() { t.doc.Fault("subject", errNoSubject.Error()+with, "") })
	case errors.As(err, &d):
		t.bodyFault(1, 1, d.Error()+with, "")
	case errors.As(err, &c):
		t.bodyFault(1, 1, c.Error()+with, "the words that prove it are in disclosures.yaml")
	case errors.As(err, &f) && strings.HasPrefix(err.Error(), "subject: "):
		t.doc.FaultInside("subject", f.Line, f.Column, f.Message+with, f.Hint)
	case errors.As(err, &f):
		t.bodyFault(f.Line-t.bodyLine, f.Column, f.Message+with, f.Hint)
	default:
		t.bodyFault(1, 1, err.Error()+with, "")
	}
}

func (l *loader) checkSMS(t *template, m dunning.Message) {
	if t.channel != dunning.SMS {
		return
	}
	info := sms.Count(m.Text)
	if info.Segments > maxSegments {
		t.doc.Add(Fault{
			File: t.file, Line: t.bodyLine + 1, Column: 1, Warning: true, SourceLine: t.bodyLines[0],
			Message: fmt.Sprintf("this text message takes %d segments in %s", info.Segments, info.Encoding), Hint: "each is paid for; shorten it",
		})
	}
}

// checkLanguages warns where a template that sequences use is not there in the
// language of a creditor: its debtors would be written to in English.
func (l *loader) checkLanguages() {
	for _, f := range l.sequences {
		for _, u := range used(f.seq) {
			for _, cr := range l.cfg.creditors {
				t := l.cfg.find(u.Channel, u.Template, cr.Locale, cr.Locale)
				if t != nil && locale.Base(t.locale) != locale.Base(cr.Locale) {
					f.doc.Warn("", fmt.Sprintf("%s template %q is not there in language %q of creditor %q", u.Channel, u.Template, cr.Locale, cr.ID), "debtors would be written to in "+t.locale)
				}
			}
		}
	}
}

// used lists every channel and template that a sequence names, in order.
func used(s *dunning.Sequence) (out []dunning.Channeled) {
	var walk func([]dunning.Channeled)
	walk = func(list []dunning.Channeled) {
		for _, c := range list {
			out = append(out, c)
			walk(c.Else)
		}
	}
	for _, step := range s.Steps {
		walk(step.Send)
		if step.Offer != nil {
			walk(step.Offer.Send)
		}
	}
	for _, r := range []dunning.Reaction{s.On.PromiseBroken, s.On.PlanBroken, s.On.DisputeRejected, s.On.Paid} {
		walk(r.Send)
	}
	return out
}

// SampleRequest is an invented debtor with everything that a message may say,
// for previews and for trying templates.
func SampleRequest(cr Creditor, ch dunning.Channel, name, tag string) RenderRequest {
	cur := cr.Currency
	if _, err := money.Digits(cur); err != nil {
		cur = "EUR" // the creditor's own is reported in its file
	}
	amount := func(minor int64) money.Amount {
		a, _ := money.FromMinor(minor, cur)
		return a
	}
	on := func(month time.Month, day int) dunning.Date { return dunning.Date{Year: 2026, Month: month, Day: day} }
	to := ""
	if ch == dunning.Letter {
		to = "12 Sample Street\nSpringfield, IL 62701"
	}
	return RenderRequest{
		To: to, Itemization: &dunning.Itemization{Date: on(time.October, 1), Owed: amount(211800), Interest: amount(0), Fees: amount(0), Paid: amount(27550)},
		Template: name, Channel: ch, Creditor: cr.ID, Locale: tag, DebtorKind: "consumer", DebtorName: "Alex Sample",
		NoticeEnds: dunning.Date{Year: 2027, Month: time.January, Day: 5},
		Reference:  "10-2044", Today: on(time.November, 21), Total: amount(184250), Credit: amount(1000),
		Items: []RenderItem{
			{Number: "2026-0815", Issued: on(time.September, 1), Due: on(time.October, 1), Amount: amount(150000), Open: amount(123450), DaysOverdue: 51},
			{Number: "2026-0923", Issued: on(time.October, 1), Due: on(time.October, 31), Amount: amount(61800), Open: amount(61800), DaysOverdue: 21},
		},
		Plan: &RenderPlan{AnswerBy: on(time.December, 1), Options: []RenderPlanOption{
			{Instalments: 3, Each: amount(61417), First: on(time.December, 8)}, {Instalments: 6, Each: amount(30709), First: on(time.December, 8)},
		}},
		Instalment: &RenderInstalment{Number: 2, Of: 3, Due: on(time.December, 8), Amount: amount(61417)},
		Links:      RenderLinks{Pay: "https://pay.example/p/ABCDEFGHIJ", Account: "https://pay.example/a/ABCDEFGHIJ", OptOut: "https://pay.example/o/ABCDEFGHIJ"},
	}
}
