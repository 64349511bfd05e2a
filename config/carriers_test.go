package config

import (
	"fmt"
	"strings"
	"testing"
)

// agencySequence reaches private debtors of the agency before any other.
const agencySequence = `sequence: agency
applies_when: %s
priority: 90
steps:
  - {id: first, at: +3d, send: [{email: friendly-reminder}]}
  - id: second
    at: +9d
    %s
end: {escalate: {queue: late}}
`

func TestCarriersRefuseTextsOfAgencies(t *testing.T) {
	const sms = "send: [{sms: nudge}]"
	refused := `sequences/agency.yaml:8:18: sms cannot be sent for creditor "demo-agency" (third_party) to debtors in US, and there is no other way: ` +
		"Carriers refuse texts of third-party debt collection (US-10DLC-01: Twilio Messaging Policy"
	for _, tc := range []struct {
		what, when, step, want string // want: beginning of a line of the faults, "" = none
	}{
		{"a text as the only way is refused where it stands", `debtor.kind == "consumer"`, sms, refused},
		{"whoever the debtor is", `balance >= money("1.00")`, sms, refused},
		{"an else on another channel will do", `debtor.kind == "consumer"`, "send: [{sms: nudge, else: [{email: nudge}]}]", ""},
		{"an else that is a text again will not", `debtor.kind == "consumer"`, "send: [{sms: nudge, else: [{sms: nudge}]}]", refused},
		{"an else of an else will do", `debtor.kind == "consumer"`, "send: [{sms: nudge, else: [{sms: nudge, else: [{email: nudge}]}]}]", ""},
		{"beside an email that must leave as well there is no way for it", `debtor.kind == "consumer"`, "send: [{sms: nudge}, {email: nudge}]", refused},
		{"where any of them will do, the email is a way", `debtor.kind == "consumer"`, "send: [{sms: nudge}, {email: nudge}]\n    complete: any", ""},
		{"where any of several texts will do, none does", `debtor.kind == "consumer"`, "send: [{sms: nudge}]\n    complete: any", refused},
		{"the agency is kept out", `creditor.id != "demo-agency"`, sms, ""},
		{"another creditor alone is let in", `creditor.id == "demo"`, sms, ""},
		{"debtors elsewhere alone are let in", `debtor.country == "DE"`, sms, ""},
		{"Canada is refused as well", `debtor.country == "CA"`, sms, `sequences/agency.yaml:8:18: sms cannot be sent for creditor "demo-agency" (third_party) to debtors in CA`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			files := shippedConfig(t).Release().Files
			files["sequences/agency.yaml"] = fmt.Appendf(nil, agencySequence, tc.when, tc.step)
			_, err := load(files)
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || strings.Count(err.Error(), "cannot be sent for creditor") != 1 || !strings.Contains("\n"+err.Error(), "\n"+tc.want) {
				t.Errorf("want one fault %q, got\n%v", tc.want, err)
			}
		})
	}
}

// A carrier that agreed to carry them, or a creditor across the ocean, is not kept from it.
func TestCarriersAreData(t *testing.T) {
	with := func(change func(map[string][]byte)) error {
		files := shippedConfig(t).Release().Files
		files["sequences/agency.yaml"] = fmt.Appendf(nil, agencySequence, `debtor.kind == "consumer"`, "send: [{sms: nudge}]")
		change(files)
		_, err := load(files)
		return err
	}
	if err := with(func(f map[string][]byte) {
		delete(f, "policies/carrier-us.yaml")
		delete(f, "policies/carrier-ca.yaml")
	}); err != nil {
		t.Errorf("without the packs: %v", err)
	}
	agency := "creditors/demo-agency.yaml"
	if err := with(func(f map[string][]byte) {
		f[agency] = []byte(strings.NewReplacer("America/Chicago", "Europe/Berlin", "currency: USD", "currency: EUR").Replace(string(f[agency])))
	}); err != nil {
		t.Errorf("an agency in Berlin that collects euros: %v", err)
	}
	if err := with(func(f map[string][]byte) {
		f[agency] = []byte(strings.Replace(string(f[agency]), "America/Chicago", "Europe/Berlin", 1))
	}); err == nil {
		t.Error("an agency in Berlin that collects dollars reaches the United States")
	}
	if err := with(func(f map[string][]byte) {
		f[agency] = []byte(strings.NewReplacer("role: third_party", "role: first_party", "on_behalf_of: Lakeside Clinic\n", "").Replace(string(f[agency])))
	}); err != nil {
		t.Errorf("in its own name: %v", err)
	}
}
