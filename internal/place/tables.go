package place

import "strings"

const (
	eastern  = "America/New_York"
	central  = "America/Chicago"
	mountain = "America/Denver"
	pacific  = "America/Los_Angeles"
	phoenix  = "America/Phoenix"
	indiana  = "America/Indiana/Indianapolis"
	detroit  = "America/Detroit"
	boise    = "America/Boise"
	alaska   = "America/Anchorage"
	adak     = "America/Adak"
	hawaii   = "Pacific/Honolulu"
	toronto  = "America/Toronto"
	halifax  = "America/Halifax"
	winnipeg = "America/Winnipeg"
	regina   = "America/Regina"
	edmonton = "America/Edmonton"
	vancouv  = "America/Vancouver"
)

// splitZIPs are the three-digit ZIP prefixes of states in two zones whose zone
// is not the first of the state, or that lie in two. Sources: 49 CFR 71 for the
// limits; where a prefix crosses them both zones are given.
var splitZIPs = map[string][]string{
	// Florida: west of the Apalachicola is Central; Gulf county is in both.
	"324": {central, eastern}, "325": {central},
	// Tennessee: the east is Eastern; 373 crosses the line west of Chattanooga.
	"373": {eastern, central}, "374": {eastern}, "376": {eastern}, "377": {eastern}, "378": {eastern}, "379": {eastern},
	// Kentucky: the west is Central.
	"401": {eastern, central}, "420": {central}, "421": {central}, "422": {central}, "423": {central}, "424": {central},
	"426": {eastern, central}, "427": {eastern, central},
	// Indiana: the corners near Chicago and Evansville are Central.
	"463": {central, indiana}, "464": {central}, "465": {indiana, central}, "475": {indiana, central}, "476": {central, indiana}, "477": {central},
	"479": {indiana, central},
	// Michigan: four counties of the Upper Peninsula are Central.
	"498": {detroit, central}, "499": {detroit, central},
	// Dakotas, Nebraska, Kansas: the west is Mountain.
	"585": {central, mountain}, "586": {mountain, central}, "588": {central, mountain},
	"575": {central, mountain}, "576": {central, mountain}, "577": {mountain},
	"690": {central, mountain}, "691": {central, mountain}, "692": {central, mountain}, "693": {mountain},
	"677": {central, mountain}, "678": {central, mountain},
	// Texas: El Paso and Hudspeth are Mountain.
	"798": {central, mountain}, "799": {mountain}, "885": {mountain},
	// Oregon: most of Malheur county is Mountain. Idaho: the north is Pacific.
	"979": {boise, pacific}, "835": {pacific, boise}, "838": {pacific},
	// Nevada: West Wendover is Mountain. Arizona: the Navajo Nation keeps summer time.
	"898": {pacific, mountain}, "860": {phoenix, mountain}, "865": {phoenix, mountain},
	// Alabama: around Phenix City people keep Eastern time.
	"368": {central, eastern},
	// Alaska: the western Aleutians.
	"995": {alaska, adak},
}

// mainZone is the zone of a split state outside the prefixes above.
var mainZone = map[string]string{
	"FL": eastern, "TN": central, "KY": eastern, "IN": indiana, "MI": detroit, "ND": central, "SD": central, "NE": central, "KS": central,
	"TX": central, "OR": pacific, "ID": boise, "NV": pacific, "AZ": phoenix, "AL": central, "AK": alaska,
}

