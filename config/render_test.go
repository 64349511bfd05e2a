package config

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// Every shipped template as its debtor reads it, for each creditor. Reviewed
// as a diff when words change.
func TestRenderedTemplates(t *testing.T) {
	c := shippedConfig(t)
	for _, cr := range c.Creditors() {
		var b strings.Builder
		for _, info := range c.Templates() {
			m, err := c.Render(SampleRequest(cr, info.Channel, info.Name, info.Locale))
			if err != nil {
				t.Errorf("%s as %s: %v", info.File, cr.ID, err)
				continue
			}
			fmt.Fprintf(&b, "##### %s\nfrom: %s <%s> reply: %s\nsubject: %s\nsender: %s\n\n%s\n\n", info.File, m.FromName, m.From, m.ReplyTo, m.Subject, strings.Join(m.Sender, " · "), m.Text)
			if info.File == "templates/email/final-notice.en.md" {
				golden(t, "testdata/rendered/"+cr.ID+"-final-notice.html", m.HTML)
			}
		}
		golden(t, "testdata/rendered/"+cr.ID+".txt", b.String())
	}
}

func request(t *testing.T, creditor string, ch dunning.Channel, name, locale string) RenderRequest {
	t.Helper()
	cr, ok := shippedConfig(t).Creditor(creditor)
	if !ok {
		t.Fatal(creditor)
	}
	return SampleRequest(cr, ch, name, locale)
}

func TestLanguages(t *testing.T) {
	cases := []struct {
		what, creditor, debtor string
		language, contains     string
	}{
		{"the debtor's language", "demo", "de", "de", "Guten Tag"},
		{"a country's use of it has its own way with numbers", "demo-de", "de-AT", "de", "€\u00a01\u00a0842,50"},
		{"a language without templates falls back to the creditor's", "demo-de", "fr", "de", "1.842,50\u00a0€"},
		{"an unknown language does too", "demo", "", "en", "$1,842.50"},
		{"British dates", "demo", "en-GB", "en", "1 Oct 2026"},
	}
	for _, c := range cases {
		m, err := shippedConfig(t).Render(request(t, c.creditor, dunning.Email, "friendly-reminder", c.debtor))
		if err != nil || m.Locale != c.language || !strings.Contains(m.Text, c.contains) {
			t.Errorf("%s: %v, language %s\n%s", c.what, err, m.Locale, m.Text)
		}
	}
}

// What a message cannot do without, and what it must never do.
func TestRefusesToRender(t *testing.T) {
	cases := []struct {
		what   string
		change func(*RenderRequest)
		want   string
	}{
		{"an unknown creditor", func(r *RenderRequest) { r.Creditor = "x" }, `unknown creditor "x"`},
		{"an unknown template", func(r *RenderRequest) { r.Template = "x" }, `no email template "x"`},
		{"items that do not add up", func(r *RenderRequest) { r.Total = r.Total.Of(r.Total.Minor() + 1) }, "do not add up to its total"},
		{"items of another currency", func(r *RenderRequest) { r.Items[0].Open = money.MustParse("1", "EUR") }, "two currencies"},
		{"credit that was forgotten", func(r *RenderRequest) { r.Credit = money.Amount{} }, "do not add up to its total"},
		{"no items", func(r *RenderRequest) { r.Items = nil }, "needs items, and there is none"},
	}
	for _, c := range cases {
		req := request(t, "demo", dunning.Email, "final-notice", "en")
		c.change(&req)
		m, err := shippedConfig(t).Render(req)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
		if m.Text != "" || err != nil && strings.Contains(err.Error(), req.DebtorName) {
			t.Errorf("%s: half a message, or a name in the error: %v", c.what, err)
		}
	}
	for _, need := range []struct{ template, want string }{{"plan-offer", "needs plan"}, {"plan-reminder", "needs instalment"}} {
		req := request(t, "demo", dunning.Email, need.template, "en")
		req.Plan, req.Instalment = nil, nil
		if _, err := shippedConfig(t).Render(req); err == nil || !strings.Contains(err.Error(), need.want) {
			t.Errorf("%s: %v", need.template, err)
		}
	}
}

// A collector must say so on every channel; a creditor in its own name need not.
func TestDisclosuresByRole(t *testing.T) {
	for _, info := range shippedConfig(t).Templates() {
		if info.Locale != "en" || info.Name == "opt-out-confirmation" { // it may say nothing else
			continue
		}
		for creditor, want := range map[string]bool{"demo": false, "demo-agency": true} {
			m, err := shippedConfig(t).Render(request(t, creditor, info.Channel, info.Name, "en"))
			if err != nil {
				t.Errorf("%s: %v", info.File, err)
			}
			if strings.Contains(m.Text, "debt collector") != want {
				t.Errorf("%s as %s: debt collector statement is not %v", info.File, creditor, want)
			}
			if info.Channel == dunning.SMS && !strings.Contains(m.Text, "STOP") {
				t.Errorf("%s as %s does not say how to opt out", info.File, creditor)
			}
		}
	}
}

// A text message can be read over a shoulder: no amount, no name, no reference.
func TestTextMessagesTellStrangersNothing(t *testing.T) {
	for _, info := range shippedConfig(t).Templates() {
		if info.Channel != dunning.SMS {
			continue
		}
		req := request(t, "demo", dunning.SMS, info.Name, info.Locale)
		m, err := shippedConfig(t).Render(req)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"$", "842", req.DebtorName, req.Reference, req.Items[0].Number} {
			if strings.Contains(m.Text, secret) {
				t.Errorf("%s shows %q", info.File, secret)
			}
		}
		if strings.ContainsAny(m.Text, "\n\u00a0\u202f") || m.Subject != "" || m.HTML != "" {
			t.Errorf("%s: %+v", info.File, m)
		}
	}
}

