package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

func channelSwitch(reason string) postgres.Switch {
	return postgres.Switch{Switch: dunning.Switch{Scope: dunning.SwitchChannel, Subject: "sms"}, Reason: reason, By: "user:ada", On: noon}
}

func TestSwitchOnAndOff(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	first, err := b.SwitchOn(ctx, channelSwitch("wrong amounts"))
	b.must(err)
	again := channelSwitch("still wrong")
	again.On, again.Until = noon.Add(time.Hour), noon.Add(5*time.Hour)
	second, err := b.SwitchOn(ctx, again)
	b.must(err)
	if first.ID == second.ID {
		t.Error("what replaced a switch must be a row of its own")
	}
	on, err := b.Switches(ctx)
	b.must(err)
	if len(on) != 1 || on[0].Reason != "still wrong" || !on[0].Until.Equal(again.Until) || on[0].By != "user:ada" {
		t.Errorf("on: %+v", on)
	}
	b.must(b.SwitchOff(ctx, second.Switch, noon.Add(2*time.Hour), "user:bob", "mended"))
	if err := b.SwitchOff(ctx, second.Switch, noon, "user:bob", "again"); !errors.Is(err, postgres.ErrNotOn) {
		t.Errorf("lifting it twice: %v", err)
	}
	if on, err = b.Switches(ctx); err != nil || len(on) != 0 {
		t.Errorf("still on: %+v, %v", on, err)
	}
	history, err := b.SwitchHistory(ctx, 9)
	if err != nil || len(history) != 2 || history[0].OffReason != "mended" || history[0].OffBy != "user:bob" || history[1].OffReason != "replaced" {
		t.Errorf("history %+v, %v", history, err)
	}
	audit, err := b.AuditOf(ctx, "switch/channel/sms", 9)
	if err != nil || len(audit) != 3 || audit[0].Action != "switch_off" || audit[0].Detail["reason"] != "mended" || audit[2].Detail["reason"] != "wrong amounts" {
		t.Errorf("audit %+v, %v", audit, err)
	}
}

func TestSwitchesWithoutSenseAreRefused(t *testing.T) {
	b := newBundle(t)
	for _, c := range []struct {
		about  string
		change func(*postgres.Switch)
	}{
		{"without a reason", func(s *postgres.Switch) { s.Reason = "" }},
		{"without a name", func(s *postgres.Switch) { s.By = "" }},
		{"over before it begins", func(s *postgres.Switch) { s.Until = noon }},
		{"of no scope", func(s *postgres.Switch) { s.Scope = "planet" }},
		{"of a channel that does not send", func(s *postgres.Switch) { s.Subject = "pigeon" }},
	} {
		s := channelSwitch("x")
		c.change(&s)
		if _, err := b.SwitchOn(t.Context(), s); !errors.Is(err, dunning.ErrInvalid) {
			t.Errorf("%s: %v", c.about, err)
		}
	}
	if err := b.SwitchOff(t.Context(), channelSwitch("x").Switch, noon, "", ""); !errors.Is(err, dunning.ErrInvalid) {
		t.Errorf("lifting without a reason: %v", err)
	}
	if on, err := b.Switches(t.Context()); err != nil || len(on) > 0 {
		t.Errorf("something is on: %+v, %v", on, err)
	}
}

// TestASwitchIsEvidence: what it said cannot be rewritten, nor removed.
func TestASwitchIsEvidence(t *testing.T) {
	b := newBundle(t)
	_, err := b.SwitchOn(t.Context(), channelSwitch("x"))
	b.must(err)
	for _, sql := range []string{
		"UPDATE switches SET reason = 'y'", "UPDATE switches SET until = now() + interval '1 day'", "DELETE FROM switches", "TRUNCATE switches",
	} {
		if _, err := b.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s went through", sql)
		}
	}
}

// TestNoFenceIsOpenWhenASwitchIsOn: a transaction that has seen no switch and has not
// committed holds the switch up; when SwitchOn returns, it is over.
func TestNoFenceIsOpenWhenASwitchIsOn(t *testing.T) {
	b := newBundle(t)
	seen, let, turned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	committed := false
	var mu sync.Mutex
	wg.Go(func() {
		err := b.in(func(tx *postgres.Tx) error {
			on, err := tx.HoldSwitches(t.Context())
			if err != nil || len(on) > 0 {
				t.Errorf("the fence saw %d switches, %v", len(on), err)
			}
			close(seen)
			<-let
			mu.Lock()
			committed = true
			mu.Unlock()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-seen
	wg.Go(func() {
		defer close(turned)
		if _, err := b.SwitchOn(t.Context(), channelSwitch("stop")); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !committed {
			t.Error("the switch was on while a fence from before was still open")
		}
	})
	awaitWaiter(t, b.Store)
	select {
	case <-turned:
		t.Error("the switch did not wait for the fence")
	default:
	}
	close(let)
	wg.Wait()
	b.must(b.in(func(tx *postgres.Tx) error {
		on, err := tx.HoldSwitches(t.Context())
		if len(on) != 1 {
			t.Errorf("the next fence sees %d switches", len(on))
		}
		return err
	}))
}

// awaitWaiter waits until somebody waits for an advisory lock.
func awaitWaiter(t *testing.T, s *postgres.Store) {
	t.Helper()
	eventually(t, "somebody waits for the switches", func() bool {
		var n int
		err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "+
			"AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&n)
		return err == nil && n > 0
	})
}

// TestLiftingWakesWhoWaited: only cases that a switch keeps waiting are nudged.
func TestLiftingWakesWhoWaited(t *testing.T) {
	b := newBundle(t)
	ctx := t.Context()
	b.open()
	_, err := b.SwitchOn(ctx, channelSwitch("stop"))
	b.must(err)
	decide := func(id, rule string) {
		b.must(b.in(func(tx *postgres.Tx) error {
			d := b.decision(id, "", 1, noon.Add(6*time.Hour))
			d.Decision.Rule, d.Decision.Deferred = rule, true
			return tx.StoreDecision(ctx, d)
		}))
	}
	nudges := func() int {
		list, err := b.Undelivered(ctx, 9)
		b.must(err)
		b.must(b.Delivered(ctx, list))
		return len(list)
	}
	nudges()
	decide("d1", "spacing")
	b.must(b.SwitchOff(ctx, channelSwitch("").Switch, noon, "user:ada", "over"))
	if n := nudges(); n != 0 {
		t.Errorf("%d cases were woken that did not wait for a switch", n)
	}
	decide("d2", "switch:channel")
	if err := b.SwitchOff(ctx, channelSwitch("").Switch, noon, "user:ada", "over"); !errors.Is(err, postgres.ErrNotOn) {
		t.Errorf("lifting again: %v", err)
	}
	if n := nudges(); n != 1 {
		t.Errorf("%d cases were woken, want the one that waits", n)
	}
}
