package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

// withNotice is the shipped configuration with changed front matter of the English
// validation notice and a sequence that uses it.
func withNotice(t *testing.T, change ...string) map[string][]byte {
	t.Helper()
	files := shippedConfig(t).Release().Files
	const name = "templates/letter/validation-notice.en.md"
	files[name] = []byte(strings.NewReplacer(change...).Replace(string(files[name])))
	files["sequences/agency.yaml"] = []byte(`sequence: agency
applies_when: creditor.id == "demo-agency" && debtor.country == "US"
priority: 90
steps:
  - {id: first, at: +3d, send: [{email: friendly-reminder, else: [{letter: validation-notice}]}]}
end: {escalate: {queue: late}}
`)
	return files
}

func TestNoticesAreToldToSequences(t *testing.T) {
	c, err := load(withNotice(t))
	if err != nil {
		t.Fatal(err)
	}
	mail := c.Sequence("agency").Steps[0].Send[0]
	letter := mail.Else[0]
	if len(mail.Notices) != 0 || !slices.Equal(letter.Notices, []string{"validation_notice", "debt_letter"}) || letter.NoticeDays != 45 {
		t.Errorf("mail %v, letter %v of %d days", mail.Notices, letter.Notices, letter.NoticeDays)
	}
}

func TestNoticesAreChecked(t *testing.T) {
	for _, tc := range []struct {
		what   string
		change []string
		want   string
	}{
		{"a kind that no rule asks for", []string{"debt_letter]", "dept_letter]"}, `no rule asks for a notice "dept_letter"`},
		{"what is meant is suggested", []string{"debt_letter]", "debt_leter]"}, `did you mean "debt_letter"`},
		{"a kind twice", []string{"debt_letter]", "validation_notice]"}, "stands here twice"},
		{"no end of its period", []string{"notice_ends: 45d\n", ""}, "says when its period ends"},
		{"an end that law puts later", []string{"notice_ends: 45d", "notice_ends: 40d"}, "the period is 30 days from receipt"},
		{"another notice than the German words", []string{"notice_ends: 45d", "notice_ends: 46d"}, "it is not the same notice as"},
		{"an end of nothing", []string{"notices: [validation_notice, debt_letter]\n", ""}, "the template is no notice"},
		{"a receipt", []string{"purpose: notice", "purpose: receipt"}, `whose purpose is "receipt" cannot be a legal notice`},
		{"without saying who collects", []string{"{% for d in parts.opening %}\n{{ d }}\n\n{% endfor %}\n", ""}, "is a debt collector"},
		{"without how to dispute", []string{"{% for d in parts.dispute -%}\n- {{ d }}\n{% endfor -%}\n", ""}, "to dispute all or part of the debt"},
		{"without the other rights that the law wants said", []string{"{% for d in parts.rights -%}\n- {{ d }}\n{% endfor -%}\n", ""}, "original creditor"},
		{"without what the amount comes from, shown nevertheless", []string{"needs: [items, itemization]", "needs: [items]"}, "itemization"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if _, err := load(withNotice(t, tc.change...)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want a fault with %q, got\n%v", tc.want, err)
			}
		})
	}
	apart := withNotice(t, "[validation_notice, debt_letter]", "[validation_notice, letter_of_claim_of_another_country]")
	delete(apart, "templates/letter/validation-notice.de.md")
	lone, err := load(apart)
	if err != nil || !strings.Contains(fmt.Sprint(lone.Warnings()), "no rule asks for a notice") {
		t.Errorf("a notice of which no policy here knows is told and refuses nothing: %v", err)
	}
	odd := withNotice(t)
	odd["disclosures.yaml"] = []byte(strings.Replace(string(odd["disclosures.yaml"]), "part: opening", "part: openings", 1))
	if _, err := load(odd); err == nil || !strings.Contains(err.Error(), `unknown word "openings"`) || !strings.Contains(err.Error(), "opening") {
		t.Errorf("a part that there is not: %v", err)
	}
	files := withNotice(t)
	files["templates/sms/nudge.en.md"] = []byte(strings.Replace(string(files["templates/sms/nudge.en.md"]), "---\n", "---\nnotices: [debt_letter]\n", 1))
	if _, err := load(files); err == nil || !strings.Contains(err.Error(), "a text message cannot be a legal notice") {
		t.Errorf("a text as a notice: %v", err)
	}
}

