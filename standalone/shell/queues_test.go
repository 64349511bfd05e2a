package shell

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/app"
	"github.com/duly/duly/internal/postgres"
)

// stuck is a provider that answers nobody until it is released.
type stuck struct {
	mu      sync.Mutex
	waiting int
	free    chan struct{}
}

func (s *stuck) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	s.mu.Lock()
	s.waiting++
	s.mu.Unlock()
	select {
	case <-s.free:
		return dunning.Outcome{State: dunning.SendAccepted, ProviderID: "stuck-" + m.Attempt}
	case <-ctx.Done():
		return dunning.Outcome{State: dunning.SendUnknown, Code: "stuck:timeout"}
	}
}

func (*stuck) Lookup(context.Context, dunning.Message) dunning.Evidence {
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow}
}
func (*stuck) Live() bool     { return false }
func (*stuck) String() string { return "stuck" }

func (s *stuck) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// TestASlowProviderHoldsUpNoOther: a worker has two slots per queue. Six text messages wait
// for a provider that does not answer; an email that is decided after that leaves all the
// same, and the texts leave when the provider is back.
func TestASlowProviderHoldsUpNoOther(t *testing.T) {
	const texts, slots = 6, 2
	sequence := func(id, when, priority, more string) string {
		return fmt.Sprintf("sequence: %s\ntitle: Messages\napplies_when: creditor.id == \"demo\" && %s\npriority: %s\nspacing: 1d\nsteps:\n"+
			"  - {id: one, at: +1d, send: [{email: friendly-reminder}]}\n%s", id, when, priority, more)
	}
	b := start(t, 43200, map[string]string{
		"sequences/texts.yaml": sequence("texts", `balance >= money("500.00")`, "99", "  - {id: two, at: +2d, send: [{sms: nudge}]}\n"),
		"sequences/mails.yaml": sequence("mails", `balance > money("0.00")`, "98", ""),
	})
	sms := &stuck{free: make(chan struct{})}
	ch, err := app.OpenChannels(func(string) string { return "" }, b.site.Store())
	b.must(err)
	ch[dunning.SMS] = sms
	w, err := app.NewWorker(t.Context(), app.Deps{Store: b.site.Store(), Temporal: b.client, Clock: b.site.Clock(), Channels: ch}, app.WorkerOptions{
		Activities: slots, Call: 80 * time.Second, Late: 5 * time.Second, Sweep: time.Second, Poll: time.Second, OpenEvery: 200 * time.Millisecond,
	})
	b.must(err)
	for i := range texts {
		key := fmt.Sprintf("T%d", i)
		debtor, _ := b.debtor(key, "600.00")
		b.must(b.site.Store().InDebtor(t.Context(), []string{debtor}, func(tx *postgres.Tx) error {
			_, _, err := tx.Append(t.Context(), debtor, []dunning.Fact{{At: began, Body: dunning.Consented{ID: "c", Basis: "written", Channel: dunning.SMS}}})
			return err
		}))
	}
	b.must(w.Start(t.Context()))
	t.Cleanup(w.Stop)
	release := sync.OnceFunc(func() { close(sms.free) })
	t.Cleanup(release)
	b.until("all slots of text messages wait for their provider", func(context.Context) bool { return sms.calls() == slots })
	b.debtor("M", "100.00")
	b.until("the email leaves while they wait", func(ctx context.Context) bool {
		n, err := b.site.Store().Sandbox().Count(ctx)
		return err == nil && n == texts+1
	})
	if n := sms.calls(); n != slots {
		t.Errorf("%d texts were handed over by %d slots", n, slots)
	}
	release()
	b.until("the texts leave when the provider is back", func(ctx context.Context) bool {
		counts, err := b.site.Store().CountContacts(ctx)
		n := int64(0)
		for _, c := range counts {
			if c.Channel == dunning.SMS && c.State == dunning.ContactAccepted {
				n += c.N
			}
		}
		return err == nil && n == texts
	})
}
