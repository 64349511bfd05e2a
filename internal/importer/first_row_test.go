package importer

import (
	"strings"
	"testing"

	"github.com/duly/duly/config/mapping"
)

func nameless() mapping.Mapping {
	m := plain()
	m.Columns.Name, m.Columns.Email = "", ""
	return m
}

// A header cell may hold a line end, as spreadsheets write it where somebody broke the
// heading: the delimiter is found all the same.
func TestAHeaderThatSpansLines(t *testing.T) {
	for why, text := range map[string]string{
		"with commas":                   "account,no,issued,due,amount,cur,name,\"e\nmail\"\n" + goodRow,
		"with semicolons":               strings.ReplaceAll("account,no,issued,due,\"amount\",cur,\"na\nme\",email\n"+goodRow, ",", ";"),
		"with the first cell in quotes": strings.ReplaceAll("\"account\",no,issued,due,amount,cur,name,\"e\n-\nmail\"\n"+goodRow, ",", ";"),
	} {
		row := one(t, text, nameless())
		if len(row.Problems) > 0 || row.Record.Item.Key != "R1" || row.Record.Item.Amount.String() != "10.50 USD" {
			t.Errorf("%s: %+v, %v", why, row.Record.Item, row.Problems)
		}
	}
}

// A column that is missing is missing in the line in which the header begins.
func TestAHeaderIsNamedByItsLine(t *testing.T) {
	text := "\naccount;nu;issued;due;amount;cur;\"na\nme\";email\n" + goodRow
	want := "line 2: the file has no column \"no\""
	if _, err := readAll(t, text, nameless()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// Columns of a file without headers are counted in its first row, also when a cell of that
// spans lines or holds a single quote.
func TestHeaderlessFirstRow(t *testing.T) {
	m := plain()
	m.File.Headerless = true
	m.Columns = mapping.Fields{Account: "#1", Item: "#2", Issued: "#3", Due: "#4", Amount: "#5", Currency: "#6", Name: "#7"}
	for why, first := range map[string]string{
		"a line end in quotes": "C1,R1,2024-01-02,2024-02-01,10.50,USD,\"Jo\nSr\",x\n",
		"an inch":              "C1,R1,2024-01-02,2024-02-01,10.50,USD,5\" pipe,x\n",
	} {
		rows, err := readAll(t, first+"C1,R2,2024-01-02,2024-02-01,10.50,USD,6\" pipe,x\nC1,R3,2024-01-02,2024-02-01,10.50,USD,Jo,x\n", m)
		if err != nil || len(rows) != 3 {
			t.Errorf("%s: %d rows, %v; want 3", why, len(rows), err)
			continue
		}
		for _, r := range rows {
			if len(r.Problems) > 0 {
				t.Errorf("%s: %v", why, r.Problems)
			}
		}
	}
}

// A file in UTF-8 with a character cut in two loses that row, not every other name.
func TestOneBrokenCharacter(t *testing.T) {
	good := strings.Replace(goodRow, "Jo,", "Jörg Müller,", 1)
	bad := strings.Replace(strings.Replace(goodRow, "R1", "R2", 1), "Jo,", "J\xc3,", 1)
	rows, err := readAll(t, plainHeader+good+bad, plain())
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got := rows[0].Record.Debtor.Name; got != "Jörg Müller" {
		t.Errorf("name %q", got)
	}
	if got := problemsOf(rows[1]); !strings.Contains(got, `row 3, column "name"`) || !strings.Contains(got, "not valid UTF-8") {
		t.Errorf("problem %q", got)
	}
}

// Keys that look alike are one key: with a character that nobody sees a second invoice
// would be made of the first.
func TestInvisibleCharactersInKeys(t *testing.T) {
	for why, key := range map[string]string{"no width": "R1\u200b", "a mark in the middle": "R\ufeff1", "another direction": "\u202eR1", "a control character": "R1\u0085x", "delete": "R\x7f1"} {
		row := one(t, plainHeader+strings.Replace(goodRow, "R1", key, 1), plain())
		if got := problemsOf(row); !strings.Contains(got, `column "no": the item holds a character that nobody sees`) {
			t.Errorf("%s: problem %q", why, got)
		}
	}
}

// A payment names an account and an item that are there, perhaps since before such keys were
// refused: the debtor who has paid must not be written to because of a character.
func TestPaymentsFindKeysOfLongAgo(t *testing.T) {
	row := one(t, payHeader+"C\u200b1,R\u00ad1,2024-03-01,10.00,USD,p1,\n", paymentsMapping())
	if len(row.Problems) > 0 || row.Record.Key != "C\u200b1" || row.Record.For != "R\u00ad1" {
		t.Errorf("account %q, item %q, problems %s", row.Record.Key, row.Record.For, problemsOf(row))
	}
	row = one(t, payHeader+"C1,R1,2024-03-01,10.00,USD,p\u200b1,\n", paymentsMapping())
	if got := problemsOf(row); !strings.Contains(got, `column "ref": the reference holds a character that nobody sees`) {
		t.Errorf("problem %q", got)
	}
}
