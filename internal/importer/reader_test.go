package importer

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

const goodRow = "C1,R1,2024-01-02,2024-02-01,10.50,USD,Jo,jo@example.com\n"

// The ways in which a file may be written and still be read the same.
func TestSpellings(t *testing.T) {
	for why, text := range map[string]string{
		"as it should be":                  plainHeader + goodRow,
		"without a last line end":          plainHeader + strings.TrimSuffix(goodRow, "\n"),
		"with the line ends of Windows":    strings.ReplaceAll(plainHeader+goodRow, "\n", "\r\n"),
		"with the line ends of old Macs":   strings.ReplaceAll(plainHeader+goodRow, "\n", "\r"),
		"with semicolons":                  strings.ReplaceAll(plainHeader+goodRow, ",", ";"),
		"with tabs":                        strings.ReplaceAll(plainHeader+goodRow, ",", "\t"),
		"with pipes":                       strings.ReplaceAll(plainHeader+goodRow, ",", "|"),
		"with a byte order mark":           "\xef\xbb\xbf" + plainHeader + goodRow,
		"with Excel's hint":                "sep=;\n" + strings.ReplaceAll(plainHeader+goodRow, ",", ";"),
		"with blank lines":                 "\n\n" + plainHeader + "\n  \n" + goodRow + "\n,,,,,,,\n",
		"with a delimiter at each end":     strings.ReplaceAll(plainHeader+goodRow, "\n", ",\n"),
		"with spaces around":               " account , no ,issued,due,amount,cur,name,email\n C1 , R1 ,2024-01-02, 2024-02-01 , 10.50 ,USD, Jo , jo@example.com \n",
		"with headers in other case":       strings.ToUpper(plainHeader) + goodRow,
		"with every cell in quotes":        plainHeader + `"C1","R1","2024-01-02","2024-02-01","10.50","USD","Jo","jo@example.com"` + "\n",
		"with a delimiter inside quotes":   plainHeader + `C1,R1,2024-01-02,2024-02-01,"10.50",USD,"Jo" ,jo@example.com` + "\n",
		"with columns in another order":    "email,name,cur,amount,due,issued,no,account\njo@example.com,Jo,USD,10.50,2024-02-01,2024-01-02,R1,C1\n",
		"with a column nobody knows":       "x," + plainHeader + "\xff\x00," + goodRow, // what nothing reads may be anything
		"with a currency sign":             strings.Replace(plainHeader+goodRow, "10.50", "$10.50", 1),
		"with a no-break space in a date":  strings.Replace(plainHeader+goodRow, "2024-01-02", "\u00a02024-01-02", 1),
		"with a no-break space in a price": strings.Replace(plainHeader+goodRow, "10.50", "10.50\u00a0USD", 1),
	} {
		rec := one(t, text, plain())
		it := rec.Record.Item
		if len(rec.Problems) > 0 || rec.Record.Account != "C1" || it.Key != "R1" || it.Amount.String() != "10.50 USD" ||
			it.Issued.String() != "2024-01-02" || it.Due.String() != "2024-02-01" || rec.Record.Debtor.Name != "Jo" || len(rec.Record.Debtor.Points) != 1 {
			t.Errorf("%s: got %+v, problems %v", why, rec.Record, rec.Problems)
		}
	}
}