// postcodeZones where the postcode says more than the state; nil when it does
// not.
func postcodeZones(a Address) []string {
	switch {
	case a.Country == "US" && len(a.Postcode) >= 3:
		if zipState(a.Postcode) != a.State {
			return nil // postcode and state contradict each other: the state's zones, all of them
		}
		if z := splitZIPs[a.Postcode[:3]]; z != nil {
			return z
		}
		if m := mainZone[a.State]; m != "" {
			return []string{m}
		}
	case a.Country == "CA" && len(a.Postcode) >= 2:
		return canadian[a.Postcode[:2]]
	case a.Country == "AU" && a.Postcode == "2880":
		return []string{"Australia/Broken_Hill"}
	case a.Country == "ES" && len(a.Postcode) == 5 && (strings.HasPrefix(a.Postcode, "35") || strings.HasPrefix(a.Postcode, "38")):
		return []string{"Atlantic/Canary"}
	case a.Country == "ES" && len(a.Postcode) == 5:
		return []string{"Europe/Madrid"}
	case a.Country == "PT" && len(a.Postcode) >= 4:
		return portuguese(a.Postcode)
	}
	return nil
}

func portuguese(code string) []string {
	switch {
	case code >= "95":
		return []string{"Atlantic/Azores"}
	case code >= "90":
		return []string{"Atlantic/Madeira"}
	}
	return []string{"Europe/Lisbon"}
}

// canadian forward sortation areas that their province does not settle.
var canadian = map[string][]string{
	"P0": {toronto, winnipeg}, "P8": {toronto, winnipeg}, "P9": {winnipeg, toronto}, // north-west Ontario
	"G4": {toronto, halifax}, "G0": {toronto, halifax}, // Îles de la Madeleine; lower north shore
	"A0": {"America/St_Johns", "America/Goose_Bay"}, "A2": {"America/St_Johns", "America/Goose_Bay"},
	"S9": {regina, edmonton}, // Lloydminster
	"V0": {vancouv, edmonton, "America/Dawson_Creek"}, "V1": {vancouv, edmonton, "America/Dawson_Creek"},
}

// zipRanges are the first and last three-digit prefix of each state.
var zipRanges = []struct{ from, to, state string }{
	{"005", "005", "NY"},
	{"006", "007", "PR"},
	{"008", "008", "VI"},
	{"009", "009", "PR"},
	{"010", "027", "MA"},
	{"028", "029", "RI"},
	{"030", "038", "NH"},
	{"039", "049", "ME"},
	{"050", "054", "VT"},
	{"055", "055", "MA"},
	{"056", "059", "VT"},
	{"060", "069", "CT"},
	{"070", "089", "NJ"},
	{"100", "149", "NY"},
	{"150", "196", "PA"},
	{"197", "199", "DE"},
	{"200", "200", "DC"},
	{"201", "201", "VA"},
	{"202", "205", "DC"},
	{"206", "219", "MD"},
	{"220", "246", "VA"},
	{"247", "268", "WV"},
	{"270", "289", "NC"},
	{"290", "299", "SC"},
	{"300", "319", "GA"},
	{"320", "339", "FL"},
	{"341", "342", "FL"},
	{"344", "344", "FL"},
	{"346", "347", "FL"},
	{"349", "349", "FL"},
	{"350", "369", "AL"},
	{"370", "385", "TN"},
	{"386", "397", "MS"},
	{"398", "399", "GA"},
	{"400", "427", "KY"},
	{"430", "459", "OH"},
	{"460", "479", "IN"},
	{"480", "499", "MI"},
	{"500", "528", "IA"},
	{"530", "549", "WI"},
	{"550", "567", "MN"},
	{"569", "569", "DC"},
	{"570", "577", "SD"},
	{"580", "588", "ND"},
	{"590", "599", "MT"},
	{"600", "629", "IL"},
	{"630", "658", "MO"},
	{"660", "679", "KS"},
	{"680", "693", "NE"},
	{"700", "714", "LA"},
	{"716", "729", "AR"},
	{"730", "732", "OK"},
	{"733", "733", "TX"},
	{"734", "749", "OK"},
	{"750", "799", "TX"},
	{"800", "816", "CO"},
	{"820", "831", "WY"},
	{"832", "838", "ID"},
	{"840", "847", "UT"},
	{"850", "865", "AZ"},
	{"870", "884", "NM"},
	{"885", "885", "TX"},
	{"889", "898", "NV"},
	{"900", "961", "CA"},
	{"967", "968", "HI"},
	{"969", "969", "GU"},
	{"970", "979", "OR"},
	{"980", "994", "WA"},
	{"995", "999", "AK"},
}