func TestPayByIsCountedFromTheDayOfTheMessage(t *testing.T) {
	req := request(t, "demo", dunning.Email, "final-notice", "en")
	m, _ := shippedConfig(t).Render(req)
	if !strings.Contains(m.Text, "by December 5, 2026") {
		t.Errorf("14 days from 21 November:\n%s", m.Text)
	}
	req.PayBy = dunning.Date{Year: 2027, Month: 1, Day: 2}
	if m, _ = shippedConfig(t).Render(req); !strings.Contains(m.Text, "by January 2, 2027") {
		t.Error("a date that was given is not used")
	}
}

// Whatever a debtor's name or an invoice number holds, it brings neither
// markup, nor links, nor lines of its own into any form of the message.
func TestValuesCannotBreakOut(t *testing.T) {
	c := shippedConfig(t)
	base, err := c.Render(request(t, "demo", dunning.Email, "friendly-reminder", "en"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		evil := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<script>alert(1)</script>", "[x](https://evil.example)", "![x](https://evil.example/p.png)", "a | b | c", "x\r\nBcc: all@example.com",
			"# Head", "{{ total }}", "{% raw %}", "**bold**", "https://evil.example", "&lt;b&gt;", "`code`", "\\", "a\n\n---\n\nb",
		})).Draw(rt, "evil")
		req := request(t, "demo", dunning.Email, "friendly-reminder", "en")
		req.DebtorName, req.Items[0].Number, req.Reference = "N"+evil+"n", "I"+evil+"i", "R"+evil+"r"
		m, err := c.Render(req)
		if err != nil {
			rt.Fatalf("%q: %v", evil, err)
		}
		if strings.ContainsAny(m.Subject, "\r\n") {
			rt.Fatalf("a line break in the subject: %q", m.Subject)
		}
		if got, want := tags(rt, m.HTML), tags(rt, base.HTML); got != want {
			rt.Fatalf("%q changed the markup:\n%s\nwant\n%s", evil, got, want)
		}
	})
}

// tags is the markup of a page without its text, with where links go.
func tags(t interface{ Fatal(...any) }, page string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			b.WriteString("<" + n.Data)
			for _, a := range n.Attr {
				if a.Key == "href" || a.Key == "src" || strings.HasPrefix(a.Key, "on") {
					b.WriteString(" " + a.Key + "=" + a.Val)
				}
			}
			b.WriteString(">")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return b.String()
}

// Nothing in an email is fetched from anywhere when it is read.
func TestEmailsFetchNothing(t *testing.T) {
	for _, info := range shippedConfig(t).Templates() {
		m, err := shippedConfig(t).Render(request(t, "demo", info.Channel, info.Name, info.Locale))
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"src=", "url(", "@import", "<link", "<img", "<script"} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("%s: the HTML has %s", info.File, bad)
			}
		}
	}
}

func TestDigestBindsWhatWasApproved(t *testing.T) {
	m, err := shippedConfig(t).Render(request(t, "demo", dunning.Email, "final-notice", "en"))
	if err != nil {
		t.Fatal(err)
	}
	m.To = "alex@example.invalid"
	items := []dunning.ItemLine{{Key: "a", Step: "s", Amount: money.MustParse("1.00", "USD")}, {Key: "b", Amount: money.MustParse("2.00", "USD")}}
	was := Digest(m, items)
	if was != Digest(m, items) || len(was) != 64 {
		t.Fatal("the digest is not stable")
	}
	later := m
	later.Attempt, later.At = "other", later.At.AddDate(0, 0, 1)
	if Digest(later, items) != was {
		t.Error("what the approval does not cover changes it")
	}
	changes := map[string]func(*dunning.Message, []dunning.ItemLine){
		"an amount":                   func(_ *dunning.Message, i []dunning.ItemLine) { i[1].Amount = money.MustParse("2.01", "USD") },
		"a currency":                  func(_ *dunning.Message, i []dunning.ItemLine) { i[1].Amount = money.MustParse("2.00", "EUR") },
		"an item":                     func(_ *dunning.Message, i []dunning.ItemLine) { i[0].Key = "c" },
		"the step an item counts for": func(_ *dunning.Message, i []dunning.ItemLine) { i[0].Step = "" },
		"the recipient":               func(m *dunning.Message, _ []dunning.ItemLine) { m.To = "other@example.invalid" },
		"a word":                      func(m *dunning.Message, _ []dunning.ItemLine) { m.Text += "." },
		"the subject":                 func(m *dunning.Message, _ []dunning.ItemLine) { m.Subject += "." },
		"a letter moved between fields": func(m *dunning.Message, _ []dunning.ItemLine) {
			m.Subject, m.Text = m.Subject+m.Text[:1], m.Text[1:]
		},
	}
	for what, change := range changes {
		m2, items2 := m, append([]dunning.ItemLine{}, items...)
		change(&m2, items2)
		if Digest(m2, items2) == was {
			t.Errorf("%s changed and the approval still holds", what)
		}
	}
}

func BenchmarkRenderEmail(b *testing.B) {
	c := shippedConfig(b)
	cr, _ := c.Creditor("demo")
	req := SampleRequest(cr, dunning.Email, "final-notice", "en")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Render(req); err != nil {
			b.Fatal(err)
		}
	}
}
