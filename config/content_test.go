package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

// TestContentIsRefusedAtPublish: a template that cannot say what role and place
// require is refused when it is loaded, with the rule of the pack, its citation
// and its place; the same words in disclosures.yaml make it pass again.
func TestContentIsRefusedAtPublish(t *testing.T) {
	proves := func(fact string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			text := string(files["disclosures.yaml"])
			for _, list := range []string{"[initial_disclosure, later_disclosure]", "[later_disclosure]", "[opt_out_notice]", "[agency_particulars]"} {
				if strings.Contains(list, fact) {
					text = strings.ReplaceAll(text, "    proves: "+list+"\n", "")
				}
			}
			files["disclosures.yaml"] = []byte(text)
		}
	}
	for _, tc := range []struct {
		what   string
		change func(map[string][]byte)
		want   []string // beginnings of lines
		not    string
	}{
		{"nothing is amiss", func(map[string][]byte) {}, nil, ""},
		{"no way to opt out", proves("opt_out_notice"), []string{
			"templates/email/friendly-reminder.en.md:8:1: US-DC-ECOMM-03 refuses this message (D.C. Code 28-3814(d)(4)(B)(iii)): " +
				"Every electronic message says how to opt out: It does not say how to stop these messages. (tried as creditor \"demo\")",
			"templates/sms/nudge.en.md:",
		}, "templates/letter/"},
		{"no word that it is from a collector", proves("later_disclosure"), []string{
			"templates/letter/formal-reminder.en.md:9:1: US-F-DISC-01 refuses this message (15 USC 1692e(11); 12 CFR 1006.18(e)): Every communication says that it is from a debt collector: It does not say that it comes from a debt collector.",
		}, ""},
		{"an agency in the United States is not asked what Germany asks", proves("agency_particulars"), nil, ""},
		{"an agency's first demand in Germany without its particulars", func(files map[string][]byte) {
			proves("agency_particulars")(files)
			f := "creditors/demo-agency.yaml"
			files[f] = []byte(strings.Replace(string(files[f]), "zone: America/Chicago", "zone: Europe/Berlin", 1))
		}, []string{
			"templates/email/friendly-reminder.de.md:8:1: DE-RDG-01 refuses this message (RDG 13a(1))",
		}, "templates/email/nudge"}, // no sequence begins with it
		{"a creditor's subject may say it, an agency's may not", func(files map[string][]byte) {
			f := "templates/email/friendly-reminder.en.md"
			files[f] = []byte(strings.Replace(string(files[f]), "subject: A reminder about", "subject: Your debt, a reminder about", 1))
		}, []string{"templates/email/friendly-reminder.en.md:8:1: HOUSE-SUBJECT refuses this message"}, "templates/letter/"},
		{"an envelope that shows it", func(files map[string][]byte) {
			f := "creditors/demo-agency.yaml"
			files[f] = []byte(strings.Replace(string(files[f]), "200 Sample Avenue", "Collections Department", 1))
		}, []string{"templates/letter/final-notice.en.md:9:1: US-F-MAIL-01 refuses this message (15 USC 1692f(7); 12 CFR 1006.22(f)(1))"}, "templates/email/"},
		{"a fact that no rule knows", func(files map[string][]byte) {
			files["disclosures.yaml"] = []byte(strings.Replace(string(files["disclosures.yaml"]), "proves: [agency_particulars]", "proves: [agency_particular]", 1))
		}, []string{`disclosures.yaml:`}, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			files := shippedConfig(t).Release().Files
			tc.change(files)
			_, err := load(files)
			if len(tc.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it was loaded")
			}
			for _, w := range tc.want {
				if !strings.Contains("\n"+err.Error(), "\n"+w) {
					t.Errorf("no line begins with %q in\n%v", w, err)
				}
			}
			if tc.not != "" && strings.Contains(err.Error(), tc.not) {
				t.Errorf("%s is refused too:\n%v", tc.not, err)
			}
		})
	}
}