// The same text in every encoding, found out or said, is the same text.
func TestEncodings(t *testing.T) {
	const name = "Müller & Söhne €" // € differs between the two single-byte encodings
	text := plainHeader + strings.Replace(goodRow, "Jo,", name+",", 1)
	latin := strings.ReplaceAll(text, "€", "")
	for _, c := range []struct {
		why, setting, text string
		enc                encoding.Encoding
	}{
		{"UTF-8 found out", "auto", text, unicode.UTF8},
		{"UTF-8 with a mark", "auto", text, unicode.UTF8BOM},
		{"UTF-8 with a mark, said", "utf-8", text, unicode.UTF8BOM},
		{"UTF-16 little endian with a mark", "auto", text, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
		{"UTF-16 big endian with a mark", "", text, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
		{"UTF-16 little endian without a mark", "auto", text, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"UTF-16 big endian without a mark", "auto", text, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
		{"UTF-16 said, without a mark", "utf-16", text, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"windows-1252 found out", "auto", text, charmap.Windows1252},
		{"windows-1252 said", "windows-1252", text, charmap.Windows1252},
		{"iso-8859-15 said", "iso-8859-15", text, charmap.ISO8859_15},
		{"latin without the euro, found out", "auto", latin, charmap.ISO8859_15},
	} {
		encoded, err := c.enc.NewEncoder().String(c.text)
		if err != nil {
			t.Fatal(err)
		}
		m := plain()
		m.File.Encoding = c.setting
		row := one(t, encoded, m)
		want := name
		if c.text == latin {
			want = "Müller & Söhne"
		}
		if len(row.Problems) > 0 || row.Record.Debtor.Name != want {
			t.Errorf("%s: name %q, problems %v", c.why, row.Record.Debtor.Name, row.Problems)
		}
	}
}

// A bad row is refused with its place and the way to mend it; the rows around it stay.
func TestRowProblems(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(goodRow, old, with, 1) }
	for _, c := range []struct{ why, row, want string }{
		{"no key", replace("C1", ""), `row 3, column "account": the account is empty`},
		{"no number", replace("R1", " "), `column "no": the item is empty`},
		{"no amount", replace("10.50", ""), `column "amount": the amount is empty`},
		{"no due date", replace("2024-02-01", ""), `column "due": the due date is empty`},
		{"a date of another spelling", replace("2024-01-02", "02.01.2024"), `"02.01.2024" is no date written YYYY-MM-DD; correct it, or add its pattern to file.dates`},
		{"a day that does not exist", replace("2024-02-01", "2024-02-30"), `column "due": "2024-02-30" is no date`},
		{"a word for a number", replace("10.50", "ten"), `"ten" is not a number`},
		{"a decimal comma that nobody set", strings.Replace(goodRow, "10.50", `"10,50"`, 1), `does not fit file.decimal "."`},
		{"too many decimals", replace("10.50", "10.505"), "is no amount in USD"},
		{"an exponent", replace("10.50", "1e3"), "is not a number"},
		{"an amount beyond all bounds", replace("10.50", "99999999999999999999"), "is no amount in USD"},
		{"nothing to collect", replace("10.50", "0.00"), "an item of 0"},
		{"a credit note", replace("10.50", "-3"), "negative: credit"},
		{"an unknown currency", replace("USD", "XUS"), `column "cur": "XUS" is no ISO 4217 currency`},
		{"no currency", replace("USD", ""), "the currency is empty"},
		{"too few columns", "C1,R1\n", "has 2 columns where the header has 8"},
		{"too many columns", strings.TrimSuffix(goodRow, "\n") + ",x,y\n", "has 10 columns where the header has 8"},
		{"a NUL byte", replace("Jo", "J\x00o"), `column "name": the cell holds a NUL byte`},
		{"bytes that are no UTF-8", replace("Jo", "J\xfco"), "is not valid UTF-8; save the file as UTF-8, or set file.encoding"},
		{"a huge cell", replace("Jo", strings.Repeat("x", 70_000)), "longer than 64 KiB"},
		{"a key that is a text", replace("R1", strings.Repeat("x", 300)), "longer than 200 characters; is this the right column?"},
		{"text after a quote", replace("Jo", `"Jo" x`), "text after a closing quote"},
		{"a quote that is never closed", replace("Jo", `"Jo`), "quote that is never closed"},
		{"an endless line", replace("Jo", strings.Repeat("x", maxLine+1)), "longer than 1 MiB"},
	} {
		m := plain()
		m.File.Encoding = "utf-8"
		second := strings.Replace(goodRow, "R1", "R0", 1)
		last := strings.Replace(goodRow, "R1", "R2", 1)
		rows, err := readAll(t, plainHeader+second+c.row+last, m)
		if err != nil || len(rows) != 3 {
			t.Errorf("%s: %d rows, error %v; want 3 rows", c.why, len(rows), err)
			continue
		}
		if got := problemsOf(rows[1]); !strings.Contains(got, c.want) || !strings.HasPrefix(got, "row 3") {
			t.Errorf("%s: problem %q, want row 3 and %q", c.why, got, c.want)
		}
		if len(rows[0].Problems)+len(rows[2].Problems) > 0 || rows[2].Record.Item.Key != "R2" {
			t.Errorf("%s: the rows around must stay good: %q %q", c.why, problemsOf(rows[0]), problemsOf(rows[2]))
		}
	}
}

// A stray quote damages its own line, also when a later quote seems to close it.
func TestStrayQuote(t *testing.T) {
	text := plainHeader +
		"C1,R1,2024-01-02,2024-02-01,1,USD,\"Jo,\n" + // opens a quote
		"C1,R2,2024-01-02,2024-02-01,2,USD,Ed,\n" +
		"C1,R3,2024-01-02,2024-02-01,3,USD,\"Al, Inc\",\n" + // a good quote that would close the stray one
		"C1,R4,2024-01-02,2024-02-01,4,USD,\"two\nlines\",\n" +
		"C1,R5,2024-01-02,2024-02-01,5,USD,Ed,\n"
	rows, err := readAll(t, text, plain())
	if err != nil {
		t.Fatal(err)
	}
	var good, bad []string
	for _, r := range rows {
		if len(r.Problems) > 0 {
			bad = append(bad, problemsOf(r))
		} else {
			good = append(good, r.Record.Item.Key)
		}
	}
	if strings.Join(good, " ") != "R2 R3 R4 R5" || len(bad) != 1 || !strings.HasPrefix(bad[0], "row 2:") {
		t.Errorf("good %v, bad %v; want R2 to R5 and row 2 refused", good, bad)
	}
	if last := rows[len(rows)-1]; last.Number != 6 || last.Line != 7 {
		t.Errorf("the last row is row %d, line %d; want row 6 as a spreadsheet counts, line 7 as an editor does", last.Number, last.Line)
	}
}

// What is wrong with a whole file is said once, and how to mend it.
func TestFileErrors(t *testing.T) {
	latin := plain()
	latin.File.Encoding = "utf-8"
	headless := plain()
	headless.File.SkipLines = 5
	zoneless := plain()
	zoneless.CreditorZone = ""
	broken := plain()
	broken.Kind = "x"
	for _, c := range []struct {
		why, text string
		m         mapping.Mapping
		want      string
	}{
		{"an empty file", "", plain(), "is empty"},
		{"only blank lines", "\n\n \n", plain(), "is empty"},
		{"only a mark", "\xef\xbb\xbf", plain(), "is empty"},
		{"a file that is shorter than its preface", "a\nb\n", headless, "file.skip_lines"},
		{"a column is missing", strings.Replace(plainHeader, "amount", "ammount", 1), plain(), `no column "amount" (did you mean "ammount"?)`},
		{"all missing columns are named", "x,y\n", plain(), `"account", "name", "email", "no", "issued", "due", "amount", "cur", which the mapping "plain" needs`},
		{"UTF-16 where UTF-8 was said", "\xff\xfea\x00", latin, "set file.encoding of the mapping to auto or utf-16"},
		{"a header with a broken quote", "\"account,no\n", plain(), "line 1: the header row has a quote that is never closed"},
		{"a header with a NUL byte", "acc\x00ount,no\n", plain(), "NUL byte"},
		{"no zone", plainHeader, zoneless, "creditor_zone"},
		{"a mapping that is not valid", plainHeader, broken, "the mapping is not valid: kind"},
	} {
		_, err := readAll(t, c.text, c.m)
		var fault *FileError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.why, err, c.want)
		}
	}
	rows, err := readAll(t, plainHeader, plain())
	if err != nil || len(rows) != 0 {
		t.Errorf("a header alone is a file without rows, got %v %v", rows, err)
	}
}

