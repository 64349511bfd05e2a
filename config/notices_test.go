package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
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
		{"without the rights that the law wants said", []string{"{% for d in disclosures %}\n{{ d }}\n\n{% endfor %}\n", ""}, "the message must say"},
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
