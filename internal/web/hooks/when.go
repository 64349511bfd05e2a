package hooks

import (
	"time"

	"github.com/duly/duly/dunning/money"
)

// when says of each event when it happens, for people (docs/api.md, OpenAPI).
var when = map[string]string{
	"account.opted_out": "somebody does not want to be written to or called any more",
	"case.closed":       "a case ends",
	"case.escalated":    "a case is handed to a person",
	"case.exhausted":    "the last step of a sequence is done and something is still owed",
	"case.opened":       "a case begins",
	"case.paid":         "a case ends because everything is paid",
	"case.referred":     "items are referred, for example to legal",
	"contact.accepted":  "a provider took a message",
	"contact.bounced":   "a message came back",
	"contact.failed":    "a message did not leave",
	"contact.unknown":   "nobody knows whether a message left",
	"dispute.raised":    "an item or the account is disputed",
	"dispute.resolved":  "a dispute is upheld or rejected",
	"hold.lifted":       "a hold ends early",
	"hold.placed":       "something is put on hold; its kind is not told",
	"item.written_off":  "items are written off",
	"payment.recorded":  "a payment is booked",
	"payment.reversed":  "a payment is taken back",
	"plan.agreed":       "a payment plan is agreed",
	"plan.broken":       "a payment plan is broken",
	"plan.ended":        "a payment plan ends, however",
	"plan.kept":         "a payment plan is paid to its end",
	"promise.broken":    "a promise was not kept",
	"promise.kept":      "a promise was kept",
	"promise.made":      "a promise is made",
	"promise.partly":    "a promise was kept in part",
	"step.done":         "a step of a sequence is done",
	"task.opened":       "something waits for a person",
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
