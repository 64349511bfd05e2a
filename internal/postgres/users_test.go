package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

func admin() []identity.Grant {
	return []identity.Grant{{Creditor: identity.AllCreditors, Role: identity.Admin}}
}

func TestUsers(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	u := identity.User{Name: "ada", Title: "Ada Example", Created: noon, Grants: append(admin(), identity.Grant{Creditor: "acme", Role: identity.Collector})}
	id, err := s.AddUser(ctx, u)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.UserByName(ctx, "ada")
	if err != nil || got.ID != id || got.Title != "Ada Example" || !slices.Equal(got.Grants, u.Grants) || !got.Created.Equal(noon) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string]identity.User{
		"the same name":          {Name: "ada", Created: noon},
		"a name with a capital":  {Name: "Ada", Created: noon},
		"an unknown role":        {Name: "eve", Created: noon, Grants: []identity.Grant{{Creditor: "acme", Role: "emperor"}}},
		"a password in clear":    {Name: "eve", Created: noon, Password: "secret"},
		"a subject without whom": {Name: "eve", Created: noon, Subject: "s"},
	} {
		if _, err := s.AddUser(ctx, bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.UserByName(ctx, "eve"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("half of a refused user is there: %v", err)
	}
	if err := s.SetGrants(ctx, uuid.NewString(), nil); !errors.Is(err, identity.ErrNotFound) && err != nil {
		t.Errorf("grants of nobody: %v", err)
	}
}

// TestAnAdminStays: however two admins go at each other, one is left.
func TestAnAdminStays(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	var ids []string
	for _, name := range []string{"ada", "eve"} {
		id, err := s.AddUser(ctx, identity.User{Name: name, Created: noon, Grants: admin()})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range ids {
		group.Go(func() {
			if i == 0 {
				errs[i] = s.Disable(ctx, id, noon)
			} else {
				errs[i] = s.SetGrants(ctx, id, nil)
			}
		})
	}
	group.Wait()
	refused := 0
	for _, err := range errs {
		if errors.Is(err, identity.ErrLastAdmin) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused != 1 {
		t.Errorf("%d of two were refused, want 1: %v", refused, errs)
	}
}

func TestSessions(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	id, err := s.AddUser(ctx, identity.User{Name: "ada", Created: noon, Grants: admin()})
	if err != nil {
		t.Fatal(err)
	}
	hash := identity.HashToken("token")
	open := func(now time.Time) bool {
		t.Helper()
		ses, err := s.Session(ctx, hash, now, now.Add(-time.Hour))
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && ses.User.Name == "ada" && slices.Equal(ses.User.Grants, admin())
	}
	if err := s.OpenSession(ctx, hash, identity.Session{User: identity.User{ID: id}, Method: "password", Created: noon, Expires: noon.Add(3 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if !open(noon) || !open(noon.Add(59*time.Minute)) || open(noon.Add(time.Hour)) {
		t.Error("a session without use ends after the idle time, not before")
	}
	if err := s.TouchSession(ctx, hash, noon.Add(50*time.Minute)); err != nil || !open(noon.Add(100*time.Minute)) {
		t.Errorf("use does not keep it: %v", err)
	}
	if err := s.TouchSession(ctx, hash, noon); err != nil || !open(noon.Add(100*time.Minute)) {
		t.Errorf("a late touch goes back: %v", err)
	}
	_ = s.TouchSession(ctx, hash, noon.Add(179*time.Minute))
	if open(noon.Add(3 * time.Hour)) {
		t.Error("a session outlives its end")
	}
	if n, err := s.EndSessions(ctx, id, hash); err != nil || n != 0 || !open(noon) {
		t.Errorf("the session that was to be spared: %d, %v", n, err)
	}
	if err := s.Sweep(ctx, noon.Add(3*time.Hour), noon.Add(-time.Hour), noon); err != nil || open(noon) {
		t.Errorf("an old session is not swept: %v", err)
	}
	var inClear int
	if err := s.Pool().QueryRow(ctx, `SELECT count(*) FROM sessions s WHERE s::text LIKE '%token%'`).Scan(&inClear); err != nil || inClear != 0 {
		t.Errorf("tokens are kept in the clear: %d, %v", inClear, err)
	}
}

func TestSigninIsGoodForOnce(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	state := identity.HashToken("state")
	if err := s.AddSignin(ctx, state, identity.Signin{Nonce: "n", Verifier: "v", Next: "/x", Expires: noon.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	won := make([]bool, 6)
	for i := range won {
		group.Go(func() {
			in, err := s.TakeSignin(ctx, state, noon)
			won[i] = err == nil && in.Nonce == "n" && in.Verifier == "v" && in.Next == "/x"
		})
	}
	group.Wait()
	n := 0
	for _, w := range won {
		if w {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of six got the login, want 1", n)
	}
}

func TestAnswersAreKeptOnce(t *testing.T) {
	s, ctx := pgtest.New(t), t.Context()
	one, two := identity.HashToken("one"), identity.HashToken("two")
	mine, _, err := s.BeginAnswer(ctx, "key:1", "k", one, noon)
	if err != nil || !mine {
		t.Fatalf("%v, %v", mine, err)
	}
	if mine, a, err := s.BeginAnswer(ctx, "key:1", "k", one, noon.Add(time.Minute)); mine || err != nil || a.Status != 0 || a.Request != one {
		t.Errorf("while it is under way: %v, %+v, %v", mine, a, err)
	}
	if mine, _, err := s.BeginAnswer(ctx, "key:1", "k", two, noon.Add(time.Hour)); mine || err != nil {
		t.Errorf("another request takes an abandoned key over: %v, %v", mine, err)
	}
	if mine, _, err := s.BeginAnswer(ctx, "key:1", "k", one, noon.Add(3*time.Minute)); !mine || err != nil {
		t.Errorf("the same request does not take an abandoned key over: %v, %v", mine, err)
	}
	if mine, _, err := s.BeginAnswer(ctx, "key:2", "k", two, noon); !mine || err != nil {
		t.Errorf("another API key's key of the same name: %v, %v", mine, err)
	}
	if err := s.FinishAnswer(ctx, "key:1", "k", identity.Answer{Status: 200, Type: "application/json", Body: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetAnswer(ctx, "key:1", "k"); err != nil {
		t.Fatal(err)
	}
	if mine, a, err := s.BeginAnswer(ctx, "key:1", "k", one, noon.Add(time.Hour)); mine || err != nil || a.Status != 200 || string(a.Body) != "{}" {
		t.Errorf("the finished answer: %v, %+v, %v", mine, a, err)
	}
}

// hook adds a webhook that hears of everything.
func (b *bundle) hook() string {
	b.t.Helper()
	id := uuid.NewString()
	b.must(b.AddHook(context.Background(), identity.Hook{ID: id, Creditor: "*", URL: "https://example.invalid/", Secret: strings.Repeat("s", 24), By: "user:test", Created: noon}))
	return id
}

func (b *bundle) pay(id string) dunning.Fact {
	return dunning.Fact{At: noon, Account: b.account, Source: id, Body: dunning.Payment{ID: id, Amount: money.MustParse("1.00", "USD")}}
}

// spread counts the new events.
func (b *bundle) spread(f func(postgres.HookEvent) ([]postgres.HookDelivery, error)) int {
	b.t.Helper()
	n, err := b.SpreadEvents(context.Background(), 1000, noon, f)
	b.must(err)
	return n
}

func nothing(postgres.HookEvent) ([]postgres.HookDelivery, error) { return nil, nil }

func TestHookEventsComeWithTheirFacts(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	add := func(facts ...dunning.Fact) error {
		return b.InDebtor(ctx, []string{b.debtor}, func(tx *postgres.Tx) error {
			_, _, err := tx.Append(ctx, b.debtor, facts)
			return err
		})
	}
	b.must(add(b.pay("before")))
	if n := b.spread(nothing); n != 0 {
		t.Errorf("%d events while nobody listens", n)
	}
	id := b.hook()
	b.must(add(b.pay("one"), b.pay("two"), dunning.Fact{At: noon, Account: b.account, Body: dunning.NoteWritten{ID: "n", Text: "x"}}))
	b.must(add(b.pay("one"))) // known already
	failed := b.InDebtor(ctx, []string{b.debtor}, func(tx *postgres.Tx) error {
		if _, _, err := tx.Append(ctx, b.debtor, []dunning.Fact{b.pay("rolled back")}); err != nil {
			return err
		}
		return errors.New("no")
	})
	if failed == nil {
		t.Fatal("the transaction was to fail")
	}
	var told []string
	b.spread(func(e postgres.HookEvent) ([]postgres.HookDelivery, error) {
		p, ok := e.Fact.Body.(dunning.Payment)
		if !ok || e.Creditor != creditor || e.DebtorKey != "D-1" || e.AccountKey != "D-1" || e.Fact.Account != b.account || e.Version == 0 {
			t.Errorf("event %+v", e)
		}
		told = append(told, p.ID)
		return []postgres.HookDelivery{{Hook: id, Name: "payment.recorded", Body: []byte(p.ID)}}, nil
	})
	if !slices.Equal(told, []string{"one", "two"}) {
		t.Errorf("told %v", told)
	}
	if n := b.spread(nothing); n != 0 {
		t.Errorf("%d events are told twice", n)
	}
	b.must(b.EndHook(ctx, id, noon))
	b.must(add(b.pay("after")))
	if n := b.spread(nothing); n != 0 {
		t.Errorf("%d events after the last webhook went", n)
	}
	if got, err := b.ClaimDeliveries(ctx, 10, noon, noon.Add(time.Minute)); err != nil || len(got) != 0 {
		t.Errorf("deliveries of a webhook that went: %v, %v", got, err)
	}
}

// TestWebhooksTakeTurns: one with a long queue keeps no other waiting.
func TestWebhooksTakeTurns(t *testing.T) {
	b := newBundle(t)
	ctx, busy, other := t.Context(), b.hook(), b.hook()
	var facts []dunning.Fact
	for i := range 30 {
		facts = append(facts, b.pay("p"+strings.Repeat("x", i)))
	}
	b.must(b.InDebtor(ctx, []string{b.debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(ctx, b.debtor, facts)
		return err
	}))
	n := 0
	b.spread(func(e postgres.HookEvent) ([]postgres.HookDelivery, error) {
		out := []postgres.HookDelivery{{Hook: busy, Name: "payment.recorded", Body: []byte("{}")}}
		if n++; n > 27 {
			out = append(out, postgres.HookDelivery{Hook: other, Name: "payment.recorded", Body: []byte("{}")})
		}
		return out, nil
	})
	count := func(got []postgres.ClaimedDelivery, err error) map[string]int {
		b.must(err)
		out := map[string]int{}
		for _, d := range got {
			out[d.Hook]++
		}
		return out
	}
	if got := count(b.ClaimDeliveries(ctx, 10, noon, noon.Add(time.Minute))); got[busy] != 7 || got[other] != 3 {
		t.Errorf("claimed %d of the long queue and %d of the other, want 7 and 3", got[busy], got[other])
	}
	if got := count(b.ClaimDeliveries(ctx, 10, noon, noon.Add(time.Minute), busy)); len(got) != 0 {
		t.Errorf("%v are claimed of a webhook that waits", got)
	}
	if got := count(b.ClaimDeliveries(ctx, 100, noon, noon.Add(time.Minute))); got[busy] != 23 {
		t.Errorf("%v are left", got)
	}
}

func TestDeliveriesAreClaimedOnce(t *testing.T) {
	b := newBundle(t)
	ctx, id := t.Context(), b.hook()
	var facts []dunning.Fact
	for i := range 20 {
		facts = append(facts, b.pay("p"+strings.Repeat("x", i)))
	}
	b.must(b.InDebtor(ctx, []string{b.debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(ctx, b.debtor, facts)
		return err
	}))
	b.spread(func(e postgres.HookEvent) ([]postgres.HookDelivery, error) {
		return []postgres.HookDelivery{{Hook: id, Name: "payment.recorded", Body: []byte("{}")}}, nil
	})
	var mu sync.Mutex
	seen := map[int64]int{}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				got, err := b.ClaimDeliveries(ctx, 3, noon, noon.Add(time.Minute))
				if err != nil || len(got) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, d := range got {
					seen[d.ID]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for d, n := range seen {
		if n != 1 {
			t.Errorf("delivery %d was claimed %d times", d, n)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d deliveries were claimed, want 20", len(seen))
	}
	later := noon.Add(2 * time.Minute)
	got, err := b.ClaimDeliveries(ctx, 100, later, later.Add(time.Minute))
	if err != nil || len(got) != 20 || got[0].Tries != 2 {
		t.Errorf("after a crash %d come back, %v", len(got), err)
	}
	for _, d := range got {
		b.must(b.EndDelivery(ctx, d.ID, later, time.Time{}, 204, ""))
	}
	if err := b.ReplayDelivery(ctx, uuid.NewString(), got[0].ID, later); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("another webhook's delivery is replayed: %v", err)
	}
	b.must(b.DropOldEvents(ctx, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)))
	if list, err := b.Deliveries(ctx, id, 1<<62, 100); err != nil || len(list) != 0 {
		t.Errorf("old deliveries stay: %d, %v", len(list), err)
	}
}
