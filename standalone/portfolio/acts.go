package portfolio

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// Kinds of rows that debtors and staff leave.
const (
	kindPay     = "pay"
	kindPromise = "promise"
	kindPlan    = "plan"
	kindDispute = "dispute"
	kindResolve = "resolve"
	kindBounce  = "bounce"
	kindStaff   = "staff"
	kindWork    = "work"
	kindDesk    = "desk"
	kindSettle  = "settle"
	kindStage   = "stage"
)

type (
	// payBody pays a part of what is owed then.
	payBody struct {
		Account  string `json:"account"`
		ID       string `json:"id"`
		Permille int    `json:"permille,omitempty"`
		Minor    int64  `json:"minor,omitempty"` // instead: a fixed amount
	}
	promiseBody struct {
		Account string `json:"account"`
		ID      string `json:"id"`
		Days    int    `json:"days"`
		Keeps   bool   `json:"keeps"`
	}
	planBody struct {
		Account string `json:"account"`
		ID      string `json:"id"`
		Count   int    `json:"count"`
		Pays    int    `json:"pays"` // so many instalments
	}
	// disputeBody disputes the oldest open invoice, unless what the debtor wrote has disputed
	// the account already; the staff answers after some days.
	disputeBody struct {
		Account string `json:"account"`
		ID      string `json:"id"`
		Days    int    `json:"days"`
		Outcome string `json:"outcome"`
	}
	bounceBody struct {
		Account string `json:"account"`
		Contact string `json:"contact"`
		Point   string `json:"point"`
	}
)

// Acts are what the rows of debtors and staff mean.
func (p *Portfolio) Acts() map[string]rehearse.Act {
	return map[string]rehearse.Act{
		kindPay:     {Play: play(p.pay)},
		kindPromise: {Play: play(p.promise)},
		kindPlan:    {Play: play(p.plan)},
		kindDispute: {Play: play(p.dispute)},
		kindResolve: {Play: play(p.resolve)},
		kindBounce:  {Play: play(p.bounce)},
		kindWork:    {Play: play(p.work)},
		kindDesk:    {Play: play(p.desk)},
		kindSettle:  {Play: play(p.settle)},
		kindStaff:   {Alone: true, Play: play(p.shift)},
		kindStage:   {Alone: true, Play: play(p.stage)},
	}
}

// play reads a row's body.
func play[B any](f func(context.Context, *rehearse.Player, postgres.Script, B) ([]postgres.Script, error)) func(context.Context, *rehearse.Player, postgres.Script) ([]postgres.Script, error) {
	return func(ctx context.Context, pl *rehearse.Player, row postgres.Script) ([]postgres.Script, error) {
		var b B
		if err := json.Unmarshal(row.Body, &b); err != nil {
			return nil, err
		}
		return f(ctx, pl, row, b)
	}
}

// told tells watchers what happened to an account.
func told(ctx context.Context, pl *rehearse.Player, at time.Time, account, what, detail string) {
	if a, err := pl.Account(ctx, account); err == nil {
		pl.Tell(rehearse.Event{At: at, Account: a.Key, What: what, Detail: detail})
	}
}

func (p *Portfolio) pay(ctx context.Context, pl *rehearse.Player, row postgres.Script, b payBody) ([]postgres.Script, error) {
	var paid money.Amount
	at, err := pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		minor := b.Minor
		if minor == 0 {
			minor = owed(f) * int64(b.Permille) / 1000
		}
		var err error
		if paid, err = money.FromMinor(min(minor, owed(f)), f.Currency); err != nil || paid.IsZero() {
			return nil, err
		}
		return dunning.Handle(f, dunning.RecordPayment{ID: b.ID, Amount: paid}, "import", at)
	})
	told(ctx, pl, at, b.Account, "payment", paid.String())
	return nil, err
}

// promise promises all that is owed; who keeps it pays on the day.
func (p *Portfolio) promise(ctx context.Context, pl *rehearse.Player, row postgres.Script, b promiseBody) ([]postgres.Script, error) {
	zone, err := p.zoneOf(ctx, pl, b.Account)
	if err != nil {
		return nil, err
	}
	due := dunning.DateOf(row.At.In(zone)).AddDays(b.Days)
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		amount, err := money.FromMinor(owed(f), f.Currency)
		if err != nil || amount.IsZero() {
			return nil, err
		}
		return dunning.Handle(f, dunning.MakePromise{ID: b.ID, Amount: amount, Due: due, Grace: 2}, "debtor", at)
	})
	told(ctx, pl, row.At, b.Account, "promise", "by "+due.String())
	if err != nil || !b.Keeps {
		return nil, err
	}
	return []postgres.Script{rehearse.Row(row.Key+"/kept", noon(due, zone), kindPay, payBody{Account: b.Account, ID: b.ID + "/kept", Permille: 1000})}, nil
}

