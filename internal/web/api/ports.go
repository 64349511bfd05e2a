package api

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/contact"
	"github.com/duly/duly/internal/chain"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
)

// Ports is what the operations work with. All fields are required. Errors wrap
// identity.ErrNotFound where there is no such thing.
type Ports struct {
	Read read.Reader
	// CaseRef and AccountRef say whose case or account it is.
	CaseRef    func(ctx context.Context, id string) (dunning.CaseRef, error)
	AccountRef func(ctx context.Context, id string) (dunning.CaseRef, error)
	// Find finds accounts by the creditor's own number of a customer, and their cases, open
	// ones first.
	Find func(ctx context.Context, creditor, key string) (Found, error)
	// Do gives a command within the authority of who asks.
	Do func(ctx context.Context, who identity.Principal, ref dunning.CaseRef, name string, cmd dunning.Command) (commands.Result, error)
	// Policies are those in force.
	Policies func(ctx context.Context) (contact.Set, error)
	Import   func(ctx context.Context, r ImportRequest) (ImportResult, error)
	// Publish makes a configuration the current one.
	Publish func(ctx context.Context, files map[string][]byte, by string) (version string, added bool, err error)
	// Switches that are in force; On and Off turn one.
	Switches  func(ctx context.Context) ([]Switch, error)
	SwitchOn  func(ctx context.Context, s Switch) (Switch, error)
	SwitchOff func(ctx context.Context, s dunning.Switch, at time.Time, by, reason string) error
	Restores  Restores
	Hooks     Hooks
	// Proposals is maker and checker.
	Proposals Proposals
	Desk      Desk
	Operator  Operator
	// Integrity is findings, sweeps and the hash chain.
	Integrity Integrity
	// VerifyChain hashes everything again and keeps what it comes to.
	VerifyChain func(ctx context.Context, by string) (chain.Check, error)
	// Samples draws, answers and verifies samples.
	Samples *sampling.Service
	// Simulate moves accounts through time.
	Simulate Simulate
	Wall     func() time.Time
}

// Found is what a customer number leads to.
type Found struct {
	Accounts []Account `json:"accounts"`
	Cases    []string  `json:"cases"` // ids
}

// Account is who owes whom in which currency.
type Account struct {
	ID       string `json:"id"`
	Creditor string `json:"creditor"`
	Key      string `json:"key"`      // the creditor's own
	Customer string `json:"customer"` // the creditor's own number of the debtor
	Currency string `json:"currency"`
}

// ImportRequest is a file, or rows as a file, to be taken in.
type ImportRequest struct {
	Kind, Mapping, Creditor string
	Name                    string
	DryRun                  bool
	At                      time.Time
	Body                    io.Reader
}

// ImportResult is what an import came to, and the rejected rows as a file that can be
// mended and sent again ("" when there are none).
type ImportResult struct {
	Summary json.RawMessage `json:"summary"`
	Rejects string          `json:"rejects,omitempty"`
}

// Switch is a kill switch in force.
type Switch struct {
	dunning.Switch
	Reason string    `json:"reason"`
	By     string    `json:"by,omitempty"`
	On     time.Time `json:"on,omitzero"`
}

// Hooks is where outgoing webhooks are kept.
type Hooks interface {
	AddHook(ctx context.Context, h Hook) error
	Hooks(ctx context.Context) ([]Hook, error)
	EndHook(ctx context.Context, id string, at time.Time) error
	Deliveries(ctx context.Context, hook string, before int64, limit int) ([]Delivery, error)
	ReplayDelivery(ctx context.Context, hook string, id int64, at time.Time) error
	RotateHook(ctx context.Context, id, secret string, now, until time.Time) error
	ReplayAfter(ctx context.Context, hook string, after int64, at time.Time) (int, error)
	ReplaySince(ctx context.Context, hook string, since, at time.Time) (int, error)
}

// Hook is an outgoing webhook. Secret is shown only when it is made.
type Hook = identity.Hook

// Delivery is one event to one webhook.
type Delivery = identity.Delivery
