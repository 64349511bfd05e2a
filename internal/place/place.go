// Package place turns what is on file about a person (a known zone, addresses,
// phone numbers) into the candidate zones and jurisdictions that the contact
// policy judges by, each with its evidence.
//
// It owns the tables: ZIP prefixes, postcodes, states, area codes and
// countries to zones. Where a prefix lies in two zones it gives both, because
// the policy wants a time that is convenient in every place the person may be
// in. It does not own the judgement, and it never returns or logs a number or
// an address: evidence is a kind and an id.
package place

import (
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/nyaruka/phonenumbers"

	"github.com/duly/duly/dunning/contact"
)

// Version names the tables in decision records; change it with any of them.
const Version = "place-2026.11.1 phonenumbers-1.8.1 tzdata-go1.26"

// Input is what is on file about one person.
type Input struct {
	Known     string    // IANA zone in which the person is known to be; it replaces every other candidate zone
	Addresses []Address // most trusted first
	Phones    []Phone   // the person's own numbers
}

// Address is the part of a postal address that places it.
type Address struct {
	ID       string
	Country  string // ISO 3166 alpha-2 (UK and USA are understood)
	State    string // state, province or nation: OH, ON, ENG; full US names are understood
	Postcode string
	Zone     string // IANA zone when the address is known to lie in it
}

// Phone is a number with its country code.
type Phone struct {
	ID     string
	Number string // E.164
}

// Candidates gives the zones and jurisdictions that the person may be in, most
// trusted first and without duplicates. Both are empty when nothing on file
// points anywhere; the policy then refuses whatever depends on the hour.
// Unknown zone names, postcodes and numbers that do not parse are no evidence.
func Candidates(in Input) ([]contact.Zone, []contact.Place) {
	var c collector
	c.zone(in.Known, "known location")
	fixed := len(c.zones) > 0
	for _, a := range in.Addresses {
		c.address(a.tidy(), fixed)
	}
	placed := len(c.zones) > 0
	if country := zoneCountries[in.Known]; country != "" && len(c.places) == 0 {
		c.place(country, "known location")
	}
	lawful := len(c.places) > 0
	for _, p := range in.Phones {
		c.phone(p, fixed, placed, lawful)
	}
	return c.zones, c.places
}

type collector struct {
	zones  []contact.Zone
	places []contact.Place
}

func (c *collector) zone(name, evidence string) {
	if name == "" || slices.ContainsFunc(c.zones, func(z contact.Zone) bool { return z.Name == name }) {
		return
	}
	if loc := location(name); loc != nil {
		c.zones = append(c.zones, contact.Zone{Location: loc, Name: name, Evidence: evidence})
	}
}

func (c *collector) place(jurisdiction, evidence string) {
	if !slices.ContainsFunc(c.places, func(p contact.Place) bool { return p.Jurisdiction == jurisdiction }) {
		c.places = append(c.places, contact.Place{Jurisdiction: jurisdiction, Evidence: evidence})
	}
}

// locations caches zones: loading one reads and parses its rules each time.
var locations sync.Map

// location of an IANA name, nil when there is none. Local and the empty name
// are none: they would mean the machine's zone.
func location(name string) *time.Location {
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location)
	}
	if name == "" || name == "Local" {
		return nil
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	actual, _ := locations.LoadOrStore(name, l)
	return actual.(*time.Location)
}

// tidy brings country, state and postcode into the form of the tables.
func (a Address) tidy() Address {
	a.Country = strings.ToUpper(strings.TrimSpace(a.Country))
	switch a.Country {
	case "UK":
		a.Country = "GB"
	case "USA":
		a.Country = "US"
	}
	a.State = strings.ToUpper(strings.TrimSpace(a.State))
	a.State = strings.TrimPrefix(a.State, a.Country+"-")
	a.Postcode = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(a.Postcode), " ", ""))
	if a.Country == "US" {
		if code, ok := stateNames[a.State]; ok {
			a.State = code
		}
		if a.State == "" {
			a.State = zipState(a.Postcode)
		}
	}
	return a
}

// address adds the zones (unless the location is known) and the jurisdiction.
func (c *collector) address(a Address, fixed bool) {
	evidence := "address " + a.ID
	if a.Country != "" {
		c.place(a.jurisdiction(), evidence)
	}
	if fixed {
		return
	}
	if location(a.Zone) != nil {
		c.zone(a.Zone, evidence)
		return
	}
	for _, z := range a.zones() {
		c.zone(z, evidence)
	}
}

// zones of an address: by postcode where it splits a state, else by state,
// else by country.
func (a Address) zones() []string {
	if z := postcodeZones(a); z != nil {
		return z
	}
	if z := stateZones[a.Country+"-"+a.State]; z != nil {
		return z
	}
	return countryZones[a.Country]
}

