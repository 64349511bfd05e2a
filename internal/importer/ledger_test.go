package importer

import (
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

func ledgerText(t testing.TB, items string, m mapping.Mapping, payments string) ([]AccountLedger, []Problem) {
	t.Helper()
	var pays []Input
	if payments != "" {
		pays = append(pays, Input{strings.NewReader(payHeader + payments), paymentsMapping()})
	}
	out, problems, err := Ledger(Input{strings.NewReader(items), m}, pays, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out, problems
}

func story(l AccountLedger) string {
	var lines []string
	for _, f := range l.Facts {
		lines = append(lines, lineOf(f))
	}
	return strings.Join(lines, "\n")
}

// A ledger is told in time order, in the creditor's zone: days begin at 00:00
// there, money without a time arrives at 12:00, through a change of the clocks too.
func TestLedgerOrder(t *testing.T) {
	m := plain()
	m.Columns.Email = ""
	ledgers, problems := ledgerText(t, plainHeader+
		"C1,R2,2024-03-11,2024-04-10,20,USD,Jo,\n"+
		"C1,R1,2024-03-09,2024-04-09,10,USD,Jo,\n", m,
		"C1,R1,2024-03-11,4,USD,P1,\nC1,,2024-03-09,5,USD,,\nC1,,2024-03-09 08:30:00,6,USD,P2,\nC1,,2024-03-12,,USD,,P1\n")
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "the amount is empty") {
		t.Fatalf("want the row without an amount refused: %v", problems)
	}
	if len(ledgers) != 1 {
		t.Fatal(ledgers)
	}
	got := story(ledgers[0])
	lines := strings.Split(got, "\n")
	for i, want := range []string{
		"2024-03-09T05:00 debtor_known debtor/", // eastern standard time
		"2024-03-09T05:00 item C1/R1",
		"2024-03-09T13:30 payment C1/ref/P2",
		"2024-03-09T17:00 payment C1/paid/",
		"2024-03-11T04:00 item C1/R2", // daylight saving time since the 10th
		"2024-03-11T16:00 payment C1/ref/P1",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d of\n%s\nmust begin with %q", i, got, want)
		}
	}
}

// One customer with two currencies has two accounts, each with its own money.
func TestLedgerCurrencies(t *testing.T) {
	items := plainHeader + "C1,R1,2024-01-02,2024-02-01,1,USD,Jo,jo@example.com\nC1,R2,2024-01-03,2024-02-01,2,CAD,Jo,jo@example.com\nC2,R3,2024-01-03,2024-02-01,3,CAD,Ed,\n"
	names := func(ls []AccountLedger) string {
		var out []string
		for _, l := range ls {
			out = append(out, l.Account+"="+l.Currency)
			if first := l.Facts[0].Body.Kind(); first != "debtor_known" {
				t.Errorf("account %s begins with %s: each account must know its debtor", l.Account, first)
			}
		}
		return strings.Join(out, " ")
	}
	unknown, _ := ledgerText(t, items, plain(), "")
	if got := names(unknown); got != "C1/CAD=CAD C1/USD=USD C2=CAD" {
		t.Errorf("without a usual currency: %s", got)
	}
	m := plain()
	m.Constants.Currency = "USD"
	home, problems := ledgerText(t, items, m, "")
	if got := names(home); got != "C1=USD C1/CAD=CAD C2/CAD=CAD" || len(problems) > 0 {
		t.Errorf("with USD as the usual currency: %s, %v", got, problems)
	}
	if a, b := home[0].Facts[0], home[1].Facts[0]; !a.At.Equal(b.At) || a.Source != b.Source {
		t.Error("the debtor is one, known since its earliest item of all accounts")
	}
}