// zipState of a ZIP code; empty when the prefix is not in use.
func zipState(zip string) string {
	if len(zip) < 3 {
		return ""
	}
	if strings.HasPrefix(zip, "96799") {
		return "AS"
	}
	for _, r := range zipRanges {
		if zip[:3] >= r.from && zip[:3] <= r.to {
			return r.state
		}
	}
	return ""
}

// stateZones of states and provinces: every zone that one has, the larger
// part first.
var stateZones = func() map[string][]string {
	m := map[string][]string{
		"US-FL": {eastern, central}, "US-TN": {central, eastern}, "US-KY": {eastern, central}, "US-IN": {indiana, central}, "US-MI": {detroit, central},
		"US-ND": {central, mountain}, "US-SD": {central, mountain}, "US-NE": {central, mountain}, "US-KS": {central, mountain}, "US-TX": {central, mountain},
		"US-OR": {pacific, boise}, "US-ID": {boise, pacific}, "US-NV": {pacific, mountain}, "US-AZ": {phoenix, mountain}, "US-AK": {alaska, adak},
		"US-AL": {central, eastern}, "US-HI": {hawaii}, "US-PR": {"America/Puerto_Rico"}, "US-VI": {"America/St_Thomas"}, "US-GU": {"Pacific/Guam"},
		"US-AS": {"Pacific/Pago_Pago"}, "US-MP": {"Pacific/Saipan"},
		"CA-ON": {toronto, winnipeg}, "CA-QC": {toronto, halifax}, "CA-NS": {halifax}, "CA-NB": {"America/Moncton"}, "CA-PE": {halifax},
		"CA-NL": {"America/St_Johns", "America/Goose_Bay"}, "CA-MB": {winnipeg}, "CA-SK": {regina, edmonton}, "CA-AB": {edmonton},
		"CA-BC": {vancouv, edmonton, "America/Dawson_Creek"}, "CA-YT": {"America/Whitehorse"}, "CA-NT": {edmonton},
		"CA-NU":  {"America/Iqaluit", "America/Rankin_Inlet", "America/Cambridge_Bay", "America/Coral_Harbour"},
		"AU-NSW": {"Australia/Sydney", "Australia/Broken_Hill"}, "AU-ACT": {"Australia/Sydney"}, "AU-VIC": {"Australia/Melbourne"}, "AU-QLD": {"Australia/Brisbane"},
		"AU-SA": {"Australia/Adelaide"}, "AU-WA": {"Australia/Perth", "Australia/Eucla"}, "AU-TAS": {"Australia/Hobart"}, "AU-NT": {"Australia/Darwin"},
	}
	for zone, states := range map[string]string{
		eastern:  "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
		central:  "AR IA IL LA MN MO MS OK WI",
		mountain: "CO MT NM UT WY",
		pacific:  "CA WA",
	} {
		for _, s := range strings.Fields(states) {
			m["US-"+s] = []string{zone}
		}
	}
	return m
}()

