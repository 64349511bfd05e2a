package mapping

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// good is a small valid mapping that tests damage.
func good() Mapping {
	return Mapping{
		Mapping: "m", Kind: Items, CreditorZone: "UTC",
		Columns: Fields{Account: "Customer", Item: "No", Issued: "Date", Due: "Due", Amount: "Open", Currency: "Cur"},
	}
}

// Every fault of a mapping is found, at its place, with words that help.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		why    string
		damage func(*Mapping)
		path   string
		words  string
	}{
		{"an id is a word", func(m *Mapping) { m.Mapping = "My Files" }, "mapping", "lower case"},
		{"a kind is known", func(m *Mapping) { m.Kind = "item" }, "kind", `did you mean "items"`},
		{"a zone exists", func(m *Mapping) { m.CreditorZone = "Europe/Berln" }, "creditor_zone", "no IANA"},
		{"the machine's zone is nobody's zone", func(m *Mapping) { m.CreditorZone = "Local" }, "creditor_zone", "no IANA"},
		{"an encoding is known", func(m *Mapping) { m.File.Encoding = "latin-1" }, "file.encoding", "windows-1252"},
		{"a delimiter is known", func(m *Mapping) { m.File.Delimiter = "#" }, "file.delimiter", "tab"},
		{"a quote is known", func(m *Mapping) { m.File.Quote = "`" }, "file.quote", "none"},
		{"the decimal mark is a point or comma", func(m *Mapping) { m.File.Decimal = "·" }, "file.decimal", "is not one of"},
		{"two marks cannot be the same", func(m *Mapping) { m.File.Thousands = "." }, "file.thousands", "must differ"},
		{"two marks cannot be the same, decimal comma", func(m *Mapping) { m.File.Decimal, m.File.Thousands = ",", "," }, "file.thousands", "must differ"},
		{"lines to skip are not negative", func(m *Mapping) { m.File.SkipLines = -1 }, "file.skip_lines", "0 to 1000"},
		{"a date has a day", func(m *Mapping) { m.File.Dates = []string{"YYYY-MM"} }, "file.dates[0]", "day once each"},
		{"a date pattern has known tokens", func(m *Mapping) { m.File.Dates = []string{"yyyy-mm-dd"} }, "file.dates[0]", "no token"},
		{"3/4 cannot be March and April at once", func(m *Mapping) { m.File.Dates = []string{"M/D/YYYY", "D/M/YYYY"} }, "file.dates[1]", "cannot be told"},
		{"a year of two digits looks like a day", func(m *Mapping) { m.File.Dates = []string{"DD.MM.YY", "YY.MM.DD"} }, "file.dates[1]", "cannot be told"},
		{"also without anything between", func(m *Mapping) { m.File.Dates = []string{"YYMMDD", "DDMMYY"} }, "file.dates[1]", "cannot be told"},
		{"03.04 either", func(m *Mapping) { m.File.Dates = []string{"DD.MM.YYYY", "M.D.YYYY"} }, "file.dates[1]", "cannot be told"},
		{"an item needs an amount", func(m *Mapping) { m.Columns.Amount = "" }, "columns", "amount"},
		{"an item needs a due date", func(m *Mapping) { m.Columns.Due = "" }, "columns", "due"},
		{"a payment needs a date", func(m *Mapping) { m.Kind = Payments; m.Columns = Fields{Account: "a", Amount: "b", Currency: "c"} }, "columns", "paid"},
		{"payments have no due date", func(m *Mapping) { m.Kind = Payments; m.Columns.Paid = "p" }, "columns.due", "belongs to items"},
		{"items have no reversal", func(m *Mapping) { m.Columns.Reverses = "r" }, "columns.reverses", "belongs to payments"},
		{"headerless files have numbers", func(m *Mapping) { m.File.Headerless = true }, "columns.account", "#1"},
		{"what is optional is a field", func(m *Mapping) { m.Optional = []Field{"*", "phones"} }, "optional[1]", `did you mean "phone"`},
		{"what every row needs is not optional", func(m *Mapping) { m.Optional = []Field{"amount"} }, "optional[0]", "every row needs"},
		{"a paid amount needs a date", func(m *Mapping) { m.Columns.PaidAmount = "p" }, "columns.paid_amount", "paid"},
		{"a correction needs an amount", func(m *Mapping) { m.Columns.CorrectedOn = "p" }, "columns.corrected_on", "corrected_amount"},
		{"a currency exists", func(m *Mapping) { m.Constants.Currency = "US$" }, "constants.currency", "ISO 4217"},
		{"a debtor is a consumer or a business", func(m *Mapping) { m.Constants.DebtorKind = "company" }, "constants.debtor_kind", "consumer, business"},
		{"a country has two letters", func(m *Mapping) { m.Constants.Country = "USA" }, "constants.country", "alpha-2"},
		{"a debtor's zone exists", func(m *Mapping) { m.Constants.Zone = "EST5" }, "constants.zone", "no IANA"},
		{"an amount is no constant", func(m *Mapping) { m.Constants.Amount = "5" }, "constants.amount", "every row"},
		{"constant and template exclude one another", func(m *Mapping) { m.Constants.Name, m.Templates.Name = "x", "{{account}}" }, "templates.name", "keep one"},
		{"a template is closed", func(m *Mapping) { m.Templates.Email = "{{account@x" }, "templates.email", "without }}"},
		{"a template names a field", func(m *Mapping) { m.Templates.Email = "{{acount}}@x" }, "templates.email", `did you mean "account"`},
		{"a template names a field that is filled", func(m *Mapping) { m.Templates.Email = "{{name}}@x" }, "templates.email", "no column and no constant"},
		{"a template has known transforms", func(m *Mapping) { m.Templates.Email = "{{account|slugg}}@x" }, "templates.email", `did you mean "slug"`},
		{"a date is no template", func(m *Mapping) { m.Columns.Due = ""; m.Templates.Due = "{{account}}" }, "templates.due", "cannot come"},
		{"only amounts are sums", func(m *Mapping) { m.Sums = map[Field][]string{"item": {"a"}} }, "sums.item", "only amount"},
		{"a sum excludes a column", func(m *Mapping) { m.Sums = map[Field][]string{"amount": {"a"}} }, "sums.amount", "keep one"},
		{"a sum has columns", func(m *Mapping) { m.Columns.Amount = ""; m.Sums = map[Field][]string{"amount": {""}} }, "sums.amount", "must name"},
		{"due is read or derived", func(m *Mapping) { m.Due = &Due{FirstOf: []string{"a"}} }, "due", "keep one"},
		{"due is derived from something", func(m *Mapping) { m.Columns.Due = ""; m.Due = &Due{} }, "due.first_of", "must name"},
		{"a term is at most ten years", func(m *Mapping) { m.Columns.Due = ""; m.Due = &Due{FirstOf: []string{"a"}, Days: 9999} }, "due.days", "3660"},
		{"transforms are of fields", func(m *Mapping) { m.Transforms = map[Field][]Transform{"acount": {Trim}} }, "transforms.acount", `did you mean "account"`},
		{"transforms are known", func(m *Mapping) { m.Transforms = map[Field][]Transform{"account": {"strip_zeroes"}} }, "transforms.account[0]", `did you mean "strip_zeros"`},
		{"values are of fields", func(m *Mapping) { m.Values = map[Field]map[string]string{"kind": {}} }, "values.kind", "no field"},
		{"a column is used or ignored", func(m *Mapping) { m.Ignore = []string{"x", "Due"} }, "ignore[1]", "not both"},
		{"a filter names a column", func(m *Mapping) { m.Where = []Filter{{Is: []string{"1"}}} }, "where[0].column", "must name"},
		{"a filter says is or not", func(m *Mapping) { m.Where = []Filter{{Column: "x"}} }, "where[0]", "either"},
		{"a filter does not say both", func(m *Mapping) { m.Where = []Filter{{Column: "x", Is: []string{"1"}, Not: []string{"2"}}} }, "where[0]", "either"},
		{"negative is a word", func(m *Mapping) { m.Negative = "credits" }, "negative", `did you mean "credit"`},
		{"post_at is a time", func(m *Mapping) { m.PostAt = "noon" }, "post_at", "HH:MM"},
		{"post_at is a time of one day", func(m *Mapping) { m.PostAt = "24:00" }, "post_at", "HH:MM"},
		{"a disputed column needs a meaning", func(m *Mapping) { m.Columns.Disputed = "D" }, "disputes", "what it means"},
		{"disputes need a column", func(m *Mapping) { m.Disputes = &Disputes{} }, "disputes", "no column"},
		{"a flag needs its values", func(m *Mapping) { m.Columns.Disputed = "D"; m.Disputes = &Disputes{} }, "disputes.when", "mean yes"},
		{"a dispute is raised on a known date", func(m *Mapping) {
			m.Columns.Disputed, m.Disputes = "D", &Disputes{When: []string{"Y"}, Raised: "paid"}
		}, "disputes.raised", "issued, due"},
		{"a dispute ends with a known outcome", func(m *Mapping) {
			m.Columns.Disputed, m.Disputes = "D", &Disputes{When: []string{"Y"}, Outcome: "lost"}
		}, "disputes.outcome", "rejected"},
	} {
		m := good()
		c.damage(&m)
		faults := m.Validate()
		found := slices.ContainsFunc(faults, func(f Fault) bool { return f.Path == c.path && strings.Contains(f.Message, c.words) })
		if !found {
			t.Errorf("%s: want a fault at %s with %q, got %v", c.why, c.path, c.words, faults)
		}
	}
	if faults := good().Validate(); len(faults) != 0 {
		t.Errorf("the undamaged mapping must be valid: %v", faults)
	}
}

