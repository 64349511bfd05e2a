package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// collectedRules is every rule that was collected from law, guidelines and
// carriers, in the order of docs/contact-policy.md.
const collectedRules = `
US-F-SCOPE-01 US-F-SCOPE-02 US-F-SCOPE-03 US-UDAAP-01 US-F-TIME-01 US-F-TIME-03 US-F-TIME-05 US-F-INCONV-01 US-F-PLACE-01 US-F-ATTY-01 US-F-WORK-01
US-F-EMAIL-01 US-F-CEASE-01 US-F-THIRD-01 US-F-LOC-01 US-F-DEC-01 US-F-LCM-01 US-F-BK-01 US-F-BK-02 US-F-TIMEBAR-01 US-F-FREQ-01 US-F-FREQ-02
US-F-TIME-02 US-F-TIME-04 US-F-CONSENT-01 US-F-SCRA-01 US-F-FREQ-03 US-F-FREQ-04 US-F-FREQ-05 US-F-FREQ-06 US-F-FREQ-07 US-F-FREQ-08 US-F-HARASS-01
US-F-MEDIA-01 US-F-OPTNOTICE-01 US-F-EPROC-01 US-F-EPROC-02 US-F-DISC-01 US-F-IDENT-01 US-F-MAIL-01 US-F-SOCIAL-01 US-F-VAL-01 US-F-VAL-02
US-F-DISP-01 US-F-DISP-02 US-F-DISP-03 US-F-CRA-01 US-F-PAYAPP-01 US-F-ESIGN-01 US-F-REC-01 US-F-LIAB-01 US-TCPA-01 US-TCPA-02 US-TCPA-03 US-TCPA-04
US-TCPA-05 US-TCPA-06 US-TCPA-07 US-CTIA-01 US-CTIA-02 US-10DLC-01 US-CANSPAM-01 US-CANSPAM-02 US-MA-FREQ-01 US-MA-FREQ-02 US-MA-WORK-01 US-MA-TIME-01
US-DC-SCOPE-01 US-DC-FREQ-01 US-DC-FREQ-02 US-DC-OPT-01 US-DC-ECOMM-01 US-DC-ECOMM-02 US-DC-ECOMM-03 US-NYC-FREQ-01 US-NYC-FREQ-00 US-NYC-ECOMM-01
US-NY-EMAIL-01 US-WA-FREQ-01 US-WA-WORK-01 US-WA-TIME-01 US-WA-CELL-01 US-FL-TIME-01 US-FL-FREQ-01 US-FL-ATTY-01 US-CA-ROS-01 US-CA-ROS-02
US-CA-ROS-03 US-CA-COMM-01 US-MI-TIME-01 US-WV-FREQ-01 US-NV-MED-01 US-OR-WORK-01 US-TX-01 US-NC-01 US-CT-01 US-CO-01 US-MD-01 US-NH-01 US-PA-01
US-REC-01 AU-TIME-01 AU-FREQ-01 AU-PREF-01 CA-ON-TIME-01 CA-ON-NOTICE-01 CA-ON-FREQ-01 CA-QC-TIME-01 CA-FED-01 IN-TIME-01 IN-DRAFT-01 IN-TRAI-01
GB-BS-01 GB-BS-02 GB-CONC-01 GB-LP-01 GB-OFCOM-01 EU-LP-01 DE-VERZUG-01 DE-PAUSCH-01 DE-VERZUG-02 DE-RDG-01
`

// documented is the table "Rule by rule": rule → where, and the remark.
func documented(t *testing.T) (where, remark map[string]string) {
	t.Helper()
	data, err := os.ReadFile("../docs/contact-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(data), "## Rule by rule")
	if !ok {
		t.Fatal("docs/contact-policy.md has no table rule by rule")
	}
	where, remark = map[string]string{}, map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z][A-Z0-9-]+) \| ([^|]+) \|([^|\n]*)\|$`).FindAllStringSubmatch(table, -1) {
		if where[m[1]] != "" {
			t.Errorf("%s is in the table twice", m[1])
		}
		where[m[1]], remark[m[1]] = m[2], strings.TrimSpace(m[3])
	}
	return where, remark
}

// TestEveryRuleHasItsPlace: each rule that was collected is a rule of the pack
// that the table names (or an id that this pack reports, or is explained in
// its remark), or is not covered for a reason; and every rule of a pack is in
// the table.
func TestEveryRuleHasItsPlace(t *testing.T) {
	where, remark := documented(t)
	cfg := shippedConfig(t)
	inPack := map[string][]string{}
	for _, spec := range cfg.PolicySpecs() {
		for _, r := range spec.Rules {
			inPack[spec.Pack+".yaml"] = append(inPack[spec.Pack+".yaml"], r.ID)
			if spec.Kind != "house" && where[r.ID] != spec.Pack+".yaml" {
				t.Errorf("rule %s of pack %s is said to be in %q", r.ID, spec.Pack, where[r.ID])
			}
		}
		for id := range spec.Cites {
			inPack[spec.Pack+".yaml"] = append(inPack[spec.Pack+".yaml"], id)
		}
	}
	collected := strings.Fields(collectedRules)
	for _, id := range collected {
		switch at := where[id]; {
		case at == "":
			t.Errorf("%s is nowhere in docs/contact-policy.md", id)
		case at == "not covered" && len(remark[id]) < 10:
			t.Errorf("%s is not covered, and no reason is given", id)
		case at != "not covered" && inPack[at] == nil:
			t.Errorf("%s is said to be in %s, which is no pack", id, at)
		case at != "not covered" && !slices.Contains(inPack[at], id) && len(remark[id]) < 10:
			t.Errorf("%s is no rule of %s, and nothing says how it is kept there", id, at)
		}
	}
	for id := range where {
		if !slices.Contains(collected, id) && !slices.Contains(inPack[where[id]], id) {
			t.Errorf("%s is in the table, and neither collected nor in a pack", id)
		}
	}
}

// TestCollectedRulesAreAll compares the list with the collection, which lies
// beside the repository.
func TestCollectedRulesAreAll(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for ; data == nil; dir = filepath.Dir(dir) {
		data, _ = os.ReadFile(filepath.Join(dir, "shared", "facts", "CONTACT-RULES.md"))
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if data == nil {
		t.Skip("SKIPPED LOUDLY: ../shared/facts/CONTACT-RULES.md is not there; the list of rules was not compared with it")
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]{2}-?[A-Z0-9-]*-[A-Z0-9]+(?:, [A-Z0-9-]+)*) \|`).FindAllStringSubmatch(string(data), -1) {
		all = append(all, strings.Split(m[1], ", ")...)
	}
	mine := strings.Fields(collectedRules)
	slices.Sort(all)
	slices.Sort(mine)
	if !slices.Equal(slices.Compact(all), mine) || len(mine) < 120 {
		t.Errorf("collected: %d rules, listed here: %d\n%v\n%v", len(all), len(mine), all, mine)
	}
}
