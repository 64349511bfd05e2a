package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
)

// projected are the tables that follow from the log, with the columns that do.
var projected = []string{
	"SELECT account_id, key, number, issued, due, amount_minor, currency, version FROM items",
	"SELECT debtor_id, id, channel, kind, rank, dead FROM contact_points",
	"SELECT id, status, opened_at, closed_at, close_reason FROM cases",
	"SELECT * FROM tasks",
	"SELECT * FROM contacts",
	"SELECT contact_id, seq, version, state, at, class, code, permanent, provider_id, retry_at, deadline FROM attempts",
	"SELECT id, version FROM debtors",
	"SELECT account_id, version, body FROM account_standings",
	"SELECT * FROM work",
	"SELECT id, waits_for, queue, owner, currency, open_minor, oldest_due FROM cases",
	"SELECT * FROM logged_contacts",
	"SELECT debtor_id, version, seq, creditor_id, kind, at, by, source, channel, point, detail FROM consent_ledger",
	"SELECT creditor_id, kind, term, debtor_id, account_id FROM search_terms WHERE kind IN ('customer', 'invoice')",
}

// dump writes all projections as text, in a fixed order.
func dump(t *testing.T, s *postgres.Store) (out []string) {
	t.Helper()
	for _, q := range projected {
		rows, err := s.Pool().Query(t.Context(), "SELECT x::text FROM ("+q+") x ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			out = append(out, q+": "+line)
		}
	}
	return out
}

// life adds random facts, each of which is possible after those before it.
type life struct {
	*bundle
	r        *rand.Rand
	tasks    int
	contacts map[string]dunning.ContactState
	n        int
}

func (l *life) next() []dunning.Fact {
	l.n++
	at := noon.Add(time.Duration(l.n) * time.Minute)
	of := func(b dunning.Body) dunning.Fact { f := l.caseFact(b); f.At = at; return f }
	switch l.r.IntN(8) {
	case 0:
		return []dunning.Fact{of(item(fmt.Sprint("i", l.n))), of(payment("1"))}
	case 1:
		l.tasks++
		return []dunning.Fact{of(dunning.TaskOpened{ID: fmt.Sprint("t", l.tasks), Task: dunning.TaskCall, Queue: "q", Until: at.Add(time.Hour)})}
	case 2:
		return []dunning.Fact{of(dunning.TaskEnded{ID: fmt.Sprint("t", 1+l.r.IntN(l.tasks+1)), Outcome: "done"})}
	case 3:
		return []dunning.Fact{of(dunning.PointKnown{ID: fmt.Sprint("p", l.r.IntN(3)), Channel: dunning.SMS, Rank: l.r.IntN(5)})}
	case 4:
		return []dunning.Fact{of(dunning.PointDead{ID: fmt.Sprint("p", l.r.IntN(3)), Reason: "invalid"})}
	case 5:
		return []dunning.Fact{of(dunning.CaseClosed{Reason: "paid"}), of(dunning.CaseOpened{Reopened: true})}
	case 6:
		c := l.planned(l.n)
		l.contacts[c.ID] = dunning.ContactSending
		return []dunning.Fact{of(c), of(dunning.ContactMoved{ID: c.ID, State: dunning.ContactSending})}
	default:
		return l.move(of)
	}
}

// move takes a contact that is in somebody's hands further.
func (l *life) move(of func(dunning.Body) dunning.Fact) []dunning.Fact {
	for _, id := range sortedKeys(l.contacts) {
		if l.contacts[id] == dunning.ContactSending {
			m := dunning.ContactMoved{ID: id, State: dunning.ContactAccepted, ProviderID: "x" + id[len(id)-1:]}
			if l.r.IntN(2) == 0 {
				m = dunning.ContactMoved{ID: id, State: dunning.ContactFailed, Class: dunning.FailedNow, Code: "reset", Permanent: true}
			}
			l.contacts[id] = m.State
			return []dunning.Fact{of(m)}
		}
	}
	return []dunning.Fact{of(payment("2"))}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// TestProjectionsFollowFromTheLog plays the log of a random life into an empty database,
// version by version, and finds the same tables.
func TestProjectionsFollowFromTheLog(t *testing.T) {
	for seed := range uint64(3) {
		a := newBundle(t)
		a.reserved()
		l := &life{bundle: a, r: rand.New(rand.NewPCG(seed, 0)), contacts: map[string]dunning.ContactState{}}
		for range 60 {
			a.mustAdd(l.next()...)
		}
		facts, err := a.FactsAsOf(t.Context(), a.debtor, 1<<40)
		a.must(err)

		b := bundleOf(t, pgtest.New(t), "D-1")
		b.ref = a.ref
		replay(t, b, facts, a)
		if diff := cmp.Diff(dump(t, a.Store), dump(t, b.Store)); diff != "" {
			t.Errorf("seed %d: projections do not follow from the log:\n%s", seed, diff)
		}
		a.Close()
		b.Close()
	}
}

func replay(t *testing.T, b *bundle, facts []dunning.Fact, from *bundle) {
	t.Helper()
	ctx := context.Background()
	decisions, err := from.Decisions(ctx, from.ref.Case)
	b.must(err)
	b.must(b.in(func(tx *postgres.Tx) error {
		if _, err := tx.OpenCase(ctx, b.ref); err != nil {
			return err
		}
		for _, d := range decisions {
			if err := tx.StoreDecision(ctx, d); err != nil {
				return err
			}
		}
		for len(facts) > 0 {
			n := slices.IndexFunc(facts, func(f dunning.Fact) bool { return f.Version != facts[0].Version })
			if n < 0 {
				n = len(facts)
			}
			if _, _, err := tx.Append(ctx, b.debtor, facts[:n]); err != nil {
				return err
			}
			facts = facts[n:]
		}
		return nil
	}))
}
