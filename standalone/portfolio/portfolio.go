// Package portfolio makes up debtors: who they are, what they owe, how they behave, and
// how the people who work on their cases behave.
//
// All of it follows from a seed. It owns the debtors' personalities and the staff's
// habits; they act through the script of package rehearse, like anybody else, and know
// nothing of how Duly decides. Numbers, names and addresses are fictional ones that reach
// nobody.
package portfolio

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/postgres"
)

// Options of a portfolio.
type Options struct {
	Seed     uint64
	Accounts int
	// Start is the day on which the rehearsal begins; Days is how long it lasts.
	Start dunning.Date
	Days  int
}

// Portfolio is what was made up.
type Portfolio struct {
	Options
	Debtors []Debtor
	byKey   map[string]*Debtor
	shared  map[string]bool // numbers that several debtors have
}

// Debtor is a person or business with one account.
type Debtor struct {
	Key         string // of debtor and account
	Creditor    string
	Currency    string
	Kind        string // consumer, business
	Name        string
	Email       string
	Phone       string // E.164 of numbers that are not given out; "" none
	Address     string
	City        string
	State       string
	ZIP         string
	Country     string
	Locale      string
	Personality Personality
	Texts       bool // has agreed in writing to text messages
	Invoices    []Invoice
}

// Invoice of a debtor.
type Invoice struct {
	Number      string
	Issued, Due dunning.Date
	Amount      money.Amount
	Known       dunning.Date // on which day it is imported
}

// New makes a portfolio. The same options give the same portfolio.
func New(o Options) *Portfolio {
	p := &Portfolio{Options: o, byKey: map[string]*Debtor{}, shared: map[string]bool{}}
	for i := range o.Accounts {
		p.Debtors = append(p.Debtors, p.debtor(i))
	}
	seen := map[string]bool{}
	for i := range p.Debtors {
		d := &p.Debtors[i]
		p.byKey[d.Key] = d
		p.shared[d.Phone] = seen[d.Phone]
		seen[d.Phone] = true
	}
	return p
}

// Debtor by its key, nil when it is not of this portfolio.
func (p *Portfolio) Debtor(key string) *Debtor { return p.byKey[key] }

// AccountID is the id of the debtor's account in the store.
func (d *Debtor) AccountID() string { return postgres.AccountID(d.Creditor, d.Key, d.Currency) }

// debtor makes the i-th debtor. Each has a source of chance of its own, so that the
// first fifty of a portfolio of five hundred are those of a portfolio of fifty.
func (p *Portfolio) debtor(i int) Debtor {
	r := rand.New(rand.NewPCG(p.Seed, uint64(i)))
	d := Debtor{Key: fmt.Sprintf("D%05d", i+1)}
	home := pick(r, homes)
	d.Creditor, d.Currency, d.Locale = home.creditor, home.currency, home.locale
	d.City, d.State, d.ZIP, d.Country = home.city, home.state, home.zip, home.country
	d.Kind = "consumer"
	if r.IntN(4) == 0 {
		d.Kind = "business"
	}
	d.name(r, home)
	d.Email = fmt.Sprintf("%s@example.invalid", d.Key)
	if r.IntN(10) > 0 {
		d.Phone = phone(r, home)
	}
	d.Personality = personality(r, d.Kind)
	d.Texts = r.IntN(10) < 7
	p.invoices(r, &d)
	return d
}

func (d *Debtor) name(r *rand.Rand, h home) {
	d.Address = fmt.Sprintf("%d %s", 1+r.IntN(98), h.street)
	if h.country == "DE" {
		d.Address = fmt.Sprintf("%s %d", h.street, 1+r.IntN(98))
	}
	d.Name = pick(r, firstNames) + " " + pick(r, lastNames)
	if d.Kind == "business" {
		d.Name = pick(r, lastNames) + " " + pick(r, trades)
	}
}

// invoices are one to four, of different ages: old ones, some about due, some that are
// written while the rehearsal runs.
func (p *Portfolio) invoices(r *rand.Rand, d *Debtor) {
	for n := range 1 + r.IntN(4) {
		due := 0 // in days after the start
		switch r.IntN(5) {
		case 0:
			due = -60 + r.IntN(45)
		case 1, 2:
			due = -14 + r.IntN(20)
		case 3:
			due = 6 + r.IntN(25)
		case 4:
			due = 20 + r.IntN(max(p.Days-20, 1))
		}
		inv := Invoice{Number: fmt.Sprintf("%s-%d", d.Key, n+1), Due: p.Start.AddDays(due), Amount: amount(r, d)}
		inv.Issued = inv.Due.AddDays(-14)
		inv.Known = importDay(p.Start, inv.Issued)
		d.Invoices = append(d.Invoices, inv)
	}
	slices.SortStableFunc(d.Invoices, func(a, b Invoice) int { return cmp.Compare(a.Due.Days(b.Due), 0) * -1 })
}

func amount(r *rand.Rand, d *Debtor) money.Amount {
	minor := int64(2000 + r.IntN(48000))
	if d.Kind == "business" {
		minor = int64(20000 + r.IntN(480000))
	}
	a, err := money.FromMinor(minor, d.Currency)
	if err != nil {
		panic(err) // the currencies are those of the tables below
	}
	return a
}

// importDay is the first import of open items on or after a day: the start, then every Monday.
func importDay(start, issued dunning.Date) dunning.Date {
	if !start.Before(issued) {
		return start
	}
	for issued.Weekday() != time.Monday {
		issued = issued.AddDays(1)
	}
	return issued
}

// ImportDays lists the days with imports, in order.
func (p *Portfolio) ImportDays() []dunning.Date {
	var days []dunning.Date
	for _, d := range p.Debtors {
		for _, inv := range d.Invoices {
			if !slices.Contains(days, inv.Known) {
				days = append(days, inv.Known)
			}
		}
	}
	slices.SortFunc(days, func(a, b dunning.Date) int { return b.Days(a) })
	return days
}

// CSV is a creditor's file of open items of one import, for the shipped mapping "items";
// "" when there are none.
func (p *Portfolio) CSV(creditor string, day dunning.Date) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(columns) // a buffer takes everything
	rows := 0
	for i := range p.Debtors {
		d := &p.Debtors[i]
		for _, inv := range d.Invoices {
			if d.Creditor == creditor && inv.Known == day {
				_ = w.Write(d.row(inv))
				rows++
			}
		}
	}
	w.Flush()
	if rows == 0 {
		return ""
	}
	return b.String()
}

var columns = []string{
	"account", "name", "kind", "email", "phone", "address", "zip", "city", "state", "country", "locale",
	"invoice", "issued", "due", "amount", "currency", "class",
}

func (d *Debtor) row(inv Invoice) []string {
	class := "consumer"
	if d.Kind == "business" {
		class = "commercial"
	}
	return []string{
		d.Key, d.Name, d.Kind, d.Email, d.Phone, d.Address, d.ZIP, d.City, d.State, d.Country, d.Locale,
		inv.Number, inv.Issued.String(), inv.Due.String(), inv.Amount.Decimal(), inv.Amount.Currency(), class,
	}
}

// Creditors of the portfolio, in order.
func Creditors() []string { return []string{"demo", "demo-agency", "demo-de"} }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// phone is a number from the ranges kept free for fiction.
func phone(r *rand.Rand, h home) string {
	if len(h.mobiles) > 0 {
		return pick(r, h.mobiles)
	}
	return "+1" + h.area + "55501" + strconv.Itoa(10+r.IntN(90))
}
