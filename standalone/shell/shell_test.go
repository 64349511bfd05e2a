// Package shell tests the Temporal shell of Duly on a real Temporal server and a real
// Postgres: what it costs, that it lives through the loss of everything but Postgres, and
// that its histories can be replayed.
package shell

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/site"
	"github.com/duly/duly/standalone/temporalserver"
)

var record = flag.Bool("record", false, "write the histories of this run into workflows/testdata/histories")

// began is business time at the start: a Monday.
var began = time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)

// bench is a site with a worker.
type bench struct {
	t       testing.TB
	site    *site.Site
	client  client.Client
	keys    codec.Keys
	actions *temporalserver.Actions
}

// start brings up everything with rehearsed time at rate, configuration files published.
func start(t testing.TB, rate float64, files map[string]string) *bench {
	t.Helper()
	return startWith(t, rate, files, nil)
}

// startWith is start with dynamic configuration of the Temporal server.
func startWith(t testing.TB, rate float64, files map[string]string, dynamic map[string]any) *bench {
	t.Helper()
	b := &bench{t: t, actions: temporalserver.NewActions()}
	var err error
	b.site, err = site.Start(t.Context(), site.Options{
		Unsafe: true, Metrics: b.actions, Dynamic: dynamic,
		// Stories are compared to the second: business time waits for a busy machine, too.
		Rehearsal: &clock.Setting{Start: began, Rate: rate, Hold: 15 * time.Minute},
	})
	b.must(err)
	t.Cleanup(func() {
		if err := b.site.Stop(); err != nil {
			t.Error(err)
		}
	})
	_, _, err = app.Publish(t.Context(), b.site.Store(), configuration(t, files), "test", began)
	b.must(err)
	b.connect()
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// connect dials with encryption, as in production.
func (b *bench) connect() {
	b.t.Helper()
	var err error
	b.keys, err = codec.ParseKeys(codec.Generate())
	b.must(err)
	opts := client.Options{Logger: nothing{}}
	app.Encrypt(&opts, b.keys)
	b.client, err = b.site.Temporal().Dial(b.t.Context(), opts)
	b.must(err)
	b.t.Cleanup(b.client.Close)
}

// work starts a worker that ends with the test.
func (b *bench) work() { b.t.Helper(); b.t.Cleanup(b.hire().Stop) }

// hire starts a worker.
func (b *bench) hire() *app.Worker {
	b.t.Helper()
	ch, err := app.OpenChannels(func(string) string { return "" }, b.site.Store())
	b.must(err)
	w, err := app.NewWorker(b.t.Context(), app.Deps{
		Store: b.site.Store(), Temporal: b.client, Clock: b.site.Clock(), Channels: ch,
	}, app.WorkerOptions{Late: 5 * time.Second, Sweep: time.Second, Poll: time.Second, OpenEvery: 200 * time.Millisecond})
	b.must(err)
	b.must(w.Start(b.t.Context()))
	return w
}

// debtor makes one who owes an amount that fell due a day before the start.
func (b *bench) debtor(key, amount string) (debtor, account string) {
	b.t.Helper()
	ctx, store := b.t.Context(), b.site.Store()
	debtor, err := store.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: key, Name: "Ada Example", Locale: "en", Country: "US", Address: []string{"1 Test Street"}})
	b.must(err)
	account, err = store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: "demo", Key: key, Currency: "USD"})
	b.must(err)
	b.must(store.PutPoints(ctx, debtor,
		postgres.Point{ID: key + "-e", Channel: dunning.Email, Value: key + "@example.invalid"},
		postgres.Point{ID: key + "-m", Channel: dunning.SMS, Value: "+12125550100", Kind: "mobile"}))
	due := dunning.DateOf(began).AddDays(-1)
	b.must(store.InDebtor(ctx, []string{debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(ctx, debtor, []dunning.Fact{
			{At: began, Body: dunning.DebtorKnown{DebtorKind: "consumer", Locale: "en", Country: "US", Places: []string{"US-NY"}, Zones: []string{"America/New_York"}}},
			{At: began, Body: dunning.PointKnown{ID: key + "-e", Channel: dunning.Email}},
			{At: began, Body: dunning.PointKnown{ID: key + "-m", Channel: dunning.SMS, PointKind: "mobile"}},
			{At: began, Body: dunning.FeedSeen{Until: began.AddDate(3, 0, 0)}},
			{At: began, Account: account, Body: dunning.Item{Key: "inv-" + key, Issued: due.AddDays(-30), Due: due, Amount: money.MustParse(amount, "USD"), Class: "consumer"}},
		})
		return err
	}))
	return debtor, account
}

// until polls with a deadline.
func (b *bench) until(what string, ok func(ctx context.Context) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Minute)
	defer cancel()
	for !ok(ctx) {
		select {
		case <-ctx.Done():
			b.t.Fatalf("not in time: %s\n%s", what, b.state())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// state describes all cases, for failures.
func (b *bench) state() (out string) {
	ctx := context.Background()
	now, _ := b.site.Clock().Now(ctx)
	out = "business time " + now.Format(time.RFC3339) + "\n"
	refs := b.refs(ctx)
	for _, id := range slices.Sorted(maps.Keys(refs)) {
		s, err := b.site.Store().CaseState(ctx, id)
		out += fmt.Sprintf("  %s open %v %s next %s at %s (%v)\n", s.AccountKey, s.Open, s.Phase, s.NextVerb, s.NextAt.Format(time.RFC3339), err)
	}
	return out
}

// refs are all cases by id.
func (b *bench) refs(ctx context.Context) map[string]dunning.CaseRef {
	out := map[string]dunning.CaseRef{}
	accounts, _ := b.site.Store().Accounts(ctx, "", 10_000)
	for _, a := range accounts {
		cases, _ := b.site.Store().CasesOf(ctx, a.Debtor)
		for _, c := range cases {
			out[c.Case] = c
		}
	}
	return out
}

// allClosed reports whether n cases exist and all are closed.
func (b *bench) allClosed(ctx context.Context, n int) bool {
	refs := b.refs(ctx)
	for _, r := range refs {
		if r.Open {
			return false
		}
	}
	return len(refs) == n
}

// story is the timeline of every account, by key.
func (b *bench) story() map[string][]string {
	b.t.Helper()
	ctx, out := b.t.Context(), map[string][]string{}
	accounts, err := b.site.Store().Accounts(ctx, "", 10_000)
	b.must(err)
	for _, a := range accounts {
		facts, err := b.site.Store().FactsAsOf(ctx, a.Debtor, 1<<62)
		b.must(err)
		var made []dunning.Decision
		cases, err := b.site.Store().CasesOf(ctx, a.Debtor)
		b.must(err)
		for _, c := range cases {
			ds, err := b.site.Store().Decisions(ctx, c.Case)
			b.must(err)
			for _, d := range ds {
				made = append(made, d.Decision)
			}
		}
		for _, e := range dunning.Timeline(a.ID, a.Debtor, facts, made) {
			out[a.Key] = append(out[a.Key], fmt.Sprintf("%s %s %s %s %s", e.At.UTC().Format(time.RFC3339), e.Kind, e.Step, e.Channel, e.Reason))
		}
	}
	return out
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

type nothing struct{}

func (nothing) Debug(string, ...any) {}
func (nothing) Info(string, ...any)  {}
func (nothing) Warn(string, ...any)  {}
func (nothing) Error(string, ...any) {}
