package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/liquid"
	"github.com/duly/duly/internal/locale"
	"github.com/duly/duly/internal/yamlpos"
)

// TemplateSpec is the front matter of a template file
// (templates/<channel>/<name>.<locale>.md). Below it stands the body: Markdown
// with Liquid for email and letter, plain text with Liquid for SMS.
type TemplateSpec struct {
	Title     string   `yaml:"title" jsonschema_description:"what people see in lists"`
	Purpose   string   `yaml:"purpose" jsonschema:"required,enum=reminder,enum=offer,enum=notice,enum=receipt,enum=answer,enum=confirmation" jsonschema_description:"decides which disclosures it must carry"`
	Subject   string   `yaml:"subject" jsonschema_description:"Liquid; for email and letter"`
	Needs     []string `yaml:"needs" jsonschema:"enum=plan,enum=instalment,enum=items,enum=links,enum=itemization" jsonschema_description:"what it cannot be rendered without"`
	PayWithin *Days    `yaml:"pay_within" jsonschema_description:"pay_by is this many days after the day of the message, unless given"`
	// Notices that the message is; see checkNotices.
	Notices    []string `yaml:"notices" jsonschema_description:"legal notices that the message is, such as validation_notice; that it was sent is recorded once it has left"`
	NoticeEnds *Days    `yaml:"notice_ends" jsonschema_description:"the notice's period ends this many days after the day of the message; shown as notice.ends"`
	Reviewed   string   `yaml:"reviewed" jsonschema_description:"who approved this text, and when"`
}

// confirmation is the purpose of the one message that confirms an opt-out. It may
// say nothing else (12 CFR 1006.14(h)(2)), so it carries only the disclosures
// that name it.
const confirmation = "confirmation"

var (
	purposes = []string{"reminder", "offer", "notice", "receipt", "answer", confirmation}
	needs    = []string{"plan", "instalment", "items", "links", "itemization"}
)

// template is one compiled template.
type template struct {
	file      string
	channel   dunning.Channel
	name      string
	locale    string
	spec      TemplateSpec
	subject   *liquid.Template // nil for SMS
	body      *liquid.Template
	doc       *yamlpos.Doc
	bodyLine  int // line of the file before the first of the body
	bodyLines []string
}

type templateKey struct {
	channel dunning.Channel
	name    string
	locale  string
}

var templateFile = regexp.MustCompile(`^templates/(email|sms|letter)/([a-z0-9][a-z0-9-]*)\.([a-z]{2,3}(?:-[A-Z]{2})?)\.md$`)

// parseTemplate reads a template. What it says when filled in is checked once
// creditors are known.
func (l *loader) parseTemplate(name string, data []byte) {
	m := templateFile.FindStringSubmatch(name)
	if m == nil {
		l.file(name, "the name of a template says channel, name and language", "such as templates/email/friendly-reminder.en.md")
		return
	}
	front, body, bodyLine, doc, ok := frontMatter(name, data)
	l.docs = append(l.docs, doc)
	if !ok {
		return
	}
	t := &template{file: name, channel: dunning.Channel(m[1]), name: m[2], locale: m[3], spec: front, doc: doc, bodyLine: bodyLine, bodyLines: strings.Split(body, "\n")}
	t.check()
	t.compile(body)
	if l.templates == nil {
		l.templates = map[templateKey]*template{}
	}
	l.templates[templateKey{t.channel, t.name, t.locale}] = t
}

// frontMatter splits a template file at its two lines of "---".
func frontMatter(name string, data []byte) (spec TemplateSpec, body string, bodyLine int, doc *yamlpos.Doc, ok bool) {
	src := strings.TrimPrefix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\ufeff")
	rest, begins := strings.CutPrefix(src, "---\n")
	head, body, ends := strings.Cut(rest, "\n---\n")
	if !begins || !ends {
		doc = &yamlpos.Doc{File: name}
		doc.Add(Fault{File: name, Line: 1, Column: 1, Message: "a template begins with its front matter", Hint: `a line "---", keys such as purpose and subject, and a line "---"`})
		return spec, "", 0, doc, false
	}
	doc, ok = yamlpos.ParseAt(name, []byte(head), 1)
	if ok {
		doc.Decode(&spec)
	}
	return spec, body, 2 + strings.Count(head, "\n") + 1, doc, ok
}

