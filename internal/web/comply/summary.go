package comply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/evidence"
	"github.com/duly/duly/internal/paper"
	"github.com/duly/duly/internal/web"
)

// reportOf is the summary of a pack, made of what is in its files.
func reportOf(x dossier, facts []factLine, files []evidence.File) paper.Report {
	r := paper.Report{Title: "Evidence of case " + x.Case.Case, Foot: "Creditor " + x.Case.Creditor + " · case " + x.Case.Case + " · as of " + stamp(x.Made), At: x.Made}
	add := func(blocks ...paper.Block) { r.Body = append(r.Body, blocks...) }
	add(paper.Block{Text: "What is said here is in the JSON files beside it. duly evidence verify proves all of them unchanged, without database and network. All times are UTC. The sign " +
		string(paper.Lacking) + " on paper stands for a character that its typeface lacks; summary.html has it."})
	add(caseBlocks(x)...)
	add(paper.Block{Kind: paper.Heading, Text: "Payments"})
	add(paymentBlocks(x, facts)...)
	add(paper.Block{Kind: paper.Heading, Text: "What happened, in order"})
	for _, f := range facts {
		if f.Case == "" || f.Case == x.Case.Case {
			add(paper.Block{Kind: paper.Pair, Name: short(stamp(f.At)), Text: who(x, f.By) + web.Words(string(f.Kind)) + detail(f.Body)})
		}
	}
	add(paper.Block{Kind: paper.Heading, Text: fmt.Sprintf("Messages as they were handed over (%d), the newest first", len(x.Messages))})
	for _, m := range x.Messages {
		add(messageBlocks(m)...)
	}
	add(paper.Block{Kind: paper.Heading, Text: fmt.Sprintf("Decisions (%d), the newest first", len(x.Decisions))})
	for _, d := range x.Decisions {
		add(decisionBlocks(x, d)...)
	}
	add(paper.Block{Kind: paper.Heading, Text: "SHA-256 of the files that this was made from"})
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		add(paper.Block{Kind: paper.Pair, Name: f.Path, Text: hex.EncodeToString(sum[:])})
	}
	return r
}

// short is a stamp that people read.
func short(stamp string) string { return strings.NewReplacer("T", " ", "Z", "").Replace(stamp) }

func caseBlocks(x dossier) []paper.Block {
	pairs := [][2]string{
		{"Creditor", x.Case.Creditor},
		{"Customer", x.Case.Name},
		{"Account", x.Case.AccountKey},
		{"Case", x.Case.Case},
		{"Sequence", x.Case.Sequence},
		{"Status", x.Case.Status},
		{"As of", short(stamp(x.Made))},
		{"Exported by", x.By},
	}
	var out []paper.Block
	for _, p := range pairs {
		if p[1] != "" {
			out = append(out, paper.Block{Kind: paper.Pair, Name: p[0], Text: p[1]})
		}
	}
	return out
}

func paymentBlocks(x dossier, facts []factLine) (out []paper.Block) {
	for _, f := range facts {
		if f.Account != "" && f.Account != x.Case.Account {
			continue
		}
		switch b := f.Body.(type) {
		case dunning.Payment:
			out = append(out, paper.Block{Kind: paper.Pair, Name: short(stamp(f.At)), Text: web.Money(b.Amount) + ", payment " + b.ID})
		case dunning.PaymentReversed:
			out = append(out, paper.Block{Kind: paper.Pair, Name: short(stamp(f.At)), Text: "payment " + b.Payment + " was reversed"})
		}
	}
	if out == nil {
		out = []paper.Block{{Text: "None."}}
	}
	return out
}

func messageBlocks(m Copy) []paper.Block {
	out := []paper.Block{{Kind: paper.Label, Text: m.Contact}, {Kind: paper.Pair, Name: "State", Text: web.Words(m.State)}}
	if m.SHA256 != "" {
		out = append(out, paper.Block{Kind: paper.Pair, Name: "SHA-256 kept then", Text: m.SHA256})
	}
	if m.Message == nil {
		return append(out, paper.Block{Kind: paper.Quote, Text: m.Missing})
	}
	for _, p := range [][2]string{{"To", m.Message.To}, {"Name", m.Message.ToName}, {"Subject", m.Message.Subject}} {
		if p[1] != "" {
			out = append(out, paper.Block{Kind: paper.Pair, Name: p[0], Text: p[1]})
		}
	}
	return append(out, paper.Block{Kind: paper.Quote, Text: m.Message.Text})
}

func decisionBlocks(x dossier, d decided) []paper.Block {
	out := []paper.Block{{Kind: paper.Label, Text: short(stamp(d.Decision.At)) + " · " + title(d.Decision)}, {Kind: paper.Pair, Name: "Decision", Text: d.ID}}
	pair := func(name, text string) {
		if text != "" {
			out = append(out, paper.Block{Kind: paper.Pair, Name: name, Text: text})
		}
	}
	rule := d.Decision.Rule
	if c := x.Citation(rule); c != "" {
		rule += " (" + c + ")"
	}
	pair("Rule", rule)
	pair("Reason", web.Words(d.Decision.Reason))
	pair("Not before", short(stamp(d.Decision.NotBefore)))
	var cited []string
	for _, why := range d.Reasoning {
		for _, t := range why.Checked.Rules {
			if c := x.Citation(t.Rule); c != "" && t.Code != "" && !slices.Contains(cited, t.Rule+": "+c) {
				cited = append(cited, t.Rule+": "+c)
			}
		}
		out = append(out, paper.Block{Kind: paper.Quote, Text: why.Text})
	}
	pair("Citations", strings.Join(cited, "\n"))
	return out
}

// who is the beginning of a line by somebody.
func who(x dossier, by string) string {
	if by == "" {
		return ""
	}
	return byName(x.Names, by) + ": "
}

// detail is what a fact says, in one line: its members in order, without those that say
// nothing.
func detail(b dunning.Body) string {
	raw, err := json.Marshal(b)
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &members) != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text := plain(members[name])
		if text != "" && text != "null" && text != "0" && text != "false" && text != "[]" && text != "{}" {
			parts = append(parts, web.Words(name)+" "+text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " · " + strings.Join(parts, ", ")
}

// plain is a member for people: text as it is, amounts as they are written, all else as JSON.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var amount struct{ Amount, Currency string }
	if json.Unmarshal(raw, &amount) == nil && amount.Amount != "" && amount.Currency != "" {
		return amount.Amount + " " + amount.Currency
	}
	return string(raw)
}

// htmlOf is the report as a page that needs nothing else.
func htmlOf(r paper.Report) ([]byte, error) {
	var b bytes.Buffer
	err := summaryPage.Execute(&b, r)
	return b.Bytes(), err
}

var summaryPage = template.Must(template.New("summary").Funcs(template.FuncMap{
	"is": func(b paper.Block, kind string) bool {
		return b.Kind == map[string]paper.Kind{"heading": paper.Heading, "label": paper.Label, "quote": paper.Quote, "pair": paper.Pair}[kind]
	},
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head><body>
<h1>{{.Title}}</h1><p>{{.Foot}}</p>
{{range .Body}}{{if is . "heading"}}<h2>{{.Text}}</h2>{{else if is . "label"}}<h3>{{.Text}}</h3>{{else if is . "quote"}}<pre>{{.Text}}</pre>{{else if is . "pair"}}<p><b>{{.Name}}</b> {{.Text}}</p>{{else}}<p>{{.Text}}</p>{{end}}
{{end}}</body></html>
`))
