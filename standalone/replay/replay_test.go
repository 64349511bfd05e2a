package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/standalone/rehearse"
)

const ledger = `account,name,kind,email,country,invoice,issued,due,amount,currency
A1,One,business,one@example.invalid,US,1,2026-01-05,2026-01-20,100.00,USD
A1,One,business,one@example.invalid,US,2,2026-01-07,2026-02-20,50.00,USD
A2,Two,business,two@example.invalid,US,3,2026-01-09,2026-02-09,70.00,USD
`

const payments = `account,invoice,date,amount,currency,reference
A1,1,2026-01-25,100.00,USD,r1
A2,3,2026-03-01,70.00,USD,r2
`

func file(t *testing.T, name, text string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func options(t *testing.T) Options {
	return Options{
		Config: config.DefaultFiles(), Items: file(t, "items.csv", ledger), Mapping: "items", Payments: file(t, "payments.csv", payments),
		PaymentsMapping: "payments", Sequence: "business-standard",
	}
}

// The ledger's facts become rows at their own instants: what is known of a debtor with the
// first invoice, everything else one by one.
func TestRead(t *testing.T) {
	r, err := Read(options(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Accounts) != 2 || len(r.Problems) != 0 {
		t.Fatalf("%d accounts, problems %v", len(r.Accounts), r.Problems)
	}
	rows := r.rows(r.Accounts[0])
	var at []string
	for _, row := range rows {
		if row.Kind != rehearse.Facts {
			t.Errorf("row %s is of kind %s", row.Key, row.Kind)
		}
		at = append(at, row.At.UTC().Format("01-02 15:04"))
	}
	if got, want := strings.Join(at, ", "), "01-05 00:00, 01-07 00:00, 01-25 12:00"; got != want {
		t.Errorf("rows at %s, want %s", got, want)
	}
	if !strings.Contains(string(rows[0].Body), "debtor_known") || !strings.Contains(string(rows[0].Body), `"kind":"item"`) {
		t.Errorf("first row: %s", rows[0].Body)
	}
	if want := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC); !r.Until.Equal(want) {
		t.Errorf("until %s, want a year after the last fact, %s", r.Until, want)
	}
}

// The published configuration has the one sequence, for everybody, and the creditor that
// the simulator makes up; it loads without a fault.
func TestConfiguration(t *testing.T) {
	for _, c := range []struct {
		why      string
		change   func(*Options)
		policies bool
	}{
		{"with policies", func(*Options) {}, true},
		{"without", func(o *Options) { o.NoPolicies = true }, false},
		{"a sequence from a file", func(o *Options) {
			o.Sequence = file(t, "mine.yaml", "sequence: mine\ntitle: Mine\napplies_when: >-\n  debtor.kind == \"consumer\" &&\n  balance > money(\"1.00\")\nsteps:\n  - {id: a, at: +1d, send: [{email: friendly-reminder}]}\n")
		}, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := options(t)
			c.change(&o)
			r, err := Read(o)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(r.Files)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(cfg.Sequences()); n != 1 || cfg.Sequences()[0].AppliesWhen != nil {
				t.Errorf("%d sequences, the first applies when %v; want one for everybody", n, cfg.Sequences()[0].AppliesWhen)
			}
			if cr, ok := cfg.Creditor(plainCreditor); !ok || cr.Stale != 0 || cr.Role != "first_party" || cr.Ambiguity != "strict" {
				t.Errorf("creditor %+v, %v", cr, ok)
			}
			if got := len(cfg.PolicySpecs()) > 0; got != c.policies {
				t.Errorf("policies: %v, want %v", got, c.policies)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*Options)
		want   string
	}{
		{"no such file", func(o *Options) { o.Items = "nowhere.csv" }, "nowhere.csv"},
		{"no such mapping", func(o *Options) { o.Mapping = "nothing" }, "no such mapping"},
		{"a mapping for payments", func(o *Options) { o.Mapping = "payments" }, "not of items"},
		{"no such sequence", func(o *Options) { o.Sequence = "nothing" }, "no such sequence"},
		{"no row that can be played", func(o *Options) { o.Items = file(t, "e.csv", strings.SplitAfter(ledger, "\n")[0]) }, ""},
		{"a day that does not exist", func(o *Options) { o.Until = "2026-02-30" }, "--until"},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := options(t)
			c.change(&o)
			if _, err := Read(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("err = %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestUntilEndsTheScript(t *testing.T) {
	o := options(t)
	o.Until = "2026-01-08"
	r, err := Read(o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.rows(r.Accounts[0])); n != 2 {
		t.Errorf("%d rows, want the two before the end", n)
	}
	if want := dunning.StartOfDay(dunning.Date{Year: 2026, Month: 1, Day: 8}, r.Accounts[0].Zone); !r.Until.Equal(want) {
		t.Errorf("until %s, want %s", r.Until, want)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		why, a, b string
		n         int
		first     string
	}{
		{"equal", "x\ny\n", "x\ny\n", 0, ""},
		{"the order within an instant does not matter", "x\ny\n", "y\nx\n", 0, ""},
		{"one is missing", "x\n", "x\ny\n", 1, "b only: y\n"},
		{"one is there twice", "x\nx\n", "x\n", 1, "a only: x\n"},
		{"other values", "x\n", "y\n", 2, "b only: y\na only: x\n"},
	} {
		t.Run(c.why, func(t *testing.T) {
			var w strings.Builder
			if n := Compare(&w, Timeline{"a", c.a}, Timeline{"b", c.b}, 10); n != c.n || w.String() != c.first {
				t.Errorf("%d differences %q, want %d %q", n, &w, c.n, c.first)
			}
		})
	}
}

func TestUndated(t *testing.T) {
	text := `{"at":"2026-03-02T08:00:00-05:00","account":"A","kind":"contact","reason":null,"not_before":null}
{"at":"2026-03-02T08:00:00-05:00","account":"A","kind":"deferred","reason":null,"not_before":"2026-03-03T08:00:00-05:00"}
`
	if got, want := Undated(text), `{"account":"A","kind":"contact","reason":null}`+"\n"; got != want {
		t.Errorf("Undated = %q, want %q", got, want)
	}
}
