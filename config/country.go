package config

import "strings"

// zoneCountries is the country of the zones in which creditors may sit for whom
// a pack is shipped, beside Australia/*. Package place has the large table, for
// debtors; as an adapter it is out of reach here, and a test of it keeps this one
// in agreement.
var zoneCountries = map[string]string{
	"Europe/London": "GB", "Europe/Berlin": "DE", "Europe/Busingen": "DE", "Asia/Kolkata": "IN", "Asia/Calcutta": "IN",

	"America/New_York": "US", "America/Chicago": "US", "America/Denver": "US", "America/Los_Angeles": "US", "America/Phoenix": "US",
	"America/Anchorage": "US", "America/Adak": "US", "America/Boise": "US", "America/Detroit": "US", "America/Juneau": "US", "America/Sitka": "US",
	"America/Nome": "US", "America/Yakutat": "US", "America/Metlakatla": "US", "America/Menominee": "US", "America/Puerto_Rico": "US",
	"America/St_Thomas": "US", "Pacific/Honolulu": "US", "Pacific/Guam": "US", "Pacific/Saipan": "US", "Pacific/Pago_Pago": "US",

	"America/Toronto": "CA", "America/Vancouver": "CA", "America/Edmonton": "CA", "America/Winnipeg": "CA", "America/Halifax": "CA",
	"America/St_Johns": "CA", "America/Regina": "CA", "America/Moncton": "CA", "America/Montreal": "CA", "America/Iqaluit": "CA",
	"America/Whitehorse": "CA", "America/Dawson": "CA", "America/Dawson_Creek": "CA", "America/Goose_Bay": "CA", "America/Glace_Bay": "CA",
	"America/Cambridge_Bay": "CA", "America/Rankin_Inlet": "CA", "America/Coral_Harbour": "CA", "America/Swift_Current": "CA",
}

// ZoneCountry is the country of an IANA zone, ISO 3166 alpha-2, where a policy
// pack is shipped for it; empty for any other.
func ZoneCountry(zone string) string {
	for _, p := range []string{"America/Indiana/", "America/Kentucky/", "America/North_Dakota/", "US/"} {
		if strings.HasPrefix(zone, p) {
			return "US"
		}
	}
	switch {
	case strings.HasPrefix(zone, "Australia/"):
		return "AU"
	case strings.HasPrefix(zone, "Canada/"):
		return "CA"
	}
	return zoneCountries[zone]
}
