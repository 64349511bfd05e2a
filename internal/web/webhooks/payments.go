package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/secret"
)

// The path, source and signature header of payments.
const (
	PaymentsPath   = "/webhooks/payments"
	sourcePayments = "payments"
	headerPayment  = "Duly-Signature"
)

const (
	maxPayments  = 4 << 20
	mostPayments = 5000 // in one request
)

// verifyPayments checks Duly-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>…], where v1 is
// HMAC-SHA256 over "<t>.<raw body>" under any of the secrets.
func (s *Server) verifyPayments(r *http.Request, body []byte) bool {
	at, signatures := splitSignature(r.Header.Get(headerPayment))
	if !s.fresh(at, s.c.PaymentAge) {
		return false
	}
	ok := false
	for _, key := range s.c.PaymentSecrets {
		want := paymentMAC(key, at, body)
		for _, sig := range signatures {
			given, err := hex.DecodeString(sig)
			if err == nil && key.IsSet() && hmac.Equal(want, given) {
				ok = true
			}
		}
	}
	return ok
}

func splitSignature(header string) (at string, signatures []string) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "t" && at == "":
			at = value
		case name == "v1" && len(signatures) < 8:
			signatures = append(signatures, value)
		}
	}
	return at, signatures
}

func paymentMAC(key secret.Value, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = io.WriteString(mac, at+".") // a hash takes everything
	mac.Write(body)
	return mac.Sum(nil)
}

// SignPayment returns the value of the header Duly-Signature for a body sent at an instant:
// for tests and for whoever writes a sender in Go.
func SignPayment(key secret.Value, at time.Time, body []byte) string {
	t := fmt.Sprint(at.Unix())
	return "t=" + t + ",v1=" + hex.EncodeToString(paymentMAC(key, t, body))
}

// paymentBody is a payment as it is posted.
type paymentBody struct {
	ID       string `json:"id"`
	Type     string `json:"type"` // payment (default), reversal
	Creditor string `json:"creditor"`
	Account  string `json:"account"`
	Invoice  string `json:"invoice"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	At       string `json:"at"`
	Payment  string `json:"payment"` // reversal: id of the payment that is taken back
	Reason   string `json:"reason"`
}

// parsePayments reads one payment, or {"payments": [...]}. One that is wrong does not hold
// up the others.
func (s *Server) parsePayments(r Request) ([]Event, error) {
	var many struct {
		Payments []json.RawMessage `json:"payments"`
	}
	if err := json.Unmarshal(r.Body, &many); err != nil {
		return nil, errors.New("the body is no JSON object: post one payment, or {\"payments\": [...]}")
	}
	if many.Payments == nil {
		many.Payments = []json.RawMessage{bytes.TrimSpace(r.Body)}
	}
	if len(many.Payments) == 0 || len(many.Payments) > mostPayments {
		return nil, fmt.Errorf("payments: post 1 to %d at once", mostPayments)
	}
	events, seen := make([]Event, 0, len(many.Payments)), map[string]bool{}
	for i, raw := range many.Payments {
		e, err := paymentEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("payment %d: %w", i+1, err)
		}
		e.Part = i
		if seen[e.ID] {
			return nil, fmt.Errorf("payment %d: its id is in this request twice", i+1)
		}
		seen[e.ID] = true
		events = append(events, e)
	}
	return events, nil
}

// paymentEvent reads one payment. Without an id it could not be known again, so that is a
// fault of the whole request; any other fault is this payment's own.
func paymentEvent(raw json.RawMessage) (Event, error) {
	var b paymentBody
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return Event{}, fmt.Errorf("%s; members are id, type, creditor, account, invoice, amount (text), currency, at, payment, reason", plain(err))
	}
	if b.ID == "" || len(b.ID) > 200 || strings.TrimSpace(b.ID) != b.ID {
		return Event{}, errors.New("id: give it the payment's own id in your system, of 1 to 200 characters")
	}
	kind := b.Type
	if kind == "" {
		kind = "payment"
	}
	p, err := b.payment(kind)
	patience := 0
	if kind == "reversal" { // it may have overtaken its payment
		patience = maxTries
	}
	return Event{ID: b.ID, Kind: kind, urgent: true, patience: patience, do: func(ctx context.Context, s *Server) (Matched, error) {
		if err != nil {
			return Matched{}, &Refusal{Code: "invalid", Text: err.Error()}
		}
		m, err := s.p.Payments.Pay(ctx, p)
		return m, refusal(err)
	}}, nil
}

// plain words a JSON error without quoting the document.
func plain(err error) string {
	wrongType := (*json.UnmarshalTypeError)(nil)
	switch text := err.Error(); {
	case errors.As(err, &wrongType):
		return wrongType.Field + ": want a text in quotes"
	case strings.HasPrefix(text, "json: unknown field "):
		return "it has a member that is not known"
	}
	return "it is no JSON object"
}

// refusal makes what the core refuses final: repeating would not help.
func refusal(err error) error {
	for target, code := range map[error]string{dunning.ErrInvalid: "invalid", dunning.ErrUnknown: "not_found", dunning.ErrConflict: "conflict"} {
		if errors.Is(err, target) {
			return &Refusal{Code: code, Text: err.Error()}
		}
	}
	return err
}

func (b paymentBody) payment(kind string) (Payment, error) {
	p := Payment{ID: b.ID, Creditor: b.Creditor, Account: b.Account, Invoice: b.Invoice, Reason: b.Reason}
	var err error
	switch {
	case kind != "payment" && kind != "reversal":
		return p, errors.New("type: want payment or reversal")
	case b.Creditor == "" || b.Account == "":
		return p, errors.New("creditor and account: name the creditor's id and the customer number")
	case kind == "reversal" && b.Payment == "":
		return p, errors.New("payment: a reversal names the id of the payment that is taken back")
	case kind == "payment" && b.Payment != "":
		return p, errors.New("payment: only a reversal names another payment")
	}
	if kind == "reversal" {
		p.Reverses = b.Payment
		if b.Amount != "" {
			return p, errors.New("amount: a reversal takes back the whole payment; leave amount away")
		}
		if b.Currency == "" {
			return p, errors.New("currency: name the currency of the account, such as EUR")
		}
		p.Amount, err = money.Parse("0", b.Currency)
	} else if p.Amount, err = money.Parse(b.Amount, b.Currency); err == nil && p.Amount.Minor() <= 0 {
		err = errors.New("it must be above zero")
	}
	if err != nil {
		return p, fmt.Errorf("amount and currency: want a decimal in quotes and an ISO code, such as \"12.50\" and \"EUR\": %w", err)
	}
	if b.At != "" {
		if p.At, err = time.Parse(time.RFC3339, b.At); err != nil || p.At.Year() < 1990 || p.At.Year() > 9999 {
			return p, errors.New("at: want an instant such as 2026-03-02T15:04:05Z")
		}
		p.At = p.At.UTC()
	}
	return p, nil
}
