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

// courtesies are templates that a person does not send: Duly does, with what they are about.
var courtesies = []string{"thank-you", "plan-reminder", "plan-offer"}

// templates are those of the published configuration, each once, whatever its languages.
func templates(c *config.Config, o *opened) []templateChoice {
	var out []templateChoice
	for _, t := range c.Templates() {
		choice := templateChoice{t.Channel, t.Name, either(t.Title, t.Name)}
		if t.Purpose != "" && t.Purpose != "collect" || slices.Contains(courtesies, t.Name) {
			continue
		}
		if !slices.ContainsFunc(out, func(x templateChoice) bool { return x.Channel == t.Channel && x.Name == t.Name }) {
			out = append(out, choice)
		}
	}
	return out
}

// choice reads the template out of a form: "email/friendly-reminder".
func choice(o *opened, text string) (templateChoice, bool) {
	all := templates(o.config, o)
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
	t, ok := choice(o, r.Value("template"))
	if !ok {
		v.Fault = "Choose a template."
		return r.Page("draft.html", v)
	}
	v.Light = light(&o.facts, o.at, t.Channel)
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