// splitCodes are area codes in two zones, and those that the library's table
// has wrong.
var splitCodes = map[string][]string{
	"850": {eastern, central}, "448": {eastern, central}, "689": {eastern},
	"270": {central, eastern}, "364": {central, eastern}, "606": {eastern, central},
	"219": {central, indiana}, "574": {indiana, central}, "812": {indiana, central}, "930": {indiana, central},
	"906": {detroit, central}, "423": {eastern, central}, "931": {central, eastern},
	"701": {central, mountain}, "605": {central, mountain}, "308": {central, mountain}, "785": {central, mountain}, "620": {central, mountain},
	"915": {mountain, central}, "432": {central, mountain},
	"541": {pacific, boise}, "458": {pacific, boise}, "208": {boise, pacific}, "986": {boise, pacific},
	"775": {pacific, mountain}, "928": {phoenix, mountain}, "907": {alaska, adak}, "334": {central, eastern},
	"250": {vancouv, edmonton, "America/Dawson_Creek"}, "236": {vancouv, edmonton, "America/Dawson_Creek"},
	"672": {vancouv, edmonton, "America/Dawson_Creek"}, "778": {vancouv, edmonton, "America/Dawson_Creek"},
	"807": {toronto, winnipeg}, "709": {"America/St_Johns", "America/Goose_Bay"}, "879": {"America/St_Johns", "America/Goose_Bay"},
	"306": {regina, edmonton}, "639": {regina, edmonton}, "474": {regina, edmonton},
	"418": {toronto, halifax}, "581": {toronto, halifax}, "367": {toronto, halifax}, "437": {toronto},
	"867": {"America/Whitehorse", edmonton, "America/Iqaluit", "America/Rankin_Inlet", "America/Cambridge_Bay"},
}

