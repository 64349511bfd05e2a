package comply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/paper"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/tell"
	"github.com/duly/duly/internal/web"
)

// reportOf is the summary of a pack, made of what is in its files.
func reportOf(x dossier, facts []factLine, files []evidence.File) paper.Report {
	r := paper.Report{Title: "Evidence of case " + x.Case.Case, Foot: "Creditor " + x.Case.Creditor + " · case " + x.Case.Case + " · as of " + utc(x.Made), At: x.Made}
	add := func(blocks ...paper.Block) { r.Body = append(r.Body, blocks...) }
	part := func(title string, blocks []paper.Block) {
		add(paper.Block{Kind: paper.Heading, Text: title})
		if len(blocks) == 0 {
			blocks = []paper.Block{{Text: "None."}}
		}
		add(blocks...)
	}
	add(caseBlocks(x)...)
	add(paper.Block{Text: x.howToRead()})
	part("What is owed", itemBlocks(x))
	part("Payments", paymentBlocks(x, facts))
	part("What happened, in order", factBlocks(x, facts))
	part(fmt.Sprintf("Messages as they were handed over (%d), the newest first", len(x.Messages)), x.messages())
	part(fmt.Sprintf("Decisions (%d), the newest first", len(x.Decisions)), x.decisions())
	var sums []paper.Block
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		sums = append(sums, paper.Block{Kind: paper.Pair, Name: f.Path, Text: hex.EncodeToString(sum[:])})
	}
	part("SHA-256 of the files that this was made from", sums)
	return r
}

// howToRead says what the pack is, and by whose clock it tells.
func (x dossier) howToRead() string {
	clock := "All times are UTC."
	if z := x.zone(); z != time.UTC {
		clock = "Times are those of the customer’s clock (" + z.String() + "), with UTC below or beside them."
	}
	return "What is said here is in the JSON files beside it, all of it as it stood at one instant of the ledger (version " + strconv.FormatInt(x.Case.Version, 10) +
		" of the customer). duly evidence verify proves all of them unchanged, without database and network. " + clock + " The sign " + string(paper.Lacking) +
		" on paper stands for a character that its typeface lacks; summary.html has it."
}

// zone is the customer's clock; UTC where it is not known.
func (x dossier) zone() *time.Location {
	if len(x.Case.Standing.Zones) > 0 {
		if z, err := time.LoadLocation(x.Case.Standing.Zones[0]); err == nil {
			return z
		}
	}
	return time.UTC
}

const (
	dayClock = "2 Jan 2006 15:04:05"
	utcClock = "2006-01-02 15:04:05 UTC"
)

func utc(t time.Time) string { return t.UTC().Format(utcClock) }

// both is an instant on the customer's clock and in UTC; "" for none.
func (x dossier) both(t time.Time) string {
	z := x.zone()
	switch {
	case t.IsZero():
		return ""
	case z == time.UTC:
		return utc(t)
	}
	return t.In(z).Format("2 Jan 2006 15:04:05 MST") + " (" + utc(t) + ")"
}

// margin is an instant beside an entry, in two lines.
func (x dossier) margin(t time.Time) string {
	z := x.zone()
	switch {
	case t.IsZero():
		return ""
	case z == time.UTC:
		return utc(t)
	}
	return t.In(z).Format(dayClock) + "\n" + utc(t)
}

// speech is how facts are put in this pack.
func (x dossier) speech() tell.Speech {
	return tell.Speech{People: x.Names, Clock: x.both, Point: func(id string) string {
		for _, p := range x.Case.Points {
			if p.ID == id {
				return p.Value
			}
		}
		return ""
	}}
}

// pairs are those that say something.
func pairs(all ...[2]string) (out []paper.Block) {
	for _, p := range all {
		if p[1] != "" {
			out = append(out, paper.Block{Kind: paper.Pair, Name: p[0], Text: p[1]})
		}
	}
	return out
}

func caseBlocks(x dossier) []paper.Block {
	c := x.Case
	status := tell.Sentence(c.Status)
	if c.Reason != "" {
		status += ": " + web.Words(c.Reason)
	}
	return pairs([][2]string{
		{"Creditor", c.Creditor},
		{"Customer", c.Name},
		{"Address", strings.Join(c.Address, "\n")},
		{"Account", c.AccountKey},
		{"Case", c.Case},
		{"Sequence", strings.TrimSpace(c.Sequence + " " + c.CaseRow.Version)},
		{"Opened", x.both(c.Opened)},
		{"Closed", x.both(c.Closed)},
		{"Status", status},
		{"Owed", web.Money(c.Open)},
		{"As of", x.both(x.Made)},
		{"Exported by", x.By},
	}...)
}

