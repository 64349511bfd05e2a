// Package memstore is a store in memory with the promises of the real one: a lock per
// debtor, transactions that leave nothing behind when they fail, append-only facts,
// unique send keys and intents.
//
// It is for tests of the shell: it can be told to fail at every point between two lines.
// It owns no rule and keeps nothing after the process.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/duly/duly/dunning"
)

// Errors of the constraints that the real database has too.
var (
	ErrNotFound = errors.New("not found")
	ErrTwice    = errors.New("constraint: a unique key is used twice")
)

// Points at which Fault is asked.
const (
	PointRead   = "read"   // a look-up outside a transaction
	PointBegin  = "begin"  // before the lock
	PointFacts  = "facts"  // in a transaction, before the answer
	PointAppend = "append" // in a transaction, before the facts are added
	PointIntent = "intent"
	PointSwitch = "switch" // in a transaction, before the switches are answered
	PointKeep   = "keep"   // in a transaction, before a message is kept
	PointStore  = "store"
	PointCommit = "commit"    // before it: nothing remains
	PointAfter  = "committed" // after it: all remains, but the caller learns of an error
)

// Store keeps everything of all debtors. The zero value is empty and ready. It may be
// used by many goroutines; transactions run one at a time.
type Store struct {
	// Fault is asked at every point; an error (or a panic) there is a crash. It is called
	// with the store locked in transactions and must not call back.
	Fault func(point string) error

	mu sync.Mutex
	state
}

// state is what a transaction copies and a commit swaps.
type state struct {
	debtors   map[string]debtor
	decisions map[string]dunning.StoredDecision
	order     []string // decision ids as stored
	intents   map[string]string
	cases     map[string]dunning.CaseRef
	nudges    []string
	switches  []dunning.Switch
	sent      map[string]dunning.Message
}

type debtor struct {
	version int64
	facts   []dunning.Fact
}

func (s state) clone() state {
	return state{
		debtors: maps.Clone(s.debtors), decisions: maps.Clone(s.decisions), order: slices.Clone(s.order),
		intents: maps.Clone(s.intents), cases: maps.Clone(s.cases), nudges: slices.Clone(s.nudges),
		switches: slices.Clone(s.switches), sent: maps.Clone(s.sent),
	}
}

func (s *Store) fault(point string) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(point)
}

// Backup is everything that a store held at one moment.
type Backup struct{ state }

// Backup takes one.
func (s *Store) Backup() Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Backup{s.state.clone()}
}

// Restore makes the store forget all that was written since a backup was taken.
func (s *Store) Restore(b Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = b.clone()
}

// AddCase makes a debtor's case known. Whether it is open follows from its facts.
func (s *Store) AddCase(ref dunning.CaseRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cases == nil {
		s.cases = map[string]dunning.CaseRef{}
	}
	s.cases[ref.Case] = ref
}

// CaseRef says whose case it is.
func (s *Store) CaseRef(_ context.Context, id string) (dunning.CaseRef, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fault(PointRead); err != nil {
		return dunning.CaseRef{}, err
	}
	ref, ok := s.cases[id]
	if !ok {
		return ref, ErrNotFound
	}
	return ref, nil
}

// Decision is a stored decision.
func (s *Store) Decision(_ context.Context, id string) (dunning.StoredDecision, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fault(PointRead); err != nil {
		return dunning.StoredDecision{}, false, err
	}
	d, ok := s.decisions[id]
	return d, ok, nil
}

// InDebtor runs f in a transaction that holds the debtor's lock. What f did is gone when
// it fails or panics.
func (s *Store) InDebtor(_ context.Context, _ string, f func(*Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fault(PointBegin); err != nil {
		return err
	}
	tx := &Tx{store: s, state: s.state.clone()}
	if err := f(tx); err != nil {
		return err
	}
	if err := s.fault(PointCommit); err != nil {
		return err
	}
	s.state = tx.state
	return s.fault(PointAfter)
}

// Facts of a debtor, for assertions.
func (s *Store) Facts(debtor string) []dunning.Fact {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.debtors[debtor].facts)
}

// Decisions of a case in the order in which they were stored, for assertions.
func (s *Store) Decisions(caseID string) []dunning.StoredDecision {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []dunning.StoredDecision
	for _, id := range s.order {
		if d := s.decisions[id]; d.Case == caseID {
			out = append(out, d)
		}
	}
	return out
}

// TakeNudges returns the cases nudged since the last call, each once, in order.
func (s *Store) TakeNudges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.nudges
	s.nudges = nil
	return out
}

// SetSwitches makes these the switches that are on.
func (s *Store) SetSwitches(on ...dunning.Switch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.switches = on
}

// Sent is the message that was kept for a contact, false when none was.
func (s *Store) Sent(contact string) (dunning.Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.sent[contact]
	return m, ok
}

// Tx is a transaction.
type Tx struct {
	store *Store
	state
}

// Facts are all facts of a debtor in order and its version.
func (tx *Tx) Facts(_ context.Context, id string) ([]dunning.Fact, int64, error) {
	d := tx.debtors[id]
	return slices.Clone(d.facts), d.version, tx.store.fault(PointFacts)
}

// Version is a debtor's version.
func (tx *Tx) Version(_ context.Context, id string) (int64, error) {
	return tx.debtors[id].version, tx.store.fault(PointFacts)
}

// Append adds the facts that are new, under one new version.
func (tx *Tx) Append(_ context.Context, id string, facts []dunning.Fact) (int64, int, error) {
	if err := tx.store.fault(PointAppend); err != nil {
		return 0, 0, err
	}
	d := tx.debtors[id]
	d.facts = slices.Clone(d.facts)
	added := 0
	for _, x := range facts {
		if d.has(x) {
			continue
		}
		x.Version = d.version + 1
		if err := tx.check(d, x); err != nil {
			return 0, 0, err
		}
		d.facts = append(d.facts, x)
		tx.project(x)
		added++
	}
	if added > 0 {
		d.version++
	}
	if tx.debtors == nil {
		tx.debtors = map[string]debtor{}
	}
	tx.debtors[id] = d
	return d.version, added, nil
}