// What a mapping may say about a file, each setting with a file that needs it.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*mapping.Mapping)
		text   string
		want   string // fields of the record
	}{
		{"decimal comma and points between thousands", func(m *mapping.Mapping) {
			m.File.Decimal, m.File.Thousands, m.File.Dates = ",", ".", []string{"DD.MM.YYYY"}
		}, "account;no;issued;due;amount;cur;name;email\nC1;R1;02.01.2024;01.02.2024;1.234,50 €;EUR;;\n", "C1/EUR R1 1234.50 EUR 2024-02-01"},
		{"a preface", func(m *mapping.Mapping) { m.File.SkipLines = 2 }, "Report;of\n\"today\n" + plainHeader + goodRow, "C1 R1 10.50 USD 2024-02-01"},
		{"no header", func(m *mapping.Mapping) {
			m.File.Headerless = true
			m.Columns = mapping.Fields{Account: "#2", Item: "#1", Issued: "#3", Due: "#3", Amount: "#5"}
			m.Constants.Currency = "USD"
		}, "R9,C9,2024-01-02,x,7\n", "C9 R9 7.00 USD 2024-01-02"},
		{
			"a header twice", func(m *mapping.Mapping) { m.Columns.Due = "issued#2" },
			"account,no,issued,issued,amount,cur,name,email\nC1,R1,2024-01-02,2024-03-04,5,USD,,\n", "C1 R1 5.00 USD 2024-03-04",
		},
		{
			"single quotes", func(m *mapping.Mapping) { m.File.Quote = "'" },
			plainHeader + "C1,R1,2024-01-02,2024-02-01,'1',USD,'O''Neil, \"Jo\"',\n", "C1 R1 1.00 USD 2024-02-01",
		},
		{
			"no quotes at all", func(m *mapping.Mapping) { m.File.Quote = "none" },
			plainHeader + "C1,R1,2024-01-02,2024-02-01,1,USD,5\" pipe,\n", "C1 R1 1.00 USD 2024-02-01",
		},
		{"words for nothing", func(m *mapping.Mapping) {
			m.File.Empty = []string{"NULL"}
			m.Constants.Currency = "CAD"
		}, plainHeader + "C1,R1,2024-01-02,2024-02-01,1,null,NULL,NULL\n", "C1 R1 1.00 CAD 2024-02-01"},
		{"a term instead of a due date", func(m *mapping.Mapping) {
			m.Columns.Due = ""
			m.Due = &mapping.Due{FirstOf: []string{"due", "issued"}, Days: 30}
		}, plainHeader + "C1,R1,2024-01-31,,1,USD,,\n", "C1 R1 1.00 USD 2024-03-01"},
		{"amounts in several columns", func(m *mapping.Mapping) {
			m.Columns.Amount = ""
			m.Sums = map[mapping.Field][]string{"amount": {"amount", "name"}}
			m.Columns.Name = ""
		}, plainHeader + "C1,R1,2024-01-02,2024-02-01,1.10,USD,2.20,\n", "C1 R1 3.30 USD 2024-02-01"},
		{"cleaning and translating", func(m *mapping.Mapping) {
			m.Transforms = map[mapping.Field][]mapping.Transform{"account": {mapping.StripZeros}, "item": {mapping.StripFloat}}
			m.Values = map[mapping.Field]map[string]string{"currency": {"Dollar": "USD"}}
		}, plainHeader + "007,5.0,2024-01-02,2024-02-01,1,Dollar,,\n", "7 5 1.00 USD 2024-02-01"},
		{"a lower-case currency", func(*mapping.Mapping) {}, plainHeader + "C1,R1,2024-01-02,2024-02-01,1,usd,,\n", "C1 R1 1.00 USD 2024-02-01"},
		{"due before issue", func(*mapping.Mapping) {}, plainHeader + "C1,R1,2024-03-02,2024-02-01,1,USD,,\n", "C1 R1 1.00 USD 2024-02-01"},
		{"a credit note", func(m *mapping.Mapping) { m.Negative = mapping.Credit }, plainHeader + "C1,R1,2024-03-02,2024-02-01,(1.00),USD,,\n", "C1 R1 -1.00 USD 2024-02-01"},
	} {
		m := plain()
		m.Constants.Currency = "USD" // the creditor's own, for want of a creditor
		c.change(&m)
		row := one(t, c.text, m)
		it := row.Record.Item
		got := strings.Join([]string{row.Record.Account, it.Key, it.Amount.String(), it.Due.String()}, " ")
		if len(row.Problems) > 0 || got != c.want {
			t.Errorf("%s: got %q, want %q; problems %v", c.why, got, c.want, row.Problems)
		}
	}
}

