package operate

import (
	"slices"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/sms"
	"github.com/duly/duly/internal/web"
)

type templatesPage struct {
	Rows []templateRow
}

// templateRow is a template with all its languages.
type templateRow struct {
	Channel dunning.Channel
	Name    string
	Title   string
	Purpose string
	Locales []string
}

func (d *operations) templates(r *web.Request) error {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	var p templatesPage
	for _, t := range c.Templates() {
		i := slices.IndexFunc(p.Rows, func(x templateRow) bool { return x.Channel == t.Channel && x.Name == t.Name })
		if i < 0 {
			p.Rows = append(p.Rows, templateRow{Channel: t.Channel, Name: t.Name, Title: t.Title, Purpose: t.Purpose})
			i = len(p.Rows) - 1
		}
		if strings.HasPrefix(t.Locale, "en") { // the console is in English
			p.Rows[i].Title = t.Title
		}
		p.Rows[i].Locales = append(p.Rows[i].Locales, t.Locale)
	}
	if r.WantsCSV() {
		var rows [][]string
		for _, x := range p.Rows {
			rows = append(rows, []string{string(x.Channel), x.Name, x.Title, x.Purpose, strings.Join(x.Locales, " ")})
		}
		return file(r, "templates", []string{"channel", "template", "title", "purpose", "languages"}, rows)
	}
	return r.Page("templates.html", p)
}

type templatePage struct {
	templateRow
	Creditors []config.Creditor
	Creditor  string
	Locale    string
	Case      string
	Of        string // whose data it shows
	Fault     string
	Message   dunning.Message
	Lines     []string
	SMS       sms.Info
}

// template fills one in: for an invented debtor, or for a real case.
func (d *operations) template(r *web.Request) error {
	c, err := d.Config(r.R.Context())
	if err != nil {
		return err
	}
	p := templatePage{Creditor: r.Value("creditor"), Locale: r.Value("locale"), Case: r.Value("case"), Creditors: c.Creditors()}
	p.Channel, p.Name = dunning.Channel(r.Value("channel")), r.Value("name")
	for _, t := range c.Templates() {
		if t.Channel == p.Channel && t.Name == p.Name {
			if p.Locales = append(p.Locales, t.Locale); p.Title == "" || strings.HasPrefix(t.Locale, "en") {
				p.Title, p.Purpose = t.Title, t.Purpose
			}
		}
	}
	if len(p.Locales) == 0 {
		return web.NotFound("This template")
	}
	if p.Creditor == "" && len(p.Creditors) > 0 {
		p.Creditor = p.Creditors[0].ID
	}
	if p.Locale == "" {
		p.Locale = p.Locales[0]
		if slices.Contains(p.Locales, "en") {
			p.Locale = "en"
		}
	}
	if err := d.fillTemplate(r, c, &p); err != nil {
		return err
	}
	p.Lines = strings.Split(p.Message.Text, "\n")
	if p.Channel == dunning.SMS {
		p.SMS = sms.Count(p.Message.Text)
	}
	r.Subject(p.Case)
	return r.Page("template.html", p)
}

func (d *operations) fillTemplate(r *web.Request, c *config.Config, p *templatePage) error {
	if p.Case == "" {
		v, err := c.Preview(p.Creditor, p.Channel, p.Name, p.Locale)
		p.Message, p.Of = v.Message, "an invented debtor"
		if err != nil {
			p.Fault = err.Error()
		}
		return nil
	}
	ref, err := d.CaseRef(r.R.Context(), p.Case)
	if err != nil || !r.Scope(identity.View).Allows(ref.Creditor) {
		p.Fault = "There is no such case, or you may not see it."
		return nil //nolint:nilerr // it is said on the page
	}
	f, err := d.Fold(r.R.Context(), ref)
	if err != nil {
		return err
	}
	p.Creditor, p.Of = ref.Creditor, "case "+p.Case
	if p.Message, err = d.Draft(r.R.Context(), ref, f, p.Channel, p.Name, r.Now); err != nil {
		p.Fault = err.Error()
	}
	return nil
}
