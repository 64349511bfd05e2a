package place

import "slices"

// ZoneNames lists every zone of the tables, for the test that they exist.
func ZoneNames() []string {
	var all []string
	for _, m := range []map[string][]string{splitZIPs, stateZones, splitCodes, countryZones, canadian} {
		for _, zones := range m {
			all = append(all, zones...)
		}
	}
	for _, z := range mainZone {
		all = append(all, z)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ZoneOwners lists the countries whose tables name a zone.
func ZoneOwners() map[string][]string {
	m := map[string][]string{}
	add := func(country string, zones []string) {
		for _, z := range zones {
			if !slices.Contains(m[z], country) {
				m[z] = append(m[z], country)
			}
		}
	}
	for k, zones := range countryZones {
		add(k, zones)
	}
	for k, zones := range stateZones {
		add(k[:2], zones)
	}
	return m
}