// has reports whether a fact of the same kind and source is there.
func (d debtor) has(x dunning.Fact) bool {
	return x.Source != "" && slices.ContainsFunc(d.facts, func(y dunning.Fact) bool {
		return y.Source == x.Source && y.Body.Kind() == x.Body.Kind()
	})
}

// check is what the real database refuses.
func (tx *Tx) check(d debtor, x dunning.Fact) error {
	c, ok := x.Body.(dunning.ContactPlanned)
	if !ok {
		return nil
	}
	if _, known := tx.decisions[c.Decision]; !known {
		return fmt.Errorf("constraint: contact %s names no stored decision", c.ID)
	}
	if slices.ContainsFunc(d.facts, func(y dunning.Fact) bool {
		p, ok := y.Body.(dunning.ContactPlanned)
		return ok && p.ID == c.ID
	}) {
		return fmt.Errorf("%w: send key %s", ErrTwice, c.ID)
	}
	return nil
}

// project keeps the cases open or closed.
func (tx *Tx) project(x dunning.Fact) {
	ref, ok := tx.cases[x.Case]
	if !ok {
		return
	}
	switch b := x.Body.(type) {
	case dunning.CaseOpened:
		ref.Open = true
	case dunning.CaseClosed:
		ref.Open = false
	case dunning.MigrationAsked:
		ref.TargetSequence, ref.TargetVersion = b.Sequence, b.Version
	case dunning.MigrationEnded:
		ref.TargetSequence, ref.TargetVersion = "", ""
	case dunning.Migrated:
		ref.Sequence, ref.Version, ref.TargetSequence, ref.TargetVersion = b.Sequence, b.Version, "", ""
	}
	tx.cases[x.Case] = ref
}

// ByIntent is the decision that an intent has led to.
func (tx *Tx) ByIntent(_ context.Context, intent string) (dunning.StoredDecision, bool, error) {
	id, ok := tx.intents[intent]
	return tx.decisions[id], ok, tx.store.fault(PointIntent)
}

// StoreDecision adds a decision.
func (tx *Tx) StoreDecision(_ context.Context, d dunning.StoredDecision) error {
	if err := tx.store.fault(PointStore); err != nil {
		return err
	}
	if tx.decisions == nil {
		tx.decisions, tx.intents = map[string]dunning.StoredDecision{}, map[string]string{}
	}
	if _, ok := tx.decisions[d.ID]; ok {
		return fmt.Errorf("%w: decision %s", ErrTwice, d.ID)
	}
	if d.Intent != "" {
		if _, ok := tx.intents[d.Intent]; ok {
			return fmt.Errorf("%w: intent %s", ErrTwice, d.Intent)
		}
		tx.intents[d.Intent] = d.ID
	}
	tx.decisions[d.ID] = d
	tx.order = append(tx.order, d.ID)
	return nil
}

// CasesOf are the cases of a debtor, by id.
func (tx *Tx) CasesOf(_ context.Context, id string) ([]dunning.CaseRef, error) {
	var out []dunning.CaseRef
	for _, k := range slices.Sorted(maps.Keys(tx.cases)) {
		if tx.cases[k].Debtor == id {
			out = append(out, tx.cases[k])
		}
	}
	return out, nil
}

// OpenCase makes a case, unless the account has an open one.
func (tx *Tx) OpenCase(_ context.Context, ref dunning.CaseRef) (bool, error) {
	for _, k := range slices.Sorted(maps.Keys(tx.cases)) {
		if c := tx.cases[k]; c.Account == ref.Account && c.Open {
			return false, nil
		}
	}
	if tx.cases == nil {
		tx.cases = map[string]dunning.CaseRef{}
	}
	ref.Open = true
	tx.cases[ref.Case] = ref
	return true, nil
}

// Nudge notes cases to be woken, each once.
func (tx *Tx) Nudge(_ context.Context, cases ...string) error {
	for _, c := range cases {
		if !slices.Contains(tx.nudges, c) {
			tx.nudges = append(tx.nudges, c)
		}
	}
	return nil
}

// Switches are those that are on.
func (tx *Tx) Switches(context.Context) ([]dunning.Switch, error) {
	return slices.Clone(tx.switches), tx.store.fault(PointSwitch)
}

// HoldSwitches is Switches: transactions run one at a time here.
func (tx *Tx) HoldSwitches(ctx context.Context) ([]dunning.Switch, error) { return tx.Switches(ctx) }

// Others says which of some provider's ids are recorded for another contact. Addresses are
// not known here, so nobody is a rival.
func (tx *Tx) Others(_ context.Context, _ string, c dunning.ContactPlanned, ids []string, _, _ time.Time) (taken []string, rivals int, err error) {
	for _, d := range tx.debtors {
		for _, x := range d.facts {
			if m, ok := x.Body.(dunning.ContactMoved); ok && m.ID != c.ID && slices.Contains(ids, m.ProviderID) {
				taken = append(taken, m.ProviderID)
			}
		}
	}
	slices.Sort(taken)
	return slices.Compact(taken), 0, nil
}

// KeepSent keeps the message of a contact.
func (tx *Tx) KeepSent(_ context.Context, contact string, m dunning.Message) error {
	if tx.sent == nil {
		tx.sent = map[string]dunning.Message{}
	}
	tx.sent[contact] = m
	return tx.store.fault(PointKeep)
}
