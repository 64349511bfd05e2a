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
	// At, Kind and Said are of what is no fact of a debtor but of the installation: its
	// Creditor is identity.AllCreditors, and only webhooks of all creditors are told.
	At   time.Time
	Kind string
	Said []byte // the Data as JSON
}

// Event is what a webhook gets. At is business time. Version orders the events of one
// customer: deliveries may arrive in any order, and more than once.
type Event struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	At         time.Time `json:"at"`
	Creditor   string    `json:"creditor"`
	Customer   string    `json:"customer,omitempty"`
	Version    int64     `json:"customer_version,omitempty"`
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
	// Of a migration: the version that the case follows now, and what it followed before.
	SequenceVersion string `json:"sequence_version,omitempty"`
	FromSequence    string `json:"from_sequence,omitempty"`
	FromVersion     string `json:"from_version,omitempty"`
	// Owed is what a settlement gives up a part of.
	Owed        money.Amount `json:"owed,omitzero"`
	Instalments []Instalment `json:"instalments,omitempty"`
	// Of a proposal: the release that it would make, and the one that it was made over.
	Release string `json:"release,omitempty"`
	Base    string `json:"base,omitempty"`
	// Head of the hash chain, number:hash, and over how many rows.
	Head string `json:"head,omitempty"`
	Rows int64  `json:"rows,omitempty"`
}

// Instalment is one part of a plan.
type Instalment struct {
	Due    string       `json:"due"` // a day
	Amount money.Amount `json:"amount"`
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
	case dunning.SettlementOffered:
		if b.Accepted && !b.Approval {
			return []string{"settlement.accepted", "settlement.offered"}
		}
	case dunning.SettlementAnswered:
		return one(settled[b.Outcome])
	case dunning.SettlementEnded:
		if exact := settled[b.Outcome]; exact != "" {
			return []string{exact, "settlement.ended"}
		}
		return []string{"settlement.ended"}
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
	settled  = map[string]string{"approved": "settlement.approved", "accepted": "settlement.accepted", "kept": "settlement.kept", "broken": "settlement.broken"}
	plain    = map[dunning.Kind]string{
		"case_opened": "case.opened", "migrated": "case.migrated", "step_counted": "step.done", "payment": "payment.recorded", "payment_reversed": "payment.reversed",
		"promise_made": "promise.made", "offer_opened": "plan.offered", "offer_ended": "plan.offer_ended", "plan_agreed": "plan.agreed", "settlement_offered": "settlement.offered", "dispute_raised": "dispute.raised", "dispute_resolved": "dispute.resolved",
		"hold_placed": "hold.placed", "hold_lifted": "hold.lifted", "task_opened": "task.opened", "opted_out": "account.opted_out",
	}
)

// dataOf picks what may be told.
func dataOf(b dunning.Body) Data {
	switch b := b.(type) {
	case dunning.CaseOpened:
		return Data{Sequence: b.Sequence, Reopened: b.Reopened}
	case dunning.Migrated:
		return Data{ID: b.ID, Sequence: b.Sequence, SequenceVersion: b.Version, FromSequence: b.FromSequence, FromVersion: b.FromVersion}
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
		return Data{ID: b.ID, Items: b.Items, Instalments: instalmentsOf(b.Instalments)}
	case dunning.PlanEnded:
		return Data{ID: b.ID, Outcome: b.Outcome}
	}
	return dataOfOffer(b)
}

func instalmentsOf(all []dunning.Instalment) (out []Instalment) {
	for _, i := range all {
		out = append(out, Instalment{i.Due.String(), i.Amount})
	}
	return out
}

// dataOfOffer is what is told of offers and settlements.
func dataOfOffer(b dunning.Body) Data {
	switch b := b.(type) {
	case dunning.OfferOpened:
		return Data{ID: b.ID, Step: b.Step, Items: b.Items, Until: b.Until}
	case dunning.OfferEnded:
		return Data{ID: b.ID, Outcome: b.Outcome}
	case dunning.SettlementOffered:
		return Data{ID: b.ID, Items: b.Items, Amount: b.Amount, Owed: b.Owed, Due: b.Due.String()}
	case dunning.SettlementAnswered:
		return Data{ID: b.ID, Outcome: b.Outcome}
	case dunning.SettlementEnded:
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
	names := one(installed[x.Kind])
	if x.Kind == "" {
		names = Names(x.Fact.Body)
	}
	for _, n := range names {
		if len(h.Kinds) == 0 || slices.Contains(h.Kinds, n) {
			name = n
			break
		}
	}
	if name == "" {
		return "", nil, false, nil
	}
	e, err := eventOf(name, x)
	if err != nil {
		return "", nil, false, err
	}
	body, err = json.Marshal(e)
	return name, body, true, err
}

// installed are the events of the installation, by what the database calls them.
var installed = map[string]string{"proposal_made": "proposal.made", "proposal_ended": "proposal.decided", "integrity_sealed": "integrity.sealed"}

func eventOf(name string, x Happened) (Event, error) {
	e := Event{ID: x.ID, Type: name, Creditor: x.Creditor}
	if x.Kind != "" {
		e.At = x.At
		return e, json.Unmarshal(x.Said, &e.Data)
	}
	e.At, e.Customer, e.Version = x.Fact.At, x.Customer, x.Version
	e.Account, e.AccountKey, e.Case, e.Data = x.Fact.Account, x.AccountKey, x.Fact.Case, dataOf(x.Fact.Body)
	return e, nil
}
