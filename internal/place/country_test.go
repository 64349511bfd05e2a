package place

import (
	"testing"

	"github.com/duly/duly/config"
)

// TestZoneCountriesOfConfig: config knows the country of creditors' zones by a
// table of its own, which says the same as ours wherever both know.
func TestZoneCountriesOfConfig(t *testing.T) {
	packs := map[string]bool{"US": true, "CA": true, "AU": true, "IN": true, "GB": true, "DE": true}
	n := 0
	for zone, country := range zoneCountries {
		if got := config.ZoneCountry(zone); packs[country] && got != country || !packs[country] && got != "" {
			t.Errorf("%s lies in %s; config says %q", zone, country, got)
		}
		if packs[country] {
			n++
		}
	}
	if n < 30 {
		t.Errorf("only %d zones of countries with packs", n)
	}
}