// Rows that say the same twice count once; rows that contradict are refused.
func TestRepetition(t *testing.T) {
	row := "C1,R1,2024-01-02,2024-02-01,1,USD,Jo,\n"
	ledgers, problems := ledgerText(t, plainHeader+row+row+strings.Replace(row, ",1,", ",2,", 1)+"C2,R1,2024-01-02,2024-02-01,1,USD,Ed,\n", plain(),
		"C1,R1,2024-03-01,1,USD,P1,\nC1,R1,2024-03-01,1,USD,P1,\nC1,R1,2024-03-01,2,USD,P1,\n"+ // a reference is one payment
			"C1,R1,2024-03-01,1,USD,,\nC1,R1,2024-03-01,1,USD,,\n"+ // two alike without a reference are two
			"C9,R1,2024-03-01,1,USD,,\n")
	var items, payments int
	for _, f := range ledgers[0].Facts {
		switch f.Body.(type) {
		case dunning.Item:
			items++
		case dunning.Payment:
			payments++
		}
	}
	if len(ledgers) != 2 || items != 1 || payments != 3 {
		t.Errorf("accounts %d, items %d, payments %d; want 2, 1 and 3:\n%s", len(ledgers), items, payments, story(ledgers[0]))
	}
	var messages []string
	for _, p := range problems {
		messages = append(messages, p.Error())
	}
	want := []string{
		`row 4: the item "R1" of this account is in row 2 too, with other values; keep the right row`,
		`row 4: the payment "P1" of this account is in row 2 too, with other values; keep the right row`,
		`row 7: there is no account "C9"; import its items first, or correct the account or the currency`,
	}
	if !slices.Equal(messages, want) {
		t.Errorf("problems %q, want %q", messages, want)
	}
}

// Disputes, corrections, credit notes and part payments of an items file.
func TestItemStories(t *testing.T) {
	base := plain()
	base.Columns = mapping.Fields{
		Account: "account", Item: "no", Issued: "issued", Due: "due", Amount: "amount", Currency: "cur",
		Paid: "paid", PaidAmount: "sum", Disputed: "flag", DisputedOn: "on", DisputeEnded: "ended", CorrectedOn: "corr", CorrectedAmount: "new",
	}
	base.Disputes = &mapping.Disputes{When: []string{"Yes"}, Raised: "due", Days: 1}
	base.Negative = mapping.Credit
	base.Constants.DebtorKind = "business"
	header := "account,no,issued,due,amount,cur,paid,sum,flag,on,ended,corr,new\n"
	for _, c := range []struct{ why, row, want, problem string }{
		{
			"paid before the dispute would begin: no dispute", "10,USD,2024-02-01,,Yes,,,,",
			"2024-01-02T05:00 item A/1|2024-02-01T17:00 payment A/1/paid", "",
		},
		{
			"paid at the very instant: no dispute", "10,USD,2024-02-02,,Yes,,,,",
			"2024-01-02T05:00 item A/1|2024-02-02T17:00 payment A/1/paid", "",
		},
		{
			"paid later: the payment ends the dispute", "10,USD,2024-02-03,,Yes,,,,",
			"2024-01-02T05:00 item A/1|2024-02-02T17:00 dispute_raised A/1/dispute|2024-02-03T17:00 payment A/1/paid|2024-02-03T17:00 dispute_resolved A/1/dispute/end", "",
		},
		{
			"never paid: the dispute stays", "10,USD,,,yes,,,,",
			"2024-01-02T05:00 item A/1|2024-02-02T17:00 dispute_raised A/1/dispute", "",
		},
		{
			"paid in part: the dispute stays", "10,USD,2024-02-03,4,Yes,,,,",
			"2024-01-02T05:00 item A/1|2024-02-02T17:00 dispute_raised A/1/dispute|2024-02-03T17:00 payment A/1/paid", "",
		},
		{"not disputed", "10,USD,,,No,,,,", "2024-01-02T05:00 item A/1", ""},
		{
			"with dates of its own, decided before the payment", "10,USD,2024-03-03,,,2024-01-10,2024-02-10,,",
			"2024-01-02T05:00 item A/1|2024-01-10T17:00 dispute_raised A/1/dispute|2024-02-10T17:00 dispute_resolved A/1/dispute/end|2024-03-03T17:00 payment A/1/paid", "",
		},
		{
			"decided before it was raised: the end is not believed", "10,USD,,,,2024-01-10,2024-01-09,,",
			"2024-01-02T05:00 item A/1|2024-01-10T17:00 dispute_raised A/1/dispute", "",
		},
		{
			"the amount changes", "10,USD,,,,,,2024-02-20,12.50",
			"2024-01-02T05:00 item A/1|2024-02-20T05:00 item_corrected A/1/corrected/2024-02-20/12.50", "",
		},
		{"a credit note is money of the account", "-10,USD,,,Yes,,,,", "2024-01-02T17:00 payment A/1/credit", ""},
		{"a payment of nothing is none", "10,USD,2024-02-03,0,,,,,", "2024-01-02T05:00 item A/1", ""},
		{"a payment before the invoice stands before it", "10,USD,2023-12-30,,,,,,", "2023-12-30T17:00 payment A/1/paid|2024-01-02T05:00 item A/1", ""},
		{"money without a date", "10,USD,,5,,,,,", "", "there is a paid amount and no date of payment"},
		{"money taken back", "10,USD,2024-02-03,-5,,,,,", "", "the paid amount is negative"},
		{"a correction without a date", "10,USD,,,,,,,5", "", "no date; add the date from which it holds"},
		{"a correction to nothing", "10,USD,,,,,,2024-02-03,0", "", "no amount above 0"},
	} {
		ledgers, problems := ledgerText(t, header+"A,1,2024-01-02,2024-02-01,"+c.row+"\n", base, "")
		if c.problem != "" {
			if len(problems) != 1 || !strings.Contains(problems[0].Message, c.problem) {
				t.Errorf("%s: problems %v, want %q", c.why, problems, c.problem)
			}
			continue
		}
		if len(problems) > 0 || len(ledgers) != 1 {
			t.Errorf("%s: problems %v", c.why, problems)
			continue
		}
		var told []string
		for _, line := range strings.Split(story(ledgers[0]), "\n") {
			if !strings.Contains(line, "debtor_known") {
				told = append(told, line)
			}
		}
		if got := strings.Join(told, "|"); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
		}
	}
}