// A column of an optional field may be missing; the field is then empty, or constant.
func TestOptional(t *testing.T) {
	m := plain()
	m.Optional = []mapping.Field{"*"}
	m.Constants.Name = "Nobody"
	row := one(t, "account,no,issued,due,amount,cur\nC1,R1,2024-01-02,2024-02-01,1,USD\n", m)
	if len(row.Problems) > 0 || row.Record.Debtor.Name != "Nobody" || len(row.Record.Debtor.Points) != 0 {
		t.Errorf("got %+v, problems %v", row.Record, row.Problems)
	}
	if _, err := readAll(t, "account,no,issued,due,amount\n", m); err == nil || !strings.Contains(err.Error(), `no column "cur"`) {
		t.Errorf("what a row needs must be there: %v", err)
	}
}

// A filter skips rows without judging them.
func TestWhere(t *testing.T) {
	m := plain()
	m.Where = []mapping.Filter{{Column: "cur", Not: []string{"", "Total"}}, {Column: "name", Is: []string{"", "open"}}}
	rows, err := readAll(t, plainHeader+"C1,R1,2024-01-02,2024-02-01,1,USD,open,\n,,,,99,Total,,\nC1,R2,bad,bad,bad,USD,closed,\n", m)
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	if rows[0].Skipped || !rows[1].Skipped || !rows[2].Skipped || len(rows[2].Problems) > 0 {
		t.Errorf("want the first row kept, the others skipped without problems: %+v", rows)
	}
}

