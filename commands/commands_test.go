package commands_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/memstore"
)

var now = time.Date(2026, 3, 20, 9, 0, 0, 0, time.UTC)

// store adapts memstore to the ports.
type store struct{ *memstore.Store }

func (s store) InDebtor(ctx context.Context, debtor string, f func(commands.Tx) error) error {
	return s.Store.InDebtor(ctx, debtor, func(tx *memstore.Tx) error { return f(tx) })
}

func (s store) CaseRef(ctx context.Context, id string) (dunning.CaseRef, error) {
	ref, err := s.Store.CaseRef(ctx, id)
	if errors.Is(err, memstore.ErrNotFound) {
		err = commands.ErrNoCase
	}
	return ref, err
}

type setups struct{}

func (setups) Setup(_ context.Context, ref dunning.CaseRef) (dunning.Setup, error) {
	return dunning.Setup{
		Creditor: dunning.Creditor{ID: "acme", Role: "first_party", Zone: "UTC"}, Debtor: ref.Debtor, Account: ref.Account,
		Case: ref.Case, Currency: "USD", Sequence: versions[ref.Version], Target: versions[ref.TargetVersion], Zone: func(string) *time.Location { return time.UTC },
	}, nil
}

// versions of the sequence; 2 reminds later.
var versions = map[string]*dunning.Sequence{"1": sequence, "2": later(30), "3": later(40)}

func later(at int) *dunning.Sequence {
	s := *sequence
	s.Version, s.Steps = map[int]string{30: "2", 40: "3"}[at], slices.Clone(s.Steps)
	s.Steps[0].At = days(at)
	return &s
}

func days(n int) *int { return &n }

var sequence = &dunning.Sequence{
	ID: "s", Version: "1", Ladder: dunning.LadderLeading,
	Steps: []dunning.Step{{ID: "remind", At: days(3), Verb: dunning.VerbSend, Send: []dunning.Channeled{{Channel: dunning.Email, Template: "t"}}}},
}

func usd(s string) money.Amount { return money.MustParse(s, "USD") }

// world is a debtor with two accounts, each with an item and an open case.
func world(t *testing.T) (*memstore.Store, *commands.Service) {
	t.Helper()
	s := &memstore.Store{}
	start := now.AddDate(0, 0, -10)
	var facts []dunning.Fact
	for _, a := range []string{"1", "2"} {
		ref := dunning.CaseRef{Case: "case" + a, Account: "acc" + a, Debtor: "deb", Creditor: "acme", Currency: "USD", Sequence: "s", Version: "1"}
		s.AddCase(ref)
		facts = append(facts,
			dunning.Fact{At: start, Account: ref.Account, Body: dunning.Item{Key: "i" + a, Issued: dunning.DateOf(start), Due: dunning.DateOf(start), Amount: usd("100.00")}},
			dunning.Fact{At: start, Account: ref.Account, Case: ref.Case, Body: dunning.CaseOpened{Sequence: "s", Version: "1"}})
	}
	svc := &commands.Service{Store: store{s}, Setups: setups{}, Clock: clock.Fixed(now)}
	add(t, s, facts...)
	return s, svc
}

func add(t *testing.T, s *memstore.Store, facts ...dunning.Fact) {
	t.Helper()
	err := s.InDebtor(context.Background(), "deb", func(tx *memstore.Tx) error {
		_, _, err := tx.Append(context.Background(), "deb", facts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDo checks what commands leave behind: facts, and nudges for the open cases.
func TestDo(t *testing.T) {
	pay := dunning.RecordPayment{ID: "p1", Amount: usd("100.00")}
	consent := dunning.GiveConsent{Consented: dunning.Consented{ID: "c1", Basis: "written", Told: dunning.Told{Medium: "portal"}}, Received: now.Add(-time.Hour)}
	bankrupt := dunning.RecordStatus{StatusKnown: dunning.StatusKnown{ID: "b1", Status: dunning.StatusBankruptcy, Told: dunning.Told{Medium: "letter"}}}
	for _, tc := range []struct {
		name       string
		cmd        dunning.Command
		twice      bool
		wantFacts  int
		wantNudges []string
	}{
		{"a payment is one fact, and every open case of the debtor is woken", pay, false, 1, []string{"case1", "case2"}},
		{"the same payment again adds nothing and wakes nobody", pay, true, 0, nil},
		{"an opt-out concerns the debtor", dunning.OptOut{OptedOut: dunning.OptedOut{Channel: dunning.Email}}, false, 1, []string{"case1", "case2"}},
		{"a consent that was received an hour ago", consent, false, 1, []string{"case1", "case2"}},
		{"the same consent again adds nothing", consent, true, 0, nil},
		{"a bankruptcy is a status and a hold of all accounts", bankrupt, false, 2, []string{"case1", "case2"}},
		{"the same bankruptcy again adds nothing", bankrupt, true, 0, nil},
		{"a note is a fact like any other", dunning.WriteNote{ID: "n", Text: "called"}, false, 1, []string{"case1", "case2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, svc := world(t)
			if tc.twice {
				if _, err := svc.Do(t.Context(), "case1", tc.cmd, "user:1"); err != nil {
					t.Fatal(err)
				}
				s.TakeNudges()
			}
			res, err := svc.Do(t.Context(), "case1", tc.cmd, "user:1")
			if err != nil || res.Facts != tc.wantFacts || !res.At.Equal(now) {
				t.Fatalf("result %+v, error %v; want %d facts at %s", res, err, tc.wantFacts, now)
			}
			if got := s.TakeNudges(); !slices.Equal(got, tc.wantNudges) {
				t.Fatalf("nudged %q, want %q", got, tc.wantNudges)
			}
			facts := s.Facts("deb")
			if last := facts[len(facts)-1]; last.By != "user:1" {
				t.Fatalf("the fact names %q, want who said it", last.By)
			}
		})
	}
}

// TestRefusals: what cannot be done says why and leaves nothing.
func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name   string
		caseID string
		cmd    dunning.Command
		want   error
	}{
		{"a case that does not exist", "nope", dunning.HandBack{}, commands.ErrNoCase},
		{"a payment in another currency", "case1", dunning.RecordPayment{ID: "p", Amount: money.MustParse("1", "EUR")}, dunning.ErrInvalid},
		{"a reversal of a payment that never came", "case1", dunning.ReversePayment{Payment: "p"}, dunning.ErrUnknown},
		{"handing back what nobody took", "case1", dunning.HandBack{}, dunning.ErrConflict},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, svc := world(t)
			before := len(s.Facts("deb"))
			if _, err := svc.Do(t.Context(), tc.caseID, tc.cmd, "user:1"); !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if len(s.Facts("deb")) != before || len(s.TakeNudges()) > 0 {
				t.Fatal("a refused command left something behind")
			}
		})
	}
}

