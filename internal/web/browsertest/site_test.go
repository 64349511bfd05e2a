package browsertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// now is the business time of every test: half past ten on a Tuesday in New York.
var now = time.Date(2026, 3, 3, 15, 30, 0, 0, time.UTC)

// site is a console over a database of its own, with debtors in all states.
type site struct {
	t        testing.TB
	store    *postgres.Store
	book     *app.Book
	clock    *hand
	commands *commands.Service
	srv      *httptest.Server
	console  *app.Console
	users    map[identity.Role]identity.User
	cases    map[string]string // by the debtor's key
}

// hand is business time moved by hand.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func (h *hand) Now(context.Context) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at, nil
}

func (h *hand) WakeWall(_ context.Context, at time.Time) (time.Time, error) { return at, nil }

func (h *hand) set(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// newSite makes the site with its console and a user in every role.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, store: pgtest.New(t), clock: &hand{at: now.AddDate(0, 0, -100)}, users: map[identity.Role]identity.User{}, cases: map[string]string{}}
	_, _, err := app.Publish(t.Context(), s.store, os.DirFS("../../../config"), "user:cli", now.AddDate(0, 0, -100))
	s.must(err)
	s.book = app.NewBook(s.store, clock.Wall)
	s.commands = app.NewCommands(s.store, s.book, s.clock)
	var handler http.Handler
	s.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.srv.Close)
	public, err := url.Parse(s.srv.URL)
	s.must(err)
	c, err := app.NewConsole(app.Deps{Store: s.store, Clock: s.clock, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))}, app.ConsoleOptions{Public: public})
	s.must(err)
	s.console, handler = c, c.Handler()
	for _, role := range identity.Roles() {
		u := identity.User{Name: string(role), Title: map[identity.Role]string{identity.Collector: "Rosa Diaz", identity.Operations: "Ola Berg"}[role], Created: now, Grants: []identity.Grant{{Creditor: identity.AllCreditors, Role: role}}}
		u.ID, err = s.store.AddUser(t.Context(), u)
		s.must(err)
		s.users[role] = u
	}
	return s
}

// signIn gives a tab the session of a role.
func (s *site) signIn(p *tab, role identity.Role) {
	s.t.Helper()
	token := identity.NewToken()
	s.must(s.store.OpenSession(context.Background(), identity.HashToken(token), identity.Session{
		User: s.users[role], Method: "password", Created: clock.Wall(), Expires: clock.Wall().Add(time.Hour),
	}))
	p.cookie("duly-session", token)
}

// person is a debtor of the portfolio.
type person struct {
	key, name, zone, place, country, locale, creditor, currency, kind string
	items                                                             []item
}

type item struct {
	amount string
	ago    int // days since it was due, at now
}

// put makes a debtor who can be reached by every channel.
func (s *site) put(p person) {
	s.t.Helper()
	ctx := context.Background()
	begin := now.AddDate(0, 0, -99)
	debtor, err := s.store.PutDebtor(ctx, postgres.Profile{
		Creditor: p.creditor, Key: p.key, Name: p.name, Locale: p.locale, Country: p.country, Address: []string{"12 Elm Street", "Springfield"},
	})
	s.must(err)
	account, err := s.store.PutAccount(ctx, postgres.Account{Debtor: debtor, Creditor: p.creditor, Key: "A-" + p.key, Currency: p.currency})
	s.must(err)
	s.must(s.store.PutPoints(ctx, debtor,
		postgres.Point{ID: p.key + "-e", Channel: dunning.Email, Value: p.key + "@example.invalid"}, postgres.Point{ID: p.key + "-s", Channel: dunning.SMS, Value: "+12125550100", Kind: "mobile"},
		postgres.Point{ID: p.key + "-c", Channel: dunning.Call, Value: "+12125550100", Kind: "mobile"}, postgres.Point{ID: p.key + "-l", Channel: dunning.Letter, Value: "12 Elm Street\nSpringfield"},
	))
	facts := []dunning.Fact{
		{At: begin, Body: dunning.DebtorKnown{DebtorKind: p.kind, Locale: p.locale, Country: p.country, Places: []string{p.place}, Zones: []string{p.zone}}},
		{At: begin, Body: dunning.PointKnown{ID: p.key + "-e", Channel: dunning.Email}},
		{At: begin, Body: dunning.PointKnown{ID: p.key + "-s", Channel: dunning.SMS, PointKind: "mobile"}},
		{At: begin, Body: dunning.PointKnown{ID: p.key + "-c", Channel: dunning.Call, PointKind: "mobile"}},
		{At: begin, Body: dunning.PointKnown{ID: p.key + "-l", Channel: dunning.Letter}},
		{At: begin, Body: dunning.Consented{ID: "c-" + p.key, Basis: "written", Channel: dunning.SMS}},
		{At: begin, Body: dunning.FeedSeen{Until: now.AddDate(1, 0, 0)}},
	}
	for i, it := range p.items {
		due := dunning.DateOf(now.AddDate(0, 0, -it.ago))
		facts = append(facts, dunning.Fact{At: begin, Account: account, Body: dunning.Item{
			Key: fmt.Sprintf("%s-%d", p.key, i+1), Number: fmt.Sprintf("INV-%s-%d", p.key, i+1), Issued: due.AddDays(-30), Due: due, Amount: money.MustParse(it.amount, p.currency), Class: p.kind,
		}})
	}
	s.append(debtor, facts...)
}

