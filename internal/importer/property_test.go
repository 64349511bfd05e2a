package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/duly/duly/dunning/money"
)

// What is written as a row is read as the same row, whatever its characters,
// delimiter and way of writing numbers and dates.
func TestReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := plain()
		m.Constants.Currency = "USD"
		delimiter := rapid.SampledFrom([]string{",", ";", "tab", "|"}).Draw(t, "delimiter")
		m.File.Delimiter = delimiter
		m.File.Decimal = rapid.SampledFrom([]string{".", ","}).Draw(t, "decimal")
		m.File.Dates = []string{rapid.SampledFrom([]string{"YYYY-MM-DD", "M/D/YYYY", "DD.MM.YYYY", "YYYYMMDD.0"}).Draw(t, "date")}
		key := rapid.StringMatching(`[A-Za-z0-9"',;|/%#=-][A-Za-z0-9"',;| /%äöß€-]{0,15}[A-Za-z0-9]`)
		text := rapid.StringMatching(`[A-Za-z0-9"',;|äß][A-Za-z0-9"',;|\n /%äöß€日-]{0,20}[A-Za-z0-9]`)
		account, item, name := key.Draw(t, "account"), key.Draw(t, "item"), text.Draw(t, "name")
		amount := money.MustParse("1", "USD").Of(rapid.Int64Range(1, 1_000_000_000_000).Draw(t, "minor"))
		issued := day(dateAt(rapid.IntRange(0, 20_000).Draw(t, "issued")))
		layout := map[string]string{"YYYY-MM-DD": "2006-01-02", "M/D/YYYY": "1/2/2006", "DD.MM.YYYY": "02.01.2006", "YYYYMMDD.0": "20060102"}[m.File.Dates[0]]
		date := issued.Format(layout)
		if m.File.Dates[0] == "YYYYMMDD.0" {
			date += ".0"
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = rune(delimiterByte(delimiter))
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		_ = w.Write(strings.Split(strings.TrimSpace(plainHeader), ","))
		_ = w.Write([]string{account, item, date, date, strings.Replace(amount.Decimal(), ".", m.File.Decimal, 1), "USD", name, ""})
		w.Flush()
		var rows []Row
		for row, err := range Rows(&b, m, Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
		if len(rows) != 1 || len(rows[0].Problems) > 0 {
			t.Fatalf("rows %+v", rows)
		}
		got := rows[0].Record
		if got.Account != account || got.Item.Key != item || got.Debtor.Name != name || got.Item.Amount != amount || day(got.Item.Issued) != issued {
			t.Fatalf("wrote %q %q %q %v %v, read %+v", account, item, name, amount, issued, got)
		}
	})
}

// However rows are shuffled, the same facts come out: the keys do not depend
// on the order of a file.
func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimPrefix(manyRows(30), plainHeader), "\n")
	lines = lines[:30]
	want := storiesOf(t, plainHeader+strings.Join(lines, ""))
	rapid.Check(t, func(rt *rapid.T) {
		shuffled := rapid.Permutation(lines).Draw(rt, "rows")
		if got := storiesOf(t, plainHeader+strings.Join(shuffled, "")); got != want {
			rt.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func storiesOf(t testing.TB, text string) string {
	ledgers, problems := ledgerText(t, text, plain(), "")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var b strings.Builder
	for _, l := range ledgers {
		b.WriteString(l.Account + "\n" + story(l) + "\n")
	}
	return b.String()
}

// Whatever a file holds: reading ends, no row is lost or invented, and the
// rows that are refused are refused again from their reject file.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		"", "\xef\xbb\xbf", plainHeader, plainHeader + goodRow, plainHeader + goodRow + "x,\"y\n" + goodRow,
		strings.ReplaceAll(plainHeader+goodRow, ",", ";"), "sep=|\n", "\xff\xfea\x00,\x00", plainHeader + "\"\"\"\n\"\"\"", plainHeader + "\r\r\n\"a\"b,c",
		plainHeader + strings.Replace(goodRow, "Jo", "\xfc\x00", 1), plainHeader + ",,,,,,,,,,\n,,,\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		good, bad, last := 0, 0, 0
		for row, err := range Rows(bytes.NewReader(data), plain(), acmeZone) {
			if err != nil {
				var fault *FileError
				if !errors.As(err, &fault) {
					t.Fatalf("reading from memory failed: %v", err)
				}
				return
			}
			if row.Number <= last || row.Line < row.Number {
				t.Fatalf("row %d on line %d follows row %d", row.Number, row.Line, last)
			}
			last = row.Number
			if len(row.Problems) > 0 {
				bad++
				continue
			}
			if rec := row.Record; rec.Account == "" || rec.Item.Key == "" || rec.Item.Amount.Minor() <= 0 || rec.Item.Due.IsZero() {
				t.Fatalf("a row was taken without what it needs: %+v", rec)
			}
			good++
		}
		checkRejects(t, data, good, bad)
	})
}

var acmeZone = Options{Creditor: Creditor{ID: "acme", Currency: "USD"}}

// checkRejects imports the file and its reject file. Repetitions of rows are
// judged by the stage, so the counts are bounds.
func checkRejects(t *testing.T, data []byte, good, bad int) {
	path := write(t, "f.csv", string(data))
	s, err := Run(context.Background(), Job{File: path, Mapping: plain(), Options: acmeZone, Rejects: path + ".r"})
	if err != nil {
		t.Fatalf("rows could be read, but Run says %v", err)
	}
	if s.Rejected < bad || s.Valid > good || s.Valid+s.Rejected+s.Repeated != s.Rows {
		t.Fatalf("%s; want at least %d rejected and at most %d valid", counts(s), bad, good)
	}
	if s.Rejected == 0 {
		return
	}
	again, err := Run(context.Background(), Job{File: path + ".r", Mapping: plain(), Options: acmeZone})
	if err != nil {
		t.Fatalf("the reject file cannot be read: %v\n%q", err, read(t, path+".r"))
	}
	if again.Rows == 0 {
		t.Fatalf("%d rows were rejected and none is in the reject file", s.Rejected)
	}
}

// BenchmarkRows is reading alone: bytes to records.
func BenchmarkRows(b *testing.B) {
	text := []byte(manyRows(10_000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for row, err := range Rows(bytes.NewReader(text), plain(), acmeZone) {
			if err != nil || len(row.Problems) > 0 {
				b.Fatal(err, row.Problems)
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRun is both passes, with and without a sink in memory.
func BenchmarkRun(b *testing.B) {
	path := write(b, "items.csv", manyRows(10_000))
	for _, c := range []struct {
		name string
		sink func() Sink
	}{{"dry", func() Sink { return nil }}, {"memory", func() Sink { return &Memory{} }}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := Run(context.Background(), Job{File: path, Mapping: plain(), Options: acmeZone, Sink: c.sink(), At: importedAt})
				if err != nil || s.Valid != 10_000 {
					b.Fatal(err, s.Valid)
				}
			}
			b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// reading of a file that fails in the middle is an error, not an end.
func TestReadingFails(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(plainHeader+goodRow), failing{})
	_, _, err := Ledger(Input{broken, plain()}, nil, Options{})
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v, want the reader's", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrClosed }
