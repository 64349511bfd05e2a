package hooks

import (
	"time"

	"github.com/duly/duly/dunning/money"
)

// when says of each event when it happens, for people (docs/api.md, OpenAPI).
var when = map[string]string{
	"account.opted_out":   "somebody does not want to be written to or called any more",
	"case.closed":         "a case ends",
	"case.escalated":      "a case is handed to a person",
	"case.exhausted":      "the last step of a sequence is done and something is still owed",
	"case.migrated":       "a case goes on by another version of a sequence",
	"case.opened":         "a case begins",
	"case.paid":           "a case ends because everything is paid",
	"case.referred":       "items are referred, for example to legal",
	"contact.accepted":    "a provider took a message",
	"contact.bounced":     "a message came back",
	"contact.failed":      "a message did not leave",
	"contact.unknown":     "nobody knows whether a message left",
	"dispute.raised":      "an item or the account is disputed",
	"dispute.resolved":    "a dispute is upheld or rejected",
	"hold.lifted":         "a hold ends early",
	"hold.placed":         "something is put on hold; its kind is not told",
	"item.written_off":    "items are written off",
	"integrity.sealed":    "once a day, the hash chain was verified: data holds its head, which proves later that nothing before it was changed. Only to webhooks of all creditors",
	"payment.recorded":    "a payment is booked",
	"payment.reversed":    "a payment is taken back",
	"plan.agreed":         "a payment plan is agreed",
	"plan.broken":         "a payment plan is broken",
	"plan.ended":          "a payment plan ends, however",
	"plan.kept":           "a payment plan is paid to its end",
	"plan.offered":        "a payment plan is offered to a debtor",
	"plan.offer_ended":    "the offer of a plan ends: accepted, declined, expired, moot",
	"promise.broken":      "a promise was not kept",
	"promise.kept":        "a promise was kept",
	"promise.made":        "a promise is made",
	"promise.partly":      "a promise was kept in part",
	"proposal.decided":    "a proposed configuration is approved, rejected or withdrawn. Only to webhooks of all creditors",
	"proposal.made":       "somebody proposes a configuration. Only to webhooks of all creditors",
	"settlement.accepted": "a debtor agrees to a settlement",
	"settlement.approved": "a settlement above the authority of who offered it is approved",
	"settlement.broken":   "a settlement was accepted and not paid in time",
	"settlement.ended":    "a settlement ends, however: kept, broken, expired, declined, rejected, withdrawn, moot",
	"settlement.kept":     "a settlement is paid, and the rest is written off",
	"settlement.offered":  "somebody offers to take less than is owed",
	"step.done":           "a step of a sequence is done",
	"task.opened":         "something waits for a person",
}

// When says when an event happens; "" for a type that there is not.
func When(kind string) string { return when[kind] }

// Example is an event of a type as a webhook gets it.
func Example(kind string) Event {
	at := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	e := Event{
		ID: "0c7e1f5a-51a4-4f63-a3d7-6a0f5c1b2d11", Type: kind, At: at, Creditor: "acme", Customer: "C-1", Version: 17,
		Account: "5f1a3a44-7a9d-4a39-8a5f-2f2b6d3f0c11", AccountKey: "C-1", Case: "0b8d5c0e-3a56-4d8e-9c8f-0d5c5d1f9a11", Data: Data{ID: "P-9"},
	}
	switch kind {
	case "integrity.sealed":
		return Event{ID: e.ID, Type: kind, At: at, Creditor: "*", Data: Data{
			Head: "4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Rows: 1200345, Outcome: "whole",
		}}
	case "proposal.made", "proposal.decided":
		e = Event{ID: e.ID, Type: kind, At: at, Creditor: "*", Data: Data{ID: "7c1a5d7e-0c1b-4c7e-9d2a-51a4f3b9c011", Release: "2f1c9a", Base: "81d0e4"}}
		if kind == "proposal.decided" {
			e.Data.Outcome = "approved"
		}
	case "case.migrated":
		e.Data = Data{ID: "M-1", Sequence: "consumer-standard", SequenceVersion: "2f1c9a", FromSequence: "consumer-standard", FromVersion: "81d0e4"}
	case "plan.offered":
		e.Data = Data{ID: "O-1", Step: "offer-plan", Items: []string{"INV-7"}, Until: at.AddDate(0, 0, 10)}
	case "plan.offer_ended":
		e.Data = Data{ID: "O-1", Outcome: "declined"}
	case "plan.agreed":
		part := money.MustParse("20.00", "USD")
		e.Data = Data{ID: "L-1", Items: []string{"INV-7"}, Instalments: []Instalment{{"2026-03-16", part}, {"2026-04-16", part}}}
	case "settlement.offered":
		e.Data = Data{ID: "S-1", Items: []string{"INV-7"}, Amount: money.MustParse("60.00", "USD"), Owed: money.MustParse("100.00", "USD"), Due: "2026-03-20"}
	case "settlement.accepted", "settlement.approved", "settlement.broken", "settlement.ended", "settlement.kept":
		e.Data = Data{ID: "S-1", Outcome: kind[len("settlement."):]}
		if kind == "settlement.ended" {
			e.Data.Outcome = "expired"
		}
	case "payment.recorded", "promise.made":
		e.Data.Amount = money.MustParse("20.00", "USD")
	case "step.done", "contact.accepted", "case.escalated", "task.opened":
		e.Data = Data{Step: "friendly-email"}
	case "case.opened":
		e.Data = Data{Sequence: "consumer-standard"}
	case "case.closed", "case.paid":
		e.Data = Data{Reason: "paid"}
	case "account.opted_out":
		e.Data = Data{Channel: "sms"}
	}
	return e
}