// itemBlocks are the invoices as they stand.
func itemBlocks(x dossier) (out []paper.Block) {
	for _, it := range x.Case.Items {
		number, open := it.Number, read.Minor(it.Open, it.Amount.Currency())
		if number == "" {
			number = it.Key
		}
		where := web.Words(it.Disposition)
		if it.Open == 0 && it.Disposition == dunning.InSequence {
			where = "paid"
		}
		text := web.Money(it.Amount) + " due " + it.Due.String() + "; open " + web.Money(open) + "; " + where
		out = append(out, paper.Block{Kind: paper.Pair, Name: number, Text: text})
	}
	return out
}

// mine reports whether a fact is about this account or the customer as a whole.
func (x dossier) mine(f factLine) bool {
	return (f.Account == "" || f.Account == x.Case.Account) && (f.Case == "" || f.Case == x.Case.Case)
}

func paymentBlocks(x dossier, facts []factLine) (out []paper.Block) {
	for _, f := range facts {
		if f.Account != "" && f.Account != x.Case.Account {
			continue
		}
		switch f.Body.(type) {
		case dunning.Payment, dunning.PaymentReversed:
			out = append(out, x.entry(f))
		}
	}
	return out
}

func factBlocks(x dossier, facts []factLine) (out []paper.Block) {
	for _, f := range facts {
		if x.mine(f) {
			out = append(out, x.entry(f))
		}
	}
	return out
}

// entry is a fact in words, with everything that it says.
func (x dossier) entry(f factLine) paper.Block {
	l := tell.Fact(f.Body, x.Names)
	var more []string
	add := func(text string) {
		if text != "" {
			more = append(more, text)
		}
	}
	add(l.Text)
	if len(l.For) > 0 {
		add("for " + strings.Join(l.For, ", "))
	}
	var details []string
	for _, d := range x.speech().Details(f.Body) {
		details = append(details, d.Name+": "+d.Value)
	}
	add(strings.Join(details, " · "))
	add("By " + tell.People(x.Names).By(f.By) + ", fact of version " + strconv.FormatInt(f.Version, 10))
	return paper.Block{Kind: paper.Entry, Name: x.margin(f.At), Text: l.Title, More: strings.Join(more, "\n")}
}

func (x dossier) messages() (out []paper.Block) {
	rows := map[string]read.MessageRow{}
	for _, m := range x.Case.Messages {
		rows[m.ID] = m
	}
	for _, m := range x.Messages {
		out = append(out, x.message(m, rows[m.Contact])...)
	}
	return out
}

// message is one as it was handed over, with the states that it has been in.
func (x dossier) message(m Copy, row read.MessageRow) []paper.Block {
	title := m.Contact
	if row.Channel != "" {
		title = tell.Sentence(tell.Channel(row.Channel)) + " “" + web.Words(row.Template) + "”, " + x.both(row.Reserved)
	}
	out := []paper.Block{{Kind: paper.Label, Text: title}}
	var states []string
	for _, a := range row.Attempts {
		line := tell.Sentence(tell.ContactState(a.State)) + ", " + x.both(a.At)
		if a.Code != "" && !strings.HasPrefix(a.Code, "fenced:") { // the fence's own mark
			line += " (" + a.Code + ")"
		}
		states = append(states, line)
	}
	if row.Delivery != "" {
		states = append(states, "The provider says: "+web.Words(row.Delivery)+", "+x.both(row.DeliveryAt))
	}
	out = append(out, pairs([2]string{"Id", m.Contact}, [2]string{"State", web.Words(m.State)}, [2]string{"States", strings.Join(states, "\n")},
		[2]string{"Provider’s id", row.ProviderID}, [2]string{"Decision", row.Decision}, [2]string{"SHA-256 kept then", m.SHA256})...)
	if m.Message == nil {
		return append(out, paper.Block{Kind: paper.Quote, Text: m.Missing})
	}
	dated := ""
	if !m.Message.Dated.IsZero() {
		dated = m.Message.Dated.String()
	}
	out = append(out, pairs([2]string{"To", m.Message.To}, [2]string{"Name", m.Message.ToName}, [2]string{"Dated", dated}, [2]string{"Subject", m.Message.Subject})...)
	return append(out, paper.Block{Kind: paper.Quote, Text: m.Message.Text})
}

func (x dossier) decisions() (out []paper.Block) {
	for _, d := range x.Decisions {
		out = append(out, decisionBlocks(x, d)...)
	}
	return out
}

// decisionBlocks are a decision in words, with what the contact policies said and by which law.
func decisionBlocks(x dossier, d decided) []paper.Block {
	v := d.Decision
	out := []paper.Block{{Kind: paper.Entry, Name: x.margin(v.At), Text: tell.Decision(v).Text, More: decidedWords(x, d)}}
	for _, why := range d.Reasoning {
		out = append(out, paper.Block{Kind: paper.Quote, Text: why.Text})
		if len(why.Changed) > 0 {
			out = append(out, paper.Block{Kind: paper.Quote, Text: "Not as it was then: " + strings.Join(why.Changed, ", ") + "."})
		}
	}
	return append(out, pairs([2]string{"Citations", strings.Join(cited(x, d), "\n")})...)
}

