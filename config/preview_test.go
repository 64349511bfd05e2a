package config

import (
	"os"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/sms"
)

func TestPreviewShowsWhatATextMessageCosts(t *testing.T) {
	c := shippedConfig(t)
	p, err := c.Preview("demo", dunning.SMS, "nudge", "en")
	if err != nil || p.SMS.Encoding != sms.GSM7 || p.SMS.Segments != 1 || p.SMS.Units != len(p.Message.Text) {
		t.Errorf("%v: %+v", err, p)
	}
	if p, err = c.Preview("demo-de", dunning.Email, "nudge", "de-AT"); err != nil || p.SMS != (sms.Info{}) || p.Message.Locale != "de" {
		t.Errorf("%v: %+v", err, p)
	}
	if _, err = c.Preview("nobody", dunning.Email, "nudge", "en"); err == nil || !strings.Contains(err.Error(), `unknown creditor "nobody"`) {
		t.Errorf("got %v", err)
	}
}

// The documentation names every variable and filter that templates may use.
func TestDocumentationNamesEveryVariable(t *testing.T) {
	doc, err := os.ReadFile("../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	cr, _ := shippedConfig(t).Creditor("demo-agency")
	var check func(path string, v any)
	check = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, sub := range v {
				if !strings.Contains(string(doc), k) {
					t.Errorf("docs/templates.md does not name %s.%s", path, k)
				}
				check(path+"."+k, sub)
			}
		case []any:
			for _, sub := range v {
				check(path+"[]", sub)
			}
		}
	}
	check("", variables(cr, SampleRequest(cr, dunning.Email, "x", "en")))
	for name := range filters("en") {
		if !strings.Contains(string(doc), name) {
			t.Errorf("docs/templates.md does not name filter %s", name)
		}
	}
}

// A text message that costs many segments is a warning, and the place is told.
func TestLongTextMessagesWarn(t *testing.T) {
	files := shippedConfig(t).Release().Files
	files["templates/sms/nudge.en.md"] = []byte("---\npurpose: reminder\n---\n" + strings.Repeat("Please look at your account. ", 20) + "\n{{ disclosures | join: \" \" }}\n")
	c, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) == 0 || w[0].File != "templates/sms/nudge.en.md" || w[0].Line != 4 || !strings.Contains(w[0].Message, "segments") {
		t.Errorf("warnings:\n%v", w)
	}
}

// A sequence whose template is missing in a creditor's language is a warning.
func TestMissingLanguagesWarn(t *testing.T) {
	files := shippedConfig(t).Release().Files
	delete(files, "templates/email/thank-you.de.md")
	c, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if text := c.Warnings().Error(); !strings.Contains(text, `email template "thank-you" is not there in language "de" of creditor "demo-de"`) {
		t.Errorf("warnings:\n%s", text)
	}
}

// Taking words out of a template takes it out of use: each change of a shipped
// template is refused when it is loaded, with its place.
func TestTemplatesAreTriedWhenLoaded(t *testing.T) {
	cases := []struct {
		what, file, old, new, want string
	}{
		{"a collector's text without its disclosures", "templates/sms/nudge.en.md", `{{ disclosures | join: " " }}`, "", `the message must say "Reply STOP to opt out."`},
		{"an email without them", "templates/email/thank-you.en.md", "{{ d }}", "", "the message must say"},
		{"a variable that is not always there", "templates/email/thank-you.en.md", "{% if reference %}\nYour reference: {{ reference }}\n{% endif %}", "Your reference: {{ reference }}", "reference has no value here (tried as creditor"},
		{"a number that some creditors do not have", "templates/email/nudge.en.md", "Kind regards", "{{ creditor.license }}", "creditor.license has no value here"},
		{"an amount without a format", "templates/email/nudge.en.md", "{{ total | money }}**", "{{ total }}**", "total cannot be written as it is"},
		{"a misspelt variable in the subject", "templates/email/nudge.en.md", "Still open — {{ total", "Still open — {{ totl", `unknown variable "totl"`},
		{"HTML", "templates/email/nudge.en.md", "Kind regards", "<b>Kind regards</b>", "HTML is not allowed"},
		{"an image", "templates/email/nudge.en.md", "Kind regards", "![x](https://x.example/p.png)", "images are not allowed"},
	}
	for _, c := range cases {
		files := shippedConfig(t).Release().Files
		src := string(files[c.file])
		if !strings.Contains(src, c.old) {
			t.Fatalf("%s: the template has no %q", c.what, c.old)
		}
		files[c.file] = []byte(strings.Replace(src, c.old, c.new, 1))
		_, err := load(files)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), c.file+":") {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
