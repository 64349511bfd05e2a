package postgres

import (
	"context"
	"fmt"

	"github.com/duly/duly/dunning"
)

// Contacted lists the debtors for whom a contact ever left or was logged, in the order
// of their ids, after one ("" at first). An empty page is the end.
func (s *Store) Contacted(ctx context.Context, after string, limit int) ([]string, error) {
	ids, err := s.q.Contacted(ctx, null(after), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("looking for debtors with contacts: %w", explain(err))
	}
	return ids, nil
}

// AccountRef is whose account it is, as a reference without a case and a sequence.
func (s *Store) AccountRef(ctx context.Context, account string) (dunning.CaseRef, error) {
	a, err := s.Account(ctx, account)
	return dunning.CaseRef{Account: a.ID, Debtor: a.Debtor, Creditor: a.Creditor, Currency: a.Currency}, err
}

// Person is the name of somebody beside the debtor: personal data. What the person is
// to the debtor is a fact.
type Person struct{ ID, Name string }

// PutPersons stores names of people beside the debtor.
func (s *Store) PutPersons(ctx context.Context, debtor string, people ...Person) error {
	var debtors, ids, names []string
	for _, p := range people {
		debtors, ids, names = append(debtors, debtor), append(ids, cleanText(p.ID)), append(names, cleanText(p.Name))
	}
	if err := s.q.PutPersons(ctx, debtors, ids, names); err != nil {
		return fmt.Errorf("people around debtor %s: %w", debtor, explain(err))
	}
	return nil
}

// Persons returns the people beside a debtor, by id.
func (s *Store) Persons(ctx context.Context, debtor string) ([]Person, error) {
	rows, err := s.q.PersonsOf(ctx, debtor)
	if err != nil {
		return nil, fmt.Errorf("people around debtor %s: %w", debtor, explain(err))
	}
	out := make([]Person, len(rows))
	for i, r := range rows {
		out[i] = Person{r.ID, r.Name}
	}
	return out, nil
}