// Dates are read exactly as the pattern says, and only real days.
func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, text, want string // want "" = refused
	}{
		{"M/D/YYYY", "1/2/2013", "2013-01-02 00:00:00"},
		{"M/D/YYYY", "12/31/2013", "2013-12-31 00:00:00"},
		{"M/D/YYYY", "13/1/2013", ""},
		{"M/D/YYYY", "1/2/13", ""},
		{"D/M/YYYY", "31/1/2013", "2013-01-31 00:00:00"},
		{"YYYY-MM-DD", "2012-02-29", "2012-02-29 00:00:00"},
		{"YYYY-MM-DD", "2013-02-29", ""},
		{"YYYY-MM-DD", "2013-2-3", ""},
		{"YYYY-MM-DD", "2013-02-03x", ""},
		{"YYYY-MM-DD", "", ""},
		{"YYYY-MM-DD", "0213-02-03", ""},
		{"YYYY-MM-DD", "9999-12-31", ""},
		{"YYYYMMDD", "20190405", "2019-04-05 00:00:00"},
		{"YYYYMMDD", "20190405.0", ""},
		{"YYYYMMDD.0", "20190405.0", "2019-04-05 00:00:00"},
		{"YYYYMMDD.0", "20190405.5", ""},
		{"YYYYMMDD.0", "20190405", ""},
		{"YYYY-MM-DD HH:MM:SS", "2019-04-05 17:30:09", "2019-04-05 17:30:09"},
		{"YYYY-MM-DD HH:MM:SS", "2019-04-05 24:00:00", ""},
		{"YYYY-MM-DD HH:MM:SS", "2019-04-05 17:30", ""},
		{"YYYY-MM-DDTHH:MM", "2019-04-05T17:30", "2019-04-05 17:30:00"},
		{"DD.MM.YYYY", "05.04.2019", "2019-04-05 00:00:00"},
		{"DD.MM.YY", "05.04.69", "2069-04-05 00:00:00"},
		{"DD.MM.YY", "05.04.70", "1970-04-05 00:00:00"},
		{"DD.MM.YY", "05.04.21", "2021-04-05 00:00:00"},
		{"D MMM YYYY", "5 Mar 2021", "2021-03-05 00:00:00"},
		{"D. MMM YYYY", "5. Mär 2021", "2021-03-05 00:00:00"},
		{"D MMM YYYY", "5 Okt. 2021", "2021-10-05 00:00:00"},
		{"D MMM YYYY", "5 XXX 2021", ""},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Parse(c.text)
		if ok != (c.want != "") || ok && got.Format(time.DateTime) != c.want {
			t.Errorf("%q as %s: got %v %v, want %q", c.text, c.pattern, got, ok, c.want)
		}
	}
}

