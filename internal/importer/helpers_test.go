package importer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

// plain maps the headers that most tests use.
func plain() mapping.Mapping {
	return mapping.Mapping{
		Mapping: "plain", Kind: mapping.Items, Creditor: "acme", CreditorZone: "America/New_York",
		Columns: mapping.Fields{Account: "account", Item: "no", Issued: "issued", Due: "due", Amount: "amount", Currency: "cur", Name: "name", Email: "email"},
		Ignore:  []string{"*"},
	}
}

const plainHeader = "account,no,issued,due,amount,cur,name,email\n"

func paymentsMapping() mapping.Mapping {
	return mapping.Mapping{
		Mapping: "pay", Kind: mapping.Payments, Creditor: "acme", CreditorZone: "America/New_York",
		File:    mapping.File{Dates: []string{"YYYY-MM-DD", "YYYY-MM-DD HH:MM:SS"}},
		Columns: mapping.Fields{Account: "account", Item: "no", Paid: "date", Amount: "amount", Currency: "cur", Reference: "ref", Reverses: "reverses"},
	}
}

const payHeader = "account,no,date,amount,cur,ref,reverses\n"

func readAll(t testing.TB, text string, m mapping.Mapping) ([]Row, error) {
	t.Helper()
	var rows []Row
	for row, err := range Rows(strings.NewReader(text), m, Options{}) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// one reads a file of a single row.
func one(t testing.TB, text string, m mapping.Mapping) Row {
	t.Helper()
	rows, err := readAll(t, text, m)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows %v, error %v; want one row of %q", rows, err, text)
	}
	return rows[0]
}

func problemsOf(row Row) string {
	var out []string
	for _, p := range row.Problems {
		out = append(out, p.Error())
	}
	return strings.Join(out, "\n")
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lineOf writes a fact as "2024-01-02T12:00 payment SOURCE" in UTC.
func lineOf(f dunning.Fact) string {
	return f.At.UTC().Format("2006-01-02T15:04") + " " + string(f.Body.Kind()) + " " + f.Source
}

var importedAt = time.Date(2024, 6, 1, 9, 0, 0, 0, time.UTC)

// dateAt counts days from 1971-01-01.
func dateAt(days int) dunning.Date {
	return dunning.DateOf(time.Date(1971, 1, 1+days, 0, 0, 0, 0, time.UTC))
}
