package dunning

import (
	"testing"
	"time"
)

// TestItemize: the amount on the date of the last invoice, what came since, and what is owed
// now add up; without a date of every invoice nobody can tell.
func TestItemize(t *testing.T) {
	invoice := func(key, amount string, issued Date) Body {
		return Item{Key: key, Issued: issued, Due: Date{2024, 3, 1}, Amount: eur(amount)}
	}
	jan, feb := Date{2024, 1, 10}, Date{2024, 2, 5}
	on := func(d Date, hour int) time.Time { return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, time.UTC) }
	paid := func(id string, at time.Time, amount, item string) Fact {
		return Fact{At: at, Account: "a", Body: Payment{ID: id, Amount: eur(amount), Item: item}}
	}
	a, b := invoice("X", "100.00", jan), invoice("Y", "50.00", feb)
	for _, c := range []struct {
		about      string
		items      []Body
		facts      []Fact
		list       []string
		total      string
		ok         bool
		date       Date
		owed, paid string
	}{
		{"one invoice, nothing paid", []Body{a}, nil, []string{"X"}, "100.00", true, jan, "100.00", "0.00"},
		{"two invoices: the date is the later one's", []Body{a, b}, nil, []string{"X", "Y"}, "150.00", true, feb, "150.00", "0.00"},
		{"what was paid since is told apart", []Body{a, b}, []Fact{paid("p", on(feb, 30), "20.00", "X")}, []string{"X", "Y"}, "130.00", true, feb, "150.00", "20.00"},
		{"what was paid by the end of that day was not owed then", []Body{a, b}, []Fact{paid("p", on(feb, 23), "20.00", "X")}, []string{"X", "Y"}, "130.00", true, feb, "130.00", "0.00"},
		{"a payment that did not stand counts on neither side", []Body{a}, []Fact{
			paid("p", on(jan, 9), "20.00", "X"), {At: on(feb, 9), Account: "a", Body: PaymentReversed{Payment: "p"}},
		}, []string{"X"}, "100.00", true, jan, "100.00", "0.00"},
		{"a payment on an invoice that is not listed is none of it", []Body{a, b}, []Fact{paid("p", on(feb, 30), "20.00", "Y")}, []string{"X"}, "100.00", true, jan, "100.00", "0.00"},
		{"money that no invoice has used lowers the total, and is a credit", []Body{a}, []Fact{paid("p", on(feb, 9), "30.00", "X")}, []string{"X"}, "60.00", true, jan, "100.00", "40.00"},
		{"an invoice without a date", []Body{a, invoice("Y", "50.00", Date{})}, nil, []string{"X", "Y"}, "150.00", false, Date{}, "", ""},
		{"an invoice that nobody knows", []Body{a}, nil, []string{"Z"}, "100.00", false, Date{}, "", ""},
		{"no invoice", []Body{a}, nil, nil, "0.00", false, Date{}, "", ""},
		{"more is asked for than was ever owed", []Body{a}, nil, []string{"X"}, "100.01", false, Date{}, "", ""},
	} {
		t.Run(c.about, func(t *testing.T) {
			var history []Fact
			for _, x := range c.items {
				history = append(history, Fact{At: on(jan, 1), Account: "a", Body: x})
			}
			s := Setup{Creditor: Creditor{ID: "c"}, Debtor: "d", Account: "a", Currency: "EUR", Zone: func(string) *time.Location { return time.UTC }}
			f, err := Fold(s, append(history, c.facts...))
			if err != nil {
				t.Fatal(err)
			}
			var lines []ItemLine
			for _, k := range c.list {
				lines = append(lines, ItemLine{Key: k})
			}
			n, ok := f.Itemize(lines, eur(c.total))
			if ok != c.ok || n.Date != c.date && c.ok {
				t.Fatalf("ok %v on %v; want %v on %v", ok, n.Date, c.ok, c.date)
			}
			if ok && (n.Owed != eur(c.owed) || n.Paid != eur(c.paid) || n.Interest.Minor() != 0 || n.Fees.Minor() != 0 || n.Owed.Minor()-n.Paid.Minor() != eur(c.total).Minor()) {
				t.Errorf("owed %v, paid %v; want %s and %s", n.Owed, n.Paid, c.owed, c.paid)
			}
		})
	}
}

// TestTheDayOfALetter is the creditor's: what is paid late in the evening there was paid that day.
func TestTheDayOfALetter(t *testing.T) {
	chicago, err := time.LoadLocation("America/Chicago")
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{Setup: Setup{Creditor: Creditor{Zone: "America/Chicago"}, Zone: func(string) *time.Location { return chicago }}}
	night := time.Date(2026, 3, 6, 3, 30, 0, 0, time.UTC)
	if got := f.LetterDay(night); got != (Date{2026, 3, 5}) {
		t.Errorf("at half past nine in the evening in Chicago a letter bears %v", got)
	}
	f.Creditor.Zone = ""
	if got := f.LetterDay(night); got != (Date{2026, 3, 6}) {
		t.Errorf("of a creditor without a zone it bears %v", got)
	}
	for _, c := range []struct {
		about     string
		by, bears Date
		want      string
	}{
		{"it names no day to pay by", Date{}, Date{2026, 3, 5}, ""},
		{"the day before", Date{2026, 3, 6}, Date{2026, 3, 5}, ""},
		{"on the very day", Date{2026, 3, 5}, Date{2026, 3, 5}, "outdated"},
		{"later", Date{2026, 3, 4}, Date{2026, 3, 5}, "outdated"},
	} {
		if got := LetterOutdated(Message{PayBy: c.by}, c.bears); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
}
