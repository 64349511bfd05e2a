package importer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/duly/duly/config/mapping"
	"github.com/duly/duly/dunning"
)

// AccountLedger is everything a ledger says about one account.
type AccountLedger struct {
	Creditor string         // id, "" when nothing names one
	Key      string         // of the account, as the file has it
	Account  string         // id in facts, see AccountID
	Currency string         // ISO 4217
	Zone     *time.Location // the creditor's
	Debtor   Debtor         // personal data: for stores, never for logs
	Facts    []dunning.Fact // in time order; debtor facts stand in each account of the debtor
}

// Input is a file with its mapping.
type Input struct {
	Reader  io.Reader
	Mapping mapping.Mapping
}

// Ledger reads an items file and payments files whole and returns the accounts
// in the order of their ids, each with its facts in time order: the debtor and
// its points as of the earliest item, items at 00:00 of their day of issue,
// payments without a time at 12:00 (or the mapping's post_at), all in the
// creditor's zone. The same entries go to the store when Run imports the files.
// Rows that are refused are returned as problems; the error is of a whole file, also when all
// files together hold more than two million rows.
func Ledger(items Input, payments []Input, o Options) ([]AccountLedger, []Problem, error) {
	l := newLedger(maxLedgerRows)
	if err := l.read(items, o); err != nil {
		return nil, l.problems, err
	}
	for _, in := range payments {
		if err := l.read(in, o); err != nil {
			return nil, l.problems, err
		}
	}
	out := make([]AccountLedger, 0, len(l.accounts))
	for _, key := range slices.Sorted(maps.Keys(l.accounts)) {
		inTimeOrder(l.accounts[key].Facts)
		out = append(out, *l.accounts[key])
	}
	return out, l.problems, nil
}

// maxLedgerRows is how many rows the files of one ledger may hold together: payments come in
// another order than items, so all of them are in memory until they are in that of time.
const maxLedgerRows = 2_000_000

type ledger struct {
	most, rows int
	accounts   map[string]*AccountLedger
	currencies map[string]map[string]bool // of the items of an account key
	problems   []Problem
}

func newLedger(most int) *ledger {
	return &ledger{most: most, accounts: map[string]*AccountLedger{}, currencies: map[string]map[string]bool{}}
}

func (l *ledger) read(in Input, o Options) error {
	r, err := NewReader(in.Reader, in.Mapping, o)
	if err != nil {
		return err
	}
	s := newStager(r.plan)
	var records []Record
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if l.rows++; l.rows > l.most {
			return fmt.Errorf("the files hold more than %d rows, which must be in memory to be put in the order of time: "+
				"import them (duly import) and ask the database, which is read account by account, or split the files by account", l.most)
		}
		l.problems = append(l.problems, row.Problems...)
		if len(row.Problems) == 0 && !row.Skipped {
			s.note(row.Record)
			l.noteCurrency(row.Record)
			records = append(records, row.Record)
		}
	}
	for _, rec := range records {
		if s.p.creditor.Currency == "" && len(l.currencies[rec.Key]) > 1 {
			rec.Account = AccountID(rec.Key, rec.Currency, "none")
		}
		l.add(s, rec)
	}
	return nil
}

// noteCurrency learns which accounts must carry their currency where no
// creditor says which currency is the usual one.
func (l *ledger) noteCurrency(rec Record) {
	if rec.Item.Key == "" {
		return
	}
	if l.currencies[rec.Key] == nil {
		l.currencies[rec.Key] = map[string]bool{}
	}
	l.currencies[rec.Key][rec.Currency] = true
}

func (l *ledger) add(s *stager, rec Record) {
	e, repeated, problem := s.entry(rec)
	if problem != nil {
		l.problems = append(l.problems, *problem)
	}
	if problem != nil || repeated {
		return
	}
	a, ok := l.accounts[e.Account]
	if !ok && e.Payment {
		l.problems = append(l.problems, noAccount(e))
		return
	}
	if !ok {
		a = &AccountLedger{Creditor: e.Creditor, Key: e.Key, Account: e.Account, Currency: e.Currency, Zone: s.p.creditor.Zone}
		l.accounts[e.Account] = a
	}
	if !e.Payment {
		a.Debtor = e.Debtor
	}
	a.Facts = append(a.Facts, e.Facts...)
}

// noAccount is why a payment without an account is refused.
func noAccount(e Entry) Problem {
	return Problem{
		Row: e.Row, Line: e.Line, Field: "account",
		Message: "there is no account " + quote(e.Account) + "; import its items first, or correct the account or the currency",
	}
}