// Transforms change what they are for and leave the rest alone.
func TestTransforms(t *testing.T) {
	for _, c := range []struct {
		with     Transform
		in, want string
	}{
		{StripZeros, "0200769623", "200769623"},
		{StripZeros, "000", "0"},
		{StripZeros, "007A", "007A"},
		{StripZeros, "", ""},
		{StripFloat, "1929003413.0", "1929003413"},
		{StripFloat, "1.00", "1"},
		{StripFloat, "1.5", "1.5"},
		{StripFloat, "A.0", "A.0"},
		{StripFloat, ".0", ".0"},
		{Collapse, " WEGMAN   co ", "WEGMAN co"},
		{Upper, "usd", "USD"},
		{Lower, "ABC", "abc"},
		{Digits, "+1 (555) 010", "1555010"},
		{Slug, "0379-NEVHP", "0379-nevhp"},
		{Slug, "C&S WH.", "c-s-wh"},
		{Trim, " x ", "x"},
	} {
		if got := c.with.Apply(c.in); got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.with, c.in, got, c.want)
		}
	}
}

// A template fills its places; with one of them empty it gives nothing.
func TestTemplate(t *testing.T) {
	value := func(f Field) string { return map[Field]string{"account": "A 1", "name": ""}[f] }
	for _, c := range [][2]string{
		{"{{account|slug}}@example.invalid", "a-1@example.invalid"},
		{"{{ account }}/{{account|lower}}", "A 1/a 1"},
		{"x{{name}}", ""},
		{"plain", "plain"},
		{"", ""},
	} {
		tmpl, err := ParseTemplate(c[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := tmpl.Execute(value); got != c[1] {
			t.Errorf("%q gives %q, want %q", c[0], got, c[1])
		}
	}
}

// A misspelt word finds what was meant, and a strange one finds nothing.
func TestNearest(t *testing.T) {
	columns := []string{"InvoiceAmount", "DueDate", "customer_id"}
	for _, c := range [][2]string{
		{"InvoiceAmmount", "InvoiceAmount"}, {"due date", "DueDate"}, {"CustomerID", "customer_id"}, {"DeuDate", "DueDate"}, {"Telephone", ""}, {"", ""},
	} {
		if got := Nearest(c[0], columns); got != c[1] {
			t.Errorf("nearest to %q is %q, want %q", c[0], got, c[1])
		}
	}
}

// Everything that Duly ships is valid and named like its file.
func TestShipped(t *testing.T) {
	files, err := filepath.Glob("../mappings/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("shipped mappings: %v %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if m.Mapping+".yaml" != filepath.Base(file) {
			t.Errorf("%s holds the mapping %q", file, m.Mapping)
		}
	}
}

// Unknown keys, wrong types and empty files are refused.
func TestParseRefuses(t *testing.T) {
	for why, text := range map[string]string{
		"an unknown key":      "mapping: m\nkind: items\ncolums: {}\n",
		"an unknown field":    "mapping: m\nkind: items\ncolumns: {acount: x}\n",
		"a list for a word":   "mapping: [m]\n",
		"nothing":             "",
		"a missing key field": "mapping: m\nkind: payments\ncolumns: {paid: d, amount: a, currency: c}\n",
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s must be refused", why)
		}
	}
}

// Get and Set agree with the names, whatever the field.
func TestFields(t *testing.T) {
	m := good()
	if got := m.Columns.Set(); !slices.Equal(got, []Field{"account", "item", "issued", "due", "amount", "currency"}) {
		t.Errorf("fields that are set: %v", got)
	}
	if m.Columns.Get("due") != "Due" || m.Columns.Get("email") != "" || m.Columns.Get("nonsense") != "" {
		t.Error("Get must return the text of a field, and nothing for others")
	}
	if len(FieldNames()) < 30 || slices.Contains(FieldNames(), "") {
		t.Errorf("every field needs a name: %v", FieldNames())
	}
}

// Optional columns may be missing, unless something else reads them too.
func TestNeeds(t *testing.T) {
	m := good()
	m.Columns.Name, m.Columns.Email, m.Columns.Phone = "Name", "Mail", "Tel"
	if got := strings.Join(m.Needs(), " "); got != "Customer Name Mail Tel No Date Due Open Cur" {
		t.Errorf("without optional fields every column is needed: %s", got)
	}
	m.Optional = []Field{"email"}
	if got := strings.Join(m.Needs(), " "); got != "Customer Name Tel No Date Due Open Cur" {
		t.Errorf("email optional: %s", got)
	}
	m.Optional = []Field{"*"}
	m.Where = []Filter{{Column: "Tel", Not: []string{""}}}
	if got := strings.Join(m.Needs(), " "); got != "Customer No Date Due Open Cur Tel" {
		t.Errorf("all optional, one column filtered by: %s", got)
	}
	m.Constants.Currency, m.Optional = "USD", []Field{"currency"}
	if faults := m.Validate(); len(faults) != 0 || slices.Contains(m.Needs(), "Cur") {
		t.Errorf("a constant can stand in for a needed column: %v %v", faults, m.Needs())
	}
}

// Whatever a mapping file holds: it is refused with faults that have a place
// and words, or it is valid and its patterns and templates compile.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../mappings/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no shipped mappings to begin with")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("mapping: m\nkind: items\nfile: {dates: [YYYY-MM-DD, YYYY-DD-MM]}\ncolumns: {account: '', item: x}\nsums: {amount: []}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		for _, fault := range m.Validate() {
			if fault.Path == "" || fault.Message == "" {
				t.Fatalf("a fault without place or words: %+v", fault)
			}
		}
		if err != nil {
			return
		}
		if _, err := m.File.Patterns(); err != nil {
			t.Fatalf("valid, but: %v", err)
		}
		for _, field := range m.Templates.Set() {
			if _, err := ParseTemplate(m.Templates.Get(field)); err != nil {
				t.Fatalf("valid, but: %v", err)
			}
		}
		if len(m.Needs()) > len(m.Used()) {
			t.Fatal("a file cannot need more columns than are used")
		}
	})
}
