package postgres

import (
	"context"
	"fmt"

	"github.com/duly/duly/dunning"
)

// RefOf returns where to write what is said about a debtor as a person: the open case, else
// the latest case, else an account without a case. ErrNotFound if there is no such debtor;
// a debtor without any account gives a reference without one.
func (s *Store) RefOf(ctx context.Context, debtor string) (dunning.CaseRef, error) {
	refs, err := s.CasesOf(ctx, debtor)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	if ref, ok := best(refs); ok {
		return ref, nil
	}
	profile, err := s.Profile(ctx, debtor)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	ref := dunning.CaseRef{Debtor: debtor, Creditor: profile.Creditor}
	accounts, err := s.q.AccountsOfDebtor(ctx, debtor)
	if err != nil {
		return ref, fmt.Errorf("accounts of debtor %s: %w", debtor, explain(err))
	}
	if len(accounts) > 0 {
		ref.Account, ref.Currency = accounts[0].ID, accounts[0].Currency
	}
	return ref, nil
}

// RefOfAccount returns where to write what is said about an account: its open case, else
// its latest, else the account alone.
func (s *Store) RefOfAccount(ctx context.Context, a Account) (dunning.CaseRef, error) {
	refs, err := s.CasesOf(ctx, a.Debtor)
	if err != nil {
		return dunning.CaseRef{}, err
	}
	var mine []dunning.CaseRef
	for _, r := range refs {
		if r.Account == a.ID {
			mine = append(mine, r)
		}
	}
	if ref, ok := best(mine); ok {
		return ref, nil
	}
	return dunning.CaseRef{Account: a.ID, Debtor: a.Debtor, Creditor: a.Creditor, Currency: a.Currency}, nil
}

// best is the latest open case, else the latest.
func best(refs []dunning.CaseRef) (ref dunning.CaseRef, ok bool) {
	for _, r := range refs { // oldest first
		if r.Open || !ref.Open {
			ref, ok = r, true
		}
	}
	return ref, ok
}

// HandOvers are the contacts of debtors that are in a provider's hands at this moment.
func (s *Store) HandOvers(ctx context.Context, debtors []string) ([]string, error) {
	ids, err := s.q.HandOvers(ctx, debtors)
	if err != nil {
		return nil, fmt.Errorf("hand-overs under way: %w", explain(err))
	}
	return ids, nil
}
