package webhooks

import (
	"encoding/json"
	"errors"
)

// ErrNoMessage: the request holds no message of a debtor, or its body has been wiped.
var ErrNoMessage = errors.New("there is no message in this request")

// ReadMessage reads a debtor's message out of a request of the inbox again, for a person
// who may see it. It is personal data.
func ReadMessage(r Request) (m Inbound, err error) {
	defer func() {
		if recover() != nil { // as when it came: nothing that is posted takes the server down
			m, err = Inbound{}, ErrNoMessage
		}
	}()
	switch r.Source {
	case sourceTwilioInbound:
		return readText(r)
	case sourceGridInbound:
		return readMail(r)
	}
	return Inbound{}, ErrNoMessage
}

// ReadPayment reads a payment out of a request of the inbox again, for a person who may see
// it: part says which of the request. A payment that is wrong in itself is a *Refusal.
func ReadPayment(r Request, part int) (p Payment, err error) {
	defer func() {
		if recover() != nil {
			p, err = Payment{}, ErrNoMessage
		}
	}()
	if r.Source != sourcePayments || len(r.Body) == 0 {
		return Payment{}, ErrNoMessage
	}
	var many struct {
		Payments []json.RawMessage `json:"payments"`
	}
	if json.Unmarshal(r.Body, &many) != nil {
		return Payment{}, ErrNoMessage
	}
	if many.Payments == nil {
		many.Payments = []json.RawMessage{r.Body}
	}
	if part < 0 || part >= len(many.Payments) {
		return Payment{}, ErrNoMessage
	}
	var b paymentBody
	if json.Unmarshal(many.Payments[part], &b) != nil {
		return Payment{}, ErrNoMessage
	}
	kind := b.Type
	if kind == "" {
		kind = "payment"
	}
	if p, err = b.payment(kind); err != nil {
		err = &Refusal{Code: "invalid", Text: err.Error()}
	}
	return p, err
}