// A contact point that is no good is left out with a warning; the debt is kept.
// Nothing personal stands in a message.
func TestPoints(t *testing.T) {
	m := plain()
	m.Columns = mapping.Fields{
		Account: "account", Item: "no", Issued: "issued", Due: "due", Amount: "amount", Currency: "cur", Name: "name",
		Email: "email", Phone: "phone", Country: "country", Address: "street", City: "city", Zip: "zip", State: "state", Zone: "zone", DebtorKind: "kind",
	}
	header := "account,no,issued,due,amount,cur,name,email,phone,country,street,city,zip,state,zone,kind\n"
	start := "C1,R1,2024-01-02,2024-02-01,1,USD,Jo,"
	for _, c := range []struct{ why, cells, points, problem, warning string }{
		{
			"everything", "jo@example.com,+1 212-555-0123,US,1 Main St|Apt 2,Boston,02110,MA,America/New_York,consumer",
			"email=jo@example.com sms=+12125550123 call=+12125550123 letter=1 Main St\nApt 2\nBoston MA 02110", "", "",
		},
		{"a national number with its country", ",030 901820,DE,Weg 1,Berlin,10115,,,", "call=+4930901820 letter=Weg 1\n10115 Berlin", "", ""},
		{"a national number without a country", ",0171 1234567,,,,,,,", "", "", "the number is not valid and was left out"},
		{"a broken address", "jo(at)example.com,,,,,,,,", "", "", "the address is not valid and was left out"},
		{"a name in the address", "Jo <jo@example.com>,,,,,,,,", "", "", "the address is not valid and was left out"},
		{"a country that is none", ",,391,,,,,,", "", "", `"391" is no ISO 3166-1 alpha-2 code`},
		{"a zone that is none", ",,,,,,,New York,", "", `"New York" is no IANA time zone`, ""},
		{"a kind that is none", ",,,,,,,,person", "", `"person" is neither consumer nor business`, ""},
		{"a town without a street", ",,US,,Boston,02110,MA,,", "", "", ""},
	} {
		row := one(t, header+start+c.cells+"\n", m)
		var points []string
		for _, p := range row.Record.Debtor.Points {
			points = append(points, string(p.Channel)+"="+p.Value)
		}
		var warnings string
		for _, w := range row.Warnings {
			warnings += w.Error()
		}
		if got := strings.Join(points, " "); c.problem == "" && got != c.points {
			t.Errorf("%s: points %q, want %q", c.why, got, c.points)
		}
		if got := problemsOf(row); (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
			t.Errorf("%s: problems %q, want %q", c.why, got, c.problem)
		}
		if (warnings == "") != (c.warning == "") || !strings.Contains(warnings, c.warning) {
			t.Errorf("%s: warnings %q, want %q", c.why, warnings, c.warning)
		}
		if all := problemsOf(row) + warnings; strings.Contains(all, "example.com") || strings.Contains(all, "0171") {
			t.Errorf("%s: personal data in %q", c.why, all)
		}
	}
}

// The id of a point is the same in every file, another for another value or
// debtor, and does not show the value.
func TestPointIDs(t *testing.T) {
	id := func(row string) dunning.Fact {
		return dunning.Fact{Source: one(t, plainHeader+row, plain()).Record.Debtor.Points[0].ID}
	}
	a := id("C1,R1,2024-01-02,2024-02-01,1,USD,Jo,jo@example.com\n").Source
	b := id("C1,R7,2023-01-02,2023-02-01,9,USD,Joe,JO@example.com\n").Source
	c := id("C2,R1,2024-01-02,2024-02-01,1,USD,Jo,jo@example.com\n").Source
	if a != b || a == c || strings.Contains(a, "jo") && strings.Contains(a, "@") {
		t.Errorf("ids %s %s %s: want the first two equal, the third another", a, b, c)
	}
}