// countryZones are the zones of a country as a whole. Countries that are not
// listed are placed by their phone prefixes only.
var countryZones = map[string][]string{
	"US": {eastern, central, mountain, phoenix, pacific, alaska, hawaii},
	"CA": {"America/St_Johns", halifax, toronto, winnipeg, regina, edmonton, vancouv},
	"AU": {"Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin", "Australia/Perth", "Australia/Hobart"},
	"BR": {"America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha"},
	"MX": {"America/Mexico_City", "America/Cancun", "America/Hermosillo", "America/Tijuana"},
	"RU": {"Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka"},
	"ID": {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"},
	"CL": {"America/Santiago", "America/Punta_Arenas", "Pacific/Easter"},
	"CD": {"Africa/Kinshasa", "Africa/Lubumbashi"}, "MN": {"Asia/Ulaanbaatar", "Asia/Hovd"}, "EC": {"America/Guayaquil", "Pacific/Galapagos"},
	"ES": {"Europe/Madrid", "Atlantic/Canary"}, "PT": {"Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"}, "NZ": {"Pacific/Auckland", "Pacific/Chatham"},
	"DE": {"Europe/Berlin"}, "GB": {"Europe/London"}, "IE": {"Europe/Dublin"}, "FR": {"Europe/Paris"}, "AT": {"Europe/Vienna"}, "CH": {"Europe/Zurich"},
	"LI": {"Europe/Vaduz"}, "NL": {"Europe/Amsterdam"}, "BE": {"Europe/Brussels"}, "LU": {"Europe/Luxembourg"}, "IT": {"Europe/Rome"}, "MT": {"Europe/Malta"},
	"DK": {"Europe/Copenhagen"}, "SE": {"Europe/Stockholm"}, "NO": {"Europe/Oslo"}, "FI": {"Europe/Helsinki"}, "IS": {"Atlantic/Reykjavik"},
	"PL": {"Europe/Warsaw"}, "CZ": {"Europe/Prague"}, "SK": {"Europe/Bratislava"}, "HU": {"Europe/Budapest"}, "SI": {"Europe/Ljubljana"}, "HR": {"Europe/Zagreb"},
	"RO": {"Europe/Bucharest"}, "BG": {"Europe/Sofia"}, "GR": {"Europe/Athens"}, "CY": {"Asia/Nicosia"}, "EE": {"Europe/Tallinn"}, "LV": {"Europe/Riga"},
	"LT": {"Europe/Vilnius"}, "RS": {"Europe/Belgrade"}, "TR": {"Europe/Istanbul"}, "IL": {"Asia/Jerusalem"}, "AE": {"Asia/Dubai"}, "SA": {"Asia/Riyadh"},
	"IN": {"Asia/Kolkata"}, "PK": {"Asia/Karachi"}, "BD": {"Asia/Dhaka"}, "LK": {"Asia/Colombo"}, "NP": {"Asia/Kathmandu"}, "SG": {"Asia/Singapore"},
	"MY": {"Asia/Kuala_Lumpur"}, "TH": {"Asia/Bangkok"}, "VN": {"Asia/Ho_Chi_Minh"}, "PH": {"Asia/Manila"}, "HK": {"Asia/Hong_Kong"}, "TW": {"Asia/Taipei"},
	"CN": {"Asia/Shanghai"}, "JP": {"Asia/Tokyo"}, "KR": {"Asia/Seoul"}, "ZA": {"Africa/Johannesburg"}, "NG": {"Africa/Lagos"}, "KE": {"Africa/Nairobi"},
	"EG": {"Africa/Cairo"}, "MA": {"Africa/Casablanca"}, "GH": {"Africa/Accra"}, "AR": {"America/Argentina/Buenos_Aires"}, "CO": {"America/Bogota"},
	"PE": {"America/Lima"}, "UY": {"America/Montevideo"},
}

// zoneCountries is the country of every zone in the tables above. No zone is in
// two countries.
var zoneCountries = func() map[string]string {
	m := map[string]string{}
	for country, zones := range countryZones {
		for _, z := range zones {
			m[z] = country
		}
	}
	for key, zones := range stateZones {
		for _, z := range zones {
			m[z] = key[:2]
		}
	}
	return m
}()

var provinceNames = map[string]string{
	"ONTARIO": "ON", "QUEBEC": "QC", "QUÉBEC": "QC", "NOVA SCOTIA": "NS", "NEW BRUNSWICK": "NB", "MANITOBA": "MB", "BRITISH COLUMBIA": "BC",
	"PRINCE EDWARD ISLAND": "PE", "SASKATCHEWAN": "SK", "ALBERTA": "AB", "NEWFOUNDLAND AND LABRADOR": "NL", "YUKON": "YT",
	"NORTHWEST TERRITORIES": "NT", "NUNAVUT": "NU",
}

var stateNames = map[string]string{
	"ALABAMA": "AL", "ALASKA": "AK", "ARIZONA": "AZ", "ARKANSAS": "AR", "CALIFORNIA": "CA", "COLORADO": "CO", "CONNECTICUT": "CT", "DELAWARE": "DE",
	"DISTRICT OF COLUMBIA": "DC", "WASHINGTON D.C.": "DC", "FLORIDA": "FL", "GEORGIA": "GA", "HAWAII": "HI", "IDAHO": "ID", "ILLINOIS": "IL", "INDIANA": "IN", "IOWA": "IA",
	"KANSAS": "KS", "KENTUCKY": "KY", "LOUISIANA": "LA", "MAINE": "ME", "MARYLAND": "MD", "MASSACHUSETTS": "MA", "MICHIGAN": "MI", "MINNESOTA": "MN",
	"MISSISSIPPI": "MS", "MISSOURI": "MO", "MONTANA": "MT", "NEBRASKA": "NE", "NEVADA": "NV", "NEW HAMPSHIRE": "NH", "NEW JERSEY": "NJ",
	"NEW MEXICO": "NM", "NEW YORK": "NY", "NORTH CAROLINA": "NC", "NORTH DAKOTA": "ND", "OHIO": "OH", "OKLAHOMA": "OK", "OREGON": "OR",
	"PENNSYLVANIA": "PA", "PUERTO RICO": "PR", "RHODE ISLAND": "RI", "SOUTH CAROLINA": "SC", "SOUTH DAKOTA": "SD", "TENNESSEE": "TN", "TEXAS": "TX",
	"UTAH": "UT", "VERMONT": "VT", "VIRGINIA": "VA", "WASHINGTON": "WA", "WEST VIRGINIA": "WV", "WISCONSIN": "WI", "WYOMING": "WY",
}
