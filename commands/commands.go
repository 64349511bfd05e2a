// Package commands is the one way in: what people and other systems say about a debtor
// becomes facts here and nowhere else. Console, API, command line, portal and webhooks all
// call it.
//
// It owns the transaction: lock the debtor, load fresh facts, ask dunning.Handle, store
// what it says, re-open a case that is needed again, and leave a nudge for every open case
// of the debtor. It works while Temporal is away: nudges wait in the outbox. It owns no
// rule, no authority of users (the callers check it) and no input format.
package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/clock"
)

// ErrNoCase is returned for a case that does not exist.
var ErrNoCase = errors.New("there is no such case")

// Store is where facts live.
type Store interface {
	// CaseRef says whose case it is; ErrNoCase when there is none.
	CaseRef(ctx context.Context, caseID string) (dunning.CaseRef, error)
	// InDebtor locks the debtor and runs f in one transaction, perhaps again after a
	// conflict.
	InDebtor(ctx context.Context, debtor string, f func(Tx) error) error
}

// Tx is one transaction that holds the lock of a debtor.
type Tx interface {
	Facts(ctx context.Context, debtor string) ([]dunning.Fact, int64, error)
	Append(ctx context.Context, debtor string, facts []dunning.Fact) (version int64, added int, err error)
	CasesOf(ctx context.Context, debtor string) ([]dunning.CaseRef, error)
	// Nudge wakes cases through the outbox, with the commit.
	Nudge(ctx context.Context, cases ...string) error
}

// Setups gives what surrounds an account's facts: creditor, the sequence version that its
// case follows (none when ref.Case is ""), and policies.
type Setups interface {
	Setup(ctx context.Context, ref dunning.CaseRef) (dunning.Setup, error)
}

// Service carries out commands. All fields are required. It may be used by many
// goroutines.
type Service struct {
	Store  Store
	Setups Setups
	Clock  clock.Clock
}

// Result tells what a command came to.
type Result struct {
	// At is the business instant of the command.
	At time.Time
	// Version of the debtor afterwards.
	Version int64
	// Facts is how many facts were added; 0: the command had been carried out before.
	Facts int
	// Reopened is set when a closed case was opened again.
	Reopened bool
}

// Do carries out a command on a case, by whom ("user:<id>", "debtor", "system", …).
// Errors wrap ErrNoCase, or dunning.ErrUnknown, ErrConflict or ErrInvalid with a sentence
// for the person; all others are technical. The same command with the same id again
// changes nothing.
func (s *Service) Do(ctx context.Context, caseID string, cmd dunning.Command, by string) (Result, error) {
	ref, err := s.Store.CaseRef(ctx, caseID)
	if err != nil {
		return Result{}, fmt.Errorf("case %s: %w", caseID, err)
	}
	return s.DoAccount(ctx, ref, cmd, by)
}

// DoAccount carries out a command on an account that may have no case yet: ref.Case and
// ref.Sequence may be empty.
func (s *Service) DoAccount(ctx context.Context, ref dunning.CaseRef, cmd dunning.Command, by string) (Result, error) {
	return s.Write(ctx, Toward(ref, cmd), func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		return dunning.Handle(f, cmd, by, at)
	})
}

// Toward is a reference with the sequence version that a command is about beside the one
// that the case follows: that of a migration. One that waits already is the worker's business.
func Toward(ref dunning.CaseRef, cmd dunning.Command) dunning.CaseRef {
	ref.TargetSequence, ref.TargetVersion = "", ""
	if m, ok := cmd.(dunning.Migrate); ok {
		ref.TargetSequence, ref.TargetVersion = cmp.Or(m.Sequence, ref.Sequence), m.Version
	}
	return ref
}

// Write is Do for facts that no command words, such as a provider's delivery report. make
// gets the account's fresh facts and returns what is to be added; it may be called again
// after a conflict.
func (s *Service) Write(ctx context.Context, ref dunning.CaseRef, make func(dunning.Facts, time.Time) ([]dunning.Fact, error)) (Result, error) {
	return s.WriteIn(ctx, ref, func(_ Tx, f dunning.Facts, at time.Time) ([]dunning.Fact, error) { return make(f, at) })
}