// jurisdiction of an address: the narrowest whose law the packs know.
func (a Address) jurisdiction() string {
	switch {
	case a.Country == "GB":
		return british(a)
	case a.Country == "US" && a.State == "NY" && newYorkCity(a.Postcode):
		return "US-NY-NYC"
	case a.State == "" || len(a.State) > 3:
		return a.Country
	}
	return a.Country + "-" + a.State
}

// newYorkCity by ZIP. Some of 110xx is Nassau: the stricter law is taken.
func newYorkCity(zip string) bool {
	return len(zip) >= 3 && (zip[:3] >= "100" && zip[:3] <= "104" || zip[:3] >= "110" && zip[:3] <= "116")
}

// british law differs by nation; where nothing is known the stricter of
// England and Wales is taken.
func british(a Address) string {
	switch a.State {
	case "ENG", "WLS", "EAW", "ENGLAND", "WALES":
		return "GB-EAW"
	case "SCT", "SCOTLAND":
		return "GB-SCT"
	case "NIR", "NORTHERN IRELAND":
		return "GB-NIR"
	}
	area := strings.TrimRight(prefixLetters(a.Postcode), " ")
	switch area {
	case "AB", "DD", "DG", "EH", "FK", "G", "HS", "IV", "KA", "KW", "KY", "ML", "PA", "PH", "ZE":
		return "GB-SCT"
	case "BT":
		return "GB-NIR"
	}
	return "GB-EAW"
}

func prefixLetters(s string) string {
	for i, r := range s {
		if r < 'A' || r > 'Z' {
			return s[:i]
		}
	}
	return s
}

// phone adds the zones of a number's prefix, and, when nothing better points to
// a law, the jurisdiction of the prefix. Numbers that cover a whole country say
// nothing more once an address gave a zone.
func (c *collector) phone(p Phone, fixed, placed, lawful bool) {
	n, err := phonenumbers.Parse(p.Number, "")
	if err != nil {
		return
	}
	evidence := "phone " + p.ID
	country := phonenumbers.GetRegionCodeForNumber(n)
	if country == "" {
		country = phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
	}
	zones, wide, state := prefixZones(n, country)
	if !lawful && len(country) == 2 && country != "ZZ" {
		if state != "" {
			country += "-" + state
		}
		c.place(country, evidence)
	}
	if fixed || wide && placed {
		return
	}
	for _, z := range zones {
		c.zone(z, evidence)
	}
}

// prefixZones of a number: its zones, whether they are a whole country's, and
// the US state or Canadian province of a geographic area code.
func prefixZones(n *phonenumbers.PhoneNumber, country string) (zones []string, wide bool, state string) {
	if n.GetCountryCode() == 1 {
		return areaCode(n, country)
	}
	if z := countryZones[country]; len(z) > 0 {
		return z, true, ""
	}
	found, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil {
		return nil, false, ""
	}
	return slices.DeleteFunc(slices.Clone(found), func(z string) bool { return z == phonenumbers.UNKNOWN_TIMEZONE }), false, ""
}

// areaCode of the North American plan. The library's table gives one zone for
// several codes that lie in two, so ours goes first.
func areaCode(n *phonenumbers.PhoneNumber, country string) (zones []string, wide bool, state string) {
	national := phonenumbers.GetNationalSignificantNumber(n)
	if len(national) != 10 || nonGeographic(national[:3]) {
		return nil, true, ""
	}
	state = codeState(n, country)
	if z := splitCodes[national[:3]]; z != nil {
		return z, false, state
	}
	found, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil || len(found) == 0 || len(found) > 6 || found[0] == phonenumbers.UNKNOWN_TIMEZONE {
		return countryZones[country], true, state
	}
	return found, false, state
}

// nonGeographic codes belong to no place: toll-free, premium, personal.
func nonGeographic(code string) bool {
	switch code {
	case "800", "833", "844", "855", "866", "877", "888", "900", "500", "521", "522", "533", "544", "566", "577", "588", "600", "622", "700":
		return true
	}
	return false
}

// codeState reads the state or province from the library's description, which
// is "Columbus, OH" or "Ohio".
func codeState(n *phonenumbers.PhoneNumber, country string) string {
	text, err := phonenumbers.GetGeocodingForNumber(n, "en")
	if err != nil {
		return ""
	}
	text = strings.ToUpper(text)
	if i := strings.LastIndex(text, ", "); i >= 0 {
		text = text[i+2:]
	}
	if country == "US" && stateNames[text] != "" {
		return stateNames[text]
	}
	if country == "CA" && provinceNames[text] != "" {
		return provinceNames[text]
	}
	if stateZones[country+"-"+text] != nil {
		return text
	}
	return ""
}
