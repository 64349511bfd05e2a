package hooks

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
)

// Happened is a fact that webhooks may be told of, with whose it is.
type Happened struct {
	ID         string // of the event
	Creditor   string
	Customer   string // the creditor's own number of the debtor
	AccountKey string // the creditor's own; "" for facts of the debtor
	Version    int64  // of the debtor
	Fact       dunning.Fact
}

// Event is what a webhook gets. At is business time. Version orders the events of one
// customer: deliveries may arrive in any order, and more than once.
type Event struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	Creditor   string    `json:"creditor"`
	Customer   string    `json:"customer"`
	Version    int64     `json:"customer_version"`
	Account    string    `json:"account,omitempty"`
	AccountKey string    `json:"account_key,omitempty"`
	Case       string    `json:"case,omitempty"`
	Data       Data      `json:"data"`
}

// Data is what happened, in identifiers, codes and amounts.
type Data struct {
	ID       string       `json:"id,omitempty"` // of the payment, promise, plan, dispute, hold, task or contact
	Amount   money.Amount `json:"amount,omitzero"`
	Item     string       `json:"item,omitempty"`
	Items    []string     `json:"items,omitempty"`
	Step     string       `json:"step,omitempty"`
	Queue    string       `json:"queue,omitempty"`
	Kind     string       `json:"kind,omitempty"` // of a task
	Channel  string       `json:"channel,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Outcome  string       `json:"outcome,omitempty"`
	Due      string       `json:"due,omitempty"` // a day
	Until    time.Time    `json:"until,omitzero"`
	Sequence string       `json:"sequence,omitempty"`
	Reopened bool         `json:"reopened,omitempty"`
}

// Names are the types of an event, the most exact first; none: the fact is none. A webhook
// gets the first that it asked for.
func Names(b dunning.Body) []string {
	switch b := b.(type) {
	case dunning.CaseClosed:
		if b.Reason == "paid" {
			return []string{"case.paid", "case.closed"}
		}
		return []string{"case.closed"}
	case dunning.ItemsDisposed:
		return one(disposed[b.To])
	case dunning.ContactMoved:
		if b.State == dunning.ContactAccepted && stepOf(b.ID) != "" {
			return []string{"contact.accepted", "step.done"}
		}
		return one(moved[b.State])
	case dunning.TaskOpened:
		if b.Task == dunning.TaskEscalation {
			return []string{"case.escalated", "task.opened"}
		}
	case dunning.PromiseEnded:
		return one(promised[b.Outcome])
	case dunning.PlanEnded:
		if exact := "plan." + b.Outcome; b.Outcome == "broken" || b.Outcome == "kept" {
			return []string{exact, "plan.ended"}
		}
		return []string{"plan.ended"}
	}
	return one(plain[b.Kind()])
}

// stepOf is the step of a message, which its send key names: case, round, step, channel,
// ordinal. "" for a message that is of no step.
func stepOf(contact string) string {
	if parts := strings.Split(contact, "/"); len(parts) == 5 {
		return parts[2]
	}
	return ""
}

func one(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

var (
	disposed = map[dunning.Disposition]string{dunning.Exhausted: "case.exhausted", dunning.Referred: "case.referred", dunning.WrittenOff: "item.written_off"}
	moved    = map[dunning.ContactState]string{
		dunning.ContactAccepted: "contact.accepted", dunning.ContactFailed: "contact.failed", dunning.ContactUnknown: "contact.unknown", dunning.ContactBounced: "contact.bounced",
	}
	promised = map[string]string{"kept": "promise.kept", "partly": "promise.partly", "broken": "promise.broken"}
	plain    = map[dunning.Kind]string{
		"case_opened": "case.opened", "step_counted": "step.done", "payment": "payment.recorded", "payment_reversed": "payment.reversed",
		"promise_made": "promise.made", "plan_agreed": "plan.agreed", "dispute_raised": "dispute.raised", "dispute_resolved": "dispute.resolved",
		"hold_placed": "hold.placed", "hold_lifted": "hold.lifted", "task_opened": "task.opened", "opted_out": "account.opted_out",
	}
)

// dataOf picks what may be told.
func dataOf(b dunning.Body) Data {
	switch b := b.(type) {
	case dunning.CaseOpened:
		return Data{Sequence: b.Sequence, Reopened: b.Reopened}
	case dunning.CaseClosed:
		return Data{Reason: b.Reason}
	case dunning.StepCounted:
		return Data{Items: b.Items, Step: b.Step, Reason: b.Why}
	case dunning.ContactMoved:
		return Data{ID: b.ID, Step: stepOf(b.ID), Reason: string(b.Class)}
	case dunning.ItemsDisposed:
		return Data{Items: b.Items, Reason: b.Reason}
	case dunning.Payment:
		return Data{ID: b.ID, Amount: b.Amount, Item: b.Item}
	case dunning.PaymentReversed:
		return Data{ID: b.Payment}
	case dunning.PromiseMade:
		return Data{ID: b.ID, Amount: b.Amount, Due: b.Due.String()}
	case dunning.PromiseEnded:
		return Data{ID: b.ID, Outcome: b.Outcome}
	case dunning.PlanAgreed:
		return Data{ID: b.ID, Items: b.Items}
	case dunning.PlanEnded:
		return Data{ID: b.ID, Outcome: b.Outcome}
	}
	return dataOfStop(b)
}

// dataOfStop is dataOf for what stops a case. The kind of a hold (illness, death,
// bankruptcy) is not told.
func dataOfStop(b dunning.Body) Data {
	switch b := b.(type) {
	case dunning.DisputeRaised:
		return Data{ID: b.ID, Item: b.Item}
	case dunning.DisputeResolved:
		return Data{ID: b.ID, Outcome: b.Outcome}
	case dunning.HoldPlaced:
		return Data{ID: b.ID, Item: b.Item, Until: b.Until}
	case dunning.HoldLifted:
		return Data{ID: b.ID}
	case dunning.TaskOpened:
		return Data{ID: b.ID, Kind: string(b.Task), Queue: b.Queue, Step: b.Step, Items: b.Items, Until: b.Until}
	case dunning.OptedOut:
		return Data{Channel: string(b.Channel)}
	}
	return Data{}
}

// For is what a webhook is told of a fact: the type and the body. false: nothing.
func For(h identity.Hook, x Happened) (name string, body []byte, ok bool, err error) {
	if h.Creditor != identity.AllCreditors && h.Creditor != x.Creditor {
		return "", nil, false, nil
	}
	for _, n := range Names(x.Fact.Body) {
		if len(h.Kinds) == 0 || slices.Contains(h.Kinds, n) {
			name = n
			break
		}
	}
	if name == "" {
		return "", nil, false, nil
	}
	body, err = json.Marshal(Event{
		ID: x.ID, Type: name, At: x.Fact.At, Creditor: x.Creditor, Customer: x.Customer, Version: x.Version,
		Account: x.Fact.Account, AccountKey: x.AccountKey, Case: x.Fact.Case, Data: dataOf(x.Fact.Body),
	})
	return name, body, true, err
}