// maker makes facts, in the transaction that will hold them.
type maker func(tx Tx, f dunning.Facts, at time.Time) ([]dunning.Fact, error)

// WriteIn is Write for facts that other rows must be committed with, or not at all: make
// gets the transaction, whose rows are rolled back when it is called again. That no facts
// are returned commits the rows all the same.
func (s *Service) WriteIn(ctx context.Context, ref dunning.CaseRef, make func(Tx, dunning.Facts, time.Time) ([]dunning.Fact, error)) (Result, error) {
	for range maxLoads {
		res, err := s.writeOnce(ctx, ref, make)
		if !errors.Is(err, errMoved) {
			return res, err
		}
		fresh, err := s.Store.CaseRef(ctx, ref.Case)
		if err != nil {
			return Result{}, fmt.Errorf("case %s: %w", ref.Case, err)
		}
		ref.Sequence, ref.Version = fresh.Sequence, fresh.Version
	}
	return Result{}, fmt.Errorf("account %s: %w", ref.Account, errMoved)
}

// maxLoads bounds how often the configuration is loaded again because the case has been moved
// to another sequence version between that and the lock of its debtor.
const maxLoads = 3

// errMoved: the facts speak of a sequence version that was not loaded.
var errMoved = errors.New("the case is being moved to another sequence version; try again")

func (s *Service) writeOnce(ctx context.Context, ref dunning.CaseRef, make maker) (Result, error) {
	setup, err := s.Setups.Setup(ctx, ref)
	if err != nil {
		return Result{}, fmt.Errorf("configuration of account %s: %w", ref.Account, err)
	}
	var res Result
	err = s.Store.InDebtor(ctx, ref.Debtor, func(tx Tx) error {
		res = Result{}
		w := writing{tx: tx, ref: ref, setup: setup}
		if res.At, err = s.Clock.Now(ctx); err != nil {
			return fmt.Errorf("business time: %w", err)
		}
		return w.run(ctx, &res, make)
	})
	return res, err
}

// writing is one transaction.
type writing struct {
	tx    Tx
	ref   dunning.CaseRef
	setup dunning.Setup
}

func (w writing) run(ctx context.Context, res *Result, make maker) error {
	history, version, err := w.tx.Facts(ctx, w.ref.Debtor)
	if err != nil {
		return err
	}
	res.Version = version
	if !w.setup.Follows(history) {
		return errMoved
	}
	f, err := dunning.Fold(w.setup, history)
	if err != nil {
		return fmt.Errorf("facts of the debtor: %w", err)
	}
	facts, err := make(w.tx, f, res.At)
	if err != nil || len(facts) == 0 {
		return err
	}
	again, err := reopening(f, facts, res.At)
	if err != nil {
		return err
	}
	if res.Version, res.Facts, err = w.tx.Append(ctx, w.ref.Debtor, append(slices.Clone(facts), again...)); err != nil {
		return err
	}
	res.Reopened = len(again) > 0
	if res.Facts == 0 || f.Quiet(facts) {
		return nil
	}
	return w.nudge(ctx)
}

// reopening are the facts that open a closed case again because of new facts: a bounced
// payment calls a case back at once, not at the next run of the starter.
func reopening(f dunning.Facts, facts []dunning.Fact, at time.Time) ([]dunning.Fact, error) {
	g, err := f.Apply(facts)
	if err != nil {
		return nil, fmt.Errorf("the facts of the command do not fit the account: %w", err)
	}
	return g.Reopening(at), nil
}

// nudge wakes every open case of the debtor: what is said about one account may matter to
// the others.
func (w writing) nudge(ctx context.Context) error {
	cases, err := w.tx.CasesOf(ctx, w.ref.Debtor)
	if err != nil {
		return err
	}
	var open []string
	for _, c := range cases {
		if c.Open {
			open = append(open, c.Case)
		}
	}
	return w.tx.Nudge(ctx, open...)
}
