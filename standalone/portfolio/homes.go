package portfolio

// home is where debtors live, and to whom they owe there.
type home struct {
	creditor, currency, locale      string
	country, state, city, zip, area string
	street                          string
	mobiles                         []string
}

// germanMobiles are numbers that the German regulator keeps free for films.
var germanMobiles = []string{"+4915228817386", "+4915228895456", "+4915254599371", "+491729925904", "+491729968532", "+491729973185", "+491729973186", "+491729980752", "+491749091317", "+491749464308"}

// britishMobiles are from the range that Ofcom keeps free for drama.
var britishMobiles = []string{"+447700900123", "+447700900456", "+447700900789", "+447700900321"}

// homes are places in many zones. Some states lie in two: with a ZIP code the zone is
// known, without one both are candidates.
var homes = []home{
	us("demo", "NY", "New York", "10001", "212"), us("demo", "MA", "Boston", "02108", "617"),
	us("demo", "FL", "Miami", "33101", "305"), us("demo", "FL", "Pensacola", "32501", "850"),
	us("demo", "TN", "Knoxville", "37902", "865"), us("demo", "TN", "Memphis", "38103", "901"),
	us("demo", "TN", "", "", "615"), us("demo", "KY", "Louisville", "40202", "502"),
	us("demo", "IN", "Indianapolis", "46204", "317"), us("demo", "IN", "Gary", "46402", "219"),
	us("demo", "TX", "Houston", "77002", "713"), us("demo", "TX", "El Paso", "79901", "915"),
	us("demo", "IL", "Chicago", "60601", "312"), us("demo", "CO", "Denver", "80202", "303"),
	us("demo", "ID", "Boise", "83702", "208"), us("demo", "AZ", "Phoenix", "85003", "602"),
	us("demo", "CA", "Los Angeles", "90012", "213"), us("demo", "WA", "Seattle", "98101", "206"),
	us("demo", "OR", "", "", "541"), us("demo", "AK", "Anchorage", "99501", "907"),
	us("demo", "HI", "Honolulu", "96813", "808"), us("demo", "ND", "Bismarck", "58501", "701"),
	us("demo-agency", "NY", "Buffalo", "14202", "716"), us("demo-agency", "OH", "Columbus", "43215", "614"),
	us("demo-agency", "MI", "Detroit", "48226", "313"), us("demo-agency", "GA", "Atlanta", "30303", "404"),
	us("demo-agency", "NV", "Las Vegas", "89101", "702"), us("demo-agency", "SD", "Rapid City", "57701", "605"),
	de("München", "80331"), de("Berlin", "10115"), de("Hamburg", "20095"), de("Dresden", "01067"), de("Köln", "50667"),
	{creditor: "demo-de", currency: "EUR", locale: "en", country: "GB", city: "London", zip: "SW1A 1AA", street: "Example Road", mobiles: britishMobiles},
}

func us(creditor, state, city, zip, area string) home {
	return home{creditor: creditor, currency: "USD", locale: "en", country: "US", state: state, city: city, zip: zip, area: area, street: "Example Street"}
}

func de(city, zip string) home {
	return home{creditor: "demo-de", currency: "EUR", locale: "de", country: "DE", city: city, zip: zip, street: "Beispielstraße", mobiles: germanMobiles}
}

var (
	firstNames = []string{"Ada", "Ben", "Carla", "Dan", "Erika", "Femi", "Grace", "Hiro", "Ines", "Jan", "Kemal", "Lena", "Mo", "Nora", "Otto", "Pia"}
	lastNames  = []string{"Adler", "Brook", "Castillo", "Dorn", "Ellis", "Ferris", "Gruber", "Hale", "Imhof", "Jansen", "Keller", "Lindt", "Marsh", "Nowak"}
	trades     = []string{"Bakery", "Cycles", "Dental", "Electric", "Foods", "Garage", "Hotels", "Interiors", "Logistics", "Media"}
)