// plan agrees a plan and pays as many instalments as this debtor does.
func (p *Portfolio) plan(ctx context.Context, pl *rehearse.Player, row postgres.Script, b planBody) ([]postgres.Script, error) {
	zone, err := p.zoneOf(ctx, pl, b.Account)
	if err != nil {
		return nil, err
	}
	var agreed []dunning.Instalment
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		first := dunning.DateOf(at.In(zone)).AddDays(7)
		facts, err := dunning.Handle(f, dunning.AgreePlan{ID: b.ID, Count: b.Count, First: first}, "debtor", at)
		if err != nil {
			return nil, err
		}
		agreed = instalments(f, facts, b.ID)
		return facts, nil
	})
	if err != nil {
		return nil, err
	}
	told(ctx, pl, row.At, b.Account, "plan", fmt.Sprintf("%d instalments", len(agreed)))
	var rows []postgres.Script
	for i, x := range agreed[:min(b.Pays, len(agreed))] {
		id := fmt.Sprintf("%s/instalment-%d", b.ID, i+1)
		rows = append(rows, rehearse.Row(fmt.Sprintf("%s/pay-%d", row.Key, i+1), noon(x.Due, zone), kindPay, payBody{Account: b.Account, ID: id, Minor: x.Amount.Minor()}))
	}
	return rows, nil
}

// instalments of a plan that is being agreed, or was before a crash.
func instalments(f dunning.Facts, facts []dunning.Fact, id string) []dunning.Instalment {
	for _, x := range facts {
		if p, ok := x.Body.(dunning.PlanAgreed); ok {
			return p.Instalments
		}
	}
	for _, p := range f.Plans {
		if p.ID == id {
			return p.Instalments
		}
	}
	return nil
}

func (p *Portfolio) dispute(ctx context.Context, pl *rehearse.Player, row postgres.Script, b disputeBody) ([]postgres.Script, error) {
	zone, err := p.zoneOf(ctx, pl, b.Account)
	if err != nil {
		return nil, err
	}
	raised := false
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		if h := disputed(f, at); h != nil {
			raised, b.ID = true, h.ID
			if b.Outcome == "corrected" { // which invoice is wrong was not said
				b.Outcome = "rejected"
			}
			return nil, nil
		}
		for i := range f.Items {
			if it := &f.Items[i]; it.Open > 0 && it.Disposition == dunning.InSequence {
				raised = true
				return dunning.Handle(f, dunning.RaiseDispute{ID: b.ID, Item: it.Key}, "debtor", at)
			}
		}
		return nil, nil
	})
	if err != nil || !raised {
		return nil, err
	}
	told(ctx, pl, row.At, b.Account, "dispute", "")
	answer := dunning.DateOf(row.At.In(zone)).AddDays(b.Days)
	return []postgres.Script{rehearse.Row(row.Key+"/resolve", noon(answer, zone), kindResolve, b)}, nil
}

// disputed is the dispute of the account by what the debtor wrote; nil for none.
func disputed(f dunning.Facts, at time.Time) *dunning.HoldState {
	for i := range f.Holds {
		h := &f.Holds[i]
		if h.HoldKind == dunning.HoldDispute && h.Scope != dunning.ScopeItem && (h.End.IsZero() || h.End.After(at)) {
			return h
		}
	}
	return nil
}

// resolve is the staff's answer. A correction halves the invoice.
func (p *Portfolio) resolve(ctx context.Context, pl *rehearse.Player, row postgres.Script, b disputeBody) ([]postgres.Script, error) {
	by, err := p.staff(ctx, pl, identity.Collector)
	if err != nil {
		return nil, err
	}
	_, err = pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		cmd := dunning.ResolveDispute{ID: b.ID, Outcome: b.Outcome}
		for _, h := range f.Holds {
			for i := range f.Items {
				if it := &f.Items[i]; h.ID == b.ID && h.Item == it.Key {
					cmd.Amount = it.Amount.Of(it.Amount.Minor() / 2)
				}
			}
		}
		return dunning.Handle(f, cmd, by, at)
	})
	told(ctx, pl, row.At, b.Account, "resolved", b.Outcome)
	return nil, err
}

// bounce is the provider's late news that an address does not exist.
func (p *Portfolio) bounce(ctx context.Context, pl *rehearse.Player, row postgres.Script, b bounceBody) ([]postgres.Script, error) {
	_, err := pl.Write(ctx, b.Account, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		for _, c := range f.Contacts {
			if c.ID == b.Contact && c.State == dunning.ContactAccepted {
				moved := dunning.ContactMoved{ID: c.ID, State: dunning.ContactBounced, Class: dunning.FailedRecipient, Permanent: true, Code: "no_such_address"}
				return []dunning.Fact{
					{At: at, Account: c.Account, Case: c.Case, By: "provider", Source: row.Key, Body: moved},
					{At: at, By: "provider", Source: row.Key, Body: dunning.PointDead{ID: b.Point, Reason: "hard_bounce"}},
				}, nil
			}
		}
		return nil, nil
	})
	told(ctx, pl, row.At, b.Account, "bounced", "")
	return nil, err
}

func noon(d dunning.Date, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, zone).UTC()
}

func (p *Portfolio) zoneOf(ctx context.Context, pl *rehearse.Player, account string) (*time.Location, error) {
	a, err := pl.Account(ctx, account)
	if err != nil {
		return nil, err
	}
	return creditorZone(ctx, pl, a.Creditor)
}
