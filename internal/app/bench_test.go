package app

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/fakeprovider"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// BenchmarkDecisionToAccepted sends one email for each of b.N cases through the whole
// hand-over (decide, reserve, fence, SendGrid's adapter, outcome, next decision) on a real
// Postgres, against a provider on this machine, by 16 activities at once. It reports mails
// a second, the time from the decision to "accepted", and the heap.
func BenchmarkDecisionToAccepted(b *testing.B) {
	s := newBenchSite(b, b.N)
	next := make(chan int)
	took := make([]time.Duration, b.N)
	var group sync.WaitGroup
	runtime.GC()
	b.ResetTimer()
	began := time.Now()
	for range 16 {
		group.Go(func() {
			for i := range next {
				t0 := time.Now()
				if _, err := s.acts[workflows.Send](context.Background(), s.intents[i]); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(t0)
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	group.Wait()
	all := time.Since(began)
	b.StopTimer()
	if n := len(s.fake.Log()); n != b.N || len(s.fake.Duplicates()) > 0 {
		b.Errorf("%d of %d mails were taken, %d again", n, b.N, len(s.fake.Duplicates()))
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/all.Seconds(), "mails/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(mem.HeapInuse)/(1<<20), "heap-MB")
}

// benchSite is n cases that have decided to send.
type benchSite struct {
	fake    *fakeprovider.Server
	acts    map[workflows.Activity]workflows.Func
	intents []workflows.Request
}

func newBenchSite(b *testing.B, n int) *benchSite {
	b.Helper()
	ctx := context.Background()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	store, c := pgtest.New(b), &handClock{now: start}
	_, _, err := Publish(ctx, store, os.DirFS("../../config"), "bench", start)
	must(err)
	keys, err := codec.ParseKeys(codec.Generate())
	must(err)
	store.UseCipher(keys)
	book := NewBook(store, clock.Wall)
	s := &benchSite{}
	s.fake, err = fakeprovider.New(fakeprovider.Options{Now: c.time, TrustDate: true})
	must(err)
	web := httptest.NewServer(s.fake)
	b.Cleanup(func() { s.fake.Close(); web.Close() })
	channels, err := OpenChannelsOn(getenv(with(gridEnv, "SENDGRID_BASE_URL", web.URL)), store, c)
	must(err)
	s.acts = (&activities.Activities{
		Store: actStore{store}, Frames: book, Renderer: &Renderer{Store: store, Book: book}, Channels: channels.Active(), Clock: c,
		Gate: activities.NewGate(clock.Wall, nil), Pacer: store,
	}).All()
	for i := range n {
		must(benchDebtor(ctx, store, i))
	}
	_, err = (&Starter{Store: store, Book: book, Clock: c}).Run(ctx, StartOptions{})
	must(err)
	c.set(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC))
	rows, err := store.Pool().Query(ctx, "SELECT id::text FROM cases ORDER BY id")
	must(err)
	for rows.Next() {
		var id string
		must(rows.Scan(&id))
		s.intents = append(s.intents, workflows.Request{Case: id})
	}
	must(rows.Err())
	for i := range s.intents {
		d, err := s.acts[workflows.Look](ctx, s.intents[i])
		must(err)
		if d.Verb != dunning.VerbSend || d.Channel != dunning.Email {
			b.Fatalf("planned %+v", d)
		}
		s.intents[i].Intent = d.DecisionID
	}
	return s
}

// benchDebtor is a consumer in New York with one overdue invoice.
func benchDebtor(ctx context.Context, store *postgres.Store, i int) error {
	key := fmt.Sprintf("B%d", i)
	debtor, err := store.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: key, Name: "Ada Example", Locale: "en", Country: "US"})
	if err != nil {
		return err
	}
	account, err := store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: "demo", Key: key, Currency: "USD"})
	if err != nil {
		return err
	}
	if err := store.PutPoints(ctx, debtor, postgres.Point{ID: key, Channel: dunning.Email, Value: key + "@example.invalid"}); err != nil {
		return err
	}
	due := date(1)
	return store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(ctx, debtor, []dunning.Fact{
			{At: start, Body: dunning.DebtorKnown{DebtorKind: "consumer", Locale: "en", Country: "US", Places: []string{"US-NY"}, Zones: []string{"America/New_York"}}},
			{At: start, Body: dunning.PointKnown{ID: key, Channel: dunning.Email}},
			{At: start, Body: dunning.FeedSeen{Until: start.AddDate(2, 0, 0)}},
			{At: start, Account: account, Body: dunning.Item{Key: "inv", Issued: due.AddDays(-30), Due: due, Amount: money.MustParse("300.00", "USD"), Class: "consumer"}},
		})
		return err
	})
}