// TestContentIsRefusedWhenRendered: what was published can still lack what this
// debtor's place or first message requires; the error names the rule.
func TestContentIsRefusedWhenRendered(t *testing.T) {
	c := shippedConfig(t)
	cr, _ := c.Creditor("demo-agency")
	for _, tc := range []struct {
		what    string
		channel dunning.Channel
		name    string
		places  []string
		first   bool
		rule    string
	}{
		{"a text in the United States that is not the first", dunning.SMS, "nudge", []string{"US-OH"}, false, ""},
		{"a first text without the initial disclosure", dunning.SMS, "nudge", []string{"US-OH"}, true, "US-F-DISC-01"},
		{"a first email has it", dunning.Email, "nudge", []string{"US-OH"}, true, ""},
		{"a first text in Germany cannot hold the particulars", dunning.SMS, "nudge", []string{"DE-BY"}, true, "DE-RDG-01"},
		{"a later one need not", dunning.SMS, "nudge", []string{"DE-BY"}, false, ""},
		{"a first email in Germany holds them", dunning.Email, "nudge", []string{"DE-BY"}, true, ""},
		{"in Britain nobody asks", dunning.SMS, "nudge", []string{"GB-EAW"}, true, ""},
		{"nobody knows where: every pack asks", dunning.SMS, "nudge", nil, true, "DE-RDG-01"},
		{"an opt-out confirmation says nothing else", dunning.SMS, "opt-out-confirmation", []string{"US-OH"}, true, ""},
	} {
		req := SampleRequest(cr, tc.channel, tc.name, "en")
		req.Places, req.First = tc.places, tc.first
		_, err := c.Render(req)
		rule, _ := ContentRule(err)
		if rule != tc.rule || (err == nil) != (tc.rule == "") {
			t.Errorf("%s: rule %q, want %q (%v)", tc.what, rule, tc.rule, err)
		}
	}
	if rule, ok := ContentRule(errors.New("another")); ok || rule != "" {
		t.Errorf("another error names %q", rule)
	}
}

// A time-barred debt is not threatened with a suit; of any other one may.
func TestSuitsOfTimeBarredDebts(t *testing.T) {
	files := shippedConfig(t).Release().Files
	f := "templates/email/final-notice.en.md"
	files[f] = append(files[f], "\nOtherwise we will take legal\naction.\n"...)
	c, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		what, creditor, template string
		barred                   bool
		rule                     string
	}{
		{"an agency may threaten a suit that can be brought", "demo-agency", "final-notice", false, ""},
		{"not one that comes too late", "demo-agency", "final-notice", true, "US-F-TIMEBAR-01"},
		{"the rule is for agencies", "demo", "final-notice", true, ""},
		{"a message without the words is fine", "demo-agency", "nudge", true, ""},
	} {
		cr, _ := c.Creditor(tc.creditor)
		req := SampleRequest(cr, dunning.Email, tc.template, "en")
		req.Places, req.TimeBarred = []string{"US-OH"}, tc.barred
		_, err := c.Render(req)
		if rule, _ := ContentRule(err); rule != tc.rule || (err == nil) != (tc.rule == "") {
			t.Errorf("%s: rule %q, want %q (%v)", tc.what, rule, tc.rule, err)
		}
	}
}

func TestOutsideWords(t *testing.T) {
	o := compileWords([]string{"debt", "debt  collector", "Inkasso", ""})
	for _, tc := range []struct {
		what  string
		m     dunning.Message
		shows bool
	}{
		{"a word in the subject, whatever its case", dunning.Message{Channel: dunning.Email, Subject: "Your DEBT"}, true},
		{"part of another word is not it", dunning.Message{Channel: dunning.Email, Subject: "You are indebted", FromName: "Debtors' Aid"}, false},
		{"the sender's name", dunning.Message{Channel: dunning.Email, FromName: "Muster Inkasso"}, true},
		{"the body is inside", dunning.Message{Channel: dunning.Email, Text: "your debt"}, false},
		{"the subject of a letter is inside", dunning.Message{Channel: dunning.Letter, Subject: "Your debt"}, false},
		{"its sender is not", dunning.Message{Channel: dunning.Letter, Sender: []string{"A", "Debt Department"}}, true},
		{"a text message has no outside", dunning.Message{Channel: dunning.SMS, FromName: "debt"}, false},
	} {
		if got := o.shown(tc.m); got != tc.shows {
			t.Errorf("%s: %v", tc.what, got)
		}
	}
	if compileWords(nil).shown(dunning.Message{Channel: dunning.Email, Subject: "debt"}) {
		t.Error("without words nothing is shown")
	}
}
