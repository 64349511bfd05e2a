package portfolio

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app/importsink"
	"github.com/duly/duly/internal/importer"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

var start = dunning.Date{Year: 2026, Month: 3, Day: 2}

func made(seed uint64, n int) *Portfolio {
	return New(Options{Seed: seed, Accounts: n, Start: start, Days: 90})
}

func TestSeeds(t *testing.T) {
	a, b := made(1, 50), made(1, 500)
	if !reflect.DeepEqual(a.Debtors, b.Debtors[:50]) {
		t.Error("the first fifty of five hundred are not the fifty of fifty")
	}
	if reflect.DeepEqual(a.Debtors, made(2, 50).Debtors) {
		t.Error("another seed makes the same debtors")
	}
}

// A rehearsal must be able to reach nobody, whatever goes wrong.
func TestNobodyCanBeReached(t *testing.T) {
	fictional := regexp.MustCompile(`^\+1\d{3}55501\d\d$`)
	for _, d := range made(1, 2000).Debtors {
		if !strings.HasSuffix(d.Email, "@example.invalid") {
			t.Fatalf("%s has the address %s", d.Key, d.Email)
		}
		free := d.Phone == "" || fictional.MatchString(d.Phone) || slices.Contains(germanMobiles, d.Phone) || slices.Contains(britishMobiles, d.Phone)
		if !free {
			t.Fatalf("%s has the number %s, which is not kept free for fiction", d.Key, d.Phone)
		}
	}
}

// Every kind of debtor is there, in many zones, with debts of every age.
func TestVariety(t *testing.T) {
	p := made(1, 500)
	seen := map[string]int{}
	for _, d := range p.Debtors {
		seen["kind "+d.Kind]++
		seen[string(d.Personality)]++
		seen["creditor "+d.Creditor]++
		for _, inv := range d.Invoices {
			age := start.Days(inv.Due)
			seen[[]string{"old", "about due", "later"}[min(max((age+15)/20, 0), 2)]]++
			if inv.Known != start {
				seen["arrives during the rehearsal"]++
			}
			if inv.Amount.Minor() <= 0 || !inv.Issued.Before(inv.Due) || inv.Known.Before(start) {
				t.Fatalf("invoice %+v", inv)
			}
		}
	}
	for _, what := range []string{
		"kind consumer", "kind business", "creditor demo", "creditor demo-agency", "creditor demo-de", "old", "about due", "later", "arrives during the rehearsal",
		string(Payer), string(LatePayer), string(PartPayer), string(Promiser), string(PlanTaker), string(Disputer), string(OptOuter), string(Bouncer), string(InHardship), string(Unreached), string(Vanisher),
	} {
		if seen[what] < 5 {
			t.Errorf("%d of %q among 500 debtors", seen[what], what)
		}
	}
}

// The files are taken whole by the importer, with the shipped mapping: no row is refused,
// no invoice lost, every debtor's zone is known.
func TestFilesImport(t *testing.T) {
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, ok := cfg.Mapping("items")
	if !ok || m.Kind != mapping.Items {
		t.Fatal("the mapping items is not shipped any more")
	}
	p := made(1, 300)
	want, got := 0, 0
	for _, d := range p.Debtors {
		want += len(d.Invoices)
	}
	zones := map[string]bool{}
	for _, day := range p.ImportDays() {
		for _, id := range Creditors() {
			c, ok := cfg.Creditor(id)
			if !ok {
				t.Fatalf("creditor %s is not shipped any more", id)
			}
			csv := p.CSV(id, day)
			if csv == "" {
				continue
			}
			o := importer.Options{Creditor: importer.Creditor{ID: id, Zone: time.UTC, Currency: c.Currency}, Locate: importsink.Locate}
			ledger, problems, err := importer.Ledger(importer.Input{Reader: strings.NewReader(csv), Mapping: m}, nil, o)
			if err != nil || len(problems) > 0 {
				t.Fatalf("%s of %s: %v %v", id, day, err, problems)
			}
			for _, a := range ledger {
				if len(a.Debtor.Zones) == 0 {
					t.Errorf("no zone for %s", a.Key)
				}
				for _, z := range a.Debtor.Zones {
					zones[z] = true
				}
				for _, f := range a.Facts {
					if _, ok := f.Body.(dunning.Item); ok {
						got++
					}
				}
				if d := p.Debtor(a.Key); d == nil || d.AccountID() != postgres.AccountID(id, a.Key, a.Currency) {
					t.Errorf("account %s is not that of its debtor", a.Key)
				}
			}
		}
	}
	if got != want || len(zones) < 8 {
		t.Errorf("%d invoices of %d, in %d zones", got, want, len(zones))
	}
}

// A reaction follows from seed, debtor and message alone, lies after the message, and is
// the same each time.
func TestReactions(t *testing.T) {
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	p, again := made(1, 300), made(1, 300)
	kinds := map[string]int{}
	for i := range p.Debtors {
		for _, step := range []string{"courtesy", "friendly-email", "offer-plan", "formal-reminder", "final-notice", dunning.CourtesyThanks} {
			m := rehearse.Message{At: time.Date(2026, 3, 10, 14, 0, 0, 0, time.UTC), Case: 1, Step: step, Channel: dunning.Email, Contact: "case/0/x", Point: "p"}
			rows := reaction(t, p, cfg, &p.Debtors[i], m)
			other := m
			other.Contact = "another case's id/0/x"
			if again := reaction(t, again, cfg, &again.Debtors[i], m); !reflect.DeepEqual(rows, again) {
				t.Fatalf("%s to %s: %v, then %v", p.Debtors[i].Key, step, rows, again)
			}
			for _, r := range rows {
				kinds[r.Kind]++
				if !r.At.After(m.At) {
					t.Errorf("%s of %s at %s is not after the message", r.Key, r.Kind, r.At)
				}
				if _, known := p.Acts()[r.Kind]; !known && r.Kind != rehearse.Do && r.Kind != rehearse.Reply {
					t.Errorf("nobody can play %s", r.Kind)
				}
				if step == dunning.CourtesyThanks {
					t.Error("somebody reacts to thanks")
				}
			}
			if len(reaction(t, p, cfg, &p.Debtors[i], other)) != len(rows) {
				t.Error("a reaction depends on an id that Duly draws")
			}
		}
	}
	for _, kind := range []string{kindPay, kindPromise, kindPlan, kindDispute, kindBounce, rehearse.Do, rehearse.Reply} {
		if kinds[kind] == 0 {
			t.Errorf("among 300 debtors and their messages nobody reacts with %s", kind)
		}
	}
}

func reaction(t *testing.T, p *Portfolio, cfg *config.Config, d *Debtor, m rehearse.Message) []postgres.Script {
	t.Helper()
	c, _ := cfg.Creditor(d.Creditor)
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return p.reactIn(d, m, zone)
}

func TestChanceIsFair(t *testing.T) {
	p := made(1, 1)
	n := 0
	for i := range 2000 {
		if p.chance("x", fmt.Sprint(i)).IntN(100) < 30 {
			n++
		}
	}
	if n < 500 || n > 700 {
		t.Errorf("%d of 2000 draws below 30 of a hundred, want about 600", n)
	}
}