// TestAValidationNoticeSaysUntilWhen: the day that the core records is the day that is printed.
func TestAValidationNoticeSaysUntilWhen(t *testing.T) {
	c, err := load(withNotice(t))
	if err != nil {
		t.Fatal(err)
	}
	cr, _ := c.Creditor("demo-agency")
	req := SampleRequest(cr, dunning.Letter, "validation-notice", "en")
	m, err := c.Render(req)
	if err != nil || !strings.Contains(m.Text, "January 5, 2027") || !strings.Contains(m.Text, "Lakeside Clinic") {
		t.Fatalf("%v\n%s", err, m.Text)
	}
	req.NoticeEnds = dunning.Date{}
	if m, err = c.Render(req); err != nil || !strings.Contains(m.Text, req.Today.AddDays(45).String()) && !strings.Contains(m.Text, "January") {
		t.Errorf("counted from the day of the message: %v\n%s", err, m.Text)
	}
}

// noticeOf is the validation notice of the agency as a debtor in a place gets it.
func noticeOf(t *testing.T, tag string, change func(*RenderRequest)) (dunning.Message, error) {
	t.Helper()
	c, err := load(withNotice(t))
	if err != nil {
		t.Fatal(err)
	}
	cr, _ := c.Creditor("demo-agency")
	req := SampleRequest(cr, dunning.Letter, "validation-notice", tag)
	req.Places = []string{"US-IL"}
	if change != nil {
		change(&req)
	}
	return c.Render(req)
}

// TestTheValidationNoticeSaysWhatTheLawWants, in the order of model form B-1 of 12 CFR 1006:
// who collects, the debt, how it comes about, how to dispute it, what else there is, and at
// the end what is to be cut off and sent back.
func TestTheValidationNoticeSaysWhatTheLawWants(t *testing.T) {
	m, err := noticeOf(t, "en", nil)
	if err != nil {
		t.Fatal(err)
	}
	at, text := 0, squeeze(m.Text)
	for _, c := range []struct{ citation, about, says string }{
		{"1006.34(c)(1), 1006.18(e)(1)", "that it is a debt collector's attempt to collect a debt, and what for it uses what it learns", "Harbor Recovery Services is a debt collector. We are trying to collect a debt that you owe to Lakeside Clinic. We will use any information you give us to help collect the debt."},
		{"1006.34(c)(2)(iii), (v)", "the creditor to whom the debt was and is owed", "You owe Lakeside Clinic"},
		{"1006.34(c)(2)(iv)", "the account number", "account number 10-2044"},
		{"1006.34(c)(2)(vi), (vii)", "the itemization date and the amount on it", "As of October 1, 2026, you owed: $2,118.00"},
		{"1006.34(c)(2)(viii)", "the interest since, also when there is none", "Between October 1, 2026 and today: You were charged this amount in interest: + $0.00"},
		{"1006.34(c)(2)(viii)", "the fees since", "You were charged this amount in fees: + $0.00"},
		{"1006.34(c)(2)(viii)", "payments and credits since", "You paid or were credited this amount toward the debt: − $275.50"},
		{"1006.34(c)(2)(ix)", "the current amount", "Total amount of the debt now: $1,842.50"},
		{"1006.34(c)(3)(iii)", "that the debt is assumed to be valid unless it is disputed by the end of the period", "Call or write to us by January 5, 2027, to dispute all or part of the debt. If you do not, we will assume that our information is correct."},
		{"1006.34(c)(3)(i)", "that a written dispute stops collection until verification", "If you write to us by January 5, 2027, we must stop collection on any amount you dispute until we send you information that shows you owe the debt."},
		{"1006.34(c)(3)(ii)", "that a written request for the original creditor stops collection", "Write to ask for the name and address of the original creditor, if different from the current creditor. If you write by January 5, 2027, we must stop collection until we send you that information."},
		{"1006.34(c)(3)(iv)", "where the Bureau says more", "www.cfpb.gov/debt-collection"},
		{"1006.34(c)(4)", "the first heading of the consumer's response, apart from the rest", "✂ How do you want to respond?"},
		{"1006.34(c)(4)", "the second heading", "Check all that apply:"},
		{"1006.34(c)(4)(i)", "the three prompts to dispute", "I want to dispute the debt because I think: ☐ This is not my debt. ☐ The amount is wrong. ☐ Other (please describe on reverse or attach additional information)."},
		{"1006.34(c)(4)(ii)", "the prompt for the original creditor", "☐ I want you to send me the name and address of the original creditor."},
		{"1006.34(c)(2)(i), (c)(4)(iii)", "the collector's name and mailing address for disputes", "Mail this form to: Harbor Recovery Services 200 Sample Avenue Chicago, IL 60601"},
		{"1006.34(c)(2)(ii), (c)(4)(iii)", "the consumer's name and mailing address", "Alex Sample 12 Sample Street Springfield, IL 62701"},
	} {
		i := strings.Index(text[at:], c.says)
		if i < 0 {
			t.Errorf("12 CFR %s, %s: it lacks, or has in another place, %q:\n%s", c.citation, c.about, c.says, m.Text)
			continue
		}
		at += i + len(c.says)
	}
	for _, twice := range []string{"This is an attempt to collect a debt", "If you believe that you do not owe this"} {
		if strings.Contains(text, twice) {
			t.Errorf("it says in other words what the model form says: %q", twice)
		}
	}
	if m.Dated.IsZero() || m.ToName != "Alex Sample" {
		t.Errorf("dated %v, to %q", m.Dated, m.ToName)
	}
}

