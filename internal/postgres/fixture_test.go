package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// bundle is a store with one debtor who owes on one account.
type bundle struct {
	*postgres.Store
	t       testing.TB
	debtor  string
	account string
	ref     dunning.CaseRef
}

const creditor = "acme"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func newBundle(t testing.TB) *bundle {
	t.Helper()
	return bundleOf(t, pgtest.New(t), "D-1")
}

// bundleOf adds another debtor to a store.
func bundleOf(t testing.TB, s *postgres.Store, key string) *bundle {
	t.Helper()
	b := &bundle{Store: s, t: t}
	ctx := context.Background()
	var err error
	b.must(s.PutCreditors(ctx, creditor))
	b.debtor, err = s.PutDebtor(ctx, postgres.Profile{
		Creditor: creditor, Key: key, Name: "Ada Example", Locale: "en-GB", Country: "GB", Address: []string{"1 Test Street", "London"},
	})
	b.must(err)
	b.account, err = s.PutAccount(ctx, postgres.Account{Debtor: b.debtor, Creditor: creditor, Key: key, Currency: "USD"})
	b.must(err)
	b.ref = dunning.CaseRef{
		Case: uuid.NewString(), Account: b.account, Debtor: b.debtor, Creditor: creditor, Currency: "USD",
		Sequence: "consumer-standard", Version: "v1", Open: true,
	}
	return b
}

func (b *bundle) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) in(f func(tx *postgres.Tx) error) error {
	return b.InDebtor(context.Background(), []string{b.debtor}, f)
}

// add appends facts in a transaction of their own.
func (b *bundle) add(facts ...dunning.Fact) error {
	return b.in(func(tx *postgres.Tx) error {
		_, _, err := tx.Append(context.Background(), b.debtor, facts)
		return err
	})
}

func (b *bundle) mustAdd(facts ...dunning.Fact) {
	b.t.Helper()
	b.must(b.add(facts...))
}

// fact is a fact of the bundle's account.
func (b *bundle) fact(body dunning.Body) dunning.Fact {
	return dunning.Fact{At: noon, Account: b.account, By: "import", Body: body}
}

// caseFact is a fact of the bundle's case.
func (b *bundle) caseFact(body dunning.Body) dunning.Fact {
	f := b.fact(body)
	f.Case, f.By = b.ref.Case, "system"
	return f
}

// open opens the bundle's case.
func (b *bundle) open() *bundle {
	b.t.Helper()
	b.must(b.in(func(tx *postgres.Tx) error {
		created, err := tx.OpenCase(context.Background(), b.ref)
		if err == nil && !created {
			err = fmt.Errorf("the case was there already")
		}
		if err == nil {
			_, _, err = tx.Append(context.Background(), b.debtor, []dunning.Fact{b.caseFact(dunning.CaseOpened{Sequence: "consumer-standard", Version: "v1"})})
		}
		return err
	}))
	return b
}

var serial atomic.Int64

func item(key string) dunning.Item {
	return dunning.Item{
		Key: key, Number: "INV-" + key, Issued: dunning.Date{Year: 2026, Month: 1, Day: 5},
		Due: dunning.Date{Year: 2026, Month: 2, Day: 4}, Amount: money.MustParse("120.50", "USD"),
	}
}

func payment(amount string) dunning.Payment {
	return dunning.Payment{ID: fmt.Sprintf("p%d", serial.Add(1)), Amount: money.MustParse(amount, "USD")}
}

// decision is one that waits until at.
func (b *bundle) decision(id, intent string, version int64, at time.Time) dunning.StoredDecision {
	return dunning.StoredDecision{
		ID: id, Intent: intent, Case: b.ref.Case, Core: "1", Policies: "house@1", Zones: "2026a", Wall: noon,
		Decision: dunning.Decision{
			Verb: dunning.VerbSend, At: noon, WakeAt: at, Step: "friendly-email", Version: version, Sequence: "v1",
			Contact: &dunning.ContactPlanned{Step: "friendly-email", Channel: dunning.Email},
		},
	}
}

// decide stores a decision in a transaction of its own.
func (b *bundle) decide(d dunning.StoredDecision) error {
	return b.in(func(tx *postgres.Tx) error { return tx.StoreDecision(context.Background(), d) })
}

// planned is the reservation of a contact that decision d1 allowed.
func (b *bundle) planned(ordinal int) dunning.ContactPlanned {
	return dunning.ContactPlanned{
		ID: fmt.Sprintf("%s/0/friendly-email/email/%d", b.ref.Case, ordinal), Step: "friendly-email", Channel: dunning.Email,
		Template: "friendly-reminder", Ordinal: ordinal, Point: "e1", Decision: "d1", Automatic: true,
		Items: []dunning.ItemLine{{Key: "A", Step: "friendly-email", Amount: money.MustParse("120.50", "USD")}},
	}
}

// reserved is an open case with an item, an address and one contact reserved.
func (b *bundle) reserved() dunning.ContactPlanned {
	b.t.Helper()
	b.open()
	b.mustAdd(b.fact(item("A")), b.fact(dunning.PointKnown{ID: "e1", Channel: dunning.Email}))
	b.must(b.PutPoints(context.Background(), b.debtor, postgres.Point{ID: "e1", Channel: dunning.Email, Value: "ada@example.invalid"}))
	b.must(b.decide(b.decision("d1", "", 2, noon)))
	c := b.planned(1)
	b.mustAdd(b.caseFact(c))
	return c
}

// eventually polls until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
