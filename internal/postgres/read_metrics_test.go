package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// TestHookBacklog: what webhooks in force have still to be told is counted, and what was given
// up; what was delivered, and what a webhook that went had to be told, is not.
func TestHookBacklog(t *testing.T) {
	b := newBundle(t)
	ctx, hook, gone := t.Context(), b.hook(), b.hook()
	is := func(when string, waiting, givenUp int64, aged bool) {
		t.Helper()
		got, err := b.HookBacklog(context.Background())
		if err != nil || got.Waiting != waiting || got.GivenUp != givenUp || got.Oldest.IsZero() == aged {
			t.Errorf("%s: %+v, %v; want %d waiting, %d given up, an oldest one: %v", when, got, err, waiting, givenUp, aged)
		}
	}
	is("nothing happened", 0, 0, false)
	b.must(b.InDebtor(ctx, []string{b.debtor}, func(tx *postgres.Tx) error {
		_, _, err := tx.Append(ctx, b.debtor, []dunning.Fact{b.pay("one"), b.pay("two"), b.pay("three")})
		return err
	}))
	b.spread(func(postgres.HookEvent) ([]postgres.HookDelivery, error) {
		return []postgres.HookDelivery{{Hook: hook, Name: "payment.recorded", Body: []byte("{}")}, {Hook: gone, Name: "payment.recorded", Body: []byte("{}")}}, nil
	})
	is("three payments, for two webhooks", 6, 0, true)
	b.must(b.EndHook(ctx, gone, noon))
	is("one of them is removed", 3, 0, true)
	claimed, err := b.ClaimDeliveries(ctx, 10, noon, noon.Add(time.Minute))
	if err != nil || len(claimed) != 3 {
		t.Fatalf("claimed %d, %v", len(claimed), err)
	}
	b.must(b.EndDelivery(ctx, claimed[0].ID, noon, time.Time{}, 200, ""))
	is("one is delivered", 2, 0, true)
	b.must(b.EndDelivery(ctx, claimed[1].ID, time.Time{}, time.Time{}, 500, "no answer"))
	is("one is given up", 1, 1, true)
	b.must(b.EndDelivery(ctx, claimed[2].ID, time.Time{}, noon.Add(time.Hour), 503, "busy"))
	is("one is tried again later", 1, 1, true)
	b.must(b.EndHook(ctx, hook, noon))
	is("nobody listens any more", 0, 0, false)
}