func TestTheValidationNoticeIsRefusedIncomplete(t *testing.T) {
	usd := money.MustParse
	for _, c := range []struct {
		about  string
		change func(*RenderRequest)
		want   string
	}{
		{"nobody can say how the amount comes about", func(r *RenderRequest) { r.Itemization = nil }, "needs itemization"},
		{"the itemization comes to another amount", func(r *RenderRequest) { r.Itemization.Paid = usd("275.49", "USD") }, "does not come to its total"},
		{"it is in another currency", func(r *RenderRequest) { r.Itemization.Fees = usd("0.00", "EUR") }, "currenc"},
		{"it lists nothing", func(r *RenderRequest) { r.Items = nil }, "needs items"},
	} {
		if _, err := noticeOf(t, "en", c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.about, err, c.want)
		}
	}
}

// TestTheValidationNoticeElsewhere: what only American law says stays there, what German law
// wants is in it, in German as in English.
func TestTheValidationNoticeElsewhere(t *testing.T) {
	for _, c := range []struct {
		about, tag string
		places     []string
		has, lacks []string
	}{
		{"a debtor of whom nobody knows where gets everything", "en", nil, []string{"cfpb.gov", "Our client is Lakeside Clinic"}, nil},
		{"in the United States", "en", []string{"US-CA"}, []string{"cfpb.gov"}, []string{"Our client is Lakeside Clinic"}},
		{"in German, in the United States", "de", []string{"US"}, []string{"cfpb.gov", "bis zum 5. Januar 2027", "Gesamtbetrag der Schuld jetzt: 1.842,50", "☐ Der Betrag stimmt nicht."}, []string{"Auftraggeber ist"}},
		{"in Germany", "de", []string{"DE"}, []string{"Auftraggeber ist Lakeside Clinic", "ist ein Inkassounternehmen"}, []string{"cfpb.gov"}},
	} {
		m, err := noticeOf(t, c.tag, func(r *RenderRequest) { r.Places = c.places })
		if err != nil {
			t.Errorf("%s: %v", c.about, err)
			continue
		}
		text := squeeze(strings.ReplaceAll(m.Text, "\u00a0", " "))
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it lacks %q:\n%s", c.about, want, m.Text)
			}
		}
		for _, no := range c.lacks {
			if strings.Contains(text, no) {
				t.Errorf("%s: it says %q", c.about, no)
			}
		}
	}
}