func (s *site) append(debtor string, facts ...dunning.Fact) {
	s.t.Helper()
	s.must(s.store.InDebtor(context.Background(), []string{debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(context.Background(), debtor, facts)
		return err
	}))
}

// live opens cases day by day and carries out what the core decides, as the worker would,
// up to now: a shell of a page.
func (s *site) live() {
	s.t.Helper()
	starter := &app.Starter{Store: s.store, Book: s.book, Clock: s.clock}
	for at := now.AddDate(0, 0, -95); !at.After(now); at = at.AddDate(0, 0, 1) {
		s.clock.set(at)
		_, err := starter.Run(context.Background(), app.StartOptions{})
		s.must(err)
	}
	s.clock.set(now)
	rows, err := s.store.Pool().Query(context.Background(), `SELECT c.id::text, d.key FROM cases c JOIN debtors d ON d.id = c.debtor_id ORDER BY d.key`)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var id, key string
		s.must(rows.Scan(&id, &key))
		s.cases[key] = id
	}
	s.must(rows.Err())
	rows.Close()
	for _, id := range s.cases {
		s.play(id, now)
	}
}

// play carries out what is due of a case up to an instant.
func (s *site) play(id string, until time.Time) {
	s.t.Helper()
	ctx := context.Background()
	ref, err := s.store.CaseRef(ctx, id)
	s.must(err)
	setup, err := s.book.Setup(ctx, ref)
	s.must(err)
	s.must(s.store.InDebtor(ctx, []string{ref.Debtor}, func(tx *postgres.Tx) error {
		log, _, err := tx.Facts(ctx, ref.Debtor)
		if err != nil {
			return err
		}
		at := until
		for _, x := range log {
			if _, opened := x.Body.(dunning.CaseOpened); opened && x.Case == id {
				at = x.At
			}
		}
		f, err := dunning.Fold(setup, log)
		if err != nil {
			return err
		}
		for range 400 {
			f.Version++
			d := dunning.Decide(f, at)
			decision := uuid.NewString()
			facts := carryOut(ref, d, decision, at)
			if err := tx.StoreDecision(ctx, dunning.StoredDecision{ID: decision, Case: id, Decision: d, Core: dunning.CoreVersion, Wall: at}); err != nil {
				return err
			}
			if len(facts) == 0 {
				if d.WakeAt.IsZero() || d.WakeAt.After(until) {
					return nil
				}
				at = later(d.WakeAt, at.Add(time.Second))
				continue
			}
			if _, _, err := tx.Append(ctx, ref.Debtor, facts); err != nil {
				return err
			}
			if f, err = f.Apply(facts); err != nil {
				return err
			}
		}
		return fmt.Errorf("case %s does not settle", id)
	}))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// carryOut is what carrying out a due decision makes true: a message is taken by its
// provider at once.
func carryOut(ref dunning.CaseRef, d dunning.Decision, decision string, at time.Time) []dunning.Fact {
	if !d.Due() && d.Verb != dunning.VerbRecord {
		return nil
	}
	fact := func(b dunning.Body) dunning.Fact {
		return dunning.Fact{At: at, Account: ref.Account, Case: ref.Case, By: "system", Body: b}
	}
	if d.Contact == nil || d.Contact.ID == "" {
		return d.Effects
	}
	planned := *d.Contact
	planned.Decision = decision
	out := []dunning.Fact{fact(planned), fact(dunning.ContactMoved{ID: d.Contact.ID, State: dunning.ContactSending})}
	moved := dunning.ContactMoved{ID: d.Contact.ID, State: dunning.ContactAccepted, ProviderID: "SB" + uuid.NewString()[:8]}
	return append(append(out, fact(moved)), d.Effects...)
}

// do carries out a command on somebody's case as a user.
func (s *site) do(key string, cmd dunning.Command) {
	s.t.Helper()
	_, err := s.commands.Do(context.Background(), s.cases[key], cmd, "user:"+s.users[identity.Collector].ID)
	s.must(err)
	s.play(s.cases[key], now)
}

// portfolio is made once for all tests of a process that only look.
func portfolio(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	ny := person{zone: "America/New_York", place: "US-NY", country: "US", locale: "en", creditor: "demo", currency: "USD", kind: "consumer"}
	add := func(base person, key, name string, items ...item) {
		base.key, base.name, base.items = key, name, items
		s.put(base)
	}
	la := ny
	la.zone, la.place = "America/Los_Angeles", "US-CA"
	add(ny, "101", "Ada Lovelace", item{"1240.00", 27}, item{"310.50", 12})
	add(ny, "102", "Grace Hopper", item{"89.90", 27})
	add(ny, "103", "Linus <b>Pauling</b>", item{"640.00", 33}, item{"120.00", 3})
	add(ny, "104", "Rosalind Franklin", item{"2750.00", 70}, item{"400.00", 45}, item{"99.00", 95})
	add(ny, "105", "Katherine Johnson", item{"455.25", 26})
	add(ny, "106", "Dorothy Vaughan", item{"150.00", 18})
	add(la, "107", "Barbara Liskov", item{"980.00", 25})
	add(la, "108", "Alan Turing", item{"61.00", 9})
	add(ny, "109", "Emmy Noether", item{"1800.00", 52})
	add(ny, "110", "Hedy Lamarr", item{"220.00", 30})
	for i := range 6 {
		add(ny, fmt.Sprintf("2%02d", i), fmt.Sprintf("Customer %d", i+1), item{fmt.Sprintf("%d.00", 100+i*73), 24 + i})
	}
	for i := range 5 { // customers of the collectors' journeys
		add(ny, fmt.Sprintf("3%02d", i), fmt.Sprintf("Guest %d", i+1), item{fmt.Sprintf("%d.00", 400+i*100), 24 + i})
	}
	s.must(s.store.FeedSeen(context.Background(), "demo", now))
	s.live()
	s.do("103", dunning.RaiseDispute{ID: uuid.NewString(), Item: "103-1"})
	s.do("104", dunning.TakeLease{ID: uuid.NewString(), Owner: s.users[identity.Collector].ID, Until: now.AddDate(0, 0, 2)})
	s.do("105", dunning.MakePromise{ID: uuid.NewString(), Amount: money.MustParse("455.25", "USD"), Due: dunning.DateOf(now.AddDate(0, 0, 5))})
	s.do("106", dunning.RecordPayment{ID: uuid.NewString(), Amount: money.MustParse("150.00", "USD")})
	s.do("109", dunning.AgreePlan{ID: uuid.NewString(), Count: 4, First: dunning.DateOf(now.AddDate(0, 0, 7))})
	s.do("110", dunning.PlaceHold{ID: uuid.NewString(), HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Until: now.AddDate(0, 0, 6)})
	pinned := uuid.NewString()
	s.do("102", dunning.WriteNote{ID: pinned, Text: "Only after six in the evening; ask for Grace, not for her brother.", Mentions: []string{s.users[identity.Collector].ID}})
	s.do("102", dunning.PinNote{ID: pinned})
	s.do("108", dunning.SetCallback{ID: uuid.NewString(), When: now.AddDate(0, 0, 1).Add(time.Hour), Owner: s.users[identity.Collector].ID, Words: "after the salary has come"})
	s.do("102", dunning.WriteNote{ID: uuid.NewString(), Text: "Asks for a copy of the invoice. <script>alert(1)</script>"})
	return s
}