// A reversal takes back the payment that it names.
func TestReversal(t *testing.T) {
	ledgers, problems := ledgerText(t, plainHeader+goodRow, plain(), "C1,,2024-03-01,10.50,USD,P1,\nC1,,2024-03-05,-10.50,USD,,P1\n")
	facts := ledgers[0].Facts
	last, ok := facts[len(facts)-1].Body.(dunning.PaymentReversed)
	paid, _ := facts[len(facts)-2].Body.(dunning.Payment)
	if len(problems) > 0 || !ok || last.Payment != paid.ID || paid.ID == "" {
		t.Errorf("want the payment reversed: %v %s", problems, story(ledgers[0]))
	}
}

// Keys of different rows never meet, whatever characters they hold.
func TestJoin(t *testing.T) {
	if join("a/b", "c") == join("a", "b/c") || join("a%2Fb") == join("a/b") {
		t.Error("joined keys must tell their parts apart")
	}
}

// TestLedgerIsBounded: files that hold more rows than fit are refused with what to do, items
// and payments counted together; as many as fit are read.
func TestLedgerIsBounded(t *testing.T) {
	const items = plainHeader + "C1,R1,2024-03-09,2024-04-09,10,USD,Jo,\nC1,R2,2024-03-11,2024-04-10,20,USD,Jo,\nC2,R3,2024-03-11,2024-04-10,20,USD,Jo,\n"
	for most, refused := range map[int]bool{2: true, 3: false, 4: false, 5: false} {
		l := newLedger(most)
		err := l.read(Input{strings.NewReader(items), plain()}, acme)
		if (err != nil) != refused {
			t.Errorf("3 rows where %d fit: %v", most, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "more than 2 rows") || !strings.Contains(err.Error(), "duly import")) {
			t.Errorf("the fault does not say how to mend it: %v", err)
		}
		if !refused && most < 5 {
			again := l.read(Input{strings.NewReader(items), plain()}, acme)
			if again == nil {
				t.Errorf("a second file of 3 rows where %d fit is read, too", most)
			}
		}
	}
}
