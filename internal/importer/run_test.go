package importer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

var acme = Options{Creditor: Creditor{ID: "acme", Currency: "USD"}}

func importFile(t testing.TB, path string, m mapping.Mapping, sink Sink) Summary {
	t.Helper()
	s, err := Run(context.Background(), Job{File: path, Mapping: m, Options: acme, Sink: sink, Rejects: path + ".rejects.csv", At: importedAt, Batch: 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func counts(s Summary) string {
	return fmt.Sprintf("rows %d skipped %d repeated %d valid %d added %d updated %d known %d rejected %d", s.Rows, s.Skipped, s.Repeated, s.Valid, s.Added, s.Updated, s.Known, s.Rejected)
}

func manyRows(n int) string {
	var b strings.Builder
	b.WriteString(plainHeader)
	for i := range n {
		fmt.Fprintf(&b, "C%d,R%d,2024-01-%02d,2024-02-01,%d.00,USD,Name %d,c%d@example.com\n", i%7, i, i%28+1, i+1, i%7, i%7)
	}
	return b.String()
}

// The same file twice changes nothing; a longer one adds what is new.
func TestRunTwice(t *testing.T) {
	sink := &Memory{}
	path := write(t, "items.csv", manyRows(20))
	if got := counts(importFile(t, path, plain(), sink)); got != "rows 20 skipped 0 repeated 0 valid 20 added 20 updated 0 known 0 rejected 0" {
		t.Errorf("first: %s", got)
	}
	before := sink.Facts()
	if got := counts(importFile(t, path, plain(), sink)); got != "rows 20 skipped 0 repeated 0 valid 20 added 0 updated 0 known 20 rejected 0" {
		t.Errorf("again: %s", got)
	}
	if !reflect.DeepEqual(before, sink.Facts()) {
		t.Error("the second import changed facts")
	}
	more := importFile(t, write(t, "more.csv", manyRows(25)), plain(), sink)
	if more.Added != 5 || more.Known != 20 {
		t.Errorf("a longer file: %s", counts(more))
	}
	moved := strings.Replace(manyRows(20), "c3@example.com", "new3@example.com", 1)
	if s := importFile(t, write(t, "moved.csv", moved), plain(), sink); s.Updated != 1 || s.Known != 19 {
		t.Errorf("another address of one customer: %s", counts(s))
	}
	if _, err := os.Stat(path + ".rejects.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Error("without rejects there must be no reject file")
	}
}

// What Run stores is what Ledger tells: the simulator and the real system import alike.
func TestRunEqualsLedger(t *testing.T) {
	items, pays := manyRows(40), payHeader+"C1,R1,2024-03-01,1.00,USD,,\nC1,R1,2024-03-01,1.00,USD,,\nC2,,2024-01-01,5.00,USD,X,\n"
	sink := &Memory{}
	importFile(t, write(t, "items.csv", items), plain(), sink)
	importFile(t, write(t, "pay.csv", pays), paymentsMapping(), sink)
	ledgers, problems, err := Ledger(Input{strings.NewReader(items), plain()}, []Input{{strings.NewReader(pays), paymentsMapping()}}, acme)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	want, got := map[string]dunning.Fact{}, map[string]dunning.Fact{}
	for _, l := range ledgers {
		for _, f := range l.Facts {
			want[l.Debtor.Key+lineOf(f)] = f
		}
	}
	for _, f := range sink.Facts() {
		got[lineOf(f)] = f
	}
	for key, f := range want {
		if !reflect.DeepEqual(got[lineOf(f)].Body, f.Body) || got[lineOf(f)].Account != f.Account {
			t.Errorf("%s: the ledger has %+v, the store %+v", key, f, got[lineOf(f)])
		}
	}
	if len(sink.Facts()) != len(want) {
		t.Errorf("the store has %d facts, the ledger %d", len(sink.Facts()), len(want))
	}
}

// Bad rows go to the reject file, good ones in; mended, the reject file is
// imported with the same mapping and the result is as if nothing had been wrong.
func TestRejectFile(t *testing.T) {
	bad := strings.Replace(manyRows(9), "C2,R2,2024-01-03", "C2,R2,3.1.2024", 1)
	bad = strings.Replace(bad, "5.00,USD", "5.00,XXL", 1)
	bad = strings.Replace(bad, "Name 6", `"Name 6`, 1)
	sink := &Memory{}
	path := write(t, "items.csv", bad)
	first := importFile(t, path, plain(), sink)
	if first.Added != 6 || first.Rejected != 3 || first.Rejects != path+".rejects.csv" {
		t.Fatalf("first: %s %+v", counts(first), first.Problems)
	}
	rejects := read(t, first.Rejects)
	want := `account,no,issued,due,amount,cur,name,email,duly_row,"duly_reason"
C2,R2,3.1.2024,2024-02-01,3.00,USD,Name 2,c2@example.com,4,"issued: ""3.1.2024"" is no date written YYYY-MM-DD; correct it, or add its pattern to file.dates of the mapping"
C4,R4,2024-01-05,2024-02-01,5.00,XXL,Name 4,c4@example.com,6,"cur: ""XXL"" is no ISO 4217 currency, such as USD"
C6,R6,2024-01-07,2024-02-01,7.00,USD,"Name 6,c6@example.com,8,"the row has a quote that is never closed; add the closing quote, or double a quote that belongs to the text"
`
	if rejects != want {
		t.Errorf("reject file:\n%s\nwant:\n%s", rejects, want)
	}
	again := write(t, "again.csv", rejects)
	if s := importFile(t, again, plain(), sink); s.Rejected != 3 || s.Added != 0 {
		t.Errorf("the reject file unmended: %s", counts(s))
	}
	second := read(t, again+".rejects.csv")
	if strings.Count(second, rejectReason) != 1 || strings.Contains(strings.Split(second, "\n")[1], ",4,") {
		t.Errorf("a reject file of a reject file has its columns once, with its own rows:\n%s", second)
	}
	mended := strings.NewReplacer("3.1.2024,", "2024-01-03,", "XXL,", "USD,", `"Name 6`, "Name 6").Replace(rejects)
	if s := importFile(t, write(t, "mended.csv", mended), plain(), sink); s.Rejected != 0 || s.Added != 3 {
		t.Errorf("mended: %s %v", counts(s), s.Problems)
	}
	all := &Memory{}
	importFile(t, write(t, "all.csv", manyRows(9)), plain(), all)
	if a, b := sink.Facts(), all.Facts(); len(a) != len(b) {
		t.Errorf("%d facts after mending, %d when nothing was wrong", len(a), len(b))
	}
	if s := importFile(t, write(t, "x.csv", manyRows(9)), plain(), sink); s.Known != 9 {
		t.Errorf("everything must be known now: %s", counts(s))
	}
}

// A reject file is written in the encoding, delimiter and shape of its file.
func TestRejectFileEncodings(t *testing.T) {
	text := strings.ReplaceAll(plainHeader+"Kürzel,R1,bad,2024-02-01,1,USD,Müller €,\n", ",", ";")
	for _, c := range []struct {
		why    string
		encode func(string) (string, error)
		change func(*mapping.Mapping)
	}{
		{"windows-1252", charmap.Windows1252.NewEncoder().String, func(*mapping.Mapping) {}},
		{"iso-8859-15", charmap.ISO8859_15.NewEncoder().String, func(m *mapping.Mapping) { m.File.Encoding = "iso-8859-15" }},
		{"UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String, func(*mapping.Mapping) {}},
		{"UTF-16 big endian", unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String, func(*mapping.Mapping) {}},
		{"UTF-8 with a mark", unicode.UTF8BOM.NewEncoder().String, func(*mapping.Mapping) {}},
		{"no quotes", func(s string) (string, error) { return s, nil }, func(m *mapping.Mapping) { m.File.Quote = "none" }},
	} {
		m := plain()
		m.Constants.Currency = "USD"
		c.change(&m)
		encoded, err := c.encode(text)
		if err != nil {
			t.Fatal(err)
		}
		path := write(t, "items.csv", encoded)
		if s := importFile(t, path, m, &Memory{}); s.Rejected != 1 {
			t.Fatalf("%s: %s", c.why, counts(s))
		}
		f := open(t, path+".rejects.csv")
		var rows []Row
		for row, err := range Rows(f, m, acme) {
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			rows = append(rows, row)
		}
		if len(rows) != 1 || rows[0].Record.Debtor.Name != "Müller €" || rows[0].Record.Account != "Kürzel" || len(rows[0].Problems) != 1 {
			t.Errorf("%s: the reject file reads as %+v", c.why, rows)
		}
	}
}

// A dry run says everything and stores nothing.
func TestDryRun(t *testing.T) {
	path := write(t, "items.csv", manyRows(8)+"C1,R1,2024-01-02,2024-02-01,9,USD,,\n"+"bad\n")
	s, err := Run(context.Background(), Job{File: path, Mapping: plain(), Options: acme, Rejects: path + ".rejects.csv", At: importedAt})
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(s); !s.DryRun || got != "rows 10 skipped 0 repeated 0 valid 8 added 0 updated 0 known 0 rejected 2" {
		t.Errorf("dry run: %s", got)
	}
	if s.Accounts != 7 || s.Sums["USD"].Decimal() != "36.00" || len(s.Problems) != 2 || s.Rejects == "" {
		t.Errorf("accounts %d, sums %v, problems %v", s.Accounts, s.Sums, s.Problems)
	}
}

// An import that broke off goes on where it was and ends like an undisturbed
// one, its reject file included, wherever it broke.
func TestResume(t *testing.T) {
	text := strings.Replace(manyRows(30), "6.00,USD", "six,USD", 1) +
		"C0,R0,2024-01-01,2024-02-01,1.00,USD,Name 0,c0@example.com\n" + // repeated
		"C0,R100,2024-01-01,2024-02-01,1.00,USD,Name 0,c0@example.com\n"
	conflict := func(sink *Memory) { // an item that is known with another amount: the store refuses the row
		importFile(t, write(t, "old.csv", plainHeader+"C1,R1,2024-01-02,2024-02-01,999,USD,Name 1,c1@example.com\n"), plain(), sink)
	}
	undisturbed := &Memory{}
	conflict(undisturbed)
	whole := write(t, "items.csv", text)
	want := importFile(t, whole, plain(), undisturbed)
	if want.Rejected != 2 || want.Added != 29 {
		t.Fatalf("undisturbed: %s", counts(want))
	}
	wantRejects := read(t, whole+".rejects.csv")
	for after := 1; after <= 30; after++ {
		sink := &Memory{}
		conflict(sink)
		path := write(t, "items.csv", text)
		sink.FailAfter = after + sink.stored
		_, err := Run(context.Background(), Job{File: path, Mapping: plain(), Options: acme, Sink: sink, Rejects: path + ".rejects.csv", At: importedAt, Batch: 3})
		if after < 29 && !errors.Is(err, errStoreFailed) {
			t.Fatalf("after %d rows: error %v, want the store's", after, err)
		}
		if entries, _ := filepath.Glob(path + "*"); err != nil && len(entries) != 1 {
			t.Errorf("after %d rows: the failed import left %v", after, entries)
		}
		sink.FailAfter = 0
		got := importFile(t, path, plain(), sink)
		if err != nil && (counts(got) != counts(want) || got.Resumed == 0 && after > 3) {
			t.Errorf("after %d rows: %s (resumed after row %d), want %s", after, counts(got), got.Resumed, counts(want))
		}
		if read(t, path+".rejects.csv") != wantRejects {
			t.Errorf("after %d rows: reject file\n%s\nwant\n%s", after, read(t, path+".rejects.csv"), wantRejects)
		}
		if !reflect.DeepEqual(sink.Facts(), undisturbed.Facts()) {
			t.Errorf("after %d rows: the facts differ from those of an undisturbed import", after)
		}
	}
}

// changing is a sink that writes to the file while it is imported.
type changing struct {
	Memory
	path string
}

func (c *changing) Begin(ctx context.Context, run RunInfo) (Checkpoint, error) {
	if err := os.WriteFile(c.path, []byte(manyRows(3)), 0o600); err != nil {
		return Checkpoint{}, err
	}
	return c.Memory.Begin(ctx, run)
}

// Whole files that are refused store nothing and leave nothing behind.
func TestRunRefuses(t *testing.T) {
	ctx := context.Background()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	items := write(t, "items.csv", manyRows(5000))
	small := write(t, "small.csv", manyRows(5))
	growing := write(t, "growing.csv", manyRows(5000))
	for _, c := range []struct {
		why  string
		ctx  context.Context
		job  Job
		want string
	}{
		{"a file that is not there", ctx, Job{File: filepath.Join(t.TempDir(), "none.csv"), Mapping: plain(), Options: acme}, "none.csv: cannot be read: no such file"},
		{"a directory", ctx, Job{File: filepath.Dir(items), Mapping: plain(), Options: acme}, "is a directory"},
		{"the wrong mapping", ctx, Job{File: items, Mapping: paymentsMapping(), Options: acme}, `no column "date"`},
		{"an unknown creditor", ctx, Job{File: small, Mapping: plain(), Sink: &Memory{}}, "the creditor is not known"},
		{"rejects over the file itself", ctx, Job{File: small, Mapping: plain(), Options: acme, Rejects: small}, "would replace the file itself"},
		{"rejects into nowhere", ctx, Job{File: write(t, "bad.csv", plainHeader+"x\n"), Mapping: plain(), Options: acme, Rejects: filepath.Join(t.TempDir(), "no", "r.csv")}, "no such file"},
		{"someone stops it", cancelled, Job{File: items, Mapping: plain(), Options: acme, Sink: &Memory{}}, "context canceled"},
		{"the file changes", ctx, Job{File: growing, Mapping: plain(), Options: acme, Sink: &changing{path: growing}}, "changed while it was read"},
	} {
		_, err := Run(c.ctx, c.job)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), filepath.Dir(items)) {
			t.Errorf("%s: error %v, want %q and no directory", c.why, err, c.want)
		}
		if m, ok := c.job.Sink.(*Memory); ok && len(m.Facts()) > 0 {
			t.Errorf("%s: %d facts stored", c.why, len(m.Facts()))
		}
	}
}

// A payment needs its account; imported afterwards, the reject file goes in.
func TestPaymentsBeforeItems(t *testing.T) {
	sink := &Memory{}
	pays := write(t, "pay.csv", payHeader+"C1,R1,2024-03-01,1.00,USD,P1,\n")
	s := importFile(t, pays, paymentsMapping(), sink)
	if s.Rejected != 1 || !strings.Contains(s.Problems[0].Message, "no such account") {
		t.Fatalf("%s %v", counts(s), s.Problems)
	}
	importFile(t, write(t, "items.csv", manyRows(3)), plain(), sink)
	if s := importFile(t, s.Rejects, paymentsMapping(), sink); s.Added != 1 || s.Rejected != 0 {
		t.Errorf("the reject file afterwards: %s %v", counts(s), s.Problems)
	}
	if s := importFile(t, pays, paymentsMapping(), sink); s.Known != 1 {
		t.Errorf("the original afterwards: %s", counts(s))
	}
	if _, err := os.Stat(pays + ".rejects.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Error("a reject file of an earlier import must go once nothing is refused")
	}
}

// Progress reaches the whole file in both phases.
func TestProgress(t *testing.T) {
	path := write(t, "items.csv", manyRows(2500))
	last := map[string]Progress{}
	_, err := Run(context.Background(), Job{File: path, Mapping: plain(), Options: acme, Sink: &Memory{}, Progress: func(p Progress) { last[p.Phase] = p }})
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"check", "store"} {
		if p := last[phase]; p.Rows != 2500 || p.Bytes != p.Total || p.Total == 0 {
			t.Errorf("%s ended at %+v", phase, p)
		}
	}
}

// The IBM ledger goes through Run with no rejects and exact sums.
func TestRunIBM(t *testing.T) {
	sink := &Memory{}
	s, err := Run(context.Background(), Job{File: shared(t, ibmFile), Mapping: shipped(t, "ibm-ar"), Options: acme, Sink: sink, At: importedAt})
	if err != nil {
		t.Fatal(err)
	}
	if s.Added != 2466 || s.Rejected != 0 || s.Warned != 0 || s.Accounts != 100 || s.Sums["USD"].Decimal() != "147703.18" || len(s.Unused) > 0 {
		t.Errorf("%s, accounts %d, sums %v, unused %v", counts(s), s.Accounts, s.Sums, s.Unused)
	}
}

// An account stays its debtor's: a row that says otherwise is refused.
func TestOtherDebtor(t *testing.T) {
	m := plain()
	m.Columns.Debtor = "debtor"
	header := strings.TrimSuffix(plainHeader, "\n") + ",debtor\n"
	sink := &Memory{}
	importFile(t, write(t, "a.csv", header+"C1,R1,2024-01-02,2024-02-01,1,USD,,,D1\n"), m, sink)
	s := importFile(t, write(t, "b.csv", header+"C1,R2,2024-01-02,2024-02-01,1,USD,,,D2\n"), m, sink)
	if s.Rejected != 1 || s.Problems[0].Message != RefusedOtherDebtor {
		t.Errorf("%s %v", counts(s), s.Problems)
	}
	pay := importFile(t, write(t, "p.csv", payHeader+"C1,R1,2024-03-01,1,USD,,\n"), paymentsMapping(), sink)
	if pay.Added != 1 {
		t.Errorf("a payment names the account only, not the debtor: %s %v", counts(pay), pay.Problems)
	}
}