// Amounts are read as the mapping says and never guessed.
func TestAmounts(t *testing.T) {
	for _, c := range []struct{ decimal, thousands, text, want string }{
		{".", "", "1234.5", "1234.50"},
		{".", ",", "1,234.50", "1234.50"},
		{".", ",", "1234.50", "1234.50"},
		{".", ",", "1,23", ""},
		{".", ",", "12,34,567.00", "1234567.00"},
		{".", ",", ",123", ""},
		{".", ",", "1,,234", ""},
		{".", ",", "1234,567", ""},
		{".", ",", "1.234,50", ""},
		{",", ".", "1.234,50", "1234.50"},
		{",", ".", "1234,5", "1234.50"},
		{",", "", "1234.50", ""},
		{",", " ", "1 234,50", "1234.50"},
		{",", " ", "1\u202f234,50", "1234.50"},
		{".", "'", "1\u2019234.50", "1234.50"},
		{".", "", "-5", "-5.00"},
		{".", "", "5-", "-5.00"},
		{".", "", "(5)", "-5.00"},
		{".", "", "\u22125", "-5.00"},
		{".", "", "+5", "5.00"},
		{".", "", "$5", "5.00"},
		{".", "", "-$5", "-5.00"},
		{".", "", "USD 5", "5.00"},
		{".", "", "5 USD", "5.00"},
		{".", "", "€5", ""},
		{".", "", "EUR 5", ""},
		{".", "", "", ""},
		{".", "", ".", ""},
		{".", "", "5.", ""},
		{".", "", ".5", ""},
		{".", "", "1.2.3", ""},
		{".", "", "--5", ""},
		{".", "", "٣", ""},
		{".", "", "0x10", ""},
		{".", "", "1_000", ""},
	} {
		got, fault := numbers{c.decimal, c.thousands}.amount(c.text, "USD")
		if (fault == "") != (c.want != "") || fault == "" && got.Decimal() != c.want {
			t.Errorf("%q with decimal %q and thousands %q: got %v %q, want %q", c.text, c.decimal, c.thousands, got, fault, c.want)
		}
	}
	if a, fault := (numbers{".", ""}).amount("500", "JPY"); fault != "" || a.Decimal() != "500" {
		t.Errorf("yen have no decimals: %v %q", a, fault)
	}
}

// Columns that nobody mentioned are named, so that a new one is noticed.
func TestUnused(t *testing.T) {
	m := plain()
	m.Ignore = []string{"a"}
	r, err := NewReader(strings.NewReader("a,b,"+strings.TrimSpace(plainHeader)+",b\n"), m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Unused(), " "); got != "b b#2" {
		t.Errorf("unused columns %q, want b and b#2", got)
	}
}

// Candidate zones come from all evidence; a zone that the file states replaces
// them, and a number has the zones of its own.
func TestLocate(t *testing.T) {
	m := plain()
	m.Columns.Phone, m.Columns.Country, m.Columns.State, m.Columns.Zip, m.Columns.Zone = "phone", "country", "state", "zip", "zone"
	o := Options{Locate: func(country, state, zip, phone string) Located {
		z, p := "Z:"+country+state+zip+phone, "P:"+country+state+zip+phone
		return Located{Zones: []string{z}, Places: []string{p}, Evidence: map[string]string{z: "address", p: "phone"}}
	}}
	header := strings.TrimSuffix(plainHeader, "\n") + ",phone,country,state,zip,zone\n"
	for _, c := range []struct{ cells, zones, places, point string }{
		{"+12125550123,US,NY,10001,", "Z:USNY10001+12125550123", "P:USNY10001+12125550123", "Z:+12125550123"},
		{"+12125550123,US,NY,10001,America/Denver", "America/Denver", "P:USNY10001+12125550123", "Z:+12125550123"},
		{",US,NY,10001,", "Z:USNY10001", "P:USNY10001", ""},
	} {
		for row, err := range Rows(strings.NewReader(header+strings.TrimSuffix(goodRow, "\n")+","+c.cells+"\n"), m, o) {
			if err != nil || len(row.Problems) > 0 {
				t.Fatal(err, row.Problems)
			}
			d, point := row.Record.Debtor, ""
			for _, p := range d.Points {
				point = strings.Join(p.Zones, " ")
			}
			if strings.Join(d.Zones, " ") != c.zones || strings.Join(d.Places, " ") != c.places || point != c.point {
				t.Errorf("%s: zones %v, places %v, zones of the last point %q", c.cells, d.Zones, d.Places, point)
			}
			if e := d.Evidence[c.zones]; e != "address" && (c.zones != "America/Denver" || e != "stated") || d.Evidence[c.places] != "phone" {
				t.Errorf("%s: evidence %v", c.cells, d.Evidence)
			}
		}
	}
}