// TestReopen: a payment that bounces opens its closed case again at once and wakes it.
func TestReopen(t *testing.T) {
	s, svc := world(t)
	if _, err := svc.Do(t.Context(), "case1", dunning.RecordPayment{ID: "p", Amount: usd("100.00")}, "import"); err != nil {
		t.Fatal(err)
	}
	add(t, s, dunning.Fact{At: now, Account: "acc1", Case: "case1", Body: dunning.CaseClosed{Reason: "paid"}})
	s.TakeNudges()
	res, err := svc.Do(t.Context(), "case1", dunning.ReversePayment{Payment: "p"}, "import")
	if err != nil || !res.Reopened || res.Facts != 2 {
		t.Fatalf("result %+v, error %v; want the reversal and the re-opening", res, err)
	}
	if got := s.TakeNudges(); !slices.Contains(got, "case1") {
		t.Fatalf("nudged %q, want the case that was opened again", got)
	}
	if ref, _ := s.CaseRef(t.Context(), "case1"); !ref.Open {
		t.Fatal("the case is not open")
	}
}

// TestAccountWithoutCase: a payment may come before there is any case.
func TestAccountWithoutCase(t *testing.T) {
	s, svc := world(t)
	ref := dunning.CaseRef{Account: "acc3", Debtor: "deb", Creditor: "acme", Currency: "USD"}
	res, err := svc.DoAccount(t.Context(), ref, dunning.RecordPayment{ID: "p3", Amount: usd("5.00")}, "import")
	if err != nil || res.Facts != 1 {
		t.Fatalf("result %+v, error %v", res, err)
	}
	facts := s.Facts("deb")
	if got := facts[len(facts)-1].Account; got != "acc3" {
		t.Fatalf("the payment went to account %q", got)
	}
}

// TestRace: many at once about one debtor are one after another; a repeated id counts once.
func TestRace(t *testing.T) {
	s, svc := world(t)
	before := len(s.Facts("deb"))
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := "p" + string(rune('a'+i%10))
			if _, err := svc.Do(context.Background(), "case1", dunning.RecordPayment{ID: id, Amount: usd("1.00")}, "import"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(s.Facts("deb")) - before; got != 10 {
		t.Fatalf("%d payments were booked, want 10", got)
	}
}

// TestMigrate checks that a migration is asked for against the version that it names,
// whatever else waits, and that a case which moved meanwhile is loaded again.
func TestMigrate(t *testing.T) {
	s, svc := world(t)
	ask := func(id, version string) dunning.Migrate {
		return dunning.Migrate{ID: id, Version: version, Reason: "new wording"}
	}
	ctx, stale := t.Context(), dunning.CaseRef{}
	for _, tc := range []struct {
		why  string
		cmd  dunning.Command
		want error
		n    int
	}{
		{"a version that nobody published", ask("m0", "9"), dunning.ErrUnknown, 0},
		{"asked", ask("m1", "2"), nil, 1},
		{"asked again with the same id", ask("m1", "2"), nil, 0},
		{"another takes its place", ask("m2", "3"), nil, 2},
		{"a payment does not need the version that the case is to follow", dunning.RecordPayment{ID: "p", Amount: usd("1.00")}, nil, 1},
		{"taken back", dunning.CancelMigration{}, nil, 1},
		{"none is left to take back", dunning.CancelMigration{}, dunning.ErrUnknown, 0},
	} {
		if res, err := svc.Do(ctx, "case1", tc.cmd, "user:1"); !errors.Is(err, tc.want) || tc.want == nil && err != nil || res.Facts != tc.n {
			t.Errorf("%s: %d facts, %v", tc.why, res.Facts, err)
		}
	}
	stale, _ = s.CaseRef(ctx, "case1")
	add(t, s, dunning.Fact{At: now, Account: "acc1", Case: "case1", Body: dunning.Migrated{ID: "m3", FromSequence: "s", FromVersion: "1", Sequence: "s", Version: "2", Reason: "r"}})
	if _, err := svc.DoAccount(ctx, stale, ask("m4", "2"), "user:1"); !errors.Is(err, dunning.ErrConflict) {
		t.Errorf("the case has moved to that very version since it was loaded: %v", err)
	}
	if res, err := svc.DoAccount(ctx, stale, ask("m5", "1"), "user:1"); err != nil || res.Facts != 1 {
		t.Errorf("back again, by what was loaded before it moved: %+v, %v", res, err)
	}
}
