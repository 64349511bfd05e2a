package app

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// start is business time at the start of every test: a Monday morning in New York.
var start = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

// site is a database with the shipped configuration published, and a clock that stands
// still until it is moved.
type site struct {
	t     testing.TB
	store *postgres.Store
	book  *Book
	clock *handClock
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	if _, added, err := Publish(t.Context(), s.store, os.DirFS("../../config"), "test", start); err != nil || !added {
		t.Fatalf("publishing the shipped configuration: added %v, %v", added, err)
	}
	s.book = NewBook(s.store, clock.Wall)
	return s
}

// handClock is business time moved by hand; wall time is the same.
type handClock struct {
	mu  sync.Mutex
	now time.Time
	get func() time.Time // overrides now
}

func (c *handClock) Now(context.Context) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.get != nil {
		return c.get().UTC().Truncate(time.Microsecond), nil
	}
	return c.now, nil
}

func (c *handClock) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at, nil }

func (c *handClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// time is Now for those who cannot wait for an error.
func (c *handClock) time() time.Time {
	now, _ := c.Now(context.Background())
	return now
}

// follow makes business time that of somebody else.
func (c *handClock) follow(now func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.get = now
}

// account is a debtor with one account.
type account struct{ debtor, id, key string }

// debtor makes a consumer in New York who can be reached by email, text and letter, and
// who owes an amount that falls due on a day.
func (s *site) debtor(key, amount string, due dunning.Date) account {
	s.t.Helper()
	ctx := s.t.Context()
	a := account{key: key}
	var err error
	a.debtor, err = s.store.PutDebtor(ctx, postgres.Profile{
		Creditor: "demo", Key: key, Name: "Ada Example", Locale: "en", Country: "US", Address: []string{"1 Test Street", "New York, NY 10001"},
	})
	s.must(err)
	a.id, err = s.store.PutAccount(ctx, postgres.Account{Debtor: a.debtor, Creditor: "demo", Key: key, Currency: "USD"})
	s.must(err)
	s.must(s.store.PutPoints(ctx, a.debtor,
		postgres.Point{ID: key + "-e", Channel: dunning.Email, Value: key + "@example.invalid"},
		postgres.Point{ID: key + "-m", Channel: dunning.SMS, Value: "+12125550100", Kind: "mobile"},
		postgres.Point{ID: key + "-l", Channel: dunning.Letter, Value: "1 Test Street\nNew York, NY 10001"},
	))
	long := start.AddDate(2, 0, 0)
	s.add(a,
		dunning.Fact{At: start, Body: dunning.DebtorKnown{DebtorKind: "consumer", Locale: "en", Country: "US", Places: []string{"US-NY"}, Zones: []string{"America/New_York"}}},
		dunning.Fact{At: start, Body: dunning.PointKnown{ID: key + "-e", Channel: dunning.Email}},
		dunning.Fact{At: start, Body: dunning.PointKnown{ID: key + "-m", Channel: dunning.SMS, PointKind: "mobile"}},
		dunning.Fact{At: start, Body: dunning.PointKnown{ID: key + "-l", Channel: dunning.Letter}},
		dunning.Fact{At: start, Body: dunning.Consented{ID: "c", Basis: "written", Channel: dunning.SMS}},
		dunning.Fact{At: start, Body: dunning.FeedSeen{Until: long}},
		dunning.Fact{At: start, Account: a.id, Body: dunning.Item{Key: "inv-" + key, Issued: due.AddDays(-30), Due: due, Amount: money.MustParse(amount, "USD"), Class: "consumer"}},
	)
	return a
}

// add commits facts about a debtor.
func (s *site) add(a account, facts ...dunning.Fact) {
	s.t.Helper()
	s.must(s.store.InDebtor(context.Background(), []string{a.debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(context.Background(), a.debtor, facts)
		return err
	}))
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) starter() *Starter {
	return &Starter{Store: s.store, Book: s.book, Clock: s.clock}
}

func (s *site) commands() *commands.Service { return NewCommands(s.store, s.book, s.clock) }

func date(d int) dunning.Date { return dunning.DateOf(time.Date(2026, 3, d, 12, 0, 0, 0, time.UTC)) }

func note(id string) dunning.Command { return dunning.WriteNote{ID: id, Text: "x"} }

func closedFacts(s *site, a account, id string) []dunning.Fact {
	return []dunning.Fact{{At: s.clock.now, Account: a.id, Case: id, Body: dunning.CaseClosed{Reason: "recalled"}}}
}

// newEmptySite is a database in which nothing is published.
func newEmptySite(t *testing.T) *postgres.Store {
	t.Helper()
	return pgtest.New(t)
}