func (t *template) check() {
	if t.spec.Purpose == "" {
		if !t.doc.Has("purpose") {
			t.doc.Fault("purpose", `"purpose" is missing`, "one of "+strings.Join(purposes, ", "))
		}
	} else {
		choose(t.doc, "purpose", t.spec.Purpose, purposes...)
	}
	for i, n := range t.spec.Needs {
		choose(t.doc, fmt.Sprintf("needs[%d]", i), n, needs...)
	}
	if t.spec.PayWithin != nil && *t.spec.PayWithin < 1 {
		t.doc.Fault("pay_within", "must be at least a day", "")
	}
	switch {
	case t.channel == dunning.SMS && t.doc.Has("subject"):
		t.doc.FaultKey("subject", "a text message has no subject", "")
	case t.channel != dunning.SMS && !t.doc.Has("subject"):
		t.doc.Fault("subject", `"subject" is missing`, "")
	case t.channel != dunning.SMS && strings.TrimSpace(t.spec.Subject) == "":
		t.doc.Late(func() { t.doc.Fault("subject", "the subject says nothing", "") })
	}
	if !locale.Known(t.locale) {
		t.doc.Fault("", fmt.Sprintf("there are no formats of amounts and dates for language %q", t.locale), "known: "+strings.Join(locale.Languages(), ", "))
	}
}

func (t *template) compile(body string) {
	if strings.TrimSpace(body) == "" {
		t.bodyFault(1, 1, "the template says nothing", "")
		return
	}
	for i, line := range t.bodyLines {
		if col, what := yamlpos.Unreadable(line); col > 0 {
			t.doc.Late(func() { t.bodyFault(i+1, col, "this is not readable text: "+what, "save the file as UTF-8") })
			break
		}
	}
	var faults []liquid.Fault
	t.body, faults = liquid.Parse(body, filters(t.locale))
	for _, f := range faults {
		t.bodyFault(f.Line, f.Column, f.Message, f.Hint)
	}
	if t.spec.Subject == "" {
		return
	}
	t.subject, faults = liquid.Parse(t.spec.Subject, filters(t.locale))
	for _, f := range faults {
		t.doc.FaultInside("subject", f.Line, f.Column, f.Message, f.Hint)
	}
}

// bodyFault reports at a place of the body, counted in the whole file.
func (t *template) bodyFault(line, col int, message, hint string) {
	src := ""
	if line >= 1 && line <= len(t.bodyLines) {
		src = t.bodyLines[line-1]
	}
	t.doc.Add(Fault{File: t.file, Line: t.bodyLine + line, Column: col, Message: message, Hint: hint, SourceLine: src})
}

// usable reports whether the template can be rendered at all.
func (t *template) usable() bool {
	return t.body != nil && (t.channel == dunning.SMS || t.subject != nil) && !t.doc.Failed()
}

// templateNames lists the names of templates by channel, sorted.
func (l *loader) templateNames() map[dunning.Channel][]string {
	out := map[dunning.Channel][]string{dunning.Email: {}, dunning.SMS: {}, dunning.Letter: {}}
	for k := range l.templates {
		out[k.channel] = append(out[k.channel], k.name)
	}
	for ch, names := range out {
		slices.Sort(names)
		out[ch] = slices.Compact(names)
	}
	return out
}

// find resolves a template by language: de-AT, then de, then the creditor's
// own language, then English.
func (c *Config) find(ch dunning.Channel, name, debtor, creditor string) *template {
	for _, tag := range []string{debtor, locale.Base(debtor), creditor, locale.Base(creditor), "en"} {
		if t := c.templates[templateKey{ch, name, tag}]; t != nil {
			return t
		}
	}
	return nil
}

// TemplateInfo describes one template file.
type TemplateInfo struct {
	Channel       dunning.Channel
	Name, Locale  string
	Title         string
	Purpose, File string
}

// Templates lists all templates by channel, name and locale.
func (c *Config) Templates() []TemplateInfo {
	out := make([]TemplateInfo, 0, len(c.templates))
	for _, t := range c.templates {
		out = append(out, TemplateInfo{t.channel, t.name, t.locale, orID(t.spec.Title, t.name), t.spec.Purpose, path.Clean(t.file)})
	}
	slices.SortFunc(out, func(a, b TemplateInfo) int { return strings.Compare(a.File, b.File) })
	return out
}
