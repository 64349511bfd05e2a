package config

import (
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
)

// A disclosure of one place only, beside those that are shipped.
const californian = `
  - id: californian
    citation: Cal. Civ. Code 1788.14
    roles: [third_party]
    channels: [email]
    debtors: [consumer]
    purposes: [notice]
    places: [US-CA]
    texts: {en: "{{ creditor.name }} gives notice as California asks."}
`

func TestDisclosuresApplyByPlaceKindAndPurpose(t *testing.T) {
	files := shippedConfig(t).Release().Files
	files["disclosures.yaml"] = append(files["disclosures.yaml"], californian...)
	for name := range files { // it has no German words
		if strings.HasSuffix(name, ".de.md") {
			delete(files, name)
		}
	}
	c, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		what, creditor, template string
		places                   []string
		kind                     string
		want                     bool
	}{
		{"a consumer in California", "demo-agency", "final-notice", []string{"US", "US-CA"}, "consumer", true},
		{"a city in California", "demo-agency", "final-notice", []string{"US-CA-SF"}, "consumer", true},
		{"a consumer in Nevada", "demo-agency", "final-notice", []string{"US", "US-NV"}, "consumer", false},
		{"one of two candidate places is enough", "demo-agency", "final-notice", []string{"US-NV", "US-CA"}, "consumer", true},
		{"nobody knows where", "demo-agency", "final-notice", nil, "consumer", true},
		{"a business", "demo-agency", "final-notice", []string{"US-CA"}, "business", false},
		{"nobody knows which kind", "demo-agency", "final-notice", []string{"US-CA"}, "", true},
		{"a reminder, not a notice", "demo-agency", "friendly-reminder", []string{"US-CA"}, "consumer", false},
		{"a creditor in its own name", "demo", "final-notice", []string{"US-CA"}, "consumer", false},
	}
	for _, x := range cases {
		cr, _ := c.Creditor(x.creditor)
		req := SampleRequest(cr, dunning.Email, x.template, "en")
		req.Places, req.DebtorKind = x.places, x.kind
		m, err := c.Render(req)
		if err != nil {
			t.Errorf("%s: %v", x.what, err)
		}
		if got := strings.Contains(m.Text, "Harbor Recovery Services gives notice as California asks."); got != x.want {
			t.Errorf("%s: shown %v", x.what, got)
		}
	}
}

// A language without the words of a disclosure cannot be used for what needs it.
func TestADisclosureWithoutWordsInTheLanguageRefuses(t *testing.T) {
	files := shippedConfig(t).Release().Files
	files["disclosures.yaml"] = append(files["disclosures.yaml"], strings.Replace(californian, "    places: [US-CA]\n", "", 1)...)
	_, err := load(files)
	if err == nil || !strings.Contains(err.Error(), "templates/email/final-notice.de.md:9:1: disclosure californian has no words in language de") {
		t.Errorf("got %v", err)
	}
}

func TestMappingsAlone(t *testing.T) {
	_, data, _ := strings.Cut(string(shippedConfig(t).Release().Files["mappings/items.yaml"]), "\n")
	m, err := LoadMapping("mine.yaml", []byte(data))
	if err != nil || m.Mapping != "items" {
		t.Errorf("%v, %v", m.Mapping, err)
	}
	_, err = LoadMapping("mine.yaml", []byte("mapping: x\nkind: itmes\ncolumns: {account: A}\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "mine.yaml:2:7: ") {
		t.Errorf("got %v", err)
	}
	if _, err = LoadMapping("mine.yaml", nil); err == nil {
		t.Error("an empty mapping was loaded")
	}
	if ids := shippedConfig(t).Mappings(); len(ids) < 5 {
		t.Errorf("mappings %v", ids)
	}
}
