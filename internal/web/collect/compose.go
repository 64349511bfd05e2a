package collect

import (
	"slices"
	"strings"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/sms"
	"github.com/duly/duly/internal/web"
)

// templateChoice is an approved template that could be sent to the debtor.
type templateChoice struct {
	Channel dunning.Channel
	Name    string
	Title   string
}

// Value of its option.
func (t templateChoice) Value() string { return string(t.Channel) + "/" + t.Name }

// Templates that a person may send, by their purpose. What confirms, answers, offers or
// thanks is sent by Duly with what it is about. A notice may have consequences in law: in
// a sequence it waits for an approval, so who may not approve drafts may not send it.
const (
	purposeReminder = "reminder"
	purposeNotice   = "notice"
	planReminder    = "plan-reminder" // is about an instalment: Duly sends it
)

// templates are those of the published configuration that somebody may send for a
// creditor, each once, whatever its languages.
func templates(c *config.Config, p identity.Principal, creditor string) []templateChoice {
	var out []templateChoice
	notices := p.Can(identity.ApproveDraft, creditor)
	for _, t := range c.Templates() {
		choice := templateChoice{t.Channel, t.Name, either(t.Title, t.Name)}
		if t.Purpose != purposeReminder && !(notices && t.Purpose == purposeNotice) || t.Name == planReminder {
			continue
		}
		i := slices.IndexFunc(out, func(x templateChoice) bool { return x.Channel == t.Channel && x.Name == t.Name })
		switch {
		case i < 0:
			out = append(out, choice)
		case strings.HasPrefix(t.Locale, "en"): // the console is in English
			out[i].Title = choice.Title
		}
	}
	return out
}

// choice reads the template out of a form: "email/friendly-reminder".
func choice(r *web.Request, o *opened, text string) (templateChoice, bool) {
	all := templates(o.config, r.User, o.Creditor)
	i := slices.IndexFunc(all, func(t templateChoice) bool { return t.Value() == text })
	if i < 0 {
		return templateChoice{}, false
	}
	return all[i], true
}

// draftView is a message as it would leave.
type draftView struct {
	Fault   string
	Light   Light
	Zone    string
	Message dunning.Message
	SMS     sms.Info
	Text    bool // it is text, not HTML
	Lines   []string
}

// preview shows the chosen template for this very case: its text, what it costs as SMS,
// what is missing, and whether it may leave now.
func (d Deps) preview(r *web.Request) error {
	o, err := d.openFor(r, identity.Message)
	if err != nil {
		return err
	}
	v := draftView{Zone: firstOf(o.Standing.Zones)}
	t, ok := choice(r, o, r.Value("template"))
	if !ok {
		v.Fault = "Choose a template."
		return r.Page("draft.html", v)
	}
	on, err := d.switches(r.R.Context())
	if err != nil {
		return err
	}
	v.Light = lightOf(&o.facts, on, o.Creditor, t.Name, t.Channel, o.at)
	ref, err := d.CaseRef(r.R.Context(), o.Case)
	if err != nil {
		return err
	}
	m, err := d.Draft(r.R.Context(), ref, o.facts, t.Channel, t.Name, o.at)
	if err != nil {
		v.Fault = sentenceUp(err.Error())
		return r.Page("draft.html", v)
	}
	v.Message, v.Lines = m, strings.Split(m.Text, "\n")
	if t.Channel == dunning.SMS {
		v.SMS = sms.Count(m.Text)
	}
	return r.Page("draft.html", v)
}