// decidedWords is what stands below a decision.
func decidedWords(x dossier, d decided) string {
	v := d.Decision
	var lines []string
	add := func(name, text string) {
		if text != "" {
			lines = append(lines, name+": "+text)
		}
	}
	rule := v.Rule
	if c := x.Citation(rule); c != "" {
		rule += " (" + c + ")"
	}
	add("Rule", rule)
	add("Reason", web.Words(v.Reason))
	add("Not before", x.both(v.NotBefore))
	add("Due", x.both(v.WakeAt))
	if len(v.Items) > 0 {
		add("Over", web.Plural(len(v.Items), "item", "items")+", "+web.Money(v.Total))
	}
	for _, c := range v.Conditions {
		add("Condition "+c.Source, conditionWords(c))
	}
	for _, f := range v.Effects {
		l := tell.Fact(f.Body, x.Names)
		add("Made true", strings.TrimSuffix(l.Title+", "+l.Text, ", "))
	}
	add("Decision", d.ID+", over version "+strconv.FormatInt(v.Version, 10)+" of the customer")
	return strings.Join(lines, "\n")
}

func conditionWords(c dunning.ConditionValue) string {
	switch {
	case c.Error != "":
		return "could not be told: " + c.Error
	case c.Result:
		return "yes"
	}
	return "no"
}

// cited are the rules that had something to say, each with its citation.
func cited(x dossier, d decided) (out []string) {
	for _, why := range d.Reasoning {
		for _, t := range why.Checked.Rules {
			if c := x.Citation(t.Rule); c != "" && t.Code != "" && !slices.Contains(out, t.Rule+": "+c) {
				out = append(out, t.Rule+": "+c)
			}
		}
	}
	return out
}

// htmlOf is the report as a page that needs nothing else.
func htmlOf(r paper.Report) ([]byte, error) {
	var b bytes.Buffer
	err := summaryPage.Execute(&b, r)
	return b.Bytes(), err
}

var summaryPage = template.Must(template.New("summary").Funcs(template.FuncMap{
	"is": func(b paper.Block, kind string) bool {
		return b.Kind == map[string]paper.Kind{"heading": paper.Heading, "label": paper.Label, "quote": paper.Quote, "pair": paper.Pair, "entry": paper.Entry}[kind]
	},
	"lines": func(s string) []string { return strings.Split(s, "\n") },
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title><style>
:root{color-scheme:light dark;--line:#8886;--quiet:light-dark(#555,#aaa)}
body{font:15px/1.5 system-ui,sans-serif;max-width:58rem;margin:2rem auto;padding:0 1.25rem}
h1{font-size:1.4rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2.2rem 0 .6rem;padding-top:.6rem;border-top:2px solid}h3{font-size:1rem;margin:1.4rem 0 .3rem}
.foot,.when,.more,dt{color:var(--quiet)}.foot{font-size:.85rem}p{margin:.6rem 0}
.entry,.pair{display:grid;grid-template-columns:13.5rem minmax(0,1fr);gap:0 1.25rem}.entry{border-top:1px solid var(--line);padding:.5rem 0}
.when{font-variant-numeric:tabular-nums;font-size:.85rem}.when div+div{font-size:.8rem}.more{font-size:.87rem}.what,.more,dd{overflow-wrap:anywhere}
dl{margin:0}dd{margin:0;white-space:pre-line}pre{font:.87rem/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0 .4rem 1rem;padding-left:.8rem;border-left:3px solid var(--line)}
@media(max-width:40rem){.entry,.pair{grid-template-columns:1fr}}@media print{body{margin:0;max-width:none;font-size:10pt}.entry{break-inside:avoid}h2,h3{break-after:avoid}}
</style></head><body>
<h1>{{.Title}}</h1><p class="foot">{{.Foot}}</p>
{{range .Body}}{{if is . "heading"}}<h2>{{.Text}}</h2>{{else if is . "label"}}<h3>{{.Text}}</h3>{{else if is . "quote"}}<pre>{{.Text}}</pre>
{{- else if is . "pair"}}<dl class="pair"><dt>{{.Name}}</dt><dd>{{.Text}}</dd></dl>
{{- else if is . "entry"}}<div class="entry"><div class="when">{{range lines .Name}}<div>{{.}}</div>{{end}}</div><div><b class="what">{{.Text}}</b>{{if .More}}{{range lines .More}}<div class="more">{{.}}</div>{{end}}{{end}}</div></div>
{{- else}}<p>{{.Text}}</p>{{end}}
{{end}}</body></html>
`))
