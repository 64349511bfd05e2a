package app

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/activities"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/workflows"
)

// Two cases of one debtor race for the last allowed contact: so many debtors, so many
// times each, which makes 1,000 rounds.
const (
	raceDebtors = 125
	raceRounds  = 8
	raceAtOnce  = 8
)

// racers gives every case the same sequence and one text a week per person.
type racers struct {
	policies contact.Set
	sequence *dunning.Sequence
}

func newRacers(t *testing.T) racers {
	t.Helper()
	pack, faults := contact.Compile(contact.PackSpec{
		Pack: "own", Title: "Own", Version: "1", Kind: "house", Jurisdiction: "*",
		Rules: []contact.RuleSpec{{
			ID: "OWN-CAP", Title: "One contact a week", Citation: "test", Channels: []string{"contact"},
			Count: &contact.CountSpec{Max: 1, Days: 7, Per: "person"},
		}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	seq := &dunning.Sequence{ID: "s", Version: "1"}
	for i := range raceRounds {
		at := 3 + i
		seq.Steps = append(seq.Steps, dunning.Step{
			ID: fmt.Sprintf("s%d", i), At: &at, Verb: dunning.VerbSend, Send: []dunning.Channeled{{Channel: dunning.Email, Template: "t"}},
		})
	}
	return racers{contact.NewSet(pack), seq}
}

func (r racers) Frame(_ context.Context, ref dunning.CaseRef) (activities.Frame, error) {
	return activities.Frame{Policies: "own@1", Zones: "test", Setup: dunning.Setup{
		Creditor: dunning.Creditor{ID: "demo", Role: "first_party", Zone: "UTC"}, Debtor: ref.Debtor, Account: ref.Account, Case: ref.Case, Currency: ref.Currency,
		Sequence: r.sequence, Policies: r.policies, Zone: func(string) *time.Location { return time.UTC }, Record: true,
	}}, nil
}

func (racers) Render(context.Context, dunning.CaseRef, dunning.ContactPlanned) (dunning.Message, error) {
	return dunning.Message{Channel: dunning.Email, To: "a@example.invalid", Subject: "s", Text: "t"}, nil
}

func (racers) Send(_ context.Context, m dunning.Message) dunning.Outcome {
	return dunning.Outcome{State: dunning.SendAccepted, ProviderID: m.Attempt}
}

func (racers) Lookup(context.Context, dunning.Message) dunning.Evidence {
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
}

// pair is a debtor with two accounts and a case on each.
type pair struct {
	debtor string
	cases  [2]string
}

func (s *site) pair(n int) pair {
	s.t.Helper()
	ctx := s.t.Context()
	p := pair{}
	var err error
	p.debtor, err = s.store.PutDebtor(ctx, postgres.Profile{Creditor: "demo", Key: fmt.Sprintf("D%d", n)})
	s.must(err)
	due := dunning.DateOf(start).AddDays(-1)
	facts := []dunning.Fact{
		{At: start, Body: dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}}},
		{At: start, Body: dunning.PointKnown{ID: "e", Channel: dunning.Email}},
	}
	var refs []dunning.CaseRef
	for i := range p.cases {
		key := fmt.Sprintf("D%d-%d", n, i)
		id, err := s.store.PutAccount(ctx, postgres.Account{Debtor: p.debtor, Creditor: "demo", Key: key, Currency: "USD"})
		s.must(err)
		p.cases[i] = postgres.AccountID("case", key, "USD")
		refs = append(refs, dunning.CaseRef{Case: p.cases[i], Account: id, Debtor: p.debtor, Creditor: "demo", Currency: "USD", Sequence: "s", Version: "1", Open: true})
		facts = append(facts,
			dunning.Fact{At: start, Account: id, Body: dunning.Item{Key: key, Due: due, Amount: money.MustParse("10", "USD")}},
			dunning.Fact{At: start, Account: id, Case: p.cases[i], Body: dunning.CaseOpened{Sequence: "s", Version: "1"}})
	}
	s.must(s.store.InDebtor(ctx, []string{p.debtor}, func(tx *postgres.Tx) error {
		for _, ref := range refs {
			if _, err := tx.OpenCase(ctx, ref); err != nil {
				return err
			}
		}
		_, _, err := tx.Append(ctx, p.debtor, facts)
		return err
	}))
	return p
}

// Two cases of one debtor that both want the last contact that is allowed never both get
// it, and one of them does: 1,000 rounds on Postgres, both hand-overs at the same time.
func TestTwoCasesRaceForTheLastContact(t *testing.T) {
	s := &site{t: t, store: pgtest.New(t), clock: &handClock{now: start}}
	s.must(s.store.PutCreditors(t.Context(), "demo"))
	r := newRacers(t)
	acts := (&activities.Activities{
		Store: actStore{s.store}, Frames: r, Renderer: r, Channels: map[dunning.Channel]activities.Channel{dunning.Email: r}, Clock: s.clock,
		Count: func(string) {},
	}).All()
	var pairs []pair
	for n := range raceDebtors {
		pairs = append(pairs, s.pair(n))
	}
	for round := range raceRounds {
		s.clock.set(start.AddDate(0, 0, 3+8*round))
		s.atOnce(len(pairs), func(n int) { s.race(acts, pairs[n]) })
		for _, p := range pairs {
			if left := s.left(p); left != round+1 {
				t.Fatalf("after round %d %d contacts have left for debtor %s: in one round both cases, or none, got the last one", round+1, left, p.debtor)
			}
		}
	}
}

// race plans both cases, then carries both plans out at the same time.
func (s *site) race(acts map[workflows.Activity]workflows.Func, p pair) {
	var planned [2]dunning.Next
	for i, id := range p.cases {
		next, err := acts[workflows.Look](s.t.Context(), workflows.Request{Case: id})
		if err != nil || next.Verb != dunning.VerbSend {
			s.t.Errorf("case %s plans %+v, %v", id, next, err)
			return
		}
		planned[i] = next
	}
	begin := make(chan struct{})
	var done sync.WaitGroup
	for i, id := range p.cases {
		done.Go(func() {
			<-begin
			if _, err := acts[workflows.Send](s.t.Context(), workflows.Request{Case: id, Intent: planned[i].DecisionID}); err != nil {
				s.t.Errorf("case %s: %v", id, err)
			}
		})
	}
	close(begin)
	done.Wait()
}

// left counts the contacts of a debtor that passed the fence.
func (s *site) left(p pair) int {
	s.t.Helper()
	n := 0
	for _, id := range p.cases {
		contacts, err := s.store.Contacts(s.t.Context(), id)
		s.must(err)
		for _, c := range contacts {
			if c.State != dunning.ContactReserved && c.State != dunning.ContactCancelled {
				n++
			}
		}
	}
	return n
}

// atOnce runs n jobs, so many at a time.
func (s *site) atOnce(n int, job func(int)) {
	var done sync.WaitGroup
	slots := make(chan struct{}, raceAtOnce)
	for i := range n {
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			job(i)
		})
	}
	done.Wait()
}
